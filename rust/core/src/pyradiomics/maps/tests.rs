use std::collections::BTreeMap;

use ndarray::{s, Array3};
use proptest::prelude::*;

use super::*;
use crate::parallel;
use crate::pyradiomics::features;

const SHAPE: [usize; 3] = [3, 5, 6];
const SPACING: [f64; 3] = [2.0, 0.7, 0.9];

fn regions() -> impl Strategy<Value = (Array3<u16>, Array3<bool>)> {
    let voxels =
        proptest::collection::vec((1..=6u16, any::<bool>()), SHAPE.iter().product::<usize>());
    let some = voxels.prop_filter("a region", |v| v.iter().any(|p| p.1));
    some.prop_map(|v| {
        let (levels, mask): (Vec<_>, Vec<_>) = v.into_iter().unzip();
        let array = |v| Array3::from_shape_vec(SHAPE, v).unwrap();
        (array(levels), Array3::from_shape_vec(SHAPE, mask).unwrap())
    })
}

fn made(
    class: Class,
    levels: &Array3<u16>,
    mask: &Array3<bool>,
    options: &MapOptions,
) -> Vec<(&'static str, Array3<f64>)> {
    let image = levels.mapv(|l| f64::from(l) * 3.5 - 7.0);
    let (image, levels) = (Some(image.view()), Some(levels.view()));
    let done = AtomicUsize::new(0);
    let maps = maps(class, image, mask.view(), levels, SPACING, options, &done).unwrap();
    assert_eq!(done.into_inner(), mask.iter().filter(|&&m| m).count());
    maps
}

/// Where a direction has no pairs or only one level, a value may be a root of what is 0 but for
/// rounding.
fn near(name: &str, a: f64, b: f64) -> bool {
    let root = ["MCC", "Imc2"].contains(&name) && a.abs().max(b.abs()) < 1e-6;
    let close = (a - b).abs() <= 1e-9 * b.abs().max(1e-3);
    // Busyness divides by rounding errors where PyRadiomics does.
    let wild = name == "Busyness" && a > 1e10 && b > 1e10;
    close || root || wild || a.is_nan() && b.is_nan()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The features of the neighbourhood alone, cut out: they differ only in `N_g`, which is the
    /// region's, and in JointAverage.
    #[test]
    fn a_value_is_the_feature_of_its_neighbourhood(
        (mut levels, mask) in regions(),
        masked_kernel in any::<bool>(),
        force_2d_dimension in proptest::option::of(0u8..3),
        kernel_radius in 1u32..3,
        distances in prop_oneof![Just(vec![1]), Just(vec![1, 2])],
        symmetrical in any::<bool>(),
        weighted in any::<bool>(),
    ) {
        let norm = crate::pyradiomics::WeightingNorm::Euclidean;
        let weighting_norm = weighted.then_some(norm);
        if masked_kernel {
            ndarray::Zip::from(&mut levels).and(&mask).for_each(|l, &m| *l *= u16::from(m));
        }
        let features_options = Options {
            force_2d_dimension, distances, symmetrical, weighting_norm, gldm_a: 1,
            ..Options::default()
        };
        let options = MapOptions {
            kernel_radius, masked_kernel, init_value: None, features: features_options.clone(),
            ..MapOptions::default()
        };
        for class in Class::ALL.into_iter().filter(|c| !matches!(c, Class::Shape | Class::Shape2d)) {
            let maps = made(class, &levels, &mask, &options);
            for ((z, y, x), &set) in mask.indexed_iter() {
                if !set {
                    prop_assert!(maps.iter().all(|(_, map)| map[[z, y, x]].is_nan()));
                    continue;
                }
                let radius = options.kernel(SHAPE).radius;
                let p = [z, y, x];
                let low = |a: usize| p[a].saturating_sub(radius[a]);
                let high = |a: usize| (p[a] + radius[a] + 1).min(SHAPE[a]);
                let cut = s![low(0)..high(0), low(1)..high(1), low(2)..high(2)];
                let near_levels = levels.slice(cut);
                let near_mask = near_levels.mapv(|l| l > 0);
                let image = near_levels.mapv(|l| f64::from(l) * 3.5 - 7.0);
                let alone = features(
                    class, Some(image.view()), near_mask.view(), Some(near_levels), SPACING,
                    &features_options,
                );
                let alone: BTreeMap<_, _> = alone.unwrap().into_iter().collect();
                for (name, map) in &maps {
                    if ["Idn", "Idmn", "JointAverage"].contains(name) {
                        continue;
                    }
                    let (got, expected) = (map[p], alone[name]);
                    // A neighbourhood of one level is not a region of one level.
                    let undefined = got == 0.0 || got.is_nan();
                    let flat = *name == "MCC" && undefined && expected == 1.0;
                    prop_assert!(
                        near(name, got, expected) || flat,
                        "{} {name} at {p:?}: {got} and {expected}", class.name()
                    );
                }
            }
        }
    }

    /// A pair of weight e^-16 has a product of marginals that PyRadiomics' epsilon is a part of.
    #[test]
    fn pairs_of_tiny_weight_have_pyradiomics_epsilon(symmetrical in any::<bool>()) {
        let mut levels = Array3::zeros(SHAPE);
        for (place, level) in [([0, 2, 0], 1), ([2, 2, 0], 4), ([2, 3, 0], 2), ([2, 4, 0], 2)] {
            levels[place] = level;
        }
        let mask = levels.mapv(|l| l > 0);
        let features_options = Options {
            distances: vec![1, 2],
            symmetrical,
            weighting_norm: Some(crate::pyradiomics::WeightingNorm::Euclidean),
            ..Options::default()
        };
        let options = MapOptions {
            kernel_radius: 2,
            features: features_options.clone(),
            ..MapOptions::default()
        };
        let image = levels.mapv(f64::from);
        let alone = features(
            Class::Glcm, Some(image.view()), mask.view(), Some(levels.view()), SPACING,
            &features_options,
        );
        let alone: BTreeMap<_, _> = alone.unwrap().into_iter().collect();
        for (name, map) in made(Class::Glcm, &levels, &mask, &options) {
            if ["Imc1", "Imc2", "MCC"].contains(&name) {
                // The neighbourhood of radius 2 is the region; 1e-9 as everywhere.
                let (got, expected) = (map[[2, 2, 0]], alone[name]);
                prop_assert!(
                    (got - expected).abs() <= 1e-9 * expected.abs(),
                    "{name}: {got} and {expected}"
                );
            }
        }
    }

    #[test]
    fn threads_change_no_bit((levels, mask) in regions()) {
        let options = MapOptions::default();
        for class in [Class::Glcm, Class::FirstOrder, Class::Glrlm, Class::Ngtdm] {
            let run = |threads| {
                let maps = parallel::with_threads(Some(threads), || {
                    made(class, &levels, &mask, &options)
                });
                let bits = maps.iter().map(|(_, m)| m.mapv(f64::to_bits)).collect::<Vec<_>>();
                bits
            };
            prop_assert_eq!(run(1), run(3));
        }
    }
}

#[test]
fn joint_average_is_undefined_where_a_direction_has_no_pairs() {
    // A row of four and a voxel below its end: only that end sees pairs along y.
    let mut mask = Array3::from_elem((1, 2, 5), false);
    for p in [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 0, 3], [0, 1, 3]] {
        mask[p] = true;
    }
    let levels = mask.mapv(|m| 2 * u16::from(m));
    let maps = made(Class::Glcm, &levels, &mask, &MapOptions::default());
    let map = |name: &str| &maps.iter().find(|m| m.0 == name).unwrap().1;
    assert!(map("JointAverage")[[0, 0, 0]].is_nan());
    assert_eq!(map("JointAverage")[[0, 0, 3]], 2.0);
    assert_eq!(map("SumAverage")[[0, 0, 0]], 4.0);
    assert_eq!(map("SumAverage")[[0, 1, 0]], 0.0, "outside the mask");
    // The voxels of each batch see the same directions.
    let batches = MapOptions {
        voxel_batch: Some(2),
        ..MapOptions::default()
    };
    let maps = made(Class::Glcm, &levels, &mask, &batches);
    let map = &maps.iter().find(|m| m.0 == "JointAverage").unwrap().1;
    assert!(map
        .iter()
        .zip(&mask)
        .all(|(&v, &inside)| !inside || v == 2.0));
}

#[test]
fn options_of_both_kinds_come_from_one_object() {
    let read = MapOptions::from_json(
        r#"{"kernel_radius": 2, "init_value": null, "gldm_a": 3, "only": ["Mean"]}"#,
    );
    let read = read.unwrap();
    assert_eq!((read.kernel_radius, read.init_value), (2, None));
    assert_eq!((read.masked_kernel, read.features.gldm_a), (true, 3));
    assert!(MapOptions::from_json(r#"{"kernel_radii": 2}"#).is_err());
    let large = MapOptions {
        kernel_radius: 0,
        ..MapOptions::default()
    };
    assert!(large.check(Class::Glcm).is_err());
}
