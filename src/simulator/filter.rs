//! What a webhook asks for: a resource, an event and a filter.

use serde_json::Value;
use url::form_urlencoded;

/// The filter of a webhook: `key=value` pairs joined by `&`, all of which must hold.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    text: String,
    pairs: Vec<(String, String)>,
}

/// The firehose covers these resources only.
const FIREHOSE: [&str; 3] = ["memberships", "messages", "rooms"];

/// The published resources, each with its published events. Those that the simulator never fires can be registered.
const RESOURCES: [(&str, &[&str]); 17] = [
    ("adminBatchJobs", &["statusChanged"]),
    ("all", &[]),
    ("attachmentActions", &["created"]),
    ("convergedRecordings", &["created", "updated", "deleted"]),
    ("dataSources", &["created", "updated", "deleted"]),
    ("meetingParticipants", &["joined", "left"]),
    ("meetingTranscripts", &["created"]),
    ("meetings", &["created", "updated", "deleted", "started", "ended"]),
    ("memberships", &["created", "updated", "deleted"]),
    ("messages", &["created", "updated", "deleted"]),
    ("recordings", &["created", "updated", "deleted"]),
    ("rooms", &["created", "updated", "deleted", "migrated"]),
    ("serviceApp", &["authorized", "deauthorized"]),
    ("telephony_calls", &["created", "updated", "deleted"]),
    ("telephony_conference", &["created", "updated", "deleted"]),
    ("telephony_mwi", &["updated"]),
    ("uc_counters", &["updated"]),
];

/// Whether such a webhook can be registered.
pub(crate) fn is_offered(resource: &str, event: &str) -> bool {
    let known = RESOURCES.iter().find(|(name, _)| *name == resource);
    known.is_some_and(|(_, events)| event == "all" || events.contains(&event))
}

/// Whether a webhook for (`resource`, `event`) is about something that happened.
pub(crate) fn covers(resource: &str, event: &str, happened: (&str, &str)) -> bool {
    let (what, how) = happened;
    match (resource, event) {
        // The firehose leaves out the less common events as well.
        ("all", "all") => {
            FIREHOSE.contains(&what) && ["created", "updated", "deleted"].contains(&how)
        }
        (_, "all") => resource == what,
        _ => resource == what && event == how,
    }
}

impl Filter {
    /// Reads a filter; the error is the key that this resource cannot be filtered by.
    pub(crate) fn parse(resource: &str, text: &str) -> Result<Self, String> {
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        match pairs
            .iter()
            .find(|(key, value)| !allowed(resource).contains(&key.as_str()) || value.is_empty())
        {
            Some((key, _)) => Err(key.clone()),
            None => Ok(Self { text: text.to_owned(), pairs }),
        }
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the `data` of an event passes. `owner` is the id that `me` stands for.
    pub(crate) fn passes(&self, data: &Value, cards: usize, owner: &str) -> bool {
        self.pairs.iter().all(|(key, wanted)| match key.as_str() {
            "hasAttachments" => wanted.parse() == Ok(cards > 0),
            "hasFiles" => wanted.parse() == Ok(data.get("files").is_some()),
            "mentionedPeople" | "mentionedGroups" => names_one(data.get(key), wanted, owner),
            _ => data.get(key).is_some_and(|value| equals(value, wanted)),
        })
    }
}

fn allowed(resource: &str) -> &'static [&'static str] {
    match resource {
        "attachmentActions" => &["messageId", "personId", "roomId"],
        "memberships" => &["roomId", "personId", "personEmail", "isModerator"],
        "messages" => &[
            "roomId",
            "roomType",
            "personId",
            "personEmail",
            "mentionedPeople",
            "mentionedGroups",
            "hasFiles",
            "hasAttachments",
        ],
        "rooms" => &["type", "isLocked"],
        _ => &[],
    }
}

fn equals(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => {
            text.eq_ignore_ascii_case(wanted) && (text.contains('@') || text == wanted)
        }
        Value::Bool(flag) => wanted.parse() == Ok(*flag),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn names_one(list: Option<&Value>, wanted: &str, owner: &str) -> bool {
    let wanted: Vec<&str> =
        wanted.split(',').map(|name| if name == "me" { owner } else { name }).collect();
    let listed = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    listed.into_iter().any(|id| wanted.contains(&id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_hold_only_if_every_pair_holds() {
        let data = json!({"roomId": "R", "roomType": "group", "personEmail": "ann@example.com", "mentionedPeople": ["B"]});
        let cases = [
            ("roomId=R", true),
            ("roomId=r", false),
            ("personEmail=ANN@example.com", true),
            ("roomId=R&roomType=group", true),
            ("roomId=R&roomType=direct", false),
            ("mentionedPeople=me", true),
            ("mentionedPeople=X,B", true),
            ("mentionedPeople=X", false),
            ("hasFiles=true", false),
            ("hasFiles=false&hasAttachments=true", true),
            ("personId=P", false),
        ];
        for (text, expected) in cases {
            let filter = Filter::parse("messages", text).unwrap();
            assert_eq!(filter.passes(&data, 1, "B"), expected, "{text}");
        }
    }

    #[test]
    fn a_filter_of_another_resource_is_refused_by_name() {
        assert_eq!(Filter::parse("rooms", "roomId=R").unwrap_err(), "roomId");
        assert_eq!(Filter::parse("messages", "roomId=").unwrap_err(), "roomId");
        assert_eq!(Filter::parse("all", "roomType=group").unwrap_err(), "roomType");
    }

    #[test]
    fn the_firehose_leaves_out_cards_and_migration() {
        assert!(covers("all", "all", ("messages", "created")));
        assert!(covers("rooms", "all", ("rooms", "migrated")));
        assert!(!covers("all", "all", ("rooms", "migrated")));
        assert!(!covers("all", "all", ("attachmentActions", "created")));
        assert!(!covers("messages", "created", ("messages", "deleted")));
    }

    #[test]
    fn only_published_events_can_be_registered() {
        assert!(is_offered("all", "all"));
        assert!(is_offered("messages", "created"));
        assert!(!is_offered("all", "created"));
        assert!(!is_offered("messages", "started"));
        assert!(!is_offered("nothing", "all"));
    }
}
