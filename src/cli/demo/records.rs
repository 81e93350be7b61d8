//! What the gateway itself writes down about its decisions.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

/// One decision, as far as it is shown.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) verdict: String,
    pub(super) reason: String,
    pub(super) body_sha256: Option<String>,
    ts: String,
    route: Option<String>,
    resource: Option<String>,
    event: Option<String>,
    room_id: Option<String>,
}

impl Record {
    /// For people, much as `botwarden run` writes it on a terminal.
    pub(super) fn line(&self) -> String {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let clock = self.ts.get(11..19).unwrap_or_default();
        let (word, route) = (self.verdict.to_uppercase(), or_dash(&self.route));
        let event = match (&self.resource, &self.event) {
            (Some(resource), Some(event)) => format!("{resource}.{event}"),
            _ => "-".to_owned(),
        };
        let (reason, room) = (&self.reason, or_dash(&self.room_id));
        format!("{clock}  {word:<7} {route:<12} {event:<25} {reason:<34} room {room:.8}\n")
    }
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
        records
            .write_all(b"nature_mismatch\",\"ts\":\"2027-01-15T08:00:01.000Z\",\"more\":0}\n")
            .unwrap();
        let all = records.all();
        assert_eq!((all.len(), all[0].reason.as_str()), (1, "signature_mismatch"));
        assert!(all[0].line().starts_with("08:00:01  REJECT  -  "), "{}", all[0].line());
    }
}
