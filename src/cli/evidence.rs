//! Where the records of `botwarden run` go.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd as _;

use super::Global;
use super::common::fail;
use super::exit::Exit;
use crate::config::{Config, Destination};
use crate::report::journal::chain::Chain;
use crate::report::journal::folder::{NoFolder, Rules};
use crate::report::journal::seals::SealedBefore;
use crate::report::{Outlet, Reporter, Scope};
use crate::rt;

/// What tells, as the configuration wants it.
pub(super) fn reporter(config: &Config, global: &Global) -> Result<Reporter, Exit> {
    match outlet(config, global) {
        Ok(outlet) => Ok(Reporter::to(&Scope::of(config), outlet)),
        Err(problem) => {
            fail(&format!("decision_log: {problem}"));
            Err(exit(&problem))
        }
    }
}

fn outlet(config: &Config, global: &Global) -> Result<Outlet, NoFolder> {
    let log = &config.decision_log;
    let chain = if log.chain { Chain::Linked } else { Chain::Loose };
    let outlet = match &log.to {
        Destination::Stdout => {
            Outlet::stream(stdout(), global.form(config.log.format)).chained(chain)
        }
        Destination::Dir { dir, keep, rotate_at } => {
            let rules = Rules { dir: dir.clone(), keep: *keep, rotate_at: *rotate_at, chain };
            Outlet::folder(rules, rt::now().wall)?
        }
    };
    let outlet = outlet.sealed(log.signing_key.clone());
    if outlet.sealed_before() == Some(SealedBefore::No) {
        tracing::warn!(
            "the run before did not end in a seal of this key: it was killed, it had another key, or its records were changed since; check them with `botwarden audit verify --public-key`"
        );
    }
    Ok(outlet)
}

/// Another gateway may end soon, so a supervisor may try again; the rest is for the operator.
fn exit(problem: &NoFolder) -> Exit {
    match problem {
        NoFolder::InUse(_) => Exit::Unavailable,
        NoFolder::Io { .. } | NoFolder::Broken(_) => Exit::Denied,
    }
}

/// Without the buffer of the library, which would take lines before the system has them.
fn stdout() -> Box<dyn Write + Send> {
    match std::io::stdout().as_fd().try_clone_to_owned() {
        Ok(own) => Box::new(File::from(own)),
        Err(_no_descriptor_is_left) => Box::new(std::io::stdout()),
    }
}
