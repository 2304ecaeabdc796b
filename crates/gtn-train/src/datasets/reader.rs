use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gtn_models::Streams;
use gtn_run::{Fingerprint, Observer, Stage, StageProgress};

/// Where a data set is read from, with what.
pub(crate) struct Reader<'a> {
    /// The folder of the data sets.
    pub(crate) data_dir: &'a Path,
    /// The folder of decoded images.
    pub(crate) cache_dir: &'a Path,
    pub(crate) streams: &'a Streams,
    pub(crate) observer: &'a mut dyn Observer,
}

impl Reader<'_> {
    /// Reports progress, and says whether to continue.
    pub(crate) fn progress(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        self.observer.progress(&StageProgress::new(Stage::Prepare, done, total));
        if self.observer.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The file of decoded images. Each filter has its own, so that runs do not overwrite each other's.
    pub(super) fn cache_path(&self, set: &str, filter: &str) -> PathBuf {
        let filter = match filter {
            "" => String::new(),
            filter => format!("-{}", &Fingerprint::new(filter, &[]).as_str()[..8]),
        };
        self.cache_dir.join(format!("{set}-64{filter}.images"))
    }
}
