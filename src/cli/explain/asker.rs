//! Asks Webex as the gateway does, and keeps the names.

use std::ops::ControlFlow;

use super::inquiry::Inquiry;
use super::sheet::{Member, Place, Room};
use crate::cli::envelope::Draft;
use crate::gate::id::{PersonId, RoomId};
use crate::gate::moment::Moment;
use crate::gate::policy::{Audience, Policy};
use crate::gate::roster::{Builder, Roster, Standing};
use crate::report::outage::Outage;
use crate::rt;
use crate::webex::{Client, Listed, RoomView};

/// A client that knows whose token it has, and who may be in a room.
#[derive(Debug)]
pub(super) struct Asker {
    client: Client,
    pub(super) own: PersonId,
    /// When it began to ask.
    pub(super) since: Moment,
    pub(super) audience: Audience,
}

/// A room, read with its names.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) roster: Roster,
    id: RoomId,
    listed: Vec<Listed>,
    view: Option<RoomView>,
}

impl Asker {
    pub(super) async fn new(client: Client, policy: &Policy) -> Result<Self, Outage> {
        let own = client.me().await?.id;
        let audience = policy.audience(own.key());
        Ok(Self { client, own, since: rt::now(), audience })
    }

    /// The rules stop reading at the first outsider; people want to see all of them, up to `max_members`.
    pub(super) async fn look(&self, room: &RoomId) -> Result<Reading, Outage> {
        let (mut listed, mut flow) = (Vec::new(), ControlFlow::Continue(()));
        let mut builder = Builder::new(room.key(), &self.audience, rt::now());
        let each = |items: &[Listed]| {
            listed.extend_from_slice(items);
            if flow.is_continue() {
                flow = builder.page(items.iter().map(Listed::member));
            }
            if listed.len() > self.audience.max_members { flow } else { ControlFlow::Continue(()) }
        };
        let end = self.client.memberships(room, each).await?;
        let roster = builder.finish(end);
        // The title is for reading only.
        let view = self.client.room(room).await.ok().flatten();
        Ok(Reading { roster, id: room.clone(), listed, view })
    }

    /// What would happen if the first member but the bot wrote something now.
    pub(super) fn question(&self, reading: &Reading) -> Vec<u8> {
        let other = reading.listed.iter().find(|member| member.person.key() != self.own.key());
        let draft = Draft {
            resource: "messages",
            event: "created",
            creator: self.own.as_str(),
            room: Some(reading.id.as_str()),
            person: other.map(|member| member.person.as_str()),
            ..Draft::default()
        };
        draft.body(self.since.wall)
    }

    /// With names, outsiders first.
    pub(super) fn shown(&self, reading: Reading, inquiry: &Inquiry<'_>) -> Room {
        let member = |listed: &Listed| self.member(listed, inquiry);
        let mut members: Vec<_> = reading.listed.iter().map(member).collect();
        members.sort_by_key(|member| member.place);
        Room { id: reading.id, view: reading.view, members, extent: reading.roster.extent() }
    }

    fn member(&self, listed: &Listed, inquiry: &Inquiry<'_>) -> Member {
        let name = listed.display_name.as_deref().map(str::to_owned);
        let (person, standing) = (listed.person.key(), listed.member().standing);
        let place = if person == self.own.key() {
            Place::ThisBot
        } else if inquiry.route.policy.trusted_bots.contains(&person) {
            Place::TrustedBot
        } else if self.audience.admits(person, standing) {
            Place::Allowed
        } else {
            objection(standing, inquiry)
        };
        let org = match standing {
            Standing::Of(org) | Standing::GuestOf(org) => inquiry.config.org_name(org),
            Standing::Unknown => "-".to_owned(),
        };
        Member { name: name.unwrap_or_else(|| person.to_string()), org, place }
    }
}

fn objection(standing: Standing, inquiry: &Inquiry<'_>) -> Place {
    match standing {
        Standing::GuestOf(org) if inquiry.route.policy.allowed_orgs.contains(&org) => Place::Guest,
        Standing::Of(_) | Standing::GuestOf(_) => Place::OutsideOrg,
        Standing::Unknown => Place::UnknownOrg,
    }
}
