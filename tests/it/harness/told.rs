//! What the gateway wrote down.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// Takes records, line by line.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<u8>>>);

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Told {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Every line.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The records of verdicts on events; not of calls that were turned away.
    pub(crate) fn decisions(&self) -> Vec<Value> {
        self.records().into_iter().filter(|record| record.get("decision_id").is_some()).collect()
    }

    /// How many records have this verdict and this reason.
    pub(crate) fn count(&self, verdict: &str, reason: &str) -> usize {
        let same = |record: &&Value| record["verdict"] == verdict && record["reason"] == reason;
        self.records().iter().filter(same).count()
    }
}
