//! Limits of arguments.

use super::Grid;
use crate::error::{Error, Result};

/// Most points of a transform: its spectrum then takes 8 GiB.
const MAX_POINTS: f64 = (1u64 << 30) as f64;

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

/// Refuses a kernel so large that the padded image would not fit; `name` is the length in mm that
/// makes it so.
///
/// # Errors
/// [`Error::Argument`].
pub(crate) fn check_points(grid: &Grid, name: &'static str, value: f64) -> Result<()> {
    let first = usize::from(grid.in_plane());
    let points: f64 = grid.length()[first..].iter().map(|&n| n as f64).product();
    if points <= MAX_POINTS || grid.length() == grid.image() {
        return Ok(());
    }
    Err(Error::Argument {
        name,
        given: format!("{value} mm, whose kernel pads the image to {points:e} points"),
        allowed: "the limit is 2^30 points: use a smaller one, or a periodic boundary",
    })
}
