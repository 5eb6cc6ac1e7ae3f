//! Filters by Fourier transform: Gabor, isotropic wavelets, Riesz transforms.

use ferromics::filter::gabor::{gabor, Gabor};
use ferromics::filter::nonseparable::{wavelet, Wavelet};
use ferromics::filter::riesz::{riesz, Riesz};
use ferromics::filter::{Boundary, Dimension};
use pyo3::prelude::*;

use super::{filtered, Image, Json};
use crate::api::Threads;

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(filter_gabor, module)?)?;
    module.add_function(wrap_pyfunction!(filter_isotropic, module)?)?;
    module.add_function(wrap_pyfunction!(filter_riesz, module)?)
}

/// The response to a Gabor filter.
#[pyfunction]
#[pyo3(signature = (image, spacing, filter, threads = None))]
fn filter_gabor<'py>(
    py: Python<'py>,
    image: Image<'py>,
    spacing: [f64; 3],
    filter: Json<Gabor>,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyAny>> {
    filtered!(py, image, threads, |image| {
        gabor(image, spacing, &filter.0)
    })
}

/// The B map of an isotropic wavelet.
#[pyfunction]
#[pyo3(signature = (image, kind, level, dimension, boundary, threads = None))]
fn filter_isotropic<'py>(
    py: Python<'py>,
    image: Image<'py>,
    kind: Json<Wavelet>,
    level: u32,
    dimension: Json<Dimension>,
    boundary: Json<Boundary>,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyAny>> {
    filtered!(py, image, threads, |image| {
        wavelet(image, kind.0, level, dimension.0, boundary.0)
    })
}

/// The Riesz transform of a filtered image.
#[pyfunction]
#[pyo3(signature = (image, spacing, filter, threads = None))]
fn filter_riesz<'py>(
    py: Python<'py>,
    image: Image<'py>,
    spacing: [f64; 3],
    filter: Json<Riesz>,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyAny>> {
    filtered!(py, image, threads, |image| {
        riesz(image, spacing, &filter.0)
    })
}
