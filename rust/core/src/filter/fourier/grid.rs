//! The grid of a transform: an image, and what lies around it.

use crate::filter::{Boundary, Dimension};

/// The grid of a transform. The image comes first along each axis, then what follows it by the
/// boundary rule, then what precedes it (a transform is periodic).
#[derive(Debug, Clone)]
pub struct Grid {
    image: [usize; 3],
    length: [usize; 3],
    boundary: Boundary,
    dimension: Dimension,
}

impl Grid {
    /// The image's own grid: beyond its edge it starts again.
    #[must_use]
    pub fn periodic(image: [usize; 3], dimension: Dimension) -> Self {
        Self {
            image,
            length: image,
            boundary: Boundary::Periodic,
            dimension,
        }
    }

    /// A grid with at least `margin` voxels beyond each edge, at a length that transforms well.
    ///
    /// A periodic boundary needs no margin, a slice none across slices.
    #[must_use]
    pub fn padded(
        image: [usize; 3],
        margin: [usize; 3],
        boundary: Boundary,
        dimension: Dimension,
    ) -> Self {
        Self::around(image, margin, boundary, dimension, even_length)
    }

    /// [`Self::padded`] with odd lengths, so that the frequency grid is symmetric about 0. The next
    /// good length is further off.
    #[must_use]
    pub fn symmetric(
        image: [usize; 3],
        margin: [usize; 3],
        boundary: Boundary,
        dimension: Dimension,
    ) -> Self {
        Self::around(image, margin, boundary, dimension, odd_length)
    }

    fn around(
        image: [usize; 3],
        margin: [usize; 3],
        boundary: Boundary,
        dimension: Dimension,
        good: fn(usize) -> usize,
    ) -> Self {
        let mut grid = Self::periodic(image, dimension);
        if boundary == Boundary::Periodic {
            return grid;
        }
        grid.boundary = boundary;
        for a in (0..3).filter(|&a| dimension.has(a)) {
            // What is constant beyond one edge serves for the other one too.
            let sides = match boundary {
                Boundary::Zero | Boundary::Constant(_) => 1,
                _ => 2,
            };
            if margin[a] > 0 {
                grid.length[a] = good(image[a] + sides * margin[a]);
            }
        }
        grid
    }

    /// Shape of the image (z, y, x).
    #[must_use]
    pub fn image(&self) -> [usize; 3] {
        self.image
    }

    /// Points of the transform along each axis (z, y, x); along z of a grid of slices their number.
    #[must_use]
    pub fn length(&self) -> [usize; 3] {
        self.length
    }

    /// Whether the volume is transformed, or each slice by itself.
    #[must_use]
    pub fn dimension(&self) -> Dimension {
        self.dimension
    }

    /// Frequencies of x that a real transform gives.
    pub(super) fn half(&self) -> usize {
        self.length[2] / 2 + 1
    }

    /// The value where [`Self::sources`] has none.
    pub(super) fn constant(&self) -> f64 {
        self.boundary.constant()
    }

    /// The voxel of the image that stands at each point along an axis.
    #[allow(clippy::cast_possible_wrap)] // axes are shorter than 2^62
    pub(super) fn sources(&self, axis: usize) -> Vec<Option<usize>> {
        let (n, length) = (self.image[axis], self.length[axis]);
        let before = (length - n) / 2;
        let place = |i: usize| {
            if i < length - before {
                i as isize
            } else {
                i as isize - length as isize
            }
        };
        (0..length)
            .map(|i| self.boundary.source(place(i), n))
            .collect()
    }
}

/// The least even length of at least `n` whose factors transform well: 2 and 3, at most one 5 and
/// one 7 (two of them take 1.6 times as long a point).
fn even_length(n: usize) -> usize {
    let good = |length: &usize| {
        let mut rest = *length;
        for factor in [5, 7] {
            if rest.is_multiple_of(factor) {
                rest /= factor;
            }
        }
        while rest.is_multiple_of(3) {
            rest /= 3;
        }
        rest.is_power_of_two()
    };
    // The next power of two is always among them.
    (n.next_multiple_of(2)..).step_by(2).find(good).unwrap_or(n)
}

/// The least odd length of at least `n` with the factors 3, 5, 7 and 11 only: by 7 alone the next
/// one may be 1.3 times as long, which is twice the memory.
fn odd_length(n: usize) -> usize {
    let good = |length: &usize| {
        let mut rest = *length;
        for factor in [3, 5, 7, 11] {
            while rest.is_multiple_of(factor) {
                rest /= factor;
            }
        }
        rest == 1
    };
    // The next power of three is always among them.
    ((n | 1)..).step_by(2).find(good).unwrap_or(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_good_and_no_shorter() {
        assert_eq!(
            [1, 2, 11, 49, 77, 97, 257, 289].map(even_length),
            [2, 2, 12, 54, 80, 108, 270, 320]
        );
        assert!((1..2000).all(|n| (n..=2 * n).contains(&even_length(n))));
        assert_eq!(
            [1, 2, 11, 64, 96, 106, 288, 384].map(odd_length),
            [1, 3, 11, 75, 99, 121, 297, 385]
        );
        assert!((1..2000).all(|n| (n..=2 * n).contains(&odd_length(n))));
    }

    #[test]
    fn an_image_is_followed_and_preceded_by_its_boundary() {
        let around =
            |boundary| Grid::padded([1, 1, 3], [0, 0, 2], boundary, Dimension::Volume).sources(2);
        let some = |places: [usize; 8]| places.map(Some).to_vec();
        assert_eq!(around(Boundary::Mirror), some([0, 1, 2, 2, 1, 0, 1, 0]));
        assert_eq!(around(Boundary::Zero)[3..], [None; 3]);
        assert_eq!(around(Boundary::Periodic), [0, 1, 2].map(Some));
    }
}
