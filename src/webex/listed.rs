//! One member, as Webex lists it, and where that says they belong.

use std::fmt;

use super::model::Item;
use crate::gate::id::{BadId, Key, Org, OrgId, PersonId, RoomId};
use crate::gate::roster::{Member, Standing};

/// An item of a room's list.
#[derive(Clone, PartialEq, Eq)]
pub struct Listed {
    /// The room that the item says it belongs to.
    pub room: RoomId,
    /// Who it is.
    pub person: PersonId,
    /// Their organisation, when Webex tells one that can be read.
    pub org: Option<OrgId>,
    /// Their name, when Webex tells it: shown to people, never logged.
    pub display_name: Option<Box<str>>,
    /// What follows the `@` of their address, when Webex tells one. It never lets anybody in; without it nobody knows
    /// whether they are a guest.
    pub domain: Option<Box<str>>,
    /// Webex said that something about this item could not be told.
    pub has_errors: bool,
}

impl Listed {
    pub(super) fn read(item: Item) -> Result<Self, BadId> {
        let domain = item.person_email.as_deref().and_then(domain);
        Ok(Self {
            room: RoomId::parse(&item.room_id)?,
            person: PersonId::parse(&item.person_id)?,
            org: item.person_org_id.and_then(|id| OrgId::parse(&id).ok()),
            display_name: item.person_display_name,
            domain: domain.map(Into::into),
            has_errors: item.errors.is_some(),
        })
    }

    /// What the rules look at.
    pub fn member(&self) -> Member {
        Member { room: self.room.key(), person: self.person.key(), standing: self.standing() }
    }

    fn standing(&self) -> Standing {
        match (&self.org, self.issuer()) {
            _ if self.has_errors || self.domain.is_none() => Standing::Unknown,
            (Some(org), None) => Standing::Of(org.key()),
            (Some(org), Some(issuer)) if issuer == org.key() => Standing::GuestOf(issuer),
            // Not told; or an address of one organisation and an account of another, and one of them is not true.
            (None, _) | (Some(_), Some(_)) => Standing::Unknown,
        }
    }

    /// Guests have addresses like `<subject>@<uuid of the issuing organisation>`.
    fn issuer(&self) -> Option<Key<Org>> {
        let domain = self.domain.as_deref()?.trim_end_matches('.');
        let org = OrgId::parse(domain).ok()?.key();
        (domain.len() == 36 && org.uuid().is_some()).then_some(org)
    }
}

/// The same with the address, which the gateway itself never keeps: for reports that were asked to show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Addressed {
    /// What the rules look at, and the name.
    pub listed: Listed,
    /// The address, when Webex tells one.
    pub email: Option<Box<str>>,
}

impl Addressed {
    pub(super) fn read(item: Item) -> Result<Self, BadId> {
        let email = item.person_email.clone();
        Ok(Self { listed: Listed::read(item)?, email })
    }
}

/// No address.
impl fmt::Debug for Addressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.listed.fmt(f)
    }
}

fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain.trim())
}

/// No name and no domain.
impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listed")
            .field("person", &self.person)
            .field("standing", &self.standing())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const UUID: &str = "946e4f40-d002-11e9-9ccb-a7e5bdebafb3";
    const OTHER: &str = "146e4f40-d002-11e9-9ccb-a7e5bdebafb3";

    fn listed(changes: &Value) -> Result<Listed, BadId> {
        let mut item = json!({
            "roomId": UUID, "personId": UUID, "personEmail": "ann@example.com", "personOrgId": UUID,
            "personDisplayName": "Ann Example", "isModerator": false
        });
        for (name, value) in changes.as_object().unwrap() {
            item[name] = value.clone();
        }
        Listed::read(serde_json::from_value(item).unwrap())
    }

    fn standing(changes: &Value) -> Standing {
        listed(changes).unwrap().member().standing
    }

    #[test]
    fn only_an_organisation_that_webex_tells_counts() {
        let org = OrgId::parse(UUID).unwrap().key();
        assert_eq!(standing(&json!({})), Standing::Of(org));
        assert_eq!(standing(&json!({"errors": null})), Standing::Of(org));
        for unknown in [
            json!({"personOrgId": null}),
            json!({"personOrgId": "rubbish"}),
            json!({"errors": {"personOrgId": {"code": "kms_failure"}}}),
            json!({"errors": []}),
            json!({"personEmail": null}),
            json!({"personEmail": ""}),
            json!({"personEmail": "no address"}),
            json!({"personOrgId": null, "personEmail": format!("g@{UUID}")}),
        ] {
            assert_eq!(standing(&unknown), Standing::Unknown, "{unknown}");
        }
    }

    #[test]
    fn guests_are_known_by_their_address_and_nobody_is_let_in_by_it() {
        let org = OrgId::parse(UUID).unwrap().key();
        for guest in [UUID.to_owned(), UUID.to_uppercase(), format!("{UUID}.")] {
            let changes = json!({"personEmail": format!("a@b@{guest}")});
            assert_eq!(standing(&changes), Standing::GuestOf(org), "{guest}");
        }
        let contradiction = json!({"personEmail": format!("g@{OTHER}")});
        assert_eq!(standing(&contradiction), Standing::Unknown);
        for plain in ["bot@webex.bot", "bot@sparkbot.io", "x@consumer"] {
            let changes = json!({"personEmail": plain});
            assert_eq!(standing(&changes), Standing::Of(org), "{plain}");
        }
    }

    #[test]
    fn an_id_that_is_not_one_is_told_and_debug_names_nobody() {
        assert!(listed(&json!({"roomId": "rubbish"})).is_err());
        assert!(listed(&json!({"personId": ""})).is_err());
        let text = format!("{:?}", listed(&json!({})).unwrap());
        assert!(!text.contains("Ann") && !text.contains("example"), "{text}");
        let item = json!({"roomId": UUID, "personId": UUID, "personEmail": "ann@example.com"});
        let addressed = Addressed::read(serde_json::from_value(item).unwrap()).unwrap();
        assert_eq!(addressed.email.as_deref(), Some("ann@example.com"));
        assert!(!format!("{addressed:?}").contains("ann"), "{addressed:?}");
    }
}
