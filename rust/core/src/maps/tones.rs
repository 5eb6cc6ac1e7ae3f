//! Tone difference matrices of neighbourhoods.

use super::kernel::Kernel;
use super::shells::Shells;
use super::{Local, Near, Worker};
use crate::matrix::neighbourhood::Neighbourhood;
use crate::matrix::ngtdm::{ToneRow, ToneTable};

/// Appends the values of a matrix.
pub(crate) type Evaluate<'e> = Box<dyn Fn(ToneTable, &mut Vec<f64>) + Sync + 'e>;

/// Features of tone difference matrices.
pub(crate) struct Tones<'e> {
    shells: Shells,
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
            shells: Shells::new(kernel, near, in_plane),
            lonely,
            values,
            evaluate,
        }
    }

    /// The matrix of the cells that count, which lie in `roomy`, too.
    fn table(&self, levels: &[u16], roomy: &[u16]) -> ToneTable {
        let mut rows = Vec::new();
        let cells = levels.iter().zip(&self.shells.places);
        for (&level, &place) in cells.filter(|(&l, _)| l > 0) {
            let (mut neighbours, mut weights, mut difference) = (0u32, 0.0, 0.0);
            for (weight, steps) in &self.shells.of_weights {
                let (mut n, mut sum) = (0u32, 0u32);
                for &step in steps {
                    let other = roomy[place.wrapping_add_signed(step)];
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
        Box::new(Tallying {
            plan: self,
            levels: self.shells.blank(),
        })
    }
}

struct Tallying<'p> {
    plan: &'p Tones<'p>,
    levels: Vec<u16>,
}

impl Worker for Tallying<'_> {
    fn add(&mut self, near: &Near<'_>, values: &mut Vec<f64>) {
        let plan = self.plan;
        plan.shells.fill(&mut self.levels, near.levels);
        (plan.evaluate)(plan.table(near.levels, &self.levels), values);
    }
}
