//! IDX files: valid, compressed, truncated, swapped, or with false headers.

use std::fs;
use std::io::Write;
use std::path::Path;

use gtn_data::{Error, idx, mnist};

fn idx_bytes(shape: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
    bytes.extend(data);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn malformed(path: &Path, dimensions: usize) -> String {
    match idx::read(path, dimensions) {
        Err(error @ Error::File(gtn_io::Error::Malformed { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn idx_is_read_compressed_and_uncompressed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let bytes = idx_bytes(&[2, 3], &[1, 2, 3, 4, 5, 6]);
    for content in [bytes.clone(), gzip(&bytes)] {
        fs::write(&path, content).unwrap();
        let read = idx::read(&path, 2).unwrap();
        assert_eq!((read.shape, read.data), (vec![2, 3], vec![1, 2, 3, 4, 5, 6]));
    }
}

#[test]
fn an_idx_file_truncated_at_any_length_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken");
    let bytes = idx_bytes(&[2, 3], &[1, 2, 3, 4, 5, 6]);
    for bytes in [bytes.clone(), gzip(&bytes)] {
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            assert!(malformed(&path, 2).contains("broken"));
        }
    }
    let mut corrupt = gzip(&bytes);
    let crc = corrupt.len() - 8;
    corrupt[crc] ^= 0xff;
    fs::write(&path, corrupt).unwrap();
    assert!(malformed(&path, 2).contains("damaged"));
}

#[test]
fn false_headers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("false");
    let expect = |bytes: Vec<u8>, dimensions, expected: &str| {
        for content in [bytes.clone(), gzip(&bytes)] {
            fs::write(&path, content).unwrap();
            let message = malformed(&path, dimensions);
            assert!(message.contains(expected), "{message}");
        }
    };
    expect(idx_bytes(&[u32::MAX, u32::MAX, u32::MAX], &[1]), 3, "4 GiB");
    expect(idx_bytes(&[1_000_000, 1000, 1], &[1]), 3, "truncated");
    expect(idx_bytes(&[2], &[1, 2, 3]), 1, "more than");
    expect(idx_bytes(&[0], &[]), 1, "empty");
    expect(idx_bytes(&[3], &[1, 2, 3]), 3, "labels");
    expect(vec![0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0], 1, "0x0d");
    expect(b"<!DOCTYPE html><html>".to_vec(), 1, "not an IDX file");
}

/// Writes the files of the training set with `count` images.
fn write_mnist(folder: &Path, count: u32) {
    let images: Vec<u8> = (0..count * 784).map(|i| (i % 251) as u8).collect();
    let labels: Vec<u8> = (0..count).map(|i| (i % 10) as u8).collect();
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("train-images-idx3-ubyte.gz"), gzip(&idx_bytes(&[count, 28, 28], &images))).unwrap();
    fs::write(folder.join("train-labels-idx1-ubyte"), idx_bytes(&[count], &labels)).unwrap();
}

#[test]
fn mnist_is_found_in_all_candidate_folders_and_recognized_as_unofficial() {
    for below in ["mnist", "MNIST/raw", "."] {
        let folder = tempfile::tempdir().unwrap();
        write_mnist(&folder.path().join(below), 12);
        let set = mnist::train(folder.path()).unwrap();
        assert_eq!((set.images.len(), set.labels.len(), set.is_official), (12, 12, false));
        assert_eq!(set.images.pixels()[[1, 0, 0, 0]], (784 % 251) as u8);
        let (_, states) = mnist::check(folder.path());
        assert!(matches!(&states[0], mnist::FileState::Unofficial(_, shape) if *shape == [12, 28, 28]));
        assert!(matches!(states[2], mnist::FileState::Missing));
    }
}

#[test]
fn missing_swapped_or_mixed_mnist_files_are_errors_that_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let missing = mnist::train(folder.path()).unwrap_err().to_string();
    assert!(missing.contains("train-images-idx3-ubyte.gz") && missing.contains("https://"), "{missing}");
    assert!(missing.contains("GTN_DATA_DIR") && !missing.contains('\n'), "{missing}");

    write_mnist(folder.path(), 5);
    let (images, labels) =
        (folder.path().join("train-images-idx3-ubyte.gz"), folder.path().join("train-labels-idx1-ubyte"));
    fs::write(&labels, idx_bytes(&[4], &[1, 2, 3, 4])).unwrap();
    assert!(mnist::train(folder.path()).unwrap_err().to_string().contains("5 images and 4 labels"));
    fs::write(&labels, idx_bytes(&[5], &[1, 2, 30, 4, 5])).unwrap();
    assert!(mnist::train(folder.path()).unwrap_err().to_string().contains("label 2 is 30"));
    fs::copy(&labels, folder.path().join("other")).unwrap();
    fs::copy(&images, &labels).unwrap();
    assert!(mnist::train(folder.path()).unwrap_err().to_string().contains("swapped"));
    fs::write(&images, idx_bytes(&[5, 3, 3], &[0; 45])).unwrap();
    assert!(mnist::train(folder.path()).is_err());
}

#[test]
fn the_published_checksum_list_agrees_with_the_file_table() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/SHA256SUMS");
    let list = fs::read_to_string(list).unwrap();
    for spec in mnist::FILES {
        assert!(list.contains(&format!("{}  mnist/{}\n", spec.sha256, spec.name)), "{}", spec.name);
    }
}

#[test]
fn the_official_files_are_recognized() {
    let Some(data) = gtn_tests::data_dir("the_official_files_are_recognized") else { return };
    let (_, states) = mnist::check(&data);
    assert!(states.iter().all(|state| matches!(state, mnist::FileState::Official(_))), "{states:?}");
    let (train, test) = (mnist::train(&data).unwrap(), mnist::test(&data).unwrap());
    assert_eq!((train.images.len(), test.images.len()), (60_000, 10_000));
    assert!(train.is_official && test.is_official);
    assert_eq!(train.labels[..5], [5, 0, 4, 1, 9]);
}
