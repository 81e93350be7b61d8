//! Commands for a gateway that runs.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{
    Background, document, err, out, program, reserved_port, run_in, site_without_webex,
};

pub(crate) const OPERATOR: &str = "operator-operator-operator";

/// A gateway, its files, a runtime directory, and where it listens.
struct World {
    site: tempfile::TempDir,
    gateway: Background,
    admin: String,
    ops: String,
    listen: String,
}

fn world(admin: &str) -> World {
    let site = site_without_webex();
    let path = site.path().join("gateway.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let typed = "admin: {listen: '127.0.0.1:0'}";
    assert!(text.contains(typed));
    std::fs::write(&path, text.replace(typed, admin)).unwrap();
    std::fs::create_dir(site.path().join("run")).unwrap();
    let (gateway, ready) = start(site.path());
    let field = |name: &str| {
        ready.pointer(&format!("/fields/{name}")).and_then(Value::as_str).unwrap().to_owned()
    };
    let (admin, ops, listen) =
        (format!("http://{}", field("admin")), field("ops"), field("listen"));
    World { site, gateway, admin, ops, listen }
}

fn start(site: &Path) -> (Background, Value) {
    let mut gateway = Background::of(&mut with_runtime(site, &["run"]));
    let ready = Background::line(&mut gateway.err, "ready for webhooks");
    (gateway, serde_json::from_str(&ready).unwrap())
}

/// As the same user has it in another shell.
pub(crate) fn with_runtime(site: &Path, arguments: &[&str]) -> Command {
    let mut command = program(site, arguments);
    command.env("XDG_RUNTIME_DIR", site.join("run"));
    command
}

impl World {
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = with_runtime(self.site.path(), arguments);
        command.env("BOTWARDEN_ADMIN", &self.admin).env("BOTWARDEN_OPS_LISTEN", &self.ops);
        command.output().unwrap()
    }

    /// A call that is turned away has a record without any Webex.
    fn forge(&self) {
        let url = format!("http://{}/webhooks/helpdesk", self.listen);
        let person = "946e4f40-d002-11e9-9ccb-a7e5bdebafb3";
        let event = ["send", "messages.created", "--route", "helpdesk", "--created-by", person];
        let sent =
            run_in(self.site.path(), &[&event[..], &["--url", &url, "--bad-signature"]].concat());
        assert_eq!(sent.status.code(), Some(1), "{}{}", out(&sent), err(&sent));
    }
}

pub(crate) const AT_ANY_PORT: &str = "admin: {listen: '127.0.0.1:0'}";

fn with_operator(world: &World) -> std::path::PathBuf {
    let path = world.site.path().join("operator");
    std::fs::write(&path, format!("{OPERATOR}\n")).unwrap();
    path
}

#[test]
fn status_needs_nothing_but_the_same_user() {
    let world = world(AT_ANY_PORT);
    world.forge();
    let shown = world.run(&["status"]);
    assert_eq!((shown.status.code(), err(&shown)), (Some(0), String::new()));
    let page = out(&shown);
    for words in ["botwarden ", "ready\n", "1 reject", "ROUTE ", "helpdesk  helpdesk  enforce"] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    let status = document(&world.run(&["status", "--json"]));
    assert_eq!(status["schema"], "botwarden/status/1");
    assert_eq!(status["pid"], world.gateway.child.id());
    let elsewhere = program(world.site.path(), &["status", "--admin", &world.admin]).output();
    let elsewhere = elsewhere.unwrap();
    assert_eq!(elsewhere.status.code(), Some(77), "{}", err(&elsewhere));
    assert!(err(&elsewhere).contains("no token of viewers"), "{}", err(&elsewhere));
}

#[test]
fn a_token_that_nobody_can_know_is_a_warning_with_the_same_advice_on_both_sides() {
    let site = site_without_webex();
    let mut gateway = Background::start(site.path(), &["run"]);
    let warning = Background::line(&mut gateway.err, "nobody knows the token of viewers");
    let warning: Value = serde_json::from_str(&warning).unwrap();
    assert_eq!(warning["level"], "WARN");
    let hint = warning.pointer("/fields/hint").and_then(Value::as_str).unwrap();
    assert!(hint.contains("viewer_token") && hint.contains("XDG_RUNTIME_DIR"), "{hint}");
    let ready = Background::line(&mut gateway.err, "ready for webhooks");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let admin = format!("http://{}", ready.pointer("/fields/admin").unwrap().as_str().unwrap());
    let refused = run_in(site.path(), &["status", "--admin", &admin]);
    assert_eq!(refused.status.code(), Some(77));
    assert!(err(&refused).contains(hint), "{}", err(&refused));
}

#[test]
fn the_token_is_the_owners_alone_in_no_output_and_gone_at_the_end() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut world = world(AT_ANY_PORT);
    let port = world.admin.rsplit_once(':').unwrap().1;
    let path = world.site.path().join(format!("run/botwarden/admin-{port}.token"));
    let token = std::fs::read_to_string(&path).unwrap();
    assert_eq!((token.len(), path.metadata().unwrap().permissions().mode() & 0o777), (64, 0o600));
    let shown = world.run(&["status", "--json"]);
    let process = world.gateway.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    let mut told = out(&shown) + &err(&shown);
    world.gateway.out.read_to_string(&mut told).unwrap();
    world.gateway.err.read_to_string(&mut told).unwrap();
    assert!(told.contains("stopped") && !told.contains(&token), "{told}");
    assert!(!path.exists());
}

#[test]
fn nobody_there_is_69_and_a_wrong_token_is_77() {
    let world = world(AT_ANY_PORT);
    let wrong = world.site.path().join("wrong");
    std::fs::write(&wrong, "not-the-token-of-anybody").unwrap();
    let wrong = wrong.to_str().unwrap();
    for command in ["status", "tail", "reload"] {
        let refused = world.run(&[command, "--token-file", wrong]);
        assert_eq!(refused.status.code(), Some(77), "{command}: {}", err(&refused));
        assert!(err(&refused).contains("refuses the token"), "{}", err(&refused));
        assert!(!err(&refused).contains("not-the-token"), "{}", err(&refused));
        let gone = world.run(&[command, "--token-file", wrong, "--admin", "http://127.0.0.1:1"]);
        assert_eq!(gone.status.code(), Some(69), "{command}: {}", err(&gone));
        let elsewhere = [command, "--admin", "http://[::1]:1"];
        let tokenless = program(world.site.path(), &elsewhere).output().unwrap();
        assert_eq!(tokenless.status.code(), Some(69), "{command}: {}", err(&tokenless));
        assert!(err(&tokenless).contains("does the gateway run?"), "{}", err(&tokenless));
        let url = world.run(&[command, "--token-file", wrong, "--admin", "https://127.0.0.1"]);
        assert_eq!(url.status.code(), Some(2), "{command}: {}", err(&url));
    }
}

#[test]
fn without_a_token_for_operators_the_process_is_named() {
    let world = world(AT_ANY_PORT);
    let refused = world.run(&["reload"]);
    assert_eq!(refused.status.code(), Some(77));
    let advice = format!("kill -HUP {}\n", world.gateway.child.id());
    assert!(err(&refused).contains("no token of operators"), "{}", err(&refused));
    assert!(err(&refused).ends_with(&advice), "{}", err(&refused));
    let guess = with_operator(&world);
    let refused = world.run(&["reload", "--token-file", guess.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(77), "{}", err(&refused));
}

#[test]
fn draining_shows_in_readiness_and_events_are_still_taken() {
    let world = world(AT_ANY_PORT);
    assert_eq!(world.run(&["healthcheck", "--ready"]).status.code(), Some(0));
    let drained = world.run(&["drain"]);
    assert_eq!(drained.status.code(), Some(0), "{}", err(&drained));
    assert_eq!(world.run(&["healthcheck", "--ready"]).status.code(), Some(1));
    assert_eq!(world.run(&["healthcheck"]).status.code(), Some(0));
    let page = out(&world.run(&["status"]));
    assert!(page.contains("NOT READY\n  shutdown: draining\n"), "{page}");
    world.forge();
    let mut nobody = program(world.site.path(), &["drain"]);
    let nobody = nobody.env("BOTWARDEN_OPS_LISTEN", "127.0.0.1:1").output().unwrap();
    assert_eq!(nobody.status.code(), Some(69), "{}", err(&nobody));
}

fn tail(world: &World, more: &[&str]) -> Background {
    let mut command = with_runtime(world.site.path(), &[&["tail"], more].concat());
    command.env("BOTWARDEN_ADMIN", &world.admin);
    Background::of(&mut command)
}

/// A record that somebody sees who has just begun to look.
fn forged_until(world: &World, reader: &mut Background, with: &str) -> String {
    let (done, stop) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while stop.recv_timeout(Duration::from_millis(300)) == Err(RecvTimeoutError::Timeout) {
                world.forge();
            }
        });
        let line = Background::line(&mut reader.out, with);
        done.send(()).unwrap();
        line
    })
}

#[test]
fn tail_shows_verdicts_as_they_come_and_ends_when_it_is_told_to() {
    let world = world(AT_ANY_PORT);
    let mut people = tail(&world, &["--color", "always", "--route", "helpdesk"]);
    let line = forged_until(&world, &mut people, "REJECT");
    assert!(line.contains("\u{1b}[31mREJECT") && line.contains("helpdesk"), "{line}");
    assert!(line.contains("signature_mismatch"), "{line}");
    let mut machines = tail(&world, &["--verdict", "reject,deny", "-o", "jsonl"]);
    let line = forged_until(&world, &mut machines, "reject");
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["reason"], "signature_mismatch");
    assert_eq!(people.terminate(), Some(0));
    let process = machines.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
    assert_eq!(machines.child.wait().unwrap().code(), Some(0));
}

#[test]
fn tail_ends_with_its_reader() {
    let world = world(AT_ANY_PORT);
    let mut command = with_runtime(world.site.path(), &["tail"]);
    command.env("BOTWARDEN_ADMIN", &world.admin);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    while child.try_wait().unwrap().is_none() {
        world.forge();
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()));
}

#[test]
fn tail_finds_a_gateway_that_restarts_with_its_new_token() {
    let admin = format!("admin: {{listen: '127.0.0.1:{}'}}", reserved_port());
    let mut world = world(&admin);
    let mut tail = tail(&world, &[]);
    forged_until(&world, &mut tail, "REJECT");
    let (next, _) = {
        let old = std::mem::replace(
            &mut world.gateway,
            Background::start(world.site.path(), &["version"]),
        );
        assert_eq!(old.terminate(), Some(0));
        Background::line(&mut tail.err, "the gateway is gone");
        start(world.site.path())
    };
    world.gateway = next;
    Background::line(&mut tail.err, "the gateway is back");
    let status = document(&world.run(&["status", "--json"]));
    assert_eq!(status["pid"], world.gateway.child.id());
    assert_eq!(tail.terminate(), Some(0));
}

/// Answers one call with this, as a gateway would. What was asked.
fn scripted(status: &str, body: &str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (url, answer_once(listener, status, body))
}

pub(crate) fn answer_once(listener: TcpListener, status: &str, body: &str) -> JoinHandle<String> {
    let stream = body.starts_with("event:");
    let (length, kind) =
        (body.len(), if stream { "text/event-stream" } else { "application/json" });
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut asked, mut piece) = (String::new(), [0; 4096]);
        while !asked.contains("\r\n\r\n") {
            let count = stream.read(&mut piece).unwrap();
            assert_ne!(count, 0);
            asked += std::str::from_utf8(piece.get(..count).unwrap()).unwrap();
        }
        stream.write_all(answer.as_bytes()).unwrap();
        asked
    })
}

fn reload(status: &str, body: &str, more: &[&str]) -> (Output, String) {
    let site = site_without_webex();
    let token = site.path().join("operator");
    std::fs::write(&token, OPERATOR).unwrap();
    let (url, asked) = scripted(status, body);
    let arguments = ["reload", "--admin", &url, "--token-file", token.to_str().unwrap()];
    let output = run_in(site.path(), &[&arguments[..], more].concat());
    (output, asked.join().unwrap())
}

#[test]
fn reload_tells_what_is_in_force_now_and_what_waits() {
    let body = r#"{"schema":"botwarden/reload/1","old":"5f0c21e9","new":"7aa0b1c2","restart":["server.listen"],"warnings":[{"code":"W101","severity":"warning","path":"orgs.other","line":3,"column":1,"message":"the organisation `other` is not used"}]}"#;
    let (output, asked) = reload("200 OK", body, &[]);
    assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()));
    let page = out(&output);
    assert!(
        page.starts_with("config 5f0c21e9 → 7aa0b1c2\nserver.listen waits for a restart\n"),
        "{page}"
    );
    assert!(page.contains("warning[W101]: the organisation `other` is not used"), "{page}");
    assert!(asked.starts_with("POST /api/v1/reload HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("authorization: Bearer {OPERATOR}\r\n")), "{asked}");
    let (output, _) = reload("200 OK", body, &["--json"]);
    assert_eq!(document(&output)["new"], "7aa0b1c2");
}

#[test]
fn reload_shows_every_mistake_as_check_does() {
    let body = r#"{"status":422,"title":"x","file":"./gateway.yaml","errors":[
        {"code":"E014","severity":"error","path":"server","line":4,"column":1,"message":"unknown key `x\u001b[2J`","hint":"did you mean `y`?"},
        {"code":"E031","severity":"error","path":"bots.helpdesk.token","line":8,"column":14,"message":"a secret must not be written here","hidden":true},
        {"code":"E999","severity":"error","message":"of a later version"}]}"#;
    let (output, _) = reload("422 Unprocessable Content", body, &[]);
    assert_eq!(output.status.code(), Some(78));
    let page = out(&output);
    assert!(page.contains("error[E014]: unknown key `x\u{fffd}[2J`\n"), "{page}");
    assert!(page.contains("./gateway.yaml:4:1\n") && page.contains("did you mean `y`?"), "{page}");
    assert!(page.contains("server: {listen"), "the line of the file beside: {page}");
    assert!(page.contains("(value hidden)") && page.contains("of a later version"), "{page}");
    assert!(page.ends_with("3 errors, 0 warnings in ./gateway.yaml\n"), "{page}");
    assert!(err(&output).contains("the old configuration stays in force"), "{}", err(&output));
}

#[test]
fn a_foreign_answer_cannot_command_the_terminal() {
    let body = r#"{"title":"\u001b[2Jx","detail":"\u0007"}"#;
    let (output, _) = reload("503 Service Unavailable", body, &[]);
    assert_eq!(output.status.code(), Some(69));
    assert!(
        !err(&output).contains('\u{1b}') && !err(&output).contains('\u{7}'),
        "{}",
        err(&output)
    );
}
