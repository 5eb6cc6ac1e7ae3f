//! Ellipsoids: volume, area, and the smallest one that encloses given points.

use nalgebra::{DMatrix, DVector, Matrix3, Matrix4, SymmetricEigen, Vector4};

use super::{dot, sub};

/// Volume of an ellipsoid with semi-axes `a`, `b`, `c`.
#[must_use]
pub fn volume([a, b, c]: [f64; 3]) -> f64 {
    4.0 / 3.0 * std::f64::consts::PI * a * b * c
}

/// Degree at which the series of the area stops (IBSI "Area density (approximate enclosing
/// ellipsoid)", RDD2).
const DEGREE: u32 = 20;

/// Area of an ellipsoid with semi-axes `a >= b >= c > 0`, by IBSI's Legendre series.
///
/// $4\pi a b \sum_{\nu=0}^{20} \frac{(\alpha\beta)^\nu}{1 - 4\nu^2}
/// P_\nu\left(\frac{\alpha^2 + \beta^2}{2\alpha\beta}\right)$. The terms
/// $q_\nu = (\alpha\beta)^\nu P_\nu$ follow from the polynomials' recurrence, which needs no
/// division by $\alpha\beta$, so that $a = b$ is no special case.
///
/// Here $\alpha^2 = 1 - b^2/a^2$ and $\beta^2 = 1 - c^2/a^2$ as IBSI prints them and its reference
/// values need. The true area has $1 - c^2/a^2$ and $1 - c^2/b^2$ in their place; the two agree for
/// a ball only; IBSI's is up to a tenth smaller or larger for common shapes.
#[must_use]
pub fn area([a, b, c]: [f64; 3]) -> f64 {
    let (alpha2, beta2) = (1.0 - b * b / (a * a), 1.0 - c * c / (a * a));
    let (mean, product) = (alpha2.midpoint(beta2), alpha2 * beta2);
    let (mut before, mut here) = (0.0, 1.0);
    let mut sum = 0.0;
    for nu in 0..=DEGREE {
        let v = f64::from(nu);
        sum += here / (1.0 - 4.0 * v * v);
        let next = ((2.0 * v + 1.0) * mean * here - v * product * before) / (v + 1.0);
        (before, here) = (here, next);
    }
    4.0 * std::f64::consts::PI * a * b * sum
}

/// An ellipsoid: points `p` with `(p - centre)ᵀ shape⁻¹ (p - centre) <= 1`.
#[derive(Debug, Clone, Copy)]
pub struct Ellipsoid {
    /// Centre (z, y, x) in mm.
    pub centre: [f64; 3],
    /// Semi-axes in mm, the longest first.
    pub semi_axes: [f64; 3],
    /// Their directions (z, y, x).
    pub directions: [[f64; 3]; 3],
}

impl Ellipsoid {
    /// 1 on the surface, less inside.
    #[must_use]
    pub fn level(&self, p: [f64; 3]) -> f64 {
        let d = sub(p, self.centre);
        let part = |k: usize| (dot(d, self.directions[k]) / self.semi_axes[k]).powi(2);
        part(0) + part(1) + part(2)
    }
}

/// Largest share by which the volume may exceed the smallest possible one. Near the best ellipsoid
/// the volume changes with the square of what its axes change by, the area with the first power: for
/// an area right to 1e-5 the volume has to be right to far more.
const TOLERANCE: f64 = 1e-10;
/// Steps after which a search stops short of the tolerance (the ellipsoid still encloses).
const STEPS: usize = 1000;

/// The smallest ellipsoid around `points` (z, y, x in mm, not all in one plane), by Newton steps on
/// the weights of the dual problem. Khachiyan's ascent with away steps (Todd and Yildirim 2007), and
/// exchange of weight between two points, crawl where the weights are badly conditioned: one small
/// mask in 40,000 took them more than 100,000 steps.
///
/// It encloses every point, and its volume exceeds the smallest possible one by less than 1e-10.
#[must_use]
pub fn enclosing(points: &[[f64; 3]]) -> Ellipsoid {
    let low: [f64; 3] = std::array::from_fn(|a| fold(points, a, f64::INFINITY, f64::min));
    let high: [f64; 3] = std::array::from_fn(|a| fold(points, a, f64::NEG_INFINITY, f64::max));
    let half: [f64; 3] = std::array::from_fn(|a| (high[a] - low[a]) / 2.0);
    let mid: [f64; 3] = std::array::from_fn(|a| high[a].midpoint(low[a]));
    // The problem keeps its form under affine maps: in a box of [-1, 1] it is well conditioned.
    let unit: Vec<Vector4<f64>> = points
        .iter()
        .map(|p| {
            let q: [f64; 3] = std::array::from_fn(|a| (p[a] - mid[a]) / half[a]);
            Vector4::new(q[0], q[1], q[2], 1.0)
        })
        .collect();
    let (centre, shape) = Ascent::new(&unit).run();
    let shape = Matrix3::from_fn(|a, b| shape[(a, b)] * half[a] * half[b]);
    let eigen = SymmetricEigen::new(shape);
    let mut order = [0, 1, 2];
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let mut found = Ellipsoid {
        centre: std::array::from_fn(|a| mid[a] + half[a] * centre[a]),
        semi_axes: order.map(|k| eigen.eigenvalues[k].max(0.0).sqrt()),
        directions: order.map(|k| eigen.eigenvectors.column(k).into_owned().into()),
    };
    // Just large enough for the outermost point.
    let reach = points
        .iter()
        .map(|&p| found.level(p))
        .fold(0.0, f64::max)
        .sqrt();
    found.semi_axes = found.semi_axes.map(|s| s * reach);
    found
}

fn fold(points: &[[f64; 3]], axis: usize, start: f64, f: fn(f64, f64) -> f64) -> f64 {
    points.iter().map(|p| p[axis]).fold(start, f)
}

/// Rows of the lifted points `(z, y, x, 1)`: the level of a point on the best ellipsoid is `D`.
const D: f64 = 4.0;

/// The dual problem: weights of the points, summing to 1, that maximise `det(Σ w q qᵀ)`. Only a few
/// points carry weight; the ascent runs on those, and fetches others while they stick out.
struct Ascent<'a> {
    all: &'a [Vector4<f64>],
    active: Vec<Vector4<f64>>,
    weights: Vec<f64>,
    inverse: Matrix4<f64>,
}

impl<'a> Ascent<'a> {
    /// Equal weights on the points farthest along 26 directions.
    fn new(all: &'a [Vector4<f64>]) -> Self {
        let mut chosen = Vec::new();
        for k in (0..27_u8).filter(|&k| k != 13) {
            let [z, y, x] = [k / 9, k / 3 % 3, k % 3].map(|v| f64::from(v) - 1.0);
            let along = all
                .iter()
                .map(|p| p[0] * z + p[1] * y + p[2] * x)
                .enumerate();
            chosen.extend(along.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(k, _)| k));
        }
        chosen.sort_unstable();
        chosen.dedup();
        let active: Vec<_> = chosen.into_iter().map(|k| all[k]).collect();
        let weights = vec![1.0 / active.len() as f64; active.len()];
        let mut ascent = Self {
            all,
            active,
            weights,
            inverse: Matrix4::zeros(),
        };
        ascent.refresh();
        ascent
    }

    /// Centre and shape matrix of the ellipsoid for the final weights.
    fn run(mut self) -> ([f64; 3], Matrix3<f64>) {
        // A volume exceeds the least one by at most (level / D)^(3/2).
        let enough = D * (1.0 + TOLERANCE / 2.0);
        let mut steps = 0;
        while steps < STEPS {
            let levels = self.all.iter().map(|p| level(&self.inverse, p)).enumerate();
            let Some((top, high)) = levels.max_by(|a, b| a.1.total_cmp(&b.1)) else {
                break;
            };
            if high <= enough {
                break;
            }
            if !self.active.contains(&self.all[top]) {
                self.active.push(self.all[top]);
                self.weights.push(0.0);
            }
            // The inner ascent need not be much better than the outer one yet.
            steps += self.settle(D + ((high - D) / 10.0).max(D * TOLERANCE / 4.0));
        }
        let spread = self.spread();
        let centre = [spread[(0, 3)], spread[(1, 3)], spread[(2, 3)]];
        let shape = Matrix3::from_fn(|a, b| (D - 1.0) * (spread[(a, b)] - centre[a] * centre[b]));
        (centre, shape)
    }

    /// Ascends on the active points until none is above `enough`, and drops those without weight.
    /// Returns the steps taken.
    fn settle(&mut self, enough: f64) -> usize {
        let mut steps = 0;
        while steps < STEPS {
            steps += 1;
            let levels: Vec<f64> = self
                .active
                .iter()
                .map(|p| level(&self.inverse, p))
                .collect();
            if levels.iter().all(|&level| level <= enough) {
                break;
            }
            let gains = |&k: &usize| self.weights[k] > 0.0 || levels[k] > D;
            let mut moving: Vec<usize> = (0..levels.len()).filter(gains).collect();
            let change = loop {
                let Some(change) = self.newton(&moving, &levels) else {
                    return STEPS;
                };
                let before = moving.len();
                let mut changes = change.iter();
                moving.retain(|&k| {
                    changes.next().is_some_and(|&c| c >= 0.0) || self.weights[k] > 0.0
                });
                if moving.len() == before {
                    break change;
                }
            };
            // The logarithm of a determinant is self-concordant: such a step never overshoots.
            let decrement = moving
                .iter()
                .zip(&change)
                .map(|(&k, c)| levels[k] * c)
                .sum::<f64>();
            let decrement = decrement.max(0.0).sqrt();
            let mut length = if decrement < 0.25 {
                1.0
            } else {
                1.0 / (1.0 + decrement)
            };
            for (&k, &c) in moving.iter().zip(&change) {
                if c < 0.0 {
                    length = length.min(self.weights[k] / -c);
                }
            }
            for (&k, &c) in moving.iter().zip(&change) {
                let weight = self.weights[k] + length * c;
                let gone = c < 0.0 && weight <= 1e-14;
                self.weights[k] = if gone { 0.0 } else { weight };
            }
            let sum: f64 = self.weights.iter().sum();
            self.weights.iter_mut().for_each(|w| *w /= sum);
            self.refresh();
        }
        let mut weights = self.weights.iter();
        self.active
            .retain(|_| weights.next().is_some_and(|&w| w > 0.0));
        self.weights.retain(|&w| w > 0.0);
        self.refresh();
        steps
    }

    /// Newton's step for the weights of the `moving` points, whose sum it does not change.
    ///
    /// The logarithm of the determinant has the levels as its gradient and, negative, the squares of
    /// `pᵀ M⁻¹ q` as its second derivatives.
    fn newton(&self, moving: &[usize], levels: &[f64]) -> Option<Vec<f64>> {
        // Where weight can move without any effect, the least movement is taken.
        const RIDGE: f64 = 1e-12;
        let n = moving.len();
        let images: Vec<_> = moving
            .iter()
            .map(|&k| self.inverse * self.active[k])
            .collect();
        let system = DMatrix::from_fn(n + 1, n + 1, |i, j| match (i < n, j < n) {
            (true, true) => {
                let bend = self.active[moving[i]].dot(&images[j]).powi(2);
                bend + if i == j { RIDGE * bend } else { 0.0 }
            }
            (false, false) => 0.0,
            _ => 1.0,
        });
        let gradient = |i: usize| if i < n { levels[moving[i]] } else { 0.0 };
        let step = system
            .lu()
            .solve(&DVector::from_fn(n + 1, |i, _| gradient(i)))?;
        Some(step.as_slice()[..n].to_vec())
    }

    fn spread(&self) -> Matrix4<f64> {
        let weighted = self.active.iter().zip(&self.weights);
        weighted.fold(Matrix4::zeros(), |sum, (p, &w)| sum + p * p.transpose() * w)
    }

    /// Computes the inverse anew, which removes the updates' rounding.
    fn refresh(&mut self) {
        self.inverse = self
            .spread()
            .try_inverse()
            .unwrap_or_else(Matrix4::identity);
    }
}

fn level(inverse: &Matrix4<f64>, p: &Vector4<f64>) -> f64 {
    p.dot(&(inverse * p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::extremes::{candidates, tests::all_vertices};
    use crate::mesh::hull::Hull;
    use crate::mesh::packed::PackedMask;
    use crate::mesh::position;
    use crate::mesh::testing::{ball, masks, spacings};
    use proptest::prelude::*;

    const PI: f64 = std::f64::consts::PI;

    fn hull_positions(mask: &[bool], shape: [usize; 3], spacing: [f64; 3]) -> Vec<[f64; 3]> {
        let points = candidates(&PackedMask::new(mask, shape));
        Hull::new(&points).unwrap().positions(spacing)
    }

    /// The series as it is printed, with Legendre polynomials.
    fn naive_area([a, b, c]: [f64; 3]) -> f64 {
        let (alpha, beta) = ((1.0 - b * b / a / a).sqrt(), (1.0 - c * c / a / a).sqrt());
        let x = (alpha * alpha + beta * beta) / (2.0 * alpha * beta);
        let (mut before, mut legendre, mut sum) = (0.0, 1.0, 0.0);
        for nu in 0..=20 {
            let v = f64::from(nu);
            sum += (alpha * beta).powi(nu) / (1.0 - 4.0 * v * v) * legendre;
            let next = ((2.0 * v + 1.0) * x * legendre - v * before) / (v + 1.0);
            (before, legendre) = (legendre, next);
        }
        4.0 * PI * a * b * sum
    }

    proptest! {
        // 20 terms that alternate in neither; the recurrence loses a few units of the last place.
        #[test]
        fn area_is_the_printed_series(
            a in 1.0_f64..9.0,
            b in 0.1_f64..0.99,
            c in 0.1_f64..0.99,
        ) {
            let axes = [a, a * b, a * b * c];
            prop_assert!((area(axes) / naive_area(axes) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn area_of_a_ball_and_of_equal_long_axes() {
        assert!((area([2.0; 3]) - 16.0 * PI).abs() < 1e-13);
        let near = naive_area([2.0, 2.0 * (1.0 - 1e-9), 1.5]);
        assert!((area([2.0, 2.0, 1.5]) / near - 1.0).abs() < 1e-8);
    }

    #[test]
    fn smallest_ellipsoids_that_are_known() {
        let octahedron = hull_positions(&[true], [1; 3], [1.0, 2.0, 4.0]);
        let got = enclosing(&octahedron);
        assert!((volume(got.semi_axes) / volume([2.0, 1.0, 0.5]) - 1.0).abs() < 1e-6);
        let cube: Vec<[f64; 3]> = (0..8)
            .map(|k| [k >> 2, k >> 1 & 1, k & 1].map(f64::from))
            .collect();
        let got = enclosing(&cube);
        assert!((volume(got.semi_axes) / volume([0.75_f64.sqrt(); 3]) - 1.0).abs() < 1e-6);
        let simplex = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let got = volume(enclosing(&simplex).semi_axes);
        // A regular simplex of edge s has the ball of radius s sqrt(3/8); the map keeps the ratio.
        let regular = volume([0.375_f64.sqrt(); 3]) / (1.0 / (6.0 * 2.0_f64.sqrt()));
        assert!((got / (regular / 6.0) - 1.0).abs() < 1e-6, "{got}");
    }

    #[test]
    fn a_ball_of_voxels_has_a_ball() {
        let (mask, shape) = ball(30.0);
        let got = enclosing(&hull_positions(&mask, shape, [1.0; 3]));
        assert!(
            got.semi_axes.iter().all(|&s| (30.2..31.0).contains(&s)),
            "{got:?}"
        );
    }

    proptest! {
        #[test]
        fn encloses_every_vertex_and_is_smallest(mask in masks(6, 9), spacing in spacings()) {
            let got = enclosing(&hull_positions(&mask.0, mask.1, spacing));
            for p in all_vertices(&mask) {
                prop_assert!(got.level(position(p, spacing)) <= 1.0 + 1e-9);
            }
            // Affine maps keep the smallest ellipsoid.
            let cubic = enclosing(&hull_positions(&mask.0, mask.1, [1.0; 3]));
            let voxel: f64 = spacing.iter().product();
            let ratio = volume(got.semi_axes) / (volume(cubic.semi_axes) * voxel);
            prop_assert!((ratio - 1.0).abs() < 1e-9, "{ratio}");
        }
    }
}
