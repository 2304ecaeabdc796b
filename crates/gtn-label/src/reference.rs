//! Algorithm 1 as written: one source row at a time, with every free target row scored in `f64`.

use crate::matching::Reporter;
use crate::problem::{Assignment, Problem};
use crate::{Element, MatchError, score::Scored};

pub(crate) fn run<T: Element>(
    problem: &Problem<'_, '_, T>,
    reporter: &mut Reporter<'_, '_>,
) -> Result<Assignment, MatchError> {
    let mut out = Assignment::new(problem.source.len());
    let mut free: Vec<usize> = (0..problem.targets.rows.len()).collect();
    for (done, &source) in problem.order.iter().enumerate() {
        if done % 64 == 0 {
            reporter.report(done)?;
        }
        let y = problem.source.row(source);
        let y_norm = problem.source_norms[source];
        let mut best: Option<(usize, Scored)> = None;
        for (position, &target) in free.iter().enumerate() {
            let scored = problem.targets.score(y, y_norm, target);
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
