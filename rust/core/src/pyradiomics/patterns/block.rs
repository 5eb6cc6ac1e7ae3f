//! The spheres around a few voxels next to each other: their points' intensities, and what they say.
//!
//! Loops run over the voxels; sums over points have the order of the points, so that the bits do not
//! depend on which voxels are taken together.

use super::sphere::Sphere;
use super::spline::{Coefficients, Taps};
use super::Pixel;

/// Voxels of a row whose spheres are held at a time: 42 points of each then fit into the
/// first-level cache.
pub(super) const BLOCK: usize = 64;

/// Voxels next to each other in a row, and what is known of their spheres.
pub(super) struct Block {
    /// Intensities of each point, by index, at each voxel.
    samples: Vec<[f64; BLOCK]>,
    /// The sum of the weights of its ones, by component.
    sums: Vec<[f64; BLOCK]>,
    /// The spline at a point's z along x, at the places along y that are `made`.
    lines: Vec<Vec<f64>>,
    made: Vec<isize>,
    /// The spline at a point's z and y, along x.
    line: Vec<f64>,
}

impl Block {
    pub(super) fn new(sphere: &Sphere) -> Self {
        Self {
            samples: vec![[0.0; BLOCK]; sphere.points.len()],
            sums: vec![[0.0; BLOCK]; sphere.components.iter().sum()],
            lines: Vec::new(),
            made: Vec::new(),
            line: Vec::new(),
        }
    }

    /// Interpolates all points around the voxels of `part`, the first of them at `at` (z, y, x).
    #[allow(clippy::cast_possible_wrap)] // indices of arrays
    pub(super) fn sample<T: Pixel>(
        &mut self,
        sphere: &Sphere,
        image: &Coefficients,
        part: &[(bool, T)],
        at: [usize; 3],
        shape: [usize; 3],
    ) {
        let xs = at[2]..at[2] + part.len();
        for layer in sphere.points.chunk_by(|a, b| a.shares(b, 0)) {
            // The voxels whose points are on the image, and all coefficients of these along x.
            let spans: Vec<_> = layer
                .iter()
                .map(|p| p.span(at, xs.clone(), shape))
                .collect();
            let taken = || {
                let both = layer.iter().zip(&spans);
                both.filter_map(|(point, span)| Some((point.taps[2].first, (*span)?)))
            };
            let start = taken().map(|(tap, span)| span.0 as isize + tap).min();
            let end = taken().map(|(tap, span)| span.1 as isize + tap + 4).max();
            let (start, end) = start.zip(end).unwrap_or_default();
            self.line
                .resize(usize::try_from(end - start).unwrap_or(0), 0.0);
            self.made.clear();
            let mut of = None;
            for (point, span) in layer.iter().zip(&spans) {
                let samples = &mut self.samples[point.index];
                samples[..part.len()].fill(0.0);
                let Some((first, last)) = *span else { continue };
                let [z, y, x] = &point.taps;
                if of != Some(y.step.to_bits()) {
                    of = Some(y.step.to_bits());
                    let corner = [0, 1].map(|a| at[a] as isize + point.taps[a].first);
                    let rows = [0, 1, 2, 3].map(|k| {
                        let place = [corner[0], corner[1] + k, start];
                        upright(
                            &mut self.made,
                            &mut self.lines,
                            image,
                            place,
                            z,
                            self.line.len(),
                        )
                    });
                    let rows = rows.map(|k| &self.lines[k][..]);
                    combine(rows, y.weights, &mut self.line);
                }
                let from = first as isize + x.first - start;
                let line = &self.line[usize::try_from(from).unwrap_or(0)..];
                let rows = [line, &line[1..], &line[2..], &line[3..]];
                combine(rows, x.weights, &mut samples[first - at[2]..=last - at[2]]);
            }
        }
    }
}

/// The index among `lines` of the spline at a point's z, `length` places along x from `place`; made
/// if it is not: `made` holds the y of those that are.
fn upright(
    made: &mut Vec<isize>,
    lines: &mut Vec<Vec<f64>>,
    image: &Coefficients,
    place: [isize; 3],
    z: &Taps,
    length: usize,
) -> usize {
    if let Some(k) = made.iter().position(|&y| y == place[1]) {
        return k;
    }
    made.push(place[1]);
    if lines.len() < made.len() {
        lines.push(Vec::new());
    }
    let line = &mut lines[made.len() - 1];
    line.resize(length, 0.0);
    let row = |k| image.row([place[0] + k, place[1], place[2]], length);
    combine([row(0), row(1), row(2), row(3)], z.weights, line);
    made.len() - 1
}

impl Block {
    /// Adds to `out` what the samples around the region's voxels of `part` say.
    pub(super) fn finish<T: Pixel>(
        &mut self,
        sphere: &Sphere,
        part: &[(bool, T)],
        out: &mut Vec<f64>,
    ) {
        let n = part.len();
        let centres: Vec<T> = part.iter().map(|(_, value)| *value).collect();
        let (mut bits, mut mean) = ([0.0; BLOCK], [0.0; BLOCK]);
        let (bits, mean) = (&mut bits[..n], &mut mean[..n]);
        self.sums.iter_mut().for_each(|sum| sum.fill(0.0));
        for (samples, weights) in self.samples.iter_mut().zip(&sphere.weights) {
            let samples = &mut samples[..n];
            compare(samples, &centres, bits);
            add(mean, 1.0, samples);
            for (sum, &weight) in self.sums.iter_mut().zip(weights) {
                add(&mut sum[..n], weight, bits);
            }
        }
        let points = self.samples.len() as f64;
        for sum in mean.iter_mut() {
            *sum /= points;
        }
        let (mut second, mut fourth) = ([0.0; BLOCK], [0.0; BLOCK]);
        for samples in &self.samples {
            add_powers(mean, &samples[..n], &mut second[..n], &mut fourth[..n]);
        }
        for x in (0..n).filter(|&x| part[x].0) {
            let mut sums = self.sums.iter().map(|sum| sum[x]);
            for &count in &sphere.components {
                let squares: f64 = sums.by_ref().take(count).map(|sum| sum * sum).sum();
                out.push(squares.sqrt());
            }
            out.push(excess_kurtosis(
                mean[x],
                second[x] / points,
                fourth[x] / points,
            ));
        }
    }
}

/// The fourth central moment over the squared variance, less 3; NaN where the variance is nothing
/// but rounding.
pub(super) fn excess_kurtosis(mean: f64, variance: f64, fourth: f64) -> f64 {
    let rounding = 1e-15 * mean;
    if variance <= rounding * rounding {
        f64::NAN
    } else {
        fourth / (variance * variance) - 3.0
    }
}

// The loops over a row: wider registers where the processor has them; without fused operations, so
// that the bits are the same on all.

/// The weighted sum of four rows.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn combine(rows: [&[f64]; 4], weights: [f64; 4], to: &mut [f64]) {
    let n = to.len();
    let [a, b, c, d] = rows;
    let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
    for x in 0..n {
        to[x] = weights[0] * a[x] + weights[1] * b[x] + weights[2] * c[x] + weights[3] * d[x];
    }
}

/// Brings samples into the image's type; 1 where they are not below the centre, else 0.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn compare<T: Pixel>(samples: &mut [f64], centres: &[T], bits: &mut [f64]) {
    for ((sample, &centre), bit) in samples.iter_mut().zip(centres).zip(bits) {
        let value = T::nearest(*sample);
        *bit = if value >= centre { 1.0 } else { 0.0 };
        *sample = value.to_f64();
    }
}

/// Adds weighted values.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn add(to: &mut [f64], weight: f64, values: &[f64]) {
    for (to, value) in to.iter_mut().zip(values) {
        *to += weight * value;
    }
}

/// Adds the second and fourth powers of what values differ from their mean.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn add_powers(mean: &[f64], values: &[f64], second: &mut [f64], fourth: &mut [f64]) {
    let sums = second.iter_mut().zip(fourth);
    for ((second, fourth), (value, mean)) in sums.zip(values.iter().zip(mean)) {
        let square = (value - mean) * (value - mean);
        *second += square;
        *fourth += square * square;
    }
}
