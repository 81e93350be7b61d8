//! What a running process cannot change: its listeners, and what was measured out when it started.

use crate::config::{Config, DecisionLog, Telemetry};
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
        admin.listen: "admin.listen",
        log.format: "log.format",
    }
    // One body must fit, and how large one may be stays.
    if new.inbox.max_bytes < new.server.body_limit {
        waiting.push("inbox.max_bytes");
        new.inbox.max_bytes = old.inbox.max_bytes;
    }
    // Another token is taken; one that is made at the start is made at the start only.
    if old.admin.viewer_token.is_some() && new.admin.viewer_token.is_none() {
        waiting.push("admin.viewer_token");
        new.admin.viewer_token.clone_from(&old.admin.viewer_token);
    }
    waiting.extend(telemetry(&old.telemetry, &new.telemetry));
    new.telemetry.clone_from(&old.telemetry);
    waiting.extend(decision_log(&old.decision_log, &new.decision_log));
    new.decision_log.clone_from(&old.decision_log);
    // Another certificate is taken; another kind of listener is not.
    if old.server.tls.is_some() != new.server.tls.is_some() {
        waiting.push("server.tls");
        new.server.tls.clone_from(&old.server.tls);
    }
    (new, waiting)
}

/// What else there is comes from the environment, which stays as it is.
fn telemetry(old: &Telemetry, new: &Telemetry) -> impl Iterator<Item = &'static str> {
    let endpoint = |it: &Telemetry| it.otlp.as_ref().map(|otlp| otlp.endpoint.clone());
    let interval = |it: &Telemetry| it.otlp.as_ref().map(|otlp| otlp.interval);
    let elsewhere = endpoint(old) != endpoint(new);
    let other = [
        ("telemetry.otlp_endpoint", elsewhere),
        ("telemetry.interval", !elsewhere && interval(old) != interval(new)),
        ("telemetry.traceparent", old.traceparent != new.traceparent),
    ];
    named(other)
}

/// A key by its name: it is not kept in another form that could be compared.
fn decision_log(old: &DecisionLog, new: &DecisionLog) -> impl Iterator<Item = &'static str> {
    let [was, will] = [old, new].map(|it| it.signing_key.as_ref().map(SealKey::id));
    named([
        ("decision_log.to", old.to != new.to),
        ("decision_log.chain", old.chain != new.chain),
        ("decision_log.signing_key", was != will),
    ])
}

/// The names of those that are others.
fn named<const N: usize>(keys: [(&'static str, bool); N]) -> impl Iterator<Item = &'static str> {
    keys.into_iter().filter_map(|(name, other)| other.then_some(name))
}
