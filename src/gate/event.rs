//! What does the event say? Read once, from the bytes that were proved, and matched against the registration.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Deserialize;

use super::arrival::Arrival;
use super::fields::{Field, Fields, Text};
use super::id::{Id, Key, Kind, Org, Person, PersonId, Room, RoomId, Webhook};
use super::object::Object;
use super::refusal::Refusal;
use super::signature::{Authentic, KeyRing};
pub use super::topic::{Resource, RoomType, Verb};

/// The facts of an event that rules, records and the room's cache entry need. Everything else stays in the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What the event is about.
    pub resource: Resource,
    /// What happened to it.
    pub verb: Verb,
    /// `data.id`: with resource and verb, which event this is.
    pub subject: Box<str>,
    /// The room: `data.roomId`, or `data.id` of a `rooms` event.
    pub room: Option<RoomId>,
    /// Every room id in `data`; a migrated room has two.
    pub rooms: Vec<Key<Room>>,
    /// `data.personId`: the author, or the member that a membership is about.
    pub person: Option<Key<Person>>,
    /// `data.personOrgId`, which only memberships carry.
    pub person_org: Option<Key<Org>>,
    /// `actorId`: who caused the event.
    pub actor: Option<PersonId>,
    /// `data.created`.
    pub created: Option<SystemTime>,
    /// `createdBy`: who registered the webhook.
    pub creator: Option<Key<Person>>,
    /// `id`: the webhook. For records only, so one that cannot be read is as good as none.
    pub webhook: Option<Key<Webhook>>,
    /// `data.roomType`. For records only: no rule rests on what Webex may leave out.
    pub room_type: Option<RoomType>,
}

/// What a route's webhook must look like. Without it (the bot's own id is not known yet) an event can be kept and
/// can dirty a room, but it can not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Who must have created the webhook: the bot itself.
    pub creator: Option<Key<Person>>,
}

/// An authentic event, parsed, that matches the pinned registration.
///
/// ```compile_fail,E0451
/// // Only `read` makes one.
/// let forged = botwarden::gate::event::Notice { authentic: todo!(), facts: todo!() };
/// ```
pub struct Notice {
    authentic: Authentic,
    facts: Arc<Facts>,
}

impl Notice {
    /// What the event says.
    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// The bytes it was read from.
    pub fn arrival(&self) -> &Arrival {
        self.authentic.arrival()
    }

    /// Lets go of the proof: what is kept for later is an arrival again.
    pub fn into_arrival(self) -> Arrival {
        self.authentic.into_arrival()
    }

    /// Itself, if its proof was made with these very keys; else what was to be proved.
    pub fn proved_with(self, keys: &KeyRing) -> Result<Self, Arrival> {
        if self.authentic.was_proved_with(keys) { Ok(self) } else { Err(self.into_arrival()) }
    }

    /// The same bytes in memory of their own ([`Arrival::compact`]).
    #[must_use]
    pub fn compact(self) -> Self {
        Self { authentic: self.authentic.compact(), ..self }
    }
}

/// Not the facts: some of them name people.
impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice").field("arrival", self.arrival()).finish_non_exhaustive()
    }
}

/// Rules 9 and 10: an envelope as documented, of the registration that is pinned.
pub fn read(authentic: Authentic, registration: Registration) -> Result<Notice, Refusal> {
    let facts = facts(authentic.arrival().body())?;
    if let Some(pinned) = registration.creator
        && facts.creator != Some(pinned)
    {
        return Err(Refusal::WrongWebhook);
    }
    Ok(Notice { authentic, facts: Arc::new(facts) })
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    resource: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Field<'a>,
    #[serde(borrow, rename = "createdBy")]
    creator: Option<Text<'a>>,
    #[serde(borrow, rename = "actorId")]
    actor: Option<Text<'a>>,
    #[serde(borrow)]
    data: Fields<'a>,
}

/// The facts of an envelope, whoever sent it; `explain` reads unsigned files with it.
///
/// A field that is there but is not what it should be makes the event malformed: a rule that reads a broken field as
/// an absent one could be talked past. So does what is not UTF-8, wherever it stands: it is no JSON (RFC 8259, 8.1).
pub fn facts(body: &[u8]) -> Result<Facts, Refusal> {
    let malformed = |_text_of_the_caller| Refusal::Malformed;
    let text = str::from_utf8(body).map_err(|_no_text_at_all| Refusal::Malformed)?;
    let Object::<Envelope<'_>>(envelope) = serde_json::from_str(text).map_err(malformed)?;
    let (resource, data) = (Resource::named(&envelope.resource), &envelope.data);
    let room = room_field(&resource, data).text()?.map(id).transpose()?;
    let actor = envelope.actor.map(|Text(text)| id(&text)).transpose()?;
    Ok(Facts {
        verb: Verb::named(&envelope.event),
        subject: data.id.text()?.ok_or(Refusal::Malformed)?.into(),
        rooms: data.rooms(room.as_ref()),
        room,
        person: data.person.text()?.map(|text| person(text, actor.as_ref())).transpose()?,
        person_org: data.person_org.text()?.map(key).transpose()?,
        actor,
        created: data.created.text()?.map(time).transpose()?,
        creator: envelope.creator.map(|Text(text)| key(&text)).transpose()?,
        webhook: envelope.id.any().and_then(|id| Key::parse(id).ok()),
        room_type: data.room_type.any().and_then(room_type),
        resource,
    })
}

fn room_field<'a>(resource: &Resource, data: &'a Fields<'a>) -> &'a Field<'a> {
    match resource {
        Resource::Rooms => &data.id,
        Resource::AttachmentActions
        | Resource::Memberships
        | Resource::Messages
        | Resource::Other(_) => &data.room,
    }
}

fn id<K: Kind>(text: &str) -> Result<Id<K>, Refusal> {
    Id::parse(text).map_err(|_not_of_this_type| Refusal::Malformed)
}

fn key<K: Kind>(text: &str) -> Result<Key<K>, Refusal> {
    Key::parse(text).map_err(|_not_of_this_type| Refusal::Malformed)
}

/// Mostly whoever acts: the same text is not read again.
fn person(text: &str, actor: Option<&PersonId>) -> Result<Key<Person>, Refusal> {
    match actor {
        Some(actor) if actor.as_str() == text => Ok(actor.key()),
        Some(_) | None => key(text),
    }
}

fn room_type(word: &str) -> Option<RoomType> {
    match word {
        "direct" => Some(RoomType::Direct),
        "group" => Some(RoomType::Group),
        _ => None,
    }
}

/// RFC 3339 with any offset: both `Z` and `+00:00` are seen.
fn time(text: &str) -> Result<SystemTime, Refusal> {
    text.parse::<jiff::Timestamp>()
        .map(SystemTime::from)
        .map_err(|_text_of_the_caller| Refusal::Malformed)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::super::arrival::tests::{arrival, noon};
    use super::super::fields::WORDS_OF_PEOPLE;
    use super::super::signature::tests::{SECRET, oracle, ring};
    use super::super::signature::verify;
    use super::*;

    /// A raw UUID that is easy to tell from others.
    pub(crate) fn uuid(n: u128) -> String {
        uuid::Uuid::from_u128(0xabcd_0000_0000_4000_8000_0000_0000_0000 + n).to_string()
    }

    pub(crate) const BOT: u128 = 1;
    pub(crate) const ANN: u128 = 2;
    pub(crate) const ROOM: u128 = 50;

    pub(crate) fn message() -> Value {
        json!({
            "id": "hook", "name": "n", "resource": "messages", "event": "created", "createdBy": uuid(BOT), "actorId": uuid(ANN),
            "data": {"id": "m1", "roomId": uuid(ROOM), "personId": uuid(ANN), "created": "2027-01-15T07:59:58.123Z"}
        })
    }

    /// The event as `read` hands it on.
    pub(crate) fn notice(envelope: &Value) -> Result<Notice, Refusal> {
        let body = envelope.to_string();
        let mac = oracle(SECRET.as_bytes(), body.as_bytes());
        let authentic =
            verify(arrival(&[("x-spark-signature", &mac)], body.as_bytes()), &ring(&[SECRET]))?;
        read(authentic, Registration { creator: Some(PersonId::parse(&uuid(BOT)).unwrap().key()) })
    }

    #[test]
    fn each_resource_yields_its_room() {
        for (resource, field) in [
            ("messages", "roomId"),
            ("attachmentActions", "roomId"),
            ("memberships", "roomId"),
            ("rooms", "id"),
        ] {
            let mut envelope = message();
            envelope["resource"] = json!(resource);
            envelope["data"] = json!({"id": uuid(9), "created": "2027-01-15T08:00:00+00:00"});
            envelope["data"][field] = json!(uuid(ROOM));
            let notice = notice(&envelope).unwrap();
            assert_eq!(
                notice.facts().room,
                Some(RoomId::parse(&uuid(ROOM)).unwrap()),
                "{resource}"
            );
            assert_eq!(notice.facts().created, Some(noon().wall), "{resource}");
        }
    }

    #[test]
    fn rule_10_a_webhook_of_somebody_else_is_refused() {
        for creator in [json!(uuid(ANN)), Value::Null] {
            let mut envelope = message();
            envelope["createdBy"] = creator;
            assert_eq!(notice(&envelope).unwrap_err(), Refusal::WrongWebhook);
        }
    }

    #[test]
    fn rule_9_what_is_not_an_envelope_is_malformed() {
        let texts = [
            "",
            "[]",
            "{}",
            "nul",
            "{\"resource\":\"messages\",\"event\":\"created\"}",
            "{\"resource\":1,\"event\":\"created\",\"data\":{}}",
            "[\"messages\",\"created\",null,null,null,{\"id\":\"x\"}]",
            "{\"resource\":\"messages\",\"event\":\"created\",\"data\":[\"id\"]}",
        ];
        for text in texts {
            assert_eq!(facts(text.as_bytes()), Err(Refusal::Malformed), "{text}");
        }
        for (field, value) in [
            ("roomId", json!("rubbish")),
            ("roomId", json!(7)),
            ("personId", json!(["x"])),
            ("created", json!("yesterday")),
        ] {
            let mut envelope = message();
            envelope["data"][field] = value;
            assert_eq!(facts(envelope.to_string().as_bytes()), Err(Refusal::Malformed), "{field}");
        }
        let mut bytes = message().to_string().into_bytes();
        let at = bytes.windows(3).position(|three| three == br#""n""#).unwrap() + 1;
        assert!(facts(&bytes).is_ok());
        bytes[at] = 0xff;
        assert_eq!(facts(&bytes), Err(Refusal::Malformed), "not UTF-8, where nobody here looks");
        let twice =
            br#"{"resource":"messages","resource":"rooms","event":"created","data":{"id":"x"}}"#;
        assert_eq!(facts(twice), Err(Refusal::Malformed), "two readers could believe two things");
        for name in ["roomId", "personId", "created", "text", "room\\u0049d"] {
            let mut body = message().to_string();
            let at = body.find(r#""data":{"#).unwrap() + r#""data":{"#.len();
            body.insert_str(at, &format!(r#""text":null,"{name}":"{}","#, uuid(51)));
            assert_eq!(facts(body.as_bytes()), Err(Refusal::Malformed), "{name}: the same below");
        }
    }

    #[test]
    fn who_acts_and_whom_it_is_about_are_read_each_from_its_own_place() {
        let spelled = format!("ciscospark://us/PEOPLE/{}", uuid(ANN));
        for (actor, person) in [(uuid(BOT), uuid(ANN)), (spelled.clone(), uuid(ANN))] {
            let mut envelope = message();
            (envelope["actorId"], envelope["data"]["personId"]) = (json!(actor), json!(person));
            let facts = facts(envelope.to_string().as_bytes()).unwrap();
            assert_eq!(facts.actor.as_ref().map(Id::as_str), Some(&*actor));
            assert_eq!(facts.person.and_then(Key::uuid).map(|id| id.to_string()), Some(person));
        }
        let mut envelope = message();
        envelope["actorId"] = json!(spelled);
        envelope["data"]["personId"] = json!(spelled.replace("PEOPLE", "ROOM"));
        assert_eq!(facts(envelope.to_string().as_bytes()), Err(Refusal::Malformed));
    }

    #[test]
    fn a_notice_is_shown_without_its_facts_and_gives_back_what_came() {
        let (body, notice) = (message().to_string(), notice(&message()).unwrap());
        let text = format!("{notice:?}");
        assert!(text.contains("Arrival") && !text.contains(&uuid(ANN)), "{text}");
        let (facts, notice) = (Arc::clone(notice.facts()), notice.compact());
        assert_eq!(notice.facts(), &facts);
        assert_eq!(notice.into_arrival().body(), body.as_bytes());
    }

    /// No rule asks about the kind of room, and the webhook is only told: neither makes an event malformed.
    #[test]
    fn what_is_for_records_only_may_be_anything() {
        let told = |room_type: Value, webhook: Value| {
            let mut envelope = message();
            (envelope["data"]["roomType"], envelope["id"]) = (room_type, webhook);
            let facts = facts(envelope.to_string().as_bytes()).unwrap();
            (facts.room_type, facts.webhook.and_then(Key::uuid).map(|id| id.to_string()))
        };
        assert_eq!(told(json!("direct"), json!(uuid(8))), (Some(RoomType::Direct), Some(uuid(8))));
        assert_eq!(told(json!("group"), json!("hook")), (Some(RoomType::Group), None));
        assert_eq!(told(json!("other"), Value::Null), (None, None));
        assert_eq!(told(json!(7), json!(7)), (None, None));
    }

    #[test]
    fn escapes_and_offsets_are_read_and_foreign_words_never_become_labels() {
        let body = r#"{"resource":"mess\u0061ges","event":"invented","data":{"id":"x","created":"2027-01-15T10:00:00+02:00"}}"#;
        let facts = facts(body.as_bytes()).unwrap();
        assert_eq!((facts.resource.label(), facts.verb.label()), ("messages", "other"));
        assert_eq!(facts.created, Some(noon().wall + Duration::ZERO));
        assert_eq!(Resource::named("me\nss").label(), "other");
    }

    /// Whoever is in one room may call themselves by the id of another.
    #[test]
    fn a_name_that_a_person_chose_names_no_room() {
        let mut envelope = message();
        let own = facts(envelope.to_string().as_bytes()).unwrap().rooms;
        let other = URL_SAFE_NO_PAD.encode(format!("ciscospark://us/ROOM/{}", uuid(77)));
        for name in WORDS_OF_PEOPLE.into_iter().chain(["personEmail"]) {
            envelope["data"][name] = json!(other);
        }
        assert_eq!(facts(envelope.to_string().as_bytes()).unwrap().rooms, own);
        envelope["data"]["formerRoomId"] = json!(other);
        assert_eq!(facts(envelope.to_string().as_bytes()).unwrap().rooms.len(), own.len() + 1);
    }

    #[test]
    fn a_compact_notice_says_the_same_of_the_same_bytes_and_keeps_its_proof() {
        let envelope = message();
        let came = notice(&envelope).unwrap();
        let buffer = came.arrival().body().clone();
        let compact = came.compact();
        assert_eq!(compact.arrival().body(), &buffer);
        assert_ne!(compact.arrival().body().as_ptr(), buffer.as_ptr(), "in memory of their own");
        assert_eq!(compact.facts(), notice(&envelope).unwrap().facts());
        let arrival = compact.proved_with(&ring(&[SECRET])).unwrap_err();
        assert_eq!(arrival.body(), envelope.to_string().as_bytes(), "by another ring: proved anew");
    }
}
