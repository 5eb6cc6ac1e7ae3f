//! Sums in a table of which little is in use.

use std::ops::Range;

/// Positive sums by place.
#[derive(Debug)]
pub(crate) struct Sparse {
    values: Vec<f64>,
    /// Places in use, as bits.
    used: Vec<u64>,
    /// The words of `used` in which there may be any.
    words: Range<usize>,
}

impl Sparse {
    pub(crate) fn new(places: usize) -> Self {
        let words = places.div_ceil(64);
        Self {
            values: vec![0.0; places],
            used: vec![0; words],
            words: words..0,
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, place: u32, n: f64) {
        self.values[place as usize] += n;
        let word = place as usize / 64;
        self.used[word] |= 1 << (place % 64);
        self.words = self.words.start.min(word)..self.words.end.max(word + 1);
    }

    /// Calls `each` with the places in use, in order, and their sums, and clears all.
    #[allow(clippy::cast_possible_truncation)] // places are those of `add`
    pub(crate) fn drain(&mut self, mut each: impl FnMut(u32, f64)) {
        for word in self.words.clone() {
            let mut bits = std::mem::take(&mut self.used[word]);
            while bits != 0 {
                let place = 64 * word + bits.trailing_zeros() as usize;
                each(place as u32, std::mem::take(&mut self.values[place]));
                bits &= bits - 1;
            }
        }
        self.words = self.used.len()..0;
    }

    /// Appends `(place, sum / total)` in order and clears.
    pub(crate) fn give(&mut self, total: f64, list: &mut Vec<(f64, f64)>) {
        self.drain(|place, value| list.push((f64::from(place), value / total)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_come_in_the_order_of_places(
            lists in proptest::collection::vec(
                proptest::collection::vec((0u32..200, 1u32..9), 0..40), 1..4
            ),
        ) {
            let mut table = Sparse::new(200);
            for list in lists {
                let mut expected = std::collections::BTreeMap::new();
                for (place, n) in list {
                    table.add(place, n.into());
                    *expected.entry(place).or_insert(0.0) += f64::from(n);
                }
                let mut found = Vec::new();
                table.drain(|place, sum| found.push((place, sum)));
                prop_assert_eq!(found, Vec::from_iter(expected));
            }
        }
    }
}
