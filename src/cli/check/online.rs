//! What only the network can tell: tokens, webhooks, clocks, upstreams.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};

use super::{Finding, State, ops_room, webhooks};
use crate::cli::common;
use crate::config::{Address, Bot, Config, Upstream};
use crate::gate::policy::CLOCK_SKEW;
use crate::report::Reporter;
use crate::report::outage::{Kind, Outage};
use crate::rt;
use crate::webex::{Client, Me, PersonKind};

/// Looks at everything that the configuration names.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut date = None;
    for (name, bot) in &config.bots {
        let said = of_bot(name, bot, config, &mut findings).await;
        date = date.or(said);
    }
    for (name, route) in &config.routes {
        findings.push(upstream(name, &route.upstream).await);
    }
    findings.extend(date.map(|(webex, here)| clock(webex, here)));
    findings
}

/// What Webex says that time it is, and what time it was here then.
type Dates = (SystemTime, SystemTime);

/// A bot whose token does not work is not asked about more.
async fn of_bot(
    name: &Arc<str>,
    bot: &Bot,
    config: &Config,
    findings: &mut Vec<Finding>,
) -> Option<Dates> {
    let subject = format!("{name} token");
    let reporter = Arc::new(Reporter::default());
    let client = match Client::new(Arc::clone(name), &bot.token, &config.webex, reporter) {
        Ok(client) => client,
        Err(problem) => {
            findings.push(Finding::new(subject, State::Fail, problem.to_string()));
            return None;
        }
    };
    let (own, date) = match client.hello().await {
        Ok((me, date)) => {
            let (state, note) = known(&me);
            findings.push(Finding::new(subject, state, note));
            (me.id.key(), date.map(|date| (date, rt::now().wall)))
        }
        Err(outage) => {
            findings.push(unheard(subject, &outage));
            return None;
        }
    };
    if let Some(looked) = webhooks::look(config, name, &client).await {
        findings.push(looked.unwrap_or_else(|outage| unheard(webhooks::subject(name), &outage)));
    }
    if let Some(looked) = ops_room::look(config, name, own, &client).await {
        findings.push(looked.unwrap_or_else(|outage| unheard(ops_room::subject(name), &outage)));
    }
    date
}

fn known(me: &Me) -> (State, String) {
    let name = &me.display_name;
    match me.kind {
        PersonKind::Bot => (State::Ok, name.clone()),
        PersonKind::AppUser | PersonKind::Other | PersonKind::Person => {
            (State::Fail, format!("{name} is not a bot: this token can do what a person can"))
        }
    }
}

fn unheard(subject: String, outage: &Outage) -> Finding {
    let state = if outage.kind == Kind::TokenRefused { State::Denied } else { State::Unknown };
    Finding::new(subject, state, common::outage(outage))
}

/// Within [`CLOCK_SKEW`] the rules forgive; half of it is enough to worry.
fn clock(webex: SystemTime, here: SystemTime) -> Finding {
    let off = here.duration_since(webex).unwrap_or_else(|ahead| ahead.duration());
    let state = if off > CLOCK_SKEW / 2 { State::Fail } else { State::Ok };
    // The header counts in whole seconds.
    let note = if off < Duration::from_secs(2) {
        "less than 2 s off Webex".to_owned()
    } else {
        format!("{} s off Webex", off.as_secs())
    };
    Finding::new("clock", state, note)
}

async fn upstream(route: &str, upstream: &Upstream) -> Finding {
    let (began, subject) = (Instant::now(), format!("{route} upstream"));
    let (place, connecting) = match &upstream.address {
        Address::Tcp(uri) => (uri.to_string(), timeout(upstream.connect_timeout, tcp(uri)).await),
        Address::Unix { socket, path: _ } => {
            let place = format!("unix:{}", socket.display());
            (place, timeout(upstream.connect_timeout, unix(socket)).await)
        }
    };
    let took = began.elapsed().as_millis();
    match connecting {
        Ok(Ok(())) => {
            Finding::new(subject, State::Ok, format!("{place} accepts connections ({took} ms)"))
        }
        Ok(Err(cause)) => Finding::new(subject, State::Fail, format!("{place}: {cause}")),
        Err(_elapsed) => {
            Finding::new(subject, State::Fail, format!("{place} does not accept in {took} ms"))
        }
    }
}

async fn tcp(uri: &http::Uri) -> io::Result<()> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    TcpStream::connect((host, uri.port_u16().unwrap_or(usual))).await.map(drop)
}

async fn unix(socket: &Path) -> io::Result<()> {
    UnixStream::connect(socket).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_far_off_is_a_finding_in_both_directions() {
        let webex = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let minute = Duration::from_mins(1);
        for (here, state) in [
            (webex, State::Ok),
            (webex + minute, State::Ok),
            (webex - minute, State::Ok),
            (webex + 2 * minute, State::Fail),
            (webex - 2 * minute, State::Fail),
        ] {
            assert_eq!(clock(webex, here).state, state);
        }
    }

    #[test]
    fn the_token_of_a_person_is_a_finding() {
        let me = |kind| Me {
            id: crate::gate::id::PersonId::parse("946e4f40-d002-11e9-9ccb-a7e5bdebafb3").unwrap(),
            org: None,
            display_name: "Ann".to_owned(),
            kind,
        };
        assert_eq!(known(&me(PersonKind::Bot)).0, State::Ok);
        assert_eq!(known(&me(PersonKind::Person)).0, State::Fail);
    }
}
