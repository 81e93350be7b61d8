//! `admin`: where operators are listened to, and by which tokens they are known.

use std::net::SocketAddr;

use super::super::Admin;
use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem};
use super::super::raw::Gateway;
use super::super::raw_forms::SecretRef;
use super::super::secrets::{self, check_token, check_variety};
use super::super::source::Source;
use crate::gate::secret::Secret;

const VIEWER: (&str, &str) = ("viewer_token", "BOTWARDEN_ADMIN_VIEWER_TOKEN");
const OPERATOR: (&str, &str) = ("operator_token", "BOTWARDEN_ADMIN_OPERATOR_TOKEN");

pub(in super::super) fn check(
    raw: &Gateway,
    findings: &mut Findings<'_>,
    source: &dyn Source,
) -> Admin {
    let listen = raw.admin.listen.as_ref().map(|listen| listen.0);
    if let Some(address) = listen {
        exposed(address, raw, findings);
        clash(address, raw, findings);
    }
    let path = Path::of(["admin", "allowed_hosts"]);
    if raw.admin.allowed_hosts.is_empty() && !findings.is_unfit(&path) {
        let problem = Problem::new(Code::NoHosts, "nobody could call it: this list is empty");
        let hint = "by its names, such as [localhost]; for no listener: listen: null";
        findings.add(&path, problem.hint(hint));
    }
    let viewer_token = token(VIEWER, raw.admin.viewer_token.as_ref(), findings, source);
    let operator_token = token(OPERATOR, raw.admin.operator_token.as_ref(), findings, source);
    if viewer_token.is_some() && viewer_token == operator_token {
        let message = "viewers have the token of operators: whoever looks could change, too";
        findings.add(&Path::of(["admin"]), Problem::new(Code::OneTokenForBoth, message));
    }
    let hosts = raw.admin.allowed_hosts.iter().map(|host| host.0.0.clone());
    Admin { listen, allowed_hosts: hosts.collect(), viewer_token, operator_token }
}

/// Tokens go over this listener in clear.
fn exposed(address: SocketAddr, raw: &Gateway, findings: &mut Findings<'_>) {
    let allow = Path::of(["admin", "allow_plain_http"]);
    match (address.ip().to_canonical().is_loopback(), raw.admin.allow_plain_http) {
        (true, false) => {}
        (true, true) => {
            let message = "this means nothing as long as `admin` listens on loopback";
            findings.add(&allow, Problem::new(Code::Idle, message));
        }
        (false, true) => {
            let message = "tokens of operators go over the net in clear";
            let hint = "better: listen on 127.0.0.1 and come through kubectl port-forward or ssh";
            findings.add(&allow, Problem::new(Code::PlainAdmin, message).hint(hint));
        }
        (false, false) => {
            let message = "tokens would go over the net in clear: there is no TLS on this listener";
            let problem = Problem::new(Code::ExposedAdmin, message);
            let hint = "listen on 127.0.0.1; or, where nobody reads along: allow_plain_http: true";
            listen(findings, problem.hint(hint));
        }
    }
}

/// On the line where the address was typed, or else the variable.
fn listen(findings: &mut Findings<'_>, problem: Problem) {
    let path = Path::of(["admin", "listen"]);
    if findings.is_typed(&path) {
        findings.add(&path, problem);
    } else {
        findings.add_outside("BOTWARDEN_ADMIN_LISTEN", problem);
    }
}

/// Port 0 is any free port, so it clashes with nothing.
fn clash(address: SocketAddr, raw: &Gateway, findings: &mut Findings<'_>) {
    let ops = raw.ops.listen.as_ref().and_then(|listen| Some(("ops", listen.0.address()?)));
    let server = raw.server.listen.0.address().map(|address| ("server", address));
    let others = [server, ops];
    let same = |other: SocketAddr| {
        let everywhere = address.ip().is_unspecified() || other.ip().is_unspecified();
        address.port() == other.port() && (everywhere || address.ip() == other.ip())
    };
    for (name, other) in others.into_iter().flatten() {
        if address.port() != 0 && same(other) {
            let message = format!("`admin` and `{name}` listen on the same address");
            let typed = ["admin", name].map(|top| Path::of([top, "listen"]));
            let problem = Problem::new(Code::ListenClash, message);
            match typed.iter().find(|path| findings.is_typed(path)) {
                Some(path) => findings.add(path, problem),
                None => findings.add_outside("BOTWARDEN_ADMIN_LISTEN", problem),
            }
        }
    }
}

fn token(
    (key, variable): (&str, &str),
    typed: Option<&SecretRef>,
    findings: &mut Findings<'_>,
    source: &dyn Source,
) -> Option<Secret> {
    let at = Path::of(["admin", key]);
    let file = format!("{variable}_FILE");
    let (path, secret) = match (source.var(variable), source.var(&file)) {
        (Some(_), Some(_)) => {
            let message = format!("the token stands in `{variable}` and in `{file}`");
            findings.add_outside(variable, Problem::new(Code::TwoPlaces, message).hint("keep one"));
            return None;
        }
        (Some(_), None) => {
            outside(variable, &SecretRef::Env(variable.to_owned()), findings, source)
        }
        (None, Some(named)) => outside(&file, &SecretRef::File(named), findings, source),
        (None, None) => (at.clone(), secrets::read(findings, &at, typed?, source)),
    };
    let secret = secret?;
    for wrong in [check_token(&secret), secrets::long_enough(&secret)] {
        if let Err(problem) = wrong {
            findings.add(&path, problem);
            return None;
        }
    }
    check_variety(findings, &path, &secret);
    Some(secret)
}

/// A secret that no line of the file names.
fn outside(
    name: &str,
    reference: &SecretRef,
    findings: &mut Findings<'_>,
    source: &dyn Source,
) -> (Path, Option<Secret>) {
    let path = Path::of([name]);
    let secret = secrets::open(findings, &path, reference, source);
    (path, secret.map_err(|problem| findings.add_outside(name, problem)).ok())
}
