//! Local axes from structure tensors, and what each transform along x, y and z adds to one along
//! them.

use nalgebra::{Matrix3, SymmetricEigen};

use crate::filter::convolve::Real;

/// Voxels that a thread takes at a time.
pub(super) const CHUNK: usize = 4096;

/// Axes 1 and 2, (x, y, z) each; axis 3 is their vector product.
pub(super) type Frame = [f64; 6];

/// The elements of a tensor that are kept, in terms of x, y, z.
pub(super) const PAIRS: [[usize; 2]; 6] = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]];

/// All orders along x, y and z of this total.
pub(super) fn orders(total: u32) -> Vec<[u32; 3]> {
    let with = |x: u32| (0..=total - x).map(move |y| [x, y, total - x - y]);
    (0..=total).flat_map(with).collect()
}

/// The axes of a structure tensor, the largest eigenvalue first, each pointing along `gradient`
/// rather than against it; `flat` if there is no z.
pub(super) fn frame(tensor: [f64; 6], gradient: [f64; 3], flat: bool) -> Frame {
    let [xx, xy, xz, yy, yz, zz] = tensor;
    let [a, b] = if flat {
        let (sin, cos) = ((2.0 * xy).atan2(xx - yy) / 2.0).sin_cos();
        [[cos, sin, 0.0], [-sin, cos, 0.0]]
    } else {
        // Scaled, so that neither tiny nor huge intensities leave the range of numbers.
        let scale = tensor.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let scale = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        let matrix = Matrix3::new(xx, xy, xz, xy, yy, yz, xz, yz, zz) * scale;
        let eigen = SymmetricEigen::new(matrix);
        let mut order = [0, 1, 2];
        order.sort_by(|&i, &j| eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]));
        [order[0], order[1]].map(|i| {
            let axis = eigen.eigenvectors.column(i);
            [axis[0], axis[1], axis[2]]
        })
    };
    let pointed = |axis: [f64; 3]| {
        let along: f64 = (0..3).map(|i| axis[i] * gradient[i]).sum();
        axis.map(|v| if along < 0.0 { -v } else { v })
    };
    let ([a, b, c], [d, e, f]) = (pointed(a), pointed(b));
    [a, b, c, d, e, f]
}

/// The share of the transform of one order along x, y and z in that of another order along local
/// axes.
///
/// With the axes $u_i$, the latter has $\prod_i (u_i \cdot \nu)^{l_i}$ for the former's
/// $\nu_1^{m_1} \nu_2^{m_2} \nu_3^{m_3}$: the share is the coefficient of this monomial, times the
/// ratio of the two normalisations, $\sqrt{m_1! m_2! m_3! / (l_1! l_2! l_3!)}$.
pub(super) struct Share {
    order: [u32; 3],
    of: [usize; 3],
    ratio: f64,
    /// Side of the table of coefficients.
    side: usize,
}

impl Share {
    pub(super) fn new(order: [u32; 3], of: [u32; 3]) -> Self {
        let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
        let product = |order: [u32; 3]| order.map(factorial).iter().product::<f64>();
        Self {
            order,
            of: of.map(|l| l as usize),
            ratio: (product(of) / product(order)).sqrt(),
            side: order.iter().sum::<u32>() as usize + 1,
        }
    }

    /// Room for two tables of coefficients.
    pub(super) fn scratch(&self) -> [Vec<f64>; 2] {
        [0, 1].map(|_| vec![0.0; self.side * self.side])
    }

    /// The share at a voxel with these axes.
    pub(super) fn of<T: Real>(&self, frame: &[T; 6], scratch: &mut [Vec<f64>; 2]) -> f64 {
        let [a, b, c, d, e, f] = frame.map(T::to_f64);
        let axes = [
            [a, b, c],
            [d, e, f],
            [b * f - c * e, c * d - a * f, a * e - b * d],
        ];
        // A polynomial of degree n in x, y, z: its coefficients by the powers of x and y.
        let [old, new] = scratch;
        old.fill(0.0);
        old[0] = 1.0;
        let mut degree = 0;
        for (axis, &power) in axes.iter().zip(&self.order) {
            for _ in 0..power {
                new.fill(0.0);
                for x in 0..=degree {
                    for y in 0..=degree - x {
                        let v = old[x * self.side + y];
                        new[(x + 1) * self.side + y] += axis[0] * v;
                        new[x * self.side + y + 1] += axis[1] * v;
                        new[x * self.side + y] += axis[2] * v;
                    }
                }
                degree += 1;
                std::mem::swap(old, new);
            }
        }
        self.ratio * old[self.of[0] * self.side + self.of[1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Axes turned by an angle in each of two planes.
    fn turned(a: f64, b: f64) -> Frame {
        let ((s, c), (t, d)) = (a.sin_cos(), b.sin_cos());
        [c * d, s * d, -t, -s, c, 0.0]
    }

    fn share(order: [u32; 3], of: [u32; 3], frame: &Frame) -> f64 {
        let share = Share::new(order, of);
        share.of(frame, &mut share.scratch())
    }

    #[test]
    fn along_x_y_z_a_transform_is_itself() {
        let axes = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        for total in 1..5 {
            for order in orders(total) {
                for of in orders(total) {
                    let expected = f64::from(u8::from(order == of));
                    assert!((share(order, of, &axes) - expected).abs() < 1e-15);
                }
            }
        }
    }

    #[test]
    fn turning_keeps_the_energy_of_all_transforms() {
        for total in 1..7 {
            let (frame, all) = (turned(0.7, -0.4), orders(total));
            assert_eq!(all.len(), [1, 3, 6, 10, 15, 21, 28][total as usize]);
            for &a in &all {
                for &b in &all {
                    // Rows of an orthogonal matrix.
                    let products = all
                        .iter()
                        .map(|&of| share(a, of, &frame) * share(b, of, &frame));
                    let expected = f64::from(u8::from(a == b));
                    assert!(
                        (products.sum::<f64>() - expected).abs() < 1e-12,
                        "{a:?} {b:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn axes_are_those_of_the_tensor() {
        let u = turned(0.3, 0.2);
        let third = [
            u[1] * u[5] - u[2] * u[4],
            u[2] * u[3] - u[0] * u[5],
            u[0] * u[4] - u[1] * u[3],
        ];
        let axes = [[u[0], u[1], u[2]], [u[3], u[4], u[5]], third];
        for scale in [1.0, 1e-200, 1e150] {
            let element = |[i, j]: [usize; 2]| {
                let parts = [5.0, 2.0, 0.5].iter().zip(axes);
                scale * parts.map(|(v, a)| v * a[i] * a[j]).sum::<f64>()
            };
            let gradient = [0, 1, 2].map(|i| axes[0][i] - axes[1][i]);
            let found = frame(PAIRS.map(element), gradient, false);
            let expected = [u[0], u[1], u[2], -u[3], -u[4], -u[5]];
            (0..6).for_each(|i| assert!((found[i] - expected[i]).abs() < 1e-12));
        }
        let flat = frame([1.0, 1.0, 0.0, 1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], true);
        let half = 0.5_f64.sqrt();
        let expected = [-half, -half, 0.0, -half, half, 0.0];
        (0..6).for_each(|i| assert!((flat[i].abs() - expected[i].abs()).abs() < 1e-15));
        assert!(flat[0] < 0.0 && flat[3] <= 0.0);
        assert!(frame([0.0; 6], [0.0; 3], false)
            .iter()
            .all(|v| v.is_finite()));
    }
}
