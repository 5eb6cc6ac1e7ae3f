//! Single stages as functions on whole arrays (z, y, x), for those who build their own pipeline.
//!
//! Results have the shape of what was given; the work is cropped to the region all the same.

use ndarray::{s, Array3, ArrayView3};

use crate::autocorrelation::{autocorrelation, Autocorrelation};
use crate::discretise::{discretise as to_levels, Levels};
use crate::error::Result;
use crate::feature::local_intensity::Peaks;
use crate::peak;
use crate::resegment::resegment as restrict;
use crate::roi::Roi;
use crate::settings::{Discretise, Resegment};
use crate::volume::{Volume, Voxel, Window};

/// Spacing where it has no bearing on the result.
const ANY: [f64; 3] = [1.0; 3];

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
    #[allow(clippy::cast_possible_truncation)] // no level exceeds 65,535
    let cropped: Vec<u16> = (0..roi.intensities().len())
        .map(|k| levels.get(k) as u16)
        .collect();
    Ok(uncropped(&cropped, roi.window(), image.dim()))
}

/// Levels of an array, 0 outside the region, cropped to the region's box; with the box.
///
/// # Errors
/// [`crate::Error::EmptyMask`] if every voxel is 0.
pub fn levels(array: ArrayView3<'_, u16>) -> Result<(Levels, Window)> {
    let window = Window::around(array.mapv(|v| v > 0).view()).ok_or(crate::Error::EmptyMask)?;
    let cropped = window.view(array);
    let data: Vec<u16> = cropped.iter().copied().collect();
    Ok((Levels::new(&data, window.shape, None)?, window))
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
    let (around, offset) = surroundings(image, &roi)?;
    Ok(peak::peaks(&around, &roi, offset))
}

/// The image around the region as far as local intensity reaches, and where the region's box starts
/// in it.
///
/// # Errors
/// As [`Volume::new`].
pub fn surroundings<T: Voxel>(
    image: ArrayView3<'_, T>,
    roi: &Roi,
) -> Result<(Volume<f64>, [usize; 3])> {
    let window = roi
        .window()
        .grown(peak::margin(roi.spacing()), image.dim().into());
    let offset = std::array::from_fn(|a| roi.window().start[a] - window.start[a]);
    Ok((Volume::new(window.copy_f64(image), roi.spacing())?, offset))
}

/// A cropped array (C order) put back in its place, the default value elsewhere.
fn uncropped<T: Copy + Default>(
    cropped: &[T],
    window: Window,
    shape: (usize, usize, usize),
) -> Array3<T> {
    let mut whole = Array3::from_elem(shape, T::default());
    let ([z, y, x], [nz, ny, nx]) = (window.start, window.shape);
    let mut place = whole.slice_mut(s![z..z + nz, y..y + ny, x..x + nx]);
    for (to, &from) in place.iter_mut().zip(cropped) {
        *to = from;
    }
    whole
}
