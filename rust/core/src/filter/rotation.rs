//! Rotations by right angles: 24 of the volume, 4 in the plane. They turn a separable filter's
//! kernels, never an image.

use super::convolve::Kernel;

/// A rotation by right angles, axes in the order (z, y, x).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Which axis' kernel comes to lie along each axis.
    pub axes: [usize; 3],
    /// Along which axes it is then mirrored.
    pub mirrored: [bool; 3],
}

/// The six orders of the axes, each with its parity.
const ORDERS: [([usize; 3], bool); 6] = [
    ([0, 1, 2], false),
    ([0, 2, 1], true),
    ([1, 0, 2], true),
    ([1, 2, 0], false),
    ([2, 0, 1], false),
    ([2, 1, 0], true),
];

impl Rotation {
    /// No rotation.
    pub const IDENTITY: Self = Self {
        axes: [0, 1, 2],
        mirrored: [false; 3],
    };

    /// The 24 rotations of the volume: an even number of axes mirrored where the order of the axes
    /// is an even permutation, an odd number where it is odd.
    #[must_use]
    pub fn of_volume() -> Vec<Self> {
        let signs = (0..8).map(|bits| [4, 2, 1].map(|bit| bits & bit != 0));
        let all = signs.flat_map(|mirrored| {
            let odd = mirrored.iter().filter(|m| **m).count() % 2 == 1;
            let right = ORDERS.iter().filter(move |(_, parity)| *parity == odd);
            right.map(move |&(axes, _)| Self { axes, mirrored })
        });
        all.collect()
    }

    /// The 4 rotations in the plane of a slice.
    #[must_use]
    pub fn in_plane() -> Vec<Self> {
        let all = Self::of_volume().into_iter();
        all.filter(|r| r.axes[0] == 0 && !r.mirrored[0]).collect()
    }

    /// The rotated kernels (z, y, x).
    #[must_use]
    pub fn of(&self, kernels: &[Kernel; 3]) -> [Kernel; 3] {
        std::array::from_fn(|a| {
            let kernel = &kernels[self.axes[a]];
            if self.mirrored[a] {
                kernel.mirrored()
            } else {
                kernel.clone()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rotation as a matrix.
    fn matrix(r: &Rotation) -> [[i32; 3]; 3] {
        let mut m = [[0; 3]; 3];
        for a in 0..3 {
            m[a][r.axes[a]] = if r.mirrored[a] { -1 } else { 1 };
        }
        m
    }

    #[test]
    fn they_are_different_and_proper() {
        for (rotations, count) in [(Rotation::of_volume(), 24), (Rotation::in_plane(), 4)] {
            assert_eq!(rotations.len(), count);
            for (k, r) in rotations.iter().enumerate() {
                let m = matrix(r);
                let minor = |a: usize, b: usize| m[1][a] * m[2][b] - m[1][b] * m[2][a];
                let determinant =
                    m[0][0] * minor(1, 2) - m[0][1] * minor(0, 2) + m[0][2] * minor(0, 1);
                assert_eq!(determinant, 1);
                assert!(!rotations[..k].contains(r));
            }
            assert!(rotations.contains(&Rotation::IDENTITY));
        }
    }

    #[test]
    fn four_quarter_turns_in_the_plane_are_none() {
        let kernels = [1.0, 2.0, 3.0].map(|w| Kernel::centred(&[w, 0.0, 7.0]));
        let quarter = Rotation {
            axes: [0, 2, 1],
            mirrored: [false, true, false],
        };
        assert!(Rotation::in_plane().contains(&quarter));
        let turned = (0..4).fold(kernels.clone(), |k, _| quarter.of(&k));
        assert_eq!(turned, kernels);
    }
}
