//! Transforms of each intensity by itself: square, square root, logarithm, exponential.
//!
//! All are scaled so that the largest absolute intensity $m$ of the image stays what it is; units
//! stay those of the image. These are the definitions that PyRadiomics' code has (its documentation
//! promises the sign for the square, too, which its code drops); here the cases that it leaves
//! undefined have values, and $m$ may be given, so that a part of an image, or all images of a
//! study, are transformed alike.

use ndarray::{Array3, ArrayView3};
use serde::{Deserialize, Serialize};

use super::convolve::{voxels_of, Real};
use crate::error::{Error, Result};
use crate::parallel;

/// A transform of intensities $x$; $m$ is the largest $|x|$.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// $x^2 / m$: never negative, whatever the sign of $x$. 0 where $m$ is 0.
    Square,
    /// $\mathrm{sign}(x) \sqrt{m |x|}$.
    SquareRoot,
    /// $\mathrm{sign}(x) \ln(|x| + 1) \, m / \ln(m + 1)$. 0 where $m$ is 0.
    Logarithm,
    /// $e^{x \ln(m) / m}$, which falls with $x$ where $m < 1$. 1 where $m$ is 0.
    Exponential,
}

/// Transforms each voxel of `image` (z, y, x). `largest` is $m$, else the largest finite absolute
/// value of the image. NaN stays NaN.
///
/// # Errors
/// [`Error::Argument`] unless `largest` is positive and finite.
pub fn transform<T: Real>(
    image: ArrayView3<'_, T>,
    transform: Transform,
    largest: Option<f64>,
) -> Result<Array3<T>> {
    if let Some(m) = largest.filter(|m| !(m.is_finite() && *m > 0.0)) {
        return Err(Error::Argument {
            name: "largest",
            given: m.to_string(),
            allowed: "it must be a positive number",
        });
    }
    let m = largest.unwrap_or_else(|| largest_magnitude(image));
    let at = |x: f64| value(transform, x, m);
    let mut map = image.as_standard_layout().into_owned();
    let voxels = voxels_of(&mut map);
    let work = voxels.len().saturating_mul(STEPS);
    parallel::for_each_chunk(voxels, CHUNK, work, |_, chunk| {
        for x in chunk {
            *x = T::nearest(at(x.to_f64()));
        }
    });
    Ok(map)
}

/// Voxels of a task.
pub(crate) const CHUNK: usize = 1 << 14;
/// Elementary steps of a logarithm.
pub(crate) const STEPS: usize = 10;

fn largest_magnitude<T: Real>(image: ArrayView3<'_, T>) -> f64 {
    let magnitudes = image.iter().map(|x| x.to_f64().abs());
    magnitudes
        .filter(|x| x.is_finite())
        .fold(0.0, |m, x| if x > m { x } else { m })
}

fn value(transform: Transform, x: f64, m: f64) -> f64 {
    let signed = |magnitude: f64| if x == 0.0 { 0.0 } else { magnitude.copysign(x) };
    match transform {
        _ if x.is_nan() => x,
        Transform::Square if m > 0.0 => x * (x / m),
        Transform::SquareRoot => signed((m * x.abs()).sqrt()),
        Transform::Logarithm if m > 0.0 => signed(x.abs().ln_1p() * (m / m.ln_1p())),
        Transform::Exponential if m > 0.0 => (x * (m.ln() / m)).exp(),
        Transform::Square | Transform::Logarithm => 0.0,
        Transform::Exponential => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Transform; 4] = [
        Transform::Square,
        Transform::SquareRoot,
        Transform::Logarithm,
        Transform::Exponential,
    ];

    fn row(transform_: Transform, row: &[f64], largest: Option<f64>) -> Vec<f64> {
        let image = ArrayView3::from_shape((1, 1, row.len()), row).unwrap();
        transform(image, transform_, largest)
            .unwrap()
            .into_raw_vec_and_offset()
            .0
    }

    #[test]
    fn the_largest_intensity_stays_and_signs_are_as_stated() {
        for t in ALL {
            let [low, zero, high] = row(t, &[-8.0, 0.0, 9.0], None)[..] else {
                unreachable!()
            };
            assert!((high - 9.0).abs() < 1e-13, "{t:?}");
            let (negative, nothing) = match t {
                Transform::Square => (64.0 / 9.0, 0.0),
                Transform::SquareRoot => (-(72f64.sqrt()), 0.0),
                Transform::Logarithm => (-(9f64.ln()) * 9.0 / 10f64.ln(), 0.0),
                Transform::Exponential => ((-8.0 * 9f64.ln() / 9.0).exp(), 1.0),
            };
            assert!((low - negative).abs() < 1e-13, "{t:?}");
            assert_eq!(zero, nothing);
        }
    }

    #[test]
    fn an_image_of_zeros_has_values_and_nan_stays() {
        for t in ALL {
            let one = f64::from(u8::from(t == Transform::Exponential));
            assert_eq!(row(t, &[0.0, 0.0], None), [one, one]);
            assert!(row(t, &[f64::NAN, 2.0], None)[0].is_nan());
            assert_eq!(row(t, &[], None), [] as [f64; 0]);
        }
        let zero = Array3::<f64>::zeros((1, 1, 1));
        assert!(transform(zero.view(), Transform::Square, Some(0.0)).is_err());
    }

    #[test]
    fn a_part_is_transformed_as_the_whole_if_told_its_largest() {
        for t in ALL {
            let whole = row(t, &[-3.0, 2.0, 10.0], None);
            assert_eq!(whole[..2], row(t, &[-3.0, 2.0], Some(10.0)));
        }
    }
}
