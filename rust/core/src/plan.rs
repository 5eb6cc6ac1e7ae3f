//! From settings to the list of tasks and the table's columns, before any image is seen.
//!
//! A column's name is composed here and nowhere else: image, family, feature, discretisation,
//! aggregation, then every parameter that differs from its documented default.

mod check;

use std::collections::HashSet;
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::feature::{catalogue, volume_histogram, Family, Feature};
use crate::settings::{Aggregation, Discretise, FamilySettings, Norm, Settings, Weighting};

use self::check::{check, check_family};
pub(crate) use self::check::{check_normalise, check_resample};

/// Largest distance in voxels for directions and neighbourhoods; their size grows with its cube.
pub const MAX_DISTANCE: u32 = 20;

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

/// Settings made ready to run on any number of regions; the columns do not depend on the image.
#[derive(Debug, Clone)]
pub struct Plan {
    settings: Settings,
    pub(crate) tasks: Vec<Task>,
    columns: Vec<Column>,
}

impl Plan {
    /// Checks settings and lays out tasks and columns, in the catalogue's order of families.
    ///
    /// # Errors
    /// [`Error::Setting`] with the path of the setting, what was given and what is allowed.
    pub fn new(settings: Settings) -> Result<Self> {
        check(&settings)?;
        let features = CATALOGUE.get_or_init(catalogue);
        let mut tasks = Vec::new();
        let mut columns = Vec::new();
        for family in Family::ALL {
            let asked = settings.features.iter().enumerate();
            for (k, wanted) in asked.filter(|(_, f)| f.family() == family) {
                let path = format!("features[{k}]");
                check_family(&path, wanted)?;
                let rows = rows(wanted, features);
                let selected = select(&path, wanted, &rows)?;
                let discretisations: Vec<Option<usize>> = if family.discretised() {
                    (0..settings.discretise.len()).map(Some).collect()
                } else {
                    vec![None]
                };
                for discretisation in discretisations {
                    let binned = discretisation.map(|d| &settings.discretise[d]);
                    for &distance in wanted.distances() {
                        let (family, selected) = (wanted.clone(), selected.clone());
                        let task = Task {
                            family,
                            discretisation,
                            distance,
                            selected,
                        };
                        add_columns(&mut columns, &task, &rows, binned);
                        tasks.push(task);
                    }
                }
            }
        }
        refuse_double_names(&columns)?;
        Ok(Self {
            settings,
            tasks,
            columns,
        })
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

    /// True if a feature of this family is asked for.
    pub(crate) fn needs(&self, family: Family) -> bool {
        self.tasks.iter().any(|t| t.family.family() == family)
    }
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

fn add_columns(columns: &mut Vec<Column>, task: &Task, rows: &[Row], binned: Option<&Discretise>) {
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
            let image = "original".to_string();
            let parts = [
                &*image,
                family,
                &*row.name,
                &*discretisation,
                aggregation,
                &*parameters,
            ];
            let parts: Vec<&str> = parts.into_iter().filter(|p| !p.is_empty()).collect();
            columns.push(Column {
                name: parts.join("_"),
                image,
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
