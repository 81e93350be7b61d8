//! `botwarden healthcheck`

use std::net::SocketAddr;

use clap::Args;
use tokio::net::TcpStream;

use super::Global;
use super::common::{block_on, called, fail, no_config, tell};
use super::exit::Exit;
use crate::admin;
use crate::config::{self, Listen, Machine, Problem, Source as _};

/// Ask the gateway on this machine whether it is well: 0 or 1, for HEALTHCHECK
#[derive(Debug, Args)]
#[command(before_help = "  botwarden healthcheck\n  botwarden healthcheck --ready")]
pub(super) struct Arguments {
    /// Ask whether it is ready, too, rather than only alive
    #[arg(long)]
    ready: bool,
}

/// Docker knows 0 and 1, and reserves the rest.
pub(super) fn run(arguments: &Arguments, global: &Global) -> Exit {
    let Some(listen) = listener(global) else { return Exit::Found };
    let path = if arguments.ready { "/readyz" } else { "/livez" };
    block_on(async {
        if admin::healthy(listen, path).await {
            return Exit::Fine;
        }
        let listens = TcpStream::connect(called(listen)).await.is_ok();
        let how = if listens { "does not answer 200" } else { "cannot be reached: nobody listens" };
        fail(&format!("http://{listen}{path} {how}"));
        Exit::Found
    })
}

/// The variable stands above the file, and saves reading it. Secrets are not read: one that is just being exchanged says
/// nothing about the gateway that runs.
fn listener(global: &Global) -> Option<SocketAddr> {
    let listen = match said() {
        Some(said) => Some(said),
        None => written(global)?,
    };
    let address = listen.and_then(Listen::address);
    match listen {
        None => fail("there is no `ops` listener to ask"),
        Some(Listen::Passed) => {
            fail(
                "`ops.listen: systemd` does not say where: set BOTWARDEN_OPS_LISTEN to its address",
            );
        }
        Some(Listen::Address(_)) => {}
    }
    address
}

fn said() -> Option<Listen> {
    Machine.var("BOTWARDEN_OPS_LISTEN").and_then(|text| text.parse().ok()).map(Listen::Address)
}

/// What the file says, or nothing when that cannot be read; the reason is told.
fn written(global: &Global) -> Option<Option<Listen>> {
    let Some(path) = config::find(global.config.as_deref(), &Machine) else {
        no_config();
        return None;
    };
    let refused = |problems: Vec<Problem>, text: &[u8]| {
        tell(&problems, &path, &String::from_utf8_lossy(text), global);
    };
    let bytes = config::read(&path, &Machine).map_err(|problems| refused(problems, b"")).ok()?;
    config::probes(&bytes, &Machine).map_err(|problems| refused(problems, &bytes)).ok()
}
