//! Nothing is left before somebody said yes.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use tokio::sync::oneshot;

use super::Leaving;
use crate::cli::common::{fail, say, told_to_stop};
use crate::cli::exit::Exit;

/// More than anybody types for yes or no.
const LONGEST_ANSWER: u64 = 64;

/// Before an audit of an hour: whether there will be somebody to ask, if that is needed.
pub(super) fn possible(leaving: Leaving) -> Result<(), Exit> {
    if !leaving.apply || leaving.yes || std::io::stdin().is_terminal() {
        return Ok(());
    }
    fail(
        "nothing was done: --apply asks before it leaves rooms, and there is no terminal to ask at\n  say it with --yes",
    );
    Err(Exit::Usage)
}

/// Asks at the terminal. Whoever interrupts the question has said no.
pub(super) async fn obtain(question: &str) -> Result<(), Exit> {
    say(&format!("{question} [y/N] "));
    let answer = tokio::select! {
        answer = answer() => answer,
        () = told_to_stop() => None,
    };
    if answer.is_some_and(|line| is_yes(&line)) {
        return Ok(());
    }
    say("Nothing was left.\n");
    Err(Exit::Interrupted)
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
