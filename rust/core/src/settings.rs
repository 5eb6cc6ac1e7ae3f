//! What to compute: the settings as the core reads them, one type a stage.
//!
//! Lists and defaults are those of `python/ferromics/settings.py`, `stages.py` and `families.py`,
//! which a test proves. Every type refuses unknown keys. JSON is the exchange form.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

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

/// One feature family with its parameters; a file tells them apart by `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum FamilySettings {
    /// Morphology (HCUG).
    Morph(Plain),
    /// Local intensity (9ST6).
    Loc(Plain),
    /// Intensity-based statistics (UHIW).
    Stat(Plain),
    /// Intensity histogram (ZVCW).
    Ih(Plain),
    /// Intensity-volume histogram (P88C).
    Ivh(Ivh),
    /// Grey level co-occurrence (LFYI).
    Glcm(Glcm),
    /// Grey level run length (TP0I).
    Glrlm(Glrlm),
    /// Grey level size zone (9SAK).
    Glszm(Glszm),
    /// Grey level distance zone (VMDZ).
    Gldzm(Gldzm),
    /// Neighbourhood grey tone difference (IPET).
    Ngtdm(Ngtdm),
    /// Neighbouring grey level dependence (REK0).
    Ngldm(Ngldm),
    /// Diagnostic features of the processing stages.
    Diag(Plain),
}

/// A family without parameters of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plain {
    /// Names of the features to report; absent means all.
    pub only: Option<Vec<String>>,
}

/// Parameters of the intensity-volume histogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ivh {
    /// Names of the features to report; absent means all.
    pub only: Option<Vec<String>>,
    /// The histogram's own discretisation: `none` for discrete calibrated units, `fbs` for
    /// continuous calibrated ones, `fbn` for arbitrary ones.
    pub discretise: Discretise,
    /// Percentages x of the features V_x and I_x; the differences use the first and the last.
    pub percentages: Vec<f64>,
}

impl Default for Ivh {
    fn default() -> Self {
        let discretise = Discretise::Fbn { bins: 1000 };
        Self {
            only: None,
            discretise,
            percentages: vec![10.0, 90.0],
        }
    }
}

/// Distance norm, IBSI MPUJ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Largest component (PVMT).
    Chebyshev,
    /// Sum of components (LIFZ).
    Manhattan,
    /// Root of the sum of squares (G9EV).
    Euclidean,
}

impl Norm {
    /// Name as in settings and columns.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chebyshev => "chebyshev",
            Self::Manhattan => "manhattan",
            Self::Euclidean => "euclidean",
        }
    }
}

/// How a direction's or neighbour's share falls off with its distance, IBSI 6CK8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weighting {
    /// `w = 1`.
    None,
    /// `w = 1 / |m|`.
    Inverse,
    /// `w = exp(-|m|^2)`.
    Exponential,
}

/// How the matrices of directions and slices become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aggregation {
    /// Each 2D direction and slice, then the mean (BTW3).
    #[serde(rename = "2d_averaged")]
    Averaged2d,
    /// Directions merged in each slice, then the mean over slices (SUJT).
    #[serde(rename = "2d_slice_merged")]
    SliceMerged2d,
    /// Slices merged for each direction, then the mean over directions (JJUI).
    #[serde(rename = "2.5d_direction_merged")]
    DirectionMerged25d,
    /// All 2D directions and slices merged (ZW7Z).
    #[serde(rename = "2.5d_merged")]
    Merged25d,
    /// Each 3D direction, then the mean (ITBB).
    #[serde(rename = "3d_averaged")]
    Averaged3d,
    /// All 3D directions merged (IAZD).
    #[serde(rename = "3d_merged")]
    Merged3d,
    /// Each slice, then the mean; families without directions (8QNN).
    #[serde(rename = "2d")]
    Slices2d,
    /// All slices merged; families without directions (62GR).
    #[serde(rename = "2.5d")]
    Slices25d,
    /// The volume; families without directions (KOBO).
    #[serde(rename = "3d")]
    Volume3d,
}

impl Aggregation {
    /// The six of the families with directions, in IBSI's order.
    pub const DIRECTIONAL: [Self; 6] = [
        Self::Averaged2d,
        Self::SliceMerged2d,
        Self::DirectionMerged25d,
        Self::Merged25d,
        Self::Averaged3d,
        Self::Merged3d,
    ];
    /// The three of the families without.
    pub const PLAIN: [Self; 3] = [Self::Slices2d, Self::Slices25d, Self::Volume3d];

    /// Name as in tables and settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Averaged2d => "2d_averaged",
            Self::SliceMerged2d => "2d_slice_merged",
            Self::DirectionMerged25d => "2.5d_direction_merged",
            Self::Merged25d => "2.5d_merged",
            Self::Averaged3d => "3d_averaged",
            Self::Merged3d => "3d_merged",
            Self::Slices2d => "2d",
            Self::Slices25d => "2.5d",
            Self::Volume3d => "3d",
        }
    }

    /// IBSI code.
    #[must_use]
    pub fn ibsi(self) -> &'static str {
        match self {
            Self::Averaged2d => "BTW3",
            Self::SliceMerged2d => "SUJT",
            Self::DirectionMerged25d => "JJUI",
            Self::Merged25d => "ZW7Z",
            Self::Averaged3d => "ITBB",
            Self::Merged3d => "IAZD",
            Self::Slices2d => "8QNN",
            Self::Slices25d => "62GR",
            Self::Volume3d => "KOBO",
        }
    }

    /// True for the aggregations of matrices made in 3D.
    #[must_use]
    pub fn is_3d(self) -> bool {
        matches!(self, Self::Averaged3d | Self::Merged3d | Self::Volume3d)
    }
}

/// Parameters of the co-occurrence family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Glcm {
    /// Names of the features to report; absent means all.
    pub only: Option<Vec<String>>,
    /// Aggregations, of [`Aggregation::DIRECTIONAL`].
    pub aggregations: Vec<Aggregation>,
    /// Distances in voxels, each reported on its own.
    pub distances: Vec<u32>,
    /// Norm that picks the direction vectors at a distance.
    pub norm: Norm,
    /// Count each pair in both orders.
    pub symmetric: bool,
    /// Weight of a direction when matrices are merged.
    pub weighting: Weighting,
    /// Norm of the length in that weight.
    pub weighting_norm: Norm,
}

impl Default for Glcm {
    fn default() -> Self {
        Self {
            only: None,
            aggregations: vec![Aggregation::Merged3d],
            distances: vec![1],
            norm: Norm::Chebyshev,
            symmetric: true,
            weighting: Weighting::None,
            weighting_norm: Norm::Euclidean,
        }
    }
}

/// Parameters of the run length family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Glrlm {
    /// Names of the features to report; absent means all.
    pub only: Option<Vec<String>>,
    /// Aggregations, of [`Aggregation::DIRECTIONAL`].
    pub aggregations: Vec<Aggregation>,
    /// Weight of a direction when matrices are merged.
    pub weighting: Weighting,
    /// Norm of the length in that weight.
    pub weighting_norm: Norm,
}

impl Default for Glrlm {
    fn default() -> Self {
        Self {
            only: None,
            aggregations: vec![Aggregation::Merged3d],
            weighting: Weighting::None,
            weighting_norm: Norm::Euclidean,
        }
    }
}

/// Parameters of the size zone family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Glszm {
    /// Names of the features to report; absent means all.
    pub only: Option<Vec<String>>,
    /// Aggregations, of [`Aggregation::PLAIN`].
    pub aggregations: Vec<Aggregation>,
    /// Norm of the linkage distance.
    pub linkage: Norm,
    /// Voxels of one level are linked up to this distance in voxels.
    pub linkage_distance: u32,
}

impl Default for Glszm {
    fn default() -> Self {
        Self {
            only: None,
            aggregations: vec![Aggregation::Volume3d],
            linkage: Norm::Chebyshev,
            linkage_distance: 1,
        }
    }
}

/// Parameters of the distance zone family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gldzm {
    /// Names of the features to report; absent means all.
    pub only: Option<Vec<String>>,
    /// Aggregations, of [`Aggregation::PLAIN`].
    pub aggregations: Vec<Aggregation>,
    /// Norm of the linkage distance.
    pub linkage: Norm,
    /// Voxels of one level are linked up to this distance in voxels.
    pub linkage_distance: u32,
    /// Norm of the distance to the region's edge; Euclidean distances are rounded to the nearest
    /// whole number.
    pub distance_norm: Norm,
}

impl Default for Gldzm {
    fn default() -> Self {
        Self {
            only: None,
            aggregations: vec![Aggregation::Volume3d],
            linkage: Norm::Chebyshev,
            linkage_distance: 1,
            distance_norm: Norm::Manhattan,
        }
    }
}

/// Parameters of the tone difference family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ngtdm {
    /// Names of the features to report; absent means all.
    pub only: Option<Vec<String>>,
    /// Aggregations, of [`Aggregation::PLAIN`].
    pub aggregations: Vec<Aggregation>,
    /// Radii of the neighbourhood in voxels, each reported on its own.
    pub distances: Vec<u32>,
    /// Norm of the neighbourhood.
    pub norm: Norm,
    /// Weight of a neighbour.
    pub weighting: Weighting,
    /// Norm of the length in that weight.
    pub weighting_norm: Norm,
}

impl Default for Ngtdm {
    fn default() -> Self {
        Self {
            only: None,
            aggregations: vec![Aggregation::Volume3d],
            distances: vec![1],
            norm: Norm::Chebyshev,
            weighting: Weighting::None,
            weighting_norm: Norm::Euclidean,
        }
    }
}

/// Parameters of the dependence family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ngldm {
    /// Names of the features to report; absent means all.
    pub only: Option<Vec<String>>,
    /// Aggregations, of [`Aggregation::PLAIN`].
    pub aggregations: Vec<Aggregation>,
    /// Radii of the neighbourhood in voxels, each reported on its own.
    pub distances: Vec<u32>,
    /// Coarseness: levels that differ by at most this much are dependent.
    pub alpha: u32,
    /// Norm of the neighbourhood.
    pub norm: Norm,
    /// Weight of a neighbour.
    pub weighting: Weighting,
    /// Norm of the length in that weight.
    pub weighting_norm: Norm,
}

impl Default for Ngldm {
    fn default() -> Self {
        Self {
            only: None,
            aggregations: vec![Aggregation::Volume3d],
            distances: vec![1],
            alpha: 0,
            norm: Norm::Chebyshev,
            weighting: Weighting::None,
            weighting_norm: Norm::Euclidean,
        }
    }
}
