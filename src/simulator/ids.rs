//! Public ids as Webex writes them: unpadded url-safe base64 of `ciscospark://<cluster>/<TYPE>/<local part>`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha1::{Digest as _, Sha1};
use uuid::Uuid;

/// Where things live unless the world says otherwise. People and organisations always live here.
pub(crate) const US: &str = "us";

/// The `TYPE` of a public id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Action,
    Application,
    Content,
    Membership,
    Message,
    Organization,
    Person,
    Room,
    Team,
    Webhook,
}

impl Kind {
    const fn label(self) -> &'static str {
        match self {
            Self::Action => "ATTACHMENT_ACTION",
            Self::Application => "APPLICATION",
            Self::Content => "CONTENT",
            Self::Membership => "MEMBERSHIP",
            Self::Message => "MESSAGE",
            Self::Organization => "ORGANIZATION",
            Self::Person => "PEOPLE",
            Self::Room => "ROOM",
            Self::Team => "TEAM",
            Self::Webhook => "WEBHOOK",
        }
    }
}

/// The public id of something in a cluster.
pub(crate) fn public(cluster: &str, kind: Kind, local: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("ciscospark://{cluster}/{}/{local}", kind.label()))
}

/// The public id of something that lives in the default cluster.
pub(crate) fn us(kind: Kind, local: Uuid) -> String {
    public(US, kind, &local.to_string())
}

/// Cluster and local part of a public id of that kind. Anything else is not an id: like the real API, which accepts
/// neither raw uuids nor padding nor the id of another thing.
pub(crate) fn parse(id: &str, kind: Kind) -> Option<(String, String)> {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
    let mut parts = plain.strip_prefix("ciscospark://")?.splitn(3, '/');
    let (cluster, label, local) = (parts.next()?, parts.next()?, parts.next()?);
    (label == kind.label()).then(|| (cluster.to_owned(), local.to_owned()))
}

/// Cluster and uuid of a public id of that kind.
pub(crate) fn parse_uuid(id: &str, kind: Kind) -> Option<(String, Uuid)> {
    let (cluster, local) = parse(id, kind)?;
    Some((cluster, Uuid::parse_str(&local).ok()?))
}

/// The uuid of something that the world names by a handle: the same in every run, so that demos can be repeated.
pub(crate) fn derived(what: &str, handle: &str) -> Uuid {
    let digest: [u8; 20] = Sha1::digest(format!("{what}:{handle}")).into();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    uuid::Builder::from_sha1_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_match_published_examples() {
        let uuid = Uuid::parse_str("946e4f40-d002-11e9-9ccb-a7e5bdebafb3").unwrap();
        let id = public("urn:TEAM:us-west-2_r", Kind::Message, &uuid.to_string());
        assert_eq!(
            id,
            "Y2lzY29zcGFyazovL3VybjpURUFNOnVzLXdlc3QtMl9yL01FU1NBR0UvOTQ2ZTRmNDAtZDAwMi0xMWU5LTljY2ItYTdlNWJkZWJhZmIz"
        );
        assert_eq!(parse_uuid(&id, Kind::Message), Some(("urn:TEAM:us-west-2_r".to_owned(), uuid)));
        assert_eq!(parse(&id, Kind::Room), None, "the id of a message names no room");
        assert_eq!(
            public(US, Kind::Organization, "consumer"),
            "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi9jb25zdW1lcg"
        );
    }

    #[test]
    fn derived_ids_repeat_and_differ() {
        assert_eq!(derived("room", "staff"), derived("room", "staff"));
        assert_ne!(derived("room", "staff"), derived("person", "staff"));
    }
}
