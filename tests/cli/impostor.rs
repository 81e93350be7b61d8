//! Somebody else has taken the port where commands look for the gateway.

use std::io::{BufRead as _, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Background, err, out, site_without_webex};
use crate::operate::{AT_ANY_PORT, OPERATOR, answer_once, with_runtime};

/// A configuration whose gateway is this listener, as a command of another shell finds it.
fn configured(listener: &TcpListener, arguments: &[&str]) -> (tempfile::TempDir, Command) {
    let site = site_without_webex();
    let path = site.path().join("gateway.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let admin = format!("admin: {{listen: '{}'}}", listener.local_addr().unwrap());
    std::fs::write(&path, text.replace(AT_ANY_PORT, &admin)).unwrap();
    let command = with_runtime(site.path(), arguments);
    (site, command)
}

fn leave(site: &Path, listener: &TcpListener, token: &str) {
    let directory = site.join("run/botwarden");
    std::fs::create_dir_all(&directory).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::fs::write(directory.join(format!("admin-{port}.token")), token).unwrap();
}

/// Somebody may have looked whether anybody is there, and nothing more.
fn nobody_said_anything(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    while let Ok((mut came, _)) = listener.accept() {
        let mut said = Vec::new();
        came.set_nonblocking(false).unwrap();
        came.read_to_end(&mut said).unwrap();
        assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
    }
}

const VIEWER: &str = "viewer-viewer-viewer";

#[test]
fn whoever_holds_the_port_never_sees_the_token_of_operators_when_one_only_looks() {
    for command in ["status", "tail"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (site, mut looks) = configured(&listener, &[command]);
        let refused = looks.env("BOTWARDEN_ADMIN_OPERATOR_TOKEN", OPERATOR).output().unwrap();
        assert_eq!(refused.status.code(), Some(77), "{}", err(&refused));
        assert!(err(&refused).contains("no token of viewers"), "{}", err(&refused));
        nobody_said_anything(&listener);
        listener.set_nonblocking(false).unwrap();
        leave(site.path(), &listener, "left-by-the-gateway");
        let asked = answer_once(listener, "503 Service Unavailable", "{}");
        assert_eq!(looks.output().unwrap().status.code(), Some(69));
        let asked = asked.join().unwrap();
        assert!(asked.contains("authorization: Bearer left-by-the-gateway\r\n"), "{asked}");
    }
}

#[test]
fn tokens_of_the_configuration_are_for_its_own_address_only() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let other_url = format!("http://{}", other.local_addr().unwrap());
    for (command, word) in [("status", "viewers"), ("tail", "viewers"), ("reload", "operators")] {
        let (_site, mut asks) = configured(&listener, &[command, "--admin", &other_url]);
        asks.env("BOTWARDEN_ADMIN_OPERATOR_TOKEN", OPERATOR);
        let refused = asks.env("BOTWARDEN_ADMIN_VIEWER_TOKEN", VIEWER).output().unwrap();
        assert_eq!(refused.status.code(), Some(77), "{command}: {}", err(&refused));
        let told = format!("no token of {word}");
        assert!(err(&refused).contains(&told), "{command}: {}", err(&refused));
        nobody_said_anything(&other);
    }
    let own_url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let (_site, mut asks) = configured(&listener, &["status", "--admin", &own_url]);
    let asked = answer_once(listener, "200 OK", "{\"schema\":\"botwarden/status/1\"}");
    let shown = asks.env("BOTWARDEN_ADMIN_VIEWER_TOKEN", VIEWER).output().unwrap();
    assert_eq!(shown.status.code(), Some(0), "{}", err(&shown));
    let asked = asked.join().unwrap();
    assert!(asked.contains(&format!("authorization: Bearer {VIEWER}\r\n")), "{asked}");
}

const HOSTILE: &str = "\u{7f}\u{9b}2J\u{202e}\u{61c}\u{2067}é";

#[test]
fn what_is_written_for_machines_cannot_command_the_terminal_either() {
    let schema = "\"schema\":\"botwarden/any/1\"";
    let record = format!("{{\"z\":\"{HOSTILE}\",\r\"a\":\"\\u001b\",{schema}}}");
    let stream = format!("event: record\ndata: {record}\n\n");
    let commands: [(&[&str], &str); 3] = [
        (&["status", "--json"], &record),
        (&["reload", "--json"], &record),
        (&["tail", "-o", "jsonl"], &stream),
    ];
    for (command, body) in commands {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (site, mut asks) = configured(&listener, command);
        leave(site.path(), &listener, "left");
        let asked = answer_once(listener, "200 OK", body);
        let mut asks = Background::of(asks.env("BOTWARDEN_ADMIN_OPERATOR_TOKEN", OPERATOR));
        let mut shown = String::new();
        while !shown.ends_with("}\n") {
            assert_ne!(asks.out.read_line(&mut shown).unwrap(), 0, "{command:?}: {shown}");
        }
        asked.join().unwrap();
        let bad =
            |c: char| c != '\n' && (c.is_control() || HOSTILE.contains(c) && !"2Jé".contains(c));
        assert!(!shown.contains(bad), "{command:?}: {shown:?}");
        let document: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((&document["z"], &document["a"]), (&HOSTILE.into(), &"\u{1b}".into()));
    }
}

#[test]
fn what_answers_there_and_is_no_botwarden_is_told() {
    for command in ["status", "reload", "tail"] {
        for body in ["<html>hi</html>", "{}", "{\"schema\":\"other/1\"}", "[]"] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let (site, mut asks) = configured(&listener, &[command]);
            leave(site.path(), &listener, "left");
            let asked = answer_once(listener, "200 OK", body);
            let ended = asks.env("BOTWARDEN_ADMIN_OPERATOR_TOKEN", OPERATOR).output().unwrap();
            assert_eq!((ended.status.code(), out(&ended)), (Some(69), String::new()), "{command}");
            assert!(err(&ended).contains("not a botwarden"), "{command}: {}", err(&ended));
            asked.join().unwrap();
        }
    }
}

#[test]
fn what_is_no_record_ends_tail() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (site, mut asks) = configured(&listener, &["tail", "-o", "jsonl"]);
    leave(site.path(), &listener, "left");
    let asked = answer_once(listener, "200 OK", "event: record\ndata: \u{1b}[2J\n\n");
    let ended = asks.output().unwrap();
    assert_eq!((ended.status.code(), out(&ended)), (Some(69), String::new()));
    assert!(err(&ended).contains("not a botwarden"), "{}", err(&ended));
    asked.join().unwrap();
}
