//! The scores of rows quantized to 8 bits, with the instructions that every processor has.

use super::panels::{LANES, Lists, ROWS};
use super::quantized::{Packed, QUAD, ScanInput};

/// Offers all scores, computed with portable code.
pub(super) fn scan(input: &ScanInput<'_>, lists: &mut Lists<'_>) {
    let Packed { entries, quads, offsets } = input.packed;
    let panels = input.panels.chunks_exact(quads * LANES * QUAD).zip(input.scales.chunks_exact(LANES));
    for (panel, (columns, scales)) in panels.enumerate() {
        for (row, &offset) in offsets.iter().enumerate() {
            let group = &entries[row / ROWS * quads..][..*quads];
            let mut sums = [offset; LANES];
            for (column, entries) in columns.chunks_exact(LANES * QUAD).zip(group) {
                for (sum, x) in sums.iter_mut().zip(column.chunks_exact(QUAD)) {
                    *sum += x.iter().zip(&entries[row % ROWS]).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum::<i32>();
                }
            }
            let scores: [f32; LANES] = std::array::from_fn(|lane| sums[lane] as f32 * scales[lane]);
            if scores.iter().any(|&score| score > lists.bounds[row]) {
                lists.offer(row, panel * LANES, &scores);
            }
        }
    }
}
