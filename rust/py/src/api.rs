//! Computing functions: each a signature, a view, the door and a wrap.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{sync_channel, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ferromics::extract::ResponseMap;
use ferromics::normalise::Normalisation;
use ferromics::parallel::{self, until};
use ferromics::volume::Volume;
use ferromics::{extract, plan, process, Result, Settings};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray3};
use pyo3::exceptions::{PyIndexError, PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;

use crate::array::{with_view, AnyVolume};
use crate::error::{input_error, CoreError};

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Prepared>()?;
    module.add_class::<Processed>()?;
    module.add_class::<Cut>()?;
    module.add_class::<Plan>()
}

/// Image size in voxels from which a call watches for Ctrl-C; smaller ones end in milliseconds,
/// and the watching thread would cost some 50 microseconds.
const WATCH_FROM: usize = 500_000;

/// The one door: releases the GIL, watches for Ctrl-C, maps errors. Nothing else calls `detach`.
pub fn compute<T: Send>(
    py: Python<'_>,
    voxels: usize,
    f: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    if voxels < WATCH_FROM {
        return py.detach(f).map_err(|e| CoreError(e).into());
    }
    let outcome = py.detach(|| {
        std::thread::scope(|scope| {
            let stop = Arc::new(AtomicBool::new(false));
            let heeded = Arc::clone(&stop);
            let (done, wait) = sync_channel(1);
            scope.spawn(move || done.send(until(&heeded, f)));
            loop {
                match wait.recv_timeout(Duration::from_millis(100)) {
                    Ok(Some(result)) => return Ok(result),
                    // It panicked, which `scope` passes on.
                    Ok(None) | Err(RecvTimeoutError::Disconnected) => {
                        return Err(PyKeyboardInterrupt::new_err(()))
                    }
                    Err(RecvTimeoutError::Timeout) => {
                        #[allow(clippy::redundant_closure_for_method_calls)] // lifetimes differ
                        if let Err(signal) = Python::attach(|py| py.check_signals()) {
                            stop.store(true, Ordering::Relaxed);
                            return Err(signal); // `scope` waits for the loops to end
                        }
                    }
                }
            }
        })
    })?;
    outcome.map_err(|e| CoreError(e).into())
}

/// Number of threads that a call asks for.
#[derive(Clone, Copy)]
pub struct Threads(usize);

impl FromPyObject<'_, '_> for Threads {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        match given.extract() {
            Ok(threads @ 1..) => Ok(Self(threads)),
            _ => Err(input_error(format!(
                "threads is {}; it must be a whole number from 1, or None for all cores",
                given.repr()?
            ))),
        }
    }
}

/// [`parallel::with_threads`] as a call asks for them.
pub fn with_threads<R: Send>(threads: Option<Threads>, f: impl FnOnce() -> R + Send) -> R {
    parallel::with_threads(threads.map(|Threads(n)| n), f)
}

/// A column as Python sees it, see `_core.pyi`.
type Column<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
);

fn column(c: &plan::Column) -> Column<'_> {
    let plan::Column {
        name,
        image,
        feature,
        discretisation,
        parameters,
        unit,
        ..
    } = c;
    (
        name,
        image,
        c.family,
        feature,
        c.ibsi,
        c.aggregation,
        discretisation,
        parameters,
        unit,
    )
}

/// Values of one region, warnings, voxels of the morphological and the intensity mask, shape and
/// spacing of the grid they were computed on, and the normalisation.
type Outcome<'py> = (
    Bound<'py, PyArray1<f64>>,
    Vec<String>,
    (u64, u64),
    ([usize; 3], [f64; 3]),
    Option<[f64; 3]>,
);

/// What depends on an image alone and serves all its regions.
#[pyclass(frozen, module = "ferromics._core")]
pub struct Prepared(pub process::Prepared);

#[pymethods]
impl Prepared {
    #[getter]
    fn normalisation(&self) -> Option<[f64; 3]> {
        self.0.normalisation().map(Normalisation::parameters)
    }

    /// Images of all regions whose features are known.
    #[getter]
    fn done(&self) -> usize {
        self.0.done()
    }
}

/// A whole image, normalised, resampled and rounded.
#[pyclass(frozen, module = "ferromics._core")]
struct Processed(Volume<f64>);

#[pymethods]
impl Processed {
    #[getter]
    fn shape(&self) -> [usize; 3] {
        self.0.shape()
    }

    #[getter]
    fn spacing(&self) -> [f64; 3] {
        self.0.spacing()
    }
}

/// What a plan needs of an image for one region.
#[pyclass(frozen, module = "ferromics._core")]
struct Cut {
    made: Mutex<Option<extract::Cut>>,
    /// For [`compute`].
    voxels: usize,
}

/// Settings made ready to run on any number of regions.
#[pyclass(frozen, module = "ferromics._core")]
pub struct Plan(pub plan::Plan);

#[pymethods]
impl Plan {
    #[new]
    fn new(settings_json: &str) -> PyResult<Self> {
        let plan = Settings::from_json(settings_json).and_then(plan::Plan::new);
        plan.map(Self).map_err(|e| CoreError(e).into())
    }

    #[getter]
    fn columns(&self) -> Vec<Column<'_>> {
        self.0.columns().iter().map(column).collect()
    }

    /// The plan of what these columns come from alone.
    #[allow(clippy::needless_pass_by_value)] // as Python gives it
    fn only(&self, columns: Vec<String>) -> Self {
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        Self(self.0.only(&names))
    }

    #[pyo3(signature = (image, *, several_regions = false))]
    fn prepare(
        &self,
        py: Python<'_>,
        image: &Bound<'_, PyAny>,
        several_regions: bool,
    ) -> PyResult<Prepared> {
        let settings = self.0.settings();
        let looks = settings.normalise.is_some(); // else the image is not looked at
        let prepared = with_view!(&AnyVolume::view(image)?, |image| compute(
            py,
            if looks { image.len() } else { 0 },
            || process::Prepared::new(image, settings)
        ))?;
        Ok(Prepared(if several_regions {
            prepared.for_regions(settings)
        } else {
            prepared
        }))
    }

    #[getter]
    fn maps(&self) -> Vec<&str> {
        self.0.maps().collect()
    }

    fn process(
        &self,
        py: Python<'_>,
        prepared: &Prepared,
        image: &Bound<'_, PyAny>,
        spacing: [f64; 3],
        threads: Option<Threads>,
    ) -> PyResult<Processed> {
        let (settings, prepared) = (self.0.settings(), &prepared.0);
        let processed = with_view!(&AnyVolume::view(image)?, |image| compute(
            py,
            usize::MAX,
            || {
                let run = || process::process_whole(image, spacing, settings, prepared);
                with_threads(threads, run)
            }
        ))?;
        Ok(Processed(processed))
    }

    #[pyo3(signature = (image, map, threads = None))]
    fn response_map<'py>(
        &self,
        py: Python<'py>,
        image: &Processed,
        map: usize,
        threads: Option<Threads>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if map >= self.0.maps().count() {
            return Err(PyIndexError::new_err(map));
        }
        let run = || extract::response_map(&self.0, map, &image.0);
        let made = compute(py, image.0.data().len(), || with_threads(threads, run))?;
        Ok(match made {
            ResponseMap::Double(map) => map.into_pyarray(py).into_any(),
            ResponseMap::Single(map) => map.into_pyarray(py).into_any(),
        })
    }

    /// What the plan needs of an image for one region, for [`Self::run_cut`]: image and mask may
    /// then be let go of.
    #[pyo3(signature = (prepared, image, mask, spacing, threads = None))]
    fn cut(
        &self,
        py: Python<'_>,
        prepared: &Prepared,
        image: &Bound<'_, PyAny>,
        mask: PyReadonlyArray3<'_, bool>,
        spacing: [f64; 3],
        threads: Option<Threads>,
    ) -> PyResult<Cut> {
        let (mask, prepared) = (mask.as_array(), &prepared.0);
        // A small image may become a large one; else there is little to do for each voxel.
        let resampled = self.0.settings().resample.spacing != [None; 3];
        let work = if resampled {
            usize::MAX
        } else {
            mask.len() / 16
        };
        let made = with_view!(&AnyVolume::view(image)?, |image| compute(py, work, || {
            let cut = || extract::cut(&self.0, prepared, image, mask, spacing);
            with_threads(threads, cut)
        }))?;
        let voxels = match made.is_done() {
            true => 0,
            false if resampled => usize::MAX,
            false => mask.len(),
        };
        let made = Mutex::new(Some(made));
        Ok(Cut { made, voxels })
    }

    /// The values of a region; takes what `cut` made, once.
    #[pyo3(signature = (prepared, cut, threads = None))]
    fn run_cut<'py>(
        &self,
        py: Python<'py>,
        prepared: &Prepared,
        cut: &Cut,
        threads: Option<Threads>,
    ) -> PyResult<Outcome<'py>> {
        let mut made = cut.made.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = made.take();
        drop(made);
        let made = taken.ok_or_else(|| PyValueError::new_err("this cut was run already"))?;
        let out = compute(py, cut.voxels, || {
            with_threads(threads, || made.run(&self.0, &prepared.0))
        })?;
        let voxels = (out.morphological_voxels, out.intensity_voxels);
        let grid = (out.grid_shape, out.grid_spacing);
        let values = out.values.into_pyarray(py);
        Ok((values, out.warnings, voxels, grid, out.normalisation))
    }

    /// Both in one.
    #[pyo3(signature = (prepared, image, mask, spacing, threads = None))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        prepared: &Prepared,
        image: &Bound<'py, PyAny>,
        mask: PyReadonlyArray3<'py, bool>,
        spacing: [f64; 3],
        threads: Option<Threads>,
    ) -> PyResult<Outcome<'py>> {
        let cut = self.cut(py, prepared, image, mask, spacing, threads)?;
        self.run_cut(py, prepared, &cut, threads)
    }
}
