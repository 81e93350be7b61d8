//! A record for people: the line that `botwarden run` writes on a terminal, made from the record's JSON.

use serde::Deserialize;
use serde_json::Value;

use crate::cli::common::{Tint, tamed};

/// What the lines are made of. Kinds of records that this version does not know are shown as they are.
#[derive(Debug, Deserialize)]
struct Record {
    ts: String,
    route: Option<String>,
    bot: Option<String>,
    resource: Option<String>,
    event: Option<String>,
    room_id: Option<String>,
    verdict: Option<String>,
    audit: Option<String>,
    kind: Option<String>,
    problems: Option<u64>,
    expired: Option<u64>,
    old_config_hash: Option<String>,
    config_hash: Option<String>,
    state: Option<String>,
    reason: Option<String>,
    would: Option<String>,
    members: Option<u64>,
    outsiders: Option<u64>,
    #[serde(default)]
    outsider_orgs: Vec<String>,
    cache_age_s: Option<f64>,
    check_s: Option<f64>,
    #[serde(default)]
    more: u64,
}

/// The line, with its end. Nothing in it that a terminal would obey but our own colours.
pub(super) fn line(json: &str, tint: Tint) -> String {
    let Ok(record) = serde_json::from_str::<Record>(json) else { return plain(json) };
    let (word, subject) = match (&record.verdict, &record.audit) {
        (Some(verdict), _) => (verdict.to_uppercase(), record.route.as_deref()),
        (None, Some(_)) => ("AUDIT".to_owned(), record.bot.as_deref()),
        (None, None) => return record.turn().unwrap_or_else(|| plain(json)),
    };
    let (colour, reset) = match tint {
        Tint::Colour => (colour(&record), "\x1b[0m"),
        Tint::Plain => ("", ""),
    };
    let clock = tamed(record.ts.get(11..19).unwrap_or("-"));
    let (word, subject) = (tamed(&word), tamed(subject.unwrap_or("-")));
    let (event, why, place) =
        (tamed(&record.event()), tamed(&record.why()), tamed(&record.place()));
    let line =
        format!("{clock}  {colour}{word:<7}{reset} {subject:<12} {event:<25} {why:<34} {place}");
    format!("{}\n", line.trim_end())
}

impl Record {
    /// What became of the gateway itself.
    fn turn(&self) -> Option<String> {
        let hash = |hash: &Option<String>| hash.clone().unwrap_or_else(|| "-".to_owned());
        let (old, new) = (hash(&self.old_config_hash), hash(&self.config_hash));
        let (word, told) = match self.kind.as_deref()? {
            "draining" => ("DRAIN", String::new()),
            "enforced" => ("MODE", format!("route {} no longer observes", self.route.as_deref()?)),
            "reload_failed" => {
                ("RELOAD", format!("{} problems; configuration {new} stays", self.problems?))
            }
            "reloaded" => ("RELOAD", format!("configuration {old} became {new}")),
            "stopped" => ("STOP", format!("{} events expired", self.expired?)),
            _ => return None,
        };
        let clock = self.ts.get(11..19).unwrap_or("-");
        Some(format!("{}\n", tamed(format!("{clock}  {word:<7} {told}").trim_end())))
    }

    fn event(&self) -> String {
        match (&self.resource, &self.event, &self.audit) {
            (Some(resource), Some(event), _) => format!("{resource}.{event}"),
            (_, _, Some(audit)) => audit.clone(),
            _ => "-".to_owned(),
        }
    }

    fn why(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or("-");
        let why = match (self.verdict.as_deref(), &self.would, self.members) {
            (Some("allow"), Some(would), _) => format!("observe: would refuse, {would}"),
            (Some("allow"), None, Some(members)) => format!("{members} members"),
            _ => self
                .state
                .as_ref()
                .map_or_else(|| reason.to_owned(), |state| format!("{state} {reason}")),
        };
        match (self.outsiders, self.members) {
            (Some(outsiders @ 1..), Some(members)) => {
                let orgs: Vec<_> = self.outsider_orgs.iter().map(|org| short(org)).collect();
                format!("{why} ({outsiders} of {members}: {})", orgs.join(", "))
            }
            _ => why,
        }
    }

    fn place(&self) -> String {
        let room = self.room_id.as_ref().map(|room| format!("room {room:.8}"));
        let age = self.cache_age_s.map(|age| format!("list {age:.1} s old"));
        let took = self.check_s.map(|took| format!("{:.0} ms", took * 1000.0));
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        room.into_iter().chain(age).chain(took).chain(more).collect::<Vec<_>>().join("  ")
    }
}

/// Of an unnamed organisation, enough of the id to recognise it.
fn short(org: &str) -> &str {
    if org.len() == 36 { org.get(..8).unwrap_or(org) } else { org }
}

fn colour(record: &Record) -> &'static str {
    match record.verdict.as_deref() {
        Some("allow") if record.would.is_none() => "\x1b[32m",
        Some("deny" | "reject") => "\x1b[31m",
        Some("skip") => "\x1b[2m",
        _ => "\x1b[33m",
    }
}

fn plain(json: &str) -> String {
    // It may be a record of a later version.
    let one_line =
        serde_json::from_str::<Value>(json).map_or_else(|_| json.to_owned(), |v| v.to_string());
    tamed(&one_line) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_lines_for_people() {
        for (json, expected) in [
            (
                r#"{"ts":"2027-01-15T08:00:01.000Z","route":"helpdesk","bot":"b","resource":"messages","event":"created","room_id":"946e4f40-d002","verdict":"deny","reason":"outside_org","members":7,"outsiders":1,"outsider_orgs":["Contoso"],"cache_age_s":12.04,"check_s":0.003}"#,
                "08:00:01  DENY    helpdesk     messages.created          outside_org (1 of 7: Contoso)      room 946e4f40  list 12.0 s old  3 ms\n",
            ),
            (
                r#"{"ts":"2027-01-15T08:00:01.000Z","route":"helpdesk","bot":"b","resource":"messages","event":"created","verdict":"allow","reason":"all_members_allowed","members":7,"check_s":0.04}"#,
                "08:00:01  ALLOW   helpdesk     messages.created          7 members                          40 ms\n",
            ),
            (
                r#"{"ts":"2027-01-15T08:00:01.000Z","route":null,"verdict":"reject","reason":"signature_mismatch","more":4}"#,
                "08:00:01  REJECT  -            -                         signature_mismatch                 and 4 more\n",
            ),
            (
                r#"{"ts":"2027-01-15T08:00:01.000Z","audit":"room_found","bot":"helpdesk","room_id":"946e4f40-d002","state":"outsiders","reason":"outside_org","outsiders":1}"#,
                "08:00:01  AUDIT   helpdesk     room_found                outsiders outside_org              room 946e4f40\n",
            ),
            (
                r#"{"ts":"2027-01-15T08:00:01.000Z","kind":"reloaded","old_config_hash":"5f0c21e9","config_hash":"7aa0b1c2"}"#,
                "08:00:01  RELOAD  configuration 5f0c21e9 became 7aa0b1c2\n",
            ),
            (
                r#"{"ts":"2027-01-15T08:00:01.000Z","kind":"draining","config_hash":"7aa0b1c2"}"#,
                "08:00:01  DRAIN\n",
            ),
            (r#"{"ts":"2027", "what":"new"}"#, "{\"ts\":\"2027\",\"what\":\"new\"}\n"),
            ("no json", "no json\n"),
        ] {
            assert_eq!(line(json, Tint::Plain), expected);
        }
    }

    #[test]
    fn foreign_text_cannot_command_the_terminal() {
        let hostile = r#"{"ts":"x","route":"\u001b[2J\u202e","verdict":"deny\u0007","reason":"\u009b","outsiders":1,"members":2,"outsider_orgs":["\u001b]0;x\u0007"]}"#;
        for json in [hostile, "\u{1b}[2J", r#"{"ts":"\u001b[2J"}"#] {
            let line = line(json, Tint::Plain);
            let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!line.contains(bad), "{line:?}");
        }
        assert!(line(hostile, Tint::Colour).starts_with("-  \x1b["), "our own colours stay");
    }
}
