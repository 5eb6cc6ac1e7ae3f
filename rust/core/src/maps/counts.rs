//! Matrices of levels against whole numbers, of few elements, made again and again.

use crate::feature::level_counts::LevelCounts;
use crate::feature::sparse::Sparse;

/// The elements of a matrix, and the matrix that is made of them.
pub(super) struct Tally {
    /// What counts once, at whole places: the level above 32 bits of the column.
    whole: Vec<u64>,
    /// What has a weight, as `(i, j, n)`.
    weighted: Vec<(u32, f64, f64)>,
    columns: Sparse,
    counts: LevelCounts,
}

impl Tally {
    /// For whole columns up to `highest`.
    pub(super) fn new(highest: usize) -> Self {
        Self {
            whole: Vec::new(),
            weighted: Vec::new(),
            columns: Sparse::new(highest + 1),
            counts: LevelCounts::blank(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.whole.clear();
        self.weighted.clear();
    }

    /// How many elements there are.
    pub(super) fn len(&self) -> usize {
        self.whole.len() + self.weighted.len()
    }

    /// Takes the last ones out again, all but `len`; they are of one kind.
    pub(super) fn truncate(&mut self, len: usize) {
        self.whole.truncate(len);
        self.weighted.truncate(len);
    }

    /// Adds 1 at a level and a column.
    #[inline]
    pub(super) fn one(&mut self, level: u16, column: u32) {
        self.whole.push(u64::from(level) << 32 | u64::from(column));
    }

    /// Adds a weight at a level and a positive column; then nothing else is added by [`Self::one`].
    pub(super) fn weighted(&mut self, level: u16, column: f64, weight: f64) {
        self.weighted.push((level.into(), column, weight));
    }

    /// The matrix of all that was added since it was cleared, with `voxels` behind it.
    pub(super) fn counts(&mut self, voxels: f64) -> &LevelCounts {
        if self.weighted.is_empty() {
            self.counts
                .recount(&mut self.whole, &mut self.columns, voxels);
        } else {
            self.counts.refill(&mut self.weighted, voxels);
        }
        &self.counts
    }
}
