//! `gtn label`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(
    after_help = "PAIRS.npz holds three arrays: `matching` (u64, the target row of each source row), `order` (u64, the
source rows as they were served, by ascending norm) and `similarity` (f32, in the order of the source rows).

Examples:
  gtn label --source normals.npy --target latents.npy --out pairs.npz
  gtn label --source normals.npy --target latents.npy --out pairs.npz --stats"
)]
pub(crate) struct Label {
    /// Source vectors y, (n, d) f32 in a .npy, .npz or .safetensors file: each takes a target of its own.
    #[arg(long, value_name = "Y.npy")]
    pub(crate) source: PathBuf,
    /// Target vectors x, (m, d) f32, m at least n. Where a file holds several arrays, FILE:NAME names one.
    #[arg(long, value_name = "X.npy")]
    pub(crate) target: PathBuf,
    /// Where to write the pairs.
    #[arg(long, value_name = "PAIRS.npz")]
    pub(crate) out: PathBuf,
    /// How to compute; the result is the same.
    #[arg(long, value_enum, default_value_t = StrategyName::Auto)]
    pub(crate) strategy: StrategyName,
    /// How fine the differences between cosines are that decide; the result depends on it.
    #[arg(long, value_enum, default_value_t = PrecisionName::Double)]
    pub(crate) precision: PrecisionName,
    /// Number of threads [default: one for each processor].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Tell on stderr how well the pairs fit: quantiles of the similarity along the order in which the source rows were
    /// served (it falls as the free rows thin out), and the rank correlation of the lengths |y| and |x_y|.
    #[arg(long)]
    pub(crate) stats: bool,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum StrategyName {
    /// The fastest for the shape.
    Auto,
    /// The algorithm as it is written, one score at a time.
    Reference,
    /// Scores in f32 of all rows propose, f64 decides.
    Blocked,
    /// Scores of rows rounded to 8 bits propose, f64 decides: for many columns, where the processor has AVX-512 VNNI.
    Narrow,
    /// A tree on the sphere proposes, f64 decides: for few columns.
    Tree,
    /// By sorting, for one column.
    Ordered,
    /// By angle, for two columns.
    Angular,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PrecisionName {
    /// Compared in f64: the algorithm as it is written.
    Double,
    /// Compared in f32: near-equal directions tie, and the norm decides.
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
            StrategyName::Blocked => gtn_label::Strategy::Blocked,
            StrategyName::Narrow => gtn_label::Strategy::Narrow,
            StrategyName::Tree => gtn_label::Strategy::Tree,
            StrategyName::Ordered => gtn_label::Strategy::Ordered,
            StrategyName::Angular => gtn_label::Strategy::Angular,
        }
    }
}
