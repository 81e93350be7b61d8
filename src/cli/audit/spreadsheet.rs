//! An audit, for spreadsheets: every room of every bot, one a line.

use std::collections::BTreeMap;
use std::io;

use crate::audit::{Outsider, Row};
use crate::cli::common::tamed;

/// The columns.
const HEAD: [&str; 14] = [
    "bot",
    "room_id",
    "room",
    "type",
    "title",
    "members",
    "orgs",
    "outsiders",
    "foreign_orgs",
    "added_by_org",
    "class",
    "reason",
    "refused_by",
    "done",
];

/// With `--with-emails`, behind the others.
const EMAILS: &str = "emails";

/// Whether e-mail addresses are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emails {
    Told,
    Hidden,
}

/// As RFC 4180 has it.
pub(super) fn csv(rows: &[&Row], emails: Emails) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let told = emails == Emails::Told;
    writer.write_record(HEAD.into_iter().chain(told.then_some(EMAILS)))?;
    for row in rows {
        let cells = cells(row).into_iter().chain(told.then(|| addresses(row)));
        writer.write_record(cells.map(|cell| harmless(&cell)))?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

fn cells(row: &Row) -> [String; 14] {
    let outsiders: usize = row.offending.values().sum();
    [
        row.bot.to_string(),
        row.room_id.to_string(),
        row.room.to_string(),
        row.kind.label().to_owned(),
        row.title.as_deref().unwrap_or_default().to_owned(),
        row.members.map(|members| members.to_string()).unwrap_or_default(),
        counted(&row.orgs),
        outsiders.to_string(),
        counted(&row.offending),
        row.added_by.label().to_owned(),
        row.state.label().to_owned(),
        row.reason.to_string(),
        row.refused_by.join("; "),
        done(row),
    ]
}

fn done(row: &Row) -> String {
    let what = row.action.label();
    row.action.why().map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"))
}

fn counted(orgs: &BTreeMap<Box<str>, usize>) -> String {
    let each: Vec<_> = orgs.iter().map(|(org, count)| format!("{org}: {count}")).collect();
    each.join("; ")
}

fn addresses(row: &Row) -> String {
    let people: &[Outsider] = row.people.as_deref().unwrap_or_default();
    let addresses: Vec<_> = people.iter().filter_map(|one| one.email.as_deref()).collect();
    addresses.join("; ")
}

/// What a spreadsheet may take for the beginning of a formula; some take the wide forms of these signs as well.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// What separates cells where a comma does not: many countries' spreadsheets open the file with a semicolon.
const SEPARATORS: [char; 3] = [';', '\t', '|'];

/// A quote before what would be a formula, however the line is cut into cells, and nothing in it that a terminal would
/// obey.
fn harmless(cell: &str) -> String {
    let (mut safe, mut begins) = (String::with_capacity(cell.len()), true);
    for sign in cell.chars() {
        if begins && FORMULA.contains(&sign) {
            safe.push('\'');
        }
        safe.push(sign);
        // Some readers drop spaces and quotes before a formula.
        begins = SEPARATORS.contains(&sign) || begins && (sign.is_whitespace() || sign == '"');
    }
    tamed(&safe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::sheet::tests::{added, row};
    use crate::report::RoomState;

    fn shown(row: &Row, emails: Emails) -> String {
        String::from_utf8(csv(&[row], emails).unwrap()).unwrap()
    }

    #[test]
    fn every_room_is_a_line() {
        let row = added("example", row(1, RoomState::Outsiders));
        let page = shown(&Row { title: Some("a, \"b\"".into()), ..row }, Emails::Hidden);
        insta::assert_snapshot!(page, @r#"
        bot,room_id,room,type,title,members,orgs,outsiders,foreign_orgs,added_by_org,class,reason,refused_by,done
        helpdesk,00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000001,group,"a, ""b""",3,example: 1,1,contoso: 1,example,outsiders,outside_org,,would_leave
        "#);
    }

    #[test]
    fn a_title_is_never_a_formula() {
        for title in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "=HYPERLINK(\"http://x\")"]
        {
            let page = shown(
                &Row { title: Some(title.into()), ..row(1, RoomState::Unknown) },
                Emails::Hidden,
            );
            let mut reader = csv::Reader::from_reader(page.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            assert!(record[4].starts_with('\''), "{title:?}: {page}");
            assert!(record.iter().all(|cell| !cell.starts_with(FORMULA)), "{page}");
        }
    }

    #[test]
    fn no_title_begins_a_formula_in_a_spreadsheet_that_separates_otherwise() {
        for (title, safe) in [
            ("x;=1+1;y", "x;'=1+1;y"),
            ("x; =1+1", "x; '=1+1"),
            ("x;\"=1+1\"", "x;\"'=1+1\""),
            ("x|@SUM(A1)", "x|'@SUM(A1)"),
            ("x\t+1", "x '+1"),
            ("x;;-1", "x;;'-1"),
            ("a=b; c-d", "a=b; c-d"),
        ] {
            assert_eq!(harmless(title), safe);
        }
    }

    #[test]
    fn addresses_have_a_column_only_when_they_were_asked_for() {
        let tom = Outsider {
            org: "contoso".into(),
            name: Some("Tom".into()),
            email: Some("=tom@contoso.example".into()),
        };
        let row = Row { people: Some(vec![tom]), ..row(1, RoomState::Outsiders) };
        assert!(!shown(&row, Emails::Hidden).contains("contoso.example"));
        let told = shown(&row, Emails::Told);
        assert!(told.contains(",emails\n") && told.contains(",'=tom@contoso.example\n"), "{told}");
    }
}
