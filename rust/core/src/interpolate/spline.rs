//! Cubic B-spline coefficients of a signal, by two recursions along it (Unser 1993, Thévenaz 2000).
//!
//! The coefficients c with (c[k-1] + 4 c[k] + c[k+1]) / 6 = f[k] are those of the filter with the
//! pole z = sqrt(3) - 2: forwards c+[k] = 6 f[k] + z c+[k-1], backwards c[k] = z (c[k+1] - c+[k]).
//! The signal goes on for ever with its first value before its start and its last value after its
//! end; both recursions start with the sums that this gives in closed form.

/// The pole z = sqrt(3) - 2.
const POLE: f64 = -0.267_949_192_431_122_7;

/// Voxels after which a wrong start of a recursion no longer matters: |z|^28 = 1e-16.
pub(super) const MARGIN: isize = 28;

/// Turns signals into their coefficients; `lines` holds them side by side, (place, lane).
///
/// Works on the difference to each signal's first value, so that a constant is its own
/// coefficients to the bit, and the forward recursion starts with 0. NaN spreads over its lane.
pub(super) fn prefilter(lines: &mut [f64], lanes: usize) {
    // Known at compile time, the loops over eight lanes unroll.
    if lanes == 8 {
        filter(lines, 8);
    } else {
        filter(lines, lanes);
    }
}

#[inline(always)]
#[allow(clippy::inline_always)] // the one call with a constant is what it is for
fn filter(lines: &mut [f64], lanes: usize) {
    if lanes == 0 || lines.len() < 2 * lanes {
        return; // a constant
    }
    let (first, rest) = lines.split_at_mut(lanes);
    let base = first.to_vec();
    let last: Vec<f64> = rest[rest.len() - lanes..].to_vec();
    first.fill(0.0);
    let mut before = &*first;
    for row in rest.chunks_exact_mut(lanes) {
        for ((x, p), b) in row.iter_mut().zip(before).zip(&base) {
            *x = 6.0 * (*x - b) + POLE * p;
        }
        before = row;
    }
    // From the end on c+ is s + z^k (c+ - s) with s = 6 f / (1 - z), and c the sum of -z^(k+1) c+.
    let mut next = last;
    for ((n, p), b) in next.iter_mut().zip(before).zip(&base) {
        let steady = 6.0 * (*n - b) / (1.0 - POLE);
        *n = -POLE * (steady / (1.0 - POLE) + (p - steady) / (1.0 - POLE * POLE));
    }
    let (rest, end) = lines.split_at_mut(lines.len() - lanes);
    for ((x, n), b) in end.iter_mut().zip(&next).zip(&base) {
        *x = n + b;
    }
    for row in rest.chunks_exact_mut(lanes).rev() {
        for ((x, n), b) in row.iter_mut().zip(&mut next).zip(&base) {
            *n = POLE * (*n - *x);
            *x = *n + b;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn coefficients_reproduce_the_signal_and_continue_it(
            signal in prop::collection::vec(-100.0f64..100.0, 1..40),
            lanes in 1usize..10,
        ) {
            let n = signal.len();
            // Lane l holds the signal scaled by l + 1.
            let mut lines: Vec<f64> = signal
                .iter()
                .flat_map(|f| (0..lanes).map(move |l| f * (l + 1) as f64))
                .collect();
            prefilter(&mut lines, lanes);
            for lane in 0..lanes {
                let c = |k: usize| lines[k * lanes + lane] / (lane + 1) as f64;
                for (k, f) in (1..).zip(signal.windows(3).map(|w| w[1])) {
                    let sum = c(k - 1) + 4.0 * c(k) + c(k + 1);
                    prop_assert!((sum / 6.0 - f).abs() < 1e-12);
                }
                // Where the signal is constant, c is f + z^k (c - f).
                if n > 1 {
                    let (f, c0, c1) = (signal[0], c(0), c(1));
                    let outside = f + POLE * (c0 - f);
                    prop_assert!(((outside + 4.0 * c0 + c1) / 6.0 - f).abs() < 1e-12);
                    let (f, c0, c1) = (signal[n - 1], c(n - 1), c(n - 2));
                    let outside = f + POLE * (c0 - f);
                    prop_assert!(((outside + 4.0 * c0 + c1) / 6.0 - f).abs() < 1e-12);
                } else {
                    prop_assert_eq!(c(0), signal[0] * (lane + 1) as f64 / (lane + 1) as f64);
                }
            }
        }
    }

    #[test]
    fn a_constant_is_its_own_coefficients() {
        for value in [0.1, -1024.0, 1e300 / 7.0] {
            let mut lines = vec![value; 21 * 5];
            prefilter(&mut lines, 5);
            assert!(lines.iter().all(|&c| c == value));
        }
        assert!((POLE - (3f64.sqrt() - 2.0)).abs() < 3e-16);
    }
}
