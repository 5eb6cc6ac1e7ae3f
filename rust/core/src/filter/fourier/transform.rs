//! Real transforms of images: rows along x first, then columns along y within each slice, then
//! columns along z.

use std::sync::Arc;

use ndarray::{s, Array3, ArrayView3};
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

use super::{Complex, Grid, Transfer};
use crate::filter::convolve::Real;
use crate::filter::Dimension;
use crate::parallel;

/// Columns that are transformed together: two cache lines of a row.
const LANES: usize = 8;

/// The transforms of a grid.
pub(crate) struct Plan<T: Real> {
    grid: Grid,
    sources: [Vec<Option<usize>>; 3],
    forward: Arc<dyn RealToComplex<T>>,
    backward: Arc<dyn ComplexToReal<T>>,
    /// Along z, y: there and back.
    columns: [[Arc<dyn Fft<T>>; 2]; 2],
}

impl<T: Real> Plan<T> {
    pub(crate) fn new(grid: Grid) -> Self {
        let length = grid.length();
        let (mut real, mut complex) = (RealFftPlanner::new(), FftPlanner::new());
        Self {
            sources: [0, 1, 2].map(|axis| grid.sources(axis)),
            forward: real.plan_fft_forward(length[2]),
            backward: real.plan_fft_inverse(length[2]),
            columns: [0, 1].map(|a| {
                [
                    complex.plan_fft_forward(length[a]),
                    complex.plan_fft_inverse(length[a]),
                ]
            }),
            grid,
        }
    }

    /// Values in the spectrum of a slice: (frequency of y, frequency of x).
    pub(crate) fn plane(&self) -> usize {
        self.grid.length()[1] * self.grid.half()
    }

    /// Elementary steps of a transform of the whole grid.
    pub(crate) fn work(&self) -> usize {
        self.grid
            .length()
            .iter()
            .product::<usize>()
            .saturating_mul(10)
    }

    /// The spectrum along y and x of slice `z` of the image.
    pub(crate) fn transform_slice(
        &self,
        image: ArrayView3<'_, T>,
        z: usize,
        plane: &mut [Complex<T>],
    ) {
        let ([_, ny, _], half) = (self.grid.image(), self.grid.half());
        let constant = T::nearest(self.grid.constant());
        let mut input = self.forward.make_input_vec();
        let mut scratch = self.forward.make_scratch_vec();
        for (y, row) in plane.chunks_exact_mut(half).take(ny).enumerate() {
            let voxels = image.slice(s![z, y, ..]);
            for (to, source) in input.iter_mut().zip(&self.sources[2]) {
                *to = source.map_or(constant, |x| voxels[x]);
            }
            self.forward
                .process_with_scratch(&mut input, row, &mut scratch)
                .expect("buffers were made for this transform");
        }
        // Beyond the edge stand rows that were transformed already.
        for (y, source) in self.sources[1].iter().enumerate().skip(ny) {
            if let Some(source) = source {
                plane.copy_within(source * half..(source + 1) * half, y * half);
            } else {
                let row = &mut plane[y * half..(y + 1) * half];
                row.fill(Complex::default());
                row[0].re = self.sum_of_constant(&[2]);
            }
        }
        columns(&*self.columns[1][0], plane, half);
    }

    /// The constant beyond the edge, summed up along some axes: its spectrum at frequency 0.
    fn sum_of_constant(&self, axes: &[usize]) -> T {
        let points = axes.iter().map(|&a| self.grid.length()[a] as f64);
        T::nearest(points.fold(self.grid.constant(), |sum, n| sum * n))
    }

    /// The part of a slice that the image covers, from its spectrum, which is spoilt; in C order,
    /// times `scale`.
    pub(crate) fn slice_back(&self, plane: &mut [Complex<T>], scale: T, to: &mut [T]) {
        let ([_, _, nx], half) = (self.grid.image(), self.grid.half());
        columns(&*self.columns[1][1], plane, half);
        let mut output = self.backward.make_output_vec();
        let mut scratch = self.backward.make_scratch_vec();
        let even = output.len() % 2 == 0;
        for (row, to) in plane.chunks_exact_mut(half).zip(to.chunks_exact_mut(nx)) {
            // Real but for rounding, as the response is.
            row[0].im = T::ZERO;
            if even {
                row[half - 1].im = T::ZERO;
            }
            self.backward
                .process_with_scratch(row, &mut output, &mut scratch)
                .expect("buffers were made for this transform");
            to.iter_mut()
                .zip(&output)
                .for_each(|(to, &v)| *to = scale * v);
        }
    }
}

/// Transforms the columns of a table whose rows have `width` values, a few at a time.
fn columns<T: Real>(fft: &dyn Fft<T>, table: &mut [Complex<T>], width: usize) {
    let n = table.len() / width;
    if n < 2 {
        return;
    }
    let mut buffer = vec![Complex::default(); n * LANES];
    let mut scratch = vec![Complex::default(); fft.get_inplace_scratch_len()];
    for first in (0..width).step_by(LANES) {
        let lanes = LANES.min(width - first);
        for (i, row) in table.chunks_exact(width).enumerate() {
            for (lane, &v) in row[first..first + lanes].iter().enumerate() {
                buffer[lane * n + i] = v;
            }
        }
        fft.process_with_scratch(&mut buffer[..lanes * n], &mut scratch);
        for (i, row) in table.chunks_exact_mut(width).enumerate() {
            for (lane, v) in row[first..first + lanes].iter_mut().enumerate() {
                *v = buffer[lane * n + i];
            }
        }
    }
}

/// An image that was transformed once, for any number of responses.
pub struct Transformed<'a, T: Real> {
    image: ArrayView3<'a, T>,
    plan: Plan<T>,
    /// Spectra along y and x of the image's slices; empty where slices are done one by one.
    planes: Vec<Complex<T>>,
}

impl<'a, T: Real> Transformed<'a, T> {
    /// Transforms `image`, which has the shape that `grid` was made for.
    #[must_use]
    pub fn new(image: ArrayView3<'a, T>, grid: Grid) -> Self {
        debug_assert_eq!(image.shape(), grid.image());
        let plan = Plan::new(grid);
        let mut planes = Vec::new();
        if plan.grid.dimension() == Dimension::Volume {
            let size = plan.plane();
            planes.resize(image.shape()[0] * size, Complex::default());
            parallel::for_each_chunk(&mut planes, size, plan.work(), |z, plane| {
                plan.transform_slice(image, z, plane);
            });
        }
        Self {
            image,
            plan,
            planes,
        }
    }

    /// The response to a transfer function, in the image's shape.
    #[must_use]
    pub fn response(&self, transfer: impl Transfer<T>) -> Array3<T> {
        self.plan
            .respond(self.image, &mut self.planes.clone(), &transfer)
    }

    /// [`Self::response`] without a copy of the spectrum.
    #[must_use]
    pub fn into_response(mut self, transfer: impl Transfer<T>) -> Array3<T> {
        self.plan.respond(self.image, &mut self.planes, &transfer)
    }
}

impl<T: Real> Plan<T> {
    fn respond(
        &self,
        image: ArrayView3<'_, T>,
        planes: &mut [Complex<T>],
        transfer: &dyn Transfer<T>,
    ) -> Array3<T> {
        let ([_, ny, nx], size) = (self.grid.image(), self.plane());
        let dimension = self.grid.dimension();
        let mut out = vec![T::ZERO; self.grid.image().iter().product()];
        if dimension == Dimension::Volume {
            self.multiply(planes, transfer);
        }
        let planes = &*planes;
        let filtered = (0..3).filter(|&a| dimension.has(a));
        let points: f64 = filtered.map(|a| self.grid.length()[a] as f64).product();
        let scale = T::nearest(1.0 / points);
        parallel::for_each_chunk(&mut out, ny * nx, self.work(), |z, to| {
            let mut plane = vec![Complex::default(); size];
            match dimension {
                Dimension::Slice => {
                    self.transform_slice(image, z, &mut plane);
                    for (ky, row) in plane.chunks_exact_mut(self.grid.half()).enumerate() {
                        transfer(0, ky, row);
                    }
                }
                Dimension::Volume => plane.copy_from_slice(&planes[z * size..(z + 1) * size]),
            }
            self.slice_back(&mut plane, scale, to);
        });
        Array3::from_shape_vec(self.grid.image(), out).expect("one value a voxel")
    }

    /// Transforms along z, multiplies and transforms back, one frequency of y at a time. Only there
    /// is the image padded along z: it takes as much memory as the part of it in hand.
    fn multiply(&self, planes: &mut [Complex<T>], transfer: &dyn Transfer<T>) {
        let half = self.grid.half();
        let mut groups: Vec<Vec<&mut [Complex<T>]>> = Vec::new();
        groups.resize_with(self.grid.length()[1], Vec::new);
        for plane in planes.chunks_exact_mut(self.plane()) {
            for (group, row) in groups.iter_mut().zip(plane.chunks_exact_mut(half)) {
                group.push(row);
            }
        }
        parallel::for_each_chunk(&mut groups, 1, self.work(), |ky, group| {
            let group = &mut group[0];
            let mut table = vec![Complex::default(); self.grid.length()[0] * half];
            for (row, source) in table.chunks_exact_mut(half).zip(&self.sources[0]) {
                match source {
                    Some(z) => row.copy_from_slice(group[*z]),
                    None if ky == 0 => row[0].re = self.sum_of_constant(&[1, 2]),
                    None => {}
                }
            }
            columns(&*self.columns[0][0], &mut table, half);
            for (kz, row) in table.chunks_exact_mut(half).enumerate() {
                transfer(kz, ky, row);
            }
            columns(&*self.columns[0][1], &mut table, half);
            for (row, from) in group.iter_mut().zip(table.chunks_exact(half)) {
                row.copy_from_slice(from);
            }
        });
    }
}
