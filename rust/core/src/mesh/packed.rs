//! A mask as bits, 64 voxels of a row (along x) to a word: an eighth of the bytes, and rows are
//! compared and searched a word at a time.

use crate::parallel;

/// A mask (z, y, x), one bit a voxel; at least one zero bit follows each row.
#[derive(Debug, Clone)]
pub struct PackedMask {
    words: Vec<u64>,
    words_per_row: usize,
    shape: [usize; 3],
}

impl PackedMask {
    /// Packs `mask`, which is in C order.
    ///
    /// # Panics
    /// If `mask` and `shape` (z, y, x) differ in size.
    #[must_use]
    pub fn new(mask: &[bool], shape: [usize; 3]) -> Self {
        let [nz, ny, nx] = shape;
        assert_eq!(mask.len(), nz * ny * nx, "mask and shape differ in size");
        let words_per_row = nx / 64 + 1;
        let mut words = vec![0; nz * ny * words_per_row];
        if nx > 0 {
            // Whole slices, so that a thread's part is worth its start.
            parallel::for_each_chunk(
                &mut words,
                ny * words_per_row,
                mask.len() / 8,
                |z, slice| {
                    let rows = mask[z * ny * nx..(z + 1) * ny * nx].chunks_exact(nx);
                    for (words, row) in slice.chunks_exact_mut(words_per_row).zip(rows) {
                        pack(row, words);
                    }
                },
            );
        }
        Self {
            words,
            words_per_row,
            shape,
        }
    }

    /// Shape (z, y, x) of the mask.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Words of a row.
    #[must_use]
    pub fn words_per_row(&self) -> usize {
        self.words_per_row
    }

    /// Row `y` of slice `z`: bit `x % 64` of word `x / 64` is voxel `x`.
    #[must_use]
    pub fn row(&self, z: usize, y: usize) -> &[u64] {
        let start = (z * self.shape[1] + y) * self.words_per_row;
        &self.words[start..start + self.words_per_row]
    }

    /// The runs of set voxels of a row, as half-open ranges of `x` in order.
    pub fn runs(&self, z: usize, y: usize) -> Runs<'_> {
        Runs {
            row: self.row(z, y),
            x: 0,
        }
    }
}

/// Packs one row, eight voxels a multiplication: byte `k` (0 or 1) lands in bit `56 + k`.
fn pack(row: &[bool], words: &mut [u64]) {
    const GATHER: u64 = 0x0102_0408_1020_4080;
    for (word, voxels) in words.iter_mut().zip(row.chunks(64)) {
        let eights = voxels.chunks_exact(8);
        let (rest, done) = (eights.remainder(), voxels.len() & !7);
        for (k, eight) in eights.enumerate() {
            let bytes: [u8; 8] = std::array::from_fn(|i| u8::from(eight[i]));
            *word |= (u64::from_le_bytes(bytes).wrapping_mul(GATHER) >> 56) << (8 * k);
        }
        for (k, &voxel) in rest.iter().enumerate() {
            *word |= u64::from(voxel) << (done + k);
        }
    }
}

/// Iterator over the runs of a row, see [`PackedMask::runs`].
#[derive(Debug, Clone)]
pub struct Runs<'a> {
    row: &'a [u64],
    x: usize,
}

impl Runs<'_> {
    /// First position from `x` on whose bit, after flipping by `flip`, is set.
    #[inline]
    fn next_bit(&self, x: usize, flip: u64) -> Option<usize> {
        let mut index = x / 64;
        let mut word = (self.row.get(index)? ^ flip) & (u64::MAX << (x % 64));
        while word == 0 {
            index += 1;
            word = self.row.get(index)? ^ flip;
        }
        Some(index * 64 + word.trailing_zeros() as usize)
    }
}

impl Iterator for Runs<'_> {
    type Item = (usize, usize);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next_bit(self.x, 0)?;
        self.x = self.next_bit(start, u64::MAX)?; // a zero bit follows each row
        Some((start, self.x))
    }
}

/// First and last set bit of a row of words given by index.
#[must_use]
pub fn span(words: usize, word: impl Fn(usize) -> u64) -> Option<(usize, usize)> {
    let first = (0..words).find(|&i| word(i) != 0)?;
    let last = (first..words).rev().find(|&i| word(i) != 0)?;
    Some((
        first * 64 + word(first).trailing_zeros() as usize,
        last * 64 + 63 - word(last).leading_zeros() as usize,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::testing::masks;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_and_spans_say_what_the_mask_says((mask, shape) in masks(6, 150)) {
            let packed = PackedMask::new(&mask, shape);
            let [nz, ny, nx] = shape;
            for z in 0..nz {
                for y in 0..ny {
                    let row = &mask[(z * ny + y) * nx..][..nx];
                    let mut unpacked = vec![false; nx];
                    let mut end = None;
                    for (a, b) in packed.runs(z, y) {
                        prop_assert!(a < b && end.is_none_or(|e| e < a));
                        unpacked[a..b].fill(true);
                        end = Some(b);
                    }
                    prop_assert_eq!(row, &unpacked[..]);
                    let words = packed.row(z, y);
                    let expected = row
                        .iter()
                        .position(|&v| v)
                        .zip(row.iter().rposition(|&v| v));
                    prop_assert_eq!(span(words.len(), |i| words[i]), expected);
                }
            }
        }
    }
}
