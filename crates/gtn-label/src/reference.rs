//! Algorithm 1 as it is written: one source row at a time, every free target row scored in `f64`.

use crate::matching::Reporter;
use crate::task::{Assignments, Task};
use crate::{Element, MatchError, score::Scored};

pub(crate) fn run<T: Element>(
    task: &Task<'_, '_, T>,
    reporter: &mut Reporter<'_, '_>,
) -> Result<Assignments, MatchError> {
    let mut out = Assignments::new(task.source.len());
    let mut free: Vec<usize> = (0..task.targets.rows.len()).collect();
    for (done, &source) in task.order.iter().enumerate() {
        if done % 64 == 0 {
            reporter.report(done)?;
        }
        let y = task.source.row(source);
        let y_norm = task.source_norms[source];
        let mut best: Option<(usize, Scored)> = None;
        for (position, &target) in free.iter().enumerate() {
            let scored = task.targets.score(y, y_norm, target);
            if best.is_none_or(|(_, best)| scored.beats(&best)) {
                best = Some((position, scored));
            }
        }
        if let Some((position, scored)) = best {
            free.swap_remove(position);
            out.set(source, scored.target, scored.similarity);
        }
    }
    Ok(out)
}
