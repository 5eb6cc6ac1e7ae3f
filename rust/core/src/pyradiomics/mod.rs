//! Features by PyRadiomics' names and definitions, for those whose scripts and models rely on them.
//!
//! The matrices are those of [`crate::matrix`], and where a feature is the same quantity as one of
//! IBSI's its row names that function; what differs is defined here. A class is a table of rows in
//! PyRadiomics' order, which is that of its methods' names.
//!
//! Arrays are (z, y, x), spacing in mm in the same order. Grey levels are given, since users replace
//! PyRadiomics' rule for bin edges; levels that do not occur take no part in any feature but count
//! in `N_g`, which is the highest level.

use std::collections::BTreeSet;

use ndarray::{Array3, ArrayView3};
use serde::{Deserialize, Serialize};

use crate::discretise::Levels;
use crate::error::{Error, Result};
use crate::matrix::neighbourhood::MAX_RINGS;
use crate::volume::{check_spacing, cropped, Voxel, Window};

mod epsilon;
mod first_order;
mod glcm;
mod level_counts;
pub mod maps;
mod mcc;
pub mod patterns;
mod run_lengths;
mod shape;
mod shape_2d;
#[cfg(test)]
mod tests;
mod tone_difference;
pub mod transforms;

/// One feature: plain data, and the function that gives its value.
#[derive(Debug)]
struct Row<M: 'static> {
    /// PyRadiomics' name.
    name: &'static str,
    /// True if PyRadiomics reports it only where it is named.
    deprecated: bool,
    /// Its value.
    eval: fn(&M) -> f64,
}

impl<M> Row<M> {
    const fn new(name: &'static str, eval: fn(&M) -> f64) -> Self {
        let deprecated = false;
        Self {
            name,
            deprecated,
            eval,
        }
    }

    const fn deprecated(name: &'static str, eval: fn(&M) -> f64) -> Self {
        let deprecated = true;
        Self {
            name,
            deprecated,
            eval,
        }
    }
}

/// A feature class of PyRadiomics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Class {
    /// Intensities, and the histogram of grey levels.
    #[serde(rename = "firstorder")]
    FirstOrder,
    /// The mask's mesh in 3D.
    #[serde(rename = "shape")]
    Shape,
    /// The mask's outline in one slice.
    #[serde(rename = "shape2D")]
    Shape2d,
    /// Grey level co-occurrence.
    #[serde(rename = "glcm")]
    Glcm,
    /// Grey level run length.
    #[serde(rename = "glrlm")]
    Glrlm,
    /// Grey level size zone.
    #[serde(rename = "glszm")]
    Glszm,
    /// Grey level dependence.
    #[serde(rename = "gldm")]
    Gldm,
    /// Neighbouring grey tone difference.
    #[serde(rename = "ngtdm")]
    Ngtdm,
}

impl Class {
    /// All classes, shapes first.
    pub const ALL: [Self; 8] = [
        Self::Shape,
        Self::Shape2d,
        Self::FirstOrder,
        Self::Glcm,
        Self::Glrlm,
        Self::Glszm,
        Self::Gldm,
        Self::Ngtdm,
    ];

    /// PyRadiomics' name of the class.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstOrder => "firstorder",
            Self::Shape => "shape",
            Self::Shape2d => "shape2D",
            Self::Glcm => "glcm",
            Self::Glrlm => "glrlm",
            Self::Glszm => "glszm",
            Self::Gldm => "gldm",
            Self::Ngtdm => "ngtdm",
        }
    }

    /// The class of that name.
    ///
    /// # Errors
    /// [`Error::Argument`] for a name that is none.
    pub fn named(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|c| c.name() == name);
        found.ok_or_else(|| Error::Argument {
            name: "feature_class",
            given: format!("'{name}'"),
            allowed: "classes are firstorder, shape, shape2D, glcm, glrlm, glszm, gldm and ngtdm",
        })
    }

    /// Names of the class's features in PyRadiomics' order, and whether it calls them deprecated.
    #[must_use]
    pub fn features(self) -> Vec<(&'static str, bool)> {
        match self {
            Self::FirstOrder => names(first_order::FEATURES),
            Self::Shape => names(shape::FEATURES),
            Self::Shape2d => names(shape_2d::FEATURES),
            Self::Glcm => names(glcm::FEATURES),
            Self::Glrlm => names(run_lengths::FEATURES),
            Self::Glszm => names(level_counts::SIZE_ZONES),
            Self::Gldm => names(level_counts::DEPENDENCES),
            Self::Ngtdm => names(tone_difference::FEATURES),
        }
    }
}

fn names<M>(rows: &[Row<M>]) -> Vec<(&'static str, bool)> {
    rows.iter().map(|r| (r.name, r.deprecated)).collect()
}

/// Norm of a direction's length in mm, in the weight of its matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightingNorm {
    /// Sum of components.
    Manhattan,
    /// Root of the sum of squares.
    Euclidean,
    /// Largest component.
    Infinity,
    /// Every direction weighs the same.
    NoWeighting,
}

impl WeightingNorm {
    /// Length in mm of a direction `m`; `None` where every direction weighs the same.
    fn length(self, m: [isize; 3], spacing: [f64; 3]) -> Option<f64> {
        let [z, y, x] = std::array::from_fn(|a| m[a].unsigned_abs() as f64 * spacing[a]);
        match self {
            Self::Manhattan => Some(z + y + x),
            Self::Euclidean => Some((z * z + y * y + x * x).sqrt()),
            Self::Infinity => Some(z.max(y).max(x)),
            Self::NoWeighting => None,
        }
    }
}

/// What PyRadiomics' settings say of the features of a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Axis (0 z, 1 y, 2 x) along which no direction moves, or none.
    pub force_2d_dimension: Option<u8>,
    /// Distances in voxels (largest component) of GLCM, GLDM and NGTDM, all taken together.
    pub distances: Vec<u32>,
    /// GLCM: count each pair in both orders.
    pub symmetrical: bool,
    /// GLCM and GLRLM: add up the directions' matrices, weighted by this norm; absent means that
    /// features are averaged over directions.
    pub weighting_norm: Option<WeightingNorm>,
    /// GLDM: largest difference of dependent levels.
    pub gldm_a: u32,
    /// Added to intensities in Energy, TotalEnergy and RootMeanSquared.
    pub voxel_array_shift: f64,
    /// Names of the features to report; absent means all.
    pub only: Option<Vec<String>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            force_2d_dimension: None,
            distances: vec![1],
            symmetrical: true,
            weighting_norm: None,
            gldm_a: 0,
            voxel_array_shift: 0.0,
            only: None,
        }
    }
}

impl Options {
    fn check(&self, class: Class) -> Result<()> {
        let wrong = |path: &str, given: String, allowed: String| {
            let path = path.into();
            Err(Error::Setting {
                path,
                given,
                allowed,
            })
        };
        if let Some(axis) = self.force_2d_dimension.filter(|&axis| axis > 2) {
            let allowed = "axes are 0 (z), 1 (y) and 2 (x)".into();
            return wrong("force_2d_dimension", axis.to_string(), allowed);
        }
        let distances: BTreeSet<_> = self.distances.iter().collect();
        if distances.is_empty() || distances.iter().any(|d| !(1..=MAX_RINGS).contains(*d)) {
            let allowed = format!("one or more distances in voxels, from 1 to {MAX_RINGS}");
            return wrong("distances", format!("{:?}", self.distances), allowed);
        }
        if !self.voxel_array_shift.is_finite() {
            let allowed = "a finite number".into();
            return wrong(
                "voxel_array_shift",
                self.voxel_array_shift.to_string(),
                allowed,
            );
        }
        let known = class.features();
        let mut named = self.only.iter().flatten();
        if let Some(name) = named.find(|name| known.iter().all(|(k, _)| k != name)) {
            let list: Vec<_> = known.iter().map(|(name, _)| *name).collect();
            let allowed = format!("{} has {}", class.name(), list.join(", "));
            return wrong("only", format!("'{name}'"), allowed);
        }
        Ok(())
    }

    /// True if the feature is to be reported.
    fn wants(&self, name: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| only.iter().any(|n| n == name))
    }

    /// The rows to be reported, in their order.
    fn chosen<'r, M>(&self, rows: &'r [Row<M>]) -> Vec<&'r Row<M>> {
        rows.iter().filter(|r| self.wants(r.name)).collect()
    }

    /// The value of each row to be reported.
    fn evaluate<M>(&self, rows: &[Row<M>], input: &M) -> Vec<(&'static str, f64)> {
        let chosen = self.chosen(rows).into_iter();
        chosen.map(|r| (r.name, (r.eval)(input))).collect()
    }
}

/// A region's levels with its voxels' size, the axis along which nothing moves first.
struct Texture {
    levels: Levels,
    /// mm, in the order of the levels' axes.
    spacing: [f64; 3],
    /// True if nothing moves along the first axis.
    flat: bool,
}

/// All features of a class, by PyRadiomics' names and in its order, deprecated ones included.
///
/// `image` serves `firstorder` alone, `levels` (1 and up inside the mask, whatever outside) all but
/// the shapes. The work is cropped to the mask.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::EmptyMask`] and [`Error::Spacing`]; [`Error::NonFinite`] for
/// intensities; [`Error::Setting`] for options and [`Error::Argument`] for arrays that the class
/// cannot use.
pub fn features<T: Voxel>(
    class: Class,
    image: Option<ArrayView3<'_, T>>,
    mask: ArrayView3<'_, bool>,
    levels: Option<ArrayView3<'_, u16>>,
    spacing: [f64; 3],
    options: &Options,
) -> Result<Vec<(&'static str, f64)>> {
    options.check(class)?;
    check_spacing(spacing)?;
    let same = |shape: (usize, usize, usize)| {
        let (mask, image) = (mask.dim().into(), shape.into());
        if mask == image {
            Ok(())
        } else {
            Err(Error::ShapeMismatch { mask, image })
        }
    };
    image.as_ref().map_or(Ok(()), |a| same(a.dim()))?;
    levels.as_ref().map_or(Ok(()), |a| same(a.dim()))?;
    let window = Window::around(mask).ok_or(Error::EmptyMask)?;
    let voxels = cropped(window.view(mask));
    let texture = || {
        let levels = levels.ok_or_else(|| missing("levels", class))?;
        texture(window, &voxels, levels, spacing, options.force_2d_dimension)
    };
    match class {
        Class::FirstOrder => {
            let image = image.ok_or_else(|| missing("image", class))?;
            let values = first_order::values(window, &voxels, image)?;
            let input = first_order::Input::new(&values, &texture()?.levels, spacing, options);
            Ok(options.evaluate(first_order::FEATURES, &input))
        }
        Class::Shape => {
            let input = shape::Solid::new(voxels, window, spacing);
            Ok(options.evaluate(shape::FEATURES, &input))
        }
        Class::Shape2d => {
            let axis = options.force_2d_dimension.map(usize::from);
            let input = shape_2d::Outline::new(&voxels, window.shape, spacing, axis)?;
            Ok(options.evaluate(shape_2d::FEATURES, &input))
        }
        Class::Glcm => glcm::features(&texture()?, options),
        Class::Glrlm => Ok(run_lengths::features(&texture()?, options)),
        Class::Glszm => Ok(level_counts::size_zones(&texture()?, options)),
        Class::Gldm => Ok(level_counts::dependences(&texture()?, options)),
        Class::Ngtdm => Ok(tone_difference::features(&texture()?, options)),
    }
}

fn missing(name: &'static str, class: Class) -> Error {
    let given = format!("missing for {}", class.name());
    let allowed = "firstorder needs an image, every class but shape and shape2D needs levels";
    Error::Argument {
        name,
        given,
        allowed,
    }
}

/// The levels inside a window's mask, the axis `along` turned to be the first.
fn texture(
    window: Window,
    mask: &[bool],
    levels: ArrayView3<'_, u16>,
    spacing: [f64; 3],
    along: Option<u8>,
) -> Result<Texture> {
    let inside = cropped(window.view(levels));
    let unset = inside.iter().zip(mask).filter(|(&l, &m)| m && l == 0);
    let unset = unset.count();
    if unset > 0 {
        return Err(Error::Argument {
            name: "levels",
            given: format!("0 in {unset} voxels of the mask"),
            allowed: "levels inside the mask are numbered from 1: lower the first bin's edge",
        });
    }
    let kept = inside
        .iter()
        .zip(mask)
        .map(|(&l, &m)| if m { l } else { 0 });
    let kept = window.filled(kept.collect());
    let order = axes_from(along);
    let turned = turned(&kept, order);
    let shape = order.map(|a| window.shape[a]);
    Ok(Texture {
        levels: Levels::new(&turned, shape, None)?,
        spacing: order.map(|a| spacing[a]),
        flat: along.is_some(),
    })
}

/// The axes with `first` in front, the others in their order.
fn axes_from(first: Option<u8>) -> [usize; 3] {
    match first {
        Some(1) => [1, 0, 2],
        Some(2) => [2, 0, 1],
        _ => [0, 1, 2],
    }
}

/// The elements of an array in C order of its axes as given by `order`.
fn turned<T: Copy>(array: &Array3<T>, order: [usize; 3]) -> Vec<T> {
    array.view().permuted_axes(order).iter().copied().collect()
}
