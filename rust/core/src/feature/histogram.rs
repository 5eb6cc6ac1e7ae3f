//! Intensity histogram features (IBSI ZVCW), computed on the counts `n_i` of the grey levels `i` from
//! 1 to `N_g`; `p_i = n_i / N_v`, `X_d` are the levels of the `N_v` voxels.

use crate::discretise::Levels;
use crate::feature::summary::Summary;
use crate::feature::{FeatureDef, Unit};
use crate::numeric::entropy_bits;

/// The histogram of grey levels and what features share.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    summary: Summary,
    /// `n_1 ... n_{N_g}`.
    counts: Vec<u64>,
    /// `N_v`.
    voxels: f64,
    mode: f64,
    /// Largest gradient and its level.
    steepest_rise: (f64, f64),
    /// Smallest gradient and its level.
    steepest_fall: (f64, f64),
}

impl Histogram {
    /// Takes the counts of the levels; time and memory O(`N_g`).
    #[must_use]
    pub fn new(levels: &Levels) -> Self {
        Self::of_counts(&levels.counts()[1..])
    }

    /// `counts[i - 1]` voxels have grey level `i`. Without any voxel every feature is NaN.
    #[must_use]
    pub fn of_counts(counts: &[u64]) -> Self {
        let summary = Summary::of_counts(1.0, counts);
        let gradient = gradient(counts);
        let voxels = counts.iter().sum::<u64>() as f64;
        Self {
            mode: mode(counts, summary.mean),
            steepest_rise: first_best(&gradient, |new, best| new > best),
            steepest_fall: first_best(&gradient, |new, best| new < best),
            summary,
            counts: counts.to_vec(),
            voxels,
        }
    }

    /// `p_i` for every bin.
    fn probabilities(&self) -> impl Iterator<Item = f64> + '_ {
        self.counts.iter().map(|&n| n as f64 / self.voxels)
    }
}

/// The most frequent level; the nearest to the mean, then the lowest of several.
fn mode(counts: &[u64], mean: f64) -> f64 {
    let highest = counts.iter().max().copied().unwrap_or(0);
    let levels = (1u32..).zip(counts).filter(|(_, &n)| n == highest && n > 0);
    let distance = |i: f64| (i - mean).abs();
    // `min_by` keeps the first of equals.
    let nearest = levels
        .map(|(i, _)| f64::from(i))
        .min_by(|&a, &b| distance(a).total_cmp(&distance(b)));
    nearest.unwrap_or(f64::NAN)
}

/// `H'` of bins 1 to `N_g`, empty ones included; nothing for fewer than two bins.
fn gradient(counts: &[u64]) -> Vec<f64> {
    let n: Vec<f64> = counts.iter().map(|&n| n as f64).collect();
    let [first, second, ..] = n[..] else {
        return Vec::new();
    };
    let mut gradient = vec![second - first];
    gradient.extend(n.windows(3).map(|w| (w[2] - w[0]) / 2.0));
    gradient.push(n[n.len() - 1] - n[n.len() - 2]);
    gradient
}

/// The best gradient and its level, the first of equals.
fn first_best(gradient: &[f64], better: impl Fn(f64, f64) -> bool) -> (f64, f64) {
    let all = (1u32..).zip(gradient).map(|(i, &g)| (g, f64::from(i)));
    all.reduce(|best, new| if better(new.0, best.0) { new } else { best })
        .unwrap_or((f64::NAN, f64::NAN))
}

/// Mean discretised intensity, X6K6: $F = \sum_i i \, p_i$.
#[must_use]
pub fn mean_discretised_intensity(h: &Histogram) -> f64 {
    h.summary.mean
}

/// Discretised intensity variance, CH89: $F = \sum_i (i - \mu)^2 p_i$.
///
/// Not corrected for bias; exactly 0 for one grey level.
#[must_use]
pub fn discretised_intensity_variance(h: &Histogram) -> f64 {
    h.summary.variance()
}

/// Discretised intensity skewness, 88K1: $F = m_3 / m_2^{3/2}, \; m_k = \sum_i (i - \mu)^k p_i$.
///
/// 0 for one grey level, as IBSI defines.
#[must_use]
pub fn discretised_intensity_skewness(h: &Histogram) -> f64 {
    h.summary.skewness()
}

/// (Excess) discretised intensity kurtosis, C3I7:
/// $F = m_4 / m_2^2 - 3, \; m_k = \sum_i (i - \mu)^k p_i$.
///
/// 0 for one grey level, as IBSI defines.
#[must_use]
pub fn excess_discretised_intensity_kurtosis(h: &Histogram) -> f64 {
    h.summary.excess_kurtosis()
}

/// Median discretised intensity, WIFQ: $F = P_{50}(X_d)$.
///
/// The sample median: the mean of the middle two for an even number of voxels.
#[must_use]
pub fn median_discretised_intensity(h: &Histogram) -> f64 {
    h.summary.median
}

/// Minimum discretised intensity, 1PR8: $F = \min(X_d)$.
///
/// The lowest level present; above 1 where fixed size bins start below the region.
#[must_use]
pub fn minimum_discretised_intensity(h: &Histogram) -> f64 {
    h.summary.minimum
}

/// 10th discretised intensity percentile, GPMT: $F = P_{10}(X_d)$.
///
/// Percentile p lies at position p (n - 1) / 100 of the sorted values, counted from 0; between two
/// values it is interpolated linearly.
#[must_use]
pub fn discretised_intensity_percentile_10(h: &Histogram) -> f64 {
    h.summary.p10
}

/// 90th discretised intensity percentile, OZ0C: $F = P_{90}(X_d)$.
///
/// Percentile p lies at position p (n - 1) / 100 of the sorted values, counted from 0; between two
/// values it is interpolated linearly.
#[must_use]
pub fn discretised_intensity_percentile_90(h: &Histogram) -> f64 {
    h.summary.p90
}

/// Maximum discretised intensity, 3NCY: $F = \max(X_d)$.
///
/// The highest level present.
#[must_use]
pub fn maximum_discretised_intensity(h: &Histogram) -> f64 {
    h.summary.maximum
}

/// Intensity histogram mode, AMMC: $F = \mathrm{arg\,max}_i \, n_i$.
///
/// Of several such levels the one nearest to the mean, of two equally near ones the lower.
#[must_use]
pub fn intensity_histogram_mode(h: &Histogram) -> f64 {
    h.mode
}

/// Discretised intensity interquartile range, WR0O: $F = P_{75}(X_d) - P_{25}(X_d)$.
#[must_use]
pub fn discretised_intensity_interquartile_range(h: &Histogram) -> f64 {
    h.summary.interquartile_range()
}

/// Discretised intensity range, 5Z3W: $F = \max(X_d) - \min(X_d)$.
#[must_use]
pub fn discretised_intensity_range(h: &Histogram) -> f64 {
    h.summary.range()
}

/// Intensity histogram mean absolute deviation, D2ZX: $F = \sum_i |i - \mu| \, p_i$.
#[must_use]
pub fn intensity_histogram_mean_absolute_deviation(h: &Histogram) -> f64 {
    h.summary.mean_deviation
}

/// Intensity histogram robust mean absolute deviation, WRZB:
/// $F = \frac{1}{|X_{10-90}|} \sum_{x \in X_{10-90}} |x - \overline{X}_{10-90}|$.
///
/// The set $X_{10-90}$ holds the levels from $P_{10}$ to $P_{90}$, both included, and the bar
/// denotes its mean. NaN if the set is empty, which needs two voxels of different level.
#[must_use]
pub fn intensity_histogram_robust_mean_absolute_deviation(h: &Histogram) -> f64 {
    h.summary.robust_deviation
}

/// Intensity histogram median absolute deviation, 4RNL:
/// $F = \sum_i |i - M| \, p_i, \; M = P_{50}(X_d)$.
///
/// The mean deviation from the median $M$, not the median of the deviations.
#[must_use]
pub fn intensity_histogram_median_absolute_deviation(h: &Histogram) -> f64 {
    h.summary.median_deviation
}

/// Intensity histogram coefficient of variation, CWYJ: $F = \sigma / \mu$.
#[must_use]
pub fn intensity_histogram_coefficient_of_variation(h: &Histogram) -> f64 {
    h.summary.coefficient_of_variation()
}

/// Intensity histogram quartile coefficient of dispersion, SLWD:
/// $F = \frac{P_{75} - P_{25}}{P_{75} + P_{25}}$.
#[must_use]
pub fn intensity_histogram_quartile_coefficient_of_dispersion(h: &Histogram) -> f64 {
    h.summary.quartile_coefficient_of_dispersion()
}

/// Discretised intensity entropy, TLU2: $F = -\sum_i p_i \log_2 p_i$.
///
/// Terms with $p_i = 0$ contribute 0; one grey level gives 0.
#[must_use]
pub fn discretised_intensity_entropy(h: &Histogram) -> f64 {
    entropy_bits(h.probabilities())
}

/// Discretised intensity uniformity, BJ5W: $F = \sum_i p_i^2$.
///
/// 1 for one grey level.
#[must_use]
pub fn discretised_intensity_uniformity(h: &Histogram) -> f64 {
    h.probabilities().map(|p| p * p).sum()
}

/// Maximum histogram gradient, 12CE: $F = \max(H'), \; H'_i = (n_{i+1} - n_{i-1}) / 2$.
///
/// A number of voxels. Bins without voxels count, from bin 1 to bin $N_g$, which is the number of
/// bins of a fixed bin number, else the highest level of the region; at either end the gradient
/// is the difference to the only neighbour. NaN for $N_g = 1$.
#[must_use]
pub fn maximum_histogram_gradient(h: &Histogram) -> f64 {
    h.steepest_rise.0
}

/// Maximum histogram gradient intensity, 8E6O: $F = \mathrm{arg\,max}_i \, H'_i$.
///
/// The lowest such level. NaN for $N_g = 1$.
#[must_use]
pub fn maximum_histogram_gradient_intensity(h: &Histogram) -> f64 {
    h.steepest_rise.1
}

/// Minimum histogram gradient, VQB3: $F = \min(H'), \; H'_i = (n_{i+1} - n_{i-1}) / 2$.
///
/// A number of voxels. Bins without voxels count, from bin 1 to bin $N_g$, which is the number of
/// bins of a fixed bin number, else the highest level of the region; at either end the gradient
/// is the difference to the only neighbour. NaN for $N_g = 1$.
#[must_use]
pub fn minimum_histogram_gradient(h: &Histogram) -> f64 {
    h.steepest_fall.0
}

/// Minimum histogram gradient intensity, RHQZ: $F = \mathrm{arg\,min}_i \, H'_i$.
///
/// The lowest such level. NaN for $N_g = 1$.
#[must_use]
pub fn minimum_histogram_gradient_intensity(h: &Histogram) -> f64 {
    h.steepest_fall.1
}

/// The family's features, in IBSI's order.
pub const FEATURES: &[FeatureDef<Histogram>] = &[
    FeatureDef {
        name: "mean_discretised_intensity",
        ibsi: "X6K6",
        unit: Unit::LEVEL,
        title: "Mean discretised intensity",
        eval: mean_discretised_intensity,
    },
    FeatureDef {
        name: "discretised_intensity_variance",
        ibsi: "CH89",
        unit: Unit::LEVEL2,
        title: "Discretised intensity variance",
        eval: discretised_intensity_variance,
    },
    FeatureDef {
        name: "discretised_intensity_skewness",
        ibsi: "88K1",
        unit: Unit::ONE,
        title: "Discretised intensity skewness",
        eval: discretised_intensity_skewness,
    },
    FeatureDef {
        name: "excess_discretised_intensity_kurtosis",
        ibsi: "C3I7",
        unit: Unit::ONE,
        title: "(Excess) discretised intensity kurtosis",
        eval: excess_discretised_intensity_kurtosis,
    },
    FeatureDef {
        name: "median_discretised_intensity",
        ibsi: "WIFQ",
        unit: Unit::LEVEL,
        title: "Median discretised intensity",
        eval: median_discretised_intensity,
    },
    FeatureDef {
        name: "minimum_discretised_intensity",
        ibsi: "1PR8",
        unit: Unit::LEVEL,
        title: "Minimum discretised intensity",
        eval: minimum_discretised_intensity,
    },
    FeatureDef {
        name: "discretised_intensity_percentile_10",
        ibsi: "GPMT",
        unit: Unit::LEVEL,
        title: "10th discretised intensity percentile",
        eval: discretised_intensity_percentile_10,
    },
    FeatureDef {
        name: "discretised_intensity_percentile_90",
        ibsi: "OZ0C",
        unit: Unit::LEVEL,
        title: "90th discretised intensity percentile",
        eval: discretised_intensity_percentile_90,
    },
    FeatureDef {
        name: "maximum_discretised_intensity",
        ibsi: "3NCY",
        unit: Unit::LEVEL,
        title: "Maximum discretised intensity",
        eval: maximum_discretised_intensity,
    },
    FeatureDef {
        name: "intensity_histogram_mode",
        ibsi: "AMMC",
        unit: Unit::LEVEL,
        title: "Intensity histogram mode",
        eval: intensity_histogram_mode,
    },
    FeatureDef {
        name: "discretised_intensity_interquartile_range",
        ibsi: "WR0O",
        unit: Unit::LEVEL,
        title: "Discretised intensity interquartile range",
        eval: discretised_intensity_interquartile_range,
    },
    FeatureDef {
        name: "discretised_intensity_range",
        ibsi: "5Z3W",
        unit: Unit::LEVEL,
        title: "Discretised intensity range",
        eval: discretised_intensity_range,
    },
    FeatureDef {
        name: "intensity_histogram_mean_absolute_deviation",
        ibsi: "D2ZX",
        unit: Unit::LEVEL,
        title: "Intensity histogram mean absolute deviation",
        eval: intensity_histogram_mean_absolute_deviation,
    },
    FeatureDef {
        name: "intensity_histogram_robust_mean_absolute_deviation",
        ibsi: "WRZB",
        unit: Unit::LEVEL,
        title: "Intensity histogram robust mean absolute deviation",
        eval: intensity_histogram_robust_mean_absolute_deviation,
    },
    FeatureDef {
        name: "intensity_histogram_median_absolute_deviation",
        ibsi: "4RNL",
        unit: Unit::LEVEL,
        title: "Intensity histogram median absolute deviation",
        eval: intensity_histogram_median_absolute_deviation,
    },
    FeatureDef {
        name: "intensity_histogram_coefficient_of_variation",
        ibsi: "CWYJ",
        unit: Unit::ONE,
        title: "Intensity histogram coefficient of variation",
        eval: intensity_histogram_coefficient_of_variation,
    },
    FeatureDef {
        name: "intensity_histogram_quartile_coefficient_of_dispersion",
        ibsi: "SLWD",
        unit: Unit::ONE,
        title: "Intensity histogram quartile coefficient of dispersion",
        eval: intensity_histogram_quartile_coefficient_of_dispersion,
    },
    FeatureDef {
        name: "discretised_intensity_entropy",
        ibsi: "TLU2",
        unit: Unit::ONE,
        title: "Discretised intensity entropy",
        eval: discretised_intensity_entropy,
    },
    FeatureDef {
        name: "discretised_intensity_uniformity",
        ibsi: "BJ5W",
        unit: Unit::ONE,
        title: "Discretised intensity uniformity",
        eval: discretised_intensity_uniformity,
    },
    FeatureDef {
        name: "maximum_histogram_gradient",
        ibsi: "12CE",
        unit: Unit::ONE,
        title: "Maximum histogram gradient",
        eval: maximum_histogram_gradient,
    },
    FeatureDef {
        name: "maximum_histogram_gradient_intensity",
        ibsi: "8E6O",
        unit: Unit::LEVEL,
        title: "Maximum histogram gradient intensity",
        eval: maximum_histogram_gradient_intensity,
    },
    FeatureDef {
        name: "minimum_histogram_gradient",
        ibsi: "VQB3",
        unit: Unit::ONE,
        title: "Minimum histogram gradient",
        eval: minimum_histogram_gradient,
    },
    FeatureDef {
        name: "minimum_histogram_gradient_intensity",
        ibsi: "RHQZ",
        unit: Unit::LEVEL,
        title: "Minimum histogram gradient intensity",
        eval: minimum_histogram_gradient_intensity,
    },
];

#[cfg(test)]
#[allow(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::feature::statistical::{self, Intensities};
    use crate::feature::summary::testing::{assert_phantom, near};
    use crate::phantom;

    fn all(counts: &[u64]) -> Vec<f64> {
        let h = Histogram::of_counts(counts);
        FEATURES.iter().map(|f| (f.eval)(&h)).collect()
    }

    #[test]
    fn the_phantom_has_its_reference_values() {
        let levels: Vec<u16> = phantom::image()
            .iter()
            .zip(&phantom::mask())
            .map(|(&x, &m)| if m { u16::try_from(x).unwrap() } else { 0 })
            .collect();
        let levels = Levels::new(&levels, [4, 4, 5], None).unwrap();
        assert_phantom("ih", FEATURES, &Histogram::new(&levels));
    }

    #[test]
    fn the_mode_is_near_the_mean_then_low() {
        let mode = |counts: &[u64]| intensity_histogram_mode(&Histogram::of_counts(counts));
        assert_eq!(mode(&[5, 0, 1, 5, 0, 2]), 4.0); // mean 3.08
        assert_eq!(mode(&[4, 1, 4]), 1.0); // both at 1 from the mean
        assert_eq!(mode(&[0, 0, 7]), 3.0);
    }

    #[test]
    fn gradients_need_two_bins_and_count_empty_ones() {
        let v = all(&[9]);
        assert!(v[19..].iter().all(|v| v.is_nan()), "{v:?}");
        assert_eq!(v[..4], [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(all(&[0, 0, 4, 0])[19..], [2.0, 2.0, -4.0, 4.0]);
        assert_eq!(all(&[3, 3, 3])[19..], [0.0, 1.0, 0.0, 1.0]); // the first of equals
        assert!(all(&[0, 0])[..19].iter().all(|v| v.is_nan() || *v == 0.0));
    }

    proptest! {
        /// What the two families share is the same for the same numbers.
        #[test]
        fn features_are_the_statistics_of_the_levels(
            counts in prop::collection::vec(0u64..20, 1..60),
        ) {
            prop_assume!(counts.iter().any(|&n| n > 0));
            let mut x: Vec<f64> = Vec::new();
            for (i, &n) in (1u32..).zip(&counts) {
                x.extend((0..n).map(|_| f64::from(i)));
            }
            let (x, h) = (Intensities::new(x), all(&counts));
            let shared = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16];
            let statistics = statistical::FEATURES.iter().map(|f| (f.eval)(&x));
            for (k, value) in shared.into_iter().zip(statistics) {
                prop_assert!(near(h[k], value, value.abs().max(1.0)), "{}", FEATURES[k].name);
            }
        }

        #[test]
        fn histogram_features_are_those_of_the_formulas(
            counts in prop::collection::vec(0u64..9, 2..40),
        ) {
            prop_assume!(counts.iter().any(|&n| n > 0));
            let n: Vec<f64> = counts.iter().map(|&n| n as f64).collect();
            let total: f64 = n.iter().sum();
            let last = n.len() - 1;
            let gradient: Vec<f64> = (0..=last)
                .map(|i| match i {
                    0 => n[1] - n[0],
                    i if i == last => n[last] - n[last - 1],
                    i => (n[i + 1] - n[i - 1]) / 2.0,
                })
                .collect();
            let rise = gradient.iter().copied().fold(f64::MIN, f64::max);
            let fall = gradient.iter().copied().fold(f64::MAX, f64::min);
            let at = |g: f64| gradient.iter().position(|&x| x == g).unwrap() as f64 + 1.0;
            let p: Vec<f64> = n.iter().filter(|&&n| n > 0.0).map(|n| n / total).collect();
            let entropy = -p.iter().map(|p| p * p.log2()).sum::<f64>();
            let h = all(&counts);
            prop_assert_eq!(&h[19..], &[rise, at(rise), fall, at(fall)]);
            prop_assert!(near(h[17], entropy, 1.0));
            prop_assert!(near(h[18], p.iter().map(|p| p * p).sum(), 1.0));
            prop_assert_eq!(n[h[9] as usize - 1], n.iter().copied().fold(0.0, f64::max));
        }
    }
}
