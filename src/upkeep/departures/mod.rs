//! Rooms that the bot leaves because of what was just seen there. Rules:
//!
//! 1. Only with `leave_rooms_with_outsiders: confirmed`, and not while a route of the bot observes.
//! 2. A room is looked at when an outsider joined, when an event of it was refused because of one, and when the bot was
//!    added to it. It waits in a line of at most [`line::LONGEST`] rooms, once.
//! 3. A room that was looked at is not looked at again for [`line::REST`], unless an outsider joined since, or the bot
//!    was added again: whoever writes in it all day must not make the gateway read it all day.
//! 4. The bot must be in it, and a complete list must name somebody who surely is an outsider. What could not be found
//!    out is no reason to leave.
//! 5. Within a day, no more rooms are left than `max_leave` says, those that audits left among them, as far as the
//!    ledger knows; a percentage is one of the rooms that the last audit counted. A room that was left several times is
//!    one room, and a direct room that was hidden is none. The bot stays in the rest, is silent there, and says so in
//!    the log. What was counted stays true until the room is left: audits wait for their turn.
//! 6. A second list confirms the first: [`Auditor::depart`].
//!
//! One room after the other: a bot has time to leave, for it is silent already.

mod line;

use std::sync::Arc;

use super::ward::{Enforced, Ward};
use crate::audit::{Auditor, Departed, Found, PATIENT, Permit};
use crate::config::Leave;
use crate::flow::Identity;
use crate::gate::departure::{Class, Unconfirmed, class};
use crate::gate::id::RoomId;
use crate::report::Upkeep;
use crate::report::outage::Outage;
use crate::rt;

pub(super) use line::Line;

/// Where the sightings of the bot go; `None` where it leaves nothing by itself.
pub(super) fn start(ward: &Ward) -> Option<Arc<Line>> {
    (ward.audit.leave == Leave::Confirmed).then(|| {
        let line = Arc::new(Line::default());
        super::spawn(&ward.tools, "departures", leave(ward.clone(), Arc::clone(&line)));
        line
    })
}

async fn leave(ward: Ward, line: Arc<Line>) {
    let identity = ward.known().await;
    let Some(auditor) = ward.auditor(identity) else { return };
    loop {
        let room = line.next().await;
        if ward.enforced(rt::now()) == Enforced::NotEverywhere {
            continue;
        }
        if let Err(outage) = look(&ward, identity, &auditor, &room).await {
            ward.heed(&outage);
            ward.tell(&Upkeep::RoomKept { room: room.key(), why: &outage.to_string() });
        }
    }
}

/// Rules 4 to 6.
async fn look(
    ward: &Ward,
    identity: &Identity,
    auditor: &Auditor,
    room: &RoomId,
) -> Result<(), Outage> {
    let client = ward.desk.client();
    let Some(own) = client.own_membership_in(PATIENT, room, identity.own).await? else {
        return Ok(());
    };
    let roster = auditor.roster(&own).await?;
    let stays = |why: &str| ward.tell(&Upkeep::RoomKept { room: room.key(), why });
    match class(&roster, &identity.widest) {
        Class::Clean => {}
        Class::Unknown(_) => stays(&Unconfirmed::Incomplete.to_string()),
        Class::Outsiders(_) => {
            let turn = ward.turn().await;
            match ward.permit(&turn, room.key()) {
                Some(permit) => depart(ward, auditor, &Found { own, roster }, permit).await,
                None => stays("`max_leave` rooms were left within a day"),
            }
        }
    }
    Ok(())
}

async fn depart(ward: &Ward, auditor: &Auditor, found: &Found, permit: Permit) {
    let departed = auditor.depart(found, permit, ward.audit.farewell.as_ref()).await;
    if let Departed::Failed(outage) | Departed::Unread(outage) = departed {
        ward.heed(&outage);
    }
}
