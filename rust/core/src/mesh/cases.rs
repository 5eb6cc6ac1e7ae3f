//! The 256 configurations of a marching cube for a mask, worked out from one rule each for faces
//! and loops instead of written down as a table.
//!
//! Corner `4 dz + 2 dy + dx` of a cube is a voxel centre; a configuration has bit `c` set if
//! corner `c` lies inside the region. A vertex lies in the middle of every cube edge with one end
//! inside. On each cube face the vertices are joined by segments; a face with two inside corners
//! in diagonal is ambiguous, and here always joins the two (as 26-connectivity does). A face is
//! seen alike from its two cubes, so the surface is closed whatever the mask. The segments form
//! loops, which are triangulated without a diagonal that lies in a cube face (it could meet the
//! neighbour's).
//!
//! Of a loop's triangulations the one of largest area for cubic voxels is taken, and among equals
//! those that add least to the volume about the cube's centre: this is what the classic table
//! (Lorensen and Cline 1987) has wherever no face is ambiguous, and IBSI's reference values rest
//! on it. What is left are mirror images of one another; the smaller area at the actual spacing
//! decides, so that area and volume do not depend on how the image's axes are ordered.

use std::sync::OnceLock;

use super::triangle_area;

/// The twelve edges of a cube: lower corner and axis (0 z, 1 y, 2 x).
pub const EDGES: [(u8, u8); 12] = [
    (0, 0),
    (1, 0),
    (2, 0),
    (3, 0), // along z
    (0, 1),
    (1, 1),
    (4, 1),
    (5, 1), // along y
    (0, 2),
    (2, 2),
    (4, 2),
    (6, 2), // along x
]; // end of edges

/// A triangle by the numbers of the cube edges its vertices lie on; seen from outside the region
/// it turns counterclockwise in a right-handed (x, y, z) frame.
pub type Triangle = [u8; 3];

/// A loop's equally good triangulations.
type Choices = Vec<Vec<Triangle>>;

/// What one configuration contributes to the surface.
#[derive(Debug, Default)]
struct Case {
    loops: Vec<Choices>,
    /// Volume of the region's part of the cube, in 1/48 of the cube.
    volume_48: i64,
}

/// The triangles of configuration `case` at `spacing`, with their area in mm².
pub fn triangles(case: u8, spacing: [f64; 3]) -> (Vec<Triangle>, f64) {
    let mut chosen = Vec::new();
    let mut total = 0.0;
    for choices in &table()[usize::from(case)].loops {
        let measured = choices.iter().map(|t| (area(t, spacing), t));
        if let Some((area, triangles)) = measured.min_by(|a, b| a.0.total_cmp(&b.0)) {
            chosen.extend_from_slice(triangles);
            total += area;
        }
    }
    (chosen, total)
}

/// The triangles of configuration `case` at `spacing` as the classic table has them, for one of the
/// two configurations that it tells apart by who is inside: the same but for loops of seven, which
/// are a fan there.
pub(super) fn classic_triangles(case: u8, spacing: [f64; 3]) -> Vec<Triangle> {
    let mut chosen = Vec::new();
    for corners in loops(usize::from(case)) {
        let choices = if corners.len() == 7 {
            fan(&corners)
        } else {
            best_triangulations(&corners)
        };
        let by_area =
            |a: &&Vec<Triangle>, b: &&Vec<Triangle>| area(a, spacing).total_cmp(&area(b, spacing));
        let least = choices.iter().min_by(by_area);
        chosen.extend(least.into_iter().flatten());
    }
    chosen
}

/// Volume of the region's part of a cube of configuration `case`, in 1/48 of the cube.
pub fn volume_48(case: u8) -> i64 {
    table()[usize::from(case)].volume_48
}

/// Place of the middle of an edge in the doubled grid, relative to the cube's first corner.
pub fn midpoint(edge: u8) -> [i32; 3] {
    let (corner, axis) = EDGES[usize::from(edge)];
    std::array::from_fn(|a| {
        2 * i32::from(corner >> (2 - a) & 1) + i32::from(a == usize::from(axis))
    })
}

fn table() -> &'static [Case; 256] {
    static TABLE: OnceLock<Box<[Case; 256]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        Box::new(std::array::from_fn(|case| {
            let traced = loops(case);
            let mut volume_48 = face_volume_48(case);
            let mut choices = Vec::with_capacity(traced.len());
            for corners in &traced {
                let best = best_triangulations(corners);
                volume_48 += best[0].iter().map(central_volume_48).sum::<i64>();
                choices.push(best);
            }
            Case {
                loops: choices,
                volume_48,
            }
        }))
    })
}

/// The cube's six faces as corners, counterclockwise seen from outside in a right-handed (x, y, z)
/// frame.
fn faces() -> [[usize; 4]; 6] {
    std::array::from_fn(|f| {
        let axis = f / 2;
        let bit = |a: usize| 4 >> (a % 3);
        // (z, y, x) in this order is left-handed, hence the order of the other two axes.
        let (u, v) = (bit(axis + 2), bit(axis + 1));
        let lower = [0, u, u | v, v];
        if f % 2 == 1 {
            lower.map(|c| c | bit(axis))
        } else {
            [lower[3], lower[2], lower[1], lower[0]]
        }
    })
}

fn edge_between(a: usize, b: usize) -> u8 {
    let axis = match a ^ b {
        4 => 0,
        2 => 1,
        _ => 2,
    };
    let found = EDGES
        .iter()
        .position(|&(c, x)| usize::from(c) == a & b && x == axis);
    found.expect("neighbouring corners of a face share an edge") as u8
}

/// The surface's loops in a cube, as edge numbers in order.
fn loops(case: usize) -> Vec<Vec<u8>> {
    let inside = |corner: usize| case >> corner & 1 == 1;
    let mut next = [None; 12];
    for face in faces() {
        for k in 0..4 {
            // A segment ends where the face's outline leaves the region ...
            if !inside(face[k]) || inside(face[(k + 1) % 4]) {
                continue;
            }
            // ... and starts where it enters it again: the outside corners between are cut off.
            let back = (k + 2..k + 5)
                .find(|&j| inside(face[j % 4]))
                .unwrap_or(k + 4);
            let start = edge_between(face[(back + 3) % 4], face[back % 4]);
            let end = edge_between(face[k], face[(k + 1) % 4]);
            next[usize::from(start)] = Some(end);
        }
    }
    let mut found = Vec::new();
    for start in 0..12_u8 {
        let mut traced = Vec::new();
        let mut at = start;
        while let Some(to) = next[usize::from(at)].take() {
            traced.push(at);
            at = to;
        }
        if !traced.is_empty() {
            found.push(traced);
        }
    }
    found
}

/// All triangulations of a polygon of `n` corners that keep its direction.
fn triangulations(first: usize, last: usize) -> Vec<Vec<[usize; 3]>> {
    if last < first + 2 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for middle in first + 1..last {
        for left in triangulations(first, middle) {
            for right in triangulations(middle, last) {
                let mut one = left.clone();
                one.extend(&right);
                one.push([first, middle, last]);
                all.push(one);
            }
        }
    }
    all
}

/// The triangulation of a loop by diagonals from one of its corners, that of least area for cubic
/// voxels.
fn fan(corners: &[u8]) -> Choices {
    let shared = |t: &[Triangle], c: u8| t.iter().all(|triangle| triangle.contains(&c));
    let mut fans = allowed_triangulations(corners);
    fans.retain(|t| corners.iter().any(|&c| shared(t, c)));
    fans.sort_by(|a, b| area(a, [1.0; 3]).total_cmp(&area(b, [1.0; 3])));
    fans.truncate(1);
    fans
}

/// All triangulations of a loop without a diagonal that lies in a cube face.
fn allowed_triangulations(corners: &[u8]) -> Choices {
    triangulations(0, corners.len() - 1)
        .into_iter()
        .filter(|triangles| triangles.iter().all(|t| diagonals_leave_faces(*t, corners)))
        .map(|triangles| triangles.iter().map(|t| t.map(|k| corners[k])).collect())
        .collect()
}

fn best_triangulations(corners: &[u8]) -> Choices {
    const EQUAL: f64 = 1e-9; // areas are sums of a few roots of small whole numbers
    let mut all = allowed_triangulations(corners);
    let unit_area = |t: &Vec<Triangle>| area(t, [1.0; 3]);
    let bias = |t: &Vec<Triangle>| t.iter().map(central_volume_48).sum::<i64>().abs();
    let largest = all.iter().map(unit_area).fold(0.0, f64::max);
    all.retain(|t| unit_area(t) > largest - EQUAL);
    let least = all.iter().map(bias).min();
    all.retain(|t| Some(bias(t)) == least);
    all
}

/// True if no side of a triangle, other than the loop's own, lies in a face of the cube.
fn diagonals_leave_faces(triangle: [usize; 3], corners: &[u8]) -> bool {
    let n = corners.len();
    (0..3).all(|k| {
        let (a, b) = (triangle[k], triangle[(k + 1) % 3]);
        let gap = a.abs_diff(b);
        let (p, q) = (midpoint(corners[a]), midpoint(corners[b]));
        gap == 1 || gap == n - 1 || (0..3).all(|x| p[x] != q[x] || p[x] == 1)
    })
}

pub(super) fn area(triangles: &[Triangle], spacing: [f64; 3]) -> f64 {
    triangles
        .iter()
        .map(|t| {
            let [a, b, c] = t.map(|edge| super::position(midpoint(edge), spacing));
            triangle_area(a, b, c)
        })
        .sum()
}

/// Signed volume between a triangle and the cube's centre, in 1/48 of the cube.
#[allow(clippy::trivially_copy_pass_by_ref)] // as `map` calls it
fn central_volume_48(triangle: &Triangle) -> i64 {
    let [a, b, c] = triangle.map(|edge| midpoint(edge).map(|v| i64::from(v) - 1));
    // A triangle counterclockwise in (x, y, z) has a negative determinant in (z, y, x).
    -(a[0] * (b[1] * c[2] - b[2] * c[1])
        + a[1] * (b[2] * c[0] - b[0] * c[2])
        + a[2] * (b[0] * c[1] - b[1] * c[0]))
}

/// Volume between the inside part of the cube's faces and the centre, in 1/48 of the cube: a whole
/// face counts 8, each outside corner of it takes 1 off, two neighbouring ones half of the face.
fn face_volume_48(case: usize) -> i64 {
    faces()
        .into_iter()
        .map(|face| {
            let inside = face.map(|corner| case >> corner & 1 == 1);
            match (
                inside.iter().filter(|&&i| i).count(),
                inside[0] == inside[2],
            ) {
                (0, _) => 0,
                (1, _) => 1,
                (2, true) => 6, // in diagonal
                (2, false) => 4,
                (3, _) => 7,
                _ => 8,
            }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_of_plain_configurations() {
        assert_eq!(volume_48(0), 0);
        assert_eq!(volume_48(255), 48);
        for corner in 0..8 {
            assert_eq!(volume_48(1 << corner), 1, "a corner is a 48th of the cube");
            assert_eq!(volume_48(!(1 << corner)), 47);
        }
        for half in [0x0f, 0xf0, 0x33, 0xcc, 0x55, 0xaa] {
            assert_eq!(volume_48(half), 24);
        }
    }

    #[test]
    fn every_loop_has_a_triangulation_of_its_length() {
        for case in 0..256 {
            let traced = loops(case);
            let crossed = EDGES
                .iter()
                .filter(|&&(c, axis)| {
                    let other = usize::from(c) | 4 >> axis;
                    (case >> c & 1) != (case >> other & 1)
                })
                .count();
            assert_eq!(traced.iter().map(Vec::len).sum::<usize>(), crossed);
            for (corners, choices) in traced.iter().zip(&table()[case].loops) {
                assert!(!choices.is_empty());
                assert!(choices.iter().all(|t| t.len() == corners.len() - 2));
            }
        }
    }

    #[test]
    fn volume_of_a_configuration_is_the_same_for_all_its_choices() {
        for case in table() {
            for choices in &case.loops {
                let volume = |t: &Vec<Triangle>| t.iter().map(central_volume_48).sum::<i64>();
                assert!(choices.iter().all(|t| volume(t) == volume(&choices[0])));
            }
        }
    }
}
