//! The closed list of reasons for saying no: the caller's fault or the room's, never retried.

use std::fmt;

/// Why a call or an event goes no further. Labels are API: metric labels and record reasons; only ever added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// A guest of a guest issuer is in the room.
    AppUser,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body is larger than `body_limit`.
    BodyTooLarge,
    /// The same event was kept already.
    Duplicate,
    /// The event says that it was created in the future.
    EventFromFuture,
    /// The event was created longer ago than `max_event_age`.
    EventTooOld,
    /// Signed, but not an event as Webex documents it.
    Malformed,
    /// Not a POST.
    Method,
    /// The event names no room.
    NoRoom,
    /// No route has this path.
    NoRoute,
    /// A member without an organisation, or one that Webex could not read.
    OrgMissing,
    /// A member of an organisation that is not allowed.
    OutsideOrg,
    /// No place to keep the event, or too many calls at once.
    Overloaded,
    /// The bot's own message came back.
    OwnMessage,
    /// Events of this resource are not let through on this route.
    ResourceDenied,
    /// Webex listed nobody.
    RoomEmpty,
    /// The list of members is not the whole list.
    RoomIncomplete,
    /// More members than `max_members`.
    RoomTooLarge,
    /// Webex does not know the room, or the bot is not in it.
    RoomUnknown,
    /// Whoever sent this is not a member of the room.
    SenderNotInRoom,
    /// The signature is not the MAC of these bytes under any of the route's keys.
    SignatureMismatch,
    /// No `X-Spark-Signature`.
    SignatureMissing,
    /// More than one `X-Spark-Signature`.
    SignatureRepeated,
    /// Signed, but by a registration of somebody else.
    WrongWebhook,
}

/// What a refusal is called in metrics and records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// An unauthenticated caller was turned away.
    Reject,
    /// An authentic event was refused by policy.
    Deny,
    /// An authentic event that a bot has no use for.
    Skip,
}

impl Family {
    /// The word for it in metrics and records.
    pub fn label(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Deny => "deny",
            Self::Skip => "skip",
        }
    }
}

impl Refusal {
    /// Every reason, in the order of the rules.
    pub const ALL: [Self; 24] = [
        Self::NoRoute,
        Self::Method,
        Self::BodyTooLarge,
        Self::BodyTimeout,
        Self::Overloaded,
        Self::SignatureMissing,
        Self::SignatureRepeated,
        Self::SignatureMismatch,
        Self::Malformed,
        Self::WrongWebhook,
        Self::Duplicate,
        Self::ResourceDenied,
        Self::EventTooOld,
        Self::EventFromFuture,
        Self::OwnMessage,
        Self::NoRoom,
        Self::RoomUnknown,
        Self::OutsideOrg,
        Self::AppUser,
        Self::OrgMissing,
        Self::RoomTooLarge,
        Self::RoomEmpty,
        Self::RoomIncomplete,
        Self::SenderNotInRoom,
    ];

    /// The number of the rule in [`super`] that says no.
    pub fn rule(self) -> usize {
        Self::ALL.iter().position(|one| *one == self).map_or(0, |at| at + 1)
    }

    /// Who is turned away: a stranger, an event, or an event that is merely of no use.
    pub fn family(self) -> Family {
        match self {
            Self::BodyTimeout
            | Self::BodyTooLarge
            | Self::Method
            | Self::NoRoute
            | Self::SignatureMismatch
            | Self::SignatureMissing
            | Self::SignatureRepeated => Family::Reject,
            Self::Duplicate | Self::OwnMessage => Family::Skip,
            Self::AppUser
            | Self::EventFromFuture
            | Self::EventTooOld
            | Self::Malformed
            | Self::NoRoom
            | Self::OrgMissing
            | Self::OutsideOrg
            | Self::Overloaded
            | Self::ResourceDenied
            | Self::RoomEmpty
            | Self::RoomIncomplete
            | Self::RoomTooLarge
            | Self::RoomUnknown
            | Self::SenderNotInRoom
            | Self::WrongWebhook => Family::Deny,
        }
    }

    /// The word for it in metrics and records.
    pub fn label(self) -> &'static str {
        match self {
            Self::AppUser => "app_user",
            Self::BodyTimeout => "body_timeout",
            Self::BodyTooLarge => "body_too_large",
            Self::Duplicate => "duplicate",
            Self::EventFromFuture => "event_from_future",
            Self::EventTooOld => "event_too_old",
            Self::Malformed => "malformed",
            Self::Method => "method",
            Self::NoRoom => "no_room",
            Self::NoRoute => "no_route",
            Self::OrgMissing => "org_missing",
            Self::OutsideOrg => "outside_org",
            Self::Overloaded => "overloaded",
            Self::OwnMessage => "self",
            Self::ResourceDenied => "resource_denied",
            Self::RoomEmpty => "room_empty",
            Self::RoomIncomplete => "room_incomplete",
            Self::RoomTooLarge => "room_too_large",
            Self::RoomUnknown => "room_unknown",
            Self::SenderNotInRoom => "sender_not_in_room",
            Self::SignatureMismatch => "signature_mismatch",
            Self::SignatureMissing => "signature_missing",
            Self::SignatureRepeated => "signature_repeated",
            Self::WrongWebhook => "wrong_webhook",
        }
    }

    /// The reason as a sentence for a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::AppUser => "A guest of a guest issuer is in the room, and `app_users` is `deny`.",
            Self::BodyTimeout => "The body of the call did not arrive within `body_timeout`.",
            Self::BodyTooLarge => "The body of the call is larger than `body_limit`.",
            Self::Duplicate => {
                "The bot has had this event already, or it waits here: it is delivered once."
            }
            Self::EventFromFuture => {
                "The event says that it was created in the future; check the clocks."
            }
            Self::EventTooOld => {
                "The event was created longer ago than `max_event_age`; it may be a replay."
            }
            Self::Malformed => "The call is signed, but it is not a Webex event as documented.",
            Self::Method => "Webhooks are delivered by POST.",
            Self::NoRoom => {
                "The event names no room, and the rule for its resource asks about the room."
            }
            Self::NoRoute => "No route has this path.",
            Self::OrgMissing => "Webex did not say which organisation a member belongs to.",
            Self::OutsideOrg => {
                "A member of the room belongs to an organisation that is not in `allowed_orgs`."
            }
            Self::Overloaded => {
                "There is no place to keep the event: the inbox is full, or the gateway is stopping."
            }
            Self::OwnMessage => "The bot's own message came back; bots need not hear themselves.",
            Self::ResourceDenied => "Events of this resource are not let through on this route.",
            Self::RoomEmpty => "Webex listed no member at all, not even the bot.",
            Self::RoomIncomplete => {
                "The list of members is not complete, so nobody can say that the room is clean."
            }
            Self::RoomTooLarge => {
                "The room has more than `max_members` members; it is never checked in part."
            }
            Self::RoomUnknown => "Webex does not know the room, or the bot is not a member of it.",
            Self::SenderNotInRoom => "Whoever sent this is not in the list of members.",
            Self::SignatureMismatch => {
                "The signature does not belong to these bytes: a forgery, or another secret."
            }
            Self::SignatureMissing => "The call is not signed.",
            Self::SignatureRepeated => "The call carries more than one signature.",
            Self::WrongWebhook => {
                "The call is signed, but its webhook was not created by this bot."
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_reason_has_its_own_rule_number_label_and_sentence() {
        let labels: HashSet<_> = Refusal::ALL.iter().map(|one| one.label()).collect();
        let sentences: HashSet<_> = Refusal::ALL.iter().map(|one| one.sentence()).collect();
        assert_eq!((labels.len(), sentences.len()), (Refusal::ALL.len(), Refusal::ALL.len()));
        for (at, one) in Refusal::ALL.iter().enumerate() {
            assert_eq!(one.rule(), at + 1, "{one}");
            assert!(one.sentence().ends_with('.'), "{one}");
        }
    }

    /// Labels are API, and so is what counts as turned away, as denied and as skipped.
    #[test]
    fn reasons_keep_their_names_and_families() {
        let of = |family: Family| {
            let reasons = Refusal::ALL.into_iter().filter(|one| one.family() == family);
            let names: Vec<_> = reasons.map(|one| one.to_string()).collect();
            (family.label(), names.join(" "))
        };
        let reject = "no_route method body_too_large body_timeout signature_missing \
                      signature_repeated signature_mismatch";
        let deny = "overloaded malformed wrong_webhook resource_denied event_too_old \
                    event_from_future no_room room_unknown outside_org app_user org_missing \
                    room_too_large room_empty room_incomplete sender_not_in_room";
        assert_eq!(of(Family::Reject), ("reject", reject.to_owned()));
        assert_eq!(of(Family::Deny), ("deny", deny.to_owned()));
        assert_eq!(of(Family::Skip), ("skip", "duplicate self".to_owned()));
    }

    #[test]
    fn the_variants_stand_in_alphabetical_order() {
        let mut sorted = Refusal::ALL;
        sorted.sort_unstable();
        let names: Vec<_> = sorted.iter().map(|one| format!("{one:?}")).collect();
        assert!(names.is_sorted(), "{names:?}");
    }
}
