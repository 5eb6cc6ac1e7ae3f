//! Interpolation of an image and of a region's mask to another spacing (IBSI VTM2).
//!
//! Arrays are (z, y, x), spacing in mm in the same order. [`Grid`] is the new grid, centred on the
//! old one (3WE3, 026Q, QCY4). The image is taken to go on for ever with the values of its border
//! voxels. An axis that keeps its spacing is copied, so that slices do not mix where only the
//! plane is interpolated.
//!
//! Axis by axis: one pass over the part of the image that the wanted window needs, per axis whose
//! spacing changes; the values of the first pass come straight from the image. What makes a voxel
//! (taps, [`kernel`]) depends on its place in the whole grid and the passes' order on the grid, so
//! a window has the values of the whole, to the bit but for [`Method::Cubic`], whose recursions
//! ([`spline`]) start 28 voxels outside the window: 1e-16 of the range.

mod grid;
mod kernel;
mod lowpass;
mod mask;
mod pass;
mod spline;
#[cfg(test)]
mod tests;

use ndarray::{Array3, ArrayView3};

pub use grid::Grid;
pub use kernel::Method;
pub use mask::resample_mask;

use crate::error::{Error, Result};
use crate::volume::{cropped, Voxel, Window};
use kernel::Taps;
use pass::{Buffer, Image};

/// The values of `image` at the voxels of `window`, a box in indices of the new grid.
///
/// `image` is (z, y, x), of the shape that `grid` was made for; `value` maps each of its voxels
/// before anything else. With `anti_alias` a Gaussian along each axis whose voxels become larger
/// goes first; its response at the new grid's Nyquist frequency is this fraction (0 to 1, both
/// excluded): sigma = (s_b/s_a)/pi sqrt(-2 ln beta) old voxels, cut off beyond 4 sigma.
///
/// Constants stay what they are to the bit. A NaN or infinite voxel spoils the voxels it has a
/// part in, with [`Method::Cubic`] the whole lines through it.
///
/// Needs memory for the result, one array between two passes and, if rows of the image are not
/// slices, for a copy of its part that is read.
///
/// # Errors
/// An image of another shape than the grid's, a window that is not inside the new grid, a response
/// that is not a fraction.
pub fn resample<T: Voxel>(
    image: ArrayView3<'_, T>,
    grid: &Grid,
    window: Window,
    method: Method,
    anti_alias: Option<f64>,
    value: impl Fn(f64) -> f64 + Sync,
) -> Result<Array3<f64>> {
    grid.check(image.dim().into())?;
    let ends = |a: usize| window.start[a].checked_add(window.shape[a]);
    if !(0..3).all(|a| ends(a).is_some_and(|end| end <= grid.shape()[a])) {
        return Err(Error::Argument {
            name: "window",
            given: format!("{:?} from {:?}", window.shape, window.start),
            allowed: "it must lie inside the new grid",
        });
    }
    if let Some(beta) = anti_alias.filter(|beta| !(0.0 < *beta && *beta < 1.0)) {
        return Err(Error::Argument {
            name: "anti_alias",
            given: beta.to_string(),
            allowed: "the response at the Nyquist frequency lies between 0 and 1",
        });
    }
    let values = values(image, grid, window, method, anti_alias, &value);
    Ok(window.filled(values))
}

/// [`resample`] of arguments that were checked, in C order.
fn values<T: Voxel>(
    image: ArrayView3<'_, T>,
    grid: &Grid,
    window: Window,
    method: Method,
    anti_alias: Option<f64>,
    value: &(impl Fn(f64) -> f64 + Sync),
) -> Vec<f64> {
    if window.voxels() == 0 {
        return Vec::new();
    }
    let taps: [Taps; 3] = std::array::from_fn(|a| {
        let (line, start) = (grid.line(a), window.start[a]);
        let beta = anti_alias.filter(|_| line.step > 1.0);
        let half = beta.map(|beta| lowpass::half_gaussian(line.step, beta));
        Taps::new(
            line,
            start..start + window.shape[a],
            method,
            half.as_deref(),
        )
    });
    let read = Window {
        start: std::array::from_fn(|a| taps[a].range().start),
        shape: std::array::from_fn(|a| taps[a].range().len()),
    };
    let view = read.view(image);
    if view.strides()[2] == 1 {
        return passes(&Image::new(view, value), grid, &taps);
    }
    let copy = read.filled(cropped(view));
    passes(&Image::new(copy.view(), value), grid, &taps)
}

/// The image interpolated along one axis after the other.
fn passes<T: Voxel, F: Fn(f64) -> f64 + Sync>(
    image: &Image<'_, T, F>,
    grid: &Grid,
    taps: &[Taps; 3],
) -> Vec<f64> {
    if let [Some(z), Some(y), Some(x)] = [0, 1, 2].map(|a| taps[a].selection()) {
        return image.select([z, y, x]);
    }
    let order = grid.order().into_iter().filter(|&a| !taps[a].is_copy());
    let mut done: Option<Buffer> = None;
    for axis in order {
        done = Some(match done {
            None => pass::along(image, axis, &taps[axis]),
            Some(buffer) => pass::along(&buffer, axis, &taps[axis]),
        });
    }
    done.map_or_else(Vec::new, Buffer::into_values) // one axis at least is no copy
}
