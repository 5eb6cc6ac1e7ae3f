//! Laws' kernels (IBSI 2 JTXT): level, edge, spot, wave and ripple, and texture energy.

use ndarray::{Array3, ArrayView3};

use super::convolve::{only, Bank, Kernel, Real};
use super::mean;
use super::rotation::Rotation;
use super::{Boundary, Dimension, Pooling, MAX_REACH};
use crate::error::{Error, Result};

/// Name, weights before normalisation; the sum of their squares becomes 1.
const KERNELS: [(&str, &[f64]); 8] = [
    ("L3", &[1.0, 2.0, 1.0]),
    ("E3", &[-1.0, 0.0, 1.0]),
    ("S3", &[-1.0, 2.0, -1.0]),
    ("L5", &[1.0, 4.0, 6.0, 4.0, 1.0]),
    ("E5", &[-1.0, -2.0, 0.0, 2.0, 1.0]),
    ("S5", &[-1.0, 0.0, 2.0, 0.0, -1.0]),
    ("W5", &[-1.0, 2.0, 0.0, -2.0, 1.0]),
    ("R5", &[1.0, -4.0, 6.0, -4.0, 1.0]),
];

/// A product of Laws' kernels.
#[derive(Debug, Clone, PartialEq)]
pub struct Laws {
    kernels: [Kernel; 3],
    dimension: Dimension,
}

impl Laws {
    /// Two kernels' names, along x and y, or three, along x, y and z: `L5E5S5`.
    ///
    /// # Errors
    /// [`Error::Argument`] for any other text.
    pub fn named(name: &str) -> Result<Self> {
        let refused = || Error::Argument {
            name: "kernels",
            given: format!("'{name}'"),
            allowed: "give two (x, y) or three (x, y, z) of L3, E3, S3, L5, E5, S5, W5, R5, as in \
                      L5E5S5",
        };
        let letters: Vec<char> = name.trim().to_uppercase().chars().collect();
        let kernels: Option<Vec<Kernel>> = letters.chunks(2).map(normalised).collect();
        match kernels.as_deref() {
            Some([x, y]) => Ok(Self {
                kernels: [Kernel::identity(), y.clone(), x.clone()],
                dimension: Dimension::Slice,
            }),
            Some([x, y, z]) => Ok(Self {
                kernels: [z.clone(), y.clone(), x.clone()],
                dimension: Dimension::Volume,
            }),
            _ => Err(refused()),
        }
    }

    /// Along each axis (z, y, x).
    #[must_use]
    pub fn kernels(&self) -> &[Kernel; 3] {
        &self.kernels
    }

    /// Slices for two kernels, the volume for three.
    #[must_use]
    pub fn dimension(&self) -> Dimension {
        self.dimension
    }

    /// The response map of `image` (z, y, x); with `rotations` pooled over all rotations by right
    /// angles.
    ///
    /// # Errors
    /// [`Error::Argument`] if a constant beyond the edge is not finite.
    pub fn response<T: Real>(
        &self,
        image: ArrayView3<'_, T>,
        rotations: Option<Pooling>,
        boundary: Boundary,
    ) -> Result<Array3<T>> {
        let pooling = rotations.unwrap_or(Pooling::Sum);
        let bank = self.bank(rotations.is_some());
        bank.maps(image, boundary, pooling).map(only)
    }

    /// The response map as a bank, `rotated` in all ways or not at all.
    pub(super) fn bank(&self, rotated: bool) -> Bank {
        let all = if rotated {
            self.dimension.rotations()
        } else {
            vec![Rotation::IDENTITY]
        };
        Bank::new(all.iter().map(|r| (r.of(&self.kernels), 0)))
    }

    /// The energy map (IBSI 2): the mean of the [`Laws::response`]'s absolute value over
    /// $2 \delta + 1$ voxels along each filtered axis, $\delta$ being `distance`.
    ///
    /// Beyond the edge the absolute response goes on as the image does; where that is with a
    /// constant, it is the response to it.
    ///
    /// # Errors
    /// [`Error::Argument`] if `distance` is beyond 65536, or a constant is not finite.
    pub fn energy<T: Real>(
        &self,
        image: ArrayView3<'_, T>,
        distance: usize,
        rotations: Option<Pooling>,
        boundary: Boundary,
    ) -> Result<Array3<T>> {
        check_energy(distance)?;
        let mut response = self.response(image, rotations, boundary)?;
        response.mapv_inplace(Real::magnitude);
        let beyond = match boundary {
            Boundary::Constant(value) => {
                let sums: f64 = self.kernels.iter().map(Kernel::sum).product();
                let times = match rotations {
                    Some(Pooling::Sum) => self.dimension.rotations().len() as f64,
                    _ => 1.0,
                };
                Boundary::Constant((value * sums * times).abs())
            }
            other => other,
        };
        let support = 2 * distance + 1;
        mean::mean(response.view(), support, self.dimension, beyond)
    }
}

/// Refuses a distance that [`Laws::energy`] does not take.
///
/// # Errors
/// As [`Laws::energy`].
pub(crate) fn check_energy(distance: usize) -> Result<()> {
    if distance <= MAX_REACH {
        return Ok(());
    }
    Err(Error::Argument {
        name: "energy",
        given: format!("{distance} voxels"),
        allowed: "it must be at most 65536",
    })
}

/// The kernel of two letters, normalised.
fn normalised(letters: &[char]) -> Option<Kernel> {
    let same = |name: &str| name.chars().eq(letters.iter().copied());
    let (_, weights) = KERNELS.iter().find(|(name, _)| same(name))?;
    let norm = weights.iter().map(|w| w * w).sum::<f64>().sqrt();
    let weights: Vec<f64> = weights.iter().map(|w| w / norm).collect();
    Some(Kernel::centred(&weights))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_normalised_and_all_but_level_answer_nothing_to_a_constant() {
        for (name, _) in KERNELS {
            let laws = Laws::named(&format!("{name}{name}")).unwrap();
            let kernel = &laws.kernels()[2];
            let norm: f64 = kernel.taps().iter().map(|(_, w)| w * w).sum();
            assert!((norm - 1.0).abs() < 1e-15, "{name}");
            assert_eq!(kernel.sum().abs() < 1e-15, !name.starts_with('L'), "{name}");
        }
    }

    #[test]
    fn names_stand_for_x_then_y_then_z() {
        let laws = Laws::named("l5E3s5").unwrap();
        let [z, y, x] = laws.kernels();
        assert_eq!((z.reach(), y.reach(), x.reach()), ([2, 2], [1, 1], [2, 2]));
        assert!((z.taps()[0].1 + 1.0 / 6f64.sqrt()).abs() < 1e-15);
        for bad in ["", "L5", "L5E", "L5E5S5W5", "L4E5", "é5E5"] {
            assert!(Laws::named(bad).is_err(), "{bad}");
        }
    }
}
