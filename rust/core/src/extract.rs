//! Runs a plan on a region: the only module that knows all stages.

mod images;
mod maps;

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::ArrayView3;

pub use self::images::{response_map, ResponseMap};
pub use self::maps::{Mappable, Mapped};
use crate::discretise::{discretise, level_counts, Levels};
use crate::error::{Error, Result};
use crate::feature::cooccurrence::Cooccurrence;
use crate::feature::diagnostic::{self, Diagnostics, RegionSummary};
use crate::feature::histogram::Histogram;
use crate::feature::level_counts::LevelCounts;
use crate::feature::morphological::Morphology;
use crate::feature::statistical::Intensities;
use crate::feature::tone_difference::ToneDifference;
use crate::feature::volume_histogram::{self, VolumeHistogram};
use crate::feature::{
    cooccurrence, dependence, distance_zone, histogram, local_intensity, morphological, run_length,
    size_zone, statistical, tone_difference, Family, FeatureDef,
};
use crate::interpolate::Grid;
use crate::matrix::aggregate::aggregate;
use crate::matrix::glcm::Cooccurrences;
use crate::matrix::gldzm::DistanceZones;
use crate::matrix::glrlm::RunLengths;
use crate::matrix::glszm::SizeZones;
use crate::matrix::ngldm::Dependences;
use crate::matrix::ngtdm::ToneDifferences;
use crate::matrix::Source;
use crate::normalise::Normalisation;
use crate::numeric::finite;
use crate::parallel;
use crate::peak;
use crate::plan::{Column, ImageTasks, Plan, Task};
use crate::process::{process, Prepared, Processed, Surroundings, Wanted};
use crate::resegment::resegment;
use crate::roi::Roi;
use crate::selection::{finite_span, Selection, Values};
use crate::settings::{Discretise, FamilySettings, Ivh, Resample, Resegment, Settings};
use crate::volume::Voxel;

/// What a region gave.
#[derive(Debug, Clone)]
pub struct Extraction {
    /// One value a column of the plan; NaN where undefined, or beyond every double.
    pub values: Vec<f64>,
    /// What the user should know about this region, a sentence each.
    pub warnings: Vec<String>,
    /// Voxels of the morphological mask.
    pub morphological_voxels: u64,
    /// Voxels of the intensity mask.
    pub intensity_voxels: u64,
    /// Shape (z, y, x) of the whole grid on which the features were computed.
    pub grid_shape: [usize; 3],
    /// Its spacing in mm (z, y, x).
    pub grid_spacing: [f64; 3],
    /// `(shift, scale, offset)` of the normalisation that was applied: `scale (x - shift) + offset`.
    pub normalisation: Option<[f64; 3]>,
}

/// Computes every column of `plan` for one region.
///
/// `image` and `mask` are (z, y, x) with any strides, slices along z; `spacing` in mm, same order.
/// To stop early, run it inside [`parallel::until`].
///
/// # Errors
/// See [`process`], [`resegment`] and [`discretise`].
pub fn extract<T: Voxel>(
    plan: &Plan,
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
) -> Result<Extraction> {
    let prepared = Prepared::new(image, plan.settings())?;
    extract_prepared(plan, &prepared, image, mask, spacing)
}

/// [`extract`] with what depends on the image alone already found, for several regions of an image.
///
/// # Errors
/// As [`extract`].
pub fn extract_prepared<T: Voxel>(
    plan: &Plan,
    prepared: &Prepared,
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
) -> Result<Extraction> {
    cut(plan, prepared, image, mask, spacing)?.run(plan, prepared)
}

/// What a plan needs of an image for one region: the image itself may be let go of.
#[derive(Debug)]
pub struct Cut(Needed);

#[derive(Debug)]
enum Needed {
    /// Nothing: the values are there.
    Values(Extraction),
    Region(Box<Parts>),
}

/// A region after processing and re-segmentation, and the image around it.
#[derive(Debug)]
struct Parts {
    roi: Arc<Roi>,
    surroundings: Option<Surroundings>,
    diagnostics: Option<Diagnostics>,
    grid: Grid,
    normalisation: Option<Normalisation>,
    largest: Option<f64>,
    warnings: Vec<String>,
}

/// The first half of [`extract_prepared`], which [`Cut::run`] goes on with.
///
/// # Errors
/// As [`extract`].
pub fn cut<T: Voxel>(
    plan: &Plan,
    prepared: &Prepared,
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
) -> Result<Cut> {
    if let Some(done) = of_selection(plan, image, mask, spacing)? {
        prepared.count();
        return Ok(Cut(Needed::Values(done)));
    }
    let parts = process_region(plan, prepared, image, mask, spacing)?;
    Ok(Cut(Needed::Region(Box::new(parts))))
}

/// The region of a mask after processing and re-segmentation, and what a plan needs around it.
fn process_region<T: Voxel>(
    plan: &Plan,
    prepared: &Prepared,
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
) -> Result<Parts> {
    let settings = plan.settings();
    let around = |window, shape, spacing| images::needed(plan, prepared, window, shape, spacing);
    let surrounded = plan.needs(Family::Loc) || plan.maps().next().is_some();
    let wanted = Wanted {
        around: surrounded.then_some(&around),
        summaries: plan.needs(Family::Diag),
    };
    let mut processed = process(image, mask, spacing, settings, prepared, wanted)?;
    resegment(&mut processed.roi, &settings.resegment)?;
    let Processed {
        roi,
        surroundings,
        summaries,
        grid,
        normalisation,
    } = processed;
    let whole = |what| {
        let normalisation = normalisation.as_ref();
        prepared.interpolated(image, &grid, normalisation, &settings.resample, what)
    };
    let diagnostics = match summaries {
        Some([initial_region, interpolated_region]) => Some(Diagnostics {
            initial_image: prepared.initial(image, spacing),
            interpolated_image: whole("the whole image, which family diag looks at,")?,
            initial_region,
            interpolated_region,
            resegmented_region: RegionSummary::new(&roi, grid.shape()),
        }),
        None => None,
    };
    let largest = if images::take_largest(plan) {
        let image = whole("the whole image, whose largest intensity a filter takes,")?;
        Some(image.minimum.abs().max(image.maximum.abs()))
    } else {
        None
    };
    Ok(Parts {
        roi: Arc::new(roi),
        surroundings,
        diagnostics,
        warnings: Vec::from_iter(repeated(image.dim().into(), grid.shape())),
        grid,
        normalisation,
        largest,
    })
}

impl Cut {
    /// True if the values are there and nothing is left to do.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.0, Needed::Values(_))
    }

    /// Computes every column of `plan`; plan and `prepared` are those of [`cut`].
    ///
    /// # Errors
    /// As [`extract`].
    pub fn run(self, plan: &Plan, prepared: &Prepared) -> Result<Extraction> {
        let parts = match self.0 {
            Needed::Values(done) => return Ok(done),
            Needed::Region(parts) => *parts,
        };
        let [morphological, intensity] = parts.roi.voxels();
        let region = Region::new(&parts, prepared);
        let mut warnings = parts.warnings.clone();
        let mut values = Vec::with_capacity(plan.columns().len());
        for done in images::each(&plan.images, &region, |image| features(image, &region)) {
            let (of_image, told) = done?;
            values.extend(of_image);
            warnings.extend(told);
        }
        Ok(Extraction {
            values,
            warnings,
            morphological_voxels: morphological as u64,
            intensity_voxels: intensity as u64,
            grid_shape: parts.grid.shape(),
            grid_spacing: parts.grid.spacing(),
            normalisation: parts.normalisation.map(|n| n.parameters()),
        })
    }
}

/// The values of one image's tasks, and what the user should know about them.
fn features(image: &ImageTasks, region: &Region<'_>) -> Result<(Vec<f64>, Vec<String>)> {
    let (roi, surroundings) = images::on_image(image, region)?;
    let make = |settings: &Discretise| discretise(&roi, settings);
    let (levels, warnings) = discretised(image, roi.intensities().len(), make, Levels::counts)?;
    let stages = Stages {
        selected: if image.tasks.iter().any(takes_selected) {
            roi.selected()
        } else {
            Vec::new()
        },
        roi,
        surroundings,
        diagnostics: region.diagnostics,
        levels,
    };
    let values = stages.run_all(&image.tasks)?;
    region.prepared.count();
    Ok((values.into_iter().map(finite).collect(), warnings))
}

/// What `make` gives for each discretisation that a task works on, and what the user should know
/// about the `counts` of its levels.
fn discretised<L: Send>(
    image: &ImageTasks,
    voxels: usize,
    make: impl Fn(&Discretise) -> Result<L> + Sync + Send,
    counts: impl Fn(&L) -> &[u64],
) -> Result<(Vec<Option<L>>, Vec<String>)> {
    let made = parallel::map(image.discretise.len(), voxels, |k| {
        let needed = image.tasks.iter().any(|t| t.discretisation == Some(k));
        needed.then(|| make(&image.discretise[k])).transpose()
    });
    let made = made.into_iter().collect::<Result<Vec<Option<L>>>>()?;
    let told = image.discretise.iter().zip(&made);
    let told = told.filter_map(|(settings, made)| {
        let counts = made.as_ref().map(&counts)?;
        unusual(&settings.label(), counts)
    });
    let warnings = told.map(|warning| on_image(image, warning)).collect();
    Ok((made, warnings))
}

/// A warning with the name of the response map that it is about.
fn on_image(image: &ImageTasks, warning: String) -> String {
    match image.filter {
        Some(_) => format!("{}: {warning}", image.name),
        None => warning,
    }
}

/// The levels, or what else was made of them, that a task works on.
fn of_task<'l, L>(levels: &'l [Option<L>], task: &Task) -> &'l L {
    let levels = task.discretisation.and_then(|k| levels[k].as_ref());
    levels.expect("the plan discretises whatever a task needs")
}

/// A warning where the one voxel that an image has along an axis was resampled to several.
fn repeated(old: [usize; 3], new: [usize; 3]) -> Option<String> {
    let axis = (0..3).find(|&a| old[a] == 1 && new[a] > 1)?;
    Some(format!(
        "the image has one voxel along {axis}; resampling made {n} equal ones of it, which are no \
         information: give new spacings for the other axes only",
        axis = ["z", "y", "x"][axis],
        n = new[axis]
    ))
}

/// [`extract`] where no feature asks where a voxel lies, without a copy of the box; `None` if it
/// takes the general way after all.
fn of_selection<T: Voxel>(
    plan: &Plan,
    image: ArrayView3<'_, T>,
    mask: ArrayView3<'_, bool>,
    spacing: [f64; 3],
) -> Result<Option<Extraction>> {
    let settings = plan.settings();
    let plain = settings.normalise.is_none()
        && settings.resample == Resample::default()
        && settings.resegment == Resegment::default();
    let [image_tasks @ ImageTasks {
        filter: None,
        tasks,
        ..
    }] = &plan.images[..]
    else {
        return Ok(None);
    };
    let in_order = |t: &Task| takes_selected(t) || matches!(t.family, FamilySettings::Ih(_));
    if !plain || !tasks.iter().all(in_order) {
        return Ok(None);
    }
    let Some(selection) = Selection::new(image, mask, spacing)? else {
        return Ok(None);
    };
    let asks = |wanted: fn(&FamilySettings) -> bool| tasks.iter().any(|t| wanted(&t.family));
    // What is not finite gets its error on the general way, which tells where it lies.
    let summed = if asks(|f| matches!(f, FamilySettings::Stat(_))) {
        let Some(summed) = Intensities::of_sequence(&selection) else {
            return Ok(None);
        };
        Some(summed)
    } else {
        None
    };
    let span = summed.as_ref().map(Intensities::span);
    let Some(span) = span.or_else(|| finite_span(&selection)) else {
        return Ok(None);
    };
    let make = |settings: &Discretise| level_counts(&selection, span, settings);
    let (counts, warnings) = discretised(image_tasks, selection.len(), make, |n| &n[..])?;
    let mut values = Vec::with_capacity(plan.columns().len());
    for task in tasks {
        values.extend(match &task.family {
            FamilySettings::Ivh(s) => volume_histogram(task, s, &selection, span, [None, None])?,
            FamilySettings::Ih(_) => {
                let m = Histogram::of_counts(&of_task(&counts, task)[1..]);
                task.evaluate(&m, histogram::FEATURES)
            }
            _ => {
                let m = summed.as_ref().expect("no other family is in order");
                task.evaluate(m, statistical::FEATURES)
            }
        });
    }
    let voxels = selection.len() as u64;
    Ok(Some(Extraction {
        values: values.into_iter().map(finite).collect(),
        warnings,
        morphological_voxels: voxels,
        intensity_voxels: voxels,
        grid_shape: image.dim().into(),
        grid_spacing: spacing,
        normalisation: None,
    }))
}

fn takes_selected(task: &Task) -> bool {
    matches!(
        task.family,
        FamilySettings::Stat(_) | FamilySettings::Ivh(_)
    )
}

fn volume_histogram(
    task: &Task,
    settings: &Ivh,
    selected: &(impl Values + ?Sized),
    span: (f64, f64),
    range: [Option<f64>; 2],
) -> Result<Vec<f64>> {
    let m = VolumeHistogram::of_sequence(selected, span, range, &settings.discretise)?;
    let columns = volume_histogram::columns(&settings.percentages);
    Ok(task
        .selected
        .iter()
        .map(|&k| columns[k].value(&m))
        .collect())
}

/// A warning where a region has so few or so many levels that texture says little.
fn unusual(label: &str, counts: &[u64]) -> Option<String> {
    let present = counts.iter().filter(|&&n| n > 0).count();
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

/// A region after processing and re-segmentation, which all images share.
struct Region<'a> {
    prepared: &'a Prepared,
    roi: Arc<Roi>,
    /// The image around it, as far as features and filters reach.
    surroundings: Option<&'a Surroundings>,
    /// Image and region at each stage, if asked for.
    diagnostics: Option<&'a Diagnostics>,
    /// Shape (z, y, x) of the whole image.
    grid_shape: [usize; 3],
    /// Its largest absolute intensity, if a filter takes it.
    largest: Option<f64>,
}

impl<'a> Region<'a> {
    fn new(parts: &'a Parts, prepared: &'a Prepared) -> Self {
        Self {
            prepared,
            roi: Arc::clone(&parts.roi),
            surroundings: parts.surroundings.as_ref(),
            diagnostics: parts.diagnostics.as_ref(),
            grid_shape: parts.grid.shape(),
            largest: parts.largest,
        }
    }
}

/// What every task on an image may draw on.
struct Stages<'a> {
    roi: Arc<Roi>,
    /// The image around the region, if a task takes it.
    surroundings: Option<Cow<'a, Surroundings>>,
    /// Image and region at each stage, if asked for.
    diagnostics: Option<&'a Diagnostics>,
    /// Intensities of the intensity mask, if a task takes them.
    selected: Vec<f64>,
    levels: Vec<Option<Levels>>,
}

impl Stages<'_> {
    /// The values of all tasks, in their order.
    fn run_all(&self, tasks: &[Task]) -> Result<Vec<f64>> {
        let jobs = jobs(tasks);
        let work = self.roi.intensities().len() * tasks.len();
        let done = parallel::map(jobs.len(), work, |k| {
            let (task, partner) = jobs[k];
            Ok(match partner {
                Some(partner) => {
                    let [sizes, distances] = self.zones(&tasks[task], &tasks[partner]);
                    vec![(task, sizes), (partner, distances)]
                }
                None => vec![(task, self.run(&tasks[task])?)],
            })
        });
        let mut values = vec![Vec::new(); tasks.len()];
        for job in done {
            for (task, of_task) in job? {
                values[task] = of_task;
            }
        }
        Ok(values.concat())
    }

    fn levels(&self, task: &Task) -> &Levels {
        of_task(&self.levels, task)
    }

    /// Size zones and distance zones of one linkage on one discretisation, the zones found once.
    fn zones(&self, sizes: &Task, distances: &Task) -> [Vec<f64>; 2] {
        let FamilySettings::Gldzm(settings) = &distances.family else {
            unreachable!("the partner of size zones is distance zones")
        };
        let asked = || [sizes, distances].into_iter();
        let asked = || asked().flat_map(|t| t.family.aggregations());
        let (flat, volume) = (asked().any(|a| !a.is_3d()), asked().any(|a| a.is_3d()));
        let source = DistanceZones::new(self.levels(distances), self.roi.morphological(), settings);
        let zones = source.zones(flat, volume);
        let (by_size, by_distance) = (zones.by_size(), zones.by_distance());
        [
            sizes.aggregate(&by_size, size_zone::FEATURES, LevelCounts::new),
            distances.aggregate(&by_distance, distance_zone::FEATURES, LevelCounts::new),
        ]
    }

    fn run(&self, task: &Task) -> Result<Vec<f64>> {
        Ok(match &task.family {
            FamilySettings::Morph(_) => {
                let m = Morphology::new(Arc::clone(&self.roi));
                task.evaluate(&m, morphological::FEATURES)
            }
            FamilySettings::Loc(_) => {
                let around = self.surroundings.as_ref();
                let around = around.expect("the plan asks for the surroundings");
                let offset = around.offset(self.roi.window());
                let m = peak::peaks(&around.volume, &self.roi, offset);
                task.evaluate(&m, local_intensity::FEATURES)
            }
            FamilySettings::Diag(_) => {
                let m = self.diagnostics;
                let m = m.expect("the plan asks for the diagnostics");
                let columns = diagnostic::columns();
                let value = |&k: &usize| columns[k].value(m);
                task.selected.iter().map(value).collect()
            }
            FamilySettings::Stat(_) => {
                task.evaluate(&Intensities::new(&self.selected), statistical::FEATURES)
            }
            FamilySettings::Ivh(s) => {
                let (span, range) = (self.roi.span(), self.roi.range);
                volume_histogram(task, s, &self.selected[..], span, range)?
            }
            _ => on_levels(task, self.levels(task), self.roi.morphological()),
        })
    }
}

/// The tasks as jobs: size zones go together with the first distance zones, not yet taken, of the
/// same linkage on the same levels; every other task is alone.
fn jobs(tasks: &[Task]) -> Vec<(usize, Option<usize>)> {
    let mut taken = vec![false; tasks.len()];
    let mut partners = vec![None; tasks.len()];
    for (task, partner) in tasks.iter().zip(&mut partners) {
        let FamilySettings::Glszm(s) = &task.family else {
            continue;
        };
        let shares = |other: &Task| {
            task.discretisation == other.discretisation
                && matches!(&other.family, FamilySettings::Gldzm(d)
                    if (d.linkage, d.linkage_distance) == (s.linkage, s.linkage_distance))
        };
        *partner = (0..tasks.len()).find(|&k| !taken[k] && shares(&tasks[k]));
        if let Some(k) = *partner {
            taken[k] = true;
        }
    }
    let alone_or_first = (0..tasks.len()).filter(|&k| !taken[k]);
    alone_or_first.map(|k| (k, partners[k])).collect()
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
        | FamilySettings::Ivh(_)
        | FamilySettings::Diag(_) => unreachable!("these families take intensities"),
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
    let tasks = plan.images.iter().flat_map(|image| &image.tasks);
    let values = tasks.flat_map(|task| on_levels(task, levels, morphological));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom;

    fn values(features: &str) -> Vec<u64> {
        let text = format!(
            r#"{{"discretise": [{{"type": "none"}}, {{"type": "fbn", "bins": 3}}],
                                "features": [{features}]}}"#
        );
        let plan = Plan::new(Settings::from_json(&text).unwrap()).unwrap();
        let (image, mask) = (phantom::image(), phantom::mask());
        let out = extract(&plan, image.view(), mask.view(), phantom::SPACING).unwrap();
        assert_eq!(out.values.len(), plan.columns().len());
        out.values.iter().map(|v| v.to_bits()).collect()
    }

    #[test]
    fn zones_shared_by_two_families_give_the_values_of_each_alone() {
        let all = r#""aggregations": ["2d", "2.5d", "3d"]"#;
        let sizes = [
            r#"{"type": "glszm"}"#.to_string(),
            format!(r#"{{"type": "glszm", "linkage": "manhattan", {all}}}"#),
        ];
        let distances = [
            format!(r#"{{"type": "gldzm", {all}}}"#),
            r#"{"type": "gldzm", "linkage": "manhattan", "aggregations": ["2d"]}"#.to_string(),
            r#"{"type": "gldzm", "distance_norm": "chebyshev"}"#.to_string(),
        ];
        let tasks = [&sizes[..], &distances[..], &[r#"{"type": "stat"}"#.into()]].concat();
        let together = values(&tasks.join(", "));
        let alone: Vec<u64> = [&tasks[5..], &tasks[..5]]
            .concat()
            .iter()
            .flat_map(|task| values(task))
            .collect();
        assert_eq!(together, alone);
    }

    #[test]
    fn families_that_ask_for_no_place_have_the_values_they_have_among_others() {
        let few = r#"{"type": "stat"}, {"type": "ih"}, {"type": "ivh"}"#;
        let alone = values(few);
        let among = values(&format!(r#"{few}, {{"type": "glszm"}}"#));
        assert_eq!(alone, among[..alone.len()]);
    }

    #[test]
    fn size_zones_find_their_partner() {
        let text = r#"{"discretise": [{"type": "none"}, {"type": "fbn", "bins": 3}], "features": [
            {"type": "glszm"}, {"type": "gldzm"}, {"type": "glszm", "linkage_distance": 2}]}"#;
        let plan = Plan::new(Settings::from_json(text).unwrap()).unwrap();
        // Size zones on both discretisations, of linkage 2, then distance zones on both.
        let expected = [(0, Some(4)), (1, Some(5)), (2, None), (3, None)];
        assert_eq!(jobs(&plan.images[0].tasks), expected);
    }
}
