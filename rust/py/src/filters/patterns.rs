//! Local binary patterns.

use ferromics::filter::lbp::{self, Code};
use ferromics::filter::Boundary;
use pyo3::prelude::*;

use super::{filtered, Image, Json};
use crate::api::Threads;

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(filter_lbp_2d, module)?)?;
    module.add_function(wrap_pyfunction!(filter_lbp_3d, module)?)
}

/// Local binary patterns of slices.
#[pyfunction]
#[pyo3(signature = (image, radius, samples, code, boundary, threads = None))]
fn filter_lbp_2d<'py>(
    py: Python<'py>,
    image: Image<'py>,
    radius: f64,
    samples: usize,
    code: Json<Code>,
    boundary: Json<Boundary>,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyAny>> {
    filtered!(py, image, threads, |image| {
        lbp::in_slices(image, radius, samples, code.0, boundary.0)
    })
}

/// Local binary patterns of the volume.
#[pyfunction]
#[pyo3(signature = (image, radius, boundary, threads = None))]
fn filter_lbp_3d<'py>(
    py: Python<'py>,
    image: Image<'py>,
    radius: f64,
    boundary: Json<Boundary>,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyAny>> {
    filtered!(py, image, threads, |image| {
        lbp::in_volume(image, radius, boundary.0)
    })
}
