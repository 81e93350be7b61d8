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
    let trace = Trace::read(&arrival(&lines, b""), Propagation::Pass);
    assert_eq!(trace.id().to_string(), TRACE, "as records show it");
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
    for wrong in ["", ",", "a", "=1", "A=1", "a=1,b", "a=b=c", "@a=1", "a=\t", &long, &named, &many]
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
fn ids_are_shown_with_all_their_digits() {
    assert_eq!(trace().id().to_string(), "00000000000000000000000000000007");
    assert_eq!(SpanId(NonZeroU64::MIN).to_string(), "0000000000000001");
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
