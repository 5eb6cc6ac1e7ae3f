//! Riesz transforms (IBSI AYRS) of filtered images, along the axes or along the image's own
//! orientation.
//!
//! The transform of order $l = (l_1, l_2, l_3)$ along x, y and z, $L = l_1 + l_2 + l_3$, multiplies
//! the spectrum at the frequency $\nu$ by
//! $(-j)^L \sqrt{\frac{L!}{l_1! l_2! l_3!}}
//! \frac{\nu_1^{l_1} \nu_2^{l_2} \nu_3^{l_3}}{\lVert\nu\rVert^L}$, and by 0 where $\nu = 0$.
//! Images are (z, y, x) with spacing in mm in that order; $\nu$ is a frequency in mm, so that
//! directions are those of space. Responses have the image's shape.

use std::f64::consts::TAU;

use ndarray::{Array3, ArrayView3};
use serde::{Deserialize, Serialize};

use super::convolve::{check_boundary, Real};
use super::fourier::{
    check_image, check_points, check_reach, positive, Complex, Gaussian, Grid, LaplacianOfGaussian,
    Transformed,
};
use super::nonseparable::{self, Band, Wavelet};
use super::{Boundary, Dimension, MAX_REACH};
use crate::error::{Error, Result};
use crate::parallel;
use crate::volume::check_spacing;

mod steer;

/// The filter whose response is transformed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Base {
    /// Laplacian of Gaussian.
    LaplacianOfGaussian {
        /// Standard deviation, mm.
        sigma: f64,
        /// Standard deviations after which the kernel is cut off.
        truncate: f64,
    },
    /// Gaussian of sum 1.
    Gaussian {
        /// Standard deviation, mm.
        sigma: f64,
        /// Standard deviations after which the kernel is cut off.
        truncate: f64,
    },
    /// B map of a non-separable wavelet.
    Wavelet {
        /// Which one.
        wavelet: Wavelet,
        /// Level, from 1.
        level: u32,
    },
}

/// A Riesz transform.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Riesz {
    /// The filter whose response is transformed.
    pub base: Base,
    /// Order $(l_1, l_2, l_3)$ along x, y and z; along the local axes where it is steered.
    pub order: [u32; 3],
    /// Standard deviation in mm of the window of the structure tensor that steers the transform;
    /// `None` for a transform along x, y and z.
    pub sigma_tensor: Option<f64>,
    /// What lies beyond the edge.
    pub boundary: Boundary,
    /// The volume, or slice by slice.
    pub dimension: Dimension,
}

/// Largest order of a transform.
const MAX_ORDER: u32 = 16;

/// Voxels of padding beyond what a kernel reaches: the transform has no finite support. The maps of
/// IBSI 2 tests 9.a and 9.b.1 still change by 0.002 % of their range when it is doubled.
const MARGIN: usize = 16;

/// Standard deviations after which the window of the structure tensor is cut off.
const TENSOR_TRUNCATE: f64 = 4.0;

/// The response map.
///
/// With a periodic boundary the image is transformed as it is. With any other it is padded: for a
/// Gaussian and its Laplacian by the kernel's half width and 16 voxels beyond each edge, for a
/// wavelet as in [`nonseparable::wavelet`].
///
/// Steered, the axes are those of the structure tensor at each voxel: the products of the three
/// transforms of order 1 of the same filtered image, smoothed by a Gaussian window of sum 1 that
/// goes on with its nearest values beyond the edge. Axis 1 is the direction in which the image
/// varies most, axis 2 the next, each pointing where the transform of order 1 along it is not
/// negative; axis 3 completes a right-handed frame. So a turned image has a turned map. Where
/// directions are equal, as in a constant image, any may be taken. All transforms of total order L
/// are made, one after the other: memory is eleven volumes beside two spectra.
///
/// Along an axis with an even number of points the highest frequency has no sign, and an odd power
/// of it none that is real: it is 0.
///
/// # Errors
/// [`Error::Argument`] if the order is 0 or above 16 in all, or not 0 across slices that are
/// filtered one by one; unless `sigma`, `truncate` and `sigma_tensor` are positive and reach at
/// most 65536 voxels; if the `sigma` of a Laplacian of Gaussian is below half a voxel along a
/// filtered axis; if the padded image exceeds 2^30 points; for an image that is empty or not
/// finite; and as [`nonseparable::wavelet`]. [`Error::Spacing`].
pub fn riesz<T: Real>(
    image: ArrayView3<'_, T>,
    spacing: [f64; 3],
    filter: &Riesz,
) -> Result<Array3<T>> {
    let shape = image.dim().into();
    filter.check(shape, spacing)?;
    check_image(image, filter.boundary)?;
    let grid = filter.grid(shape, spacing)?;
    let base = Transfer::new(&grid, filter.base, spacing);
    let transformed = Transformed::new(image, grid.clone());
    if let Some(sigma) = filter.sigma_tensor {
        let maps = Maps {
            transformed,
            base,
            grid,
            spacing,
        };
        return maps.steered(filter, sigma);
    }
    let factor = Component::new(&grid, filter.order, spacing);
    Ok(
        transformed.into_response(|kz: usize, ky: usize, row: &mut [Complex<T>]| {
            base.multiply(kz, ky, row);
            factor.multiply(kz, ky, row);
        }),
    )
}

impl Riesz {
    /// Refuses what [`riesz`] refuses of an image of this shape and spacing in mm (z, y, x), without
    /// its voxels.
    ///
    /// # Errors
    /// As [`riesz`].
    pub fn check(&self, shape: [usize; 3], spacing: [f64; 3]) -> Result<()> {
        check_spacing(spacing)?;
        check_boundary(self.boundary)?;
        self.check_order()?;
        if let Base::LaplacianOfGaussian { sigma, truncate } | Base::Gaussian { sigma, truncate } =
            self.base
        {
            positive("sigma", sigma)?;
            positive("truncate", truncate)?;
            let reach = Gaussian::reach(sigma, truncate, spacing);
            let allowed = "the limit is 65536 voxels: use a smaller one, or a smaller `truncate`";
            check_reach(reach, self.dimension, "sigma", sigma, MAX_REACH, allowed)?;
        }
        if let Base::LaplacianOfGaussian { sigma, .. } = self.base {
            self.check_sampled(sigma, spacing)?;
        }
        self.grid(shape, spacing)?;
        if let Some(sigma) = self.sigma_tensor {
            positive("sigma_tensor", sigma)?;
            let reach = Gaussian::reach(sigma, TENSOR_TRUNCATE, spacing);
            let allowed = "the limit is 65536 voxels: use a smaller one";
            let name = "sigma_tensor";
            check_reach(reach, self.dimension, name, sigma, MAX_REACH, allowed)?;
            self.window_grid(sigma, shape, spacing)?;
        }
        Ok(())
    }

    /// Refuses orders that no image has.
    pub(crate) fn check_order(&self) -> Result<()> {
        let total: u32 = self.order.iter().fold(0, |a, &b| a.saturating_add(b));
        let refuse = |allowed| {
            Err(Error::Argument {
                name: "order",
                given: format!("{:?}", self.order),
                allowed,
            })
        };
        if !(1..=MAX_ORDER).contains(&total) {
            return refuse("orders along x, y and z add up to 1 to 16");
        }
        if self.dimension == Dimension::Slice && self.order[2] > 0 {
            return refuse("the order along z is 0 where slices are filtered one by one");
        }
        Ok(())
    }

    /// Refuses a Laplacian of Gaussian that sampling would lose, as [`super::log`] does.
    fn check_sampled(&self, sigma: f64, spacing: [f64; 3]) -> Result<()> {
        let lost = |&a: &usize| self.dimension.has(a) && sigma < 0.5 * spacing[a];
        (0..3).find(lost).map_or(Ok(()), |a| {
            Err(Error::Argument {
                name: "sigma",
                given: format!(
                    "{sigma} mm, or {:.3} voxels along {} (spacing {} mm)",
                    sigma / spacing[a],
                    ["z", "y", "x"][a],
                    spacing[a]
                ),
                allowed: "it must be at least half a voxel, or sampling loses the kernel; take a \
                          larger one, resample the image, or filter slices (2D)",
            })
        })
    }

    fn grid(&self, shape: [usize; 3], spacing: [f64; 3]) -> Result<Grid> {
        match self.base {
            Base::Wavelet { level, .. } => {
                nonseparable::grid(shape, level, self.dimension, self.boundary)
            }
            Base::LaplacianOfGaussian { sigma, truncate } | Base::Gaussian { sigma, truncate } => {
                let margin = Gaussian::reach(sigma, truncate, spacing).map(|n| n + MARGIN);
                let grid = Grid::padded(shape, margin, self.boundary, self.dimension);
                check_points(&grid, "sigma", sigma)?;
                Ok(grid)
            }
        }
    }

    /// The grid of the structure tensor's window.
    fn window_grid(&self, sigma: f64, shape: [usize; 3], spacing: [f64; 3]) -> Result<Grid> {
        let around = match self.boundary {
            Boundary::Periodic => self.boundary,
            _ => Boundary::Nearest,
        };
        let reach = Gaussian::reach(sigma, TENSOR_TRUNCATE, spacing);
        let grid = Grid::padded(shape, reach, around, self.dimension);
        check_points(&grid, "sigma_tensor", sigma)?;
        Ok(grid)
    }
}

/// The transfer function of the filter whose response is transformed: real and even.
enum Transfer {
    LaplacianOfGaussian(LaplacianOfGaussian),
    Gaussian(Gaussian),
    Band(Band),
}

impl Transfer {
    fn new(grid: &Grid, base: Base, spacing: [f64; 3]) -> Self {
        match base {
            Base::LaplacianOfGaussian { sigma, truncate } => {
                Self::LaplacianOfGaussian(LaplacianOfGaussian::new(grid, sigma, truncate, spacing))
            }
            Base::Gaussian { sigma, truncate } => {
                Self::Gaussian(Gaussian::new(grid, sigma, truncate, spacing))
            }
            Base::Wavelet { wavelet, level } => Self::Band(Band::new(grid, wavelet, level)),
        }
    }

    fn multiply<T: Real>(&self, kz: usize, ky: usize, row: &mut [Complex<T>]) {
        match self {
            Self::LaplacianOfGaussian(log) => log.multiply(kz, ky, row),
            Self::Gaussian(gaussian) => gaussian.multiply(kz, ky, row),
            Self::Band(band) => band.multiply(kz, ky, row),
        }
    }
}

/// The transfer function of a Riesz transform.
struct Component {
    /// Along z, y, x, as are all others here.
    order: [i32; 3],
    total: i32,
    /// The factor of the multinomial.
    factor: f64,
    /// Frequencies, in units of the finest axis's.
    frequencies: [Vec<f64>; 3],
    /// Whether the sign of the frequency is not known and its power odd.
    unsigned: [Vec<bool>; 3],
}

impl Component {
    /// `order` along x, y, z.
    fn new(grid: &Grid, order: [u32; 3], spacing: [f64; 3]) -> Self {
        let [x, y, z] = order.map(|l| i32::try_from(l).unwrap_or(i32::MAX));
        let (order, total) = ([z, y, x], x + y + z);
        let finest = spacing.iter().copied().fold(f64::INFINITY, f64::min);
        let length = grid.length();
        let axis = |a: usize, k: usize| {
            let n = length[a];
            let signed = if 2 * k >= n {
                k as f64 - n as f64
            } else {
                k as f64
            };
            TAU * signed / n as f64 * (finest / spacing[a])
        };
        let flat = |a: usize| !grid.dimension().has(a) || length[a] == 1;
        let denominator: f64 = order.iter().map(|&l| factorial(l)).product();
        Self {
            order,
            total,
            factor: (factorial(total) / denominator).sqrt(),
            frequencies: [0, 1, 2].map(|a| {
                let at = |k| if flat(a) { 0.0 } else { axis(a, k) };
                (0..length[a]).map(at).collect()
            }),
            unsigned: [0, 1, 2].map(|a| {
                let highest = |k| 2 * k == length[a] && order[a] % 2 == 1;
                (0..length[a]).map(highest).collect()
            }),
        }
    }

    fn multiply<T: Real>(&self, kz: usize, ky: usize, row: &mut [Complex<T>]) {
        let (z, y) = (self.frequencies[0][kz], self.frequencies[1][ky]);
        let [lz, ly, lx] = self.order;
        let zy = self.factor * z.powi(lz) * y.powi(ly);
        let unsigned = self.unsigned[0][kz] != self.unsigned[1][ky];
        let columns = self.frequencies[2].iter().zip(&self.unsigned[2]);
        for (v, (x, &also)) in row.iter_mut().zip(columns) {
            let square = z * z + y * y + x * x;
            if square == 0.0 || unsigned != also {
                *v = Complex::default();
                continue;
            }
            let r = T::nearest(zy * x.powi(lx) / square.sqrt().powi(self.total));
            *v = match self.total % 4 {
                0 => Complex::new(v.re * r, v.im * r),
                1 => Complex::new(v.im * r, -v.re * r),
                2 => Complex::new(-v.re * r, -v.im * r),
                _ => Complex::new(-v.im * r, v.re * r),
            };
        }
    }
}

fn factorial(n: i32) -> f64 {
    (1..=n).map(f64::from).product()
}

/// All the transforms of one filtered image.
struct Maps<'a, T: Real> {
    transformed: Transformed<'a, T>,
    base: Transfer,
    grid: Grid,
    spacing: [f64; 3],
}

impl<T: Real> Maps<'_, T> {
    /// The transform of `order` along x, y and z.
    fn along_axes(&self, order: [u32; 3]) -> Array3<T> {
        let factor = Component::new(&self.grid, order, self.spacing);
        self.transformed
            .response(|kz: usize, ky: usize, row: &mut [Complex<T>]| {
                self.base.multiply(kz, ky, row);
                factor.multiply(kz, ky, row);
            })
    }

    /// The transform of an order along the axes of the structure tensor.
    fn steered(&self, filter: &Riesz, sigma: f64) -> Result<Array3<T>> {
        let frames = self.frames(filter, sigma)?;
        let mut out = Array3::from_elem(self.grid.image(), T::ZERO);
        let voxels = out.as_slice_mut().expect("a new array is in C order");
        let total = filter.order.iter().sum();
        for of in steer::orders(total) {
            if self.flat() && of[2] > 0 {
                continue; // nothing varies along z
            }
            let map = self.along_axes(of);
            let map = map.as_slice().expect("a new array is in C order");
            let work = map.len() * 50;
            parallel::for_each_chunk(voxels, steer::CHUNK, work, |i, chunk| {
                let share = steer::Share::new(filter.order, of);
                let first = i * steer::CHUNK;
                let mut scratch = share.scratch();
                for ((to, frame), &v) in chunk.iter_mut().zip(&frames[first..]).zip(&map[first..]) {
                    *to = *to + T::nearest(share.of(frame, &mut scratch)) * v;
                }
            });
        }
        Ok(out)
    }

    /// True if nothing varies along z.
    fn flat(&self) -> bool {
        self.grid.dimension() == Dimension::Slice || self.grid.length()[0] == 1
    }

    /// The local axes 1 and 2 (x, y, z) of each voxel.
    fn frames(&self, filter: &Riesz, sigma: f64) -> Result<Vec<[T; 6]>> {
        let shape = self.grid.image();
        let grid = filter.window_grid(sigma, shape, self.spacing)?;
        let window = Gaussian::new(&grid, sigma, TENSOR_TRUNCATE, self.spacing);
        let first = [[1, 0, 0], [0, 1, 0], [0, 0, 1]].map(|order| self.along_axes(order));
        let mut tensors = vec![[T::ZERO; 6]; shape.iter().product()];
        for (c, [i, j]) in steer::PAIRS.into_iter().enumerate() {
            let product = &first[i] * &first[j];
            let smooth = Transformed::new(product.view(), grid.clone()).into_response(
                |kz: usize, ky: usize, row: &mut [Complex<T>]| window.multiply(kz, ky, row),
            );
            let values = tensors.iter_mut().zip(&smooth);
            values.for_each(|(tensor, &v)| tensor[c] = v);
        }
        let first = first.each_ref().map(|m| m.as_slice().unwrap_or_default());
        let work = tensors.len() * 500;
        parallel::for_each_chunk(&mut tensors, steer::CHUNK, work, |i, chunk| {
            for (k, tensor) in chunk.iter_mut().enumerate() {
                let gradient = first.map(|m| m[i * steer::CHUNK + k].to_f64());
                let frame = steer::frame(tensor.map(T::to_f64), gradient, self.flat());
                *tensor = frame.map(T::nearest);
            }
        });
        Ok(tensors)
    }
}

#[cfg(test)]
mod tests;
