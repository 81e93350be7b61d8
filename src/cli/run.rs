//! `botwarden run`

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;

use super::Global;
use super::common::{Tint, fail, load_or_tell};
use super::exit::Exit;
use super::house::House;
use crate::config::{Config, Log, LogFormat, minute};
use crate::gate::policy::Mode;
use crate::report::{Reporter, Scope};

/// Run the gateway
#[derive(Debug, Args)]
#[command(before_help = "  botwarden run\n  botwarden run --config /etc/botwarden/gateway.yaml")]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments, global: &Global) -> Exit {
    let config = match load_or_tell(global) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    log(&config.log, global);
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(serve(&config, global)),
        Err(cause) => {
            fail(&format!("cannot start: {cause}"));
            Exit::Bug
        }
    }
}

async fn serve(config: &Config, global: &Global) -> Exit {
    let (mut stop, mut interrupt) =
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(stop), Ok(interrupt)) => (stop, interrupt),
            (Err(cause), _) | (_, Err(cause)) => {
                tracing::error!(%cause, "cannot listen for signals");
                return Exit::Bug;
            }
        };
    let reporter =
        Arc::new(Reporter::new(&scope(config), global.form(config.log.format), stdout()));
    let house = match House::open(config, reporter).await {
        Ok(house) => house,
        Err(problem) => {
            tracing::error!(%problem, "cannot start");
            return problem.exit();
        }
    };
    let (listen, ops) = (house.webhooks(), house.ops().map(|ops| ops.to_string()));
    tracing::info!(%listen, ops, routes = config.routes.len(), config = &*config.fingerprint, "ready for webhooks");
    warn_of_observing(config);
    either(&mut stop, &mut interrupt).await;
    tracing::info!(waiting = house.waiting(), "stopping; a second signal stops at once");
    tokio::select! {
        left = house.close() => tracing::info!(expired = left, "stopped"),
        () = either(&mut stop, &mut interrupt) => {
            tracing::warn!("stopped at once");
            return Exit::Interrupted;
        }
    }
    Exit::Fine
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

/// What the reporter must know beforehand.
pub(super) fn scope(config: &Config) -> Scope {
    let routes =
        config.routes.iter().map(|(name, route)| (Arc::clone(name), Arc::clone(&route.bot)));
    Scope { routes: routes.collect(), fingerprint: config.fingerprint.clone() }
}

fn stdout() -> Box<dyn Write + Send> {
    Box::new(std::io::stdout())
}

/// The ordinary log goes to stderr. A filter that cannot be read was refused with the configuration.
fn log(log: &Log, global: &Global) {
    let stderr = std::io::stderr();
    let text = match log.format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => stderr.is_terminal(),
    };
    let ansi = global.colour(&stderr) == Tint::Colour;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&*log.level))
        .with_writer(std::io::stderr)
        .with_timer(SystemTime)
        .with_target(false)
        .with_ansi(ansi);
    // A second subscriber in one process is refused; the first one stays.
    let _already_set = if text { builder.try_init() } else { builder.json().try_init() };
}
