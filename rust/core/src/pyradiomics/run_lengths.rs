//! Class `glrlm`: features of each direction's run length matrix, averaged over directions; or of the
//! directions' matrices weighted by length and added up.
//!
//! A direction along which no line holds two voxels of the region takes no part.

use super::{Options, Row, Texture, WeightingNorm};
use crate::discretise::Levels;
use crate::feature::level_counts::LevelCounts;
use crate::feature::run_length as ibsi;
use crate::matrix::direction::{directions, Offset};
use crate::matrix::glrlm::RunLengths;
use crate::matrix::{aggregate, Counts};
use crate::settings::{self, Norm};

/// The class's features, all of them IBSI's.
#[rustfmt::skip] // one row a feature
pub(super) const FEATURES: &[Row<LevelCounts>] = &[
    Row::new("GrayLevelNonUniformity", ibsi::grey_level_non_uniformity),
    Row::new("GrayLevelNonUniformityNormalized", ibsi::normalised_grey_level_non_uniformity),
    Row::new("GrayLevelVariance", ibsi::grey_level_variance),
    Row::new("HighGrayLevelRunEmphasis", ibsi::high_grey_level_run_emphasis),
    Row::new("LongRunEmphasis", ibsi::long_runs_emphasis),
    Row::new("LongRunHighGrayLevelEmphasis", ibsi::long_run_high_grey_level_emphasis),
    Row::new("LongRunLowGrayLevelEmphasis", ibsi::long_run_low_grey_level_emphasis),
    Row::new("LowGrayLevelRunEmphasis", ibsi::low_grey_level_run_emphasis),
    Row::new("RunEntropy", ibsi::run_entropy),
    Row::new("RunLengthNonUniformity", ibsi::run_length_non_uniformity),
    Row::new("RunLengthNonUniformityNormalized", ibsi::normalised_run_length_non_uniformity),
    Row::new("RunPercentage", ibsi::run_percentage),
    Row::new("RunVariance", ibsi::run_length_variance),
    Row::new("ShortRunEmphasis", ibsi::short_runs_emphasis),
    Row::new("ShortRunHighGrayLevelEmphasis", ibsi::short_run_high_grey_level_emphasis),
    Row::new("ShortRunLowGrayLevelEmphasis", ibsi::short_run_low_grey_level_emphasis),
];

/// The class's features of a region.
pub(super) fn features(texture: &Texture, options: &Options) -> Vec<(&'static str, f64)> {
    let rows = options.chosen(FEATURES);
    let tables = tables(texture, options);
    let evaluate = |counts: &Counts| {
        let m = LevelCounts::new(counts);
        rows.iter().map(|r| (r.eval)(&m)).collect::<Vec<_>>()
    };
    let mean = aggregate::mean(tables.iter().map(evaluate), rows.len());
    rows.iter().map(|r| r.name).zip(mean).collect()
}

/// The matrices of the directions that take part, or their weighted sum.
fn tables(texture: &Texture, options: &Options) -> Vec<Counts> {
    let Texture {
        levels,
        spacing,
        flat,
    } = texture;
    let source = RunLengths::new(levels, &settings::Glrlm::default());
    let all = aggregate::by_direction(&source, *flat).into_iter();
    let mut tables: Vec<_> = directions(1, Norm::Chebyshev, *flat)
        .into_iter()
        .zip(all)
        .filter(|(m, _)| any_line_of_two(levels, *m))
        .collect();
    let Some(norm) = options.weighting_norm else {
        return tables.into_iter().map(|(_, counts)| counts).collect();
    };
    for (m, counts) in &mut tables {
        *counts = std::mem::take(counts).scaled(weight(*m, *spacing, norm));
    }
    let weighted: Vec<_> = tables.into_iter().map(|(_, counts)| counts).collect();
    aggregate::merge(&weighted).into_iter().collect()
}

/// The length $|m|$ in mm, or 1.
fn weight(m: Offset, spacing: [f64; 3], norm: WeightingNorm) -> f64 {
    norm.length(m, spacing).unwrap_or(1.0)
}

/// True if a line along `m` holds two voxels of the region, whatever lies between them.
fn any_line_of_two(levels: &Levels, m: Offset) -> bool {
    let shape = levels.shape();
    let [_, ny, nx] = shape;
    let inside = |p: [isize; 3]| (0..3).all(|a| p[a] >= 0 && p[a].unsigned_abs() < shape[a]);
    let index =
        |[z, y, x]: [isize; 3]| (z.unsigned_abs() * ny + y.unsigned_abs()) * nx + x.unsigned_abs();
    let goes_on = |k: usize| {
        let start = [k / nx / ny, k / nx % ny, k % nx].map(usize::cast_signed);
        let step = |p: &[isize; 3]| Some(std::array::from_fn(|a| p[a] + m[a]));
        std::iter::successors(step(&start), step)
            .take_while(|p| inside(*p))
            .any(|p| levels.get(index(p)) > 0)
    };
    (0..shape.iter().product()).any(|k| levels.get(k) > 0 && goes_on(k))
}
