//! What only resuming needs, and a finished run does not.

use gtn_run::config::AutoencoderWeights;
use gtn_run::{Config, MetricsLog, Network, RunFolder, RunProgress};

use crate::Result;

/// Removes the last training states of a finished run: weights, moments of Adam and where training stood. The best weights stay, and so does
/// a state that something still needs: that of the autoencoder if it encodes, or if the run has a time budget, which can be extended. Returns
/// the number of bytes that were removed; an unfinished run keeps all.
///
/// # Errors
///
/// [`Error::Run`](crate::Error::Run) if the folder is not a run, or a file cannot be removed.
pub fn remove_training_states(run: &RunFolder) -> Result<u64> {
    let record = run.record()?;
    let log = MetricsLog::open(&run.metrics())?;
    if record.provenance.h_epochs.is_none() || RunProgress::new(&record.config, &log) != RunProgress::Done {
        return Ok(0);
    }
    let mut removed = 0;
    for network in [Network::Autoencoder, Network::Decoder, Network::Flow, Network::H, Network::Vae] {
        if network == Network::Autoencoder && needs_autoencoder_state(&record.config) {
            continue;
        }
        for path in [run.last_checkpoint(network), run.previous_checkpoint(network)] {
            let bytes = path.metadata().map_or(0, |metadata| metadata.len());
            match std::fs::remove_file(&path) {
                Ok(()) => removed += bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(gtn_run::Error::from(gtn_io::Error::io("remove", &path)(error)).into()),
            }
        }
    }
    match run.reference_run().record() {
        Ok(_) => Ok(removed + remove_training_states(&run.reference_run())?),
        Err(_) => Ok(removed),
    }
}

fn needs_autoencoder_state(config: &Config) -> bool {
    let encodes = |weights| weights == AutoencoderWeights::LastEncoderBestDecoder;
    config.time_budget.is_some() || config.autoencoder.as_ref().is_some_and(|autoencoder| encodes(autoencoder.weights))
}
