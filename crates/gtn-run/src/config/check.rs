//! Whether the settings make sense.

use super::{Config, Data, Drawn, Pairing, Training};
use crate::{Error, Result};

/// More than any count needs to be, and little enough for products of two.
const MOST: usize = 1_000_000_000;
/// Weights of ĥ that memory still holds, with their gradients and moments: twice those of the paper's largest.
const MOST_WEIGHTS: u64 = 500_000_000;
/// Points of a law that memory still holds, with their pairs.
const MOST_POINTS: usize = 10_000_000;

impl Config {
    /// Checks that every setting makes sense.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] that names the first one that does not.
    pub fn check(&self) -> Result<()> {
        self.check_name()?;
        if i64::try_from(self.seed).is_err() {
            return refuse("seed", self.seed, "TOML holds whole numbers up to 2^63 - 1");
        }
        if !(1..=4096).contains(&self.dim) {
            return refuse("dim", self.dim, "the dimension must be from 1 to 4096");
        }
        if self.time_budget.is_some_and(|budget| !(1..=MOST as u64).contains(&budget)) {
            return refuse("time_budget", self.time_budget.unwrap_or(0), "must be from 1 second to a billion");
        }
        self.check_data()?;
        self.check_h()?;
        if let Some(autoencoder) = &self.autoencoder {
            check_training("autoencoder", &autoencoder.training)?;
        }
        check_training("h", &self.h.training)
    }

    /// The name becomes a folder's.
    fn check_name(&self) -> Result<()> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.experiment.is_empty() || self.experiment.len() > 100 || !self.experiment.chars().all(fits) {
            return refuse("experiment", &self.experiment, "must be a name of letters, digits, `-` and `_`");
        }
        Ok(())
    }

    fn check_data(&self) -> Result<()> {
        match &self.data {
            Data::Mnist(images) => {
                let share = images.train_share;
                if !(share > 0.0 && share < 1.0) {
                    return refuse("data.train_share", share, "must lie between 0 and 1, both excluded");
                }
            }
            // A filter is read by the data set that it is of.
            Data::Celeba(_) | Data::Hap(_) => {}
            Data::SwissRoll(drawn) => {
                check_drawn(drawn)?;
                if self.dim > 2 {
                    let reason = "the swiss roll is learned from 1 dimension (its angles) or 2 (its points)";
                    return refuse("dim", self.dim, reason);
                }
            }
            Data::Uniform(drawn) => {
                check_drawn(drawn)?;
                if self.dim != 2 {
                    return refuse("dim", self.dim, "the unit square has 2 dimensions");
                }
            }
        }
        if self.data.are_images() != self.autoencoder.is_some() {
            let set = if self.data.are_images() { "missing" } else { "given" };
            return refuse("autoencoder", set, "images need one, and other data go without");
        }
        if let Some(limit) = self.data.limit()
            && !(10..=MOST).contains(&limit)
        {
            let reason = "must be from 10, which are needed to train and validate, to a billion";
            return refuse("data.limit", limit, reason);
        }
        if self.label.pairing == Pairing::Sorted && self.dim != 1 {
            return refuse("label.pairing", "sorted", "only numbers can be sorted: it needs dim = 1");
        }
        Ok(())
    }

    fn check_h(&self) -> Result<()> {
        let h = &self.h;
        if !(1..=100_000).contains(&h.width) {
            return refuse("h.width", h.width, "a layer has from 1 to 100,000 units");
        }
        if h.hidden_layers > 10_000 {
            return refuse("h.hidden_layers", h.hidden_layers, "must be at most 10,000");
        }
        if h.batch_norm_layers > h.hidden_layers {
            let reason = format!("there are only {} hidden layers", h.hidden_layers);
            return refuse("h.batch_norm_layers", h.batch_norm_layers, &reason);
        }
        if !(-1e3..=1e3).contains(&h.slope) {
            return refuse("h.slope", h.slope, "must be from -1000 to 1000");
        }
        let (width, dim, layers) = (h.width as u64, self.dim as u64, h.hidden_layers as u64);
        let weights = 2 * width * dim + layers.saturating_sub(1) * width * width;
        if weights > MOST_WEIGHTS {
            let reason =
                format!("with h.width = {width} that makes {weights} weights, and {MOST_WEIGHTS} are the most");
            return refuse("h.hidden_layers", layers, &reason);
        }
        Ok(())
    }
}

fn check_drawn(drawn: &Drawn) -> Result<()> {
    for (key, points) in [("data.train", drawn.train), ("data.validation", drawn.validation)] {
        if !(2..=MOST_POINTS).contains(&points) {
            return refuse(key, points, "must be from 2 to ten million points");
        }
    }
    Ok(())
}

fn check_training(network: &str, training: &Training) -> Result<()> {
    let key = |name: &str| format!("{network}.training.{name}");
    for (name, value, least) in
        [("epochs", training.epochs, 1), ("patience", training.patience, 1), ("batch", training.batch, 2)]
    {
        if !(least..=MOST).contains(&value) {
            return refuse(&key(name), value, &format!("must be from {least} to a billion"));
        }
    }
    if !(training.learning_rate > 0.0 && training.learning_rate.is_finite()) {
        return refuse(&key("learning_rate"), training.learning_rate, "must be a finite number above 0");
    }
    if !(0.0..=1e3).contains(&training.l2) {
        return refuse(&key("l2"), training.l2, "must be from 0 to 1000");
    }
    Ok(())
}

fn refuse(key: &str, value: impl ToString, reason: &str) -> Result<()> {
    Err(Error::Setting { key: key.to_owned(), value: value.to_string(), reason: reason.to_owned() })
}
