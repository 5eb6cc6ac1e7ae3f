#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small whole numbers

use std::collections::BTreeMap;

use ndarray::{Array3, ArrayView3};
use proptest::prelude::*;

use super::*;
use crate::parallel;

const SHAPE: [usize; 3] = [4, 5, 6];

/// Levels up to 6, a mask, and an axis to be left out or none.
fn regions() -> impl Strategy<Value = (Array3<u16>, Option<u8>)> {
    let level = prop_oneof![1 => Just(0u16), 3 => 1..=6u16];
    let voxels = proptest::collection::vec(level, SHAPE.iter().product::<usize>());
    let some = voxels.prop_filter("a region", |v| v.iter().filter(|&&l| l > 0).count() > 1);
    let array = some.prop_map(|v| Array3::from_shape_vec(SHAPE, v).unwrap());
    (array, proptest::option::of(0u8..3))
}

fn of(class: Class, levels: &Array3<u16>, options: &Options) -> BTreeMap<&'static str, f64> {
    let mask = levels.mapv(|l| l > 0);
    let image = levels.mapv(f64::from);
    let spacing = [2.0, 0.7, 0.9];
    let found = features(
        class,
        Some(image.view()),
        mask.view(),
        Some(levels.view()),
        spacing,
        options,
    );
    found.unwrap().into_iter().collect()
}

fn at(levels: &Array3<u16>, p: [isize; 3]) -> u16 {
    let inside = (0..3).all(|a| p[a] >= 0 && p[a].unsigned_abs() < levels.shape()[a]);
    if inside {
        levels[p.map(isize::unsigned_abs)]
    } else {
        0
    }
}

/// All vectors whose largest component is one of `distances`, none along `without`.
fn vectors(distances: &[u32], without: Option<u8>) -> Vec<[isize; 3]> {
    let d = 3isize;
    let mut all = Vec::new();
    for z in -d..=d {
        for y in -d..=d {
            for x in -d..=d {
                let m = [z, y, x];
                let far = m.iter().map(|c| c.unsigned_abs()).max().unwrap_or(0) as u32;
                let flat = without.is_none_or(|axis| m[usize::from(axis)] == 0);
                if flat && distances.contains(&far) {
                    all.push(m);
                }
            }
        }
    }
    all
}

fn voxels(levels: &Array3<u16>) -> Vec<([isize; 3], u16)> {
    let listed = levels.indexed_iter().filter(|(_, &l)| l > 0);
    listed
        .map(|((z, y, x), &l)| ([z, y, x].map(usize::cast_signed), l))
        .collect()
}

fn plus(p: [isize; 3], m: [isize; 3]) -> [isize; 3] {
    std::array::from_fn(|a| p[a] + m[a])
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-10 * b.abs().max(1e-3) || a.is_nan() && b.is_nan()
}

type Pairs = BTreeMap<(u16, u16), f64>;

/// Counts of each direction with a pair, in both orders if symmetric.
fn pairs(levels: &Array3<u16>, options: &Options) -> Vec<([isize; 3], Pairs)> {
    let half = vectors(&options.distances, options.force_2d_dimension);
    let mut all = Vec::new();
    for m in half.into_iter().filter(|m| *m > [0; 3]) {
        let mut p = Pairs::new();
        for (v, i) in voxels(levels) {
            let j = at(levels, plus(v, m));
            if j > 0 {
                *p.entry((i, j)).or_insert(0.0) += 1.0;
                if options.symmetrical {
                    *p.entry((j, i)).or_insert(0.0) += 1.0;
                }
            }
        }
        all.push((m, p));
    }
    all
}

fn shares(p: &Pairs) -> Pairs {
    let total: f64 = p.values().sum();
    p.iter().map(|(&k, n)| (k, n / total)).collect()
}

/// The second largest eigenvalue of `Q`, by powers of `Q` less its share of eigenvalue 1.
fn naive_mcc(p: &Pairs) -> f64 {
    let margin = |k: u16, row: bool| -> f64 {
        let mine = p
            .iter()
            .filter(|((i, j), _)| if row { *i == k } else { *j == k });
        mine.map(|(_, p)| p).sum()
    };
    let levels: Vec<u16> = (1..=6).collect();
    let get = |i, j| p.get(&(i, j)).copied().unwrap_or(0.0);
    let q = nalgebra::DMatrix::from_fn(6, 6, |a, b| {
        let sum = levels.iter().map(|&k| {
            let weight = margin(levels[a], true) * margin(k, false);
            if weight > 0.0 {
                get(levels[a], k) * get(levels[b], k) / weight
            } else {
                0.0
            }
        });
        sum.sum::<f64>()
    });
    let mut values: Vec<f64> = q.complex_eigenvalues().iter().map(|c| c.re).collect();
    values.sort_by(f64::total_cmp);
    values[4].max(0.0).sqrt()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let defined: Vec<f64> = values.filter(|v| !v.is_nan()).collect();
    defined.iter().sum::<f64>() / defined.len() as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn co_occurrence_is_averaged_over_directions_or_weighted(
        (levels, force_2d_dimension) in regions(),
        distances in prop_oneof![Just(vec![1]), Just(vec![1, 2]), Just(vec![3])],
        symmetrical in any::<bool>(),
        norm in proptest::option::of(prop_oneof![
            Just(WeightingNorm::Manhattan), Just(WeightingNorm::Infinity),
            Just(WeightingNorm::NoWeighting), Just(WeightingNorm::Euclidean),
        ]),
    ) {
        let weighting_norm = norm;
        let options =
            Options { force_2d_dimension, distances, symmetrical, weighting_norm, ..Options::default() };
        let mut tables: Vec<Pairs> = Vec::new();
        for (m, p) in pairs(&levels, &options) {
            match norm {
                None => tables.push(p),
                Some(norm) => {
                    let weight =
                        norm.length(m, [2.0, 0.7, 0.9]).map_or(1.0, |d| (-d * d).exp());
                    if tables.is_empty() {
                        tables.push(Pairs::new());
                    }
                    for (k, n) in p {
                        *tables[0].entry(k).or_insert(0.0) += weight * n;
                    }
                }
            }
        }
        let tables: Vec<Pairs> =
            tables.iter().filter(|p| !p.is_empty()).map(shares).collect();
        let over = |f: &dyn Fn(f64, f64) -> f64| {
            let of = |p: &Pairs| -> f64 {
                p.iter().map(|(&(i, j), p)| f(i.into(), j.into()) * p).sum()
            };
            mean(tables.iter().map(of))
        };
        let entropy = |p: &Pairs| -p.values().map(|p| p * p.log2()).sum::<f64>();
        let highest = f64::from(levels.iter().copied().max().unwrap());
        let got = of(Class::Glcm, &levels, &options);
        let flat = levels.iter().filter(|&&l| l > 0).all(|&l| f64::from(l) == highest);
        let mcc = if flat { 1.0 } else { mean(tables.iter().map(naive_mcc)) };
        for (name, expected) in [
            ("Autocorrelation", over(&|i, j| i * j)),
            ("Contrast", over(&|i, j| (i - j).powi(2))),
            ("Idn", over(&|i, j| 1.0 / (1.0 + (i - j).abs() / highest))),
            ("JointAverage", over(&|i, _| i)),
            ("JointEntropy", mean(tables.iter().map(entropy))),
        ] {
            prop_assert!(near(got[name], expected), "{}: {} and {}", name, got[name], expected);
        }
        // A root: half of the digits where it is near 0.
        prop_assert!((got["MCC"] - mcc).abs() < 1e-6 || mcc.is_nan(), "{} {mcc}", got["MCC"]);
    }

    #[test]
    fn runs_of_directions_without_two_voxels_in_line_take_no_part(
        (levels, force_2d_dimension) in regions(),
        weighted in any::<bool>(),
    ) {
        let weighting_norm = weighted.then_some(WeightingNorm::Euclidean);
        let options = Options { force_2d_dimension, weighting_norm, ..Options::default() };
        let mut tables: Vec<(f64, Vec<(f64, f64)>)> = Vec::new();
        let half = vectors(&[1], force_2d_dimension).into_iter().filter(|m| *m > [0; 3]);
        for m in half {
            let back = m.map(|c| -c);
            let mut runs = Vec::new();
            let mut lines = BTreeMap::new();
            for (v, level) in voxels(&levels) {
                let mut first = v;
                while (0..3).all(|a| {
                    let next = plus(first, back)[a];
                    next >= 0 && next.unsigned_abs() < SHAPE[a]
                }) {
                    first = plus(first, back);
                }
                *lines.entry(first).or_insert(0) += 1;
                if at(&levels, plus(v, back)) == level {
                    continue;
                }
                let ahead = std::iter::successors(Some(v), |&p| Some(plus(p, m)));
                let length = ahead.take_while(|&p| at(&levels, p) == level).count();
                runs.push((f64::from(level), length as f64));
            }
            if lines.values().any(|&n| n > 1) {
                let spacing = [2.0, 0.7, 0.9];
                let length = WeightingNorm::Euclidean.length(m, spacing).unwrap();
                tables.push((length, runs));
            }
        }
        let long = |runs: &[(f64, f64)], w: f64| -> [f64; 3] {
            let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
                runs.iter().map(|&(i, j)| w * f(i, j)).sum()
            };
            [sum(&|_, _| 1.0), sum(&|i, j| i * i * j * j), sum(&|_, j| j)]
        };
        let parts: Vec<[f64; 3]> = if weighted {
            let all = tables.iter().map(|(w, runs)| long(runs, *w));
            let sum = all.reduce(|a, b| std::array::from_fn(|k| a[k] + b[k]));
            sum.into_iter().collect()
        } else {
            tables.iter().map(|(_, runs)| long(runs, 1.0)).collect()
        };
        let got = of(Class::Glrlm, &levels, &options);
        let emphasis = mean(parts.iter().map(|p| p[1] / p[0]));
        let percentage = mean(parts.iter().map(|p| p[0] / p[2]));
        prop_assert!(near(got["LongRunHighGrayLevelEmphasis"], emphasis));
        prop_assert!(near(got["RunPercentage"], percentage));
    }

    #[test]
    fn dependences_and_tones_take_the_neighbours_at_all_distances(
        (levels, force_2d_dimension) in regions(),
        distances in prop_oneof![Just(vec![1]), Just(vec![2]), Just(vec![1, 3]), Just(vec![2, 1])],
        gldm_a in 0u32..3,
    ) {
        let around = vectors(&distances, force_2d_dimension);
        let options = Options { force_2d_dimension, distances, gldm_a, ..Options::default() };
        let (mut squares, mut n) = (0.0, 0.0);
        let mut tones: BTreeMap<u16, (f64, f64)> = BTreeMap::new();
        for (v, level) in voxels(&levels) {
            let near: Vec<u16> =
                around.iter().map(|&m| at(&levels, plus(v, m))).filter(|&l| l > 0).collect();
            let dependent = near.iter().filter(|l| u32::from(l.abs_diff(level)) <= gldm_a);
            squares += (1.0 + dependent.count() as f64).powi(2);
            n += 1.0;
            let sum: f64 = near.iter().map(|&l| f64::from(l)).sum();
            let s = if near.is_empty() {
                0.0
            } else {
                (f64::from(level) - sum / near.len() as f64).abs()
            };
            let row = tones.entry(level).or_insert((0.0, 0.0));
            *row = (row.0 + 1.0, row.1 + s);
        }
        let got = of(Class::Gldm, &levels, &options);
        prop_assert!(near(got["LargeDependenceEmphasis"], squares / n));
        let got = of(Class::Ngtdm, &levels, &options);
        let weighted: f64 = tones.values().map(|(count, s)| count / n * s).sum();
        let coarseness = if weighted == 0.0 { 1e6 } else { 1.0 / weighted };
        prop_assert!(near(got["Coarseness"], coarseness));
        let total: f64 = tones.values().map(|t| t.1).sum();
        let mut strength = 0.0;
        for (&i, (a, _)) in &tones {
            for (&j, (b, _)) in &tones {
                strength += (a + b) / n * (f64::from(i) - f64::from(j)).powi(2);
            }
        }
        let strength = if total == 0.0 { 0.0 } else { strength / total };
        prop_assert!(near(got["Strength"], strength), "{} {strength}", got["Strength"]);
    }

    #[test]
    fn threads_change_no_bit((levels, force_2d_dimension) in regions()) {
        let options = Options { force_2d_dimension, ..Options::default() };
        for class in Class::ALL.into_iter().filter(|&c| c != Class::Shape2d) {
            let run = |threads| {
                let all = parallel::with_threads(Some(threads), || of(class, &levels, &options));
                all.values().map(|v| v.to_bits()).collect::<Vec<_>>()
            };
            prop_assert_eq!(run(1), run(3));
        }
    }
}

#[test]
fn names_are_in_the_order_of_pyradiomics_methods() {
    for class in Class::ALL {
        let names: Vec<_> = class.features().iter().map(|f| f.0).collect();
        let mut sorted = names.clone();
        sorted.sort_by_key(|name| format!("get{name}FeatureValue"));
        assert_eq!(names, sorted);
        assert_eq!(Class::named(class.name()), Ok(class));
    }
    let all = || Class::ALL.into_iter().flat_map(Class::features);
    assert_eq!(all().filter(|f| !f.1).count(), 116);
    assert_eq!(all().filter(|f| f.1).count(), 11);
}

#[test]
fn flat_regions_have_the_values_pyradiomics_gives_them() {
    let levels = Array3::from_elem((3, 3, 3), 2u16);
    let glcm = of(Class::Glcm, &levels, &Options::default());
    for (name, value) in [
        ("Correlation", 1.0),
        ("MCC", 1.0),
        ("Imc1", 0.0),
        ("Imc2", 0.0),
        ("JointEntropy", 0.0),
        ("Idmn", 1.0),
    ] {
        assert_eq!(glcm[name], value, "{name}");
    }
    let ngtdm = of(Class::Ngtdm, &levels, &Options::default());
    assert_eq!(ngtdm["Coarseness"], 1e6);
    for name in ["Busyness", "Complexity", "Contrast", "Strength"] {
        assert_eq!(ngtdm[name], 0.0, "{name}");
    }
    let first = of(Class::FirstOrder, &levels, &Options::default());
    for name in ["Kurtosis", "Skewness", "Entropy", "Variance"] {
        assert_eq!(first[name], 0.0, "{name}");
    }
    assert_eq!(first["Uniformity"], 1.0);
}

#[test]
fn first_order_by_hand() {
    let levels = Array3::from_shape_vec((1, 1, 4), vec![1u16, 1, 2, 5]).unwrap();
    let shift = Options {
        voxel_array_shift: 10.0,
        ..Options::default()
    };
    let got = of(Class::FirstOrder, &levels, &shift);
    // Deviations from 2.25: -1.25 twice, -0.25, 2.75.
    let m2 = (2.0 * 1.25f64.powi(2) + 0.25f64.powi(2) + 2.75f64.powi(2)) / 4.0;
    let m4 = (2.0 * 1.25f64.powi(4) + 0.25f64.powi(4) + 2.75f64.powi(4)) / 4.0;
    let energy: f64 = 121.0 + 121.0 + 144.0 + 225.0;
    for (name, value) in [
        ("Energy", energy),
        ("TotalEnergy", energy * 2.0 * 0.7 * 0.9),
        ("RootMeanSquared", (energy / 4.0).sqrt()),
        ("Kurtosis", m4 / (m2 * m2)),
        ("StandardDeviation", m2.sqrt()),
        ("Entropy", 1.5),
        ("Uniformity", 0.375),
        ("90Percentile", 4.1),
    ] {
        assert!(near(got[name], value), "{name}: {} and {value}", got[name]);
    }
}

fn outline(rows: &[&str], spacing: [f64; 2]) -> shape_2d::Outline {
    let pixels: Vec<bool> = rows
        .iter()
        .flat_map(|r| r.bytes().map(|b| b == b'#'))
        .collect();
    let shape = [1, rows.len(), rows[0].len()];
    let spacing = [9.0, spacing[0], spacing[1]];
    shape_2d::Outline::new(&pixels, shape, spacing, Some(0)).unwrap()
}

#[test]
fn outlines_by_hand() {
    // A diamond around one pixel; two that touch at a corner stay apart.
    let one = outline(&["#"], [2.0, 2.0]);
    assert!(near(one.perimeter, 4.0 * 2f64.sqrt()) && near(one.surface, 2.0));
    assert!(near(one.diameter, 2.0));
    let two = outline(&["#.", ".#"], [2.0, 2.0]);
    assert!(near(two.perimeter, 8.0 * 2f64.sqrt()) && near(two.surface, 4.0));
    // A row of three: sides of 2 pixels' length, 1 mm wide each, above and below.
    let row = outline(&["###"], [3.0, 1.0]);
    assert!(near(row.perimeter, 4.0 + 4.0 * 1.5f64.hypot(0.5)));
    assert!(near(row.surface, 2.0 * 3.0 + 1.5));
    // A hole counts: its corners are cut off the inside.
    let ring = outline(&["###", "#.#", "###"], [1.0, 1.0]);
    let corner = 0.5f64.hypot(0.5);
    assert!(near(ring.perimeter, 8.0 + 8.0 * corner));
    assert!(near(ring.surface, 4.0 * 7.0 / 8.0 + 8.0 * 0.5 + 4.0 / 8.0));
}

#[test]
fn an_outline_needs_one_slice() {
    let mask = vec![true; 8];
    for axis in [None, Some(0), Some(1)] {
        assert!(shape_2d::Outline::new(&mask, [2, 2, 2], [1.0; 3], axis).is_err());
    }
}

#[test]
fn planar_diameters_are_those_of_vertices_in_one_plane() {
    // An L in slice 0 and a voxel far off: only the L spans more than itself in slices.
    let mut mask = Array3::from_elem((3, 4, 5), false);
    for p in [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 3, 0], [2, 1, 4]] {
        mask[p] = true;
    }
    let spacing = [1.0, 1.0, 1.0];
    let none = None::<ArrayView3<'_, f64>>;
    let found = features(
        Class::Shape,
        none,
        mask.view(),
        None,
        spacing,
        &Options::default(),
    );
    let got: BTreeMap<_, _> = found.unwrap().into_iter().collect();
    // In the plane of slice 0: (3.5, 0) to (-0.5, 2); in that of row x = 0: (3.5, 0) to (-0.5, 0).
    assert!(near(got["Maximum2DDiameterSlice"], 4f64.hypot(2.0)));
    assert!(near(got["Maximum2DDiameterRow"], 4.0));
    // Between columns 0 and 1: (0, 0) to (2, 4), the latter in front of the far voxel.
    assert!(near(got["Maximum2DDiameterColumn"], 2f64.hypot(4.0)));
    assert!(got["Maximum3DDiameter"] > 4.5);
}

#[test]
fn what_cannot_be_used_is_an_error_that_says_so() {
    let levels = Array3::from_elem((2, 2, 2), 1u16);
    let mask = levels.mapv(|l| l > 0);
    let none = None::<ArrayView3<'_, f64>>;
    let run = |class, levels: Option<&Array3<u16>>, options: &Options| {
        let levels = levels.map(|l| l.view());
        features(class, none, mask.view(), levels, [1.0; 3], options)
    };
    let good = Options::default();
    assert!(run(Class::Glcm, None, &good).is_err());
    assert!(run(Class::FirstOrder, Some(&levels), &good).is_err());
    let zero = Array3::from_elem((2, 2, 2), 0u16);
    assert!(run(Class::Glcm, Some(&zero), &good).is_err());
    let other = Array3::from_elem((2, 2, 3), 1u16);
    assert!(run(Class::Glcm, Some(&other), &good).is_err());
    let wrong = [
        Options {
            distances: Vec::new(),
            ..Options::default()
        },
        Options {
            distances: vec![0],
            ..Options::default()
        },
        Options {
            force_2d_dimension: Some(3),
            ..Options::default()
        },
        Options {
            only: Some(vec!["Contrats".into()]),
            ..Options::default()
        },
    ];
    for options in wrong {
        assert!(
            run(Class::Glcm, Some(&levels), &options).is_err(),
            "{options:?}"
        );
    }
    let only = Options {
        only: Some(vec!["Contrast".into()]),
        ..Options::default()
    };
    let one = run(Class::Glcm, Some(&levels), &only).unwrap();
    assert_eq!(one, [("Contrast", 0.0)]);
}
