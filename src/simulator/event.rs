//! Something that happened, who may hear of it, and the envelope that tells it.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::filter::{Filter, covers};
use super::model::{Person, Webhook, application_of, date};

/// Something that happened in a room.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) resource: &'static str,
    pub(crate) change: &'static str,
    pub(crate) room: Uuid,
    pub(crate) actor: Uuid,
    pub(crate) data: Value,
    pub(crate) audience: Audience,
    pub(crate) cards: usize,
}

/// Who of the members of the room may hear of it.
#[derive(Debug, Clone)]
pub(crate) enum Audience {
    /// Everybody.
    Members,
    /// People, and of the bots only these: bots hear only what is meant for them.
    PeopleAnd(Vec<Uuid>),
    /// One person.
    Only(Uuid),
}

impl Audience {
    fn includes(&self, person: &Person) -> bool {
        match self {
            Self::Members => true,
            Self::PeopleAnd(bots) => !person.is_bot() || bots.contains(&person.uuid),
            Self::Only(one) => *one == person.uuid,
        }
    }
}

impl Event {
    /// Whether a webhook gets it; its owner must be a member of the room besides.
    pub(crate) fn concerns(&self, webhook: &Webhook, owner: &Person) -> bool {
        let passes = |filter: &Filter| filter.passes(&self.data, self.cards, &owner.id());
        webhook.health.is_active()
            && covers(&webhook.resource, &webhook.event, (self.resource, self.change))
            && self.audience.includes(owner)
            && webhook.filter.as_ref().is_none_or(passes)
    }

    /// The exact bytes of the body that tells a webhook of it.
    pub(crate) fn envelope(&self, webhook: &Webhook, owner: &Person, actor: &Person) -> Vec<u8> {
        let envelope = Envelope {
            id: webhook.id(),
            name: &webhook.name,
            target_url: &webhook.target,
            resource: self.resource,
            event: self.change,
            filter: webhook.filter.as_ref().map(Filter::text),
            org_id: owner.org_id(),
            created_by: owner.id(),
            app_id: application_of(owner),
            owned_by: "creator",
            status: "active",
            created: date(webhook.created),
            actor_id: actor.id(),
            data: &self.data,
        };
        // Strings and maps with string keys cannot fail to become JSON.
        serde_json::to_vec(&envelope).unwrap_or_default()
    }
}

/// The body of a delivery. It has neither an id nor a date of its own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    id: String,
    name: &'a str,
    target_url: &'a str,
    resource: &'a str,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'a str>,
    org_id: String,
    created_by: String,
    app_id: String,
    owned_by: &'a str,
    status: &'a str,
    created: String,
    actor_id: String,
    data: &'a Value,
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;
    use uuid::Uuid;

    use super::*;
    use crate::simulator::health::Health;
    use crate::simulator::ids;
    use crate::simulator::rt;
    use crate::simulator::state::State;
    use crate::simulator::world::World;

    fn webhook(filter: Option<&str>) -> Webhook {
        Webhook {
            seq: 1,
            uuid: Uuid::from_u128(1),
            owner: ids::derived("person", "helpdesk"),
            name: "n".to_owned(),
            target: "http://127.0.0.1:1/".to_owned(),
            resource: "messages".to_owned(),
            event: "created".to_owned(),
            filter: filter.map(|text| Filter::parse("messages", text).unwrap()),
            secret: None,
            health: Health::default(),
            created: rt::now(),
        }
    }

    fn event(audience: Audience) -> Event {
        Event {
            resource: "messages",
            change: "created",
            room: ids::derived("room", "staff"),
            actor: ids::derived("person", "ann"),
            data: serde_json::json!({"roomType": "group"}),
            audience,
            cards: 0,
        }
    }

    #[test]
    fn a_webhook_gets_what_it_asked_for_and_its_owner_may_hear() {
        let state = State::new(&World::demo());
        let bot = state.person_named("helpdesk").unwrap();
        let mut off = webhook(None);
        (0..100).for_each(|_| off.health.failed(Instant::now()));
        let others = Audience::PeopleAnd(Vec::new());
        let cases = [
            ("everybody", webhook(None), Audience::Members, true),
            ("mentioned", webhook(None), Audience::PeopleAnd(vec![bot.uuid]), true),
            ("not mentioned", webhook(None), others, false),
            ("only itself", webhook(None), Audience::Only(bot.uuid), true),
            ("only another", webhook(None), Audience::Only(Uuid::nil()), false),
            ("filter holds", webhook(Some("roomType=group")), Audience::Members, true),
            ("filter fails", webhook(Some("roomType=direct")), Audience::Members, false),
            ("switched off", off, Audience::Members, false),
        ];
        for (name, webhook, audience, expected) in cases {
            assert_eq!(event(audience).concerns(&webhook, bot), expected, "{name}");
        }
    }

    #[test]
    fn people_hear_what_mentions_nobody() {
        let state = State::new(&World::demo());
        let ann = state.person_named("ann").unwrap();
        assert!(event(Audience::PeopleAnd(Vec::new())).concerns(&webhook(None), ann));
    }
}
