//! Neighbourhood grey tone difference features (IBSI IPET), on a [`ToneTable`]: `n_i` voxels of
//! level `i` that have a neighbour, `s_i` the sum of their differences from their neighbours' mean.
//!
//! `N_vc = Σ n_i`, `p_i = n_i / N_vc`, `N_gp` levels have `p_i > 0`; sums over pairs of levels run
//! over these. A table without any voxel that has a neighbour leaves every feature undefined: NaN.
//! Nothing here is quadratic in the number of levels: see each function's inner comment.

use crate::feature::{FeatureDef, Unit};
use crate::matrix::ngtdm::{ToneRow, ToneTable};
use crate::numeric::sum_by;
use crate::parallel;

/// Largest coarseness, set by the IBSI manual.
pub const MAX_COARSENESS: f64 = 1e6;

/// A neighbourhood grey tone difference matrix with its sums, ready for the features.
#[derive(Debug, Clone)]
pub struct ToneDifference {
    /// The levels with `n_i > 0`, in order of level.
    rows: Vec<ToneRow>,
    /// `N_vc`: voxels that have a neighbour.
    n_vc: u64,
    /// `Σ_i p_i s_i`.
    sum_ps: f64,
    /// `Σ_i s_i`.
    sum_s: f64,
}

impl ToneDifference {
    /// Prepares a matrix.
    #[must_use]
    pub fn new(table: &ToneTable) -> Self {
        let rows = table.rows().to_vec();
        let n_vc = rows.iter().map(|r| r.n).sum();
        let sum_ps = sum_by(&rows, |r| r.n as f64 * r.s) / n_vc as f64;
        let sum_s = sum_by(&rows, |r| r.s);
        Self {
            rows,
            n_vc,
            sum_ps,
            sum_s,
        }
    }

    /// `Σ_i p_i s_i`.
    pub(crate) fn weighted_sum(&self) -> f64 {
        self.sum_ps
    }

    /// `N_gp`.
    fn present(&self) -> usize {
        self.rows.len()
    }

    /// True if no voxel has a neighbour, which leaves every `p_i` undefined.
    fn is_empty(&self) -> bool {
        self.n_vc == 0
    }

    /// `p_i`.
    fn p(&self, row: ToneRow) -> f64 {
        row.n as f64 / self.n_vc as f64
    }
}

/// Coarseness, QCDE: $F = \frac{1}{\sum_i p_i s_i}$.
///
/// At most $10^6$, which is also the value where the sum is 0, as the manual says. NaN if no voxel
/// has a neighbour.
#[must_use]
pub fn coarseness(m: &ToneDifference) -> f64 {
    if m.is_empty() {
        return f64::NAN;
    }
    (1.0 / m.sum_ps).min(MAX_COARSENESS)
}

/// Contrast, 65HE:
/// $F = \frac{\sum_{i_1} \sum_{i_2} p_{i_1} p_{i_2} (i_1 - i_2)^2}{N_{g,p} (N_{g,p} - 1)} \cdot \frac{\sum_i s_i}{N_{v,c}}$.
///
/// One level gives 0. NaN if no voxel has a neighbour.
#[must_use]
pub fn contrast(m: &ToneDifference) -> f64 {
    if m.is_empty() {
        return f64::NAN;
    }
    if m.present() == 1 {
        return 0.0;
    }
    // The double sum is twice the variance of the levels.
    let mean = sum_by(&m.rows, |r| m.p(r) * f64::from(r.i));
    let range = 2.0 * sum_by(&m.rows, |r| m.p(r) * (f64::from(r.i) - mean).powi(2));
    let n_gp = m.present() as f64;
    range / (n_gp * (n_gp - 1.0)) * (m.sum_s / m.n_vc as f64)
}

/// Busyness, NQ30:
/// $F = \frac{\sum_i p_i s_i}{\sum_{i_1} \sum_{i_2} \left| i_1 p_{i_1} - i_2 p_{i_2} \right|}$,
/// over levels with $p_{i_1} \neq 0$ and $p_{i_2} \neq 0$.
///
/// One level gives 0. NaN if several levels have the same $i p_i$ throughout (the denominator
/// is 0) and if no voxel has a neighbour.
#[must_use]
pub fn busyness(m: &ToneDifference) -> f64 {
    if m.is_empty() {
        return f64::NAN;
    }
    if m.present() == 1 {
        return 0.0;
    }
    // Among sorted values the k-th (from 0) is subtracted from k others and N_gp - 1 - k are
    // subtracted from it. i n_i = N_vc i p_i is whole, so a denominator of 0 is found exactly.
    let mut products: Vec<u64> = m.rows.iter().map(|r| u64::from(r.i) * r.n).collect();
    products.sort_unstable();
    let last = products.len() as i128 - 1;
    let half: i128 = products
        .iter()
        .zip(0i128..)
        .map(|(&x, k)| (2 * k - last) * i128::from(x))
        .sum();
    if half == 0 {
        return f64::NAN;
    }
    m.sum_ps / (2.0 * half as f64 / m.n_vc as f64)
}

/// Complexity, HDEZ:
/// $F = \frac{1}{N_{v,c}} \sum_{i_1} \sum_{i_2} \left| i_1 - i_2 \right| \frac{p_{i_1} s_{i_1} + p_{i_2} s_{i_2}}{p_{i_1} + p_{i_2}}$,
/// over levels with $p_{i_1} \neq 0$ and $p_{i_2} \neq 0$.
///
/// One level gives 0. NaN if no voxel has a neighbour.
#[must_use]
pub fn complexity(m: &ToneDifference) -> f64 {
    if m.is_empty() {
        return f64::NAN;
    }
    // By symmetry the double sum is 2 Σ_{i1} p s_{i1} Σ_{i2} |i1 - i2| / (p_{i1} + p_{i2}); the
    // inner sum is taken over groups of levels i2 with the same count n, for which it is a whole
    // number over one denominator. Counts that differ add up to at most N_vc, so there are at most
    // sqrt(2 N_vc) groups: 65,535 levels over 10^7 voxels take at most 3 x 10^8 steps, typically
    // 10^7, where pairs would take 4 x 10^9.
    let mut by_count: Vec<(u64, u32)> = m.rows.iter().map(|r| (r.n, r.i)).collect();
    by_count.sort_unstable();
    let groups: Vec<&[(u64, u32)]> = by_count.chunk_by(|a, b| a.0 == b.0).collect();
    let work = groups.len() * m.rows.len();
    let sums = parallel::map(groups.len(), work, |g| group_complexity(&m.rows, groups[g]));
    2.0 * sum_by(&sums, |x| x) / m.n_vc as f64
}

/// `Σ_{i1} s_{i1} n_{i1} / (n_{i1} + n) Σ_{i2} |i1 - i2|` for `i2` in a group of levels, in rising
/// order, that all have count `n`.
fn group_complexity(rows: &[ToneRow], group: &[(u64, u32)]) -> f64 {
    let n = group[0].0 as f64;
    let levels = || group.iter().map(|g| i64::from(g.1));
    let mut next = levels().peekable();
    // Number and sum of the group's levels below i1, and from i1 up.
    let (mut below, mut sum_below) = (0i64, 0i64);
    let (mut above, mut sum_above) = levels().fold((0i64, 0i64), |(n, s), i| (n + 1, s + i));
    let mut sum = 0.0;
    for row in rows {
        let i = i64::from(row.i);
        while let Some(level) = next.next_if(|&level| level < i) {
            (below, sum_below) = (below + 1, sum_below + level);
            (above, sum_above) = (above - 1, sum_above - level);
        }
        let distances = i * (below - above) - sum_below + sum_above;
        let n_i = row.n as f64;
        sum += row.s * n_i / (n_i + n) * distances as f64;
    }
    sum
}

/// Strength, 1X9X:
/// $F = \frac{\sum_{i_1} \sum_{i_2} (p_{i_1} + p_{i_2}) (i_1 - i_2)^2}{\sum_i s_i}$,
/// over levels with $p_{i_1} \neq 0$ and $p_{i_2} \neq 0$.
///
/// 0 where $\sum_i s_i = 0$, as the manual says. NaN if no voxel has a neighbour.
#[must_use]
pub fn strength(m: &ToneDifference) -> f64 {
    if m.is_empty() {
        return f64::NAN;
    }
    if m.sum_s == 0.0 {
        return 0.0;
    }
    // By symmetry the double sum is 2 Σ_{i1} p_{i1} Σ_{i2} (i1 - i2)^2, and the inner sum is
    // N_gp i1^2 - 2 i1 Σ i + Σ i^2, in whole numbers.
    let n_gp = m.present() as i128;
    let sum_i: i128 = m.rows.iter().map(|r| i128::from(r.i)).sum();
    let sum_i2: i128 = m.rows.iter().map(|r| i128::from(r.i).pow(2)).sum();
    let squares = |i: i128| n_gp * i * i - 2 * i * sum_i + sum_i2;
    let total: i128 = m
        .rows
        .iter()
        .map(|r| i128::from(r.n) * squares(i128::from(r.i)))
        .sum();
    2.0 * total as f64 / m.n_vc as f64 / m.sum_s
}

/// The family's features, in IBSI's order.
pub const FEATURES: &[FeatureDef<ToneDifference>] = &[
    FeatureDef {
        name: "coarseness",
        ibsi: "QCDE",
        unit: Unit::new(0, 0, -1),
        title: "Coarseness",
        eval: coarseness,
    },
    FeatureDef {
        name: "contrast",
        ibsi: "65HE",
        unit: Unit::new(0, 0, 3),
        title: "Contrast",
        eval: contrast,
    },
    FeatureDef {
        name: "busyness",
        ibsi: "NQ30",
        unit: Unit::ONE,
        title: "Busyness",
        eval: busyness,
    },
    FeatureDef {
        name: "complexity",
        ibsi: "HDEZ",
        unit: Unit::LEVEL2,
        title: "Complexity",
        eval: complexity,
    },
    FeatureDef {
        name: "strength",
        ibsi: "1X9X",
        unit: Unit::LEVEL,
        title: "Strength",
        eval: strength,
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All five from their formulas, pair by pair.
    fn naive(table: &ToneTable) -> [f64; 5] {
        let rows = table.rows();
        let n_vc: f64 = rows.iter().map(|r| r.n as f64).sum();
        let n_gp = rows.len() as f64;
        let p = |r: &ToneRow| r.n as f64 / n_vc;
        let pairs = |f: &dyn Fn(&ToneRow, &ToneRow, f64, f64) -> f64| -> f64 {
            let inner = |a| {
                rows.iter()
                    .map(|b| f(a, b, f64::from(a.i), f64::from(b.i)))
                    .sum::<f64>()
            };
            rows.iter().map(inner).sum()
        };
        let sum_ps: f64 = rows.iter().map(|r| p(r) * r.s).sum();
        let sum_s: f64 = rows.iter().map(|r| r.s).sum();
        let range = pairs(&|a, b, i, j| p(a) * p(b) * (i - j).powi(2));
        let busy = pairs(&|a, b, i, j| (i * p(a) - j * p(b)).abs());
        let complex =
            pairs(&|a, b, i, j| (i - j).abs() * (p(a) * a.s + p(b) * b.s) / (p(a) + p(b)));
        let strong = pairs(&|a, b, i, j| (p(a) + p(b)) * (i - j).powi(2));
        let one = rows.len() == 1;
        [
            (1.0 / sum_ps).min(1e6),
            if one {
                0.0
            } else {
                range / (n_gp * (n_gp - 1.0)) * sum_s / n_vc
            },
            if one { 0.0 } else { sum_ps / busy },
            complex / n_vc,
            if sum_s == 0.0 { 0.0 } else { strong / sum_s },
        ]
    }

    fn values(table: &ToneTable) -> Vec<f64> {
        let m = ToneDifference::new(table);
        FEATURES.iter().map(|f| (f.eval)(&m)).collect()
    }

    fn tables() -> impl Strategy<Value = ToneTable> {
        let row = (1u32..=300, 1u64..40, 0.0..50.0);
        proptest::collection::vec(row, 1..120).prop_map(|rows| {
            let rows = rows.into_iter().map(|(i, n, s)| ToneRow { i, n, s });
            ToneTable::new(rows.collect())
        })
    }

    proptest! {
        /// To 1e-12 of the value: the twin rounds each pair, the fast forms only each level.
        #[test]
        fn closed_forms_equal_the_double_sums(table in tables()) {
            for (value, expected) in values(&table).into_iter().zip(naive(&table)) {
                prop_assume!(expected.is_finite());
                prop_assert!((value - expected).abs() <= 1e-12 * expected.abs(), "{value} {expected}");
            }
        }
    }

    #[test]
    fn degenerate_tables_have_the_manuals_values() {
        let flat = ToneTable::new(vec![ToneRow {
            i: 7,
            n: 10,
            s: 0.0,
        }]);
        assert_eq!(values(&flat), [1e6, 0.0, 0.0, 0.0, 0.0]);
        assert!(values(&ToneTable::default()).iter().all(|v| v.is_nan()));
        // 1 p_1 = 2 p_2: the denominator of busyness is 0.
        let rows = [(1, 2), (2, 1)].map(|(i, n)| ToneRow { i, n, s: 0.5 });
        let balanced = values(&ToneTable::new(rows.to_vec()));
        assert!(balanced[2].is_nan());
        assert!(balanced
            .iter()
            .enumerate()
            .all(|(k, v)| k == 2 || v.is_finite()));
    }

    #[test]
    fn every_level_of_65535_takes_no_quadratic_time() {
        let rows = (1..=65_535).map(|i| ToneRow {
            i,
            n: 1 + u64::from(i % 90),
            s: f64::from(i % 7),
        });
        let table = ToneTable::new(rows.collect());
        let one = crate::parallel::with_threads(Some(1), || values(&table));
        let seven = crate::parallel::with_threads(Some(7), || values(&table));
        assert!(one
            .iter()
            .zip(&seven)
            .all(|(a, b)| a.is_finite() && a.to_bits() == b.to_bits()));
    }
}
