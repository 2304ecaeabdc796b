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
#![allow(unsafe_code)]

use std::fs::File;
use std::ops::Deref;

/// The bytes of a file, in memory only as far as they are looked at.
pub(crate) struct Mapped(memmap2::Mmap);

impl Mapped {
    /// Maps the whole of `file`, which may be closed afterwards.
    ///
    /// # Errors
    ///
    /// What the system says, for instance that it cannot map a file of this kind.
    pub(crate) fn new(file: &File) -> std::io::Result<Self> {
        // SAFETY: the file is one of the crate's own, which nobody writes into (see above).
        unsafe { memmap2::Mmap::map(file) }.map(Self)
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
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
}
