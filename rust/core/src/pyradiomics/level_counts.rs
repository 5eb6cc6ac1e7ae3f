//! Classes `glszm` and `gldm`: one matrix for the region; all features are IBSI's.
//!
//! Zones are of voxels that touch, 26 in 3D and 8 in a slice. A dependence counts the voxel itself.

use super::{Options, Row, Texture};
use crate::feature::level_counts::LevelCounts;
use crate::feature::{dependence, size_zone};
use crate::matrix::glszm::SizeZones;
use crate::matrix::ngldm::Dependences;
use crate::matrix::{aggregate, Counts, Source};
use crate::settings;

/// Features of class `glszm`.
#[rustfmt::skip] // one row a feature
pub(super) const SIZE_ZONES: &[Row<LevelCounts>] = &[
    Row::new("GrayLevelNonUniformity", size_zone::grey_level_non_uniformity),
    Row::new("GrayLevelNonUniformityNormalized", size_zone::normalised_grey_level_non_uniformity),
    Row::new("GrayLevelVariance", size_zone::grey_level_variance),
    Row::new("HighGrayLevelZoneEmphasis", size_zone::high_grey_level_zone_emphasis),
    Row::new("LargeAreaEmphasis", size_zone::large_zone_emphasis),
    Row::new("LargeAreaHighGrayLevelEmphasis", size_zone::large_zone_high_grey_level_emphasis),
    Row::new("LargeAreaLowGrayLevelEmphasis", size_zone::large_zone_low_grey_level_emphasis),
    Row::new("LowGrayLevelZoneEmphasis", size_zone::low_grey_level_zone_emphasis),
    Row::new("SizeZoneNonUniformity", size_zone::zone_size_non_uniformity),
    Row::new("SizeZoneNonUniformityNormalized", size_zone::normalised_zone_size_non_uniformity),
    Row::new("SmallAreaEmphasis", size_zone::small_zone_emphasis),
    Row::new("SmallAreaHighGrayLevelEmphasis", size_zone::small_zone_high_grey_level_emphasis),
    Row::new("SmallAreaLowGrayLevelEmphasis", size_zone::small_zone_low_grey_level_emphasis),
    Row::new("ZoneEntropy", size_zone::zone_size_entropy),
    Row::new("ZonePercentage", size_zone::zone_percentage),
    Row::new("ZoneVariance", size_zone::zone_size_variance),
];

/// Features of class `gldm`.
#[rustfmt::skip] // one row a feature
pub(super) const DEPENDENCES: &[Row<LevelCounts>] = &[
    Row::new("DependenceEntropy", dependence::dependence_count_entropy),
    Row::new("DependenceNonUniformity", dependence::dependence_count_non_uniformity),
    Row::new("DependenceNonUniformityNormalized", dependence::normalised_dependence_count_non_uniformity),
    Row::deprecated("DependencePercentage", dependence::dependence_count_percentage),
    Row::new("DependenceVariance", dependence::dependence_count_variance),
    Row::new("GrayLevelNonUniformity", dependence::grey_level_non_uniformity),
    Row::deprecated("GrayLevelNonUniformityNormalized", dependence::normalised_grey_level_non_uniformity),
    Row::new("GrayLevelVariance", dependence::grey_level_variance),
    Row::new("HighGrayLevelEmphasis", dependence::high_grey_level_count_emphasis),
    Row::new("LargeDependenceEmphasis", dependence::high_dependence_emphasis),
    Row::new("LargeDependenceHighGrayLevelEmphasis", dependence::high_dependence_high_grey_level_emphasis),
    Row::new("LargeDependenceLowGrayLevelEmphasis", dependence::high_dependence_low_grey_level_emphasis),
    Row::new("LowGrayLevelEmphasis", dependence::low_grey_level_count_emphasis),
    Row::new("SmallDependenceEmphasis", dependence::low_dependence_emphasis),
    Row::new("SmallDependenceHighGrayLevelEmphasis", dependence::low_dependence_high_grey_level_emphasis),
    Row::new("SmallDependenceLowGrayLevelEmphasis", dependence::low_dependence_low_grey_level_emphasis),
];

/// The features of class `glszm` of a region.
pub(super) fn size_zones(texture: &Texture, options: &Options) -> Vec<(&'static str, f64)> {
    let source = SizeZones::new(&texture.levels, &settings::Glszm::default());
    evaluate(SIZE_ZONES, &source, texture.flat, options)
}

/// The features of class `gldm` of a region.
pub(super) fn dependences(texture: &Texture, options: &Options) -> Vec<(&'static str, f64)> {
    let source = Dependences::of_rings(&texture.levels, &options.distances, options.gldm_a);
    evaluate(DEPENDENCES, &source, texture.flat, options)
}

fn evaluate(
    rows: &[Row<LevelCounts>],
    source: &impl Source<Table = Counts>,
    flat: bool,
    options: &Options,
) -> Vec<(&'static str, f64)> {
    let counts = aggregate::by_direction(source, flat)
        .pop()
        .unwrap_or_default();
    options.evaluate(rows, &LevelCounts::new(&counts))
}
