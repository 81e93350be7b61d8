//! Two spellings of one thing are one, and nothing else is; what is told of an id is read back.
//!
//! Input: two texts.
#![no_main]

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

use botwarden::config::long_id;
use botwarden::gate::id::{Id, Kind, Org, Person, Room, Webhook};
use botwarden_fuzz::id::{Meaning, meaning};
use botwarden_fuzz::parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [one, other] = parts(input);
    if let (Ok(one), Ok(other)) = (std::str::from_utf8(one), std::str::from_utf8(other)) {
        compare::<Room>(one, other);
        compare::<Person>(one, other);
        compare::<Org>(one, other);
        compare::<Webhook>(one, other);
    }
});

fn compare<K: Kind + Debug>(one: &str, other: &str) {
    if let (Some(one), Some(other)) = (read::<K>(one), read::<K>(other)) {
        let same = one.1 == other.1;
        assert_eq!(one.0 == other.0, same);
        assert_eq!(one.0.key() == other.0.key(), same);
        if same {
            assert_eq!(hash(&one.0), hash(&other.0));
            assert_eq!(hash(&one.0.key()), hash(&other.0.key()));
        }
    }
}

fn read<K: Kind + Debug>(text: &str) -> Option<(Id<K>, Meaning)> {
    let expected = meaning(K::NAME, text);
    let id = Id::<K>::parse(text);
    assert_eq!(id.is_ok(), expected.is_some());
    let (id, expected) = (id.ok()?, expected?);
    assert_eq!(id.as_str(), text);
    let uuid = id.key().uuid();
    assert_eq!(
        uuid.map(|uuid| Meaning::Uuid(*uuid.as_bytes())).unwrap_or(Meaning::Consumer),
        expected
    );
    round(&id);
    Some((id, expected))
}

fn round<K: Kind + Debug>(id: &Id<K>) {
    let told = id.key().to_string();
    let long = long_id(K::NAME, &told);
    assert_eq!(long.is_some(), id.key().uuid().is_some());
    for text in [Some(told), long].into_iter().flatten() {
        assert!(Id::<K>::parse(&text).is_ok_and(|again| again.key() == id.key()), "{text}");
    }
    if long_id(K::NAME, id.as_str()).is_some() {
        assert!(!format!("{id:?}").contains(id.as_str()), "a whole id in a log");
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
