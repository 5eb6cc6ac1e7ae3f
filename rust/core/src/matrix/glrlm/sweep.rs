//! The kernel: positions of voxels in their runs, row by row.
//!
//! A voxel's position in its run is one more than that of the voxel before it if both have one
//! level, else 0. For a step from row to row this is one pass of byte arithmetic along the rows,
//! for each of the three directions that share the step; no branch depends on the data. Positions
//! are cut off at a small cap. Where a run passes the cap, and where it ends after that, there is an
//! event, and only events are looked at one by one.

use std::ops::Range;

use crate::discretise::Level;
use crate::matrix::glrlm::grid::{Grid, Step};
use crate::matrix::glrlm::tally::{cap, Tally};

/// Zeros before the first voxel of a row buffer; no run passes the cap without that many voxels.
const PAD: usize = 8;
/// Row buffers are multiples of this many voxels, so that no loop has a remainder.
const BLOCK: usize = 32;

/// Distance of the bit that says that a long run ended from the one that says there is an event.
const ENDED: usize = 4;
/// The bits of events in eight bytes.
const EVENTS: u64 = 0x0707_0707_0707_0707;

/// Buffers of a sweep over sheets of rows, reused from sheet to sheet.
///
/// Place `b` of a row buffer is voxel `b - PAD` of the rows' common span; the voxels before and
/// behind it are outside the region, so that runs which leave the image end like all others.
pub(super) struct Sweep<'a, 'g, L> {
    grid: &'a Grid<'g, L>,
    step: Step,
    cap: usize,
    /// `base^d` for direction `d`, and the cap in that unit.
    unit: [u8; 3],
    top: [u8; 3],
    current: Vec<L>,
    previous: Vec<L>,
    /// Positions of the current and of the previous row, times `base^d` for direction `d`.
    new: [Vec<u8>; 3],
    old: [Vec<u8>; 3],
    /// Sum of `new` over directions.
    codes: Vec<u8>,
    /// Bit `d`: direction `d` has an event here; bit `d + ENDED`: it is an end.
    events: Vec<u8>,
    /// For each line of a direction, the row of its last event; an end needs that of its start.
    since: Vec<usize>,
}

impl<'a, 'g, L: Level> Sweep<'a, 'g, L> {
    #[allow(clippy::cast_possible_truncation)] // codes fit a byte, as `base` guarantees
    pub(super) fn new(grid: &'a Grid<'g, L>, step: Step, base: usize) -> Self {
        let len = PAD + (grid.shape()[2] + 2).next_multiple_of(BLOCK) + PAD;
        let bytes = || std::array::from_fn(|_| vec![0; len]);
        let (codes, events) = (vec![0; len], vec![0; len]);
        let (current, previous) = (vec![L::default(); len], vec![L::default(); len]);
        let (new, old, since) = (bytes(), bytes(), Vec::new());
        let cap = cap(base);
        let unit = [1, base, base * base].map(|unit| unit as u8);
        let top = unit.map(|unit| unit * cap as u8);
        Self {
            grid,
            step,
            cap,
            unit,
            top,
            current,
            previous,
            new,
            old,
            codes,
            events,
            since,
        }
    }

    /// Counts the runs of the sheet that starts at row `start` (z, y).
    pub(super) fn sheet(&mut self, start: [usize; 2], tally: &mut Tally) {
        let grid = self.grid;
        let rows = || {
            grid.rows(start, self.step)
                .map(|row| (row, grid.extent(row)))
        };
        let filled = |(_, [first, end]): &(usize, [usize; 2])| first < end;
        let (mut n, mut skip, mut span) = (0, 0, [usize::MAX, 0]);
        for (t, (_, [first, end])) in rows().enumerate().filter(|(_, row)| filled(row)) {
            if n == 0 {
                skip = t;
            }
            n = t + 1 - skip;
            span = [span[0].min(first), span[1].max(end)];
        }
        if n == 0 {
            return;
        }
        let rows = rows().skip(skip).take(n);
        if self.step == [0, 0] {
            rows.for_each(|(row, _)| self.along_row(row, span, tally));
        } else {
            self.across_rows(rows, n, span, tally);
        }
    }

    /// The three directions that lead from row to row: dx = -1, 0, 1.
    fn across_rows(
        &mut self,
        rows: impl Iterator<Item = (usize, [usize; 2])>,
        n: usize,
        span: [usize; 2],
        tally: &mut Tally,
    ) {
        let width = span[1] - span[0];
        // One voxel on each side is swept too: there end the runs that leave the span.
        let swept = PAD - 1..PAD - 1 + (width + 2).next_multiple_of(BLOCK);
        self.current.fill(L::default());
        self.previous.fill(L::default());
        // Both: a sweep looks one place further than it writes, and the last sheet may have been wider.
        self.old
            .iter_mut()
            .chain(&mut self.new)
            .for_each(|positions| positions.fill(0));
        self.since
            .resize(self.since.len().max(3 * (width + 2 + n)), 0);
        let outside = (usize::MAX, [0, 0]); // a row behind the last one ends all runs
        for (t, (row, [first, end])) in rows.chain([outside]).enumerate() {
            let current = &mut self.current[PAD..PAD + width];
            if row == usize::MAX {
                current.fill(L::default());
            } else {
                current.copy_from_slice(self.grid.row(row, span));
            }
            self.advance(swept.clone());
            if first < end {
                let start = PAD + first - span[0];
                tally.add(&self.codes[start..], &self.current[start..], end - first);
            }
            self.record(swept.clone(), t, n, tally);
            std::mem::swap(&mut self.current, &mut self.previous);
            std::mem::swap(&mut self.new, &mut self.old);
        }
    }

    /// Positions, codes and events of the current row over the places `swept`.
    fn advance(&mut self, swept: Range<usize>) {
        let shifted = [1, 0, -1].map(|shift| {
            let place = |b: usize| b.wrapping_add_signed(shift);
            place(swept.start)..place(swept.end)
        });
        let [old0, old1, old2] = &self.old;
        let [new0, new1, new2] = &mut self.new;
        let [s0, s1, s2] = shifted;
        pass(
            &self.current[swept.clone()],
            &self.previous[s0.clone()],
            &self.previous[s1.clone()],
            &self.previous[s2.clone()],
            &old0[s0],
            &old1[s1],
            &old2[s2],
            &mut new0[swept.clone()],
            &mut new1[swept.clone()],
            &mut new2[swept.clone()],
            &mut self.codes[swept.clone()],
            &mut self.events[swept],
            self.unit,
            self.top,
        );
    }

    /// Notes where runs passed the cap and counts those that ended after it; `t` is the number of
    /// the row among the sheet's `n`.
    fn record(&mut self, swept: Range<usize>, t: usize, n: usize, tally: &mut Tally) {
        // Lines in three parts, one a direction; dx = d - 1, and the line stays the same along it.
        let part = self.since.len() / 3;
        let lines = [t, part, 2 * part + n - t, 0];
        let before = &self.previous[swept.start - 1..];
        for (block, bytes) in self.events[swept].chunks_exact(8).enumerate() {
            let all = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            let mut word = all & EVENTS;
            while word != 0 {
                let bit = word.trailing_zeros() as usize;
                word &= word - 1;
                let (x, d) = (8 * block + bit / 8, bit % 4);
                let since = &mut self.since[lines[d] + x];
                let length = (t + self.cap).wrapping_sub(*since);
                *since = t;
                let ended = (all >> (bit + ENDED)) & 1 == 1;
                tally.long[d].add_if(ended, before[x + 2 - d].into(), length);
            }
        }
    }

    /// The direction that stays in the row.
    fn along_row(&mut self, row: usize, span: [usize; 2], tally: &mut Tally) {
        let width = span[1] - span[0];
        let swept = PAD..PAD + (width + 1).next_multiple_of(BLOCK);
        self.current[PAD..PAD + width].copy_from_slice(self.grid.row(row, span));
        self.current[PAD + width..].fill(L::default());
        let cap = self.cap;
        // `equal[x]`: one level with the voxel before; `run` below: the last `k` voxels all were.
        let [equal, run, _] = &mut self.old;
        let pairs = self.current[swept.clone()]
            .iter()
            .zip(&self.current[PAD - 1..]);
        for (e, (&here, &before)) in equal[swept.clone()].iter_mut().zip(pairs) {
            *e = u8::from(here == before) & u8::from(here != L::default());
        }
        let positions = &mut self.new[0];
        positions[swept.clone()].copy_from_slice(&equal[swept.clone()]);
        run[swept.clone()].copy_from_slice(&equal[swept.clone()]);
        for k in 1..cap {
            let shifted = &equal[PAD - k..];
            let both = positions[swept.clone()]
                .iter_mut()
                .zip(&mut run[swept.clone()]);
            for ((p, r), &e) in both.zip(shifted) {
                *r &= e;
                *p += *r;
            }
        }
        tally.add(&positions[PAD..], &self.current[PAD..], width);
        let mut since = 0;
        let top = self.top[0];
        let events = &mut self.events[swept.clone()];
        let pairs = positions[swept.clone()].iter().zip(&positions[PAD - 1..]);
        for (event, (&here, &before)) in events.iter_mut().zip(pairs) {
            *event = u8::from((here == top) != (before == top));
        }
        for (block, bytes) in events.chunks_exact(8).enumerate() {
            let mut word = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            while word != 0 {
                let x = 8 * block + word.trailing_zeros() as usize / 8;
                word &= word - 1;
                let level = self.current[PAD + x - 1].into();
                tally.long[0].add_if(positions[PAD + x] != top, level, x + cap - since);
                since = x;
            }
        }
    }
}

/// [`Sweep::advance`] over slices of one length; the numbers are directions.
// Never inlined: the arguments are then known to be disjoint, which lets the loop vectorise.
#[multiversion::multiversion(targets("x86_64+avx2"))]
#[allow(clippy::too_many_arguments)]
fn pass<L: Level>(
    current: &[L],
    previous0: &[L],
    previous1: &[L],
    previous2: &[L],
    old0: &[u8],
    old1: &[u8],
    old2: &[u8],
    new0: &mut [u8],
    new1: &mut [u8],
    new2: &mut [u8],
    codes: &mut [u8],
    events: &mut [u8],
    unit: [u8; 3],
    top: [u8; 3],
) {
    let len = current.len();
    let (previous0, previous1, previous2) =
        (&previous0[..len], &previous1[..len], &previous2[..len]);
    let (old0, old1, old2) = (&old0[..len], &old1[..len], &old2[..len]);
    let (new0, new1, new2) = (&mut new0[..len], &mut new1[..len], &mut new2[..len]);
    let (codes, events) = (&mut codes[..len], &mut events[..len]);
    for x in 0..len {
        let level = current[x];
        let position = |d: usize, before: L, old: u8| {
            let same = (level == before) & (level != L::default());
            if same {
                top[d].min(old + unit[d])
            } else {
                0
            }
        };
        let event = |d: usize, old: u8, new: u8| {
            let (before, now) = (u8::from(old == top[d]), u8::from(new == top[d]));
            ((before ^ now) | (before & (before ^ now)) << ENDED) << d
        };
        let p0 = position(0, previous0[x], old0[x]);
        let p1 = position(1, previous1[x], old1[x]);
        let p2 = position(2, previous2[x], old2[x]);
        (new0[x], new1[x], new2[x]) = (p0, p1, p2);
        codes[x] = p0 + p1 + p2;
        events[x] = event(0, old0[x], p0) | event(1, old1[x], p1) | event(2, old2[x], p2);
    }
}
