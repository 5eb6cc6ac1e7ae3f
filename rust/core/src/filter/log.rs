//! Laplacian of Gaussian (IBSI 2 L6PA): blobs and edges of one size.

use ndarray::{Array3, ArrayView3};

use super::convolve::{only, Bank, Kernel, Real};
use super::{Boundary, Dimension, Pooling, MAX_REACH};
use crate::error::{Error, Result};
use crate::volume::check_spacing;

/// Laplacian of a Gaussian of standard deviation `sigma` mm, of `image` (z, y, x) with this spacing
/// in mm.
///
/// With $\sigma_a = \sigma / s_a$ voxels along axis $a$ of spacing $s_a$,
/// $$g(k) = \prod_a \frac{1}{\sqrt{2 \pi} \sigma_a} e^{-k_a^2 / 2 \sigma_a^2}, \qquad
///   h(k) = \bar{s}^2 \sum_a \frac{1}{\sigma^2} \left( \frac{k_a^2}{\sigma_a^2} - 1 \right) g(k),$$
/// sampled at the voxels as it stands, without making its sum 0, for
/// $|k_a| \le \lfloor d \sigma_a + 0.5 \rfloor$ where $d$ is `truncate`. $\bar{s}$ is the geometric
/// mean of the spacings along the filtered axes: with equal spacings this is IBSI's filter in units
/// of voxels, with others it still has the same strength in all directions of space.
///
/// # Errors
/// [`Error::Argument`] unless `sigma` is finite and at least half a voxel along each filtered axis
/// (the sampled kernel would not be a Laplacian), `truncate` is positive and reaches at most 65536
/// voxels; a constant beyond the edge that is not finite. [`Error::Spacing`].
pub fn laplacian_of_gaussian<T: Real>(
    image: ArrayView3<'_, T>,
    spacing: [f64; 3],
    sigma: f64,
    truncate: f64,
    dimension: Dimension,
    boundary: Boundary,
) -> Result<Array3<T>> {
    let bank = bank(spacing, sigma, truncate, dimension)?;
    bank.maps(image, boundary, Pooling::Sum).map(only)
}

/// The filter as a bank.
///
/// # Errors
/// As [`laplacian_of_gaussian`].
pub(super) fn bank(
    spacing: [f64; 3],
    sigma: f64,
    truncate: f64,
    dimension: Dimension,
) -> Result<Bank> {
    let terms = kernels(spacing, sigma, truncate, dimension)?;
    Ok(Bank::new(terms.into_iter().map(|term| (term, 0))))
}

/// The products of kernels (z, y, x) whose sum is the filter: the second derivative along one axis,
/// the Gaussian along the others.
///
/// # Errors
/// As [`laplacian_of_gaussian`].
pub fn kernels(
    spacing: [f64; 3],
    sigma: f64,
    truncate: f64,
    dimension: Dimension,
) -> Result<Vec<[Kernel; 3]>> {
    check(spacing, sigma, truncate, dimension)?;
    let axes: Vec<usize> = (0..3).filter(|&a| dimension.has(a)).collect();
    let product: f64 = axes.iter().map(|&a| spacing[a]).product();
    let unit = product.powf(1.0 / axes.len() as f64);
    let gaussian = |a: usize| sampled(sigma / spacing[a], truncate, |_| 1.0);
    let second = |a: usize| {
        let strength = (unit / sigma).powi(2);
        sampled(sigma / spacing[a], truncate, |square| {
            strength * (square - 1.0)
        })
    };
    let term = |b: usize| dimension.kernels(|a| if a == b { second(a) } else { gaussian(a) });
    Ok(axes.iter().map(|&b| term(b)).collect())
}

/// A Gaussian of `sigma` voxels times `factor((k / sigma)^2)`.
// Whole, positive, and within MAX_REACH by `check`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn sampled(sigma: f64, truncate: f64, factor: impl Fn(f64) -> f64) -> Kernel {
    let half = (truncate * sigma + 0.5).floor();
    let norm = 1.0 / ((2.0 * std::f64::consts::PI).sqrt() * sigma);
    let weights = (0..=2 * half as usize).map(|i| {
        let square = ((i as f64 - half) / sigma).powi(2);
        norm * (-0.5 * square).exp() * factor(square)
    });
    Kernel::centred(&weights.collect::<Vec<_>>())
}

fn check(spacing: [f64; 3], sigma: f64, truncate: f64, dimension: Dimension) -> Result<()> {
    check_spacing(spacing)?;
    let refused = |name, given, allowed| Error::Argument {
        name,
        given,
        allowed,
    };
    if !(sigma.is_finite() && sigma > 0.0) {
        let allowed = "it must be a positive length in mm";
        return Err(refused("sigma", format!("{sigma} mm"), allowed));
    }
    if !(truncate.is_finite() && truncate > 0.0) {
        let allowed = "it must be a positive number of sigmas";
        return Err(refused("truncate", truncate.to_string(), allowed));
    }
    for a in (0..3).filter(|&a| dimension.has(a)) {
        let voxels = sigma / spacing[a];
        let given = || {
            let place = ["z", "y", "x"][a];
            format!(
                "{sigma} mm, or {voxels:.3} voxels along {place} (spacing {} mm)",
                spacing[a]
            )
        };
        if voxels < 0.5 {
            let allowed = "it must be at least half a voxel, or sampling loses the kernel; take a \
                           larger one, resample the image, or filter slices (2D)";
            return Err(refused("sigma", given(), allowed));
        }
        if truncate * voxels > MAX_REACH as f64 {
            let allowed = "times `truncate` it must be at most 65536 voxels";
            return Err(refused("sigma", given(), allowed));
        }
    }
    Ok(())
}
