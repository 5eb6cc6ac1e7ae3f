//! Neighbouring grey level dependence features (IBSI REK0), on the matrix `s[i, j]`: voxels of level
//! `i` with dependence `j`. `N_s = Σ s_ij`, `p_ij = s_ij / N_s`, `s_i.` and `s_.j` are row and column
//! sums.
//!
//! Every region has at least one voxel, and every voxel a dependence of at least 1 (itself), so all
//! features are defined on every region.

use crate::feature::level_counts::LevelCounts;
use crate::feature::{FeatureDef, Unit};
use crate::numeric::entropy_bits;

/// Low dependence emphasis, SODN: $F = \frac{1}{N_s} \sum_j \frac{s_{.j}}{j^2}$.
///
/// Finite always, since a dependence is at least 1.
#[must_use]
pub fn low_dependence_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_columns(|j| 1.0 / (j * j))
}

/// High dependence emphasis, IMOQ: $F = \frac{1}{N_s} \sum_j j^2 s_{.j}$.
#[must_use]
pub fn high_dependence_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_columns(|j| j * j)
}

/// Low grey level count emphasis, TL9H: $F = \frac{1}{N_s} \sum_i \frac{s_{i.}}{i^2}$.
#[must_use]
pub fn low_grey_level_count_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_levels(|i| 1.0 / (i * i))
}

/// High grey level count emphasis, OAE7: $F = \frac{1}{N_s} \sum_i i^2 s_{i.}$.
#[must_use]
pub fn high_grey_level_count_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_levels(|i| i * i)
}

/// Low dependence low grey level emphasis, EQ3F:
/// $F = \frac{1}{N_s} \sum_{ij} \frac{s_{ij}}{i^2 j^2}$.
#[must_use]
pub fn low_dependence_low_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| 1.0 / (i * i * j * j))
}

/// Low dependence high grey level emphasis, JA6D:
/// $F = \frac{1}{N_s} \sum_{ij} \frac{i^2 s_{ij}}{j^2}$.
#[must_use]
pub fn low_dependence_high_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| i * i / (j * j))
}

/// High dependence low grey level emphasis, NBZI:
/// $F = \frac{1}{N_s} \sum_{ij} \frac{j^2 s_{ij}}{i^2}$.
#[must_use]
pub fn high_dependence_low_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| j * j / (i * i))
}

/// High dependence high grey level emphasis, 9QMG: $F = \frac{1}{N_s} \sum_{ij} i^2 j^2 s_{ij}$.
#[must_use]
pub fn high_dependence_high_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| i * i * j * j)
}

/// Grey level non-uniformity, FP8K: $F = \frac{1}{N_s} \sum_i s_{i.}^2$.
///
/// One level gives $N_s$.
#[must_use]
pub fn grey_level_non_uniformity(m: &LevelCounts) -> f64 {
    m.level_non_uniformity()
}

/// Normalised grey level non-uniformity, 5SPA: $F = \frac{1}{N_s^2} \sum_i s_{i.}^2$.
///
/// One level gives 1. In 3D it equals the uniformity of the intensity histogram.
#[must_use]
pub fn normalised_grey_level_non_uniformity(m: &LevelCounts) -> f64 {
    m.level_non_uniformity() / m.n_s
}

/// Dependence count non-uniformity, Z87G: $F = \frac{1}{N_s} \sum_j s_{.j}^2$.
///
/// One dependence throughout gives $N_s$.
#[must_use]
pub fn dependence_count_non_uniformity(m: &LevelCounts) -> f64 {
    m.column_non_uniformity()
}

/// Normalised dependence count non-uniformity, OKJI: $F = \frac{1}{N_s^2} \sum_j s_{.j}^2$.
///
/// One dependence throughout gives 1.
#[must_use]
pub fn normalised_dependence_count_non_uniformity(m: &LevelCounts) -> f64 {
    m.column_non_uniformity() / m.n_s
}

/// Dependence count percentage, 6XV8: $F = \frac{N_s}{N_v}$.
///
/// Always 1, since every voxel has a neighbourhood in the manual's definition.
#[must_use]
pub fn dependence_count_percentage(m: &LevelCounts) -> f64 {
    m.n_s / m.n_v
}

/// Grey level variance, 1PFV: $F = \sum_{ij} (i - \mu)^2 p_{ij}$.
///
/// Here $\mu = \sum_{ij} i \, p_{ij}$. One level gives 0.
#[must_use]
pub fn grey_level_variance(m: &LevelCounts) -> f64 {
    let mu = m.mean_over_levels(|i| i);
    m.mean_over_levels(|i| (i - mu).powi(2))
}

/// Dependence count variance, DNX2: $F = \sum_{ij} (j - \mu)^2 p_{ij}$.
///
/// Here $\mu = \sum_{ij} j \, p_{ij}$. One dependence throughout gives 0.
#[must_use]
pub fn dependence_count_variance(m: &LevelCounts) -> f64 {
    let mu = m.mean_over_columns(|j| j);
    m.mean_over_columns(|j| (j - mu).powi(2))
}

/// Dependence count entropy, FCBV: $F = -\sum_{ij} p_{ij} \log_2 p_{ij}$.
///
/// In bits; terms with $p_{ij} = 0$ contribute 0. One element gives 0.
#[must_use]
pub fn dependence_count_entropy(m: &LevelCounts) -> f64 {
    entropy_bits(m.probabilities())
}

/// Dependence count energy, CAS9: $F = \sum_{ij} p_{ij}^2$.
///
/// One element gives 1.
#[must_use]
pub fn dependence_count_energy(m: &LevelCounts) -> f64 {
    m.probabilities().map(|p| p * p).sum()
}

/// The family's features, in IBSI's order.
pub const FEATURES: &[FeatureDef<LevelCounts>] = &[
    FeatureDef {
        name: "low_dependence_emphasis",
        ibsi: "SODN",
        unit: Unit::ONE,
        title: "Low dependence emphasis",
        eval: low_dependence_emphasis,
    },
    FeatureDef {
        name: "high_dependence_emphasis",
        ibsi: "IMOQ",
        unit: Unit::ONE,
        title: "High dependence emphasis",
        eval: high_dependence_emphasis,
    },
    FeatureDef {
        name: "low_grey_level_count_emphasis",
        ibsi: "TL9H",
        unit: Unit::new(0, 0, -2),
        title: "Low grey level count emphasis",
        eval: low_grey_level_count_emphasis,
    },
    FeatureDef {
        name: "high_grey_level_count_emphasis",
        ibsi: "OAE7",
        unit: Unit::LEVEL2,
        title: "High grey level count emphasis",
        eval: high_grey_level_count_emphasis,
    },
    FeatureDef {
        name: "low_dependence_low_grey_level_emphasis",
        ibsi: "EQ3F",
        unit: Unit::new(0, 0, -2),
        title: "Low dependence low grey level emphasis",
        eval: low_dependence_low_grey_level_emphasis,
    },
    FeatureDef {
        name: "low_dependence_high_grey_level_emphasis",
        ibsi: "JA6D",
        unit: Unit::LEVEL2,
        title: "Low dependence high grey level emphasis",
        eval: low_dependence_high_grey_level_emphasis,
    },
    FeatureDef {
        name: "high_dependence_low_grey_level_emphasis",
        ibsi: "NBZI",
        unit: Unit::new(0, 0, -2),
        title: "High dependence low grey level emphasis",
        eval: high_dependence_low_grey_level_emphasis,
    },
    FeatureDef {
        name: "high_dependence_high_grey_level_emphasis",
        ibsi: "9QMG",
        unit: Unit::LEVEL2,
        title: "High dependence high grey level emphasis",
        eval: high_dependence_high_grey_level_emphasis,
    },
    FeatureDef {
        name: "grey_level_non_uniformity",
        ibsi: "FP8K",
        unit: Unit::ONE,
        title: "Grey level non-uniformity",
        eval: grey_level_non_uniformity,
    },
    FeatureDef {
        name: "normalised_grey_level_non_uniformity",
        ibsi: "5SPA",
        unit: Unit::ONE,
        title: "Normalised grey level non-uniformity",
        eval: normalised_grey_level_non_uniformity,
    },
    FeatureDef {
        name: "dependence_count_non_uniformity",
        ibsi: "Z87G",
        unit: Unit::ONE,
        title: "Dependence count non-uniformity",
        eval: dependence_count_non_uniformity,
    },
    FeatureDef {
        name: "normalised_dependence_count_non_uniformity",
        ibsi: "OKJI",
        unit: Unit::ONE,
        title: "Normalised dependence count non-uniformity",
        eval: normalised_dependence_count_non_uniformity,
    },
    FeatureDef {
        name: "dependence_count_percentage",
        ibsi: "6XV8",
        unit: Unit::ONE,
        title: "Dependence count percentage",
        eval: dependence_count_percentage,
    },
    FeatureDef {
        name: "grey_level_variance",
        ibsi: "1PFV",
        unit: Unit::LEVEL2,
        title: "Grey level variance",
        eval: grey_level_variance,
    },
    FeatureDef {
        name: "dependence_count_variance",
        ibsi: "DNX2",
        unit: Unit::ONE,
        title: "Dependence count variance",
        eval: dependence_count_variance,
    },
    FeatureDef {
        name: "dependence_count_entropy",
        ibsi: "FCBV",
        unit: Unit::ONE,
        title: "Dependence count entropy",
        eval: dependence_count_entropy,
    },
    FeatureDef {
        name: "dependence_count_energy",
        ibsi: "CAS9",
        unit: Unit::ONE,
        title: "Dependence count energy",
        eval: dependence_count_energy,
    },
];
