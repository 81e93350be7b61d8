//! The program itself: what it prints where, and how it exits.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, and look closely at answers of the same machine"
)]

use std::io::{BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;

const SECRET: &str = "0123456789abcdef0123";

const COMMANDS: [&str; 11] = [
    "check",
    "completions",
    "demo",
    "explain",
    "healthcheck",
    "man",
    "run",
    "schema",
    "send",
    "simulate",
    "version",
];

/// The program in a directory, and nothing of the surroundings that it would heed.
fn program(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_botwarden"));
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    for name in ["BOTWARDEN_CONFIG", "BOTWARDEN_OPS_LISTEN", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

fn run_in(directory: &Path, arguments: &[&str]) -> Output {
    program(directory, arguments).output().unwrap()
}

fn run(arguments: &[&str]) -> Output {
    run_in(tempfile::tempdir().unwrap().path(), arguments)
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", out(output)))
}

/// A program that goes on until the test is over.
struct Background {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Background {
    fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut command = program(directory, arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// Reads on until a line says this. The end of the stream is the end of hope.
    fn line(reader: &mut impl std::io::BufRead, with: &str) -> String {
        let mut line = String::new();
        while !line.contains(with) {
            line.clear();
            assert_ne!(reader.read_line(&mut line).unwrap(), 0, "no line with `{with}`");
        }
        line
    }

    /// As a supervisor does it. The exit code.
    fn terminate(mut self) -> Option<i32> {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn gateway_yaml(api: &str, upstream: &str) -> String {
    format!(
        "version: 1
orgs: {{example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11}}
policy: {{allowed_orgs: [example]}}
server: {{listen: '127.0.0.1:0', drain_grace: 0s}}
ops: {{listen: '127.0.0.1:0'}}
webex: {{api: '{api}', retry: {{attempts: 1}}}}
bots:
  helpdesk: {{token: {{file: ./token}}, webhook_secret: {{file: ./secret}}}}
routes:
  helpdesk: {{path: /webhooks/helpdesk, bot: helpdesk, upstream: '{upstream}'}}
"
    )
}

/// A directory with a configuration and its secrets, as only their owner may read them.
fn site(api: &str, upstream: &str) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let site = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = site.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("gateway.yaml", &gateway_yaml(api, upstream));
    write("token", "sim-token-helpdesk");
    write("secret", SECRET);
    site
}

/// Nobody listens on port 1.
fn site_without_webex() -> tempfile::TempDir {
    site("http://127.0.0.1:1/v1", "http://127.0.0.1:2/")
}

#[test]
fn alone_it_prints_the_overview_and_exits_with_2() {
    let output = run(&[]);
    assert_eq!((output.status.code(), out(&output)), (Some(2), String::new()));
    for command in COMMANDS {
        assert!(err(&output).contains(&format!("  {command} ")), "{command}");
    }
}

#[test]
fn every_help_begins_with_two_examples() {
    for command in COMMANDS {
        let output = run(&[command, "--help"]);
        assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()), "{command}");
        let text = out(&output);
        let examples = text
            .lines()
            .take(2)
            .all(|line| line.starts_with("  botwarden") && line.contains(command));
        assert!(examples, "{text}");
    }
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}

#[test]
fn wrong_usage_is_2() {
    let wrong: [&[&str]; 8] = [
        &["dance"],
        &["demo", "--twice"],
        &["explain"],
        &["explain", "--room", "Y2lz"],
        &["simulate", "--listen", "0.0.0.0:8090"],
        &["send", "messages", "--route", "helpdesk"],
        &["send", "messages.created", "--route", "helpdesk", "--url", "http://example.com/"],
        &["completions", "tcsh"],
    ];
    for arguments in wrong {
        let output = run(arguments);
        assert_eq!((output.status.code(), out(&output)), (Some(2), String::new()), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn without_a_configuration_the_demo_is_recommended() {
    for command in ["run", "check"] {
        let output = run(&[command]);
        assert_eq!((output.status.code(), out(&output)), (Some(78), String::new()), "{command}");
        assert!(err(&output).contains("try: botwarden demo"), "{command}");
    }
    assert_eq!(run(&["healthcheck"]).status.code(), Some(1), "HEALTHCHECK knows 0 and 1");
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused() {
    let output = run(&["check", "--config", "nowhere.yaml"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(out(&output).contains("nowhere.yaml"));
}

#[test]
fn check_tells_every_mistake_at_once() {
    let site = site_without_webex();
    let text = gateway_yaml("http://127.0.0.1:1/v1", "http://127.0.0.1:2/");
    let text = text.replace("upstream:", "upsteam:").replace("[example]", "[exmaple]");
    std::fs::write(site.path().join("gateway.yaml"), text).unwrap();
    let output = run_in(site.path(), &["check", "--offline"]);
    let page = out(&output);
    assert_eq!(output.status.code(), Some(78), "{page}");
    assert!(page.contains("did you mean `upstream`?") && page.contains("exmaple"), "{page}");
    let document = document(&run_in(site.path(), &["check", "--offline", "--json"]));
    assert_eq!(
        (&document["schema"], &document["ok"]),
        (&json!("botwarden/check/1"), &json!(false))
    );
    assert!(document["problems"].as_array().unwrap().len() >= 2, "{document}");
    assert!(document["problems"][0]["line"].is_u64(), "{document}");
}

#[test]
fn warnings_count_when_they_are_said_to() {
    let site = site_without_webex();
    let path = site.path().join("gateway.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let more = "orgs: {other: 5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22, ";
    std::fs::write(&path, text.replace("orgs: {", more)).unwrap();
    let lenient = run_in(site.path(), &["check", "--offline"]);
    assert_eq!(lenient.status.code(), Some(0), "{}", out(&lenient));
    assert!(out(&lenient).contains("warning[W101]"), "{}", out(&lenient));
    let strict = run_in(site.path(), &["check", "--offline", "--deny-warnings"]);
    assert_eq!(strict.status.code(), Some(78));
}

#[test]
fn out_of_reach_is_69_and_offline_asks_nobody() {
    let site = site_without_webex();
    assert_eq!(run_in(site.path(), &["check", "--offline"]).status.code(), Some(0));
    let room = "946e4f40-d002-11e9-9ccb-a7e5bdebafb3";
    let explained = run_in(site.path(), &["explain", "--route", "helpdesk", "--room", room]);
    assert_eq!((explained.status.code(), out(&explained)), (Some(69), String::new()));
    let event = ["send", "messages.created", "--route", "helpdesk"];
    assert_eq!(run_in(site.path(), &event).status.code(), Some(69));
    let url = ["--created-by", room, "--url", "http://127.0.0.1:1/"];
    assert_eq!(run_in(site.path(), &[&event[..], &url].concat()).status.code(), Some(69));
}

#[test]
fn names_that_do_not_exist_bring_advice() {
    let site = site_without_webex();
    let room = "946e4f40-d002-11e9-9ccb-a7e5bdebafb3";
    let output = run_in(site.path(), &["explain", "--route", "helpdsk", "--room", room]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("did you mean `helpdesk`?"), "{}", err(&output));
    let output = run_in(site.path(), &["explain", "--path", "/webhooks/helpdes"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).contains("did you mean `/webhooks/helpdesk`?"), "{}", out(&output));
    let output = run_in(site.path(), &["explain", "--path", "/webhooks/helpdesk", "--json"]);
    assert_eq!((output.status.code(), &document(&output)["route"]), (Some(0), &json!("helpdesk")));
}

#[test]
fn the_schema_is_the_committed_one() {
    let printed = document(&run(&["schema"]));
    let committed: Value = serde_json::from_str(include_str!("../gateway.schema.json")).unwrap();
    assert_eq!(printed, committed);
}

#[test]
fn the_manual_is_made_from_the_command_line() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(out(&output).contains("simulate"), "{shell}");
    }
    assert!(out(&run(&["man"])).contains(".TH botwarden 1"));
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run_in(directory.path(), &["man", "--dir", "."]).status.code(), Some(0));
    for command in COMMANDS {
        assert!(directory.path().join(format!("botwarden-{command}.1")).is_file(), "{command}");
    }
    assert_eq!(run(&["man", "--dir", "/nowhere"]).status.code(), Some(77));
}

#[test]
fn version_says_what_it_is() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(out(&run(&["version"])).starts_with(&format!("botwarden {version} (")));
    let document = document(&run(&["version", "--json"]));
    assert_eq!(document["schema"], "botwarden/version/1");
    assert_eq!(document["version"], version);
}

#[test]
fn a_closed_pipe_is_no_mistake() {
    for arguments in [&["--help"][..], &["completions", "bash"], &["man"]] {
        let mut command = program(Path::new("."), arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()), "{arguments:?}");
    }
}

#[test]
fn the_demo_comes_out_as_expected() {
    let output = run(&["demo", "--once"]);
    let page = out(&output);
    assert_eq!(output.status.code(), Some(0), "{page}\n{}", err(&output));
    assert!(page.ends_with("10 of 10 as expected.\n"), "{page}");
    assert!(!page.contains('\u{1b}') && err(&output).is_empty(), "{page}");
    for (verdict, lines) in
        [("ALLOW ", 6), ("DENY ", 3), ("REJECT ", 1), ("WAIT ", 1), ("SKIP ", 1)]
    {
        let shown = page.lines().filter(|line| line.matches(verdict).count() == 2).count();
        assert_eq!(shown, lines, "{verdict}\n{page}");
    }
}

#[test]
fn the_demo_for_machines() {
    let document = document(&run(&["demo", "--once", "--json"]));
    assert_eq!(document["schema"], "botwarden/demo/1");
    assert_eq!((&document["as_expected"], &document["total"]), (&json!(10), &json!(10)));
    let slow = &document["scenes"][6]["events"][0];
    assert!(slow["took_s"].as_f64().unwrap() >= 2.0, "Webex asked for 2 s: {slow}");
    let guest = &document["scenes"][1]["events"][0];
    assert_eq!((&guest["got"], &guest["reason"]), (&json!("deny"), &json!("outside_org")));
    assert_eq!(guest["bot_answered"], false);
}

#[test]
fn the_demo_stays_until_it_is_stopped() {
    let mut demo = Background::start(Path::new("."), &["demo", "--color", "always"]);
    let line = Background::line(&mut demo.out, "ALLOW");
    assert!(line.contains("\u{1b}["), "{line}");
    Background::line(&mut demo.out, "10 of 10");
    Background::line(&mut demo.err, "Ctrl-C");
    assert_eq!(demo.terminate(), Some(0));
}

#[test]
fn colours_obey_the_environment() {
    let site = site_without_webex();
    let coloured = |name: &str, value: &str| {
        let mut command = program(site.path(), &["check", "--offline"]);
        let output = command.env(name, value).output().unwrap();
        out(&output).contains('\u{1b}')
    };
    assert!(coloured("CLICOLOR_FORCE", "1"));
    assert!(!coloured("CLICOLOR_FORCE", ""), "set but empty is not set");
    let mut command = program(site.path(), &["check", "--offline"]);
    let both = command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().unwrap();
    assert!(!out(&both).contains('\u{1b}'));
}

/// The simulator, and what it says about its world.
fn simulator() -> (Background, Value) {
    let arguments = ["simulate", "--listen", "127.0.0.1:0", "--json"];
    let mut simulator = Background::start(Path::new("."), &arguments);
    let mut documents = serde_json::Deserializer::from_reader(&mut simulator.out);
    let world = serde::Deserialize::deserialize(&mut documents).unwrap();
    (simulator, world)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}: {value}"))
}

fn body(world: &Value, room: &str) -> String {
    let id = |person: &str| text(world, &format!("/people/{person}/id")).to_owned();
    let room = text(world, &format!("/rooms/{room}/id"));
    let created = jiff::Timestamp::now().to_string();
    let data = json!({"id": "m", "roomId": room, "personId": id("ann"), "created": created});
    let (creator, actor) = (id("helpdesk"), id("ann"));
    json!({"resource": "messages", "event": "created", "createdBy": creator, "actorId": actor, "data": data})
        .to_string()
}

fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    base16ct::lower::encode_string(&mac.finalize().into_bytes())
}

#[test]
fn the_simulated_world_is_there_for_people_too() {
    let arguments = ["simulate", "--listen", "127.0.0.1:0"];
    let mut simulator = Background::start(Path::new("."), &arguments);
    let api = Background::line(&mut simulator.out, "api ");
    assert!(api.contains("http://127.0.0.1:") && !api.contains(":0/"), "{api}");
    assert!(Background::line(&mut simulator.out, "helpdesk").contains("sim-token-helpdesk"));
    Background::line(&mut simulator.err, "Ctrl-C");
    assert_eq!(simulator.terminate(), Some(0));
    let missing = run(&["simulate", "--world", "nowhere.yaml"]);
    assert_eq!(missing.status.code(), Some(77));
}

#[test]
fn check_looks_at_token_and_upstream() {
    let (_simulator, world) = simulator();
    let bot = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}/", bot.local_addr().unwrap());
    let site = site(text(&world, "/api"), &upstream);
    let good = run_in(site.path(), &["check"]);
    assert_eq!(good.status.code(), Some(0), "{}", out(&good));
    assert!(out(&good).contains("accepts connections") && err(&good).is_empty());
    drop(bot);
    let down = run_in(site.path(), &["check"]);
    assert_eq!(down.status.code(), Some(1), "{}", out(&down));
    std::fs::write(site.path().join("token"), "another-token-than-the-bot's").unwrap();
    let refused = run_in(site.path(), &["check"]);
    assert_eq!(refused.status.code(), Some(77), "{}", out(&refused));
    assert!(!out(&refused).contains("another-token"));
}

#[test]
fn explain_judges_rooms_and_events_as_the_gateway_does() {
    let (_simulator, world) = simulator();
    let site = site(text(&world, "/api"), "http://127.0.0.1:2/");
    let explain = |arguments: &[&str]| {
        run_in(site.path(), &[&["explain", "--route", "helpdesk"], arguments].concat())
    };
    let clean = explain(&["--room", text(&world, "/rooms/staff/id")]);
    assert_eq!(clean.status.code(), Some(0), "{}", out(&clean));
    let guests = explain(&["--room", text(&world, "/rooms/partners/id")]);
    let page = out(&guests);
    assert_eq!(guests.status.code(), Some(1), "{page}");
    for words in ["Tom Contoso", "NOT in allowed_orgs", "this bot, left out", "DENY", "rule 18"] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    let unknown = explain(&["--room", "946e4f40-d002-11e9-9ccb-a7e5bdebafb3", "--json"]);
    assert_eq!(document(&unknown)["reason"], "room_unknown");

    let event = body(&world, "staff");
    std::fs::write(site.path().join("event.json"), &event).unwrap();
    let right = explain(&["--event", "event.json", "--signature", &signature(&event)]);
    assert_eq!(right.status.code(), Some(0), "{}", out(&right));
    let bytes = format!("signature  matches, body is {} bytes", event.len());
    assert!(out(&right).contains(&bytes), "{}", out(&right));
    let wrong = explain(&["--event", "event.json", "--signature", &"0".repeat(40)]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(out(&wrong).contains("does not match"), "{}", out(&wrong));
    assert!(!out(&wrong).contains(&signature(&event)), "what would be right is nobody's business");
    assert_eq!(explain(&["--event", "event.json"]).status.code(), Some(0));
    std::fs::write(site.path().join("event.json"), "{}").unwrap();
    let malformed = explain(&["--event", "event.json", "--json"]);
    assert_eq!(document(&malformed)["reason"], "malformed");
}

#[test]
fn what_is_sent_is_decided_by_the_gateway() {
    let (_simulator, world) = simulator();
    let site = site(text(&world, "/api"), "http://127.0.0.1:2/");
    let mut gateway = Background::start(site.path(), &["run"]);
    let ready = Background::line(&mut gateway.err, "ready for webhooks");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let (listen, ops) = (text(&ready, "/fields/listen"), text(&ready, "/fields/ops"));
    let url = format!("http://{listen}/webhooks/helpdesk");
    let send = |more: &[&str]| {
        let room = text(&world, "/rooms/partners/id");
        let first = ["send", "messages.created", "--route", "helpdesk", "--room", room];
        run_in(site.path(), &[&first[..], &["--url", &url], more].concat())
    };
    let sent = send(&["--repeat", "2", "--json"]);
    assert_eq!(sent.status.code(), Some(0), "{}{}", out(&sent), err(&sent));
    assert_eq!(document(&sent)["answers"].as_array().unwrap().len(), 2);
    let denied = Background::line(&mut gateway.out, "outside_org");
    assert!(denied.contains("\"verdict\":\"deny\""), "{denied}");
    for forged in ["--bad-signature", "--no-signature"] {
        let sent = send(&[forged]);
        assert_eq!(sent.status.code(), Some(1), "{}", out(&sent));
        assert!(out(&sent).contains("403"), "{}", out(&sent));
    }
    for arguments in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
        let mut command = program(site.path(), arguments);
        assert!(command.env("BOTWARDEN_OPS_LISTEN", ops).status().unwrap().success());
    }
    assert_eq!(gateway.terminate(), Some(0));
}
