//! The decision log of a real process, and `audit verify`.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
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
    assert!(told.contains("seals        1 good, 0 not checked"), "{told}");
    python_agrees(site.path(), "the chain is whole: ");
    // A byte of the second line of the first file.
    let path = &files(site.path())[0];
    let changed =
        fs::read_to_string(path).unwrap().replacen("signature_missing", "signature_mizzing", 1);
    fs::write(path, changed).unwrap();
    let refused = run_in(site.path(), &["audit", "verify", "decisions", "--json"]);
    assert_eq!(refused.status.code(), Some(1));
    let found = document(&refused);
    assert_eq!((&found[0]["whole"], &found[0]["bad"]["line"]), (&false.into(), &2.into()));
    assert_eq!(found[0]["bad"]["what"], "the line was changed: its hash is another one");
    assert!(found[0]["bad"]["file"].as_str().unwrap().starts_with("decisions/decisions-2"));
    python_agrees(site.path(), "line 2 was changed");
}

/// The script in the docs comes to the same; it needs python3, which not every machine has.
fn python_agrees(site: &Path, says: &str) {
    let script = DOCS.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    fs::write(site.join("verify.py"), script).unwrap();
    let run = Command::new("python3").arg("verify.py").args(files(site)).current_dir(site).output();
    if let Ok(output) = run {
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains(says), "{told}{}", String::from_utf8_lossy(&output.stderr));
    }
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
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let mut command = program(site.path(), &["run"]);
    let mut gateway = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = std::io::BufReader::new(gateway.stderr.take().unwrap());
    let line = Background::line(&mut log, "ready for webhooks");
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let text = |name: &str| ready.pointer(name).unwrap().as_str().unwrap().to_owned();
    forge(&text("/fields/listen"));
    Background::line(&mut log, "records cannot be written; nothing passes until they can");
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
