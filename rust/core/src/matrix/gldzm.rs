//! Grey level distance zone matrices (IBSI VMDZ).

use crate::discretise::Levels;
use crate::matrix::distance_map::distance_map;
use crate::matrix::zones::{slice_zones, tally, volume_zones, Linkage, Zone};
use crate::matrix::{Counts, Source};
use crate::parallel;
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
    pub fn new(levels: &'a Levels, morphological: &'a [bool], settings: &settings::Gldzm) -> Self {
        let voxels: usize = levels.shape().iter().product();
        assert_eq!(morphological.len(), voxels, "one voxel of the mask a level");
        let linkage = Linkage {
            norm: settings.linkage,
            distance: settings.linkage_distance,
        };
        Self {
            levels,
            morphological,
            linkage,
            norm: settings.distance_norm,
        }
    }

    fn count(&self, zones: &[Zone]) -> Vec<Counts> {
        vec![tally(zones, self.levels.n(), |zone| zone.distance.into())]
    }
}

impl DistanceZones<'_> {
    /// Finds the zones once for both families: of each slice if `flat`, of the volume if `volume`.
    #[must_use]
    pub fn zones(&self, flat: bool, volume: bool) -> Zones {
        let slices = if flat { self.slices() } else { 0 };
        Zones {
            levels: self.levels.n(),
            shape: self.levels.shape(),
            slices: parallel::map(slices, self.work(), |z| self.of_slice(z)),
            volume: if volume { self.of_volume() } else { Vec::new() },
        }
    }

    fn of_slice(&self, z: usize) -> Vec<Zone> {
        let [_, ny, nx] = self.levels.shape();
        let mask = &self.morphological[z * ny * nx..(z + 1) * ny * nx];
        let map = distance_map(mask, [1, ny, nx], self.norm, true);
        slice_zones(self.levels, z, Some(&map), self.linkage)
    }

    fn of_volume(&self) -> Vec<Zone> {
        let map = distance_map(self.morphological, self.levels.shape(), self.norm, false);
        volume_zones(self.levels, Some(&map), self.linkage)
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
        self.count(&self.of_slice(z))
    }

    fn volume(&self) -> Vec<Counts> {
        self.count(&self.of_volume())
    }
}

/// Zones that both families count, where their linkage is the same; 8 bytes a zone.
///
/// Slices or volume that were not asked for have empty matrices.
#[derive(Debug, Clone)]
pub struct Zones {
    levels: u32,
    shape: [usize; 3],
    slices: Vec<Vec<Zone>>,
    volume: Vec<Zone>,
}

impl Zones {
    /// The size zone matrices, equal to those of [`crate::matrix::glszm::SizeZones`].
    #[must_use]
    pub fn by_size(&self) -> impl Source<Table = Counts> + '_ {
        Tally {
            zones: self,
            column: |zone| zone.size,
        }
    }

    /// The distance zone matrices, equal to those of [`DistanceZones`].
    #[must_use]
    pub fn by_distance(&self) -> impl Source<Table = Counts> + '_ {
        Tally {
            zones: self,
            column: |zone| zone.distance.into(),
        }
    }
}

struct Tally<'a> {
    zones: &'a Zones,
    column: fn(&Zone) -> u32,
}

impl Source for Tally<'_> {
    type Table = Counts;

    fn slices(&self) -> usize {
        self.zones.shape[0]
    }

    fn work(&self) -> usize {
        self.zones.shape.iter().product()
    }

    fn slice(&self, z: usize) -> Vec<Counts> {
        let zones = self.zones.slices.get(z).map_or(&[][..], Vec::as_slice);
        vec![tally(zones, self.zones.levels, self.column)]
    }

    fn volume(&self) -> Vec<Counts> {
        vec![tally(&self.zones.volume, self.zones.levels, self.column)]
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // counts
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::feature::distance_zone;
    use crate::matrix::glszm::tests::{
        equals_published_matrices, meets_reference_values, phantom_levels, phantom_roi,
    };
    use crate::matrix::glszm::SizeZones;

    #[test]
    fn phantom_has_the_published_matrices_and_values() {
        let roi = phantom_roi();
        let levels = phantom_levels(&roi);
        let settings = settings::Gldzm::default();
        let source = DistanceZones::new(&levels, roi.morphological(), &settings);
        equals_published_matrices("gldzm", &source);
        let features = distance_zone::FEATURES;
        assert_eq!(
            meets_reference_values("digital_phantom", "gldzm", &source, features),
            48
        );
    }

    #[test]
    fn distances_are_those_of_the_morphological_mask() {
        let mut data = [0u8; 25];
        data[12] = 1; // all that re-segmentation has left of a 5 x 5 region
        let levels = Levels::new(&data, [1, 5, 5], None).unwrap();
        let source = DistanceZones::new(&levels, &[true; 25], &settings::Gldzm::default());
        let in_slice = source.slice(0)[0].entries().to_vec();
        assert_eq!(
            (in_slice.len(), in_slice[0].j, in_slice[0].n),
            (1, 3.0, 1.0)
        );
        assert_eq!(source.volume()[0].entries()[0].j, 1.0); // the slice's faces are edges in 3D
    }

    proptest! {
        #[test]
        fn both_families_count_the_same_zones(
            (data, shape) in crate::matrix::zones::tests::levels(),
            linkage_distance in 0u32..3,
        ) {
            let Ok(levels) = Levels::new(&data, shape, None) else { return Ok(()) };
            let mask: Vec<bool> = data.iter().map(|&v| v > 0).collect();
            let size = settings::Glszm { linkage_distance, ..Default::default() };
            let distance = settings::Gldzm { linkage_distance, ..Default::default() };
            let (sizes, distances) =
                (SizeZones::new(&levels, &size), DistanceZones::new(&levels, &mask, &distance));
            let by_size = sizes.volume().remove(0);
            let by_distance = distances.volume().remove(0);
            let shared = distances.zones(true, true);
            prop_assert_eq!(&shared.by_size().volume()[0], &by_size);
            prop_assert_eq!(&shared.by_distance().volume()[0], &by_distance);
            for z in 0..shape[0] {
                prop_assert_eq!(shared.by_size().slice(z), sizes.slice(z));
                prop_assert_eq!(shared.by_distance().slice(z), distances.slice(z));
            }
            for i in 0..=levels.n() {
                let row = |m: &Counts| -> f64 {
                    m.entries().iter().filter(|e| e.i == i).map(|e| e.n).sum()
                };
                prop_assert_eq!(row(&by_size), row(&by_distance));
                let of_level = by_size.entries().iter().filter(|e| e.i == i);
                let voxels: f64 = of_level.map(|e| e.j * e.n).sum();
                prop_assert_eq!(voxels, levels.counts()[i as usize] as f64);
            }
            prop_assert_eq!(by_size.voxels, by_distance.voxels);
        }
    }
}
