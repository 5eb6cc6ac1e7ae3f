//! The [`Summary`] of many numbers in one pass over them, which is what their memory allows: a
//! sample tells roughly where percentiles and means lie, so that the pass can keep the few values
//! near them and needs only the number and the sum of those between.
//!
//! Nothing rests on the sample but the time: where a percentile or a mean turns out to lie
//! elsewhere, there is no result here, and the summary takes the passes it needs.

use crate::feature::summary::{Summary, PERCENTS};
use crate::numeric::{
    between, finite, higher, lower, mean, nearest, order_statistics, percentile_position,
    percentiles, power_of_two_below, span, span_chunk, sum_by, to_index, LANES,
};
use crate::selection::Values;

/// Numbers that are cheaper to go through again and again.
const FEW: usize = 4096;
/// Numbers of the sample, at most and as a part of all.
const SAMPLE: (usize, usize) = (16_384, 4);
/// Buckets over the range of the sample. Two tables of them, which take turns as neighbours often
/// share a bucket, take 16 KiB.
const BUCKETS: usize = 512;
/// Runs whose sums are kept apart.
const RUNS: usize = 8;
/// Standard errors of the sample by which a percentile or a mean may be off.
const ERRORS: f64 = 3.5;

/// The numbers in one of equal intervals, about the centre and in units of [`Pass`].
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    sum: f64,
    /// A double, so that sum and count are one addition of two.
    count: f64,
}

/// What one pass gives.
struct Pass {
    /// Numbers are summed as `y = (x - centre) / unit`, the unit a power of two near their range.
    centre: f64,
    per_unit: f64,
    /// The bucket of `y` is `y * scale + start`, rounded.
    scale: f64,
    start: f64,
    tables: [[Bucket; BUCKETS]; 2],
    /// Runs since the tables were last added to `totals`: a sum of too many numbers, one after the
    /// other, would be off by too many roundings.
    runs: usize,
    totals: Vec<Bucket>,
    /// Where the numbers themselves are kept.
    keeps: [bool; BUCKETS],
    kept: Vec<f64>,
    span: (f64, f64),
    /// Sums of the first four powers of `y`.
    powers: [f64; 4],
}

impl Pass {
    /// Ready for numbers like those of the sample; `None` where it has no width to speak of.
    fn like(sample: &[f64], total: usize) -> Option<Self> {
        let (low, high) = span(sample);
        let (unit, centre) = (power_of_two_below(high - low), mean(sample));
        let per_unit = 1.0 / unit;
        // The range is less than two units.
        let scale = (BUCKETS / 2 - 1) as f64;
        let mut pass = Self {
            centre,
            per_unit,
            scale,
            start: (centre - low) * per_unit * scale,
            tables: [[Bucket::default(); BUCKETS]; 2],
            runs: 0,
            totals: vec![Bucket::default(); BUCKETS],
            keeps: [false; BUCKETS],
            kept: Vec::with_capacity(total / 8),
            span: (f64::INFINITY, f64::NEG_INFINITY),
            powers: [0.0; 4],
        };
        let usable = high > low && (high - low).is_finite() && centre.is_finite();
        usable.then(|| {
            pass.keep_near_percentiles(sample);
            pass.keep_near_means(sample);
            pass
        })
    }

    fn keep(&mut self, buckets: std::ops::RangeInclusive<usize>) {
        self.keeps[buckets].fill(true);
    }

    fn keep_near_percentiles(&mut self, sample: &[f64]) {
        let mut up_to = vec![0u32; BUCKETS];
        for &x in sample {
            up_to[self.bucket(x)] += 1;
        }
        for k in 1..BUCKETS {
            up_to[k] += up_to[k - 1];
        }
        let last = (sample.len() - 1) as f64;
        for p in PERCENTS.map(|p| f64::from(p) / 100.0) {
            let error = ERRORS * (p * (1.0 - p) * last).sqrt() + 1.0;
            let bucket = |rank: f64| up_to.partition_point(|&n| f64::from(n) <= rank);
            let (first, end) = (p * last - error, p * last + error);
            self.keep(bucket(higher(first, 0.0))..=bucket(lower(end, last)));
        }
    }

    /// Near the mean of all, and of those from the 10th to the 90th percentile.
    fn keep_near_means(&mut self, sample: &[f64]) {
        let [low, high] = percentiles(sample, [10, 90]);
        let inside: Vec<f64> = sample
            .iter()
            .copied()
            .filter(|&x| low <= x && x <= high)
            .collect();
        let squares = sum_by(sample, |x| self.scaled(x) * self.scaled(x));
        let error = ERRORS * (squares / sample.len() as f64 / sample.len() as f64).sqrt();
        for mean in [self.centre, mean(&inside)] {
            let mean = self.scaled(mean);
            self.keep(self.bucket_of(mean - error)..=self.bucket_of(mean + error));
        }
    }

    fn scaled(&self, x: f64) -> f64 {
        (x - self.centre) * self.per_unit
    }

    /// Rises with `y`.
    fn bucket_of(&self, y: f64) -> usize {
        limited(y * self.scale + self.start) as usize
    }

    fn bucket(&self, x: f64) -> usize {
        self.place(x) as usize
    }

    #[inline]
    fn place(&self, x: f64) -> u32 {
        limited(self.scaled(x) * self.scale + self.start)
    }

    /// Adds numbers, a few thousand at a time.
    fn add(&mut self, run: &[f64]) {
        const PART: usize = 256;
        let (low, high) = span_chunk(run);
        self.span = (lower(self.span.0, low), higher(self.span.1, high));
        let by = [self.centre, self.per_unit, self.scale, self.start];
        let (mut scaled, mut places, mut kept) = ([0.0; PART], [0u32; PART], [0.0; PART]);
        for part in run.chunks(PART) {
            let terms = powers(part, by, &mut scaled, &mut places);
            self.powers
                .iter_mut()
                .zip(terms)
                .for_each(|(sum, term)| *sum += term);
            let mut n = 0;
            let [even, odd] = &mut self.tables;
            let keeps = &self.keeps;
            let mut count = |table: &mut [Bucket; BUCKETS], k: usize| {
                let place = places[k] as usize % BUCKETS;
                let bucket = &mut table[place];
                (bucket.sum, bucket.count) = (bucket.sum + scaled[k], bucket.count + 1.0);
                kept[n % PART] = part[k]; // kept only if `n` moves on
                n += usize::from(keeps[place]);
            };
            for k in 0..part.len() / 2 {
                count(even, 2 * k);
                count(odd, 2 * k + 1);
            }
            if part.len() % 2 == 1 {
                count(even, part.len() - 1);
            }
            self.kept.extend_from_slice(&kept[..n]);
        }
        self.runs += 1;
        if self.runs == RUNS {
            self.total();
        }
    }

    /// Adds the tables to the totals and empties them.
    fn total(&mut self) {
        self.runs = 0;
        let [even, odd] = &mut self.tables;
        for ((total, a), b) in self.totals.iter_mut().zip(even).zip(odd) {
            total.sum += a.sum + b.sum;
            total.count += a.count + b.count;
            for table in [a, b] {
                *table = Bucket::default();
            }
        }
    }
}

/// Writes `y` of each number of a part and its bucket, which [`Pass::scaled`] and [`Pass::bucket_of`]
/// give, and returns the sums of the first four powers of `y`, in lanes as [`sum_by`] has them.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn powers(
    part: &[f64],
    [centre, per_unit, scale, start]: [f64; 4],
    scaled: &mut [f64],
    places: &mut [u32],
) -> [f64; 4] {
    for ((y, place), &x) in scaled.iter_mut().zip(places).zip(part) {
        *y = (x - centre) * per_unit;
        *place = limited(*y * scale + start);
    }
    let mut lanes = [[0.0; LANES]; 4];
    for few in scaled[..part.len()].chunks(LANES) {
        for (lane, &y) in few.iter().enumerate() {
            let square = y * y;
            lanes[0][lane] += y;
            lanes[1][lane] += square;
            lanes[2][lane] += square * y;
            lanes[3][lane] += square * square;
        }
    }
    lanes.map(|lanes| lanes.iter().sum())
}

/// The bucket nearest to a place.
#[inline]
fn limited(place: f64) -> u32 {
    to_index(higher(0.0, lower((BUCKETS - 1) as f64, place)))
}

/// The numbers, cut up such that those of every bucket that matters are at hand.
struct Parts {
    pass: Pass,
    /// The numbers of the buckets that were looked at, `None` for the others.
    inside: Vec<Option<Vec<f64>>>,
}

impl Parts {
    fn new(mut pass: Pass) -> Self {
        pass.total();
        Self {
            pass,
            inside: vec![None; BUCKETS],
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count
    fn count(&self, bucket: usize) -> usize {
        self.pass.totals[bucket].count as usize
    }

    /// Takes the numbers of some buckets out of those kept; false if any were not kept.
    fn look_into(&mut self, buckets: &[usize]) -> bool {
        let mut wanted = [false; BUCKETS];
        for &b in buckets {
            let count = self.count(b);
            if count > 0 && !self.pass.keeps[b] {
                return false;
            }
            if self.inside[b].is_none() {
                wanted[b] = true;
                self.inside[b] = Some(Vec::with_capacity(count));
            }
        }
        if wanted.contains(&true) {
            // First without a branch, as no processor could foresee which are wanted.
            let (mut places, mut found) = ([0; 256], [0.0; 256]);
            for part in self.pass.kept.chunks(places.len()) {
                let pass = &self.pass;
                (places.iter_mut().zip(part)).for_each(|(place, &x)| *place = pass.place(x));
                let mut n = 0;
                for (&x, &place) in part.iter().zip(&places) {
                    found[n % 256] = x; // found only if `n` moves on
                    n += usize::from(wanted[place as usize % BUCKETS]);
                }
                for &x in &found[..n] {
                    let inside = self.inside[pass.bucket(x)].as_mut();
                    inside.expect("it was wanted").push(x);
                }
            }
        }
        true
    }

    /// The percentiles, by the rule of [`percentile_position`]; looks into the
    /// means' buckets on the way.
    fn percentiles(&mut self, total: usize, mean: f64) -> Option<[f64; 5]> {
        let places = PERCENTS.map(|p| percentile_position(total, p));
        let mut ranks: Vec<usize> = places
            .iter()
            .flat_map(|&(below, _)| [below, (below + 1).min(total - 1)])
            .collect();
        ranks.sort_unstable();
        ranks.dedup();
        // For each rank its bucket, and the rank of that bucket's first number.
        let (mut found, mut bucket, mut before) = (Vec::new(), 0, 0);
        for &rank in &ranks {
            while before + self.count(bucket) <= rank {
                before += self.count(bucket);
                bucket += 1;
            }
            found.push((bucket, before));
        }
        let mut wanted: Vec<usize> = found.iter().map(|f| f.0).collect();
        wanted.push(self.pass.bucket(mean));
        // The mean of what lies between the outer percentiles is likely to be needed, too.
        let middle = &self.pass.totals[found[0].0..=bucket];
        let (n, sum) = middle
            .iter()
            .fold((0.0, 0.0), |(n, sum), b| (n + b.count, sum + b.sum));
        wanted.push(self.pass.bucket_of(sum / n));
        if !self.look_into(&wanted) {
            return None;
        }
        let mut values = Vec::new();
        for of_bucket in found.chunk_by(|a, b| a.0 == b.0) {
            let (bucket, before) = of_bucket[0];
            let first = values.len();
            let inner: Vec<_> = ranks[first..first + of_bucket.len()]
                .iter()
                .map(|r| r - before)
                .collect();
            let numbers = self.inside[bucket].as_ref()?;
            values.extend(order_statistics(numbers, span(numbers), &inner, 0));
        }
        let at = |rank: usize| values[ranks.partition_point(|&r| r < rank)];
        Some(
            places.map(|(below, fraction)| {
                between(at(below), at((below + 1).min(total - 1)), fraction)
            }),
        )
    }

    /// Of the numbers from `low` to `high`, which may be infinite: how many, their sum, and the sum
    /// of their distances to `from`; the sums in units, the first about the centre.
    fn distances(&mut self, from: f64, (low, high): (f64, f64)) -> Option<[f64; 3]> {
        let ends: Vec<usize> = [low, from, high]
            .into_iter()
            .filter(|x| x.is_finite())
            .map(|x| self.pass.bucket(x))
            .collect();
        if !self.look_into(&ends) {
            return None;
        }
        let y = self.pass.scaled(from);
        let mut sums = [0.0; 3];
        for b in self.pass.bucket(low)..=self.pass.bucket(high) {
            if ends.contains(&b) {
                for &x in self.inside[b].as_ref()? {
                    if low <= x && x <= high {
                        let x = self.pass.scaled(x);
                        sums = [sums[0] + 1.0, sums[1] + x, sums[2] + (x - y).abs()];
                    }
                }
            } else {
                // All on one side of `from`.
                let Bucket { sum, count: n } = self.pass.totals[b];
                sums = [sums[0] + n, sums[1] + sum, sums[2] + (sum - n * y).abs()];
            }
        }
        Some(sums)
    }
}

/// The summary, unless the numbers are few, whole, or not like their sample.
pub(super) fn summary(values: &(impl Values + ?Sized)) -> Option<Summary> {
    let total = values.len();
    if total < FEW {
        return None;
    }
    let sample = values.sample(total.div_ceil(SAMPLE.0).max(SAMPLE.1));
    if sample.iter().all(|&x| nearest(x) == x) {
        return None; // whole numbers are counted
    }
    let mut pass = Pass::like(&sample, total)?;
    values.for_each_run(|run| pass.add(run));
    let ((minimum, maximum), [s1, s2, s3, s4]) = (pass.span, pass.powers);
    let (centre, unit, n) = (pass.centre, 1.0 / pass.per_unit, total as f64);
    // The moments about the mean, which is `d` from the centre.
    let [d, s2n, s3n, s4n] = [s1, s2, s3, s4].map(|s| s / n);
    let m2 = s2n - d * d;
    let m3 = s3n - d * (3.0 * s2n - 2.0 * d * d);
    let m4 = s4n - d * (4.0 * s3n - d * (6.0 * s2n - 3.0 * d * d));
    // False also for NaN, which comes of any that is no finite number.
    if !(16.0 * d * d < m2 && m4.is_finite()) {
        return None;
    }
    let mean = centre + unit * d;
    let mut parts = Parts::new(pass);
    let [p10, p25, median, p75, p90] = parts.percentiles(total, mean)?;
    let (all, middle) = ((f64::NEG_INFINITY, f64::INFINITY), (p10, p90));
    let [_, _, from_mean] = parts.distances(mean, all)?;
    let [_, _, from_median] = parts.distances(median, all)?;
    let [kept, above, _] = parts.distances(median, middle)?;
    let robust_mean = centre + unit * (above / kept);
    let [_, _, robust] = parts.distances(robust_mean, middle)?;
    let size = power_of_two_below(higher(minimum.abs(), maximum.abs()));
    // The sum of (x / size)^2.
    let (u, c) = (unit / size, centre / size);
    let squares = u * u * s2 + 2.0 * u * c * s1 + n * c * c;
    Some(Summary {
        mean,
        minimum,
        maximum,
        p10,
        p25,
        median,
        p75,
        p90,
        mean_deviation: unit * (from_mean / n),
        median_deviation: unit * (from_median / n),
        robust_deviation: unit * (robust / kept),
        root_mean_square: size * (squares / n).sqrt(),
        energy: finite(size * size * squares),
        unit,
        moments: [m2, m3, m4],
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Within what sums of 40,000 numbers may differ by: equal ones are rounded the same way each time.
    fn near(a: f64, b: f64, scale: f64) -> bool {
        (a - b).abs() <= 1e-12 * scale
    }

    fn assert_same(a: &Summary, b: &Summary) {
        let exact = |s: &Summary| [s.minimum, s.maximum, s.p10, s.p25, s.median, s.p75, s.p90];
        assert_eq!(exact(a), exact(b));
        let size = a.minimum.abs().max(a.maximum.abs());
        assert!(near(a.mean, b.mean, size), "{a:?} {b:?}");
        assert!(
            near(a.energy, b.energy, b.energy)
                && near(a.root_mean_square, b.root_mean_square, size)
        );
        let spread = |s: &Summary| [s.mean_deviation, s.median_deviation, s.robust_deviation];
        for (x, y) in spread(a).into_iter().zip(spread(b)) {
            // Near a large number a small spread has the rounding of the large one.
            assert!(near(x, y, y + 0.01 * size), "{a:?} {b:?}");
        }
        // Several passes take the moments about the mean as a double can hold it, which is off by
        // this much of a standard deviation.
        let [ours, sigma] = [a, b].map(|s| s.unit * s.moments[0].sqrt());
        let shape = 3.0 + b.excess_kurtosis().abs();
        let off = 1e-11 + 4.0 * f64::EPSILON * size / sigma;
        assert!((ours - sigma).abs() <= off * sigma, "{a:?} {b:?}");
        assert!(
            (a.skewness() - b.skewness()).abs() <= off * shape,
            "{a:?} {b:?}"
        );
        let kurtosis = [a, b].map(Summary::excess_kurtosis);
        assert!(
            (kurtosis[0] - kurtosis[1]).abs() <= off * shape.powi(2),
            "{a:?} {b:?}"
        );
    }

    /// Numbers in one of several shapes, from a seed.
    fn numbers(n: usize, seed: u64, shape: u8) -> Vec<f64> {
        let mut state = seed;
        let mut uniform = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let mut walk = 0.0;
        (0..n)
            .map(|_| {
                let x = uniform() + uniform() + uniform() - 1.5;
                walk = 0.95 * walk + x;
                match shape {
                    0 => x,
                    1 => walk,
                    2 => x.exp() * 1e4,
                    3 => (x * 8.0).round() / 8.0,
                    4 => 1e6 + x,
                    5 => x.powi(9),
                    6 if uniform() < 0.3 => 0.1,
                    _ => x * 1e-200,
                }
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn one_pass_gives_what_several_give(
            n in 4096usize..40_000, seed in 1u64..1_000_000, shape in 0u8..8,
        ) {
            let x = numbers(n, seed, shape);
            if let Some(found) = summary(x.as_slice()) {
                assert_same(&found, &Summary::by_passes(&x));
            } else {
                // Not where its numbers are nothing unusual.
                prop_assert!(shape > 1);
            }
        }
    }

    #[test]
    fn a_sample_unlike_the_rest_gives_nothing_wrong() {
        // Every number that the sample takes is small, or the same, or not finite elsewhere.
        let base = numbers(20_000, 7, 0);
        let spoilt = |f: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            base.iter().enumerate().map(|(k, &x)| f(k, x)).collect()
        };
        for x in [
            spoilt(&|k, x| if k % 4 == 0 { x } else { x + 40.0 }),
            spoilt(&|k, x| if k % 4 == 0 { x } else { 3.0 * x }),
            spoilt(&|k, x| if k % 4 == 0 { 0.3 } else { x }),
            spoilt(&|k, x| if k == 4097 { 1e30 } else { x }),
            spoilt(&|k, x| if k == 4098 { -1e9 } else { x }),
            vec![0.3; 20_000],
        ] {
            if let Some(found) = summary(x.as_slice()) {
                assert_same(&found, &Summary::by_passes(&x));
            }
        }
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(summary(spoilt(&|k, x| if k == 4097 { bad } else { x }).as_slice()).is_none());
        }
    }
}
