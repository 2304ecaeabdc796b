//! `gtn label`.

use std::path::PathBuf;

use clap::Args;
use gtn_label::{Precision, Strategy};

use super::named_values::by_name;

#[derive(Debug, Args)]
#[command(
    after_help = "PAIRS.npz contains three arrays: `matching` (u64, the target row of each source row), `order` \
(u64, the source rows in the order in which they were processed, by ascending norm) and \
`similarity` (f32, in the order of the source rows).

Examples:
  gtn label --source normals.npy --target latents.npy --out pairs.npz
  gtn label --source normals.npy --target latents.npy --out pairs.npz --stats"
)]
pub(crate) struct Label {
    /// Source vectors y, an f32 array (n, d) in a .npy, .npz or .safetensors file. Each is paired with its own target.
    #[arg(long, value_name = "Y.npy")]
    pub(crate) source: PathBuf,
    /// Target vectors x, an f32 array (m, d) with m >= n. FILE:NAME selects one array of a file that contains several.
    #[arg(long, value_name = "X.npy")]
    pub(crate) target: PathBuf,
    /// Output for the pairs.
    #[arg(long, value_name = "PAIRS.npz")]
    pub(crate) out: PathBuf,
    /// How to compute the matching; every strategy gives the same result.
    #[arg(long, value_parser = by_name::<Strategy>(strategies()), default_value_t)]
    pub(crate) strategy: Strategy,
    /// Precision in which cosine similarities are compared; the result depends on it.
    #[arg(long, value_parser = by_name::<Precision>(Precision::ALL.iter().map(|one| (one.name(), one.summary()))), default_value_t)]
    pub(crate) precision: Precision,
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

/// All strategies but the one that needs a proposer.
fn strategies() -> impl Iterator<Item = (&'static str, &'static str)> {
    Strategy::ALL.iter().filter(|&&one| one != Strategy::Proposed).map(|one| (one.name(), one.summary()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known() {
        let names: Vec<_> = strategies().map(|(name, _)| name).collect();
        assert_eq!(names.iter().map(|name| name.parse::<Strategy>().unwrap().name()).collect::<Vec<_>>(), names);
        assert_eq!(names.len() + 1, Strategy::ALL.len());
    }
}
