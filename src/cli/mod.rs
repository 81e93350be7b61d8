//! The commands, one file each. Data goes to stdout, everything else to stderr.

mod audit;
mod check;
mod common;
mod consent;
mod demo;
mod envelope;
mod evidence;
pub mod exit;
mod files;
mod explain;
mod healthcheck;
pub mod house;
mod log;
mod manual;
mod notify;
mod observing;
mod operate;
pub mod reload;
mod run;
mod schema;
mod send;
mod simulate;
mod version;
mod webhooks;
mod wire;

use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use exit::Exit;

/// Lets only clean Webex events through to your bot.
#[derive(Debug, Parser)]
#[command(
    name = "botwarden",
    version,
    about,
    before_help = "  botwarden demo\n  botwarden run --config gateway.yaml",
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(disable_help_subcommand = true, infer_subcommands = false)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Where `--help` lists the options of every command.
const EVERYWHERE: &str = "Options of every command";

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The configuration; else ./gateway.yaml, else /etc/botwarden/gateway.yaml
    #[arg(short, long, global = true, help_heading = EVERYWHERE, env = "BOTWARDEN_CONFIG", value_name = "PATH")]
    config: Option<PathBuf>,
    /// How results look
    #[arg(short, long, global = true, help_heading = EVERYWHERE, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// Short for --output json
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,
    /// When to use colour
    #[arg(long, global = true, help_heading = EVERYWHERE, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
    /// The gateway's listener for operators; else admin.listen of the configuration
    #[arg(long, global = true, help_heading = EVERYWHERE, env = "BOTWARDEN_ADMIN", value_name = "URL")]
    admin: Option<String>,
    /// A file with the token for it; else those of the configuration, or what the gateway left for this user
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "PATH")]
    token_file: Option<PathBuf>,
}

/// `--output`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// One JSON document a line, as they come; one in all where there is only one thing to tell
    Jsonl,
}

/// How a command tells what it has to tell at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// `--color`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On terminals, unless `NO_COLOR` or `TERM=dumb` say otherwise
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show everything without a Webex account (start here)
    Demo(demo::Arguments),
    /// Run the gateway
    Run(run::Arguments),
    /// Check gateway.yaml, secrets, tokens and upstreams
    Check(check::Arguments),
    /// Say step by step why an event or a room is allowed or refused
    Explain(Box<explain::Arguments>),
    /// Walk every room of the bots: clean, with outsiders, or unknown
    Audit(Box<audit::Arguments>),
    /// Make an event, sign it, and send it to the gateway on this machine
    Send(Box<send::Arguments>),
    /// Look after the webhooks that Webex calls
    Webhooks(webhooks::Arguments),
    /// Make and repair the webhooks that the gateway needs (short for webhooks sync)
    Sync(webhooks::sync::Arguments),
    /// Run a small Webex for tests
    Simulate(simulate::Arguments),
    /// Show how the running gateway stands
    Status(operate::status::Arguments),
    /// Show verdicts of the running gateway as they come
    Tail(operate::tail::Arguments),
    /// Let the running gateway read gateway.yaml and its secrets again, all or nothing
    Reload(operate::reload::Arguments),
    /// Let the gateway on this machine say that it is not ready, before it is stopped
    Drain(operate::drain::Arguments),
    /// Ask the gateway on this machine whether it is well: 0 or 1, for HEALTHCHECK
    Healthcheck(healthcheck::Arguments),
    /// Print the JSON schema of gateway.yaml
    Schema(schema::Arguments),
    /// Print the completions for a shell
    Completions(manual::Completions),
    /// Print the manual page, or write one a command
    Man(manual::Pages),
    /// Print version, revision and target
    Version(version::Arguments),
}

/// Reads the command line, and does what it says.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(Cli { global, command }) => {
            // The panic itself was told by the hook; what is left is to say that it was a bug.
            let ended = panic::catch_unwind(AssertUnwindSafe(|| command.run(&global)));
            ended.unwrap_or(Exit::Bug).into()
        }
        Err(problem) => usage(&problem),
    }
}

impl Command {
    fn run(self, global: &Global) -> Exit {
        match self {
            Self::Demo(arguments) => demo::run(&arguments, global),
            Self::Run(arguments) => run::run(&arguments, global),
            Self::Check(arguments) => check::run(&arguments, global),
            Self::Explain(arguments) => explain::run(&arguments, global),
            Self::Audit(arguments) => audit::run(&arguments, global),
            Self::Send(arguments) => send::run(&arguments, global),
            Self::Webhooks(arguments) => webhooks::run(&arguments, global),
            Self::Sync(arguments) => webhooks::run_sync(&arguments, global),
            Self::Simulate(arguments) => simulate::run(&arguments, global),
            Self::Status(arguments) => operate::status::run(&arguments, global),
            Self::Tail(arguments) => operate::tail::run(&arguments, global),
            Self::Reload(arguments) => operate::reload::run(&arguments, global),
            Self::Drain(arguments) => operate::drain::run(&arguments, global),
            Self::Healthcheck(arguments) => healthcheck::run(&arguments, global),
            Self::Schema(arguments) => schema::run(&arguments),
            Self::Completions(arguments) => manual::completions(&arguments),
            Self::Man(arguments) => manual::pages(&arguments),
            Self::Version(arguments) => version::run(&arguments, global),
        }
    }
}

/// Help that was asked for goes to stdout and is a success; a mistake goes to stderr and is 2.
fn usage(problem: &clap::Error) -> ExitCode {
    let printed = problem.print();
    if problem.use_stderr() { Exit::Usage.into() } else { common::written(printed).into() }
}
