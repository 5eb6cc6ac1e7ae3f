//! Intensity discretisation, IBSI "Intensity discretisation" (4R0B): intensities of the region to
//! grey levels 1, 2, ... `n`; 0 marks voxels outside the intensity mask.

use crate::error::{Error, Result};
use crate::roi::Roi;
use crate::settings::Discretise;

/// Largest number of grey levels.
pub const MAX_LEVELS: u32 = u16::MAX as u32;

/// Grey levels of a box, (z, y, x) in C order, 0 outside the intensity mask.
#[derive(Debug, Clone)]
pub struct Levels {
    data: LevelData,
    shape: [usize; 3],
    n: u32,
    counts: Vec<u64>,
}

/// The levels themselves, in bytes where they fit.
#[derive(Debug, Clone)]
pub enum LevelData {
    /// At most 255 levels.
    U8(Vec<u8>),
    /// At most 65,535 levels.
    U16(Vec<u16>),
}

/// A type that holds a grey level; kernels are generic over it.
pub trait Level:
    Copy + Eq + Ord + Default + Send + Sync + Into<u32> + Into<usize> + 'static
{
}
impl Level for u8 {}
impl Level for u16 {}

impl Levels {
    /// Takes levels as they are: `data` (z, y, x) in C order, 0 outside the region.
    ///
    /// The number of levels is `n`, or the highest level present if `n` is `None`.
    ///
    /// # Errors
    /// [`Error::Argument`] if the length does not fit the shape or a level exceeds `n`;
    /// [`Error::EmptyMask`] if every voxel is 0.
    pub fn new(data: &[u16], shape: [usize; 3], n: Option<u32>) -> Result<Self> {
        let [nz, ny, nx] = shape;
        if data.len() != nz * ny * nx {
            let given = format!("{} voxels for shape {shape:?}", data.len());
            let allowed = "one voxel for each place of the shape is needed";
            return Err(Error::Argument {
                name: "levels",
                given,
                allowed,
            });
        }
        let highest = u32::from(data.iter().copied().max().unwrap_or(0));
        if highest == 0 {
            return Err(Error::EmptyMask);
        }
        let n = n.unwrap_or(highest);
        if highest > n || n > MAX_LEVELS {
            let given = format!("{highest} levels for a limit of {n}");
            let allowed = "levels must not exceed the number of levels, nor that 65535";
            return Err(Error::Argument {
                name: "levels",
                given,
                allowed,
            });
        }
        Ok(Self::from_fn(data.len(), shape, n, |k| u32::from(data[k])))
    }

    /// `level(k)` is the level of voxel `k` in C order, at most `n`, 0 outside.
    fn from_fn(len: usize, shape: [usize; 3], n: u32, level: impl Fn(usize) -> u32) -> Self {
        let mut counts = vec![0u64; n as usize + 1];
        let mut count = |level: u32| {
            counts[level as usize] += 1;
            level
        };
        // The casts below keep the value: `n` decides the width and no level exceeds it.
        #[allow(clippy::cast_possible_truncation)]
        let data = if n <= u32::from(u8::MAX) {
            LevelData::U8((0..len).map(|k| count(level(k)) as u8).collect())
        } else {
            LevelData::U16((0..len).map(|k| count(level(k)) as u16).collect())
        };
        counts[0] = 0;
        Self {
            data,
            shape,
            n,
            counts,
        }
    }

    /// The levels.
    #[must_use]
    pub fn data(&self) -> &LevelData {
        &self.data
    }

    /// Shape of the box (z, y, x).
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// `N_g`: the number of grey levels, present or not: the number of bins for fixed bin number,
    /// the highest level for the others.
    #[must_use]
    pub fn n(&self) -> u32 {
        self.n
    }

    /// How many voxels have level `i`, by index `i`; entry 0 is 0.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// `N_v`: voxels inside the region.
    #[must_use]
    pub fn voxels(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Level of voxel `k` in C order, 0 outside the region.
    #[must_use]
    pub fn get(&self, k: usize) -> u32 {
        match &self.data {
            LevelData::U8(v) => u32::from(v[k]),
            LevelData::U16(v) => u32::from(v[k]),
        }
    }
}

/// Discretises the region's intensities.
///
/// - Fixed bin number (K15C): `floor(n (x - min) / (max - min)) + 1`, and `n` at the maximum; so a
///   flat region has level `n` throughout, as the formula says.
/// - Fixed bin size (Q3RU): `floor((x - start) / width) + 1`; bins start at `minimum`, else at the
///   lower re-segmentation limit, else at the region's lowest intensity.
/// - None: whole intensities from 1 to 65,535 are the levels.
///
/// # Errors
/// [`Error::TooManyLevels`], [`Error::BelowFirstBin`], [`Error::NotLevels`], and
/// [`Error::Setting`] for a width or number outside its limits.
pub fn discretise(roi: &Roi, settings: &Discretise) -> Result<Levels> {
    let (minimum, maximum) = span(roi);
    match *settings {
        Discretise::None {} => {
            let bad = |x: f64| !(x.fract() == 0.0 && (1.0..=f64::from(MAX_LEVELS)).contains(&x));
            let inside = roi
                .intensities()
                .iter()
                .zip(roi.intensity())
                .filter(|(_, &m)| m);
            if let Some((&value, _)) = inside.into_iter().find(|(&x, _)| bad(x)) {
                return Err(Error::NotLevels { value });
            }
            Ok(levels(roi, maximum, |x| x))
        }
        Discretise::Fbs {
            width,
            minimum: start,
        } => {
            if !(width.is_finite() && width > 0.0) {
                return Err(limit(
                    "width",
                    width,
                    "a bin width must be a positive number",
                ));
            }
            let start = start.or(roi.range[0]).unwrap_or(minimum);
            if minimum < start {
                return Err(Error::BelowFirstBin {
                    value: minimum,
                    minimum: start,
                });
            }
            let n = ((maximum - start) / width).floor() + 1.0;
            if n > f64::from(MAX_LEVELS) {
                return Err(Error::TooManyLevels {
                    width,
                    range: maximum - start,
                    levels: n,
                });
            }
            Ok(levels(roi, n, |x| ((x - start) / width).floor() + 1.0))
        }
        Discretise::Fbn { bins } => {
            if !(2..=MAX_LEVELS).contains(&bins) {
                return Err(limit(
                    "bins",
                    f64::from(bins),
                    "bins must be from 2 to 65535",
                ));
            }
            let n = f64::from(bins);
            let range = maximum - minimum;
            Ok(levels(roi, n, |x| {
                if x < maximum {
                    ((n * (x - minimum) / range).floor() + 1.0).min(n)
                } else {
                    n
                }
            }))
        }
    }
}

fn limit(key: &str, given: f64, allowed: &str) -> Error {
    let path = format!("discretise.{key}");
    Error::Setting {
        path,
        given: given.to_string(),
        allowed: allowed.into(),
    }
}

/// Lowest and highest intensity inside the intensity mask.
fn span(roi: &Roi) -> (f64, f64) {
    let inside = roi
        .intensities()
        .iter()
        .zip(roi.intensity())
        .filter(|(_, &m)| m);
    inside.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (&x, _)| {
        (l.min(x), h.max(x))
    })
}

/// `level(x)` is a whole number from 1 to `n` for every intensity of the region.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole, within 1..=65535
fn levels(roi: &Roi, n: f64, level: impl Fn(f64) -> f64) -> Levels {
    let (values, mask) = (roi.intensities(), roi.intensity());
    let at = |k: usize| if mask[k] { level(values[k]) as u32 } else { 0 };
    Levels::from_fn(values.len(), roi.shape(), n as u32, at)
}
