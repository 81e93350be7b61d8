//! `server`, `ops`, `log`.

use tracing_subscriber::EnvFilter;

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem, quoted};
use super::super::raw::{Format, Gateway};
use super::super::{Log, LogFormat, Ops, Server};
use super::{Around, bytes, tls};

pub(super) fn server(
    raw: &Gateway,
    findings: &mut Findings<'_>,
    around: Around<'_>,
) -> Option<Server> {
    clash(raw, findings);
    let tls = match &raw.server.tls {
        Some(written) => Some(tls::check(written, &raw.server, findings, around)?),
        None => None,
    };
    Some(Server {
        listen: raw.server.listen.0,
        tls,
        body_limit: bytes(&raw.server.body_limit),
        header_timeout: raw.server.header_timeout.0,
        body_timeout: raw.server.body_timeout.0,
        max_connections: raw.server.max_connections,
        max_in_flight: raw.server.max_in_flight,
        drain_grace: raw.server.drain_grace.0,
        drain_timeout: raw.server.drain_timeout.0,
        public_url: raw.server.public_url.as_ref().map(|url| url.0.0.clone()),
    })
}

/// Port 0 is any free port, so it clashes with nothing.
fn clash(raw: &Gateway, findings: &mut Findings<'_>) {
    let ops = raw.ops.listen.as_ref().and_then(|listen| listen.0.address());
    let (Some(server), Some(ops)) = (raw.server.listen.0.address(), ops) else {
        return;
    };
    let overlap =
        server.ip() == ops.ip() || server.ip().is_unspecified() || ops.ip().is_unspecified();
    if server.port() != ops.port() || server.port() == 0 || !overlap {
        return;
    }
    let message = "`server` and `ops` listen on the same address";
    let typed = ["ops", "server"].map(|top| Path::of([top, "listen"]));
    match typed.iter().find(|path| findings.is_typed(path)) {
        Some(path) => findings.add(path, Problem::new(Code::ListenClash, message)),
        None => findings.add_outside("BOTWARDEN_LISTEN", Problem::new(Code::ListenClash, message)),
    }
}

pub(super) fn ops(raw: &Gateway) -> Ops {
    Ops { listen: raw.ops.listen.as_ref().map(|listen| listen.0) }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The part that is neither a level nor `TARGET=LEVEL`. A name by itself would be a target that there is not, and nothing
/// would be told any more.
pub(super) fn not_a_level(filter: &str) -> Option<&str> {
    if EnvFilter::builder().parse(filter).is_err() {
        return Some(filter);
    }
    let known = |part: &str| part.contains('=') || LEVELS.contains(&&*part.to_ascii_lowercase());
    filter.split(',').map(str::trim).find(|part| !known(part))
}

pub(super) fn log(raw: &Gateway, findings: &mut Findings<'_>) -> Log {
    if let Some(part) = not_a_level(&raw.log.level) {
        let message = format!("{} is not a log level", quoted(part));
        let problem = Problem::new(Code::BadValue, message);
        let hint =
            "error, warn, info, debug or trace, also per target: info,botwarden::webex=debug";
        findings.add(&Path::of(["log", "level"]), problem.hint(hint));
    }
    Log {
        level: raw.log.level.as_str().into(),
        format: match raw.log.format {
            Format::Auto => LogFormat::Auto,
            Format::Json => LogFormat::Json,
            Format::Text => LogFormat::Text,
        },
    }
}
