//! Zones: groups of linked voxels of one grey level, IBSI "Grey level size zone based features"
//! (9SAK). Size zone and distance zone matrices are counted from the same zones.
//!
//! Arrays are (z, y, x) in C order. Voxels of one level are linked if they lie within the linkage
//! distance of each other: by default all that touch (26 in 3D, 8 in the slice).

use crate::discretise::{Level, LevelData, Levels};
use crate::matrix::direction::neighbourhood;
use crate::matrix::{Counts, Entry};
use crate::settings::Norm;

mod forest;
mod joins;
mod scan;

use forest::{join, number, Forest, Node};
use joins::{FACES, TOUCHING};
use scan::{narrow, Near};

/// Which voxels of one level belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linkage {
    /// Norm of the distance.
    pub norm: Norm,
    /// Voxels are linked up to this distance in voxels; 0 makes each voxel a zone.
    pub distance: u32,
}

/// A group of linked voxels of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zone {
    /// Grey level.
    pub level: u16,
    /// Least value of the distance map over the zone; 0 without a map.
    pub distance: u16,
    /// Number of voxels.
    pub size: u32,
}

/// The zones of slice `z`, in an order that is not to be relied on.
///
/// `distances` is the distance map of the slice alone.
///
/// # Panics
/// If there is no such slice or `distances` does not fit it.
#[must_use]
pub fn slice_zones(
    levels: &Levels,
    z: usize,
    distances: Option<&[u16]>,
    linkage: Linkage,
) -> Vec<Zone> {
    let [_, ny, nx] = levels.shape();
    let place = z * ny * nx..(z + 1) * ny * nx;
    match levels.data() {
        LevelData::U8(v) => find(&v[place], [1, ny, nx], distances, linkage, true),
        LevelData::U16(v) => find(&v[place], [1, ny, nx], distances, linkage, true),
    }
}

/// The zones of the volume, in an order that is not to be relied on.
///
/// `distances` is the distance map of the volume. Time is near linear in the voxels; memory is 12
/// bytes a zone or part of one, and two slices a thread (for linkage beyond distance 1: 12 bytes a
/// voxel).
///
/// # Panics
/// If `distances` does not fit the levels.
#[must_use]
pub fn volume_zones(levels: &Levels, distances: Option<&[u16]>, linkage: Linkage) -> Vec<Zone> {
    match levels.data() {
        LevelData::U8(v) => find(v, levels.shape(), distances, linkage, false),
        LevelData::U16(v) => find(v, levels.shape(), distances, linkage, false),
    }
}

/// Cells of a dense table per zone, and at least.
const CELLS_A_ZONE: usize = 2;
const MIN_CELLS: usize = 1024;

/// Counts zones by level and `column`; the matrix stands for all their voxels.
///
/// Low columns are counted in a dense table of at most a few cells a zone, the rest is sorted.
#[must_use]
pub fn tally(zones: &[Zone], levels: u32, column: impl Fn(&Zone) -> u32) -> Counts {
    let rows = levels as usize + 1;
    let width = (zones.len() * CELLS_A_ZONE).max(MIN_CELLS) / rows;
    let mut dense = vec![0u32; rows * width];
    let mut entries = Vec::new();
    let mut voxels = 0u64;
    for zone in zones {
        voxels += u64::from(zone.size);
        let (i, j) = (usize::from(zone.level), column(zone));
        if (j as usize) < width {
            dense[i * width + j as usize] += 1;
        } else {
            entries.push(Entry {
                i: u32::from(zone.level),
                j: f64::from(j),
                n: 1.0,
            });
        }
    }
    if width > 0 {
        for (i, row) in (0..).zip(dense.chunks_exact(width)) {
            let counted = (0u32..).zip(row).filter(|(_, &n)| n > 0);
            entries.extend(counted.map(|(j, &n)| Entry {
                i,
                j: f64::from(j),
                n: f64::from(n),
            }));
        }
    }
    Counts::new(entries, levels, voxels as f64)
}

fn find<L: Level>(
    levels: &[L],
    shape: [usize; 3],
    distances: Option<&[u16]>,
    linkage: Linkage,
    in_plane: bool,
) -> Vec<Zone> {
    match distances {
        Some(map) => {
            assert_eq!(map.len(), levels.len(), "one distance a voxel");
            Grid {
                levels,
                shape,
                distance: |k: usize| map[k],
            }
            .zones(linkage, in_plane)
        }
        None => Grid {
            levels,
            shape,
            distance: |_| 0,
        }
        .zones(linkage, in_plane),
    }
}

/// Levels, their shape, and the distance of each voxel.
struct Grid<'a, L, D> {
    levels: &'a [L],
    shape: [usize; 3],
    distance: D,
}

impl<L: Level, D: Fn(usize) -> u16 + Sync> Grid<'_, L, D> {
    fn zones(&self, linkage: Linkage, in_plane: bool) -> Vec<Zone> {
        let touching = Near {
            joins: &TOUCHING,
            faces: false,
            in_plane,
        };
        let faces = Near {
            joins: &FACES,
            faces: true,
            in_plane,
        };
        match linkage {
            _ if self.levels.is_empty() => Vec::new(),
            Linkage {
                distance: 1,
                norm: Norm::Chebyshev,
            } => self.near(touching),
            Linkage { distance: 1, .. } => self.near(faces),
            Linkage { distance, norm } => self.far(distance, norm, in_plane),
        }
    }

    /// Linkage beyond the nearest voxels: every voxel is a part, joined with all before it.
    // Lengths of an axis; places in the box, checked.
    #[allow(
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation
    )]
    fn far(&self, distance: u32, norm: Norm, in_plane: bool) -> Vec<Zone> {
        let shape = self.shape.map(|n| n as isize);
        let [_, ny, nx] = shape;
        let mut reach = neighbourhood(distance, norm, in_plane);
        reach.retain(|m| *m < [0, 0, 0] && (0..3).all(|c| m[c].abs() < shape[c]));
        let mut forest = Forest::default();
        for (k, &level) in self.levels.iter().enumerate() {
            let number: u32 = number(k);
            let size = u32::from(level != L::default());
            let distance = (self.distance)(k);
            forest.nodes.push(Node {
                parent: number,
                size,
                level: narrow(level),
                distance,
            });
            if size == 0 {
                continue;
            }
            let place = k as isize;
            let place = [place / (ny * nx), place / nx % ny, place % nx];
            for m in &reach {
                let at: [isize; 3] = std::array::from_fn(|c| place[c] + m[c]);
                if (0..3).all(|c| (0..shape[c]).contains(&at[c])) {
                    let other = (at[0] * ny + at[1]) * nx + at[2];
                    if self.levels[other as usize] == level {
                        join(&mut forest.nodes, number, other as u32);
                    }
                }
            }
        }
        let mut zones = Vec::new();
        forest.resolve(|_, zone| {
            if zone.size > 0 {
                zones.push(zone);
            }
        });
        zones
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)] // made-up distances and levels
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::scan::Labeller;
    use super::*;
    use crate::parallel;

    /// Flood fill over the neighbourhood's vectors.
    fn naive(
        data: &[u16],
        [nz, ny, nx]: [usize; 3],
        distances: &[u16],
        linkage: Linkage,
        in_plane: bool,
    ) -> Vec<Zone> {
        let reach = neighbourhood(linkage.distance, linkage.norm, in_plane);
        let (mut seen, mut zones) = (vec![false; data.len()], Vec::new());
        for start in 0..data.len() {
            if data[start] == 0 || seen[start] {
                continue;
            }
            seen[start] = true;
            let mut zone = Zone {
                level: data[start],
                distance: u16::MAX,
                size: 0,
            };
            let mut open = vec![start];
            while let Some(k) = open.pop() {
                zone.size += 1;
                zone.distance = zone.distance.min(distances[k]);
                for [dz, dy, dx] in &reach {
                    let z = (k / (ny * nx)).checked_add_signed(*dz).filter(|&z| z < nz);
                    let y = (k / nx % ny).checked_add_signed(*dy).filter(|&y| y < ny);
                    let x = (k % nx).checked_add_signed(*dx).filter(|&x| x < nx);
                    if let (Some(z), Some(y), Some(x)) = (z, y, x) {
                        let k = (z * ny + y) * nx + x;
                        if data[k] == zone.level && !seen[k] {
                            seen[k] = true;
                            open.push(k);
                        }
                    }
                }
            }
            zones.push(zone);
        }
        zones
    }

    fn sorted(mut zones: Vec<Zone>) -> Vec<Zone> {
        zones.sort_unstable();
        zones
    }

    /// Random boxes, thin ones too, with few or many levels, in bytes or not.
    pub(crate) fn levels() -> impl Strategy<Value = (Vec<u16>, [usize; 3])> {
        let most = prop::sample::select(vec![1u16, 2, 3, 8, 300, 65_535]);
        let filled = prop::sample::select(vec![0.3, 0.8, 0.999]);
        (1usize..9, 1usize..8, 1usize..25, most, filled).prop_flat_map(
            |(nz, ny, nx, most, filled)| {
                let step = most.div_ceil(8); // few of them, so that voxels are linked
                let level =
                    (1..=most.div_ceil(step)).prop_map(move |k| most.min(k.saturating_mul(step)));
                let voxel =
                    prop::option::weighted(filled, level).prop_map(Option::unwrap_or_default);
                (
                    prop::collection::vec(voxel, nz * ny * nx),
                    Just([nz, ny, nx]),
                )
            },
        )
    }

    fn linkages() -> impl Strategy<Value = Linkage> {
        let norm = prop::sample::select(vec![Norm::Chebyshev, Norm::Manhattan, Norm::Euclidean]);
        (norm, 0u32..4).prop_map(|(norm, distance)| Linkage { norm, distance })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn zones_equal_a_flood_fill((data, shape) in levels(), linkage in linkages(), seed: u16) {
            let Ok(levels) = Levels::new(&data, shape, None) else { return Ok(()) };
            let map: Vec<u16> = (0..data.len()).map(|k| k as u16 ^ seed).collect();
            let expected = sorted(naive(&data, shape, &map, linkage, false));
            let found = volume_zones(&levels, Some(&map), linkage);
            prop_assert_eq!(sorted(found), expected);
            let slice = shape[1] * shape[2];
            for (z, data) in data.chunks_exact(slice).enumerate() {
                let expected = naive(data, [1, shape[1], shape[2]], &map[..slice], linkage, true);
                let found = slice_zones(&levels, z, Some(&map[..slice]), linkage);
                prop_assert_eq!(sorted(found), sorted(expected));
            }
        }

        #[test]
        fn slabs_change_nothing((data, shape) in levels(), slabs in 1usize..5, faces: bool) {
            let grid = Grid { levels: &data, shape, distance: |k| (k as u16).reverse_bits() };
            let joins = if faces { &**FACES } else { &**TOUCHING };
            let near = Near { joins, faces, in_plane: false };
            let cut = |slabs: usize| {
                let slabs = slabs.min(shape[0]);
                let at = |k: usize| k * shape[0] / slabs;
                let slabs = (0..slabs).map(|k| Labeller::new(&grid, near).slab(at(k)..at(k + 1)));
                sorted(grid.assemble(slabs.collect(), near))
            };
            prop_assert_eq!(cut(slabs), cut(1));
        }

        #[test]
        fn tally_counts_every_zone(
            zones in prop::collection::vec((1u16..=300, 0u32..3000), 0..2000), levels in 300u32..65_536,
        ) {
            let zone = |&(level, size): &(u16, u32)| Zone { level, distance: 0, size };
            let zones: Vec<Zone> = zones.iter().map(zone).collect();
            let one = |z: &Zone| Entry { i: z.level.into(), j: z.size.into(), n: 1.0 };
            let voxels: u64 = zones.iter().map(|z| u64::from(z.size)).sum();
            let expected = Counts::new(zones.iter().map(one).collect(), levels, voxels as f64);
            prop_assert_eq!(tally(&zones, levels, |z| z.size), expected);
        }
    }

    #[test]
    fn threads_change_nothing() {
        let shape = [40, 37, 41];
        let data: Vec<u16> = (0..40 * 37 * 41u32)
            .map(|k| ((k / 5).wrapping_mul(2_654_435_761) >> 20) as u16 % 4)
            .collect();
        let levels = Levels::new(&data, shape, None).unwrap();
        for norm in [Norm::Chebyshev, Norm::Manhattan] {
            let linkage = Linkage { norm, distance: 1 };
            let run = |threads| {
                parallel::with_threads(Some(threads), || {
                    sorted(volume_zones(&levels, None, linkage))
                })
            };
            let one = run(1);
            assert!(one == run(2) && one == run(7));
            assert_eq!(
                one,
                sorted(naive(&data, shape, &vec![0; data.len()], linkage, false))
            );
        }
    }
}
