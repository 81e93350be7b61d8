//! The commands, one file each. Data goes to stdout, everything else to stderr.

mod check;
mod common;
mod demo;
pub mod exit;
pub mod house;
mod run;
mod simulate;
mod wire;

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

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The configuration; else ./gateway.yaml, else /etc/botwarden/gateway.yaml
    #[arg(short, long, global = true, env = "BOTWARDEN_CONFIG", value_name = "PATH")]
    config: Option<PathBuf>,
    /// How results look
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Short for --output json
    #[arg(long, global = true)]
    json: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
}

/// `--output`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Text,
    /// One JSON document
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
    /// Run a small Webex for tests
    Simulate(simulate::Arguments),
}

/// Reads the command line, and does what it says.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(problem) => return usage(&problem),
    };
    let Cli { global, command } = cli;
    let exit = match command {
        Command::Demo(arguments) => demo::run(&arguments, &global),
        Command::Run(arguments) => run::run(&arguments, &global),
        Command::Check(arguments) => check::run(&arguments, &global),
        Command::Simulate(arguments) => simulate::run(&arguments, &global),
    };
    exit.into()
}

/// Help that was asked for goes to stdout and is a success; a mistake goes to stderr and is 2.
fn usage(problem: &clap::Error) -> ExitCode {
    let asked_for = !problem.use_stderr();
    // A closed pipe is nobody's fault: `botwarden --help | head`.
    let _closed_pipe = problem.print();
    if asked_for { Exit::Fine.into() } else { Exit::Usage.into() }
}
