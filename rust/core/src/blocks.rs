//! Masked voxels, sixteen at a time: most blocks lie wholly inside or outside a region and need no
//! look at each voxel's mask.

use std::ops::Range;

use crate::numeric::{higher, lower};

/// Voxels in a block.
pub(crate) const BLOCK: usize = 16;

/// How much of a block is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cover {
    None,
    Part,
    All,
}

/// How much of `mask` is set.
#[inline]
pub(crate) fn cover(mask: &[bool; BLOCK]) -> Cover {
    match mask.iter().map(|&m| u8::from(m)).sum::<u8>() {
        0 => Cover::None,
        16 => Cover::All,
        _ => Cover::Part,
    }
}

/// Number of set voxels.
pub(crate) fn count(mask: &[bool]) -> usize {
    let (blocks, rest) = mask.as_chunks::<BLOCK>();
    let mut sum = 0;
    for blocks in blocks.chunks(255) {
        let mut lanes = [0u8; BLOCK]; // at most 255 each
        for block in blocks {
            lanes
                .iter_mut()
                .zip(block)
                .for_each(|(n, &m)| *n += u8::from(m));
        }
        sum += lanes.iter().map(|&n| usize::from(n)).sum::<usize>();
    }
    sum + rest.iter().filter(|&&m| m).count()
}

/// A block inside the mask, or a part of one and its mask.
type Visited<'a> = Result<&'a [f64; BLOCK], (&'a [f64], &'a [bool])>;

/// Calls `visit` with each block that is inside the mask, wholly (`Ok`) or partly (`Err`), in order,
/// and with what is left at the end (`Err`).
#[inline]
fn for_each(values: &[f64], mask: &[bool], mut visit: impl FnMut(Visited<'_>)) {
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    let (masks, rest_mask) = mask.as_chunks::<BLOCK>();
    for (x, m) in blocks.iter().zip(masks) {
        match cover(m) {
            Cover::None => {}
            Cover::All => visit(Ok(x)),
            Cover::Part => visit(Err((x, m))),
        }
    }
    visit(Err((rest, rest_mask)));
}

/// Calls `each` with the places of every run of set voxels, in order.
pub(crate) fn for_each_run(mask: &[bool], mut each: impl FnMut(Range<usize>)) {
    const SET: u64 = 0x0101_0101_0101_0101;
    let (blocks, rest) = mask.as_chunks::<BLOCK>();
    let (mut start, mut inside) = (0, false);
    let mut cross = |place: usize, inside: bool| {
        if inside {
            each(start..place);
        }
        start = place;
    };
    for (k, block) in blocks.iter().enumerate() {
        let [low, high] = words(block);
        let same = if inside { SET } else { 0 };
        if low == same && high == same {
            continue;
        }
        let bits = together(low) | together(high) << 8;
        // Bit `k` is set where voxel `k` is not as the one before it.
        let mut edges = (bits ^ (bits << 1 | u64::from(inside))) & 0xffff;
        while edges != 0 {
            cross(k * BLOCK + edges.trailing_zeros() as usize, inside);
            inside = !inside;
            edges &= edges - 1; // drops the lowest
        }
    }
    for (place, &m) in (mask.len() - rest.len()..).zip(rest) {
        if m != inside {
            cross(place, inside);
            inside = m;
        }
    }
    cross(mask.len(), inside);
}

/// The part of a row from its first to its last voxel that is not 0; empty if there is none.
pub(crate) fn extent<T: Copy + Default + PartialEq>(row: &[T]) -> Range<usize> {
    // Pieces are looked at first, each to its end: that takes SIMD (0.80 ms -> 0.35 ms for the rows
    // of a ball in 131^3 voxels).
    const PIECE: usize = 32;
    let set = |voxel: &T| *voxel != T::default();
    let any = |piece: &[T]| piece.iter().fold(false, |any, voxel| any | set(voxel));
    let Some(head) = row.chunks(PIECE).position(any) else {
        return 0..0;
    };
    let tail = row.chunks(PIECE).rposition(any).unwrap_or(head);
    let (first, end) = (head * PIECE, row.len().min((tail + 1) * PIECE));
    let before = row[first..].iter().position(set).unwrap_or(0);
    let behind = row[..end].iter().rev().position(set).unwrap_or(0);
    first + before..end - behind
}

/// A block's voxels as bytes of 0 or 1 in two words, the first voxel lowest.
#[inline]
fn words(mask: &[bool; BLOCK]) -> [u64; 2] {
    // Written out, this is two loads; `array::from_fn` and `map` are sixteen.
    let m = |k: usize| u8::from(mask[k]);
    let low = [m(0), m(1), m(2), m(3), m(4), m(5), m(6), m(7)];
    let high = [m(8), m(9), m(10), m(11), m(12), m(13), m(14), m(15)];
    [u64::from_le_bytes(low), u64::from_le_bytes(high)]
}

/// The lowest bits of eight bytes in one.
#[inline]
fn together(word: u64) -> u64 {
    word.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The `n` values inside the mask, in order.
pub(crate) fn selected(values: &[f64], mask: &[bool], n: usize) -> Vec<f64> {
    let mut out = Vec::with_capacity(n);
    for_each_run(mask, |run| out.extend_from_slice(&values[run]));
    out
}

/// Lowest and highest value inside the mask; infinity and minus infinity if there is none.
pub(crate) fn span(values: &[f64], mask: &[bool]) -> (f64, f64) {
    let mut ends = Ends::new();
    ends.take(values, mask);
    ends.span()
}

/// [`span`], or `None` if a value inside the mask is NaN or infinite; in one pass.
pub(crate) fn finite_span(values: &[f64], mask: &[bool]) -> Option<(f64, f64)> {
    let mut ends = Ends::new();
    let mut parts = values.chunks(PART).zip(mask.chunks(PART));
    let finite = parts.all(|(values, mask)| {
        ends.take(values, mask);
        finite_inside(values, mask)
    });
    finite.then(|| ends.span())
}

/// True if no value inside the mask is NaN or infinite; quick where none is outside either.
pub(crate) fn finite_inside(values: &[f64], mask: &[bool]) -> bool {
    all_finite(values) || values.iter().zip(mask).all(|(x, &m)| !m || x.is_finite())
}

/// Values that are looked at again while they are in the first-level cache.
pub(crate) const PART: usize = 2048;

/// Lowest and highest value so far, in lanes.
pub(crate) struct Ends {
    low: [f64; BLOCK],
    high: [f64; BLOCK],
}

impl Ends {
    pub fn new() -> Self {
        Self {
            low: [f64::INFINITY; BLOCK],
            high: [f64::NEG_INFINITY; BLOCK],
        }
    }

    /// Looks at the values inside the mask.
    pub fn take(&mut self, values: &[f64], mask: &[bool]) {
        widen(self, values, mask);
    }

    /// Infinity and minus infinity if there was no value.
    pub fn span(&self) -> (f64, f64) {
        let low = self.low.into_iter().fold(f64::INFINITY, lower);
        let high = self.high.into_iter().fold(f64::NEG_INFINITY, higher);
        (low, high)
    }
}

/// [`Ends::take`].
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn widen(ends: &mut Ends, values: &[f64], mask: &[bool]) {
    let Ends { low, high } = ends;
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    let (masks, rest_mask) = mask.as_chunks::<BLOCK>();
    for (x, m) in blocks.iter().zip(masks) {
        match cover(m) {
            Cover::None => {}
            Cover::All => {
                for k in 0..BLOCK {
                    low[k] = lower(low[k], x[k]);
                    high[k] = higher(high[k], x[k]);
                }
            }
            Cover::Part => {
                for k in 0..BLOCK {
                    // Outside counts as the neutral value.
                    low[k] = lower(low[k], if m[k] { x[k] } else { f64::INFINITY });
                    high[k] = higher(high[k], if m[k] { x[k] } else { f64::NEG_INFINITY });
                }
            }
        }
    }
    for (&x, _) in rest.iter().zip(rest_mask).filter(|(_, &m)| m) {
        (low[0], high[0]) = (lower(low[0], x), higher(high[0], x));
    }
}

/// True if `holds` for any value inside the mask.
pub(crate) fn any(values: &[f64], mask: &[bool], holds: impl Fn(f64) -> bool) -> bool {
    let mut any = false;
    for_each(values, mask, |block| match block {
        Ok(all) => any |= all.iter().fold(false, |any, &x| any | holds(x)),
        Err((values, mask)) => {
            any |= values
                .iter()
                .zip(mask)
                .fold(false, |any, (&x, &m)| any | (m & holds(x)));
        }
    });
    any
}

/// The voxels of `mask` whose value lies from `low` to `high`, written to `to`.
pub(crate) fn within(values: &[f64], mask: &[bool], (low, high): (f64, f64), to: &mut [bool]) {
    #[inline]
    #[allow(clippy::needless_bitwise_bool)] // a lazy `&&` is a branch and stops vectorisation
    fn each(x: &[f64], m: &[bool], (low, high): (f64, f64), to: &mut [bool]) {
        for ((to, &x), &m) in to.iter_mut().zip(x).zip(m) {
            *to = m & (x >= low) & (x <= high);
        }
    }
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    let (masks, rest_mask) = mask.as_chunks::<BLOCK>();
    let (places, rest_place) = to.as_chunks_mut::<BLOCK>();
    for ((x, m), to) in blocks.iter().zip(masks).zip(places) {
        if cover(m) == Cover::None {
            *to = [false; BLOCK];
        } else {
            each(x, m, (low, high), to);
        }
    }
    each(rest, rest_mask, (low, high), rest_place);
}

/// True if no value is NaN or infinite.
#[multiversion::multiversion(targets("x86_64+avx2"))]
pub(crate) fn all_finite(values: &[f64]) -> bool {
    // Adding one to an exponent that is all ones, and only to such, carries into the sign.
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    let mut all = 0;
    for x in values {
        all |= (x.to_bits() & EXPONENT).wrapping_add(1 << 52);
    }
    all >> 63 == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_give_what_voxels_give(
            runs in prop::collection::vec((0u8..3, 1usize..60), 0..30),
            seed in 1u64..1000,
            (low, high) in (-1.0f64..0.2, -0.2f64..1.0),
        ) {
            // Runs of set, unset and mixed voxels.
            let mut state = seed;
            let mut random = move || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) as f64 / f64::from(1u32 << 30) - 1.0
            };
            let mut mask: Vec<bool> = Vec::new();
            for (kind, length) in runs {
                mask.extend((0..length).map(|_| kind == 1 || (kind == 2 && random() > 0.0)));
            }
            let garbage = [f64::NAN, f64::INFINITY, -1e300];
            let values: Vec<f64> = mask
                .iter()
                .enumerate()
                .map(|(k, &m)| if m { random() } else { garbage[k % 3] })
                .collect();
            let inside: Vec<f64> =
                values.iter().zip(&mask).filter(|(_, &m)| m).map(|(&x, _)| x).collect();
            prop_assert_eq!(count(&mask), inside.len());
            let mut places = Vec::new();
            for_each_run(&mask, |run| places.push(run));
            prop_assert!(places.iter().all(|run| !run.is_empty()));
            prop_assert!(places.windows(2).all(|two| two[0].end < two[1].start));
            prop_assert_eq!(&selected(&values, &mask, inside.len()), &inside);
            let ends = inside.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| {
                (l.min(x), h.max(x))
            });
            prop_assert_eq!(span(&values, &mask), ends);
            let mut kept = vec![true; mask.len()];
            within(&values, &mask, (low, high), &mut kept);
            for ((&x, &m), &k) in values.iter().zip(&mask).zip(&kept) {
                prop_assert_eq!(k, m && low <= x && x <= high);
            }
            prop_assert_eq!(finite_span(&values, &mask), Some(ends));
            for place in [0, values.len() / 2, values.len().saturating_sub(1)] {
                for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                    let mut values = values.clone();
                    if let Some(value) = values.get_mut(place) {
                        *value = bad;
                    }
                    let expected = (!mask.get(place).is_some_and(|&m| m)).then_some(ends);
                    prop_assert_eq!(finite_span(&values, &mask), expected);
                }
            }
            for limit in [low, high] {
                let expected = inside.iter().any(|&x| x > limit);
                prop_assert_eq!(super::any(&values, &mask, |x| x > limit || x.is_nan()), expected);
            }
            prop_assert!(all_finite(&inside));
            prop_assert_eq!(all_finite(&values), values.iter().all(|x| x.is_finite()));
        }
    }

    #[test]
    fn extents_are_those_of_a_plain_search() {
        for n in [1, 31, 32, 33, 100] {
            for a in 0..n {
                for b in a..n {
                    let mut row = vec![0u8; n];
                    (row[a], row[b]) = (3, 1);
                    assert_eq!(extent(&row), a..b + 1);
                }
            }
            assert!(extent(&vec![0u16; n]).is_empty() && extent(&vec![false; n]).is_empty());
        }
    }

    #[test]
    fn counts_do_not_overflow_their_lanes() {
        assert_eq!(count(&[true; 16 * 256 + 3]), 16 * 256 + 3);
        assert!(all_finite(&[f64::MAX, f64::MIN_POSITIVE, -0.0, -f64::MAX]));
        assert!(!all_finite(&[f64::NEG_INFINITY]) && !all_finite(&[-f64::NAN]));
    }
}
