//! `gtn explore`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(
    after_help = "The page contains ĥ and the decoder with 16 bits per weight, and needs no network and no server: open
it in a browser, or send it to someone. The same seed gives the same samples as `gtn sample`.

Examples:
  gtn explore weights/mnist-d12 --out digits.html
  gtn explore runs/celeba-d100-seed1-flow --out faces.html --open"
)]
pub(crate) struct Explore {
    /// Run folder, weights folder, or model file.
    pub(crate) run: PathBuf,
    /// Output: a .html file.
    #[arg(long, value_name = "FILE.html")]
    pub(crate) out: PathBuf,
    /// Open the page in the browser.
    #[arg(long)]
    pub(crate) open: bool,
    /// Overwrite an existing file.
    #[arg(long)]
    pub(crate) force: bool,
}
