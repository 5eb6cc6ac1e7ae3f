//! Neighbourhood grey tone difference matrices (IBSI IPET): for each level `i` the number `n_i` of
//! voxels that have a neighbour in the region, and the sum `s_i` of `|i - X|`, where `X` is the mean
//! level of the voxel's neighbours.
//!
//! Levels are (z, y, x) in C order; distances are in voxels.
//!
//! With `W` neighbours of summed level `S`, `|i - X| = |i W - S| / W`: whole numbers are added up for
//! each `i` and `W`, and divided at the end, so `s_i` does not depend on the order of voxels nor on
//! threads. Where such a table would be large, and with weights, `|i - X|` is rounded once to a
//! double, and the doubles are added up exactly, in fixed point.

use std::ops::Range;

use crate::blocks::extent;
use crate::discretise::{Level, LevelData, Levels};
use crate::matrix::neighbourhood::{for_each_row, slabs, Neighbourhood, Rolling, Shell};
use crate::matrix::{Source, Table};
use crate::parallel;
use crate::settings::{self, Norm, Weighting};

/// One level of a tone difference matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ToneRow {
    /// The grey level.
    pub i: u32,
    /// `n_i`: voxels of this level with a neighbour in the region.
    pub n: u64,
    /// `s_i`: sum of their differences from the mean of their neighbours.
    pub s: f64,
}

/// A tone difference matrix: the levels with `n_i > 0`, in order of level.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToneTable {
    rows: Vec<ToneRow>,
}

impl ToneTable {
    /// Builds a matrix from rows in any order; rows of the same level are added.
    #[must_use]
    pub fn new(mut rows: Vec<ToneRow>) -> Self {
        rows.sort_by_key(|r| r.i); // stable: floats are added in the order given
        rows.dedup_by(|later, first| {
            let same = later.i == first.i;
            if same {
                first.n += later.n;
                first.s += later.s;
            }
            same
        });
        rows.retain(|r| r.n > 0);
        Self { rows }
    }

    /// The levels with `n_i > 0`, in order of level.
    #[must_use]
    pub fn rows(&self) -> &[ToneRow] {
        &self.rows
    }
}

impl Table for ToneTable {
    /// Adds `n_i` and `s_i`, as the manual says.
    fn merge(&mut self, other: &Self) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.extend_from_slice(&other.rows);
        *self = Self::new(rows);
    }

    /// True if no voxel has a neighbour.
    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// The tone difference matrices of a region's levels at one distance.
#[derive(Debug)]
pub struct ToneDifferences<'a> {
    levels: &'a Levels,
    neighbourhood: Neighbourhood,
}

/// The tone difference matrix of the volume (3D), neighbours at most `distance` away in the given
/// norm.
#[must_use]
pub fn matrix(levels: &Levels, distance: u32, norm: Norm) -> ToneTable {
    let settings = settings::Ngtdm {
        norm,
        ..settings::Ngtdm::default()
    };
    ToneDifferences::new(levels, distance, &settings).whole()
}

impl<'a> ToneDifferences<'a> {
    /// Prepares levels; `distance` is one of the settings' distances.
    #[must_use]
    pub fn new(levels: &'a Levels, distance: u32, settings: &settings::Ngtdm) -> Self {
        let &settings::Ngtdm {
            norm,
            weighting,
            weighting_norm,
            ..
        } = settings;
        Self {
            levels,
            neighbourhood: Neighbourhood {
                distance,
                norm,
                weighting,
                weighting_norm,
                left_out: 0,
            },
        }
    }

    /// Prepares levels for the neighbours at these distances (Chebyshev norm) and no others.
    pub(crate) fn of_rings(levels: &'a Levels, distances: &[u32]) -> Self {
        let neighbourhood = Neighbourhood::of_rings(distances);
        Self {
            levels,
            neighbourhood,
        }
    }

    /// The matrix of the volume. Slabs of slices are tallied side by side; their number follows that
    /// of the threads, which whole-number sums do not notice.
    fn whole(&self) -> ToneTable {
        let work = self.work();
        let parts = if work < parallel::MIN_WORK {
            1
        } else {
            4 * parallel::threads() - 3
        };
        let slabs = slabs(self.slices(), parts.min(self.plan(false).parts()));
        let tallies = parallel::map(slabs.len(), work, |k| self.tally(slabs[k].clone(), false));
        let sum = tallies.into_iter().reduce(|mut sum, t| {
            sum.merge(&t);
            sum
        });
        sum.map_or_else(ToneTable::default, |t| t.table(self.levels.counts()))
    }

    /// How many voxels of slice `z` have each level.
    fn counts<T: Level>(&self, data: &[T], z: usize) -> Vec<u64> {
        let [_, ny, nx] = self.levels.shape();
        let mut counts = vec![0; self.levels.n() as usize + 1];
        for row in data[z * ny * nx..][..ny * nx].chunks(nx) {
            for &level in &row[extent(row)] {
                counts[Into::<usize>::into(level)] += 1;
            }
        }
        counts
    }

    /// How to tally the volume, or one slice of it.
    fn plan(&self, in_plane: bool) -> Plan {
        let shape = self.levels.shape();
        let reach = self.neighbourhood.reach(shape, in_plane);
        let voxels = if in_plane {
            shape[1] * shape[2]
        } else {
            shape.iter().product()
        };
        let cells: usize = reach.iter().map(|r| 2 * r + 1).product();
        let most = cells.min(voxels);
        let n = self.levels.n();
        let shift = bits(most as u64 * u64::from(n));
        let weighted = self.neighbourhood.weighting != Weighting::None;
        let level_bits = bits(u64::from(n));
        let dense = most.saturating_mul(1 << level_bits);
        let dense = Some(dense).filter(|&d| !weighted && d <= DENSE.min(8 * voxels).max(1 << 16));
        Plan {
            n,
            reach,
            shift,
            lane_bits: shift + bits(most as u64),
            level_bits,
            dense,
        }
    }

    /// Sums over the voxels of some slices.
    fn tally(&self, slices: Range<usize>, in_plane: bool) -> Tally {
        match self.levels.data() {
            LevelData::U8(data) => self.tally_as(data, slices, in_plane),
            LevelData::U16(data) => self.tally_as(data, slices, in_plane),
        }
    }

    fn tally_as<T>(&self, data: &[T], slices: Range<usize>, in_plane: bool) -> Tally
    where
        T: Level + Into<u16> + Into<u64> + Into<u128>,
    {
        let plan = self.plan(in_plane);
        let Plan { reach, shift, .. } = plan;
        let pass = Pass {
            data,
            shape: self.levels.shape(),
            reach,
            slices,
            shift,
        };
        match plan.lane_bits {
            0..=16 => self.run::<T, u16>(&pass, in_plane, Tally::new(plan)),
            17..=32 => self.run::<T, u32>(&pass, in_plane, Tally::new(plan)),
            33..=64 => self.run::<T, u64>(&pass, in_plane, Tally::new(plan)),
            _ => self.run::<T, u128>(&pass, in_plane, Tally::new(plan)),
        }
    }

    fn run<T: Level + Into<P>, P: Lane>(
        &self,
        pass: &Pass<'_, T>,
        in_plane: bool,
        mut tally: Tally,
    ) -> Tally {
        let Neighbourhood {
            norm,
            weighting,
            left_out,
            ..
        } = self.neighbourhood;
        if norm == Norm::Chebyshev && weighting == Weighting::None && left_out == 0 {
            pass.boxes::<P>(&mut tally);
        } else {
            let shells = self.neighbourhood.shells(pass.shape, in_plane);
            if weighting == Weighting::None {
                let mut places = vec![P::default(); pass.shape[2]];
                pass.shells::<P>(&shells, |levels, sums| {
                    tally.add(pass.shift, levels, &mut sums[0], &mut places);
                });
            } else {
                let weights: Vec<f64> = shells.iter().map(|s| s.weight).collect();
                pass.shells::<P>(&shells, |levels, sums| {
                    tally.add_weighted(pass.shift, &weights, levels, sums);
                });
            }
        }
        tally
    }
}

impl Source for ToneDifferences<'_> {
    type Table = ToneTable;

    fn slices(&self) -> usize {
        self.levels.shape()[0]
    }

    fn work(&self) -> usize {
        self.levels.shape().iter().product()
    }

    fn slice(&self, z: usize) -> Vec<ToneTable> {
        let counts = match self.levels.data() {
            LevelData::U8(data) => self.counts(data, z),
            LevelData::U16(data) => self.counts(data, z),
        };
        vec![self.tally(z..z + 1, true).table(&counts)]
    }

    fn volume(&self) -> Vec<ToneTable> {
        vec![self.whole()]
    }
}

/// Number of bits of a whole number.
fn bits(x: u64) -> u32 {
    u64::BITS - x.leading_zeros()
}

/// An integer that holds, in one SIMD lane, a sum of levels (lower bits) and the number of voxels
/// it was taken over (upper bits). Arithmetic wraps; what is read never does.
trait Lane: Copy + Default + Send + Sync + Into<u128> {
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    /// The level with a count of 1 above it, or 0 for level 0.
    fn pack(self, shift: u32) -> Self;
    /// Number of voxels.
    fn number(self, shift: u32) -> Self;
    /// `|level W - S|` of a packed value, or 1 if `W = 0`.
    fn difference(self, shift: u32, level: Self) -> Self;
    /// `self << bits | other`.
    fn join(self, bits: u32, other: Self) -> Self;
    fn to_u64(self) -> u64;
    fn to_usize(self) -> usize;
}

macro_rules! lane {
    ($($t:ty),*) => {$(
        #[allow(clippy::cast_possible_truncation, clippy::cast_lossless)] // values fit, see `Plan`
        impl Lane for $t {
            #[inline]
            fn plus(self, other: Self) -> Self { self.wrapping_add(other) }
            #[inline]
            fn minus(self, other: Self) -> Self { self.wrapping_sub(other) }
            #[inline]
            fn pack(self, shift: u32) -> Self { self | (Self::from(self != 0) << shift) }
            #[inline]
            fn number(self, shift: u32) -> Self { self >> shift }
            #[inline]
            fn difference(self, shift: u32, level: Self) -> Self {
                let number = self >> shift;
                let sum = self & ((1 << shift) - 1);
                level.wrapping_mul(number).abs_diff(sum) + Self::from(number == 0)
            }
            #[inline]
            fn join(self, bits: u32, other: Self) -> Self { (self << bits) | other }
            #[inline]
            fn to_u64(self) -> u64 { self as u64 }
            #[inline]
            fn to_usize(self) -> usize { self as usize }
        }
    )*};
}
lane!(u16, u32, u64, u128);

/// What a pass over the voxels of some slices needs.
struct Pass<'a, T> {
    data: &'a [T],
    shape: [usize; 3],
    reach: [usize; 3],
    slices: Range<usize>,
    shift: u32,
}

impl<T: Level> Pass<'_, T> {
    fn row(&self, z: usize, y: usize) -> &[T] {
        let [_, ny, nx] = self.shape;
        &self.data[(z * ny + y) * nx..][..nx]
    }

    /// Chebyshev neighbourhoods: sums over boxes, axis by axis, so that the cost hardly grows with
    /// the distance. `columns` holds, for every (y, x), the sum over the slices in reach.
    fn boxes<P: Lane>(&self, tally: &mut Tally)
    where
        T: Into<P>,
    {
        let [nz, ny, nx] = self.shape;
        let [rz, ry, rx] = self.reach;
        let stride = nx + 2 * rx;
        let mut columns = vec![P::default(); (ny + 2 * ry) * stride];
        let mut sums = vec![P::default(); stride];
        let (mut rest, mut places) = (vec![P::default(); nx], vec![P::default(); nx]);
        let change = |z: usize, columns: &mut [P], change: fn(&mut [P], &[T], u32)| {
            for y in 0..ny {
                let target = &mut columns[(y + ry) * stride + rx..][..nx];
                change(target, self.row(z, y), self.shift);
            }
        };
        let first = self.slices.start.saturating_sub(rz);
        (first..(self.slices.start + rz).min(nz)).for_each(|z| change(z, &mut columns, take_in));
        for z in self.slices.clone() {
            if z + rz < nz {
                change(z + rz, &mut columns, take_in);
            }
            if z > rz && z - rz > first {
                change(z - rz - 1, &mut columns, take_out);
            }
            for y in 0..ny {
                let inside = extent(self.row(z, y));
                if inside.is_empty() {
                    continue;
                }
                let levels = &self.row(z, y)[inside.clone()];
                let sums = &mut sums[..levels.len() + 2 * rx];
                let rest = &mut rest[..levels.len()];
                add_rows(&columns, stride, y, 2 * ry + 1, inside.start, sums);
                rest.fill(P::default());
                take_out(rest, levels, self.shift);
                add_shifted(sums, 2 * rx + 1, rest);
                tally.add(self.shift, levels, rest, &mut places);
            }
        }
    }

    /// Any neighbourhood: calls `each(levels, sums)` for stretches of rows that cover the region's
    /// voxels: levels, 0 outside the region, and the packed sum over the neighbours, shell by shell.
    fn shells<P: Lane>(&self, shells: &[Shell], mut each: impl FnMut(&[T], &mut [Vec<P>]))
    where
        T: Into<P>,
    {
        let mut sums = vec![vec![P::default(); self.shape[2]]; shells.len()];
        let visit = |z: usize, y: usize, rows: &Rolling<P>| {
            let inside = extent(self.row(z, y));
            if inside.is_empty() {
                return;
            }
            let levels = &self.row(z, y)[inside.clone()];
            let (z, y) = (z.cast_signed(), y.cast_signed());
            for (sum, shell) in sums.iter_mut().zip(shells) {
                let sum = &mut sum[..levels.len()];
                sum.fill(P::default());
                for span in &shell.spans {
                    let others = rows.row(z + span.dz, y + span.dy);
                    let start = (self.reach[2] + inside.start).wrapping_add_signed(span.dx[0]);
                    add_shifted(&others[start..], span.len(), sum);
                }
            }
            each(levels, &mut sums);
        };
        let pack = |level: T| Into::<P>::into(level).pack(self.shift);
        for_each_row(
            self.data,
            self.shape,
            self.slices.clone(),
            self.reach,
            pack,
            visit,
        );
    }
}

// With AVX2 the loops over a row take 0.40 instead of 0.49 ns a voxel, all together.

/// Adds packed levels.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn take_in<T: Level + Into<P>, P: Lane>(sums: &mut [P], levels: &[T], shift: u32) {
    for (sum, &level) in sums.iter_mut().zip(levels) {
        *sum = sum.plus(Into::<P>::into(level).pack(shift));
    }
}

/// Takes packed levels away again.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn take_out<T: Level + Into<P>, P: Lane>(sums: &mut [P], levels: &[T], shift: u32) {
    for (sum, &level) in sums.iter_mut().zip(levels) {
        *sum = sum.minus(Into::<P>::into(level).pack(shift));
    }
}

/// Sums of `n` consecutive rows of `columns` from row `y` on, starting at element `x`.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn add_rows<P: Lane>(columns: &[P], stride: usize, y: usize, n: usize, x: usize, sums: &mut [P]) {
    let row = |k: usize| &columns[(y + k) * stride + x..][..sums.len()];
    if n == 3 {
        let (a, b, c) = (row(0), row(1), row(2));
        for (((s, &a), &b), &c) in sums.iter_mut().zip(a).zip(b).zip(c) {
            *s = a.plus(b).plus(c);
        }
        return;
    }
    let first = row(0);
    sums.copy_from_slice(first);
    for k in 1..n {
        let row = &columns[(y + k) * stride + x..][..sums.len()];
        sums.iter_mut().zip(row).for_each(|(s, &v)| *s = s.plus(v));
    }
}

/// Adds to `sums` the sums of `n` consecutive elements of `row` from the same place on.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn add_shifted<P: Lane>(row: &[P], n: usize, sums: &mut [P]) {
    let len = sums.len();
    let mut k = 0;
    while k + 3 <= n {
        let (a, b, c) = (&row[k..][..len], &row[k + 1..][..len], &row[k + 2..][..len]);
        for (((s, &a), &b), &c) in sums.iter_mut().zip(a).zip(b).zip(c) {
            *s = s.plus(a).plus(b).plus(c);
        }
        k += 3;
    }
    for k in k..n {
        sums.iter_mut()
            .zip(&row[k..][..len])
            .for_each(|(s, &v)| *s = s.plus(v));
    }
}

/// Fractional bits of the exact sums: enough for every bit of a quotient below 2^16 by a number of
/// neighbours up to 2^27; beside the 16 bits before the point this leaves room for 2^32 voxels.
const FRACTION: i32 = 80;

/// Most places of a dense table, 16 MiB: 65,535 levels at distance 1 in 3D.
const DENSE: usize = 1 << 21;

/// How the voxels of a volume or slice are tallied; the same for all parts of a volume.
#[derive(Debug, Clone, Copy)]
struct Plan {
    n: u32,
    reach: [usize; 3],
    /// Bits of a sum of levels over a neighbourhood and its centre.
    shift: u32,
    /// Bits of such a sum with the number of voxels above it.
    lane_bits: u32,
    /// Bits of a level.
    level_bits: u32,
    /// Places of the dense table; none if that were large in itself or beside the voxels, or cannot
    /// be since neighbours have weights.
    dense: Option<usize>,
}

impl Plan {
    /// Most parts of the volume to tally side by side, so that all dense tables together take at
    /// most 64 MiB.
    fn parts(&self) -> usize {
        4 * DENSE / self.dense.unwrap_or(1)
    }
}

/// What is known of the differences so far; whole numbers throughout.
enum Tally {
    /// `sums[W << bits | i]` is the sum of `|i W - S|` over voxels with `W` neighbours; for `W = 0`
    /// it is their number.
    Dense { sums: Vec<u64>, bits: u32 },
    /// Sum of `|i - X|` in units of `2^-FRACTION`, and the number of voxels without a neighbour.
    Long { sums: Vec<u128>, alone: Vec<u64> },
}

impl Tally {
    fn new(plan: Plan) -> Self {
        if let Some(size) = plan.dense {
            return Self::Dense {
                sums: vec![0; size],
                bits: plan.level_bits,
            };
        }
        let size = plan.n as usize + 1;
        Self::Long {
            sums: vec![0; size],
            alone: vec![0; size],
        }
    }

    /// Adds voxels: their levels (0 is passed over) and the packed sums over their neighbours, which
    /// are overwritten; `places` is scratch.
    fn add<T, P>(&mut self, shift: u32, levels: &[T], rest: &mut [P], places: &mut [P])
    where
        T: Level + Into<P>,
        P: Lane,
    {
        let rest = &mut rest[..levels.len()];
        match self {
            Self::Dense { sums, bits } => {
                let places = &mut places[..levels.len()];
                locate(shift, *bits, levels, rest, places);
                for (r, p) in rest.iter().zip(places) {
                    sums[p.to_usize()] += r.to_u64();
                }
            }
            Self::Long { sums, alone } => {
                for (&level, r) in levels.iter().zip(rest) {
                    let number = r.number(shift).to_u64();
                    let i = Into::<usize>::into(level);
                    alone[i] += u64::from(number == 0);
                    if number > 0 && i > 0 {
                        let difference = r.difference(shift, level.into()).to_u64();
                        sums[i] += fixed(difference as f64 / number as f64);
                    }
                }
            }
        }
    }

    /// The same with a weight for each shell of neighbours.
    fn add_weighted<T: Level, P: Lane>(
        &mut self,
        shift: u32,
        weights: &[f64],
        levels: &[T],
        rest: &[Vec<P>],
    ) {
        let Self::Long { sums, alone } = self else {
            return;
        };
        for (k, &level) in levels.iter().enumerate() {
            let i: usize = level.into();
            let (mut total, mut difference) = (0.0, 0.0);
            for (w, packed) in weights.iter().zip(rest) {
                let packed: u128 = packed[k].into();
                let number = (packed >> shift).cast_signed();
                let sum = (packed & ((1 << shift) - 1)).cast_signed();
                total += w * number as f64;
                difference += w * (number * i128::from(Into::<u32>::into(level)) - sum) as f64;
            }
            if total > 0.0 {
                sums[i] += fixed(difference.abs() / total);
            } else {
                alone[i] += 1;
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Dense { sums, .. }, Self::Dense { sums: more, .. }) => {
                sums.iter_mut().zip(more).for_each(|(a, b)| *a += b);
            }
            (
                Self::Long { sums, alone },
                Self::Long {
                    sums: more,
                    alone: others,
                },
            ) => {
                sums.iter_mut().zip(more).for_each(|(a, b)| *a += b);
                alone.iter_mut().zip(others).for_each(|(a, b)| *a += b);
            }
            _ => unreachable!("all parts of a volume are tallied alike"),
        }
    }

    /// The matrix, given how many voxels have each level.
    fn table(&self, counts: &[u64]) -> ToneTable {
        let row = |i: usize| match self {
            Self::Dense { sums, bits } => {
                let columns = sums.chunks(1 << bits).map(|c| c[i]);
                let s = columns.clone().enumerate().skip(1);
                let s = s.map(|(w, sum)| sum as f64 / w as f64).sum();
                (counts[i] - sums[i], s)
            }
            Self::Long { sums, alone } => {
                (counts[i] - alone[i], sums[i] as f64 / 2f64.powi(FRACTION))
            }
        };
        let present = (0u32..)
            .zip(counts)
            .skip(1) // level 0 is outside the region
            .filter(|(_, &n)| n > 0);
        let rows = present.map(|(i, _)| {
            let (n, s) = row(i as usize);
            ToneRow { i, n, s }
        });
        ToneTable::new(rows.collect())
    }
}

/// Replaces the packed sums over the neighbours by `|i W - S|`, whose place in the dense table goes
/// to `places`.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn locate<T: Level + Into<P>, P: Lane>(
    shift: u32,
    bits: u32,
    levels: &[T],
    rest: &mut [P],
    places: &mut [P],
) {
    for ((r, p), &level) in rest.iter_mut().zip(places).zip(levels) {
        *p = r.number(shift).join(bits, level.into());
        *r = r.difference(shift, level.into());
    }
}

/// A difference in units of `2^-FRACTION`; what lies below is cut off.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 0 to 2^16
fn fixed(difference: f64) -> u128 {
    (difference * 2f64.powi(FRACTION)) as u128
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::feature::tone_difference::{ToneDifference, FEATURES};
    use crate::matrix::direction::{neighbourhood, weight};
    use crate::matrix::neighbourhood::reference;

    /// The matrix from the manual's formula, voxel by voxel.
    fn naive(levels: &Levels, z: Option<usize>, distance: u32, s: &settings::Ngtdm) -> ToneTable {
        let offsets = neighbourhood(distance, s.norm, z.is_some());
        let [nz, ny, nx] = levels.shape();
        let mut rows = Vec::new();
        for k in (0..nz * ny * nx).filter(|k| z.is_none_or(|z| k / nx / ny == z)) {
            let i = levels.get(k);
            let near = reference::neighbours(levels, k, &offsets);
            if i > 0 && !near.is_empty() {
                let weighed = near
                    .iter()
                    .map(|&(m, l)| (weight(m, s.weighting, s.weighting_norm), l));
                let total: f64 = weighed.clone().map(|(w, _)| w).sum();
                let mean = weighed.map(|(w, l)| w * f64::from(l)).sum::<f64>() / total;
                rows.push(ToneRow {
                    i,
                    n: 1,
                    s: (f64::from(i) - mean).abs(),
                });
            }
        }
        ToneTable::new(rows)
    }

    /// To 1e-12 of the levels times voxels: the twin rounds at every step.
    fn assert_close(fast: &ToneTable, naive: &ToneTable) {
        let counts = |t: &ToneTable| t.rows().iter().map(|r| (r.i, r.n)).collect::<Vec<_>>();
        assert_eq!(counts(fast), counts(naive));
        for (a, b) in fast.rows().iter().zip(naive.rows()) {
            assert!(
                (a.s - b.s).abs() <= 1e-12 * 65_535.0 * a.n as f64,
                "{a:?} {b:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn fast_and_naive_agree(
            levels in reference::boxes(),
            norm in reference::norms(),
            distance in 0u32..4,
            weighting in reference::weightings(),
            weighting_norm in reference::norms(),
        ) {
            let s = settings::Ngtdm { norm, weighting, weighting_norm, ..Default::default() };
            let source = ToneDifferences::new(&levels, distance, &s);
            assert_close(&source.volume()[0], &naive(&levels, None, distance, &s));
            for z in 0..source.slices() {
                assert_close(&source.slice(z)[0], &naive(&levels, Some(z), distance, &s));
            }
        }
    }

    #[test]
    fn wide_neighbourhoods_agree_with_the_formula() {
        let data: Vec<u16> = (0..9 * 40 * 50u32)
            .map(|k| [0, 13, 26, 39, 52][(k * k / 97 % 5) as usize])
            .collect();
        for n in [None, Some(65_535)] {
            let levels = Levels::new(&data, [9, 40, 50], n).unwrap();
            for norm in [Norm::Chebyshev, Norm::Manhattan] {
                let settings = settings::Ngtdm {
                    norm,
                    ..Default::default()
                };
                assert_close(
                    &matrix(&levels, 10, norm),
                    &naive(&levels, None, 10, &settings),
                );
            }
        }
    }

    #[test]
    fn phantom_matrices_are_those_of_the_manual() {
        let levels = reference::levels();
        let source = ToneDifferences::new(&levels, 1, &settings::Ngtdm::default());
        let check = |table: &ToneTable, expected: &[(u32, f64, f64)]| {
            assert_eq!(table.rows().len(), expected.len());
            for (row, &(i, s, n)) in table.rows().iter().zip(expected) {
                assert_eq!((row.i, row.n as f64), (i, n));
                assert!(
                    (row.s - s).abs() <= 0.5e-6 * (1.0 + 1e-6),
                    "printed with six decimals"
                );
            }
        };
        for (z, expected) in reference::matrices("ngtdm", "2d").iter().enumerate() {
            check(&source.slice(z)[0], expected);
        }
        check(&source.volume()[0], &reference::matrices("ngtdm", "3d")[0]);
    }

    #[test]
    fn phantom_values_match_in_all_aggregations() {
        let levels = reference::levels();
        let source = ToneDifferences::new(&levels, 1, &settings::Ngtdm::default());
        reference::assert_values("ngtdm", &source, FEATURES, ToneDifference::new);
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let data: Vec<u16> = (0..40 * 40 * 40u32)
            .map(|k| (k * k / 977 % 9) as u16)
            .collect();
        for (n, distance) in [(None, 1), (None, 3), (Some(65_535), 3)] {
            let levels = Levels::new(&data, [40; 3], n).unwrap();
            for weighting in [Weighting::None, Weighting::Inverse] {
                let settings = settings::Ngtdm {
                    weighting,
                    ..Default::default()
                };
                let run = |threads| {
                    let source = ToneDifferences::new(&levels, distance, &settings);
                    let tables = parallel::with_threads(Some(threads), || source.volume());
                    tables[0]
                        .rows()
                        .iter()
                        .map(|r| (r.i, r.n, r.s.to_bits()))
                        .collect::<Vec<_>>()
                };
                assert_eq!(run(1), run(2));
                assert_eq!(run(1), run(7));
            }
        }
    }

    #[test]
    fn degenerate_regions() {
        let one = Levels::new(&[3u8], [1; 3], None).unwrap();
        assert!(matrix(&one, 2, Norm::Chebyshev).is_empty());
        // A flat region differs from its neighbours by exactly 0, whatever the weights.
        let flat = Levels::new(&[5u8; 60], [3, 4, 5], None).unwrap();
        for weighting in [Weighting::None, Weighting::Inverse, Weighting::Exponential] {
            let settings = settings::Ngtdm {
                weighting,
                ..Default::default()
            };
            let tables = ToneDifferences::new(&flat, 2, &settings).volume();
            assert_eq!(
                tables[0].rows(),
                [ToneRow {
                    i: 5,
                    n: 60,
                    s: 0.0
                }]
            );
        }
    }
}
