//! The results of training, from which samples are drawn and measured.

use std::cell::OnceCell;

use gtn_models::{Device, Generator};
use gtn_run::{Config, RunFolder};

use crate::Result;
use crate::baselines::Baselines;
use crate::handoff::{Pairs, Source, Targets};
use crate::vae_baseline::VaeBaseline;

/// What sampling and evaluation start from.
#[derive(Clone, Copy)]
pub(crate) struct Results<'a> {
    pub(crate) config: &'a Config,
    pub(crate) source: &'a Source,
    pub(crate) targets: &'a Targets,
    pub(crate) pairs: &'a Pairs,
    pub(crate) trained: &'a Trained<'a>,
    /// Simpler generators of the same targets.
    pub(crate) baselines: &'a Baselines<'a>,
    /// The variational autoencoder, if it is a baseline of the run.
    pub(crate) vae: Option<&'a VaeBaseline>,
}

/// The trained networks, loaded when the first stage needs them.
pub(crate) struct Trained<'a> {
    run: &'a RunFolder,
    device: Device,
    /// Checksum of the weights of ĥ.
    pub(crate) h_checksum: String,
    /// Checksum of the weights that decode, if samples are images.
    pub(crate) decoder_checksum: Option<String>,
    generator: OnceCell<Generator>,
}

impl<'a> Trained<'a> {
    pub(crate) fn new(
        run: &'a RunFolder,
        device: &Device,
        h_checksum: String,
        decoder_checksum: Option<String>,
    ) -> Self {
        Self { run, device: device.clone(), h_checksum, decoder_checksum, generator: OnceCell::new() }
    }

    pub(crate) fn generator(&self) -> Result<&Generator> {
        if let Some(generator) = self.generator.get() {
            return Ok(generator);
        }
        let generator = Generator::load_on(self.run.root(), &self.device)?;
        Ok(self.generator.get_or_init(|| generator))
    }
}
