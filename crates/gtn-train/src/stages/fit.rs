//! Trains ĥ on the pairs: y to x_y by mean squared error.

use gtn_models::{Mlp, Mode, NamedArrays, Parameters, Tensor, mean_squared_error, tensor_of};
use gtn_run::{Config, Stage};

use crate::Result;
use crate::generator::{CENTRE, H, mlp_shape};
use crate::pipeline::Context;
use crate::stages::encode::Latents;
use crate::stages::fingerprint;
use crate::stages::label::Pairs;
use crate::trainer::{Problem, train};

/// Pairs on the device.
struct Side {
    source: Tensor,
    target: Tensor,
}

struct Regression<'a> {
    h: &'a Mlp,
    train: Side,
    validation: Side,
}

impl Regression<'_> {
    fn loss(&self, side: &Side, samples: &[usize], mode: Mode) -> Result<Tensor> {
        let rows: Vec<u32> = samples.iter().map(|&sample| sample as u32).collect();
        let pick = |tensor: &Tensor| -> gtn_models::Result<Tensor> {
            let rows = Tensor::new(rows.as_slice(), tensor.device())?;
            Ok(tensor.index_select(&rows, 0)?)
        };
        let output = self.h.forward(&pick(&side.source)?, mode)?;
        Ok(mean_squared_error(&output, &pick(&side.target)?)?)
    }
}

impl Problem for Regression<'_> {
    fn network(&self) -> &'static str {
        H
    }

    fn stage(&self) -> Stage {
        Stage::Fit
    }

    fn parameters(&self) -> &Parameters {
        self.h.parameters()
    }

    fn training_samples(&self) -> usize {
        self.train.source.dims()[0]
    }

    fn validation_samples(&self) -> usize {
        self.validation.source.dims()[0]
    }

    fn training_loss(&self, samples: &[usize]) -> Result<Tensor> {
        self.loss(&self.train, samples, Mode::Train)
    }

    fn validation_loss(&self, samples: &[usize]) -> Result<Tensor> {
        self.loss(&self.validation, samples, Mode::Evaluate)
    }
}

pub(crate) fn run(config: &Config, latents: &Latents, pairs: &Pairs, context: &mut Context<'_>) -> Result<()> {
    let h = Mlp::new(&mlp_shape(config), &context.streams, &context.device)?;
    let made_from = fingerprint("fit", &(config.seed, &config.h), &[&latents.checksum, &pairs.checksum]);
    let side = |pairs: &crate::stages::label::Side, rows| -> Result<Side> {
        Ok(Side {
            source: tensor_of(pairs.source.view(), &context.device)?,
            target: tensor_of(pairs.targets(rows, &latents.centre).view(), &context.device)?,
        })
    };
    let problem = Regression {
        h: &h,
        train: side(&pairs.train, &latents.train)?,
        validation: side(&pairs.validation, &latents.validation)?,
    };
    let extras = NamedArrays::from([(CENTRE.to_owned(), latents.centre.clone().into_dyn())]);
    let epochs = train(&problem, &config.h.training, &made_from, &extras, context)?;
    context.update_provenance(|provenance| provenance.h_epochs = Some(epochs))
}
