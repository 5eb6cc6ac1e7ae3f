//! Dependence matrices of neighbourhoods.

use super::counts::Tally;
use super::kernel::Kernel;
use super::shells::Shells;
use super::{Evals, Local, Near, Worker};
use crate::feature::level_counts::LevelCounts;
use crate::matrix::neighbourhood::Neighbourhood;
use crate::matrix::ngldm::same_for_equals;

/// Features of dependence matrices.
pub(crate) struct Dependences {
    evals: Evals<LevelCounts>,
    shells: Shells,
    alpha: u32,
}

impl Dependences {
    /// Neighbours are those of `near`, in the slice alone if `in_plane`; levels that differ by at
    /// most `alpha` depend on each other.
    pub(crate) fn new(
        kernel: Kernel,
        evals: Evals<LevelCounts>,
        (near, in_plane): (Neighbourhood, bool),
        alpha: u32,
    ) -> Self {
        Self {
            evals,
            shells: Shells::new(kernel, near, in_plane),
            alpha,
        }
    }
}

impl Local for Dependences {
    fn len(&self) -> usize {
        self.evals.len()
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        let most = self.shells.most() + 1;
        Box::new(Depending {
            plan: self,
            levels: self.shells.blank(),
            tally: Tally::new(if self.shells.are_weighted() { 0 } else { most }),
        })
    }
}

struct Depending<'p> {
    plan: &'p Dependences,
    levels: Vec<u16>,
    tally: Tally,
}

impl Worker for Depending<'_> {
    fn add(&mut self, near: &Near<'_>, values: &mut Vec<f64>) {
        let (plan, shells) = (self.plan, &self.plan.shells);
        shells.fill(&mut self.levels, near.levels);
        self.tally.clear();
        for (&level, &place) in near
            .levels
            .iter()
            .zip(&shells.places)
            .filter(|(&l, _)| l > 0)
        {
            let depends = |other: u16| other > 0 && u32::from(other.abs_diff(level)) <= plan.alpha;
            let count = |steps: &[isize]| {
                let others = steps
                    .iter()
                    .map(|&s| self.levels[place.wrapping_add_signed(s)]);
                others.map(|other| u32::from(depends(other))).sum::<u32>()
            };
            if shells.are_weighted() {
                let weighted = shells.of_weights.iter();
                let weighted = weighted.map(|(weight, steps)| weight * f64::from(count(steps)));
                let dependence = same_for_equals(1.0 + weighted.sum::<f64>());
                self.tally.weighted(level, dependence, 1.0);
            } else {
                self.tally.one(level, 1 + count(&shells.of_weights[0].1));
            }
        }
        let voxels = self.tally.len() as f64;
        let counts = self.tally.counts(voxels);
        values.extend(plan.evals.iter().map(|eval| eval(counts)));
    }
}
