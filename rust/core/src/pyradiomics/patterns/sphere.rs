//! Patterns on spheres in the volume (Banerjee et al. 2013), with PyRadiomics' values.

use std::ops::Range;

use ndarray::{Array2, ArrayView3};

use super::block::{Block, BLOCK};
use super::harmonics;
use super::icosphere::icosphere;
use super::spline::{Coefficients, Taps, MEMORY};
use super::{check_radius, Pixel};
use crate::error::{Error, Result};
use crate::parallel;
use crate::volume::Window;

/// Splits of an icosahedron's triangles at most: 40,962 points.
const MAX_SUBDIVISION: u32 = 6;
/// Degrees of spherical harmonics at most.
const MAX_LEVELS: usize = 32;
/// Rotation-invariant patterns on a sphere around each voxel of `region`.
///
/// The image (z, y, x) is interpolated by cubic B-splines at the points of a sphere of `radius`
/// voxels ($10 \cdot 4^s + 2$ of them, s being the `subdivision`), in the image's own type
/// ([`Pixel::nearest`]), 0 outside. A point is a one if it is not below the centre.
///
/// The result has a row for each voxel of the region in C order, a column for each of `levels`
/// degrees of spherical harmonics from 0 on (the norm of that part of the ones), and a last column:
/// the excess kurtosis of the points' intensities, NaN where they are all the same.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::EmptyMask`]; [`Error::Argument`] unless `radius` is above 0
/// (and at most 1e6), `levels` at most 32 and `subdivision` at most 6.
///
/// # Panics
/// Never: each voxel has as many numbers.
pub fn on_spheres<T: Pixel>(
    image: ArrayView3<'_, T>,
    region: ArrayView3<'_, bool>,
    levels: usize,
    radius: f64,
    subdivision: u32,
) -> Result<Array2<f64>> {
    check(levels, radius, subdivision)?;
    let (shape, mask) = (image.dim().into(), region.dim().into());
    if shape != mask {
        return Err(Error::ShapeMismatch { mask, image: shape });
    }
    let window = Window::around(region).ok_or(Error::EmptyMask)?;
    let sphere = Sphere::new(levels, radius, subdivision);
    let around = Coefficients::new(image, window.grown([sphere.reach + MEMORY; 3], shape));
    let (region, inside) = (window.view(region), window.view(image));
    let [nz, ny, nx] = window.shape;
    let work = window.voxels().saturating_mul(sphere.points.len());
    let found = parallel::map(nz * ny, work, |k| {
        let [z, y] = [k / ny, k % ny];
        let row = |x: usize| (region[[z, y, x]], inside[[z, y, x]]);
        let row: Vec<_> = (0..nx).map(row).collect();
        let at = [window.start[0] + z, window.start[1] + y, window.start[2]];
        sphere.row(&around, &row, at, shape)
    });
    let count = levels + 1;
    let found = found.concat();
    let voxels = found.len() / count;
    Ok(Array2::from_shape_vec((voxels, count), found).expect("a row a voxel"))
}

fn check(levels: usize, radius: f64, subdivision: u32) -> Result<()> {
    let wrong = |name, given, allowed| {
        Err(Error::Argument {
            name,
            given,
            allowed,
        })
    };
    check_radius("lbp3DIcosphereRadius", radius)?;
    if levels > MAX_LEVELS {
        return wrong("lbp3DLevels", levels.to_string(), "it must be at most 32");
    }
    if subdivision > MAX_SUBDIVISION {
        let given = subdivision.to_string();
        return wrong("lbp3DIcosphereSubdivision", given, "it must be at most 6");
    }
    Ok(())
}

/// A point of the sphere.
pub(super) struct Point {
    /// Its place along z, y, x.
    pub(super) taps: [Taps; 3],
    /// Its place among the points, by which sums are ordered.
    pub(super) index: usize,
}

impl Point {
    /// True if both are as far from the centre along an axis.
    pub(super) fn shares(&self, other: &Self, axis: usize) -> bool {
        self.taps[axis].step.to_bits() == other.taps[axis].step.to_bits()
    }

    /// The first and the last of the voxels `xs` in the row of `at` whose point is on the image.
    pub(super) fn span(
        &self,
        at: [usize; 3],
        xs: Range<usize>,
        shape: [usize; 3],
    ) -> Option<(usize, usize)> {
        let [z, y, x] = &self.taps;
        if !(z.within(at[0], shape[0]) && y.within(at[1], shape[1])) {
            return None;
        }
        let first = xs.clone().find(|&i| x.within(i, shape[2]))?;
        Some((first, xs.clone().rfind(|&i| x.within(i, shape[2]))?))
    }
}

/// What holds for all voxels.
pub(super) struct Sphere {
    /// Points, those with the same z together, and of these those with the same y.
    pub(super) points: Vec<Point>,
    /// For each point, by index, its weight in each component of a pattern.
    pub(super) weights: Vec<Vec<f64>>,
    /// The number of components of each degree.
    pub(super) components: Vec<usize>,
    /// Voxels along an axis that points, and what they are interpolated from, may be away.
    reach: usize,
}

impl Sphere {
    fn new(levels: usize, radius: f64, subdivision: u32) -> Self {
        let vertices = icosphere(subdivision, radius);
        let degrees: Vec<_> = (0..levels)
            .map(|n| harmonics::weights(n, &vertices, radius))
            .collect();
        let of = |v: usize| {
            degrees
                .iter()
                .flat_map(|d| d.row(v).iter().copied().collect::<Vec<_>>())
                .collect()
        };
        let weights = (0..vertices.len()).map(of).collect();
        let farthest = vertices
            .iter()
            .flatten()
            .fold(0.0, |far: f64, x| far.max(x.abs()));
        let mut points: Vec<_> = vertices
            .iter()
            .enumerate()
            .map(|(index, place)| Point {
                taps: place.map(Taps::new),
                index,
            })
            .collect();
        points.sort_by(|a, b| {
            let by = |axis: usize| a.taps[axis].step.total_cmp(&b.taps[axis].step);
            by(0).then(by(1)).then(by(2))
        });
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most 1e6
        let reach = farthest.ceil() as usize + 2;
        Self {
            points,
            weights,
            components: degrees.iter().map(nalgebra::DMatrix::ncols).collect(),
            reach,
        }
    }

    /// What is found for the region's voxels of a row, the first voxel of which is `at` (z, y, x):
    /// for each, the norm of each degree and the kurtosis.
    fn row<T: Pixel>(
        &self,
        image: &Coefficients,
        row: &[(bool, T)],
        at: [usize; 3],
        shape: [usize; 3],
    ) -> Vec<f64> {
        let mut out = Vec::new();
        let mut block = Block::new(self);
        let mut first = 0;
        while let Some(next) = row[first..].iter().position(|(inside, _)| *inside) {
            first += next;
            let part = &row[first..row.len().min(first + BLOCK)];
            let length = part
                .iter()
                .rposition(|(inside, _)| *inside)
                .map_or(1, |k| k + 1);
            let part = &part[..length];
            block.sample(self, image, part, [at[0], at[1], at[2] + first], shape);
            block.finish(self, part, &mut out);
            first += length;
        }
        out
    }
}
