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

impl Auditor {
    /// Rooms that could not be read are tried once more when all others are done: Webex may be back by then.
    pub(super) async fn each(
        &self,
        rooms: Vec<Own>,
        wish: Wish,
        watch: &dyn Watch,
        whole: &mut Whole,
    ) -> Result<(), Outage> {
        let missed = self.pass(rooms, wish, watch, whole).await?;
        let missed = missed.into_iter().map(|(own, _)| own).collect();
        let missed = self.pass(missed, wish, watch, whole).await?;
        for (number, (own, kind)) in missed.into_iter().enumerate() {
            let seen = self.unread(&own, kind);
            if number < MOST_UNREAD {
                self.tell_room(&seen);
            }
            watch.row(&seen.row);
            whole.take(seen);
        }
        Ok(())
    }

    async fn pass(
        &self,
        rooms: Vec<Own>,
        wish: Wish,
        watch: &dyn Watch,
        whole: &mut Whole,
    ) -> Result<Vec<(Own, Kind)>, Outage> {
        let looks = rooms.into_iter().map(|own| Box::pin(self.look(own, wish)));
        let mut looks = stream::iter(looks).buffer_unordered(self.at_once);
        let mut missed = Vec::new();
        while let Some(look) = looks.next().await {
            match look? {
                Look::Seen(seen) => {
                    watch.row(&seen.row);
                    self.tell_room(&seen);
                    whole.take(*seen);
                }
                Look::Missed(own, kind) => missed.push((own, kind)),
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
