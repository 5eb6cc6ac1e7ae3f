//! Run length matrices of neighbourhoods: runs along the kernel's lines.

use super::counts::Tally;
use super::kernel::Kernel;
use super::{Evals, Local, Near, Worker};
use crate::feature::level_counts::LevelCounts;
use crate::matrix::direction::Offset;

/// Features of run length matrices.
pub(crate) struct Runs {
    evals: Evals<LevelCounts>,
    /// The lines of each direction, and its weight.
    directions: Vec<(f64, Vec<Vec<u32>>)>,
    /// One matrix of all directions, weighted; else the mean over those of each direction.
    merged: bool,
    /// Some weight is not 1.
    weighted: bool,
    longest: usize,
    /// Directions take part that have two cells on a line; else all do.
    pairs_only: bool,
}

impl Runs {
    /// Matrices along `vectors` with their weights.
    pub(crate) fn new(
        kernel: Kernel,
        evals: Evals<LevelCounts>,
        vectors: Vec<(f64, Offset)>,
        merged: bool,
        pairs_only: bool,
    ) -> Self {
        let weighted = merged && vectors.iter().any(|&(weight, _)| weight != 1.0);
        let lines = |(weight, m)| (weight, kernel.lines(m));
        let [z, y, x] = kernel.shape();
        Self {
            evals,
            directions: vectors.into_iter().map(lines).collect(),
            weighted,
            longest: z.max(y).max(x),
            merged,
            pairs_only,
        }
    }
}

impl Local for Runs {
    fn len(&self) -> usize {
        self.evals.len()
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Following {
            plan: self,
            tally: Tally::new(self.longest),
            sums: Vec::new(),
        })
    }
}

struct Following<'p> {
    plan: &'p Runs,
    tally: Tally,
    sums: Vec<(f64, u32)>,
}

impl Following<'_> {
    /// Adds the features of the runs at hand to the sums.
    fn evaluate(&mut self, voxels: f64) {
        let counts = self.tally.counts(voxels);
        for (eval, sum) in self.plan.evals.iter().zip(&mut self.sums) {
            let value = eval(counts);
            if !value.is_nan() {
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
        self.tally.clear();
    }

    /// Lists the runs of a line; true if two of its cells count.
    fn run(&mut self, line: &[u32], weight: f64, levels: &[u16]) -> bool {
        let (mut level, mut length, mut counting) = (0, 0, 0);
        for &cell in line {
            let here = levels[cell as usize];
            counting += u32::from(here > 0);
            if here == level {
                length += 1;
                continue;
            }
            self.end(level, length, weight);
            (level, length) = (here, 1);
        }
        self.end(level, length, weight);
        counting > 1
    }

    #[inline]
    fn end(&mut self, level: u16, length: u32, weight: f64) {
        if level == 0 {
        } else if self.plan.weighted {
            self.tally.weighted(level, length.into(), weight);
        } else {
            self.tally.one(level, length);
        }
    }
}

impl Worker for Following<'_> {
    fn add(&mut self, near: &Near<'_>, values: &mut Vec<f64>) {
        let plan = self.plan;
        self.sums.clear();
        self.sums.resize(plan.evals.len(), (0.0, 0));
        self.tally.clear();
        let voxels = near.levels.iter().filter(|&&l| l > 0).count() as f64;
        let mut of_all = 0.0;
        for (weight, lines) in &plan.directions {
            let before = self.tally.len();
            let mut takes_part = !plan.pairs_only;
            let weight = if plan.merged { *weight } else { 1.0 };
            for line in lines {
                takes_part |= self.run(line, weight, near.levels);
            }
            if !takes_part {
                self.tally.truncate(before);
                continue;
            }
            of_all += weight * voxels;
            if !plan.merged {
                self.evaluate(voxels);
            }
        }
        if plan.merged && self.tally.len() > 0 {
            self.evaluate(of_all);
        }
        values.extend(self.sums.iter().map(|(sum, n)| sum / f64::from(*n)));
    }
}
