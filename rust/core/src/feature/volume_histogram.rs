//! Intensity-volume histogram features (IBSI P88C): the fraction of the volume `nu` that has at least
//! intensity `i`, against the place `gamma` of `i` on the axis, from 0 to 1.
//!
//! The axis runs over the range `G` in equal steps; `gamma` and `nu` are known at its points only.

use crate::discretise::{check_bins, check_width};
use crate::error::{Error, Result};
use crate::feature::{FeatureDef, Unit};
use crate::numeric::{count_by, floor, span, Rule};
use crate::roi::Roi;
use crate::selection::Values;
use crate::settings::{Discretise, Ivh};

/// The axis of the histogram: points `low + (k + offset) * step` for `k` from 0 to `points - 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    low: f64,
    /// Half a step where points are the centres of bins.
    offset: f64,
    step: f64,
    points: u64,
    /// `max(G) - min(G)` in steps, so that `gamma_k = k / steps`.
    steps: f64,
}

/// An intensity-volume histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeHistogram {
    axis: Axis,
    /// `(k, n)`: point `k` is the last one that `n` or more voxels reach, `n` being those of this
    /// and of all later entries; in order of `k`.
    reached: Vec<(u64, u64)>,
    voxels: u64,
    /// All voxels have one discretised intensity.
    single: bool,
}

/// Largest number of axis points that are counted in a table whatever the number of voxels.
const TABLE: u64 = 65_536;
/// Points that are told apart at most: `2^50`, so that they can be rounded down quickly.
const POINTS: f64 = 1_125_899_906_842_624.0;

impl VolumeHistogram {
    /// The histogram of the intensity mask's voxels.
    ///
    /// The discretisation decides what the axis is:
    /// - none (discrete calibrated units): the re-segmentation range in steps of 1 from its lower
    ///   limit, where a limit is missing the region's own;
    /// - fixed bin size (continuous calibrated units): the centres of the bins from the lower to the
    ///   upper re-segmentation limit, where one is missing the region's own; the discretisation's
    ///   `minimum`, if given, starts the bins instead of the lower limit;
    /// - fixed bin number (arbitrary units): bin numbers from 1 to the number of bins over the
    ///   region's own range, whatever the re-segmentation range.
    ///
    /// Time O(n), O(n log n) for more axis points than there are voxels and than 65,536; memory
    /// O(n) whatever the range.
    ///
    /// # Errors
    /// [`Error::Setting`] for a bin width or number outside its limits, and
    /// [`Error::BelowFirstBin`] for a minimum above the region's lowest intensity.
    pub fn new(roi: &Roi, settings: &Ivh) -> Result<Self> {
        Self::of_values(&roi.selected(), roi.range, &settings.discretise)
    }

    /// The same for finite `values` (at least one) and a re-segmentation range.
    ///
    /// # Errors
    /// As [`VolumeHistogram::new`]; [`Error::EmptyMask`] without any value.
    pub fn of_values(
        values: &[f64],
        range: [Option<f64>; 2],
        discretise: &Discretise,
    ) -> Result<Self> {
        if values.is_empty() {
            return Err(Error::EmptyMask);
        }
        Self::of_sequence(values, span(values), range, discretise)
    }

    /// The same for a sequence whose lowest and highest value are known.
    #[allow(clippy::float_cmp)] // one intensity or more
    pub(crate) fn of_sequence(
        values: &(impl Values + ?Sized),
        (minimum, maximum): (f64, f64),
        range: [Option<f64>; 2],
        discretise: &Discretise,
    ) -> Result<Self> {
        let (low, high) = (range[0].unwrap_or(minimum), range[1].unwrap_or(maximum));
        Ok(match *discretise {
            Discretise::None {} => {
                let axis = Axis::new(low, 0.0, 1.0, high - low);
                Self::count(values, axis, minimum == maximum, Units { low })
            }
            Discretise::Fbs {
                width,
                minimum: start,
            } => {
                check_width("ivh.discretise.width", width)?;
                let low = start.unwrap_or(low);
                if minimum < low {
                    return Err(Error::BelowFirstBin {
                        value: minimum,
                        minimum: low,
                    });
                }
                let axis = Axis::new(low, 0.5, width, whole((high - low) / width) - 1.0);
                let bins = Sizes { low, width };
                let single = bins.place(minimum).floor() == bins.place(maximum).floor();
                Self::count(values, axis, single, bins)
            }
            Discretise::Fbn { bins } => {
                check_bins("ivh.discretise.bins", bins)?;
                let n = f64::from(bins);
                let axis = Axis::new(1.0, 0.0, 1.0, n - 1.0);
                let bins = Shares {
                    n,
                    minimum,
                    maximum,
                    range: maximum - minimum,
                };
                Self::count(values, axis, minimum == maximum, bins)
            }
        })
    }

    /// The `point` of `x`, rounded down, is the last axis point that `x` reaches; below 0 if it
    /// reaches none, and any number beyond the end of the axis.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // points: 0 to 2^50
    fn count(values: &(impl Values + ?Sized), axis: Axis, single: bool, point: impl Rule) -> Self {
        let last = (axis.points - 1) as f64;
        let entry = Entry { point, last };
        let mut cells: Vec<(u64, u64)> = if axis.points <= TABLE.max(values.len() as u64) {
            // Entry 0 counts what lies below the axis.
            let places = axis.points as usize + 1;
            let counts = count_by(values, places, &entry);
            (0..)
                .zip(counts.into_iter().skip(1))
                .filter(|&(_, n)| n > 0)
                .collect()
        } else {
            let mut points: Vec<u64> = Vec::with_capacity(values.len());
            values.for_each_run(|run| {
                let entries = run.iter().map(|&x| entry.place(x));
                points.extend(entries.filter(|&k| k > 0.0).map(|k| k as u64 - 1));
            });
            points.sort_unstable();
            points
                .chunk_by(|a, b| a == b)
                .map(|same| (same[0], same.len() as u64))
                .collect()
        };
        let mut at_least = 0;
        for (_, n) in cells.iter_mut().rev() {
            at_least += *n;
            *n = at_least;
        }
        Self {
            axis,
            reached: cells,
            voxels: values.len() as u64,
            single,
        }
    }

    /// `V_x`: the largest volume fraction `nu` at an intensity fraction `gamma` of at least `x`, from
    /// 0 to 1. NaN if no axis point has such a fraction.
    #[must_use]
    pub fn volume_at(&self, x: f64) -> f64 {
        let Some(k) = self.axis.first_at(x) else {
            return f64::NAN;
        };
        let entry = self.reached.partition_point(|&(point, _)| point < k);
        self.reached
            .get(entry)
            .map_or(0.0, |&(_, n)| self.fraction(n))
    }

    /// `I_x`: the lowest discretised intensity that at most the fraction `x` (0 to 1) of the volume
    /// has or exceeds. NaN if more of the volume reaches the end of the axis.
    #[must_use]
    pub fn intensity_at(&self, x: f64) -> f64 {
        let entry = self.reached.partition_point(|&(_, n)| self.fraction(n) > x);
        // Up to this point more of the volume is there.
        let k = if entry == 0 {
            0
        } else {
            self.reached[entry - 1].0 + 1
        };
        if k < self.axis.points {
            self.axis.low + (k as f64 + self.axis.offset) * self.axis.step
        } else {
            f64::NAN
        }
    }

    /// Area under the curve of `nu` over `gamma` by the trapezoidal rule.
    fn area(&self) -> f64 {
        if self.single || self.axis.points < 2 {
            return 0.0;
        }
        let last = self.axis.points - 1;
        // Every voxel adds 1 to all points up to its own, half of that at either end of the axis.
        let (mut halves, mut above) = (0u128, 0);
        for &(point, n) in self.reached.iter().rev() {
            let (here, ends) = (n - above, u128::from(point == last));
            halves += u128::from(here) * (2 * u128::from(point) + 1 - ends);
            above = n;
        }
        halves as f64 / 2.0 / self.voxels as f64 / self.axis.steps
    }

    fn fraction(&self, voxels: u64) -> f64 {
        voxels as f64 / self.voxels as f64
    }
}

impl Axis {
    /// An axis over `steps` steps, rounded down; one point if that is less than none.
    fn new(low: f64, offset: f64, step: f64, steps: f64) -> Self {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 2^50
        let points = steps.clamp(0.0, POINTS).floor() as u64 + 1;
        Self {
            low,
            offset,
            step,
            points,
            steps,
        }
    }

    /// The first point `k` with `gamma_k >= x`.
    fn first_at(&self, x: f64) -> Option<u64> {
        if self.steps <= 0.0 {
            return None; // gamma has no meaning on a range of length 0
        }
        // A fraction that is x but for the rounding of steps counts as x.
        let reaches = |k: f64| k / self.steps >= x - SAME_FRACTION;
        let guess = (x * self.steps).ceil();
        // The product may be rounded to either side of a whole number.
        let k = (-1..=1)
            .map(|d| guess + f64::from(d))
            .find(|&k| k >= 0.0 && reaches(k))?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked
        (k < self.points as f64).then_some(k as u64)
    }
}

/// Intensity fractions closer than this are one; steps are rounded to about 1e-16 of their number.
const SAME_FRACTION: f64 = 1e-12;

/// The points that are 1 apart, `low, low + 1, ...`, as `x` compares with the points themselves: a
/// difference may be rounded to the next whole number.
struct Units {
    low: f64,
}

/// The points in the middle of bins of one width.
struct Sizes {
    low: f64,
    width: f64,
}

/// `n` bins over the range.
struct Shares {
    n: f64,
    minimum: f64,
    maximum: f64,
    range: f64,
}

/// What is counted in a table: 0 for an `x` that reaches no point, else one more than the last point.
struct Entry<P> {
    point: P,
    last: f64,
}

// Rules are types and not closures to become AVX2 code: 10^6 values in 1,000 bins 3.1 ms -> 1.3 ms.
impl Rule for Units {
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn place(&self, x: f64) -> f64 {
        let low = self.low;
        let k = floor(limit(x - low, -1.0, POINTS));
        let too_far = if low + k > x { 1.0 } else { 0.0 };
        let further = if low + (k + 1.0) <= x { 1.0 } else { 0.0 };
        k - too_far + further
    }
}

impl Rule for Sizes {
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn place(&self, x: f64) -> f64 {
        (x - self.low) / self.width
    }
}

impl Rule for Shares {
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn place(&self, x: f64) -> f64 {
        let share = self.n * (x - self.minimum) / self.range;
        if x < self.maximum {
            share
        } else {
            self.n - 1.0
        }
    }
}

impl<P: Rule> Rule for Entry<P> {
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn place(&self, x: f64) -> f64 {
        floor(limit(self.point.place(x), -1.0, self.last)) + 1.0
    }
}

#[inline]
fn limit(x: f64, low: f64, high: f64) -> f64 {
    let x = if x < low { low } else { x };
    if x > high {
        high
    } else {
        x
    }
}

/// `x`, or the whole number it misses by a billionth: a range of a whole number of bins keeps it.
fn whole(x: f64) -> f64 {
    if (x - x.round()).abs() <= 1e-9 {
        x.round()
    } else {
        x
    }
}

/// A column of the family for given percentages; [`FEATURES`] are the columns of 10 and 90.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name in tables.
    pub name: String,
    /// IBSI's name.
    pub title: String,
    /// IBSI code.
    pub ibsi: &'static str,
    /// Unit; an intensity is a bin number after fixed bin number discretisation.
    pub unit: Unit,
    quantity: Quantity,
}

/// What a column holds; fractions from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Quantity {
    Volume(f64),
    Intensity(f64),
    VolumeDifference(f64, f64),
    IntensityDifference(f64, f64),
    Area,
}

impl Column {
    fn new(
        name: String,
        title: String,
        ibsi: &'static str,
        unit: Unit,
        quantity: Quantity,
    ) -> Self {
        Self {
            name,
            title,
            ibsi,
            unit,
            quantity,
        }
    }

    /// The column's value.
    #[must_use]
    pub fn value(&self, h: &VolumeHistogram) -> f64 {
        match self.quantity {
            Quantity::Volume(x) => h.volume_at(x),
            Quantity::Intensity(x) => h.intensity_at(x),
            Quantity::VolumeDifference(a, b) => h.volume_at(a) - h.volume_at(b),
            Quantity::IntensityDifference(a, b) => h.intensity_at(a) - h.intensity_at(b),
            Quantity::Area => h.area(),
        }
    }
}

/// The family's columns for percentages from 0 to 100: each volume fraction, each intensity, their
/// differences between the first and the last percentage (if there are two), the area.
#[must_use]
pub fn columns(percentages: &[f64]) -> Vec<Column> {
    let each = |x: &f64| (*x, *x / 100.0);
    let mut all: Vec<Column> = Vec::with_capacity(2 * percentages.len() + 3);
    all.extend(percentages.iter().map(each).map(|(p, x)| {
        let name = format!("volume_at_intensity_fraction_{p}");
        let title = format!("Volume at intensity fraction {p}%");
        Column::new(name, title, "BC2M", Unit::ONE, Quantity::Volume(x))
    }));
    all.extend(percentages.iter().map(each).map(|(p, x)| {
        let name = format!("intensity_at_volume_fraction_{p}");
        let title = format!("Intensity at volume fraction {p}%");
        Column::new(name, title, "GBPN", Unit::INTENSITY, Quantity::Intensity(x))
    }));
    if let [p, .., q] = percentages {
        let ((p, x), (q, y)) = (each(p), each(q));
        let stem = "volume_fraction_difference_between_intensity_fractions";
        let title = "Volume fraction difference between intensity fractions";
        all.push(Column::new(
            format!("{stem}_v{p}_v{q}"),
            format!("{title} (V{p} - V{q})"),
            "DDTU",
            Unit::ONE,
            Quantity::VolumeDifference(x, y),
        ));
        let stem = "intensity_fraction_difference_between_volume_fractions";
        let title = "Intensity fraction difference between volume fractions";
        all.push(Column::new(
            format!("{stem}_i{p}_i{q}"),
            format!("{title} (I{p} - I{q})"),
            "CNV2",
            Unit::INTENSITY,
            Quantity::IntensityDifference(x, y),
        ));
    }
    let (name, title) = ("area_under_the_ivh_curve", "Area under the IVH curve");
    all.push(Column::new(
        name.into(),
        title.into(),
        "9CMM",
        Unit::ONE,
        Quantity::Area,
    ));
    all
}

/// Volume at intensity fraction 10%, BC2M: $F = V_{10} = \max \{ \nu_i : \gamma_i \ge 0.1 \}$.
///
/// NaN where the axis has no such point: a single intensity, or an axis of so few steps that none
/// lies there (`none` and `fbs` go in whole steps from the lowest intensity or range limit).
#[must_use]
pub fn volume_at_intensity_fraction_10(h: &VolumeHistogram) -> f64 {
    h.volume_at(0.1)
}

/// Volume at intensity fraction 90%, BC2M: $F = V_{90} = \max \{ \nu_i : \gamma_i \ge 0.9 \}$.
///
/// NaN where the axis has no such point: a single intensity, or an axis of so few steps that none
/// lies there (`none` and `fbs` go in whole steps from the lowest intensity or range limit).
#[must_use]
pub fn volume_at_intensity_fraction_90(h: &VolumeHistogram) -> f64 {
    h.volume_at(0.9)
}

/// Intensity at volume fraction 10%, GBPN: $F = I_{10} = \min \{ i : \nu_i \le 0.1 \}$.
///
/// In intensity units, in bin numbers after fixed bin number discretisation. NaN where
/// more than 10 % of the volume reaches the end of the axis.
#[must_use]
pub fn intensity_at_volume_fraction_10(h: &VolumeHistogram) -> f64 {
    h.intensity_at(0.1)
}

/// Intensity at volume fraction 90%, GBPN: $F = I_{90} = \min \{ i : \nu_i \le 0.9 \}$.
///
/// In intensity units, in bin numbers after fixed bin number discretisation. NaN where
/// more than 90 % of the volume reaches the end of the axis.
#[must_use]
pub fn intensity_at_volume_fraction_90(h: &VolumeHistogram) -> f64 {
    h.intensity_at(0.9)
}

/// Volume fraction difference between intensity fractions (V10 - V90), DDTU: $F = V_{10} - V_{90}$.
///
/// NaN where either is.
#[must_use]
pub fn volume_fraction_difference_between_intensity_fractions_v10_v90(h: &VolumeHistogram) -> f64 {
    h.volume_at(0.1) - h.volume_at(0.9)
}

/// Intensity fraction difference between volume fractions (I10 - I90), CNV2: $F = I_{10} - I_{90}$.
///
/// In intensity units, in bin numbers after fixed bin number discretisation. NaN where
/// either is.
#[must_use]
pub fn intensity_fraction_difference_between_volume_fractions_i10_i90(h: &VolumeHistogram) -> f64 {
    h.intensity_at(0.1) - h.intensity_at(0.9)
}

/// Area under the IVH curve, 9CMM:
/// $F = \sum_k \tfrac{1}{2} (\nu_k + \nu_{k+1}) (\gamma_{k+1} - \gamma_k)$.
///
/// The trapezoidal rule over all points of the axis. 0 where the region has a single discretised
/// intensity, as IBSI defines. There is no reference value.
#[must_use]
pub fn area_under_the_ivh_curve(h: &VolumeHistogram) -> f64 {
    h.area()
}

/// The family's features, in IBSI's order.
pub const FEATURES: &[FeatureDef<VolumeHistogram>] = &[
    FeatureDef {
        name: "volume_at_intensity_fraction_10",
        ibsi: "BC2M",
        unit: Unit::ONE,
        title: "Volume at intensity fraction 10%",
        eval: volume_at_intensity_fraction_10,
    },
    FeatureDef {
        name: "volume_at_intensity_fraction_90",
        ibsi: "BC2M",
        unit: Unit::ONE,
        title: "Volume at intensity fraction 90%",
        eval: volume_at_intensity_fraction_90,
    },
    FeatureDef {
        name: "intensity_at_volume_fraction_10",
        ibsi: "GBPN",
        unit: Unit::INTENSITY,
        title: "Intensity at volume fraction 10%",
        eval: intensity_at_volume_fraction_10,
    },
    FeatureDef {
        name: "intensity_at_volume_fraction_90",
        ibsi: "GBPN",
        unit: Unit::INTENSITY,
        title: "Intensity at volume fraction 90%",
        eval: intensity_at_volume_fraction_90,
    },
    FeatureDef {
        name: "volume_fraction_difference_between_intensity_fractions_v10_v90",
        ibsi: "DDTU",
        unit: Unit::ONE,
        title: "Volume fraction difference between intensity fractions (V10 - V90)",
        eval: volume_fraction_difference_between_intensity_fractions_v10_v90,
    },
    FeatureDef {
        name: "intensity_fraction_difference_between_volume_fractions_i10_i90",
        ibsi: "CNV2",
        unit: Unit::INTENSITY,
        title: "Intensity fraction difference between volume fractions (I10 - I90)",
        eval: intensity_fraction_difference_between_volume_fractions_i10_i90,
    },
    FeatureDef {
        name: "area_under_the_ivh_curve",
        ibsi: "9CMM",
        unit: Unit::ONE,
        title: "Area under the IVH curve",
        eval: area_under_the_ivh_curve,
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
    use crate::{parallel, phantom};

    const NONE: Discretise = Discretise::None {};
    const OPEN: [Option<f64>; 2] = [None, None];

    fn of(values: &[f64], range: [Option<f64>; 2], discretise: &Discretise) -> VolumeHistogram {
        VolumeHistogram::of_values(values, range, discretise).unwrap()
    }

    /// Axis and discretised intensities as the manual writes them, one point and voxel at a time.
    fn naive(x: &[f64], range: [Option<f64>; 2], discretise: &Discretise, f: f64) -> [f64; 3] {
        let min = x.iter().copied().fold(f64::INFINITY, f64::min);
        let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = (range[0].unwrap_or(min), range[1].unwrap_or(max));
        let (points, span, x): (Vec<f64>, f64, Vec<f64>) = match *discretise {
            Discretise::None {} => {
                let k = (high - low).floor().max(0.0) as u32;
                (
                    (0..=k).map(|k| low + f64::from(k)).collect(),
                    high - low,
                    x.to_vec(),
                )
            }
            Discretise::Fbs { width, .. } => {
                let centre = |bin: f64| low + (bin - 0.5) * width;
                let bins = whole((high - low) / width);
                let k = bins.floor().max(1.0) as u32;
                let d = x
                    .iter()
                    .map(|x| centre(((x - low) / width).floor() + 1.0))
                    .collect();
                (
                    (1..=k).map(|b| centre(f64::from(b))).collect(),
                    (bins - 1.0) * width,
                    d,
                )
            }
            Discretise::Fbn { bins } => {
                let n = f64::from(bins);
                let d = x.iter().map(|&x| {
                    let bin = (n * (x - min) / (max - min)).floor() + 1.0;
                    if x < max {
                        bin.min(n)
                    } else {
                        n
                    }
                });
                ((1..=bins).map(f64::from).collect(), n - 1.0, d.collect())
            }
        };
        let n = x.len() as f64;
        let nu: Vec<f64> = points
            .iter()
            .map(|i| x.iter().filter(|x| *x >= i).count() as f64 / n)
            .collect();
        let gamma: Vec<f64> = points.iter().map(|i| (i - points[0]) / span).collect();
        let volume = gamma
            .iter()
            .zip(&nu)
            .find(|(g, _)| **g >= f - 1e-12)
            .map(|(_, v)| *v);
        let intensity = points
            .iter()
            .zip(&nu)
            .find(|(_, v)| **v <= f)
            .map(|(i, _)| *i);
        let single = x.iter().all(|v| *v == x[0]);
        let area = if single || points.len() < 2 {
            0.0
        } else {
            let pieces = gamma.windows(2).zip(nu.windows(2));
            pieces
                .map(|(g, v)| (g[1] - g[0]) * (v[0] + v[1]) / 2.0)
                .sum()
        };
        [
            volume.unwrap_or(f64::NAN),
            intensity.unwrap_or(f64::NAN),
            area,
        ]
    }

    fn settings() -> impl Strategy<Value = Discretise> {
        prop_oneof![
            Just(NONE),
            (1u32..40).prop_map(|w| Discretise::Fbs {
                width: f64::from(w) / 4.0,
                minimum: None
            }),
            (2u32..300).prop_map(|bins| Discretise::Fbn { bins }),
        ]
    }

    #[test]
    fn the_phantom_has_its_reference_values() {
        let (image, mask) = (phantom::image(), phantom::mask());
        let roi = Roi::new(image.view(), mask.view(), phantom::SPACING).unwrap();
        let settings = Ivh {
            discretise: NONE,
            ..Ivh::default()
        };
        let h = VolumeHistogram::new(&roi, &settings).unwrap();
        assert_phantom("ivh", FEATURES, &h);
        // The curve of the manual: 1.000, 0.324, 0.324, 0.311, 0.095, 0.095.
        let curve: Vec<u32> = (0..6)
            .map(|k| (h.volume_at(f64::from(k) / 5.0) * 74.0).round() as u32)
            .collect();
        assert_eq!(curve, [74, 24, 24, 23, 7, 7]);
    }

    #[test]
    fn default_columns_are_the_features() {
        let roi = of(&[1.0, 2.0, 2.0, 5.5, 9.0], OPEN, &NONE);
        let columns = columns(&[10.0, 90.0]);
        assert_eq!(columns.len(), FEATURES.len());
        for (c, f) in columns.iter().zip(FEATURES) {
            assert_eq!(
                (&*c.name, &*c.title, c.ibsi, c.unit),
                (f.name, f.title, f.ibsi, f.unit)
            );
            assert_eq!(
                c.value(&roi).to_bits(),
                (f.eval)(&roi).to_bits(),
                "{}",
                c.name
            );
        }
        let names: Vec<String> = super::columns(&[20.0, 50.0, 80.5])
            .into_iter()
            .map(|c| c.name)
            .collect();
        assert_eq!(names[0], "volume_at_intensity_fraction_20");
        assert_eq!(
            names[6],
            "volume_fraction_difference_between_intensity_fractions_v20_v80.5"
        );
        assert_eq!(super::columns(&[50.0]).len(), 3);
        assert_eq!(super::columns(&[]).len(), 1);
    }

    #[test]
    fn one_intensity_has_no_axis_and_no_area() {
        for discretise in [
            NONE,
            Discretise::Fbs {
                width: 0.1,
                minimum: None,
            },
        ] {
            let h = of(&[2.3; 7], OPEN, &discretise);
            assert!(h.volume_at(0.1).is_nan() && h.intensity_at(0.9).is_nan());
            assert_eq!(h.area(), 0.0);
        }
        let h = of(&[2.3; 7], OPEN, &Discretise::Fbn { bins: 10 });
        assert_eq!((h.volume_at(0.9), h.area()), (1.0, 0.0)); // level 10 of 10, as the formula says
        assert!(h.intensity_at(0.9).is_nan());
    }

    #[test]
    fn ranges_are_the_axis() {
        let x = [-20.0, 0.0, 3.0, 80.0];
        let h = of(&x, [Some(-100.0), Some(100.0)], &NONE);
        assert_eq!((h.volume_at(0.5), h.volume_at(0.9)), (0.75, 0.25));
        assert_eq!((h.intensity_at(0.25), h.intensity_at(0.0)), (4.0, 81.0));
        // Half-open: up to the highest intensity, 80; so the middle is -10.
        let h = of(&x, [Some(-100.0), None], &NONE);
        assert_eq!((h.volume_at(0.5), h.volume_at(1.0)), (0.75, 0.25));
        assert!(h.intensity_at(0.0).is_nan());
        // 12 bins of 0.1, though 1.5 - 0.3 is not 12 times 0.1 in doubles.
        let fbs = Discretise::Fbs {
            width: 0.1,
            minimum: None,
        };
        let h = of(&[0.35, 1.45], [Some(0.3), Some(1.5)], &fbs);
        assert_eq!(h.axis.points, 12);
        assert_eq!(h.volume_at(1.0), 0.5);
        assert!(near(h.intensity_at(0.5), 0.45, 1.0));
    }

    #[test]
    fn wide_ranges_take_no_table() {
        let x: Vec<f64> = (0..1000).map(|k| f64::from(k) * 1e9 + 0.25).collect();
        let h = of(&x, OPEN, &NONE);
        assert_eq!(h.axis.points, 999_000_000_001);
        assert!(near(h.area(), 0.5, 1e9) && near(h.volume_at(0.5), 0.5, 1e9));
        let e = of(&[-1e300, 0.0, 1e300], OPEN, &NONE);
        assert!(e.area().is_finite());
        let bad = Discretise::Fbs {
            width: 0.0,
            minimum: None,
        };
        assert!(VolumeHistogram::of_values(&x, OPEN, &bad).is_err());
        assert!(VolumeHistogram::of_values(&[], OPEN, &NONE).is_err());
    }

    #[test]
    fn results_do_not_depend_on_threads() {
        let x: Vec<f64> = (0..200_000u32)
            .map(|k| f64::from(k.wrapping_mul(40_503) % 8_191))
            .collect();
        let one = parallel::with_threads(Some(1), || of(&x, OPEN, &NONE));
        for n in [2, 7] {
            assert_eq!(one, parallel::with_threads(Some(n), || of(&x, OPEN, &NONE)));
        }
    }

    proptest! {
        #[test]
        fn values_are_those_of_the_formulas(
            x in prop::collection::vec(-400i32..400, 1..300),
            divisor in prop::sample::select(vec![1.0, 4.0, 7.0]),
            limits in (prop::bool::ANY, prop::bool::ANY),
            discretise in settings(),
            percent in 0u32..=100,
        ) {
            let x: Vec<f64> = x.iter().map(|&x| f64::from(x) / divisor).collect();
            let range = [limits.0.then_some(-450.0), limits.1.then_some(450.0)];
            let h = of(&x, range, &discretise);
            let f = f64::from(percent) / 100.0;
            let expected = naive(&x, range, &discretise, f);
            for (a, b) in [h.volume_at(f), h.intensity_at(f), h.area()].iter().zip(&expected) {
                prop_assert!(near(*a, *b, 1e3), "{discretise:?} {f}: {a} instead of {b}");
            }
            // The same from the list that stands in for a table.
            let mut x = x;
            x.push(1e12);
            let h = of(&x, [Some(-450.0), None], &NONE);
            let above = |i: f64| x.iter().filter(|&&x| x >= i).count() as f64 / x.len() as f64;
            let i = h.intensity_at(f);
            prop_assert!(i.is_nan() || (above(i) <= f && (i == -450.0 || above(i - 1.0) > f)));
        }
    }
}
