//! A co-occurrence matrix: counted, or to be counted row by row when it is used.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::by_level::{Group, Order};
use super::dense;
use super::rows::{extents, Extent, Rows};
use crate::discretise::{Level, LevelData, Levels};
use crate::matrix::direction::Offset;
use crate::matrix::{Counts, Entry, Table};

/// A matrix whose non-zero elements can be visited once; what the features need of it.
pub trait Elements: Sync {
    /// `N_g`, the number of grey levels.
    fn levels(&self) -> u32;
    /// True if the matrix is symmetric, and elements with `j < i` are left out of the visit.
    fn symmetric(&self) -> bool;
    /// Number of parts that can be visited on threads of their own; fixed.
    fn parts(&self) -> usize {
        1
    }
    /// Elementary steps of a visit to all parts, to decide on threads.
    fn work(&self) -> usize;
    /// Calls `f(i, j, n)` for each element of a part that is not 0, in an order that is fixed.
    fn for_each(&self, part: usize, f: impl FnMut(usize, usize, f64));
}

impl Elements for Counts {
    fn levels(&self) -> u32 {
        self.levels
    }

    fn symmetric(&self) -> bool {
        false // it may be, but has all elements
    }

    fn work(&self) -> usize {
        self.entries().len()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // j is a level
    fn for_each(&self, _: usize, mut f: impl FnMut(usize, usize, f64)) {
        for e in self.entries().iter().filter(|e| e.n != 0.0) {
            f(e.i as usize, e.j as usize, e.n);
        }
    }
}

/// A dense table must not have more cells than this many times the pairs counted into it. In slices
/// of 7,600 voxels: 11 ms as tables and 21 ms by level with 0.9 cells a pair, 23 ms and 23 ms with
/// 2.1, 38 ms and 31 ms with 2.6.
const CELLS_A_PAIR: usize = 2;
/// Tables up to this number of cells are dense however few the voxels are.
const SMALL_CELLS: usize = 1 << 12;
/// Most cells of a table that is dropped after use: 8 MiB, 1023 levels.
const PASSING_CELLS: usize = 1 << 20;

/// What the matrices of a region share.
#[derive(Debug)]
pub(super) struct Region<'a> {
    pub(super) levels: &'a Levels,
    pub(super) symmetric: bool,
    extents: Vec<Extent>,
    /// Furthest that a direction vector leads, by axis, within the slice and in the volume.
    reach: [[usize; 3]; 2],
    /// All voxels by level, once needed.
    whole: Arc<OnceLock<Order>>,
}

impl<'a> Region<'a> {
    pub(super) fn new(
        levels: &'a Levels,
        symmetric: bool,
        in_plane: &[(Offset, f64)],
        solid: &[(Offset, f64)],
    ) -> Self {
        let shape = levels.shape();
        let reach = |directions: &[(Offset, f64)]| {
            let lengths = directions.iter().map(|(m, _)| m.map(isize::unsigned_abs));
            let fitting = lengths.filter(|m| (0..3).all(|a| m[a] < shape[a]));
            fitting.fold([0; 3], |most, m| [0, 1, 2].map(|a| m[a].max(most[a])))
        };
        Self {
            levels,
            symmetric,
            extents: extents(levels),
            reach: [reach(in_plane), reach(solid)],
            whole: Arc::default(),
        }
    }

    pub(super) fn rows<'b, T: Level>(&'b self, data: &'b [T]) -> Rows<'b, T> {
        let shape = self.levels.shape();
        Rows {
            data,
            shape,
            extents: &self.extents,
        }
    }

    /// Voxels of the region in that many slices, about.
    #[allow(clippy::cast_possible_truncation)] // no more voxels than memory
    fn voxels(&self, slices: usize) -> usize {
        self.levels.voxels() as usize / self.levels.shape()[0] * slices
    }

    /// True if a table of at most `most` cells is worth it for the pairs of a number of directions
    /// in a number of slices.
    pub(super) fn fits_dense(&self, slices: usize, directions: usize, most: usize) -> bool {
        let cells = (self.levels.n() as usize + 1).pow(2);
        let pairs = self.voxels(slices).saturating_mul(directions);
        cells <= SMALL_CELLS || cells <= most.min(pairs.saturating_mul(CELLS_A_PAIR))
    }

    /// True if a deferred matrix is counted into a table when it is used.
    fn passing(&self, groups: &[Group], zs: &Range<usize>) -> bool {
        self.fits_dense(zs.len(), directions(groups), PASSING_CELLS)
    }

    /// The cells of one table for each of `groups` of direction vectors.
    pub(super) fn count(&self, groups: &[&[Offset]], zs: &Range<usize>) -> Vec<Vec<u64>> {
        let (n, symmetric) = (self.levels.n(), self.symmetric);
        match self.levels.data() {
            LevelData::U8(v) => dense::tables(&self.rows(v), n, symmetric, groups, zs),
            LevelData::U16(v) => dense::tables(&self.rows(v), n, symmetric, groups, zs),
        }
    }

    fn is_whole(&self, zs: &Range<usize>) -> bool {
        *zs == (0..self.levels.shape()[0])
    }

    /// Where the order of the voxels in slices `zs` is kept once it is needed.
    pub(super) fn order(&self, zs: &Range<usize>) -> Arc<OnceLock<Order>> {
        if self.is_whole(zs) {
            Arc::clone(&self.whole)
        } else {
            Arc::default()
        }
    }
}

/// The co-occurrence matrix of a set of direction vectors, over a slice or the volume.
///
/// Counts stay whole numbers until they are used, those of directions of different weight apart, so
/// that merging is exact in any order. A weight that all directions share is 1.
#[derive(Debug, Clone)]
pub struct Matrix<'a> {
    region: Arc<Region<'a>>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// For each weight `(n + 1)²` cells, as [`dense::tables`] gives them.
    Counted(Vec<(f64, Vec<u64>)>),
    /// Counted whenever it is used, row by row unless a table is worth it.
    Deferred {
        groups: Vec<Group>,
        /// The slices of the first voxels.
        zs: Range<usize>,
        order: Arc<OnceLock<Order>>,
    },
}

/// Number of direction vectors.
fn directions(groups: &[Group]) -> usize {
    groups.iter().map(|(_, m)| m.len()).sum()
}

/// The member of `groups` that has that weight, made if there is none; by falling weight.
pub(super) fn group<T>(groups: &mut Vec<(f64, T)>, weight: f64, new: impl FnOnce() -> T) -> &mut T {
    let at = groups.partition_point(|(other, _)| *other > weight);
    if groups.get(at).is_none_or(|(other, _)| *other != weight) {
        groups.insert(at, (weight, new()));
    }
    &mut groups[at].1
}

impl<'a> Matrix<'a> {
    pub(super) fn counted(region: &Arc<Region<'a>>, tables: Vec<(f64, Vec<u64>)>) -> Self {
        let region = Arc::clone(region);
        Self {
            region,
            kind: Kind::Counted(tables),
        }
    }

    pub(super) fn deferred(
        region: &Arc<Region<'a>>,
        groups: Vec<Group>,
        zs: Range<usize>,
        order: &Arc<OnceLock<Order>>,
    ) -> Self {
        let (region, order) = (Arc::clone(region), Arc::clone(order));
        Self {
            region,
            kind: Kind::Deferred { groups, zs, order },
        }
    }

    /// The matrix as a list with all its elements; memory goes with their number.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // at most 65,535 levels
    pub fn counts(&self) -> Counts {
        let mut entries = Vec::new();
        let mut add = |i: usize, j: usize, n| {
            let (i, j) = (i as u32, j as f64);
            entries.push(Entry { i, j, n });
        };
        for part in 0..self.parts() {
            self.for_each(part, |i, j, n| {
                add(i, j, n);
                if self.symmetric() && i != j {
                    add(j, i, n);
                }
            });
        }
        Counts::new(entries, self.levels(), self.region.levels.voxels() as f64)
    }
}

/// Calls `f` with the cells that are not 0 of tables of `side²` cells, one for each weight; a
/// single weight counts as 1.
fn cells_of(
    tables: &[(f64, Vec<u64>)],
    side: usize,
    symmetric: bool,
    mut f: impl FnMut(usize, usize, f64),
) {
    let mut sums = vec![0.0; if tables.len() > 1 { side } else { 0 }];
    for i in 1..side {
        let columns = if symmetric { i } else { 1 }..side;
        let row = i * side + columns.start..(i + 1) * side;
        if let [(_, cells)] = tables {
            for (j, &count) in columns.zip(&cells[row]).filter(|(_, &count)| count > 0) {
                f(i, j, count as f64);
            }
            continue;
        }
        sums.fill(0.0);
        for (weight, cells) in tables {
            let sums = sums[columns.clone()].iter_mut();
            sums.zip(&cells[row.clone()])
                .for_each(|(sum, &n)| *sum += weight * n as f64);
        }
        for j in columns.filter(|&j| sums[j] > 0.0) {
            f(i, j, sums[j]);
        }
    }
}

/// Steps that a part of a deferred matrix is worth.
const PART: usize = 1 << 21;
/// Most parts of a matrix; each has marginal sums of its own.
const MAX_PARTS: usize = 8;

impl Elements for Matrix<'_> {
    fn levels(&self) -> u32 {
        self.region.levels.n()
    }

    fn symmetric(&self) -> bool {
        self.region.symmetric
    }

    fn parts(&self) -> usize {
        match &self.kind {
            Kind::Counted(_) => 1,
            Kind::Deferred { groups, zs, .. } if self.region.passing(groups, zs) => 1,
            Kind::Deferred { .. } => (self.work() / PART).clamp(1, MAX_PARTS),
        }
    }

    fn work(&self) -> usize {
        match &self.kind {
            Kind::Counted(tables) => tables.iter().map(|(_, cells)| cells.len()).sum(),
            Kind::Deferred { groups, zs, .. } => self
                .region
                .voxels(zs.len())
                .saturating_mul(directions(groups)),
        }
    }

    fn for_each(&self, part: usize, f: impl FnMut(usize, usize, f64)) {
        let (region, n) = (&self.region, self.levels());
        match &self.kind {
            Kind::Counted(tables) => cells_of(tables, n as usize + 1, region.symmetric, f),
            Kind::Deferred { groups, zs, .. } if region.passing(groups, zs) => {
                let offsets: Vec<_> = groups.iter().map(|(_, m)| &m[..]).collect();
                let weights = groups.iter().map(|(weight, _)| *weight);
                let tables: Vec<_> = weights.zip(region.count(&offsets, zs)).collect();
                cells_of(&tables, n as usize + 1, region.symmetric, f);
            }
            Kind::Deferred { groups, zs, order } => {
                let reach = region.reach[usize::from(region.is_whole(zs))];
                let (symmetric, part) = (region.symmetric, [part, self.parts()]);
                match region.levels.data() {
                    LevelData::U8(v) => {
                        let rows = region.rows(v);
                        let order = order.get_or_init(|| Order::new(&rows, n, zs.clone(), reach));
                        order.for_each(&rows, groups, symmetric, part, f);
                    }
                    LevelData::U16(v) => {
                        let rows = region.rows(v);
                        let order = order.get_or_init(|| Order::new(&rows, n, zs.clone(), reach));
                        order.for_each(&rows, groups, symmetric, part, f);
                    }
                }
            }
        }
    }
}

impl Table for Matrix<'_> {
    /// Adds a matrix of the same source: of other directions over the same slices, or of the same
    /// directions over slices that follow.
    ///
    /// # Panics
    /// If the matrices are not of one source or follow each other in no such way.
    fn merge(&mut self, other: &Self) {
        match (&mut self.kind, &other.kind) {
            (Kind::Counted(mine), Kind::Counted(others)) => {
                for (weight, cells) in others {
                    let sums = group(mine, *weight, || vec![0; cells.len()]);
                    sums.iter_mut().zip(cells).for_each(|(sum, n)| *sum += n);
                }
            }
            (
                Kind::Deferred { groups, zs, order },
                Kind::Deferred {
                    groups: others,
                    zs: slices,
                    ..
                },
            ) => {
                if zs == slices {
                    for (weight, offsets) in others {
                        group(groups, *weight, Vec::new).extend(offsets);
                    }
                } else {
                    let follows = groups == others && zs.end == slices.start;
                    assert!(
                        follows,
                        "slices are merged in order, direction by direction"
                    );
                    zs.end = slices.end;
                    *order = self.region.order(zs);
                }
            }
            _ => panic!("the matrices of a source are all dense or all deferred"),
        }
    }

    fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Counted(tables) => {
                let (side, symmetric) = (self.levels() as usize + 1, self.symmetric());
                let empty = |i: usize, cells: &[u64]| {
                    let first = if symmetric { i } else { 1 };
                    cells[i * side + first..(i + 1) * side]
                        .iter()
                        .all(|&n| n == 0)
                };
                let rows = |cells: &[u64]| (1..side).all(|i| empty(i, cells));
                tables.iter().all(|(_, cells)| rows(cells))
            }
            Kind::Deferred { groups, zs, .. } => {
                let any = |m: &Offset| match self.region.levels.data() {
                    LevelData::U8(v) => self.region.rows(v).any_pair(*m, zs.clone()),
                    LevelData::U16(v) => self.region.rows(v).any_pair(*m, zs.clone()),
                };
                !groups.iter().any(|(_, m)| m.iter().any(any))
            }
        }
    }
}
