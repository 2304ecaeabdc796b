//! What `gtn bench device` times: training and sampling at CelebA's full size, on any device.

use std::time::Instant;

use gtn_data::Images;
use gtn_data::split::permutation;
use gtn_models::{
    Adam, AdamSettings, Autoencoder, Device, Generator, Mlp, Mode, Parameters, Streams, Tensor, mean_squared_error,
    synchronize, tensor_of,
};
use ndarray::Array4;
use rand::RngCore;

use super::{CELEBA, H_CELEBA, SAMPLES, SEED};
use crate::losses::Losses;
use crate::resident::Resident;
use crate::trainer::batches;
use crate::{Error, Result};

/// A piece of work at CelebA's full size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceWork {
    /// An epoch of ĥ: 25 hidden layers of 1,200, d = 100, batch 200.
    HEpoch,
    /// An epoch of the autoencoder: 3 × 64 × 64, d = 100, batch 200.
    AutoencoderEpoch,
    /// 1,000 images from normal vectors: ĥ, then the decoder. They stay on the device.
    Samples,
    /// The same, and the images are brought to the host.
    SamplesToHost,
}

impl DeviceWork {
    /// All of it.
    pub const ALL: [DeviceWork; 4] =
        [DeviceWork::HEpoch, DeviceWork::AutoencoderEpoch, DeviceWork::Samples, DeviceWork::SamplesToHost];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DeviceWork::HEpoch => "h-epoch",
            DeviceWork::AutoencoderEpoch => "autoencoder-epoch",
            DeviceWork::Samples => "samples",
            DeviceWork::SamplesToHost => "samples-to-host",
        }
    }

    /// Whether it goes through training rows.
    #[must_use]
    pub fn is_epoch(self) -> bool {
        matches!(self, DeviceWork::HEpoch | DeviceWork::AutoencoderEpoch)
    }
}

/// A piece of work on a device, warmed up.
pub struct DeviceBench {
    device: Device,
    work: Box<dyn FnMut(usize) -> Result<()>>,
    rows: usize,
}

impl std::fmt::Debug for DeviceBench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceBench")
    }
}

const BATCH: usize = 200;
/// Rows that warm a device up: kernels are loaded, and memory is there.
const WARM: usize = 10 * BATCH;

impl DeviceBench {
    /// Prepares a piece of work. Epochs go through `rows` training rows.
    ///
    /// # Errors
    ///
    /// [`Error::Models`](crate::Error::Models) if the device fails or has too little memory.
    pub fn new(work: DeviceWork, device: &Device, rows: usize) -> Result<Self> {
        let rows = rows.max(2);
        let work = match work {
            DeviceWork::HEpoch => h_epoch(device, rows)?,
            DeviceWork::AutoencoderEpoch => autoencoder_epoch(device, rows)?,
            DeviceWork::Samples => samples(device)?,
            DeviceWork::SamplesToHost => samples_to_host(device)?,
        };
        let mut bench = Self { device: device.clone(), work, rows };
        (bench.work)(WARM.min(rows))?;
        synchronize(device)?;
        Ok(bench)
    }

    /// Does it once; the seconds until the device has done all of it.
    ///
    /// # Errors
    ///
    /// What the device has against it.
    pub fn run(&mut self) -> Result<f64> {
        let begun = Instant::now();
        (self.work)(self.rows)?;
        synchronize(&self.device)?;
        Ok(begun.elapsed().as_secs_f64())
    }
}

type Work = Box<dyn FnMut(usize) -> Result<()>>;

/// An epoch over the first so many rows, in a new order each time, as training does it.
fn epoch(
    rows: usize,
    adam: &mut Adam,
    parameters: &Parameters,
    mut loss: impl FnMut(&[usize]) -> Result<Tensor>,
) -> Result<()> {
    let order = permutation(rows, Streams::new(SEED).stream("order", 0));
    let mut losses = Losses::of(parameters.device());
    for (step, batch) in batches(&order, BATCH, false).into_iter().enumerate() {
        let loss = loss(batch)?;
        losses.push(&loss, step, batch.len());
        if losses.are_due() {
            losses.read()?;
        }
        adam.minimize(parameters, &loss)?;
    }
    losses.read()?;
    Ok(())
}

fn places(batch: &[usize]) -> Vec<u32> {
    batch.iter().map(|&row| row as u32).collect()
}

fn h_epoch(device: &Device, rows: usize) -> Result<Work> {
    let streams = Streams::new(SEED);
    let h = Mlp::new(&H_CELEBA, &streams, device)?;
    let mut adam = Adam::new(h.parameters(), AdamSettings { learning_rate: 5e-5, ..AdamSettings::default() })?;
    let source = tensor_of(streams.normal("source", 0, rows, H_CELEBA.input).view(), device)?;
    let target = tensor_of(streams.normal("target", 0, rows, H_CELEBA.output).view(), device)?;
    Ok(Box::new(move |rows| {
        epoch(rows, &mut adam, h.parameters(), |batch| {
            let places = Tensor::new(places(batch), source.device()).map_err(gtn_models::Error::from)?;
            let pick = |tensor: &Tensor| tensor.index_select(&places, 0).map_err(gtn_models::Error::from);
            Ok(mean_squared_error(&h.forward(&pick(&source)?, Mode::Train)?, &pick(&target)?)?)
        })
    }))
}

fn autoencoder_epoch(device: &Device, rows: usize) -> Result<Work> {
    let shape = CELEBA.shape();
    let network = Autoencoder::new(&shape, &Streams::new(SEED), device)?;
    let settings = AdamSettings { learning_rate: 1e-4, l2: 1e-5, ..AdamSettings::default() };
    let mut adam = Adam::new(network.parameters(), settings)?;
    let mut pixels = Array4::zeros((rows, shape.channels, shape.side, shape.side));
    Streams::new(SEED).stream("pixels", 0).fill_bytes(pixels.as_slice_mut().unwrap_or_default());
    let images = Images::from_pixels(pixels).map_err(Error::from)?;
    let resident = Resident::new(&images, device);
    Ok(Box::new(move |rows| {
        epoch(rows, &mut adam, network.parameters(), |batch| {
            let images = match &resident {
                Some(resident) => resident.batch(&places(batch))?,
                None => tensor_of(images.batch(batch).view(), network.parameters().device())?,
            };
            Ok(mean_squared_error(&network.reconstruct(&images)?, &images)?)
        })
    }))
}

fn networks(device: &Device) -> Result<(Mlp, Autoencoder)> {
    let streams = Streams::new(SEED);
    Ok((Mlp::new(&H_CELEBA, &streams, device)?, Autoencoder::new(&CELEBA.shape(), &streams, device)?))
}

fn samples(device: &Device) -> Result<Work> {
    let (h, autoencoder) = networks(device)?;
    let source = tensor_of(Streams::new(SEED).normal("sample", 0, SAMPLES, H_CELEBA.input).view(), device)?;
    Ok(Box::new(move |_| {
        autoencoder.decoder().forward(&h.forward(&source, Mode::Evaluate)?)?;
        Ok(())
    }))
}

fn samples_to_host(device: &Device) -> Result<Work> {
    let (h, autoencoder) = networks(device)?;
    let generator = Generator::new(h, None, Some(autoencoder.decoder().clone()))?;
    let source = generator.source(SAMPLES, &Streams::new(SEED));
    Ok(Box::new(move |_| {
        generator.decode(generator.map(source.view())?.view())?;
        Ok(())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_goes_through_its_rows() {
        let mut seen = Vec::new();
        let h = Mlp::new(
            &gtn_models::MlpShape { input: 1, hidden_layers: 0, width: 1, output: 1, slope: 0.5, batch_norm_layers: 0 },
            &Streams::new(1),
            &Device::Cpu,
        )
        .unwrap();
        let mut adam = Adam::new(h.parameters(), AdamSettings::default()).unwrap();
        epoch(450, &mut adam, h.parameters(), |batch| {
            seen.extend_from_slice(batch);
            let x = tensor_of(ndarray::Array2::zeros((batch.len(), 1)).view(), &Device::Cpu)?;
            Ok(mean_squared_error(&h.forward(&x, Mode::Train)?, &x)?)
        })
        .unwrap();
        seen.sort_unstable();
        assert_eq!(seen, (0..450).collect::<Vec<_>>());
    }
}
