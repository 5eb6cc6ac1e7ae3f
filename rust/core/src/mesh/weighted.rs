//! Intensity-weighted moments of a mask, summed in an order fixed by position.

use super::packed::PackedMask;
use crate::numeric;
use crate::parallel;

/// Sums over the voxels of an intensity mask.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WeightedMoments {
    /// Number of voxels.
    pub n: u64,
    /// Sum of the intensities.
    pub sum: f64,
    /// Sums of intensity times index (z, y, x).
    pub first: [f64; 3],
}

impl WeightedMoments {
    fn plus(&self, other: &Self) -> Self {
        Self {
            n: self.n + other.n,
            sum: self.sum + other.sum,
            first: std::array::from_fn(|a| self.first[a] + other.first[a]),
        }
    }
}

/// Moments of `intensities` over `mask`, both in C order with `shape` (z, y, x).
#[must_use]
pub fn weighted_moments(intensities: &[f64], mask: &[bool], shape: [usize; 3]) -> WeightedMoments {
    let [nz, ny, nx] = shape;
    let packed = PackedMask::new(mask, shape);
    let slices = parallel::map(nz, mask.len(), |z| {
        let mut slice = WeightedMoments::default();
        for y in 0..ny {
            let row = &intensities[(z * ny + y) * nx..][..nx];
            let (mut n, mut sum, mut along) = (0, 0.0, 0.0);
            for (start, end) in packed.runs(z, y) {
                let run = &row[start..end];
                let part = numeric::sum_by(run, |v| v);
                n += run.len() as u64;
                sum += part;
                along += start as f64 * part + ramp(run);
            }
            let first = [z as f64 * sum, y as f64 * sum, along];
            slice = slice.plus(&WeightedMoments { n, sum, first });
        }
        slice
    });
    slices
        .iter()
        .fold(WeightedMoments::default(), |sum, slice| sum.plus(slice))
}

/// `Σ k v_k`, in eight lanes so that it is a vector loop.
fn ramp(values: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    let mut at: [f64; LANES] = std::array::from_fn(|k| k as f64);
    let mut blocks = values.chunks_exact(LANES);
    for block in &mut blocks {
        for ((lane, k), v) in lanes.iter_mut().zip(&mut at).zip(block) {
            *lane += *k * v;
            *k += LANES as f64;
        }
    }
    for ((lane, k), v) in lanes.iter_mut().zip(&at).zip(blocks.remainder()) {
        *lane += k * v;
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::testing::masks;
    use proptest::prelude::*;

    proptest! {
        // Whole intensities: every sum is exact, so the order does not show.
        #[test]
        fn equals_its_naive_twin((mask, shape) in masks(4, 90)) {
            let values: Vec<f64> = (0..mask.len()).map(|i| (i * 31 % 101) as f64 - 50.0).collect();
            let mut expected = WeightedMoments::default();
            for i in (0..mask.len()).filter(|&i| mask[i]) {
                let [_, ny, nx] = shape;
                let index = [i / nx / ny, i / nx % ny, i % nx];
                let first = index.map(|k| k as f64 * values[i]);
                expected = expected.plus(&WeightedMoments { n: 1, sum: values[i], first });
            }
            prop_assert_eq!(weighted_moments(&values, &mask, shape), expected);
        }
    }
}
