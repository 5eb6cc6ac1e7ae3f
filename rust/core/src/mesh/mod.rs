//! The surface mesh of the morphological mask and what is measured on it: geometry, no features.
//!
//! Axis order is (z, y, x), lengths in mm in the same order. Everything that can be exact is whole
//! numbers: the mask becomes bits ([`packed`]), its surface a histogram of 256 cube configurations
//! ([`marching_cubes`]), its convex hull points of the doubled grid ([`hull`]), its spread integer
//! moments ([`principal`]). Spacing enters last. IBSI "Morphological features" (HCUG).
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]
// Coordinates of the doubled grid and numbers of points are below 2^31: a longer axis does not fit
// into memory together with its intensities.
#![cfg_attr(test, allow(clippy::float_cmp, clippy::needless_pass_by_value))] // exact values

mod cases;
pub mod classic;
pub mod diameter;
pub mod ellipsoid;
pub mod extremes;
pub mod hull;
pub mod marching_cubes;
pub mod oriented_box;
pub mod packed;
pub mod principal;
#[cfg(test)]
pub(crate) mod testing;
pub mod weighted;

/// `a × b`.
pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// `a · b`.
pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// `a - b`.
pub(crate) fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// Area of the triangle `abc`.
pub(crate) fn triangle_area(a: [f64; 3], b: [f64; 3], c: [f64; 3]) -> f64 {
    let n = cross(sub(b, a), sub(c, a));
    dot(n, n).sqrt() / 2.0
}

/// Position in mm of a point of the doubled grid (voxel centres are even, mesh vertices have one
/// odd coordinate).
pub(crate) fn position(point: [i32; 3], spacing: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|a| f64::from(point[a]) * (spacing[a] / 2.0))
}
