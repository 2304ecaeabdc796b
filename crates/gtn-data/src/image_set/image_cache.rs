//! The cache of transformed images: one file that is memory-mapped.
//!
//! | bytes | content (integers are little-endian) |
//! |---|---|
//! | 0..8 | `GTNIMAGE` |
//! | 8..12 | version of this format |
//! | 12..20 | channels, side |
//! | 20..44 | number of training, validation and test images |
//! | 44..76 | SHA-256 of the inputs: files, lists, transform |
//! | 76..108 | SHA-256 of the SHA-256 digests of the training and validation images |
//! | 108..140 | SHA-256 of the SHA-256 digests of the test images |
//! | 140..172 | SHA-256 of bytes 0..140 and of the table at the end |
//! | 4096.. | the images, (n, C, H, W): training, validation, test |
//! | then | table of one CRC-32 per image |

use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Crc;
use gtn_io::atomic::{self, Existing, parent_folder};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::mmap::MappedFile;
use crate::{Error, Result};

const MAGIC: &[u8; 8] = b"GTNIMAGE";
const VERSION: u32 = 1;
/// Offset of the first image, at a page boundary.
const DATA_OFFSET: usize = 4096;
/// Up to this size, opening a cache verifies the checksums of all images; beyond it, those of evenly spaced ones.
const FULL_CHECK_BYTES: usize = 512 << 20;

/// What a cache must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheSpec {
    pub(crate) channels: usize,
    pub(crate) side: usize,
    /// Number of training, validation and test images.
    pub(crate) counts: [usize; 3],
    /// SHA-256 of the inputs.
    pub(crate) key: [u8; 32],
}

/// A valid cache.
#[derive(Debug)]
pub(crate) struct ImageCache {
    pub(crate) spec: CacheSpec,
    /// Digest of the training and validation images, and digest of the test images.
    pub(crate) digests: [[u8; 32]; 2],
    pub(crate) bytes: Arc<MappedFile>,
}

impl CacheSpec {
    fn image_count(&self) -> usize {
        self.counts.iter().sum()
    }

    fn image_bytes(&self) -> usize {
        self.channels * self.side * self.side
    }

    /// Size of the file; `None` on overflow.
    fn file_bytes(&self) -> Option<usize> {
        self.image_count().checked_mul(self.image_bytes().checked_add(4)?)?.checked_add(DATA_OFFSET)
    }

    /// Offset of image `index` in the file.
    pub(crate) fn image_offset(&self, index: usize) -> usize {
        DATA_OFFSET + index * self.image_bytes()
    }

    fn header(&self, digests: &[[u8; 32]; 2], table: &[u8]) -> Vec<u8> {
        let mut header = MAGIC.to_vec();
        for field in [VERSION, self.channels as u32, self.side as u32] {
            header.extend(field.to_le_bytes());
        }
        for count in self.counts {
            header.extend((count as u64).to_le_bytes());
        }
        header.extend(self.key);
        header.extend(digests.concat());
        let checksum = Sha256::new().chain_update(&header).chain_update(table).finalize();
        header.extend(checksum);
        header
    }
}

/// The checksums of one image.
pub(crate) struct ImageChecksums {
    crc: u32,
    sha256: [u8; 32],
}

impl ImageChecksums {
    pub(crate) fn new(image: &[u8]) -> Self {
        Self { crc: crc(image), sha256: Sha256::digest(image).into() }
    }
}

/// Opens a cache with this content; `None` if there is no file.
///
/// # Errors
///
/// What is wrong with the file, as the predicate of a sentence whose subject is the file.
pub(crate) fn open(path: &Path, expected: &CacheSpec) -> std::result::Result<Option<ImageCache>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read ({error})")),
    };
    let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
    let bytes = match MappedFile::new(&file) {
        Ok(bytes) if is_regular => bytes,
        Ok(_) => return Err("is not a regular file".to_owned()),
        Err(error) => return Err(format!("cannot be read ({error})")),
    };
    if bytes.len() < DATA_OFFSET || !bytes.starts_with(MAGIC) {
        return Err("is not an image cache".to_owned());
    }
    let digest_at = |from: usize| <[u8; 32]>::try_from(&bytes[from..from + 32]).expect("32 bytes");
    let digests = [digest_at(76), digest_at(108)];
    if bytes[..76] != expected.header(&digests, &[])[..76] {
        // Other inputs, another version and a damaged header all have the same consequence.
        return Err("was created from other files or with other settings".to_owned());
    }
    if expected.file_bytes() != Some(bytes.len()) {
        return Err("is damaged: it is longer or shorter than its header says".to_owned());
    }
    let table = &bytes[expected.image_offset(expected.image_count())..];
    if bytes[..172] != expected.header(&digests, table)[..] {
        return Err("is damaged: the checksum of its header does not match".to_owned());
    }
    let step = (expected.image_count() * expected.image_bytes()).div_ceil(FULL_CHECK_BYTES).max(1);
    let is_intact = |index: &usize| {
        let image = &bytes[expected.image_offset(*index)..expected.image_offset(index + 1)];
        bytes.record_read(image.len());
        crc(image).to_le_bytes() == table[4 * index..4 * index + 4]
    };
    let indices: Vec<usize> = (0..expected.image_count()).step_by(step).collect();
    if let Some(index) = indices.par_iter().find_any(|index| !is_intact(index)) {
        return Err(format!("is damaged: the checksum of image {index} does not match"));
    }
    bytes.release_pages();
    Ok(Some(ImageCache { spec: *expected, digests, bytes: Arc::new(bytes) }))
}

/// Writes a cache atomically: to a temporary file next to it, which is synced to disk and then renamed. `fill` passes
/// the images in their order, each with its checksums.
pub(crate) fn write(
    path: &Path,
    spec: &CacheSpec,
    fill: impl FnOnce(&mut dyn FnMut(&[u8], &ImageChecksums) -> Result<()>) -> Result<()>,
) -> Result<()> {
    let hint = |source: &std::io::Error| {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let megabytes = spec.file_bytes().unwrap_or(usize::MAX).div_ceil(1_000_000);
        match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => {
                format!("; {} images need {megabytes} MB there; no partial file was kept", spec.image_count())
            }
            _ => String::new(),
        }
    };
    let fail = |source| Error::Write { path: path.to_path_buf(), hint: hint(&source), source };
    fs::create_dir_all(parent_folder(path)).map_err(fail)?;
    // Read-only, because nobody may write to a file that is mapped.
    let mut temp_file = atomic::create_temp_file(path, 0o444).map_err(fail)?;
    let [train, validation, _] = spec.counts;
    let (mut table, mut digests) = (Vec::new(), [Sha256::new(), Sha256::new()]);
    let mut out = BufWriter::with_capacity(1 << 20, temp_file.as_file_mut());
    out.write_all(&[0; DATA_OFFSET]).map_err(fail)?;
    fill(&mut |image: &[u8], checksums: &ImageChecksums| {
        let is_test = table.len() / 4 >= train + validation;
        digests[usize::from(is_test)].update(checksums.sha256);
        table.extend(checksums.crc.to_le_bytes());
        out.write_all(image).map_err(fail)
    })?;
    let header = spec.header(&digests.map(|hasher| hasher.finalize().into()), &table);
    let finished = out
        .write_all(&table)
        .and_then(|()| out.seek(SeekFrom::Start(0)))
        .and_then(|_| out.write_all(&header))
        .and_then(|()| out.flush());
    finished.map_err(fail)?;
    drop(out);
    atomic::persist(temp_file, path, Existing::Replace).map_err(fail)
}

/// Removes a file beside a cache, if it exists.
pub(crate) fn remove_if_exists(path: PathBuf) -> Result<()> {
    match fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::Write { path, hint: String::new(), source })
        }
        _ => Ok(()),
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: CacheSpec = CacheSpec { channels: 3, side: 2, counts: [3, 1, 2], key: [7; 32] };

    fn image(index: usize) -> Vec<u8> {
        (0..SPEC.image_bytes()).map(|byte| (index * 40 + byte) as u8).collect()
    }

    fn write_all(path: &Path) -> Result<()> {
        write(path, &SPEC, |write| (0..6).map(image).try_for_each(|image| write(&image, &ImageChecksums::new(&image))))
    }

    fn open_error(path: &Path) -> String {
        open(path, &SPEC).unwrap_err()
    }

    #[test]
    fn a_written_cache_reads_back_the_same_images() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/cache");
        assert!(open(&path, &SPEC).unwrap().is_none());
        write_all(&path).unwrap();
        let cache = open(&path, &SPEC).unwrap().unwrap();
        for index in 0..6 {
            assert_eq!(cache.bytes[SPEC.image_offset(index)..SPEC.image_offset(index + 1)], image(index));
        }
        assert_ne!(cache.digests[0], cache.digests[1]);
        let mut hasher = Sha256::new();
        (4..6).for_each(|index| hasher.update(Sha256::digest(image(index))));
        assert_eq!(cache.digests[1], <[u8; 32]>::from(hasher.finalize()));
        // Writing again replaces the file; a mapping of the old file stays valid.
        write_all(&path).unwrap();
        assert_eq!(cache.bytes[DATA_OFFSET..DATA_OFFSET + 12], image(0));
        assert_eq!(fs::read_dir(folder.path().join("below")).unwrap().count(), 1);
    }

    #[test]
    fn damage_at_any_byte_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        write_all(&path).unwrap();
        let intact = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let images = DATA_OFFSET..DATA_OFFSET + 6 * SPEC.image_bytes();
        for at in (0..172).chain(images.clone()).chain(images.end..intact.len()) {
            let mut damaged = intact.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, damaged).unwrap();
            let reason = open_error(&path);
            if images.contains(&at) {
                let image = (at - DATA_OFFSET) / SPEC.image_bytes();
                assert_eq!(reason, format!("is damaged: the checksum of image {image} does not match"));
            }
        }
        for length in [0, 1, DATA_OFFSET - 1, DATA_OFFSET, intact.len() - 1] {
            fs::write(&path, &intact[..length]).unwrap();
            assert!(open_error(&path).contains(if length < DATA_OFFSET { "not an image cache" } else { "shorter" }));
        }
        fs::write(&path, [&intact[..], b"x"].concat()).unwrap();
        assert!(open_error(&path).contains("longer"));
        fs::write(&path, vec![b'x'; 10_000]).unwrap();
        assert_eq!(open_error(&path), "is not an image cache");
        fs::write(&path, &intact).unwrap();
        assert!(open(&path, &SPEC).unwrap().is_some());
        for other in
            [CacheSpec { key: [8; 32], ..SPEC }, CacheSpec { counts: [2, 2, 2], ..SPEC }, CacheSpec { side: 4, ..SPEC }]
        {
            assert_eq!(open(&path, &other).unwrap_err(), "was created from other files or with other settings");
        }
        assert!(open(folder.path(), &SPEC).is_err(), "a folder is not a cache");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        write_all(&path).unwrap();
        let before = fs::read(&path).unwrap();
        let stopped = write(&path, &SPEC, |write| {
            write(&image(0), &ImageChecksums::new(&image(0)))?;
            Err(Error::Stopped { done: 1, total: 6 })
        });
        assert!(matches!(stopped, Err(Error::Stopped { done: 1, total: 6 })));
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        // A folder at the path, and a file where its parent folder should be.
        for path in [folder.path().to_path_buf(), path.join("below")] {
            let error = write_all(&path).unwrap_err();
            assert!(matches!(error, Error::Write { .. }) && !error.to_string().contains('\n'), "{error}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
