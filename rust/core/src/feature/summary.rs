//! What a set of numbers is summed up by; the intensity statistics and the intensity histogram
//! features are the same formulas over intensities and over grey levels.

use crate::blocks::all_finite;
use crate::feature::one_pass;
use crate::numeric::{
    between, count_by, finite, higher, mean, nearest, percentile_position, percentiles_within,
    power_of_two_below, span, sum_by, sums_by, vanishes,
};
use crate::selection::Values;

/// Percentiles that features use.
pub(super) const PERCENTS: [u32; 5] = [10, 25, 50, 75, 90];
/// Whole numbers over at most this range are counted.
const COUNTED: f64 = 65_536.0;
/// Whole numbers below this are exact doubles, and so are their differences.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Moments, extremes, percentiles and absolute deviations of `n` numbers `x`.
///
/// Moments are kept in units of a power of two near the range, so that neither they nor their
/// ratios overflow or vanish for intensities of any magnitude.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Mean.
    pub mean: f64,
    /// Lowest value.
    pub minimum: f64,
    /// Highest value.
    pub maximum: f64,
    /// The 10th percentile.
    pub p10: f64,
    /// The 25th percentile.
    pub p25: f64,
    /// The sample median.
    pub median: f64,
    /// The 75th percentile.
    pub p75: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// Mean of `|x - mean|`.
    pub mean_deviation: f64,
    /// Mean of `|x - median|`.
    pub median_deviation: f64,
    /// Mean of `|x - m|` over `p10 <= x <= p90`, `m` being the mean of these.
    pub robust_deviation: f64,
    /// Root of the mean of `x^2`.
    pub root_mean_square: f64,
    /// Sum of `x^2`.
    pub energy: f64,
    /// Unit of the central moments.
    pub(super) unit: f64,
    /// Means of `((x - mean) / unit)^k` for `k` = 2, 3, 4.
    pub(super) moments: [f64; 3],
}

impl Summary {
    /// Sums up finite numbers; everything is NaN if there are none.
    ///
    /// The result is the same to the bit on any number of threads. Time O(n), memory a small part
    /// of `values`.
    #[must_use]
    pub fn of_values(values: &[f64]) -> Self {
        one_pass::summary(values).unwrap_or_else(|| Self::by_passes(values))
    }

    /// [`Summary::of_values`], `None` if any is not finite.
    pub(crate) fn of_sequence(values: &impl Values) -> Option<Self> {
        one_pass::summary(values).or_else(|| {
            let values = values.to_vec();
            all_finite(&values).then(|| Self::by_passes(&values))
        })
    }

    /// One step after the other, for any numbers.
    pub(super) fn by_passes(values: &[f64]) -> Self {
        let (minimum, maximum) = span(values);
        let range = maximum - minimum;
        // A table needs no more places than there are values.
        let small = higher(minimum.abs(), maximum.abs()) < EXACT;
        if (small || values.is_empty())
            && range < COUNTED
            && range < values.len() as f64
            && all_whole(values)
        {
            return Self::of_counts(minimum, &count_by(values, places(range), &|x| x - minimum));
        }
        let (n, mean) = (values.len() as f64, mean(values));
        let [p10, p25, median, p75, p90] = percentiles_within(values, (minimum, maximum), PERCENTS);
        let unit = power_of_two_below(range);
        let size = power_of_two_below(higher(minimum.abs(), maximum.abs()));
        let (per_unit, per_size) = (1.0 / unit, 1.0 / size);
        let from_mean = |x: f64| (x - mean) * per_unit;
        #[allow(clippy::needless_bitwise_bool)] // a lazy `&&` is a branch and stops vectorisation
        let inside = |x: f64| if (p10 <= x) & (x <= p90) { 1.0 } else { 0.0 };
        let sums = sums_by(values, |part| {
            let square = |x: f64| from_mean(x) * from_mean(x);
            [
                sum_by(part, square),
                sum_by(part, |x| square(x) * from_mean(x)),
                sum_by(part, |x| square(x) * square(x)),
                sum_by(part, |x| from_mean(x).abs()),
                sum_by(part, |x| ((x - median) * per_unit).abs()),
                sum_by(part, |x| (x * per_size) * (x * per_size)),
                sum_by(part, inside),
                // Differences to the lower end: small numbers, and a flat range stays flat.
                sum_by(part, |x| inside(x) * ((x - p10) * per_unit)),
            ]
        });
        let [s2, s3, s4, absolute, from_median, squares, kept, above] = sums;
        let robust_mean = p10 + unit * (above / kept);
        let deviation = |x: f64| inside(x) * ((x - robust_mean) * per_unit).abs();
        let [robust] = sums_by(values, |part| [sum_by(part, deviation)]);
        Self {
            mean,
            minimum,
            maximum,
            p10,
            p25,
            median,
            p75,
            p90,
            mean_deviation: unit * (absolute / n),
            median_deviation: unit * (from_median / n),
            robust_deviation: unit * (robust / kept),
            root_mean_square: size * (squares / n).sqrt(),
            energy: finite(size * size * squares),
            unit,
            moments: [s2 / n, s3 / n, s4 / n],
        }
    }

    /// Sums up whole numbers: `first + k` occurs `counts[k]` times. Everything is NaN if there are
    /// none. Time and memory grow with the length of `counts` only.
    #[must_use]
    pub fn of_counts(first: f64, counts: &[u64]) -> Self {
        let bins: Vec<(f64, f64)> = (0u32..)
            .zip(counts)
            .filter(|(_, &n)| n > 0)
            .map(|(k, &n)| (f64::from(k), n as f64))
            .collect();
        let total: u64 = counts.iter().sum();
        let n = total as f64;
        let ends = bins.first().zip(bins.last());
        let (low, high) = ends.map_or((f64::NAN, f64::NAN), |(a, b)| (a.0, b.0));
        let [p10, p25, median, p75, p90] = count_percentiles(counts, total);
        let mean = mean_of(&bins, n, |k| k);
        let moment = |power: i32| mean_of(&bins, n, |k| (k - mean).powi(power));
        let squares = mean_of(&bins, n, |k| (first + k) * (first + k));
        Self {
            mean: first + mean,
            minimum: first + low,
            maximum: first + high,
            p10: first + p10,
            p25: first + p25,
            median: first + median,
            p75: first + p75,
            p90: first + p90,
            mean_deviation: mean_of(&bins, n, |k| (k - mean).abs()),
            median_deviation: mean_of(&bins, n, |k| (k - median).abs()),
            robust_deviation: mean_deviation_within(&bins, p10, p90),
            root_mean_square: squares.sqrt(),
            energy: squares * n,
            unit: 1.0,
            moments: [moment(2), moment(3), moment(4)],
        }
    }

    /// Mean of `(x - mean)^2`, not corrected for bias; 0 exactly where all numbers are equal.
    #[must_use]
    pub fn variance(&self) -> f64 {
        finite(self.unit * self.unit * self.moments[0])
    }

    /// Third central moment over the 3/2th power of the second; 0 where all numbers are equal.
    #[must_use]
    pub fn skewness(&self) -> f64 {
        let [m2, m3, _] = self.moments;
        if m2 == 0.0 {
            0.0
        } else {
            m3 / (m2 * m2.sqrt())
        }
    }

    /// Fourth central moment over the square of the second, less 3; 0 where all are equal.
    #[must_use]
    pub fn excess_kurtosis(&self) -> f64 {
        let [m2, _, m4] = self.moments;
        if m2 == 0.0 {
            0.0
        } else {
            m4 / (m2 * m2) - 3.0
        }
    }

    /// Standard deviation over mean; NaN for a mean that [`vanishes`].
    #[must_use]
    pub fn coefficient_of_variation(&self) -> f64 {
        if vanishes(self.mean, self.minimum.abs().max(self.maximum.abs())) {
            return f64::NAN;
        }
        ratio(self.unit * self.moments[0].sqrt(), self.mean)
    }

    /// `p75 - p25`.
    #[must_use]
    pub fn interquartile_range(&self) -> f64 {
        self.p75 - self.p25
    }

    /// `(p75 - p25) / (p75 + p25)`; NaN where the sum is 0.
    #[must_use]
    pub fn quartile_coefficient_of_dispersion(&self) -> f64 {
        ratio(self.p75 - self.p25, self.p75 + self.p25)
    }

    /// `maximum - minimum`.
    #[must_use]
    pub fn range(&self) -> f64 {
        self.maximum - self.minimum
    }
}

/// Mean of `f(k)` over bins `(k, count)` that hold `n` numbers.
fn mean_of(bins: &[(f64, f64)], n: f64, f: impl Fn(f64) -> f64) -> f64 {
    sum_by(bins, |(k, count)| f(k) * count) / n
}

/// `a / b`, NaN instead of infinity.
fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 {
        f64::NAN
    } else {
        a / b
    }
}

fn all_whole(values: &[f64]) -> bool {
    let start = &values[..values.len().min(256)];
    if start.iter().any(|&x| nearest(x) != x) {
        return false; // most fractions show at once
    }
    let [off] = sums_by(values, |part| [sum_by(part, |x| (nearest(x) - x).abs())]);
    off == 0.0
}

/// Whole numbers from 0 to `range`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole, below `COUNTED`
fn places(range: f64) -> usize {
    range as usize + 1
}

/// The percentiles of the indices of `counts`, by the rule of [`percentile_position`].
fn count_percentiles(counts: &[u64], total: u64) -> [f64; 5] {
    let Ok(total) = usize::try_from(total) else {
        return [f64::NAN; 5];
    };
    if total == 0 {
        return [f64::NAN; 5];
    }
    let mut up_to = 0;
    let cumulative: Vec<u64> = counts
        .iter()
        .map(|n| {
            up_to += n;
            up_to
        })
        .collect();
    let at = |rank: usize| cumulative.partition_point(|&c| c <= rank as u64) as f64;
    PERCENTS.map(|p| {
        let (below, fraction) = percentile_position(total, p);
        between(at(below), at((below + 1).min(total - 1)), fraction)
    })
}

/// Mean absolute deviation of the numbers from `low` to `high` from their own mean.
fn mean_deviation_within(bins: &[(f64, f64)], low: f64, high: f64) -> f64 {
    let kept: Vec<_> = bins
        .iter()
        .copied()
        .filter(|&(k, _)| low <= k && k <= high)
        .collect();
    let n = sum_by(&kept, |(_, n)| n);
    let mean = mean_of(&kept, n, |k| k);
    mean_of(&kept, n, |k| (k - mean).abs())
}

#[cfg(test)]
pub(crate) mod testing {
    use crate::feature::FeatureDef;

    const VALUES: &str = include_str!("../../../../python/ferromics/reference/ibsi1_values.csv");

    /// Checks every reference value the digital phantom has in a family, by IBSI's rule: the
    /// difference cut off at the third significant digit is at most the tolerance.
    pub(crate) fn assert_phantom<M>(family: &str, features: &[FeatureDef<M>], input: &M) {
        let start = format!("digital_phantom,{family},");
        let mut checked = 0;
        for line in VALUES.lines().filter(|line| line.starts_with(&start)) {
            let cells: Vec<&str> = line.split(',').collect();
            let [_, _, name, ibsi, _, reference, tolerance, ..] = cells[..] else {
                panic!()
            };
            let feature = features.iter().find(|f| f.name == name).expect(name);
            assert_eq!(feature.ibsi, ibsi, "{name}");
            let Ok(reference) = reference.parse::<f64>() else {
                continue;
            };
            let digit = 10f64.powf(reference.abs().log10().floor() - 2.0);
            let value = (feature.eval)(input);
            let difference = ((reference - value).abs() / digit + 1e-9).trunc() * digit;
            let tolerance: f64 = tolerance.parse().expect("a tolerance");
            assert!(
                difference <= tolerance,
                "{name}: {value}, reference {reference}"
            );
            checked += 1;
        }
        let standardised = features.iter().filter(|f| f.ibsi != "9CMM").count();
        assert_eq!(
            checked, standardised,
            "every feature has its reference value"
        );
    }

    /// Equal to a part in 10^11 of `scale`, or both NaN.
    pub(crate) fn near(a: f64, b: f64, scale: f64) -> bool {
        (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-11 * scale
    }
}
