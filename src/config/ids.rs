//! Ids for people to type: records show bare UUIDs, and Webex is asked by the long form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The long form of a bare UUID, such as `Y2lzY29zcGFyazovL3VzL1JPT00v…` for the kind `ROOM`; `None` for any other
/// text. The region is a guess: most are `us`, and only Webex knows better.
pub fn long_id(kind: &str, text: &str) -> Option<String> {
    // The other spellings of a UUID are none of an id.
    let uuid = (text.len() == 36).then(|| text.parse::<uuid::Uuid>().ok()).flatten()?;
    Some(URL_SAFE_NO_PAD.encode(format!("ciscospark://us/{kind}/{uuid}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::id::RoomId;

    #[test]
    fn a_bare_uuid_becomes_an_id_that_webex_knows() {
        let uuid = "946E4F40-d002-11e9-9ccb-a7e5bdebafb3";
        let long = long_id("ROOM", uuid).unwrap();
        assert_eq!(
            long,
            "Y2lzY29zcGFyazovL3VzL1JPT00vOTQ2ZTRmNDAtZDAwMi0xMWU5LTljY2ItYTdlNWJkZWJhZmIz"
        );
        assert_eq!(RoomId::parse(&long).unwrap(), RoomId::parse(uuid).unwrap());
        for text in ["", &long, "946e4f40d00211e99ccba7e5bdebafb3", &"x".repeat(36)] {
            assert_eq!(long_id("ROOM", text), None, "{text}");
        }
    }
}
