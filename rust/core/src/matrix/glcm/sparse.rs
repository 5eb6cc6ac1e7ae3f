//! Co-occurrence matrices of many levels: pairs are sorted instead of counted into a table.
//!
//! Time and memory go with the pairs and the levels, never with the square of the levels.

use std::ops::Range;

use super::Rows;
use crate::discretise::Level;
use crate::matrix::direction::Offset;
use crate::matrix::Entry;

/// Keys sorted at once: 4 MiB, and as much again for sorting.
pub(super) const KEYS: usize = 1 << 20;

/// A pair of levels as one number, `i * (n + 1) + j`, and how often it occurs.
type Run = (u32, u64);

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
    let key = |i: u32, j: u32| i * (n + 1) + j; // at most 65,535 * 65,536 + 65,535 = 2^32 - 1
    let mut buffer: Vec<u32> = Vec::new();
    let mut spare = Vec::new();
    let mut runs = Vec::new();
    rows.pairs(m, zs, |a, b| {
        let pairs = a
            .iter()
            .zip(b)
            .map(|(&i, &j)| (Into::<u32>::into(i), Into::<u32>::into(j)));
        let inside = pairs.filter(|&(i, j)| i > 0 && j > 0);
        if symmetric {
            buffer.extend(inside.map(|(i, j)| key(i.min(j), i.max(j))));
        } else {
            buffer.extend(inside.map(|(i, j)| key(i, j)));
        }
        if buffer.len() >= keys {
            runs = merge(&runs, &sorted_runs(&mut buffer, &mut spare));
            buffer.clear();
        }
    });
    let last = sorted_runs(&mut buffer, &mut spare);
    let runs = if runs.is_empty() {
        last
    } else {
        merge(&runs, &last)
    };
    if symmetric {
        mirrored(&runs, n)
    } else {
        plain(&runs, n)
    }
}

/// Sorts the keys and counts equal ones.
fn sorted_runs(keys: &mut Vec<u32>, spare: &mut Vec<u32>) -> Vec<Run> {
    sort(keys, spare);
    keys.chunk_by(|a, b| a == b)
        .map(|run| (run[0], run.len() as u64))
        .collect()
}

/// Sorts keys, many of them by their digits: three times as fast as `sort_unstable` on 10^6 keys.
pub(super) fn sort(keys: &mut Vec<u32>, spare: &mut Vec<u32>) {
    const BITS: u32 = 11;
    const DIGITS: usize = 1 << BITS;
    if keys.len() < 8 * DIGITS {
        keys.sort_unstable();
        return;
    }
    let highest = keys.iter().copied().max().unwrap_or(0);
    spare.resize(keys.len(), 0);
    let mut shift = 0;
    while shift < u32::BITS && highest >> shift > 0 {
        let digit = |key: u32| (key >> shift) as usize % DIGITS;
        let mut starts = [0; DIGITS];
        for &key in &*keys {
            starts[digit(key)] += 1;
        }
        let mut start = 0;
        for s in &mut starts {
            start += std::mem::replace(s, start);
        }
        for &key in &*keys {
            let place = &mut starts[digit(key)];
            spare[*place] = key;
            *place += 1;
        }
        std::mem::swap(keys, spare);
        shift += BITS;
    }
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
fn plain(runs: &[Run], n: u32) -> Vec<Entry> {
    let entry = |&(key, count): &Run| Entry {
        i: key / (n + 1),
        j: f64::from(key % (n + 1)),
        n: count as f64,
    };
    runs.iter().map(entry).collect()
}

/// Elements of a symmetric matrix from its pairs with `i <= j`.
fn mirrored(runs: &[Run], n: u32) -> Vec<Entry> {
    let pair = |key: u32| (key / (n + 1), key % (n + 1));
    // The elements left of the diagonal, by row: pairs in order of `j`, then `i`.
    let mut ends = vec![0usize; n as usize + 2];
    let strict = || {
        runs.iter()
            .map(|&(key, n)| (pair(key), n))
            .filter(|((i, j), _)| i < j)
    };
    strict().for_each(|((_, j), _)| ends[j as usize + 1] += 1);
    for j in 1..ends.len() {
        ends[j] += ends[j - 1];
    }
    let mut left = vec![(0, 0); ends.last().copied().unwrap_or(0)];
    for ((i, j), n) in strict() {
        let place = &mut ends[j as usize]; // the start of row j until here, its end at last
        left[*place] = (i, n);
        *place += 1;
    }
    let mut entries = Vec::with_capacity(left.len() + runs.len());
    let (mut left, mut right) = (left.into_iter(), runs.iter().peekable());
    let mut taken = 0;
    for i in 1..=n {
        let mut push = |j: u32, n: u64| {
            entries.push(Entry {
                i,
                j: f64::from(j),
                n: n as f64,
            })
        };
        let end = ends[i as usize];
        left.by_ref()
            .take(end - taken)
            .for_each(|(j, n)| push(j, n));
        taken = end;
        while let Some(&(key, n)) = right.next_if(|run| pair(run.0).0 == i) {
            let j = pair(key).1;
            push(j, if i == j { 2 * n } else { n });
        }
    }
    entries
}
