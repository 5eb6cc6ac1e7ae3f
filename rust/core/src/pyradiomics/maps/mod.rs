//! Maps of features: at each voxel of a mask those of its neighbourhood.
//!
//! The neighbourhood is the box of `2 r + 1` voxels a side around the voxel, cut off at the array's
//! end, and flat along an axis along which nothing moves; of it the voxels inside the mask count, or
//! all. Grey levels are those of the whole region, binned once.
//!
//! A neighbourhood is gathered into a small array of levels, whose pairs, lines and neighbours are
//! known beforehand; its matrices are lists of at most some dozens of elements, which go through the
//! same features as those of regions. Rows of voxels are worked on side by side, a bounded number at
//! a time, so that memory is that of the maps, of two bytes a voxel, and of a few rows' values; a
//! value depends on its neighbourhood alone.

use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::{Array3, ArrayView3};
use serde::{Deserialize, Serialize};

use super::{missing, Class, Options};
use crate::error::{Error, Result};
use crate::parallel;
use crate::volume::{check_spacing, Voxel, Window};
use local::Local;

mod geometry;
mod local;
#[cfg(test)]
mod tests;

/// Largest radius of a neighbourhood; its box has 79,507 voxels.
pub const MAX_RADIUS: u32 = 21;

/// What PyRadiomics' settings say of maps, besides [`Options`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MapOptions {
    /// Radius of the neighbourhood in voxels.
    pub kernel_radius: u32,
    /// Of the neighbourhood only voxels of the mask count.
    pub masked_kernel: bool,
    /// Value outside the mask; `null` is NaN.
    pub init_value: Option<f64>,
    /// The others.
    #[serde(skip)]
    pub features: Options,
}

impl Default for MapOptions {
    fn default() -> Self {
        Self {
            kernel_radius: 1,
            masked_kernel: true,
            init_value: Some(0.0),
            features: Options::default(),
        }
    }
}

impl MapOptions {
    /// Reads both kinds of options from one JSON object; keys of neither kind are refused.
    ///
    /// # Errors
    /// [`Error::Setting`] for JSON that is not the options.
    pub fn from_json(text: &str) -> Result<Self> {
        let wrong = |e: serde_json::Error| Error::Setting {
            path: "options".into(),
            given: "this JSON".into(),
            allowed: e.to_string(),
        };
        let mut others: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).map_err(wrong)?;
        let mut mine = serde_json::Map::new();
        for key in ["kernel_radius", "masked_kernel", "init_value"] {
            if let Some(value) = others.remove(key) {
                mine.insert(key.into(), value);
            }
        }
        let mut read: Self = serde_json::from_value(mine.into()).map_err(wrong)?;
        read.features = serde_json::from_value(others.into()).map_err(wrong)?;
        Ok(read)
    }

    fn check(&self, class: Class) -> Result<()> {
        self.features.check(class)?;
        if !(1..=MAX_RADIUS).contains(&self.kernel_radius) {
            return Err(Error::Setting {
                path: "kernel_radius".into(),
                given: self.kernel_radius.to_string(),
                allowed: format!("a whole number of voxels from 1 to {MAX_RADIUS}"),
            });
        }
        Ok(())
    }

    /// Voxels on each side of the middle (z, y, x).
    fn radius(&self) -> [usize; 3] {
        let flat = |axis| self.features.force_2d_dimension.map(usize::from) == Some(axis);
        std::array::from_fn(|axis| {
            if flat(axis) {
                0
            } else {
                self.kernel_radius as usize
            }
        })
    }
}

/// The part of the arrays that neighbourhoods reach, with their radius around it, in C order.
pub(super) struct Cells {
    /// Levels, 0 where a voxel does not count.
    levels: Vec<u16>,
    /// Intensities, if the class needs them.
    values: Vec<f64>,
    shape: [usize; 3],
    /// The highest level of the region.
    highest: u32,
    /// True if the region has one level.
    flat: bool,
}

/// Rows that are worked on before their values are put in place, for each thread.
const ROWS_A_THREAD: usize = 16;

/// The maps of a class's features, by PyRadiomics' names and in its order.
///
/// Arrays are as for [`super::features`]; with `masked_kernel` off, `levels` has to have a level in
/// every voxel. `done` counts the voxels whose values are known.
///
/// # Errors
/// As [`super::features`]; [`Error::Argument`] for the shapes, which have no maps.
#[allow(clippy::too_many_arguments)] // an image and what belongs to it
pub fn maps<T: Voxel>(
    class: Class,
    image: Option<ArrayView3<'_, T>>,
    mask: ArrayView3<'_, bool>,
    levels: Option<ArrayView3<'_, u16>>,
    spacing: [f64; 3],
    options: &MapOptions,
    done: &AtomicUsize,
) -> Result<Vec<(&'static str, Array3<f64>)>> {
    options.check(class)?;
    check_spacing(spacing)?;
    let window = Window::around(mask).ok_or(Error::EmptyMask)?;
    let cells = cells(class, window, image, mask, levels, options)?;
    let plan = Local::plan(class, &cells, spacing, options)?;
    let names = plan.names();
    let init = options.init_value.unwrap_or(f64::NAN);
    let mut maps: Vec<_> = names
        .iter()
        .map(|_| Array3::from_elem(mask.dim(), init))
        .collect();
    let rows = rows_of(window, mask);
    let at_once = ROWS_A_THREAD * parallel::threads();
    let mut found = Found::default();
    for rows in rows.chunks(at_once) {
        let row = |k: usize| {
            let (place, voxels) = &rows[k];
            let values = plan.row(&cells, *place, voxels);
            done.fetch_add(voxels.len(), Ordering::Relaxed);
            values
        };
        let work = cells.shape[2].saturating_mul(1 << 14);
        let values = parallel::map(rows.len(), work, row);
        for (([z, y], voxels), row) in rows.iter().zip(values) {
            let ([z, y], x0) = ([z + window.start[0], y + window.start[1]], window.start[2]);
            for (x, values) in voxels.iter().zip(row.values.chunks(names.len().max(1))) {
                for (map, &value) in maps.iter_mut().zip(values) {
                    map[[z, y, x0 + x]] = value;
                }
            }
            found.add(row.found, [z, y], voxels.iter().map(|x| x0 + x));
        }
    }
    if let Some(k) = names.iter().position(|&name| name == "JointAverage") {
        found.undefine(&mut maps[k]);
    }
    Ok(names.into_iter().zip(maps).collect())
}

/// Which voxels of a row (z, y) of the window are set, for each row that has any.
type RowOfVoxels = ([usize; 2], Vec<usize>);

fn rows_of(window: Window, mask: ArrayView3<'_, bool>) -> Vec<RowOfVoxels> {
    let mut rows = Vec::new();
    for (z, plane) in window.view(mask).outer_iter().enumerate() {
        for (y, row) in plane.outer_iter().enumerate() {
            let set = row.iter().enumerate().filter(|(_, &set)| set);
            let voxels: Vec<_> = set.map(|(x, _)| x).collect();
            if !voxels.is_empty() {
                rows.push(([z, y], voxels));
            }
        }
    }
    rows
}

/// Levels and intensities around a window.
fn cells<T: Voxel>(
    class: Class,
    window: Window,
    image: Option<ArrayView3<'_, T>>,
    mask: ArrayView3<'_, bool>,
    levels: Option<ArrayView3<'_, u16>>,
    options: &MapOptions,
) -> Result<Cells> {
    let levels = levels.ok_or_else(|| missing("levels", class))?;
    let image = if class == Class::FirstOrder {
        Some(image.ok_or_else(|| missing("image", class))?)
    } else {
        None
    };
    let shape: [usize; 3] = mask.dim().into();
    for given in [Some(levels.dim()), image.as_ref().map(ArrayView3::dim)] {
        if let Some(given) = given.filter(|&given| given != mask.dim()) {
            let (mask, image) = (shape, given.into());
            return Err(Error::ShapeMismatch { mask, image });
        }
    }
    let counts = |p: [usize; 3]| !options.masked_kernel || mask[p];
    let (mut highest, mut lowest, mut unset) = (0, u16::MAX, 0usize);
    for (p, &level) in levels.indexed_iter() {
        if counts(p.into()) {
            highest = highest.max(level);
            lowest = lowest.min(level);
            unset += usize::from(level == 0);
        }
    }
    if unset > 0 {
        return Err(Error::Argument {
            name: "levels",
            given: format!("0 in {unset} voxels that count"),
            allowed: "levels are numbered from 1: lower the first bin's edge",
        });
    }
    let radius = options.radius();
    let padded: [usize; 3] = std::array::from_fn(|a| window.shape[a] + 2 * radius[a]);
    let voxels = padded.iter().product();
    let mut all = Cells {
        levels: vec![0; voxels],
        values: vec![0.0; if image.is_some() { voxels } else { 0 }],
        shape: padded,
        highest: highest.into(),
        flat: highest == lowest,
    };
    let reached = window.grown(radius, shape);
    let mut wrong = 0;
    let mut first = None;
    for z in 0..reached.shape[0] {
        for y in 0..reached.shape[1] {
            for x in 0..reached.shape[2] {
                let p: [usize; 3] = std::array::from_fn(|a| reached.start[a] + [z, y, x][a]);
                if !counts(p) {
                    continue;
                }
                // Place 0 is `radius` before the window.
                let at: [usize; 3] = std::array::from_fn(|a| p[a] + radius[a] - window.start[a]);
                let k = (at[0] * padded[1] + at[1]) * padded[2] + at[2];
                all.levels[k] = levels[p];
                if let Some(image) = &image {
                    let value = image[p].to_f64();
                    all.values[k] = value;
                    if !value.is_finite() {
                        wrong += 1;
                        first.get_or_insert((p, value));
                    }
                }
            }
        }
    }
    match first {
        None => Ok(all),
        Some((index, value)) => Err(Error::NonFinite {
            index,
            value,
            count: wrong,
        }),
    }
}

/// How many directions have pairs, voxel by voxel, and which have any at all.
///
/// PyRadiomics' JointAverage is undefined where a direction has no pairs that has some elsewhere,
/// unlike its other features, which are averaged over the directions with pairs.
#[derive(Default)]
struct Found {
    /// By direction.
    any: Vec<bool>,
    /// Voxels, and the number of directions with pairs.
    voxels: Vec<([usize; 3], u32)>,
}

impl Found {
    fn add(&mut self, row: local::FoundInRow, [z, y]: [usize; 2], xs: impl Iterator<Item = usize>) {
        self.any.resize(self.any.len().max(row.any.len()), false);
        for (any, more) in self.any.iter_mut().zip(row.any) {
            *any |= more;
        }
        let places = xs.map(|x| [z, y, x]);
        self.voxels.extend(places.zip(row.directions));
    }

    fn undefine(&self, map: &mut Array3<f64>) {
        let all = self.any.iter().filter(|&&any| any).count();
        for (place, _) in self.voxels.iter().filter(|(_, n)| (*n as usize) < all) {
            map[*place] = f64::NAN;
        }
    }
}
