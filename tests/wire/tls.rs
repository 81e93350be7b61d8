//! Callers who do not finish, or never meant, a TLS handshake.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::event::bytes;
use crate::framing::SMALL;
use crate::line::{Line, Then, many};
use crate::memory::MIB;
use crate::process::site::Site;
use crate::stage::{Stage, skipped};

/// For a handshake, as it is configured here.
const LIMIT: Duration = Duration::from_secs(2);

/// A gateway that terminates TLS, and events that come by it.
fn stage(server: &str) -> Stage {
    let site = Site::new();
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let directory = site.directory.path();
    fs::write(directory.join("cert.pem"), issued.cert.pem()).unwrap();
    fs::write(directory.join("key.pem"), issued.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(issued.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = format!("tls: {{cert_file: cert.pem, key_file: key.pem}}, {server}");
    Stage::of(site, &server, Some(Arc::new(client)))
}

/// What a client says first.
fn hello(stage: &Stage) -> Vec<u8> {
    let (client, name) =
        (stage.client.clone().unwrap(), ServerName::try_from("localhost").unwrap());
    let mut hello = Vec::new();
    ClientConnection::new(client, name).unwrap().write_tls(&mut hello).unwrap();
    hello
}

/// What it is, and what is said: answered by an alert at most.
const GARBAGE: &[(&str, &str)] = &[
    ("tls: plain HTTP", "POST /webhooks/helpdesk HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("tls: a preface of h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("tls: zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    ("tls: letters", "{8k}"),
    ("tls: SSL 2", "\u{80}\u{2e}\u{1}\0\u{2}\0\u{15}\0\0\0\u{10}"),
    ("tls: SSL 3", "\u{16}\u{3}\0\0\u{4}\u{1}\0\0\0"),
    ("tls: a record of another kind", "\u{18}\u{3}\u{3}\0\u{3}\u{1}\0\u{1}"),
    ("tls: a record longer than a record", "\u{16}\u{3}\u{1}\u{ff}\u{ff}\u{1}"),
    ("tls: an empty record", "\u{16}\u{3}\u{1}\0\0"),
    ("tls: data before the handshake", "\u{17}\u{3}\u{3}\0\u{5}hello"),
    ("tls: a fatal alert", "\u{15}\u{3}\u{1}\0\u{2}\u{2}\u{28}"),
    ("tls: an alert that is none", "\u{15}\u{3}\u{1}\0\u{1}\u{2}"),
    ("tls: ChangeCipherSpec first", "\u{14}\u{3}\u{1}\0\u{1}\u{1}"),
    ("tls: Finished first", "\u{16}\u{3}\u{1}\0\u{4}\u{14}\0\0\0"),
    ("tls: ServerHello", "\u{16}\u{3}\u{1}\0\u{4}\u{2}\0\0\0"),
    ("tls: a ClientHello of 16 MB", "\u{16}\u{3}\u{1}\0\u{4}\u{1}\u{ff}\u{ff}\u{ff}"),
    ("tls: a ClientHello of nothing", "\u{16}\u{3}\u{1}\0\u{4}\u{1}\0\0\0"),
];

#[test]
fn what_is_no_handshake_ends_in_time_and_without_an_answer() {
    let stage = stage("header_timeout: 2s");
    for (name, said) in GARBAGE {
        stage.attacked(name, SMALL, || {
            ended(&stage, &bytes(&stage.secret().fill(said, "")));
        });
    }
    let hello = hello(&stage);
    stage.attacked("tls: a ClientHello, cut anywhere, and silence", 4 * MIB, || {
        std::thread::scope(|scope| {
            for cut in (0..hello.len()).step_by(hello.len() / 20) {
                let (stage, cut) = (&stage, &hello[..cut]);
                scope.spawn(move || ended(stage, cut));
            }
        });
    });
    stage.attacked("tls: a ClientHello, and silence", SMALL, || ended(&stage, &hello));
    stage.attacked("tls: a ClientHello, and garbage", SMALL, || {
        ended(&stage, &[&hello[..], &[0xff; 400]].concat());
    });
    stage.attacked("tls: a ClientHello with each byte wrong in turn", 4 * MIB, || {
        for at in (5..hello.len()).step_by(41) {
            let mut hello = hello.clone();
            hello[at] ^= 0x55;
            let mut line = Line::to(&stage.gateway.listen);
            line.say(&hello).unwrap();
            line.finish();
            assert!(line.rest().is_empty());
        }
    });
}

/// The end comes in time, and says nothing but an alert or a part of the handshake.
fn ended(stage: &Stage, said: &[u8]) {
    let began = Instant::now();
    let mut line = Line::to(&stage.gateway.listen);
    line.say(said).unwrap();
    assert!(line.rest().is_empty());
    let answered = line.left().first();
    assert!(matches!(answered, None | Some(0x15 | 0x16)), "{answered:?}");
    assert!(began.elapsed() < LIMIT + Duration::from_secs(6), "{:?}", began.elapsed());
}

#[test]
fn within_a_handshake_that_was_finished_nothing_else_holds_up_or_breaks() {
    let stage = stage("header_timeout: 20s, body_timeout: 20s");
    stage.attacked("tls: new keys before an event", SMALL, || {
        let mut line = stage.line();
        line.new_keys(10).unwrap();
        line.say(stage.event().call()).unwrap();
        assert_eq!((line.answer(), line.then()), (Some(200), Then::Open));
    });
    stage.attacked("tls: new keys without end", SMALL, || {
        let mut line = stage.line();
        let _broken_off = line.new_keys(10_000).unwrap_err();
    });
    stage.attacked("tls: an event, and garbage behind it", SMALL, || {
        let mut line = stage.line();
        line.say(stage.event().call()).unwrap();
        assert_eq!(line.answer(), Some(200));
        line.writer().write_all(&[0x17, 3, 3, 0, 32, 1, 2, 3]).unwrap();
        line.writer().write_all(&[0; 64]).unwrap();
        assert!(line.rest().is_empty());
    });
    stage.attacked("tls: half-closed after an event", SMALL, || {
        let mut line = stage.line();
        line.say(stage.event().call()).unwrap();
        line.finish();
        assert_eq!(line.rest(), [200]);
    });
    stage.attacked("tls: broken off in a handshake, and after one", 4 * MIB, || {
        let hello = hello(&stage);
        for cut in [0, 1, hello.len() / 2, hello.len()].repeat(10) {
            let mut line = Line::to(&stage.gateway.listen);
            line.say(&hello[..cut]).unwrap();
            line.reset();
        }
        for _ in 0..10 {
            let mut line = stage.line();
            line.say(&stage.secret().call()[..40]).unwrap();
            line.reset();
        }
    });
}

/// With TLS 1.2, by a client that can.
#[test]
fn a_handshake_within_a_connection_is_refused() {
    let stage = stage("header_timeout: 3s");
    stage.attacked("tls: a second handshake (renegotiation)", SMALL, || {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-tls1_2", "-connect", &stage.gateway.listen]);
        openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Ok(mut client) = openssl.spawn() else {
            return skipped("renegotiation: no openssl here");
        };
        let mut words = client.stdin.take().unwrap();
        words.write_all(b"R\n").unwrap();
        let told = client.wait_with_output().unwrap();
        drop(words);
        let told = String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned();
        assert!(told.contains("RENEGOTIATING"), "{told}");
        assert!(told.contains("no renegotiation"), "{told}");
    });
}

/// A `ClientHello` may be spread over records up to 64 KiB. As much of it as is kept, in all places.
#[test]
fn handshakes_that_do_not_end_are_bounded_together() {
    let stage = stage("header_timeout: 20s");
    let mut hello = vec![0x16, 3, 1, 0x40, 0, 1, 0, 0xff, 0xf0];
    hello.resize(5 + 0x4000, b'x');
    for _ in 0..2 {
        hello.extend([0x16, 3, 1, 0x40, 0]);
        hello.extend([b'x'; 0x4000]);
    }
    stage.attacked("tls: a ClientHello of 48 KiB that does not end", SMALL, || {
        let mut line = Line::to(&stage.gateway.listen);
        let _cut_off = line.say(&hello);
        assert!(line.rest().is_empty());
    });
    stage.attacked("tls: 2,000 ClientHellos that do not end, 23 KiB", 64 * MIB, || {
        let mut crowd = many(2_000, &stage.gateway.listen);
        for stream in &mut crowd {
            // The ones before may be cut off already.
            let _said = stream.write_all(&hello[..23 << 10]);
        }
        let last = crowd.last_mut().unwrap();
        last.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let silent = last.read(&mut [0]).unwrap_err();
        assert_eq!(silent.kind(), std::io::ErrorKind::WouldBlock, "it is still waited for");
    });
}
