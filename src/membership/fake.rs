//! A directory without a network: readings take time, and show the room as it was at one instant in between.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::*;
use crate::gate::effect;
use crate::gate::event::facts;
use crate::gate::event::tests::{ANN, BOT, uuid};
use crate::gate::id::{Key, PersonId, Room};
use crate::gate::policy::tests::{EXAMPLE, OTHER, org};
use crate::gate::roster::{End, Member, Standing};
use crate::webex::stub::audience;

/// Somebody of an organisation that is not allowed.
pub(super) const EVE: u128 = 66;

/// One reading of a directory: how long until it looks, and how long until it tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) look: u64,
    pub(super) tell: u64,
}

#[derive(Default)]
pub(super) struct Truth {
    /// Rooms that Eve is in.
    pub(super) dirty: HashSet<Key<Room>>,
    /// Webex cannot be asked.
    pub(super) out: bool,
    pub(super) reads: usize,
    /// What each reading claimed.
    pub(super) claims: Vec<Claim>,
    under_way: HashSet<Key<Room>>,
    /// A room was read twice at once.
    pub(super) overlapped: bool,
}

pub(super) struct Fake {
    start: Instant,
    paces: Vec<Pace>,
    pub(super) truth: Mutex<Truth>,
}

impl Fake {
    pub(super) fn new(paces: Vec<Pace>) -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), paces, truth: Mutex::default() })
    }

    pub(super) fn now(&self) -> Moment {
        let tick = self.start.elapsed();
        Moment { wall: UNIX_EPOCH + tick, tick }
    }

    pub(super) fn reads(&self) -> usize {
        self.truth.lock().unwrap().reads
    }

    fn begin(&self, room: Key<Room>) -> Pace {
        let mut truth = self.truth.lock().unwrap();
        let pace = self.paces[truth.reads % self.paces.len()];
        truth.reads += 1;
        truth.overlapped |= !truth.under_way.insert(room);
        pace
    }

    fn look(&self, room: Key<Room>) -> Result<Vec<(u128, u128)>, Outage> {
        let truth = self.truth.lock().unwrap();
        if truth.out {
            return Err(Outage::new(Kind::WebexUnavailable, "it is out"));
        }
        let eve = truth.dirty.contains(&room).then_some((EVE, OTHER));
        Ok([(BOT, OTHER), (ANN, EXAMPLE)].into_iter().chain(eve).collect())
    }
}

/// Even the shortest sleep takes a millisecond of real time.
async fn pause(millis: u64) {
    match millis {
        0 => tokio::task::yield_now().await,
        _ => sleep(Duration::from_millis(millis)).await,
    }
}

impl Directory for Fake {
    async fn read(
        &self,
        room: &RoomId,
        audience: &Audience,
        claim: Claim,
    ) -> Result<Roster, Outage> {
        let key = room.key();
        self.truth.lock().unwrap().claims.push(claim);
        let mut builder = Builder::new(key, audience, self.now());
        let pace = self.begin(key);
        pause(pace.look).await;
        let looked = self.look(key);
        pause(pace.tell).await;
        self.truth.lock().unwrap().under_way.remove(&key);
        let members = looked?.into_iter().map(|(who, at)| Member {
            room: key,
            person: PersonId::parse(&uuid(who)).unwrap().key(),
            standing: Standing::Of(org(at)),
        });
        let end = if builder.page(members).is_break() { End::GaveUp } else { End::LastPage };
        Ok(builder.finish(end))
    }
}

pub(super) fn cache(allow: u64, deny: u64, stale_deny: u64) -> Cache {
    Cache {
        allow_ttl: Duration::from_millis(allow),
        deny_ttl: Duration::from_millis(deny),
        stale_deny: Duration::from_millis(stale_deny),
        max_entries: 1000,
    }
}

pub(super) fn membership<D: Directory>(directory: &Arc<D>, cache: &Cache) -> Arc<Membership<D>> {
    Arc::new(Membership::new(Parts {
        bot: "helpdesk".into(),
        directory: Arc::clone(directory),
        audience: Arc::new(audience()),
        cache,
        reporter: Arc::default(),
        tasks: Tasks::default(),
    }))
}

pub(super) fn room(n: u128) -> RoomId {
    RoomId::parse(&format!("ciscospark://us/ROOM/{}", uuid(500 + n))).unwrap()
}

/// What a membership event of this room does, by the core's own rules.
pub(super) fn effect(
    verb: &str,
    room: &RoomId,
    who: u128,
    at: Option<u128>,
    now: Moment,
) -> Effect {
    let mut data = json!({"id": "m", "roomId": room.as_str(), "personId": uuid(who)});
    if let Some(at) = at {
        data["personOrgId"] = uuid(at).into();
    }
    let body = json!({"resource": "memberships", "event": verb, "data": data}).to_string();
    effect::of(&facts(body.as_bytes()).unwrap(), &audience(), now)
}
