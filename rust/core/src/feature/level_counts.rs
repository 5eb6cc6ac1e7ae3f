//! The common input of the families whose matrix counts grey levels `i` against a whole number `j`
//! (run length, zone size, zone distance, dependence).

use crate::matrix::Counts;

/// A matrix `r[i, j]` of counts with its marginal sums, ready for the features.
#[derive(Debug, Clone)]
pub struct LevelCounts {
    /// `(i, j, r_ij)`, non-zero elements only.
    entries: Vec<(f64, f64, f64)>,
    /// `(i, r_i.)` for rows that are not empty.
    rows: Vec<(f64, f64)>,
    /// `(j, r_.j)` for columns that are not empty, in order of `j`.
    columns: Vec<(f64, f64)>,
    /// `N_s`: the sum over all elements.
    pub n_s: f64,
    /// `N_v`: the voxels behind the matrix.
    pub n_v: f64,
}

impl LevelCounts {
    /// Prepares a matrix.
    #[must_use]
    pub fn new(counts: &Counts) -> Self {
        let entries: Vec<_> =
            counts.entries().iter().map(|e| (f64::from(e.i), e.j, e.n)).collect();
        let mut rows: Vec<(f64, f64)> = Vec::new();
        for &(i, _, n) in &entries {
            match rows.last_mut() {
                Some((last, sum)) if *last == i => *sum += n,
                _ => rows.push((i, n)),
            }
        }
        let mut by_column: Vec<_> = entries.iter().map(|&(_, j, n)| (j, n)).collect();
        by_column.sort_by(|a, b| a.0.total_cmp(&b.0)); // stable: rows stay in order
        let mut columns: Vec<(f64, f64)> = Vec::new();
        for (j, n) in by_column {
            match columns.last_mut() {
                Some((last, sum)) if *last == j => *sum += n,
                _ => columns.push((j, n)),
            }
        }
        let n_s = rows.iter().map(|r| r.1).sum();
        Self { entries, rows, columns, n_s, n_v: counts.voxels }
    }

    /// `1 / N_s Σ_ij f(i, j) r_ij`.
    #[must_use]
    pub fn mean(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        self.entries.iter().map(|&(i, j, n)| f(i, j) * n).sum::<f64>() / self.n_s
    }

    /// `1 / N_s Σ_i f(i) r_i.`.
    #[must_use]
    pub fn mean_over_levels(&self, f: impl Fn(f64) -> f64) -> f64 {
        self.rows.iter().map(|&(i, n)| f(i) * n).sum::<f64>() / self.n_s
    }

    /// `1 / N_s Σ_j f(j) r_.j`.
    #[must_use]
    pub fn mean_over_columns(&self, f: impl Fn(f64) -> f64) -> f64 {
        self.columns.iter().map(|&(j, n)| f(j) * n).sum::<f64>() / self.n_s
    }

    /// `1 / N_s Σ_i r_i.²`.
    #[must_use]
    pub fn level_non_uniformity(&self) -> f64 {
        self.rows.iter().map(|&(_, n)| n * n).sum::<f64>() / self.n_s
    }

    /// `1 / N_s Σ_j r_.j²`.
    #[must_use]
    pub fn column_non_uniformity(&self) -> f64 {
        self.columns.iter().map(|&(_, n)| n * n).sum::<f64>() / self.n_s
    }

    /// The joint probabilities `p_ij = r_ij / N_s` of the non-zero elements.
    pub fn probabilities(&self) -> impl Iterator<Item = f64> + '_ {
        self.entries.iter().map(|&(_, _, n)| n / self.n_s)
    }
}
