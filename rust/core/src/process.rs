//! Image processing, chapter 2 of the IBSI manual up to the region: intensity normalisation,
//! interpolation of image and mask (VTM2), rounding (68QD), cropping to the region. Arrays are
//! (z, y, x), spacing in mm in the same order.
//!
//! Only the region's box and the surroundings that later steps need are made, in the index
//! coordinates of the whole new grid.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ndarray::{Array3, ArrayView3};

use crate::error::{Error, Result};
use crate::feature::diagnostic::{ImageSummary, RegionSummary};
use crate::interpolate::{for_each_slab, reached, resample, resample_mask, Grid};
use crate::normalise::{over_image, over_region, Normalisation};
use crate::numeric::{self, higher, lower, nearest, sum_by};
use crate::roi::Roi;
use crate::settings::{Resample, Settings};
use crate::volume::{cropped, for_each_finite_part, Volume, Voxel, Window};

/// What depends on an image and the settings alone and serves all its regions.
#[derive(Debug, Default)]
pub struct Prepared {
    /// The normalisation, where its parameters come from the whole image.
    normalisation: Option<Normalisation>,
    /// The image as a whole, before and after processing; found when first asked for.
    initial: OnceLock<ImageSummary>,
    interpolated: OnceLock<ImageSummary>,
    /// Response maps that do not depend on the region, if several regions are to come.
    maps: Option<Mutex<Maps>>,
    /// Images of all regions whose features are known.
    done: AtomicUsize,
}

/// Response maps by the number of the image in the plan.
type Maps = Vec<(usize, Arc<Surroundings>)>;

/// Voxels of the response maps that are kept for further regions at most: 1 GiB.
const KEPT: usize = 1 << 27;

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
            ..Self::default()
        })
    }

    /// To be used for several regions: response maps of filters that take the whole image are kept,
    /// as long as all together have at most 2^27 voxels.
    #[must_use]
    pub fn for_regions(mut self, settings: &Settings) -> Self {
        // With a normalisation over the mask it is another image for each region.
        if settings.normalise.is_none() || self.normalisation.is_some() {
            self.maps = Some(Mutex::default());
        }
        self
    }

    /// The response map of the image with this number in the plan, if it is kept.
    pub(crate) fn kept(&self, image: usize) -> Option<Arc<Surroundings>> {
        let maps = self.maps.as_ref()?;
        let maps = maps.lock().unwrap_or_else(PoisonError::into_inner);
        let found = maps.iter().find(|(k, _)| *k == image);
        found.map(|(_, map)| Arc::clone(map))
    }

    /// Keeps a response map of the whole image for further regions, if there is room.
    pub(crate) fn keep(&self, image: usize, map: &Arc<Surroundings>) {
        let Some(maps) = &self.maps else { return };
        let mut maps = maps.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = maps.iter().map(|(_, map)| map.window.voxels()).sum();
        if held + map.window.voxels() <= KEPT {
            maps.push((image, Arc::clone(map)));
        }
    }

    /// How many images' features are known, of all regions so far: grows while regions are computed.
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Counts an image whose features are known.
    pub(crate) fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// The normalisation, where its parameters come from the whole image.
    #[must_use]
    pub fn normalisation(&self) -> Option<&Normalisation> {
        self.normalisation.as_ref()
    }

    /// Mean, lowest and highest intensity of the image as it was given; finite voxels only.
    pub fn initial<T: Voxel>(&self, image: ArrayView3<'_, T>, spacing: [f64; 3]) -> ImageSummary {
        *self.initial.get_or_init(|| {
            let mut sums = Sums::default();
            for_each_finite_part(image, |part| sums.add(part));
            sums.summary(image.dim().into(), spacing)
        })
    }

    /// The same of the whole image on the grid of a processed region; `what` names it where it would
    /// be too large.
    ///
    /// # Errors
    /// As [`resample`]; [`Error::TooManyVoxels`] before anything is made.
    pub fn interpolated<T: Voxel>(
        &self,
        image: ArrayView3<'_, T>,
        grid: &Grid,
        normalisation: Option<&Normalisation>,
        settings: &Resample,
        what: &'static str,
    ) -> Result<ImageSummary> {
        if let Some(found) = self.interpolated.get() {
            return Ok(*found);
        }
        refuse_too_many(what, grid.voxels(), grid, settings)?;
        let mut sums = Sums::default();
        let (method, anti_alias) = (settings.method, settings.anti_alias);
        let add = |values: &mut [f64]| {
            if settings.round {
                for x in values.iter_mut() {
                    *x = rounded(*x);
                }
            }
            sums.add_finite(values);
        };
        match normalisation {
            Some(n) => for_each_slab(image, grid, method, anti_alias, |x| n.apply(x), add),
            None => for_each_slab(image, grid, method, anti_alias, |x| x, add),
        }?;
        let summary = sums.summary(grid.shape(), grid.spacing());
        // With a normalisation over the mask it is another image for each region.
        if normalisation == self.normalisation.as_ref() {
            return Ok(*self.interpolated.get_or_init(|| summary));
        }
        Ok(summary)
    }
}

/// What is wanted of a region besides itself.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The box of the image, on the grid (its shape, its spacing in mm), that later steps need for a
    /// region in this box.
    pub around: Option<&'a Around<'a>>,
    /// What the region is like before and after.
    pub summaries: bool,
}

/// From a region's box to the box around it that is needed, on a grid of this shape and spacing.
pub type Around<'a> = dyn Fn(Window, [usize; 3], [f64; 3]) -> Result<Window> + Sync + 'a;

/// A region on the grid on which its features are computed.
#[derive(Debug)]
pub struct Processed {
    /// The region.
    pub roi: Roi,
    /// The image around it, if wanted.
    pub surroundings: Option<Surroundings>,
    /// The region as it was given and as it is now, if wanted.
    pub summaries: Option<[RegionSummary; 2]>,
    /// The grid.
    pub grid: Grid,
    /// The normalisation that was applied.
    pub normalisation: Option<Normalisation>,
}

/// A part of an image, and where it lies in it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The part's voxels.
    pub volume: Volume<f64>,
    /// Its box.
    pub window: Window,
}

impl Surroundings {
    /// The part of `image` (z, y, x; spacing in mm) in a box.
    ///
    /// # Errors
    /// As [`Volume::new`].
    pub fn new<T: Voxel>(
        image: ArrayView3<'_, T>,
        window: Window,
        spacing: [f64; 3],
    ) -> Result<Self> {
        let volume = Volume::new(window.copy_f64(image), spacing)?;
        Ok(Self { volume, window })
    }

    /// The voxels in a box of the image, which lies in this part.
    #[must_use]
    pub fn view(&self, window: Window) -> ArrayView3<'_, f64> {
        let inside = Window {
            start: self.offset(window),
            shape: window.shape,
        };
        inside.view(self.volume.data().view())
    }

    /// Where a box of the image, which lies in this part, starts in it (z, y, x).
    #[must_use]
    pub fn offset(&self, window: Window) -> [usize; 3] {
        std::array::from_fn(|a| window.start[a] - self.window.start[a])
    }
}

/// Normalises and resamples image and mask as the settings say and crops them to the region.
///
/// `image` and `mask` are (z, y, x) with any strides, `spacing` in mm in the same order; `prepared`
/// is of the same image and settings.
///
/// # Errors
/// As [`Roi::new`]; [`Error::TooManyVoxels`] before anything is made; [`Error::VanishedMask`];
/// [`Error::NonFiniteAround`]; [`Error::FlatNormalisation`]; and those of `wanted.around`.
pub fn process<T: Voxel>(
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
    settings: &Settings,
    prepared: &Prepared,
    wanted: Wanted<'_>,
) -> Result<Processed> {
    // Refuses an empty mask and NaN in the region by their places in the stored image.
    let stored = Roi::new(image, mask, spacing)?;
    let shape = image.dim().into();
    let resampling = &settings.resample;
    let grid = Grid::centred(shape, spacing, resampling.spacing)?;
    let before = wanted.summaries.then(|| RegionSummary::new(&stored, shape));
    let around = |window: Window| match wanted.around {
        Some(around) => around(window, grid.shape(), grid.spacing()),
        None => Ok(window),
    };
    if settings.normalise.is_none() && grid.is_identity() && !resampling.round {
        let surroundings = match wanted.around {
            Some(_) => {
                let window = around(stored.window())?;
                Some(Surroundings::new(image, window, spacing)?)
            }
            None => None,
        };
        return Ok(Processed {
            surroundings,
            roi: stored,
            summaries: before.map(|b| [b, b]),
            grid,
            normalisation: None,
        });
    }
    if !grid.is_identity() {
        let (method, threshold) = (resampling.mask_method, resampling.mask_threshold);
        let most = around(reached(stored.window(), &grid, method, threshold))?;
        let voxels = most.shape.iter().map(|&n| n as u128).product();
        refuse_too_many("the region and its surroundings", voxels, &grid, resampling)?;
    }
    let normalisation = match (&settings.normalise, prepared.normalisation) {
        (Some(normalise), None) => Some(over_region(&stored.selected(), normalise)?),
        (_, found) => found,
    };
    let (window, region) = on_grid(mask, &stored, &grid, resampling)?;
    drop(stored);
    let outer = around(window)?;
    let values = values(image, &grid, outer, resampling, normalisation.as_ref())?;
    let (inner, surroundings) = if wanted.around.is_some() {
        let surroundings = Surroundings {
            volume: Volume::new(values, grid.spacing())?,
            window: outer,
        };
        let inner = window.filled(cropped(surroundings.view(window)));
        (inner, Some(surroundings))
    } else {
        (values, None)
    };
    let roi = Roi::cropped(inner, region, window, grid.spacing()).map_err(|error| match error {
        Error::NonFinite { count, .. } => Error::NonFiniteAround {
            count,
            method: resampling.method.name(),
        },
        other => other,
    })?;
    Ok(Processed {
        summaries: before.map(|b| [b, RegionSummary::new(&roi, grid.shape())]),
        roi,
        surroundings,
        grid,
        normalisation,
    })
}

/// The whole image, normalised, resampled and rounded as the settings say, and its grid.
///
/// # Errors
/// [`Error::Setting`] for a normalisation over a mask, which there is none of; [`Error::TooManyVoxels`]
/// before anything is made; as [`resample`].
pub fn process_whole<T: Voxel>(
    image: ArrayView3<'_, T>,
    spacing: [f64; 3],
    settings: &Settings,
    prepared: &Prepared,
) -> Result<Volume<f64>> {
    if settings.normalise.is_some() && prepared.normalisation.is_none() {
        return Err(Error::Setting {
            path: "normalise.over".into(),
            given: "'mask'".into(),
            allowed: "without a region it can only be 'image'".into(),
        });
    }
    let grid = Grid::centred(image.dim().into(), spacing, settings.resample.spacing)?;
    refuse_too_many("the image", grid.voxels(), &grid, &settings.resample)?;
    let all = Window::whole(grid.shape());
    let normalisation = prepared.normalisation.as_ref();
    let values = values(image, &grid, all, &settings.resample, normalisation)?;
    Volume::new(values, grid.spacing())
}

/// Refuses more voxels of a new grid than the settings allow.
pub(crate) fn refuse_too_many(
    what: &'static str,
    voxels: u128,
    grid: &Grid,
    settings: &Resample,
) -> Result<()> {
    let limit = settings.max_voxels;
    if grid.is_identity() || voxels <= u128::from(limit) {
        return Ok(());
    }
    Err(Error::TooManyVoxels {
        what,
        spacing: grid.spacing(),
        voxels,
        limit,
    })
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
        return Ok((window, window.filled(stored.morphological().to_vec())));
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

/// Sums over the finite ones of many values, in one fixed order.
#[derive(Default)]
struct Sums {
    n: usize,
    sum: f64,
    span: Option<(f64, f64)>,
}

impl Sums {
    /// Adds the finite ones of `values`, which are used up.
    fn add_finite(&mut self, values: &mut [f64]) {
        let mut n = 0;
        for k in 0..values.len() {
            values[n] = values[k];
            n += usize::from(values[n].is_finite());
        }
        self.add(&values[..n]);
    }

    fn add(&mut self, finite: &[f64]) {
        self.n += finite.len();
        self.sum += sum_by(finite, |x| x);
        let (low, high) = numeric::span(finite);
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
