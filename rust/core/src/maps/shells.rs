//! Neighbours of a neighbourhood's cells, by weight.

use super::kernel::{Kernel, Roomy};
use crate::matrix::direction::Offset;
use crate::matrix::neighbourhood::Neighbourhood;

/// The neighbours that any cell has, as steps in a box with room around the kernel.
pub(super) struct Shells {
    /// Steps to the neighbours of one weight, heaviest first.
    pub(super) of_weights: Vec<(f64, Vec<isize>)>,
    /// Place of each of the kernel's cells.
    pub(super) places: Vec<usize>,
    room: Roomy,
}

impl Shells {
    /// The neighbours of `near`, in the slice alone if `in_plane`.
    pub(super) fn new(kernel: Kernel, near: Neighbourhood, in_plane: bool) -> Self {
        let shells = near.shells(kernel.shape(), in_plane).into_iter();
        let shells: Vec<(f64, Vec<Offset>)> = shells.map(|s| (s.weight, s.offsets())).collect();
        Self::of(kernel, shells)
    }

    /// These vectors, each of weight 1.
    pub(super) fn along(kernel: Kernel, vectors: Vec<Offset>) -> Self {
        // Longer ones lead out of the kernel from each of its cells.
        let shape = kernel.shape();
        let fits = |m: &Offset| (0..3).all(|a| m[a].unsigned_abs() < shape[a]);
        Self::of(
            kernel,
            vec![(1.0, vectors.into_iter().filter(fits).collect())],
        )
    }

    fn of(kernel: Kernel, shells: Vec<(f64, Vec<Offset>)>) -> Self {
        let room = Roomy::new(kernel, shells.iter().flat_map(|(_, vectors)| vectors));
        let steps = |vectors: Vec<Offset>| vectors.into_iter().map(|m| room.step(m)).collect();
        Self {
            of_weights: shells
                .into_iter()
                .map(|(weight, v)| (weight, steps(v)))
                .collect(),
            places: room.places(),
            room,
        }
    }

    /// True unless all neighbours weigh 1.
    pub(super) fn are_weighted(&self) -> bool {
        self.of_weights.len() > 1 || self.of_weights[0].0 != 1.0
    }

    /// The most neighbours that a cell may have.
    pub(super) fn most(&self) -> usize {
        self.of_weights.iter().map(|(_, steps)| steps.len()).sum()
    }

    /// A box in which nothing counts.
    pub(super) fn blank(&self) -> Vec<u16> {
        vec![0; self.room.len()]
    }

    /// Puts the levels of the kernel's cells in their places.
    pub(super) fn fill(&self, roomy: &mut [u16], levels: &[u16]) {
        for (&place, &level) in self.places.iter().zip(levels) {
            roomy[place] = level;
        }
    }
}
