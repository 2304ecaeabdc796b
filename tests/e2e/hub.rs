//! `gtn data fetch NAME --from hub`, from a hub on this machine.

mod hub_server;
mod program;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use gtn_data::fetch::{Error, Options};
use gtn_data::mnist::hub::{Event, fetch};
use gtn_data::{celeba, idx, mnist};
use hub_server::{Answer, ByteArray, Hub, parquet, photographs, png};
use ndarray::{Axis, s};
use program::{Call, gtn};

/// A call that asks this hub for MNIST, with all it may leave behind in `folder`.
fn fetch_from(endpoint: &str, folder: &Path) -> Call {
    fetch_set_from("mnist", endpoint, folder)
}

fn fetch_set_from(set: &str, endpoint: &str, folder: &Path) -> Call {
    let (data, system) = (folder.join("datasets"), folder.join("system"));
    fs::create_dir_all(&system).unwrap();
    let call = gtn().args(["data", "fetch", set, "--from", "hub", "--data-dir"]).arg(data);
    call.env("HF_ENDPOINT", endpoint).env("HF_HOME", &system).env("TMPDIR", &system)
}

#[track_caller]
fn assert_nothing_left(folder: &Path) {
    assert!(!folder.join("datasets").exists());
    assert_eq!(fs::read_dir(folder.join("system")).unwrap().count(), 0);
}

/// A file of so many black pictures with the same label.
fn black(count: usize, label: i64) -> Vec<u8> {
    parquet(&vec![png(&[0; 784], 28); count], &vec![label; count])
}

/// A file of MNIST's number of training images, of which the first is this.
fn with_first(image: Vec<u8>) -> Vec<u8> {
    let mut images = vec![png(&[0; 784], 28); 60_000];
    images[0] = image;
    parquet(&images, &vec![3; 60_000])
}

#[test]
fn what_is_not_mnist_is_refused_and_nothing_is_written() {
    let train = black(60_000, 3);
    let (large, small) = (png(&[0; 29 * 29], 29), png(&[0; 27 * 27], 27));
    for (train, test, word) in [
        (train.clone(), black(10_000, 3), "SHA-256"),
        (train.clone(), black(20, 3), "SHA-256"),
        (black(20, 3), black(20, 3), "20, 20 rows"),
        (black(60_000, 300), black(10_000, 3), "row 0 has no label"),
        (Vec::new(), black(10_000, 3), "no Parquet"),
        (b"PAR1 and what is no Parquet PAR1".to_vec(), black(10_000, 3), "no Parquet"),
        (with_first(large), black(10_000, 3), "row 0: no readable PNG of 28×28"),
        (with_first(small), black(10_000, 3), "row 0: its image has 27×27 pixels"),
        (with_first(b"GIF89a".to_vec()), black(10_000, 3), "row 0: no readable PNG"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let hub = Hub::new(Answer::Files(vec![test, train]));
        let message = fetch_from(&hub.url, folder.path()).failed(word);
        assert!(message.contains(&hub.url) && message.contains("ylecun/mnist"), "{message}");
        assert_nothing_left(folder.path());
    }
}

#[test]
fn a_hub_that_does_not_answer_is_named_in_one_line() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (absent, cut) = (Hub::new(Answer::Status(404)), Hub::new(Answer::Cut));
    for (endpoint, word) in
        [(&format!("http://{gone}"), "Connection refused"), (&absent.url, "not found"), (&cut.url, "connection failed")]
    {
        let folder = tempfile::tempdir().unwrap();
        let message = fetch_from(endpoint, folder.path()).failed_in_one_line(word);
        assert!(message.contains(endpoint.as_str()), "{message}");
        assert_nothing_left(folder.path());
    }
}

#[test]
fn the_users_mistakes_are_refused_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::new(Answer::Status(404));
    for endpoint in ["mnist", "ftp://127.0.0.1/", "http://"] {
        fetch_from(endpoint, folder.path()).refused_in_one_line(&format!("HF_ENDPOINT={endpoint}: "));
    }
    let mirror = ["--mirror", "https://example.org/mnist/"];
    fetch_from(&hub.url, folder.path()).args(mirror).refused_in_one_line("HF_ENDPOINT");
    assert_nothing_left(folder.path());
    // Data that are not MNIST's are left alone.
    gtn_tests::write_toy_mnist(&folder.path().join("datasets/mnist"), 20).unwrap();
    fetch_from(&hub.url, folder.path()).refused_in_one_line("not overwritten");
    let other = tempfile::tempdir().unwrap();
    let taken = other.path().join("datasets/mnist/t10k-labels-idx1-ubyte.gz");
    fs::create_dir_all(&taken).unwrap();
    fetch_from(&hub.url, other.path()).refused_in_one_line("no regular file");
    assert_eq!(hub.asked(), 0);
}

#[test]
fn a_silent_hub_is_given_up_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::new(Answer::Silence);
    let options = Options { read_timeout: Duration::from_millis(100), ..Options::default() };
    let silent = fetch(folder.path(), &hub.url, &options, |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(silent, Error::Hub { .. }) && silent.to_string().contains("nothing came for 0.4 s"), "{silent}");
    let stopped = fetch(folder.path(), &hub.url, &Options::default(), |event| match event {
        Event::Received(0) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(stopped, Err(Error::Stopped { kept: None, .. })), "{stopped:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_failure_that_may_pass_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::new(Answer::Status(503));
    let options = Options { attempts: 3, pause: Duration::from_millis(1), ..Options::default() };
    let failed = fetch(folder.path(), &hub.url, &options, |_| ControlFlow::Continue(())).unwrap_err();
    assert!(failed.to_string().contains("503") && !failed.is_users(), "{failed}");
    assert_eq!(hub.asked(), 3);
}

/// The real files as the hub has them.
fn real_as_parquet(data: &Path, part: &str) -> Vec<u8> {
    let read = |kind: &str, dimensions| {
        idx::read(&data.join(format!("mnist/{part}-{kind}-ubyte.gz")), dimensions).unwrap().data
    };
    let images: Vec<Vec<u8>> = read("images-idx3", 3).chunks(784).map(|pixels| png(pixels, 28)).collect();
    let labels: Vec<i64> = read("labels-idx1", 1).into_iter().map(i64::from).collect();
    parquet(&images, &labels)
}

#[test]
fn the_real_files_are_made_of_the_hubs() {
    let Some(real) = gtn_tests::data_dir("the_real_files_are_made_of_the_hubs") else { return };
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::new(Answer::Files(["t10k", "train"].map(|part| real_as_parquet(&real, part)).into()));
    let fetch = || fetch_from(&hub.url, folder.path()).done();
    let (stdout, stderr) = fetch();
    let data = folder.path().join("datasets");
    assert_eq!(stdout.trim(), data.join("mnist").to_str().unwrap());
    assert!(stderr.contains("4 of 4 files are new"), "{stderr}");
    gtn().args(["data", "check", "mnist", "--data-dir"]).arg(&data).done();
    let (_, states) = mnist::check(&data);
    assert!(states.iter().all(|state| matches!(state, mnist::FileState::Original(_))), "{states:?}");
    assert_eq!(fs::read_dir(data.join("mnist")).unwrap().count(), 4);
    // One is damaged: it alone is written again, and the others stay as they are.
    let (labels, images) = (data.join("mnist/t10k-labels-idx1-ubyte.gz"), data.join("mnist/t10k-images-idx3-ubyte.gz"));
    let before = fs::metadata(&images).unwrap().modified().unwrap();
    fs::write(&labels, "half").unwrap();
    assert!(fetch().1.contains("1 of 4 files are new"));
    assert_eq!(fs::metadata(&images).unwrap().modified().unwrap(), before);
    // All are whole: the hub is not asked.
    let asked = hub.asked();
    assert!(fetch().1.contains("0 of 4 files are new"));
    assert_eq!(hub.asked(), asked);
}

/// CelebA's file names on the hub, in the order in which it lists them.
const CELEBA_FILES: [&str; 4] = [
    "img_align+identity+attr/test/0000.parquet",
    "img_align+identity+attr/train/0000.parquet",
    "img_align+identity+attr/train/0001.parquet",
    "img_align+identity+attr/valid/0000.parquet",
];

fn celeba_hub(files: Vec<Vec<u8>>) -> Hub {
    Hub::with("flwrlabs/celeba", &CELEBA_FILES, Answer::Files(files))
}

/// So many photographs, of which every thousandth is of this kind and bald.
fn faces(count: usize, kind: u32) -> Vec<u8> {
    let [usual, marked] = [0, kind].map(|kind| ByteArray::from(gtn_tests::toy_jpeg(178, 218, kind)));
    let bald: Vec<bool> = (0..count).map(|index| index % 1000 == 0).collect();
    let images: Vec<ByteArray> = bald.iter().map(|bald| if *bald { marked.clone() } else { usual.clone() }).collect();
    photographs(&images, &bald, &vec![true; count])
}

#[test]
fn celeba_is_made_of_the_hubs_photographs() {
    let folder = tempfile::tempdir().unwrap();
    let hub = celeba_hub(vec![faces(19_962, 3), faces(100_000, 1), faces(62_770, 1), faces(19_867, 2)]);
    let fetch = || fetch_set_from("celeba", &hub.url, folder.path()).done();
    let (stdout, stderr) = fetch();
    let data = folder.path().join("datasets");
    let celeba = data.join("celeba");
    assert_eq!(stdout.trim(), celeba.to_str().unwrap());
    assert!(stderr.contains("3 of 3 files are new") && stderr.contains("non-commercial"), "{stderr}");
    assert_eq!(fs::read_dir(&celeba).unwrap().count(), 3);
    let (lines, _) = gtn().args(["data", "check", "celeba", "--data-dir"]).arg(&data).done();
    assert!(lines.contains("162770 training, 19867 validation and 19962 test images"), "{lines}");
    assert!(lines.contains("2 attributes of 202599 images") && !lines.contains("a part of"), "{lines}");
    let parts = fs::read_to_string(celeba.join("list_eval_partition.txt")).unwrap();
    for line in ["000001.jpg 0", "162770.jpg 0", "162771.jpg 1", "182637.jpg 1", "182638.jpg 2", "202599.jpg 2"] {
        assert!(parts.lines().any(|found| found == line), "{line}");
    }

    // The photographs of each part are those that the hub has in it.
    let filter = "Bald=1,Smiling=1".parse().unwrap();
    let photos =
        celeba::read(&data, &filter, &folder.path().join("cache"), &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert!(photos.counts.absent() == 0 && photos.split.train.len() == 163 && photos.split.validation.len() == 20);
    let (learned, test) = (photos.images.pixels(), photos.test.as_ref().unwrap().pixels());
    for (part, kind, count) in
        [(learned.slice(s![..163, .., .., ..]), 1, 163), (learned.slice(s![163.., .., .., ..]), 2, 20), (test, 3, 20)]
    {
        let expected = celeba::TRANSFORM.apply(&gtn_tests::toy_jpeg(178, 218, kind)).unwrap();
        assert_eq!(part.len_of(Axis(0)), count);
        assert!(part.outer_iter().all(|image| image == expected), "{kind}");
    }

    // A list that is lost is made again, and the archive stays as it is.
    let archive = celeba.join("img_align_celeba.zip");
    let [partition, attributes] = ["list_eval_partition.txt", "list_attr_celeba.txt"].map(|name| celeba.join(name));
    let made = fs::metadata(&archive).unwrap().modified().unwrap();
    let list = fs::read(&attributes).unwrap();
    fs::write(&attributes, "202599\nBald\n000001.jpg").unwrap();
    assert!(fetch().1.contains("1 of 3 files are new"));
    assert!(fs::read(&attributes).unwrap() == list);
    // The parts are known without asking; and when all are there, nothing is asked.
    let asked = hub.asked();
    fs::remove_file(&partition).unwrap();
    assert!(fetch().1.contains("1 of 3 files are new"));
    assert_eq!(fs::read_to_string(&partition).unwrap(), parts);
    assert!(fetch().1.contains("0 of 3 files are new"));
    assert_eq!((hub.asked(), fs::metadata(&archive).unwrap().modified().unwrap()), (asked, made));
    // An archive that was cut short is no archive, and a folder without an image no images.
    fs::write(&archive, "PK").unwrap();
    fs::create_dir(celeba.join("img_align_celeba")).unwrap();
    let full = fetch_set_from("celeba", &hub.url, folder.path()).in_shell("trap '' XFSZ; ulimit -f 40000;");
    assert!(full.failed("img_align_celeba.zip").contains("File too large"));
    fs::remove_file(&archive).unwrap();
    assert!(fetch().1.contains("1 of 3 files are new"));
    gtn().args(["data", "check", "celeba", "--data-dir"]).arg(&data).done();
}

#[test]
fn what_is_not_celeba_is_refused_and_nothing_is_written() {
    let part = |count| {
        photographs(&vec![ByteArray::from(vec![0xFF, 0xD8, 0xFF]); count], &vec![true; count], &vec![true; count])
    };
    let whole =
        |count| photographs(&vec![ByteArray::from(b"GIF89a".to_vec()); count], &vec![true; count], &vec![true; count]);
    for (files, word) in [
        (vec![part(10), part(20), part(30), part(40)], "10, 20, 30, 40 rows"),
        (vec![whole(19_962), whole(100_000), whole(62_770), whole(19_867)], "000001.jpg: it is no JPEG"),
        (vec![b"PAR1".to_vec(); 4], "no Parquet"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let hub = celeba_hub(files);
        let message = fetch_set_from("celeba", &hub.url, folder.path()).failed(word);
        assert!(message.contains(&hub.url) && message.contains("flwrlabs/celeba"), "{message}");
        assert_nothing_left(folder.path());
    }
    // Of hands there is no copy.
    let folder = tempfile::tempdir().unwrap();
    fetch_set_from("hap", "http://127.0.0.1:1", folder.path()).refused("11khands");
}
