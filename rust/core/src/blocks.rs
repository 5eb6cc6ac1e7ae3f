//! Masked voxels, sixteen at a time: most blocks lie wholly inside or outside a region and need no
//! look at each voxel's mask (the statistics' copy of 10^6 of 2.2 10^6 voxels: 2.4 ms voxel by
//! voxel, 1.1 ms by blocks).

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

/// A block's voxels as bytes of 0 or 1 in two words, the first voxel lowest.
#[inline]
fn words(mask: &[bool; BLOCK]) -> [u64; 2] {
    // Written out, this is two loads; `array::from_fn` and `map` are sixteen (3x the time).
    let m = |k: usize| u8::from(mask[k]);
    let low = [m(0), m(1), m(2), m(3), m(4), m(5), m(6), m(7)];
    let high = [m(8), m(9), m(10), m(11), m(12), m(13), m(14), m(15)];
    [u64::from_le_bytes(low), u64::from_le_bytes(high)]
}

/// Number of set voxels of a block.
#[inline]
pub(crate) fn set_in(mask: &[bool; BLOCK]) -> u64 {
    let [low, high] = words(mask);
    // The multiplication adds all bytes in the highest one.
    (low + high).wrapping_mul(0x0101_0101_0101_0101) >> 56
}

/// Place of the set voxel before which `n` are set.
#[inline]
pub(crate) fn nth_set(mask: &[bool; BLOCK], n: u64) -> usize {
    let mut left = bits(mask);
    (0..n).for_each(|_| left &= left - 1); // drops the lowest
    left.trailing_zeros() as usize
}

/// How much of `mask` is set.
#[inline]
pub(crate) fn cover(mask: &[bool; BLOCK]) -> Cover {
    match set_in(mask) {
        0 => Cover::None,
        16 => Cover::All,
        _ => Cover::Part,
    }
}

/// Number of set voxels.
pub(crate) fn count(mask: &[bool]) -> usize {
    let (blocks, rest) = mask.as_chunks::<BLOCK>();
    let inside: u64 = blocks.iter().map(set_in).sum();
    usize::try_from(inside).unwrap_or(usize::MAX) + rest.iter().filter(|&&m| m).count()
}

/// The last voxels of a mask, which are less than a block, filled up with unset ones.
#[inline]
pub(crate) fn filled_up(rest: &[bool]) -> [bool; BLOCK] {
    let mut block = [false; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    block
}

/// Calls `all` with each block inside the mask and `part` with each that is partly inside, in order;
/// `part` also gets what is left at the end.
#[inline]
fn for_each(
    values: &[f64],
    mask: &[bool],
    mut visit: impl FnMut(Result<&[f64; BLOCK], (&[f64], &[bool])>),
) {
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

/// The `n` values inside the mask, in order.
pub(crate) fn selected(values: &[f64], mask: &[bool], n: usize) -> Vec<f64> {
    let mut out = Vec::with_capacity(n);
    let (blocks, rest) = mask.as_chunks::<BLOCK>();
    let mut kept = [0.0; 2 * BLOCK];
    for (k, mask) in blocks.iter().enumerate() {
        let n = select(values, k * BLOCK, mask, &mut kept);
        out.extend_from_slice(&kept[..n]);
    }
    let n = select(values, mask.len() - rest.len(), &filled_up(rest), &mut kept);
    out.extend_from_slice(&kept[..n]);
    out
}

/// Puts those of the values from `start` on that are inside the mask to the start of `to`, and
/// returns how many these are. What follows them in `to`, up to two blocks, is written over.
///
/// A run of set voxels is copied as a whole block, which is a few moves of registers: blocks at the
/// edge of a region take half the time that voxel by voxel does (all of the selection of 10^6
/// values: 0.4 ms, 0.8 ms).
#[inline]
pub(crate) fn select(values: &[f64], start: usize, mask: &[bool; BLOCK], to: &mut [f64]) -> usize {
    match set_in(mask) {
        0 => 0,
        16 => {
            copy(values, start, BLOCK, to);
            BLOCK
        }
        _ => select_runs(values, start, bits(mask), to),
    }
}

/// The voxels whose bits are set, run by run.
fn select_runs(values: &[f64], start: usize, mut bits: u64, to: &mut [f64]) -> usize {
    let mut n = 0;
    while bits != 0 {
        let first = bits.trailing_zeros();
        let length = (!(bits >> first)).trailing_zeros();
        bits &= !(((1 << length) - 1) << first);
        let from = start + first as usize;
        copy(values, from, length as usize, &mut to[n..]);
        n += length as usize;
    }
    n
}

/// Copies `length` values, by a whole block wherever there is one.
#[inline]
fn copy(values: &[f64], from: usize, length: usize, to: &mut [f64]) {
    match (
        values[from..].first_chunk::<BLOCK>(),
        to.first_chunk_mut::<BLOCK>(),
    ) {
        (Some(block), Some(to)) => *to = *block,
        _ => to[..length].copy_from_slice(&values[from..from + length]),
    }
}

/// Bit `k` is set if `mask[k]` is.
#[inline]
fn bits(mask: &[bool; BLOCK]) -> u64 {
    // The multiplication brings the eight lowest bits together in the highest byte.
    const TOGETHER: u64 = 0x0102_0408_1020_4080;
    let [low, high] = words(mask);
    low.wrapping_mul(TOGETHER) >> 56 | high.wrapping_mul(TOGETHER) >> 56 << 8
}

/// Lowest and highest value inside the mask; infinity and minus infinity if there is none.
pub(crate) fn span(values: &[f64], mask: &[bool]) -> (f64, f64) {
    const LANES: usize = BLOCK / 2;
    let (mut low, mut high) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    for_each(values, mask, |block| match block {
        Ok(all) => {
            for half in all.as_chunks::<LANES>().0 {
                for k in 0..LANES {
                    low[k] = lower(low[k], half[k]);
                    high[k] = higher(high[k], half[k]);
                }
            }
        }
        Err((values, mask)) => {
            for (values, mask) in values.chunks(LANES).zip(mask.chunks(LANES)) {
                for (k, (&x, &m)) in values.iter().zip(mask).enumerate() {
                    // Outside counts as the neutral value.
                    low[k] = lower(low[k], if m { x } else { f64::INFINITY });
                    high[k] = higher(high[k], if m { x } else { f64::NEG_INFINITY });
                }
            }
        }
    });
    let low = low.into_iter().fold(f64::INFINITY, lower);
    (low, high.into_iter().fold(f64::NEG_INFINITY, higher))
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
pub(crate) fn all_finite(values: &[f64]) -> bool {
    // Adding one to an exponent that is all ones, and only to such, carries into the sign.
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    let carry = |x: &f64| (x.to_bits() & EXPONENT).wrapping_add(1 << 52);
    values.iter().fold(0, |all, x| all | carry(x)) >> 63 == 0
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
            for limit in [low, high] {
                let expected = inside.iter().any(|&x| x > limit);
                prop_assert_eq!(super::any(&values, &mask, |x| x > limit || x.is_nan()), expected);
            }
            prop_assert!(all_finite(&inside));
            prop_assert_eq!(all_finite(&values), values.iter().all(|x| x.is_finite()));
        }
    }

    #[test]
    fn long_masks_and_extreme_values() {
        assert_eq!(count(&[true; 16 * 256 + 3]), 16 * 256 + 3);
        assert!(all_finite(&[f64::MAX, f64::MIN_POSITIVE, -0.0, -f64::MAX]));
        assert!(!all_finite(&[f64::NEG_INFINITY]) && !all_finite(&[-f64::NAN]));
    }
}
