//! Two names for one bot. Webex knows a bot by its person id: names with the same one are in the same rooms. Each is
//! audited by the routes of its own name, so one would leave a room in which the other is meant to be.

use std::sync::Arc;

use futures_util::future::join_all;

use super::case::Run;
use crate::gate::id::{Key, Person};
use crate::webex::Client;

/// A name and who it is at Webex.
type Known<'a> = (&'a Arc<str>, Key<Person>);

/// Who is compared with the bots of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum With {
    /// Every bot of the configuration, before anything is left.
    All,
    /// Each other.
    EachOther,
}

/// Names of one bot, in pairs.
pub(super) async fn twins(run: &Run<'_>, with: With) -> Vec<[Arc<str>; 2]> {
    let surveyed: Vec<_> =
        run.cases.iter().filter_map(|case| Some((case.name, case.person.get()?))).collect();
    let others = match with {
        With::All => others(run).await,
        With::EachOther => Vec::new(),
    };
    pairs(&surveyed, &others)
}

/// A bot that does not answer is left out: nobody names a bot to stand in the way of all others when its token is
/// refused.
async fn others<'a>(run: &Run<'a>) -> Vec<Known<'a>> {
    let is_case = |name: &Arc<str>| run.cases.iter().any(|case| case.name == name);
    let others = run.config.bots.iter().filter(|(name, _)| !is_case(name));
    let known = others.map(async |(name, bot)| {
        let reporter = Arc::clone(run.reporter);
        let client = Client::new(Arc::clone(name), &bot.token, &run.config.webex, reporter).ok()?;
        Some((name, client.me().await.ok()?.id.key()))
    });
    join_all(known).await.into_iter().flatten().collect()
}

/// Each of these with each behind it, and with each of the others.
fn pairs(surveyed: &[Known<'_>], others: &[Known<'_>]) -> Vec<[Arc<str>; 2]> {
    let each = surveyed.iter().enumerate().flat_map(|(at, one)| {
        let rest = surveyed.iter().skip(at + 1).chain(others);
        rest.filter(|other| other.1 == one.1).map(|other| [Arc::clone(one.0), Arc::clone(other.0)])
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::id::PersonId;

    fn person(number: u128) -> Key<Person> {
        let uuid = uuid::Uuid::from_u128(number).to_string();
        PersonId::parse(&uuid).unwrap().key()
    }

    #[test]
    fn only_names_with_one_person_are_one_bot_and_only_with_a_bot_of_the_run() {
        let names = ["a", "b", "c", "d", "e"].map(Arc::<str>::from);
        let known: Vec<_> = names.iter().zip([1, 2, 1, 2, 3].map(person)).collect();
        let (surveyed, others) = known.split_at(3);
        let twice = [others, &others[1..]].concat();
        let found = pairs(surveyed, &twice);
        let found: Vec<_> = found.iter().map(|[one, other]| format!("{one}{other}")).collect();
        assert_eq!(found, ["ac", "bd"]);
        assert!(pairs(&surveyed[..2], &[]).is_empty());
    }
}
