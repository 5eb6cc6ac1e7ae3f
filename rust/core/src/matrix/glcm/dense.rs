//! Co-occurrence matrices of few levels: pairs are counted into a table with a cell for each pair
//! of levels.
//!
//! The table holds the pairs with the outside too (level 0, dropped afterwards), which leaves no
//! branch in the loop.

use std::ops::Range;

use super::joint::{self, Couple};
use super::rows::Rows;
use crate::discretise::Level;
use crate::matrix::direction::Offset;
use crate::matrix::places::{self, Places};
use crate::parallel;

/// A table has copies if there are at least that many pairs for each cell, as cells have to be
/// cleared and added up.
const COPY_PAIRS: usize = 8;

/// Most cells of the partial tables of a job together, which has one or two a slab: 32 MiB.
const PARTIAL_CELLS: usize = 1 << 22;

/// The cells of one table for each of `groups` of direction vectors, `(n + 1)²` each: row 0 and
/// column 0 are not of the matrix, nor, if `symmetric`, what is left of the diagonal.
pub(super) fn tables<T: Level>(
    rows: &Rows<'_, T>,
    n: u32,
    symmetric: bool,
    groups: &[&[Offset]],
    zs: &Range<usize>,
) -> Vec<Vec<u64>> {
    let [_, ny, nx] = rows.shape;
    let directions: usize = groups.iter().map(|g| g.len()).sum();
    let work = zs.len() * ny * nx * directions;
    let jobs = jobs(groups);
    // Slabs of slices give every thread work; a lone thread needs no partial tables.
    let slabs = match parallel::threads() {
        1 => 1,
        threads => (4 * threads).div_ceil(jobs.len().max(1)),
    };
    let cells = (n as usize + 1).pow(2);
    let slabs = slabs.min(PARTIAL_CELLS / (2 * cells)).max(1);
    let depth = zs.len().div_ceil(slabs).max(1);
    let slabs = zs.len().div_ceil(depth);
    let count = |k: usize| {
        let first = zs.start + k % slabs * depth;
        jobs[k / slabs].count(rows, n, first..zs.end.min(first + depth))
    };
    let mut counted = parallel::map(jobs.len() * slabs, work, count).into_iter();
    let mut all = vec![vec![0; cells]; groups.len()];
    for job in &jobs {
        for tables in counted.by_ref().take(slabs) {
            for (&group, table) in job.groups.iter().zip(tables) {
                add(&mut all[group], &table);
            }
        }
    }
    if symmetric {
        for table in &mut all {
            fold(table, n);
        }
    }
    all
}

/// Direction vectors that are counted together.
struct Job {
    /// Where the pairs go: all to one group, or those of the first and of the second vector of the
    /// only couple to one each.
    groups: Vec<usize>,
    couples: Vec<Couple>,
    alone: Option<Offset>,
}

/// Couples of vectors, of one group as far as they go.
fn jobs(groups: &[&[Offset]]) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut left: Option<(usize, Offset)> = None;
    for (group, offsets) in groups.iter().enumerate() {
        let (couples, alone) = offsets.as_chunks::<2>();
        if !couples.is_empty() {
            jobs.push(Job {
                groups: vec![group],
                couples: couples.to_vec(),
                alone: None,
            });
        }
        let Some(&alone) = alone.first() else {
            continue;
        };
        left = match left {
            None => Some((group, alone)),
            Some((other, first)) => {
                jobs.push(Job {
                    groups: vec![other, group],
                    couples: vec![[first, alone]],
                    alone: None,
                });
                None
            }
        };
    }
    if let Some((group, alone)) = left {
        match jobs.iter_mut().find(|job| job.groups == [group]) {
            Some(job) => job.alone = Some(alone),
            None => jobs.push(Job {
                groups: vec![group],
                couples: Vec::new(),
                alone: Some(alone),
            }),
        }
    }
    jobs
}

impl Job {
    /// One table for each of `groups`; first voxels lie in slices `zs`.
    fn count<T: Level>(&self, rows: &Rows<'_, T>, n: u32, zs: Range<usize>) -> Vec<Vec<u64>> {
        let [_, ny, nx] = rows.shape;
        if !joint::fits(n, zs.len() * ny * nx, self.couples.len()) {
            return match &self.groups[..] {
                [_] => {
                    let offsets = self.couples.as_flattened().iter().chain(&self.alone);
                    let offsets: Vec<Offset> = offsets.copied().collect();
                    vec![count(rows, n, &offsets, zs)]
                }
                _ => self.couples[0]
                    .iter()
                    .map(|&m| count(rows, n, &[m], zs.clone()))
                    .collect(),
            };
        }
        let mut first = match self.alone {
            Some(m) => count(rows, n, &[m], zs.clone()),
            None => vec![0; (n as usize + 1).pow(2)],
        };
        let mut second = vec![0; first.len()];
        joint::count(rows, n, &self.couples, &zs, [&mut first, &mut second]);
        if self.groups.len() == 1 {
            add(&mut first, &second);
            vec![first]
        } else {
            vec![first, second]
        }
    }
}

/// Pairs `(level(k), level(k + m))` of all `offsets` in a table of `(n + 1)²` cells that includes
/// level 0; first voxels lie in slices `zs`.
pub(super) fn count<T: Level>(
    rows: &Rows<'_, T>,
    n: u32,
    offsets: &[Offset],
    zs: Range<usize>,
) -> Vec<u64> {
    let cells = (n as usize + 1).pow(2);
    let pairs = zs.len() * rows.shape[1] * rows.shape[2] * offsets.len();
    if cells * COPY_PAIRS > pairs {
        count_in_turn::<T, 1>(rows, n, offsets, zs)
    } else if cells <= places::MOST && u32::try_from(pairs).is_ok() {
        count_by_place(rows, n, offsets, &zs)
    } else {
        count_in_turn::<T, 2>(rows, n, offsets, zs)
    }
}

/// The same where places fit 16 bits and counts 32. A ball of 10^6 voxels with 32 levels, twelve
/// directions: 12.9 ms in turn into four copies of the table, 5.3 ms by places.
fn count_by_place<T: Level>(
    rows: &Rows<'_, T>,
    n: u32,
    offsets: &[Offset],
    zs: &Range<usize>,
) -> Vec<u64> {
    let side = n as usize + 1;
    let mut table = Places::new(side * side, rows.shape[2]);
    for &m in offsets {
        rows.pairs(m, zs.clone(), |a, b, n| {
            let at_hand = a.len().min(b.len());
            table.add(n, at_hand, |places| locate(a, b, side, places));
        });
    }
    table.counts().iter().collect()
}

/// The place of each pair's count.
// Never inlined: the slices are then known to be disjoint, which lets the loop vectorise (with AVX2
// 0.06 instead of 0.08 ns a place).
#[multiversion::multiversion(targets("x86_64+avx2"))]
#[allow(clippy::cast_possible_truncation)] // places fit, as levels do
fn locate<T: Level>(i: &[T], j: &[T], side: usize, places: &mut [u16]) {
    let (i, j) = (&i[..places.len()], &j[..places.len()]);
    let level = |level: T| Into::<u32>::into(level) as u16;
    for ((place, &i), &j) in places.iter_mut().zip(i).zip(j) {
        *place = level(i).wrapping_mul(side as u16).wrapping_add(level(j));
    }
}

/// Neighbours are alike, so the same cell comes again and again, and a count has to wait for the one
/// before; copies of the table side by side, in turn, need not wait.
fn count_in_turn<T: Level, const COPIES: usize>(
    rows: &Rows<'_, T>,
    n: u32,
    offsets: &[Offset],
    zs: Range<usize>,
) -> Vec<u64> {
    let side = n as usize + 1;
    let mut table = vec![[0u32; COPIES]; side * side];
    let mut total = vec![0u64; side * side];
    // Cells of four bytes keep the table in the cache; as many slices are counted at once as cannot
    // overflow them (a slice has less than 2^32 voxels).
    let slice = rows.shape[1] * rows.shape[2];
    let most = (u32::MAX as usize / slice).max(1);
    let (mut room, mut z) = (most, zs.start);
    for &m in offsets {
        while z < zs.end {
            let end = zs.end.min(z.saturating_add(room));
            rows.pairs(m, z..end, |a, b, n| {
                count_row(&a[..n], &b[..n], side, &mut table);
            });
            room -= end - z;
            z = end;
            if room == 0 {
                drain(&mut table, &mut total);
                room = most;
            }
        }
        z = zs.start;
    }
    drain(&mut table, &mut total);
    total
}

/// Moves the counts of all copies to `total`.
fn drain<const COPIES: usize>(table: &mut [[u32; COPIES]], total: &mut [u64]) {
    for (total, cell) in total.iter_mut().zip(table) {
        *total += cell.iter().map(|&n| u64::from(n)).sum::<u64>();
        *cell = [0; COPIES];
    }
}

/// Counts the pairs of two rows, in turn into the copies.
#[inline(never)] // inlined, the side and the table's place are loaded from the stack for every pair
fn count_row<T: Level, const COPIES: usize>(
    a: &[T],
    b: &[T],
    side: usize,
    table: &mut [[u32; COPIES]],
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

fn add(sums: &mut [u64], table: &[u64]) {
    sums.iter_mut().zip(table).for_each(|(s, t)| *s += t);
}

/// Counts each pair in both orders, on and right of the diagonal; the cells left of it are of no
/// more use.
fn fold(table: &mut [u64], n: u32) {
    let side = n as usize + 1;
    for i in 1..side {
        for j in i..side {
            table[i * side + j] += table[j * side + i];
        }
    }
}
