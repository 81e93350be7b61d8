//! What the supervisor is told, over a real socket.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Background, program, site_without_webex};

const PATIENCE: Duration = Duration::from_secs(20);

fn message(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 512];
    let length = socket.recv(&mut bytes).unwrap();
    String::from_utf8(bytes.get(..length).unwrap().to_vec()).unwrap()
}

/// Reads on until this comes; what came before.
fn until(socket: &UnixDatagram, wanted: &str) -> Vec<String> {
    let mut before = Vec::new();
    loop {
        let message = message(socket);
        if message == wanted {
            return before;
        }
        before.push(message);
        assert!(before.len() < 1000, "never came: {wanted}");
    }
}

fn listening(site: &Path) -> (UnixDatagram, String) {
    let path = site.join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    (socket, path.to_str().unwrap().to_owned())
}

fn gateway(site: &Path, name: &str) -> Command {
    let mut command = program(site, &["run"]);
    command.env("NOTIFY_SOCKET", name);
    command
}

#[test]
fn it_is_told_from_the_start_to_the_end() {
    let site = site_without_webex();
    let (socket, name) = listening(site.path());
    let mut command = gateway(site.path(), &name);
    let mut gateway = Background::of(command.env("WATCHDOG_USEC", "200000"));
    Background::line(&mut gateway.err, "ready for webhooks");
    let told = [until(&socket, "READY=1"), until(&socket, "WATCHDOG=1")].concat();
    let status = "STATUS=enforcing 1 route, 0 allow, 0 deny".to_owned();
    if !told.contains(&status) {
        until(&socket, &status);
    }
    until(&socket, "WATCHDOG=1");
    until(&socket, "WATCHDOG=1");
    assert_eq!(gateway.terminate(), Some(0));
    until(&socket, "STOPPING=1\nSTATUS=draining");
}

#[test]
fn a_reload_is_told_with_its_end_whatever_comes_of_it() {
    let site = site_without_webex();
    let (socket, name) = listening(site.path());
    let gateway = Background::of(&mut gateway(site.path(), &name));
    until(&socket, "READY=1");
    let mut began = 0;
    for bad in ["", "typo: 1\n"] {
        let path = site.path().join("gateway.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text + bad).unwrap();
        gateway.hang_up();
        let told = until(&socket, "READY=1").pop().unwrap();
        let micros = told.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&told);
        let micros: u64 = micros.parse().unwrap();
        assert!(micros > began, "the clock of the supervisor goes on");
        began = micros;
    }
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn it_gets_signs_of_life_also_while_the_gateway_drains() {
    let site = site_without_webex();
    let path = site.path().join("gateway.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("drain_grace: 0s", "drain_grace: 1s")).unwrap();
    let (socket, name) = listening(site.path());
    let mut command = gateway(site.path(), &name);
    let gateway = Background::of(command.env("WATCHDOG_USEC", "200000"));
    until(&socket, "READY=1");
    assert_eq!(gateway.terminate(), Some(0));
    until(&socket, "STOPPING=1\nSTATUS=draining");
    for _ in 0..4 {
        until(&socket, "WATCHDOG=1");
    }
}

#[test]
fn a_socket_in_no_file_system_will_do() {
    let site = site_without_webex();
    let name = format!("botwarden-test-{}-{}", std::process::id(), site.path().display());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let gateway = Background::of(&mut gateway(site.path(), &format!("@{name}")));
    until(&socket, "READY=1");
    assert_eq!(gateway.terminate(), Some(0));
    until(&socket, "STOPPING=1\nSTATUS=draining");
}

#[test]
fn a_watchdog_of_another_process_gets_no_sign_of_life() {
    let site = site_without_webex();
    let (socket, name) = listening(site.path());
    let mut command = gateway(site.path(), &name);
    let gateway = Background::of(command.env("WATCHDOG_USEC", "2000").env("WATCHDOG_PID", "1"));
    let mut told = until(&socket, "READY=1");
    assert_eq!(gateway.terminate(), Some(0));
    told.extend(until(&socket, "STOPPING=1\nSTATUS=draining"));
    assert!(!told.iter().any(|message| message.contains("WATCHDOG")), "{told:?}");
}

#[test]
fn a_supervisor_that_is_gone_or_does_not_read_stops_nothing() {
    let site = site_without_webex();
    let (socket, name) = listening(site.path());
    let mut command = gateway(site.path(), &name);
    let mut gateway = Background::of(command.env("WATCHDOG_USEC", "2000"));
    Background::line(&mut gateway.err, "ready for webhooks");
    drop(socket);
    assert_eq!(gateway.terminate(), Some(0));
    let mut command = program(site.path(), &["run"]);
    let mut gateway = Background::of(command.env("NOTIFY_SOCKET", "@".repeat(200)));
    Background::line(&mut gateway.err, "NOTIFY_SOCKET");
    // It listens for signals only after that.
    Background::line(&mut gateway.err, "ready for webhooks");
    assert_eq!(gateway.terminate(), Some(0));
}
