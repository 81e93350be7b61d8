//! The decision log: records in a chain.
//!
//! A reader that stalls must not stall the gateway, and what may pass waits until its record is written.

pub mod chain;
mod done;
mod file;
mod flaw;
pub mod folder;
mod held;
pub mod name;
mod pen;
mod queue;
mod seat;
pub mod seals;
pub mod verify;
mod writer;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use super::lines::Unwritten;
use super::record::Form;
use crate::gate::seal::SealKey;
use chain::Chain;
use done::Done;
use folder::{Before, Folder, NoFolder, Rules};
pub use pen::SEAL_AFTER;
use pen::{Ink, Opening, Pen};
use queue::{Haste, Queue};
use seals::SealedBefore;
use seat::Seat;
use writer::{Fate, Item, Pace, Sink, Writer};

/// Records that wait for the writer: some 6 MB of them.
pub(super) const LONGEST_QUEUE: usize = 10_000;

/// How often somebody who waits for the end of the queue looks for a place in it.
const LOOK: Duration = Duration::from_millis(5);

/// Where records go, and how they are kept together.
pub struct Outlet {
    sink: Sink,
    before: Before,
    form: Form,
    chain: Chain,
    key: Option<SealKey>,
}

impl Outlet {
    /// To a reader. A chain of records in JSON begins anew with each run.
    pub fn stream(out: Box<dyn Write + Send>, form: Form) -> Self {
        let (sink, before) = (Sink::Stream(out), Before::default());
        Self { sink, before, form, chain: Chain::Linked, key: None }
    }

    /// To a directory, always in JSON. The chain goes on where the run before ended.
    pub fn folder(rules: Rules, now: SystemTime) -> Result<Self, NoFolder> {
        let chain = rules.chain;
        let (folder, before) = Folder::open(rules, now)?;
        Ok(Self { sink: Sink::Folder(folder), before, form: Form::Json, chain, key: None })
    }

    /// With seals under the chain.
    #[must_use]
    pub fn sealed(mut self, key: Option<SealKey>) -> Self {
        self.key = key;
        self
    }

    /// Chained or not.
    #[must_use]
    pub fn chained(mut self, chain: Chain) -> Self {
        self.chain = chain;
        self
    }

    /// How records look there.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// What the first record of a run says about it.
    pub(super) fn setting(&self) -> Setting {
        Setting {
            log: match self.sink {
                Sink::Stream(_) => "stdout",
                Sink::Folder(_) => "dir",
            },
            torn: self.before.torn,
            key_id: self.key().map(|key| key.id().into()),
            sealed_before: self.sealed_before(),
        }
    }

    /// Whether the run before ended in a last seal of this key; for a log that is sealed.
    pub fn sealed_before(&self) -> Option<SealedBefore> {
        self.key().map(|key| match (&self.before.line, self.before.torn) {
            (Some(line), false) => seals::ends(line, key),
            (_, true) => SealedBefore::No,
            (None, false) => SealedBefore::None,
        })
    }

    /// Seals are under a chain, and a chain is of JSON.
    fn key(&self) -> Option<&SealKey> {
        self.key.as_ref().filter(|_| self.form == Form::Json && self.chain == Chain::Linked)
    }
}

impl std::fmt::Debug for Outlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlet")
            .field("chain", &self.chain)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Where a run writes to.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) log: &'static str,
    pub(super) torn: bool,
    pub(super) key_id: Option<Box<str>>,
    pub(super) sealed_before: Option<SealedBefore>,
}

/// The place of a record among those that were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// What is known of the decision log, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct JournalState {
    /// Records that are written.
    pub records: u64,
    /// Records that were lost, and tries to write that failed.
    pub errors: u64,
    /// When the last seal was written.
    pub last_checkpoint: Option<SystemTime>,
}

/// Takes records. Dropping it lets the thread write what is queued, seal it, and end.
#[derive(Debug)]
pub(super) struct Journal {
    queue: Arc<Queue>,
    seat: Arc<Seat>,
    fate: Arc<Fate>,
    done: Arc<Done>,
}

impl Journal {
    /// Starts the thread, with a queue that holds `more` records than usual. Where the system gives no thread, every
    /// record is lost and counted.
    pub(super) fn new(outlet: Outlet, instance: Box<str>, opening: Opening, more: usize) -> Self {
        let longest = u64::try_from(LONGEST_QUEUE.saturating_add(more)).unwrap_or(u64::MAX);
        let queue = Arc::new(Queue::new(longest));
        let (fate, done) = (Arc::new(Fate::default()), Arc::new(Done::default()));
        let key = outlet.key().cloned();
        let Outlet { sink, before, form, chain, .. } = outlet;
        let pen = Pen::new(Ink { head: before.head, chain, form, instance, key, opening });
        let writer = Writer {
            queue: Arc::clone(&queue),
            sink,
            pen,
            fate: Arc::clone(&fate),
            done: Arc::clone(&done),
            named: 0,
            pace: Pace::default(),
        };
        let seat = Arc::new(Seat::new(writer));
        let (thread, duty) = (std::thread::Builder::new(), seat.duty());
        let started = thread.name("records".to_owned()).spawn(move || duty.run());
        fate.failing.store(started.is_err(), Ordering::Relaxed);
        Self { queue, seat, fate, done }
    }

    /// Queues a record: a line with its end. Also while none can be written: what is over by then, such as an event that
    /// expired, has its record later. One that is lost is counted, and the count has a record.
    pub(super) fn push(&self, line: String, at: SystemTime) -> Result<Ticket, Unwritten> {
        self.line(line, at, Haste::Now)
    }

    /// The same for a record that is waited for next ([`Self::written`]); else it may take a second.
    pub(super) fn push_awaited(&self, line: String, at: SystemTime) -> Result<Ticket, Unwritten> {
        self.line(line, at, Haste::Soon)
    }

    fn line(&self, line: String, at: SystemTime, haste: Haste) -> Result<Ticket, Unwritten> {
        let ticket = self.queue.put(Item::Line(line, at), self.done.items(), haste);
        if ticket.is_none() {
            self.fate.lost.fetch_add(1, Ordering::Relaxed);
        }
        ticket.ok_or(Unwritten)
    }

    /// The run has begun: its first record is due now, if it is not written.
    pub(super) fn begin(&self, at: SystemTime) {
        if self.send(Item::Begin(at)).is_none() {
            self.fate.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until a record is written, but not longer than this. It is written all the same, later.
    pub(super) async fn written(&self, ticket: Ticket, within: Duration) -> Result<(), Unwritten> {
        if self.done.items() < ticket.0 {
            // What else is ready to go on may have a record as well.
            behind_others().await;
        }
        if self.done.items() < ticket.0 {
            self.seat.write();
        }
        if self.done.items() >= ticket.0 {
            return Ok(());
        }
        let reached = self.done.reached(ticket.0);
        if matches!(tokio::time::timeout(within, reached).await, Ok(Ok(()))) {
            return Ok(());
        }
        self.fate.late.store(true, Ordering::SeqCst);
        // It may have been done in between, and then nothing might follow that says so.
        if self.done.items() < ticket.0 {
            return Err(Unwritten);
        }
        self.fate.late.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Whether records are being written, as far as is known.
    pub(super) fn writable(&self) -> bool {
        !self.fate.failing.load(Ordering::Relaxed) && !self.fate.late.load(Ordering::SeqCst)
    }

    /// Records that were lost so far.
    pub(super) fn lost(&self) -> u64 {
        self.fate.lost.load(Ordering::Relaxed)
    }

    /// What is known, for metrics.
    pub(super) fn state(&self) -> JournalState {
        let sealed = self.fate.sealed.load(Ordering::Relaxed);
        let sealed =
            (sealed > 0).then(|| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(sealed)));
        JournalState {
            records: self.fate.records.load(Ordering::Relaxed),
            errors: self.lost().saturating_add(self.fate.failures.load(Ordering::Relaxed)),
            last_checkpoint: sealed.flatten(),
        }
    }

    /// Waits until everything that was queued is written. Whether it was within this time. Blocks the thread.
    pub(super) fn flush(&self, within: Duration) -> bool {
        self.await_all(within, Item::Flush)
    }

    /// The same, and then seals it, and lets the disk have it. Nothing may be said after that.
    pub(super) fn end(&self, at: SystemTime, within: Duration) -> bool {
        self.await_all(within, |tell| Item::End(at, tell))
    }

    fn await_all(&self, within: Duration, item: impl Fn(SyncSender<()>) -> Item) -> bool {
        let (tell, told) = sync_channel(1);
        let looks = within.as_millis() / LOOK.as_millis() + 1;
        for _ in 0..looks {
            if self.send(item(tell.clone())).is_some() {
                return told.recv_timeout(within).is_ok();
            }
            std::thread::sleep(LOOK);
        }
        false
    }

    fn send(&self, item: Item) -> Option<Ticket> {
        self.queue.put(item, self.done.items(), Haste::Now)
    }
}

/// Lets everything else go first that is ready to go on. `yield_now` would also ask the system for what is new.
async fn behind_others() {
    let mut been = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut been, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[cfg(test)]
pub(super) mod tests;
