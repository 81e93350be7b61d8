//! Values of upkeep that are spelled as text: webhooks' events, times of day, shares of rooms.

use super::MaxLeave;
use super::problem::did_you_mean;
use super::words::{Word, not};

/// What webhooks can be had for, as far as a room stands behind it: <https://developer.webex.com/docs/webhooks>.
/// That rooms are deleted is told to whole organisations only.
const OFFERED: [(&str, &[&str]); 4] = [
    ("attachmentActions", &["created"]),
    ("memberships", &["created", "deleted", "updated"]),
    ("messages", &["created", "deleted", "updated"]),
    ("rooms", &["created", "migrated", "updated"]),
];

/// What a webhook is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Topic {
    pub(super) resource: &'static str,
    pub(super) event: &'static str,
}

fn offered() -> impl Iterator<Item = Topic> {
    let topics = |(resource, events): (&'static str, &'static [&'static str])| {
        events.iter().map(move |event| Topic { resource, event })
    };
    OFFERED.into_iter().flat_map(topics)
}

impl Word for Topic {
    const EXPECTED: &'static str = "an event of a webhook such as messages.created";
    const PATTERN: Option<&'static str> = Some(
        r"^(attachmentActions\.created|(memberships|messages)\.(created|deleted|updated)|rooms\.(created|migrated|updated))$",
    );

    fn read(text: &str) -> Result<Self, String> {
        let found = offered().find(|topic| topic.spell() == text);
        found.ok_or_else(|| format!("{}\n{}", not::<Self>(text), advice(text)))
    }

    fn spell(&self) -> String {
        format!("{}.{}", self.resource, self.event)
    }
}

/// What to write instead, if Webex offers no webhooks for such an event.
pub fn unoffered(event: &str) -> Option<String> {
    Topic::read(event).is_err().then(|| advice(event))
}

fn advice(text: &str) -> String {
    if text.split('.').any(|word| word == "all") {
        return "there is no word for all of them: name each one".into();
    }
    let (resource, _) = text.split_once('.').unwrap_or((text, ""));
    let exact = OFFERED.into_iter().find(|(known, _)| *known == resource);
    if let Some((resource, events)) = exact {
        return format!("{resource} have: {}", events.join(", "));
    }
    let all: Vec<String> = offered().map(|topic| topic.spell()).collect();
    let meant = did_you_mean(text, all.iter().map(String::as_str));
    meant.unwrap_or_else(|| "resources are messages, attachmentActions, memberships, rooms".into())
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// After midnight, fewer than a day has.
    pub(super) minutes: u16,
}

impl Word for Clock {
    const EXPECTED: &'static str = "a time of day such as \"03:00\"";
    const PATTERN: Option<&'static str> = Some("^([01][0-9]|2[0-3]):[0-5][0-9]$");

    fn read(text: &str) -> Result<Self, String> {
        let two = |digits: &str, below: u16| {
            let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse().ok().filter(|number: &u16| plain && *number < below)
        };
        let read = || {
            let (hours, minutes) = text.split_once(':')?;
            Some(Self { minutes: two(hours, 24)? * 60 + two(minutes, 60)? })
        };
        let hint = "HH:MM in quotation marks: without them some readers of YAML see a number";
        read().ok_or_else(|| format!("{}\n{hint}", not::<Self>(text)))
    }

    fn spell(&self) -> String {
        format!("{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl Word for MaxLeave {
    const EXPECTED: &'static str = "a number of rooms, or a share such as \"20%\"";
    const PATTERN: Option<&'static str> = Some("^([1-9][0-9]?%|100%|[0-9]+)$");

    fn read(text: &str) -> Result<Self, String> {
        let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        let read = match text.strip_suffix('%') {
            Some(share) if plain(share) => share.parse().ok().map(Self::Percent),
            None if plain(text) => text.parse().ok().map(Self::Rooms),
            Some(_) | None => None,
        };
        let read = read.filter(|most| !matches!(most, Self::Percent(0 | 101..)));
        read.ok_or_else(|| format!("{}\na share is 1% to 100%", not::<Self>(text)))
    }

    fn whole(number: u64) -> Option<Self> {
        usize::try_from(number).ok().map(Self::Rooms)
    }

    fn spell(&self) -> String {
        match self {
            Self::Rooms(rooms) => rooms.to_string(),
            Self::Percent(percent) => format!("{percent}%"),
        }
    }
}
