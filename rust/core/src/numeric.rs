//! Sums in one fixed order, so that a value is the same to the bit on any number of threads.

/// Independent accumulators of a sum; a multiple of every SIMD width in use.
const LANES: usize = 8;
/// Values summed before a partial is put aside; keeps the error growth at O(log n) like.
const CHUNK: usize = 4096;

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

/// Mean of `values`; NaN for an empty slice.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    sum_by(values, |x| x) / values.len() as f64
}

/// `-Σ p log2 p` over probabilities; terms with `p = 0` contribute 0.
#[must_use]
pub fn entropy_bits(probabilities: impl IntoIterator<Item = f64>) -> f64 {
    -probabilities
        .into_iter()
        .filter(|&p| p > 0.0)
        .map(|p| p * p.log2())
        .sum::<f64>()
}
