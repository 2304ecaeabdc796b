//! The cases of `gtn bench device`: training and sampling with the networks for CelebA, on any device.

use std::time::Instant;

use gtn_data::Images;
use gtn_data::split::permutation;
use gtn_models::{
    Adam, AdamSettings, Autoencoder, Device, Generator, Mlp, Mode, Parameters, Streams, Tensor, mean_squared_error,
    purpose, synchronize, to_tensor,
};
use ndarray::Array4;
use rand::RngCore;

use super::{CELEBA, H_CELEBA, SAMPLES, SEED};
use crate::device_images::DeviceImages;
use crate::losses::Losses;
use crate::trainer::batches;
use crate::{Error, Result};

/// A case of `gtn bench device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceBenchCase {
    /// A training epoch of ĥ: 25 hidden layers of 1,200 units, d = 100, batch size 200.
    HEpoch,
    /// A training epoch of the autoencoder: images of 3 × 64 × 64, d = 100, batch size 200.
    AutoencoderEpoch,
    /// 1,000 images from normal vectors: ĥ, then the decoder. The images stay on the device.
    Samples,
    /// The same, with the images copied to the host.
    SamplesToHost,
}

impl DeviceBenchCase {
    /// All cases.
    pub const ALL: [DeviceBenchCase; 4] = [
        DeviceBenchCase::HEpoch,
        DeviceBenchCase::AutoencoderEpoch,
        DeviceBenchCase::Samples,
        DeviceBenchCase::SamplesToHost,
    ];

    /// The name in the output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DeviceBenchCase::HEpoch => "h-epoch",
            DeviceBenchCase::AutoencoderEpoch => "autoencoder-epoch",
            DeviceBenchCase::Samples => "samples",
            DeviceBenchCase::SamplesToHost => "samples-to-host",
        }
    }

    /// Whether it is an epoch of training.
    #[must_use]
    pub fn is_epoch(self) -> bool {
        matches!(self, DeviceBenchCase::HEpoch | DeviceBenchCase::AutoencoderEpoch)
    }
}

/// A benchmark on a device, after a warm-up.
pub struct DeviceBench {
    device: Device,
    run: Run,
    rows: usize,
}

impl std::fmt::Debug for DeviceBench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceBench")
    }
}

const BATCH_SIZE: usize = 200;
/// Training rows of the warm-up, which loads kernels and allocates memory.
const WARM_UP_ROWS: usize = 10 * BATCH_SIZE;

/// Runs a benchmark once; an epoch consists of so many training rows.
type Run = Box<dyn FnMut(usize) -> Result<()>>;

impl DeviceBench {
    /// Prepares a benchmark. An epoch consists of `rows` training rows.
    ///
    /// # Errors
    ///
    /// [`Error::Models`](crate::Error::Models) if the device fails or has too little memory.
    pub fn new(case: DeviceBenchCase, device: &Device, rows: usize) -> Result<Self> {
        let rows = rows.max(2);
        let run = match case {
            DeviceBenchCase::HEpoch => h_epoch(device, rows)?,
            DeviceBenchCase::AutoencoderEpoch => autoencoder_epoch(device, rows)?,
            DeviceBenchCase::Samples => samples(device)?,
            DeviceBenchCase::SamplesToHost => samples_to_host(device)?,
        };
        let mut bench = Self { device: device.clone(), run, rows };
        (bench.run)(WARM_UP_ROWS.min(rows))?;
        synchronize(device)?;
        Ok(bench)
    }

    /// Runs it once, and returns the seconds until the device has finished.
    ///
    /// # Errors
    ///
    /// An error of the device.
    pub fn run(&mut self) -> Result<f64> {
        let started = Instant::now();
        (self.run)(self.rows)?;
        synchronize(&self.device)?;
        Ok(started.elapsed().as_secs_f64())
    }
}

/// An epoch over the first `rows` rows in random order, with the same steps as training.
fn epoch(
    rows: usize,
    adam: &mut Adam,
    parameters: &Parameters,
    mut loss: impl FnMut(&[usize]) -> Result<Tensor>,
) -> Result<()> {
    let order = permutation(rows, Streams::new(SEED).stream("order", 0));
    let mut losses = Losses::new(parameters.device());
    for (step, batch) in batches(&order, BATCH_SIZE, false).into_iter().enumerate() {
        let loss = loss(batch)?;
        losses.push(&loss, step, batch.len());
        if losses.are_due() {
            losses.read()?;
        }
        adam.backward_step(parameters, &loss)?;
    }
    losses.read()?;
    Ok(())
}

fn to_u32(batch: &[usize]) -> Vec<u32> {
    batch.iter().map(|&row| row as u32).collect()
}

fn h_epoch(device: &Device, rows: usize) -> Result<Run> {
    let streams = Streams::new(SEED);
    let h = Mlp::new(&H_CELEBA, &streams, device)?;
    let mut adam = Adam::new(h.parameters(), AdamSettings { learning_rate: 5e-5, ..AdamSettings::default() })?;
    let source = to_tensor(streams.normal("source", 0, rows, H_CELEBA.input).view(), device)?;
    let target = to_tensor(streams.normal("target", 0, rows, H_CELEBA.output).view(), device)?;
    Ok(Box::new(move |rows| {
        epoch(rows, &mut adam, h.parameters(), |batch| {
            let rows = Tensor::new(to_u32(batch), source.device()).map_err(gtn_models::Error::from)?;
            let select = |tensor: &Tensor| tensor.index_select(&rows, 0).map_err(gtn_models::Error::from);
            Ok(mean_squared_error(&h.forward(&select(&source)?, Mode::Train)?, &select(&target)?)?)
        })
    }))
}

fn autoencoder_epoch(device: &Device, rows: usize) -> Result<Run> {
    let shape = CELEBA;
    let network = Autoencoder::new(&shape, &Streams::new(SEED), device)?;
    let settings = AdamSettings { learning_rate: 1e-4, weight_decay: 1e-5, ..AdamSettings::default() };
    let mut adam = Adam::new(network.parameters(), settings)?;
    let mut pixels = Array4::zeros((rows, shape.channels, shape.side, shape.side));
    Streams::new(SEED).stream("pixels", 0).fill_bytes(pixels.as_slice_mut().unwrap_or_default());
    let images = Images::from_pixels(pixels).map_err(Error::from)?;
    let device_images = DeviceImages::new(&images, device);
    Ok(Box::new(move |rows| {
        epoch(rows, &mut adam, network.parameters(), |batch| {
            let images = match &device_images {
                Some(device_images) => device_images.batch(&to_u32(batch))?,
                None => to_tensor(images.batch(batch).view(), network.parameters().device())?,
            };
            Ok(mean_squared_error(&network.reconstruct(&images)?, &images)?)
        })
    }))
}

fn networks(device: &Device) -> Result<(Mlp, Autoencoder)> {
    let streams = Streams::new(SEED);
    Ok((Mlp::new(&H_CELEBA, &streams, device)?, Autoencoder::new(&CELEBA, &streams, device)?))
}

fn samples(device: &Device) -> Result<Run> {
    let (h, autoencoder) = networks(device)?;
    let source = to_tensor(Streams::new(SEED).normal("sample", 0, SAMPLES, H_CELEBA.input).view(), device)?;
    Ok(Box::new(move |_| {
        autoencoder.decoder().forward(&h.forward(&source, Mode::Evaluate)?)?;
        Ok(())
    }))
}

fn samples_to_host(device: &Device) -> Result<Run> {
    let (h, autoencoder) = networks(device)?;
    let generator = Generator::new(h, None, Some(autoencoder))?;
    let source = generator.sample_source(SAMPLES, &mut Streams::new(SEED).stream(purpose::SAMPLE, 0));
    Ok(Box::new(move |_| {
        generator.decode(generator.map(source.view())?.view())?;
        Ok(())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_uses_every_row_once() {
        let mut seen = Vec::new();
        let h = Mlp::new(
            &gtn_models::MlpShape {
                input: 1,
                hidden_layers: 0,
                width: 1,
                output: 1,
                negative_slope: 0.5,
                batch_norm_layers: 0,
            },
            &Streams::new(1),
            &Device::Cpu,
        )
        .unwrap();
        let mut adam = Adam::new(h.parameters(), AdamSettings::default()).unwrap();
        epoch(450, &mut adam, h.parameters(), |batch| {
            seen.extend_from_slice(batch);
            let x = to_tensor(ndarray::Array2::zeros((batch.len(), 1)).view(), &Device::Cpu)?;
            Ok(mean_squared_error(&h.forward(&x, Mode::Train)?, &x)?)
        })
        .unwrap();
        seen.sort_unstable();
        assert_eq!(seen, (0..450).collect::<Vec<_>>());
    }
}
