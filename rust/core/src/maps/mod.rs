//! Maps of features: at each voxel of a region those of its neighbourhood.
//!
//! The neighbourhood is the box of `2 r + 1` voxels a side around the voxel, cut off at the image's
//! end. Of it the voxels of the region count, with the grey levels of the whole region: a value is
//! what the feature is on the region that is left of the box.
//!
//! A neighbourhood is gathered into a small array of levels, whose pairs, lines and neighbours are
//! known beforehand; its matrices are lists of few elements, which go through the same features as
//! those of regions. Rows of voxels are worked on side by side, a bounded number at a time, so that
//! memory is that of the maps, of two bytes a voxel of the region's box (ten for intensities), and of
//! a few rows' values. A value depends on its neighbourhood alone, to the bit.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::parallel;

mod counts;
pub(crate) mod dependences;
pub(crate) mod family;
pub(crate) mod intensities;
pub(crate) mod kernel;
pub(crate) mod pairs;
pub(crate) mod runs;
mod shells;
#[cfg(test)]
mod tests;
pub(crate) mod tones;
pub(crate) mod zones;

pub(crate) use kernel::Kernel;

/// Largest radius of a neighbourhood; its box has 79,507 voxels.
pub const MAX_RADIUS: u32 = 21;

/// Refuses a radius in voxels beyond [`MAX_RADIUS`].
///
/// # Errors
/// [`Error::Setting`] under the name `path`.
pub(crate) fn check_radius(path: &str, radius: u32, least: u32) -> Result<()> {
    if (least..=MAX_RADIUS).contains(&radius) {
        return Ok(());
    }
    Err(Error::Setting {
        path: path.into(),
        given: radius.to_string(),
        allowed: format!("a whole number of voxels from {least} to {MAX_RADIUS}"),
    })
}

/// What the neighbourhoods see: arrays in C order with the kernel's radius around the region's box.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    /// Levels, 0 where a voxel does not count.
    pub(crate) levels: Vec<u16>,
    /// Intensities, if they are needed.
    pub(crate) values: Vec<f64>,
    /// The morphological mask, if it is needed.
    pub(crate) morphological: Vec<bool>,
    pub(crate) shape: [usize; 3],
}

impl Cells {
    /// An array of this shape, `value` at each place in C order, with `radius` around it.
    pub(crate) fn padded<T: Copy + Default>(
        shape: [usize; 3],
        radius: [usize; 3],
        value: impl Fn(usize) -> T,
    ) -> Vec<T> {
        let [_, ny, nx] = std::array::from_fn(|a| shape[a] + 2 * radius[a]);
        let voxels = (shape[0] + 2 * radius[0]) * ny * nx;
        let mut all = vec![T::default(); voxels];
        for row in 0..shape[0] * shape[1] {
            let (z, y) = (row / shape[1] + radius[0], row % shape[1] + radius[1]);
            let start = (z * ny + y) * nx + radius[2];
            for (x, place) in all[start..start + shape[2]].iter_mut().enumerate() {
                *place = value(row * shape[2] + x);
            }
        }
        all
    }
}

/// The neighbourhood of one voxel.
pub(crate) struct Near<'n> {
    /// Levels of the kernel's cells, 0 where they do not count.
    pub(crate) levels: &'n [u16],
    /// True if the neighbourhood before was that of the voxel before in the row.
    pub(crate) follows: bool,
    cells: &'n Cells,
    /// Place of the kernel's first cell.
    first: usize,
    places: &'n [usize],
}

impl Near<'_> {
    /// The intensities that count, in C order; none if they are not needed.
    pub(crate) fn intensities(&self) -> impl Iterator<Item = f64> + '_ {
        let needed = !self.cells.values.is_empty();
        let counting = self.places.iter().zip(self.levels);
        let counting = counting.filter(move |(_, &l)| needed && l > 0);
        counting.map(|(place, _)| self.cells.values[self.first + place])
    }

    /// The morphological mask of the kernel's cells.
    pub(crate) fn morphological(&self) -> impl Iterator<Item = bool> + '_ {
        let places = self.places.iter();
        places.map(|place| self.cells.morphological[self.first + place])
    }
}

/// The functions of features.
pub(crate) type Evals<M> = Vec<fn(&M) -> f64>;

/// What is computed at each voxel.
pub(crate) trait Local: Sync {
    /// How many values a voxel has.
    fn len(&self) -> usize;
    /// Something that computes them, voxel by voxel.
    fn worker(&self) -> Box<dyn Worker + '_>;
}

/// Computes values, with memory that it uses again and again.
pub(crate) trait Worker {
    /// Appends the values of a neighbourhood.
    fn add(&mut self, near: &Near<'_>, values: &mut Vec<f64>);
}

/// The voxels of a row `[z, y]` of the region's box that have values.
pub(crate) type Row = ([usize; 2], Vec<usize>);

/// The rows of a mask (C order) that have any voxels.
pub(crate) fn rows_of(mask: &[bool], [_, ny, nx]: [usize; 3]) -> Vec<Row> {
    let rows = mask.chunks_exact(nx).enumerate().map(|(k, row)| {
        let set = row.iter().enumerate().filter(|(_, &set)| set);
        ([k / ny, k % ny], set.map(|(x, _)| x).collect::<Vec<_>>())
    });
    rows.filter(|(_, xs)| !xs.is_empty()).collect()
}

/// Rows that are worked on before their values are put in place, for each thread.
const ROWS_A_THREAD: usize = 16;

/// Computes the values of all voxels of `rows`; `put` gets each row in order, with the values of its
/// first voxel, then those of the next. `done` counts the voxels whose values are known.
pub(crate) fn run(
    local: &dyn Local,
    kernel: Kernel,
    cells: &Cells,
    rows: &[Row],
    done: &AtomicUsize,
    mut put: impl FnMut(&Row, &[f64]),
) {
    let places = kernel.places(cells.shape);
    let at_once = ROWS_A_THREAD * parallel::threads();
    for rows in rows.chunks(at_once) {
        let row = |k: usize| {
            let values = of_row(local, kernel, cells, &places, &rows[k]);
            done.fetch_add(rows[k].1.len(), Ordering::Relaxed);
            values
        };
        let work = cells.shape[2].saturating_mul(1 << 14);
        let values = parallel::map(rows.len(), work, row);
        for (row, values) in rows.iter().zip(values) {
            put(row, &values);
        }
    }
}

fn of_row(
    local: &dyn Local,
    kernel: Kernel,
    cells: &Cells,
    places: &[usize],
    ([z, y], xs): &Row,
) -> Vec<f64> {
    let [_, ny, nx] = cells.shape;
    let width = kernel.shape()[2];
    let mut levels = vec![0u16; kernel.len()];
    let mut values = Vec::with_capacity(xs.len() * local.len());
    let mut worker = local.worker();
    let mut before = None;
    for &x in xs {
        parallel::step();
        // The padded array's voxel at a place is the first of the box around that place.
        let first = (z * ny + y) * nx + x;
        let lines = levels.chunks_exact_mut(width);
        for (line, places) in lines.zip(places.chunks_exact(width)) {
            line.copy_from_slice(&cells.levels[first + places[0]..][..width]);
        }
        let near = Near {
            levels: &levels,
            follows: before == Some(x.wrapping_sub(1)),
            cells,
            first,
            places,
        };
        worker.add(&near, &mut values);
        before = Some(x);
    }
    values
}
