//! SHA-256 digests as text.

use sha2::{Digest, Sha256};

/// The digest as lowercase hexadecimal text.
pub(crate) fn hex_digest(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
