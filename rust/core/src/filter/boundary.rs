//! What lies beyond the edge of an image, for filters that reach over it (IBSI 2, "Boundary
//! conditions").

use serde::{Deserialize, Serialize};

/// How an image goes on beyond its edge.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Boundary {
    /// With 0.
    Zero,
    /// With one value.
    Constant(f64),
    /// With the nearest voxel of the image.
    Nearest,
    /// From the start again.
    Periodic,
    /// Mirrored at its edge, the outermost voxel twice: `c b a | a b c`.
    Mirror,
}

impl Boundary {
    /// Index of the voxel that stands at `index` of an axis of `n` voxels; `None` where a constant
    /// does.
    #[must_use]
    #[allow(clippy::cast_possible_wrap, clippy::cast_sign_loss)] // axes are shorter than 2^62
    pub fn source(self, index: isize, n: usize) -> Option<usize> {
        let last = n as isize - 1;
        let inside = (0..=last).contains(&index);
        Some(match self {
            _ if inside => index as usize,
            Self::Zero | Self::Constant(_) => return None,
            Self::Nearest => index.clamp(0, last) as usize,
            Self::Periodic => index.rem_euclid(n as isize) as usize,
            Self::Mirror => {
                let place = index.rem_euclid(2 * n as isize);
                place.min(2 * n as isize - 1 - place) as usize
            }
        })
    }

    /// The value beyond the edge where it is a constant, else 0.
    #[must_use]
    pub fn constant(self) -> f64 {
        match self {
            Self::Constant(value) => value,
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_three_voxels_goes_on_as_it_should() {
        let row = |b: Boundary| (-4..7).map(|i| b.source(i, 3)).collect::<Vec<_>>();
        let some = |places: [usize; 11]| places.map(Some).to_vec();
        assert_eq!(
            row(Boundary::Nearest),
            some([0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2])
        );
        assert_eq!(
            row(Boundary::Periodic),
            some([2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
        );
        assert_eq!(
            row(Boundary::Mirror),
            some([2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0])
        );
        assert_eq!(Boundary::Zero.source(3, 3), None);
        assert_eq!(Boundary::Constant(7.0).source(-1, 3), None);
        assert_eq!(Boundary::Mirror.source(-5, 1), Some(0));
    }
}
