//! Maps of features: signatures, views, the door and a wrap.

use std::sync::atomic::{AtomicUsize, Ordering};

use ferromics::extract;
use numpy::{IntoPyArray, PyArray3, PyReadonlyArray3};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;

use crate::api::{compute, with_threads, Plan, Prepared, Threads};
use crate::array::{with_view, AnyVolume};

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<MapProgress>()?;
    module.add_class::<Mappable>()?;
    module.add_function(wrap_pyfunction!(feature_maps, module)?)
}

/// How far maps are, to be read from another thread.
#[pyclass(frozen, module = "ferromics._core")]
pub struct MapProgress(pub AtomicUsize);

#[pymethods]
impl MapProgress {
    #[new]
    fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Voxels whose values are known.
    #[getter]
    fn done(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A region made ready for maps.
#[pyclass(frozen, module = "ferromics._core")]
struct Mappable(extract::Mappable);

#[pymethods]
impl Mappable {
    #[new]
    #[pyo3(signature = (plan, prepared, image, mask, spacing, threads = None))]
    fn new(
        py: Python<'_>,
        plan: &Plan,
        prepared: &Prepared,
        image: &Bound<'_, PyAny>,
        mask: PyReadonlyArray3<'_, bool>,
        spacing: [f64; 3],
        threads: Option<Threads>,
    ) -> PyResult<Self> {
        let (plan, prepared, mask) = (&plan.0, &prepared.0, mask.as_array());
        with_view!(&AnyVolume::view(image)?, |image| compute(
            py,
            usize::MAX,
            || with_threads(threads, || extract::Mappable::new(
                plan, prepared, image, mask, spacing
            ))
        ))
        .map(Self)
    }

    /// Shape (z, y, x) and spacing (mm) of the grid that maps lie on.
    #[getter]
    fn grid(&self) -> ([usize; 3], [f64; 3]) {
        self.0.grid()
    }

    #[getter]
    fn normalisation(&self) -> Option<[f64; 3]> {
        self.0.normalisation()
    }

    /// Voxels of the intensity mask.
    #[getter]
    fn voxels(&self) -> usize {
        self.0.voxels()
    }
}

/// Maps, how many voxels of the region are undefined in each, and warnings.
type Made<'py> = (Vec<Bound<'py, PyArray3<f64>>>, Vec<usize>, Vec<String>);

/// The maps of columns of a plan, in their order.
#[pyfunction]
#[pyo3(signature = (
    plan, prepared, region, columns, radius, outside, threads = None, progress = None
))]
#[allow(clippy::too_many_arguments, clippy::needless_pass_by_value)] // as Python gives them
fn feature_maps<'py>(
    py: Python<'py>,
    plan: &Plan,
    prepared: &Prepared,
    region: &Mappable,
    columns: Vec<usize>,
    radius: [u32; 3],
    outside: f64,
    threads: Option<Threads>,
    progress: Option<Bound<'py, MapProgress>>,
) -> PyResult<Made<'py>> {
    let (plan, prepared, region) = (&plan.0, &prepared.0, &region.0);
    if let Some(&beyond) = columns.iter().find(|&&k| k >= plan.columns().len()) {
        return Err(PyIndexError::new_err(beyond));
    }
    let unseen = AtomicUsize::new(0);
    let done = progress.as_ref().map_or(&unseen, |p| &p.get().0);
    let made = compute(py, usize::MAX, || {
        let run = || region.maps(plan, prepared, &columns, radius, outside, done);
        with_threads(threads, run)
    })?;
    let maps = made.maps.into_iter().map(|map| map.into_pyarray(py));
    Ok((maps.collect(), made.undefined, made.warnings))
}
