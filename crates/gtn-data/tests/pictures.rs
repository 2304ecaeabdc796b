//! JPEG files become the images that Pillow makes of them. `tests/golden/make_pictures.py` drew the files.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use gtn_data::photos::{MOST_PIXELS, Transform, Unusable};
use gtn_tests::toy_jpeg;
use ndarray::s;
use proptest::prelude::*;

const WHOLE: Transform = Transform { crop: None, side: 64 };

fn golden() -> PathBuf {
    gtn_tests::workspace().join("tests/golden/pictures.zip")
}

fn entry(name: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(File::open(golden()).unwrap()).unwrap();
    let mut bytes = Vec::new();
    archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn pictures_of_many_kinds_become_what_pillow_makes_of_them() {
    let archive = zip::ZipArchive::new(File::open(golden()).unwrap()).unwrap();
    let expected: Vec<&str> = archive.file_names().filter(|name| name.ends_with(".rgb")).collect();
    assert_eq!(expected.len(), 14);
    for name in expected {
        let [picture, cut, _] = name.split('.').collect::<Vec<_>>()[..] else { panic!("{name}") };
        let transform = Transform { crop: cut.parse().ok(), side: 64 };
        let image = transform.apply(&entry(&format!("{picture}.jpg"))).unwrap();
        // Theirs are in the order (H, W, C).
        let theirs = ndarray::Array3::from_shape_vec((64, 64, 3), entry(name)).unwrap().permuted_axes([2, 0, 1]);
        // Where a size is no multiple of 16 the decoders interpolate colors at the right and lower edge differently. In a
        // picture that is enlarged this is seen.
        let (columns, most) = if picture == "small" { (60, 8) } else { (64, 4) };
        let (ours, theirs) = (image.slice(s![.., .., ..columns]), theirs.slice(s![.., .., ..columns]));
        let apart: Vec<u8> = ours.iter().zip(&theirs).map(|(&ours, &theirs)| ours.abs_diff(theirs)).collect();
        let mean = apart.iter().map(|&value| f64::from(value)).sum::<f64>() / apart.len() as f64;
        let largest = *apart.iter().max().unwrap();
        assert!(mean <= 0.6 && largest <= most, "{name}: {mean:.3} on average, {largest} at most");
    }
}

#[test]
fn what_is_no_whole_jpeg_is_an_error_at_every_length() {
    for name in ["small", "progressive", "restarts", "gray"] {
        let whole = entry(&format!("{name}.jpg"));
        assert!(WHOLE.apply(&whole).is_ok());
        assert!(WHOLE.apply(&[&whole[..], &[0; 100]].concat()).is_ok(), "{name}: bytes after the end do no harm");
        let step = whole.len() / 500 + 1;
        for length in (0..whole.len()).step_by(step).chain(whole.len() - 20..whole.len()) {
            let error = WHOLE.apply(&whole[..length]).unwrap_err();
            assert!(matches!(error, Unusable::Damaged(_)), "{name}, {length} bytes: {error}");
            assert!(!error.to_string().contains('\n'));
        }
    }
    assert!(matches!(WHOLE.apply(b"<!DOCTYPE html>"), Err(Unusable::Damaged(_))));
}

#[test]
fn colors_for_print_and_pictures_below_the_cut_are_refused_with_the_reason() {
    assert_eq!(WHOLE.apply(&entry("cmyk.jpg")), Err(Unusable::FourChannels));
    let cut = Transform { crop: Some(148), side: 64 };
    let small = cut.apply(&entry("small.jpg"));
    assert_eq!(small, Err(Unusable::TooSmall { width: 40, height: 30, crop: 148 }));
    assert!(small.unwrap_err().to_string().contains("40×30"));
}

/// A JPEG file whose header claims another size.
fn claiming(mut jpeg: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    // Start of frame: marker, length, precision, height, width.
    let at = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0] || pair == [0xff, 0xc2]).unwrap();
    jpeg[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

#[test]
fn a_picture_that_claims_to_be_endless_is_not_decoded() {
    for (width, height) in [(60_000, 60_000), (65_535, 65_535), (65_535, 400)] {
        let error = WHOLE.apply(&claiming(toy_jpeg(16, 16, 1), width, height)).unwrap_err();
        let (width, height) = (usize::from(width), usize::from(height));
        assert!(width * height > MOST_PIXELS);
        assert_eq!(error, Unusable::TooLarge { width, height });
    }
    let _ = WHOLE.apply(&claiming(toy_jpeg(16, 16, 1), 4000, 4000));
    assert!(WHOLE.apply(&claiming(toy_jpeg(16, 16, 1), 0, 16)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_damaged_file_never_panics(at in prop::collection::vec((0_usize..3000, any::<u8>()), 1..8), kind in 0_usize..4) {
        let name = ["small.jpg", "progressive.jpg", "restarts.jpg", "cmyk.jpg"][kind];
        let mut jpeg = entry(name);
        for (place, value) in at {
            let place = place % jpeg.len();
            jpeg[place] = value;
        }
        let _ = WHOLE.apply(&jpeg);
    }
}

/// The means of each channel as Pillow has them, beside ours: the pixels themselves may not be passed on.
fn compare_means(set: &str, read: impl Fn(&str) -> Vec<u8>, transform: Transform) {
    let path = gtn_tests::workspace().join(format!("tests/golden/pictures_{set}.txt"));
    let list = std::fs::read_to_string(path).unwrap();
    let mut largest = 0.0_f64;
    for line in list.lines() {
        let (name, means) = line.split_once(' ').unwrap();
        let image = transform.apply(&read(name)).unwrap();
        for (channel, theirs) in image.outer_iter().zip(means.split(' ')) {
            let ours = channel.iter().map(|&value| f64::from(value)).sum::<f64>() / channel.len() as f64;
            largest = largest.max((ours - theirs.parse::<f64>().unwrap()).abs());
        }
    }
    assert_eq!(list.lines().count(), 200);
    assert!(largest < 0.5, "{set}: a channel's mean is {largest:.3} of 255 apart");
}

#[test]
fn real_photographs_have_the_means_that_pillow_finds() {
    let test = "real_photographs_have_the_means_that_pillow_finds";
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
