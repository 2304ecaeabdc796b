//! How the work is split.

/// Nodes that a search scores one by one before it takes batches: 256 directions.
pub(super) const SINGLE_NODES: usize = 16;
/// Batches of at least this many nodes are split among threads; smaller ones take less time than waking the threads: 32,768
/// directions.
pub(super) const PARALLEL_NODES: usize = 2048;

/// Parameters that change the time a matching takes, never its result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    /// Maximum number of source rows that are searched at once.
    pub(super) block_size: usize,
    /// Source rows per task.
    pub(super) rows_per_task: usize,
    /// See [`SINGLE_NODES`]; at least 1.
    pub(super) single_nodes: usize,
    /// See [`PARALLEL_NODES`].
    pub(super) parallel_nodes: usize,
    /// Nodes per task.
    pub(super) nodes_per_task: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            block_size: 1024,
            rows_per_task: 64,
            single_nodes: SINGLE_NODES,
            parallel_nodes: PARALLEL_NODES,
            nodes_per_task: 512,
        }
    }
}
