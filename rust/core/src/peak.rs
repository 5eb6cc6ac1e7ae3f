//! Mean intensity in a sphere of 1 cm3 around every voxel of a region, for the local intensity
//! features (IBSI 9ST6). Arrays are (z, y, x), distances in mm between voxel centres.
//!
//! The sphere is a bundle of rows along x: at offset (dz, dy) it holds the 2h + 1 voxels with
//! |dx| <= h. Rows are taken in order of falling h. One running sum over (dz, dy), a vector over
//! the x of a whole row of centres, holds the rows met so far; when all rows of half-width h or
//! more are in, it counts for the result at x + h and at x - h. Rows of equal h at the same dy and
//! adjoining dz are one row of a plane, a sum of slices that all centres of a slice share: 41 in
//! place of 113 rows for voxels of 1 mm. So a sphere costs one addition for each of these rows,
//! not for each voxel, and nothing is ever subtracted: no far-off value (metal, a padding value of
//! -1e38) can spoil the digits of a sphere that does not hold it.

mod image;
mod sphere;
mod sums;

use std::ops::Range;

use self::image::{fits_i32, Image, Number};
use self::sphere::{half_widths, Sphere};
use self::sums::{Centres, Sums};
use crate::blocks::extent;
use crate::feature::local_intensity::Peaks;
use crate::parallel;
use crate::roi::Roi;
use crate::volume::Volume;

/// Numbers that loops take at a time; 16 of i32 are a line of the cache.
const LINE: usize = 16;
/// Slices and rows of centres that one task works on: rows enough that few planes' rows are made
/// twice, and that what they read of the slices around stays in the second-level cache (32 rows:
/// 17.1 -> 18.3 ms for 10^6 voxels of 1 mm).
const TASK: [usize; 2] = [4, 64];

/// Voxels (z, y, x) around a region that its spheres can reach, for `spacing` in mm.
#[must_use]
pub fn margin(spacing: [f64; 3]) -> [usize; 3] {
    // 2^40 voxels are more than any image has on an axis; it keeps sums of lengths in range.
    half_widths(spacing, [1 << 40; 3])
}

/// Highest mean intensity in a sphere of 1 cm3 around the voxels of the region's intensity mask.
///
/// `surroundings` is the image cropped to the region's box grown by [`margin`], cut off at the
/// image's edge; `offset` (z, y, x) is where the region's box starts in it. Voxels outside of it
/// do not exist and values that are not finite are missing; both are left out of the means.
///
/// Whole-number images give the correctly rounded mean, as long as sums stay below 2^53. Memory: one
/// copy of `surroundings` (half of one for whole numbers), at most a second one for rows that hold
/// missing values, and a thread 16 rows for each voxel of the sphere's height; time goes with voxels
/// times rows of the sphere, `pi r^2 / (dz dy)`. The result is the same to the bit for any number of
/// threads.
///
/// # Panics
/// If the region's box does not lie within `surroundings`.
#[must_use]
pub fn peaks(surroundings: &Volume<f64>, roi: &Roi, offset: [usize; 3]) -> Peaks {
    let (outer, inner) = (surroundings.shape(), roi.shape());
    assert!(
        (0..3).all(|a| offset[a] + inner[a] <= outer[a]),
        "the region's box of {inner:?} voxels at {offset:?} leaves its surroundings of {outer:?}"
    );
    let sphere = Sphere::new(roi.spacing(), outer);
    let region = Region::new(roi, offset, outer, sphere.half);
    let (_, shift) = roi.span();
    if fits_i32(surroundings, &region.needed, shift, sphere.voxels) {
        // The same sums at twice the lanes: 17 -> 15 ms for 10^6 voxels of 1 mm.
        region.search(
            &sphere,
            &Image::<i32>::new(surroundings, &region.needed, shift),
        )
    } else {
        region.search(
            &sphere,
            &Image::<f64>::new(surroundings, &region.needed, shift),
        )
    }
}

/// Where spheres are centred, and what they hold, in places of the surroundings.
struct Region<'a> {
    roi: &'a Roi,
    /// Start of the region's box.
    offset: [usize; 3],
    /// Columns from the first to the last centre in each row of the region's box.
    spans: Vec<Range<usize>>,
    /// Columns in each row that spheres around the centres in one slice of the box hold; slice by
    /// slice.
    reached: Vec<Range<usize>>,
    /// Columns in each row that any sphere holds.
    needed: Vec<Range<usize>>,
}

impl<'a> Region<'a> {
    fn new(
        roi: &'a Roi,
        offset: [usize; 3],
        [outer_z, outer_y, outer_x]: [usize; 3],
        [hz, hy, hx]: [usize; 3],
    ) -> Self {
        let [nz, ny, nx] = roi.shape();
        let slices = parallel::map(nz, nz * ny * nx, |z| {
            let rows = roi.intensity()[z * ny * nx..][..ny * nx].chunks_exact(nx);
            let spans: Vec<_> = rows.map(|row| span(row, offset[2])).collect();
            let reached = (0..outer_y).map(|y| {
                let span = union(&spans[near(y, hy, offset[1], ny)]);
                if span.is_empty() {
                    return span;
                }
                span.start.saturating_sub(hx)..outer_x.min(span.end + hx)
            });
            (reached.collect::<Vec<_>>(), spans)
        });
        let mut needed = Vec::with_capacity(outer_z * outer_y);
        for z in 0..outer_z {
            let slices = &slices[near(z, hz, offset[0], nz)];
            needed.extend((0..outer_y).map(|y| union(slices.iter().map(|s| &s.0[y]))));
        }
        let (reached, spans): (Vec<_>, Vec<_>) = slices.into_iter().unzip();
        Self {
            roi,
            offset,
            spans: spans.concat(),
            reached: reached.concat(),
            needed,
        }
    }

    fn search<T: Number>(&self, sphere: &Sphere, image: &Image<T>) -> Peaks {
        let [nz, ny, nx] = self.roi.shape();
        let [runs, bands] = [nz.div_ceil(TASK[0]), ny.div_ceil(TASK[1])];
        let work = (nz * ny * nx).saturating_mul(sphere.rows());
        // A thread goes through the slices of a band: what it read stays in its cache.
        let best = parallel::map(bands * runs, work, |task| {
            let (band, run) = (task / runs * TASK[1], task % runs * TASK[0]);
            let mut search = Search {
                region: self,
                sphere,
                image,
                sums: Sums::new(sphere, image.shape, nx),
                counts: None,
                best: [f64::NEG_INFINITY; 2],
            };
            for z in run..nz.min(run + TASK[0]) {
                search.improve(z, band..ny.min(band + TASK[1]));
            }
            search.best
        });
        // Means overflow only where intensities reach 1e305; there is no number to give then.
        let highest = |i: usize| {
            let peak = best.iter().fold(f64::NEG_INFINITY, |m, b| m.max(b[i]));
            if peak.is_finite() {
                peak
            } else {
                f64::NAN
            }
        };
        Peaks {
            local: highest(0),
            global: highest(1),
        }
    }

    /// Rows of centres among `rows` of slice `z` of the box.
    fn centres(&self, z: usize, rows: Range<usize>) -> Vec<Centres> {
        let spans = &self.spans[z * self.roi.shape()[1]..];
        let all = rows.map(|row| Centres {
            y: self.offset[1] + row,
            span: spans[row].clone(),
        });
        all.filter(|row| !row.span.is_empty()).collect()
    }
}

/// No columns, in a form that a union with others leaves alone.
const NONE: Range<usize> = Range {
    start: usize::MAX,
    end: 0,
};

/// From the first to the last voxel of a row of the mask, `offset` added.
fn span(mask: &[bool], offset: usize) -> Range<usize> {
    let Range { start, end } = extent(mask);
    if start == end {
        NONE
    } else {
        offset + start..offset + end
    }
}

/// The smallest range that holds all of `ranges`.
fn union<'a>(ranges: impl IntoIterator<Item = &'a Range<usize>>) -> Range<usize> {
    let both = |a: Range<usize>, b: &Range<usize>| a.start.min(b.start)..a.end.max(b.end);
    ranges.into_iter().fold(NONE, both)
}

/// Those of `n` places, the first at `offset`, that are at most `half` from `at`.
fn near(at: usize, half: usize, offset: usize, n: usize) -> Range<usize> {
    let first = at.saturating_sub(offset + half).min(n);
    first..(at + half + 1).saturating_sub(offset).clamp(first, n)
}

/// Search for the highest means.
struct Search<'a, T> {
    region: &'a Region<'a>,
    sphere: &'a Sphere,
    image: &'a Image<T>,
    sums: Sums<'a, T>,
    /// Voxels in the spheres, if any was not whole so far.
    counts: Option<Sums<'a, T>>,
    /// Local and global.
    best: [f64; 2],
}

impl<T: Number> Search<'_, T> {
    /// Raises `best` to the means around the centres in some rows of slice `z` of the box.
    fn improve(&mut self, z: usize, rows: Range<usize>) {
        let Self { region, image, .. } = *self;
        let [_, ny, nx] = image.shape;
        let centres = region.centres(z, rows);
        let reached = &region.reached[z * ny..(z + 1) * ny];
        let centre = z + region.offset[0];
        self.sums
            .run(centre, &centres, image.values(), |y| reached[y].clone());
        let (rows, count_of) = self.to_count(centre, &centres);
        if !rows.is_empty() {
            let new = || Sums::new(self.sphere, image.shape, region.roi.shape()[2]);
            let counts = self.counts.get_or_insert_with(new);
            counts.run(centre, &rows, image.presence(), |_| 0..nx);
        }
        for (i, row) in centres.iter().enumerate() {
            match (count_of[i], &self.counts) {
                (Some(k), Some(counts)) => {
                    let counts = &counts.of(k)[row.span.start - region.offset[2]..];
                    self.best = self.raised_by_means(z, row, self.sums.of(i), counts);
                }
                _ => self.best = self.raised_by_sums(z, row, self.sums.of(i)),
            }
        }
    }

    /// Rows whose spheres are to be counted, over all of the box's columns, and which of them
    /// stands for each row of centres; `None` if all spheres of that are whole.
    fn to_count(&self, z: usize, centres: &[Centres]) -> (Vec<Centres>, Vec<Option<usize>>) {
        let [hz, hy, hx] = self.sphere.half;
        let [nz, ny, nx] = self.image.shape;
        let left = self.region.offset[2];
        let (mut rows, mut last) = (Vec::new(), None);
        let count_of = centres.iter().map(|&Centres { y, ref span }| {
            let partial = self.image.is_partial([z, y], self.sphere.half);
            let inside = z >= hz && z + hz < nz && span.start >= hx && span.end + hx <= nx;
            let clip = [y.min(hy), (ny - 1 - y).min(hy)];
            if inside && !partial && clip == [hy; 2] {
                return None;
            }
            // Rows cut off alike have the same counts.
            if partial || last != Some(clip) {
                rows.push(Centres {
                    y,
                    span: left..left + self.region.roi.shape()[2],
                });
                last = (!partial).then_some(clip);
            }
            Some(rows.len() - 1)
        });
        let count_of = count_of.collect();
        (rows, count_of)
    }

    /// Of whole spheres that with the highest sum has the highest mean: one division a row.
    fn raised_by_sums(&self, z: usize, row: &Centres, sums: &[T]) -> [f64; 2] {
        let (_, maximum) = self.region.roi.span();
        let (mask, values) = self.row(z, row);
        let (highest, any) = highest(&sums[..mask.len()], mask, values, maximum);
        let mean_of = |sum: T| self.mean_of(sum.into(), self.sphere.voxels as f64);
        let [mut local, global] = self.best;
        if any {
            let maxima = (0..mask.len()).filter(|&i| mask[i] & (values[i] >= maximum));
            local = maxima.fold(local, |best, i| best.max(mean_of(sums[i])));
        }
        [local, global.max(mean_of(highest))]
    }

    fn raised_by_means(&self, z: usize, row: &Centres, sums: &[T], counts: &[T]) -> [f64; 2] {
        let (_, maximum) = self.region.roi.span();
        let (mask, values) = self.row(z, row);
        let [mut local, mut global] = self.best;
        for i in (0..mask.len()).filter(|&i| mask[i]) {
            let mean = self.mean_of(sums[i].into(), counts[i].into());
            global = global.max(mean);
            if values[i] >= maximum {
                local = local.max(mean);
            }
        }
        [local, global]
    }

    /// Mask and intensities of centres in slice `z` of the box.
    fn row(&self, z: usize, row: &Centres) -> (&[bool], &[f64]) {
        let Region { roi, offset, .. } = *self.region;
        let [_, ny, nx] = roi.shape();
        let first = (z * ny + row.y - offset[1]) * nx + row.span.start - offset[2];
        let span = first..first + row.span.len();
        (&roi.intensity()[span.clone()], &roi.intensities()[span])
    }

    /// Mean of `count` voxels from the sum of what they are above the shift.
    fn mean_of(&self, sum: f64, count: f64) -> f64 {
        let shift = self.image.shift;
        if shift.fract() == 0.0 {
            (sum + shift * count) / count // one rounding for whole numbers, as for their plain mean
        } else {
            shift + sum / count // exact where all voxels are equal
        }
    }
}

/// Highest of the sums inside the mask, and whether any value inside is at least `maximum`.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn highest<T: Number>(sums: &[T], mask: &[bool], values: &[f64], maximum: f64) -> (T, bool) {
    let higher = |a: T, b: T| if b > a { b } else { a };
    let masked = |sum: T, inside: bool| if inside { sum } else { T::LOWEST };
    let mut lanes = [T::LOWEST; LINE];
    let (blocks, rest) = sums.as_chunks::<LINE>();
    let (masks, rest_mask) = mask.as_chunks::<LINE>();
    for (sums, mask) in blocks.iter().zip(masks) {
        for i in 0..LINE {
            lanes[i] = higher(lanes[i], masked(sums[i], mask[i]));
        }
    }
    let rest = rest.iter().zip(rest_mask);
    let rest = rest.map(|(&sum, &inside)| masked(sum, inside));
    let pairs = mask.iter().zip(values);
    (
        lanes.into_iter().chain(rest).fold(T::LOWEST, higher),
        pairs.fold(false, |any, (&m, &v)| any | (m & (v >= maximum))),
    )
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // equal is what is meant
mod tests {
    use ndarray::Array3;
    use proptest::prelude::*;

    use super::sphere::RADIUS_SQUARED;
    use super::*;
    use crate::volume::Window;
    use crate::{parallel, phantom};

    fn crop(image: &Array3<f64>, roi: &Roi) -> (Volume<f64>, [usize; 3]) {
        let inner = roi.window();
        let outer = inner.grown(margin(roi.spacing()), image.dim().into());
        let volume = Volume::new(outer.copy_f64(image.view()), roi.spacing()).unwrap();
        (
            volume,
            std::array::from_fn(|a| inner.start[a] - outer.start[a]),
        )
    }

    fn fast(image: &Array3<f64>, roi: &Roi) -> Peaks {
        let (surroundings, offset) = crop(image, roi);
        peaks(&surroundings, roi, offset)
    }

    /// From the definition, over the whole image.
    fn naive(image: &Array3<f64>, roi: &Roi) -> Peaks {
        let Window { start, shape } = roi.window();
        let maximum = roi.selected().into_iter().fold(f64::NEG_INFINITY, f64::max);
        let radius = 10.0 * (3.0 / (4.0 * std::f64::consts::PI)).cbrt();
        let mut best = Peaks {
            local: f64::NEG_INFINITY,
            global: f64::NEG_INFINITY,
        };
        for (k, _) in roi.intensity().iter().enumerate().filter(|(_, &m)| m) {
            let c = [
                k / (shape[1] * shape[2]),
                k / shape[2] % shape[1],
                k % shape[2],
            ];
            let (mut sum, mut n) = (0.0, 0.0);
            for ((z, y, x), &v) in image.indexed_iter() {
                let d = [z, y, x]
                    .into_iter()
                    .enumerate()
                    .map(|(a, i)| (i as f64 - (c[a] + start[a]) as f64) * roi.spacing()[a]);
                if v.is_finite() && d.map(|d| d * d).sum::<f64>().sqrt() <= radius {
                    sum += v;
                    n += 1.0;
                }
            }
            best.global = best.global.max(sum / n);
            if roi.intensities()[k] == maximum {
                best.local = best.local.max(sum / n);
            }
        }
        best
    }

    fn roi(image: &Array3<f64>, mask: &Array3<bool>, spacing: [f64; 3]) -> Roi {
        Roi::new(image.view(), mask.view(), spacing).unwrap()
    }

    fn assert_bits(a: &Peaks, b: &Peaks) {
        assert_eq!(
            [a.local, a.global].map(f64::to_bits),
            [b.local, b.global].map(f64::to_bits)
        );
    }

    /// Image with about one missing voxel in `rarity` outside the mask, mask, spacing.
    fn cases() -> impl Strategy<Value = (Array3<f64>, Array3<bool>, [f64; 3])> {
        let shape = (1usize..10, 1usize..14, 1usize..22);
        shape.prop_flat_map(|(nz, ny, nx)| {
            let n = nz * ny * nx;
            let voxel = (-9i16..40, 0u8..4, 0u8..30);
            let spacing = [0.5..8.0f64, 0.5..8.0f64, 0.5..8.0f64];
            (prop::collection::vec(voxel, n), spacing, 0u8..4, 0..n).prop_map(
                move |(voxels, spacing, keep, sure)| {
                    let mut mask: Vec<bool> = voxels.iter().map(|v| v.1 <= keep).collect();
                    mask[sure] = true;
                    let values = voxels.iter().zip(&mask).map(|(v, &m)| match v.2 {
                        0 if !m => f64::NAN,
                        1 if !m => f64::NEG_INFINITY,
                        _ => f64::from(v.0),
                    });
                    let values = Array3::from_shape_vec((nz, ny, nx), values.collect()).unwrap();
                    (
                        values,
                        Array3::from_shape_vec((nz, ny, nx), mask).unwrap(),
                        spacing,
                    )
                },
            )
        })
    }

    proptest! {
        #[test]
        fn whole_numbers_give_the_naive_means_to_the_bit((image, mask, spacing) in cases()) {
            let roi = roi(&image, &mask, spacing);
            let peaks = fast(&image, &roi);
            assert_bits(&peaks, &naive(&image, &roi));
            prop_assert!(peaks.global >= peaks.local);
        }

        #[test]
        fn whole_numbers_too_large_for_i32_do_as_well((image, mask, spacing) in cases()) {
            let image = image.mapv(|v| v * f64::from(1 << 26));
            let roi = roi(&image, &mask, spacing);
            assert_bits(&fast(&image, &roi), &naive(&image, &roi));
        }

        #[test]
        fn a_large_offset_costs_no_digits((image, mask, spacing) in cases()) {
            // The naive sums of values near 0 are good to 1e-13 of the range; the offset itself
            // can only be held to its last bit.
            let image = image.mapv(|v| (v / 7.0).sin());
            let raised = image.mapv(|v| v + 1e4);
            let (a, b) = (
                naive(&raised.mapv(|v| v - 1e4), &roi(&raised.mapv(|v| v - 1e4), &mask, spacing)),
                fast(&raised, &roi(&raised, &mask, spacing)),
            );
            let limit = 1e-12 * 2.0 + 1e4 * f64::EPSILON;
            prop_assert!((a.local + 1e4 - b.local).abs() <= limit, "{a:?} {b:?}");
            prop_assert!((a.global + 1e4 - b.global).abs() <= limit, "{a:?} {b:?}");
        }

        #[test]
        fn threads_change_no_bit((image, mask, spacing) in cases()) {
            // Many slices, so that several tasks and the pool are used.
            let tiled = |a: &Array3<f64>| ndarray::concatenate(ndarray::Axis(0), &[a.view(); 40]).unwrap();
            let image = tiled(&image);
            let mask = tiled(&mask.mapv(|m| f64::from(u8::from(m)))).mapv(|m| m > 0.0);
            let roi = roi(&image, &mask, spacing);
            let one = fast(&image, &roi);
            for n in [2, 7] {
                assert_bits(&one, &parallel::with_threads(Some(n), || fast(&image, &roi)));
            }
        }
    }

    #[test]
    fn the_constant_is_the_radius_of_one_cubic_centimetre() {
        let volume = 4.0 / 3.0 * std::f64::consts::PI * RADIUS_SQUARED.powf(1.5);
        assert!((volume - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn the_margin_covers_the_sphere_and_no_more() {
        assert_eq!(margin([1.0; 3]), [6; 3]);
        assert_eq!(margin([3.0, 0.977, 0.5]), [2, 6, 12]);
        assert_eq!(margin([6.21, 6.2, 100.0]), [0, 1, 0]);
    }

    #[test]
    fn the_phantom_has_the_reference_values() {
        let image = phantom::image().mapv(f64::from);
        let peaks = fast(&image, &roi(&image, &phantom::mask(), phantom::SPACING));
        let csv = include_str!("../../../python/ferromics/reference/ibsi1_values.csv");
        for (code, value) in [("VJGA", peaks.local), ("0F91", peaks.global)] {
            let row = csv
                .lines()
                .find(|l| l.starts_with("digital_phantom,loc,") && l.contains(code));
            let reference: f64 = row.unwrap().split(',').nth(5).unwrap().parse().unwrap();
            assert!(
                (reference - value).abs() < 0.1,
                "{code}: {value}, reference {reference}"
            );
        }
    }

    #[test]
    fn of_several_maxima_the_best_sphere_counts() {
        let mut image = Array3::zeros((1, 1, 60));
        for x in [10, 40] {
            image[[0, 0, x]] = 9.0;
        }
        image[[0, 0, 41]] = 5.0;
        for x in 20..33 {
            image[[0, 0, x]] = 8.0;
        }
        let peaks = fast(
            &image,
            &roi(&image, &Array3::from_elem((1, 1, 60), true), [1.0; 3]),
        );
        assert_eq!([peaks.local, peaks.global], [14.0 / 13.0, 8.0]);
    }

    #[test]
    fn the_sphere_leaves_the_region_and_the_image_and_skips_missing_voxels() {
        let mut image = Array3::from_elem((1, 1, 9), 2.0);
        image[[0, 0, 0]] = 6.0;
        image[[0, 0, 1]] = f64::NAN;
        image[[0, 0, 3]] = -1.8e38;
        image[[0, 0, 8]] = -3.0;
        let mut mask = Array3::from_elem((1, 1, 9), false);
        mask[[0, 0, 0]] = true;
        // Within 6.2 mm of voxel 0: itself, a missing voxel and one more.
        assert_eq!(fast(&image, &roi(&image, &mask, [3.0; 3])).local, 4.0);
        mask[[0, 0, 6]] = true;
        // The huge value at 3 is outside of the sphere around 6, which holds 4 to 8.
        let peaks = fast(&image, &roi(&image, &mask, [3.0; 3]));
        assert_eq!([peaks.local, peaks.global], [4.0, 4.0]);
        mask[[0, 0, 0]] = false;
        assert_eq!(fast(&image, &roi(&image, &mask, [3.0; 3])).global, 1.0);
    }

    #[test]
    fn a_coarse_grid_gives_the_maximum_and_a_fine_one_the_mean_of_the_image() {
        let image = Array3::from_shape_fn((3, 4, 5), |(z, y, x)| (7 * z + 3 * y + x) as f64 / 10.0);
        let mask = Array3::from_elem((3, 4, 5), true);
        let peaks = fast(&image, &roi(&image, &mask, [7.0; 3]));
        assert_eq!([peaks.local, peaks.global], [2.7, 2.7]);
        let peaks = fast(&image, &roi(&image, &mask, [1e-9; 3]));
        assert!((peaks.global - image.mean().unwrap()).abs() < 1e-12);
    }

    #[test]
    fn spheres_of_many_planes_and_rows_of_many_blocks() {
        // Small voxels: several parts. Centres at all edges, gaps of a few rows and slices.
        let image = Array3::from_shape_fn((22, 75, 90), |(z, y, x)| {
            ((z * 31 + y * 17 + x * 7) % 101) as f64 - ((x * y) % 13) as f64
        });
        let mut mask = Array3::from_elem((22, 75, 90), false);
        for i in [[0, 0, 0], [1, 40, 88], [9, 3, 44], [21, 74, 89], [20, 9, 2]] {
            mask[i] = true;
        }
        for spacing in [[0.5; 3], [1.0, 0.6, 0.3]] {
            for scale in [1.0, f64::from(1 << 26)] {
                let image = image.mapv(|v| v * scale);
                let roi = roi(&image, &mask, spacing);
                assert_bits(&fast(&image, &roi), &naive(&image, &roi));
            }
        }
    }

    #[test]
    fn overflow_gives_nan() {
        let image = Array3::from_elem((1, 1, 4), f64::MAX);
        let peaks = fast(
            &image,
            &roi(&image, &Array3::from_elem((1, 1, 4), true), [1.0; 3]),
        );
        assert!(peaks.local.is_nan() && peaks.global.is_nan());
    }
}
