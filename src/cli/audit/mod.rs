//! `botwarden audit`

mod apply;
mod case;
mod document;
mod ends;
mod page;
mod private;
mod progress;
mod sheet;
pub(in crate::cli) mod show;
mod spreadsheet;
mod state;
mod tell;
mod twins;
mod verify;
mod watcher;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::common::{block_on, fail, load_or_tell, tamed};
use super::consent::{Consent, Given};
use super::exit::Exit;
use super::{Format, Global};
use crate::audit;
use crate::config::{self, Bot, Config, MaxLeave};
use crate::report::Reporter;
use ends::FailOn;

const EXAMPLES: &str = "  botwarden audit helpdesk
  botwarden audit --csv rooms.csv --fail-on outsiders";

const ENDS: &str = "Nothing is changed without --apply. A room of which it could not be found out is unknown: it never counts as
clean, and the bot never leaves it.

Exit codes, the first of these that applies:
  130  interrupted, go on with --resume; or somebody said no to leaving
  3    more rooms would be left than may be, a route only observes, or a bot has two names: nothing was left
  78   the configuration is refused, or a bot cannot be asked about with it
  77   Webex refused a token, or a file cannot be read or written
  69   Webex cannot be reached for a bot, or none of its rooms could be read
  1    rooms were found as --fail-on says, also when they have been left now
  0    none of these";

/// Walk every room of the bots: clean, with outsiders, or unknown
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES, after_help = ENDS, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    evidence: Option<Evidence>,
    /// The bots; all of them if none is named. A bot of the name `verify` stands behind `--`
    #[arg(value_name = "BOT")]
    bots: Vec<String>,
    #[command(flatten)]
    leaving: Leaving,
    /// Which findings are exit code 1
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = FailOn::Incomplete)]
    fail_on: FailOn,
    /// Write every room to this file, for spreadsheets
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Tell names and e-mail addresses of outsiders
    #[arg(long)]
    with_emails: bool,
    /// Whose titles are told; each costs a call
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Titles::Unclean)]
    titles: Titles,
    #[command(flatten)]
    going: Going,
    #[command(flatten)]
    pace: Pace,
}

/// What is done with evidence that is there already.
#[derive(Debug, Subcommand)]
enum Evidence {
    /// Recompute the chain of a decision log, and name the first line that does not fit
    Verify(verify::Arguments),
}

/// Whether rooms are left.
#[derive(Clone, Copy, Debug, Args)]
struct Leaving {
    /// Leave group rooms with outsiders, and hide direct ones, after a second look at each
    #[arg(long)]
    apply: bool,
    /// If more rooms than this would be left, leave none; else `max_leave` of the configuration
    #[arg(long, value_name = "N|P%", value_parser = max_leave, requires = "apply")]
    max_leave: Option<MaxLeave>,
    #[command(flatten)]
    consent: Consent,
}

/// How an audit that was interrupted goes on.
#[derive(Clone, Debug, Args)]
struct Going {
    /// Do not read rooms again that were clean in the last 24 hours, before an interruption
    #[arg(long)]
    resume: bool,
    /// Where is kept what --resume needs; else `$XDG_STATE_HOME/botwarden`
    #[arg(long, value_name = "DIR", env = "BOTWARDEN_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// Do not tell how far it is
    #[arg(long)]
    no_progress: bool,
}

/// How Webex is asked.
#[derive(Clone, Copy, Debug, Args)]
struct Pace {
    /// How long a room may wait for Webex before it counts as unknown
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = patience)]
    patience: Duration,
    /// Calls a second and bot, at most; else `audit.requests_per_second`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    requests_per_second: Option<u32>,
}

/// `--titles`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Titles {
    /// All rooms
    All,
    /// Rooms that are not clean
    Unclean,
    /// No room
    None,
}

impl From<Titles> for audit::Titles {
    fn from(titles: Titles) -> Self {
        match titles {
            Titles::All => Self::All,
            Titles::Unclean => Self::Unclean,
            Titles::None => Self::None,
        }
    }
}

/// Such as `10` or `20%`.
fn max_leave(text: &str) -> Result<MaxLeave, String> {
    let read = match text.strip_suffix('%') {
        Some(percent) => {
            let percent = percent.parse().ok().filter(|percent| (1..=100).contains(percent));
            percent.map(MaxLeave::Percent)
        }
        None => text.parse().ok().map(MaxLeave::Rooms),
    };
    read.ok_or_else(|| "a number of rooms such as 10, or a share such as 20%".to_owned())
}

/// Webex documents waits of up to an hour; nobody waits a day for a room.
fn patience(text: &str) -> Result<Duration, String> {
    let read = humantime::parse_duration(text).ok();
    let bounds = Duration::from_secs(1)..=Duration::from_hours(24);
    read.filter(|patience| bounds.contains(patience))
        .ok_or_else(|| "a duration from 1s to 24h, such as 10m".to_owned())
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> Exit {
    if let Some(Evidence::Verify(evidence)) = &arguments.evidence {
        return verify::run(evidence, global);
    }
    match load_or_tell(global).and_then(|config| conclude(&config, arguments, global)) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn conclude(config: &Config, arguments: &Arguments, global: &Global) -> Result<Exit, Exit> {
    let bots = chosen(config, &arguments.bots)?;
    match (arguments.leaving.apply, arguments.leaving.consent.given()) {
        (true, _) => arguments.leaving.consent.possible()?,
        (false, Given::Yes) => {
            fail("--yes says yes to --apply, which is missing");
            return Err(Exit::Usage);
        }
        (false, Given::NotYet) => {}
    }
    tell::writable(arguments.csv.as_deref())?;
    let reporter = Arc::new(Reporter::default());
    let round = Round { config, arguments, format: global.format(), reporter: &reporter };
    Ok(block_on(Box::pin(async {
        let mut run = round.survey(&bots).await;
        apply::apply(&mut run, arguments.leaving).await;
        tell::tell(run, arguments, global)
    })))
}

/// A bot and its name.
type Named<'a> = (&'a Arc<str>, &'a Bot);

/// The bots of these names, once each; or advice.
fn chosen<'a>(config: &'a Config, names: &[String]) -> Result<Vec<Named<'a>>, Exit> {
    for name in names {
        if !config.bots.contains_key(&**name) {
            return Err(no_such_bot(config, name));
        }
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
    Ok(config.bots.iter().filter(|(name, _)| wanted(name)).collect())
}

fn no_such_bot(config: &Config, name: &str) -> Exit {
    let names: Vec<&str> = config.bots.keys().map(|name| &**name).collect();
    let advice = config::suggestion(name, &names);
    let advice = advice.unwrap_or_else(|| format!("bots: {}", names.join(", ")));
    fail(&format!("there is no bot `{}`\n  {advice}", tamed(name)));
    Exit::Usage
}

/// What one run of the command is about.
#[derive(Clone, Copy, Debug)]
struct Round<'a> {
    config: &'a Config,
    arguments: &'a Arguments,
    format: Format,
    /// Nobody hears of it but whoever sits here: records and metrics are those of the running gateway.
    reporter: &'a Arc<Reporter>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rail_is_a_number_or_a_share() {
        assert_eq!(max_leave("10"), Ok(MaxLeave::Rooms(10)));
        assert_eq!(max_leave("0"), Ok(MaxLeave::Rooms(0)));
        assert_eq!(max_leave("20%"), Ok(MaxLeave::Percent(20)));
        for text in ["", "%", "-1", "0%", "101%", "ten", "1.5", "256%"] {
            assert!(max_leave(text).is_err(), "{text}");
        }
    }

    #[test]
    fn patience_has_bounds() {
        assert_eq!(patience("90s"), Ok(Duration::from_secs(90)));
        for text in ["0s", "25h", "soon", "10"] {
            assert!(patience(text).is_err(), "{text}");
        }
    }
}
