//! The few mesh vertices that can be corners of the convex hull, found without the mesh.
//!
//! Points are on the doubled grid (z, y, x): voxel centres are even, a mesh vertex lies half-way
//! to an outside neighbour and has one odd coordinate. In a grid row only the outermost vertices
//! matter, and in a grid plane only the corners of those rows' convex polygon.

use super::packed::{span, PackedMask};
use crate::parallel;

/// The corners of the convex polygon of the mesh vertices of each grid plane along z; the region's
/// hull is their hull. Planes in order, no point twice.
///
/// Time: one pass over the bits. Memory: what it returns, some hundred points a slice.
#[must_use]
pub fn plane_corners(mask: &PackedMask) -> Vec<[i32; 3]> {
    let [nz, ny, _] = mask.shape();
    let work = (2 * nz + 1) * ny * (mask.words_per_row() + 8);
    let planes = parallel::map(2 * nz + 1, work, |plane| {
        let z = plane as i32 - 1;
        let mut polygon = Polygon::new(z);
        if z % 2 == 0 {
            even_plane(mask, z as usize / 2, &mut polygon);
        } else {
            odd_plane(mask, plane / 2, &mut polygon);
        }
        polygon.corners()
    });
    planes.concat()
}

/// Vertices on edges along x and y, in slice `z`.
fn even_plane(mask: &PackedMask, z: usize, polygon: &mut Polygon) {
    let ny = mask.shape()[1];
    let words = mask.words_per_row();
    let row = |y: usize| (y < ny).then(|| mask.row(z, y));
    for y in 0..=ny {
        let (before, here) = (row(y.wrapping_sub(1)), row(y));
        let differ = |i: usize| before.map_or(0, |r| r[i]) ^ here.map_or(0, |r| r[i]);
        if let Some((first, last)) = span(words, differ) {
            polygon.add(2 * y as i32 - 1, 2 * first as i32, 2 * last as i32);
        }
        if let Some((first, last)) = here.and_then(|r| span(words, |i| r[i])) {
            polygon.add(2 * y as i32, 2 * first as i32 - 1, 2 * last as i32 + 1);
        }
    }
}

/// Vertices on edges along z, between slices `above - 1` and `above`.
fn odd_plane(mask: &PackedMask, above: usize, polygon: &mut Polygon) {
    let [nz, ny, _] = mask.shape();
    let words = mask.words_per_row();
    for y in 0..ny {
        let row = |z: usize| (z < nz).then(|| mask.row(z, y));
        let (before, here) = (row(above.wrapping_sub(1)), row(above));
        let differ = |i: usize| before.map_or(0, |r| r[i]) ^ here.map_or(0, |r| r[i]);
        if let Some((first, last)) = span(words, differ) {
            polygon.add(2 * y as i32, 2 * first as i32, 2 * last as i32);
        }
    }
}

/// The convex polygon of rows of points, which come in order of `y`: its left and its right chain.
struct Polygon {
    z: i32,
    left: Vec<[i32; 2]>,
    right: Vec<[i32; 2]>,
}

impl Polygon {
    fn new(z: i32) -> Self {
        Self { z, left: Vec::new(), right: Vec::new() }
    }

    fn add(&mut self, y: i32, first: i32, last: i32) {
        extend_chain(&mut self.left, [y, first], 1);
        extend_chain(&mut self.right, [y, last], -1);
    }

    fn corners(self) -> Vec<[i32; 3]> {
        let Self { z, left, right } = self;
        let mut all: Vec<_> = left.iter().map(|&[y, x]| [z, y, x]).collect();
        let ends = [left.first(), left.last()].map(Option::<&[i32; 2]>::copied);
        let new = right.into_iter().filter(|p| !ends.contains(&Some(*p)));
        all.extend(new.map(|[y, x]| [z, y, x]));
        all
    }
}

/// Appends a point to a chain that bends to one side only; points in line are dropped.
fn extend_chain(chain: &mut Vec<[i32; 2]>, point: [i32; 2], side: i64) {
    let minus = |a: [i32; 2], b: [i32; 2]| [i64::from(a[0] - b[0]), i64::from(a[1] - b[1])];
    while let [.., a, b] = chain[..] {
        let (u, v) = (minus(b, a), minus(point, b));
        if side * (u[0] * v[1] - u[1] * v[0]) > 0 {
            break;
        }
        chain.pop();
    }
    chain.push(point);
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::mesh::marching_cubes::marching_cubes;
    use crate::mesh::testing::{ball, masks, Mask};
    use proptest::prelude::*;

    /// All mesh vertices on the doubled grid.
    pub fn all_vertices((mask, shape): &Mask) -> BTreeSet<[i32; 3]> {
        let mesh = marching_cubes(mask, *shape, [2.0; 3]).unwrap();
        mesh.vertices.iter().map(|v| v.map(|c| c as i32)).collect()
    }

    /// Largest extent in many directions.
    fn supports<'a>(points: impl Iterator<Item = &'a [i32; 3]> + Clone) -> Vec<i64> {
        let mut all = Vec::new();
        for a in -3_i64..=3 {
            for b in -3..=3 {
                for c in -3..=3 {
                    let along = |p: &[i32; 3]| {
                        a * i64::from(p[0]) + b * i64::from(p[1]) + c * i64::from(p[2])
                    };
                    all.push(points.clone().map(along).max().unwrap());
                }
            }
        }
        all
    }

    proptest! {
        #[test]
        fn corners_are_vertices_and_reach_as_far(mask in masks(7, 130)) {
            let every = all_vertices(&mask);
            let corners = plane_corners(&PackedMask::new(&mask.0, mask.1));
            let distinct: BTreeSet<_> = corners.iter().copied().collect();
            prop_assert_eq!(distinct.len(), corners.len());
            prop_assert!(distinct.is_subset(&every));
            prop_assert_eq!(supports(corners.iter()), supports(every.iter()));
        }
    }

    #[test]
    fn a_ball_leaves_few_points() {
        let mask = ball(30.0);
        let corners = plane_corners(&PackedMask::new(&mask.0, mask.1));
        assert!(corners.len() < 121 * 80, "{}", corners.len());
    }
}
