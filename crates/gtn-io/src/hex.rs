/// Bytes, such as those of a SHA-256 digest, as lowercase hexadecimal text.
///
/// ```
/// assert_eq!(gtn_io::hex([0x0a, 0xff]), "0aff");
/// ```
#[must_use]
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
