//! Intensity-based statistical features (IBSI UHIW), computed on the intensities `X` of the `N_v`
//! voxels of the intensity mask, in the image's own unit, without discretisation. `mu` is the mean
//! intensity, `sigma` the root of the intensity variance, `P_p` a percentile.

use crate::feature::summary::Summary;
use crate::feature::{FeatureDef, Unit};
use crate::selection::Values;

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

    /// The same of a sequence, `None` if any intensity is not finite.
    pub(crate) fn of_sequence(values: &impl Values) -> Option<Self> {
        Summary::of_sequence(values).map(Self)
    }

    /// Lowest and highest intensity.
    pub(crate) fn span(&self) -> (f64, f64) {
        (self.0.minimum, self.0.maximum)
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
/// Percentile p lies at position p (n - 1) / 100 of the sorted values, counted from 0; between two
/// values it is interpolated linearly.
#[must_use]
pub fn intensity_percentile_10(x: &Intensities) -> f64 {
    x.0.p10
}

/// 90th intensity percentile, 8DWT: $F = P_{90}(X)$.
///
/// Percentile p lies at position p (n - 1) / 100 of the sorted values, counted from 0; between two
/// values it is interpolated linearly.
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
/// NaN for a mean of 0, also for one that is 0 but for rounding (at most 4 units in the last place of
/// the largest intensity). The sign is that of the mean.
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

#[cfg(test)]
#[allow(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::feature::summary::testing::{assert_phantom, near};
    use crate::{parallel, phantom, roi::Roi};

    fn all(values: &[f64]) -> Vec<f64> {
        let x = Intensities::new(values);
        FEATURES.iter().map(|f| (f.eval)(&x)).collect()
    }

    /// The formulas over sorted values, in the order of [`FEATURES`].
    fn naive(values: &[f64]) -> Vec<f64> {
        let mut x = values.to_vec();
        x.sort_by(f64::total_cmp);
        let mean_of = |x: &[f64], f: &dyn Fn(f64) -> f64| {
            x.iter().map(|&x| f(x)).sum::<f64>() / x.len() as f64
        };
        // In whole numbers, so that positions are exact.
        let percentile = |p: usize| {
            let (place, part) = ((x.len() - 1) * p / 100, (x.len() - 1) * p % 100);
            let above = x[(place + 1).min(x.len() - 1)];
            x[place] + (above - x[place]) * (part as f64 / 100.0)
        };
        let (low, high) = (x[0], x[x.len() - 1]);
        let mean = mean_of(&x, &|x| x);
        let moment = |k| mean_of(&x, &|x| (x - mean).powi(k));
        let flat = low == high;
        let (m2, m3, m4) = if flat {
            (0.0, 0.0, 0.0)
        } else {
            (moment(2), moment(3), moment(4))
        };
        let [p10, p25, median, p75, p90] = [10, 25, 50, 75, 90].map(percentile);
        let kept: Vec<f64> = x
            .iter()
            .copied()
            .filter(|&x| p10 <= x && x <= p90)
            .collect();
        let robust = mean_of(&kept, &|x| x);
        let zero_nan = |a: f64, b: f64| if b == 0.0 { f64::NAN } else { a / b };
        vec![
            mean,
            m2,
            if flat { 0.0 } else { m3 / m2.powf(1.5) },
            if flat { 0.0 } else { m4 / m2.powi(2) - 3.0 },
            median,
            low,
            p10,
            p90,
            high,
            p75 - p25,
            high - low,
            mean_of(&x, &|x| (x - mean).abs()),
            mean_of(&kept, &|x| (x - robust).abs()),
            mean_of(&x, &|x| (x - median).abs()),
            zero_nan(m2.sqrt(), mean),
            zero_nan(p75 - p25, p75 + p25),
            x.iter().map(|x| x * x).sum(),
            mean_of(&x, &|x| x * x).sqrt(),
        ]
    }

    /// Values of 8 to 4,000 places: distributions with ties, whole numbers, outliers, long tails.
    fn values() -> impl Strategy<Value = Vec<f64>> {
        let one = (-1.0f64..1.0, 0u8..6);
        (prop::collection::vec(one, 1..4000), 0u8..5).prop_map(|(x, kind)| {
            let of = |(x, tail): (f64, u8)| match kind {
                0 => x * 100.0,
                1 => (x * 40.0).round(),
                2 => (x * 3e4).round() + 0.5,
                3 => (x * 20.0 * f64::from(tail)).exp(),
                _ => 10.0 + x * if tail == 0 { 1e6 } else { 1e-3 },
            };
            x.into_iter().map(of).collect()
        })
    }

    fn assert_same(found: &[f64], expected: &[f64], size: f64) {
        for ((f, &a), &b) in FEATURES.iter().zip(found).zip(expected) {
            // Rounding grows with the largest intensity and the order of the formula.
            let scale = match f.name {
                "intensity_based_energy" => b.abs(),
                "intensity_variance" => size * size,
                // The quartiles are exact, so their quotient is as good as its divisor.
                "intensity_based_quartile_coefficient_of_dispersion" => b.abs().max(1.0),
                // Quotients lose what the differences in them cancel.
                name if f.unit == Unit::ONE => {
                    let spread = expected[1].sqrt().max(f64::MIN_POSITIVE);
                    let mean = expected[0].abs().max(f64::MIN_POSITIVE);
                    let divisor = if name.contains("coefficient") {
                        mean
                    } else {
                        spread
                    };
                    b.abs().max(1.0) * (1.0 + size / divisor)
                }
                _ => size,
            };
            assert!(near(a, b, scale), "{}: {a} instead of {b}", f.name);
        }
    }

    #[test]
    fn the_phantom_has_its_reference_values() {
        let (image, mask) = (phantom::image(), phantom::mask());
        let roi = Roi::new(image.view(), mask.view(), phantom::SPACING).unwrap();
        let x = Intensities::new(roi.selected());
        assert_phantom("stat", FEATURES, &x);
        // The same through the path for intensities that are not whole.
        let half: Vec<f64> = roi.selected().iter().map(|x| x * 0.3).collect();
        let scaled = all(&half);
        for (f, v) in FEATURES.iter().zip(&scaled) {
            let expected = (f.eval)(&x) * 0.3f64.powi(i32::from(f.unit.intensity));
            assert!(near(*v, expected, 600.0), "{}: {v} {expected}", f.name);
        }
    }

    #[test]
    fn a_flat_region_is_flat_to_the_bit() {
        for value in [0.1, -7.3e10, 1e-200, 1e15 + 0.5, 3.0, 0.0] {
            let v = all(&vec![value; 1003]);
            assert_eq!(v[0].to_bits(), value.to_bits());
            for k in [1, 2, 3, 9, 10, 11, 12, 13] {
                assert_eq!(v[k], 0.0, "{} at {value}", FEATURES[k].name);
            }
            assert_eq!(v[14].is_nan() && v[15].is_nan(), value == 0.0);
        }
        assert!(all(&[]).iter().all(|v| v.is_nan()));
    }

    #[test]
    fn ratios_that_are_undefined_are_nan() {
        let v = all(&[-2.0, -1.0, 0.0, 1.0, 2.0]);
        assert!(v[14].is_nan() && v[15].is_nan());
        // Squares no double can hold, and a skewness that has no such trouble.
        let v = all(&[1e200, 2e200, 4.5e200]);
        assert!(v[1].is_nan() && v[16].is_nan() && v[2].is_finite() && v[17].is_finite());
    }

    #[test]
    fn results_do_not_depend_on_threads() {
        let noise = |k: u32| f64::from(k.wrapping_mul(2_654_435_761) >> 8);
        for divisor in [1e5, 1.0, 7.77] {
            let x: Vec<f64> = (0..300_001)
                .map(|k| (noise(k) / divisor - 9.0).powi(3))
                .collect();
            let whole: Vec<f64> = x.iter().map(|x| x.clamp(-1e4, 1e4).round()).collect();
            for x in [&x, &whole] {
                let bits = |n| {
                    let v = parallel::with_threads(Some(n), || all(x));
                    v.into_iter().map(f64::to_bits).collect::<Vec<_>>()
                };
                assert_eq!(bits(1), bits(2));
                assert_eq!(bits(1), bits(7));
            }
        }
    }

    proptest! {
        #[test]
        fn values_are_those_of_the_formulas(x in values()) {
            let size = x.iter().fold(f64::MIN_POSITIVE, |a, x| a.max(x.abs()));
            assert_same(&all(&x), &naive(&x), size);
        }

        /// Powers of two change no bit, whatever the magnitude; this is also the law of the units.
        #[test]
        fn scaling_is_exact(x in values(), power in -200i32..200) {
            let factor = 2f64.powi(power);
            // Not whole, so that both take the same path.
            let x: Vec<f64> = x.iter().chain(&[0.123]).copied().collect();
            let scaled: Vec<f64> = x.iter().map(|x| x * factor).collect();
            for ((f, a), b) in FEATURES.iter().zip(all(&x)).zip(all(&scaled)) {
                let expected = a * factor.powi(i32::from(f.unit.intensity));
                if !(f.unit.intensity == 2 && power.abs() > 150) {
                    prop_assert!(
                        expected.to_bits() == b.to_bits() || near(b, expected, expected.abs()),
                        "{}: {} {}", f.name, b, expected
                    );
                }
            }
        }

        /// What measures spread stays, what measures place moves along.
        #[test]
        fn shifting_moves_places_only(x in prop::collection::vec(-1000i32..1000, 1..500)) {
            let whole: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
            let shifted: Vec<f64> = whole.iter().map(|x| x + 512.0).collect();
            let (a, b) = (all(&whole), all(&shifted));
            for k in [0, 4, 5, 6, 7, 8] {
                prop_assert!(near(a[k] + 512.0, b[k], 1e3), "{}", FEATURES[k].name);
            }
            for k in [1, 2, 3, 9, 10, 11, 12, 13] {
                prop_assert!(near(a[k], b[k], a[k].abs().max(1.0)), "{}", FEATURES[k].name);
            }
        }
    }
}
