use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::calls::CONNECTIONS;
use super::*;
use crate::config::Problem;

/// Remembers what it was told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) drains: AtomicUsize,
    /// What stands in the way of a reload.
    pub(super) problems: Vec<Problem>,
}

impl Control for Told {
    fn drain(&self) {
        self.drains.fetch_add(1, Ordering::Relaxed);
    }

    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<Reloaded, NotReloaded>> + Send + '_>> {
        if !self.problems.is_empty() {
            let refused =
                NotReloaded { file: "gateway.yaml".into(), problems: self.problems.clone() };
            return Box::pin(async { Err(refused) });
        }
        let (old, new) = ("5f0c21e9".into(), "7aa0b1c2".into());
        let reloaded = Reloaded {
            old,
            new,
            restart: vec!["server.listen"],
            file: "gateway.yaml".into(),
            warnings: Vec::new(),
        };
        Box::pin(async { Ok(reloaded) })
    }
}

struct World {
    address: SocketAddr,
    readiness: Readiness,
    told: Arc<Told>,
    tasks: Tasks,
    over: CancellationToken,
}

async fn world() -> World {
    let bound = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let tasks = Tasks::default();
    let world = World {
        address: bound.local_addr(),
        readiness: Readiness::new(&tasks),
        told: Arc::default(),
        tasks: tasks.clone(),
        over: CancellationToken::new(),
    };
    let (readiness, over) = (world.readiness.clone(), world.over.clone());
    let control = Arc::clone(&world.told);
    let sources = Sources { readiness, reporter: Arc::default(), control };
    world.tasks.spawn("ops", async move { bound.serve(sources, &tasks, over).await });
    world
}

impl World {
    async fn ask(&self, method: &str, target: &str) -> String {
        self.ask_with(method, target, "Host: h\r\n").await
    }

    async fn ask_with(&self, method: &str, target: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let raw = format!("{method} {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        stream.write_all(raw.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[tokio::test]
async fn each_page_answers() {
    let world = world().await;
    let live = world.ask("GET", "/livez").await;
    assert!(live.starts_with("HTTP/1.1 200 ") && live.ends_with("\r\n\r\nok"));
    let head = world.ask("HEAD", "/livez").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"));
    let metrics = world.ask("GET", "/metrics").await;
    let kind = "content-type: text/plain; version=0.0.4; charset=utf-8\r\n";
    assert!(metrics.contains(kind) && metrics.contains("\r\nvary: accept\r\n"), "{metrics}");
    assert!(metrics.contains("\nbotwarden_build_info{version="), "{metrics}");
    for target in ["/", "/livez/", "/debug", "/livez2"] {
        let answer = world.ask("GET", target).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{target}: {answer}");
    }
    let post = world.ask("POST", "/metrics").await;
    assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("allow: GET, HEAD\r\n"));
}

#[tokio::test]
async fn readiness_is_told_check_by_check() {
    let world = world().await;
    world.readiness.ok("configuration");
    assert!(world.ask("GET", "/readyz").await.starts_with("HTTP/1.1 200 "));
    world.readiness.not_ok("token helpdesk", "refused by Webex");
    let brief = world.ask("GET", "/readyz").await;
    assert!(brief.starts_with("HTTP/1.1 503 ") && brief.ends_with("\r\n\r\nnot ready"));
    let verbose = world.ask("GET", "/readyz?verbose").await;
    let (_, text) = verbose.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        text,
        "[+] configuration: ok\n[+] decision log: ok\n[+] shutdown: ok\n[-] token helpdesk: refused by Webex\nnot ready\n"
    );
    let live = world.ask("GET", "/livez").await;
    assert!(live.starts_with("HTTP/1.1 200 "), "the process is alive");
}

#[tokio::test]
async fn draining_shows_until_it_is_over() {
    let world = world().await;
    assert!(healthy(world.address, "/readyz").await);
    world.tasks.stop_token().cancel();
    assert!(!healthy(world.address, "/readyz").await);
    assert!(healthy(world.address, "/livez").await);
    world.over.cancel();
    assert!(world.tasks.stop(Duration::from_secs(10)).await);
    assert!(!healthy(world.address, "/livez").await, "nobody listens");
}

#[tokio::test]
async fn every_address_is_asked_at_this_machine() {
    let world = world().await;
    let everywhere = SocketAddr::from(([0, 0, 0, 0], world.address.port()));
    assert!(healthy(everywhere, "/livez").await);
}

#[tokio::test]
async fn silent_connections_cannot_keep_a_probe_out() {
    let world = world().await;
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS * 2 {
        silent.push(TcpStream::connect(world.address).await.unwrap());
    }
    assert!(healthy(world.address, "/livez").await);
}

#[tokio::test]
async fn who_says_nothing_is_not_healthy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert!(!healthy(listener.local_addr().unwrap(), "/livez").await);
}

#[tokio::test]
async fn who_is_on_this_machine_may_take_it_out_of_service() {
    let world = world().await;
    let drains = || world.told.drains.load(Ordering::Relaxed);
    for method in ["GET", "HEAD", "PUT"] {
        let answer = world.ask_with(method, "/drain", "Host: localhost\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        assert!(answer.contains("allow: POST\r\n"), "{answer}");
        assert!(method == "HEAD" || answer.ends_with("botwarden drain\n"), "{answer}");
    }
    assert_eq!(drains(), 0);
    let curl = "Host: localhost:8082\r\nUser-Agent: curl/8\r\nAccept: */*\r\n";
    for (headers, done) in [("Host: localhost\r\n", 1), ("Host: [::1]:8082\r\n", 2), (curl, 3)] {
        let answer = world.ask_with("POST", "/drain", headers).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && drains() == done, "{answer}");
    }
    assert!(drained(world.address).await.unwrap() && drains() == 4);
}

#[tokio::test]
async fn no_web_page_and_no_proxy_takes_it_out_of_service() {
    let world = world().await;
    for headers in [
        "",
        "Host: evil.example\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: localhost\r\nHost: evil.example\r\n",
        "Host: evil.example@localhost\r\n",
        "Host: [::ffff:127.0.0.1]:8082\r\n",
        "Host: localhost\r\nOrigin: http://localhost\r\n",
        "Host: localhost\r\nReferer: http://localhost/\r\n",
        "Host: 127.0.0.1\r\nSec-Fetch-Site: cross-site\r\n",
        "Host: localhost\r\nForwarded: for=192.0.2.1\r\n",
        "Host: localhost\r\nX-Forwarded-For: 192.0.2.1\r\n",
        "Host: localhost\r\nX-Forwarded-Proto: http\r\n",
        "Host: localhost\r\nX-Envoy-Internal: true\r\n",
        "Host: localhost\r\nX-Request-Id: 1\r\n",
        "Host: localhost\r\nVia: 1.1 proxy\r\n",
    ] {
        let answer = world.ask_with("POST", "/drain", headers).await;
        let refused = answer.starts_with("HTTP/1.1 403 ") || answer.starts_with("HTTP/1.1 400 ");
        assert!(refused, "{headers}: {answer}");
    }
    for target in ["http://localhost/drain", "http://evil.example/drain"] {
        let answer = world.ask_with("POST", target, "Host: localhost\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{target}: {answer}");
    }
    assert_eq!(world.told.drains.load(Ordering::Relaxed), 0);
}

#[test]
fn who_is_elsewhere_may_not() {
    let told = Told::default();
    for peer in ["10.0.0.7:5", "[2001:db8::1]:5", "[::ffff:10.0.0.7]:5"] {
        let request = Request::post("/drain").header("host", "localhost").body(()).unwrap();
        let (status, reason) = drain::answer(&request, peer.parse().unwrap(), &told);
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(reason.contains("from this machine"), "{reason}");
    }
    assert_eq!(told.drains.load(Ordering::Relaxed), 0);
    let request = Request::post("/drain").header("host", "localhost").body(()).unwrap();
    let (status, _) = drain::answer(&request, "[::ffff:127.0.0.1]:5".parse().unwrap(), &told);
    assert_eq!((status, told.drains.load(Ordering::Relaxed)), (StatusCode::OK, 1));
}
