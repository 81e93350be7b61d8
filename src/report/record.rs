//! The record of a verdict: one line, for people or for machines.

use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::RosterSource;
use super::object::Object;
use super::outage;
use crate::gate::event::{Facts, RoomType};
use crate::gate::id::Id;
use crate::gate::policy::{self, Basis};
use crate::gate::refusal::{Family, Refusal};
use crate::gate::trace::TraceId;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON object a line.
    Json,
    /// For people, plain.
    Text,
    /// For people, in colour.
    Colour,
}

/// Whether refusals were enforced when it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They were.
    Enforce,
    /// They were counted, and passed.
    Observe,
}

impl Mode {
    /// That of a route at a moment.
    pub fn at(mode: policy::Mode, now: SystemTime) -> Self {
        match mode {
            policy::Mode::Observe { until } if now < until => Self::Observe,
            policy::Mode::Observe { .. } | policy::Mode::Enforce => Self::Enforce,
        }
    }

    /// The word for it in records.
    pub fn label(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may pass; in observe mode, although it would have been refused.
    Allow {
        /// Observe mode: why it would have been refused.
        would_refuse: Option<Refusal>,
    },
    /// It may pass on its signature alone, as the operator wants it: nobody asked who is in the room.
    AllowUnasked,
    /// It could not be decided or delivered in time.
    Expired(outage::Kind),
    /// It may not pass.
    Refused(Refusal),
}

impl Verdict {
    /// Of an event that was cleared. What passes without a list and without observing passes on its signature.
    pub fn of(basis: Basis) -> Self {
        match basis {
            Basis { would_refuse: None, checked: None, .. } => Self::AllowUnasked,
            Basis { would_refuse, .. } => Self::Allow { would_refuse },
        }
    }

    /// `allow`, `deny`, `skip`, `reject` or `expired`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Allow { .. } | Self::AllowUnasked => "allow",
            Self::Expired(_) => "expired",
            Self::Refused(refusal) => refusal.family().label(),
        }
    }

    /// Whether it may pass.
    pub(super) fn passes(self) -> bool {
        matches!(self, Self::Allow { .. } | Self::AllowUnasked)
    }

    /// In observe mode: why it would have been refused.
    pub fn would(self) -> Option<&'static str> {
        match self {
            Self::Allow { would_refuse } => would_refuse.map(Refusal::label),
            Self::AllowUnasked | Self::Expired(_) | Self::Refused(_) => None,
        }
    }

    /// The reason, from a closed list.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Allow { would_refuse: None } => "all_members_allowed",
            Self::Allow { would_refuse: Some(_) } => "observe",
            Self::AllowUnasked => "signature_only",
            Self::Expired(kind) => kind.label(),
            Self::Refused(refusal) => refusal.label(),
        }
    }
}

/// The record of a call that was turned away.
#[derive(Serialize)]
struct TurnedAway<'a> {
    ts: String,
    kind: &'static str,
    config_hash: &'a str,
    route: Option<&'a str>,
    verdict: &'static str,
    reason: &'static str,
    /// How many more there were since the last line for this reason.
    more: u64,
}

/// Of a record, in bytes; longer ones only cost another allocation.
const USUAL_LINE: usize = 1024;

pub(super) fn json(record: &impl Serialize) -> String {
    let mut line = Vec::with_capacity(USUAL_LINE);
    // Plain structs serialise, and as UTF-8.
    let written = serde_json::to_writer(&mut line, record).ok();
    line.push(b'\n');
    written.and_then(|()| String::from_utf8(line).ok()).unwrap_or_default()
}

/// The SHA-256 of an event's body: which event a record is about, without what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    /// Of these bytes.
    pub fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

/// One verdict and what it rests on.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    /// When.
    pub at: SystemTime,
    /// Which event.
    pub id: Uuid,
    /// Its trace, when there is one that the bot or a collector knows.
    pub trace: Option<TraceId>,
    /// Its route.
    pub route: &'a str,
    /// The route's bot.
    pub bot: &'a str,
    /// The fingerprint of the configuration that it was decided under.
    pub config: &'a str,
    /// Whether refusals were enforced.
    pub mode: Mode,
    /// What the event says; `None` when it could not be read.
    pub facts: Option<&'a Facts>,
    /// Which bytes the event has.
    pub body: BodyDigest,
    /// What became of it.
    pub verdict: Verdict,
    /// [`Verdict::AllowUnasked`]: why that is enough, in the operator's words.
    pub because: Option<&'a str>,
    /// How many members the list has.
    pub members: Option<usize>,
    /// Organisations that are not allowed, by configured name or id, and how many members they have in the room.
    pub outsiders: Vec<(String, usize)>,
    /// Where the list came from.
    pub source: Option<RosterSource>,
    /// How old the list is.
    pub age: Option<Duration>,
    /// From taking it out of the inbox to the verdict.
    pub took: Duration,
}

impl Decision<'_> {
    /// The line, with its end.
    pub(super) fn line(&self, form: Form) -> String {
        match form {
            Form::Json => self.json(),
            Form::Text => self.text(""),
            Form::Colour => self.text(colour(self.verdict)),
        }
    }

    /// The names of its members are API.
    fn json(&self) -> String {
        let mut json = Object::with_capacity(USUAL_LINE);
        json.shown("ts", Some(time(self.at)));
        json.word("kind", "decision");
        json.shown("decision_id", Some(self.id));
        json.shown("trace_id", self.trace);
        json.text("config_hash", Some(self.config));
        json.word("mode", self.mode.label());
        json.text("route", Some(self.route));
        json.text("bot", Some(self.bot));
        if let Some(facts) = self.facts {
            json.shown("webhook_id", facts.webhook);
            json.word("resource", facts.resource.label());
            json.word("event", facts.verb.label());
            json.shown("room_id", facts.room.as_ref().map(Id::key));
            json.word("room_type", facts.room_type.map(RoomType::label));
            json.shown("actor_id", facts.actor.as_ref().map(Id::key));
        }
        json.word("verdict", self.verdict.label());
        json.word("reason", self.verdict.reason());
        json.word("would", self.verdict.would());
        json.text("because", self.because);
        if let Some(members) = self.members {
            json.count("members", members);
            json.count("outsiders", self.outsiders.iter().map(|(_, count)| count).sum::<usize>());
            let orgs: Vec<_> = self.outsiders.iter().map(|(org, _)| org.as_str()).collect();
            json.texts("outsider_orgs", &orgs);
        }
        json.word("cache", self.source.map(RosterSource::label));
        json.seconds("cache_age_s", self.age.map(|age| age.as_secs_f64()));
        json.seconds("check_s", self.took.as_secs_f64());
        json.shown("body_sha256", Some(self.body));
        json.line()
    }

    fn text(&self, colour: &str) -> String {
        let event = self.facts.map_or_else(|| "-".to_owned(), name);
        let reset = if colour.is_empty() { "" } else { "\x1b[0m" };
        let word = self.verdict.label().to_uppercase();
        let (clock, route, why) = (clock(self.at), self.route, self.why());
        format!(
            "{clock}  {colour}{word:<7}{reset} {route:<12} {event:<25} {why:<34} {}\n",
            self.place()
        )
    }

    fn why(&self) -> String {
        let mut why = match self.verdict {
            Verdict::Allow { would_refuse: None } => {
                self.members.map_or_else(String::new, |n| format!("{n} members"))
            }
            Verdict::Allow { would_refuse: Some(refusal) } => {
                format!("observe: would refuse, {refusal}")
            }
            Verdict::AllowUnasked => format!("unasked: {}", self.because.unwrap_or_default()),
            Verdict::Expired(_) | Verdict::Refused(_) => self.verdict.reason().to_owned(),
        };
        if let (false, Some(members)) = (self.outsiders.is_empty(), self.members) {
            let count: usize = self.outsiders.iter().map(|(_, count)| count).sum();
            let orgs: Vec<_> = self.outsiders.iter().map(|(org, _)| short(org)).collect();
            // Writing to a String does not fail.
            let _infallible = write!(why, " ({count} of {members}: {})", orgs.join(", "));
        }
        why
    }

    fn place(&self) -> String {
        let room = self
            .facts
            .and_then(|facts| facts.room.as_ref())
            .map(|room| format!("room {:.8}", room.key().to_string()));
        let age = self.age.map(|age| format!("list {:.1} s old", age.as_secs_f64()));
        let took = format!("{:.0} ms", self.took.as_secs_f64() * 1000.0);
        room.into_iter().chain(age).chain([took]).collect::<Vec<_>>().join("  ")
    }
}

/// `messages.created`
fn name(facts: &Facts) -> String {
    format!("{}.{}", facts.resource.label(), facts.verb.label())
}

/// Of an unnamed organisation, enough of the id to recognise it.
fn short(org: &str) -> &str {
    if org.len() == 36 { org.get(..8).unwrap_or(org) } else { org }
}

/// Calls that were turned away: nothing in it was written by a caller.
pub(super) struct Turned<'a> {
    pub(super) route: Option<&'a str>,
    pub(super) refusal: Refusal,
    pub(super) unsaid: u64,
    pub(super) at: SystemTime,
    pub(super) config: &'a str,
}

/// The line for calls that were turned away.
pub(super) fn turned_away(turned: &Turned<'_>, form: Form) -> String {
    let Turned { route, refusal, unsaid, at, config } = *turned;
    let verdict = Verdict::Refused(refusal);
    let (word, reason) = (verdict.label(), verdict.reason());
    match form {
        Form::Json => json(&TurnedAway {
            ts: time(at),
            kind: "turned_away",
            config_hash: config,
            route,
            verdict: word,
            reason,
            more: unsaid,
        }),
        Form::Text | Form::Colour => {
            let (colour, reset) =
                if form == Form::Colour { (colour(verdict), "\x1b[0m") } else { ("", "") };
            let more = if unsaid == 0 { String::new() } else { format!("and {unsaid} more") };
            let (clock, word, route) = (clock(at), word.to_uppercase(), route.unwrap_or("-"));
            format!(
                "{clock}  {colour}{word:<7}{reset} {route:<12} {:<25} {reason:<34} {more}\n",
                "-"
            )
        }
    }
}

fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow { would_refuse: None } | Verdict::AllowUnasked => "\x1b[32m",
        Verdict::Allow { would_refuse: Some(_) } | Verdict::Expired(_) => "\x1b[33m",
        Verdict::Refused(refusal) => match refusal.family() {
            Family::Deny | Family::Reject => "\x1b[31m",
            Family::Skip => "\x1b[2m",
        },
    }
}

/// RFC 3339, UTC, milliseconds.
pub(super) fn time(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map_or_else(|_| "-".to_owned(), |at| format!("{at:.3}"))
}

/// `14:02:11`, UTC.
pub(super) fn clock(at: SystemTime) -> String {
    time(at).get(11..19).unwrap_or("-").to_owned()
}
