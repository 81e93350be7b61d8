//! What an event must prove before a bot sees it. Pure: no clock, no I/O, no logging.
//!
//! A call is turned away, or an event refused, by the first of these rules that it breaks:
//!
//! 1. It came to the path of a route …
//! 2. … by POST …
//! 3. … with a body within `body_limit` …
//! 4. … that arrived within `body_timeout` …
//! 5. … while there was a place to keep it. (1 to 5: ingress)
//! 6. It carries an `X-Spark-Signature` …
//! 7. … exactly one …
//! 8. … that is the HMAC-SHA1 of the raw body under one of the route's keys. ([`signature`])
//! 9. Its body is an envelope as Webex documents it …
//! 10. … of a webhook that this bot itself registered. ([`event`])
//! 11. It was not kept already. (inbox)
//! 12. Its resource is let through on this route.
//! 13. A `created` event is not older than `max_event_age` …
//! 14. … and does not come from the future.
//! 15. It is not the bot's own message.
//! 16. It names a room.
//! 17. Webex knows the room, and the bot is in it.
//! 18. Nobody in the room belongs to an organisation that is not allowed …
//! 19. … or is a guest of a guest issuer …
//! 20. … or is somebody whose organisation Webex did not tell.
//! 21. The room has no more than `max_members` members …
//! 22. … and at least one.
//! 23. The list is whole: every page, every item of this room, the bot itself in it.
//! 24. Whoever wrote, edited or submitted is in the list. (12 to 24: [`policy`])
//!
//! Outsiders are looked for first (18 to 20): half a list is enough to say no. What could not be found out is neither
//! yes nor no: it waits, is asked again, and never passes undecided.
//!
//! Each proof type consumes the one before it: [`arrival::Arrival`] → [`signature::Authentic`] → [`event::Notice`] →
//! [`policy::Cleared`] → [`handoff`]. All fields are private, so nobody else can make one.

pub mod moment;
pub mod id;
mod spelling;
pub mod secret;
pub mod seal;
pub mod refusal;
pub mod arrival;
pub mod signature;
pub mod topic;
pub(crate) mod object;
pub mod event;
mod fields;
pub mod audience;
pub mod roster;
pub mod policy;
pub mod effect;
pub mod departure;
pub mod trace;
pub mod handoff;
pub mod retry;
pub mod pass;
