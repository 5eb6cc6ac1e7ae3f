//! Runs a plan on a region: the only module that knows all stages.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use ndarray::ArrayView3;

use crate::arrays;
use crate::discretise::{discretise, Levels};
use crate::error::{Error, Result};
use crate::feature::cooccurrence::Cooccurrence;
use crate::feature::histogram::Histogram;
use crate::feature::level_counts::LevelCounts;
use crate::feature::morphological::Morphology;
use crate::feature::statistical::Intensities;
use crate::feature::tone_difference::ToneDifference;
use crate::feature::volume_histogram::{self, VolumeHistogram};
use crate::feature::{
    cooccurrence, dependence, distance_zone, histogram, local_intensity, morphological, run_length,
    size_zone, statistical, tone_difference, FeatureDef,
};
use crate::matrix::aggregate::aggregate;
use crate::matrix::glcm::Cooccurrences;
use crate::matrix::gldzm::DistanceZones;
use crate::matrix::glrlm::RunLengths;
use crate::matrix::glszm::SizeZones;
use crate::matrix::ngldm::Dependences;
use crate::matrix::ngtdm::ToneDifferences;
use crate::matrix::Source;
use crate::parallel;
use crate::peak;
use crate::plan::{Column, Plan, Task};
use crate::resegment::resegment;
use crate::roi::Roi;
use crate::settings::{Discretise, FamilySettings, Settings};
use crate::volume::{Volume, Voxel};

/// What a region gave.
#[derive(Debug, Clone)]
pub struct Extraction {
    /// One value a column of the plan; NaN where undefined.
    pub values: Vec<f64>,
    /// What the user should know about this region, a sentence each.
    pub warnings: Vec<String>,
    /// Voxels of the morphological mask.
    pub morphological_voxels: u64,
    /// Voxels of the intensity mask.
    pub intensity_voxels: u64,
}

/// Computes every column of `plan` for one region.
///
/// `image` and `mask` are (z, y, x) with any strides, slices along z; `spacing` in mm, same order.
/// `interrupted` is looked at between tasks.
///
/// # Errors
/// See [`Roi::new`], [`resegment`] and [`discretise`]; [`Error::Interrupted`] on request.
pub fn extract<T: Voxel>(
    plan: &Plan,
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
    interrupted: &AtomicBool,
) -> Result<Extraction> {
    let mut roi = Roi::new(image, mask, spacing)?;
    resegment(&mut roi, &plan.settings().resegment)?;
    let surroundings = if plan.needs_surroundings() {
        Some(arrays::surroundings(image, &roi)?)
    } else {
        None
    };
    let settings = &plan.settings().discretise;
    let levels = parallel::map(settings.len(), roi.intensities().len(), |k| {
        let needed = plan.tasks.iter().any(|t| t.discretisation == Some(k));
        needed.then(|| discretise(&roi, &settings[k])).transpose()
    });
    let levels = levels
        .into_iter()
        .collect::<Result<Vec<Option<Levels>>>>()?;
    let mut warnings = Vec::new();
    for (settings, levels) in settings.iter().zip(&levels) {
        warnings.extend(levels.as_ref().and_then(|l| unusual(&settings.label(), l)));
    }
    let count = |mask: &[bool]| mask.iter().filter(|&&m| m).count() as u64;
    let stages = Stages {
        roi: Arc::new(roi),
        surroundings,
        levels,
    };
    let work = stages.roi.intensities().len() * plan.tasks.len();
    let values = parallel::map(plan.tasks.len(), work, |k| {
        if interrupted.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        stages.run(&plan.tasks[k])
    });
    let values = values.into_iter().collect::<Result<Vec<_>>>()?.concat();
    Ok(Extraction {
        values,
        warnings,
        morphological_voxels: count(stages.roi.morphological()),
        intensity_voxels: count(stages.roi.intensity()),
    })
}

/// A warning where a region has so few or so many levels that texture says little.
fn unusual(label: &str, levels: &Levels) -> Option<String> {
    let present = levels.counts().iter().filter(|&&n| n > 0).count();
    let label = if label.is_empty() {
        "no discretisation"
    } else {
        label
    };
    match present {
        0..8 => Some(format!(
            "{label}: {present} grey levels are present in the region; texture needs at least 8 \
             to say much"
        )),
        8..=256 => None,
        _ => Some(format!(
            "{label}: {present} grey levels are present in the region; above 256 texture matrices \
             are sparse and noisy"
        )),
    }
}

/// What every task may draw on.
struct Stages {
    roi: Arc<Roi>,
    /// The image around the region, and where the region's box starts in it.
    surroundings: Option<(Volume<f64>, [usize; 3])>,
    levels: Vec<Option<Levels>>,
}

impl Stages {
    fn run(&self, task: &Task) -> Result<Vec<f64>> {
        Ok(match &task.family {
            FamilySettings::Morph(_) => {
                let m = Morphology::new(Arc::clone(&self.roi));
                task.evaluate(&m, morphological::FEATURES)
            }
            FamilySettings::Loc(_) => {
                let around = self.surroundings.as_ref();
                let (volume, offset) = around.expect("the plan asks for the surroundings");
                let m = peak::peaks(volume, &self.roi, *offset);
                task.evaluate(&m, local_intensity::FEATURES)
            }
            FamilySettings::Stat(_) => task.evaluate(
                &Intensities::new(self.roi.selected()),
                statistical::FEATURES,
            ),
            FamilySettings::Ivh(s) => {
                let m = VolumeHistogram::new(&self.roi, s)?;
                let columns = volume_histogram::columns(&s.percentages);
                task.selected
                    .iter()
                    .map(|&k| columns[k].value(&m))
                    .collect()
            }
            _ => {
                let levels = task.discretisation.and_then(|k| self.levels[k].as_ref());
                let levels = levels.expect("the plan discretises whatever a task needs");
                on_levels(task, levels, self.roi.morphological())
            }
        })
    }
}

/// Values of a family that works on grey levels.
fn on_levels(task: &Task, levels: &Levels, morphological: &[bool]) -> Vec<f64> {
    let Task {
        family, distance, ..
    } = task;
    match family {
        FamilySettings::Ih(_) => task.evaluate(&Histogram::new(levels), histogram::FEATURES),
        FamilySettings::Glcm(s) => {
            let source = Cooccurrences::new(levels, *distance, s);
            task.aggregate(&source, cooccurrence::FEATURES, Cooccurrence::new)
        }
        FamilySettings::Glrlm(s) => {
            let source = RunLengths::new(levels, s);
            task.aggregate(&source, run_length::FEATURES, LevelCounts::new)
        }
        FamilySettings::Glszm(s) => {
            let source = SizeZones::new(levels, s);
            task.aggregate(&source, size_zone::FEATURES, LevelCounts::new)
        }
        FamilySettings::Gldzm(s) => {
            let source = DistanceZones::new(levels, morphological, s);
            task.aggregate(&source, distance_zone::FEATURES, LevelCounts::new)
        }
        FamilySettings::Ngtdm(s) => {
            let source = ToneDifferences::new(levels, *distance, s);
            task.aggregate(&source, tone_difference::FEATURES, ToneDifference::new)
        }
        FamilySettings::Ngldm(s) => {
            let source = Dependences::new(levels, *distance, s);
            task.aggregate(&source, dependence::FEATURES, LevelCounts::new)
        }
        FamilySettings::Morph(_)
        | FamilySettings::Loc(_)
        | FamilySettings::Stat(_)
        | FamilySettings::Ivh(_) => unreachable!("these families take intensities"),
    }
}

/// Values of one family on grey levels that the caller made, with the columns they belong to.
///
/// `morphological` (C order, the levels' shape) is the mask whose edge distance zones are measured
/// from.
///
/// # Errors
/// [`Error::Setting`] for parameters outside their limits, [`Error::Argument`] for a family that
/// takes no grey levels.
pub fn texture(
    levels: &Levels,
    morphological: &[bool],
    family: FamilySettings,
) -> Result<Vec<(Column, f64)>> {
    if !family.family().discretised() {
        let given = format!("'{}'", family.family().key());
        let allowed = "only the histogram and texture families work on grey levels";
        return Err(Error::Argument {
            name: "family",
            given,
            allowed,
        });
    }
    let discretise = vec![Discretise::None {}];
    let plan = Plan::new(Settings {
        discretise,
        features: vec![family],
        ..Settings::default()
    })?;
    let values = plan
        .tasks
        .iter()
        .flat_map(|task| on_levels(task, levels, morphological));
    Ok(plan.columns().iter().cloned().zip(values).collect())
}

impl Task {
    /// The selected features of one input.
    fn evaluate<M>(&self, input: &M, features: &[FeatureDef<M>]) -> Vec<f64> {
        self.selected
            .iter()
            .map(|&k| (features[k].eval)(input))
            .collect()
    }

    /// The selected features in every aggregation asked for.
    fn aggregate<S: Source, M>(
        &self,
        source: &S,
        features: &[FeatureDef<M>],
        input: impl Fn(&S::Table) -> M + Sync,
    ) -> Vec<f64> {
        let values = aggregate(source, self.family.aggregations(), features, input);
        let selected = |v: Vec<f64>| self.selected.iter().map(|&k| v[k]).collect::<Vec<_>>();
        values.into_iter().flat_map(selected).collect()
    }
}
