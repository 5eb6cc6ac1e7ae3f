//! Tone difference matrices of neighbourhoods.

use super::kernel::{Around, Kernel};
use super::{Local, Near, Worker};
use crate::matrix::neighbourhood::Neighbourhood;
use crate::matrix::ngtdm::{ToneRow, ToneTable};

/// Appends the values of a matrix.
pub(crate) type Evaluate<'e> = Box<dyn Fn(ToneTable, &mut Vec<f64>) + Sync + 'e>;

/// Features of tone difference matrices.
pub(crate) struct Tones<'e> {
    /// Neighbours of one weight.
    shells: Vec<(f64, Around)>,
    /// Cells without a neighbour have a difference of 0; else they do not count.
    lonely: bool,
    values: usize,
    evaluate: Evaluate<'e>,
}

impl<'e> Tones<'e> {
    /// Neighbours are those of `near`, in the slice alone if `in_plane`; `evaluate` appends `values`
    /// values.
    pub(crate) fn new(
        kernel: Kernel,
        (near, in_plane): (Neighbourhood, bool),
        lonely: bool,
        values: usize,
        evaluate: Evaluate<'e>,
    ) -> Self {
        Self {
            shells: kernel.shells(near, in_plane),
            lonely,
            values,
            evaluate,
        }
    }

    /// The matrix of the cells that count.
    fn table(&self, levels: &[u16]) -> ToneTable {
        let mut rows = Vec::new();
        for (k, &level) in levels.iter().enumerate().filter(|(_, &l)| l > 0) {
            let (mut neighbours, mut weights, mut difference) = (0u32, 0.0, 0.0);
            for (weight, around) in &self.shells {
                let (mut n, mut sum) = (0u32, 0u32);
                for &cell in &around[k] {
                    let other = levels[cell as usize];
                    n += u32::from(other > 0);
                    sum += u32::from(other);
                }
                // Exactly 0 among equal levels, whatever the weight.
                difference += weight * (f64::from(n * u32::from(level)) - f64::from(sum));
                weights += weight * f64::from(n);
                neighbours += n;
            }
            if neighbours > 0 || self.lonely {
                let s = if neighbours == 0 {
                    0.0
                } else {
                    difference.abs() / weights
                };
                let i = level.into();
                rows.push(ToneRow { i, n: 1, s });
            }
        }
        ToneTable::new(rows)
    }
}

impl Local for Tones<'_> {
    fn len(&self) -> usize {
        self.values
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Tallying(self))
    }
}

struct Tallying<'p>(&'p Tones<'p>);

impl Worker for Tallying<'_> {
    fn add(&mut self, near: &Near<'_>, values: &mut Vec<f64>) {
        (self.0.evaluate)(self.0.table(near.levels), values);
    }
}
