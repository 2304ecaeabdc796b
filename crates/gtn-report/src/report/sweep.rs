//! The page of a sweep: its table, what each setting does, and the samples and losses of the best runs.

mod by_setting;
mod html;
mod table;

use std::path::{Path, PathBuf};

use gtn_io::atomic;
use gtn_run::RunFolder;
use gtn_run::sweep::{CombinationState, SweepRecord};

use super::comparison::samples_and_losses;
use crate::Result;

pub use table::{SweepColumn, SweepRow, SweepTable};

/// The page in the folder of a sweep.
const FILE: &str = "sweep.html";

/// Runs whose samples and losses are shown.
const SHOWN_RUNS: usize = 6;

/// Writes `sweep.html` into the folder of a sweep, and returns its path. Runs that are not complete are in the table only.
///
/// # Errors
///
/// [`Error::Samples`](crate::Error::Samples) if a tensor of a run has the wrong shape, [`Error::Run`](crate::Error::Run) if a file
/// is damaged, [`Error::Io`](crate::Error::Io) if the page cannot be written.
pub fn write_sweep(root: &Path, record: &SweepRecord) -> Result<PathBuf> {
    let path = root.join(FILE);
    let complete = record.ranked().into_iter().map(|index| &record.combinations[index]);
    let complete = complete.filter(|combination| combination.state == CombinationState::Done);
    let folders: Vec<RunFolder> =
        complete.take(SHOWN_RUNS).map(|combination| SweepRecord::run_folder(root, &combination.name)).collect();
    let sections = samples_and_losses(&folders)?;
    let page = html::page(record, &SweepTable::new(record), &sections);
    atomic::write_bytes(&path, page.as_bytes())?;
    Ok(path)
}

/// A sweep with two complete runs, one that was left out, and one that failed.
#[cfg(test)]
mod example {
    use std::collections::BTreeMap;

    use gtn_run::config::Overrides;
    use gtn_run::schema::Metric;
    use gtn_run::sweep::{CombinationFailure, CombinationRecord, Grid, SWEEP_FORMAT};
    use gtn_run::{Config, Stage};

    use super::*;

    const PRESET: &str = "experiment = \"p\"\nseed = 1\ndim = 2\ndata = { set = \"uniform\", train = 100, \
                          validation = 10 }\npairing = { normalize = \"none\" }\n[h]\nhidden_layers = 1\nwidth = 3\n\
                          negative_slope = 0.5\nbatch_norm_layers = 0\n[h.training]\nepochs = 1200\npatience = 2\n\
                          batch_size = 10\nlearning_rate = 0.1\n";

    pub(super) fn record() -> SweepRecord {
        let grid = Grid { widths: vec![4, 6], depths: vec![2], learning_rates: vec![0.1, 0.01], ..Grid::default() };
        let named = |choice: &gtn_run::sweep::Choice| {
            let choice = gtn_run::sweep::Choice { depth: None, ..*choice };
            CombinationRecord::new(choice.name(), choice.settings())
        };
        let mut combinations: Vec<CombinationRecord> = grid.choices().iter().map(named).collect();
        for (index, sliced) in [(1, 0.5), (3, 0.125)] {
            let combination = &mut combinations[index];
            combination.state = CombinationState::Done;
            (combination.epochs, combination.best_epoch, combination.validation_loss) =
                (Some(1200), Some(7), Some(0.5));
            let metrics = [
                (Metric::SlicedWasserstein, sliced),
                (Metric::EnergyDistance, 0.25),
                (Metric::VarianceKept, 0.9),
                (Metric::OutsideSupport, 0.01),
            ];
            combination.metrics = BTreeMap::from(metrics);
            combination.seconds = BTreeMap::from([(Stage::Fit, 30.0), (Stage::Label, 4.0)]);
        }
        combinations[3].shared = BTreeMap::from([(Stage::Label, "width-4-learning-rate-1e-2".to_owned())]);
        combinations[0].state = CombinationState::LeftOut;
        combinations[2].state = CombinationState::Failed;
        let reason = "it diverged".to_owned();
        combinations[2].failure = Some(CombinationFailure { stage: Some(Stage::Fit), reason, is_final: true });
        let config = Config::from_preset("p", PRESET, &Overrides::default()).unwrap();
        SweepRecord { format: SWEEP_FORMAT, config, grid, halving: true, by: None, combinations }
    }

    #[test]
    fn the_page_has_the_table_and_the_reasons_of_failures() {
        let record = record();
        let page = html::page(&record, &SweepTable::new(&record), &[]);
        assert!(page.contains("width-6-learning-rate-1e-2 is the best: Sliced Wasserstein-2 0.1250."), "{page}");
        // 30 s twice, and 4 s once, because the other run took the pairs of the first.
        assert!(page.contains("took 1 min 04 s."), "{page}");
        assert!(page.contains("href=\"width-6-learning-rate-1e-2/report.html\"") && page.contains("it diverged"));
        assert!(page.contains("Values of the settings") && page.contains("left out") && !page.contains("<script"));
    }
}
