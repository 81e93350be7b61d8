//! More callers than file descriptors.

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Background, program, site_without_webex};

/// A probe's own patience is shorter.
const PATIENCE: Duration = Duration::from_secs(5);

/// The gateway with limits by `ulimit`, in place of a shell. Where it listens: webhooks, probes.
fn limited(site: &Path, ulimit: &str) -> (Background, String, [SocketAddr; 2]) {
    let gateway = program(site, &["run"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{ulimit}; exec \"$0\" \"$@\"")]);
    shell.arg(gateway.get_program()).args(gateway.get_args()).current_dir(site);
    for (name, value) in gateway.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let mut gateway = Background::of(&mut shell);
    let mut told = String::new();
    while !told.contains("ready for webhooks") {
        assert_ne!(gateway.err.read_line(&mut told).unwrap(), 0, "{told}");
    }
    let ready: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let field = |key: &str| ready.pointer(&format!("/fields/{key}")).unwrap().as_str().unwrap();
    let addresses = ["listen", "ops"].map(|key| field(key).parse().unwrap());
    (gateway, told, addresses)
}

fn alive(ops: SocketAddr) -> bool {
    let mut stream = TcpStream::connect_timeout(&ops, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).is_ok() && start == *b"HTTP/1.1 200"
}

#[test]
fn idle_callers_cannot_take_the_file_descriptors_of_probes() {
    let site = site_without_webex();
    let (_gateway, told, [webhooks, ops]) = limited(site.path(), "ulimit -n 300");
    let mut idle = Vec::new();
    for _ in 0..400 {
        idle.push(TcpStream::connect(webhooks).unwrap());
    }
    for _ in 0..20 {
        assert!(alive(ops), "while {} callers do nothing", idle.len());
        idle.push(TcpStream::connect(webhooks).unwrap());
    }
    assert!(told.contains("LimitNOFILE") && told.contains("\"connections\":75"), "{told}");
}

#[test]
fn the_limit_of_open_files_is_raised_as_far_as_it_may_be() {
    let site = site_without_webex();
    let (gateway, _told, _) = limited(site.path(), "ulimit -S -n 100; ulimit -H -n 700");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.child.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let words: Vec<_> = files.split_whitespace().collect();
    assert_eq!(words[3..5], ["700", "700"]);
}
