//! The records, as they are written.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use botwarden::report::journal::verify::Verifier;
use serde_json::Value;

use crate::mac::sha256;

/// Takes records.
#[derive(Clone, Default)]
pub(crate) struct Told {
    bytes: Arc<Mutex<Vec<u8>>>,
    broken: Arc<AtomicBool>,
}

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Told {
    /// From now on, nothing can be written.
    pub(crate) fn breaks(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    /// And now everything again.
    pub(crate) fn mends(&self) {
        self.broken.store(false, Ordering::SeqCst);
    }

    /// Whole lines since the last time.
    fn take(&self) -> Vec<u8> {
        let mut bytes = self.bytes.lock().unwrap();
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes.drain(..end).collect()
    }
}

/// Reads records as they come, and checks that each follows on the one before: by hand, as the documents say it, and by
/// the verifier that `botwarden audit verify` uses.
pub(crate) struct Reader {
    told: Told,
    seq: u64,
    prev: String,
    verifier: Verifier,
}

impl Reader {
    pub(crate) fn new(told: &Told) -> Self {
        let verifier = Verifier::new(Vec::new());
        Self { told: told.clone(), seq: 0, prev: "0".repeat(64), verifier }
    }

    /// Records since the last time, or what is wrong with the chain.
    pub(crate) fn take(&mut self) -> Result<Vec<Value>, String> {
        let bytes = self.told.take();
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        let verified = self.verifier.file(bytes.as_slice(), None);
        verified
            .map_err(|stop| format!("`audit verify` stops at record {}: {stop:?}", self.seq))?;
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| self.link(line)).collect()
    }

    fn link(&mut self, line: &str) -> Result<Value, String> {
        let (body, end) = line.split_once(",\"hash\":\"").ok_or("a record without its hash")?;
        let record: Value = serde_json::from_str(line).unwrap();
        let hash = sha256(body.as_bytes());
        let fits = record["seq"] == self.seq + 1 && record["prev"] == *self.prev;
        if !fits || end != format!("{hash}\"}}") {
            return Err(format!("the record after {} does not follow on it", self.seq));
        }
        (self.seq, self.prev) = (self.seq + 1, hash);
        Ok(record)
    }

    pub(crate) fn records(&self) -> u64 {
        self.seq
    }
}
