//! The region's mask on the new grid (IBSI E8H9).

use std::ops::Range;

use ndarray::{Array3, ArrayView3};

use super::grid::{Grid, Line};
use super::kernel::Method;
use super::Slabs;
use crate::error::{Error, Result};
use crate::volume::{cropped, Window};

/// A share may miss the threshold by this part of it and still reach it.
///
/// Shares are sums of products of weights that carry rounding, from the spacings' few digits more
/// than from the arithmetic; E8H9 asks for single precision at least (6e-8). A share that is 0.5
/// by geometry must count on every machine and on both sides of a symmetrical region. A voxel's
/// share moves by this much when the region's edge moves by a millionth of a voxel.
const TOLERANCE: f64 = 1e-6;

/// The region on the new grid: the smallest box, in indices of the new grid, that holds every
/// voxel whose interpolated share of the region reaches `threshold`, and which voxels of the box
/// do (R_j, E8H9). `None` if no voxel does.
///
/// `mask` is (z, y, x), of the shape that `grid` was made for. A share that misses the threshold by
/// a millionth of it counts as reaching it. Only the box that the region can reach is interpolated.
///
/// # Errors
/// A mask of another shape than the grid's, a threshold that is not above 0 and at most 1.
pub fn resample_mask(
    mask: ArrayView3<'_, bool>,
    grid: &Grid,
    method: Method,
    threshold: f64,
) -> Result<Option<(Window, Array3<bool>)>> {
    grid.check(mask.dim().into())?;
    if !(threshold > 0.0 && threshold <= 1.0) {
        return Err(Error::Argument {
            name: "threshold",
            given: threshold.to_string(),
            allowed: "the share of the region lies above 0 and is at most 1",
        });
    }
    let Some(old) = Window::around(mask) else {
        return Ok(None);
    };
    let limit = threshold * (1.0 - TOLERANCE);
    let reached = reached(old, grid, method, threshold);
    let voxels = reached.filled(set(mask, grid, reached, method, limit));
    let Some(inner) = Window::around(voxels.view()) else {
        return Ok(None);
    };
    let window = Window {
        start: std::array::from_fn(|a| reached.start[a] + inner.start[a]),
        shape: inner.shape,
    };
    let voxels = if inner == whole(reached.shape) {
        voxels
    } else {
        inner.filled(cropped(inner.view(voxels.view())))
    };
    Ok(Some((window, voxels)))
}

/// Which voxels of `window` have a share of at least `limit`, in C order.
fn set(
    mask: ArrayView3<'_, bool>,
    grid: &Grid,
    window: Window,
    method: Method,
    limit: f64,
) -> Vec<bool> {
    let slabs = Slabs::new(grid, window, method, None);
    let reaches = |shares: &[f64], out: &mut [bool]| {
        for (out, &share) in out.iter_mut().zip(shares) {
            *out = share >= limit;
        }
    };
    let mut out = vec![false; window.voxels()];
    let size = slabs.planes * window.shape[1] * window.shape[2];
    let mut shares = Vec::new();
    for (planes, out) in slabs.ranges().zip(out.chunks_mut(size.max(1))) {
        if method == Method::Cubic {
            shares.resize(out.len(), 0.0);
            slabs.fill(mask, planes, &|share| share, &mut shares);
            reaches(&shares, out);
        } else {
            let z = slabs.along_z(planes);
            let taps = [&z, &slabs.in_plane[0], &slabs.in_plane[1]];
            slabs.fill_as(mask, taps, &|share| share, out, &reaches);
        }
    }
    out
}

fn whole(shape: [usize; 3]) -> Window {
    Window {
        start: [0; 3],
        shape,
    }
}

/// How far from the region's box, in old voxels, a share can reach `limit`.
///
/// A spline through 0 and 1 swings on outside: between the k-th and the next voxel by less than
/// |z|^(k-1) / 2 along one axis; 4 stands for what the other two can add.
fn reach(method: Method, limit: f64) -> f64 {
    match method {
        Method::Nearest | Method::Linear => 1.0,
        Method::Lanczos => 3.0,
        Method::Cubic => (2.0 + (4.0 / limit).ln() / 1.3169).min(30.0),
    }
}

/// The box on the new grid that a region in the box `old` of the old grid can reach: all voxels whose
/// share of it can reach `threshold` lie inside.
#[must_use]
pub fn reached(old: Window, grid: &Grid, method: Method, threshold: f64) -> Window {
    let reach = reach(method, threshold * (1.0 - TOLERANCE));
    let ranges = [0, 1, 2].map(|a| {
        let range = old.start[a]..old.start[a] + old.shape[a];
        within(grid.line(a), range, reach)
    });
    Window {
        start: std::array::from_fn(|a| ranges[a].start),
        shape: std::array::from_fn(|a| ranges[a].len()),
    }
}

/// The new voxels within `reach` of the old ones. Positions lie within half a voxel of the image
/// and every reach is longer, so these are also the voxels beyond a border that the region touches.
fn within(line: Line, old: Range<usize>, reach: f64) -> Range<usize> {
    if line.kept() {
        return old;
    }
    line.between(old.start as f64 - reach, (old.end - 1) as f64 + reach)
}
