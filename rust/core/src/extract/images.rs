//! The images that features are computed on: the given one, as it is after processing, and the
//! response maps of filters, each made where it is needed and dropped when its features are known.

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::{Array3, ArrayView3};

use super::Region;
use crate::error::{Error, Result};
use crate::feature::Family;
use crate::filter::convolve::Real;
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

/// Voxels of the maps that are made together because their filters share work: 32 MiB at most.
const TOGETHER: usize = 1 << 22;

/// `f` of each image, in order, with its response map where that is made already; at most as many
/// images at a time as there are threads, or as share their work.
pub(super) fn each<R: Send>(
    images: &[ImageTasks],
    region: &Region<'_>,
    f: impl Fn(&ImageTasks, Option<Array3<f64>>) -> Result<R> + Sync + Send,
) -> Vec<Result<R>> {
    let around = region.surroundings.as_ref();
    let voxels = around.map_or(0, |s| s.window.voxels());
    let at_once = if voxels > ONE_BY_ONE {
        1
    } else {
        parallel::threads().max(1)
    };
    let mut done = Vec::with_capacity(images.len());
    let mut rest = images;
    while !rest.is_empty() {
        let sharing = sharing(rest, region);
        let group = if sharing > 1 {
            &rest[..sharing]
        } else {
            let alone =
                (1..rest.len()).find(|&k| k == at_once || self::sharing(&rest[k..], region) > 1);
            &rest[..alone.unwrap_or(rest.len())]
        };
        rest = &rest[group.len()..];
        let mut maps = Vec::new();
        if sharing > 1 {
            // Where they are refused each image says so itself.
            maps = parts(group, region, inner(&group[0], region)).unwrap_or_default();
        }
        let mut maps: Vec<_> = maps.into_iter().map(Some).collect();
        maps.resize_with(group.len(), || None);
        let mut tasks: Vec<_> = group.iter().zip(maps).map(|task| (task, None)).collect();
        let work = voxels.saturating_mul(tasks.len()).saturating_mul(100);
        let work = if tasks.len() > 1 { work } else { 0 };
        parallel::for_each_chunk(&mut tasks, 1, work, |_, task| {
            let ((image, map), result) = &mut task[0];
            *result = Some(f(image, map.take()).map_err(|error| of(image, error)));
        });
        let results = tasks.into_iter().map(|(_, result)| result);
        done.extend(results.map(|result| result.expect("each has been run")));
    }
    done
}

/// How many of the images, from the first on, have maps that are better made together.
fn sharing(images: &[ImageTasks], region: &Region<'_>) -> usize {
    let box_of_first = inner(&images[0], region);
    let Some((filter, precision)) = &images[0].filter else {
        return 1;
    };
    let shares = |image: &&ImageTasks| {
        let other = image.filter.as_ref();
        let shares = other.is_some_and(|(f, p)| p == precision && filter.shares(f));
        shares && inner(image, region) == box_of_first
    };
    let most = TOGETHER / box_of_first.voxels().max(1);
    images.iter().take(most).take_while(shares).count().max(1)
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

/// The region on an image, and the image around it where local intensity is asked for; `made` is
/// the response map in the box in which it has to be known, where it is made already.
pub(super) fn on_image<'a>(
    image: &ImageTasks,
    region: &'a Region<'a>,
    made: Option<Array3<f64>>,
) -> Result<(Arc<Roi>, Option<Cow<'a, Surroundings>>)> {
    let roi = &region.roi;
    let (window, spacing) = (roi.window(), roi.spacing());
    let inner = inner(image, region);
    let local = image.needs(Family::Loc);
    let Some((filter, _)) = &image.filter else {
        let surroundings = region.surroundings.as_ref().filter(|_| local);
        let cut = surroundings.map(|all| cut(all, inner, spacing));
        return Ok((Arc::clone(roi), cut.transpose()?));
    };
    let map = match made {
        Some(map) => map,
        None if filter.takes_whole() => {
            let whole = whole(image, region)?;
            inner.filled(cropped(whole.view(inner)))
        }
        None => parts(std::slice::from_ref(image), region, inner)?.remove(0),
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

/// The response maps in a box, of images that share their work or of one image.
fn parts(images: &[ImageTasks], region: &Region<'_>, inner: Window) -> Result<Vec<Array3<f64>>> {
    let all = region.surroundings.as_ref();
    let all = all.expect("the plan asks for what filters need");
    let (shape, spacing) = (region.grid_shape, region.roi.spacing());
    let filters: Vec<_> = images.iter().filter_map(|i| i.filter.as_ref()).collect();
    let source = filters.iter().try_fold(inner, |all, (filter, _)| {
        Ok(all.joined(filter.source(inner, shape, spacing)?))
    })?;
    let precision = filters[0].1;
    let filters: Vec<_> = filters.into_iter().map(|(filter, _)| filter).collect();
    let boxes = [source, inner];
    match precision {
        Precision::Double => {
            let boxes = boxes.map(|window| window.counted_from(all.window.start));
            let voxels = all.volume.data().view();
            Filter::parts(&filters, voxels, boxes, spacing, region.largest)
        }
        Precision::Single => {
            let boxes = boxes.map(|window| window.counted_from(source.start));
            let voxels = all.view(source).mapv(f32::nearest);
            let maps = Filter::parts(&filters, voxels.view(), boxes, spacing, region.largest)?;
            Ok(maps.into_iter().map(|map| map.mapv(f64::from)).collect())
        }
    }
}

/// The map of a filter that takes the whole image, kept for further regions.
fn whole(image: &ImageTasks, region: &Region<'_>) -> Result<Arc<Surroundings>> {
    if let Some(kept) = region.prepared.kept(image.number) {
        return Ok(kept);
    }
    let window = Window::whole(region.grid_shape);
    let map = parts(std::slice::from_ref(image), region, window)?.remove(0);
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
