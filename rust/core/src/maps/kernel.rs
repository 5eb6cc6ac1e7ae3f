//! The box around a voxel: its cells in C order, and how they lie to each other.

use crate::matrix::direction::Offset;

/// Pairs of cells along one direction.
pub(super) type Pairs = Vec<[u32; 2]>;

/// A box of cells around the middle one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    /// Cells on each side of the middle one (z, y, x).
    pub(crate) radius: [usize; 3],
}

impl Kernel {
    /// The part of the box that can meet an array of this shape from any voxel in it.
    pub(crate) fn within(self, shape: [usize; 3]) -> Self {
        let radius = std::array::from_fn(|a| self.radius[a].min(shape[a].saturating_sub(1)));
        Self { radius }
    }

    pub(super) fn shape(self) -> [usize; 3] {
        self.radius.map(|r| 2 * r + 1)
    }

    /// Number of cells.
    pub(super) fn len(self) -> usize {
        self.shape().iter().product()
    }

    /// Component of cell `k` along x.
    pub(super) fn x(self, k: u32) -> usize {
        k as usize % self.shape()[2]
    }

    /// The cell `m` away from cell `k`, if it is in the box.
    #[allow(clippy::cast_possible_truncation)] // a box has at most 79,507 cells
    fn step(self, k: usize, m: Offset) -> Option<u32> {
        let [nz, ny, nx] = self.shape();
        let p = [k / nx / ny, k / nx % ny, k % nx];
        let mut to = [0; 3];
        for a in 0..3 {
            to[a] = p[a]
                .checked_add_signed(m[a])
                .filter(|&t| t < [nz, ny, nx][a])?;
        }
        Some(((to[0] * ny + to[1]) * nx + to[2]) as u32)
    }

    /// All pairs of cells that are `m` apart.
    #[allow(clippy::cast_possible_truncation)] // as above
    pub(super) fn pairs(self, m: Offset) -> Pairs {
        let cells = 0..self.len();
        cells
            .filter_map(|k| Some([k as u32, self.step(k, m)?]))
            .collect()
    }

    /// All lines of cells along `m`, each from its first cell on.
    #[allow(clippy::cast_possible_truncation)] // as above
    pub(super) fn lines(self, m: Offset) -> Vec<Vec<u32>> {
        let back = m.map(|c| -c);
        let starts = (0..self.len()).filter(|&k| self.step(k, back).is_none());
        let line = |k: usize| {
            let next = |&k: &u32| self.step(k as usize, m);
            std::iter::successors(Some(k as u32), next).collect()
        };
        starts.map(line).collect()
    }

    /// Places of the cells in an array of this shape in C order, relative to the box's first cell.
    pub(super) fn places(self, [_, ny, nx]: [usize; 3]) -> Vec<usize> {
        let shape = self.shape();
        let mut places = Vec::with_capacity(self.len());
        for z in 0..shape[0] {
            for y in 0..shape[1] {
                places.extend((0..shape[2]).map(|x| (z * ny + y) * nx + x));
            }
        }
        places
    }
}

/// The kernel's cells in a box with room around it for vectors that lead out of the kernel: what lies
/// there does not count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Roomy {
    kernel: Kernel,
    reach: [usize; 3],
}

impl Roomy {
    /// Room for these vectors.
    pub(super) fn new<'m>(kernel: Kernel, vectors: impl Iterator<Item = &'m Offset>) -> Self {
        let reach = vectors.fold([0; 3], |reach: [usize; 3], m| {
            std::array::from_fn(|a| reach[a].max(m[a].unsigned_abs()))
        });
        Self { kernel, reach }
    }

    fn shape(self) -> [usize; 3] {
        let kernel = self.kernel.shape();
        std::array::from_fn(|a| kernel[a] + 2 * self.reach[a])
    }

    /// A vector as the distance between places.
    pub(super) fn step(self, [z, y, x]: Offset) -> isize {
        let [_, ny, nx] = self.shape().map(usize::cast_signed);
        (z * ny + y) * nx + x
    }

    /// Place of each of the kernel's cells, in their order.
    pub(super) fn places(self) -> Vec<usize> {
        let (shape, [z, y, x]) = (self.shape(), self.reach);
        let first = (z * shape[1] + y) * shape[2] + x;
        let places = self.kernel.places(shape).into_iter();
        places.map(|place| first + place).collect()
    }

    /// Number of places.
    pub(super) fn len(self) -> usize {
        self.shape().iter().product()
    }
}
