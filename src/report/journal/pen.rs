//! Puts lines into the chain, and seals under it. Knows nothing of files and threads.

use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::chain::{Chain, Head};
use crate::gate::seal::SealKey;
use crate::report::record::{Form, time};
use crate::report::turns;

/// Records under one seal, at most: what nobody vouches for yet stays a short look.
pub const SEAL_AFTER: u64 = 1000;

/// Lines that are not written yet, and what follows on them.
pub(super) struct Pen {
    head: Head,
    chain: Chain,
    form: Form,
    instance: Box<str>,
    key: Option<SealKey>,
    /// Records since the last seal.
    unsealed: u64,
    /// The first line of this run, as long as it is not written.
    opening: Option<Opening>,
    lines: String,
    count: u64,
    first: u64,
}

/// Makes the first line of a run, which says what runs there.
pub(super) type Opening = Box<dyn FnOnce(SystemTime, Form) -> String + Send>;

/// Whether something follows a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Place {
    /// The run goes on.
    Between,
    /// It is the last line of the run.
    Last,
}

#[derive(Serialize)]
struct Checkpoint<'a> {
    ts: String,
    kind: &'static str,
    /// Lines up to here, and the hash of the last of them.
    count: u64,
    head: String,
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    last: Option<bool>,
    key_id: &'a str,
}

/// What a pen writes with.
pub(super) struct Ink {
    pub(super) head: Head,
    pub(super) chain: Chain,
    pub(super) form: Form,
    pub(super) instance: Box<str>,
    pub(super) key: Option<SealKey>,
    pub(super) opening: Opening,
}

impl Pen {
    pub(super) fn new(ink: Ink) -> Self {
        let Ink { head, chain, form, instance, key, opening } = ink;
        let (opening, lines) = (Some(opening), String::new());
        Self { head, chain, form, instance, key, unsealed: 0, opening, lines, count: 0, first: 0 }
    }

    /// Adds a line, behind the first one of the run. A seal follows when there are enough. Whether one did.
    pub(super) fn put(&mut self, line: &str, at: SystemTime) -> Option<SystemTime> {
        let begun = self.begin(at);
        self.add(line);
        if self.unsealed < SEAL_AFTER { begun } else { self.seal(at, Place::Between) }
    }

    /// Says that so many records were lost.
    pub(super) fn lost(&mut self, records: u64, at: SystemTime) -> Option<SystemTime> {
        let line = turns::lost(records, at, self.form);
        self.put(&line, at)
    }

    /// Writes the first line of the run, if it is not written, and a seal behind it: who has no key cannot make up a
    /// run. Whether there is one.
    pub(super) fn begin(&mut self, at: SystemTime) -> Option<SystemTime> {
        let opening = self.opening.take()?;
        let line = opening(at, self.form);
        self.add(&line);
        self.seal(at, Place::Between)
    }

    /// A seal under everything so far, if there is a key and anything new, or a run to end. When that was.
    pub(super) fn seal(&mut self, at: SystemTime, place: Place) -> Option<SystemTime> {
        let ends = place == Place::Last && self.opening.is_none();
        let key = self.key.clone().filter(|_| ends || self.unsealed > 0)?;
        let checkpoint = Checkpoint {
            ts: time(at),
            kind: "checkpoint",
            count: self.head.seq,
            head: self.head.hash.to_string(),
            last: (place == Place::Last).then_some(true),
            key_id: key.id(),
        };
        let sealed = serde_json::to_string(&checkpoint).ok()?;
        let open = format!("{},\"instance\":\"{}\"", sealed.strip_suffix('}')?, self.instance);
        let seal = key.seal(open.as_bytes());
        self.close(format_args!("{open},\"signature\":\"{seal}\""));
        self.unsealed = 0;
        Some(at)
    }

    fn add(&mut self, line: &str) {
        let open = line.trim_end_matches('\n').strip_suffix('}');
        if let Some(open) = open.filter(|_| self.form == Form::Json) {
            let instance = self.instance.clone();
            self.close(format_args!("{open},\"instance\":\"{instance}\""));
            self.unsealed = self.unsealed.saturating_add(1);
        } else {
            self.lines.push_str(line);
            self.count += 1;
        }
    }

    fn close(&mut self, open: fmt::Arguments<'_>) {
        let from = self.lines.len();
        // Writing into a string does not fail.
        let _into_a_string = self.lines.write_fmt(open);
        let head = self.head.close(&mut self.lines, from, self.chain);
        if from == 0 {
            self.first = head.seq;
        }
        self.count += 1;
        self.head = head;
    }

    /// The lines that wait, and the number of the first.
    pub(super) fn lines(&self) -> (&[u8], u64) {
        (self.lines.as_bytes(), self.first)
    }

    /// They are written. How many there were.
    pub(super) fn written(&mut self) -> u64 {
        self.lines.clear();
        std::mem::take(&mut self.count)
    }
}

/// Between two seals, when something happens at all.
pub(super) const SEAL_EVERY: Duration = Duration::from_mins(5);
