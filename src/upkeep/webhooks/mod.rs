//! Keeps the webhooks of a bot in order while the gateway runs.

mod rest;
mod told;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use self::rest::{Gateway, Rest};
use self::told::Told;
use super::Tools;
use super::kept::Kept;
use crate::audit::{Tenure, TenureState};
use crate::config::{Config, Manage};
use crate::flow::Desk;
use crate::gate::moment::Moment;
use crate::gate::retry::Schedule;
use crate::report::outage::{Kind, Outage};
use crate::report::{Happening, Known, Upkeep, WebhookState};
use crate::rt;
use crate::webex::Claim;
use crate::webex::webhooks::{Desired, Health, Plan, Scope, Unlisted, Work, apply, plan};

/// Who the bot is becomes known once, soon after the start; nobody notices a quarter of a second.
const IS_IT_KNOWN: Duration = Duration::from_millis(250);

/// A room that many people join at once is many events, and one look.
const BETWEEN_NUDGES: Duration = Duration::from_secs(5);

/// After an outage; doubled each time, and never longer than between two looks.
const SOON: Duration = Duration::from_secs(5);

/// Looks after the webhooks of one bot.
#[derive(Debug)]
pub struct Keeper {
    desired: Desired,
    ensure: Ensure,
    every: Duration,
    rest: Duration,
    desk: Arc<Desk>,
    tools: Tools,
    tenure: Tenure,
    kept: Arc<Kept>,
}

/// How far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ensure {
    OnlyTell,
    Repair,
}

/// What it remembers between two looks.
#[derive(Debug, Default)]
pub(super) struct Memory {
    rest: Rest,
    told: Told,
    unlisted: Unlisted,
}

impl Keeper {
    /// For how long a webhook is left switched off, and the gateway must have been well. Within five minutes after
    /// Webex has switched it off, one failure would switch it off again.
    pub const REST: Duration = Duration::from_mins(5);

    /// None where the configuration says `manage: none`, or nothing about the address of the gateway.
    pub fn new(config: &Config, desk: Arc<Desk>, tools: Tools) -> Option<Self> {
        let webhooks = &config.bots.get(desk.name())?.webhooks;
        let ensure = match webhooks.manage {
            Manage::None => return None,
            Manage::Check => Ensure::OnlyTell,
            Manage::Ensure => Ensure::Repair,
        };
        let desired = Desired::of(config, desk.name(), Health::NotYet)?;
        let (every, tenure, kept) = (webhooks.every, Tenure::default(), Arc::default());
        Some(Self { desired, ensure, every, rest: Self::REST, desk, tools, tenure, kept })
    }

    /// For as long as this configuration is in force, with what was remembered before.
    #[must_use]
    pub(super) fn following(self, tenure: Tenure, kept: Arc<Kept>) -> Self {
        Self { tenure, kept, ..self }
    }

    /// With another time than [`Self::REST`]: for tests, which have no five minutes.
    #[must_use]
    pub fn resting(self, rest: Duration) -> Self {
        Self { rest, ..self }
    }

    /// Looks at once, then every now and then, and whenever it is nudged. It ends when it is dropped, or between two
    /// looks when another configuration is in force.
    pub async fn keep(self, nudge: Arc<Notify>) {
        let mut memory = self.kept.webhooks.lock().await;
        let mut failures = 0;
        while self.desk.identity().is_none() {
            if self.tenure.during(sleep(IS_IT_KNOWN)).await.is_none() {
                return;
            }
        }
        while self.tenure.state() == TenureState::InForce {
            let wait = match self.look(&mut memory).await {
                Ok(()) => {
                    failures = 0;
                    spread(self.every, rt::entropy())
                }
                Err(outage) => {
                    self.heed(&outage).await;
                    failures += 1;
                    let soon = Schedule { from: SOON.min(self.every), up_to: self.every };
                    soon.delay(failures - 1, rt::entropy())
                }
            };
            let _over = self.tenure.during(pause(wait, &nudge)).await;
        }
    }

    async fn look(&self, memory: &mut Memory) -> Result<(), Outage> {
        let client = self.desk.client();
        let effort = client.effort(Claim::Survey);
        let actual = client.webhooks(effort).await?;
        let now = rt::now();
        memory.rest.seen(&actual, now);
        memory.unlisted.seen(&actual);
        let health = memory.rest.health(self.gateway(), self.rest, now);
        let desired = Desired { health, ..self.desired.clone() };
        let found = plan(&desired, &actual);
        drop(actual);
        let known = memory.told.hear(found.counts(), now);
        self.tell(&found, known, now);
        if self.ensure == Ensure::OnlyTell || found.changes.is_empty() {
            return Ok(());
        }
        let reporter = &self.tools.reporter;
        let scope = Scope::Desired;
        let work = Work { client, effort, desired: &desired, scope, reporter, now };
        let applied = apply(&work, found.changes, &mut memory.unlisted).await;
        memory.rest.switched_on(&applied.switched_on);
        if let Some(after) = &applied.now {
            self.tell(after, Known::Already, now);
            memory.told.stands(after.counts());
        }
        applied.failed.map_or(Ok(()), Err)
    }

    fn gateway(&self) -> Gateway {
        let bot = self.desk.name();
        Gateway::of(bot, &self.tools.readiness.checks(), self.tools.gateway.steady_for(bot))
    }

    fn tell(&self, plan: &Plan, known: Known, now: Moment) {
        let counts: Vec<(WebhookState, usize)> = plan.counts();
        let upkeep = Upkeep::Webhooks { counts: &counts, known, at: now.wall };
        self.tools.reporter.emit(&Happening::Upkeep { bot: self.desk.name(), upkeep: &upkeep });
    }

    /// A token that is refused here only may lack a scope: it is the bot's own page that tells whether it is good.
    async fn heed(&self, outage: &Outage) {
        let bot = &**self.desk.name();
        tracing::warn!(bot, cause = %outage, "webhooks could not be looked after; trying again");
        if outage.kind == Kind::TokenRefused
            && let Err(refused) = self.desk.client().me().await
        {
            self.tools.gateway.heed_outage(&self.desk, &refused);
        }
    }
}

/// Up to a tenth longer: replicas that started together do not look together for ever.
fn spread(every: Duration, entropy: u64) -> Duration {
    let per_mille = u32::try_from(entropy % 101).unwrap_or(0);
    every.saturating_add(every / 1000 * per_mille)
}

/// A nudge that came during the look counts: it may have been about something later.
async fn pause(wait: Duration, nudge: &Notify) {
    let looked = Instant::now();
    tokio::select! {
        () = sleep(wait) => {}
        () = nudge.notified() => sleep_until(looked + wait.min(BETWEEN_NUDGES)).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_up_to_a_tenth_longer() {
        let every = Duration::from_mins(10);
        let waits: Vec<_> = (0..1000).map(|entropy| spread(every, entropy)).collect();
        assert_eq!(waits.iter().min(), Some(&every));
        assert_eq!(waits.iter().max(), Some(&Duration::from_mins(11)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_nudge_during_a_look_is_not_lost_and_many_are_one() {
        let (nudge, began) = (Notify::new(), Instant::now());
        nudge.notify_one();
        nudge.notify_one();
        pause(Duration::from_mins(10), &nudge).await;
        assert_eq!(began.elapsed(), BETWEEN_NUDGES);
        pause(Duration::from_mins(10), &nudge).await;
        assert_eq!(began.elapsed(), BETWEEN_NUDGES + Duration::from_mins(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_nudge_long_after_the_last_look_is_heeded_at_once_and_none_makes_it_later() {
        let (nudge, began) = (Notify::new(), Instant::now());
        let nudger = async {
            sleep(Duration::from_mins(1)).await;
            nudge.notify_one();
        };
        tokio::join!(pause(Duration::from_mins(10), &nudge), nudger);
        assert_eq!(began.elapsed(), Duration::from_mins(1));
        nudge.notify_one();
        pause(Duration::from_secs(1), &nudge).await;
        assert_eq!(began.elapsed(), Duration::from_secs(61));
    }
}
