//! When a change of files counts. Pure. Rules, in order:
//!
//! 1. What files held when the configuration was last read, in force or not, is known: a mistake is told once.
//! 2. Something else counts when two looks in a row agree on it: a file that is being written is not taken.
//! 3. A file that cannot be read is a change like any other. The configuration is read, found wanting, and stays.
//!
//! Contents are compared and nothing else: Kubernetes swaps a symlink above the files, and other file systems tell of no
//! change at all.

use super::origin::Prints;

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Looks {
    known: Prints,
    last: Option<Prints>,
}

/// What a look means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing changed.
    Known,
    /// Something did, and may still be changing.
    Unsettled,
    /// Something did, and stays so.
    Settled,
}

impl Looks {
    /// Rule 1.
    pub(super) fn know(&mut self, prints: Prints) {
        (self.known, self.last) = (prints, None);
    }

    /// The files that are looked at.
    pub(super) fn known(&self) -> &Prints {
        &self.known
    }

    /// Rule 2.
    pub(super) fn see(&mut self, now: Prints) -> Seen {
        if now == self.known {
            self.last = None;
            return Seen::Known;
        }
        if self.last.as_ref() == Some(&now) {
            return Seen::Settled;
        }
        self.last = Some(now);
        Seen::Unsettled
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
        use Seen::{Known, Settled, Unsettled};
        let [a, b, c] = [1, 2, 3].map(prints);
        let gone = Prints::from([("secret".into(), Print::Unreadable)]);
        let table: [(&[Prints], &[Seen]); 6] = [
            (&[a.clone(), a.clone()], &[Known, Known]),
            (&[b.clone(), b.clone()], &[Unsettled, Settled]),
            (&[b.clone(), c.clone(), c], &[Unsettled, Unsettled, Settled]),
            (&[b.clone(), a.clone(), b.clone()], &[Unsettled, Known, Unsettled]),
            (&[gone.clone(), b.clone(), b], &[Unsettled, Unsettled, Settled]),
            (&[gone.clone(), gone], &[Unsettled, Settled]),
        ];
        for (looks, seen) in table {
            assert_eq!(after(a.clone(), looks), seen, "{looks:?}");
        }
    }
}
