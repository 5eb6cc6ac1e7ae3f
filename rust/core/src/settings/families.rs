//! The feature families of settings, with their parameters.

use serde::{Deserialize, Serialize};

use super::Discretise;

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
