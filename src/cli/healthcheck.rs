//! `botwarden healthcheck`

use std::net::SocketAddr;

use clap::Args;
use tokio::net::TcpStream;

use super::Global;
use super::common::{block_on, called, fail, load_or_tell};
use super::exit::Exit;
use crate::admin;
use crate::config::{Machine, Source as _};

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

/// The variable stands above the file, and saves reading it.
fn listener(global: &Global) -> Option<SocketAddr> {
    let said = Machine.var("BOTWARDEN_OPS_LISTEN").and_then(|text| text.parse().ok());
    if said.is_some() {
        return said;
    }
    let listen = load_or_tell(global).ok()?.ops.listen;
    if listen.is_none() {
        fail("there is no `ops` listener to ask");
    }
    listen
}
