//! The sums over all pairs by Fourier transforms of the region's box.
//!
//! With `m` the mask, `y` the centred intensities (0 outside) and `w` the weights as a kernel that
//! is 0 at the origin, the sums over ordered pairs are `<m, w*m>`, `<y, w*y>` and
//! `2 <y^2, w*m> - 2 <y, w*y>`. By Parseval's theorem each is a sum over frequencies, of
//! `W |M|^2`, `W |Y|^2` and `W Re(M' Y2)`: no transform goes back. The box is padded with zeros to
//! twice its size, so that no pair wraps around; only rows and columns that are not padding are
//! transformed. `w` is even, so `W` is real: it comes from one octant of the kernel, and two of
//! its lines share one complex transform.
//!
//! Axes are (a, b, c), longest last. Rows along c are transformed first, for as many frequencies
//! k of c at a time as the memory allows (a round); then, plane by plane of equal k, columns along
//! b and a, which are summed on the spot. So the largest arrays have the size of the box, not of
//! the padded one, and a region of any size fits: each round transforms the rows once more, which
//! is the smallest part of the work.
//!
//! Along an axis a of few voxels the sum over all pairs of the transformed planes is less work than
//! a transform: it needs neither padding nor columns, and runs along b (`direct`).

use std::ops::Range;
use std::sync::Arc;

use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

use super::{direct, PairSums, Region};
use crate::parallel;

/// Rows along c whose spectra lie side by side: two cache lines, so that columns are read well.
const LANES: usize = 8;
/// Columns along a that are transformed together: with 3 fields they stay in the first cache.
const COLUMNS: usize = 8;
/// Mask, centred intensities, their squares.
const FIELDS: usize = 3;

/// Real and imaginary part: what large arrays hold, as the system gives memory for zeros of this
/// kind without writing them.
type Parts = [f64; 2];

fn complex([re, im]: Parts) -> Complex64 {
    Complex64::new(re, im)
}

/// Length of the transform along an axis of `n` voxels: even and at least `2 n - 1` (1 for 1).
///
/// Of the lengths `2^i 3^j 5^k 7^l` with `k, l <= 1` the cheapest: rustfft takes about 1.2 times
/// as long a point with a factor 5 and 1.1 times with a 7 (two 5 or 7, as in 200 or 196: 1.6).
pub(super) fn length(n: usize) -> usize {
    if n == 1 {
        return 1;
    }
    let cost = |length: usize| {
        let (mut rest, mut cost) = (length, length as f64);
        for (factor, penalty) in [(5, 1.2), (7, 1.1)] {
            if rest % factor == 0 {
                rest /= factor;
                cost *= penalty;
            }
        }
        while rest % 3 == 0 {
            rest /= 3;
        }
        if rest.is_power_of_two() {
            cost
        } else {
            f64::INFINITY
        }
    };
    // The next power of two is always among them.
    let even = (2 * n..=(2 * n).next_power_of_two()).step_by(2);
    even.min_by(|&p, &q| cost(p).total_cmp(&cost(q)))
        .unwrap_or(2 * n)
}

/// The three sums over ordered pairs, holding at most about `bytes` at a time, without transforms
/// along a where it has at most `direct` voxels.
pub(super) fn sums(region: &Region<'_>, bytes: usize, direct: usize) -> PairSums {
    let plan = Plan::new(region, region.shape[0] <= direct);
    let round = plan.frequencies_per_round(bytes);
    let mut rows = vec![[0.0; 2]; plan.shape[0] * round * plan.row_group()];
    let mut kernel = vec![0.0; plan.shape[0] * plan.shape[1] * round];
    let mut total = [0.0; 3];
    for first in (0..plan.half).step_by(round) {
        let range = first..plan.half.min(first + round);
        plan.transform_rows(region, range.clone(), &mut rows);
        plan.transform_kernel_rows(region, range.clone(), &mut kernel);
        // The real transform gives half of the frequencies of c; the others repeat them, but for
        // the first and, in an even length, the last.
        for (k, plane) in range.clone().zip(plan.planes(range.len(), &rows, &kernel)) {
            let times = if k == 0 || 2 * k == plan.length[2] {
                1.0
            } else {
                2.0
            };
            (0..3).for_each(|i| total[i] += times * plane[i]);
        }
    }
    let points: f64 = plan.length.iter().map(|&n| n as f64).product();
    let [weights, products, squares] = total.map(|t| t / points);
    PairSums {
        weights,
        products,
        differences: 2.0 * (squares - products),
    }
}

/// Sizes and transforms.
struct Plan {
    /// Voxels of the box.
    shape: [usize; 3],
    /// Points of the padded transforms.
    length: [usize; 3],
    /// Frequencies of c that a real transform gives.
    half: usize,
    /// Columns along a of a real and even plane that are not repeated.
    half_b: usize,
    /// No transform along a.
    direct: bool,
    real: Arc<dyn RealToComplex<f64>>,
    complex: [Arc<dyn Fft<f64>>; 3],
}

/// What one thread needs for a plane.
struct Scratch {
    /// The fields before the transform along b, with zeros behind: (field, a, b).
    padded: Vec<Complex64>,
    /// After it: (field, a, frequency of b).
    fields: Vec<Complex64>,
    /// The kernel likewise: (a, frequency of b, half of them).
    kernel: Vec<f64>,
    /// Columns along a: (column, field, frequency of a).
    columns: Vec<Complex64>,
    /// The kernel's: (column, frequency of a).
    weights: Vec<f64>,
    /// Two real and even sequences as one complex one.
    even: Vec<Complex64>,
    fft: Vec<Complex64>,
    /// The three sums for each frequency of a.
    sums: [Vec<f64>; 3],
    tile: direct::Tile,
}

impl Plan {
    fn new(region: &Region<'_>, direct: bool) -> Self {
        let mut length = region.shape.map(length);
        if direct {
            length[0] = 1; // not transformed
        }
        let mut planner = FftPlanner::new();
        let complex = length.map(|n| planner.plan_fft_forward(n));
        Self {
            shape: region.shape,
            length,
            half: length[2] / 2 + 1,
            half_b: length[1] / 2 + 1,
            direct,
            real: RealFftPlanner::new().plan_fft_forward(length[2]),
            complex,
        }
    }

    /// Numbers of one frequency of c that the rows of one a have: (batch of rows, field, row).
    fn row_group(&self) -> usize {
        self.shape[1].div_ceil(LANES) * FIELDS * LANES
    }

    fn points(&self) -> usize {
        let planes = if self.direct { self.shape[0] } else { 1 };
        self.length.iter().fold(planes, |p, &n| p.saturating_mul(n))
    }

    fn frequencies_per_round(&self, bytes: usize) -> usize {
        let [na, nb, _] = self.shape;
        let each = na * (self.row_group() * size_of::<Complex64>() + 8 * nb);
        let thread = na * (2 * self.length[1] * FIELDS * size_of::<Complex64>() + 8 * self.half_b);
        let room = bytes.saturating_sub(thread * parallel::threads()) / each;
        let rounds = self.half.div_ceil(room.clamp(1, self.half));
        self.half.div_ceil(rounds)
    }

    /// Spectra along c of the three fields, of which the frequencies `range` are kept:
    /// (a, frequency, batch of rows, field, row), so that a plane is gathered from long stretches.
    fn transform_rows(&self, region: &Region<'_>, range: Range<usize>, rows: &mut [Parts]) {
        let [na, nb, nc] = self.shape;
        let (size, group) = (rows.len() / na, self.row_group());
        parallel::for_each_chunk(rows, size, self.points(), |a, chunk| {
            let mut input = self.real.make_input_vec();
            let mut output = self.real.make_output_vec();
            let mut fft = self.real.make_scratch_vec();
            let (mut inside, mut values) = (vec![0.0; nc], vec![0.0; nc]);
            for b in 0..nb {
                let row = region.row(a, b);
                let mut any = false;
                // Once for the three fields, as each voxel takes a division (CT phantom, rows and
                // their spectra: 40 -> 32 million instructions of autocorrelation's 170).
                for (c, (m, y)) in inside.iter_mut().zip(&mut values).enumerate() {
                    let voxel = region.get(row + c * region.strides[2]);
                    (*m, *y) = voxel.map_or((0.0, 0.0), |y| (1.0, y));
                    any |= voxel.is_some();
                }
                if !any {
                    continue; // in every round, so that these stay 0
                }
                for field in 0..FIELDS {
                    let (voxels, rest) = input.split_at_mut(nc);
                    rest.fill(0.0);
                    match field {
                        0 => voxels.copy_from_slice(&inside),
                        1 => voxels.copy_from_slice(&values),
                        _ => voxels
                            .iter_mut()
                            .zip(&values)
                            .for_each(|(to, y)| *to = y * y),
                    }
                    self.real
                        .process_with_scratch(&mut input, &mut output, &mut fft)
                        .expect("buffers were made for this transform");
                    let place = (b / LANES * FIELDS + field) * LANES + b % LANES;
                    let to = chunk[place..].iter_mut().step_by(group);
                    to.zip(&output[range.clone()])
                        .for_each(|(to, v)| *to = [v.re, v.im]);
                }
            }
        });
    }

    /// Spectra along c of one quadrant of the kernel's rows: (a, frequency, b).
    fn transform_kernel_rows(&self, region: &Region<'_>, range: Range<usize>, kernel: &mut [f64]) {
        let [na, nb, nc] = self.shape;
        let size = kernel.len() / na;
        let mm = |i: usize, axis: usize| i as f64 * region.spacing[axis];
        parallel::for_each_chunk(kernel, size, self.points(), |a, chunk| {
            let mut even = vec![Complex64::default(); self.length[2]];
            let mut fft = vec![Complex64::default(); self.complex[2].get_inplace_scratch_len()];
            let along: Vec<f64> = (0..nc).map(|c| mm(c, 2) * mm(c, 2)).collect();
            let mut weights = vec![[0.0; 2]; nc];
            for b in (0..nb).step_by(2) {
                let square = [b, b + 1].map(|b| mm(a, 0) * mm(a, 0) + mm(b, 1) * mm(b, 1));
                inverse_distances(square, &along, &mut weights);
                if a + b == 0 {
                    weights[0][0] = 0.0; // a voxel and itself are no pair
                }
                mirror(&mut even, nc, |c| weights[c]);
                self.complex[2].process_with_scratch(&mut even, &mut fft);
                for (to, v) in chunk.chunks_exact_mut(nb).zip(&even[range.clone()]) {
                    to[b] = v.re;
                    if b + 1 < nb {
                        to[b + 1] = v.im;
                    }
                }
            }
        });
    }

    /// The three sums over each plane of equal frequency of c, in order.
    fn planes(&self, count: usize, rows: &[Parts], kernel: &[f64]) -> Vec<[f64; 3]> {
        let threads = parallel::threads();
        let groups = if threads == 1 {
            1
        } else {
            count.min(4 * threads)
        };
        let sums = parallel::map(groups, self.points(), |group| {
            let mut scratch = Scratch::new(self);
            let members = group * count / groups..(group + 1) * count / groups;
            let sums = members.map(|k| {
                self.transform_kernel_plane(kernel, k, &mut scratch);
                self.transform_plane(rows, k, &mut scratch);
                if self.direct {
                    let [na, nb] = [self.shape[0], self.length[1]];
                    direct::sums(&scratch.fields, &scratch.kernel, na, nb, &mut scratch.tile)
                } else {
                    self.sum_plane(&mut scratch)
                }
            });
            sums.collect::<Vec<_>>()
        });
        sums.concat()
    }

    /// Transforms the kernel's plane `k` along b.
    fn transform_kernel_plane(&self, kernel: &[f64], k: usize, scratch: &mut Scratch) {
        let [na, nb, _] = self.shape;
        let plane = kernel.len() / na;
        let even = &mut scratch.even[..self.length[1]];
        for a in (0..na).step_by(2) {
            let row = |a: usize| &kernel[(a * plane + k * nb).min(kernel.len())..];
            let (first, second) = (row(a), if a + 1 < na { row(a + 1) } else { row(a) });
            mirror(even, nb, |b| [first[b], second[b]]);
            self.complex[1].process_with_scratch(even, &mut scratch.fft);
            let mut to = scratch.kernel[a * self.half_b..].chunks_exact_mut(self.half_b);
            if let Some(to) = to.next() {
                to.iter_mut().zip(&*even).for_each(|(to, v)| *to = v.re);
            }
            if let Some(to) = to.next() {
                to.iter_mut().zip(&*even).for_each(|(to, v)| *to = v.im);
            }
        }
    }

    /// Gathers the fields' plane `k` and transforms it along b.
    fn transform_plane(&self, rows: &[Parts], k: usize, scratch: &mut Scratch) {
        let [na, nb, _] = self.shape;
        let (size, group) = (rows.len() / na, self.row_group());
        for (i, column) in scratch.padded.chunks_exact_mut(self.length[1]).enumerate() {
            let (field, a) = (i / na, i % na);
            let batches = rows[a * size + k * group..][..group].chunks_exact(FIELDS * LANES);
            let lanes = batches.map(|batch| batch[field * LANES..].first_chunk::<LANES>());
            let mut lanes = lanes.map(|lanes| lanes.expect("whole lanes"));
            // Whole lanes are moved without a call.
            let (whole, rest) = column[..nb].as_chunks_mut::<LANES>();
            for (to, lanes) in whole.iter_mut().zip(&mut lanes) {
                *to = lanes.map(complex);
            }
            let left = lanes.flatten();
            rest.iter_mut()
                .zip(left)
                .for_each(|(to, &v)| *to = complex(v));
        }
        let Scratch {
            padded,
            fields,
            fft,
            ..
        } = scratch;
        self.complex[1].process_immutable_with_scratch(padded, fields, fft);
    }

    /// Transforms the plane along a, a few columns at a time, and adds up the products.
    fn sum_plane(&self, scratch: &mut Scratch) -> [f64; 3] {
        scratch.sums.iter_mut().for_each(|s| s.fill(0.0));
        for first in (0..self.half_b).step_by(COLUMNS) {
            let columns = first..self.half_b.min(first + COLUMNS);
            self.transform_weights(columns.clone(), scratch);
            // The frequencies b and -b have the same weights.
            self.add_columns(columns.clone().map(|b| (b - first, b)), scratch);
            let opposite = |b: usize| (self.length[1] - b) % self.length[1];
            let others = columns.filter(|&b| opposite(b) != b);
            self.add_columns(others.map(|b| (b - first, opposite(b))), scratch);
        }
        scratch.sums.each_ref().map(|s| s.iter().sum())
    }

    /// The kernel's spectrum for columns along a at the frequencies `columns` of b.
    fn transform_weights(&self, columns: Range<usize>, scratch: &mut Scratch) {
        let n = self.length[0];
        let even = &mut scratch.even[..n];
        for (i, b) in columns.clone().enumerate().step_by(2) {
            let second = if columns.contains(&(b + 1)) { b + 1 } else { b };
            let at = |a: usize, b: usize| scratch.kernel[a * self.half_b + b];
            mirror(even, self.shape[0], |a| [at(a, b), at(a, second)]);
            self.complex[0].process_with_scratch(even, &mut scratch.fft);
            let (to, also) = scratch.weights[i * n..(i + 2) * n].split_at_mut(n);
            to.iter_mut()
                .zip(also)
                .zip(&*even)
                .for_each(|((r, i), v)| (*r, *i) = (v.re, v.im));
        }
    }

    /// Adds to the sums the columns `(index of the weights, frequency of b)`.
    fn add_columns(
        &self,
        list: impl Iterator<Item = (usize, usize)> + Clone,
        scratch: &mut Scratch,
    ) {
        let (n, na) = (self.length[0], self.shape[0]);
        let mut used = 0;
        for (column, (_, b)) in scratch
            .columns
            .chunks_exact_mut(FIELDS * n)
            .zip(list.clone())
        {
            for (field, to) in column.chunks_exact_mut(n).enumerate() {
                let from = scratch.fields[field * na * self.length[1] + b..].iter();
                to.iter_mut()
                    .zip(from.step_by(self.length[1]))
                    .take(na)
                    .for_each(|(to, &v)| *to = v);
                to[na..].fill(Complex64::default());
            }
            used += column.len();
        }
        self.complex[0].process_with_scratch(&mut scratch.columns[..used], &mut scratch.fft);
        let [weights, products, squares] = &mut scratch.sums;
        for (column, (index, _)) in scratch.columns.chunks_exact(FIELDS * n).zip(list) {
            let w = &scratch.weights[index * n..][..n];
            let (m, rest) = column.split_at(n);
            let (y, y2) = rest.split_at(n);
            for i in 0..n {
                weights[i] += w[i] * (m[i].re * m[i].re + m[i].im * m[i].im);
                products[i] += w[i] * (y[i].re * y[i].re + y[i].im * y[i].im);
                squares[i] += w[i] * (m[i].re * y2[i].re + m[i].im * y2[i].im);
            }
        }
    }
}

impl Scratch {
    fn new(plan: &Plan) -> Self {
        let zeros = |n: usize| vec![Complex64::default(); n];
        let [la, lb, _] = plan.length;
        let fft = plan
            .complex
            .iter()
            .map(|f| {
                f.get_inplace_scratch_len()
                    .max(f.get_immutable_scratch_len())
            })
            .max()
            .unwrap_or(0);
        Self {
            padded: zeros(FIELDS * plan.shape[0] * lb),
            fields: zeros(FIELDS * plan.shape[0] * lb),
            kernel: vec![0.0; plan.shape[0] * plan.half_b],
            columns: zeros(COLUMNS * FIELDS * la),
            weights: vec![0.0; COLUMNS * la],
            even: zeros(la.max(lb)),
            fft: zeros(fft),
            sums: [vec![0.0; la], vec![0.0; la], vec![0.0; la]],
            tile: direct::Tile::new(plan.shape[0]),
        }
    }
}

/// `1 / sqrt(square + s)` for both squares and each `s` of `along`.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn inverse_distances(square: [f64; 2], along: &[f64], to: &mut [Parts]) {
    for (to, s) in to.iter_mut().zip(along) {
        *to = square.map(|square| 1.0 / (square + s).sqrt());
    }
}

/// Two even sequences, given by their first `n` values, as real and imaginary part: each has a
/// real spectrum, so that of their sum holds both.
fn mirror(even: &mut [Complex64], n: usize, values: impl Fn(usize) -> Parts) {
    let length = even.len();
    even[0] = complex(values(0));
    for i in 1..n {
        even[i] = complex(values(i));
        even[length - i] = even[i];
    }
    even[n..length + 1 - n].fill(Complex64::default()); // none for one voxel
}
