//! Convolutional image filters, IBSI 2, and the transforms that PyRadiomics made common.
//!
//! A filter takes an image (z, y, x), spacing in mm in the same order, and gives a response map of
//! the same shape. Where a filter has a name by axis (Laws' kernels, sub-bands of wavelets), its
//! first letter is for x, as in the IBSI manual. An image of one slice is an image like any other:
//! a filter of the volume finds beyond it what [`Boundary`] says.

pub mod boundary;
pub mod convolve;
pub mod fourier;
pub mod gabor;
pub mod gradient;
pub mod laws;
pub mod lbp;
pub mod log;
pub mod mean;
pub mod nonseparable;
pub mod point;
pub mod pool;
pub mod response;
pub mod riesz;
pub mod rotation;
#[cfg(test)]
mod tests;
pub mod wavelet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub use boundary::Boundary;
pub use pool::Pooling;
pub use response::Filter;

/// What a filter works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Dimension {
    /// Each slice by itself: 2.
    Slice,
    /// The volume: 3.
    Volume,
}

impl From<Dimension> for u8 {
    fn from(dimension: Dimension) -> Self {
        match dimension {
            Dimension::Slice => 2,
            Dimension::Volume => 3,
        }
    }
}

impl TryFrom<u8> for Dimension {
    type Error = Error;

    fn try_from(number: u8) -> Result<Self> {
        match number {
            2 => Ok(Self::Slice),
            3 => Ok(Self::Volume),
            _ => Err(Error::Argument {
                name: "dimension",
                given: number.to_string(),
                allowed: "it must be 2 (slices) or 3 (volume)",
            }),
        }
    }
}

impl Dimension {
    /// True if the filter works along this axis (0, 1, 2 = z, y, x).
    #[must_use]
    pub fn has(self, axis: usize) -> bool {
        self == Self::Volume || axis > 0
    }

    /// The rotations by right angles that it has: 4 or 24.
    #[must_use]
    pub fn rotations(self) -> Vec<rotation::Rotation> {
        match self {
            Self::Slice => rotation::Rotation::in_plane(),
            Self::Volume => rotation::Rotation::of_volume(),
        }
    }

    /// `along(axis)` for the axes that it works along, else the identity.
    fn kernels(self, along: impl Fn(usize) -> convolve::Kernel) -> [convolve::Kernel; 3] {
        std::array::from_fn(|axis| {
            if self.has(axis) {
                along(axis)
            } else {
                convolve::Kernel::identity()
            }
        })
    }
}

/// Voxels that a kernel may reach to either side.
pub const MAX_REACH: usize = 1 << 16;
