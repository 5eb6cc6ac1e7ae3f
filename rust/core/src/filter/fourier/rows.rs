//! Images of any element type, read row by row as doubles.

use ndarray::{s, ArrayView3};

use crate::error::{Error, Result};
use crate::volume::Voxel;

/// An image (z, y, x) whose rows along x can be read as doubles.
pub trait Rows: Sync {
    /// Shape (z, y, x).
    fn shape(&self) -> [usize; 3];

    /// Writes the row at (z, y) to `to`, which has one place a voxel.
    fn read(&self, z: usize, y: usize, to: &mut [f64]);

    /// True if all values are known to be finite.
    fn finite(&self) -> bool {
        false
    }
}

impl<T: Voxel> Rows for ArrayView3<'_, T> {
    fn shape(&self) -> [usize; 3] {
        self.dim().into()
    }

    fn read(&self, z: usize, y: usize, to: &mut [f64]) {
        let row = self.slice(s![z, y, ..]);
        to.iter_mut()
            .zip(row)
            .for_each(|(to, &from)| *to = from.to_f64());
    }

    fn finite(&self) -> bool {
        T::ALWAYS_FINITE
    }
}

/// Refuses an image without voxels, or with voxels that are NaN or infinite: a transform would
/// spread them over all of the response.
///
/// # Errors
/// [`Error::Argument`].
pub fn check_finite(image: &dyn Rows) -> Result<()> {
    let [nz, ny, nx] = image.shape();
    if nz * ny * nx == 0 {
        return Err(Error::Argument {
            name: "image",
            given: format!("empty, with shape {:?}", image.shape()),
            allowed: "a filter takes at least one voxel",
        });
    }
    if image.finite() {
        return Ok(());
    }
    let mut row = vec![0.0; nx];
    for z in 0..nz {
        for y in 0..ny {
            image.read(z, y, &mut row);
            if let Some(x) = row.iter().position(|v| !v.is_finite()) {
                return Err(Error::Argument {
                    name: "image",
                    given: format!("{} at {:?} (z, y, x)", row[x], [z, y, x]),
                    allowed: "a filter takes finite voxels only: repair the image",
                });
            }
        }
    }
    Ok(())
}
