//! Points spread over a sphere: an icosahedron's corners, and those that halving its edges adds.

use std::collections::HashMap;

/// The vertices of an icosahedron whose triangles are split in four `subdivision` times, all
/// `radius` from the centre: $10 \cdot 4^s + 2$ of them, coordinates in the order of the image's
/// axes.
///
/// New vertices are middles of edges, pushed outwards onto the sphere.
pub(super) fn icosphere(subdivision: u32, radius: f64) -> Vec<[f64; 3]> {
    let corners = corners();
    let mut faces = faces(&corners);
    let mut points: Vec<_> = corners.iter().map(|c| c.map(|x| x * radius)).collect();
    for _ in 0..subdivision {
        let mut middles = HashMap::new();
        let mut middle = |a: usize, b: usize| {
            *middles.entry((a.min(b), a.max(b))).or_insert_with(|| {
                let half: [f64; 3] =
                    std::array::from_fn(|k| f64::midpoint(points[a][k], points[b][k]));
                let outwards = radius / length(half);
                points.push(half.map(|x| x * outwards));
                points.len() - 1
            })
        };
        let mut split = Vec::with_capacity(4 * faces.len());
        for [a, b, c] in faces {
            let (ab, bc, ca) = (middle(a, b), middle(b, c), middle(c, a));
            split.extend([[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]);
        }
        faces = split;
    }
    points
}

/// The corners of an icosahedron, 1 from its centre: all even permutations of (±1, ±t, 0), scaled;
/// t is the golden ratio.
fn corners() -> Vec<[f64; 3]> {
    let t = f64::midpoint(1.0, 5f64.sqrt());
    let size = (1.0 + t * t).sqrt();
    let of = |turn: usize| {
        [(-1.0, t), (1.0, t), (-1.0, -t), (1.0, -t)].map(|(a, b)| {
            let mut corner = [a / size, b / size, 0.0];
            corner.rotate_right(turn);
            corner
        })
    };
    (0..3).flat_map(of).collect()
}

/// The triangles whose corners are next to each other.
fn faces(corners: &[[f64; 3]]) -> Vec<[usize; 3]> {
    // The edge is 1.05, the next shortest distance 1.7.
    let near =
        |a: usize, b: usize| length(std::array::from_fn(|k| corners[a][k] - corners[b][k])) < 1.2;
    let mut faces = Vec::new();
    for a in 0..corners.len() {
        for b in (a + 1..corners.len()).filter(|&b| near(a, b)) {
            let last = (b + 1..corners.len()).filter(|&c| near(a, c) && near(b, c));
            faces.extend(last.map(|c| [a, b, c]));
        }
    }
    faces
}

fn length([x, y, z]: [f64; 3]) -> f64 {
    (x * x + y * y + z * z).sqrt()
}
