//! Grey level run length matrices (IBSI TP0I).
//!
//! Element (i, j): the number of runs of level `i` that are `j` voxels long along a direction. A run
//! is a longest sequence of neighbouring voxels of one level inside the region; each voxel is in one
//! run of each direction. Lengths are in voxels, whatever the spacing.

mod grid;
mod sweep;
mod tally;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::discretise::{Level, LevelData, Levels};
use crate::error::{Error, Result};
use crate::matrix::direction::{self, directions, Offset};
use crate::matrix::{Counts, Source};
use crate::parallel;
use crate::settings::{self, Norm, Weighting};
use grid::{Grid, Step};
use sweep::Sweep;
use tally::{base, Runs, Tally};

/// Steps from row to row, in the order of [`directions`]; `[0, 0]` has the direction (0, 0, 1), the
/// others one for each of dx = -1, 0, 1.
const STEPS: [Step; 5] = [[0, 0], [0, 1], [1, -1], [1, 0], [1, 1]];
/// The steps that stay in the slice.
const IN_PLANE: usize = 2;

/// The run length matrices of a region: 4 directions a slice, 13 in the volume.
///
/// Memory: two rows of bytes a direction, about 4 MiB of tables a thread, 8 bytes a level and 40
/// bytes a distinct pair of level and length for each direction.
pub struct RunLengths<'a> {
    levels: &'a Levels,
    weighting: Weighting,
    weighting_norm: Norm,
}

impl<'a> RunLengths<'a> {
    /// Prepares the matrices of `levels`; nothing is counted yet.
    #[must_use]
    pub fn new(levels: &'a Levels, settings: &settings::Glrlm) -> Self {
        let settings::Glrlm {
            weighting,
            weighting_norm,
            ..
        } = *settings;
        Self {
            levels,
            weighting,
            weighting_norm,
        }
    }
}

impl Source for RunLengths<'_> {
    type Table = Counts;

    fn slices(&self) -> usize {
        self.levels.shape()[0]
    }

    fn work(&self) -> usize {
        13 * self.levels.shape().iter().product::<usize>()
    }

    fn slice(&self, z: usize) -> Vec<Counts> {
        let [_, ny, nx] = self.levels.shape();
        let (shape, part) = ([1, ny, nx], z * ny * nx..(z + 1) * ny * nx);
        let n = self.levels.n() as usize;
        match self.levels.data() {
            LevelData::U8(v) => matrices(&Grid::new(&v[part], shape), n, &STEPS[..IN_PLANE]),
            LevelData::U16(v) => matrices(&Grid::new(&v[part], shape), n, &STEPS[..IN_PLANE]),
        }
    }

    fn volume(&self) -> Vec<Counts> {
        all_of(self.levels, &STEPS)
    }

    fn weighed<'t>(&self, tables: &'t [Counts], flat: bool) -> Cow<'t, [Counts]> {
        // Slices that were merged over directions before have no direction left.
        let all = directions(1, Norm::Chebyshev, flat);
        if self.weighting == Weighting::None || tables.len() != all.len() {
            return Cow::Borrowed(tables);
        }
        let weight = |m| direction::weight(m, self.weighting, self.weighting_norm);
        let scaled = tables
            .iter()
            .zip(all)
            .map(|(c, m)| c.clone().scaled(weight(m)));
        Cow::Owned(scaled.collect())
    }
}

/// Run lengths of `levels` along one direction `(dz, dy, dx)`, components -1, 0 or 1; the opposite
/// direction gives the same matrix.
///
/// # Errors
/// [`Error::Argument`] for the offset 0 and for components outside -1 to 1.
pub fn direction(levels: &Levels, offset: Offset) -> Result<Counts> {
    if offset == [0, 0, 0] || offset.iter().any(|c| c.abs() > 1) {
        let allowed = "a direction has components of -1, 0 or 1, and is not 0";
        return Err(Error::Argument {
            name: "offset",
            given: format!("{offset:?}"),
            allowed,
        });
    }
    let [dz, dy, dx] = if offset > [0, 0, 0] {
        offset
    } else {
        offset.map(|c| -c)
    };
    let mut found = all_of(levels, &[[dz, dy]]);
    Ok(if found.len() == 1 {
        found.remove(0)
    } else {
        found.remove((dx + 1).unsigned_abs())
    })
}

/// The matrices of the whole volume for the directions of `steps`.
fn all_of(levels: &Levels, steps: &[Step]) -> Vec<Counts> {
    let n = levels.n() as usize;
    match levels.data() {
        LevelData::U8(v) => matrices(&Grid::new(v, levels.shape()), n, steps),
        LevelData::U16(v) => matrices(&Grid::new(v, levels.shape()), n, steps),
    }
}

/// One matrix for each direction of `steps`, in their order.
fn matrices<L: Level>(grid: &Grid<L>, n: usize, steps: &[Step]) -> Vec<Counts> {
    let parts = match parallel::threads() {
        1 => 1,
        threads => 2 * threads,
    };
    count(grid, n, steps, base(n, grid.data().len() / parts), parts)
}

/// The same with a given number of positions told apart, and each step's sheets counted in `parts`;
/// neither changes a count, since a run never leaves its sheet.
fn count<L: Level>(
    grid: &Grid<L>,
    n: usize,
    steps: &[Step],
    base: usize,
    parts: usize,
) -> Vec<Counts> {
    let sheets: Vec<_> = steps.iter().map(|&step| grid.sheets(step)).collect();
    let longest = grid.shape().into_iter().max().unwrap_or(0);
    let one = |task: usize| {
        let (step, part) = (task / parts, task % parts);
        let all = &sheets[step];
        let mine = &all[all.len() * part / parts..all.len() * (part + 1) / parts];
        let directions = if steps[step] == [0, 0] { 1 } else { 3 };
        let mut tally = Tally::new(directions, n, base, longest);
        let mut sweep = Sweep::new(grid, steps[step], base);
        for &start in mine {
            sweep.sheet(start, &mut tally);
        }
        tally.finish()
    };
    let work = grid.data().len() * steps.len();
    let mut tasks = parallel::map(parts * steps.len(), work, one).into_iter();
    let mut runs: Vec<Runs> = Vec::new();
    for _ in steps {
        let first = runs.len();
        runs.extend(tasks.next().into_iter().flatten());
        for part in tasks.by_ref().take(parts - 1) {
            for (all, more) in runs[first..].iter_mut().zip(part) {
                all.merge(more);
            }
        }
    }
    if base == 1 {
        let mut histogram = vec![0; n + 1];
        for &level in grid.data() {
            histogram[Into::<usize>::into(level)] += 1;
        }
        for direction in &mut runs {
            direction.start_from(&histogram);
        }
    }
    runs.into_iter().map(Runs::into_counts).collect()
}
