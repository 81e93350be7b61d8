//! What became of a reload, for people and for the records.

use super::Unusable;
use crate::admin::Reloaded;
use crate::config::{Problem, render_each};
use crate::report::{Happening, Lifecycle, Reporter, Turn};
use crate::rt;

pub(super) async fn outcome(outcome: &Result<(Reloaded, String), Unusable>, reporter: &Reporter) {
    match outcome {
        Ok((reloaded, text)) => {
            let Reloaded { old, new, restart, file, warnings } = reloaded;
            problems(warnings, file, text).await;
            if !restart.is_empty() {
                tracing::warn!(keys = restart.join(", "), "these keys wait for a restart");
            }
            turn(reporter, Lifecycle::Reloaded { old, new });
            tracing::info!(old = &**old, config = &**new, "reloaded");
        }
        Err(Unusable { file, problems: found, text, prints: _ }) => {
            problems(found, file, text).await;
            let mistakes = found.iter().filter(|problem| problem.is_error()).count();
            turn(reporter, Lifecycle::NotReloaded { problems: mistakes });
            tracing::error!(
                file = &**file,
                problems = mistakes,
                "not reloaded: what was in force stays"
            );
        }
    }
}

/// By name only.
pub(super) fn exchanged(names: &[String]) {
    if !names.is_empty() {
        tracing::info!(keys = names.join(", "), "secrets or certificates exchanged");
    }
}

/// As `check` shows them, without the count at the end. A file of 2 MiB takes longer than an event may wait.
async fn problems(found: &[Problem], file: &str, text: &str) {
    if found.is_empty() {
        return;
    }
    let (owned, file, text) = (found.to_vec(), file.to_owned(), text.to_owned());
    let shown = rt::blocking(move || render_each(&owned, &file, &text)).await.unwrap_or_default();
    for (problem, shown) in found.iter().zip(shown) {
        if problem.is_error() {
            tracing::error!("{shown}");
        } else {
            tracing::warn!("{shown}");
        }
    }
}

fn turn(reporter: &Reporter, what: Lifecycle<'_>) {
    reporter.emit(&Happening::Lifecycle(&Turn { at: rt::now().wall, what }));
}
