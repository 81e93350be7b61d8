//! May this event pass? Ask names the evidence, judge decides on it; nothing in between decides anything.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

pub use super::audience::{AppUsers, Audience};
use super::event::{Notice, Resource, Verb};
use super::id::{Key, Org, Person, RoomId};
use super::moment::Moment;
use super::refusal::{Family, Refusal};
use super::roster::{Extent, Freshness, Roster};

/// How far the clocks of Webex and of this machine may be apart before an event counts as coming from the future.
/// NTP keeps machines within a second; two minutes forgive a machine without it and still bound a forged date.
pub const CLOCK_SKEW: Duration = Duration::from_mins(2);

/// Whether refusals are enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Refused events do not pass.
    Enforce,
    /// Until this moment, refused events pass and are counted; from then on they are refused. Signatures, shape and
    /// registration are enforced all the same, and what could not be decided waits.
    Observe {
        /// The end of observing.
        until: SystemTime,
    },
}

impl Mode {
    /// The mode at a moment: observing ends by itself.
    #[must_use]
    pub fn at(self, now: Moment) -> Self {
        match self {
            Self::Observe { until } if now.wall < until => self,
            Self::Enforce | Self::Observe { .. } => Self::Enforce,
        }
    }
}

/// What must be shown before an event of a resource passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing helps.
    Deny,
    /// Everybody in the room belongs to an allowed organisation.
    Room,
    /// The signature alone, for a stated reason.
    SignatureOnly {
        /// Why that is enough; part of every record.
        because: Box<str>,
    },
}

/// Demands by resource and event; the most exact entry wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// `memberships.deleted: …`
    pub events: BTreeMap<(Resource, Verb), Demand>,
    /// `messages: …`
    pub resources: BTreeMap<Resource, Demand>,
    /// `"*": …`; denied when absent.
    pub others: Option<Demand>,
}

impl Demands {
    /// What an event must show.
    pub fn of(&self, resource: &Resource, verb: &Verb) -> &Demand {
        let exact = self.events.get(&(resource.clone(), verb.clone()));
        exact
            .or_else(|| self.resources.get(resource))
            .or(self.others.as_ref())
            .unwrap_or(&Demand::Deny)
    }
}

/// The rules of one route, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether refusals are enforced.
    pub mode: Mode,
    /// Organisations whose people may be in a room.
    pub allowed_orgs: HashSet<Key<Org>>,
    /// Other bots that may be in a room, by person id.
    pub trusted_bots: HashSet<Key<Person>>,
    /// Guests of the organisations' own guest issuers.
    pub app_users: AppUsers,
    /// Larger rooms are refused.
    pub max_members: usize,
    /// `created` events older than this are refused.
    pub max_event_age: Duration,
    /// What each resource must show.
    pub demands: Demands,
}

/// The evidence that the rules need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// None: the event is refused, or passes, by itself.
    Nothing,
    /// Who is in this room.
    Room(RoomId),
}

/// What was found out.
#[derive(Clone, Copy, Debug)]
pub enum Evidence<'a> {
    /// Nothing was asked.
    Nothing,
    /// The list of a room.
    Roster(&'a Roster),
}

/// The rules of a route at work.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// As configured.
    pub policy: &'a Policy,
    /// Who may be in a room.
    pub audience: &'a Audience,
    /// For how long a clean list stands.
    pub allow_ttl: Duration,
}

/// What is known about a cleared event, for headers and records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// In observe mode: why it would have been refused.
    pub would_refuse: Option<Refusal>,
    /// How many members the room has, where the whole list was read.
    pub members: Option<usize>,
    /// When the list was read.
    pub checked: Option<Moment>,
}

/// Every rule let it through.
///
/// ```compile_fail,E0451
/// // Only `judge` makes one.
/// let forged = botwarden::gate::policy::Cleared { notice: todo!(), basis: todo!() };
/// ```
#[derive(Debug)]
pub struct Cleared {
    notice: Notice,
    basis: Basis,
}

impl Cleared {
    /// The event.
    pub fn notice(&self) -> &Notice {
        &self.notice
    }

    /// What the clearance rests on.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// Lets go of the proof: what is tried again later is an arrival again, and is judged again.
    pub fn into_notice(self) -> Notice {
        self.notice
    }
}

/// What the rules say.
#[derive(Debug)]
pub enum Verdict {
    /// It may pass.
    Clear(Cleared),
    /// It may not, for this reason.
    Refuse(Notice, Refusal),
    /// The evidence is missing or too old: neither yes nor no.
    Undecided(Notice),
}

/// Names the evidence that [`judge`] will want for this event.
pub fn ask(notice: &Notice, rules: Rules<'_>) -> Question {
    match before_asking(notice, rules) {
        Ok(Needed::Roster(room)) => Question::Room(room.clone()),
        Ok(Needed::Nothing) | Err(_) => Question::Nothing,
    }
}

/// Rules 12 to 24, in order. `now` is the moment at which the evidence was asked for.
pub fn judge(notice: Notice, evidence: Evidence<'_>, rules: Rules<'_>, now: Moment) -> Verdict {
    let refusal = match (before_asking(&notice, rules), evidence) {
        (Err(refusal), _) => Some(refusal),
        (Ok(Needed::Nothing), _) => None,
        (Ok(Needed::Roster(room)), Evidence::Roster(roster)) if room.key() == roster.room() => {
            match in_room(&notice, roster, rules, now) {
                Ok(refusal) => refusal,
                Err(Undecided) => return Verdict::Undecided(notice),
            }
        }
        // Also the list of another room is none.
        (Ok(Needed::Roster(_)), Evidence::Roster(_) | Evidence::Nothing) => {
            return Verdict::Undecided(notice);
        }
    };
    conclude(notice, refusal, evidence, rules.policy.mode.at(now))
}

fn conclude(
    notice: Notice,
    refusal: Option<Refusal>,
    evidence: Evidence<'_>,
    mode: Mode,
) -> Verdict {
    let basis = match evidence {
        Evidence::Nothing => Basis { would_refuse: refusal, members: None, checked: None },
        Evidence::Roster(roster) => Basis {
            would_refuse: refusal,
            members: (roster.extent() == Extent::Whole).then(|| roster.members().len()),
            checked: Some(roster.read()),
        },
    };
    match refusal {
        Some(refusal) if mode == Mode::Enforce || refusal.family() == Family::Skip => {
            Verdict::Refuse(notice, refusal)
        }
        Some(_) | None => Verdict::Clear(Cleared { notice, basis }),
    }
}

/// What an event that has got as far as rule 16 must still show.
enum Needed<'a> {
    Nothing,
    Roster(&'a RoomId),
}

/// Rules 12 to 16: what the event itself shows.
fn before_asking<'a>(notice: &'a Notice, rules: Rules<'_>) -> Result<Needed<'a>, Refusal> {
    let facts = notice.facts();
    let needed = match rules.policy.demands.of(&facts.resource, &facts.verb) {
        Demand::Deny => return Err(Refusal::ResourceDenied),
        Demand::Room => facts.room.as_ref().map(Needed::Roster).ok_or(Refusal::NoRoom),
        Demand::SignatureOnly { .. } => Ok(Needed::Nothing),
    };
    right_age(notice, rules.policy)?;
    if own_message(notice, rules.audience) {
        return Err(Refusal::OwnMessage);
    }
    needed
}

/// Only `created` carries its own date: an edit or a leave carries the date of the message or membership. The age is
/// that at arrival, so an event that waits in the inbox does not grow too old there; `max_age` sees to that.
fn right_age(notice: &Notice, policy: &Policy) -> Result<(), Refusal> {
    let facts = notice.facts();
    if facts.verb != Verb::Created {
        return Ok(());
    }
    let created = facts.created.ok_or(Refusal::Malformed)?;
    match notice.arrival().received().wall.duration_since(created) {
        Ok(age) if age > policy.max_event_age => Err(Refusal::EventTooOld),
        Err(ahead) if ahead.duration() > CLOCK_SKEW => Err(Refusal::EventFromFuture),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn own_message(notice: &Notice, audience: &Audience) -> bool {
    let facts = notice.facts();
    facts.resource == Resource::Messages && facts.person == Some(audience.own)
}

struct Undecided;

/// Rules 17 to 24. A "no" is taken from any list, also an old one or half a one; a "yes" only from a whole, fresh one.
fn in_room(
    notice: &Notice,
    roster: &Roster,
    rules: Rules<'_>,
    now: Moment,
) -> Result<Option<Refusal>, Undecided> {
    match judge_room(roster, rules.audience, rules.allow_ttl, now) {
        RoomVerdict::Refused(refusal) => Ok(Some(refusal)),
        RoomVerdict::TooOld => Err(Undecided),
        RoomVerdict::Clean => stranger(notice, roster),
    }
}

/// What the rules say about a room, whatever happens in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomVerdict {
    /// Everybody in it is allowed, by a whole and fresh list.
    Clean,
    /// It breaks this rule.
    Refused(Refusal),
    /// The list is too old to say yes.
    TooOld,
}

/// Rules 17 to 23, in order: those that look at nothing but the list of a room. [`judge`] and the audit ask the same.
pub fn judge_room(
    roster: &Roster,
    audience: &Audience,
    allow_ttl: Duration,
    now: Moment,
) -> RoomVerdict {
    let refusal = audience.broken_rule(roster).or_else(|| incomplete(roster, audience));
    match (refusal, roster.freshness(now, allow_ttl)) {
        (Some(refusal), _) => RoomVerdict::Refused(refusal),
        (None, Freshness::Stale) => RoomVerdict::TooOld,
        (None, Freshness::Fresh) => RoomVerdict::Clean,
    }
}

/// Why the list does not show everybody, if it does not.
pub(super) fn incomplete(roster: &Roster, audience: &Audience) -> Option<Refusal> {
    match roster.extent() {
        Extent::Unknown => Some(Refusal::RoomUnknown),
        Extent::TooLarge => Some(Refusal::RoomTooLarge),
        Extent::UpToOutsider | Extent::Partial => Some(Refusal::RoomIncomplete),
        Extent::Whole if roster.members().is_empty() => Some(Refusal::RoomEmpty),
        Extent::Whole if roster.members().len() > audience.max_members => {
            Some(Refusal::RoomTooLarge)
        }
        Extent::Whole => None,
    }
}

/// Who writes, edits or submits must be in the list. Who was removed, or whose message was deleted, need not be.
/// Somebody may have joined since an older list was read: only a list that is younger than the event says no.
fn stranger(notice: &Notice, roster: &Roster) -> Result<Option<Refusal>, Undecided> {
    let facts = notice.facts();
    let speaks = matches!(facts.resource, Resource::Messages | Resource::AttachmentActions)
        && facts.verb != Verb::Deleted;
    let listed = facts.person.is_some_and(|person| roster.contains(person));
    match roster.freshness(notice.arrival().received(), Duration::ZERO) {
        _ if !speaks || listed => Ok(None),
        Freshness::Fresh => Ok(Some(Refusal::SenderNotInRoom)),
        Freshness::Stale => Err(Undecided),
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
pub(crate) mod tests;
