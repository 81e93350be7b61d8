//! One bot: its keys, its way to Webex, and who it is.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::gate::event::Registration;
use crate::gate::id::{Key, Person};
use crate::gate::policy::{Audience, Policy};
use crate::gate::retry::Schedule;
use crate::gate::signature::KeyRing;
use crate::membership::{Membership, Parts};
use crate::report::outage::{Kind, Outage};
use crate::report::{Happening, Reporter};
use crate::rt::{self, Readiness, Tasks};
use crate::webex::{Client, Me};

/// How often Webex is asked who the bot is until it tells: soon at first, for a gateway that starts a moment before
/// its network; never less than twice a minute.
const ASK_AGAIN: Schedule =
    Schedule { from: Duration::from_millis(500), up_to: Duration::from_secs(30) };

/// What is known about a bot before and after Webex has said who it is.
#[derive(Debug)]
pub struct Desk {
    pub(super) name: Arc<str>,
    keys: KeyRing,
    client: Arc<Client>,
    identity: OnceLock<Identity>,
    /// The last that Webex said about the token was no. Held while it is told, so that what is told last is true.
    token_refused: Mutex<bool>,
    /// Somebody has found the token refused.
    refused: Notify,
    /// Why it is not known yet who the bot is.
    unknown: Mutex<Outage>,
}

/// Who the bot is, and what follows from it.
#[derive(Debug)]
pub struct Identity {
    /// The bot's own person id.
    pub own: Key<Person>,
    /// Who may be in a room on at least one of its routes.
    pub widest: Arc<Audience>,
    /// What is known about its rooms.
    pub membership: Membership,
}

impl Desk {
    pub(super) fn new(name: Arc<str>, keys: KeyRing, client: Arc<Client>) -> Self {
        Self {
            name,
            keys,
            client,
            identity: OnceLock::new(),
            token_refused: Mutex::new(false),
            refused: Notify::new(),
            unknown: Mutex::new(unasked()),
        }
    }

    pub(super) fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The bot's name in the configuration.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its way to Webex, with the budget that events share.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Who it is, once Webex has said so.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.get()
    }

    /// Why an event cannot be judged before [`Self::identify`] has asked.
    pub(super) fn unknown(&self) -> Outage {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Until the bot is known, events are kept but not judged.
    pub(super) fn registration(&self) -> Registration {
        Registration { creator: self.identity().map(|identity| identity.own) }
    }

    /// Asks Webex who the bot is until it tells, and again whenever the token is refused. Ends only when it is dropped.
    pub(super) async fn identify(&self, policies: Vec<Policy>, with: With) {
        let me = self.ask(0, &with).await;
        self.known_as(me.id.key(), &policies, &with);
        // Told here even when nothing was wrong before.
        *self.token_refused() = true;
        self.trust(&with.reporter, &with.readiness);
        self.mend(&with).await;
    }

    async fn ask(&self, mut attempt: u32, with: &With) -> Me {
        loop {
            let outage = match self.client.me().await {
                Ok(me) => return me,
                Err(outage) => outage,
            };
            self.heed(&outage, &with.reporter, &with.readiness);
            self.unknown.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&outage);
            tracing::warn!(bot = &*self.name, cause = %outage, "Webex does not say who the bot is; asking again");
            let wait = outage.retry_after.unwrap_or_default();
            tokio::time::sleep(wait.max(ASK_AGAIN.delay(attempt, rt::entropy()))).await;
            attempt = attempt.saturating_add(1);
        }
    }

    /// A gateway that is not ready may be sent no events, and then nobody else would ever ask Webex anything. Where
    /// Webex tells who the bot is and refuses the token for everything else, this becomes slower each time.
    async fn mend(&self, with: &With) {
        let (mut attempt, mut mended) = (0, Instant::now());
        loop {
            self.refused.notified().await;
            attempt = if mended.elapsed() > 2 * ASK_AGAIN.up_to { 0 } else { attempt };
            tokio::time::sleep(ASK_AGAIN.delay(attempt, rt::entropy())).await;
            attempt = attempt.saturating_add(1);
            // A kept event may have been quicker.
            let refused = *self.token_refused();
            if refused {
                let _same_as_ever = self.ask(attempt, with).await;
                self.trust(&with.reporter, &with.readiness);
            }
            mended = Instant::now();
        }
    }

    fn known_as(&self, own: Key<Person>, policies: &[Policy], with: &With) {
        let audiences = policies.iter().map(|policy| policy.audience(own));
        let Some(widest) = audiences.reduce(|widest, next| widest.widened(&next)) else { return };
        let widest = Arc::new(widest);
        let membership = Membership::new(Parts {
            bot: Arc::clone(&self.name),
            directory: Arc::clone(&self.client),
            audience: Arc::clone(&widest),
            cache: &with.cache,
            reporter: Arc::clone(&with.reporter),
            tasks: with.tasks.clone(),
        });
        let first = self.identity.set(Identity { own, widest, membership });
        debug_assert!(first.is_ok(), "a bot is identified once");
    }

    /// A refused token makes the gateway not ready, and is told once; any other outage is the inbox's business.
    pub(super) fn heed(&self, outage: &Outage, reporter: &Reporter, readiness: &Readiness) {
        let mut refused = self.token_refused();
        if outage.kind == Kind::TokenRefused && !*refused {
            *refused = true;
            reporter.emit(&Happening::TokenChecked { bot: &self.name, problem: Some(outage) });
            readiness.not_ok(&self.check(), "Webex refused the bot's token");
            self.refused.notify_one();
        }
    }

    /// Webex answered a question: the token is good (again).
    pub(super) fn trust(&self, reporter: &Reporter, readiness: &Readiness) {
        let mut refused = self.token_refused();
        if *refused {
            *refused = false;
            reporter.emit(&Happening::TokenChecked { bot: &self.name, problem: None });
            readiness.ok(&self.check());
        }
    }

    fn token_refused(&self) -> MutexGuard<'_, bool> {
        self.token_refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> String {
        format!("token {}", self.name)
    }
}

/// What an identity is made with.
#[derive(Clone, Debug)]
pub(super) struct With {
    pub(super) cache: crate::config::Cache,
    pub(super) reporter: Arc<Reporter>,
    pub(super) readiness: Readiness,
    pub(super) tasks: Tasks,
}

fn unasked() -> Outage {
    Outage::new(Kind::WebexUnavailable, "Webex has not said yet who this bot is")
}
