//! Memory-mapped files: the bytes of a file without loading it.
//!
//! The operating system loads a page when it is first read and may evict it again, so a file of any size costs only
//! address space. This is the only `unsafe` code in the crate. Its safety condition: **nobody writes to the file or
//! shortens it while the bytes are borrowed.** A write would change a `&[u8]` under its reader, which Rust forbids. If
//! the file became shorter, reading past its new end would kill the process (SIGBUS on Unix).
//!
//! Within the program the condition holds. Only files that [`crate::image_set`] wrote are mapped. They are created
//! under a temporary name without write permission, renamed when complete, and never opened for writing again.
//! Replacing or deleting such a file is harmless, because a mapping keeps the file it was created from. Nothing short
//! of copying protects against someone who forces a write to a file of the running process; if that is a concern, use a
//! private cache folder.
//!
//! Pages that were read count as memory of the process until the system needs the memory, which on a machine with
//! plenty of it is never. To avoid looking as if all of CelebA were loaded, the mapping releases its pages from time to
//! time.
#![allow(unsafe_code)]

use std::fs::File;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes of a file, loaded on demand.
pub(crate) struct MappedFile {
    map: memmap2::Mmap,
    /// Bytes read since pages were last released.
    bytes_read: AtomicUsize,
}

/// Number of bytes that are read before pages are released. Each read loads up to 64 kB around it, so random reads of
/// 12 kB images keep about five times as much in memory.
const RELEASE_AFTER_BYTES: usize = 128 << 20;

impl MappedFile {
    /// Maps all of `file`, which may be closed afterwards.
    ///
    /// # Errors
    ///
    /// The system's error, for instance if it cannot map this kind of file.
    pub(crate) fn new(file: &File) -> std::io::Result<Self> {
        // SAFETY: the file was written by this crate, and nobody writes to it (see the module documentation).
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(Self { map, bytes_read: AtomicUsize::new(0) })
    }

    /// Records that `bytes` bytes were read and may not be needed again soon.
    pub(crate) fn record_read(&self, bytes: usize) {
        if self.bytes_read.fetch_add(bytes, Ordering::Relaxed) >= RELEASE_AFTER_BYTES {
            self.bytes_read.store(0, Ordering::Relaxed);
            self.release_pages();
        }
    }

    /// Releases the pages. The system loads them again when they are read, mostly from its page cache.
    pub(crate) fn release_pages(&self) {
        // SAFETY: the advice changes the contents of private and anonymous mappings only. This mapping is shared and
        // backed by a file: only the page table entries are dropped, as the system may do at any time, and the next
        // read finds the bytes of the file, which nobody changes (see the module documentation). A thread that reads
        // them at this moment waits for the system to load them.
        #[cfg(unix)]
        let _ = unsafe { self.map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl std::fmt::Debug for MappedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MappedFile({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_mapping_keeps_its_file_when_the_file_is_replaced_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"the first").unwrap();
        let first = MappedFile::new(&File::open(&path).unwrap()).unwrap();
        fs::write(folder.path().join("b"), b"another").unwrap();
        fs::rename(folder.path().join("b"), &path).unwrap();
        let second = MappedFile::new(&File::open(&path).unwrap()).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!((&*first, &*second), (&b"the first"[..], &b"another"[..]));
        assert_eq!(format!("{first:?}"), "MappedFile(9 bytes)");
    }

    #[test]
    fn an_empty_file_maps_to_no_bytes_and_threads_share_a_mapping() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"").unwrap();
        assert!(MappedFile::new(&File::open(&path).unwrap()).unwrap().is_empty());
        fs::write(&path, vec![7; 100_000]).unwrap();
        let mapped = MappedFile::new(&File::open(&path).unwrap()).unwrap();
        let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        let halves = std::thread::scope(|scope| {
            let [low, high] = [&mapped[..50_000], &mapped[50_000..]].map(|half| scope.spawn(move || sum(half)));
            (low.join().unwrap(), high.join().unwrap())
        });
        assert_eq!(halves, (350_000, 350_000));
    }

    #[test]
    fn released_pages_read_the_same_bytes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let content: Vec<u8> =
            (0..3_000_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        fs::write(&path, &content).unwrap();
        let mapped = MappedFile::new(&File::open(&path).unwrap()).unwrap();
        assert!(*mapped == content[..]);
        #[cfg(target_os = "linux")]
        {
            assert!(resident_bytes(&mapped) > 2_500_000);
            mapped.release_pages();
            assert_eq!(resident_bytes(&mapped), 0);
        }
        // While other threads read, and after the file's name is gone.
        fs::remove_file(&path).unwrap();
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| (0..20).all(|_| *mapped == content[..]))).collect();
            while !readers.iter().all(|reader| reader.is_finished()) {
                mapped.record_read(RELEASE_AFTER_BYTES);
            }
            assert!(readers.into_iter().all(|reader| reader.join().unwrap()));
        });
        assert!(*mapped == content[..]);
    }

    /// Bytes of a mapping that are resident in this process.
    #[cfg(target_os = "linux")]
    fn resident_bytes(mapped: &MappedFile) -> usize {
        let start = format!("{:x}-", mapped.as_ptr() as usize);
        let maps = fs::read_to_string("/proc/self/smaps").unwrap();
        let entry = maps.lines().skip_while(|line| !line.starts_with(&start));
        let found = entry.filter_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB")).next().unwrap();
        1024 * found.parse::<usize>().unwrap()
    }
}
