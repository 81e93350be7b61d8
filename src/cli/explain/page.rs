//! An explanation, for people and for machines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::sheet::{Explanation, Member, Room, Signature};
use crate::cli::common::{Tint, columns, now, tamed};
use crate::config::minute;
use crate::gate::roster::Extent;
use crate::report::Verdict;
use crate::webex::RoomKind;

/// Members that are allowed and shown; whoever is not allowed is shown always.
const MOST: usize = 12;

/// Step by step.
pub(super) fn text(explanation: &Explanation, tint: Tint) -> String {
    let mut page = head(explanation);
    if let Some(signature) = explanation.signature {
        line(&mut page, "signature", &signed(signature));
    }
    line(&mut page, "resource", &question(explanation));
    if let Some(room) = &explanation.room {
        line(&mut page, "room", &about(room));
        if let Some(asked_as) = &explanation.asked_as {
            line(&mut page, "", asked_as);
        }
        page.push_str(&members(room));
    }
    line(&mut page, "verdict", &verdict(explanation, tint));
    if let Some(sentence) = sentence(explanation.verdict) {
        line(&mut page, "", sentence);
    }
    page.push_str(&consequence(explanation));
    page
}

fn line(page: &mut String, name: &str, text: &str) {
    // Writing to a String does not fail.
    let _infallible = writeln!(page, "{name:<10} {text}");
}

fn head(explanation: &Explanation) -> String {
    let (route, orgs) = (&explanation.route, explanation.allowed_orgs.join(", "));
    let until = explanation.observing.map(|until| format!(" until {}", minute(until)));
    let mode = format!("{}{}", mode(explanation), until.unwrap_or_default());
    format!("route      {route}   policy: allowed_orgs = {orgs}   mode {mode}\n")
}

fn mode(explanation: &Explanation) -> &'static str {
    if explanation.observing.is_some() { "observe" } else { "enforce" }
}

fn signed(signature: Signature) -> String {
    let bytes = signature.bytes;
    match signature.matches {
        Some(true) => format!("matches, body is {bytes} bytes"),
        Some(false) => format!("does not match, body is {bytes} bytes"),
        None => format!("none given, judged as if Webex had signed it; body is {bytes} bytes"),
    }
}

fn question(explanation: &Explanation) -> String {
    let Some(facts) = &explanation.facts else { return "cannot be read".to_owned() };
    let (resource, verb) = (facts.resource.label(), facts.verb.label());
    let question = if explanation.room.is_some() { "who is in the room?" } else { "none" };
    format!("{resource}.{verb} -> question: {question}")
}

fn about(room: &Room) -> String {
    let (title, kind) = room.view.as_ref().map_or_else(
        || (String::new(), "unknown"),
        |view| (format!("\"{}\"  ", tamed(&view.title)), kind(view.kind)),
    );
    let (count, extent) = (room.members.len(), extent(room.extent));
    format!("{title}{kind}, {count} members, asked Webex just now, {extent}")
}

fn kind(kind: RoomKind) -> &'static str {
    match kind {
        RoomKind::Direct => "direct",
        RoomKind::Group => "group",
        RoomKind::Other => "unknown kind",
    }
}

/// The rules read no further than the first outsider; the list above it is all that there are.
fn extent(extent: Extent) -> &'static str {
    match extent {
        Extent::Whole => "list complete",
        Extent::UpToOutsider => "not clean",
        Extent::Partial => "list NOT complete",
        Extent::TooLarge => "more than max_members",
        Extent::Unknown => "Webex does not know it, or the bot is not in it",
    }
}

fn members(room: &Room) -> String {
    let (out, fine): (Vec<_>, Vec<_>) =
        room.members.iter().partition(|member| member.place.is_objection());
    let more = fine.len().saturating_sub(MOST);
    let shown = out.into_iter().chain(fine.into_iter().take(MOST));
    let rows: Vec<_> = shown.map(row).collect();
    let more = match more {
        0 => String::new(),
        more => format!("{:13}… and {more} more, allowed\n", ""),
    };
    columns(&rows) + &more
}

fn row(member: &Member) -> [String; 4] {
    let (name, org) = (tamed(&member.name), member.org.clone());
    [" ".repeat(11), name, org, member.place.words().to_owned()]
}

fn verdict(explanation: &Explanation, tint: Tint) -> String {
    let verdict = explanation.verdict;
    let (word, reason) = (verdict.label().to_uppercase(), verdict.reason());
    let colour = if explanation.is_allowed() { "\x1b[32m" } else { "\x1b[31m" };
    let word = if tint == Tint::Colour { format!("{colour}{word}\x1b[0m") } else { word };
    match refusal(verdict) {
        Some(refusal) => format!("{word}  {reason}  (rule {})", refusal.rule()),
        None => format!("{word}  {reason}"),
    }
}

fn refusal(verdict: Verdict) -> Option<crate::gate::refusal::Refusal> {
    match verdict {
        Verdict::Allow { would_refuse } => would_refuse,
        Verdict::Refused(refusal) => Some(refusal),
        Verdict::AllowUnasked | Verdict::Expired(_) => None,
    }
}

fn sentence(verdict: Verdict) -> Option<&'static str> {
    refusal(verdict).map(crate::gate::refusal::Refusal::sentence)
}

fn consequence(explanation: &Explanation) -> String {
    let status = explanation.webex_gets;
    let bot = if explanation.is_allowed() { "the event, byte for byte" } else { "nothing" };
    format!("Webex gets {status}. The bot gets {bot}.\n")
}

/// For machines.
pub(super) fn document(explanation: &Explanation) -> Value {
    let refusal = refusal(explanation.verdict);
    json!({
        "schema": "botwarden/explain/1",
        "at": now(),
        "route": &*explanation.route,
        "bot": &*explanation.bot,
        "mode": mode(explanation),
        "observe_until": explanation.observing.map(|until| humantime::format_rfc3339_seconds(until).to_string()),
        "allowed_orgs": explanation.allowed_orgs,
        "signature": explanation.signature.map(|signature| json!({
            "matches": signature.matches,
            "body_bytes": signature.bytes,
        })),
        "resource": explanation.facts.as_ref().map(|facts| facts.resource.label()),
        "event": explanation.facts.as_ref().map(|facts| facts.verb.label()),
        "room": explanation.room.as_ref().map(room),
        "verdict": explanation.verdict.label(),
        "reason": explanation.verdict.reason(),
        "rule": refusal.map(crate::gate::refusal::Refusal::rule),
        "sentence": sentence(explanation.verdict),
        "webex_gets": explanation.webex_gets,
        "bot_gets_event": explanation.is_allowed(),
    })
}

fn room(room: &Room) -> Value {
    let member = |member: &Member| json!({"name": member.name, "org": member.org, "standing": member.place.label()});
    json!({
        "id": room.id.as_str(),
        "title": room.view.as_ref().map(|view| view.title.as_str()),
        "type": room.view.as_ref().map(|view| kind(view.kind)),
        "complete": room.extent == Extent::Whole,
        "members": room.members.iter().map(member).collect::<Vec<_>>(),
    })
}
