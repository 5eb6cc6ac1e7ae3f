use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::discretise::discretise;
use crate::feature::cooccurrence::{Cooccurrence, FEATURES};
use crate::matrix::aggregate::aggregate;
use crate::matrix::Table;
use crate::phantom;
use crate::roi::Roi;
use crate::settings::{Aggregation, Discretise, Glcm, Norm, Weighting};

const MATRICES: &str =
    include_str!("../../../../../python/ferromics/reference/ibsi1_texture_matrices.csv");
const VALUES: &str = include_str!("../../../../../python/ferromics/reference/ibsi1_values.csv");

type Pairs = BTreeMap<(u32, u32), u64>;

/// Every voxel against the voxel `m` away.
fn naive(levels: &Levels, m: Offset, symmetric: bool, zs: Range<usize>) -> Pairs {
    let shape = levels.shape();
    let at = |c: [usize; 3]| levels.get((c[0] * shape[1] + c[1]) * shape[2] + c[2]);
    let mut pairs = Pairs::new();
    for z in zs {
        for y in 0..shape[1] {
            for x in 0..shape[2] {
                let k = [z, y, x];
                let end =
                    [0, 1, 2].map(|a| k[a].checked_add_signed(m[a]).filter(|&c| c < shape[a]));
                let [Some(z2), Some(y2), Some(x2)] = end else {
                    continue;
                };
                let (i, j) = (at(k), at([z2, y2, x2]));
                if i > 0 && j > 0 {
                    *pairs.entry((i, j)).or_default() += 1;
                    if symmetric {
                        *pairs.entry((j, i)).or_default() += 1;
                    }
                }
            }
        }
    }
    pairs
}

/// The matrix as whole-number counts; panics if an element is not whole.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn pairs(counts: &Counts) -> Pairs {
    let whole = |x: f64| {
        assert!(x.fract() == 0.0 && x > 0.0);
        x as u64
    };
    counts
        .entries()
        .iter()
        .map(|e| ((e.i, whole(e.j) as u32), whole(e.n)))
        .collect()
}

fn phantom_levels() -> Levels {
    let (image, mask) = (phantom::image(), phantom::mask());
    let roi = Roi::new(image.view(), mask.view(), phantom::SPACING).expect("a region");
    discretise(&roi, &Discretise::None {}).expect("levels")
}

fn reference(dimension: &str, merged: &str) -> Vec<Pairs> {
    let mut tables: BTreeMap<u32, Pairs> = BTreeMap::new();
    for line in MATRICES.lines().skip(1) {
        let c: Vec<&str> = line.split(',').collect();
        if c[0] == "glcm" && c[1] == dimension && c[2] == merged {
            let number = |k: usize| c[k].parse::<u32>().expect("a whole number");
            let table = tables.entry(number(3)).or_default();
            table.insert((number(4), number(5)), u64::from(number(6)));
        }
    }
    let mut tables: Vec<_> = tables.into_values().collect();
    tables.sort();
    tables
}

fn sorted(matrices: &[Counts]) -> Vec<Pairs> {
    let mut tables: Vec<_> = matrices.iter().map(pairs).collect();
    tables.sort();
    tables
}

fn merged(matrices: &[Counts]) -> Counts {
    let mut sum = matrices[0].clone();
    matrices[1..].iter().for_each(|m| sum.merge(m));
    sum
}

#[test]
fn matrices_of_the_phantom() {
    let levels = phantom_levels();
    let source = Cooccurrences::new(&levels, 1, &Glcm::default());
    let slices: Vec<Vec<Counts>> = (0..4).map(|z| source.slice(z)).collect();
    assert_eq!(sorted(&slices.concat()), reference("2d", ""));
    assert_eq!(reference("2d", "").len(), 16);
    let by_slice: Vec<Counts> = slices.iter().map(|s| merged(s)).collect();
    assert_eq!(sorted(&by_slice), reference("2d", "merged"));
    let volume = source.volume();
    assert_eq!(sorted(&volume), reference("3d", ""));
    assert_eq!(sorted(&[merged(&volume)]), reference("3d", "merged"));
    assert!(volume
        .iter()
        .all(|m| m.levels == 6 && (m.voxels - 74.0).abs() < 0.5));
    assert_eq!(
        slices.iter().map(|s| s[0].voxels).collect::<Vec<_>>(),
        [20.0, 19.0, 17.0, 18.0]
    );
}

/// IBSI's compliance rule: the difference, cut off after the third significant digit of the
/// reference, is within the tolerance.
#[allow(clippy::cast_possible_truncation)]
fn matches(value: f64, reference: f64, tolerance: f64) -> bool {
    let digits = if reference == 0.0 {
        0
    } else {
        2 - reference.abs().log10().floor() as i32
    };
    let unit = 10f64.powi(-digits);
    // One part in 10^9 of slack for the decimal digits that have no exact double.
    ((value - reference).abs() / unit + 1e-9).floor() * unit <= tolerance * (1.0 + 1e-9)
}

#[test]
fn values_of_the_phantom() {
    let levels = phantom_levels();
    let source = Cooccurrences::new(&levels, 1, &Glcm::default());
    let all = Aggregation::DIRECTIONAL;
    let ours = aggregate(&source, &all, FEATURES, Cooccurrence::new);
    let mut judged = 0;
    for line in VALUES.lines().skip(1) {
        let c: Vec<&str> = line.split(',').collect();
        if c[0] != "digital_phantom" || c[1] != "glcm" {
            continue;
        }
        let a = all
            .iter()
            .position(|a| a.name() == c[4])
            .expect("an aggregation");
        let f = FEATURES
            .iter()
            .position(|f| f.name == c[2])
            .expect("a feature");
        let number = |k: usize| c[k].parse::<f64>().expect("a number");
        assert_eq!(FEATURES[f].ibsi, c[3]);
        let value = ours[a][f];
        assert!(
            matches(value, number(5), number(6)),
            "{} {}: {value} for {}",
            c[4],
            c[2],
            c[5]
        );
        judged += 1;
    }
    assert_eq!(judged, 6 * 25);
}

/// Levels of random shape and mask; `wide` asks for two bytes a level.
fn random_levels() -> impl Strategy<Value = Levels> {
    let shape = prop_oneof![
        [1usize..6, 1usize..7, 1usize..9],
        [1usize..2, 1usize..7, 30usize..80],
        [1usize..6, 1usize..2, 1usize..2],
    ];
    let levels = prop_oneof![Just(1u16), 2u16..9, 60u16..70, Just(300), Just(u16::MAX)];
    (shape, levels, 0u32..3, any::<bool>()).prop_flat_map(|(shape, n, holes, wide)| {
        let level = (0u32..4, 1..=n).prop_map(move |(h, l)| if h < holes { 0 } else { l });
        let size = shape.iter().product::<usize>();
        proptest::collection::vec(level, size).prop_map(move |mut data| {
            data[size / 2] = n; // at least one voxel
            let n = if wide {
                u32::from(n).max(300)
            } else {
                u32::from(n)
            };
            Levels::new(&data, shape, Some(n)).expect("valid levels")
        })
    })
}

proptest! {
    #[test]
    fn kernels_agree(
        levels in random_levels(),
        m in [-3isize..=3, -3isize..=3, -9isize..=9],
        symmetric in any::<bool>(),
        keys in 1usize..100,
    ) {
        let (extents, shape) = (extents(&levels), levels.shape());
        let n = levels.n();
        let check = |entries: Vec<Entry>, expected: &Pairs| {
            let counts = Counts { entries: entries.clone(), levels: n, voxels: 0.0 };
            assert_eq!(&pairs(&counts), expected);
            assert!(entries.is_sorted_by(|a, b| (a.i, a.j) < (b.i, b.j)));
        };
        for zs in [0..shape[0], 0..1, shape[0] / 2..shape[0]] {
            let expected = naive(&levels, m, symmetric, zs.clone());
            let entries = match levels.data() {
                LevelData::U8(data) => {
                    let rows = Rows { data, shape, extents: &extents };
                    sparse::entries(&rows, n, symmetric, m, zs.clone(), keys)
                }
                LevelData::U16(data) => {
                    let rows = Rows { data, shape, extents: &extents };
                    sparse::entries(&rows, n, symmetric, m, zs.clone(), keys)
                }
            };
            check(entries, &expected);
            if n <= 300 {
                let table = match levels.data() {
                    LevelData::U8(data) => {
                        count_dense(&Rows { data, shape, extents: &extents }, n, m, zs)
                    }
                    LevelData::U16(data) => {
                        count_dense(&Rows { data, shape, extents: &extents }, n, m, zs)
                    }
                };
                check(dense_entries(&table, n, symmetric), &expected);
            }
        }
    }

    #[test]
    fn sources_agree(
        levels in random_levels(),
        distance in 1u32..4,
        norm in prop_oneof![Just(Norm::Chebyshev), Just(Norm::Manhattan), Just(Norm::Euclidean)],
        symmetric in any::<bool>(),
    ) {
        let settings = Glcm { norm, symmetric, ..Glcm::default() };
        let source = Cooccurrences::new(&levels, distance, &settings);
        let expect = |in_plane, zs: Range<usize>| -> Vec<Pairs> {
            let all = directions(distance, norm, in_plane);
            all.iter().map(|&m| naive(&levels, m, symmetric, zs.clone())).collect()
        };
        let volume: Vec<Pairs> = source.volume().iter().map(pairs).collect();
        prop_assert_eq!(volume, expect(false, 0..source.slices()));
        for z in 0..source.slices() {
            let slice: Vec<Pairs> = source.slice(z).iter().map(pairs).collect();
            prop_assert_eq!(slice, expect(true, z..z + 1));
        }
        let m = directions(distance, norm, false)[0];
        if levels.n() <= 300 {
            let dense = direction(&levels, m, symmetric).expect("a matrix");
            let naive = naive(&levels, m, symmetric, 0..source.slices());
            for ((i, j), &n) in dense.indexed_iter() {
                #[allow(clippy::cast_possible_truncation)]
                let place = (i as u32 + 1, j as u32 + 1);
                prop_assert_eq!(n, naive.get(&place).copied().unwrap_or(0));
            }
        }
    }
}

/// A ball of levels that vary smoothly, with a remainder that does not.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn ball(side: usize, n: u16) -> Levels {
    let r = side as f64 / 2.0;
    let level = |k: usize| {
        let [z, y, x] = [k / side / side, k / side % side, k % side].map(|c| c as f64 + 0.5 - r);
        let f = ((z / 7.0).sin() + (y / 5.0).cos() + (x / 4.0).sin() + 3.0) / 6.0;
        let noise = (k as u16).wrapping_mul(40503) % (1 + n / 8);
        let level = 1 + (f * f64::from(n)) as u16 + noise;
        if z * z + y * y + x * x <= r * r {
            level.min(n)
        } else {
            0
        }
    };
    let data: Vec<u16> = (0..side.pow(3)).map(level).collect();
    Levels::new(&data, [side; 3], Some(u32::from(n))).expect("levels")
}

#[test]
fn threads_change_nothing() {
    for n in [32, 5000] {
        let levels = ball(31, n);
        let weighting = Weighting::Inverse;
        let source = Cooccurrences::new(
            &levels,
            1,
            &Glcm {
                weighting,
                ..Glcm::default()
            },
        );
        let run = |threads| {
            parallel::with_threads(Some(threads), || {
                let values = aggregate(
                    &source,
                    &Aggregation::DIRECTIONAL,
                    FEATURES,
                    Cooccurrence::new,
                );
                let bits: Vec<u64> = values.concat().iter().map(|v| v.to_bits()).collect();
                (bits, source.volume())
            })
        };
        let one = run(1);
        assert!(run(2) == one && run(7) == one, "{n} levels");
    }
}

#[test]
fn weights_scale_directions() {
    let levels = phantom_levels();
    let settings = Glcm {
        weighting: Weighting::Inverse,
        ..Glcm::default()
    };
    let plain = Cooccurrences::new(&levels, 2, &Glcm::default()).volume();
    let weighted = Cooccurrences::new(&levels, 2, &settings).volume();
    let weights = directions(2, Norm::Chebyshev, false);
    let weights = weights
        .iter()
        .map(|&m| weight(m, Weighting::Inverse, Norm::Euclidean));
    for ((p, w), weight) in plain.into_iter().zip(weighted).zip(weights) {
        assert_eq!(p.scaled(weight), w);
    }
}

#[test]
fn small_regions() {
    let one = Levels::new(&[3], [1, 1, 1], None).expect("levels");
    let source = Cooccurrences::new(&one, 1, &Glcm::default());
    assert!(source.volume().iter().all(Table::is_empty) && source.volume().len() == 13);
    let values = aggregate(
        &source,
        &Aggregation::DIRECTIONAL,
        FEATURES,
        Cooccurrence::new,
    );
    assert!(values.concat().iter().all(|v| v.is_nan()));
    let far = Cooccurrences::new(&one, u32::MAX, &Glcm::default());
    assert!(far
        .volume()
        .iter()
        .chain(&far.slice(0))
        .all(Table::is_empty));
    let pair = Levels::new(&[u16::MAX, u16::MAX], [1, 1, 2], None).expect("levels");
    let volume = Cooccurrences::new(&pair, 1, &Glcm::default()).volume();
    let places = volume
        .iter()
        .flat_map(|m| m.entries().to_vec())
        .collect::<Vec<_>>();
    assert_eq!(
        places,
        [Entry {
            i: 65_535,
            j: 65_535.0,
            n: 2.0
        }]
    );
}

#[test]
fn direction_refuses() {
    let levels = phantom_levels();
    let error = direction(&levels, [0, 0, 0], true).expect_err("no direction");
    assert!(
        error.to_string().starts_with("offset is [0, 0, 0]"),
        "{error}"
    );
    let many = Levels::new(&[5000, 1], [1, 1, 2], None).expect("levels");
    let error = direction(&many, [0, 0, 1], true).expect_err("too many levels");
    assert!(error.to_string().contains("5000 grey levels"), "{error}");
    for far in [isize::MIN, isize::MAX] {
        assert_eq!(
            direction(&levels, [far, far, far], false)
                .expect("a matrix")
                .sum(),
            0
        );
        assert_eq!(
            direction(&levels, [0, 0, far], false)
                .expect("a matrix")
                .sum(),
            0
        );
    }
}
