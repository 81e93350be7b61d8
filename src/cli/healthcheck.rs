//! `botwarden healthcheck`

use std::net::SocketAddr;

use clap::Args;
use tokio::net::TcpStream;

use super::common::{block_on, called, fail, no_config, say, tamed};
use super::exit::Exit;
use super::{Global, operate};
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
        if arguments.ready {
            reasons(listen).await;
        }
        Exit::Found
    })
}

/// Which checks fail: the first question of whoever reads this.
async fn reasons(listen: SocketAddr) {
    for line in admin::failing(listen).await {
        say(&format!("  {}\n", tamed(&line)));
    }
}

/// The variable stands above the file, and saves reading it. Secrets are not read: one that is just being exchanged says
/// nothing about the gateway that runs.
fn listener(global: &Global) -> Option<SocketAddr> {
    said().or_else(|| match written(global)? {
        Written::Address(address) => Some(address),
        Written::Nowhere(why) => {
            fail(why);
            None
        }
    })
}

fn said() -> Option<SocketAddr> {
    Machine.var("BOTWARDEN_OPS_LISTEN")?.parse().ok()
}

/// What the file says.
enum Written {
    Address(SocketAddr),
    /// Nothing that could be asked.
    Nowhere(&'static str),
}

impl From<Option<Listen>> for Written {
    fn from(listen: Option<Listen>) -> Self {
        match listen {
            Some(Listen::Address(address)) => Self::Address(address),
            None => Self::Nowhere("there is no `ops` listener to ask"),
            Some(Listen::Passed) => Self::Nowhere(
                "`ops.listen: systemd` does not say where: set BOTWARDEN_OPS_LISTEN to its address",
            ),
        }
    }
}

/// Nothing when it cannot be read; the reason is told.
fn written(global: &Global) -> Option<Written> {
    if config::find(global.config.as_deref(), &Machine).is_none() {
        no_config();
        return None;
    }
    let reach = operate::reach(global).ok()?;
    let ours = |problem: &Problem| {
        ["ops", "BOTWARDEN_OPS_LISTEN"].iter().any(|start| problem.path.starts_with(start))
    };
    let problems: Vec<_> = reach.problems.into_iter().filter(ours).collect();
    if problems.is_empty() {
        return Some(reach.ops.listen.into());
    }
    say(&config::render(&problems, "gateway.yaml", "", false));
    None
}
