//! `.npy`, `.npz` and `.safetensors` files: valid, compressed, truncated, or with false headers.

use std::fs;

use gtn_io::{Error, arrays};
use ndarray::{Array2, ShapeBuilder, array};
use ndarray_npy::{NpzWriter, WriteNpyExt};

fn npy(array: &ndarray::ArrayD<f32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).unwrap();
    bytes
}

#[test]
fn npy_is_read_in_c_and_fortran_order_and_refused_if_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let matrix = array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
    fs::write(&path, npy(&matrix.clone().into_dyn())).unwrap();
    assert_eq!(arrays::read_matrix(&path).unwrap(), matrix);
    let mut fortran = Array2::zeros((2, 3).f());
    fortran.assign(&matrix);
    fs::write(&path, npy(&fortran.into_dyn())).unwrap();
    assert_eq!(arrays::read_matrix(&path).unwrap(), matrix);

    let mut double = Vec::new();
    array![[1.0_f64]].write_npy(&mut double).unwrap();
    let complete = npy(&matrix.into_dyn());
    let false_shape = String::from_utf8_lossy(&complete[..128]).replace("(2, 3)", "(2000000000000, 3)");
    let vector = npy(&array![1.0_f32].into_dyn());
    let empty = npy(&Array2::<f32>::zeros((0, 3)).into_dyn());
    for (bytes, expected) in [
        (double, "float32"),
        (complete[..complete.len() - 1].to_vec(), "truncated"),
        ([&complete[..], b"x"].concat(), "1 extra bytes"),
        (false_shape.into_bytes(), ""),
        (complete[..20].to_vec(), ""),
        (b"no array at all".to_vec(), ".npy"),
        (Vec::new(), ""),
        (vector, "expected a 2-D array (n, d), got shape (1,)"),
        (empty, "empty"),
    ] {
        fs::write(&path, bytes).unwrap();
        let message = arrays::read_matrix(&path).unwrap_err().to_string();
        assert!(message.contains("a.npy") && message.contains(expected), "{message}");
    }
    fs::write(folder.path().join("a.txt"), "1 2").unwrap();
    assert!(arrays::read_matrix(&folder.path().join("a.txt")).unwrap_err().to_string().contains(".safetensors"));
    assert!(matches!(arrays::read_matrix(&folder.path().join("missing.npy")), Err(Error::Read { .. })));
}

#[test]
fn npz_and_safetensors_are_read_by_name_or_if_they_hold_one_array() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let matrix = array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
    for (name, compressed) in [("one.npz", false), ("compressed.npz", true)] {
        let file = fs::File::create(at(name)).unwrap();
        let mut npz = if compressed { NpzWriter::new_compressed(file) } else { NpzWriter::new(file) };
        npz.add_array("x", &matrix).unwrap();
        npz.finish().unwrap();
        assert_eq!(arrays::read_matrix(&at(name)).unwrap(), matrix);
        assert_eq!(arrays::read_matrix(&at(&format!("{name}:x"))).unwrap(), matrix);
        let complete = fs::read(at(name)).unwrap();
        for length in 0..complete.len() {
            fs::write(at("truncated.npz"), &complete[..length]).unwrap();
            let result = arrays::read_matrix(&at("truncated.npz"));
            assert!(matches!(result, Err(Error::Malformed { .. })), "length {length}");
        }
    }
    let mut npz = NpzWriter::new(fs::File::create(at("two.npz")).unwrap());
    npz.add_array("x", &matrix).unwrap();
    npz.add_array("float64", &array![[1.0_f64]]).unwrap();
    npz.finish().unwrap();
    assert_eq!(arrays::read_matrix(&at("two.npz:x")).unwrap(), matrix);

    let bytes: Vec<u8> = matrix.iter().flat_map(|value| value.to_le_bytes()).collect();
    let view = |bytes| safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2, 3], bytes).unwrap();
    let complete = safetensors::serialize([("x", view(&bytes))], None).unwrap();
    fs::write(at("one.safetensors"), &complete).unwrap();
    assert_eq!(arrays::read_matrix(&at("one.safetensors")).unwrap(), matrix);
    fs::write(at("two.safetensors"), safetensors::serialize([("x", view(&bytes)), ("y", view(&bytes))], None).unwrap())
        .unwrap();
    assert_eq!(arrays::read_matrix(&at("two.safetensors:y")).unwrap(), matrix);
    fs::write(at("truncated.safetensors"), &complete[..complete.len() - 1]).unwrap();

    for (name, expected) in [
        ("two.npz", "two.npz:"),
        ("two.npz:z", "no array `z`"),
        ("two.npz:float64", "float32"),
        ("two.safetensors", "x, y"),
        ("truncated.safetensors", "not a readable"),
    ] {
        let message = arrays::read_matrix(&at(name)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_suggested_name_can_be_read() {
    use std::io::Write;

    let folder = tempfile::tempdir().unwrap();
    let matrix = array![[1.0_f32, 2.0]];
    // A colon in the names of the folder, the file and the arrays, and entries that are no arrays.
    fs::create_dir(folder.path().join("a:b")).unwrap();
    let path = folder.path().join("a:b/two:3.npz");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    archive.add_directory("arrays/", options).unwrap();
    archive.start_file("README", options).unwrap();
    archive.write_all(b"text").unwrap();
    for name in ["model:0/kernel.npy", "y.npy"] {
        archive.start_file(name, options).unwrap();
        archive.write_all(&npy(&matrix.clone().into_dyn())).unwrap();
    }
    archive.finish().unwrap();
    let message = arrays::read_matrix(&path).unwrap_err().to_string();
    assert!(message.contains("several arrays (model:0/kernel, y)"), "{message}");
    let suggested = message.split("as in '").nth(1).unwrap().trim_end_matches('\'');
    assert_eq!(arrays::read_matrix(suggested.as_ref()).unwrap(), matrix);
    assert_eq!(gtn_io::ArrayFile::open(suggested.as_ref()).unwrap().shape(), [1, 2]);
}
