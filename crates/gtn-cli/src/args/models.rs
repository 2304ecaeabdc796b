//! `gtn import` and `gtn export`.

use std::path::PathBuf;

use clap::Args;

use super::named_values::by_name;

#[derive(Debug, Args)]
#[command(
    after_help = "Files are those of torch.save(model.state_dict(), ...), in any of its formats, or safetensors files. \
Nothing in them is executed. Layers are named as in the authors' code:

  ĥ            fc1, fc2, ... with LeakyReLU(0.5), the first ones followed by bn1, bn2, ...; the
               output layer is fc_out, or else the last of the numbered layers. Of a network with
               fc_out and more than 25 others, fc1 to fc25 are applied, as in the authors' code
  autoencoder  encoder.conv1, encoder.conv2, encoder.fc, decoder.fc, decoder.conv2, decoder.conv1

Sizes are inferred from the tensors. A file of `gtn export --format torch` contains both networks, and \
may have a residual ĥ and components of the source, whose names docs/pytorch.md lists.

Examples:
  gtn import --torch-h h.pt --out runs/points
  gtn import --torch-h h.pt --torch-autoencoder autoencoder.pt --out celeba.safetensors
  gtn sample celeba.safetensors -n 64 --out faces.png"
)]
pub(crate) struct Import {
    /// PyTorch file with the weights of ĥ.
    #[arg(long, value_name = "H.pt")]
    pub(crate) torch_h: PathBuf,
    /// PyTorch file with the weights of the autoencoder. Without one, the output of ĥ is not decoded.
    #[arg(long, value_name = "AE.pt")]
    pub(crate) torch_autoencoder: Option<PathBuf>,
    /// Number of hidden layers that ĥ applies [default: as described below].
    #[arg(long, value_name = "L")]
    pub(crate) hidden_layers: Option<usize>,
    /// Output: a .safetensors file, or a folder for a model.safetensors. `gtn sample`, `interpolate`, `encode`, `decode`,
    /// `evaluate` and `export` take both in place of a run folder.
    #[arg(long, value_name = "RUN")]
    pub(crate) out: PathBuf,
    /// Overwrite an existing model.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The file contains the weights, the normalization of the targets, and a model card: the architecture, \
the settings of the run, and where the weights come from. Samples from it are those of the run.

With --format torch, tensors have the names of a PyTorch module, which docs/pytorch.md lists:
  model.load_state_dict(safetensors.torch.load_file(\"mnist.safetensors\"))
The module generates by one pass of ĥ, so the flow that the pairs come from is left out.

Examples:
  gtn export runs/mnist-d5-seed1 --out mnist.safetensors
  gtn sample mnist.safetensors -n 64 --out digits.png
  gtn export weights/mnist-d5 --format torch --out mnist-torch.safetensors"
)]
pub(crate) struct Export {
    /// Run folder, weights folder, or model file.
    pub(crate) run: PathBuf,
    /// Output: a .safetensors file.
    #[arg(long, value_name = "FILE.safetensors")]
    pub(crate) out: PathBuf,
    /// Names of the tensors.
    #[arg(long, value_parser = by_name::<ModelFormat>(FORMATS), default_value_t = ModelFormat::Gtn)]
    pub(crate) format: ModelFormat,
    /// Overwrite an existing file.
    #[arg(long)]
    pub(crate) force: bool,
}

gtn_io::names! {
    /// The names of the tensors in an exported file.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum ModelFormat: "format" {
        /// A model file.
        Gtn => "gtn",
        /// The names of a PyTorch module.
        Torch => "torch",
    }
}

const FORMATS: [(&str, &str); 2] = [
    (ModelFormat::Gtn.name(), "a model file, which `gtn sample` and others take in place of a run folder"),
    (ModelFormat::Torch.name(), "the names of a PyTorch module"),
];
