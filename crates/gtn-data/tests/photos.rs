//! CelebA and 11K Hands as users have them: whole, in part, unpacked or not, damaged, malicious; and the cache of both.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gtn_data::photos::{CacheState, Count, Inventory, ItemState, Photos};
use gtn_data::{Error, celeba, hap};
use gtn_tests::{toy_jpeg, write_toy_celeba, write_toy_hap, write_zip};

fn go_on() -> impl FnMut(usize, usize) -> ControlFlow<()> {
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

    fn read_celeba(&self, filter: &str) -> Result<Photos, Error> {
        celeba::read(self.folder.path(), &filter.parse()?, &self.at("cache/celeba"), &mut go_on())
    }

    fn read_hap(&self, filter: &str) -> Result<Photos, Error> {
        hap::read(self.folder.path(), &filter.parse()?, &self.at("cache/hap"), &mut go_on())
    }

    /// Reading fails with one line that has these words, and leaves nothing in the cache's folder.
    fn fails(&self, words: &[&str]) {
        let set = if self.at("hap").exists() { self.read_hap("") } else { self.read_celeba("") };
        let message = set.unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)) && !message.contains('\n'), "{message}");
        assert_eq!(files_in(&self.at("cache")), 0, "{message}");
    }
}

fn files_in(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

fn count(listed: usize, there: usize, chosen: usize) -> Count {
    Count { listed, there, chosen }
}

/// Unpacks the toy archive into `to`.
fn unpack(toy: &Toy, to: &str) {
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
    let packed = toy.read_celeba("").unwrap();
    assert_eq!((packed.images.len(), packed.images.channels(), packed.images.side()), (27, 3, 64));
    assert_eq!((packed.split.train.len(), packed.split.validation.len()), (24, 3));
    assert_eq!(packed.split.validation, [24, 25, 26]);
    assert_eq!(packed.test.as_ref().unwrap().len(), 3);
    assert_eq!((packed.cache.clone(), packed.original), (CacheState::Made, false));
    // The ninth image of the list validates, the tenth tests.
    let ninth = celeba::TRANSFORM.apply(&toy_jpeg(178, 218, 8)).unwrap();
    assert_eq!(packed.images.pixels().index_axis(ndarray::Axis(0), 24), ninth);
    let tenth = celeba::TRANSFORM.apply(&toy_jpeg(178, 218, 9)).unwrap();
    assert_eq!(packed.test.as_ref().unwrap().pixels().index_axis(ndarray::Axis(0), 0), tenth);

    let again = toy.read_celeba("").unwrap();
    assert_eq!((again.cache, &again.images, &again.test), (CacheState::Kept, &packed.images, &packed.test));
    assert_eq!((again.fingerprint, again.test_fingerprint), (packed.fingerprint.clone(), packed.test_fingerprint));

    // The same content elsewhere, below one folder or two, has the same identity, and a list in the other form.
    for to in ["celeba/img_align_celeba/img_align_celeba", "celeba/img_align_celeba"] {
        let toy = Toy::celeba(30);
        unpack(&toy, to);
        let list = fs::read_to_string(toy.at("celeba/list_eval_partition.txt")).unwrap();
        let list = format!("image_id,partition\n{}", list.replace(' ', ","));
        fs::write(toy.at("celeba/list_eval_partition.csv"), list).unwrap();
        fs::remove_file(toy.at("celeba/list_eval_partition.txt")).unwrap();
        let unpacked = toy.read_celeba("").unwrap();
        assert_eq!((&unpacked.images, &unpacked.fingerprint), (&packed.images, &packed.fingerprint));
        assert_eq!(toy.read_celeba("").unwrap().cache, CacheState::Kept);
        // Another file of the same name is noticed.
        fs::write(toy.at(to).join("000001.jpg"), toy_jpeg(178, 218, 99)).unwrap();
        let changed = toy.read_celeba("").unwrap();
        assert!(matches!(changed.cache, CacheState::Remade(reason) if reason.contains("other files")));
        assert_ne!(changed.fingerprint, packed.fingerprint);
    }
    // A folder that is the data folder itself.
    let photos = celeba::read(&toy.at("celeba"), &celeba::Filter::default(), &toy.at("cache/other"), &mut go_on());
    assert_eq!(photos.unwrap().images, packed.images);
}

#[test]
fn what_tests_is_no_part_of_the_identity_of_what_trains() {
    let toy = Toy::celeba(30);
    let with = toy.read_celeba("").unwrap();
    let list = fs::read_to_string(toy.at("celeba/list_eval_partition.txt")).unwrap();
    let without: String = list.lines().filter(|line| !line.ends_with('2')).map(|line| format!("{line}\n")).collect();
    fs::write(toy.at("celeba/list_eval_partition.txt"), without).unwrap();
    let photos = toy.read_celeba("").unwrap();
    assert_eq!((photos.fingerprint, photos.test, photos.test_fingerprint), (with.fingerprint.clone(), None, None));
    // Another split of the same images is another data set.
    fs::write(toy.at("celeba/list_eval_partition.txt"), list.replacen(" 1", " 0", 1)).unwrap();
    assert_ne!(toy.read_celeba("").unwrap().fingerprint, with.fingerprint);
}

#[test]
fn attributes_choose_images_and_unknown_ones_name_the_nearest() {
    let toy = Toy::celeba(30);
    let all = toy.read_celeba("").unwrap();
    let smiling = toy.read_celeba("Smiling=1, Male=-1").unwrap();
    // Of 0..30 the even ones that no three divides: 10.
    assert_eq!(smiling.counts.all(), count(30, 30, 10));
    assert_eq!(smiling.images.pixels().index_axis(ndarray::Axis(0), 0), {
        celeba::TRANSFORM.apply(&toy_jpeg(178, 218, 2)).unwrap()
    });
    assert_ne!(smiling.fingerprint, all.fingerprint);
    assert_eq!("Smiling=1, Male=-1".parse::<celeba::Filter>().unwrap().to_string(), "Smiling=1,Male=-1");
    for (filter, words) in [
        ("Smilling=1", "the nearest are `Smiling`"),
        ("male=1", "`Male`"),
        ("Smiling=2", "1 or -1"),
        ("Smiling", "NAME=1"),
        ("Male=1,Male=-1", "twice"),
        ("Wearing_Hat=1", "leaves none of the 27"),
    ] {
        let error = toy.read_celeba(filter).unwrap_err();
        assert!(matches!(&error, Error::Filter { .. }) && error.to_string().contains(words), "{error}");
    }
    // Kaggle's form of the table.
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
    assert!(missing.contains("list_attr_celeba.txt, which the filter needs"), "{missing}");
}

#[test]
fn hands_go_by_the_list_they_are_in_and_absent_ones_are_counted() {
    let toy = Toy::hap(40);
    let photos = toy.read_hap("").unwrap();
    let counts = photos.counts;
    assert_eq!([counts.train, counts.validation, counts.test], [count(33, 32, 32), count(5, 4, 4), count(5, 4, 4)]);
    assert_eq!((counts.absent(), photos.original), (3, false));
    let ninth = hap::TRANSFORM.apply(&toy_jpeg(160, 120, 8)).unwrap();
    assert_eq!(photos.images.pixels().index_axis(ndarray::Axis(0), 32), ninth);
    let tenth = hap::TRANSFORM.apply(&toy_jpeg(160, 120, 9)).unwrap();
    assert_eq!(photos.test.unwrap().pixels().index_axis(ndarray::Axis(0), 0), tenth);

    fs::create_dir(toy.at("hap/nested")).unwrap();
    fs::rename(toy.at("hap/Hands"), toy.at("hap/nested/Hands")).unwrap();
    fs::rename(toy.at("hap/nested"), toy.at("hap/Hands")).unwrap();
    assert_eq!(toy.read_hap("").unwrap().images, photos.images);
    assert_eq!(toy.read_hap("").unwrap().cache, CacheState::Kept);
}

#[test]
fn hands_are_chosen_by_aspect_accessories_and_person() {
    let toy = Toy::hap(40);
    for (filter, chosen) in [
        ("aspect=palmar", 20),
        ("aspect=palmar,aspect=right", 7),
        ("accessories=1", 10),
        ("accessories=0,aspect=dorsal", 20),
        ("id=0000000,id=3", 10),
        ("id=7,aspect=left", 3),
    ] {
        assert_eq!(toy.read_hap(filter).unwrap().counts.all().chosen, chosen, "{filter}");
    }
    let text = "aspect=palmar,accessories=0,id=0000012";
    assert_eq!(text.parse::<hap::Filter>().unwrap().to_string(), text);
    for (filter, words) in [
        ("aspect=palmer", "`palmar`"),
        ("aspct=palmar", "`aspect`"),
        ("accessories=2", "0 or 1"),
        ("id=x", "no number"),
        ("palmar", "KEY=VALUE"),
        ("id=99", "leaves none"),
    ] {
        let error = toy.read_hap(filter).unwrap_err();
        assert!(matches!(&error, Error::Filter { .. }) && error.to_string().contains(words), "{error}");
    }
    fs::remove_file(toy.at("hap/HandInfo.csv")).unwrap();
    assert!(toy.read_hap("id=1").unwrap_err().to_string().contains("HandInfo.csv missing"));
    assert!(toy.read_hap("").is_ok());
}

#[test]
fn without_files_the_way_to_get_them_is_told_and_check_says_what_is_there() {
    let empty = tempfile::tempdir().unwrap();
    let cache = empty.path().join("cache");
    let celeba_error = celeba::read(empty.path(), &celeba::Filter::default(), &cache, &mut go_on()).unwrap_err();
    let hap_error = hap::read(empty.path(), &hap::Filter::default(), &cache, &mut go_on()).unwrap_err();
    for (error, words) in [
        (celeba_error, ["mmlab.ie.cuhk.edu.hk", "jessicali9530/celeba-dataset", "img_align_celeba.zip"]),
        (
            hap_error,
            ["sites.google.com/view/11khands", "shyambhu/hands-and-palm-images-dataset", "hands_kaggle-val.csv"],
        ),
    ] {
        let message = error.to_string();
        assert!(matches!(error, Error::NotFound { .. }) && !message.contains('\n'), "{message}");
        let words = [&words[..], &["non-commercial", "GTN_DATA_DIR"]].concat();
        let told = words.iter().filter(|word| message.contains(*word)).count();
        assert!(told >= 4, "{message}");
    }
    let state = |inventory: &Inventory, item: usize| format!("{:?}", inventory.items[item].1);
    let nothing = celeba::check(empty.path());
    assert_eq!((state(&nothing, 0), state(&nothing, 2)), ("Missing".into(), "NotNeeded".into()));
    assert!(hap::check(empty.path()).items[..4].iter().all(|(_, state)| matches!(state, ItemState::Missing)));

    let toy = Toy::celeba(20);
    let there = celeba::check(toy.folder.path());
    assert!(state(&there, 0).contains("a zip archive of 20 images"), "{there:?}");
    assert!(state(&there, 1).contains("16 training, 2 validation and 2 test images"), "{there:?}");
    assert!(state(&there, 2).contains("3 attributes of 20 images"), "{there:?}");
    assert_eq!((there.counts.all(), there.whole), (count(20, 20, 20), false));
    fs::write(toy.at("celeba/img_align_celeba.zip"), "no archive").unwrap();
    assert!(matches!(celeba::check(toy.folder.path()).items[0].1, ItemState::Broken(Error::Malformed { .. })));

    let toy = Toy::hap(20);
    let there = hap::check(toy.folder.path());
    assert_eq!((there.counts.all(), there.counts.absent()), (count(23, 20, 20), 3));
    assert!(state(&there, 4).contains("what 20 images show"), "{there:?}");
    fs::write(toy.at("hap/hands_kaggle-val.csv"), "Name\nx.jpg\n").unwrap();
    let there = hap::check(toy.folder.path());
    assert!(state(&there, 2).contains("no column `Filename`") && there.counts.all().listed == 0, "{there:?}");
}

#[test]
fn archives_that_are_damaged_or_malicious_are_named() {
    let toy = Toy::celeba(20);
    let zip = toy.at("celeba/img_align_celeba.zip");
    let whole = fs::read(&zip).unwrap();
    for length in [0, 10, whole.len() / 2, whole.len() - 1] {
        fs::write(&zip, &whole[..length]).unwrap();
        toy.fails(&["img_align_celeba.zip: not a readable zip archive", "download it again"]);
    }
    // A byte of an image: the archive's own checksum finds it, or the decoder does.
    let mut damaged = whole.clone();
    damaged[whole.len() / 3] ^= 0x55;
    fs::write(&zip, damaged).unwrap();
    toy.fails(&[".jpg: damaged in the archive", "download it again"]);

    for name in ["../000001.jpg", "/etc/000001.jpg", "img_align_celeba/../../x.jpg", "C:\\x.jpg", "a\\..\\x.jpg"] {
        write_zip(&zip, [("img_align_celeba/000001.jpg", toy_jpeg(178, 218, 1)), (name, toy_jpeg(178, 218, 1))])
            .unwrap();
        toy.fails(&["holds an entry named", "leads out of it"]);
    }
    write_zip(&zip, [("elsewhere/x.jpg", toy_jpeg(178, 218, 1))]).unwrap();
    toy.fails(&["none of the 20 listed images is there", "000001.jpg"]);

    // A truncated image is named, whole archive or not.
    let torn = toy_jpeg(178, 218, 1);
    write_zip(&zip, [("img_align_celeba/000003.jpg", torn[..torn.len() / 2].to_vec())]).unwrap();
    toy.fails(&["000003.jpg: not a usable JPEG file"]);
    write_zip(&zip, [("img_align_celeba/000003.jpg", toy_jpeg(100, 218, 1))]).unwrap();
    toy.fails(&["000003.jpg: has 100×218 pixels", "148×148"]);
}

#[test]
fn an_entry_that_inflates_to_more_than_it_states_is_refused() {
    use std::io::Write;
    let toy = Toy::celeba(20);
    let zip = toy.at("celeba/img_align_celeba.zip");
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("img_align_celeba/000001.jpg", options).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..100).for_each(|_| archive.write_all(&zeros).unwrap());
    let honest = archive.finish().unwrap().into_inner();
    assert!(honest.len() < 1 << 20);
    fs::write(&zip, &honest).unwrap();
    toy.fails(&["000001.jpg: claims 104857600 bytes", "64 MiB"]);
    // The same with a small size in both headers.
    let mut liar = honest;
    let stated = (100_u32 << 20).to_le_bytes();
    while let Some(at) = liar.windows(4).position(|bytes| bytes == stated) {
        liar[at..at + 4].copy_from_slice(&5000_u32.to_le_bytes());
    }
    fs::write(&zip, liar).unwrap();
    toy.fails(&["000001.jpg: damaged in the archive", "more bytes than the 5000"]);
}

#[test]
fn lists_that_cannot_be_believed_are_named() {
    let toy = Toy::celeba(20);
    for (list, words) in [
        ("000001.jpg 0\n000002.jpg 3\n", "000002.jpg into part `3`"),
        ("000001.jpg 0\n000002.jpg\n", "line 2 is not a name and a number"),
        ("000001.jpg 0 1\n", "line 1"),
        ("000001.jpg 0\n000001.jpg 1\n", "000001.jpg, which is in the lists twice"),
        ("../000001.jpg 0\n", "no name of an image file"),
        ("", "the lists name no image"),
        ("900000.jpg 0\n900001.jpg 1\n", "none of the 2 listed images is there (900000.jpg is the first)"),
        ("\0\0\0", "line 1"),
    ] {
        fs::write(toy.at("celeba/list_eval_partition.txt"), list).unwrap();
        toy.fails(&[words]);
    }
    // Some that are absent are left out, and counted.
    fs::write(toy.at("celeba/list_eval_partition.txt"), "000001.jpg 0\n900000.jpg 0\n000002.jpg 1\n").unwrap();
    let photos = toy.read_celeba("").unwrap();
    assert_eq!((photos.counts.train, photos.counts.absent()), (count(2, 1, 1), 1));

    let toy = Toy::hap(20);
    let list = fs::read_to_string(toy.at("hap/hands_kaggle-train.csv")).unwrap();
    fs::write(toy.at("hap/hands_kaggle-val.csv"), list).unwrap();
    toy.fails(&["hands_kaggle-val.csv", "no image may be in two parts"]);
}

#[cfg(unix)]
#[test]
fn what_the_system_refuses_is_told_with_its_path() {
    let toy = Toy::hap(20);
    fs::remove_dir_all(toy.at("hap/Hands")).unwrap();
    // A link to itself can be read by nobody, not even by root.
    std::os::unix::fs::symlink("Hands", toy.at("hap/Hands")).unwrap();
    toy.fails(&["cannot read", "Hands"]);
    assert!(matches!(hap::check(toy.folder.path()).items[0].1, ItemState::Broken(Error::Io { .. })));

    let toy = Toy::hap(20);
    fs::write(toy.at("hap/Hands/Hand_0000003.jpg"), &toy_jpeg(160, 120, 3)[..900]).unwrap();
    toy.fails(&["Hand_0000003.jpg: not a usable JPEG file"]);
    fs::remove_file(toy.at("hap/Hands/Hand_0000003.jpg")).unwrap();
    fs::File::create(toy.at("hap/Hands/Hand_0000003.jpg")).unwrap().set_len(65 << 20).unwrap();
    toy.fails(&["Hand_0000003.jpg: holds more than 64 MiB"]);
}

#[test]
fn stopping_leaves_nothing() {
    let toy = Toy::hap(20);
    let mut told = Vec::new();
    let mut stop = |done, total| {
        told.push((done, total));
        if told.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = hap::read(toy.folder.path(), &hap::Filter::default(), &toy.at("cache/hap"), &mut stop);
    assert!(matches!(stopped, Err(Error::Stopped { done: 20, total: 20 })), "{stopped:?}");
    assert_eq!((told, files_in(&toy.at("cache"))), (vec![(0, 20), (20, 20)], 0));
}

/// The largest file that the process may write is limited; what fails, and how, is what a full disk does.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_and_says_how_much_is_needed() {
    const FOLDER: &str = "GTN_TEST_FULL_DISK";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let cache = Path::new(&folder).join("cache/hap");
        let error = hap::read(Path::new(&folder), &hap::Filter::default(), &cache, &mut go_on()).unwrap_err();
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
        .args(["--exact", "a_full_disk_leaves_nothing_and_says_how_much_is_needed", "--nocapture"])
        .env(FOLDER, toy.folder.path())
        .output()
        .unwrap();
    let told = [limited.stdout, limited.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(limited.status.success() && told.contains("1 passed"), "{told}");
    assert!(toy.read_hap("").is_ok());
}

#[test]
fn a_damaged_cache_and_a_file_that_is_none_are_made_anew_with_the_reason() {
    let toy = Toy::hap(20);
    let photos = toy.read_hap("").unwrap();
    let cache = toy.at("cache/hap");
    let whole = fs::read(&cache).unwrap();
    let replace = |bytes: &[u8]| {
        // The file itself may not be written into, since it is mapped.
        fs::remove_file(&cache).unwrap();
        fs::write(&cache, bytes).unwrap();
    };
    let mut damaged = whole.clone();
    damaged[5000] ^= 1;
    for (bytes, word) in [(&damaged[..], "image 0"), (&whole[..9000], "shorter"), (b"mine", "no file of images")] {
        replace(bytes);
        let again = toy.read_hap("").unwrap();
        assert!(matches!(&again.cache, CacheState::Remade(reason) if reason.contains(word)), "{:?}", again.cache);
        assert_eq!((&again.images, &again.fingerprint), (&photos.images, &photos.fingerprint));
        assert_eq!(fs::read(&cache).unwrap(), whole, "the same bytes whenever it is made");
    }
    assert_eq!(files_in(&toy.at("cache")), 1);
}

#[test]
fn the_real_data_sets_are_read() {
    let Some(data) = gtn_tests::data_dir_with("the_real_data_sets_are_read", &["celeba", "hap"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let inventory = celeba::check(&data);
    assert_eq!(inventory.counts.absent(), 0, "{inventory:?}");
    let photos = celeba::read(&data, &celeba::Filter::default(), &folder.path().join("c"), &mut go_on()).unwrap();
    assert_eq!(photos.counts, inventory.counts);
    assert_eq!(photos.images.len() + photos.test.unwrap().len(), inventory.counts.all().there);
    let means = photos.images.batch(&[0, 1, 2, 3]).mean().unwrap();
    assert!((-0.8..0.8).contains(&means));
    let again = celeba::read(&data, &celeba::Filter::default(), &folder.path().join("c"), &mut go_on()).unwrap();
    assert_eq!((again.cache, again.fingerprint), (CacheState::Kept, photos.fingerprint));

    let inventory = hap::check(&data);
    let parts = [inventory.counts.train, inventory.counts.validation, inventory.counts.test];
    assert_eq!(parts.map(|part| part.listed), hap::PUBLISHED, "{inventory:?}");
    let filter = "aspect=palmar".parse().unwrap();
    let photos = hap::read(&data, &filter, &folder.path().join("h"), &mut go_on()).unwrap();
    let all = photos.counts.all();
    assert!(all.chosen > 0 && all.chosen < all.there && all.there == inventory.counts.all().there);
}
