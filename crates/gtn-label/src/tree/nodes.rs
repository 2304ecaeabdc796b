//! The tree of the free target rows.

/// Rows of a leaf, and children of an inner node.
pub(super) const LANES: usize = 16;

/// One coordinate of all rows of a leaf, or one lower or upper bound of the boxes of all children of a node; fills a cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Lanes(pub(super) [f32; LANES]);

/// Marks a location as a position in [`Tree::zeros`].
pub(super) const ZERO_ROW: u32 = 1 << 31;

/// A tree of the free target rows.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(super) dim: usize,
    /// Leaf by leaf, `dim` × [`LANES`] coordinates; NaN where there is no free row.
    pub(super) points: Vec<Lanes>,
    /// The target rows in the lanes of the leaves.
    pub(super) targets: Vec<u32>,
    /// From the parents of the leaves to the root: node by node, for each coordinate, the lower and the upper bounds of the
    /// boxes of the children, +∞ and −∞ where there is no child.
    pub(super) levels: Vec<Vec<Lanes>>,
    /// Free target rows that are all zeros.
    pub(super) zeros: Vec<u32>,
    /// The location of each target row: its lane, counted over all leaves, or its position among the zero rows.
    pub(super) locations: Vec<u32>,
    /// Rows in the tree when it was built.
    pub(super) built_len: usize,
    /// Free rows in the tree now.
    pub(super) free: usize,
    pub(super) build_buffers: BuildBuffers,
}

impl Tree {
    /// Whether the tree supports this many target rows.
    pub(crate) fn supports(rows: usize) -> bool {
        rows < ZERO_ROW as usize
    }

    /// Free target rows.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.free + self.zeros.len()
    }
}

/// Buffers for building.
#[derive(Debug, Default)]
pub(super) struct BuildBuffers {
    /// The rows to build from.
    pub(super) rows: Vec<f32>,
    /// Their indices among the target rows.
    pub(super) targets: Vec<u32>,
    /// A coordinate and the index of its row, see [`split`](super::build).
    pub(super) keys: Vec<u64>,
    /// Nodes of one level whose boxes may be too large.
    pub(super) dirty: Vec<u32>,
}

impl BuildBuffers {
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.targets.clear();
    }

    pub(super) fn push(&mut self, target: u32, row: &[f32]) {
        self.targets.push(target);
        self.rows.extend_from_slice(row);
    }
}
