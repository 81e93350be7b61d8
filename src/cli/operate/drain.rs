//! `botwarden drain`

use clap::Args;

use super::reach;
use crate::admin;
use crate::cli::Global;
use crate::cli::common::{block_on, fail, print};
use crate::cli::exit::Exit;
use crate::config::Listen;

/// Let the gateway on this machine say that it is not ready, before it is stopped
///
/// Through the `ops` listener, which takes it from this machine without a token: for a preStop hook in an image that has
/// no shell. Events that come all the same are taken. There is no way back but a restart.
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden drain\n  botwarden drain --config /etc/botwarden/gateway.yaml"
)]
pub(in crate::cli) struct Arguments {}

pub(in crate::cli) fn run(_: &Arguments, global: &Global) -> Exit {
    let listen = match reach(global) {
        Ok(reach) => reach.ops.listen,
        Err(exit) => return exit,
    };
    let Some(listen) = listen.and_then(Listen::address) else {
        fail(
            "`ops.listen` does not say where: name it by BOTWARDEN_OPS_LISTEN, or POST /api/v1/drain of `admin`",
        );
        return Exit::Unavailable;
    };
    block_on(async {
        match admin::drained(listen).await {
            Ok(true) => print("not ready from now on; events that come are still taken\n"),
            Ok(false) => {
                fail(&format!("http://{listen}/drain is refused: it is taken from 127.0.0.1 only"));
                Exit::Denied
            }
            Err(cause) => {
                fail(&format!("http://{listen}/drain cannot be reached: {}", cause.kind()));
                Exit::Unavailable
            }
        }
    })
}
