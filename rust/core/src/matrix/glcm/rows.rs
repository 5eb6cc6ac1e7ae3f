//! Levels as rows along x, and the pairs of rows that a direction vector links.

use std::ops::Range;

use crate::blocks::extent;
use crate::discretise::{Level, LevelData, Levels};
use crate::matrix::direction::Offset;

/// First column of a row that holds a voxel of the region, and the column after the last one.
pub(super) type Extent = [isize; 2];

/// The levels with what is known of each row.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, T> {
    pub(super) data: &'a [T],
    pub(super) shape: [usize; 3],
    pub(super) extents: &'a [Extent],
}

impl<'a, T: Level> Rows<'a, T> {
    /// Calls `f` with every row pair `m` apart, from the first column on where both rows lie within
    /// their extents, and the number of such columns; first rows are those of slices `zs`. The rows
    /// go on as far as memory does.
    pub(super) fn pairs(
        &self,
        m: Offset,
        zs: Range<usize>,
        mut f: impl FnMut(&'a [T], &'a [T], usize),
    ) {
        let [nz, ny, nx] = self.shape;
        for z in zs {
            let Some(other_z) = moved(z, m[0], nz) else {
                continue;
            };
            for y in 0..ny {
                let Some(other_y) = moved(y, m[1], ny) else {
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
                    f(&self.data[a..], &self.data[b..], length);
                }
            }
        }
    }

    /// Calls `f` with three rows, the second and the third the two vectors of `couple` away from the
    /// first, and a number of columns: those where the first lies in its extent and at least one of
    /// the others in its own. Where a row leaves the image, its levels are 0. First rows are those of
    /// slices `zs`; all go on as far as memory does.
    pub(super) fn triples(
        &self,
        couple: [Offset; 2],
        zs: Range<usize>,
        mut f: impl FnMut(&[T], &[T], &[T], usize),
    ) {
        let [nz, ny, nx] = self.shape;
        let mut outside = [vec![T::default(); nx], vec![T::default(); nx]];
        for row in zs.start * ny..zs.end.min(nz) * ny {
            let [first, end] = self.extents[row];
            let others = couple.map(|m| {
                let z = moved(row / ny, m[0], nz)?;
                let row = z * ny + moved(row % ny, m[1], ny)?;
                let [low, high] = self.extents[row].map(|c| c.saturating_sub(m[2]));
                (low.max(first) < high.min(end)).then_some((row, [low, high]))
            });
            let extents = || others.iter().flatten().map(|(_, extent)| extent);
            let low = extents().map(|e| e[0].max(first)).min().unwrap_or(end);
            let high = extents().map(|e| e[1].min(end)).max().unwrap_or(end);
            if low >= high {
                continue;
            }
            // Not negative: within the extent of the row.
            let columns = low.unsigned_abs()..high.unsigned_abs();
            let mut others = others.into_iter().zip(couple).zip(&mut outside);
            let [j, k] = std::array::from_fn(|_| {
                let ((other, m), outside) = others.next().expect("two of each");
                if let Some((row, _)) = other {
                    self.shifted(row, &columns, m[2], outside)
                } else {
                    outside.fill(T::default());
                    &outside[..columns.len()]
                }
            });
            f(&self.data[row * nx + columns.start..], j, k, columns.len());
        }
    }

    /// The levels of row `row` from `columns` moved by `dx` on; made in `buffer` where these leave
    /// the image.
    fn shifted<'b>(
        &'b self,
        row: usize,
        columns: &Range<usize>,
        dx: isize,
        buffer: &'b mut [T],
    ) -> &'b [T] {
        let nx = self.shape[2];
        let [start, end] = [columns.start, columns.end].map(|c| c.cast_signed() + dx);
        if start >= 0 && end <= nx.cast_signed() {
            return &self.data[row * nx + start.unsigned_abs()..];
        }
        let row = &self.data[row * nx..(row + 1) * nx];
        let buffer = &mut buffer[..columns.len()];
        buffer.fill(T::default());
        let inside = start.max(0)..end.min(row.len().cast_signed());
        if inside.start < inside.end {
            let to = (inside.start - start).unsigned_abs()..(inside.end - start).unsigned_abs();
            let from = inside.start.unsigned_abs()..inside.end.unsigned_abs();
            buffer[to].copy_from_slice(&row[from]);
        }
        buffer
    }

    /// True if any pair `m` apart lies within the region, with its first voxel in slices `zs`.
    pub(super) fn any_pair(&self, m: Offset, zs: Range<usize>) -> bool {
        let mut any = false;
        let set = |level: &T| *level != T::default();
        for z in zs {
            self.pairs(m, z..z + 1, |a, b, n| {
                any = any || a[..n].iter().zip(b).any(|(i, j)| set(i) && set(j));
            });
            if any {
                return true;
            }
        }
        false
    }
}

/// `c + d` if that is from 0 to `n - 1`.
pub(super) fn moved(c: usize, d: isize, n: usize) -> Option<usize> {
    c.checked_add_signed(d).filter(|&c| c < n)
}

/// The extent of every row.
pub(super) fn extents(levels: &Levels) -> Vec<Extent> {
    fn of<T: Level>(levels: &[T], nx: usize) -> Vec<Extent> {
        let rows = levels.chunks(nx).map(extent);
        rows.map(|r| [r.start, r.end].map(usize::cast_signed))
            .collect()
    }
    let nx = levels.shape()[2];
    match levels.data() {
        LevelData::U8(v) => of(v, nx),
        LevelData::U16(v) => of(v, nx),
    }
}
