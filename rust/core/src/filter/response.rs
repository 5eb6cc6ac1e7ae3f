//! Any filter with all its parameters: what it needs of an image, and the map that it makes of it.

use ndarray::{Array3, ArrayView3};

use super::convolve::{only, Area, Bank, Kernel, Real};
use super::gabor::{gabor, Gabor};
use super::laws::Laws;
use super::lbp::{self, Code};
use super::nonseparable;
use super::point::{transform, Transform};
use super::riesz::{riesz, Riesz};
use super::wavelet::{self, SubBand, Wavelet};
use super::{gradient, log, mean, Boundary, Dimension, Pooling};
use crate::error::Result;
use crate::volume::{cropped, Window};

#[cfg(test)]
mod tests;

/// A filter that makes one map.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// See [`mean::mean`].
    Mean {
        /// Voxels along each edge of the box.
        support: usize,
        /// Volume or slices.
        dimension: Dimension,
        /// What lies beyond the edge.
        boundary: Boundary,
    },
    /// See [`log::laplacian_of_gaussian`].
    Log {
        /// Standard deviation, mm.
        sigma: f64,
        /// Where the kernel ends, in `sigma`.
        truncate: f64,
        /// Volume or slices.
        dimension: Dimension,
        /// What lies beyond the edge.
        boundary: Boundary,
    },
    /// See [`Laws`].
    Laws {
        /// The kernels.
        kernels: Laws,
        /// Distance of the energy map in voxels; `None` for the response map.
        energy: Option<usize>,
        /// How the responses of all rotations become one.
        rotations: Option<Pooling>,
        /// What lies beyond the edge.
        boundary: Boundary,
    },
    /// See [`gabor`].
    Gabor(Gabor),
    /// See [`wavelet::sub_bands`].
    Wavelet {
        /// The wavelet.
        wavelet: Wavelet,
        /// The sub-band.
        band: SubBand,
        /// Level, from 1.
        level: usize,
        /// How the responses of all rotations become one.
        rotations: Option<Pooling>,
        /// What lies beyond the edge.
        boundary: Boundary,
    },
    /// See [`nonseparable::wavelet`].
    Isotropic {
        /// The wavelet.
        wavelet: nonseparable::Wavelet,
        /// Level, from 1.
        level: u32,
        /// Volume or slices.
        dimension: Dimension,
        /// What lies beyond the edge.
        boundary: Boundary,
    },
    /// See [`riesz`].
    Riesz(Riesz),
    /// See [`transform`].
    Point {
        /// The transform.
        transform: Transform,
        /// Largest absolute intensity; `None` for that of the whole image.
        largest: Option<f64>,
    },
    /// See [`gradient::gradient_magnitude`].
    Gradient {
        /// Volume or slices.
        dimension: Dimension,
        /// What lies beyond the edge.
        boundary: Boundary,
    },
    /// See [`lbp::in_slices`].
    Lbp2d {
        /// Radius in voxels.
        radius: f64,
        /// Points on the circle.
        samples: usize,
        /// How a pattern becomes a number.
        code: Code,
        /// What lies beyond the edge.
        boundary: Boundary,
    },
    /// See [`lbp::in_volume`].
    Lbp3d {
        /// Radius in voxels.
        radius: f64,
        /// What lies beyond the edge.
        boundary: Boundary,
    },
}

/// How far from a voxel along an axis (z, y, x) a response depends on the image; `None` for the
/// whole axis.
type Reach = [Option<usize>; 3];

impl Filter {
    /// The box of an image (of this shape and spacing, mm) on which the map in `inner` depends.
    ///
    /// What the filter makes of that box alone is, in `inner`, what it makes of the image: a box
    /// ends where the kernels do, or at the image's own edge. Filters by Fourier transform without
    /// finite support take the whole image, or whole slices.
    ///
    /// # Errors
    /// [`crate::Error`] for parameters outside their limits.
    pub fn source(&self, inner: Window, shape: [usize; 3], spacing: [f64; 3]) -> Result<Window> {
        let reach = self.reach(spacing)?;
        let margin = reach.map(|voxels| voxels.unwrap_or(usize::MAX));
        let mut window = inner.grown(margin, shape);
        if self.boundary() == Some(Boundary::Periodic) {
            for a in 0..3 {
                let before = inner.start[a];
                let after = shape[a] - before - inner.shape[a];
                // What lies beyond one end stands at the other.
                if margin[a] > before.min(after) {
                    (window.start[a], window.shape[a]) = (0, shape[a]);
                }
            }
        }
        Ok(window)
    }

    /// Refuses what the filter would refuse of an image of this shape and spacing (mm).
    ///
    /// # Errors
    /// As the filter's own function.
    pub fn check(&self, shape: [usize; 3], spacing: [f64; 3]) -> Result<()> {
        match self {
            Self::Wavelet { band, level, .. } => {
                wavelet::check_level(*level, shape, band.dimension())
            }
            Self::Isotropic {
                level, dimension, ..
            } => nonseparable::check(*level, shape, *dimension),
            Self::Riesz(filter) => filter.check(shape, spacing),
            _ => self.reach(spacing).map(|_| ()),
        }
    }

    /// True if the map of any region takes the whole image, and so is the same for all regions.
    #[must_use]
    pub fn takes_whole(&self) -> bool {
        match self {
            Self::Isotropic { dimension, .. } => *dimension == Dimension::Volume,
            Self::Riesz(filter) => filter.dimension == Dimension::Volume,
            _ => false,
        }
    }

    /// True if the map depends on the whole image's largest absolute intensity, which
    /// [`Filter::map`] then has to be told.
    #[must_use]
    pub fn takes_largest(&self) -> bool {
        matches!(self, Self::Point { largest: None, .. })
    }

    /// The response map of `image` (z, y, x), spacing in mm.
    ///
    /// `largest` is the largest absolute intensity of the whole image, where the filter takes it.
    ///
    /// # Errors
    /// As the filter's own function.
    ///
    /// # Panics
    /// Never: one sub-band gives one map.
    pub fn map<T: Real>(
        &self,
        image: ArrayView3<'_, T>,
        spacing: [f64; 3],
        largest: Option<f64>,
    ) -> Result<Array3<T>> {
        match *self {
            Self::Mean {
                support,
                dimension,
                boundary,
            } => mean::mean(image, support, dimension, boundary),
            Self::Log {
                sigma,
                truncate,
                dimension,
                boundary,
            } => log::laplacian_of_gaussian(image, spacing, sigma, truncate, dimension, boundary),
            Self::Laws {
                ref kernels,
                energy,
                rotations,
                boundary,
            } => match energy {
                Some(distance) => kernels.energy(image, distance, rotations, boundary),
                None => kernels.response(image, rotations, boundary),
            },
            Self::Gabor(ref filter) => gabor(image, spacing, filter),
            Self::Wavelet {
                ref wavelet,
                band,
                level,
                rotations,
                boundary,
            } => {
                let maps = wavelet::sub_bands(image, wavelet, level, &[band], rotations, boundary)?;
                Ok(maps.into_iter().next().expect("one sub-band, one map"))
            }
            Self::Isotropic {
                wavelet,
                level,
                dimension,
                boundary,
            } => nonseparable::wavelet(image, wavelet, level, dimension, boundary),
            Self::Riesz(ref filter) => riesz(image, spacing, filter),
            Self::Point {
                transform: kind,
                largest: given,
            } => {
                // An image of zeros has no largest intensity to scale by; the transform knows.
                let largest = given.or(largest.filter(|&m| m > 0.0));
                transform(image, kind, largest)
            }
            Self::Gradient {
                dimension,
                boundary,
            } => gradient::gradient_magnitude(image, spacing, dimension, boundary),
            Self::Lbp2d {
                radius,
                samples,
                code,
                boundary,
            } => lbp::in_slices(image, radius, samples, code, boundary),
            Self::Lbp3d { radius, boundary } => lbp::in_volume(image, radius, boundary),
        }
    }

    /// The response map in an area of `image`; otherwise as [`Filter::map`], to the bit.
    ///
    /// `source` is the box of the image that [`Filter::source`] names for the area.
    ///
    /// # Errors
    /// As the filter's own function.
    pub(crate) fn part<T: Real>(
        &self,
        image: ArrayView3<'_, T>,
        source: Window,
        area: Area<'_>,
        spacing: [f64; 3],
        largest: Option<f64>,
    ) -> Result<Array3<T>> {
        let of_bank = |bank: Bank, boundary, pooling| {
            let maps = bank.part(image, area, boundary, pooling);
            maps.map(only)
        };
        let within = Area {
            window: area.window.counted_from(source.start),
            ..area
        };
        match *self {
            Self::Mean {
                support,
                dimension,
                boundary,
            } => of_bank(mean::bank(support, dimension)?, boundary, Pooling::Sum),
            Self::Log {
                sigma,
                truncate,
                dimension,
                boundary,
            } => {
                let bank = log::bank(spacing, sigma, truncate, dimension)?;
                of_bank(bank, boundary, Pooling::Sum)
            }
            Self::Laws {
                ref kernels,
                energy: None,
                rotations,
                boundary,
            } => {
                let pooling = rotations.unwrap_or(Pooling::Sum);
                of_bank(kernels.bank(rotations.is_some()), boundary, pooling)
            }
            // One by one: eight maps at once take more time for their memory than they save in
            // shared passes.
            Self::Wavelet {
                ref wavelet,
                band,
                level,
                rotations,
                boundary,
            } => {
                let asked = wavelet::Asked {
                    wavelet,
                    level,
                    bands: &[band],
                    rotations,
                    boundary,
                };
                let maps = if level == 1 {
                    asked.part(image, area)
                } else {
                    asked.part(source.view(image), within)
                };
                maps.map(only)
            }
            _ => {
                let map = self.map(source.view(image), spacing, largest)?;
                if source == area.window {
                    return Ok(map);
                }
                let voxels = cropped(within.window.view(map.view()));
                Ok(area.window.filled(voxels))
            }
        }
    }

    fn reach(&self, spacing: [f64; 3]) -> Result<Reach> {
        let of_kernels = |kernels: &[Kernel; 3]| {
            let most = |kernel: &Kernel| kernel.reach().into_iter().max();
            [0, 1, 2].map(|a| most(&kernels[a]).unwrap_or(0))
        };
        // Rotated, the kernel of one axis lies along another.
        let turned = |reach: [usize; 3], rotations: Option<Pooling>, dimension: Dimension| {
            let [z, y, x] = reach;
            match (rotations, dimension) {
                (None, _) => reach,
                (Some(_), Dimension::Slice) => [z, y.max(x), y.max(x)],
                (Some(_), Dimension::Volume) => [z.max(y).max(x); 3],
            }
        };
        let along = |dimension: Dimension, voxels: usize| {
            [0, 1, 2].map(|a| if dimension.has(a) { voxels } else { 0 })
        };
        let voxels = match self {
            Self::Mean {
                support, dimension, ..
            } => along(*dimension, support / 2),
            Self::Log {
                sigma,
                truncate,
                dimension,
                ..
            } => of_kernels(&log::kernels(spacing, *sigma, *truncate, *dimension)?[0]),
            Self::Laws {
                kernels,
                energy,
                rotations,
                ..
            } => {
                let reach = of_kernels(kernels.kernels());
                let reach = turned(reach, *rotations, kernels.dimension());
                let window = along(kernels.dimension(), energy.unwrap_or(0));
                [0, 1, 2].map(|a| reach[a].saturating_add(window[a]))
            }
            Self::Gabor(filter) => filter.reach(spacing)?,
            Self::Wavelet {
                wavelet,
                band,
                level,
                rotations,
                ..
            } => {
                let reach = wavelet::reach(wavelet, *band, *level);
                turned(reach, *rotations, band.dimension())
            }
            Self::Isotropic { dimension, .. } => return Ok(whole(*dimension)),
            Self::Riesz(filter) => return Ok(whole(filter.dimension)),
            Self::Point { .. } => [0; 3],
            Self::Gradient { dimension, .. } => along(*dimension, 1),
            Self::Lbp2d { radius, .. } => along(Dimension::Slice, lbp::reach(*radius)),
            Self::Lbp3d { radius, .. } => [lbp::reach(*radius); 3],
        };
        Ok(voxels.map(Some))
    }

    fn boundary(&self) -> Option<Boundary> {
        match self {
            Self::Mean { boundary, .. }
            | Self::Log { boundary, .. }
            | Self::Laws { boundary, .. }
            | Self::Wavelet { boundary, .. }
            | Self::Isotropic { boundary, .. }
            | Self::Gradient { boundary, .. }
            | Self::Lbp2d { boundary, .. }
            | Self::Lbp3d { boundary, .. } => Some(*boundary),
            Self::Gabor(filter) => Some(filter.boundary),
            Self::Riesz(filter) => Some(filter.boundary),
            Self::Point { .. } => None,
        }
    }
}

/// All of a volume, or all of a slice.
fn whole(dimension: Dimension) -> Reach {
    [0, 1, 2].map(|a| if dimension.has(a) { None } else { Some(0) })
}
