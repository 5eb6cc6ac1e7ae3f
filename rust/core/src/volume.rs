//! Arrays with a spacing. Axis order is (z, y, x) everywhere, spacing in mm in the same order.

use ndarray::{s, Array3, ArrayView3};

use crate::error::{Error, Result};

/// Element types an image may have; each is cast to `f64` once, right after the crop.
pub trait Voxel: Copy + Send + Sync + 'static {
    /// The value as a double (exact for all but 64-bit integers beyond 2^53).
    fn to_f64(self) -> f64;
}

macro_rules! voxel {
    ($($t:ty),*) => {$(impl Voxel for $t {
        #[allow(clippy::cast_lossless)] // one body for every type; i64 and u64 round
        #[inline]
        fn to_f64(self) -> f64 { self as f64 }
    })*};
}
voxel!(u8, u16, u32, u64, i8, i16, i32, i64, f32, f64);

impl Voxel for bool {
    #[inline]
    fn to_f64(self) -> f64 {
        f64::from(u8::from(self))
    }
}

/// An array (z, y, x) in C order with its spacing in mm (z, y, x).
#[derive(Debug, Clone)]
pub struct Volume<T> {
    data: Array3<T>,
    spacing: [f64; 3],
}

impl<T> Volume<T> {
    /// Joins an array and its spacing; the array is brought into C order if it is not.
    ///
    /// # Errors
    /// [`Error::Spacing`] unless all three lengths are positive and finite.
    pub fn new(data: Array3<T>, spacing: [f64; 3]) -> Result<Self>
    where
        T: Clone,
    {
        check_spacing(spacing)?;
        let data = if data.is_standard_layout() {
            data
        } else {
            data.as_standard_layout().into_owned()
        };
        Ok(Self { data, spacing })
    }

    /// Shape (z, y, x).
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.data.dim().into()
    }

    /// Spacing in mm (z, y, x).
    #[must_use]
    pub fn spacing(&self) -> [f64; 3] {
        self.spacing
    }

    /// The array.
    #[must_use]
    pub fn data(&self) -> &Array3<T> {
        &self.data
    }

    /// The voxels in C order: `index = (z * ny + y) * nx + x`.
    ///
    /// # Panics
    /// Never: the constructor guarantees C order.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        self.data
            .as_slice()
            .expect("constructor guarantees C order")
    }
}

/// Refuses a spacing that is not three positive finite lengths.
///
/// # Errors
/// [`Error::Spacing`].
pub fn check_spacing(spacing: [f64; 3]) -> Result<()> {
    if spacing.iter().all(|s| s.is_finite() && *s > 0.0) {
        Ok(())
    } else {
        Err(Error::Spacing { spacing })
    }
}

/// A box of voxels: first index and shape (z, y, x).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First index (z, y, x).
    pub start: [usize; 3],
    /// Number of voxels (z, y, x).
    pub shape: [usize; 3],
}

impl Window {
    /// The smallest box that holds every set voxel; `None` if there is none.
    #[must_use]
    pub fn around(mask: ArrayView3<'_, bool>) -> Option<Self> {
        let (nz, ny, nx) = mask.dim();
        let (mut low, mut high) = ([nz, ny, nx], [0usize; 3]);
        for z in 0..nz {
            for y in 0..ny {
                let row = mask.slice(s![z, y, ..]);
                let Some(first) = row.iter().position(|&v| v) else {
                    continue;
                };
                let last = nx - 1 - row.iter().rev().position(|&v| v).unwrap_or(0);
                low = [low[0].min(z), low[1].min(y), low[2].min(first)];
                high = [high[0].max(z), high[1].max(y), high[2].max(last)];
            }
        }
        (low[0] < nz).then(|| Self {
            start: low,
            shape: [
                high[0] - low[0] + 1,
                high[1] - low[1] + 1,
                high[2] - low[2] + 1,
            ],
        })
    }

    /// This box grown by `margin` voxels on each side, cut off at `limit` (the image's shape).
    #[must_use]
    pub fn grown(&self, margin: [usize; 3], limit: [usize; 3]) -> Self {
        let start = std::array::from_fn(|a| self.start[a].saturating_sub(margin[a]));
        let shape = std::array::from_fn(|a| {
            (self.start[a] + self.shape[a])
                .saturating_add(margin[a])
                .min(limit[a])
                - start[a]
        });
        Self { start, shape }
    }

    /// The part of `array` inside this box.
    #[must_use]
    pub fn view<'a, T>(&self, array: ArrayView3<'a, T>) -> ArrayView3<'a, T> {
        let [z, y, x] = self.start;
        let [nz, ny, nx] = self.shape;
        array.slice_move(s![z..z + nz, y..y + ny, x..x + nx])
    }

    /// A copy of that part as doubles, in C order.
    #[must_use]
    pub fn copy_f64<T: Voxel>(&self, array: ArrayView3<'_, T>) -> Array3<f64> {
        let view = self.view(array);
        let mut out = Array3::zeros(view.dim());
        // `zip` visits both in the order that suits them, so strided input costs no extra copy.
        ndarray::Zip::from(&mut out)
            .and(&view)
            .for_each(|o, v| *o = v.to_f64());
        out
    }
}
