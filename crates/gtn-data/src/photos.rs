//! Photographs in JPEG files, with an official split: what [`celeba`](crate::celeba) and [`hap`](crate::hap) share.
//!
//! All images of a data set are decoded once, in parallel, brought to one size by a [`Transform`] and written to one file, the
//! cache, which is mapped into memory from then on: the next start takes as long as checking it does, and a data set may be
//! larger than memory. The cache knows what it was made from (names, sizes and checksums or times of change of the files,
//! their parts, the transform), wherever these lie; when that changes, or it is damaged, it is made anew.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::digest::hexadecimal;
use crate::split::Split;
use crate::{Error, Images, Result};

mod cache;
pub(crate) mod source;
mod transform;

pub use source::MOST_BYTES;
pub use transform::{MOST_PIXELS, Transform, Unusable};

use cache::{Cache, Contents, Sum};
use source::Source;
use transform::{CHANNELS, Workspace};

/// So many images are decoded between two calls of a progress callback.
const AT_ONCE: usize = 256;

/// Photographs of one size with their split.
#[derive(Debug, Clone)]
pub struct Photos {
    /// Training images, then validation images, each in the order of their list; three channels.
    pub images: Images,
    /// Their file names.
    pub names: Vec<String>,
    /// Which of `images` train and which validate.
    pub split: Split,
    /// Test images in the order of their list; `None` if none of them is there.
    pub test: Option<Images>,
    /// Identity of the pixels of `images` and of which train, as hexadecimal text; the same wherever the files lie.
    pub fingerprint: String,
    /// Identity of the pixels of `test`, as hexadecimal text; `None` without any.
    pub test_fingerprint: Option<String>,
    /// How many images are listed, there and chosen.
    pub counts: Counts,
    /// Whether these are all images of the published data set.
    pub original: bool,
    /// What became of the cache.
    pub cache: CacheState,
}

/// What became of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheState {
    /// It was there and is what is in use.
    Kept,
    /// There was none.
    Made,
    /// There was one that could not be used, for this reason (the end of a sentence about it).
    Remade(String),
}

/// Number of images of one part of a data set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Those that the lists name.
    pub listed: usize,
    /// Those of them whose files are there.
    pub there: usize,
    /// Those of them that pass the filter.
    pub chosen: usize,
}

/// Number of images of each part of a data set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Training set.
    pub train: Count,
    /// Validation set.
    pub validation: Count,
    /// Test set.
    pub test: Count,
}

impl Counts {
    /// All parts together.
    #[must_use]
    pub fn all(&self) -> Count {
        let parts = [self.train, self.validation, self.test];
        let sum = |of: fn(&Count) -> usize| parts.iter().map(of).sum();
        Count { listed: sum(|part| part.listed), there: sum(|part| part.there), chosen: sum(|part| part.chosen) }
    }

    /// Images that are listed and not there.
    #[must_use]
    pub fn absent(&self) -> usize {
        let all = self.all();
        all.listed - all.there
    }
}

/// What there is of a data set.
#[derive(Debug)]
pub struct Inventory {
    /// The folder that was looked into.
    pub folder: PathBuf,
    /// What belongs to the data set, each with its state.
    pub items: Vec<(&'static str, ItemState)>,
    /// How many images are listed and there; all are chosen. Zeros where lists or images are missing or cannot be used.
    pub counts: Counts,
    /// Whether the counts are those of the published data set, and no image is absent.
    pub whole: bool,
}

/// The state of what belongs to a data set.
#[derive(Debug)]
pub enum ItemState {
    /// There and well-formed: where, and what it is.
    Found(PathBuf, String),
    /// There, and not usable.
    Broken(Error),
    /// Not there, and needed.
    Missing,
    /// Not there, and needed by filters alone.
    NotNeeded,
}

impl Inventory {
    pub(crate) fn new(
        folder: PathBuf,
        items: Vec<(&'static str, ItemState)>,
        counts: Counts,
        published: [usize; 3],
    ) -> Self {
        let parts = [counts.train, counts.validation, counts.test];
        let whole = parts.map(|part| part.there) == published && counts.absent() == 0;
        Self { folder, items, counts, whole }
    }
}

impl ItemState {
    /// What was found, and otherwise `absent`.
    pub(crate) fn of(found: Option<Result<(PathBuf, String)>>, absent: Self) -> Self {
        match found {
            Some(Ok((path, what))) => Self::Found(path, what),
            Some(Err(error)) => Self::Broken(error),
            None => absent,
        }
    }

    /// The state of the images, and how many of `lists` are there, if there are lists.
    pub(crate) fn of_images(source: Result<Option<Source>>, lists: Option<Result<Lists>>) -> (Self, Counts) {
        let source = match source {
            Ok(Some(source)) => source,
            Ok(None) => return (Self::Missing, Counts::default()),
            Err(error) => return (Self::Broken(error), Counts::default()),
        };
        let counted = lists.map(|lists| choose(&source, &lists?, None).map(|(_, counts)| counts));
        match counted.transpose() {
            Ok(counts) => (Self::Found(source.path().to_path_buf(), source.describe()), counts.unwrap_or_default()),
            Err(error) => (Self::Broken(error), Counts::default()),
        }
    }
}

/// Hears how many images of how many are ready, every few hundred; [`ControlFlow::Break`] stops the work.
pub type Progress<'p> = &'p mut dyn FnMut(usize, usize) -> ControlFlow<()>;

/// The names of a data set's images in the order of its lists: training, validation, test.
pub(crate) type Lists = [Vec<String>; 3];

/// A data set, ready to be decoded.
pub(crate) struct Plan<'p> {
    pub(crate) source: &'p Source,
    pub(crate) lists: &'p Lists,
    /// The images that a filter lets pass; all of them without one.
    pub(crate) passing: Option<HashSet<String>>,
    pub(crate) filter: String,
    pub(crate) transform: Transform,
    /// Numbers of training, validation and test images that were published.
    pub(crate) published: [usize; 3],
}

/// Refuses names that are twice in a list or in two, and names that are paths.
pub(crate) fn check_lists(lists: &Lists, files: [&Path; 3]) -> Result<()> {
    let mut seen = HashSet::new();
    for (list, file) in lists.iter().zip(files) {
        for name in list {
            if name.is_empty() || name.contains(['/', '\\']) || source::leads_out(name) || name == "." {
                return Err(Error::malformed(file, format!("names `{name}`, which is no name of an image file")));
            }
            if !seen.insert(name.as_str()) {
                let reason = format!("names {name}, which is in the lists twice; no image may be in two parts");
                return Err(Error::malformed(file, reason));
            }
        }
    }
    Ok(())
}

/// The images that are there and pass the filter, part after part.
fn choose<'l>(source: &Source, lists: &'l Lists, passing: Option<&HashSet<String>>) -> Result<(Vec<&'l str>, Counts)> {
    let (mut names, mut counts) = (Vec::new(), [Count::default(); 3]);
    for (list, count) in lists.iter().zip(&mut counts) {
        count.listed = list.len();
        for name in list {
            if source.has(name)? {
                count.there += 1;
                if passing.is_none_or(|passing| passing.contains(name)) {
                    count.chosen += 1;
                    names.push(name.as_str());
                }
            }
        }
    }
    let [train, validation, test] = counts;
    Ok((names, Counts { train, validation, test }))
}

impl Plan<'_> {
    /// The images, from the cache at `path`, which is made if need be.
    pub(crate) fn carry_out(&self, path: &Path, progress: Progress<'_>) -> Result<Photos> {
        let (names, counts) = choose(self.source, self.lists, self.passing.as_ref())?;
        let all = counts.all();
        if all.there == 0 {
            let reason = match self.lists.iter().flatten().next() {
                Some(first) => format!("none of the {} listed images is there ({first} is the first)", all.listed),
                None => "the lists name no image".to_owned(),
            };
            return Err(Error::malformed(self.source.path(), reason));
        }
        if counts.train.chosen + counts.validation.chosen == 0 {
            let there = counts.train.there + counts.validation.there;
            let reason = format!("it leaves none of the {there} training and validation images that are there");
            return Err(Error::Filter { filter: self.filter.clone(), reason });
        }
        let parts = [counts.train.chosen, counts.validation.chosen, counts.test.chosen];
        let contents =
            Contents { channels: CHANNELS, side: self.transform.side, counts: parts, key: self.key(&names)? };
        let state = match cache::open(path, &contents) {
            Ok(Some(cache)) => return self.photos(&cache, &names, counts, CacheState::Kept),
            Ok(None) => CacheState::Made,
            Err(reason) => CacheState::Remade(reason),
        };
        cache::write(path, &contents, |write| self.decode(&names, progress, write))?;
        let vanished = |reason: &str| Error::malformed(path, format!("was just written, and {reason}"));
        match cache::open(path, &contents) {
            Ok(Some(cache)) => self.photos(&cache, &names, counts, state),
            Ok(None) => Err(vanished("is gone")),
            Err(reason) => Err(vanished(&reason)),
        }
    }

    /// Identity of what the images are made from. The filter and the lists are in it as the names that they leave.
    fn key(&self, names: &[&str]) -> Result<[u8; 32]> {
        let mut hasher = Sha256::new();
        hasher.update(format!("{:?} by zune-jpeg 0.5 and fast_image_resize 6\n", self.transform));
        for name in names {
            hasher.update(name);
            hasher.update("\n");
        }
        self.source.identify(names.iter().copied(), &mut hasher)?;
        Ok(hasher.finalize().into())
    }

    fn decode(
        &self,
        names: &[&str],
        progress: Progress<'_>,
        write: &mut dyn FnMut(&[u8], &Sum) -> Result<()>,
    ) -> Result<()> {
        let size = self.transform.bytes();
        let mut pixels = vec![0; AT_ONCE.min(names.len()) * size];
        let mut tell = |done| match progress(done, names.len()) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped { done, total: names.len() }),
        };
        tell(0)?;
        for (part, names) in names.chunks(AT_ONCE).enumerate() {
            let images = pixels.par_chunks_exact_mut(size).zip(names);
            // Each thread has one reader and one workspace; the results come in the order of the names.
            let sums: Vec<Result<Sum>> = images
                .map_init(
                    || (self.source.reader(), Workspace::default(), Vec::new()),
                    |(reader, workspace, jpeg), (image, name)| {
                        reader.read(name, jpeg)?;
                        let unusable =
                            |error: Unusable| Error::malformed(&self.source.path().join(name), error.to_string());
                        workspace.transform(&self.transform, jpeg, image).map_err(unusable)?;
                        Ok(Sum::of(image))
                    },
                )
                .collect();
            for (image, sum) in pixels.chunks_exact(size).zip(sums) {
                write(image, &sum?)?;
            }
            tell(part * AT_ONCE + names.len())?;
        }
        Ok(())
    }

    fn photos(&self, cache: &Cache, names: &[&str], counts: Counts, state: CacheState) -> Result<Photos> {
        let contents = &cache.contents;
        let [train, validation, test] = contents.counts;
        let images = |from: usize, n: usize| {
            let shape = (n, contents.channels, contents.side, contents.side);
            Images::mapped(Arc::clone(&cache.bytes), contents.offset(from), shape)
        };
        let identity = |parts: &[usize], identity: &[u8; 32]| {
            let hasher = Sha256::new().chain_update(format!("{CHANNELS}×{0}×{0} {parts:?}\n", contents.side));
            hexadecimal(hasher.chain_update(identity))
        };
        let [of_train, of_test] = &cache.identities;
        Ok(Photos {
            images: images(0, train + validation)?,
            names: names[..train + validation].iter().map(|name| (*name).to_owned()).collect(),
            split: Split { train: (0..train).collect(), validation: (train..train + validation).collect() },
            test: if test > 0 { Some(images(train + validation, test)?) } else { None },
            fingerprint: identity(&[train, validation], of_train),
            test_fingerprint: (test > 0).then(|| identity(&[test], of_test)),
            original: contents.counts == self.published,
            counts,
            cache: state,
        })
    }
}
