//! The IDX format of MNIST.
//!
//! Bytes 0 and 1 are zero, byte 2 is the element type (8, unsigned bytes, is the only type read here), and byte 3 is
//! the number of dimensions. One big-endian 32-bit size per dimension follows, then the elements. Files may be
//! compressed with gzip.
//!
//! Headers are not trusted: memory grows with the data that is read, not with the size that a header claims.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use gtn_io::hex;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// An array of unsigned bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdxArray {
    /// Size of each dimension; the first is the number of items.
    pub shape: Vec<usize>,
    /// The elements in row-major order.
    pub data: Vec<u8>,
    /// SHA-256 of the uncompressed file, as hexadecimal text.
    pub sha256: String,
}

/// Larger arrays are refused; no data set in this format comes close.
const MAX_BYTES: usize = 4 << 30;

/// Reads an IDX file with `dimensions` dimensions, compressed or not.
///
/// # Errors
///
/// [`Error::File`] if the file cannot be read, if it is not an IDX file, has another number of
/// dimensions, holds fewer or more bytes than its header says, or is empty.
pub fn read(path: &Path, dimensions: usize) -> Result<IdxArray> {
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
        return Err(malformed(format!("not an IDX file (it starts with {:02x?}, not 00 00 08)", &header[..3])));
    }
    if kind != 8 {
        return Err(malformed(format!("expected unsigned bytes (IDX type 0x08), got IDX type 0x{kind:02x}")));
    }
    if usize::from(rank) != dimensions {
        let hint = match (rank, dimensions) {
            (1, 3) => " (these are labels; were the image and label files swapped?)",
            (3, 1) => " (these are images; were the image and label files swapped?)",
            _ => "",
        };
        return Err(malformed(format!("expected {dimensions} dimensions, got {rank}{hint}")));
    }
    hasher.update(&header);

    let mut sizes = vec![0; 4 * dimensions];
    read_header(&mut reader, &mut sizes, path)?;
    hasher.update(&sizes);
    let shape: Vec<usize> =
        sizes.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let claimed = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    let claimed = match claimed {
        Some(0) => return Err(malformed(format!("the array is empty: shape {shape:?}"))),
        Some(claimed) if claimed <= MAX_BYTES => claimed,
        _ => return Err(malformed(format!("the header claims shape {shape:?}, which is more than 4 GiB"))),
    };

    // The vector grows with the data that is read, not with what the header claims.
    let mut data = Vec::new();
    let read = reader.by_ref().take(claimed as u64).read_to_end(&mut data);
    let read_error = |error: std::io::Error, read: usize| match error.kind() {
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
            malformed(format!("damaged or truncated: {error} after {read} of {claimed} bytes; download it again"))
        }
        _ => Error::io(path)(error),
    };
    if let Err(error) = read {
        return Err(read_error(error, data.len()));
    }
    if data.len() < claimed {
        return Err(malformed(format!(
            "truncated: shape {shape:?} needs {claimed} bytes, but only {} follow the header; download it again",
            data.len()
        )));
    }
    // Reading past the end also makes gzip verify its checksum.
    let mut beyond = [0];
    match reader.read(&mut beyond) {
        Ok(0) => {}
        Ok(_) => return Err(malformed(format!("more than the {claimed} bytes of shape {shape:?} follow the header"))),
        Err(error) => return Err(read_error(error, data.len())),
    }
    hasher.update(&data);
    let sha256 = hex(hasher.finalize());
    Ok(IdxArray { shape, data, sha256 })
}

fn read_header(reader: &mut impl Read, buffer: &mut [u8], path: &Path) -> Result<()> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
            Error::malformed(path, "truncated IDX file: it ends within its header; download it again")
        }
        _ => Error::io(path)(error),
    })
}
