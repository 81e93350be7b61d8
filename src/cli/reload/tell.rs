//! What became of a reload, for people and for the records.

use super::Unusable;
use crate::admin::Reloaded;
use crate::config::{Problem, render};
use crate::report::{Happening, Lifecycle, Reporter, Turn};
use crate::rt;

pub(super) fn outcome(outcome: &Result<(Reloaded, String), Unusable>, reporter: &Reporter) {
    match outcome {
        Ok((reloaded, text)) => {
            let Reloaded { old, new, restart, warnings } = reloaded;
            for warning in warnings {
                tracing::warn!("{}", shown(warning, "gateway.yaml", text));
            }
            if !restart.is_empty() {
                tracing::warn!(keys = restart.join(", "), "these keys wait for a restart");
            }
            turn(reporter, Lifecycle::Reloaded { old, new });
            tracing::info!(old = &**old, config = &**new, "reloaded");
        }
        Err(Unusable { file, problems, text, prints: _ }) => {
            for problem in problems {
                tracing::error!("{}", shown(problem, file, text));
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

/// As `check` shows it, without the count at the end.
fn shown(problem: &Problem, file: &str, text: &str) -> String {
    let whole = render(std::slice::from_ref(problem), file, text, false);
    let lines: Vec<&str> = whole.lines().collect();
    lines.split_last().map(|(_count, lines)| lines.join("\n")).unwrap_or_default()
}

fn turn(reporter: &Reporter, what: Lifecycle<'_>) {
    reporter.emit(&Happening::Lifecycle(&Turn { at: rt::now().wall, what }));
}
