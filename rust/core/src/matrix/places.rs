//! Counting into a table by places of 16 bits, which are computed for many voxels at a time.

/// Places told apart.
pub(super) const MOST: usize = 1 << 16;

/// Counts by place.
pub(super) struct Places {
    /// Even and odd voxels in two copies: equal neighbours would wait for each other's store. The
    /// length is a power of two, which keeps bounds checks out of the loop.
    table: Vec<[u32; 2]>,
    cells: usize,
    /// The places of one row.
    row: Vec<u16>,
}

impl Places {
    /// For places below `cells`, at most [`MOST`], and rows of at most `longest` voxels.
    pub(super) fn new(cells: usize, longest: usize) -> Self {
        assert!(cells <= MOST, "places have 16 bits");
        Self {
            table: vec![[0; 2]; cells.next_power_of_two()],
            cells,
            row: vec![0; longest],
        }
    }

    /// Counts the places that `locate` writes for a row of that many voxels.
    #[inline]
    pub(super) fn add(&mut self, voxels: usize, locate: impl FnOnce(&mut [u16])) {
        let row = &mut self.row[..voxels];
        locate(row);
        tally(row, &mut self.table);
    }

    /// The counts by place.
    pub(super) fn counts(&self) -> Counts<'_> {
        Counts(&self.table[..self.cells])
    }
}

/// The table's cells in order.
#[derive(Clone, Copy)]
pub(super) struct Counts<'a>(&'a [[u32; 2]]);

impl<'a> Counts<'a> {
    /// Parts of `cells` places each.
    pub(super) fn parts(self, cells: usize) -> impl Iterator<Item = Self> {
        self.0.chunks_exact(cells).map(Self)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u64> + 'a {
        self.0
            .iter()
            .map(|&[even, odd]| u64::from(even) + u64::from(odd))
    }
}

#[inline(never)] // the slices are then known to be disjoint
fn tally(places: &[u16], table: &mut [[u32; 2]]) {
    let last = table.len() - 1;
    let (fours, rest) = places.as_chunks::<4>();
    for four in fours {
        table[usize::from(four[0]) & last][0] += 1;
        table[usize::from(four[1]) & last][1] += 1;
        table[usize::from(four[2]) & last][0] += 1;
        table[usize::from(four[3]) & last][1] += 1;
    }
    for &place in rest {
        table[usize::from(place) & last][0] += 1;
    }
}
