//! The surface of a mask by marching cubes at isovalue 0.5 (IBSI "Mesh-based representation",
//! WRJH): its area and volume without building it, and the mesh itself.
//!
//! Vertices lie midway between voxel centres; the mask is taken to be surrounded by outside voxels,
//! so the surface is closed. Axis order (z, y, x), lengths in mm, voxel (0, 0, 0) is centred at the
//! origin.

use super::cases::{self, Triangle, EDGES};
use super::packed::PackedMask;
use super::position;
use crate::error::{Error, Result};
use crate::parallel;
use crate::volume::check_spacing;

/// How often each of the 256 cube configurations occurs: bit `4 dz + 2 dy + dx` of a configuration
/// is set if that corner is inside. Empty cubes (configuration 0) are not counted.
pub type Histogram = [u64; 256];

/// Area and volume of the surface.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surface {
    /// Area in mm².
    pub area: f64,
    /// Enclosed volume in mm³; a cavity does not belong to it.
    pub volume: f64,
}

/// Counts the cube configurations of a mask, padded by outside voxels.
#[must_use]
pub fn histogram(mask: &PackedMask) -> Histogram {
    let planes = mask.shape()[0] + 1;
    let words = planes * (mask.shape()[1] + 1) * mask.words_per_row();
    let slabs = planes.min(4 * parallel::threads());
    let bounds = |slab: usize| slab * planes / slabs;
    let parts = parallel::map(slabs, words * 8, |slab| {
        let mut counts = [0; 256];
        for_each_row_pair(mask, bounds(slab)..bounds(slab + 1), |_, _, rows| {
            count_row_pair(rows, &mut counts);
        });
        counts
    });
    let mut total = [0; 256];
    for part in parts {
        for (sum, n) in total.iter_mut().zip(part) {
            *sum += n;
        }
    }
    total
}

/// Area and volume of the surface that a histogram stands for.
#[must_use]
pub fn measure(histogram: &Histogram, spacing: [f64; 3]) -> Surface {
    let mut area = 0.0;
    let mut volume_48 = 0;
    for case in 1..=u8::MAX {
        let n = histogram[usize::from(case)];
        if n > 0 {
            area += n as f64 * cases::triangles(case, spacing).1;
            volume_48 += i128::from(n) * i128::from(cases::volume_48(case));
        }
    }
    let voxel: f64 = spacing.iter().product();
    Surface {
        area,
        volume: volume_48 as f64 / 48.0 * voxel,
    }
}

/// Four rows along x around a row of cubes: `[z - 1, y - 1]`, `[z - 1, y]`, `[z, y - 1]`, `[z, y]`.
type RowPair<'a> = [&'a [u64]; 4];

/// Calls `f(z, y, rows)` for the cube rows of planes `planes` in order; cube (z, y, x) has voxel
/// (z, y, x) as its last corner.
fn for_each_row_pair(
    mask: &PackedMask,
    planes: std::ops::Range<usize>,
    mut f: impl FnMut(usize, usize, RowPair<'_>),
) {
    let [nz, ny, _] = mask.shape();
    let outside = vec![0; mask.words_per_row()];
    for z in planes {
        let row = |dz: usize, y: usize, dy: usize| -> &[u64] {
            let (z, y) = ((z + dz).wrapping_sub(1), (y + dy).wrapping_sub(1));
            if z < nz && y < ny {
                mask.row(z, y)
            } else {
                &outside
            }
        };
        for y in 0..=ny {
            f(
                z,
                y,
                [row(0, y, 0), row(0, y, 1), row(1, y, 0), row(1, y, 1)],
            );
        }
    }
}

/// The words of a cube row: bit `x` of the two words of a row are voxels `x - 1` and `x`.
fn corners(rows: RowPair<'_>, word: usize) -> [u64; 8] {
    let mut corners = [0; 8];
    for (pair, row) in corners.chunks_exact_mut(2).zip(rows) {
        let carry = if word > 0 { row[word - 1] >> 63 } else { 0 };
        pair[0] = row[word] << 1 | carry;
        pair[1] = row[word];
    }
    corners
}

/// The configuration of the cube at bit `x` of `corners`.
fn configuration(corners: &[u64; 8], x: u32) -> u8 {
    corners
        .iter()
        .rev()
        .fold(0, |code, word| code << 1 | (word >> x & 1) as u8)
}

/// Bits of the cubes that hold a part of the surface, and of those that lie inside.
fn surface_and_inside(corners: &[u64; 8]) -> (u64, u64) {
    let any = corners.iter().fold(0, |any, word| any | word);
    let all = corners.iter().fold(u64::MAX, |all, word| all & word);
    (any & !all, all)
}

/// Calls `f` with configuration and index (z, y, x) of each cube that holds a part of the surface,
/// in planes `planes`; the cube of index 0 has voxel (0, 0, 0) as its last corner.
pub(super) fn for_each_surface_cube(
    mask: &PackedMask,
    planes: std::ops::Range<usize>,
    mut f: impl FnMut(u8, [usize; 3]),
) {
    for_each_row_pair(mask, planes, |z, y, rows| {
        for word in 0..rows[0].len() {
            let corners = corners(rows, word);
            let (mut surface, _) = surface_and_inside(&corners);
            while surface != 0 {
                let x = surface.trailing_zeros();
                f(configuration(&corners, x), [z, y, 64 * word + x as usize]);
                surface &= surface - 1;
            }
        }
    });
}

fn count_row_pair(rows: RowPair<'_>, counts: &mut Histogram) {
    for word in 0..rows[0].len() {
        let corners = corners(rows, word);
        let (mut surface, inside) = surface_and_inside(&corners);
        counts[255] += u64::from(inside.count_ones());
        while surface != 0 {
            counts[usize::from(configuration(&corners, surface.trailing_zeros()))] += 1;
            surface &= surface - 1;
        }
    }
}

/// A triangle mesh. Each edge is shared by two faces that pass it in opposite directions; seen from
/// outside, faces turn counterclockwise in a right-handed (x, y, z) frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    /// Positions (z, y, x) in mm; voxel (0, 0, 0) is centred at the origin.
    pub vertices: Vec<[f64; 3]>,
    /// Three vertex numbers a face.
    pub faces: Vec<[u32; 3]>,
}

/// The surface mesh of a mask in C order with `shape` (z, y, x) and `spacing` in mm.
///
/// An empty mask gives an empty mesh. Area and volume are those of [`measure`].
///
/// # Errors
/// A `mask` whose length is not that of `shape`, a spacing that is not positive, and a mesh of more
/// than 2^32 vertices.
pub fn marching_cubes(mask: &[bool], shape: [usize; 3], spacing: [f64; 3]) -> Result<Mesh> {
    check_spacing(spacing)?;
    if mask.len() != shape.iter().product::<usize>() {
        return Err(Error::Argument {
            name: "mask",
            given: format!("{} voxels long for shape {shape:?}", mask.len()),
            allowed: "mask and shape must agree",
        });
    }
    let packed = PackedMask::new(mask, shape);
    let mut builder = Builder::new(shape, spacing);
    for z in 0..=shape[0] {
        builder.turn_page();
        for_each_row_pair(&packed, z..z + 1, |z, y, rows| builder.add_row(z, y, rows));
    }
    if builder.mesh.vertices.len() > u32::MAX as usize {
        return Err(Error::Argument {
            name: "mask",
            given: format!("{} surface vertices", builder.mesh.vertices.len()),
            allowed: "a mesh has at most 2^32 - 1",
        });
    }
    Ok(builder.mesh)
}

const NONE: u32 = u32::MAX;

/// Mesh under construction. Vertices met already are looked up by their cube edge: those of the
/// planes `z - 1` and `z` are at hand (memory: six numbers a voxel of a slice).
struct Builder {
    mesh: Mesh,
    spacing: [f64; 3],
    /// Cubes along x.
    width: usize,
    /// Vertex numbers by axis of the edge, plane (0 for `z - 1`, 1 for `z`) and lower corner.
    known: [[Vec<u32>; 2]; 3],
    /// The triangles of each configuration at this spacing.
    triangles: Vec<Vec<Triangle>>,
}

impl Builder {
    fn new(shape: [usize; 3], spacing: [f64; 3]) -> Self {
        let (height, width) = (shape[1] + 2, shape[2] + 2);
        let page = || vec![NONE; height * width];
        Self {
            mesh: Mesh {
                vertices: Vec::new(),
                faces: Vec::new(),
            },
            spacing,
            width,
            known: std::array::from_fn(|_| [page(), page()]),
            triangles: (0..=u8::MAX)
                .map(|case| cases::triangles(case, spacing).0)
                .collect(),
        }
    }

    /// Starts the next plane of cubes.
    fn turn_page(&mut self) {
        for pages in &mut self.known {
            pages.swap(0, 1);
            pages[1].fill(NONE);
        }
        self.known[0][0].fill(NONE); // edges along z do not reach into the next plane of cubes
    }

    fn add_row(&mut self, z: usize, y: usize, rows: RowPair<'_>) {
        for word in 0..rows[0].len() {
            let corners = corners(rows, word);
            let mut surface = surface_and_inside(&corners).0;
            while surface != 0 {
                let bit = surface.trailing_zeros();
                surface &= surface - 1;
                let case = usize::from(configuration(&corners, bit));
                self.add_cube([z, y, word * 64 + bit as usize], case);
            }
        }
    }

    fn add_cube(&mut self, cube: [usize; 3], case: usize) {
        for k in 0..self.triangles[case].len() {
            let triangle = self.triangles[case][k];
            let face = triangle.map(|edge| self.vertex(cube, edge));
            self.mesh.faces.push(face);
        }
    }

    fn vertex(&mut self, cube: [usize; 3], edge: u8) -> u32 {
        let (corner, axis) = EDGES[usize::from(edge)];
        let [dz, dy, dx] = [corner >> 2 & 1, corner >> 1 & 1, corner & 1].map(usize::from);
        let place = (cube[1] + dy) * self.width + cube[2] + dx;
        let known = &mut self.known[usize::from(axis)][dz][place];
        if *known == NONE {
            *known = self.mesh.vertices.len() as u32;
            let middle = cases::midpoint(edge);
            let doubled = std::array::from_fn(|a| 2 * (cube[a] as i32 - 1) + middle[a]);
            self.mesh.vertices.push(position(doubled, self.spacing));
        }
        *known
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::mesh::testing::{ball, mask_of, masks, permuted, spacings, Mask};
    use crate::mesh::{cross, dot, triangle_area};
    use crate::parallel::with_threads;
    use proptest::prelude::*;

    fn surface((mask, shape): &Mask, spacing: [f64; 3]) -> Surface {
        measure(&histogram(&PackedMask::new(mask, *shape)), spacing)
    }

    /// Area and volume from the mesh by IBSI's formulas.
    fn naive((mask, shape): &Mask, spacing: [f64; 3]) -> Surface {
        let mesh = marching_cubes(mask, *shape, spacing).unwrap();
        let (mut area, mut volume) = (0.0, 0.0);
        for face in &mesh.faces {
            let [a, b, c] = face.map(|v| mesh.vertices[v as usize]);
            area += triangle_area(a, b, c);
            volume -= dot(a, cross(b, c)) / 6.0; // (z, y, x) is a left-handed order
        }
        Surface { area, volume }
    }

    fn naive_histogram((mask, [nz, ny, nx]): &Mask) -> Histogram {
        let at = |z: usize, y: usize, x: usize| {
            let inside = z >= 1 && y >= 1 && x >= 1 && z <= *nz && y <= *ny && x <= *nx;
            inside && mask[((z - 1) * ny + y - 1) * nx + x - 1]
        };
        let mut counts = [0; 256];
        for z in 0..=*nz {
            for y in 0..=*ny {
                for x in 0..=*nx {
                    let code = (0..8).fold(0, |code, c| {
                        code | usize::from(at(z + (c >> 2), y + (c >> 1 & 1), x + (c & 1))) << c
                    });
                    counts[code] += 1;
                }
            }
        }
        counts[0] = 0;
        counts
    }

    fn close(a: f64, b: f64, tolerance: f64) -> bool {
        (a - b).abs() <= tolerance * a.abs().max(b.abs())
    }

    /// How often each directed edge occurs.
    fn edges(mesh: &Mesh) -> HashMap<(u32, u32), usize> {
        let mut edges = HashMap::new();
        for &[a, b, c] in &mesh.faces {
            for edge in [(a, b), (b, c), (c, a)] {
                *edges.entry(edge).or_insert(0) += 1;
            }
        }
        edges
    }

    proptest! {
        #[test]
        fn histogram_equals_its_naive_twin(mask in masks(5, 140)) {
            let packed = PackedMask::new(&mask.0, mask.1);
            prop_assert_eq!(histogram(&packed), naive_histogram(&mask));
        }

        #[test]
        fn mesh_is_closed_and_oriented(mask in masks(6, 6), spacing in spacings()) {
            let mesh = marching_cubes(&mask.0, mask.1, spacing).unwrap();
            let edges = edges(&mesh);
            for ((a, b), n) in &edges {
                prop_assert_eq!(*n, 1);
                prop_assert_eq!(edges.get(&(*b, *a)), Some(&1));
            }
        }

        // The two differ by the rounding of sums of at most 10^4 terms, and for the volume by the
        // cancellation of tetrahedra far from the origin.
        #[test]
        fn surface_equals_its_mesh(mask in masks(6, 70), spacing in spacings()) {
            let (fast, slow) = (surface(&mask, spacing), naive(&mask, spacing));
            prop_assert!(close(fast.area, slow.area, 1e-11), "{fast:?} {slow:?}");
            prop_assert!(close(fast.volume, slow.volume, 1e-9), "{fast:?} {slow:?}");
        }

        #[test]
        fn order_of_axes_does_not_matter(mask in masks(6, 6), spacing in spacings()) {
            let expected = surface(&mask, spacing);
            for order in [[0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
                let got = surface(&permuted(&mask, order), order.map(|a| spacing[a]));
                prop_assert!(close(got.area, expected.area, 1e-12));
                prop_assert!(close(got.volume, expected.volume, 1e-12));
            }
        }

        #[test]
        fn mirror_images_are_equal(mask in masks(6, 6), spacing in spacings()) {
            let expected = surface(&mask, spacing);
            let reversed: Vec<bool> = mask.0.iter().rev().copied().collect(); // all three axes
            let got = surface(&(reversed, mask.1), spacing);
            prop_assert!(close(got.area, expected.area, 1e-12));
            prop_assert!(close(got.volume, expected.volume, 1e-12));
        }

        #[test]
        fn spacing_scales_by_its_powers(mask in masks(6, 6), spacing in spacings()) {
            let one = surface(&mask, spacing);
            let two = surface(&mask, spacing.map(|s| 2.0 * s));
            prop_assert_eq!(two.area.to_bits(), (4.0 * one.area).to_bits());
            prop_assert_eq!(two.volume.to_bits(), (8.0 * one.volume).to_bits());
        }

        #[test]
        fn place_in_the_array_does_not_matter((mask, shape) in masks(4, 70), by in 0_usize..5) {
            let [nz, ny, nx] = shape;
            let moved = mask_of([nz + by, ny + by, nx + by], |[z, y, x]| {
                z >= by && y >= by && x >= by && mask[((z - by) * ny + y - by) * nx + x - by]
            });
            let (here, there) = (PackedMask::new(&mask, shape), PackedMask::new(&moved.0, moved.1));
            prop_assert_eq!(histogram(&here), histogram(&there));
        }
    }

    #[test]
    fn one_voxel_is_an_octahedron() {
        let one = surface(&(vec![true], [1; 3]), [2.0; 3]);
        assert!(close(one.volume, 8.0 / 6.0, 1e-15));
        assert!(close(one.area, 8.0 * 3.0_f64.sqrt() / 2.0, 1e-15));
    }

    #[test]
    fn a_box_loses_only_its_edges() {
        let [nz, ny, nx] = [7, 9, 80];
        let got = surface(&(vec![true; nz * ny * nx], [nz, ny, nx]), [1.0; 3]);
        let [a, b, c] = [6.0, 8.0, 79.0]; // the part between the outermost voxel centres
        let faces = a * b + b * c + c * a;
        let volume = a * b * c + faces + (a + b + c) / 2.0 + 1.0 / 6.0;
        let area = 2.0 * faces + (a + b + c) * 4.0 * 0.5_f64.sqrt() + 3.0_f64.sqrt();
        assert!(close(got.volume, volume, 1e-14), "{} {volume}", got.volume);
        assert!(close(got.area, area, 1e-14), "{} {area}", got.area);
    }

    #[test]
    fn a_large_ball_has_its_volume_and_no_less_than_its_area() {
        let r = 40.3_f64;
        let got = surface(&ball(r), [1.0; 3]);
        let volume = 4.0 / 3.0 * std::f64::consts::PI * r.powi(3);
        assert!(close(got.volume, volume, 2e-3), "{} {volume}", got.volume);
        // The surface of a mask is a staircase of at most 45 degrees: its area stays 8 to 10 %
        // above that of the ball, whatever the resolution.
        let ratio = got.area / (4.0 * std::f64::consts::PI * r * r);
        assert!((1.05..1.12).contains(&ratio), "{ratio}");
    }

    #[test]
    fn voxels_that_touch_at_a_face_edge_or_corner() {
        let volume = |shape: [usize; 3], second: [usize; 3]| {
            let mask = mask_of(shape, |i| i == [0; 3] || i == second);
            let mesh = marching_cubes(&mask.0, shape, [1.0; 3]).unwrap();
            let euler = mesh.vertices.len() + mesh.faces.len() - edges(&mesh).len() / 2;
            (surface(&mask, [1.0; 3]).volume * 6.0, euler)
        };
        let near = |(volume, euler): (f64, usize), expected: (f64, usize)| {
            assert!(
                (volume - expected.0).abs() < 1e-12 && euler == expected.1,
                "{volume} {euler}"
            );
        };
        near(volume([1, 1, 2], [0, 0, 1]), (4.0, 2)); // an octahedron, stretched by half a voxel
        near(volume([1, 2, 2], [0, 1, 1]), (4.0, 2)); // joined along the edge: one surface
        near(volume([2, 2, 2], [1, 1, 1]), (2.0, 4)); // two octahedra
    }

    #[test]
    fn a_cavity_is_not_volume() {
        let full = surface(&(vec![true; 125], [5; 3]), [1.0; 3]);
        let hollow = surface(&mask_of([5; 3], |i| i != [2; 3]), [1.0; 3]);
        assert!(close(full.volume - hollow.volume, 1.0 / 6.0, 1e-12));
        assert!(close(hollow.area - full.area, 3.0_f64.sqrt(), 1e-12));
    }

    #[test]
    fn threads_change_nothing() {
        let mask = ball(21.7);
        let one = with_threads(Some(1), || histogram(&PackedMask::new(&mask.0, mask.1)));
        for threads in [2, 7] {
            let got = with_threads(Some(threads), || {
                histogram(&PackedMask::new(&mask.0, mask.1))
            });
            assert_eq!(got, one);
        }
    }

    #[test]
    fn bad_calls_say_what_is_wrong() {
        assert!(marching_cubes(&[true; 7], [2; 3], [1.0; 3]).is_err());
        assert!(marching_cubes(&[true; 8], [2; 3], [1.0, 0.0, 1.0]).is_err());
        assert!(marching_cubes(&[], [0; 3], [1.0; 3])
            .unwrap()
            .faces
            .is_empty());
    }
}
