//! Arrays that are read in parts, in every container.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use gtn_io::{ArrayFile, Error, arrays};
use ndarray::{Array3, ArrayD, Axis, ShapeBuilder, Slice, array};
use ndarray_npy::{NpzWriter, WriteNpyExt};

fn values() -> Array3<f32> {
    Array3::from_shape_fn((5, 2, 3), |(n, y, x)| n as f32 - 0.5 * y as f32 + 0.25 * x as f32)
}

fn npy(array: &impl WriteNpyExt) -> Vec<u8> {
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).unwrap();
    bytes
}

fn safetensors(array: &Array3<f32>) -> Vec<u8> {
    let bytes: Vec<u8> = array.iter().flat_map(|value| value.to_le_bytes()).collect();
    let shape = array.shape().to_vec();
    let view = |bytes| safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap();
    safetensors::serialize([("x", view(&bytes)), ("y", view(&bytes))], None).unwrap()
}

/// The same array in each container, and how to name it.
fn write_all(folder: &Path) -> Vec<PathBuf> {
    let at = |name: &str| folder.join(name);
    fs::write(at("c.npy"), npy(&values())).unwrap();
    let mut fortran = Array3::zeros((5, 2, 3).f());
    fortran.assign(&values());
    fs::write(at("fortran.npy"), npy(&fortran)).unwrap();
    for (name, compressed) in [("stored.npz", false), ("compressed.npz", true)] {
        let file = File::create(at(name)).unwrap();
        let mut npz = if compressed { NpzWriter::new_compressed(file) } else { NpzWriter::new(file) };
        npz.add_array("other", &array![1.0_f64]).unwrap();
        npz.add_array("x", &values()).unwrap();
        npz.add_array("fortran", &fortran).unwrap();
        npz.finish().unwrap();
    }
    fs::write(at("two.safetensors"), safetensors(&values())).unwrap();
    ["c.npy", "fortran.npy", "stored.npz:x", "stored.npz:fortran", "compressed.npz:x", "compressed.npz:fortran"]
        .into_iter()
        .chain(["two.safetensors:y"])
        .map(at)
        .collect()
}

#[test]
fn parts_of_an_array_equal_those_of_the_array_that_is_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for path in write_all(folder.path()) {
        let file = ArrayFile::open(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(file.shape(), [5, 2, 3], "{}", path.display());
        assert!(file.path().is_file());
        let complete: ArrayD<f32> = arrays::read_array(&path).unwrap();
        for rows in [0..5, 3..4, 2..5, 0..1, 4..4] {
            let expected = complete.slice_axis(Axis(0), Slice::from(rows.clone()));
            assert_eq!(file.read(rows).unwrap(), expected, "{}", path.display());
        }
    }
}

#[test]
fn truncated_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_all(folder.path());
    for (name, array) in
        [("c.npy", ""), ("stored.npz", ":x"), ("compressed.npz", ":x"), ("two.safetensors", ":y"), ("fortran.npy", "")]
    {
        let path = folder.path().join(name);
        let complete = fs::read(&path).unwrap();
        for length in 0..complete.len() {
            fs::write(&path, &complete[..length]).unwrap();
            let result = ArrayFile::open(&folder.path().join(format!("{name}{array}")));
            assert!(matches!(result, Err(Error::Malformed { .. })), "{name}, length {length}: {result:?}");
        }
    }
}

#[test]
fn damaged_values_in_an_archive_are_found() {
    let folder = tempfile::tempdir().unwrap();
    write_all(folder.path());
    let path = folder.path().join("stored.npz");
    let mut bytes = fs::read(&path).unwrap();
    let first = 1.25_f32.to_le_bytes();
    let position = bytes.windows(4).position(|window| window == first).unwrap();
    bytes[position] ^= 1;
    fs::write(&path, bytes).unwrap();
    let message = ArrayFile::open(&folder.path().join("stored.npz:x")).unwrap_err().to_string();
    assert!(message.contains("not a readable .npz file"), "{message}");
}

#[test]
fn arrays_of_another_type_or_size_are_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let complete = npy(&values());
    // The header is padded with spaces, which make room for a larger shape.
    let mut false_shape = complete.clone();
    let position = complete.windows(9).position(|window| window == b"(5, 2, 3)").unwrap();
    false_shape.splice(position..position + 30, *b"(5000000000, 2000000000, 3), }");
    let mut big_endian = complete.clone();
    let position = big_endian.windows(3).position(|window| window == b"<f4").unwrap();
    big_endian[position] = b'>';
    // The length of the header, in a file of version 2.
    let long_header = [b"\x93NUMPY\x02\x00".as_slice(), &u32::MAX.to_le_bytes(), &complete[12..]].concat();
    for (bytes, expected) in [
        (npy(&array![1.0_f64]), "expected float32 values ('<f4'), got '<f8'"),
        (npy(&Array3::<f32>::zeros((0, 2, 3))), "empty"),
        ([&complete[..], b"x"].concat(), "1 extra bytes"),
        (complete[..complete.len() - 3].to_vec(), "truncated: 3 bytes"),
        (false_shape, "it claims shape"),
        (big_endian, "byte order"),
        (long_header, "its header claims 4294967295 bytes"),
        (b"no array at all, whatever its name is".to_vec(), "it does not start with NumPy's magic string"),
    ] {
        fs::write(&path, bytes).unwrap();
        let message = ArrayFile::open(&path).unwrap_err().to_string();
        assert!(message.contains("a.npy") && message.contains(expected) && !message.contains('\n'), "{message}");
    }
    assert!(matches!(ArrayFile::open(&folder.path().join("absent.npy")), Err(Error::Read { .. })));
    fs::write(folder.path().join("a.txt"), "1 2").unwrap();
    assert!(ArrayFile::open(&folder.path().join("a.txt")).unwrap_err().to_string().contains(".safetensors"));
}
