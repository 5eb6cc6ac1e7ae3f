//! Gradient magnitude: how fast the intensity changes, per mm.

use ndarray::{Array3, ArrayView3};

use super::convolve::{check_boundary, voxels_of, Real};
use super::{Boundary, Dimension};
use crate::error::Result;
use crate::parallel;
use crate::volume::check_spacing;

/// $|\nabla f|$ of `image` (z, y, x) with this spacing in mm, by central differences:
/// $\sqrt{\sum_a ((f_{i + e_a} - f_{i - e_a}) / 2 s_a)^2}$ over the axes of `dimension`.
///
/// At the edge the boundary condition gives the other voxel; mirrored or nearest, an axis of one
/// voxel adds nothing. NaN and infinite voxels spoil their neighbours.
///
/// # Errors
/// [`crate::Error::Spacing`]; [`crate::Error::Argument`] if a constant beyond the edge is not
/// finite.
///
/// # Panics
/// Never: the image is brought into C order.
pub fn gradient_magnitude<T: Real>(
    image: ArrayView3<'_, T>,
    spacing: [f64; 3],
    dimension: Dimension,
    boundary: Boundary,
) -> Result<Array3<T>> {
    check_spacing(spacing)?;
    check_boundary(boundary)?;
    let mut map = Array3::from_elem(image.raw_dim(), T::ZERO);
    let shape: [usize; 3] = image.dim().into();
    let [_, ny, nx] = shape;
    if map.is_empty() {
        return Ok(map);
    }
    let image = image.as_standard_layout();
    let image = image.as_slice().expect("standard layout");
    let beyond = vec![T::nearest(boundary.constant()); nx];
    let row = |z: Option<usize>, y: Option<usize>| match (z, y) {
        (Some(z), Some(y)) => &image[(z * ny + y) * nx..][..nx],
        _ => &beyond[..],
    };
    let voxels = voxels_of(&mut map);
    let work = voxels.len() * 6;
    parallel::for_each_chunk(voxels, nx, work, |k, out| {
        let (z, y) = (k / ny, k % ny);
        let centre = row(Some(z), Some(y));
        let mut squares = vec![0.0; nx];
        let mut add = |a: usize, high: &[T], low: &[T]| {
            for (square, (&high, &low)) in squares.iter_mut().zip(high.iter().zip(low)) {
                *square += ((high.to_f64() - low.to_f64()) / (2.0 * spacing[a])).powi(2);
            }
        };
        if dimension.has(0) {
            let [low, high] = neighbours(boundary, z, shape[0]);
            add(0, row(high, Some(y)), row(low, Some(y)));
        }
        let [low, high] = neighbours(boundary, y, ny);
        add(1, row(Some(z), high), row(Some(z), low));
        let [low, _] = neighbours(boundary, 0, nx);
        let [_, high] = neighbours(boundary, nx - 1, nx);
        let end = |x: Option<usize>| x.map_or(beyond[0], |x| centre[x]);
        let mut padded = Vec::with_capacity(nx + 2);
        padded.push(end(low));
        padded.extend_from_slice(centre);
        padded.push(end(high));
        add(2, &padded[2..], &padded[..nx]);
        for (to, square) in out.iter_mut().zip(squares) {
            *to = T::nearest(square.sqrt());
        }
    });
    Ok(map)
}

/// What stands before and after voxel `i` of an axis of `n` voxels.
#[allow(clippy::cast_possible_wrap)] // indices of arrays
fn neighbours(boundary: Boundary, i: usize, n: usize) -> [Option<usize>; 2] {
    [-1, 1].map(|step| boundary.source(i as isize + step, n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_has_its_slope_inside() {
        let ramp = Array3::from_shape_fn((5, 6, 7), |(z, y, x)| {
            3.0 * z as f64 + 4.0 * y as f64 + 12.0 * x as f64
        });
        let of = |spacing, dimension| {
            gradient_magnitude(ramp.view(), spacing, dimension, Boundary::Mirror).unwrap()
                [[2, 2, 3]]
        };
        assert_eq!(of([1.0; 3], Dimension::Volume), 13.0);
        assert_eq!(of([2.0; 3], Dimension::Volume), 6.5);
        assert_eq!(of([3.0, 4.0, 4.0], Dimension::Slice), 10f64.sqrt());
    }

    #[test]
    fn edges_follow_the_boundary_condition() {
        let image = Array3::from_shape_fn((1, 1, 4), |(_, _, x)| (x * x) as f64);
        let of = |boundary| {
            let map = gradient_magnitude(image.view(), [1.0; 3], Dimension::Slice, boundary);
            map.unwrap().into_raw_vec_and_offset().0
        };
        assert_eq!(of(Boundary::Nearest), [0.5, 2.0, 4.0, 2.5]);
        assert_eq!(of(Boundary::Mirror), of(Boundary::Nearest));
        assert_eq!(of(Boundary::Periodic), [4.0, 2.0, 4.0, 2.0]);
        assert_eq!(of(Boundary::Constant(1.0)), [0.0, 2.0, 4.0, 1.5]);
        assert_eq!(of(Boundary::Zero), [0.5, 2.0, 4.0, 2.0]);
    }
}
