//! What neighbourhoods have without a matrix: their intensities, and the histogram of their levels.

use super::{Local, Near, Worker};

/// Features of the intensities and levels that count.
pub(crate) struct Intensities<'e> {
    values: usize,
    evaluate: Evaluate<'e>,
}

/// Appends the values of a neighbourhood's intensities (none where they are not asked for) and of its
/// levels, sorted.
pub(crate) type Evaluate<'e> = Box<dyn Fn(&[f64], &[u16], &mut Vec<f64>) + Sync + 'e>;

impl<'e> Intensities<'e> {
    /// `evaluate` appends `values` values.
    pub(crate) fn new(values: usize, evaluate: Evaluate<'e>) -> Self {
        Self { values, evaluate }
    }
}

impl Local for Intensities<'_> {
    fn len(&self) -> usize {
        self.values
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Gathering {
            plan: self,
            intensities: Vec::new(),
            levels: Vec::new(),
        })
    }
}

struct Gathering<'p> {
    plan: &'p Intensities<'p>,
    intensities: Vec<f64>,
    levels: Vec<u16>,
}

impl Worker for Gathering<'_> {
    fn add(&mut self, near: &Near<'_>, values: &mut Vec<f64>) {
        self.intensities.clear();
        self.intensities.extend(near.intensities());
        self.levels.clear();
        self.levels.extend(near.levels.iter().filter(|&&l| l > 0));
        self.levels.sort_unstable();
        (self.plan.evaluate)(&self.intensities, &self.levels, values);
    }
}
