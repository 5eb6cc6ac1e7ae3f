//! Grey level run length features (IBSI TP0I).
//!
//! Input: `r_ij`, the number of runs of grey level `i` and length `j` in voxels, with its marginal
//! sums `r_i.` and `r_.j`, the number of runs `N_s` and of voxels `N_v`; `p_ij = r_ij / N_s`.
//! Distances do not enter: a length is a number of voxels. A region has at least one run, so no
//! feature is undefined; a matrix without any run gives NaN.

use crate::feature::level_counts::LevelCounts;
use crate::feature::{FeatureDef, Unit};

const PER_LEVEL2: Unit = Unit {
    level: -2,
    ..Unit::ONE
};

/// The family's features, in IBSI's order.
#[rustfmt::skip] // one row a feature
pub const FEATURES: &[FeatureDef<LevelCounts>] = &[
    FeatureDef { name: "short_runs_emphasis", ibsi: "22OV", unit: Unit::ONE, title: "Short runs emphasis", eval: short_runs_emphasis },
    FeatureDef { name: "long_runs_emphasis", ibsi: "W4KF", unit: Unit::ONE, title: "Long runs emphasis", eval: long_runs_emphasis },
    FeatureDef { name: "low_grey_level_run_emphasis", ibsi: "V3SW", unit: PER_LEVEL2, title: "Low grey level run emphasis", eval: low_grey_level_run_emphasis },
    FeatureDef { name: "high_grey_level_run_emphasis", ibsi: "G3QZ", unit: Unit::LEVEL2, title: "High grey level run emphasis", eval: high_grey_level_run_emphasis },
    FeatureDef { name: "short_run_low_grey_level_emphasis", ibsi: "HTZT", unit: PER_LEVEL2, title: "Short run low grey level emphasis", eval: short_run_low_grey_level_emphasis },
    FeatureDef { name: "short_run_high_grey_level_emphasis", ibsi: "GD3A", unit: Unit::LEVEL2, title: "Short run high grey level emphasis", eval: short_run_high_grey_level_emphasis },
    FeatureDef { name: "long_run_low_grey_level_emphasis", ibsi: "IVPO", unit: PER_LEVEL2, title: "Long run low grey level emphasis", eval: long_run_low_grey_level_emphasis },
    FeatureDef { name: "long_run_high_grey_level_emphasis", ibsi: "3KUM", unit: Unit::LEVEL2, title: "Long run high grey level emphasis", eval: long_run_high_grey_level_emphasis },
    FeatureDef { name: "grey_level_non_uniformity", ibsi: "R5YN", unit: Unit::ONE, title: "Grey level non-uniformity", eval: grey_level_non_uniformity },
    FeatureDef { name: "normalised_grey_level_non_uniformity", ibsi: "OVBL", unit: Unit::ONE, title: "Normalised grey level non-uniformity", eval: normalised_grey_level_non_uniformity },
    FeatureDef { name: "run_length_non_uniformity", ibsi: "W92Y", unit: Unit::ONE, title: "Run length non-uniformity", eval: run_length_non_uniformity },
    FeatureDef { name: "normalised_run_length_non_uniformity", ibsi: "IC23", unit: Unit::ONE, title: "Normalised run length non-uniformity", eval: normalised_run_length_non_uniformity },
    FeatureDef { name: "run_percentage", ibsi: "9ZK5", unit: Unit::ONE, title: "Run percentage", eval: run_percentage },
    FeatureDef { name: "grey_level_variance", ibsi: "8CE5", unit: Unit::LEVEL2, title: "Grey level variance", eval: grey_level_variance },
    FeatureDef { name: "run_length_variance", ibsi: "SXLW", unit: Unit::ONE, title: "Run length variance", eval: run_length_variance },
    FeatureDef { name: "run_entropy", ibsi: "HJ9O", unit: Unit::ONE, title: "Run entropy", eval: run_entropy },
];

/// Short runs emphasis (22OV): $\frac{1}{N_s} \sum_j \frac{r_{.j}}{j^2}$.
///
/// 1, its largest value, where every run is a single voxel.
#[must_use]
pub fn short_runs_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_columns(|j| 1.0 / (j * j))
}

/// Long runs emphasis (W4KF): $\frac{1}{N_s} \sum_j j^2 r_{.j}$.
///
/// 1, its smallest value, where every run is a single voxel.
#[must_use]
pub fn long_runs_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_columns(|j| j * j)
}

/// Low grey level run emphasis (V3SW): $\frac{1}{N_s} \sum_i \frac{r_{i.}}{i^2}$.
///
/// Levels start at 1, so every term is finite.
#[must_use]
pub fn low_grey_level_run_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_levels(|i| 1.0 / (i * i))
}

/// High grey level run emphasis (G3QZ): $\frac{1}{N_s} \sum_i i^2 r_{i.}$.
///
/// Defined wherever there is a run.
#[must_use]
pub fn high_grey_level_run_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_levels(|i| i * i)
}

/// Short run low grey level emphasis (HTZT): $\frac{1}{N_s} \sum_i \sum_j \frac{r_{ij}}{i^2 j^2}$.
///
/// Levels and lengths start at 1, so every term is finite.
#[must_use]
pub fn short_run_low_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| 1.0 / (i * i * j * j))
}

/// Short run high grey level emphasis (GD3A): $\frac{1}{N_s} \sum_i \sum_j \frac{i^2 r_{ij}}{j^2}$.
///
/// Lengths start at 1, so every term is finite.
#[must_use]
pub fn short_run_high_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| i * i / (j * j))
}

/// Long run low grey level emphasis (IVPO): $\frac{1}{N_s} \sum_i \sum_j \frac{j^2 r_{ij}}{i^2}$.
///
/// Levels start at 1, so every term is finite.
#[must_use]
pub fn long_run_low_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| j * j / (i * i))
}

/// Long run high grey level emphasis (3KUM): $\frac{1}{N_s} \sum_i \sum_j i^2 j^2 r_{ij}$.
///
/// Defined wherever there is a run.
#[must_use]
pub fn long_run_high_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| i * i * j * j)
}

/// Grey level non-uniformity (R5YN): $\frac{1}{N_s} \sum_i r_{i.}^2$.
///
/// `N_s`, its largest value, where all runs have one level.
#[must_use]
pub fn grey_level_non_uniformity(m: &LevelCounts) -> f64 {
    m.level_non_uniformity()
}

/// Normalised grey level non-uniformity (OVBL): $\frac{1}{N_s^2} \sum_i r_{i.}^2$.
///
/// 1, its largest value, where all runs have one level.
#[must_use]
pub fn normalised_grey_level_non_uniformity(m: &LevelCounts) -> f64 {
    m.level_non_uniformity() / m.n_s
}

/// Run length non-uniformity (W92Y): $\frac{1}{N_s} \sum_j r_{.j}^2$.
///
/// `N_s`, its largest value, where all runs have one length.
#[must_use]
pub fn run_length_non_uniformity(m: &LevelCounts) -> f64 {
    m.column_non_uniformity()
}

/// Normalised run length non-uniformity (IC23): $\frac{1}{N_s^2} \sum_j r_{.j}^2$.
///
/// 1, its largest value, where all runs have one length.
#[must_use]
pub fn normalised_run_length_non_uniformity(m: &LevelCounts) -> f64 {
    m.column_non_uniformity() / m.n_s
}

/// Run percentage (9ZK5): $\frac{N_s}{N_v}$.
///
/// A fraction despite its name; 1, its largest value, where every run is a single voxel. For merged
/// matrices `N_v` is the sum over the matrices.
#[must_use]
pub fn run_percentage(m: &LevelCounts) -> f64 {
    m.n_s / m.n_v
}

/// Grey level variance (8CE5): $\sum_i \sum_j (i - \mu)^2 p_{ij}, \quad \mu = \sum_i \sum_j i p_{ij}$.
///
/// 0 where all runs have one level.
#[must_use]
pub fn grey_level_variance(m: &LevelCounts) -> f64 {
    let mu = m.mean_over_levels(|i| i);
    m.mean_over_levels(|i| (i - mu).powi(2))
}

/// Run length variance (SXLW): $\sum_i \sum_j (j - \mu)^2 p_{ij}, \quad \mu = \sum_i \sum_j j p_{ij}$.
///
/// 0 where all runs have one length.
#[must_use]
pub fn run_length_variance(m: &LevelCounts) -> f64 {
    let mu = m.mean_over_columns(|j| j);
    m.mean_over_columns(|j| (j - mu).powi(2))
}

/// Run entropy (HJ9O): $-\sum_i \sum_j p_{ij} \log_2 p_{ij}$.
///
/// 0 where all runs have one level and one length; empty elements contribute nothing.
#[must_use]
pub fn run_entropy(m: &LevelCounts) -> f64 {
    m.entropy_bits()
}
