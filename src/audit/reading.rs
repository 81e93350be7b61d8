//! The list of a room, read to its end.

use super::auditor::Auditor;
use super::row::Outsider;
use super::wish::People;
use crate::gate::roster::{Builder, Roster, Standing};
use crate::report::outage::Outage;
use crate::rt;
use crate::webex::{Addressed, Listed, Own};

/// Outsiders of one room whose addresses are told; who wants more has to ask for the room.
const MOST_PEOPLE: usize = 1000;

/// A list, and who is to be told about by name.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) roster: Roster,
    pub(super) people: Option<Vec<Outsider>>,
    pub(super) pages: usize,
}

impl Auditor {
    /// Who is in a room, to the last of them: the first list of two.
    pub async fn roster(&self, own: &Own) -> Result<Roster, Outage> {
        self.read(own, People::Hidden).await.map(|reading| reading.roster)
    }

    pub(super) async fn read(&self, own: &Own, people: People) -> Result<Reading, Outage> {
        let room = &own.room;
        let mut builder = Builder::new(room.key(), &self.widest, rt::now()).everybody();
        let (mut named, mut pages) = (Vec::new(), 0);
        let end = match people {
            People::Hidden => {
                let each = |items: &[Listed]| {
                    pages += 1;
                    builder.page(items.iter().map(Listed::member))
                };
                self.client.memberships_by(self.effort, room, each).await?
            }
            People::Shown => {
                let each = |items: &[Addressed]| {
                    pages += 1;
                    self.name(items, &mut named);
                    builder.page(items.iter().map(|item| item.listed.member()))
                };
                self.client.people_by(self.effort, room, each).await?
            }
        };
        let people = (people == People::Shown).then_some(named);
        Ok(Reading { roster: builder.finish(end), people, pages: pages.max(1) })
    }

    fn name(&self, items: &[Addressed], named: &mut Vec<Outsider>) {
        for Addressed { listed, email } in items {
            let member = listed.member();
            let (Standing::Of(org) | Standing::GuestOf(org)) = member.standing else { continue };
            if !self.widest.admits(member.person, member.standing) && named.len() < MOST_PEOPLE {
                let name = listed.display_name.clone();
                named.push(Outsider { org: self.org_name(org), name, email: email.clone() });
            }
        }
    }
}
