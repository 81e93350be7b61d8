//! A Webex with rooms, and a directory to audit them from.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::Duration;

use botwarden::simulator::{Control, Options, Running, Simulator, World};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::harness::{SECRET, err, out, program};

/// People and organisations; each world adds its rooms.
pub(super) const PEOPLE: &str = "
orgs:
  example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11
  contoso: 5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22
  public: consumer
people:
  ann: { name: Ann, email: ann@example.com, org: example }
  bob: { name: Bob, email: bob@example.com, org: example }
  tom: { name: Tom Contoso, email: tom@contoso.example, org: contoso }
  tim: { name: Tim Contoso, email: tim@contoso.example, org: contoso }
  fred: { name: Fred, email: fred@mail.example, org: public }
  helpdesk: { name: Helpdesk, email: helpdesk@webex.bot, org: public, type: bot }
  survey: { name: Survey, email: survey@webex.bot, org: public, type: bot }
";

/// Three clean rooms, three that are not.
pub(super) const MIXED: &str = "
rooms:
  staff: { title: Staff, members: [ann, bob, helpdesk] }
  launch: { title: Launch, members: [ann, helpdesk] }
  ann-helpdesk: { title: Helpdesk, type: direct, members: [ann, helpdesk] }
  partners: { title: '=cmd|partners', members: [ann, tom, tim, helpdesk] }
  friends: { title: Friends, members: [ann, tom, helpdesk] }
  fred-helpdesk: { title: Helpdesk, type: direct, members: [fred, helpdesk] }
";

/// A simulator that runs beside the program.
pub(super) struct Webex {
    pub(super) control: Control,
    pub(super) api: String,
    #[expect(dead_code, reason = "the simulator ends with it")]
    running: Running,
    #[expect(dead_code, reason = "it runs the simulator")]
    runtime: Runtime,
}

impl Webex {
    pub(super) fn with(rooms: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let world = World::from_yaml(&format!("{PEOPLE}{rooms}")).unwrap();
        let running = runtime.block_on(Simulator::start(world, Options::default())).unwrap();
        let (control, api) = (running.control(), running.api().to_string());
        Self { control, api, running, runtime }
    }

    /// Calls that would change something.
    pub(super) fn writes(&self) -> Vec<String> {
        let calls = self.control.calls();
        let writes = calls.iter().filter(|call| call.method != "GET");
        writes.map(|call| format!("{} {}", call.method, call.path)).collect()
    }

    /// How often the list of each room was read.
    pub(super) fn readings(&self, room: &str) -> usize {
        let calls = self.control.calls();
        calls.iter().filter(|call| call.query.contains(&format!("roomId={room}"))).count()
    }

    pub(super) fn id(&self, room: &str) -> String {
        self.control.room(room).unwrap().id
    }

    /// Whether somebody is in a room.
    pub(super) fn holds(&self, room: &str, person: &str) -> bool {
        self.control.room(room).unwrap().members.iter().any(|member| member == person)
    }
}

/// A directory with a configuration, secrets and a place for states.
pub(super) struct Site {
    pub(super) dir: tempfile::TempDir,
}

impl Site {
    /// One bot.
    pub(super) fn new(webex: &Webex) -> Self {
        Self::of(webex, &["helpdesk"], "{}")
    }

    /// Bots of these names, audited like this.
    pub(super) fn of(webex: &Webex, bots: &[&str], audit: &str) -> Self {
        let site = Self { dir: tempfile::tempdir().unwrap() };
        let bot = |name: &&str| {
            format!(
                "  {name}: {{token: {{file: ./token-{name}}}, webhook_secret: {{file: ./secret}}, audit: {audit}}}\n"
            )
        };
        let route = |name: &&str| {
            format!("  {name}: {{path: /{name}, bot: {name}, upstream: 'http://127.0.0.1:2/'}}\n")
        };
        for name in bots {
            site.write(&format!("token-{name}"), &format!("sim-token-{name}"));
        }
        let (api, names) = (&webex.api, bots.iter().map(bot).collect::<String>());
        let routes: String = bots.iter().map(route).collect();
        site.write("secret", SECRET);
        site.write(
            "gateway.yaml",
            &format!(
                "version: 1
orgs: {{example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11, contoso: 5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22}}
policy: {{allowed_orgs: [example]}}
webex: {{api: '{api}', proxy: direct, timeout: 2s, requests_per_minute: 3000, retry: {{attempts: 1, give_up_after: 2s}}}}
bots:
{names}routes:
{routes}"
            ),
        );
        site
    }

    /// Readable by its owner only.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(super) fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["audit", "--requests-per-second", "1000", "--state-dir", "state"], more].concat()
    }

    /// Audits. Whatever comes of it, no secret is told.
    pub(super) fn audit(&self, more: &[&str]) -> Output {
        let output = program(self.path(), &Self::arguments(more)).output().unwrap();
        discreet(&output);
        output
    }
}

pub(super) fn discreet(output: &Output) {
    for text in [out(output), err(output)] {
        for secret in ["sim-token", SECRET, "Bearer", "panicked"] {
            assert!(!text.contains(secret), "{secret} in\n{text}");
        }
    }
}

/// The exit code with both streams, for a test to show when it fails.
#[track_caller]
pub(super) fn ends(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}\n---\n{}", out(output), err(output));
}

/// Waits until it holds; fails the test after half a minute, which is longer than anything here takes.
#[track_caller]
pub(super) fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "it never came true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// As somebody at a terminal (`-INT`) or a supervisor (`-TERM`) does it.
pub(super) fn interrupt(process: &Child, signal: &str) {
    let process = process.id().to_string();
    assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
}
