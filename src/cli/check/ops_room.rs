//! Whether the operators' room can be told anything: each bot must be in it, and nobody else who should not.

use super::{Finding, State};
use crate::config::{Config, Notify};
use crate::gate::departure::{Class, class};
use crate::gate::id::{Key, Person};
use crate::gate::refusal::Refusal;
use crate::gate::roster::Builder;
use crate::report::outage::Outage;
use crate::rt;
use crate::webex::{Claim, Client, Listed};

/// Nothing where no such room is told.
pub(super) async fn look(
    config: &Config,
    name: &str,
    own: Key<Person>,
    client: &Client,
) -> Option<Result<Finding, Outage>> {
    let Notify::OpsRoom(room) = &config.notices.notify else { return None };
    let of_bot = config.routes.values().filter(|route| *route.bot == *name);
    let audience = of_bot.map(|route| route.policy.audience(own)).reduce(|a, b| a.widened(&b))?;
    let mut builder = Builder::new(room.key(), &audience, rt::now()).everybody();
    let each = |items: &[Listed]| builder.page(items.iter().map(Listed::member));
    let end = client.memberships_by(client.effort(Claim::Regular), room, each).await;
    Some(end.map(|end| {
        let (state, note) = told(class(&builder.finish(end), &audience));
        Finding::new(subject(name), state, note)
    }))
}

/// What a check calls its row.
pub(super) fn subject(name: &str) -> String {
    format!("{name} ops_room")
}

fn told(class: Class) -> (State, String) {
    match class {
        Class::Clean => (State::Ok, "clean, and the bot is in it".to_owned()),
        Class::Unknown(Refusal::RoomUnknown) => {
            (State::Fail, "Webex knows no such room, or the bot is not in it".to_owned())
        }
        Class::Outsiders(reason) | Class::Unknown(reason) => {
            (State::Fail, format!("nothing is told there: {reason}"))
        }
    }
}
