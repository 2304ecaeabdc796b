//! Images as they came out of the transform, in one file that is mapped into memory.
//!
//! | bytes | what (numbers are little-endian) |
//! |---|---|
//! | 0..8 | `GTNIMAGE` |
//! | 8..12 | version of this layout |
//! | 12..20 | channels, side |
//! | 20..44 | number of training, validation and test images |
//! | 44..76 | SHA-256 of what the images were made from: files, lists, transform |
//! | 76..108 | SHA-256 of the training and validation images' own SHA-256s |
//! | 108..140 | the same of the test images |
//! | 140..172 | SHA-256 of bytes 0..140 and of the table at the end |
//! | 4096.. | the images, (n, C, H, W): training, validation, test |
//! | then | a CRC-32 for each image |

use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use flate2::Crc;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::mapped::Mapped;
use crate::{Error, Result, folder_of, whole};

const MAGIC: &[u8; 8] = b"GTNIMAGE";
const VERSION: u32 = 1;
/// Where the images begin: at a page of memory.
const START: usize = 4096;
/// Up to so many bytes of images all are compared with their checksums when the file is opened; of more, evenly spaced ones.
const CHECKED: usize = 512 << 20;

/// What a cache is to hold, before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) channels: usize,
    pub(super) side: usize,
    /// Number of training, validation and test images.
    pub(super) counts: [usize; 3],
    /// SHA-256 of what the images are made from.
    pub(super) key: [u8; 32],
}

/// A cache that was opened and found good.
#[derive(Debug)]
pub(super) struct Cache {
    pub(super) contents: Contents,
    /// Identity of the training and validation images, and of the test images.
    pub(super) identities: [[u8; 32]; 2],
    pub(super) bytes: Arc<Mapped>,
}

impl Contents {
    fn images(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Bytes of an image.
    pub(super) fn image(&self) -> usize {
        self.channels * self.side * self.side
    }

    /// Bytes of the file; `None` if no file is as long.
    fn file(&self) -> Option<usize> {
        self.images().checked_mul(self.image().checked_add(4)?)?.checked_add(START)
    }

    /// Where image `index` begins in the file.
    pub(super) fn offset(&self, index: usize) -> usize {
        START + index * self.image()
    }

    fn header(&self, identities: &[[u8; 32]; 2], table: &[u8]) -> Vec<u8> {
        let mut header = MAGIC.to_vec();
        for number in [VERSION, self.channels as u32, self.side as u32] {
            header.extend(number.to_le_bytes());
        }
        for count in self.counts {
            header.extend((count as u64).to_le_bytes());
        }
        header.extend(self.key);
        header.extend(identities.concat());
        let checksum = Sha256::new().chain_update(&header).chain_update(table).finalize();
        header.extend(checksum);
        header
    }
}

/// The images' checksums, taken as they come.
struct Sums {
    contents: Contents,
    table: Vec<u8>,
    identities: [Sha256; 2],
}

/// What one image adds to [`Sums`].
pub(super) struct Sum {
    crc: u32,
    sha256: [u8; 32],
}

impl Sum {
    pub(super) fn of(image: &[u8]) -> Self {
        Self { crc: crc(image), sha256: Sha256::digest(image).into() }
    }
}

impl Sums {
    fn add(&mut self, sum: &Sum) {
        let [train, validation, _] = self.contents.counts;
        let of_test = self.table.len() / 4 >= train + validation;
        self.identities[usize::from(of_test)].update(sum.sha256);
        self.table.extend(sum.crc.to_le_bytes());
    }
}

/// Opens a cache of these contents, `None` if there is no file.
///
/// # Errors
///
/// What is wrong with the file, as the end of a sentence about it.
pub(super) fn open(path: &Path, wanted: &Contents) -> std::result::Result<Option<Cache>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read ({error})")),
    };
    let regular = file.metadata().is_ok_and(|found| found.is_file());
    let bytes = match Mapped::new(&file) {
        Ok(bytes) if regular => bytes,
        Ok(_) => return Err("is no regular file".to_owned()),
        Err(error) => return Err(format!("cannot be read ({error})")),
    };
    if bytes.len() < START || !bytes.starts_with(MAGIC) {
        return Err("is no file of images".to_owned());
    }
    let array = |from: usize| <[u8; 32]>::try_from(&bytes[from..from + 32]).expect("32 bytes");
    let identities = [array(76), array(108)];
    if bytes[..76] != wanted.header(&identities, &[])[..76] {
        // Of other files, by another version, or damaged there: all the same to who needs these.
        return Err("was made from other files or in another way".to_owned());
    }
    if wanted.file() != Some(bytes.len()) {
        return Err("is damaged: it is longer or shorter than its header says".to_owned());
    }
    let table = &bytes[wanted.offset(wanted.images())..];
    if bytes[..172] != wanted.header(&identities, table)[..] {
        return Err("is damaged: its header's checksum is another".to_owned());
    }
    let step = (wanted.images() * wanted.image()).div_ceil(CHECKED).max(1);
    let whole = |index: &usize| {
        let image = &bytes[wanted.offset(*index)..wanted.offset(index + 1)];
        bytes.was_seen(image.len());
        crc(image).to_le_bytes() == table[4 * index..4 * index + 4]
    };
    let indices: Vec<usize> = (0..wanted.images()).step_by(step).collect();
    if let Some(index) = indices.par_iter().find_any(|index| !whole(index)) {
        return Err(format!("is damaged: the checksum of image {index} is another"));
    }
    bytes.hand_back();
    Ok(Some(Cache { contents: *wanted, identities, bytes: Arc::new(bytes) }))
}

/// Writes a cache whole or not at all: to a temporary file beside it, synchronized to disk, then renamed. `fill` hands
/// over the images in their order, each with its checksums.
pub(super) fn write(
    path: &Path,
    contents: &Contents,
    fill: impl FnOnce(&mut dyn FnMut(&[u8], &Sum) -> Result<()>) -> Result<()>,
) -> Result<()> {
    let hint = |source: &std::io::Error| {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let megabytes = contents.file().unwrap_or(usize::MAX).div_ceil(1_000_000);
        match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => {
                format!("; {} images need {megabytes} MB there, and nothing of it was kept", contents.images())
            }
            _ => String::new(),
        }
    };
    let fail = |source| Error::Write { path: path.to_path_buf(), hint: hint(&source), source };
    if path.is_dir() {
        return Err(fail(std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a folder")));
    }
    fs::create_dir_all(folder_of(path)).map_err(fail)?;
    // Nobody is to write into a file that is mapped.
    let mut temporary = whole::temporary(path, 0o444).map_err(fail)?;
    let mut sums = Sums { contents: *contents, table: Vec::new(), identities: [Sha256::new(), Sha256::new()] };
    let mut out = BufWriter::with_capacity(1 << 20, temporary.as_file_mut());
    out.write_all(&[0; START]).map_err(fail)?;
    fill(&mut |image: &[u8], sum: &Sum| {
        sums.add(sum);
        out.write_all(image).map_err(fail)
    })?;
    let header = contents.header(&sums.identities.map(|hasher| hasher.finalize().into()), &sums.table);
    let finished = out
        .write_all(&sums.table)
        .and_then(|()| out.seek(SeekFrom::Start(0)))
        .and_then(|_| out.write_all(&header))
        .and_then(|()| out.flush());
    finished.map_err(fail)?;
    drop(out);
    whole::publish(temporary, path).map_err(fail)
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENTS: Contents = Contents { channels: 3, side: 2, counts: [3, 1, 2], key: [7; 32] };

    fn image(index: usize) -> Vec<u8> {
        (0..CONTENTS.image()).map(|byte| (index * 40 + byte) as u8).collect()
    }

    fn write_all(path: &Path) -> Result<()> {
        write(path, &CONTENTS, |write| (0..6).map(image).try_for_each(|image| write(&image, &Sum::of(&image))))
    }

    fn reason(path: &Path) -> String {
        open(path, &CONTENTS).unwrap_err()
    }

    #[test]
    fn what_was_written_is_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/cache");
        assert!(open(&path, &CONTENTS).unwrap().is_none());
        write_all(&path).unwrap();
        let cache = open(&path, &CONTENTS).unwrap().unwrap();
        for index in 0..6 {
            assert_eq!(cache.bytes[CONTENTS.offset(index)..CONTENTS.offset(index + 1)], image(index));
        }
        assert_ne!(cache.identities[0], cache.identities[1]);
        let mut hasher = Sha256::new();
        (4..6).for_each(|index| hasher.update(Sha256::digest(image(index))));
        assert_eq!(cache.identities[1], <[u8; 32]>::from(hasher.finalize()));
        // Writing again replaces the file, and who has the old one keeps it.
        write_all(&path).unwrap();
        assert_eq!(cache.bytes[START..START + 12], image(0));
        assert_eq!(fs::read_dir(folder.path().join("below")).unwrap().count(), 1);
    }

    #[test]
    fn damage_is_found_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        write_all(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let images = START..START + 6 * CONTENTS.image();
        for at in (0..172).chain(images.clone()).chain(images.end..whole.len()) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, damaged).unwrap();
            let reason = reason(&path);
            if images.contains(&at) {
                let image = (at - START) / CONTENTS.image();
                assert_eq!(reason, format!("is damaged: the checksum of image {image} is another"));
            }
        }
        for length in [0, 1, START - 1, START, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(reason(&path).contains(if length < START { "no file of images" } else { "shorter" }));
        }
        fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        assert!(reason(&path).contains("longer"));
        fs::write(&path, vec![b'x'; 10_000]).unwrap();
        assert_eq!(reason(&path), "is no file of images");
        fs::write(&path, &whole).unwrap();
        assert!(open(&path, &CONTENTS).unwrap().is_some());
        for other in [
            Contents { key: [8; 32], ..CONTENTS },
            Contents { counts: [2, 2, 2], ..CONTENTS },
            Contents { side: 4, ..CONTENTS },
        ] {
            assert_eq!(open(&path, &other).unwrap_err(), "was made from other files or in another way");
        }
        assert!(open(folder.path(), &CONTENTS).is_err(), "a folder is no cache");
    }

    #[test]
    fn a_failure_on_the_way_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        write_all(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        let stopped = write(&path, &CONTENTS, |write| {
            write(&image(0), &Sum::of(&image(0)))?;
            Err(Error::Stopped { done: 1, total: 6 })
        });
        assert!(matches!(stopped, Err(Error::Stopped { done: 1, total: 6 })));
        assert_eq!(fs::read(&path).unwrap(), whole);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        // Where a folder has the name, or a file that of the folder.
        for path in [folder.path().to_path_buf(), path.join("below")] {
            let error = write_all(&path).unwrap_err();
            assert!(matches!(error, Error::Write { .. }) && !error.to_string().contains('\n'), "{error}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
