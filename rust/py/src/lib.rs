//! Python bindings of ferromics: signatures, views, one door for computing. Nothing is computed
//! here.

mod api;
mod array;
mod error;
mod filters;
mod maps;
mod memory;
mod pyradiomics;
mod registry;
mod stages;

use pyo3::exceptions::PyRuntimeWarning;
use pyo3::prelude::*;

#[global_allocator]
static MEMORY: memory::LargePages = memory::LargePages;

/// The compiled core of ferromics.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    if cfg!(debug_assertions) {
        let category = module.py().get_type::<PyRuntimeWarning>();
        let message = c"this is a debug build of ferromics: right, but many times slower";
        PyErr::warn(module.py(), &category, message, 1)?;
    }
    error::add_to(module)?;
    registry::add_to(module)?;
    api::add_to(module)?;
    stages::add_to(module)?;
    filters::add_to(module)?;
    maps::add_to(module)?;
    pyradiomics::add_to(module)
}
