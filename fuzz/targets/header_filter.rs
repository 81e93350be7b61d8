//! What a bot gets beside its event: no header of a hop, none that pretends to be ours, all others as they came, and
//! nothing that could begin a second call.
//!
//! Input: settings (one byte), the query, headers (`name:value`, each behind [`ITEM`]).
#![no_main]

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use botwarden::gate::event::{Registration, read};
use botwarden::gate::handoff::{Destination, request};
use botwarden::gate::id::PersonId;
use botwarden::gate::policy::{
    AppUsers, Cleared, Demand, Demands, Evidence, Mode, Policy, Rules, Verdict, judge,
};
use botwarden::gate::secret::Secret;
use botwarden::gate::signature::{Authentic, verify};
use botwarden::gate::trace::{Propagation, Trace};
use botwarden_fuzz::{items, parts, sample};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use libfuzzer_sys::fuzz_target;

const BODY: &[u8] = br#"{"resource":"x","event":"y","data":{"id":"z"}}"#;

/// RFC 9110, 7.6.1, and what belongs to one message only.
const OF_A_HOP: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// What proxies tell of the caller.
const OF_PROXIES: &[&str] =
    &["forwarded", "traceparent", "tracestate", "x-original-url", "x-real-ip", "x-rewrite-url"];
const PREFIXES: &[&str] = &["botwarden-", "svix-", "webhook-", "x-forwarded-"];
/// What we tell, in any case or by a setting.
const OURS: &[&str] = &[
    "botwarden-bot",
    "botwarden-decision-id",
    "botwarden-route",
    "botwarden-verdict",
    "content-length",
    "content-type",
    "traceparent",
    "tracestate",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-api-key",
];

fuzz_target!(|input: &[u8]| {
    let [settings, query, headers] = parts(input);
    let settings = settings.first().copied().unwrap_or_default();
    let headers = received(headers);
    let query = target(query);
    let arrival = sample::arrival(headers.clone(), query.as_deref(), BODY);
    let authentic = verify(arrival, &sample::ring([sample::SECRET])).expect("it is signed rightly");
    let (to, trace) = (destination(settings), Trace::of(&authentic, propagation(settings)));
    let context = (settings & 8 != 0).then(|| trace.context(Some(trace.span(1)))).flatten();
    let (sent, notice) = request(cleared(authentic), &to, context.as_ref(), sample::noon().wall);
    assert_eq!(sent.body(), BODY);
    assert_eq!(notice.arrival().body(), BODY);
    check_target(&sent, &to, query.as_deref());
    check_headers(&headers, sent.headers(), &to);
    check_wire(&sent);
});

/// The headers as a listener takes them, and one right signature.
fn received(part: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for item in items(part).take(60) {
        let (name, value) =
            item.split_at(item.iter().position(|byte| *byte == b':').unwrap_or(item.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    headers.insert("x-spark-signature", sample::signature(BODY));
    headers
}

/// A query as a listener takes it.
fn target(part: &[u8]) -> Option<String> {
    let target = [b"/hook?", part].concat();
    let uri: Uri = std::str::from_utf8(&target).ok()?.parse().ok()?;
    uri.query().map(str::to_owned)
}

fn destination(settings: u8) -> Destination {
    let headers =
        [(HeaderName::from_static("x-api-key"), HeaderValue::from_static("from-the-operator"))];
    Destination {
        uri: Uri::from_static(if settings & 1 == 0 {
            "http://bot:5000/events"
        } else {
            "http://bot:5000/events?own=1"
        }),
        bot: "helpdesk-bot".into(),
        pass_signature: settings & 2 == 0,
        sign: (settings & 4 != 0).then(|| Secret::new(b"a-key-for-the-bot-alone".to_vec())),
        headers: headers.into_iter().collect(),
    }
}

fn propagation(settings: u8) -> Propagation {
    match settings >> 4 & 3 {
        0 => Propagation::Drop,
        1 => Propagation::New,
        _ => Propagation::Pass,
    }
}

fn cleared(authentic: Authentic) -> Cleared {
    let notice = read(authentic, Registration { creator: None }).expect("an envelope");
    let because = "fuzzing".into();
    let policy = Policy {
        mode: Mode::Enforce,
        allowed_orgs: HashSet::new(),
        trusted_bots: HashSet::new(),
        app_users: AppUsers::Deny,
        max_members: 10,
        max_event_age: Duration::from_secs(3600),
        demands: Demands { others: Some(Demand::SignatureOnly { because }), ..Demands::default() },
    };
    let audience = policy.audience(PersonId::parse(sample::BOT).unwrap().key());
    let rules = Rules { policy: &policy, audience: &audience, allow_ttl: Duration::from_secs(60) };
    match judge(notice, Evidence::Nothing, rules, sample::noon()) {
        Verdict::Clear(cleared) => cleared,
        other => panic!("{other:?}"),
    }
}

fn check_target(sent: &Request<bytes::Bytes>, to: &Destination, query: Option<&str>) {
    assert_eq!(sent.uri().authority(), to.uri.authority());
    assert_eq!(sent.uri().scheme(), to.uri.scheme());
    assert_eq!(sent.uri().path(), to.uri.path());
    let queries: Vec<_> = to.uri.query().into_iter().chain(query).collect();
    assert_eq!(sent.uri().query().unwrap_or_default(), queries.join("&"));
}

fn check_headers(came: &HeaderMap, sent: &HeaderMap, to: &Destination) {
    let (came, sent) = (lines(came), lines(sent));
    let named: Vec<Vec<u8>> =
        came.get("connection").into_iter().flatten().flat_map(|value| options(value)).collect();
    let passes = |name: &str| {
        let signature = name == "x-spark-signature";
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let listed = named.iter().any(|option| option == name.as_bytes());
        let taken = OF_A_HOP.contains(&name) || OF_PROXIES.contains(&name) || name == "x-api-key";
        let ours = PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        plain && !taken && !ours && (signature || !listed) && (!signature || to.pass_signature)
    };
    for (name, values) in &sent {
        let forced = OURS.contains(&&**name)
            && (name != "content-type" || !came.contains_key(name) || !passes(name));
        assert!(forced || (passes(name) && came.get(name) == Some(values)), "{name}");
        assert!(!forced || values.len() == 1, "{name} twice");
    }
    for name in came.keys().filter(|name| passes(name)) {
        assert!(sent.contains_key(name), "{name} is lost");
    }
    assert_eq!(sent["content-length"], [BODY.len().to_string().into_bytes()]);
    assert_eq!(sent["botwarden-verdict"], [b"allow"]);
    assert_eq!(sent["x-forwarded-for"], [b"203.0.113.9"]);
    assert_eq!(sent["x-api-key"], [b"from-the-operator"]);
}

fn options(value: &[u8]) -> Vec<Vec<u8>> {
    value
        .split(|byte| *byte == b',')
        .map(|option| option.trim_ascii().to_ascii_lowercase())
        .collect()
}

fn lines(headers: &HeaderMap) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut lines = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in headers {
        lines.entry(name.as_str().to_owned()).or_default().push(value.as_bytes().to_vec());
    }
    lines
}

/// Written down and read by another parser, it is one call with the same lines; and no two of them are one for CGI.
fn check_wire(sent: &Request<bytes::Bytes>) {
    let mut wire =
        format!("POST {} HTTP/1.1\r\n", sent.uri().path_and_query().unwrap()).into_bytes();
    for (name, value) in sent.headers() {
        wire.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    wire.extend(b"\r\n");
    let mut room = [httparse::EMPTY_HEADER; 100];
    let mut read = httparse::Request::new(&mut room);
    assert_eq!(read.parse(&wire).ok(), Some(httparse::Status::Complete(wire.len())));
    assert_eq!(read.headers.len(), sent.headers().len());
    let names: HashSet<_> = sent.headers().keys().map(|name| name.as_str()).collect();
    let cgi: HashSet<_> = names.iter().map(|name| name.to_uppercase().replace('-', "_")).collect();
    assert_eq!(names.len(), cgi.len());
}
