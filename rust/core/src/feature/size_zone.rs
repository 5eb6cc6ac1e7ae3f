//! Grey level size zone features (IBSI 9SAK).

use crate::feature::level_counts::LevelCounts;
use crate::feature::FeatureDef;

/// The family's features.
pub const FEATURES: &[FeatureDef<LevelCounts>] = &[];
