//! Transforms against sums by definition.

use ndarray::Array3;

use super::testing::{close, noise};
use super::*;
use crate::filter::{Boundary, Dimension};
use crate::parallel::with_threads;

const BOUNDARIES: [Boundary; 5] = [
    Boundary::Zero,
    Boundary::Constant(2.5),
    Boundary::Nearest,
    Boundary::Periodic,
    Boundary::Mirror,
];

/// Convolution with the Gaussian or its Laplacian by the sum over the kernel's voxels.
#[allow(clippy::cast_possible_wrap, clippy::cast_possible_truncation)]
fn naive(
    image: &Array3<f64>,
    reach: [usize; 3],
    boundary: Boundary,
    kernel: impl Fn([f64; 3]) -> f64,
) -> Array3<f64> {
    let shape: [usize; 3] = image.dim().into();
    let range = |a: usize| -(reach[a] as isize)..=reach[a] as isize;
    Array3::from_shape_fn(shape, |(z, y, x)| {
        let mut sum = 0.0;
        for k in range(0) {
            for j in range(1) {
                for i in range(2) {
                    let place = [z as isize - k, y as isize - j, x as isize - i];
                    let source = |a: usize| boundary.source(place[a], shape[a]);
                    let value = match [source(0), source(1), source(2)] {
                        [Some(z), Some(y), Some(x)] => image[[z, y, x]],
                        _ => boundary.constant(),
                    };
                    sum += kernel([k as f64, j as f64, i as f64]) * value;
                }
            }
        }
        sum
    })
}

#[test]
fn a_transform_there_and_back_is_the_image() {
    for shape in [
        [1, 1, 1],
        [1, 1, 2],
        [1, 5, 1],
        [4, 1, 3],
        [3, 6, 7],
        [5, 4, 8],
        [2, 11, 13],
    ] {
        let image = noise(shape, 1);
        for dimension in [Dimension::Volume, Dimension::Slice] {
            for boundary in BOUNDARIES {
                let grid = Grid::padded(shape, [1, 2, 3], boundary, dimension);
                let transformed = Transformed::new(image.view(), grid);
                close(
                    &transformed.response(|_: usize, _: usize, _: &mut [Complex<f64>]| {}),
                    &image,
                    1e-14,
                );
            }
        }
    }
}

#[test]
fn gaussian_kernels_are_those_of_the_sum() {
    let (sigma, truncate, spacing) = (1.5, 2.0, [2.0, 1.0, 1.5]);
    let sigmas = spacing.map(|s: f64| sigma / s);
    let reach = Gaussian::reach(sigma, truncate, spacing);
    assert_eq!(reach, [2, 3, 2]);
    let image = noise([4, 9, 2], 2);
    for dimension in [Dimension::Volume, Dimension::Slice] {
        let first = usize::from(!dimension.has(0));
        let mut reach = reach;
        reach[..first].fill(0);
        let squares = |k: [f64; 3]| (first..3).map(|a| (k[a] / sigmas[a]).powi(2)).sum::<f64>();
        let dims = (3 - first) as f64;
        let product: f64 = sigmas[first..].iter().product();
        let factor = product.powf(-2.0 / dims) / (product * std::f64::consts::TAU.powf(dims / 2.0));
        let log = |k: [f64; 3]| -factor * (dims - squares(k)) * (-squares(k) / 2.0).exp();
        let plain = |k: [f64; 3]| (-squares(k) / 2.0).exp();
        let ones = Array3::from_elem([1, 1, 1], 1.0);
        let sum = naive(&ones, reach, Boundary::Nearest, plain)[[0, 0, 0]];
        for boundary in BOUNDARIES {
            let grid = Grid::padded([4, 9, 2], reach, boundary, dimension);
            let gaussian = Gaussian::new(&grid, sigma, truncate, spacing);
            let laplacian = LaplacianOfGaussian::new(&grid, sigma, truncate, spacing);
            let transformed = Transformed::new(image.view(), grid);
            let smooth = transformed.response(|kz: usize, ky: usize, row: &mut [Complex<f64>]| {
                gaussian.multiply(kz, ky, row);
            });
            close(
                &smooth,
                &(naive(&image, reach, boundary, plain) / sum),
                1e-14,
            );
            let edges =
                transformed.into_response(|kz: usize, ky: usize, row: &mut [Complex<f64>]| {
                    laplacian.multiply(kz, ky, row);
                });
            close(&edges, &naive(&image, reach, boundary, log), 1e-14);
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let image = noise([12, 20, 18], 3);
    for dimension in [Dimension::Volume, Dimension::Slice] {
        for boundary in [
            Boundary::Mirror,
            Boundary::Constant(1.0),
            Boundary::Periodic,
        ] {
            let run = || {
                let grid = Grid::padded([12, 20, 18], [3, 3, 3], boundary, dimension);
                let gaussian = Gaussian::new(&grid, 1.0, 3.0, [1.0; 3]);
                let filter = |kz: usize, ky: usize, row: &mut [Complex<f64>]| {
                    gaussian.multiply(kz, ky, row);
                };
                Transformed::new(image.view(), grid)
                    .into_response(filter)
                    .mapv(f64::to_bits)
            };
            let one = with_threads(Some(1), run);
            assert!([2, 7].iter().all(|&n| with_threads(Some(n), run) == one));
        }
    }
}

#[test]
fn voxels_and_constants_that_are_not_finite_are_named() {
    let mut image = noise([2, 3, 4], 4);
    assert!(check_image(image.view(), Boundary::Zero).is_ok());
    image[[1, 2, 0]] = f64::NAN;
    let message = check_image(image.view(), Boundary::Zero)
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "image is NaN at [1, 2, 0] (z, y, x); a filter takes finite voxels only: repair the image"
    );
    let empty = Array3::<f64>::zeros([0, 3, 4]);
    assert!(check_image(empty.view(), Boundary::Zero).is_err());
    let single = Array3::<f32>::zeros([1, 1, 1]);
    let huge = check_image(single.view(), Boundary::Constant(1e300)).unwrap_err();
    assert!(huge
        .to_string()
        .starts_with("boundary is a constant of 1000"));
}
