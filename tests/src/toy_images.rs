//! Toy images in the layouts of CelebA and 11K Hands.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use zip::write::SimpleFileOptions;

/// A JPEG file of an ellipse on a plain background; `key` determines its position and the colors.
///
/// # Panics
///
/// If `width` or `height` is 0.
#[must_use]
pub fn toy_jpeg(width: u32, height: u32, key: u32) -> Vec<u8> {
    let shade = |times: u32| (key * times % 200) as u8 + 28;
    let (background, foreground) = (Rgb([shade(37), shade(53), shade(91)]), Rgb([shade(11), shade(71), shade(29)]));
    let image = RgbImage::from_fn(width, height, |x, y| {
        let across = f64::from(x) / f64::from(width) - 0.4 - 0.2 * f64::from(key % 5) / 4.0;
        let down = f64::from(y) / f64::from(height) - 0.5;
        if across * across / 0.04 + down * down / 0.09 < 1.0 { foreground } else { background }
    });
    let mut bytes = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 90)).expect("writing to memory succeeds");
    bytes
}

/// Writes a zip archive with uncompressed entries.
///
/// # Errors
///
/// An error of the file system.
pub fn write_zip<N: AsRef<str>>(path: &Path, entries: impl IntoIterator<Item = (N, Vec<u8>)>) -> std::io::Result<()> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in entries {
        archive.start_file(name.as_ref(), options)?;
        archive.write_all(&bytes)?;
    }
    fs::write(path, archive.finish()?.into_inner())
}

/// Writes `FOLDER/img_align_celeba.zip` with `count` images, `list_eval_partition.txt`, and `list_attr_celeba.txt`. Of every ten
/// images, the ninth is for validation and the tenth for testing. Every second one is `Smiling`, every third one `Male`.
///
/// # Errors
///
/// An error of the file system.
pub fn write_toy_celeba(folder: &Path, count: u32) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let names: Vec<String> = (0..count).map(|key| format!("{:06}.jpg", key + 1)).collect();
    let mut partition = String::new();
    let mut attributes = format!("{count}\nSmiling Male Wearing_Hat \n");
    for (key, name) in names.iter().enumerate() {
        partition += &format!("{name} {}\n", (key % 10).saturating_sub(7));
        let value = |step: usize| if key % step == 0 { " 1" } else { "-1" };
        attributes += &format!("{name} {}  {} -1\n", value(2), value(3));
    }
    fs::write(folder.join("list_eval_partition.txt"), partition)?;
    fs::write(folder.join("list_attr_celeba.txt"), attributes)?;
    let entries: Vec<String> = names.iter().map(|name| format!("img_align_celeba/{name}")).collect();
    let images = (0..count).map(|key| toy_jpeg(178, 218, key));
    write_zip(&folder.join("img_align_celeba.zip"), entries.iter().map(String::as_str).zip(images))
}

/// Writes `FOLDER/Hands/` with `count` images, the three lists of the split, and `HandInfo.csv`. Of every ten images, the ninth is
/// for validation and the tenth for testing. Every second one is palmar, every third one a right hand, every fourth one has
/// accessories, and five belong to one person. Each list also names an image that does not exist.
///
/// # Errors
///
/// An error of the file system.
pub fn write_toy_hap(folder: &Path, count: u32) -> std::io::Result<()> {
    fs::create_dir_all(folder.join("Hands"))?;
    let mut table = "id,age,gender,skinColor,accessories,nailPolish,aspectOfHand,imageName,irregularities\n".to_owned();
    // The numbers in the column are 0 for train, 1 for test, 2 for validation. The name of the list decides.
    let mut lists = [("train", 0), ("test", 1), ("val", 2)]
        .map(|(part, number)| (part, format!("Filename,Partition\nHand_9{number}.jpg,{number}\n")));
    for key in 0..count {
        let name = format!("Hand_{key:07}.jpg");
        fs::write(folder.join("Hands").join(&name), toy_jpeg(160, 120, key))?;
        let list = match key % 10 {
            8 => 2,
            9 => 1,
            _ => 0,
        };
        lists[list].1 += &format!("{name},{list}\n");
        let aspect = if key % 2 == 0 { "palmar" } else { "dorsal" };
        let hand = if key % 3 == 0 { "right" } else { "left" };
        let accessories = u8::from(key % 4 == 0);
        table +=
            &format!("\"{:07}\",30,\"female\",\"fair\",{accessories},0,\"{aspect} {hand}\",\"{name}\",0\n", key / 5);
    }
    fs::write(folder.join("HandInfo.csv"), table)?;
    lists.iter().try_for_each(|(part, list)| fs::write(folder.join(format!("hands_kaggle-{part}.csv")), list))
}
