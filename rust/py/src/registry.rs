//! The catalogue and the core's own facts, as Python values.

use ferromics::feature::{catalogue, Family};
use ferromics::settings::{Aggregation, Settings};
use ferromics::{parallel, phantom};
use numpy::{IntoPyArray, PyArray3};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::input_error;

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(features, module)?)?;
    module.add_function(wrap_pyfunction!(aggregations, module)?)?;
    module.add_function(wrap_pyfunction!(default_settings, module)?)?;
    module.add_function(wrap_pyfunction!(build_info, module)?)?;
    module.add_function(wrap_pyfunction!(digital_phantom, module)?)
}

/// Every feature in IBSI's order, one dict a feature.
#[pyfunction]
#[pyo3(name = "catalogue")]
fn features(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let row = |f: ferromics::feature::Feature| {
        let row = PyDict::new(py);
        row.set_item("family", f.family.key())?;
        row.set_item("family_title", f.family.title())?;
        row.set_item("family_ibsi", f.family.ibsi())?;
        row.set_item("name", &f.name)?;
        row.set_item("title", &f.title)?;
        row.set_item("ibsi", f.ibsi)?;
        row.set_item("unit", f.unit.to_string())?;
        row.set_item("powers", (f.unit.mm, f.unit.intensity, f.unit.level))?;
        row.set_item("formula", f.formula())?;
        row.set_item("doc", f.doc)?;
        let names: Vec<&str> = f.family.aggregations().iter().map(|a| a.name()).collect();
        row.set_item("aggregations", names)?;
        row.set_item("discretised", f.family.discretised())?;
        Ok(row)
    };
    catalogue().into_iter().map(row).collect()
}

/// Every aggregation as (name, IBSI code), directional ones first.
#[pyfunction]
fn aggregations() -> Vec<(&'static str, &'static str)> {
    let all = Aggregation::DIRECTIONAL.iter().chain(&Aggregation::PLAIN);
    all.map(|a| (a.name(), a.ibsi())).collect()
}

/// The core's default settings as JSON.
#[pyfunction]
fn default_settings() -> PyResult<String> {
    Settings::default()
        .to_json()
        .map_err(|e| input_error(e.to_string()))
}

/// Version, build profile, threads and number of features of this build.
#[pyfunction]
fn build_info(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let info = PyDict::new(py);
    info.set_item("version", env!("CARGO_PKG_VERSION"))?;
    info.set_item(
        "profile",
        if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
    )?;
    info.set_item("target", std::env::consts::ARCH)?;
    info.set_item("threads", parallel::default_threads())?;
    info.set_item("families", Family::ALL.map(Family::key))?;
    info.set_item("features", catalogue().len())?;
    Ok(info)
}

/// The phantom's intensities, its region, and its spacing in mm (z, y, x).
type Phantom<'py> = (
    Bound<'py, PyArray3<i16>>,
    Bound<'py, PyArray3<bool>>,
    [f64; 3],
);

/// The IBSI digital phantom: intensities (4, 4, 5) int16, region bool, spacing in mm (z, y, x).
#[pyfunction]
#[pyo3(name = "phantom")]
fn digital_phantom(py: Python<'_>) -> Phantom<'_> {
    (
        phantom::image().into_pyarray(py),
        phantom::mask().into_pyarray(py),
        phantom::SPACING,
    )
}
