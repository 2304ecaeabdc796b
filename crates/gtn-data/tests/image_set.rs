//! CelebA and 11K Hands: complete, partial, extracted or not, damaged, malicious; and their caches.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gtn_data::image_set::{CacheState, DatasetCounts, ImageSet, Inventory, ItemState, SplitCounts};
use gtn_data::{Error, celeba, hap};
use gtn_tests::{toy_jpeg, write_toy_celeba, write_toy_hap, write_zip};

fn no_stop() -> impl FnMut(usize, usize) -> ControlFlow<()> {
    |_, _| ControlFlow::Continue(())
}

struct Toy {
    folder: tempfile::TempDir,
}

impl Toy {
    fn celeba(count: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_toy_celeba(&folder.path().join("celeba"), count).unwrap();
        Self { folder }
    }

    fn hap(count: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_toy_hap(&folder.path().join("hap"), count).unwrap();
        Self { folder }
    }

    fn at(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn read_celeba(&self, filter: &str) -> Result<ImageSet, Error> {
        celeba::read(self.folder.path(), &filter.parse()?, &self.at("cache/celeba"), &mut no_stop())
    }

    fn read_hap(&self, filter: &str) -> Result<ImageSet, Error> {
        hap::read(self.folder.path(), &filter.parse()?, &self.at("cache/hap"), &mut no_stop())
    }

    /// Asserts that reading fails with a one-line message that contains these texts, and leaves no cache behind.
    fn fails(&self, expected: &[&str]) {
        // With the tolerance that a set of twenty images has by default, one of them may be unreadable.
        let folder = self.folder.path();
        let result = if self.at("hap").exists() {
            hap::read_tolerating(0.0, folder, &hap::Filter::default(), &self.at("cache/hap"), &mut no_stop())
        } else {
            let cache = self.at("cache/celeba");
            celeba::read_tolerating(0.0, folder, &celeba::Filter::default(), &cache, &mut no_stop())
        };
        let message = result.unwrap_err().to_string();
        assert!(expected.iter().all(|expected| message.contains(expected)) && !message.contains('\n'), "{message}");
        assert_eq!(files_in(&self.at("cache")), 0, "{message}");
    }
}

fn files_in(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

fn counts(listed: usize, present: usize, selected: usize) -> SplitCounts {
    SplitCounts { listed, present, selected }
}

/// Extracts the toy archive into `to`.
fn extract(toy: &Toy, to: &str) {
    fs::create_dir_all(toy.at(to)).unwrap();
    let file = fs::File::open(toy.at("celeba/img_align_celeba.zip")).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().rsplit('/').next().unwrap().to_owned();
        std::io::copy(&mut entry, &mut fs::File::create(toy.at(to).join(name)).unwrap()).unwrap();
    }
    fs::remove_file(toy.at("celeba/img_align_celeba.zip")).unwrap();
}

#[test]
fn celeba_is_the_same_from_the_archive_from_folders_and_from_the_cache() {
    let toy = Toy::celeba(30);
    let archived = toy.read_celeba("").unwrap();
    assert_eq!((archived.images.len(), archived.images.channels(), archived.images.side()), (27, 3, 64));
    assert_eq!((archived.split.train.len(), archived.split.validation.len()), (24, 3));
    assert_eq!(archived.split.validation, [24, 25, 26]);
    assert_eq!(archived.test.as_ref().unwrap().len(), 3);
    assert_eq!((archived.cache.clone(), archived.is_complete), (CacheState::Created, false));
    // In the list, the ninth image is a validation image, the tenth a test image.
    let ninth = celeba::TRANSFORM.apply(&toy_jpeg(178, 218, 8)).unwrap();
    assert_eq!(archived.images.pixels().index_axis(ndarray::Axis(0), 24), ninth);
    let tenth = celeba::TRANSFORM.apply(&toy_jpeg(178, 218, 9)).unwrap();
    assert_eq!(archived.test.as_ref().unwrap().pixels().index_axis(ndarray::Axis(0), 0), tenth);

    let again = toy.read_celeba("").unwrap();
    assert_eq!((again.cache, &again.images, &again.test), (CacheState::Reused, &archived.images, &archived.test));
    assert_eq!((again.fingerprint, again.test_fingerprint), (archived.fingerprint.clone(), archived.test_fingerprint));

    // The fingerprint does not depend on the location, on nested folders, or on the format of the list.
    for to in ["celeba/img_align_celeba/img_align_celeba", "celeba/img_align_celeba"] {
        let toy = Toy::celeba(30);
        extract(&toy, to);
        let list = fs::read_to_string(toy.at("celeba/list_eval_partition.txt")).unwrap();
        let list = format!("image_id,partition\n{}", list.replace(' ', ","));
        fs::write(toy.at("celeba/list_eval_partition.csv"), list).unwrap();
        fs::remove_file(toy.at("celeba/list_eval_partition.txt")).unwrap();
        let extracted = toy.read_celeba("").unwrap();
        assert_eq!((&extracted.images, &extracted.fingerprint), (&archived.images, &archived.fingerprint));
        assert_eq!(toy.read_celeba("").unwrap().cache, CacheState::Reused);
        // A changed file with the same name is noticed.
        fs::write(toy.at(to).join("000001.jpg"), toy_jpeg(178, 218, 99)).unwrap();
        let changed = toy.read_celeba("").unwrap();
        assert!(matches!(changed.cache, CacheState::Recreated(reason) if reason.contains("other files")));
        assert_ne!(changed.fingerprint, archived.fingerprint);
    }
    // The images may also be in the data folder itself.
    let image_set = celeba::read(&toy.at("celeba"), &celeba::Filter::default(), &toy.at("cache/other"), &mut no_stop());
    assert_eq!(image_set.unwrap().images, archived.images);
}

#[test]
fn test_images_do_not_affect_the_fingerprint_of_the_training_images() {
    let toy = Toy::celeba(30);
    let with = toy.read_celeba("").unwrap();
    let list = fs::read_to_string(toy.at("celeba/list_eval_partition.txt")).unwrap();
    let without: String = list.lines().filter(|line| !line.ends_with('2')).map(|line| format!("{line}\n")).collect();
    fs::write(toy.at("celeba/list_eval_partition.txt"), without).unwrap();
    let image_set = toy.read_celeba("").unwrap();
    assert_eq!(
        (image_set.fingerprint, image_set.test, image_set.test_fingerprint),
        (with.fingerprint.clone(), None, None)
    );
    // Another split of the same images is another data set.
    fs::write(toy.at("celeba/list_eval_partition.txt"), list.replacen(" 1", " 0", 1)).unwrap();
    assert_ne!(toy.read_celeba("").unwrap().fingerprint, with.fingerprint);
}

#[test]
fn filters_select_images_by_attribute_and_suggest_similar_names() {
    let toy = Toy::celeba(30);
    let all = toy.read_celeba("").unwrap();
    let smiling = toy.read_celeba("Smiling=1, Male=-1").unwrap();
    // 10 of 0..30 are divisible by 2 but not by 3.
    assert_eq!(smiling.counts.total(), counts(30, 30, 10));
    assert_eq!(smiling.images.pixels().index_axis(ndarray::Axis(0), 0), {
        celeba::TRANSFORM.apply(&toy_jpeg(178, 218, 2)).unwrap()
    });
    assert_ne!(smiling.fingerprint, all.fingerprint);
    assert_eq!("Smiling=1, Male=-1".parse::<celeba::Filter>().unwrap().to_string(), "Smiling=1,Male=-1");
    for (filter, expected) in [
        ("Smilling=1", "did you mean `Smiling`"),
        ("male=1", "`Male`"),
        ("Smiling=2", "1 or -1"),
        ("Smiling", "NAME=1"),
        ("Male=1,Male=-1", "twice"),
        ("Wearing_Hat=1", "none of the 27"),
    ] {
        let error = toy.read_celeba(filter).unwrap_err();
        assert!(matches!(&error, Error::Filter { .. }) && error.to_string().contains(expected), "{error}");
    }
    // The table in Kaggle's format.
    let table = fs::read_to_string(toy.at("celeba/list_attr_celeba.txt")).unwrap();
    let rows: String = table
        .lines()
        .skip(2)
        .fold(String::new(), |rows, line| rows + &line.split_whitespace().collect::<Vec<_>>().join(",") + "\n");
    fs::write(toy.at("celeba/list_attr_celeba.csv"), format!("image_id,Smiling,Male,Wearing_Hat\n{rows}")).unwrap();
    fs::remove_file(toy.at("celeba/list_attr_celeba.txt")).unwrap();
    assert_eq!(toy.read_celeba("Smiling=1,Male=-1").unwrap().images, smiling.images);
    fs::remove_file(toy.at("celeba/list_attr_celeba.csv")).unwrap();
    let missing = toy.read_celeba("Male=1").unwrap_err().to_string();
    assert!(missing.contains("list_attr_celeba.txt (required by the filter)"), "{missing}");
}

#[test]
fn hands_are_split_by_their_list_and_missing_images_are_counted() {
    let toy = Toy::hap(40);
    let image_set = toy.read_hap("").unwrap();
    let DatasetCounts { train, validation, test } = image_set.counts;
    assert_eq!([train, validation, test], [counts(33, 32, 32), counts(5, 4, 4), counts(5, 4, 4)]);
    assert_eq!((image_set.counts.missing(), image_set.is_complete), (3, false));
    let ninth = hap::TRANSFORM.apply(&toy_jpeg(160, 120, 8)).unwrap();
    assert_eq!(image_set.images.pixels().index_axis(ndarray::Axis(0), 32), ninth);
    let tenth = hap::TRANSFORM.apply(&toy_jpeg(160, 120, 9)).unwrap();
    assert_eq!(image_set.test.unwrap().pixels().index_axis(ndarray::Axis(0), 0), tenth);

    fs::create_dir(toy.at("hap/nested")).unwrap();
    fs::rename(toy.at("hap/Hands"), toy.at("hap/nested/Hands")).unwrap();
    fs::rename(toy.at("hap/nested"), toy.at("hap/Hands")).unwrap();
    assert_eq!(toy.read_hap("").unwrap().images, image_set.images);
    assert_eq!(toy.read_hap("").unwrap().cache, CacheState::Reused);
}

#[test]
fn filters_select_hands_by_aspect_accessories_and_person() {
    let toy = Toy::hap(40);
    for (filter, selected) in [
        ("aspect=palmar", 20),
        ("aspect=palmar,aspect=right", 7),
        ("accessories=1", 10),
        ("accessories=0,aspect=dorsal", 20),
        ("id=0000000,id=3", 10),
        ("id=7,aspect=left", 3),
    ] {
        assert_eq!(toy.read_hap(filter).unwrap().counts.total().selected, selected, "{filter}");
    }
    let text = "aspect=palmar,accessories=0,id=0000012";
    assert_eq!(text.parse::<hap::Filter>().unwrap().to_string(), text);
    for (filter, expected) in [
        ("aspect=palmer", "`palmar`"),
        ("aspct=palmar", "`aspect`"),
        ("accessories=2", "0 or 1"),
        ("id=x", "must be a number"),
        ("palmar", "KEY=VALUE"),
        ("id=99", "none of the"),
    ] {
        let error = toy.read_hap(filter).unwrap_err();
        assert!(matches!(&error, Error::Filter { .. }) && error.to_string().contains(expected), "{error}");
    }
    fs::remove_file(toy.at("hap/HandInfo.csv")).unwrap();
    assert!(toy.read_hap("id=1").unwrap_err().to_string().contains("missing HandInfo.csv"));
    assert!(toy.read_hap("").is_ok());
}

#[test]
fn missing_files_give_download_instructions_and_check_reports_the_existing_files() {
    let empty = tempfile::tempdir().unwrap();
    let cache = empty.path().join("cache");
    let celeba_error = celeba::read(empty.path(), &celeba::Filter::default(), &cache, &mut no_stop()).unwrap_err();
    let hap_error = hap::read(empty.path(), &hap::Filter::default(), &cache, &mut no_stop()).unwrap_err();
    for (error, expected) in [
        (celeba_error, ["mmlab.ie.cuhk.edu.hk", "jessicali9530/celeba-dataset", "img_align_celeba.zip"]),
        (
            hap_error,
            ["sites.google.com/view/11khands", "shyambhu/hands-and-palm-images-dataset", "hands_kaggle-val.csv"],
        ),
    ] {
        let message = error.to_string();
        assert!(matches!(error, Error::NotFound { .. }) && !message.contains('\n'), "{message}");
        let expected = [&expected[..], &["non-commercial", "GTN_DATA_DIR"]].concat();
        let found = expected.iter().filter(|expected| message.contains(*expected)).count();
        assert!(found >= 4, "{message}");
    }
    let state = |inventory: &Inventory, item: usize| format!("{:?}", inventory.items[item].1);
    let nothing = celeba::check(empty.path());
    assert_eq!((state(&nothing, 0), state(&nothing, 2)), ("Missing".into(), "MissingOptional".into()));
    assert!(hap::check(empty.path()).items[..4].iter().all(|(_, state)| matches!(state, ItemState::Missing)));

    let toy = Toy::celeba(20);
    let inventory = celeba::check(toy.folder.path());
    assert!(state(&inventory, 0).contains("a zip archive of 20 images"), "{inventory:?}");
    assert!(state(&inventory, 1).contains("16 training, 2 validation and 2 test images"), "{inventory:?}");
    assert!(state(&inventory, 2).contains("3 attributes of 20 images"), "{inventory:?}");
    assert_eq!((inventory.counts.total(), inventory.is_complete), (counts(20, 20, 20), false));
    fs::write(toy.at("celeba/img_align_celeba.zip"), "no archive").unwrap();
    assert!(matches!(
        celeba::check(toy.folder.path()).items[0].1,
        ItemState::Invalid(Error::File(gtn_io::Error::Malformed { .. }))
    ));

    let toy = Toy::hap(20);
    let inventory = hap::check(toy.folder.path());
    assert_eq!((inventory.counts.total(), inventory.counts.missing()), (counts(23, 20, 20), 3));
    assert!(state(&inventory, 4).contains("descriptions of 20 images"), "{inventory:?}");
    fs::write(toy.at("hap/hands_kaggle-val.csv"), "Name\nx.jpg\n").unwrap();
    let inventory = hap::check(toy.folder.path());
    assert!(state(&inventory, 2).contains("no column `Filename`"), "{inventory:?}");
    assert_eq!(inventory.counts.total().listed, 0, "{inventory:?}");
}

#[test]
fn damaged_and_malicious_archives_are_reported() {
    let toy = Toy::celeba(20);
    let zip = toy.at("celeba/img_align_celeba.zip");
    let complete = fs::read(&zip).unwrap();
    for length in [0, 10, complete.len() / 2, complete.len() - 1] {
        fs::write(&zip, &complete[..length]).unwrap();
        toy.fails(&["img_align_celeba.zip': not a readable zip archive", "download it again"]);
    }
    // A changed byte of an image is found by the archive's checksum or by the decoder.
    let mut damaged = complete.clone();
    damaged[complete.len() / 3] ^= 0x55;
    fs::write(&zip, damaged).unwrap();
    toy.fails(&[".jpg': damaged in the archive", "download it again"]);

    for name in ["../000001.jpg", "/etc/000001.jpg", "img_align_celeba/../../x.jpg", "C:\\x.jpg", "a\\..\\x.jpg"] {
        write_zip(&zip, [("img_align_celeba/000001.jpg", toy_jpeg(178, 218, 1)), (name, toy_jpeg(178, 218, 1))])
            .unwrap();
        toy.fails(&["unsafe entry", "outside the archive's folder"]);
    }
    write_zip(&zip, [("elsewhere/x.jpg", toy_jpeg(178, 218, 1))]).unwrap();
    toy.fails(&["none of the 20 listed images", "000001.jpg"]);

    // A damaged image is named even if its archive is intact.
    let jpeg = toy_jpeg(178, 218, 1);
    write_zip(&zip, [("img_align_celeba/000003.jpg", jpeg[..jpeg.len() / 2].to_vec())]).unwrap();
    toy.fails(&["000003.jpg': not a usable JPEG file"]);
    write_zip(&zip, [("img_align_celeba/000003.jpg", toy_jpeg(100, 218, 1))]).unwrap();
    toy.fails(&["000003.jpg': has 100×218 pixels", "148×148"]);
}

#[test]
fn an_entry_that_inflates_to_more_than_it_claims_is_refused() {
    use std::io::Write;
    let toy = Toy::celeba(20);
    let zip = toy.at("celeba/img_align_celeba.zip");
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("img_align_celeba/000001.jpg", options).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..100).for_each(|_| archive.write_all(&zeros).unwrap());
    let true_size = archive.finish().unwrap().into_inner();
    assert!(true_size.len() < 1 << 20);
    fs::write(&zip, &true_size).unwrap();
    toy.fails(&["000001.jpg': claims 104857600 bytes", "64 MiB"]);
    // The same entry with a small size in both headers.
    let mut false_size = true_size;
    let size = (100_u32 << 20).to_le_bytes();
    while let Some(at) = false_size.windows(4).position(|bytes| bytes == size) {
        false_size[at..at + 4].copy_from_slice(&5000_u32.to_le_bytes());
    }
    fs::write(&zip, false_size).unwrap();
    toy.fails(&["000001.jpg': damaged in the archive", "more bytes than the 5000"]);
}

#[test]
fn invalid_lists_are_reported() {
    let toy = Toy::celeba(20);
    for (list, expected) in [
        ("000001.jpg 0\n000002.jpg 3\n", "000002.jpg has split `3`"),
        ("000001.jpg 0\n000002.jpg\n", "line 2 is not a name and a number"),
        ("000001.jpg 0 1\n", "line 1"),
        ("000001.jpg 0\n000001.jpg 1\n", "000001.jpg is listed twice"),
        ("../000001.jpg 0\n", "not an image file name"),
        ("", "the lists name no images"),
        ("900000.jpg 0\n900001.jpg 1\n", "none of the 2 listed images (the first is 900000.jpg)"),
        ("\0\0\0", "line 1"),
    ] {
        fs::write(toy.at("celeba/list_eval_partition.txt"), list).unwrap();
        toy.fails(&[expected]);
    }
    // Listed images that do not exist are skipped and counted.
    fs::write(toy.at("celeba/list_eval_partition.txt"), "000001.jpg 0\n900000.jpg 0\n000002.jpg 1\n").unwrap();
    let image_set = toy.read_celeba("").unwrap();
    assert_eq!((image_set.counts.train, image_set.counts.missing()), (counts(2, 1, 1), 1));

    let toy = Toy::hap(20);
    let list = fs::read_to_string(toy.at("hap/hands_kaggle-train.csv")).unwrap();
    fs::write(toy.at("hap/hands_kaggle-val.csv"), list).unwrap();
    toy.fails(&["hands_kaggle-val.csv", "an image must be in one split only"]);
}

#[cfg(unix)]
#[test]
fn errors_of_the_file_system_name_the_path() {
    let toy = Toy::hap(20);
    fs::remove_dir_all(toy.at("hap/Hands")).unwrap();
    // Nobody, not even root, can read a symbolic link to itself.
    std::os::unix::fs::symlink("Hands", toy.at("hap/Hands")).unwrap();
    toy.fails(&["cannot read", "Hands"]);
    assert!(matches!(
        hap::check(toy.folder.path()).items[0].1,
        ItemState::Invalid(Error::File(gtn_io::Error::Read { .. }))
    ));

    let toy = Toy::hap(20);
    fs::write(toy.at("hap/Hands/Hand_0000003.jpg"), &toy_jpeg(160, 120, 3)[..900]).unwrap();
    toy.fails(&["Hand_0000003.jpg': not a usable JPEG file"]);
    fs::remove_file(toy.at("hap/Hands/Hand_0000003.jpg")).unwrap();
    fs::File::create(toy.at("hap/Hands/Hand_0000003.jpg")).unwrap().set_len(65 << 20).unwrap();
    toy.fails(&["Hand_0000003.jpg': larger than the limit of 64 MiB"]);
}

#[test]
fn stopping_leaves_no_file() {
    let toy = Toy::hap(20);
    let mut calls = Vec::new();
    let mut stop = |done, total| {
        calls.push((done, total));
        if calls.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = hap::read(toy.folder.path(), &hap::Filter::default(), &toy.at("cache/hap"), &mut stop);
    assert!(matches!(stopped, Err(Error::Stopped { done: 20, total: 20 })), "{stopped:?}");
    assert_eq!((calls, files_in(&toy.at("cache"))), (vec![(0, 20), (20, 20)], 0));
}

/// Limits the size of files that the process may write, which fails in the same way as a full disk.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_no_file_and_the_error_says_how_much_space_is_needed() {
    const FOLDER: &str = "GTN_TEST_FULL_DISK";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let cache = Path::new(&folder).join("cache/hap");
        let error = hap::read(Path::new(&folder), &hap::Filter::default(), &cache, &mut no_stop()).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, Error::Write { .. }) && !message.contains('\n'), "{message}");
        assert!(message.contains("cannot write") && message.contains("60 images need 1 MB there"), "{message}");
        assert_eq!(files_in(&Path::new(&folder).join("cache")), 0);
        return;
    }
    let toy = Toy::hap(60);
    let limited = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_full_disk_leaves_no_file_and_the_error_says_how_much_space_is_needed", "--nocapture"])
        .env(FOLDER, toy.folder.path())
        .output()
        .unwrap();
    let output = [limited.stdout, limited.stderr].concat();
    let output = String::from_utf8_lossy(&output);
    assert!(limited.status.success() && output.contains("1 passed"), "{output}");
    assert!(toy.read_hap("").is_ok());
}

#[test]
fn an_invalid_cache_is_recreated_with_the_reason() {
    let toy = Toy::hap(20);
    let image_set = toy.read_hap("").unwrap();
    let cache = toy.at("cache/hap");
    let valid = fs::read(&cache).unwrap();
    let replace = |bytes: &[u8]| {
        // Do not write to the file itself, because it is mapped.
        fs::remove_file(&cache).unwrap();
        fs::write(&cache, bytes).unwrap();
    };
    let mut damaged = valid.clone();
    damaged[5000] ^= 1;
    for (bytes, expected) in [(&damaged[..], "image 0"), (&valid[..9000], "shorter"), (b"mine", "not an image cache")] {
        replace(bytes);
        let again = toy.read_hap("").unwrap();
        assert!(
            matches!(&again.cache, CacheState::Recreated(reason) if reason.contains(expected)),
            "{:?}",
            again.cache
        );
        assert_eq!((&again.images, &again.fingerprint), (&image_set.images, &image_set.fingerprint));
        assert_eq!(fs::read(&cache).unwrap(), valid, "a recreated cache has the same bytes");
    }
    assert_eq!(files_in(&toy.at("cache")), 1);
}

#[test]
fn the_real_data_sets_are_read() {
    let Some(data) = gtn_tests::data_dir_with("the_real_data_sets_are_read", &["celeba", "hap"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let inventory = celeba::check(&data);
    assert_eq!(inventory.counts.missing(), 0, "{inventory:?}");
    let image_set = celeba::read(&data, &celeba::Filter::default(), &folder.path().join("c"), &mut no_stop()).unwrap();
    assert_eq!(image_set.counts, inventory.counts);
    assert_eq!(image_set.images.len() + image_set.test.unwrap().len(), inventory.counts.total().present);
    let means = image_set.images.batch(&[0, 1, 2, 3]).mean().unwrap();
    assert!((-0.8..0.8).contains(&means));
    let again = celeba::read(&data, &celeba::Filter::default(), &folder.path().join("c"), &mut no_stop()).unwrap();
    assert_eq!((again.cache, again.fingerprint), (CacheState::Reused, image_set.fingerprint));

    let inventory = hap::check(&data);
    let splits = [inventory.counts.train, inventory.counts.validation, inventory.counts.test];
    assert_eq!(splits.map(|split| split.listed), hap::SPLIT_SIZES, "{inventory:?}");
    let filter = "aspect=palmar".parse().unwrap();
    let image_set = hap::read(&data, &filter, &folder.path().join("h"), &mut no_stop()).unwrap();
    let total = image_set.counts.total();
    assert!(total.selected > 0 && total.selected < total.present);
    assert_eq!(total.present, inventory.counts.total().present);
}

#[test]
fn a_few_unreadable_files_are_named_and_left_out() {
    let toy = Toy::celeba(60);
    let folder = "celeba/img_align_celeba";
    extract(&toy, folder);
    let whole = toy.read_celeba("").unwrap();
    // A training image and a test image: 2 of 60 are less than 5%.
    for name in ["000002.jpg", "000010.jpg"] {
        let bytes = fs::read(toy.at(folder).join(name)).unwrap();
        fs::write(toy.at(folder).join(name), &bytes[..bytes.len() / 3]).unwrap();
    }
    let read = |max: f64| {
        let (filter, cache) = (celeba::Filter::default(), toy.at("cache/celeba"));
        celeba::read_tolerating(max, toy.folder.path(), &filter, &cache, &mut no_stop())
    };
    let some = read(0.05).unwrap();
    let names: Vec<&str> = some.unreadable.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["000002.jpg", "000010.jpg"]);
    assert_eq!((some.images.len(), some.split.train.len()), (whole.images.len() - 1, whole.split.train.len() - 1));
    assert_eq!(some.test.as_ref().unwrap().len(), whole.test.as_ref().unwrap().len() - 1);
    assert!(!some.names.contains(&"000002.jpg".to_owned()) && some.names.len() == some.images.len());
    // The second image of the list is now the third.
    let third = celeba::TRANSFORM.apply(&toy_jpeg(178, 218, 2)).unwrap();
    assert_eq!(some.images.pixels().index_axis(ndarray::Axis(0), 1), third);
    // The cache remembers what it lacks, and a smaller tolerance applies to it as well.
    let again = read(0.05).unwrap();
    assert_eq!(
        (again.cache, again.unreadable, again.fingerprint),
        (CacheState::Reused, some.unreadable, some.fingerprint)
    );
    for max in [0.0, 0.02] {
        let message = read(max).unwrap_err().to_string();
        let expected = ["000002.jpg", "first of 2 unreadable of 60 images", "--max-unreadable"];
        assert!(expected.iter().all(|word| message.contains(word)) && !message.contains('\n'), "{message}");
    }
    // Repaired files are used again.
    for (name, index) in [("000002.jpg", 1), ("000010.jpg", 9)] {
        fs::write(toy.at(folder).join(name), toy_jpeg(178, 218, index)).unwrap();
    }
    let repaired = read(0.0).unwrap();
    assert_eq!((repaired.unreadable, repaired.fingerprint), (Vec::new(), whole.fingerprint));
    assert_eq!(files_in(&toy.at("cache")), 1);
    // A stop is a stop, even after an unreadable file.
    fs::write(toy.at(folder).join("000001.jpg"), "no image").unwrap();
    let mut calls = 0;
    let mut stop = |_, _| {
        calls += 1;
        if calls > 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let (filter, cache) = (celeba::Filter::default(), toy.at("cache/celeba"));
    let stopped = celeba::read_tolerating(0.05, toy.folder.path(), &filter, &cache, &mut stop);
    assert!(matches!(stopped, Err(Error::Stopped { .. })));
}

/// The files of the toy archive, without their folder.
fn toy_files(toy: &Toy) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(fs::File::open(toy.at("celeba/img_align_celeba.zip")).unwrap()).unwrap();
    let read = |index| {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        (entry.name().rsplit('/').next().unwrap().to_owned(), bytes)
    };
    let count = toy.read_celeba("").unwrap().counts.total().present;
    (0..count).map(read).collect()
}

#[test]
fn an_unusable_archive_does_not_hide_the_folder_beside_it() {
    let toy = Toy::celeba(20);
    let expected = toy.read_celeba("").unwrap();
    assert_eq!(expected.passed_over, None);
    let files = toy_files(&toy);
    for (name, bytes) in &files {
        fs::create_dir_all(toy.at("celeba/img_align_celeba")).unwrap();
        fs::write(toy.at("celeba/img_align_celeba").join(name), bytes).unwrap();
    }
    // A web page that was saved under the name of the archive.
    fs::write(toy.at("celeba/img_align_celeba.zip"), "<html>sign in</html>").unwrap();
    let found = toy.read_celeba("").unwrap();
    assert_eq!(found.images, expected.images);
    let passed_over = found.passed_over.unwrap();
    assert!(
        passed_over.contains("img_align_celeba.zip': not a readable zip archive")
            && passed_over.ends_with("celeba/img_align_celeba is used"),
        "{passed_over}"
    );
    // An archive of something else, and an empty folder that hides the archive.
    write_zip(&toy.at("celeba/img_align_celeba.zip"), [("notes.txt", b"mine".to_vec())]).unwrap();
    assert_eq!(toy.read_celeba("").unwrap().images, expected.images);
    fs::create_dir(toy.at("celeba/img_align_celeba/img_align_celeba")).unwrap();
    assert_eq!(toy.read_celeba("").unwrap().images, expected.images);
}

#[test]
fn images_are_found_in_other_letter_case_and_in_other_folders() {
    let toy = Toy::celeba(20);
    let expected = toy.read_celeba("").unwrap();
    let files = toy_files(&toy);
    let zip = toy.at("celeba/img_align_celeba.zip");
    let archives: [&dyn Fn(&str) -> String; 5] = [
        &|name| format!("img_align_celeba\\{name}"),
        &|name| name.to_owned(),
        &|name| format!("Img_Align_CelebA/{}", name.to_uppercase()),
        &|name| format!("CelebA/Img/img_align_celeba/img_align_celeba/{name}"),
        &|name| format!("faces/{name}"),
    ];
    for (index, named) in archives.iter().enumerate() {
        let leftovers = [("__MACOSX/img_align_celeba/._000001.jpg".to_owned(), b"x".to_vec())];
        write_zip(&zip, leftovers.into_iter().chain(files.iter().map(|(name, bytes)| (named(name), bytes.clone()))))
            .unwrap();
        let found = toy.read_celeba("").unwrap();
        assert_eq!((&found.images, found.counts), (&expected.images, expected.counts), "archive {index}");
    }
    fs::remove_file(&zip).unwrap();
    for (folder, upper) in
        [("img_align_celeba/CelebA/images", false), ("IMG_ALIGN_CELEBA", true), ("img_align_celeba", true)]
    {
        let folder = toy.at("celeba").join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(".DS_Store"), "x").unwrap();
        for (name, bytes) in &files {
            let name = if upper { name.replace(".jpg", ".JPG") } else { name.clone() };
            fs::write(folder.join(name), bytes).unwrap();
        }
        let found = toy.read_celeba("").unwrap();
        assert_eq!((&found.images, found.counts), (&expected.images, expected.counts), "{}", folder.display());
        fs::remove_dir_all(&folder).unwrap();
        let _ = fs::remove_dir_all(toy.at("celeba/img_align_celeba"));
    }
    // The list in another letter case.
    write_zip(&zip, files.iter().map(|(name, bytes)| (format!("img_align_celeba/{name}"), bytes.clone()))).unwrap();
    fs::rename(toy.at("celeba/list_eval_partition.txt"), toy.at("celeba/List_Eval_Partition.TXT")).unwrap();
    assert_eq!(toy.read_celeba("").unwrap().images, expected.images);
}

#[test]
fn stray_bytes_between_the_segments_of_a_jpeg_are_passed_over() {
    let jpeg = toy_jpeg(178, 218, 1);
    // After the first segment, as some editors leave them.
    let end = 4 + usize::from(u16::from_be_bytes([jpeg[4], jpeg[5]]));
    let stray = [&jpeg[..end], b"\0\0stray", &[0xff, 0xff], &jpeg[end..]].concat();
    assert_eq!(celeba::TRANSFORM.apply(&stray).unwrap(), celeba::TRANSFORM.apply(&jpeg).unwrap());
    // What ends within the headers or the scan is refused as before.
    for length in [end + 3, stray.len() / 2, stray.len() - 2] {
        assert!(celeba::TRANSFORM.apply(&stray[..length]).is_err());
    }
}
