//! The `f64` arithmetic of the contract: norms, scores and the order among candidates.

use std::cmp::Ordering;

use crate::{Precision, Rows};

/// `(((a₀b₀) + a₁b₁) + …)` in `f64`, from left to right.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sum = 0.0;
    for (&a, &b) in a.iter().zip(b) {
        sum += f64::from(a) * f64::from(b);
    }
    sum
}

pub(crate) fn norm(a: &[f32]) -> f64 {
    dot(a, a).sqrt()
}

/// The score of a row `x` that is not zero for a row `y` that is not zero.
pub(crate) fn ratio(x: &[f32], x_norm: f64, y: &[f32]) -> f64 {
    dot(x, y) / x_norm
}

/// A target row as seen by one source row, ordered so that the smallest is the one to take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scored {
    /// What is compared.
    score: f64,
    /// The cosine as reported.
    pub(crate) similarity: f32,
    norm: f64,
    pub(crate) target: usize,
}

impl Scored {
    /// Whether this candidate goes before `other`: score descending, norm ascending, index ascending.
    pub(crate) fn beats(&self, other: &Self) -> bool {
        // IEEE comparison, in which -0 equals +0; no operand is ever NaN.
        match self.score.partial_cmp(&other.score) {
            Some(Ordering::Greater) => true,
            Some(Ordering::Less) => false,
            _ => (self.norm, self.target) < (other.norm, other.target),
        }
    }
}

/// The target rows with their norms.
pub(crate) struct Targets<'r, 'a> {
    pub(crate) rows: &'r Rows<'a>,
    pub(crate) norms: &'r [f64],
    pub(crate) precision: Precision,
}

impl Targets<'_, '_> {
    /// Scores target row `target` for the source row `y` of norm `y_norm`.
    pub(crate) fn score(&self, y: &[f32], y_norm: f64, target: usize) -> Scored {
        let norm = self.norms[target];
        let score = if norm == 0.0 || y_norm == 0.0 { 0.0 } else { ratio(self.rows.row(target), norm, y) };
        let similarity = similarity(score, y_norm);
        Scored { score: self.compared(score, y_norm), similarity, norm, target }
    }

    /// What is compared of a score. It never falls as `score` rises.
    pub(crate) fn compared(&self, score: f64, y_norm: f64) -> f64 {
        match self.precision {
            Precision::Double => score,
            Precision::Single => f64::from(similarity(score, y_norm)),
        }
    }
}

/// The cosine as reported: `clamp(c / nrm(y), −1, 1)`, 0 for zero rows.
#[inline(always)]
pub(crate) fn similarity(score: f64, y_norm: f64) -> f32 {
    if y_norm == 0.0 { 0.0 } else { (score / y_norm).clamp(-1.0, 1.0) as f32 }
}
