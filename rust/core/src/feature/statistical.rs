//! Intensity-based statistical features (IBSI UHIW), computed on the intensities `X` of the `N_v`
//! voxels of the intensity mask, in the image's own unit, without discretisation. `mu` is the mean
//! intensity, `sigma` the root of the intensity variance, `P_p` a percentile.

use crate::feature::summary::Summary;
use crate::feature::{FeatureDef, Unit};

/// The intensities of the intensity mask, summed up once for all features.
#[derive(Debug, Clone, PartialEq)]
pub struct Intensities(Summary);

impl Intensities {
    /// Sums up finite intensities, in the order of their voxels (C order).
    ///
    /// Without any, every feature is NaN. The result is the same to the bit on any number of
    /// threads; time O(n).
    #[must_use]
    pub fn new(values: impl AsRef<[f64]>) -> Self {
        Self(Summary::of_values(values.as_ref()))
    }
}

/// Mean intensity, Q4LE: $F = \frac{1}{N_v} \sum_k X_k$.
#[must_use]
pub fn mean_intensity(x: &Intensities) -> f64 {
    x.0.mean
}

/// Intensity variance, ECT3: $F = \frac{1}{N_v} \sum_k (X_k - \mu)^2$.
///
/// Not corrected for bias; exactly 0 for a flat region.
#[must_use]
pub fn intensity_variance(x: &Intensities) -> f64 {
    x.0.variance()
}

/// Intensity skewness, KE2A: $F = m_3 / m_2^{3/2}, \; m_p = \frac{1}{N_v} \sum_k (X_k - \mu)^p$.
///
/// 0 for a flat region, as IBSI defines.
#[must_use]
pub fn intensity_skewness(x: &Intensities) -> f64 {
    x.0.skewness()
}

/// (Excess) intensity kurtosis, IPH6:
/// $F = m_4 / m_2^2 - 3, \; m_p = \frac{1}{N_v} \sum_k (X_k - \mu)^p$.
///
/// 0 for a flat region, as IBSI defines.
#[must_use]
pub fn excess_intensity_kurtosis(x: &Intensities) -> f64 {
    x.0.excess_kurtosis()
}

/// Median intensity, Y12H: $F = P_{50}(X)$.
///
/// The sample median: the mean of the middle two for an even number of voxels.
#[must_use]
pub fn median_intensity(x: &Intensities) -> f64 {
    x.0.median
}

/// Minimum intensity, 1GSF: $F = \min(X)$.
#[must_use]
pub fn minimum_intensity(x: &Intensities) -> f64 {
    x.0.minimum
}

/// 10th intensity percentile, QG58: $F = P_{10}(X)$.
///
/// The rule is that of [`percentile_position`](crate::numeric::percentile_position).
#[must_use]
pub fn intensity_percentile_10(x: &Intensities) -> f64 {
    x.0.p10
}

/// 90th intensity percentile, 8DWT: $F = P_{90}(X)$.
///
/// The rule is that of [`percentile_position`](crate::numeric::percentile_position).
#[must_use]
pub fn intensity_percentile_90(x: &Intensities) -> f64 {
    x.0.p90
}

/// Maximum intensity, 84IY: $F = \max(X)$.
#[must_use]
pub fn maximum_intensity(x: &Intensities) -> f64 {
    x.0.maximum
}

/// Intensity interquartile range, SALO: $F = P_{75}(X) - P_{25}(X)$.
#[must_use]
pub fn intensity_interquartile_range(x: &Intensities) -> f64 {
    x.0.interquartile_range()
}

/// Intensity range, 2OJQ: $F = \max(X) - \min(X)$.
#[must_use]
pub fn intensity_range(x: &Intensities) -> f64 {
    x.0.range()
}

/// Intensity-based mean absolute deviation, 4FUA: $F = \frac{1}{N_v} \sum_k |X_k - \mu|$.
#[must_use]
pub fn intensity_based_mean_absolute_deviation(x: &Intensities) -> f64 {
    x.0.mean_deviation
}

/// Intensity-based robust mean absolute deviation, 1128:
/// $F = \frac{1}{|X_{10-90}|} \sum_{x \in X_{10-90}} |x - \overline{X}_{10-90}|$.
///
/// The set $X_{10-90}$ holds the intensities from $P_{10}$ to $P_{90}$, both included, and the bar
/// denotes its mean. NaN if the set is empty, which needs two voxels of different intensity.
#[must_use]
pub fn intensity_based_robust_mean_absolute_deviation(x: &Intensities) -> f64 {
    x.0.robust_deviation
}

/// Intensity-based median absolute deviation, N72L:
/// $F = \frac{1}{N_v} \sum_k |X_k - M|, \; M = P_{50}(X)$.
///
/// The mean deviation from the median $M$, not the median of the deviations.
#[must_use]
pub fn intensity_based_median_absolute_deviation(x: &Intensities) -> f64 {
    x.0.median_deviation
}

/// Intensity-based coefficient of variation, 7TET: $F = \sigma / \mu$.
///
/// NaN for a mean of 0. The sign is that of the mean.
#[must_use]
pub fn intensity_based_coefficient_of_variation(x: &Intensities) -> f64 {
    x.0.coefficient_of_variation()
}

/// Intensity-based quartile coefficient of dispersion, 9S40:
/// $F = \frac{P_{75} - P_{25}}{P_{75} + P_{25}}$.
///
/// NaN where the two percentiles add up to 0.
#[must_use]
pub fn intensity_based_quartile_coefficient_of_dispersion(x: &Intensities) -> f64 {
    x.0.quartile_coefficient_of_dispersion()
}

/// Intensity-based energy, N8CA: $F = \sum_k X_k^2$.
///
/// Grows with the number of voxels. NaN beyond the largest double.
#[must_use]
pub fn intensity_based_energy(x: &Intensities) -> f64 {
    x.0.energy
}

/// Root mean square intensity, 5ZWQ: $F = \sqrt{\frac{1}{N_v} \sum_k X_k^2}$.
#[must_use]
pub fn root_mean_square_intensity(x: &Intensities) -> f64 {
    x.0.root_mean_square
}

/// The family's features, in IBSI's order.
pub const FEATURES: &[FeatureDef<Intensities>] = &[
    FeatureDef {
        name: "mean_intensity",
        ibsi: "Q4LE",
        unit: Unit::INTENSITY,
        title: "Mean intensity",
        eval: mean_intensity,
    },
    FeatureDef {
        name: "intensity_variance",
        ibsi: "ECT3",
        unit: Unit::INTENSITY2,
        title: "Intensity variance",
        eval: intensity_variance,
    },
    FeatureDef {
        name: "intensity_skewness",
        ibsi: "KE2A",
        unit: Unit::ONE,
        title: "Intensity skewness",
        eval: intensity_skewness,
    },
    FeatureDef {
        name: "excess_intensity_kurtosis",
        ibsi: "IPH6",
        unit: Unit::ONE,
        title: "(Excess) intensity kurtosis",
        eval: excess_intensity_kurtosis,
    },
    FeatureDef {
        name: "median_intensity",
        ibsi: "Y12H",
        unit: Unit::INTENSITY,
        title: "Median intensity",
        eval: median_intensity,
    },
    FeatureDef {
        name: "minimum_intensity",
        ibsi: "1GSF",
        unit: Unit::INTENSITY,
        title: "Minimum intensity",
        eval: minimum_intensity,
    },
    FeatureDef {
        name: "intensity_percentile_10",
        ibsi: "QG58",
        unit: Unit::INTENSITY,
        title: "10th intensity percentile",
        eval: intensity_percentile_10,
    },
    FeatureDef {
        name: "intensity_percentile_90",
        ibsi: "8DWT",
        unit: Unit::INTENSITY,
        title: "90th intensity percentile",
        eval: intensity_percentile_90,
    },
    FeatureDef {
        name: "maximum_intensity",
        ibsi: "84IY",
        unit: Unit::INTENSITY,
        title: "Maximum intensity",
        eval: maximum_intensity,
    },
    FeatureDef {
        name: "intensity_interquartile_range",
        ibsi: "SALO",
        unit: Unit::INTENSITY,
        title: "Intensity interquartile range",
        eval: intensity_interquartile_range,
    },
    FeatureDef {
        name: "intensity_range",
        ibsi: "2OJQ",
        unit: Unit::INTENSITY,
        title: "Intensity range",
        eval: intensity_range,
    },
    FeatureDef {
        name: "intensity_based_mean_absolute_deviation",
        ibsi: "4FUA",
        unit: Unit::INTENSITY,
        title: "Intensity-based mean absolute deviation",
        eval: intensity_based_mean_absolute_deviation,
    },
    FeatureDef {
        name: "intensity_based_robust_mean_absolute_deviation",
        ibsi: "1128",
        unit: Unit::INTENSITY,
        title: "Intensity-based robust mean absolute deviation",
        eval: intensity_based_robust_mean_absolute_deviation,
    },
    FeatureDef {
        name: "intensity_based_median_absolute_deviation",
        ibsi: "N72L",
        unit: Unit::INTENSITY,
        title: "Intensity-based median absolute deviation",
        eval: intensity_based_median_absolute_deviation,
    },
    FeatureDef {
        name: "intensity_based_coefficient_of_variation",
        ibsi: "7TET",
        unit: Unit::ONE,
        title: "Intensity-based coefficient of variation",
        eval: intensity_based_coefficient_of_variation,
    },
    FeatureDef {
        name: "intensity_based_quartile_coefficient_of_dispersion",
        ibsi: "9S40",
        unit: Unit::ONE,
        title: "Intensity-based quartile coefficient of dispersion",
        eval: intensity_based_quartile_coefficient_of_dispersion,
    },
    FeatureDef {
        name: "intensity_based_energy",
        ibsi: "N8CA",
        unit: Unit::INTENSITY2,
        title: "Intensity-based energy",
        eval: intensity_based_energy,
    },
    FeatureDef {
        name: "root_mean_square_intensity",
        ibsi: "5ZWQ",
        unit: Unit::INTENSITY,
        title: "Root mean square intensity",
        eval: root_mean_square_intensity,
    },
];
