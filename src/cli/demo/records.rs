//! What the gateway itself writes down about its decisions.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

/// One decision, as far as the table shows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) verdict: String,
    pub(super) reason: String,
    pub(super) body_sha256: Option<String>,
}

/// Takes the lines that a gateway writes to stdout otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct Records(Arc<Mutex<Vec<u8>>>);

impl Records {
    /// All so far, in order.
    pub(super) fn all(&self) -> Vec<Record> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = bytes.split(|byte| *byte == b'\n');
        lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}

impl Write for Records {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_is_not_a_record_yet() {
        let mut records = Records::default();
        records.write_all(b"{\"verdict\":\"reject\",\"reason\":\"sig").unwrap();
        assert_eq!(records.all(), []);
        records.write_all(b"nature_mismatch\",\"more\":0}\n").unwrap();
        let all = records.all();
        assert_eq!((all.len(), all[0].reason.as_str()), (1, "signature_mismatch"));
    }
}
