//! `listen`: where a listener takes its connections from.

use std::fmt;
use std::net::SocketAddr;

use super::words::Word;

/// Where a listener takes its connections from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// An address of its own.
    Address(SocketAddr),
    /// The socket that whoever starts the gateway has opened for it and passes on (`LISTEN_FDS`).
    Passed,
}

/// How [`Listen::Passed`] is written.
const PASSED: &str = "systemd";

impl Listen {
    /// The address, where it is known before the start.
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Passed => None,
        }
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Passed => f.write_str(PASSED),
        }
    }
}

/// As it is written.
impl fmt::Debug for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Word for Listen {
    const EXPECTED: &'static str = "an address such as 127.0.0.1:8080, or `systemd`";
    const PATTERN: Option<&'static str> = Some(r"^(systemd|.+:\d+)$");

    fn read(text: &str) -> Result<Self, String> {
        if text == PASSED { Ok(Self::Passed) } else { SocketAddr::read(text).map(Self::Address) }
    }

    fn spell(&self) -> String {
        self.to_string()
    }
}
