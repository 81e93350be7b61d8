//! An audit, for machines.

use serde_json::{Value, json};

use super::sheet::{Outcome, Sheet, Sheets, added_by};
use crate::audit::Row;
use crate::cli::common::now;

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

/// `--output jsonl`: one room, as a line.
pub(super) fn line(row: &Row) -> String {
    let mut line = json!({"schema": "botwarden/audit-room/1"});
    if let (Some(line), Ok(Value::Object(row))) = (line.as_object_mut(), serde_json::to_value(row))
    {
        line.extend(row);
    }
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::sheet::tests::row;
    use crate::report::RoomState;

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
