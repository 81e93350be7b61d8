//! Looks at every room of one bot.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ledger::Ledger;
use super::luck::Luck;
use super::row::Row;
use super::survey::{Survey, Watch};
use super::tenure::Tenure;
use super::whole::Whole;
use super::wish::Wish;
use crate::config::Config;
use crate::gate::id::{Key, Org, Person};
use crate::gate::policy::Audience;
use crate::report::lines::Unwritten;
use crate::report::outage::Outage;
use crate::report::{Happening, Reporter, RoomState, Upkeep};
use crate::webex::{Claim, Client, Effort, Silences};

/// For one room, or one page of the list of rooms, while nobody waits: longer than Webex usually asks to wait (it
/// documents up to an hour, and says minutes), five tries.
pub const PATIENT: Effort =
    Effort { claim: Claim::Survey, give_up_after: Duration::from_mins(10), attempts: 5 };

/// Audits the rooms of one bot.
#[derive(Debug)]
pub struct Auditor {
    pub(super) bot: Arc<str>,
    pub(super) client: Arc<Client>,
    pub(super) own: Key<Person>,
    pub(super) widest: Audience,
    pub(super) routes: Vec<(Arc<str>, Audience)>,
    pub(super) orgs: HashMap<Key<Org>, Arc<str>>,
    pub(super) effort: Effort,
    pub(super) at_once: usize,
    pub(super) ledger: Arc<Ledger>,
    pub(super) reporter: Arc<Reporter>,
    pub(super) luck: Luck,
    pub(super) tenure: Tenure,
}

/// What an auditor works with.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The bot's name in the configuration.
    pub bot: &'a Arc<str>,
    /// Its routes say who may be in its rooms.
    pub config: &'a Config,
    /// Its way to Webex.
    pub client: Arc<Client>,
    /// Its own person id, as Webex tells it.
    pub own: Key<Person>,
    /// How hard each room is tried: [`PATIENT`] where nobody waits.
    pub effort: Effort,
    /// What is remembered about its rooms.
    pub ledger: Arc<Ledger>,
    /// Hears what was found and done.
    pub reporter: Arc<Reporter>,
}

impl Auditor {
    /// None for a bot that no route leads to: nobody says who may be in its rooms.
    pub fn new(parts: Parts<'_>) -> Option<Self> {
        let Parts { bot, config, client, own, effort, ledger, reporter } = parts;
        let of_bot = config.routes.iter().filter(|(_, route)| route.bot == *bot);
        let routes: Vec<_> =
            of_bot.map(|(name, route)| (Arc::clone(name), route.policy.audience(own))).collect();
        let audiences = routes.iter().map(|(_, audience)| audience.clone());
        let widest = audiences.reduce(|widest, next| widest.widened(&next))?;
        let orgs = config.orgs.iter().map(|(name, id)| (id.key(), Arc::clone(name))).collect();
        Some(Self {
            bot: Arc::clone(bot),
            client,
            own,
            widest,
            routes,
            orgs,
            effort,
            at_once: config.webex.max_in_flight.max(1),
            ledger,
            reporter,
            luck: Luck::default(),
            tenure: Tenure::default(),
        })
    }

    /// Leaves rooms only as long as this lasts.
    #[must_use]
    pub fn while_in_force(self, tenure: Tenure) -> Self {
        Self { tenure, ..self }
    }

    /// Its bot's name.
    pub fn bot(&self) -> &Arc<str> {
        &self.bot
    }

    /// Looks at every room of the bot. `known` are rows of an audit that was interrupted, by the room's UUID: clean ones
    /// are taken over, all others are read again, for only what was read now can be left.
    ///
    /// An outage is a list of rooms that is not complete, or a refused token: there is no survey then, and nothing may
    /// be left. A survey that was [in vain](Survey::in_vain) is told as failed.
    pub async fn survey(
        &self,
        wish: Wish,
        known: HashMap<Box<str>, Row>,
        watch: &dyn Watch,
    ) -> Result<Survey, Outage> {
        let (began, silences) = (Instant::now(), self.client.silences());
        let outcome = self.all(wish, known, watch).await;
        let whole = match outcome {
            Ok(whole) => whole,
            Err(outage) => {
                self.tell(&Upkeep::AuditFailed { outage: &outage });
                return Err(outage);
            }
        };
        let survey =
            whole.finish(&self.bot, began.elapsed(), since(silences, self.client.silences()));
        let (rooms, took, at) = (survey.states(), survey.took, survey.at);
        match &survey.in_vain {
            None => self.tell(&Upkeep::Audited { rooms, took, at }),
            Some(outage) => self.tell(&Upkeep::AuditFailed { outage }),
        }
        Ok(survey)
    }

    async fn all(
        &self,
        wish: Wish,
        mut known: HashMap<Box<str>, Row>,
        watch: &dyn Watch,
    ) -> Result<Whole, Outage> {
        self.luck.good();
        let mut whole = Whole::default();
        let each = |rooms| {
            whole.calls += 1;
            watch.listing(rooms);
        };
        let rooms = self.client.own_memberships(self.effort, self.own, each).await?;
        let mut left = Vec::new();
        for own in rooms {
            match known.remove(&*own.room.key().to_string()) {
                Some(row) if row.state == RoomState::Clean => whole.rows.push(row),
                Some(_) | None => left.push(own),
            }
        }
        watch.begin(left.len() + whole.rows.len(), whole.rows.len());
        self.each(left, wish, watch, &mut whole).await?;
        Ok(whole)
    }

    pub(super) fn tell(&self, upkeep: &Upkeep<'_>) {
        self.reporter.emit(&Happening::Upkeep { bot: &self.bot, upkeep });
    }

    /// Returns once the record of it is written.
    pub(super) async fn record(&self, upkeep: &Upkeep<'_>) -> Result<(), Unwritten> {
        self.reporter.written(self.reporter.record_upkeep(&self.bot, upkeep)?).await
    }

    /// The configured name of an organisation, or its id.
    pub(super) fn org_name(&self, org: Key<Org>) -> Box<str> {
        self.orgs.get(&org).map_or_else(|| org.to_string().into(), |name| (**name).into())
    }
}

fn since(before: Silences, after: Silences) -> Silences {
    Silences {
        times: after.times.saturating_sub(before.times),
        waited: after.waited.saturating_sub(before.waited),
    }
}
