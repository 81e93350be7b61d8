//! `botwarden run`

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Global;
use super::common::{fail, load_or_tell};
use super::evidence;
use super::exit::Exit;
use super::house::House;
use super::log;
use super::notify::Supervisor;
use crate::config::{Config, Machine, minute};
use crate::gate::policy::Mode;
use crate::ingress::Passed;
use crate::report::Reporter;
use crate::rt;

/// How long the end waits for the last records; a reader that stalls must not hold it up.
const LAST_RECORDS: Duration = Duration::from_secs(2);

/// Run the gateway
#[derive(Debug, Args)]
#[command(before_help = "  botwarden run\n  botwarden run --config /etc/botwarden/gateway.yaml")]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments, global: &Global) -> Exit {
    let passed = match Passed::take(&Machine) {
        Ok(passed) => passed,
        Err(problem) => {
            fail(&problem.to_string());
            return Exit::Config;
        }
    };
    let config = match load_or_tell(global) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let _log = log::start(&config.log, global);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    match runtime.worker_threads(workers()).enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(serve(&config, global, passed));
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

/// As many as there are processors, up to four: a busy bot takes a fraction of one, and each thread has memory of its
/// own, which a sidecar on a large machine would pay for nothing.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).min(4)
}

async fn serve(config: &Config, global: &Global, passed: Passed) -> Exit {
    let (mut stop, mut interrupt) =
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(stop), Ok(interrupt)) => (stop, interrupt),
            (Err(cause), _) | (_, Err(cause)) => {
                tracing::error!(%cause, "cannot listen for signals");
                return Exit::Bug;
            }
        };
    let reporter = match evidence::reporter(config, global) {
        Ok(reporter) => Arc::new(reporter),
        Err(exit) => return exit,
    };
    let house = match House::open_on(config, Arc::clone(&reporter), passed).await {
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
    let supervisor = Supervisor::of(&Machine);
    supervisor.accompany(&house, &reporter);
    supervisor.ready();
    either(&mut stop, &mut interrupt).await;
    supervisor.stopping();
    tracing::info!(waiting = house.waiting(), "stopping; a second signal stops at once");
    let gateway = house.gateway();
    let exit = tokio::select! {
        left = house.close() => {
            tracing::info!(expired = left, "stopped");
            Exit::Fine
        }
        () = either(&mut stop, &mut interrupt) => {
            gateway.cut_within(LAST_RECORDS).await;
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

async fn either(stop: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = stop.recv() => {}
        _ = interrupt.recv() => {}
    }
}
