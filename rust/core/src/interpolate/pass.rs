//! One pass: interpolation along one axis of an array (z, y, x).
//!
//! Voxels next to each other along x, or, where x is the axis, eight rows side by side, are worked
//! on together (lanes), so that everything is SIMD code whatever the axis.

use ndarray::{ArrayView3, Axis};

use super::kernel::Taps;
use super::spline;
use crate::parallel;
use crate::volume::Voxel;

/// Voxels along x that are worked on together: with 300 slices they stay in the second-level cache.
const LANES: usize = 128;
/// Rows that are worked on together along x.
const ROWS: usize = 8;
/// Rows that a task along x takes.
const TASK: usize = 4 * ROWS;

/// Where a pass reads its values.
pub(super) trait Source: Sync {
    /// Shape (z, y, x).
    fn shape(&self) -> [usize; 3];

    /// Copies part of the row (z, y), from `x` on.
    fn load(&self, z: usize, y: usize, x: usize, to: &mut [f64]);

    /// True if [`Source::part`] gives the values themselves.
    const AT_HAND: bool;

    /// That part itself, empty where it is not at hand.
    fn part(&self, z: usize, y: usize, x: usize, len: usize) -> &[f64];
}

/// The part of an image that is read, whose rows are slices, and what is made of its voxels.
pub(super) struct Image<'a, T, F> {
    view: ArrayView3<'a, T>,
    value: &'a F,
}

impl<'a, T: Voxel, F: Fn(f64) -> f64 + Sync> Image<'a, T, F> {
    pub(super) fn new(view: ArrayView3<'a, T>, value: &'a F) -> Self {
        Self { view, value }
    }

    fn row(&self, z: usize, y: usize) -> &'a [T] {
        let plane = self.view.index_axis_move(Axis(0), z);
        let row = plane.index_axis_move(Axis(0), y);
        row.to_slice().expect("rows are slices")
    }

    /// The voxels at these places along z, y and x.
    pub(super) fn select(&self, [z, y, x]: [&[usize]; 3]) -> Vec<f64> {
        let mut out = vec![0.0; z.len() * y.len() * x.len()];
        let (size, work) = (TASK * x.len(), out.len());
        let consecutive = x.iter().copied().eq(0..x.len());
        parallel::for_each_chunk(&mut out, size, work, |task, rows| {
            for (k, to) in rows.chunks_exact_mut(x.len()).enumerate() {
                let row = task * TASK + k;
                let from = self.row(z[row / y.len()], y[row % y.len()]);
                if consecutive {
                    self.convert(from, to);
                } else {
                    for (to, &x) in to.iter_mut().zip(x) {
                        *to = (self.value)(from[x].to_f64());
                    }
                }
            }
        });
        out
    }

    fn convert(&self, from: &[T], to: &mut [f64]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = (self.value)(from.to_f64());
        }
    }
}

impl<T: Voxel, F: Fn(f64) -> f64 + Sync> Source for Image<'_, T, F> {
    fn shape(&self) -> [usize; 3] {
        self.view.dim().into()
    }

    fn load(&self, z: usize, y: usize, x: usize, to: &mut [f64]) {
        self.convert(&self.row(z, y)[x..x + to.len()], to);
    }

    const AT_HAND: bool = false;

    fn part(&self, _: usize, _: usize, _: usize, _: usize) -> &[f64] {
        &[]
    }
}

/// The result of a pass, in C order.
pub(super) struct Buffer {
    values: Vec<f64>,
    shape: [usize; 3],
}

impl Buffer {
    pub(super) fn into_values(self) -> Vec<f64> {
        self.values
    }
}

impl Source for Buffer {
    fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn load(&self, z: usize, y: usize, x: usize, to: &mut [f64]) {
        to.copy_from_slice(self.part(z, y, x, to.len()));
    }

    const AT_HAND: bool = true;

    fn part(&self, z: usize, y: usize, x: usize, len: usize) -> &[f64] {
        let start = (z * self.shape[1] + y) * self.shape[2] + x;
        &self.values[start..start + len]
    }
}

/// `source` interpolated along one axis (0, 1, 2 = z, y, x).
pub(super) fn along(source: &impl Source, axis: usize, taps: &Taps) -> Buffer {
    let mut shape = source.shape();
    shape[axis] = taps.len();
    let mut values = vec![0.0; shape.iter().product()];
    // Elementary steps: one a tap, some ten a voxel of a line that is filtered.
    let lines = values.len() / taps.len().max(1);
    let work = lines * (taps.count() + if taps.spline { 10 * taps.line() } else { 0 });
    if axis == 2 {
        rows(source, taps, &mut values, work);
    } else {
        columns(source, axis, taps, &mut values, work);
    }
    Buffer { values, shape }
}

/// The pass along z or y. A task is a plane of the other one of the two axes, of some lanes.
fn columns<S: Source>(source: &S, axis: usize, taps: &Taps, out: &mut [f64], work: usize) {
    let [nz, ny, nx] = source.shape();
    let (planes, out_ny) = if axis == 0 {
        (ny, ny)
    } else {
        (nz, taps.len())
    };
    let blocks = nx.div_ceil(LANES);
    let direct = S::AT_HAND && !taps.spline;
    let empty = || Vec::with_capacity(taps.len());
    let mut tasks: Vec<Vec<&mut [f64]>> = (0..planes * blocks).map(|_| empty()).collect();
    for (row, values) in out.chunks_mut(nx).enumerate() {
        let plane = if axis == 0 {
            row % out_ny
        } else {
            row / out_ny
        };
        for (block, part) in values.chunks_mut(LANES).enumerate() {
            tasks[plane * blocks + block].push(part);
        }
    }
    parallel::for_each_chunk(&mut tasks, 1, work, |task, parts| {
        let (plane, x) = (task / blocks, task % blocks * LANES);
        let lanes = LANES.min(nx - x);
        let place = |k: usize| {
            let k = taps.source(k);
            if axis == 0 {
                (k, plane)
            } else {
                (plane, k)
            }
        };
        let mut line = vec![0.0; if direct { 0 } else { taps.line() * lanes }];
        for (k, to) in line.chunks_exact_mut(lanes).enumerate() {
            let (z, y) = place(k);
            source.load(z, y, x, to);
        }
        if taps.spline {
            spline::prefilter(&mut line, lanes);
        }
        for (k, to) in parts[0].iter_mut().enumerate() {
            combine(taps.of(k), to, |k| {
                if direct {
                    let (z, y) = place(k);
                    source.part(z, y, x, lanes)
                } else {
                    &line[k * lanes..(k + 1) * lanes]
                }
            });
        }
    });
}

/// r + sum w_k (v_k - r), lane by lane, the terms added in order; see [`Taps`].
fn combine<'a>(
    (places, weights): (&[usize], &[f64]),
    to: &mut [f64],
    row: impl Fn(usize) -> &'a [f64],
) {
    let base = row(places[0]);
    if let (&[_, other], &[_, 0.5]) = (places, weights) {
        // Either of the two could be r; so it is the same whichever is first.
        for ((to, a), b) in to.iter_mut().zip(base).zip(row(other)) {
            *to = 0.5 * a + 0.5 * b;
        }
        return;
    }
    to.copy_from_slice(base);
    // Three at a time, a cubic's: loads and stores of the sum are what the rest costs.
    let (threes, rest) = places[1..].as_chunks::<3>();
    let (w_threes, w_rest) = weights[1..].as_chunks::<3>();
    for (places, weights) in threes.iter().zip(w_threes) {
        add(places.map(&row), *weights, base, to);
    }
    match (rest, w_rest) {
        (&[a], &[v]) => add([row(a)], [v], base, to),
        (&[a, b], &[v, w]) => add([row(a), row(b)], [v, w], base, to),
        _ => {}
    }
}

/// Adds w_k (v_k - r) for each k in order.
#[inline]
fn add<const K: usize>(rows: [&[f64]; K], weights: [f64; K], base: &[f64], to: &mut [f64]) {
    let n = to.len();
    let (rows, base) = (rows.map(|row| &row[..n]), &base[..n]);
    for i in 0..n {
        let mut sum = to[i];
        for k in 0..K {
            sum += weights[k] * (rows[k][i] - base[i]);
        }
        to[i] = sum;
    }
}

/// The pass along x.
fn rows(source: &impl Source, taps: &Taps, out: &mut [f64], work: usize) {
    let [_, ny, nx] = source.shape();
    let n = taps.len();
    parallel::for_each_chunk(out, TASK * n, work, |task, out| {
        let mut row = vec![0.0; nx];
        let mut lines = vec![[0.0; ROWS]; taps.line()];
        for (group, out) in out.chunks_mut(ROWS * n).enumerate() {
            let first = task * TASK + group * ROWS;
            for lane in 0..out.len() / n {
                let k = first + lane;
                source.load(k / ny, k % ny, 0, &mut row);
                for (place, line) in lines.iter_mut().enumerate() {
                    line[lane] = row[taps.source(place)];
                }
            }
            if taps.spline {
                spline::prefilter(lines.as_flattened_mut(), ROWS);
            }
            for k in 0..n {
                let sums = combined(taps.of(k), &lines);
                for (row, sum) in out.chunks_exact_mut(n).zip(sums) {
                    row[k] = sum;
                }
            }
        }
    });
}

/// [`combine`] of eight lanes.
#[inline]
fn combined((places, weights): (&[usize], &[f64]), lines: &[[f64; ROWS]]) -> [f64; ROWS] {
    let base = lines[places[0]];
    if let (&[_, other], &[_, 0.5]) = (places, weights) {
        let other = lines[other];
        return std::array::from_fn(|lane| 0.5 * base[lane] + 0.5 * other[lane]);
    }
    let mut sums = base;
    for (&place, &weight) in places[1..].iter().zip(&weights[1..]) {
        let line = &lines[place];
        for lane in 0..ROWS {
            sums[lane] += weight * (line[lane] - base[lane]);
        }
    }
    sums
}
