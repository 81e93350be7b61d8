//! `POST /api/v1/reload`

use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::body::Answer;
use super::page::whole;
use super::wrong::{Wrong, problem};
use crate::admin::{Control, NotReloaded, Reloaded};
use crate::config::Problem;
use crate::gate::pass::Operator;
use crate::rt::Tasks;

/// It reads a few files. A file system that hangs holds up the caller no longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// Once begun it comes to its end, also when the caller has gone.
pub(super) async fn reload(
    _by: Operator,
    control: &Arc<dyn Control>,
    tasks: &Tasks,
) -> Response<Answer> {
    let (tell, told) = oneshot::channel();
    let control = Arc::clone(control);
    tasks.spawn("reload", async move {
        // The caller may have gone.
        let _gone = tell.send(control.reload().await);
    });
    match tokio::time::timeout(PATIENCE, told).await {
        Ok(Ok(Ok(reloaded))) => done(&reloaded),
        Ok(Ok(Err(refused))) => not_done(&refused),
        Ok(Err(_panicked)) => Wrong::Broken.answer(),
        Err(_elapsed) => Wrong::Slow.answer(),
    }
}

fn done(reloaded: &Reloaded) -> Response<Answer> {
    let Reloaded { old, new, restart, file, warnings } = reloaded;
    let warnings: Vec<_> = warnings.iter().map(told).collect();
    let document = json!({
        "schema": "botwarden/reload/1",
        "old": old,
        "new": new,
        "restart": restart,
        "file": file,
        "warnings": warnings,
    });
    whole(StatusCode::OK, &document)
}

fn not_done(refused: &NotReloaded) -> Response<Answer> {
    let errors: Vec<_> = refused.problems.iter().map(told).collect();
    let title = "The configuration has mistakes; the old one stays in force";
    let more = json!({ "file": refused.file, "errors": errors });
    problem(StatusCode::UNPROCESSABLE_ENTITY, "configuration", title, more)
}

/// With `pointer` for who knows RFC 9457 only; in a name with a dot in it, `path` is exact and `pointer` is not.
fn told(problem: &Problem) -> Value {
    json!({
        "code": problem.code,
        "severity": problem.severity,
        "path": problem.path,
        "pointer": pointer(&problem.path),
        "line": problem.place.map(|place| place.line),
        "column": problem.place.map(|place| place.column),
        "message": problem.message,
        "hint": problem.hint,
        "hidden": problem.hidden,
    })
}

/// RFC 6901 as a fragment: `routes.a.events[1]` is `#/routes/a/events/1`.
fn pointer(path: &str) -> String {
    let path = path.replace(']', "").replace('~', "~0").replace('/', "~1");
    let steps = path.split(['.', '[']).filter(|step| !step.is_empty());
    steps.fold("#".to_owned(), |pointer, step| pointer + "/" + step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_pointer() {
        for (path, expected) in [
            ("", "#"),
            ("routes.helpdesk.upstream", "#/routes/helpdesk/upstream"),
            ("policy.allowed_orgs[1]", "#/policy/allowed_orgs/1"),
            ("bots.a/b.token", "#/bots/a~1b/token"),
        ] {
            assert_eq!(pointer(path), expected);
        }
    }
}
