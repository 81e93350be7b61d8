//! Nothing is changed at Webex before somebody said yes.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use clap::Args;

use crate::cli::common::{fail, say};
use crate::cli::exit::Exit;

/// More than anybody types for yes or no.
const LONGEST_ANSWER: u64 = 64;

/// `--yes`, or somebody at a terminal.
#[derive(Debug, Args)]
pub(super) struct Consent {
    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

impl Consent {
    /// Asks, unless the answer was given with the command; or how to exit. Nobody waits beside the question, so that
    /// the thread may stand still.
    pub(super) fn obtain(&self, question: &str) -> Result<(), Exit> {
        if self.yes {
            return Ok(());
        }
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            fail("nothing was changed: there is no terminal to ask at\n  say it with --yes");
            return Err(Exit::Usage);
        }
        say(&format!("{question} [y/N] "));
        let mut line = String::new();
        match stdin.lock().take(LONGEST_ANSWER).read_line(&mut line) {
            Ok(_) if is_yes(&line) => Ok(()),
            Ok(_) | Err(_) => {
                say("Nothing was changed.\n");
                Err(Exit::Interrupted)
            }
        }
    }
}

fn is_yes(line: &str) -> bool {
    ["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for line in ["y\n", "yes\n", " YES \r\n", "Y"] {
            assert!(is_yes(line), "{line:?}");
        }
        for line in ["", "\n", "n\n", "no\n", "yess\n", "ja\n"] {
            assert!(!is_yes(line), "{line:?}");
        }
    }
}
