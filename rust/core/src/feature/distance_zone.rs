//! Grey level distance zone features (IBSI VMDZ), on the matrix of [`crate::matrix::gldzm`].
//!
//! `d_ij` zones of grey level `i` whose voxel nearest to the region's edge lies at distance `j`
//! (voxels on the edge have 1); `d_i.` and `d_.j` its sums over distances and levels; `N_s` the
//! number of zones, `N_v` of voxels; `p_ij = d_ij / N_s`. A region has a zone, so nothing here is
//! undefined; a matrix without zones gives NaN and takes part in no aggregation.

use crate::feature::level_counts::LevelCounts;
use crate::feature::{FeatureDef, Unit};
use crate::numeric::entropy_bits;

const PER_LEVEL2: Unit = Unit {
    mm: 0,
    intensity: 0,
    level: -2,
};

/// Small distance emphasis, 0GBI: $F = \frac{1}{N_s} \sum_j \frac{d_{.j}}{j^2}$.
///
/// Highest (1) where every zone touches the region's edge.
#[must_use]
pub fn small_distance_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_columns(|j| 1.0 / (j * j))
}

/// Large distance emphasis, MB4I: $F = \frac{1}{N_s} \sum_j j^2 d_{.j}$.
///
/// Grows with zones that lie deep in the region.
#[must_use]
pub fn large_distance_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_columns(|j| j * j)
}

/// Low grey level zone emphasis, S1RA: $F = \frac{1}{N_s} \sum_i \frac{d_{i.}}{i^2}$.
///
/// Highest (1) where every zone has grey level 1.
#[must_use]
pub fn low_grey_level_zone_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_levels(|i| 1.0 / (i * i))
}

/// High grey level zone emphasis, K26C: $F = \frac{1}{N_s} \sum_i i^2 d_{i.}$.
///
/// Grows with zones of high grey levels.
#[must_use]
pub fn high_grey_level_zone_emphasis(m: &LevelCounts) -> f64 {
    m.mean_over_levels(|i| i * i)
}

/// Small distance low grey level emphasis, RUVG:
/// $F = \frac{1}{N_s} \sum_{ij} \frac{d_{ij}}{i^2 j^2}$.
///
/// Weights the corner of low grey levels near the region's edge.
#[must_use]
pub fn small_distance_low_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| 1.0 / (i * i * j * j))
}

/// Small distance high grey level emphasis, DKNJ:
/// $F = \frac{1}{N_s} \sum_{ij} \frac{i^2 d_{ij}}{j^2}$.
///
/// Weights the corner of high grey levels near the region's edge.
#[must_use]
pub fn small_distance_high_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| i * i / (j * j))
}

/// Large distance low grey level emphasis, A7WM:
/// $F = \frac{1}{N_s} \sum_{ij} \frac{j^2 d_{ij}}{i^2}$.
///
/// Weights the corner of low grey levels far from the region's edge.
#[must_use]
pub fn large_distance_low_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| j * j / (i * i))
}

/// Large distance high grey level emphasis, KLTH: $F = \frac{1}{N_s} \sum_{ij} i^2 j^2 d_{ij}$.
///
/// Weights the corner of high grey levels far from the region's edge.
#[must_use]
pub fn large_distance_high_grey_level_emphasis(m: &LevelCounts) -> f64 {
    m.mean(|i, j| i * i * j * j)
}

/// Grey level non-uniformity, VFT7: $F = \frac{1}{N_s} \sum_i d_{i.}^2$.
///
/// Low where zones spread evenly over the grey levels; one level gives `N_s`.
#[must_use]
pub fn grey_level_non_uniformity(m: &LevelCounts) -> f64 {
    m.level_non_uniformity()
}

/// Normalised grey level non-uniformity, 7HP3: $F = \frac{1}{N_s^2} \sum_i d_{i.}^2$.
///
/// The former as a share of `N_s`; one level gives 1.
#[must_use]
pub fn normalised_grey_level_non_uniformity(m: &LevelCounts) -> f64 {
    m.level_non_uniformity() / m.n_s
}

/// Zone distance non-uniformity, V294: $F = \frac{1}{N_s} \sum_j d_{.j}^2$.
///
/// Low where zones spread evenly over the distances; one distance gives `N_s`.
#[must_use]
pub fn zone_distance_non_uniformity(m: &LevelCounts) -> f64 {
    m.column_non_uniformity()
}

/// Normalised zone distance non-uniformity, IATH: $F = \frac{1}{N_s^2} \sum_j d_{.j}^2$.
///
/// The former as a share of `N_s`; one distance gives 1.
#[must_use]
pub fn normalised_zone_distance_non_uniformity(m: &LevelCounts) -> f64 {
    m.column_non_uniformity() / m.n_s
}

/// Zone percentage, VIWW: $F = \frac{N_s}{N_v}$.
///
/// The share of zones in the most that `N_v` voxels could form; 1 if every voxel is a zone.
#[must_use]
pub fn zone_percentage(m: &LevelCounts) -> f64 {
    m.n_s / m.n_v
}

/// Grey level variance, QK93: $F = \sum_{ij} (i - \mu)^2 p_{ij}$.
///
/// $\mu = \sum_{ij} i\,p_{ij}$ is the mean grey level of the zones. One level gives 0.
#[must_use]
pub fn grey_level_variance(m: &LevelCounts) -> f64 {
    let mu = m.mean_over_levels(|i| i);
    m.mean_over_levels(|i| (i - mu).powi(2))
}

/// Zone distance variance, 7WT1: $F = \sum_{ij} (j - \mu)^2 p_{ij}$.
///
/// $\mu = \sum_{ij} j\,p_{ij}$ is the mean zone distance. One distance gives 0.
#[must_use]
pub fn zone_distance_variance(m: &LevelCounts) -> f64 {
    let mu = m.mean_over_columns(|j| j);
    m.mean_over_columns(|j| (j - mu).powi(2))
}

/// Zone distance entropy, GBDU: $F = -\sum_{ij} p_{ij} \log_2 p_{ij}$.
///
/// In bits. One element that is not 0 gives 0.
#[must_use]
pub fn zone_distance_entropy(m: &LevelCounts) -> f64 {
    entropy_bits(m.probabilities())
}

/// The family's features.
pub const FEATURES: &[FeatureDef<LevelCounts>] = &[
    FeatureDef {
        name: "small_distance_emphasis",
        ibsi: "0GBI",
        unit: Unit::ONE,
        title: "Small distance emphasis",
        eval: small_distance_emphasis,
    },
    FeatureDef {
        name: "large_distance_emphasis",
        ibsi: "MB4I",
        unit: Unit::ONE,
        title: "Large distance emphasis",
        eval: large_distance_emphasis,
    },
    FeatureDef {
        name: "low_grey_level_zone_emphasis",
        ibsi: "S1RA",
        unit: PER_LEVEL2,
        title: "Low grey level zone emphasis",
        eval: low_grey_level_zone_emphasis,
    },
    FeatureDef {
        name: "high_grey_level_zone_emphasis",
        ibsi: "K26C",
        unit: Unit::LEVEL2,
        title: "High grey level zone emphasis",
        eval: high_grey_level_zone_emphasis,
    },
    FeatureDef {
        name: "small_distance_low_grey_level_emphasis",
        ibsi: "RUVG",
        unit: PER_LEVEL2,
        title: "Small distance low grey level emphasis",
        eval: small_distance_low_grey_level_emphasis,
    },
    FeatureDef {
        name: "small_distance_high_grey_level_emphasis",
        ibsi: "DKNJ",
        unit: Unit::LEVEL2,
        title: "Small distance high grey level emphasis",
        eval: small_distance_high_grey_level_emphasis,
    },
    FeatureDef {
        name: "large_distance_low_grey_level_emphasis",
        ibsi: "A7WM",
        unit: PER_LEVEL2,
        title: "Large distance low grey level emphasis",
        eval: large_distance_low_grey_level_emphasis,
    },
    FeatureDef {
        name: "large_distance_high_grey_level_emphasis",
        ibsi: "KLTH",
        unit: Unit::LEVEL2,
        title: "Large distance high grey level emphasis",
        eval: large_distance_high_grey_level_emphasis,
    },
    FeatureDef {
        name: "grey_level_non_uniformity",
        ibsi: "VFT7",
        unit: Unit::ONE,
        title: "Grey level non-uniformity",
        eval: grey_level_non_uniformity,
    },
    FeatureDef {
        name: "normalised_grey_level_non_uniformity",
        ibsi: "7HP3",
        unit: Unit::ONE,
        title: "Normalised grey level non-uniformity",
        eval: normalised_grey_level_non_uniformity,
    },
    FeatureDef {
        name: "zone_distance_non_uniformity",
        ibsi: "V294",
        unit: Unit::ONE,
        title: "Zone distance non-uniformity",
        eval: zone_distance_non_uniformity,
    },
    FeatureDef {
        name: "normalised_zone_distance_non_uniformity",
        ibsi: "IATH",
        unit: Unit::ONE,
        title: "Normalised zone distance non-uniformity",
        eval: normalised_zone_distance_non_uniformity,
    },
    FeatureDef {
        name: "zone_percentage",
        ibsi: "VIWW",
        unit: Unit::ONE,
        title: "Zone percentage",
        eval: zone_percentage,
    },
    FeatureDef {
        name: "grey_level_variance",
        ibsi: "QK93",
        unit: Unit::LEVEL2,
        title: "Grey level variance",
        eval: grey_level_variance,
    },
    FeatureDef {
        name: "zone_distance_variance",
        ibsi: "7WT1",
        unit: Unit::ONE,
        title: "Zone distance variance",
        eval: zone_distance_variance,
    },
    FeatureDef {
        name: "zone_distance_entropy",
        ibsi: "GBDU",
        unit: Unit::ONE,
        title: "Zone distance entropy",
        eval: zone_distance_entropy,
    },
];
