//! Class `ngtdm`: each level's difference from the mean of its neighbours.
//!
//! `n_i` are all voxels of level `i`, also those without a neighbour in the region, whose difference
//! counts as 0; IBSI leaves these out. `p_i = n_i / N`, `s_i` is the sum of the differences.

use super::{Options, Row, Texture};
use crate::feature::tone_difference::{self as ibsi, ToneDifference};
use crate::matrix::aggregate;
use crate::matrix::ngtdm::{ToneDifferences, ToneRow, ToneTable};
use crate::numeric::sum_by;

/// A region's matrix, and what IBSI's features do not hold of it.
pub(super) struct Tones {
    table: ToneTable,
    sums: ToneDifference,
}

impl Tones {
    pub(super) fn new(table: ToneTable) -> Self {
        let sums = ToneDifference::new(&table);
        Self { table, sums }
    }

    /// `p_i` of a row.
    fn p(&self, row: ToneRow) -> f64 {
        let n: u64 = self.table.rows().iter().map(|r| r.n).sum();
        row.n as f64 / n as f64
    }
}

/// $1 / \sum_i p_i s_i$, as large as it may be; $10^6$ where the sum is 0.
fn coarseness(m: &Tones) -> f64 {
    let sum = m.sums.weighted_sum();
    if sum == 0.0 {
        return ibsi::MAX_COARSENESS;
    }
    1.0 / sum
}

/// $\frac{\sum_i p_i s_i}{\sum_{ij} |i p_i - j p_j|}$; 0 where the divisor is 0.
///
/// Where the divisor is 0 for several levels, PyRadiomics takes the rounding errors of its terms for
/// it, if there are any, and its value is beyond $10^{12}$; so is this one.
fn busyness(m: &Tones) -> f64 {
    let value = ibsi::busyness(&m.sums);
    if !value.is_nan() {
        return value;
    }
    let rows = m.table.rows();
    let products: Vec<f64> = rows.iter().map(|&r| f64::from(r.i) * m.p(r)).collect();
    let divisor = sum_by(&products, |a| sum_by(&products, |b| (a - b).abs()));
    if divisor == 0.0 {
        return 0.0;
    }
    m.sums.weighted_sum() / divisor
}

/// The class's features.
pub(super) const FEATURES: &[Row<Tones>] = &[
    Row::new("Busyness", busyness),
    Row::new("Coarseness", coarseness),
    Row::new("Complexity", |m| ibsi::complexity(&m.sums)),
    Row::new("Contrast", |m| ibsi::contrast(&m.sums)),
    Row::new("Strength", |m| ibsi::strength(&m.sums)),
];

/// The class's features of a region.
pub(super) fn features(texture: &Texture, options: &Options) -> Vec<(&'static str, f64)> {
    let source = ToneDifferences::of_rings(&texture.levels, &options.distances);
    let found = aggregate::by_direction(&source, texture.flat).pop();
    let counts = (0u32..).zip(texture.levels.counts());
    let present = counts.filter(|(_, &n)| n > 0);
    let lonely = |(i, &n): (u32, &u64)| ToneRow { i, n, s: 0.0 };
    let mut rows: Vec<ToneRow> = present.map(lonely).collect();
    for found in found.iter().flat_map(ToneTable::rows) {
        let row = rows.iter_mut().find(|row| row.i == found.i);
        row.expect("a level that was counted is present").s = found.s;
    }
    options.evaluate(FEATURES, &Tones::new(ToneTable::new(rows)))
}
