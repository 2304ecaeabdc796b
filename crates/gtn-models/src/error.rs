/// What can go wrong with a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A shape that no network has.
    #[error("{what} = {value}: {reason}")]
    Shape {
        /// The size in question.
        what: &'static str,
        /// Its value.
        value: usize,
        /// Why it is refused.
        reason: &'static str,
    },
    /// Weights that lack a tensor.
    #[error("the weights hold no tensor `{name}`; they belong to another network")]
    MissingWeight {
        /// Its name.
        name: String,
    },
    /// Weights of another network.
    #[error(
        "the tensor `{name}` has shape {found:?} and the network needs {expected:?}; it belongs to another network"
    )]
    WeightShape {
        /// Its name.
        name: String,
        /// The shape found.
        found: Vec<usize>,
        /// The shape needed.
        expected: Vec<usize>,
    },
    /// A weight that no training leaves behind.
    #[error("the tensor `{name}` holds NaN or an infinity")]
    NotFinite {
        /// Its name.
        name: String,
    },
    /// Rows that do not fit the network.
    #[error("{what} have {found} columns and the network takes {expected}")]
    Columns {
        /// What the rows are.
        what: &'static str,
        /// Columns found.
        found: usize,
        /// Columns needed.
        expected: usize,
    },
    /// Images asked of a generator of something else.
    #[error("this generator makes vectors, not images: it has no decoder")]
    NoDecoder,
    /// A batch of one sample has no variance to normalize by.
    #[error("a batch of one sample cannot be trained on: BatchNorm needs at least two")]
    BatchOfOne,
    /// Bytes that are no safetensors file of f32.
    #[error("not a safetensors file of f32 weights: {0}")]
    Safetensors(String),
    /// A GPU was asked for, and there is none that this program can use.
    #[error(
        "no CUDA device: {reason}; `--device cpu` takes the CPU, and so does `--device auto` where there is no GPU"
    )]
    NoCuda {
        /// What was looked for and not found.
        reason: String,
        /// Whether there seems to be a GPU all the same, which this program cannot use as it is.
        is_there: bool,
    },
    /// What Candle or the device said.
    #[error("{0}")]
    Device(#[from] candle_core::Error),
}
