//! `gtn label`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "PAIRS.npz contains three arrays: `matching` (u64, the target row of each source row), `order`
(u64, the source rows in the order in which they were processed, by ascending norm) and
`similarity` (f32, in the order of the source rows).

Examples:
  gtn label --source normals.npy --target latents.npy --out pairs.npz
  gtn label --source normals.npy --target latents.npy --out pairs.npz --stats")]
pub(crate) struct Label {
    /// Source vectors y, an f32 array (n, d) in a .npy, .npz or .safetensors file. Each is paired with its own target.
    #[arg(long, value_name = "Y.npy")]
    pub(crate) source: PathBuf,
    /// Target vectors x, an f32 array (m, d) with m >= n. FILE:NAME selects an array of a file with several.
    #[arg(long, value_name = "X.npy")]
    pub(crate) target: PathBuf,
    /// Output for the pairs.
    #[arg(long, value_name = "PAIRS.npz")]
    pub(crate) out: PathBuf,
    /// How to compute the matching; every strategy gives the same result.
    #[arg(long, value_enum, default_value_t = StrategyName::Auto)]
    pub(crate) strategy: StrategyName,
    /// Precision in which cosine similarities are compared; the result depends on it.
    #[arg(long, value_enum, default_value_t = PrecisionName::Double)]
    pub(crate) precision: PrecisionName,
    /// Number of threads [default: one per processor].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Print statistics of the pairs to stderr: quantiles of the similarity in the order in which the source rows were
    /// processed (it falls as free target rows become rare), and the rank correlation of the norms |y| and |x_y|.
    #[arg(long)]
    pub(crate) stats: bool,
    /// Overwrite existing output.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum StrategyName {
    /// The fastest for the shape.
    Auto,
    /// The algorithm as published, one score at a time.
    Reference,
    /// All f32 scores propose candidates, f64 decides.
    Dense,
    /// 8-bit scores propose candidates, f64 decides; for many columns, needs AVX-512 VNNI.
    Int8,
    /// A tree on the sphere proposes candidates, f64 decides; for few columns.
    Tree,
    /// Sorting, for one column.
    Sorted,
    /// Sorting by angle, for two columns.
    Angular,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PrecisionName {
    /// f64: the algorithm as published.
    Double,
    /// f32: nearly equal directions tie, and the norm decides.
    Single,
}

impl From<PrecisionName> for gtn_label::Precision {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::Double => gtn_label::Precision::Double,
            PrecisionName::Single => gtn_label::Precision::Single,
        }
    }
}

impl From<StrategyName> for gtn_label::Strategy {
    fn from(name: StrategyName) -> Self {
        match name {
            StrategyName::Auto => gtn_label::Strategy::Auto,
            StrategyName::Reference => gtn_label::Strategy::Reference,
            StrategyName::Dense => gtn_label::Strategy::Dense,
            StrategyName::Int8 => gtn_label::Strategy::Int8,
            StrategyName::Tree => gtn_label::Strategy::Tree,
            StrategyName::Sorted => gtn_label::Strategy::Sorted,
            StrategyName::Angular => gtn_label::Strategy::Angular,
        }
    }
}
