use std::fmt;

use gtn_io::hex;
use sha2::{Digest, Sha256};

/// SHA-256 of the inputs of an artifact, as hexadecimal text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of `parts`, in this order, in the domain `domain`, such as the name of a stage.
    ///
    /// Boundaries between parts count: `["ab", "c"]` and `["a", "bc"]` differ.
    #[must_use]
    pub fn new(domain: &str, parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in std::iter::once(&domain).chain(parts) {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self(hex(hasher.finalize()))
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

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    #[test]
    fn boundaries_between_parts_count() {
        assert_ne!(Fingerprint::new("s", &["ab", "c"]), Fingerprint::new("s", &["a", "bc"]));
        assert_ne!(Fingerprint::new("s", &["a"]), Fingerprint::new("t", &["a"]));
        assert_eq!(Fingerprint::new("s", &["a"]), Fingerprint::new("s", &["a"]));
        assert_eq!(Fingerprint::new("s", &[]).as_str().len(), 64);
    }
}
