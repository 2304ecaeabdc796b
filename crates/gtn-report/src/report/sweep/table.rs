//! The combinations of a sweep as a table, from the best to the worst.

use gtn_run::Stage;
use gtn_run::schema::{Direction, Metric};
use gtn_run::sweep::{CombinationRecord, CombinationState, Ranking, SweepRecord, SweptSetting};

use super::super::text::{count, duration, number};

/// The combinations of a sweep, from the best to the worst.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepTable {
    /// The columns.
    pub columns: Vec<SweepColumn>,
    /// The rows, one for each combination.
    pub rows: Vec<SweepRow>,
}

/// A column of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepColumn {
    /// A short name, for terminals.
    pub name: &'static str,
    /// The title, with a mark if higher values are better.
    pub title: String,
    /// What it shows.
    pub definition: &'static str,
    /// Whether runs are compared by it.
    pub is_ranking: bool,
    /// Whether a narrow table does without it.
    pub is_detail: bool,
}

/// A combination.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepRow {
    /// The name of its run folder.
    pub name: String,
    /// How far it has come.
    pub state: CombinationState,
    /// Its text in each column; `–` where it has none.
    pub cells: Vec<String>,
    /// Whether it is the best.
    pub is_best: bool,
    /// Why it failed.
    pub failure: Option<String>,
}

/// The metrics that are shown beside the one that runs are compared by.
const METRICS: [Metric; 13] = [
    Metric::InceptionScore,
    Metric::Fid,
    Metric::SlicedWasserstein,
    Metric::EnergyDistance,
    Metric::Precision,
    Metric::Recall,
    Metric::VarianceKept,
    Metric::KsAngle,
    Metric::KsCoordinate,
    Metric::HError,
    Metric::OffCurve,
    Metric::OutsideSupport,
    Metric::BetweenSquares,
];

/// Columns of metrics and losses in a narrow table.
const WIDTH: usize = 4;

/// What a column shows.
#[derive(Clone, Copy)]
enum Kind {
    Setting(SweptSetting),
    State,
    Epochs,
    BestEpoch,
    Value(Ranking),
    Seconds,
}

impl SweepTable {
    /// The table of a sweep. It has the settings that vary, and metrics that at least one run has.
    #[must_use]
    pub fn new(record: &SweepRecord) -> Self {
        let (ranking, kinds) = (record.ranking(), kinds(record));
        // Beside what runs are compared by.
        let mut metrics = 0;
        let column = |kind: &Kind| {
            let column = kind.column(ranking);
            metrics += usize::from(matches!(kind, Kind::Value(_)));
            SweepColumn { is_detail: metrics > WIDTH && matches!(kind, Kind::Value(_)), ..column }
        };
        let best = record.best();
        let row = |index: usize| {
            let combination = &record.combinations[index];
            SweepRow {
                name: combination.name.clone(),
                state: combination.state,
                cells: kinds.iter().map(|kind| kind.cell(combination)).collect(),
                is_best: best == Some(index),
                failure: combination.failure.as_ref().map(|failure| failure.reason.clone()),
            }
        };
        Self { columns: kinds.iter().map(column).collect(), rows: record.ranked().into_iter().map(row).collect() }
    }
}

fn kinds(record: &SweepRecord) -> Vec<Kind> {
    let ranking = record.ranking();
    let mut settings = record.varying();
    if settings.is_empty() {
        // A grid of one combination.
        settings = record.grid.values().into_keys().collect();
    }
    let mut kinds: Vec<Kind> = settings.into_iter().map(Kind::Setting).collect();
    kinds.extend([Kind::State, Kind::Epochs, Kind::BestEpoch]);
    let mut values = vec![ranking, Ranking::ValidationLoss];
    values.extend(METRICS.map(Ranking::Metric));
    let is_recorded = |value: Ranking| record.combinations.iter().any(|combination| combination.value(value).is_some());
    for (position, value) in values.iter().enumerate() {
        if !values[..position].contains(value) && (position < 2 || is_recorded(*value)) {
            kinds.push(Kind::Value(*value));
        }
    }
    kinds.push(Kind::Seconds);
    kinds
}

impl Kind {
    fn column(self, ranking: Ranking) -> SweepColumn {
        let (name, title, definition) = match self {
            Kind::Setting(setting) => (setting.name(), setting.title().to_owned(), setting.option()),
            Kind::State => ("state", "State".to_owned(), "How far the run has come."),
            Kind::Epochs => ("epochs", "Epochs".to_owned(), "Epochs of ĥ."),
            Kind::BestEpoch => ("best_epoch", "Best epoch".to_owned(), "The epoch of ĥ whose weights are used."),
            Kind::Value(value) => (value.name(), format!("{}{}", value.title(), mark(value)), definition(value)),
            Kind::Seconds => ("time", "Training of ĥ".to_owned(), "Time of the epochs of ĥ."),
        };
        let is_ranking = matches!(self, Kind::Value(value) if value == ranking);
        SweepColumn { name, title, definition, is_ranking, is_detail: false }
    }

    fn cell(self, combination: &CombinationRecord) -> String {
        let text = match self {
            Kind::Setting(setting) => combination.settings.get(&setting).cloned(),
            Kind::State => Some(combination.state.to_string()),
            Kind::Epochs => combination.epochs.map(count),
            Kind::BestEpoch => combination.best_epoch.map(count),
            Kind::Value(value) => combination.value(value).map(number),
            Kind::Seconds => combination.seconds.get(&Stage::Fit).copied().map(duration),
        };
        text.unwrap_or_else(|| "–".to_owned())
    }
}

fn definition(value: Ranking) -> &'static str {
    match value {
        Ranking::ValidationLoss => "Mean squared error of ĥ on the validation pairs, after its best epoch.",
        Ranking::Metric(metric) => metric.definition(),
    }
}

/// The mark of values of which not the lowest is the best.
fn mark(value: Ranking) -> String {
    match value.direction() {
        Direction::LowerIsBetter => String::new(),
        Direction::HigherIsBetter => " ↑".to_owned(),
        Direction::CloserTo(best) => format!(" → {best}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::record;
    use super::*;

    #[test]
    fn rows_are_ranked_and_columns_are_those_with_values() {
        let table = SweepTable::new(&record());
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let expected = [
            "width",
            "learning-rate",
            "state",
            "epochs",
            "best_epoch",
            "sliced_wasserstein",
            "validation_loss",
            "energy_distance",
            "variance_kept",
            "outside_support",
            "time",
        ];
        assert_eq!(names, expected);
        assert_eq!(table.columns[8].title, "Variance kept → 1");
        let details: Vec<&str> =
            table.columns.iter().filter(|column| column.is_detail).map(|column| column.name).collect();
        assert_eq!(details, ["outside_support"]);
        assert!(table.columns.iter().all(|column| column.is_ranking == (column.name == "sliced_wasserstein")));
        let rows: Vec<(&str, bool)> = table.rows.iter().map(|row| (row.name.as_str(), row.is_best)).collect();
        let [first, second, third, fourth] = [
            "width-6-learning-rate-1e-2",
            "width-4-learning-rate-1e-2",
            "width-4-learning-rate-1e-1",
            "width-6-learning-rate-1e-1",
        ];
        assert_eq!(rows, [(first, true), (second, false), (third, false), (fourth, false)]);
        let cells = ["6", "1e-2", "done", "1,200", "7", "0.1250", "0.5000", "0.2500", "0.9000", "0.01000", "30 s"];
        assert_eq!(table.rows[0].cells, cells);
        assert_eq!(table.rows[3].cells[2..6], ["failed", "–", "–", "–"]);
        assert_eq!(table.rows[3].failure.as_deref(), Some("it diverged"));
    }
}
