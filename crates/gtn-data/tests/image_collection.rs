//! Images in folders, archives and arrays.

use std::fs;
use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::path::Path;

use gtn_data::{Error, ImageCollection, ImageHasher};
use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use ndarray::{Array4, s};
use zip::write::SimpleFileOptions;

/// A gray image of 5×4 pixels.
fn gray(shade: u8) -> GrayImage {
    GrayImage::from_fn(5, 4, |x, y| Luma([shade + x as u8 + 7 * y as u8]))
}

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    encoded(image, ImageFormat::Png)
}

fn jpeg(image: impl Into<DynamicImage>) -> Vec<u8> {
    encoded(image, ImageFormat::Jpeg)
}

fn write_zip(path: &Path, entries: &[(&str, Vec<u8>)]) {
    gtn_tests::write_zip(path, entries.iter().map(|(name, bytes)| (*name, bytes.clone()))).unwrap();
}

fn open(path: &Path) -> ImageCollection {
    ImageCollection::open(path).unwrap_or_else(|error| panic!("{error}"))
}

fn read(path: &Path) -> Array4<f32> {
    let images = open(path);
    images.read(0..images.len()).unwrap()
}

fn fingerprint(path: &Path) -> String {
    open(path).fingerprint(&mut |_, _| ControlFlow::Continue(())).unwrap()
}

fn scaled(value: u8) -> f32 {
    (f32::from(value) / 255.0 - 0.5) / 0.5
}

#[track_caller]
fn fails(path: &Path, expected: &str) {
    let failed = ImageCollection::open(path).and_then(|images| images.read(0..images.len()));
    let message = failed.unwrap_err().to_string();
    assert!(message.contains(expected) && !message.contains('\n'), "{message}");
}

#[test]
fn the_same_images_are_equal_in_every_container() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("images/deeper")).unwrap();
    for (name, bytes) in [
        ("b.png", png(gray(100))),
        ("a.PNG", png(gray(0))),
        ("c.jpeg", png(gray(200))),
        ("._a.png", b"metadata of macOS".to_vec()),
        ("Thumbs.db", b"thumbnails".to_vec()),
        ("notes.txt", b"mine".to_vec()),
        ("deeper/d.png", png(gray(1))),
    ] {
        fs::write(at("images").join(name), bytes).unwrap();
    }
    let images = open(&at("images"));
    assert_eq!((images.len(), images.is_empty(), images.shape()), (3, false, [1, 4, 5]));
    assert_eq!(images.image_path(1), at("images/b.png"));
    let all = images.read(0..3).unwrap();
    assert_eq!((all[[0, 0, 0, 0]], all[[1, 0, 1, 2]], all[[2, 0, 3, 4]]), (-1.0, scaled(109), scaled(225)));
    assert_eq!(images.read(1..2).unwrap(), all.slice(s![1..2, .., .., ..]));
    assert_eq!(images.read(2..2).unwrap().dim(), (0, 1, 4, 5));

    let entries = [
        ("set/b/1.png", png(gray(100))),
        ("set/a.png", png(gray(0))),
        ("__MACOSX/set/._a.png", b"metadata".to_vec()),
        ("set/.hidden/a.png", b"hidden".to_vec()),
        ("set/README.md", b"text".to_vec()),
        ("set/c.png", png(gray(200))),
    ];
    write_zip(&at("images.zip"), &entries);
    let mut compressed = zip::ZipWriter::new(Cursor::new(Vec::new()));
    compressed.add_directory("set.png", SimpleFileOptions::default()).unwrap();
    for (name, bytes) in &entries {
        compressed.start_file(*name, SimpleFileOptions::default()).unwrap();
        compressed.write_all(bytes).unwrap();
    }
    fs::write(at("compressed.ZIP"), compressed.finish().unwrap().into_inner()).unwrap();
    ndarray_npy::write_npy(at("images.npy"), &all).unwrap();
    let hashed = fingerprint(&at("images"));
    for name in ["images.zip", "compressed.ZIP", "images.npy"] {
        assert_eq!(read(&at(name)), all, "{name}");
        assert_eq!(fingerprint(&at(name)), hashed, "{name}");
    }
    let mut hasher = ImageHasher::new(3, [1, 4, 5]);
    hasher.update(all.slice(s![..2, .., .., ..]));
    hasher.update(all.slice(s![2.., .., .., ..]));
    assert_eq!(hasher.finish(), hashed);

    // One value, the order, and the shape enter the fingerprint.
    let mut other = all.clone();
    other[[2, 0, 3, 4]] = scaled(226);
    let reversed = all.slice(s![..;-1, .., .., ..]).to_owned();
    let transposed = all.to_shape((3, 1, 5, 4)).unwrap().to_owned();
    for other in [other, reversed, transposed] {
        ndarray_npy::write_npy(at("other.npy"), &other).unwrap();
        assert_ne!(fingerprint(&at("other.npy")), hashed);
    }
    // A single file.
    assert_eq!(read(&at("images/b.png")), all.slice(s![1..2, .., .., ..]));
    let stopped = images.fingerprint(&mut |_, _| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(Error::Stopped { done: 0, total: 3 })));
}

#[test]
fn colors_alpha_and_depth_are_converted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, bytes: Vec<u8>| fs::write(at(name), bytes).unwrap();
    // Gray with an alpha channel, gray with 16 bits, and a gray JPEG file have one channel.
    write("a.png", png(GrayAlphaImage::from_pixel(5, 4, LumaA([51, 9]))));
    let deep = image::ImageBuffer::<Luma<u16>, _>::from_pixel(5, 4, Luma([51 * 257]));
    write("b.png", png(DynamicImage::ImageLuma16(deep)));
    write("c.jpg", jpeg(GrayImage::from_pixel(5, 4, Luma([51]))));
    let images = read(folder.path());
    assert_eq!(images.dim(), (3, 1, 4, 5));
    assert!(images.iter().all(|&value| value == scaled(51)), "{images}");

    // With a colored image, all have three.
    write("d.png", png(RgbaImage::from_pixel(5, 4, Rgba([255, 0, 51, 0]))));
    write("e.jpg", jpeg(RgbImage::from_pixel(5, 4, Rgb([51, 51, 51]))));
    let colored = read(folder.path());
    assert_eq!(colored.dim(), (5, 3, 4, 5));
    for channel in 0..3 {
        let channel_of = |images: std::ops::Range<usize>| colored.slice(s![images, channel, .., ..]).to_owned();
        assert!(channel_of(0..3).iter().all(|&value| value == scaled(51)));
        assert!(channel_of(3..4).iter().all(|&value| value == [1.0, -1.0, scaled(51)][channel]));
        assert!(channel_of(4..5).iter().all(|&value| (value - scaled(51)).abs() < 0.02));
    }
    // A JPEG file whose size follows long metadata.
    let short = jpeg(gray(0));
    let mut long = short[..2].to_vec();
    for _ in 0..3 {
        long.extend([0xff, 0xe1, 0xff, 0xff]);
        long.extend(vec![7; 65_533]);
    }
    long.extend(&short[2..]);
    write("long.jpg", long);
    write("short.jpg", short);
    assert_eq!(read(&at("long.jpg")), read(&at("short.jpg")));
}

#[test]
fn unusable_files_are_named_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let images = at("images");
    fails(&images, "images");
    fs::create_dir(&images).unwrap();
    fails(&images, "no .png, .jpg or .jpeg files");
    fs::create_dir(images.join("deeper.png")).unwrap();
    fails(&images, "its subfolders are not read, so pass one of them");
    let write = |name: &str, bytes: &[u8]| fs::write(images.join(name), bytes).unwrap();
    write("a.png", &png(gray(0)));
    write("b.png", &png(GrayImage::new(4, 5)));
    let first = images.join("a.png").display().to_string();
    fails(&images, &format!("b.png': has 4×5 pixels, but '{first}' has 5×4; resize all images to one size"));
    write("b.png", b"<html>");
    fails(&images, "b.png': not a readable PNG or JPEG file: it starts with \"<html>\"");
    write("b.png", b"");
    fails(&images, "b.png': not a readable PNG");
    write("b.png", b"\x89PNG\r\n\x1a\nand then something else");
    fails(&images, "b.png': not a readable PNG");
    fs::remove_file(images.join("b.png")).unwrap();
    write("b.webp", b"whatever");
    fails(&images, "b.webp': this image format is not supported; convert it to PNG");
    fs::remove_file(images.join("b.webp")).unwrap();
    fails(&at("absent.png"), "absent.png");
    fs::write(at("a.gif"), "GIF89a").unwrap();
    fails(&at("a.gif"), "not images; pass a folder");

    // Truncated files, at every length.
    for (name, complete, end) in [("t.png", png(gray(3)), 12), ("t.jpg", jpeg(gray(3)), 0)] {
        // The last 12 bytes of a PNG file only say that it ends.
        for length in 0..complete.len() - end {
            fs::write(at(name), &complete[..length]).unwrap();
            fails(&at(name), name);
        }
    }
    // Few bytes that claim many pixels.
    let mut huge = png(gray(0));
    huge[16..24].copy_from_slice(&[0, 0, 0x7f, 0xff, 0, 0, 0x7f, 0xff]);
    let crc = crc32(&huge[12..29]).to_be_bytes();
    huge[29..33].copy_from_slice(&crc);
    fs::write(at("huge.png"), huge).unwrap();
    fails(&at("huge.png"), "claims 32767×32767 pixels");
}

#[test]
fn unusable_archives_are_named_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    fails(&path, "a.zip");
    fs::write(&path, "no archive").unwrap();
    fails(&path, "not a readable zip archive");
    write_zip(&path, &[]);
    fails(&path, "no .png, .jpg or .jpeg files");
    write_zip(&path, &[("notes.txt", b"mine".to_vec()), ("__MACOSX/a.png", png(gray(0)))]);
    fails(&path, "no .png, .jpg or .jpeg files");
    write_zip(&path, &[("x/a.png", png(gray(0))), ("b.jpg", jpeg(GrayImage::new(6, 4)))]);
    fails(&path, "a.zip/x/a.png': has 5×4 pixels, but");
    // An entry that claims to unpack to four gigabytes. Sizes are in the local and in the central header.
    write_zip(&path, &[("a.png", png(gray(0)))]);
    let complete = fs::read(&path).unwrap();
    let size = (png(gray(0)).len() as u32).to_le_bytes();
    let mut claiming = complete.clone();
    let positions: Vec<usize> = (0..complete.len() - 4).filter(|&at| complete[at..at + 4] == size).collect();
    let central = complete.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let uncompressed = positions.into_iter().find(|&at| at == central + 24).unwrap();
    claiming[uncompressed..uncompressed + 4].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    fs::write(&path, claiming).unwrap();
    fails(&path, "a.zip");
    // A damaged entry.
    let mut damaged = complete.clone();
    let data = complete.windows(4).position(|bytes| bytes == b"IDAT").unwrap();
    damaged[data + 6] ^= 0xff;
    fs::write(&path, damaged).unwrap();
    fails(&path, "a.png");
    for length in 0..complete.len() {
        fs::write(&path, &complete[..length]).unwrap();
        fails(&path, "a.zip");
    }
}

#[test]
fn arrays_of_another_shape_or_range_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let write = |shape, value: f32| ndarray_npy::write_npy(&path, &Array4::from_elem(shape, value)).unwrap();
    write((2, 2, 4, 4), 0.0);
    fails(&path, "images have 1 or 3 channels, got shape (n, C, H, W) = (2, 2, 4, 4)");
    write((2, 4, 4, 3), 0.0);
    fails(&path, "transpose it from (n, H, W, C) to (n, C, H, W)");
    write((2, 3, 4, 4), f32::NAN);
    fails(&path, "image 0 has values outside [-1, 1]");
    write((2, 1, 4, 4), -0.5);
    assert_eq!(open(&path).unlikely_range().unwrap(), None);
    let mut images = Array4::<f32>::zeros((3, 1, 2, 2));
    images[[0, 0, 0, 0]] = 0.75;
    ndarray_npy::write_npy(&path, &images).unwrap();
    assert!(open(&path).unlikely_range().unwrap().unwrap().contains("from 0 to 0.75"));
    images[[2, 0, 1, 1]] = 1.5;
    ndarray_npy::write_npy(&path, &images).unwrap();
    let opened = open(&path);
    assert!(opened.read(0..2).is_ok());
    let message = opened.read(1..3).unwrap_err().to_string();
    assert!(message.contains("image 2 has values outside"), "{message}");
    ndarray_npy::write_npy(&path, &ndarray::Array2::<f32>::zeros((2, 2))).unwrap();
    fails(&path, "expected a 4-D array (n, C, H, W), got shape (2, 2)");
}

#[test]
fn a_file_that_changes_after_it_was_opened_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    fs::write(&path, png(gray(0))).unwrap();
    let images = open(folder.path());
    fs::write(&path, png(GrayImage::new(9, 9))).unwrap();
    assert!(images.read(0..1).unwrap_err().to_string().contains("changed while it was read"));
    fs::remove_file(&path).unwrap();
    assert!(matches!(images.read(0..1), Err(Error::File(gtn_io::Error::Read { .. }))));
}

/// The checksum of a PNG chunk.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
