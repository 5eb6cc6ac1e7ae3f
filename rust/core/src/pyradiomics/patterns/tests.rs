use std::f64::consts::PI;

use ndarray::{array, Array2, Array3, ArrayView3, Axis};
use proptest::prelude::*;

use super::block::excess_kurtosis;
use super::circle::least_rotation;
use super::icosphere::icosphere;
use super::*;
use crate::parallel::with_threads;

const METHODS: [Method; 4] = [Method::Default, Method::Ror, Method::Uniform, Method::Var];

/// Bits, so that NaN equals itself.
fn bits<'a>(values: impl IntoIterator<Item = &'a f64>) -> Vec<u64> {
    values.into_iter().map(|v| v.to_bits()).collect()
}

fn noise(shape: (usize, usize, usize)) -> Array3<f64> {
    let mut state = 1u64;
    Array3::from_shape_simple_fn(shape, || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 * 200.0 - 50.0
    })
}

#[test]
fn numbers_in_an_image_s_type() {
    assert_eq!(
        (u8::cut(300.7), i8::cut(-1.9), i16::cut(f64::NAN)),
        (44, -1, 0)
    );
    assert_eq!(u64::cut(2f64.powi(63)), 1 << 63);
    assert!(f32::cut(f64::NAN).is_nan());
    assert_eq!(
        (i16::nearest(2.5), i16::nearest(-2.5), i16::nearest(-0.4)),
        (3, -3, 0)
    );
    assert_eq!(
        (u8::nearest(-7.0), u8::nearest(1e9), i64::nearest(1e30)),
        (0, 255, i64::MAX)
    );
    assert_eq!(f32::nearest(0.1), 0.1f32);
}

#[test]
fn patterns_on_circles_by_hand() {
    let image = array![[[1i16, 2, 3], [4, 5, 6], [7, 8, 9]]];
    let of = |method| on_circles(image.view(), 0, 1.0, 4, method).unwrap();
    // Right, above, left, below of the centre: 6, 2, 4, 8.
    assert_eq!(of(Method::Default)[[0, 1, 1]], 0b1001);
    assert_eq!(of(Method::Ror)[[0, 1, 1]], 0b0011);
    assert_eq!(of(Method::Uniform)[[0, 1, 1]], 2);
    assert_eq!(of(Method::Var)[[0, 1, 1]], 5);
    // Beyond the edge there are zeros.
    assert_eq!(of(Method::Default)[[0, 0, 0]], 0b1001);
    assert_eq!(of(Method::Default)[[0, 2, 2]], 0);
}

#[test]
fn a_flat_slice_has_ones_only_and_no_variance() {
    let image = Array3::from_elem((2, 7, 9), 7.0f64);
    let of = |method| on_circles(image.view(), 0, 1.5, 8, method).unwrap()[[1, 3, 4]];
    assert_eq!(of(Method::Default), 255.0);
    assert_eq!(of(Method::Ror), 255.0);
    assert_eq!(of(Method::Uniform), 8.0);
    assert!(of(Method::Var).is_nan());
    let all = on_circles(image.view(), 0, 1e6, 70, Method::Uniform).unwrap();
    assert!(
        all.iter().all(|&v| v == 0.0),
        "all points lie beyond the slice"
    );
}

#[test]
fn rotations_of_bits() {
    assert_eq!(least_rotation(0b1000_0001, 8), 3);
    assert_eq!(least_rotation(0b10, 2), 1);
    assert_eq!(least_rotation(1, 1), 1);
    assert_eq!(least_rotation((1 << 63) - 1, 63), (1 << 63) - 1);
    assert_eq!(least_rotation(1 << 62, 63), 1);
}

#[test]
fn many_points_are_refused_where_a_number_has_a_bit_for_each() {
    let image = Array3::<u8>::zeros((1, 3, 3));
    let of = |radius, samples, method| on_circles(image.view(), 0, radius, samples, method);
    for method in METHODS {
        let bitwise = matches!(method, Method::Default | Method::Ror);
        assert!(of(1.0, 63, method).is_ok());
        assert_eq!(of(1.0, 64, method).is_err(), bitwise);
        for (radius, samples) in [(0.0, 8), (f64::NAN, 8), (2e6, 8), (1.0, 0), (1.0, 65_536)] {
            assert!(of(radius, samples, method).is_err());
        }
    }
    let told = of(1.0, 64, Method::Ror).unwrap_err().to_string();
    assert!(
        told.contains("lbp2DSamples") && told.contains("64") && told.contains("63"),
        "{told}"
    );
    assert!(on_circles(image.view(), 3, 1.0, 8, Method::Var).is_err());
    let told = Method::named("median").unwrap_err().to_string();
    assert!(
        told.contains("lbp2DMethod") && told.contains("uniform"),
        "{told}"
    );
}

/// The intensity at a place of a slice, 0 beyond it: by the formula.
fn at(slice: &Array2<f64>, row: f64, column: f64) -> f64 {
    let pixel = |r: f64, c: f64| {
        let inside = r >= 0.0 && c >= 0.0 && r < slice.nrows() as f64 && c < slice.ncols() as f64;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let index = [r as usize, c as usize];
        if inside {
            slice[index]
        } else {
            0.0
        }
    };
    let (r, c) = (row.floor(), column.floor());
    let (dr, dc) = (row - r, column - c);
    let between = |r: f64| (1.0 - dc) * pixel(r, c) + dc * pixel(r, c + 1.0);
    (1.0 - dr) * between(r) + dr * between(r + 1.0)
}

proptest! {
    #[test]
    fn circles_are_what_the_formulas_say(
        radius in 0.3f64..4.0,
        samples in 1usize..20,
        across in 0usize..3,
    ) {
        let image = noise((5, 6, 7));
        let radius = (radius * 8.0).round() / 8.0;
        let places: Vec<_> = (0..samples)
            .map(|p| 2.0 * PI * p as f64 / samples as f64)
            .map(|a| [-radius * a.sin(), radius * a.cos()].map(|x| (x * 1e5).round() / 1e5))
            .collect();
        let mut slices = image.view();
        slices.swap_axes(0, across);
        for method in METHODS {
            let mut map = on_circles(image.view(), across, radius, samples, method).unwrap();
            prop_assert_eq!(map.dim(), image.dim());
            map.swap_axes(0, across);
            for (slice, found) in slices.outer_iter().zip(map.outer_iter()) {
                let slice = slice.to_owned();
                for ((r, c), &value) in found.indexed_iter() {
                    let around = |p: &[f64; 2]| at(&slice, r as f64 + p[0], c as f64 + p[1]);
                    let around: Vec<f64> = places.iter().map(around).collect();
                    let ones: Vec<bool> = around.iter().map(|v| *v >= slice[[r, c]]).collect();
                    let number = |by: usize| {
                        let bit = |p: usize| u64::from(ones[(p + by) % samples]) << p;
                        (0..samples).map(bit).sum::<u64>()
                    };
                    let count = ones.iter().filter(|b| **b).count();
                    let changes = ones.windows(2).filter(|w| w[0] != w[1]).count();
                    let n = samples as f64;
                    let mean = around.iter().sum::<f64>() / n;
                    let wanted = match method {
                        Method::Default => number(0) as f64,
                        Method::Ror => (0..samples).map(number).min().unwrap() as f64,
                        Method::Uniform if changes <= 2 => count as f64,
                        Method::Uniform => n + 1.0,
                        Method::Var => around.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n,
                    };
                    let close = (value - wanted).abs() <= 1e-9;
                    prop_assert!(close || (value.is_nan() && wanted < 1e-9));
                }
            }
        }
    }

    #[test]
    fn a_slice_turned_by_a_right_angle_has_turned_patterns(
        radius in 0.5f64..3.0,
        quarter in 1usize..5,
    ) {
        let image = noise((1, 8, 8));
        let mut turned = image.view().permuted_axes([0, 2, 1]);
        turned.invert_axis(Axis(1));
        for method in [Method::Ror, Method::Uniform] {
            let of = |i: ArrayView3<'_, f64>| on_circles(i, 0, radius, 4 * quarter, method).unwrap();
            let map = of(image.view());
            let mut wanted = map.view().permuted_axes([0, 2, 1]);
            wanted.invert_axis(Axis(1));
            prop_assert_eq!(of(turned), wanted);
        }
    }
}

#[test]
fn an_icosphere_s_points_lie_on_it_in_pairs() {
    for (subdivision, count) in [(0, 12), (1, 42), (2, 162), (3, 642)] {
        let points = icosphere(subdivision, 2.5);
        assert_eq!(points.len(), count);
        for p in &points {
            let length = p.iter().map(|x| x * x).sum::<f64>().sqrt();
            assert!((length - 2.5).abs() < 1e-14);
            let apart = |q: &&[f64; 3]| (0..3).all(|k| (p[k] + q[k]).abs() < 1e-14);
            assert_eq!(points.iter().filter(apart).count(), 1);
        }
    }
}

#[test]
fn spheres_of_ones_and_of_none() {
    let whole = |image: &Array3<i16>| {
        let region = Array3::from_elem(image.raw_dim(), true);
        on_spheres(image.view(), region.view(), 3, 1.0, 1).unwrap()
    };
    // Of a sphere of ones the part of degree 0 is all: 42 / (4 pi) at each of 42 points.
    let mut image = Array3::from_elem((5, 5, 5), 7i16);
    let centre = 2 * 25 + 2 * 5 + 2;
    let found = whole(&image);
    assert_eq!(found.dim(), (125, 4));
    assert!((found[[centre, 0]] - 42.0 / (4.0 * PI) * 42f64.sqrt()).abs() < 1e-12);
    assert!(found[[centre, 3]].is_nan());
    image[[2, 2, 2]] = 100;
    let found = whole(&image);
    assert_eq!([0, 1, 2].map(|k| found[[centre, k]]), [0.0; 3]);
    assert!(found[[centre, 3]].is_finite());
    // All points beyond the image are 0: not below -3, but below 3.
    for (value, ones) in [(-3, 42.0), (3, 0.0)] {
        let found = whole(&Array3::from_elem((1, 1, 1), value));
        assert!((found[[0, 0]] - ones / (4.0 * PI) * 42f64.sqrt()).abs() < 1e-12);
        assert!(found[[0, 3]].is_nan());
    }
}

#[test]
fn kurtosis_by_hand() {
    // -1 and 1 as often: m4 = m2 = 1; 0, 0, 0, 4: m2 = 3, m4 = 21.
    assert_eq!(excess_kurtosis(0.0, 1.0, 1.0), -2.0);
    assert!((excess_kurtosis(1.0, 3.0, 21.0) - (7.0 / 3.0 - 3.0)).abs() < 1e-15);
    assert!(excess_kurtosis(1e3, 1e-25, 1e-50).is_nan());
}

/// What [`on_spheres`] finds at one voxel, by the formulas of the functions' part of a degree.
fn naive(image: &Array3<f64>, at: [usize; 3], levels: usize, radius: f64) -> Vec<f64> {
    let vertices = icosphere(1, radius);
    let window = crate::volume::Window::whole(image.dim().into());
    let spline = spline::Coefficients::new(image.view(), window);
    let value = |vertex: &[f64; 3]| {
        let place: [f64; 3] = std::array::from_fn(|a| at[a] as f64 + vertex[a]);
        let shape: [usize; 3] = image.dim().into();
        if (0..3).any(|a| place[a] < 0.0 || place[a] > (shape[a] - 1) as f64) {
            return 0.0;
        }
        let taps = vertex.map(spline::Taps::new);
        let mut sum = 0.0;
        for (z, y, x) in (0..64).map(|k| (k / 16, k / 4 % 4, k % 4)) {
            let first: [isize; 3] = std::array::from_fn(|a| at[a].cast_signed() + taps[a].first);
            let row = spline.row([first[0] + z, first[1] + y, first[2]], 4);
            let weight = taps[0].weights[z.cast_unsigned()] * taps[1].weights[y.cast_unsigned()];
            sum += weight * taps[2].weights[x.cast_unsigned()] * row[x.cast_unsigned()];
        }
        sum
    };
    let around: Vec<f64> = vertices.iter().map(value).collect();
    let ones: Vec<bool> = around.iter().map(|v| *v >= image[at]).collect();
    // Legendre polynomials of degree 0, 1 and 2 of the angle between points whose polar angle is the
    // azimuth of u: by the addition theorem, in which the conjugate that is missing mirrors one point.
    let direction = |v: &[f64; 3], sign: f64| {
        let polar = v[1].atan2(v[0]);
        let azimuth = sign * (v[2] / radius).clamp(-1.0, 1.0).acos();
        let (sine, cosine) = polar.sin_cos();
        [
            sine.abs() * azimuth.cos(),
            sine.abs() * azimuth.sin(),
            cosine,
        ]
    };
    let mut out: Vec<f64> = Vec::new();
    for n in 0..levels {
        let part = |u: &[f64; 3]| {
            let terms = vertices
                .iter()
                .zip(&ones)
                .filter(|(_, one)| **one)
                .map(|(v, _)| {
                    let (u, v) = (direction(u, 1.0), direction(v, -1.0));
                    let c: f64 = (0..3).map(|k| u[k] * v[k]).sum();
                    let legendre = [1.0, c, (3.0 * c * c - 1.0) / 2.0][n];
                    (2 * n + 1) as f64 / (4.0 * PI) * legendre
                });
            terms.sum::<f64>()
        };
        out.push(vertices.iter().map(|u| part(u).powi(2)).sum::<f64>().sqrt());
    }
    let moment = |k: i32, mean: f64| around.iter().map(|v| (v - mean).powi(k)).sum::<f64>() / 42.0;
    let mean = moment(1, 0.0);
    out.push(moment(4, mean) / moment(2, mean).powi(2) - 3.0);
    out
}

#[test]
fn spheres_are_what_the_formulas_say() {
    let image = noise((4, 9, 11));
    let region = image.mapv(|v| v > 0.0);
    for radius in [1.0, 2.3] {
        let found = on_spheres(image.view(), region.view(), 3, radius, 1).unwrap();
        let inside = region.indexed_iter().filter(|(_, &set)| set);
        let mut judged = 0;
        for ((place, _), row) in inside.zip(found.rows()) {
            let wanted = naive(&image, place.into(), 3, radius);
            for (found, wanted) in row.iter().zip(wanted) {
                assert!(
                    (found - wanted).abs() < 1e-10,
                    "{place:?}: {found} for {wanted}"
                );
            }
            judged += 1;
        }
        assert_eq!(judged, found.nrows());
    }
}

#[test]
fn a_part_of_a_region_finds_the_same() {
    let image = noise((6, 9, 150));
    let whole = Array3::from_elem(image.raw_dim(), true);
    let all = on_spheres(image.view(), whole.view(), 2, 1.0, 1).unwrap();
    // Ends included, so that the same box is interpolated.
    let some = Array3::from_shape_fn(image.raw_dim(), |(z, y, x)| {
        (z + y * 3 + x * 7) % 11 == 0 || (z, y, x) == (5, 8, 149)
    });
    let found = on_spheres(image.view(), some.view(), 2, 1.0, 1).unwrap();
    let wanted = all.rows().into_iter().zip(&some).filter(|(_, &set)| set);
    let wanted: Vec<u64> = wanted.flat_map(|(row, _)| bits(row)).collect();
    assert_eq!(bits(&found), wanted);
}

#[test]
fn threads_change_no_bit() {
    let image = noise((9, 40, 70)).mapv(f32::nearest);
    let region = image.mapv(|v| v > -30.0);
    let run = |threads| {
        with_threads(Some(threads), || {
            let spheres = on_spheres(image.view(), region.view(), 3, 1.5, 1).unwrap();
            let circles = METHODS.map(|m| {
                let map = on_circles(image.view(), 1, 1.5, 9, m).unwrap();
                map.mapv(f64::from).into_iter().collect::<Vec<_>>()
            });
            (bits(&spheres), circles.map(|c| bits(&c)))
        })
    };
    let serial = run(1);
    for threads in [2, 7] {
        assert!(run(threads) == serial, "{threads} threads");
    }
}

#[test]
fn what_spheres_refuse() {
    let image = Array3::<f64>::zeros((2, 3, 4));
    let region = Array3::from_elem((2, 3, 4), true);
    let of = |levels, radius, subdivision| {
        on_spheres(image.view(), region.view(), levels, radius, subdivision)
    };
    assert!(of(0, 1.0, 0).is_ok() && of(32, 1e6, 1).is_ok());
    for (name, refused) in [
        ("lbp3DLevels", of(33, 1.0, 1)),
        ("lbp3DIcosphereRadius", of(2, -1.0, 1)),
        ("lbp3DIcosphereSubdivision", of(2, 1.0, 7)),
    ] {
        let told = refused.unwrap_err().to_string();
        assert!(told.contains(name), "{told}");
    }
    let other = Array3::from_elem((2, 3, 5), true);
    let none = Array3::from_elem((2, 3, 4), false);
    let refused = [other, none].map(|r| on_spheres(image.view(), r.view(), 2, 1.0, 1).unwrap_err());
    assert!(matches!(refused[0], Error::ShapeMismatch { .. }));
    assert_eq!(refused[1], Error::EmptyMask);
}
