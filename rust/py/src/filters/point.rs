//! Transforms of each intensity.

use ferromics::filter::point::{transform, Transform};
use pyo3::prelude::*;

use super::{filtered, Image, Json};
use crate::api::Threads;

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(filter_transform, module)?)
}

/// A transform of each intensity.
#[pyfunction]
#[pyo3(signature = (image, kind, largest = None, threads = None))]
fn filter_transform<'py>(
    py: Python<'py>,
    image: Image<'py>,
    kind: Json<Transform>,
    largest: Option<f64>,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyAny>> {
    filtered!(py, image, threads, |image| {
        transform(image, kind.0, largest)
    })
}
