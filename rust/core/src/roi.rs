//! The region of interest: the image cropped to the region's box, and the two masks of IBSI.
//!
//! Arrays are (z, y, x); both masks and the intensities share one shape, the bounding box of the
//! morphological mask. IBSI "ROI masks" (ECJF): the morphological mask (G5KJ) keeps the
//! segmentation's shape, the intensity mask (SEFI) is its re-segmented subset.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array3, ArrayView3};

use crate::blocks::{self, extent, Ends, PART};
use crate::error::{Error, Result};
use crate::numeric::nearest;
use crate::volume::{check_spacing, cropped, for_each_run, Volume, Voxel, Window};

/// A region of interest, cropped to the bounding box of its morphological mask.
#[derive(Debug, Clone)]
pub struct Roi {
    intensities: Volume<f64>,
    /// Shared by both masks until re-segmentation changes one.
    morphological: Mask,
    intensity: Mask,
    /// Lowest and highest intensity of the intensity mask.
    span: (f64, f64),
    /// True if all intensities are known to be whole numbers by the type they had.
    whole: bool,
    window: Window,
    /// Lower and upper limit of range re-segmentation, where given; IBSI hands them on to
    /// fixed bin size discretisation and the intensity-volume histogram.
    pub range: [Option<f64>; 2],
}

/// A mask (C order) and the number of its voxels.
#[derive(Debug, Clone)]
struct Mask {
    voxels: Arc<Vec<bool>>,
    set: usize,
}

impl Mask {
    fn new(voxels: Vec<bool>) -> Self {
        let set = blocks::count(&voxels);
        let voxels = Arc::new(voxels);
        Self { voxels, set }
    }
}

impl Roi {
    /// Crops image and mask to the region; both masks start equal.
    ///
    /// `image` and `mask` are (z, y, x) with any strides; `spacing` in mm, same axis order.
    ///
    /// # Errors
    /// Shapes that differ, an empty mask, a spacing that is not positive, and NaN or infinite
    /// intensities inside the region.
    pub fn new<T: Voxel>(
        image: ArrayView3<'_, T>,
        mask: ArrayView3<'_, bool>,
        spacing: [f64; 3],
    ) -> Result<Self> {
        check_grid(image, mask, spacing)?;
        let window = Window::around(mask).ok_or(Error::EmptyMask)?;
        let mask = Mask::new(cropped(window.view(mask)));
        let (intensities, span) = intensities(image, &mask.voxels, window)?;
        Ok(Self {
            intensities: Volume::new(window.filled(intensities), spacing)?,
            intensity: mask.clone(),
            morphological: mask,
            span,
            whole: T::WHOLE,
            window,
            range: [None, None],
        })
    }

    /// A region whose box is cut out already: `intensities` and `mask` have the shape of `window`,
    /// the smallest box around the mask, which says where it lies in the image.
    ///
    /// # Errors
    /// As [`Roi::new`].
    pub(crate) fn cropped(
        intensities: Array3<f64>,
        mask: Array3<bool>,
        window: Window,
        spacing: [f64; 3],
    ) -> Result<Self> {
        let (intensities, mask) = (in_order(intensities), in_order(mask));
        let span = blocks::finite_span(&intensities, &mask)
            .ok_or_else(|| non_finite(&intensities, &mask, window))?;
        let mask = Mask::new(mask);
        if mask.set == 0 {
            return Err(Error::EmptyMask);
        }
        Ok(Self {
            intensities: Volume::new(window.filled(intensities), spacing)?,
            intensity: mask.clone(),
            morphological: mask,
            span,
            whole: false,
            window,
            range: [None, None],
        })
    }

    /// The same region on another image, such as a response map: both masks as they are, and
    /// `intensities` (z, y, x) of the region's box.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for NaN and infinite intensities inside the region.
    pub(crate) fn on(&self, intensities: Array3<f64>) -> Result<Self> {
        let intensities = in_order(intensities);
        let refused = || non_finite(&intensities, self.morphological(), self.window);
        let all = blocks::finite_span(&intensities, self.morphological()).ok_or_else(refused)?;
        let same = Arc::ptr_eq(&self.morphological.voxels, &self.intensity.voxels);
        let span = if same {
            all
        } else {
            blocks::span(&intensities, self.intensity())
        };
        Ok(Self {
            span,
            intensities: Volume::new(self.window.filled(intensities), self.spacing())?,
            morphological: self.morphological.clone(),
            intensity: self.intensity.clone(),
            whole: false,
            window: self.window,
            range: [None, None],
        })
    }

    /// Shape of the box (z, y, x).
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.window.shape
    }

    /// Spacing in mm (z, y, x).
    #[must_use]
    pub fn spacing(&self) -> [f64; 3] {
        self.intensities.spacing()
    }

    /// Where the box lies in the image.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// Intensities of the whole box, C order; only voxels of a mask are known to be finite.
    #[must_use]
    pub fn intensities(&self) -> &[f64] {
        self.intensities.as_slice()
    }

    /// The morphological mask, C order.
    #[must_use]
    pub fn morphological(&self) -> &[bool] {
        &self.morphological.voxels
    }

    /// From the first to the last voxel of the morphological mask in each row of the box.
    pub(crate) fn columns(&self) -> Vec<Range<usize>> {
        let rows = self.morphological().chunks_exact(self.shape()[2]);
        rows.map(extent).collect()
    }

    /// The intensity mask, C order: a subset of the morphological mask with at least one voxel.
    #[must_use]
    pub fn intensity(&self) -> &[bool] {
        &self.intensity.voxels
    }

    /// Number of voxels of the morphological and of the intensity mask.
    #[must_use]
    pub fn voxels(&self) -> [usize; 2] {
        [self.morphological.set, self.intensity.set]
    }

    /// Lowest and highest intensity of the intensity mask.
    #[must_use]
    pub fn span(&self) -> (f64, f64) {
        self.span
    }

    /// True if all intensities of the intensity mask, below 2^51, are whole numbers.
    pub(crate) fn is_whole(&self) -> bool {
        let broken = |x| nearest(x) != x;
        self.whole || !blocks::any(self.intensities(), self.intensity(), broken)
    }

    /// The intensities inside the intensity mask, in C order of their voxels.
    #[must_use]
    pub fn selected(&self) -> Vec<f64> {
        blocks::selected(self.intensities(), self.intensity(), self.intensity.set)
    }

    /// Keeps in the intensity mask only intensities from `low` to `high`. Returns how many remain;
    /// if none does, nothing changes.
    pub(crate) fn retain(&mut self, low: f64, high: f64) -> usize {
        if low <= self.span.0 && self.span.1 <= high {
            return self.intensity.set;
        }
        let (values, mask) = (self.intensities(), self.intensity());
        let (mut kept, mut ends) = (vec![false; mask.len()], Ends::new());
        let runs = values.chunks(PART).zip(mask.chunks(PART));
        for ((values, mask), kept) in runs.zip(kept.chunks_mut(PART)) {
            blocks::within(values, mask, (low, high), kept);
            ends.take(values, kept);
        }
        let kept = Mask::new(kept);
        if kept.set == 0 {
            return 0;
        }
        (self.intensity, self.span) = (kept, ends.span());
        self.intensity.set
    }
}

/// Refuses image, mask and spacing that do not fit.
pub(crate) fn check_grid<T>(
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
) -> Result<()> {
    if image.dim() != mask.dim() {
        return Err(Error::ShapeMismatch {
            mask: mask.dim().into(),
            image: image.dim().into(),
        });
    }
    check_spacing(spacing)
}

/// The elements of an array in C order, without a copy where it is in that order.
fn in_order<T: Copy>(array: Array3<T>) -> Vec<T> {
    if array.is_standard_layout() {
        array.into_raw_vec_and_offset().0
    } else {
        array.iter().copied().collect()
    }
}

/// The window's intensities (C order), and the lowest and highest inside `mask`, in one pass.
fn intensities<T: Voxel>(
    image: ArrayView3<'_, T>,
    mask: &[bool],
    window: Window,
) -> Result<(Vec<f64>, (f64, f64))> {
    let mut values: Vec<f64> = Vec::with_capacity(mask.len());
    let (mut ends, mut finite, mut seen) = (Ends::new(), true, 0);
    let mut look = |values: &[f64]| {
        let (part, mask) = (&values[seen..], &mask[seen..values.len()]);
        finite &= T::WHOLE || blocks::finite_inside(part, mask);
        ends.take(part, mask);
        seen = values.len();
    };
    // Rows may be short: several are looked at together.
    let mut next = PART;
    for_each_run(window.view(image), |run| {
        values.extend(run.iter().map(|v| v.to_f64()));
        if values.len() >= next {
            look(&values);
            next = values.len() + PART;
        }
    });
    look(&values);
    if finite {
        Ok((values, ends.span()))
    } else {
        Err(non_finite(&values, mask, window))
    }
}

/// The error for the NaN and infinite intensities inside `mask`.
fn non_finite(values: &[f64], mask: &[bool], window: Window) -> Error {
    let bad = |k: &usize| mask[*k] && !values[*k].is_finite();
    let first = (0..values.len()).find(bad).unwrap_or(0);
    let [_, ny, nx] = window.shape;
    let place = [first / (ny * nx), first / nx % ny, first % nx];
    Error::NonFinite {
        index: std::array::from_fn(|a| place[a] + window.start[a]),
        value: values[first],
        count: (0..values.len()).filter(bad).count(),
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
mod tests {
    use ndarray::s;

    use super::*;

    #[test]
    fn only_intensities_inside_must_be_finite() {
        let mut image = Array3::from_elem((3, 4, 50), f64::NAN);
        image.slice_mut(s![1.., 1..3, 5..45]).fill(2.0);
        let mut mask = Array3::from_elem(image.dim(), false);
        mask.slice_mut(s![1.., 1..3, 5..45]).fill(true);
        mask[[1, 1, 20]] = false;
        image[[1, 1, 20]] = f64::INFINITY;
        image[[2, 2, 44]] = -3.0;
        let roi = Roi::new(image.view(), mask.view(), [1.0; 3]).unwrap();
        assert_eq!((roi.shape(), roi.window().start), ([2, 2, 40], [1, 1, 5]));
        assert_eq!((roi.voxels(), roi.span()), ([159, 159], (-3.0, 2.0)));
        assert_eq!(roi.selected().len(), 159);
        image[[1, 2, 30]] = f64::NEG_INFINITY;
        image[[2, 1, 7]] = f64::NAN;
        let error = Roi::new(image.view(), mask.view(), [1.0; 3]).unwrap_err();
        assert_eq!(
            error,
            Error::NonFinite {
                index: [1, 2, 30],
                value: f64::NEG_INFINITY,
                count: 2
            }
        );
    }

    #[test]
    fn columns_reach_from_the_first_to_the_last_voxel_of_a_row() {
        let image = Array3::from_elem((2, 4, 20), 1u8);
        let mut mask = Array3::from_elem(image.dim(), false);
        mask.slice_mut(s![.., 1..3, 5..15]).fill(true);
        mask.slice_mut(s![0, 1, ..8]).fill(false);
        mask[[0, 1, 10]] = false;
        mask.slice_mut(s![0, 2, ..]).fill(false);
        let roi = Roi::new(image.view(), mask.view(), [1.0; 3]).unwrap();
        assert_eq!(roi.columns(), [3..10, 0..0, 0..10, 0..10]);
    }

    #[test]
    fn masks_part_when_voxels_are_dropped() {
        let image = Array3::from_shape_fn((2, 3, 17), |(z, y, x)| (z * 100 + y * 20 + x) as i16);
        let mask = Array3::from_elem(image.dim(), true);
        let mut roi = Roi::new(image.view(), mask.view(), [1.0; 3]).unwrap();
        assert_eq!(roi.retain(0.0, 156.0), 102);
        assert!(Arc::ptr_eq(
            &roi.morphological.voxels,
            &roi.intensity.voxels
        ));
        assert_eq!(roi.retain(1000.0, 2000.0), 0);
        assert_eq!(roi.voxels(), [102, 102]);
        assert_eq!(roi.retain(10.0, 99.5), 41);
        assert_eq!((roi.voxels(), roi.span()), ([102, 41], (10.0, 56.0)));
        assert!(roi.morphological().iter().all(|&m| m));
    }
}
