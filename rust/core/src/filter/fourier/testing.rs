//! Naive twins and images for the tests of filters by Fourier transform.

use std::f64::consts::TAU;

use ndarray::{Array3, Axis};

use super::Complex;

/// Repeatable values in [-1, 1).
pub(crate) fn noise(shape: [usize; 3], seed: u64) -> Array3<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    Array3::from_shape_fn(shape, |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(1u32 << 31) - 1.0
    })
}

/// Fails unless all voxels agree within `limit`.
#[track_caller]
pub(crate) fn close(a: &Array3<f64>, b: &Array3<f64>, limit: f64) {
    assert_eq!(a.dim(), b.dim());
    let largest = a
        .iter()
        .zip(b)
        .fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
    assert!(largest <= limit, "differ by up to {largest:e}");
}

/// The discrete Fourier transform by its sum, axis by axis; `sign` -1 for there, 1 for back.
pub(crate) fn spectrum(values: &Array3<Complex<f64>>, sign: f64) -> Array3<Complex<f64>> {
    let mut out = values.clone();
    for axis in 0..3 {
        for mut lane in out.lanes_mut(Axis(axis)) {
            let (old, n) = (lane.to_owned(), lane.len());
            for (k, to) in lane.iter_mut().enumerate() {
                let turn = |i: usize| sign * TAU * (i * k % n) as f64 / n as f64;
                *to = (0..n).map(|i| old[i] * Complex::<f64>::cis(turn(i))).sum();
            }
        }
    }
    out
}

/// The image turned by 90 degrees, from the first of two axes to the second.
pub(crate) fn rotated(image: &Array3<f64>, [a, b]: [usize; 2]) -> Array3<f64> {
    let mut view = image.view();
    view.swap_axes(a, b);
    view.invert_axis(Axis(a));
    view.as_standard_layout().into_owned()
}
