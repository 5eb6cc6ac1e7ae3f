//! Class `shape2D`: the outline of a region of one slice by marching squares.
//!
//! Vertices lie midway between pixels; of a square whose set pixels touch only at a corner, each is
//! cut off by itself. Axes are those of the slice, in their order.

use std::f64::consts::PI;

use super::{axes_from, Row};
use crate::error::{Error, Result};
use crate::mesh::diameter::diameter;
use crate::mesh::packed::PackedMask;
use crate::mesh::principal::{moments, principal_axes};

/// What is measured of the outline.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outline {
    pub(super) perimeter: f64,
    pub(super) surface: f64,
    pub(super) diameter: f64,
    /// Pixels times their size.
    pixels: f64,
    /// Eigenvalues of the covariance of the pixel centres divided by their number, largest first.
    eigenvalues: [f64; 2],
}

impl Outline {
    /// The outline of `voxels`, in C order of `shape` (z, y, x), across `axis`.
    ///
    /// # Errors
    /// [`Error::Argument`] without an axis, and where the mask has more than one slice along it.
    pub(super) fn new(
        voxels: &[bool],
        shape: [usize; 3],
        spacing: [f64; 3],
        axis: Option<usize>,
    ) -> Result<Self> {
        let slices = axis.map_or(0, |axis| shape[axis]);
        if slices != 1 {
            return Err(Error::Argument {
                name: "mask",
                given: match axis {
                    Some(axis) => format!("{slices} voxels long along axis {axis}"),
                    None => "3D, and force_2d_dimension is not given".into(),
                },
                allowed: "shape2D needs force_2d_dimension, and a mask of one slice along it",
            });
        }
        #[allow(clippy::cast_possible_truncation)] // an axis
        let [_, u, v] = axes_from(axis.map(|axis| axis as u8));
        // One slice: C order is the same whatever the place of its axis.
        Ok(Self::of_slice(
            voxels,
            [shape[u], shape[v]],
            [spacing[u], spacing[v]],
        ))
    }

    fn of_slice(pixels: &[bool], [ny, nx]: [usize; 2], [sy, sx]: [f64; 2]) -> Self {
        let at = |y: usize, x: usize| {
            // Counted from 1, so that what lies around the slice is not set.
            (1..=ny).contains(&y) && (1..=nx).contains(&x) && pixels[(y - 1) * nx + x - 1]
        };
        let slant = (sy / 2.0).hypot(sx / 2.0);
        // Lines by kind: across a corner, along x, along y; eighths of a square inside.
        let [mut corners, mut along_x, mut along_y, mut eighths] = [0u64; 4];
        let mut vertices = Vec::new();
        for y in 0..=ny {
            for x in 0..=nx {
                let square = [at(y, x), at(y, x + 1), at(y + 1, x), at(y + 1, x + 1)];
                let [a, b, c, d] = square;
                match square.iter().filter(|&&set| set).count() {
                    1 => (corners, eighths) = (corners + 1, eighths + 1),
                    3 => (corners, eighths) = (corners + 1, eighths + 7),
                    4 => eighths += 8,
                    2 if a == d => (corners, eighths) = (corners + 2, eighths + 2),
                    2 if a == b => (along_x, eighths) = (along_x + 1, eighths + 4),
                    2 => (along_y, eighths) = (along_y + 1, eighths + 4),
                    _ => {}
                }
                #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // as in mesh
                let (row, column) = (2 * y as i32, 2 * x as i32);
                if a != b {
                    vertices.push([0, row, column + 1]);
                }
                if a != c {
                    vertices.push([0, row + 1, column]);
                }
            }
        }
        let mask = PackedMask::new(pixels, [1, ny, nx]);
        let spacing = [1.0, sy, sx];
        let n = pixels.iter().filter(|&&set| set).count() as f64;
        let [l0, l1, _] = principal_axes(&mask, &moments(&mask), spacing).eigenvalues;
        Self {
            perimeter: corners as f64 * slant + along_x as f64 * sx + along_y as f64 * sy,
            surface: eighths as f64 / 8.0 * sy * sx,
            diameter: diameter(&vertices, spacing),
            pixels: n * sy * sx,
            eigenvalues: [l0, l1].map(|v| v * ((n - 1.0) / n)),
        }
    }
}

/// $\frac{2 \sqrt{\pi A}}{P}$ of perimeter $P$ and surface $A$.
fn sphericity(m: &Outline) -> f64 {
    2.0 * (PI * m.surface).sqrt() / m.perimeter
}

/// $\frac{P}{2 \sqrt{\pi A}}$.
fn spherical_disproportion(m: &Outline) -> f64 {
    1.0 / sphericity(m)
}

/// $\sqrt{\lambda_1 / \lambda_0}$.
fn elongation(m: &Outline) -> f64 {
    (m.eigenvalues[1] / m.eigenvalues[0]).sqrt()
}

/// $P / A$.
fn perimeter_surface_ratio(m: &Outline) -> f64 {
    m.perimeter / m.surface
}

/// The class's features.
pub(super) const FEATURES: &[Row<Outline>] = &[
    Row::new("Elongation", elongation),
    Row::new("MajorAxisLength", |m| 4.0 * m.eigenvalues[0].sqrt()),
    Row::new("MaximumDiameter", |m| m.diameter),
    Row::new("MeshSurface", |m| m.surface),
    Row::new("MinorAxisLength", |m| 4.0 * m.eigenvalues[1].sqrt()),
    Row::new("Perimeter", |m| m.perimeter),
    Row::new("PerimeterSurfaceRatio", perimeter_surface_ratio),
    Row::new("PixelSurface", |m| m.pixels),
    Row::deprecated("SphericalDisproportion", spherical_disproportion),
    Row::new("Sphericity", sphericity),
];
