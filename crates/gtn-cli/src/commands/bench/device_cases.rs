//! The cases of `gtn bench device`: training and sampling with the networks for CelebA, on any device.

use std::time::Instant;

use gtn_data::Images;
use gtn_data::split::SplitIndices;
use gtn_models::{Autoencoder, Device, Generator, H, Mlp, Mode, Streams, synchronize, to_tensor};
use gtn_run::config::Training;
use gtn_train::training::{EarlyStopping, Reconstruction, Regression, Trainer, TrainingTask};
use ndarray::{Array2, Array4, s};

use super::cases::{CELEBA, H_CELEBA, SAMPLES, SEED};
use crate::failure::Failure;

gtn_io::names! {
    /// A case of `gtn bench device`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum DeviceBenchCase: "benchmark case" {
        /// A training epoch of ĥ: 25 hidden layers of 1,200 units, d = 100, batch size 200.
        HEpoch => "h-epoch",
        /// A training epoch of the autoencoder: images of 3 × 64 × 64, d = 100, batch size 200.
        AutoencoderEpoch => "autoencoder-epoch",
        /// 1,000 images from normal vectors: ĥ, then the decoder. The images stay on the device.
        Samples => "samples",
        /// The same, with the images copied to the host.
        SamplesToHost => "samples-to-host",
    }
}

/// Takes the seconds of a measurement.
type Each<'a> = &'a mut dyn FnMut(f64) -> Result<(), Failure>;

const BATCH_SIZE: usize = 200;
/// Training rows of the warm-up, which loads kernels and allocates memory.
const WARM_UP_ROWS: usize = 10 * BATCH_SIZE;

impl DeviceBenchCase {
    /// Whether it is an epoch of training.
    pub(super) fn is_epoch(self) -> bool {
        matches!(self, DeviceBenchCase::HEpoch | DeviceBenchCase::AutoencoderEpoch)
    }

    /// Runs the case `repetitions` times after a warm-up, and calls `each` with the seconds until the device has finished. An
    /// epoch consists of `rows` training rows, and ends with a validation of two.
    pub(super) fn measure(
        self,
        device: &Device,
        rows: usize,
        repetitions: usize,
        each: Each<'_>,
    ) -> Result<(), Failure> {
        let rows = rows.max(2);
        match self {
            DeviceBenchCase::HEpoch => h_epochs(device, rows, repetitions, each),
            DeviceBenchCase::AutoencoderEpoch => autoencoder_epochs(device, rows, repetitions, each),
            DeviceBenchCase::Samples => samples(device, repetitions, each),
            DeviceBenchCase::SamplesToHost => samples_to_host(device, repetitions, each),
        }
    }
}

fn timed(
    device: &Device,
    repetitions: usize,
    mut run: impl FnMut() -> gtn_train::Result<()>,
    each: Each<'_>,
) -> Result<(), Failure> {
    for _ in 0..repetitions {
        let started = Instant::now();
        run()?;
        synchronize(device)?;
        each(started.elapsed().as_secs_f64())?;
    }
    Ok(())
}

/// Epochs of training after one of `warm_up`, which is not measured.
fn epochs<T: TrainingTask>(
    [warm_up, task]: [&T; 2],
    (learning_rate, weight_decay): (f64, f64),
    (device, repetitions): (&Device, usize),
    each: Each<'_>,
) -> Result<(), Failure> {
    let settings = Training { weight_decay, ..Training::new(usize::MAX, usize::MAX, BATCH_SIZE, learning_rate) };
    let trainer = |task| Trainer::new(task, &settings, EarlyStopping::new(&settings), Streams::new(SEED));
    trainer(warm_up)?.epoch(&mut ())?;
    synchronize(device)?;
    let mut trainer = trainer(task)?;
    timed(device, repetitions, || trainer.epoch(&mut ()).map(|_| ()), each)
}

fn h_epochs(device: &Device, rows: usize, repetitions: usize, each: Each<'_>) -> Result<(), Failure> {
    let streams = Streams::new(SEED);
    let h = H::new(&H_CELEBA.into(), &streams, device)?;
    let source = streams.normal("source", 0, rows, H_CELEBA.input);
    let target = streams.normal("target", 0, rows, H_CELEBA.output);
    let task = |rows: usize| {
        let pairs = |rows: usize| (source.slice(s![..rows, ..]), target.slice(s![..rows, ..]));
        Regression::new(&h, [pairs(rows), pairs(2)])
    };
    let tasks = [&task(WARM_UP_ROWS.min(rows))?, &task(rows)?];
    epochs(tasks, (5e-5, 0.0), (device, repetitions), each)
}

fn autoencoder_epochs(device: &Device, rows: usize, repetitions: usize, each: Each<'_>) -> Result<(), Failure> {
    let autoencoder = Autoencoder::new(&CELEBA, &Streams::new(SEED), device)?;
    // The values of the pixels do not change the time, as long as they are spread.
    let shape = (rows, CELEBA.channels, CELEBA.side, CELEBA.side);
    let pixels = Array4::from_shape_fn(shape, |(n, c, y, x)| (n * 31 + c * 77 + y * 5 + x * 13) as u8);
    let images = Images::from_pixels(pixels)?;
    let splits =
        [WARM_UP_ROWS.min(rows), rows].map(|rows| SplitIndices { train: (0..rows).collect(), validation: vec![0, 1] });
    let [warm_up, task] = splits.each_ref().map(|split| Reconstruction::new(&autoencoder, &images, split));
    epochs([&warm_up, &task], (1e-4, 1e-5), (device, repetitions), each)
}

fn networks(device: &Device) -> gtn_models::Result<(Mlp, Autoencoder)> {
    let streams = Streams::new(SEED);
    Ok((Mlp::new(&H_CELEBA, &streams, device)?, Autoencoder::new(&CELEBA, &streams, device)?))
}

/// The normal vectors of the samples.
fn source() -> Array2<f32> {
    Streams::new(SEED).normal("sample", 0, SAMPLES, H_CELEBA.input)
}

fn timed_after_warm_up(
    device: &Device,
    repetitions: usize,
    run: impl Fn() -> gtn_train::Result<()>,
    each: Each<'_>,
) -> Result<(), Failure> {
    run()?;
    synchronize(device)?;
    timed(device, repetitions, run, each)
}

fn samples(device: &Device, repetitions: usize, each: Each<'_>) -> Result<(), Failure> {
    let (h, autoencoder) = networks(device)?;
    let source = to_tensor(source().view(), device)?;
    let run = || {
        autoencoder.decoder().forward(&h.forward(&source, Mode::Evaluate)?)?;
        Ok(())
    };
    timed_after_warm_up(device, repetitions, run, each)
}

fn samples_to_host(device: &Device, repetitions: usize, each: Each<'_>) -> Result<(), Failure> {
    let (h, autoencoder) = networks(device)?;
    let generator = Generator::new(h, None, Some(autoencoder))?;
    let source = source();
    let run = || {
        generator.decode(generator.map(source.view())?.view())?;
        Ok(())
    };
    timed_after_warm_up(device, repetitions, run, each)
}
