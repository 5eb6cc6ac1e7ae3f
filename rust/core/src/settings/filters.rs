//! The filters of settings, with their parameters, and the rules for their response maps.
//!
//! A file has each filter's own keys and those of [`OfMap`] side by side, told apart by `type`.
//! Lengths are in mm, angles in degrees. Where a parameter is a list, each entry makes a map.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{Discretise, FamilySettings, Resegment};
use crate::filter::gabor::Part;
use crate::filter::lbp::Code;
use crate::filter::{Boundary, Dimension, Pooling};

/// A filter and the rules for its response maps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FilterSettings {
    /// The filter.
    #[serde(flatten)]
    pub filter: FilterType,
    /// What is made of its maps.
    #[serde(flatten)]
    pub of_map: OfMap,
}

impl<'de> Deserialize<'de> for FilterSettings {
    /// Two stages, since serde's `flatten` cannot refuse unknown keys.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut filter = Map::deserialize(deserializer)?;
        let keys = OfMap::KEYS.iter();
        let of_map: Map<String, Value> = keys.filter_map(|key| filter.remove_entry(*key)).collect();
        Ok(Self {
            filter: serde_json::from_value(Value::Object(filter)).map_err(D::Error::custom)?,
            of_map: serde_json::from_value(Value::Object(of_map)).map_err(D::Error::custom)?,
        })
    }
}

/// Rules for the response maps of a filter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfMap {
    /// What the maps are called; by default the filter and what differs from its defaults.
    pub name: Option<String>,
    /// Working precision.
    pub precision: Precision,
    /// Re-segmentation by the map's own intensities, on top of the image's.
    pub resegment: Resegment,
    /// Discretisations of the map; absent means those of the settings.
    pub discretise: Option<Vec<Discretise>>,
    /// Families to compute; absent means those of the settings but for `morph` and `diag`.
    pub features: Option<Vec<FamilySettings>>,
}

impl OfMap {
    const KEYS: [&'static str; 5] = ["name", "precision", "resegment", "discretise", "features"];
}

/// Working precision of a filter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 64 bits a voxel.
    #[default]
    Double,
    /// 32 bits a voxel: half the memory.
    Single,
}

/// One filter with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FilterType {
    /// Mean (S60F).
    Mean(MeanFilter),
    /// Laplacian of Gaussian (L6PA).
    Log(LogFilter),
    /// Laws' kernels (JTXT).
    Laws(LawsFilter),
    /// Gabor (Q88H).
    Gabor(GaborFilter),
    /// Undecimated separable wavelet (25BO).
    Wavelet(WaveletFilter),
    /// Simoncelli wavelet (PRT7).
    Simoncelli(IsotropicWavelet),
    /// Shannon wavelet.
    Shannon(IsotropicWavelet),
    /// Riesz transform (AYRS).
    Riesz(RieszFilter),
    /// Square of intensities.
    Square(PointTransform),
    /// Square root of intensities.
    SquareRoot(PointTransform),
    /// Logarithm of intensities.
    Logarithm(PointTransform),
    /// Exponential of intensities.
    Exponential(PointTransform),
    /// Gradient magnitude.
    Gradient(GradientFilter),
    /// Local binary patterns of slices.
    #[serde(rename = "lbp_2d")]
    Lbp2d(Lbp2d),
    /// Local binary patterns of the volume.
    #[serde(rename = "lbp_3d")]
    Lbp3d(Lbp3d),
}

fn volume() -> Dimension {
    Dimension::Volume
}
fn mirror() -> Boundary {
    Boundary::Mirror
}
fn periodic() -> Boundary {
    Boundary::Periodic
}
pub(crate) fn truncate() -> f64 {
    4.0
}
fn one() -> f64 {
    1.0
}
fn first_level() -> Vec<usize> {
    vec![1]
}

/// Parameters of the mean filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanFilter {
    /// Voxels along each edge of the box, an odd number.
    pub support: usize,
    /// Volume or slices.
    #[serde(default = "volume")]
    pub dimension: Dimension,
    /// What lies beyond the edge.
    #[serde(default = "mirror")]
    pub boundary: Boundary,
}

/// Parameters of the Laplacian of Gaussian.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFilter {
    /// Standard deviations of the Gaussian in mm.
    pub sigma: Vec<f64>,
    /// Where the kernel ends, in `sigma`.
    #[serde(default = "truncate")]
    pub truncate: f64,
    /// Volume or slices.
    #[serde(default = "volume")]
    pub dimension: Dimension,
    /// What lies beyond the edge.
    #[serde(default = "mirror")]
    pub boundary: Boundary,
}

/// Parameters of Laws' kernels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LawsFilter {
    /// Names of two kernels (x, y) or three (x, y, z), as `L5E5S5`.
    pub kernels: Vec<String>,
    /// Distance in voxels of the energy map; absent for the response map.
    #[serde(default)]
    pub energy: Option<usize>,
    /// How the responses of all rotations become one; absent for no rotations.
    #[serde(default)]
    pub pooling: Option<Pooling>,
    /// What lies beyond the edge.
    #[serde(default = "mirror")]
    pub boundary: Boundary,
}

/// Parameters of the Gabor filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaborFilter {
    /// Standard deviation of the Gaussian along the wave, mm.
    pub sigma: f64,
    /// Length of the wave, mm.
    pub wavelength: f64,
    /// Aspect: the standard deviation across the wave is `sigma / gamma`.
    #[serde(default = "one")]
    pub gamma: f64,
    /// Orientation in degrees.
    #[serde(default)]
    pub theta: f64,
    /// Step to further orientations in degrees, all around.
    #[serde(default)]
    pub theta_step: Option<f64>,
    /// What is taken of the complex response.
    #[serde(default = "modulus")]
    pub part: Part,
    /// Filter all three kinds of planes instead of slices alone.
    #[serde(default)]
    pub orthogonal: bool,
    /// How orientations and planes become one map.
    #[serde(default = "by_mean")]
    pub pooling: Pooling,
    /// What lies beyond the edge.
    #[serde(default = "mirror")]
    pub boundary: Boundary,
}

fn modulus() -> Part {
    Part::Modulus
}
fn by_mean() -> Pooling {
    Pooling::Mean
}

/// Parameters of a separable wavelet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaveletFilter {
    /// Its name, as `coif1`.
    pub wavelet: String,
    /// Sub-bands to make.
    #[serde(default)]
    pub sub_bands: Bands,
    /// Levels, from 1.
    #[serde(default = "first_level")]
    pub level: Vec<usize>,
    /// Volume or slices, where `sub_bands` are all.
    #[serde(default = "volume")]
    pub dimension: Dimension,
    /// How the responses of all rotations become one; absent for no rotations.
    #[serde(default)]
    pub pooling: Option<Pooling>,
    /// What lies beyond the edge.
    #[serde(default = "mirror")]
    pub boundary: Boundary,
}

/// Sub-bands of a wavelet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bands {
    /// All of the dimension; `all` in a file.
    #[default]
    #[serde(with = "all")]
    All,
    /// By name: L or H for x, y and, in a volume, z.
    Named(Vec<String>),
}

mod all {
    use serde::{de::Error, Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("all")
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "all" => Ok(()),
            _ => Err(D::Error::custom("'all' or a list of sub-bands is needed")),
        }
    }
}

/// Parameters of an isotropic wavelet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IsotropicWavelet {
    /// Levels, from 1.
    #[serde(default = "first_level")]
    pub level: Vec<usize>,
    /// Volume or slices.
    #[serde(default = "volume")]
    pub dimension: Dimension,
    /// What lies beyond the edge.
    #[serde(default = "periodic")]
    pub boundary: Boundary,
}

/// The filter whose response a Riesz transform takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RieszBase {
    /// Laplacian of Gaussian.
    Log,
    /// Gaussian.
    Gaussian,
    /// Simoncelli wavelet.
    Simoncelli,
    /// Shannon wavelet.
    Shannon,
}

/// Parameters of a Riesz transform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RieszFilter {
    /// Order along x, y and z.
    pub order: [u32; 3],
    /// The filter whose response is transformed.
    #[serde(default = "by_log")]
    pub base: RieszBase,
    /// Standard deviation in mm, of `log` and `gaussian`.
    #[serde(default)]
    pub sigma: Option<f64>,
    /// Where their kernels end, in `sigma`.
    #[serde(default = "truncate")]
    pub truncate: f64,
    /// Level of a wavelet.
    #[serde(default = "one_level")]
    pub level: u32,
    /// Standard deviation in mm of the structure tensor's window that steers the transform.
    #[serde(default)]
    pub sigma_tensor: Option<f64>,
    /// Volume or slices.
    #[serde(default = "volume")]
    pub dimension: Dimension,
    /// What lies beyond the edge; by default `mirror`, of wavelets `periodic`.
    #[serde(default)]
    pub boundary: Option<Boundary>,
}

fn by_log() -> RieszBase {
    RieszBase::Log
}
fn one_level() -> u32 {
    1
}

/// Parameters of a transform of intensities.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PointTransform {
    /// The largest absolute intensity; by default that of the whole image.
    pub largest: Option<f64>,
}

/// Parameters of the gradient magnitude.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradientFilter {
    /// Volume or slices.
    #[serde(default = "volume")]
    pub dimension: Dimension,
    /// What lies beyond the edge.
    #[serde(default = "mirror")]
    pub boundary: Boundary,
}

/// Parameters of local binary patterns in slices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lbp2d {
    /// Radius of the circle in voxels.
    #[serde(default = "one")]
    pub radius: f64,
    /// Points on it.
    #[serde(default = "eight")]
    pub samples: usize,
    /// How a pattern becomes a number.
    #[serde(default = "uniform")]
    pub code: Code,
    /// What lies beyond the edge.
    #[serde(default = "mirror")]
    pub boundary: Boundary,
}

fn eight() -> usize {
    8
}
fn uniform() -> Code {
    Code::Uniform
}

/// Parameters of local binary patterns in the volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lbp3d {
    /// Radius of the sphere in voxels.
    #[serde(default = "one")]
    pub radius: f64,
    /// What lies beyond the edge.
    #[serde(default = "mirror")]
    pub boundary: Boundary,
}
