//! Sockets that whoever starts the gateway has opened for it: systemd, or anything else that speaks its protocol
//! (`sd_listen_fds(3)`). Connections that come before the gateway is up wait in them, and are served.
//!
//! Which socket is whose:
//!
//! 1. A listener gets the first socket with its name (`FileDescriptorName=`).
//! 2. Where there is none, it gets the first one that has the name of no listener; the server before probes.
//! 3. What is left, nobody asked for.

use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;

use crate::config::Source;

/// More sockets than this are a mix-up: a gateway has two or three listeners.
const MOST: usize = 16;

/// A listener that can be given a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// The one that Webex reaches.
    Server,
    /// The one for probes and metrics.
    Ops,
}

impl Listener {
    const ALL: [Self; 2] = [Self::Server, Self::Ops];

    /// Its key in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Ops => "ops",
        }
    }

    /// The name of its socket.
    pub fn socket(self) -> &'static str {
        match self {
            Self::Server => "webhooks",
            Self::Ops => "ops",
        }
    }
}

/// Sockets in the order in which they were passed.
#[derive(Debug, Default)]
pub struct Passed(Vec<Named>);

#[derive(Debug)]
struct Named {
    name: Box<str>,
    socket: TcpListener,
}

/// Why what was passed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PassedProblem {
    /// A count that no supervisor passes.
    #[error("LISTEN_FDS is not a number up to {MOST}")]
    Count,
    /// Something that nobody can accept connections from.
    #[error("socket {number} of those in LISTEN_FDS cannot be used: {cause}")]
    Unusable {
        /// Counted from 1.
        number: usize,
        /// Why not.
        cause: io::Error,
    },
}

impl Passed {
    /// Takes what was passed to this process. Once, and before there are other threads: the variables that tell of it
    /// are removed, so that no child takes the sockets for its own.
    pub fn take(source: &dyn Source) -> Result<Self, PassedProblem> {
        let Some(count) = source.var("LISTEN_FDS") else { return Ok(Self::default()) };
        count.parse().ok().filter(|count: &usize| *count <= MOST).ok_or(PassedProblem::Count)?;
        let written = source.var("LISTEN_FDNAMES").unwrap_or_default();
        let mut sockets = ListenFd::from_env();
        let numbered = (0..sockets.len()).zip(written.split(':').chain(std::iter::repeat("")));
        let all = numbered.filter_map(|(index, name)| one(&mut sockets, index, name).transpose());
        all.collect()
    }

    /// The socket of this listener, by rules 1 and 2.
    pub fn socket(&mut self, listener: Listener) -> Option<TcpListener> {
        let names = Listener::ALL.map(Listener::socket);
        let by_name = self.0.iter().position(|passed| *passed.name == *listener.socket());
        let by_order = || self.0.iter().position(|passed| !names.contains(&&*passed.name));
        let position = by_name.or_else(by_order)?;
        Some(self.0.remove(position).socket)
    }

    /// How many nobody has taken.
    pub fn left(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<Named> for Passed {
    fn from_iter<I: IntoIterator<Item = Named>>(sockets: I) -> Self {
        Self(sockets.into_iter().collect())
    }
}

fn one(sockets: &mut ListenFd, index: usize, name: &str) -> Result<Option<Named>, PassedProblem> {
    let unusable = |cause| PassedProblem::Unusable { number: index + 1, cause };
    let socket = sockets.take_tcp_listener(index).map_err(unusable)?;
    let Some(socket) = socket else { return Ok(None) };
    socket.set_nonblocking(true).map_err(unusable)?;
    Ok(Some(Named { name: name.into(), socket }))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn passed(names: &[&str]) -> (Passed, Vec<SocketAddr>) {
        let socket = |name: &&str| Named {
            name: (*name).into(),
            socket: TcpListener::bind("127.0.0.1:0").unwrap(),
        };
        let passed: Passed = names.iter().map(socket).collect();
        let addresses = passed.0.iter().map(|named| named.socket.local_addr().unwrap()).collect();
        (passed, addresses)
    }

    /// For the server and for probes: which of the sockets with these names.
    fn given(names: &[&str]) -> [Option<usize>; 2] {
        let (mut passed, addresses) = passed(names);
        [Listener::Server, Listener::Ops].map(|listener| {
            let address = passed.socket(listener)?.local_addr().unwrap();
            addresses.iter().position(|known| *known == address)
        })
    }

    #[test]
    fn a_socket_goes_to_the_listener_of_its_name_and_the_others_in_order() {
        let rows = [
            (&[][..], [None, None]),
            (&["webhooks", "ops"], [Some(0), Some(1)]),
            (&["ops", "webhooks"], [Some(1), Some(0)]),
            (&["botwarden.socket", "botwarden.socket"], [Some(0), Some(1)]),
            (&["", "ops"], [Some(0), Some(1)]),
            (&["ops"], [None, Some(0)]),
            (&["webhooks"], [Some(0), None]),
        ];
        for (names, expected) in rows {
            assert_eq!(given(names), expected, "{names:?}");
        }
    }

    #[test]
    fn what_nobody_asks_for_is_left() {
        let (mut passed, _) = passed(&["webhooks", "ops", "admin"]);
        assert!(passed.socket(Listener::Server).is_some());
        assert_eq!(passed.left(), 2);
    }
}
