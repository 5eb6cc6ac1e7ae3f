//! Features by PyRadiomics' definitions: a signature, views, the door and a wrap.

mod images;

use std::sync::atomic::AtomicUsize;

use ferromics::pyradiomics::maps::{maps, MapOptions};
use ferromics::pyradiomics::{features, Class, Options};
use ferromics::Result;
use ndarray::{Array3, ArrayView3};
use numpy::{IntoPyArray, PyReadonlyArray3};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::api::{compute, with_threads, Threads};
use crate::array::{with_view, AnyVolume};
use crate::error::{parsed, CoreError};
use crate::maps::MapProgress;

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(pyradiomics, module)?)?;
    module.add_function(wrap_pyfunction!(pyradiomics_maps, module)?)?;
    module.add_function(wrap_pyfunction!(pyradiomics_features, module)?)?;
    images::add_to(module)
}

/// The class of that name.
fn class(name: &str) -> PyResult<Class> {
    Class::named(name).map_err(|e| CoreError(e).into())
}

/// Names of a class's features in PyRadiomics' order, and whether they are deprecated.
#[pyfunction]
fn pyradiomics_features(feature_class: &str) -> PyResult<Vec<(&'static str, bool)>> {
    Ok(class(feature_class)?.features())
}

/// All features of a class by PyRadiomics' names, in its order; options as JSON.
#[pyfunction]
#[pyo3(signature = (image, mask, levels, spacing, feature_class, options_json, threads = None))]
#[allow(clippy::too_many_arguments)] // as Python gives them
fn pyradiomics<'py>(
    py: Python<'py>,
    image: Option<Bound<'py, PyAny>>,
    mask: PyReadonlyArray3<'py, bool>,
    levels: Option<PyReadonlyArray3<'py, u16>>,
    spacing: [f64; 3],
    feature_class: &str,
    options_json: &str,
    threads: Option<Threads>,
) -> PyResult<Vec<(&'static str, f64)>> {
    let (class, options): (Class, Options) = (class(feature_class)?, parsed(options_json)?);
    let mask = mask.as_array();
    let levels = levels.as_ref().map(PyReadonlyArray3::as_array);
    let door = |run: &(dyn Fn() -> Result<Vec<(&'static str, f64)>> + Sync)| {
        compute(py, mask.len(), || with_threads(threads, run))
    };
    let Some(image) = image else {
        let none = None::<ArrayView3<'_, f64>>;
        return door(&|| features(class, none, mask, levels, spacing, &options));
    };
    with_view!(&AnyVolume::view(&image)?, |image| door(&|| features(
        class,
        Some(image),
        mask,
        levels,
        spacing,
        &options
    )))
}

/// Maps of all features of a class, by PyRadiomics' names and in its order; options as JSON.
#[pyfunction]
#[pyo3(signature = (
    image, mask, levels, spacing, feature_class, options_json, threads = None, progress = None
))]
#[allow(clippy::too_many_arguments)] // as Python gives them
fn pyradiomics_maps<'py>(
    py: Python<'py>,
    image: Option<Bound<'py, PyAny>>,
    mask: PyReadonlyArray3<'py, bool>,
    levels: Option<PyReadonlyArray3<'py, u16>>,
    spacing: [f64; 3],
    feature_class: &str,
    options_json: &str,
    threads: Option<Threads>,
    progress: Option<Bound<'py, MapProgress>>,
) -> PyResult<Bound<'py, PyDict>> {
    let class = class(feature_class)?;
    let options = MapOptions::from_json(options_json).map_err(CoreError)?;
    let mask = mask.as_array();
    let levels = levels.as_ref().map(PyReadonlyArray3::as_array);
    let unseen = AtomicUsize::new(0);
    let done = progress.as_ref().map_or(&unseen, |p| &p.get().0);
    let door = |run: &(dyn Fn() -> Result<Vec<(&'static str, Array3<f64>)>> + Sync)| {
        compute(py, usize::MAX, || with_threads(threads, run))
    };
    let made = match image {
        None => {
            let none = None::<ArrayView3<'_, f64>>;
            door(&|| maps(class, none, mask, levels, spacing, &options, done))?
        }
        Some(image) => with_view!(&AnyVolume::view(&image)?, |image| door(&|| {
            maps(class, Some(image), mask, levels, spacing, &options, done)
        }))?,
    };
    let wrapped = PyDict::new(py);
    for (name, map) in made {
        wrapped.set_item(name, map.into_pyarray(py))?;
    }
    Ok(wrapped)
}
