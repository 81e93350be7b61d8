//! An audit, for people.

use super::sheet::{Adding, Foreign, Outcome, Sheet, Sheets, added_by};
use crate::audit::{Action, Outsider, Row};
use crate::cli::common::{Tint, columns, tamed};
use crate::report::RoomState;

/// Nobody needs more of a title to know the room.
const LONGEST_TITLE: usize = 40;

/// Organisations that are named in one row; the summary has all of them.
const MOST_ORGS: usize = 3;

/// Rooms that are listed before somebody is asked: a screen of them.
const MOST_ASKED: usize = 40;

/// What must not be misunderstood about rooms that are unknown.
const UNKNOWN: &str = "unknown never counts as clean, and the bot never leaves on unknown";

/// Every bot, then what they have in common.
pub(super) fn text(sheets: &Sheets, tint: Tint) -> String {
    let bots: Vec<_> = sheets.bots.iter().map(|sheet| one(sheet, tint)).collect();
    let extent = if is_whole(sheets) { "all rooms" } else { "the rooms that were read" };
    let foreign = foreign_orgs(&sheets.foreign, extent);
    [bots.join("\n"), foreign, adding_orgs(&added_by(&sheets.rows()))].concat()
}

fn is_whole(sheets: &Sheets) -> bool {
    sheets.bots.iter().all(|sheet| sheet.outcome == Outcome::Complete)
}

/// The rooms of one bot that are not clean for each of its routes, and how many there are in each state.
fn one(sheet: &Sheet, tint: Tint) -> String {
    let refused = |row: &&Row| row.state != RoomState::Clean || !row.refused_by.is_empty();
    let dirty = sheet.rows.iter().filter(refused);
    let dirty: Vec<_> = dirty.collect();
    let table = if dirty.is_empty() { String::new() } else { table(&dirty, tint) };
    format!("{table}{}{}\n", people(&dirty), told(sheet))
}

fn table(rows: &[&Row], tint: Tint) -> String {
    let head = ["ROOM", "TYPE", "MEMBERS", "OUTSIDERS", "ORGS", "ADDED BY", "CLASS", "ID", "DONE"];
    let lines = rows.iter().map(|row| cells(row));
    let lines: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(lines).collect();
    let plain = columns(&lines);
    if tint == Tint::Plain { plain } else { painted(&plain, rows) }
}

fn cells(row: &Row) -> [String; 9] {
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
        class(row),
        row.room.to_string(),
        done(&row.action),
    ]
}

/// What is about to be left or hidden, before somebody is asked.
pub(super) fn leaving(rows: &[&Row]) -> String {
    let goes = |row: &&&Row| matches!(row.action, Action::WouldHide | Action::WouldLeave);
    let going: Vec<_> = rows.iter().filter(goes).copied().collect();
    let more = going.len().saturating_sub(MOST_ASKED);
    let shown = table(going.get(..MOST_ASKED).unwrap_or(&going), Tint::Plain);
    if more == 0 { shown } else { format!("{shown}and {more} more\n") }
}

/// A room may be clean for the widest of the bot's routes and none for another: that one lets no event of it through.
fn class(row: &Row) -> String {
    match row.state {
        RoomState::Clean => format!("clean; refused by {}", row.refused_by.join(", ")),
        RoomState::Outsiders | RoomState::Unknown => {
            format!("{}: {}", row.state.label(), row.reason)
        }
    }
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

/// Red for outsiders, yellow for the others; whole lines, so that the columns stay.
fn painted(table: &str, rows: &[&Row]) -> String {
    let colour =
        |row: &&Row| if row.state == RoomState::Outsiders { "\x1b[31m" } else { "\x1b[33m" };
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
pub(super) fn told(sheet: &Sheet) -> String {
    let bot = &sheet.bot;
    match &sheet.outcome {
        Outcome::Complete => format!("{bot}: {}", tally(sheet)),
        Outcome::Interrupted { of } => {
            let of = of.map_or_else(String::new, |of| format!(" of {of}"));
            let done = sheet.rows.len() + sheet.resumed;
            format!("{bot}: interrupted: {done}{of} rooms; read now: {}", tally(sheet))
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

fn foreign_orgs(foreign: &[Foreign], extent: &str) -> String {
    let row = |foreign: &Foreign| {
        let people = foreign.people.map_or_else(|| "?".to_owned(), |people| people.to_string());
        [tamed(&foreign.org), foreign.rooms.to_string(), people]
    };
    let head = ["ORG", "ROOMS", "PEOPLE"].map(str::to_owned);
    let title = format!("Foreign organisations over {extent}");
    titled(&title, head, foreign.iter().map(row).collect())
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
    let table = columns(&rows);
    let lines = table.lines().flat_map(|line| ["  ", line, "\n"]);
    format!("\n{title}\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::sheet::tests::{added, row};
    use crate::cli::audit::sheet::{counted, estimated};
    use crate::webex::{RoomKind, Silences};

    fn sheet(outcome: Outcome, rows: Vec<Row>) -> Sheet {
        let foreign = estimated(&rows.iter().collect::<Vec<_>>());
        let (bot, silences) = ("helpdesk".into(), Silences::default());
        Sheet { bot, outcome, rows, resumed: 0, foreign, calls: None, silences }
    }

    fn page(bots: Vec<Sheet>) -> String {
        let rows: Vec<_> = bots.iter().flat_map(|sheet| &sheet.rows).collect();
        let foreign = estimated(&rows);
        text(&Sheets { bots, foreign }, Tint::Plain)
    }

    fn rows() -> Vec<Row> {
        let title = |title: &str, row| Row { title: Some(title.into()), ..row };
        let outsiders = |number| row(number, RoomState::Outsiders);
        vec![
            title("Launch", added("example", outsiders(1))),
            Row { kind: RoomKind::Direct, action: Action::WouldHide, ..outsiders(2) },
            title("Evil\n\u{1b}[2J\u{202e}room", outsiders(3)),
            row(4, RoomState::Unknown),
            row(5, RoomState::Clean),
        ]
    }

    #[test]
    fn what_is_not_clean_is_shown_and_foreign_text_cannot_move_the_terminal() {
        insta::assert_snapshot!(page(vec![sheet(Outcome::Complete, rows())]), @r#"
        ROOM                                  TYPE    MEMBERS  OUTSIDERS  ORGS     ADDED BY  CLASS                        ID                                    DONE
        Launch                                group   3        1          contoso  example   outsiders: outside_org       00000000-0000-0000-0000-000000000001  would leave
        00000000-0000-0000-0000-000000000002  direct  3        1          contoso  unknown   outsiders: outside_org       00000000-0000-0000-0000-000000000002  would hide
        Evil��[2J�room                        group   3        1          contoso  unknown   outsiders: outside_org       00000000-0000-0000-0000-000000000003  would leave
        00000000-0000-0000-0000-000000000004  group   ?        ?          -        unknown   unknown: webex_rate_limited  00000000-0000-0000-0000-000000000004  -
        helpdesk: 5 rooms: 1 clean, 3 with outsiders, 1 unknown (unknown never counts as clean, and the bot never leaves on unknown)

        Foreign organisations over all rooms
          ORG      ROOMS  PEOPLE
          contoso  3      ?

        Added by organisation
          ORG                                            ROOMS
          example                                        1
          unknown (before the gateway, or not recorded)  4
        "#);
    }

    #[test]
    fn a_bot_that_could_not_be_audited_and_one_that_was_interrupted_are_told() {
        let told = "Webex refused the bot's token".to_owned();
        let failed = sheet(Outcome::Failed { kind: "token_refused", told }, Vec::new());
        let clean = vec![row(1, RoomState::Clean)];
        let interrupted =
            Sheet { resumed: 2, ..sheet(Outcome::Interrupted { of: Some(9) }, clean) };
        insta::assert_snapshot!(page(vec![failed, interrupted]), @r#"
        helpdesk: NOT audited: Webex refused the bot's token

        helpdesk: interrupted: 3 of 9 rooms; read now: 1 room: 1 clean, 0 with outsiders, 0 unknown; 2 clean since the run before, not read again

        Foreign organisations over the rooms that were read: none

        Added by organisation
          ORG                                            ROOMS
          unknown (before the gateway, or not recorded)  1
        "#);
    }

    #[test]
    fn without_outsiders_there_is_no_table() {
        let page = page(vec![sheet(Outcome::Complete, vec![row(1, RoomState::Clean)])]);
        insta::assert_snapshot!(page, @r#"
        helpdesk: 1 room: 1 clean, 0 with outsiders, 0 unknown

        Foreign organisations over all rooms: none

        Added by organisation
          ORG                                            ROOMS
          unknown (before the gateway, or not recorded)  1
        "#);
        assert!(counted(&crate::audit::ForeignOrgs::default()).is_empty());
    }

    #[test]
    fn a_clean_room_that_a_narrower_route_refuses_is_shown() {
        let refused_by = vec!["survey".into(), "billing".into()];
        let rows = vec![Row { refused_by, ..row(1, RoomState::Clean) }, row(2, RoomState::Clean)];
        let page = page(vec![sheet(Outcome::Complete, rows)]);
        let table: Vec<_> = page.lines().take(3).collect();
        assert!(table[1].contains(" clean; refused by survey, billing "), "{page}");
        assert!(table[2].starts_with("helpdesk: 2 rooms: 2 clean, 0 with"), "{page}");
    }

    #[test]
    fn what_was_done_is_told_with_the_reason() {
        let failed = Action::Failed { why: "webex_unavailable".into() };
        assert_eq!(done(&failed), "failed: webex_unavailable");
        assert_eq!(done(&Action::Kept { why: "lists_differ".into() }), "kept: lists_differ");
        assert_eq!(done(&Action::GoneBefore), "gone before");
        assert_eq!(done(&Action::None), "-");
    }

    #[test]
    fn names_and_addresses_stand_below_the_table_when_they_were_asked_for() {
        let (name, email) = (Some("Tom".into()), Some("tom@contoso.example".into()));
        let tom = Outsider { org: "contoso".into(), name, email };
        let row = Row { people: Some(vec![tom]), ..row(1, RoomState::Outsiders) };
        let page = page(vec![sheet(Outcome::Complete, vec![row])]);
        assert!(page.contains(": Tom <tom@contoso.example> of contoso\n"), "{page}");
    }

    #[test]
    fn colour_is_by_line_and_leaves_the_columns_alone() {
        let rows = rows();
        let dirty: Vec<_> = rows.iter().take(4).collect();
        let painted = table(&dirty, Tint::Colour);
        let bare = painted.replace("\u{1b}[0m", "").replace("\u{1b}[1m", "");
        let bare = bare.replace("\u{1b}[31m", "").replace("\u{1b}[33m", "");
        assert_eq!(bare, table(&dirty, Tint::Plain));
        assert_eq!(painted.matches("\u{1b}[33m").count(), 1, "{painted}");
    }
}
