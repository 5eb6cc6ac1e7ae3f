//! Grey level distance zone features (IBSI VMDZ).

use crate::feature::level_counts::LevelCounts;
use crate::feature::FeatureDef;

/// The family's features.
pub const FEATURES: &[FeatureDef<LevelCounts>] = &[];
