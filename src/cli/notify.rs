//! What the supervisor is told: the protocol of `sd_notify(3)`, which systemd and others speak. Where nobody asked for it
//! (no `NOTIFY_SOCKET`), nothing is told and nothing is lost.
//!
//! # What the watchdog proves
//!
//! `WATCHDOG=1` is sent only after all of this worked, one after the other, in one task of the runtime:
//!
//! 1. The runtime gives turns to tasks and keeps time: the task itself is woken by a timer.
//! 2. It accepts connections and answers: the listener for probes says 200 to `/livez`, over a real socket. Without
//!    such a listener, this is left out.
//! 3. Nobody sits on the inbox: its lock is taken, as every event must.
//!
//! It says nothing about Webex, bots or a full disk: a restart mends none of them, and loses the events that wait.

use std::io;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as Name, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use super::house::House;
use crate::admin;
use crate::config::Source;
use crate::gate::policy::Mode;
use crate::report::{Reporter, Standing};
use crate::rt;

/// How often the status is looked at; it is told when it has changed. People read it, by `systemctl status`.
const STATUS: Duration = Duration::from_secs(10);

/// A proof that failed is tried again this soon: one lost connection must not cost a restart.
const AGAIN: Duration = Duration::from_millis(100);

/// Whoever started the gateway and wants to know how it is. Clones share the socket. The default one is nobody.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    socket: Option<Arc<(UnixDatagram, Name)>>,
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// As the environment says. What is wrong there is logged, and costs nothing else.
    pub(super) fn of(source: &dyn Source) -> Self {
        let named = source.var("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let opened = named.map(|name| open(&name)).transpose();
        let socket = opened.unwrap_or_else(|cause| {
            tracing::warn!(%cause, "the supervisor cannot be told anything: NOTIFY_SOCKET");
            None
        });
        Self { socket: socket.map(Arc::new), watchdog: watchdog(source) }
    }

    /// Listeners serve from now on.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// The configuration is read again; [`Self::ready`] says that it is done, whatever came of it.
    pub(super) fn reloading(&self) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", rt::monotonic().as_micros()));
    }

    /// The drain has begun.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=draining");
    }

    /// Never waits: a supervisor that does not read must not stop the gateway. It is told again soon, or not at all.
    fn tell(&self, state: &str) {
        let Some((socket, name)) = self.socket.as_deref() else { return };
        if let Err(cause) = socket.send_to_addr(state.as_bytes(), name) {
            tracing::debug!(%cause, "the supervisor could not be told");
        }
    }

    /// Tells the status and gives signs of life, until the house is closed.
    pub(super) fn accompany(&self, house: &House, reporter: &Arc<Reporter>) {
        let (told, reporter) = (self.clone(), Arc::clone(reporter));
        house.beside("status", async move { told.keep_told(&reporter).await });
        let (alive, ops, gateway) = (self.clone(), house.ops(), house.gateway());
        let inbox = move || gateway.waiting();
        house.beside("watchdog", async move { alive.keep_alive(ops, inbox).await });
    }

    /// Tells the status whenever it has changed, for as long as it is polled.
    async fn keep_told(&self, reporter: &Reporter) {
        let mut last = String::new();
        while self.socket.is_some() {
            let now = status(&reporter.standing());
            if now != last {
                self.tell(&format!("STATUS={now}"));
                last = now;
            }
            tokio::time::sleep(STATUS).await;
        }
    }

    /// Says that the gateway is alive, for as long as it is and this is polled.
    async fn keep_alive(&self, ops: Option<SocketAddr>, inbox: impl Fn() -> usize) {
        let Some(limit) = self.watchdog else { return };
        loop {
            let pause = if alive(ops, &inbox).await.is_ok() {
                self.tell("WATCHDOG=1");
                limit / 2
            } else {
                tracing::warn!("the listener for probes does not answer; the watchdog is not told");
                AGAIN
            };
            tokio::time::sleep(pause).await;
        }
    }
}

/// The listener for probes did not answer.
struct NotAlive;

/// Proofs 2 and 3; that this runs at all is the first.
async fn alive(ops: Option<SocketAddr>, inbox: impl Fn() -> usize) -> Result<(), NotAlive> {
    if let Some(ops) = ops
        && !admin::healthy(ops, "/livez").await
    {
        return Err(NotAlive);
    }
    let _lock_was_free = inbox();
    Ok(())
}

/// `@` begins the name of a socket that is in no file system.
fn open(name: &str) -> io::Result<(UnixDatagram, Name)> {
    let name = match name.strip_prefix('@') {
        Some(name) => Name::from_abstract_name(name)?,
        None => Name::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, name))
}

/// How long the supervisor waits for a sign of life, if it waits for one of this process.
fn watchdog(source: &dyn Source) -> Option<Duration> {
    let whose = source.var("WATCHDOG_PID");
    let ours = whose.is_none_or(|pid| pid == std::process::id().to_string());
    let micros: u64 = source.var("WATCHDOG_USEC")?.parse().ok()?;
    (ours && micros > 0).then(|| Duration::from_micros(micros))
}

/// `enforcing 2 routes, observing 1, 41 allow, 3 deny`
fn status(standing: &Standing) -> String {
    let observes = |mode| matches!(mode, Mode::Observe { .. });
    let observing = standing.routes.iter().filter(|route| observes(route.mode)).count();
    let enforcing = standing.routes.len().saturating_sub(observing);
    let plural = if enforcing == 1 { "" } else { "s" };
    let observing = match observing {
        0 => String::new(),
        some => format!(", observing {some}"),
    };
    let of = |verdict| standing.verdicts.get(verdict).copied().unwrap_or_default();
    let (allow, deny) = (of("allow"), of("deny"));
    format!("enforcing {enforcing} route{plural}{observing}, {allow} allow, {deny} deny")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;
    use crate::report::RouteScope;

    /// Variables, and no file.
    struct Variables(BTreeMap<&'static str, String>);

    impl Source for Variables {
        fn file(&self, _: &Path) -> io::Result<Vec<u8>> {
            Err(io::ErrorKind::NotFound.into())
        }

        fn var(&self, name: &str) -> Option<String> {
            self.0.get(name).cloned()
        }

        fn readable_by_others(&self, _: &Path) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn there_is_no_sign_of_life_while_probes_are_not_answered() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("notify");
        let told = UnixDatagram::bind(&name).unwrap();
        told.set_nonblocking(true).unwrap();
        let variables = Variables(BTreeMap::from([
            ("NOTIFY_SOCKET", name.to_str().unwrap().to_owned()),
            ("WATCHDOG_USEC", "20000".to_owned()),
        ]));
        let probes = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = probes.local_addr().unwrap();
        let mending = async {
            for _ in 0..3 {
                drop(probes.accept().await.unwrap());
                assert!(told.recv(&mut [0; 64]).is_err(), "nobody answered yet");
            }
            let (mut stream, _) = probes.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            // The next probe comes when the answer to this one was told.
            let _next = probes.accept().await.unwrap();
            let mut text = [0; 64];
            let length = told.recv(&mut text).unwrap();
            assert_eq!(&text[..length], b"WATCHDOG=1");
        };
        let supervisor = Supervisor::of(&variables);
        tokio::select! {
            () = supervisor.keep_alive(Some(address), || 0) => panic!("it ended"),
            () = mending => {}
        }
    }

    #[test]
    fn the_status_is_a_line_that_people_can_read() {
        let observes = Mode::Observe { until: std::time::SystemTime::UNIX_EPOCH };
        let standing = |modes: &[Mode], counts: &[(&'static str, u64)]| Standing {
            routes: modes.iter().map(|mode| route(*mode)).collect(),
            verdicts: counts.iter().copied().collect(),
            ..Standing::default()
        };
        let busy = standing(&[Mode::Enforce; 2], &[("allow", 41), ("deny", 3)]);
        assert_eq!(status(&busy), "enforcing 2 routes, 41 allow, 3 deny");
        let idle = standing(&[Mode::Enforce, observes, observes], &[]);
        assert_eq!(status(&idle), "enforcing 1 route, observing 2, 0 allow, 0 deny");
    }

    fn route(mode: Mode) -> RouteScope {
        RouteScope { name: "helpdesk".into(), bot: "helpdesk".into(), mode }
    }
}
