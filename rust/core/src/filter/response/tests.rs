use ndarray::{Array3, ArrayView1, ArrayView3, Axis};
use proptest::prelude::*;

use super::*;
use crate::filter::gabor::Part;
use crate::filter::riesz::Base;

const BOUNDARIES: [Boundary; 5] = [
    Boundary::Mirror,
    Boundary::Nearest,
    Boundary::Periodic,
    Boundary::Zero,
    Boundary::Constant(7.0),
];

/// One of each kind of filter and more, with this boundary.
fn filters(boundary: Boundary) -> Vec<Filter> {
    use Dimension::{Slice, Volume};
    let mut all = Vec::new();
    for dimension in [Slice, Volume] {
        all.push(Filter::Mean {
            support: 5,
            dimension,
            boundary,
        });
        all.push(Filter::Log {
            sigma: 1.5,
            truncate: 2.0,
            dimension,
            boundary,
        });
        all.push(Filter::Gradient {
            dimension,
            boundary,
        });
        all.push(Filter::Isotropic {
            wavelet: nonseparable::Wavelet::Simoncelli,
            level: 1,
            dimension,
            boundary,
        });
        all.push(Filter::Riesz(Riesz {
            base: Base::LaplacianOfGaussian {
                sigma: 1.5,
                truncate: 2.0,
            },
            order: [1, 1, 0],
            sigma_tensor: None,
            dimension,
            boundary,
        }));
    }
    for (kernels, energy, rotations) in [
        ("E5L3", None, None),
        ("L5E3S3", None, Some(Pooling::Max)),
        ("E3R5", Some(2), Some(Pooling::Mean)),
        ("S5L3E5", Some(3), None),
    ] {
        all.push(Filter::Laws {
            kernels: Laws::named(kernels).unwrap(),
            energy,
            rotations,
            boundary,
        });
    }
    for (name, band, level, rotations) in [
        ("haar", "LHL", 2, None),
        ("db3", "HL", 1, Some(Pooling::Min)),
        ("bior3.1", "HHL", 2, None),
        ("coif1", "LLH", 1, Some(Pooling::Mean)),
    ] {
        all.push(Filter::Wavelet {
            wavelet: Wavelet::named(name).unwrap(),
            band: SubBand::named(band).unwrap(),
            level,
            rotations,
            boundary,
        });
    }
    for orthogonal in [false, true] {
        all.push(Filter::Gabor(Gabor {
            sigma: 0.8,
            wavelength: 2.5,
            gamma: 1.5,
            theta: 30.0,
            theta_step: orthogonal.then_some(90.0),
            part: Part::Modulus,
            orthogonal,
            pooling: Pooling::Mean,
            boundary,
        }));
    }
    all.push(Filter::Lbp2d {
        radius: 1.5,
        samples: 6,
        code: Code::Uniform,
        boundary,
    });
    all.push(Filter::Lbp3d {
        radius: 2.0,
        boundary,
    });
    all.push(Filter::Point {
        transform: Transform::Square,
        largest: None,
    });
    all
}

/// Noise of whole numbers.
fn image(shape: [usize; 3], seed: u64) -> Array3<f64> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    Array3::from_shape_simple_fn(shape, || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        f64::from(u32::try_from(state >> 40).unwrap() % 1000) - 300.0
    })
}

fn largest(image: ArrayView3<'_, f64>) -> Option<f64> {
    image.iter().map(|x| x.abs()).reduce(f64::max)
}

/// An image's shape and a box in it.
fn boxed() -> impl Strategy<Value = ([usize; 3], Window)> {
    let axis = (8usize..24).prop_flat_map(|n| {
        (Just(n), 0..n).prop_flat_map(|(n, start)| (Just(n), Just(start), 1..=n - start))
    });
    [axis.clone(), axis.clone(), axis].prop_map(|axes| {
        let window = Window {
            start: axes.map(|(_, start, _)| start),
            shape: axes.map(|(_, _, shape)| shape),
        };
        (axes.map(|(n, _, _)| n), window)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What is made of the box that a filter names is what is made of the whole image: within 1e-12
    /// of the map's range, since transforms of different lengths round differently.
    #[test]
    fn a_box_of_the_image_gives_what_the_whole_gives(
        (shape, inner) in boxed(),
        seed in any::<u64>(),
        boundary in 0..BOUNDARIES.len(),
        spacing in [0.7f64..2.5, 0.7f64..2.5, 0.7f64..2.5],
    ) {
        let image = image(shape, seed);
        let [nz, ny, nx] = inner.shape;
        let bits = |k: usize| usize::try_from((seed >> (k % 56)) % 256).unwrap();
        let columns = |k: usize| {
            let start = bits(k) % nx;
            start..start + bits(k + 3) % (nx - start + 1)
        };
        let rows: Vec<_> = (0..nz * ny).map(columns).collect();
        for filter in filters(BOUNDARIES[boundary]) {
            if filter.check(shape, spacing).is_err() {
                continue;
            }
            let m = largest(image.view());
            let whole = filter.map(image.view(), spacing, m).unwrap();
            let source = filter.source(inner, shape, spacing).unwrap();
            let part = filter.map(source.view(image.view()), spacing, m).unwrap();
            let place = Window {
                start: std::array::from_fn(|a| inner.start[a] - source.start[a]),
                shape: inner.shape,
            };
            let (low, high) = whole.iter().fold((f64::MAX, f64::MIN), |(l, h), &x| (l.min(x), h.max(x)));
            let largest = low.abs().max(high.abs()).max(high - low);
            for (a, b) in place.view(part.view()).iter().zip(inner.view(whole.view())) {
                prop_assert!((a - b).abs() <= 1e-12 * largest, "{filter:?}: {a} for {b}");
            }
            let parts = |rows| {
                let area = Area { window: inner, rows };
                filter.part(image.view(), source, area, spacing, m).unwrap()
            };
            let alone = parts(None);
            prop_assert_eq!(&alone, &place.view(part.view()), "{:?}", filter);
            let some = parts(Some(&rows));
            let asked = rows.iter().zip(some.rows()).zip(alone.rows());
            for ((columns, some), alone) in asked {
                let columns = ndarray::Slice::from(columns.clone());
                let of = |row: ArrayView1<'_, f64>| {
                    row.slice_axis(Axis(0), columns).to_vec()
                };
                prop_assert_eq!(of(some), of(alone), "{:?}", filter);
            }
        }
    }
}

#[test]
fn boxes_end_where_kernels_do() {
    let inner = Window {
        start: [20; 3],
        shape: [4, 5, 6],
    };
    let margin = |filter: &Filter| {
        let source = filter.source(inner, [60; 3], [1.0; 3]).unwrap();
        let before: [usize; 3] = std::array::from_fn(|a| inner.start[a] - source.start[a]);
        let after: [usize; 3] = std::array::from_fn(|a| {
            source.start[a] + source.shape[a] - inner.start[a] - inner.shape[a]
        });
        (before == after).then_some(before)
    };
    let found: Vec<_> = filters(Boundary::Mirror).iter().map(margin).collect();
    let expected = [
        // Slices: mean, LoG, gradient; whole slices for the wavelet and Riesz.
        Some([0, 2, 2]),
        Some([0, 3, 3]),
        Some([0, 1, 1]),
        None,
        None,
        // The same of the volume.
        Some([2; 3]),
        Some([3; 3]),
        Some([1; 3]),
        None,
        None,
        // Laws: two of three letters stand for x and y; energy adds its distance.
        Some([0, 1, 2]),
        Some([2; 3]),
        Some([0, 4, 4]),
        Some([5, 4, 5]),
        // Wavelets: haar of level 2 reaches 1 and then 2; db3 and coif1 have 6 weights.
        Some([3; 3]),
        Some([0, 3, 3]),
    ];
    assert_eq!(found[..expected.len()], expected);
    // 7 standard deviations along the wave at 30 degrees; in all planes and by right angles.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 0 to 6
    let reach = |along: f64, across: f64| (7.0 * 0.8 * along.hypot(across / 1.5) + 0.5) as usize;
    let (sin, cos) = 30f64.to_radians().sin_cos();
    let most = reach(sin, cos).max(reach(cos, sin));
    let gabor: Vec<_> = found[18..20].to_vec();
    assert_eq!(gabor[0], Some([0, reach(sin, cos), reach(cos, sin)]));
    assert_eq!(gabor[1], Some([most; 3]));
    assert_eq!(found[20..], [Some([0, 2, 2]), Some([2; 3]), Some([0; 3])]);
}

#[test]
fn a_periodic_image_is_needed_whole_only_where_its_ends_are_reached() {
    let filter = Filter::Mean {
        support: 5,
        dimension: Dimension::Volume,
        boundary: Boundary::Periodic,
    };
    let inner = Window {
        start: [2, 1, 13],
        shape: [6, 4, 6],
    };
    let source = filter.source(inner, [10, 20, 20], [1.0; 3]).unwrap();
    assert_eq!((source.start, source.shape), ([0, 0, 0], [10, 20, 20]));
    let source = filter.source(inner, [10, 20, 21], [1.0; 3]).unwrap();
    assert_eq!((source.start, source.shape), ([0, 0, 11], [10, 20, 10]));
}
