//! Filters on arrays: each a signature, a view, the door and a wrap, in single or double precision.

use ferromics::filter::convolve::Real;
use ferromics::filter::laws::Laws;
use ferromics::filter::lbp::{self, Code};
use ferromics::filter::point::{transform, Transform};
use ferromics::filter::wavelet::{self, SubBand, Wavelet};
use ferromics::filter::{gradient, log, mean, Boundary, Dimension, Pooling};
use ferromics::parallel::with_threads;
use ferromics::Result;
use ndarray::{Array3, ArrayView3};
use numpy::{Element, IntoPyArray, PyArray3, PyArrayMethods, PyReadonlyArray3};
use pyo3::prelude::*;

use crate::api::compute;
use crate::error::{parsed, CoreError};

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(filter_mean, module)?)?;
    module.add_function(wrap_pyfunction!(filter_log, module)?)?;
    module.add_function(wrap_pyfunction!(filter_laws, module)?)?;
    module.add_function(wrap_pyfunction!(filter_wavelet, module)?)?;
    module.add_function(wrap_pyfunction!(wavelet_names, module)?)?;
    module.add_function(wrap_pyfunction!(filter_transform, module)?)?;
    module.add_function(wrap_pyfunction!(filter_gradient, module)?)?;
    module.add_function(wrap_pyfunction!(filter_lbp_2d, module)?)?;
    module.add_function(wrap_pyfunction!(filter_lbp_3d, module)?)
}

/// An image in the precision to work in.
#[derive(FromPyObject)]
enum Image<'py> {
    Double(PyReadonlyArray3<'py, f64>),
    Single(PyReadonlyArray3<'py, f32>),
}

/// Calls `$body` with `$view` as the image's view, through the door, and wraps the map.
macro_rules! filtered {
    ($py:expr, $image:expr, $threads:expr, |$view:ident| $body:expr) => {
        match &$image {
            Image::Double(a) => one($py, a.as_array(), $threads, |$view| $body),
            Image::Single(a) => one($py, a.as_array(), $threads, |$view| $body),
        }
    };
}

/// The map that `f` makes of the image.
fn one<'py, T: Real + Element>(
    py: Python<'py>,
    image: ArrayView3<'_, T>,
    threads: Option<usize>,
    f: impl FnOnce(ArrayView3<'_, T>) -> Result<Array3<T>> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let map = compute(py, image.len(), || with_threads(threads, || f(image)))?;
    Ok(map.into_pyarray(py).into_any())
}

/// Mean filter.
#[pyfunction]
#[pyo3(signature = (image, support, dimension, boundary, threads = None))]
fn filter_mean<'py>(
    py: Python<'py>,
    image: Image<'py>,
    support: usize,
    dimension: &str,
    boundary: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let (dimension, boundary): (Dimension, Boundary) = (parsed(dimension)?, parsed(boundary)?);
    filtered!(py, image, threads, |image| {
        mean::mean(image, support, dimension, boundary)
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
    dimension: &str,
    boundary: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let (dimension, boundary): (Dimension, Boundary) = (parsed(dimension)?, parsed(boundary)?);
    filtered!(py, image, threads, |image| {
        log::laplacian_of_gaussian(image, spacing, sigma, truncate, dimension, boundary)
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
    rotations: Option<&str>,
    boundary: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let rotations: Option<Pooling> = rotations.map(parsed).transpose()?;
    let boundary: Boundary = parsed(boundary)?;
    filtered!(py, image, threads, |image| {
        let laws = Laws::named(kernels)?;
        match energy {
            Some(distance) => laws.energy(image, distance, rotations, boundary),
            None => laws.response(image, rotations, boundary),
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
    dimension: &str,
    level: usize,
    rotations: Option<&str>,
    boundary: &str,
    threads: Option<usize>,
) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    let (dimension, boundary): (Dimension, Boundary) = (parsed(dimension)?, parsed(boundary)?);
    let rotations: Option<Pooling> = rotations.map(parsed).transpose()?;
    let wavelet = Wavelet::named(wavelet).map_err(CoreError)?;
    let bands: Vec<SubBand> = match sub_bands {
        Some(names) => {
            let named = names
                .iter()
                .map(|name| SubBand::named(name).map_err(CoreError));
            named.collect::<std::result::Result<_, _>>()?
        }
        None => SubBand::all(dimension),
    };
    match image {
        Image::Double(a) => several(py, a.as_array(), bands.len(), threads, |image, maps| {
            wavelet::sub_bands_into(maps, image, &wavelet, level, &bands, rotations, boundary)
        }),
        Image::Single(a) => several(py, a.as_array(), bands.len(), threads, |image, maps| {
            wavelet::sub_bands_into(maps, image, &wavelet, level, &bands, rotations, boundary)
        }),
    }
    .map(|maps| bands.iter().map(ToString::to_string).zip(maps).collect())
}

/// The maps that `f` makes of the image, in memory that numpy asks for: in large pages, where the
/// system has them for those who ask (the kernel's time for eight maps of 256^3: 0.11 s, 0.55 s).
fn several<'py, T: Real + Element>(
    py: Python<'py>,
    image: ArrayView3<'_, T>,
    count: usize,
    threads: Option<usize>,
    f: impl FnOnce(ArrayView3<'_, T>, &mut [&mut [T]]) -> Result<()> + Send,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let shape: [usize; 3] = image.dim().into();
    let empty = || PyArray3::<T>::zeros(py, shape, false);
    let maps: Vec<_> = (0..count).map(|_| empty()).collect();
    let mut held: Vec<_> = maps.iter().map(PyArrayMethods::readwrite).collect();
    let mut voxels = Vec::with_capacity(count);
    for map in &mut held {
        voxels.push(map.as_slice_mut()?);
    }
    compute(py, image.len(), || {
        with_threads(threads, || f(image, &mut voxels))
    })?;
    drop(held);
    Ok(maps.into_iter().map(Bound::into_any).collect())
}

/// Names of all wavelets.
#[pyfunction]
fn wavelet_names() -> Vec<String> {
    wavelet::names()
}

/// A transform of each intensity.
#[pyfunction]
#[pyo3(signature = (image, kind, largest = None, threads = None))]
fn filter_transform<'py>(
    py: Python<'py>,
    image: Image<'py>,
    kind: &str,
    largest: Option<f64>,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let kind: Transform = parsed(kind)?;
    filtered!(py, image, threads, |image| transform(image, kind, largest))
}

/// Gradient magnitude.
#[pyfunction]
#[pyo3(signature = (image, spacing, dimension, boundary, threads = None))]
fn filter_gradient<'py>(
    py: Python<'py>,
    image: Image<'py>,
    spacing: [f64; 3],
    dimension: &str,
    boundary: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let (dimension, boundary): (Dimension, Boundary) = (parsed(dimension)?, parsed(boundary)?);
    filtered!(py, image, threads, |image| {
        gradient::gradient_magnitude(image, spacing, dimension, boundary)
    })
}

/// Local binary patterns of slices.
#[pyfunction]
#[pyo3(signature = (image, radius, samples, code, boundary, threads = None))]
fn filter_lbp_2d<'py>(
    py: Python<'py>,
    image: Image<'py>,
    radius: f64,
    samples: usize,
    code: &str,
    boundary: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let (code, boundary): (Code, Boundary) = (parsed(code)?, parsed(boundary)?);
    filtered!(py, image, threads, |image| {
        lbp::in_slices(image, radius, samples, code, boundary)
    })
}

/// Local binary patterns of the volume.
#[pyfunction]
#[pyo3(signature = (image, radius, boundary, threads = None))]
fn filter_lbp_3d<'py>(
    py: Python<'py>,
    image: Image<'py>,
    radius: f64,
    boundary: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let boundary: Boundary = parsed(boundary)?;
    filtered!(py, image, threads, |image| lbp::in_volume(
        image, radius, boundary
    ))
}
