//! Deferred acceptance for a block of source rows, from the lists of all shards.

use std::collections::HashMap;

use super::preferences::{LongerList, PreferenceList, Shards};
use crate::problem::Assignment;

/// Source rows that give a few threads enough work each.
const MIN_BLOCK_SIZE: usize = 96;
/// Free target rows per source row of a block. The more there are, the less often two source rows compete for the same one.
const FREE_PER_ROW: u64 = 32;
/// Rows on the lists of all shards for one source row, at first. Measured on 50,000 rows of 100 and of 5 columns: with 8, two shards take a tenth
/// longer.
const INITIAL_LEN: usize = 4;
/// The maximum of that number.
const MAX_LEN: usize = 256;

/// How many source rows the next block has, and how long their lists are: it changes the time taken, never the matching.
pub(super) struct BlockSizes {
    max_block: usize,
    current: usize,
    shards: usize,
    len: usize,
}

impl BlockSizes {
    pub(super) fn new(max_block: usize, shards: usize) -> Self {
        // The first block is short, to find out early whether the lists are long enough.
        Self { max_block: max_block.max(1), current: MIN_BLOCK_SIZE, shards: shards.max(1), len: INITIAL_LEN }
    }

    /// The number of source rows of the next block.
    pub(super) fn next_block(&self, free: u64) -> usize {
        let by_free = usize::try_from((free / FREE_PER_ROW).max(1)).unwrap_or(usize::MAX);
        by_free.min(self.current).next_multiple_of(MIN_BLOCK_SIZE).min(self.max_block)
    }

    /// The length of the list of one shard. The best rows are spread over all shards, not evenly.
    pub(super) fn list_len(&self) -> usize {
        self.len.div_ceil(self.shards) + usize::from(self.shards > 1)
    }

    /// Adapts to a block of `proposed` source rows, of which `processed` are matched, and which needed `longer` longer lists.
    pub(super) fn adapt(&mut self, processed: usize, proposed: usize, longer: usize) {
        if processed < proposed {
            self.current = processed.max(MIN_BLOCK_SIZE);
        } else if longer > processed / 4 {
            self.current = (self.current / 4).max(MIN_BLOCK_SIZE);
            self.len = (self.len * 4).min(MAX_LEN);
        } else if longer > processed / 16 {
            self.len = (self.len * 2).min(MAX_LEN);
        } else {
            self.current = self.current.saturating_mul(2);
        }
    }
}

/// The list of one shard for one source row, and how many of its first rows are held by earlier source rows. They are not free
/// again for this source row, because a row is only ever passed on to an earlier one.
struct Cursor {
    list: PreferenceList,
    held: usize,
}

/// What a source row chooses.
enum Choice {
    /// The shard and the position on its list.
    Row(usize, usize),
    /// The list of this shard is too short to say.
    TooShort(usize),
}

/// Source rows that are being matched, and their lists.
pub(super) struct Block<'b> {
    sources: &'b [usize],
    /// The lists of one source row after another, each with those of all shards.
    cursors: Vec<Vec<Cursor>>,
    /// The position in the block of the source row that holds a target row.
    holders: HashMap<u64, u32>,
    /// The shard and the position on its list of what each source row holds.
    chosen: Vec<Option<(usize, usize)>>,
}

impl<'b> Block<'b> {
    /// `lists` are those of each shard.
    pub(super) fn new(sources: &'b [usize], lists: Vec<Vec<PreferenceList>>) -> Self {
        let mut cursors: Vec<Vec<Cursor>> = sources.iter().map(|_| Vec::with_capacity(lists.len())).collect();
        for lists in lists {
            assert_eq!(lists.len(), sources.len(), "a shard returns one list for each source row");
            for (cursors, list) in cursors.iter_mut().zip(lists) {
                cursors.push(Cursor { list, held: 0 });
            }
        }
        Self { sources, cursors, holders: HashMap::new(), chosen: vec![None; sources.len()] }
    }

    /// Lets every source row take the best row that no earlier one holds, and returns how many lists were too short. The block may become shorter.
    pub(super) fn resolve<S: Shards>(&mut self, shards: &mut S) -> Result<usize, S::Error> {
        // A stack: the next row to choose is the last.
        let mut waiting: Vec<u32> = (0..self.sources.len() as u32).rev().collect();
        let mut longer = 0;
        loop {
            let mut too_short = Vec::new();
            while let Some(row) = waiting.pop() {
                match self.choose(row) {
                    Choice::Row(shard, at) => waiting.extend(self.assign(row, shard, at)),
                    Choice::TooShort(shard) => too_short.push((row, shard)),
                }
            }
            if too_short.is_empty() {
                return Ok(longer);
            }
            too_short.sort_unstable();
            let first = too_short[0].0 as usize;
            if first >= MIN_BLOCK_SIZE / 2 && too_short.len() > self.sources.len() / 16 {
                self.truncate(first);
                return Ok(longer);
            }
            longer += too_short.len();
            let requests: Vec<LongerList> = too_short
                .iter()
                .map(|&(row, shard)| {
                    let len = self.cursors[row as usize][shard].list.ranked.len();
                    // Earlier source rows hold at most as many rows as there are.
                    let len = len.saturating_mul(4).max(MIN_BLOCK_SIZE / 2).min(row as usize + 1).max(len + 1);
                    LongerList { shard, source: self.sources[row as usize], len }
                })
                .collect();
            let lists = shards.longer(&requests)?;
            assert_eq!(lists.len(), requests.len(), "one list for each request");
            for (&(row, shard), list) in too_short.iter().zip(lists) {
                // The list begins with the rows of the shorter one.
                self.cursors[row as usize][shard].list = list;
            }
            waiting.extend(too_short.iter().rev().map(|&(row, _)| row));
        }
    }

    /// The best row that no earlier source row holds.
    fn choose(&mut self, row: u32) -> Choice {
        let is_held = |target: u64| self.holders.get(&target).is_some_and(|&holder| holder < row);
        for cursor in &mut self.cursors[row as usize] {
            let ranked = &cursor.list.ranked;
            while ranked.get(cursor.held).is_some_and(|next| is_held(next.target)) {
                cursor.held += 1;
            }
        }
        let cursors = &self.cursors[row as usize];
        let mut best: Option<(usize, usize)> = None;
        for (shard, cursor) in cursors.iter().enumerate() {
            let Some(next) = cursor.list.ranked.get(cursor.held) else { continue };
            if best.is_none_or(|(other, at)| next.beats(&cursors[other].list.ranked[at])) {
                best = Some((shard, cursor.held));
            }
        }
        for (shard, cursor) in cursors.iter().enumerate() {
            let Cursor { list: PreferenceList { ranked, is_complete }, held } = cursor;
            if *is_complete || *held < ranked.len() {
                continue;
            }
            let is_excluded = match (best, ranked.last()) {
                (Some((other, at)), Some(last)) => cursors[other].list.ranked[at].beats(last),
                _ => false,
            };
            if !is_excluded {
                return Choice::TooShort(shard);
            }
        }
        let (shard, at) = best.expect("there are at least as many target rows as source rows");
        Choice::Row(shard, at)
    }

    /// Gives a target row to a source row, and returns the later one that must release it.
    fn assign(&mut self, row: u32, shard: usize, at: usize) -> Option<u32> {
        self.chosen[row as usize] = Some((shard, at));
        let target = self.cursors[row as usize][shard].list.ranked[at].target;
        let displaced = self.holders.insert(target, row)?;
        debug_assert!(displaced > row);
        self.chosen[displaced as usize] = None;
        Some(displaced)
    }

    /// Leaves the source rows from position `len` on to the next block. No earlier one needs a longer list, so what they hold is final.
    fn truncate(&mut self, len: usize) {
        self.sources = &self.sources[..len];
        self.cursors.truncate(len);
        self.chosen.truncate(len);
    }

    /// Writes the pairs to `out`, and returns the target rows that they take.
    pub(super) fn commit(self, out: &mut Assignment) -> Vec<u64> {
        let pairs = self.sources.iter().zip(&self.cursors).zip(&self.chosen);
        pairs
            .map(|((&source, cursors), chosen)| {
                let (shard, at) = chosen.expect("every row of a resolved block has chosen");
                let taken = cursors[shard].list.ranked[at];
                out.set(source, taken.target as usize, taken.similarity);
                taken.target
            })
            .collect()
    }
}
