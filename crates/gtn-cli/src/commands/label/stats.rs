//! The statistics of `gtn label --stats`.

use gtn_label::{MatchStats, Matching};
use ndarray::{ArrayView1, ArrayView2};

/// Number of parts of the processing order.
const PARTS: usize = 10;

/// Lines about the similarity of the pairs in processing order, about their norms, and about the work of the matching.
pub(crate) fn lines(
    matched: &Matching,
    statistics: &MatchStats,
    source: ArrayView2<'_, f32>,
    target: ArrayView2<'_, f32>,
) -> Vec<String> {
    let mut lines = vec![
        "similarity of the source rows in the order in which they were processed:".to_owned(),
        "|             rows |      5% |     50% |     95% |".to_owned(),
        "|------------------|---------|---------|---------|".to_owned(),
    ];
    let in_order: Vec<f32> = matched.order().iter().map(|&row| matched.similarity()[row]).collect();
    for part in 0..PARTS {
        let [from, to] = [part, part + 1].map(|edge| edge * in_order.len() / PARTS);
        if from == to {
            continue;
        }
        let mut part = in_order[from..to].to_vec();
        part.sort_by(f32::total_cmp);
        let [low, middle, high] = [0.05, 0.5, 0.95].map(|probability| quantile(&part, probability));
        lines.push(format!("| {:>16} | {low:7.4} | {middle:7.4} | {high:7.4} |", format!("{}–{to}", from + 1)));
    }
    let norm = |row: ArrayView1<'_, f32>| row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    let norms = |rows: ArrayView2<'_, f32>| rows.rows().into_iter().map(norm).collect::<Vec<_>>();
    let (of_source, of_target) = (norms(source), norms(target));
    let of_taken: Vec<f64> = matched.assignment().iter().map(|&row| of_target[row]).collect();
    let correlation = rank_correlation(&of_source, &of_taken).map_or("none".to_owned(), |rho| format!("{rho:.4}"));
    lines.push(format!("rank correlation of |y| and |x_y|: {correlation}"));
    let MatchStats { rescored, refills, full_scans, prepare, propose, decide, .. } = statistics;
    let strategy = statistics.strategy.name();
    lines.push(format!(
        "strategy {strategy}: {rescored} scores in f64, {refills} candidate lists requested again, {full_scans} full scans"
    ));
    lines.push(format!("time: prepare {prepare:.1?}, propose {propose:.1?}, decide {decide:.1?}"));
    lines
}

/// The quantile of sorted values, at least one, by linear interpolation.
fn quantile(sorted: &[f32], probability: f64) -> f64 {
    let position = probability * (sorted.len() - 1) as f64;
    let (below, between) = (position.floor(), position.fract());
    let [a, b] = [below, position.ceil()].map(|at| f64::from(sorted[at as usize]));
    a + between * (b - a)
}

/// Spearman's rank correlation; ties have their mean rank. `None` if all values on one side are equal.
fn rank_correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let spread = (product(&a, &a) * product(&b, &b)).sqrt();
    (spread > 0.0).then(|| product(&a, &b) / spread)
}

/// The rank of each value, counted from 0.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        for &index in equal {
            ranks[index] = first as f64 + (equal.len() - 1) as f64 / 2.0;
        }
        first += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use gtn_label::match_rows;
    use gtn_models::Streams;

    use super::*;

    #[test]
    fn ties_have_their_mean_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0, 3.0]), [3.0, 0.0, 3.0, 1.0, 3.0]);
        assert_eq!(ranks(&[]), [0.0; 0]);
    }

    #[test]
    fn the_rank_correlation_is_spearmans() {
        assert_eq!(rank_correlation(&[1.0, 2.0, 4.0], &[0.1, 7.0, 900.0]), Some(1.0));
        assert_eq!(rank_correlation(&[1.0, 2.0, 4.0], &[3.0, 2.0, -1.0]), Some(-1.0));
        // By hand: ranks 0, 1½, 1½, 3 and 1, 0, 2, 3, less their mean 1½.
        let found = rank_correlation(&[1.0, 2.0, 2.0, 3.0], &[5.0, 4.0, 6.0, 7.0]).unwrap();
        assert!((found - 3.0 / (4.5 * 5.0_f64).sqrt()).abs() < 1e-12, "{found}");
        assert_eq!(rank_correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(rank_correlation(&[], &[]), None);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(
            [0.0, 0.05, 0.5, 1.0].map(|probability| quantile(&[1.0, 2.0, 4.0], probability)),
            [1.0, 1.1, 2.0, 4.0]
        );
        assert_eq!(quantile(&[0.25], 0.95), 0.25);
    }

    #[test]
    fn every_part_of_the_order_has_a_line() {
        for (n, parts) in [(1, 1), (7, 7), (100, 10)] {
            let (y, x) = (Streams::new(1).normal("y", 0, n, 3), Streams::new(1).normal("x", 0, n, 3));
            let matched = match_rows(&y, &x).unwrap();
            let lines = lines(&matched, &MatchStats::default(), y.view(), x.view());
            assert_eq!(lines.len(), 3 + parts + 3, "{lines:?}");
            let widths: Vec<usize> = lines[1..3 + parts].iter().map(|line| line.chars().count()).collect();
            assert!(widths.iter().all(|&width| width == widths[0]), "{lines:?}");
        }
    }
}
