//! Maps of PyRadiomics' features: at each voxel of a mask those of its neighbourhood
//! ([`crate::maps`]).
//!
//! The box is flat along an axis along which nothing moves; of it the voxels inside the mask count, or
//! all. Grey levels are those of the whole region, binned once.

use std::sync::atomic::AtomicUsize;

use ndarray::{Array3, ArrayView3};
use serde::{Deserialize, Serialize};

use super::{
    first_order, glcm, level_counts, mcc, mcc::Few, missing, run_lengths, tone_difference, Class,
    Options, Row,
};
use crate::error::{Error, Result};
use crate::feature::cooccurrence::Cooccurrence;
use crate::maps::dependences::Dependences;
use crate::maps::intensities::Intensities;
use crate::maps::pairs::CoOccurrence;
use crate::maps::runs::Runs;
use crate::maps::tones::Tones;
use crate::maps::zones::Zones;
use crate::maps::{self, Cells, Evals, Kernel, Local};
use crate::matrix::direction::{directions, neighbourhood, ring_directions, Offset};
use crate::matrix::neighbourhood::Neighbourhood;
use crate::settings::Norm;
use crate::volume::{check_spacing, cropped, Voxel, Window};

#[cfg(test)]
mod tests;

/// What PyRadiomics' settings say of maps, besides [`Options`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MapOptions {
    /// Radius of the neighbourhood in voxels.
    pub kernel_radius: u32,
    /// Of the neighbourhood only voxels of the mask count.
    pub masked_kernel: bool,
    /// Voxels that PyRadiomics works on at a time, which decide where its JointAverage is undefined;
    /// absent means all.
    pub voxel_batch: Option<usize>,
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
            voxel_batch: None,
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
        for key in [
            "kernel_radius",
            "masked_kernel",
            "voxel_batch",
            "init_value",
        ] {
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
        maps::check_radius("kernel_radius", self.kernel_radius, 1)
    }

    /// The neighbourhood in an image of this shape.
    fn kernel(&self, shape: [usize; 3]) -> Kernel {
        let flat = |axis| self.features.force_2d_dimension.map(usize::from) == Some(axis);
        let radius = self.kernel_radius as usize;
        let radius = std::array::from_fn(|axis| if flat(axis) { 0 } else { radius });
        Kernel { radius }.within(shape)
    }
}

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
    let region = region(class, window, image, mask, levels, options)?;
    if class == Class::Glcm {
        return of_pairs(mask, &region, spacing, options, done);
    }
    let (names, local) = local(class, region.kernel, spacing, &options.features)?;
    Ok(made(&names, &*local, mask, &region, options, done))
}

/// The voxels that have values, and what their neighbourhoods see.
struct Region {
    window: Window,
    kernel: Kernel,
    rows: Vec<maps::Row>,
    cells: Cells,
    /// The highest level.
    highest: u32,
    /// True if there is one level.
    flat: bool,
}

/// One array for each name, as large as the mask.
fn made(
    names: &[&'static str],
    local: &dyn Local,
    mask: ArrayView3<'_, bool>,
    region: &Region,
    options: &MapOptions,
    done: &AtomicUsize,
) -> Vec<(&'static str, Array3<f64>)> {
    let init = options.init_value.unwrap_or(f64::NAN);
    let blank = |&name: &&'static str| (name, Array3::from_elem(mask.dim(), init));
    let mut maps: Vec<_> = names.iter().map(blank).collect();
    let [z0, y0, x0] = region.window.start;
    let put = |([z, y], xs): &maps::Row, values: &[f64]| {
        for (x, values) in xs.iter().zip(values.chunks_exact(local.len().max(1))) {
            for ((_, map), &value) in maps.iter_mut().zip(values) {
                map[[z + z0, y + y0, x + x0]] = value;
            }
        }
    };
    maps::run(local, region.kernel, &region.cells, &region.rows, done, put);
    maps
}

/// Maps of class `glcm`.
fn of_pairs(
    mask: ArrayView3<'_, bool>,
    region: &Region,
    spacing: [f64; 3],
    options: &MapOptions,
    done: &AtomicUsize,
) -> Result<Vec<(&'static str, Array3<f64>)>> {
    let (kernel, features) = (region.kernel, &options.features);
    let rows = features.chosen(glcm::FEATURES);
    let mut names = names(&rows);
    let reach = kernel.radius.map(|r| 2 * r + 1);
    let vectors = ring_directions(&features.distances, reach, false).into_iter();
    let vectors = vectors.filter(along(features));
    let weighted = vectors.map(|m| (glcm::weight(m, spacing, features), m));
    let (symmetric, merged) = (features.symmetrical, features.weighting_norm.is_some());
    let wants_mcc = features.wants("MCC") && !region.flat;
    let evaluate = Box::new(
        move |p: &mut Cooccurrence, elements: &maps::pairs::Elements, values: &mut Vec<f64>| {
            let few = (wants_mcc || merged).then(|| Few::new(elements, symmetric));
            let few = few.as_ref();
            let mcc = few.filter(|_| wants_mcc).map_or(1.0, mcc::of_few);
            let p_alone = std::mem::replace(p, Cooccurrence::blank());
            let pairs = glcm::Pairs { p: p_alone, mcc };
            let before = values.len();
            values.extend(rows.iter().map(|row| (row.eval)(&pairs)));
            // Probabilities of so few pairs are far from epsilon unless their weights are.
            if let Some(few) = few.filter(|_| merged) {
                let names = rows.iter().map(|row| row.name);
                glcm::with_epsilon(&pairs.p, few, names.zip(&mut values[before..]));
            }
            *p = pairs.p;
        },
    );
    let evaluate = (names.len(), evaluate as maps::pairs::Evaluate<'_>);
    let modes = (symmetric, merged);
    let local = CoOccurrence::new(kernel, weighted.collect(), modes, region.highest, evaluate)?;
    let joint_average = names.iter().position(|&name| name == "JointAverage");
    let marked = joint_average.filter(|_| !merged);
    let local = if marked.is_some() {
        local.marking_sets()
    } else {
        local
    };
    let number = names.len();
    names.resize(number + local.marks(), "marks");
    let mut maps = made(&names, &local, mask, region, options, done);
    let marks = maps.split_off(number);
    if let Some(k) = marked {
        undefine(&mut maps[k].1, &marks, mask, options.voxel_batch);
    }
    let one_level = maps
        .iter_mut()
        .filter(|(name, _)| region.flat && *name == "MCC");
    for (_, map) in one_level {
        for (value, _) in map.iter_mut().zip(mask).filter(|(_, &inside)| inside) {
            *value = 1.0;
        }
    }
    Ok(maps)
}

/// Undefines JointAverage where a direction has no pairs that has some at another voxel of the batch,
/// unlike the other features, which are averaged over the directions with pairs.
///
/// Batches are so many voxels of the mask in C order, without a number all.
fn undefine(
    map: &mut Array3<f64>,
    marks: &[(&str, Array3<f64>)],
    mask: ArrayView3<'_, bool>,
    batch: Option<usize>,
) {
    let inside = mask.indexed_iter().filter(|(_, &inside)| inside);
    let voxels: Vec<_> = inside.map(|(p, _)| p).collect();
    for batch in voxels.chunks(batch.unwrap_or(voxels.len()).max(1)) {
        for (_, marks) in marks {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // bits, as a number
            let bits = |p: &(usize, usize, usize)| marks[*p] as u64;
            let all = batch.iter().fold(0, |all, p| all | bits(p));
            for p in batch.iter().filter(|p| bits(p) != all) {
                map[*p] = f64::NAN;
            }
        }
    }
}

fn names<M>(rows: &[&Row<M>]) -> Vec<&'static str> {
    rows.iter().map(|r| r.name).collect()
}

/// Whether nothing of a vector lies along the axis along which nothing moves.
fn along(options: &Options) -> impl Fn(&Offset) -> bool {
    let flat = options.force_2d_dimension;
    move |m| flat.is_none_or(|axis| m[usize::from(axis)] == 0)
}

/// What a class other than `glcm` computes at each voxel, with its features' names.
fn local<'o>(
    class: Class,
    kernel: Kernel,
    spacing: [f64; 3],
    options: &'o Options,
) -> Result<(Vec<&'static str>, Box<dyn Local + 'o>)> {
    fn split<M>(rows: Vec<&'static Row<M>>) -> (Vec<&'static str>, Evals<M>) {
        rows.into_iter().map(|r| (r.name, r.eval)).unzip()
    }
    Ok(match class {
        Class::Shape | Class::Shape2d | Class::Glcm => {
            return Err(Error::Argument {
                name: "feature_class",
                given: format!("'{}'", class.name()),
                allowed: "shapes have no maps",
            })
        }
        Class::FirstOrder => {
            let (names, evals) = split(options.chosen(first_order::FEATURES));
            let shift = options.voxel_array_shift;
            let evaluate = move |x: &[f64], levels: &[u16], values: &mut Vec<f64>| {
                let groups = levels.chunk_by(|a, b| a == b);
                let shares = groups.map(|g| g.len() as f64 / levels.len() as f64);
                let m = first_order::Input::of_shares(x, shares.collect(), spacing, shift);
                values.extend(evals.iter().map(|eval| eval(&m)));
            };
            (
                names.clone(),
                Box::new(Intensities::new(names.len(), Box::new(evaluate))),
            )
        }
        Class::Glrlm => {
            let (names, evals) = split(options.chosen(run_lengths::FEATURES));
            let vectors = directions(1, Norm::Chebyshev, false).into_iter();
            let norm = options.weighting_norm;
            let weight = |m| norm.map_or(1.0, |norm| run_lengths::weight(m, spacing, norm));
            let vectors = vectors
                .filter(along(options))
                .map(|m| (weight(m), m))
                .collect();
            (
                names,
                Box::new(Runs::new(kernel, evals, vectors, norm.is_some(), true)),
            )
        }
        Class::Glszm => {
            let (names, evals) = split(options.chosen(level_counts::SIZE_ZONES));
            let linked = neighbourhood(1, Norm::Chebyshev, false);
            (names, Box::new(Zones::new(kernel, evals, linked, None)))
        }
        Class::Gldm => {
            let (names, evals) = split(options.chosen(level_counts::DEPENDENCES));
            let near = (Neighbourhood::of_rings(&options.distances), false);
            (
                names,
                Box::new(Dependences::new(kernel, evals, near, options.gldm_a)),
            )
        }
        Class::Ngtdm => {
            let (names, evals) = split(options.chosen(tone_difference::FEATURES));
            let near = (Neighbourhood::of_rings(&options.distances), false);
            let evaluate = move |table, values: &mut Vec<f64>| {
                let m = tone_difference::Tones::new(table);
                values.extend(evals.iter().map(|eval| eval(&m)));
            };
            let n = names.len();
            (
                names,
                Box::new(Tones::new(kernel, near, true, n, Box::new(evaluate))),
            )
        }
    })
}

/// Levels and intensities in and around a window.
fn region<T: Voxel>(
    class: Class,
    window: Window,
    image: Option<ArrayView3<'_, T>>,
    mask: ArrayView3<'_, bool>,
    levels: Option<ArrayView3<'_, u16>>,
    options: &MapOptions,
) -> Result<Region> {
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
    let kernel = options.kernel(shape);
    let radius = kernel.radius;
    let padded: [usize; 3] = std::array::from_fn(|a| window.shape[a] + 2 * radius[a]);
    let voxels = padded.iter().product();
    let mut all = Cells {
        levels: vec![0; voxels],
        values: vec![0.0; if image.is_some() { voxels } else { 0 }],
        shape: padded,
        ..Cells::default()
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
    if let Some((index, value)) = first {
        let count = wrong;
        return Err(Error::NonFinite {
            index,
            value,
            count,
        });
    }
    Ok(Region {
        rows: maps::rows_of(&cropped(window.view(mask)), window.shape),
        window,
        kernel,
        cells: all,
        highest: highest.into(),
        flat: highest == lowest,
    })
}
