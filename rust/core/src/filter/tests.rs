//! Filters against their naive twins, and the laws that they keep.

use ndarray::{Array3, ArrayView3, Axis};
use proptest::prelude::*;

use super::convolve::{convolve, Bank, Kernel, Real};
use super::laws::Laws;
use super::log::{self, laplacian_of_gaussian};
use super::mean::mean;
use super::rotation::Rotation;
use super::wavelet::{self, sub_bands, SubBand, Wavelet};
use super::{Boundary, Dimension, Pooling};
use crate::parallel::with_threads;

const BOUNDARIES: [Boundary; 5] = [
    Boundary::Zero,
    Boundary::Constant(-1.5),
    Boundary::Nearest,
    Boundary::Periodic,
    Boundary::Mirror,
];

/// A voxel of the image or of what lies beyond.
fn at(image: &Array3<f64>, place: [isize; 3], boundary: Boundary) -> f64 {
    let shape: [usize; 3] = image.dim().into();
    let source = |a: usize| boundary.source(place[a], shape[a]);
    match (source(0), source(1), source(2)) {
        (Some(z), Some(y), Some(x)) => image[[z, y, x]],
        _ => boundary.constant(),
    }
}

/// Convolution straight from the formula.
fn naive(image: &Array3<f64>, kernels: &[Kernel; 3], boundary: Boundary) -> Array3<f64> {
    Array3::from_shape_fn(image.dim(), |(z, y, x)| {
        let place = [z, y, x].map(|i| isize::try_from(i).unwrap());
        let mut sum = 0.0;
        for (i, u) in kernels[0].taps() {
            for (j, v) in kernels[1].taps() {
                for (k, w) in kernels[2].taps() {
                    let from = [place[0] - i, place[1] - j, place[2] - k];
                    sum += u * v * w * at(image, from, boundary);
                }
            }
        }
        sum
    })
}

/// Responses to all rotations, pooled.
fn naive_pooled(
    image: &Array3<f64>,
    kernels: &[Kernel; 3],
    rotations: &[Rotation],
    pooling: Pooling,
    boundary: Boundary,
) -> Array3<f64> {
    let maps = rotations
        .iter()
        .map(|r| naive(image, &r.of(kernels), boundary));
    pooled(maps.collect(), pooling)
}

fn pooled(maps: Vec<Array3<f64>>, pooling: Pooling) -> Array3<f64> {
    let count = maps.len() as f64;
    let pair = |a: f64, b: f64| match pooling {
        Pooling::Max => a.max(b),
        Pooling::Min => a.min(b),
        Pooling::Mean | Pooling::Sum => a + b,
    };
    let all = maps.into_iter().reduce(|mut a, b| {
        a.zip_mut_with(&b, |a, &b| *a = pair(*a, b));
        a
    });
    let scale = if pooling == Pooling::Mean {
        1.0 / count
    } else {
        1.0
    };
    all.unwrap() * scale
}

fn noise(shape: [usize; 3], seed: u64) -> Array3<f64> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    Array3::from_shape_simple_fn(shape, || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    })
}

#[track_caller]
fn assert_near<T: Real>(a: &Array3<T>, b: &Array3<f64>, tolerance: f64) {
    assert_eq!(a.dim(), b.dim());
    for (place, value) in a.indexed_iter() {
        let (a, b) = (value.to_f64(), b[place]);
        assert!((a - b).abs() <= tolerance, "{a} for {b} at {place:?}");
    }
}

fn kernel() -> impl Strategy<Value = Kernel> {
    prop::collection::vec(-2i32..3, 1..7).prop_flat_map(|weights| {
        let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
        (0..weights.len()).prop_map(move |centre| Kernel::new(&weights, centre))
    })
}

fn shape() -> impl Strategy<Value = [usize; 3]> {
    (1usize..7, 1usize..5, 1usize..36).prop_map(|(z, y, x)| [z, y, x])
}

fn pooling() -> impl Strategy<Value = Pooling> {
    prop::sample::select(vec![
        Pooling::Max,
        Pooling::Min,
        Pooling::Mean,
        Pooling::Sum,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_convolution_is_the_formula(
        shape in shape(), seed in 0u64..1000, kernels in [kernel(), kernel(), kernel()],
        boundary in prop::sample::select(BOUNDARIES.to_vec()),
    ) {
        let image = noise(shape, seed);
        let map = convolve(image.view(), &kernels, boundary).unwrap();
        assert_near(&map, &naive(&image, &kernels, boundary), 1e-11);
    }

    #[test]
    fn pooling_over_rotations_is_that_of_all_maps(
        shape in shape(), seed in 0u64..1000, kernels in [kernel(), kernel(), kernel()],
        boundary in prop::sample::select(BOUNDARIES.to_vec()), pooling in pooling(),
    ) {
        let image = noise(shape, seed);
        for rotations in [Rotation::of_volume(), Rotation::in_plane()] {
            let bank = Bank::new(rotations.iter().map(|r| (r.of(&kernels), 0)));
            let map = bank.maps(image.view(), boundary, pooling).unwrap().remove(0);
            let twin = naive_pooled(&image, &kernels, &rotations, pooling, boundary);
            assert_near(&map, &twin, 1e-10);
        }
    }

    #[test]
    fn a_filter_is_linear_and_moves_with_a_periodic_image(
        shape in shape(), seed in 0u64..1000, steps in [0usize..5, 0usize..5, 0usize..5],
        filter in 0usize..4,
    ) {
        let (a, b) = (noise(shape, seed), noise(shape, seed + 1));
        let of = |image: &Array3<f64>| any_filter(filter, image.view(), Boundary::Periodic);
        assert_near(&of(&(&a * 3.0 - &b)), &(of(&a) * 3.0 - of(&b)), 1e-11);
        let moved = |image: &Array3<f64>| {
            let source = |i: usize, a: usize| (i + steps[a]) % shape[a];
            Array3::from_shape_fn(shape, |(z, y, x)| image[[source(z, 0), source(y, 1), source(x, 2)]])
        };
        prop_assert_eq!(of(&moved(&a)), moved(&of(&a)));
    }

    #[test]
    fn levels_of_a_wavelet_are_chains_of_convolutions(
        shape in [4usize..7, 4usize..6, 4usize..8], seed in 0u64..1000, band in 0usize..8,
        name in prop::sample::select(vec!["haar", "db2", "bior2.2", "rbio1.3"]),
        boundary in prop::sample::select(BOUNDARIES.to_vec()), pooling in pooling(),
    ) {
        let image = noise(shape, seed);
        let wavelet = Wavelet::named(name).unwrap();
        let band = SubBand::all(Dimension::Volume)[band];
        let of = |rotations| {
            sub_bands(image.view(), &wavelet, 3, &[band], rotations, boundary).unwrap().remove(0)
        };
        let chain = |rotation: &Rotation| {
            let (mut map, mut beyond) = (image.clone(), boundary);
            for level in 0..3 {
                let kernel = |a: usize| {
                    let high = band.to_string().as_bytes()[2 - a] == b'H' && level == 2;
                    [wavelet.low(), wavelet.high()][usize::from(high)].spread(1 << level)
                };
                let kernels = rotation.of(&[kernel(0), kernel(1), kernel(2)]);
                map = naive(&map, &kernels, beyond);
                if let Boundary::Constant(value) = &mut beyond {
                    *value *= kernels.iter().map(Kernel::sum).product::<f64>();
                }
            }
            map
        };
        assert_near(&of(None), &chain(&Rotation::IDENTITY), 1e-10);
        let all: Vec<_> = Rotation::of_volume().iter().map(chain).collect();
        assert_near(&of(Some(pooling)), &pooled(all, pooling), 1e-9);
    }
}

/// One of the linear filters.
fn any_filter(which: usize, image: ArrayView3<'_, f64>, boundary: Boundary) -> Array3<f64> {
    let spacing = [2.0, 1.0, 1.0];
    match which {
        0 => mean(image, 5, Dimension::Volume, boundary),
        1 => laplacian_of_gaussian(image, spacing, 1.5, 4.0, Dimension::Volume, boundary),
        2 => Laws::named("E5W5R5")
            .unwrap()
            .response(image, Some(Pooling::Mean), boundary),
        _ => {
            let (wavelet, band) = (
                Wavelet::named("db3").unwrap(),
                SubBand::named("LHH").unwrap(),
            );
            let maps = sub_bands(image, &wavelet, 1, &[band], None, boundary);
            maps.map(|mut maps| maps.remove(0))
        }
    }
    .unwrap()
}

#[test]
fn the_response_to_an_impulse_is_the_kernel() {
    let mut image = Array3::zeros((15, 17, 19));
    image[[7, 8, 9]] = 1.0;
    let along = |kernel: &Kernel, i: usize, centre: usize| {
        let k = isize::try_from(i).unwrap() - isize::try_from(centre).unwrap();
        let tap = kernel.taps().iter().find(|tap| tap.0 == k);
        tap.map_or(0.0, |tap| tap.1)
    };
    let product = |kernels: &[Kernel; 3]| {
        Array3::from_shape_fn(image.dim(), |(z, y, x)| {
            along(&kernels[0], z, 7) * along(&kernels[1], y, 8) * along(&kernels[2], x, 9)
        })
    };
    let laws = Laws::named("E5L5S5").unwrap();
    let map = laws.response(image.view(), None, Boundary::Zero).unwrap();
    assert_near(&map, &product(laws.kernels()), 1e-15);

    let (spacing, sigma) = ([1.5, 1.0, 2.0], 1.25f64);
    let volume = Dimension::Volume;
    let of = laplacian_of_gaussian(image.view(), spacing, sigma, 4.0, volume, Boundary::Zero);
    let unit = (1.5f64 * 1.0 * 2.0).powf(2.0 / 3.0);
    let sampled = Array3::from_shape_fn(image.dim(), |(z, y, x)| {
        let place = [z as f64 - 7.0, y as f64 - 8.0, x as f64 - 9.0];
        let voxels = spacing.map(|s| sigma / s);
        if (0..3).any(|a| place[a].abs() > (4.0 * voxels[a] + 0.5).floor()) {
            return 0.0;
        }
        // The formula of the manual in mm, of a density a voxel.
        let square: f64 = (0..3).map(|a| (place[a] * spacing[a]).powi(2)).sum();
        let norm = (2.0 * std::f64::consts::PI).sqrt().powi(-3) / voxels.iter().product::<f64>();
        let gaussian = norm * (-square / (2.0 * sigma * sigma)).exp();
        -unit * (3.0 - square / (sigma * sigma)) / (sigma * sigma) * gaussian
    });
    assert_near(&of.unwrap(), &sampled, 1e-15);

    for name in ["haar", "db2", "coif1", "bior3.1"] {
        let wavelet = Wavelet::named(name).unwrap();
        let band = SubBand::named("LHL").unwrap();
        let map = sub_bands(image.view(), &wavelet, 1, &[band], None, Boundary::Zero).unwrap();
        let [low, high] = [wavelet.low(), wavelet.high()].map(Clone::clone);
        assert_near(&map[0], &product(&[low.clone(), high, low]), 1e-15);
    }
}

#[test]
fn a_constant_image_has_the_sum_of_the_kernel_everywhere() {
    let image = Array3::from_elem((5, 6, 7), 4.0);
    for boundary in [
        Boundary::Constant(4.0),
        Boundary::Nearest,
        Boundary::Periodic,
        Boundary::Mirror,
    ] {
        for (filter, value) in [(0, 4.0), (2, 0.0), (3, 0.0)] {
            let map = any_filter(filter, image.view(), boundary);
            assert_near(&map, &Array3::from_elem(image.dim(), value), 1e-12);
        }
        let map = any_filter(1, image.view(), boundary);
        let terms = log::kernels([2.0, 1.0, 1.0], 1.5, 4.0, Dimension::Volume).unwrap();
        let product = |k: &[Kernel; 3]| k.iter().map(Kernel::sum).product::<f64>();
        let sum: f64 = terms.iter().map(product).sum();
        assert_near(&map, &Array3::from_elem(image.dim(), 4.0 * sum), 1e-12);
        let laws = Laws::named("L5L5L5").unwrap();
        let energy = laws
            .energy(image.view(), 1, Some(Pooling::Sum), boundary)
            .unwrap();
        let expected = 24.0 * 4.0 * product(laws.kernels());
        assert_near(&energy, &Array3::from_elem(image.dim(), expected), 1e-10);
    }
    let wide = log::kernels([1.0; 3], 5.0, 6.0, Dimension::Volume).unwrap();
    let sum: f64 = wide
        .iter()
        .map(|k| k.iter().map(Kernel::sum).product::<f64>())
        .sum();
    assert!(sum.abs() < 1e-8, "{sum}");
}

#[test]
fn energy_is_the_mean_absolute_response() {
    let image = noise([5, 6, 9], 5);
    let laws = Laws::named("E5S3").unwrap();
    for boundary in BOUNDARIES {
        let energy = laws
            .energy(image.view(), 2, Some(Pooling::Max), boundary)
            .unwrap();
        let response = naive_pooled(
            &image,
            laws.kernels(),
            &Rotation::in_plane(),
            Pooling::Max,
            boundary,
        );
        let beyond = match boundary {
            Boundary::Constant(_) => Boundary::Zero, // the response to a constant
            other => other,
        };
        let fifth = Kernel::centred(&[0.2; 5]);
        let window = [Kernel::identity(), fifth.clone(), fifth];
        assert_near(
            &energy,
            &naive(&response.mapv(f64::abs), &window, beyond),
            1e-12,
        );
    }
}

#[test]
fn pooled_maps_turn_with_the_image() {
    let image = noise([6, 7, 8], 3);
    let wavelet = Wavelet::named("db2").unwrap();
    let band = SubBand::named("LLH").unwrap();
    for boundary in BOUNDARIES {
        for level in [1, 2] {
            let of = |image: ArrayView3<'_, f64>| {
                let maps = sub_bands(
                    image,
                    &wavelet,
                    level,
                    &[band],
                    Some(Pooling::Max),
                    boundary,
                );
                maps.unwrap().remove(0)
            };
            let turn = |a: ArrayView3<'_, f64>| {
                let mut turned = a.permuted_axes([2, 1, 0]);
                turned.invert_axis(Axis(0));
                turned.to_owned()
            };
            let turned = turn(of(image.view()).view());
            assert_near(&of(turn(image.view()).view()), &turned, 1e-12);
        }
    }
}

#[test]
fn an_undecimated_wavelet_gives_the_image_back() {
    let image = noise([8, 6, 10], 11);
    let bands = SubBand::all(Dimension::Volume);
    for name in ["haar", "db4", "sym5", "coif2"] {
        let wavelet = Wavelet::named(name).unwrap();
        for level in [1, 2] {
            let low = |k: usize| wavelet.low().spread(k).mirrored();
            let high = |k: usize| wavelet.high().spread(k).mirrored();
            let mut smooth = image.clone();
            for before in 1..level {
                let maps = sub_bands(
                    image.view(),
                    &wavelet,
                    before,
                    &bands[..1],
                    None,
                    Boundary::Periodic,
                );
                smooth = maps.unwrap().remove(0);
            }
            let maps = sub_bands(
                image.view(),
                &wavelet,
                level,
                &bands,
                None,
                Boundary::Periodic,
            );
            let mut sum = Array3::zeros(image.dim());
            for (band, map) in bands.iter().zip(maps.unwrap()) {
                let step = 1 << (level - 1);
                let name = band.to_string();
                let kernel = |a: usize| {
                    if name.as_bytes()[2 - a] == b'H' {
                        high(step)
                    } else {
                        low(step)
                    }
                };
                let kernels = [kernel(0), kernel(1), kernel(2)];
                sum += &convolve(map.view(), &kernels, Boundary::Periodic).unwrap();
            }
            assert_near(&(sum / 8.0), &smooth, 1e-9);
        }
    }
}

#[test]
fn every_wavelet_has_filters_that_split_and_join() {
    let names = wavelet::names();
    assert_eq!(names.len(), 106);
    for name in &names {
        let wavelet = Wavelet::named(name).unwrap();
        let dual = match (name.strip_prefix("bior"), name.strip_prefix("rbio")) {
            (Some(order), _) => format!("rbio{order}"),
            (_, Some(order)) => format!("bior{order}"),
            _ => name.clone(),
        };
        let dual = Wavelet::named(&dual).unwrap();
        // Decomposition, then reconstruction, whose filters are the dual's mirrored, is 2 times
        // nothing at all; dmey's coefficients are rounded.
        let tolerance = if name == "dmey" { 1e-2 } else { 1e-8 };
        let mut join = std::collections::BTreeMap::new();
        for (filter, back) in [(wavelet.low(), dual.low()), (wavelet.high(), dual.high())] {
            for (i, v) in filter.taps() {
                for (k, w) in back.taps() {
                    *join.entry(i - k).or_insert(0.0) += v * w;
                }
            }
        }
        let peak = *join.iter().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
        for (k, value) in join {
            let expected = if k == peak { 2.0 } else { 0.0 };
            assert!(
                (value - expected).abs() < tolerance,
                "{name}: {value} at {k}"
            );
        }
        assert!((wavelet.low().sum() - 2f64.sqrt()).abs() < 1e-6, "{name}");
        assert!(wavelet.high().sum().abs() < tolerance, "{name}");
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    let image = noise([13, 31, 37], 7);
    let of = |threads| {
        with_threads(Some(threads), || {
            let mut maps: Vec<_> = (0..4)
                .map(|filter| any_filter(filter, image.view(), Boundary::Mirror))
                .collect();
            let wavelet = Wavelet::named("coif1").unwrap();
            let bands = SubBand::all(Dimension::Volume);
            let pooled = Some(Pooling::Mean);
            maps.extend(
                sub_bands(image.view(), &wavelet, 2, &bands, pooled, Boundary::Nearest).unwrap(),
            );
            let bits = |map: Array3<f64>| map.into_iter().map(f64::to_bits).collect::<Vec<_>>();
            maps.into_iter().map(bits).collect::<Vec<_>>()
        })
    };
    let one = of(1);
    assert_eq!(one, of(2));
    assert_eq!(one, of(7));
}

#[test]
fn single_precision_and_any_strides_give_the_same_maps() {
    let image = noise([5, 6, 40], 1);
    let single = image.mapv(<f32 as Real>::nearest);
    let wide = single.mapv(f64::from);
    let kernels = Laws::named("R5W5L5").unwrap().kernels().clone();
    let map = convolve(single.view(), &kernels, Boundary::Mirror).unwrap();
    let double = convolve(wide.view(), &kernels, Boundary::Mirror).unwrap();
    assert_near(&map, &double, 1e-5);
    let mut strided = Array3::zeros((40, 6, 5));
    strided.assign(&wide.view().reversed_axes());
    let same = convolve(strided.view().reversed_axes(), &kernels, Boundary::Mirror).unwrap();
    assert_eq!(same, double);
}

#[test]
fn nan_stays_within_reach_of_the_kernel_also_when_pooled() {
    let mut image = noise([9, 9, 9], 2);
    image[[4, 4, 4]] = f64::NAN;
    let laws = Laws::named("L3E3S3").unwrap();
    for pooling in [Pooling::Max, Pooling::Min, Pooling::Mean, Pooling::Sum] {
        let map = laws
            .response(image.view(), Some(pooling), Boundary::Mirror)
            .unwrap();
        for (place, value) in map.indexed_iter() {
            let near = [place.0, place.1, place.2]
                .iter()
                .all(|i| i.abs_diff(4) <= 1);
            assert!(!value.is_nan() || near, "{place:?}");
        }
        assert!(map[[3, 4, 5]].is_nan());
    }
}

#[test]
fn one_slice_no_voxel_and_kernels_larger_than_the_image_work() {
    let slice = noise([1, 3, 4], 9);
    let plane = any_filter(0, slice.view(), Boundary::Nearest);
    let flat = mean(slice.view(), 5, Dimension::Slice, Boundary::Nearest).unwrap();
    assert_near(&plane, &flat, 1e-12); // the slice goes on for ever
    let all = mean(slice.view(), 4801, Dimension::Volume, Boundary::Periodic).unwrap();
    let whole = slice.mean().unwrap();
    assert_near(&all, &Array3::from_elem(slice.dim(), whole), 1e-3);
    for filter in 0..4 {
        assert_eq!(
            any_filter(filter, Array3::zeros((0, 3, 4)).view(), Boundary::Mirror).len(),
            0
        );
    }
}

#[test]
fn bad_arguments_are_refused_by_name() {
    let image = noise([4, 5, 6], 1);
    let view = image.view();
    let volume = Dimension::Volume;
    let even = mean(view, 4, volume, Boundary::Zero)
        .unwrap_err()
        .to_string();
    assert!(
        even.starts_with("support is 4 voxels; it must be odd"),
        "{even}"
    );
    assert!(mean(view, 0, volume, Boundary::Zero).is_err());
    assert!(mean(view, 3, volume, Boundary::Constant(f64::NAN)).is_err());
    let log = |sigma, truncate, dimension| {
        let boundary = Boundary::Mirror;
        laplacian_of_gaussian(view, [5.0, 1.0, 1.0], sigma, truncate, dimension, boundary)
    };
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY, 0.4, 2.4, 1e9] {
        let error = log(sigma, 4.0, volume).unwrap_err().to_string();
        assert!(error.starts_with("sigma is "), "{error}");
    }
    assert!(log(2.4, 4.0, volume)
        .unwrap_err()
        .to_string()
        .contains("0.480 voxels along z"));
    assert!(log(2.4, 4.0, Dimension::Slice).is_ok());
    assert!(log(3.0, 0.0, volume)
        .unwrap_err()
        .to_string()
        .starts_with("truncate is 0"));

    let error = Wavelet::named("coiff1").unwrap_err().to_string();
    assert!(error.contains("did you mean 'coif1'?"), "{error}");
    for odd in ["", "bior2.2'", "#", "rbio9.9", "# Decomposition", "db39"] {
        assert!(Wavelet::named(odd).is_err(), "{odd}");
    }
    assert_eq!(
        Wavelet::named(" Haar ").unwrap(),
        Wavelet::named("db1").unwrap()
    );
    let (haar, bands) = (Wavelet::named("haar").unwrap(), SubBand::all(volume));
    let of =
        |level, bands: &[SubBand]| sub_bands(view, &haar, level, bands, None, Boundary::Mirror);
    assert!(of(3, &bands).is_ok());
    for level in [0, 4, usize::MAX] {
        let error = of(level, &bands).unwrap_err().to_string();
        assert!(error.contains("from 1 to 3"), "{error}");
    }
    assert!(of(1, &[bands[0], SubBand::named("LL").unwrap()]).is_err());
    assert!(of(1, &[]).unwrap().is_empty());
    assert!(SubBand::named("LLX").is_err() && SubBand::named("L").is_err());
}

#[test]
fn sub_bands_are_named_x_first() {
    let names = |dimension| {
        let all = SubBand::all(dimension).into_iter();
        all.map(|band| band.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(names(Dimension::Volume), "LLL LLH LHL LHH HLL HLH HHL HHH");
    assert_eq!(names(Dimension::Slice), "LL LH HL HH");
    for band in SubBand::all(Dimension::Volume) {
        assert_eq!(SubBand::named(&band.to_string()).unwrap(), band);
    }
    let mut image = Array3::<f64>::zeros((3, 3, 8));
    image.slice_mut(ndarray::s![.., .., 4..]).fill(1.0);
    let haar = Wavelet::named("haar").unwrap();
    let of = |name: &str| -> Array3<f64> {
        let band = SubBand::named(name).unwrap();
        sub_bands(image.view(), &haar, 1, &[band], None, Boundary::Mirror)
            .unwrap()
            .remove(0)
    };
    assert!(of("HLL").iter().any(|v| v.abs() > 0.5));
    assert!(of("LLH").iter().all(|v| v.abs() < 1e-12));
}

#[test]
fn dimensions_are_written_as_the_numbers_2_and_3() {
    for (number, dimension) in [("2", Dimension::Slice), ("3", Dimension::Volume)] {
        assert_eq!(serde_json::to_string(&dimension).unwrap(), number);
        assert_eq!(
            serde_json::from_str::<Dimension>(number).unwrap(),
            dimension
        );
    }
    for bad in ["1", "4", "-2", "\"2d\"", "true", "2.5"] {
        assert!(serde_json::from_str::<Dimension>(bad).is_err(), "{bad}");
    }
    let error = serde_json::from_str::<Dimension>("4")
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("dimension is 4; it must be 2"), "{error}");
}

#[test]
#[allow(clippy::cast_possible_truncation, clippy::float_cmp)] // exact by design
fn in_single_precision_coiflets_alone_have_other_weights() {
    let weights = |wavelet: &Wavelet| -> Vec<f64> {
        let both = wavelet.low().taps().iter().chain(wavelet.high().taps());
        both.map(|&(_, w)| w).collect()
    };
    for (name, moved) in [
        ("haar", false),
        ("dmey", false),
        ("coif1", true),
        ("Coif3", true),
    ] {
        let double = weights(&Wavelet::named(name).unwrap());
        let single = weights(&Wavelet::named_in_single(name).unwrap());
        assert_eq!(double != single, moved, "{name}");
        for (w, s) in double.iter().zip(&single) {
            assert!((w - s).abs() <= 2e-7 * w.abs(), "{name}: {w} {s}");
            assert!(!moved || f64::from(*s as f32) == *s, "{name}: {s}");
        }
    }
}
