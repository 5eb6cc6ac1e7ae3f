//! The images that features are computed on: the given one, as it is after processing, and the
//! response maps of filters, each made where it is needed and dropped when its features are known.

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::{Array3, ArrayView3};

use super::Region;
use crate::error::{Error, Result};
use crate::feature::Family;
use crate::filter::convolve::{Area, Real};
use crate::filter::Filter;
use crate::parallel;
use crate::peak;
use crate::plan::{ImageTasks, Plan};
use crate::process::{Prepared, Surroundings};
use crate::resegment::resegment;
use crate::roi::Roi;
use crate::settings::Precision;
use crate::volume::{cropped, Volume, Window};

/// The box that all images of a plan need of the grid (of this shape and spacing in mm) for a region
/// in the box `region`.
pub(super) fn needed(
    plan: &Plan,
    prepared: &Prepared,
    region: Window,
    shape: [usize; 3],
    spacing: [f64; 3],
) -> Result<Window> {
    plan.images.iter().try_fold(region, |all, image| {
        let inner = around(image, region, shape, spacing);
        let source = match &image.filter {
            None => Ok(inner),
            Some(_) if prepared.kept(image.number).is_some() => Ok(region),
            Some((filter, _)) => filter
                .check(shape, spacing)
                .and_then(|()| filter.source(inner, shape, spacing)),
        };
        Ok(all.joined(source.map_err(|error| of(image, error))?))
    })
}

/// The box in which an image has to be known: the region's, and what local intensity reaches.
fn around(image: &ImageTasks, region: Window, shape: [usize; 3], spacing: [f64; 3]) -> Window {
    if image.needs(Family::Loc) {
        region.grown(peak::margin(spacing), shape)
    } else {
        region
    }
}

/// True if a filter takes the whole image's largest absolute intensity.
pub(super) fn take_largest(plan: &Plan) -> bool {
    let filters = plan.images.iter().filter_map(|i| i.filter.as_ref());
    filters
        .into_iter()
        .any(|(filter, _)| filter.takes_largest())
}

/// Voxels of a region's surroundings above which response maps are made one after the other: then
/// each alone keeps all threads busy, and only one is held at a time.
const ONE_BY_ONE: usize = 1 << 22;

/// `f` of each image, in order; at most as many images at a time as there are threads.
pub(super) fn each<R: Send>(
    images: &[ImageTasks],
    region: &Region<'_>,
    f: impl Fn(&ImageTasks) -> Result<R> + Sync + Send,
) -> Vec<Result<R>> {
    let around = region.surroundings;
    let voxels = around.map_or(0, |s| s.window.voxels());
    let named = |image: &ImageTasks| f(image).map_err(|error| of(image, error));
    if images.len() == 1 || voxels > ONE_BY_ONE {
        return images.iter().map(named).collect();
    }
    let groups = images.chunks(parallel::threads().max(1));
    let group = |images: &[ImageTasks]| {
        let work = voxels.saturating_mul(images.len()).saturating_mul(100);
        parallel::map(images.len(), work, |k| named(&images[k]))
    };
    groups.flat_map(group).collect()
}

/// An error with the name of the response map that it is about.
fn of(image: &ImageTasks, error: Error) -> Error {
    match image.filter {
        None => error,
        Some(_) => Error::Response {
            name: image.name.clone(),
            error: Box::new(error),
        },
    }
}

/// The region on an image, and the image around it where local intensity is asked for.
pub(super) fn on_image<'a>(
    image: &ImageTasks,
    region: &'a Region<'a>,
) -> Result<(Arc<Roi>, Option<Cow<'a, Surroundings>>)> {
    let roi = &region.roi;
    let (window, spacing) = (roi.window(), roi.spacing());
    let inner = inner(image, region);
    let local = image.needs(Family::Loc);
    let Some((filter, _)) = &image.filter else {
        let surroundings = region.surroundings.filter(|_| local);
        let cut = surroundings.map(|all| cut(all, inner, spacing));
        return Ok((Arc::clone(roi), cut.transpose()?));
    };
    let map = if filter.takes_whole() {
        let whole = whole(image, region)?;
        inner.filled(cropped(whole.view(inner)))
    } else {
        part(image, region, inner)?
    };
    let map = Surroundings {
        volume: Volume::new(map, spacing)?,
        window: inner,
    };
    let (values, surroundings) = if local {
        let values = window.filled(cropped(map.view(window)));
        (values, Some(Cow::Owned(map)))
    } else {
        (map.volume.into_data(), None)
    };
    let mut on_map = roi.on(values).map_err(|error| match error {
        Error::NonFinite { count, .. } => Error::NonFiniteResponse { count },
        other => other,
    })?;
    resegment(&mut on_map, &image.resegment)?;
    Ok((Arc::new(on_map), surroundings))
}

/// The box in which an image has to be known for the region.
fn inner(image: &ImageTasks, region: &Region<'_>) -> Window {
    let roi = &region.roi;
    around(image, roi.window(), region.grid_shape, roi.spacing())
}

/// The response map of an image in a box; where no feature looks around the region, it is known where
/// rows have voxels of the region, and has any value elsewhere.
fn part(image: &ImageTasks, region: &Region<'_>, inner: Window) -> Result<Array3<f64>> {
    let all = region.surroundings;
    let all = all.expect("the plan asks for what filters need");
    let (filter, precision) = image.filter.as_ref().expect("a response map");
    let spacing = region.roi.spacing();
    let source = filter.source(inner, region.grid_shape, spacing)?;
    // A box that reaches no further than the region's may still be looked at as a whole.
    let alone = inner == region.roi.window() && !image.needs(Family::Loc);
    let rows = alone.then(|| region.roi.columns());
    let area = |start: [usize; 3]| Area {
        window: inner.counted_from(start),
        rows: rows.as_deref(),
    };
    match precision {
        Precision::Double => {
            let start = all.window.start;
            let (voxels, source) = (all.volume.data().view(), source.counted_from(start));
            filter.part(voxels, source, area(start), spacing, region.largest)
        }
        Precision::Single => {
            let voxels = all.view(source).mapv(f32::nearest);
            let (voxels, area) = (voxels.view(), area(source.start));
            let source = Window::whole(source.shape);
            let map = filter.part(voxels, source, area, spacing, region.largest)?;
            Ok(map.mapv(f64::from))
        }
    }
}

/// The map of a filter that takes the whole image, kept for further regions.
fn whole(image: &ImageTasks, region: &Region<'_>) -> Result<Arc<Surroundings>> {
    if let Some(kept) = region.prepared.kept(image.number) {
        return Ok(kept);
    }
    let window = Window::whole(region.grid_shape);
    let map = part(image, region, window)?;
    let map = Arc::new(Surroundings {
        volume: Volume::new(map, region.roi.spacing())?,
        window,
    });
    region.prepared.keep(image.number, &map);
    Ok(map)
}

/// The part in a box, without a copy where it is all there is.
fn cut(all: &Surroundings, window: Window, spacing: [f64; 3]) -> Result<Cow<'_, Surroundings>> {
    if all.window == window {
        return Ok(Cow::Borrowed(all));
    }
    let values = window.filled(cropped(all.view(window)));
    let volume = Volume::new(values, spacing)?;
    Ok(Cow::Owned(Surroundings { volume, window }))
}

/// The map that a filter makes of `voxels` in single precision.
fn single(
    filter: &Filter,
    voxels: ArrayView3<'_, f64>,
    spacing: [f64; 3],
    largest: Option<f64>,
) -> Result<Array3<f32>> {
    filter.map(voxels.mapv(f32::nearest).view(), spacing, largest)
}

/// A response map of a whole image, in the precision that the settings ask for.
#[derive(Debug, Clone)]
pub enum ResponseMap {
    /// Double precision.
    Double(Array3<f64>),
    /// Single precision.
    Single(Array3<f32>),
}

/// Response map `k`, in the order of [`Plan::maps`], of an image that is processed already
/// ([`crate::process::process_whole`]).
///
/// # Errors
/// [`Error::Response`] with what the filter says.
///
/// # Panics
/// If the plan has no such map.
pub fn response_map(plan: &Plan, k: usize, image: &Volume<f64>) -> Result<ResponseMap> {
    let mut maps = plan.images.iter().filter(|i| i.filter.is_some());
    let of_plan = maps.nth(k).expect("the plan has this map");
    let (filter, precision) = of_plan.filter.as_ref().expect("a response map");
    let (voxels, spacing) = (image.data().view(), image.spacing());
    let made = filter.check(image.shape(), spacing).and_then(|()| {
        // Without a box around a region, the image is all there is to find its largest in.
        Ok(match precision {
            Precision::Double => ResponseMap::Double(filter.map(voxels, spacing, None)?),
            Precision::Single => ResponseMap::Single(single(filter, voxels, spacing, None)?),
        })
    });
    made.map_err(|error| of(of_plan, error))
}
