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

/// Standard deviations after which the kernel is cut off: the Gaussian is then below 3e-11. The
/// reference maps were made without a limit; a limit of 3.1 is off by half of what they allow, one
/// of 5 moves the lowest intensities of IBSI 2's validation images by 0.001.
const TRUNCATE: f64 = 7.0;

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
/// A kernel is cut off at the box around the ellipse of 7 standard deviations, so its support is
/// finite: `7 sqrt((sigma cos theta)^2 + (sigma / gamma sin theta)^2)` mm along axis 1. A kernel
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
mod tests;
