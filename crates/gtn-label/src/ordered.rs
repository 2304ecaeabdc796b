//! Algorithm 1 on the real line, by sorting.
//!
//! For d = 1 the score xy/|x| is exactly ±|y| (the product of two `f32` is exact in `f64`, and so is its quotient by one of
//! them), so all target rows of one sign tie and the norm decides: y takes the shortest free x of its own sign, then a zero
//! row, then the shortest of the other sign. A zero y scores 0 everywhere and takes the shortest of all. The cosines are ±1 or
//! 0 in either precision.

use crate::MatchError;
use crate::matching::Reporter;
use crate::score::order_by_norm;
use crate::task::{Assignments, Task};

pub(crate) fn run(task: &Task<'_, '_>, reporter: &mut Reporter<'_, '_>) -> Result<Assignments, MatchError> {
    let mut out = Assignments::new(task.source.len());
    let sign = |target: usize| {
        let x = task.targets.rows.row(target)[0];
        if x < 0.0 {
            0
        } else if x > 0.0 {
            2
        } else {
            1
        }
    };
    // The free rows of each sign (negative, zero, positive) by ascending (norm, index), the next one last.
    let mut free: [Vec<(usize, usize)>; 3] = Default::default();
    for (rank, &target) in order_by_norm(task.targets.norms).iter().enumerate().rev() {
        free[sign(target)].push((rank, target));
    }
    for (done, &source) in task.order.iter().enumerate() {
        if done % 65_536 == 0 {
            reporter.report(done)?;
        }
        let y = task.source.row(source);
        let y_norm = task.source_norms[source];
        let preference = if y[0] > 0.0 { [2, 1, 0] } else { [0, 1, 2] };
        let from = if y_norm == 0.0 {
            (0..3).filter(|&s| !free[s].is_empty()).min_by_key(|&s| free[s].last().copied())
        } else {
            preference.into_iter().find(|&s| !free[s].is_empty())
        };
        if let Some((_, target)) = from.and_then(|s| free[s].pop()) {
            let scored = task.targets.score(y, y_norm, target);
            out.set(source, target, scored.similarity);
        }
    }
    Ok(out)
}
