//! The convex hull of points with whole-number coordinates, exact: quickhull (Barber, Dobkin and
//! Huhdanpaa 1996) whose every decision is the sign of an integer determinant.
//!
//! Points are on the doubled grid (z, y, x) of a mask. Spacing comes in with the measures: an
//! affine map keeps the hull. Why not a crate: `docs/decisions/0002-convex-hull.md`.

use super::{dot, position, triangle_area};
use crate::error::{Error, Result};

/// A convex hull as a closed triangle mesh.
#[derive(Debug, Clone)]
pub struct Hull {
    /// Points of the hull's triangles, corners first.
    points: Vec<[i32; 3]>,
    /// How many of the points are corners; the rest lie within an edge or a facet.
    corners: usize,
    /// Counterclockwise from outside in a right-handed (x, y, z) frame.
    faces: Vec<[u32; 3]>,
    /// The facet (set of faces in one plane) of each face, numbered from 0.
    facets: Vec<u32>,
    /// An edge between two facets as (point, point, facet, facet).
    ridges: Vec<[u32; 4]>,
}

/// Where three coordinate ranges multiply to less than this, no determinant leaves an `i64`: each
/// of its six terms is a product of one difference along each axis.
const LIMIT: i128 = 1 << 60;

impl Hull {
    /// The hull of `points` (z, y, x), in any order and also with repeats.
    ///
    /// # Errors
    /// Points that all lie in one plane (which mesh vertices never do), or whose coordinate ranges
    /// multiply to 2^60 or more.
    pub fn new(points: &[[i32; 3]]) -> Result<Self> {
        let bad = |given: String, allowed| Error::Argument {
            name: "points",
            given,
            allowed,
        };
        let range = |a: usize| {
            let along = points.iter().map(|p| i128::from(p[a]));
            along.clone().max().unwrap_or(0) - along.min().unwrap_or(0) + 1
        };
        let ranges = [range(0), range(1), range(2)];
        if ranges.iter().product::<i128>() >= LIMIT {
            return Err(bad(
                format!("{ranges:?} wide"),
                "widths must multiply to below 2^60",
            ));
        }
        let mut builder = Builder::new(points).ok_or_else(|| {
            bad(
                format!("{} in one plane", points.len()),
                "a hull needs volume",
            )
        })?;
        builder.run();
        Ok(builder.finish())
    }

    /// The corners, on the doubled grid (z, y, x).
    #[must_use]
    pub fn corners(&self) -> &[[i32; 3]] {
        &self.points[..self.corners]
    }

    /// The corners' positions (z, y, x) in mm.
    #[must_use]
    pub fn positions(&self, spacing: [f64; 3]) -> Vec<[f64; 3]> {
        self.corners()
            .iter()
            .map(|&p| position(p, spacing))
            .collect()
    }

    /// All points of the triangles: the corners and those on edges or in facets.
    #[must_use]
    pub fn points(&self) -> &[[i32; 3]] {
        &self.points
    }

    /// The triangles, by number of their points; counterclockwise from outside in a right-handed
    /// (x, y, z) frame.
    #[must_use]
    pub fn faces(&self) -> &[[u32; 3]] {
        &self.faces
    }

    /// Edges between facets: two points, then the two facets they separate.
    #[must_use]
    pub fn ridges(&self) -> &[[u32; 4]] {
        &self.ridges
    }

    /// Volume in mm³.
    #[must_use]
    pub fn volume(&self, spacing: [f64; 3]) -> f64 {
        let origin = self.points[0];
        let eighths: i128 = self
            .faces
            .iter()
            .map(|f| {
                let [a, b, c] = f.map(|v| self.points[v as usize]);
                i128::from(Plane::through(a, b, c).above(origin))
            })
            .sum();
        // A doubled cube holds eight voxels, a tetrahedron a sixth of its determinant.
        -eighths as f64 / 48.0 * spacing.iter().product::<f64>()
    }

    /// Area in mm².
    #[must_use]
    pub fn area(&self, spacing: [f64; 3]) -> f64 {
        self.faces.iter().map(|&f| self.face_area(f, spacing)).sum()
    }

    fn face_area(&self, face: [u32; 3], spacing: [f64; 3]) -> f64 {
        let [a, b, c] = face.map(|v| position(self.points[v as usize], spacing));
        triangle_area(a, b, c)
    }

    /// Outward unit normal (z, y, x) and area in mm² of each facet.
    #[must_use]
    pub fn facet_normals(&self, spacing: [f64; 3]) -> Vec<([f64; 3], f64)> {
        let mut found: Vec<([f64; 3], f64)> = Vec::new();
        for (&face, &facet) in self.faces.iter().zip(&self.facets) {
            let facet = facet as usize;
            if facet >= found.len() {
                found.resize(facet + 1, ([0.0; 3], 0.0));
            }
            if found[facet].1 == 0.0 {
                let [a, b, c] = face.map(|v| self.points[v as usize]);
                let normal = Plane::through(a, b, c).normal;
                // A map of the points turns normals by its inverse.
                let n: [f64; 3] = std::array::from_fn(|a| normal[a] as f64 / spacing[a]);
                let length = dot(n, n).sqrt();
                found[facet].0 = n.map(|v| v / length);
            }
            found[facet].1 += self.face_area(face, spacing);
        }
        found
    }
}

/// An oriented plane through grid points: `normal · p - offset` is positive outside.
#[derive(Debug, Clone, Copy, Default)]
struct Plane {
    normal: [i64; 3],
    offset: i64,
}

impl Plane {
    /// Outside is where `a`, `b`, `c` are seen counterclockwise in a right-handed (x, y, z) frame.
    #[inline]
    fn through(a: [i32; 3], b: [i32; 3], c: [i32; 3]) -> Self {
        let minus = |p: [i32; 3]| -> [i64; 3] {
            std::array::from_fn(|i| i64::from(p[i]) - i64::from(a[i]))
        };
        let (u, v) = (minus(b), minus(c));
        // v × u rather than u × v: (z, y, x) is a left-handed order.
        let normal = [
            v[1] * u[2] - v[2] * u[1],
            v[2] * u[0] - v[0] * u[2],
            v[0] * u[1] - v[1] * u[0],
        ];
        Self {
            normal,
            offset: along(normal, a),
        }
    }

    /// Six times the volume of the tetrahedron over the triangle.
    #[inline]
    fn above(&self, p: [i32; 3]) -> i64 {
        along(self.normal, p) - self.offset
    }
}

#[inline]
fn along(n: [i64; 3], p: [i32; 3]) -> i64 {
    n[0] * i64::from(p[0]) + n[1] * i64::from(p[1]) + n[2] * i64::from(p[2])
}

const NONE: u32 = u32::MAX;

/// A face under construction.
#[derive(Debug, Clone, Default)]
struct Face {
    plane: Plane,
    points: [u32; 3],
    /// The face across the edge from point `k` to point `k + 1`.
    across: [u32; 3],
    /// Points outside this face (each point waits at one face only).
    outside: Vec<u32>,
    /// The farthest of them and its height.
    farthest: (u32, i64),
    seen: bool,
    alive: bool,
}

/// A horizon edge: from, to, the face beyond it, and that face's number of the edge.
type Edge = (u32, u32, u32, usize);

struct Builder {
    /// Relative to `low`, the first corner of their box: no coordinate exceeds its range.
    points: Vec<[i32; 3]>,
    low: [i32; 3],
    faces: Vec<Face>,
    free: Vec<u32>,
    waiting: Vec<u32>,
    /// New face that starts at a point, while faces are being joined.
    starts_at: Vec<u32>,
}

impl Builder {
    /// A first tetrahedron with all points handed out; none if they lie in one plane.
    fn new(given: &[[i32; 3]]) -> Option<Self> {
        let low: [i32; 3] = std::array::from_fn(|a| given.iter().map(|p| p[a]).min().unwrap_or(0));
        let points: Vec<[i32; 3]> = given
            .iter()
            .map(|p| std::array::from_fn(|a| p[a] - low[a]))
            .collect();
        let first = first_tetrahedron(&points)?;
        let mut builder = Self {
            starts_at: vec![NONE; points.len()],
            points,
            low,
            faces: Vec::new(),
            free: Vec::new(),
            waiting: Vec::new(),
        };
        let [a, b, c, d] = first;
        for points in [[a, b, c], [b, a, d], [c, b, d], [a, c, d]] {
            builder.add_face(points);
        }
        for (face, across) in [[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]]
            .into_iter()
            .enumerate()
        {
            builder.faces[face].across = across;
        }
        let rest = (0..builder.points.len() as u32)
            .filter(|p| !first.contains(p))
            .collect();
        builder.hand_out(rest, &[0, 1, 2, 3]);
        Some(builder)
    }

    fn add_face(&mut self, points: [u32; 3]) -> u32 {
        let [a, b, c] = points.map(|p| self.points[p as usize]);
        let plane = Plane::through(a, b, c);
        let id = self.free.pop().unwrap_or_else(|| {
            self.faces.push(Face::default());
            self.faces.len() as u32 - 1
        });
        let face = &mut self.faces[id as usize];
        // The list of the face that was here keeps its memory.
        face.outside.clear();
        (face.plane, face.points, face.farthest) = (plane, points, (NONE, 0));
        (face.seen, face.alive) = (false, true);
        id
    }

    /// Gives each point to the first of `faces` that it lies outside of; the others lie inside.
    fn hand_out(&mut self, points: Vec<u32>, faces: &[u32]) {
        for p in points {
            let place = self.points[p as usize];
            for &id in faces {
                let face = &mut self.faces[id as usize];
                let height = face.plane.above(place);
                if height > 0 {
                    if height > face.farthest.1 {
                        face.farthest = (p, height);
                    }
                    face.outside.push(p);
                    break;
                }
            }
        }
        self.waiting.extend(
            faces
                .iter()
                .filter(|&&f| !self.faces[f as usize].outside.is_empty()),
        );
    }

    fn run(&mut self) {
        let mut seen = Vec::new();
        let mut horizon = Vec::new();
        while let Some(id) = self.waiting.pop() {
            let face = &self.faces[id as usize];
            if face.alive && !face.outside.is_empty() {
                let apex = face.farthest.0;
                self.look_from(apex, id, &mut seen, &mut horizon);
                self.replace(apex, &seen, &horizon);
            }
        }
    }

    /// The faces that see the point `apex` strictly, and the edges around them. They are one
    /// connected patch, and none of its border's edges lies in line with the point: such a point
    /// would lie in the plane of the face that sees it.
    fn look_from(&mut self, apex: u32, id: u32, seen: &mut Vec<u32>, horizon: &mut Vec<Edge>) {
        let place = self.points[apex as usize];
        seen.clear();
        horizon.clear();
        seen.push(id);
        self.faces[id as usize].seen = true;
        let mut next = 0;
        while next < seen.len() {
            let id = seen[next];
            next += 1;
            for k in 0..3 {
                let other = self.faces[id as usize].across[k];
                let neighbour = &self.faces[other as usize];
                if neighbour.seen {
                    continue;
                }
                if neighbour.plane.above(place) > 0 {
                    self.faces[other as usize].seen = true;
                    seen.push(other);
                } else {
                    let points = self.faces[id as usize].points;
                    let (from, to) = (points[k], points[(k + 1) % 3]);
                    let back = neighbour.points.iter().position(|&p| p == to);
                    horizon.push((from, to, other, back.expect("neighbours share an edge")));
                }
            }
        }
    }

    /// Replaces the faces that see `apex` by a fan of faces around it.
    fn replace(&mut self, apex: u32, seen: &[u32], horizon: &[Edge]) {
        let mut orphans = Vec::new();
        for &id in seen {
            let face = &mut self.faces[id as usize];
            face.alive = false;
            orphans.extend(face.outside.iter().filter(|&&p| p != apex));
        }
        let fan: Vec<u32> = horizon
            .iter()
            .map(|&(from, to, beyond, back)| {
                let id = self.add_face([from, to, apex]);
                self.faces[id as usize].across[0] = beyond;
                self.faces[beyond as usize].across[back] = id;
                self.starts_at[from as usize] = id;
                id
            })
            .collect();
        for (&id, &(_, to, ..)) in fan.iter().zip(horizon) {
            let next = self.starts_at[to as usize];
            self.faces[id as usize].across[1] = next;
            self.faces[next as usize].across[2] = id;
        }
        self.free.extend(seen);
        self.hand_out(orphans, &fan);
    }

    /// Numbers facets and points and drops what is not part of the hull.
    fn finish(self) -> Hull {
        let (facet_of, ridges) = self.facets();
        let is_corner = self.corners(&facet_of);
        let alive = || {
            self.faces
                .iter()
                .zip(&facet_of)
                .filter(|(face, _)| face.alive)
        };
        let mut used = vec![false; self.points.len()];
        for (face, _) in alive() {
            face.points.iter().for_each(|&p| used[p as usize] = true);
        }
        let chosen = |corner: bool| {
            let (used, is_corner) = (&used, &is_corner);
            (0..used.len()).filter(move |&p| used[p] && is_corner[p] == corner)
        };
        let mut number = vec![NONE; self.points.len()];
        let mut points = Vec::new();
        for p in chosen(true).chain(chosen(false)) {
            number[p] = points.len() as u32;
            let place = self.points[p];
            points.push(std::array::from_fn(|a| place[a] + self.low[a]));
        }
        let renumber = |p: u32| number[p as usize];
        Hull {
            corners: chosen(true).count(),
            points,
            faces: alive().map(|(face, _)| face.points.map(renumber)).collect(),
            facets: alive().map(|(_, &facet)| facet).collect(),
            ridges: ridges
                .iter()
                .map(|r| [renumber(r[0]), renumber(r[1]), r[2], r[3]])
                .collect(),
        }
    }

    /// The facet of each face, and the edges between facets.
    fn facets(&self) -> (Vec<u32>, Vec<[u32; 4]>) {
        let mut facet_of = vec![NONE; self.faces.len()];
        let mut facets = 0;
        let mut open = Vec::new();
        let mut borders = Vec::new();
        for id in 0..self.faces.len() {
            if !self.faces[id].alive || facet_of[id] != NONE {
                continue;
            }
            facet_of[id] = facets;
            open.push(id);
            while let Some(at) = open.pop() {
                let face = &self.faces[at];
                for k in 0..3 {
                    let other = face.across[k] as usize;
                    let flat = |p: &u32| face.plane.above(self.points[*p as usize]) == 0;
                    if !self.faces[other].points.iter().all(flat) {
                        if at < other {
                            borders.push((face.points[k], face.points[(k + 1) % 3], at, other));
                        }
                    } else if facet_of[other] == NONE {
                        facet_of[other] = facets;
                        open.push(other);
                    }
                }
            }
            facets += 1;
        }
        let numbered = |&(p, q, a, b): &(u32, u32, usize, usize)| [p, q, facet_of[a], facet_of[b]];
        let ridges = borders.iter().map(numbered).collect();
        (facet_of, ridges)
    }

    /// Which points are corners: at least three facets meet there.
    fn corners(&self, facet_of: &[u32]) -> Vec<bool> {
        let mut met = vec![[NONE; 3]; self.points.len()];
        for (face, &facet) in self
            .faces
            .iter()
            .zip(facet_of)
            .filter(|(face, _)| face.alive)
        {
            for &p in &face.points {
                let met = &mut met[p as usize];
                if let Some(slot) = met.iter_mut().find(|f| **f == NONE || **f == facet) {
                    *slot = facet;
                }
            }
        }
        met.iter().map(|met| met[2] != NONE).collect()
    }
}

/// Four points with volume between them, oriented so that `[a, b, c]` is seen from outside.
fn first_tetrahedron(points: &[[i32; 3]]) -> Option<[u32; 4]> {
    let farthest = |distance: &dyn Fn([i32; 3]) -> i128| -> Option<u32> {
        let (index, d) = points
            .iter()
            .enumerate()
            .map(|(i, &p)| (i as u32, distance(p)))
            .max_by_key(|&(_, d)| d)?;
        (d > 0).then_some(index)
    };
    let at = |i: u32| points[i as usize];
    let gap = |p: [i32; 3], q: [i32; 3]| -> [i128; 3] {
        std::array::from_fn(|a| i128::from(p[a]) - i128::from(q[a]))
    };
    let square = |v: [i128; 3]| v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
    let start = *points.first()?;
    let a = farthest(&|p| square(gap(p, start)))?;
    let b = farthest(&|p| square(gap(p, at(a))))?;
    let c = farthest(&|p| square(Plane::through(at(a), at(b), p).normal.map(i128::from)))?;
    let plane = Plane::through(at(a), at(b), at(c));
    let d = farthest(&|p| i128::from(plane.above(p)).abs())?;
    Some(if plane.above(at(d)) < 0 {
        [a, b, c, d]
    } else {
        [b, a, c, d]
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;
    use crate::mesh::extremes::candidates;
    use crate::mesh::extremes::tests::all_vertices;
    use crate::mesh::packed::PackedMask;
    use crate::mesh::testing::{ball, masks, spacings};
    use proptest::prelude::*;

    /// Checks by definition that `hull` is the hull of `points`.
    fn check(hull: &Hull, points: &[[i32; 3]]) {
        let given: HashSet<_> = points.iter().collect();
        assert!(
            hull.points.iter().all(|p| given.contains(p)),
            "points are given ones"
        );
        for &face in hull.faces() {
            let [a, b, c] = face.map(|v| hull.points[v as usize]);
            let plane = Plane::through(a, b, c);
            assert!(plane.normal != [0; 3], "no face without area");
            assert!(
                points.iter().all(|&p| plane.above(p) <= 0),
                "no point outside a face"
            );
        }
        let edges: HashSet<(u32, u32)> = hull
            .faces
            .iter()
            .flat_map(|&[a, b, c]| [(a, b), (b, c), (c, a)])
            .collect();
        assert_eq!(
            edges.len(),
            3 * hull.faces.len(),
            "each directed edge occurs once"
        );
        assert!(
            edges.iter().all(|&(a, b)| edges.contains(&(b, a))),
            "the hull is closed"
        );
        let euler = hull.points.len() + hull.faces.len() - edges.len() / 2;
        assert_eq!(euler, 2, "Euler's formula");
        let planes: HashSet<u32> = hull.facets.iter().copied().collect();
        let euler = hull.corners + planes.len() - hull_edges(hull);
        assert_eq!(euler, 2, "Euler's formula for corners and facets");
    }

    /// Number of edges of the polyhedron: ridges joined where they go on straight.
    fn hull_edges(hull: &Hull) -> usize {
        let pairs: BTreeSet<_> = hull
            .ridges
            .iter()
            .map(|r| (r[2].min(r[3]), r[2].max(r[3])))
            .collect();
        pairs.len()
    }

    /// Corners by definition: points that are not in the hull of the others, found as the only
    /// ones that reach farthest in the direction of a sum of the normals of the faces there.
    fn naive_corners(hull: &Hull, points: &[[i32; 3]]) -> BTreeSet<[i32; 3]> {
        let mut found = BTreeSet::new();
        for &point in points {
            let touching: Vec<Plane> = hull
                .faces
                .iter()
                .map(|f| f.map(|v| hull.points[v as usize]))
                .map(|[a, b, c]| Plane::through(a, b, c))
                .filter(|plane| plane.above(point) == 0)
                .collect();
            let direction: [i64; 3] =
                std::array::from_fn(|a| touching.iter().map(|p| p.normal[a]).sum());
            let reach = along(direction, point);
            if !touching.is_empty()
                && points
                    .iter()
                    .all(|&p| p == point || along(direction, p) < reach)
            {
                found.insert(point);
            }
        }
        found
    }

    proptest! {
        #[test]
        fn hull_of_any_points(points in prop::collection::vec(prop::array::uniform3(-3_i32..4), 4..60)) {
            match Hull::new(&points) {
                Ok(hull) => {
                    check(&hull, &points);
                    let corners: BTreeSet<_> = hull.corners().iter().copied().collect();
                    prop_assert_eq!(corners, naive_corners(&hull, &points));
                }
                Err(_) => prop_assert!(
                    first_tetrahedron(&points).is_none()
                ),
            }
        }

        #[test]
        fn hull_of_wide_points(points in prop::collection::vec(prop::array::uniform3(-400_000_i32..400_000), 4..80)) {
            if let Ok(hull) = Hull::new(&points) {
                check(&hull, &points);
            }
        }

        #[test]
        fn hull_of_a_mask_is_that_of_its_mesh(mask in masks(7, 9), spacing in spacings()) {
            let every: Vec<_> = all_vertices(&mask).into_iter().collect();
            let few = Hull::new(&candidates(&PackedMask::new(&mask.0, mask.1))).unwrap();
            let all = Hull::new(&every).unwrap();
            check(&few, &every);
            let corners = |h: &Hull| h.corners().iter().copied().collect::<BTreeSet<_>>();
            prop_assert_eq!(corners(&few), corners(&all));
            prop_assert_eq!(few.volume(spacing).to_bits(), all.volume(spacing).to_bits());
            let (a, b) = (few.area(spacing), all.area(spacing));
            prop_assert!((a - b).abs() <= 1e-12 * a); // other triangles of the same facets
            let facets: f64 = few.facet_normals(spacing).iter().map(|f| f.1).sum();
            prop_assert!((a - facets).abs() <= 1e-12 * a);
        }
    }

    #[test]
    fn one_voxel() {
        let points = candidates(&PackedMask::new(&[true], [1; 3]));
        let hull = Hull::new(&points).unwrap();
        check(&hull, &points);
        assert_eq!((hull.corners().len(), hull.faces().len()), (6, 8));
        assert_eq!(hull.volume([1.0; 3]), 1.0 / 6.0);
        assert!((hull.area([1.0; 3]) - 3.0_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn a_cube_of_lattice_points_has_eight_corners() {
        let points: Vec<[i32; 3]> = (0..512)
            .map(|i| [i / 64, i / 8 % 8, i % 8].map(|v| v - 4))
            .collect();
        let hull = Hull::new(&points).unwrap();
        check(&hull, &points);
        assert_eq!(hull.corners().len(), 8);
        assert_eq!(hull.facet_normals([1.0; 3]).len(), 6);
        assert_eq!(hull.volume([2.0, 2.0, 2.0]), 343.0);
        assert_eq!(hull.area([2.0, 2.0, 2.0]), 6.0 * 49.0);
    }

    #[test]
    fn a_ball() {
        let (mask, shape) = ball(25.4);
        let points = candidates(&PackedMask::new(&mask, shape));
        check(&Hull::new(&points).unwrap(), &points);
    }

    #[test]
    fn flat_and_wide_points_are_refused() {
        assert!(Hull::new(&[]).is_err());
        assert!(Hull::new(&[[0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 5, 7]]).is_err());
        let far = i32::MAX;
        assert!(Hull::new(&[[0, 0, 0], [far, 0, 0], [0, far, 0], [0, 0, far]]).is_err());
    }
}
