//! A file as bytes in memory, without loading it.
//!
//! The system brings a page in when it is first looked at and may drop it again, so that a file of any size takes address
//! space alone. This is the only `unsafe` code of the crate, and what it asks of the world is this: **as long as the bytes
//! are borrowed, nobody writes into the file or shortens it.** Were it written into, a `&[u8]` would change under its reader,
//! which Rust's rules forbid; were it shortened, reading past its new end would end the process (SIGBUS on Unix).
//!
//! Within the program the promise is kept: only files that [`crate::photos`] wrote are mapped, those are made under another
//! name, renamed when whole, without permission to write, and never opened for writing again. Putting another file in their
//! place or removing them does no harm, since a mapping holds on to the file it was made from. Against somebody who forces
//! his way into the file of a running process there is no remedy but copying it; who fears that uses a folder of his own.
//!
//! What was looked at counts as memory of the process until the system needs it for something else, which on a machine with
//! enough of it is never. So that it does not look as if CelebA were loaded, pages are handed back now and then.
#![allow(unsafe_code)]

use std::fs::File;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes of a file, in memory only as far as they are looked at.
pub(crate) struct Mapped {
    map: memmap2::Mmap,
    /// Bytes that were looked at since pages were last handed back.
    seen: AtomicUsize,
}

/// So many bytes are looked at before pages are handed back. With each look the system brings in up to 64 kB around it, so
/// that five times as much is in memory when images of 12 kB are looked at here and there.
const MOST_SEEN: usize = 128 << 20;

impl Mapped {
    /// Maps the whole of `file`, which may be closed afterwards.
    ///
    /// # Errors
    ///
    /// What the system says, for instance that it cannot map a file of this kind.
    pub(crate) fn new(file: &File) -> std::io::Result<Self> {
        // SAFETY: the file is one of the crate's own, which nobody writes into (see above).
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(Self { map, seen: AtomicUsize::new(0) })
    }

    /// Says that so many bytes were looked at and may not be again for a while.
    pub(crate) fn was_seen(&self, bytes: usize) {
        if self.seen.fetch_add(bytes, Ordering::Relaxed) >= MOST_SEEN {
            self.seen.store(0, Ordering::Relaxed);
            self.hand_back();
        }
    }

    /// Gives the pages back to the system, which brings them in again when they are looked at, mostly from its own cache.
    pub(crate) fn hand_back(&self) {
        // SAFETY: the advice changes the bytes of mappings that are private or of no file. This one is shared and of a file:
        // only the way to its pages is dropped, as the system may do by itself at any time, and the next look finds the file's
        // bytes, which nobody changes (see above). Somebody who reads them at this moment waits for the system to find them.
        #[cfg(unix)]
        let _ = unsafe { self.map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl std::fmt::Debug for Mapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mapped({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_mapping_is_the_file_it_was_made_from_even_when_that_is_replaced_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"the first").unwrap();
        let first = Mapped::new(&File::open(&path).unwrap()).unwrap();
        fs::write(folder.path().join("b"), b"another").unwrap();
        fs::rename(folder.path().join("b"), &path).unwrap();
        let second = Mapped::new(&File::open(&path).unwrap()).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!((&*first, &*second), (&b"the first"[..], &b"another"[..]));
        assert_eq!(format!("{first:?}"), "Mapped(9 bytes)");
    }

    #[test]
    fn an_empty_file_is_no_bytes_and_threads_share_a_mapping() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"").unwrap();
        assert!(Mapped::new(&File::open(&path).unwrap()).unwrap().is_empty());
        fs::write(&path, vec![7; 100_000]).unwrap();
        let mapped = Mapped::new(&File::open(&path).unwrap()).unwrap();
        let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        let halves = std::thread::scope(|scope| {
            let [low, high] = [&mapped[..50_000], &mapped[50_000..]].map(|half| scope.spawn(move || sum(half)));
            (low.join().unwrap(), high.join().unwrap())
        });
        assert_eq!(halves, (350_000, 350_000));
    }

    #[test]
    fn pages_that_were_handed_back_hold_the_same_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let content: Vec<u8> =
            (0..3_000_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        fs::write(&path, &content).unwrap();
        let mapped = Mapped::new(&File::open(&path).unwrap()).unwrap();
        assert!(*mapped == content[..]);
        #[cfg(target_os = "linux")]
        {
            assert!(resident(&mapped) > 2_500_000);
            mapped.hand_back();
            assert_eq!(resident(&mapped), 0);
        }
        // While others read, and after the file's name is gone.
        fs::remove_file(&path).unwrap();
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| (0..20).all(|_| *mapped == content[..]))).collect();
            while !readers.iter().all(|reader| reader.is_finished()) {
                mapped.was_seen(MOST_SEEN);
            }
            assert!(readers.into_iter().all(|reader| reader.join().unwrap()));
        });
        assert!(*mapped == content[..]);
    }

    /// Bytes of a mapping that are in the memory of this process.
    #[cfg(target_os = "linux")]
    fn resident(mapped: &Mapped) -> usize {
        let start = format!("{:x}-", mapped.as_ptr() as usize);
        let maps = fs::read_to_string("/proc/self/smaps").unwrap();
        let of_it = maps.lines().skip_while(|line| !line.starts_with(&start));
        let found = of_it.filter_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB")).next().unwrap();
        1024 * found.parse::<usize>().unwrap()
    }
}
