//! How many source rows a block has and how long their lists are, adapted to what happened in the blocks before.

use crate::units::MAX_LIST_LEN;

/// Source rows that give a few threads enough work each; block sizes are multiples of it where possible.
pub(super) const MIN_BLOCK_SIZE: usize = 96;
/// Maximum number of candidates in a block, which bounds their memory.
const MAX_BLOCK_CANDIDATES: usize = 1 << 22;
/// If so many rows are scored for each source row, and more than one of [`FREE_PER_RESCORED`] free rows, scoring all of them with vector
/// instructions is faster.
const MANY_RESCORED: u64 = 64;
const FREE_PER_RESCORED: usize = 8;

/// Parameters of the blocks, which change the time taken, never the matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockParams {
    /// Maximum number of source rows that candidates are proposed for at a time.
    pub(crate) block_size: usize,
    /// Initial number of candidates per source row.
    pub(crate) k: usize,
    /// Free target rows per source row of a block. The more there are, the less often two source rows compete for the same one.
    pub(crate) free_per_row: usize,
}

impl BlockParams {
    // Measured; see the [cost model](crate::cost_model).
    pub(crate) const DENSE: Self = Self { block_size: 4096, k: 8, free_per_row: 32 };
    pub(crate) const DENSE_FEW_COLUMNS: Self = Self { block_size: 4096, k: 4, free_per_row: 32 };
    pub(crate) const INT8: Self = Self { block_size: 4096, k: 16, free_per_row: 32 };
    pub(crate) const TREE: Self = Self { block_size: 1024, k: 4, free_per_row: 16 };
    pub(crate) const PROPOSED: Self = Self { block_size: 4096, k: 16, free_per_row: 32 };
}

/// What happened in a block.
pub(super) struct Outcome {
    /// Source rows that candidates were proposed for.
    pub(super) proposed: usize,
    /// Those that are matched.
    pub(super) processed: usize,
    /// Lists that were too short.
    pub(super) refilled: usize,
    /// Rows that were scored in `f64`.
    pub(super) rescored: u64,
    /// Source rows that no list was long enough for.
    pub(super) scanned: u64,
    /// Free target rows afterwards.
    pub(super) free: usize,
}

impl Outcome {
    /// Whether the block ended early, because too many source rows competed for the same few target rows.
    pub(super) fn ended_early(&self) -> bool {
        self.processed < self.proposed
    }

    pub(super) fn many_refills(&self) -> bool {
        self.refilled > self.processed / 4
    }

    fn some_refills(&self) -> bool {
        self.refilled > self.processed / 16
    }

    /// Whether cosines are too close to each other for the proposer.
    pub(super) fn too_close(&self) -> bool {
        let rescored = self.rescored / self.processed as u64;
        rescored > MANY_RESCORED.max((self.free / FREE_PER_RESCORED) as u64) || self.scanned > self.processed as u64 / 4
    }
}

/// The sizes of the next block.
pub(super) struct Sizes {
    params: BlockParams,
    /// Candidates per source row.
    pub(super) k: usize,
    max_block: usize,
}

impl Sizes {
    /// The first block is short, to find out early whether the lists are long enough.
    pub(super) fn new(params: BlockParams) -> Self {
        Self { params, k: params.k, max_block: MIN_BLOCK_SIZE }
    }

    /// Starts with short lists again, for another proposer.
    pub(super) fn restart(&mut self, params: BlockParams) {
        (self.params, self.k) = (params, params.k);
    }

    /// Source rows of the next block: a multiple of [`MIN_BLOCK_SIZE`] where possible, so that all threads get equal work.
    pub(super) fn next_block(&self, free: usize) -> usize {
        let BlockParams { block_size, free_per_row, .. } = self.params;
        let max = (MAX_BLOCK_CANDIDATES / self.k).max(MIN_BLOCK_SIZE);
        (free / free_per_row).max(1).min(max).next_multiple_of(MIN_BLOCK_SIZE).min(block_size).min(self.max_block)
    }

    /// Adapts to a block. Returns whether lists are as long as they get, and still too short.
    pub(super) fn adapt(&mut self, outcome: &Outcome) -> bool {
        if outcome.ended_early() {
            self.max_block = outcome.processed.max(MIN_BLOCK_SIZE);
            return false;
        }
        // As free rows become rare, or where many source rows compete for the same few, longer lists are cheaper than refills.
        let (many_refills, some_refills) = (outcome.many_refills(), outcome.some_refills());
        let k = self.k;
        if many_refills {
            self.max_block = (self.max_block / 4).max(MIN_BLOCK_SIZE);
            self.k = k.saturating_mul(4).min(MAX_LIST_LEN / 8).max(k);
        } else if some_refills {
            self.k = k.saturating_mul(2).min(MAX_LIST_LEN / 8).max(k);
        } else {
            self.max_block = self.max_block.saturating_mul(2);
        }
        many_refills && self.k == k
    }
}
