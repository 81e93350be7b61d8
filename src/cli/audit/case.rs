//! The survey of each bot, all side by side: each token has a budget of its own, and none waits for another's.

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::join_all;

use super::progress::{BETWEEN_TICKS, Progress, Wanted};
use super::sheet::Outcome;
use super::state::{self, Known, Owner, State};
use super::watcher::{Stream, Watcher, cannot_resume};
use super::{Format, Named, Round};
use crate::audit::{Auditor, Ledger, Parts, People, Survey, Wish};
use crate::cli::common::{outage, told_to_stop};
use crate::cli::exit::Exit;
use crate::config::{Bot, Config, Webex};
use crate::gate::id::{Key, Person};
use crate::report::Reporter;
use crate::report::outage::Outage;
use crate::rt;
use crate::webex::{Claim, Client, ClientProblem, Effort, Silences};

/// Tries of one call. `--patience` bounds all of them together; this is for a Webex that fails at once each time.
const TRIES: u32 = 10;

/// All bots of a run.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) cases: Vec<Case<'a>>,
    /// Somebody wanted it to end.
    pub(super) interrupted: bool,
    /// What went wrong with all of it.
    pub(super) troubles: Vec<Exit>,
    pub(super) config: &'a Config,
    pub(super) reporter: &'a Arc<Reporter>,
}

/// One bot.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) name: &'a Arc<str>,
    pub(super) bot: &'a Bot,
    pub(super) watcher: Watcher,
    round: Round<'a>,
    client: Result<Arc<Client>, ClientProblem>,
    /// Who it is at Webex, once that is known.
    pub(super) person: Cell<Option<Key<Person>>>,
    pub(super) ended: RefCell<Option<Result<Done, Undone>>>,
    /// What went wrong beside.
    pub(super) troubles: RefCell<Vec<Exit>>,
}

/// Every room was looked at.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) auditor: Arc<Auditor>,
    pub(super) survey: Survey,
}

/// No room can be told.
#[derive(Debug)]
pub(super) struct Undone {
    pub(super) exit: Exit,
    pub(super) outcome: Outcome,
}

impl From<Outage> for Undone {
    fn from(broken: Outage) -> Self {
        let kind = broken.kind.label();
        let outcome = Outcome::Failed { kind, told: outage(&broken) };
        Self { exit: Exit::from(broken.kind), outcome }
    }
}

impl Undone {
    fn config(told: String) -> Self {
        Self { exit: Exit::Config, outcome: Outcome::Failed { kind: "config", told } }
    }
}

impl<'a> Round<'a> {
    /// Surveys all bots, until the end or until somebody interrupts it.
    pub(super) async fn survey(self, bots: &[Named<'a>]) -> Run<'a> {
        let quiet = self.arguments.going.no_progress;
        let progress = Arc::new(Progress::new(if quiet { Wanted::No } else { Wanted::Yes }));
        let case = |named: &Named<'a>| Case::new(self, *named, &progress);
        let cases: Vec<_> = bots.iter().map(case).collect();
        let surveys = Box::pin(join_all(cases.iter().map(|case| Box::pin(case.run()))));
        let interrupted = tokio::select! {
            _ = surveys => false,
            () = told_to_stop() => true,
            () = watch(&progress, &cases) => true,
        };
        progress.end();
        Run {
            cases,
            interrupted,
            troubles: Vec::new(),
            config: self.config,
            reporter: self.reporter,
        }
    }

    fn stream(self) -> Stream {
        match (self.format, self.arguments.leaving.apply) {
            (Format::Jsonl, false) => Stream::AtOnce,
            (Format::Jsonl, true) => Stream::Decided,
            (Format::Json | Format::Text, _) => Stream::None,
        }
    }

    fn wish(self) -> Wish {
        let people = if self.arguments.with_emails { People::Shown } else { People::Hidden };
        Wish { titles: self.arguments.titles.into(), people }
    }

    fn effort(self) -> Effort {
        let give_up_after = self.arguments.pace.patience;
        Effort { claim: Claim::Regular, give_up_after, attempts: TRIES }
    }

    /// The whole budget of the token is for the audit, but no faster than the audit may be.
    fn webex(self, bot: &Bot) -> Webex {
        let webex = &self.config.webex;
        let second = self.arguments.pace.requests_per_second;
        let second = second.unwrap_or(bot.audit.requests_per_second);
        let requests_per_minute = webex.requests_per_minute.min(second.saturating_mul(60));
        Webex { requests_per_minute, ..webex.clone() }
    }
}

/// Tells how far it is, for ever.
async fn watch(progress: &Progress, cases: &[Case<'_>]) {
    loop {
        tokio::time::sleep(BETWEEN_TICKS).await;
        let all = cases.iter().map(Case::silences);
        progress.tick(all.fold(Silences::default(), |sum, next| Silences {
            times: sum.times + next.times,
            waited: sum.waited + next.waited,
        }));
    }
}

impl<'a> Case<'a> {
    fn new(round: Round<'a>, (name, bot): Named<'a>, progress: &Arc<Progress>) -> Self {
        let (webex, reporter) = (round.webex(bot), Arc::clone(round.reporter));
        let client = Client::new(Arc::clone(name), &bot.token, &webex, reporter);
        Self {
            name,
            bot,
            watcher: Watcher::new(Arc::clone(name), Arc::clone(progress), round.stream()),
            round,
            client: client.map(Arc::new),
            person: Cell::default(),
            ended: RefCell::default(),
            troubles: RefCell::default(),
        }
    }

    /// How often Webex asked for silence so far.
    pub(super) fn silences(&self) -> Silences {
        self.client.as_ref().map_or_else(|_| Silences::default(), |client| client.silences())
    }

    async fn run(&self) {
        let ended = self.survey().await;
        if let Ok(done) = &ended
            && done.survey.counts().unknown == 0
        {
            self.watcher.forget();
        }
        *self.ended.borrow_mut() = Some(ended);
    }

    async fn survey(&self) -> Result<Done, Undone> {
        let client = self.client.as_ref().map_err(|problem| Undone::config(problem.to_string()))?;
        let own = client.me().await?.id.key();
        self.person.set(Some(own));
        let known = self.take_up(own, rt::now().wall);
        let auditor = Auditor::new(Parts {
            bot: self.name,
            config: self.round.config,
            client: Arc::clone(client),
            own,
            effort: self.round.effort(),
            ledger: Arc::new(self.ledger()),
            reporter: Arc::clone(self.round.reporter),
        });
        let nobody = || "no route leads to this bot, so nobody says who may be in its rooms";
        let auditor = auditor.ok_or_else(|| Undone::config(nobody().to_owned()))?;
        let survey = Box::pin(auditor.survey(self.round.wish(), known, &self.watcher)).await?;
        Ok(Done { auditor: Arc::new(auditor), survey })
    }

    /// What an earlier run knows, if that is wanted; and from now on, what this run knows.
    fn take_up(&self, own: Key<Person>, now: SystemTime) -> Known {
        let going = &self.round.arguments.going;
        let Some(directory) = state::directory(going.state_dir.as_deref()) else {
            let cause = io::Error::other("there is neither XDG_STATE_HOME nor HOME");
            self.watcher.say(&cannot_resume(self.name, &cause));
            return Known::new();
        };
        let path = directory.join(format!("audit-{}.jsonl", self.name));
        let config = self.round.config.fingerprint.to_string();
        let owner = Owner { person: own.to_string(), config };
        let known = if going.resume { state::known(&path, &owner, now) } else { Known::new() };
        match State::create(path, &owner, &known) {
            Ok(state) => self.watcher.remember_in(state),
            Err(cause) => self.watcher.say(&cannot_resume(self.name, &cause)),
        }
        known
    }

    /// Without it, rooms are judged all the same; nobody knows who added the bot.
    fn ledger(&self) -> Ledger {
        let Some(reports) = &self.bot.audit.reports else { return Ledger::in_memory() };
        Ledger::open(self.name, &reports.dir).unwrap_or_else(|cause| {
            let (name, dir) = (self.name, reports.dir.display());
            self.watcher.say(&format!(
                "warning: {name}: who added the bot is not known: {dir} (audit.reports.dir): {cause}\n"
            ));
            if cause.kind() != io::ErrorKind::NotFound {
                self.troubles.borrow_mut().push(Exit::Denied);
            }
            Ledger::in_memory()
        })
    }
}
