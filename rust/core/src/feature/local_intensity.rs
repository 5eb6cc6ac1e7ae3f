//! Local intensity features (IBSI 9ST6): mean intensities in a sphere of 1 cm3, in the image's own
//! intensity unit. [`crate::peak::peaks`] makes the input; the spheres also hold voxels outside
//! the region, as IBSI asks.

use crate::feature::{FeatureDef, Unit};

/// Highest means over the 1 cm3 spheres around voxels of the intensity mask.
#[derive(Debug, Clone)]
pub struct Peaks {
    /// Over the voxels of maximum intensity.
    pub local: f64,
    /// Over all voxels.
    pub global: f64,
}

/// Local intensity peak, VJGA:
/// $F = \max_{k :\, X_{gl,k} = \max X_{gl}} \frac{1}{|S_k|} \sum_{j \in S_k} X_j$.
///
/// $S_k$ holds the voxels of the image, inside the region or not, whose centres lie within
/// $r = (3 / (4 \pi))^{1/3}$ cm (about 6.2 mm) of the centre of voxel $k$ of the intensity mask.
/// Voxels beyond the image's edge and voxels that are NaN or infinite do not exist, so $S_k$ is
/// smaller there; it always holds voxel $k$. Where voxels are further apart than $r$ the value is
/// the region's maximum.
#[must_use]
pub fn local_intensity_peak(m: &Peaks) -> f64 {
    m.local
}

/// Global intensity peak, 0F91: $F = \max_{k} \frac{1}{|S_k|} \sum_{j \in S_k} X_j$.
///
/// The maximum is over all voxels $k$ of the intensity mask; the sphere $S_k$ is that of the local
/// intensity peak, so this value is never the lower one.
#[must_use]
pub fn global_intensity_peak(m: &Peaks) -> f64 {
    m.global
}

/// The family's features, in IBSI's order.
pub const FEATURES: &[FeatureDef<Peaks>] = &[
    FeatureDef {
        name: "local_intensity_peak",
        ibsi: "VJGA",
        unit: Unit::INTENSITY,
        title: "Local intensity peak",
        eval: local_intensity_peak,
    },
    FeatureDef {
        name: "global_intensity_peak",
        ibsi: "0F91",
        unit: Unit::INTENSITY,
        title: "Global intensity peak",
        eval: global_intensity_peak,
    },
];
