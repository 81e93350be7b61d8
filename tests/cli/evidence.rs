//! The decision log of a real process, and `audit verify`.

use std::fs::{self, File};
use std::io::{BufRead as _, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use crate::harness::{Background, SECRET, document, err, out, program, run_in, site};

const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIGx1gMe1qU2cVX5p5ZFtUmr3zXw8eA5AZBjNYJWKXGp+\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAyL9drrtEqJP3BuwN5fcap01dAeIj684v2S1riV1DZ04=\n-----END PUBLIC KEY-----\n";

/// The script of docs/evidence.md.
const DOCS: &str = include_str!("../../docs/evidence.md");

fn evidence() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let site = site("http://127.0.0.1:9/v1", "http://127.0.0.1:9/");
    let yaml = site.path().join("gateway.yaml");
    let log = "decision_log: {to: {dir: ./decisions}, signing_key: {file: ./decisions.pem}}\n";
    fs::write(&yaml, fs::read_to_string(&yaml).unwrap() + log).unwrap();
    let key = site.path().join("decisions.pem");
    fs::write(&key, PRIVATE).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(site.path().join("decisions.pub"), PUBLIC).unwrap();
    site
}

fn start(site: &Path) -> (Background, String) {
    let mut gateway = Background::start(site, &["run"]);
    let line = Background::line(&mut gateway.err, "ready for webhooks");
    let listen: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = listen.pointer("/fields/listen").unwrap().as_str().unwrap().to_owned();
    (gateway, address)
}

/// A forged call: its record needs no Webex.
fn forge(address: &str) {
    let answer = post(address, "", "{}").unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

/// Nothing that could be an event, but signed: each has a record, and needs no Webex either.
fn sign(address: &str, number: usize) -> std::io::Result<String> {
    let body = format!("{{\"number\": {number}}}");
    let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = base16ct::lower::encode_string(&mac.finalize().into_bytes());
    post(address, &format!("x-spark-signature: {signature}\r\n"), &body)
}

fn post(address: &str, headers: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let length = body.len();
    write!(
        stream,
        "POST /webhooks/helpdesk HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn files(site: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(site.join("decisions")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        all.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    files.sort();
    files
}

fn wait_for_a_record(site: &Path, file: usize) {
    let there = |path: &PathBuf| fs::metadata(path).unwrap().len() > 0;
    let found = (0..2000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        files(site).get(file).is_some_and(there)
    });
    assert!(found, "no record");
}

#[test]
fn a_log_of_runs_that_were_stopped_and_killed_is_verified_and_a_changed_byte_is_named() {
    let site = evidence();
    let (gateway, address) = start(site.path());
    forge(&address);
    let second = run_in(site.path(), &["run"]);
    assert_eq!(second.status.code(), Some(69), "{}", err(&second));
    assert!(
        err(&second).contains("another gateway writes its records to ./decisions"),
        "{}",
        err(&second)
    );
    assert_eq!(gateway.terminate(), Some(0));
    let (killed, address) = start(site.path());
    forge(&address);
    wait_for_a_record(site.path(), 1);
    drop(killed);
    let with_key = ["audit", "verify", "decisions", "--public-key", "decisions.pub"];
    let verified = run_in(site.path(), &with_key);
    assert_eq!(verified.status.code(), Some(0), "{}{}", out(&verified), err(&verified));
    let told = out(&verified);
    assert!(told.contains("The chain is whole") && told.contains("starts       2"), "{told}");
    assert!(told.contains("seals        3 good, 0 not checked"), "{told}");
    python_agrees(site.path(), 0, "the chain is whole: ");
    assert!(told.contains("For the last 1 records, no seal vouches yet"), "{told}");
    // The next start tells that the one before was killed.
    let mut next = Background::start(site.path(), &["run"]);
    Background::line(&mut next.err, "the run before did not end in a seal of this key");
    Background::line(&mut next.err, "ready for webhooks");
    assert_eq!(next.terminate(), Some(0));
    let verified = run_in(site.path(), &with_key);
    let told = out(&verified);
    let says = "was killed, as the next start says: for its last 1 records, no seal vouches";
    assert!(verified.status.code() == Some(0) && told.contains(says), "{told}");
    // A byte of the third line of the first file; the second is a seal.
    let path = &files(site.path())[0];
    let changed =
        fs::read_to_string(path).unwrap().replacen("signature_missing", "signature_mizzing", 1);
    fs::write(path, changed).unwrap();
    let refused = run_in(site.path(), &["audit", "verify", "decisions", "--json"]);
    assert_eq!(refused.status.code(), Some(1));
    let found = document(&refused);
    assert_eq!((&found[0]["whole"], &found[0]["bad"]["line"]), (&false.into(), &3.into()));
    assert_eq!(found[0]["bad"]["what"], "the line was changed: its hash is another one");
    assert!(found[0]["bad"]["file"].as_str().unwrap().starts_with("decisions/decisions-2"));
    python_agrees(site.path(), 1, "line 3 was changed");
}

/// The script in the docs comes to the same; it needs python3, which not every machine has.
fn python_agrees(site: &Path, status: i32, says: &str) {
    let script = DOCS.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    fs::write(site.join("verify.py"), script).unwrap();
    let run = Command::new("python3").arg("verify.py").args(files(site)).current_dir(site).output();
    if let Ok(output) = run {
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.code() == Some(status) && told.contains(says), "{told}");
    }
}

#[test]
fn a_run_that_was_written_to_stdout_and_cut_off_must_be_known_to_the_operator() {
    let site = evidence();
    let yaml = site.path().join("gateway.yaml");
    let text = fs::read_to_string(&yaml).unwrap().replace("to: {dir: ./decisions}, ", "");
    fs::write(&yaml, text).unwrap();
    let runs: Vec<_> = (0..2).map(|_| streamed(site.path())).collect();
    let cut: Vec<_> = runs[0].lines().take(3).collect();
    fs::write(site.path().join("log"), format!("{}\n{}", cut.join("\n"), runs[1])).unwrap();
    let with_key = ["audit", "verify", "log", "--public-key", "decisions.pub"];
    let refused = run_in(site.path(), &with_key);
    let told = out(&refused);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(
        told.contains("1 runs do not end in a seal") && told.contains("record 3 was"),
        "{told}"
    );
    let allowed = run_in(site.path(), &[&with_key[..], &["--allow-killed"]].concat());
    assert!(allowed.status.code() == Some(0) && out(&allowed).contains("record 3 was killed, or"));
}

/// What a run with one record besides its first writes to stdout.
fn streamed(site: &Path) -> String {
    let path = site.join("stdout");
    let mut command = program(site, &["run"]);
    let mut gateway =
        command.stdout(File::create(&path).unwrap()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = std::io::BufReader::new(gateway.stderr.take().unwrap());
    let line = Background::line(&mut log, "ready for webhooks");
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    forge(ready.pointer("/fields/listen").unwrap().as_str().unwrap());
    let kill = Command::new("kill").arg(gateway.id().to_string()).status().unwrap();
    assert!(kill.success() && gateway.wait().unwrap().success());
    fs::read_to_string(path).unwrap()
}

#[test]
fn what_cannot_be_read_is_77_and_a_key_that_sealed_nothing_is_1() {
    let site = evidence();
    let run = |arguments: &[&str]| run_in(site.path(), &[&["audit", "verify"], arguments].concat());
    let missing = run(&["nowhere"]);
    assert_eq!(missing.status.code(), Some(77), "{}", err(&missing));
    fs::create_dir(site.path().join("empty")).unwrap();
    let empty = run(&["empty"]);
    assert!(
        empty.status.code() == Some(77) && err(&empty).contains("no file decisions-"),
        "{}",
        err(&empty)
    );
    assert_eq!(run(&["empty", "--public-key", "decisions.pem"]).status.code(), Some(77));
    assert_eq!(run(&[]).status.code(), Some(2));
    fs::write(site.path().join("text"), "08:00:00  ALLOW  helpdesk\n").unwrap();
    let text = run(&["text"]);
    assert!(
        text.status.code() == Some(1) && out(&text).contains("text:1:this is not a record"),
        "{}",
        out(&text)
    );
    fs::write(site.path().join("nothing"), "").unwrap();
    let unsealed = run(&["nothing", "--public-key", "decisions.pub"]);
    assert!(
        unsealed.status.code() == Some(1)
            && out(&unsealed).contains("no record is sealed with this key")
    );
}

#[test]
fn a_gateway_that_is_killed_under_load_again_and_again_leaves_a_chain() {
    let site = evidence();
    let mut answered = 0;
    for round in 0..5 {
        let (gateway, address) = start(site.path());
        let send = |from: usize| (from..).map_while(|n| sign(&address, n).ok()).count();
        answered += std::thread::scope(|scope| {
            let senders = [scope.spawn(|| send(1_000_000)), scope.spawn(|| send(2_000_000))];
            wait_for_a_record(site.path(), round);
            std::thread::sleep(Duration::from_millis(20 * u64::try_from(round).unwrap()));
            drop(gateway); // kill -9
            senders.map(|sender| sender.join().unwrap()).iter().sum::<usize>()
        });
    }
    let verified = run_in(site.path(), &["audit", "verify", "decisions", "--json"]);
    assert_eq!(verified.status.code(), Some(0), "{}", out(&verified));
    let found = document(&verified).pointer("/0").cloned().unwrap();
    let number = |name: &str| usize::try_from(found.get(name).unwrap().as_u64().unwrap()).unwrap();
    assert_eq!((number("starts"), number("chains"), number("from")), (5, 1, 1));
    assert!(answered > 0 && number("records") > 5, "{found}");
}

#[test]
fn a_full_disk_makes_the_gateway_unready() {
    let site = site("http://127.0.0.1:9/v1", "http://127.0.0.1:9/");
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = program(site.path(), &["run"]);
    let mut gateway = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = std::io::BufReader::new(gateway.stderr.take().unwrap());
    // The first record may fail before that line, or after it.
    let mut told = String::new();
    while !told.contains("ready for webhooks") {
        assert_ne!(log.read_line(&mut told).unwrap(), 0, "{told}");
    }
    let ready: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let text = |name: &str| ready.pointer(name).unwrap().as_str().unwrap().to_owned();
    forge(&text("/fields/listen"));
    let unwritten = "records cannot be written; nothing passes until they can";
    if !told.contains(unwritten) {
        Background::line(&mut log, unwritten);
    }
    let probe = |path: &str| {
        let mut stream = TcpStream::connect(text("/fields/ops")).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(probe("/readyz").starts_with("HTTP/1.1 503"));
    let errors = probe("/metrics");
    let errors =
        errors.lines().find(|line| line.starts_with("botwarden_decision_log_errors_total"));
    assert!(errors.is_some_and(|line| !line.ends_with(" 0")), "{errors:?}");
    gateway.kill().unwrap();
    gateway.wait().unwrap();
}

#[test]
fn a_healthy_log_is_sealed_from_its_start_on() {
    let site = evidence();
    let (gateway, address) = start(site.path());
    forge(&address);
    wait_for_a_record(site.path(), 0);
    let with_key = ["audit", "verify", "decisions", "--public-key", "decisions.pub"];
    let young = run_in(site.path(), &with_key);
    assert_eq!(young.status.code(), Some(0), "{}{}", out(&young), err(&young));
    let found = document(&run_in(site.path(), &[&with_key[..], &["--json"]].concat()));
    assert_eq!(found[0]["sealed"], 1, "{found}");
    let other = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519"]).output();
    if let Ok(other) = other {
        fs::write(site.path().join("other.pem"), other.stdout).unwrap();
        let public = ["pkey", "-in", "other.pem", "-pubout", "-out", "other.pub"];
        let made = Command::new("openssl").args(public).current_dir(site.path()).status().unwrap();
        assert!(made.success());
        let wrong = ["audit", "verify", "decisions", "--public-key", "other.pub"];
        let wrong = run_in(site.path(), &wrong);
        assert_eq!(wrong.status.code(), Some(1), "{}", out(&wrong));
        assert!(out(&wrong).contains("BAD"), "{}", out(&wrong));
    }
    assert_eq!(gateway.terminate(), Some(0));
    let sealed = out(&run_in(site.path(), &with_key));
    assert!(sealed.contains("seals        2 good"), "{sealed}");
}

#[test]
fn a_log_that_comes_mixed_with_others_on_stdin_is_verified() {
    let site = evidence();
    let (gateway, address) = start(site.path());
    forge(&address);
    assert_eq!(gateway.terminate(), Some(0));
    let log = fs::read_to_string(&files(site.path())[0]).unwrap();
    let other = "{\"timestamp\":\"2027-01-15T08:00:00Z\",\"level\":\"INFO\"}\n";
    let mixed = log.split_inclusive('\n').map(|line| [other, line].concat()).collect::<String>();
    let records = log.lines().count();
    let verified = |text: &str, more: &[&str]| {
        fs::write(site.path().join("stdin"), text).unwrap();
        let mut command = program(site.path(), &[&["audit", "verify", "-"], more].concat());
        command.stdin(File::open(site.path().join("stdin")).unwrap()).output().unwrap()
    };
    let plain = verified(&log, &["--public-key", "decisions.pub"]);
    assert_eq!(plain.status.code(), Some(0), "{}{}", out(&plain), err(&plain));
    let whole = verified(&mixed, &["--mixed"]);
    assert_eq!(whole.status.code(), Some(0), "{}{}", out(&whole), err(&whole));
    let told = out(&whole);
    assert!(told.contains(&format!("ignored      {records} lines that are no records")), "{told}");
    let prefix = |line| ["gateway-1  | ", line].concat();
    let prefixed = log.split_inclusive('\n').map(prefix).collect::<String>();
    let refused = [
        (verified(&mixed, &[]), "-:1:this is not a record"),
        (verified(&prefixed, &["--mixed"]), "there is no record in it"),
        (verified("", &[]), "there is no record in it"),
        (verified(&log.replacen("missing", "mizzing", 1), &[]), "good up to there:"),
    ];
    for (output, words) in refused {
        assert_eq!(output.status.code(), Some(1), "{words}: {}", out(&output));
        assert!(out(&output).contains(words), "{words}: {}", out(&output));
    }
    let first = out(&verified(&mixed, &[]));
    assert!(first.contains("--mixed") && first.contains("--no-log-prefix"), "{first}");
}

#[test]
fn check_tells_whether_the_log_can_be_written() {
    let site = evidence();
    let row = || {
        let checked = document(&run_in(site.path(), &["check", "--offline", "--json"]));
        let all = checked["findings"].as_array().unwrap().clone();
        let found = all.iter().find(|row| row["subject"] == "decision log").unwrap();
        found["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(row(), "ok", "the gateway will make the directory");
    assert!(!site.path().join("decisions").exists(), "check makes nothing");
    fs::write(site.path().join("decisions"), "a file in its place").unwrap();
    assert_eq!(row(), "fail");
    assert_eq!(run_in(site.path(), &["check", "--offline"]).status.code(), Some(1));
    let yaml = site.path().join("gateway.yaml");
    let text = fs::read_to_string(&yaml).unwrap();
    fs::write(yaml, text.replace("dir: ./decisions", "dir: ./decisions/of/helpdesk")).unwrap();
    assert_eq!(row(), "fail", "nor can it be made there");
}
