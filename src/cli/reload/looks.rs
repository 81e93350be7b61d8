//! When a change of files counts. Pure. Rules, in order:
//!
//! 1. What files held when the configuration was last read, in force or not, is known: a mistake is told once.
//! 2. A file that holds something else counts when two looks in a row agree on it: one that is being written is not taken.
//! 3. Files are often changed together, so all wait for the last of them; but not for ever for one that never rests. The
//!    others count after [`PATIENCE`], and that one stays as it was.
//! 4. A file that cannot be read is a change like any other. The configuration is read, found wanting, and stays.
//!
//! Contents are compared and nothing else: Kubernetes swaps a symlink above the files, and other file systems tell of no
//! change at all.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::origin::Prints;

/// Looks, 5 s apart: a secret that has leaked must not stay in force because a log was put among the certificates.
const PATIENCE: u8 = 2;

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Looks {
    known: Prints,
    last: Prints,
    /// Looks at which some files were settled, and others were not.
    waited: u8,
}

/// What a look means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing changed.
    Known,
    /// Something did, and may still be changing.
    Unsettled,
    /// Something did, and stays so; all but these files.
    Settled(BTreeSet<PathBuf>),
}

impl Looks {
    /// Rule 1.
    pub(super) fn know(&mut self, prints: Prints) {
        *self = Self { known: prints, ..Self::default() };
    }

    /// The files that are looked at.
    pub(super) fn known(&self) -> &Prints {
        &self.known
    }

    /// Rules 2 and 3.
    pub(super) fn see(&mut self, now: Prints) -> Seen {
        let changed = now.iter().filter(|(file, print)| self.known.get(*file) != Some(print));
        let settled = |(file, print): &(&PathBuf, &_)| self.last.get(*file) == Some(*print);
        let (settled, restless): (Vec<_>, Vec<_>) = changed.partition(settled);
        let waited = std::mem::take(&mut self.waited);
        let seen = match (settled.is_empty(), restless.is_empty()) {
            (true, true) => Seen::Known,
            (true, false) => Seen::Unsettled,
            (false, true) => Seen::Settled(BTreeSet::new()),
            (false, false) if waited < PATIENCE => {
                self.waited = waited + 1;
                Seen::Unsettled
            }
            (false, false) => {
                Seen::Settled(restless.into_iter().map(|(file, _)| file.clone()).collect())
            }
        };
        self.last = now;
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::super::origin::Print;
    use super::*;

    fn prints(of: u8) -> Prints {
        [("secret".into(), Print::Of([of; 32]))].into()
    }

    fn after(known: Prints, looks: &[Prints]) -> Vec<Seen> {
        let mut all = Looks::default();
        all.know(known);
        looks.iter().map(|look| all.see(look.clone())).collect()
    }

    #[test]
    fn a_change_counts_once_two_looks_in_a_row_agree() {
        use Seen::{Known, Unsettled};
        let settled = || Seen::Settled(BTreeSet::new());
        let [a, b, c] = [1, 2, 3].map(prints);
        let gone = Prints::from([("secret".into(), Print::Unreadable)]);
        let table: [(&[Prints], &[Seen]); 6] = [
            (&[a.clone(), a.clone()], &[Known, Known]),
            (&[b.clone(), b.clone()], &[Unsettled, settled()]),
            (&[b.clone(), c.clone(), c], &[Unsettled, Unsettled, settled()]),
            (&[b.clone(), a.clone(), b.clone()], &[Unsettled, Known, Unsettled]),
            (&[gone.clone(), b.clone(), b], &[Unsettled, Unsettled, settled()]),
            (&[gone.clone(), gone], &[Unsettled, settled()]),
        ];
        for (looks, seen) in table {
            assert_eq!(after(a.clone(), looks), seen, "{looks:?}");
        }
    }

    #[test]
    fn a_file_that_never_rests_does_not_hold_up_a_secret_for_ever() {
        let look = |secret, ca| {
            let ca = ("ca".into(), Print::Of([ca; 32]));
            prints(secret).into_iter().chain([ca]).collect::<Prints>()
        };
        let looks: Vec<_> = (1..=4).map(|turn| look(2, turn)).collect();
        let seen = after(look(1, 0), &looks);
        let but_one = Seen::Settled(BTreeSet::from(["ca".into()]));
        assert_eq!(seen.last(), Some(&but_one));
        assert!(seen.iter().rev().skip(1).all(|seen| *seen == Seen::Unsettled), "{seen:?}");
        assert_eq!(
            after(look(1, 0), &[look(2, 1), look(2, 2), look(2, 2)])[1..],
            [Seen::Unsettled, Seen::Settled(BTreeSet::new())],
            "what is written together counts together"
        );
    }
}
