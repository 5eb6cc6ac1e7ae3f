//! Filters by Fourier transform: an image, a transfer function on its frequency grid, a response.
//!
//! Images are (z, y, x) in voxels; transfer functions are given on the grid of the transform, half
//! of it along x (the transform is real-to-complex). A filter of finite support works on a [`Grid`]
//! that is padded by the support, following the boundary rule, and cut back afterwards, so that it
//! equals the sum over the kernel. A filter that is defined on the image's own frequency grid works
//! unpadded, which makes the image periodic. Slice by slice (`in_plane`), each slice is an image of
//! its own and only frequencies of y and x exist.
//!
//! Beside the image and the response a volume needs one spectrum, as large as the padded image;
//! slices need one plane a thread.

mod check;
mod grid;
mod rows;
mod tables;
mod transform;

pub(super) use check::{check_points, positive};
pub use grid::Grid;
pub use rows::{check_finite, Rows};
pub use tables::{Gaussian, LaplacianOfGaussian};
pub(crate) use transform::Plan;
pub use transform::Transformed;

pub use realfft::num_complex::Complex64;

/// What multiplies a spectrum: called with the frequency indices of z and y, and the values at all
/// frequencies 0, 1, ... of x, which it changes.
///
/// The response is real, so the function must be Hermitian: its value at a frequency is the complex
/// conjugate of that at the opposite one.
pub trait Transfer: Fn(usize, usize, &mut [Complex64]) + Sync {}

impl<F: Fn(usize, usize, &mut [Complex64]) + Sync> Transfer for F {}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
