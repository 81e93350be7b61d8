//! Rooms side by side, and those that could not be read once more.

use futures_util::stream::{self, StreamExt as _};

use super::auditor::Auditor;
use super::room::{Look, Seen};
use super::survey::Watch;
use super::whole::Whole;
use super::wish::Wish;
use crate::report::outage::{Kind, Outage};
use crate::report::{RoomState, Upkeep};
use crate::webex::Own;

/// Rooms that could not be read and have a record of their own: all of them come at once, and verdicts on events must
/// find a place among the records that wait to be written. The report has all.
const MOST_UNREAD: usize = 1000;

/// Rooms that could not be read in one pass.
#[derive(Debug, Default)]
struct Missed {
    rooms: Vec<(Own, Kind)>,
    /// Nobody was asked about some of them any more, for this reason.
    gave_up: Option<Kind>,
}

impl Auditor {
    /// Rooms that could not be read are tried once more when all others are done: Webex may be back by then.
    pub(super) async fn each(
        &self,
        rooms: Vec<Own>,
        wish: Wish,
        watch: &dyn Watch,
        whole: &mut Whole,
    ) -> Result<(), Outage> {
        let first = self.pass(rooms, wish, watch, whole).await?;
        let missed = first.rooms.into_iter().map(|(own, _)| own).collect();
        let second = self.pass(missed, wish, watch, whole).await?;
        whole.gave_up = first.gave_up.and(second.gave_up);
        for (number, (own, kind)) in second.rooms.into_iter().enumerate() {
            let seen = self.unread(&own, kind);
            if number < MOST_UNREAD {
                self.tell_room(&seen);
            }
            watch.row(&seen.row);
            whole.miss(seen, kind);
        }
        Ok(())
    }

    async fn pass(
        &self,
        rooms: Vec<Own>,
        wish: Wish,
        watch: &dyn Watch,
        whole: &mut Whole,
    ) -> Result<Missed, Outage> {
        let looks = rooms.into_iter().map(|own| Box::pin(self.look(own, wish)));
        let mut looks = stream::iter(looks).buffer_unordered(self.at_once);
        let mut missed = Missed::default();
        while let Some(look) = looks.next().await {
            match look? {
                Look::Seen(seen) => {
                    watch.row(&seen.row);
                    self.tell_room(&seen);
                    whole.take(*seen);
                }
                Look::Missed(own, kind) => missed.rooms.push((own, kind)),
                Look::Skipped(own, kind) => {
                    missed.rooms.push((own, kind));
                    missed.gave_up = Some(kind);
                }
            }
        }
        Ok(missed)
    }

    fn tell_room(&self, seen: &Seen) {
        let row = &seen.row;
        if row.state == RoomState::Clean {
            return;
        }
        let outsiders: Vec<_> =
            row.offending.iter().map(|(org, count)| (org.to_string(), *count)).collect();
        self.tell(&Upkeep::RoomFound {
            room: seen.room.key(),
            state: row.state,
            reason: seen.reason,
            members: row.members,
            outsiders: &outsiders,
            at: row.read_at,
        });
    }
}
