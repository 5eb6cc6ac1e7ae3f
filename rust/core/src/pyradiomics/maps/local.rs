//! The features of one neighbourhood, class by class.

use super::geometry::{Kernel, Pairs as CellPairs};
use super::{Cells, MapOptions};
use crate::error::{Error, Result};
use crate::feature::cooccurrence::{Cooccurrence, Room};
use crate::feature::level_counts::LevelCounts;
use crate::matrix::direction::{directions, Offset};
use crate::matrix::ngtdm::{ToneRow, ToneTable};
use crate::pyradiomics::tone_difference::Tones;
use crate::pyradiomics::{
    first_order, glcm, level_counts, mcc, run_lengths, tone_difference, Class, Options, Row,
};
use crate::settings::Norm;

/// What does not change from voxel to voxel.
pub(super) struct Local<'o> {
    kernel: Kernel,
    /// Of the kernel's cells in the padded array.
    places: Vec<usize>,
    kind: Kind<'o>,
}

enum Kind<'o> {
    FirstOrder {
        rows: Vec<&'static Row<first_order::Input>>,
        spacing: [f64; 3],
        shift: f64,
    },
    Glcm(CoOccurring),
    Glrlm {
        rows: Vec<&'static Row<LevelCounts>>,
        /// The lines of each direction, and its weight.
        lines: Vec<(f64, Vec<Vec<u32>>)>,
        weighted: bool,
    },
    Glszm {
        rows: Vec<&'static Row<LevelCounts>>,
        neighbours: Vec<Vec<u32>>,
    },
    Gldm {
        rows: Vec<&'static Row<LevelCounts>>,
        neighbours: Vec<Vec<u32>>,
        options: &'o Options,
    },
    Ngtdm {
        rows: Vec<&'static Row<Tones>>,
        neighbours: Vec<Vec<u32>>,
    },
}

/// How to count pairs.
struct CoOccurring {
    rows: Vec<&'static Row<glcm::Pairs>>,
    /// The pairs of each direction, and its weight.
    pairs: Vec<(f64, CellPairs)>,
    weighted: bool,
    symmetric: bool,
    highest: u32,
    mcc: Mcc,
}

/// What is to be done for MCC.
#[derive(PartialEq)]
enum Mcc {
    /// Nothing: it is not asked for.
    None,
    /// The region has one level, for which it is 1.
    One,
    /// Its coefficient is to be computed.
    Coefficient,
}

/// Values of a row of voxels.
pub(super) struct RowOfValues {
    /// All features of the first voxel, then those of the next.
    pub(super) values: Vec<f64>,
    pub(super) found: FoundInRow,
}

/// Directions with pairs in a row of voxels, for co-occurrence averaged over directions.
#[derive(Default)]
pub(super) struct FoundInRow {
    /// By direction: any pairs at all.
    pub(super) any: Vec<bool>,
    /// By voxel: how many directions have pairs.
    pub(super) directions: Vec<u32>,
}

impl<'o> Local<'o> {
    pub(super) fn plan(
        class: Class,
        cells: &Cells,
        spacing: [f64; 3],
        map_options: &'o MapOptions,
    ) -> Result<Self> {
        let options = &map_options.features;
        let kernel = Kernel {
            radius: map_options.radius(),
        };
        let flat = options.force_2d_dimension;
        let along = |m: &Offset| flat.is_none_or(|axis| m[usize::from(axis)] == 0);
        let kind = match class {
            Class::Shape | Class::Shape2d => {
                return Err(Error::Argument {
                    name: "feature_class",
                    given: format!("'{}'", class.name()),
                    allowed: "shapes have no maps",
                })
            }
            Class::FirstOrder => Kind::FirstOrder {
                rows: options.chosen(first_order::FEATURES),
                spacing,
                shift: options.voxel_array_shift,
            },
            Class::Glcm => Kind::Glcm(CoOccurring::new(kernel, cells, spacing, options)),
            Class::Glrlm => {
                let lines = directions(1, Norm::Chebyshev, false)
                    .into_iter()
                    .filter(along);
                let weight = |m| {
                    let norm = options.weighting_norm;
                    norm.map_or(1.0, |norm| run_lengths::weight(m, spacing, norm))
                };
                Kind::Glrlm {
                    rows: options.chosen(run_lengths::FEATURES),
                    lines: lines.map(|m| (weight(m), kernel.lines(m))).collect(),
                    weighted: options.weighting_norm.is_some(),
                }
            }
            Class::Glszm => Kind::Glszm {
                rows: options.chosen(level_counts::SIZE_ZONES),
                neighbours: kernel.neighbours(&[1], flat),
            },
            Class::Gldm => Kind::Gldm {
                rows: options.chosen(level_counts::DEPENDENCES),
                neighbours: kernel.neighbours(&options.distances, flat),
                options,
            },
            Class::Ngtdm => Kind::Ngtdm {
                rows: options.chosen(tone_difference::FEATURES),
                neighbours: kernel.neighbours(&options.distances, flat),
            },
        };
        Ok(Self {
            kernel,
            places: kernel.places(cells.shape),
            kind,
        })
    }

    /// Names of the features, in their order.
    pub(super) fn names(&self) -> Vec<&'static str> {
        fn of<M>(rows: &[&'static Row<M>]) -> Vec<&'static str> {
            rows.iter().map(|r| r.name).collect()
        }
        match &self.kind {
            Kind::FirstOrder { rows, .. } => of(rows),
            Kind::Glcm(pairs) => of(&pairs.rows),
            Kind::Glrlm { rows, .. } | Kind::Glszm { rows, .. } | Kind::Gldm { rows, .. } => {
                of(rows)
            }
            Kind::Ngtdm { rows, .. } => of(rows),
        }
    }

    /// The values of the voxels at `xs` of row `[z, y]`.
    pub(super) fn row(&self, cells: &Cells, [z, y]: [usize; 2], xs: &[usize]) -> RowOfValues {
        let [_, ny, nx] = cells.shape;
        let mut inside = vec![0u16; self.kernel.len()];
        let mut values = Vec::new();
        let mut found = FoundInRow::default();
        let mut scratch = Scratch::new(&self.kind);
        for &x in xs {
            // The padded array's voxel at a place is the first of the box around that place.
            let first = (z * ny + y) * nx + x;
            for (cell, place) in inside.iter_mut().zip(&self.places) {
                *cell = cells.levels[first + place];
            }
            match &self.kind {
                Kind::FirstOrder {
                    rows,
                    spacing,
                    shift,
                } => {
                    let counting = self.places.iter().zip(&inside).filter(|(_, &l)| l > 0);
                    let intensities = counting.map(|(place, _)| cells.values[first + place]);
                    let intensities: Vec<f64> = intensities.collect();
                    let input = first_order::Input::of_shares(
                        &intensities,
                        scratch.shares(&inside),
                        *spacing,
                        *shift,
                    );
                    values.extend(rows.iter().map(|r| (r.eval)(&input)));
                }
                Kind::Glcm(pairs) => pairs.add(&inside, &mut scratch, &mut values, &mut found),
                Kind::Glrlm {
                    rows,
                    lines,
                    weighted,
                } => scratch.runs(rows, lines, *weighted, &inside, &mut values),
                Kind::Glszm { rows, neighbours } => {
                    let n = scratch.zones(neighbours, &mut inside);
                    scratch.evaluate(rows, n, &mut values);
                }
                Kind::Gldm {
                    rows,
                    neighbours,
                    options,
                } => {
                    let n = scratch.dependences(neighbours, &inside, options.gldm_a);
                    scratch.evaluate(rows, n, &mut values);
                }
                Kind::Ngtdm { rows, neighbours } => {
                    let tones = Tones::new(tones(neighbours, &inside));
                    values.extend(rows.iter().map(|r| (r.eval)(&tones)));
                }
            }
        }
        RowOfValues { values, found }
    }
}

impl CoOccurring {
    fn new(kernel: Kernel, cells: &Cells, spacing: [f64; 3], options: &Options) -> Self {
        let reach = kernel.radius.map(|r| 2 * r + 1);
        let vectors = crate::matrix::direction::ring_directions(&options.distances, reach, false);
        let flat = options.force_2d_dimension;
        let along = |m: &Offset| flat.is_none_or(|axis| m[usize::from(axis)] == 0);
        let vectors = vectors.into_iter().filter(along);
        let pairs = vectors.map(|m| (glcm::weight(m, spacing, options), kernel.pairs(m)));
        Self {
            rows: options.chosen(glcm::FEATURES),
            pairs: pairs.collect(),
            weighted: options.weighting_norm.is_some(),
            symmetric: options.symmetrical,
            highest: cells.highest,
            mcc: match (options.wants("MCC"), cells.flat) {
                (false, _) => Mcc::None,
                (true, true) => Mcc::One,
                (true, false) => Mcc::Coefficient,
            },
        }
    }

    /// Adds the values of a neighbourhood.
    fn add(
        &self,
        inside: &[u16],
        scratch: &mut Scratch,
        values: &mut Vec<f64>,
        found: &mut FoundInRow,
    ) {
        scratch.sums.clear();
        scratch.sums.resize(self.rows.len(), (0.0, 0u32));
        let mut with_pairs = 0;
        if self.weighted {
            scratch.weighted.clear();
            for (weight, pairs) in &self.pairs {
                scratch.list(pairs, inside, self.symmetric);
                let keys = scratch.keys.iter().map(|&key| (key, *weight));
                scratch.weighted.extend(keys);
            }
            scratch.weighted.sort_by_key(|&(key, _)| key); // stable
            scratch.elements.clear();
            for &(key, weight) in &scratch.weighted {
                add_element(&mut scratch.elements, key, weight, self.symmetric);
            }
            scratch.elements.retain(|e| e.2 > 0.0);
            self.evaluate(scratch);
        } else {
            found.any.resize(self.pairs.len(), false);
            for ((_, pairs), any) in self.pairs.iter().zip(&mut found.any) {
                scratch.list(pairs, inside, self.symmetric);
                scratch.keys.sort_unstable();
                scratch.elements.clear();
                for &key in &scratch.keys {
                    add_element(&mut scratch.elements, key, 1.0, self.symmetric);
                }
                let some = !scratch.elements.is_empty();
                *any |= some;
                with_pairs += u32::from(some);
                self.evaluate(scratch);
            }
            found.directions.push(with_pairs);
        }
        let means = self.rows.iter().zip(&scratch.sums).map(|(row, (sum, n))| {
            if row.name == "MCC" && self.mcc == Mcc::One {
                1.0
            } else {
                sum / f64::from(*n)
            }
        });
        values.extend(means);
    }

    /// Adds the features of the elements to the sums, those that are defined.
    fn evaluate(&self, scratch: &mut Scratch) {
        if scratch.elements.is_empty() {
            return;
        }
        let pairs = &mut scratch.pairs;
        pairs.p.refill(
            &scratch.elements,
            self.symmetric,
            self.highest,
            &mut scratch.room,
        );
        if self.mcc == Mcc::Coefficient {
            pairs.mcc = mcc::of_few(&scratch.elements, self.symmetric);
        }
        for (row, sum) in self.rows.iter().zip(&mut scratch.sums) {
            let value = (row.eval)(pairs);
            if !value.is_nan() {
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
    }
}

/// Adds a pair to the last element if it is that of the same levels, else starts one; a pair of one
/// level counts twice in a symmetric matrix.
#[inline]
fn add_element(elements: &mut Vec<(u32, u32, f64)>, key: u32, n: f64, symmetric: bool) {
    let (i, j) = (key >> 16, key & 0xffff);
    let n = if symmetric && i == j { 2.0 * n } else { n };
    match elements.last_mut() {
        Some(last) if (last.0, last.1) == (i, j) => last.2 += n,
        _ => elements.push((i, j, n)),
    }
}

/// Memory that one row of voxels uses again and again.
struct Scratch {
    keys: Vec<u32>,
    weighted: Vec<(u32, f64)>,
    elements: Vec<(u32, u32, f64)>,
    sums: Vec<(f64, u32)>,
    pairs: glcm::Pairs,
    room: Room,
    counts: LevelCounts,
    stack: Vec<u32>,
    sorted: Vec<u16>,
}

impl Scratch {
    fn new(kind: &Kind<'_>) -> Self {
        let highest = match kind {
            Kind::Glcm(pairs) => pairs.highest,
            _ => 0,
        };
        Self {
            keys: Vec::new(),
            weighted: Vec::new(),
            elements: Vec::new(),
            sums: Vec::new(),
            pairs: glcm::Pairs {
                p: Cooccurrence::blank(),
                mcc: 1.0,
            },
            room: Room::new(highest),
            counts: LevelCounts::blank(),
            stack: Vec::new(),
            sorted: Vec::new(),
        }
    }

    /// The levels of all pairs of cells that count, as keys.
    fn list(&mut self, pairs: &CellPairs, inside: &[u16], symmetric: bool) {
        self.keys.clear();
        for &[a, b] in pairs {
            let (i, j) = (inside[a as usize], inside[b as usize]);
            if i > 0 && j > 0 {
                let (i, j) = if symmetric {
                    (i.min(j), i.max(j))
                } else {
                    (i, j)
                };
                self.keys.push(u32::from(i) << 16 | u32::from(j));
            }
        }
    }

    /// The share of each level among the cells that count.
    fn shares(&mut self, inside: &[u16]) -> Vec<f64> {
        self.sorted.clear();
        self.sorted.extend(inside.iter().filter(|&&l| l > 0));
        self.sorted.sort_unstable();
        let all = self.sorted.len() as f64;
        let groups = self.sorted.chunk_by(|a, b| a == b);
        groups.map(|group| group.len() as f64 / all).collect()
    }

    /// Appends the features of the elements at hand.
    fn evaluate(&mut self, rows: &[&'static Row<LevelCounts>], voxels: f64, values: &mut Vec<f64>) {
        self.counts.refill(&mut self.elements, voxels);
        values.extend(rows.iter().map(|r| (r.eval)(&self.counts)));
    }

    /// Appends the features of the runs along the lines of each direction, averaged over those that
    /// take part, or of all of them together.
    fn runs(
        &mut self,
        rows: &[&'static Row<LevelCounts>],
        directions: &[(f64, Vec<Vec<u32>>)],
        weighted: bool,
        inside: &[u16],
        values: &mut Vec<f64>,
    ) {
        self.sums.clear();
        self.sums.resize(rows.len(), (0.0, 0u32));
        self.elements.clear();
        let voxels = inside.iter().filter(|&&l| l > 0).count() as f64;
        let mut of_all = 0.0;
        for (weight, lines) in directions {
            let before = self.elements.len();
            let mut takes_part = false;
            for line in lines {
                takes_part |= self.run(line, *weight, inside);
            }
            if !takes_part {
                self.elements.truncate(before);
                continue;
            }
            of_all += weight * voxels;
            if !weighted {
                self.add_counts(rows, voxels);
            }
        }
        if weighted && !self.elements.is_empty() {
            self.add_counts(rows, of_all);
        }
        values.extend(self.sums.iter().map(|(sum, n)| sum / f64::from(*n)));
    }

    /// Adds the features of the elements at hand to the sums.
    fn add_counts(&mut self, rows: &[&'static Row<LevelCounts>], voxels: f64) {
        self.counts.refill(&mut self.elements, voxels);
        self.elements.clear();
        for (row, sum) in rows.iter().zip(&mut self.sums) {
            let value = (row.eval)(&self.counts);
            *sum = (sum.0 + value, sum.1 + 1);
        }
    }

    /// Lists the runs of a line; true if two of its cells count.
    fn run(&mut self, line: &[u32], weight: f64, inside: &[u16]) -> bool {
        let (mut level, mut length, mut counting) = (0, 0, 0);
        for &cell in line {
            let here = inside[cell as usize];
            counting += u32::from(here > 0);
            if here == level {
                length += 1;
                continue;
            }
            if level > 0 {
                self.elements.push((level.into(), length, weight));
            }
            (level, length) = (here, 1);
        }
        if level > 0 {
            self.elements.push((level.into(), length, weight));
        }
        counting > 1
    }

    /// Lists the zones by level and size, and takes them out of `inside`; how many cells they have.
    fn zones(&mut self, neighbours: &[Vec<u32>], inside: &mut [u16]) -> f64 {
        self.elements.clear();
        let mut cells = 0;
        #[allow(clippy::cast_possible_truncation)] // a kernel's cells
        for k in 0..inside.len() {
            let level = std::mem::take(&mut inside[k]);
            if level == 0 {
                continue;
            }
            let mut size = 0;
            self.stack.push(k as u32);
            while let Some(at) = self.stack.pop() {
                size += 1;
                for &next in &neighbours[at as usize] {
                    if inside[next as usize] == level {
                        inside[next as usize] = 0;
                        self.stack.push(next);
                    }
                }
            }
            cells += size;
            self.elements.push((level.into(), size, 1.0));
        }
        f64::from(cells)
    }

    /// Lists each cell that counts by level and dependence; how many they are.
    fn dependences(&mut self, neighbours: &[Vec<u32>], inside: &[u16], alpha: u32) -> f64 {
        self.elements.clear();
        for (&level, near) in inside.iter().zip(neighbours).filter(|(&l, _)| l > 0) {
            let depends = |&&cell: &&u32| {
                let other = inside[cell as usize];
                other > 0 && u32::from(other.abs_diff(level)) <= alpha
            };
            let dependence = 1 + near.iter().filter(depends).map(|_| 1).sum::<u32>();
            self.elements.push((level.into(), dependence, 1.0));
        }
        self.elements.len() as f64
    }
}

/// The tone difference matrix of the cells that count.
fn tones(neighbours: &[Vec<u32>], inside: &[u16]) -> ToneTable {
    let counting = inside.iter().zip(neighbours).filter(|(&l, _)| l > 0);
    let row = |(&level, near): (&u16, &Vec<u32>)| {
        let (mut n, mut sum) = (0u32, 0u32);
        for &cell in near {
            let other = inside[cell as usize];
            n += u32::from(other > 0);
            sum += u32::from(other);
        }
        let s = if n == 0 {
            0.0
        } else {
            (f64::from(level) - f64::from(sum) / f64::from(n)).abs()
        };
        ToneRow {
            i: level.into(),
            n: 1,
            s,
        }
    };
    ToneTable::new(counting.map(row).collect())
}
