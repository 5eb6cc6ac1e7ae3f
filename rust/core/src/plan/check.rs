//! Limits of the settings: what the core refuses, with the path, what was given, what is allowed.

use super::{setting, MAX_DISTANCE};
use crate::discretise::MAX_LEVELS;
use crate::error::Result;
use crate::feature::Family;
use crate::settings::{
    Discretise, FamilySettings, Gldzm, Glszm, Normalise, OfMap, Resample, Resegment, Settings,
    SCHEMA,
};

/// Refuses settings outside their limits.
pub(super) fn check(settings: &Settings) -> Result<()> {
    if settings.schema != SCHEMA {
        let allowed = format!("this version reads schema {SCHEMA}");
        return Err(setting("schema", settings.schema.to_string(), &allowed));
    }
    if let Some(normalise) = &settings.normalise {
        check_normalise(normalise)?;
    }
    check_resample(&settings.resample)?;
    check_resegment("resegment", &settings.resegment)?;
    check_lists("", &settings.discretise, &settings.features)?;
    if !settings.original && settings.filters.is_empty() {
        let allowed = "without filters there is nothing else to compute features on";
        return Err(setting("original", "false", allowed));
    }
    for (k, block) in settings.filters.iter().enumerate() {
        check_of_map(&format!("filters[{k}]."), &block.of_map, settings)?;
    }
    Ok(())
}

/// Refuses rules for response maps outside their limits; `at` is what comes before their keys.
fn check_of_map(at: &str, of_map: &OfMap, settings: &Settings) -> Result<()> {
    check_resegment(&format!("{at}resegment"), &of_map.resegment)?;
    let features = of_map.features.as_ref();
    if let Some(features) = features {
        let diag = |f: &FamilySettings| f.family() == Family::Diag;
        if let Some(k) = features.iter().position(diag) {
            let allowed = "diagnostics are of the image, not of response maps";
            return Err(setting(&format!("{at}features[{k}]"), "diag", allowed));
        }
    }
    let discretise = of_map.discretise.as_ref();
    check_lists(
        at,
        discretise.unwrap_or(&settings.discretise),
        features.unwrap_or(&settings.features),
    )
}

/// Refuses lists of discretisations and families that are empty or outside their limits.
fn check_lists(at: &str, discretise: &[Discretise], features: &[FamilySettings]) -> Result<()> {
    if features.is_empty() {
        let path = format!("{at}features");
        return Err(setting(&path, "an empty list", "name at least one family"));
    }
    let binned = |f: &FamilySettings| f.family().discretised();
    if discretise.is_empty() && features.iter().any(binned) {
        let allowed = "histogram and texture families need at least one discretisation";
        return Err(setting(
            &format!("{at}discretise"),
            "an empty list",
            allowed,
        ));
    }
    for (k, d) in discretise.iter().enumerate() {
        check_discretise(&format!("{at}discretise[{k}]"), d)?;
    }
    Ok(())
}

/// Refuses a normalisation outside its limits.
pub(crate) fn check_normalise(normalise: &Normalise) -> Result<()> {
    let finite = |key: &str, values: &[f64]| match values.iter().find(|x| !x.is_finite()) {
        Some(x) => {
            let path = format!("normalise.{key}");
            Err(setting(&path, x.to_string(), "a finite number is needed"))
        }
        None => Ok(()),
    };
    match normalise {
        Normalise::ZScore(s) => {
            finite("scale", &[s.scale])?;
            if s.scale <= 0.0 {
                let allowed = "the scale must be positive";
                return Err(setting("normalise.scale", s.scale.to_string(), allowed));
            }
            match s.clip {
                Some(k) if !(k.is_finite() && k > 0.0) => {
                    let allowed = "the number of standard deviations must be positive";
                    Err(setting("normalise.clip", k.to_string(), allowed))
                }
                _ => Ok(()),
            }
        }
        Normalise::Range(s) => {
            finite("to", &s.to)?;
            let given: Vec<f64> = s.from.iter().copied().flatten().collect();
            finite("from", &given)?;
            match s.from {
                [Some(low), Some(high)] => rising("normalise.from", [low, high]),
                _ => Ok(()),
            }
        }
        Normalise::Percentile(s) => {
            finite("to", &s.to)?;
            if let Some(p) = s.percentiles.iter().find(|p| !(0.0..=100.0).contains(*p)) {
                let allowed = "percentiles are from 0 to 100";
                return Err(setting("normalise.percentiles", p.to_string(), allowed));
            }
            rising("normalise.percentiles", s.percentiles)
        }
    }
}

fn rising(path: &str, [low, high]: [f64; 2]) -> Result<()> {
    if low < high {
        return Ok(());
    }
    let given = format!("[{low}, {high}]");
    Err(setting(path, given, "the lower limit comes first"))
}

/// Refuses a resampling outside its limits.
pub(crate) fn check_resample(resample: &Resample) -> Result<()> {
    let mut given = resample.spacing.iter().flatten();
    if let Some(s) = given.find(|s| !(s.is_finite() && **s > 0.0)) {
        let allowed = "spacings are positive lengths in mm, or null for an axis as it is";
        return Err(setting("resample.spacing", s.to_string(), allowed));
    }
    let threshold = resample.mask_threshold;
    if !(threshold > 0.0 && threshold <= 1.0) {
        let allowed = "a share of a voxel above 0 and up to 1 is needed";
        return Err(setting(
            "resample.mask_threshold",
            threshold.to_string(),
            allowed,
        ));
    }
    match resample.anti_alias {
        Some(beta) if !(beta > 0.0 && beta < 1.0) => {
            let allowed = "a response between 0 and 1 is needed";
            Err(setting("resample.anti_alias", beta.to_string(), allowed))
        }
        _ => Ok(()),
    }
}

fn check_resegment(path: &str, resegment: &Resegment) -> Result<()> {
    let range = format!("{path}.range");
    if let [Some(lower), Some(upper)] = resegment.range {
        if lower > upper {
            let given = format!("[{lower}, {upper}]");
            return Err(setting(&range, given, "the lower limit comes first"));
        }
    }
    if resegment.range.iter().flatten().any(|x| x.is_nan()) {
        return Err(setting(&range, "nan", "limits must be numbers or null"));
    }
    if let Some(k) = resegment.outlier_sigma {
        if !(k.is_finite() && k > 0.0) {
            let allowed = "the number of standard deviations must be positive";
            let path = format!("{path}.outlier_sigma");
            return Err(setting(&path, k.to_string(), allowed));
        }
    }
    Ok(())
}

fn check_discretise(path: &str, discretise: &Discretise) -> Result<()> {
    match *discretise {
        Discretise::None {} => Ok(()),
        Discretise::Fbs { width, minimum } => {
            if !(width.is_finite() && width > 0.0) {
                let path = format!("{path}.width");
                return Err(setting(
                    &path,
                    width.to_string(),
                    "a bin width must be positive",
                ));
            }
            match minimum {
                Some(m) if !m.is_finite() => {
                    let path = format!("{path}.minimum");
                    Err(setting(
                        &path,
                        m.to_string(),
                        "the first bin's start must be finite",
                    ))
                }
                _ => Ok(()),
            }
        }
        Discretise::Fbn { bins } if (2..=MAX_LEVELS).contains(&bins) => Ok(()),
        Discretise::Fbn { bins } => {
            let path = format!("{path}.bins");
            Err(setting(
                &path,
                bins.to_string(),
                "bins must be from 2 to 65535",
            ))
        }
    }
}

/// Refuses a family's parameters outside their limits; `path` is where they stand.
pub(super) fn check_family(path: &str, wanted: &FamilySettings) -> Result<()> {
    let family = wanted.family();
    let allowed = family.aggregations();
    if !allowed.is_empty() {
        let names: Vec<&str> = allowed.iter().map(|a| a.name()).collect();
        let path = format!("{path}.aggregations");
        let text = format!("{} takes {}", family.key(), names.join(", "));
        if wanted.aggregations().is_empty() {
            return Err(setting(&path, "an empty list", &text));
        }
        if let Some(bad) = wanted.aggregations().iter().find(|a| !allowed.contains(a)) {
            return Err(setting(&path, bad.name(), &text));
        }
    }
    let within = |key: &str, values: &[u32], limit: u32| {
        let bad = values.iter().find(|d| !(1..=limit).contains(*d));
        let path = format!("{path}.{key}");
        let allowed = format!("distances are whole numbers of voxels from 1 to {limit}");
        match bad {
            Some(d) => Err(setting(&path, d.to_string(), &allowed)),
            None if values.is_empty() => Err(setting(&path, "an empty list", &allowed)),
            None => Ok(()),
        }
    };
    within("distances", wanted.distances(), MAX_DISTANCE)?;
    match wanted {
        FamilySettings::Glszm(Glszm {
            linkage_distance, ..
        })
        | FamilySettings::Gldzm(Gldzm {
            linkage_distance, ..
        }) => within("linkage_distance", &[*linkage_distance], MAX_DISTANCE),
        FamilySettings::Ngldm(s) if s.alpha > MAX_LEVELS => {
            let path = format!("{path}.alpha");
            Err(setting(
                &path,
                s.alpha.to_string(),
                "coarseness is from 0 to 65535",
            ))
        }
        FamilySettings::Ivh(s) => {
            check_discretise(&format!("{path}.discretise"), &s.discretise)?;
            let path = format!("{path}.percentages");
            let given = &s.percentages;
            let twice = (1..given.len()).find(|&k| given[..k].contains(&given[k]));
            if let Some(p) = given.iter().find(|p| !(0.0..=100.0).contains(*p)) {
                Err(setting(
                    &path,
                    p.to_string(),
                    "percentages are from 0 to 100",
                ))
            } else if let Some(k) = twice {
                let repeated = format!("{} twice", given[k]);
                Err(setting(&path, repeated, "give each percentage once"))
            } else if given.is_empty() {
                Err(setting(
                    &path,
                    "an empty list",
                    "give at least one percentage",
                ))
            } else {
                Ok(())
            }
        }
        _ => Ok(()),
    }
}
