//! Grey level co-occurrence features (IBSI LFYI).

use crate::feature::FeatureDef;

/// Input.
#[derive(Debug, Clone)]
pub struct Cooccurrence {}

/// The family's features.
pub const FEATURES: &[FeatureDef<Cooccurrence>] = &[];
