//! The folders that several commands need.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Clone, Args)]
pub(crate) struct CacheDir {
    /// Folder of the image cache: images scaled to 64×64, 12 kB each (2.5 GB for CelebA), created once [default: ~/.cache/gtn].
    #[arg(long, value_name = "DIR", env = "GTN_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
}

impl CacheDir {
    /// The given folder, or the cache folder of the user.
    pub(crate) fn path(&self) -> PathBuf {
        self.cache_dir.clone().unwrap_or_else(gtn_io::cache_dir)
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DataDir {
    /// Folder of the data sets, with one subfolder for each.
    #[arg(long, value_name = "DIR", env = "GTN_DATA_DIR", default_value = "datasets")]
    pub(crate) data_dir: PathBuf,
}
