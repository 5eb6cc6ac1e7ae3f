//! Interpolation against its formula, voxel by voxel, and the laws that it keeps.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

use ndarray::{s, Array3, Axis};
use proptest::prelude::*;

use super::*;

mod laws;

const METHODS: [Method; 4] = [
    Method::Nearest,
    Method::Linear,
    Method::Cubic,
    Method::Lanczos,
];

/// Share of each old voxel in each new one along one axis, from the formula: (new, old).
fn naive_weights(
    grid: &Grid,
    axis: usize,
    old: usize,
    method: Method,
    beta: Option<f64>,
) -> Vec<Vec<f64>> {
    let line = grid.line(axis);
    let clamp = |k: isize| k.clamp(0, old as isize - 1) as usize;
    let half = match beta {
        Some(beta) if line.step > 1.0 => lowpass::half_gaussian(line.step, beta),
        _ => vec![1.0],
    };
    let radius = half.len() as isize - 1;
    (0..line.new)
        .map(|voxel| {
            let mut row = vec![0.0; old];
            if line.step == 1.0 {
                row[voxel] = 1.0;
                return row;
            }
            let x = grid.position(axis, voxel);
            let around = -60..old as isize + 60;
            let weights: Vec<f64> = around
                .clone()
                .map(|k| kernel(method, x - k as f64))
                .collect();
            let sum: f64 = weights.iter().sum();
            for (k, w) in around.zip(weights) {
                for m in -radius..=radius {
                    row[clamp(k + m)] += w / sum * half[m.unsigned_abs()];
                }
            }
            row
        })
        .collect()
}

/// A voxel's weight at a signed distance `t` from it.
fn kernel(method: Method, t: f64) -> f64 {
    let sinc = |t: f64| {
        if t == 0.0 {
            1.0
        } else if t == t.round() {
            0.0
        } else {
            (std::f64::consts::PI * t).sin() / (std::f64::consts::PI * t)
        }
    };
    match method {
        Method::Nearest => f64::from(u8::from((-0.5..0.5).contains(&t))),
        Method::Linear => (1.0 - t.abs()).max(0.0),
        Method::Lanczos if t.abs() < 3.0 => sinc(t) * sinc(t / 3.0),
        Method::Lanczos => 0.0,
        // The B-spline filtered by the prefilter's impulse response -6z/(1-z^2) z^|k|.
        Method::Cubic => {
            let z = 3f64.sqrt() - 2.0;
            let response = |k: i32| -6.0 * z / (1.0 - z * z) * z.powi(k.abs());
            (-40..=40)
                .map(|k| response(k) * bspline(t - f64::from(k)))
                .sum()
        }
    }
}

fn bspline(t: f64) -> f64 {
    match t.abs() {
        t if t < 1.0 => 2.0 / 3.0 - t * t + t * t * t / 2.0,
        t if t < 2.0 => (2.0 - t).powi(3) / 6.0,
        _ => 0.0,
    }
}

/// The whole new image, each voxel as a sum over all old ones.
fn naive(image: &Array3<f64>, grid: &Grid, method: Method, beta: Option<f64>) -> Array3<f64> {
    let (nz, ny, nx) = image.dim();
    let [wz, wy, wx] =
        [(0, nz), (1, ny), (2, nx)].map(|(axis, n)| naive_weights(grid, axis, n, method, beta));
    Array3::from_shape_fn(grid.shape(), |(z, y, x)| {
        image
            .indexed_iter()
            .map(|((k, j, i), v)| wz[z][k] * wy[y][j] * wx[x][i] * v)
            .sum()
    })
}

fn whole(grid: &Grid) -> Window {
    Window {
        start: [0; 3],
        shape: grid.shape(),
    }
}

fn resampled(image: &Array3<f64>, grid: &Grid, method: Method, beta: Option<f64>) -> Array3<f64> {
    resample(image.view(), grid, whole(grid), method, beta, |v| v).unwrap()
}

fn random(shape: [usize; 3], mut state: u64) -> Array3<f64> {
    Array3::from_shape_simple_fn(shape, || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 30) - 1.0
    })
}

fn largest(a: &Array3<f64>, b: &Array3<f64>) -> f64 {
    assert_eq!(a.dim(), b.dim());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

fn same_bits(a: &Array3<f64>, b: &Array3<f64>) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// New spacings for old ones of 1 mm: kept, simple and odd factors, up and down.
fn wanted() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        Just(None),
        prop::sample::select(vec![0.5, 2.0, 1.0 / 3.0, 3.0, 1.5, 0.75, 1.0]).prop_map(Some),
        (0.3f64..3.5).prop_map(Some),
    ]
}

fn shapes(longest: usize) -> impl Strategy<Value = [usize; 3]> {
    prop::array::uniform3(1..=longest)
}

fn methods() -> impl Strategy<Value = Method> {
    prop::sample::select(METHODS.to_vec())
}

fn betas() -> impl Strategy<Value = Option<f64>> {
    prop::option::of(0.05f64..0.95)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn values_are_those_of_the_formula(
        shape in shapes(7),
        wanted in prop::array::uniform3(wanted()),
        method in methods(),
        beta in betas(),
        seed in 0u64..1000,
    ) {
        let grid = Grid::centred(shape, [1.0; 3], wanted).unwrap();
        let image = random(shape, seed);
        let expected = naive(&image, &grid, method, beta);
        prop_assert!(largest(&resampled(&image, &grid, method, beta), &expected) < 1e-13 * 30.0);
    }

    #[test]
    fn masks_are_those_of_the_formula(
        shape in shapes(9),
        wanted in prop::array::uniform3(wanted()),
        method in methods(),
        threshold in prop::sample::select(vec![0.5, 0.3, 1.0, 0.01]),
        (seed, level) in (0u64..1000, -0.9f64..0.99),
        flips in prop::array::uniform3(prop::bool::ANY),
    ) {
        let grid = Grid::centred(shape, [1.0; 3], wanted).unwrap();
        let mask = random(shape, seed).mapv(|v| v > level);
        let shares = naive(&mask.mapv(|m| f64::from(u8::from(m))), &grid, method, None);
        let limit = threshold * (1.0 - 1e-6);
        prop_assume!(shares.iter().all(|s| (s - limit).abs() > 1e-11));
        let expected = shares.mapv(|s| s >= limit);
        let found = resample_mask(mask.view(), &grid, method, threshold).unwrap();
        let window = Window::around(expected.view());
        prop_assert_eq!(found.as_ref().map(|f| f.0), window);
        let Some((window, voxels)) = found else { return Ok(()) };
        prop_assert_eq!(&voxels, &window.view(expected.view()));
        if method == Method::Nearest {
            return Ok(()); // a tie goes to the higher voxel, which a flip makes the lower
        }
        let flipped = |array: &Array3<bool>| {
            let mut view = array.view();
            (0..3).filter(|&a| flips[a]).for_each(|a| view.invert_axis(Axis(a)));
            view.to_owned()
        };
        let back = resample_mask(flipped(&mask).view(), &grid, method, threshold).unwrap();
        prop_assert_eq!(back.map(|b| flipped(&b.1)), Some(voxels));
    }

    #[test]
    fn a_small_region_in_a_large_image_is_found_whole(
        start in prop::array::uniform3(0usize..56),
        wanted in prop::array::uniform3(wanted()),
        method in methods(),
        threshold in prop::sample::select(vec![0.5, 0.05, 1e-4]),
    ) {
        let grid = Grid::centred([60; 3], [1.0; 3], wanted).unwrap();
        let mut mask = Array3::from_elem([60; 3], false);
        let [z, y, x] = start;
        mask.slice_mut(s![z..z + 2, y..y + 4, x..x + 3]).fill(true);
        let shares = resampled(&mask.mapv(|m| f64::from(u8::from(m))), &grid, method, None);
        let limit = threshold * (1.0 - 1e-6);
        prop_assume!(shares.iter().all(|s| (s - limit).abs() > 1e-11));
        let expected = shares.mapv(|s| s >= limit);
        let found = resample_mask(mask.view(), &grid, method, threshold).unwrap();
        prop_assert_eq!(found.as_ref().map(|f| f.0), Window::around(expected.view()));
        let Some((window, voxels)) = found else { return Ok(()) };
        prop_assert_eq!(&voxels, &window.view(expected.view()));
    }
}

#[test]
fn smoothing_leaves_of_the_new_nyquist_frequency_what_was_asked() {
    for (n, step) in [(201, 2.0), (303, 3.0), (405, 5.0)] {
        for beta in [0.05, 0.3, 0.8, 0.95] {
            let wave = |k: usize| (std::f64::consts::PI * k as f64 / step).cos();
            for axis in 0..3 {
                let mut shape = [1; 3];
                shape[axis] = n;
                let mut wanted = [None; 3];
                wanted[axis] = Some(step);
                let grid = Grid::centred(shape, [1.0; 3], wanted).unwrap();
                let image = Array3::from_shape_fn(shape, |(z, y, x)| wave(z + y + x));
                for method in METHODS {
                    let out = resampled(&image, &grid, method, Some(beta));
                    for k in 15..grid.shape()[axis] - 15 {
                        let place = grid.position(axis, k) as usize;
                        let found = out.as_slice().unwrap()[k] / wave(place);
                        assert!(
                            (found - beta).abs() < 1e-3,
                            "{step} {beta} {method:?}: {found}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_symmetrical_region_stays_so_at_ties() {
    // New edges fall on old centres: shares of exactly 1/2, 1/4 and 1/8 round the region.
    for (old, new) in [
        (1.0, 0.5),
        (3.0, 1.0),
        (0.977, 0.4885),
        (0.7, 1.4),
        (2.0, 3.0),
    ] {
        let mut mask = Array3::from_elem([10; 3], false);
        mask.slice_mut(s![3..7, 2..8, 4..6]).fill(true);
        let grid = Grid::centred([10; 3], [old; 3], [Some(new); 3]).unwrap();
        for threshold in [0.5, 0.25, 0.125, 1.0 / 3.0, 2.0 / 3.0] {
            let made = resample_mask(mask.view(), &grid, Method::Linear, threshold).unwrap();
            let (window, voxels) = made.unwrap();
            let turned = voxels.slice(s![..;-1, ..;-1, ..;-1]);
            assert_eq!(voxels, turned, "{old} to {new}, {threshold}");
            for a in 0..3 {
                assert_eq!(2 * window.start[a] + window.shape[a], grid.shape()[a]);
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let image = random([3, 4, 5], 1);
    let grid = Grid::centred([3, 4, 5], [1.0; 3], [Some(0.5); 3]).unwrap();
    let other = Grid::centred([3, 4, 6], [1.0; 3], [Some(0.5); 3]).unwrap();
    let full = whole(&grid);
    let call = |grid, window, beta| {
        resample(image.view(), grid, window, Method::Linear, beta, |v| v).map(|out| out.dim())
    };
    let error = call(&other, full, None).unwrap_err();
    assert_eq!(
        error,
        Error::GridMismatch {
            array: [3, 4, 5],
            grid: [3, 4, 6]
        }
    );
    for start in [1, usize::MAX] {
        let mut window = full;
        window.start[1] = start;
        assert!(matches!(
            call(&grid, window, None),
            Err(Error::Argument { name: "window", .. })
        ));
    }
    for beta in [0.0, 1.0, -0.1, f64::NAN] {
        assert!(call(&grid, full, Some(beta)).is_err());
    }
    let mut none = full;
    none.shape[2] = 0;
    assert_eq!(call(&grid, none, None), Ok((6, 8, 0)));
    let mask = Array3::from_elem([3, 4, 5], false);
    let on = |threshold| resample_mask(mask.view(), &grid, Method::Linear, threshold);
    assert_eq!(on(0.5), Ok(None));
    for threshold in [0.0, 1.1, f64::NAN] {
        assert!(on(threshold).is_err());
    }
}
