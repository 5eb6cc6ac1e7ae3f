//! What lies beyond the edge of an image, for filters that reach over it (IBSI 2, "Boundary
//! conditions").

use serde::{Deserialize, Serialize};

/// How an image goes on beyond its edge. In a file: a name, or a number for a constant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
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

/// A boundary as a file has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Named(Named),
    Constant(f64),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Named {
    Zero,
    Nearest,
    Periodic,
    Mirror,
}

impl From<Written> for Boundary {
    fn from(written: Written) -> Self {
        match written {
            Written::Named(Named::Zero) => Self::Zero,
            Written::Named(Named::Nearest) => Self::Nearest,
            Written::Named(Named::Periodic) => Self::Periodic,
            Written::Named(Named::Mirror) => Self::Mirror,
            Written::Constant(value) => Self::Constant(value),
        }
    }
}

impl From<Boundary> for Written {
    fn from(boundary: Boundary) -> Self {
        Self::Named(match boundary {
            Boundary::Zero => Named::Zero,
            Boundary::Nearest => Named::Nearest,
            Boundary::Periodic => Named::Periodic,
            Boundary::Mirror => Named::Mirror,
            Boundary::Constant(value) => return Self::Constant(value),
        })
    }
}

impl Boundary {
    /// Name as in settings and columns; a constant with its value.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            Self::Zero => "zero".into(),
            Self::Nearest => "nearest".into(),
            Self::Periodic => "periodic".into(),
            Self::Mirror => "mirror".into(),
            Self::Constant(value) => format!("constant{}", value + 0.0), // no -0
        }
    }

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
