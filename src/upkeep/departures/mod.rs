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
//! 7. Where another configuration comes into force for the bot, whatever is not the last step of a departure is given up
//!    ([`Tenure`](crate::audit::Tenure)). The rooms in the line are looked at by the new rules, and so is the one that
//!    was being looked at.
//!
//! One room after the other: a bot has time to leave, for it is silent already.

mod line;

use std::sync::Arc;

use super::ward::{Enforced, Ward};
use crate::audit::{Auditor, Departed, Found, PATIENT, Permit, TenureState};
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
        super::spawn(&ward.tools, "departures", leave(ward.clone()));
        Arc::clone(&ward.kept.line)
    })
}

async fn leave(ward: Ward) {
    let _after_the_one_before = ward.kept.departures.lock().await;
    ward.kept.line.again();
    let Some(identity) = ward.tenure.during(ward.known()).await else { return };
    let Some(auditor) = ward.auditor(identity) else { return };
    while ward.tenure.state() == TenureState::InForce {
        let Some(room) = ward.tenure.during(ward.kept.line.next()).await else { return };
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
    let finding = ward.tenure.during(find(ward, identity, auditor, room)).await;
    let Some(Found { own, roster }) = finding.transpose()?.flatten() else { return Ok(()) };
    let stays = |why: &str| ward.tell(&Upkeep::RoomKept { room: room.key(), why });
    match class(&roster, &identity.widest) {
        Class::Clean => {}
        Class::Unknown(_) => stays(&Unconfirmed::Incomplete.to_string()),
        Class::Outsiders(_) => {
            let Some(turn) = ward.tenure.during(ward.turn()).await else { return Ok(()) };
            match ward.permit(&turn, room.key()) {
                Some(permit) => depart(ward, auditor, &Found { own, roster }, permit).await,
                None => stays("`max_leave` rooms were left within a day"),
            }
        }
    }
    Ok(())
}

/// The bot's place in the room, and who is there; `None` where it is not in it.
async fn find(
    ward: &Ward,
    identity: &Identity,
    auditor: &Auditor,
    room: &RoomId,
) -> Result<Option<Found>, Outage> {
    let client = ward.desk.client();
    let own = client.own_membership_in(PATIENT, room, identity.own).await?;
    let Some(own) = own else { return Ok(None) };
    let roster = auditor.roster(&own).await?;
    Ok(Some(Found { own, roster }))
}

async fn depart(ward: &Ward, auditor: &Auditor, found: &Found, permit: Permit) {
    let departed = auditor.depart(found, permit, ward.audit.farewell.as_ref()).await;
    if let Departed::Failed(outage) | Departed::Unread(outage) = departed {
        ward.heed(&outage);
    }
}
