//! Image data sets with an official split, loaded from JPEG files: the shared part of [`celeba`](crate::celeba) and
//! [`hap`](crate::hap).
//!
//! Each image of a data set is decoded once, in parallel, brought to one size by a [`Transform`], and written to a
//! single file, the cache. The cache is memory-mapped, so later starts take only as long as validating it, and a data
//! set may be larger than memory. The cache stores a digest of its inputs: the names, the sizes and the checksums or
//! modification times of the files, their splits, and the transform, but not their location. If the inputs change or
//! the cache is damaged, it is recreated.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gtn_io::hex;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::split::SplitIndices;
use crate::{Error, Images, Result};

pub(crate) mod dataset_files;
pub(crate) mod image_cache;
pub(crate) mod image_source;
pub(crate) mod transform;
mod unreadable;

pub use transform::{MAX_PIXELS, Transform, TransformError};

use image_cache::{CacheSpec, ImageCache, ImageChecksums};
use image_source::ImageSource;
use transform::{CHANNELS, Workspace};
use unreadable::Unreadable;

/// Number of images decoded between two calls of a progress callback.
const DECODE_BATCH: usize = 256;

/// Images of one size and their split.
#[derive(Debug, Clone)]
pub struct ImageSet {
    /// Training images, then validation images, each in the order of their list; three channels.
    pub images: Images,
    /// File names of `images`.
    pub names: Vec<String>,
    /// Indices into `images` of the training and validation images.
    pub split: SplitIndices,
    /// Test images in the order of their list; `None` if there are none.
    pub test: Option<Images>,
    /// Digest of the pixels of `images` and of their split, as hexadecimal text; independent of where the files are.
    pub fingerprint: String,
    /// Digest of the pixels of `test`, as hexadecimal text; `None` if there are no test images.
    pub test_fingerprint: Option<String>,
    /// Number of listed, present and selected images.
    pub counts: DatasetCounts,
    /// Whether these are all images of the published data set.
    pub is_complete: bool,
    /// Selected images whose files are not readable, and which were left out: their names, and why.
    pub unreadable: Vec<(String, String)>,
    /// A file that stands in a better place than the images but cannot be used, and why, for the user.
    pub passed_over: Option<String>,
    /// Whether the cache was reused or created.
    pub cache: CacheState,
}

/// The largest fraction of the files that may be unreadable, unless it is set.
pub const MAX_UNREADABLE: f64 = 0.05;

/// Whether a cache was reused or created.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheState {
    /// An existing cache was used.
    Reused,
    /// There was no cache, so it was created.
    Created,
    /// The existing cache was unusable and was replaced. The text completes a sentence that starts with "the file".
    Recreated(String),
}

/// Number of images in one split of a data set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SplitCounts {
    /// Images that the list names.
    pub listed: usize,
    /// Listed images whose files exist.
    pub present: usize,
    /// Present images that match the filter.
    pub selected: usize,
}

/// Number of images in each split of a data set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DatasetCounts {
    /// The training set.
    pub train: SplitCounts,
    /// The validation set.
    pub validation: SplitCounts,
    /// The test set.
    pub test: SplitCounts,
}

impl DatasetCounts {
    /// The sum over all splits.
    #[must_use]
    pub fn total(&self) -> SplitCounts {
        let splits = [self.train, self.validation, self.test];
        let sum = |count: fn(&SplitCounts) -> usize| splits.iter().map(count).sum();
        SplitCounts {
            listed: sum(|split| split.listed),
            present: sum(|split| split.present),
            selected: sum(|split| split.selected),
        }
    }

    /// Number of listed images whose files do not exist.
    #[must_use]
    pub fn missing(&self) -> usize {
        let total = self.total();
        total.listed - total.present
    }
}

/// Which parts of a data set exist.
#[derive(Debug)]
pub struct Inventory {
    /// The folder that was searched.
    pub folder: PathBuf,
    /// The parts of the data set and their states.
    pub items: Vec<(&'static str, ItemState)>,
    /// Number of listed and present images; all present images count as selected. Zero if lists or images are missing
    /// or invalid.
    pub counts: DatasetCounts,
    /// Whether the counts are those of the published data set and no image is missing.
    pub is_complete: bool,
}

/// The state of one part of a data set.
#[derive(Debug)]
pub enum ItemState {
    /// Valid: its path and a description.
    Found(PathBuf, String),
    /// Present but invalid or unreadable.
    Invalid(Error),
    /// Missing and required.
    Missing,
    /// Missing, but only filters need it.
    MissingOptional,
}

impl Inventory {
    pub(crate) fn new(
        folder: PathBuf,
        items: Vec<(&'static str, ItemState)>,
        counts: DatasetCounts,
        split_sizes: [usize; 3],
    ) -> Self {
        let splits = [counts.train, counts.validation, counts.test];
        let is_complete = splits.map(|split| split.present) == split_sizes && counts.missing() == 0;
        Self { folder, items, counts, is_complete }
    }
}

impl ItemState {
    /// The state that the result of a check describes, or `if_missing` if there was nothing to check.
    pub(crate) fn from_check(check: Option<Result<(PathBuf, String)>>, if_missing: Self) -> Self {
        match check {
            Some(Ok((path, description))) => Self::Found(path, description),
            Some(Err(error)) => Self::Invalid(error),
            None => if_missing,
        }
    }

    /// The state of the images, and the counts if there are lists.
    pub(crate) fn check_images(
        source: Result<Option<ImageSource>>,
        lists: Option<Result<NameLists>>,
    ) -> (Self, DatasetCounts) {
        let source = match source {
            Ok(Some(source)) => source,
            Ok(None) => return (Self::Missing, DatasetCounts::default()),
            Err(error) => return (Self::Invalid(error), DatasetCounts::default()),
        };
        let counts = lists.map(|lists| select_images(&source, &lists?, None).map(|(_, counts)| counts));
        match counts.transpose() {
            Ok(counts) => (Self::Found(source.path().to_path_buf(), source.describe()), counts.unwrap_or_default()),
            Err(error) => (Self::Invalid(error), DatasetCounts::default()),
        }
    }
}

/// Called with the number of decoded images and their total number, every few hundred images. [`ControlFlow::Break`]
/// stops.
pub type ProgressFn<'p> = &'p mut dyn FnMut(usize, usize) -> ControlFlow<()>;

/// The file names of the training, validation and test images, in the order of the published lists.
pub(crate) type NameLists = [Vec<String>; 3];

/// What to load: the files, their splits, and how to transform them.
pub(crate) struct ImageSetSpec<'p> {
    pub(crate) source: &'p ImageSource,
    pub(crate) lists: &'p NameLists,
    /// The names that match the filter; `None` selects all images.
    pub(crate) filtered_names: Option<HashSet<String>>,
    pub(crate) filter: String,
    pub(crate) transform: Transform,
    /// Number of training, validation and test images in the published data set.
    pub(crate) split_sizes: [usize; 3],
    /// The largest fraction of the selected files that may be unreadable.
    pub(crate) max_unreadable: f64,
}

/// Selected images: the names split after split, and how many each split has.
#[derive(Clone)]
struct Selection<'l> {
    names: Vec<&'l str>,
    selected: [usize; 3],
}

impl<'l> Selection<'l> {
    /// The same without these images.
    fn without(&self, unreadable: &[(String, String)]) -> Self {
        let left_out: HashSet<&str> = unreadable.iter().map(|(name, _)| name.as_str()).collect();
        let mut kept = Self { names: Vec::with_capacity(self.names.len()), selected: [0; 3] };
        let mut names = self.names.iter();
        for (count, kept_count) in self.selected.iter().zip(&mut kept.selected) {
            let of_split = names.by_ref().take(*count).copied().filter(|name| !left_out.contains(name));
            let before = kept.names.len();
            kept.names.extend(of_split);
            *kept_count = kept.names.len() - before;
        }
        kept
    }

    fn spec(&self, transform: &Transform, key: [u8; 32]) -> CacheSpec {
        CacheSpec { channels: CHANNELS, side: transform.side, counts: self.selected, key }
    }
}

/// Why a file cannot be read, without its path.
pub(crate) fn reason_of(error: &Error) -> String {
    match error {
        Error::File(gtn_io::Error::Malformed { reason, .. }) => reason.clone(),
        Error::File(gtn_io::Error::Read { source, .. } | gtn_io::Error::Io { source, .. }) => {
            format!("{CANNOT_BE_READ} ({source})")
        }
        error => error.to_string(),
    }
}

/// What the reason of an error of the system starts with. Such files may be readable the next time, although they are the same.
pub(crate) const CANNOT_BE_READ: &str = "cannot be read";

/// Refuses names that appear twice and names that are not plain file names.
pub(crate) fn check_lists(lists: &NameLists, files: [&Path; 3]) -> Result<()> {
    let mut seen = HashSet::new();
    for (list, file) in lists.iter().zip(files) {
        for name in list {
            if name.is_empty() || name.contains(['/', '\\']) || image_source::is_unsafe_path(name) || name == "." {
                return Err(Error::malformed(file, format!("`{name}` is not an image file name; download it again")));
            }
            if !seen.insert(name.as_str()) {
                let reason = format!("{name} is listed twice; an image must be in one split only");
                return Err(Error::malformed(file, reason));
            }
        }
    }
    Ok(())
}

/// The names of the selected images, split after split, and the counts.
fn select_images<'l>(
    source: &ImageSource,
    lists: &'l NameLists,
    filtered_names: Option<&HashSet<String>>,
) -> Result<(Vec<&'l str>, DatasetCounts)> {
    let (mut names, mut counts) = (Vec::new(), [SplitCounts::default(); 3]);
    for (list, count) in lists.iter().zip(&mut counts) {
        count.listed = list.len();
        for name in list {
            if source.contains(name)? {
                count.present += 1;
                if filtered_names.is_none_or(|names| names.contains(name)) {
                    count.selected += 1;
                    names.push(name.as_str());
                }
            }
        }
    }
    let [train, validation, test] = counts;
    Ok((names, DatasetCounts { train, validation, test }))
}

impl ImageSetSpec<'_> {
    /// Loads the images from the cache at `path`, which is created if necessary.
    pub(crate) fn load(&self, path: &Path, progress: ProgressFn<'_>) -> Result<ImageSet> {
        let (names, counts) = select_images(self.source, self.lists, self.filtered_names.as_ref())?;
        let total = counts.total();
        if total.present == 0 {
            let reason = match self.lists.iter().flatten().next() {
                Some(first) => format!("it has none of the {} listed images (the first is {first})", total.listed),
                None => "the lists name no images".to_owned(),
            };
            return Err(Error::malformed(self.source.path(), reason));
        }
        if counts.train.selected + counts.validation.selected == 0 {
            let present = counts.train.present + counts.validation.present;
            let reason = format!("none of the {present} training and validation images matches it; relax the filter");
            return Err(Error::Filter { filter: self.filter.clone(), reason });
        }
        let selected = [counts.train.selected, counts.validation.selected, counts.test.selected];
        let selection = Selection { names, selected };
        let key = self.key(&selection.names)?;
        let known = Unreadable::read(path, &key);
        let mut state = CacheState::Created;
        let mut unreadable = known.unwrap_or_default();
        let mut readable = selection.without(&unreadable);
        match image_cache::open(path, &readable.spec(&self.transform, self.key(&readable.names)?)) {
            Ok(Some(cache)) => {
                self.check_unreadable(&selection, &unreadable)?;
                return self.image_set(&cache, &readable.names, counts, (unreadable, CacheState::Reused));
            }
            Ok(None) => {}
            Err(reason) => state = CacheState::Recreated(reason),
        }
        // Files that were unreadable may be readable now.
        (unreadable, readable) = (Vec::new(), selection.clone());
        loop {
            let spec = readable.spec(&self.transform, self.key(&readable.names)?);
            let mut failed = Vec::new();
            let written =
                image_cache::write(path, &spec, |write| self.decode(&readable.names, progress, write, &mut failed));
            match written {
                Ok(()) => break,
                // A file that cannot be read; the error of the system and a stop are others.
                Err(Error::File(gtn_io::Error::Malformed { .. })) if !failed.is_empty() => {}
                Err(error) => return Err(error),
            }
            unreadable.extend(failed);
            self.check_unreadable(&selection, &unreadable)?;
            readable = selection.without(&unreadable);
        }
        // A file that the system did not let us read is tried again the next time.
        let is_lasting = unreadable.iter().all(|(_, reason)| !reason.starts_with(CANNOT_BE_READ));
        Unreadable::write(path, &key, if is_lasting { &unreadable } else { &[] })?;
        let unusable =
            |reason: &str| Error::malformed(path, format!("the file was just written, but {reason}; try again"));
        let spec = readable.spec(&self.transform, self.key(&readable.names)?);
        match image_cache::open(path, &spec) {
            Ok(Some(cache)) => self.image_set(&cache, &readable.names, counts, (unreadable, state)),
            Ok(None) => Err(unusable("is gone")),
            Err(reason) => Err(unusable(&reason)),
        }
    }

    /// Refuses too many unreadable files.
    fn check_unreadable(&self, selection: &Selection<'_>, unreadable: &[(String, String)]) -> Result<()> {
        let (count, total) = (unreadable.len(), selection.names.len());
        let Some((name, reason)) = unreadable.first() else { return Ok(()) };
        let [train, validation, _] = selection.without(unreadable).selected;
        if count as f64 <= self.max_unreadable * total as f64 && train + validation > 0 {
            return Ok(());
        }
        let path = self.source.path().join(name);
        if count == 1 {
            return Err(Error::malformed(&path, reason.as_str()));
        }
        let advice = "repair these files, or allow more with --max-unreadable";
        Err(Error::malformed(
            &path,
            format!("{reason}; it is the first of {count} unreadable of {total} images; {advice}"),
        ))
    }

    /// Digest of the inputs. The filter and the lists enter it as the names that they select.
    fn key(&self, names: &[&str]) -> Result<[u8; 32]> {
        let mut hasher = Sha256::new();
        // Existing caches depend on this exact text.
        let Transform { crop, side } = self.transform;
        hasher
            .update(format!("Transform {{ crop: {crop:?}, side: {side} }} by zune-jpeg 0.5 and fast_image_resize 6\n"));
        for name in names {
            hasher.update(name);
            hasher.update("\n");
        }
        self.source.hash_metadata(names.iter().copied(), &mut hasher)?;
        Ok(hasher.finalize().into())
    }

    fn decode(
        &self,
        names: &[&str],
        progress: ProgressFn<'_>,
        write: &mut dyn FnMut(&[u8], &ImageChecksums) -> Result<()>,
        failed: &mut Vec<(String, String)>,
    ) -> Result<()> {
        let size = self.transform.output_bytes();
        let mut pixels = vec![0; DECODE_BATCH.min(names.len()) * size];
        let mut report = |done| match progress(done, names.len()) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped { done, total: names.len() }),
        };
        report(0)?;
        for (batch, names) in names.chunks(DECODE_BATCH).enumerate() {
            let images = pixels.par_chunks_exact_mut(size).zip(names);
            // Each thread has one reader and one workspace; the results are in the order of the names.
            let checksums: Vec<std::result::Result<ImageChecksums, String>> = images
                .map_init(
                    || (self.source.reader(), Workspace::default(), Vec::new()),
                    |(reader, workspace, jpeg), (image, name)| {
                        reader.read(name, jpeg).map_err(|error| reason_of(&error))?;
                        workspace.transform(&self.transform, jpeg, image).map_err(|error| error.to_string())?;
                        Ok(ImageChecksums::new(image))
                    },
                )
                .collect();
            for ((image, name), checksums) in pixels.chunks_exact(size).zip(names).zip(checksums) {
                match checksums {
                    Err(reason) => failed.push(((*name).to_owned(), reason)),
                    // What is written so far is discarded, and the rest only checked.
                    Ok(checksums) if failed.is_empty() => write(image, &checksums)?,
                    Ok(_) => {}
                }
            }
            report(batch * DECODE_BATCH + names.len())?;
        }
        match failed.first() {
            None => Ok(()),
            // Keeps the cache from being written.
            Some((name, reason)) => Err(Error::malformed(&self.source.path().join(name), reason.as_str())),
        }
    }

    fn image_set(
        &self,
        cache: &ImageCache,
        names: &[&str],
        counts: DatasetCounts,
        (unreadable, state): (Vec<(String, String)>, CacheState),
    ) -> Result<ImageSet> {
        let spec = &cache.spec;
        let [train, validation, test] = spec.counts;
        let images = |from: usize, n: usize| {
            let shape = (n, spec.channels, spec.side, spec.side);
            Images::from_mapped(Arc::clone(&cache.bytes), spec.image_offset(from), shape)
        };
        let fingerprint = |counts: &[usize], digest: &[u8; 32]| {
            let hasher = Sha256::new().chain_update(format!("{CHANNELS}×{0}×{0} {counts:?}\n", spec.side));
            hex(hasher.chain_update(digest).finalize())
        };
        let [images_digest, test_digest] = &cache.digests;
        Ok(ImageSet {
            images: images(0, train + validation)?,
            names: names[..train + validation].iter().map(|name| (*name).to_owned()).collect(),
            split: SplitIndices { train: (0..train).collect(), validation: (train..train + validation).collect() },
            test: if test > 0 { Some(images(train + validation, test)?) } else { None },
            fingerprint: fingerprint(&[train, validation], images_digest),
            test_fingerprint: (test > 0).then(|| fingerprint(&[test], test_digest)),
            is_complete: spec.counts == self.split_sizes,
            counts,
            unreadable,
            passed_over: self.source.passed_over().map(str::to_owned),
            cache: state,
        })
    }
}
