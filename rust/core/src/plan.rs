//! From settings to the images, their tasks and the table's columns, before any image is seen.
//!
//! Images are the given one, as it is after processing, and the response maps of the filters.
//! A column's name is composed here and nowhere else: image, family, feature, discretisation,
//! aggregation, then every parameter that differs from its documented default.

mod check;
mod filters;

use std::collections::HashSet;
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::feature::{catalogue, volume_histogram, Family, Feature};
use crate::filter::Filter;
use crate::settings::{
    Aggregation, Discretise, FamilySettings, Norm, OfMap, Precision, Resegment, Settings, Weighting,
};

use self::check::{check, check_family};
pub(crate) use self::check::{check_normalise, check_resample};

/// Largest distance in voxels for directions and neighbourhoods; their size grows with its cube.
pub const MAX_DISTANCE: u32 = 20;

/// Name of the image itself, as it is after processing.
const ORIGINAL: &str = "original";

/// The catalogue, made once: single stages make a plan in every call.
static CATALOGUE: OnceLock<Vec<Feature>> = OnceLock::new();

/// One column of the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name in the wide table.
    pub name: String,
    /// Image the value comes from: `original`, or the filter's name.
    pub image: String,
    /// Family key.
    pub family: &'static str,
    /// Feature name.
    pub feature: String,
    /// IBSI code of the feature.
    pub ibsi: &'static str,
    /// Aggregation, empty where there is none.
    pub aggregation: &'static str,
    /// Discretisation, empty where there is none.
    pub discretisation: String,
    /// Parameters that differ from the defaults, joined by `_`.
    pub parameters: String,
    /// Unit.
    pub unit: String,
}

/// What one task computes; its values fill consecutive columns.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) family: FamilySettings,
    /// Index into the settings' discretisations, for families on grey levels.
    pub(crate) discretisation: Option<usize>,
    /// Distance in voxels, for families that take one.
    pub(crate) distance: u32,
    /// Which of the family's features to report, by position.
    pub(crate) selected: Vec<usize>,
}

/// An image that features are computed on; its values fill consecutive columns.
#[derive(Debug, Clone)]
pub(crate) struct ImageTasks {
    /// Place among the images.
    pub(crate) number: usize,
    /// `original`, or the response map's name.
    pub(crate) name: String,
    /// The filter that makes it, and in which precision; `None` for the image itself.
    pub(crate) filter: Option<(Filter, Precision)>,
    /// Re-segmentation by its own intensities, on top of the image's.
    pub(crate) resegment: Resegment,
    /// Its discretisations.
    pub(crate) discretise: Vec<Discretise>,
    /// What is computed on it.
    pub(crate) tasks: Vec<Task>,
}

/// Where a column comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Number of the image, and of its task.
    pub(crate) image: usize,
    pub(crate) task: usize,
    pub(crate) aggregation: Option<Aggregation>,
    /// Position among the family's features.
    pub(crate) feature: usize,
}

impl Place {
    /// What is equal for columns that one computation gives.
    pub(crate) fn group(&self) -> (usize, usize, Option<Aggregation>) {
        (self.image, self.task, self.aggregation)
    }
}

/// Settings made ready to run on any number of regions; the columns do not depend on the image.
#[derive(Debug, Clone)]
pub struct Plan {
    settings: Settings,
    pub(crate) images: Vec<ImageTasks>,
    columns: Vec<Column>,
}

impl Plan {
    /// Checks settings and lays out tasks and columns, in the catalogue's order of families.
    ///
    /// # Errors
    /// [`Error::Setting`] with the path of the setting, what was given and what is allowed.
    pub fn new(settings: Settings) -> Result<Self> {
        check(&settings)?;
        let mut plan = Self {
            settings,
            images: Vec::new(),
            columns: Vec::new(),
        };
        let settings = plan.settings.clone();
        if settings.original {
            plan.add(Asked {
                name: ORIGINAL.into(),
                path: "features".into(),
                filter: None,
                resegment: Resegment::default(),
                discretise: &settings.discretise,
                features: &settings.features,
            })?;
        }
        for (k, block) in settings.filters.iter().enumerate() {
            let path = format!("filters[{k}]");
            let OfMap {
                precision,
                resegment,
                discretise,
                features,
                ..
            } = &block.of_map;
            let inherited: Vec<FamilySettings>;
            let (features, at) = if let Some(own) = features {
                (own, format!("{path}.features"))
            } else {
                inherited = on_maps(&settings.features);
                if inherited.is_empty() {
                    let allowed = "the settings' own features, morph and diag, are of the image; \
                                   name families for the response map";
                    return Err(setting(&format!("{path}.features"), "nothing", allowed));
                }
                (&inherited, "features".into())
            };
            for (name, filter) in filters::maps(&path, block)? {
                plan.refuse_name(&path, &name)?;
                plan.add(Asked {
                    name,
                    path: at.clone(),
                    filter: Some((filter, *precision)),
                    resegment: resegment.clone(),
                    discretise: discretise.as_ref().unwrap_or(&settings.discretise),
                    features,
                })?;
            }
        }
        refuse_double_names(&plan.columns)?;
        Ok(plan)
    }

    /// Refuses a response map of the filter at `path` whose name stands for another image already.
    fn refuse_name(&self, path: &str, name: &str) -> Result<()> {
        if name != ORIGINAL && self.maps().all(|other| other != name) {
            return Ok(());
        }
        let allowed = if name == ORIGINAL {
            "it stands for the image itself; give the map another name"
        } else {
            "an earlier filter makes a map of this name; merge the two blocks, or give one a `name`"
        };
        Err(setting(
            &format!("{path}.name"),
            format!("'{name}'"),
            allowed,
        ))
    }

    /// Lays out the tasks and columns of one image.
    fn add(&mut self, asked: Asked<'_>) -> Result<()> {
        let all = CATALOGUE.get_or_init(catalogue);
        let mut tasks = Vec::new();
        for family in Family::ALL {
            let wanted = asked.features.iter().enumerate();
            for (k, wanted) in wanted.filter(|(_, f)| f.family() == family) {
                let path = format!("{}[{k}]", asked.path);
                check_family(&path, wanted)?;
                let rows = rows(wanted, all);
                let selected = select(&path, wanted, &rows)?;
                let discretisations: Vec<Option<usize>> = if family.discretised() {
                    (0..asked.discretise.len()).map(Some).collect()
                } else {
                    vec![None]
                };
                for discretisation in discretisations {
                    let binned = discretisation.map(|d| &asked.discretise[d]);
                    for &distance in wanted.distances() {
                        let (family, selected) = (wanted.clone(), selected.clone());
                        let task = Task {
                            family,
                            discretisation,
                            distance,
                            selected,
                        };
                        add_columns(&mut self.columns, &asked.name, &task, &rows, binned);
                        tasks.push(task);
                    }
                }
            }
        }
        self.images.push(ImageTasks {
            number: self.images.len(),
            name: asked.name,
            filter: asked.filter,
            resegment: asked.resegment,
            discretise: asked.discretise.to_vec(),
            tasks,
        });
        Ok(())
    }

    /// The settings the plan was made from.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The columns, in the order of the values.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Names of the response maps, in the order of the settings.
    pub fn maps(&self) -> impl Iterator<Item = &str> {
        let filtered = self.images.iter().filter(|s| s.filter.is_some());
        filtered.map(|s| &*s.name)
    }

    /// Where each column comes from, in their order.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut places = Vec::with_capacity(self.columns.len());
        for (image, tasks) in self.images.iter().map(|image| &image.tasks).enumerate() {
            for (k, task) in tasks.iter().enumerate() {
                let all = task.family.aggregations();
                let aggregations = all.iter().map(|&a| Some(a)).collect::<Vec<_>>();
                let none = [None];
                for &aggregation in if all.is_empty() {
                    &none
                } else {
                    &aggregations[..]
                } {
                    places.extend(task.selected.iter().map(|&feature| Place {
                        image,
                        task: k,
                        aggregation,
                        feature,
                    }));
                }
            }
        }
        places
    }

    /// The plan of those images and families alone that `columns` (by name) come from; further
    /// columns of theirs stay.
    #[must_use]
    pub fn only(&self, columns: &[&str]) -> Self {
        let asked = self.columns.iter().map(|c| columns.contains(&&*c.name));
        let asked = self
            .places()
            .into_iter()
            .zip(asked)
            .filter(|(_, asked)| *asked);
        let tasks: HashSet<_> = asked.map(|(place, _)| (place.image, place.task)).collect();
        let kept = |place: &Place| tasks.contains(&(place.image, place.task));
        let of_kept = self.columns.iter().zip(self.places());
        let columns = of_kept
            .filter(|(_, place)| kept(place))
            .map(|(c, _)| c.clone())
            .collect();
        let mut images = self.images.clone();
        for (k, image) in images.iter_mut().enumerate() {
            let mut number = 0..;
            image
                .tasks
                .retain(|_| number.next().is_some_and(|n| tasks.contains(&(k, n))));
        }
        images.retain(|image| !image.tasks.is_empty());
        Self {
            settings: self.settings.clone(),
            images,
            columns,
        }
    }

    /// True if a feature of this family is asked for.
    pub(crate) fn needs(&self, family: Family) -> bool {
        self.images.iter().any(|s| s.needs(family))
    }
}

impl ImageTasks {
    /// True if a feature of this family is asked for on this image.
    pub(crate) fn needs(&self, family: Family) -> bool {
        self.tasks.iter().any(|t| t.family.family() == family)
    }
}

/// What the settings ask for of one image.
struct Asked<'a> {
    name: String,
    /// Where the features stand.
    path: String,
    filter: Option<(Filter, Precision)>,
    resegment: Resegment,
    discretise: &'a [Discretise],
    features: &'a [FamilySettings],
}

/// The families that a response map has by default: the region's shape is the same on each, and
/// diagnostics are of the image.
fn on_maps(features: &[FamilySettings]) -> Vec<FamilySettings> {
    let same = |f: &&FamilySettings| !matches!(f.family(), Family::Morph | Family::Diag);
    features.iter().filter(same).cloned().collect()
}

/// A feature as a column shows it.
struct Row {
    name: String,
    ibsi: &'static str,
    unit: String,
}

/// The features of a family with these parameters, in catalogue order.
fn rows(wanted: &FamilySettings, features: &[Feature]) -> Vec<Row> {
    if let FamilySettings::Ivh(ivh) = wanted {
        let binned = matches!(ivh.discretise, Discretise::Fbn { .. });
        let columns = volume_histogram::columns(&ivh.percentages);
        let row = |c: volume_histogram::Column| {
            let unit = c.unit.to_string();
            // With a fixed number of bins the histogram's axis is the bin number.
            let unit = if binned {
                unit.replace("intensity", "bin number")
            } else {
                unit
            };
            Row {
                name: c.name,
                ibsi: c.ibsi,
                unit,
            }
        };
        return columns.into_iter().map(row).collect();
    }
    let family = wanted.family();
    let row = |f: &Feature| Row {
        name: f.name.clone(),
        ibsi: f.ibsi,
        unit: f.unit.to_string(),
    };
    features
        .iter()
        .filter(|f| f.family == family)
        .map(row)
        .collect()
}

/// Positions of the features to report.
fn select(path: &str, wanted: &FamilySettings, rows: &[Row]) -> Result<Vec<usize>> {
    let Some(only) = wanted.only() else {
        return Ok((0..rows.len()).collect());
    };
    for name in only {
        if !rows.iter().any(|r| r.name == *name) {
            let names: Vec<&str> = rows.iter().map(|r| r.name.as_str()).collect();
            let allowed = format!("{} has {}", wanted.family().key(), names.join(", "));
            return Err(setting(
                &format!("{path}.only"),
                format!("'{name}'"),
                &allowed,
            ));
        }
    }
    Ok((0..rows.len())
        .filter(|&k| only.contains(&rows[k].name))
        .collect())
}

fn add_columns(
    columns: &mut Vec<Column>,
    image: &str,
    task: &Task,
    rows: &[Row],
    binned: Option<&Discretise>,
) {
    let family = task.family.family().key();
    let discretisation = match (&task.family, binned) {
        (FamilySettings::Ivh(ivh), _) => ivh.discretise.label(),
        (_, Some(binned)) => binned.label(),
        _ => String::new(),
    };
    let parameters = task.family.parameters(task.distance);
    let aggregations = task.family.aggregations();
    let aggregations: Vec<&'static str> = match aggregations {
        [] => vec![""],
        some => some.iter().map(|a| a.name()).collect(),
    };
    for aggregation in aggregations {
        for row in task.selected.iter().map(|&k| &rows[k]) {
            let parts = [
                image,
                family,
                &*row.name,
                &*discretisation,
                aggregation,
                &*parameters,
            ];
            let parts: Vec<&str> = parts.into_iter().filter(|p| !p.is_empty()).collect();
            columns.push(Column {
                name: parts.join("_"),
                image: image.into(),
                family,
                feature: row.name.clone(),
                ibsi: row.ibsi,
                aggregation,
                discretisation: discretisation.clone(),
                parameters: parameters.clone(),
                unit: row.unit.clone(),
            });
        }
    }
}

fn refuse_double_names(columns: &[Column]) -> Result<()> {
    let mut seen = HashSet::new();
    match columns.iter().find(|c| !seen.insert(&c.name)) {
        None => Ok(()),
        Some(double) => Err(setting(
            "features",
            format!("{} twice", double.name),
            "each column may be asked for once; merge the two entries or change a parameter",
        )),
    }
}

impl FamilySettings {
    /// The family's key.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::Morph(_) => Family::Morph,
            Self::Loc(_) => Family::Loc,
            Self::Stat(_) => Family::Stat,
            Self::Ih(_) => Family::Ih,
            Self::Ivh(_) => Family::Ivh,
            Self::Glcm(_) => Family::Glcm,
            Self::Glrlm(_) => Family::Glrlm,
            Self::Glszm(_) => Family::Glszm,
            Self::Gldzm(_) => Family::Gldzm,
            Self::Ngtdm(_) => Family::Ngtdm,
            Self::Ngldm(_) => Family::Ngldm,
            Self::Diag(_) => Family::Diag,
        }
    }

    fn only(&self) -> Option<&[String]> {
        match self {
            Self::Morph(s) | Self::Loc(s) | Self::Stat(s) | Self::Ih(s) | Self::Diag(s) => {
                s.only.as_deref()
            }
            Self::Ivh(s) => s.only.as_deref(),
            Self::Glcm(s) => s.only.as_deref(),
            Self::Glrlm(s) => s.only.as_deref(),
            Self::Glszm(s) => s.only.as_deref(),
            Self::Gldzm(s) => s.only.as_deref(),
            Self::Ngtdm(s) => s.only.as_deref(),
            Self::Ngldm(s) => s.only.as_deref(),
        }
    }

    /// The aggregations asked for; none for families that are 3D by definition.
    #[must_use]
    pub fn aggregations(&self) -> &[Aggregation] {
        match self {
            Self::Glcm(s) => &s.aggregations,
            Self::Glrlm(s) => &s.aggregations,
            Self::Glszm(s) => &s.aggregations,
            Self::Gldzm(s) => &s.aggregations,
            Self::Ngtdm(s) => &s.aggregations,
            Self::Ngldm(s) => &s.aggregations,
            _ => &[],
        }
    }

    /// The distances asked for; 1 for families that take none.
    fn distances(&self) -> &[u32] {
        match self {
            Self::Glcm(s) => &s.distances,
            Self::Ngtdm(s) => &s.distances,
            Self::Ngldm(s) => &s.distances,
            _ => &[1],
        }
    }

    /// Parameters that differ from their defaults, in a fixed order.
    fn parameters(&self, distance: u32) -> String {
        let mut parts = Vec::new();
        if distance != 1 {
            parts.push(format!("d{distance}"));
        }
        match self {
            Self::Glcm(s) => {
                push_norm(&mut parts, "", s.norm, Norm::Chebyshev);
                if !s.symmetric {
                    parts.push("asymmetric".into());
                }
                push_weighting(&mut parts, s.weighting, s.weighting_norm);
            }
            Self::Glrlm(s) => push_weighting(&mut parts, s.weighting, s.weighting_norm),
            Self::Glszm(s) => push_linkage(&mut parts, s.linkage, s.linkage_distance),
            Self::Gldzm(s) => {
                push_linkage(&mut parts, s.linkage, s.linkage_distance);
                push_norm(&mut parts, "edge-", s.distance_norm, Norm::Manhattan);
            }
            Self::Ngtdm(s) => {
                push_norm(&mut parts, "", s.norm, Norm::Chebyshev);
                push_weighting(&mut parts, s.weighting, s.weighting_norm);
            }
            Self::Ngldm(s) => {
                if s.alpha != 0 {
                    parts.push(format!("alpha{}", s.alpha));
                }
                push_norm(&mut parts, "", s.norm, Norm::Chebyshev);
                push_weighting(&mut parts, s.weighting, s.weighting_norm);
            }
            _ => {}
        }
        parts.join("_")
    }
}

fn push_norm(parts: &mut Vec<String>, prefix: &str, norm: Norm, default: Norm) {
    if norm != default {
        parts.push(format!("{prefix}{}", norm.name()));
    }
}

fn push_linkage(parts: &mut Vec<String>, norm: Norm, distance: u32) {
    push_norm(parts, "link-", norm, Norm::Chebyshev);
    if distance != 1 {
        parts.push(format!("link-d{distance}"));
    }
}

fn push_weighting(parts: &mut Vec<String>, weighting: Weighting, norm: Norm) {
    let name = match weighting {
        Weighting::None => return,
        Weighting::Inverse => "weight-inverse",
        Weighting::Exponential => "weight-exponential",
    };
    parts.push(match norm {
        Norm::Euclidean => name.into(),
        norm => format!("{name}-{}", norm.name()),
    });
}

fn setting(path: &str, given: impl Into<String>, allowed: &str) -> Error {
    Error::Setting {
        path: path.into(),
        given: given.into(),
        allowed: allowed.into(),
    }
}
