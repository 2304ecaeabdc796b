//! Stages whose results several runs of a sweep have in common.
//!
//! Their artifacts are linked from the run that computed them, with their records. Whether they have the right inputs is not
//! decided here: as always, a stage is skipped only if its artifact has the input fingerprint that it needs. Files of runs are
//! replaced, and never changed in place, so that links are safe.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gtn_io::atomic::{self, Existing};
use gtn_run::{Config, MetricsLog, Network, Record, RunFolder, Stage};

use crate::Result;

/// The stages that runs of a sweep share, in the order of a run.
pub(super) const STAGES: [Stage; 6] =
    [Stage::Autoencode, Stage::Encode, Stage::Decoder, Stage::Flow, Stage::Label, Stage::Baselines];

/// Whether the results of a stage are the same under two configurations of one sweep.
pub(super) fn are_shared(stage: Stage, a: &Config, b: &Config) -> bool {
    match stage {
        Stage::Autoencode | Stage::Encode | Stage::Decoder | Stage::Baselines => {
            // ĥ and the pairs come later, except for the normalization, which a sweep does not vary.
            let same = Config { h: a.h.clone(), pairing: a.pairing.clone(), ..b.clone() };
            *a == same && a.pairing.normalize == b.pairing.normalize
        }
        Stage::Flow | Stage::Label => *a == Config { h: a.h.clone(), ..b.clone() },
        _ => false,
    }
}

/// A run that may have results of a stage.
pub(super) struct Donor {
    pub(super) stage: Stage,
    pub(super) name: String,
    pub(super) run: RunFolder,
}

/// Takes the results of stages that `run` has not completed and one of `donors` has. Returns the names of those runs.
pub(super) fn take(run: &RunFolder, donors: &[Donor]) -> Result<BTreeMap<Stage, String>> {
    let mut taken = BTreeMap::new();
    let mut log = MetricsLog::open(&run.metrics())?;
    for Donor { stage, name, run: donor } in donors {
        if log.stage(*stage).is_some() {
            continue;
        }
        let of_donor = MetricsLog::open(&donor.metrics())?;
        let Some(record) = of_donor.stage(*stage) else { continue };
        for (from, to) in files(*stage, donor).iter().zip(files(*stage, run)) {
            link(from, &to)?;
        }
        // The record of the stage comes last: without it, this is repeated.
        log.rewind(*stage, 0)?;
        for epoch in of_donor.epochs(*stage) {
            log.append(Record::Epoch(epoch.clone()))?;
        }
        log.append(Record::Stage(record.clone()))?;
        taken.insert(*stage, name.clone());
    }
    Ok(taken)
}

/// The files of a stage. Not every run has all of them.
fn files(stage: Stage, run: &RunFolder) -> Vec<PathBuf> {
    let checkpoints = |network: Network| [run.best_checkpoint(network), run.last_checkpoint(network)];
    match stage {
        Stage::Autoencode => checkpoints(Network::Autoencoder).to_vec(),
        Stage::Encode => vec![run.latents(), run.test_latents()],
        Stage::Decoder => checkpoints(Network::Decoder).to_vec(),
        Stage::Flow => [[run.coordinates()].as_slice(), &checkpoints(Network::Flow)].concat(),
        Stage::Label => vec![run.coordinates(), run.pairs(), run.test_pairs()],
        Stage::Baselines => checkpoints(Network::Vae).to_vec(),
        _ => Vec::new(),
    }
}

/// The name of a link until it replaces a file: a temporary one, which is removed if the process ends in between.
const TEMPORARY: &str = ".gtn-link.part";

/// Replaces a file by a link to another one, or by a copy where that is impossible. Does nothing if that file is missing.
fn link(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return Ok(());
    }
    let temporary = to.with_file_name(TEMPORARY);
    let _ = std::fs::remove_file(&temporary);
    let linked = std::fs::hard_link(from, &temporary).and_then(|()| std::fs::rename(&temporary, to));
    // If both are the same file already, renaming keeps both names.
    let _ = std::fs::remove_file(&temporary);
    if linked.is_ok() {
        return Ok(());
    }
    let mut source = std::fs::File::open(from).map_err(gtn_io::Error::io("read", from))?;
    Ok(atomic::write(to, Existing::Replace, |out| std::io::copy(&mut source, out).map(|_| ()))?)
}

#[cfg(test)]
mod tests {
    use gtn_run::config::{Overrides, PairingMethod};
    use gtn_run::{StageRecord, Statistics};

    use super::super::example_epoch;
    use super::*;
    use crate::presets;

    fn epoch(stage: Stage, epoch: usize) -> Record {
        Record::Epoch(example_epoch(stage, epoch))
    }

    fn stage(stage: Stage) -> Record {
        Record::Stage(StageRecord { stage, seconds: 1.0, statistics: Statistics::new() })
    }

    #[test]
    fn stages_are_shared_if_what_they_depend_on_is_equal() {
        let config = |overrides: Overrides| presets::resolve("mnist", &overrides).unwrap();
        let base = config(Overrides::default());
        let shared = |other: &Config| STAGES.map(|stage| are_shared(stage, &base, other));
        assert_eq!(
            shared(&config(Overrides { width: Some(7), learning_rate: Some(0.1), ..Overrides::default() })),
            [true; 6]
        );
        let by_flow = config(Overrides { pairing: Some(PairingMethod::Flow), ..Overrides::default() });
        assert_eq!(shared(&by_flow), [true, true, true, false, false, true]);
        let rate = config(Overrides { autoencoder_learning_rate: Some(0.1), ..Overrides::default() });
        assert_eq!(shared(&rate), [false; 6]);
        assert!(!are_shared(Stage::Fit, &base, &base));
    }

    #[test]
    fn results_of_completed_stages_are_taken_with_their_records() {
        let folder = tempfile::tempdir().unwrap();
        let [donor, run] = ["donor", "run"].map(|name| RunFolder::at(folder.path().join(name)));
        for path in
            [donor.best_checkpoint(Network::Autoencoder), run.latents(), donor.latents(), donor.pairs(), run.pairs()]
        {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        std::fs::create_dir_all(run.best_checkpoint(Network::H).parent().unwrap()).unwrap();
        std::fs::write(donor.best_checkpoint(Network::Autoencoder), "weights").unwrap();
        std::fs::write(donor.latents(), "latents").unwrap();
        let mut log = MetricsLog::open(&donor.metrics()).unwrap();
        for record in
            [epoch(Stage::Autoencode, 1), epoch(Stage::Autoencode, 2), stage(Stage::Autoencode), epoch(Stage::Fit, 1)]
        {
            log.append(record).unwrap();
        }
        let donors = STAGES.map(|stage| Donor { stage, name: "donor".to_owned(), run: donor.clone() });
        // A process that was killed left a part of the records, and weights of its own.
        std::fs::write(run.best_checkpoint(Network::Autoencoder), "its own").unwrap();
        MetricsLog::open(&run.metrics()).unwrap().append(epoch(Stage::Autoencode, 1)).unwrap();
        let taken = take(&run, &donors).unwrap();
        assert_eq!(taken, BTreeMap::from([(Stage::Autoencode, "donor".to_owned())]));
        assert_eq!(std::fs::read(run.best_checkpoint(Network::Autoencoder)).unwrap(), b"weights");
        assert!(!run.latents().exists());
        let log = MetricsLog::open(&run.metrics()).unwrap();
        assert_eq!(log.records(), [epoch(Stage::Autoencode, 1), epoch(Stage::Autoencode, 2), stage(Stage::Autoencode)]);
        let checkpoints = run.best_checkpoint(Network::Autoencoder);
        assert_eq!(std::fs::read_dir(checkpoints.parent().unwrap()).unwrap().count(), 1);
        link(&donor.best_checkpoint(Network::Autoencoder), &checkpoints).unwrap();
        assert_eq!(std::fs::read_dir(checkpoints.parent().unwrap()).unwrap().count(), 1);
        assert!(atomic::is_temporary(TEMPORARY));
        // A second time, there is nothing to take. Replacing the file of one run keeps that of the other.
        assert!(take(&run, &donors).unwrap().is_empty());
        atomic::write_bytes(&run.best_checkpoint(Network::Autoencoder), b"other").unwrap();
        assert_eq!(std::fs::read(donor.best_checkpoint(Network::Autoencoder)).unwrap(), b"weights");
    }
}
