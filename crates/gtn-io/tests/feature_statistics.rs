//! Statistics in pytorch-fid's format: written by NumPy, written here, or invalid.

use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::Path;

use gtn_io::{Error, feature_statistics};
use ndarray::{Array1, Array2, ShapeBuilder, array};
use ndarray_npy::{NpzWriter, WriteNpyExt};
use zip::write::SimpleFileOptions;

fn expected() -> (Array1<f64>, Array2<f64>) {
    (array![0.5, -1.25, 3.0], array![[2.0, 0.5, -0.25], [0.5, 1.0, 0.125], [-0.25, 0.125, 4.0]])
}

/// Writes an .npz file with these arrays.
fn write_npz(path: &Path, arrays: &[(&str, &dyn WriteArray)]) {
    let mut npz = NpzWriter::new(File::create(path).unwrap());
    arrays.iter().for_each(|(name, array)| array.add_to(&mut npz, name));
    npz.finish().unwrap();
}

trait WriteArray {
    fn add_to(&self, npz: &mut NpzWriter<File>, name: &str);
}

impl<T: WriteNpyExt> WriteArray for T {
    fn add_to(&self, npz: &mut NpzWriter<File>, name: &str) {
        npz.add_array(name, self).unwrap();
    }
}

#[test]
fn statistics_of_numpy_are_read() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/statistics.npz");
    assert!(feature_statistics::is_statistics(&golden).unwrap());
    assert_eq!(feature_statistics::read(&golden).unwrap(), expected());
}

#[test]
fn written_statistics_are_read_again_in_either_precision_and_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let (mu, sigma) = expected();
    feature_statistics::write(File::create(&path).unwrap(), mu.view(), sigma.view()).unwrap();
    assert_eq!(feature_statistics::read(&path).unwrap(), expected());
    assert!(feature_statistics::is_statistics(&path).unwrap());
    let mut fortran = Array2::zeros((3, 3).f());
    fortran.assign(&sigma.mapv(|value| value as f32));
    write_npz(&path, &[("sigma", &fortran), ("mu", &mu.mapv(|value| value as f32)), ("n", &array![5.0])]);
    assert_eq!(feature_statistics::read(&path).unwrap(), expected());

    write_npz(&path, &[("images", &mu)]);
    assert!(!feature_statistics::is_statistics(&path).unwrap());
    assert!(!feature_statistics::is_statistics(folder.path()).unwrap());
    assert!(!feature_statistics::is_statistics(&folder.path().join("absent.npz")).unwrap());
}

#[test]
fn invalid_statistics_are_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let fails = |expected: &str| {
        let message = feature_statistics::read(&path).unwrap_err().to_string();
        assert!(message.contains("a.npz") && message.contains(expected) && !message.contains('\n'), "{message}");
    };
    let (mu, sigma) = expected();
    write_npz(&path, &[("sigma", &sigma), ("n", &mu)]);
    fails("no array `mu` (it holds sigma, n)");
    write_npz(&path, &[("mu", &mu)]);
    fails("no array `sigma` (it holds mu)");
    write_npz(&path, &[]);
    fails("it holds no arrays");
    write_npz(&path, &[("mu", &mu), ("sigma", &Array2::<f64>::eye(2))]);
    fails("`mu` has shape (3,) and `sigma` (2, 2)");
    write_npz(&path, &[("mu", &mu), ("sigma", &mu)]);
    fails("`sigma` has shape (3,), expected (3, 3)");
    write_npz(&path, &[("mu", &sigma), ("sigma", &sigma)]);
    fails("`mu` has shape (3, 3), expected (d,)");
    write_npz(&path, &[("mu", &Array1::<f64>::zeros(0)), ("sigma", &sigma)]);
    fails("`mu` is empty");
    write_npz(&path, &[("mu", &array![1_i64, 2, 3]), ("sigma", &sigma)]);
    fails("`mu`: expected float64 or float32 values, got '<i8'");
    write_npz(&path, &[("mu", &(&mu * f64::NAN)), ("sigma", &sigma)]);
    fails("`mu` has values that are not finite");
    write_npz(&path, &[("mu", &mu), ("sigma", &Array2::<f64>::zeros((200, 200)))]);
    fails("`sigma` claims 320128 bytes");

    let (mu, sigma) = (Array1::from_elem(64, 0.5), Array2::<f64>::eye(64));
    feature_statistics::write(File::create(&path).unwrap(), mu.view(), sigma.view()).unwrap();
    let complete = fs::read(&path).unwrap();
    for length in (0..complete.len()).step_by(97) {
        fs::write(&path, &complete[..length]).unwrap();
        assert!(matches!(feature_statistics::read(&path), Err(Error::Malformed { .. })), "length {length}");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(feature_statistics::read(&path), Err(Error::Read { .. })));
}

#[test]
fn an_entry_that_unpacks_to_more_than_its_shape_is_not_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("mu.npy", SimpleFileOptions::default()).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..64).for_each(|_| archive.write_all(&zeros).unwrap());
    fs::write(&path, archive.finish().unwrap().into_inner()).unwrap();
    let message = feature_statistics::read(&path).unwrap_err().to_string();
    assert!(message.contains("`mu` claims 67108864 bytes"), "{message}");
}
