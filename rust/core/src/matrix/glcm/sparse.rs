//! Co-occurrence matrices of many levels: pairs are sorted instead of counted into a table.
//!
//! Time and memory go with the pairs and the levels, never with the square of the levels.

use std::ops::Range;

use super::Rows;
use crate::discretise::Level;
use crate::matrix::direction::Offset;
use crate::matrix::Entry;

/// Keys sorted at once: 4 MiB.
pub(super) const KEYS: usize = 1 << 20;

/// A pair of levels as one number, as [`Key`] packs it, and how often it occurs.
type Run = (u32, u64);

/// Packs two levels up to `n <= 65535` into 32 bits, in order of `i`, then `j`.
#[derive(Clone, Copy)]
struct Key {
    bits: u32,
}

impl Key {
    fn new(n: u32) -> Self {
        Self {
            bits: u32::BITS - n.leading_zeros(),
        }
    }

    fn key(self, i: u32, j: u32) -> u32 {
        i << self.bits | j
    }

    fn pair(self, key: u32) -> (u32, u32) {
        (key >> self.bits, key & ((1 << self.bits) - 1))
    }
}

/// Elements of the matrix of direction `m` with first voxels in slices `zs`, in order of row, then
/// column; `keys` is about how many pairs are sorted at once.
pub(super) fn entries<T: Level>(
    rows: &Rows<'_, T>,
    n: u32,
    symmetric: bool,
    m: Offset,
    zs: Range<usize>,
    keys: usize,
) -> Vec<Entry> {
    let pack = Key::new(n);
    let mut buffer: Vec<u32> = Vec::new();
    let mut runs = Vec::new();
    rows.pairs(m, zs, |a, b| {
        let pairs = a
            .iter()
            .zip(b)
            .map(|(&i, &j)| (Into::<u32>::into(i), Into::<u32>::into(j)));
        let inside = pairs.filter(|&(i, j)| i > 0 && j > 0);
        if symmetric {
            buffer.extend(inside.map(|(i, j)| pack.key(i.min(j), i.max(j))));
        } else {
            buffer.extend(inside.map(|(i, j)| pack.key(i, j)));
        }
        if buffer.len() >= keys {
            runs = merge(&runs, &sorted_runs(&mut buffer));
            buffer.clear();
        }
    });
    let last = sorted_runs(&mut buffer);
    let runs = if runs.is_empty() {
        last
    } else {
        merge(&runs, &last)
    };
    if symmetric {
        mirrored(&runs, pack, n)
    } else {
        plain(&runs, pack)
    }
}

/// Sorts the keys and counts equal ones.
fn sorted_runs(keys: &mut [u32]) -> Vec<Run> {
    keys.sort_unstable(); // sorting by digits takes 0.8 of the time on 10^6 keys: not worth it
    keys.chunk_by(|a, b| a == b)
        .map(|run| (run[0], run.len() as u64))
        .collect()
}

/// Two ordered lists of runs as one.
fn merge(a: &[Run], b: &[Run]) -> Vec<Run> {
    let mut merged = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(&&(key_a, n_a)), Some(&&(key_b, n_b))) = (a.peek(), b.peek()) {
        let mut n = 0;
        if key_a <= key_b {
            n += n_a;
            a.next();
        }
        if key_b <= key_a {
            n += n_b;
            b.next();
        }
        merged.push((key_a.min(key_b), n));
    }
    merged.extend(a);
    merged.extend(b);
    merged
}

/// Elements of a matrix that is not symmetric.
fn plain(runs: &[Run], pack: Key) -> Vec<Entry> {
    let entry = |&(key, count): &Run| {
        let (i, j) = pack.pair(key);
        Entry {
            i,
            j: f64::from(j),
            n: count as f64,
        }
    };
    runs.iter().map(entry).collect()
}

/// Elements of a symmetric matrix from its pairs with `i <= j`.
fn mirrored(runs: &[Run], pack: Key, n: u32) -> Vec<Entry> {
    let pairs = || runs.iter().map(|&(key, n)| (pack.pair(key), n));
    let strict = || pairs().filter(|((i, j), _)| i < j);
    // The elements left of the diagonal, row by row: their columns `i` come in order.
    let mut ends = vec![0usize; n as usize + 2];
    for ((_, j), _) in strict() {
        ends[j as usize + 1] += 1;
    }
    for j in 1..ends.len() {
        ends[j] += ends[j - 1];
    }
    let mut left = vec![(0, 0); ends[n as usize + 1]];
    for ((i, j), n) in strict() {
        let place = &mut ends[j as usize]; // where row j starts, and ends after the last one
        left[*place] = (i, n);
        *place += 1;
    }
    let mut entries = Vec::with_capacity(left.len() + runs.len());
    let (mut left, mut right) = (left.into_iter(), pairs().peekable());
    let mut taken = 0;
    for i in 1..=n {
        let entry = |j, n: u64| Entry {
            i,
            j: f64::from(j),
            n: n as f64,
        };
        let length = ends[i as usize] - taken;
        taken += length;
        entries.extend(left.by_ref().take(length).map(|(j, n)| entry(j, n)));
        while let Some(((_, j), n)) = right.next_if(|((row, _), _)| *row == i) {
            entries.push(entry(j, if i == j { 2 * n } else { n }));
        }
    }
    entries
}
