//! The common input of the families whose matrix counts grey levels `i` against a whole number `j`
//! (run length, zone size, zone distance, dependence).
//!
//! Sums over elements run in the fixed order of [`numeric::sum_by`], so a value is the same to the
//! bit on any number of threads.

use std::cell::Cell;

use crate::feature::sparse::Sparse;
use crate::matrix::Counts;
use crate::numeric::sum_by;

/// A matrix `r[i, j]` of counts with its marginal sums, ready for the features.
#[derive(Debug, Clone)]
pub struct LevelCounts {
    /// `(i, j, r_ij)`, non-zero elements only, in order of `i`, then `j`.
    entries: Vec<(f64, f64, f64)>,
    /// `(i, r_i.)` for rows that are not empty, in order of `i`.
    rows: Vec<(f64, f64)>,
    /// `(j, r_.j)` for columns that are not empty, in order of `j`.
    columns: Vec<(f64, f64)>,
    /// `N_s`: the sum over all elements.
    pub n_s: f64,
    /// `N_v`: the voxels behind the matrix.
    pub n_v: f64,
}

impl LevelCounts {
    /// Prepares a matrix: O(elements), and O(elements log elements) where values of `j` are far
    /// more than elements.
    #[must_use]
    pub fn new(counts: &Counts) -> Self {
        let entries: Vec<_> = counts
            .entries()
            .iter()
            .map(|e| (f64::from(e.i), e.j, e.n))
            .collect();
        let mut rows = Vec::new();
        for &(i, _, n) in &entries {
            add_to_last(&mut rows, i, n);
        }
        let columns = columns(&entries);
        let n_s = sum_by(&rows, |(_, n)| n);
        Self {
            entries,
            rows,
            columns,
            n_s,
            n_v: counts.voxels,
        }
    }

    /// One without elements, to be refilled.
    pub(crate) fn blank() -> Self {
        Self::new(&Counts::default())
    }

    /// As [`Self::new`] of a small matrix, given by `(i, j, n)`, `j` positive, in any order; keeps its memory.
    /// What is at the same place is added in the order given.
    pub(crate) fn refill(&mut self, elements: &mut [(u32, f64, f64)], voxels: f64) {
        // Positive doubles are in the order of their bits; the sort is stable.
        elements.sort_by_key(|&(i, j, _)| (i, j.to_bits()));
        self.entries.clear();
        self.rows.clear();
        self.columns.clear();
        for &(i, j, n) in &*elements {
            let i = f64::from(i);
            match self.entries.last_mut() {
                Some(last) if (last.0, last.1) == (i, j) => last.2 += n,
                _ => self.entries.push((i, j, n)),
            }
        }
        for &(i, _, n) in &self.entries {
            add_to_last(&mut self.rows, i, n);
        }
        elements.sort_by_key(|&(_, j, _)| j.to_bits());
        for &(_, j, n) in &*elements {
            add_to_last(&mut self.columns, j, n);
        }
        self.n_s = sum_by(&self.rows, |(_, n)| n);
        self.n_v = voxels;
    }

    /// As [`Self::refill`] of elements that count once, given as `i` above 32 bits of `j`; `by_column`
    /// has a place for each `j`.
    pub(crate) fn recount(&mut self, elements: &mut [u64], by_column: &mut Sparse, voxels: f64) {
        elements.sort_unstable();
        self.entries.clear();
        self.rows.clear();
        self.columns.clear();
        for same in elements.chunk_by(|a, b| a == b) {
            #[allow(clippy::cast_possible_truncation)] // the two halves
            let (i, j) = ((same[0] >> 32) as u32, same[0] as u32);
            let n = same.len() as f64;
            self.entries.push((i.into(), j.into(), n));
            add_to_last(&mut self.rows, i.into(), n);
            by_column.add(j, n);
        }
        by_column.give(1.0, &mut self.columns);
        self.n_s = elements.len() as f64;
        self.n_v = voxels;
    }

    /// `1 / N_s Σ_ij f(i, j) r_ij`.
    #[must_use]
    pub fn mean(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        sum_by(&self.entries, |(i, j, n)| f(i, j) * n) / self.n_s
    }

    /// `1 / N_s Σ_i f(i) r_i.`.
    #[must_use]
    pub fn mean_over_levels(&self, f: impl Fn(f64) -> f64) -> f64 {
        sum_by(&self.rows, |(i, n)| f(i) * n) / self.n_s
    }

    /// `1 / N_s Σ_j f(j) r_.j`.
    #[must_use]
    pub fn mean_over_columns(&self, f: impl Fn(f64) -> f64) -> f64 {
        sum_by(&self.columns, |(j, n)| f(j) * n) / self.n_s
    }

    /// `1 / N_s Σ_i r_i.²`.
    #[must_use]
    pub fn level_non_uniformity(&self) -> f64 {
        sum_by(&self.rows, |(_, n)| n * n) / self.n_s
    }

    /// `1 / N_s Σ_j r_.j²`.
    #[must_use]
    pub fn column_non_uniformity(&self) -> f64 {
        sum_by(&self.columns, |(_, n)| n * n) / self.n_s
    }

    /// The joint probabilities `p_ij = r_ij / N_s` of the non-zero elements.
    pub fn probabilities(&self) -> impl Iterator<Item = f64> + '_ {
        self.entries.iter().map(|&(_, _, n)| n / self.n_s)
    }

    /// `-Σ_ij p_ij log2 p_ij`.
    ///
    /// 0 for a single element; NaN without elements.
    #[must_use]
    pub fn entropy_bits(&self) -> f64 {
        // Neighbouring elements often have the same count (most zones exist once): the logarithm
        // of the last one is kept.
        let last = Cell::new((1.0, (1.0 / self.n_s).log2()));
        let log_p = |n: f64| {
            if last.get().0 != n {
                last.set((n, (n / self.n_s).log2()));
            }
            last.get().1
        };
        (0.0 - sum_by(&self.entries, |(_, _, n)| n * log_p(n))) / self.n_s
    }
}

/// Columns are summed in a table of all `j` where these are at most so many times the elements, else
/// after sorting (83,000 elements in 4,000 columns: 0.8 ms instead of 3.5 ms).
const DENSE_COLUMNS: f64 = 4.0;

/// `(j, r_.j)` in order of `j`; elements of a column are added in order of `i`.
fn columns(entries: &[(f64, f64, f64)]) -> Vec<(f64, f64)> {
    let highest = entries.iter().fold(0.0f64, |highest, e| highest.max(e.1));
    if highest > DENSE_COLUMNS * (entries.len() as f64 + 8.0)
        || entries.iter().any(|e| e.1.fract() != 0.0)
    {
        let mut by_column: Vec<_> = entries.iter().map(|&(_, j, n)| (j, n)).collect();
        by_column.sort_by(|a, b| a.0.total_cmp(&b.0)); // stable: rows stay in order
        let mut columns = Vec::new();
        for (j, n) in by_column {
            add_to_last(&mut columns, j, n);
        }
        return columns;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole, from 0 to `highest`
    let place = |j: f64| j as usize;
    let mut sums = vec![0.0; place(highest) + 1];
    for &(_, j, n) in entries {
        sums[place(j)] += n;
    }
    sums.into_iter()
        .enumerate()
        .filter(|c| c.1 != 0.0)
        .map(|(j, n)| (j as f64, n))
        .collect()
}

/// Adds `n` to the last sum if it is that of `key`, else starts one.
fn add_to_last(sums: &mut Vec<(f64, f64)>, key: f64, n: f64) {
    match sums.last_mut() {
        Some((last, sum)) if *last == key => *sum += n,
        _ => sums.push((key, n)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::matrix::Entry;

    proptest! {
        #[test]
        fn refilling_is_making_anew(
            lists in proptest::collection::vec(
                proptest::collection::vec((1u32..5, 1u32..30, 1u32..4), 1..30),
                3,
            ),
        ) {
            let (mut small, mut by_column) = (LevelCounts::blank(), Sparse::new(30));
            for list in lists {
                let mut given: Vec<_> =
                    list.iter().map(|&(i, j, n)| (i, f64::from(j), f64::from(n))).collect();
                small.refill(&mut given, 7.0);
                let entry =
                    |&(i, j, n): &(u32, u32, u32)| Entry { i, j: f64::from(j), n: n.into() };
                let all = list.iter().map(entry).collect();
                let expected = LevelCounts::new(&Counts::new(all, 5, 7.0));
                prop_assert_eq!(format!("{small:?}"), format!("{expected:?}"));
                let once = |&(i, j, n): &(u32, u32, u32)| {
                    std::iter::repeat_n(u64::from(i) << 32 | u64::from(j), n as usize)
                };
                let mut once: Vec<u64> = list.iter().flat_map(once).collect();
                small.recount(&mut once, &mut by_column, 7.0);
                prop_assert_eq!(format!("{small:?}"), format!("{expected:?}"));
            }
        }
    }

    fn counts(places: &[(u32, f64, f64)], voxels: f64) -> Counts {
        let entries = places.iter().map(|&(i, j, n)| Entry { i, j, n }).collect();
        Counts::new(entries, 9, voxels)
    }

    #[test]
    fn marginal_sums_of_a_small_matrix() {
        let m = LevelCounts::new(&counts(
            &[(1, 2.0, 3.0), (1, 5.0, 1.0), (4, 2.0, 2.0)],
            15.0,
        ));
        assert_eq!(m.rows, [(1.0, 4.0), (4.0, 2.0)]);
        assert_eq!(m.columns, [(2.0, 5.0), (5.0, 1.0)]);
        assert_eq!((m.n_s, m.n_v), (6.0, 15.0));
        assert_eq!(m.mean(|i, j| i * j), (2.0 * 3.0 + 5.0 + 8.0 * 2.0) / 6.0);
        assert_eq!(m.level_non_uniformity(), 20.0 / 6.0);
        assert_eq!(m.column_non_uniformity(), 26.0 / 6.0);
    }

    #[test]
    fn entropy_is_zero_for_one_element_and_nan_for_none() {
        let one = LevelCounts::new(&counts(&[(3, 2.0, 7.0)], 14.0)).entropy_bits();
        assert_eq!(one.to_bits(), 0.0f64.to_bits());
        assert!(LevelCounts::new(&counts(&[], 0.0)).entropy_bits().is_nan());
    }

    proptest! {
        /// Both ways to sum columns, and sums that share a logarithm, agree with the definition.
        #[test]
        fn sums_agree_with_the_definition(
            places in proptest::collection::vec((1u32..6, 1u32..9, 1u32..4), 1..40),
            stretch in prop_oneof![Just(1.0), Just(1000.0), Just(0.5)],
        ) {
            let places: Vec<_> = places
                .into_iter()
                .map(|(i, j, n)| (i, f64::from(j) * stretch, f64::from(n)))
                .collect();
            let m = LevelCounts::new(&counts(&places, 1.0));
            let mut columns: Vec<f64> = places.iter().map(|p| p.1).collect();
            columns.sort_by(f64::total_cmp);
            columns.dedup();
            let sum = |j: f64| places.iter().filter(|p| p.1 == j).map(|p| p.2).sum::<f64>();
            let expected: Vec<_> = columns.into_iter().map(|j| (j, sum(j))).collect();
            prop_assert_eq!(&m.columns, &expected);
            prop_assert_eq!(m.n_s, places.iter().map(|p| p.2).sum::<f64>());
            let entropy = crate::numeric::entropy_bits(m.probabilities());
            // the same terms in another order
            prop_assert!((m.entropy_bits() - entropy).abs() < 1e-13);
        }
    }
}
