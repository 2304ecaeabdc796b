//! Algorithm 1 on the real line, by sorting.
//!
//! For d = 1 the score xy/|x| is exactly ±|y| (the product of two `f32` is exact in `f64`, and so is its quotient by one of
//! them). So all target rows of one sign tie and the norm decides: y takes the shortest free x of its own sign, then a zero
//! row, then the shortest x of the opposite sign. A zero y scores 0 everywhere and takes the shortest row of all. The cosines
//! are ±1 or 0 in either precision.

use crate::matching::Reporter;
use crate::problem::{Assignment, Problem};
use crate::sort::argsort_by_norm;
use crate::{MatchError, Rows, parallel};

// The signs of rows, which are also indices.
const NEGATIVE: u8 = 0;
const ZERO: u8 = 1;
const POSITIVE: u8 = 2;

pub(crate) fn run(problem: &Problem<'_, '_>, reporter: &mut Reporter<'_, '_>) -> Result<Assignment, MatchError> {
    let mut out = Assignment::new(problem.source.len());
    let by_norm = argsort_by_norm(problem.targets.norms);
    let source_signs = signs(problem.source, problem.order);
    let target_signs = signs(problem.targets.rows, &by_norm);

    reporter.report(0)?;
    let zeros = problem.assign_zero_rows(&by_norm, &mut out);
    // The free rows of each sign by ascending (norm, index), and how many of them are taken.
    let mut free: [Vec<u32>; 3] = Default::default();
    for (&target, &sign) in by_norm.iter().zip(&target_signs).skip(zeros) {
        free[usize::from(sign)].push(target as u32);
    }
    let mut taken = [0; 3];

    for (done, (&source, &sign)) in problem.order.iter().zip(&source_signs).enumerate().skip(zeros) {
        if done % 65_536 == 0 {
            reporter.report(done)?;
        }
        let available = |&from: &u8| taken[usize::from(from)] < free[usize::from(from)].len();
        let from = [sign, ZERO, POSITIVE - sign].into_iter().find(available);
        let from = from.expect("there are at least as many target rows as source rows");
        let target = free[usize::from(from)][taken[usize::from(from)]];
        taken[usize::from(from)] += 1;
        let similarity = if from == ZERO {
            0.0
        } else if from == sign {
            1.0
        } else {
            -1.0
        };
        out.set(source, target as usize, similarity);
    }
    Ok(out)
}

/// The signs of the rows, in the given order.
fn signs(rows: &Rows<'_>, order: &[usize]) -> Vec<u8> {
    parallel::map(order.len(), |position| {
        let x = rows.row(order[position])[0];
        if x < 0.0 {
            NEGATIVE
        } else if x > 0.0 {
            POSITIVE
        } else {
            ZERO
        }
    })
}
