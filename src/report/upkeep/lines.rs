//! Records: what a security officer must be able to show later.

use std::time::SystemTime;

use serde::Serialize;

use super::{RoomState, Upkeep};
use crate::report::record::{self, Form};

/// A record as JSON; the names of its fields are API.
#[derive(Serialize)]
struct Record<'a> {
    ts: String,
    kind: &'static str,
    config_hash: &'a str,
    /// `room_found`, `room_leaving`, `room_left`
    audit: &'static str,
    bot: &'a str,
    room_id: String,
    state: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<usize>,
    outsiders: usize,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    outsider_orgs: Vec<&'a str>,
}

/// The line for what is part of the evidence; nothing for the rest.
pub(in crate::report) fn line(
    bot: &str,
    upkeep: &Upkeep<'_>,
    config: &str,
    form: Form,
) -> Option<(SystemTime, String)> {
    let (at, record) = record_of(bot, upkeep)?;
    let record = Record { config_hash: config, kind: record.audit, ..record };
    let line = match form {
        Form::Json => record::json(&record),
        Form::Text | Form::Colour => text(&record, form),
    };
    Some((at, line))
}

fn record_of<'a>(bot: &'a str, upkeep: &'a Upkeep<'_>) -> Option<(SystemTime, Record<'a>)> {
    match upkeep {
        Upkeep::RoomFound { room, state, reason, members, outsiders, at } => Some((
            *at,
            Record {
                ts: record::time(*at),
                kind: "",
                config_hash: "",
                audit: "room_found",
                bot,
                room_id: room.to_string(),
                state: state.label(),
                reason,
                members: *members,
                outsiders: outsiders.iter().map(|(_, count)| count).sum(),
                outsider_orgs: outsiders.iter().map(|(org, _)| org.as_str()).collect(),
            },
        )),
        Upkeep::RoomLeft { room, result, outsiders, at } => Some((
            *at,
            Record {
                ts: record::time(*at),
                kind: "",
                config_hash: "",
                audit: "room_left",
                bot,
                room_id: room.to_string(),
                state: if result.is_ok() { "done" } else { "failed" },
                reason: result.unwrap_or_else(|outage| outage.kind.label()),
                members: None,
                outsiders: *outsiders,
                outsider_orgs: Vec::new(),
            },
        )),
        Upkeep::RoomLeaving { room, outsiders, at } => Some((
            *at,
            Record {
                ts: record::time(*at),
                kind: "",
                config_hash: "",
                audit: "room_leaving",
                bot,
                room_id: room.to_string(),
                state: RoomState::Outsiders.label(),
                reason: "confirmed",
                members: None,
                outsiders: *outsiders,
                outsider_orgs: Vec::new(),
            },
        )),
        Upkeep::Audited { .. }
        | Upkeep::AuditFailed { .. }
        | Upkeep::RoomKept { .. }
        | Upkeep::Webhooks { .. }
        | Upkeep::WebhookChanged { .. }
        | Upkeep::Noticed { .. } => None,
    }
}

fn text(record: &Record<'_>, form: Form) -> String {
    let (colour, reset) = if form == Form::Colour { ("\x1b[33m", "\x1b[0m") } else { ("", "") };
    let Record { ts, audit, bot, room_id, state, reason, outsiders, outsider_orgs, .. } = record;
    let clock = ts.get(11..19).unwrap_or("-");
    let orgs = if outsider_orgs.is_empty() {
        String::new()
    } else {
        format!(": {}", outsider_orgs.join(", "))
    };
    format!(
        "{clock}  {colour}AUDIT  {reset} {bot:<12} {audit:<25} {:<34} {outsiders} outsiders{orgs}  room {room_id:.8}\n",
        format!("{state} {reason}")
    )
}
