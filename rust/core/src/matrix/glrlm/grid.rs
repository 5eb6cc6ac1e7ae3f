//! Levels as rows along x, and the sheets of rows that a step from row to row links.

use crate::blocks::extent;
use crate::discretise::Level;

/// A step (dz, dy) from a row to the next one; `[0, 0]` stays in the row.
pub(super) type Step = [isize; 2];

/// Levels (z, y, x) in C order with the part of each row that holds the region.
pub(super) struct Grid<'a, L> {
    data: &'a [L],
    shape: [usize; 3],
    /// First voxel of the region in a row, and one past the last; equal where there is none.
    extents: Vec<[usize; 2]>,
}

impl<'a, L: Level> Grid<'a, L> {
    pub(super) fn new(data: &'a [L], shape: [usize; 3]) -> Self {
        let extents = data.chunks_exact(shape[2]).map(extent);
        Self {
            data,
            shape,
            extents: extents.map(|range| [range.start, range.end]).collect(),
        }
    }

    pub(super) fn data(&self) -> &'a [L] {
        self.data
    }

    pub(super) fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The part of row `row = z * ny + y` from `span[0]` to `span[1]` (excluded).
    pub(super) fn row(&self, row: usize, span: [usize; 2]) -> &'a [L] {
        let start = row * self.shape[2];
        &self.data[start + span[0]..start + span[1]]
    }

    /// Where the region lies in row `row`.
    pub(super) fn extent(&self, row: usize) -> [usize; 2] {
        self.extents[row]
    }

    /// First rows (z, y) of the sheets of `step`: those without a row before them. Each row
    /// belongs to exactly one sheet.
    pub(super) fn sheets(&self, step: Step) -> Vec<[usize; 2]> {
        let [nz, ny, _] = self.shape;
        match step {
            [0, 0] => (0..nz * ny).map(|row| [row / ny, row % ny]).collect(),
            [0, _] => (0..nz).map(|z| [z, 0]).collect(),
            [_, dy] => {
                let edge = if dy < 0 { ny - 1 } else { 0 };
                let later = if dy == 0 { 1 } else { nz };
                (0..ny)
                    .map(|y| [0, y])
                    .chain((1..later).map(|z| [z, edge]))
                    .collect()
            }
        }
    }

    /// The rows of the sheet that starts at (z, y), in order.
    pub(super) fn rows(&self, [z, y]: [usize; 2], step: Step) -> impl Iterator<Item = usize> {
        let [nz, ny, _] = self.shape;
        let along_y = match step[1] {
            0 => usize::MAX,
            1 => ny - y,
            _ => y + 1,
        };
        let n = match step {
            [0, 0] => 1,
            [0, _] => along_y,
            _ => along_y.min(nz - z),
        };
        let stride = step[0] * ny.cast_signed() + step[1];
        (0..n.cast_signed()).map(move |k| (z * ny + y).wrapping_add_signed(k * stride))
    }
}
