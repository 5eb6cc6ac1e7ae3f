use std::collections::BTreeMap;

use proptest::prelude::*;

use super::rows::extents;
use super::*;
use crate::discretise::discretise;
use crate::feature::cooccurrence::{Cooccurrence, FEATURES};
use crate::matrix::aggregate::aggregate;
use crate::matrix::direction::weight;
use crate::matrix::{Counts, Entry, Table};
use crate::parallel;
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

fn sorted(matrices: &[Matrix]) -> Vec<Pairs> {
    let mut tables: Vec<_> = matrices.iter().map(|m| pairs(&m.counts())).collect();
    tables.sort();
    tables
}

fn merged<'a>(matrices: &[Matrix<'a>]) -> Matrix<'a> {
    let mut sum = matrices[0].clone();
    matrices[1..].iter().for_each(|m| sum.merge(m));
    sum
}

#[test]
fn matrices_of_the_phantom() {
    let levels = phantom_levels();
    let source = Cooccurrences::new(&levels, 1, &Glcm::default());
    let slices: Vec<Vec<Matrix>> = (0..4).map(|z| source.slice(z)).collect();
    assert_eq!(sorted(&slices.concat()), reference("2d", ""));
    assert_eq!(reference("2d", "").len(), 16);
    let by_slice: Vec<Matrix> = slices.iter().map(|s| merged(s)).collect();
    assert_eq!(sorted(&by_slice), reference("2d", "merged"));
    let volume = source.volume();
    assert_eq!(sorted(&volume), reference("3d", ""));
    assert_eq!(sorted(&[merged(&volume)]), reference("3d", "merged"));
    assert!(volume.iter().all(|m| m.levels() == 6));
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

/// What a matrix visits, with the elements that are left out of a symmetric one.
fn visited(symmetric: bool, visit: impl FnOnce(&mut dyn FnMut(usize, usize, f64))) -> Counts {
    let mut places = Vec::new();
    visit(&mut |i, j, n| {
        assert!(!symmetric || i <= j);
        places.push((i, j, n));
        if symmetric && i != j {
            places.push((j, i, n));
        }
    });
    #[allow(clippy::cast_possible_truncation)]
    let entry = |(i, j, n): (usize, usize, f64)| Entry {
        i: i as u32,
        j: j as f64,
        n,
    };
    let entries = places.into_iter().map(entry).collect();
    Counts::new(entries, 0, 0.0)
}

fn kernels_agree_in<T: Level>(
    data: &[T],
    levels: &Levels,
    offsets: &[Offset],
    symmetric: bool,
    parts: usize,
) {
    let (extents, shape, n) = (extents(levels), levels.shape(), levels.n());
    let rows = Rows {
        data,
        shape,
        extents: &extents,
    };
    for zs in [0..shape[0], 0..1, shape[0] / 2..shape[0]] {
        let mut expected = Pairs::new();
        for &m in offsets {
            for (place, n) in naive(levels, m, symmetric, zs.clone()) {
                *expected.entry(place).or_default() += n;
            }
        }
        if n <= 300 {
            let cells = dense::tables(&rows, n, symmetric, &[offsets], &zs).remove(0);
            let region = Arc::new(Region::new(levels, symmetric, &[], &[]));
            let matrix = Matrix::counted(&region, vec![(1.0, cells)]);
            assert_eq!(pairs(&matrix.counts()), expected);
        }
        if n < 40 {
            let (couples, _) = offsets.as_chunks::<2>();
            let alone = |k: usize| {
                let offsets: Vec<Offset> = couples.iter().map(|couple| couple[k]).collect();
                inside(dense::count(&rows, n, &offsets, zs.clone()), n)
            };
            let [mut first, mut second] = [0, 1].map(|_| vec![0; (n as usize + 1).pow(2)]);
            joint::count(&rows, n, couples, &zs, [&mut first, &mut second]);
            assert_eq!(
                [first, second].map(|table| inside(table, n)),
                [alone(0), alone(1)]
            );
        }
        // Rows know of first voxels in some of the slices only if second ones are there as well.
        if zs == (0..shape[0]) || offsets.iter().all(|m| m[0] == 0) {
            let reach = [0, 1, 2].map(|a| offsets.iter().map(|m| m[a].unsigned_abs()).max());
            let reach = reach.map(|most| most.unwrap_or(0));
            let order = by_level::Order::new(&rows, n, zs, reach);
            // One group and three of one weight.
            let one = vec![(1.0, offsets.to_vec())];
            let three = offsets
                .chunks(offsets.len().div_ceil(3))
                .map(|m| (1.0, m.to_vec()));
            for groups in [one, three.collect()] {
                let counts = visited(symmetric, |f| {
                    for part in 0..parts {
                        order.for_each(&rows, &groups, symmetric, [part, parts], &mut *f);
                    }
                });
                assert_eq!(pairs(&counts), expected);
            }
        }
    }
}

/// The cells of a table without those of level 0.
fn inside(mut table: Vec<u64>, n: u32) -> Vec<u64> {
    let side = n as usize + 1;
    table[..side].fill(0);
    table.iter_mut().step_by(side).for_each(|cell| *cell = 0);
    table
}

proptest! {
    #[test]
    fn kernels_agree(
        levels in random_levels(),
        offsets in proptest::collection::vec([-3isize..=3, -3isize..=3, -9isize..=9], 1..5),
        flat in any::<bool>(),
        symmetric in any::<bool>(),
        parts in 1usize..5,
    ) {
        let mut offsets = offsets;
        offsets.iter_mut().filter(|_| flat).for_each(|m| m[0] = 0);
        match levels.data() {
            LevelData::U8(v) => kernels_agree_in(v, &levels, &offsets, symmetric, parts),
            LevelData::U16(v) => kernels_agree_in(v, &levels, &offsets, symmetric, parts),
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
        let listed = |matrices: &[Matrix]| -> Vec<Pairs> {
            matrices.iter().map(|m| pairs(&m.counts())).collect()
        };
        let sum = |tables: &[Pairs]| {
            let mut sum = Pairs::new();
            for (place, n) in tables.iter().flatten() {
                *sum.entry(*place).or_default() += n;
            }
            sum
        };
        let volume = source.volume();
        let expected = expect(false, 0..source.slices());
        for (matrix, expected) in volume.iter().zip(&expected) {
            prop_assert_eq!(matrix.is_empty(), expected.is_empty());
        }
        prop_assert_eq!(&listed(&volume), &expected);
        prop_assert_eq!(pairs(&merged(&volume).counts()), sum(&expected));
        let at_once = source.merged_volume().expect("a matrix");
        prop_assert_eq!(pairs(&at_once.counts()), sum(&expected));
        let mut flat: Vec<Matrix> = Vec::new();
        for z in 0..source.slices() {
            let expected = expect(true, z..z + 1);
            let slice = source.slice(z);
            prop_assert_eq!(&listed(&slice), &expected);
            let at_once = source.merged_slice(z).expect("a matrix");
            prop_assert_eq!(pairs(&at_once.counts()), sum(&expected));
            prop_assert_eq!(pairs(&merged(&slice).counts()), sum(&expected));
            if z == 0 {
                flat = slice;
            } else {
                flat.iter_mut().zip(&slice).for_each(|(all, m)| all.merge(m));
            }
        }
        prop_assert_eq!(&listed(&flat), &expect(true, 0..source.slices()));
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

fn bits(source: &Cooccurrences, aggregations: &[Aggregation]) -> Vec<u64> {
    let values = aggregate(source, aggregations, FEATURES, Cooccurrence::new);
    values.concat().iter().map(|v| v.to_bits()).collect()
}

#[test]
fn threads_and_other_aggregations_change_nothing() {
    for (n, side) in [(32, 31), (300, 31), (5000, 31), (5000, 81)] {
        let levels = ball(side, n);
        let weighting = Weighting::Inverse;
        let settings = Glcm {
            weighting,
            ..Glcm::default()
        };
        let run = |threads| {
            parallel::with_threads(Some(threads), || {
                bits(
                    &Cooccurrences::new(&levels, 1, &settings),
                    &Aggregation::DIRECTIONAL,
                )
            })
        };
        let one = run(1);
        assert!(run(2) == one && run(7) == one, "{n} levels");
        let alone = Aggregation::DIRECTIONAL.map(|a| {
            parallel::with_threads(Some(2), || {
                bits(&Cooccurrences::new(&levels, 1, &settings), &[a])
            })
        });
        assert_eq!(alone.concat(), one, "{n} levels");
    }
}

#[test]
fn vectors_counted_two_at_a_time_are_as_those_alone() {
    let levels = ball(40, 32);
    let source = Cooccurrences::new(&levels, 1, &Glcm::default());
    let voxels = levels.shape().iter().product();
    assert!(
        joint::fits(levels.n(), voxels, 1),
        "the ball is too small for this test"
    );
    let apart = source.volume(); // couples of two groups, and one vector alone
    let together = source.merged_volume().expect("a matrix"); // couples of one group
    assert_eq!(pairs(&together.counts()), pairs(&merged(&apart).counts()));
    for (matrix, m) in apart.iter().zip(directions(1, Norm::Chebyshev, false)) {
        let expected = naive(&levels, m, true, 0..source.slices());
        assert_eq!(pairs(&matrix.counts()), expected);
    }
}

/// A matrix counted by rows has the features of a dense one.
#[test]
fn dense_and_deferred_matrices_have_the_same_features() {
    let levels = ball(25, 100);
    let settings = Glcm {
        weighting: Weighting::Inverse,
        ..Glcm::default()
    };
    let source = Cooccurrences::new(&levels, 1, &settings);
    let zs = 0..source.slices();
    let groups = together(&source.solid).remove(0);
    assert_eq!(groups.len(), 3);
    let dense = source.merged_volume().expect("a matrix");
    let order = source.region.order(&zs);
    let deferred = Matrix::deferred(&source.region, groups, zs, &order);
    assert_eq!(dense.counts(), deferred.counts());
    let [dense, deferred] = [&dense, &deferred].map(Cooccurrence::new);
    for f in FEATURES {
        let (a, b) = ((f.eval)(&dense), (f.eval)(&deferred));
        // Sums of weighted counts, in another order.
        assert!((a - b).abs() <= 1e-12 * a.abs(), "{}: {a} and {b}", f.name);
    }
}

#[test]
fn weights_scale_directions() {
    let levels = phantom_levels();
    let settings = Glcm {
        weighting: Weighting::Inverse,
        ..Glcm::default()
    };
    let mut expected = BTreeMap::<_, f64>::new();
    for m in directions(2, Norm::Chebyshev, false) {
        // Relative to the shortest vectors, which have length 2.
        let w = 2.0 * weight(m, Weighting::Inverse, Norm::Euclidean);
        for (place, n) in naive(&levels, m, true, 0..4) {
            *expected.entry(place).or_default() += w * n as f64;
        }
    }
    let source = Cooccurrences::new(&levels, 2, &settings);
    for matrix in [
        merged(&source.volume()),
        source.merged_volume().expect("a matrix"),
    ] {
        let counts = matrix.counts();
        assert_eq!(counts.entries().len(), expected.len());
        for (e, (&(i, j), n)) in counts.entries().iter().zip(&expected) {
            assert_eq!((e.i, e.j), (i, f64::from(j)));
            assert!((e.n - n).abs() < 1e-12 * n);
        }
    }
}

#[test]
fn weights_of_long_vectors_do_not_vanish() {
    let levels = ball(131, 8);
    for n in [8, 5000] {
        let levels = Levels::new(values_of(&levels), [131; 3], Some(n)).expect("levels");
        let weighting = Weighting::Exponential;
        let source = |weighting| {
            Cooccurrences::new(
                &levels,
                60,
                &Glcm {
                    weighting,
                    ..Glcm::default()
                },
            )
        };
        let merged = [Aggregation::Merged3d, Aggregation::Averaged3d];
        let values = aggregate(&source(weighting), &merged, FEATURES, Cooccurrence::new);
        assert!(values.concat().iter().all(|v| v.is_finite()));
        let plain = aggregate(
            &source(Weighting::None),
            &merged,
            FEATURES,
            Cooccurrence::new,
        );
        assert_eq!(
            plain[1], values[1],
            "weights do not matter to directions apart"
        );
        assert_ne!(plain[0], values[0]);
    }
}

#[allow(clippy::cast_possible_truncation)]
fn values_of(levels: &Levels) -> Vec<u16> {
    let len = levels.shape().iter().product();
    (0..len).map(|k| levels.get(k) as u16).collect()
}

#[test]
fn small_regions() {
    let one = Levels::new(&[3u8], [1, 1, 1], None).expect("levels");
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
        .flat_map(|m| m.counts().entries().to_vec())
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
    let many = Levels::new(&[5000u16, 1], [1, 1, 2], None).expect("levels");
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
