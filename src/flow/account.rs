//! One bot's account at Webex: its token, and whose token it is.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::gate::id::{Key, Person};
use crate::gate::retry::Schedule;
use crate::report::outage::{Kind, Outage};
use crate::report::{Happening, Reporter};
use crate::rt::{self, Readiness, Tasks};
use crate::webex::{Client, Me};

/// How often Webex is asked who the bot is until it tells: soon at first, for a gateway that starts a moment before
/// its network; never less than twice a minute.
const ASK_AGAIN: Schedule =
    Schedule { from: Duration::from_millis(500), up_to: Duration::from_secs(30) };

/// The way to Webex with one token. Desks come and go with the configuration; as long as the token is the same, they
/// share it.
#[derive(Debug)]
pub(super) struct Account {
    name: Arc<str>,
    client: Arc<Client>,
    own: OnceLock<Key<Person>>,
    /// Held while it is told, so that what is told last is true.
    standing: Mutex<Standing>,
    /// Somebody has found the token refused.
    refused: Notify,
    /// Why it is not known yet who the bot is.
    unknown: Mutex<Outage>,
    over: CancellationToken,
}

/// What Webex said last about the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Accepted,
    Refused,
    /// Nobody uses the token any more: what is heard about it says nothing about the gateway.
    Over,
}

/// Who hears how the token stands.
#[derive(Clone, Debug)]
pub(super) struct Hearers {
    pub(super) reporter: Arc<Reporter>,
    pub(super) readiness: Readiness,
}

impl Account {
    pub(super) fn new(name: Arc<str>, client: Arc<Client>) -> Self {
        Self {
            name,
            client,
            own: OnceLock::new(),
            standing: Mutex::new(Standing::Accepted),
            refused: Notify::new(),
            unknown: Mutex::new(unasked()),
            over: CancellationToken::new(),
        }
    }

    pub(super) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Who the bot is, once Webex has said so.
    pub(super) fn own(&self) -> Option<Key<Person>> {
        self.own.get().copied()
    }

    /// Why an event cannot be judged before Webex has said who the bot is.
    pub(super) fn unknown(&self) -> Outage {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks Webex who the bot is, beside everything else, until the account is over: also while the gateway drains, or
    /// what was kept before Webex has answered would have to expire.
    pub(super) fn open(self: &Arc<Self>, told: Hearers, tasks: &Tasks) {
        let account = Arc::clone(self);
        tasks.spawn("identify", async move {
            account.over.run_until_cancelled(account.identify(&told)).await;
        });
    }

    /// The gateway ends, and nothing waits for Webex any more.
    pub(super) fn end(&self) {
        self.over.cancel();
    }

    /// Nobody uses the token any more. Its check is gone, and nothing brings it back.
    pub(super) fn close(&self, readiness: &Readiness) {
        let mut standing = self.standing();
        *standing = Standing::Over;
        self.over.cancel();
        readiness.forget(&self.check());
    }

    /// Until Webex tells, and again whenever the token is refused. Ends only when it is dropped.
    async fn identify(&self, told: &Hearers) {
        let me = self.ask(0, told).await;
        let first = self.own.set(me.id.key());
        debug_assert!(first.is_ok(), "an account is identified once");
        self.first_answer();
        self.trust(told);
        self.mend(told).await;
    }

    /// What follows is told even when nothing was wrong before.
    fn first_answer(&self) {
        let mut standing = self.standing();
        if *standing == Standing::Accepted {
            *standing = Standing::Refused;
        }
    }

    async fn ask(&self, mut attempt: u32, told: &Hearers) -> Me {
        loop {
            let outage = match self.client.me().await {
                Ok(me) => return me,
                Err(outage) => outage,
            };
            self.heed(&outage, told);
            self.unknown.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&outage);
            tracing::warn!(bot = &*self.name, cause = %outage, "Webex does not say who the bot is; asking again");
            let wait = outage.retry_after.unwrap_or_default();
            tokio::time::sleep(wait.max(ASK_AGAIN.delay(attempt, rt::entropy()))).await;
            attempt = attempt.saturating_add(1);
        }
    }

    /// A gateway that is not ready may be sent no events, and then nobody else would ever ask Webex anything. Where
    /// Webex tells who the bot is and refuses the token for everything else, this becomes slower each time.
    async fn mend(&self, told: &Hearers) {
        let (mut attempt, mut mended) = (0, Instant::now());
        loop {
            self.refused.notified().await;
            attempt = if mended.elapsed() > 2 * ASK_AGAIN.up_to { 0 } else { attempt };
            tokio::time::sleep(ASK_AGAIN.delay(attempt, rt::entropy())).await;
            attempt = attempt.saturating_add(1);
            // A kept event may have been quicker.
            let standing = *self.standing();
            if standing == Standing::Refused {
                let _same_as_ever = self.ask(attempt, told).await;
                self.trust(told);
            }
            mended = Instant::now();
        }
    }

    /// A refused token makes the gateway not ready, and is told once; any other outage is the inbox's business.
    pub(super) fn heed(&self, outage: &Outage, told: &Hearers) {
        let mut standing = self.standing();
        if outage.kind == Kind::TokenRefused && *standing == Standing::Accepted {
            *standing = Standing::Refused;
            told.reporter.emit(&Happening::TokenChecked { bot: &self.name, problem: Some(outage) });
            told.readiness.not_ok(&self.check(), "Webex refused the bot's token");
            self.refused.notify_one();
        }
    }

    /// Webex answered a question: the token is good (again).
    pub(super) fn trust(&self, told: &Hearers) {
        let mut standing = self.standing();
        if *standing == Standing::Refused {
            *standing = Standing::Accepted;
            told.reporter.emit(&Happening::TokenChecked { bot: &self.name, problem: None });
            told.readiness.ok(&self.check());
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> String {
        format!("token {}", self.name)
    }
}

fn unasked() -> Outage {
    Outage::new(Kind::WebexUnavailable, "Webex has not said yet who this bot is")
}
