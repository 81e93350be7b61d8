//! An event in the inbox, and what must be remembered between tries.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::door::Outcome;
use super::route::Route;
use crate::config::Order;
use crate::forward::Over;
use crate::gate::arrival::Arrival;
use crate::gate::event::{Facts, Notice, Registration, Verb, read};
use crate::gate::moment::Moment;
use crate::gate::refusal::Refusal;
use crate::gate::retry::Schedule;
use crate::gate::roster::Roster;
use crate::gate::signature::{KeyRing, verify};
use crate::inbox::{Fingerprint, Label, Lane, Step};
use crate::report::outage::{Kind, Outage, Source};
use crate::report::{BodyDigest, Mode, RosterSource, Ticket, Verdict};
use crate::rt;
use crate::telemetry::Trail;

/// How often Webex is asked again about a room; it also says itself when, with `Retry-After`.
const ASK_AGAIN: Schedule =
    Schedule { from: Duration::from_millis(500), up_to: Duration::from_secs(30) };

/// `updated` and `deleted` repeat with equal bytes when something is toggled back, so only a quick repetition is one.
const SHORT_WINDOW: Duration = Duration::from_mins(1);

/// What an event costs beside its body and headers: facts, bookkeeping. An estimate, on the safe side.
const OVERHEAD: usize = 2048;

/// What a record says of a verdict that can be another one at the next try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) verdict: Verdict,
    pub(super) mode: Mode,
}

/// An event as it is kept: with its proof up to the first try, and as an arrival from then on.
#[derive(Debug)]
pub(super) enum Kept {
    /// Nothing has happened to it since it was read, under this registration.
    Proved(Notice, Registration),
    /// It must be proved again.
    Arrival(Arrival),
}

impl Kept {
    pub(super) fn arrival(&self) -> &Arrival {
        match self {
            Self::Proved(notice, _) => notice.arrival(),
            Self::Arrival(arrival) => arrival,
        }
    }

    /// Without its proof.
    pub(super) fn into_arrival(self) -> Arrival {
        match self {
            Self::Proved(notice, _) => notice.into_arrival(),
            Self::Arrival(arrival) => arrival,
        }
    }

    /// With a proof that counts now. The one that it has does if it was made with these very keys, and it was read under
    /// the same registration.
    pub(super) fn proved(self, keys: &KeyRing, now: Registration) -> Result<Notice, Refusal> {
        let arrival = match self {
            Self::Proved(notice, then) if then == now => match notice.proved_with(keys) {
                Ok(notice) => return Ok(notice),
                Err(arrival) => arrival,
            },
            Self::Proved(..) | Self::Arrival(_) => self.into_arrival(),
        };
        verify(arrival, keys).and_then(|authentic| read(authentic, now))
    }
}

/// An event that was authentic when it came in.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(super) id: Uuid,
    pub(super) route: Arc<Route>,
    pub(super) facts: Arc<Facts>,
    pub(super) body: BodyDigest,
    /// The last verdict that was recorded: a try that comes to the same is not recorded again.
    pub(super) told: Option<(Said, Ticket)>,
    /// What the last verdict rests on.
    pub(super) roster: Option<Arc<Roster>>,
    /// Where that came from.
    pub(super) source: Option<RosterSource>,
    /// When the last try began to ask.
    pub(super) asked: Moment,
    /// Its trace.
    pub(super) trail: Trail,
    kept: Option<Kept>,
    broke: bool,
    size: usize,
    received: Moment,
    attempt: u32,
    reply: Option<oneshot::Sender<Outcome>>,
}

impl Letter {
    /// The letter, and where its outcome will be told.
    pub(super) fn new(
        route: Arc<Route>,
        (notice, by): (Notice, Registration),
        mut trail: Trail,
    ) -> (Self, oneshot::Receiver<Outcome>) {
        let (reply, outcome) = oneshot::channel();
        let facts = Arc::clone(notice.facts());
        trail.read(&facts);
        // Also where somebody waits for the outcome: he may go, and it may stand behind others of its room for long.
        let notice = notice.compact();
        let arrival = notice.arrival();
        let letter = Self {
            id: arrival.id(),
            route,
            facts,
            body: BodyDigest::of(arrival.body()),
            told: None,
            roster: None,
            source: None,
            asked: arrival.received(),
            trail,
            received: arrival.received(),
            size: size(arrival),
            kept: Some(Kept::Proved(notice, by)),
            attempt: 0,
            broke: false,
            reply: Some(reply),
        };
        (letter, outcome)
    }

    pub(super) fn label(&self, order: Order, duplicates: Duration) -> Label {
        let window = if self.facts.verb == Verb::Created {
            duplicates
        } else {
            duplicates.min(SHORT_WINDOW)
        };
        let lane = match (order, &self.facts.room) {
            (Order::PerRoom, Some(room)) => Lane::Room(Arc::clone(&self.route.name), room.key()),
            (Order::PerRoom, None) | (Order::None, _) => Lane::Alone(self.id),
        };
        Label {
            route: Arc::clone(&self.route.name),
            lane,
            fingerprint: Fingerprint::of(&self.route.name, &self.facts, self.body),
            window,
            size: self.size,
            received: self.received,
        }
    }

    /// What is in it, for one try.
    pub(super) fn open(&mut self) -> Option<Kept> {
        self.trail.taken();
        self.kept.take()
    }

    /// Back into the envelope, for another try.
    pub(super) fn again(&mut self, arrival: Arrival, outage: Outage) -> Step {
        self.kept = Some(Kept::Arrival(arrival));
        self.trail.put_back();
        let schedule = match outage.kind.source() {
            Source::Bot => self.route.retry,
            Source::Gateway | Source::Webex => ASK_AGAIN,
        };
        let wait =
            schedule.delay(self.attempt, rt::entropy()).max(outage.retry_after.unwrap_or_default());
        self.attempt = self.attempt.saturating_add(1);
        Step::Again { outage, wait }
    }

    /// A bot that hung up may have closed all the connections that are kept.
    pub(super) fn over(&self) -> Over {
        if self.broke { Over::Fresh } else { Over::Any }
    }

    /// Whether the bot may have the event, so that sending it again could make it answer twice. A bot that hung up
    /// gets it once more: it may have been stopped in the middle. An event that makes a bot hang up each time must not
    /// come back for the whole of `max_age`.
    pub(super) fn may_be_there(&mut self, outage: &Outage) -> bool {
        if outage.kind == Kind::UpstreamBroke {
            return std::mem::replace(&mut self.broke, true);
        }
        outage.kind == Kind::UpstreamTimeout
    }

    /// It is over: whoever waits is told.
    pub(super) fn done(&mut self, step: Step, outcome: Outcome) -> Step {
        self.reply(outcome);
        step
    }

    pub(super) fn reply(&mut self, outcome: Outcome) {
        if let Some(reply) = self.reply.take() {
            // Nobody waits where `answer` is `accepted`, or after `answer_within`.
            let _nobody_waits = reply.send(outcome);
        }
    }
}

/// The memory that it holds.
fn size(arrival: &Arrival) -> usize {
    let headers: usize =
        arrival.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    arrival.body().len().saturating_add(headers).saturating_add(OVERHEAD)
}
