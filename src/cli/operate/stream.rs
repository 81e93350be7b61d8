//! Server-sent events, as far as the gateway sends them.

use crate::report::journal::chain::LONGEST_LINE;

/// The longest line that is kept: any record, which has some 700 bytes, and a room with thousands of outsiders 100 KB.
const LONGEST: usize = LONGEST_LINE + 64;

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: String,
}

/// Puts pieces of bytes together again.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Vec<u8>,
    name: String,
    data: String,
}

/// This is no stream of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Foreign;

impl Reader {
    /// The events that end within this piece.
    pub(super) fn read(&mut self, piece: &[u8]) -> Result<Vec<Event>, Foreign> {
        let mut events = Vec::new();
        for byte in piece {
            match byte {
                b'\n' => events.extend(self.end_of_line()),
                _ if self.line.len() >= LONGEST => return Err(Foreign),
                other => self.line.push(*other),
            }
        }
        Ok(events)
    }

    fn end_of_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            return (!data.is_empty()).then_some(Event { name, data });
        }
        if let Some(name) = line.strip_prefix("event:") {
            name.trim_start().clone_into(&mut self.name);
        } else if let Some(data) = line.strip_prefix("data:") {
            data.trim_start().clone_into(&mut self.data);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_put_together_whatever_the_pieces() {
        let text = ":\n\nevent: record\ndata: {\"a\":1}\n\nevent: lagged\r\ndata: {\"missed\":7}\r\n\r\n:\n\n";
        let event = |name: &str, data: &str| Event { name: name.into(), data: data.into() };
        let expected = [event("record", "{\"a\":1}"), event("lagged", "{\"missed\":7}")];
        for size in [1, 2, 7, 1000] {
            let mut reader = Reader::default();
            let pieces = text.as_bytes().chunks(size);
            let events: Vec<_> = pieces.flat_map(|piece| reader.read(piece).unwrap()).collect();
            assert_eq!(events, expected, "{size}");
        }
    }

    #[test]
    fn the_longest_record_is_read() {
        let line = format!("data: {}\n\n", "x".repeat(LONGEST_LINE));
        assert_eq!(Reader::default().read(line.as_bytes()).unwrap().len(), 1);
    }

    #[test]
    fn a_line_without_an_end_is_not_kept() {
        assert_eq!(Reader::default().read(&vec![b'x'; LONGEST + 1]), Err(Foreign));
    }
}
