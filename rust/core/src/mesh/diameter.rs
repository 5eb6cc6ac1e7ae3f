//! The largest distance between points (IBSI "Maximum 3D diameter", L0JK), exact.
//!
//! Points too near the middle of a far pair are left out; the others are halved into a tree of
//! boxes, and pairs of boxes whose farthest corners are no farther apart than the best pair so far
//! are left out.

/// Points in a box that are compared one by one.
const LEAF: usize = 8;

/// Largest distance in mm between two of `points` (doubled grid, `spacing` of voxels in mm);
/// 0 for one point.
#[must_use]
pub fn diameter(points: &[[i32; 3]], spacing: [f64; 3]) -> f64 {
    let Some(&first) = points.first() else {
        return 0.0;
    };
    let scale = spacing.map(|s| s / 2.0);
    let (mut best, pair) = quick_pair(points, first, scale);
    let mut points = contenders(points, best.sqrt(), pair, scale);
    if points.is_empty() {
        return best.sqrt();
    }
    let mut boxes = Vec::new();
    grow(&mut points, 0, spacing, &mut boxes);
    let mut open = vec![(0, 0)];
    while let Some((i, j)) = open.pop() {
        let (a, b) = (&boxes[i], &boxes[j]);
        if a.reach(b, scale) <= best {
            continue;
        }
        match (a.children, b.children) {
            (None, None) => {
                for &p in &points[a.first..a.last] {
                    for &q in &points[b.first..b.last] {
                        best = best.max(square(p, q, scale));
                    }
                }
            }
            (Some([l, r]), _) if i == j => open.extend([(l, l), (r, r), (l, r)]),
            (Some([l, r]), None) => open.extend([(l, j), (r, j)]),
            (Some([l, r]), Some(_)) if a.last - a.first >= b.last - b.first => {
                open.extend([(l, j), (r, j)]);
            }
            (_, Some([l, r])) => open.extend([(i, l), (i, r)]),
        }
    }
    best.sqrt()
}

/// Squared distance in mm². Grows with each difference also after rounding, so that no pair in two
/// boxes exceeds the boxes' [`Node::reach`].
fn square(p: [i32; 3], q: [i32; 3], scale: [f64; 3]) -> f64 {
    let d: [f64; 3] = std::array::from_fn(|a| (f64::from(p[a]) - f64::from(q[a])) * scale[a]);
    d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
}

/// A box around `points[first..last]`.
struct Node {
    low: [i32; 3],
    high: [i32; 3],
    first: usize,
    last: usize,
    children: Option<[usize; 2]>,
}

impl Node {
    /// Squared distance of the farthest corners of two boxes.
    fn reach(&self, other: &Self, scale: [f64; 3]) -> f64 {
        let gap =
            std::array::from_fn(|a| (self.high[a] - other.low[a]).max(other.high[a] - self.low[a]));
        square(gap, [0; 3], scale)
    }
}

/// Builds the tree over `points`, which are reordered, and returns its root.
fn grow(points: &mut [[i32; 3]], first: usize, spacing: [f64; 3], boxes: &mut Vec<Node>) -> usize {
    let low = std::array::from_fn(|a| points.iter().map(|p| p[a]).min().unwrap_or(0));
    let high: [i32; 3] = std::array::from_fn(|a| points.iter().map(|p| p[a]).max().unwrap_or(0));
    let id = boxes.len();
    boxes.push(Node {
        low,
        high,
        first,
        last: first + points.len(),
        children: None,
    });
    if points.len() > LEAF {
        let width = |a: &usize| f64::from(high[*a] - low[*a]) * spacing[*a];
        let axis = (0..3)
            .max_by(|a, b| width(a).total_cmp(&width(b)))
            .unwrap_or(0);
        let middle = points.len() / 2;
        points.select_nth_unstable_by_key(middle, |p| p[axis]);
        let (left, right) = points.split_at_mut(middle);
        let left = grow(left, first, spacing, boxes);
        let right = grow(right, first + middle, spacing, boxes);
        boxes[id].children = Some([left, right]);
    }
    id
}

/// A pair that is far apart, and its squared distance: from point to farthest point while that
/// gains.
fn quick_pair(points: &[[i32; 3]], first: [i32; 3], scale: [f64; 3]) -> (f64, [[i32; 3]; 2]) {
    let mut best = (0.0, [first; 2]);
    for axis in 0..3 {
        let Some(&(mut at)) = points.iter().min_by_key(|p| p[axis]) else {
            break;
        };
        loop {
            let mut far = (best.0, at);
            for &p in points {
                let d = square(at, p, scale);
                if d > far.0 {
                    far = (d, p);
                }
            }
            if far.0 <= best.0 {
                break;
            }
            best = (far.0, [at, far.1]);
            at = far.1;
        }
    }
    best
}

/// The points that may belong to a pair farther apart than `best`: a pair is no farther apart than
/// the sum of its distances from the middle of `pair`. Of a ball next to nothing is left.
fn contenders(
    points: &[[i32; 3]],
    best: f64,
    pair: [[i32; 3]; 2],
    scale: [f64; 3],
) -> Vec<[i32; 3]> {
    // Far above the rounding of distances, far below what decides about more than a few points.
    const MARGIN: f64 = 1e-9;
    let middle: [f64; 3] =
        std::array::from_fn(|k| f64::from(pair[0][k]).midpoint(f64::from(pair[1][k])));
    let distance = |p: &[i32; 3]| {
        let d: [f64; 3] = std::array::from_fn(|k| (f64::from(p[k]) - middle[k]) * scale[k]);
        (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]).sqrt()
    };
    let distances: Vec<f64> = points.iter().map(distance).collect();
    let farthest = distances.iter().copied().fold(0.0, f64::max);
    let least = (1.0 - MARGIN) * best - farthest;
    let near = points.iter().zip(&distances);
    near.filter(|(_, &d)| d >= least).map(|(&p, _)| p).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::extremes::{candidates, tests::all_vertices};
    use crate::mesh::packed::PackedMask;
    use crate::mesh::testing::{ball, masks, spacings};
    use proptest::prelude::*;

    fn naive<'a>(points: impl Iterator<Item = &'a [i32; 3]> + Clone, spacing: [f64; 3]) -> f64 {
        let scale = spacing.map(|s| s / 2.0);
        let pairs = points
            .clone()
            .flat_map(|&p| points.clone().map(move |&q| (p, q)));
        pairs
            .map(|(p, q)| square(p, q, scale))
            .fold(0.0, f64::max)
            .sqrt()
    }

    proptest! {
        #[test]
        fn equals_brute_force(
            points in prop::collection::vec(prop::array::uniform3(-50_i32..50), 1..120),
            spacing in spacings(),
        ) {
            let got = diameter(&points, spacing);
            prop_assert_eq!(got.to_bits(), naive(points.iter(), spacing).to_bits());
        }

        #[test]
        fn the_farthest_mesh_vertices_are_candidates(mask in masks(6, 20), spacing in spacings()) {
            let got = diameter(&candidates(&PackedMask::new(&mask.0, mask.1)), spacing);
            let every = all_vertices(&mask);
            prop_assert_eq!(got.to_bits(), naive(every.iter(), spacing).to_bits());
        }
    }

    #[test]
    fn one_point_and_a_ball() {
        assert_eq!(diameter(&[[3, 4, 5]], [1.0; 3]), 0.0);
        let mask = ball(20.0);
        let points = candidates(&PackedMask::new(&mask.0, mask.1));
        assert_eq!(diameter(&points, [1.0; 3]), 41.0); // 20 voxels and a half to each side
    }
}
