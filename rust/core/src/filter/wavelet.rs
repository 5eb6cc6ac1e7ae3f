//! Undecimated separable wavelets (IBSI 2 25BO): all discrete families that PyWavelets lists.
//!
//! A sub-band's name has one letter an axis, x first: `LHL` is low-pass along x and z and high-pass
//! along y. Level $j$ filters what level $j - 1$ left (its low-pass along all axes) with kernels
//! whose weights are $2^{j-1}$ voxels apart ("à trous"). A kernel of $L$ weights has its centre at
//! index $\lfloor L/2 \rfloor$; it is neither scaled nor shifted from level to level.

use std::fmt;

use ndarray::{Array3, ArrayView3};

use super::convolve::{check_boundary, convolve, voxels_of, Area, Bank, Kernel, Real};
use super::rotation::Rotation;
use super::{Boundary, Dimension, Pooling};
use crate::error::{Error, Result};
use crate::volume::Window;

/// Coefficients by name; its first lines tell the source and the format.
const TABLE: &str = include_str!("wavelets.txt");

/// The decomposition filters of a wavelet.
#[derive(Debug, Clone, PartialEq)]
pub struct Wavelet {
    low: Kernel,
    high: Kernel,
}

impl Wavelet {
    /// The wavelet of this name: `haar`, `db1` to `db38`, `sym2` to `sym20`, `coif1` to `coif17`,
    /// `bior1.1` to `bior6.8`, `rbio1.1` to `rbio6.8`, `dmey`.
    ///
    /// # Errors
    /// [`Error::UnknownWavelet`].
    pub fn named(name: &str) -> Result<Self> {
        let wanted = name.trim().to_lowercase();
        let known = if wanted == "haar" { "db1" } else { &wanted };
        let reversed = |mut weights: Vec<f64>| {
            weights.reverse();
            weights
        };
        let found = match known.strip_prefix("rbio") {
            Some(order) => coefficients(&format!("bior{order}'"))
                .zip(coefficients(&format!("bior{order}")))
                .map(|(low, back)| (reversed(low), reversed(back))),
            None => coefficients(known).map(|low| {
                let back = coefficients(&format!("{known}'"));
                (low.clone(), back.unwrap_or_else(|| reversed(low)))
            }),
        };
        let found = found.filter(|_| !wanted.ends_with('\''));
        let (low, back) = found.ok_or_else(|| Error::UnknownWavelet {
            given: name.to_string(),
            nearest: nearest(&wanted),
        })?;
        let sign = |k: usize| if k.is_multiple_of(2) { -1.0 } else { 1.0 };
        let high = back.iter().enumerate().map(|(k, w)| sign(k) * w);
        let high: Vec<f64> = high.collect();
        Ok(Self {
            low: Kernel::new(&low, low.len() / 2),
            high: Kernel::new(&high, high.len() / 2),
        })
    }

    /// The wavelet of this name with the weights that PyWavelets has in single precision, exactly:
    /// those of a coiflet are a tabled number times $\sqrt 2$, both and the product rounded.
    ///
    /// # Errors
    /// [`Error::UnknownWavelet`].
    pub fn named_in_single(name: &str) -> Result<Self> {
        let Self { low, high } = Self::named(name)?;
        let coiflet = name.trim().to_lowercase().starts_with("coif");
        let rounded = |kernel: Kernel| {
            if coiflet {
                kernel.map(coiflet_in_single)
            } else {
                kernel
            }
        };
        Ok(Self {
            low: rounded(low),
            high: rounded(high),
        })
    }

    /// The low-pass filter of level 1.
    #[must_use]
    pub fn low(&self) -> &Kernel {
        &self.low
    }

    /// The high-pass filter of level 1.
    #[must_use]
    pub fn high(&self) -> &Kernel {
        &self.high
    }
}

/// A coiflet's weight as a product of two numbers in single precision.
#[allow(clippy::cast_possible_truncation)] // rounds to single precision on purpose
fn coiflet_in_single(weight: f64) -> f64 {
    let root = std::f64::consts::SQRT_2;
    f64::from((weight / root) as f32 * root as f32)
}

/// Names of all wavelets.
#[must_use]
pub fn names() -> Vec<String> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let listed = lines.filter_map(|line| line.split_once(' ').map(|(name, _)| name));
    let listed: Vec<&str> = listed.filter(|name| !name.ends_with('\'')).collect();
    let swapped = listed.iter().filter_map(|name| name.strip_prefix("bior"));
    let swapped: Vec<String> = swapped.map(|order| format!("rbio{order}")).collect();
    let listed = listed.iter().map(ToString::to_string);
    ["haar".to_string()]
        .into_iter()
        .chain(listed)
        .chain(swapped)
        .collect()
}

/// The numbers in the line of this name.
fn coefficients(name: &str) -> Option<Vec<f64>> {
    let line = |line: &'static str| line.strip_prefix(name)?.strip_prefix(' ');
    let numbers = TABLE
        .lines()
        .find_map(line)
        .filter(|_| !name.starts_with('#'))?;
    let number = |text: &str| text.parse().expect("a table of numbers");
    Some(numbers.split(' ').map(number).collect())
}

/// The name of a wavelet that is most like this one.
fn nearest(name: &str) -> String {
    let known = names().into_iter();
    known
        .min_by_key(|known| edits(name, known))
        .expect("there are wavelets")
}

/// Letters to insert, delete or replace to make one text the other.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// A sub-band: which axes are high-pass filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubBand {
    /// High-pass along (z, y, x).
    high: [bool; 3],
    dimension: Dimension,
}

impl SubBand {
    /// Two letters, along x and y, or three, along x, y and z: `LLH`.
    ///
    /// # Errors
    /// [`Error::Argument`] for any other text.
    pub fn named(name: &str) -> Result<Self> {
        let letter = |letter: char| match letter {
            'L' | 'l' => Some(false),
            'H' | 'h' => Some(true),
            _ => None,
        };
        let letters: Option<Vec<bool>> = name.trim().chars().map(letter).collect();
        let (high, dimension) = match letters.as_deref() {
            Some(&[x, y]) => ([false, y, x], Dimension::Slice),
            Some(&[x, y, z]) => ([z, y, x], Dimension::Volume),
            _ => {
                return Err(Error::Argument {
                    name: "sub_band",
                    given: format!("'{name}'"),
                    allowed: "give L (low) or H (high) for each of x, y (2D), or of x, y, z (3D), \
                              as in LLH",
                })
            }
        };
        Ok(Self { high, dimension })
    }

    /// All sub-bands: 4 of slices, 8 of the volume, `LL` to `HH` or `LLL` to `HHH`.
    #[must_use]
    pub fn all(dimension: Dimension) -> Vec<Self> {
        let bits = (0..8).map(|bits| [1, 2, 4].map(|bit| bits & bit != 0));
        match dimension {
            Dimension::Volume => bits.map(|high| Self { high, dimension }).collect(),
            Dimension::Slice => {
                let in_plane = bits.take(4).map(|[y, x, _]| [false, y, x]);
                in_plane.map(|high| Self { high, dimension }).collect()
            }
        }
    }

    /// Slices for two letters, the volume for three.
    #[must_use]
    pub fn dimension(self) -> Dimension {
        self.dimension
    }

    fn kernels(self, wavelet: &Wavelet, step: usize) -> [Kernel; 3] {
        self.dimension.kernels(|a| {
            let kernel = [&wavelet.low, &wavelet.high][usize::from(self.high[a])];
            kernel.spread(step)
        })
    }
}

impl fmt::Display for SubBand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes = (0..3).rev().filter(|&a| self.dimension.has(a));
        axes.map(|a| if self.high[a] { "H" } else { "L" })
            .try_for_each(|letter| f.write_str(letter))
    }
}

/// The maps of these sub-bands of `image` (z, y, x) at a level from 1 on; with `rotations` each is
/// pooled over all rotations by right angles.
///
/// Beside the image and the maps this needs two volumes for levels from 2 on.
///
/// # Errors
/// [`Error::Argument`] if the weights would be further apart than the shortest filtered axis is
/// long, if 2D and 3D sub-bands are mixed, or if a constant beyond the edge is not finite.
pub fn sub_bands<T: Real>(
    image: ArrayView3<'_, T>,
    wavelet: &Wavelet,
    level: usize,
    bands: &[SubBand],
    rotations: Option<Pooling>,
    boundary: Boundary,
) -> Result<Vec<Array3<T>>> {
    let asked = Asked {
        wavelet,
        level,
        bands,
        rotations,
        boundary,
    };
    asked.part(image, Window::whole(image.dim().into()).into())
}

/// [`sub_bands`] written to `maps`, the voxels of each in C order.
///
/// # Errors
/// As [`sub_bands`]; [`Error::Argument`] if there is not one map of the image's size a sub-band.
pub fn sub_bands_into<T: Real>(
    maps: &mut [&mut [T]],
    image: ArrayView3<'_, T>,
    wavelet: &Wavelet,
    level: usize,
    bands: &[SubBand],
    rotations: Option<Pooling>,
    boundary: Boundary,
) -> Result<()> {
    if maps.len() != bands.len() || maps.iter().any(|map| map.len() != image.len()) {
        return Err(Error::Argument {
            name: "maps",
            given: format!("{} arrays", maps.len()),
            allowed: "there must be one of the image's size for each sub-band",
        });
    }
    let asked = Asked {
        wavelet,
        level,
        bands,
        rotations,
        boundary,
    };
    asked.part_into(maps, image, Window::whole(image.dim().into()).into())
}

/// Sub-bands with all their parameters, see [`sub_bands`].
pub(super) struct Asked<'a> {
    pub(super) wavelet: &'a Wavelet,
    pub(super) level: usize,
    pub(super) bands: &'a [SubBand],
    pub(super) rotations: Option<Pooling>,
    pub(super) boundary: Boundary,
}

impl Asked<'_> {
    /// [`sub_bands`] in an area of the image.
    ///
    /// # Errors
    /// As [`sub_bands`].
    pub(super) fn part<T: Real>(
        &self,
        image: ArrayView3<'_, T>,
        area: Area<'_>,
    ) -> Result<Vec<Array3<T>>> {
        let empty = || Array3::from_elem(area.window.shape, T::ZERO);
        let mut maps: Vec<_> = self.bands.iter().map(|_| empty()).collect();
        let mut voxels: Vec<_> = maps.iter_mut().map(voxels_of).collect();
        self.part_into(&mut voxels, image, area)?;
        Ok(maps)
    }

    fn part_into<T: Real>(
        &self,
        maps: &mut [&mut [T]],
        image: ArrayView3<'_, T>,
        area: Area<'_>,
    ) -> Result<()> {
        let &Self {
            wavelet,
            level,
            bands,
            rotations,
            boundary,
        } = self;
        check_boundary(boundary)?;
        let Some(dimension) = bands.first().map(|band| band.dimension) else {
            return Ok(());
        };
        if bands.iter().any(|band| band.dimension != dimension) {
            return Err(Error::Argument {
                name: "sub_band",
                given: bands
                    .iter()
                    .map(SubBand::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
                allowed: "all must be 2D (two letters) or all 3D (three letters)",
            });
        }
        check_level(level, image.dim().into(), dimension)?;
        let pooling = rotations.unwrap_or(Pooling::Sum);
        let all = match rotations {
            Some(_) => dimension.rotations(),
            None => vec![Rotation::IDENTITY],
        };
        let step = 1 << (level - 1);
        let bank = |rotations: &[Rotation]| {
            let numbered = bands.iter().enumerate();
            Bank::new(numbered.flat_map(|(map, band)| {
                let kernels = band.kernels(wavelet, step);
                rotations.iter().map(move |r| (r.of(&kernels), map))
            }))
        };
        // The low-pass of the levels before is the same along all axes, so it depends only on which of
        // them are mirrored; rotations come sorted by that.
        let alike = |a: &Rotation, b: &Rotation| level == 1 || a.mirrored == b.mirrored;
        for (k, group) in all.chunk_by(alike).enumerate() {
            if level == 1 {
                bank(group).pool_into(maps, true, image, area, boundary, pooling)?;
            } else {
                let (smooth, beyond) =
                    smoothed(image, wavelet, level, dimension, group[0], boundary)?;
                let smooth = smooth.view();
                bank(group).pool_into(maps, k == 0, smooth, area, beyond, pooling)?;
            }
        }
        for map in maps {
            pooling.finish(map, all.len());
        }
        Ok(())
    }
}

/// What the levels before `level` leave of the image, and how that goes on beyond its edge.
fn smoothed<T: Real>(
    image: ArrayView3<'_, T>,
    wavelet: &Wavelet,
    level: usize,
    dimension: Dimension,
    rotation: Rotation,
    mut boundary: Boundary,
) -> Result<(Array3<T>, Boundary)> {
    let mut smooth: Option<Array3<T>> = None;
    for before in 1..level {
        let kernels = dimension.kernels(|_| wavelet.low.spread(1 << (before - 1)));
        let kernels = rotation.of(&kernels);
        let from = smooth.as_ref().map_or(image, |map| map.view());
        smooth = Some(convolve(from, &kernels, boundary)?);
        if let Boundary::Constant(value) = &mut boundary {
            *value *= kernels.iter().map(Kernel::sum).product::<f64>();
        }
    }
    Ok((smooth.expect("level 2 or deeper"), boundary))
}

/// Voxels (z, y, x) that a sub-band of this level depends on to either side.
pub(super) fn reach(wavelet: &Wavelet, band: SubBand, level: usize) -> [usize; 3] {
    let most = |kernel: &Kernel| kernel.reach().into_iter().max().unwrap_or(0);
    // Deeper than any image has them, so that the sum below cannot overflow.
    let level = level.clamp(1, 40);
    let before: usize = (1..level).map(|l| most(&wavelet.low) << (l - 1)).sum();
    let last = band.kernels(wavelet, 1 << (level - 1));
    [0, 1, 2].map(|a| {
        if band.dimension.has(a) {
            before + most(&last[a])
        } else {
            0
        }
    })
}

/// Refuses a level that an image of this shape (z, y, x) does not have.
///
/// # Errors
/// [`Error::WaveletLevel`].
pub(super) fn check_level(level: usize, shape: [usize; 3], dimension: Dimension) -> Result<()> {
    let axes = (0..3).filter(|&a| dimension.has(a));
    let shortest = axes.map(|a| shape[a]).min().unwrap_or(0).max(1);
    let deepest = shortest.ilog2() as usize + 1;
    if (1..=deepest).contains(&level) {
        return Ok(());
    }
    Err(Error::WaveletLevel {
        level,
        deepest,
        shortest,
    })
}
