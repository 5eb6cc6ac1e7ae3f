//! Intensity-volume histogram features (IBSI P88C).

use crate::feature::FeatureDef;

/// Input.
#[derive(Debug, Clone)]
pub struct VolumeHistogram {}

/// The family's features.
pub const FEATURES: &[FeatureDef<VolumeHistogram>] = &[];
