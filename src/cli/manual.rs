//! `botwarden completions` and `botwarden man`: what is made from the command line itself.

use std::io;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Cli;
use super::common::{fail, print};
use super::exit::Exit;

/// Print the completions for a shell
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden completions bash > /etc/bash_completion.d/botwarden\n  botwarden completions fish | source"
)]
pub(super) struct Completions {
    /// For which shell
    shell: Shell,
}

/// Print the manual page, or write one a command
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden man | man -l -\n  botwarden man --dir /usr/local/share/man/man1"
)]
pub(super) struct Pages {
    /// Write a page for every command into this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn completions(arguments: &Completions) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "botwarden", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub(super) fn pages(arguments: &Pages) -> Exit {
    let done = match &arguments.dir {
        Some(dir) => clap_mangen::generate_to(Cli::command(), dir).map(|()| Exit::Fine),
        None => page().map(|page| print(&page)),
    };
    done.unwrap_or_else(|cause| {
        let place = arguments.dir.as_deref().map(|dir| format!(" to {}", dir.display()));
        fail(&format!("cannot write the manual{}: {cause}", place.unwrap_or_default()));
        Exit::Denied
    })
}

fn page() -> io::Result<String> {
    let mut page = Vec::new();
    Man::new(Cli::command()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
