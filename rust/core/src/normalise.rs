//! Intensity normalisation: an affine map of the stored intensities, with optional clipping, before
//! interpolation and everything after it. Its parameters come from the whole image or from the
//! region as it was segmented; NaN and infinite voxels of the image are left out.

use ndarray::ArrayView3;

use crate::error::{Error, Result};
use crate::numeric::{self, between, higher, lower, order_statistics, sum_by};
use crate::settings::{Normalise, Over};
use crate::volume::{for_each_finite_part, Voxel, RUN};

/// `clip(scale (x - shift) + offset)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalisation {
    shift: f64,
    scale: f64,
    offset: f64,
    limits: [f64; 2],
}

impl Normalisation {
    /// The map that `settings` ask for, its parameters found on the finite ones of `values`, or on
    /// the region's where the settings say so; see [`over_image`] and [`over_region`].
    fn new(values: &impl Source, settings: &Normalise, over: Over) -> Result<Self> {
        let flat = |[low, high]: [f64; 2]| Error::FlatNormalisation {
            over: match over {
                Over::Image => "image",
                Over::Mask => "region",
            },
            low,
            high,
        };
        let (from, to, clip) = match settings {
            Normalise::ZScore(s) => {
                let (mean, deviation) = moments(values);
                if !(deviation > 0.0 && deviation.is_finite()) {
                    let (low, high) = span(values);
                    return Err(flat([low, high]));
                }
                let limit = s.clip.map_or(f64::INFINITY, |k| (k * s.scale).abs());
                return Ok(Self {
                    shift: mean,
                    scale: s.scale / deviation,
                    offset: 0.0,
                    limits: [-limit, limit],
                });
            }
            Normalise::Range(s) => {
                let from = match s.from {
                    [Some(low), Some(high)] => [low, high],
                    [low, high] => {
                        let found = span(values);
                        [low.unwrap_or(found.0), high.unwrap_or(found.1)]
                    }
                };
                (from, s.to, s.clip)
            }
            Normalise::Percentile(s) => (percentiles(values, s.percentiles), s.to, s.clip),
        };
        Self::between(from, to, clip).ok_or_else(|| flat(from))
    }

    /// The map that takes the range `from` to the range `to`; `None` unless `from` rises.
    fn between(from: [f64; 2], to: [f64; 2], clip: bool) -> Option<Self> {
        let range = from[1] - from[0];
        let limits = if clip {
            [to[0].min(to[1]), to[0].max(to[1])]
        } else {
            [f64::NEG_INFINITY, f64::INFINITY]
        };
        (range > 0.0 && range.is_finite()).then(|| Self {
            shift: from[0],
            scale: (to[1] - to[0]) / range,
            offset: to[0],
            limits,
        })
    }

    /// `(shift, scale, offset)`, by which the map can be told; clipping is in the settings.
    #[must_use]
    pub fn parameters(&self) -> [f64; 3] {
        [self.shift, self.scale, self.offset]
    }

    /// The normalised intensity; NaN stays NaN.
    #[inline]
    #[must_use]
    pub fn apply(&self, x: f64) -> f64 {
        ((x - self.shift) * self.scale + self.offset).clamp(self.limits[0], self.limits[1])
    }
}

/// The normalisation whose parameters come from the whole `image`, (z, y, x); `None` if `settings`
/// take them from the region.
///
/// # Errors
/// [`Error::FlatNormalisation`] if the finite intensities do not vary, or there are none.
pub fn over_image<T: Voxel>(
    image: ArrayView3<'_, T>,
    settings: &Normalise,
) -> Result<Option<Normalisation>> {
    match over(settings) {
        Over::Image => Normalisation::new(&Whole(image), settings, Over::Image).map(Some),
        Over::Mask => Ok(None),
    }
}

/// The normalisation whose parameters come from the intensities of the region.
///
/// # Errors
/// As [`over_image`].
pub fn over_region(values: &[f64], settings: &Normalise) -> Result<Normalisation> {
    Normalisation::new(&values, settings, Over::Mask)
}

/// Where the settings want the parameters found.
#[must_use]
pub fn over(settings: &Normalise) -> Over {
    match settings {
        Normalise::ZScore(s) => s.over,
        Normalise::Range(s) => s.over,
        Normalise::Percentile(s) => s.over,
    }
}

/// Finite intensities, in parts that do not depend on how they lie in memory.
trait Source {
    fn for_each_part(&self, each: impl FnMut(&[f64]));
}

struct Whole<'a, T>(ArrayView3<'a, T>);

impl<T: Voxel> Source for Whole<'_, T> {
    fn for_each_part(&self, each: impl FnMut(&[f64])) {
        for_each_finite_part(self.0.view(), each);
    }
}

impl Source for &[f64] {
    fn for_each_part(&self, each: impl FnMut(&[f64])) {
        self.chunks(RUN).for_each(each);
    }
}

/// Mean and biased standard deviation, in two passes.
fn moments(values: &impl Source) -> (f64, f64) {
    let (mut n, mut first, mut sum) = (0usize, f64::NAN, 0.0);
    values.for_each_part(|part| {
        if n == 0 {
            first = part.first().copied().unwrap_or(f64::NAN);
        }
        n += part.len();
        // Differences to one of the values: exact where all are equal.
        sum += sum_by(part, |x| x - first);
    });
    let mean = first + sum / n as f64;
    let mut squares = 0.0;
    values.for_each_part(|part| squares += sum_by(part, |x| (x - mean) * (x - mean)));
    (mean, (squares / n as f64).sqrt())
}

/// Lowest and highest value.
fn span(values: &impl Source) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    values.for_each_part(|part| {
        let (l, h) = numeric::span(part);
        (low, high) = (lower(low, l), higher(high, h));
    });
    (low, high)
}

/// Percentiles by the rule of [`numeric::percentile_position`], for any real percentage.
fn percentiles(values: &impl Source, percents: [f64; 2]) -> [f64; 2] {
    let mut all = Vec::new();
    values.for_each_part(|part| all.extend_from_slice(part));
    if all.is_empty() {
        return [f64::NAN; 2];
    }
    let last = all.len() - 1;
    let places = percents.map(|p| last as f64 * (p / 100.0));
    // From 0 to `last`, since percentages are from 0 to 100.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let below = places.map(|place| (place.floor() as usize).min(last));
    let mut ranks: Vec<usize> = below.iter().flat_map(|&b| [b, (b + 1).min(last)]).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let found = order_statistics(&all, numeric::span(&all), &ranks, 0);
    let at = |rank: usize| found[ranks.partition_point(|&r| r < rank)];
    std::array::from_fn(|k| {
        let fraction = places[k] - below[k] as f64;
        between(at(below[k]), at((below[k] + 1).min(last)), fraction)
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{s, Array3};

    use super::*;
    use crate::settings::{Percentile, Range, ZScore};

    fn image() -> Array3<f64> {
        let mut image = Array3::from_shape_fn((5, 40, 61), |(z, y, x)| {
            ((z * 7 + y * 13 + x * x) % 97) as f64 * 3.0 - 50.0
        });
        image[[0, 0, 0]] = f64::NAN;
        image[[4, 39, 60]] = f64::INFINITY;
        image
    }

    fn finite(image: &Array3<f64>) -> Vec<f64> {
        image.iter().copied().filter(|x| x.is_finite()).collect()
    }

    #[test]
    fn a_z_score_has_mean_zero_and_the_scale_as_its_deviation() {
        let image = image();
        let settings = Normalise::ZScore(ZScore {
            scale: 100.0,
            ..ZScore::default()
        });
        let map = over_image(image.view(), &settings).unwrap().unwrap();
        let z: Vec<f64> = finite(&image).iter().map(|&x| map.apply(x)).collect();
        let n = z.len() as f64;
        let mean = z.iter().sum::<f64>() / n;
        let deviation = (z.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        // Rounding of 12,000 terms of size 100.
        assert!(mean.abs() < 1e-10 && (deviation - 100.0).abs() < 1e-10);
        assert!(map.apply(f64::NAN).is_nan());
    }

    #[test]
    fn clipping_a_z_score_limits_it_in_standard_deviations() {
        let clip = Some(1.5);
        let settings = Normalise::ZScore(ZScore {
            clip,
            scale: 10.0,
            over: Over::Mask,
        });
        let map = over_region(&finite(&image()), &settings).unwrap();
        assert_eq!((map.apply(1e9), map.apply(-1e9)), (15.0, -15.0));
    }

    #[test]
    fn any_layout_gives_the_same_bits() {
        let image = image();
        let settings = Normalise::ZScore(ZScore::default());
        let map = over_image(image.view(), &settings).unwrap();
        let mut padded = Array3::from_elem((9, 50, 80), f64::NAN);
        padded.slice_mut(s![2..7, 3..43, 10..71]).assign(&image);
        let part = padded.slice(s![2..7, 3..43, 10..71]);
        assert_eq!(over_image(part, &settings).unwrap(), map);
        let turned = image.view().permuted_axes([2, 1, 0]).to_owned();
        let back = turned.view().permuted_axes([2, 1, 0]);
        assert_eq!(over_image(back, &settings).unwrap(), map);
    }

    #[test]
    fn a_range_goes_to_a_range() {
        let image = image();
        let limits = |s: Range| {
            let settings = Normalise::Range(s);
            over_image(image.view(), &settings).unwrap().unwrap()
        };
        let map = limits(Range::default());
        assert_eq!((map.apply(-50.0), map.apply(96.0 * 3.0 - 50.0)), (0.0, 1.0));
        let map = limits(Range {
            from: [Some(0.0), Some(10.0)],
            to: [100.0, 200.0],
            ..Range::default()
        });
        assert_eq!((map.apply(5.0), map.apply(-1.0)), (150.0, 100.0));
        assert_eq!(map.apply(11.0), 200.0);
        let map = limits(Range {
            from: [Some(0.0), Some(10.0)],
            to: [1.0, 0.0],
            clip: false,
            ..Range::default()
        });
        assert_eq!((map.apply(2.5), map.apply(20.0)), (0.75, -1.0));
    }

    #[test]
    fn percentiles_follow_the_rule_of_the_statistics() {
        let values: Vec<f64> = (0..=200).map(f64::from).rev().collect();
        let settings = |percentiles| {
            Normalise::Percentile(Percentile {
                percentiles,
                over: Over::Mask,
                ..Percentile::default()
            })
        };
        let map = over_region(&values, &settings([2.0, 98.5])).unwrap();
        assert_eq!((map.apply(4.0), map.apply(197.0)), (0.0, 1.0));
        let map = over_region(&values[..5], &settings([10.0, 100.0])).unwrap();
        // 196, 197, ..., 200: the 10th percentile lies at position 0.4.
        assert!((map.apply(196.4)).abs() < 1e-12 && map.apply(200.0) == 1.0);
    }

    #[test]
    fn intensities_that_do_not_vary_are_refused() {
        let flat = Array3::from_elem((2, 2, 2), 7.0);
        for settings in [
            Normalise::ZScore(ZScore::default()),
            Normalise::Range(Range::default()),
            Normalise::Percentile(Percentile::default()),
        ] {
            let error = over_image(flat.view(), &settings).unwrap_err();
            let expected = Error::FlatNormalisation {
                over: "image",
                low: 7.0,
                high: 7.0,
            };
            assert_eq!(error, expected);
        }
    }
}
