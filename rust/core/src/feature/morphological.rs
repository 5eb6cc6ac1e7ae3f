//! Morphological features (IBSI HCUG): the shape of the morphological mask, lengths in mm, and how
//! intensities lie in it.
//!
//! Letters: $V$ mesh volume, $A$ mesh area, $a \ge b \ge c$ semi-axes, $\lambda$ eigenvalues of the
//! covariance (divided by $N_v - 1$) of the voxel centres.
#![cfg_attr(test, allow(clippy::float_cmp))] // values that are exact by definition

use std::sync::{Arc, OnceLock};

use crate::autocorrelation::{autocorrelation, Autocorrelation};
use crate::feature::{FeatureDef, Unit};
use crate::mesh::diameter::diameter;
use crate::mesh::ellipsoid::{self, enclosing};
use crate::mesh::extremes::candidates;
use crate::mesh::hull::Hull;
use crate::mesh::marching_cubes::{histogram, measure, Surface};
use crate::mesh::oriented_box::smallest;
use crate::mesh::packed::PackedMask;
use crate::mesh::principal::{moments, principal_axes, Moments, PrincipalAxes};
use crate::mesh::weighted::{weighted_moments, WeightedMoments};
use crate::numeric::vanishes;
use crate::roi::Roi;

/// A region whose measures are taken when a feature first asks for them, and kept.
///
/// One task at a time should evaluate features of one `Morphology`: a second one would wait for a
/// measure that is being taken.
#[derive(Debug)]
pub struct Morphology {
    roi: Arc<Roi>,
    mask: OnceLock<PackedMask>,
    surface: OnceLock<Surface>,
    moments: OnceLock<Moments>,
    axes: OnceLock<PrincipalAxes>,
    hull: OnceLock<HullMeasures>,
    diameter: OnceLock<f64>,
    oriented_box: OnceLock<Solid>,
    enclosing: OnceLock<[f64; 3]>,
    weighted: OnceLock<WeightedMoments>,
    autocorrelation: OnceLock<Autocorrelation>,
}

/// A comparison body.
#[derive(Debug, Clone, Copy)]
struct Solid {
    volume: f64,
    area: f64,
}

/// The convex hull of the mesh with its volume and area.
#[derive(Debug)]
struct HullMeasures {
    hull: Hull,
    solid: Solid,
}

impl Morphology {
    /// Takes a region; measures nothing yet.
    #[must_use]
    pub fn new(roi: Arc<Roi>) -> Self {
        Self {
            roi,
            mask: OnceLock::new(),
            surface: OnceLock::new(),
            moments: OnceLock::new(),
            axes: OnceLock::new(),
            hull: OnceLock::new(),
            diameter: OnceLock::new(),
            oriented_box: OnceLock::new(),
            enclosing: OnceLock::new(),
            weighted: OnceLock::new(),
            autocorrelation: OnceLock::new(),
        }
    }

    fn spacing(&self) -> [f64; 3] {
        self.roi.spacing()
    }

    fn mask(&self) -> &PackedMask {
        self.mask
            .get_or_init(|| PackedMask::new(self.roi.morphological(), self.roi.shape()))
    }

    fn surface(&self) -> Surface {
        *self
            .surface
            .get_or_init(|| measure(&histogram(self.mask()), self.spacing()))
    }

    fn moments(&self) -> &Moments {
        self.moments.get_or_init(|| moments(self.mask()))
    }

    fn axes(&self) -> &PrincipalAxes {
        let measure = || principal_axes(self.mask(), self.moments(), self.spacing());
        self.axes.get_or_init(measure)
    }

    /// Semi-axes of the approximate enclosing ellipsoid.
    fn semi_axes(&self) -> [f64; 3] {
        self.axes().eigenvalues.map(|lambda| 2.0 * lambda.sqrt())
    }

    fn hull(&self) -> &HullMeasures {
        self.hull.get_or_init(|| {
            let hull = Hull::new(&candidates(self.mask()))
                .expect("the mesh of a voxel has volume, and a mask in memory has a small grid");
            let spacing = self.spacing();
            let solid = Solid {
                volume: hull.volume(spacing),
                area: hull.area(spacing),
            };
            HullMeasures { hull, solid }
        })
    }

    fn diameter(&self) -> f64 {
        let measure = || diameter(self.hull().hull.corners(), self.spacing());
        *self.diameter.get_or_init(measure)
    }

    /// The mesh's box: half a voxel more than the voxel centres on each side.
    fn aligned_box(&self) -> Solid {
        let corners = self.hull().hull.corners();
        let spacing = self.spacing();
        let [a, b, c] = [0, 1, 2].map(|axis| {
            let along = corners.iter().map(|p| p[axis]);
            let width = along.clone().max().unwrap_or(0) - along.min().unwrap_or(0);
            f64::from(width) / 2.0 * spacing[axis]
        });
        Solid {
            volume: a * b * c,
            area: 2.0 * (a * b + b * c + c * a),
        }
    }

    fn oriented_box(&self) -> Solid {
        *self.oriented_box.get_or_init(|| {
            let found = smallest(&self.hull().hull, self.spacing(), self.axes().directions);
            Solid {
                volume: found.volume(),
                area: found.area(),
            }
        })
    }

    /// Semi-axes of the minimum volume enclosing ellipsoid.
    fn enclosing(&self) -> [f64; 3] {
        let measure = || enclosing(&self.hull().hull.positions(self.spacing())).semi_axes;
        *self.enclosing.get_or_init(measure)
    }

    fn weighted(&self) -> &WeightedMoments {
        self.weighted.get_or_init(|| {
            weighted_moments(
                self.roi.intensities(),
                self.roi.intensity(),
                self.roi.shape(),
            )
        })
    }

    fn autocorrelation(&self) -> Autocorrelation {
        *self
            .autocorrelation
            .get_or_init(|| autocorrelation(&self.roi))
    }
}

/// `x / y`, undefined where there is nothing to compare with.
fn ratio(x: f64, y: f64) -> f64 {
    if y > 0.0 {
        x / y
    } else {
        f64::NAN
    }
}

/// Volume (mesh), RNU0: $V = \left|\sum_k \frac{\mathbf{a} \cdot (\mathbf{b} \times \mathbf{c})}{6}\right|$
/// over the triangles of the marching-cubes mesh, in mm³.
///
/// Defined for every region; a cavity does not belong to the volume. One voxel gives an octahedron.
pub fn volume_mesh(m: &Morphology) -> f64 {
    m.surface().volume
}

/// Volume (voxel counting), YEKZ: $V_{count} = \sum_{k=1}^{N_v} V_k$, the number of voxels times the
/// volume of one, in mm³.
///
/// Defined for every region.
pub fn volume_voxel_counting(m: &Morphology) -> f64 {
    let voxel: f64 = m.spacing().iter().product();
    m.moments().n as f64 * voxel
}

/// Surface area (mesh), C0JK: $A = \sum_k \frac{|\mathbf{ab} \times \mathbf{ac}|}{2}$ over the
/// triangles of the marching-cubes mesh, in mm².
///
/// Defined for every region; the walls of cavities count.
pub fn surface_area_mesh(m: &Morphology) -> f64 {
    m.surface().area
}

/// Surface to volume ratio, 2PR5: $\frac{A}{V}$.
///
/// Defined for every region.
pub fn surface_to_volume_ratio(m: &Morphology) -> f64 {
    let Surface { area, volume } = m.surface();
    area / volume
}

/// Compactness 1, SKGS: $\frac{V}{\pi^{1/2} A^{3/2}}$.
///
/// Defined for every region.
pub fn compactness_1(m: &Morphology) -> f64 {
    let Surface { area, volume } = m.surface();
    volume / (std::f64::consts::PI.sqrt() * area.powf(1.5))
}

/// Compactness 2, BQWJ: $36 \pi \frac{V^2}{A^3}$.
///
/// Defined for every region.
pub fn compactness_2(m: &Morphology) -> f64 {
    let Surface { area, volume } = m.surface();
    36.0 * std::f64::consts::PI * volume.powi(2) / area.powi(3)
}

/// Spherical disproportion, KRCK: $\frac{A}{(36 \pi V^2)^{1/3}}$.
///
/// Defined for every region.
pub fn spherical_disproportion(m: &Morphology) -> f64 {
    1.0 / sphericity(m)
}

/// Sphericity, QCFX: $\frac{(36 \pi V^2)^{1/3}}{A}$.
///
/// Defined for every region.
pub fn sphericity(m: &Morphology) -> f64 {
    let Surface { area, volume } = m.surface();
    (36.0 * std::f64::consts::PI * volume.powi(2)).cbrt() / area
}

/// Asphericity, 25C7: $\left(\frac{1}{36 \pi} \frac{A^3}{V^2}\right)^{1/3} - 1$.
///
/// Defined for every region.
pub fn asphericity(m: &Morphology) -> f64 {
    spherical_disproportion(m) - 1.0
}

/// Centre of mass shift, KLMA: $\left\| \frac{1}{N_{v,m}} \sum_k \vec{X}_{c,k} -
/// \frac{\sum_k X_{gl,k} \vec{X}_{c,gl,k}}{\sum_k X_{gl,k}} \right\|_2$, the distance in mm between
/// the centre of the morphological mask and the intensity-weighted one of the intensity mask.
///
/// Undefined (NaN) where the mean intensity is 0, also but for rounding (at most 4 units in the last
/// place of the largest intensity). Intensities of both signs can put the weighted centre far outside
/// the region.
pub fn centre_of_mass_shift(m: &Morphology) -> f64 {
    let spacing = m.spacing();
    let (geometric, weighted) = (m.moments().centre(spacing), m.weighted());
    let (lowest, highest) = m.roi.span();
    if vanishes(
        weighted.sum / weighted.n as f64,
        lowest.abs().max(highest.abs()),
    ) {
        return f64::NAN;
    }
    let centre = |a: usize| weighted.first[a] / weighted.sum * spacing[a];
    (0..3)
        .map(|a| (geometric[a] - centre(a)).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// Maximum 3D diameter, L0JK: $\max_{k_1, k_2} \| \vec{X}_{vx,k_1} - \vec{X}_{vx,k_2} \|_2$ over the
/// vertices of the mesh, in mm.
///
/// Defined for every region.
pub fn maximum_3d_diameter(m: &Morphology) -> f64 {
    m.diameter()
}

/// Major axis length, TDIC: $2a = 4 \sqrt{\lambda_{major}}$, in mm.
///
/// 0 for one voxel.
pub fn major_axis_length(m: &Morphology) -> f64 {
    4.0 * m.axes().eigenvalues[0].sqrt()
}

/// Minor axis length, P9VJ: $2b = 4 \sqrt{\lambda_{minor}}$, in mm.
///
/// 0 for voxels in one line.
pub fn minor_axis_length(m: &Morphology) -> f64 {
    4.0 * m.axes().eigenvalues[1].sqrt()
}

/// Least axis length, 7J51: $2c = 4 \sqrt{\lambda_{least}}$, in mm.
///
/// 0 for voxels in one plane.
pub fn least_axis_length(m: &Morphology) -> f64 {
    4.0 * m.axes().eigenvalues[2].sqrt()
}

/// Elongation, Q3CK: $\sqrt{\frac{\lambda_{minor}}{\lambda_{major}}}$.
///
/// 0 for voxels in one line, undefined (NaN) for one voxel.
pub fn elongation(m: &Morphology) -> f64 {
    let [major, minor, _] = m.axes().eigenvalues;
    ratio(minor, major).sqrt()
}

/// Flatness, N17B: $\sqrt{\frac{\lambda_{least}}{\lambda_{major}}}$.
///
/// 0 for voxels in one plane, undefined (NaN) for one voxel.
pub fn flatness(m: &Morphology) -> f64 {
    let [major, _, least] = m.axes().eigenvalues;
    ratio(least, major).sqrt()
}

/// Volume density (axis-aligned bounding box), PBX1: $\frac{V}{V_{aabb}}$ with the box of the mesh
/// vertices.
///
/// Defined for every region.
pub fn volume_density_axis_aligned_bounding_box(m: &Morphology) -> f64 {
    m.surface().volume / m.aligned_box().volume
}

/// Area density (axis-aligned bounding box), R59B: $\frac{A}{A_{aabb}}$ with the box of the mesh
/// vertices.
///
/// Defined for every region.
pub fn area_density_axis_aligned_bounding_box(m: &Morphology) -> f64 {
    m.surface().area / m.aligned_box().area
}

/// Volume density (oriented minimum bounding box), ZH1A: $\frac{V}{V_{ombb}}$.
///
/// Defined for every region. IBSI leaves the method open and gives no reference value; ours lays
/// boxes on the axes and on the largest facets of the convex hull, turns the smallest of them about
/// their own directions while that gains, and is never larger than the axis-aligned or the
/// principal box (usually within 0.1 % of the smallest possible), see `mesh::oriented_box`.
pub fn volume_density_oriented_minimum_bounding_box(m: &Morphology) -> f64 {
    m.surface().volume / m.oriented_box().volume
}

/// Area density (oriented minimum bounding box), IQYR: $\frac{A}{A_{ombb}}$ with the box of the
/// volume density (ZH1A), which is searched for by its volume.
///
/// Defined for every region; no reference value. Of several boxes of the smallest volume, whose areas
/// may differ, any may be the one.
pub fn area_density_oriented_minimum_bounding_box(m: &Morphology) -> f64 {
    m.surface().area / m.oriented_box().area
}

/// Volume density (approximate enclosing ellipsoid), 6BDE: $\frac{3V}{4 \pi a b c}$ with the
/// semi-axes $a = 2\sqrt{\lambda_{major}}$, $b = 2\sqrt{\lambda_{minor}}$,
/// $c = 2\sqrt{\lambda_{least}}$.
///
/// Undefined (NaN) for voxels in one plane, where $c = 0$.
pub fn volume_density_approximate_enclosing_ellipsoid(m: &Morphology) -> f64 {
    ratio(m.surface().volume, ellipsoid::volume(m.semi_axes()))
}

/// Area density (approximate enclosing ellipsoid), RDD2: $\frac{A}{A_{aee}}$ with
/// $A_{aee} = 4 \pi a b \sum_{\nu=0}^{20} \frac{(\alpha\beta)^\nu}{1 - 4\nu^2}
/// P_\nu\left(\frac{\alpha^2 + \beta^2}{2\alpha\beta}\right)$, $\alpha^2 = 1 - b^2/a^2$ and
/// $\beta^2 = 1 - c^2/a^2$.
///
/// Undefined (NaN) for voxels in one plane, where $c = 0$.
pub fn area_density_approximate_enclosing_ellipsoid(m: &Morphology) -> f64 {
    let axes = m.semi_axes();
    if axes[2] > 0.0 {
        m.surface().area / ellipsoid::area(axes)
    } else {
        f64::NAN
    }
}

/// Volume density (minimum volume enclosing ellipsoid), SWZ1: $\frac{3V}{4 \pi a b c}$ with the
/// semi-axes of the smallest ellipsoid around the mesh vertices.
///
/// Defined for every region; no reference value. The ellipsoid's volume is within $10^{-6}$ of the
/// smallest (IBSI suggests a tolerance of 0.001).
pub fn volume_density_minimum_volume_enclosing_ellipsoid(m: &Morphology) -> f64 {
    m.surface().volume / ellipsoid::volume(m.enclosing())
}

/// Area density (minimum volume enclosing ellipsoid), BRI8: $\frac{A}{A_{mvee}}$ with the area of
/// the smallest ellipsoid around the mesh vertices, by the series of RDD2.
///
/// Defined for every region; no reference value.
pub fn area_density_minimum_volume_enclosing_ellipsoid(m: &Morphology) -> f64 {
    m.surface().area / ellipsoid::area(m.enclosing())
}

/// Volume density (convex hull), R3ER: $\frac{V}{V_{convex}}$ with the convex hull of the mesh.
///
/// Defined for every region.
pub fn volume_density_convex_hull(m: &Morphology) -> f64 {
    m.surface().volume / m.hull().solid.volume
}

/// Area density (convex hull), 7T7F: $\frac{A}{A_{convex}}$ with the convex hull of the mesh.
///
/// Defined for every region.
pub fn area_density_convex_hull(m: &Morphology) -> f64 {
    m.surface().area / m.hull().solid.area
}

/// Integrated intensity, 99N0: $V \frac{1}{N_{v,gl}} \sum_{k=1}^{N_{v,gl}} X_{gl,k}$, the mesh volume
/// of the morphological mask times the mean of the intensity mask.
///
/// Defined for every region.
pub fn integrated_intensity(m: &Morphology) -> f64 {
    let weighted = m.weighted();
    m.surface().volume * (weighted.sum / weighted.n as f64)
}

/// Moran's I index, N365: $\frac{N_{v,gl}}{\sum_{k_1} \sum_{k_2} w_{k_1 k_2}}
/// \frac{\sum_{k_1} \sum_{k_2} w_{k_1 k_2} (X_{gl,k_1} - \mu)(X_{gl,k_2} - \mu)}
/// {\sum_k (X_{gl,k} - \mu)^2}$, $k_1 \ne k_2$, over the intensity mask; $w$ is the inverse distance.
///
/// Undefined (NaN) for one voxel and for equal intensities.
pub fn morans_i_index(m: &Morphology) -> f64 {
    m.autocorrelation().morans_i
}

/// Geary's C measure, NPT7: $\frac{N_{v,gl} - 1}{2 \sum_{k_1} \sum_{k_2} w_{k_1 k_2}}
/// \frac{\sum_{k_1} \sum_{k_2} w_{k_1 k_2} (X_{gl,k_1} - X_{gl,k_2})^2}
/// {\sum_k (X_{gl,k} - \mu)^2}$, $k_1 \ne k_2$, over the intensity mask; $w$ is the inverse distance.
///
/// Undefined (NaN) for one voxel and for equal intensities.
pub fn gearys_c_measure(m: &Morphology) -> f64 {
    m.autocorrelation().gearys_c
}

/// The family's features, in IBSI's order.
#[rustfmt::skip]
pub const FEATURES: &[FeatureDef<Morphology>] = &[
    FeatureDef { name: "volume_mesh", ibsi: "RNU0", unit: Unit::MM3, title: "Volume (mesh)", eval: volume_mesh },
    FeatureDef { name: "volume_voxel_counting", ibsi: "YEKZ", unit: Unit::MM3, title: "Volume (voxel counting)", eval: volume_voxel_counting },
    FeatureDef { name: "surface_area_mesh", ibsi: "C0JK", unit: Unit::MM2, title: "Surface area (mesh)", eval: surface_area_mesh },
    FeatureDef { name: "surface_to_volume_ratio", ibsi: "2PR5", unit: Unit::PER_MM, title: "Surface to volume ratio", eval: surface_to_volume_ratio },
    FeatureDef { name: "compactness_1", ibsi: "SKGS", unit: Unit::ONE, title: "Compactness 1", eval: compactness_1 },
    FeatureDef { name: "compactness_2", ibsi: "BQWJ", unit: Unit::ONE, title: "Compactness 2", eval: compactness_2 },
    FeatureDef { name: "spherical_disproportion", ibsi: "KRCK", unit: Unit::ONE, title: "Spherical disproportion", eval: spherical_disproportion },
    FeatureDef { name: "sphericity", ibsi: "QCFX", unit: Unit::ONE, title: "Sphericity", eval: sphericity },
    FeatureDef { name: "asphericity", ibsi: "25C7", unit: Unit::ONE, title: "Asphericity", eval: asphericity },
    FeatureDef { name: "centre_of_mass_shift", ibsi: "KLMA", unit: Unit::MM, title: "Centre of mass shift", eval: centre_of_mass_shift },
    FeatureDef { name: "maximum_3d_diameter", ibsi: "L0JK", unit: Unit::MM, title: "Maximum 3D diameter", eval: maximum_3d_diameter },
    FeatureDef { name: "major_axis_length", ibsi: "TDIC", unit: Unit::MM, title: "Major axis length", eval: major_axis_length },
    FeatureDef { name: "minor_axis_length", ibsi: "P9VJ", unit: Unit::MM, title: "Minor axis length", eval: minor_axis_length },
    FeatureDef { name: "least_axis_length", ibsi: "7J51", unit: Unit::MM, title: "Least axis length", eval: least_axis_length },
    FeatureDef { name: "elongation", ibsi: "Q3CK", unit: Unit::ONE, title: "Elongation", eval: elongation },
    FeatureDef { name: "flatness", ibsi: "N17B", unit: Unit::ONE, title: "Flatness", eval: flatness },
    FeatureDef { name: "volume_density_axis_aligned_bounding_box", ibsi: "PBX1", unit: Unit::ONE, title: "Volume density (axis-aligned bounding box)", eval: volume_density_axis_aligned_bounding_box },
    FeatureDef { name: "area_density_axis_aligned_bounding_box", ibsi: "R59B", unit: Unit::ONE, title: "Area density (axis-aligned bounding box)", eval: area_density_axis_aligned_bounding_box },
    FeatureDef { name: "volume_density_oriented_minimum_bounding_box", ibsi: "ZH1A", unit: Unit::ONE, title: "Volume density (oriented minimum bounding box)", eval: volume_density_oriented_minimum_bounding_box },
    FeatureDef { name: "area_density_oriented_minimum_bounding_box", ibsi: "IQYR", unit: Unit::ONE, title: "Area density (oriented minimum bounding box)", eval: area_density_oriented_minimum_bounding_box },
    FeatureDef { name: "volume_density_approximate_enclosing_ellipsoid", ibsi: "6BDE", unit: Unit::ONE, title: "Volume density (approximate enclosing ellipsoid)", eval: volume_density_approximate_enclosing_ellipsoid },
    FeatureDef { name: "area_density_approximate_enclosing_ellipsoid", ibsi: "RDD2", unit: Unit::ONE, title: "Area density (approximate enclosing ellipsoid)", eval: area_density_approximate_enclosing_ellipsoid },
    FeatureDef { name: "volume_density_minimum_volume_enclosing_ellipsoid", ibsi: "SWZ1", unit: Unit::ONE, title: "Volume density (minimum volume enclosing ellipsoid)", eval: volume_density_minimum_volume_enclosing_ellipsoid },
    FeatureDef { name: "area_density_minimum_volume_enclosing_ellipsoid", ibsi: "BRI8", unit: Unit::ONE, title: "Area density (minimum volume enclosing ellipsoid)", eval: area_density_minimum_volume_enclosing_ellipsoid },
    FeatureDef { name: "volume_density_convex_hull", ibsi: "R3ER", unit: Unit::ONE, title: "Volume density (convex hull)", eval: volume_density_convex_hull },
    FeatureDef { name: "area_density_convex_hull", ibsi: "7T7F", unit: Unit::ONE, title: "Area density (convex hull)", eval: area_density_convex_hull },
    FeatureDef { name: "integrated_intensity", ibsi: "99N0", unit: Unit::INTENSITY_MM3, title: "Integrated intensity", eval: integrated_intensity },
    FeatureDef { name: "morans_i_index", ibsi: "N365", unit: Unit::ONE, title: "Moran's I index", eval: morans_i_index },
    FeatureDef { name: "gearys_c_measure", ibsi: "NPT7", unit: Unit::ONE, title: "Geary's C measure", eval: gearys_c_measure },
];

#[cfg(test)]
mod tests {
    use ndarray::Array3;
    use proptest::prelude::*;

    use super::*;
    use crate::mesh::testing::{mask_of, masks, permuted, spacings, Mask};
    use crate::parallel::with_threads;
    use crate::phantom;

    fn region(
        (mask, shape): &Mask,
        spacing: [f64; 3],
        values: impl Fn(usize) -> f64,
    ) -> Morphology {
        let image = Array3::from_shape_vec(*shape, (0..mask.len()).map(values).collect()).unwrap();
        let mask = Array3::from_shape_vec(*shape, mask.clone()).unwrap();
        Morphology::new(Arc::new(
            Roi::new(image.view(), mask.view(), spacing).unwrap(),
        ))
    }

    /// All values but those of the autocorrelation, which has its own tests.
    fn values(m: &Morphology) -> Vec<(&'static str, Unit, f64)> {
        FEATURES[..27]
            .iter()
            .map(|f| (f.name, f.unit, (f.eval)(m)))
            .collect()
    }

    fn value(m: &Morphology, name: &str) -> f64 {
        (FEATURES.iter().find(|f| f.name == name).unwrap().eval)(m)
    }

    #[test]
    fn digital_phantom_meets_its_reference_values() {
        const REFERENCE: &str =
            include_str!("../../../../python/ferromics/reference/ibsi1_values.csv");
        let roi = Roi::new(
            phantom::image().view(),
            phantom::mask().view(),
            phantom::SPACING,
        )
        .unwrap();
        let phantom = Morphology::new(Arc::new(roi));
        let mut met = 0;
        for row in REFERENCE
            .lines()
            .filter(|row| row.starts_with("digital_phantom,morph,"))
        {
            let fields: Vec<&str> = row.split(',').collect();
            let (name, code) = (fields[2], fields[3]);
            let (Ok(reference), Ok(tolerance)) = (fields[5].parse(), fields[6].parse()) else {
                continue;
            };
            let def = FEATURES
                .iter()
                .find(|f| f.name == name && f.ibsi == code)
                .unwrap();
            if name == "morans_i_index" || name == "gearys_c_measure" {
                continue;
            }
            let got = (def.eval)(&phantom);
            assert!(
                matches(reference, tolerance, got),
                "{name}: {got}, reference {reference}"
            );
            met += 1;
        }
        assert_eq!(met, 23);
    }

    /// IBSI's rule: the difference, cut after the reference's third significant digit, is within
    /// the tolerance.
    fn matches(reference: f64, tolerance: f64, got: f64) -> bool {
        let digit = 10.0_f64.powf(reference.abs().log10().floor() - 2.0);
        ((reference - got).abs() / digit).trunc() * digit <= tolerance * (1.0 + 1e-9)
    }

    proptest! {
        #[test]
        fn units_are_scaling_laws(mask in masks(5, 6), spacing in spacings()) {
            let brightness = |i: usize| 1.0 + (i * 7 % 11) as f64;
            let one = region(&mask, spacing, brightness);
            let two = region(&mask, spacing.map(|s| 2.0 * s), |i| 4.0 * brightness(i));
            for ((name, unit, a), (_, _, b)) in values(&one).into_iter().zip(values(&two)) {
                let law = 2.0_f64.powi(unit.mm.into()) * 4.0_f64.powi(unit.intensity.into());
                prop_assert!(a.is_nan() == b.is_nan(), "{name} {a} {b}");
                prop_assert!(a.is_nan() || (a * law - b).abs() <= 1e-11 * b.abs(), "{name} {a} {b}");
            }
        }

        #[test]
        fn order_of_axes_does_not_matter(mask in masks(5, 6), spacing in spacings()) {
            let one = region(&mask, spacing, |_| 3.0);
            for order in [[1, 0, 2], [2, 1, 0], [1, 2, 0]] {
                let other = region(&permuted(&mask, order), order.map(|a| spacing[a]), |_| 3.0);
                for ((name, _, a), (_, _, b)) in values(&one).into_iter().zip(values(&other)) {
                    // Which of equally small boxes is met first, and turned on, is chance;
                    // the ellipsoid stops at 1e-10 of its volume; the shift of equal intensities is rounding.
                    let tolerance = match name {
                        "centre_of_mass_shift" => continue,
                        n if n.contains("oriented_minimum_bounding_box") => continue,
                        n if n.contains("minimum_volume_enclosing") => 1e-7,
                        _ => 1e-10,
                    };
                    prop_assert!(a.is_nan() == b.is_nan(), "{name} {a} {b}");
                    prop_assert!(a.is_nan() || (a - b).abs() <= tolerance * b.abs().max(1e-3), "{name} {a} {b}");
                }
            }
        }

        #[test]
        fn no_value_is_infinite_and_bodies_enclose(mask in masks(5, 6), spacing in spacings()) {
            let m = region(&mask, spacing, |i| i as f64);
            for (name, _, v) in values(&m) {
                prop_assert!(!v.is_infinite(), "{name}");
            }
            for name in [
                "volume_density_axis_aligned_bounding_box",
                "volume_density_oriented_minimum_bounding_box",
                "volume_density_minimum_volume_enclosing_ellipsoid",
                "volume_density_convex_hull",
            ] {
                let v = value(&m, name);
                prop_assert!(v > 0.0 && v <= 1.0 + 1e-12, "{name} {v}");
            }
        }
    }

    #[test]
    fn one_voxel_one_row_and_one_slice() {
        let undefined = |m: &Morphology| -> Vec<&str> {
            values(m)
                .into_iter()
                .filter(|v| v.2.is_nan())
                .map(|v| v.0)
                .collect()
        };
        let ellipsoids = [
            "volume_density_approximate_enclosing_ellipsoid",
            "area_density_approximate_enclosing_ellipsoid",
        ];
        let one = region(&(vec![true], [1; 3]), [2.0, 1.0, 3.0], |_| 7.0);
        assert_eq!(
            undefined(&one),
            [&["elongation", "flatness"][..], &ellipsoids].concat()
        );
        assert_eq!(value(&one, "volume_voxel_counting"), 6.0);
        assert_eq!(value(&one, "volume_mesh"), 1.0);
        assert_eq!(value(&one, "integrated_intensity"), 7.0);
        assert_eq!(value(&one, "maximum_3d_diameter"), 3.0);
        assert_eq!(value(&one, "major_axis_length"), 0.0);
        assert_eq!(value(&one, "centre_of_mass_shift"), 0.0);
        let row = region(&(vec![true; 5], [1, 1, 5]), [1.0; 3], |_| 1.0);
        assert_eq!(undefined(&row), ellipsoids);
        assert_eq!(value(&row, "elongation"), 0.0);
        let slice = region(&(vec![true; 20], [1, 4, 5]), [1.0; 3], |_| 1.0);
        assert_eq!(undefined(&slice), ellipsoids);
        assert_eq!(value(&slice, "flatness"), 0.0);
        assert_eq!(value(&slice, "least_axis_length"), 0.0);
    }

    #[test]
    fn intensities_that_sum_to_nothing_have_no_centre() {
        let m = region(&(vec![true; 2], [1, 1, 2]), [1.0; 3], |i| [1.0, -1.0][i]);
        assert!(value(&m, "centre_of_mass_shift").is_nan());
        let m = region(&(vec![true; 2], [1, 1, 2]), [1.0; 3], |i| [0.0, 5.0][i]);
        assert_eq!(value(&m, "centre_of_mass_shift"), 0.5);
    }

    #[test]
    fn threads_change_no_bit() {
        let mask = mask_of([40, 37, 45], |[z, y, x]| (z * z + 3 * y * x) % 17 < 9);
        let run = |n| {
            with_threads(Some(n), || {
                let m = region(&mask, [2.5, 0.9, 1.1], |i| (i as f64).sin());
                values(&m)
                    .into_iter()
                    .map(|v| v.2.to_bits())
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(run(1), run(2));
        assert_eq!(run(1), run(7));
    }
}
