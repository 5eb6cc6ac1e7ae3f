//! Mean filter (IBSI 2 S60F): the mean over a box of voxels around each voxel.

use ndarray::{Array3, ArrayView3};

use super::convolve::{only, Bank, Kernel, Real};
use super::{Boundary, Dimension, Pooling, MAX_REACH};
use crate::error::{Error, Result};

/// The mean over `support` voxels along each axis of `image` (z, y, x), centred on each voxel:
/// $h = \frac{1}{M^D} \sum_{|k_a| \le (M - 1)/2} f_{i + k}$.
///
/// # Errors
/// [`Error::Argument`] if `support` is even or beyond `2 * 65536 + 1`, or a constant beyond the edge
/// is not finite.
pub fn mean<T: Real>(
    image: ArrayView3<'_, T>,
    support: usize,
    dimension: Dimension,
    boundary: Boundary,
) -> Result<Array3<T>> {
    bank(support, dimension)?
        .maps(image, boundary, Pooling::Sum)
        .map(only)
}

/// The filter as a bank.
///
/// # Errors
/// As [`mean`].
pub(super) fn bank(support: usize, dimension: Dimension) -> Result<Bank> {
    check(support)?;
    let kernel = kernel(support);
    Ok(Bank::new([(dimension.kernels(|_| kernel.clone()), 0)]))
}

/// Refuses a support that [`mean`] does not take.
///
/// # Errors
/// As [`mean`].
pub(crate) fn check(support: usize) -> Result<()> {
    if support.is_multiple_of(2) || support > 2 * MAX_REACH + 1 {
        return Err(Error::Argument {
            name: "support",
            given: format!("{support} voxels"),
            allowed: "it must be odd, so that it has a central voxel, and at most 131073",
        });
    }
    Ok(())
}

/// Equal weights, in sum 1.
pub(super) fn kernel(support: usize) -> Kernel {
    Kernel::centred(&vec![1.0 / support as f64; support])
}
