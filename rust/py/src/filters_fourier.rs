//! Filters by Fourier transform on arrays: each a signature, a view, the door and a wrap.

use ferromics::filter::gabor::gabor as by_gabor;
use ferromics::filter::nonseparable::wavelet;
use ferromics::filter::riesz::riesz as by_riesz;
use ferromics::parallel::with_threads;
use numpy::{IntoPyArray, PyArray3};
use pyo3::prelude::*;

use crate::api::compute;
use crate::array::{with_view, AnyVolume};
use crate::error::parsed;

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(gabor, module)?)?;
    module.add_function(wrap_pyfunction!(nonseparable_wavelet, module)?)?;
    module.add_function(wrap_pyfunction!(riesz, module)?)
}

/// The response to a Gabor filter; `filter` as JSON.
#[pyfunction]
#[pyo3(signature = (image, spacing, filter, threads = None))]
fn gabor<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    spacing: [f64; 3],
    filter: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray3<f64>>> {
    let filter = parsed(filter)?;
    let out = with_view!(&AnyVolume::view(image)?, |image| {
        compute(py, image.len(), || {
            with_threads(threads, || by_gabor(image, spacing, &filter))
        })
    })?;
    Ok(out.into_pyarray(py))
}

/// The B map of an isotropic wavelet; `kind` and `boundary` as JSON.
#[pyfunction]
#[pyo3(signature = (image, kind, level, boundary, *, in_plane, threads = None))]
fn nonseparable_wavelet<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    kind: &str,
    level: u32,
    boundary: &str,
    in_plane: bool,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray3<f64>>> {
    let (kind, boundary) = (parsed(kind)?, parsed(boundary)?);
    let out = with_view!(&AnyVolume::view(image)?, |image| {
        compute(py, image.len(), || {
            with_threads(threads, || wavelet(image, kind, level, boundary, in_plane))
        })
    })?;
    Ok(out.into_pyarray(py))
}

/// The Riesz transform of a filtered image; `filter` as JSON.
#[pyfunction]
#[pyo3(signature = (image, spacing, filter, threads = None))]
fn riesz<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    spacing: [f64; 3],
    filter: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyArray3<f64>>> {
    let filter = parsed(filter)?;
    let out = with_view!(&AnyVolume::view(image)?, |image| {
        compute(py, image.len(), || {
            with_threads(threads, || by_riesz(image, spacing, &filter))
        })
    })?;
    Ok(out.into_pyarray(py))
}
