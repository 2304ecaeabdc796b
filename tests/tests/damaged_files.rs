//! Damaged files of every kind: each is read or refused, and no reader panics. So is what fuzzing has found (`tests/fuzz`).

mod fuzzed;

use std::fs;
use std::io::{Cursor, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fuzzed::TARGETS;
use fuzzed::readers::{READERS, Reader};
use gtn_tests::{toy_jpeg, workspace, write_zip};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Damaged files of each kind.
const FILES: usize = 120;

/// A valid file of a kind.
fn valid(file: &str) -> Vec<u8> {
    let golden = |name: &str| fs::read(workspace().join("tests/golden").join(name)).unwrap();
    let picture = |format| {
        let image = image::RgbImage::from_fn(9, 7, |x, y| image::Rgb([(x * 25) as u8, (y * 30) as u8, 90]));
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    };
    let rows = ndarray::Array2::from_shape_fn((6, 3), |(row, column)| row as f32 - column as f32);
    let npy = || {
        let mut bytes = Vec::new();
        gtn_io::arrays::write_npy(&mut bytes, rows.view()).unwrap();
        bytes
    };
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |write: &dyn Fn(&Path)| {
        let path = folder.path().join("file");
        write(&path);
        fs::read(&path).unwrap()
    };
    let tar = || {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, bytes) in [("cats/a.jpg", toy_jpeg(20, 16, 1)), ("dogs/b.jpg", toy_jpeg(16, 16, 2))] {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, bytes.as_slice()).unwrap();
        }
        archive.into_inner().unwrap()
    };
    match file {
        "rows.npy" => npy(),
        "rows.npz" => in_folder(&|path| write_zip(path, [("x.npy", npy()), ("mu.npy", npy())]).unwrap()),
        "rows.safetensors" => golden("torch/tensors.safetensors"),
        "network.pth" => golden("torch/network.pth"),
        "image.png" => picture(image::ImageFormat::Png),
        "image.jpg" => toy_jpeg(178, 218, 1),
        "image.gif" => picture(image::ImageFormat::Gif),
        "image.bmp" => picture(image::ImageFormat::Bmp),
        "image.tiff" => picture(image::ImageFormat::Tiff),
        "image.webp" => picture(image::ImageFormat::WebP),
        "images.zip" => in_folder(&|path| {
            let names = ["img_align_celeba/000001.jpg", "img_align_celeba/000002.jpg"];
            write_zip(path, names.map(|name| (name, toy_jpeg(178, 218, 3)))).unwrap();
        }),
        "images.tar" => tar(),
        "images.tar.gz" => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(&tar()).unwrap();
            gzip.finish().unwrap()
        }
        "train-images-idx3-ubyte" => [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4][..], &[7; 24]].concat(),
        "list_eval_partition.txt" => b"000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n".to_vec(),
        "hands_kaggle-train.csv" => b"Filename,Partition\nHand_0000001.jpg,0\n\"Hand_2.jpg\",0\n".to_vec(),
        "settings.toml" => fs::read(workspace().join("crates/gtn-train/presets/celeba.toml")).unwrap(),
        "metrics.jsonl" => b"{\"kind\":\"stage\",\"stage\":\"prepare\",\"seconds\":1.0,\"statistics\":{}}\n".repeat(3),
        other => unreachable!("no valid file for {other}"),
    }
}

/// Changes a file in one to six places.
fn damage(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(1..=6) {
        let at = rng.random_range(0..bytes.len().max(1)).min(bytes.len().saturating_sub(1));
        // Headers decide more than what follows them.
        let at = if rng.random() { at } else { at.min(rng.random_range(0..64)) };
        let end = bytes.len().min(at + rng.random_range(1..40));
        match rng.random_range(0..7) {
            _ if bytes.is_empty() => bytes.push(rng.random()),
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = [0, 1, 0x7f, 0xff, b'(', b'[', b'{', b'"', b'\n', b'/'][rng.random_range(0..10)],
            2 => bytes[at..end].fill(rng.random()),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let part = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, part));
            }
            5 => drop(bytes.splice(at..at, b"(".repeat(rng.random_range(1..200)))),
            _ => bytes.truncate(at),
        }
    }
}

#[test]
fn no_reader_panics() {
    damage_files(1, FILES);
}

#[test]
#[ignore = "takes minutes; cargo xtask prove runs it"]
fn no_reader_panics_on_thousands_of_other_files() {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    damage_files(seed, 20 * FILES);
}

fn damage_files(seed: u64, files: usize) {
    let mut failures = Vec::new();
    for Reader { file, read } in READERS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let valid = valid(file);
        for index in 0..files {
            let mut bytes = valid.clone();
            if index > 0 {
                damage(&mut bytes, &mut rng);
            }
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(file);
            fs::write(&path, &bytes).unwrap();
            if catch_unwind(AssertUnwindSafe(|| read(&path))).is_err() {
                failures.push(format!("{file}, seed {seed}, damaged file {index}: {} bytes", bytes.len()));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn the_corpus_of_fuzzing_is_read_and_matched_without_a_panic() {
    for (target, _) in TARGETS {
        let folder = workspace().join("tests/fuzz/corpus").join(target);
        let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} has no files", folder.display());
        for file in files {
            let bytes = fs::read(&file).unwrap();
            let result = catch_unwind(|| fuzzed::run(target, &bytes));
            assert!(result.is_ok(), "{}: `{target}` panics", file.display());
        }
    }
}
