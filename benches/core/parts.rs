//! What the core works on: an event of any size, a list of any length, the rules of a route.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use base16ct::lower::encode_string;
use botwarden::config::{Answer, Config, Source, Unverified, load};
use botwarden::flow::{Admission, Answered, Door, Doorway};
use botwarden::gate::arrival::{Arrival, Origin};
use botwarden::gate::event::{Notice, Registration, read};
use botwarden::gate::id::{Key, OrgId, Person, PersonId, Room, RoomId};
use botwarden::gate::policy::{Audience, Cleared, Evidence, Policy, Rules, Verdict, judge};
use botwarden::gate::refusal::Refusal;
use botwarden::gate::roster::{Builder, End, Member, Roster, Standing};
use botwarden::gate::secret::Secret;
use botwarden::gate::signature::{Authentic, KeyRing, SigningKey, verify};
use botwarden::ingress::{Passed, bind};
use botwarden::rt::{self, Tasks};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

const SECRET: &str = "the-webhook-secret-of-helpdesk";

/// The number of who writes; odd, so that no product with it comes twice.
const AUTHOR: u16 = 40_503;

/// A page of the list of members, as Webex gives it to who asks for the most.
const PAGE: usize = 1000;

const CONFIGURATION: &str = "
version: 1
orgs: {example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11}
policy: {allowed_orgs: [example], max_members: 5000}
server: {listen: '127.0.0.1:0', drain_grace: 0s}
bots: {helpdesk: {token: {env: TOKEN}, webhook_secret: {env: SECRET}}}
routes: {helpdesk: {path: /hook, bot: helpdesk, upstream: 'http://127.0.0.1:9/'}}
";

/// The secrets, and no files.
struct Environment;

impl Source for Environment {
    fn file(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn var(&self, name: &str) -> Option<String> {
        let known = [("TOKEN", "the-token-of-helpdesk"), ("SECRET", SECRET)];
        known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    fn readable_by_others(&self, _: &Path) -> bool {
        false
    }
}

/// A route's side of the work.
pub(crate) struct Bench {
    config: Config,
    pub(crate) keys: KeyRing,
    audience: Audience,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let (config, _) = load(CONFIGURATION.as_bytes(), &Environment, rt::now().wall).unwrap();
        let keys = KeyRing::new(vec![SigningKey::new(&Secret::new(SECRET.into())).unwrap()]);
        let audience = config.routes["helpdesk"].policy.audience(person(0));
        Self { config, keys, audience }
    }

    /// A message of the first member, of about so many bytes, as the listener takes it from a socket.
    pub(crate) fn arrival(&self, bytes: usize) -> Arrival {
        take(&self.config, &envelope(bytes))
    }

    pub(crate) fn authentic(&self, arrival: Arrival) -> Authentic {
        verify(arrival, &self.keys).unwrap()
    }

    pub(crate) fn notice(&self, arrival: Arrival) -> Notice {
        read(self.authentic(arrival), registration()).unwrap()
    }

    fn policy(&self) -> &Policy {
        &self.config.routes["helpdesk"].policy
    }

    /// Judges an event that every rule lets through.
    pub(crate) fn clear(&self, notice: Notice, roster: &Roster) -> Cleared {
        let rules = Rules {
            policy: self.policy(),
            audience: &self.audience,
            allow_ttl: Duration::from_hours(1),
        };
        match judge(notice, Evidence::Roster(roster), rules, roster.read()) {
            Verdict::Clear(cleared) => cleared,
            Verdict::Refuse(..) | Verdict::Undecided(_) => panic!("it should have passed"),
        }
    }

    /// A list put together from its pages.
    pub(crate) fn roster(&self, members: &[Member]) -> Roster {
        let mut builder = Builder::new(room(), &self.audience, rt::now());
        for page in members.chunks(PAGE) {
            assert!(builder.page(page.iter().copied()).is_continue(), "nobody is an outsider");
        }
        builder.finish(End::LastPage)
    }
}

/// The bot has registered the webhook itself.
pub(crate) fn registration() -> Registration {
    Registration { creator: Some(person(0)) }
}

/// Everybody in a room: the bot, the author, and more people of the allowed organisation.
pub(crate) fn members(count: u16) -> Vec<Member> {
    let org = OrgId::parse("0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11").unwrap().key();
    let of = |number| Member { room: room(), person: person(number), standing: Standing::Of(org) };
    // As ids are in life: in no order.
    (0..count).map(|number| of(number.wrapping_mul(AUTHOR))).collect()
}

fn room() -> Key<Room> {
    RoomId::parse(&public("ROOM", 7)).unwrap().key()
}

fn person(number: u16) -> Key<Person> {
    PersonId::parse(&public("PEOPLE", number)).unwrap().key()
}

/// An id as Webex spells it.
pub(crate) fn public(kind: &str, number: u16) -> String {
    use base64::Engine as _;
    let text = format!("ciscospark://us/{kind}/5f0c21e9-6a55-4a53-9d0c-3a2a3c9f{number:04x}");
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

/// A message as Webex tells of it, with so much that no rule looks at that it has about so many bytes.
fn envelope(bytes: usize) -> String {
    let now = jiff::Timestamp::try_from(rt::now().wall).unwrap();
    let mut envelope = serde_json::json!({
        "id": public("WEBHOOK", 1), "name": "botwarden:helpdesk", "resource": "messages", "event": "created",
        "createdBy": public("PEOPLE", 0), "actorId": public("PEOPLE", AUTHOR),
        "data": {
            "id": public("MESSAGE", 1), "roomId": public("ROOM", 7), "roomType": "group",
            "personId": public("PEOPLE", AUTHOR), "personEmail": "ann@example.com", "created": now.to_string(),
        },
    });
    let files = bytes.saturating_sub(envelope.to_string().len()) / 98;
    let link = |number| format!("https://webexapis.com/v1/contents/{number:060}");
    let files: Vec<_> = (0..files).map(link).collect();
    if !files.is_empty() {
        envelope["data"]["files"] = files.into();
    }
    envelope.to_string()
}

/// Only the listener makes an [`Arrival`], so one is sent there.
fn take(config: &Config, body: &str) -> Arrival {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (keep, kept) = sync_channel(1);
    runtime.block_on(async {
        let bound = bind(&config.server, &mut Passed::default()).unwrap();
        let (address, tasks) = (bound.local_addr(), Tasks::default());
        let serving = bound.serve(Arc::new(Taker { keep }), &tasks);
        let calling = tokio::task::spawn_blocking({
            let call = call(body);
            move || sent(address, &call, &kept)
        });
        tokio::select! {
            () = serving => panic!("the listener ended"),
            arrival = calling => arrival.unwrap(),
        }
    })
}

/// What the listener gives its door, handed on; the caller learns that it is turned away.
struct Taker {
    keep: SyncSender<Arrival>,
}

impl Door for Taker {
    fn doorway(&self, _: &str) -> Option<Doorway> {
        let (answer, unverified) = (Answer::Accepted, Unverified::Forbidden);
        Some(Doorway { route: "helpdesk".into(), answer, unverified })
    }

    fn verify(&self, arrival: Arrival) -> Result<Authentic, Refusal> {
        self.keep.send(arrival.compact()).unwrap();
        Err(Refusal::SignatureMismatch)
    }

    async fn admit(&self, _: Authentic) -> Admission {
        Admission::Full
    }

    fn overloaded(&self, _: Authentic) -> Admission {
        Admission::Full
    }

    fn turned_away(&self, _: Option<&Arc<str>>, _: Refusal, _: &Origin) {}

    fn called(&self, _: &Arc<str>) {}

    fn answered(&self, _: &Answered<'_>) {}
}

fn sent(address: SocketAddr, call: &str, kept: &Receiver<Arrival>) -> Arrival {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(call.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    kept.recv().unwrap()
}

/// The headers that Webex and a proxy in front of us send.
fn call(body: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let (mac, length) = (encode_string(&mac.finalize().into_bytes()), body.len());
    format!(
        "POST /hook HTTP/1.1\r\nHost: bots.example.com\r\nUser-Agent: Webex\r\nAccept: */*\r\n\
         Content-Type: application/json; charset=utf-8\r\nX-Spark-Signature: {mac}\r\nTrackingID: ROUTER_5f0c21e9\r\n\
         X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}
