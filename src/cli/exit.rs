//! How the program ends.

use std::process::ExitCode;

use crate::report::outage::Kind;

/// Exit codes; those from 69 on are those of `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It went as it should.
    Fine,
    /// It ran, and found something.
    Found,
    /// The command line is wrong.
    Usage,
    /// It would have done more than it may: a rail stopped it before it did anything.
    Refused,
    /// Webex, or a gateway that should be there, cannot be reached; or an address cannot be listened on.
    Unavailable,
    /// A bug.
    Bug,
    /// Webex refused a token, or a file cannot be read or written.
    Denied,
    /// The configuration is refused.
    Config,
    /// Interrupted before the work was done.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0_u8,
            Exit::Found => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Unavailable => 69,
            Exit::Bug => 70,
            Exit::Denied => 77,
            Exit::Config => 78,
            Exit::Interrupted => 130,
        })
    }
}

impl Exit {
    /// This, unless something went wrong already.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        if self == Self::Fine { next } else { self }
    }
}

/// A question to Webex that brought no answer.
impl From<Kind> for Exit {
    fn from(kind: Kind) -> Self {
        if kind == Kind::TokenRefused { Self::Denied } else { Self::Unavailable }
    }
}
