//! Validation of settings.

use super::{Config, Data, ImageSource, PairingMethod, PointSource, Synthetic, Training};
use crate::{Error, Result};

/// Larger than any sensible count, and small enough that the product of two does not overflow.
const MAX_COUNT: usize = 1_000_000_000;
/// Weights of ĥ that fit into memory with their gradients and moments: about twice those of the paper's largest network.
const MAX_WEIGHTS: u64 = 500_000_000;
/// Points that fit into memory with their pairs.
const MAX_POINTS: usize = 10_000_000;

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for the first invalid one.
    pub fn check(&self) -> Result<()> {
        self.check_name()?;
        if i64::try_from(self.seed).is_err() {
            return refuse("seed", self.seed, "must be less than 2^63, the limit of TOML");
        }
        if !(1..=4096).contains(&self.dim) {
            return refuse("dim", self.dim, "must be from 1 to 4096");
        }
        if self.time_budget.is_some_and(|budget| !(1..=MAX_COUNT as u64).contains(&budget)) {
            return refuse("time_budget", self.time_budget.unwrap_or(0), "must be from 1 to 1,000,000,000 seconds");
        }
        self.check_data()?;
        self.check_h()?;
        if let Some(autoencoder) = &self.autoencoder {
            check_training("autoencoder", &autoencoder.training)?;
        }
        check_training("h", &self.h.training)
    }

    /// The name becomes part of a folder name.
    fn check_name(&self) -> Result<()> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.experiment.is_empty() || self.experiment.len() > 100 || !self.experiment.chars().all(fits) {
            return refuse("experiment", &self.experiment, "must be 1 to 100 letters, digits, `-` or `_`");
        }
        Ok(())
    }

    fn check_data(&self) -> Result<()> {
        match &self.data {
            Data::Images(ImageSource::Mnist(split)) => {
                let fraction = split.train_fraction;
                if !(fraction > 0.0 && fraction < 1.0) {
                    return refuse("data.train_fraction", fraction, "must be greater than 0 and less than 1");
                }
            }
            // The data set itself checks its filter.
            Data::Images(ImageSource::Celeba(_) | ImageSource::Hap(_)) => {}
            Data::Points(source) => {
                check_synthetic(source.synthetic())?;
                let (dims, reason) = match source {
                    PointSource::SwissRoll(_) => {
                        (1..=2, "the swiss roll has dimension 1 (its angles) or 2 (its points)")
                    }
                    PointSource::Uniform(_) => (2..=2, "the unit square has dimension 2"),
                };
                if !dims.contains(&self.dim) {
                    return refuse("dim", self.dim, reason);
                }
            }
        }
        if self.data.are_images() != self.autoencoder.is_some() {
            let set = if self.data.are_images() { "missing" } else { "set" };
            return refuse("autoencoder", set, "images need an autoencoder, and points cannot have one");
        }
        if let Some(limit) = self.data.limit()
            && !(10..=MAX_COUNT).contains(&limit)
        {
            let reason = "must be from 10 to 1,000,000,000; training and validation need at least 10 samples";
            return refuse("data.limit", limit, reason);
        }
        if self.pairing.method == PairingMethod::Sorted && self.dim != 1 {
            return refuse("pairing.method", "sorted", "sorting needs dim = 1; use \"greedy\"");
        }
        Ok(())
    }

    fn check_h(&self) -> Result<()> {
        let h = &self.h;
        if !(1..=100_000).contains(&h.width) {
            return refuse("h.width", h.width, "must be from 1 to 100,000 units");
        }
        if h.hidden_layers > 10_000 {
            return refuse("h.hidden_layers", h.hidden_layers, "must be at most 10,000");
        }
        if h.batch_norm_layers > h.hidden_layers {
            let reason = format!("must be at most h.hidden_layers = {}", h.hidden_layers);
            return refuse("h.batch_norm_layers", h.batch_norm_layers, &reason);
        }
        if !(-1e3..=1e3).contains(&h.negative_slope) {
            return refuse("h.negative_slope", h.negative_slope, "must be from -1000 to 1000");
        }
        let (width, dim, layers) = (h.width as u64, self.dim as u64, h.hidden_layers as u64);
        let weights = 2 * width * dim + layers.saturating_sub(1) * width * width;
        if weights > MAX_WEIGHTS {
            let reason = format!("with h.width = {width} that gives {weights} weights; the maximum is {MAX_WEIGHTS}");
            return refuse("h.hidden_layers", layers, &reason);
        }
        Ok(())
    }
}

fn check_synthetic(synthetic: &Synthetic) -> Result<()> {
    for (key, points) in [("data.train", synthetic.train), ("data.validation", synthetic.validation)] {
        if !(2..=MAX_POINTS).contains(&points) {
            return refuse(key, points, "must be from 2 to 10,000,000 points");
        }
    }
    Ok(())
}

fn check_training(network: &str, training: &Training) -> Result<()> {
    let key = |name: &str| format!("{network}.training.{name}");
    for (name, value, min) in
        [("epochs", training.epochs, 1), ("patience", training.patience, 1), ("batch_size", training.batch_size, 2)]
    {
        if !(min..=MAX_COUNT).contains(&value) {
            return refuse(&key(name), value, &format!("must be from {min} to 1,000,000,000"));
        }
    }
    if !(training.learning_rate > 0.0 && training.learning_rate.is_finite()) {
        return refuse(&key("learning_rate"), training.learning_rate, "must be a finite number greater than 0");
    }
    if !(0.0..=1e3).contains(&training.weight_decay) {
        return refuse(&key("weight_decay"), training.weight_decay, "must be from 0 to 1000");
    }
    Ok(())
}

fn refuse(key: &str, value: impl ToString, reason: &str) -> Result<()> {
    Err(Error::Setting { key: key.to_owned(), value: value.to_string(), reason: reason.to_owned() })
}
