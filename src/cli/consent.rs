//! Nothing is changed at Webex before somebody said yes.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use clap::Args;
use rustix::termios::{QueueSelector, tcflush};
use tokio::sync::oneshot;

use super::common::{fail, say, told_to_stop};
use super::exit::Exit;

/// More than anybody types for yes or no.
const LONGEST_ANSWER: u64 = 64;

/// `--yes`, or somebody at a terminal.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Consent {
    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

/// Whether the answer came with the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// It did not.
    NotYet,
    /// It is yes.
    Yes,
}

impl Consent {
    /// Whether it was given with the command.
    pub(super) fn given(self) -> Given {
        if self.yes { Given::Yes } else { Given::NotYet }
    }

    /// Asks, unless the answer was given with the command; or how to exit. Whoever interrupts the question has said no.
    pub(super) async fn obtain(self, question: &str) -> Result<(), Exit> {
        self.possible()?;
        if self.yes {
            return Ok(());
        }
        forget();
        say(&format!("{question} [y/N] "));
        let answer = tokio::select! {
            answer = answer() => answer,
            () = told_to_stop() => None,
        };
        if answer.is_some_and(|line| is_yes(&line)) {
            return Ok(());
        }
        say("Nothing was changed.\n");
        Err(Exit::Interrupted)
    }

    /// Before hours of work: whether there will be somebody to ask, if that is needed.
    pub(super) fn possible(self) -> Result<(), Exit> {
        if self.yes || std::io::stdin().is_terminal() {
            return Ok(());
        }
        fail("nothing was changed: there is no terminal to ask at\n  say it with --yes");
        Err(Exit::Usage)
    }
}

/// What was typed before the question is no answer to it. A terminal that cannot forget has gone: then nobody answers.
fn forget() {
    let _forgotten = tcflush(std::io::stdin(), QueueSelector::IFlush);
}

/// Reading from a terminal stands still until somebody types, so a thread does it; it ends with the process.
async fn answer() -> Option<String> {
    let (tell, told) = oneshot::channel();
    let read = move || {
        let mut line = String::new();
        let stdin = std::io::stdin();
        let read = stdin.lock().take(LONGEST_ANSWER).read_line(&mut line);
        // Nobody waits for it any more after an interruption.
        let _gone = tell.send(read.map(|_bytes| line));
    };
    std::thread::Builder::new().name("answer".to_owned()).spawn(read).ok()?;
    told.await.ok()?.ok()
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
