//! One pass of a spline: interpolation along one axis of an array (z, y, x).
//!
//! Voxels next to each other along x, or, where x is the axis, eight rows side by side, are worked
//! on together (lanes), so that everything is SIMD code whatever the axis.

use ndarray::{ArrayView3, Axis};

use super::kernel::Taps;
use super::spline;
use crate::parallel;
use crate::volume::Voxel;

/// Voxels along x that a task along y or z takes.
const TASK_LANES: usize = 256;
/// Voxels along x that are filtered together: lines of 300 stay in the second-level cache.
const LANES: usize = 64;
/// Rows that are worked on together along x.
const ROWS: usize = 8;
/// Rows that a task along x takes.
const TASK_ROWS: usize = 4 * ROWS;

/// Where a pass reads its values.
pub(super) trait Source: Sync {
    /// Shape (z, y, x).
    fn shape(&self) -> [usize; 3];

    /// Copies part of a row, from the voxel (z, y, x) on.
    fn load(&self, start: [usize; 3], to: &mut [f64]);
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

    /// Writes the voxels at these places along z, y and x; `write` makes what is asked for of them.
    pub(super) fn select<O: Send>(
        &self,
        [z, y, x]: [&[usize]; 3],
        out: &mut [O],
        write: &(impl Fn(&[f64], &mut [O]) + Sync),
    ) {
        let (size, work) = (TASK_ROWS * x.len(), out.len());
        let consecutive = x.iter().copied().eq(0..x.len());
        parallel::for_each_chunk(out, size, work, |task, rows| {
            let mut values = vec![0.0; x.len()];
            for (k, to) in rows.chunks_exact_mut(x.len()).enumerate() {
                let row = task * TASK_ROWS + k;
                let from = self.row(z[row / y.len()], y[row % y.len()]);
                if consecutive {
                    self.convert(from, &mut values);
                } else {
                    for (value, &x) in values.iter_mut().zip(x) {
                        *value = (self.value)(from[x].to_f64());
                    }
                }
                write(&values, to);
            }
        });
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

    fn load(&self, [z, y, x]: [usize; 3], to: &mut [f64]) {
        self.convert(&self.row(z, y)[x..x + to.len()], to);
    }
}

/// The result of a pass, in C order.
pub(super) struct Buffer {
    values: Vec<f64>,
    shape: [usize; 3],
}

impl Buffer {
    /// `source` interpolated along one axis (0, 1, 2 = z, y, x).
    pub(super) fn made(source: &impl Source, axis: usize, taps: &Taps) -> Self {
        let mut shape = source.shape();
        shape[axis] = taps.len();
        let mut values = vec![0.0; shape.iter().product()];
        along(source, axis, taps, &mut values);
        Self { values, shape }
    }
}

impl Source for Buffer {
    fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn load(&self, [z, y, x]: [usize; 3], to: &mut [f64]) {
        let start = (z * self.shape[1] + y) * self.shape[2] + x;
        to.copy_from_slice(&self.values[start..start + to.len()]);
    }
}

/// Writes `source` interpolated along one axis (0, 1, 2 = z, y, x), in C order.
pub(super) fn along(source: &impl Source, axis: usize, taps: &Taps, out: &mut [f64]) {
    // Elementary steps: one a tap, some ten a voxel of a line that is filtered.
    let lines = out.len() / taps.len().max(1);
    let work = lines * (taps.count() + 10 * taps.line());
    if axis == 2 {
        rows(source, taps, out, work);
    } else {
        columns(source, axis, taps, out, work);
    }
}

/// The pass along z or y. A task is a plane of the other one of the two axes, of some lanes.
fn columns(source: &impl Source, axis: usize, taps: &Taps, out: &mut [f64], work: usize) {
    let [nz, ny, nx] = source.shape();
    let (planes, out_ny) = if axis == 0 {
        (ny, ny)
    } else {
        (nz, taps.len())
    };
    let blocks = nx.div_ceil(TASK_LANES);
    let empty = || Vec::with_capacity(taps.len());
    let mut tasks: Vec<Vec<&mut [f64]>> = (0..planes * blocks).map(|_| empty()).collect();
    for (row, values) in out.chunks_mut(nx).enumerate() {
        let plane = if axis == 0 {
            row % out_ny
        } else {
            row / out_ny
        };
        for (block, part) in values.chunks_mut(TASK_LANES).enumerate() {
            tasks[plane * blocks + block].push(part);
        }
    }
    parallel::for_each_chunk(&mut tasks, 1, work, |task, parts| {
        let (plane, x) = (task / blocks, task % blocks * TASK_LANES);
        let part = |k: usize, x: usize| {
            let k = taps.source(k);
            if axis == 0 {
                [k, plane, x]
            } else {
                [plane, k, x]
            }
        };
        through_lines(source, taps, &mut parts[0], |k, lane| part(k, x + lane));
    });
}

/// [`columns`] of one task by a copy of the lines, of some lanes at a time. `part` is where a place
/// along the line and a lane lie.
fn through_lines(
    source: &impl Source,
    taps: &Taps,
    parts: &mut [&mut [f64]],
    part: impl Fn(usize, usize) -> [usize; 3],
) {
    let width = parts.first().map_or(0, |part| part.len());
    let mut lines = vec![0.0; taps.line() * LANES.min(width)];
    for first in (0..width).step_by(LANES) {
        let lanes = LANES.min(width - first);
        let lines = &mut lines[..taps.line() * lanes];
        for (k, to) in lines.chunks_exact_mut(lanes).enumerate() {
            source.load(part(k, first), to);
        }
        spline::prefilter(lines, lanes);
        for (k, to) in parts.iter_mut().enumerate() {
            let row = |k: usize| &lines[k * lanes..(k + 1) * lanes];
            combine(taps.of(k), &mut to[first..first + lanes], row);
        }
    }
}

/// r + sum w_k (v_k - r), lane by lane, the terms added in order; see [`Taps`].
pub(super) fn combine<'a>(
    (places, weights): (&[usize], &[f64]),
    to: &mut [f64],
    row: impl Fn(usize) -> &'a [f64],
) {
    let base = row(places[0]);
    match (&places[1..], &weights[1..]) {
        (&[], _) => to.copy_from_slice(base),
        // Either of the two could be r; so it is the same whichever is first.
        (&[a], &[0.5]) => {
            for ((to, r), a) in to.iter_mut().zip(base).zip(row(a)) {
                *to = 0.5 * r + 0.5 * a;
            }
        }
        (&[a], &[v]) => add::<true, 1>([row(a)], [v], base, to),
        (&[a, b], &[v, w]) => add::<true, 2>([row(a), row(b)], [v, w], base, to),
        (places, weights) => {
            // Three at a time, a cubic's: loads and stores of the sum are what the rest costs.
            let (threes, rest) = places.as_chunks::<3>();
            let (w_threes, w_rest) = weights.as_chunks::<3>();
            add::<true, 3>(threes[0].map(&row), w_threes[0], base, to);
            for (places, weights) in threes.iter().zip(w_threes).skip(1) {
                add::<false, 3>(places.map(&row), *weights, base, to);
            }
            for (&a, &v) in rest.iter().zip(w_rest) {
                add::<false, 1>([row(a)], [v], base, to);
            }
        }
    }
}

/// Adds w_k (v_k - r) for each k in order, to r if it is the `FIRST` time.
// Wider registers where the processor has them; without fused operations, so that the bits are the
// same on all.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn add<const FIRST: bool, const K: usize>(
    rows: [&[f64]; K],
    weights: [f64; K],
    base: &[f64],
    to: &mut [f64],
) {
    let n = to.len();
    let (rows, base) = (rows.map(|row| &row[..n]), &base[..n]);
    for i in 0..n {
        let mut sum = if FIRST { base[i] } else { to[i] };
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
    let sources: Vec<usize> = (0..taps.line()).map(|place| taps.source(place)).collect();
    parallel::for_each_chunk(out, TASK_ROWS * n, work, |task, out| {
        let mut row = vec![0.0; nx];
        let mut lines = vec![[0.0; ROWS]; taps.line()];
        for (group, out) in out.chunks_mut(ROWS * n).enumerate() {
            let first = task * TASK_ROWS + group * ROWS;
            for lane in 0..out.len() / n {
                let k = first + lane;
                source.load([k / ny, k % ny, 0], &mut row);
                for (line, &source) in lines.iter_mut().zip(&sources) {
                    line[lane] = row[source];
                }
            }
            spline::prefilter(lines.as_flattened_mut(), ROWS);
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
    let mut sums = base;
    for (&place, &weight) in places[1..].iter().zip(&weights[1..]) {
        let line = &lines[place];
        for lane in 0..ROWS {
            sums[lane] += weight * (line[lane] - base[lane]);
        }
    }
    sums
}
