//! Zones: groups of linked voxels of one grey level, IBSI "Grey level size zone based features"
//! (9SAK). Size zone and distance zone matrices are counted from the same zones.
//!
//! Arrays are (z, y, x) in C order. Voxels of one level are linked if they lie within the linkage
//! distance of each other: by default all that touch (26 in 3D, 8 in the slice).

use std::ops::Range;
use std::sync::LazyLock;

use crate::discretise::{Level, LevelData, Levels};
use crate::matrix::direction::{neighbourhood, Offset};
use crate::matrix::{Counts, Entry};
use crate::parallel;
use crate::settings::Norm;

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

/// A part of a zone, and once resolved the zone.
#[derive(Clone, Copy)]
struct Node {
    /// The part this one belongs to, itself for a root; never a later one.
    parent: u32,
    size: u32,
    level: u16,
    distance: u16,
}

const FRESH: Node = Node {
    parent: 0,
    size: 0,
    level: 0,
    distance: u16::MAX,
};

/// Parts of zones, joined by union-find.
#[derive(Default)]
struct Forest {
    nodes: Vec<Node>,
}

impl Forest {
    /// The root of `i`; halves the path to it.
    fn root(&mut self, mut i: u32) -> u32 {
        loop {
            let parent = self.nodes[i as usize].parent;
            if parent == i {
                return i;
            }
            let above = self.nodes[parent as usize].parent;
            self.nodes[i as usize].parent = above;
            i = above;
        }
    }

    /// Joins two parts and gives their common root, the lower of both roots.
    fn join(&mut self, a: u32, b: u32) -> u32 {
        if a == b {
            return a;
        }
        let (a, b) = (self.root(a), self.root(b));
        let root = a.min(b);
        self.nodes[a.max(b) as usize].parent = root;
        root
    }

    /// Hands each part on to its root, and each root to `complete` with its index.
    fn resolve(&mut self, mut complete: impl FnMut(u32, Zone)) {
        for i in (0..self.nodes.len()).rev() {
            let Node {
                parent,
                size,
                level,
                distance,
            } = self.nodes[i];
            if parent as usize == i {
                complete(
                    parent,
                    Zone {
                        level,
                        distance,
                        size,
                    },
                );
            } else {
                let above = &mut self.nodes[parent as usize];
                above.size += size;
                above.distance = above.distance.min(distance);
            }
        }
    }
}

/// Index of a new node; nodes are fewer than voxels.
fn number(n: usize) -> u32 {
    u32::try_from(n).expect("a region has fewer than 2^32 voxels")
}

/// The neighbours that precede a voxel in C order, those across faces and those in the slice first.
/// Bit `k` of a voxel's pattern says that neighbour `k` has its level.
#[rustfmt::skip]
const BEFORE: [Offset; 13] = [
    [0, 0, -1], [0, -1, 0], [0, -1, -1], [0, -1, 1],
    [-1, -1, -1], [-1, -1, 0], [-1, -1, 1], [-1, 0, -1],
    [-1, 0, 0], [-1, 0, 1], [-1, 1, -1], [-1, 1, 0], [-1, 1, 1],
];
const PATTERNS: usize = 1 << BEFORE.len();
/// The neighbours across faces.
const ACROSS_FACES: u16 = 0b1_0000_0011;

/// For each pattern the neighbours to join, four bits each, numbered from 1.
///
/// Neighbours that touch each other are joined already, so one of each group of them will do. A 3 x
/// 3 x 2 block has at most four such groups. (Neighbours across faces do not link each other.)
type Joins = [u16; PATTERNS];

static TOUCHING: LazyLock<Box<Joins>> = LazyLock::new(|| {
    let touch = |a: Offset, b: Offset| (0..3).all(|c| a[c].abs_diff(b[c]) <= 1);
    joins(u16::MAX, touch)
});
static FACES: LazyLock<Box<Joins>> = LazyLock::new(|| joins(ACROSS_FACES, |a, b| a == b));

/// `allowed` are the neighbours to heed, `linked` says which of them are joined already.
fn joins(allowed: u16, linked: impl Fn(Offset, Offset) -> bool) -> Box<Joins> {
    let beside: [u16; 13] = std::array::from_fn(|k| {
        (0..13)
            .map(|l| u16::from(linked(BEFORE[k], BEFORE[l])) << l)
            .sum()
    });
    let bits = |set: u16| (0..13).filter(move |k| set >> k & 1 == 1);
    let mut table = Box::new([0; PATTERNS]);
    for (pattern, entry) in (0u16..)
        .zip(table.iter_mut())
        .filter(|(p, _)| p & !allowed == 0)
    {
        let (mut rest, mut place) = (pattern, 0);
        while let Some(lowest) = bits(rest).next() {
            let (mut group, mut grown) = (0u16, 1 << lowest);
            while group != grown {
                group = grown;
                grown = bits(group).fold(group, |g, k| g | beside[k] & rest);
            }
            *entry |= (lowest as u16 + 1) << place;
            place += 4;
            rest &= !group;
        }
    }
    table
}

/// How voxels within distance 1 are linked.
#[derive(Clone, Copy)]
struct Near {
    joins: &'static Joins,
    faces: bool,
    in_plane: bool,
}

/// Slices below which a slab is not worth its joining.
const SLICES_A_SLAB: usize = 4;

/// Zones of a slab of slices.
struct Slab {
    zones: Vec<Zone>,
    /// Parts of zones that lie in the slab's first or last slice, where another slab follows.
    open: Vec<Zone>,
    /// Index in `open` of each voxel of the first and the last slice, with a margin of 1.
    first: Vec<u32>,
    last: Vec<u32>,
}

/// No part of a zone.
const NONE: u32 = u32::MAX;

/// Levels, their shape, and the distance of each voxel.
struct Grid<'a, L, D> {
    levels: &'a [L],
    shape: [usize; 3],
    distance: D,
}

impl<L: Level, D: Fn(usize) -> u16 + Sync> Grid<'_, L, D> {
    fn zones(&self, linkage: Linkage, in_plane: bool) -> Vec<Zone> {
        if self.levels.is_empty() {
            return Vec::new();
        }
        let (joins, faces) = match linkage {
            Linkage {
                distance: 1,
                norm: Norm::Chebyshev,
            } => (&**TOUCHING, false),
            Linkage { distance: 1, .. } => (&**FACES, true),
            Linkage { distance, norm } => return self.far(distance, norm, in_plane),
        };
        let near = Near {
            joins,
            faces,
            in_plane,
        };
        let (nz, work) = (self.shape[0], self.levels.len());
        let most = if work < parallel::MIN_WORK {
            1
        } else {
            parallel::threads()
        };
        let slabs = most.min(nz / SLICES_A_SLAB).max(1);
        let slab = |k| Labeller::new(self, near).slab(k * nz / slabs..(k + 1) * nz / slabs);
        self.assemble(parallel::map(slabs, work, slab), near)
    }

    /// Joins the open parts of neighbouring slabs.
    fn assemble(&self, slabs: Vec<Slab>, near: Near) -> Vec<Zone> {
        let width = self.shape[2] + 2;
        let mut forest = Forest::default();
        let mut zones = Vec::new();
        let mut before: Option<(usize, Vec<u32>)> = None;
        for slab in slabs {
            if zones.is_empty() {
                zones = slab.zones;
            } else {
                zones.extend(slab.zones);
            }
            let base = forest.nodes.len();
            forest.nodes.extend((base..).zip(slab.open).map(
                |(
                    k,
                    Zone {
                        level,
                        distance,
                        size,
                    },
                )| {
                    Node {
                        parent: number(k),
                        size,
                        level,
                        distance,
                    }
                },
            ));
            let Some((lower, last)) = before.replace((base, slab.last)) else {
                continue;
            };
            let voxels = slab
                .first
                .iter()
                .enumerate()
                .filter(|(_, &part)| part != NONE);
            for (p, &part) in voxels {
                let part = number(base) + part;
                let level = forest.nodes[part as usize].level;
                for (k, [dz, dy, dx]) in BEFORE.iter().enumerate() {
                    if *dz == 0 || (near.faces && ACROSS_FACES >> k & 1 == 0) {
                        continue;
                    }
                    let other = last[p.wrapping_add_signed(dy * width as isize + dx)];
                    if other == NONE {
                        continue;
                    }
                    let other = number(lower) + other;
                    if forest.nodes[other as usize].level == level {
                        forest.join(part, other);
                    }
                }
            }
        }
        forest.resolve(|_, zone| zones.push(zone));
        zones
    }

    /// Linkage beyond the nearest voxels: every voxel is a part, joined with all before it.
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
                        forest.join(number, other as u32);
                    }
                }
            }
        }
        let mut zones = Vec::new();
        forest.resolve(|_, zone| {
            if zone.size > 0 {
                zones.push(zone)
            }
        });
        zones
    }
}

/// A level as a zone has it.
fn narrow<L: Level>(level: L) -> u16 {
    let level: u32 = level.into();
    level as u16
}

/// Labels voxels in C order. The labels of two slices are kept, each with a margin of 1; sizes and
/// distances gather in the parts as voxels come by.
struct Labeller<'a, L, D> {
    grid: &'a Grid<'a, L, D>,
    near: Near,
    /// Length of a row and of a slice with their margins.
    width: usize,
    plane: usize,
    /// Levels of the slice before and of this one.
    levels: [Vec<L>; 2],
    /// Labels of even slices, then those of odd ones.
    labels: Vec<u32>,
    /// Patterns of a row: the lower eight bits and the higher five.
    low: Vec<u8>,
    high: Vec<u8>,
    forest: Forest,
    /// Nodes in use.
    used: usize,
}

impl<'a, L: Level, D: Fn(usize) -> u16 + Sync> Labeller<'a, L, D> {
    fn new(grid: &'a Grid<'a, L, D>, near: Near) -> Self {
        let [_, ny, nx] = grid.shape;
        let (width, plane) = (nx + 2, (nx + 2) * (ny + 2));
        Self {
            grid,
            near,
            width,
            plane,
            levels: [vec![L::default(); plane], vec![L::default(); plane]],
            labels: vec![0; 2 * plane],
            low: vec![0; nx],
            high: vec![0; nx],
            forest: Forest::default(),
            used: 0,
        }
    }

    fn slab(mut self, slices: Range<usize>) -> Slab {
        let [nz, ny, nx] = self.grid.shape;
        let mut first = Vec::new();
        for z in slices.clone() {
            self.levels.swap(0, 1);
            for (y, row) in self.grid.levels[z * ny * nx..][..ny * nx]
                .chunks_exact(nx)
                .enumerate()
            {
                self.levels[1][(y + 1) * self.width + 1..][..nx].copy_from_slice(row);
            }
            let steps = self.steps(z);
            (0..ny).for_each(|y| self.row(z, y, &steps));
            if z == slices.start && z > 0 {
                first = self.labels[z % 2 * self.plane..][..self.plane].to_vec();
            }
        }
        let mut last = Vec::new();
        if slices.end < nz {
            last = self.labels[(slices.end - 1) % 2 * self.plane..][..self.plane].to_vec();
        }
        self.forest.nodes.truncate(self.used);
        self.close(slices, first, last)
    }

    /// Where the neighbours of `BEFORE`, numbered from 1, lie in `labels`; number 0 is the voxel.
    fn steps(&self, z: usize) -> [usize; 16] {
        let (width, plane) = (self.width as isize, self.plane as isize);
        let slice = if z % 2 == 0 { plane } else { -plane };
        let mut steps = [0; 16];
        for (step, [dz, dy, dx]) in steps[1..].iter_mut().zip(BEFORE) {
            *step = (-dz * slice + dy * width + dx) as usize; // wraps, and so does the sum
        }
        steps
    }

    fn row(&mut self, z: usize, y: usize, steps: &[usize; 16]) {
        let [_, ny, nx] = self.grid.shape;
        let k = (z * ny + y) * nx;
        let row = &self.grid.levels[k..k + nx];
        let inside = |v: &L| *v != L::default();
        let Some(start) = row.iter().position(inside) else {
            return;
        };
        let row = &row[start..=row.iter().rposition(inside).unwrap_or(start)];
        self.patterns(y * self.width + start, row.len());
        if self.forest.nodes.len() < self.used + row.len() {
            self.forest
                .nodes
                .resize((self.used + row.len()) * 3 / 2, FRESH);
        }
        let corner = z % 2 * self.plane + (y + 1) * self.width + 1 + start;
        let patterns = self.low.iter().zip(&self.high);
        for ((x, &level), (&low, &high)) in row.iter().enumerate().zip(patterns) {
            if level == L::default() {
                continue;
            }
            let joins = self.near.joins[(usize::from(low) | usize::from(high) << 8) % PATTERNS];
            let p = corner + x;
            // A new label is written in any case and read back if there is no neighbour to join.
            let new = self.used as u32;
            self.labels[p] = new;
            self.forest.nodes[self.used] = Node {
                parent: new,
                level: narrow(level),
                ..FRESH
            };
            self.used += usize::from(joins == 0);
            let mut label = self.labels[p.wrapping_add(steps[usize::from(joins % 16)])];
            let mut rest = joins >> 4;
            while rest != 0 {
                let other = self.labels[p.wrapping_add(steps[usize::from(rest % 16)])];
                label = self.forest.join(label, other);
                rest >>= 4;
            }
            self.labels[p] = label;
            let node = &mut self.forest.nodes[label as usize];
            node.size += 1;
            node.distance = node.distance.min((self.grid.distance)(k + start + x));
        }
    }

    /// Finds the patterns of `n` voxels; the block of their neighbours starts at `corner`.
    fn patterns(&mut self, corner: usize, n: usize) {
        let [before, now] = &self.levels;
        let b = |y: usize, x: usize| &before[corner + y * self.width + x..][..n];
        let a = |y: usize, x: usize| &now[corner + y * self.width + x..][..n];
        let (low, high) = (&mut self.low[..n], &mut self.high[..n]);
        match (self.near.faces, self.near.in_plane) {
            (true, _) => equal(a(1, 1), [a(1, 0), a(0, 1)], low),
            (_, true) => equal(a(1, 1), [a(1, 0), a(0, 1), a(0, 0), a(0, 2)], low),
            _ => {
                let here = [a(1, 0), a(0, 1), a(0, 0), a(0, 2)];
                let [w, n, nw, ne] = here;
                equal(
                    a(1, 1),
                    [w, n, nw, ne, b(0, 0), b(0, 1), b(0, 2), b(1, 0)],
                    low,
                );
                equal(a(1, 1), [b(1, 1), b(1, 2), b(2, 0), b(2, 1), b(2, 2)], high);
            }
        }
        if self.near.faces && !self.near.in_plane {
            equal(a(1, 1), [b(1, 1)], high);
        }
    }

    /// Sets apart the zones that may go on in another slab.
    fn close(mut self, slices: Range<usize>, mut first: Vec<u32>, mut last: Vec<u32>) -> Slab {
        let [_, ny, nx] = self.grid.shape;
        let edges = [(slices.start, &mut first), (slices.end - 1, &mut last)];
        let mut names = vec![NONE; self.used];
        let mut count = 0;
        for (z, labels) in edges.into_iter().filter(|(_, labels)| !labels.is_empty()) {
            let mut open = vec![NONE; labels.len()];
            for (y, x) in (0..ny).flat_map(|y| (0..nx).map(move |x| (y, x))) {
                if self.grid.levels[(z * ny + y) * nx + x] != L::default() {
                    let p = (y + 1) * self.width + x + 1;
                    let name = &mut names[self.forest.root(labels[p]) as usize];
                    if *name == NONE {
                        *name = count;
                        count += 1;
                    }
                    open[p] = *name;
                }
            }
            *labels = open;
        }
        let mut zones = Vec::new();
        let mut open = vec![
            Zone {
                level: 0,
                distance: 0,
                size: 0
            };
            count as usize
        ];
        self.forest
            .resolve(|root, zone| match names[root as usize] {
                NONE => zones.push(zone),
                name => open[name as usize] = zone,
            });
        Slab {
            zones,
            open,
            first,
            last,
        }
    }
}

/// Bit `k` of each result: whether neighbour `k` has the centre's level.
fn equal<L: Level, const N: usize>(centre: &[L], neighbours: [&[L]; N], out: &mut [u8]) {
    let n = out.len();
    let (centre, neighbours) = (&centre[..n], neighbours.map(|row| &row[..n]));
    for x in 0..n {
        let mut bits = 0;
        for (k, row) in neighbours.iter().enumerate() {
            bits |= u8::from(row[x] == centre[x]) << k;
        }
        out[x] = bits;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

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
