//! Filters by Fourier transform: an image, a transfer function on its frequency grid, a response.
//!
//! Images are (z, y, x) in voxels; transfer functions are given on the grid of the transform, half
//! of it along x (the transform is real-to-complex). A filter of finite support works on a [`Grid`]
//! that is padded by the support, following the boundary rule, and cut back afterwards, so that it
//! equals the sum over the kernel. A filter that is defined on the image's own frequency grid works
//! unpadded, which makes the image periodic. In 2D each slice is an image of its own, and only
//! frequencies of y and x exist.
//!
//! All work is done in the image's own precision; transfer functions are computed in double
//! precision and rounded to it.
//!
//! Beside the image and the response a volume needs one spectrum, which is as large as the image
//! padded along y and x (slices beyond the edge are copies of slices inside, and are not held), and
//! a plane a thread; slices need one plane a thread.

mod check;
mod grid;
mod tables;
mod transform;

pub(super) use check::{check_image, check_points, check_reach, positive};
pub use grid::Grid;
pub use tables::{Gaussian, LaplacianOfGaussian};
pub(crate) use transform::Plan;
pub use transform::Transformed;

pub use realfft::num_complex::Complex;

/// What multiplies a spectrum: called with the frequency indices of z and y, and the values at all
/// frequencies 0, 1, ... of x, which it changes.
///
/// The response is real, so the function must be Hermitian: its value at a frequency is the complex
/// conjugate of that at the opposite one.
pub trait Transfer<T>: Fn(usize, usize, &mut [Complex<T>]) + Sync {}

impl<T, F: Fn(usize, usize, &mut [Complex<T>]) + Sync> Transfer<T> for F {}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
