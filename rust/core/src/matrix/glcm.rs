//! Grey level co-occurrence matrices (IBSI LFYI).
//!
//! Levels are (z, y, x) in C order, 0 outside the region; direction vectors are (dz, dy, dx) in
//! voxels. Element `(i, j)` counts the voxel pairs `(k, k + m)` with levels `i` and `j`; a
//! symmetric matrix counts each pair in both orders, as IBSI does.
//!
//! A matrix of few levels is counted into a dense table, row of voxels by row of voxels. One of
//! many levels, whose table would be large in itself or against the voxels, is not counted until it
//! is used, and then row by row of the matrix, from voxels sorted by level; it is never stored.
//! Memory: at most a mebibyte a matrix, or 8 bytes a voxel for all matrices together.

use std::ops::Range;
use std::sync::Arc;

use ndarray::Array2;

use crate::discretise::{Level, LevelData, Levels};
use crate::error::{Error, Result};
use crate::matrix::direction::{directions, relative_weights, Offset};
use crate::matrix::Source;
use crate::settings;
use by_level::Group;
use matrix::Region;
pub use matrix::{Elements, Matrix};
use rows::Rows;

/// Most levels for which [`direction`] gives a dense matrix.
pub const MAX_DENSE_LEVELS: u32 = 4096;
/// Most cells of a dense table that is kept: 1 MiB, 361 levels.
const DENSE_CELLS: usize = 1 << 17;

/// The co-occurrence matrices of a region for one distance.
#[derive(Debug)]
pub struct Cooccurrences<'a> {
    region: Arc<Region<'a>>,
    /// Direction vectors within the slice, with their weights.
    in_plane: Vec<(Offset, f64)>,
    /// Direction vectors in the volume, with their weights.
    solid: Vec<(Offset, f64)>,
}

impl<'a> Cooccurrences<'a> {
    /// Prepares to count pairs at `distance` voxels.
    #[must_use]
    pub fn new(levels: &'a Levels, distance: u32, settings: &settings::Glcm) -> Self {
        let weighted = |in_plane| {
            let vectors = directions(distance, settings.norm, in_plane);
            let (weighting, norm) = (settings.weighting, settings.weighting_norm);
            let weights = relative_weights(&vectors, weighting, norm);
            vectors.into_iter().zip(weights).collect::<Vec<_>>()
        };
        Self::along(levels, settings.symmetric, weighted(true), weighted(false))
    }

    /// Prepares to count pairs along given vectors with their weights, within the slice and in the
    /// volume.
    pub(crate) fn along(
        levels: &'a Levels,
        symmetric: bool,
        in_plane: Vec<(Offset, f64)>,
        solid: Vec<(Offset, f64)>,
    ) -> Self {
        let region = Region::new(levels, symmetric, &in_plane, &solid);
        Self {
            region: Arc::new(region),
            in_plane,
            solid,
        }
    }

    /// One matrix for each of `sets` of direction vectors, with first voxels in slices `zs`.
    fn matrices(&self, sets: Vec<Vec<Group>>, zs: Range<usize>) -> Vec<Matrix<'a>> {
        if !self.is_dense(zs.len()) {
            let order = self.region.order(&zs);
            let matrix = |groups| Matrix::deferred(&self.region, groups, zs.clone(), &order);
            return sets.into_iter().map(matrix).collect();
        }
        let groups: Vec<&[Offset]> = sets.iter().flatten().map(|(_, m)| &m[..]).collect();
        let mut tables = self.region.count(&groups, &zs).into_iter();
        sets.iter()
            .map(|groups| {
                let weights = groups.iter().map(|(weight, _)| *weight);
                Matrix::counted(&self.region, weights.zip(&mut tables).collect())
            })
            .collect()
    }

    /// True if matrices over that many slices are counted into dense tables at once; the same for
    /// every slice, so that their matrices can be merged.
    fn is_dense(&self, slices: usize) -> bool {
        self.region.fits_dense(slices, 1, DENSE_CELLS)
    }
}

/// Each direction vector alone.
fn apart(directions: &[(Offset, f64)]) -> Vec<Vec<Group>> {
    directions
        .iter()
        .map(|&(m, w)| vec![(w, vec![m])])
        .collect()
}

/// All direction vectors, those of one weight together, in order of falling weight.
fn together(directions: &[(Offset, f64)]) -> Vec<Vec<Group>> {
    let mut groups = Vec::new();
    for &(m, weight) in directions {
        matrix::group(&mut groups, weight, Vec::new).push(m);
    }
    vec![groups]
}

impl<'a> Source for Cooccurrences<'a> {
    type Table = Matrix<'a>;

    fn slices(&self) -> usize {
        self.region.levels.shape()[0]
    }

    fn work(&self) -> usize {
        self.region.levels.shape().iter().product::<usize>() * self.solid.len()
    }

    fn slice(&self, z: usize) -> Vec<Matrix<'a>> {
        self.matrices(apart(&self.in_plane), z..z + 1)
    }

    fn volume(&self) -> Vec<Matrix<'a>> {
        self.matrices(apart(&self.solid), 0..self.slices())
    }

    fn merged_slice(&self, z: usize) -> Option<Matrix<'a>> {
        self.matrices(together(&self.in_plane), z..z + 1).pop()
    }

    fn merged_volume(&self) -> Option<Matrix<'a>> {
        self.matrices(together(&self.solid), 0..self.slices()).pop()
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
    let (extents, shape) = (rows::extents(levels), levels.shape());
    let table = match levels.data() {
        LevelData::U8(data) => whole(
            &Rows {
                data,
                shape,
                extents: &extents,
            },
            n,
            offset,
        ),
        LevelData::U16(data) => whole(
            &Rows {
                data,
                shape,
                extents: &extents,
            },
            n,
            offset,
        ),
    };
    let at = |i: usize, j: usize| table[(i + 1) * (n as usize + 1) + j + 1];
    let n = n as usize;
    Ok(Array2::from_shape_fn((n, n), |(i, j)| {
        at(i, j) + if symmetric { at(j, i) } else { 0 }
    }))
}

fn whole<T: Level>(rows: &Rows<'_, T>, n: u32, offset: Offset) -> Vec<u64> {
    dense::count(rows, n, &[offset], 0..rows.shape[0])
}

mod by_level;
mod dense;
mod joint;
mod matrix;
mod rows;
#[cfg(test)]
mod tests;
