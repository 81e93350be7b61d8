//! A map of bounded size that lets go of what was longest not touched. Losing an entry must cost no more than doing
//! something once more than needed.

use std::collections::HashMap;
use std::hash::Hash;

/// So many entries and no more.
#[derive(Clone, Debug)]
pub(super) struct Recent<K, V> {
    most: usize,
    touches: u64,
    entries: HashMap<K, (u64, V)>,
}

impl<K: Copy + Eq + Hash, V: Default> Recent<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), touches: 0, entries: HashMap::new() }
    }

    /// What is remembered, without touching it.
    pub(super) fn peek(&self, key: K) -> Option<&V> {
        self.entries.get(&key).map(|(_, value)| value)
    }

    /// What is remembered, or a fresh start.
    pub(super) fn touch(&mut self, key: K) -> &mut V {
        if !self.entries.contains_key(&key) && self.entries.len() >= self.most {
            self.let_go();
        }
        self.touches += 1;
        let entry = self.entries.entry(key).or_default();
        entry.0 = self.touches;
        &mut entry.1
    }

    /// Looks at all of them: only when the map is full and something new comes, a few microseconds for thousands.
    fn let_go(&mut self) {
        let oldest = self.entries.iter().min_by_key(|(_, (touched, _))| *touched);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_longest_not_touched_goes() {
        let mut recent = Recent::new(3);
        for key in [1, 2, 3, 1, 4] {
            *recent.touch(key) += 1;
        }
        let left = [1, 2, 3, 4].map(|key| recent.peek(key).copied());
        assert_eq!(left, [Some(2), None, Some(1), Some(1)]);
    }
}
