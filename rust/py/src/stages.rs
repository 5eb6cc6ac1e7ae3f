//! Single stages on arrays: each a signature, a view, the door and a wrap.

use ferromics::arrays;
use ferromics::mesh::marching_cubes::marching_cubes;
use ferromics::settings::{Discretise, FamilySettings, Norm, Normalise, Resample, Resegment};
use ndarray::{Array2, Array3};
use numpy::{IntoPyArray, PyArray2, PyArray3, PyReadonlyArray3};
use pyo3::prelude::*;

use crate::api::{compute, with_threads, Threads};
use crate::array::{with_levels, with_view, AnyLevels, AnyVolume};
use crate::error::parsed;

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(normalise, module)?)?;
    module.add_function(wrap_pyfunction!(resample, module)?)?;
    module.add_function(wrap_pyfunction!(resample_mask, module)?)?;
    module.add_function(wrap_pyfunction!(resegment, module)?)?;
    module.add_function(wrap_pyfunction!(discretise, module)?)?;
    module.add_function(wrap_pyfunction!(texture, module)?)?;
    module.add_function(wrap_pyfunction!(texture_matrix, module)?)?;
    module.add_function(wrap_pyfunction!(glcm, module)?)?;
    module.add_function(wrap_pyfunction!(mesh, module)?)?;
    module.add_function(wrap_pyfunction!(distance_map, module)?)?;
    module.add_function(wrap_pyfunction!(spatial_autocorrelation, module)?)?;
    module.add_function(wrap_pyfunction!(intensity_peaks, module)?)
}

/// The image with normalised intensities; `settings` as JSON.
#[pyfunction]
#[pyo3(signature = (image, settings, mask = None))]
fn normalise<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    settings: &str,
    mask: Option<PyReadonlyArray3<'py, bool>>,
) -> PyResult<Bound<'py, PyArray3<f64>>> {
    let settings: Normalise = parsed(settings)?;
    let mask = mask.as_ref().map(PyReadonlyArray3::as_array);
    let out = with_view!(&AnyVolume::view(image)?, |image| {
        compute(py, image.len(), || {
            arrays::normalise(image, mask, &settings)
        })
    })?;
    Ok(out.into_pyarray(py))
}

/// The whole image on another grid, and its spacing; `settings` as JSON.
#[pyfunction]
#[pyo3(signature = (image, spacing, settings, threads = None))]
fn resample<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    spacing: [f64; 3],
    settings: &str,
    threads: Option<Threads>,
) -> PyResult<(Bound<'py, PyArray3<f64>>, [f64; 3])> {
    let settings: Resample = parsed(settings)?;
    let (out, spacing) = with_view!(&AnyVolume::view(image)?, |image| {
        compute(py, usize::MAX, || {
            with_threads(threads, || arrays::resample(image, spacing, &settings))
        })
    })?;
    Ok((out.into_pyarray(py), spacing))
}

/// The whole mask on another grid, and its spacing; `settings` as JSON.
#[pyfunction]
#[pyo3(signature = (mask, spacing, settings, threads = None))]
fn resample_mask<'py>(
    py: Python<'py>,
    mask: PyReadonlyArray3<'py, bool>,
    spacing: [f64; 3],
    settings: &str,
    threads: Option<Threads>,
) -> PyResult<(Bound<'py, PyArray3<bool>>, [f64; 3])> {
    let settings: Resample = parsed(settings)?;
    let mask = mask.as_array();
    let (out, spacing) = compute(py, usize::MAX, || {
        with_threads(threads, || arrays::resample_mask(mask, spacing, &settings))
    })?;
    Ok((out.into_pyarray(py), spacing))
}

/// The intensity mask after re-segmentation; `settings` as JSON.
#[pyfunction]
fn resegment<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    mask: PyReadonlyArray3<'py, bool>,
    settings: &str,
) -> PyResult<Bound<'py, PyArray3<bool>>> {
    let settings: Resegment = parsed(settings)?;
    let mask = mask.as_array();
    let out: Array3<bool> = with_view!(&AnyVolume::view(image)?, |image| {
        compute(py, mask.len(), || arrays::resegment(image, mask, &settings))
    })?;
    Ok(out.into_pyarray(py))
}

/// Grey levels of the region, 0 outside; `settings` as JSON.
#[pyfunction]
fn discretise<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    mask: PyReadonlyArray3<'py, bool>,
    settings: &str,
) -> PyResult<Bound<'py, PyArray3<u16>>> {
    let settings: Discretise = parsed(settings)?;
    let mask = mask.as_array();
    let out: Array3<u16> = with_view!(&AnyVolume::view(image)?, |image| {
        compute(py, mask.len(), || {
            arrays::discretise(image, mask, &settings)
        })
    })?;
    Ok(out.into_pyarray(py))
}

/// (feature, aggregation, parameters, value) of one family on grey levels; `family` as JSON.
#[pyfunction]
#[pyo3(signature = (levels, family, mask = None, threads = None))]
fn texture<'py>(
    py: Python<'py>,
    levels: AnyLevels<'py>,
    family: &str,
    mask: Option<PyReadonlyArray3<'py, bool>>,
    threads: Option<Threads>,
) -> PyResult<Vec<(String, &'static str, String, f64)>> {
    let family: FamilySettings = parsed(family)?;
    let mask = mask.as_ref().map(PyReadonlyArray3::as_array);
    let out = with_levels!(&levels, |levels| compute(py, levels.len(), || {
        with_threads(threads, || arrays::texture(levels, mask, family))
    }))?;
    let row = |(c, v): (ferromics::plan::Column, f64)| (c.feature, c.aggregation, c.parameters, v);
    Ok(out.into_iter().map(row).collect())
}

/// Rows (i, j, n) of a family's matrix, of the volume or of slice `z`; `family` as JSON.
#[pyfunction]
#[pyo3(signature = (levels, family, mask = None, offset = None, z = None))]
fn texture_matrix<'py>(
    py: Python<'py>,
    levels: AnyLevels<'py>,
    family: &str,
    mask: Option<PyReadonlyArray3<'py, bool>>,
    offset: Option<[isize; 3]>,
    z: Option<usize>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let family: FamilySettings = parsed(family)?;
    let mask = mask.as_ref().map(PyReadonlyArray3::as_array);
    let rows = with_levels!(&levels, |levels| compute(py, levels.len(), || {
        arrays::texture_matrix(levels, mask, &family, offset, z)
    }))?;
    Ok(Array2::from(rows).into_pyarray(py))
}

/// Co-occurrence counts along one offset (dz, dy, dx); shape (n, n).
#[pyfunction]
#[pyo3(signature = (levels, offset, *, symmetric = true))]
fn glcm<'py>(
    py: Python<'py>,
    levels: AnyLevels<'py>,
    offset: [isize; 3],
    symmetric: bool,
) -> PyResult<Bound<'py, PyArray2<u64>>> {
    let counts = with_levels!(&levels, |levels| compute(py, levels.len(), || {
        arrays::glcm(levels, offset, symmetric)
    }))?;
    Ok(counts.into_pyarray(py))
}

/// A mesh's vertices and faces.
type Mesh<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<u32>>);

/// The surface of a mask: vertices (z, y, x) in mm, faces as three vertex numbers.
#[pyfunction]
fn mesh<'py>(
    py: Python<'py>,
    mask: PyReadonlyArray3<'py, bool>,
    spacing: [f64; 3],
) -> PyResult<Mesh<'py>> {
    let mask = mask.as_array();
    let mesh = compute(py, mask.len(), || {
        let shape = mask.dim().into();
        let voxels: Vec<bool> = mask.iter().copied().collect();
        marching_cubes(&voxels, shape, spacing)
    })?;
    Ok((
        Array2::from(mesh.vertices).into_pyarray(py),
        Array2::from(mesh.faces).into_pyarray(py),
    ))
}

/// Distance of each voxel of a mask to its edge; `norm` as JSON.
#[pyfunction]
fn distance_map<'py>(
    py: Python<'py>,
    mask: PyReadonlyArray3<'py, bool>,
    norm: &str,
    in_plane: bool,
) -> PyResult<Bound<'py, PyArray3<u16>>> {
    let norm: Norm = parsed(norm)?;
    let mask = mask.as_array();
    let map = compute(py, mask.len(), || {
        Ok(arrays::distance_map(mask, norm, in_plane))
    })?;
    Ok(map.into_pyarray(py))
}

/// Moran's I and Geary's C.
#[pyfunction]
#[pyo3(signature = (image, mask, spacing, threads = None))]
fn spatial_autocorrelation<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    mask: PyReadonlyArray3<'py, bool>,
    spacing: [f64; 3],
    threads: Option<Threads>,
) -> PyResult<(f64, f64)> {
    let mask = mask.as_array();
    let out = with_view!(&AnyVolume::view(image)?, |image| compute(
        py,
        mask.len(),
        || {
            with_threads(threads, || {
                arrays::spatial_autocorrelation(image, mask, spacing)
            })
        }
    ))?;
    Ok((out.morans_i, out.gearys_c))
}

/// Local and global intensity peak.
#[pyfunction]
#[pyo3(signature = (image, mask, spacing, threads = None))]
fn intensity_peaks<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    mask: PyReadonlyArray3<'py, bool>,
    spacing: [f64; 3],
    threads: Option<Threads>,
) -> PyResult<(f64, f64)> {
    let mask = mask.as_array();
    let out = with_view!(&AnyVolume::view(image)?, |image| compute(
        py,
        mask.len(),
        || { with_threads(threads, || arrays::intensity_peaks(image, mask, spacing)) }
    ))?;
    Ok((out.local, out.global))
}
