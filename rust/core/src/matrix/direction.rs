//! Direction vectors and neighbourhoods on the voxel grid, IBSI "Grid distances" (MPUJ).
//!
//! Vectors are (dz, dy, dx) in voxels.

use crate::settings::{Norm, Weighting};

/// A vector between voxels (dz, dy, dx).
pub type Offset = [isize; 3];

/// Length of a vector in voxels.
#[must_use]
pub fn length(m: Offset, norm: Norm) -> f64 {
    let [z, y, x] = m.map(|c| c.unsigned_abs() as f64);
    match norm {
        Norm::Chebyshev => z.max(y).max(x),
        Norm::Manhattan => z + y + x,
        Norm::Euclidean => (z * z + y * y + x * x).sqrt(),
    }
}

/// Weight of a vector, IBSI "Distance weighting" (6CK8).
#[must_use]
pub fn weight(m: Offset, weighting: Weighting, norm: Norm) -> f64 {
    let d = length(m, norm);
    match weighting {
        Weighting::None => 1.0,
        Weighting::Inverse => 1.0 / d,
        Weighting::Exponential => (-d * d).exp(),
    }
}

/// Weights of `vectors` relative to that of the shortest one, which so has 1: a common factor
/// cancels in every probability, and the weights of long vectors do not all underflow to 0.
#[must_use]
pub fn relative_weights(vectors: &[Offset], weighting: Weighting, norm: Norm) -> Vec<f64> {
    let lengths: Vec<f64> = vectors.iter().map(|&m| length(m, norm)).collect();
    let shortest = lengths.iter().copied().fold(f64::INFINITY, f64::min);
    let relative = |d: f64| match weighting {
        Weighting::None => 1.0,
        Weighting::Inverse => shortest / d,
        Weighting::Exponential => ((shortest - d) * (shortest + d)).exp(),
    };
    lengths.into_iter().map(relative).collect()
}

/// Every vector but 0 with length at most `distance`, in C order; within the slice if `in_plane`.
#[must_use]
pub fn neighbourhood(distance: u32, norm: Norm, in_plane: bool) -> Vec<Offset> {
    let d = distance.try_into().unwrap_or(isize::MAX);
    let dz = if in_plane { 0 } else { d };
    let mut out = Vec::new();
    for z in -dz..=dz {
        for y in -d..=d {
            for x in -d..=d {
                let m = [z, y, x];
                if m != [0, 0, 0] && length(m, norm) <= f64::from(distance) {
                    out.push(m);
                }
            }
        }
    }
    out
}

/// One of each pair of opposite vectors at these distances in the Chebyshev norm, in C order, as far
/// as they fit into a box of this shape; within the slice if `in_plane`.
#[must_use]
pub fn ring_directions(distances: &[u32], shape: [usize; 3], in_plane: bool) -> Vec<Offset> {
    let furthest = distances.iter().copied().max().unwrap_or(0) as usize;
    let mut reach = shape.map(|n| furthest.min(n.saturating_sub(1)).cast_signed());
    if in_plane {
        reach[0] = 0;
    }
    let at = |m: &Offset| {
        distances
            .iter()
            .any(|&d| length(*m, Norm::Chebyshev) == f64::from(d))
    };
    let mut out = Vec::new();
    for z in 0..=reach[0] {
        for y in -reach[1]..=reach[1] {
            out.extend((-reach[2]..=reach[2]).map(|x| [z, y, x]));
        }
    }
    out.retain(|m| *m > [0, 0, 0] && at(m));
    out
}

/// One of each pair of opposite direction vectors, in C order: 13 in 3D, 4 in the slice for the
/// Chebyshev norm.
///
/// For the Chebyshev norm the vectors of distance 1 are multiplied by `distance`, as the manual
/// says; for the others they lead to all voxels at `distance` (Manhattan), or between `distance - 1`
/// (excluded) and `distance` (Euclidean).
#[must_use]
pub fn directions(distance: u32, norm: Norm, in_plane: bool) -> Vec<Offset> {
    let upper_half = |m: &Offset| *m > [0, 0, 0];
    if norm == Norm::Chebyshev {
        let d = isize::try_from(distance).unwrap_or(isize::MAX);
        let unit = neighbourhood(1, norm, in_plane);
        return unit
            .into_iter()
            .filter(upper_half)
            .map(|m| m.map(|c| c * d))
            .collect();
    }
    let far = |m: &Offset| length(*m, norm) > f64::from(distance) - 1.0;
    neighbourhood(distance, norm, in_plane)
        .into_iter()
        .filter(upper_half)
        .filter(far)
        .collect()
}
