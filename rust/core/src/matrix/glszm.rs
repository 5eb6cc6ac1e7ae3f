//! Grey level size zone matrices (IBSI 9SAK).

use crate::discretise::Levels;
use crate::matrix::zones::{slice_zones, tally, volume_zones, Linkage, Zone};
use crate::matrix::{Counts, Source};
use crate::settings;

/// The size zone matrices of a region: rows are grey levels, columns zone sizes in voxels, elements
/// numbers of zones; one matrix a slice, and one for the volume.
#[derive(Debug, Clone, Copy)]
pub struct SizeZones<'a> {
    levels: &'a Levels,
    linkage: Linkage,
}

impl<'a> SizeZones<'a> {
    /// Matrices of `levels` with the linkage of `settings`.
    #[must_use]
    pub fn new(levels: &'a Levels, settings: &settings::Glszm) -> Self {
        let linkage = Linkage { norm: settings.linkage, distance: settings.linkage_distance };
        Self { levels, linkage }
    }

    fn count(&self, zones: &[Zone]) -> Vec<Counts> {
        vec![tally(zones, self.levels.n(), |zone| zone.size)]
    }
}

impl Source for SizeZones<'_> {
    type Table = Counts;

    fn slices(&self) -> usize {
        self.levels.shape()[0]
    }

    fn work(&self) -> usize {
        self.levels.shape().iter().product()
    }

    fn slice(&self, z: usize) -> Vec<Counts> {
        self.count(&slice_zones(self.levels, z, None, self.linkage))
    }

    fn volume(&self) -> Vec<Counts> {
        self.count(&volume_zones(self.levels, None, self.linkage))
    }
}
