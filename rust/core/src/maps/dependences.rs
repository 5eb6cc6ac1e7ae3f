//! Dependence matrices of neighbourhoods.

use super::counts::Tally;
use super::kernel::{Around, Kernel};
use super::{Evals, Local, Near, Worker};
use crate::feature::level_counts::LevelCounts;
use crate::matrix::neighbourhood::Neighbourhood;
use crate::matrix::ngldm::same_for_equals;

/// Features of dependence matrices.
pub(crate) struct Dependences {
    evals: Evals<LevelCounts>,
    /// Neighbours of one weight, heaviest first.
    shells: Vec<(f64, Around)>,
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
            shells: kernel.shells(near, in_plane),
            alpha,
        }
    }

    /// True unless all neighbours weigh 1.
    fn is_weighted(&self) -> bool {
        self.shells.len() > 1 || self.shells[0].0 != 1.0
    }
}

impl Local for Dependences {
    fn len(&self) -> usize {
        self.evals.len()
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        let around = |(_, around): &(f64, Around)| around.iter().map(Vec::len).max();
        let most = self.shells.iter().filter_map(around).max().unwrap_or(0);
        Box::new(Depending {
            plan: self,
            tally: Tally::new(if self.is_weighted() { 0 } else { most + 1 }),
        })
    }
}

struct Depending<'p> {
    plan: &'p Dependences,
    tally: Tally,
}

impl Worker for Depending<'_> {
    fn add(&mut self, near: &Near<'_>, values: &mut Vec<f64>) {
        let (plan, levels) = (self.plan, near.levels);
        self.tally.clear();
        for (k, &level) in levels.iter().enumerate().filter(|(_, &l)| l > 0) {
            let depends = |cell: u32| {
                let other = levels[cell as usize];
                other > 0 && u32::from(other.abs_diff(level)) <= plan.alpha
            };
            let count = |around: &Around| {
                around[k]
                    .iter()
                    .map(|&cell| u32::from(depends(cell)))
                    .sum::<u32>()
            };
            if plan.is_weighted() {
                let shells = plan.shells.iter();
                let weighted = shells.map(|(weight, around)| weight * f64::from(count(around)));
                let dependence = same_for_equals(1.0 + weighted.sum::<f64>());
                self.tally.weighted(level, dependence, 1.0);
            } else {
                self.tally.one(level, 1 + count(&plan.shells[0].1));
            }
        }
        let voxels = self.tally.len() as f64;
        let counts = self.tally.counts(voxels);
        values.extend(plan.evals.iter().map(|eval| eval(counts)));
    }
}
