//! Local binary patterns: which of the points around a voxel are at least as bright as it is.
//!
//! Points lie at a distance of `radius` voxels, whatever the spacing (resample the image first where
//! voxels are not cubes), and are interpolated linearly. A point counts as 1 if its intensity is not
//! below the voxel's, $\sum_k w_k (f_k - f_i) \ge 0$, so that a flat image has ones only, without
//! regard to rounding. In a slice they are those of Ojala, Pietikäinen and Mäenpää (2002), in the
//! order of scikit-image; the volume's are our own: the directions to the 26 neighbours.

use std::f64::consts::TAU;

use ndarray::{Array3, ArrayView3};
use serde::{Deserialize, Serialize};

use super::convolve::{check_boundary, voxels_of, Real};
use super::Boundary;
use crate::error::{Error, Result};
use crate::parallel;

/// How a pattern in a slice becomes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// $\sum_p b_p 2^p$.
    Pattern,
    /// The lowest of these over all shifts of the points around the circle.
    RotationMinimum,
    /// The number of ones if they stand together on the circle (at most two changes), else the
    /// number of points plus 1.
    Uniform,
}

/// Voxels a point may be away.
const MAX_RADIUS: f64 = 100.0;
/// Points of a circle: patterns are then exact in either precision of `code`'s doubles.
const MAX_SAMPLES: usize = 24;
/// A place this near to a voxel is taken to be on it.
const ON_VOXEL: f64 = 1e-9;

/// Patterns in each slice of `image` (z, y, x): point $p$ of `samples` stands at
/// $x + r \cos(2 \pi p / P)$, $y - r \sin(2 \pi p / P)$.
///
/// A voxel is NaN if it or what its points are made of is NaN.
///
/// # Errors
/// [`Error::Argument`] unless `radius` is from 1 to 100 voxels and `samples` from 3 to 24; a
/// constant beyond the edge that is not finite.
pub fn in_slices<T: Real>(
    image: ArrayView3<'_, T>,
    radius: f64,
    samples: usize,
    code: Code,
    boundary: Boundary,
) -> Result<Array3<T>> {
    check_samples(samples)?;
    let angle = |p: usize| TAU * p as f64 / samples as f64;
    let point = |p: usize| [0.0, -radius * angle(p).sin(), radius * angle(p).cos()];
    let points: Vec<_> = (0..samples).map(point).collect();
    let number = |pattern: u32| in_circle(pattern, samples, code);
    patterns(image, radius, &points, boundary, number)
}

/// Patterns in the volume of `image` (z, y, x): the number of ones among the 26 points in the
/// directions of a voxel's neighbours if both the ones and the zeros stand together (a step from a
/// direction $(-1, 0, 1)^3$ to the next changes one coordinate by 1), else 27.
///
/// The map turns with the image under the rotations by right angles and mirroring. NaN as in
/// [`in_slices`].
///
/// # Errors
/// As [`in_slices`].
pub fn in_volume<T: Real>(
    image: ArrayView3<'_, T>,
    radius: f64,
    boundary: Boundary,
) -> Result<Array3<T>> {
    let steps = directions();
    let point = |step: &[i32; 3]| {
        let length = step.iter().map(|s| f64::from(s * s)).sum::<f64>().sqrt();
        step.map(|s| radius * f64::from(s) / length)
    };
    let points: Vec<_> = steps.iter().map(point).collect();
    let apart = |a: &[i32; 3], b: &[i32; 3]| (0..3).map(|k| (a[k] - b[k]).abs()).sum::<i32>();
    let beside = |a: &[i32; 3]| {
        let near = (0..steps.len()).filter(|&b| apart(a, &steps[b]) == 1);
        near.fold(0, |set, b| set | 1u32 << b)
    };
    let near: Vec<u32> = steps.iter().map(beside).collect();
    let all = (1 << steps.len()) - 1;
    let number = |pattern: u32| {
        if together(pattern, &near) && together(!pattern & all, &near) {
            pattern.count_ones()
        } else {
            27
        }
    };
    patterns(image, radius, &points, boundary, number)
}

/// Refuses a number of points that a circle does not take.
///
/// # Errors
/// As [`in_slices`].
pub(crate) fn check_samples(samples: usize) -> Result<()> {
    if (3..=MAX_SAMPLES).contains(&samples) {
        return Ok(());
    }
    Err(Error::Argument {
        name: "samples",
        given: samples.to_string(),
        allowed: "it must be from 3 to 24",
    })
}

/// Refuses a radius in voxels outside its limits.
///
/// # Errors
/// As [`in_slices`].
pub(crate) fn check_radius(radius: f64) -> Result<()> {
    if (1.0..=MAX_RADIUS).contains(&radius) {
        return Ok(());
    }
    Err(Error::Argument {
        name: "radius",
        given: format!("{radius} voxels"),
        allowed: "it must be from 1 to 100",
    })
}

/// Voxels that a point at this radius can take its intensity from, along an axis.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // radii are from 1 to 100
pub(super) fn reach(radius: f64) -> usize {
    radius.clamp(0.0, MAX_RADIUS).ceil() as usize
}

/// The steps to the 26 neighbours (z, y, x).
fn directions() -> Vec<[i32; 3]> {
    let all = (0..27).map(|k| [k / 9 - 1, k / 3 % 3 - 1, k % 3 - 1]);
    all.filter(|step| *step != [0; 3]).collect()
}

/// True if the set can be walked through by steps to what is `near`.
fn together(set: u32, near: &[u32]) -> bool {
    let mut reached = set & set.wrapping_neg();
    let mut edge = reached;
    while edge != 0 {
        let k = edge.trailing_zeros() as usize;
        let new = near[k] & set & !reached;
        reached |= new;
        edge = (edge & (edge - 1)) | new;
    }
    reached == set
}

/// The number of a pattern on a circle.
fn in_circle(pattern: u32, samples: usize, code: Code) -> u32 {
    let all = (1u32 << samples) - 1;
    let shifted = |by: usize| (pattern >> by | pattern << (samples - by)) & all;
    match code {
        Code::Pattern => pattern,
        Code::RotationMinimum => (1..samples).map(shifted).fold(pattern, u32::min),
        Code::Uniform if (pattern ^ shifted(1)).count_ones() <= 2 => pattern.count_ones(),
        Code::Uniform => u32::try_from(samples).expect("a few") + 1,
    }
}

/// One voxel that a point is made of: its step (z, y, x) and its weight.
type Part = ([isize; 3], f64);

/// The parts of a point at this place (z, y, x) from the voxel.
fn parts(point: [f64; 3]) -> Vec<Part> {
    let corners = point.map(|place| {
        let place = if (place - place.round()).abs() < ON_VOXEL {
            place.round()
        } else {
            place
        };
        #[allow(clippy::cast_possible_truncation)] // whole and at most MAX_RADIUS
        let low = place.floor() as isize;
        let share = place - place.floor();
        [(low, 1.0 - share), (low + 1, share)]
    });
    let corner = |k: usize| {
        let [z, y, x] = [k >> 2, k >> 1 & 1, k & 1];
        let [z, y, x] = [corners[0][z], corners[1][y], corners[2][x]];
        ([z.0, y.0, x.0], z.1 * y.1 * x.1)
    };
    (0..8)
        .map(corner)
        .filter(|(_, weight)| *weight > 0.0)
        .collect()
}

/// The `number` of each voxel's pattern, point p being bit p.
#[allow(clippy::cast_possible_wrap)] // indices of arrays
fn patterns<T: Real>(
    image: ArrayView3<'_, T>,
    radius: f64,
    points: &[[f64; 3]],
    boundary: Boundary,
    number: impl Fn(u32) -> u32 + Sync,
) -> Result<Array3<T>> {
    check_boundary(boundary)?;
    check_radius(radius)?;
    let points: Vec<Vec<Part>> = points.iter().map(|&point| parts(point)).collect();
    let steps = || points.iter().flatten().map(|(step, _)| *step);
    let margin: [usize; 3] =
        std::array::from_fn(|a| steps().map(|s| s[a].unsigned_abs()).max().unwrap_or(0));
    let mut map = Array3::from_elem(image.raw_dim(), T::ZERO);
    let (_, ny, nx) = image.dim();
    if map.is_empty() {
        return Ok(map);
    }
    let padded = padded(image, margin, boundary);
    let (_, py, px) = padded.dim();
    let values = padded.as_slice().expect("made in C order");
    let voxels = voxels_of(&mut map);
    let work = voxels.len() * steps().count();
    parallel::for_each_chunk(voxels, nx, work, |row, out| {
        let (z, y) = (row / ny, row % ny);
        let start = |step: [isize; 3]| {
            let place = |i: usize, a: usize| (i + margin[a]).wrapping_add_signed(step[a]);
            (place(z, 0) * py + place(y, 1)) * px + place(0, 2)
        };
        let centre = &values[start([0; 3])..][..nx];
        let mut found = vec![0u32; nx];
        let mut sums = vec![T::ZERO; nx];
        let mut total = vec![T::ZERO; nx];
        for (bit, parts) in points.iter().enumerate() {
            sums.fill(T::ZERO);
            for &(step, weight) in parts {
                let weight = T::nearest(weight);
                let part = &values[start(step)..][..nx];
                for (sum, (&value, &c)) in sums.iter_mut().zip(part.iter().zip(centre)) {
                    *sum = *sum + weight * (value - c);
                }
            }
            for (i, &sum) in sums.iter().enumerate() {
                found[i] |= u32::from(sum >= T::ZERO) << bit;
                total[i] = total[i] + sum; // NaN if any is
            }
        }
        for (i, to) in out.iter_mut().enumerate() {
            let nan = total[i].to_f64().is_nan();
            let value = if nan {
                f64::NAN
            } else {
                f64::from(number(found[i]))
            };
            *to = T::nearest(value);
        }
    });
    Ok(map)
}

/// The image with so many more voxels on each side.
#[allow(clippy::cast_possible_wrap)] // indices of arrays
fn padded<T: Real>(image: ArrayView3<'_, T>, margin: [usize; 3], boundary: Boundary) -> Array3<T> {
    let shape: [usize; 3] = image.dim().into();
    let sources: [Vec<Option<usize>>; 3] = std::array::from_fn(|a| {
        let places = 0..shape[a] + 2 * margin[a];
        let source = |i: usize| boundary.source(i as isize - margin[a] as isize, shape[a]);
        places.map(source).collect()
    });
    let beyond = T::nearest(boundary.constant());
    let [nz, ny, nx] = [0, 1, 2].map(|a| sources[a].len());
    Array3::from_shape_fn((nz, ny, nx), |(z, y, x)| {
        match (sources[0][z], sources[1][y], sources[2][x]) {
            (Some(z), Some(y), Some(x)) => image[[z, y, x]],
            _ => beyond,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_a_circle() {
        assert_eq!(in_circle(0b0001_1000, 8, Code::Pattern), 24);
        assert_eq!(in_circle(0b0001_1000, 8, Code::RotationMinimum), 3);
        assert_eq!(in_circle(0b1000_0001, 8, Code::Uniform), 2);
        assert_eq!(in_circle(0b0001_0001, 8, Code::Uniform), 9);
        assert_eq!(in_circle(0xff, 8, Code::Uniform), 8);
        assert_eq!(
            in_circle((1 << 24) - 1, 24, Code::RotationMinimum),
            (1 << 24) - 1
        );
    }

    #[test]
    fn points_are_made_of_weights_in_sum_one() {
        assert_eq!(parts([0.0, -1.0, 6e-17]), [([0, -1, 0], 1.0)]);
        let half = parts([0.0, 0.5, -0.25]);
        assert_eq!(half.len(), 4);
        assert!((half.iter().map(|p| p.1).sum::<f64>() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_flat_image_has_ones_only_and_a_peak_none() {
        for boundary in [
            Boundary::Mirror,
            Boundary::Constant(0.1),
            Boundary::Periodic,
        ] {
            let mut image = Array3::from_elem((5, 5, 5), 0.1);
            let of =
                |i: &Array3<f64>| in_slices(i.view(), 1.5, 8, Code::Uniform, boundary).unwrap();
            let volume = |i: &Array3<f64>| in_volume(i.view(), 1.5, boundary).unwrap();
            assert!(of(&image).iter().all(|&v| v == 8.0));
            assert!(volume(&image).iter().all(|&v| v == 26.0));
            image[[2, 2, 2]] = 5.0;
            assert_eq!(of(&image)[[2, 2, 2]], 0.0);
            assert_eq!(volume(&image)[[2, 2, 2]], 0.0);
            image[[2, 2, 2]] = f64::NAN;
            assert!(of(&image)[[2, 2, 1]].is_nan());
            assert!(volume(&image)[[2, 2, 2]].is_nan());
        }
    }

    #[test]
    fn the_volume_s_patterns_turn_with_the_image() {
        let noise =
            |(z, y, x): (usize, usize, usize)| ((z * 31 + y * 17 + x * 7) * 2_654_435 % 97) as f64;
        let image = Array3::from_shape_fn((4, 5, 6), noise);
        let map = in_volume(image.view(), 1.0, Boundary::Mirror).unwrap();
        let mut turned = image.view().permuted_axes([2, 0, 1]);
        turned.invert_axis(ndarray::Axis(1));
        let again = in_volume(turned, 1.0, Boundary::Mirror).unwrap();
        let mut expected = map.view().permuted_axes([2, 0, 1]);
        expected.invert_axis(ndarray::Axis(1));
        assert_eq!(again, expected);
        assert!(map.iter().any(|&v| v == 27.0) && map.iter().any(|&v| v < 27.0));
    }

    #[test]
    fn arguments_have_limits() {
        let image = Array3::<f64>::zeros((2, 2, 2));
        let of = |radius, samples| {
            in_slices(image.view(), radius, samples, Code::Uniform, Boundary::Zero).is_ok()
        };
        assert!(of(1.0, 8) && of(100.0, 24));
        assert!(!of(0.5, 8) && !of(f64::NAN, 8) && !of(101.0, 8) && !of(1.0, 2) && !of(1.0, 25));
    }
}
