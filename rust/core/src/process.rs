//! Image processing, chapter 2 of the IBSI manual up to the region: intensity normalisation,
//! interpolation of image and mask (VTM2), rounding (68QD), cropping to the region. Arrays are
//! (z, y, x), spacing in mm in the same order.
//!
//! Only the region's box and the surroundings that later steps need are made, in the index
//! coordinates of the whole new grid.

use ndarray::{s, Array3, ArrayView3};

use crate::arrays;
use crate::error::{Error, Result};
use crate::feature::diagnostic::ImageSummary;
use crate::interpolate::{resample, resample_mask, Grid};
use crate::normalise::{over_image, over_region, Normalisation};
use crate::numeric::{self, higher, lower, nearest, sum_by};
use crate::peak;
use crate::roi::Roi;
use crate::settings::{Resample, Settings};
use crate::volume::{cropped, Volume, Voxel, Window};

/// What depends on the image alone and serves all its regions.
#[derive(Debug, Clone, Copy)]
pub struct Prepared {
    /// The normalisation, where its parameters come from the whole image.
    normalisation: Option<Normalisation>,
}

impl Prepared {
    /// Looks through the `image` (z, y, x) for what the settings need of it.
    ///
    /// # Errors
    /// As [`over_image`].
    pub fn new<T: Voxel>(image: ArrayView3<'_, T>, settings: &Settings) -> Result<Self> {
        let normalise = settings.normalise.as_ref();
        let normalisation = normalise.map(|n| over_image(image, n)).transpose()?;
        Ok(Self {
            normalisation: normalisation.flatten(),
        })
    }
}

/// A region on the grid on which its features are computed.
#[derive(Debug)]
pub struct Processed {
    /// The region.
    pub roi: Roi,
    /// The image around it and where the region's box starts in that (z, y, x), if asked for.
    pub surroundings: Option<(Volume<f64>, [usize; 3])>,
    /// The grid.
    pub grid: Grid,
    /// The normalisation that was applied.
    pub normalisation: Option<Normalisation>,
}

/// Normalises and resamples image and mask as the settings say and crops them to the region.
///
/// `image` and `mask` are (z, y, x) with any strides, `spacing` in mm in the same order. With
/// `surroundings` the image is also made as far around the region as local intensity reaches.
///
/// # Errors
/// As [`Roi::new`]; [`Error::TooManyVoxels`] before anything is allocated;
/// [`Error::VanishedMask`]; [`Error::NonFiniteAround`]; [`Error::FlatNormalisation`].
pub fn process<T: Voxel>(
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
    settings: &Settings,
    prepared: &Prepared,
    surroundings: bool,
) -> Result<Processed> {
    if image.dim() != mask.dim() {
        return Err(Error::ShapeMismatch {
            mask: mask.dim().into(),
            image: image.dim().into(),
        });
    }
    let resampling = &settings.resample;
    let grid = Grid::centred(image.dim().into(), spacing, resampling.spacing)?;
    if settings.normalise.is_none() && grid.is_identity() && !resampling.round {
        let roi = Roi::new(image, mask, spacing)?;
        let around = surroundings.then(|| arrays::surroundings(image, &roi));
        return Ok(Processed {
            roi,
            surroundings: around.transpose()?,
            grid,
            normalisation: None,
        });
    }
    let margin = if surroundings {
        peak::margin(grid.spacing())
    } else {
        [0; 3]
    };
    // Refuses an empty mask and NaN in the region by their places in the stored image.
    let stored = Roi::new(image, mask, spacing)?;
    check_size(&stored, &grid, margin, resampling)?;
    let normalisation = match (&settings.normalise, prepared.normalisation) {
        (Some(normalise), None) => Some(over_region(&stored.selected(), normalise)?),
        (_, found) => found,
    };
    let (window, region) = on_grid(mask, &stored, &grid, resampling)?;
    drop(stored);
    let outer = window.grown(margin, grid.shape());
    let values = values(image, &grid, outer, resampling, normalisation.as_ref())?;
    let (inner, around) = if surroundings {
        let offset: [usize; 3] = std::array::from_fn(|a| window.start[a] - outer.start[a]);
        let part = Window {
            start: offset,
            shape: window.shape,
        };
        let inner = window.filled(cropped(part.view(values.view())));
        (inner, Some((Volume::new(values, grid.spacing())?, offset)))
    } else {
        (values, None)
    };
    let roi = Roi::cropped(inner, region, window, grid.spacing()).map_err(|error| match error {
        Error::NonFinite { count, .. } => Error::NonFiniteAround { count },
        other => other,
    })?;
    Ok(Processed {
        roi,
        surroundings: around,
        grid,
        normalisation,
    })
}

/// Refuses more voxels than the settings allow, before any is made.
fn check_size(stored: &Roi, grid: &Grid, margin: [usize; 3], settings: &Resample) -> Result<()> {
    if grid.is_identity() {
        return Ok(());
    }
    let (box_, old, new) = (stored.shape(), stored.spacing(), grid.spacing());
    // One stored voxel on each side is within reach of the mask's interpolation.
    let along = |a: usize| {
        let reached = ((box_[a] + 2) as f64 * old[a] / new[a]).ceil() + 2.0 * margin[a] as f64;
        reached.min(grid.shape()[a] as f64)
    };
    let voxels = along(0) * along(1) * along(2);
    if voxels > settings.max_voxels as f64 {
        // Whole, positive, and capped by the type.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        return Err(Error::TooManyVoxels {
            spacing: new,
            voxels: voxels as u128,
            limit: settings.max_voxels,
        });
    }
    Ok(())
}

/// The region on the new grid: its box and which voxels of it belong to it.
fn on_grid(
    mask: ArrayView3<'_, bool>,
    stored: &Roi,
    grid: &Grid,
    settings: &Resample,
) -> Result<(Window, Array3<bool>)> {
    if grid.is_identity() {
        let window = stored.window();
        return Ok((window, window.filled(cropped(window.view(mask)))));
    }
    let threshold = settings.mask_threshold;
    let found = resample_mask(mask, grid, settings.mask_method, threshold)?;
    found.ok_or_else(|| Error::VanishedMask {
        spacing: grid.spacing(),
        threshold,
        voxels: stored.voxels()[0],
    })
}

/// The image's voxels in `window` of the new grid, normalised, interpolated and rounded.
pub(crate) fn values<T: Voxel>(
    image: ArrayView3<'_, T>,
    grid: &Grid,
    window: Window,
    settings: &Resample,
    normalisation: Option<&Normalisation>,
) -> Result<Array3<f64>> {
    let (method, anti_alias) = (settings.method, settings.anti_alias);
    let mut values = match normalisation {
        Some(n) => resample(image, grid, window, method, anti_alias, |x| n.apply(x)),
        None => resample(image, grid, window, method, anti_alias, |x| x),
    }?;
    if settings.round {
        values.mapv_inplace(rounded);
    }
    Ok(values)
}

/// The nearest whole number, ties to even; beyond 2^51 every double counts as whole.
fn rounded(x: f64) -> f64 {
    const LARGE: f64 = 2_251_799_813_685_248.0;
    if x.abs() < LARGE {
        nearest(x)
    } else {
        x
    }
}

/// Slices of the new grid that are made at a time where the whole image is looked through.
const SLAB: usize = 32;

/// Mean, lowest and highest intensity of the whole image as stored; finite voxels only.
#[must_use]
pub fn summary<T: Voxel>(image: ArrayView3<'_, T>, spacing: [f64; 3]) -> ImageSummary {
    let mut sums = Sums::default();
    for z in 0..image.dim().0 {
        let slice = cropped(image.slice(s![z..=z, .., ..]));
        sums.add(slice.into_iter().map(Voxel::to_f64));
    }
    sums.summary(image.dim().into(), spacing)
}

/// The same of the whole image on the grid of a processed region, made slab by slab.
///
/// # Errors
/// As [`resample`].
pub fn processed_summary<T: Voxel>(
    image: ArrayView3<'_, T>,
    processed: &Processed,
    settings: &Resample,
) -> Result<ImageSummary> {
    let grid = &processed.grid;
    let [nz, ny, nx] = grid.shape();
    let mut sums = Sums::default();
    for start in (0..nz).step_by(SLAB) {
        let window = Window {
            start: [start, 0, 0],
            shape: [SLAB.min(nz - start), ny, nx],
        };
        let normalisation = processed.normalisation.as_ref();
        sums.add(values(image, grid, window, settings, normalisation)?.into_iter());
    }
    Ok(sums.summary(grid.shape(), grid.spacing()))
}

/// Sums over the finite ones of many values, in one fixed order.
#[derive(Default)]
struct Sums {
    n: usize,
    sum: f64,
    span: Option<(f64, f64)>,
}

impl Sums {
    fn add(&mut self, values: impl Iterator<Item = f64>) {
        let finite: Vec<f64> = values.filter(|x| x.is_finite()).collect();
        self.n += finite.len();
        self.sum += sum_by(&finite, |x| x);
        let (low, high) = numeric::span(&finite);
        let (l, h) = self.span.unwrap_or((low, high));
        self.span = Some((lower(l, low), higher(h, high)));
    }

    fn summary(self, shape: [usize; 3], spacing: [f64; 3]) -> ImageSummary {
        let span = self.span.filter(|_| self.n > 0);
        let (minimum, maximum) = span.unwrap_or((f64::NAN, f64::NAN));
        ImageSummary {
            shape,
            spacing,
            mean: self.sum / self.n as f64,
            minimum,
            maximum,
        }
    }
}
