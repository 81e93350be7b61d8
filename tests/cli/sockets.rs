//! Sockets that somebody else has opened, as systemd does it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{Background, err, program, run_in, site_without_webex};
use crate::together::signature;

const PATIENCE: Duration = Duration::from_secs(20);

/// The gateway in a directory, which asks for a socket of each of these listeners.
fn site(listeners: &[&str]) -> tempfile::TempDir {
    let site = site_without_webex();
    let path = site.path().join("gateway.yaml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    for listener in listeners {
        let own = format!("{listener}: {{listen: '127.0.0.1:0'");
        assert!(text.contains(&own), "{own}");
        text = text.replace(&own, &format!("{listener}: {{listen: systemd"));
    }
    std::fs::write(path, text).unwrap();
    site
}

fn socket() -> (TcpListener, SocketAddr) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// The same program, with these as its file descriptors 3 and 4: a shell moves them there from where it was given
/// them, and becomes the program, so that the process is the one that is named.
fn handed(site: &Path, sockets: Vec<TcpListener>, names: &str) -> Command {
    let plain = program(site, &["run"]);
    let mut shell = Command::new("sh");
    let script = "exec 3<&0 0</dev/null; [ \"$LISTEN_FDS\" = 1 ] || exec 4<&1 1>/dev/null; \
                  LISTEN_PID=$$ exec \"$0\" run";
    shell.args(["-c", script]).arg(plain.get_program()).current_dir(site);
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", names);
    shell.stderr(Stdio::piped()).stdout(Stdio::null());
    let mut ends = sockets.into_iter().map(|socket| Stdio::from(OwnedFd::from(socket)));
    shell.stdin(ends.next().unwrap());
    if let Some(second) = ends.next() {
        shell.stdout(second);
    }
    shell
}

struct Gateway(std::process::Child, std::io::BufReader<std::process::ChildStderr>);

impl Gateway {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let err = std::io::BufReader::new(child.stderr.take().unwrap());
        Self(child, err)
    }

    fn said(&mut self, what: &str) -> String {
        Background::line(&mut self.1, what)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Sends an event that nobody has to take yet.
fn ask(address: SocketAddr) -> TcpStream {
    let body = "{}";
    let (length, mac) = (body.len(), signature(body));
    let call = format!(
        "POST /webhooks/helpdesk HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\
         Connection: close\r\nX-Spark-Signature: {mac}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(call.as_bytes()).unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    answer(stream)
}

#[test]
fn an_event_that_comes_before_the_gateway_is_up_is_served() {
    let site = site(&["server"]);
    let (socket, address) = socket();
    let early = ask(address);
    let mut gateway = Gateway::start(handed(site.path(), vec![socket], "webhooks"));
    assert!(answer(early).starts_with("HTTP/1.1 200 "), "it had waited in the socket");
    assert!(answer(ask(address)).starts_with("HTTP/1.1 200 "));
    assert!(gateway.said("ready for webhooks").contains(&address.to_string()));
}

#[test]
fn both_listeners_can_be_handed_over_in_any_order() {
    let site = site(&["server", "ops"]);
    let [(first, probes), (second, webhooks)] = [socket(), socket()];
    let early = ask(webhooks);
    let _gateway = Gateway::start(handed(site.path(), vec![first, second], "ops:webhooks"));
    assert!(get(probes, "/livez").starts_with("HTTP/1.1 200 "));
    assert!(answer(early).starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_socket_that_is_asked_for_and_was_not_passed_is_78() {
    for (listener, name) in [("server", "webhooks"), ("ops", "ops")] {
        let site = site(&[listener]);
        let output = run_in(site.path(), &["run"]);
        assert_eq!(output.status.code(), Some(78), "{}", err(&output));
        let told = format!("`{listener}.listen: systemd`, but no socket was passed for it");
        assert!(err(&output).contains(&told), "{}", err(&output));
        assert!(err(&output).contains(&format!("FileDescriptorName={name}")), "{}", err(&output));
        let mut command = program(site.path(), &["run"]);
        let foreign = command.env("LISTEN_FDS", "1").env("LISTEN_PID", "1").output().unwrap();
        assert_eq!(foreign.status.code(), Some(78), "those of another process are not ours");
        let checked = run_in(site.path(), &["check", "--offline"]);
        assert_eq!(checked.status.code(), Some(0), "who checks has no sockets");
    }
}

#[test]
fn the_environment_can_ask_for_a_socket_too() {
    let site = site(&[]);
    let output =
        program(site.path(), &["run"]).env("BOTWARDEN_LISTEN", "systemd").output().unwrap();
    assert_eq!(output.status.code(), Some(78), "{}", err(&output));
    assert!(err(&output).contains("`server.listen: systemd`"), "{}", err(&output));
}

#[test]
fn what_was_passed_and_cannot_be_used_is_78() {
    let site = site(&["server"]);
    for count in ["none", "17", "-1"] {
        let output = program(site.path(), &["run"]).env("LISTEN_FDS", count).output().unwrap();
        assert_eq!(output.status.code(), Some(78), "{count}");
        assert!(err(&output).contains("LISTEN_FDS is not a number up to 16"), "{}", err(&output));
    }
    let mut command = handed(site.path(), vec![socket().0], "webhooks");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(err(&output).contains("socket 1 of those in LISTEN_FDS"), "{}", err(&output));
}

#[test]
fn a_socket_that_nobody_asked_for_is_warned_of() {
    let site = site(&[]);
    let mut gateway = Gateway::start(handed(site.path(), vec![socket().0], "webhooks"));
    let told = gateway.said("sockets were passed that nobody asked for");
    assert!(told.contains("WARN"), "{told}");
    gateway.said("ready for webhooks");
}

#[test]
fn commands_that_call_the_gateway_say_that_they_do_not_know_where_it_is() {
    let site = site(&["server", "ops"]);
    let sent = run_in(site.path(), &["send", "messages.created", "--route", "helpdesk"]);
    assert_eq!(sent.status.code(), Some(2), "{}", err(&sent));
    assert!(err(&sent).contains("--url"), "{}", err(&sent));
    let asked = run_in(site.path(), &["healthcheck"]);
    assert_eq!(asked.status.code(), Some(1), "{}", err(&asked));
    assert!(err(&asked).contains("BOTWARDEN_OPS_LISTEN"), "{}", err(&asked));
}
