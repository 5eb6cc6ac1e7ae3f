//! Filters by convolution: mean, Laplacian of Gaussian, Laws' kernels, separable wavelets, gradient.

use ferromics::filter::laws::Laws;
use ferromics::filter::wavelet::{self, SubBand, Wavelet};
use ferromics::filter::{gradient, log, mean, Boundary, Dimension, Pooling};
use pyo3::prelude::*;

use super::{filtered, Image, Json};
use crate::api::Threads;
use crate::error::CoreError;

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(filter_mean, module)?)?;
    module.add_function(wrap_pyfunction!(filter_log, module)?)?;
    module.add_function(wrap_pyfunction!(filter_laws, module)?)?;
    module.add_function(wrap_pyfunction!(filter_wavelet, module)?)?;
    module.add_function(wrap_pyfunction!(wavelet_names, module)?)?;
    module.add_function(wrap_pyfunction!(filter_gradient, module)?)
}

/// Mean filter.
#[pyfunction]
#[pyo3(signature = (image, support, dimension, boundary, threads = None))]
fn filter_mean<'py>(
    py: Python<'py>,
    image: Image<'py>,
    support: usize,
    dimension: Json<Dimension>,
    boundary: Json<Boundary>,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyAny>> {
    filtered!(py, image, threads, |image| {
        mean::mean(image, support, dimension.0, boundary.0)
    })
}

/// Laplacian of Gaussian.
#[pyfunction]
#[pyo3(signature = (image, spacing, sigma, truncate, dimension, boundary, threads = None))]
#[allow(clippy::too_many_arguments)] // the filter's own
fn filter_log<'py>(
    py: Python<'py>,
    image: Image<'py>,
    spacing: [f64; 3],
    sigma: f64,
    truncate: f64,
    dimension: Json<Dimension>,
    boundary: Json<Boundary>,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyAny>> {
    filtered!(py, image, threads, |image| {
        log::laplacian_of_gaussian(image, spacing, sigma, truncate, dimension.0, boundary.0)
    })
}

/// Laws' kernels: the response map, or the energy map where `energy` gives its distance.
#[pyfunction]
#[pyo3(signature = (image, kernels, energy, rotations, boundary, threads = None))]
fn filter_laws<'py>(
    py: Python<'py>,
    image: Image<'py>,
    kernels: &str,
    energy: Option<usize>,
    rotations: Option<Json<Pooling>>,
    boundary: Json<Boundary>,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyAny>> {
    let rotations = rotations.map(|r| r.0);
    filtered!(py, image, threads, |image| {
        let laws = Laws::named(kernels)?;
        match energy {
            Some(distance) => laws.energy(image, distance, rotations, boundary.0),
            None => laws.response(image, rotations, boundary.0),
        }
    })
}

/// Sub-bands of an undecimated wavelet, by name; all of `dimension` if none is named.
#[pyfunction]
#[pyo3(signature = (image, wavelet, sub_bands, dimension, level, rotations, boundary, threads = None))]
#[allow(clippy::too_many_arguments)] // the filter's own
fn filter_wavelet<'py>(
    py: Python<'py>,
    image: Image<'py>,
    wavelet: &str,
    sub_bands: Option<Vec<String>>,
    dimension: Json<Dimension>,
    level: usize,
    rotations: Option<Json<Pooling>>,
    boundary: Json<Boundary>,
    threads: Option<Threads>,
) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    let rotations = rotations.map(|r| r.0);
    let named = match &image {
        Image::Double(_) => Wavelet::named,
        Image::Single(_) => Wavelet::named_in_single,
    };
    let wavelet = named(wavelet).map_err(CoreError)?;
    let bands: Vec<SubBand> = match sub_bands {
        Some(names) => {
            let named = names.iter().map(|name| SubBand::named(name));
            named.collect::<Result<_, _>>().map_err(CoreError)?
        }
        None => SubBand::all(dimension.0),
    };
    let maps = filtered!(py, image, threads, bands.len(), |image, maps| {
        wavelet::sub_bands_into(maps, image, &wavelet, level, &bands, rotations, boundary.0)
    })?;
    let names = bands.iter().map(ToString::to_string);
    Ok(names.zip(maps).collect())
}

/// Names of all wavelets.
#[pyfunction]
fn wavelet_names() -> Vec<String> {
    wavelet::names()
}

/// Gradient magnitude.
#[pyfunction]
#[pyo3(signature = (image, spacing, dimension, boundary, threads = None))]
fn filter_gradient<'py>(
    py: Python<'py>,
    image: Image<'py>,
    spacing: [f64; 3],
    dimension: Json<Dimension>,
    boundary: Json<Boundary>,
    threads: Option<Threads>,
) -> PyResult<Bound<'py, PyAny>> {
    filtered!(py, image, threads, |image| {
        gradient::gradient_magnitude(image, spacing, dimension.0, boundary.0)
    })
}
