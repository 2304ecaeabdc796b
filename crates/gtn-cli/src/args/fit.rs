//! `gtn fit`.

use std::path::PathBuf;

use clap::Args;
use gtn_run::config::{Components, Epochs, Overrides, OwnImages, PairingMethod, ResizeSetting};

use crate::processes;

use super::choices::{PAIRINGS, seconds};
use super::device::OnDevice;
use super::folders::CacheDir;
use super::named_values::by_name;

#[derive(Debug, Args)]
#[command(
    group(clap::ArgGroup::new("data").required(true).multiple(true).args(["run", "images", "latents"])),
    after_help = "Images are JPEG, PNG, WebP, GIF (the first frame), BMP and TIFF files of any size, in folders of any depth. \
The subfolders of the first level are classes. Use 200 images or more.

The first reconstructed images appear within a minute of training, and the first generated ones as \
soon as ĥ has trained an epoch. At the end, the run has a report (report.html) and a page that \
generates images in the browser (explore.html). `gtn sample`, `interpolate`, `encode`, `decode`, \
`evaluate`, `export` and `compare` take the folder of the run.

Examples:
  gtn fit --images animals/
  gtn fit --images animals.zip --side 128 --dim 96 --time-budget 2h --out runs/animals
  gtn fit --images animals/ --flip --resize fit --background 000000
  gtn fit --latents x.npy --labels y.npy
  gtn fit --latents model.safetensors:train
  gtn sample runs/animals --class cats -n 64 --out cats.png
  gtn fit runs/animals                   # resumes a run that was stopped
  gtn fit runs/animals --extend 1h       # trains on
  mpirun -n 4 gtn fit --latents x.npy    # on several processes, if the program is built with MPI

Ctrl-C saves the state and stops; the same command resumes from there."
)]
pub(crate) struct Fit {
    /// Resume this run of `gtn fit`, on the data that it was started with.
    pub(crate) run: Option<PathBuf>,
    /// Images of your own: a folder, or a .zip, .tar, .tar.gz or .tgz archive.
    #[arg(long, value_name = "DIR|ZIP|TAR", conflicts_with = "latents")]
    pub(crate) images: Option<PathBuf>,
    /// Vectors of your own, which are generated directly: an f32 array (n, d) in a .npy, .npz or .safetensors file; FILE:NAME selects
    /// one of several arrays.
    #[arg(long, value_name = "FILE[:NAME]")]
    pub(crate) latents: Option<PathBuf>,
    /// The class of each row of --latents: an array (n) of whole numbers, in a file of the same kinds.
    #[arg(long, value_name = "FILE[:NAME]", requires = "latents")]
    pub(crate) labels: Option<PathBuf>,
    /// Train on for this time after the run has ended, as in `1h`: the autoencoder from where it is, and then its decoder alone, flow
    /// and ĥ again.
    #[arg(long, value_name = "TIME", value_parser = seconds, requires = "run")]
    pub(crate) extend: Option<u64>,
    /// Height and width to which images are scaled, in pixels: a multiple of 4, at most 256.
    #[arg(long, value_name = "PIXELS", default_value_t = 64, conflicts_with_all = ["run", "latents"])]
    pub(crate) side: usize,
    /// How images become squares.
    #[arg(long, value_parser = by_name::<ResizeSetting>(RESIZES), default_value = "crop", conflicts_with_all = ["run", "latents"])]
    pub(crate) resize: ResizeSetting,
    /// The color behind transparent pixels, and beside images with `--resize fit`: six hexadecimal digits.
    #[arg(long, value_name = "RRGGBB", value_parser = color, default_value = "ffffff", conflicts_with_all = ["run", "latents"])]
    pub(crate) background: [u8; 3],
    /// Train on the mirror images of the training images as well. It doubles small sets; leave it out where left and right matter.
    #[arg(long, conflicts_with_all = ["run", "latents"])]
    pub(crate) flip: bool,
    /// The largest fraction of files that may be unreadable. They are named and skipped.
    #[arg(long, value_name = "FRACTION", default_value_t = 0.05, conflicts_with_all = ["run", "latents"])]
    pub(crate) max_unreadable: f64,
    /// Stop at the first unreadable file; the same as `--max-unreadable 0`.
    #[arg(long, conflicts_with_all = ["max_unreadable", "run", "latents"])]
    pub(crate) strict: bool,
    /// Latent dimension of images, 1 to 4096, or `auto`: by the number and the size of the images.
    #[arg(long, value_name = "N|auto", value_parser = dimension, default_value = "auto", conflicts_with = "run")]
    pub(crate) dim: Dim,
    /// Time budget for the run, as in `90s`, `10m` or `1h 30m`: 60% for the autoencoder, two fifths of which are for its decoder
    /// alone, 15% for the flow, 12% for ĥ, and the rest for all else. Training may end earlier [default: 30m for images, 15m for latents].
    #[arg(long, value_name = "TIME", value_parser = seconds, conflicts_with = "run")]
    pub(crate) time_budget: Option<u64>,
    /// Maximum number of epochs: `20`, or for each network, as in `autoencoder=50,decoder=20,flow=10,h=20`.
    #[arg(long, value_name = "N|NETWORK=N,...", conflicts_with = "run")]
    pub(crate) epochs: Option<Epochs>,
    /// Use at most N images or rows, including validation, drawn at random (N ≥ 20).
    #[arg(long, value_name = "N", conflicts_with = "run")]
    pub(crate) limit: Option<usize>,
    /// How normal vectors and data are paired.
    #[arg(long, value_parser = by_name::<PairingMethod>(PAIRINGS), default_value = "flow", conflicts_with = "run")]
    pub(crate) pairing: PairingMethod,
    /// Components of the source (Appendix C): a number, `auto` (as many as a mixture of Gaussians needs), or `labels` (one for each
    /// class) [default: labels if there are classes with enough data, otherwise auto].
    #[arg(long, value_name = "N|auto|labels", conflicts_with = "run")]
    pub(crate) components: Option<Components>,
    /// Take the trained autoencoder of RUN, a run on the same images, instead of training one.
    #[arg(long, value_name = "RUN", requires = "images", conflicts_with = "run")]
    pub(crate) autoencoder: Option<PathBuf>,
    /// Divide each batch into N shards, whose gradients are added in a fixed order: up to N processes train together (docs/cluster.md). The
    /// weights depend on N in their last bits, and not on the number of processes [default: 1; if MPI starts the program, the next
    /// power of two of the number of processes, and at least 4].
    #[arg(long, value_name = "N", conflicts_with = "run", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) shards: Option<u16>,
    /// Random seed; the same seed and numbers of epochs give the same weights and samples.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "run")]
    pub(crate) seed: u64,
    /// Run folder [default: runs/NAME-dDIM-seedSEED, with the name of the images or latents].
    #[arg(long, value_name = "RUN", conflicts_with = "run")]
    pub(crate) out: Option<PathBuf>,
    /// Overwrite a different run. An identical run resumes; delete its folder to restart.
    #[arg(long, conflicts_with = "run")]
    pub(crate) force: bool,
    /// Do not write TensorBoard events.
    #[arg(long)]
    pub(crate) no_tensorboard: bool,
    /// Do not write the page that generates images in the browser.
    #[arg(long)]
    pub(crate) no_explorer: bool,
    /// Keep what only resuming needs after the run has ended. What --extend needs is always kept.
    #[arg(long)]
    pub(crate) keep_checkpoints: bool,
    #[command(flatten)]
    pub(crate) cache: CacheDir,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

/// A latent dimension, or the wish to have one chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dim {
    Auto,
    Is(usize),
}

impl Fit {
    /// How images are read; the classes are not known yet.
    pub(crate) fn settings(&self) -> OwnImages {
        OwnImages {
            side: self.side,
            resize: self.resize,
            background: self.background,
            max_unreadable: if self.strict { 0.0 } else { self.max_unreadable },
            flip: self.flip,
            train_fraction: TRAIN_FRACTION,
            limit: self.limit,
            classes: Vec::new(),
        }
    }

    /// The overrides of the preset.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            dim: match self.dim {
                Dim::Auto => None,
                Dim::Is(dim) => Some(dim),
            },
            seed: Some(self.seed),
            pairing: Some(self.pairing),
            components: self.components,
            limit: self.limit,
            epochs: self.epochs.unwrap_or_default(),
            time_budget: self.time_budget,
            shards: self.shards.map(usize::from).or_else(processes::shards),
            ..Overrides::default()
        }
    }
}

const TRAIN_FRACTION: f64 = 0.9;

pub(super) const RESIZES: [(&str, &str); 3] = [
    (ResizeSetting::Crop.name(), "the largest square in the middle"),
    (ResizeSetting::Fit.name(), "the complete image, with a background on two sides"),
    (ResizeSetting::Stretch.name(), "the complete image, distorted"),
];

fn dimension(text: &str) -> Result<Dim, String> {
    match text.parse() {
        _ if text == "auto" => Ok(Dim::Auto),
        Ok(dim) if (1..=4096).contains(&dim) => Ok(Dim::Is(dim)),
        _ => Err("use a number from 1 to 4096, or `auto`".to_owned()),
    }
}

fn color(text: &str) -> Result<[u8; 3], String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    let are_digits = digits.len() == 6 && digits.chars().all(|c| c.is_ascii_hexdigit());
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| are_digits);
    let [_, red, green, blue] = number.ok_or("use six hexadecimal digits, as in ffffff or 2040a0")?.to_be_bytes();
    Ok([red, green, blue])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_and_dimensions_are_read() {
        assert_eq!(color("#2040a0"), Ok([0x20, 0x40, 0xa0]));
        assert_eq!((dimension("auto"), dimension("32")), (Ok(Dim::Auto), Ok(Dim::Is(32))));
        for text in ["white!", "fff", "ffffffff", "+fffff"] {
            assert!(color(text).is_err(), "{text}");
        }
        for text in ["0", "5000", "automatic", "-1"] {
            assert!(dimension(text).is_err(), "{text}");
        }
    }
}
