//! Images of your own: folders and archives of all formats, what is skipped, and the cache.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gtn_data::Result;
use gtn_data::image_set::CacheState;
use gtn_data::own_images::{self, Options, OwnImages, Resize};
use image::{GrayImage, Luma, Rgb, RgbImage};

struct Folder {
    temp: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("animals")).unwrap();
        Self { temp }
    }

    fn animals(&self) -> PathBuf {
        self.temp.path().join("animals")
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.animals().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// An image of one color.
    fn save(&self, name: &str, color: [u8; 3]) {
        let path = self.animals().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::from_pixel(12, 10, Rgb(color)).save(path).unwrap();
    }

    fn read_path(&self, path: &Path, options: Options) -> Result<OwnImages> {
        let cache = self.temp.path().join("cache/animals.images");
        own_images::read(path, &options, &cache, &mut |_, _| ControlFlow::Continue(()))
    }

    fn read(&self, options: Options) -> Result<OwnImages> {
        self.read_path(&self.animals(), options)
    }

    fn refused(&self, options: Options) -> String {
        let error = self.read(options).unwrap_err();
        assert!(error.is_user_error());
        let message = error.to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    }
}

const SMALL: Options = Options { side: 8, resize: Resize::Crop, background: [255; 3], max_unreadable: 0.05 };

/// The first value of each channel of an image.
fn color(images: &OwnImages, index: usize) -> Vec<u8> {
    let batch = images.images.batch(&[index]);
    batch
        .index_axis(ndarray::Axis(0), 0)
        .outer_iter()
        .map(|plane| ((plane[[0, 0]] + 1.0) * 127.5).round() as u8)
        .collect()
}

#[test]
fn a_folder_of_all_formats_is_read_in_the_order_of_the_names() {
    let folder = Folder::new();
    for (name, color) in [("c.bmp", [1, 2, 3]), ("a.png", [4, 5, 6]), ("b.WEBP", [7, 8, 9]), ("e.tiff", [10, 11, 12])] {
        folder.save(&name.to_lowercase(), color);
        if name != name.to_lowercase() {
            fs::rename(folder.animals().join(name.to_lowercase()), folder.animals().join(name)).unwrap();
        }
    }
    folder.save("d.gif", [250, 0, 0]);
    // An extension that is wrong.
    folder.save("f.png", [13, 14, 15]);
    fs::rename(folder.animals().join("f.png"), folder.animals().join("f.jpg")).unwrap();
    for other in ["notes.txt", ".hidden.png", "Thumbs.db", "__MACOSX/a.png", "desktop.ini"] {
        folder.write(other, b"text");
    }
    let images = folder.read(SMALL).unwrap();
    assert_eq!(images.names, ["a.png", "b.WEBP", "c.bmp", "d.gif", "e.tiff", "f.jpg"]);
    assert_eq!(color(&images, 0), [4, 5, 6]);
    assert_eq!(color(&images, 1), [7, 8, 9]);
    assert_eq!(color(&images, 3), [250, 0, 0]);
    assert_eq!(color(&images, 5), [13, 14, 15]);
    assert_eq!((images.other_files, images.classes.is_none(), images.cache), (1, true, CacheState::Created));
}

#[test]
fn gray_images_have_one_channel_unless_another_has_colors() {
    let folder = Folder::new();
    GrayImage::from_pixel(9, 9, Luma([40])).save(folder.animals().join("a.png")).unwrap();
    // Gray, in a file with colors.
    folder.save("b.png", [90; 3]);
    assert_eq!(folder.read(SMALL).unwrap().images.batch(&[0, 1]).dim(), (2, 1, 8, 8));
    folder.save("c.png", [90, 0, 0]);
    let images = folder.read(SMALL).unwrap();
    assert_eq!((color(&images, 0), color(&images, 2)), (vec![40; 3], vec![90, 0, 0]));
}

#[test]
fn the_orientation_of_a_camera_is_applied() {
    // The left half is white; the metadata say that the camera was turned by 90 degrees.
    let picture = RgbImage::from_fn(64, 64, |x, _| Rgb([if x < 32 { 255 } else { 0 }; 3]));
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 95).encode_image(&picture).unwrap();
    let exif = [
        b"Exif\0\0II*\0\x08\0\0\0".as_slice(),
        // One entry: tag 0x0112, a short, one value, 6 (rotate by 90 degrees clockwise); no further entries.
        b"\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
    ]
    .concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let turned = [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat();
    let folder = Folder::new();
    folder.write("a.jpg", &jpeg);
    folder.write("b.jpg", &turned);
    let images = folder.read(SMALL).unwrap();
    let corners = |index: usize| {
        let batch = images.images.batch(&[index]);
        [(0, 0), (0, 7), (7, 0), (7, 7)].map(|(row, column)| batch[[0, 0, row, column]] > 0.0)
    };
    assert_eq!(corners(0), [true, false, true, false]);
    assert_eq!(corners(1), [true, true, false, false]);
}

#[test]
fn subfolders_are_classes() {
    let folder = Folder::new();
    for (index, name) in ["dogs/a.png", "cats/2/b.png", "cats/1/a.png", "dogs/b.png"].iter().enumerate() {
        folder.save(name, [index as u8; 3]);
    }
    let images = folder.read(SMALL).unwrap();
    let classes = images.classes.unwrap();
    assert_eq!(images.names, ["cats/1/a.png", "cats/2/b.png", "dogs/a.png", "dogs/b.png"]);
    assert_eq!((classes.names, classes.labels), (vec!["cats".to_owned(), "dogs".to_owned()], vec![0, 0, 1, 1]));
    // One image that is in no subfolder.
    folder.save("z.png", [9; 3]);
    assert!(folder.read(SMALL).unwrap().classes.is_none());
}

#[test]
fn unreadable_files_and_duplicates_are_named() {
    let folder = Folder::new();
    for index in 0..19 {
        folder.save(&format!("{index:02}.png"), [index * 10, 0, 0]);
    }
    folder.write("19.png", b"not an image");
    // The same pixels in another format.
    folder.save("20.bmp", [30, 0, 0]);
    let images = folder.read(SMALL).unwrap();
    assert_eq!(images.names.len(), 19);
    assert_eq!(images.duplicates, [("20.bmp".to_owned(), "03.png".to_owned())]);
    assert_eq!(images.unreadable, [("19.png".to_owned(), "is not an image of a known format".to_owned())]);
    folder.write("21.jpg", b"");
    let message = folder.refused(SMALL);
    assert!(message.contains("2 of 22 image files cannot be read; the first, 19.png, is not an image"), "{message}");
    assert!(message.contains("--max-unreadable"), "{message}");
    assert_eq!(folder.read(Options { max_unreadable: 0.1, ..SMALL }).unwrap().unreadable.len(), 2);
    // Also if the cache is reused.
    assert!(folder.refused(SMALL).contains("2 of 22"));
    assert!(folder.refused(Options { max_unreadable: 0.0, ..SMALL }).contains("2 of 22"));
}

#[test]
fn archives_have_the_images_of_their_folder() {
    let folder = Folder::new();
    for (index, name) in ["dogs/a.png", "cats/b.png", "cats/a.jpg"].iter().enumerate() {
        folder.save(name, [index as u8 * 80; 3]);
    }
    folder.write("__MACOSX/cats/._b.png", b"resource fork");
    let expected = folder.read(SMALL).unwrap();
    let files: BTreeMap<String, Vec<u8>> = ["dogs/a.png", "cats/b.png", "cats/a.jpg", "__MACOSX/cats/._b.png"]
        .map(|name| (format!("all/{name}"), fs::read(folder.animals().join(name)).unwrap()))
        .into();
    let at = |name: &str| folder.temp.path().join(name);
    let mut zip = zip::ZipWriter::new(fs::File::create(at("animals.zip")).unwrap());
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in &files {
        zip.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    zip.finish().unwrap();
    let tar = tar.into_inner().unwrap();
    fs::write(at("animals.tar"), &tar).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&tar).unwrap();
    fs::write(at("animals.tar.gz"), packed.finish().unwrap()).unwrap();
    for name in ["animals.zip", "animals.tar", "animals.tar.gz"] {
        let images = folder.read_path(&at(name), SMALL).unwrap();
        assert_eq!((&images.images, &images.classes), (&expected.images, &expected.classes), "{name}");
        assert_eq!(images.fingerprint, expected.fingerprint);
        assert_eq!(images.names[0], "all/cats/a.jpg");
    }
    // Truncated.
    for (name, length) in
        [("animals.tar", tar.len() / 2), ("animals.tar", 700), ("animals.zip", 300), ("animals.tar.gz", 200)]
    {
        let bytes = fs::read(at(name)).unwrap();
        let cut = at(&format!("cut-{name}"));
        fs::write(&cut, &bytes[..length.min(bytes.len() / 2)]).unwrap();
        let error = folder.read_path(&cut, SMALL).unwrap_err();
        assert!(error.is_user_error() && !error.to_string().contains('\n'), "{error}");
    }
    let mut outside = zip::ZipWriter::new(fs::File::create(at("outside.zip")).unwrap());
    outside.start_file("../a.png", zip::write::SimpleFileOptions::default()).unwrap();
    outside.finish().unwrap();
    let message = folder.read_path(&at("outside.zip"), SMALL).unwrap_err().to_string();
    assert!(message.contains("entry `../a.png` lies outside"), "{message}");
}

#[test]
fn the_cache_is_reused_until_files_or_settings_change() {
    let folder = Folder::new();
    folder.save("a.png", [10; 3]);
    folder.save("b.png", [20; 3]);
    let first = folder.read(SMALL).unwrap();
    let again = folder.read(SMALL).unwrap();
    assert_eq!(
        (again.cache.clone(), &again.fingerprint, &again.images),
        (CacheState::Reused, &first.fingerprint, &first.images)
    );
    let cache = folder.temp.path().join("cache");
    let names = || {
        let mut names: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["animals.images", "animals.json"]);
    // Another side, another file, a damaged cache, a damaged list.
    assert_ne!(folder.read(Options { side: 12, ..SMALL }).unwrap().cache, CacheState::Reused);
    assert_ne!(folder.read(SMALL).unwrap().cache, CacheState::Reused);
    folder.save("c.png", [30; 3]);
    let more = folder.read(SMALL).unwrap();
    assert!(more.cache != CacheState::Reused && more.fingerprint != first.fingerprint && more.images.len() == 3);
    fs::write(cache.join("animals.json"), "{").unwrap();
    assert_ne!(folder.read(SMALL).unwrap().cache, CacheState::Reused);
    fs::remove_file(cache.join("animals.images")).unwrap();
    assert_eq!(folder.read(SMALL).unwrap().cache, CacheState::Created);
    assert_eq!(folder.read(SMALL).unwrap().cache, CacheState::Reused);
    assert_eq!(names(), ["animals.images", "animals.json"]);
}

#[test]
fn stopping_leaves_no_cache() {
    let folder = Folder::new();
    folder.save("a.png", [10; 3]);
    let cache = folder.temp.path().join("cache/animals.images");
    let stopped = own_images::read(&folder.animals(), &SMALL, &cache, &mut |_, _| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(gtn_data::Error::Stopped { done: 0, total: 1 })));
    assert_eq!(fs::read_dir(cache.parent().unwrap()).unwrap().count(), 0);
}

#[test]
fn what_has_no_images_is_refused_with_advice() {
    let folder = Folder::new();
    assert!(folder.refused(SMALL).contains("no image files"));
    folder.write("readme.txt", b"text");
    folder.write("below/data.csv", b"1,2");
    assert!(folder.refused(SMALL).contains("it has 2 other files, such as below/data.csv"));
    folder.write("a.png", b"text");
    assert!(folder.refused(SMALL).contains("its only image file, a.png, is not an image"));
    for (options, word) in [
        (Options { side: 30, ..SMALL }, "side is 30"),
        (Options { side: 0, ..SMALL }, "side is 0"),
        (Options { side: 260, ..SMALL }, "side is 260"),
        (Options { max_unreadable: f64::NAN, ..SMALL }, "max-unreadable is NaN"),
    ] {
        assert!(folder.refused(options).contains(word), "{word}");
    }
    let file = folder.animals().join("readme.txt");
    let message = folder.read_path(&file, SMALL).unwrap_err().to_string();
    assert!(message.contains("not a folder and not an archive"), "{message}");
    let message = folder.read_path(&folder.animals().join("missing"), SMALL).unwrap_err().to_string();
    assert!(message.contains("missing"), "{message}");
}

#[test]
fn the_figures_of_runs_are_no_images() {
    let folder = Folder::new();
    folder.save("a.png", [1; 3]);
    folder.save("runs/animals-d16-seed1/figures/epochs/h-00001.png", [2; 3]);
    folder.write("runs/animals-d16-seed1/config.toml", b"");
    fs::create_dir(folder.animals().join("runs/animals-d16-seed1/checkpoints")).unwrap();
    let images = folder.read(SMALL).unwrap();
    assert_eq!((images.names, images.classes, images.other_files), (vec!["a.png".to_owned()], None, 0));
}

#[test]
fn a_truncated_jpeg_with_a_thumbnail_is_unreadable() {
    let folder = Folder::new();
    let mut jpeg = Vec::new();
    let image = RgbImage::from_fn(40, 40, |x, y| Rgb([(x * 6) as u8, (y * 6) as u8, 90]));
    image.write_to(&mut std::io::Cursor::new(&mut jpeg), image::ImageFormat::Jpeg).unwrap();
    // A segment that holds the end marker of another image.
    let thumbnail = [0xff, 0xe9, 0, 4, 0xff, 0xd9];
    let whole = [&jpeg[..2], &thumbnail, &jpeg[2..]].concat();
    folder.write("whole.jpg", &whole);
    folder.write("cut.jpg", &whole[..whole.len() * 3 / 4]);
    let images = folder.read(Options { max_unreadable: 0.5, ..SMALL }).unwrap();
    assert_eq!(images.names, ["whole.jpg"]);
    assert_eq!(images.unreadable, [("cut.jpg".to_owned(), "is a truncated JPEG file".to_owned())]);
}

#[test]
fn archives_may_name_the_current_folder() {
    let folder = Folder::new();
    folder.save("a.png", [10; 3]);
    let png = fs::read(folder.animals().join("a.png")).unwrap();
    let path = folder.temp.path().join("dot.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    zip.start_file("./animals/a.png", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(&png).unwrap();
    zip.finish().unwrap();
    assert_eq!(folder.read_path(&path, SMALL).unwrap().names, ["animals/a.png"]);
}

#[cfg(unix)]
#[test]
fn links_to_nothing_are_passed_over() {
    let folder = Folder::new();
    folder.save("a.png", [1; 3]);
    std::os::unix::fs::symlink("gone.png", folder.animals().join("b.png")).unwrap();
    let images = folder.read(SMALL).unwrap();
    assert_eq!((images.names, images.other_files), (vec!["a.png".to_owned()], 1));
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    let folder = Folder::new();
    folder.save("real/a.png", [1; 3]);
    std::os::unix::fs::symlink(folder.animals().join("real/a.png"), folder.animals().join("b.png")).unwrap();
    assert_eq!(folder.read(SMALL).unwrap().duplicates.len(), 1);
    std::os::unix::fs::symlink(folder.animals(), folder.animals().join("real/up")).unwrap();
    assert!(folder.refused(SMALL).contains("a link leads back to a folder above it"));
}
