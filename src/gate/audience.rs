//! Who may be in a room: the part of a policy that a list of members is held against.

use std::collections::BTreeSet;

use super::id::{Key, Org, Person};
use super::policy::Policy;
use super::refusal::Refusal;
use super::roster::{Bearer, Roster, Standing};

/// Whether guests of an allowed organisation's guest issuer may be in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppUsers {
    /// They count as members of the issuing organisation.
    Allow,
    /// They count as outsiders.
    Deny,
}

impl Policy {
    /// Who may be in a room of this route's bot, once the bot's own id is known.
    pub fn audience(&self, own: Key<Person>) -> Audience {
        Audience {
            own,
            allowed: self.allowed_orgs.iter().copied().collect(),
            trusted: self.trusted_bots.iter().copied().collect(),
            app_users: self.app_users,
            max_members: self.max_members,
        }
    }
}

/// Who may be in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// The bot itself; its organisation is that of its maker and says nothing.
    pub own: Key<Person>,
    /// In order rather than hashed: it is looked into for each member of a room at each event, and mostly holds a few.
    allowed: BTreeSet<Key<Org>>,
    trusted: BTreeSet<Key<Person>>,
    app_users: AppUsers,
    /// Larger rooms are refused, never checked in part.
    pub max_members: usize,
}

impl Audience {
    /// Whether somebody who belongs there may be in a room. Exempt are, by person id only, the bot itself and trusted
    /// bots; no rule looks at the end of an e-mail address to let somebody in.
    pub fn admits(&self, person: Key<Person>, standing: Standing) -> bool {
        self.objection(person, standing).is_none()
    }

    /// The widest of two: for reading a room once for several routes of one bot.
    #[must_use]
    pub fn widened(mut self, other: &Self) -> Self {
        self.allowed.extend(&other.allowed);
        self.trusted.extend(&other.trusted);
        self.max_members = self.max_members.max(other.max_members);
        if other.app_users == AppUsers::Allow {
            self.app_users = AppUsers::Allow;
        }
        self
    }

    fn objection(&self, person: Key<Person>, standing: Standing) -> Option<Refusal> {
        let objection = self.objection_to(standing)?;
        let exempt = person == self.own || self.trusted.contains(&person);
        (!exempt).then_some(objection)
    }

    /// What stands against everybody who belongs there and is not exempt.
    fn objection_to(&self, standing: Standing) -> Option<Refusal> {
        match standing {
            Standing::Of(org) | Standing::GuestOf(org) if !self.allowed.contains(&org) => {
                Some(Refusal::OutsideOrg)
            }
            Standing::GuestOf(_) if self.app_users == AppUsers::Deny => Some(Refusal::AppUser),
            Standing::Unknown => Some(Refusal::OrgMissing),
            Standing::Of(_) | Standing::GuestOf(_) => None,
        }
    }

    /// The members that this audience does not admit, and why.
    pub fn outsiders<'a>(
        &'a self,
        roster: &'a Roster,
    ) -> impl Iterator<Item = (Key<Person>, Standing, Refusal)> + 'a {
        let members = roster.members().iter();
        members.filter_map(|&(person, standing)| {
            Some((person, standing, self.objection(person, standing)?))
        })
    }

    /// The rule that the room breaks, the lowest number first. It looks at members one by one only where a standing that
    /// several of them have is not allowed: most events come from large rooms in which everybody is.
    pub(super) fn broken_rule(&self, roster: &Roster) -> Option<Refusal> {
        let harmless = |(standing, bearer): &(Standing, Bearer)| match bearer {
            Bearer::Only(person) => self.admits(*person, *standing),
            Bearer::Several => self.objection_to(*standing).is_none(),
        };
        if roster.standings().iter().all(harmless) {
            return None;
        }
        self.outsiders(roster).map(|(_, _, refusal)| refusal).min_by_key(|refusal| refusal.rule())
    }
}
