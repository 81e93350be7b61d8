//! The document that an audit leaves behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::foreign::{ForeignOrg, ForeignOrgs};
use super::row::{AddedBy, Row};
use super::stamp;
use super::survey::Survey;
use crate::report::RoomState;

/// What a report is written in. A reader that knows another one must not guess.
pub const SCHEMA: &str = "botwarden/audit-report/1";

/// A whole audit. The names of its fields are API.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Report {
    /// [`SCHEMA`]
    pub schema: Box<str>,
    /// When it ended.
    #[serde(with = "stamp")]
    pub at: SystemTime,
    /// The fingerprint of the configuration.
    pub config: Box<str>,
    /// Bots whose rooms are in it.
    pub bots: Vec<Arc<str>>,
    /// What it comes to.
    pub summary: Summary,
    /// A row for each bot and room.
    pub rows: Vec<Row>,
}

/// What an audit comes to.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Summary {
    /// Rooms by state.
    pub rooms: Counts,
    /// Organisations that must not be in the rooms.
    pub foreign_orgs: Vec<ForeignOrg>,
    /// Organisations that added the bot.
    pub added_by: Vec<AddedCount>,
    /// How long it took, in seconds.
    pub took_s: f64,
    /// Answers of Webex that it took.
    pub calls: usize,
    /// How long Webex asked to wait, in seconds.
    pub waited_s: f64,
}

/// How many rooms are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Counts {
    /// Everybody is allowed.
    pub clean: usize,
    /// Somebody surely is not.
    pub outsiders: usize,
    /// It could not be found out.
    pub unknown: usize,
}

impl Counts {
    /// Of these rows.
    pub fn of(rows: &[Row]) -> Self {
        let count = |state| rows.iter().filter(|row| row.state == state).count();
        Self {
            clean: count(RoomState::Clean),
            outsiders: count(RoomState::Outsiders),
            unknown: count(RoomState::Unknown),
        }
    }
}

/// How many rooms an organisation has added the bot to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct AddedCount {
    /// By its name in the configuration, or its id; none where nobody saw who it was.
    pub org: Option<Box<str>>,
    /// How many.
    pub rooms: usize,
}

impl Report {
    /// Of the surveys of some bots, made under the configuration with this fingerprint.
    pub fn new(surveys: Vec<Survey>, config: &str, at: SystemTime) -> Self {
        let (mut rows, mut foreign, mut bots) = (Vec::new(), ForeignOrgs::default(), Vec::new());
        let (mut took, mut waited, mut calls) = (Duration::ZERO, Duration::ZERO, 0);
        for survey in surveys {
            rows.extend(survey.rows);
            foreign.absorb(survey.foreign);
            bots.push(survey.bot);
            took = took.max(survey.took);
            waited = waited.max(survey.silences.waited);
            calls += survey.calls;
        }
        let summary = Summary {
            rooms: Counts::of(&rows),
            foreign_orgs: foreign.lines(),
            added_by: added_by(&rows),
            took_s: took.as_secs_f64(),
            calls,
            waited_s: waited.as_secs_f64(),
        };
        Self { schema: SCHEMA.into(), at, config: config.into(), bots, summary, rows }
    }
}

/// The organisation that added the bot most often first; those whom nobody saw come last.
fn added_by(rows: &[Row]) -> Vec<AddedCount> {
    let mut rooms: BTreeMap<Option<Box<str>>, usize> = BTreeMap::new();
    for row in rows {
        let org = match &row.added_by {
            AddedBy::Organisation { org, at: _ } => Some(org.clone()),
            AddedBy::Unknown => None,
        };
        *rooms.entry(org).or_default() += 1;
    }
    let mut counts: Vec<_> =
        rooms.into_iter().map(|(org, rooms)| AddedCount { org, rooms }).collect();
    counts.sort_by(|one, other| {
        (one.org.is_none(), other.rooms, &one.org).cmp(&(
            other.org.is_none(),
            one.rooms,
            &other.org,
        ))
    });
    counts
}
