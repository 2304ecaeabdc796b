/// Why a file cannot be read, and what to do.
pub(super) type Reason = String;

/// Bytes that are read from the front.
#[derive(Debug, Clone)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Reason> {
        let end = self.position.checked_add(len).filter(|end| *end <= self.bytes.len()).ok_or_else(truncated)?;
        let taken = &self.bytes[self.position..end];
        self.position = end;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        Ok(*self.take(N)?.first_chunk().expect("the slice has this length"))
    }

    /// The bytes up to the next line feed, which is skipped.
    pub(super) fn line(&mut self) -> Result<&'a [u8], Reason> {
        let rest = &self.bytes[self.position..];
        let len = rest.iter().position(|byte| *byte == b'\n').ok_or_else(truncated)?;
        let line = self.take(len)?;
        self.position += 1;
        Ok(line)
    }
}

pub(super) fn truncated() -> Reason {
    damaged("it is truncated")
}

/// The reason of a file that is not as PyTorch writes it.
pub(super) fn damaged(what: impl AsRef<str>) -> Reason {
    format!("{}; copy or download the file again", what.as_ref())
}
