//! Real transforms of images: rows along x first, then columns along y within each slice, then
//! columns along z.

use std::sync::Arc;

use ndarray::Array3;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

use super::{Complex64, Grid, Rows, Transfer};
use crate::parallel;

/// Columns that are transformed together: two cache lines of a row.
const LANES: usize = 8;

/// The transforms of a grid.
pub(crate) struct Plan {
    grid: Grid,
    sources: [Vec<Option<usize>>; 3],
    forward: Arc<dyn RealToComplex<f64>>,
    backward: Arc<dyn ComplexToReal<f64>>,
    /// Along z, y: there and back.
    columns: [[Arc<dyn Fft<f64>>; 2]; 2],
}

impl Plan {
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
    pub(crate) fn transform_slice(&self, image: &dyn Rows, z: usize, plane: &mut [Complex64]) {
        let ([_, ny, nx], half) = (self.grid.image(), self.grid.half());
        let mut voxels = vec![0.0; nx];
        let mut input = self.forward.make_input_vec();
        let mut scratch = self.forward.make_scratch_vec();
        for (y, row) in plane.chunks_exact_mut(half).take(ny).enumerate() {
            image.read(z, y, &mut voxels);
            for (to, source) in input.iter_mut().zip(&self.sources[2]) {
                *to = source.map_or(self.grid.constant(), |x| voxels[x]);
            }
            self.forward
                .process_with_scratch(&mut input, row, &mut scratch)
                .expect("buffers were made for this transform");
        }
        // Beyond the edge stand rows that were transformed already.
        for (y, source) in self.sources[1].iter().enumerate().skip(ny) {
            match source {
                Some(source) => plane.copy_within(source * half..(source + 1) * half, y * half),
                None => self.constant_row(&mut plane[y * half..(y + 1) * half]),
            }
        }
        columns(&*self.columns[1][0], &mut rows(plane, half));
    }

    /// The spectrum of a row of the constant.
    fn constant_row(&self, row: &mut [Complex64]) {
        row.fill(Complex64::default());
        row[0].re = self.grid.constant() * self.grid.length()[2] as f64;
    }

    /// The part of a slice that the image covers, from its spectrum, which is spoilt; in C order,
    /// times `scale`.
    pub(crate) fn slice_back(&self, plane: &mut [Complex64], scale: f64, to: &mut [f64]) {
        let ([_, _, nx], half) = (self.grid.image(), self.grid.half());
        columns(&*self.columns[1][1], &mut rows(plane, half));
        let mut output = self.backward.make_output_vec();
        let mut scratch = self.backward.make_scratch_vec();
        let even = output.len() % 2 == 0;
        for (row, to) in plane.chunks_exact_mut(half).zip(to.chunks_exact_mut(nx)) {
            // Real but for rounding, as the response is.
            row[0].im = 0.0;
            if even {
                row[half - 1].im = 0.0;
            }
            self.backward
                .process_with_scratch(row, &mut output, &mut scratch)
                .expect("buffers were made for this transform");
            to.iter_mut()
                .zip(&output)
                .for_each(|(to, v)| *to = scale * v);
        }
    }
}

fn rows(plane: &mut [Complex64], width: usize) -> Vec<&mut [Complex64]> {
    plane.chunks_exact_mut(width).collect()
}

/// Transforms the columns of `rows`, a few at a time.
fn columns(fft: &dyn Fft<f64>, rows: &mut [&mut [Complex64]]) {
    let (n, width) = (rows.len(), rows.first().map_or(0, |r| r.len()));
    if n < 2 {
        return;
    }
    let mut buffer = vec![Complex64::default(); n * LANES];
    let mut scratch = vec![Complex64::default(); fft.get_inplace_scratch_len()];
    for first in (0..width).step_by(LANES) {
        let lanes = LANES.min(width - first);
        for (i, row) in rows.iter().enumerate() {
            for (lane, &v) in row[first..first + lanes].iter().enumerate() {
                buffer[lane * n + i] = v;
            }
        }
        fft.process_with_scratch(&mut buffer[..lanes * n], &mut scratch);
        for (i, row) in rows.iter_mut().enumerate() {
            for (lane, v) in row[first..first + lanes].iter_mut().enumerate() {
                *v = buffer[lane * n + i];
            }
        }
    }
}

/// An image that was transformed once, for any number of responses.
pub struct Transformed<'a> {
    image: &'a dyn Rows,
    plan: Plan,
    /// Spectra along y and x of all slices of the grid; empty where slices are done one by one.
    planes: Vec<Complex64>,
}

impl<'a> Transformed<'a> {
    /// Transforms `image`, which has the shape that `grid` was made for.
    #[must_use]
    pub fn new(image: &'a dyn Rows, grid: Grid) -> Self {
        debug_assert_eq!(image.shape(), grid.image());
        let plan = Plan::new(grid);
        let mut planes = Vec::new();
        if !plan.grid.in_plane() {
            planes.resize(plan.grid.length()[0] * plan.plane(), Complex64::default());
            plan.transform_slices(image, &mut planes);
        }
        Self {
            image,
            plan,
            planes,
        }
    }

    /// The response to a transfer function, in the image's shape.
    #[must_use]
    pub fn response(&self, transfer: impl Transfer) -> Array3<f64> {
        self.plan
            .respond(self.image, &mut self.planes.clone(), &transfer)
    }

    /// [`Self::response`] without a copy of the spectrum.
    #[must_use]
    pub fn into_response(mut self, transfer: impl Transfer) -> Array3<f64> {
        self.plan.respond(self.image, &mut self.planes, &transfer)
    }
}

impl Plan {
    fn transform_slices(&self, image: &dyn Rows, planes: &mut [Complex64]) {
        let size = self.plane();
        let (inside, beyond) = planes.split_at_mut(self.grid.image()[0] * size);
        parallel::for_each_chunk(inside, size, self.work(), |z, plane| {
            self.transform_slice(image, z, plane);
        });
        // Beyond the edge stand slices that were transformed already.
        let sources = &self.sources[0][self.grid.image()[0]..];
        let inside = &*inside;
        parallel::for_each_chunk(beyond, size, self.work(), |i, plane| {
            if let Some(z) = sources[i] {
                plane.copy_from_slice(&inside[z * size..(z + 1) * size]);
            } else {
                plane.fill(Complex64::default());
                self.constant_row(&mut plane[..self.grid.half()]);
                plane[0] *= self.grid.length()[1] as f64;
            }
        });
    }

    fn respond(
        &self,
        image: &dyn Rows,
        planes: &mut [Complex64],
        transfer: &dyn Transfer,
    ) -> Array3<f64> {
        let ([_, ny, nx], size) = (self.grid.image(), self.plane());
        let [lz, ly, lx] = self.grid.length();
        let mut out = vec![0.0; self.grid.image().iter().product()];
        let in_plane = self.grid.in_plane();
        if !in_plane {
            self.multiply(planes, transfer);
        }
        let planes = &*planes;
        let scale = 1.0 / ((ly * lx) as f64 * if in_plane { 1.0 } else { lz as f64 });
        parallel::for_each_chunk(&mut out, ny * nx, self.work(), |z, to| {
            let mut plane = vec![Complex64::default(); size];
            if in_plane {
                self.transform_slice(image, z, &mut plane);
                for (ky, row) in plane.chunks_exact_mut(self.grid.half()).enumerate() {
                    transfer(0, ky, row);
                }
            } else {
                plane.copy_from_slice(&planes[z * size..(z + 1) * size]);
            }
            self.slice_back(&mut plane, scale, to);
        });
        Array3::from_shape_vec(self.grid.image(), out).expect("one value a voxel")
    }

    /// Transforms along z, multiplies and transforms back, one frequency of y at a time.
    fn multiply(&self, planes: &mut [Complex64], transfer: &dyn Transfer) {
        let half = self.grid.half();
        let mut groups: Vec<Vec<&mut [Complex64]>> = Vec::new();
        groups.resize_with(self.grid.length()[1], Vec::new);
        for plane in planes.chunks_exact_mut(self.plane()) {
            for (group, row) in groups.iter_mut().zip(plane.chunks_exact_mut(half)) {
                group.push(row);
            }
        }
        parallel::for_each_chunk(&mut groups, 1, self.work(), |ky, group| {
            let group = &mut group[0];
            columns(&*self.columns[0][0], group);
            for (kz, row) in group.iter_mut().enumerate() {
                transfer(kz, ky, row);
            }
            columns(&*self.columns[0][1], group);
        });
    }
}
