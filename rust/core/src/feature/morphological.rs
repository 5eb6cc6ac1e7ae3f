//! Morphological features (IBSI HCUG).

use std::sync::Arc;

use crate::feature::FeatureDef;
use crate::roi::Roi;

/// Input.
#[derive(Debug)]
pub struct Morphology {
    #[allow(dead_code)]
    roi: Arc<Roi>,
}

impl Morphology {
    /// Prepares a region.
    #[must_use]
    pub fn new(roi: Arc<Roi>) -> Self {
        Self { roi }
    }
}

/// The family's features.
pub const FEATURES: &[FeatureDef<Morphology>] = &[];
