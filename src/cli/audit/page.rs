//! An audit, for people.

use super::sheet::{Adding, Foreign, Outcome, Sheet, Sheets, added_by};
use crate::audit::{Action, Outsider, Row};
use crate::cli::common::{Tint, columns, tamed};
use crate::report::RoomState;

/// Nobody needs more of a title to know the room.
const LONGEST_TITLE: usize = 40;

/// Organisations that are named in one row; the summary has all of them.
const MOST_ORGS: usize = 3;

/// What must not be misunderstood about rooms that are unknown.
const UNKNOWN: &str = "unknown never counts as clean, and the bot never leaves on unknown";

/// Every bot, then what they have in common.
pub(super) fn text(sheets: &Sheets, tint: Tint) -> String {
    let bots: Vec<_> = sheets.bots.iter().map(|sheet| one(sheet, tint)).collect();
    let (foreign, adding) = (foreign_orgs(&sheets.foreign), adding_orgs(&added_by(sheets.rows())));
    [bots.join("\n"), foreign, adding].concat()
}

/// The rooms of one bot that are not clean, and how many there are in each state.
fn one(sheet: &Sheet, tint: Tint) -> String {
    let dirty = sheet.rows.iter().filter(|row| row.state != RoomState::Clean);
    let dirty: Vec<_> = dirty.collect();
    let table = if dirty.is_empty() { String::new() } else { table(&dirty, tint) };
    format!("{table}{}{}\n", people(&dirty), told(sheet))
}

fn table(rows: &[&Row], tint: Tint) -> String {
    let head = ["ROOM", "TYPE", "MEMBERS", "OUTSIDERS", "ORGS", "ADDED BY", "CLASS", "DONE"];
    let lines = rows.iter().map(|row| cells(row));
    let lines: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(lines).collect();
    let plain = columns(&lines);
    if tint == Tint::Plain { plain } else { painted(&plain, rows) }
}

fn cells(row: &Row) -> [String; 8] {
    let number = |number: Option<usize>| number.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let outsiders = row.offending.values().sum();
    let known = row.state == RoomState::Outsiders || outsiders > 0;
    [
        name(row),
        row.kind.label().to_owned(),
        number(row.members),
        number(known.then_some(outsiders)),
        orgs(row),
        tamed(row.added_by.label()),
        format!("{}: {}", row.state.label(), row.reason),
        done(&row.action),
    ]
}

/// The title if it is known, or else the id.
fn name(row: &Row) -> String {
    let title = row.title.as_deref().filter(|title| !title.trim().is_empty());
    title.map_or_else(|| tamed(&row.room_id), |title| cut(&tamed(title)))
}

fn cut(title: &str) -> String {
    let start: String = title.chars().take(LONGEST_TITLE).collect();
    let more = if start.len() < title.len() { "…" } else { "" };
    format!("{start}{more}")
}

fn orgs(row: &Row) -> String {
    let mut orgs: Vec<_> = row.offending.keys().map(|org| tamed(org)).collect();
    let more = orgs.len().saturating_sub(MOST_ORGS);
    orgs.truncate(MOST_ORGS);
    match (orgs.is_empty(), more) {
        (true, _) => "-".to_owned(),
        (false, 0) => orgs.join(", "),
        (false, more) => format!("{} and {more} more", orgs.join(", ")),
    }
}

/// What was done, or would be, and why not.
pub(super) fn done(action: &Action) -> String {
    let what = match action {
        Action::None => "-".to_owned(),
        other @ (Action::AlreadyHidden
        | Action::Failed { .. }
        | Action::GoneBefore
        | Action::Hidden
        | Action::Kept { .. }
        | Action::Left
        | Action::WouldHide
        | Action::WouldLeave) => other.label().replace('_', " "),
    };
    action.why().map_or_else(|| what.clone(), |why| format!("{what}: {why}"))
}

/// Red for outsiders, yellow for unknown; whole lines, so that the columns stay.
fn painted(table: &str, rows: &[&Row]) -> String {
    let colour =
        |row: &&Row| if row.state == RoomState::Unknown { "\x1b[33m" } else { "\x1b[31m" };
    let colours = std::iter::once("\x1b[1m").chain(rows.iter().map(colour));
    let line = |(line, colour): (&str, &str)| format!("{colour}{line}\x1b[0m\n");
    table.lines().zip(colours).map(line).collect()
}

/// Who the outsiders are, where that was asked for.
fn people(rows: &[&Row]) -> String {
    let named = rows.iter().filter_map(|row| Some((row, row.people.as_ref()?)));
    let line = |(row, people): (&&Row, &Vec<Outsider>)| {
        let people: Vec<_> = people.iter().map(person).collect();
        format!("  {}: {}\n", name(row), people.join(", "))
    };
    named.filter(|(_, people)| !people.is_empty()).map(line).collect()
}

fn person(outsider: &Outsider) -> String {
    let told = |text: &Option<Box<str>>| tamed(text.as_deref().unwrap_or("-"));
    format!("{} <{}> of {}", told(&outsider.name), told(&outsider.email), tamed(&outsider.org))
}

/// How the audit of a bot went.
fn told(sheet: &Sheet) -> String {
    let bot = &sheet.bot;
    match &sheet.outcome {
        Outcome::Complete => format!("{bot}: {}", tally(sheet)),
        Outcome::Interrupted { of } => {
            let of = of.map_or_else(String::new, |of| format!(" of {of}"));
            let done = sheet.rows.len();
            format!("{bot}: interrupted: {done}{of} rooms; of these: {}", tally(sheet))
        }
        Outcome::Failed { kind: _, told } => format!("{bot}: NOT audited: {told}"),
    }
}

fn tally(sheet: &Sheet) -> String {
    let (counts, rooms) = (sheet.counts(), plural(sheet.rows.len(), "room"));
    let (clean, outsiders, unknown) = (counts.clean, counts.outsiders, counts.unknown);
    let note = if unknown > 0 { format!(" ({UNKNOWN})") } else { String::new() };
    let resumed = match sheet.resumed {
        0 => String::new(),
        resumed => format!("; {resumed} clean since the run before, not read again"),
    };
    format!("{rooms}: {clean} clean, {outsiders} with outsiders, {unknown} unknown{note}{resumed}")
}

/// So many of something.
pub(super) fn plural(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

fn foreign_orgs(foreign: &[Foreign]) -> String {
    let row = |foreign: &Foreign| {
        let people = foreign.people.map_or_else(|| "?".to_owned(), |people| people.to_string());
        [tamed(&foreign.org), foreign.rooms.to_string(), people]
    };
    let head = ["ORG", "ROOMS", "PEOPLE"].map(str::to_owned);
    titled("Foreign organisations over all rooms", head, foreign.iter().map(row).collect())
}

fn adding_orgs(adding: &[Adding]) -> String {
    let nobody = || "unknown (before the gateway, or not recorded)".to_owned();
    let row =
        |line: &Adding| [line.org.as_deref().map_or_else(nobody, tamed), line.rooms.to_string()];
    let head = ["ORG", "ROOMS"].map(str::to_owned);
    titled("Added by organisation", head, adding.iter().map(row).collect())
}

fn titled<const N: usize>(title: &str, head: [String; N], mut rows: Vec<[String; N]>) -> String {
    if rows.is_empty() {
        return format!("\n{title}: none\n");
    }
    rows.insert(0, head);
    let table: String = columns(&rows).lines().map(|line| format!("  {line}\n")).collect();
    format!("\n{title}\n{table}")
}
