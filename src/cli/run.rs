//! `botwarden run`

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Global;
use super::common::{fail, no_config, tell};
use super::evidence;
use super::exit::Exit;
use super::files;
use super::house::{House, stopped};
use super::log;
use super::notify::Supervisor;
use super::reload::{Following, Machined, Origin as _, Unusable, Watch};
use crate::admin::Control as _;
use crate::config::{self, Config, Destination, Machine, minute};
use crate::gate::policy::Mode;
use crate::ingress::Passed;
use crate::report::Reporter;
use crate::rt;

/// How long the end waits for the last records; a reader that stalls must not hold it up.
const LAST_RECORDS: Duration = Duration::from_secs(2);

/// Run the gateway
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden run\n  botwarden run --watch --config /etc/botwarden/gateway.yaml"
)]
pub(super) struct Arguments {
    /// Reload when gateway.yaml changes; secrets and certificates that it names are always watched
    #[arg(long)]
    watch: bool,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> Exit {
    let passed = match Passed::take(&Machine) {
        Ok(passed) => passed,
        Err(problem) => {
            fail(&problem.to_string());
            return Exit::Config;
        }
    };
    let Some(path) = config::find(global.config.as_deref(), &Machine) else { return no_config() };
    let origin = Machined::at(path.clone());
    let fresh = match origin.read() {
        Ok(fresh) => fresh,
        Err(Unusable { problems, text, .. }) => {
            tell(&problems, &path, &text, global);
            return Exit::Config;
        }
    };
    tell(&fresh.warnings, &path, &fresh.text, global);
    let log = log::start(&fresh.config.log, global);
    let level = log.level();
    files::raise();
    let following = Following {
        origin: Arc::new(origin),
        prints: fresh.prints,
        held: fresh.held,
        watch: if arguments.watch { Watch::All } else { Watch::Named },
        every: Following::EVERY,
        then: Arc::new(move |config| level(&config.log.level)),
        supervisor: Supervisor::of(&Machine),
    };
    let config = fresh.config;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    match runtime.worker_threads(workers(&config)).enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(serve(&config, (following, passed), global));
            // Looking a name up may hang in the system; nobody waits for its answer any more.
            runtime.shutdown_background();
            exit
        }
        Err(cause) => {
            fail(&format!("cannot start: {cause}"));
            Exit::Bug
        }
    }
}

/// One thread for all events: it does some ten thousand a second, a busy bot has ten. Two where records go to files: a
/// file system that is frozen for a snapshot holds up the one that writes, and probes, callers and signals need another.
/// With `server.tls`, as many as there are processors, up to four: whoever begins handshakes makes us sign, and must not
/// have all of that one thread.
fn workers(config: &Config) -> usize {
    let for_records = match config.decision_log.to {
        Destination::Stdout => 1,
        Destination::Dir { .. } => 2,
    };
    let for_handshakes = match config.server.tls {
        None => 1,
        Some(_) => std::thread::available_parallelism().map_or(1, NonZero::get).min(4),
    };
    for_handshakes.max(for_records)
}

async fn serve(config: &Config, opening: (Following, Passed), global: &Global) -> Exit {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(cause) => {
            tracing::error!(%cause, "cannot listen for signals");
            return Exit::Bug;
        }
    };
    let reporter = match evidence::reporter(config, global) {
        Ok(reporter) => Arc::new(reporter),
        Err(exit) => return exit,
    };
    let supervisor = opening.0.supervisor.clone();
    let house = match House::open_following(config, Arc::clone(&reporter), opening).await {
        Ok(house) => house,
        Err(problem) => {
            tracing::error!(%problem, "cannot start");
            return problem.exit();
        }
    };
    let (listen, ops) = (house.webhooks(), house.ops().map(|ops| ops.to_string()));
    let admin = house.admin().map(|admin| admin.to_string());
    tracing::info!(%listen, ops, admin, routes = config.routes.len(), config = &*config.fingerprint, "ready for webhooks");
    warn_of_observing(config);
    supervisor.accompany(&house, &reporter);
    supervisor.ready();
    signals.told_to_stop(|| house.control().nudge()).await;
    // Whoever is told that it stops must find it not ready.
    house.control().drain();
    supervisor.stopping();
    tracing::info!(waiting = house.waiting(), "stopping; a second signal stops at once");
    let gateway = house.gateway();
    let exit = tokio::select! {
        left = house.close() => {
            tracing::info!(expired = left, "stopped");
            Exit::Fine
        }
        () = signals.told_to_stop(|| tracing::info!("too late to reload")) => {
            let waiting = gateway.waiting();
            gateway.cut_within(LAST_RECORDS).await;
            stopped(&reporter, waiting);
            tracing::warn!("stopped at once");
            Exit::Interrupted
        }
    };
    last_records(&reporter, exit)
}

/// A stop that lost records is not a clean one.
fn last_records(reporter: &Reporter, exit: Exit) -> Exit {
    if reporter.end(rt::now().wall, LAST_RECORDS) && reporter.lost() == 0 {
        return exit;
    }
    tracing::error!(lost = reporter.lost(), "some records could not be written");
    if exit == Exit::Fine { Exit::Found } else { exit }
}

/// Who reads the log later does not see the warning that loading gave.
fn warn_of_observing(config: &Config) {
    for (route, known) in &config.routes {
        if let Mode::Observe { until } = known.policy.mode {
            tracing::warn!(%route, until = minute(until), "refusals are NOT enforced");
        }
    }
}

/// What a supervisor or a terminal says.
struct Signals {
    stop: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on none of them ends the process by itself.
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            stop: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Until one of them says so. SIGHUP asks for the configuration to be read again.
    async fn told_to_stop(&mut self, reload: impl Fn()) {
        loop {
            tokio::select! {
                _ = self.stop.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => reload(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::rt;

    /// Has every file.
    struct Drawer;

    impl config::Source for Drawer {
        fn file(&self, path: &Path) -> std::io::Result<Vec<u8>> {
            Ok(format!("what-stands-in-{}", path.display()).into_bytes())
        }

        fn var(&self, _: &str) -> Option<String> {
            None
        }

        fn readable_by_others(&self, _: &Path) -> bool {
            false
        }
    }

    /// With these lines at the end.
    fn config(more: &str) -> Config {
        let text = format!(
            "version: 1\n\
             orgs: {{example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11}}\n\
             policy: {{allowed_orgs: [example]}}\n\
             bots: {{b: {{token: {{file: ./token}}, webhook_secret: {{file: ./secret}}}}}}\n\
             routes: {{r: {{path: /r, bot: b, upstream: \"http://127.0.0.1:1\"}}}}\n{more}"
        );
        let (config, _warnings) = config::load(text.as_bytes(), &Drawer, rt::now().wall).unwrap();
        config
    }

    #[test]
    fn a_file_system_that_hangs_leaves_a_thread_for_everything_else() {
        assert_eq!(workers(&config("")), 1);
        assert_eq!(workers(&config("decision_log: {to: {dir: ./decisions}}\n")), 2);
    }
}
