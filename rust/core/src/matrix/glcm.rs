//! Grey level co-occurrence matrices (IBSI LFYI).
//!
//! Levels are (z, y, x) in C order, 0 outside the region; direction vectors are (dz, dy, dx) in
//! voxels. Element `(i, j)` counts the voxel pairs `(k, k + m)` with levels `i` and `j`; a
//! symmetric matrix counts each pair in both orders, as IBSI does.
//!
//! A direction is counted row by row: the row at `(z, y)` against the row at `(z + dz, y + dy)`,
//! over the columns where both may hold voxels of the region. Small tables are dense and hold the
//! pairs with the outside too (level 0, dropped afterwards), which leaves no branch in the loop;
//! where the table would be large against the voxels, pairs are sorted instead. Memory: one table
//! or one buffer of keys a thread, and the matrices themselves.

use std::ops::Range;

use ndarray::Array2;

use crate::discretise::{Level, LevelData, Levels};
use crate::error::{Error, Result};
use crate::matrix::direction::{directions, weight, Offset};
use crate::matrix::{Counts, Entry, Source};
use crate::parallel;
use crate::settings;

/// Most levels for which [`direction`] gives a dense matrix.
pub const MAX_DENSE_LEVELS: u32 = 4096;
/// Most cells of a dense table while counting: 8 MiB.
const DENSE_CELLS: usize = 1 << 20;
/// A dense table must not have more cells than this many times the voxels behind it.
const CELLS_A_VOXEL: usize = 4;
/// Tables up to this number of cells are dense however few the voxels are.
const SMALL_CELLS: usize = 1 << 12;
/// Most cells of a table that is worth a second copy.
const MEDIUM_CELLS: usize = 1 << 16;

/// The co-occurrence matrices of a region for one distance.
#[derive(Debug)]
pub struct Cooccurrences<'a> {
    levels: &'a Levels,
    symmetric: bool,
    /// Direction vectors within the slice, with their weights.
    in_plane: Vec<(Offset, f64)>,
    /// Direction vectors in the volume, with their weights.
    solid: Vec<(Offset, f64)>,
    extents: Vec<Extent>,
}

/// First column of a row that holds a voxel of the region, and the column after the last one.
type Extent = [isize; 2];

impl<'a> Cooccurrences<'a> {
    /// Prepares to count pairs at `distance` voxels.
    #[must_use]
    pub fn new(levels: &'a Levels, distance: u32, settings: &settings::Glcm) -> Self {
        let weighted = |in_plane| {
            let weigh = |m| (m, weight(m, settings.weighting, settings.weighting_norm));
            directions(distance, settings.norm, in_plane)
                .into_iter()
                .map(weigh)
                .collect()
        };
        Self {
            levels,
            symmetric: settings.symmetric,
            in_plane: weighted(true),
            solid: weighted(false),
            extents: extents(levels),
        }
    }

    /// The matrices of `directions` with first voxels in slices `zs`.
    fn matrices(&self, directions: &[(Offset, f64)], zs: &Range<usize>) -> Vec<Counts> {
        match self.levels.data() {
            LevelData::U8(v) => self.matrices_of(v, directions, zs),
            LevelData::U16(v) => self.matrices_of(v, directions, zs),
        }
    }

    fn matrices_of<T: Level>(
        &self,
        data: &[T],
        directions: &[(Offset, f64)],
        zs: &Range<usize>,
    ) -> Vec<Counts> {
        let [_, ny, nx] = self.levels.shape();
        let rows = Rows {
            data,
            shape: self.levels.shape(),
            extents: &self.extents,
        };
        let voxels = rows.voxels(zs);
        let work = zs.len() * ny * nx * directions.len();
        let (n, symmetric) = (self.levels.n(), self.symmetric);
        let finish = |d: usize, entries| {
            // Elements come in order and are not zero.
            let counts = Counts {
                entries,
                levels: n,
                voxels: voxels as f64,
            };
            let weight = directions[d].1;
            if (weight - 1.0).abs() < f64::EPSILON {
                counts
            } else {
                counts.scaled(weight)
            }
        };
        if !is_dense(n, voxels) {
            let one = |d: usize| {
                let m = directions[d].0;
                finish(
                    d,
                    sparse::entries(&rows, n, symmetric, m, zs.clone(), sparse::KEYS),
                )
            };
            return parallel::map(directions.len(), work, one);
        }
        // Slabs of slices give every thread work; a lone thread needs no partial tables.
        let threads = parallel::threads();
        let slabs = if threads == 1 {
            1
        } else {
            (4 * threads).div_ceil(directions.len())
        };
        let depth = zs.len().div_ceil(slabs).max(1);
        let slabs = zs.len().div_ceil(depth);
        let count = |d: usize, slab: usize| {
            let first = zs.start + slab * depth;
            count_dense(&rows, n, directions[d].0, first..zs.end.min(first + depth))
        };
        if slabs == 1 {
            let one = |d: usize| finish(d, dense_entries(&count(d, 0), n, symmetric));
            return parallel::map(directions.len(), work, one);
        }
        let jobs = directions.len() * slabs;
        let mut tables = parallel::map(jobs, work, |job| count(job / slabs, job % slabs));
        let of_direction = tables.chunks_mut(slabs).enumerate();
        of_direction
            .map(|(d, tables)| finish(d, dense_entries(sum(tables), n, symmetric)))
            .collect()
    }
}

impl Source for Cooccurrences<'_> {
    type Table = Counts;

    fn slices(&self) -> usize {
        self.levels.shape()[0]
    }

    fn work(&self) -> usize {
        self.levels.shape().iter().product::<usize>() * self.solid.len()
    }

    fn slice(&self, z: usize) -> Vec<Counts> {
        self.matrices(&self.in_plane, &(z..z + 1))
    }

    fn volume(&self) -> Vec<Counts> {
        self.matrices(&self.solid, &(0..self.slices()))
    }
}

/// The co-occurrence matrix of one direction vector (dz, dy, dx) over the volume: element
/// `[i - 1, j - 1]` counts pairs of level `i` and level `j`, shape (`N_g`, `N_g`).
///
/// # Errors
/// [`Error::Argument`] for the vector 0 and for more than 4096 levels, whose matrix would take
/// more than 128 MiB.
pub fn direction(levels: &Levels, offset: Offset, symmetric: bool) -> Result<Array2<u64>> {
    let (n, name) = (levels.n(), "levels");
    if n > MAX_DENSE_LEVELS {
        let allowed = "a dense matrix has at most 4096 levels; use fewer bins";
        return Err(Error::Argument {
            name,
            given: format!("{n} grey levels"),
            allowed,
        });
    }
    if offset == [0, 0, 0] {
        let allowed = "a direction vector (z, y, x) needs a component other than 0";
        return Err(Error::Argument {
            name: "offset",
            given: format!("{offset:?}"),
            allowed,
        });
    }
    let (extents, shape) = (extents(levels), levels.shape());
    let zs = 0..shape[0];
    let table = match levels.data() {
        LevelData::U8(data) => count_dense(
            &Rows {
                data,
                shape,
                extents: &extents,
            },
            n,
            offset,
            zs,
        ),
        LevelData::U16(data) => count_dense(
            &Rows {
                data,
                shape,
                extents: &extents,
            },
            n,
            offset,
            zs,
        ),
    };
    let at = |i: usize, j: usize| table[(i + 1) * (n as usize + 1) + j + 1];
    let n = n as usize;
    Ok(Array2::from_shape_fn((n, n), |(i, j)| {
        at(i, j) + if symmetric { at(j, i) } else { 0 }
    }))
}

/// The levels with what is known of each row.
struct Rows<'a, T> {
    data: &'a [T],
    shape: [usize; 3],
    extents: &'a [Extent],
}

impl<'a, T: Level> Rows<'a, T> {
    /// Calls `f` with the two rows of every row pair `m` apart, cut to the columns where both lie
    /// within their extents; first rows are those of slices `zs`.
    fn pairs(&self, m: Offset, zs: Range<usize>, mut f: impl FnMut(&'a [T], &'a [T])) {
        let [nz, ny, nx] = self.shape;
        let within = |c: usize, d: isize, n: usize| c.checked_add_signed(d).filter(|&c| c < n);
        for z in zs {
            let Some(other_z) = within(z, m[0], nz) else {
                continue;
            };
            for y in 0..ny {
                let Some(other_y) = within(y, m[1], ny) else {
                    continue;
                };
                let (row, other) = (z * ny + y, other_z * ny + other_y);
                let [first, end] = self.extents[row];
                let [other_first, other_end] = self.extents[other].map(|c| c.saturating_sub(m[2]));
                let (low, high) = (first.max(other_first), end.min(other_end));
                if low < high {
                    let length = high.abs_diff(low);
                    // Neither is negative: both lie within the extent of their row.
                    let (low, other_low) = (low.unsigned_abs(), (low + m[2]).unsigned_abs());
                    let (a, b) = (row * nx + low, other * nx + other_low);
                    f(&self.data[a..][..length], &self.data[b..][..length]);
                }
            }
        }
    }

    /// Voxels of the region in slices `zs`.
    fn voxels(&self, zs: &Range<usize>) -> usize {
        let [_, ny, nx] = self.shape;
        let slices = &self.data[zs.start * ny * nx..zs.end * ny * nx];
        let set = |level: &T| u8::from(*level != T::default());
        // Sums of bytes are vectorised; a block's cannot overflow.
        slices
            .chunks(128)
            .map(|block| usize::from(block.iter().map(set).sum::<u8>()))
            .sum()
    }
}

fn extents(levels: &Levels) -> Vec<Extent> {
    let nx = levels.shape()[2];
    match levels.data() {
        LevelData::U8(v) => v.chunks(nx).map(extent).collect(),
        LevelData::U16(v) => v.chunks(nx).map(extent).collect(),
    }
}

/// Extent of a row; `[0, 0]` if it is empty.
fn extent<T: Level>(row: &[T]) -> Extent {
    // Whole blocks are looked at first: 0.80 ms -> 0.35 ms on a ball in 131^3 voxels.
    const BLOCK: usize = 32;
    let set = |level: &T| *level != T::default();
    let any = |block: &[T]| block.iter().fold(false, |any, level| any | set(level));
    let Some(head) = row.chunks(BLOCK).position(any) else {
        return [0, 0];
    };
    let tail = row.chunks(BLOCK).rposition(any).unwrap_or(head);
    let end = row.len().min((tail + 1) * BLOCK);
    let first = head * BLOCK + row[head * BLOCK..].iter().position(set).unwrap_or(0);
    let end = end - row[..end].iter().rev().position(set).unwrap_or(0);
    [first, end].map(usize::cast_signed)
}

fn is_dense(n: u32, voxels: usize) -> bool {
    let cells = (n as usize + 1).pow(2);
    cells <= SMALL_CELLS || cells <= DENSE_CELLS.min(voxels.saturating_mul(CELLS_A_VOXEL))
}

/// Pairs `(level(k), level(k + m))` in a table of `(n + 1)²` cells that includes level 0.
fn count_dense<T: Level>(rows: &Rows<'_, T>, n: u32, m: Offset, zs: Range<usize>) -> Vec<u64> {
    // Neighbours are alike, so the same cell comes again and again, and a count has to wait for
    // the one before. Four copies side by side, in turn: 16.3 ms -> 9.2 ms on a ball of 10^6 voxels
    // with 32 levels and 13 directions, 31 ms -> 10 ms if it is flat. Larger tables have fewer
    // copies, for the cache's sake.
    let cells = (n as usize + 1).pow(2);
    if cells <= SMALL_CELLS {
        count_in_turn::<T, 4>(rows, n, m, zs)
    } else if cells <= MEDIUM_CELLS {
        count_in_turn::<T, 2>(rows, n, m, zs)
    } else {
        count_in_turn::<T, 1>(rows, n, m, zs)
    }
}

fn count_in_turn<T: Level, const COPIES: usize>(
    rows: &Rows<'_, T>,
    n: u32,
    m: Offset,
    zs: Range<usize>,
) -> Vec<u64> {
    let side = n as usize + 1;
    let mut table = vec![[0; COPIES]; side * side];
    rows.pairs(m, zs, |a, b| count_row(a, b, side, &mut table));
    table.iter().map(|cell| cell.iter().sum()).collect()
}

/// Counts the pairs of two rows, in turn into the copies.
#[inline(never)] // inlined, the side and the table's place are loaded from the stack for every pair
fn count_row<T: Level, const COPIES: usize>(
    a: &[T],
    b: &[T],
    side: usize,
    table: &mut [[u64; COPIES]],
) {
    let cell = |i: T, j: T| -> usize { Into::<usize>::into(i) * side + Into::<usize>::into(j) };
    let (mut a, mut b) = (a.chunks_exact(COPIES), b.chunks_exact(COPIES));
    for (i, j) in a.by_ref().zip(b.by_ref()) {
        for c in 0..COPIES {
            table[cell(i[c], j[c])][c] += 1;
        }
    }
    for (&i, &j) in a.remainder().iter().zip(b.remainder()) {
        table[cell(i, j)][0] += 1;
    }
}

/// Adds all tables to the first one, and returns it.
fn sum(tables: &mut [Vec<u64>]) -> &[u64] {
    let Some((first, others)) = tables.split_first_mut() else {
        return &[];
    };
    for table in others {
        first.iter_mut().zip(&*table).for_each(|(s, t)| *s += t);
    }
    first
}

/// Elements of a dense table without level 0.
fn dense_entries(table: &[u64], n: u32, symmetric: bool) -> Vec<Entry> {
    let side = n as usize + 1;
    let mut entries = Vec::new();
    for i in 1..=n {
        for j in 1..=n {
            let (i_at, j_at) = (i as usize, j as usize);
            let mirror = if symmetric {
                table[j_at * side + i_at]
            } else {
                0
            };
            let count = table[i_at * side + j_at] + mirror;
            if count > 0 {
                entries.push(Entry {
                    i,
                    j: f64::from(j),
                    n: count as f64,
                });
            }
        }
    }
    entries
}

mod sparse;
#[cfg(test)]
mod tests;
