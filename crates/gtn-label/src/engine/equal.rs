//! Target rows that are equal, and so have the same score for every source row: a proposer is given one of each group.
//!
//! Of a group, a source row takes the free row with the lowest index that no earlier source row of the block holds. Its rows are held in
//! order: an earlier source row holds a row with a lower index. For a source row that takes a row passes over those of earlier source
//! rows, which come first, and the later one that must release it chooses again. So the first row that it may take is found by bisection.

use crate::problem::Problem;
use crate::{Element, parallel};

/// Groups of equal target rows.
pub(super) struct EqualRows {
    /// The rows of one group after another, in ascending order.
    members: Vec<u32>,
    /// For each group, the first of its members that is free, and the end of its members.
    free: Vec<(u32, u32)>,
    /// The first row of each group when it was formed, which stands for all of them.
    representatives: Vec<u32>,
    /// The group of each row that was free.
    groups: Vec<u32>,
}

impl EqualRows {
    /// The groups of the rows that are not taken.
    pub(super) fn find<T: Element>(problem: &Problem<'_, '_, T>, taken: &[bool]) -> Self {
        let rows = problem.targets.rows;
        let values = |row: u32| rows.row(row as usize).iter().map(|&entry| entry.into() + 0.0);
        let hashes = parallel::map(taken.len(), |row| hash(values(row as u32)));
        let mut members: Vec<u32> = (0..taken.len() as u32).filter(|&row| !taken[row as usize]).collect();
        parallel::sort(&mut members, |&a, &b| hashes[a as usize].cmp(&hashes[b as usize]).then(a.cmp(&b)));
        let mut found =
            Self { members, free: Vec::new(), representatives: Vec::new(), groups: vec![u32::MAX; taken.len()] };
        for (position, &row) in (0..).zip(&found.members) {
            // Rows of a group that others with the same hash divide form several groups, which is as right.
            let continues = found
                .representatives
                .last()
                .is_some_and(|&other| hashes[other as usize] == hashes[row as usize] && values(other).eq(values(row)));
            match found.free.last_mut() {
                Some((_, end)) if continues => *end += 1,
                _ => {
                    found.representatives.push(row);
                    found.free.push((position, position + 1));
                }
            }
            found.groups[row as usize] = found.representatives.len() as u32 - 1;
        }
        found
    }

    /// Whether so many free rows have few enough groups.
    pub(super) fn are_worthwhile(&self, free: usize) -> bool {
        free - self.representatives.len() > free / 8
    }

    /// Whether this row stands for a group that has a free row.
    pub(super) fn stands_for_free(&self, row: u32) -> bool {
        !self.free(row).is_empty()
    }

    /// The free rows of the group that this row stands for, in ascending order; none if it stands for no group.
    pub(super) fn free(&self, representative: u32) -> &[u32] {
        match self.groups.get(representative as usize) {
            Some(&group) if self.representatives.get(group as usize) == Some(&representative) => {
                let (start, end) = self.free[group as usize];
                &self.members[start as usize..end as usize]
            }
            _ => &[],
        }
    }

    /// Removes rows, which are the first free ones of their groups. Returns the rows that stand for groups without a free row.
    pub(super) fn take(&mut self, rows: &[u32]) -> Vec<u32> {
        let mut exhausted = Vec::new();
        for &row in rows {
            let group = self.groups[row as usize] as usize;
            let (start, end) = &mut self.free[group];
            *start += 1;
            if start == end {
                exhausted.push(self.representatives[group]);
            }
        }
        exhausted
    }
}

/// A hash of the bits of these values.
fn hash(values: impl Iterator<Item = f64>) -> u64 {
    values.fold(0, |hash: u64, value| (hash.rotate_left(5) ^ value.to_bits()).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
