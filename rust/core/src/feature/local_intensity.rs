//! Local intensity features (IBSI 9ST6).

use crate::feature::FeatureDef;

/// Input.
#[derive(Debug, Clone)]
pub struct Peaks {}

/// The family's features.
pub const FEATURES: &[FeatureDef<Peaks>] = &[];
