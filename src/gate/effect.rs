//! What a membership or room event does to what is known about a room, before anybody is asked.

use super::event::{Facts, Resource, Verb};
use super::id::{Key, Room};
use super::moment::Moment;
use super::policy::Audience;
use super::roster::{Builder, Roster, Standing};

/// What to do with the entries of a bot's rooms.
#[derive(Debug)]
pub enum Effect {
    /// Nothing changed.
    None,
    /// What is known about these rooms is no longer true: read again.
    Forget(Vec<Key<Room>>),
    /// Somebody joined who is an outsider for every route: the room is refused from now on, without a call.
    Outsider(Roster),
}

/// The effect of one event on a bot's rooms. `audience` is the widest of all routes of the bot.
///
/// Somebody of an allowed organisation who joins makes the room forgotten as well: a list without them would refuse
/// what they write.
pub fn of(facts: &Facts, audience: &Audience, now: Moment) -> Effect {
    match (&facts.resource, &facts.verb) {
        (Resource::Memberships, Verb::Created | Verb::Updated) => joined(facts, audience, now),
        (Resource::Memberships, _)
        | (Resource::Rooms, Verb::Migrated | Verb::Deleted | Verb::Other(_)) => forget(facts),
        (Resource::Rooms, Verb::Created | Verb::Updated)
        | (Resource::AttachmentActions | Resource::Messages | Resource::Other(_), _) => {
            Effect::None
        }
    }
}

/// The effect of an event that could not be decided on the list at hand: read it again.
pub fn doubt(facts: &Facts) -> Effect {
    forget(facts)
}

fn joined(facts: &Facts, audience: &Audience, now: Moment) -> Effect {
    let (Some(room), Some(person), Some(org)) = (&facts.room, facts.person, facts.person_org)
    else {
        return forget(facts);
    };
    let standing = Standing::Of(org);
    if audience.admits(person, standing) {
        return forget(facts);
    }
    Effect::Outsider(Builder::outsider_joined(room.key(), person, standing, now))
}

fn forget(facts: &Facts) -> Effect {
    if facts.rooms.is_empty() { Effect::None } else { Effect::Forget(facts.rooms.clone()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::arrival::tests::noon;
    use super::super::event::facts;
    use super::super::event::tests::{ANN, BOT, ROOM, uuid};
    use super::super::policy::tests::{EXAMPLE, OTHER, audience};
    use super::*;

    fn full(n: u128) -> String {
        format!("ciscospark://us/ROOM/{}", uuid(n))
    }

    fn effect(resource: &str, verb: &str, data: &Value) -> Effect {
        let body = json!({"resource": resource, "event": verb, "data": data}).to_string();
        of(&facts(body.as_bytes()).unwrap(), &audience(), noon())
    }

    fn joins(person: u128, org: Option<u128>) -> Effect {
        let mut data = json!({"id": "m", "roomId": full(ROOM), "personId": uuid(person)});
        if let Some(org) = org {
            data["personOrgId"] = json!(uuid(org));
        }
        effect("memberships", "created", &data)
    }

    #[test]
    fn an_outsider_who_joins_makes_the_room_refused_without_a_call() {
        let Effect::Outsider(roster) = joins(ANN, Some(OTHER)) else { panic!("must be refused") };
        assert_eq!(audience().outsiders(&roster).count(), 1);
    }

    #[test]
    fn anybody_else_who_joins_or_leaves_makes_the_room_unknown() {
        for effect in [joins(ANN, Some(EXAMPLE)), joins(ANN, None), joins(BOT, Some(OTHER))] {
            assert!(matches!(&effect, Effect::Forget(rooms) if rooms.len() == 1), "{effect:?}");
        }
        let left = effect(
            "memberships",
            "deleted",
            &json!({"id": "m", "roomId": full(ROOM), "personId": uuid(ANN), "personOrgId": uuid(OTHER)}),
        );
        assert!(matches!(left, Effect::Forget(_)));
    }

    #[test]
    fn trap_room_ids_that_change_both_ids_of_a_migrated_room_are_forgotten() {
        let data = json!({"id": full(ROOM), "oldRoomId": full(51), "title": "x"});
        assert!(
            matches!(effect("rooms", "migrated", &data), Effect::Forget(rooms) if rooms.len() == 2)
        );
        assert!(matches!(effect("messages", "created", &data), Effect::None));
    }

    #[test]
    fn events_that_say_nothing_about_who_is_in_a_room_have_no_effect() {
        let data = json!({"id": full(ROOM), "roomId": full(ROOM), "personId": uuid(ANN)});
        for (resource, verb) in [
            ("rooms", "created"),
            ("rooms", "updated"),
            ("messages", "deleted"),
            ("attachmentActions", "created"),
            ("meetings", "created"),
        ] {
            let effect = effect(resource, verb, &data);
            assert!(matches!(effect, Effect::None), "{resource}.{verb}: {effect:?}");
        }
        for verb in ["migrated", "deleted", "invented"] {
            let effect = effect("rooms", verb, &data);
            assert!(matches!(effect, Effect::Forget(_)), "rooms.{verb}: {effect:?}");
        }
    }

    #[test]
    fn doubt_forgets_the_rooms_of_any_event_that_has_one() {
        let doubted = |data: Value| {
            let body = json!({"resource": "messages", "event": "created", "data": data});
            doubt(&facts(body.to_string().as_bytes()).unwrap())
        };
        let rooms = doubted(json!({"id": "m", "roomId": uuid(ROOM)}));
        assert!(matches!(&rooms, Effect::Forget(rooms) if rooms.len() == 1), "{rooms:?}");
        assert!(matches!(doubted(json!({"id": "m"})), Effect::None));
    }
}
