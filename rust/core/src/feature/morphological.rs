//! Morphological features (IBSI HCUG).

use crate::feature::FeatureDef;

/// Input.
#[derive(Debug, Clone)]
pub struct Morphology {}

/// The family's features.
pub const FEATURES: &[FeatureDef<Morphology>] = &[];
