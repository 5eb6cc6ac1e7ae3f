//! What to compute: the settings as the core reads them, one type a stage.
//!
//! Lists and defaults are those of `python/ferromics/settings.py`, `stages.py`, `families.py` and
//! `filter_settings.py`, which a test proves. Every type refuses unknown keys. JSON is the exchange form.

mod families;
mod filters;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::families::{
    Aggregation, FamilySettings, Glcm, Gldzm, Glrlm, Glszm, Ivh, Ngldm, Ngtdm, Norm, Plain,
    Weighting,
};
pub(crate) use self::filters::truncate;
pub use self::filters::{
    Bands, FilterSettings, FilterType, GaborFilter, GradientFilter, IsotropicWavelet, LawsFilter,
    Lbp2d, Lbp3d, LogFilter, MeanFilter, OfMap, PointTransform, Precision, RieszBase, RieszFilter,
    WaveletFilter,
};
use crate::error::{Error, Result};
use crate::interpolate::Method;

/// Version of the settings' layout; a file with another number is refused.
pub const SCHEMA: u32 = 1;

/// Settings of a whole extraction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Version of the layout, [`SCHEMA`].
    pub schema: u32,
    /// Intensity normalisation, before anything else; none by default.
    pub normalise: Option<Normalise>,
    /// Resampling of image and mask to another spacing; none by default.
    pub resample: Resample,
    /// Re-segmentation of the intensity mask.
    pub resegment: Resegment,
    /// Discretisations for the intensity histogram and the texture families.
    pub discretise: Vec<Discretise>,
    /// Compute features on the image itself; off, only on the filters' response maps.
    pub original: bool,
    /// Filters, whose response maps have features too.
    pub filters: Vec<FilterSettings>,
    /// Feature families to compute, with their parameters.
    pub features: Vec<FamilySettings>,
}

impl Default for Settings {
    /// Native grid, no re-segmentation, fixed bin number 32, every family in 3D (merged where
    /// directions exist).
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            normalise: None,
            resample: Resample::default(),
            resegment: Resegment::default(),
            discretise: vec![Discretise::default()],
            original: true,
            filters: Vec::new(),
            features: vec![
                FamilySettings::Morph(Plain::default()),
                FamilySettings::Loc(Plain::default()),
                FamilySettings::Stat(Plain::default()),
                FamilySettings::Ih(Plain::default()),
                FamilySettings::Ivh(Ivh::default()),
                FamilySettings::Glcm(Glcm::default()),
                FamilySettings::Glrlm(Glrlm::default()),
                FamilySettings::Glszm(Glszm::default()),
                FamilySettings::Gldzm(Gldzm::default()),
                FamilySettings::Ngtdm(Ngtdm::default()),
                FamilySettings::Ngldm(Ngldm::default()),
            ],
        }
    }
}

impl Settings {
    /// Reads settings from JSON.
    ///
    /// # Errors
    /// As [`from_json`].
    pub fn from_json(text: &str) -> Result<Self> {
        from_json(text)
    }

    /// Writes settings as JSON, defaults included.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number JSON cannot hold.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::Setting {
            path: "settings".into(),
            given: "a value".into(),
            allowed: e.to_string(),
        })
    }
}

/// Reads settings, or a part of them, from JSON.
///
/// # Errors
/// [`Error::Setting`] with what the parser says; the Python layer checks settings first and says
/// more.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::Setting {
        path: "settings".into(),
        given: "this JSON".into(),
        allowed: e.to_string(),
    })
}

/// Intensity normalisation of the whole image by an affine map, with optional clipping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Normalise {
    /// Zero mean, unit standard deviation.
    ZScore(ZScore),
    /// From one range of intensities to another.
    Range(Range),
    /// From the range between two percentiles to another.
    Percentile(Percentile),
}

/// Which voxels the parameters of a normalisation are found on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// All finite voxels of the image.
    #[default]
    Image,
    /// The region's voxels, as the mask was given.
    Mask,
}

/// `scale (x - mean) / standard deviation` (biased, as IBSI's variance).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZScore {
    /// Where mean and standard deviation are found.
    pub over: Over,
    /// What one standard deviation becomes.
    pub scale: f64,
    /// Intensities further than this many standard deviations from the mean are set to that limit.
    pub clip: Option<f64>,
}

impl Default for ZScore {
    fn default() -> Self {
        Self {
            over: Over::Image,
            scale: 1.0,
            clip: None,
        }
    }
}

/// `from` becomes `to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Range {
    /// Where a missing limit of `from` is found.
    pub over: Over,
    /// Two intensities; the lowest and the highest where absent.
    pub from: [Option<f64>; 2],
    /// What they become.
    pub to: [f64; 2],
    /// Set what lies outside `to` to its nearer end.
    pub clip: bool,
}

impl Default for Range {
    fn default() -> Self {
        Self {
            over: Over::Image,
            from: [None, None],
            to: [0.0, 1.0],
            clip: true,
        }
    }
}

/// The two percentiles become `to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Percentile {
    /// Where the percentiles are found.
    pub over: Over,
    /// Lower and upper percentile, from 0 to 100.
    pub percentiles: [f64; 2],
    /// What they become.
    pub to: [f64; 2],
    /// Set what lies outside `to` to its nearer end.
    pub clip: bool,
}

impl Default for Percentile {
    fn default() -> Self {
        Self {
            over: Over::Image,
            percentiles: [1.0, 99.0],
            to: [0.0, 1.0],
            clip: true,
        }
    }
}

/// Resampling of image and mask, IBSI "Interpolation" (VTM2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resample {
    /// New spacing in mm (z, y, x), slices along z; an absent axis keeps its own.
    pub spacing: [Option<f64>; 3],
    /// Interpolation of the image.
    pub method: Method,
    /// Interpolation of the mask.
    pub mask_method: Method,
    /// Share of a voxel from which on it belongs to the region (E8H9).
    pub mask_threshold: f64,
    /// Round intensities to whole numbers afterwards (68QD).
    pub round: bool,
    /// Low-pass filter along axes that are down-sampled: its response at the highest frequency
    /// that the new grid can hold.
    pub anti_alias: Option<f64>,
    /// Voxels of the new grid that may be made for one region, its surroundings included.
    pub max_voxels: u64,
}

impl Default for Resample {
    fn default() -> Self {
        Self {
            spacing: [None; 3],
            method: Method::Linear,
            mask_method: Method::Linear,
            mask_threshold: 0.5,
            round: false,
            anti_alias: None,
            max_voxels: 100_000_000,
        }
    }
}

/// Re-segmentation of the intensity mask, IBSI IF9H.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resegment {
    /// Closed range of intensities to keep; either limit may be absent (USB3).
    pub range: [Option<f64>; 2],
    /// Keep `mean ± k sigma` (7ACA).
    pub outlier_sigma: Option<f64>,
}

/// Intensity discretisation, IBSI 4R0B.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Discretise {
    /// Intensities are grey levels as they are.
    None {},
    /// Fixed bin size (Q3RU).
    Fbs {
        /// Bin width in intensity units.
        width: f64,
        /// Start of the first bin; by default the lower re-segmentation limit, else the region's
        /// lowest intensity.
        #[serde(default)]
        minimum: Option<f64>,
    },
    /// Fixed bin number (K15C).
    Fbn {
        /// Number of bins.
        bins: u32,
    },
}

impl Default for Discretise {
    fn default() -> Self {
        Self::Fbn { bins: 32 }
    }
}

impl Discretise {
    /// The discretisation's part of a column name: `fbs25`, `fbs25-min-500`, `fbn32`, or nothing.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::None {} => String::new(),
            Self::Fbs {
                width,
                minimum: None,
            } => format!("fbs{width}"),
            Self::Fbs {
                width,
                minimum: Some(minimum),
            } => format!("fbs{width}-min{}", minimum + 0.0), // no -0
            Self::Fbn { bins } => format!("fbn{bins}"),
        }
    }
}
