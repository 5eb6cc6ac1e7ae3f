//! Co-occurrence matrices of neighbourhoods: pairs of levels are counted as the neighbourhood moves,
//! those that enter it and those that leave.

use super::kernel::{Kernel, Pairs};
use super::{Local, Near, Worker};
use crate::error::{Error, Result};
use crate::feature::cooccurrence::{Cooccurrence, Room};
use crate::matrix::direction::Offset;

/// Elements `(i, j, n)` of a matrix in any order, of a symmetric one those with `i <= j`.
pub(crate) type Elements = [(u32, u32, f64)];
/// Appends the values of a matrix, which it leaves as it is.
pub(crate) type Evaluate<'e> = Box<dyn Fn(&mut Cooccurrence, &Elements, &mut Vec<f64>) + Sync + 'e>;

/// Features of co-occurrence matrices.
pub(crate) struct CoOccurrence<'e> {
    sets: Vec<Set>,
    symmetric: bool,
    /// One matrix of all sets, weighted; else the mean over those of each set that has pairs.
    merged: bool,
    n_g: u32,
    values: usize,
    evaluate: Evaluate<'e>,
    /// A voxel has further values, which mark the sets that have pairs.
    marked: bool,
}

/// Sets that one value marks, as bits of a whole number that a double holds.
pub(crate) const SETS_A_MARK: usize = 52;

/// Most pairs of cells that are listed: 256 MiB.
const MOST_PAIRS: usize = 1 << 25;

/// Pairs that are counted into one table.
struct Set {
    weight: f64,
    all: Pairs,
    /// Those with an end in the last cells along x, which a step along x brings.
    entering: Pairs,
    /// Those with an end in the first cells along x, which the next step takes.
    leaving: Pairs,
}

impl<'e> CoOccurrence<'e> {
    /// Matrices of levels up to `n_g` along `vectors` with their weights; `evaluate` appends `values`
    /// values. Merged ones of one weight are counted into one table.
    ///
    /// # Errors
    /// [`Error::Setting`] for a radius with distances that make too many pairs.
    pub(crate) fn new(
        kernel: Kernel,
        vectors: Vec<(f64, Offset)>,
        (symmetric, merged): (bool, bool),
        n_g: u32,
        (values, evaluate): (usize, Evaluate<'e>),
    ) -> Result<Self> {
        let cells = kernel.len();
        if cells.saturating_mul(vectors.len()) > MOST_PAIRS {
            return Err(Error::Setting {
                path: "radius".into(),
                given: format!(
                    "{cells} voxels a neighbourhood, {} directions",
                    vectors.len()
                ),
                allowed: format!("at most {MOST_PAIRS} pairs: use a smaller radius or distance"),
            });
        }
        let mut groups: Vec<(f64, Pairs)> = Vec::new();
        for (weight, m) in vectors {
            let pairs = kernel.pairs(m);
            let same = groups.iter_mut().find(|g| merged && g.0 == weight);
            match same {
                Some(group) => group.1.extend(pairs),
                None => groups.push((weight, pairs)),
            }
        }
        let last = kernel.shape()[2] - 1;
        let set = |(weight, all): (f64, Pairs)| {
            let with_end = |end: usize| {
                let has = |pair: &&[u32; 2]| pair.iter().any(|&k| kernel.x(k) == end);
                all.iter().filter(has).copied().collect()
            };
            let (entering, leaving) = (with_end(last), with_end(0));
            Set {
                weight,
                all,
                entering,
                leaving,
            }
        };
        Ok(Self {
            sets: groups.into_iter().map(set).collect(),
            symmetric,
            merged,
            n_g,
            values,
            evaluate,
            marked: false,
        })
    }

    /// Appends to a voxel's values the marks of the sets that have pairs.
    pub(crate) fn marking_sets(mut self) -> Self {
        self.marked = true;
        self
    }

    /// How many values mark the sets.
    pub(crate) fn marks(&self) -> usize {
        if self.marked {
            self.sets.len().div_ceil(SETS_A_MARK)
        } else {
            0
        }
    }
}

impl Local for CoOccurrence<'_> {
    fn len(&self) -> usize {
        self.values + self.marks()
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(Counting::new(self))
    }
}

/// Most places of all tables of a worker: 2 MiB.
const DENSE: usize = 1 << 19;

struct Counting<'p> {
    plan: &'p CoOccurrence<'p>,
    tables: Vec<Table>,
    before: Vec<u16>,
    elements: Vec<(u32, u32, f64)>,
    /// Of one matrix.
    values: Vec<f64>,
    sums: Vec<(f64, u32)>,
    p: Cooccurrence,
    room: Room,
}

impl<'p> Counting<'p> {
    fn new(plan: &'p CoOccurrence<'p>) -> Self {
        let bits = (plan.n_g + 1).next_power_of_two().trailing_zeros();
        let places = (plan.n_g as usize + 1) << bits;
        let dense = places * plan.sets.len() <= DENSE;
        let table = |_| Table {
            bits,
            counts: vec![0; if dense { places } else { 0 }],
            keys: Vec::new(),
        };
        Self {
            plan,
            tables: (0..plan.sets.len()).map(table).collect(),
            before: Vec::new(),
            elements: Vec::new(),
            values: Vec::new(),
            sums: Vec::new(),
            p: Cooccurrence::blank(),
            room: Room::new(plan.n_g),
        }
    }

    /// Adds the values of the elements at hand to the sums, those that are defined.
    fn evaluate(&mut self) {
        if self.elements.is_empty() {
            return;
        }
        let plan = self.plan;
        self.p
            .refill(&self.elements, plan.symmetric, plan.n_g, &mut self.room);
        self.values.clear();
        (plan.evaluate)(&mut self.p, &self.elements, &mut self.values);
        for (sum, value) in self.sums.iter_mut().zip(&self.values) {
            if !value.is_nan() {
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
    }
}

impl Worker for Counting<'_> {
    fn add(&mut self, near: &Near<'_>, values: &mut Vec<f64>) {
        let (plan, symmetric) = (self.plan, self.plan.symmetric);
        self.sums.clear();
        self.sums.resize(plan.values, (0.0, 0));
        for (table, set) in self.tables.iter_mut().zip(&plan.sets) {
            let changes = set.entering.len() + set.leaving.len();
            if near.follows && table.is_dense() && changes < set.all.len() {
                table.add(keys(&set.entering, near.levels, table.bits, symmetric));
                table.remove(keys(&set.leaving, &self.before, table.bits, symmetric));
            } else {
                table.clear();
                table.add(keys(&set.all, near.levels, table.bits, symmetric));
            }
        }
        self.before.clear();
        self.before.extend_from_slice(near.levels);
        let mut marks = vec![0u64; plan.marks()];
        if plan.merged {
            self.elements.clear();
            for (table, set) in self.tables.iter_mut().zip(&plan.sets) {
                table.give(set.weight, symmetric, &mut self.elements);
            }
            if plan.sets.len() > 1 {
                self.elements.sort_by_key(|&(i, j, _)| (i, j)); // stable: weights in order
                self.elements.dedup_by(|later, first| {
                    let same = (later.0, later.1) == (first.0, first.1);
                    if same {
                        first.2 += later.2;
                    }
                    same
                });
                self.elements.retain(|e| e.2 > 0.0);
            }
            self.evaluate();
        } else {
            for k in 0..self.tables.len() {
                self.elements.clear();
                self.tables[k].give(1.0, symmetric, &mut self.elements);
                if !self.elements.is_empty() {
                    if let Some(mark) = marks.get_mut(k / SETS_A_MARK) {
                        *mark |= 1 << (k % SETS_A_MARK);
                    }
                    self.evaluate();
                }
            }
        }
        let means = self.sums.iter().map(|(sum, n)| sum / f64::from(*n));
        values.extend(means);
        values.extend(marks.into_iter().map(|mark| mark as f64));
    }
}

/// How many pairs have which levels.
///
/// Few levels are counted into a dense table with a list of the places in use, so that a neighbourhood
/// that moves has only its changes counted (all features of radius 3: 48 us a voxel, 106 where all pairs
/// are sorted); of many levels all pairs are listed.
struct Table {
    /// Of the second level in a key.
    bits: u32,
    /// Counts by key; empty for many levels.
    counts: Vec<u32>,
    /// Keys in use, each once; of many levels one a pair.
    keys: Vec<u32>,
}

impl Table {
    fn is_dense(&self) -> bool {
        !self.counts.is_empty()
    }

    fn clear(&mut self) {
        if self.is_dense() {
            for &key in &self.keys {
                self.counts[key as usize] = 0;
            }
        }
        self.keys.clear();
    }

    fn add(&mut self, keys: impl Iterator<Item = u32>) {
        if !self.is_dense() {
            return self.keys.extend(keys);
        }
        for key in keys {
            let count = &mut self.counts[key as usize];
            if *count == 0 {
                self.keys.push(key);
            }
            *count += 1;
        }
    }

    /// Takes pairs out of a dense table.
    fn remove(&mut self, keys: impl Iterator<Item = u32>) {
        for key in keys {
            self.counts[key as usize] -= 1;
        }
    }

    /// Appends the elements, counts times `weight`; a pair of one level counts twice in a symmetric
    /// matrix.
    fn give(&mut self, weight: f64, symmetric: bool, elements: &mut Vec<(u32, u32, f64)>) {
        let (bits, mask) = (self.bits, (1 << self.bits) - 1);
        let element = |key: u32, count: usize| {
            let (i, j) = (key >> bits, key & mask);
            let twice = if symmetric && i == j { 2.0 } else { 1.0 };
            (i, j, weight * twice * count as f64)
        };
        if self.is_dense() {
            let counts = &self.counts;
            self.keys.retain(|&key| counts[key as usize] > 0);
            let given = self
                .keys
                .iter()
                .map(|&key| element(key, counts[key as usize] as usize));
            elements.extend(given);
        } else {
            self.keys.sort_unstable();
            let runs = self.keys.chunk_by(|a, b| a == b);
            elements.extend(runs.map(|run| element(run[0], run.len())));
        }
    }
}

/// The levels of all pairs of cells that count: the first one above the second one's `bits`, in a
/// symmetric matrix the lower one first.
fn keys<'k>(
    pairs: &'k Pairs,
    levels: &'k [u16],
    bits: u32,
    symmetric: bool,
) -> impl Iterator<Item = u32> + 'k {
    pairs.iter().filter_map(move |&[a, b]| {
        let (i, j) = (u32::from(levels[a as usize]), u32::from(levels[b as usize]));
        let (i, j) = if symmetric {
            (i.min(j), i.max(j))
        } else {
            (i, j)
        };
        (i > 0 && j > 0).then_some(i << bits | j)
    })
}
