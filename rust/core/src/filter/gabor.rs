//! Gabor filters (IBSI Q88H): waves under a Gaussian, in 2D.
//!
//! Images are (z, y, x) with spacing in mm in that order; lengths are in mm, angles in radians,
//! responses in the image's intensity unit. In a plane with the axes 1 and 2, of which 1 comes
//! first in the order x, y, z,
//! $g = \exp(-\frac{x'^2 + \gamma^2 y'^2}{2 \sigma^2} + j \frac{2 \pi x'}{\lambda})$ with
//! $x' = k_1 \cos\theta + k_2 \sin\theta$, $y' = -k_1 \sin\theta + k_2 \cos\theta$.
//! The kernel is not normalised.

use std::f64::consts::TAU;

use ndarray::{Array3, ArrayView3};
use serde::{Deserialize, Serialize};

use super::fourier::{check_finite, check_points, positive, Complex64, Grid, Plan, Rows};
use super::{Boundary, Pooling};
use crate::error::{Error, Result};
use crate::parallel;
use crate::volume::{check_spacing, Voxel};

/// What is taken of the complex response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Its length.
    Modulus,
    /// Its real part.
    Real,
    /// Its imaginary part.
    Imaginary,
}

/// A Gabor filter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gabor {
    /// Standard deviation of the Gaussian along x', mm.
    pub sigma: f64,
    /// Wavelength $\lambda$, mm.
    pub wavelength: f64,
    /// Aspect: the standard deviation along y' is `sigma / gamma`.
    pub gamma: f64,
    /// Orientation of the first kernel, radians.
    pub theta: f64,
    /// Step to further orientations, all around; it has to divide a full turn.
    pub theta_step: Option<f64>,
    /// What is taken of the response.
    pub part: Part,
    /// Filter the planes (x, y), (x, z) and (y, z) instead of (x, y) alone.
    pub orthogonal: bool,
    /// How orientations and planes become one map.
    pub pooling: Pooling,
    /// What lies beyond the edge.
    pub boundary: Boundary,
}

/// Standard deviations after which the kernel is cut off: the Gaussian is then below 4e-6. The
/// reference maps were made without a limit; a limit of 3.1 is off by half of what they allow.
const REACH: f64 = 5.0;

/// Orientations whose kernels are held at a time.
const BATCH: usize = 32;

/// Most orientations of one filter.
const MAX_ORIENTATIONS: f64 = 3600.0;

/// The response map, pooled over orientations and planes.
///
/// A kernel is cut off at the box around the ellipse of 5 standard deviations, so its support is
/// finite: `5 sqrt((sigma cos theta)^2 + (sigma / gamma sin theta)^2)` mm along axis 1. A kernel
/// may be larger than the image; one narrower than a voxel, or a wave shorter than two voxels, is
/// sampled as it is. All kernels go by transform: for slices of 128^2 that takes 19 ns a voxel and
/// orientation, what the sum over a kernel takes at 7 x 7 voxels, which is a `sigma` of 0.6 voxels.
///
/// # Errors
/// [`Error::Argument`] unless `sigma`, `wavelength` and `gamma` are positive, `theta` is finite and
/// `theta_step` divides a full turn into at most 3600 steps; for an image that is empty or not
/// finite; and if the padded slices exceed 2^30 points. [`Error::Spacing`].
pub fn gabor<T: Voxel>(
    image: ArrayView3<'_, T>,
    spacing: [f64; 3],
    filter: &Gabor,
) -> Result<Array3<f64>> {
    check_spacing(spacing)?;
    let orientations = filter.orientations()?;
    check_finite(&image)?;
    let mut out = Array3::zeros(image.dim());
    // Slices, rows and columns of each kind of plane, in terms of z, y and x.
    let kinds = [[0, 1, 2], [1, 0, 2], [2, 0, 1]];
    let kinds = &kinds[..if filter.orthogonal { 3 } else { 1 }];
    for (i, &axes) in kinds.iter().enumerate() {
        let slices = image.permuted_axes(axes);
        let spacing = [spacing[axes[1]], spacing[axes[2]]];
        let map = filter.slices(&slices, spacing, &orientations)?;
        if i == 0 {
            out = map;
        } else {
            let pool = joined(filter.pooling);
            out.view_mut()
                .permuted_axes(axes)
                .zip_mut_with(&map, |to, &v| *to = pool(*to, v));
        }
    }
    let factor = match filter.pooling {
        Pooling::Mean => 1.0 / (orientations.len() * kinds.len()) as f64,
        Pooling::Sum if filter.folds() => 2.0,
        _ => 1.0,
    };
    out.mapv_inplace(|v| factor * v);
    Ok(out)
}

/// What adds a response to those before it.
fn joined(pooling: Pooling) -> fn(f64, f64) -> f64 {
    match pooling {
        Pooling::Mean | Pooling::Sum => |a, b| a + b,
        Pooling::Max => f64::max,
        Pooling::Min => f64::min,
    }
}

impl Gabor {
    /// The orientations whose responses differ.
    fn orientations(&self) -> Result<Vec<f64>> {
        for (name, value) in [
            ("sigma", self.sigma),
            ("wavelength", self.wavelength),
            ("gamma", self.gamma),
        ] {
            positive(name, value)?;
        }
        let refuse = |name, given: f64, allowed| {
            let given = given.to_string();
            Err(Error::Argument {
                name,
                given,
                allowed,
            })
        };
        if !self.theta.is_finite() {
            return refuse("theta", self.theta, "an angle in radians is finite");
        }
        let Some(step) = self.theta_step else {
            return Ok(vec![self.theta]);
        };
        let turn = (TAU / step).round();
        if !(1.0..=MAX_ORIENTATIONS).contains(&turn) || (turn * step - TAU).abs() > 1e-6 {
            let allowed = "a step in radians divides a full turn into 1 to 3600 steps";
            return refuse("theta_step", step, allowed);
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 1 to 3600
        let mut steps = turn as usize;
        if self.folds() {
            steps /= 2;
        }
        let at = |k: usize| self.theta + TAU * k as f64 / turn;
        Ok((0..steps).map(at).collect())
    }

    /// True if half a turn is enough: kernels half a turn apart are complex conjugates.
    fn folds(&self) -> bool {
        let even = |step: f64| (TAU / step).round() % 2.0 == 0.0;
        self.part != Part::Imaginary && self.theta_step.is_some_and(even)
    }

    /// Voxels that a kernel reaches along the rows and columns of a plane.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive; huge is refused
    fn reach(&self, theta: f64, spacing: [f64; 2]) -> [usize; 2] {
        let (sin, cos) = theta.sin_cos();
        let (along, across) = (self.sigma, self.sigma / self.gamma);
        let spread = [
            (along * sin).hypot(across * cos),
            (along * cos).hypot(across * sin),
        ];
        [0, 1].map(|a| (REACH * spread[a] / spacing[a] + 0.5).min(1e9) as usize)
    }

    /// The kernel at the voxel `k` (row, column) from its centre: real and imaginary part.
    fn kernel(&self, theta: f64, k: [f64; 2], spacing: [f64; 2]) -> [f64; 2] {
        let (sin, cos) = theta.sin_cos();
        let (k2, k1) = (k[0] * spacing[0], k[1] * spacing[1]);
        let (x, y) = (k1 * cos + k2 * sin, k2 * cos - k1 * sin);
        let square = (x * x + (self.gamma * y).powi(2)) / (self.sigma * self.sigma);
        let (envelope, phase) = ((-square / 2.0).exp(), TAU * x / self.wavelength);
        [envelope * phase.cos(), envelope * phase.sin()]
    }

    /// The map of one kind of plane, of which `image` has the slices along its first axis; summed
    /// up where the mean is asked for.
    fn slices(
        &self,
        image: &dyn Rows,
        spacing: [f64; 2],
        orientations: &[f64],
    ) -> Result<Array3<f64>> {
        let reach = orientations.iter().map(|&t| self.reach(t, spacing));
        let most = reach.reduce(|a, b| [a[0].max(b[0]), a[1].max(b[1])]);
        let [rows, columns] = most.unwrap_or_default();
        let shape = image.shape();
        let grid = Grid::padded(shape, [0, rows, columns], self.boundary, true);
        check_points(&grid, "sigma", self.sigma)?;
        let plan = Plan::new(grid.clone());
        let mut out = Array3::zeros(shape);
        let voxels = out.as_slice_mut().expect("a new array is in C order");
        for (i, batch) in orientations.chunks(BATCH).enumerate() {
            let kernels = parallel::map(batch.len(), plan.work(), |k| {
                Kernel::new(self, &grid, batch[k], spacing)
            });
            let work = plan.work().saturating_mul(batch.len());
            parallel::for_each_chunk(voxels, shape[1] * shape[2], work, |z, to| {
                self.slice(&plan, image, z, &kernels, i == 0, to);
            });
        }
        Ok(out)
    }

    /// Pools the responses of slice `z` to `kernels` into `to`, which is new if `fresh`.
    fn slice(
        &self,
        plan: &Plan,
        image: &dyn Rows,
        z: usize,
        kernels: &[Kernel],
        fresh: bool,
        to: &mut [f64],
    ) {
        let mut spectrum = vec![Complex64::default(); plan.plane()];
        plan.transform_slice(image, z, &mut spectrum);
        let mut plane = spectrum.clone();
        let mut response = vec![0.0; to.len()];
        let mut other = response.clone();
        let pool = joined(self.pooling);
        for (i, kernel) in kernels.iter().enumerate() {
            if self.part != Part::Imaginary {
                let values = spectrum.iter().zip(&kernel.real);
                plane
                    .iter_mut()
                    .zip(values)
                    .for_each(|(to, (v, k))| *to = v * k);
                plan.slice_back(&mut plane, kernel.scale, &mut response);
            }
            if self.part != Part::Real {
                let values = spectrum.iter().zip(&kernel.imaginary);
                plane
                    .iter_mut()
                    .zip(values)
                    .for_each(|(to, (v, k))| *to = Complex64::new(-v.im * k, v.re * k));
                plan.slice_back(&mut plane, kernel.scale, &mut other);
            }
            match self.part {
                Part::Real => {}
                Part::Imaginary => std::mem::swap(&mut response, &mut other),
                Part::Modulus => {
                    let parts = response.iter_mut().zip(&other);
                    parts.for_each(|(re, im)| *re = (*re * *re + im * im).sqrt());
                }
            }
            if fresh && i == 0 {
                to.copy_from_slice(&response);
            } else {
                let voxels = to.iter_mut().zip(&response);
                voxels.for_each(|(to, &v)| *to = pool(*to, v));
            }
        }
    }
}

/// The spectrum of a kernel: its real part is even, so it has a real spectrum; its imaginary part
/// is odd, so it has an imaginary one.
struct Kernel {
    real: Vec<f64>,
    imaginary: Vec<f64>,
    /// What a transform there and back multiplies by, undone.
    scale: f64,
}

impl Kernel {
    #[allow(clippy::cast_possible_wrap, clippy::cast_sign_loss)] // sizes were checked
    fn new(filter: &Gabor, grid: &Grid, theta: f64, spacing: [f64; 2]) -> Self {
        let [_, rows, columns] = grid.length();
        let plan = Plan::new(Grid::periodic([1, rows, columns], true));
        let reach = filter.reach(theta, spacing).map(|n| n as isize);
        let mut parts = [0, 1].map(|_| Array3::<f64>::zeros([1, rows, columns]));
        for k2 in -reach[0]..=reach[0] {
            for k1 in -reach[1]..=reach[1] {
                let value = filter.kernel(theta, [k2 as f64, k1 as f64], spacing);
                // A kernel that is larger than a periodic image meets it again.
                let place = |k: isize, n: usize| k.rem_euclid(n as isize) as usize;
                let place = [0, place(k2, rows), place(k1, columns)];
                (0..2).for_each(|i| parts[i][place] += value[i]);
            }
        }
        let [real, imaginary] = parts.map(|part| {
            let mut plane = vec![Complex64::default(); plan.plane()];
            plan.transform_slice(&part.view(), 0, &mut plane);
            plane
        });
        Self {
            real: real.iter().map(|v| v.re).collect(),
            imaginary: imaginary.iter().map(|v| v.im).collect(),
            scale: 1.0 / (rows * columns) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

    use ndarray::s;

    use super::super::fourier::testing::{close, noise, rotated};
    use super::*;
    use crate::parallel::with_threads;

    const PLAIN: Gabor = Gabor {
        sigma: 0.8,
        wavelength: 3.0,
        gamma: 0.7,
        theta: 0.4,
        theta_step: None,
        part: Part::Modulus,
        orthogonal: false,
        pooling: Pooling::Mean,
        boundary: Boundary::Mirror,
    };
    const PARTS: [Part; 3] = [Part::Modulus, Part::Real, Part::Imaginary];
    const POOLINGS: [Pooling; 4] = [Pooling::Mean, Pooling::Max, Pooling::Min, Pooling::Sum];

    /// Slices (z; y, x) by the sum over the kernel, real and imaginary.
    #[allow(clippy::cast_possible_wrap)]
    fn naive(image: &Array3<f64>, spacing: [f64; 2], g: &Gabor, theta: f64) -> [Array3<f64>; 2] {
        let (_, ny, nx) = image.dim();
        let reach = g.reach(theta, spacing).map(|n| n as isize);
        [0, 1].map(|part| {
            Array3::from_shape_fn(image.dim(), |(z, y, x)| {
                let mut sum = 0.0;
                for k2 in -reach[0]..=reach[0] {
                    for k1 in -reach[1]..=reach[1] {
                        let at = [
                            g.boundary.source(y as isize - k2, ny),
                            g.boundary.source(x as isize - k1, nx),
                        ];
                        let value = match at {
                            [Some(y), Some(x)] => image[[z, y, x]],
                            _ => g.boundary.constant(),
                        };
                        sum += value * g.kernel(theta, [k2 as f64, k1 as f64], spacing)[part];
                    }
                }
                sum
            })
        })
    }

    /// The whole filter by its definition.
    fn defined(image: &Array3<f64>, spacing: [f64; 3], g: &Gabor) -> Array3<f64> {
        let turn = g.theta_step.map_or(1.0, |s| (TAU / s).round());
        let mut maps = Vec::new();
        for axes in [[0, 1, 2], [1, 0, 2], [2, 0, 1]] {
            if axes[0] > 0 && !g.orthogonal {
                continue;
            }
            let view = image.view().permuted_axes(axes).to_owned();
            let spacing = [spacing[axes[1]], spacing[axes[2]]];
            for k in (0..72).take_while(|&k| f64::from(k) < turn) {
                let theta = g.theta + f64::from(k) * g.theta_step.unwrap_or(0.0);
                let [re, im] = naive(&view, spacing, g, theta);
                let map = match g.part {
                    Part::Real => re,
                    Part::Imaginary => im,
                    Part::Modulus => ndarray::Zip::from(&re)
                        .and(&im)
                        .map_collect(|a: &f64, b| a.hypot(*b)),
                };
                let mut back = [0, 0, 0];
                axes.iter().enumerate().for_each(|(i, &a)| back[a] = i);
                maps.push(map.permuted_axes(back).as_standard_layout().into_owned());
            }
        }
        let n = maps.len() as f64;
        let all = maps.into_iter().reduce(|a, b| {
            let join = joined(g.pooling);
            ndarray::Zip::from(&a)
                .and(&b)
                .map_collect(|&a, &b| join(a, b))
        });
        all.unwrap() / if g.pooling == Pooling::Mean { n } else { 1.0 }
    }

    #[test]
    fn responses_are_those_of_the_sum() {
        let (image, spacing) = (noise([4, 5, 7], 1), [2.0, 1.0, 0.7]);
        for boundary in [
            Boundary::Zero,
            Boundary::Constant(1.5),
            Boundary::Nearest,
            Boundary::Periodic,
            Boundary::Mirror,
        ] {
            for part in PARTS {
                for orthogonal in [false, true] {
                    let g = Gabor {
                        part,
                        orthogonal,
                        boundary,
                        ..PLAIN
                    };
                    let made = gabor(image.view(), spacing, &g).unwrap();
                    close(&made, &defined(&image, spacing, &g), 1e-12);
                }
            }
        }
    }

    #[test]
    fn poolings_are_those_of_all_orientations() {
        let (image, spacing) = (noise([3, 4, 5], 2), [1.0; 3]);
        for pooling in POOLINGS {
            for part in PARTS {
                for theta_step in [Some(FRAC_PI_4), Some(TAU / 3.0), Some(TAU), None] {
                    let g = Gabor {
                        pooling,
                        part,
                        theta_step,
                        orthogonal: true,
                        ..PLAIN
                    };
                    let made = gabor(image.view(), spacing, &g).unwrap();
                    close(&made, &defined(&image, spacing, &g), 1e-12);
                }
            }
        }
    }

    #[test]
    fn the_response_to_an_impulse_is_the_kernel() {
        let mut image = Array3::<f64>::zeros([1, 21, 21]);
        image[[0, 10, 10]] = 2.0;
        for (part, i) in [(Part::Real, 0), (Part::Imaginary, 1)] {
            let g = Gabor {
                part,
                boundary: Boundary::Zero,
                ..PLAIN
            };
            let made = gabor(image.view(), [1.0; 3], &g).unwrap();
            let kernel = Array3::from_shape_fn([1, 21, 21], |(_, y, x)| {
                let k = [y as f64 - 10.0, x as f64 - 10.0];
                let reach = g.reach(g.theta, [1.0; 2]);
                let inside = (0..2).all(|a| k[a].abs() <= reach[a] as f64);
                if inside {
                    2.0 * g.kernel(g.theta, k, [1.0; 2])[i]
                } else {
                    0.0
                }
            });
            close(&made, &kernel, 1e-14);
        }
    }

    #[test]
    fn a_wave_answers_most_to_its_own_orientation() {
        let theta = 0.6_f64;
        let wave = |_, y: f64, x: f64| (TAU * (x * theta.cos() + y * theta.sin()) / 4.0).cos();
        let image = Array3::from_shape_fn([1, 40, 40], |(z, y, x)| wave(z, y as f64, x as f64));
        let at = |theta: f64| {
            let g = Gabor {
                sigma: 4.0,
                wavelength: 4.0,
                gamma: 1.0,
                theta,
                ..PLAIN
            };
            gabor(image.view(), [1.0; 3], &g).unwrap()[[0, 20, 20]]
        };
        assert!([0.0, 0.3, 1.0, -0.6].iter().all(|&t| at(t) < at(theta)));
        // Half of what the Gaussian sums up to, since a cosine is two waves.
        assert!((at(theta) / (PI * 16.0) - 1.0).abs() < 1e-3);
    }

    #[test]
    fn turning_the_image_turns_the_map() {
        let image = noise([4, 6, 6], 3);
        for part in PARTS {
            let g = Gabor { part, ..PLAIN };
            let made = gabor(rotated(&image, [1, 2]).view(), [1.0; 3], &g).unwrap();
            // Rows to columns: the kernel's angle falls by a quarter of a turn.
            let quarter = [FRAC_PI_2, -FRAC_PI_2].map(|turn| {
                let g = Gabor {
                    theta: g.theta + turn,
                    ..g
                };
                rotated(&gabor(image.view(), [1.0; 3], &g).unwrap(), [1, 2])
            });
            let off = |m: &Array3<f64>| (m - &made).iter().fold(0.0, |a: f64, v| a.max(v.abs()));
            assert!(quarter.iter().any(|m| off(m) < 1e-12), "{part:?}");
        }
        let cube = noise([6, 6, 6], 4);
        let all = Gabor {
            theta_step: Some(FRAC_PI_2),
            theta: 0.0,
            orthogonal: true,
            ..PLAIN
        };
        for axes in [[0, 1], [0, 2], [1, 2]] {
            let made = gabor(rotated(&cube, axes).view(), [1.0; 3], &all).unwrap();
            let turned = rotated(&gabor(cube.view(), [1.0; 3], &all).unwrap(), axes);
            close(&made, &turned, 1e-12);
        }
    }

    #[test]
    fn a_part_of_the_image_gives_a_part_of_the_map() {
        let image = noise([2, 40, 40], 5);
        let whole = gabor(image.view(), [1.0; 3], &PLAIN).unwrap();
        let reach = PLAIN.reach(PLAIN.theta, [1.0; 2]);
        let part = gabor(image.slice(s![.., 5..35, 5..35]), [1.0; 3], &PLAIN).unwrap();
        let (y, x) = (reach[0]..30 - reach[0], reach[1]..30 - reach[1]);
        let inner = part.slice(s![.., y.clone(), x.clone()]).to_owned();
        let same = whole.slice(s![.., y.start + 5..y.end + 5, x.start + 5..x.end + 5]);
        close(&inner, &same.to_owned(), 1e-12);
    }

    #[test]
    fn threads_and_batches_change_no_bit() {
        let image = noise([5, 22, 24], 6);
        let g = Gabor {
            theta_step: Some(TAU / 80.0),
            orthogonal: true,
            ..PLAIN
        };
        let run = || {
            gabor(image.view(), [1.0; 3], &g)
                .unwrap()
                .mapv(f64::to_bits)
        };
        let one = with_threads(Some(1), run);
        assert!([2, 7].iter().all(|&n| with_threads(Some(n), run) == one));
    }

    #[test]
    fn parameters_outside_their_limits_are_refused() {
        let image = noise([1, 4, 4], 7);
        let refused = |g: Gabor, start: &str| {
            let message = gabor(image.view(), [1.0; 3], &g).unwrap_err().to_string();
            assert!(message.starts_with(start), "{message}");
        };
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            refused(
                Gabor {
                    sigma: bad,
                    ..PLAIN
                },
                &format!("sigma is {bad}"),
            );
            refused(
                Gabor {
                    wavelength: bad,
                    ..PLAIN
                },
                &format!("wavelength is {bad}"),
            );
            refused(
                Gabor {
                    gamma: bad,
                    ..PLAIN
                },
                &format!("gamma is {bad}"),
            );
        }
        refused(
            Gabor {
                theta: f64::NAN,
                ..PLAIN
            },
            "theta is NaN",
        );
        for bad in [0.0, -0.1, 1.0, 1e-9, f64::NAN, 7.0] {
            refused(
                Gabor {
                    theta_step: Some(bad),
                    ..PLAIN
                },
                "theta_step is",
            );
        }
        refused(
            Gabor {
                gamma: 1e-9,
                ..PLAIN
            },
            "sigma is 0.8 mm",
        );
        assert!(gabor(image.view(), [1.0, 0.0, 1.0], &PLAIN).is_err());
        let holed = image.mapv(|v| if v > 0.5 { f64::NAN } else { v });
        assert!(gabor(holed.view(), [1.0; 3], &PLAIN).is_err());
    }
}
