//! Patterns on circles in slices (Ojala, Pietikäinen and Mäenpää 2002), with scikit-image's values.

use std::f64::consts::PI;

use ndarray::{Array3, ArrayView2, ArrayView3, Axis};

use super::{check_radius, Pixel};
use crate::error::{Error, Result};
use crate::parallel;

/// How a pattern becomes a number; $b_p$ is 1 if point $p$ is not below the pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// $\sum_p b_p 2^p$.
    Default,
    /// The least of these over all rotations.
    Ror,
    /// $\sum_p b_p$ if $b$ changes at most twice from $p = 0$ to the last point (the way back to the
    /// first does not count), else the number of points plus 1.
    Uniform,
    /// Variance of the points' intensities; NaN where it is 0.
    Var,
}

impl Method {
    /// The method of that name of PyRadiomics.
    ///
    /// # Errors
    /// [`Error::Argument`] for a name that is none.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "default" => Ok(Self::Default),
            "ror" => Ok(Self::Ror),
            "uniform" => Ok(Self::Uniform),
            "var" => Ok(Self::Var),
            _ => Err(Error::Argument {
                name: "lbp2DMethod",
                given: format!("'{name}'"),
                allowed: "methods are default, ror, uniform and var",
            }),
        }
    }

    fn check(self, samples: usize) -> Result<()> {
        let (most, allowed) = match self {
            Self::Default | Self::Ror => (
                MAX_BITS,
                "with the lbp2DMethods default and ror it must be from 1 to 63",
            ),
            Self::Uniform | Self::Var => (MAX_SAMPLES, "it must be from 1 to 65535"),
        };
        if (1..=most).contains(&samples) {
            return Ok(());
        }
        Err(Error::Argument {
            name: "lbp2DSamples",
            given: samples.to_string(),
            allowed,
        })
    }
}

/// Points whose pattern is a number of 64 bits, without the sign.
const MAX_BITS: usize = 63;
/// Points of a circle at most, where they need not be told apart.
const MAX_SAMPLES: usize = 0xffff;

/// Patterns in each slice of `image` (z, y, x) across the axis `across` (0, 1, 2 = z, y, x).
///
/// Rows and columns of a slice are numbered along y and x, z and x, or y and z, as PyRadiomics has
/// them. Point p of `samples` stands at row $-r \sin(2 \pi p / P)$, column $r \cos(2 \pi p / P)$ from
/// the pixel, `radius` $r$ in voxels; it is interpolated linearly, with 0 beyond the slice. The map
/// has the image's type ([`Pixel::cut`]).
///
/// # Errors
/// [`Error::Argument`] unless `radius` is above 0 (and at most 1e6), `samples` from 1 to 65535 (63
/// for the methods whose numbers have a bit a point), and `across` an axis.
///
/// # Panics
/// Never: the map is made in C order.
pub fn on_circles<T: Pixel>(
    image: ArrayView3<'_, T>,
    across: usize,
    radius: f64,
    samples: usize,
    method: Method,
) -> Result<Array3<T>> {
    check_radius("lbp2DRadius", radius)?;
    method.check(samples)?;
    if across > 2 {
        return Err(Error::Argument {
            name: "force2Ddimension",
            given: across.to_string(),
            allowed: "axes are 0 (z), 1 (y) and 2 (x)",
        });
    }
    let mut slices = image;
    slices.swap_axes(0, across);
    let mut map = Array3::from_elem(slices.raw_dim(), T::cut(0.0));
    let (_, ny, nx) = slices.dim();
    if map.is_empty() {
        return Ok(Array3::from_elem(image.raw_dim(), T::cut(0.0)));
    }
    let circle = Circle::new(radius, samples, [ny, nx]);
    let voxels = map.as_slice_mut().expect("made in C order");
    let work = voxels.len().saturating_mul(4 * samples);
    parallel::for_each_chunk(voxels, ny * nx, work, |z, out| {
        circle.slice(slices.index_axis(Axis(0), z), method, out);
    });
    if across == 0 {
        return Ok(map);
    }
    map.swap_axes(0, across);
    Ok(map.as_standard_layout().into_owned())
}

/// Where along an axis a point is, from a pixel.
#[derive(Clone, Copy)]
struct Step {
    /// Voxels.
    offset: f64,
    /// The whole number below it, kept to what can be within a slice.
    low: isize,
    /// 1 if the next whole number takes part, 0 if the offset is whole.
    next: isize,
}

impl Step {
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // at most 1e6, lengths
    fn new(offset: f64, length: usize) -> Self {
        let offset = (offset * 1e5).round_ties_even() / 1e5;
        let limit = length as isize + 2;
        Self {
            offset,
            low: (offset.floor() as isize).clamp(-limit, limit),
            next: isize::from(offset.fract() != 0.0),
        }
    }

    /// The share of the next pixel at a place: the fraction of their sum, which is rounded.
    fn share(self, place: f64) -> f64 {
        (place + self.offset) - (place + self.low as f64)
    }

    fn reach(self) -> usize {
        self.low.unsigned_abs() + 1
    }
}

/// The points around a pixel.
struct Circle {
    /// Row and column of each.
    points: Vec<[Step; 2]>,
    /// Zeros around a slice: rows and columns to either side.
    margin: [usize; 2],
    /// The numbers of columns.
    columns: Vec<f64>,
}

impl Circle {
    fn new(radius: f64, samples: usize, shape: [usize; 2]) -> Self {
        let point = |p: usize| {
            let angle = 2.0 * PI * p as f64 / samples as f64;
            let (row, column) = (-radius * angle.sin(), radius * angle.cos());
            [Step::new(row, shape[0]), Step::new(column, shape[1])]
        };
        let points: Vec<_> = (0..samples).map(point).collect();
        let margin = [0, 1].map(|a| points.iter().map(|p| p[a].reach()).max().unwrap_or(0));
        let columns = (0..shape[1]).map(|x| x as f64).collect();
        Self {
            points,
            margin,
            columns,
        }
    }

    /// Patterns of one slice.
    #[allow(clippy::cast_possible_wrap)] // indices of arrays
    fn slice<T: Pixel>(&self, slice: ArrayView2<'_, T>, method: Method, out: &mut [T]) {
        let (ny, nx) = slice.dim();
        let [my, mx] = self.margin;
        let width = nx + 2 * mx;
        let mut padded = vec![0.0; (ny + 2 * my) * width];
        for (row, to) in slice
            .rows()
            .into_iter()
            .zip(padded.chunks_mut(width).skip(my))
        {
            to[mx..]
                .iter_mut()
                .zip(row)
                .for_each(|(to, v)| *to = v.to_f64());
        }
        let mut found = Found::new(method, nx);
        let mut samples = vec![0.0; nx];
        for (y, out) in out.chunks_exact_mut(nx).enumerate() {
            let row = |dy: isize, dx: isize| {
                let place = |i: usize, step: isize| i.wrapping_add_signed(step);
                &padded[place(y + my, dy) * width + place(mx, dx)..][..nx]
            };
            let centres = row(0, 0);
            found.clear();
            for (p, &[r, c]) in self.points.iter().enumerate() {
                let (top, bottom) = (r.low, r.low + r.next);
                let (left, right) = (c.low, c.low + c.next);
                let corners = [
                    row(top, left),
                    row(top, right),
                    row(bottom, left),
                    row(bottom, right),
                ];
                interpolate(corners, r.share(y as f64), c, &self.columns, &mut samples);
                found.add(p, &samples, centres);
            }
            for (x, to) in out.iter_mut().enumerate() {
                *to = T::cut(found.number(x, self.points.len()));
            }
        }
    }
}

/// Bilinear interpolation of a row of points between rows and columns: corners are top left, top
/// right, bottom left, bottom right.
// Wider registers where the processor has them; without fused operations, so that the bits are the
// same on all.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn interpolate(
    corners: [&[f64]; 4],
    down: f64,
    column: Step,
    columns: &[f64],
    samples: &mut [f64],
) {
    let n = samples.len();
    let ([a, b, c, d], columns) = (corners.map(|row| &row[..n]), &columns[..n]);
    for x in 0..n {
        let right = column.share(columns[x]);
        let top = (1.0 - right) * a[x] + right * b[x];
        let bottom = (1.0 - right) * c[x] + right * d[x];
        samples[x] = (1.0 - down) * top + down * bottom;
    }
}

/// What is known of a row of pixels after some of their points.
struct Found {
    method: Method,
    /// The bits; for [`Method::Uniform`] the last one.
    bits: Vec<u64>,
    /// Ones so far, and changes.
    counts: Vec<[u32; 2]>,
    /// Sum of intensities and of their squares.
    sums: Vec<[f64; 2]>,
}

impl Found {
    fn new(method: Method, n: usize) -> Self {
        Self {
            method,
            bits: vec![0; n],
            counts: vec![[0; 2]; n],
            sums: vec![[0.0; 2]; n],
        }
    }

    fn clear(&mut self) {
        self.bits.fill(0);
        self.counts.fill([0; 2]);
        self.sums.fill([0.0; 2]);
    }

    /// Takes in point p of each pixel.
    fn add(&mut self, p: usize, samples: &[f64], centres: &[f64]) {
        let points = samples.iter().zip(centres);
        let bits = points.map(|(&sample, &centre)| u64::from(sample - centre >= 0.0));
        match self.method {
            Method::Default | Method::Ror => {
                self.bits
                    .iter_mut()
                    .zip(bits)
                    .for_each(|(all, bit)| *all |= bit << p);
            }
            Method::Uniform => {
                for ((last, count), bit) in self.bits.iter_mut().zip(&mut self.counts).zip(bits) {
                    count[0] += u32::from(bit == 1);
                    count[1] += u32::from(p > 0 && *last != bit);
                    *last = bit;
                }
            }
            Method::Var => {
                for (sums, &sample) in self.sums.iter_mut().zip(samples) {
                    sums[0] += sample;
                    sums[1] += sample * sample;
                }
            }
        }
    }

    /// The number of a pixel's pattern of that many points.
    fn number(&self, x: usize, points: usize) -> f64 {
        match self.method {
            Method::Default => self.bits[x] as f64,
            Method::Ror => least_rotation(self.bits[x], points) as f64,
            Method::Uniform => match self.counts[x] {
                [ones, 0..=2] => f64::from(ones),
                _ => (points + 1) as f64,
            },
            Method::Var => {
                let [sum, squares] = self.sums[x];
                let variance = (squares - sum * sum / points as f64) / points as f64;
                if variance == 0.0 {
                    f64::NAN
                } else {
                    variance
                }
            }
        }
    }
}

/// The least number that the lowest bits, `points` of them, make when they are rotated.
pub(super) fn least_rotation(bits: u64, points: usize) -> u64 {
    let all = (1 << points) - 1;
    let rotated = |by: usize| (bits >> by | bits << (points - by)) & all;
    (1..points).map(rotated).fold(bits, u64::min)
}
