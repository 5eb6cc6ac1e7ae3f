//! The IBSI digital phantom (IBSI manual, chapter 5; CC BY 4.0): 4 x 4 x 5 voxels (z, y, x) of
//! 2 mm, grey levels 1, 3, 4 and 6 inside the region.

use ndarray::Array3;

/// Spacing in mm (z, y, x).
pub const SPACING: [f64; 3] = [2.0; 3];

#[rustfmt::skip]
const INTENSITIES: [i16; 80] = [
    1, 4, 4, 1, 1,  1, 4, 6, 1, 1,  4, 1, 6, 4, 1,  4, 4, 6, 4, 1,
    1, 4, 4, 1, 1,  1, 1, 6, 1, 1,  1, 1, 3, 1, 1,  4, 4, 6, 1, 1,
    1, 4, 4, 1, 1,  1, 1, 1, 1, 1,  1, 1, 9, 1, 1,  1, 1, 6, 1, 1,
    1, 4, 4, 1, 1,  1, 1, 1, 1, 1,  1, 1, 1, 1, 1,  1, 1, 6, 1, 1,
];

/// Indices (z, y, x) of the six voxels outside the region.
const OUTSIDE: [[usize; 3]; 6] = [
    [1, 2, 0],
    [2, 0, 3],
    [2, 0, 4],
    [2, 2, 2],
    [3, 0, 3],
    [3, 0, 4],
];

/// The phantom's intensities (z, y, x).
///
/// # Panics
/// Never: there are 80 voxels.
#[must_use]
pub fn image() -> Array3<i16> {
    Array3::from_shape_vec((4, 4, 5), INTENSITIES.to_vec()).expect("4 x 4 x 5 voxels")
}

/// The phantom's region (z, y, x).
#[must_use]
pub fn mask() -> Array3<bool> {
    let mut mask = Array3::from_elem((4, 4, 5), true);
    for index in OUTSIDE {
        mask[index] = false;
    }
    mask
}
