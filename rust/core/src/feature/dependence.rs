//! Neighbouring grey level dependence features (IBSI REK0).

use crate::feature::level_counts::LevelCounts;
use crate::feature::FeatureDef;

/// The family's features.
pub const FEATURES: &[FeatureDef<LevelCounts>] = &[];
