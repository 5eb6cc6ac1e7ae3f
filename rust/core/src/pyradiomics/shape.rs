//! Class `shape`: the mask's mesh by the classic table of marching cubes, and the spread of its voxel
//! centres.

use std::cell::OnceCell;
use std::f64::consts::PI;

use super::Row;
use crate::mesh::classic::surface;
use crate::mesh::diameter::diameter;
use crate::mesh::extremes::{candidates, planes};
use crate::mesh::marching_cubes::Surface;
use crate::mesh::packed::PackedMask;
use crate::mesh::principal::{moments, principal_axes};
use crate::volume::Window;

/// A mask with its voxels' size; what is measured on it is measured once, when asked for.
pub(super) struct Solid {
    voxels: Vec<bool>,
    /// Where the mask lies in the array that it was cut out of.
    start: [usize; 3],
    shape: [usize; 3],
    spacing: [f64; 3],
    mask: PackedMask,
    surface: OnceCell<Surface>,
    axes: OnceCell<[f64; 3]>,
}

impl Solid {
    /// `voxels` in C order of a window's shape (z, y, x), `spacing` in mm.
    pub(super) fn new(voxels: Vec<bool>, window: Window, spacing: [f64; 3]) -> Self {
        let Window { start, shape } = window;
        Self {
            mask: PackedMask::new(&voxels, shape),
            voxels,
            start,
            shape,
            spacing,
            surface: OnceCell::new(),
            axes: OnceCell::new(),
        }
    }

    fn surface(&self) -> Surface {
        let measure = || surface(&self.mask, self.start, self.spacing);
        *self.surface.get_or_init(measure)
    }

    fn voxel_count(&self) -> f64 {
        self.voxels.iter().filter(|&&v| v).count() as f64
    }

    /// Eigenvalues of the covariance of the voxel centres, divided by their number `N` (IBSI's
    /// reference values divide by `N - 1`); the largest first.
    fn eigenvalues(&self) -> [f64; 3] {
        *self.axes.get_or_init(|| {
            let moments = moments(&self.mask);
            let n = self.voxel_count();
            let axes = principal_axes(&self.mask, &moments, self.spacing);
            axes.eigenvalues.map(|v| v * ((n - 1.0) / n))
        })
    }

    /// The largest distance between mesh vertices in one plane across `axis`.
    fn planar_diameter(&self, axis: usize) -> f64 {
        let order = [[0, 1, 2], [1, 0, 2], [2, 0, 1]][axis];
        let [_, ny, nx] = self.shape;
        let shape = order.map(|a| self.shape[a]);
        let stride = [ny * nx, nx, 1];
        let [sz, sy, sx] = order.map(|a| stride[a]);
        let mut turned = Vec::with_capacity(self.voxels.len());
        for z in 0..shape[0] {
            for y in 0..shape[1] {
                turned.extend((0..shape[2]).map(|x| self.voxels[z * sz + y * sy + x * sx]));
            }
        }
        let spacing = order.map(|a| self.spacing[a]);
        let planes = planes(&PackedMask::new(&turned, shape));
        planes
            .iter()
            .map(|p| diameter(p, spacing))
            .fold(0.0, f64::max)
    }
}

/// $\left(36 \pi V^2\right)^{1/3}$: the surface area of a ball of the mesh's volume $V$.
fn ball_area(m: &Solid) -> f64 {
    let v = m.surface().volume;
    (36.0 * PI * v * v).cbrt()
}

/// $N \cdot V_{voxel}$.
fn voxel_volume(m: &Solid) -> f64 {
    m.voxel_count() * m.spacing.iter().product::<f64>()
}

/// $A / V$.
fn surface_volume_ratio(m: &Solid) -> f64 {
    m.surface().area / m.surface().volume
}

/// $\frac{\left(36 \pi V^2\right)^{1/3}}{A}$.
fn sphericity(m: &Solid) -> f64 {
    ball_area(m) / m.surface().area
}

/// $\frac{A}{\left(36 \pi V^2\right)^{1/3}}$.
fn spherical_disproportion(m: &Solid) -> f64 {
    m.surface().area / ball_area(m)
}

/// $\frac{V}{\sqrt{\pi} A^{3/2}}$.
fn compactness_1(m: &Solid) -> f64 {
    let Surface { area, volume } = m.surface();
    volume / (area.powf(1.5) * PI.sqrt())
}

/// $36 \pi \frac{V^2}{A^3}$.
fn compactness_2(m: &Solid) -> f64 {
    let Surface { area, volume } = m.surface();
    36.0 * PI * volume * volume / area.powi(3)
}

/// $4 \sqrt{\lambda_{k}}$, the largest eigenvalue $\lambda_0$ first.
fn axis_length(m: &Solid, k: usize) -> f64 {
    4.0 * m.eigenvalues()[k].sqrt()
}

/// $\sqrt{\lambda_k / \lambda_0}$.
fn axis_ratio(m: &Solid, k: usize) -> f64 {
    let values = m.eigenvalues();
    (values[k] / values[0]).sqrt()
}

/// The largest distance between two mesh vertices.
fn maximum_3d_diameter(m: &Solid) -> f64 {
    diameter(&candidates(&m.mask), m.spacing)
}

/// The class's features. A slice is a plane across z, a column one across y, a row one across x.
#[rustfmt::skip] // one row a feature
pub(super) const FEATURES: &[Row<Solid>] = &[
    Row::deprecated("Compactness1", compactness_1),
    Row::deprecated("Compactness2", compactness_2),
    Row::new("Elongation", |m| axis_ratio(m, 1)),
    Row::new("Flatness", |m| axis_ratio(m, 2)),
    Row::new("LeastAxisLength", |m| axis_length(m, 2)),
    Row::new("MajorAxisLength", |m| axis_length(m, 0)),
    Row::new("Maximum2DDiameterColumn", |m| m.planar_diameter(1)),
    Row::new("Maximum2DDiameterRow", |m| m.planar_diameter(2)),
    Row::new("Maximum2DDiameterSlice", |m| m.planar_diameter(0)),
    Row::new("Maximum3DDiameter", maximum_3d_diameter),
    Row::new("MeshVolume", |m| m.surface().volume),
    Row::new("MinorAxisLength", |m| axis_length(m, 1)),
    Row::deprecated("SphericalDisproportion", spherical_disproportion),
    Row::new("Sphericity", sphericity),
    Row::new("SurfaceArea", |m| m.surface().area),
    Row::new("SurfaceVolumeRatio", surface_volume_ratio),
    Row::new("VoxelVolume", voxel_volume),
];
