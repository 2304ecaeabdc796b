//! `gtn sample`, `interpolate`, `encode` and `decode`: what a trained run is asked for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CacheDir, DataDir, OnDevice};

#[derive(Debug, Args)]
#[command(after_help = "What is written depends on the name given to --out:
  FILE.png   all samples in one picture
  FILE.npy   an array of f32: images (n, C, H, W) in [-1, 1], or vectors (n, d)
  FOLDER     one PNG for each sample

Runs without images make vectors in the units of their data: angles (n, 1) or points
(n, 2) for the swiss roll, points (n, 2) for the unit square.

Examples:
  gtn sample runs/swiss-roll-d1-seed1 -n 100000 --out angles.npy
  gtn sample runs/mnist-d5-seed1 -n 64 --seed 1 --out samples.png
  gtn sample runs/mnist-d5-seed1 -n 10000 --latent --out latents.npy
  gtn sample runs/mnist-d5-seed1 --source normals.npy --out samples/")]
pub(crate) struct Sample {
    /// Folder of the run.
    pub(crate) run: PathBuf,
    /// How many samples to draw.
    #[arg(short, value_name = "N", default_value_t = 64, conflicts_with = "source")]
    pub(crate) n: usize,
    /// Key of the normal vectors: the same seed gives the same samples.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "source")]
    pub(crate) seed: u64,
    /// Map these normal vectors, (n, d), instead of drawing some.
    #[arg(long, value_name = "Y.npy")]
    pub(crate) source: Option<PathBuf>,
    /// Where to write: a .png, a .npy, or a folder.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) out: PathBuf,
    /// Write latents instead of images.
    #[arg(long)]
    pub(crate) latent: bool,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

#[derive(Debug, Args)]
#[command(
    after_help = "What is written depends on the name given to --out, as for `gtn sample`: a picture with a row for each way
(.png), an array of all images one after the other (.npy), or a folder of pictures; also an animation of all ways at once
that goes forth and back without end (.gif). Runs without images make a .npy of vectors.

Then the largest step between neighbors over the mean step is told for each way: of latents and of pixels (Euclidean), among
what ĥ made. 1 is an even way. Where the way bends the number stays the same with more --steps, where it jumps it grows.

Examples:
  gtn interpolate weights/mnist-d5 --rows 8 --out ways.png
  gtn interpolate weights/mnist-d5 --rows 8 --steps 40 --path circle --out ways.gif
  gtn interpolate weights/mnist-d5 --steps 500 --rows 2 --out ways.npy --json
  gtn interpolate runs/mnist-d5-seed1 --real --path circle --out ways.png
  gtn interpolate runs/hap-d50-seed1 --real --from aspect=palmar --to aspect=palmar --out same.png
  gtn interpolate runs/hap-d50-seed1 --real --from aspect=palmar --to aspect=dorsal --out opposite.png"
)]
pub(crate) struct Interpolate {
    /// Folder of the run, or of weights.
    pub(crate) run: PathBuf,
    /// How many ways.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rows: u16,
    /// Samples on each way, the ends among them.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(2..))]
    pub(crate) steps: u16,
    /// Key of the ends: the same seed gives the same ways.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Between the normal vectors that Algorithm 1 gave two training images. The images as their latents decode stand at
    /// both ends of a row, beside what ĥ makes of those vectors; in a .gif they stand still beside it. Needs a run that was
    /// trained here: a folder of weights has no pairs.
    #[arg(long)]
    pub(crate) real: bool,
    /// What the image at the beginning of each way shows, as a filter of the data set: `Smiling=1,Male=-1` for CelebA,
    /// `aspect=palmar,aspect=right` for hands. Needs the data that the run was trained on.
    #[arg(long, value_name = "FILTER", requires = "real")]
    pub(crate) from: Option<String>,
    /// What the image at its end shows.
    #[arg(long, value_name = "FILTER", requires = "real")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) data: DataDir,
    #[command(flatten)]
    pub(crate) cache: CacheDir,
    /// The straight line, or the great circle: directions turn evenly, and norms go evenly from one to the other. Between
    /// opposite vectors, which have no one great circle, it is the line.
    #[arg(long, value_enum, default_value_t = PathName::Line)]
    pub(crate) path: PathName,
    /// Where to write: a .png, a .gif, a .npy, or a folder.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) out: PathBuf,
    /// Tell the steps as JSON, one object a line for each way.
    #[arg(long)]
    pub(crate) json: bool,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PathName {
    Line,
    Circle,
}

impl From<PathName> for gtn_models::Path {
    fn from(name: PathName) -> Self {
        match name {
            PathName::Line => gtn_models::Path::Line,
            PathName::Circle => gtn_models::Path::Circle,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  gtn encode runs/mnist-d5-seed1 --images digits/ --out latents.npy")]
pub(crate) struct Encode {
    /// Folder of the run, or of weights.
    pub(crate) run: PathBuf,
    /// A .png, a folder of them in the order of their names, or an array (n, C, H, W) of f32 in [-1, 1] (.npy, .npz,
    /// .safetensors).
    #[arg(long, value_name = "IMAGES")]
    pub(crate) images: PathBuf,
    /// Where to write the latents, (n, d).
    #[arg(long, value_name = "X.npy")]
    pub(crate) out: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  gtn decode runs/mnist-d5-seed1 --latents latents.npy --out digits.png")]
pub(crate) struct Decode {
    /// Folder of the run, or of weights.
    pub(crate) run: PathBuf,
    /// Latents, (n, d) f32 in a .npy, .npz or .safetensors file.
    #[arg(long, value_name = "X.npy")]
    pub(crate) latents: PathBuf,
    /// Where to write: a .png, a .npy, or a folder.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) out: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}
