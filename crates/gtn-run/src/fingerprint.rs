use std::fmt;

use sha2::{Digest, Sha256};

/// SHA-256 of what an artifact was made from, as hexadecimal text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of `parts`, in their order, under the name `purpose`.
    ///
    /// Parts are told apart: `["ab", "c"]` and `["a", "bc"]` differ.
    #[must_use]
    pub fn of(purpose: &str, parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in std::iter::once(&purpose).chain(parts) {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self(hex(&hasher.finalize()))
    }

    /// The fingerprint as 64 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(Fingerprint::of("s", &["ab", "c"]), Fingerprint::of("s", &["a", "bc"]));
        assert_ne!(Fingerprint::of("s", &["a"]), Fingerprint::of("t", &["a"]));
        assert_eq!(Fingerprint::of("s", &["a"]), Fingerprint::of("s", &["a"]));
        assert_eq!(Fingerprint::of("s", &[]).as_str().len(), 64);
    }
}
