//! Single stages as functions on whole arrays (z, y, x), for those who build their own pipeline.
//!
//! Results have the shape of what was given; the work is cropped to the region all the same.

use ndarray::{s, Array2, Array3, ArrayView3, Zip};

use crate::autocorrelation::{autocorrelation, Autocorrelation};
use crate::discretise::{discretise as to_levels, Level, LevelData, Levels};
use crate::error::{Error, Result};
use crate::extract;
use crate::feature::local_intensity::Peaks;
use crate::interpolate::{self, Grid};
use crate::matrix::aggregate::merged;
use crate::matrix::direction::Offset;
use crate::matrix::distance_map::distance_map as distances;
use crate::matrix::{glcm, gldzm, glrlm, glszm, ngldm, ngtdm, Counts};
use crate::normalise::{over_image, over_region};
use crate::peak;
use crate::plan::{check_normalise, check_resample, Column};
use crate::process::{self, Surroundings};
use crate::resegment::resegment as restrict;
use crate::roi::Roi;
use crate::settings::{Discretise, FamilySettings, Norm, Normalise, Resample, Resegment};
use crate::volume::{cropped, for_each_run, Voxel, Window};

/// Spacing where it has no bearing on the result.
const ANY: [f64; 3] = [1.0; 3];

/// The whole image with normalised intensities; the region is needed only where its voxels give the
/// parameters.
///
/// # Errors
/// As [`over_image`] and [`Roi::new`]; [`Error::EmptyMask`] if a mask is needed and missing.
pub fn normalise<T: Voxel>(
    image: ArrayView3<'_, T>,
    mask: Option<ArrayView3<'_, bool>>,
    settings: &Normalise,
) -> Result<Array3<f64>> {
    check_normalise(settings)?;
    let map = if let Some(map) = over_image(image, settings)? {
        map
    } else {
        let roi = Roi::new(image, mask.ok_or(Error::EmptyMask)?, ANY)?;
        over_region(&roi.selected(), settings)?
    };
    Ok(Window::whole(image.dim().into())
        .copy_f64(image)
        .mapv_into(|x| map.apply(x)))
}

/// The whole image on another grid, and the grid's spacing in mm (z, y, x); the settings for masks
/// have no bearing on it.
///
/// # Errors
/// [`Error::Setting`] for settings and [`Error::Spacing`] for a spacing outside their limits,
/// [`Error::TooManyVoxels`].
pub fn resample<T: Voxel>(
    image: ArrayView3<'_, T>,
    spacing: [f64; 3],
    settings: &Resample,
) -> Result<(Array3<f64>, [f64; 3])> {
    let grid = grid(image.dim(), spacing, settings)?;
    let values = process::values(image, &grid, Window::whole(grid.shape()), settings, None)?;
    Ok((values, grid.spacing()))
}

/// The whole mask on another grid: the voxels whose share of the region reaches the threshold; and
/// the grid's spacing in mm (z, y, x).
///
/// # Errors
/// As [`resample`].
pub fn resample_mask(
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
    settings: &Resample,
) -> Result<(Array3<bool>, [f64; 3])> {
    let grid = grid(mask.dim(), spacing, settings)?;
    let (method, threshold) = (settings.mask_method, settings.mask_threshold);
    let shape = grid.shape().into();
    let found = interpolate::resample_mask(mask, &grid, method, threshold)?;
    let placed = found.map_or_else(
        || Array3::from_elem(shape, false),
        |(window, region)| uncropped(&region.into_iter().collect::<Vec<_>>(), window, shape),
    );
    Ok((placed, grid.spacing()))
}

/// The grid for a whole array, if it is not too large.
fn grid(shape: (usize, usize, usize), spacing: [f64; 3], settings: &Resample) -> Result<Grid> {
    check_resample(settings)?;
    let grid = Grid::centred(shape.into(), spacing, settings.spacing)?;
    process::refuse_too_many("the array", grid.voxels(), &grid, settings)?;
    Ok(grid)
}

/// The intensity mask: the voxels of `mask` that re-segmentation keeps, in the image's shape.
///
/// # Errors
/// As [`Roi::new`] and [`crate::resegment::resegment`].
pub fn resegment<T: Voxel>(
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    settings: &Resegment,
) -> Result<Array3<bool>> {
    let mut roi = Roi::new(image, mask, ANY)?;
    restrict(&mut roi, settings)?;
    Ok(uncropped(roi.intensity(), roi.window(), image.dim()))
}

/// Grey levels of the region in the image's shape, 0 outside.
///
/// # Errors
/// As [`Roi::new`] and [`crate::discretise::discretise`].
pub fn discretise<T: Voxel>(
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    settings: &Discretise,
) -> Result<Array3<u16>> {
    let roi = Roi::new(image, mask, ANY)?;
    let levels = to_levels(&roi, settings)?;
    let (window, shape) = (roi.window(), image.dim());
    Ok(match levels.data() {
        LevelData::U8(levels) => uncropped(levels, window, shape),
        LevelData::U16(levels) => uncropped(levels, window, shape),
    })
}

/// Moran's I and Geary's C of the region; `spacing` in mm (z, y, x).
///
/// # Errors
/// As [`Roi::new`].
pub fn spatial_autocorrelation<T: Voxel>(
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
) -> Result<Autocorrelation> {
    Ok(autocorrelation(&Roi::new(image, mask, spacing)?))
}

/// Local and global intensity peak of the region; `spacing` in mm (z, y, x).
///
/// # Errors
/// As [`Roi::new`].
pub fn intensity_peaks<T: Voxel>(
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
) -> Result<Peaks> {
    let roi = Roi::new(image, mask, spacing)?;
    let window = roi.window();
    let around = window.grown(peak::margin(spacing), image.dim().into());
    let around = Surroundings::new(image, around, spacing)?;
    Ok(peak::peaks(&around.volume, &roi, around.offset(window)))
}

/// A cropped array (C order) put back in its place, the default value elsewhere.
fn uncropped<T: Copy + Into<U>, U: Copy + Default>(
    voxels: &[T],
    window: Window,
    shape: (usize, usize, usize),
) -> Array3<U> {
    let mut whole = Array3::from_elem(shape, U::default());
    let ([z, y, x], [nz, ny, nx]) = (window.start, window.shape);
    let mut place = whole.slice_mut(s![z..z + nz, y..y + ny, x..x + nx]);
    for (mut to, from) in place.rows_mut().into_iter().zip(voxels.chunks_exact(nx)) {
        for (to, &from) in to.iter_mut().zip(from) {
            *to = from.into();
        }
    }
    whole
}

/// The texture matrix of a family, as rows `[i, j, n]` in order of `i`, then `j`; for tone
/// differences `[i, s_i, n_i]`.
///
/// `array` holds grey levels, 0 outside the region. The matrix is that of the volume, or with `z`
/// that of this slice alone (2D). With `offset` (dz, dy, dx) it is the matrix of this direction, for
/// the families that have directions; else all directions are merged. Distance zones measure from
/// the edge of `mask`, or of the levels' own region if it is `None`.
///
/// # Errors
/// [`Error::Argument`] for a family without a matrix, an offset it cannot take, a slice that is not
/// there, and a mask that does not hold all levels; [`Error::ShapeMismatch`] for one of another
/// shape.
pub fn texture_matrix<L: Level>(
    array: ArrayView3<'_, L>,
    mask: Option<ArrayView3<'_, bool>>,
    family: &FamilySettings,
    offset: Option<Offset>,
    z: Option<usize>,
) -> Result<Vec<[f64; 3]>> {
    let slices = array.dim().0;
    if let Some(z) = z.filter(|&z| z >= slices) {
        let allowed = "slices are numbered from 0 along the first axis";
        return Err(Error::Argument {
            name: "z",
            given: format!("{z} of {slices}"),
            allowed,
        });
    }
    let part = |z: usize| z..z + 1;
    let array = z.map_or(array, |z| array.slice_move(s![part(z), .., ..]));
    let mask = mask.map(|m| match z {
        Some(z) if z < m.dim().0 => m.slice_move(s![part(z), .., ..]),
        _ => m,
    });
    let (levels, window) = texture_input(array, mask)?;
    if let Some(offset) = offset {
        return along(&levels, family, offset);
    }
    let flat = z.is_some();
    let rows = |c: Counts| {
        c.entries()
            .iter()
            .map(|e| [f64::from(e.i), e.j, e.n])
            .collect()
    };
    Ok(match family {
        FamilySettings::Glcm(s) => {
            let source = glcm::Cooccurrences::new(&levels, first(&s.distances), s);
            elements(&merged(&source, flat))
        }
        FamilySettings::Glrlm(s) => rows(merged(&glrlm::RunLengths::new(&levels, s), flat)),
        FamilySettings::Glszm(s) => rows(merged(&glszm::SizeZones::new(&levels, s), flat)),
        FamilySettings::Gldzm(s) => {
            let mask = morphological(array, mask, window);
            rows(merged(&gldzm::DistanceZones::new(&levels, &mask, s), flat))
        }
        FamilySettings::Ngldm(s) => rows(merged(
            &ngldm::Dependences::new(&levels, first(&s.distances), s),
            flat,
        )),
        FamilySettings::Ngtdm(s) => {
            let source = ngtdm::ToneDifferences::new(&levels, first(&s.distances), s);
            let table = merged(&source, flat);
            table
                .rows()
                .iter()
                .map(|r| [f64::from(r.i), r.s, r.n as f64])
                .collect()
        }
        _ => {
            let given = format!("'{}'", family.family().key());
            let allowed = "glcm, glrlm, glszm, gldzm, ngtdm and ngldm have a matrix";
            return Err(Error::Argument {
                name: "family",
                given,
                allowed,
            });
        }
    })
}

/// All elements of a co-occurrence matrix, in order.
fn elements(matrix: &impl glcm::Elements) -> Vec<[f64; 3]> {
    let mut all = Vec::new();
    for part in 0..matrix.parts() {
        matrix.for_each(part, |i, j, n| {
            all.push([i as f64, j as f64, n]);
            if matrix.symmetric() && i != j {
                all.push([j as f64, i as f64, n]);
            }
        });
    }
    all.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    all
}

/// The matrix of one direction.
fn along(levels: &Levels, family: &FamilySettings, offset: Offset) -> Result<Vec<[f64; 3]>> {
    match family {
        FamilySettings::Glcm(s) => {
            let dense = glcm::direction(levels, offset, s.symmetric)?;
            let filled = dense.indexed_iter().filter(|(_, &n)| n > 0);
            Ok(filled
                .map(|((i, j), &n)| [i as f64 + 1.0, j as f64 + 1.0, n as f64])
                .collect())
        }
        FamilySettings::Glrlm(_) => {
            let counts = glrlm::direction(levels, offset)?;
            Ok(counts
                .entries()
                .iter()
                .map(|e| [f64::from(e.i), e.j, e.n])
                .collect())
        }
        _ => {
            let allowed = "only glcm and glrlm have directions";
            Err(Error::Argument {
                name: "offset",
                given: format!("{offset:?}"),
                allowed,
            })
        }
    }
}

/// Feature values of one family on grey levels, with their columns, see [`extract::texture`].
///
/// # Errors
/// As [`extract::texture`] and [`texture_matrix`].
pub fn texture<L: Level>(
    array: ArrayView3<'_, L>,
    mask: Option<ArrayView3<'_, bool>>,
    family: FamilySettings,
) -> Result<Vec<(Column, f64)>> {
    let (levels, window) = texture_input(array, mask)?;
    let mask = match family {
        FamilySettings::Gldzm(_) => morphological(array, mask, window),
        _ => Vec::new(), // the only family that looks at it
    };
    extract::texture(&levels, &mask, family)
}

/// Levels cropped to the box of the mask, or of the levels' own region, and that box.
fn texture_input<L: Level>(
    array: ArrayView3<'_, L>,
    mask: Option<ArrayView3<'_, bool>>,
) -> Result<(Levels, Window)> {
    let window = match mask {
        Some(mask) => {
            refuse_outside(array, mask)?;
            Window::around(mask)
        }
        None => Window::around_any(array, |level| level != L::default()),
    };
    let window = window.ok_or(Error::EmptyMask)?;
    let view = window.view(array);
    let levels = match view.as_slice() {
        Some(levels) => Levels::new(levels, window.shape, None),
        None => Levels::new(cropped(view), window.shape, None),
    };
    Ok((levels?, window))
}

/// Refuses a mask that does not hold all voxels with a level.
fn refuse_outside<L: Level>(array: ArrayView3<'_, L>, mask: ArrayView3<'_, bool>) -> Result<()> {
    if mask.dim() != array.dim() {
        let (mask, image) = (mask.dim().into(), array.dim().into());
        return Err(Error::ShapeMismatch { mask, image });
    }
    #[allow(clippy::needless_bitwise_bool)] // a lazy `||` is a branch and stops vectorisation
    let outside = |any: bool, &level: &L, &set: &bool| any | ((level != L::default()) & !set);
    if Zip::from(array).and(mask).fold(false, outside) {
        let (given, allowed) = (
            "smaller than the region of levels".into(),
            "levels lie within it",
        );
        return Err(Error::Argument {
            name: "mask",
            given,
            allowed,
        });
    }
    Ok(())
}

/// The mask, or that of the levels' own region, inside `window`.
fn morphological<L: Level>(
    array: ArrayView3<'_, L>,
    mask: Option<ArrayView3<'_, bool>>,
    window: Window,
) -> Vec<bool> {
    if let Some(mask) = mask {
        return cropped(window.view(mask));
    }
    let mut inside = Vec::with_capacity(window.voxels());
    for_each_run(window.view(array), |run| {
        inside.extend(run.iter().map(|&level| level != L::default()));
    });
    inside
}

fn first(distances: &[u32]) -> u32 {
    distances.first().copied().unwrap_or(1)
}

/// Co-occurrence counts along one offset (dz, dy, dx), see [`glcm::direction`].
///
/// # Errors
/// As [`glcm::direction`]; [`Error::EmptyMask`] if every level is 0.
pub fn glcm<L: Level>(
    array: ArrayView3<'_, L>,
    offset: Offset,
    symmetric: bool,
) -> Result<Array2<u64>> {
    let (levels, _) = texture_input(array, None)?;
    glcm::direction(&levels, offset, symmetric)
}

/// Distance of each voxel of `mask` to the mask's edge in voxels, see
/// [`crate::matrix::distance_map::distance_map`]; 0 outside.
#[must_use]
pub fn distance_map(mask: ArrayView3<'_, bool>, norm: Norm, in_plane: bool) -> Array3<u16> {
    let Some(window) = Window::around(mask) else {
        return Array3::zeros(mask.dim());
    };
    uncropped(
        &distances(&cropped(window.view(mask)), window.shape, norm, in_plane),
        window,
        mask.dim(),
    )
}
