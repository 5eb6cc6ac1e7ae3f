//! Python bindings of ferromics: signatures, views, one door for computing. Nothing is computed
//! here.

mod api;
mod array;
mod error;
mod registry;
mod stages;

use pyo3::prelude::*;

/// The compiled core of ferromics.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    error::add_to(module)?;
    registry::add_to(module)?;
    api::add_to(module)?;
    stages::add_to(module)
}
