//! Grey level run length features (IBSI TP0I).

use crate::feature::level_counts::LevelCounts;
use crate::feature::FeatureDef;

/// The family's features.
pub const FEATURES: &[FeatureDef<LevelCounts>] = &[];
