//! Hears what was seen at one bot, and says what was decided.

use std::sync::{MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::super::ward::{Enforced, Ward};
use super::{SOON, Seen, State, What, YOUNG, decide, text};
use crate::config::{Notices, Notify};
use crate::flow::{Identity, Sighting};
use crate::gate::id::{PersonId, RoomId};
use crate::gate::moment::Moment;
use crate::gate::policy::RoomVerdict;
use crate::gate::roster::{Roster, Standing};
use crate::report::outage::Outage;
use crate::report::{NoticeKind, Upkeep};
use crate::rt;
use crate::webex::{Claim, Effort, To};

/// A message of more organisations than this is not read to its end.
const ORGS: usize = 5;

/// Says what one bot has to say.
#[derive(Debug)]
pub(in crate::upkeep) struct Teller {
    ward: Ward,
    notices: Notices,
}

/// What became of a notice.
enum Told {
    Said,
    /// Whoever would hear it must not.
    Withheld,
}

/// Where the sightings of the bot go; `None` where nobody is told anything.
pub(in crate::upkeep) fn start(ward: &Ward) -> Option<mpsc::Sender<(Moment, Sighting)>> {
    let notices = ward.config.notices.clone();
    let Notices { notify, text: _, at_most_every: _, refused, still_refused, allowed_again } =
        &notices;
    let texts = [refused, still_refused, allowed_again];
    if *notify == Notify::None && texts.iter().all(|text| text.is_none()) {
        return None;
    }
    let teller = Teller { ward: ward.clone(), notices };
    super::super::spawn(&ward.tools, "notices", teller.tell_all());
    Some(ward.kept.notices.sender.clone())
}

impl Teller {
    async fn tell_all(self) {
        let ward = &self.ward;
        let mut sightings = ward.kept.notices.receiver.lock().await;
        let Some(identity) = ward.tenure.during(ward.known()).await else { return };
        while let Some(Some((at, sighting))) = ward.tenure.during(sightings.recv()).await {
            let now = rt::now();
            if now.since(at) < YOUNG && ward.enforced(now) == Enforced::Everywhere {
                self.hear(&sighting, identity).await;
            }
        }
    }

    async fn hear(&self, sighting: &Sighting, identity: &Identity) {
        let Some(seen) = self.seen(sighting, identity).await else { return };
        let (room, actor) = match sighting {
            Sighting::Refused { room, actor, .. } => (room, actor.as_ref()),
            Sighting::Added { room, .. } | Sighting::Membership { room, .. } => (room, None),
        };
        let decided = decide(&mut self.said(), seen, rt::now(), &self.notices);
        for kind in decided {
            let result = match self.say(kind, room, actor, identity).await {
                Ok(Told::Withheld) => continue,
                Ok(Told::Said) => Ok(()),
                Err(outage) => Err(outage),
            };
            if let Err(outage) = &result {
                self.ward.heed(outage);
            }
            let result = result.as_ref().copied();
            self.ward.tell(&Upkeep::Noticed { kind, room: room.key(), result });
        }
    }

    /// Rule 1.
    async fn seen(&self, sighting: &Sighting, identity: &Identity) -> Option<Seen> {
        let (room, what) = match sighting {
            Sighting::Added { .. } => return None,
            Sighting::Refused { bot: _, room, actor, speaks } => {
                let actor = actor.as_ref().map(PersonId::key).filter(|who| *who != identity.own);
                (room, if *speaks { What::Spoken(actor) } else { What::Refused(actor) })
            }
            Sighting::Membership { room, outsider: true, .. } => (room, What::Joined),
            Sighting::Membership { room, outsider: false, .. } => {
                self.said().awaited(room.key())?;
                (room, self.clean(room).await?)
            }
        };
        Some(Seen { room: room.key(), what })
    }

    fn said(&self) -> MutexGuard<'_, State> {
        self.ward.kept.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn clean(&self, room: &RoomId) -> Option<What> {
        match self.ward.room(room).await {
            Ok(RoomVerdict::Clean) => Some(What::Clean),
            Ok(RoomVerdict::Refused(_) | RoomVerdict::TooOld) => None,
            Err(outage) => {
                self.ward.heed(&outage);
                None
            }
        }
    }

    async fn say(
        &self,
        kind: NoticeKind,
        room: &RoomId,
        actor: Option<&PersonId>,
        identity: &Identity,
    ) -> Result<Told, Outage> {
        let Some(text) = text(kind, &self.notices) else { return Ok(Told::Withheld) };
        match (kind, actor, &self.notices.notify) {
            (NoticeKind::Actor, Some(actor), _) => self.to_actor(actor, room, identity, text).await,
            (NoticeKind::OpsRoom, _, Notify::OpsRoom(ops)) => {
                self.to_operators(ops, room, identity, text).await
            }
            (NoticeKind::Actor | NoticeKind::OpsRoom, _, _) => Ok(Told::Withheld),
            (NoticeKind::Refused | NoticeKind::StillRefused, _, _) => {
                self.to_refused(room, text).await
            }
            (NoticeKind::AllowedAgain | NoticeKind::Farewell, _, _) => {
                self.to(To::Room(room), text).await
            }
        }
    }

    /// Rule 9.
    async fn to_refused(&self, room: &RoomId, text: &str) -> Result<Told, Outage> {
        match self.ward.room(room).await? {
            RoomVerdict::Refused(_) => {}
            RoomVerdict::Clean | RoomVerdict::TooOld => return Ok(Told::Withheld),
        }
        let client = self.ward.desk.client();
        let effort = client.effort(Claim::Survey);
        let give_up_after = effort.give_up_after.min(SOON);
        let effort = Effort { give_up_after, attempts: 1, ..effort };
        client.say(effort, To::Room(room), text).await?;
        Ok(Told::Said)
    }

    /// Rule 6.
    async fn to_actor(
        &self,
        actor: &PersonId,
        room: &RoomId,
        identity: &Identity,
        text: &str,
    ) -> Result<Told, Outage> {
        let client = self.ward.desk.client();
        let listed = client.member(client.effort(Claim::Survey), room, actor).await?;
        let standing = listed.map_or(Standing::Unknown, |listed| listed.member().standing);
        if !self.ward.admits(identity.own, actor.key(), standing) {
            return Ok(Told::Withheld);
        }
        self.to(To::Person(actor), text).await
    }

    /// Rule 7.
    async fn to_operators(
        &self,
        ops: &RoomId,
        room: &RoomId,
        identity: &Identity,
        text: &str,
    ) -> Result<Told, Outage> {
        let bot = self.ward.desk.name();
        if self.ward.room(ops).await? != RoomVerdict::Clean {
            tracing::warn!(bot = &**bot, "the operators' room is not clean: they are not told");
            return Ok(Told::Withheld);
        }
        let mut message = format!("{text}\nBot: {bot}\nRoom: {}", room.key());
        if let Ok(roster) = identity.membership.roster(room, rt::now()).await {
            message.push_str(&self.organisations(&roster, identity));
        }
        self.to(To::Room(ops), &message).await
    }

    /// Of the outsiders that are known so far, by configured name or id.
    fn organisations(&self, roster: &Roster, identity: &Identity) -> String {
        let outsiders = identity.widest.outsiders(roster);
        let orgs = outsiders.filter_map(|(_, standing, _)| match standing {
            Standing::Of(org) | Standing::GuestOf(org) => Some(self.ward.config.org_name(org)),
            Standing::Unknown => None,
        });
        let orgs: std::collections::BTreeSet<_> = orgs.collect();
        let named: Vec<_> = orgs.iter().take(ORGS).map(String::as_str).collect();
        let more = orgs.len().saturating_sub(ORGS);
        match (named.is_empty(), more) {
            (true, _) => String::new(),
            (false, 0) => format!("\nOrganisations: {}", named.join(", ")),
            (false, more) => format!("\nOrganisations: {}, and {more} more", named.join(", ")),
        }
    }

    async fn to(&self, to: To<'_>, text: &str) -> Result<Told, Outage> {
        let client = self.ward.desk.client();
        client.say(client.effort(Claim::Survey), to, text).await?;
        Ok(Told::Said)
    }
}
