//! Which of a voxel's neighbours need joining, looked up by the pattern of those of its level.

use std::sync::LazyLock;

use crate::matrix::direction::Offset;

/// The neighbours that precede a voxel in C order, those across faces and those in the slice first.
/// Bit `k` of a voxel's pattern says that neighbour `k` has its level.
#[rustfmt::skip]
pub(super) const BEFORE: [Offset; 13] = [
    [0, 0, -1], [0, -1, 0], [0, -1, -1], [0, -1, 1],
    [-1, -1, -1], [-1, -1, 0], [-1, -1, 1], [-1, 0, -1],
    [-1, 0, 0], [-1, 0, 1], [-1, 1, -1], [-1, 1, 0], [-1, 1, 1],
];
/// Number of patterns.
pub(super) const PATTERNS: usize = 1 << BEFORE.len();
/// The neighbours across faces.
pub(super) const ACROSS_FACES: u16 = 0b1_0000_0011;

/// For each pattern the neighbours to join, four bits each, numbered from 1.
///
/// Neighbours that touch each other are joined already, so one of each group of them will do. A 3 x
/// 3 x 2 block has at most four such groups. (Neighbours across faces do not link each other.)
pub(super) type Joins = [u16; PATTERNS];

/// Voxels that touch are linked.
pub(super) static TOUCHING: LazyLock<Box<Joins>> = LazyLock::new(|| {
    let touch = |a: Offset, b: Offset| (0..3).all(|c| a[c].abs_diff(b[c]) <= 1);
    joins(u16::MAX, touch)
});
/// Voxels that share a face are linked.
pub(super) static FACES: LazyLock<Box<Joins>> =
    LazyLock::new(|| joins(ACROSS_FACES, |a, b| a == b));

/// `allowed` are the neighbours to heed, `linked` says which of them are joined already.
fn joins(allowed: u16, linked: impl Fn(Offset, Offset) -> bool) -> Box<Joins> {
    let beside: [u16; 13] = std::array::from_fn(|k| {
        (0..13)
            .map(|l| u16::from(linked(BEFORE[k], BEFORE[l])) << l)
            .sum()
    });
    let bits = |set: u16| (0..13u16).filter(move |k| set >> k & 1 == 1);
    let mut table = Box::new([0; PATTERNS]);
    for (pattern, entry) in (0u16..)
        .zip(table.iter_mut())
        .filter(|(p, _)| p & !allowed == 0)
    {
        let (mut rest, mut place) = (pattern, 0);
        while let Some(lowest) = bits(rest).next() {
            let (mut group, mut grown) = (0u16, 1u16 << lowest);
            while group != grown {
                group = grown;
                grown = bits(group).fold(group, |g, k| g | beside[usize::from(k)] & rest);
            }
            *entry |= (lowest + 1) << place;
            place += 4;
            rest &= !group;
        }
    }
    table
}
