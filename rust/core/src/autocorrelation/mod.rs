//! Spatial autocorrelation: Moran's I (IBSI N365) and Geary's C (NPT7), without sampling and
//! without a loop over all pairs of a large region.
//!
//! Both need three sums over ordered pairs of voxels, of `w`, `w y1 y2` and `w (y1 - y2)^2`, where
//! `w` is one over the distance in mm and `y` the intensity less its mean. Small regions take
//! them pair by pair (`pairs`), large ones by Parseval's theorem (`spectrum`).

use ndarray::ArrayView3;

use crate::numeric::sum_by;
use crate::roi::Roi;
use crate::volume::Window;

mod direct;
mod pairs;
mod spectrum;

/// Spatial autocorrelation of the intensities in the intensity mask.
#[derive(Debug, Clone, Copy)]
pub struct Autocorrelation {
    /// Moran's I index.
    pub morans_i: f64,
    /// Geary's C measure.
    pub gearys_c: f64,
}

/// Most bytes that the transforms may hold. Half of the 1 GiB allowed: a larger region is done in
/// several rounds, and a round more costs less than first touching that much memory does.
const MEMORY: usize = 512 << 20;

/// Pairs that take as long as one point of the padded transforms: 3.6 ns against 9 ns (10^3
/// voxels) to 15 ns (10^6 voxels). A ball is better off with transforms from 60 voxels on (8
/// microseconds); 1,000 voxels scattered over a box of 100^3 take 2 ms by pairs, not 120.
const PAIRS_PER_POINT: f64 = 3.0;
/// Pairs that take as long as planning the transforms, 5 microseconds.
const PAIRS_TO_PLAN: f64 = 1_500.0;

/// Moran's I and Geary's C of the intensity mask, weights `1 / d` with `d` in mm.
///
/// Both are NaN for one voxel (no pairs) and for equal intensities throughout (0 / 0).
///
/// Time is O(V log V) in the tight box of the intensity mask, or goes with the number of pairs
/// where that is less; memory is about 56 bytes a voxel of the box, more where its second axis is
/// shorter than 8 voxels, and 1 GiB at most. Both agree with the double sum to about 1e-13. The result is the same to the bit for any number of threads.
#[must_use]
pub fn autocorrelation(roi: &Roi) -> Autocorrelation {
    let Some(region) = Region::new(roi) else {
        return Autocorrelation {
            morans_i: f64::NAN,
            gearys_c: f64::NAN,
        };
    };
    let sums = if region.few_pairs() {
        pairs::sums(&region)
    } else {
        spectrum::sums(&region, MEMORY, direct::MOST)
    };
    region.measures(&sums)
}

/// Sums over ordered pairs of different voxels.
#[derive(Debug, Clone, Copy)]
struct PairSums {
    /// Of `w`.
    weights: f64,
    /// Of `w y1 y2`.
    products: f64,
    /// Of `w (y1 - y2)^2`.
    differences: f64,
}

/// The tight box of the intensity mask, its axes put in order of length, longest last.
struct Region<'a> {
    values: &'a [f64],
    mask: &'a [bool],
    /// Index of the box's first voxel.
    start: usize,
    shape: [usize; 3],
    strides: [usize; 3],
    /// In mm.
    spacing: [f64; 3],
    /// Voxels in the mask.
    n: usize,
    /// `y = (x - origin - mean) / scale`, so that `y` has mean 0 and values up to about 1.
    origin: f64,
    mean: f64,
    scale: f64,
}

impl<'a> Region<'a> {
    /// `None` where the measures are undefined: one voxel or equal intensities.
    fn new(roi: &'a Roi) -> Option<Self> {
        let (values, mask) = (roi.intensities(), roi.intensity());
        let [_, ny, nx] = roi.shape();
        let window = Window::around(ArrayView3::from_shape(roi.shape(), mask).ok()?)?;
        let strides = [ny * nx, nx, 1];
        let mut axes = [0, 1, 2];
        axes.sort_by_key(|&a| window.shape[a]); // stable: equal axes stay in order
        let selected = roi.selected();
        // Less the first value before the mean is taken: exactly 0 for equal intensities, and no
        // digits lost to a large common offset.
        let origin = selected[0];
        let mean = sum_by(&selected, |x| x - origin) / selected.len() as f64;
        let scale = selected
            .iter()
            .fold(0.0, |m: f64, x| m.max((x - origin - mean).abs()));
        (scale > 0.0 && scale.is_finite()).then(|| Self {
            values,
            mask,
            start: (0..3).map(|a| window.start[a] * strides[a]).sum(),
            shape: axes.map(|a| window.shape[a]),
            strides: axes.map(|a| strides[a]),
            spacing: axes.map(|a| roi.spacing()[a]),
            n: selected.len(),
            origin,
            mean,
            scale,
        })
    }

    /// The centred intensity of the voxel with index `k`, if it is in the mask.
    fn get(&self, k: usize) -> Option<f64> {
        self.mask[k].then(|| (self.values[k] - self.origin - self.mean) / self.scale)
    }

    /// Index of the first voxel of a row along the longest axis.
    fn row(&self, a: usize, b: usize) -> usize {
        self.start + a * self.strides[0] + b * self.strides[1]
    }

    /// True if the sum over pairs is less work than the transforms.
    fn few_pairs(&self) -> bool {
        let pairs = self.n as f64 * self.n as f64 / 2.0;
        let points: f64 = self
            .shape
            .iter()
            .map(|&n| spectrum::length(n) as f64)
            .product();
        pairs < PAIRS_PER_POINT * points + PAIRS_TO_PLAN
    }

    fn measures(&self, sums: &PairSums) -> Autocorrelation {
        let n = self.n as f64;
        let inside = (0..self.shape[0]).flat_map(|a| (0..self.shape[1]).map(move |b| (a, b)));
        let squares: Vec<f64> = inside
            .map(|(a, b)| {
                let row = self.row(a, b);
                let y = (0..self.shape[2]).filter_map(|c| self.get(row + c * self.strides[2]));
                y.map(|y| y * y).sum()
            })
            .collect();
        let squares = sum_by(&squares, |s| s);
        Autocorrelation {
            morans_i: n / sums.weights * sums.products / squares,
            gearys_c: (n - 1.0) / (2.0 * sums.weights) * sums.differences / squares,
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;
    use proptest::prelude::*;

    use super::*;
    use crate::settings::Resegment;
    use crate::{parallel, phantom, resegment};

    /// The double sum of the definition, in plain doubles; intensities less `offset`.
    fn naive(roi: &Roi, offset: f64) -> [f64; 2] {
        let [_, ny, nx] = roi.shape();
        let [sz, sy, sx] = roi.spacing();
        let voxels: Vec<([f64; 3], f64)> = (0..roi.intensity().len())
            .filter(|&k| roi.intensity()[k])
            .map(|k| {
                let [z, y, x] = [k / (ny * nx), k / nx % ny, k % nx].map(|i| i as f64);
                ([z * sz, y * sy, x * sx], roi.intensities()[k] - offset)
            })
            .collect();
        let n = voxels.len() as f64;
        let mu = voxels.iter().map(|v| v.1).sum::<f64>() / n;
        let (mut weights, mut products, mut differences) = (0.0, 0.0, 0.0);
        for (i, (p, x)) in voxels.iter().enumerate() {
            for (q, other) in voxels[..i].iter().chain(&voxels[i + 1..]) {
                let w = 1.0 / (0..3).map(|a| (p[a] - q[a]).powi(2)).sum::<f64>().sqrt();
                weights += w;
                products += w * (x - mu) * (other - mu);
                differences += w * (x - other).powi(2);
            }
        }
        let squares: f64 = voxels.iter().map(|v| (v.1 - mu).powi(2)).sum();
        [
            n / weights * products / squares,
            (n - 1.0) / (2.0 * weights) * differences / squares,
        ]
    }

    fn both(a: Autocorrelation) -> [f64; 2] {
        [a.morans_i, a.gearys_c]
    }

    fn by_pairs(roi: &Roi) -> [f64; 2] {
        Region::new(roi).map_or([f64::NAN; 2], |r| both(r.measures(&pairs::sums(&r))))
    }

    /// Without a transform along the shortest axis, which must give what one along it does.
    fn by_spectrum(roi: &Roi, bytes: usize) -> [f64; 2] {
        let direct = by_planes(roi, bytes, direct::MOST);
        assert_close(by_planes(roi, bytes, 0), direct, 1e-10);
        direct
    }

    fn by_planes(roi: &Roi, bytes: usize, direct: usize) -> [f64; 2] {
        Region::new(roi).map_or([f64::NAN; 2], |r| {
            both(r.measures(&spectrum::sums(&r, bytes, direct)))
        })
    }

    fn assert_close(a: [f64; 2], b: [f64; 2], limit: f64) {
        for (a, b) in a.into_iter().zip(b) {
            assert!(
                (a - b).abs() <= limit || (a.is_nan() && b.is_nan()),
                "{a} and {b}"
            );
        }
    }

    fn roi(values: Vec<f64>, mask: Vec<bool>, shape: [usize; 3], spacing: [f64; 3]) -> Roi {
        let values = Array3::from_shape_vec(shape, values).unwrap();
        let mask = Array3::from_shape_vec(shape, mask).unwrap();
        Roi::new(values.view(), mask.view(), spacing).unwrap()
    }

    /// Intensities within +-40, mask, shape and spacing; at least one voxel.
    type Case = (Vec<f64>, Vec<bool>, [usize; 3], [f64; 3]);

    fn cases() -> impl Strategy<Value = Case> {
        let shape = (1usize..12, 1usize..12, 1usize..12);
        shape.prop_flat_map(|(nz, ny, nx)| {
            let n = nz * ny * nx;
            let voxels = prop::collection::vec((-40.0..40.0f64, 0u8..6), n);
            let spacing = [0.3..6.0f64, 0.3..6.0f64, 0.3..6.0f64];
            (voxels, spacing, 0u8..6, 0..n).prop_map(move |(voxels, spacing, keep, sure)| {
                let mut mask: Vec<bool> = voxels.iter().map(|v| v.1 <= keep).collect();
                mask[sure] = true;
                (
                    voxels.iter().map(|v| v.0).collect(),
                    mask,
                    [nz, ny, nx],
                    spacing,
                )
            })
        })
    }

    proptest! {
        #[test]
        fn both_ways_give_the_double_sum((values, mask, shape, spacing) in cases()) {
            let roi = roi(values, mask, shape, spacing);
            let expected = naive(&roi, 0.0);
            assert_close(by_pairs(&roi), expected, 1e-11);
            assert_close(by_spectrum(&roi, MEMORY), expected, 1e-11);
            assert_close(both(autocorrelation(&roi)), expected, 1e-11);
        }

        #[test]
        fn small_noise_on_a_large_offset_keeps_its_digits((values, mask, shape, spacing) in cases()) {
            let offset = 1e4;
            let values = values.iter().map(|v| v * 1e-3 + offset).collect();
            let roi = roi(values, mask, shape, spacing);
            // Subtracting the offset is exact; without it the naive sum is the one that is off.
            let expected = naive(&roi, offset);
            assert_close(by_pairs(&roi), expected, 1e-10);
            assert_close(by_spectrum(&roi, MEMORY), expected, 1e-10);
        }

        #[test]
        fn rounds_and_threads_change_no_bit((values, mask, shape, spacing) in cases()) {
            let roi = roi(values, mask, shape, spacing);
            let bits = |v: [f64; 2]| v.map(f64::to_bits);
            let pairs = bits(by_pairs(&roi));
            for direct in [0, direct::MOST] {
                let spectrum = |bytes| bits(by_planes(&roi, bytes, direct));
                let whole = spectrum(MEMORY);
                for bytes in [0, 2_000, 20_000] {
                    prop_assert_eq!(whole, spectrum(bytes));
                }
                for n in [2, 7] {
                    let run = || [spectrum(20_000), bits(by_pairs(&roi))];
                    prop_assert_eq!([whole, pairs], parallel::with_threads(Some(n), run));
                }
            }
        }
    }

    #[test]
    fn the_phantom_has_the_reference_values() {
        let image = phantom::image();
        let roi = Roi::new(image.view(), phantom::mask().view(), phantom::SPACING).unwrap();
        let csv = include_str!("../../../../python/ferromics/reference/ibsi1_values.csv");
        let measures = both(autocorrelation(&roi));
        // One unit in the third significant digit, and the stated tolerance.
        for (code, value, unit) in [("N365", measures[0], 1e-4), ("NPT7", measures[1], 1e-3)] {
            let row = csv
                .lines()
                .find(|l| l.starts_with("digital_phantom,morph,") && l.contains(code));
            let number = |i| {
                row.unwrap()
                    .split(',')
                    .nth(i)
                    .unwrap()
                    .parse::<f64>()
                    .unwrap()
            };
            let (reference, tolerance) = (number(5), number(6));
            assert!(
                (reference - value).abs() < tolerance + unit,
                "{code}: {value} {reference}"
            );
        }
        assert_close(measures, naive(&roi, 0.0), 1e-12);
    }

    #[test]
    fn the_intensity_mask_counts_also_where_it_is_smaller() {
        let values: Vec<f64> = (0..720).map(|i| f64::from(i * 37 % 101)).collect();
        let mut roi = roi(values, vec![true; 720], [8, 9, 10], [2.0, 1.0, 0.5]);
        let range = [Some(10.0), Some(12.0)];
        resegment::resegment(
            &mut roi,
            &Resegment {
                range,
                ..Resegment::default()
            },
        )
        .unwrap();
        let expected = naive(&roi, 0.0);
        assert_close(both(autocorrelation(&roi)), expected, 1e-11);
        assert_close(by_spectrum(&roi, MEMORY), expected, 1e-11);
    }

    #[test]
    fn one_voxel_and_equal_intensities_are_undefined() {
        for (n, value) in [(1, 3.0), (2, 0.1), (900, 1e4 + 0.1)] {
            let roi = roi(vec![value; n], vec![true; n], [1, 1, n], [1.0; 3]);
            assert!(both(autocorrelation(&roi)).iter().all(|v| v.is_nan()));
        }
    }

    #[test]
    fn two_voxels_are_as_unlike_as_can_be() {
        let roi = roi(vec![1e-300, 5e-300], vec![true; 2], [1, 2, 1], [1.0; 3]);
        assert_close(both(autocorrelation(&roi)), [-1.0, 1.0], 1e-12);
        assert_close(by_spectrum(&roi, MEMORY), [-1.0, 1.0], 1e-12);
    }

    #[test]
    fn lengths_hold_every_pair_and_have_small_factors() {
        assert_eq!(
            [1, 2, 26, 99, 100, 135].map(spectrum::length),
            [1, 4, 54, 216, 216, 288]
        );
        assert!((2..3000).all(|n| (2 * n..4 * n).contains(&spectrum::length(n))));
    }
}
