//! Grey level distance zone matrices (IBSI VMDZ).

use crate::discretise::Levels;
use crate::matrix::distance_map::distance_map;
use crate::matrix::zones::{slice_zones, tally, volume_zones, Linkage, Zone};
use crate::matrix::{Counts, Source};
use crate::settings::{self, Norm};

/// The distance zone matrices of a region: rows are grey levels, columns distances of zones to the
/// region's edge in voxels, elements numbers of zones; one matrix a slice, and one for the volume.
///
/// Zones are those of the intensity mask, distances those of the morphological mask. In a slice,
/// the distance is that to the edge within the slice.
#[derive(Debug, Clone, Copy)]
pub struct DistanceZones<'a> {
    levels: &'a Levels,
    morphological: &'a [bool],
    linkage: Linkage,
    norm: Norm,
}

impl<'a> DistanceZones<'a> {
    /// Matrices of `levels` in the region `morphological` (C order, the shape of the levels, set
    /// wherever a level is), with the linkage and the distance norm of `settings`.
    ///
    /// # Panics
    /// If the mask's length does not fit the levels' shape.
    #[must_use]
    pub fn new(
        levels: &'a Levels,
        morphological: &'a [bool],
        settings: &settings::Gldzm,
    ) -> Self {
        let voxels: usize = levels.shape().iter().product();
        assert_eq!(morphological.len(), voxels, "one voxel of the mask a level");
        let linkage = Linkage { norm: settings.linkage, distance: settings.linkage_distance };
        Self { levels, morphological, linkage, norm: settings.distance_norm }
    }

    fn count(&self, zones: &[Zone]) -> Vec<Counts> {
        vec![tally(zones, self.levels.n(), |zone| zone.distance.into())]
    }
}

impl Source for DistanceZones<'_> {
    type Table = Counts;

    fn slices(&self) -> usize {
        self.levels.shape()[0]
    }

    fn work(&self) -> usize {
        self.levels.shape().iter().product()
    }

    fn slice(&self, z: usize) -> Vec<Counts> {
        let [_, ny, nx] = self.levels.shape();
        let mask = &self.morphological[z * ny * nx..(z + 1) * ny * nx];
        let map = distance_map(mask, [1, ny, nx], self.norm, true);
        self.count(&slice_zones(self.levels, z, Some(&map), self.linkage))
    }

    fn volume(&self) -> Vec<Counts> {
        let map = distance_map(self.morphological, self.levels.shape(), self.norm, false);
        self.count(&volume_zones(self.levels, Some(&map), self.linkage))
    }
}
