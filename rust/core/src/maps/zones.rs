//! Size and distance zone matrices of neighbourhoods: zones are filled from cell to cell.

use super::counts::Tally;
use super::kernel::Kernel;
use super::shells::Shells;
use super::{Evals, Local, Near, Worker};
use crate::feature::level_counts::LevelCounts;
use crate::matrix::direction::Offset;
use crate::matrix::distance_map::distance_map;
use crate::settings::Norm;

/// Features of zone matrices.
pub(crate) struct Zones {
    evals: Evals<LevelCounts>,
    shape: [usize; 3],
    linked: Shells,
    /// Zones count by their distance to the edge of the region in the box, in this norm and in the
    /// slice alone if the latter is set; else by their size.
    distance: Option<(Norm, bool)>,
}

impl Zones {
    /// Cells of one level that are one of `vectors` away from each other are linked.
    pub(crate) fn new(
        kernel: Kernel,
        evals: Evals<LevelCounts>,
        vectors: Vec<Offset>,
        distance: Option<(Norm, bool)>,
    ) -> Self {
        Self {
            evals,
            shape: kernel.shape(),
            linked: Shells::along(kernel, vectors),
            distance,
        }
    }
}

impl Local for Zones {
    fn len(&self) -> usize {
        self.evals.len()
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Filling {
            plan: self,
            levels: self.linked.blank(),
            morphological: Vec::new(),
            distances: self.linked.blank(),
            stack: Vec::new(),
            tally: Tally::new(self.linked.places.len()),
        })
    }
}

struct Filling<'p> {
    plan: &'p Zones,
    /// What is not yet in a zone.
    levels: Vec<u16>,
    morphological: Vec<bool>,
    /// To the edge of the region, where they are asked for.
    distances: Vec<u16>,
    stack: Vec<usize>,
    tally: Tally,
}

impl Worker for Filling<'_> {
    fn add(&mut self, near: &Near<'_>, values: &mut Vec<f64>) {
        let plan = self.plan;
        let distances = plan.distance.map(|(norm, in_plane)| {
            self.morphological.clear();
            self.morphological.extend(near.morphological());
            distance_map(&self.morphological, plan.shape, norm, in_plane)
        });
        if let Some(distances) = &distances {
            plan.linked.fill(&mut self.distances, distances);
        }
        let linked = &plan.linked;
        linked.fill(&mut self.levels, near.levels);
        self.tally.clear();
        let mut cells = 0u32;
        for &first in &linked.places {
            let level = std::mem::take(&mut self.levels[first]);
            if level == 0 {
                continue;
            }
            let (mut size, mut nearest) = (0u32, u16::MAX);
            self.stack.push(first);
            while let Some(at) = self.stack.pop() {
                size += 1;
                if distances.is_some() {
                    nearest = nearest.min(self.distances[at]);
                }
                for &step in &linked.of_weights[0].1 {
                    let next = at.wrapping_add_signed(step);
                    if self.levels[next] == level {
                        self.levels[next] = 0;
                        self.stack.push(next);
                    }
                }
            }
            cells += size;
            let column = if distances.is_some() {
                u32::from(nearest)
            } else {
                size
            };
            self.tally.one(level, column);
        }
        let counts = self.tally.counts(cells.into());
        values.extend(plan.evals.iter().map(|eval| eval(counts)));
    }
}
