//! Counts of runs: short ones through a table of positions, long ones singly.

use crate::discretise::Level;
use crate::matrix::places::Places;
use crate::matrix::{Counts, Entry};

/// Codes of a step's directions together never exceed 6³ = 216, which a byte holds.
const MAX_BASE: usize = 6;
/// Largest table of positions, 256 KiB in its two copies.
const MAX_TABLE: usize = 1 << 15; // a place fits 16 bits
/// Long runs put aside before they are sorted into the dense table.
const BUFFER: usize = 4096;
/// Largest dense table of long runs: 256 KiB.
const MAX_DENSE: usize = 1 << 16;
/// Bits of a key that hold the length.
const LENGTH_BITS: u32 = 40;

/// The number of positions (0 to `base - 1`, the last one open) told apart in the table, for `n`
/// levels and a task of `voxels`; 1 means that positions are not counted at all.
pub(super) fn base(n: usize, voxels: usize) -> usize {
    let limit = MAX_TABLE.min(voxels);
    (1..=MAX_BASE)
        .rev()
        .find(|b| b.pow(3) * (n + 1) <= limit)
        .unwrap_or(1)
}

/// Position from which a run counts as long (its length is larger than this).
pub(super) fn cap(base: usize) -> usize {
    (base - 1).max(1)
}

/// Runs longer than the cap, by level and length.
#[derive(Debug, Clone)]
pub(super) struct LongRuns {
    /// The buffer, of which the first `held` keys count.
    keys: Vec<u64>,
    held: usize,
    /// `[level][length]` for lengths below `lengths`; made when the first buffer is full.
    dense: Vec<u32>,
    lengths: usize,
    stride: usize,
    sparse: Vec<(u64, u64)>,
    /// Length of `sparse` at which equal keys are joined again.
    join_at: usize,
}

impl LongRuns {
    fn new(stride: usize, longest: usize) -> Self {
        let lengths = (MAX_DENSE / stride).min(longest + 1);
        let (keys, dense, sparse) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            keys,
            held: 0,
            dense,
            lengths,
            stride,
            sparse,
            join_at: MAX_DENSE,
        }
    }

    /// Counts a run if `ended`; stores in any case, as whether it did is not to be predicted.
    #[inline]
    pub(super) fn add_if(&mut self, ended: bool, level: usize, length: usize) {
        if self.held == self.keys.len() {
            self.make_room();
        }
        self.keys[self.held] = key(level, length);
        self.held += usize::from(ended);
    }

    #[cold]
    fn make_room(&mut self) {
        if self.held == BUFFER {
            self.spill();
        } else {
            self.keys.resize((2 * self.held).clamp(64, BUFFER), 0);
        }
    }

    fn spill(&mut self) {
        self.dense.resize(self.stride * self.lengths, 0);
        for &key in &self.keys[..std::mem::take(&mut self.held)] {
            let (level, length) = split(key);
            if length < self.lengths {
                self.dense[level * self.lengths + length] += 1;
            } else {
                self.sparse.push((key, 1));
            }
        }
        if self.sparse.len() >= self.join_at {
            join(&mut self.sparse);
            self.join_at = MAX_DENSE.max(2 * self.sparse.len());
        }
    }

    /// `(key, count)` in order of level, then length.
    fn finish(mut self) -> Vec<(u64, u64)> {
        if self.dense.is_empty() {
            self.sparse
                .extend(self.keys[..self.held].iter().map(|&key| (key, 1)));
        } else {
            self.spill();
            for (level, row) in self.dense.chunks_exact(self.lengths).enumerate() {
                let found = row.iter().enumerate().filter(|(_, &n)| n > 0);
                self.sparse
                    .extend(found.map(|(length, &n)| (key(level, length), u64::from(n))));
            }
        }
        join(&mut self.sparse);
        self.sparse
    }
}

fn key(level: usize, length: usize) -> u64 {
    (level as u64) << LENGTH_BITS | length as u64
}

/// Level and length of a key.
#[allow(clippy::cast_possible_truncation)] // both were `usize`
fn split(key: u64) -> (usize, usize) {
    (
        (key >> LENGTH_BITS) as usize,
        (key & ((1 << LENGTH_BITS) - 1)) as usize,
    )
}

/// Sorts by key and adds the counts of equal keys.
fn join(runs: &mut Vec<(u64, u64)>) {
    runs.sort_unstable();
    runs.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same {
            first.1 += later.1;
        }
        same
    });
}

/// What one task counts for the directions of one step.
pub(super) struct Tally {
    base: usize,
    stride: usize,
    /// By `[code][level]`, a code being the directions' positions as digits in base `base`, the first
    /// direction lowest; positions are cut off at the cap.
    table: Places,
    /// One a direction.
    pub(super) long: Vec<LongRuns>,
}

impl Tally {
    /// For levels up to `n`, runs up to `longest` voxels, and rows as long.
    pub(super) fn new(directions: u32, n: usize, base: usize, longest: usize) -> Self {
        let stride = n + 1;
        let codes = if base > 1 { base.pow(directions) } else { 0 };
        let long = (0..directions)
            .map(|_| LongRuns::new(stride, longest))
            .collect();
        Self {
            base,
            stride,
            table: Places::new(codes * stride, longest),
            long,
        }
    }

    /// Counts the first `n` voxels by code and level; more of both may follow.
    pub(super) fn add<L: Level>(&mut self, codes: &[u8], levels: &[L], n: usize) {
        if self.base > 1 {
            let (stride, at_hand) = (self.stride, codes.len().min(levels.len()));
            self.table
                .add(n, at_hand, |places| locate(codes, levels, stride, places));
        }
    }

    /// The runs of each direction.
    pub(super) fn finish(self) -> Vec<Runs> {
        let directions = (0u32..).zip(self.long);
        directions
            .map(|(d, long)| {
                let mut positions = vec![0u64; cap(self.base) * self.stride];
                for (code, counts) in self.table.counts().parts(self.stride).enumerate() {
                    let digit = code / self.base.pow(d) % self.base;
                    if digit < cap(self.base) {
                        let sums = &mut positions[digit * self.stride..][..self.stride];
                        sums.iter_mut()
                            .zip(counts.iter())
                            .for_each(|(s, n)| *s += n);
                    }
                }
                Runs {
                    stride: self.stride,
                    positions,
                    long: long.finish(),
                }
            })
            .collect()
    }
}

/// The place of each voxel in the table.
// Never inlined: the slices are then known to be disjoint, which lets the loop vectorise (with AVX2
// 0.06 instead of 0.08 ns a place).
#[multiversion::multiversion(targets("x86_64+avx2"))]
#[allow(clippy::cast_possible_truncation)] // no place is beyond the table
fn locate<L: Level>(codes: &[u8], levels: &[L], stride: usize, places: &mut [u16]) {
    let stride = stride as u16;
    let (codes, levels) = (&codes[..places.len()], &levels[..places.len()]);
    for (place, (&code, &level)) in places.iter_mut().zip(codes.iter().zip(levels)) {
        let level = Into::<u32>::into(level) as u16;
        *place = u16::from(code).wrapping_mul(stride).wrapping_add(level);
    }
}

/// The runs of one direction.
pub(super) struct Runs {
    stride: usize,
    /// `[c][level]`: voxels at position `c` of a run, which is the number of runs longer than `c`.
    positions: Vec<u64>,
    /// Runs longer than there are positions: `(key, count)`, in order of level, then length.
    long: Vec<(u64, u64)>,
}

impl Runs {
    /// Adds the runs of another part of the image.
    pub(super) fn merge(&mut self, other: Self) {
        self.positions
            .iter_mut()
            .zip(other.positions)
            .for_each(|(a, b)| *a += b);
        self.long.extend(other.long);
        join(&mut self.long);
    }

    /// Completes runs whose positions were not counted, from the voxels of each level: voxels
    /// behind the first one of a run belong to a long run, as the cap is then 1.
    pub(super) fn start_from(&mut self, histogram: &[u64]) {
        self.positions.copy_from_slice(histogram);
        for &(key, n) in &self.long {
            let (level, length) = split(key);
            self.positions[level] -= n * (length as u64 - 1);
        }
    }

    /// The matrix; `N_v` is the sum of all lengths, since each voxel is in one run.
    #[allow(clippy::cast_possible_truncation)] // at most 65,535 levels
    pub(super) fn into_counts(self) -> Counts {
        let cap = self.positions.len() / self.stride;
        let longer = |c: usize, level: usize| self.positions[c * self.stride + level];
        let mut entries = Vec::new();
        let mut voxels = 0;
        let mut add = |level: usize, length: usize, n: u64| {
            if n > 0 {
                voxels += n * length as u64;
                entries.push(Entry {
                    i: level as u32,
                    j: length as f64,
                    n: n as f64,
                });
            }
        };
        let mut long = self.long.as_slice();
        for level in 1..self.stride {
            if longer(0, level) == 0 {
                continue;
            }
            let here = long.partition_point(|&(key, _)| split(key).0 <= level);
            let (mine, rest) = long.split_at(here);
            long = rest;
            for length in 1..cap {
                add(
                    level,
                    length,
                    longer(length - 1, level) - longer(length, level),
                );
            }
            let above: u64 = mine.iter().map(|&(_, n)| n).sum();
            add(level, cap, longer(cap - 1, level) - above);
            for &(key, n) in mine {
                add(level, split(key).1, n);
            }
        }
        Counts::new(entries, self.stride as u32 - 1, voxels as f64)
    }
}
