//! What became of a reload, for people and for the records.

use super::Unusable;
use crate::admin::Reloaded;
use crate::config::{Problem, render_each};
use crate::report::{Happening, Lifecycle, Reporter, Turn};
use crate::rt;

pub(super) async fn outcome(outcome: &Result<(Reloaded, String), Unusable>, reporter: &Reporter) {
    match outcome {
        Ok((reloaded, text)) => {
            let Reloaded { old, new, restart, warnings } = reloaded;
            for warning in shown(warnings, "gateway.yaml", text).await {
                tracing::warn!("{warning}");
            }
            if !restart.is_empty() {
                tracing::warn!(keys = restart.join(", "), "these keys wait for a restart");
            }
            turn(reporter, Lifecycle::Reloaded { old, new });
            tracing::info!(old = &**old, config = &**new, "reloaded");
        }
        Err(Unusable { file, problems, text, prints: _ }) => {
            for problem in shown(problems, file, text).await {
                tracing::error!("{problem}");
            }
            let count = problems.len();
            turn(reporter, Lifecycle::NotReloaded { problems: count });
            tracing::error!(
                file = &**file,
                problems = count,
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
async fn shown(problems: &[Problem], file: &str, text: &str) -> Vec<String> {
    if problems.is_empty() {
        return Vec::new();
    }
    let (problems, file, text) = (problems.to_vec(), file.to_owned(), text.to_owned());
    rt::blocking(move || render_each(&problems, &file, &text)).await.unwrap_or_default()
}

fn turn(reporter: &Reporter, what: Lifecycle<'_>) {
    reporter.emit(&Happening::Lifecycle(&Turn { at: rt::now().wall, what }));
}
