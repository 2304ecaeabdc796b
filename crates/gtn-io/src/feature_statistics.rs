//! Mean and covariance of features in an `.npz` file, in the format of pytorch-fid: `mu` (d) and `sigma` (d, d).
//!
//! The files that `pytorch-fid --save-stats` writes are read here, and it reads those that are written here.

use std::io::{Seek, Write};
use std::path::Path;

use ndarray::{Array1, Array2, ArrayD, ArrayView1, ArrayView2, Dimension};
use ndarray_npy::NpzWriter;

use crate::arrays::{Npz, tuple_text};
use crate::npy::{self, Element};
use crate::{Error, Result};

/// Statistics of more features are refused, because their covariance takes gigabytes. Inception has 2048.
const MAX_FEATURES: usize = 16_384;

/// A header of an array has fewer bytes.
const MAX_HEADER_BYTES: u64 = 64 << 10;

/// Whether a file holds statistics and not samples: an `.npz` with an array `mu` or `sigma`.
///
/// # Errors
///
/// [`Error::Read`] if the file cannot be read, [`Error::Malformed`] if its name ends in `.npz` and it is of another kind.
pub fn is_statistics(path: &Path) -> Result<bool> {
    let is_npz = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz")) && path.is_file();
    Ok(is_npz && Npz::open(path)?.names().iter().any(|name| name == "mu" || name == "sigma"))
}

/// Reads the mean `mu`, shape (d), and the covariance `sigma`, shape (d, d), from an `.npz` file. Values may be f64 or f32.
///
/// # Errors
///
/// [`Error::Read`] if the file cannot be read; [`Error::Malformed`] if it is of another kind, one of the arrays is missing, has
/// another shape or type, or has values that are not finite.
pub fn read(path: &Path) -> Result<(Array1<f64>, Array2<f64>)> {
    let mut npz = Npz::open(path)?;
    let mu: Array1<f64> = read_one(&mut npz, path, "mu", "(d,)", 8 * MAX_FEATURES as u64)?;
    let d = mu.len();
    let sigma: Array2<f64> = read_one(&mut npz, path, "sigma", &format!("({d}, {d})"), 8 * (d * d) as u64)?;
    if sigma.dim() != (d, d) {
        let (mu, sigma) = (tuple_text(&[d]), tuple_text(sigma.shape()));
        return Err(Error::malformed(
            path,
            format!("`mu` has shape {mu} and `sigma` {sigma}, expected (d,) and (d, d)"),
        ));
    }
    Ok((mu, sigma))
}

/// Writes mean and covariance as f64, uncompressed.
///
/// # Errors
///
/// Errors of `out`.
pub fn write<W: Write + Seek>(out: W, mu: ArrayView1<'_, f64>, sigma: ArrayView2<'_, f64>) -> std::io::Result<()> {
    let mut npz = NpzWriter::new(out);
    npz.add_array("mu", &mu).map_err(std::io::Error::other)?;
    npz.add_array("sigma", &sigma).map_err(std::io::Error::other)?;
    npz.finish().map_err(std::io::Error::other)?;
    Ok(())
}

/// An array of at most `max_bytes` bytes.
fn read_one<D: Dimension>(
    npz: &mut Npz<'_>,
    path: &Path,
    name: &str,
    expected: &str,
    max_bytes: u64,
) -> Result<ndarray::Array<f64, D>> {
    let names = npz.names();
    if !names.iter().any(|known| known == name) {
        let held = if names.is_empty() { "no arrays".to_owned() } else { names.join(", ") };
        let reason = format!(
            "it has no array `{name}` (it holds {held}); pass statistics that have `mu` and `sigma`, as `pytorch-fid \
             --save-stats` writes them"
        );
        return Err(Error::malformed(path, reason));
    }
    // What an entry unpacks to may be a thousand times the size of the file.
    let claimed = npz.entry(name)?.size();
    if claimed > max_bytes + MAX_HEADER_BYTES {
        let reason = format!("`{name}` claims {claimed} bytes, more than {max_bytes} for shape {expected}");
        return Err(Error::malformed(path, reason));
    }
    let array =
        decode_f64(&npz.bytes(name)?).map_err(|reason| Error::malformed(path, format!("`{name}`: {reason}")))?;
    let shape = tuple_text(array.shape());
    if array.is_empty() {
        return Err(Error::malformed(path, format!("`{name}` is empty: shape {shape}")));
    }
    if array.iter().any(|value| !value.is_finite()) {
        return Err(Error::malformed(path, format!("`{name}` has values that are not finite; compute it again")));
    }
    array
        .into_dimensionality()
        .map_err(|_| Error::malformed(path, format!("`{name}` has shape {shape}, expected {expected}")))
}

fn decode_f64(bytes: &[u8]) -> std::result::Result<ArrayD<f64>, String> {
    let (header, _) = npy::header(bytes)?;
    match header.descr.as_str() {
        f64::DESCR => npy::decode(bytes),
        f32::DESCR => Ok(npy::decode::<f32>(bytes)?.mapv(f64::from)),
        found => Err(format!("expected float64 or float32 values, got '{found}'; save it as float64")),
    }
}
