//! SHA-256 as it is written.

use sha2::{Digest, Sha256};

/// The digest as hexadecimal text.
pub(crate) fn hexadecimal(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
