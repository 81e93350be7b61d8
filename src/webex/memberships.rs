//! `GET /memberships`: every page of a room's list.

use std::ops::ControlFlow;

use url::Url;

use super::budget::Claim;
use super::call::{Effort, Reply};
use super::client::Client;
use super::listed::{Addressed, Listed};
use super::model::{Item, Page};
use super::trail::{Step, Trail, nonsense};
use crate::gate::id::{BadId, PersonId, RoomId};
use crate::gate::roster::End;
use crate::report::Operation;
use crate::report::outage::Outage;

/// Asked for; Webex documents no upper bound and takes more down to this. A room of 5,000 people is 5 calls.
const PER_PAGE: &str = "1000";
/// A thousand items of 4 kB; real ones have about 0.6 kB.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// All pages together: five times 5,000 real items.
const LIST_BYTES: usize = 16 * 1024 * 1024;

impl Client {
    /// Who is in a room, for somebody who wants to know it now: see [`memberships_for`](Self::memberships_for).
    pub async fn memberships(
        &self,
        room: &RoomId,
        each: impl FnMut(&[Listed]) -> ControlFlow<()> + Send,
    ) -> Result<End, Outage> {
        self.memberships_for(Claim::Regular, room, each).await
    }

    /// Who is in a room, page by page, until there are no more or `each` breaks off. An item whose ids cannot be read
    /// makes the list an outage: to skip it could be to skip the outsider.
    pub async fn memberships_for(
        &self,
        claim: Claim,
        room: &RoomId,
        each: impl FnMut(&[Listed]) -> ControlFlow<()> + Send,
    ) -> Result<End, Outage> {
        self.memberships_by(self.effort(claim), room, each).await
    }

    /// The same, as hard as is said.
    pub async fn memberships_by(
        &self,
        effort: Effort,
        room: &RoomId,
        each: impl FnMut(&[Listed]) -> ControlFlow<()> + Send,
    ) -> Result<End, Outage> {
        self.pages(effort, room, Listed::read, each).await
    }

    /// The same with addresses, for a report that was asked to show them.
    pub async fn people_by(
        &self,
        effort: Effort,
        room: &RoomId,
        each: impl FnMut(&[Addressed]) -> ControlFlow<()> + Send,
    ) -> Result<End, Outage> {
        self.pages(effort, room, Addressed::read, each).await
    }

    async fn pages<T: Send>(
        &self,
        effort: Effort,
        room: &RoomId,
        read: fn(Item) -> Result<T, BadId>,
        mut each: impl FnMut(&[T]) -> ControlFlow<()> + Send,
    ) -> Result<End, Outage> {
        let question = effort.question(Operation::Memberships);
        if effort.claim == Claim::Stranger {
            self.budget.line_up(room.key(), question.deadline).await?;
        }
        let mut here = self.first_page(room);
        let mut trail = Trail::new(here.clone());
        let mut left = LIST_BYTES;
        loop {
            let limit = left.min(PAGE_BYTES);
            let found = match self.ask::<Page<Item>>(question, &here, limit).await? {
                Reply::Found(found) => found,
                Reply::Absent | Reply::Done => return Ok(End::NoSuchRoom),
            };
            left = left.saturating_sub(found.size);
            if each(&members(found.value, read)?).is_break() {
                return Ok(End::GaveUp);
            }
            match trail.step(&here, &found.headers)? {
                Step::Page(next) => here = next,
                Step::End(end) => return Ok(end),
            }
        }
    }

    /// One person in one room: `None` when they are not in it (any more), or the bot is not.
    pub async fn member(
        &self,
        effort: Effort,
        room: &RoomId,
        person: &PersonId,
    ) -> Result<Option<Listed>, Outage> {
        let url = self.member_url(room, person.as_str());
        let question = effort.question(Operation::Member);
        let found = match self.ask::<Page<Item>>(question, &url, PAGE_BYTES).await? {
            Reply::Found(found) => members(found.value, Listed::read)?,
            Reply::Absent | Reply::Done => return Ok(None),
        };
        let Some(listed) = found.into_iter().next() else { return Ok(None) };
        if listed.room != *room || listed.person != *person {
            return Err(nonsense("Webex was asked for a member of a room and told another"));
        }
        Ok(Some(listed))
    }

    pub(super) fn member_url(&self, room: &RoomId, person: &str) -> Url {
        let mut url = self.url(&["memberships"]);
        let mut query = url.query_pairs_mut();
        query.append_pair("roomId", room.as_str()).append_pair("personId", person);
        drop(query);
        url
    }

    fn first_page(&self, room: &RoomId) -> Url {
        let mut url = self.url(&["memberships"]);
        url.query_pairs_mut().append_pair("roomId", room.as_str()).append_pair("max", PER_PAGE);
        url
    }
}

fn members<T>(page: Page<Item>, read: fn(Item) -> Result<T, BadId>) -> Result<Vec<T>, Outage> {
    let items = page.items.into_iter().map(read);
    let items: Result<_, _> = items.collect();
    items
        .map_err(|_bad_id| nonsense("a member in the list of a room has an id that cannot be read"))
}
