//! What holds for any image: parts, symmetries, identities, bits.

use ndarray::{s, Array3, Axis};
use proptest::prelude::*;

use super::*;
use crate::parallel::with_threads;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_window_has_the_values_of_the_whole(
        (shape, long) in (shapes(6), 0usize..3),
        wanted in prop::array::uniform3(wanted()),
        ends in prop::array::uniform3((0.0f64..1.0, 0.0f64..1.0)),
        method in methods(),
        beta in betas(),
    ) {
        let mut shape = shape;
        shape[long] = 150;
        let grid = Grid::centred(shape, [1.0; 3], wanted).unwrap();
        let image = random(shape, 7);
        let all = resampled(&image, &grid, method, beta);
        let new = grid.shape();
        let start: [usize; 3] = std::array::from_fn(|a| (ends[a].0 * new[a] as f64) as usize);
        let window = Window {
            start,
            shape: std::array::from_fn(|a| {
                1 + (ends[a].1 * (new[a] - start[a] - 1) as f64) as usize
            }),
        };
        let part = resample(image.view(), &grid, window, method, beta, |v| v).unwrap();
        let expected = window.view(all.view()).to_owned();
        if method == Method::Cubic {
            prop_assert!(largest(&part, &expected) < 1e-14);
        } else {
            prop_assert!(same_bits(&part, &expected));
        }
    }

    #[test]
    fn constants_stay_to_the_bit(
        shape in shapes(9),
        wanted in prop::array::uniform3(wanted()),
        method in methods(),
        beta in betas(),
        value in -1e4f64..1e4,
    ) {
        let grid = Grid::centred(shape, [1.0; 3], wanted).unwrap();
        let constant = Array3::from_elem(shape, value);
        prop_assert!(resampled(&constant, &grid, method, beta).iter().all(|&v| v == value));
    }

    #[test]
    fn linear_and_cubic_keep_a_ramp(
        (axis, new) in (0usize..3, 0.3f64..3.0),
        method in prop::sample::select(vec![Method::Linear, Method::Cubic]),
        smooth in prop::bool::ANY,
    ) {
        let mut shape = [3; 3];
        shape[axis] = 130;
        let mut wanted = [None; 3];
        wanted[axis] = Some(new);
        let grid = Grid::centred(shape, [1.0; 3], wanted).unwrap();
        let ramp = Array3::from_shape_fn(shape, |(z, y, x)| [z, y, x][axis] as f64 / 130.0);
        let beta = smooth.then_some(0.5);
        for ((z, y, x), v) in resampled(&ramp, &grid, method, beta).indexed_iter() {
            let place = grid.position(axis, [z, y, x][axis]);
            // A kink at the border reaches 28 voxels into a spline.
            if (30.0..100.0).contains(&place) {
                prop_assert!((v - place / 130.0).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn flips_commute(
        shape in shapes(8),
        wanted in prop::array::uniform3(wanted()),
        method in methods(),
        beta in betas(),
        flips in prop::array::uniform3(prop::bool::ANY),
    ) {
        let grid = Grid::centred(shape, [1.0; 3], wanted).unwrap();
        let flipped = |array: &Array3<f64>| {
            let mut view = array.view();
            (0..3).filter(|&a| flips[a]).for_each(|a| view.invert_axis(Axis(a)));
            view.to_owned()
        };
        let image = random(shape, 3);
        let there = flipped(&resampled(&image, &grid, method, beta));
        let back = resampled(&flipped(&image), &grid, method, beta);
        let tie = |a: usize, k: usize| grid.position(a, k).fract().abs() == 0.5;
        let ties = (0..3).any(|a| (0..grid.shape()[a]).any(|k| tie(a, k)));
        match (method, beta) {
            (Method::Nearest, _) if ties => {}
            (Method::Nearest | Method::Linear, None) => prop_assert!(same_bits(&there, &back)),
            _ => prop_assert!(largest(&there, &back) < 1e-13),
        }
    }

    #[test]
    fn any_order_of_axes_and_memory_gives_the_same(
        shape in shapes(8),
        wanted in prop::array::uniform3(wanted()),
        method in methods(),
        order in 0usize..6,
        flips in prop::array::uniform3(prop::bool::ANY),
    ) {
        let grid = Grid::centred(shape, [1.0; 3], wanted).unwrap();
        let axes = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]][order];
        let image = random(shape, 5).mapv(|v| (v * 3000.0) as i16);
        let plain = resample(image.view(), &grid, whole(&grid), method, None, |v| v / 3000.0);
        let plain = plain.unwrap();
        // The same image, stored in another order.
        let mut inverse = [0; 3];
        (0..3).for_each(|a| inverse[axes[a]] = a);
        let mut stored = image.view().permuted_axes(axes).as_standard_layout().into_owned();
        let mut view = stored.view_mut().permuted_axes(inverse);
        for a in (0..3).filter(|&a| flips[a]) {
            view.invert_axis(Axis(a));
        }
        view.assign(&image);
        let again = resample(view.view(), &grid, whole(&grid), method, None, |v| v / 3000.0);
        prop_assert!(same_bits(&plain, &again.unwrap()));
        // And with its axes named otherwise.
        let turned = Grid::centred(
            axes.map(|a| shape[a]),
            [1.0; 3],
            axes.map(|a| wanted[a]),
        )
        .unwrap();
        let view = image.view().permuted_axes(axes);
        let other = resample(view, &turned, whole(&turned), method, None, |v| v / 3000.0).unwrap();
        let other = other.permuted_axes(inverse).as_standard_layout().into_owned();
        prop_assert!(largest(&plain, &other) < 1e-13);
    }
}

#[test]
fn the_old_spacing_is_the_identity_to_the_bit() {
    let mut image = random([5, 6, 7], 1);
    image[[2, 3, 4]] = f64::NAN;
    image[[1, 1, 1]] = -0.0;
    for wanted in [[None; 3], [Some(0.7); 3], [Some(0.7), None, None]] {
        let grid = Grid::centred([5, 6, 7], [0.7; 3], wanted).unwrap();
        assert!(grid.is_identity());
        for (method, beta) in METHODS.into_iter().zip([None, Some(0.3), Some(0.5), None]) {
            assert!(same_bits(&resampled(&image, &grid, method, beta), &image));
        }
        let mask = image.mapv(|v| v > 0.2);
        let (window, voxels) = resample_mask(mask.view(), &grid, Method::Linear, 0.5)
            .unwrap()
            .unwrap();
        assert_eq!(window, Window::around(mask.view()).unwrap());
        assert_eq!(voxels, window.view(mask.view()));
    }
}

#[test]
fn slices_do_not_mix_where_only_the_plane_is_interpolated() {
    let mut image = random([4, 9, 9], 1);
    image.slice_mut(s![2, .., ..]).fill(f64::NAN);
    let grid = Grid::centred([4, 9, 9], [5.0, 1.0, 1.0], [None, Some(0.6), Some(1.7)]).unwrap();
    for method in METHODS {
        for beta in [None, Some(0.5)] {
            let out = resampled(&image, &grid, method, beta);
            for z in 0..4 {
                assert!(out
                    .slice(s![z, .., ..])
                    .iter()
                    .all(|v| v.is_nan() == (z == 2)));
                let slice = image.slice(s![z..=z, .., ..]).to_owned();
                let alone =
                    Grid::centred([1, 9, 9], [1.0; 3], [None, Some(0.6), Some(1.7)]).unwrap();
                let expected = resampled(&slice, &alone, method, beta);
                let out = out.slice(s![z..=z, .., ..]).to_owned();
                assert!(z == 2 || same_bits(&out, &expected));
            }
        }
    }
}

#[test]
fn a_voxel_without_weight_does_not_come_in() {
    // Every third new voxel of a finer grid, and every one of a coarser, is an old one.
    for (n, new) in [(9, 1.0 / 3.0), (9, 2.0), (21, 0.1 / 0.3), (15, 3.0)] {
        for axis in 0..3 {
            let mut shape = [2; 3];
            shape[axis] = n;
            let mut wanted = [None; 3];
            wanted[axis] = Some(new);
            let grid = Grid::centred(shape, [1.0; 3], wanted).unwrap();
            let image = Array3::from_shape_fn(shape, |(z, y, x)| {
                if [z, y, x][axis] % 2 == 0 {
                    f64::NAN
                } else {
                    1.0
                }
            });
            for method in [Method::Nearest, Method::Linear, Method::Lanczos] {
                for ((z, y, x), v) in resampled(&image, &grid, method, None).indexed_iter() {
                    let place = grid.position(axis, [z, y, x][axis]);
                    if place.fract() == 0.0 && place >= 0.0 {
                        assert_eq!(v.is_nan(), place % 2.0 == 0.0, "{method:?} at {place}");
                    }
                }
            }
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let image = random([30, 45, 170], 9);
    let mask = image.mapv(|v| v > -0.3);
    for wanted in [[Some(0.6); 3], [Some(2.2), Some(0.5), Some(1.3)]] {
        let grid = Grid::centred([30, 45, 170], [1.0; 3], wanted).unwrap();
        for (method, beta) in METHODS.into_iter().zip([None, None, Some(0.4), Some(0.2)]) {
            let made = [1, 2, 7].map(|threads| {
                with_threads(Some(threads), || {
                    let shares = resample_mask(mask.view(), &grid, method, 0.5).unwrap();
                    (resampled(&image, &grid, method, beta), shares)
                })
            });
            assert!(made
                .iter()
                .all(|m| same_bits(&m.0, &made[0].0) && m.1 == made[0].1));
        }
    }
}

#[test]
fn slabs_do_not_show() {
    let image = random([40, 50, 60], 2);
    let grid = Grid::centred([40, 50, 60], [1.0; 3], [Some(0.4), Some(0.5), Some(0.5)]).unwrap();
    for method in METHODS {
        let all = resampled(&image, &grid, method, None);
        assert!(all.len() > 2 * SLAB);
        for start in [0, 37, 60] {
            let window = Window {
                start: [start, 20, 30],
                shape: [40, 50, 60],
            };
            let part = resample(image.view(), &grid, window, method, None, |v| v).unwrap();
            let expected = window.view(all.view()).to_owned();
            if method == Method::Cubic {
                assert!(largest(&part, &expected) < 1e-14);
            } else {
                assert!(same_bits(&part, &expected));
            }
        }
    }
}
