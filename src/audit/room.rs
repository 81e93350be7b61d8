//! One room: read to its end, judged, and told.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::auditor::Auditor;
use super::known::{Added, Who};
use super::reading::Reading;
use super::row::{Action, AddedBy, Row};
use super::survey::Found;
use super::wish::{Titles, Wish};
use crate::gate::departure::{Class, Unconfirmed, class};
use crate::gate::id::{Key, Org, Person, RoomId};
use crate::gate::refusal::Refusal;
use crate::gate::roster::{Extent, Roster, Standing};
use crate::report::RoomState;
use crate::report::outage::{Kind, Outage};
use crate::rt;
use crate::webex::{Own, RoomKind};

/// Why a room is clean.
const ALL_ALLOWED: &str = "all_members_allowed";

/// One room, as it was just read.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) room: RoomId,
    pub(super) row: Row,
    pub(super) reason: &'static str,
    pub(super) found: Option<Found>,
    pub(super) outsiders: Vec<(Box<str>, Key<Person>)>,
    pub(super) calls: usize,
}

/// What came of looking at a room.
#[derive(Debug)]
pub(super) enum Look {
    /// Webex could not tell.
    Missed(Own, Kind),
    /// It was read.
    Seen(Box<Seen>),
    /// Webex has not told anything for so long that it was not asked.
    Skipped(Own, Kind),
}

impl Auditor {
    /// Only a refused token is an outage: it ends the survey. Whatever else goes wrong is about this room.
    pub(super) async fn look(&self, own: Own, wish: Wish) -> Result<Look, Outage> {
        if let Some(kind) = self.luck.gone(self.effort.give_up_after) {
            return Ok(Look::Skipped(own, kind));
        }
        let reading = match self.read(&own, wish.people).await {
            Ok(reading) => reading,
            Err(outage) if outage.kind == Kind::TokenRefused => return Err(outage),
            Err(outage) => {
                self.luck.bad(outage.kind);
                return Ok(Look::Missed(own, outage.kind));
            }
        };
        self.luck.good();
        self.ledger.place(&reading.roster);
        let mut seen = self.seen(own, reading);
        self.entitle(&mut seen, wish.titles).await?;
        Ok(Look::Seen(Box::new(seen)))
    }

    fn seen(&self, own: Own, reading: Reading) -> Seen {
        let Reading { roster, people, pages } = reading;
        let (state, reason) = match class(&roster, &self.widest) {
            Class::Clean => (RoomState::Clean, ALL_ALLOWED),
            Class::Outsiders(refusal) => (RoomState::Outsiders, refusal.label()),
            Class::Unknown(refusal) => (RoomState::Unknown, refusal.label()),
        };
        let outsiders = self.outsiders(&roster);
        let blank = self.blank(&own, state, reason, roster.read().wall);
        let whole = roster.extent() == Extent::Whole && !roster.members().is_empty();
        let row = Row {
            members: whole.then(|| roster.members().len()),
            orgs: self.orgs(&roster),
            offending: counted(outsiders.iter().map(|(org, _)| org.clone())),
            unplaced: unplaced(&roster),
            people,
            refused_by: self.refused_by(&roster),
            action: self.plan(state, &own, &roster),
            ..blank
        };
        let room = own.room.clone();
        let leavable = matches!(row.action, Action::WouldHide | Action::WouldLeave);
        let found = leavable.then_some(Found { own, roster });
        Seen { room, row, reason, found, outsiders, calls: pages }
    }

    /// Somebody of whom nobody knows where they belong is in the way of a confirmation.
    fn plan(&self, state: RoomState, own: &Own, roster: &Roster) -> Action {
        let unsure = self.widest.outsiders(roster).any(|(_, _, why)| why == Refusal::OrgMissing);
        match (state, own.kind) {
            (RoomState::Clean | RoomState::Unknown, _) => Action::None,
            (RoomState::Outsiders, RoomKind::Direct) if own.hidden => Action::AlreadyHidden,
            (RoomState::Outsiders, _) if unsure => {
                Action::Kept { why: Cow::Borrowed(Unconfirmed::Incomplete.label()) }
            }
            (RoomState::Outsiders, RoomKind::Direct) => Action::WouldHide,
            (RoomState::Outsiders, RoomKind::Group) => Action::WouldLeave,
            (RoomState::Outsiders, RoomKind::Other) => {
                Action::Kept { why: Cow::Borrowed(Unconfirmed::Odd.label()) }
            }
        }
    }

    /// A room of which nothing is known but that the bot is in it.
    pub(super) fn unread(&self, own: &Own, kind: Kind) -> Seen {
        let reason = kind.label();
        let row = self.blank(own, RoomState::Unknown, reason, rt::now().wall);
        Seen { room: own.room.clone(), row, reason, found: None, outsiders: Vec::new(), calls: 0 }
    }

    fn blank(&self, own: &Own, state: RoomState, reason: &'static str, read_at: SystemTime) -> Row {
        Row {
            bot: Arc::clone(&self.bot),
            room_id: own.room.as_str().into(),
            room: own.room.key().to_string().into(),
            kind: own.kind,
            title: None,
            state,
            reason: Cow::Borrowed(reason),
            members: None,
            orgs: BTreeMap::new(),
            offending: BTreeMap::new(),
            unplaced: 0,
            people: None,
            refused_by: Vec::new(),
            added_by: self.added_by(own),
            action: Action::None,
            read_at,
        }
    }

    fn added_by(&self, own: &Own) -> AddedBy {
        match self.ledger.added_by(own.room.key(), own.created) {
            Some(Added { by: Who::Org(org), at }) => {
                AddedBy::Organisation { org: self.org_name(org), at }
            }
            Some(Added { by: Who::Person(_), at: _ }) | None => AddedBy::Unknown,
        }
    }

    /// The title is for reading only: a room without one is a room all the same.
    async fn entitle(&self, seen: &mut Seen, titles: Titles) -> Result<(), Outage> {
        let wanted = match titles {
            Titles::All => true,
            Titles::None => false,
            Titles::Unclean => seen.row.state != RoomState::Clean,
        };
        if !wanted {
            return Ok(());
        }
        seen.calls += 1;
        match self.client.room_by(self.effort, &seen.room).await {
            Ok(view) => seen.row.title = view.map(|view| view.title.into()),
            Err(outage) if outage.kind == Kind::TokenRefused => return Err(outage),
            Err(_untitled) => {}
        }
        Ok(())
    }

    fn refused_by(&self, roster: &Roster) -> Vec<Arc<str>> {
        let refuses = |audience| class(roster, audience) != Class::Clean;
        let routes = self.routes.iter().filter(|(_, audience)| refuses(audience));
        routes.map(|(name, _)| Arc::clone(name)).collect()
    }

    fn orgs(&self, roster: &Roster) -> BTreeMap<Box<str>, usize> {
        let others = roster.members().iter().filter(|(person, _)| *person != self.own);
        counted(others.filter_map(|(_, standing)| Some(self.org_name(org_of(*standing)?))))
    }

    fn outsiders(&self, roster: &Roster) -> Vec<(Box<str>, Key<Person>)> {
        let surely = |refusal| refusal != Refusal::OrgMissing;
        let outsiders = self.widest.outsiders(roster).filter(|(_, _, refusal)| surely(*refusal));
        outsiders
            .filter_map(|(person, standing, _)| Some((self.org_name(org_of(standing)?), person)))
            .collect()
    }
}

fn org_of(standing: Standing) -> Option<Key<Org>> {
    match standing {
        Standing::Of(org) | Standing::GuestOf(org) => Some(org),
        Standing::Unknown => None,
    }
}

fn unplaced(roster: &Roster) -> usize {
    roster.members().iter().filter(|(_, standing)| *standing == Standing::Unknown).count()
}

fn counted(names: impl Iterator<Item = Box<str>>) -> BTreeMap<Box<str>, usize> {
    let mut counts = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    counts
}
