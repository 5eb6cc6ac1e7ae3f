//! Neighbouring grey level dependence matrices (IBSI REK0): how many voxels of level `i` have
//! dependence `j`, the number of voxels in their neighbourhood, themselves included, whose level
//! differs by at most `alpha`.
//!
//! Neighbours outside the region do not count. Levels are (z, y, x) in C order; distances are in
//! voxels.

use std::ops::Range;

use crate::blocks::extent;
use crate::discretise::{Level, LevelData, Levels};
use crate::matrix::neighbourhood::{for_each_row, slabs, Neighbourhood, Rolling, Shell, BLOCK};
use crate::matrix::{Counts, Entry, Source, Table};
use crate::numeric::Tally;
use crate::parallel;
use crate::settings::{self, Norm, Weighting};

/// The dependence matrices of a region's levels at one distance.
///
/// With distance weighting a voxel's dependence is `j = 1 + Σ w(m)` over its dependent neighbours:
/// the voxel itself counts 1, as it does without weighting, where its own `w(0)` would be infinite
/// or 1. Neighbours are counted by weight in whole numbers, and the weights taken in falling order,
/// so that equal surroundings have the same `j` to the bit.
#[derive(Debug)]
pub struct Dependences<'a> {
    levels: &'a Levels,
    alpha: u32,
    neighbourhood: Neighbourhood,
}

/// The dependence matrix of the volume (3D), neighbours at most `distance` away in the given norm.
#[must_use]
pub fn matrix(levels: &Levels, distance: u32, norm: Norm, alpha: u32) -> Counts {
    let settings = settings::Ngldm {
        alpha,
        norm,
        ..settings::Ngldm::default()
    };
    Dependences::new(levels, distance, &settings).whole()
}

impl<'a> Dependences<'a> {
    /// Prepares levels; `distance` is one of the settings' distances.
    #[must_use]
    pub fn new(levels: &'a Levels, distance: u32, settings: &settings::Ngldm) -> Self {
        let &settings::Ngldm {
            alpha,
            norm,
            weighting,
            weighting_norm,
            ..
        } = settings;
        let neighbourhood = Neighbourhood {
            distance,
            norm,
            weighting,
            weighting_norm,
            left_out: 0,
        };
        Self {
            levels,
            alpha,
            neighbourhood,
        }
    }

    /// Prepares levels for the neighbours at these distances (Chebyshev norm) and no others.
    pub(crate) fn of_rings(levels: &'a Levels, distances: &[u32], alpha: u32) -> Self {
        let neighbourhood = Neighbourhood::of_rings(distances);
        Self {
            levels,
            alpha,
            neighbourhood,
        }
    }

    /// The matrix of the volume. Slabs of slices are counted side by side; their number follows that
    /// of the threads, which whole-number counts do not notice.
    fn whole(&self) -> Counts {
        let slices = self.slices();
        let work = self.work();
        let parts = if work < parallel::MIN_WORK {
            1
        } else {
            4 * parallel::threads() - 3
        };
        let slabs = slabs(slices, parts);
        let tables = parallel::map(slabs.len(), work, |k| self.count(slabs[k].clone(), false));
        tables
            .into_iter()
            .reduce(|mut sum, t| {
                sum.merge(&t);
                sum
            })
            .unwrap_or_default()
    }

    /// The matrix of the voxels of some slices.
    fn count(&self, slices: Range<usize>, in_plane: bool) -> Counts {
        match self.levels.data() {
            LevelData::U8(data) => self.count_as(data, slices, in_plane),
            LevelData::U16(data) => self.count_as(data, slices, in_plane),
        }
    }

    fn count_as<T: Lane>(&self, data: &[T], slices: Range<usize>, in_plane: bool) -> Counts {
        if self.alpha == 0 {
            self.count_if(data, slices, in_plane, |a: T, b: T| a == b)
        } else {
            let alpha = T::saturated(self.alpha);
            let dependent = move |a: T, b: T| b.within(a, alpha);
            self.count_if(data, slices, in_plane, dependent)
        }
    }

    fn count_if<T: Lane>(
        &self,
        data: &[T],
        slices: Range<usize>,
        in_plane: bool,
        dependent: impl Fn(T, T) -> bool + Copy,
    ) -> Counts {
        let shape = self.levels.shape();
        let shells = self.neighbourhood.shells(shape, in_plane);
        let walk = Walk {
            data,
            shape,
            reach: self.neighbourhood.reach(shape, in_plane),
            shells: shells.iter().map(|s| portions::<T>(s)).collect(),
        };
        let n = self.levels.n();
        if self.neighbourhood.weighting != Weighting::None {
            let weights: Vec<f64> = shells.iter().map(|s| s.weight).collect();
            let mut list = Vec::new();
            walk.run(slices, dependent, |levels, counts| {
                weigh(&weights, levels, counts, &mut list);
            });
            return counts_of_list(list, n);
        }
        let columns = shells.iter().map(Shell::len).sum::<usize>() + 1;
        let voxels = slices.len() * shape[1] * shape[2];
        if let Some(mut dense) = Dense::new(n, columns, voxels) {
            walk.run(slices, dependent, |levels, counts| {
                dense.add(levels, counts);
            });
            return dense.counts(n);
        }
        let mut list = Vec::new();
        walk.run(slices, dependent, |levels, counts| {
            weigh(&[1.0], levels, counts, &mut list);
        });
        counts_of_list(list, n)
    }
}

impl Source for Dependences<'_> {
    type Table = Counts;

    fn slices(&self) -> usize {
        self.levels.shape()[0]
    }

    fn work(&self) -> usize {
        self.levels.shape().iter().product()
    }

    fn slice(&self, z: usize) -> Vec<Counts> {
        vec![self.count(z..z + 1, true)]
    }

    fn volume(&self) -> Vec<Counts> {
        vec![self.whole()]
    }
}

/// A level that can be compared and counted in SIMD lanes of its own width.
trait Lane: Level {
    /// The most neighbours a lane can count.
    const LIMIT: usize;
    /// True if `self` lies in the region (is not 0) and differs from `level` by at most `alpha`.
    fn within(self, level: Self, alpha: Self) -> bool;
    /// One more if `yes`.
    fn plus(self, yes: bool) -> Self;
    /// `value`, or the largest level if that is smaller.
    fn saturated(value: u32) -> Self;
}

macro_rules! lane {
    ($($t:ty),*) => {$(impl Lane for $t {
        const LIMIT: usize = <$t>::MAX as usize;
        #[inline]
        fn within(self, level: Self, alpha: Self) -> bool {
            // One comparison; the interval's ends serve all neighbours of a voxel.
            let low = level.saturating_sub(alpha).max(1);
            let high = level.saturating_add(alpha);
            self.wrapping_sub(low) <= high.wrapping_sub(low)
        }
        #[inline]
        fn plus(self, yes: bool) -> Self { self.wrapping_add(<$t>::from(yes)) }
        fn saturated(value: u32) -> Self { Self::try_from(value).unwrap_or(Self::MAX) }
    })*};
}
lane!(u8, u16);

/// A run of neighbours along x: row (dz, dy), first component along x, length.
#[derive(Debug, Clone, Copy)]
struct Run {
    dz: isize,
    dy: isize,
    dx: isize,
    len: usize,
}

/// A shell's runs in portions of at most as many neighbours as a lane can count.
fn portions<T: Lane>(shell: &Shell) -> Vec<Vec<Run>> {
    let mut portions = vec![Vec::new()];
    let mut room = T::LIMIT;
    for span in &shell.spans {
        let (mut dx, mut left) = (span.dx[0], span.len());
        while left > 0 {
            if room == 0 {
                portions.push(Vec::new());
                room = T::LIMIT;
            }
            let len = left.min(room);
            portions.last_mut().expect("never empty").push(Run {
                dz: span.dz,
                dy: span.dy,
                dx,
                len,
            });
            (dx, left, room) = (dx + len.cast_signed(), left - len, room - len);
        }
    }
    portions
}

/// What a pass over the voxels needs.
struct Walk<'a, T> {
    data: &'a [T],
    shape: [usize; 3],
    reach: [usize; 3],
    /// Runs of each shell, in portions.
    shells: Vec<Vec<Vec<Run>>>,
}

impl<T: Lane> Walk<'_, T> {
    /// Calls `each(levels, counts)` for stretches of rows that cover the region's voxels: levels, 0
    /// outside the region, and the number of dependent neighbours, shell by shell.
    fn run(
        &self,
        slices: Range<usize>,
        dependent: impl Fn(T, T) -> bool + Copy,
        mut each: impl FnMut(&[T], &[Vec<u32>]),
    ) {
        let [_, ny, nx] = self.shape;
        let longest = nx.next_multiple_of(BLOCK);
        let mut counts = vec![vec![0u32; longest]; self.shells.len()];
        let mut lanes = vec![T::default(); longest];
        let visit = |z: usize, y: usize, rows: &Rolling<T>| {
            let inside = extent(&self.data[(z * ny + y) * nx..][..nx]);
            if inside.is_empty() {
                return;
            }
            let (z, y) = (z.cast_signed(), y.cast_signed());
            // Whole blocks only, so that SIMD loops have no remainder; rows have room for it.
            let n = inside.len().next_multiple_of(BLOCK);
            let start = self.reach[2] + inside.start;
            let centre = &rows.row(z, y)[start..][..n];
            for (count, shell) in counts.iter_mut().zip(&self.shells) {
                count[..n].fill(0);
                for portion in shell {
                    let lanes = &mut lanes[..n];
                    lanes.fill(T::default());
                    for run in portion {
                        let others = &rows.row(z + run.dz, y + run.dy);
                        let others =
                            &others[start.wrapping_add_signed(run.dx)..][..n + run.len - 1];
                        add_run(lanes, centre, others, run.len, dependent);
                    }
                    add_lanes(count, lanes);
                }
            }
            each(&centre[..inside.len()], &counts);
        };
        for_each_row(
            self.data,
            self.shape,
            slices,
            self.reach,
            |level| level,
            visit,
        );
    }
}

/// Adds what lanes have counted; with AVX2 this and [`locate`] take 0.11 instead of 0.22 ns a voxel.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn add_lanes<T: Lane>(counts: &mut [u32], lanes: &[T]) {
    for (count, &lane) in counts.iter_mut().zip(lanes) {
        *count += Into::<u32>::into(lane);
    }
}

/// Adds to `lanes` how many of the `len` voxels from the same place of `others` on depend on the one
/// of `centre`.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn add_run<T: Lane, D: Fn(T, T) -> bool + Copy>(
    lanes: &mut [T],
    centre: &[T],
    others: &[T],
    len: usize,
    dependent: D,
) {
    let n = lanes.len();
    let centre = &centre[..n];
    let mut k = 0;
    while k + 3 <= len {
        let (a, b, c) = (
            &others[k..][..n],
            &others[k + 1..][..n],
            &others[k + 2..][..n],
        );
        for x in 0..n {
            let v = centre[x];
            lanes[x] = lanes[x]
                .plus(dependent(v, a[x]))
                .plus(dependent(v, b[x]))
                .plus(dependent(v, c[x]));
        }
        k += 3;
    }
    for k in k..len {
        let a = &others[k..][..n];
        for ((lane, &v), &a) in lanes.iter_mut().zip(centre).zip(a) {
            *lane = lane.plus(dependent(v, a));
        }
    }
}

/// Counts in a table with a place for every level and dependence.
struct Dense {
    /// Of `(i << shift) + j - 1`; level 0 collects what lies outside the region.
    tally: Tally,
    shift: u32,
    /// Places of the voxels of a row.
    places: Vec<u32>,
}

impl Dense {
    /// A table for levels `0..=n` and dependences `1..=columns`; `None` if it were large in
    /// comparison with the voxels to be counted.
    fn new(n: u32, columns: usize, voxels: usize) -> Option<Self> {
        let columns = columns.checked_next_power_of_two()?;
        let size = (n as usize + 1).checked_mul(columns)?;
        let shift = columns.trailing_zeros();
        let places = u32::try_from(size).ok()?; // they are numbered by u32
        (places as usize <= (8 * voxels).max(1 << 16)).then(|| Self {
            tally: Tally::new(size),
            shift,
            places: Vec::new(),
        })
    }

    #[inline]
    fn add<T: Lane>(&mut self, levels: &[T], counts: &[Vec<u32>]) {
        self.places.resize(self.places.len().max(levels.len()), 0);
        let places = &mut self.places[..levels.len()];
        locate(levels, &counts[0], self.shift, places);
        self.tally.add(places);
    }

    fn counts(self, n: u32) -> Counts {
        let table = self.tally.sum();
        let rows = table.chunks(1 << self.shift).zip(0..).skip(1);
        let entries = rows.flat_map(|(row, i)| {
            let cells = row.iter().zip(1u32..).filter(|(&n, _)| n > 0);
            cells.map(move |(&n, j)| Entry {
                i,
                j: f64::from(j),
                n: f64::from(n),
            })
        });
        let entries: Vec<Entry> = entries.collect();
        let voxels = entries.iter().map(|e| e.n).sum();
        Counts::new(entries, n, voxels)
    }
}

/// The place of each voxel in a dense table.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn locate<T: Lane>(levels: &[T], counts: &[u32], shift: u32, places: &mut [u32]) {
    for ((place, &level), &count) in places.iter_mut().zip(levels).zip(counts) {
        *place = (Into::<u32>::into(level) << shift) + count;
    }
}

/// Appends level and dependence of each voxel of a block; the dependence as the bits of a double,
/// which are in the order of the numbers since they are positive.
fn weigh<T: Lane>(weights: &[f64], levels: &[T], counts: &[Vec<u32>], list: &mut Vec<(u32, u64)>) {
    for (k, &level) in levels
        .iter()
        .enumerate()
        .filter(|(_, &l)| l != T::default())
    {
        let sum: f64 = weights
            .iter()
            .zip(counts)
            .map(|(w, c)| w * f64::from(c[k]))
            .sum();
        list.push((level.into(), same_for_equals(1.0 + sum).to_bits()));
    }
}

/// A weighted dependence, rounded to a multiple of 2^-32: sums of weights that are equal, such as
/// `1 + 1/3` and `4 x 1/3`, differ in their last bits, and would be columns of their own.
pub(crate) fn same_for_equals(dependence: f64) -> f64 {
    const STEPS: f64 = 4_294_967_296.0;
    (dependence * STEPS).round() / STEPS
}

/// The matrix of a list of levels and dependences.
fn counts_of_list(mut list: Vec<(u32, u64)>, n: u32) -> Counts {
    list.sort_unstable();
    let entry = |same: &[(u32, u64)]| {
        let (i, j) = same[0];
        Entry {
            i,
            j: f64::from_bits(j),
            n: same.len() as f64,
        }
    };
    let entries = list.chunk_by(|a, b| a == b).map(entry).collect();
    Counts::new(entries, n, list.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::feature::dependence::FEATURES;
    use crate::feature::level_counts::LevelCounts;
    use crate::matrix::direction::{neighbourhood, weight};
    use crate::matrix::neighbourhood::reference;

    /// The matrix from the manual's formula, voxel by voxel.
    fn naive(levels: &Levels, z: Option<usize>, distance: u32, s: &settings::Ngldm) -> Counts {
        let offsets = neighbourhood(distance, s.norm, z.is_some());
        let [nz, ny, nx] = levels.shape();
        let mut entries = Vec::new();
        for k in (0..nz * ny * nx).filter(|k| z.is_none_or(|z| k / nx / ny == z)) {
            let i = levels.get(k);
            if i > 0 {
                let near = reference::neighbours(levels, k, &offsets);
                let near = near.into_iter().filter(|&(_, l)| l.abs_diff(i) <= s.alpha);
                let sum: f64 = near
                    .map(|(m, _)| weight(m, s.weighting, s.weighting_norm))
                    .sum();
                let j = match s.weighting {
                    Weighting::None => 1.0 + sum,
                    _ => same_for_equals(1.0 + sum),
                };
                entries.push(Entry { i, j, n: 1.0 });
            }
        }
        let voxels = entries.len() as f64;
        Counts::new(entries, levels.n(), voxels)
    }

    proptest! {
        #[test]
        fn fast_and_naive_agree(
            levels in reference::boxes(),
            norm in reference::norms(),
            distance in 0u32..4,
            alpha in prop_oneof![Just(0u32), 1u32..4, Just(300), Just(100_000)],
            weighting in reference::weightings(),
            weighting_norm in reference::norms(),
        ) {
            let s = settings::Ngldm { alpha, norm, weighting, weighting_norm, ..Default::default() };
            let source = Dependences::new(&levels, distance, &s);
            let mut pairs = vec![(source.volume(), naive(&levels, None, distance, &s))];
            for z in 0..source.slices() {
                pairs.push((source.slice(z), naive(&levels, Some(z), distance, &s)));
            }
            for (fast, naive) in pairs {
                prop_assert_eq!(fast.len(), 1);
                prop_assert_eq!(&fast[0], &naive);
            }
        }
    }

    #[test]
    fn equal_sums_of_weights_are_one_dependence() {
        // Seven voxels of one level; with weights 1, 1/2 and 1/3 several have 1 + 1 + 1/3 or its
        // like, added in different orders.
        let levels = Levels::new(
            &[1u16, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1],
            [1, 2, 7],
            None,
        );
        let s = settings::Ngldm {
            weighting: Weighting::Inverse,
            weighting_norm: Norm::Chebyshev,
            ..Default::default()
        };
        let levels = levels.unwrap();
        let table = Dependences::new(&levels, 3, &s).volume().remove(0);
        // Counted by hand: per voxel the number of neighbours at distance 1, 2 and 3.
        let by_hand = [
            [2, 1, 1],
            [3, 1, 0],
            [2, 2, 0],
            [1, 1, 4],
            [1, 0, 1],
            [2, 1, 1],
            [1, 0, 1],
        ];
        let sixths = |[a, b, c]: [u32; 3]| 6 + 6 * a + 3 * b + 2 * c;
        let mut distinct: Vec<u32> = by_hand.into_iter().map(sixths).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(table.entries().len(), distinct.len());
    }

    #[test]
    fn phantom_matrices_are_those_of_the_manual() {
        let levels = reference::levels();
        let source = Dependences::new(&levels, 1, &settings::Ngldm::default());
        let triples = |c: &Counts| {
            c.entries()
                .iter()
                .map(|e| (e.i, e.j, e.n))
                .collect::<Vec<_>>()
        };
        let slices: Vec<_> = (0..4).map(|z| triples(&source.slice(z)[0])).collect();
        assert_eq!(slices, reference::matrices("ngldm", "2d"));
        assert_eq!(
            vec![triples(&source.volume()[0])],
            reference::matrices("ngldm", "3d")
        );
    }

    #[test]
    fn phantom_values_match_in_all_aggregations() {
        let levels = reference::levels();
        let source = Dependences::new(&levels, 1, &settings::Ngldm::default());
        reference::assert_values("ngldm", &source, FEATURES, LevelCounts::new);
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let data: Vec<u16> = (0..40 * 40 * 40u32)
            .map(|k| (k * k / 977 % 9) as u16)
            .collect();
        for n in [None, Some(65_535)] {
            let levels = Levels::new(&data, [40; 3], n).unwrap();
            for weighting in [Weighting::None, Weighting::Exponential] {
                let settings = settings::Ngldm {
                    weighting,
                    ..Default::default()
                };
                let run = |threads| {
                    let source = Dependences::new(&levels, 2, &settings);
                    parallel::with_threads(Some(threads), || source.volume())
                };
                assert_eq!(run(1), run(2));
                assert_eq!(run(1), run(7));
            }
        }
    }

    #[test]
    fn one_voxel_depends_on_itself_alone() {
        for level in [1u16, 65_535] {
            let levels = Levels::new(&[level], [1; 3], None).unwrap();
            let counts = matrix(&levels, 3, Norm::Euclidean, 1);
            let entry = Entry {
                i: level.into(),
                j: 1.0,
                n: 1.0,
            };
            assert_eq!(counts, Counts::new(vec![entry], level.into(), 1.0));
        }
    }
}
