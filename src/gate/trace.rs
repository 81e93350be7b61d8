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
    digits.get(digits.len() - count..).unwrap_or(digits)
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
mod tests {
    use super::super::arrival::tests::arrival;
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn parent(version: &str, flags: &str) -> String {
        format!("{version}-{TRACE}-{SPAN}-{flags}")
    }

    fn told(lines: &[(&'static str, &str)], how: Propagation) -> (Option<String>, Option<String>) {
        let trace = Trace::read(&arrival(lines, b""), how);
        let mut headers = HeaderMap::new();
        if let Some(context) = trace.context(None) {
            context.tell(&mut headers);
        }
        let value = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (value(PARENT), value(STATE))
    }

    fn passed(lines: &[(&'static str, &str)]) -> (Option<String>, Option<String>) {
        told(lines, Propagation::Pass)
    }

    fn trace() -> Trace {
        Trace::read(&arrival(&[], b""), Propagation::Pass)
    }

    /// What the trace of the sample arrival, number 7, is without a caller's.
    const NEW: &str = "00-00000000000000000000000000000007-0000000000000007-01";

    fn new() -> (Option<String>, Option<String>) {
        (Some(NEW.to_owned()), None)
    }

    #[test]
    fn a_callers_trace_goes_on_only_where_the_operator_wants_it() {
        let lines = [(PARENT, &*parent("00", "01")), (STATE, "a=1")];
        assert_eq!(passed(&lines), (Some(parent("00", "01")), Some("a=1".to_owned())));
        assert_eq!(told(&lines, Propagation::New), new());
        assert_eq!(told(&lines, Propagation::Drop), (None, None));
        assert_eq!(passed(&[]), new());
        assert_eq!(passed(&[(STATE, "a=1")]), new(), "a state without a trace says nothing");
    }

    #[test]
    fn what_is_not_well_formed_is_as_if_it_were_not_there() {
        let zeros = "0".repeat(32);
        let wrong = [
            String::new(),
            "00".to_owned(),
            parent("ff", "01"),
            parent("00", "01").to_uppercase(),
            parent("0g", "01"),
            parent("00", "1"),
            parent("00", "0g"),
            parent("00", "+1"),
            parent("00", "01-"),
            parent("00", "01-more"),
            parent("01", "01more"),
            format!(" {}", parent("00", "01")),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}{SPAN}--01"),
            format!("00-{SPAN}-{TRACE}-01"),
            "00-----------------------------------------------------".to_owned(),
        ];
        for wrong in wrong {
            assert_eq!(passed(&[(PARENT, &wrong), (STATE, "a=1")]), new(), "{wrong:?}");
        }
        let twice = [(PARENT, &*parent("00", "01")), (PARENT, &*parent("00", "01"))];
        assert_eq!(passed(&twice), new());
    }

    #[test]
    fn of_a_later_version_what_is_known_is_taken() {
        for later in [parent("01", "01"), parent("cc", "01-what-the-future-brings")] {
            assert_eq!(passed(&[(PARENT, &later)]).0, Some(parent("00", "01")), "{later}");
        }
        assert_eq!(passed(&[(PARENT, &parent("00", "ff"))]).0, Some(parent("00", "03")));
        assert_eq!(passed(&[(PARENT, &parent("00", "00"))]).0, Some(parent("00", "00")));
    }

    #[test]
    fn a_state_passes_whole_or_not_at_all() {
        let given = parent("00", "01");
        let state = |lines: &[&str]| {
            let all = lines.iter().map(|line| (STATE, *line)).chain([(PARENT, &*given)]);
            let (parent, state) = passed(&all.collect::<Vec<_>>());
            assert_eq!(parent.as_ref(), Some(&given), "whatever the state is");
            state
        };
        assert_eq!(state(&["a=1, t@v=x y,", "", "b/c=2"]).as_deref(), Some("a=1,t@v=x y,b/c=2"));
        let full = |last| format!("a={},b={}", "x".repeat(253), "x".repeat(last));
        assert_eq!(state(&[&full(254)]).map(|value| value.len()), Some(LONGEST_STATE));
        assert_eq!(state(&[&full(255)]), None, "longer than must be passed on");
        let most = vec!["a=1"; MOST_MEMBERS].join(",");
        assert_eq!(state(&[&most]), Some(most));
        let long = format!("a={}", "x".repeat(257));
        let named = format!("{}=1", "x".repeat(257));
        let many = "a=1,".repeat(33);
        for wrong in
            ["", ",", "a", "=1", "A=1", "a=1,b", "a=b=c", "@a=1", "a=\t", &long, &named, &many]
        {
            assert_eq!(state(&[wrong]), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_spans_of_two_events_begin_apart() {
        let seeds: [u128; 4] = [7, 7 << 64, (7 << 64) | 7, (5 << 64) | 3];
        let seeds = seeds.map(|id| seed(Uuid::from_u128(id)));
        assert_eq!(seeds, [7, 7, 0, 6], "both halves count");
        let first = |id| Trace { seed: seed(Uuid::from_u128(id)), ..trace() }.span(0);
        assert_eq!(first((7 << 64) | 7), SpanId(NonZeroU64::MIN), "never zero");
        assert_ne!(first(7), first(8));
    }

    #[test]
    fn spans_of_an_event_have_ids_of_their_own() {
        let trace = trace();
        let ids: std::collections::HashSet<_> = (0..1000).map(|n| trace.span(n)).collect();
        assert_eq!(ids.len(), 1000);
        let context = trace.context(Some(trace.span(3))).unwrap();
        assert_eq!((context.trace, context.parent), (trace.id(), trace.span(3)));
    }

    #[test]
    fn a_caller_who_records_nothing_is_not_recorded() {
        let sampled = |flags| {
            Trace::read(&arrival(&[(PARENT, &parent("00", flags))], b""), Propagation::Pass)
                .is_sampled()
        };
        assert!(sampled("01") && sampled("03") && !sampled("00") && !sampled("02"));
        assert!(Trace::read(&arrival(&[], b""), Propagation::Pass).is_sampled());
    }

    #[test]
    fn debug_holds_no_foreign_text() {
        let lines = [(PARENT, &*parent("00", "01")), (STATE, "vendor=hunter2")];
        let trace = Trace::read(&arrival(&lines, b""), Propagation::Pass);
        assert!(!format!("{trace:?}{:?}", trace.context(None)).contains("hunter2"));
    }
}
