//! The path of an event, in two functions: [`admit`](Gateway::admit), up to the 200, and
//! [`deliver`](Courier::deliver), from the inbox to the bot.

mod account;
mod desk;
mod door;
mod figures;
mod gateway;
mod letter;
mod route;
mod setup;
mod sighting;
mod tell;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::forward::Place;
use crate::gate::arrival::Arrival;
use crate::gate::effect;
use crate::gate::event::{Notice, Registration, read};
use crate::gate::policy::{Cleared, Evidence, Question, Verdict, ask, judge};
use crate::gate::refusal::Refusal;
use crate::gate::roster::{Extent, Roster};
use crate::gate::signature::Authentic;
use crate::inbox::Step;
use crate::report::lines::Unwritten;
use crate::report::outage::{Kind, Outage};
use crate::report::{self, Happening, Reporter, Stage};
use crate::rt;
use crate::telemetry::{Note, Subject, Trail};

use account::Hearers;
pub use desk::{Desk, Identity};
pub use door::{Admission, Answered, Door, Doorway, Outcome};
pub use gateway::Gateway;
use gateway::InForce;
use letter::{Kept, Letter};
use route::Route;
use setup::Setup;
pub use setup::{Prepared, StartProblem};
use sighting::Lookout;
pub use sighting::{Sighting, Sightings};

/// An event that was read, by its route, with the registration that it was read under.
type Heeded = (Arc<Route>, (Notice, Registration), Trail);

impl Gateway {
    /// An authentic event: read it, let it act on what is known about its room, keep it, and answer.
    async fn take_in(&self, authentic: Authentic) -> Admission {
        let setup = self.in_force();
        let (route, read, trail) = match self.heed(authentic, &setup) {
            Ok(heeded) => heeded,
            Err(refused) => return refused,
        };
        let (letter, outcome) = Letter::new(Arc::clone(&route), read, trail);
        let label = letter.label(setup.config.inbox.order, setup.config.inbox.duplicates);
        match self.keep(label, letter) {
            Ok(()) => self.answer(&route, outcome).await,
            Err(unkept) => unkept,
        }
    }

    /// An authentic event that cannot be kept: what it says about its room is true all the same.
    fn leave_out(&self, authentic: Authentic) -> Admission {
        match self.heed(authentic, &self.in_force()) {
            Ok((route, read, trail)) => self.turn_down(Letter::new(route, read, trail).0),
            Err(refused) => refused,
        }
    }

    /// Reads an authentic event and lets it act on what is known about its room.
    fn heed(&self, authentic: Authentic, setup: &Setup) -> Result<Heeded, Admission> {
        let Some(route) = setup.routes.of(authentic.arrival()) else {
            return Err(self.routeless(&authentic));
        };
        let (id, body) = (authentic.arrival().id(), authentic.arrival().body().clone());
        let subject = Subject { route: &route.name, bot: &route.desk.name };
        let trail = self.tracer.follow(&authentic, subject);
        let registration = route.desk.registration();
        let notice = match read(authentic, registration) {
            Ok(notice) => notice,
            Err(refusal) => {
                return Err(self.refused_unread(&route, (id, trail), &body, refusal));
            }
        };
        if let Some(identity) = route.desk.last_known() {
            let now = rt::now();
            let effect = effect::of(notice.facts(), &identity.widest, now);
            let bot = (&route.desk.name, &identity);
            let seen = sighting::of(bot, notice.facts(), &effect, now.wall);
            identity.membership.apply(effect);
            self.lookout.heed(seen);
        }
        Ok((route, (notice, registration), trail))
    }
}

/// Carries letters to their bots.
#[derive(Debug)]
pub(crate) struct Courier {
    reporter: Arc<Reporter>,
    told: Hearers,
    in_force: InForce,
    lookout: Lookout,
}

/// A record is usually written within a millisecond. Where it took longer than this, people may have joined since the
/// verdict; the next try finds its record written, and does not wait again.
const PROMPT: Duration = Duration::from_millis(100);

/// Why a try did not come to the bot.
enum Halt {
    /// It ended so.
    Ended(Step),
    /// Another configuration came into force meanwhile, or people had time to join: it is judged anew.
    Overtaken(Arrival),
}

/// Whether a route is another one by now, or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overtaken {
    Yes,
    No,
}

impl From<Step> for Halt {
    fn from(step: Step) -> Self {
        Self::Ended(step)
    }
}

impl Courier {
    /// One try, under the configuration of now. When another one comes into force before the verdict, it begins anew.
    async fn deliver(&self, letter: &mut Letter, mut kept: Kept) -> Step {
        loop {
            let Some(route) = self.in_force.now().routes.of(kept.arrival()) else {
                return self.refuse(letter, kept.into_arrival(), Refusal::NoRoute);
            };
            letter.route = route;
            match self.attempt_once(letter, kept).await {
                Ok(step) | Err(Halt::Ended(step)) => return step,
                Err(Halt::Overtaken(again)) => kept = Kept::Arrival(again),
            }
        }
    }

    /// Prove again, ask, fetch, judge, forward.
    async fn attempt_once(&self, letter: &mut Letter, kept: Kept) -> Result<Step, Halt> {
        let route = Arc::clone(&letter.route);
        let Some(identity) = route.desk.identity() else {
            return Ok(self.put_back(letter, kept.into_arrival(), route.desk.unknown()));
        };
        let notice = match kept.proved(route.desk.keys(), route.desk.registration()) {
            Ok(notice) => notice,
            Err(refusal) => {
                // Its proof is gone, and so is the arrival: a key that was taken away.
                let _counted = self.tell(letter, report::Verdict::Refused(refusal));
                return Ok(letter.done(Step::Settled, Outcome::Refused(refusal)));
            }
        };
        let (cleared, place) = self.cleared(letter, notice, identity).await?;
        self.forward(letter, cleared, place).await
    }

    /// Cleared, with a place at the bot. Between the verdict and the first byte there is no wait but for a connection
    /// (`connect_timeout`) and for the record ([`PROMPT`]): where there is no place at once, people may have joined by the
    /// time there is one.
    async fn cleared(
        &self,
        letter: &mut Letter,
        notice: Notice,
        identity: &Identity,
    ) -> Result<(Cleared, Place), Halt> {
        let route = Arc::clone(&letter.route);
        let cleared = self.decide(letter, notice, identity).await?;
        if let Some(place) = route.forward.place_now() {
            return Ok((cleared, place));
        }
        let notice = cleared.into_notice();
        match route.forward.place().await {
            Ok(place) => Ok((self.decide(letter, notice, identity).await?, place)),
            Err(outage) => Err(self.not_yet(letter, notice, outage).into()),
        }
    }

    /// Ask, fetch, judge.
    async fn decide(
        &self,
        letter: &mut Letter,
        notice: Notice,
        identity: &Identity,
    ) -> Result<Cleared, Halt> {
        let (route, asked) = (Arc::clone(&letter.route), rt::now());
        letter.asked = asked;
        let rules = route.rules(identity);
        let roster = match ask(&notice, rules) {
            Question::Nothing => None,
            Question::Room(room) => {
                let sourced = identity.membership.sourced(&room, asked).await;
                let found = sourced.as_ref().map(|(roster, source)| (roster.read(), *source));
                letter.trail.asked(asked, found.map_err(|outage| outage.kind));
                match sourced {
                    Ok(sourced) => Some(sourced),
                    Err(outage) => return Err(self.not_yet(letter, notice, outage).into()),
                }
            }
        };
        if self.overtaken(&route) == Overtaken::Yes {
            return Err(Halt::Overtaken(notice.into_arrival()));
        }
        let (roster, source) = roster.unzip();
        // A list that was known before says nothing about the token, nor does one that an event made.
        let told = |roster: &Roster| {
            asked.since(roster.read()).is_zero() && roster.extent() == Extent::Whole
        };
        if roster.as_deref().is_some_and(told) {
            route.desk.trust(&self.told);
        }
        letter.roster.clone_from(&roster);
        letter.source = source;
        let evidence = roster.as_deref().map_or(Evidence::Nothing, Evidence::Roster);
        let began = rt::now();
        let verdict = judge(notice, evidence, rules, asked);
        self.reporter.staged(Stage::Judge, rt::surely_since(began));
        letter.trail.judged(began);
        match verdict {
            Verdict::Clear(cleared) => Ok(cleared),
            Verdict::Refuse(notice, refusal) => {
                Err(self.refuse(letter, notice.into_arrival(), refusal).into())
            }
            Verdict::Undecided(notice) => {
                identity.membership.apply(effect::doubt(notice.facts()));
                Err(self.not_yet(letter, notice, outdated()).into())
            }
        }
    }

    /// Looked at after each wait, for evidence and for the record: nothing is judged or passed on by
    /// rules that are no longer in force.
    fn overtaken(&self, route: &Arc<Route>) -> Overtaken {
        let now = self.in_force.now();
        match now.routes.by_name.get(&route.name) {
            Some(current) if Arc::ptr_eq(current, route) => Overtaken::No,
            Some(_) | None => Overtaken::Yes,
        }
    }

    /// Ends when the route is no longer in force.
    async fn recalled(&self, route: &Arc<Route>) {
        loop {
            let mut turned = pin!(self.in_force.turned());
            turned.as_mut().enable();
            if self.overtaken(route) == Overtaken::Yes {
                return;
            }
            turned.await;
        }
    }

    /// The record is written before the bot is called: whatever happens then, it is known that it may have happened.
    async fn forward(
        &self,
        letter: &mut Letter,
        cleared: Cleared,
        place: Place,
    ) -> Result<Step, Halt> {
        let judged = rt::now();
        if self.tell_cleared(letter, &cleared).await.is_err() {
            return Ok(self.not_yet(letter, cleared.into_notice(), unwritten()));
        }
        let (route, waited) = (Arc::clone(&letter.route), rt::now().since(judged));
        if self.overtaken(&route) == Overtaken::Yes || waited > PROMPT {
            return Err(Halt::Overtaken(cleared.into_notice().into_arrival()));
        }
        let began = rt::now();
        let (away, via) = (letter.trail.leaves(), (place, letter.over()));
        let (notice, answer) =
            route.forward.send(cleared, via, away.context.as_ref(), self.recalled(&route)).await;
        let took = rt::now().since(began);
        self.reporter.staged(Stage::Forward, took);
        let failed = |outage: &Outage| Note::Failed(outage.kind);
        letter
            .trail
            .back(&away, answer.as_ref().map_or_else(failed, |status| Note::Status(*status)));
        let told = Happening::Delivered {
            id: letter.id,
            route: &route.name,
            answer: answer.as_ref().copied(),
            took,
        };
        self.reporter.emit(&told);
        Ok(match answer {
            Ok(status) => letter.done(Step::Delivered, Outcome::Delivered(status)),
            Err(outage) if letter.may_be_there(&outage) => {
                route.trouble();
                letter.done(Step::Delivered, Outcome::Failed(outage))
            }
            Err(outage) => {
                route.trouble();
                self.not_yet(letter, notice, outage)
            }
        })
    }

    /// A refusal waits for its record as well: it stays refused, and nobody may say later that it was lost.
    fn refuse(&self, letter: &mut Letter, arrival: Arrival, refusal: Refusal) -> Step {
        if !self.reporter.writable() {
            return self.put_back(letter, arrival, unwritten());
        }
        match self.tell(letter, report::Verdict::Refused(refusal)) {
            Ok(_queued) => {
                self.lookout.refused(&letter.route.desk.name, &letter.facts, refusal);
                letter.done(Step::Settled, Outcome::Refused(refusal))
            }
            Err(Unwritten) => self.put_back(letter, arrival, unwritten()),
        }
    }

    fn not_yet(&self, letter: &mut Letter, notice: Notice, outage: Outage) -> Step {
        letter.route.desk.heed(&outage, &self.told);
        (letter.roster, letter.source) = (None, None);
        self.put_back(letter, notice.into_arrival(), outage)
    }

    fn put_back(&self, letter: &mut Letter, arrival: Arrival, outage: Outage) -> Step {
        let step = letter.again(arrival, outage);
        if let Step::Again { outage, wait } = &step {
            let (id, route) = (letter.id, &*letter.route.name);
            self.reporter.emit(&Happening::Deferred { id, route, outage, wait: *wait });
        }
        step
    }
}

fn unwritten() -> Outage {
    Outage::new(Kind::LogUnwritable, "the record is not written yet")
}

fn outdated() -> Outage {
    Outage::new(Kind::ListOutdated, "the list of members was too old when it was judged")
}
