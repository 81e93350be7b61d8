//! How many calls a token may make in a minute.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

const MINUTE: Duration = Duration::from_mins(1);

/// What each person has used of the current minute; as many entries as there are people.
#[derive(Debug, Default)]
pub(crate) struct Allowance(HashMap<Uuid, (Instant, u32)>);

impl Allowance {
    /// Takes one call; the error is how many seconds to wait.
    pub(crate) fn take(&mut self, person: Uuid, most: u32, now: Instant) -> Result<(), u64> {
        let (since, used) = self.0.entry(person).or_insert((now, 0));
        if now.duration_since(*since) >= MINUTE {
            (*since, *used) = (now, 0);
        }
        *used = used.saturating_add(1);
        let left = MINUTE.saturating_sub(now.duration_since(*since));
        if *used > most { Err(left.as_secs().max(1)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_person_has_a_minute_of_its_own() {
        let (mut allowance, now) = (Allowance::default(), Instant::now());
        let (ann, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(allowance.take(ann, 1, now), Ok(()));
        assert_eq!(allowance.take(ann, 1, now + MINUTE / 2), Err(30));
        assert_eq!(allowance.take(bob, 1, now), Ok(()));
        assert_eq!(allowance.take(ann, 1, now + MINUTE), Ok(()));
    }
}
