//! The few mesh vertices that can be corners of the convex hull, found without the mesh.
//!
//! Points are on the doubled grid (z, y, x): voxel centres are even, a mesh vertex lies half-way
//! to an outside neighbour and has one odd coordinate. In a grid row only the outermost vertices
//! matter, and in a grid plane along an axis only the corners of the convex polygon.

use super::packed::{span, PackedMask};
use crate::parallel;

/// First and last set voxel of a row, if it has any.
type Span = Option<(i32, i32)>;

/// The mesh vertices that are corners of the convex polygon of their grid plane along each of the
/// three axes; the region's hull is their hull. Ordered by `z`, no point twice.
///
/// Time: one pass over the bits. Memory: some hundred points a slice.
#[must_use]
pub fn candidates(mask: &PackedMask) -> Vec<[i32; 3]> {
    keep_corners(keep_corners(planes(mask).concat(), 1), 2)
}

/// The mesh vertices that are corners of the convex polygon of their grid plane across z, plane
/// after plane: between slices, in a slice, and so on.
#[must_use]
pub fn planes(mask: &PackedMask) -> Vec<Vec<[i32; 3]>> {
    let [nz, ny, _] = mask.shape();
    let spans = parallel::map(nz, nz * ny * mask.words_per_row(), |z| spans(mask, z));
    let empty = vec![None; ny];
    let slice = |z: Option<usize>| z.and_then(|z| spans.get(z)).unwrap_or(&empty);
    parallel::map(2 * nz + 1, 16 * nz * ny, |plane| {
        let z = plane as i32 - 1;
        let mut points = Vec::new();
        let add = |y, x| points.push([z, y, x]);
        if plane % 2 == 1 {
            even_plane(slice(Some(plane / 2)), add);
        } else {
            odd_plane(
                slice((plane / 2).checked_sub(1)),
                slice(Some(plane / 2)),
                add,
            );
        }
        keep_corners(points, 0)
    })
}

fn spans(mask: &PackedMask, z: usize) -> Vec<Span> {
    let span = |y| {
        let row = mask.row(z, y);
        let (first, last) = span(row.len(), |i| row[i])?;
        Some((first as i32, last as i32))
    };
    (0..mask.shape()[1]).map(span).collect()
}

/// The points that are corners of the convex polygon of their plane across `axis`, in order.
///
/// Points come in order of their first coordinate other than `axis`.
fn keep_corners(points: Vec<[i32; 3]>, axis: usize) -> Vec<[i32; 3]> {
    let (u, v) = if axis == 0 { (1, 2) } else { (0, 3 - axis) };
    let (ends, order) = by_plane(&points, axis);
    let mut keep = vec![false; points.len()];
    let mut chain = Vec::new();
    let mut start = 0;
    for end in ends {
        for side in [1, -1] {
            chain.clear();
            for &index in &order[start..end] {
                let p = points[index as usize];
                extend_chain(&mut chain, [p[u], p[v]], index, side);
            }
            for &(_, index) in &chain {
                keep[index as usize] = true;
            }
        }
        start = end;
    }
    let mut keep = keep.into_iter();
    points
        .into_iter()
        .filter(|_| keep.next() == Some(true))
        .collect()
}

/// Numbers of the points, plane after plane across `axis` and in order within each, and where each
/// plane ends.
fn by_plane(points: &[[i32; 3]], axis: usize) -> (Vec<usize>, Vec<u32>) {
    let low = points.iter().map(|p| p[axis]).min().unwrap_or(0);
    let high = points.iter().map(|p| p[axis]).max().unwrap_or(0);
    let plane = |p: &[i32; 3]| (p[axis] - low) as usize;
    let mut ends = vec![0; (high - low) as usize + 1];
    for p in points {
        ends[plane(p)] += 1;
    }
    let mut start = 0;
    for end in &mut ends {
        start += std::mem::replace(end, start);
    }
    // Each plane's entry is now its start, and moves to its end as it fills.
    let mut order = vec![0; points.len()];
    for (index, p) in points.iter().enumerate() {
        let place = &mut ends[plane(p)];
        order[*place] = index as u32;
        *place += 1;
    }
    (ends, order)
}

/// Appends a point to a chain that bends to one side only, dropping points in line; of points in
/// one row the outermost stays.
fn extend_chain(chain: &mut Vec<([i32; 2], u32)>, point: [i32; 2], index: u32, side: i64) {
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

/// Vertices on edges along x and y of one slice.
fn even_plane(rows: &[Span], mut add: impl FnMut(i32, i32)) {
    let mut before = None;
    for (y, here) in rows.iter().copied().chain([None]).enumerate() {
        let y = 2 * y as i32;
        outermost_between(before, here, |x| add(y - 1, x));
        if let Some((first, last)) = here {
            add(y, 2 * first - 1);
            add(y, 2 * last + 1);
        }
        before = here;
    }
}

/// Vertices on edges along z, between two slices.
fn odd_plane(below: &[Span], above: &[Span], mut add: impl FnMut(i32, i32)) {
    for (y, (&before, &here)) in below.iter().zip(above).enumerate() {
        outermost_between(before, here, |x| add(2 * y as i32, x));
    }
}

/// The outermost vertices on the edges from one row to a row beside it, but those that lie within
/// the region's hull.
///
/// Where both rows begin at the same voxel, the vertices in front of those two voxels reach further
/// than any between the rows; where they begin one voxel apart, just as far.
fn outermost_between(before: Span, here: Span, mut add: impl FnMut(i32)) {
    match (before, here) {
        (Some(a), Some(b)) => {
            if a.0.abs_diff(b.0) > 1 {
                add(2 * a.0.min(b.0));
            }
            if a.1.abs_diff(b.1) > 1 {
                add(2 * a.1.max(b.1));
            }
        }
        (Some((first, last)), None) | (None, Some((first, last))) => {
            add(2 * first);
            add(2 * last);
        }
        (None, None) => {}
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
