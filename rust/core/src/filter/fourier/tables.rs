//! Transfer functions of sampled Gaussian kernels: products of one table an axis.

use std::f64::consts::TAU;

use super::{Complex, Grid};
use crate::filter::convolve::Real;

/// A Gaussian kernel that is cut off at `floor(truncate sigma / spacing + 0.5)` voxels, of sum 1.
#[derive(Debug, Clone)]
pub struct Gaussian {
    tables: [Vec<f64>; 3],
}

impl Gaussian {
    /// `sigma` and `spacing` (z, y, x) in mm.
    #[must_use]
    pub fn new(grid: &Grid, sigma: f64, truncate: f64, spacing: [f64; 3]) -> Self {
        let tables = axes(grid, |n, axis| {
            let kernel = weights(sigma / spacing[axis], truncate);
            let sum = kernel[0] + 2.0 * kernel[1..].iter().sum::<f64>();
            spectrum(&kernel, n).into_iter().map(|v| v / sum).collect()
        });
        Self { tables }
    }

    /// Voxels that the kernel reaches along each axis.
    #[must_use]
    pub fn reach(sigma: f64, truncate: f64, spacing: [f64; 3]) -> [usize; 3] {
        spacing.map(|s| half_width(sigma / s, truncate))
    }

    /// Multiplies the values at the frequencies of x.
    pub fn multiply<T: Real>(&self, kz: usize, ky: usize, row: &mut [Complex<T>]) {
        let [z, y, x] = &self.tables;
        let factor = z[kz] * y[ky];
        row.iter_mut()
            .zip(x)
            .for_each(|(v, x)| *v = v.scale(T::nearest(factor * x)));
    }
}

/// The Laplacian of Gaussian of IBSI 2 (L6PA), sampled from its formula and cut off like
/// [`Gaussian`]:
/// $g(k) = -\frac{1}{\sigma^2 (\sqrt{2\pi} \sigma)^D} (D - \frac{k^2}{\sigma^2}) e^{-k^2/2\sigma^2}$,
/// with $\sigma$ in voxels.
///
/// Where spacing differs between axes, each has its own $\sigma$ in voxels; the factor $1/\sigma^2$
/// is then that of their geometric mean, so that the kernel is round in mm.
#[derive(Debug, Clone)]
pub struct LaplacianOfGaussian {
    /// Of `e` and of `e k^2 / sigma^2`, `e` the Gaussian.
    tables: [[Vec<f64>; 2]; 3],
    factor: f64,
    dimensions: f64,
}

impl LaplacianOfGaussian {
    /// `sigma` and `spacing` (z, y, x) in mm.
    #[must_use]
    pub fn new(grid: &Grid, sigma: f64, truncate: f64, spacing: [f64; 3]) -> Self {
        let filtered: Vec<usize> = (0..3).filter(|&a| grid.dimension().has(a)).collect();
        let dimensions = filtered.len() as f64;
        let sigmas = spacing.map(|s| sigma / s);
        let product: f64 = filtered.iter().map(|&a| sigmas[a]).product();
        let plain = axes(grid, |n, a| spectrum(&weights(sigmas[a], truncate), n));
        let mut bent = axes(grid, |n, a| {
            let kernel = weights(sigmas[a], truncate).into_iter().enumerate();
            let times = |(k, e): (usize, f64)| e * (k as f64 / sigmas[a]).powi(2);
            spectrum(&kernel.map(times).collect::<Vec<_>>(), n)
        });
        if !grid.dimension().has(0) {
            bent[0].fill(0.0); // there is no such axis
        }
        let mut bent = bent.into_iter();
        let powers = product.powf(2.0 / dimensions) * TAU.powf(dimensions / 2.0) * product;
        Self {
            tables: plain.map(|e| [e, bent.next().unwrap_or_default()]),
            factor: -1.0 / powers,
            dimensions,
        }
    }

    /// Multiplies the values at the frequencies of x.
    pub fn multiply<T: Real>(&self, kz: usize, ky: usize, row: &mut [Complex<T>]) {
        let [[z, z2], [y, y2], [x, x2]] = &self.tables;
        let (zy, bent) = (z[kz] * y[ky], z2[kz] * y[ky] + z[kz] * y2[ky]);
        let along = self.dimensions * zy - bent;
        for (v, (x, x2)) in row.iter_mut().zip(x.iter().zip(x2)) {
            *v = v.scale(T::nearest(self.factor * (along * x - zy * x2)));
        }
    }
}

/// One table for each axis; for slices a 1 at each along z.
fn axes(grid: &Grid, table: impl Fn(usize, usize) -> Vec<f64>) -> [Vec<f64>; 3] {
    let length = grid.length();
    std::array::from_fn(|axis| {
        if grid.dimension().has(axis) {
            table(length[axis], axis)
        } else {
            vec![1.0; length[axis]]
        }
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, checked by callers
fn half_width(sigma: f64, truncate: f64) -> usize {
    (truncate * sigma + 0.5).min(1e9) as usize
}

/// `e^(-k^2 / 2 sigma^2)` for k = 0, 1, ...
fn weights(sigma: f64, truncate: f64) -> Vec<f64> {
    (0..=half_width(sigma, truncate))
        .map(|k| (-(k as f64 / sigma).powi(2) / 2.0).exp())
        .collect()
}

/// The transform of an even kernel, given for k = 0, 1, ..., at the `n` frequencies of a grid.
fn spectrum(kernel: &[f64], n: usize) -> Vec<f64> {
    let cosine: Vec<f64> = (0..n).map(|i| (TAU * i as f64 / n as f64).cos()).collect();
    let term = |k: usize, i: usize| kernel[i] * cosine[(i % n) * k % n];
    (0..n)
        .map(|k| kernel[0] + 2.0 * (1..kernel.len()).map(|i| term(k, i)).sum::<f64>())
        .collect()
}
