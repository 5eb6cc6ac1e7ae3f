//! Class `firstorder`: the intensities of the region, and the histogram of its grey levels.

use ndarray::ArrayView3;

use super::{Options, Row};
use crate::discretise::Levels;
use crate::error::{Error, Result};
use crate::feature::summary::Summary;
use crate::numeric::{entropy_bits, sum_by};
use crate::volume::{cropped, Voxel, Window};

/// The intensities `X` of a region's `N` voxels and the shares `p_i` of its levels.
pub(super) struct Input {
    summary: Summary,
    /// `Σ (X + c)²`.
    energy: f64,
    voxels: f64,
    /// Volume of a voxel in mm³.
    voxel_volume: f64,
    probabilities: Vec<f64>,
}

impl Input {
    pub(super) fn new(
        values: &[f64],
        levels: &Levels,
        spacing: [f64; 3],
        options: &Options,
    ) -> Self {
        let shift = options.voxel_array_shift;
        let voxels = values.len() as f64;
        let counted = levels.counts().iter().filter(|&&n| n > 0);
        Self {
            summary: Summary::of_values(values),
            energy: sum_by(values, |x| (x + shift) * (x + shift)),
            voxels,
            voxel_volume: spacing.iter().product(),
            probabilities: counted.map(|&n| n as f64 / voxels).collect(),
        }
    }
}

/// The intensities of a mask's voxels within a window, in C order.
///
/// # Errors
/// [`Error::NonFinite`] if one is NaN or infinite.
pub(super) fn values<T: Voxel>(
    window: Window,
    mask: &[bool],
    image: ArrayView3<'_, T>,
) -> Result<Vec<f64>> {
    let all = cropped(window.view(image));
    let values: Vec<_> = all
        .iter()
        .zip(mask)
        .map(|(v, &m)| (v.to_f64(), m))
        .collect();
    let wrong = |&(v, inside): &(f64, bool)| inside && !v.is_finite();
    if let Some(k) = values.iter().position(wrong) {
        let [_, ny, nx] = window.shape;
        let place = [k / nx / ny, k / nx % ny, k % nx];
        return Err(Error::NonFinite {
            index: std::array::from_fn(|a| window.start[a] + place[a]),
            value: values[k].0,
            count: values.iter().filter(|v| wrong(v)).count(),
        });
    }
    let inside = values.into_iter().filter(|(_, inside)| *inside);
    Ok(inside.map(|(v, _)| v).collect())
}

/// $\sum_k (X_k + c)^2$ with `voxelArrayShift` $c$.
fn energy(x: &Input) -> f64 {
    x.energy
}

/// $V \sum_k (X_k + c)^2$ with a voxel's volume $V$ in mm³.
fn total_energy(x: &Input) -> f64 {
    x.energy * x.voxel_volume
}

/// $\sqrt{\frac{1}{N} \sum_k (X_k + c)^2}$.
fn root_mean_squared(x: &Input) -> f64 {
    (x.energy / x.voxels).sqrt()
}

/// $-\sum_i p_i \log_2 p_i$ over grey levels.
fn entropy(x: &Input) -> f64 {
    entropy_bits(x.probabilities.iter().copied())
}

/// $\sum_i p_i^2$ over grey levels.
fn uniformity(x: &Input) -> f64 {
    sum_by(&x.probabilities, |p| p * p)
}

/// $m_4 / m_2^2$, 3 for a normal distribution; 0 for a flat region.
fn kurtosis(x: &Input) -> f64 {
    if x.summary.variance() == 0.0 {
        return 0.0;
    }
    x.summary.excess_kurtosis() + 3.0
}

/// $\sqrt{m_2}$, not corrected for bias.
fn standard_deviation(x: &Input) -> f64 {
    x.summary.variance().sqrt()
}

/// The class's features. Percentiles are interpolated linearly, as IBSI's are.
pub(super) const FEATURES: &[Row<Input>] = &[
    Row::new("10Percentile", |x| x.summary.p10),
    Row::new("90Percentile", |x| x.summary.p90),
    Row::new("Energy", energy),
    Row::new("Entropy", entropy),
    Row::new("InterquartileRange", |x| x.summary.interquartile_range()),
    Row::new("Kurtosis", kurtosis),
    Row::new("Maximum", |x| x.summary.maximum),
    Row::new("MeanAbsoluteDeviation", |x| x.summary.mean_deviation),
    Row::new("Mean", |x| x.summary.mean),
    Row::new("Median", |x| x.summary.median),
    Row::new("Minimum", |x| x.summary.minimum),
    Row::new("Range", |x| x.summary.range()),
    Row::new("RobustMeanAbsoluteDeviation", |x| {
        x.summary.robust_deviation
    }),
    Row::new("RootMeanSquared", root_mean_squared),
    Row::new("Skewness", |x| x.summary.skewness()),
    Row::deprecated("StandardDeviation", standard_deviation),
    Row::new("TotalEnergy", total_energy),
    Row::new("Uniformity", uniformity),
    Row::new("Variance", |x| x.summary.variance()),
];
