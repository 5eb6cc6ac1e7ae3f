//! The box around a voxel: its cells in C order, and how they lie to each other.

/// Pairs of cells along one direction.
pub(super) type Pairs = Vec<[u32; 2]>;

/// A box of cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    /// Cells on each side of the middle one.
    pub(super) radius: [usize; 3],
}

impl Kernel {
    fn shape(self) -> [usize; 3] {
        self.radius.map(|r| 2 * r + 1)
    }

    /// Number of cells.
    pub(super) fn len(self) -> usize {
        self.shape().iter().product()
    }

    /// The cell `m` away from cell `k`, if it is in the box.
    #[allow(clippy::cast_possible_truncation)] // a box has at most 79,507 cells
    fn step(self, k: usize, m: [isize; 3]) -> Option<u32> {
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
    pub(super) fn pairs(self, m: [isize; 3]) -> Pairs {
        let cells = 0..self.len();
        cells
            .filter_map(|k| Some([k as u32, self.step(k, m)?]))
            .collect()
    }

    /// All lines of cells along `m`, each from its first cell on.
    #[allow(clippy::cast_possible_truncation)] // as above
    pub(super) fn lines(self, m: [isize; 3]) -> Vec<Vec<u32>> {
        let back = m.map(|c| -c);
        let starts = (0..self.len()).filter(|&k| self.step(k, back).is_none());
        let line = |k: usize| {
            let next = |&k: &u32| self.step(k as usize, m);
            std::iter::successors(Some(k as u32), next).collect()
        };
        starts.map(line).collect()
    }

    /// The neighbours of each cell whose largest component is one of `distances`, none along `flat`.
    pub(super) fn neighbours(self, distances: &[u32], flat: Option<u8>) -> Vec<Vec<u32>> {
        let reach = distances.iter().copied().max().unwrap_or(0).cast_signed() as isize;
        let reach: [isize; 3] = std::array::from_fn(|a| {
            let most = 2 * self.radius[a].cast_signed();
            if flat.map(usize::from) == Some(a) {
                0
            } else {
                reach.min(most)
            }
        });
        let mut vectors = Vec::new();
        for z in -reach[0]..=reach[0] {
            for y in -reach[1]..=reach[1] {
                for x in -reach[2]..=reach[2] {
                    let m = [z, y, x];
                    let far = m.iter().map(|c| c.unsigned_abs()).max().unwrap_or(0);
                    if distances.iter().any(|&d| d as usize == far) {
                        vectors.push(m);
                    }
                }
            }
        }
        let around = |k: usize| {
            let near = vectors.iter().filter_map(|&m| self.step(k, m));
            near.collect()
        };
        (0..self.len()).map(around).collect()
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
