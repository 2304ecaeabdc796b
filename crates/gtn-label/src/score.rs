//! The `f64` arithmetic that defines the result: norms, scores and the order of candidates.

use std::cmp::Ordering;

use crate::{Element, Precision, Rows};

/// `(((a₀b₀) + a₁b₁) + …)` in `f64`, from left to right.
pub(crate) fn dot<T: Element>(a: &[T], b: &[T]) -> f64 {
    let mut sum = 0.0;
    for (&a, &b) in a.iter().zip(b) {
        let (a, b): (f64, f64) = (a.into(), b.into());
        sum += a * b;
    }
    sum
}

/// [`dot`] of each of four rows with `b`. The four sums are interleaved; each one runs from left to right.
pub(crate) fn dots<T: Element>(a: [&[T]; 4], b: &[T]) -> [f64; 4] {
    let a = a.map(|row| &row[..b.len()]);
    let mut sums = [0.0; 4];
    for (column, &b) in b.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(a) {
            *sum += row[column].into() * b.into();
        }
    }
    sums
}

pub(crate) fn norm<T: Element>(a: &[T]) -> f64 {
    dot(a, a).sqrt()
}

/// γ_n = nu/(1 − nu) with u = 2⁻²⁴, rounded up: the relative error that n roundings to `f32` can cause in a sum of products, in
/// any order. Infinite from nu = 1/4 on.
pub(crate) fn gamma(roundings: usize) -> f32 {
    let first_order = roundings as f64 * f64::from(f32::EPSILON) / 2.0;
    if first_order < 0.25 { ((first_order / (1.0 - first_order)) as f32).next_up() } else { f32::INFINITY }
}

/// The score of `x` for `y`, neither of which is all zeros.
pub(crate) fn ratio<T: Element>(x: &[T], x_norm: f64, y: &[T]) -> f64 {
    dot(x, y) / x_norm
}

/// The order of two rows, each with its score, norm and index: score descending, norm ascending, index ascending. No value is NaN.
pub(crate) fn preferred_first<I: Ord>(a: (f64, f64, I), b: (f64, f64, I)) -> Ordering {
    // IEEE comparison, in which -0 equals +0.
    let compare = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    compare(b.0, a.0).then(compare(a.1, b.1)).then(a.2.cmp(&b.2))
}

/// A target row with its score for one source row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scored {
    /// The score as compared, see [`Targets::compared`].
    score: f64,
    /// The reported cosine.
    pub(crate) similarity: f32,
    norm: f64,
    pub(crate) target: usize,
}

impl Scored {
    /// Whether the source row prefers this candidate to `other`: score descending, norm ascending, index ascending.
    pub(crate) fn beats(&self, other: &Self) -> bool {
        self.preferred_first(other) == Ordering::Less
    }

    /// Orders candidates by preference, the best one first.
    pub(crate) fn preferred_first(&self, other: &Self) -> Ordering {
        preferred_first((self.score, self.norm, self.target), (other.score, other.norm, other.target))
    }

    /// The score as compared, and the norm.
    pub(crate) fn score_and_norm(&self) -> (f64, f64) {
        (self.score, self.norm)
    }
}

/// The target rows with their norms.
pub(crate) struct Targets<'r, 'a, T: Element = f32> {
    pub(crate) rows: &'r Rows<'a, T>,
    pub(crate) norms: &'r [f64],
    pub(crate) precision: Precision,
}

impl<T: Element> Targets<'_, '_, T> {
    /// Scores target row `target` for the source row `y` of norm `y_norm`.
    pub(crate) fn score(&self, y: &[T], y_norm: f64, target: usize) -> Scored {
        self.scored(dot(self.rows.row(target), y), y_norm, target)
    }

    /// Scores four target rows for the source row `y` of norm `y_norm`.
    pub(crate) fn scores(&self, y: &[T], y_norm: f64, targets: [usize; 4]) -> [Scored; 4] {
        let dots = dots(targets.map(|target| self.rows.row(target)), y);
        std::array::from_fn(|index| self.scored(dots[index], y_norm, targets[index]))
    }

    /// [`score`](Self::score), and the cosine in `f64`.
    pub(crate) fn score_and_cosine(&self, y: &[T], y_norm: f64, target: usize) -> (Scored, f64) {
        self.with_cosine(dot(self.rows.row(target), y), y_norm, target)
    }

    /// [`scores`](Self::scores), and the cosines in `f64`.
    pub(crate) fn scores_and_cosines(&self, y: &[T], y_norm: f64, targets: [usize; 4]) -> [(Scored, f64); 4] {
        let dots = dots(targets.map(|target| self.rows.row(target)), y);
        std::array::from_fn(|index| self.with_cosine(dots[index], y_norm, targets[index]))
    }

    fn with_cosine(&self, dot: f64, y_norm: f64, target: usize) -> (Scored, f64) {
        let norm = self.norms[target];
        let cosine = if norm == 0.0 || y_norm == 0.0 { 0.0 } else { dot / norm / y_norm };
        (self.scored(dot, y_norm, target), cosine)
    }

    /// The score of a target row whose [`dot`] with the source row is known.
    pub(crate) fn scored(&self, dot: f64, y_norm: f64, target: usize) -> Scored {
        let norm = self.norms[target];
        let score = if norm == 0.0 || y_norm == 0.0 { 0.0 } else { dot / norm };
        let similarity = similarity(score, y_norm);
        Scored { score: self.compared(score, y_norm), similarity, norm, target }
    }

    /// The value that is compared for a score. It never decreases as `score` increases.
    pub(crate) fn compared(&self, score: f64, y_norm: f64) -> f64 {
        match self.precision {
            Precision::Double => score,
            Precision::Single => f64::from(similarity(score, y_norm)),
        }
    }
}

/// The reported cosine: `clamp(c / nrm(y), −1, 1)`, 0 for zero rows.
#[inline(always)]
pub(crate) fn similarity(score: f64, y_norm: f64) -> f32 {
    if y_norm == 0.0 { 0.0 } else { (score / y_norm).clamp(-1.0, 1.0) as f32 }
}
