//! Principal axes of the voxel centres (IBSI "Major axis length" TDIC and its neighbours), from
//! exact whole-number moments.

use nalgebra::{Matrix3, SymmetricEigen};

use super::packed::PackedMask;
use crate::parallel;

/// Whole-number moments of the voxel centres' indices (z, y, x).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moments {
    /// Number of voxels.
    pub n: i128,
    /// Sums of z, y, x.
    pub first: [i128; 3],
    /// Sums of zz, yy, xx.
    pub squares: [i128; 3],
    /// Sums of zy, zx, yx.
    pub products: [i128; 3],
}

/// Moments of a mask's voxels.
#[must_use]
pub fn moments(mask: &PackedMask) -> Moments {
    let [nz, ny, _] = mask.shape();
    let slices = parallel::map(nz, nz * ny * (mask.words_per_row() + 8), |z| {
        let mut slice = Moments::default();
        for y in 0..ny {
            slice.add_row(z as i128, y as i128, mask.runs(z, y));
        }
        slice
    });
    slices
        .iter()
        .fold(Moments::default(), |sum, slice| sum.plus(slice))
}

impl Moments {
    fn add_row(&mut self, z: i128, y: i128, runs: impl Iterator<Item = (usize, usize)>) {
        let (mut n, mut sum, mut squares) = (0, 0, 0);
        for (start, end) in runs {
            let (a, length) = (start as i128, end as i128 - start as i128);
            let (steps, step_squares) = sums_below(end as u64 - start as u64);
            n += length;
            sum += a * length + steps;
            squares += a * (a * length + 2 * steps) + step_squares;
        }
        let row = Self {
            n,
            first: [z * n, y * n, sum],
            squares: [z * z * n, y * y * n, squares],
            products: [z * y * n, z * sum, y * sum],
        };
        *self = self.plus(&row);
    }

    fn plus(&self, other: &Self) -> Self {
        let add = |a: [i128; 3], b: [i128; 3]| std::array::from_fn(|k| a[k] + b[k]);
        Self {
            n: self.n + other.n,
            first: add(self.first, other.first),
            squares: add(self.squares, other.squares),
            products: add(self.products, other.products),
        }
    }

    /// Mean position (z, y, x) in mm, voxel (0, 0, 0) at the origin.
    #[must_use]
    pub fn centre(&self, spacing: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|a| self.first[a] as f64 / self.n as f64 * spacing[a])
    }

    /// Covariance of the positions in mm², divided by the number of voxels less one: IBSI's text
    /// does not say, its reference values for the digital phantom do (least axis length 8.54 mm
    /// with a tolerance of 0.05; dividing by the number of voxels gives 8.48). 0 for one voxel.
    fn covariance(&self, spacing: [f64; 3]) -> Matrix3<f64> {
        let n2 = (self.n * (self.n - 1).max(1)) as f64;
        Matrix3::from_fn(|a, b| {
            let product = if a == b {
                self.squares[a]
            } else {
                self.products[a + b - 1]
            };
            // Exact up to here, so no cancellation is left.
            let centred = self.n * product - self.first[a] * self.first[b];
            centred as f64 / n2 * spacing[a] * spacing[b]
        })
    }
}

/// `0 + 1 + ... + (n - 1)` and the sum of their squares `n (n - 1) (2 n - 1) / 6`, for `n < 2^32`.
///
/// Of its factors the one that 3 divides is divided: with 128 bits as much as the rest of a row.
fn sums_below(n: u64) -> (i128, i128) {
    let (sum, odd) = (n * (n - 1) / 2, 2 * n - 1);
    let squares = if sum % 3 == 0 {
        i128::from(sum / 3) * i128::from(odd)
    } else {
        i128::from(sum) * i128::from(odd / 3)
    };
    (i128::from(sum), squares)
}

/// Principal axes of a set of voxel centres, the longest first.
#[derive(Debug, Clone, Copy)]
pub struct PrincipalAxes {
    /// Eigenvalues of the covariance in mm²; exactly 0 along axes the region does not extend along.
    pub eigenvalues: [f64; 3],
    /// Unit vectors (z, y, x).
    pub directions: [[f64; 3]; 3],
}

/// Principal axes of a mask's voxel centres.
#[must_use]
pub fn principal_axes(mask: &PackedMask, moments: &Moments, spacing: [f64; 3]) -> PrincipalAxes {
    let eigen = SymmetricEigen::new(moments.covariance(spacing));
    let mut order = [0, 1, 2];
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let dimension = dimension(mask);
    let value = |k: usize| {
        if k < dimension {
            eigen.eigenvalues[order[k]].max(0.0)
        } else {
            0.0
        }
    };
    PrincipalAxes {
        eigenvalues: [value(0), value(1), value(2)],
        directions: order.map(|k| eigen.eigenvectors.column(k).into_owned().into()),
    }
}

/// Dimension of the space the voxel centres span: 0 for one voxel, 1 for a line, 2 for a plane (in
/// whatever direction), 3 otherwise. Stops as soon as it is 3.
fn dimension(mask: &PackedMask) -> usize {
    let [nz, ny, _] = mask.shape();
    let mut first: Option<[i128; 3]> = None;
    let mut u = [0; 3]; // an offset within the region, then the normal of two
    let mut dimension = 0;
    for z in 0..nz {
        for y in 0..ny {
            // The ends of a run span what the run does.
            for x in mask.runs(z, y).flat_map(|(a, b)| [a, b - 1]) {
                let p = [z as i128, y as i128, x as i128];
                let Some(origin) = first else {
                    first = Some(p);
                    continue;
                };
                let d = [p[0] - origin[0], p[1] - origin[1], p[2] - origin[2]];
                let n = [
                    u[1] * d[2] - u[2] * d[1],
                    u[2] * d[0] - u[0] * d[2],
                    u[0] * d[1] - u[1] * d[0],
                ];
                match dimension {
                    0 if d != [0; 3] => (dimension, u) = (1, d),
                    1 if n != [0; 3] => (dimension, u) = (2, n),
                    2 if u[0] * d[0] + u[1] * d[1] + u[2] * d[2] != 0 => return 3,
                    _ => {}
                }
            }
        }
    }
    dimension
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::testing::{mask_of, masks, permuted, spacings, Mask};
    use proptest::prelude::*;

    fn axes((mask, shape): &Mask, spacing: [f64; 3]) -> PrincipalAxes {
        let packed = PackedMask::new(mask, *shape);
        principal_axes(&packed, &moments(&packed), spacing)
    }

    fn naive((mask, [_, ny, nx]): &Mask) -> Moments {
        let mut all = Moments::default();
        for i in (0..mask.len()).filter(|&i| mask[i]) {
            let [z, y, x] = [i / nx / ny, i / nx % ny, i % nx].map(|v| v as i128);
            all = all.plus(&Moments {
                n: 1,
                first: [z, y, x],
                squares: [z * z, y * y, x * x],
                products: [z * y, z * x, y * x],
            });
        }
        all
    }

    proptest! {
        #[test]
        fn moments_equal_their_naive_twin(mask in masks(5, 140)) {
            prop_assert_eq!(moments(&PackedMask::new(&mask.0, mask.1)), naive(&mask));
        }

        #[test]
        fn order_of_axes_does_not_matter(mask in masks(5, 8), spacing in spacings()) {
            let expected = axes(&mask, spacing).eigenvalues;
            for order in [[0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
                let got = axes(&permuted(&mask, order), order.map(|a| spacing[a])).eigenvalues;
                for k in 0..3 {
                    prop_assert!((got[k] - expected[k]).abs() <= 1e-13 * expected[0]);
                    prop_assert_eq!(got[k] == 0.0, expected[k] == 0.0);
                }
            }
        }
    }

    #[test]
    fn lines_and_planes_in_any_direction_have_no_width() {
        let zeros = |mask: &Mask| {
            axes(mask, [1.7, 0.9, 1.1])
                .eigenvalues
                .iter()
                .filter(|&&v| v == 0.0)
                .count()
        };
        assert_eq!(zeros(&mask_of([1; 3], |_| true)), 3);
        assert_eq!(zeros(&mask_of([9; 3], |[z, y, x]| z == y && y == x)), 2);
        assert_eq!(zeros(&mask_of([9, 5, 9], |[z, _, x]| z == x)), 1);
        assert_eq!(zeros(&mask_of([9; 3], |[z, y, x]| z + y + x == 9)), 1);
        assert_eq!(zeros(&mask_of([2, 2, 2], |_| true)), 0);
    }

    #[test]
    fn a_row_has_the_variance_of_its_positions() {
        let got = axes(&(vec![true; 100], [1, 1, 100]), [1.0, 1.0, 2.0]);
        assert!((got.eigenvalues[0] - 4.0 * 100.0 * 101.0 / 12.0).abs() < 1e-9);
        assert_eq!(got.directions[0].map(f64::abs), [0.0, 0.0, 1.0]);
    }
}
