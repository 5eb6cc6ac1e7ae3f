//! Maps of a plan's columns: the features of the neighbourhood of each voxel of a region.

use std::sync::atomic::AtomicUsize;

use ndarray::{Array3, ArrayView3};

use super::{images, on_image, process_region, unusual, Parts, Region};
use crate::discretise::{discretise, LevelData, Levels};
use crate::error::Result;
use crate::maps::family::{check, Asked};
use crate::maps::{check_radius, rows_of, run, Cells, Row};
use crate::normalise::Normalisation;
use crate::numeric::finite;
use crate::plan::{Place, Plan};
use crate::process::Prepared;
use crate::roi::Roi;
use crate::volume::Voxel;

/// Maps of columns, in the order in which they were asked for.
#[derive(Debug)]
pub struct Mapped {
    /// The maps, on the whole grid.
    pub maps: Vec<Array3<f64>>,
    /// How many voxels of the region have no defined value, by map.
    pub undefined: Vec<usize>,
    /// What the user should know about the region's levels, a sentence each.
    pub warnings: Vec<String>,
}

/// A region made ready for maps: what is left of an image when it is processed.
#[derive(Debug)]
pub struct Mappable(Parts);

impl Mappable {
    /// The region of `mask` on an image, processed and re-segmented as the plan's settings say.
    ///
    /// Arrays and errors are those of [`super::extract`].
    ///
    /// # Errors
    /// As [`super::extract`], and [`Error::Argument`] for a plan with families that have no maps.
    ///
    /// [`Error::Argument`]: crate::Error::Argument
    pub fn new<T: Voxel>(
        plan: &Plan,
        prepared: &Prepared,
        image: ArrayView3<'_, T>,
        mask: ArrayView3<'_, bool>,
        spacing: [f64; 3],
    ) -> Result<Self> {
        for task in plan.images.iter().flat_map(|image| &image.tasks) {
            check(task.family.family())?;
        }
        process_region(plan, prepared, image, mask, spacing).map(Self)
    }

    /// Shape (z, y, x) and spacing in mm of the grid that maps lie on.
    #[must_use]
    pub fn grid(&self) -> ([usize; 3], [f64; 3]) {
        (self.0.grid.shape(), self.0.grid.spacing())
    }

    /// `(shift, scale, offset)` of the normalisation that was applied.
    #[must_use]
    pub fn normalisation(&self) -> Option<[f64; 3]> {
        self.0.normalisation.as_ref().map(Normalisation::parameters)
    }

    /// Voxels of the intensity mask, which have values, if `image` of the plan leaves them all.
    #[must_use]
    pub fn voxels(&self) -> usize {
        self.0.roi.voxels()[1]
    }

    /// The maps of these columns of the plan, in their order; `outside` where there is no value:
    /// outside the intensity mask. An undefined value is NaN.
    ///
    /// `radius` is that of the neighbourhood in voxels (z, y, x); aggregations in 2D look at the
    /// voxel's slice alone. `done` counts voxels whose values are known, once for each group of
    /// columns of one family and aggregation.
    ///
    /// # Errors
    /// [`Error::Setting`] for a radius of 0 or beyond [`crate::maps::MAX_RADIUS`], those of
    /// [`discretise`] and of the filters.
    ///
    /// # Panics
    /// If the plan, the one that this was made for, has no such column.
    ///
    /// [`Error::Setting`]: crate::Error::Setting
    pub fn maps(
        &self,
        plan: &Plan,
        prepared: &Prepared,
        columns: &[usize],
        radius: [u32; 3],
        outside: f64,
        done: &AtomicUsize,
    ) -> Result<Mapped> {
        for length in radius {
            check_radius("radius", length, u32::from(radius == [0; 3]))?;
        }
        let region = Region::new(&self.0, prepared);
        let places = plan.places();
        let places: Vec<Place> = columns.iter().map(|&k| places[k]).collect();
        let blank = || Array3::from_elem(self.0.grid.shape(), outside);
        let mut maps: Vec<Array3<f64>> = columns.iter().map(|_| blank()).collect();
        let (mut undefined, mut warnings) = (vec![0; columns.len()], Vec::new());
        for (k, first) in places.iter().enumerate() {
            let same = |other: &Place| other.group() == first.group();
            if places[..k].iter().any(same) {
                continue;
            }
            let group: Vec<usize> = (k..columns.len()).filter(|&n| same(&places[n])).collect();
            let features: Vec<usize> = group.iter().map(|&n| places[n].feature).collect();
            let image = &plan.images[first.image];
            let task = &image.tasks[first.task];
            let asked = Asked {
                family: &task.family,
                distance: task.distance,
                aggregation: first.aggregation,
                features: &features,
            };
            let (roi, _) = images::on_image(image, &region)?;
            let binned = task.discretisation.map(|d| &image.discretise[d]);
            let levels = binned.map(|binned| discretise(&roi, binned)).transpose()?;
            if let (Some(binned), Some(levels)) = (binned, &levels) {
                let told = unusual(&binned.label(), levels.counts());
                warnings.extend(told.map(|warning| on_image(image, warning)));
            }
            let [z0, y0, x0] = roi.window().start;
            let put = |([z, y], xs): &Row, values: &[f64]| {
                for (x, values) in xs.iter().zip(values.chunks_exact(group.len())) {
                    for (&n, &value) in group.iter().zip(values) {
                        let value = finite(value);
                        maps[n][[z + z0, y + y0, x + x0]] = value;
                        undefined[n] += usize::from(value.is_nan());
                    }
                }
            };
            compute(&roi, levels.as_ref(), &asked, radius, done, put)?;
        }
        Ok(Mapped {
            maps,
            undefined,
            warnings,
        })
    }
}

/// The values of one family and aggregation in each row of a region.
fn compute(
    roi: &Roi,
    levels: Option<&Levels>,
    asked: &Asked<'_>,
    radius: [u32; 3],
    done: &AtomicUsize,
    put: impl FnMut(&Row, &[f64]),
) -> Result<()> {
    let kernel = asked.kernel(radius.map(|r| r as usize));
    let kernel = kernel.within(roi.shape());
    let (shape, around) = (roi.shape(), kernel.radius);
    let level = |k: usize| match levels.map(Levels::data) {
        None => u16::from(roi.intensity()[k]),
        Some(LevelData::U8(levels)) => levels[k].into(),
        Some(LevelData::U16(levels)) => levels[k],
    };
    let mut cells = Cells {
        levels: Cells::padded(shape, around, level),
        shape: std::array::from_fn(|a| shape[a] + 2 * around[a]),
        ..Cells::default()
    };
    if asked.takes_intensities() {
        cells.values = Cells::padded(shape, around, |k| roi.intensities()[k]);
    }
    if asked.takes_morphological() {
        cells.morphological = Cells::padded(shape, around, |k| roi.morphological()[k]);
    }
    let local = asked.local(kernel, levels.map_or(1, Levels::n))?;
    let rows = rows_of(roi.intensity(), shape);
    run(&*local, kernel, &cells, &rows, done, put);
    Ok(())
}
