//! Shapes for the tests of this module.

use proptest::prelude::*;

use crate::numeric;

/// A mask in C order and its shape (z, y, x).
pub type Mask = (Vec<bool>, [usize; 3]);

/// Masks with at least one voxel, of every density, also with axes of one voxel; x up to `width`.
pub fn masks(side: usize, width: usize) -> impl Strategy<Value = Mask> {
    let shapes = (1..=side, 1..=side, 1..=width);
    (shapes, 1_u32..=10).prop_flat_map(|((nz, ny, nx), density)| {
        let n = nz * ny * nx;
        let voxel = prop::bool::weighted(f64::from(density) / 10.0);
        (prop::collection::vec(voxel, n), 0..n).prop_map(move |(mut mask, one)| {
            mask[one] = true;
            (mask, [nz, ny, nx])
        })
    })
}

/// Spacings (z, y, x) in mm.
pub fn spacings() -> impl Strategy<Value = [f64; 3]> {
    prop::array::uniform3(0.3_f64..4.0)
}

/// A mask given by a rule on (z, y, x).
pub fn mask_of(shape: [usize; 3], inside: impl Fn([usize; 3]) -> bool) -> Mask {
    let [nz, ny, nx] = shape;
    let mut mask = Vec::with_capacity(nz * ny * nx);
    for z in 0..nz {
        for y in 0..ny {
            mask.extend((0..nx).map(|x| inside([z, y, x])));
        }
    }
    (mask, shape)
}

/// A centred ball of radius `r` voxels in a box of `2 ceil(r) + 1`.
pub fn ball(r: f64) -> Mask {
    let c = r.ceil() as usize;
    mask_of([2 * c + 1; 3], |i| {
        numeric::sum_by(&i, |v| (v as f64 - c as f64).powi(2)) <= r * r
    })
}

/// The mask with its axes permuted: axis `a` of the result is axis `order[a]` of the input.
pub fn permuted((mask, shape): &Mask, order: [usize; 3]) -> Mask {
    let to = order.map(|a| shape[a]);
    mask_of(to, |i| {
        let mut from = [0; 3];
        for a in 0..3 {
            from[order[a]] = i[a];
        }
        mask[(from[0] * shape[1] + from[1]) * shape[2] + from[2]]
    })
}
