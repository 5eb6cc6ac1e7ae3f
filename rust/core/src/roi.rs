//! The region of interest: the image cropped to the region's box, and the two masks of IBSI.
//!
//! Arrays are (z, y, x); both masks and the intensities share one shape, the bounding box of the
//! morphological mask. IBSI "ROI masks" (ECJF): the morphological mask (G5KJ) keeps the
//! segmentation's shape, the intensity mask (SEFI) is its re-segmented subset.

use ndarray::{Array3, ArrayView3};

use crate::error::{Error, Result};
use crate::volume::{check_spacing, Volume, Voxel, Window};

/// A region of interest, cropped to the bounding box of its morphological mask.
#[derive(Debug, Clone)]
pub struct Roi {
    intensities: Volume<f64>,
    morphological: Array3<bool>,
    intensity: Array3<bool>,
    window: Window,
    /// Lower and upper limit of range re-segmentation, where given; IBSI hands them on to
    /// fixed bin size discretisation and the intensity-volume histogram.
    pub range: [Option<f64>; 2],
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
        if image.dim() != mask.dim() {
            return Err(Error::ShapeMismatch {
                mask: mask.dim().into(),
                image: image.dim().into(),
            });
        }
        check_spacing(spacing)?;
        let window = Window::around(mask).ok_or(Error::EmptyMask)?;
        let intensities = window.copy_f64(image);
        let morphological = window.view(mask).as_standard_layout().into_owned();
        refuse_non_finite(&intensities, &morphological, window)?;
        Ok(Self {
            intensities: Volume::new(intensities, spacing)?,
            intensity: morphological.clone(),
            morphological,
            window,
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
    ///
    /// # Panics
    /// Never: masks are stored in C order.
    #[must_use]
    pub fn morphological(&self) -> &[bool] {
        self.morphological
            .as_slice()
            .expect("masks are stored in C order")
    }

    /// The intensity mask, C order: a subset of the morphological mask with at least one voxel.
    ///
    /// # Panics
    /// Never: masks are stored in C order.
    #[must_use]
    pub fn intensity(&self) -> &[bool] {
        self.intensity
            .as_slice()
            .expect("masks are stored in C order")
    }

    /// The intensities inside the intensity mask, in C order of their voxels.
    #[must_use]
    pub fn selected(&self) -> Vec<f64> {
        let n = self.intensity().iter().filter(|&&m| m).count();
        let mut out = Vec::with_capacity(n);
        out.extend(
            self.intensities()
                .iter()
                .zip(self.intensity())
                .filter(|(_, &m)| m)
                .map(|(&v, _)| v),
        );
        out
    }

    /// Keeps in the intensity mask only voxels for which `keep` holds; returns how many remain.
    pub(crate) fn retain(&mut self, keep: impl Fn(f64) -> bool) -> usize {
        let mut remaining = 0;
        for (mask, &value) in self.intensity.iter_mut().zip(self.intensities.data()) {
            *mask = *mask && keep(value);
            remaining += usize::from(*mask);
        }
        remaining
    }
}

fn refuse_non_finite(values: &Array3<f64>, mask: &Array3<bool>, window: Window) -> Result<()> {
    let bad = |(_, (v, m)): &((usize, usize, usize), (&f64, &bool))| **m && !v.is_finite();
    let pairs = || {
        values
            .indexed_iter()
            .zip(mask)
            .map(|((i, v), m)| (i, (v, m)))
    };
    let Some(((z, y, x), (&value, _))) = pairs().find(bad) else {
        return Ok(());
    };
    let [oz, oy, ox] = window.start;
    let index = [z + oz, y + oy, x + ox];
    Err(Error::NonFinite {
        index,
        value,
        count: pairs().filter(bad).count(),
    })
}
