//! JPEG files become the same images as with Pillow. `tests/golden/make_images.py` created the files.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use gtn_data::image_set::{MAX_PIXELS, Transform, TransformError};
use gtn_tests::toy_jpeg;
use ndarray::s;
use proptest::prelude::*;

const RESIZE: Transform = Transform { crop: None, side: 64 };

fn golden() -> PathBuf {
    gtn_tests::workspace().join("tests/golden/images.zip")
}

fn entry(name: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(File::open(golden()).unwrap()).unwrap();
    let mut bytes = Vec::new();
    archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn images_of_many_kinds_match_pillow() {
    let archive = zip::ZipArchive::new(File::open(golden()).unwrap()).unwrap();
    let expected: Vec<&str> = archive.file_names().filter(|name| name.ends_with(".rgb")).collect();
    assert_eq!(expected.len(), 14);
    for name in expected {
        let [stem, crop, _] = name.split('.').collect::<Vec<_>>()[..] else { panic!("{name}") };
        let transform = Transform { crop: crop.parse().ok(), side: 64 };
        let image = transform.apply(&entry(&format!("{stem}.jpg"))).unwrap();
        // Pillow's layout is (H, W, C).
        let pillow = ndarray::Array3::from_shape_vec((64, 64, 3), entry(name)).unwrap().permuted_axes([2, 0, 1]);
        // If a size is not a multiple of 16, the decoders interpolate colors at the right and bottom edges differently.
        // This is visible in an enlarged image.
        let (columns, max_difference) = if stem == "small" { (60, 8) } else { (64, 4) };
        let (ours, pillow) = (image.slice(s![.., .., ..columns]), pillow.slice(s![.., .., ..columns]));
        let differences: Vec<u8> = ours.iter().zip(&pillow).map(|(&ours, &pillow)| ours.abs_diff(pillow)).collect();
        let mean = differences.iter().map(|&value| f64::from(value)).sum::<f64>() / differences.len() as f64;
        let largest = *differences.iter().max().unwrap();
        assert!(mean <= 0.6 && largest <= max_difference, "{name}: mean difference {mean:.3}, largest {largest}");
    }
}

#[test]
fn a_jpeg_truncated_at_any_length_is_an_error() {
    for name in ["small", "progressive", "restarts", "grey"] {
        let complete = entry(&format!("{name}.jpg"));
        assert!(RESIZE.apply(&complete).is_ok());
        assert!(
            RESIZE.apply(&[&complete[..], &[0; 100]].concat()).is_ok(),
            "{name}: extra bytes at the end are harmless"
        );
        let step = complete.len() / 500 + 1;
        for length in (0..complete.len()).step_by(step).chain(complete.len() - 20..complete.len()) {
            let error = RESIZE.apply(&complete[..length]).unwrap_err();
            assert!(matches!(error, TransformError::InvalidJpeg(_)), "{name}, {length} bytes: {error}");
            assert!(!error.to_string().contains('\n'));
        }
    }
    assert!(matches!(RESIZE.apply(b"<!DOCTYPE html>"), Err(TransformError::InvalidJpeg(_))));
}

#[test]
fn cmyk_images_and_images_smaller_than_the_crop_are_refused_with_the_reason() {
    assert_eq!(RESIZE.apply(&entry("cmyk.jpg")), Err(TransformError::UnsupportedCmyk));
    let crop = Transform { crop: Some(148), side: 64 };
    let small = crop.apply(&entry("small.jpg"));
    assert_eq!(small, Err(TransformError::TooSmall { width: 40, height: 30, crop: 148 }));
    assert!(small.unwrap_err().to_string().contains("40×30"));
}

/// Sets the size in the header of a JPEG file.
fn with_claimed_size(mut jpeg: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    // Start of frame: marker, length, precision, height, width.
    let at = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0] || pair == [0xff, 0xc2]).unwrap();
    jpeg[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

#[test]
fn an_image_that_claims_a_huge_size_is_not_decoded() {
    for (width, height) in [(60_000, 60_000), (65_535, 65_535), (65_535, 400)] {
        let error = RESIZE.apply(&with_claimed_size(toy_jpeg(16, 16, 1), width, height)).unwrap_err();
        let (width, height) = (usize::from(width), usize::from(height));
        assert!(width * height > MAX_PIXELS);
        assert_eq!(error, TransformError::TooLarge { width, height });
    }
    let _ = RESIZE.apply(&with_claimed_size(toy_jpeg(16, 16, 1), 4000, 4000));
    assert!(RESIZE.apply(&with_claimed_size(toy_jpeg(16, 16, 1), 0, 16)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_damaged_file_never_panics(at in prop::collection::vec((0_usize..3000, any::<u8>()), 1..8), kind in 0_usize..4) {
        let name = ["small.jpg", "progressive.jpg", "restarts.jpg", "cmyk.jpg"][kind];
        let mut jpeg = entry(name);
        for (position, value) in at {
            let position = position % jpeg.len();
            jpeg[position] = value;
        }
        let _ = RESIZE.apply(&jpeg);
    }
}

/// Compares the channel means with those of Pillow, because the license does not allow distributing the pixels.
fn compare_means(set: &str, read: impl Fn(&str) -> Vec<u8>, transform: Transform) {
    let path = gtn_tests::workspace().join(format!("tests/golden/images_{set}.txt"));
    let list = std::fs::read_to_string(path).unwrap();
    let mut largest = 0.0_f64;
    for line in list.lines() {
        let (name, means) = line.split_once(' ').unwrap();
        let image = transform.apply(&read(name)).unwrap();
        for (channel, pillow) in image.outer_iter().zip(means.split(' ')) {
            let ours = channel.iter().map(|&value| f64::from(value)).sum::<f64>() / channel.len() as f64;
            largest = largest.max((ours - pillow.parse::<f64>().unwrap()).abs());
        }
    }
    assert_eq!(list.lines().count(), 200);
    assert!(largest < 0.5, "{set}: a channel mean differs by {largest:.3} of 255");
}

#[test]
fn real_images_have_the_same_means_as_with_pillow() {
    let test = "real_images_have_the_same_means_as_with_pillow";
    let Some(data) = gtn_tests::data_dir_with(test, &["celeba", "hap"]) else { return };
    let file = File::open(data.join("celeba/img_align_celeba.zip")).unwrap();
    let archive = std::cell::RefCell::new(zip::ZipArchive::new(file).unwrap());
    let celeba = |name: &str| {
        let mut bytes = Vec::new();
        let mut archive = archive.borrow_mut();
        archive.by_name(&format!("img_align_celeba/{name}")).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    compare_means("celeba", celeba, gtn_data::celeba::TRANSFORM);
    let hands = data.join("hap/Hands");
    compare_means("hap", |name| std::fs::read(hands.join(name)).unwrap(), gtn_data::hap::TRANSFORM);
}
