//! Any pages of a room's list, over loopback: the product never leaves the list, and never calls a room clean that a
//! second reading of the same pages does not.
//!
//! Input: pages. Each has lines before an empty one (`Link` values; `!404` is the status) and then its body. In lines,
//! byte 1 stands for the address of the right server and byte 2 for that of another one. A body that begins with `@` has
//! one letter for each member; others are sent as they are.
#![no_main]

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use botwarden::config::{Proxy, Webex};
use botwarden::gate::id::{OrgId, PersonId, RoomId};
use botwarden::gate::policy::{AppUsers, Audience, Demands, Mode, Policy, RoomVerdict, judge_room};
use botwarden::gate::roster::{Builder, Extent, Roster};
use botwarden::gate::secret::Secret;
use botwarden::report::Reporter;
use botwarden::rt;
use botwarden::webex::{Client, Listed};
use botwarden_fuzz::id::meaning;
use botwarden_fuzz::link::has_next;
use botwarden_fuzz::{PART, sample};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

const MOST_MEMBERS: usize = 50;

static WORLD: LazyLock<World> = LazyLock::new(World::new);

fuzz_target!(|input: &[u8]| {
    let world = &*WORLD;
    let pages: Vec<Page> =
        input.split(|byte| *byte == PART).take(12).map(|page| world.page(page)).collect();
    *world.served.lock().unwrap() = Served { pages, targets: Vec::new() };
    let audience = audience();
    let roster = world.runtime.block_on(world.read(&audience));
    let served = std::mem::take(&mut *world.served.lock().unwrap());
    assert!(!world.strayed.load(Ordering::Relaxed), "it went to another server");
    for target in &served.targets {
        check_target(target);
    }
    let Some(roster) = roster else { return };
    let whole = served.pages_told().try_fold(Vec::new(), |mut all: Vec<Value>, page| {
        all.extend(page.items()?);
        Some(all)
    });
    let whole = whole.filter(|_| served.ended());
    check(&roster, &audience, whole.as_deref());
});

/// What the stub sends, and what it was asked for.
#[derive(Default)]
struct Served {
    pages: Vec<Page>,
    targets: Vec<String>,
}

impl Served {
    /// The pages that were asked for, in order.
    fn pages_told(&self) -> impl Iterator<Item = &Page> {
        self.pages.iter().take(self.targets.len())
    }

    /// Whether the last of them was the last one of the list.
    fn ended(&self) -> bool {
        let beyond = self.targets.len() > self.pages.len();
        beyond
            || self
                .pages_told()
                .last()
                .is_some_and(|page| !page.links.iter().any(|link| has_next(link)))
    }
}

#[derive(Clone, Default)]
struct Page {
    status: u16,
    links: Vec<String>,
    body: Vec<u8>,
}

impl Page {
    /// The members on it, unless it cannot be read.
    fn items(&self) -> Option<Vec<Value>> {
        let page: Value = serde_json::from_slice(&self.body).ok()?;
        (self.status == 200).then(|| page.as_object()?.get("items")?.as_array().cloned())?
    }

    fn answer(&self) -> Vec<u8> {
        let mut answer =
            format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for link in &self.links {
            answer += &format!("link: {link}\r\n");
        }
        [answer.as_bytes(), b"\r\n", &self.body].concat()
    }
}

struct World {
    runtime: Runtime,
    client: Client,
    room: RoomId,
    address: SocketAddr,
    elsewhere: SocketAddr,
    served: Arc<Mutex<Served>>,
    strayed: Arc<AtomicBool>,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (served, strayed) = (Arc::<Mutex<Served>>::default(), Arc::<AtomicBool>::default());
        let listen = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (here, there) = (listen(), listen());
        let (address, elsewhere) = (here.local_addr().unwrap(), there.local_addr().unwrap());
        runtime.spawn(serve(here, Arc::clone(&served)));
        let trap = Arc::clone(&strayed);
        runtime.spawn(async move {
            let _caller = there.accept().await;
            trap.store(true, Ordering::Relaxed);
        });
        let token = Secret::new(b"a-token-of-the-bot".to_vec());
        let reporter = Arc::new(Reporter::default());
        let client = Client::new("bot".into(), &token, &config(address), reporter).unwrap();
        let room = RoomId::parse(sample::ROOM).unwrap();
        Self { runtime, client, room, address, elsewhere, served, strayed }
    }

    async fn read(&self, audience: &Audience) -> Option<Roster> {
        let mut builder = Builder::new(self.room.key(), audience, rt::now());
        let each = |items: &[Listed]| builder.page(items.iter().map(Listed::member));
        let end = self.client.memberships(&self.room, each).await.ok()?;
        Some(builder.finish(end))
    }

    fn page(&self, input: &[u8]) -> Page {
        let end = input.windows(2).position(|pair| pair == b"\n\n");
        let (head, body) = end.map_or((input, &[][..]), |end| (&input[..end], &input[end + 2..]));
        let mut page = Page { status: 200, links: Vec::new(), body: body_of(body) };
        for line in String::from_utf8_lossy(head).lines().take(8) {
            let line = line
                .replace('\u{1}', &self.address.to_string())
                .replace('\u{2}', &self.elsewhere.to_string());
            match line.strip_prefix('!') {
                Some("404") => page.status = 404,
                Some("204") => page.status = 204,
                _ if line.chars().any(char::is_control) => {}
                _ => page.links.push(line),
            }
        }
        page
    }
}

/// `b` is the bot, a digit one of the house, others are odd in one way each.
fn body_of(input: &[u8]) -> Vec<u8> {
    let Some(letters) = input.strip_prefix(b"@") else { return input.to_vec() };
    let items: Vec<Value> =
        letters.iter().enumerate().map(|(at, letter)| item(at, *letter)).collect();
    json!({ "items": items }).to_string().into_bytes()
}

fn item(at: usize, letter: u8) -> Value {
    let other = "abcd0000-0000-4000-8000-0000000000ff";
    let person = match letter {
        b'b' => sample::BOT.to_owned(),
        digit @ b'0'..=b'9' => format!("abcd0000-0000-4000-8000-00000000100{}", digit - b'0'),
        _ => format!("abcd0000-0000-4000-8000-{:012}", 2000 + at),
    };
    let mut item = json!({
        "id": "m", "roomId": sample::ROOM, "personId": person, "personEmail": "x@example.com", "personOrgId": sample::ORG
    });
    match letter {
        b'o' => item["personOrgId"] = other.into(),
        b'n' => item["personOrgId"] = Value::Null,
        b'x' => item["personOrgId"] = "rubbish".into(),
        b'c' => item["personOrgId"] = "consumer".into(),
        b'r' => item["roomId"] = other.into(),
        b'e' => item["errors"] = json!({"personOrgId": {"code": "kms"}}),
        b'g' => item["personEmail"] = format!("guest@{}", sample::ORG).into(),
        b'G' => item["personEmail"] = format!("guest@{other}").into(),
        b'm' => item["personEmail"] = Value::Null,
        b'a' => item["personEmail"] = "nobody".into(),
        b'p' => item["personId"] = "rubbish".into(),
        _ => {}
    }
    item
}

fn config(address: SocketAddr) -> Webex {
    Webex {
        api: format!("http://{address}/v1").parse().unwrap(),
        proxy: Proxy::Direct,
        ca_file: None,
        timeout: Duration::from_secs(5),
        max_in_flight: 8,
        requests_per_minute: u32::MAX,
        attempts: 1,
        give_up_after: Duration::from_secs(10),
    }
}

fn audience() -> Audience {
    let policy = Policy {
        mode: Mode::Enforce,
        allowed_orgs: [OrgId::parse(sample::ORG).unwrap().key()].into(),
        trusted_bots: HashSet::new(),
        app_users: AppUsers::Deny,
        max_members: MOST_MEMBERS,
        max_event_age: Duration::from_secs(600),
        demands: Demands::default(),
    };
    policy.audience(PersonId::parse(sample::BOT).unwrap().key())
}

/// Answers each call with the next page; behind the last one is nobody.
async fn serve(listener: TcpListener, served: Arc<Mutex<Served>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&served)));
    }
}

async fn converse(mut stream: TcpStream, served: Arc<Mutex<Served>>) {
    let mut head = Vec::new();
    while stream.read_buf(&mut head).await.is_ok_and(|read| read > 0) {
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let target = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap().to_owned();
        head.clear();
        let answer = {
            let mut served = served.lock().unwrap();
            served.targets.push(target);
            let page = served.pages.get(served.targets.len() - 1).cloned();
            page.unwrap_or(Page {
                status: 200,
                links: Vec::new(),
                body: b"{\"items\":[]}".to_vec(),
            })
            .answer()
        };
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// The same list of the same room.
fn check_target(target: &str) {
    let url: url::Url = format!("http://x{target}").parse().unwrap();
    assert_eq!(url.path(), "/v1/memberships");
    let rooms: Vec<_> = url.query_pairs().filter(|(name, _)| name == "roomId").collect();
    assert!(!rooms.is_empty(), "without the room");
    for (_, room) in rooms {
        assert_eq!(meaning("ROOM", &room), meaning("ROOM", sample::ROOM), "another room");
    }
}

/// Whole and clean only what is whole and clean here as well.
fn check(roster: &Roster, audience: &Audience, whole: Option<&[Value]>) {
    if roster.extent() == Extent::Whole {
        let items = whole.expect("called whole, and it is not");
        assert_eq!(roster.members().len(), items.len());
        let text = |item: &Value, name: &str| item[name].as_str().map(str::to_owned);
        let person = |item: &Value| {
            meaning("PEOPLE", &text(item, "personId").expect("a member without an id"))
        };
        let people: HashSet<_> = items.iter().map(person).collect();
        assert_eq!(people.len(), items.len(), "somebody twice");
        let room = meaning("ROOM", sample::ROOM);
        assert!(
            items
                .iter()
                .all(|item| text(item, "roomId").and_then(|text| meaning("ROOM", &text)) == room)
        );
        assert!(
            items.is_empty() || people.contains(&meaning("PEOPLE", sample::BOT)),
            "without the bot"
        );
    }
    let ttl = Duration::from_secs(60);
    if judge_room(roster, audience, ttl, roster.read()) == RoomVerdict::Clean {
        let items = whole.expect("called clean, and it is not whole");
        assert!(!items.is_empty() && items.len() <= MOST_MEMBERS);
        assert!(items.iter().all(is_insider), "called clean with an outsider in it");
    }
}

fn is_insider(item: &Value) -> bool {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let is = |name: &str, kind: &str, wanted: &str| {
        text(name).and_then(|text| meaning(kind, text)) == meaning(kind, wanted)
    };
    let domain = text("personEmail")
        .and_then(|address| address.rsplit('@').next().filter(|_| address.contains('@')));
    let guest = |domain: &str| {
        meaning("PEOPLE", domain.trim().trim_end_matches('.')).is_some_and(|_| domain.len() >= 36)
    };
    let clear = item.get("errors").is_none_or(Value::is_null)
        && domain.is_some_and(|domain| !guest(domain));
    is("personId", "PEOPLE", sample::BOT)
        || (is("personOrgId", "ORGANIZATION", sample::ORG) && clear)
}
