//! One bot as one configuration has it: its keys, its account, and what is known about its rooms.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::account::{Account, Hearers};
use crate::config::Cache;
use crate::gate::event::Registration;
use crate::gate::id::{Key, Person};
use crate::gate::policy::{Audience, Policy};
use crate::gate::signature::KeyRing;
use crate::membership::{Membership, Parts};
use crate::report::Reporter;
use crate::report::outage::Outage;
use crate::rt::Tasks;
use crate::webex::Client;

/// What is known about a bot before and after Webex has said who it is.
#[derive(Debug)]
pub struct Desk {
    pub(super) name: Arc<str>,
    pub(super) account: Arc<Account>,
    keys: KeyRing,
    identity: OnceLock<Option<Identity>>,
    policies: Vec<Policy>,
    with: With,
    /// What was known before the configuration changed, while it is not clear whether it still counts.
    before: Mutex<Option<Identity>>,
}

/// Who the bot is, and what follows from it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The bot's own person id.
    pub own: Key<Person>,
    /// Who may be in a room on at least one of its routes.
    pub widest: Arc<Audience>,
    /// What is known about its rooms.
    pub membership: Arc<Membership>,
}

/// What an identity is made with.
#[derive(Clone, Debug)]
pub(super) struct With {
    pub(super) cache: Cache,
    pub(super) reporter: Arc<Reporter>,
    pub(super) tasks: Tasks,
}

impl Desk {
    pub(super) fn new(
        account: (Arc<str>, Arc<Account>),
        keys: KeyRing,
        policies: Vec<Policy>,
        with: With,
    ) -> Self {
        let ((name, account), identity, before) = (account, OnceLock::new(), Mutex::default());
        Self { name, account, keys, identity, policies, with, before }
    }

    /// Takes over what another desk of the same client knows, as far as it turns out to be true here: lists that were
    /// read for the same person, the same audience and the same times.
    #[must_use]
    pub(super) fn following(self, other: &Self) -> Self {
        let before = other.last_known().filter(|_| other.with.cache == self.with.cache);
        Self { before: Mutex::new(before), ..self }
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
        self.account.client()
    }

    /// Who it is, once Webex has said so; never for a bot that no route leads to.
    pub fn identity(&self) -> Option<&Identity> {
        let own = self.account.own()?;
        self.identity.get_or_init(|| self.known_as(own)).as_ref()
    }

    /// The same, or who it was until the configuration changed. For what must not be missed meanwhile: nothing is
    /// decided by it.
    pub(super) fn last_known(&self) -> Option<Identity> {
        // In this order: who takes it away puts the identity in its place.
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.identity().cloned().or(before)
    }

    /// Why an event cannot be judged before Webex has said who the bot is.
    pub(super) fn unknown(&self) -> Outage {
        self.account.unknown()
    }

    /// Until the bot is known, events are kept but not judged.
    pub(super) fn registration(&self) -> Registration {
        Registration { creator: self.identity().map(|identity| identity.own) }
    }

    pub(super) fn heed(&self, outage: &Outage, told: &Hearers) {
        self.account.heed(outage, told);
    }

    pub(super) fn trust(&self, told: &Hearers) {
        self.account.trust(told);
    }

    fn known_as(&self, own: Key<Person>) -> Option<Identity> {
        let audiences = self.policies.iter().map(|policy| policy.audience(own));
        let widest = audiences.reduce(|widest, next| widest.widened(&next))?;
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The audience names the bot itself: another person has another one.
        match before.filter(|before| *before.widest == widest) {
            Some(same) => Some(same),
            None => Some(self.fresh(own, Arc::new(widest))),
        }
    }

    fn fresh(&self, own: Key<Person>, widest: Arc<Audience>) -> Identity {
        let membership = Arc::new(Membership::new(Parts {
            bot: Arc::clone(&self.name),
            directory: Arc::clone(self.account.client()),
            audience: Arc::clone(&widest),
            cache: &self.with.cache,
            reporter: Arc::clone(&self.with.reporter),
            tasks: self.with.tasks.clone(),
        }));
        Identity { own, widest, membership }
    }
}
