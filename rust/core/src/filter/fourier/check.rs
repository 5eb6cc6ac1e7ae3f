//! Limits of images and arguments.

use ndarray::ArrayView3;

use super::Grid;
use crate::error::{Error, Result};
use crate::filter::convolve::{check_boundary, Real};
use crate::filter::{Boundary, Dimension};

/// Most points of a transform: its spectrum then takes at most 8 GiB.
const MAX_POINTS: f64 = (1u64 << 30) as f64;

/// Refuses an image without voxels, or with voxels that are NaN or infinite: a transform would
/// spread them over all of the response. The same holds for a constant beyond the edge.
///
/// # Errors
/// [`Error::Argument`].
pub(crate) fn check_image<T: Real>(image: ArrayView3<'_, T>, boundary: Boundary) -> Result<()> {
    check_boundary(boundary)?;
    let refuse = |name, given, allowed| {
        Err(Error::Argument {
            name,
            given,
            allowed,
        })
    };
    let constant = boundary.constant();
    if !T::nearest(constant).to_f64().is_finite() {
        let given = format!("a constant of {constant}");
        return refuse("boundary", given, "single precision ends at 3.4e38");
    }
    if image.is_empty() {
        let given = format!("empty, with shape {:?}", image.shape());
        return refuse("image", given, "a filter takes at least one voxel");
    }
    let found = image.indexed_iter().find(|(_, v)| !v.to_f64().is_finite());
    found.map_or(Ok(()), |((z, y, x), v)| {
        let given = format!("{} at {:?} (z, y, x)", v.to_f64(), [z, y, x]);
        let allowed = "a filter takes finite voxels only: repair the image";
        refuse("image", given, allowed)
    })
}

/// Refuses a length or ratio that is not positive and finite.
///
/// # Errors
/// [`Error::Argument`].
pub(crate) fn positive(name: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::Argument {
        name,
        given: value.to_string(),
        allowed: "a number above 0 is needed",
    })
}

/// Refuses a kernel that reaches further than `most` voxels along a filtered axis; `name` is the
/// length in mm that makes it so.
///
/// # Errors
/// [`Error::Argument`].
pub(crate) fn check_reach(
    reach: [usize; 3],
    dimension: Dimension,
    name: &'static str,
    value: f64,
    most: usize,
    allowed: &'static str,
) -> Result<()> {
    let filtered = reach.iter().enumerate().filter(|(a, _)| dimension.has(*a));
    let furthest = filtered.map(|(_, &n)| n).max().unwrap_or(0);
    if furthest <= most {
        return Ok(());
    }
    Err(Error::Argument {
        name,
        given: format!("{value} mm, whose kernel reaches {furthest} voxels"),
        allowed,
    })
}

/// Refuses a kernel so large that the padded image would not fit; `name` is the length in mm that
/// makes it so.
///
/// # Errors
/// [`Error::Argument`].
pub(crate) fn check_points(grid: &Grid, name: &'static str, value: f64) -> Result<()> {
    let filtered = (0..3).filter(|&a| grid.dimension().has(a));
    let points: f64 = filtered.map(|a| grid.length()[a] as f64).product();
    if points <= MAX_POINTS || grid.length() == grid.image() {
        return Ok(());
    }
    Err(Error::Argument {
        name,
        given: format!("{value} mm, whose kernel pads the image to {points:e} points"),
        allowed: "the limit is 2^30 points: use a smaller one, or a periodic boundary",
    })
}
