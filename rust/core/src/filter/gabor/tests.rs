//! Gabor filters against sums by definition, and their properties.

use std::f64::consts::PI;

use ndarray::s;

use super::super::fourier::testing::{close, noise, rotated};
use super::*;
use crate::parallel::with_threads;

const PLAIN: Gabor = Gabor {
    sigma: 0.8,
    wavelength: 3.0,
    gamma: 0.7,
    theta: 23.0,
    theta_step: None,
    part: Part::Modulus,
    orthogonal: false,
    pooling: Pooling::Mean,
    boundary: Boundary::Mirror,
};
const PARTS: [Part; 3] = [Part::Modulus, Part::Real, Part::Imaginary];
const POOLINGS: [Pooling; 4] = [Pooling::Mean, Pooling::Max, Pooling::Min, Pooling::Sum];

/// Slices (z; y, x) by the sum over the kernel, real and imaginary.
#[allow(clippy::cast_possible_wrap)]
fn naive(image: &Array3<f64>, spacing: [f64; 2], g: &Gabor, theta: f64) -> [Array3<f64>; 2] {
    let (_, ny, nx) = image.dim();
    let reach = g.half_widths(theta, spacing).map(|n| n as isize);
    [0, 1].map(|part| {
        Array3::from_shape_fn(image.dim(), |(z, y, x)| {
            let mut sum = 0.0;
            for k2 in -reach[0]..=reach[0] {
                for k1 in -reach[1]..=reach[1] {
                    let at = [
                        g.boundary.source(y as isize - k2, ny),
                        g.boundary.source(x as isize - k1, nx),
                    ];
                    let value = match at {
                        [Some(y), Some(x)] => image[[z, y, x]],
                        _ => g.boundary.constant(),
                    };
                    sum += value * g.kernel(theta, [k2 as f64, k1 as f64], spacing)[part];
                }
            }
            sum
        })
    })
}

/// The whole filter by its definition.
fn defined(image: &Array3<f64>, spacing: [f64; 3], g: &Gabor) -> Array3<f64> {
    let turn = g.theta_step.map_or(1.0, |s| (360.0 / s).round());
    let mut maps = Vec::new();
    for axes in [[0, 1, 2], [1, 0, 2], [2, 0, 1]] {
        if axes[0] > 0 && !g.orthogonal {
            continue;
        }
        let view = image.view().permuted_axes(axes).to_owned();
        let spacing = [spacing[axes[1]], spacing[axes[2]]];
        for k in (0..72).take_while(|&k| f64::from(k) < turn) {
            let theta = g.theta + f64::from(k) * g.theta_step.unwrap_or(0.0);
            let [re, im] = naive(&view, spacing, g, theta);
            let map = match g.part {
                Part::Real => re,
                Part::Imaginary => im,
                Part::Modulus => ndarray::Zip::from(&re)
                    .and(&im)
                    .map_collect(|a: &f64, b| a.hypot(*b)),
            };
            let mut back = [0, 0, 0];
            axes.iter().enumerate().for_each(|(i, &a)| back[a] = i);
            maps.push(map.permuted_axes(back).as_standard_layout().into_owned());
        }
    }
    let n = maps.len() as f64;
    let all = maps.into_iter().reduce(|a, b| {
        let mut a = a;
        g.pooling.add(voxels_of(&mut a), b.as_slice().unwrap(), 1);
        a
    });
    all.unwrap() / if g.pooling == Pooling::Mean { n } else { 1.0 }
}

#[test]
fn responses_are_those_of_the_sum() {
    let (image, spacing) = (noise([4, 5, 7], 1), [2.0, 1.0, 0.7]);
    for boundary in [
        Boundary::Zero,
        Boundary::Constant(1.5),
        Boundary::Nearest,
        Boundary::Periodic,
        Boundary::Mirror,
    ] {
        for part in PARTS {
            for orthogonal in [false, true] {
                let g = Gabor {
                    part,
                    orthogonal,
                    boundary,
                    ..PLAIN
                };
                let made = gabor(image.view(), spacing, &g).unwrap();
                close(&made, &defined(&image, spacing, &g), 1e-12);
            }
        }
    }
}

#[test]
fn poolings_are_those_of_all_orientations() {
    let (image, spacing) = (noise([3, 4, 5], 2), [1.0; 3]);
    for pooling in POOLINGS {
        for part in PARTS {
            for theta_step in [Some(45.0), Some(120.0), Some(360.0), None] {
                let g = Gabor {
                    pooling,
                    part,
                    theta_step,
                    orthogonal: true,
                    ..PLAIN
                };
                let made = gabor(image.view(), spacing, &g).unwrap();
                close(&made, &defined(&image, spacing, &g), 1e-12);
            }
        }
    }
}

#[test]
fn the_response_to_an_impulse_is_the_kernel() {
    let mut image = Array3::<f64>::zeros([1, 21, 21]);
    image[[0, 10, 10]] = 2.0;
    for (part, i) in [(Part::Real, 0), (Part::Imaginary, 1)] {
        let g = Gabor {
            part,
            boundary: Boundary::Zero,
            ..PLAIN
        };
        let made = gabor(image.view(), [1.0; 3], &g).unwrap();
        let kernel = Array3::from_shape_fn([1, 21, 21], |(_, y, x)| {
            let k = [y as f64 - 10.0, x as f64 - 10.0];
            let reach = g.half_widths(g.theta, [1.0; 2]);
            let inside = (0..2).all(|a| k[a].abs() <= reach[a] as f64);
            if inside {
                2.0 * g.kernel(g.theta, k, [1.0; 2])[i]
            } else {
                0.0
            }
        });
        close(&made, &kernel, 1e-14);
    }
}

#[test]
fn a_wave_answers_most_to_its_own_orientation() {
    let theta = 34.0_f64;
    let (sin, cos) = theta.to_radians().sin_cos();
    let wave = |_, y: f64, x: f64| (TAU * (x * cos + y * sin) / 4.0).cos();
    let image = Array3::from_shape_fn([1, 40, 40], |(z, y, x)| wave(z, y as f64, x as f64));
    let at = |theta: f64| {
        let g = Gabor {
            sigma: 4.0,
            wavelength: 4.0,
            gamma: 1.0,
            theta,
            ..PLAIN
        };
        gabor(image.view(), [1.0; 3], &g).unwrap()[[0, 20, 20]]
    };
    assert!([0.0, 17.0, 60.0, -34.0].iter().all(|&t| at(t) < at(theta)));
    // Half of what the Gaussian sums up to, since a cosine is two waves.
    assert!((at(theta) / (PI * 16.0) - 1.0).abs() < 1e-3);
}

#[test]
fn turning_the_image_turns_the_map() {
    let image = noise([4, 6, 6], 3);
    for part in PARTS {
        let g = Gabor { part, ..PLAIN };
        let made = gabor(rotated(&image, [1, 2]).view(), [1.0; 3], &g).unwrap();
        // Rows to columns: the kernel's angle falls by a quarter of a turn.
        let quarter = [90.0, -90.0].map(|turn| {
            let g = Gabor {
                theta: g.theta + turn,
                ..g
            };
            rotated(&gabor(image.view(), [1.0; 3], &g).unwrap(), [1, 2])
        });
        let off = |m: &Array3<f64>| (m - &made).iter().fold(0.0, |a: f64, v| a.max(v.abs()));
        assert!(quarter.iter().any(|m| off(m) < 1e-12), "{part:?}");
    }
    let cube = noise([6, 6, 6], 4);
    let all = Gabor {
        theta_step: Some(90.0),
        theta: 0.0,
        orthogonal: true,
        ..PLAIN
    };
    for axes in [[0, 1], [0, 2], [1, 2]] {
        let made = gabor(rotated(&cube, axes).view(), [1.0; 3], &all).unwrap();
        let turned = rotated(&gabor(cube.view(), [1.0; 3], &all).unwrap(), axes);
        close(&made, &turned, 1e-12);
    }
}

#[test]
fn a_part_of_the_image_gives_a_part_of_the_map() {
    let image = noise([2, 40, 40], 5);
    let whole = gabor(image.view(), [1.0; 3], &PLAIN).unwrap();
    let reach = PLAIN.half_widths(PLAIN.theta, [1.0; 2]);
    let part = gabor(image.slice(s![.., 5..35, 5..35]), [1.0; 3], &PLAIN).unwrap();
    let (y, x) = (reach[0]..30 - reach[0], reach[1]..30 - reach[1]);
    let inner = part.slice(s![.., y.clone(), x.clone()]).to_owned();
    let same = whole.slice(s![.., y.start + 5..y.end + 5, x.start + 5..x.end + 5]);
    close(&inner, &same.to_owned(), 1e-12);
}

#[test]
fn nothing_beyond_the_reach_has_a_part_and_what_is_a_voxel_inside_has() {
    let spacing = [3.0, 1.0, 0.8];
    for orthogonal in [false, true] {
        for theta_step in [None, Some(60.0)] {
            let g = Gabor {
                orthogonal,
                theta_step,
                boundary: Boundary::Zero,
                ..PLAIN
            };
            let reach = g.reach(spacing).unwrap();
            let shape = reach.map(|n| 2 * n + 5);
            let mut image = Array3::<f64>::zeros(shape);
            image[reach.map(|n| n + 2)] = 1.0;
            let made = gabor(image.view(), spacing, &g).unwrap();
            // Where a transform leaves rounding, the kernel is at least e^-27.
            let least = 1e-12 / (6.0 * 3.0);
            for (a, &n) in reach.iter().enumerate() {
                let largest = |at: usize| {
                    let plane = made.index_axis(ndarray::Axis(a), at);
                    plane.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
                };
                assert!(largest(1) < 1e-14 && largest(n + n + 3) < 1e-14);
                // The outermost voxel may be half a voxel beyond the end, and lost in rounding.
                assert!(n == 0 || (largest(3) > least && largest(2 * n + 1) > least));
            }
            assert_eq!(reach[0] > 0, orthogonal);
        }
    }
}

#[test]
fn single_precision_is_near_double() {
    let image = noise([4, 12, 10], 9);
    for part in PARTS {
        let g = Gabor {
            part,
            theta_step: Some(45.0),
            orthogonal: true,
            ..PLAIN
        };
        let single = image.mapv(<f32 as Real>::nearest);
        let made = gabor(single.view(), [1.0; 3], &g).unwrap();
        let expected = gabor(image.view(), [1.0; 3], &g).unwrap();
        close(&made.mapv(f64::from), &expected, 1e-5);
    }
}

#[test]
fn a_kernel_larger_than_the_image_and_one_smaller_than_a_voxel_work() {
    let image = noise([2, 3, 4], 8);
    for sigma in [1e-300, 0.01, 8.0] {
        for boundary in [Boundary::Periodic, Boundary::Mirror] {
            let g = Gabor {
                sigma,
                boundary,
                ..PLAIN
            };
            let made = gabor(image.view(), [1.0; 3], &g).unwrap();
            close(&made, &defined(&image, [1.0; 3], &g), 1e-10);
        }
    }
}

#[test]
fn threads_and_batches_change_no_bit() {
    let image = noise([5, 22, 24], 6);
    let g = Gabor {
        theta_step: Some(4.5),
        orthogonal: true,
        ..PLAIN
    };
    let run = || {
        gabor(image.view(), [1.0; 3], &g)
            .unwrap()
            .mapv(f64::to_bits)
    };
    let one = with_threads(Some(1), run);
    assert!([2, 7].iter().all(|&n| with_threads(Some(n), run) == one));
}

#[test]
fn parameters_outside_their_limits_are_refused() {
    let image = noise([1, 4, 4], 7);
    let refused = |g: Gabor, start: &str| {
        let message = gabor(image.view(), [1.0; 3], &g).unwrap_err().to_string();
        assert!(message.starts_with(start), "{message}");
        assert_eq!(g.reach([1.0; 3]).unwrap_err().to_string(), message);
    };
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(
            Gabor {
                sigma: bad,
                ..PLAIN
            },
            &format!("sigma is {bad}"),
        );
        refused(
            Gabor {
                wavelength: bad,
                ..PLAIN
            },
            &format!("wavelength is {bad}"),
        );
        refused(
            Gabor {
                gamma: bad,
                ..PLAIN
            },
            &format!("gamma is {bad}"),
        );
    }
    refused(
        Gabor {
            theta: f64::NAN,
            ..PLAIN
        },
        "theta is NaN",
    );
    for bad in [0.0, -22.5, 50.0, 1e-9, f64::NAN, 400.0, 51.43] {
        refused(
            Gabor {
                theta_step: Some(bad),
                ..PLAIN
            },
            "theta_step is",
        );
    }
    for boundary in [Boundary::Mirror, Boundary::Periodic] {
        let large = Gabor {
            gamma: 1e-9,
            boundary,
            ..PLAIN
        };
        refused(large, "sigma is 0.8 mm, whose kernel reaches 10");
    }
    let short = Gabor {
        wavelength: 1e-300,
        ..PLAIN
    };
    refused(short, "wavelength is 0.000");
    let edge = Gabor {
        boundary: Boundary::Constant(f64::NAN),
        ..PLAIN
    };
    refused(edge, "boundary is a constant of NaN");
    assert!(gabor(image.view(), [1.0, 0.0, 1.0], &PLAIN).is_err());
    let holed = image.mapv(|v| if v > 0.5 { f64::NAN } else { v });
    assert!(gabor(holed.view(), [1.0; 3], &PLAIN).is_err());
}
