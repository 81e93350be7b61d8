//! An audit, for machines.

use serde_json::{Value, json};

use super::sheet::{Outcome, Sheet, Sheets, added_by};
use crate::audit::Row;
use crate::cli::common::now;
use crate::config::problem::tame;

/// `--output json`: everything, also the clean rooms.
pub(super) fn document(sheets: &Sheets, fingerprint: &str) -> Value {
    json!({
        "schema": "botwarden/audit/1",
        "at": now(),
        "config": fingerprint,
        "bots": sheets.bots.iter().map(bot).collect::<Vec<_>>(),
        "foreign_orgs": sheets.foreign,
        "added_by": added_by(&sheets.rows()),
    })
}

fn bot(sheet: &Sheet) -> Value {
    let read = sheet.rows.len();
    let (problem, all) = match &sheet.outcome {
        Outcome::Complete => (None, Some(read)),
        Outcome::Interrupted { of } => (None, *of),
        Outcome::Failed { kind, told } => (Some(json!({"kind": kind, "told": told})), None),
    };
    json!({
        "bot": &*sheet.bot,
        "outcome": sheet.outcome.label(),
        "problem": problem,
        "rooms": all,
        "read": read,
        "resumed": sheet.resumed,
        "counts": sheet.counts(),
        "rows": sheet.rows,
        "foreign_orgs": sheet.foreign,
        "added_by": added_by(&sheet.rows.iter().collect::<Vec<_>>()),
        "calls": sheet.calls,
        "rate_limited": sheet.silences.times,
        "waited_s": sheet.silences.waited.as_secs_f64(),
    })
}

/// `--output json`, as it is written.
pub(super) fn pretty(document: &Value) -> String {
    format!("{}\n", escaped(&format!("{document:#}")))
}

/// `--output jsonl`: one room, as a line.
pub(super) fn line(row: &Row) -> String {
    let mut line = json!({"schema": "botwarden/audit-room/1"});
    if let (Some(line), Ok(Value::Object(row))) = (line.as_object_mut(), serde_json::to_value(row))
    {
        line.extend(row);
    }
    format!("{}\n", escaped(&line.to_string()))
}

/// What a terminal would obey is spelt in digits, as JSON does it with the control characters that it knows. They stand
/// in strings only; the line ends are those of the document itself.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for sign in json.chars() {
        if sign == '\n' || tame(sign) == sign {
            escaped.push(sign);
        } else {
            let mut units = [0; 2];
            let spelt = sign.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}"));
            escaped.extend(spelt);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::sheet::tests::row;
    use crate::report::RoomState;

    #[test]
    fn no_title_moves_the_terminal_or_turns_writing_around() {
        let title = "a\u{9b}2J\u{202e}b\u{7f}\n\t\"c\u{1b}[1mä😀";
        let row = Row { title: Some(title.into()), ..row(1, RoomState::Outsiders) };
        let page = pretty(&json!({ "rows": [row] }));
        for written in [line(&row), page.replace('\n', "")] {
            assert!(written.trim_end().chars().all(|sign| tame(sign) == sign), "{written:?}");
            assert!(
                written.contains("\\u009b2J\\u202eb\\u007f") && written.contains("ä😀"),
                "{written}"
            );
            let value: Value = serde_json::from_str(&written).unwrap();
            let row = value.pointer("/rows/0").unwrap_or(&value);
            assert_eq!(row["title"], title);
        }
    }

    #[test]
    fn a_room_is_one_line_whatever_its_title() {
        let row = Row { title: Some("a\nb\u{85}".into()), ..row(1, RoomState::Outsiders) };
        let line = line(&row);
        assert_eq!(line.lines().count(), 1, "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["schema"], "botwarden/audit-room/1");
        assert_eq!((&value["bot"], &value["state"]), (&json!("helpdesk"), &json!("outsiders")));
        assert!(value.get("people").is_none(), "{line}");
    }
}
