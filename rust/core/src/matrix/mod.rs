//! Texture matrices: whole-number counts from grey levels. No feature is named here.
//!
//! A family gives a [`Source`]: the matrices of one slice (2D) and of the volume (3D), one for each
//! direction, or a single one where the family has no directions. [`aggregate`] turns a source into
//! feature values for any set of IBSI's aggregations.

pub mod aggregate;
pub mod direction;
pub mod distance_map;
pub mod glcm;
pub mod gldzm;
pub mod glrlm;
pub mod glszm;
mod neighbourhood;
pub mod ngldm;
pub mod ngtdm;
pub mod zones;

/// One element of a texture matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Row: the grey level.
    pub i: u32,
    /// Column: grey level, run length, zone size, distance or dependence.
    pub j: f64,
    /// Count; a whole number unless weighted by distance.
    pub n: f64,
}

/// A texture matrix as the list of its non-zero elements, in order of row, then column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    entries: Vec<Entry>,
    /// `N_g`, the number of grey levels.
    pub levels: u32,
    /// `N_v`, the voxels behind the matrix; summed when matrices are merged.
    pub voxels: f64,
}

impl Counts {
    /// Builds a matrix from elements in any order; elements at the same place are added.
    #[must_use]
    pub fn new(mut entries: Vec<Entry>, levels: u32, voxels: f64) -> Self {
        let place = |e: &Entry| (e.i, e.j);
        if !entries.is_sorted_by(|a, b| place(a) < place(b)) {
            entries.sort_by(|a, b| a.i.cmp(&b.i).then(a.j.total_cmp(&b.j)));
            entries.dedup_by(|later, first| {
                let same = place(later) == place(first);
                if same {
                    first.n += later.n;
                }
                same
            });
        }
        entries.retain(|e| e.n != 0.0);
        Self {
            entries,
            levels,
            voxels,
        }
    }

    /// The non-zero elements, in order of row, then column.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Multiplies counts and voxels by a weight, IBSI "Distance weighting" (6CK8).
    #[must_use]
    pub fn scaled(mut self, weight: f64) -> Self {
        for e in &mut self.entries {
            e.n *= weight;
        }
        self.voxels *= weight;
        self
    }
}

/// What the aggregations need of a matrix.
pub trait Table: Clone + Send + Sync {
    /// Adds another matrix, element by element.
    fn merge(&mut self, other: &Self);
    /// True if nothing was counted; such a matrix has no features and takes no part in a mean.
    fn is_empty(&self) -> bool;
}

impl Table for Counts {
    fn merge(&mut self, other: &Self) {
        let mine = std::mem::take(&mut self.entries);
        let mut merged = Vec::with_capacity(mine.len() + other.entries.len());
        let (mut a, mut b) = (
            mine.into_iter().peekable(),
            other.entries.iter().copied().peekable(),
        );
        loop {
            let order = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) => x.i.cmp(&y.i).then(x.j.total_cmp(&y.j)),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => break,
            };
            let first = if order.is_gt() { b.next() } else { a.next() };
            let Some(mut entry) = first else { break };
            if order.is_eq() {
                entry.n += b.next().map_or(0.0, |e| e.n);
            }
            merged.push(entry);
        }
        self.entries = merged;
        self.levels = self.levels.max(other.levels);
        self.voxels += other.voxels;
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A family's matrices for given levels and parameters.
pub trait Source: Sync {
    /// The kind of matrix.
    type Table: Table;
    /// Number of slices.
    fn slices(&self) -> usize;
    /// Elementary steps (voxels times directions) of the whole volume, to decide on threads.
    fn work(&self) -> usize;
    /// The matrices of slice `z`, one a direction, always in the same order.
    fn slice(&self, z: usize) -> Vec<Self::Table>;
    /// The matrices of the volume, one a direction, always in the same order.
    fn volume(&self) -> Vec<Self::Table>;
}
