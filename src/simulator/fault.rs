//! The ways in which the simulated Webex can misbehave, and which calls are hit.

use serde::{Deserialize, Serialize};

/// A misbehaviour, and what it hits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Fault {
    /// What goes wrong.
    #[serde(flatten)]
    pub misbehaviour: Misbehaviour,
    /// Only calls whose path below `/v1` starts so, such as `/memberships`. For deliveries: `/` and the resource.
    #[serde(default)]
    pub path: Option<String>,
    /// Only calls with this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only calls whose query has this in it, such as `roomId=`. Deliveries have no query.
    #[serde(default)]
    pub query: Option<String>,
    /// Only calls with the token of this person; for deliveries, only webhooks of this person.
    #[serde(default)]
    pub person: Option<String>,
    /// How many calls it hits; without it, all until faults are cleared.
    #[serde(default)]
    pub count: Option<u32>,
}

/// What goes wrong. Each has been seen on the real platform, or follows from what it does not promise.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "fault", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Misbehaviour {
    /// Closes the connection without an answer.
    DropsConnection,
    /// Sends a delivery twice.
    DuplicatesDelivery,
    /// Lists nothing, as a cache does that is out of date.
    EmptyList,
    /// Empties the page; its next link asks for the same page again.
    EmptyPage,
    /// Adds a copy of the last item that belongs to another room and somebody else.
    ForeignItem,
    /// The next link points to another origin.
    ForeignNextLink {
        /// Such as `https://elsewhere.example`.
        origin: String,
    },
    /// Takes a change with 200, and changes nothing.
    ForgetsChange,
    /// Never answers.
    Hangs,
    /// Answers from what there is now, but only when faults are cleared: what it says may be out of date by then. In
    /// the log of calls, the call has its status as soon as the answer waits.
    HoldsAnswer,
    /// Answers with a page for humans.
    HtmlPage {
        /// The status beside it.
        status: u16,
    },
    /// The last item carries `errors`, as when its key could not be fetched.
    ItemErrors,
    /// The next link leads to the same page again, for ever.
    LoopingNextLink,
    /// Never sends a delivery.
    LosesDelivery,
    /// The next link has lost the filters, and what it leads to is unfiltered.
    LosesParameters,
    /// The next link says `max=null`, which is then refused.
    MaxNull,
    /// Lists moderators only.
    ModeratorsOnly,
    /// The caller is missing from the list.
    OmitsCaller,
    /// The last item has no `personOrgId`.
    OmitsOrg,
    /// Holds a delivery back until the next one of the same webhook has been sent.
    ReordersDelivery,
    /// Answers with an error of its own.
    ServerError {
        /// 500 to 599.
        status: u16,
    },
    /// Answers late.
    Slow {
        /// By how much.
        milliseconds: u64,
    },
    /// Too many requests.
    TooManyRequests {
        /// What the header `Retry-After` says; without it there is no header.
        #[serde(default)]
        retry_after: Option<RetryAfter>,
    },
    /// Announces a longer body than it sends.
    TruncatesBody,
    /// Has no more than this on a page, whatever `max` says.
    ShortPages {
        /// At least one.
        most: u32,
    },
    /// Signs a delivery with another secret.
    WrongSignature,
}

/// The value of a `Retry-After` header.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryAfter {
    /// A date so many seconds from now.
    Date(u32),
    /// An expression that somebody forgot to evaluate, as it was seen in the wild.
    Malformed,
    /// A number of seconds.
    Seconds(u32),
}

/// When in the life of a call a fault takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Instead of an answer.
    Call,
    /// When a delivery is queued.
    Delivery,
    /// When an answer is a list.
    List,
}

impl Misbehaviour {
    pub(crate) const fn stage(&self) -> Stage {
        match self {
            Self::DuplicatesDelivery
            | Self::LosesDelivery
            | Self::ReordersDelivery
            | Self::WrongSignature => Stage::Delivery,
            Self::EmptyList
            | Self::EmptyPage
            | Self::ForeignItem
            | Self::ForeignNextLink { .. }
            | Self::ItemErrors
            | Self::LoopingNextLink
            | Self::LosesParameters
            | Self::MaxNull
            | Self::ModeratorsOnly
            | Self::OmitsCaller
            | Self::OmitsOrg => Stage::List,
            Self::DropsConnection
            | Self::ForgetsChange
            | Self::Hangs
            | Self::HoldsAnswer
            | Self::HtmlPage { .. }
            | Self::ServerError { .. }
            | Self::ShortPages { .. }
            | Self::Slow { .. }
            | Self::TooManyRequests { .. }
            | Self::TruncatesBody => Stage::Call,
        }
    }
}

impl Fault {
    /// Hits every call until faults are cleared.
    pub const fn new(misbehaviour: Misbehaviour) -> Self {
        Self { misbehaviour, path: None, method: None, query: None, person: None, count: None }
    }

    /// Only calls whose path below `/v1` starts so.
    #[must_use]
    pub fn on(self, path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..self }
    }

    /// Only calls with this method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..self }
    }

    /// Only calls whose query has this in it.
    #[must_use]
    pub fn asking(self, query: &str) -> Self {
        Self { query: Some(query.to_owned()), ..self }
    }

    /// Only calls of this person.
    #[must_use]
    pub fn by(self, person: &str) -> Self {
        Self { person: Some(person.to_owned()), ..self }
    }

    /// Only so many calls.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self { count: Some(count), ..self }
    }

    fn hits(&self, stage: Stage, target: &Target<'_>) -> bool {
        self.misbehaviour.stage() == stage
            && self.count != Some(0)
            && self.path.as_ref().is_none_or(|path| target.path.starts_with(path.as_str()))
            && self.method.as_ref().is_none_or(|method| target.method.eq_ignore_ascii_case(method))
            && self.query.as_ref().is_none_or(|query| target.query.contains(query.as_str()))
            && self.person.as_ref().is_none_or(|person| target.person == Some(person.as_str()))
    }
}

/// What a fault may hit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) person: Option<&'a str>,
}

/// The faults in force, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

/// More would be a mistake in a test, and each call looks at all of them.
const MOST_FAULTS: usize = 100;

impl Faults {
    /// Puts a fault in force. Beyond the limit the oldest one goes.
    pub(crate) fn add(&mut self, fault: Fault) {
        if self.0.len() >= MOST_FAULTS {
            self.0.remove(0);
        }
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.0.clone()
    }

    /// The misbehaviours that hit this target now; each is used up by one.
    pub(crate) fn take(&mut self, stage: Stage, target: &Target<'_>) -> Vec<Misbehaviour> {
        let mut taken = Vec::new();
        for fault in self.0.iter_mut().filter(|fault| fault.hits(stage, target)) {
            fault.count = fault.count.map(|left| left.saturating_sub(1));
            taken.push(fault.misbehaviour.clone());
        }
        self.0.retain(|fault| fault.count != Some(0));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Target<'_> = Target {
        method: "GET",
        path: "/memberships",
        query: "roomId=x&max=1",
        person: Some("ann"),
    };

    #[test]
    fn a_fault_is_used_up_by_the_calls_it_hits() {
        let mut faults = Faults::default();
        faults.add(
            Fault::new(Misbehaviour::Hangs)
                .on("/memberships")
                .asking("roomId=x")
                .by("ann")
                .times(1),
        );
        let others = [
            Target { path: "/rooms", ..CALL },
            Target { query: "max=1", ..CALL },
            Target { person: Some("bob"), ..CALL },
            Target { person: None, ..CALL },
        ];
        assert!(others.iter().all(|other| faults.take(Stage::Call, other).is_empty()));
        assert!(faults.take(Stage::List, &CALL).is_empty(), "another stage");
        assert_eq!(faults.take(Stage::Call, &CALL), [Misbehaviour::Hangs]);
        assert!(faults.take(Stage::Call, &CALL).is_empty());
    }

    #[test]
    fn faults_are_written_in_kebab_case() {
        let text = r#"{"fault":"too-many-requests","retry_after":{"seconds":3},"path":"/memberships","count":2}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        let retry_after = Some(RetryAfter::Seconds(3));
        let expected =
            Fault::new(Misbehaviour::TooManyRequests { retry_after }).on("/memberships").times(2);
        assert_eq!(fault, expected);
    }
}
