//! Diagnostic features: what image and region are like after each processing stage (IBSI manual,
//! "Diagnostic features" of the reference data sets). They have reference values, but no codes.
//!
//! Two tables of measures, one of an image and one of a region, taken at the stages of `IMAGES` and `REGIONS`.

use ndarray::ArrayView3;

use crate::feature::{FeatureDef, Unit};
use crate::numeric::mean;
use crate::roi::Roi;
use crate::volume::Window;

/// An image as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImageSummary {
    /// Voxels along (z, y, x).
    pub shape: [usize; 3],
    /// Spacing in mm (z, y, x).
    pub spacing: [f64; 3],
    /// Mean of the finite intensities.
    pub mean: f64,
    /// Lowest finite intensity.
    pub minimum: f64,
    /// Highest finite intensity.
    pub maximum: f64,
}

/// A region on its image's grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionSummary {
    /// Voxels of the image along (z, y, x), which are those of its masks.
    pub shape: [usize; 3],
    /// Voxels of the intensity mask's bounding box along (z, y, x).
    pub intensity_box: [usize; 3],
    /// Voxels of the morphological mask's bounding box along (z, y, x).
    pub morphological_box: [usize; 3],
    /// Voxels of the intensity mask.
    pub intensity_voxels: usize,
    /// Voxels of the morphological mask.
    pub morphological_voxels: usize,
    /// Mean intensity of the intensity mask.
    pub mean: f64,
    /// Lowest intensity of the intensity mask.
    pub minimum: f64,
    /// Highest intensity of the intensity mask.
    pub maximum: f64,
}

impl RegionSummary {
    /// The region as it stands, in an image of `shape` (z, y, x).
    #[must_use]
    pub fn new(roi: &Roi, shape: [usize; 3]) -> Self {
        let extent = |mask: &[bool]| {
            let mask = ArrayView3::from_shape(roi.shape(), mask).ok();
            let window = mask.and_then(Window::around);
            window.map_or([0; 3], |w| w.shape)
        };
        let [morphological_voxels, intensity_voxels] = roi.voxels();
        let (minimum, maximum) = roi.span();
        Self {
            shape,
            intensity_box: extent(roi.intensity()),
            morphological_box: extent(roi.morphological()),
            intensity_voxels,
            morphological_voxels,
            mean: mean(&roi.selected()),
            minimum,
            maximum,
        }
    }
}

/// Image and region after each stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Diagnostics {
    /// The image as the core was given it: as read, after bias correction if there was one.
    pub initial_image: ImageSummary,
    /// The image after normalisation and interpolation.
    pub interpolated_image: ImageSummary,
    /// The region as it was segmented.
    pub initial_region: RegionSummary,
    /// The region after interpolation.
    pub interpolated_region: RegionSummary,
    /// The region after re-segmentation.
    pub resegmented_region: RegionSummary,
}

/// Voxels along x: $n_x$.
#[must_use]
pub fn dimension_x(m: &ImageSummary) -> f64 {
    m.shape[2] as f64
}

/// Voxels along y: $n_y$.
#[must_use]
pub fn dimension_y(m: &ImageSummary) -> f64 {
    m.shape[1] as f64
}

/// Voxels along z, the number of slices: $n_z$.
#[must_use]
pub fn dimension_z(m: &ImageSummary) -> f64 {
    m.shape[0] as f64
}

/// Distance of voxel centres along x: $s_x$.
#[must_use]
pub fn voxel_dimension_x(m: &ImageSummary) -> f64 {
    m.spacing[2]
}

/// Distance of voxel centres along y: $s_y$.
#[must_use]
pub fn voxel_dimension_y(m: &ImageSummary) -> f64 {
    m.spacing[1]
}

/// Distance of voxel centres along z, from slice to slice: $s_z$.
#[must_use]
pub fn voxel_dimension_z(m: &ImageSummary) -> f64 {
    m.spacing[0]
}

/// Mean intensity of the image: $\frac{1}{N} \sum_k X_k$ over its $N$ finite voxels.
#[must_use]
pub fn mean_intensity(m: &ImageSummary) -> f64 {
    m.mean
}

/// Lowest intensity of the image: $\min_k X_k$ over its finite voxels.
#[must_use]
pub fn minimum_intensity(m: &ImageSummary) -> f64 {
    m.minimum
}

/// Highest intensity of the image: $\max_k X_k$ over its finite voxels.
#[must_use]
pub fn maximum_intensity(m: &ImageSummary) -> f64 {
    m.maximum
}

/// Voxels of the intensity mask's array along x, inside the region or not: $n_x$.
#[must_use]
pub fn intensity_mask_dimension_x(m: &RegionSummary) -> f64 {
    m.shape[2] as f64
}

/// Voxels of the intensity mask's array along y, inside the region or not: $n_y$.
#[must_use]
pub fn intensity_mask_dimension_y(m: &RegionSummary) -> f64 {
    m.shape[1] as f64
}

/// Voxels of the intensity mask's array along z, inside the region or not: $n_z$.
#[must_use]
pub fn intensity_mask_dimension_z(m: &RegionSummary) -> f64 {
    m.shape[0] as f64
}

/// Voxels along x of the box around the intensity mask $R$:
/// $\max_{k \in R} x_k - \min_{k \in R} x_k + 1$.
#[must_use]
pub fn intensity_mask_bounding_box_dimension_x(m: &RegionSummary) -> f64 {
    m.intensity_box[2] as f64
}

/// Voxels along y of the box around the intensity mask $R$:
/// $\max_{k \in R} y_k - \min_{k \in R} y_k + 1$.
#[must_use]
pub fn intensity_mask_bounding_box_dimension_y(m: &RegionSummary) -> f64 {
    m.intensity_box[1] as f64
}

/// Voxels along z of the box around the intensity mask $R$:
/// $\max_{k \in R} z_k - \min_{k \in R} z_k + 1$.
#[must_use]
pub fn intensity_mask_bounding_box_dimension_z(m: &RegionSummary) -> f64 {
    m.intensity_box[0] as f64
}

/// Voxels along x of the box around the morphological mask $M$:
/// $\max_{k \in M} x_k - \min_{k \in M} x_k + 1$.
#[must_use]
pub fn morphological_mask_bounding_box_dimension_x(m: &RegionSummary) -> f64 {
    m.morphological_box[2] as f64
}

/// Voxels along y of the box around the morphological mask $M$:
/// $\max_{k \in M} y_k - \min_{k \in M} y_k + 1$.
#[must_use]
pub fn morphological_mask_bounding_box_dimension_y(m: &RegionSummary) -> f64 {
    m.morphological_box[1] as f64
}

/// Voxels along z of the box around the morphological mask $M$:
/// $\max_{k \in M} z_k - \min_{k \in M} z_k + 1$.
#[must_use]
pub fn morphological_mask_bounding_box_dimension_z(m: &RegionSummary) -> f64 {
    m.morphological_box[0] as f64
}

/// Voxels of the intensity mask: $N_v$.
#[must_use]
pub fn intensity_mask_voxel_count(m: &RegionSummary) -> f64 {
    m.intensity_voxels as f64
}

/// Voxels of the morphological mask: $N_{v,m}$.
#[must_use]
pub fn morphological_mask_voxel_count(m: &RegionSummary) -> f64 {
    m.morphological_voxels as f64
}

/// Mean intensity of the intensity mask: $\frac{1}{N_v} \sum_{k=1}^{N_v} X_{gl,k}$.
#[must_use]
pub fn intensity_mask_mean_intensity(m: &RegionSummary) -> f64 {
    m.mean
}

/// Lowest intensity of the intensity mask: $\min_k X_{gl,k}$.
#[must_use]
pub fn intensity_mask_minimum_intensity(m: &RegionSummary) -> f64 {
    m.minimum
}

/// Highest intensity of the intensity mask: $\max_k X_{gl,k}$.
#[must_use]
pub fn intensity_mask_maximum_intensity(m: &RegionSummary) -> f64 {
    m.maximum
}

const fn row<M>(
    name: &'static str,
    title: &'static str,
    unit: Unit,
    eval: fn(&M) -> f64,
) -> FeatureDef<M> {
    FeatureDef {
        name,
        ibsi: "",
        unit,
        title,
        eval,
    }
}

/// Measures of an image.
#[rustfmt::skip]
pub const IMAGE: &[FeatureDef<ImageSummary>] = &[
    row("dimension_x", "dimension x", Unit::ONE, dimension_x),
    row("dimension_y", "dimension y", Unit::ONE, dimension_y),
    row("dimension_z", "dimension z", Unit::ONE, dimension_z),
    row("voxel_dimension_x", "voxel dimension x", Unit::MM, voxel_dimension_x),
    row("voxel_dimension_y", "voxel dimension y", Unit::MM, voxel_dimension_y),
    row("voxel_dimension_z", "voxel dimension z", Unit::MM, voxel_dimension_z),
    row("mean_intensity", "mean intensity", Unit::INTENSITY, mean_intensity),
    row("minimum_intensity", "minimum intensity", Unit::INTENSITY, minimum_intensity),
    row("maximum_intensity", "maximum intensity", Unit::INTENSITY, maximum_intensity),
];

/// Measures of a region.
#[rustfmt::skip]
pub const REGION: &[FeatureDef<RegionSummary>] = &[
    row("intensity_mask_dimension_x", "intensity mask dimension x", Unit::ONE, intensity_mask_dimension_x),
    row("intensity_mask_dimension_y", "intensity mask dimension y", Unit::ONE, intensity_mask_dimension_y),
    row("intensity_mask_dimension_z", "intensity mask dimension z", Unit::ONE, intensity_mask_dimension_z),
    row("intensity_mask_bounding_box_dimension_x", "intensity mask bounding box dimension x", Unit::ONE, intensity_mask_bounding_box_dimension_x),
    row("intensity_mask_bounding_box_dimension_y", "intensity mask bounding box dimension y", Unit::ONE, intensity_mask_bounding_box_dimension_y),
    row("intensity_mask_bounding_box_dimension_z", "intensity mask bounding box dimension z", Unit::ONE, intensity_mask_bounding_box_dimension_z),
    row("morphological_mask_bounding_box_dimension_x", "morphological mask bounding box dimension x", Unit::ONE, morphological_mask_bounding_box_dimension_x),
    row("morphological_mask_bounding_box_dimension_y", "morphological mask bounding box dimension y", Unit::ONE, morphological_mask_bounding_box_dimension_y),
    row("morphological_mask_bounding_box_dimension_z", "morphological mask bounding box dimension z", Unit::ONE, morphological_mask_bounding_box_dimension_z),
    row("intensity_mask_voxel_count", "intensity mask voxel count", Unit::ONE, intensity_mask_voxel_count),
    row("morphological_mask_voxel_count", "morphological mask voxel count", Unit::ONE, morphological_mask_voxel_count),
    row("intensity_mask_mean_intensity", "intensity mask mean intensity", Unit::INTENSITY, intensity_mask_mean_intensity),
    row("intensity_mask_minimum_intensity", "intensity mask minimum intensity", Unit::INTENSITY, intensity_mask_minimum_intensity),
    row("intensity_mask_maximum_intensity", "intensity mask maximum intensity", Unit::INTENSITY, intensity_mask_maximum_intensity),
];

/// A stage: name in tables, title, and where its summary stands.
type Stage<M> = (&'static str, &'static str, fn(&Diagnostics) -> &M);

const IMAGES: [Stage<ImageSummary>; 2] = [
    ("initial_image", "Initial image", |d| &d.initial_image),
    ("interpolated_image", "Interpolated image", |d| {
        &d.interpolated_image
    }),
];

const REGIONS: [Stage<RegionSummary>; 3] = [
    ("initial_roi", "Initial region", |d| &d.initial_region),
    ("interpolated_roi", "Interpolated region", |d| {
        &d.interpolated_region
    }),
    ("resegmented_roi", "Re-segmented region", |d| {
        &d.resegmented_region
    }),
];

/// A measure at a stage.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name in tables: stage and measure.
    pub name: String,
    /// Name as a person reads it.
    pub title: String,
    /// Unit.
    pub unit: Unit,
    /// Name of the function that takes the measure.
    pub(crate) measure: &'static str,
    quantity: Quantity,
}

#[derive(Debug, Clone, Copy)]
enum Quantity {
    Image(fn(&Diagnostics) -> &ImageSummary, fn(&ImageSummary) -> f64),
    Region(
        fn(&Diagnostics) -> &RegionSummary,
        fn(&RegionSummary) -> f64,
    ),
}

impl Column {
    fn new(stage: (&str, &str), measure: (&'static str, &str, Unit), quantity: Quantity) -> Self {
        let (name, title, unit) = measure;
        Self {
            name: format!("{}_{name}", stage.0),
            title: format!("{}, {title}", stage.1),
            unit,
            measure: name,
            quantity,
        }
    }

    /// The value of this column.
    #[must_use]
    pub fn value(&self, m: &Diagnostics) -> f64 {
        match self.quantity {
            Quantity::Image(of, eval) => eval(of(m)),
            Quantity::Region(of, eval) => eval(of(m)),
        }
    }
}

/// The family's columns: every measure at each of its stages.
#[must_use]
pub fn columns() -> Vec<Column> {
    let mut all = Vec::new();
    for (name, title, of) in IMAGES {
        all.extend(IMAGE.iter().map(|f| {
            let quantity = Quantity::Image(of, f.eval);
            Column::new((name, title), (f.name, f.title, f.unit), quantity)
        }));
    }
    for (name, title, of) in REGIONS {
        all.extend(REGION.iter().map(|f| {
            let quantity = Quantity::Region(of, f.eval);
            Column::new((name, title), (f.name, f.title, f.unit), quantity)
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom;

    #[test]
    fn there_are_sixty_columns_with_names_of_their_own() {
        let mut names: Vec<String> = columns().into_iter().map(|c| c.name).collect();
        assert_eq!(names.len(), 60);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 60);
    }

    #[test]
    fn a_region_is_summarised_by_both_masks() {
        let (image, mask) = (phantom::image(), phantom::mask());
        let mut roi = Roi::new(image.view(), mask.view(), phantom::SPACING).unwrap();
        let before = RegionSummary::new(&roi, [9, 9, 9]);
        assert_eq!(before.intensity_voxels, 74);
        assert_eq!(before.intensity_box, [4, 4, 5]);
        assert_eq!((before.minimum, before.maximum), (1.0, 6.0));
        roi.retain(6.0, 6.0);
        let after = RegionSummary::new(&roi, [9, 9, 9]);
        assert_eq!(after.morphological_voxels, 74);
        assert_eq!(after.morphological_box, before.morphological_box);
        assert!(after.intensity_voxels < 74 && after.mean == 6.0);
    }
}
