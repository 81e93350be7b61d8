//! Recomputes a chain, line by line, and names the first that does not fit. Reads no more than a line at a time.
//!
//! 1. A line ends in a line feed; only the last one of a run may not.
//! 2. It is a record, it ends as the gateway ends lines, and its hash is right.
//! 3. It follows on the one before: the next number, and its hash. Only a run that writes to stdout begins anew.
//! 4. After a line that is not whole comes the start of a run which says so, and no other run says so.
//! 5. A run begins with `started`, and nothing follows its last seal.
//! 6. A seal is under the line before it; with a key at hand, it is that key's.
//! 7. A run that seals has a seal at least every 1,000 records.
//! 8. Where records are mixed with other lines, those that do not begin as a record does are counted, and are no part
//!    of the log. One that was a record is missed by rule 3, unless it stood at the end.

use std::io::{self, BufRead, Read as _};

use serde::Serialize;

use super::chain::{Hash, Head, LONGEST_LINE, Link, NoLink};
use super::pen::SEAL_AFTER;
use crate::gate::seal::PublicKey;

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
    /// Records that no checked seal vouches for: those behind the last one.
    pub unsealed: u64,
    /// Lines that are no records, in what is mixed.
    pub ignored: u64,
    /// Starts that promise seals of a key that is at hand.
    #[serde(skip)]
    pub promised: u64,
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

/// Why a log is not what the gateway wrote. Says nothing of what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Rule 1.
    #[error("the line is longer than any record")]
    TooLong,
    /// Rule 2.
    #[error(transparent)]
    NoLink(#[from] NoLink),
    /// Rule 3.
    #[error("record {found} follows on record {before}: the ones between were removed, or moved")]
    Gap {
        /// The number of the one before.
        before: u64,
        /// The number that is here.
        found: u64,
    },
    /// Rule 3.
    #[error("this is not the line that was written after the one before")]
    Prev,
    /// Rule 3.
    #[error("the first record of a chain cannot follow on another one")]
    First,
    /// The file does not begin with the record that its name says.
    #[error("the file begins with another record than its name says")]
    Name,
    /// Rule 4.
    #[error("the line before is not whole, and no start explains it")]
    Torn,
    /// Rule 4.
    #[error(
        "the start says that the run before was cut off in the middle of a line, and it was not"
    )]
    NotTorn,
    /// Rule 5.
    #[error("a run of the gateway that never started")]
    NoStart,
    /// Rule 5.
    #[error("the run had ended before")]
    AfterEnd,
    /// Rule 6.
    #[error("the seal is not one of this key")]
    Seal,
    /// Rule 6.
    #[error("the seal is of a key that is not at hand")]
    OtherKey,
    /// Rule 7.
    #[error("a seal is missing: there must be one every {SEAL_AFTER} records")]
    NoSeal,
}

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
}

/// A run of the gateway, as far as it was read.
#[derive(Debug)]
struct Run {
    instance: Box<str>,
    /// With which key it seals; empty for none.
    seals: Box<str>,
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
        let anew = begins && &*link.said.kind == "started" && &*link.said.log == "stdout";
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

    /// Rule 5.
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
        let seals = link.said.key_id.as_deref().filter(|_| starts).unwrap_or_default();
        self.tally.starts += u64::from(starts);
        self.tally.promised += u64::from(self.keys.iter().any(|key| key.id() == seals));
        let instance = link.said.instance.clone();
        self.run = Some(Run { instance, seals: seals.into(), unsealed: 0, over: false });
        Ok(())
    }

    /// Rules 6 and 7.
    fn seals(&mut self, link: &Link, bytes: &[u8]) -> Result<(), Flaw> {
        let Some(run) = &mut self.run else { return Ok(()) };
        if &*link.said.kind != "checkpoint" {
            run.unsealed += 1;
            self.tally.unsealed += 1;
            let missing = !run.seals.is_empty() && run.unsealed > SEAL_AFTER;
            return if missing { Err(Flaw::NoSeal) } else { Ok(()) };
        }
        (run.unsealed, run.over) = (0, link.said.last);
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
                sealed(link, bytes, key)?;
                self.tally.sealed += 1;
                self.tally.unsealed = 0;
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

/// The seal is under everything that stands before it in its line, and that names the line before.
fn sealed(link: &Link, bytes: &[u8], key: &PublicKey) -> Result<(), Flaw> {
    #[derive(serde::Deserialize)]
    struct Under {
        count: u64,
        head: Box<str>,
    }
    let under: Under = serde_json::from_slice(bytes).map_err(|_no_echo| Flaw::Seal)?;
    let signature = format!(",\"signature\":\"{}\",\"seq\":{}", link.said.signature, link.head.seq);
    let at = bytes.windows(signature.len()).position(|part| part == signature.as_bytes());
    let body = at.and_then(|at| bytes.get(..at)).ok_or(Flaw::Seal)?;
    let fits =
        (under.count.saturating_add(1), &*under.head) == (link.head.seq, &*link.prev.to_string());
    let genuine = key.check(body, &link.said.signature).is_ok();
    if fits && genuine { Ok(()) } else { Err(Flaw::Seal) }
}
