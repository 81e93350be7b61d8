//! What the audit of each bot came to.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::ends::Found;
use crate::audit::{AddedBy, Counts, ForeignOrgs, Row};
use crate::report::RoomState;
use crate::report::outage::Kind;
use crate::webex::Silences;

/// How the audit of one bot went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Every room was looked at.
    Complete,
    /// It was interrupted.
    Interrupted {
        /// Rooms in all; `None` when not even that was known.
        of: Option<usize>,
    },
    /// It could not be done at all.
    Failed {
        /// A word, as in records.
        kind: &'static str,
        /// A sentence.
        told: String,
    },
}

impl Outcome {
    /// The word for it.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Interrupted { .. } => "interrupted",
            Self::Failed { .. } => "failed",
        }
    }
}

/// The rooms of one bot.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) bot: Arc<str>,
    pub(super) outcome: Outcome,
    /// Also those that were known from an earlier run.
    pub(super) rows: Vec<Row>,
    /// How many of them were.
    pub(super) resumed: usize,
    pub(super) foreign: Vec<Foreign>,
    /// Answers of Webex that it took; `None` when nobody counted to the end.
    pub(super) calls: Option<usize>,
    pub(super) silences: Silences,
}

impl Sheet {
    /// How many rooms there are in each state.
    pub(super) fn counts(&self) -> Counts {
        Counts::of(&self.rows)
    }

    /// Why nothing at all was found out: there are rooms, and Webex did not tell about any.
    pub(super) fn in_vain(&self) -> Option<Kind> {
        let outage = |row: &Row| {
            let unknown = row.state == RoomState::Unknown;
            Kind::ALL.into_iter().find(|kind| unknown && kind.label() == row.reason)
        };
        let kinds: Option<Vec<_>> = self.rows.iter().map(outage).collect();
        kinds?.pop()
    }

    /// What of it may be a failure.
    pub(super) fn found(&self) -> Found {
        let Counts { clean: _, outsiders, unknown } = self.counts();
        Found { outsiders, unknown }
    }
}

/// All bots.
#[derive(Debug)]
pub(super) struct Sheets {
    pub(super) bots: Vec<Sheet>,
    /// Over all rooms of all bots.
    pub(super) foreign: Vec<Foreign>,
}

impl Sheets {
    /// Every row of every bot.
    pub(super) fn rows(&self) -> Vec<&Row> {
        self.bots.iter().flat_map(|sheet| &sheet.rows).collect()
    }
}

/// An organisation that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Foreign {
    pub(super) org: String,
    pub(super) rooms: usize,
    /// Somebody who is in two rooms counts twice.
    pub(super) members: usize,
    /// Different people; `None` when the audit did not come to its end.
    pub(super) people: Option<usize>,
}

/// As the engine counted them.
pub(super) fn counted(foreign: &ForeignOrgs) -> Vec<Foreign> {
    let line = |line: crate::audit::ForeignOrg| Foreign {
        org: line.org.into(),
        rooms: line.rooms,
        members: line.members,
        people: Some(line.people),
    };
    foreign.lines().into_iter().map(line).collect()
}

/// From the rows alone, which do not say who is who; the organisation with most rooms first.
pub(super) fn estimated(rows: &[&Row]) -> Vec<Foreign> {
    let mut orgs: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (org, members) in rows.iter().flat_map(|row| &row.offending) {
        let (rooms, all) = orgs.entry(org).or_default();
        (*rooms, *all) = (*rooms + 1, *all + members);
    }
    let line = |(org, (rooms, members)): (&str, (usize, usize))| Foreign {
        org: org.to_owned(),
        rooms,
        members,
        people: None,
    };
    let mut lines: Vec<_> = orgs.into_iter().map(line).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.rooms));
    lines
}

/// An organisation that added the bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Adding {
    /// `None` when nobody knows, which is never a guess.
    pub(super) org: Option<String>,
    pub(super) rooms: usize,
}

/// Those that did so most often first, and those that nobody knows last.
pub(super) fn added_by(rows: &[&Row]) -> Vec<Adding> {
    let mut orgs: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for row in rows {
        let org = match &row.added_by {
            AddedBy::Organisation { org, at: _ } => Some(&**org),
            AddedBy::Unknown => None,
        };
        *orgs.entry(org).or_default() += 1;
    }
    let line = |(org, rooms): (Option<&str>, usize)| Adding { org: org.map(str::to_owned), rooms };
    let mut lines: Vec<_> = orgs.into_iter().map(line).collect();
    lines.sort_by_key(|line| (line.org.is_none(), std::cmp::Reverse(line.rooms)));
    lines
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::audit::Action;
    use crate::webex::RoomKind;

    /// A room of three; of an outsider, if it has any.
    pub(in super::super) fn row(number: u128, state: RoomState) -> Row {
        let orgs = |org: &str, count| BTreeMap::from([(org.into(), count)]);
        let dirty = state == RoomState::Outsiders;
        Row {
            bot: "helpdesk".into(),
            room_id: uuid::Uuid::from_u128(number).to_string().into(),
            room: uuid::Uuid::from_u128(number).to_string().into(),
            kind: RoomKind::Group,
            title: None,
            state,
            reason: match state {
                RoomState::Clean => "all_members_allowed".into(),
                RoomState::Outsiders => "outside_org".into(),
                RoomState::Unknown => "webex_rate_limited".into(),
            },
            members: (state != RoomState::Unknown).then_some(3),
            orgs: orgs("example", 1),
            offending: if dirty { orgs("contoso", 1) } else { BTreeMap::new() },
            unplaced: 0,
            people: None,
            refused_by: Vec::new(),
            added_by: AddedBy::Unknown,
            action: if dirty { Action::WouldLeave } else { Action::None },
            read_at: SystemTime::UNIX_EPOCH + Duration::from_hours(500_000),
        }
    }

    /// Added by somebody of this organisation.
    pub(in super::super) fn added(org: &str, row: Row) -> Row {
        let at = row.read_at;
        Row { added_by: AddedBy::Organisation { org: org.into(), at }, ..row }
    }

    #[test]
    fn an_audit_is_in_vain_when_webex_told_about_no_room() {
        let vain = |rows: Vec<Row>| {
            let (bot, silences) = ("helpdesk".into(), Silences::default());
            let outcome = Outcome::Complete;
            let sheet = Sheet {
                bot,
                outcome,
                rows,
                resumed: 0,
                foreign: Vec::new(),
                calls: None,
                silences,
            };
            sheet.in_vain()
        };
        let unread = || row(1, RoomState::Unknown);
        let incomplete = Row { reason: "org_missing".into(), ..unread() };
        assert_eq!(vain(vec![unread(), unread()]), Some(Kind::WebexRateLimited));
        assert_eq!(vain(vec![unread(), row(2, RoomState::Clean)]), None);
        assert_eq!(vain(vec![unread(), row(2, RoomState::Outsiders)]), None);
        assert_eq!(vain(vec![unread(), incomplete]), None, "it was read");
        assert_eq!(vain(Vec::new()), None, "a bot without rooms");
    }

    #[test]
    fn what_rows_alone_say_names_no_number_of_people() {
        let rows = [1, 2].map(|number| row(number, RoomState::Outsiders));
        let org = "contoso".to_owned();
        let expected = Foreign { org, rooms: 2, members: 2, people: None };
        assert_eq!(estimated(&rows.iter().collect::<Vec<_>>()), [expected]);
    }

    #[test]
    fn who_is_not_known_to_have_added_the_bot_is_counted_as_that() {
        let clean = |number| row(number, RoomState::Clean);
        let rows = [added("a", clean(1)), added("b", clean(2)), added("b", clean(3)), clean(4)];
        let adding = added_by(&rows.iter().collect::<Vec<_>>());
        let shown: Vec<_> = adding.iter().map(|line| (line.org.as_deref(), line.rooms)).collect();
        assert_eq!(shown, [(Some("b"), 2), (Some("a"), 1), (None, 1)]);
    }
}
