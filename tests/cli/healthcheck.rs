//! `botwarden healthcheck`, next to a gateway that runs.

use std::io::Write as _;

use crate::harness::{Background, err, program, run_in, site_without_webex};

/// The site, and a gateway that runs in it, with the address of probes in the file.
fn running() -> (tempfile::TempDir, Background) {
    let site = site_without_webex();
    let mut gateway = Background::start(site.path(), &["run"]);
    let ready = Background::line(&mut gateway.err, "ready for webhooks");
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    let address = ready.pointer("/fields/ops").unwrap().as_str().unwrap();
    let path = site.path().join("gateway.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("ops: {listen: '127.0.0.1:0'", &format!("ops: {{listen: '{address}'"));
    std::fs::write(path, text).unwrap();
    (site, gateway)
}

#[test]
fn a_secret_that_is_just_being_exchanged_makes_nobody_ill() {
    let (site, _gateway) = running();
    assert_eq!(run_in(site.path(), &["healthcheck"]).status.code(), Some(0));
    std::fs::remove_file(site.path().join("token")).unwrap();
    std::fs::write(site.path().join("secret"), "").unwrap();
    let checked = run_in(site.path(), &["healthcheck"]);
    assert_eq!((checked.status.code(), err(&checked)), (Some(0), String::new()));
}

#[test]
fn neither_does_a_mistake_elsewhere_in_the_file() {
    let (site, _gateway) = running();
    let path = site.path().join("gateway.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("upstream:", "upsteam:")).unwrap();
    assert_eq!(run_in(site.path(), &["healthcheck"]).status.code(), Some(0));
    for (wrong, code) in [("ops: {listne: '", "E014"), ("ops: {listen: 'x", "E016")] {
        std::fs::write(&path, text.replace("ops: {listen: '", wrong)).unwrap();
        let checked = run_in(site.path(), &["healthcheck"]);
        assert_eq!(checked.status.code(), Some(1), "{}", err(&checked));
        assert!(err(&checked).contains(&format!("error[{code}]")), "{}", err(&checked));
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(run_in(site.path(), &["healthcheck"]).status.code(), Some(1));
}

#[test]
fn the_variable_stands_above_the_file() {
    let (site, _gateway) = running();
    let asked = |listen| {
        let mut command = program(site.path(), &["healthcheck"]);
        command.env("BOTWARDEN_OPS_LISTEN", listen).output().unwrap()
    };
    assert_eq!(asked("127.0.0.1:1").status.code(), Some(1));
    let none = asked("none");
    assert!(err(&none).contains("no `ops` listener"), "{}", err(&none));
    let passed = asked("systemd");
    assert!(err(&passed).contains("does not say where"), "{}", err(&passed));
    let nonsense = asked("somewhere");
    assert!(err(&nonsense).contains("error[E050]"), "{}", err(&nonsense));
    for output in [none, passed, nonsense] {
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn who_is_not_ready_says_why() {
    let (site, _gateway) = running();
    assert_eq!(run_in(site.path(), &["drain"]).status.code(), Some(0));
    let unready = run_in(site.path(), &["healthcheck", "--ready"]);
    assert_eq!(unready.status.code(), Some(1));
    let told = err(&unready);
    assert!(told.contains("/readyz does not answer 200\n  [-] shutdown: draining\n"), "{told}");
    assert!(!told.contains("[+]"), "{told}");
}

/// Not a gateway of ours: an answer without an end, with what a terminal would obey.
#[test]
fn a_page_that_never_ends_is_read_in_part_and_commands_no_terminal() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _gone = stream.write_all(b"HTTP/1.1 503 x\r\n\r\n[-] a: \x1b[2J\n");
            std::thread::spawn(move || while stream.write_all(&[b'x'; 4096]).is_ok() {});
        }
    });
    let site = site_without_webex();
    let mut command = program(site.path(), &["healthcheck", "--ready"]);
    let unready = command.env("BOTWARDEN_OPS_LISTEN", address).output().unwrap();
    assert_eq!(unready.status.code(), Some(1));
    let told = err(&unready);
    assert!(told.ends_with("  [-] a: \u{fffd}[2J\n") && told.len() < 200, "{told}");
}
