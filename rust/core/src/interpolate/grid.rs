//! The new grid, centred on the old one (IBSI 3WE3): its dimensions (026Q) and positions (QCY4).

use std::ops::Range;

use crate::error::{Error, Result};
use crate::numeric::nearest;
use crate::volume::check_spacing;

/// Relative difference of two spacings that is rounding: what single precision leaves, in which
/// most files store them.
const ROUNDING: f64 = f32::EPSILON as f64;

/// Voxels of a grid at most: they can be numbered, also with a sign.
const LIMIT: f64 = (1u64 << 62) as f64;

/// A new voxel may be this many times as long as the whole image: what is longer is a slip in the
/// unit, and its low-pass filter would be as long.
const LARGEST: f64 = 1000.0;

/// A grid of voxels over an image, centred on the image's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    axes: [Line; 3],
}

impl Grid {
    /// The grid for an image of `shape` voxels with `spacing` mm (z, y, x).
    ///
    /// `wanted` is the new spacing in mm of each axis; `None` keeps the axis as it is. Along an
    /// axis with n_a voxels of s_a mm the new grid has n_b = ceil(n_a s_a / s_b) voxels of s_b mm
    /// (026Q); a quotient that differs from a whole number only by the rounding of single
    /// precision (1.2e-7) is that number. Likewise a ratio s_b / s_a that differs only so from p/q
    /// with q <= 8 is p/q: spacings of 0.3 and 0.6 mm have the ratio 2 if either was stored in
    /// single precision, and an axis whose ratio is 1 stays as it is, with its old spacing.
    ///
    /// # Errors
    /// A spacing, old or new, that is not positive and finite, a new one above 1000 times the length
    /// of the image, no voxel along an axis, more than 2^62 voxels.
    pub fn centred(shape: [usize; 3], spacing: [f64; 3], wanted: [Option<f64>; 3]) -> Result<Self> {
        check_spacing(spacing)?;
        if shape.contains(&0) {
            return Err(Error::Argument {
                name: "shape",
                given: format!("{shape:?}"),
                allowed: "an image has at least one voxel along each axis",
            });
        }
        let mut steps = [1.0; 3];
        for axis in 0..3 {
            let Some(given) = wanted[axis] else { continue };
            let step = given / spacing[axis];
            let usable = |x: f64| x.is_finite() && x > 0.0;
            let extent = shape[axis] as f64;
            if !(usable(given) && usable(step) && step <= LARGEST * extent) {
                let extent = extent * spacing[axis];
                return Err(Error::NewSpacing {
                    axis,
                    given,
                    extent,
                });
            }
            steps[axis] = simple_ratio(step);
        }
        let lengths: [f64; 3] = std::array::from_fn(|a| length(shape[a], steps[a]));
        let new: [f64; 3] = std::array::from_fn(|a| match wanted[a] {
            Some(wanted) if steps[a] != 1.0 => wanted,
            _ => spacing[a],
        });
        let voxels = lengths.iter().product();
        if voxels > LIMIT {
            return Err(Error::GridTooLarge {
                spacing: new,
                voxels,
            });
        }
        let axes = std::array::from_fn(|a| Line {
            old: shape[a],
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 1 to 2^62
            new: lengths[a] as usize,
            spacing: new[a],
            step: steps[a],
        });
        Ok(Self { axes })
    }

    /// Number of voxels along each axis of the new grid (z, y, x).
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.axes.map(|a| a.new)
    }

    /// Spacing of the new grid in mm (z, y, x).
    #[must_use]
    pub fn spacing(&self) -> [f64; 3] {
        self.axes.map(|a| a.spacing)
    }

    /// Number of voxels of the whole new grid.
    #[must_use]
    pub fn voxels(&self) -> u128 {
        self.axes.iter().map(|a| a.new as u128).product()
    }

    /// True if the new grid is the old one.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.axes.iter().all(Line::kept)
    }

    /// Where voxel `index` of the new grid lies along `axis` (0, 1, 2 = z, y, x): its coordinate in
    /// voxels of the old grid, QCY4: x = (n_a - 1)/2 + (index - (n_b - 1)/2) s_b/s_a.
    ///
    /// It lies between -1/2 and n_a - 1/2. Positions less than 1e-9 from a whole number or a
    /// half are that number, so that rounding decides neither which voxel is the nearest nor
    /// whether a voxel has a part in another one's value. The mirror image of a position is a
    /// position to the bit: `position(i) + position(n_b - 1 - i)` is n_a - 1.
    ///
    /// # Panics
    /// If `axis` is above 2.
    #[must_use]
    pub fn position(&self, axis: usize, index: usize) -> f64 {
        self.axes[axis].position(index)
    }

    /// One axis.
    pub(super) fn line(&self, axis: usize) -> Line {
        self.axes[axis]
    }

    /// Shape of the old grid (z, y, x).
    fn old_shape(&self) -> [usize; 3] {
        self.axes.map(|a| a.old)
    }

    /// Refuses an array that does not lie on the old grid.
    pub(super) fn check(&self, array: [usize; 3]) -> Result<()> {
        let grid = self.old_shape();
        if array == grid {
            Ok(())
        } else {
            Err(Error::GridMismatch { array, grid })
        }
    }

    /// The axes in the order in which they are interpolated: those that shrink the image most
    /// come first, x, which costs most, before y and z. Depends on the grid alone, so that a part
    /// of it has the values of the whole.
    pub(super) fn order(&self) -> [usize; 3] {
        let mut order = [2, 1, 0];
        order.sort_by(|&a, &b| self.axes[b].step.total_cmp(&self.axes[a].step));
        order
    }
}

/// One axis of a grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Number of voxels of the old and the new grid.
    pub(super) old: usize,
    pub(super) new: usize,
    /// New spacing in mm.
    spacing: f64,
    /// New spacing in old voxels.
    pub(super) step: f64,
}

impl Line {
    /// True if the axis stays as it is.
    pub(super) fn kept(&self) -> bool {
        self.step == 1.0
    }

    /// See [`Grid::position`].
    pub(super) fn position(&self, index: usize) -> f64 {
        if self.kept() {
            return index as f64;
        }
        let (centre, middle) = self.centres();
        let from_middle = index as f64 - middle;
        let position = centre + from_middle.abs() * self.step;
        let half = nearest(2.0 * position) / 2.0;
        let position = if (position - half).abs() < 1e-9 {
            half
        } else {
            position
        };
        // The lower half mirrors the upper one, without rounding.
        if from_middle < 0.0 {
            2.0 * centre - position
        } else {
            position
        }
    }

    /// The new voxels at positions from `low` to `high`, and perhaps one more at either end.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates as it should
    pub(super) fn between(&self, low: f64, high: f64) -> Range<usize> {
        let (centre, middle) = self.centres();
        let index = |x: f64| (x - centre) / self.step + middle;
        let start = (index(low).ceil() - 1.0).max(0.0) as usize;
        let end = (index(high).floor() + 2.0).max(0.0) as usize;
        start.min(self.new)..end.min(self.new)
    }

    /// Centre of the old and of the new grid, each in its own voxels.
    fn centres(&self) -> (f64, f64) {
        ((self.old - 1) as f64 / 2.0, (self.new - 1) as f64 / 2.0)
    }
}

/// The fraction with a denominator up to 8 that `ratio` is but for rounding, else `ratio`.
fn simple_ratio(ratio: f64) -> f64 {
    let fraction = (1..=8).map(f64::from).find_map(|q| {
        let p = (ratio * q).round();
        let close = (ratio * q - p).abs() <= ROUNDING * p;
        (p >= 1.0 && close).then_some(p / q)
    });
    fraction.unwrap_or(ratio)
}

/// n_b, 026Q; a whole number, at least 1, perhaps infinite.
fn length(old: usize, step: f64) -> f64 {
    let quotient = old as f64 / step;
    let whole = quotient.round();
    let whole = if (quotient - whole).abs() <= ROUNDING * quotient {
        whole
    } else {
        quotient.ceil()
    };
    whole.max(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dimensions_and_positions_are_those_of_the_manual() {
        // The example of UMPJ, and the CT phantom at 2 mm.
        let grid = Grid::centred([4, 4, 1], [3.0; 3], [Some(2.0), None, Some(2.0)]).unwrap();
        assert_eq!((grid.shape(), grid.spacing()), ([6, 4, 2], [2.0, 3.0, 2.0]));
        let first = 0.5 * (3.0 - 2.0 / 3.0 * 5.0);
        for k in 0..6 {
            assert!((grid.position(0, k) - (first + 2.0 / 3.0 * k as f64)).abs() < 1e-15);
        }
        assert_eq!(grid.position(1, 3), 3.0);
        let spacing = [3.0, 0.977, 0.977];
        let grid = Grid::centred([60, 201, 204], spacing, [Some(2.0); 3]).unwrap();
        assert_eq!(grid.shape(), [90, 99, 100]);
        assert_eq!((grid.voxels(), grid.is_identity()), (891_000, false));
    }

    #[test]
    fn rounding_adds_no_voxel_and_moves_none() {
        let single = |x: f32| f64::from(x);
        for (n, old, new, expected) in [
            (10, 0.1, 0.3, 4),
            (9, 0.1, 0.3, 3),
            (30, single(0.3), 0.3, 30),
            (30, single(0.3), 0.6, 15),
            (30, 0.3, single(0.6), 15),
            (300, single(0.7), 2.1, 100),
            (49, 0.7, 0.49, 70),
            (1, 1.0, 1e3, 1),
        ] {
            let grid = Grid::centred([n; 3], [old; 3], [Some(new); 3]).unwrap();
            assert_eq!(grid.shape(), [expected; 3], "{n} voxels of {old} to {new}");
        }
        let grid = Grid::centred([30; 3], [single(0.3); 3], [Some(0.3); 3]).unwrap();
        assert!(grid.is_identity());
        assert_eq!(grid.spacing(), [single(0.3); 3]);
        let grid = Grid::centred([500; 3], [single(0.3); 3], [Some(0.6); 3]).unwrap();
        assert!((0..250).all(|k| grid.position(0, k) == 2.0 * k as f64 + 0.5));
        let grid = Grid::centred([999; 3], [3.0; 3], [Some(1.0); 3]).unwrap();
        assert!((0..999).all(|k| grid.position(0, 3 * k + 1) == k as f64));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 2001.0] {
            let error = Grid::centred([2; 3], [1.0; 3], [None, Some(wrong), None]).unwrap_err();
            assert!(
                matches!(error, Error::NewSpacing { axis: 1, .. }),
                "{error}"
            );
            let usable = Grid::centred([2; 3], [1.0, wrong, 1.0], [None; 3]).is_ok();
            assert_eq!(usable, wrong == 2001.0); // as a spacing that is kept
        }
        let tiny = Grid::centred([2; 3], [1.0; 3], [Some(1e-300), None, None]).unwrap_err();
        assert!(matches!(tiny, Error::GridTooLarge { .. }), "{tiny}");
        let many = Grid::centred([1 << 20; 3], [1.0; 3], [Some(0.5); 3]).unwrap_err();
        assert_eq!(
            many.to_string(),
            "a new spacing of [0.5, 0.5, 0.5] mm (z, y, x) gives 9.223372036854776e18 voxels, \
             the limit is 2^62; use a larger spacing"
        );
        let far = Grid::centred([2; 3], [1e-300; 3], [Some(1e300), None, None]);
        assert!(far.is_err());
        assert!(Grid::centred([2, 0, 2], [1.0; 3], [None; 3]).is_err());
    }

    proptest! {
        #[test]
        fn positions_are_centred_and_mirrored(
            n in 1usize..400,
            (old, new) in (0.05f64..5.0, 0.05f64..5.0),
        ) {
            let grid = Grid::centred([n; 3], [old; 3], [Some(new); 3]).unwrap();
            let (line, m) = (grid.line(0), grid.shape()[0]);
            // A number of voxels that is whole but for rounding in single precision is not raised.
            prop_assert!(m as f64 * new >= n as f64 * old * (1.0 - ROUNDING));
            prop_assert!(((m - 1) as f64) * new < n as f64 * old * (1.0 + 1e-6));
            for k in 0..m {
                let x = line.position(k);
                let origin = 0.5 * ((n - 1) as f64 - new / old * (m - 1) as f64);
                prop_assert!((x - (origin + k as f64 * new / old)).abs() < 1e-4);
                prop_assert_eq!(x + line.position(m - 1 - k), (n - 1) as f64);
                prop_assert_eq!(line.position(m - 1 - k), (n - 1) as f64 - x);
                prop_assert!(line.between(x, x).contains(&k));
                prop_assert!(line.between(x, x).len() <= 3);
            }
        }
    }
}
