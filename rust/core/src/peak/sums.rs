//! Sums over spheres around rows of centres of one slice.

use std::ops::Range;

use super::image::{Number, Rows};
use super::sphere::{Part, Sphere, Step};
use super::LINE;

/// Columns whose running sums stay in registers while rows are added: 16 and 64 are 5 % slower.
const BLOCK: usize = 2 * LINE;

/// A row of centres, in the image's places.
pub struct Centres {
    pub y: usize,
    pub span: Range<usize>,
}

/// Sums over spheres, and the rows of planes that the spheres around one row of centres hold: each
/// is made once and kept until the centres have passed it.
pub struct Sums<'a, T> {
    sphere: &'a Sphere,
    shape: [usize; 3],
    /// The planes' rows at y in the place `(y + hy) % places`, one behind the other, with zeros
    /// before and after each, so that spheres may hang over. Columns that no sphere around the
    /// centres needs hold remains of earlier rows; they are summed along and never read.
    ring: Vec<T>,
    /// Where the ring starts: at a line of the cache.
    origin: usize,
    places: usize,
    /// From one row of the ring to the next.
    stride: usize,
    /// Column 0 in such a row.
    pad: usize,
    /// Sums of the rows of each half-width or more.
    levels: Vec<T>,
    bases: Vec<usize>,
    /// Row i of the centres has its sums at `i * width`.
    totals: Vec<T>,
    width: usize,
}

impl<'a, T: Number> Sums<'a, T> {
    /// For rows of at most `length` centres in an image of `shape`.
    pub fn new(sphere: &'a Sphere, shape: [usize; 3], length: usize) -> Self {
        let [_, hy, hx] = sphere.half;
        let pad = hx.next_multiple_of(LINE);
        let places = 2 * hy + 1;
        // An odd number of lines spreads rows over all sets of a cache.
        let lines = (pad + shape[2] + hx).div_ceil(LINE) + 1;
        let stride = (lines | 1) * LINE;
        let planes = sphere.parts.iter().map(|part| part.planes.len()).max();
        let ring = vec![T::default(); places * planes.unwrap_or(0) * stride + LINE];
        let origin = ring.as_ptr().align_offset(64).min(LINE);
        Self {
            sphere,
            shape,
            ring,
            origin,
            places,
            stride,
            pad,
            levels: Vec::new(),
            bases: Vec::new(),
            totals: Vec::new(),
            width: length.next_multiple_of(LINE),
        }
    }

    /// Sums of `image` over the spheres around the centres in slice `z`, in rising order of y.
    /// `needed(y)` are the columns of row y that these hold.
    pub fn run(
        &mut self,
        z: usize,
        centres: &[Centres],
        image: Rows<'_, T>,
        needed: impl Fn(usize) -> Range<usize>,
    ) {
        let hy = self.sphere.half[1];
        self.totals.clear();
        self.totals.resize(centres.len() * self.width, T::default());
        for part in &self.sphere.parts {
            let (slices, steps) = slices_of(part, z, self.shape[0]);
            let mut next = 0;
            for (i, row) in centres.iter().enumerate() {
                // Counted from hy rows before the image.
                for place in next.max(row.y)..=row.y + 2 * hy {
                    self.make(part, place, image, &needed, (&slices, &steps));
                }
                next = row.y + 2 * hy + 1;
                self.add_part(part, i, row);
            }
        }
    }

    /// What [`Self::run`] made of row `i` of the centres.
    pub fn of(&self, i: usize) -> &[T] {
        &self.totals[i * self.width..(i + 1) * self.width]
    }

    /// Makes the planes' rows at `row`, which is counted from hy rows before the image.
    fn make(
        &mut self,
        part: &Part,
        row: usize,
        image: Rows<'_, T>,
        needed: impl Fn(usize) -> Range<usize>,
        (slices, steps): (&[usize], &[Step]),
    ) {
        let [_, ny, nx] = self.shape;
        let size = part.planes.len() * self.stride;
        let place = &mut self.ring[self.origin + row % self.places * size..][..size];
        let Some(y) = row.checked_sub(self.sphere.half[1]).filter(|&y| y < ny) else {
            place.fill(T::default());
            return;
        };
        let needed = needed(y);
        let first = needed.start / LINE * LINE;
        let end = needed.end.next_multiple_of(LINE);
        self.bases.clear();
        let bases = slices.iter().map(|z| image.starts[z * ny + y] + first);
        self.bases.extend(bases);
        let to = &mut place[self.pad + first..];
        let shape = [end - first, self.stride];
        add_rows(to, shape, image.data, &self.bases, steps);
        if end > nx {
            // The sums ran over into the next row of the image.
            for row in place.chunks_exact_mut(self.stride) {
                row[self.pad + nx..self.pad + end].fill(T::default());
            }
        }
    }

    /// Adds to the sums around row `i` of the centres what `part` holds.
    fn add_part(&mut self, part: &Part, i: usize, row: &Centres) {
        let [_, hy, hx] = self.sphere.half;
        let first = self.pad + row.span.start - hx;
        let start = first / LINE * LINE;
        let lowest = row.y % self.places; // place of y - hy
        self.bases.clear();
        let bases = part.rows.iter().map(|&(plane, dy)| {
            let place = (lowest + hy).wrapping_add_signed(dy);
            let place = if place < self.places {
                place
            } else {
                place - self.places
            };
            self.origin + (place * part.planes.len() + plane) * self.stride + start
        });
        self.bases.extend(bases);
        let width = (row.span.end + hx + self.pad - start).next_multiple_of(LINE);
        let size = part.steps.len() * width + LINE;
        if self.levels.len() < size {
            self.levels.resize(size, T::default());
        }
        add_rows(
            &mut self.levels,
            [width; 2],
            &self.ring,
            &self.bases,
            &part.steps,
        );
        let n = row.span.len().next_multiple_of(LINE);
        let totals = &mut self.totals[i * self.width..][..n];
        add_levels(
            totals,
            &self.levels,
            [first - start + hx, width],
            &part.half_widths,
        );
    }
}

/// The slices that the planes of `part` at `z` sum: those of the first plane, of the second, ...;
/// what a plane shares with the one before it is summed once.
fn slices_of(part: &Part, z: usize, nz: usize) -> (Vec<usize>, Vec<Step>) {
    let (mut slices, mut steps) = (Vec::new(), Vec::new());
    let mut before = [usize::MAX; 2];
    for &plane @ [first, last] in &part.planes {
        let sequel = first == before[0];
        for dz in (if sequel { before[1] + 1 } else { first })..=last {
            slices.extend(Some(z + dz).filter(|&z| z < nz));
            slices.extend(z.checked_sub(dz).filter(|_| dz > 0));
        }
        before = plane;
        let end = slices.len();
        steps.push(Step { sequel, end });
    }
    (slices, steps)
}

/// Adds up the rows `from[base..]`. Row i of `to`, `stride` apart, gets the sum up to step i.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn add_rows<T: Number>(
    to: &mut [T],
    [width, stride]: [usize; 2],
    from: &[T],
    bases: &[usize],
    steps: &[Step],
) {
    let blocks = width / BLOCK * BLOCK;
    for x in (0..blocks).step_by(BLOCK) {
        add_block::<T, BLOCK>(&mut to[x..], stride, &from[x..], bases, steps);
    }
    if blocks < width {
        add_block::<T, LINE>(&mut to[blocks..], stride, &from[blocks..], bases, steps);
    }
}

#[allow(clippy::inline_always)] // into both versions of `add_rows`
#[inline(always)]
fn add_block<T: Number, const N: usize>(
    to: &mut [T],
    stride: usize,
    from: &[T],
    bases: &[usize],
    steps: &[Step],
) {
    let mut sums = [T::default(); N];
    let mut first = 0;
    for (i, &Step { sequel, end }) in steps.iter().enumerate() {
        if !sequel {
            sums = [T::default(); N];
        }
        for &base in &bases[first..end] {
            add(&mut sums, &from[base..]);
        }
        put(&mut to[i * stride..], &sums);
        first = end;
    }
}

/// Adds to `totals` the levels' rows, shifted by as much as their half-widths and less. The first
/// of the totals belongs to the column `middle` of these rows.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn add_levels<T: Number>(
    totals: &mut [T],
    levels: &[T],
    [middle, width]: [usize; 2],
    half_widths: &[usize],
) {
    for (total, x) in totals.chunks_exact_mut(LINE).zip((middle..).step_by(LINE)) {
        let mut sums = [T::default(); LINE];
        for (level, &half_width) in half_widths.iter().enumerate() {
            let row = &levels[level * width..];
            // The next level has the rows of this one too.
            let least = half_widths.get(level + 1).map_or(0, |next| next + 1);
            for h in least.max(1)..=half_width {
                add(&mut sums, &row[x - h..]);
                add(&mut sums, &row[x + h..]);
            }
            if least == 0 {
                add(&mut sums, &row[x..]);
            }
        }
        for (total, sum) in total.iter_mut().zip(sums) {
            *total = total.plus(sum);
        }
    }
}

#[allow(clippy::inline_always)]
#[inline(always)]
fn add<T: Number, const N: usize>(sums: &mut [T; N], row: &[T]) {
    for (sum, &value) in sums.iter_mut().zip(&row[..N]) {
        *sum = sum.plus(value);
    }
}

/// A loop: `copy_from_slice` would be a call.
#[allow(clippy::inline_always)]
#[inline(always)]
fn put<T: Number, const N: usize>(to: &mut [T], sums: &[T; N]) {
    for (to, &sum) in to[..N].iter_mut().zip(sums) {
        *to = sum;
    }
}
