//! Whatever is read from a signed body is what a reader finds in it that loses nothing; what has two readings, or none,
//! is refused; and the bytes stay as they are.
//!
//! Input: the body.
#![no_main]

use std::time::{Duration, SystemTime};

use botwarden::gate::event::{Facts, Registration, read};
use botwarden::gate::id::{Id, Key, Kind, Person, PersonId, RoomId};
use botwarden::gate::refusal::Refusal;
use botwarden::gate::signature::verify;
use botwarden_fuzz::id::{Meaning, meaning};
use botwarden_fuzz::json::{self, Json};
use botwarden_fuzz::sample;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let anybody = reading(body, None);
    let (wanted, facts) = (wanted(body), anybody.as_ref().ok());
    assert_eq!(facts.is_some(), wanted.is_some());
    let bot = PersonId::parse(sample::BOT).unwrap().key();
    let pinned = reading(body, Some(bot));
    match (wanted, facts) {
        (Some(wanted), Some(facts)) => {
            let ours = wanted.creator == meaning("PEOPLE", sample::BOT);
            assert_eq!(pinned, if ours { anybody.clone() } else { Err(Refusal::WrongWebhook) });
            compare(&wanted, facts);
        }
        _ => assert_eq!((anybody, pinned), (Err(Refusal::Malformed), Err(Refusal::Malformed))),
    }
});

fn reading(body: &[u8], creator: Option<Key<Person>>) -> Result<Facts, Refusal> {
    let ring = sample::ring([sample::SECRET]);
    let authentic = verify(sample::signed(body), &ring).expect("it is signed rightly");
    let notice = read(authentic, Registration { creator })?;
    assert_eq!(notice.arrival().body(), body);
    let facts = Facts::clone(notice.facts());
    assert_eq!(notice.into_arrival().body(), body);
    Ok(facts)
}

/// What the rules rest on.
struct Wanted {
    resource: String,
    verb: String,
    subject: String,
    room: Option<String>,
    rooms: Vec<Meaning>,
    person: Option<Meaning>,
    org: Option<Meaning>,
    actor: Option<String>,
    creator: Option<Meaning>,
    created: Option<String>,
}

/// A room that is named in these is named by whoever typed them.
const TYPED_BY_PEOPLE: [&str; 7] =
    ["personDisplayName", "displayName", "personEmail", "title", "text", "markdown", "html"];

fn wanted(body: &[u8]) -> Option<Wanted> {
    std::str::from_utf8(body).ok()?;
    let top = json::read(body, &["resource", "event", "id", "createdBy", "actorId", "data"])?;
    top.only("id")?;
    let data = top.only("data")?;
    let Json::Map(entries) = data else { return None };
    let twice = |name: &String| entries.iter().filter(|(key, _)| key == name).count() > 1;
    if entries.iter().any(|(name, _)| twice(name)) {
        return None;
    }
    let resource = top.only("resource")?.text().ok()??.to_owned();
    let place = if resource == "rooms" { "id" } else { "roomId" };
    let room = id(data, place, "ROOM")?;
    let of_things = entries.iter().filter(|(name, _)| !TYPED_BY_PEOPLE.contains(&name.as_str()));
    let long = of_things.filter_map(|(_, value)| value.text().ok()?).filter(|text| text.len() > 36);
    let mut rooms: Vec<_> = long.chain(room).filter_map(|text| meaning("ROOM", text)).collect();
    rooms.sort_by_key(|room| match room {
        Meaning::Consumer => [0; 16],
        Meaning::Uuid(bytes) => *bytes,
    });
    rooms.dedup();
    Some(Wanted {
        resource,
        verb: top.only("event")?.text().ok()??.to_owned(),
        subject: data.only("id")?.text().ok()??.to_owned(),
        room: room.map(str::to_owned),
        rooms,
        person: id(data, "personId", "PEOPLE")?.and_then(|text| meaning("PEOPLE", text)),
        org: id(data, "personOrgId", "ORGANIZATION")?
            .and_then(|text| meaning("ORGANIZATION", text)),
        actor: id(&top, "actorId", "PEOPLE")?.map(str::to_owned),
        creator: id(&top, "createdBy", "PEOPLE")?.and_then(|text| meaning("PEOPLE", text)),
        created: created(data)?,
    })
}

/// An id that is there must be one.
fn id<'a>(map: &'a Json, name: &str, kind: &str) -> Option<Option<&'a str>> {
    let text = map.only(name)?.text().ok()?;
    (text.is_none() || meaning(kind, text?).is_some()).then_some(text)
}

/// A date that is there must be one. What dates are is the library's to say; its value is checked below.
fn created(data: &Json) -> Option<Option<String>> {
    let text = data.only("created")?.text().ok()?;
    let date = |text: &str| text.parse::<jiff::Timestamp>().is_ok();
    (text.is_none() || date(text?)).then(|| text.map(str::to_owned))
}

fn compare(wanted: &Wanted, facts: &Facts) {
    let named = |label: &str, word: &str| label == word || label == "other";
    assert!(
        named(facts.resource.label(), &wanted.resource) && named(facts.verb.label(), &wanted.verb)
    );
    let known =
        ["messages", "memberships", "attachmentActions", "rooms"].contains(&&*wanted.resource);
    assert_eq!(facts.resource.label() != "other", known);
    assert_eq!(*facts.subject, *wanted.subject);
    assert_eq!(facts.room.as_ref().map(RoomId::as_str), wanted.room.as_deref());
    assert_eq!(facts.rooms.iter().map(|room| of(*room)).collect::<Vec<_>>(), wanted.rooms);
    assert_eq!(facts.person.map(of), wanted.person);
    assert_eq!(facts.person_org.map(of), wanted.org);
    assert_eq!(facts.actor.as_ref().map(Id::as_str), wanted.actor.as_deref());
    assert_eq!(facts.creator.map(of), wanted.creator);
    assert_eq!(facts.created.is_some(), wanted.created.is_some());
    if let (Some(facts), Some(seconds)) =
        (facts.created, wanted.created.as_deref().and_then(seconds))
    {
        assert_eq!(facts, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    }
}

fn of<K: Kind>(key: Key<K>) -> Meaning {
    key.uuid().map_or(Meaning::Consumer, |uuid| Meaning::Uuid(*uuid.as_bytes()))
}

/// `2027-01-15T08:00:00Z` as seconds since 1970, by the days of the civil calendar; other forms are not looked at.
fn seconds(text: &str) -> Option<u64> {
    let bytes: [u8; 20] = text.as_bytes().try_into().ok()?;
    let pattern = b"dddd-dd-ddTdd:dd:ddZ";
    let fits =
        |(is, asked): (&u8, &u8)| if *asked == b'd' { is.is_ascii_digit() } else { is == asked };
    if !bytes.iter().zip(pattern).all(fits) || text < "1970" {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if second > 59 {
        return None; // a leap second
    }
    // http://howardhinnant.github.io/date_algorithms.html#days_from_civil
    let year = year - u64::from(month <= 2);
    let of_era = year % 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = (year / 400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some((days - 719_468) * 86_400 + hour * 3600 + minute * 60 + second)
}
