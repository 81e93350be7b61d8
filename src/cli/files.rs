//! File descriptors: each connection takes one, and so does everything else.
//!
//! 1. At the start, the soft limit is raised to the hard one. Systems keep it at 1024 for programs that call `select`.
//! 2. Callers of webhooks get what is left after everything else: idle ones must not take those that probes need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Server;

/// For everything but webhooks: 64 connections for probes, 64 for operators, the others for calls to bots, Webex and
/// collectors, and for files.
const OTHERS: u64 = 256;

/// Rule 1. What cannot be raised is reckoned with by rule 2.
pub(super) fn raise() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(cause) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%cause, "cannot raise the limit of open files");
    }
}

/// Rule 2: with as many connections as there are file descriptors for.
pub(super) fn bounded(server: &Server) -> Server {
    let limit = getrlimit(Resource::Nofile).current;
    let most = limit.map_or(usize::MAX, left);
    if most < server.max_connections {
        tracing::warn!(
            connections = most,
            files = limit,
            "fewer than `server.max_connections`: raise the limit of open files (LimitNOFILE)"
        );
    }
    Server { max_connections: server.max_connections.min(most), ..server.clone() }
}

/// Where there are very few, a quarter of them.
fn left(limit: u64) -> usize {
    let left = limit.saturating_sub(OTHERS).max(limit / 4).max(1);
    usize::try_from(left).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_get_what_is_left() {
        let rows = [(0, 1), (64, 16), (300, 75), (1024, 768), (524_288, 524_032)];
        for (limit, expected) in rows {
            assert_eq!(left(limit), expected, "{limit}");
        }
    }
}
