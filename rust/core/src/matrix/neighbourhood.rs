//! Neighbourhoods of voxels as the tone difference and dependence matrices walk them: row by row, in
//! blocks of fixed length, so that the compiler turns every step into SIMD instructions.
//!
//! Vectors are (dz, dy, dx) in voxels; rows lie along x.

use std::ops::Range;

use crate::discretise::Level;
use crate::matrix::direction::{self, Offset};
use crate::settings::{Norm, Weighting};

/// Voxels of a row that are handled together; a multiple of every SIMD width in use.
pub(super) const BLOCK: usize = 32;

/// Neighbours with the same weight.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shell {
    /// Weight of each of these neighbours.
    pub weight: f64,
    /// Where they are, in C order.
    pub spans: Vec<Span>,
}

/// A run of neighbours along x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub dz: isize,
    pub dy: isize,
    /// First and last component along x.
    pub dx: [isize; 2],
}

impl Shell {
    /// Number of neighbours.
    pub fn len(&self) -> usize {
        self.spans.iter().map(Span::len).sum()
    }

    /// The vectors to these neighbours.
    pub fn offsets(&self) -> Vec<Offset> {
        let of = |s: &Span| {
            let (dz, dy) = (s.dz, s.dy);
            (s.dx[0]..=s.dx[1]).map(move |dx| [dz, dy, dx])
        };
        self.spans.iter().flat_map(of).collect()
    }
}

impl Span {
    /// Number of neighbours.
    pub fn len(&self) -> usize {
        (self.dx[1] - self.dx[0] + 1).unsigned_abs()
    }
}

/// What makes a neighbourhood.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neighbourhood {
    /// Radius in voxels.
    pub distance: u32,
    /// Norm of the radius.
    pub norm: Norm,
    /// Weight of a neighbour.
    pub weighting: Weighting,
    /// Norm of the length in that weight.
    pub weighting_norm: Norm,
    /// Rings that are no part of it: bit `d - 1` stands for lengths above `d - 1` and up to `d`.
    pub left_out: u128,
}

/// Distances up to this one can be left out of a neighbourhood one by one.
pub(crate) const MAX_RINGS: u32 = u128::BITS;

impl Neighbourhood {
    /// The rings (Chebyshev norm) of these distances, from 1 to [`MAX_RINGS`].
    pub fn of_rings(distances: &[u32]) -> Self {
        let distance = distances.iter().copied().max().unwrap_or(0);
        let taken = |d: u32| distances.contains(&d);
        let left_out = (1..=distance.min(MAX_RINGS)).filter(|&d| !taken(d));
        Self {
            distance,
            norm: Norm::Chebyshev,
            weighting: Weighting::None,
            weighting_norm: Norm::Euclidean,
            left_out: left_out.fold(0, |bits, d| bits | 1 << (d - 1)),
        }
    }

    /// True if a neighbour at this length belongs to it.
    fn holds(self, length: f64) -> bool {
        // Whole and positive, as it is rounded up from a length above 0.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let ring = length.ceil() as u32;
        let left_out = ring <= MAX_RINGS && self.left_out >> (ring - 1) & 1 == 1;
        length <= f64::from(self.distance) && !left_out
    }

    /// The neighbours, grouped by weight, heaviest first; one empty group if there are none.
    ///
    /// Left out are vectors that lead out of a box of this shape from each of its voxels, and those
    /// whose weight is 0 in double precision. The sums over a shell are whole numbers, so that what
    /// is made of them does not depend on the order of the neighbours.
    pub fn shells(self, shape: [usize; 3], in_plane: bool) -> Vec<Shell> {
        let mut members: Vec<(f64, Offset)> = self
            .offsets(shape, in_plane)
            .into_iter()
            .map(|m| (direction::weight(m, self.weighting, self.weighting_norm), m))
            .filter(|&(weight, _)| weight > 0.0)
            .collect();
        members.sort_by(|a, b| b.0.total_cmp(&a.0)); // stable: C order within a shell
        let shell = |group: &[(f64, Offset)]| {
            let mut spans: Vec<Span> = Vec::new();
            for &(_, [dz, dy, dx]) in group {
                match spans.last_mut() {
                    Some(s) if (s.dz, s.dy, s.dx[1] + 1) == (dz, dy, dx) => s.dx[1] = dx,
                    _ => spans.push(Span {
                        dz,
                        dy,
                        dx: [dx, dx],
                    }),
                }
            }
            Shell {
                weight: group[0].0,
                spans,
            }
        };
        if members.is_empty() {
            return vec![Shell {
                weight: 1.0,
                spans: Vec::new(),
            }];
        }
        members
            .chunk_by(|a, b| a.0.to_bits() == b.0.to_bits())
            .map(shell)
            .collect()
    }

    /// As [`direction::neighbourhood`], without vectors longer than the box and rings left out.
    fn offsets(self, shape: [usize; 3], in_plane: bool) -> Vec<Offset> {
        let [rz, ry, rx] = self.reach(shape, in_plane).map(usize::cast_signed);
        let mut out = Vec::new();
        for z in -rz..=rz {
            for y in -ry..=ry {
                for x in -rx..=rx {
                    let m = [z, y, x];
                    if m != [0, 0, 0] && self.holds(direction::length(m, self.norm)) {
                        out.push(m);
                    }
                }
            }
        }
        out
    }

    /// The largest component along each axis that stays inside a box of this shape.
    pub fn reach(self, shape: [usize; 3], in_plane: bool) -> [usize; 3] {
        let mut reach = shape.map(|n| (self.distance as usize).min(n.saturating_sub(1)));
        if in_plane {
            reach[0] = 0;
        }
        reach
    }
}

/// The slices around the current one, padded with zeros by the neighbourhood's reach, so that every
/// neighbour of every voxel can be read without asking whether it lies in the box.
///
/// Rows start at `x = -reach` and have a block's length to spare at their end. Memory is that of
/// `2 reach + 1` slices, never that of the volume and its padding.
pub(super) struct Rolling<T> {
    data: Vec<T>,
    shape: [usize; 3],
    reach: [usize; 3],
    stride: usize,
}

impl<T: Copy + Default> Rolling<T> {
    pub fn new(shape: [usize; 3], reach: [usize; 3]) -> Self {
        let stride = shape[2] + 2 * reach[2] + BLOCK;
        let rows = (2 * reach[0] + 1) * (shape[1] + 2 * reach[1]);
        Self {
            data: vec![T::default(); rows * stride],
            shape,
            reach,
            stride,
        }
    }

    /// Index of the first element of row (z, y), which lies at `x = -reach`.
    fn start(&self, z: isize, y: isize) -> usize {
        let [rz, ry, _] = self.reach.map(usize::cast_signed);
        let slot = (z + rz).cast_unsigned() % (2 * self.reach[0] + 1);
        (slot * (self.shape[1] + 2 * self.reach[1]) + (y + ry).cast_unsigned()) * self.stride
    }

    /// Row (z, y) from `x = -reach` on; `z` within reach of the last slice loaded.
    pub fn row(&self, z: isize, y: isize) -> &[T] {
        let start = self.start(z, y);
        &self.data[start..start + self.stride]
    }

    /// Takes in slice `z` of `volume`, in place of the one that lies out of reach now; a slice
    /// outside the box is all zeros.
    pub fn load<L: Level>(&mut self, volume: &[L], z: isize, value: impl Fn(L) -> T) {
        let [nz, ny, nx] = self.shape;
        let inside = usize::try_from(z).ok().filter(|&z| z < nz);
        for y in 0..ny {
            let start = self.start(z, y.cast_signed()) + self.reach[2];
            let target = &mut self.data[start..start + nx];
            if let Some(z) = inside {
                let source = &volume[(z * ny + y) * nx..][..nx];
                target
                    .iter_mut()
                    .zip(source)
                    .for_each(|(t, &l)| *t = value(l));
            } else {
                target.fill(T::default());
            }
        }
    }
}

/// Calls `visit(z, y, rows)` for each row of slices `slices`, in order, with the padded slices
/// around it.
pub(super) fn for_each_row<L: Level, T: Copy + Default>(
    volume: &[L],
    shape: [usize; 3],
    slices: Range<usize>,
    reach: [usize; 3],
    value: impl Fn(L) -> T,
    mut visit: impl FnMut(usize, usize, &Rolling<T>),
) {
    let mut rows = Rolling::new(shape, reach);
    let [rz, ..] = reach.map(usize::cast_signed);
    let first = slices.start.cast_signed();
    (first - rz..first + rz).for_each(|z| rows.load(volume, z, &value));
    for z in slices {
        rows.load(volume, z.cast_signed() + rz, &value);
        (0..shape[1]).for_each(|y| visit(z, y, &rows));
    }
}

/// Cuts `n` slices into about equal ranges.
pub(super) fn slabs(n: usize, parts: usize) -> Vec<Range<usize>> {
    let parts = parts.clamp(1, n.max(1));
    (0..parts)
        .map(|p| p * n / parts..(p + 1) * n / parts)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_hold_the_neighbourhood_and_nothing_else() {
        let cases = [
            (1, Norm::Chebyshev, Weighting::None, 1),
            (2, Norm::Manhattan, Weighting::Inverse, 2),
            (3, Norm::Euclidean, Weighting::Exponential, 9),
        ];
        for (distance, norm, weighting, groups) in cases {
            for in_plane in [false, true] {
                let weighting_norm = norm;
                let n = Neighbourhood {
                    distance,
                    norm,
                    weighting,
                    weighting_norm,
                    left_out: 0,
                };
                let shells = n.shells([9, 9, 9], in_plane);
                assert!(shells.len() <= groups);
                let mut found: Vec<Offset> = Vec::new();
                for s in shells.iter().flat_map(|s| &s.spans) {
                    found.extend((s.dx[0]..=s.dx[1]).map(|x| [s.dz, s.dy, x]));
                }
                found.sort_unstable();
                assert_eq!(found, direction::neighbourhood(distance, norm, in_plane));
            }
        }
    }

    #[test]
    fn rings_are_the_neighbours_at_their_distances() {
        for distances in [&[2][..], &[1, 3], &[3, 2], &[1, 2, 3]] {
            let shells = Neighbourhood::of_rings(distances).shells([9, 7, 8], false);
            let far = |m: &Offset| direction::length(*m, Norm::Chebyshev);
            let all = direction::neighbourhood(3, Norm::Chebyshev, false);
            let expected = all
                .iter()
                .filter(|m| distances.iter().any(|&d| far(m) == f64::from(d)));
            let found: usize = shells.iter().map(Shell::len).sum();
            assert_eq!(found, expected.count());
        }
    }
}

/// The digital phantom and IBSI's reference data for the tests of both families.
#[cfg(test)]
pub(super) mod reference {
    use proptest::prelude::*;

    use crate::discretise::{discretise, Levels};
    use crate::feature::FeatureDef;
    use crate::matrix::aggregate::aggregate;
    use crate::matrix::Source;
    use crate::phantom;
    use crate::roi::Roi;
    use crate::settings::{Aggregation, Discretise, Norm, Weighting};

    const FOLDER: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../python/ferromics/reference/"
    );

    pub fn levels() -> Levels {
        let (image, mask) = (phantom::image(), phantom::mask());
        let roi = Roi::new(image.view(), mask.view(), phantom::SPACING).unwrap();
        discretise(&roi, &Discretise::None {}).unwrap()
    }

    fn lines(file: &str, start: &str) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(format!("{FOLDER}{file}")).unwrap();
        let lines = text.lines().filter(|l| l.starts_with(start));
        let cells = |l: &str| l.split(',').map(String::from).collect();
        let found: Vec<_> = lines.map(cells).collect();
        assert!(!found.is_empty(), "{file} has no line {start}");
        found
    }

    /// The manual's matrices (chapter 6) as (i, j, n), table by table.
    pub fn matrices(family: &str, dimension: &str) -> Vec<Vec<(u32, f64, f64)>> {
        let lines = lines(
            "ibsi1_texture_matrices.csv",
            &format!("{family},{dimension},"),
        );
        lines
            .chunk_by(|a, b| a[3] == b[3])
            .map(|t| {
                t.iter()
                    .map(|l| {
                        (
                            l[4].parse().unwrap(),
                            l[5].parse().unwrap(),
                            l[6].parse().unwrap(),
                        )
                    })
                    .collect()
            })
            .collect()
    }

    /// Every value of the digital phantom by IBSI's rule: the difference, cut off at the third
    /// significant digit of the reference, is at most the tolerance.
    pub fn assert_values<S: Source, M>(
        family: &str,
        source: &S,
        features: &[FeatureDef<M>],
        input: impl Fn(&S::Table) -> M + Sync,
    ) {
        let aggregations = Aggregation::PLAIN;
        let values = aggregate(source, &aggregations, features, input);
        let lines = lines("ibsi1_values.csv", &format!("digital_phantom,{family},"));
        assert_eq!(lines.len(), 3 * features.len());
        for line in &lines {
            let a = aggregations
                .iter()
                .position(|a| a.name() == line[4])
                .unwrap();
            let f = features.iter().position(|f| f.name == line[2]).unwrap();
            assert_eq!(features[f].ibsi, line[3]);
            let [expected, tolerance] = [5, 6].map(|k: usize| line[k].parse::<f64>().unwrap());
            #[allow(clippy::cast_possible_truncation)]
            let unit = 10f64.powi(expected.abs().log10().floor() as i32 - 2);
            let difference = ((expected - values[a][f]).abs() / unit).floor() * unit;
            assert!(
                difference <= tolerance * (1.0 + 1e-9),
                "{line:?}: {}",
                values[a][f]
            );
        }
    }

    /// Small boxes with holes, axes of one voxel, one to many levels; bytes and words.
    pub fn boxes() -> impl Strategy<Value = Levels> {
        let shape = [1usize..6, 1usize..7, 1usize..40];
        let highest = prop_oneof![
            Just(1u16),
            2u16..8,
            Just(75u16),
            Just(255),
            Just(256),
            Just(65_535)
        ];
        (shape, highest, any::<bool>()).prop_flat_map(|(shape, highest, wide)| {
            let level = prop_oneof![1 => Just(0u16), 3 => 1..=highest, 1 => Just(highest)];
            let data = proptest::collection::vec(level, shape.iter().product::<usize>());
            data.prop_filter_map("an empty region", move |data| {
                let n = if wide { Some(65_535) } else { None };
                Levels::new(&data, shape, n).ok()
            })
        })
    }

    pub fn norms() -> impl Strategy<Value = Norm> {
        proptest::sample::select(vec![Norm::Chebyshev, Norm::Manhattan, Norm::Euclidean])
    }

    pub fn weightings() -> impl Strategy<Value = Weighting> {
        let all = vec![Weighting::None, Weighting::Inverse, Weighting::Exponential];
        proptest::sample::select(all)
    }

    /// Values at `k + m` for every vector `m` of `offsets` that leads to a voxel of the region.
    pub fn neighbours(levels: &Levels, k: usize, offsets: &[[isize; 3]]) -> Vec<([isize; 3], u32)> {
        let [nz, ny, nx] = levels.shape();
        let at = [k / nx / ny, k / nx % ny, k % nx];
        let found = offsets.iter().filter_map(|&m| {
            let [z, y, x]: [usize; 3] =
                std::array::from_fn(|a| at[a].checked_add_signed(m[a]).unwrap_or(usize::MAX));
            let inside = z < nz && y < ny && x < nx;
            inside.then(|| (m, levels.get((z * ny + y) * nx + x)))
        });
        found.filter(|n| n.1 > 0).collect()
    }
}
