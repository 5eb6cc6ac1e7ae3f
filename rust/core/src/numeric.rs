//! Sums in one fixed order, so that a value is the same to the bit on any number of threads;
//! percentiles and counts.
//!
//! The published builds are for the oldest processor of each kind, where `f64::floor` is a call
//! and a cast is not vectorised; hence the few helpers that round by adding `2^52`.

use crate::parallel;
use crate::selection::{of_parts, Values};

/// Independent accumulators of a sum; a multiple of every SIMD width in use.
pub(crate) const LANES: usize = 8;
/// Values summed before a partial is put aside; keeps the error growth at O(log n) like.
const CHUNK: usize = 4096;
/// Chunks that one parallel task takes.
const TASK: usize = 16;

/// Sum of `f(x)` over `values`, in an order fixed by position alone.
///
/// Chunks of 4096 are summed in eight lanes, the lanes and then the chunks are added in index
/// order. An empty slice gives 0.
#[must_use]
pub fn sum_by<T: Copy>(values: &[T], f: impl Fn(T) -> f64) -> f64 {
    values.chunks(CHUNK).map(|chunk| sum_chunk(chunk, &f)).sum()
}

fn sum_chunk<T: Copy>(chunk: &[T], f: &impl Fn(T) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let mut blocks = chunk.chunks_exact(LANES);
    for block in &mut blocks {
        for (lane, &x) in lanes.iter_mut().zip(block) {
            *lane += f(x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(blocks.remainder()) {
        *lane += f(x);
    }
    lanes.iter().sum()
}

/// `K` sums over `values` in one pass, on several threads if it is worth it.
///
/// `part` gives the sums over a chunk of at most 4096 values, by [`sum_by`]: each sum runs over the
/// chunk on its own while it is in the first-level cache, which the compiler makes SIMD code of (the
/// statistics of 10^5 values: 0.61 ms, 1.3 ms with one loop for all sums). The chunks are added in order, so the result is the
/// same to the bit on any number of threads.
#[must_use]
pub fn sums_by<const K: usize>(
    values: &[f64],
    part: impl Fn(&[f64]) -> [f64; K] + Sync + Send,
) -> [f64; K] {
    let mut total = [0.0; K];
    for part in chunk_map(values, part) {
        for (sum, term) in total.iter_mut().zip(part) {
            *sum += term;
        }
    }
    total
}

/// `f` of each chunk of 4096 values, in order, on several threads if it is worth it.
fn chunk_map<R: Send>(values: &[f64], f: impl Fn(&[f64]) -> R + Sync + Send) -> Vec<R> {
    let tasks = values.len().div_ceil(CHUNK * TASK);
    let parts = parallel::map(tasks, values.len(), |t| {
        let end = values.len().min((t + 1) * CHUNK * TASK);
        values[t * CHUNK * TASK..end]
            .chunks(CHUNK)
            .map(&f)
            .collect::<Vec<_>>()
    });
    parts.into_iter().flatten().collect()
}

/// Mean of `values`; NaN for an empty slice.
///
/// Taken as the first value plus the mean difference to it, so that equal values have exactly that
/// value as their mean.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    let Some(&first) = values.first() else {
        return f64::NAN;
    };
    let [sum] = sums_by(values, |part| [sum_by(part, |x| x - first)]);
    first + sum / values.len() as f64
}

/// Lowest and highest value; infinity and minus infinity for an empty slice.
#[must_use]
pub fn span(values: &[f64]) -> (f64, f64) {
    let parts = chunk_map(values, span_chunk);
    parts.into_iter().fold(NO_SPAN, |(l, h), (low, high)| {
        (lower(l, low), higher(h, high))
    })
}

const NO_SPAN: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

#[multiversion::multiversion(targets("x86_64+avx2"))]
pub(crate) fn span_chunk(chunk: &[f64]) -> (f64, f64) {
    let (mut low, mut high) = ([NO_SPAN.0; LANES], [NO_SPAN.1; LANES]);
    let (blocks, rest) = chunk.as_chunks::<LANES>();
    for block in blocks {
        for k in 0..LANES {
            (low[k], high[k]) = (lower(low[k], block[k]), higher(high[k], block[k]));
        }
    }
    let ends = low.iter().zip(&high).chain(rest.iter().map(|x| (x, x)));
    ends.fold(NO_SPAN, |(l, h), (&low, &high)| {
        (lower(l, low), higher(h, high))
    })
}

/// `a` unless `b` is lower: one instruction, which `f64::min` with its care for NaN is not.
#[inline]
pub(crate) fn lower(a: f64, b: f64) -> f64 {
    if b < a {
        b
    } else {
        a
    }
}

/// `a` unless `b` is higher.
#[inline]
pub(crate) fn higher(a: f64, b: f64) -> f64 {
    if b > a {
        b
    } else {
        a
    }
}

/// `1.5 * 2^52`: adding and taking away rounds to the nearest whole number below `2^51`.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// `2^52`: the low bits of `x + 2^52` are the whole number nearest to `x >= 0`.
const BITS: f64 = 4_503_599_627_370_496.0;

/// Nearest whole number, ties to even, of `|x| < 2^51`.
#[inline]
pub(crate) fn nearest(x: f64) -> f64 {
    (x + ROUND) - ROUND
}

/// Largest whole number not above `x`, for `|x| < 2^51`.
#[inline]
pub(crate) fn floor(x: f64) -> f64 {
    let near = nearest(x);
    if near > x {
        near - 1.0
    } else {
        near
    }
}

/// The low 51 bits are the whole number nearest to `x` from 0 to `2^51`; any bits for other `x`.
#[inline]
pub(crate) fn to_bits(x: f64) -> u64 {
    (x + BITS).to_bits()
}

/// The whole number nearest to `x` from 0 to `2^32 - 1`; any number for other `x`.
#[inline]
#[allow(clippy::cast_possible_truncation)] // keeps the low bits on purpose
pub(crate) fn to_index(x: f64) -> u32 {
    to_bits(x) as u32
}

/// A place for each value: a whole number, or the nearest one is meant.
pub(crate) trait Rule: Sync {
    /// The place of `x`, from 0 to `2^32 - 1`.
    fn place(&self, x: f64) -> f64;
}

/// For rules that need not be fast: the loops for AVX2 leave a closure to itself.
impl<F: Fn(f64) -> f64 + Sync> Rule for F {
    fn place(&self, x: f64) -> f64 {
        self(x)
    }
}

/// The places of `values`, one each.
#[multiversion::multiversion(targets("x86_64+avx2"))]
pub(crate) fn find_places<R: Rule>(rule: &R, values: &[f64], places: &mut [u32]) {
    for (to, &x) in places.iter_mut().zip(values) {
        *to = to_index(rule.place(x));
    }
}

/// How many values fall into each of `bins` bins, which the rule numbers from 0 to `bins - 1`.
///
/// # Panics
/// If a place is outside these limits.
#[must_use]
pub(crate) fn count_by(values: &(impl Values + ?Sized), bins: usize, rule: &impl Rule) -> Vec<u64> {
    let tables = of_parts(values, |part| {
        let mut tally = Tally::new(bins);
        let mut places = [0u32; 512];
        values.for_each_run_of(part, |run| {
            for few in run.chunks(places.len()) {
                find_places(rule, few, &mut places);
                tally.add(&places[..few.len()]);
            }
        });
        tally.sum()
    });
    let mut counts = vec![0; bins];
    for table in tables {
        for (sum, n) in counts.iter_mut().zip(table) {
            *sum += u64::from(n);
        }
    }
    counts
}

/// Counts of indices. Four tables take turns while they are small: neighbours often share an index,
/// and a count has to wait for the one before it in the same place.
pub(crate) struct Tally {
    tables: [Vec<u32>; 4],
    turns: bool,
}

impl Tally {
    /// Counts of 0 for the indices below `places`.
    pub(crate) fn new(places: usize) -> Self {
        let turns = places <= 4096;
        let length = |table| if turns || table == 0 { places } else { 0 };
        let tables = std::array::from_fn(|table| vec![0; length(table)]);
        Self { tables, turns }
    }

    /// Counts each index once; panics if one is not below `places`.
    #[inline]
    pub(crate) fn add(&mut self, indices: &[u32]) {
        let [a, b, c, d] = &mut self.tables;
        let (fours, rest) = indices.as_chunks::<4>();
        if self.turns {
            for four in fours {
                a[four[0] as usize] += 1;
                b[four[1] as usize] += 1;
                c[four[2] as usize] += 1;
                d[four[3] as usize] += 1;
            }
        } else {
            fours.iter().flatten().for_each(|&i| a[i as usize] += 1);
        }
        for &i in rest {
            a[i as usize] += 1;
        }
    }

    /// The counts by index.
    pub(crate) fn sum(self) -> Vec<u32> {
        let [mut sums, others @ ..] = self.tables;
        for table in &others {
            sums.iter_mut().zip(table).for_each(|(sum, n)| *sum += n);
        }
        sums
    }
}

/// Where the percentile lies among `n` sorted values: the index of the value below (or at) it and
/// the fraction of the way to the next value.
///
/// The rule: `P_p` lies at position `p (n - 1) / 100` of the values sorted and numbered from 0,
/// with linear interpolation between neighbours. So `P_0` is the minimum, `P_50` the sample
/// median (the mean of the middle two for even `n`), `P_100` the maximum. IBSI names no rule; its
/// reference values rule out the one that puts `P_p` at `p n / 100 - 1/2`, which gives 4.2 instead
/// of 4 as the digital phantom's 90th percentile.
///
/// # Panics
/// If `n` is 0 or `percent` above 100.
#[must_use]
pub fn percentile_position(n: usize, percent: u32) -> (usize, f64) {
    assert!(
        n > 0 && percent <= 100,
        "percentile {percent} of {n} values"
    );
    let (last, percent) = (n - 1, percent as usize);
    // 128 bits are not needed: a hundred times the voxels of any image fit into 64.
    (last * percent / 100, (last * percent % 100) as f64 / 100.0)
}

/// The value a `fraction` of the way from `below` to `above`.
#[must_use]
#[allow(clippy::float_cmp)] // the exact half
pub fn between(below: f64, above: f64, fraction: f64) -> f64 {
    if fraction == 0.5 {
        f64::midpoint(below, above)
    } else {
        below + (above - below) * fraction
    }
}

/// Percentiles of finite `values` in any order, by the rule of [`percentile_position`]; NaN for an
/// empty slice. O(n) for any distribution.
#[must_use]
pub fn percentiles<const K: usize>(values: &[f64], percents: [u32; K]) -> [f64; K] {
    percentiles_within(values, span(values), percents)
}

/// [`percentiles`] of values whose lowest and highest are known.
pub(crate) fn percentiles_within<const K: usize>(
    values: &[f64],
    span: (f64, f64),
    percents: [u32; K],
) -> [f64; K] {
    if values.is_empty() {
        return [f64::NAN; K];
    }
    let places = percents.map(|p| percentile_position(values.len(), p));
    let last = values.len() - 1;
    let mut ranks: Vec<usize> = places
        .iter()
        .flat_map(|&(below, _)| [below, (below + 1).min(last)])
        .collect();
    ranks.sort_unstable();
    ranks.dedup();
    let found = order_statistics(values, span, &ranks, 0);
    let at = |rank: usize| found[ranks.partition_point(|&r| r < rank)];
    places.map(|(below, fraction)| between(at(below), at((below + 1).min(last)), fraction))
}

/// One percentile, as [`percentiles`].
#[must_use]
pub fn percentile(values: &[f64], percent: u32) -> f64 {
    let [value] = percentiles(values, [percent]);
    value
}

/// Buckets that split the range of values in [`order_statistics`]; fit the first-level cache twice.
const BUCKETS: usize = 2048;
/// Values that are cheaper to select from directly.
const FEW: usize = 1024;
/// Ranges are split this many times at most, in case outliers leave most values in one bucket.
const DEPTH: u32 = 4;

/// The values that would stand at `ranks` (ascending, each once) if `values` were sorted.
///
/// Equal buckets over the range are counted, and only the values of buckets that hold a rank are
/// looked at again: 2.2 ms for ten ranks of 10^6 smoothed values.
#[allow(clippy::float_cmp)] // all values are the same or not
pub(crate) fn order_statistics(
    values: &[f64],
    (low, high): (f64, f64),
    ranks: &[usize],
    depth: u32,
) -> Vec<f64> {
    let range = high - low;
    if values.len() <= FEW || depth == DEPTH || !range.is_finite() {
        return select(values.to_vec(), ranks);
    }
    if low == high {
        return vec![low; ranks.len()];
    }
    // (x - low) * unit is from 0 to below 2 and rises with x; so does the bucket.
    let (unit, scale) = (1.0 / power_of_two_below(range), (BUCKETS / 2 - 1) as f64);
    let index = |x: f64| (x - low) * unit * scale;
    let counts = count_by(values, BUCKETS, &index);
    // For each bucket with a rank: its place in `wanted`, the values before it.
    let (mut place, mut wanted) = ([u8::MAX; BUCKETS], Vec::new());
    let (mut before, mut next) = (0, 0);
    for (bucket, &n) in counts.iter().enumerate() {
        let (first, n) = (next, usize::try_from(n).unwrap_or(usize::MAX));
        while next < ranks.len() && ranks[next] < before + n {
            next += 1;
        }
        if next > first {
            // At most 255 buckets are told apart; no caller asks for that many ranks.
            place[bucket] = u8::try_from(wanted.len()).unwrap_or(u8::MAX);
            let inside: Vec<_> = ranks[first..next].iter().map(|r| r - before).collect();
            wanted.push((inside, Vec::with_capacity(n)));
        }
        before += n;
    }
    for &x in values {
        let p = place[to_index(index(x)) as usize % BUCKETS];
        if p != u8::MAX {
            wanted[p as usize].1.push(x);
        }
    }
    let found = wanted
        .into_iter()
        .map(|(ranks, part): (Vec<usize>, Vec<f64>)| {
            order_statistics(&part, span(&part), &ranks, depth + 1)
        });
    found.flatten().collect()
}

/// The same by selection in place, each rank in what lies above the rank before it.
fn select(mut values: Vec<f64>, ranks: &[usize]) -> Vec<f64> {
    let (mut rest, mut before) = (&mut values[..], 0);
    let mut found = Vec::with_capacity(ranks.len());
    for &rank in ranks {
        let (_, &mut value, above) = rest.select_nth_unstable_by(rank - before, f64::total_cmp);
        found.push(value);
        (rest, before) = (above, rank + 1);
    }
    found
}

/// The largest power of two that is not above `x > 0`; the smallest normal one for smaller `x`.
#[must_use]
pub(crate) fn power_of_two_below(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & 0x7ff0_0000_0000_0000).max(f64::MIN_POSITIVE)
}

/// NaN for what no double can hold.
#[must_use]
pub(crate) fn finite(x: f64) -> f64 {
    if x.is_finite() {
        x
    } else {
        f64::NAN
    }
}

/// True if a mean of values of magnitude `largest` at most is 0 but for rounding: at most four units
/// in the last place of `largest`.
#[must_use]
pub fn vanishes(mean: f64, largest: f64) -> bool {
    mean.abs() <= 4.0 * f64::EPSILON * largest
}

/// `-Σ p log2 p` over probabilities; terms with `p = 0` contribute 0.
#[must_use]
pub fn entropy_bits(probabilities: impl IntoIterator<Item = f64>) -> f64 {
    let terms = probabilities
        .into_iter()
        .filter(|&p| p > 0.0)
        .map(|p| p * p.log2());
    0.0 - terms.sum::<f64>() // a negated sum would give -0 for a certain event
}

#[cfg(test)]
#[allow(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounding_helpers_are_what_they_replace() {
        for x in [
            0.0,
            0.3,
            0.5,
            1.0,
            1.5,
            2.5,
            0.1 + 0.2,
            65_534.999_999,
            1e15,
            2.0 - 1e-16,
        ] {
            for x in [x, -x, x + 7.0] {
                assert_eq!(floor(x), x.floor(), "{x}");
            }
            assert_eq!(
                to_bits(x.floor()) & ((1 << 51) - 1),
                x.floor() as u64,
                "{x}"
            );
        }
        assert_eq!(power_of_two_below(5.0), 4.0);
        assert_eq!(power_of_two_below(4.0), 4.0);
        assert_eq!(power_of_two_below(0.0), f64::MIN_POSITIVE);
    }

    #[test]
    fn percentiles_follow_the_rule() {
        // The digital phantom, whose 90th percentile is 4 and not 4.2.
        let x: Vec<f64> = [(1.0, 50), (3.0, 1), (4.0, 16), (6.0, 7)]
            .iter()
            .flat_map(|&(v, n)| std::iter::repeat_n(v, n))
            .collect();
        assert_eq!(
            percentiles(&x, [0, 10, 50, 75, 90, 100]),
            [1.0, 1.0, 1.0, 4.0, 4.0, 6.0]
        );
        assert_eq!(percentile(&[3.0, 1.0, 2.0, 10.0], 50), 2.5);
        assert_eq!(percentile(&[0.0, 1.0], 25), 0.25);
        assert_eq!(percentile(&[7.0], 90), 7.0);
        assert!(percentile(&[], 90).is_nan());
    }

    proptest! {
        #[test]
        fn order_statistics_are_those_of_a_sort(
            x in prop::collection::vec((-1.0f64..1.0, 0u8..4), 1100..6000),
            kind in 0u8..5,
            seed in 0usize..1000,
        ) {
            let of = |(x, k): (f64, u8)| match kind {
                0 => x,
                1 => (x * 5.0).round() / 10.0,                // ties
                2 => (x * 700.0).exp(),                       // most values in the lowest bucket
                3 => if k == 0 { x * 1e300 } else { x * 1e-9 }, // far outliers
                _ => x * 1e-310,                              // below the normal numbers
            };
            let x: Vec<f64> = x.into_iter().map(of).collect();
            let mut sorted = x.clone();
            sorted.sort_by(f64::total_cmp);
            let mut ranks = vec![0, seed, seed + 1, x.len() / 2, x.len() - 1];
            ranks.sort_unstable();
            ranks.dedup();
            let expected: Vec<f64> = ranks.iter().map(|&r| sorted[r]).collect();
            prop_assert_eq!(order_statistics(&x, span(&x), &ranks, 0), expected);
            prop_assert_eq!(span(&x), (sorted[0], sorted[x.len() - 1]));
        }

        #[test]
        fn sums_and_counts_are_right(x in prop::collection::vec(0u16..500, 0..10_000)) {
            let values: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
            let expected: u64 = x.iter().map(|&x| u64::from(x)).sum();
            let [sum] = sums_by(&values, |part| [sum_by(part, |x| x)]);
            prop_assert_eq!(sum, expected as f64);
            let mut counts = vec![0; 500];
            for &x in &x {
                counts[x as usize] += 1;
            }
            prop_assert_eq!(count_by(&values[..], 500, &|x| x), counts);
        }
    }
}
