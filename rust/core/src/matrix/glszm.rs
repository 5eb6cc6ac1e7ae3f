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
        let linkage = Linkage {
            norm: settings.linkage,
            distance: settings.linkage_distance,
        };
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

#[cfg(test)]
#[allow(clippy::float_cmp)] // counts
pub(crate) mod tests {
    use super::*;
    use crate::discretise::discretise;
    use crate::feature::level_counts::LevelCounts;
    use crate::feature::{size_zone, FeatureDef};
    use crate::matrix::aggregate::aggregate;
    use crate::phantom;
    use crate::roi::Roi;
    use crate::settings::{Aggregation, Discretise, Norm};

    pub(crate) fn phantom_roi() -> Roi {
        Roi::new(
            phantom::image().view(),
            phantom::mask().view(),
            phantom::SPACING,
        )
        .unwrap()
    }

    pub(crate) fn phantom_levels(roi: &Roi) -> Levels {
        discretise(roi, &Discretise::None {}).unwrap()
    }

    fn reference(file: &str) -> Vec<Vec<String>> {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../python/ferromics/reference/"
        );
        let text = std::fs::read_to_string(format!("{folder}{file}")).unwrap();
        text.lines()
            .skip(1)
            .map(|l| l.split(',').map(String::from).collect())
            .collect()
    }

    /// The published matrices (`2d` by slice or `3d`) as `(table, i, j, n)`.
    fn published(family: &str, dimension: &str) -> Vec<(usize, [f64; 3])> {
        let rows = reference("ibsi1_texture_matrices.csv");
        let rows = rows.iter().filter(|r| r[0] == family && r[1] == dimension);
        rows.map(|r| {
            (
                r[3].parse().unwrap(),
                [4, 5, 6].map(|c: usize| r[c].parse().unwrap()),
            )
        })
        .collect()
    }

    fn listed(tables: impl IntoIterator<Item = Vec<Counts>>) -> Vec<(usize, [f64; 3])> {
        let tables = (1..).zip(tables);
        let elements = |(table, counts): (usize, Vec<Counts>)| {
            assert_eq!(counts.len(), 1);
            let elements = counts[0]
                .entries()
                .iter()
                .map(|e| [f64::from(e.i), e.j, e.n]);
            elements.map(|e| (table, e)).collect::<Vec<_>>()
        };
        tables.flat_map(elements).collect()
    }

    /// Chapter 6 of the manual, count for count.
    pub(crate) fn equals_published_matrices(family: &str, source: &impl Source<Table = Counts>) {
        let slices = (0..source.slices()).map(|z| source.slice(z));
        assert!(!published(family, "2d").is_empty() && !published(family, "3d").is_empty());
        assert_eq!(listed(slices), published(family, "2d"));
        assert_eq!(listed([source.volume()]), published(family, "3d"));
    }

    /// IBSI's rule: the difference, cut at the reference's third significant digit, is within the
    /// tolerance.
    fn matches(value: f64, reference: f64, tolerance: f64) -> bool {
        let digit = if reference == 0.0 {
            1.0
        } else {
            10f64.powf(reference.abs().log10().floor() - 2.0)
        };
        let difference = ((reference - value) / digit).trunc().abs() * digit;
        difference <= tolerance + 1e-9 * digit // slack for the decimal digits' representation
    }

    /// Every reference value of the family in `configuration`; returns how many there are.
    pub(crate) fn meets_reference_values(
        configuration: &str,
        family: &str,
        source: &impl Source<Table = Counts>,
        features: &[FeatureDef<LevelCounts>],
    ) -> usize {
        let values = aggregate(source, &Aggregation::PLAIN, features, LevelCounts::new);
        let mut judged = 0;
        for row in reference("ibsi1_values.csv") {
            if row[0] != configuration || row[1] != family {
                continue;
            }
            let a = Aggregation::PLAIN
                .iter()
                .position(|a| a.name() == row[4])
                .unwrap();
            let f = features
                .iter()
                .position(|f| f.name == row[2] && f.ibsi == row[3])
                .unwrap();
            let (reference, tolerance) = (row[5].parse().unwrap(), row[6].parse().unwrap());
            let value = values[a][f];
            assert!(matches(value, reference, tolerance), "{row:?}: {value}");
            judged += 1;
        }
        judged
    }

    #[test]
    fn phantom_has_the_published_matrices_and_values() {
        let levels = phantom_levels(&phantom_roi());
        let source = SizeZones::new(&levels, &settings::Glszm::default());
        equals_published_matrices("glszm", &source);
        let features = size_zone::FEATURES;
        assert_eq!(
            meets_reference_values("digital_phantom", "glszm", &source, features),
            48
        );
    }

    #[test]
    fn matrix_stands_for_the_voxels_of_its_slice_and_levels_of_the_region() {
        let levels = phantom_levels(&phantom_roi());
        let source = SizeZones::new(&levels, &settings::Glszm::default());
        let voxels = (0..4)
            .map(|z| source.slice(z)[0].voxels)
            .collect::<Vec<_>>();
        assert_eq!(voxels, [20.0, 19.0, 17.0, 18.0]);
        assert_eq!(
            (source.volume()[0].voxels, source.volume()[0].levels),
            (74.0, 6)
        );
    }

    #[test]
    fn flat_region_is_one_zone_and_one_voxel_too() {
        for (data, shape) in [(vec![3u16; 60], [3, 4, 5]), (vec![3], [1, 1, 1])] {
            let levels = Levels::new(&data, shape, None).unwrap();
            for linkage in [Norm::Chebyshev, Norm::Manhattan, Norm::Euclidean] {
                let settings = settings::Glszm {
                    linkage,
                    ..Default::default()
                };
                let source = SizeZones::new(&levels, &settings);
                let values = aggregate(&source, &Aggregation::PLAIN, size_zone::FEATURES, |m| {
                    assert_eq!(m.entries().len(), 1);
                    LevelCounts::new(m)
                });
                assert!(values.iter().flatten().all(|v| v.is_finite()));
                assert_eq!(values[2][13..], [0.0; 3]); // both variances and the entropy
            }
        }
    }
}
