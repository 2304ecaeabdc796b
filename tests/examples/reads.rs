//! How legible generated digits are: the fraction of images that a small classifier, trained on MNIST, recognizes with a
//! confidence above 0.9. It prints that fraction for real test images, decoded real latents, the samples of a run, and samples
//! of one Gaussian and of a mixture of 10 Gaussians that were fitted to the same latents.
//!
//!     cargo run --release -p gtn-tests --example reads -- RUN DATASETS

use std::path::Path;

use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use gtn_data::mnist::{self, LabeledImages};
use gtn_data::split::permutation;
use gtn_metrics::GaussianMixtureParams;
use gtn_models::{Generator, Streams, purpose, to_tensor};
use gtn_run::schema::{TensorKey, latents};
use gtn_run::{Artifact, RunFolder};
use ndarray::{Array2, Array4, Axis, Slice};
use rand::Rng;

type Error = Box<dyn std::error::Error>;

/// Number of samples.
const SAMPLES: usize = 10_000;
const CONFIDENT: f32 = 0.9;
const EPOCHS: usize = 6;
const BATCH_SIZE: usize = 128;

/// conv(16, k5 s2) ReLU conv(32, k5 s2) ReLU linear(10).
struct Classifier {
    weights: Vec<Var>,
}

impl Classifier {
    fn new(streams: &Streams) -> Result<Self, Error> {
        let shapes: [(&[usize], usize); 6] = [
            (&[16, 1, 5, 5], 25),
            (&[1, 16, 1, 1], 25),
            (&[32, 16, 5, 5], 400),
            (&[1, 32, 1, 1], 400),
            (&[512, 10], 512),
            (&[1, 10], 512),
        ];
        let weights = shapes.iter().enumerate().map(|(index, (shape, fan_in))| {
            let (mut rng, bound) = (streams.stream("classifier", index as u64), 1.0 / (*fan_in as f32).sqrt());
            let count: usize = shape.iter().product();
            let values = (0..count).map(|_| rng.random_range(-bound..bound)).collect::<Vec<f32>>();
            Ok(Var::from_vec(values, *shape, &Device::Cpu)?)
        });
        Ok(Self { weights: weights.collect::<Result<_, Error>>()? })
    }

    fn logits(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        let [conv1, bias1, conv2, bias2, linear, bias3] = self.weights.as_slice() else { unreachable!() };
        let x = images.conv2d(conv1, 0, 2, 1, 1)?.broadcast_add(bias1)?.relu()?; // 12×12
        let x = x.conv2d(conv2, 0, 2, 1, 1)?.broadcast_add(bias2)?.relu()?; // 4×4
        x.flatten_from(1)?.matmul(linear)?.broadcast_add(bias3)
    }

    fn train(&self, set: &LabeledImages, streams: &Streams) -> Result<(), Error> {
        let mut adam = AdamW::new(self.weights.clone(), ParamsAdamW { weight_decay: 0.0, ..Default::default() })?;
        for epoch in 0..EPOCHS {
            adam.set_learning_rate(1e-3 * 0.5_f64.powi(epoch as i32 / 2));
            let order = permutation(set.images.len(), streams.stream("classifier/order", epoch as u64));
            for rows in order.chunks(BATCH_SIZE) {
                let labels: Vec<u32> = rows.iter().map(|&row| u32::from(set.labels[row])).collect();
                let images = to_tensor(set.images.batch(rows).view(), &Device::Cpu)?;
                let labels = Tensor::from_vec(labels, rows.len(), &Device::Cpu)?;
                adam.backward_step(&candle_nn::loss::cross_entropy(&self.logits(&images)?, &labels)?)?;
            }
        }
        Ok(())
    }

    /// The digit that each image is recognized as, and the confidence.
    fn classify(&self, images: &Array4<f32>) -> Result<Vec<(u32, f32)>, Error> {
        let mut classified = Vec::new();
        for batch in images.axis_chunks_iter(Axis(0), 500) {
            let probabilities = candle_nn::ops::softmax(&self.logits(&to_tensor(batch, &Device::Cpu)?)?, D::Minus1)?;
            let digits = probabilities.argmax(D::Minus1)?.to_dtype(DType::U32)?.to_vec1::<u32>()?;
            classified.extend(digits.into_iter().zip(probabilities.max(D::Minus1)?.to_vec1::<f32>()?));
        }
        Ok(classified)
    }

    /// The fraction of images that are recognized with confidence.
    fn confident_fraction(&self, images: &Array4<f32>) -> Result<f64, Error> {
        let classified = self.classify(images)?;
        let confident = classified.iter().filter(|(_, confidence)| *confidence > CONFIDENT).count();
        Ok(confident as f64 / classified.len().max(1) as f64)
    }
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, datasets] = arguments.as_slice() else { return Err("pass a run and the folder of the data sets".into()) };
    let (run, datasets) = (RunFolder::at(run), Path::new(datasets));
    let streams = Streams::new(1);
    let classifier = Classifier::new(&streams)?;
    classifier.train(&mnist::train(datasets)?, &streams)?;

    let test = mnist::test(datasets)?;
    let real = test.images.batch(&(0..test.images.len()).collect::<Vec<_>>());
    let classified = classifier.classify(&real)?;
    let is_correct = |((digit, _), label): &(&(u32, f32), &u8)| *digit == u32::from(**label);
    let correct = classified.iter().zip(&test.labels).filter(is_correct).count();
    let percent = 100.0 * correct as f64 / classified.len() as f64;
    println!("the classifier recognizes {percent:.2}% of the real test images correctly");
    println!("fraction recognized with a confidence above {CONFIDENT}:");
    println!("  real test images         {:.3}", classifier.confident_fraction(&real)?);

    let generator = Generator::load(run.root())?;
    let artifact = Artifact::read(&run.latents())?;
    let matrix = |key: &TensorKey<f32>| -> Result<Array2<f32>, Error> {
        Ok(artifact.tensor(key)?.clone().into_dimensionality()?)
    };
    let (train, mut validation) = (matrix(&latents::TRAIN)?, matrix(&latents::VALIDATION)?);
    let count = SAMPLES.min(validation.nrows());
    validation.slice_axis_inplace(Axis(0), Slice::from(..count));
    let fraction = |latents: &Array2<f32>| classifier.confident_fraction(&generator.decode(latents.view())?);
    let decoded = fraction(&validation)?;
    println!("  decoded real latents     {decoded:.3}");
    let gtn = fraction(&generator.sample_latents(SAMPLES, &mut streams.stream(purpose::SAMPLE, 0))?)?;
    println!("  GTN                      {gtn:.3} ({:.3} of that of the decoded real ones)", gtn / decoded);
    let gaussian = gtn_metrics::Gaussian::fit(train.view())?;
    println!(
        "  one Gaussian             {:.3}",
        fraction(&gaussian.sample(SAMPLES, &mut streams.stream("gaussian", 0)))?
    );
    let mixture = gtn_metrics::GaussianMixture::fit(
        train.view(),
        GaussianMixtureParams::new(10),
        &mut streams.stream("mixture", 0),
    )?;
    println!(
        "  mixture of 10 Gaussians  {:.3}",
        fraction(&mixture.sample(SAMPLES, &mut streams.stream("mixture/sample", 0)))?
    );
    Ok(())
}
