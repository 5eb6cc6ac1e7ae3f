//! Maps of IBSI's features: a family with its parameters and one aggregation, at each voxel.
//!
//! A 2D aggregation looks at the voxel's slice alone, where averaging over slices and merging them
//! are the same.

use super::dependences::Dependences;
use super::intensities::Intensities;
use super::kernel::Kernel;
use super::pairs::CoOccurrence;
use super::runs::Runs;
use super::tones::Tones;
use super::zones::Zones;
use super::{Evals, Local};
use crate::error::{Error, Result};
use crate::feature::histogram::{self, Histogram};
use crate::feature::statistical::{self, Intensities as Statistics};
use crate::feature::tone_difference::{self, ToneDifference};
use crate::feature::{
    cooccurrence, dependence, distance_zone, run_length, size_zone, Family, FeatureDef,
};
use crate::matrix::direction::{self, directions, neighbourhood, relative_weights, Offset};
use crate::matrix::neighbourhood::Neighbourhood;
use crate::settings::{Aggregation, FamilySettings, Norm, Weighting};

/// One family's features in one aggregation.
pub(crate) struct Asked<'a> {
    pub(crate) family: &'a FamilySettings,
    /// Distance in voxels, for families that take one.
    pub(crate) distance: u32,
    /// None for families that have none.
    pub(crate) aggregation: Option<Aggregation>,
    /// Positions of the features, in the order of their values.
    pub(crate) features: &'a [usize],
}

/// Refuses families that have no maps: those of the whole region's shape, peaks and volumes.
pub(crate) fn check(family: Family) -> Result<()> {
    match family {
        Family::Morph | Family::Loc | Family::Ivh | Family::Diag => Err(Error::Argument {
            name: "feature",
            given: format!("family {}", family.key()),
            allowed:
                "maps are of the families stat, ih, glcm, glrlm, glszm, gldzm, ngtdm and ngldm",
        }),
        _ => Ok(()),
    }
}

impl Asked<'_> {
    fn in_plane(&self) -> bool {
        self.aggregation.is_some_and(|a| !a.is_3d())
    }

    /// The neighbourhood of a radius in voxels (z, y, x), slices along z.
    pub(crate) fn kernel(&self, radius: [usize; 3]) -> Kernel {
        let [z, y, x] = radius;
        let z = if self.in_plane() { 0 } else { z };
        Kernel { radius: [z, y, x] }
    }

    /// True if intensities are needed.
    pub(crate) fn takes_intensities(&self) -> bool {
        matches!(self.family, FamilySettings::Stat(_))
    }

    /// True if the morphological mask is needed.
    pub(crate) fn takes_morphological(&self) -> bool {
        matches!(self.family, FamilySettings::Gldzm(_))
    }

    fn evals<M>(&self, rows: &[FeatureDef<M>]) -> Evals<M> {
        self.features.iter().map(|&k| rows[k].eval).collect()
    }

    fn near(&self, norm: Norm, weighting: Weighting, weighting_norm: Norm) -> Neighbourhood {
        Neighbourhood {
            distance: self.distance,
            norm,
            weighting,
            weighting_norm,
            left_out: 0,
        }
    }

    /// What to compute at each voxel of a region with levels up to `n_g`.
    ///
    /// # Errors
    /// As [`check`].
    pub(crate) fn local(&self, kernel: Kernel, n_g: u32) -> Result<Box<dyn Local>> {
        check(self.family.family())?;
        let in_plane = self.in_plane();
        let merged = matches!(
            self.aggregation,
            Some(Aggregation::SliceMerged2d | Aggregation::Merged25d | Aggregation::Merged3d)
        );
        let linked = |norm, distance| neighbourhood(distance, norm, in_plane);
        Ok(match self.family {
            FamilySettings::Stat(_) => {
                let evals = self.evals(statistical::FEATURES);
                Box::new(Intensities::new(
                    evals.len(),
                    Box::new(move |x, _, values| {
                        let m = Statistics::new(x);
                        values.extend(evals.iter().map(|eval| eval(&m)));
                    }),
                ))
            }
            FamilySettings::Ih(_) => {
                let evals = self.evals(histogram::FEATURES);
                Box::new(Intensities::new(
                    evals.len(),
                    Box::new(move |_, levels, values| {
                        let mut counts = vec![0; n_g as usize];
                        for &level in levels {
                            counts[usize::from(level) - 1] += 1;
                        }
                        let m = Histogram::of_counts(&counts);
                        values.extend(evals.iter().map(|eval| eval(&m)));
                    }),
                ))
            }
            FamilySettings::Glcm(s) => {
                let vectors = directions(self.distance, s.norm, in_plane);
                let weights = relative_weights(&vectors, s.weighting, s.weighting_norm);
                let evals = self.evals(cooccurrence::FEATURES);
                let n = evals.len();
                Box::new(CoOccurrence::new(
                    kernel,
                    weights.into_iter().zip(vectors).collect(),
                    (s.symmetric, merged),
                    n_g,
                    (
                        n,
                        Box::new(move |p, _, values| {
                            values.extend(evals.iter().map(|eval| eval(p)));
                        }),
                    ),
                )?)
            }
            FamilySettings::Glrlm(s) => {
                let weight = |m| direction::weight(m, s.weighting, s.weighting_norm);
                let vectors = directions(1, Norm::Chebyshev, in_plane).into_iter();
                let vectors: Vec<(f64, Offset)> = vectors.map(|m| (weight(m), m)).collect();
                Box::new(Runs::new(
                    kernel,
                    self.evals(run_length::FEATURES),
                    vectors,
                    merged,
                    false,
                ))
            }
            FamilySettings::Glszm(s) => {
                let linked = linked(s.linkage, s.linkage_distance);
                let evals = self.evals(size_zone::FEATURES);
                Box::new(Zones::new(kernel, evals, linked, None))
            }
            FamilySettings::Gldzm(s) => {
                let linked = linked(s.linkage, s.linkage_distance);
                let evals = self.evals(distance_zone::FEATURES);
                let distance = Some((s.distance_norm, in_plane));
                Box::new(Zones::new(kernel, evals, linked, distance))
            }
            FamilySettings::Ngtdm(s) => {
                let near = self.near(s.norm, s.weighting, s.weighting_norm);
                let evals = self.evals(tone_difference::FEATURES);
                Box::new(Tones::new(
                    kernel,
                    (near, in_plane),
                    false,
                    evals.len(),
                    Box::new(move |table, values| {
                        let m = ToneDifference::new(&table);
                        values.extend(evals.iter().map(|eval| eval(&m)));
                    }),
                ))
            }
            FamilySettings::Ngldm(s) => {
                let near = self.near(s.norm, s.weighting, s.weighting_norm);
                let evals = self.evals(dependence::FEATURES);
                Box::new(Dependences::new(kernel, evals, (near, in_plane), s.alpha))
            }
            FamilySettings::Morph(_)
            | FamilySettings::Loc(_)
            | FamilySettings::Ivh(_)
            | FamilySettings::Diag(_) => unreachable!("checked above"),
        })
    }
}
