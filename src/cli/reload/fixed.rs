//! What a running process cannot change: its listeners, and what was measured out when it started.

use crate::config::Config;

/// The new configuration with the old values of these keys, and the names of those that would be others.
pub(super) fn keep(old: &Config, mut new: Config) -> (Config, Vec<&'static str>) {
    let mut waiting = Vec::new();
    macro_rules! keep {
        ($($section:ident.$key:ident: $name:literal),* $(,)?) => {$(
            if old.$section.$key != new.$section.$key {
                waiting.push($name);
            }
            new.$section.$key.clone_from(&old.$section.$key);
        )*};
    }
    keep! {
        server.listen: "server.listen",
        server.body_limit: "server.body_limit",
        server.header_timeout: "server.header_timeout",
        server.body_timeout: "server.body_timeout",
        server.max_connections: "server.max_connections",
        server.max_in_flight: "server.max_in_flight",
        ops.listen: "ops.listen",
        log.format: "log.format",
    }
    // Another certificate is taken; another kind of listener is not.
    if old.server.tls.is_some() != new.server.tls.is_some() {
        waiting.push("server.tls");
        new.server.tls.clone_from(&old.server.tls);
    }
    (new, waiting)
}
