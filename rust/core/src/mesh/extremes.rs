//! The few mesh vertices that can be corners of the convex hull, found without the mesh.
//!
//! Points are on the doubled grid (z, y, x): voxel centres are even, a mesh vertex lies half-way
//! to an outside neighbour and has one odd coordinate. In a grid row only the outermost vertices
//! matter, and in a grid plane along an axis only the corners of the convex polygon.

use super::packed::{span, PackedMask};
use crate::parallel;

/// The mesh vertices that are corners of the convex polygon of their grid plane along each of the
/// three axes; the region's hull is their hull. Ordered by `z`, no point twice.
///
/// Time: one pass over the bits. Memory: some hundred points a slice.
#[must_use]
pub fn candidates(mask: &PackedMask) -> Vec<[i32; 3]> {
    let [nz, ny, _] = mask.shape();
    let work = (2 * nz + 1) * ny * (mask.words_per_row() + 8);
    let planes = parallel::map(2 * nz + 1, work, |plane| {
        let z = plane as i32 - 1;
        let mut points = Vec::new();
        if z % 2 == 0 {
            even_plane(mask, z as usize / 2, |y, x| points.push([z, y, x]));
        } else {
            odd_plane(mask, plane / 2, |y, x| points.push([z, y, x]));
        }
        keep_corners(points, 0)
    });
    keep_corners(keep_corners(planes.concat(), 1), 2)
}

/// The points that are corners of the convex polygon of their plane across `axis`, in order.
///
/// Points come in order of their first coordinate other than `axis`.
fn keep_corners(points: Vec<[i32; 3]>, axis: usize) -> Vec<[i32; 3]> {
    let (u, v) = if axis == 0 { (1, 2) } else { (0, 3 - axis) };
    let low = points.iter().map(|p| p[axis]).min().unwrap_or(0);
    let high = points.iter().map(|p| p[axis]).max().unwrap_or(0);
    let mut chains = vec![[const { Vec::new() }; 2]; (high - low) as usize + 1];
    for (index, p) in points.iter().enumerate() {
        let [lower, upper] = &mut chains[(p[axis] - low) as usize];
        extend_chain(lower, [p[u], p[v]], index, 1);
        extend_chain(upper, [p[u], p[v]], index, -1);
    }
    let mut keep = vec![false; points.len()];
    chains
        .iter()
        .flatten()
        .flatten()
        .for_each(|&(_, index)| keep[index] = true);
    let mut keep = keep.into_iter();
    points
        .into_iter()
        .filter(|_| keep.next() == Some(true))
        .collect()
}

/// Appends a point to a chain that bends to one side only, dropping points in line; of points in
/// one row the outermost stays.
fn extend_chain(chain: &mut Vec<([i32; 2], usize)>, point: [i32; 2], index: usize, side: i64) {
    let minus = |a: [i32; 2], b: [i32; 2]| [i64::from(a[0] - b[0]), i64::from(a[1] - b[1])];
    if let Some(&(last, _)) = chain.last().filter(|(last, _)| last[0] == point[0]) {
        if side * minus(point, last)[1] >= 0 {
            return;
        }
        chain.pop();
    }
    while let [.., (a, _), (b, _)] = chain[..] {
        let (u, v) = (minus(b, a), minus(point, b));
        if side * (u[0] * v[1] - u[1] * v[0]) > 0 {
            break;
        }
        chain.pop();
    }
    chain.push((point, index));
}

/// Vertices on edges along x and y, in slice `z`.
fn even_plane(mask: &PackedMask, z: usize, mut add: impl FnMut(i32, i32)) {
    let ny = mask.shape()[1];
    let words = mask.words_per_row();
    let row = |y: usize| (y < ny).then(|| mask.row(z, y));
    for y in 0..=ny {
        let (before, here) = (row(y.wrapping_sub(1)), row(y));
        let differ = |i: usize| before.map_or(0, |r| r[i]) ^ here.map_or(0, |r| r[i]);
        if let Some((first, last)) = span(words, differ) {
            add(2 * y as i32 - 1, 2 * first as i32);
            add(2 * y as i32 - 1, 2 * last as i32);
        }
        if let Some((first, last)) = here.and_then(|r| span(words, |i| r[i])) {
            add(2 * y as i32, 2 * first as i32 - 1);
            add(2 * y as i32, 2 * last as i32 + 1);
        }
    }
}

/// Vertices on edges along z, between slices `above - 1` and `above`.
fn odd_plane(mask: &PackedMask, above: usize, mut add: impl FnMut(i32, i32)) {
    let [nz, ny, _] = mask.shape();
    let words = mask.words_per_row();
    for y in 0..ny {
        let row = |z: usize| (z < nz).then(|| mask.row(z, y));
        let (before, here) = (row(above.wrapping_sub(1)), row(above));
        let differ = |i: usize| before.map_or(0, |r| r[i]) ^ here.map_or(0, |r| r[i]);
        if let Some((first, last)) = span(words, differ) {
            add(2 * y as i32, 2 * first as i32);
            add(2 * y as i32, 2 * last as i32);
        }
    }
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
            let corners = candidates(&PackedMask::new(&mask.0, mask.1));
            let distinct: BTreeSet<_> = corners.iter().copied().collect();
            prop_assert_eq!(distinct.len(), corners.len());
            prop_assert!(distinct.is_subset(&every));
            prop_assert_eq!(supports(corners.iter()), supports(every.iter()));
        }
    }

    #[test]
    fn a_ball_leaves_few_points() {
        let mask = ball(30.0);
        let corners = candidates(&PackedMask::new(&mask.0, mask.1));
        assert!(corners.len() < 121 * 80, "{}", corners.len());
    }
}
