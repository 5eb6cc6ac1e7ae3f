//! Parts of zones that are joined as they are found to touch.

use crate::matrix::zones::Zone;

/// A part of a zone, and once resolved the zone.
#[derive(Clone, Copy)]
pub(super) struct Node {
    /// The part this one belongs to, itself for a root; never a later one.
    pub parent: u32,
    pub size: u32,
    pub level: u16,
    pub distance: u16,
}

/// A part without voxels.
pub(super) const FRESH: Node = Node {
    parent: 0,
    size: 0,
    level: 0,
    distance: u16::MAX,
};

/// Parts of zones, joined by union-find.
#[derive(Default)]
pub(super) struct Forest {
    pub nodes: Vec<Node>,
}

/// The root of part `i`; every part on the way then skips one.
pub(super) fn root(nodes: &mut [Node], mut i: u32) -> u32 {
    let mut parent = nodes[i as usize].parent;
    loop {
        let above = nodes[parent as usize].parent;
        if above == parent {
            return parent; // at once for a root and for a part right below one
        }
        nodes[i as usize].parent = above;
        (i, parent) = (parent, above);
    }
}

/// Joins two parts and gives their common root, the lower of both roots.
pub(super) fn join(nodes: &mut [Node], a: u32, b: u32) -> u32 {
    let (a, b) = (root(nodes, a), root(nodes, b));
    let root = a.min(b);
    nodes[a.max(b) as usize].parent = root;
    root
}

impl Forest {
    /// Hands each part on to its root, and each root to `complete` with its index.
    pub fn resolve(mut self, mut complete: impl FnMut(u32, Zone)) {
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
pub(super) fn number(n: usize) -> u32 {
    u32::try_from(n).expect("a region has fewer than 2^32 voxels")
}
