//! `gtn sample`, `gtn interpolate`, `gtn encode` and `gtn decode`.

use std::path::PathBuf;

use clap::Args;
use gtn_models::Interpolation;

use super::device::OnDevice;
use super::folders::{CacheDir, DataDir};
use super::named_values::by_name;

#[derive(Debug, Args)]
#[command(after_help = "The name of --out decides the format:
  FILE.png   all samples in one image, as a grid
  FILE.npy   an f32 array: images (n, C, H, W) in [-1, 1], or vectors (n, d)
  FOLDER     one PNG file per sample

Runs on points produce vectors in the units of their data: angles (n, 1) or points (n, 2) for \
the swiss roll, points (n, 2) for the unit square.

Examples:
  gtn sample runs/swiss-roll-d1-seed1 -n 100000 --out angles.npy
  gtn sample runs/mnist-d5-seed1 -n 64 --seed 1 --out samples.png
  gtn sample runs/mnist-d5-seed1 -n 10000 --latent --out latents.npy
  gtn sample runs/mnist-d5-seed1 --source normals.npy --out samples/
  gtn sample runs/mnist-d5-seed1-flow -n 64 --temperature 0.8 --component 3 --out samples.png
  gtn sample runs/animals-d48-seed1 -n 64 --class cats --out cats.png
  gtn sample runs/mnist-d5-seed1-flow -n 64 --steps 24 --out by-the-flow.png
  gtn sample mnist.safetensors -n 64 --out samples.png      # from `gtn export` or `gtn import`")]
pub(crate) struct Sample {
    /// Run folder, weights folder, or model file.
    pub(crate) run: PathBuf,
    /// Number of samples.
    #[arg(short, value_name = "N", default_value_t = 64, conflicts_with = "source")]
    pub(crate) n: usize,
    /// Random seed; the same seed gives the same samples.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "source")]
    pub(crate) seed: u64,
    /// Map these normal vectors, (n, d), instead of random ones. For a run with several components, a column d + 1 may hold the
    /// component of each row; without it, components are drawn.
    #[arg(long, value_name = "Y.npy")]
    pub(crate) source: Option<PathBuf>,
    /// Factor of the normal vectors. Below 1, samples are closer to the center of the data: cleaner, and less varied.
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    pub(crate) temperature: f64,
    /// Draw all samples from this component of the source, counted from 0.
    #[arg(long, value_name = "K")]
    pub(crate) component: Option<usize>,
    /// Draw all samples from the component of this class: the name of a subfolder, or the label. Needs a run whose components are
    /// classes (`gtn fit` with subfolders or labels, or `--components labels`).
    #[arg(long, value_name = "NAME", conflicts_with = "component")]
    pub(crate) class: Option<String>,
    /// With 1, ĥ generates in one forward pass. With more, follow the flow that the run's pairs come from with this many steps of
    /// Heun's method: slower, and closer to the data where one pass is not exact. Needs a run with `--pairing flow`.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) steps: u16,
    /// Output: a .png, a .npy, or a folder.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) out: PathBuf,
    /// Write latents instead of images.
    #[arg(long)]
    pub(crate) latent: bool,
    /// Overwrite existing output.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

#[derive(Debug, Args)]
#[command(after_help = "The name of --out decides the format, as for `gtn sample`: an image with one row per \
interpolation (.png), an array of all images (.npy), a folder of PNG files, or an animation \
that loops back and forth (.gif). Runs on points produce a .npy of vectors.

For each interpolation, the command prints the largest distance between neighboring samples \
divided by the mean distance, for latents and for pixels (Euclidean). 1 means evenly spaced. \
With more --steps the ratio stays the same where the path bends, and grows where it jumps.

Examples:
  gtn interpolate weights/mnist-d5 --rows 8 --out interpolations.png
  gtn interpolate weights/mnist-d5 --rows 8 --steps 40 --interpolation spherical --out interpolations.gif
  gtn interpolate weights/mnist-d5 --steps 500 --rows 2 --out interpolations.npy --json
  gtn interpolate runs/mnist-d5-seed1 --real --interpolation spherical --out real.png
  gtn interpolate runs/celeba-d100-seed1-flow --images a.jpg b.jpg --out between.gif
  gtn interpolate runs/hap-d50-seed1 --real --from aspect=palmar --to aspect=palmar --out same.png
  gtn interpolate runs/hap-d50-seed1 --real --from aspect=palmar --to aspect=dorsal --out opposite.png")]
pub(crate) struct Interpolate {
    /// Run folder, weights folder, or model file.
    pub(crate) run: PathBuf,
    /// Number of interpolations.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rows: u16,
    /// Samples in each interpolation, including both ends.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(2..))]
    pub(crate) steps: u16,
    /// Random seed; the same seed gives the same endpoints.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Interpolate between the normal vectors of two training images. The decoded training images are shown at both ends of a
    /// row, or beside the animation. Needs a run that was trained here; weights folders and model files have no pairs.
    #[arg(long)]
    pub(crate) real: bool,
    /// Interpolate between two images of your own: their normal vectors are found through the reverse of the flow that the run's
    /// pairs come from. Needs a run with `--pairing flow`.
    #[arg(long, value_names = ["FROM", "TO"], num_args = 2, conflicts_with_all = ["real", "rows"])]
    pub(crate) images: Vec<PathBuf>,
    /// Filter for the first training image of each interpolation: `Smiling=1,Male=-1` for CelebA,
    /// `aspect=palmar,aspect=right` for 11K Hands. Needs the data that the run was trained on.
    #[arg(long, value_name = "FILTER", requires = "real")]
    pub(crate) from: Option<String>,
    /// Filter for the last training image of each interpolation.
    #[arg(long, value_name = "FILTER", requires = "real")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) data: DataDir,
    #[command(flatten)]
    pub(crate) cache: CacheDir,
    /// Interpolate along a straight line, or along a great circle (slerp) with linearly interpolated norms. Opposite vectors, which have
    /// no unique great circle, are interpolated linearly.
    #[arg(long, value_parser = by_name::<Interpolation>(INTERPOLATIONS), default_value_t = Interpolation::Linear)]
    pub(crate) interpolation: Interpolation,
    /// Output: a .png, a .gif, a .npy, or a folder.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) out: PathBuf,
    /// Print the distances as JSON, one object per interpolation.
    #[arg(long)]
    pub(crate) json: bool,
    /// Overwrite existing output.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

const INTERPOLATIONS: [(&str, &str); 2] =
    [("linear", "along a straight line"), ("spherical", "along a great circle (slerp)")];

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtn encode runs/mnist-d5-seed1 --images digits/ --out latents.npy
  gtn encode runs/mnist-d5-seed1-flow --images digits/ --source --out normals.npy
  gtn sample runs/mnist-d5-seed1-flow --source normals.npy --out the-same-digits.png")]
pub(crate) struct Encode {
    /// Run folder, weights folder, or model file.
    pub(crate) run: PathBuf,
    /// Images: a folder or a .zip archive of .png, .jpg and .jpeg files (in the order of their names), one such file, or an f32
    /// array (n, C, H, W) in [-1, 1] (.npy, .npz, .safetensors).
    #[arg(long, value_name = "IMAGES")]
    pub(crate) images: PathBuf,
    /// Write the normal vectors y of the images, which the flow maps back to them and ĥ nearly so, instead of their latents: the reverse of the flow that
    /// the run's pairs come from. For a run with several components, a column d + 1 holds the component. Needs a run with
    /// `--pairing flow`.
    #[arg(long)]
    pub(crate) source: bool,
    /// Output for the latents or normal vectors, (n, d).
    #[arg(long, value_name = "X.npy")]
    pub(crate) out: PathBuf,
    /// Overwrite existing output.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  gtn decode runs/mnist-d5-seed1 --latents latents.npy --out digits.png")]
pub(crate) struct Decode {
    /// Run folder, weights folder, or model file.
    pub(crate) run: PathBuf,
    /// Latents: an f32 array (n, d) in a .npy, .npz or .safetensors file.
    #[arg(long, value_name = "X.npy")]
    pub(crate) latents: PathBuf,
    /// Output: a .png, a .npy, or a folder.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) out: PathBuf,
    /// Overwrite existing output.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}
