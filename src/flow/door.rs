//! How an event gets in. The listener knows nothing about signatures, rooms or bots: it asks a [`Door`].

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::config;
use crate::gate::arrival::{Arrival, Origin};
use crate::gate::refusal::Refusal;
use crate::gate::signature::Authentic;
use crate::report::HttpMethod;
use crate::report::outage::Outage;

/// How an arrival is let in; implemented by the gateway, and by stubs in the tests of ingress.
///
/// Two steps, because they are paid for differently: whoever gets past `verify` is Webex, and from then on the caller
/// is not cut off for others, and what it costs to admit is spent on an authentic event.
pub trait Door: Send + Sync + 'static {
    /// The route of exactly this path.
    fn doorway(&self, path: &str) -> Option<Doorway>;

    /// Rules 6 to 8: cheap, without waiting, without a trace outside of memory.
    fn verify(&self, arrival: Arrival) -> Result<Authentic, Refusal>;

    /// Everything from rule 9 on. It may be dropped half-way, when the caller hangs up or the gateway ends; what was
    /// kept by then stays kept.
    fn admit(&self, authentic: Authentic) -> impl Future<Output = Admission> + Send;

    /// Authentic, but too many wait already: it is told apart from calls that nothing is believed of, and recorded.
    fn overloaded(&self, authentic: Authentic) -> Admission;

    /// A call was turned away by rules 1 to 8; for the log and metrics.
    fn turned_away(&self, route: Option<&Arc<str>>, refusal: Refusal, origin: &Origin);

    /// A call to a route came in; for metrics. [`Self::answered`] follows in any case.
    fn called(&self, route: &Arc<str>);

    /// A call is over; for metrics.
    fn answered(&self, call: &Answered<'_>);
}

/// A call that is over.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// Its route, when the path has one.
    pub route: Option<&'a Arc<str>>,
    /// Its method.
    pub method: HttpMethod,
    /// The status of the answer; `None` when the caller was gone or cut off before there was one.
    pub status: Option<u16>,
    /// From the head of the call to the answer.
    pub took: Duration,
}

/// What ingress must know about a route.
#[derive(Clone, Debug)]
pub struct Doorway {
    /// Its name.
    pub route: Arc<str>,
    /// When Webex gets its answer.
    pub answer: config::Answer,
    /// What forged and unsigned calls get.
    pub unverified: config::Unverified,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub enum Admission {
    /// Authentic, and kept: also duplicates, and events that are refused later.
    Kept,
    /// Refused at the door.
    Refused(Refusal),
    /// `answer: delivered`: what came of it.
    Outcome(Outcome),
    /// Authentic, but there is no place for it: the inbox is full, or the gateway ends.
    Full,
}

/// What came of an event that somebody waited for.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The bot answered with this status.
    Delivered(u16),
    /// The policy says no.
    Refused(Refusal),
    /// It could not be decided or delivered yet.
    Failed(Outage),
    /// It is not done after `answer_within`, and goes on.
    StillBusy,
}
