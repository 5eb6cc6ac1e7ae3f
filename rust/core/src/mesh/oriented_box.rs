//! A small box around points, in any orientation (IBSI "Volume density (oriented minimum bounding
//! box)", ZH1A, which leaves the method open).
//!
//! Method: a smallest box has at least one face flush with a facet or an edge pair of the hull
//! (O'Rourke 1985); here a face is laid on each facet of the convex hull in turn, on the axes of
//! the image and on the principal axes, and the other two directions are those of the smallest
//! rectangle around the projection (rotating callipers). The smallest of these boxes is kept, so it
//! is never larger than the axis-aligned or the principal box. Work is bounded: of a hull with many
//! facets only the largest are tried, [`WORK`] divided by the number of facets, but at least
//! [`FEWEST`].

use super::hull::Hull;
use super::{cross, dot};
use crate::parallel;

/// Facets tried times facets of the hull.
pub const WORK: usize = 1 << 20;
/// Facets tried at least.
pub const FEWEST: usize = 64;

/// A box.
#[derive(Debug, Clone, Copy)]
pub struct OrientedBox {
    /// Unit vectors (z, y, x) of its edges.
    pub directions: [[f64; 3]; 3],
    /// Lower and upper limit in mm of the points along each.
    pub limits: [[f64; 2]; 3],
}

impl OrientedBox {
    /// Edge lengths in mm.
    #[must_use]
    pub fn edges(&self) -> [f64; 3] {
        self.limits.map(|[low, high]| high - low)
    }

    /// Volume in mm³.
    #[must_use]
    pub fn volume(&self) -> f64 {
        self.edges().iter().product()
    }

    /// Area in mm².
    #[must_use]
    pub fn area(&self) -> f64 {
        let [a, b, c] = self.edges();
        2.0 * (a * b + b * c + c * a)
    }

    fn around(points: &[[f64; 3]], directions: [[f64; 3]; 3]) -> Self {
        Self {
            directions,
            limits: directions.map(|d| limits(points, d)),
        }
    }
}

/// The image's axes.
const AXES: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// The smallest box found around a hull; `principal` are three orthogonal unit vectors to try too.
#[must_use]
pub fn smallest(hull: &Hull, spacing: [f64; 3], principal: [[f64; 3]; 3]) -> OrientedBox {
    let outline = Outline::new(hull, spacing);
    let mut normals: Vec<[f64; 3]> = AXES.into_iter().chain(principal).collect();
    normals.extend(largest_facets(&outline));
    let work = normals.len() * outline.normals.len();
    let mut boxes = vec![
        OrientedBox::around(&outline.points, AXES),
        OrientedBox::around(&outline.points, principal),
    ];
    boxes.extend(parallel::map(normals.len(), work, |k| {
        outline.flush_with(normals[k])
    }));
    boxes
        .into_iter()
        .min_by(|a, b| a.volume().total_cmp(&b.volume()))
        .expect("two boxes at least")
}

/// Normals of the largest facets, one of each pair of parallel ones.
fn largest_facets(outline: &Outline) -> Vec<[f64; 3]> {
    const SAME: f64 = 1e-12;
    let most = (WORK / outline.normals.len()).max(FEWEST);
    let mut facets = outline.normals.clone();
    // Stable, so facets of equal area stay in the hull's order.
    facets.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut chosen: Vec<[f64; 3]> = Vec::new();
    for (normal, _) in facets {
        if chosen.len() == most {
            break;
        }
        // Parallel facets lie next to each other where a region is symmetric, which is where they
        // are common; others cost a second look.
        let near = &chosen[chosen.len().saturating_sub(16)..];
        if !near.iter().any(|c| dot(*c, normal) < -1.0 + SAME) {
            chosen.push(normal);
        }
    }
    chosen
}

/// What the search needs of a hull, in mm.
struct Outline {
    points: Vec<[f64; 3]>,
    /// All points of the triangles, which ridges refer to.
    all: Vec<[f64; 3]>,
    /// Outward unit normal and area of each facet.
    normals: Vec<([f64; 3], f64)>,
    ridges: Vec<[u32; 4]>,
}

impl Outline {
    fn new(hull: &Hull, spacing: [f64; 3]) -> Self {
        let position = |&p: &[i32; 3]| super::position(p, spacing);
        Self {
            points: hull.positions(spacing),
            all: hull.points().iter().map(position).collect(),
            normals: hull.facet_normals(spacing),
            ridges: hull.ridges().to_vec(),
        }
    }

    /// The smallest box with a face across `normal`.
    fn flush_with(&self, normal: [f64; 3]) -> OrientedBox {
        let u = perpendicular(normal);
        let v = cross(normal, u);
        let outline = convex_polygon(self.silhouette(normal, u, v));
        let [c, s] = narrowest(&outline);
        let along = [0, 1, 2].map(|a| c * u[a] + s * v[a]);
        OrientedBox::around(&self.points, [normal, along, cross(normal, along)])
    }

    /// Points, projected along `normal`, where facets that face it meet facets that do not.
    fn silhouette(&self, normal: [f64; 3], u: [f64; 3], v: [f64; 3]) -> Vec<[f64; 2]> {
        let facing: Vec<bool> = self
            .normals
            .iter()
            .map(|(n, _)| dot(*n, normal) > 0.0)
            .collect();
        let mut found = Vec::new();
        for &[p, q, a, b] in &self.ridges {
            if facing[a as usize] != facing[b as usize] {
                found.extend([p, q].map(|k| {
                    let point = self.all[k as usize];
                    [dot(point, u), dot(point, v)]
                }));
            }
        }
        found
    }
}

fn limits(points: &[[f64; 3]], direction: [f64; 3]) -> [f64; 2] {
    points
        .iter()
        .map(|&p| dot(p, direction))
        .fold([f64::INFINITY, f64::NEG_INFINITY], |l, d| {
            [
                if d < l[0] { d } else { l[0] },
                if d > l[1] { d } else { l[1] },
            ]
        })
}

/// A unit vector perpendicular to `n`.
fn perpendicular(n: [f64; 3]) -> [f64; 3] {
    let smallest = (0..3)
        .min_by(|&a, &b| n[a].abs().total_cmp(&n[b].abs()))
        .unwrap_or(0);
    let p = cross(n, AXES[smallest]);
    let length = dot(p, p).sqrt();
    p.map(|x| x / length)
}

/// The corners of the convex polygon around `points`, counterclockwise.
fn convex_polygon(mut points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    let mut polygon: Vec<[f64; 2]> = Vec::new();
    let mut start = 0;
    for round in 0..2 {
        for k in 0..points.len() {
            let p = points[if round == 0 { k } else { points.len() - 1 - k }];
            while let [.., a, b] = polygon[start..] {
                if turn(a, b, p) > 0.0 {
                    break;
                }
                polygon.pop();
            }
            polygon.push(p);
        }
        polygon.pop(); // the next chain starts with it
        start = polygon.len();
    }
    polygon
}

fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
}

/// Direction of a side of the smallest rectangle around a convex polygon: it lies on an edge.
fn narrowest(polygon: &[[f64; 2]]) -> [f64; 2] {
    let n = polygon.len();
    let at = |k: usize| polygon[k % n];
    let mut best = (f64::INFINITY, [1.0, 0.0]);
    // Farthest along the edge, across it and against it; each only ever moves on.
    let (mut along, mut across, mut against) = (1, 1, 1);
    for k in 0..n {
        let (p, q) = (at(k), at(k + 1));
        let length = (q[0] - p[0]).hypot(q[1] - p[1]);
        let d = [(q[0] - p[0]) / length, (q[1] - p[1]) / length];
        let on = |m: usize| at(m)[0] * d[0] + at(m)[1] * d[1];
        let off = |m: usize| at(m)[1] * d[0] - at(m)[0] * d[1];
        along = along.max(k + 1);
        while along < k + n && on(along + 1) >= on(along) {
            along += 1;
        }
        across = across.max(along);
        while across < k + n && off(across + 1) >= off(across) {
            across += 1;
        }
        against = against.max(across);
        while against < k + n && on(against + 1) <= on(against) {
            against += 1;
        }
        let area = (on(along) - on(against)) * (off(across) - off(k));
        if area < best.0 {
            best = (area, d);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::extremes::{candidates, tests::all_vertices};
    use crate::mesh::packed::PackedMask;
    use crate::mesh::position;
    use crate::mesh::principal::{moments, principal_axes};
    use crate::mesh::testing::{ball, mask_of, masks, spacings, Mask};
    use crate::parallel::with_threads;
    use proptest::prelude::*;

    fn found((mask, shape): &Mask, spacing: [f64; 3]) -> (OrientedBox, [f64; 2]) {
        let packed = PackedMask::new(mask, *shape);
        let hull = Hull::new(&candidates(&packed)).unwrap();
        let axes = principal_axes(&packed, &moments(&packed), spacing).directions;
        let points = hull.positions(spacing);
        let others = [AXES, axes].map(|d| OrientedBox::around(&points, d).volume());
        (smallest(&hull, spacing, axes), others)
    }

    /// Smallest rectangle by trying every edge against every point.
    fn naive_area(polygon: &[[f64; 2]]) -> f64 {
        let n = polygon.len();
        let area = |k: usize| {
            let (p, q) = (polygon[k], polygon[(k + 1) % n]);
            let length = (q[0] - p[0]).hypot(q[1] - p[1]);
            let d = [(q[0] - p[0]) / length, (q[1] - p[1]) / length];
            rectangle(polygon, d)
        };
        (0..n).map(area).fold(f64::INFINITY, f64::min)
    }

    fn rectangle(polygon: &[[f64; 2]], d: [f64; 2]) -> f64 {
        let width = |d: [f64; 2]| {
            let along = polygon.iter().map(|p| p[0] * d[0] + p[1] * d[1]);
            along.clone().fold(f64::NEG_INFINITY, f64::max) - along.fold(f64::INFINITY, f64::min)
        };
        width(d) * width([-d[1], d[0]])
    }

    proptest! {
        #[test]
        fn encloses_every_vertex_and_beats_the_plain_boxes(
            mask in masks(6, 9),
            spacing in spacings(),
        ) {
            let (got, others) = found(&mask, spacing);
            let size = got.edges().into_iter().fold(0.0, f64::max);
            for p in all_vertices(&mask) {
                for (direction, [low, high]) in got.directions.iter().zip(got.limits) {
                    let d = dot(position(p, spacing), *direction);
                    prop_assert!(d >= low - 1e-9 * size && d <= high + 1e-9 * size);
                }
            }
            prop_assert!(others.iter().all(|&v| got.volume() <= v));
            for a in 0..3 {
                for b in 0..3 {
                    let expected = f64::from(u8::from(a == b));
                    prop_assert!((dot(got.directions[a], got.directions[b]) - expected).abs() < 1e-12);
                }
            }
        }

        #[test]
        fn callipers_equal_brute_force(
            points in prop::collection::vec(prop::array::uniform2(-9.0_f64..9.0), 3..40),
        ) {
            let polygon = convex_polygon(points);
            let got = rectangle(&polygon, narrowest(&polygon));
            let expected = naive_area(&polygon);
            prop_assert!((got - expected).abs() <= 1e-9 * expected.max(1e-9), "{got} {expected}");
        }
    }

    #[test]
    fn a_tilted_slab_gets_a_tilted_box() {
        let slab = mask_of([20, 20, 12], |[z, y, _]| z.abs_diff(y) <= 2);
        let (got, [aligned, _]) = found(&slab, [1.0; 3]);
        assert!(got.volume() < 0.5 * aligned, "{} {aligned}", got.volume());
    }

    #[test]
    fn a_box_is_its_own() {
        let (got, _) = found(&(vec![true; 4 * 5 * 6], [4, 5, 6]), [2.0, 1.0, 1.5]);
        assert!(got.volume() <= 8.0 * 5.0 * 9.0 && got.volume() > 0.9 * 8.0 * 5.0 * 9.0);
    }

    #[test]
    fn threads_change_nothing() {
        let mask = ball(14.0);
        let bits = |n| {
            with_threads(Some(n), || {
                found(&mask, [1.0, 1.1, 0.9]).0.edges().map(f64::to_bits)
            })
        };
        assert_eq!(bits(1), bits(2));
        assert_eq!(bits(1), bits(7));
    }
}
