//! Transforms of each intensity by itself, in PyRadiomics' order of operations.
//!
//! The same four as [`crate::filter::point`], which says what they mean. Here a rounding is where
//! PyRadiomics has one, an image of zeros gives what these operations give (NaN, but for the square
//! root), and a voxel that is NaN makes the largest intensity NaN, and with it every voxel.

use ndarray::{Array3, ArrayView3};

use crate::filter::point::{Transform, CHUNK, STEPS};
use crate::parallel;
use crate::volume::{for_each_run, Voxel, Window};

/// Transforms each voxel $x$ of `image` (z, y, x); $m$ is its largest $|x|$.
///
/// Square $(x / \sqrt{m})^2$, square root $\mathrm{sign}(x) \sqrt{m |x|}$, logarithm
/// $\mathrm{sign}(x) \ln(|x| + 1) \, m / \ln(m + 1)$, exponential $e^{x \ln(m) / m}$. Units stay
/// those of the image. The source is PyRadiomics' documentation of `imageoperations`, but for the
/// square, to which it gives a sign that its values do not have.
///
/// # Panics
/// Never: the map is made in C order.
#[must_use]
pub fn transform<T: Voxel>(image: ArrayView3<'_, T>, kind: Transform) -> Array3<f64> {
    let shape: [usize; 3] = image.dim().into();
    let mut map = Window::whole(shape).copy_f64(image);
    let m = largest_magnitude(image);
    let at = scaled(kind, m);
    let voxels = map.as_slice_mut().expect("made in C order");
    let work = voxels.len().saturating_mul(STEPS);
    parallel::for_each_chunk(voxels, CHUNK, work, |_, chunk| {
        for x in chunk {
            *x = at(*x);
        }
    });
    map
}

/// The largest absolute intensity; NaN if any is.
fn largest_magnitude<T: Voxel>(image: ArrayView3<'_, T>) -> f64 {
    let (mut largest, mut nan) = (0.0, false);
    for_each_run(image, |run| {
        for x in run {
            let size = x.to_f64().abs();
            nan |= size.is_nan();
            largest = if size > largest { size } else { largest };
        }
    });
    if nan {
        f64::NAN
    } else {
        largest
    }
}

/// The transform of an image whose largest absolute intensity is `m`.
fn scaled(kind: Transform, m: f64) -> impl Fn(f64) -> f64 + Sync {
    let scale = match kind {
        Transform::Square => 1.0 / m.sqrt(),
        Transform::SquareRoot => m,
        Transform::Logarithm => m / (m + 1.0).ln(),
        Transform::Exponential => m.ln() / m,
    };
    move |x: f64| match kind {
        Transform::Square => (scale * x) * (scale * x),
        Transform::SquareRoot => (x.abs() * scale).sqrt().copysign(x),
        Transform::Logarithm => (x.abs() + 1.0).ln().copysign(x) * scale,
        Transform::Exponential => (scale * x).exp(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::with_threads;

    const ALL: [Transform; 4] = [
        Transform::Square,
        Transform::SquareRoot,
        Transform::Logarithm,
        Transform::Exponential,
    ];

    fn row(kind: Transform, row: &[f64]) -> Vec<f64> {
        let image = ArrayView3::from_shape((1, 1, row.len()), row).unwrap();
        transform(image, kind).into_raw_vec_and_offset().0
    }

    #[test]
    fn values_by_hand() {
        assert_eq!(row(Transform::Square, &[-4.0, 1.0, 2.0]), [4.0, 0.25, 1.0]);
        assert_eq!(
            row(Transform::SquareRoot, &[-4.0, 1.0, 0.0]),
            [-4.0, 2.0, 0.0]
        );
        let e = std::f64::consts::E;
        let near = |found: Vec<f64>, wanted: [f64; 3]| {
            let mut both = found.iter().zip(wanted);
            assert!(both.all(|(f, w)| (f - w).abs() < 1e-15 * w.abs().max(1.0)));
        };
        let log = row(Transform::Logarithm, &[e * e - 1.0, 1.0 - e, 0.0]);
        near(log, [e * e - 1.0, (1.0 - e * e) / 2.0, 0.0]);
        near(
            row(Transform::Exponential, &[e, -e, 0.0]),
            [e, 1.0 / e, 1.0],
        );
    }

    #[test]
    fn nan_is_everywhere_and_zeros_have_no_scale() {
        for kind in ALL {
            assert!(row(kind, &[f64::NAN, 2.0]).iter().all(|x| x.is_nan()));
            let zero = row(kind, &[0.0, 0.0]);
            assert!(zero
                .iter()
                .all(|&x| x.is_nan() == (kind != Transform::SquareRoot)));
            assert!(row(kind, &[]).is_empty());
        }
    }

    #[test]
    fn types_strides_and_threads_change_no_bit() {
        let value = |(z, y, x): (usize, usize, usize)| (z * 7919 + y * 104_729 + x * 31) % 997;
        let whole = Array3::from_shape_fn((40, 30, 50), |i| i16::try_from(value(i)).unwrap() - 400);
        let double = whole.mapv(f64::from);
        let turned = double.view().permuted_axes([2, 0, 1]);
        for kind in ALL {
            let serial = transform(double.view(), kind);
            assert_eq!(transform(whole.view(), kind), serial);
            assert_eq!(
                transform(turned, kind),
                serial.view().permuted_axes([2, 0, 1])
            );
            for threads in [2, 7] {
                let again = with_threads(Some(threads), || transform(whole.view(), kind));
                let same = again
                    .iter()
                    .zip(&serial)
                    .all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{kind:?}");
            }
        }
    }
}
