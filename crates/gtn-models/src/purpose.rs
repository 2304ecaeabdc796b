//! The purposes of all random streams of the workspace: the first argument of [`Streams::stream`](crate::Streams::stream) and
//! [`Streams::normal`](crate::Streams::normal).
//!
//! **These strings are frozen data, whatever the words say.** A purpose is hashed, together with the seed and an index, into
//! the key of its stream. If a single letter of one changes, its stream changes, and with it initial weights, data splits,
//! shuffles, samples and metrics: old runs could no longer be resumed or reproduced, and published numbers would no longer
//! match. So a purpose keeps its string even if the word is outdated, and the constant has the modern name
//! ([`INTERPOLATION_ENDPOINTS`] is `"ways"`). To draw something new, add a purpose; never reuse or edit one. A test
//! (`tests/frozen.rs`) compares every string with its literal.
//!
//! Purposes that only benchmarks, `gtn doctor` and tests draw from are not listed here, since no stored result depends on them.
//!
//! ```
//! use gtn_models::{Streams, purpose};
//!
//! let streams = Streams::new(1);
//! let source = streams.normal(&purpose::source("train"), 0, 100, 2); // 100 normal vectors for the training targets
//! assert_eq!(source.dim(), (100, 2));
//! ```

// gtn-models

/// Initial values of the parameter of this name, such as `output.weight`. Index 0.
///
/// Names of parameters are therefore frozen as well.
#[must_use]
pub fn init(parameter: &str) -> String {
    format!("init/{parameter}")
}

/// Initial values of the parameter of this name of the network that `scope` names, in runs that train several networks of the
/// same architecture. Index 0.
#[must_use]
pub fn init_in(scope: &str, parameter: &str) -> String {
    format!("init/{scope}/{parameter}")
}

// gtn-train: data

/// Random split of a data set without an official one into training and validation data. Index 0.
pub const SPLIT: &str = "split";

/// Which images of such a data set are used if their number is limited. Index 0.
pub const LIMIT: &str = "limit";

/// Which images of the official test set are used if the number of images is limited. Index 0.
pub const LIMIT_TEST: &str = "limit/test";

/// Which training images of an official split are used if the number of images is limited. Index 0.
pub const LIMIT_TRAIN: &str = "limit/train";

/// Which validation images of an official split are used if the number of images is limited. Index 0.
pub const LIMIT_VALIDATION: &str = "limit/validation";

/// Synthetic points of this split, `train` or `validation`. Index 0.
#[must_use]
pub fn data(split: &str) -> String {
    format!("data/{split}")
}

// gtn-train: labels and training

/// Normal vectors that are paired with the targets of this split, `train`, `validation` or `test`. Index 0.
#[must_use]
pub fn source(split: &str) -> String {
    format!("source/{split}")
}

/// Order of the training samples of this network, `autoencoder` or `h`. The index is the epoch, counted from 1.
#[must_use]
pub fn shuffle(network: &str) -> String {
    format!("shuffle/{network}")
}

/// Normal vectors of the flow matching steps on this split, `train` or `validation`. The index is that of the batch:
/// epoch · 2³² + position.
#[must_use]
pub fn flow_noise(split: &str) -> String {
    format!("flow/noise/{split}")
}

/// Normal values that a decoder's training adds to latents. The index is that of the batch: epoch · 2³² + position.
pub const DECODER_NOISE: &str = "decoder/noise";

/// Times of the flow matching steps on this split. The index is that of the batch.
#[must_use]
pub fn flow_time(split: &str) -> String {
    format!("flow/time/{split}")
}

/// Normal vectors that are followed along a flow to further training targets. Index 0.
pub const FRESH_SOURCE: &str = "source/fresh";

/// The components of those. Index 0.
pub const FRESH_COMPONENT: &str = "component/fresh";

/// Expectation maximization that finds the components of a source. Index 0 is for the choice of their number, and for a given
/// number; 1 for a chosen number that is not the most likely one.
pub const COMPONENTS: &str = "components";

/// Normal vectors of the metric that chooses the best epoch of ĥ by its samples, on this split, `validation`. Index 0.
#[must_use]
pub fn sample_metric(split: &str) -> String {
    format!("sample-metric/{split}")
}

/// Components of those. Index 0.
pub const SAMPLE_METRIC_COMPONENT: &str = "sample-metric/component";

/// Directions of the projections of that metric. Index 0.
pub const SAMPLE_METRIC_DIRECTIONS: &str = "sample-metric/directions";

/// Normal vectors of the images whose Inception Score chooses the best epoch of ĥ. Index 0.
pub const INCEPTION_SCORE: &str = "inception-score";

/// Components of those. Index 0.
pub const INCEPTION_SCORE_COMPONENT: &str = "inception-score/component";

/// Components of the normal vectors of [`SHOWN`]. Index 0.
pub const SHOWN_COMPONENT: &str = "shown/component";

// gtn-train: samples and evaluation

/// Normal vectors that a [`Generator`](crate::Generator) maps to samples, in a run and in `gtn sample`. Index 0.
pub const SAMPLE: &str = "sample";
/// Bootstrap intervals of estimates of the intrinsic dimension.
pub const DIMENSION_BOOTSTRAP: &str = "dimension/bootstrap";

/// Normal vectors of the snapshots during training and of the points in the report. Index 0.
pub const SHOWN: &str = "shown";

/// Synthetic points that generated ones are compared with. Index 0 is the set in the report, 1 the set for the metrics, and 2
/// a second set for the noise floor.
pub const REAL: &str = "real";

/// Endpoints of the interpolations in the report: rows 2k and 2k + 1 are the endpoints of interpolation k. Index 0.
pub const INTERPOLATION_ENDPOINTS: &str = "ways";

/// Components of those interpolations. Index 0.
pub const INTERPOLATION_COMPONENTS: &str = "ways/component";

/// Draws of subsets for the energy distance. For points, index 0 is for generated points and 1 for the noise floor; for
/// latents the index is 1.
pub const ENERGY: &str = "energy";

/// Directions of the projections of the sliced Wasserstein distance. Index 0 is for points, 1 for latents, 2 for pixels.
pub const DIRECTIONS: &str = "directions";

/// Samples of a Gaussian fitted to the training targets, a baseline. Index 0.
pub const GAUSSIAN: &str = "gaussian";

/// Expectation maximization that fits a Gaussian mixture with a given number of components to the training targets. Index 0.
///
/// The baseline of a run drew from it while it had ten components. Now the number is chosen: [`MIXTURE_CHOICE`].
pub const MIXTURE: &str = "mixture";

/// Choice of the number of components of a Gaussian mixture, and its expectation maximization: a baseline. Index 0.
pub const MIXTURE_CHOICE: &str = "mixture/choice";

/// Samples of that Gaussian mixture. Index 0.
pub const MIXTURE_SAMPLE: &str = "mixture/sample";

/// Noise of the latents of a variational autoencoder, a baseline, in training. The index is that of the batch:
/// epoch · 2³² + position.
pub const VAE_NOISE: &str = "vae/noise";

/// The same in validation. The index is the position of the batch.
pub const VAE_VALIDATION_NOISE: &str = "vae/noise/validation";

/// Samples of that variational autoencoder. Index 0.
pub const VAE_SAMPLE: &str = "vae/sample";

/// Which training pairs of a run are drawn as endpoints of interpolations. Index 0.
pub const PAIRS: &str = "pairs";

/// Which training pairs are drawn among those whose images pass the first filter. Index 0.
pub const PAIRS_FROM: &str = "pairs/from";

/// Which training pairs are drawn among those whose images pass the second filter. Index 0.
pub const PAIRS_TO: &str = "pairs/to";

// gtn-cli

/// Components of the normal vectors of `gtn sample --source` that have none. Index 0.
pub const SAMPLE_COMPONENTS: &str = "sample/component";

/// Endpoints of the interpolations of `gtn interpolate`: rows 2k and 2k + 1 are the endpoints of interpolation k. Index 0.
pub const INTERPOLATE: &str = "interpolate";

/// Components of those. Index 0.
pub const INTERPOLATE_COMPONENTS: &str = "interpolate/component";

/// How `gtn evaluate` splits the real samples into two halves, one of them for the noise floor. Index 0.
pub const EVALUATE_SPLIT: &str = "evaluate/split";

/// Which generated samples `gtn evaluate` compares with the real ones. Index 0.
pub const EVALUATE_GENERATED: &str = "evaluate/generated";

/// Directions of the projections of the sliced Wasserstein distance in `gtn evaluate`. Index 0.
pub const EVALUATE_DIRECTIONS: &str = "evaluate/directions";

/// Subsets for the kernel distance in `gtn evaluate`. Index 0 is for all samples, 1 for the noise floor and for as many samples.
pub const EVALUATE_SUBSETS: &str = "evaluate/subsets";
