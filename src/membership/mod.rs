//! Who is in a room: asked once for everybody who wants to know, remembered for as long as the core allows.
//!
//! What must stay true:
//!
//! 1. A clean list serves as long as [`Roster::freshness`] says so, by the moment at which an event asked; an old one
//!    never does. A list that is not clean serves for `deny_ttl`, and for `stale_deny` while Webex is out of reach.
//! 2. However many ask, a room is read once at a time. The reading is a task of its own: who asked may go away.
//! 3. A list whose reading spans an event about the room is thrown away: nobody gets it, nothing remembers it.
//! 4. Once [`Membership::apply`] has returned, nothing that was read before serves, not even to who asked before.
//! 5. An outage is told and forgotten.
//! 6. That a room was clean is remembered longer than its list, and decides about one thing only: how long its next
//!    reading waits ([`Claim`]).
//!
//! One lock per bot makes 3 and 4 true. Readings under way stand in a table behind it, and *everybody who changes what
//! is known about a room holds it*: an event marks the reading and replaces what is known in one step; a reading that
//! ends looks for the mark and puts its list in place in one step. So there is no moment between "was it marked?" and
//! "remember it". The mark is the room's epoch; with one reading per room at a time, one bit of it is enough. A hit
//! takes no lock.

mod known;
mod reading;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::config::Cache;
use crate::gate::effect::Effect;
use crate::gate::id::RoomId;
use crate::gate::moment::Moment;
use crate::gate::policy::Audience;
use crate::gate::roster::{Builder, Roster};
use crate::report::outage::{Kind, Outage};
use crate::report::{CacheName, Happening, Reporter, RosterSource, Stage};
use crate::rt::{self, Tasks};
use crate::webex::{Claim, Client, Listed};

use known::Known;
use reading::{Boarding, Ending, Readings};

/// Readings that one question waits for. The first may have begun too early and the second be spoiled by an event;
/// where four in a row are spoiled, people come and go faster than Webex can tell, and the event is tried again later.
const READINGS: usize = 5;

/// Where it can be read who is in a room.
pub trait Directory: Send + Sync + 'static {
    /// Reads the list now. It must begin no earlier than this is called, and [`Roster::read`] must say when.
    fn read(
        &self,
        room: &RoomId,
        audience: &Audience,
        claim: Claim,
    ) -> impl Future<Output = Result<Roster, Outage>> + Send;
}

impl Directory for Client {
    async fn read(
        &self,
        room: &RoomId,
        audience: &Audience,
        claim: Claim,
    ) -> Result<Roster, Outage> {
        let mut builder = Builder::new(room.key(), audience, rt::now());
        let each = |items: &[Listed]| builder.page(items.iter().map(Listed::member));
        let end = self.memberships_for(claim, room, each).await?;
        Ok(builder.finish(end))
    }
}

/// What [`Membership::new`] needs.
#[derive(Debug)]
pub struct Parts<'a, D> {
    /// The bot's name.
    pub bot: Arc<str>,
    /// Where lists are read.
    pub directory: Arc<D>,
    /// The widest of the bot's routes: who is outside it is an outsider for every route.
    pub audience: Arc<Audience>,
    /// For how long what is known serves.
    pub cache: &'a Cache,
    /// Hears where each answer came from.
    pub reporter: Arc<Reporter>,
    /// Where readings run.
    pub tasks: Tasks,
}

/// What is known about the rooms of one bot.
pub struct Membership<D = Client> {
    bot: Arc<str>,
    readings: Arc<Readings<D>>,
    reporter: Arc<Reporter>,
    tasks: Tasks,
}

/// A list, and where it came from.
pub type Sourced = (Arc<Roster>, RosterSource);

type Answer = (Result<Arc<Roster>, Outage>, RosterSource);

impl<D: Directory> Membership<D> {
    /// Knows nothing yet.
    pub fn new(parts: Parts<'_, D>) -> Self {
        let Parts { bot, directory, audience, cache, reporter, tasks } = parts;
        let readings = Readings::new(directory, audience, Known::new(cache, Arc::clone(&reporter)));
        Self { bot, readings: Arc::new(readings), reporter, tasks }
    }

    /// Who is in the room, for an event that asked at this moment. The list is as fresh as the rules demand of a yes,
    /// or it is one that can only be a no.
    pub async fn roster(&self, room: &RoomId, asked: Moment) -> Result<Arc<Roster>, Outage> {
        self.sourced(room, asked).await.map(|(roster, _)| roster)
    }

    /// The same, and where the list came from.
    pub async fn sourced(&self, room: &RoomId, asked: Moment) -> Result<Sourced, Outage> {
        let began = rt::now();
        let (answer, source) = self.find(room, asked).await;
        let took = rt::surely_since(began);
        self.reporter.staged(Stage::Ask, took);
        self.reporter.emit(&Happening::RosterAsked { bot: &self.bot, source });
        answer.map(|roster| (roster, source))
    }

    /// Takes in what an event says about rooms. When it returns, nothing serves any more that was read before.
    pub fn apply(&self, effect: Effect) {
        match effect {
            Effect::None => {}
            Effect::Forget(rooms) => {
                for room in rooms {
                    self.readings.spoil(room, None);
                }
            }
            Effect::Outsider(roster) => self.readings.spoil(roster.room(), Some(roster)),
        }
    }

    /// How much is remembered.
    pub fn remembered(&self) -> [(CacheName, u64); 2] {
        self.readings.known().sizes()
    }

    async fn find(&self, room: &RoomId, asked: Moment) -> Answer {
        let known = self.readings.known();
        if let Some(entry) = known.serving(room.key(), asked) {
            return (Ok(entry.roster()), RosterSource::Hit);
        }
        for _ in 0..READINGS {
            let (reading, source) = match self.readings.board(room.key(), asked) {
                Boarding::Known(entry) => return (Ok(entry.roster()), RosterSource::Hit),
                Boarding::Joined(reading) => (reading, RosterSource::Coalesced),
                Boarding::Leads(reading) => {
                    self.read(room.clone());
                    (reading, RosterSource::Miss)
                }
            };
            match reading.ending().await {
                Ending::Read(entry) if known.serves(&entry, asked) => {
                    return (Ok(entry.roster()), source);
                }
                Ending::Read(_) | Ending::Spoiled => {}
                Ending::Failed(outage) => return self.fall_back(room, asked, outage),
            }
        }
        let cause = "the room changed each time before its members were read";
        self.fall_back(room, asked, Outage::new(Kind::CheckTimeout, cause))
    }

    fn read(&self, room: RoomId) {
        let (readings, reporter) = (Arc::clone(&self.readings), Arc::clone(&self.reporter));
        self.tasks.spawn("reading", async move {
            let began = rt::now();
            readings.read(room).await;
            let took = rt::surely_since(began);
            reporter.staged(Stage::Fetch, took);
        });
    }

    fn fall_back(&self, room: &RoomId, asked: Moment, outage: Outage) -> Answer {
        match self.readings.known().last_resort(room.key(), asked) {
            Some(entry) => (Ok(entry.roster()), RosterSource::StaleDeny),
            None => (Err(outage), RosterSource::Error),
        }
    }
}

impl<D> fmt::Debug for Membership<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership").field("bot", &self.bot).finish_non_exhaustive()
    }
}
