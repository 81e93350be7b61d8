use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use sha2::Digest as _;

use super::super::event::tests::{message, uuid};
use super::super::event::{Registration, read};
use super::super::id::{Key, Person, PersonId};
use super::super::policy::{
    AppUsers, Demand, Demands, Evidence, Mode, Policy, Rules, Verdict, judge,
};
use super::super::signature::tests::{SECRET, oracle, ring};
use super::super::signature::verify;
use super::super::trace::{Propagation, Trace};
use super::*;
use crate::gate::arrival::{Origin, Parts, tests::arrival as plain_arrival, tests::noon};

fn policy(mode: Mode, demand: Demand) -> Policy {
    Policy {
        mode,
        allowed_orgs: HashSet::new(),
        trusted_bots: HashSet::new(),
        app_users: AppUsers::Deny,
        max_members: 10,
        max_event_age: Duration::from_hours(1),
        demands: Demands { others: Some(demand), ..Demands::default() },
    }
}

fn passing() -> Policy {
    let because = "a test".into();
    policy(Mode::Enforce, Demand::SignatureOnly { because })
}

fn own() -> Key<Person> {
    PersonId::parse(&uuid(99)).unwrap().key()
}

fn cleared_by(policy: &Policy, arrival: Arrival) -> Cleared {
    let authentic = verify(arrival, &ring(&[SECRET])).unwrap();
    let notice = read(authentic, Registration { creator: None }).unwrap();
    let audience = policy.audience(own());
    let rules = Rules { policy, audience: &audience, allow_ttl: Duration::from_mins(1) };
    match judge(notice, Evidence::Nothing, rules, noon()) {
        Verdict::Clear(cleared) => cleared,
        other @ (Verdict::Refuse(..) | Verdict::Undecided(_)) => panic!("{other:?}"),
    }
}

/// A signed event with these headers beside its signature.
fn signed_arrival(headers: &HeaderMap, query: Option<&str>, origin: Option<Origin>) -> Arrival {
    let body = message().to_string();
    let mut headers = headers.clone();
    let mac = oracle(SECRET.as_bytes(), body.as_bytes());
    headers.insert(&signature::HEADER, mac.parse().unwrap());
    let sample = plain_arrival(&[], b"");
    Arrival::new(Parts {
        id: sample.id(),
        route: Arc::clone(sample.route()),
        received: sample.received(),
        origin: origin.unwrap_or_else(|| sample.origin().clone()),
        headers,
        query: query.map(Box::from),
        body: body.into(),
    })
}

/// The same, cleared.
pub(crate) fn cleared(headers: &HeaderMap, query: Option<&str>) -> Cleared {
    cleared_by(&passing(), signed_arrival(headers, query, None))
}

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, value.parse().unwrap());
    }
    headers
}

fn to() -> Destination {
    Destination {
        uri: Uri::from_static("http://bot:5000/events"),
        bot: "helpdesk-bot".into(),
        pass_signature: true,
        sign: None,
        headers: HeaderMap::new(),
    }
}

fn sent(lines: &[(&str, &str)]) -> Request<Bytes> {
    request(cleared(&map(lines), None), &to(), None, noon().wall).0
}

fn value<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    let mut values = request.headers().get_all(name).iter();
    let first = values.next().map(|value| value.to_str().unwrap());
    assert!(values.next().is_none(), "{name} more than once");
    first
}

#[test]
fn the_body_is_the_same_bytes_and_the_notice_comes_back() {
    let cleared = cleared(&HeaderMap::new(), None);
    let before = cleared.notice().arrival().body().clone();
    let (request, notice) = request(cleared, &to(), None, noon().wall);
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.body(), &before);
    assert_eq!(request.body().as_ptr(), before.as_ptr(), "not even a copy");
    assert_eq!(notice.arrival().body(), &before);
    let length = before.len().to_string();
    assert_eq!(value(&request, "content-length"), Some(length.as_str()));
}

#[test]
fn end_to_end_headers_pass_with_every_value_in_order() {
    let request = sent(&[
        ("User-Agent", "WebexTeams"),
        ("X-Many", "1"),
        ("X-Many", "2"),
        ("Content-Type", "application/json; charset=UTF-8"),
        ("TrackingID", "NA_1"),
    ]);
    assert_eq!(value(&request, "user-agent"), Some("WebexTeams"));
    assert_eq!(value(&request, "trackingid"), Some("NA_1"));
    let kind = Some("application/json; charset=UTF-8");
    assert_eq!(value(&request, "content-type"), kind);
    let many: Vec<_> = request.headers().get_all("x-many").iter().collect();
    assert_eq!(many, ["1", "2"]);
    assert_eq!(value(&sent(&[]), "content-type"), Some("application/json"));
}

#[test]
fn trap_headers_named_in_a_second_connection_line_are_hop_by_hop_too() {
    let request = sent(&[
        ("Connection", "keep-alive, X-First"),
        ("Connection", " X-SECOND ,close"),
        ("X-First", "1"),
        ("X-Second", "2"),
        ("X-Third", "3"),
    ]);
    assert_eq!(value(&request, "x-first"), None);
    assert_eq!(value(&request, "x-second"), None);
    assert_eq!(value(&request, "x-third"), Some("3"));
}

#[test]
fn an_odd_byte_in_a_connection_line_does_not_save_the_names_around_it() {
    let mut headers = map(&[("x-secret-hop", "1")]);
    headers.append("connection", HeaderValue::from_bytes(b"caf\xe9, X-Secret-Hop").unwrap());
    assert!(!received(&headers, &to()).contains_key("x-secret-hop"));
}

#[test]
fn what_belongs_to_one_hop_stays_there() {
    for name in HOP_BY_HOP {
        if name != "content-length" {
            let request = sent(&[(name, "x")]);
            assert_eq!(value(&request, name), None, "{name}");
        }
    }
}

#[test]
fn trap_connection_cannot_take_the_signature_away() {
    let body = message().to_string();
    let mac = oracle(SECRET.as_bytes(), body.as_bytes());
    let request = sent(&[("Connection", "x-spark-signature, Content-Type")]);
    assert_eq!(value(&request, "x-spark-signature"), Some(mac.as_str()));
}

#[test]
fn the_signature_stays_here_when_it_is_not_to_be_passed_on() {
    let mut to = to();
    to.pass_signature = false;
    let (request, _) = request(cleared(&HeaderMap::new(), None), &to, None, noon().wall);
    assert_eq!(value(&request, "x-spark-signature"), None);
}

#[test]
fn trap_no_spelling_of_our_headers_gets_through() {
    for name in ["Botwarden-Verdict", "BOTWARDEN-verdict", "Botwarden_Verdict", "BOTWARDEN_VERDICT"]
    {
        let request = sent(&[(name, "spoof"), (name, "again")]);
        assert_eq!(value(&request, "botwarden-verdict"), Some("allow"), "{name}");
        let spoofed = request.headers().values().any(|value| value == "spoof");
        assert!(!spoofed, "{name}");
    }
    for name in [
        "botwarden-invented",
        "botwarden-room-members",
        "botwarden-checked-at",
        "webhook-signature",
        "svix-id",
    ] {
        let request = sent(&[(name, "spoof")]);
        assert_eq!(value(&request, name), None, "{name}");
    }
}

#[test]
fn names_with_other_signs_than_hyphens_are_dropped() {
    let request =
        sent(&[("X_Forwarded_For", "1"), ("a_b", "2"), ("Botwarden.Verdict", "3"), ("a-b", "3")]);
    assert!(!request.headers().keys().any(|name| name.as_str().contains(['_', '.'])));
    assert_eq!(value(&request, "a-b"), Some("3"));
}

#[test]
fn who_was_on_the_other_end_is_set_anew() {
    let request = sent(&[
        ("Host", "bots.example.com"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-For", "10.0.0.2"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Host", "evil"),
        ("X-Forwarded-Port", "1"),
        ("X-Forwarded-Server", "evil"),
        ("Forwarded", "for=evil"),
        ("X-Real-IP", "10.0.0.3"),
        ("tracestate", "evil=1"),
    ]);
    assert_eq!(value(&request, "x-forwarded-for"), Some("203.0.113.9"));
    assert_eq!(value(&request, "x-forwarded-proto"), Some("https"));
    assert_eq!(value(&request, "x-forwarded-host"), Some("bots.example.com"));
    for name in
        ["host", "x-forwarded-port", "x-forwarded-server", "forwarded", "x-real-ip", "tracestate"]
    {
        assert_eq!(value(&request, name), None, "{name}");
    }
}

#[test]
fn a_plain_listener_and_an_unknown_peer_are_told_as_such() {
    let origin = Origin { peer: None, secure: false };
    let arrival = signed_arrival(&HeaderMap::new(), None, Some(origin));
    let (request, _) = request(cleared_by(&passing(), arrival), &to(), None, noon().wall);
    assert_eq!(value(&request, "x-forwarded-for"), None);
    assert_eq!(value(&request, "x-forwarded-proto"), Some("http"));
    assert_eq!(value(&request, "x-forwarded-host"), None);
}

#[test]
fn the_bot_is_told_what_was_found() {
    let request = sent(&[]);
    let id = "00000000-0000-0000-0000-000000000007";
    assert_eq!(value(&request, "botwarden-decision-id"), Some(id));
    assert_eq!(value(&request, "botwarden-route"), Some("helpdesk"));
    assert_eq!(value(&request, "botwarden-bot"), Some("helpdesk-bot"));
    assert_eq!(value(&request, "botwarden-room-members"), None);
}

#[test]
fn an_event_that_passes_only_because_nothing_is_enforced_says_so() {
    let until = noon().wall + Duration::from_secs(1);
    let policy = policy(Mode::Observe { until }, Demand::Deny);
    let arrival = signed_arrival(&HeaderMap::new(), None, None);
    let (request, _) = request(cleared_by(&policy, arrival), &to(), None, noon().wall);
    assert_eq!(value(&request, "botwarden-verdict"), Some("observe-deny"));
}

#[test]
fn the_bot_hears_of_the_trace_that_it_is_told_and_of_no_other() {
    let foreign = map(&[
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "vendor=1"),
    ]);
    let (untold, _) = request(cleared(&foreign, None), &to(), None, noon().wall);
    assert_eq!((value(&untold, "traceparent"), value(&untold, "tracestate")), (None, None));
    let authentic = verify(signed_arrival(&foreign, None, None), &ring(&[SECRET])).unwrap();
    let trace = Trace::of(&authentic, Propagation::New);
    let context = trace.context(Some(trace.span(4)));
    let (told, _) = request(cleared(&foreign, None), &to(), context.as_ref(), noon().wall);
    let expected = format!("00-{:032x}-{}-01", 7, trace.span(4));
    assert_eq!(value(&told, "traceparent"), Some(expected.as_str()));
    assert_eq!(value(&told, "tracestate"), None);
}

#[test]
fn the_query_is_appended_to_that_of_the_bot() {
    let rows = [
        ("http://b/e", None, "http://b/e"),
        ("http://b/e", Some("a=1&b=%20"), "http://b/e?a=1&b=%20"),
        ("http://b/e?own=1", None, "http://b/e?own=1"),
        ("http://b/e?own=1", Some("a=1"), "http://b/e?own=1&a=1"),
        ("http://b", Some("a"), "http://b/?a"),
        ("https://b:8443/e", Some(""), "https://b:8443/e?"),
    ];
    for (uri, query, expected) in rows {
        let mut to = to();
        to.uri = Uri::from_static(uri);
        let (request, _) = request(cleared(&HeaderMap::new(), query), &to, None, noon().wall);
        assert_eq!(request.uri().to_string(), expected);
    }
}

#[test]
fn fixed_headers_are_added_and_win() {
    let mut to = to();
    to.headers = map(&[("X-Api-Key", "k"), ("User-Agent", "gateway")]);
    let lines = map(&[("X-Api-Key", "guess"), ("User-Agent", "WebexTeams")]);
    let (request, _) = request(cleared(&lines, None), &to, None, noon().wall);
    assert_eq!(value(&request, "x-api-key"), Some("k"));
    assert_eq!(value(&request, "user-agent"), Some("gateway"));
}

/// HMAC by RFC 2104 on bare SHA-256: no line in common with the code under test.
fn hmac_sha256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    assert!(secret.len() <= 64, "longer keys are hashed first");
    let pad = |with: u8| -> Vec<u8> {
        let byte = |at: usize| secret.get(at).copied().unwrap_or(0) ^ with;
        (0..64).map(byte).collect()
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message);
    let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner.finalize());
    outer.finalize().to_vec()
}

#[test]
fn the_bot_can_verify_that_we_sent_it() {
    let mut to = to();
    let key = b"a key of the bot's own";
    to.sign = Some(Secret::new(key.to_vec()));
    let (request, _) = request(cleared(&HeaderMap::new(), None), &to, None, noon().wall);
    let id = value(&request, "webhook-id").unwrap();
    let time = value(&request, "webhook-timestamp").unwrap();
    assert_eq!(time, "1800000000");
    let mut message = format!("{id}.{time}.").into_bytes();
    message.extend_from_slice(request.body());
    let tag = value(&request, "webhook-signature").unwrap();
    let tag = tag.strip_prefix("v1,").unwrap();
    let tag = STANDARD.decode(tag).unwrap();
    assert_eq!(tag, hmac_sha256(key, &message));
    let again = value(&request, "botwarden-decision-id");
    assert_eq!(Some(id), again, "the same at every try, so the bot can tell");
}

fn names() -> impl Strategy<Value = String> {
    let known: Vec<&str> = HOP_BY_HOP
        .iter()
        .chain(&FORWARDING)
        .copied()
        .chain(["x-a", "x-b", "botwarden-verdict", "webhook-id", "a_b"])
        .collect();
    prop_oneof![prop::sample::select(known).prop_map(str::to_owned), "[a-zA-Z_-]{1,12}",]
}

proptest! {
    #[test]
    fn no_name_of_one_hop_or_of_ours_ever_gets_through(
        lines in prop::collection::vec((names(), "[ -~]{0,10}"), 0..12),
        listed in prop::collection::vec(prop::collection::vec(names(), 0..4), 0..3),
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in &lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, value.parse().unwrap());
        }
        for names in &listed {
            headers.append("connection", names.join(" , ").parse().unwrap());
        }
        let left = received(&headers, &to());
        for name in left.keys().map(HeaderName::as_str) {
            prop_assert!(!HOP_BY_HOP.contains(&name) && !FORWARDING.contains(&name), "{name}");
            prop_assert!(!name.contains('_'), "{name}");
            prop_assert!(!name.starts_with("botwarden-") && !name.starts_with("webhook-"), "{name}");
            prop_assert!(!listed.iter().flatten().any(|one| one.eq_ignore_ascii_case(name)), "{name}");
        }
        for (name, value) in &left {
            prop_assert!(headers.get_all(name).iter().any(|one| one == value));
        }
    }
}

#[test]
fn no_header_that_speaks_of_hops_before_us_passes() {
    let request = sent(&[
        ("X-Forwarded-Prefix", "/admin"),
        ("X-Forwarded-Ssl", "on"),
        ("X-Forwarded-Uri", "/admin"),
        ("X-Original-Url", "/admin"),
        ("X-Rewrite-Url", "/admin"),
    ]);
    let names = ["x-forwarded-prefix", "x-forwarded-ssl", "x-forwarded-uri"];
    for name in names.into_iter().chain(["x-original-url", "x-rewrite-url"]) {
        assert_eq!(value(&request, name), None, "{name}");
    }
    assert_eq!(value(&request, "x-forwarded-proto"), Some("https"));
}
