//! Validation of settings.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use super::{
    AutoencoderSettings, Components, Config, CoordinateSystem, Data, FidSettings, ImageSource, OfficialSplit,
    OwnImages, OwnLatents, PairingMethod, PointSource, RandomSplit, ReconstructionLoss, ReusedAutoencoder, Selection,
    Synthetic, Training,
};
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
        require(i64::try_from(self.seed).is_ok(), "seed", self.seed, "must be less than 2^63, the limit of TOML")?;
        require_in(1..=4096, "dim", self.dim, "must be from 1 to 4096")?;
        if let Some(budget) = self.time_budget {
            require_in(1..=MAX_COUNT as u64, "time_budget", budget, "must be from 1 to 1,000,000,000 seconds")?;
        }
        if let Some(extension) = self.extension {
            let reason = "must be from 1 to 1,000,000,000 seconds";
            require_in(1..=MAX_COUNT as u64, "extension", extension, reason)?;
            require(
                self.time_budget.is_some(),
                "extension",
                extension,
                "extends a time budget; set time_budget as well",
            )?;
        }
        self.check_data()?;
        self.check_pairing()?;
        self.check_h()?;
        if let Some(autoencoder) = &self.autoencoder {
            check_image_network("autoencoder", &autoencoder.loss, &autoencoder.training)?;
            if let Some(decoder) = &autoencoder.decoder {
                check_image_network("autoencoder.decoder", &decoder.loss, &decoder.training)?;
                let reason = "must be from 0 to 10 standard deviations";
                require_in(0.0..=10.0, "autoencoder.decoder.latent_noise", decoder.latent_noise, reason)?;
            }
        }
        if let Some(reused) = self.reused_autoencoder() {
            check_reused(reused)?;
            let is_described = reused.decoder.is_none() || self.decoder_training().is_some();
            let reason =
                "needs [autoencoder.decoder], which says how it was trained; pass --autoencoder RUN to set both";
            require(is_described, "autoencoder.reused.decoder", reused.decoder.as_deref().unwrap_or_default(), reason)?;
        }
        check_training("h", &self.h.training)?;
        self.check_inception()
    }

    fn check_inception(&self) -> Result<()> {
        let settings = self.inception.as_ref();
        let reason = "needs images; omit it for points";
        require(settings.is_none() || self.data.are_images(), "inception", "set", reason)?;
        if let Some(score) = settings.and_then(|settings| settings.score.as_ref()) {
            require_in(1..=1000, "inception.score.splits", score.splits, "must be from 1 to 1,000")?;
            let reason = format!("must be from inception.score.splits = {} to 100,000", score.splits);
            require_in(score.splits..=100_000, "inception.score.images", score.images, &reason)?;
            check_weights("inception.score.weights", score.weights.as_deref())?;
        }
        if let Some(fid) = settings.and_then(|settings| settings.fid.as_ref()) {
            let reason = "must be 64, 192, 768 or 2048";
            require(FidSettings::DIMS.contains(&fid.dims), "inception.fid.dims", fid.dims, reason)?;
            let images = fid.images.unwrap_or(2);
            require_in(2..=MAX_COUNT, "inception.fid.images", images, "must be from 2 to 1,000,000,000")?;
            check_weights("inception.fid.weights", fid.weights.as_deref())?;
        }
        let select = self.h.training.select;
        let has_weights = self.deciding_score().is_some_and(|score| score.weights.is_some());
        let reason = "needs [inception.score] with the weights of its network; choose validation-loss";
        require(select != Selection::InceptionScore || has_weights, "h.training.select", select, reason)
    }

    fn check_pairing(&self) -> Result<()> {
        let pairing = &self.pairing;
        let is_sorted = pairing.method == PairingMethod::Sorted;
        require(!is_sorted || self.dim == 1, "pairing.method", "sorted", "sorting needs dim = 1; use \"greedy\"")?;
        let reason = "sorting pairs the data themselves; leave components and coordinates out, or use \"flow\"";
        require(!is_sorted || pairing.is_plain(), "pairing.method", "sorted", reason)?;
        let by_cosine = pairing.method == PairingMethod::Greedy;
        let coordinates = pairing.coordinates();
        let reason = "is for pairs from a flow; use \"scaled\" or \"whitened\", or method = \"flow\"";
        let fits = !by_cosine || coordinates != CoordinateSystem::Covariance;
        require(fits, "pairing.coordinates", coordinates, reason)?;
        if let Components::Count(count) = pairing.components() {
            let reason = format!("must be from 1 to {}", Components::MAX);
            require_in(1..=Components::MAX, "pairing.components", count, &reason)?;
            let values = count as u64 * (self.dim as u64).pow(2);
            let reason =
                format!("with dim = {} their covariances have {values} values; the maximum is {MAX_WEIGHTS}", self.dim);
            require(count == 1 || values <= MAX_WEIGHTS, "pairing.components", count, &reason)?;
        }
        let flow = &pairing.flow;
        let key = |name: &str| format!("pairing.flow.{name}");
        check_residual("pairing.flow", flow.width, flow.blocks)?;
        for (name, value) in [("steps", flow.steps), ("epochs", flow.epochs.unwrap_or(1))] {
            require_in(1..=MAX_COUNT, &key(name), value, "must be from 1 to 1,000,000,000")?;
        }
        require_in(1..=10_000, &key("integration_steps"), flow.integration_steps, "must be from 1 to 10,000")?;
        require_in(0..=MAX_POINTS, &key("fresh_pairs"), flow.fresh_pairs, "must be from 0 to 10,000,000")?;
        require_in(2..=1_000_000, &key("batch_size"), flow.batch_size, "must be from 2 to 1,000,000")?;
        check_shards(&key, flow.shards)?;
        check_optimizer(&key, flow.learning_rate, flow.weight_decay, Some(flow.average))
    }

    /// The name becomes part of a folder name.
    fn check_name(&self) -> Result<()> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_name = (1..=100).contains(&self.experiment.len()) && self.experiment.chars().all(fits);
        require(is_name, "experiment", &self.experiment, "must be 1 to 100 letters, digits, `-` or `_`")
    }

    fn check_data(&self) -> Result<()> {
        match &self.data {
            Data::Images(source) => {
                // Data sets with an official split check their filters.
                if let &ImageSource::Mnist(RandomSplit { train_fraction, .. })
                | &ImageSource::Own(OwnImages { train_fraction, .. }) = source
                {
                    check_train_fraction(train_fraction)?;
                }
                if let &ImageSource::Own(OwnImages { side, .. }) = source {
                    let is_side = (4..=256).contains(&side) && side.is_multiple_of(4);
                    require(is_side, "data.side", side, "must be a multiple of 4, from 4 to 256")?;
                    let mut losses = self.autoencoder.iter().flat_map(AutoencoderSettings::losses);
                    let has_spectrum = losses.any(|loss| loss.spectrum > 0.0);
                    let reason =
                        "must be at least 16 for local spectra; set spectrum = 0 in the losses of [autoencoder]";
                    require(side >= 16 || !has_spectrum, "data.side", side, reason)?;
                }
                if let ImageSource::Own(OwnImages { max_unreadable: fraction, .. })
                | ImageSource::Celeba(OfficialSplit { max_unreadable: Some(fraction), .. })
                | ImageSource::Hap(OfficialSplit { max_unreadable: Some(fraction), .. }) = source
                {
                    require_in(0.0..=1.0, "data.max_unreadable", *fraction, "must be a fraction from 0 to 1")?;
                }
            }
            Data::Points(source) => {
                check_synthetic(source.synthetic())?;
                let (dims, reason) = match source {
                    PointSource::SwissRoll(_) => {
                        (1..=2, "the swiss roll has dimension 1 (its angles) or 2 (its points)")
                    }
                    PointSource::Uniform(_) => (2..=2, "the unit square has dimension 2"),
                    PointSource::DisjointUniform(_) => (2..=2, "the two squares have dimension 2"),
                };
                require(dims.contains(&self.dim), "dim", self.dim, reason)?;
            }
            &Data::Latents(OwnLatents { train_fraction, .. }) => check_train_fraction(train_fraction)?,
        }
        check_classes(&self.data.classes())?;
        let (images, set) = (self.data.are_images(), if self.data.are_images() { "missing" } else { "set" });
        let reason = "images need an autoencoder, and points cannot have one";
        require(images == self.autoencoder.is_some(), "autoencoder", set, reason)?;
        let reason = "needs images; omit it for points";
        require(images || self.baselines.is_empty(), "baselines", "vae", reason)?;
        require(self.baselines.len() <= 1, "baselines", "vae, vae", "names a baseline twice; name it once")?;
        if let Some(limit) = self.data.limit() {
            let reason = "must be from 10 to 1,000,000,000; training and validation need at least 10 samples";
            require_in(10..=MAX_COUNT, "data.limit", limit, reason)?;
        }
        Ok(())
    }

    fn check_h(&self) -> Result<()> {
        let h = &self.h;
        require_in(1..=100_000, "h.width", h.width, "must be from 1 to 100,000 units")?;
        require(h.hidden_layers <= 10_000, "h.hidden_layers", h.hidden_layers, "must be at most 10,000")?;
        let reason = format!("must be at most h.hidden_layers = {}", h.hidden_layers);
        require(h.batch_norm_layers <= h.hidden_layers, "h.batch_norm_layers", h.batch_norm_layers, &reason)?;
        require_in(-1e3..=1e3, "h.negative_slope", h.negative_slope, "must be from -1000 to 1000")?;
        check_residual("h.residual", h.residual().width, h.residual().blocks)?;
        let reason = "must be 1, because BatchNorm needs complete batches; use a residual ĥ to divide them";
        require(h.training.shards == 1 || !h.has_batch_norm(), "h.training.shards", h.training.shards, reason)?;
        let (width, dim, layers) = (h.width as u64, self.dim as u64, h.hidden_layers as u64);
        let weights = 2 * width * dim + layers.saturating_sub(1) * width * width;
        let reason = format!("with h.width = {width} that gives {weights} weights; the maximum is {MAX_WEIGHTS}");
        require(weights <= MAX_WEIGHTS, "h.hidden_layers", layers, &reason)
    }
}

fn check_train_fraction(train_fraction: f64) -> Result<()> {
    let is_between = train_fraction > 0.0 && train_fraction < 1.0;
    require(is_between, "data.train_fraction", train_fraction, "must be greater than 0 and less than 1")
}

/// Each class has a name of its own.
fn check_classes(classes: &[String]) -> Result<()> {
    let reason = format!("are too many classes; at most {} can be distinguished", Components::MAX);
    require(classes.len() <= Components::MAX, "data.classes", classes.len(), &reason)?;
    let names: HashSet<&String> = classes.iter().collect();
    require(names.len() == classes.len(), "data.classes", classes.join(", "), "names a class twice; name it once")
}

fn check_synthetic(synthetic: &Synthetic) -> Result<()> {
    for (key, points) in [("data.train", synthetic.train), ("data.validation", synthetic.validation)] {
        require_in(2..=MAX_POINTS, key, points, "must be from 2 to 10,000,000 points")?;
    }
    Ok(())
}

fn check_reused(ReusedAutoencoder { weights, decoder, split_seed }: &ReusedAutoencoder) -> Result<()> {
    let reason = "must be one or two SHA-256 checksums, joined by `+`; pass --autoencoder RUN to set it";
    let checksums: Vec<&str> = weights.split('+').collect();
    let are_checksums = checksums.len() <= 2 && checksums.iter().all(|text| is_checksum(text));
    require(are_checksums, "autoencoder.reused.weights", weights, reason)?;
    let reason = "must be a SHA-256 checksum; pass --autoencoder RUN to set it";
    let is_valid = decoder.as_deref().is_none_or(is_checksum);
    require(is_valid, "autoencoder.reused.decoder", decoder.as_deref().unwrap_or_default(), reason)?;
    let reason = "must be less than 2^63, the limit of TOML";
    require(i64::try_from(*split_seed).is_ok(), "autoencoder.reused.split_seed", split_seed, reason)
}

fn check_weights(key: &str, weights: Option<&str>) -> Result<()> {
    let reason = "must be a SHA-256 checksum; leave it out, and `gtn reproduce` sets it";
    require(weights.is_none_or(is_checksum), key, weights.unwrap_or_default(), reason)
}

fn is_checksum(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit())
}

fn check_image_network(network: &str, loss: &ReconstructionLoss, training: &Training) -> Result<()> {
    check_training(network, training)?;
    require_in(0.0..=1000.0, &format!("{network}.loss.spectrum"), loss.spectrum, "must be from 0 to 1000")?;
    let (key, reason) =
        (format!("{network}.training.select"), "must be validation-loss: only ĥ draws samples that could be measured");
    require(training.select == Selection::ValidationLoss, &key, training.select, reason)
}

fn check_training(network: &str, training: &Training) -> Result<()> {
    let key = |name: &str| format!("{network}.training.{name}");
    for (name, value, min) in
        [("epochs", training.epochs, 1), ("patience", training.patience, 1), ("batch_size", training.batch_size, 2)]
    {
        require_in(min..=MAX_COUNT, &key(name), value, &format!("must be from {min} to 1,000,000,000"))?;
    }
    check_shards(&key, training.shards)?;
    check_optimizer(&key, training.learning_rate, training.weight_decay, training.average)
}

fn check_shards(key: &dyn Fn(&str) -> String, shards: usize) -> Result<()> {
    require_in(1..=1024, &key("shards"), shards, "must be from 1 to 1024")
}

fn check_optimizer(key: &dyn Fn(&str) -> String, rate: f64, weight_decay: f64, average: Option<f64>) -> Result<()> {
    let is_positive = rate > 0.0 && rate.is_finite();
    require(is_positive, &key("learning_rate"), rate, "must be a finite number greater than 0")?;
    require_in(0.0..=1e3, &key("weight_decay"), weight_decay, "must be from 0 to 1000")?;
    let decay = average.unwrap_or(0.0);
    require((0.0..1.0).contains(&decay), &key("average"), decay, "must be at least 0 and less than 1")
}

fn check_residual(table: &str, width: usize, blocks: usize) -> Result<()> {
    require_in(1..=20_000, &format!("{table}.width"), width, "must be from 1 to 20,000 units")?;
    require_in(1..=1000, &format!("{table}.blocks"), blocks, "must be from 1 to 1000")?;
    let weights = 2 * (width as u64).pow(2) * blocks as u64;
    let reason = format!("with width = {width} that gives {weights} weights; the maximum is {MAX_WEIGHTS}");
    require(weights <= MAX_WEIGHTS, &format!("{table}.blocks"), blocks, &reason)
}

/// Refuses a setting outside its range.
fn require_in<T: PartialOrd + ToString>(range: RangeInclusive<T>, key: &str, value: T, reason: &str) -> Result<()> {
    require(range.contains(&value), key, value, reason)
}

/// Refuses a setting unless it is valid.
fn require(is_valid: bool, key: &str, value: impl ToString, reason: &str) -> Result<()> {
    let invalid = || Error::Setting { key: key.to_owned(), value: value.to_string(), reason: reason.to_owned() };
    if is_valid { Ok(()) } else { Err(invalid()) }
}
