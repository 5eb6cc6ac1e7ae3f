//! Local binary patterns as PyRadiomics has them: on circles in slices, on spheres in the volume.
//!
//! Ties decide what a pattern is. So the points of a circle stand where scikit-image puts them,
//! rounded to 1e-5 voxels, and every sum here has one fixed order: the two differ from
//! [`crate::filter::lbp`] in where points stand, what lies beyond the image, what a pattern's number
//! is, and in the precision that intensities are compared in. Arrays are (z, y, x), lengths are in
//! voxels whatever the spacing.

mod block;
mod circle;
mod harmonics;
mod icosphere;
mod sphere;
mod spline;
#[cfg(test)]
mod tests;

pub use circle::{on_circles, Method};
pub use sphere::on_spheres;

use crate::error::{Error, Result};
use crate::volume::Voxel;

/// Element types of images, in which PyRadiomics keeps what it computes of them.
pub trait Pixel: Voxel + PartialOrd {
    /// Numbers cut off towards 0, of which whole-number types keep the lowest bits; NaN is 0 there.
    fn cut(value: f64) -> Self;

    /// The nearest number of this type: halves go away from 0, and to the ends what lies beyond.
    fn nearest(value: f64) -> Self;
}

macro_rules! whole {
    ($($t:ty),*) => {$(impl Pixel for $t {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // as stated
        #[inline]
        fn cut(value: f64) -> Self {
            value as i128 as Self
        }

        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it keeps to its range
        #[inline]
        fn nearest(value: f64) -> Self {
            (value + 0.5f64.copysign(value)) as Self
        }
    })*};
}
whole!(u8, u16, u32, u64, i8, i16, i32, i64);

macro_rules! real {
    ($($t:ty),*) => {$(impl Pixel for $t {
        #[allow(clippy::cast_possible_truncation, clippy::cast_lossless)] // one body for both
        #[inline]
        fn cut(value: f64) -> Self {
            value as Self
        }

        #[inline]
        fn nearest(value: f64) -> Self {
            Self::cut(value)
        }
    })*};
}
real!(f32, f64);

/// Refuses a radius in voxels outside its limits.
fn check_radius(name: &'static str, radius: f64) -> Result<()> {
    if radius > 0.0 && radius <= 1e6 {
        return Ok(());
    }
    Err(Error::Argument {
        name,
        given: format!("{radius} voxels"),
        allowed: "it must be above 0 and at most 1e6",
    })
}
