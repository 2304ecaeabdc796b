//! The IDX format of MNIST, read with suspicion.
//!
//! Bytes 0 and 1 are zero, byte 2 is the element type (8: unsigned bytes, the only one read here), byte 3 the number of
//! dimensions, then one big-endian 32-bit size for each, then the elements. Files may be compressed by gzip.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::digest::hexadecimal;
use crate::{Error, Result};

/// Unsigned bytes with their shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// Sizes of the dimensions; the first counts items.
    pub shape: Vec<usize>,
    /// The elements, last dimension fastest.
    pub data: Vec<u8>,
    /// SHA-256 of the file's content (uncompressed), as hexadecimal text.
    pub sha256: String,
}

/// No data set in this format comes near; a header that claims more is not believed.
const MOST_BYTES: usize = 4 << 30;

/// Reads an IDX file of `dimensions` dimensions, compressed or not.
///
/// # Errors
///
/// [`Error::Io`] if the file cannot be read; [`Error::Malformed`] if it is not IDX, has other dimensions, holds fewer or
/// more bytes than its header says, or is empty.
pub fn read(path: &Path, dimensions: usize) -> Result<Idx> {
    let malformed = |reason: String| Error::malformed(path, reason);
    let mut file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    let compressed = {
        use std::io::BufRead;
        file.fill_buf().map_err(Error::io(path))?.starts_with(&[0x1f, 0x8b])
    };
    let mut reader: Box<dyn Read> = if compressed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut hasher = Sha256::new();

    let mut header = vec![0; 4];
    read_header(&mut reader, &mut header, path)?;
    let [zero, zero_too, kind, rank] = [header[0], header[1], header[2], header[3]];
    if (zero, zero_too) != (0, 0) {
        return Err(malformed(format!("not an IDX file: it starts with {:02x?} instead of 00 00 08", &header[..3])));
    }
    if kind != 8 {
        return Err(malformed(format!(
            "holds elements of IDX type 0x{kind:02x}, and unsigned bytes (0x08) are expected"
        )));
    }
    if usize::from(rank) != dimensions {
        let hint = match (rank, dimensions) {
            (1, 3) => " (these are labels; was the file swapped with the images?)",
            (3, 1) => " (these are images; was the file swapped with the labels?)",
            _ => "",
        };
        return Err(malformed(format!("holds data of {rank} dimensions where {dimensions} are expected{hint}")));
    }
    hasher.update(&header);

    let mut sizes = vec![0; 4 * dimensions];
    read_header(&mut reader, &mut sizes, path)?;
    hasher.update(&sizes);
    let shape: Vec<usize> =
        sizes.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let claimed = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    let claimed = match claimed {
        Some(0) => return Err(malformed(format!("its header says it is empty: shape {shape:?}"))),
        Some(claimed) if claimed <= MOST_BYTES => claimed,
        _ => return Err(malformed(format!("its header claims shape {shape:?}, which is more than 4 GiB"))),
    };

    // The vector grows with what is really there, not with what the header claims.
    let mut data = Vec::new();
    let read = reader.by_ref().take(claimed as u64).read_to_end(&mut data);
    let torn = |error: std::io::Error, read: usize| match error.kind() {
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
            malformed(format!("damaged or truncated: {error} after {read} of {claimed} bytes; download it again"))
        }
        _ => Error::io(path)(error),
    };
    if let Err(error) = read {
        return Err(torn(error, data.len()));
    }
    if data.len() < claimed {
        return Err(malformed(format!(
            "truncated: its header claims shape {shape:?}, which is {claimed} bytes, and {} follow; download it again",
            data.len()
        )));
    }
    // Reading past the end also makes gzip verify its checksum.
    let mut beyond = [0];
    match reader.read(&mut beyond) {
        Ok(0) => {}
        Ok(_) => return Err(malformed(format!("holds more than the {claimed} bytes of shape {shape:?}"))),
        Err(error) => return Err(torn(error, data.len())),
    }
    hasher.update(&data);
    let sha256 = hexadecimal(hasher);
    Ok(Idx { shape, data, sha256 })
}

fn read_header(reader: &mut impl Read, buffer: &mut [u8], path: &Path) -> Result<()> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
            Error::malformed(path, "ends within its header; it is no whole IDX file")
        }
        _ => Error::io(path)(error),
    })
}
