//! What a running process cannot change: its listeners, and what was measured out when it started.

use crate::config::Config;
use crate::gate::seal::SealKey;

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
    if old.admin != new.admin {
        waiting.push("admin");
        new.admin.clone_from(&old.admin);
    }
    if old.telemetry != new.telemetry {
        waiting.push("telemetry");
        new.telemetry.clone_from(&old.telemetry);
    }
    if log(old) != log(&new) {
        waiting.push("decision_log");
        new.decision_log.clone_from(&old.decision_log);
    }
    // Another certificate is taken; another kind of listener is not.
    if old.server.tls.is_some() != new.server.tls.is_some() {
        waiting.push("server.tls");
        new.server.tls.clone_from(&old.server.tls);
    }
    (new, waiting)
}

/// What there is to compare in `decision_log`: a key by its name.
fn log(config: &Config) -> impl PartialEq + use<'_> {
    let log = &config.decision_log;
    (&log.to, log.chain, log.signing_key.as_ref().map(SealKey::id))
}
