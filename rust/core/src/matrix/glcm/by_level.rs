//! Co-occurrence matrices of many levels: row by row, from the neighbours of the voxels of each
//! level.
//!
//! Row `i` of a matrix holds the levels that voxels of level `i` have at the other end of the
//! direction vectors. With the voxels in order of their levels, one row after the other can be
//! counted, used and forgotten, for any number of directions together; no matrix is ever stored.
//! Memory: 8 bytes a voxel, once, and about 12 bytes a level; time: that of the pairs, with none
//! that goes with the square of the levels.

use std::ops::Range;

use super::rows::{moved, Rows};
use crate::discretise::Level;
use crate::matrix::direction::Offset;

/// Direction vectors of one weight.
pub(super) type Group = (f64, Vec<Offset>);

/// The voxels of the region in some slices, in order of level, then place.
#[derive(Debug)]
pub(super) struct Order {
    /// Level `i` has the places from `starts[i]` to `starts[i + 1]`.
    starts: Vec<usize>,
    /// Index of the voxel, times two, plus one if it is close to the edge of the image.
    places: Vec<usize>,
}

impl Order {
    /// Of slices `zs`; voxels closer to the edge than `reach` (z, y, x) are marked.
    pub(super) fn new<T: Level>(
        rows: &Rows<'_, T>,
        n: u32,
        zs: Range<usize>,
        reach: [usize; 3],
    ) -> Self {
        let [nz, ny, nx] = rows.shape;
        let close = |c: usize, axis: usize| {
            c < reach[axis] || reach[axis] >= rows.shape[axis] - c // no overflow: c < shape
        };
        let filled = || {
            (zs.start * ny..zs.end.min(nz) * ny).map(|row| {
                let [first, end] = rows.extents[row].map(isize::unsigned_abs);
                (row, first, &rows.data[row * nx + first..row * nx + end])
            })
        };
        let mut starts = vec![0usize; n as usize + 2];
        for &level in filled().flat_map(|(.., levels)| levels) {
            starts[Into::<usize>::into(level) + 1] += 1;
        }
        starts[1] = 0; // the outside
        for level in 1..starts.len() {
            starts[level] += starts[level - 1];
        }
        let mut next = starts.clone();
        let mut places = vec![0; starts[n as usize + 1]];
        for (row, first, levels) in filled() {
            let row_is_close = close(row / ny, 0) || close(row % ny, 1);
            for (x, &level) in (first..).zip(levels) {
                if level != T::default() {
                    let next = &mut next[Into::<usize>::into(level)];
                    let edge = usize::from(row_is_close || close(x, 2));
                    places[*next] = 2 * (row * nx + x) + edge;
                    *next += 1;
                }
            }
        }
        Self { starts, places }
    }

    /// Levels of part `part` of `parts`, which have about as many voxels each.
    fn levels(&self, part: usize, parts: usize) -> Range<usize> {
        let n = self.starts.len() - 2;
        let bound = |part: usize| match part {
            0 => 1,
            _ if part == parts => n + 1,
            _ => {
                let voxels = (self.places.len() as u128 * part as u128 / parts as u128) as usize;
                self.starts[1..=n].partition_point(|&start| start < voxels) + 1
            }
        };
        bound(part)..bound(part + 1)
    }

    /// Calls `f(i, j, n)` for the non-zero elements with `i` in part `part` of `parts`, row by row.
    ///
    /// If `symmetric`, pairs count in both orders and `j >= i`.
    pub(super) fn for_each<T: Level>(
        &self,
        rows: &Rows<'_, T>,
        groups: &[Group],
        symmetric: bool,
        [part, parts]: [usize; 2],
        f: impl FnMut(usize, usize, f64),
    ) {
        let groups: Vec<Neighbours> = groups
            .iter()
            .map(|group| Neighbours::new(group, rows.shape, symmetric))
            .collect();
        let levels = self.levels(part, parts);
        match &groups[..] {
            [one] => self.rows_of_one(rows, levels, one, symmetric, f),
            all => self.rows_of_all(rows, levels, all, symmetric, f),
        }
    }

    fn voxels(&self, level: usize) -> &[usize] {
        &self.places[self.starts[level]..self.starts[level + 1]]
    }

    fn rows_of_one<T: Level>(
        &self,
        rows: &Rows<'_, T>,
        levels: Range<usize>,
        group: &Neighbours,
        symmetric: bool,
        mut f: impl FnMut(usize, usize, f64),
    ) {
        let mut row = Row::new(self.starts.len() - 1);
        for i in levels {
            let lowest = if symmetric { i } else { 1 };
            for &place in self.voxels(i) {
                group.for_each(rows, place, |j| {
                    row.add(j, lowest);
                });
            }
            row.drain(|j, n| f(i, j, n as f64)); // a common weight is 1
        }
    }

    /// With several weights: whole numbers for each, added up in their order.
    fn rows_of_all<T: Level>(
        &self,
        rows: &Rows<'_, T>,
        levels: Range<usize>,
        groups: &[Neighbours],
        symmetric: bool,
        mut f: impl FnMut(usize, usize, f64),
    ) {
        let side = self.starts.len() - 1;
        let mut all = Row::new(side);
        let mut of_group = vec![0u64; side * groups.len()];
        for i in levels {
            let lowest = if symmetric { i } else { 1 };
            for &place in self.voxels(i) {
                for (g, group) in groups.iter().enumerate() {
                    group.for_each(rows, place, |j| {
                        of_group[all.add(j, lowest) * groups.len() + g] += 1;
                    });
                }
            }
            all.drain(|j, _| {
                let counts = &mut of_group[j * groups.len()..][..groups.len()];
                let n = groups
                    .iter()
                    .zip(&*counts)
                    .map(|(g, &n)| g.weight * n as f64);
                f(i, j, n.sum());
                counts.fill(0);
            });
        }
    }
}

/// The direction vectors of one weight, ready to be followed.
struct Neighbours {
    weight: f64,
    shape: [usize; 3],
    offsets: Vec<Offset>,
    /// The same as steps in the array, for voxels that are not close to the edge.
    steps: Vec<isize>,
}

impl Neighbours {
    /// Vectors are followed both ways if `symmetric`; those longer than the image lead nowhere.
    fn new((weight, offsets): &Group, shape: [usize; 3], symmetric: bool) -> Self {
        let [_, ny, nx] = shape.map(usize::cast_signed);
        let fits = |m: &&Offset| (0..3).all(|a| m[a].unsigned_abs() < shape[a]);
        let mut offsets: Vec<Offset> = offsets.iter().filter(fits).copied().collect();
        if symmetric {
            offsets.extend_from_within(..);
            let half = offsets.len() / 2;
            offsets[half..].iter_mut().for_each(|m| *m = m.map(|c| -c));
        }
        let steps = offsets.iter().map(|m| (m[0] * ny + m[1]) * nx + m[2]);
        Self {
            weight: *weight,
            shape,
            steps: steps.collect(),
            offsets,
        }
    }

    /// Calls `f` with the level of each neighbour of a voxel, 0 if it is outside the region.
    #[inline]
    fn for_each<T: Level>(&self, rows: &Rows<'_, T>, place: usize, mut f: impl FnMut(usize)) {
        let k = place / 2;
        if place.is_multiple_of(2) {
            for &step in &self.steps {
                f(rows.data[k.wrapping_add_signed(step)].into());
            }
        } else {
            let [nz, ny, nx] = self.shape;
            let [z, y, x] = [k / (ny * nx), k / nx % ny, k % nx];
            for m in &self.offsets {
                let [z, y, x] = [moved(z, m[0], nz), moved(y, m[1], ny), moved(x, m[2], nx)];
                if let (Some(z), Some(y), Some(x)) = (z, y, x) {
                    f(rows.data[(z * ny + y) * nx + x].into());
                }
            }
        }
    }
}

/// One row of a matrix while it is counted.
struct Row {
    /// Counts by column; column 0 takes what is not wanted, and is never 0.
    counts: Vec<u64>,
    /// The columns that are not 0, in order of their first count: the first `held`.
    columns: Vec<u32>,
    held: usize,
}

impl Row {
    fn new(side: usize) -> Self {
        let mut counts = vec![0; side];
        counts[0] = 1;
        Self {
            counts,
            columns: vec![0; side],
            held: 0,
        }
    }

    /// Counts column `j`, or column 0 if `j` is less than `lowest`, and returns which; without a
    /// branch, as neither this nor whether `j` is new is to be predicted.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // at most 65,535 levels
    fn add(&mut self, j: usize, lowest: usize) -> usize {
        let j = if j < lowest { 0 } else { j };
        self.columns[self.held] = j as u32;
        self.held += usize::from(self.counts[j] == 0);
        self.counts[j] += 1;
        j
    }

    /// Calls `f(j, n)` for the columns counted, and clears the row.
    fn drain(&mut self, mut f: impl FnMut(usize, u64)) {
        for &j in &self.columns[..std::mem::take(&mut self.held)] {
            f(j as usize, std::mem::take(&mut self.counts[j as usize]));
        }
    }
}
