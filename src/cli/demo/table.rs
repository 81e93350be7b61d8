//! The scenes, for people and for machines.

use serde_json::{Value, json};

use super::rooms::Rooms;
use super::scenes::{Scene, Step};
use super::stage::Stage;
use super::watch::Seen;
use crate::cli::common::Tint;

/// Anything quicker is not worth a word.
const NOTICEABLE: f64 = 1.0;

/// The first line of the table.
pub(super) fn head() -> String {
    line(["scene", "expected", "got", "reason", "bot answered"])
}

/// The lines of one scene.
pub(super) fn rows(scene: &Scene, tint: Tint) -> String {
    let row = |(at, step): (usize, &Step)| {
        let number = if at == 0 { format!("{:>2}", scene.number) } else { "  ".to_owned() };
        row(&number, step, tint)
    };
    scene.steps.iter().enumerate().map(row).collect()
}

fn row(number: &str, step: &Step, tint: Tint) -> String {
    let Step { title, expected, seen } = step;
    let title = format!("{number} {title}");
    let line = line([
        &title,
        &expected.to_uppercase(),
        &seen.got.to_uppercase(),
        &seen.reason,
        &answer(seen),
    ]);
    match (tint, step.as_expected()) {
        (Tint::Plain, true) => line,
        (Tint::Plain, false) => format!("{} <- not as expected\n", line.trim_end()),
        (Tint::Colour, true) => painted(&line, &seen.got),
        (Tint::Colour, false) => {
            format!("\x1b[1;31m{} <- not as expected\x1b[0m\n", line.trim_end())
        }
    }
}

fn painted(line: &str, got: &str) -> String {
    let (word, colour) = (got.to_uppercase(), colour(got));
    match line.rsplit_once(&word) {
        Some((before, after)) => format!("{before}{colour}{word}\x1b[0m{after}"),
        None => line.to_owned(),
    }
}

fn colour(got: &str) -> &'static str {
    match got {
        "allow" => "\x1b[32m",
        "skip" => "\x1b[2m",
        "wait" => "\x1b[33m",
        _ => "\x1b[31m",
    }
}

fn answer(seen: &Seen) -> String {
    let Some(answer) = &seen.answer else { return "no".to_owned() };
    let start: String = answer.chars().take(19).collect();
    let more = if start.len() < answer.len() { "…" } else { "" };
    let took = seen.took.as_secs_f64();
    let took = if took < NOTICEABLE { String::new() } else { format!("  (after {took:.1} s)") };
    format!("yes  \"{start}{more}\"{took}")
}

fn line(columns: [&str; 5]) -> String {
    let [scene, expected, got, reason, answered] = columns;
    let line = format!("{scene:<42} {expected:<9} {got:<7} {reason:<37} {answered}");
    format!("{}\n", line.trim_end())
}

/// The last line: how many came out as they should.
pub(super) fn tally(scenes: &[Scene]) -> String {
    format!("{} of {} as expected.\n", expected(scenes), scenes.len())
}

/// How many came out as they should.
pub(super) fn expected(scenes: &[Scene]) -> usize {
    scenes.iter().filter(|scene| scene.as_expected()).count()
}

/// For machines.
pub(super) fn document(scenes: &[Scene], rooms: &Rooms, stage: &Stage, at: &str) -> Value {
    json!({
        "schema": "botwarden/demo/1",
        "at": at,
        "as_expected": expected(scenes),
        "total": scenes.len(),
        "webhook": stage.webhook,
        "simulator": stage.origin(),
        "scenes": scenes.iter().map(scene).collect::<Vec<_>>(),
        "rooms": rooms.document(),
    })
}

fn scene(scene: &Scene) -> Value {
    json!({
        "scene": scene.number,
        "as_expected": scene.as_expected(),
        "events": scene.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn step(step: &Step) -> Value {
    json!({
        "title": step.title.trim(),
        "expected": step.expected,
        "got": step.seen.got,
        "reason": step.seen.reason,
        "bot_answered": step.seen.answer.is_some(),
        "took_s": step.seen.took.as_secs_f64(),
        "as_expected": step.as_expected(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn scene(expected: &'static str, got: &str, answer: Option<&str>) -> Scene {
        let seen = Seen {
            got: got.to_owned(),
            reason: "all_members_allowed".to_owned(),
            answer: answer.map(str::to_owned),
            took: Duration::from_millis(2100),
        };
        Scene { number: 1, steps: vec![Step { title: "staff", expected, seen }] }
    }

    #[test]
    fn an_unexpected_verdict_or_answer_is_counted_and_marked() {
        let good = scene("allow", "allow", Some("Hello"));
        let row = rows(&good, Tint::Plain);
        assert!(row.ends_with("yes  \"Hello\"  (after 2.1 s)\n"), "{row}");
        let leaks = [
            scene("deny", "allow", Some("Hello")),
            scene("deny", "deny", Some("Hello")),
            scene("allow", "allow", None),
            scene("allow", "-", None),
        ];
        for leak in &leaks {
            assert!(rows(leak, Tint::Plain).contains("not as expected"), "{leak:?}");
        }
        assert_eq!(tally(&leaks), "0 of 4 as expected.\n");
        assert_eq!(tally(&[good]), "1 of 1 as expected.\n");
    }
}
