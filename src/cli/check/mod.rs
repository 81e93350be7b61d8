//! `botwarden check`

mod online;
mod ops_room;
mod page;
mod reports;
mod webhooks;

use clap::Args;

use super::Global;
use super::common::{Loaded, Unloaded, block_on, load, no_config};
use super::exit::Exit;
use crate::config::{Config, Problem};
use crate::ingress;

/// Check gateway.yaml, secrets, tokens and upstreams
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden check\n  botwarden check --offline --deny-warnings --config gateway.yaml"
)]
pub(super) struct Arguments {
    /// Ask neither Webex nor the bots
    #[arg(long)]
    offline: bool,
    /// Treat warnings as errors
    #[arg(long)]
    deny_warnings: bool,
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Finding {
    /// Such as `helpdesk token`.
    pub(super) subject: String,
    /// How it is.
    pub(super) state: State,
    /// In words.
    pub(super) note: String,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// In order.
    Ok,
    /// Not in order.
    Fail,
    /// It could not be found out.
    Unknown,
    /// Webex refused the token.
    Denied,
}

impl Finding {
    fn new(subject: impl Into<String>, state: State, note: impl Into<String>) -> Self {
        Self { subject: subject.into(), state, note: note.into() }
    }
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> Exit {
    match load(global) {
        Err(Unloaded { path: None, .. }) => no_config(),
        Err(Unloaded { problems, path: Some(path), text }) => {
            page::problems(&problems, &path, &text, global).and(Exit::Config)
        }
        Ok(loaded) => block_on(conclude(&loaded, arguments, global)),
    }
}

async fn conclude(loaded: &Loaded, arguments: &Arguments, global: &Global) -> Exit {
    let Loaded { config, warnings, path, text } = loaded;
    let mut findings = vec![summary(config)];
    findings.extend(tls(config));
    findings.extend(reports::look(config));
    if !arguments.offline {
        findings.extend(online::look(config).await);
    }
    let printed = page::whole(warnings, &findings, (path, text), global);
    printed.and(exit(warnings, &findings, arguments))
}

fn exit(warnings: &[Problem], findings: &[Finding], arguments: &Arguments) -> Exit {
    let any = |state| findings.iter().any(|finding| finding.state == state);
    match () {
        () if arguments.deny_warnings && !warnings.is_empty() => Exit::Config,
        () if any(State::Denied) => Exit::Denied,
        () if any(State::Fail) => Exit::Found,
        () if any(State::Unknown) => Exit::Unavailable,
        () => Exit::Fine,
    }
}

fn summary(config: &Config) -> Finding {
    let count =
        |number: usize, word| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let (bots, routes) = (count(config.bots.len(), "bot"), count(config.routes.len(), "route"));
    let orgs = count(config.orgs.len(), "org");
    let note = format!("{bots}, {routes}, {orgs}, config {}", config.fingerprint);
    Finding::new("gateway.yaml", State::Ok, note)
}

fn tls(config: &Config) -> Option<Finding> {
    let tls = config.server.tls.as_ref()?;
    Some(match ingress::examine(tls) {
        Ok(_) => Finding::new("tls", State::Ok, "certificate and key fit together"),
        Err(problem) => Finding::new("tls", State::Fail, problem.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides_the_exit() {
        let arguments = Arguments { offline: false, deny_warnings: false };
        let found = |states: &[State]| {
            let findings: Vec<_> =
                states.iter().map(|state| Finding::new("x", *state, "")).collect();
            exit(&[], &findings, &arguments)
        };
        assert_eq!(found(&[State::Ok]), Exit::Fine);
        assert_eq!(found(&[State::Ok, State::Unknown]), Exit::Unavailable);
        assert_eq!(found(&[State::Fail, State::Unknown]), Exit::Found);
        assert_eq!(found(&[State::Fail, State::Denied]), Exit::Denied);
    }
}
