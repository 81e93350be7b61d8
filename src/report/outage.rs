//! A dependency's fault: retried on a schedule, then buried, never forwarded undecided.

use std::time::Duration;

/// What is out, as seen from here. Labels are API, as those of refusals are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// It stood behind others of its room for too long.
    BehindOthers,
    /// A bug of the gateway.
    Bug,
    /// Asking Webex took longer than it may.
    CheckTimeout,
    /// The gateway was stopped first.
    GatewayStopped,
    /// The event is younger than the list of members that was known, and turns on it; the list is read again.
    ListOutdated,
    /// The record of the verdict could not be written.
    LogUnwritable,
    /// Webex refused the bot's token.
    TokenRefused,
    /// The bot took the event and hung up without an answer; it is sent once more, and then not again.
    UpstreamBroke,
    /// The bot answered that it cannot now: 429, 502, 503 or 504.
    UpstreamStatus,
    /// The bot got the event and did not answer in time; it is not sent again.
    UpstreamTimeout,
    /// The bot cannot be reached.
    UpstreamUnreachable,
    /// Webex says: too many calls.
    WebexRateLimited,
    /// Webex cannot be reached, or its answer makes no sense.
    WebexUnavailable,
}

/// Whose fault an outage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The bot's.
    Bot,
    /// The gateway's own, or that of the machine it runs on.
    Gateway,
    /// That of Webex, or of the way there.
    Webex,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::BehindOthers,
        Self::Bug,
        Self::CheckTimeout,
        Self::GatewayStopped,
        Self::ListOutdated,
        Self::LogUnwritable,
        Self::TokenRefused,
        Self::UpstreamBroke,
        Self::UpstreamStatus,
        Self::UpstreamTimeout,
        Self::UpstreamUnreachable,
        Self::WebexRateLimited,
        Self::WebexUnavailable,
    ];

    /// Whose fault it is.
    pub fn source(self) -> Source {
        match self {
            Self::UpstreamBroke
            | Self::UpstreamStatus
            | Self::UpstreamTimeout
            | Self::UpstreamUnreachable => Source::Bot,
            Self::BehindOthers
            | Self::Bug
            | Self::GatewayStopped
            | Self::ListOutdated
            | Self::LogUnwritable => Source::Gateway,
            Self::CheckTimeout
            | Self::TokenRefused
            | Self::WebexRateLimited
            | Self::WebexUnavailable => Source::Webex,
        }
    }

    /// The word for it in metrics and records.
    pub fn label(self) -> &'static str {
        match self {
            Self::BehindOthers => "behind_others",
            Self::Bug => "bug",
            Self::CheckTimeout => "check_timeout",
            Self::GatewayStopped => "gateway_stopped",
            Self::ListOutdated => "list_outdated",
            Self::LogUnwritable => "log_unwritable",
            Self::TokenRefused => "token_refused",
            Self::UpstreamBroke => "upstream_broke",
            Self::UpstreamStatus => "upstream_status",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::UpstreamUnreachable => "upstream_unreachable",
            Self::WebexRateLimited => "webex_rate_limited",
            Self::WebexUnavailable => "webex_unavailable",
        }
    }

    /// What it means and what to do, for a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::BehindOthers => {
                "The event stood behind others of its room until its time was up."
            }
            Self::Bug => "The gateway failed over the event; this is a bug, please report it.",
            Self::ListOutdated => {
                "The list of members is older than the event, which turns on it; the list is read again."
            }
            Self::LogUnwritable => {
                "The record of the verdict cannot be written, and nothing passes without one."
            }
            Self::CheckTimeout => "Asking Webex took longer than it may; it is asked again.",
            Self::GatewayStopped => {
                "The gateway was stopped before the event could be decided and delivered."
            }
            Self::TokenRefused => "Webex refused the bot's token; put a valid one in place.",
            Self::UpstreamBroke => {
                "The bot took the event and hung up without an answer; it is sent once more, and then not again."
            }
            Self::UpstreamStatus => {
                "The bot answered that it cannot take events now; it is tried again."
            }
            Self::UpstreamTimeout => {
                "The bot did not answer in time; it has the event, so it is not sent again."
            }
            Self::UpstreamUnreachable => {
                "The bot cannot be reached; start it, or correct `upstream`."
            }
            Self::WebexRateLimited => {
                "Webex says that there were too many calls; it is asked again when it allows."
            }
            Self::WebexUnavailable => {
                "Webex cannot be reached or answers nonsense; it is asked again."
            }
        }
    }
}

/// Something that is needed does not work right now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {cause}", kind.label())]
pub struct Outage {
    /// What is out.
    pub kind: Kind,
    /// Not before this much time has passed: what the other side asked for.
    pub retry_after: Option<Duration>,
    /// What happened, in words that hold no secret and no foreign text of any length.
    pub cause: Box<str>,
}

impl Outage {
    /// An outage that may be tried again as the schedule says.
    pub fn new(kind: Kind, cause: impl Into<Box<str>>) -> Self {
        Self { kind, retry_after: None, cause: cause.into() }
    }

    /// The same, but not before this much time has passed.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}
