//! Mean intensity in a sphere of 1 cm3 around every voxel of a region, for the local intensity
//! features (IBSI 9ST6). Arrays are (z, y, x), distances in mm between voxel centres.
//!
//! The sphere is a bundle of rows along x: at offset (dz, dy) it holds the 2h + 1 voxels with
//! |dx| <= h. Rows are taken in order of falling h. One running sum over (dz, dy), a vector over
//! the x of a whole row of centres, holds the rows met so far; when all rows of half-width h or
//! more are in, it is added to the result at x + h and at x - h. So a sphere costs one addition for
//! each of its rows, not for each voxel, and nothing is ever subtracted: no far-off value (metal,
//! a padding value of -1e38) can spoil the digits of a sphere that does not hold it.

use std::ops::Range;

use crate::feature::local_intensity::Peaks;
use crate::numeric::higher;
use crate::parallel;
use crate::roi::Roi;
use crate::volume::Volume;

/// Squared radius in mm2 of the sphere of 1 cm3, `(750 / pi)^(2/3)`.
const RADIUS_SQUARED: f64 = 38.483_473_155_912_66;
/// Centres whose running sums stay in registers while rows are added.
const BLOCK: usize = 16;
/// Rows of centres that one task works on.
const ROWS: usize = 16;

/// True if a voxel `d` voxels (z, y, x) away lies in the sphere.
fn inside(d: [usize; 3], spacing: [f64; 3]) -> bool {
    let [z, y, x] = [0, 1, 2].map(|a| d[a] as f64 * spacing[a]);
    z * z + y * y + x * x <= RADIUS_SQUARED
}

/// Largest `h` up to `limit` so that `h` voxels along `axis`, added to `d`, stay in the sphere.
fn reach(mut d: [usize; 3], axis: usize, spacing: [f64; 3], limit: usize) -> Option<usize> {
    let at = |d: &mut [usize; 3], h: usize| {
        d[axis] = h;
        inside(*d, spacing)
    };
    if !at(&mut d, 0) {
        return None;
    }
    let [z, y, x] = [0, 1, 2].map(|a| d[a] as f64 * spacing[a]);
    let rest = (RADIUS_SQUARED - (z * z + y * y + x * x)).max(0.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates, not negative
    let mut h = ((rest.sqrt() / spacing[axis]) as usize).min(limit);
    // Rounding may put the quotient on the wrong side of a whole number.
    while h > 0 && !at(&mut d, h) {
        h -= 1;
    }
    while h < limit && at(&mut d, h + 1) {
        h += 1;
    }
    Some(h)
}

/// Voxels (z, y, x) around a region that its spheres can reach, for `spacing` in mm.
#[must_use]
pub fn margin(spacing: [f64; 3]) -> [usize; 3] {
    // 2^40 voxels are more than any image has on an axis; it keeps sums of lengths in range.
    [0, 1, 2].map(|a| reach([0; 3], a, spacing, 1 << 40).unwrap_or(0))
}

/// Highest mean intensity in a sphere of 1 cm3 around the voxels of the region's intensity mask.
///
/// `surroundings` is the image cropped to the region's box grown by [`margin`], cut off at the
/// image's edge; `offset` (z, y, x) is where the region's box starts in it. Voxels outside of it
/// do not exist and values that are not finite are missing; both are left out of the means.
///
/// Whole-number images give the correctly rounded mean. Memory: one copy of `surroundings`, and
/// at most a second one for rows that hold missing values; time goes with voxels times rows of the
/// sphere, `pi r^2 / (dz dy)`. The result is the same to the bit for any number of threads.
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
    let selected = roi
        .intensities()
        .iter()
        .zip(roi.intensity())
        .filter(|(_, &m)| m);
    let maximum = selected.fold(f64::NEG_INFINITY, |m, (&x, _)| m.max(x));
    let sphere = Sphere::new(roi.spacing(), outer);
    let image = Rows::new(surroundings, &sphere, maximum);
    let rows = inner[0] * inner[1];
    let work = (rows * inner[2]).saturating_mul(sphere.rows.len());
    let best = parallel::map(rows.div_ceil(ROWS), work, |task| {
        let mut sums = Sums::new(&sphere, &image, offset[2], inner[2]);
        let mut best = [f64::NEG_INFINITY; 2];
        for row in task * ROWS..rows.min((task + 1) * ROWS) {
            sums.improve(&mut best, roi, row, offset, maximum);
        }
        best
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

/// The sphere as rows along x.
struct Sphere {
    /// Offsets (dz, dy), in order of falling half-width.
    rows: Vec<[isize; 2]>,
    /// `ends[i]`: the first `ends[i]` rows have half-widths of at least `half_width - i`.
    ends: Vec<usize>,
    /// Largest |dz|, |dy| and |dx|.
    half: [usize; 3],
    /// Voxels in the whole sphere.
    voxels: usize,
}

impl Sphere {
    /// The sphere for `spacing`, cut where no two voxels of an image of `shape` are so far apart.
    fn new(spacing: [f64; 3], shape: [usize; 3]) -> Self {
        let half = [0, 1, 2].map(|a| reach([0; 3], a, spacing, shape[a] - 1).unwrap_or(0));
        let mut by_width = vec![Vec::new(); half[2] + 1];
        for dz in 0..=half[0] {
            for dy in 0..=half[1] {
                let Some(h) = reach([dz, dy, 0], 2, spacing, half[2]) else {
                    break;
                };
                by_width[h].extend(signs([dz, dy]));
            }
        }
        let voxels = by_width
            .iter()
            .enumerate()
            .map(|(h, rows)| (2 * h + 1) * rows.len())
            .sum();
        let (mut rows, mut ends) = (Vec::new(), Vec::new());
        for level in by_width.iter_mut().rev() {
            rows.append(level);
            ends.push(rows.len());
        }
        Self {
            rows,
            ends,
            half,
            voxels,
        }
    }
}

/// `(dz, dy)` with all signs, each once.
fn signs([dz, dy]: [usize; 2]) -> impl Iterator<Item = [isize; 2]> {
    let both = |d: usize| {
        [d.cast_signed(), -d.cast_signed()]
            .into_iter()
            .take(1 + usize::from(d > 0))
    };
    both(dz).flat_map(move |z| both(dy).map(move |y| [z, y]))
}

/// The image's rows, less a constant, missing voxels 0, with as many zeros between rows as the
/// sphere is wide, so that it may hang over either end; and the same for which voxels exist.
struct Rows {
    /// `half` zeros, then each row followed by `half` zeros; a little is left to overrun.
    values: Vec<f64>,
    /// The same layout for rows of 1 (exists) and 0 (missing); row 0 is that of full rows.
    presence: Vec<f64>,
    /// Row of `presence` for each (z, y); empty if no voxel is missing.
    presence_of: Vec<usize>,
    shape: [usize; 3],
    /// From the start of a row to the next.
    stride: usize,
    /// The constant.
    shift: f64,
}

impl Rows {
    fn new(image: &Volume<f64>, sphere: &Sphere, shift: f64) -> Self {
        let shape @ [nz, ny, nx] = image.shape();
        let half = sphere.half[2];
        let stride = nx + half;
        let room = |rows: usize| vec![0.0; half + rows * stride + BLOCK];
        let source = |row: usize| &image.as_slice()[row * nx..(row + 1) * nx];
        let work = nz * ny * nx;
        let complete = parallel::map(nz, work, |z| {
            let rows = (0..ny).map(|y| all_finite(source(z * ny + y)));
            rows.collect::<Vec<bool>>()
        })
        .concat();
        let mut values = room(nz * ny);
        let rows = &mut values[half..half + nz * ny * stride];
        parallel::for_each_chunk(rows, ny * stride, work, |z, slice| {
            for (y, row) in slice.chunks_exact_mut(stride).enumerate() {
                let pairs = row.iter_mut().zip(source(z * ny + y));
                if complete[z * ny + y] {
                    pairs.for_each(|(to, &v)| *to = v - shift);
                } else {
                    pairs.for_each(|(to, &v)| *to = if v.is_finite() { v - shift } else { 0.0 });
                }
            }
        });
        let partial: Vec<usize> = (0..nz * ny).filter(|&row| !complete[row]).collect();
        let mut presence = room(1 + partial.len());
        let mut presence_of = vec![0; if partial.is_empty() { 0 } else { nz * ny }];
        presence[half..half + nx].fill(1.0);
        for (i, &row) in partial.iter().enumerate() {
            presence_of[row] = i + 1;
            let to = &mut presence[half + (i + 1) * stride..][..nx];
            to.iter_mut()
                .zip(source(row))
                .for_each(|(p, v)| *p = f64::from(u8::from(v.is_finite())));
        }
        Self {
            values,
            presence,
            presence_of,
            shape,
            stride,
            shift,
        }
    }
}

/// Without an early end, so that it vectorises.
fn all_finite(row: &[f64]) -> bool {
    row.iter().fold(true, |all, v| all & v.is_finite())
}

/// Sums of values and numbers of voxels of the spheres around a row of centres.
struct Sums<'a> {
    sphere: &'a Sphere,
    image: &'a Rows,
    /// The region's box along x.
    across: Range<usize>,
    running: Vec<f64>,
    /// Where the sphere's rows start in the buffer that is summed, and `Sphere::ends` for them.
    bases: Vec<usize>,
    ends: Vec<usize>,
    totals: Vec<f64>,
    /// Voxels in the spheres over the whole of `across`; stays valid while `clip` does.
    counts: Vec<f64>,
    /// How far the sphere may go down and up in z and y; `None` if `counts` is of no other use.
    clip: Option<[usize; 4]>,
    /// True if all spheres of the last row were whole.
    whole: bool,
}

impl<'a> Sums<'a> {
    fn new(sphere: &'a Sphere, image: &'a Rows, start: usize, length: usize) -> Self {
        Self {
            sphere,
            image,
            across: start..start + length,
            running: Vec::new(),
            bases: Vec::with_capacity(sphere.rows.len()),
            ends: Vec::with_capacity(sphere.ends.len()),
            totals: Vec::new(),
            counts: Vec::new(),
            clip: None,
            whole: false,
        }
    }

    /// Raises `best` (local, global) to the means around the centres in the region's row `row`.
    fn improve(
        &mut self,
        best: &mut [f64; 2],
        roi: &Roi,
        row: usize,
        offset: [usize; 3],
        maximum: f64,
    ) {
        let [_, ny, nx] = roi.shape();
        let (mask, values) = (
            &roi.intensity()[row * nx..][..nx],
            &roi.intensities()[row * nx..][..nx],
        );
        let Some(first) = mask.iter().position(|&m| m) else {
            return;
        };
        let end = nx - mask.iter().rev().position(|&m| m).unwrap_or(0);
        let centre = [offset[0] + row / ny, offset[1] + row % ny];
        self.run(centre, offset[2] + first..offset[2] + end);
        if self.whole {
            // Of equal spheres that with the highest sum has the highest mean: one division a row.
            let (mask, values) = (&mask[first..end], &values[first..end]);
            let sums = || self.totals.iter().zip(mask).zip(values);
            let [mut local, mut global] = [f64::NEG_INFINITY; 2];
            for ((&sum, &inside), &value) in sums() {
                let sum = if inside { sum } else { f64::NEG_INFINITY };
                global = higher(global, sum);
                let here = if value >= maximum {
                    sum
                } else {
                    f64::NEG_INFINITY
                };
                local = higher(local, here);
            }
            best[1] = best[1].max(self.mean_of(global, self.sphere.voxels as f64));
            if local > f64::NEG_INFINITY {
                best[0] = best[0].max(self.mean_of(local, self.sphere.voxels as f64));
            }
            return;
        }
        for (i, x) in (first..end).enumerate().filter(|&(_, x)| mask[x]) {
            let mean = self.mean_of(self.totals[i], self.counts[x]);
            best[1] = best[1].max(mean);
            if values[x] >= maximum {
                best[0] = best[0].max(mean);
            }
        }
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

    /// Sums the spheres around the centres `span` (of the surroundings) in row `centre` (z, y).
    fn run(&mut self, centre: [usize; 2], span: Range<usize>) {
        let Self { sphere, image, .. } = *self;
        let [hz, hy, hx] = sphere.half;
        let [nz, ny, nx] = image.shape;
        let [z, y] = centre;
        let clip = [
            z.min(hz),
            (nz - 1 - z).min(hz),
            y.min(hy),
            (ny - 1 - y).min(hy),
        ];
        self.collect(centre, clip, |row| row * image.stride + span.start);
        self.totals.resize(span.len(), 0.0);
        bundle(
            &mut self.totals,
            &mut self.running,
            &image.values,
            &self.bases,
            &self.ends,
            hx,
        );

        let missing = !image.presence_of.is_empty() && {
            self.collect(centre, clip, |row| image.presence_of[row]);
            self.bases.iter().any(|&p| p != 0)
        };
        self.whole =
            !missing && clip == [hz, hz, hy, hy] && span.start >= hx && span.end + hx <= nx;
        if self.whole || (!missing && self.clip == Some(clip)) {
            return;
        }
        let start = self.across.start;
        let presence = |row| image.presence_of.get(row).map_or(0, |&p| p) * image.stride + start;
        self.collect(centre, clip, presence);
        self.counts.resize(self.across.len(), 0.0);
        bundle(
            &mut self.counts,
            &mut self.running,
            &image.presence,
            &self.bases,
            &self.ends,
            hx,
        );
        self.clip = (!missing).then_some(clip);
    }

    /// Puts `base(row)` of every row that exists into `bases`.
    fn collect(
        &mut self,
        [z, y]: [usize; 2],
        [below, above, before, after]: [usize; 4],
        base: impl Fn(usize) -> usize,
    ) {
        let (down, up) = (-below.cast_signed(), above.cast_signed());
        let (back, forth) = (-before.cast_signed(), after.cast_signed());
        self.bases.clear();
        self.ends.clear();
        let mut from = 0;
        for &end in &self.sphere.ends {
            for &[dz, dy] in &self.sphere.rows[from..end] {
                if dz >= down && dz <= up && dy >= back && dy <= forth {
                    let row = z.wrapping_add_signed(dz) * self.image.shape[1];
                    self.bases.push(base(row + y.wrapping_add_signed(dy)));
                }
            }
            from = end;
            self.ends.push(self.bases.len());
        }
    }
}

/// `out[i]` becomes the sum over all rows `r` and `|d| <= h_r` of `buffer[bases[r] + half + i + d]`;
/// the first `ends[j]` rows are those with `h_r >= half - j`.
fn bundle(
    out: &mut [f64],
    running: &mut Vec<f64>,
    buffer: &[f64],
    bases: &[usize],
    ends: &[usize],
    half: usize,
) {
    let n = out.len();
    running.clear();
    running.resize((n + 2 * half).next_multiple_of(BLOCK), 0.0);
    out.fill(0.0);
    let mut from = 0;
    for (h, &end) in (0..=half).rev().zip(ends) {
        add_rows(running, buffer, &bases[from..end]);
        from = end;
        if h > 0 {
            let (left, right) = (&running[half - h..][..n], &running[half + h..][..n]);
            out.iter_mut()
                .zip(left)
                .zip(right)
                .for_each(|((o, l), r)| *o += l + r);
        } else {
            out.iter_mut()
                .zip(&running[half..])
                .for_each(|(o, c)| *o += c);
        }
    }
}

/// Adds `buffer[base..]` for all `bases`. Blocks are the outer loop: a block's sums stay in
/// registers: 47 against 59 ms for row by row, 10^6 voxels of 1 mm.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn add_rows(running: &mut [f64], buffer: &[f64], bases: &[usize]) {
    if bases.is_empty() {
        return;
    }
    for (i, block) in running.chunks_exact_mut(BLOCK).enumerate() {
        let mut sums = [0.0; BLOCK];
        sums.copy_from_slice(block);
        for &base in bases {
            let row = &buffer[base + i * BLOCK..][..BLOCK];
            sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        }
        block.copy_from_slice(&sums);
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // equal is what is meant
mod tests {
    use ndarray::Array3;
    use proptest::prelude::*;

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
            let spacing = [0.7..8.0f64, 0.7..8.0f64, 0.7..8.0f64];
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
    fn overflow_gives_nan() {
        let image = Array3::from_elem((1, 1, 4), f64::MAX);
        let peaks = fast(
            &image,
            &roi(&image, &Array3::from_elem((1, 1, 4), true), [1.0; 3]),
        );
        assert!(peaks.local.is_nan() && peaks.global.is_nan());
    }
}
