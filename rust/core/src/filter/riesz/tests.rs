//! Riesz transforms against sums by definition, and their properties.

use std::f64::consts::TAU;

use ndarray::{s, Array3};

use super::super::fourier::testing::{close, noise, rotated, spectrum};
use super::*;
use crate::parallel::with_threads;

const LOG: Base = Base::LaplacianOfGaussian {
    sigma: 1.2,
    truncate: 3.0,
};
const GAUSSIAN: Base = Base::Gaussian {
    sigma: 1.0,
    truncate: 3.0,
};
const SIMONCELLI: Base = Base::Wavelet {
    wavelet: Wavelet::Simoncelli,
    level: 1,
};
const SHANNON: Base = Base::Wavelet {
    wavelet: Wavelet::Shannon,
    level: 1,
};
const BASES: [Base; 4] = [LOG, GAUSSIAN, SIMONCELLI, SHANNON];

fn with(base: Base, order: [u32; 3]) -> Riesz {
    Riesz {
        base,
        order,
        sigma_tensor: None,
        boundary: Boundary::Periodic,
        dimension: Dimension::Volume,
    }
}

fn map(image: &Array3<f64>, spacing: [f64; 3], filter: Riesz) -> Array3<f64> {
    riesz(image.view(), spacing, &filter).unwrap()
}

/// The response of the filter that is transformed.
fn plain(image: &Array3<f64>, spacing: [f64; 3], base: Base) -> Array3<f64> {
    let grid = Grid::periodic(image.dim().into(), Dimension::Volume);
    let transfer = Transfer::new(&grid, base, spacing);
    Transformed::new(image.view(), grid).into_response(
        |kz: usize, ky: usize, row: &mut [Complex<f64>]| transfer.multiply(kz, ky, row),
    )
}

fn energy(map: &Array3<f64>) -> f64 {
    map.iter().map(|v| v * v).sum()
}

#[test]
fn transforms_are_those_of_the_definition() {
    let spacing = [2.0, 1.0, 1.5];
    for shape in [[5, 7, 9], [7, 5, 5]] {
        let image = noise(shape, 1);
        for base in BASES {
            let filtered = spectrum(&plain(&image, spacing, base).mapv(Into::into), -1.0);
            for order in [
                [1, 0, 0],
                [0, 1, 0],
                [0, 0, 1],
                [0, 2, 0],
                [1, 2, 0],
                [1, 1, 2],
                [3, 0, 2],
            ] {
                let expected = filtered.indexed_iter().map(|((z, y, x), &v)| {
                    let nu = |k: usize, a: usize| {
                        let k = if 2 * k > shape[a] {
                            k as f64 - shape[a] as f64
                        } else {
                            k as f64
                        };
                        k / (shape[a] as f64 * spacing[a])
                    };
                    let nu = [nu(x, 2), nu(y, 1), nu(z, 0)];
                    let norm = nu.iter().map(|v| v * v).sum::<f64>().sqrt();
                    let total: u32 = order.iter().sum();
                    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
                    let under: f64 = order.iter().map(|&l| factorial(l)).product();
                    let mut r = Complex::<f64>::new(0.0, -1.0).powu(total)
                        * (factorial(total) / under).sqrt();
                    (0..3).for_each(|i| r *= nu[i].powi(i32::try_from(order[i]).unwrap()));
                    if norm == 0.0 {
                        Complex::default()
                    } else {
                        v * r / norm.powi(i32::try_from(total).unwrap())
                    }
                });
                let expected = Array3::from_shape_vec(shape, expected.collect()).unwrap();
                let expected = spectrum(&expected, 1.0).mapv(|v| v.re / image.len() as f64);
                close(&map(&image, spacing, with(base, order)), &expected, 1e-12);
            }
        }
    }
}

#[test]
fn all_transforms_of_a_total_order_keep_the_energy() {
    // Odd: the highest frequency of even sizes has no sign.
    let image = noise([7, 9, 11], 2);
    for base in BASES {
        let filtered = plain(&image, [1.0; 3], base);
        // A transform takes the mean away.
        let mean = filtered.sum() / filtered.len() as f64;
        let whole = energy(&(filtered - mean));
        for total in 1..4 {
            let maps = steer::orders(total);
            let parts = maps
                .iter()
                .map(|&l| energy(&map(&image, [1.0; 3], with(base, l))));
            assert!(
                (parts.sum::<f64>() / whole - 1.0).abs() < 1e-12,
                "{base:?} {total}"
            );
        }
    }
}

#[test]
fn responses_add_up_and_a_constant_has_none() {
    let (a, b) = (noise([6, 9, 8], 3), noise([6, 9, 8], 4));
    let flat = Array3::from_elem([6, 9, 8], 40.0);
    for base in BASES {
        for boundary in [Boundary::Periodic, Boundary::Mirror, Boundary::Nearest] {
            let filter = Riesz {
                boundary,
                ..with(base, [1, 0, 1])
            };
            let sum = map(&a, [1.0; 3], filter) * 3.0 - map(&b, [1.0; 3], filter);
            close(&map(&(&a * 3.0 - &b), [1.0; 3], filter), &sum, 1e-12);
            close(&map(&flat, [1.0; 3], filter), &(&flat * 0.0), 1e-11);
        }
    }
}

#[test]
fn a_transform_of_order_one_of_an_impulse_is_odd() {
    let mut image = Array3::zeros([9, 9, 9]);
    image[[4, 4, 4]] = 1.0;
    for base in BASES {
        let made = map(&image, [1.0; 3], with(base, [1, 0, 0]));
        close(&made.slice(s![.., .., ..;-1]).to_owned(), &(-&made), 1e-14);
        close(&made.slice(s![.., ..;-1, ..]).to_owned(), &made, 1e-14);
        // Positive to the right of a peak, where a Gaussian falls.
        let (right, left) = (made[[4, 4, 5]], made[[4, 4, 3]]);
        assert!(base != GAUSSIAN || right > left);
    }
}

#[test]
fn padding_stands_in_for_a_larger_image() {
    let image = noise([5, 6, 7], 5);
    let mut larger = Array3::zeros([65, 66, 67]);
    larger.slice_mut(s![30..35, 30..36, 30..37]).assign(&image);
    let filter = Riesz {
        boundary: Boundary::Zero,
        ..with(LOG, [0, 2, 0])
    };
    let whole = map(&larger, [1.0; 3], with(LOG, [0, 2, 0]));
    let part = whole.slice(s![30..35, 30..36, 30..37]).to_owned();
    close(&map(&image, [1.0; 3], filter), &part, 1e-4);
}

/// Waves with this many periods along z, y, x.
fn wave(shape: [usize; 3], periods: [f64; 3]) -> Array3<f64> {
    Array3::from_shape_fn(shape, |(z, y, x)| {
        let place = [z, y, x];
        let phase = (0..3).map(|a| periods[a] * place[a] as f64 / shape[a] as f64);
        (TAU * phase.sum::<f64>()).cos()
    })
}

#[test]
fn a_wave_is_steered_to_its_own_direction() {
    for (shape, periods) in [
        ([9, 9, 9], [1.0, 2.0, -1.0]),
        ([15, 15, 15], [3.0, 0.0, 2.0]),
    ] {
        let image = wave(shape, periods);
        for base in [LOG, SIMONCELLI] {
            let filtered = plain(&image, [1.0; 3], base);
            let along = |order| {
                let filter = Riesz {
                    sigma_tensor: Some(1.5),
                    ..with(base, order)
                };
                map(&image, [1.0; 3], filter)
            };
            // (-j)^2: the wave itself, with the other sign; nothing across.
            close(&along([2, 0, 0]), &(-&filtered), 1e-12);
            close(&along([0, 2, 0]), &(&filtered * 0.0), 1e-12);
            close(&along([1, 1, 0]), &(&filtered * 0.0), 1e-12);
            // Order 1: a quarter of a wave off, and never negative.
            assert!(along([1, 0, 0]).iter().all(|&v| v >= 0.0));
        }
    }
}

#[test]
fn turning_the_image_turns_the_steered_map() {
    let image = noise([9, 9, 9], 6);
    for base in [LOG, SHANNON] {
        for order in [[1, 0, 0], [0, 2, 0], [1, 1, 1]] {
            let filter = Riesz {
                sigma_tensor: Some(1.0),
                ..with(base, order)
            };
            for axes in [[0, 1], [0, 2], [1, 2]] {
                let made = map(&rotated(&image, axes), [1.0; 3], filter);
                close(&made, &rotated(&map(&image, [1.0; 3], filter), axes), 1e-9);
            }
        }
    }
}

#[test]
fn turning_a_padded_image_turns_the_map() {
    // Odd, so that it has as much before it as after it.
    let image = noise([9, 9, 9], 11);
    for sigma_tensor in [None, Some(1.0)] {
        let filter = Riesz {
            sigma_tensor,
            boundary: Boundary::Nearest,
            ..with(SIMONCELLI, [1, 1, 1])
        };
        let made = map(&rotated(&image, [0, 2]), [1.0; 3], filter);
        let turned = rotated(&map(&image, [1.0; 3], filter), [0, 2]);
        // Along the axes the sign of what was turned against them changes.
        let turned = if sigma_tensor.is_none() {
            -turned
        } else {
            turned
        };
        close(&made, &turned, 1e-9);
    }
}

#[test]
fn steering_keeps_the_energy_of_each_voxel() {
    let image = noise([6, 8, 7], 7);
    for total in 1..4 {
        let squares = |sigma_tensor| {
            let all = steer::orders(total).into_iter().map(|order| {
                let filter = Riesz {
                    sigma_tensor,
                    boundary: Boundary::Mirror,
                    ..with(LOG, order)
                };
                map(&image, [1.0; 3], filter).mapv(|v| v * v)
            });
            all.reduce(|a, b| a + b).unwrap()
        };
        close(&squares(Some(1.0)), &squares(None), 1e-12);
    }
}

#[test]
fn slices_are_images_of_their_own() {
    let image = noise([3, 10, 12], 8);
    for base in BASES {
        for sigma_tensor in [None, Some(1.0)] {
            let filter = Riesz {
                sigma_tensor,
                dimension: Dimension::Slice,
                ..with(base, [1, 1, 0])
            };
            let all = map(&image, [1.0; 3], filter);
            for z in 0..3 {
                let one = image.slice(s![z..z + 1, .., ..]).to_owned();
                let part = all.slice(s![z..z + 1, .., ..]).to_owned();
                close(&map(&one, [1.0; 3], filter), &part, 1e-12);
                if matches!(base, Base::Wavelet { .. }) {
                    let volume = Riesz {
                        dimension: Dimension::Volume,
                        ..filter
                    };
                    close(&map(&one, [1.0; 3], volume), &part, 1e-12);
                }
            }
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let image = noise([12, 14, 16], 9);
    for sigma_tensor in [None, Some(1.0)] {
        let filter = Riesz {
            sigma_tensor,
            boundary: Boundary::Mirror,
            ..with(SIMONCELLI, [1, 1, 0])
        };
        let run = || map(&image, [1.0; 3], filter).mapv(f64::to_bits);
        let one = with_threads(Some(1), run);
        assert!([2, 7].iter().all(|&n| with_threads(Some(n), run) == one));
    }
}

#[test]
fn parameters_outside_their_limits_are_refused() {
    let image = noise([6, 6, 6], 10);
    let refused = |filter: Riesz, start: &str| {
        let message = riesz(image.view(), [1.0; 3], &filter)
            .unwrap_err()
            .to_string();
        assert!(message.starts_with(start), "{message}");
        let checked = filter.check([6, 6, 6], [1.0; 3]).unwrap_err();
        assert_eq!(checked.to_string(), message);
    };
    for order in [[0, 0, 0], [17, 0, 0], [9, 9, 9], [u32::MAX, 1, 1]] {
        refused(with(LOG, order), &format!("order is {order:?}"));
    }
    refused(
        Riesz {
            dimension: Dimension::Slice,
            ..with(LOG, [0, 0, 1])
        },
        "order is [0, 0, 1]",
    );
    for bad in [0.0, -2.0, f64::NAN, f64::INFINITY] {
        let log = |sigma, truncate| Base::LaplacianOfGaussian { sigma, truncate };
        refused(with(log(bad, 4.0), [1, 0, 0]), &format!("sigma is {bad};"));
        refused(
            with(log(1.0, bad), [1, 0, 0]),
            &format!("truncate is {bad}"),
        );
        let steered = Riesz {
            sigma_tensor: Some(bad),
            ..with(LOG, [1, 0, 0])
        };
        refused(steered, &format!("sigma_tensor is {bad}"));
    }
    let large = Base::Gaussian {
        sigma: 1e6,
        truncate: 4.0,
    };
    refused(
        Riesz {
            boundary: Boundary::Zero,
            ..with(large, [1, 0, 0])
        },
        "sigma is 1000000 mm",
    );
    refused(
        with(large, [1, 0, 0]),
        "sigma is 1000000 mm, whose kernel reaches 4000000",
    );
    let padded = Base::Gaussian {
        sigma: 1e3,
        truncate: 4.0,
    };
    let padded = Riesz {
        boundary: Boundary::Zero,
        ..with(padded, [1, 0, 0])
    };
    refused(padded, "sigma is 1000 mm, whose kernel pads");
    let lost = Base::LaplacianOfGaussian {
        sigma: 0.4,
        truncate: 4.0,
    };
    refused(
        with(lost, [1, 0, 0]),
        "sigma is 0.4 mm, or 0.400 voxels along z",
    );
    let level = Base::Wavelet {
        wavelet: Wavelet::Shannon,
        level: 9,
    };
    refused(with(level, [1, 0, 0]), "level is 9");
    let edge = Riesz {
        boundary: Boundary::Constant(f64::INFINITY),
        ..with(LOG, [1, 0, 0])
    };
    refused(edge, "boundary is a constant of inf");
    assert!(with(LOG, [1, 0, 0]).check([6, 6, 6], [1.0; 3]).is_ok());
}

#[test]
fn single_precision_is_near_double() {
    let image = noise([8, 9, 10], 12);
    for base in BASES {
        let filter = Riesz {
            boundary: Boundary::Mirror,
            ..with(base, [1, 1, 0])
        };
        let single = image.mapv(<f32 as Real>::nearest);
        let made = riesz(single.view(), [1.0; 3], &filter).unwrap();
        let expected = map(&image, [1.0; 3], filter);
        close(&made.mapv(f64::from), &expected, 1e-6);
    }
}
