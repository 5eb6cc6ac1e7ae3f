//! Area and volume of a mask's surface by the classic table of marching cubes, as PyRadiomics has
//! them.
//!
//! The table holds 128 configurations; one with corner [`TURNED`] inside is the surface of its
//! complement, seen from the other side. On an ambiguous face a configuration of the table cuts off
//! each inside corner by itself, its complement joins them: two cubes may see their common face
//! differently, and the surface then has a hole there. The volume is the sum over triangles of the
//! tetrahedra they form with the array's first voxel, which for a surface with holes depends on
//! where that voxel lies. Elsewhere the surface is that of [`super::marching_cubes`].
//!
//! Axis order (z, y, x), lengths in mm.

use super::cases::{self, midpoint, Triangle};
use super::marching_cubes::{for_each_surface_cube, Surface};
use super::packed::PackedMask;
use crate::parallel;

/// The corner (z, y, x) = (1, 1, 0) of a cube.
const TURNED: u8 = 6;

/// Where the cubes of each configuration lie: their number, and the sums of their first corners'
/// indices in an array with one outside voxel around it.
struct Places {
    counts: [i128; 256],
    sums: [[i128; 3]; 256],
}

impl Places {
    fn new() -> Self {
        Self {
            counts: [0; 256],
            sums: [[0; 3]; 256],
        }
    }

    fn add(&mut self, case: u8, place: [usize; 3]) {
        let case = usize::from(case);
        self.counts[case] += 1;
        for (sum, index) in self.sums[case].iter_mut().zip(place) {
            *sum += index as i128;
        }
    }

    fn plus(mut self, other: &Self) -> Self {
        for case in 0..256 {
            self.counts[case] += other.counts[case];
            for axis in 0..3 {
                self.sums[case][axis] += other.sums[case][axis];
            }
        }
        self
    }
}

/// The surface of a mask that is cut out of an array from index `start` on.
#[must_use]
pub fn surface(mask: &PackedMask, start: [usize; 3], spacing: [f64; 3]) -> Surface {
    let planes = mask.shape()[0] + 1;
    let work = planes * (mask.shape()[1] + 1) * mask.words_per_row() * 8;
    let slabs = planes.min(4 * parallel::threads());
    let bounds = |slab: usize| slab * planes / slabs;
    let parts = parallel::map(slabs, work, |slab| {
        let mut places = Places::new();
        for_each_surface_cube(mask, bounds(slab)..bounds(slab + 1), |case, place| {
            places.add(case, std::array::from_fn(|a| place[a] + start[a]));
        });
        places
    });
    let places = parts.iter().fold(Places::new(), Places::plus);
    let (mut area, mut volume_48) = (0.0, 0);
    for case in 1..u8::MAX {
        let n = places.counts[usize::from(case)];
        if n > 0 {
            // A complement's surface is the other's, seen from the other side.
            let (same, sign) = if case >> TURNED & 1 == 1 {
                (case, 1)
            } else {
                (!case, -1)
            };
            let triangles = cases::classic_triangles(same, spacing);
            area += n as f64 * cases::area(&triangles, spacing);
            let (volume, normal) = about_origin(&triangles);
            let sums = places.sums[usize::from(case)];
            let moved: i128 = normal.iter().zip(sums).map(|(n, sum)| 2 * n * sum).sum();
            volume_48 += sign * (n * volume + moved);
        }
    }
    let voxel: f64 = spacing.iter().product();
    Surface {
        area,
        volume: volume_48 as f64 / 48.0 * voxel,
    }
}

/// The volume in 1/48 of a cube between triangles and the first corner of their cube, and what it
/// grows by for each half of a cube that they are moved along an axis.
fn about_origin(triangles: &[Triangle]) -> (i128, [i128; 3]) {
    let cross = |a: [i128; 3], b: [i128; 3]| {
        let part = |i: usize, j: usize| a[i] * b[j] - a[j] * b[i];
        [part(1, 2), part(2, 0), part(0, 1)]
    };
    let (mut volume, mut normal) = (0, [0; 3]);
    for triangle in triangles {
        let [a, b, c] = triangle.map(|edge| midpoint(edge).map(i128::from));
        for (p, q, r) in [(a, b, c), (b, c, a), (c, a, b)] {
            let product = cross(p, q);
            // Counterclockwise in (x, y, z) is a negative determinant in (z, y, x). Each of the
            // three gives it: a third of their sum.
            volume -= product.iter().zip(r).map(|(n, r)| n * r).sum::<i128>();
            for (sum, n) in normal.iter_mut().zip(product) {
                *sum -= n;
            }
        }
    }
    (volume / 3, normal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::marching_cubes::{histogram, measure};
    use super::super::testing::{ball, mask_of, masks, spacings, Mask};
    use super::*;

    fn of((mask, shape): &Mask, start: [usize; 3], spacing: [f64; 3]) -> Surface {
        surface(&PackedMask::new(mask, *shape), start, spacing)
    }

    /// A mask of solid blocks, none of which meet at an edge or a corner only.
    fn convex() -> Vec<Mask> {
        vec![
            ball(4.3),
            mask_of([1, 1, 1], |_| true),
            mask_of([5, 6, 7], |[z, y, x]| z + y + x < 9),
            mask_of([3, 4, 70], |[z, y, _]| z < 2 || y > 1),
        ]
    }

    #[test]
    fn where_no_face_is_ambiguous_it_is_the_surface_of_the_core() {
        for mask in convex() {
            for spacing in [[1.0; 3], [3.0, 0.7, 0.9]] {
                let packed = PackedMask::new(&mask.0, mask.1);
                let expected = measure(&histogram(&packed), spacing);
                for start in [[0; 3], [7, 100, 1]] {
                    let got = of(&mask, start, spacing);
                    assert!((got.area - expected.area).abs() <= 1e-12 * expected.area);
                    assert!((got.volume - expected.volume).abs() <= 1e-12 * expected.volume);
                }
            }
        }
    }

    #[test]
    fn two_voxels_at_a_corner_stay_apart() {
        let pair = mask_of([2, 2, 2], |p| p == [0; 3] || p == [1; 3]);
        let one = of(&mask_of([1; 3], |_| true), [0; 3], [1.0; 3]);
        let got = of(&pair, [0; 3], [1.0; 3]);
        assert!((got.area - 2.0 * one.area).abs() < 1e-12);
        assert!((got.volume - 2.0 * one.volume).abs() < 1e-12);
    }

    proptest! {
        /// The sum over triangles at their places, one by one.
        #[test]
        fn sums_by_configuration_are_those_over_triangles(
            mask in masks(5, 70),
            spacing in spacings(),
            start in proptest::array::uniform3(0usize..9),
        ) {
            let packed = PackedMask::new(&mask.0, mask.1);
            let (mut area, mut volume) = (0.0, 0.0);
            for_each_surface_cube(&packed, 0..mask.1[0] + 1, |case, place| {
                let turned = case >> TURNED & 1 == 1;
                let same = if turned { case } else { !case };
                for t in cases::classic_triangles(same, spacing) {
                    let corner = |edge: u8| -> [f64; 3] {
                        let p = midpoint(edge);
                        std::array::from_fn(|a| {
                            let first = (place[a] + start[a]) as f64;
                            (first + f64::from(p[a]) / 2.0) * spacing[a]
                        })
                    };
                    let [a, b, c] = t.map(corner);
                    let signed = -super::super::dot(super::super::cross(a, b), c) / 6.0;
                    volume += if turned { signed } else { -signed };
                    area += super::super::triangle_area(a, b, c);
                }
            });
            let got = of(&mask, start, spacing);
            prop_assert!((got.area - area).abs() <= 1e-10 * (1.0 + area));
            prop_assert!((got.volume - volume).abs() <= 1e-9 * (1.0 + area * 100.0));
        }
    }
}
