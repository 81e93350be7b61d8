//! `botwarden status`

use clap::Args;
use http::Method;
use serde_json::{Map, Value};

use super::{Place, Role};
use crate::cli::common::{block_on, columns, print, tamed};
use crate::cli::exit::Exit;
use crate::cli::{Global, Output};

/// Show how the running gateway stands
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden status\n  botwarden status --json --admin http://127.0.0.1:9000"
)]
pub(in crate::cli) struct Arguments {}

pub(in crate::cli) fn run(_: &Arguments, global: &Global) -> Exit {
    let place = match Place::find(global) {
        Ok(place) => place,
        Err(exit) => return exit,
    };
    block_on(async {
        match place.call(Method::GET, "/api/v1/status", Role::Viewer).await {
            Ok(document) if global.output() == Output::Json => print(&format!("{document:#}\n")),
            Ok(document) => print(&screen(&document)),
            Err(refused) => refused.tell(&place),
        }
    })
}

/// One screen. A figure that this gateway does not tell is a `-`.
fn screen(status: &Value) -> String {
    let mut page = head(status);
    page += &columns(&facts(status));
    page += "\n";
    page += &columns(&routes(status));
    page += "\n";
    page += &columns(&bots(status));
    page
}

fn head(status: &Value) -> String {
    let [version, pid, started, hash] =
        ["/version", "/pid", "/started", "/config/hash"].map(|at| word(status, at));
    let page = format!("botwarden {version}  process {pid}  since {started}  config {hash}\n");
    if status.get("ready") == Some(&Value::Bool(true)) {
        return page + "ready\n";
    }
    let failing = entries(status, "/checks").filter(|(_, state)| *state != "ok");
    let lines = failing.map(|(name, state)| format!("  {}: {}\n", tamed(name), plain(state)));
    page + "NOT READY\n" + &lines.collect::<String>()
}

fn facts(status: &Value) -> Vec<[String; 2]> {
    let verdicts = entries(status, "/verdicts")
        .map(|(verdict, count)| format!("{} {}", plain(count), tamed(verdict)));
    let [writable, written, lost] =
        ["writable", "records", "lost"].map(|key| word(status, &format!("/decision_log/{key}")));
    let records = match (&*writable, &*lost) {
        ("true", "0") => format!("{written} written"),
        ("true", _) => format!("{written} written; {lost} were lost"),
        _ => format!("CANNOT BE WRITTEN: nothing passes; {lost} were lost"),
    };
    let inbox = format!("{} events", word(status, "/inbox/events"));
    let row = |name: &str, text: String| [name.to_owned(), text];
    vec![
        row("verdicts", verdicts.collect::<Vec<_>>().join(", ")),
        row("inbox", inbox),
        row("cache", counts(status, "/cache")),
        row("records", records),
        row("reload", reload(status)),
    ]
}

fn reload(status: &Value) -> String {
    let at = word(status, "/config/reload/at");
    match word(status, "/config/reload/state").as_str() {
        "-" => "none since the start".to_owned(),
        "in_force" => format!("in force since {at}"),
        _ => format!("REFUSED at {at}: {} mistakes", word(status, "/config/reload/problems")),
    }
}

fn routes(status: &Value) -> Vec<[String; 6]> {
    let head = ["ROUTE", "BOT", "MODE", "UNTIL", "WAITING", "OLDEST"].map(str::to_owned);
    let row = |(name, route): (&String, &Value)| {
        let [bot, mode, until] = ["/bot", "/mode", "/observe_until"].map(|at| word(route, at));
        [tamed(name), bot, mode, until, word(route, "/waiting"), oldest(route)]
    };
    [head].into_iter().chain(entries(status, "/routes").map(row)).collect()
}

/// Without an event that waits, none is the oldest.
fn oldest(route: &Value) -> String {
    match (&*word(route, "/waiting"), word(route, "/oldest_s")) {
        ("0" | "-", _) => "-".to_owned(),
        (_, seconds) => format!("{seconds} s"),
    }
}

fn bots(status: &Value) -> Vec<[String; 5]> {
    let head = ["BOT", "TOKEN", "BUDGET LEFT", "WEBHOOKS", "LAST AUDIT"].map(str::to_owned);
    let row = |(name, bot): (&String, &Value)| {
        let webhooks = counts(bot, "/webhooks/counts");
        let audit = match word(bot, "/last_audit/at").as_str() {
            "-" => "-".to_owned(),
            at => format!("{at}: {}", counts(bot, "/last_audit/counts")),
        };
        [tamed(name), word(bot, "/token"), word(bot, "/budget_left"), webhooks, audit]
    };
    [head].into_iter().chain(entries(status, "/bots").map(row)).collect()
}

/// `4 ok, 1 bypass`; what there is none of is not named.
fn counts(value: &Value, at: &str) -> String {
    let some = entries(value, at).filter(|(_, count)| count.as_u64() != Some(0));
    let words: Vec<_> =
        some.map(|(state, count)| format!("{} {}", plain(count), tamed(state))).collect();
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

fn entries<'a>(value: &'a Value, at: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(at).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn word(value: &Value, at: &str) -> String {
    value.pointer(at).map_or_else(|| "-".to_owned(), plain)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => tamed(text),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            tamed(&value.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_screen_tells_what_matters() {
        let status = json!({
            "version": "1.0.0", "pid": 7, "started": "2027-01-15T08:00:00Z", "ready": false,
            "checks": {"token helpdesk": "refused by Webex", "shutdown": "ok"},
            "config": {"hash": "5f0c21e9", "reload": {"at": "2027-01-15T09:00:00Z", "state": "refused", "problems": 2}},
            "verdicts": {"allow": 41, "deny": 3},
            "inbox": {"events": 2},
            "decision_log": {"writable": true, "lost": 0, "records": 44},
            "routes": {"helpdesk": {"bot": "helpdesk", "mode": "observe", "observe_until": "2027-01-31T00:00:00Z", "waiting": 2, "oldest_s": 14}},
            "cache": {"duplicates": 12, "members": 5, "regular_rooms": 0},
            "bots": {"helpdesk": {"token": "token_refused", "budget_left": 290, "webhooks": {"at": "x", "counts": {"ok": 4, "bypass": 1, "missing": 0}}, "last_audit": null}},
        });
        let expected = "\
botwarden 1.0.0  process 7  since 2027-01-15T08:00:00Z  config 5f0c21e9
NOT READY
  token helpdesk: refused by Webex
verdicts  41 allow, 3 deny
inbox     2 events
cache     12 duplicates, 5 members
records   44 written
reload    REFUSED at 2027-01-15T09:00:00Z: 2 mistakes

ROUTE     BOT       MODE     UNTIL                 WAITING  OLDEST
helpdesk  helpdesk  observe  2027-01-31T00:00:00Z  2        14 s

BOT       TOKEN          BUDGET LEFT  WEBHOOKS        LAST AUDIT
helpdesk  token_refused  290          1 bypass, 4 ok  -
";
        assert_eq!(screen(&status), expected);
    }

    #[test]
    fn foreign_text_cannot_command_the_terminal() {
        let status =
            json!({"version": "\u{1b}[2J", "checks": {"\u{1b}": "\u{7}"}, "bots": {"\u{9b}": {}}});
        let bad = |c: char| c.is_control() && c != '\n';
        assert!(!screen(&status).contains(bad), "{:?}", screen(&status));
    }
}
