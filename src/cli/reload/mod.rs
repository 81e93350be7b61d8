//! The configuration of a running gateway, read again: on a signal, when somebody asks for it, and when a file changes
//! that it names. Rules, in order:
//!
//! 1. One task does it, one reload at a time. Whoever asks during a reload has one more, together with all others who
//!    ask meanwhile.
//! 2. Nothing is taken that somebody may be writing. Where a file changed, the others that never rest count as they were,
//!    and so does the configuration itself unless it is watched: a secret that is rotated puts nothing in force that lies
//!    there unfinished. Whatever is read is looked at again, and read again until both agree.
//! 3. All or nothing: the configuration is read and checked as at the start, and everything that can fail is built,
//!    before anything changes. Otherwise the old one stays, and every mistake is told.
//! 4. What a running process cannot change keeps its old value ([`fixed`]), and is told by name.
//! 5. The departures of bots that will be others end first ([`Upkeep::hand_over`]): no room is left by a
//!    policy that is no longer in force.
//! 6. Then all of it comes into force at once ([`Gateway::adopt`]).

mod changed;
mod control;
mod fixed;
mod looks;
mod origin;
mod tell;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use crate::admin::api::Access;
use crate::admin::{NotReloaded, Reloaded};
use crate::config::{Code, Config, Problem};
use crate::flow::{Gateway, Prepared, StartProblem};
use crate::ingress::{self, Certificates, Drain, Examined};
use crate::report::{Reporter, Scope};
use crate::rt;
use crate::upkeep::Upkeep;

pub use super::notify::Supervisor;
pub use control::Handle;
pub(super) use control::Requests;
use control::{Outcome, Reply};
use looks::{Looks, Seen};
use origin::Unchanging;
pub use origin::{Fresh, Frozen, Held, Machined, Origin, Print, Prints, Remembering, Unusable};

/// Small files, a dozen of them; a volume that does not answer by then is out of reach.
const READ: Duration = Duration::from_secs(30);

/// Who writes a dozen small files is done a second later; who is not never rests.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// Why files were not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    /// It takes too long.
    Slow,
    /// An earlier read takes too long, and still has no end.
    Held,
    /// They were others each time.
    Restless,
    /// It panicked.
    Broken,
}

/// What is followed, and how.
#[derive(Clone)]
pub struct Following {
    /// Where the configuration comes from.
    pub origin: Arc<dyn Origin>,
    /// What the files held when it was read at the start.
    pub prints: Prints,
    /// The same, byte by byte.
    pub held: Held,
    /// Which files are looked at.
    pub watch: Watch,
    /// Between two looks.
    pub every: Duration,
    /// What else follows it, once it is in force: the level of the log.
    pub then: Then,
    /// Who is told when a reload begins and ends.
    pub supervisor: Supervisor,
}

/// Something that follows the configuration, and cannot fail.
pub type Then = Arc<dyn Fn(&Config) + Send + Sync>;

/// Which files are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Secrets and certificates that the configuration names.
    Named,
    /// The configuration itself, too.
    All,
}

impl Following {
    /// Often enough for a secret that was rotated, and a few small reads.
    pub const EVERY: Duration = Duration::from_secs(5);

    /// A configuration without a file: reading it again changes nothing.
    pub fn nothing(config: &Config) -> Self {
        Self {
            origin: Arc::new(Unchanging(config.clone())),
            prints: Prints::new(),
            held: Held::default(),
            watch: Watch::Named,
            every: Self::EVERY,
            then: Arc::new(|_| {}),
            supervisor: Supervisor::default(),
        }
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("watch", &self.watch).finish_non_exhaustive()
    }
}

/// What follows the configuration.
#[derive(Debug)]
pub(super) struct Followers {
    pub(super) gateway: Arc<Gateway>,
    pub(super) upkeep: Upkeep,
    pub(super) drain: Drain,
    pub(super) certificates: Option<Certificates>,
    pub(super) access: Option<Access>,
    pub(super) reporter: Arc<Reporter>,
}

/// Reads it again, for as long as the gateway runs.
pub(super) struct Reloads {
    following: Following,
    followers: Followers,
    looks: Looks,
    /// What the configuration in force was read from.
    prints: Prints,
    held: Held,
    /// Held by whoever reads files: a volume that hangs holds up one thread, not one more at each look.
    reading: Arc<Semaphore>,
}

impl Reloads {
    pub(super) fn new(following: Following, followers: Followers) -> Self {
        let (prints, held) = (following.prints.clone(), following.held.clone());
        let mut reloads = Self {
            following,
            followers,
            looks: Looks::default(),
            prints,
            held,
            reading: Arc::new(Semaphore::new(1)),
        };
        reloads.know(Prints::new());
        reloads
    }

    /// Rule 1. Ends only when it is dropped.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Reply>, nudge: Arc<Notify>) {
        loop {
            let (mut waiting, mut frozen) = (Vec::new(), BTreeSet::new());
            tokio::select! {
                Some(request) = requests.recv() => waiting.push(request),
                () = nudge.notified() => {}
                () = sleep(self.following.every) => {
                    let Seen::Settled(restless) = self.look().await else { continue };
                    frozen = self.frozen(restless);
                }
            }
            while let Ok(request) = requests.try_recv() {
                waiting.push(request);
            }
            if !waiting.is_empty() {
                frozen.clear();
            }
            let outcome = self.reload(frozen).await;
            for reply in waiting {
                let _nobody_waits = reply.send(outcome.clone());
            }
        }
    }

    async fn look(&mut self) -> Seen {
        let files: Vec<_> = self.looks.known().keys().cloned().collect();
        let origin = Arc::clone(&self.following.origin);
        match self.aside(move || origin.look(&files)).await {
            Ok(prints) => self.looks.see(prints),
            Err(_unread) => Seen::Unsettled,
        }
    }

    /// A supervisor that was told of the beginning waits for the end, whatever comes of it.
    async fn reload(&mut self, frozen: BTreeSet<PathBuf>) -> Outcome {
        self.following.supervisor.reloading();
        let outcome = self.attempt(frozen).await;
        self.following.supervisor.ready();
        outcome
    }

    async fn attempt(&mut self, frozen: BTreeSet<PathBuf>) -> Outcome {
        let frozen = Frozen { held: self.held.clone(), files: frozen };
        let outcome = match self.read(&frozen).await {
            Ok(Ok(fresh)) => self.take(fresh).await,
            Ok(Err(unusable)) => {
                self.know(unusable.prints.clone());
                Err(unusable)
            }
            Err(unread) => Err(self.unreadable(unread)),
        };
        tell::outcome(&outcome, &self.followers.reporter).await;
        outcome.map(|(reloaded, _text)| reloaded).map_err(|unusable| {
            let Unusable { file, problems, .. } = unusable;
            NotReloaded { file, problems }
        })
    }

    /// Rule 2, of a file that changed.
    fn frozen(&self, restless: BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        for file in &restless {
            tracing::warn!(file = %file.display(), "it changes all the time; the other files are read without it");
        }
        let own = match self.following.watch {
            Watch::Named => self.following.origin.file().map(PathBuf::from),
            Watch::All => None,
        };
        restless.into_iter().chain(own).collect()
    }

    /// Rule 2: what is read, once it is at rest.
    async fn read(&self, frozen: &Frozen) -> Result<Result<Fresh, Unusable>, Unread> {
        for _ in 0..TRIES {
            let (origin, frozen) = (Arc::clone(&self.following.origin), frozen.clone());
            if let Some(read) = self.aside(move || at_rest(&*origin, frozen)).await? {
                return Ok(read);
            }
            sleep(PAUSE).await;
        }
        Err(Unread::Restless)
    }

    /// Rules 3 to 6.
    async fn take(&mut self, fresh: Fresh) -> Result<(Reloaded, String), Unusable> {
        let Fresh { config, warnings, text, mut prints, held } = fresh;
        let old = self.followers.gateway.config();
        let (config, restart) = fixed::keep(&old, config);
        let config = Arc::new(config);
        if let Err(problem) = self.come_into_force(&config, &held).await {
            self.know(prints.clone());
            return Err(self.unusable(problem));
        }
        tell::exchanged(&changed::names((&old, &self.prints), (&config, &prints)));
        let frozen = self
            .prints
            .keys()
            .filter_map(|file| Some((file.clone(), held.print(file, &self.prints)?)));
        for (file, print) in frozen.collect::<Vec<_>>() {
            prints.entry(file).or_insert(print);
        }
        (self.prints, self.held) = (prints, held);
        self.know(Prints::new());
        let (old, new) = (old.fingerprint.clone(), config.fingerprint.clone());
        Ok((Reloaded { old, new, restart, file: self.file(), warnings }, text))
    }

    async fn come_into_force(&self, config: &Arc<Config>, held: &Held) -> Result<(), Problem> {
        let Followers { gateway, upkeep, drain, certificates, access, reporter } = &self.followers;
        let (building, by, files) = (Arc::clone(gateway), Arc::clone(config), held.clone());
        let built = self.aside(move || built(&building, &by, &files)).await;
        let (tls, prepared) = built.map_err(unread)??;
        upkeep.hand_over(&prepared).await;
        gateway.adopt(prepared);
        upkeep.resume(config);
        if let (Some(certificates), Some(tls)) = (certificates, tls) {
            certificates.renew(tls);
        }
        if let Some(access) = access {
            access.renew(&config.admin);
        }
        drain.follow(&config.server);
        reporter.renew(&Scope::of(config));
        (self.following.then)(config);
        Ok(())
    }

    /// What was found at the last try counts as known, and so do files that the configuration in force names.
    fn know(&mut self, tried: Prints) {
        let mut known = self.prints.clone();
        known.extend(tried);
        if let (Watch::Named, Some(file)) = (self.following.watch, self.following.origin.file()) {
            known.remove(file);
        }
        self.looks.know(known);
    }

    /// Where a volume that hangs holds up nobody else.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unread> {
        let alone = Arc::clone(&self.reading).try_acquire_owned();
        let alone = alone.map_err(|_another_has_it| Unread::Held)?;
        let working = rt::blocking(move || {
            let done = work();
            drop(alone);
            done
        });
        timeout(READ, working).await.map_err(|_elapsed| Unread::Slow)?.ok_or(Unread::Broken)
    }

    fn unreadable(&self, why: Unread) -> Unusable {
        self.unusable(unread(why))
    }

    fn file(&self) -> Box<str> {
        let file = self.following.origin.file();
        file.map(|file| file.display().to_string().into()).unwrap_or_default()
    }

    fn unusable(&self, problem: Problem) -> Unusable {
        let file = self.file();
        Unusable { file, problems: vec![problem], text: String::new(), prints: Prints::new() }
    }
}

/// What was read, if the files hold the same afterwards. Blocking.
fn at_rest(origin: &dyn Origin, frozen: Frozen) -> Option<Result<Fresh, Unusable>> {
    let read = origin.read_besides(frozen);
    let prints = match &read {
        Ok(fresh) => &fresh.prints,
        Err(unusable) => &unusable.prints,
    };
    let files: Vec<_> = prints.keys().cloned().collect();
    (origin.look(&files) == *prints).then_some(read)
}

/// Everything that can fail. Blocking.
fn built(
    gateway: &Gateway,
    config: &Arc<Config>,
    held: &Held,
) -> Result<(Option<Examined>, Prepared), Problem> {
    let tls = config.server.tls.as_ref().map(|tls| ingress::examine_in(tls, held)).transpose();
    let tls = tls.map_err(|problem| unfit("server.tls", &problem.to_string()))?;
    Ok((tls, gateway.prepare(config).map_err(|problem| unbuilt(&problem))?))
}

fn unread(why: Unread) -> Problem {
    let message = match why {
        Unread::Slow => format!("the files were not read within {} s", READ.as_secs()),
        Unread::Held => "an earlier read of the files still hangs".to_owned(),
        Unread::Broken => {
            "the gateway broke off while it read the files, which is its own fault: see its log"
                .to_owned()
        }
        Unread::Restless => "the files are being changed: reload once that is over".to_owned(),
    };
    Problem::new(Code::Unreadable, message)
}

/// The file can be read, and does not do.
fn unfit(path: &str, why: &str) -> Problem {
    Problem::new(Code::MissingFile, why).on(path)
}

fn unbuilt(problem: &StartProblem) -> Problem {
    let path = match problem {
        StartProblem::Client { bot, .. } => format!("bots.{bot}"),
        StartProblem::Upstream { route, .. } => format!("routes.{route}.upstream"),
    };
    unfit(&path, &problem.to_string())
}

impl fmt::Debug for Reloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloads").field("following", &self.following).finish_non_exhaustive()
    }
}
