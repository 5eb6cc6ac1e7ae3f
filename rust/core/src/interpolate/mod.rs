//! Interpolation of an image and of a region's mask to another spacing (IBSI VTM2).
//!
//! Arrays are (z, y, x), spacing in mm in the same order. [`Grid`] is the new grid, centred on the
//! old one (3WE3, 026Q, QCY4). The image is taken to go on for ever with the values of its border
//! voxels. An axis that keeps its spacing is copied, so that slices do not mix where only the
//! plane is interpolated.
//!
//! One pass per axis whose spacing changes, over the part of the image that the window needs: plane
//! by plane (`planes.rs`), for [`Method::Cubic`] axis by axis (`pass.rs`), the first pass reading the
//! image itself. What makes a voxel (`kernel.rs`) depends on its place in the whole grid, and the
//! passes' order on the grid, so a window has the values of the whole: to the bit but for
//! [`Method::Cubic`], whose recursions (`spline.rs`) start 28 voxels outside of what is made at a
//! time, which is 1e-16 of the range.

mod grid;
mod kernel;
mod lowpass;
mod mask;
mod pass;
mod planes;
mod spline;
#[cfg(test)]
mod tests;

use std::ops::Range;

use ndarray::{Array3, ArrayView3};

pub use grid::Grid;
pub use kernel::Method;
pub use mask::{reached, resample_mask};

use crate::error::{Error, Result};
use crate::volume::{cropped, Voxel, Window};
use kernel::Taps;
use pass::{Buffer, Image};

/// The values of `image` at the voxels of `window`, a box in indices of the new grid.
///
/// `image` is (z, y, x), of the shape that `grid` was made for; `value` maps each of its voxels
/// before anything else. With `anti_alias` a Gaussian along each axis whose voxels become larger
/// goes first; its response at the new grid's Nyquist frequency is this fraction (0 to 1, both
/// excluded): sigma = (s_b/s_a)/pi sqrt(-2 ln beta) old voxels, cut off beyond 4 sigma;
/// where that is below one voxel, the sigma with which the sampled kernel has this response.
///
/// Constants stay what they are to the bit. A NaN or infinite voxel spoils the voxels it has a
/// part in, with [`Method::Cubic`] the whole lines through it.
///
/// Needs memory for the result and a few MiB; with [`Method::Cubic`] also for what lies between two
/// passes of 8 million voxels.
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
    let slabs = Slabs::checked(image.dim().into(), grid, window, method, anti_alias)?;
    let mut values = vec![0.0; window.voxels()];
    let size = slabs.planes * window.shape[1] * window.shape[2];
    for (planes, values) in slabs.ranges().zip(values.chunks_mut(size.max(1))) {
        slabs.fill(image, planes, &value, values);
    }
    Ok(window.filled(values))
}

/// Calls `each` with the values of the whole new grid, some planes at a time in C order; otherwise as
/// [`resample`], without memory for the whole.
///
/// # Errors
/// As [`resample`].
pub fn for_each_slab<T: Voxel>(
    image: ArrayView3<'_, T>,
    grid: &Grid,
    method: Method,
    anti_alias: Option<f64>,
    value: impl Fn(f64) -> f64 + Sync,
    mut each: impl FnMut(&mut [f64]),
) -> Result<()> {
    let (start, shape) = ([0; 3], grid.shape());
    let window = Window { start, shape };
    let slabs = Slabs::checked(image.dim().into(), grid, window, method, anti_alias)?;
    let mut values = Vec::new();
    for planes in slabs.ranges() {
        values.resize(planes.len() * shape[1] * shape[2], 0.0);
        slabs.fill(image, planes, &value, &mut values);
        each(&mut values);
    }
    Ok(())
}

/// Voxels that are made at a time: with what lies between the passes they stay in the last cache,
/// and no memory but the result's is large (mask of 5.9 10^6 voxels: 8 ms, 15 with slabs of 2^21).
const SLAB: usize = 1 << 19;
/// The same for a spline, each slab of which filters some fifty slices more.
const SPLINE_SLAB: usize = 1 << 23;

/// How a window is made, slab by slab: some planes along z at a time.
struct Slabs<'a> {
    grid: &'a Grid,
    window: Window,
    method: Method,
    anti_alias: Option<f64>,
    /// Taps along y and x.
    in_plane: [Taps; 2],
    /// Planes of a slab.
    planes: usize,
}

impl<'a> Slabs<'a> {
    /// Refuses an `image` of another shape than the grid's, and what [`resample`] refuses.
    fn checked(
        image: [usize; 3],
        grid: &'a Grid,
        window: Window,
        method: Method,
        anti_alias: Option<f64>,
    ) -> Result<Self> {
        grid.check(image)?;
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
        Ok(Self::new(grid, window, method, anti_alias))
    }

    fn new(grid: &'a Grid, window: Window, method: Method, anti_alias: Option<f64>) -> Self {
        let [_, ny, nx] = window.shape;
        let spline = method == Method::Cubic;
        let voxels = if spline { SPLINE_SLAB } else { SLAB };
        let planes = (voxels / (ny * nx).max(1)).max(1);
        let in_plane = [1, 2].map(|axis| {
            let start = window.start[axis];
            let range = start..start + window.shape[axis];
            taps(grid, axis, range, method, anti_alias)
        });
        Self {
            grid,
            window,
            method,
            anti_alias,
            in_plane,
            planes,
        }
    }

    /// The window's planes, slab by slab; none if the window is empty.
    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let empty = self.window.voxels() == 0;
        let (n, planes) = (if empty { 0 } else { self.window.shape[0] }, self.planes);
        (0..n)
            .step_by(planes)
            .map(move |first| first..n.min(first + planes))
    }

    /// Writes the voxels of these planes of the window, in C order.
    fn fill<T: Voxel>(
        &self,
        image: ArrayView3<'_, T>,
        planes: Range<usize>,
        value: &(impl Fn(f64) -> f64 + Sync),
        out: &mut [f64],
    ) {
        let z = self.along_z(planes);
        let taps = [&z, &self.in_plane[0], &self.in_plane[1]];
        if taps.iter().any(|t| t.spline) {
            with_rows(image, taps, value, |image| {
                spline_passes(image, &self.axes(taps), taps, out);
            });
        } else {
            self.fill_as(image, taps, value, out, &|values, out| {
                out.copy_from_slice(values);
            });
        }
    }

    /// [`Slabs::fill`] without splines; `write` makes what is asked for of some values.
    fn fill_as<T: Voxel, O: Send>(
        &self,
        image: ArrayView3<'_, T>,
        taps: [&Taps; 3],
        value: &(impl Fn(f64) -> f64 + Sync),
        out: &mut [O],
        write: &(impl Fn(&[f64], &mut [O]) + Sync),
    ) {
        with_rows(image, taps, value, |image| {
            if let [Some(z), Some(y), Some(x)] = taps.map(Taps::selection) {
                image.select([z, y, x], out, write);
            } else {
                planes::along(image, &self.axes(taps), taps, out, write);
            }
        });
    }

    /// What makes these planes along z.
    fn along_z(&self, planes: Range<usize>) -> Taps {
        let first = self.window.start[0];
        let range = first + planes.start..first + planes.end;
        taps(self.grid, 0, range, self.method, self.anti_alias)
    }

    /// The axes that are not copied, in the order in which they are interpolated.
    fn axes(&self, taps: [&Taps; 3]) -> Vec<usize> {
        let all = self.grid.order().into_iter();
        all.filter(|&axis| !taps[axis].is_copy()).collect()
    }
}

/// Calls `f` with the part of an image that is read, rows as slices.
fn with_rows<T: Voxel, F: Fn(f64) -> f64 + Sync>(
    image: ArrayView3<'_, T>,
    taps: [&Taps; 3],
    value: &F,
    f: impl FnOnce(&Image<'_, T, F>),
) {
    let read = Window {
        start: taps.map(|t| t.range().start),
        shape: taps.map(|t| t.range().len()),
    };
    let view = read.view(image);
    if view.strides()[2] == 1 {
        return f(&Image::new(view, value));
    }
    let copy = read.filled(cropped(view));
    f(&Image::new(copy.view(), value));
}

/// What makes the `new` voxels along one axis.
fn taps(
    grid: &Grid,
    axis: usize,
    new: Range<usize>,
    method: Method,
    anti_alias: Option<f64>,
) -> Taps {
    let line = grid.line(axis);
    let beta = anti_alias.filter(|_| line.step > 1.0);
    let half = beta.map(|beta| lowpass::half_gaussian(line.step, beta));
    Taps::new(line, new, method, half.as_deref())
}

/// The image interpolated by splines along these axes, one after the other.
fn spline_passes<T: Voxel, F: Fn(f64) -> f64 + Sync>(
    image: &Image<'_, T, F>,
    axes: &[usize],
    taps: [&Taps; 3],
    out: &mut [f64],
) {
    let mut between: Option<Buffer> = None;
    for (k, &axis) in axes.iter().enumerate() {
        let last = k + 1 == axes.len();
        between = match between {
            None if last => return pass::along(image, axis, taps[axis], out),
            Some(buffer) if last => return pass::along(&buffer, axis, taps[axis], out),
            None => Some(Buffer::made(image, axis, taps[axis])),
            Some(buffer) => Some(Buffer::made(&buffer, axis, taps[axis])),
        };
    }
}
