//! Non-separable, isotropic wavelets: Simoncelli (IBSI PRT7) and Shannon, B maps.
//!
//! Both are given by their value at the length of the frequency, where 1 is the highest frequency
//! of each axis; level $j$ has the band below $m = 2^{1-j}$. Images are (z, y, x) in voxels,
//! responses have the image's shape and intensity unit.

use std::f64::consts::FRAC_PI_2;

use ndarray::{Array3, ArrayView3};
use serde::{Deserialize, Serialize};

use super::convolve::Real;
use super::fourier::{check_image, Complex, Grid, Transformed};
use super::{Boundary, Dimension};
use crate::error::{Error, Result};

/// An isotropic wavelet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wavelet {
    /// $\cos(\frac{\pi}{2} \log_2 \frac{2 \nu}{m})$ for $m / 4 < \nu \le m$, else 0.
    Simoncelli,
    /// 1 for $m / 2 < \nu \le m$, else 0.
    Shannon,
}

impl Wavelet {
    /// Value at the frequency `nu`, a length, in the band below `m`.
    fn at(self, nu: f64, m: f64) -> f64 {
        match self {
            Self::Simoncelli if nu > m / 4.0 && nu <= m => {
                (FRAC_PI_2 * (2.0 * nu / m).log2()).cos()
            }
            Self::Shannon if nu > m / 2.0 && nu <= m => 1.0,
            _ => 0.0,
        }
    }
}

/// Voxels beyond each edge at level 1, twice as many at each further level.
///
/// These wavelets have no finite support. Of the range of IBSI 2 test 10.b.1, the map still changes
/// by 0.2 % of it when the margin is doubled.
const MARGIN: usize = 16;

/// The B map of `wavelet` at `level` (1 is the finest).
///
/// With a periodic boundary the image is transformed as it is. With any other it is padded by
/// `16 * 2^(level - 1)` voxels beyond each edge, but by no more than a quarter of the axis or 16
/// voxels, whichever is more; and to an odd length, whose frequency grid is symmetric, so that the
/// wavelet is isotropic. An axis of one voxel has only the frequency 0, and is not padded: the
/// volume of one slice is filtered like a slice.
///
/// The spectrum takes as much memory as the image padded along y and x: for axes of 128 voxels or
/// more at most 2.1 times that of the image at level 1, and 3.2 times at any.
///
/// # Errors
/// As [`check`]; [`Error::Argument`] for an image that is empty or not finite, and a constant
/// beyond the edge that is not finite.
pub fn wavelet<T: Real>(
    image: ArrayView3<'_, T>,
    wavelet: Wavelet,
    level: u32,
    dimension: Dimension,
    boundary: Boundary,
) -> Result<Array3<T>> {
    check_image(image, boundary)?;
    let grid = grid(image.dim().into(), level, dimension, boundary)?;
    let band = Band::new(&grid, wavelet, level);
    let transformed = Transformed::new(image, grid);
    Ok(
        transformed.into_response(|kz: usize, ky: usize, row: &mut [Complex<T>]| {
            band.multiply(kz, ky, row);
        }),
    )
}

/// Refuses a level that an image of this shape (z, y, x) has not.
///
/// # Errors
/// [`Error::Argument`] if the level is 0, or so deep that the middle of its band lies below the
/// first frequency of the longest axis.
pub fn check(level: u32, shape: [usize; 3], dimension: Dimension) -> Result<()> {
    let filtered = (0..3).filter(|&a| dimension.has(a));
    let longest = filtered.map(|a| shape[a]).max().unwrap_or(1);
    // Deepest level whose band has its middle at a frequency of the axis.
    let deepest = (longest.saturating_sub(1) / 2).checked_ilog2().unwrap_or(0);
    if (1..=deepest).contains(&level) {
        return Ok(());
    }
    Err(Error::Argument {
        name: "level",
        given: format!(
            "{level} for an image of shape {shape:?} (z, y, x), whose deepest level is {deepest}"
        ),
        allowed: "levels go from 1 to the largest j with 2^(j + 1) < n, the voxels of its \
                  longest axis",
    })
}

/// The grid for a level, if the image is large enough for it.
pub(super) fn grid(
    image: [usize; 3],
    level: u32,
    dimension: Dimension,
    boundary: Boundary,
) -> Result<Grid> {
    check(level, image, dimension)?;
    let margin = image.map(|n| {
        if n == 1 {
            0
        } else {
            (MARGIN << (level - 1)).min(MARGIN.max(n / 4))
        }
    });
    Ok(Grid::symmetric(image, margin, boundary, dimension))
}

/// A wavelet's band on the frequency grid of IBSI's reference maps.
///
/// The grid has both ends: n frequencies from -1 to 1 in equal steps. For an even n none of them is
/// 0, and the grid is half a step off; the response is then the real part. Taking it amounts to
/// the mean of the values at a frequency and at its opposite, which is what this gives; and 0 where
/// the frequency is 0, so that a constant has no response at any level.
#[derive(Debug)]
pub(super) struct Band {
    wavelet: Wavelet,
    m: f64,
    /// Squares of the frequency at each index and at its opposite.
    squares: [Vec<[f64; 2]>; 3],
}

impl Band {
    pub(super) fn new(grid: &Grid, wavelet: Wavelet, level: u32) -> Self {
        let axis = |axis: usize| {
            let n = grid.length()[axis];
            let at = |k: usize| {
                let signed = if 2 * k >= n {
                    k as f64 - n as f64
                } else {
                    k as f64
                };
                let twice = 2.0 * signed + if n.is_multiple_of(2) { 1.0 } else { 0.0 };
                (twice / (n as f64 - 1.0)).powi(2)
            };
            if n == 1 || !grid.dimension().has(axis) {
                vec![[0.0; 2]; n]
            } else {
                (0..n).map(|k| [at(k), at((n - k) % n)]).collect()
            }
        };
        Self {
            wavelet,
            m: 0.5_f64.powi(i32::try_from(level).unwrap_or(i32::MAX) - 1),
            squares: [0, 1, 2].map(axis),
        }
    }

    /// Multiplies the values at the frequencies of x.
    pub(super) fn multiply<T: Real>(&self, kz: usize, ky: usize, row: &mut [Complex<T>]) {
        for (kx, v) in row.iter_mut().enumerate() {
            *v = v.scale(T::nearest(self.at(kz, ky, kx)));
        }
    }

    /// The value at the frequency with these indices along z, y and x.
    fn at(&self, kz: usize, ky: usize, kx: usize) -> f64 {
        let [z, y, x] = [
            self.squares[0][kz],
            self.squares[1][ky],
            self.squares[2][kx],
        ];
        if [kz, ky, kx] == [0; 3] {
            return 0.0;
        }
        let [one, other] = [0, 1].map(|i| (z[i] + y[i] + x[i]).sqrt());
        if one == other {
            return self.wavelet.at(one, self.m); // a grid of odd lengths
        }
        f64::midpoint(self.wavelet.at(one, self.m), self.wavelet.at(other, self.m))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::super::fourier::testing::{close, noise, rotated, spectrum};
    use super::*;
    use crate::parallel::with_threads;

    const BOTH: [Wavelet; 2] = [Wavelet::Simoncelli, Wavelet::Shannon];

    /// The filter by its definition: a plain transform, IBSI's grid, the real part.
    fn naive(image: &Array3<f64>, kind: Wavelet, level: i32) -> Array3<f64> {
        let (nz, ny, nx) = image.dim();
        let f = |k: usize, n: usize| {
            // Position of index k after the shift that puts the middle (n / 2) first.
            let place = (k + n / 2) % n;
            -1.0 + 2.0 * place as f64 / (n as f64 - 1.0)
        };
        let mut values = spectrum(&image.mapv(Into::into), -1.0);
        for ((z, y, x), v) in values.indexed_iter_mut() {
            let nu = (f(z, nz).powi(2) + f(y, ny).powi(2) + f(x, nx).powi(2)).sqrt();
            *v *= kind.at(nu, 0.5_f64.powi(level - 1));
            if [z, y, x] == [0; 3] {
                *v *= 0.0;
            }
        }
        spectrum(&values, 1.0).mapv(|v| v.re / image.len() as f64)
    }

    fn b_map(image: &Array3<f64>, kind: Wavelet, level: u32) -> Array3<f64> {
        wavelet(
            image.view(),
            kind,
            level,
            Dimension::Volume,
            Boundary::Periodic,
        )
        .unwrap()
    }

    #[test]
    fn maps_are_those_of_the_definition() {
        for shape in [[6, 5, 8], [9, 8, 7], [5, 5, 5], [7, 10, 9]] {
            let image = noise(shape, 1);
            for kind in BOTH {
                for level in 1..=1 + u32::from(shape.iter().any(|&n| n > 8)) {
                    let expected = naive(&image, kind, i32::try_from(level).unwrap());
                    close(&b_map(&image, kind, level), &expected, 1e-12);
                }
            }
        }
    }

    #[test]
    fn levels_tile_the_spectrum() {
        for nu in [0.26, 0.3, 0.4, 0.5, 0.51, 0.7, 0.99, 1.0] {
            for kind in BOTH {
                let squares: f64 = (0..5)
                    .map(|j| kind.at(nu, 0.5_f64.powi(j - 1)).powi(2))
                    .sum();
                assert!((squares - 1.0).abs() < 1e-12, "{nu} {kind:?} {squares}");
            }
        }
    }

    #[test]
    fn a_constant_image_gives_nothing_and_responses_add_up() {
        let flat = Array3::from_elem([9, 8, 12], 7.0);
        let (a, b) = (noise([9, 8, 12], 2), noise([9, 8, 12], 3));
        for kind in BOTH {
            for level in [1, 2] {
                close(&b_map(&flat, kind, level), &(&flat * 0.0), 1e-12);
                let both = b_map(&(&a * 2.0 - &b), kind, level);
                let sum = b_map(&a, kind, level) * 2.0 - b_map(&b, kind, level);
                close(&both, &sum, 1e-12);
            }
        }
    }

    #[test]
    fn turning_the_image_turns_the_map() {
        // Odd, since the grid of even sizes is off centre.
        let image = noise([9, 9, 9], 4);
        for kind in BOTH {
            for axes in [[0, 1], [0, 2], [1, 2]] {
                let turned = b_map(&rotated(&image, axes), kind, 2);
                close(&turned, &rotated(&b_map(&image, kind, 2), axes), 1e-12);
            }
        }
    }

    #[test]
    fn slices_are_images_of_their_own_and_one_slice_is_flat() {
        let image = noise([3, 12, 10], 5);
        let slice = |z: usize| image.slice(ndarray::s![z..z + 1, .., ..]).to_owned();
        for boundary in [Boundary::Periodic, Boundary::Mirror, Boundary::Zero] {
            let all = wavelet(
                image.view(),
                Wavelet::Simoncelli,
                1,
                Dimension::Slice,
                boundary,
            )
            .unwrap();
            for z in 0..3 {
                for dimension in [Dimension::Slice, Dimension::Volume] {
                    let one = slice(z);
                    let one = wavelet(one.view(), Wavelet::Simoncelli, 1, dimension, boundary);
                    let part = all.slice(ndarray::s![z..z + 1, .., ..]).to_owned();
                    close(&one.unwrap(), &part, 1e-12);
                }
            }
        }
    }

    #[test]
    fn single_precision_is_near_double() {
        let image = noise([9, 12, 10], 9);
        for kind in BOTH {
            let single = image.mapv(<f32 as Real>::nearest);
            let view = single.view();
            let made = wavelet(view, kind, 1, Dimension::Volume, Boundary::Periodic).unwrap();
            close(&made.mapv(f64::from), &b_map(&image, kind, 1), 1e-6);
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let image = noise([20, 18, 22], 6);
        for boundary in [Boundary::Periodic, Boundary::Nearest] {
            for dimension in [Dimension::Slice, Dimension::Volume] {
                let run = |n| {
                    with_threads(Some(n), || {
                        wavelet(image.view(), Wavelet::Shannon, 1, dimension, boundary).unwrap()
                    })
                    .mapv(f64::to_bits)
                };
                let one = run(1);
                assert!([2, 7].iter().all(|&n| run(n) == one));
            }
        }
    }

    #[test]
    fn levels_outside_the_image_are_refused() {
        let image = noise([4, 9, 8], 7);
        let at = |level| {
            wavelet(
                image.view(),
                Wavelet::Shannon,
                level,
                Dimension::Volume,
                Boundary::Zero,
            )
        };
        assert!(at(1).is_ok() && at(2).is_ok());
        for level in [0, 3, 40, u32::MAX] {
            let message = at(level).unwrap_err().to_string();
            assert!(message.contains(&format!("level is {level}")), "{message}");
            assert!(message.contains("deepest level is 2"), "{message}");
            let checked = check(level, [4, 9, 8], Dimension::Volume).unwrap_err();
            assert_eq!(checked.to_string(), message);
        }
        // Slices of 8 x 8 have one level, where z gives the volume four.
        assert!(check(4, [40, 8, 8], Dimension::Volume).is_ok());
        assert!(check(2, [40, 8, 8], Dimension::Slice).is_err());
        let tiny = noise([2, 2, 3], 8);
        assert!(wavelet(
            tiny.view(),
            Wavelet::Shannon,
            1,
            Dimension::Volume,
            Boundary::Zero
        )
        .is_err());
    }
}
