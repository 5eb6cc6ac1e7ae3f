//! Separable convolution of an image (z, y, x) with one kernel an axis, and of many such products
//! at once.
//!
//! Convolution is the true one: the kernel is mirrored, $(w * f)_i = \sum_k w_k f_{i - k}$, where
//! $k$ counts from the kernel's centre. Beyond the edge the image goes on as [`Boundary`] says, in
//! all directions at once, so that the order of the axes does not matter; a kernel may be larger
//! than the image. NaN and infinite voxels spoil the voxels that their kernel reaches.
//!
//! A [`Bank`] makes the maps, or a box of them, some planes along z at a time: first along z,
//! straight from the image, then row by row along y and x while these are in the cache. Each pass
//! makes what the next one needs for the box and no more. Products that share a kernel along z, or
//! along z and y, share the passes. Beside the image and the maps it needs a few planes a thread.
//! Each voxel's sum has its one order, whatever the number of threads and the box.

use std::ops::Range;

use ndarray::{Array3, ArrayView3};
use realfft::FftNum;

use super::pool::Pooling;
use super::Boundary;
use crate::error::{Error, Result};
use crate::parallel;
use crate::volume::{Voxel, Window};

/// Working precision of filters.
pub trait Real:
    Voxel
    + Default
    + PartialOrd
    + FftNum
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
{
    /// 0.
    const ZERO: Self;
    /// The nearest number of this type.
    fn nearest(value: f64) -> Self;
    /// Its absolute value.
    #[must_use]
    fn magnitude(self) -> Self;
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    #[inline]
    fn nearest(value: f64) -> Self {
        value
    }
    #[inline]
    fn magnitude(self) -> Self {
        self.abs()
    }
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // rounds to single precision on purpose
    fn nearest(value: f64) -> Self {
        value as f32
    }
    #[inline]
    fn magnitude(self) -> Self {
        self.abs()
    }
}

/// Weights along one axis, by their place from the centre.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// (k, w_k), rising in k; weights of 0 are left out.
    taps: Vec<(isize, f64)>,
}

impl Kernel {
    /// The kernel with these weights, the one at index `centre` standing at 0.
    #[must_use]
    #[allow(clippy::cast_possible_wrap)] // kernels are shorter than 2^62
    pub fn new(weights: &[f64], centre: usize) -> Self {
        let place = |k: usize| k as isize - centre as isize;
        let taps = weights.iter().enumerate().map(|(k, &w)| (place(k), w));
        Self {
            taps: taps.filter(|&(_, w)| w != 0.0).collect(),
        }
    }

    /// The kernel with these weights, an odd number, the middle one standing at 0.
    #[must_use]
    pub fn centred(weights: &[f64]) -> Self {
        Self::new(weights, weights.len() / 2)
    }

    /// The kernel that leaves an axis as it is.
    #[must_use]
    pub fn identity() -> Self {
        Self::new(&[1.0], 0)
    }

    /// The kernel mirrored at its centre.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self {
            taps: self.taps.iter().rev().map(|&(k, w)| (-k, w)).collect(),
        }
    }

    /// The kernel with what `f` makes of each weight.
    #[must_use]
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self {
            taps: self.taps.iter().map(|&(k, w)| (k, f(w))).collect(),
        }
    }

    /// The kernel with its weights `step` voxels apart ("à trous").
    #[must_use]
    #[allow(clippy::cast_possible_wrap)] // steps are shorter than 2^62
    pub fn spread(&self, step: usize) -> Self {
        let taps = self.taps.iter().map(|&(k, w)| (k * step as isize, w));
        Self {
            taps: taps.collect(),
        }
    }

    /// The places from the centre and the weights that are not 0.
    #[must_use]
    pub fn taps(&self) -> &[(isize, f64)] {
        &self.taps
    }

    /// Sum of the weights: the response to a constant image of 1.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.taps.iter().map(|&(_, w)| w).sum()
    }

    /// How many voxels before and after a voxel have a part in its response.
    #[must_use]
    pub fn reach(&self) -> [usize; 2] {
        let ends = [self.taps.last(), self.taps.first()];
        let [before, after] = ends.map(|end| end.map_or(0, |&(k, _)| k));
        [before.max(0).unsigned_abs(), after.min(0).unsigned_abs()]
    }

    fn is_identity(&self) -> bool {
        self.taps == [(0, 1.0)]
    }
}

/// Convolves `image` (z, y, x) with the product of one kernel an axis, in the same order.
///
/// # Errors
/// [`Error::Argument`] if a constant beyond the edge is not finite.
pub fn convolve<T: Real>(
    image: ArrayView3<'_, T>,
    kernels: &[Kernel; 3],
    boundary: Boundary,
) -> Result<Array3<T>> {
    let bank = Bank::new([(kernels.clone(), 0)]);
    bank.maps(image, boundary, Pooling::Sum).map(only)
}

/// The map of a bank that makes one.
pub(super) fn only<T>(mut maps: Vec<Array3<T>>) -> Array3<T> {
    maps.pop().expect("one map")
}

/// The voxels of a map.
pub(super) fn voxels_of<T>(map: &mut Array3<T>) -> &mut [T] {
    map.as_slice_mut().expect("maps are made in C order")
}

/// The area of an image in which a map is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Area<'a> {
    /// A box of the image.
    pub(crate) window: Window,
    /// Which columns of each of the box's rows, where not all are. Elsewhere a map may have any
    /// value.
    pub(crate) rows: Option<&'a [Range<usize>]>,
}

impl From<Window> for Area<'_> {
    fn from(window: Window) -> Self {
        Self { window, rows: None }
    }
}

/// Products of three kernels, each of which goes into one map.
#[derive(Debug, Clone)]
pub struct Bank {
    /// Different kernels along each axis.
    kernels: [Vec<Kernel>; 3],
    /// Along z, then what is made of the result.
    branches: Vec<(usize, Vec<Branch>)>,
    /// Products of each map.
    counts: Vec<usize>,
}

/// Along y, then what is made of the result.
#[derive(Debug, Clone)]
struct Branch {
    kernel: usize,
    leaves: Vec<Leaf>,
}

/// Along x, which gives a response.
#[derive(Debug, Clone)]
struct Leaf {
    kernel: usize,
    map: usize,
    /// How often the product was given.
    times: usize,
    /// True for the map's first one.
    first: bool,
}

impl Bank {
    /// The products of kernels (z, y, x), each with the number of its map; each map has one.
    pub fn new(products: impl IntoIterator<Item = ([Kernel; 3], usize)>) -> Self {
        let mut kernels: [Vec<Kernel>; 3] = Default::default();
        let mut keys: Vec<([usize; 3], usize)> = Vec::new();
        for (product, map) in products {
            let mut key = [0; 3];
            for (a, kernel) in product.into_iter().enumerate() {
                let known = kernels[a].iter().position(|k| *k == kernel);
                key[a] = known.unwrap_or_else(|| {
                    kernels[a].push(kernel);
                    kernels[a].len() - 1
                });
            }
            keys.push((key, map));
        }
        let mut counts = vec![0; keys.iter().map(|&(_, map)| map + 1).max().unwrap_or(0)];
        for &(_, map) in &keys {
            counts[map] += 1;
        }
        keys.sort_unstable();
        let mut started = vec![false; counts.len()];
        let mut leaf = |same: &[([usize; 3], usize)]| {
            let ([.., kernel], map) = same[0];
            Leaf {
                kernel,
                map,
                times: same.len(),
                first: !std::mem::replace(&mut started[map], true),
            }
        };
        let mut branch = |rows: &[([usize; 3], usize)]| Branch {
            kernel: rows[0].0[1],
            leaves: rows.chunk_by(|a, b| a == b).map(&mut leaf).collect(),
        };
        let planes = keys.chunk_by(|a, b| a.0[0] == b.0[0]).map(|planes| {
            let rows = planes.chunk_by(|a, b| a.0[1] == b.0[1]);
            (planes[0].0[0], rows.map(&mut branch).collect())
        });
        let branches = planes.collect();
        Self {
            kernels,
            branches,
            counts,
        }
    }

    /// The maps, each of the image's shape: its responses pooled.
    ///
    /// # Errors
    /// [`Error::Argument`] if a constant beyond the edge is not finite.
    pub fn maps<T: Real>(
        &self,
        image: ArrayView3<'_, T>,
        boundary: Boundary,
        pooling: Pooling,
    ) -> Result<Vec<Array3<T>>> {
        let all = Area::from(Window::whole(image.dim().into()));
        self.part(image, all, boundary, pooling)
    }

    /// [`Bank::maps`] in an area of the image, to the bit.
    ///
    /// # Errors
    /// As [`Bank::maps`].
    pub(super) fn part<T: Real>(
        &self,
        image: ArrayView3<'_, T>,
        area: Area<'_>,
        boundary: Boundary,
        pooling: Pooling,
    ) -> Result<Vec<Array3<T>>> {
        let empty = || Array3::from_elem(area.window.shape, T::ZERO);
        let mut maps: Vec<_> = self.counts.iter().map(|_| empty()).collect();
        let mut voxels: Vec<_> = maps.iter_mut().map(voxels_of).collect();
        self.pool_into(&mut voxels, true, image, area, boundary, pooling)?;
        for (map, &count) in voxels.into_iter().zip(&self.counts) {
            pooling.finish(map, count);
        }
        Ok(maps)
    }

    /// Pools the responses in an area of the image into `maps` (C order, of the size of its box), which
    /// hold nothing yet if they are `fresh`; a mean still needs [`Pooling::finish`].
    ///
    /// # Errors
    /// As [`Bank::maps`].
    pub(super) fn pool_into<T: Real>(
        &self,
        maps: &mut [&mut [T]],
        fresh: bool,
        image: ArrayView3<'_, T>,
        area: Area<'_>,
        boundary: Boundary,
        pooling: Pooling,
    ) -> Result<()> {
        check_boundary(boundary)?;
        let shape: [usize; 3] = image.dim().into();
        let window = area.window;
        let voxels = window.voxels();
        if voxels == 0 {
            return Ok(());
        }
        let image = image.as_standard_layout();
        let image = Image {
            voxels: image.as_slice().expect("standard layout"),
            shape,
            boundary,
        };
        let pass = Pass::new(self, image, area, pooling, fresh);
        let size = PLANES * window.shape[1] * window.shape[2];
        let blocks = window.shape[0].div_ceil(PLANES);
        let mut tasks: Vec<Vec<&mut [T]>> = (0..blocks).map(|_| Vec::new()).collect();
        for map in maps {
            for (task, part) in tasks.iter_mut().zip(map.chunks_mut(size)) {
                task.push(part);
            }
        }
        let work = voxels.saturating_mul(self.taps());
        parallel::for_each_chunk(&mut tasks, 1, work, |block, task| {
            pass.fill(block * PLANES, &mut task[0]);
        });
        Ok(())
    }

    /// Multiplications a voxel.
    fn taps(&self) -> usize {
        let of = |axis: usize, kernel: usize| self.kernels[axis][kernel].taps.len();
        let along_yx = |branch: &Branch| {
            let leaves = branch.leaves.iter().map(|leaf| of(2, leaf.kernel));
            of(1, branch.kernel) + leaves.sum::<usize>()
        };
        let along_z =
            |(z, rows): &(usize, Vec<Branch>)| of(0, *z) + rows.iter().map(along_yx).sum::<usize>();
        self.branches.iter().map(along_z).sum()
    }
}

/// Refuses a constant that is not finite.
pub(super) fn check_boundary(boundary: Boundary) -> Result<()> {
    if boundary.constant().is_finite() {
        return Ok(());
    }
    Err(Error::Argument {
        name: "boundary",
        given: format!("a constant of {}", boundary.constant()),
        allowed: "it must be finite",
    })
}

/// Planes along z that a task makes: the planes of the image that their kernels share are then read
/// once from afar.
const PLANES: usize = 4;
/// Neighbours along x that are summed up in registers: enough of them that one addition need not
/// wait for the one before.
const LANES: usize = 32;
/// The same for what is left of a row.
const FEW: usize = 8;

/// An image (C order) and how it goes on.
struct Image<'a, T> {
    voxels: &'a [T],
    shape: [usize; 3],
    boundary: Boundary,
}

impl<T: Real> Image<'_, T> {
    /// Where along `axis` the voxels lie that kernels of this `reach` take for those in `window`.
    #[allow(clippy::cast_possible_wrap)] // indices of arrays
    fn taken(&self, axis: usize, window: Window, [before, after]: [usize; 2]) -> Range<usize> {
        let (start, n) = (window.start[axis], self.shape[axis]);
        let first = start as isize - before as isize;
        let end = (start + window.shape[axis] + after) as isize;
        // Nothing inside lies beyond what these two give, but what the boundary fetches may.
        let (low, high) = (first.max(0), end.min(n as isize));
        let fetched = (first..low).chain(high..end);
        let fetched = fetched.filter_map(|i| self.boundary.source(i, n));
        let (low, high) = (low.unsigned_abs(), high.unsigned_abs());
        fetched.fold(low..high, |all, i| all.start.min(i)..all.end.max(i + 1))
    }

    /// Weights and where what they weigh begins, for voxel `i` of an axis whose voxels are `stride`
    /// apart, from voxel `first` on; returns the sum of those that weigh what lies `beyond`.
    #[allow(clippy::cast_possible_wrap)] // indices of arrays
    fn sources(
        &self,
        axis: usize,
        kernel: &Kernel,
        i: usize,
        (first, stride): (usize, usize),
        beyond: f64,
        taps: &mut Vec<(T, usize)>,
    ) -> T {
        let mut outside = 0.0;
        taps.clear();
        for &(k, w) in &kernel.taps {
            match self.boundary.source(i as isize - k, self.shape[axis]) {
                Some(source) => taps.push((T::nearest(w), (source - first) * stride)),
                None => outside += w * beyond,
            }
        }
        T::nearest(outside)
    }
}

/// What all tasks of [`Bank::pool_into`] share.
struct Pass<'a, T> {
    bank: &'a Bank,
    image: Image<'a, T>,
    area: Area<'a>,
    pooling: Pooling,
    fresh: bool,
    /// Rows and columns of the image that are taken.
    rows: Range<usize>,
    columns: Range<usize>,
    /// Where the voxels of a padded row before and after the columns come from, among these.
    pads: [Vec<Option<usize>>; 2],
    /// Weights along x and where in a padded row what they weigh begins.
    along_x: Vec<Vec<(T, usize)>>,
}

impl<'a, T: Real> Pass<'a, T> {
    #[allow(clippy::cast_possible_wrap)] // indices of arrays
    fn new(
        bank: &'a Bank,
        image: Image<'a, T>,
        area: Area<'a>,
        pooling: Pooling,
        fresh: bool,
    ) -> Self {
        let window = area.window;
        let reach = |axis: usize| {
            let reach = bank.kernels[axis].iter().map(Kernel::reach);
            reach.fold([0, 0], |[a, b], [c, d]| [a.max(c), b.max(d)])
        };
        let [before, after] = reach(2);
        let rows = image.taken(1, window, reach(1));
        let columns = image.taken(2, window, [before, after]);
        let (start, n) = (window.start[2], image.shape[2]);
        let end = start + window.shape[2] + after;
        let first = columns.start;
        let source = |index: isize| image.boundary.source(index, n).map(|i| i - first);
        let head = before.saturating_sub(start);
        let pads = [
            (-(head as isize)..0).map(source).collect(),
            (n as isize..end as isize).map(source).collect(),
        ];
        let place = |k: isize| (head + start - first).wrapping_add_signed(-k);
        let taps = |kernel: &Kernel| {
            let taps = kernel.taps.iter();
            taps.map(|&(k, w)| (T::nearest(w), place(k))).collect()
        };
        Self {
            along_x: bank.kernels[2].iter().map(taps).collect(),
            bank,
            image,
            area,
            pooling,
            fresh,
            rows,
            columns,
            pads,
        }
    }

    /// Makes the planes of all maps from plane `first` on.
    fn fill(&self, first: usize, maps: &mut [&mut [T]]) {
        let [_, ny, nx] = self.image.shape;
        let window = self.area.window;
        let [_, height, width] = window.shape;
        let [before, after] = [&self.pads[0], &self.pads[1]].map(Vec::len);
        let inside = before + after == 0;
        let mut slab = vec![T::ZERO; 0];
        let mut padded = vec![T::ZERO; before + self.columns.len() + after];
        let mut response = vec![T::ZERO; width];
        let mut taps = Vec::new();
        let count = maps.first().map_or(0, |map| map.len()) / (height * width);
        let planes = window.start[0] + first..window.start[0] + first + count;
        let constant = self.image.boundary.constant();
        for (z, branches) in &self.bank.branches {
            let kernel = &self.bank.kernels[0][*z];
            // What is taken of the planes, and how far their planes and rows are apart.
            let (taken, strides) = if kernel.is_identity() {
                let start = (planes.start * ny + self.rows.start) * nx + self.columns.start;
                (&self.image.voxels[start..], [ny * nx, nx])
            } else {
                let strides = [self.rows.len() * self.columns.len(), self.columns.len()];
                slab.resize(count * strides[0], T::ZERO);
                self.along_z(kernel, planes.clone(), &mut slab);
                (&slab[..], strides)
            };
            let beyond = constant * kernel.sum();
            for (row, y) in (0..count * height).zip((0..height).cycle()) {
                let asked = self.area.rows.map(|rows| &rows[first * height + row]);
                let asked = asked.map_or(0..width, Range::clone);
                if asked.is_empty() {
                    continue;
                }
                // Away from the edges only what the kernels reach from there.
                let taken_of_row = if inside {
                    asked.start..asked.end + self.columns.len() - width
                } else {
                    0..self.columns.len()
                };
                let place = before + taken_of_row.start..before + taken_of_row.end;
                let plane = &taken[row / height * strides[0] + taken_of_row.start..];
                let y = window.start[1] + y;
                for branch in branches {
                    let kernel = &self.bank.kernels[1][branch.kernel];
                    let lines = (self.rows.start, strides[1]);
                    let bias = self.image.sources(1, kernel, y, lines, beyond, &mut taps);
                    combine(plane, &taps, bias, &mut padded[place.clone()]);
                    self.pad(&mut padded, beyond * kernel.sum());
                    for leaf in &branch.leaves {
                        let to = &mut maps[leaf.map][row * width..][asked.clone()];
                        let taps = &self.along_x[leaf.kernel];
                        let padded = &padded[asked.start..];
                        if leaf.first && self.fresh {
                            combine(padded, taps, T::ZERO, to);
                            self.pooling.start(to, leaf.times);
                        } else {
                            let response = &mut response[..to.len()];
                            combine(padded, taps, T::ZERO, response);
                            self.pooling.add(to, response, leaf.times);
                        }
                    }
                }
            }
        }
    }

    /// What is taken of these planes, along z.
    fn along_z(&self, kernel: &Kernel, planes: Range<usize>, slab: &mut [T]) {
        let [_, ny, nx] = self.image.shape;
        let width = self.columns.len();
        let beyond = self.image.boundary.constant();
        let sources = |z: usize| {
            let mut taps = Vec::new();
            let place = (0, ny * nx);
            let bias = self.image.sources(0, kernel, z, place, beyond, &mut taps);
            (taps, bias)
        };
        let sources: Vec<_> = planes.map(sources).collect();
        let size = self.rows.len() * width;
        for (k, row) in self.rows.clone().enumerate() {
            let from = &self.image.voxels[row * nx + self.columns.start..];
            for (to, (taps, bias)) in slab.chunks_exact_mut(size).zip(&sources) {
                combine(from, taps, *bias, &mut to[k * width..][..width]);
            }
        }
    }

    /// Fills a padded row before and after the columns.
    fn pad(&self, padded: &mut [T], beyond: f64) {
        let [before, after] = [&self.pads[0], &self.pads[1]];
        let beyond = T::nearest(beyond);
        let (head, rest) = padded.split_at_mut(before.len());
        let (row, tail) = rest.split_at_mut(self.columns.len());
        for (to, source) in head
            .iter_mut()
            .zip(before)
            .chain(tail.iter_mut().zip(after))
        {
            *to = source.map_or(beyond, |i| row[i]);
        }
    }
}

/// `to[i]` = bias + sum over the taps (w, start) of `w * from[start + i]`, added in order.
// Wider registers where the processor has them, 1.3x on eight sub-bands; without fused operations,
// so that the bits are the same on all.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn combine<T: Real>(from: &[T], taps: &[(T, usize)], bias: T, to: &mut [T]) {
    const HALF: usize = LANES / 2;
    match to.len() {
        0..FEW => {
            for (i, to) in to.iter_mut().enumerate() {
                let terms = taps.iter().map(|&(w, start)| w * from[start + i]);
                *to = terms.fold(bias, |sum, term| sum + term);
            }
        }
        FEW..HALF => blocks::<T, FEW>(from, taps, bias, to),
        HALF..LANES => blocks::<T, HALF>(from, taps, bias, to),
        _ => blocks::<T, LANES>(from, taps, bias, to),
    }
}

/// [`combine`] of at least N neighbours, N at a time; the last ones once more rather than fewer.
#[inline(always)]
#[allow(clippy::inline_always)] // it is compiled for the registers of its caller
fn blocks<T: Real, const N: usize>(from: &[T], taps: &[(T, usize)], bias: T, to: &mut [T]) {
    let n = to.len();
    for i in (0..n / N).map(|k| k * N) {
        block::<T, N>(from, taps, bias, to, i);
    }
    match n % N {
        0 => {}
        1..=FEW => block::<T, FEW>(from, taps, bias, to, n - FEW),
        _ => block::<T, N>(from, taps, bias, to, n - N),
    }
}

/// [`combine`] of N neighbours from `i` on.
#[inline(always)]
#[allow(clippy::inline_always)] // it is compiled for the registers of its caller
fn block<T: Real, const N: usize>(
    from: &[T],
    taps: &[(T, usize)],
    bias: T,
    to: &mut [T],
    i: usize,
) {
    let mut sums = [bias; N];
    for &(w, start) in taps {
        let values = &from[start + i..start + i + N];
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum = *sum + w * value;
        }
    }
    to[i..i + N].copy_from_slice(&sums);
}
