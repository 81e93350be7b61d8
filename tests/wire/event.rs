//! Signed events, and what an enemy makes of them.

use crate::harness::SECRET;
use crate::proof::mac;

/// Where the gateway takes events.
pub(crate) const PATH: &str = "/webhooks/helpdesk";

/// What Webex sends: a body, and the proof that belongs to it and to no other.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) body: String,
    mac: String,
}

impl Event {
    pub(crate) fn signed(body: String) -> Self {
        let mac = mac(SECRET.as_bytes(), body.as_bytes());
        Self { body, mac }
    }

    /// What stands in no other event.
    pub(crate) fn mark(&self) -> &str {
        let from = self.body.find("event-").unwrap();
        self.body[from..].split('"').next().unwrap()
    }

    /// The whole call, as Webex makes it.
    pub(crate) fn call(&self) -> String {
        self.fill("{start}Content-Length: {n}\r\n\r\n{body}", "")
    }

    /// The same with a proof of something else.
    pub(crate) fn forged(&self) -> String {
        self.call().replace(&self.mac, &mac(b"a guess of an enemy", b""))
    }

    /// Puts this event into a text:
    ///
    /// | word | is |
    /// |---|---|
    /// | `{start}` | the head up to its signature, without what says how long the body is |
    /// | `{path}`, `{mac}`, `{body}`, `{n}`, `{x}` | its parts; the length in decimal and hexadecimal digits |
    /// | `{chunks}` | the body as one chunk, and the last chunk |
    /// | `{hidden}` | a whole call of another event, whose proof is right |
    /// | `{8k}`, `{100k}`, `{101}`, `{201}` | so many letters; so many headers |
    pub(crate) fn fill(&self, text: &str, hidden: &str) -> String {
        let n = self.body.len();
        let headers = |count| "X-A: b\r\n".repeat(count);
        let words = [
            ("{start}", "POST {path} HTTP/1.1\r\nHost: h\r\nX-Spark-Signature: {mac}\r\n".into()),
            ("{chunks}", "{x}\r\n{body}\r\n0\r\n\r\n".into()),
            ("{path}", PATH.into()),
            ("{mac}", self.mac.clone()),
            ("{n}", n.to_string()),
            ("{x}", format!("{n:x}")),
            ("{8k}", "a".repeat(8 << 10)),
            ("{100k}", "0".repeat(100 << 10)),
            ("{101}", headers(101)),
            ("{201}", headers(201)),
            ("{body}", self.body.clone()),
            ("{hidden}", hidden.to_owned()),
        ];
        words.iter().fold(text.to_owned(), |text, (word, meaning)| text.replace(word, meaning))
    }
}

/// Each character as one byte, so that a table can name every byte.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect()
}
