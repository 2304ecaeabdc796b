//! TFRecord files: the length and the bytes of each record, both with a masked CRC-32C.

/// A record as in the file: the length (u64, little-endian), its checksum, the bytes, their checksum.
pub(super) fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(bytes.len() + 16);
    record.extend_from_slice(&length);
    record.extend_from_slice(&masked(crc32c::crc32c(&length)).to_le_bytes());
    record.extend_from_slice(bytes);
    record.extend_from_slice(&masked(crc32c::crc32c(bytes)).to_le_bytes());
    record
}

/// The checksum rotated, plus a constant. The format requires it: a CRC of data that contain CRCs is unreliable.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_rfc_3720() {
        let ascending: Vec<u8> = (0..32).collect();
        let descending: Vec<u8> = (0..32).rev().collect();
        let known: [(&[u8], u32); 5] = [
            (b"123456789", 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&ascending, 0x46dd_794e),
            (&descending, 0x113f_db5c),
        ];
        for (bytes, crc) in known {
            assert_eq!(crc32c::crc32c(bytes), crc);
        }
    }

    #[test]
    fn a_record_has_the_frame_that_tensorflow_writes() {
        // Computed bit by bit from the definitions of the checksum and the mask, without the crate `crc32c`.
        assert_eq!(framed(b""), b"\0\0\0\0\0\0\0\0\x29\x03\x98\x07\xd8\xea\x82\xa2");
        assert_eq!(framed(b"123456789"), b"\x09\0\0\0\0\0\0\0\x37\xf9\x71\x39123456789\xe5\xb0\x8a\xc7");
    }
}
