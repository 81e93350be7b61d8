//! Simulator, gateway and bot as processes of their own, and what the gateway wrote.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::bot::{Bot, request};
use crate::harness::{Background, SECRET, program, site};

/// More than anything here takes, and less than somebody waits for a hung test.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Site {
    pub(crate) bot: Bot,
    pub(crate) directory: tempfile::TempDir,
    world: Value,
    _simulator: Background,
}

impl Site {
    pub(crate) fn new() -> Self {
        let arguments = ["simulate", "--listen", "127.0.0.1:0", "--json"];
        let mut simulator = Background::start(Path::new("."), &arguments);
        let mut documents = serde_json::Deserializer::from_reader(&mut simulator.out);
        let world: Value = serde::Deserialize::deserialize(&mut documents).unwrap();
        let bot = Bot::start();
        let directory = site(text(&world, "/api"), &bot.url());
        let site = Self { bot, directory, world, _simulator: simulator };
        site.change("bots:\n", "inbox: {max_events: 5000}\nbots:\n");
        site
    }

    /// Changes the configuration that lies there.
    pub(crate) fn change(&self, from: &str, to: &str) {
        let path = self.directory.path().join("gateway.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// A signed event in a room, with this subject.
    pub(crate) fn event(&self, room: &str, subject: &str) -> String {
        let id =
            |kind: &str, name: &str| text(&self.world, &format!("/{kind}/{name}/id")).to_owned();
        let created = jiff::Timestamp::now().to_string();
        let data = json!({"id": subject, "roomId": id("rooms", room), "personId": id("people", "ann"), "created": created});
        let (creator, actor) = (id("people", "helpdesk"), id("people", "ann"));
        json!({"resource": "messages", "event": "created", "createdBy": creator, "actorId": actor, "data": data})
            .to_string()
    }

    pub(crate) fn gateway(&self) -> Gateway {
        let mut child = program(self.directory.path(), &["run"])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let records = Arc::new(Mutex::new(Vec::new()));
        let out = BufReader::new(child.stdout.take().unwrap());
        let kept = Arc::clone(&records);
        let reading = std::thread::spawn(move || {
            for line in out.lines() {
                kept.lock().unwrap().push(line.unwrap());
            }
        });
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let ready: Value =
            serde_json::from_str(&Background::line(&mut log, "ready for webhooks")).unwrap();
        let field = |name: &str| text(&ready, &format!("/fields/{name}")).to_owned();
        let [listen, ops, admin] = ["listen", "ops", "admin"].map(field);
        Gateway { child, log, records, reading: Some(reading), listen, ops, admin }
    }
}

/// A gateway that runs.
pub(crate) struct Gateway {
    child: Child,
    log: BufReader<ChildStderr>,
    records: Arc<Mutex<Vec<String>>>,
    reading: Option<std::thread::JoinHandle<()>>,
    pub(crate) listen: String,
    pub(crate) ops: String,
    pub(crate) admin: String,
}

impl Gateway {
    /// Of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let process = self.id().to_string();
        assert!(Command::new("kill").args([name, &process]).status().unwrap().success());
    }

    /// Reads the log until a line says this.
    pub(crate) fn logged(&mut self, with: &str) -> String {
        Background::line(&mut self.log, with)
    }

    /// Waits for its end; the exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let mut rest = String::new();
        while self.log.read_line(&mut rest).unwrap() > 0 {}
        self.reading.take().unwrap().join().unwrap();
        self.child.wait().unwrap().code()
    }

    /// Every record so far.
    pub(crate) fn records(&self) -> Vec<Value> {
        let lines = self.records.lock().unwrap();
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The records as they were written.
    pub(crate) fn lines(&self) -> String {
        self.records.lock().unwrap().iter().fold(String::new(), |all, line| all + line + "\n")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// Whoever posts events as Webex does, over one connection.
pub(crate) struct Caller(Option<TcpStream>);

impl Caller {
    pub(crate) fn to(listen: &str) -> Self {
        Self(TcpStream::connect(listen).ok())
    }

    /// The status; nothing when nobody answers.
    pub(crate) fn post(&mut self, body: &str) -> Option<u16> {
        let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = base16ct::lower::encode_string(&mac.finalize().into_bytes());
        let head = format!(
            "POST /webhooks/helpdesk HTTP/1.1\r\nHost: h\r\nX-Spark-Signature: {signature}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let status = self.0.as_ref().and_then(|stream| exchange(stream, &(head + body)));
        if status.is_none() {
            self.0 = None;
        }
        status
    }
}

impl Caller {
    /// The status of a page.
    pub(crate) fn probe(listen: &str, path: &str) -> Option<u16> {
        let stream = TcpStream::connect(listen).ok()?;
        exchange(&stream, &format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"))
    }
}

fn exchange(mut stream: &TcpStream, request_text: &str) -> Option<u16> {
    stream.write_all(request_text.as_bytes()).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    request(&mut reader)?;
    Some(status)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

/// What records call the event's body.
pub(crate) fn digest(body: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(body.as_bytes()))
}

pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "it never came true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
