//! Gabor filters (IBSI Q88H): waves under a Gaussian, in 2D.
//!
//! Images are (z, y, x) with spacing in mm in that order; lengths are in mm, angles in degrees,
//! responses in the image's intensity unit. In a plane with the axes 1 and 2, of which 1 comes
//! first in the order x, y, z,
//! $g = \exp(-\frac{x'^2 + \gamma^2 y'^2}{2 \sigma^2} + j \frac{2 \pi x'}{\lambda})$ with
//! $x' = k_1 \cos\theta + k_2 \sin\theta$, $y' = -k_1 \sin\theta + k_2 \cos\theta$.
//! The kernel is not normalised.

use std::f64::consts::TAU;

use ndarray::{Array3, ArrayView3};
use serde::{Deserialize, Serialize};

use super::convolve::{check_boundary, voxels_of, Real};
use super::fourier::{check_image, check_reach, positive, Complex, Grid, Plan};
use super::{Boundary, Dimension, Pooling};
use crate::error::{Error, Result};
use crate::parallel;
use crate::volume::check_spacing;

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
    /// Orientation of the first kernel, degrees.
    pub theta: f64,
    /// Step to further orientations in degrees, all around; it has to divide 360.
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
const TRUNCATE: f64 = 5.0;

/// Voxels that a kernel may reach to either side: one of that size takes seconds to sample.
const MAX_REACH: usize = 4096;

/// Lengths of the wave that may lie within the reach of a kernel: some digits of the phase are left.
const MAX_WAVES: f64 = 1e9;

/// A full turn, degrees.
const TURN: f64 = 360.0;

/// Orientations whose kernels are held at a time.
const BATCH: usize = 32;

/// Most orientations of one filter.
const MAX_ORIENTATIONS: u16 = 3600;

/// Slices, rows and columns of each kind of plane, in terms of z, y and x.
const PLANES: [[usize; 3]; 3] = [[0, 1, 2], [1, 0, 2], [2, 0, 1]];

/// The response map, pooled over orientations and planes.
///
/// A kernel is cut off at the box around the ellipse of 5 standard deviations, so its support is
/// finite: `5 sqrt((sigma cos theta)^2 + (sigma / gamma sin theta)^2)` mm along axis 1. A kernel
/// may be larger than the image; one narrower than a voxel, or a wave shorter than two voxels, is
/// sampled as it is. All kernels go by transform: for slices of 128^2 that takes 19 ns a voxel and
/// orientation, what the sum over a kernel takes at 7 x 7 voxels, which is a `sigma` of 0.6 voxels.
/// Beside the map this holds one more for orthogonal planes, the kernels of up to 32 orientations,
/// and some slices a thread.
///
/// # Errors
/// As [`Gabor::reach`]; [`Error::Argument`] for an image that is empty or not finite.
pub fn gabor<T: Real>(
    image: ArrayView3<'_, T>,
    spacing: [f64; 3],
    filter: &Gabor,
) -> Result<Array3<T>> {
    filter.reach(spacing)?;
    check_image(image, filter.boundary)?;
    let orientations = filter.orientations();
    let mut out = Array3::from_elem(image.dim(), T::ZERO);
    for (i, &axes) in filter.planes().iter().enumerate() {
        let slices = image.permuted_axes(axes);
        let spacing = [spacing[axes[1]], spacing[axes[2]]];
        let map = filter.slices(slices, spacing, &orientations);
        if i == 0 {
            out = map;
            continue;
        }
        let mut back = [0; 3];
        (0..3).for_each(|k| back[axes[k]] = k);
        let responses = map.permuted_axes(back);
        let rows = voxels_of(&mut out).chunks_exact_mut(image.dim().2);
        for (to, response) in rows.zip(responses.rows()) {
            filter.pooling.add(to, &response.to_vec(), 1);
        }
    }
    let count = orientations.len() * filter.times() * filter.planes().len();
    filter.pooling.finish(voxels_of(&mut out), count);
    Ok(out)
}

fn refused<V>(name: &'static str, given: String, allowed: &'static str) -> Result<V> {
    Err(Error::Argument {
        name,
        given,
        allowed,
    })
}

impl Gabor {
    /// Refuses what no image and spacing would make sense of.
    ///
    /// # Errors
    /// [`Error::Argument`] unless `sigma`, `wavelength` and `gamma` are positive, `theta` is finite
    /// and `theta_step` divides 360 into at most 3600 steps (to 0.0001 degrees), and for a constant
    /// beyond the edge that is not finite.
    pub fn check(&self) -> Result<()> {
        check_boundary(self.boundary)?;
        for (name, value) in [
            ("sigma", self.sigma),
            ("wavelength", self.wavelength),
            ("gamma", self.gamma),
        ] {
            positive(name, value)?;
        }
        if !self.theta.is_finite() {
            let allowed = "an angle in degrees is finite";
            return refused("theta", self.theta.to_string(), allowed);
        }
        let Some(step) = self.theta_step else {
            return Ok(());
        };
        let steps = (TURN / step).round();
        if !(1.0..=f64::from(MAX_ORIENTATIONS)).contains(&steps)
            || (steps * step - TURN).abs() > 1e-4
        {
            let allowed = "a step in degrees divides 360 into 1 to 3600 steps";
            return refused("theta_step", step.to_string(), allowed);
        }
        Ok(())
    }

    /// Voxels (z, y, x) that any of its kernels reaches to either side, over all orientations and
    /// planes; `spacing` in mm in the same order.
    ///
    /// # Errors
    /// As [`Self::check`]; [`Error::Argument`] if this is more than 4096 voxels along an axis, or
    /// more than 1e9 times `wavelength`; [`Error::Spacing`].
    pub fn reach(&self, spacing: [f64; 3]) -> Result<[usize; 3]> {
        check_spacing(spacing)?;
        self.check()?;
        let mut most = [0; 3];
        for &[_, rows, columns] in self.planes() {
            for theta in self.orientations() {
                let reach = self.half_widths(theta, [spacing[rows], spacing[columns]]);
                for (axis, n) in [rows, columns].into_iter().zip(reach) {
                    most[axis] = most[axis].max(n);
                }
            }
        }
        let allowed = "the limit is 4096 voxels: use a smaller one, or a `gamma` nearer 1";
        let all = Dimension::Volume;
        check_reach(most, all, "sigma", self.sigma, MAX_REACH, allowed)?;
        let furthest = (0..3)
            .map(|a| most[a] as f64 * spacing[a])
            .fold(0.0, f64::max);
        if furthest / self.wavelength > MAX_WAVES {
            let given = format!(
                "{} mm, for a kernel that reaches {furthest} mm",
                self.wavelength
            );
            let allowed = "at most 1e9 waves may lie within that";
            return refused("wavelength", given, allowed);
        }
        Ok(most)
    }

    /// The kinds of planes that are filtered.
    fn planes(&self) -> &'static [[usize; 3]] {
        &PLANES[..if self.orthogonal { 3 } else { 1 }]
    }

    /// Steps of a full turn.
    fn steps(&self) -> f64 {
        self.theta_step.map_or(1.0, |step| (TURN / step).round())
    }

    /// The orientations whose responses differ, degrees.
    fn orientations(&self) -> Vec<f64> {
        let all = self.steps();
        let different = all / self.times() as f64;
        let steps = (0..MAX_ORIENTATIONS)
            .map(f64::from)
            .take_while(|&k| k < different);
        steps.map(|k| self.theta + TURN * k / all).collect()
    }

    /// Orientations of which each of these is one: kernels half a turn apart are complex conjugates.
    fn times(&self) -> usize {
        let half_is_enough = self.part != Part::Imaginary && self.steps() % 2.0 == 0.0;
        1 + usize::from(half_is_enough)
    }

    /// Voxels that a kernel reaches along the rows and columns of a plane.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive; huge is refused
    fn half_widths(&self, theta: f64, spacing: [f64; 2]) -> [usize; 2] {
        let (sin, cos) = sin_cos(theta);
        let (along, across) = (self.sigma, self.sigma / self.gamma);
        let spread = [
            (along * sin).hypot(across * cos),
            (along * cos).hypot(across * sin),
        ];
        [0, 1].map(|a| (TRUNCATE * spread[a] / spacing[a] + 0.5).min(1e9) as usize)
    }

    /// The kernel at the voxel `k` (row, column) from its centre: real and imaginary part.
    fn kernel(&self, theta: f64, k: [f64; 2], spacing: [f64; 2]) -> [f64; 2] {
        let (sin, cos) = sin_cos(theta);
        let (k2, k1) = (k[0] * spacing[0], k[1] * spacing[1]);
        let (x, y) = (k1 * cos + k2 * sin, k2 * cos - k1 * sin);
        let square = (x / self.sigma).powi(2) + (self.gamma * (y / self.sigma)).powi(2);
        let (envelope, phase) = ((-square / 2.0).exp(), TAU * (x / self.wavelength));
        [envelope * phase.cos(), envelope * phase.sin()]
    }

    /// The map of one kind of plane, of which `image` has the slices along its first axis; summed
    /// up where the mean is asked for.
    fn slices<T: Real>(
        &self,
        image: ArrayView3<'_, T>,
        spacing: [f64; 2],
        orientations: &[f64],
    ) -> Array3<T> {
        let reach = orientations.iter().map(|&t| self.half_widths(t, spacing));
        let most = reach.reduce(|a, b| [a[0].max(b[0]), a[1].max(b[1])]);
        let [rows, columns] = most.unwrap_or_default();
        let shape: [usize; 3] = image.dim().into();
        let grid = Grid::padded(shape, [0, rows, columns], self.boundary, Dimension::Slice);
        let plan = Plan::new(grid.clone());
        let mut out = Array3::from_elem(shape, T::ZERO);
        let voxels = voxels_of(&mut out);
        for (i, batch) in orientations.chunks(BATCH).enumerate() {
            let kernels = parallel::map(batch.len(), plan.work(), |k| {
                Kernel::new(self, &grid, batch[k], spacing)
            });
            let work = plan.work().saturating_mul(batch.len());
            parallel::for_each_chunk(voxels, shape[1] * shape[2], work, |z, to| {
                self.slice(&plan, image, z, &kernels, i == 0, to);
            });
        }
        out
    }

    /// Pools the responses of slice `z` to `kernels` into `to`, which is new if `fresh`.
    fn slice<T: Real>(
        &self,
        plan: &Plan<T>,
        image: ArrayView3<'_, T>,
        z: usize,
        kernels: &[Kernel<T>],
        fresh: bool,
        to: &mut [T],
    ) {
        let mut spectrum = vec![Complex::default(); plan.plane()];
        plan.transform_slice(image, z, &mut spectrum);
        let mut plane = spectrum.clone();
        let mut response = vec![T::ZERO; to.len()];
        let mut other = response.clone();
        for (i, kernel) in kernels.iter().enumerate() {
            if self.part != Part::Imaginary {
                let values = spectrum.iter().zip(&kernel.real);
                plane
                    .iter_mut()
                    .zip(values)
                    .for_each(|(to, (v, &k))| *to = v.scale(k));
                plan.slice_back(&mut plane, kernel.scale, &mut response);
            }
            if self.part != Part::Real {
                let values = spectrum.iter().zip(&kernel.imaginary);
                plane
                    .iter_mut()
                    .zip(values)
                    .for_each(|(to, (v, &k))| *to = Complex::new(-v.im * k, v.re * k));
                plan.slice_back(&mut plane, kernel.scale, &mut other);
            }
            match self.part {
                Part::Real => {}
                Part::Imaginary => std::mem::swap(&mut response, &mut other),
                Part::Modulus => {
                    let parts = response.iter_mut().zip(&other);
                    parts.for_each(|(re, &im)| *re = length(*re, im));
                }
            }
            if fresh && i == 0 {
                to.copy_from_slice(&response);
                self.pooling.start(to, self.times());
            } else {
                self.pooling.add(to, &response, self.times());
            }
        }
    }
}

/// Sine and cosine of an angle in degrees.
fn sin_cos(theta: f64) -> (f64, f64) {
    (theta % TURN).to_radians().sin_cos()
}

/// The length of a complex number; double precision, in which squares of single precision fit.
fn length<T: Real>(re: T, im: T) -> T {
    let (re, im) = (re.to_f64(), im.to_f64());
    T::nearest((re * re + im * im).sqrt())
}

/// The spectrum of a kernel: its real part is even, so it has a real spectrum; its imaginary part
/// is odd, so it has an imaginary one.
struct Kernel<T> {
    real: Vec<T>,
    imaginary: Vec<T>,
    /// What a transform there and back multiplies by, undone.
    scale: T,
}

impl<T: Real> Kernel<T> {
    #[allow(clippy::cast_possible_wrap, clippy::cast_sign_loss)] // sizes were checked
    fn new(filter: &Gabor, grid: &Grid, theta: f64, spacing: [f64; 2]) -> Self {
        let [_, rows, columns] = grid.length();
        let plan = Plan::new(Grid::periodic([1, rows, columns], Dimension::Slice));
        let reach = filter.half_widths(theta, spacing).map(|n| n as isize);
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
            let mut plane = vec![Complex::default(); plan.plane()];
            plan.transform_slice(part.view(), 0, &mut plane);
            plane
        });
        Self {
            real: real.iter().map(|v| T::nearest(v.re)).collect(),
            imaginary: imaginary.iter().map(|v| T::nearest(v.im)).collect(),
            scale: T::nearest(1.0 / (rows * columns) as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use ndarray::s;

    use super::super::fourier::testing::{close, noise, rotated};
    use super::*;
    use crate::parallel::with_threads;

    const PLAIN: Gabor = Gabor {
        sigma: 0.8,
        wavelength: 3.0,
        gamma: 0.7,
        theta: 23.0,
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
        let reach = g.half_widths(theta, spacing).map(|n| n as isize);
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
        let turn = g.theta_step.map_or(1.0, |s| (360.0 / s).round());
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
            let mut a = a;
            g.pooling.add(voxels_of(&mut a), b.as_slice().unwrap(), 1);
            a
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
                for theta_step in [Some(45.0), Some(120.0), Some(360.0), None] {
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
                let reach = g.half_widths(g.theta, [1.0; 2]);
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
        let theta = 34.0_f64;
        let (sin, cos) = theta.to_radians().sin_cos();
        let wave = |_, y: f64, x: f64| (TAU * (x * cos + y * sin) / 4.0).cos();
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
        assert!([0.0, 17.0, 60.0, -34.0].iter().all(|&t| at(t) < at(theta)));
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
            let quarter = [90.0, -90.0].map(|turn| {
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
            theta_step: Some(90.0),
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
        let reach = PLAIN.half_widths(PLAIN.theta, [1.0; 2]);
        let part = gabor(image.slice(s![.., 5..35, 5..35]), [1.0; 3], &PLAIN).unwrap();
        let (y, x) = (reach[0]..30 - reach[0], reach[1]..30 - reach[1]);
        let inner = part.slice(s![.., y.clone(), x.clone()]).to_owned();
        let same = whole.slice(s![.., y.start + 5..y.end + 5, x.start + 5..x.end + 5]);
        close(&inner, &same.to_owned(), 1e-12);
    }

    #[test]
    fn nothing_beyond_the_reach_has_a_part_and_something_at_it_has() {
        let spacing = [3.0, 1.0, 0.8];
        for orthogonal in [false, true] {
            for theta_step in [None, Some(60.0)] {
                let g = Gabor {
                    orthogonal,
                    theta_step,
                    boundary: Boundary::Zero,
                    ..PLAIN
                };
                let reach = g.reach(spacing).unwrap();
                let shape = reach.map(|n| 2 * n + 5);
                let mut image = Array3::<f64>::zeros(shape);
                image[reach.map(|n| n + 2)] = 1.0;
                let made = gabor(image.view(), spacing, &g).unwrap();
                // Where a transform leaves rounding, the kernel is at least e^-13.
                let least = 1e-10 / (6.0 * 3.0);
                for (a, &n) in reach.iter().enumerate() {
                    let largest = |at: usize| {
                        let plane = made.index_axis(ndarray::Axis(a), at);
                        plane.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
                    };
                    assert!(largest(1) < 1e-14 && largest(n + n + 3) < 1e-14);
                    assert!(n == 0 || (largest(2) > least && largest(2 * n + 2) > least));
                }
                assert_eq!(reach[0] > 0, orthogonal);
            }
        }
    }

    #[test]
    fn single_precision_is_near_double() {
        let image = noise([4, 12, 10], 9);
        for part in PARTS {
            let g = Gabor {
                part,
                theta_step: Some(45.0),
                orthogonal: true,
                ..PLAIN
            };
            let single = image.mapv(<f32 as Real>::nearest);
            let made = gabor(single.view(), [1.0; 3], &g).unwrap();
            let expected = gabor(image.view(), [1.0; 3], &g).unwrap();
            close(&made.mapv(f64::from), &expected, 1e-5);
        }
    }

    #[test]
    fn a_kernel_larger_than_the_image_and_one_smaller_than_a_voxel_work() {
        let image = noise([2, 3, 4], 8);
        for sigma in [1e-300, 0.01, 8.0] {
            for boundary in [Boundary::Periodic, Boundary::Mirror] {
                let g = Gabor {
                    sigma,
                    boundary,
                    ..PLAIN
                };
                let made = gabor(image.view(), [1.0; 3], &g).unwrap();
                close(&made, &defined(&image, [1.0; 3], &g), 1e-10);
            }
        }
    }

    #[test]
    fn threads_and_batches_change_no_bit() {
        let image = noise([5, 22, 24], 6);
        let g = Gabor {
            theta_step: Some(4.5),
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
            assert_eq!(g.reach([1.0; 3]).unwrap_err().to_string(), message);
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
        for bad in [0.0, -22.5, 50.0, 1e-9, f64::NAN, 400.0, 51.43] {
            refused(
                Gabor {
                    theta_step: Some(bad),
                    ..PLAIN
                },
                "theta_step is",
            );
        }
        for boundary in [Boundary::Mirror, Boundary::Periodic] {
            let large = Gabor {
                gamma: 1e-9,
                boundary,
                ..PLAIN
            };
            refused(large, "sigma is 0.8 mm, whose kernel reaches 10");
        }
        let short = Gabor {
            wavelength: 1e-300,
            ..PLAIN
        };
        refused(short, "wavelength is 0.000");
        let edge = Gabor {
            boundary: Boundary::Constant(f64::NAN),
            ..PLAIN
        };
        refused(edge, "boundary is a constant of NaN");
        assert!(gabor(image.view(), [1.0, 0.0, 1.0], &PLAIN).is_err());
        let holed = image.mapv(|v| if v > 0.5 { f64::NAN } else { v });
        assert!(gabor(holed.view(), [1.0; 3], &PLAIN).is_err());
    }
}
