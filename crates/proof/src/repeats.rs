//! What must not come twice, looked for among more things than are kept: nonces of a key, keys of rows.
//!
//! ```text
//! every thing ─▶ RepeatIndex: 8 bytes of each ─▶ those that came twice ─┐
//! every thing, once more, if there are any ─────────────────────────────┴▶ Repeats: the whole thing, and who has it
//! ```

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::Hash,
};

/// Things in memory at once: 512 MiB of them. More take several passes.
const PASS_LIMIT: u64 = 1 << 26;

/// The beginning of a thing.
pub(crate) type Prefix = u64;

/// The beginnings of many things. Each pass keeps a part of them.
#[derive(Clone, Debug)]
pub(crate) struct RepeatIndex {
    prefixes: Vec<Prefix>,
    pass: u64,
    passes: u64,
}

impl RepeatIndex {
    /// For this number of things, within the memory of `PASS_LIMIT` of them.
    pub(crate) fn expecting(things: u64) -> Self {
        Self::in_passes(things.div_ceil(PASS_LIMIT).max(1))
    }

    /// For things of which each pass keeps its part.
    pub(crate) fn in_passes(passes: u64) -> Self {
        Self { prefixes: Vec::new(), pass: 0, passes }
    }

    /// Adds a thing, unless another pass keeps it.
    pub(crate) fn add(&mut self, prefix: Prefix) {
        if prefix % self.passes == self.pass {
            self.prefixes.push(prefix);
        }
    }

    /// Begins the next pass; false after the last one.
    pub(crate) fn begin_next_pass(&mut self) -> bool {
        self.pass += 1;
        self.pass < self.passes
    }

    /// What came more than once in this pass. Nearly always nothing; chance alone makes it a few in 10⁹ things.
    pub(crate) fn take_repeated(&mut self) -> HashSet<Prefix> {
        self.prefixes.sort_unstable();
        let repeated = self.prefixes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        self.prefixes.clear();
        repeated
    }
}

/// Who has each of the things that are suspected of coming twice.
pub(crate) struct Repeats<T, U> {
    suspects: HashSet<Prefix>,
    /// Who had each of them first, and whether that was told.
    first: HashMap<T, (U, bool)>,
}

impl<T: Eq + Hash, U: Copy> Repeats<T, U> {
    /// Looks closely at these.
    pub(crate) fn among(suspects: HashSet<Prefix>) -> Self {
        Self { suspects, first: HashMap::new() }
    }

    /// Adds a thing and who has it. Returns who has what another had first, unless `is_same` says that both are one.
    pub(crate) fn add(
        &mut self,
        prefix: Prefix,
        thing: T,
        user: U,
        is_same: impl FnOnce(&U) -> bool,
    ) -> [Option<U>; 2] {
        let mut repeated = [None, None];
        if self.suspects.contains(&prefix) {
            match self.first.entry(thing) {
                Entry::Vacant(entry) => drop(entry.insert((user, false))),
                Entry::Occupied(mut entry) => {
                    let (first, is_told) = entry.get_mut();
                    if !is_same(first) {
                        repeated = [(!std::mem::replace(is_told, true)).then_some(*first), Some(user)];
                    }
                }
            }
        }
        repeated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_by_passes() {
        for (things, passes) in [(0, 1), (PASS_LIMIT, 1), (PASS_LIMIT + 1, 2), (5 * PASS_LIMIT, 5)] {
            assert_eq!(RepeatIndex::expecting(things).passes, passes);
        }
        let mut index = RepeatIndex::in_passes(4);
        (0..=255).for_each(|prefix| index.add(prefix));
        assert_eq!(index.prefixes.len(), 64);
    }

    #[test]
    fn all_who_have_one_thing_are_told_once_each() {
        let mut repeats = Repeats::among([7].into());
        let mut add = |prefix, thing, user| repeats.add(prefix, thing, user, |_| false);
        assert_eq!(add(7, "a", 1), [None, None]);
        assert_eq!(add(8, "a", 2), [None, None], "it is not suspected");
        assert_eq!(add(7, "b", 3), [None, None], "only the beginning is the same");
        assert_eq!(add(7, "a", 4), [Some(1), Some(4)]);
        assert_eq!(add(7, "a", 5), [None, Some(5)]);
        assert_eq!(repeats.add(7, "a", 6, |_| true), [None, None], "both are one");
    }
}
