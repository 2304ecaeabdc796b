//! From files to the cache.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use gtn_io::hex;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::contents::Contents;
use super::decoder::Decoder;
use super::listing::Listing;
use super::{CHANNELS, Classes, Options, OwnImages, Sizing, check_unreadable};
use crate::image_set::image_cache::{self, CacheSpec, ImageChecksums};
use crate::image_set::{CANNOT_BE_READ, CacheState, ProgressFn, reason_of};
use crate::{Error, Images, Result};

/// Files decoded between two calls of a progress callback.
const BATCH: usize = 64;

/// Reads the images of a folder, or of a `.zip`, `.tar`, `.tar.gz` or `.tgz` archive, through the cache at `cache`: PNG, JPEG, WebP, GIF
/// (the first frame), BMP and TIFF files, in folders of any depth, in the order of their names.
///
/// Gray images become color images if others have colors. 16 bits are reduced to 8. The orientation in the metadata of cameras is
/// applied. What operating systems leave (names with a dot, `__MACOSX`, `Thumbs.db`, `desktop.ini`) is passed over.
///
/// # Errors
///
/// [`Error::Setting`] for invalid options; [`Error::File`] if the folder or the archive cannot be read or has no images, if an archive is
/// damaged or has entries outside its folder, or if more files are unreadable than the options allow; [`Error::Write`] if the cache
/// cannot be written; [`Error::Stopped`] if `progress` asks to stop.
pub fn read(path: &Path, options: &Options, cache: &Path, progress: ProgressFn<'_>) -> Result<OwnImages> {
    options.check()?;
    let listing = Listing::of(path)?;
    let sizing = options.sizing();
    let (key, key_text) = key(&listing, &sizing);
    let spec = |contents: &Contents| CacheSpec {
        channels: contents.channels,
        side: sizing.side,
        counts: [contents.used.len(), 0, 0],
        key,
    };
    let mut state = CacheState::Created;
    if let Some(contents) = Contents::read(cache, &key_text, listing.len()) {
        match image_cache::open(cache, &spec(&contents)) {
            Ok(Some(opened)) => {
                check_unreadable(path, options, listing.len(), &contents.unreadable)?;
                return own_images(&listing, contents, &opened, CacheState::Reused);
            }
            Ok(None) => {}
            Err(reason) => state = CacheState::Recreated(reason),
        }
    }
    let mut decoded = Decoded::create(cache, &sizing)?;
    decoded.decode(&listing, &sizing, progress)?;
    let contents = decoded.contents(&listing, key_text);
    check_unreadable(path, options, listing.len(), &contents.unreadable)?;
    let spec = spec(&contents);
    image_cache::write(cache, &spec, |write| decoded.copy(&contents, write))?;
    // Files that the system did not let us read are tried again the next time.
    let is_lasting = contents.unreadable.iter().all(|(_, reason)| !reason.starts_with(CANNOT_BE_READ));
    if is_lasting {
        contents.write(cache)?
    } else {
        Contents::remove(cache)?
    }
    match image_cache::open(cache, &spec) {
        Ok(Some(opened)) => own_images(&listing, contents, &opened, state),
        Ok(None) => Err(Error::malformed(cache, "the file was just written, but is gone; try again")),
        Err(reason) => Err(Error::malformed(cache, format!("the file was just written, but {reason}; try again"))),
    }
}

/// Digest of the inputs that the pixels depend on.
fn key(listing: &Listing, sizing: &Sizing) -> ([u8; 32], String) {
    let Sizing { side, resize, background } = sizing;
    let mut hasher = Sha256::new();
    // Existing caches depend on this exact text.
    hasher.update(format!("own images 1: side {side}, {resize:?}, background {background:?}\n"));
    listing.hash_state(&mut hasher);
    let digest: [u8; 32] = hasher.finalize().into();
    (digest, hex(digest))
}

fn own_images(
    listing: &Listing,
    contents: Contents,
    cache: &image_cache::ImageCache,
    state: CacheState,
) -> Result<OwnImages> {
    let CacheSpec { channels, side, .. } = cache.spec;
    let shape = (contents.used.len(), channels, side, side);
    let images = Images::from_mapped(Arc::clone(&cache.bytes), cache.spec.image_offset(0), shape)?;
    let classes = listing.classes().map(|(names, labels)| {
        let labels = contents.used.iter().map(|&index| labels[index]).collect();
        Classes { names, labels }
    });
    let mut hasher = Sha256::new().chain_update(format!("own images {shape:?}\n")).chain_update(cache.digests[0]);
    if let Some(Classes { names, labels }) = &classes {
        hasher.update(format!("{names:?} {labels:?}\n"));
    }
    Ok(OwnImages {
        images,
        names: contents.used.iter().map(|&index| listing.name(index).to_owned()).collect(),
        classes,
        unreadable: contents.unreadable,
        duplicates: contents.duplicates,
        other_files: listing.others.0,
        fingerprint: hex(hasher.finalize()),
        cache: state,
    })
}

/// All decoded images, in a temporary file without a name.
struct Decoded {
    file: File,
    image_bytes: usize,
    /// What became of each file.
    results: Vec<std::result::Result<DecodedImage, String>>,
}

struct DecodedImage {
    sha256: [u8; 32],
    is_gray: bool,
}

impl Decoded {
    /// The file is on the disk of the cache, where there must be space for it anyway.
    fn create(cache: &Path, sizing: &Sizing) -> Result<Self> {
        let folder = gtn_io::atomic::parent_folder(cache);
        let write = |source| Error::Write { path: cache.to_path_buf(), hint: String::new(), source };
        std::fs::create_dir_all(folder).map_err(write)?;
        let file = tempfile::tempfile_in(folder).map_err(write)?;
        Ok(Self { file, image_bytes: CHANNELS * sizing.side * sizing.side, results: Vec::new() })
    }

    fn decode(&mut self, listing: &Listing, sizing: &Sizing, progress: ProgressFn<'_>) -> Result<()> {
        let total = listing.len();
        let fail = |source| Error::Write { path: listing.path().to_path_buf(), hint: String::new(), source };
        let mut out = BufWriter::with_capacity(1 << 20, &mut self.file);
        let mut pixels = vec![0; BATCH.min(total) * self.image_bytes];
        for start in (0..total).step_by(BATCH) {
            if progress(start, total) == ControlFlow::Break(()) {
                return Err(Error::Stopped { done: start, total });
            }
            let indices = start..total.min(start + BATCH);
            let images = pixels.par_chunks_exact_mut(self.image_bytes).zip(indices.clone());
            // Each thread has one reader and one decoder; the results are in the order of the names.
            let results: Vec<_> = images
                .map_init(
                    || (listing.reader(), Decoder::default(), Vec::new()),
                    |(reader, decoder, bytes), (image, index)| {
                        reader.read(index, bytes).map_err(|error| reason_of(&error))?;
                        let is_gray = decoder.decode(bytes, sizing, image)?;
                        Ok(DecodedImage { sha256: Sha256::digest(&*image).into(), is_gray })
                    },
                )
                .collect();
            for (image, result) in pixels.chunks_exact(self.image_bytes).zip(&results) {
                if result.is_ok() {
                    out.write_all(image).map_err(fail)?;
                }
            }
            self.results.extend(results);
        }
        out.flush().map_err(fail)?;
        drop(out);
        match progress(total, total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped { done: total, total }),
        }
    }

    /// Which images are used.
    fn contents(&self, listing: &Listing, key: String) -> Contents {
        let is_gray = self.results.iter().flatten().all(|image| image.is_gray);
        let mut contents = Contents::new(key, if is_gray { 1 } else { CHANNELS });
        let mut first: HashMap<[u8; 32], usize> = HashMap::new();
        for (index, result) in self.results.iter().enumerate() {
            let name = || listing.name(index).to_owned();
            match result {
                Err(reason) => contents.unreadable.push((name(), reason.clone())),
                Ok(image) => match first.get(&image.sha256) {
                    Some(&earlier) => contents.duplicates.push((name(), listing.name(earlier).to_owned())),
                    None => {
                        first.insert(image.sha256, index);
                        contents.used.push(index);
                    }
                },
            }
        }
        contents
    }

    /// Copies the images that are used to the cache.
    fn copy(&mut self, contents: &Contents, write: &mut dyn FnMut(&[u8], &ImageChecksums) -> Result<()>) -> Result<()> {
        let fail = |source| Error::Write { path: "a temporary file".into(), hint: String::new(), source };
        self.file.seek(SeekFrom::Start(0)).map_err(fail)?;
        let mut decoded = BufReader::with_capacity(1 << 20, &mut self.file);
        let mut image = vec![0; self.image_bytes];
        let kept = self.image_bytes / CHANNELS * contents.channels;
        let mut used = contents.used.iter().peekable();
        for (index, _) in self.results.iter().enumerate().filter(|(_, result)| result.is_ok()) {
            decoded.read_exact(&mut image).map_err(fail)?;
            if used.next_if(|used| **used == index).is_some() {
                write(&image[..kept], &ImageChecksums::new(&image[..kept]))?;
            }
        }
        Ok(())
    }
}
