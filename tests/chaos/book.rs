//! What was seen of each event: how it was answered, what the records say of it, and what the bot got.

use std::collections::{BTreeMap, VecDeque};

use botwarden::simulator::DeliveryRecord;
use serde_json::Value;

use crate::bot::Hit;
use crate::clock::{At, now, read};
use crate::mac::{is_authentic, local, sha256};
use crate::setup::ROUTES;
use crate::truth::Who;

/// Route and digest of the body: Webex gives deliveries no id.
pub(crate) type Key = (String, String);

/// One call of Webex that told of the event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// When it was answered.
    pub(crate) done: At,
    pub(crate) status: Option<u16>,
    /// Counts the calls of a run.
    pub(crate) number: u64,
}

/// What the event tells of.
#[derive(Clone, Debug)]
pub(crate) struct Tale {
    pub(crate) hook: String,
    pub(crate) resource: String,
    pub(crate) verb: String,
    pub(crate) room: String,
    pub(crate) person: String,
    /// When the message was written or the membership began.
    pub(crate) created: At,
}

/// A record of a verdict.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) at: At,
    pub(crate) verdict: String,
    pub(crate) reason: String,
    /// From the question to the verdict.
    pub(crate) took: At,
}

/// One arrival as the gateway knows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decision {
    pub(crate) said: Vec<Said>,
    pub(crate) hits: Vec<Hit>,
}

/// An event on a route.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event {
    pub(crate) tale: Option<Tale>,
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) decisions: BTreeMap<String, Decision>,
    pub(crate) touched: At,
}

/// Who is meant by an id; nobody else is in this world.
pub(crate) type People = BTreeMap<String, Who>;

/// Everything that is still of interest.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) events: BTreeMap<Key, Event>,
    pub(crate) past: VecDeque<DeliveryRecord>,
    number: u64,
}

/// What a delivery should have been answered.
pub(crate) enum Answered {
    /// By the gateway, as it should.
    Right(Key),
    /// It was no business of the gateway.
    Elsewhere,
    /// A stranger, turned away.
    TurnedAway,
    Wrong(String),
}

/// Deliveries that may be sent once more.
const PAST: usize = 400;

impl Book {
    /// Webex called somebody.
    pub(crate) fn delivered(&mut self, delivery: DeliveryRecord, gateway: &str) -> Answered {
        let Some(path) = delivery.target.strip_prefix(gateway) else { return Answered::Elsewhere };
        let Some(route) = ROUTES.iter().find(|route| route.path == path) else {
            return Answered::Elsewhere;
        };
        let body = delivery.body.as_bytes();
        let authentic = is_authentic(body, delivery.signature.as_deref());
        match (authentic, delivery.status) {
            (true, Some(200 | 503) | None) => {}
            (true, Some(502)) if route.name == "cards" => {}
            (false, Some(403) | None) => return Answered::TurnedAway,
            (_, status) => {
                let said =
                    format!("{status:?} to an event, authentic: {authentic}: {}", delivery.body);
                return Answered::Wrong(said);
            }
        }
        let key = (route.name.to_owned(), sha256(body));
        self.number += 1;
        let (done, status, number) = (read(&delivery.at), delivery.status, self.number);
        let event = self.event(&key);
        event.arrivals.push(Arrival { done, status, number });
        event.tale = Some(tale(body));
        self.past.push_back(delivery);
        if self.past.len() > PAST {
            self.past.pop_front();
        }
        Answered::Right(key)
    }

    /// A verdict was recorded.
    pub(crate) fn recorded(&mut self, record: &Value) -> Key {
        let text = |name: &str| record[name].as_str().unwrap().to_owned();
        let key = (text("route"), text("body_sha256"));
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a few seconds")]
        let took = (record["check_s"].as_f64().unwrap() * 1000.0) as At;
        let said =
            Said { at: read(&text("ts")), verdict: text("verdict"), reason: text("reason"), took };
        self.event(&key).decisions.entry(text("decision_id")).or_default().said.push(said);
        key
    }

    /// The bot was called.
    pub(crate) fn hit(&mut self, hit: Hit) -> Key {
        let key = (hit.route.clone(), hit.body.clone());
        self.event(&key).decisions.entry(hit.decision.clone()).or_default().hits.push(hit);
        key
    }

    fn event(&mut self, key: &Key) -> &mut Event {
        let event = self.events.entry(key.clone()).or_default();
        event.touched = now();
        event
    }
}

fn tale(body: &[u8]) -> Tale {
    let envelope: Value = serde_json::from_slice(body).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let data = &envelope["data"];
    Tale {
        hook: text(&envelope["id"]),
        resource: text(&envelope["resource"]),
        verb: text(&envelope["event"]),
        room: local(data["roomId"].as_str().unwrap()),
        person: local(data["personId"].as_str().unwrap()),
        created: read(data["created"].as_str().unwrap()),
    }
}
