//! The program, and a directory to run it in.

use std::io::{BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

pub(crate) const SECRET: &str = "0123456789abcdef0123";

pub(crate) const COMMANDS: [&str; 18] = [
    "audit",
    "check",
    "completions",
    "demo",
    "drain",
    "explain",
    "healthcheck",
    "man",
    "reload",
    "run",
    "schema",
    "send",
    "simulate",
    "status",
    "sync",
    "tail",
    "version",
    "webhooks",
];

/// The program in a directory, and nothing of the surroundings that it would heed.
pub(crate) fn program(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_botwarden"));
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    for name in [
        "BOTWARDEN_CONFIG",
        "BOTWARDEN_LISTEN",
        "BOTWARDEN_OPS_LISTEN",
        "BOTWARDEN_PUBLIC_URL",
        "BOTWARDEN_ADMIN",
        "BOTWARDEN_ADMIN_LISTEN",
        "RUNTIME_DIRECTORY",
        "XDG_RUNTIME_DIR",
        "CREDENTIALS_DIRECTORY",
        "LISTEN_FDNAMES",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
        "NO_COLOR",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn run_in(directory: &Path, arguments: &[&str]) -> Output {
    program(directory, arguments).output().unwrap()
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    run_in(tempfile::tempdir().unwrap().path(), arguments)
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A program that goes on until the test is over.
pub(crate) struct Background {
    pub(crate) child: Child,
    pub(crate) out: BufReader<ChildStdout>,
    pub(crate) err: BufReader<ChildStderr>,
}

impl Background {
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::of(&mut program(directory, arguments))
    }

    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// Reads on until a line says this. The end of the stream is the end of hope.
    pub(crate) fn line(reader: &mut impl std::io::BufRead, with: &str) -> String {
        let mut line = String::new();
        while !line.contains(with) {
            line.clear();
            assert_ne!(reader.read_line(&mut line).unwrap(), 0, "no line with `{with}`");
        }
        line
    }

    /// Asks it to read its configuration again.
    pub(crate) fn hang_up(&self) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
    }

    /// As a supervisor does it. The exit code.
    pub(crate) fn terminate(self) -> Option<i32> {
        self.end().0
    }

    /// The same, and what it still had to say on stdout.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

pub(crate) fn gateway_yaml(api: &str, upstream: &str) -> String {
    format!(
        "version: 1
orgs: {{example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11}}
policy: {{allowed_orgs: [example]}}
server: {{listen: '127.0.0.1:0', drain_grace: 0s}}
ops: {{listen: '127.0.0.1:0'}}
admin: {{listen: '127.0.0.1:0'}}
webex: {{api: '{api}', retry: {{attempts: 1}}}}
bots:
  helpdesk: {{token: {{file: ./token}}, webhook_secret: {{file: ./secret}}}}
routes:
  helpdesk: {{path: /webhooks/helpdesk, bot: helpdesk, upstream: '{upstream}'}}
"
    )
}

/// A directory with a configuration and its secrets, as only their owner may read them.
pub(crate) fn site(api: &str, upstream: &str) -> tempfile::TempDir {
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

/// A port for who asks for this one, and that nobody is given by chance until then: a closed connection lingers on it.
pub(crate) fn reserved_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let mut caller = TcpStream::connect(address).unwrap();
    // Whoever closes first is the one that lingers.
    drop(listener.accept().unwrap());
    assert_eq!(caller.read(&mut [0]).unwrap(), 0);
    address.port()
}

/// Nobody listens on port 1.
pub(crate) fn site_without_webex() -> tempfile::TempDir {
    site("http://127.0.0.1:1/v1", "http://127.0.0.1:2/")
}

/// Lets a configuration observe for a day or two. The day on which that ends.
pub(crate) fn observe(path: &Path) -> String {
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let day = until.to_string().split('T').next().unwrap().to_owned();
    let observe = format!("policy: {{mode: observe, observe_until: {day}, ");
    let text = std::fs::read_to_string(path).unwrap().replace("policy: {", &observe);
    std::fs::write(path, text).unwrap();
    day
}
