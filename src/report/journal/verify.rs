//! Recomputes a chain, line by line, and names the first that does not fit. Reads no more than a line at a time.
//!
//! 1. A line ends in a line feed; only the last one of a run may not.
//! 2. It is a record, it ends as the gateway ends lines, and its hash is right.
//! 3. It follows on the one before: the next number, and its hash. Only a run that writes to stdout begins anew, and
//!    never in a log of a directory.
//! 4. After a line that is not whole comes the start of a run which says so, and no other run says so.
//! 5. A run begins with `started`, and nothing follows its last seal.
//! 6. A seal is under the line before it; with a key at hand, it is that key's.
//! 7. A run that seals has a seal right behind its start, and at least every 1,000 records.
//!
//! With a key at hand, what a seal vouches for:
//!
//! 8. The records of its own run that stand before it, and no others.
//! 9. Each run names a key at hand in its start, so that no run stands in the log that its seals need not vouch for.
//! 10. The newest run may be going on: what follows its last seal is counted.
//! 11. Each other run ends in a last seal. One that does not was killed, or its end was cut off. It is named, with the
//!     number of its records that no seal vouches for; the start after it may not say that it ended in a seal. In a
//!     directory that start says `sealed_before: "no"`, and stands under a seal of its own: then it is explained.
//!
//! 12. Where records are mixed with other lines, those that do not begin as a record does are counted, and are no part
//!     of the log. One that was a record is missed by rule 3, unless it stood at the end.

use std::io::{self, BufRead, Read as _};

use serde::Serialize;

use super::chain::{Hash, Head, LONGEST_LINE, Link, Said};
pub use super::flaw::Flaw;
use super::pen::SEAL_AFTER;
use super::seals;
use crate::gate::seal::{Forged, PublicKey};

/// What a log holds, as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Files.
    pub files: u64,
    /// Records, seals among them.
    pub records: u64,
    /// The number of the first record; more than 1 when older ones are not here.
    pub from: Option<u64>,
    /// The number of the last.
    pub to: Option<u64>,
    /// When the first record was made.
    pub first: Option<Box<str>>,
    /// When the last was made.
    pub last: Option<Box<str>>,
    /// The hash of the last: what to keep elsewhere.
    pub head: Option<String>,
    /// Starts of the gateway.
    pub starts: u64,
    /// Chains that begin here; more than one only in what was written to stdout.
    pub chains: u64,
    /// Reloads that took place.
    pub reloads: u64,
    /// Runs that broke off in the middle of a line; the start after each says so.
    pub torn: u64,
    /// The last line is not whole: it is being written, or the gateway was killed and has not started since.
    pub open_end: bool,
    /// Seals that a key was checked against.
    pub sealed: u64,
    /// Seals that no key was at hand for.
    pub unchecked: u64,
    /// Records that no checked seal of their own run vouches for.
    pub unsealed: u64,
    /// Lines that are no records, in what is mixed.
    pub ignored: u64,
    /// Those of them that the newest run has written: its next seal is to come.
    pub pending: u64,
    /// Runs without a last seal, and another run follows. Known with a key.
    pub killed: u64,
    /// Those of them that the start after them does not explain.
    pub unexplained: u64,
    /// The first [`MOST_NAMED`] of them.
    pub named: Vec<Killed>,
}

/// Runs without a last seal that are named one by one: more than anybody reads, and no log makes the list longer.
pub const MOST_NAMED: usize = 100;

/// A run that was killed, or whose end was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Killed {
    /// The number of its last record.
    pub last: u64,
    /// How many at its end no seal vouches for.
    pub unsealed: u64,
    /// The start after it says so.
    pub explained: bool,
}

/// What stands in what is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// Records, and nothing else.
    #[default]
    Records,
    /// Lines of others between them, such as those of the ordinary log.
    Mixed,
}

/// How every record begins, and no line of the ordinary log.
const BEGINNING: &[u8] = b"{\"ts\":";

/// Why reading ended early.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// A line does not fit.
    #[error("line {line}: {flaw}")]
    Flaw {
        /// In the file, from 1.
        line: u64,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads files in their order.
#[derive(Debug, Default)]
pub struct Verifier {
    keys: Vec<PublicKey>,
    lines: Lines,
    tally: Tally,
    head: Option<Head>,
    run: Option<Run>,
    /// The line before is not whole.
    torn: bool,
    /// The log is one of a directory.
    dir: bool,
}

/// A run of the gateway, as far as it was read.
#[derive(Debug)]
struct Run {
    instance: Box<str>,
    /// How many records may stand without a seal; none for a run that does not seal.
    most: Option<u64>,
    unsealed: u64,
    over: bool,
}

impl Verifier {
    /// Checks seals against these keys.
    pub fn new(keys: Vec<PublicKey>) -> Self {
        Self { keys, ..Self::default() }
    }

    /// The same, where this stands.
    #[must_use]
    pub fn among(self, lines: Lines) -> Self {
        Self { lines, ..self }
    }

    /// What was read so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The next file. Its name may say the number of its first record.
    pub fn file(&mut self, mut from: impl BufRead, first: Option<u64>) -> Result<(), Stop> {
        self.tally.files += 1;
        self.dir |= first.is_some();
        let (mut line, mut bytes, mut expected) = (0, Vec::new(), first);
        loop {
            bytes.clear();
            let most = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
            from.by_ref().take(most + 1).read_until(b'\n', &mut bytes)?;
            line += 1;
            let flaw = |flaw| Stop::Flaw { line, flaw };
            match bytes.split_last() {
                None => return Ok(()),
                Some((last, _)) if self.foreign(&bytes) => {
                    self.tally.ignored += 1;
                    if *last != b'\n' {
                        from.skip_until(b'\n')?;
                    }
                }
                Some((b'\n', whole)) => self.line(whole, expected.take()).map_err(flaw)?,
                Some(_) if bytes.len() > LONGEST_LINE => return Err(flaw(Flaw::TooLong)),
                Some(_) => self.cut(),
            }
        }
    }

    /// The last file was read.
    pub fn end(mut self) -> Tally {
        self.tally.open_end = self.torn;
        self.tally.pending = self.run.as_ref().map_or(0, |run| run.unsealed);
        self.tally
    }

    /// Rule 8. The beginning of a beginning is a record that was cut off.
    fn foreign(&self, line: &[u8]) -> bool {
        self.lines == Lines::Mixed && !line.starts_with(BEGINNING) && !BEGINNING.starts_with(line)
    }

    fn cut(&mut self) {
        self.torn = true;
    }

    fn line(&mut self, line: &[u8], named: Option<u64>) -> Result<(), Flaw> {
        let read = Link::read(line)?;
        if named.is_some_and(|first| first != read.head.seq) {
            return Err(Flaw::Name);
        }
        self.follows(&read)?;
        self.explains(&read)?;
        self.runs(&read)?;
        self.seals(&read, line)?;
        self.count(read);
        Ok(())
    }

    /// Rule 3.
    fn follows(&mut self, link: &Link) -> Result<(), Flaw> {
        let begins = link.head.seq == 1 && link.prev == Hash::default();
        let (starts, log) = (&*link.said.kind == "started", &*link.said.log);
        self.dir |= starts && log == "dir";
        let anew = begins && starts && log == "stdout" && !self.dir;
        match self.head {
            None if (link.head.seq == 1) != (link.prev == Hash::default()) => Err(Flaw::First),
            Some(before) if !anew && link.head.seq != before.seq.saturating_add(1) => {
                Err(Flaw::Gap { before: before.seq, found: link.head.seq })
            }
            Some(before) if !anew && link.prev != before.hash => Err(Flaw::Prev),
            Some(_) | None => Ok(()),
        }?;
        self.tally.chains += u64::from(begins || self.head.is_none());
        Ok(())
    }

    /// Rule 4.
    fn explains(&mut self, link: &Link) -> Result<(), Flaw> {
        let torn = std::mem::take(&mut self.torn);
        match (torn, link.said.torn) {
            (true, false) => Err(Flaw::Torn),
            // What was cut off may stand in an older file, which is not here.
            (false, true) if self.head.is_some() => Err(Flaw::NotTorn),
            (true | false, true) => {
                self.tally.torn += 1;
                Ok(())
            }
            (false, false) => Ok(()),
        }
    }

    /// Rules 5, 9 and 11.
    fn runs(&mut self, link: &Link) -> Result<(), Flaw> {
        let starts = &*link.said.kind == "started";
        match &self.run {
            Some(run) if run.instance == link.said.instance && starts => return Err(Flaw::NoStart),
            Some(run) if run.instance == link.said.instance && run.over => {
                return Err(Flaw::AfterEnd);
            }
            Some(run) if run.instance == link.said.instance => return Ok(()),
            Some(_) if !starts => return Err(Flaw::NoStart),
            Some(_) | None => {}
        }
        let most = self.sealing(&link.said)?;
        self.left(&link.said)?;
        self.run =
            Some(Run { instance: link.said.instance.clone(), most, unsealed: 0, over: false });
        self.tally.starts += u64::from(starts);
        Ok(())
    }

    /// Rules 7 and 9: how many records of a run that begins here may stand before its first seal.
    fn sealing(&self, said: &Said) -> Result<Option<u64>, Flaw> {
        let checks = !self.keys.is_empty();
        if &*said.kind != "started" {
            // Its start is not here, and neither is the seal behind that.
            return Ok(checks.then_some(SEAL_AFTER));
        }
        match said.key_id.as_deref() {
            None if checks => Err(Flaw::Unkeyed),
            None => Ok(None),
            Some(id) if checks && !self.keys.iter().any(|key| key.id() == id) => {
                Err(Flaw::OtherKey)
            }
            Some(_) => Ok(Some(1)),
        }
    }

    /// Rule 11, of the run before.
    fn left(&mut self, next: &Said) -> Result<(), Flaw> {
        let Some(run) = self.run.as_ref().filter(|run| !run.over) else { return Ok(()) };
        if self.keys.is_empty() {
            return Ok(());
        }
        if &*next.sealed_before == "yes" {
            return Err(Flaw::NotSealed);
        }
        let last = self.tally.to.unwrap_or_default();
        let explained = &*next.sealed_before == "no";
        self.tally.killed += 1;
        self.tally.unexplained += u64::from(!explained);
        if self.tally.named.len() < MOST_NAMED {
            self.tally.named.push(Killed { last, unsealed: run.unsealed, explained });
        }
        Ok(())
    }

    /// Rules 6, 7 and 8.
    fn seals(&mut self, link: &Link, bytes: &[u8]) -> Result<(), Flaw> {
        let Some(run) = &mut self.run else { return Ok(()) };
        if &*link.said.kind != "checkpoint" {
            run.unsealed += 1;
            self.tally.unsealed += 1;
            let missing = run.most.is_some_and(|most| run.unsealed > most);
            return if missing { Err(Flaw::NoSeal) } else { Ok(()) };
        }
        let under = std::mem::take(&mut run.unsealed);
        (run.most, run.over) = (Some(SEAL_AFTER), link.said.last);
        let id = link.said.key_id.as_deref().unwrap_or_default();
        let key = self.keys.iter().find(|key| key.id() == id);
        match key {
            None if self.keys.is_empty() => {
                self.tally.unchecked += 1;
                self.tally.unsealed += 1;
                Ok(())
            }
            None => Err(Flaw::OtherKey),
            Some(key) => {
                let check = |body: &[u8], seal: &str| key.check(body, seal);
                seals::genuine(link, bytes, check).map_err(|Forged| Flaw::Seal)?;
                self.tally.sealed += 1;
                self.tally.unsealed = self.tally.unsealed.saturating_sub(under);
                Ok(())
            }
        }
    }

    fn count(&mut self, link: Link) {
        let Tally { records, from, to, first, last, head, reloads, .. } = &mut self.tally;
        *records += 1;
        from.get_or_insert(link.head.seq);
        *to = Some(link.head.seq);
        *reloads += u64::from(&*link.said.kind == "reloaded");
        first.get_or_insert_with(|| link.said.ts.clone());
        (*last, *head) = (Some(link.said.ts), Some(link.head.hash.to_string()));
        self.head = Some(link.head);
    }
}
