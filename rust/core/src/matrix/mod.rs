//! Texture matrices: whole-number counts from grey levels. No feature is named here.
//!
//! A family gives a [`Source`]: the matrices of one slice (2D) and of the volume (3D), one for each
//! direction, or a single one where the family has no directions. [`aggregate`] turns a source into
//! feature values for any set of IBSI's aggregations.

use std::borrow::Cow;

pub mod aggregate;
pub mod direction;
pub mod distance_map;
pub mod glcm;
pub mod gldzm;
pub mod glrlm;
pub mod glszm;
pub(crate) mod neighbourhood;
pub mod ngldm;
pub mod ngtdm;
mod places;
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
        self.entries = merged(&self.entries, &other.entries);
        self.levels = self.levels.max(other.levels);
        self.voxels += other.voxels;
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Two ordered lists as one; elements at the same place are added.
fn merged(mut a: &[Entry], mut b: &[Entry]) -> Vec<Entry> {
    let mut all = Vec::with_capacity(a.len() + b.len());
    while let ([x, rest_a @ ..], [y, rest_b @ ..]) = (a, b) {
        // Which list is ahead is not to be predicted; selections are, as they are no branches.
        let (place_x, place_y) = ((x.i, x.j), (y.i, y.j));
        let (from_a, from_b) = (place_x <= place_y, place_y <= place_x);
        let first = if from_a { x } else { y };
        let other = if from_a & from_b { y.n } else { 0.0 };
        all.push(Entry {
            n: first.n + other,
            ..*first
        });
        a = if from_a { rest_a } else { a };
        b = if from_b { rest_b } else { b };
    }
    all.extend_from_slice(a);
    all.extend_from_slice(b);
    all
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
    /// The matrices of the directions of a slice (`flat`) or of the volume, made ready to be merged:
    /// weighted by distance where the settings say so (IBSI 6CK8). A matrix that is not merged with
    /// those of other directions is not weighted.
    fn weighed<'t>(&self, tables: &'t [Self::Table], _flat: bool) -> Cow<'t, [Self::Table]> {
        Cow::Borrowed(tables)
    }
    /// All matrices of slice `z` merged, where the family has a cheaper way to it; equal to the bit.
    fn merged_slice(&self, _z: usize) -> Option<Self::Table> {
        None
    }
    /// All matrices of the volume merged, where the family has a cheaper way to it; equal to the bit.
    fn merged_volume(&self) -> Option<Self::Table> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Counts, Entry, Table};

    proptest! {
        #[test]
        fn merging_adds_element_by_element(
            lists in proptest::collection::vec(
                proptest::collection::vec((1u32..6, 1u32..9, 1u32..9), 0..30),
                2,
            ),
        ) {
            let entry = |&(i, j, n): &(u32, u32, u32)| Entry { i, j: f64::from(j), n: n.into() };
            let counts =
                |k: usize| Counts::new(lists[k].iter().map(entry).collect(), 5, k as f64);
            let mut sum = counts(0);
            sum.merge(&counts(1));
            let mut expected = BTreeMap::new();
            for (i, j, n) in lists.concat() {
                *expected.entry((i, j)).or_insert(0) += n;
            }
            let found = sum.entries().iter().map(|e| (e.i, e.j, e.n));
            let expected = expected.into_iter().map(|((i, j), n)| (i, f64::from(j), n.into()));
            prop_assert!(found.eq(expected));
            prop_assert_eq!((sum.levels, sum.voxels), (5, 1.0));
        }
    }
}
