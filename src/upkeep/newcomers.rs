//! Who adds the bot to rooms: Webex tells the person in the event, and nowhere else; their organisation is asked for at
//! once, while they are in the room. Who has left meanwhile stays a person of an unknown organisation.

use tokio::sync::mpsc;

use super::ward::Ward;
use crate::audit::{Added, PATIENT, Who};
use crate::flow::Sighting;
use crate::gate::id::{PersonId, RoomId};
use crate::gate::roster::Standing;
use crate::report::outage::Outage;

/// Where the sightings of the bot go; `None` where there are no reports that would tell of it.
pub(super) fn start(ward: &Ward) -> Option<mpsc::Sender<Sighting>> {
    ward.audit.reports.as_ref()?;
    super::spawn(&ward.tools, "newcomers", remember(ward.clone()));
    Some(ward.kept.newcomers.sender.clone())
}

async fn remember(ward: Ward) {
    let mut sightings = ward.kept.newcomers.receiver.lock().await;
    while let Some(Some(sighting)) = ward.tenure.during(sightings.recv()).await {
        let Sighting::Added { room, actor: Some(actor), at, .. } = sighting else { continue };
        // Before anybody is asked: a survey may find them in the list of the room.
        ward.ledger.added(room.key(), Added { by: Who::Person(actor.key()), at });
        match standing(&ward, &room, &actor).await {
            Ok(Standing::Of(org) | Standing::GuestOf(org)) => {
                ward.ledger.added(room.key(), Added { by: Who::Org(org), at });
            }
            Ok(Standing::Unknown) => {}
            Err(outage) => ward.heed(&outage),
        }
    }
}

async fn standing(ward: &Ward, room: &RoomId, actor: &PersonId) -> Result<Standing, Outage> {
    let listed = ward.desk.client().member(PATIENT, room, actor).await?;
    Ok(listed.map_or(Standing::Unknown, |listed| listed.member().standing))
}
