//! Telling what happened: one [`Happening`] becomes a record, a metric and, where a person should know, a log line.
//!
//! Records go to stdout, one line each; the ordinary log goes to stderr. Neither ever holds a body, a token, a
//! secret, a signature, an e-mail address, a name of a person, or text of an unauthenticated caller.

#[macro_use]
mod words;

pub mod build;
mod follow;
pub mod journal;
mod lifecycle;
mod log;
pub mod lines;
mod metrics;
mod object;
mod observed;
mod operation;
pub mod outage;
mod quota;
pub mod record;
mod scope;
mod telemetry;
mod standing;
mod turns;
pub mod upkeep;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast;
use uuid::Uuid;

use crate::gate::refusal::Refusal;
use follow::Followers;
pub use follow::Told;
use journal::Journal;
pub use journal::{JournalState, Outlet, Ticket};
pub use lifecycle::{Lifecycle, Stage, Turn};
use lines::Unwritten;
pub use metrics::Exposition;
use metrics::Metrics;
pub use observed::{BotFigures, CacheName, Eviction, Figures, Observed, RouteFigures};
pub use operation::{HttpMethod, Operation, RosterSource};
use outage::Outage;
use quota::Quota;
use record::Turned;
pub use record::{BodyDigest, Decision, Form, Mode, Verdict};
pub use scope::{BotScope, RouteScope, Scope, Watch};
use standing::Board;
pub use standing::{BotStanding, Counted, Reload, Standing};
pub use telemetry::{Fate, Signal};
pub use upkeep::{Known, NoticeKind, RoomState, Upkeep, WebhookChange, WebhookState};

/// Something worth telling. Every field is safe to write down.
#[derive(Clone, Debug)]
pub enum Happening<'a> {
    /// A call to a route came in.
    CallBegan {
        /// The route.
        route: &'a str,
    },
    /// A call is over.
    CallEnded {
        /// The route, when the path has one.
        route: Option<&'a str>,
        /// Its method.
        method: HttpMethod,
        /// The HTTP status of the answer, or `None` when the caller was gone or cut off before there was one.
        status: Option<u16>,
        /// From its head to the answer.
        took: Duration,
    },
    /// An event was decided; written before the bot is called.
    Decided(&'a Decision<'a>),
    /// A cleared event could not be decided or delivered yet, and is tried again.
    Deferred {
        /// Which event.
        id: Uuid,
        /// Its route.
        route: &'a str,
        /// Why.
        outage: &'a Outage,
        /// When it is tried again.
        wait: Duration,
    },
    /// The bot answered.
    Delivered {
        /// Which event.
        id: Uuid,
        /// Its route.
        route: &'a str,
        /// The bot's status, or what was wrong with the bot.
        answer: Result<u16, &'a Outage>,
        /// How long the bot took.
        took: Duration,
    },
    /// Something is not remembered any more.
    Evicted {
        /// What kind of thing.
        cache: CacheName,
        /// Why.
        cause: Eviction,
    },
    /// Something happened to the gateway as a whole.
    Lifecycle(&'a Turn<'a>),
    /// Webex asked us to slow down.
    RateLimited {
        /// The bot whose token was used.
        bot: &'a str,
        /// For how long.
        wait: Duration,
    },
    /// Somebody asked who is in a room.
    RosterAsked {
        /// The bot that asked.
        bot: &'a str,
        /// Where the answer came from.
        source: RosterSource,
    },
    /// A part of the way of an event is done.
    Staged {
        /// Which.
        stage: Stage,
        /// How long it took.
        took: Duration,
    },
    /// Webex accepted a bot's token, or refused it.
    TokenChecked {
        /// The bot.
        bot: &'a str,
        /// Why not.
        problem: Option<&'a Outage>,
    },
    /// A call was turned away before anything was believed.
    TurnedAway {
        /// The route, when the path has one.
        route: Option<&'a str>,
        /// Why.
        refusal: Refusal,
        /// When.
        at: SystemTime,
    },
    /// A room or a webhook was looked after.
    Upkeep {
        /// Of which bot.
        bot: &'a str,
        /// What was done.
        upkeep: &'a Upkeep<'a>,
    },
    /// A call to the Webex API ended.
    WebexCalled {
        /// The bot whose token was used.
        bot: &'a str,
        /// What for.
        operation: Operation,
        /// The HTTP status, or `None` when there was no answer.
        status: Option<u16>,
        /// How long it took.
        took: Duration,
    },
}

/// Takes happenings. Shared by everything that has something to tell.
pub struct Reporter {
    metrics: Metrics,
    records: Journal,
    form: Form,
    turned_away: Quota,
    board: Board,
    followers: Followers,
    /// The fingerprint of the configuration in force.
    config: Mutex<Arc<str>>,
}

/// How long something that may pass waits for its record, before it is tried again from the start: by then people may
/// have joined. The record stays the same one.
const RECORD_WITHIN: Duration = Duration::from_secs(2);

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reporter").field("form", &self.form).finish_non_exhaustive()
    }
}

/// Tells nobody; for tests of single rooms of the house.
impl Default for Reporter {
    fn default() -> Self {
        Self::new(&Scope::default(), Form::Json, Box::new(std::io::sink()))
    }
}

impl Reporter {
    /// Records are written to `records`, one line each.
    pub fn new(scope: &Scope, form: Form, records: Box<dyn Write + Send>) -> Self {
        Self::to(scope, Outlet::stream(records, form))
    }

    /// Records go to this outlet. The first one says what runs here.
    pub fn to(scope: &Scope, outlet: Outlet) -> Self {
        let (form, setting, first) = (outlet.form(), outlet.setting(), scope.clone());
        let opening = Box::new(move |at, form| turns::started(&first, &setting, at, form));
        // Two runs with the same id are no mistake, only harder to tell apart.
        let instance = format!("{:08x}", Uuid::new_v4().as_fields().0);
        let more = scope.letters.saturating_mul(2);
        Self {
            metrics: Metrics::new(scope),
            records: Journal::new(outlet, instance.into(), opening, more),
            form,
            turned_away: Quota::default(),
            board: Board::new(scope),
            followers: Followers::default(),
            config: Mutex::new((&*scope.fingerprint).into()),
        }
    }

    /// Another configuration is in force: what is new in it has its series from now on.
    pub fn renew(&self, scope: &Scope) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = (&*scope.fingerprint).into();
        self.metrics.renew(scope);
        self.board.renew(scope);
    }

    fn config(&self) -> Arc<str> {
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells it.
    pub fn emit(&self, happening: &Happening<'_>) {
        self.metrics.count(happening);
        self.board.note(happening);
        match happening {
            Happening::Decided(decision) => {
                self.followers.tell(|| Some(Told::decision(decision)));
                // Whoever needs it written before going on calls `record`.
                let _counted = self.records.push(decision.line(self.form), decision.at);
            }
            Happening::TurnedAway { route, refusal, at } => self.turned_away(*route, *refusal, *at),
            Happening::Deferred { id, route, outage, wait } => {
                log::deferred(*id, route, outage, *wait);
            }
            Happening::Delivered { id, route, answer, took } => {
                log::delivered(*id, route, answer, *took);
            }
            Happening::TokenChecked { bot, problem: Some(outage) } => {
                tracing::error!(bot, reason = outage.kind.label(), cause = %outage.cause, "{}", outage.kind.sentence());
            }
            Happening::RateLimited { bot, wait } => {
                tracing::warn!(bot, wait_s = wait.as_secs_f64(), "Webex asks to slow down");
            }
            Happening::TokenChecked { bot, problem: None } => {
                tracing::info!(bot, "Webex knows the bot");
            }
            Happening::Upkeep { bot, upkeep } => {
                let _counted = self.kept_up(bot, upkeep);
            }
            Happening::Lifecycle(turn) => {
                if matches!(turn.what, Lifecycle::Stopped { .. }) {
                    self.tell_the_rest(turn.at);
                }
                self.records.begin(turn.at);
                self.followers.tell(|| Told::turn(turn, &self.config()));
                if let Some(line) = turns::line(turn, &self.config(), self.form) {
                    let _counted = self.records.push(line, turn.at);
                }
            }
            Happening::CallBegan { .. }
            | Happening::CallEnded { .. }
            | Happening::Evicted { .. }
            | Happening::RosterAsked { .. }
            | Happening::Staged { .. }
            | Happening::WebexCalled { .. } => {}
        }
    }

    /// Tells that a part of the way of an event is done.
    pub fn staged(&self, stage: Stage, took: Duration) {
        self.emit(&Happening::Staged { stage, took });
    }

    /// Tells a verdict that something depends on. Nothing may pass before [`Self::written`] says that the record is.
    pub fn record(&self, decision: &Decision<'_>) -> Result<Ticket, Unwritten> {
        let (line, passes) = (decision.line(self.form), decision.verdict.passes());
        let taken = if passes {
            self.records.push_awaited(line, decision.at)
        } else {
            self.records.push(line, decision.at)
        };
        // What is refused counts also when its record is lost; what would pass does not pass.
        if taken.is_ok() || !passes {
            let decided = Happening::Decided(decision);
            self.metrics.count(&decided);
            self.board.note(&decided);
            self.followers.tell(|| Some(Told::decision(decision)));
        }
        taken
    }

    /// Tells of upkeep that nothing can take back: it is not done before [`Self::written`] says that its record is.
    pub fn record_upkeep(&self, bot: &str, upkeep: &Upkeep<'_>) -> Result<Ticket, Unwritten> {
        let happening = Happening::Upkeep { bot, upkeep };
        self.metrics.count(&happening);
        self.board.note(&happening);
        self.kept_up(bot, upkeep)
    }

    fn kept_up(&self, bot: &str, upkeep: &Upkeep<'_>) -> Result<Ticket, Unwritten> {
        self.followers.tell(|| Told::upkeep(bot, upkeep, &self.config()));
        let record = upkeep::line(bot, upkeep, &self.config(), self.form);
        let taken = record.map(|(at, line)| self.records.push(line, at));
        upkeep::log(bot, upkeep);
        taken.unwrap_or(Err(Unwritten))
    }

    /// Something was sent to a collector, or was not.
    pub fn exported(&self, signal: Signal, fate: Fate, items: u64) {
        self.metrics.exported(signal, fate, items);
    }

    /// Every record from now on, for who looks on. A slow reader misses some, and slows nothing.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Told>> {
        self.followers.follow()
    }

    /// How things stand, gathered from what was told.
    pub fn standing(&self) -> Standing {
        self.board.seen()
    }

    /// Waits until a record is written: the system has it, and it outlasts this process.
    pub async fn written(&self, ticket: Ticket) -> Result<(), Unwritten> {
        self.records.written(ticket, RECORD_WITHIN).await
    }

    /// Whether records are being written, as far as is known.
    pub fn writable(&self) -> bool {
        self.records.writable()
    }

    /// Records that were lost so far.
    pub fn lost(&self) -> u64 {
        self.records.lost()
    }

    /// Waits until the records so far are written. Whether they were within this time.
    pub fn flush(&self, within: Duration) -> bool {
        self.records.flush(within)
    }

    /// The end of the run: what is queued is written and sealed, and the disk has it. Whether it was within this time.
    pub fn end(&self, at: SystemTime, within: Duration) -> bool {
        self.records.end(at, within)
    }

    /// How it is with the decision log.
    pub fn journal(&self) -> JournalState {
        self.records.state()
    }

    /// What is only known by asking, as it is now.
    pub fn figures(&self) -> Figures {
        self.metrics.figures()
    }

    /// Whom to ask at each scrape for what only it knows. One at a time; it may go away.
    pub fn ask(&self, observed: Weak<dyn Observed>) {
        self.metrics.ask(observed);
    }

    /// All metrics, as they are now.
    pub fn scrape(&self, exposition: Exposition, now: SystemTime) -> String {
        self.metrics.journal(&self.journal());
        self.metrics.scrape(exposition, now)
    }

    /// At most one line a second and reason, and fewer when it goes on: a flood of forged calls must not become a flood
    /// of lines.
    fn turned_away(&self, route: Option<&str>, refusal: Refusal, at: SystemTime) {
        if let Some(unsaid) = self.turned_away.admit(refusal, at) {
            self.tell_turned_away(route, refusal, unsaid, at);
        }
    }

    /// Nobody calls any more, so nothing would tell them.
    fn tell_the_rest(&self, at: SystemTime) {
        for (refusal, untold) in self.turned_away.rest() {
            self.tell_turned_away(None, refusal, untold.saturating_sub(1), at);
        }
    }

    fn tell_turned_away(&self, route: Option<&str>, refusal: Refusal, unsaid: u64, at: SystemTime) {
        let turned = Turned { route, refusal, unsaid, at, config: &self.config() };
        self.followers.tell(|| Some(Told::turned_away(&turned)));
        let _counted = self.records.push(record::turned_away(&turned, self.form), at);
    }
}

#[cfg(test)]
mod tests;
