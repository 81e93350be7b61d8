//! Bounds of every number, each with its reason.

use std::fmt;
use std::time::Duration;

use super::super::MaxLeave;
use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem};
use super::super::raw::{Bytes, Gateway, Span};
use super::super::raw_journal::To;
use super::super::raw_routes::{Bot, Route, UpstreamMap};
use super::super::words::{Size, Spelled, Word as _};

/// A number with its unit.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Amount {
    Count(u64),
    Time(Duration),
    Volume(Size),
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Time(time) => f.write_str(&time.spell()),
            Self::Volume(size) => f.write_str(&size.spell()),
        }
    }
}

impl From<&Span> for Amount {
    fn from(span: &Span) -> Self {
        Self::Time(span.0)
    }
}

impl From<&Bytes> for Amount {
    fn from(bytes: &Bytes) -> Self {
        Self::Volume(bytes.0)
    }
}

impl From<u64> for Amount {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<u32> for Amount {
    fn from(count: u32) -> Self {
        Self::Count(count.into())
    }
}

impl From<usize> for Amount {
    fn from(count: usize) -> Self {
        Self::Count(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

/// The key, its value, the least, the most, and why.
type Row<'a> = (&'a [&'a str], Amount, Amount, Amount, &'a str);

const fn ms(millis: u64) -> Amount {
    Amount::Time(Duration::from_millis(millis))
}

const fn s(seconds: u64) -> Amount {
    Amount::Time(Duration::from_secs(seconds))
}

const fn n(count: u64) -> Amount {
    Amount::Count(count)
}

const fn kib(size: u64) -> Amount {
    Amount::Volume(Size(size << 10))
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

pub(super) fn check(raw: &Gateway, findings: &mut Findings<'_>) {
    server(raw, findings);
    webex(raw, findings);
    rooms(raw, findings);
    inbox(raw, findings);
    telemetry(raw, findings);
    decision_log(raw, findings);
    for (name, bot) in &raw.bots {
        check_bot(&Path::of(["bots", name]), bot, findings);
    }
    for (name, route) in &raw.routes {
        check_route(name, route, findings);
    }
}

fn rows(base: &Path, rows: &[Row<'_>], findings: &mut Findings<'_>) {
    for (keys, value, least, most, why) in rows {
        if value < least || value > most {
            let path = keys.iter().fold(base.clone(), |path, key| path.key(key));
            let message = format!("{value} is out of bounds: {least} to {most}");
            findings.add(&path, Problem::new(Code::OutOfBounds, message).hint(*why));
        }
    }
}

#[rustfmt::skip]
fn telemetry(raw: &Gateway, findings: &mut Findings<'_>) {
    let Some(interval) = &raw.telemetry.interval else { return };
    rows(&Path::of(["telemetry"]), &[
        (&["interval"], interval.into(), s(1), s(HOUR), "each time every series is sent; backends take a series for ended after a while"),
    ], findings);
}

#[rustfmt::skip]
fn server(raw: &Gateway, findings: &mut Findings<'_>) {
    let server = &raw.server;
    rows(&Path::of(["server"]), &[
        (&["body_limit"], (&server.body_limit).into(), kib(1), kib(16 << 10), "events of Webex have a few KiB, and every body is held in memory"),
        (&["header_timeout"], (&server.header_timeout).into(), ms(100), s(120), "without it a slow client holds a connection for ever; with next to nothing nobody gets through"),
        (&["body_timeout"], (&server.body_timeout).into(), ms(100), s(120), "without it a slow client holds a connection for ever; with next to nothing nobody gets through"),
        (&["max_connections"], server.max_connections.into(), n(1), n(100_000), "each takes a file descriptor and some 40 KiB"),
        (&["max_in_flight"], server.max_in_flight.into(), n(1), n(100_000), "each holds a body in memory"),
        (&["drain_grace"], (&server.drain_grace).into(), s(0), (&server.drain_timeout).into(), "it is a part of drain_timeout"),
        (&["drain_timeout"], (&server.drain_timeout).into(), s(1), s(HOUR), "events in work need a moment, and a stop must come to an end"),
    ], findings);
    long_drain(raw, findings);
}

/// What Kubernetes grants a pod that does not say otherwise.
const GRACE_PERIOD: Duration = Duration::from_secs(30);
/// For what stops besides, such as the bot in the same pod.
const BOT_STOPS: Duration = Duration::from_secs(5);

fn long_drain(raw: &Gateway, findings: &mut Findings<'_>) {
    if raw.server.drain_timeout.0.saturating_add(BOT_STOPS) <= GRACE_PERIOD {
        return;
    }
    let message = "this may outlast the 30s that Kubernetes grants a pod by default";
    let problem = Problem::new(Code::LongDrain, message);
    findings.add(
        &Path::of(["server", "drain_timeout"]),
        problem.hint("set terminationGracePeriodSeconds to 5s more than this, or lower this"),
    );
}

#[rustfmt::skip]
fn decision_log(raw: &Gateway, findings: &mut Findings<'_>) {
    let To::Dir(dir) = &raw.decision_log.to else { return };
    rows(&Path::of(["decision_log", "to"]), &[
        (&["keep"], (&dir.keep).into(), s(DAY), s(3660 * DAY), "a file has up to a day in it; what must be kept for longer belongs into an archive"),
        (&["rotate_at"], (&dir.rotate_at).into(), kib(64), kib(1 << 20), "a small file is full before it is of use, and a large one cannot be removed in parts"),
    ], findings);
}

#[rustfmt::skip]
fn webex(raw: &Gateway, findings: &mut Findings<'_>) {
    let webex = &raw.webex;
    rows(&Path::of(["webex"]), &[
        (&["timeout"], (&webex.timeout).into(), ms(100), s(60), "an event waits for it"),
        (&["max_in_flight"], webex.max_in_flight.into(), n(1), n(64), "Webex answers many calls at once with 429"),
        (&["requests_per_minute"], webex.requests_per_minute.into(), n(1), n(3000), "Webex allows about 300"),
        (&["retry", "attempts"], webex.retry.attempts.into(), n(1), n(10), "the first try counts; many make an outage worse"),
        (&["retry", "give_up_after"], (&webex.retry.give_up_after).into(), ms(100), s(300), "an event waits for it"),
    ], findings);
}

#[rustfmt::skip]
fn rooms(raw: &Gateway, findings: &mut Findings<'_>) {
    rows(&Path::of(["policy"]), &[
        (&["max_members"], raw.policy.max_members.into(), n(1), n(100_000), "every member is read and kept in memory"),
        (&["max_event_age"], (&raw.policy.max_event_age).into(), s(10), s(7 * DAY), "clocks differ a little; old events are replays"),
    ], findings);
    let on_deny = &raw.policy.on_deny;
    rows(&Path::of(["policy", "on_deny"]), &[
        (&["at_most_every"], (&on_deny.at_most_every).into(), s(60), s(366 * DAY), "a bot that talks in every minute is a nuisance of its own"),
    ], findings);
    rows(&Path::of(["cache"]), &[
        (&["allow_ttl"], (&raw.cache.allow_ttl).into(), s(0), s(300), "for so long a guest may read along unnoticed"),
        (&["deny_ttl"], (&raw.cache.deny_ttl).into(), s(0), s(HOUR), "for so long a room that is clean again stays refused"),
        (&["stale_deny"], (&raw.cache.stale_deny).into(), s(0), s(7 * DAY), "for so long a room that is clean again stays refused"),
        (&["max_entries"], raw.cache.max_entries.into(), n(1), n(1_000_000), "each is a room with its members in memory"),
    ], findings);
}

#[rustfmt::skip]
fn inbox(raw: &Gateway, findings: &mut Findings<'_>) {
    let inbox = &raw.inbox;
    rows(&Path::of(["inbox"]), &[
        (&["max_events"], inbox.max_events.into(), n(1), n(1_000_000), "without room for one event nothing gets through"),
        (&["max_bytes"], (&inbox.max_bytes).into(), Amount::Volume(raw.server.body_limit.0), kib(16 << 20), "one body of server.body_limit must fit, and all of it is memory"),
        (&["max_age"], (&inbox.max_age).into(), s(10), s(DAY), "an answer after a day surprises people"),
        (&["duplicates"], (&inbox.duplicates).into(), s(0), s(DAY), "each event of that time is remembered"),
    ], findings);
}

#[rustfmt::skip]
fn check_bot(base: &Path, bot: &Bot, findings: &mut Findings<'_>) {
    let audit = &bot.audit;
    rows(base, &[
        (&["webhooks", "every"], (&bot.webhooks.every).into(), s(10), s(DAY), "Webex is asked each time; a bot without its webhook hears nothing for so long"),
        (&["audit", "requests_per_second"], audit.requests_per_second.into(), n(1), n(50), "Webex allows about 5; events need some of them"),
    ], findings);
    if let Some(every) = &audit.every {
        rows(base, &[(&["audit", "every"], every.into(), s(300), s(30 * DAY), "an audit reads every room of the bot; null for none")], findings);
    }
    if let MaxLeave::Rooms(most) = audit.max_leave.0 {
        rows(base, &[(&["audit", "max_leave"], most.into(), n(0), n(100_000), "it is there to stop a mistake before it has done much")], findings);
    }
    if let Some(reports) = &audit.reports {
        rows(base, &[(&["audit", "reports", "keep"], (&reports.keep).into(), s(DAY), s(3650 * DAY), "evidence is kept for a while, and not for ever")], findings);
    }
    if let Some(farewell) = &audit.farewell {
        rows(base, &[(&["audit", "farewell", "at_most_every"], (&farewell.at_most_every).into(), s(HOUR), s(366 * DAY), "whoever adds the bot again and again would hear it each time")], findings);
    }
}

fn check_route(name: &str, route: &Route, findings: &mut Findings<'_>) {
    let base = Path::of(["routes", name]);
    if let Some(within) = &route.answer_within {
        let why = "Webex waits for some 15s, and counts a late answer as a failure";
        let row: Row<'_> = (&["answer_within"], within.into(), ms(100), s(10), why);
        rows(&base, &[row], findings);
    }
    if let Some(upstream) = &route.upstream {
        check_upstream(&base.key("upstream"), &upstream.map, findings);
    }
}

#[rustfmt::skip]
fn check_upstream(base: &Path, map: &UpstreamMap, findings: &mut Findings<'_>) {
    let Spelled(from) = map.retry.from;
    rows(base, &[
        (&["connect_timeout"], (&map.connect_timeout).into(), ms(10), s(60), "the bot is near"),
        (&["timeout"], (&map.timeout).into(), ms(100), s(600), "a call that never ends holds its place for ever"),
        (&["max_in_flight"], map.max_in_flight.into(), n(1), n(1024), "old bots take one call after the other"),
        (&["retry", "from"], Amount::Time(from), ms(10), s(60), "a bot that is down must not be flooded"),
        (&["retry", "up_to"], (&map.retry.up_to).into(), Amount::Time(from), s(600), "the longest wait is not shorter than the first"),
    ], findings);
}
