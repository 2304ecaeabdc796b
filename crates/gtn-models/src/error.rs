use std::collections::BTreeMap;
use std::path::PathBuf;

use gtn_run::Network;
use ndarray::ArrayD;

use crate::InceptionOutput;

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A size or a setting is invalid.
    #[error("invalid {what} = {value}: {reason}")]
    Setting {
        /// Its name.
        what: &'static str,
        /// Its value.
        value: String,
        /// Why it is invalid.
        reason: &'static str,
    },
    /// A run whose autoencoder trains on, so that ĥ does not belong to it until it is trained again.
    #[error(
        "{} is being extended: its autoencoder trained on, and its ĥ does not belong to it yet; finish with `gtn fit {}`",
        run.display(),
        run.display()
    )]
    UnfinishedExtension {
        /// The run.
        run: PathBuf,
    },
    /// A tensor that the network needs is missing.
    #[error(
        "tensor `{name}` is missing: the weights belong to another network; use weights of a network of this shape"
    )]
    MissingWeight {
        /// Name of the tensor.
        name: String,
    },
    /// A tensor has another shape than the network needs.
    #[error(
        "tensor `{name}` has shape {found:?}, but the network needs {expected:?}: the weights belong to another network; \
         use weights of a network of this shape"
    )]
    WeightShape {
        /// Name of the tensor.
        name: String,
        /// The shape found.
        found: Vec<usize>,
        /// The shape needed.
        expected: Vec<usize>,
    },
    /// A tensor that is not part of the network.
    #[error("unexpected tensor `{name}`: the weights belong to another network; use weights of a network of this kind")]
    UnexpectedWeight {
        /// Name of the tensor.
        name: String,
    },
    /// Weights that lack what an output depends on.
    #[error(
        "the weights of InceptionV3 do not suffice for the output {output}: {} missing; use complete weights, or an earlier output",
        list(missing)
    )]
    PartialWeights {
        /// The output.
        output: InceptionOutput,
        /// Names of the missing tensors.
        missing: Vec<String>,
    },
    /// Images with a number of channels that InceptionV3 does not take.
    #[error(
        "expected images of shape (1 or 3, height, width), got ({}, {}, {}); pass gray or RGB images",
        found[0], found[1], found[2]
    )]
    Channels {
        /// Channels, height and width found.
        found: [usize; 3],
    },
    /// A tensor contains NaN or an infinity.
    #[error("`{name}` contains NaN or an infinity; use values from a training run that did not diverge")]
    NotFinite {
        /// Name of the tensor.
        name: String,
    },
    /// A tensor contains a value that is not above 0.
    #[error("`{name}` contains a value that is not above 0; pass positive values")]
    NotPositive {
        /// Name of the tensor.
        name: String,
    },
    /// A matrix has the wrong number of columns.
    #[error("wrong number of columns in {what}: {found} instead of {expected}; pass {expected} columns")]
    Columns {
        /// What the matrix is.
        what: &'static str,
        /// Number of columns found.
        found: usize,
        /// Number of columns needed.
        expected: usize,
    },
    /// A generator of vectors was asked for images.
    #[error("cannot decode to images: this generator has no decoder; use the vectors that it generates")]
    NoDecoder,
    /// A generator without a flow was asked for its steps or its reverse.
    #[error(
        "this generator has no flow: only pairs from a flow have one; train a run with `--pairing flow`, or use one pass of ĥ"
    )]
    NoFlow,
    /// A component that does not exist.
    #[error("no component {component}: the source has {}", count(*components))]
    NoComponent {
        /// The component, counted from 0.
        component: usize,
        /// Number of components.
        components: usize,
    },
    /// A generator without the weights of an encoder was asked for latents.
    #[error("cannot encode images: {reason}; load a run on images with its last checkpoints")]
    NoEncoder {
        /// Why there is no encoder.
        reason: String,
    },
    /// Images have another shape than those of the autoencoder.
    #[error(
        "expected images of shape ({}, {}, {}), got ({}, {}, {}); pass images of the size of the run",
        expected[0], expected[1], expected[2], found[0], found[1], found[2]
    )]
    ImageShape {
        /// Channels, height and width found.
        found: [usize; 3],
        /// Channels, height and width needed.
        expected: [usize; 3],
    },
    /// A batch of one sample has no variance that BatchNorm could normalize by.
    #[error("cannot train on a batch of one sample: BatchNorm needs at least two; use a larger batch size")]
    BatchOfOne,
    /// A GPU was requested, but this program cannot use one.
    #[error("no CUDA device: {reason}; use `--device cpu`, or `--device auto` to fall back to the CPU")]
    NoCuda {
        /// What is missing.
        reason: String,
        /// Whether the machine seems to have a GPU all the same.
        gpu_present: bool,
    },
    /// A run without trained weights.
    #[error(
        "{} has no trained {network} yet ({} is missing); complete the run with the command in its config.toml",
        run.display(),
        missing.display()
    )]
    NotTrained {
        /// The run.
        run: PathBuf,
        /// The network.
        network: Network,
        /// The missing file.
        missing: PathBuf,
    },
    /// A run on data that are not images.
    #[error("{} has no autoencoder, because its data are not images; pass a run on images", run.display())]
    NoAutoencoder {
        /// The run.
        run: PathBuf,
    },
    /// Weights that do not belong to the run's networks.
    #[error("{}: {reason}; the file belongs to another run: restore the original", path.display())]
    ForeignWeights {
        /// The file.
        path: PathBuf,
        /// What does not match.
        reason: String,
    },
    /// A file of weights.
    #[error(transparent)]
    File(#[from] gtn_io::Error),
    /// The folder of a run, or a file in it.
    #[error(transparent)]
    Run(#[from] gtn_run::Error),
    /// An error of Candle or of the device.
    #[error("{0}")]
    Device(#[from] candle_core::Error),
}

/// What components exist, in a sentence.
fn count(components: usize) -> String {
    match components {
        1 => "a single component, 0; leave the component out".to_owned(),
        n => format!("components 0 to {}; pass one of them", n - 1),
    }
}

/// Names in a sentence: at most three of them, and the number of the others.
fn list(names: &[String]) -> String {
    let shown = names.iter().take(3).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 | 1 => format!("{shown} is"),
        2 | 3 => format!("{shown} are"),
        n => format!("{shown} and {} others are", n - 3),
    }
}

/// Checks one value of a shape or of settings.
pub(crate) fn require(is_valid: bool, what: &'static str, value: impl ToString, reason: &'static str) -> Result<()> {
    if is_valid { Ok(()) } else { Err(Error::Setting { what, value: value.to_string(), reason }) }
}

/// Checks a number of columns.
pub(crate) fn require_columns(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::Columns { what, found, expected }) }
}

/// The array of this name, whose shape is checked.
pub(crate) fn require_array<'a>(
    arrays: &'a BTreeMap<String, ArrayD<f32>>,
    name: &str,
    expected: &[usize],
) -> Result<&'a ArrayD<f32>> {
    let array = arrays.get(name).ok_or_else(|| Error::MissingWeight { name: name.to_owned() })?;
    if array.shape() != expected {
        let (found, expected) = (array.shape().to_vec(), expected.to_vec());
        return Err(Error::WeightShape { name: name.to_owned(), found, expected });
    }
    Ok(array)
}

impl Error {
    /// Whether the user can fix it by calling the program differently, as opposed to a failure of the machine.
    #[must_use]
    pub fn is_user_error(&self) -> bool {
        match self {
            Error::Device(_) => false,
            Error::File(error) => error.is_user_error(),
            Error::Run(error) => error.is_user_error(),
            _ => true,
        }
    }
}
