//! Intensity discretisation, IBSI "Intensity discretisation" (4R0B): intensities of the region to
//! grey levels 1, 2, ... `n`; 0 marks voxels outside the intensity mask.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use crate::blocks::{cover, Cover, BLOCK};
use crate::error::{Error, Result};
use crate::numeric::{count_by, find_places, floor, nearest, to_index, Rule, Tally};
use crate::parallel;
use crate::roi::Roi;
use crate::selection::Values;
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
    /// The levels as bytes, if that is what they are.
    fn bytes(_levels: &[Self]) -> Option<&[u8]> {
        None
    }

    /// The same, to keep; without a copy of a vector.
    #[must_use]
    fn into_bytes(_levels: Cow<'_, [Self]>) -> Option<Vec<u8>> {
        None
    }
}
impl Level for u8 {
    fn bytes(levels: &[u8]) -> Option<&[u8]> {
        Some(levels)
    }

    fn into_bytes(levels: Cow<'_, [u8]>) -> Option<Vec<u8>> {
        Some(levels.into_owned())
    }
}
impl Level for u16 {}

impl Levels {
    /// Takes levels as they are: `data` (z, y, x) in C order, 0 outside the region.
    ///
    /// The number of levels is `n`, or the highest level present if `n` is `None`.
    ///
    /// # Errors
    /// [`Error::Argument`] if the length does not fit the shape or a level exceeds `n`;
    /// [`Error::EmptyMask`] if every voxel is 0.
    ///
    /// # Panics
    /// Never: levels that were counted as bytes are bytes.
    pub fn new<'d, L: Level>(
        data: impl Into<Cow<'d, [L]>>,
        shape: [usize; 3],
        n: Option<u32>,
    ) -> Result<Self> {
        let data = data.into();
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
        let counts = L::bytes(&data).map(count_bytes);
        #[allow(clippy::cast_possible_truncation)] // one of 256
        let highest: u32 = match &counts {
            Some(counts) => counts.iter().rposition(|&n| n > 0).unwrap_or(0) as u32,
            None => data.iter().copied().max().map_or(0, Into::into),
        };
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
        let Some(mut counts) = counts.filter(|_| u8::try_from(n).is_ok()) else {
            return Ok(Self::fill(shape, n, &Given(&data)));
        };
        counts.truncate(n as usize + 1);
        counts[0] = 0;
        let bytes = L::into_bytes(data).expect("what was counted as bytes is bytes");
        Ok(Self {
            data: LevelData::U8(bytes),
            shape,
            n,
            counts,
        })
    }

    /// `source` gives the levels in C order, at most `n`, 0 outside.
    fn fill(shape: [usize; 3], n: u32, source: &impl Source) -> Self {
        let len = shape.iter().product();
        // The low bits are the level: `n` decides the width and no level exceeds it.
        #[allow(clippy::cast_possible_truncation)]
        let (data, counts) = if u8::try_from(n).is_ok() {
            let (data, counts) = fill(len, n, source, |level| level as u8);
            (LevelData::U8(data), counts)
        } else {
            let (data, counts) = fill(len, n, source, |level| level as u16);
            (LevelData::U16(data), counts)
        };
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

/// Where levels come from, voxels in C order.
trait Source: Sync {
    /// The levels of block `k`; `None` if all are 0.
    fn block(&self, k: usize) -> Option<[u32; BLOCK]>;
    /// The level of voxel `k`, one of those after the last whole block.
    fn single(&self, k: usize) -> u32;
}

/// Levels as they are.
struct Given<'a, L>(&'a [L]);

impl<L: Level> Source for Given<'_, L> {
    #[inline]
    fn block(&self, k: usize) -> Option<[u32; BLOCK]> {
        let levels = &self.0.as_chunks::<BLOCK>().0[k];
        let any = levels
            .iter()
            .fold(false, |any, &l| any | (l != L::default()));
        any.then(|| levels.map(Into::into))
    }

    fn single(&self, k: usize) -> u32 {
        self.0[k].into()
    }
}

/// Intensities, the intensity mask and the level of an intensity: a whole number from 1 to `n` for
/// every voxel of the mask, any number elsewhere.
struct Formula<'a, R> {
    values: &'a [f64],
    mask: &'a [bool],
    level: &'a R,
}

impl<R: Rule> Source for Formula<'_, R> {
    #[inline]
    fn block(&self, k: usize) -> Option<[u32; BLOCK]> {
        let mask = &self.mask.as_chunks::<BLOCK>().0[k];
        let cover = cover(mask);
        if cover == Cover::None {
            return None;
        }
        let values = &self.values.as_chunks::<BLOCK>().0[k];
        let mut levels = [0; BLOCK];
        find_places(self.level, values, &mut levels);
        if cover == Cover::Part {
            for (level, &m) in levels.iter_mut().zip(mask) {
                *level &= if m { u32::MAX } else { 0 };
            }
        }
        Some(levels)
    }

    fn single(&self, k: usize) -> u32 {
        if self.mask[k] {
            to_index(self.level.place(self.values[k]))
        } else {
            0
        }
    }
}

/// Voxels that one parallel task takes, at least; a multiple of a block.
const TASK: usize = 1 << 16;

/// Levels and how many voxels have each from 0 to `n`; entry 0 is set to 0.
fn fill<L: Level>(
    len: usize,
    n: u32,
    source: &impl Source,
    narrow: impl Fn(u32) -> L + Sync + Send,
) -> (Vec<L>, Vec<u64>) {
    let places = n as usize + 1;
    let mut data = vec![L::default(); len];
    let counts = Mutex::new(vec![0u64; places]);
    // Adding up the tables of a task is a small part of its work.
    let size = TASK.max(BLOCK * places);
    parallel::for_each_chunk(&mut data, size, len, |i, part| {
        let table = fill_part(part, i * size, places, source, &narrow);
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (sum, n) in counts.iter_mut().zip(table) {
            *sum += u64::from(n);
        }
    });
    let mut counts = counts.into_inner().unwrap_or_else(PoisonError::into_inner);
    counts[0] = 0;
    (data, counts)
}

/// Writes the levels from voxel `start` on and counts them, both block by block: the levels are
/// still at hand, and blocks outside the region are not touched (2.2 10^6 voxels with 10^6 inside:
/// 2.6 ms, 5.6 ms in two passes over all voxels).
fn fill_part<L: Level>(
    part: &mut [L],
    start: usize,
    places: usize,
    source: &impl Source,
    narrow: &impl Fn(u32) -> L,
) -> Vec<u32> {
    let mut tally = Tally::new(places);
    let whole = part.len() / BLOCK * BLOCK;
    let (blocks, rest) = part.as_chunks_mut::<BLOCK>();
    for (k, block) in blocks.iter_mut().enumerate() {
        if let Some(levels) = source.block(start / BLOCK + k) {
            *block = levels.map(narrow);
            tally.add(&levels);
        }
    }
    for (k, to) in rest.iter_mut().enumerate() {
        let level = source.single(start + whole + k);
        *to = narrow(level);
        tally.add(&[level]);
    }
    tally.sum()
}

/// How many levels have each value from 0 to 255; blocks of zeros may be left out. Levels in bytes
/// are taken as they are, with no pass but this one: 1.8 ms -> 0.7 ms, 10^6 voxels in a ball.
fn count_bytes(levels: &[u8]) -> Vec<u64> {
    let parts: Vec<&[u8]> = levels.chunks(TASK).collect();
    let tables = parallel::map(parts.len(), levels.len(), |k| {
        // In turn into four tables: equal neighbours would wait for each other's store.
        let mut tables = [[0u32; 256]; 4];
        let (blocks, rest) = parts[k].as_chunks::<BLOCK>();
        for block in blocks.iter().filter(|block| **block != [0; BLOCK]) {
            for (i, &level) in block.iter().enumerate() {
                tables[i % 4][usize::from(level)] += 1;
            }
        }
        for &level in rest {
            tables[0][usize::from(level)] += 1;
        }
        tables
    });
    let mut counts = vec![0; 256];
    for table in tables.iter().flatten() {
        for (sum, &n) in counts.iter_mut().zip(table) {
            *sum += u64::from(n);
        }
    }
    counts
}

/// Discretises the region's intensities.
///
/// - Fixed bin number (K15C): `floor(n (x - min) / (max - min)) + 1`, and `n` at the maximum; so a
///   flat region has level `n` throughout, as the formula says.
/// - Fixed bin size (Q3RU): `floor((x - start) / width) + 1`; bins start at `minimum`, else at the
///   lower re-segmentation limit, else at the region's lowest intensity.
/// - None: whole intensities from 1 to 65,535 are the levels.
///
/// The formulas are taken as they stand, in double precision: intensities are the doubles they are,
/// and an intensity on the edge of a bin is in the upper one if the quotient, rounded to a double,
/// is the whole number (0.3 / 0.1 is not). For whole intensities and widths levels are exact.
///
/// # Errors
/// [`Error::TooManyLevels`], [`Error::BelowFirstBin`], [`Error::NotLevels`], and
/// [`Error::Setting`] for a width, minimum or number outside its limits.
pub fn discretise(roi: &Roi, settings: &Discretise) -> Result<Levels> {
    by_rule(roi, roi.range[0], settings)
}

/// [`Levels::counts`] of what [`discretise`] would make of a sequence without re-segmentation range.
///
/// # Errors
/// As [`discretise`].
pub(crate) fn level_counts(
    values: &(impl Values + ?Sized),
    span: (f64, f64),
    settings: &Discretise,
) -> Result<Vec<u64>> {
    by_rule(&Counted { values, span }, None, settings)
}

/// Intensities that get levels, and what is made of them.
trait Intensities {
    type Made;

    /// Lowest and highest.
    fn span(&self) -> (f64, f64);

    /// True if all are whole numbers.
    fn is_whole(&self) -> bool;

    /// The first for which `holds`, in C order of the voxels.
    fn first(&self, holds: impl Fn(f64) -> bool) -> Option<f64>;

    /// The place of `x`, its level, is a whole number from 1 to `n` for every intensity.
    fn made(&self, n: u32, level: &impl Rule) -> Self::Made;
}

impl Intensities for Roi {
    type Made = Levels;

    fn span(&self) -> (f64, f64) {
        self.span()
    }

    fn is_whole(&self) -> bool {
        Roi::is_whole(self)
    }

    fn first(&self, holds: impl Fn(f64) -> bool) -> Option<f64> {
        let mut all = self.intensities().iter().zip(self.intensity());
        all.find(|(&x, &m)| m && holds(x)).map(|(&x, _)| x)
    }

    fn made(&self, n: u32, level: &impl Rule) -> Levels {
        let (values, mask) = (self.intensities(), self.intensity());
        let formula = Formula {
            values,
            mask,
            level,
        };
        Levels::fill(self.shape(), n, &formula)
    }
}

/// A sequence whose levels are only counted.
struct Counted<'a, V: ?Sized> {
    values: &'a V,
    span: (f64, f64),
}

impl<V: Values + ?Sized> Intensities for Counted<'_, V> {
    type Made = Vec<u64>;

    fn span(&self) -> (f64, f64) {
        self.span
    }

    fn is_whole(&self) -> bool {
        let mut whole = true;
        let holds = |whole, &x: &f64| whole & (nearest(x) == x);
        let run = |run: &[f64]| whole &= run.iter().fold(true, holds);
        self.values.for_each_run(run);
        whole
    }

    fn first(&self, holds: impl Fn(f64) -> bool) -> Option<f64> {
        let mut first = None;
        let find = |run: &[f64]| first = first.or_else(|| run.iter().copied().find(|&x| holds(x)));
        self.values.for_each_run(find);
        first
    }

    fn made(&self, n: u32, level: &impl Rule) -> Vec<u64> {
        count_by(self.values, n as usize + 1, level)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // levels: whole, 1 to 65535
fn by_rule<I: Intensities>(
    given: &I,
    lower_limit: Option<f64>,
    settings: &Discretise,
) -> Result<I::Made> {
    let (minimum, maximum) = given.span();
    match *settings {
        Discretise::None {} => {
            let bad = |x: f64| !(x.fract() == 0.0 && (1.0..=f64::from(MAX_LEVELS)).contains(&x));
            if minimum >= 1.0 && maximum <= f64::from(MAX_LEVELS) && given.is_whole() {
                return Ok(given.made(maximum as u32, &AsItIs));
            }
            Err(Error::NotLevels {
                value: given.first(bad).unwrap_or(f64::NAN),
            })
        }
        Discretise::Fbs {
            width,
            minimum: start,
        } => {
            check_width("discretise.width", width)?;
            let start = start.or(lower_limit).unwrap_or(minimum);
            if !start.is_finite() {
                let allowed = "the first bin must start at a finite intensity";
                return Err(limit("discretise.minimum", start, allowed));
            }
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
            Ok(given.made(n as u32, &BySize { start, width }))
        }
        Discretise::Fbn { bins } => {
            check_bins("discretise.bins", bins)?;
            let by = ByNumber {
                n: f64::from(bins),
                minimum,
                range: maximum - minimum,
            };
            Ok(given.made(bins, &by))
        }
    }
}

/// The level is the intensity.
struct AsItIs;

struct BySize {
    start: f64,
    width: f64,
}

struct ByNumber {
    n: f64,
    minimum: f64,
    range: f64,
}

// Types and not closures to become AVX2 code.
impl Rule for AsItIs {
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn place(&self, x: f64) -> f64 {
        x
    }
}

impl Rule for BySize {
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn place(&self, x: f64) -> f64 {
        floor((x - self.start) / self.width) + 1.0
    }
}

impl Rule for ByNumber {
    /// At the maximum the quotient is `n` or, rounded, next to it, and just below it may be rounded
    /// up to `n`: level `n` either way. It is NaN in a flat region: level `n` as well.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn place(&self, x: f64) -> f64 {
        below(
            floor(self.n * (x - self.minimum) / self.range) + 1.0,
            self.n,
        )
    }
}

/// `x` if it is below `end`, else `end`, also for NaN; one instruction.
#[inline]
fn below(x: f64, end: f64) -> f64 {
    if x < end {
        x
    } else {
        end
    }
}

/// Refuses a bin width that is not a positive number.
pub(crate) fn check_width(path: &str, width: f64) -> Result<()> {
    if width.is_finite() && width > 0.0 {
        return Ok(());
    }
    Err(limit(path, width, "a bin width must be a positive number"))
}

/// Refuses a number of bins that levels cannot number.
pub(crate) fn check_bins(path: &str, bins: u32) -> Result<()> {
    if (2..=MAX_LEVELS).contains(&bins) {
        return Ok(());
    }
    Err(limit(path, f64::from(bins), "bins must be from 2 to 65535"))
}

fn limit(path: &str, given: f64, allowed: &str) -> Error {
    Error::Setting {
        path: path.into(),
        given: given.to_string(),
        allowed: allowed.into(),
    }
}

#[cfg(test)]
#[allow(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
mod tests {
    use ndarray::Array3;
    use proptest::prelude::*;

    use super::*;

    fn roi(values: &[f64], mask: &[bool]) -> Roi {
        let image = Array3::from_shape_vec((1, 1, values.len()), values.to_vec()).unwrap();
        let mask = Array3::from_shape_vec(image.dim(), mask.to_vec()).unwrap();
        Roi::new(image.view(), mask.view(), [1.0; 3]).unwrap()
    }

    fn of(values: &[f64], settings: &Discretise) -> Result<Vec<u32>> {
        let levels = discretise(&roi(values, &vec![true; values.len()]), settings)?;
        Ok((0..values.len()).map(|k| levels.get(k)).collect())
    }

    fn fbs(width: f64, minimum: Option<f64>) -> Discretise {
        Discretise::Fbs { width, minimum }
    }

    /// The manual's formula for one voxel.
    fn naive(x: f64, low: f64, high: f64, settings: &Discretise) -> f64 {
        match *settings {
            Discretise::None {} => x,
            Discretise::Fbs { width, minimum } => {
                ((x - minimum.unwrap_or(low)) / width).floor() + 1.0
            }
            Discretise::Fbn { bins } if x < high => {
                let n = f64::from(bins);
                ((n * (x - low) / (high - low)).floor() + 1.0).min(n)
            }
            Discretise::Fbn { bins } => f64::from(bins),
        }
    }

    #[test]
    fn edges_follow_the_formulas() {
        let four = Discretise::Fbn { bins: 4 };
        assert_eq!(
            of(&[0.0, 2.4, 2.5, 5.0, 9.999, 10.0], &four).unwrap(),
            [1, 1, 2, 3, 4, 4]
        );
        // Just below the maximum the product rounds up to 4, still level 4; flat: level 4.
        assert_eq!(
            of(&[0.0, 1.0 - f64::EPSILON / 2.0, 1.0], &four).unwrap(),
            [1, 4, 4]
        );
        assert_eq!(of(&[7.0, 7.0], &four).unwrap(), [4, 4]);
        assert_eq!(
            of(&[-500.0, -475.1, -475.0, 0.0], &fbs(25.0, None)).unwrap(),
            [1, 1, 2, 21]
        );
        assert_eq!(of(&[10.0], &fbs(25.0, Some(-500.0))).unwrap(), [21]);
        // In doubles 0.3 is less than three times 0.1, and so the third bin's.
        assert_eq!(
            of(&[0.0, 0.2, 0.3, 0.5], &fbs(0.1, None)).unwrap(),
            [1, 3, 3, 6]
        );
        assert_eq!(
            of(&[1.0, 300.0, 65_535.0], &Discretise::None {}).unwrap(),
            [1, 300, 65_535]
        );
    }

    #[test]
    fn what_cannot_be_levels_is_refused() {
        let none = Discretise::None {};
        for x in [0.0, -1.0, 1.5, 65_536.0] {
            let error = of(&[3.0, x], &none).unwrap_err();
            assert_eq!(error, Error::NotLevels { value: x });
            let span = (x.min(3.0), x.max(3.0));
            assert_eq!(level_counts(&[3.0, x, x][..], span, &none), Err(error));
        }
        let x = [0.0, 70_000.0];
        assert!(matches!(
            of(&x, &fbs(1.0, None)),
            Err(Error::TooManyLevels { .. })
        ));
        assert!(matches!(
            of(&x, &fbs(1e-320, None)),
            Err(Error::TooManyLevels { .. })
        ));
        assert!(matches!(
            of(&x, &fbs(25.0, Some(1.0))),
            Err(Error::BelowFirstBin { .. })
        ));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(
                matches!(of(&x, &fbs(bad, None)), Err(Error::Setting { .. })),
                "{bad}"
            );
        }
        for bad in [f64::NAN, f64::NEG_INFINITY, f64::INFINITY] {
            assert!(
                matches!(of(&x, &fbs(25.0, Some(bad))), Err(Error::Setting { .. })),
                "{bad}"
            );
        }
        for bins in [0, 1, 65_536] {
            assert!(matches!(
                of(&x, &Discretise::Fbn { bins }),
                Err(Error::Setting { .. })
            ));
        }
    }

    #[test]
    fn levels_are_the_same_on_any_number_of_threads() {
        let x: Vec<f64> = (0..300_000u32)
            .map(|k| f64::from(k.wrapping_mul(40_503) % 9_973))
            .collect();
        for bins in [32, 9_000] {
            let run = |n| {
                let levels =
                    || discretise(&roi(&x, &vec![true; x.len()]), &Discretise::Fbn { bins });
                let levels = parallel::with_threads(Some(n), levels).unwrap();
                (0..x.len())
                    .map(|k| levels.get(k))
                    .chain(levels.counts().iter().map(|&n| n as u32))
                    .collect::<Vec<_>>()
            };
            assert_eq!(run(1), run(2));
            assert_eq!(run(1), run(7));
        }
    }

    proptest! {
        #[test]
        fn levels_are_those_of_the_formulas(
            voxels in prop::collection::vec((-2000i32..2000, prop::bool::weighted(0.8)), 1..500),
            divisor in prop::sample::select(vec![1.0, 10.0, 16.0, 3.0]),
            settings in prop_oneof![
                (2u32..1000).prop_map(|bins| Discretise::Fbn { bins }),
                (1u32..400).prop_map(|w| fbs(f64::from(w) / 10.0, None)),
                (1u32..400).prop_map(|w| fbs(f64::from(w) / 10.0, Some(-2000.0))),
            ],
        ) {
            let (x, mask): (Vec<f64>, Vec<bool>) =
                voxels.iter().map(|&(x, m)| (f64::from(x) / divisor, m)).unzip();
            prop_assume!(mask.iter().any(|&m| m));
            let garbage = [f64::NAN, f64::INFINITY, -1e300, 1e300];
            let x: Vec<f64> = (0..x.len())
                .map(|k| if mask[k] { x[k] } else { garbage[k % 4] })
                .collect();
            let roi = roi(&x, &mask);
            let inside = roi.selected();
            let low = inside.iter().copied().fold(f64::INFINITY, f64::min);
            let high = inside.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert_eq!(roi.span(), (low, high));
            let levels = discretise(&roi, &settings).unwrap();
            let mut counts = vec![0; levels.n() as usize + 1];
            for (k, (&x, &m)) in roi.intensities().iter().zip(roi.intensity()).enumerate() {
                let expected = if m { naive(x, low, high, &settings) as u32 } else { 0 };
                prop_assert_eq!(levels.get(k), expected);
                counts[expected as usize] += u64::from(m);
            }
            prop_assert_eq!(levels.counts(), &counts[..]);
            prop_assert_eq!(level_counts(&inside[..], (low, high), &settings), Ok(counts));
            prop_assert_eq!(matches!(levels.data(), LevelData::U8(_)), levels.n() <= 255);
        }
    }
}
