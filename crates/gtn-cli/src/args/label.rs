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
  gtn label --source normals.npy --target latents.npy --out pairs.npz --stats
  gtn label --source normals.npy --target latents.npy --out pairs.npz --out-of-core --memory 8GB
  mpirun -n 8 gtn label --source normals.npy --target latents.npy --out pairs.npz"
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
    /// Leave the target rows on disk, and read them part by part: for more rows than memory holds, in .npy or .safetensors files.
    #[arg(long)]
    pub(crate) out_of_core: bool,
    /// Memory for target rows with --out-of-core, as in `500MB` or `8GB` [default: half of what is free].
    #[arg(long, value_name = "SIZE", value_parser = bytes, requires = "out_of_core")]
    pub(crate) memory: Option<u64>,
    /// Print statistics of the pairs to stderr: quantiles of the similarity in the order in which the source rows were
    /// processed (it falls as free target rows become rare), and the rank correlation of the norms |y| and |x_y|.
    #[arg(long)]
    pub(crate) stats: bool,
    /// Overwrite existing output.
    #[arg(long)]
    pub(crate) force: bool,
}

/// A number of bytes, as in `500MB`.
fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 4] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("B", 1)];
    let unit = UNITS.iter().find_map(|&(name, factor)| Some((text.trim().strip_suffix(name)?, factor)));
    let size = unit.and_then(|(number, factor)| {
        let number = number.trim().parse::<f64>().ok().filter(|number| (0.0..1e9).contains(number))?;
        Some((number * factor as f64) as u64)
    });
    size.filter(|&size| size > 0).ok_or_else(|| "use a size such as `500MB` or `8GB`".to_owned())
}

/// All strategies but the one that needs a proposer.
fn strategies() -> impl Iterator<Item = (&'static str, &'static str)> {
    Strategy::ALL.iter().filter(|&&one| one != Strategy::Proposed).map(|one| (one.name(), one.summary()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(["8GB", "1.5 MB", "20kB", " 7B"].map(bytes), [8_000_000_000, 1_500_000, 20_000, 7].map(Ok));
        assert!(["8", "GB", "-1MB", "0B", "1TB", "nanMB", "1e99GB"].into_iter().all(|text| bytes(text).is_err()));
    }

    #[test]
    fn every_name_is_known() {
        let names: Vec<_> = strategies().map(|(name, _)| name).collect();
        assert_eq!(names.iter().map(|name| name.parse::<Strategy>().unwrap().name()).collect::<Vec<_>>(), names);
        assert_eq!(names.len() + 1, Strategy::ALL.len());
    }
}
