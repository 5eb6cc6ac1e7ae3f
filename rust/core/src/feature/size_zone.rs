//! Grey level size zone features (IBSI 9SAK), on the matrix of [`crate::matrix::glszm`].
//!
//! `s_ij` zones of grey level `i` and size `j` voxels; `s_i.` and `s_.j` its sums over sizes and
//! levels; `N_s` the number of zones, `N_v` of voxels; `p_ij = s_ij / N_s`. A region has a zone, so
//! nothing here is undefined; a matrix without zones gives NaN and takes part in no aggregation.

use crate::feature::level_counts::LevelCounts;
use crate::feature::{FeatureDef, Unit};
use crate::numeric::entropy_bits;

const PER_LEVEL2: Unit = Unit {
    mm: 0,
    intensity: 0,
    level: -2,
};

/// Small zone emphasis, 5QRC: $F = \frac{1}{N_s} \sum_j \frac{s_{.j}}{j^2}$.
///
/// Highest (1) where every zone is a single voxel.
#[must_use]
pub fn small_zone_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_columns(|j| 1.0 / (j * j))
}

/// Large zone emphasis, 48P8: $F = \frac{1}{N_s} \sum_j j^2 s_{.j}$.
///
/// Grows with zones that hold many voxels.
#[must_use]
pub fn large_zone_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_columns(|j| j * j)
}

/// Low grey level zone emphasis, XMSY: $F = \frac{1}{N_s} \sum_i \frac{s_{i.}}{i^2}$.
///
/// Highest (1) where every zone has grey level 1.
#[must_use]
pub fn low_grey_level_zone_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_levels(|i| 1.0 / (i * i))
}

/// High grey level zone emphasis, 5GN9: $F = \frac{1}{N_s} \sum_i i^2 s_{i.}$.
///
/// Grows with zones of high grey levels.
#[must_use]
pub fn high_grey_level_zone_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_levels(|i| i * i)
}

/// Small zone low grey level emphasis, 5RAI: $F = \frac{1}{N_s} \sum_{ij} \frac{s_{ij}}{i^2 j^2}$.
///
/// Weights the corner of low grey levels and small zones.
#[must_use]
pub fn small_zone_low_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| 1.0 / (i * i * j * j))
}

/// Small zone high grey level emphasis, HW1V: $F = \frac{1}{N_s} \sum_{ij} \frac{i^2 s_{ij}}{j^2}$.
///
/// Weights the corner of high grey levels and small zones.
#[must_use]
pub fn small_zone_high_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| i * i / (j * j))
}

/// Large zone low grey level emphasis, YH51: $F = \frac{1}{N_s} \sum_{ij} \frac{j^2 s_{ij}}{i^2}$.
///
/// Weights the corner of low grey levels and large zones.
#[must_use]
pub fn large_zone_low_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| j * j / (i * i))
}

/// Large zone high grey level emphasis, J17V: $F = \frac{1}{N_s} \sum_{ij} i^2 j^2 s_{ij}$.
///
/// Weights the corner of high grey levels and large zones.
#[must_use]
pub fn large_zone_high_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| i * i * j * j)
}

/// Grey level non-uniformity, JNSA: $F = \frac{1}{N_s} \sum_i s_{i.}^2$.
///
/// Low where zones spread evenly over the grey levels; one level gives `N_s`.
#[must_use]
pub fn grey_level_non_uniformity(m: &LevelCounts) -> f64 {
    m.level_non_uniformity()
}

/// Normalised grey level non-uniformity, Y1RO: $F = \frac{1}{N_s^2} \sum_i s_{i.}^2$.
///
/// The former as a share of `N_s`; one level gives 1.
#[must_use]
pub fn normalised_grey_level_non_uniformity(m: &LevelCounts) -> f64 {
    m.level_non_uniformity() / m.n_s
}

/// Zone size non-uniformity, 4JP3: $F = \frac{1}{N_s} \sum_j s_{.j}^2$.
///
/// Low where zones spread evenly over the sizes; one size gives `N_s`.
#[must_use]
pub fn zone_size_non_uniformity(m: &LevelCounts) -> f64 {
    m.column_non_uniformity()
}

/// Normalised zone size non-uniformity, VB3A: $F = \frac{1}{N_s^2} \sum_j s_{.j}^2$.
///
/// The former as a share of `N_s`; one size gives 1.
#[must_use]
pub fn normalised_zone_size_non_uniformity(m: &LevelCounts) -> f64 {
    m.column_non_uniformity() / m.n_s
}

/// Zone percentage, P30P: $F = \frac{N_s}{N_v}$.
///
/// The share of zones in the most that `N_v` voxels could form; 1 if every voxel is a zone.
#[must_use]
pub fn zone_percentage(m: &LevelCounts) -> f64 {
    m.n_s / m.n_v
}

/// Grey level variance, BYLV: $F = \sum_{ij} (i - \mu)^2 p_{ij}$.
///
/// $\mu = \sum_{ij} i\,p_{ij}$ is the mean grey level of the zones. One level gives 0.
#[must_use]
pub fn grey_level_variance(m: &LevelCounts) -> f64 {
    let mu = m.mean_over_levels(|i| i);
    m.mean_over_levels(|i| (i - mu).powi(2))
}

/// Zone size variance, 3NSA: $F = \sum_{ij} (j - \mu)^2 p_{ij}$.
///
/// $\mu = \sum_{ij} j\,p_{ij}$ is the mean zone size. One size gives 0.
#[must_use]
pub fn zone_size_variance(m: &LevelCounts) -> f64 {
    let mu = m.mean_over_columns(|j| j);
    m.mean_over_columns(|j| (j - mu).powi(2))
}

/// Zone size entropy, GU8N: $F = -\sum_{ij} p_{ij} \log_2 p_{ij}$.
///
/// In bits. One element that is not 0 gives 0.
#[must_use]
pub fn zone_size_entropy(m: &LevelCounts) -> f64 {
    entropy_bits(m.probabilities())
}

/// The family's features.
pub const FEATURES: &[FeatureDef<LevelCounts>] = &[
    FeatureDef {
        name: "small_zone_emphasis",
        ibsi: "5QRC",
        unit: Unit::ONE,
        title: "Small zone emphasis",
        eval: small_zone_emphasis,
    },
    FeatureDef {
        name: "large_zone_emphasis",
        ibsi: "48P8",
        unit: Unit::ONE,
        title: "Large zone emphasis",
        eval: large_zone_emphasis,
    },
    FeatureDef {
        name: "low_grey_level_zone_emphasis",
        ibsi: "XMSY",
        unit: PER_LEVEL2,
        title: "Low grey level zone emphasis",
        eval: low_grey_level_zone_emphasis,
    },
    FeatureDef {
        name: "high_grey_level_zone_emphasis",
        ibsi: "5GN9",
        unit: Unit::LEVEL2,
        title: "High grey level zone emphasis",
        eval: high_grey_level_zone_emphasis,
    },
    FeatureDef {
        name: "small_zone_low_grey_level_emphasis",
        ibsi: "5RAI",
        unit: PER_LEVEL2,
        title: "Small zone low grey level emphasis",
        eval: small_zone_low_grey_level_emphasis,
    },
    FeatureDef {
        name: "small_zone_high_grey_level_emphasis",
        ibsi: "HW1V",
        unit: Unit::LEVEL2,
        title: "Small zone high grey level emphasis",
        eval: small_zone_high_grey_level_emphasis,
    },
    FeatureDef {
        name: "large_zone_low_grey_level_emphasis",
        ibsi: "YH51",
        unit: PER_LEVEL2,
        title: "Large zone low grey level emphasis",
        eval: large_zone_low_grey_level_emphasis,
    },
    FeatureDef {
        name: "large_zone_high_grey_level_emphasis",
        ibsi: "J17V",
        unit: Unit::LEVEL2,
        title: "Large zone high grey level emphasis",
        eval: large_zone_high_grey_level_emphasis,
    },
    FeatureDef {
        name: "grey_level_non_uniformity",
        ibsi: "JNSA",
        unit: Unit::ONE,
        title: "Grey level non-uniformity",
        eval: grey_level_non_uniformity,
    },
    FeatureDef {
        name: "normalised_grey_level_non_uniformity",
        ibsi: "Y1RO",
        unit: Unit::ONE,
        title: "Normalised grey level non-uniformity",
        eval: normalised_grey_level_non_uniformity,
    },
    FeatureDef {
        name: "zone_size_non_uniformity",
        ibsi: "4JP3",
        unit: Unit::ONE,
        title: "Zone size non-uniformity",
        eval: zone_size_non_uniformity,
    },
    FeatureDef {
        name: "normalised_zone_size_non_uniformity",
        ibsi: "VB3A",
        unit: Unit::ONE,
        title: "Normalised zone size non-uniformity",
        eval: normalised_zone_size_non_uniformity,
    },
    FeatureDef {
        name: "zone_percentage",
        ibsi: "P30P",
        unit: Unit::ONE,
        title: "Zone percentage",
        eval: zone_percentage,
    },
    FeatureDef {
        name: "grey_level_variance",
        ibsi: "BYLV",
        unit: Unit::LEVEL2,
        title: "Grey level variance",
        eval: grey_level_variance,
    },
    FeatureDef {
        name: "zone_size_variance",
        ibsi: "3NSA",
        unit: Unit::ONE,
        title: "Zone size variance",
        eval: zone_size_variance,
    },
    FeatureDef {
        name: "zone_size_entropy",
        ibsi: "GU8N",
        unit: Unit::ONE,
        title: "Zone size entropy",
        eval: zone_size_entropy,
    },
];
