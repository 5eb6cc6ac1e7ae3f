//! Image types by PyRadiomics' definitions: each a signature, a view, the door and a wrap.

use ferromics::filter::point::Transform;
use ferromics::pyradiomics::patterns::{on_circles, on_spheres, Method};
use ferromics::pyradiomics::transforms::transform;
use numpy::{IntoPyArray, PyArray2, PyArray3, PyReadonlyArray3};
use pyo3::prelude::*;

use crate::api::{compute, with_threads, Threads};
use crate::array::{with_view, AnyVolume};
use crate::error::CoreError;
use crate::filters::Json;

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(pyradiomics_transform, module)?)?;
    module.add_function(wrap_pyfunction!(pyradiomics_circles, module)?)?;
    module.add_function(wrap_pyfunction!(pyradiomics_spheres, module)?)
}

/// A transform of each intensity, in PyRadiomics' order of operations.
#[pyfunction]
#[pyo3(signature = (image, kind, threads = None))]
fn pyradiomics_transform<'py>(
    py: Python<'py>,
    image: Bound<'py, PyAny>,
    kind: Json<Transform>,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyArray3<f64>>> {
    let map = with_view!(&AnyVolume::view(&image)?, |image| {
        let run = || Ok(transform(image, kind.0));
        compute(py, image.len(), || with_threads(threads, run))?
    });
    Ok(map.into_pyarray(py))
}

/// Local binary patterns on circles in slices across an axis, in the image's type.
#[pyfunction]
#[pyo3(signature = (image, across, radius, samples, method, threads = None))]
fn pyradiomics_circles<'py>(
    py: Python<'py>,
    image: Bound<'py, PyAny>,
    across: usize,
    radius: f64,
    samples: usize,
    method: &str,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyAny>> {
    let method = Method::named(method).map_err(CoreError)?;
    with_view!(&AnyVolume::view(&image)?, |image| {
        let run = || on_circles(image, across, radius, samples, method);
        let map = compute(py, image.len(), || with_threads(threads, run))?;
        Ok(map.into_pyarray(py).into_any())
    })
}

/// Local binary patterns on spheres around a region's voxels: a row a voxel, a column a degree, and
/// a last one, the kurtosis.
#[pyfunction]
#[pyo3(signature = (image, region, levels, radius, subdivision, threads = None))]
fn pyradiomics_spheres<'py>(
    py: Python<'py>,
    image: Bound<'py, PyAny>,
    region: PyReadonlyArray3<'py, bool>,
    levels: usize,
    radius: f64,
    subdivision: u32,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let region = region.as_array();
    let found = with_view!(&AnyVolume::view(&image)?, |image| {
        let run = || on_spheres(image, region, levels, radius, subdivision);
        compute(py, image.len(), || with_threads(threads, run))?
    });
    Ok(found.into_pyarray(py))
}
