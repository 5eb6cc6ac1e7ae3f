//! Against the manual's matrices and values, and against the definition.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    clippy::maybe_infinite_iter,
    clippy::needless_for_each
)] // whole numbers of known size; runs end at the image's edge

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::discretise::discretise;
use crate::feature::level_counts::LevelCounts;
use crate::feature::run_length::FEATURES;
use crate::matrix::aggregate::aggregate;
use crate::matrix::Table;
use crate::roi::Roi;
use crate::settings::{Aggregation, Discretise, Glrlm};

/// Elements as whole numbers: (i, j) to n.
type Elements = BTreeMap<(u32, u64), u64>;

fn elements(counts: &Counts) -> Elements {
    counts
        .entries()
        .iter()
        .map(|e| ((e.i, e.j as u64), e.n as u64))
        .collect()
}

/// The definition: from each voxel that starts a run, walk to its end.
fn naive(levels: &Levels, offset: Offset) -> Elements {
    let shape = levels.shape();
    let at = |p: Offset| {
        let inside = (0..3).all(|a| p[a] >= 0 && p[a].unsigned_abs() < shape[a]);
        let [z, y, x] = p.map(isize::unsigned_abs);
        if inside {
            levels.get((z * shape[1] + y) * shape[2] + x)
        } else {
            0
        }
    };
    let moved = |p: Offset, k: isize| std::array::from_fn(|a| p[a] + k * offset[a]);
    let mut found = Elements::new();
    for k in 0..shape.iter().product() {
        let (row, x) = (k / shape[2], k % shape[2]);
        let p = [row / shape[1], row % shape[1], x].map(usize::cast_signed);
        let level = at(p);
        if level == 0 || at(moved(p, -1)) == level {
            continue;
        }
        let length = (1..).take_while(|&k| at(moved(p, k)) == level).count() as u64 + 1;
        *found.entry((level, length)).or_default() += 1;
    }
    found
}

fn all_aggregations() -> Glrlm {
    Glrlm {
        aggregations: Aggregation::DIRECTIONAL.to_vec(),
        ..Glrlm::default()
    }
}

fn phantom() -> Levels {
    let (image, mask) = (crate::phantom::image(), crate::phantom::mask());
    let roi = Roi::new(image.view(), mask.view(), crate::phantom::SPACING).unwrap();
    discretise(&roi, &Discretise::None {}).unwrap()
}

fn reference(file: &str) -> Vec<Vec<String>> {
    let folder = "../../python/ferromics/reference";
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(file);
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|l| l.split(',').map(str::to_string).collect())
        .collect()
}

/// The manual's matrices of one kind, in no order.
fn published(dimension: &str, merged: &str) -> Vec<Elements> {
    let mut tables: BTreeMap<u32, Elements> = BTreeMap::new();
    for row in reference("ibsi1_texture_matrices.csv") {
        if row[..3] == ["glrlm", dimension, merged] {
            let table = tables.entry(row[3].parse().unwrap()).or_default();
            let place = (row[4].parse().unwrap(), row[5].parse().unwrap());
            assert!(table.insert(place, row[6].parse().unwrap()).is_none());
        }
    }
    let mut all: Vec<_> = tables.into_values().collect();
    all.sort();
    all
}

fn merged(tables: &[Counts]) -> Counts {
    let mut sum = tables[0].clone();
    tables[1..].iter().for_each(|t| sum.merge(t));
    sum
}

#[test]
fn the_phantoms_matrices_are_those_of_the_manual() {
    let (levels, settings) = (phantom(), all_aggregations());
    let source = RunLengths::new(&levels, &settings);
    let slices: Vec<_> = (0..source.slices()).map(|z| source.slice(z)).collect();
    let check = |counts: Vec<Counts>, dimension, merged, n| {
        let mut ours: Vec<_> = counts.iter().map(elements).collect();
        ours.sort();
        assert_eq!(ours.len(), n);
        assert_eq!(ours, published(dimension, merged), "{dimension} {merged}");
    };
    check(slices.iter().flatten().cloned().collect(), "2d", "", 16);
    check(
        slices.iter().map(|s| merged(s)).collect(),
        "2d",
        "merged",
        4,
    );
    check(source.volume(), "3d", "", 13);
    check(vec![merged(&source.volume())], "3d", "merged", 1);
}

/// IBSI's rule: the difference, cut off at the reference's third significant digit, is within the
/// tolerance.
fn matches(value: f64, reference: f64, tolerance: f64) -> bool {
    let unit = 10f64.powf(reference.abs().log10().floor() - 2.0);
    // 1e-9: a difference of exactly one unit, in decimal, may fall short of it in binary
    ((reference - value).abs() / unit + 1e-9).floor() * unit <= tolerance * (1.0 + 1e-9)
}

#[test]
fn the_phantoms_values_are_those_of_the_manual() {
    let (levels, settings) = (phantom(), all_aggregations());
    let source = RunLengths::new(&levels, &settings);
    let ours = aggregate(&source, &settings.aggregations, FEATURES, LevelCounts::new);
    let mut judged = 0;
    for row in reference("ibsi1_values.csv") {
        let [configuration, family, feature, ibsi, aggregation, value, tolerance, _] = &row[..]
        else {
            panic!("eight columns in {row:?}")
        };
        if (configuration.as_str(), family.as_str()) != ("digital_phantom", "glrlm") {
            continue;
        }
        let named = |a: &Aggregation| a.name() == aggregation;
        let a = settings.aggregations.iter().position(named).unwrap();
        let f = FEATURES.iter().position(|f| f.name == feature).unwrap();
        assert_eq!(FEATURES[f].ibsi, ibsi);
        let (value, tolerance) = (value.parse().unwrap(), tolerance.parse().unwrap());
        assert!(
            matches(ours[a][f], value, tolerance),
            "{row:?}: {}",
            ours[a][f]
        );
        judged += 1;
    }
    assert_eq!(judged, 6 * 16);
}

fn region() -> impl Strategy<Value = Levels> {
    let long = || prop_oneof![9 => 1usize..8, 1 => 30usize..70];
    let shape = [long(), long(), long()];
    let n = prop_oneof![
        Just(1u16),
        2u16..5,
        Just(40),
        Just(255),
        Just(256),
        Just(60_000)
    ];
    let holes = prop_oneof![0u16..3, Just(40)];
    (shape, n, 1u16..5, holes).prop_flat_map(|(shape, n, present, holes)| {
        // Few levels are present, so that runs are long; 0 with a chance of holes / (holes + 4).
        let level =
            (0..holes + 4, 0..present.min(n))
                .prop_map(move |(hole, l)| if hole < holes { 0 } else { n - l });
        proptest::collection::vec(level, shape.iter().product::<usize>()).prop_map(
            move |mut data| {
                if data.iter().all(|&v| v == 0) {
                    data[0] = 1;
                }
                Levels::new(&data, shape, Some(u32::from(n))).unwrap()
            },
        )
    })
}

/// The matrices of the volume with a given base and number of parts.
fn counted(levels: &Levels, base: usize, parts: usize) -> Vec<Counts> {
    let n = levels.n() as usize;
    match levels.data() {
        LevelData::U8(v) => count(&Grid::new(v, levels.shape()), n, &STEPS, base, parts),
        LevelData::U16(v) => count(&Grid::new(v, levels.shape()), n, &STEPS, base, parts),
    }
}

/// Pseudo-random levels 1 to `present`, and 0 as often as each of them.
fn noise(shape: [usize; 3], present: u64, n: u32) -> Levels {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((state >> 33) % (present + 1)) as u16
    };
    let data: Vec<u16> = (0..shape.iter().product()).map(|_| next()).collect();
    Levels::new(&data, shape, Some(n)).unwrap()
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for levels in [noise([21, 33, 40], 2, 2), noise([21, 33, 40], 3, 900)] {
        let settings = all_aggregations();
        let run = |threads| {
            parallel::with_threads(Some(threads), || {
                let source = RunLengths::new(&levels, &settings);
                let of = |m: &Counts| LevelCounts::new(m);
                let values = aggregate(&source, &settings.aggregations, FEATURES, of);
                let bits = values
                    .concat()
                    .into_iter()
                    .map(f64::to_bits)
                    .collect::<Vec<_>>();
                (source.volume(), bits)
            })
        };
        let one = run(1);
        assert!([2, 7].into_iter().all(|threads| run(threads) == one));
    }
}

#[test]
fn runs_as_long_as_the_image_and_many_of_them() {
    for shape in [
        [1, 1, 4000],
        [1, 4000, 1],
        [4000, 1, 1],
        [1, 300, 300],
        [40, 40, 41],
    ] {
        for n in [1, 65_535] {
            let flat = vec![1u16; shape.iter().product()];
            let flat = Levels::new(&flat, shape, Some(n)).unwrap();
            for (counts, m) in counted(&flat, base(n as usize, flat.counts().len()), 1)
                .iter()
                .zip(directions(1, Norm::Chebyshev, false))
            {
                assert_eq!(elements(counts), naive(&flat, m), "{shape:?} {n} {m:?}");
            }
        }
    }
}

#[test]
fn one_voxel_is_one_run() {
    let levels = Levels::new(&[0u16, 0, 7, 0], [1, 2, 2], None).unwrap();
    let settings = all_aggregations();
    let source = RunLengths::new(&levels, &settings);
    for counts in source.volume().iter().chain(&source.slice(0)) {
        assert_eq!(elements(counts), Elements::from([((7, 1), 1)]));
        assert_eq!((counts.levels, counts.voxels), (7, 1.0));
    }
    for values in aggregate(&source, &settings.aggregations, FEATURES, LevelCounts::new) {
        assert!(values.iter().all(|v| v.is_finite()));
    }
}

#[test]
fn weights_scale_runs_and_voxels_where_directions_merge_and_nowhere_else() {
    let levels = phantom();
    let settings = |weighting| Glrlm {
        weighting,
        aggregations: Aggregation::DIRECTIONAL.to_vec(),
        ..Glrlm::default()
    };
    let weighted = settings(Weighting::Inverse);
    let source = RunLengths::new(&levels, &weighted);
    let tables = source.volume();
    let all = directions(1, Norm::Chebyshev, false);
    for (counts, m) in source.weighed(&tables, false).iter().zip(all) {
        let weight = 1.0 / direction::length(m, Norm::Euclidean);
        let alone = super::direction(&levels, m).unwrap();
        assert_eq!(counts, &alone.scaled(weight));
    }
    let values = |settings: &Glrlm| {
        let source = RunLengths::new(&levels, settings);
        aggregate(&source, &settings.aggregations, FEATURES, LevelCounts::new)
    };
    let (with, without) = (values(&weighted), values(&settings(Weighting::None)));
    for ((aggregation, with), without) in Aggregation::DIRECTIONAL.iter().zip(with).zip(without) {
        let merges = matches!(
            aggregation,
            Aggregation::SliceMerged2d | Aggregation::Merged25d | Aggregation::Merged3d
        );
        assert_eq!(with != without, merges, "{aggregation:?}");
    }
}

#[test]
fn offsets_that_are_no_direction_are_refused() {
    for offset in [[0, 0, 0], [0, 2, 0], [1, -1, -2]] {
        let error = super::direction(&phantom(), offset).unwrap_err();
        assert!(
            matches!(error, Error::Argument { name: "offset", .. }),
            "{error}"
        );
    }
}

proptest! {
    #[test]
    fn every_base_and_partition_agrees_with_the_definition(
        levels in region(),
        base in 1usize..7,
        parts in 1usize..4,
    ) {
        let base = if levels.n() > 1000 { 1 } else { base };
        let all = directions(1, Norm::Chebyshev, false);
        for (counts, m) in counted(&levels, base, parts).iter().zip(all) {
            prop_assert_eq!(elements(counts), naive(&levels, m), "{:?}", m);
        }
    }

    #[test]
    fn every_direction_agrees_with_the_definition(levels in region()) {
        let settings = Glrlm::default();
        let source = RunLengths::new(&levels, &settings);
        let all = directions(1, Norm::Chebyshev, false);
        let volume = source.volume();
        prop_assert_eq!(volume.len(), all.len());
        for (counts, &m) in volume.iter().zip(&all) {
            prop_assert_eq!(elements(counts), naive(&levels, m), "{:?}", m);
            prop_assert_eq!(counts.voxels, levels.voxels() as f64);
            prop_assert_eq!(counts, &super::direction(&levels, m).unwrap());
            prop_assert_eq!(counts, &super::direction(&levels, m.map(|c| -c)).unwrap());
            let mut histogram = vec![0u64; levels.n() as usize + 1];
            elements(counts).iter().for_each(|(&(i, j), n)| histogram[i as usize] += j * n);
            prop_assert_eq!(&histogram[..], levels.counts());
        }
    }

    #[test]
    fn slices_agree_with_the_definition(levels in region()) {
        let settings = Glrlm::default();
        let source = RunLengths::new(&levels, &settings);
        let [nz, ny, nx] = levels.shape();
        for z in 0..nz {
            let data: Vec<u16> =
                (z * ny * nx..(z + 1) * ny * nx).map(|k| levels.get(k) as u16).collect();
            let tables = source.slice(z);
            prop_assert_eq!(tables.len(), 4);
            let Ok(slice) = Levels::new(&data, [1, ny, nx], Some(levels.n())) else {
                prop_assert!(tables.iter().all(Table::is_empty));
                continue;
            };
            for (counts, m) in tables.iter().zip(directions(1, Norm::Chebyshev, true)) {
                prop_assert_eq!(elements(counts), naive(&slice, m));
                prop_assert_eq!(counts.voxels, slice.voxels() as f64);
            }
        }
    }
}
