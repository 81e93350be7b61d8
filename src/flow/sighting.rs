//! What the gateway has seen that somebody beside the path of the event may want to act on: audits, notices, webhooks.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::mpsc;

use super::desk::Identity;
use crate::gate::effect::Effect;
use crate::gate::event::{Facts, Resource, Verb};
use crate::gate::id::{PersonId, RoomId};
use crate::gate::refusal::Refusal;

/// More than anybody can act on within a few seconds. What does not fit is lost: audits find it again, and notices are
/// rare on purpose.
const MOST: usize = 1024;

/// Something that was seen in an authentic event of the bot's own webhooks.
#[derive(Clone, Debug)]
pub enum Sighting {
    /// Somebody put the bot into a room.
    Added {
        /// The bot.
        bot: Arc<str>,
        /// The room.
        room: RoomId,
        /// Who did it, as far as Webex tells.
        actor: Option<PersonId>,
        /// When the membership was made, or the event came.
        at: SystemTime,
    },
    /// Who is in a room changed.
    Membership {
        /// The bot.
        bot: Arc<str>,
        /// The room.
        room: RoomId,
        /// Somebody joined who is an outsider for every route of the bot.
        outsider: bool,
    },
    /// An event was refused, because somebody in the room surely is an outsider: never because it could not be found
    /// out, and never in observe mode.
    Refused {
        /// The bot.
        bot: Arc<str>,
        /// The room.
        room: RoomId,
        /// Who caused the event.
        actor: Option<PersonId>,
        /// Somebody talks to the bot: a message, or a card that was submitted.
        speaks: bool,
    },
}

impl Sighting {
    /// Whose webhook told it.
    pub fn bot(&self) -> &Arc<str> {
        match self {
            Self::Added { bot, .. } | Self::Membership { bot, .. } | Self::Refused { bot, .. } => {
                bot
            }
        }
    }
}

/// Where sightings are read.
pub type Sightings = mpsc::Receiver<Sighting>;

/// Where sightings are told; nobody may be listening.
#[derive(Clone, Debug)]
pub(super) struct Lookout(mpsc::Sender<Sighting>);

impl Lookout {
    pub(super) fn new() -> (Self, Sightings) {
        let (sender, receiver) = mpsc::channel(MOST);
        (Self(sender), receiver)
    }

    /// An event says something about who is in a room. Told once what is known about the room has changed: who hears
    /// of it and asks must not be answered from before.
    pub(super) fn heed(&self, seen: Vec<Sighting>) {
        for sighting in seen {
            self.tell(sighting);
        }
    }

    /// An event was refused.
    pub(super) fn refused(&self, bot: &Arc<str>, facts: &Facts, refusal: Refusal) {
        let (Refusal::OutsideOrg | Refusal::AppUser, Some(room)) = (refusal, &facts.room) else {
            return;
        };
        let speaks = facts.verb == Verb::Created
            && matches!(facts.resource, Resource::Messages | Resource::AttachmentActions);
        let (bot, room, actor) = (Arc::clone(bot), room.clone(), facts.actor.clone());
        self.tell(Sighting::Refused { bot, room, actor, speaks });
    }

    fn tell(&self, sighting: Sighting) {
        let _full_or_nobody_listens = self.0.try_send(sighting);
    }
}

/// What an event says about who is in a room.
pub(super) fn of(
    (bot, identity): (&Arc<str>, &Identity),
    facts: &Facts,
    effect: &Effect,
    now: SystemTime,
) -> Vec<Sighting> {
    let (Resource::Memberships, Some(room)) = (&facts.resource, &facts.room) else {
        return Vec::new();
    };
    let own = facts.person == Some(identity.own);
    let added = (own && facts.verb == Verb::Created).then(|| Sighting::Added {
        bot: Arc::clone(bot),
        room: room.clone(),
        actor: facts.actor.clone(),
        at: facts.created.unwrap_or(now),
    });
    let outsider = matches!(effect, Effect::Outsider(_));
    let changed = Sighting::Membership { bot: Arc::clone(bot), room: room.clone(), outsider };
    added.into_iter().chain([changed]).collect()
}
