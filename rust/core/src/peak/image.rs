//! The image as the sums read it.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::LINE;
use crate::parallel;
use crate::volume::Volume;

/// A number to sum: f64, or i32 where that is exact, of which registers hold twice as many.
pub trait Number: Copy + Default + PartialOrd + Send + Sync + Into<f64> {
    const LOWEST: Self;

    fn of(value: f64) -> Self;

    fn plus(self, other: Self) -> Self;
}

impl Number for f64 {
    const LOWEST: Self = f64::NEG_INFINITY;

    fn of(value: f64) -> Self {
        value
    }

    fn plus(self, other: Self) -> Self {
        self + other
    }
}

impl Number for i32 {
    const LOWEST: Self = i32::MIN;

    /// `as` saturates, which takes twice as long; [`fits_i32`] rules that out.
    #[allow(clippy::cast_possible_truncation)] // the low bits
    fn of(value: f64) -> Self {
        (value + ROUND).to_bits() as i32
    }

    /// Wraps in columns that hold remains and are not read.
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}

/// `1.5 * 2^52`: the low bits of `x + 1.5 * 2^52` are those of the whole number nearest to `x`.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// True if the finite values in the columns `needed` of all rows are, less `shift`, whole numbers
/// so small that i32 holds the sum of any `voxels` of them.
pub fn fits_i32(image: &Volume<f64>, needed: &[Range<usize>], shift: f64, voxels: usize) -> bool {
    let [nz, ny, nx] = image.shape();
    let limit = f64::from(i32::MAX) / voxels as f64;
    let fits = |row: usize| {
        let (values, needed) = (&image.as_slice()[row * nx..][..nx], needed[row].clone());
        needed.is_empty() || all_fit(&values[needed], shift, limit)
    };
    let slices = parallel::map(nz, nz * ny * nx, |z| (z * ny..(z + 1) * ny).all(fits));
    limit >= 1.0 && !slices.contains(&false)
}

/// Without an early end, so that it vectorises.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn all_fit(row: &[f64], shift: f64, limit: f64) -> bool {
    let misfits = row.iter().fold(0, |misfits, v| {
        let d = v - shift;
        let fits = ((d + ROUND) - ROUND == d) & (d.abs() <= limit);
        misfits | u64::from(v.is_finite() & !fits)
    });
    misfits == 0
}

/// An image less a constant, missing voxels 0; and which voxels exist.
pub struct Image<T> {
    values: Vec<T>,
    value_starts: Vec<usize>,
    /// Rows of 1 (exists) and 0 (missing). The first is that of all complete rows.
    presence: Vec<T>,
    presence_starts: Vec<usize>,
    pub shape: [usize; 3],
    /// The constant.
    pub shift: f64,
    /// True if no voxel is missing.
    complete: bool,
}

/// Rows of numbers: `data[starts[z * ny + y]..]`, with `LINE` to overrun.
#[derive(Clone, Copy)]
pub struct Rows<'a, T> {
    pub data: &'a [T],
    pub starts: &'a [usize],
}

impl<T: Number> Image<T> {
    /// Takes only the columns `needed` of each row.
    pub fn new(image: &Volume<f64>, needed: &[Range<usize>], shift: f64) -> Self {
        let shape @ [nz, ny, nx] = image.shape();
        let mut values = vec![T::default(); nz * ny * nx + LINE];
        let partial = Mutex::new(Vec::new());
        let slices = &mut values[..nz * ny * nx];
        parallel::for_each_chunk(slices, ny * nx, nz * ny * nx, |z, slice| {
            for (to, row) in slice.chunks_exact_mut(nx).zip(z * ny..) {
                let needed = needed[row].clone();
                let from = &image.as_slice()[row * nx..][..nx];
                if !needed.is_empty() && !lower(&mut to[needed.clone()], &from[needed], shift) {
                    let mut partial = partial.lock().unwrap_or_else(PoisonError::into_inner);
                    partial.push(row);
                }
            }
        });
        let mut partial = partial.into_inner().unwrap_or_else(PoisonError::into_inner);
        partial.sort_unstable();
        let (presence, presence_starts) = presence(image, &partial);
        Self {
            values,
            value_starts: (0..nz * ny).map(|row| row * nx).collect(),
            presence,
            presence_starts,
            shape,
            shift,
            complete: partial.is_empty(),
        }
    }

    pub fn values(&self) -> Rows<'_, T> {
        Rows {
            data: &self.values,
            starts: &self.value_starts,
        }
    }

    pub fn presence(&self) -> Rows<'_, T> {
        Rows {
            data: &self.presence,
            starts: &self.presence_starts,
        }
    }

    /// True if a voxel is missing in a row at most `half` (z, y, x) away.
    pub fn is_partial(&self, [z, y]: [usize; 2], [hz, hy, _]: [usize; 3]) -> bool {
        let [nz, ny, _] = self.shape;
        let slices = z.saturating_sub(hz)..nz.min(z + hz + 1);
        !self.complete
            && slices.into_iter().any(|z| {
                let rows = z * ny + y.saturating_sub(hy)..z * ny + ny.min(y + hy + 1);
                self.presence_starts[rows].iter().any(|&start| start != 0)
            })
    }
}

/// Rows of 1 and 0: one for all complete rows and those of `partial`; where the row for each row of
/// the image starts.
fn presence<T: Number>(image: &Volume<f64>, partial: &[usize]) -> (Vec<T>, Vec<usize>) {
    let [nz, ny, nx] = image.shape();
    let mut presence = vec![T::default(); (1 + partial.len()) * nx + LINE];
    let mut starts = vec![0; nz * ny];
    presence[..nx].fill(T::of(1.0));
    for (&row, to) in partial.iter().zip(1..) {
        starts[row] = to * nx;
        let from = &image.as_slice()[row * nx..(row + 1) * nx];
        for (to, v) in presence[to * nx..].iter_mut().zip(from) {
            *to = T::of(f64::from(u8::from(v.is_finite())));
        }
    }
    (presence, starts)
}

/// Makes `to` what values are above `shift`, missing ones 0. False if any is missing.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn lower<T: Number>(to: &mut [T], from: &[f64], shift: f64) -> bool {
    let missing = to.iter_mut().zip(from).fold(0, |missing, (to, v)| {
        *to = T::of(if v.is_finite() { v - shift } else { 0.0 });
        missing | u64::from(!v.is_finite())
    });
    missing == 0
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn i32_takes_whole_numbers_whose_sums_it_holds() {
        let fits = |value: f64, shift: f64, voxels: usize| {
            let values = [7.0, f64::NAN, value, f64::INFINITY, 0.5];
            let image = Array3::from_shape_vec((1, 1, 5), values.to_vec()).unwrap();
            let image = Volume::new(image, [1.0; 3]).unwrap();
            fits_i32(&image, &vec![0..4; 1], shift, voxels)
        };
        assert!(fits(-3.0, 7.0, 925));
        assert!(!fits(-3.0, 7.5, 925));
        assert!(!fits(-3.5, 7.0, 925));
        assert!(fits(7.0 - f64::from(i32::MAX), 7.0, 1));
        assert!(!fits(6.0 - f64::from(i32::MAX), 7.0, 1));
        assert!(!fits(7.0 - f64::from(i32::MAX), 7.0, 2));
        assert!(!fits(-1e38, 7.0, 1));
        assert!(!fits(7.0, 7.0, 1 << 31));
    }

    #[test]
    fn i32_and_f64_are_the_same_numbers() {
        for value in [0.0, 1.0, -1.0, 12345.0, -2_147_483_647.0] {
            assert_eq!(f64::from(i32::of(value)), f64::of(value));
        }
    }
}
