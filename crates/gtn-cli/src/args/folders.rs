//! The folders that several commands need.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct CacheDir {
    /// Folder of the image cache: images scaled to 64×64, 12 kB each (2.5 GB for CelebA), created once [default: ~/.cache/gtn].
    #[arg(long, value_name = "DIR", env = "GTN_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
}

impl CacheDir {
    /// The given folder, or the cache folder of the user.
    pub(crate) fn path(&self) -> PathBuf {
        let variable = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let cache = || {
            variable("XDG_CACHE_HOME")
                .or_else(|| Some(variable("HOME").or_else(|| variable("USERPROFILE"))?.join(".cache")))
        };
        self.cache_dir.clone().unwrap_or_else(|| cache().unwrap_or_else(std::env::temp_dir).join("gtn"))
    }
}

#[derive(Debug, Args)]
pub(crate) struct DataDir {
    /// Folder of the data sets, with one subfolder for each.
    #[arg(long, value_name = "DIR", env = "GTN_DATA_DIR", default_value = "datasets")]
    pub(crate) data_dir: PathBuf,
}
