//! Neighbourhood grey tone difference features (IBSI IPET).

use crate::feature::FeatureDef;

/// Input.
#[derive(Debug, Clone)]
pub struct ToneDifferences {}

/// The family's features.
pub const FEATURES: &[FeatureDef<ToneDifferences>] = &[];
