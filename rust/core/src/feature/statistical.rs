//! Intensity-based statistical features (IBSI UHIW).

use crate::feature::FeatureDef;

/// Input.
#[derive(Debug, Clone)]
pub struct Intensities {}

/// The family's features.
pub const FEATURES: &[FeatureDef<Intensities>] = &[];
