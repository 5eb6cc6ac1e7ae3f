//! Arrays with a spacing. Axis order is (z, y, x) everywhere, spacing in mm in the same order.

use std::cmp::Reverse;

use ndarray::{s, Array3, ArrayView3, ArrayViewMut3, Axis};

use crate::error::{Error, Result};

/// Element types an image may have; each is cast to `f64` once, right after the crop.
pub trait Voxel: Copy + Send + Sync + 'static {
    /// The value as a double (exact for all but 64-bit integers beyond 2^53).
    fn to_f64(self) -> f64;

    /// True for types of whole numbers, which have no NaN and infinity.
    const WHOLE: bool = false;
}

macro_rules! voxel {
    ($whole:literal: $($t:ty),*) => {$(impl Voxel for $t {
        const WHOLE: bool = $whole;

        #[allow(clippy::cast_lossless)] // one body for every type; i64 and u64 round
        #[inline]
        fn to_f64(self) -> f64 { self as f64 }
    })*};
}
voxel!(true: u8, u16, u32, u64, i8, i16, i32, i64);
voxel!(false: f32, f64);

impl Voxel for bool {
    const WHOLE: bool = true;

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

    /// The array itself.
    #[must_use]
    pub fn into_data(self) -> Array3<T> {
        self.data
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
    /// All of an image of this shape.
    #[must_use]
    pub fn whole(shape: [usize; 3]) -> Self {
        let start = [0; 3];
        Self { start, shape }
    }

    /// The smallest box that holds both.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        let start = std::array::from_fn(|a| self.start[a].min(other.start[a]));
        let end = |w: Self, a: usize| w.start[a] + w.shape[a];
        let shape = std::array::from_fn(|a| end(self, a).max(end(other, a)) - start[a]);
        Self { start, shape }
    }

    /// The smallest box that holds every set voxel; `None` if there is none.
    #[must_use]
    pub fn around(mask: ArrayView3<'_, bool>) -> Option<Self> {
        Self::around_any(mask, |m| m)
    }

    /// The smallest box that holds every voxel for which `set` holds; `None` if there is none.
    pub(crate) fn around_any<T: Copy>(
        array: ArrayView3<'_, T>,
        set: impl Fn(T) -> bool,
    ) -> Option<Self> {
        // In the order of memory, whichever way its axes run.
        let (axes, memory) = by_stride(array);
        let mut view = memory;
        let flipped: [bool; 3] = std::array::from_fn(|a| view.strides()[a] < 0);
        (0..3)
            .filter(|&a| flipped[a])
            .for_each(|a| view.invert_axis(Axis(a)));
        let found = around_rows(view, set)?;
        let (mut start, mut shape) = ([0; 3], [0; 3]);
        for (a, &axis) in axes.iter().enumerate() {
            shape[axis] = found.shape[a];
            start[axis] = if flipped[a] {
                view.shape()[a] - found.start[a] - found.shape[a]
            } else {
                found.start[a]
            };
        }
        Some(Self { start, shape })
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

    /// The same box in indices from `start` on.
    pub(crate) fn counted_from(self, start: [usize; 3]) -> Self {
        Self {
            start: std::array::from_fn(|a| self.start[a] - start[a]),
            shape: self.shape,
        }
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
        let mut out = Vec::with_capacity(self.voxels());
        for_each_run(self.view(array), |run| {
            out.extend(run.iter().map(|v| v.to_f64()));
        });
        self.filled(out)
    }

    /// Number of voxels.
    pub(crate) fn voxels(&self) -> usize {
        self.shape.iter().product()
    }

    /// An array of this box's shape from its voxels in C order.
    pub(crate) fn filled<T>(&self, voxels: Vec<T>) -> Array3<T> {
        Array3::from_shape_vec(self.shape, voxels).expect("one value a voxel")
    }
}

/// Elements of a run at most: short enough for a second look at it while it is in the cache.
pub(crate) const RUN: usize = 4096;

/// Slices copied at once where memory is in another order: what one of them takes of a cache line
/// is still in the cache when the next one needs the rest.
const SLAB: usize = 16;

/// Calls `each` with the elements of `view` in C order, a slice of at most 4096 at a time.
///
/// Slices are parts of `view` itself wherever its rows are in C order, else copies.
pub(crate) fn for_each_run<T: Copy>(view: ArrayView3<'_, T>, mut each: impl FnMut(&[T])) {
    if let Some(all) = view.as_slice() {
        return all.chunks(RUN).for_each(each);
    }
    let (rows, Some(&first)) = (view.strides()[2] == 1, view.first()) else {
        return;
    };
    if rows {
        for row in view.rows() {
            let row = row.to_slice().expect("rows have stride 1");
            row.chunks(RUN).for_each(&mut each);
        }
        return;
    }
    let (_, ny, nx) = view.dim();
    let mut buffer = vec![first; SLAB.min(view.dim().0) * ny * nx];
    for slab in view.axis_chunks_iter(Axis(0), SLAB) {
        let buffer = &mut buffer[..slab.len()];
        let place = ArrayViewMut3::from_shape(slab.raw_dim(), buffer).expect("as many elements");
        let (axes, slab) = by_stride(slab);
        let mut place = place.permuted_axes(axes);
        for (mut to, from) in place.rows_mut().into_iter().zip(slab.rows()) {
            to.assign(&from);
        }
        buffer.chunks(RUN).for_each(&mut each);
    }
}

/// Calls `each` with the finite elements of `view` in C order, 4096 at a time but for the last: parts
/// that do not depend on how they lie in memory, nor then what is summed up of them.
pub(crate) fn for_each_finite_part<T: Voxel>(
    view: ArrayView3<'_, T>,
    mut each: impl FnMut(&[f64]),
) {
    let mut part = Vec::with_capacity(2 * RUN);
    for_each_run(view, |run| {
        part.extend(run.iter().map(|v| v.to_f64()).filter(|x| x.is_finite()));
        if part.len() >= RUN {
            each(&part[..RUN]);
            part.drain(..RUN);
        }
    });
    each(&part);
}

/// The elements of a view in C order.
pub(crate) fn cropped<T: Copy>(view: ArrayView3<'_, T>) -> Vec<T> {
    let mut out = Vec::with_capacity(view.len());
    for_each_run(view, |run| out.extend_from_slice(run));
    out
}

/// The view with its axes in order of memory, and which axis each of them is.
fn by_stride<T>(view: ArrayView3<'_, T>) -> ([usize; 3], ArrayView3<'_, T>) {
    let mut axes = [0, 1, 2];
    axes.sort_by_key(|&a| Reverse(view.strides()[a].unsigned_abs()));
    (axes, view.permuted_axes(axes))
}

/// [`Window::around_any`] of an array whose rows are preferably slices.
fn around_rows<T: Copy>(array: ArrayView3<'_, T>, set: impl Fn(T) -> bool) -> Option<Window> {
    let (nz, ny, nx) = array.dim();
    // No branch inside, so that it becomes SIMD code.
    let any = |row: &[T]| row.iter().fold(false, |any, &v| any | set(v));
    let (mut low, mut high) = ([nz, ny, nx], [0usize; 3]);
    let mut buffer = Vec::new();
    for (z, plane) in array.outer_iter().enumerate() {
        for (y, row) in plane.outer_iter().enumerate() {
            let row = row.to_slice().unwrap_or_else(|| {
                buffer.clear();
                buffer.extend(row.iter().copied());
                &buffer
            });
            // Most rows move no limit: only what lies left and right of the limits is looked at
            // where the row's place along z and y is within them.
            let (left, right) = (low[2], (high[2] + 1).min(nx));
            let (head, tail) = (any(&row[..left]), any(&row[right..]));
            let known = high[0] == z && low[0] <= z && (low[1]..=high[1]).contains(&y);
            if !head && !tail && (known || !any(&row[left.min(right)..right])) {
                continue;
            }
            let first = head.then(|| row.iter().position(|&v| set(v))).flatten();
            let last = tail.then(|| row.iter().rposition(|&v| set(v))).flatten();
            let (first, last) = (first.unwrap_or(low[2]), last.unwrap_or(high[2]));
            low = [low[0].min(z), low[1].min(y), low[2].min(first)];
            high = [high[0].max(z), high[1].max(y), high[2].max(last)];
        }
    }
    (low[0] < nz).then(|| Window {
        start: low,
        shape: std::array::from_fn(|a| high[a] - low[a] + 1),
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_layout_gives_the_same_window_and_copy(
            (shape, set) in (1usize..6, 1usize..6, 1usize..40).prop_flat_map(|(z, y, x)| {
                (Just((z, y, x)), prop::collection::vec(0..z * y * x, 0..4))
            }),
            order in 0usize..6,
            flips in prop::array::uniform3(prop::bool::ANY),
        ) {
            let mut mask = Array3::from_elem(shape, false);
            for k in set {
                mask.as_slice_mut().unwrap()[k] = true;
            }
            let image = Array3::from_shape_vec(shape, (0u32..).take(mask.len()).collect()).unwrap();
            let axes = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]][order];
            let (mut m, mut i) = (mask.view().permuted_axes(axes), image.view().permuted_axes(axes));
            for a in (0..3).filter(|&a| flips[a]) {
                m.invert_axis(ndarray::Axis(a));
                i.invert_axis(ndarray::Axis(a));
            }
            let places: Vec<[usize; 3]> = m
                .indexed_iter()
                .filter(|(_, &set)| set)
                .map(|(place, _)| place.into())
                .collect();
            let window = Window::around(m);
            prop_assert_eq!(window.is_none(), places.is_empty());
            let Some(window) = window else { return Ok(()) };
            for a in 0..3 {
                let along = || places.iter().map(|p| p[a]);
                prop_assert_eq!(along().min().unwrap(), window.start[a]);
                prop_assert_eq!(along().max().unwrap() + 1, window.start[a] + window.shape[a]);
            }
            let copy = window.copy_f64(i);
            prop_assert_eq!(copy, window.view(i).mapv(f64::from));
        }
    }
}
