//! Intensity histogram features (IBSI ZVCW).

use crate::feature::FeatureDef;

/// Input.
#[derive(Debug, Clone)]
pub struct Histogram {}

/// The family's features.
pub const FEATURES: &[FeatureDef<Histogram>] = &[];
