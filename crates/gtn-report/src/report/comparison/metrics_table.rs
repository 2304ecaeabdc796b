//! The metrics of runs as one table: a row for each metric, a column for each run.

use std::collections::BTreeSet;
use std::fmt;

use gtn_run::MetricRecord;
use gtn_run::schema::{Baseline, Metric};

use super::super::text::{count, number};
use super::compared_run::ComparedRun;
use super::seed_groups::seed_groups;

/// The metrics of several runs, with their noise floors and baselines.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsTable {
    /// The columns: runs, means over seeds, noise floors, baselines.
    pub columns: Vec<Column>,
    /// The metrics that at least one run has.
    pub rows: Vec<Row>,
    /// A sentence if the runs measured different numbers of samples.
    pub(super) unequal_samples: Option<String>,
}

/// A column of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// What it shows.
    pub kind: ColumnKind,
    /// Its title.
    pub title: String,
    /// The positions of its runs.
    pub runs: Vec<usize>,
}

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// The values of one run.
    Run,
    /// Mean and standard deviation over runs that differ only in their seed.
    Seeds,
    /// The noise floor: the mean, if it belongs to several runs.
    NoiseFloor,
    /// A baseline: the mean, if it belongs to several runs.
    Baseline(Baseline),
}

/// A metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The metric.
    pub metric: Metric,
    /// Its value in each column, if it has one.
    pub cells: Vec<Option<Cell>>,
}

/// A value of a metric. It is displayed as `0.044` or `0.044 ± 0.003`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// The value, or the mean over several runs.
    pub value: f64,
    /// The standard deviation over the runs (divisor n − 1), unless they agree.
    pub spread: Option<f64>,
    /// Whether it is the best value of all runs that it can be compared with. Equal values are all best.
    pub is_best: bool,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&number(self.value))?;
        match self.spread {
            Some(spread) => write!(f, " ± {}", number(spread)),
            None => Ok(()),
        }
    }
}

impl MetricsTable {
    pub(super) fn new(runs: &[ComparedRun]) -> Self {
        let seeds = seed_groups(runs);
        let comparable = comparable(runs, &seeds);
        let columns = columns(runs, &seeds, &comparable);
        let record = |run: usize, metric: Metric| runs[run].log().metrics().find(|record| record.metric == metric);
        let is_measured = |metric: &&Metric| (0..runs.len()).any(|run| record(run, **metric).is_some());
        let row = |&metric: &Metric| {
            let cell = |column: &Column| {
                let of_record = |record: &MetricRecord| match column.kind {
                    ColumnKind::Run | ColumnKind::Seeds => Some(record.value),
                    ColumnKind::NoiseFloor => record.floor,
                    ColumnKind::Baseline(baseline) => record.baselines.get(&baseline).copied(),
                };
                let values: Vec<f64> =
                    column.runs.iter().filter_map(|&run| record(run, metric).and_then(of_record)).collect();
                summary(&values)
            };
            let mut cells: Vec<Option<Cell>> = columns.iter().map(cell).collect();
            // Pixels can be compared if the data are the same, latents only if the autoencoder is the same.
            let groups: Vec<&str> = match metric.is_on_pixels() {
                true => runs.iter().map(ComparedRun::data).collect(),
                false => comparable.iter().map(String::as_str).collect(),
            };
            for group in groups.iter().collect::<BTreeSet<_>>() {
                let members: Vec<usize> = (0..runs.len()).filter(|&run| groups[run] == *group).collect();
                mark_best(metric, &mut cells, &members);
            }
            Row { metric, cells }
        };
        let rows: Vec<Row> = Metric::ALL.iter().filter(is_measured).map(row).collect();
        Self { unequal_samples: unequal_samples(runs), columns, rows }
    }
}

/// Marks the best of the runs at these positions, which are also those of their columns, unless only one has a value.
fn mark_best(metric: Metric, cells: &mut [Option<Cell>], runs: &[usize]) {
    let penalty = |cell: &Cell| metric.direction().penalty(cell.value);
    let found: Vec<f64> = runs.iter().filter_map(|&run| cells[run].as_ref().map(penalty)).collect();
    let best = found.iter().copied().fold(f64::INFINITY, f64::min);
    if found.len() > 1 {
        for &run in runs {
            if let Some(cell) = &mut cells[run] {
                cell.is_best = metric.direction().penalty(cell.value) == best;
            }
        }
    }
}

/// The mean of values, with their standard deviation unless they agree; `None` without values.
fn summary(values: &[f64]) -> Option<Cell> {
    let (&first, n) = (values.first()?, values.len() as f64);
    if values.iter().all(|value| *value == first) {
        return Some(Cell { value: first, spread: None, is_best: false });
    }
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some(Cell { value: mean, spread: Some(variance.sqrt()), is_best: false })
}

/// For each run, what identifies the runs that it can be compared with: those with the same targets, and those that differ only
/// in their seed.
fn comparable(runs: &[ComparedRun], seeds: &[Vec<usize>]) -> Vec<String> {
    let mut keys: Vec<String> = runs.iter().map(|run| run.targets().to_owned()).collect();
    for group in seeds {
        for &member in &group[1..] {
            let (old, new) = (keys[member].clone(), keys[group[0]].clone());
            keys.iter_mut().filter(|key| **key == old).for_each(|key| key.clone_from(&new));
        }
    }
    keys
}

fn columns(runs: &[ComparedRun], seeds: &[Vec<usize>], comparable: &[String]) -> Vec<Column> {
    let mut columns: Vec<Column> = runs
        .iter()
        .enumerate()
        .map(|(index, run)| Column { kind: ColumnKind::Run, title: run.name().to_owned(), runs: vec![index] })
        .collect();
    for group in seeds {
        let numbers: Vec<String> = group.iter().map(|&run| runs[run].config().seed.to_string()).collect();
        let of = if seeds.len() > 1 { format!(" of {} and so on", runs[group[0]].name()) } else { String::new() };
        let title = format!("mean ± spread, seeds {}{of}", numbers.join(", "));
        columns.push(Column { kind: ColumnKind::Seeds, title, runs: group.clone() });
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for run in 0..runs.len() {
        match groups.iter_mut().find(|group| comparable[group[0]] == comparable[run]) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    for group in &groups {
        let records = || group.iter().flat_map(|&run| runs[run].log().metrics());
        let first = runs[group[0]].name();
        let of = match (groups.len(), group.len()) {
            (1, _) => String::new(),
            (_, 1) => format!(" of {first}"),
            (_, members) => format!(" of {first} and {} more", members - 1),
        };
        let mut push = |kind, title: &str| {
            columns.push(Column { kind, title: format!("{title}{of}"), runs: group.clone() });
        };
        if records().any(|record| record.floor.is_some()) {
            push(ColumnKind::NoiseFloor, "noise floor");
        }
        let baselines: BTreeSet<Baseline> = records().flat_map(|record| record.baselines.keys().copied()).collect();
        for baseline in baselines {
            push(ColumnKind::Baseline(baseline), &baseline.title().to_lowercase());
        }
    }
    columns
}

/// A sentence if the runs measured different numbers of samples, on which most metrics depend.
fn unequal_samples(runs: &[ComparedRun]) -> Option<String> {
    for metric in Metric::ALL {
        let samples = |run: &ComparedRun| {
            let record = run.log().metrics().find(|record| record.metric == *metric)?;
            Some((record.samples, run.name().to_owned()))
        };
        let found: Vec<(usize, String)> = runs.iter().filter_map(samples).collect();
        if found.iter().any(|(samples, _)| *samples != found[0].0) {
            let all: Vec<String> = found.into_iter().map(|(n, name)| format!("{name}: {}", count(n))).collect();
            return Some(format!(
                "the runs measured different numbers of samples ({}); most metrics depend on that number",
                all.join(", ")
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(values: &[Option<f64>]) -> Vec<Option<Cell>> {
        values.iter().map(|value| value.map(|value| Cell { value, spread: None, is_best: false })).collect()
    }

    fn best(metric: Metric, values: &[Option<f64>], runs: &[usize]) -> Vec<usize> {
        let mut cells = cells(values);
        mark_best(metric, &mut cells, runs);
        (0..cells.len()).filter(|&index| cells[index].is_some_and(|cell| cell.is_best)).collect()
    }

    #[test]
    fn the_best_value_is_marked_by_the_direction_of_the_metric() {
        let values = [Some(0.5), Some(0.9), None, Some(1.2), Some(0.9)];
        assert_eq!(best(Metric::SlicedWasserstein, &values, &[0, 1, 2, 3, 4]), [0]);
        assert_eq!(best(Metric::Coverage, &values, &[0, 1, 2, 4]), [1, 4]);
        assert_eq!(best(Metric::VarianceKept, &values, &[0, 1, 2, 3]), [1]);
        // Only runs that can be compared, and never one alone.
        assert!(best(Metric::Coverage, &values, &[0, 2]).is_empty());
        assert_eq!(best(Metric::Coverage, &[Some(f64::NAN), Some(0.1)], &[0, 1]), [1]);
    }

    #[test]
    fn several_values_are_a_mean_with_a_spread() {
        assert_eq!(summary(&[]), None);
        assert_eq!(summary(&[0.25]).unwrap().to_string(), "0.2500");
        assert_eq!(summary(&[0.25, 0.25]).unwrap().spread, None);
        let cell = summary(&[1.5, 2.5, 3.5]).unwrap();
        assert_eq!((cell.value, cell.spread), (2.5, Some(1.0)));
        assert_eq!(cell.to_string(), "2.500 ± 1");
    }
}
