//! The kernel: positions of voxels in their runs, row by row.
//!
//! A voxel's position in its run is one more than that of the voxel before it if both have one
//! level, else 0. For a step from row to row this is one pass of byte arithmetic along the rows,
//! for each of the three directions that share the step; no branch depends on the data. Positions
//! are cut off at a small cap. Where a run passes the cap, and where it ends after that, there is an
//! event, and only events are looked at one by one.

use crate::discretise::Level;
use crate::matrix::glrlm::grid::{Grid, Step};
use crate::matrix::glrlm::tally::{cap, Tally};

/// Zeros before the first voxel of a row buffer; no run passes the cap without that many voxels.
const PAD: usize = 8;
/// Row buffers are multiples of this many voxels, so that no loop has a remainder.
const BLOCK: usize = 32;

/// Buffers of a sweep over sheets of rows, reused from sheet to sheet.
///
/// Place `b` of a row buffer is voxel `b - PAD` of the rows' common span; the voxels before and
/// behind it are outside the region, so that runs which leave the image end like all others.
pub(super) struct Sweep<'a, 'g, L> {
    grid: &'a Grid<'g, L>,
    step: Step,
    base: usize,
    current: Vec<L>,
    previous: Vec<L>,
    /// Positions of the current and of the previous row, times `base^d` for direction `d`.
    new: [Vec<u8>; 3],
    old: [Vec<u8>; 3],
    /// Sum of `new` over directions.
    codes: Vec<u8>,
    /// Bit `d`: direction `d` has an event here.
    events: Vec<u8>,
    /// For each line of a direction, the row in which its run passed the cap.
    since: [Vec<usize>; 3],
}

impl<'a, 'g, L: Level> Sweep<'a, 'g, L> {
    pub(super) fn new(grid: &'a Grid<'g, L>, step: Step, base: usize) -> Self {
        let len = PAD + (grid.shape()[2] + 2).next_multiple_of(BLOCK) + PAD;
        let bytes = || std::array::from_fn(|_| vec![0; len]);
        let (codes, events) = (vec![0; len], vec![0; len]);
        let (current, previous) = (vec![L::default(); len], vec![L::default(); len]);
        let (new, old, since) = (bytes(), bytes(), std::array::from_fn(|_| Vec::new()));
        Self {
            grid,
            step,
            base,
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
        self.old.iter_mut().for_each(|old| old.fill(0));
        self.since
            .iter_mut()
            .for_each(|since| since.resize(since.len().max(width + 2 + n), 0));
        let outside = (usize::MAX, [span[0]; 2]); // a row behind the last one ends all runs
        for (t, (row, [first, end])) in rows.chain([outside]).enumerate() {
            let current = &mut self.current[PAD..PAD + width];
            if row == usize::MAX {
                current.fill(L::default());
            } else {
                current.copy_from_slice(self.grid.row(row, span));
            }
            self.advance(swept.clone());
            let filled = PAD + first - span[0]..PAD + end - span[0];
            tally.add(&self.codes[filled.clone()], &self.current[filled]);
            self.record(swept.clone(), t, n, tally);
            std::mem::swap(&mut self.current, &mut self.previous);
            std::mem::swap(&mut self.new, &mut self.old);
        }
    }

    /// Positions, codes and events of the current row over the places `swept`.
    fn advance(&mut self, swept: std::ops::Range<usize>) {
        let current = &self.current[swept.clone()];
        let codes = &mut self.codes[swept.clone()];
        let events = &mut self.events[swept.clone()];
        codes.fill(0);
        events.fill(0);
        for d in 0..3 {
            let before = swept.start + 1 - d..swept.end + 1 - d;
            let unit = digit(self.base, d);
            let pass = Pass {
                current,
                previous: &self.previous[before.clone()],
                old: &self.old[d][before],
                unit,
                top: unit * cap(self.base) as u8,
                flag: 1 << d,
            };
            pass.run(&mut self.new[d][swept.clone()], codes, events);
        }
    }

    /// Notes where runs passed the cap and counts those that ended after it; `t` is the number of
    /// the row among the sheet's `n`.
    fn record(&mut self, swept: std::ops::Range<usize>, t: usize, n: usize, tally: &mut Tally) {
        let cap = cap(self.base);
        let base = self.base;
        for (block, bytes) in self.events[swept.clone()].chunks_exact(8).enumerate() {
            let mut word = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            while word != 0 {
                let bit = word.trailing_zeros() as usize;
                word &= word - 1;
                let (x, d) = (8 * block + bit / 8, bit % 8);
                // dx = d - 1; the line's number stays the same along the direction.
                let line = match d {
                    0 => x + t,
                    1 => x,
                    _ => x + n - t,
                };
                let place = swept.start + x;
                if usize::from(self.new[d][place]) == cap * usize::from(digit(base, d)) {
                    self.since[d][line] = t;
                } else {
                    let level = self.previous[place + 1 - d].into();
                    tally.long[d].add(level, t - self.since[d][line] + cap);
                }
            }
        }
    }

    /// The direction that stays in the row.
    fn along_row(&mut self, row: usize, span: [usize; 2], tally: &mut Tally) {
        let width = span[1] - span[0];
        let swept = PAD..PAD + (width + 1).next_multiple_of(BLOCK);
        self.current[PAD..PAD + width].copy_from_slice(self.grid.row(row, span));
        self.current[PAD + width..].fill(L::default());
        let cap = cap(self.base);
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
        tally.add(
            &positions[PAD..PAD + width],
            &self.current[PAD..PAD + width],
        );
        let mut since = 0;
        let top = cap as u8;
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
                if positions[PAD + x] == top {
                    since = x;
                } else {
                    tally.long[0].add(self.current[PAD + x - 1].into(), x - since + cap);
                }
            }
        }
    }
}

/// `base^d`, the unit of direction `d` in a code.
fn digit(base: usize, d: usize) -> u8 {
    base.pow(d as u32) as u8
}

/// One direction of [`Sweep::advance`]; all slices have one length.
struct Pass<'a, L> {
    current: &'a [L],
    /// The previous row, shifted by the direction; likewise its positions `old`.
    previous: &'a [L],
    old: &'a [u8],
    unit: u8,
    top: u8,
    flag: u8,
}

impl<L: Level> Pass<'_, L> {
    #[inline(never)] // 'noalias' arguments let the loop vectorise
    fn run(&self, new: &mut [u8], codes: &mut [u8], events: &mut [u8]) {
        let Self {
            current,
            previous,
            old,
            unit,
            top,
            flag,
        } = *self;
        let len = new.len();
        let (current, previous, old) = (&current[..len], &previous[..len], &old[..len]);
        let (codes, events) = (&mut codes[..len], &mut events[..len]);
        for x in 0..len {
            let same = (current[x] == previous[x]) & (current[x] != L::default());
            let position = if same { top.min(old[x] + unit) } else { 0 };
            new[x] = position;
            codes[x] += position;
            events[x] |= if (position == top) == (old[x] == top) {
                0
            } else {
                flag
            };
        }
    }
}
