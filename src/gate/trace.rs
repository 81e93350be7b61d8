//! Which trace an event belongs to: W3C Trace Context (Recommendation of 23 November 2021).
//!
//! Only an authentic event has one. What a caller says about traces is taken over where the operator wants it (`pass`)
//! and where it is well formed; otherwise the trace is the event's own, and its id is that of the decision.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;
use uuid::fmt::Simple;

use super::arrival::Arrival;
use super::signature::Authentic;

/// Where a caller names its trace.
pub(super) const PARENT: &str = "traceparent";

/// What else its tracing systems want to be passed on.
pub(super) const STATE: &str = "tracestate";

static PARENT_HEADER: HeaderName = HeaderName::from_static(PARENT);
static STATE_HEADER: HeaderName = HeaderName::from_static(STATE);

/// `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits.
const PARENT_LENGTH: usize = 55;

/// Section 3.3.1.5 demands that this much is passed on, and allows to drop what is longer.
const LONGEST_STATE: usize = 512;

/// Section 3.3.1.1.
const MOST_MEMBERS: usize = 32;

/// The caller records its trace.
const SAMPLED: u8 = 1;

/// The random part of a trace id is long enough to sample by; a trace keeps the mark that it began with.
const RANDOM: u8 = 2;

/// An odd number without a pattern: it takes the ids of an event's spans far apart.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

/// What becomes of the trace that a caller names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// The bot hears of no trace.
    Drop,
    /// The event begins a trace of its own.
    New,
    /// The event goes on in it.
    Pass,
}

/// A trace; 32 hex digits, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(NonZeroU128);

impl TraceId {
    fn digits(self, room: &mut [u8; 32]) -> &str {
        digits(self.0.get()).encode_lower(room)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits(&mut [0; 32]))
    }
}

/// A part of a trace; 16 hex digits, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(NonZeroU64);

impl SpanId {
    fn digits(self, room: &mut [u8; 32]) -> &str {
        last(16, digits(self.0.get().into()).encode_lower(room))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits(&mut [0; 32]))
    }
}

/// The 32 digits of a number, as `{:032x}` writes them, in a tenth of its time.
fn digits(number: u128) -> Simple {
    Uuid::from_u128(number).simple()
}

fn last(count: usize, digits: &str) -> &str {
    digits.get(digits.len().saturating_sub(count)..).unwrap_or(digits)
}

/// The trace of one authentic event.
#[derive(Clone, Debug)]
pub struct Trace {
    id: TraceId,
    seed: u64,
    caller: Option<Caller>,
    propagation: Propagation,
}

/// What a caller said, and may say.
#[derive(Clone, Debug)]
struct Caller {
    trace: TraceId,
    span: SpanId,
    flags: u8,
    state: Option<HeaderValue>,
}

/// What the bot is told about the trace.
#[derive(Clone, Debug)]
pub struct Context {
    trace: TraceId,
    parent: SpanId,
    flags: u8,
    state: Option<HeaderValue>,
}

impl Trace {
    /// The caller's trace, or a new one.
    pub fn of(authentic: &Authentic, propagation: Propagation) -> Self {
        Self::read(authentic.arrival(), propagation)
    }

    fn read(arrival: &Arrival, propagation: Propagation) -> Self {
        let caller = match propagation {
            Propagation::Pass => Caller::read(arrival.headers()),
            Propagation::Drop | Propagation::New => None,
        };
        let id = caller.as_ref().map_or_else(|| own(arrival.id()), |caller| caller.trace);
        Self { id, seed: seed(arrival.id()), caller, propagation }
    }

    /// Its id.
    pub fn id(&self) -> TraceId {
        self.id
    }

    /// The caller's span, which all of the event belongs to.
    pub fn parent(&self) -> Option<SpanId> {
        self.caller.as_ref().map(|caller| caller.span)
    }

    /// An id for each span of the event; the root is number 0.
    pub fn span(&self, number: u32) -> SpanId {
        let id = self.seed.wrapping_add(STRIDE.wrapping_mul(number.into()));
        SpanId(NonZeroU64::new(id).unwrap_or(NonZeroU64::MIN))
    }

    /// Whether it is recorded: a caller who records nothing of its trace would find spans without a beginning.
    pub fn is_sampled(&self) -> bool {
        self.caller.as_ref().is_none_or(|caller| caller.flags & SAMPLED != 0)
    }

    /// Whether the bot hears of it.
    pub fn is_told(&self) -> bool {
        self.propagation != Propagation::Drop
    }

    /// What the bot is told: it belongs to `span`. Where the gateway records nothing there is no such span, and the
    /// caller's own stands: a trace must not lead to a span that nobody has.
    pub fn context(&self, span: Option<SpanId>) -> Option<Context> {
        let Self { id, caller, .. } = self;
        self.is_told().then(|| Context {
            trace: *id,
            parent: span.or_else(|| self.parent()).unwrap_or_else(|| self.span(0)),
            flags: caller.as_ref().map_or(SAMPLED, |caller| caller.flags),
            state: caller.as_ref().and_then(|caller| caller.state.clone()),
        })
    }
}

impl Context {
    /// Section 3.2: version, trace, span and flags.
    fn parent(&self) -> String {
        let mut text = String::with_capacity(PARENT_LENGTH);
        text.push_str("00-");
        text.push_str(self.trace.digits(&mut [0; 32]));
        text.push('-');
        text.push_str(self.parent.digits(&mut [0; 32]));
        text.push('-');
        text.push_str(last(2, digits(self.flags.into()).encode_lower(&mut [0; 32])));
        text
    }

    /// Sets its headers.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        if let Ok(parent) = HeaderValue::try_from(self.parent()) {
            headers.insert(&PARENT_HEADER, parent);
        }
        if let Some(state) = &self.state {
            headers.insert(&STATE_HEADER, state.clone());
        }
    }
}

impl Caller {
    fn read(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(&PARENT_HEADER).iter();
        let parent = parents.next()?.to_str().ok()?;
        // Two of them say nothing.
        if parents.next().is_some() {
            return None;
        }
        let (trace, span, flags) = parent_of(parent)?;
        Some(Self { trace, span, flags, state: state_of(headers) })
    }
}

/// The trace is the decision, so that a record and a trace find each other.
fn own(event: Uuid) -> TraceId {
    TraceId(NonZeroU128::new(event.as_u128()).unwrap_or(NonZeroU128::MIN))
}

fn seed(event: Uuid) -> u64 {
    let (high, low) = event.as_u64_pair();
    high ^ low
}

/// Section 3.2. Of a later version, what this one knows.
fn parent_of(text: &str) -> Option<(TraceId, SpanId, u8)> {
    let (known, later) = text.split_at_checked(PARENT_LENGTH)?;
    let mut fields = known.split('-');
    let (version, trace) = (fields.next()?, fields.next()?);
    let (span, flags) = (fields.next()?, fields.next()?);
    // With the three signs between them that is the whole length: there is no fifth.
    let lengths = [version, trace, span, flags].map(str::len);
    let is_known = later.is_empty() || (version != "00" && later.starts_with('-'));
    if lengths != [2, 32, 16, 2] || version == "ff" || !is_known {
        return None;
    }
    hex(version)?;
    let trace = TraceId(NonZeroU128::new(hex(trace)?)?);
    let span = SpanId(NonZeroU64::new(u64::try_from(hex(span)?).ok()?)?);
    let flags = u8::try_from(hex(flags)?).ok()?;
    Some((trace, span, flags & (SAMPLED | RANDOM)))
}

/// Small letters only.
fn hex(digits: &str) -> Option<u128> {
    let plain = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| u128::from_str_radix(digits, 16).ok()).flatten()
}

/// Section 3.3: one list, however many headers it comes in; all of it or nothing. The value is a copy: what came from a
/// listener holds on to its buffer.
fn state_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines = headers.get_all(&STATE_HEADER).iter().map(HeaderValue::to_str);
    let lines: Vec<&str> = lines.collect::<Result<_, _>>().ok()?;
    let members = lines.iter().flat_map(|line| line.split(','));
    let members: Vec<&str> = members.map(str::trim).filter(|member| !member.is_empty()).collect();
    let fits = (1..=MOST_MEMBERS).contains(&members.len()) && members.iter().all(|it| member(it));
    let joined = members.join(",");
    if !fits || joined.len() > LONGEST_STATE {
        return None;
    }
    let mut value = HeaderValue::try_from(joined).ok()?;
    // Foreign text: not for logs.
    value.set_sensitive(true);
    Some(value)
}

fn member(text: &str) -> bool {
    let Some((key, value)) = text.split_once('=') else { return false };
    let sign =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let begins = key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    begins
        && key.len() <= 256
        && key.bytes().all(sign)
        && (1..=256).contains(&value.len())
        && value.bytes().all(plain)
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
