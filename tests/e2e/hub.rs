//! `gtn data fetch NAME --from hub` from a local hub.

mod hub_server;
mod program;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use gtn_data::fetch::{Error, Event, Options};
use gtn_data::mnist::hub::fetch;
use gtn_data::{celeba, idx, mnist};
use hub_server::{Answer, ByteArray, Hub, celeba_parquet, mnist_parquet, png};
use ndarray::{Axis, s};
use program::{Call, gtn};

/// Fetches MNIST from a hub; everything that it writes is in `folder`.
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

/// A file of black images that all have the same label.
fn black(count: usize, label: i64) -> Vec<u8> {
    mnist_parquet(&vec![png(&[0; 784], 28); count], &vec![label; count])
}

/// A file with as many images as MNIST's training set, of which this is the first.
fn with_first(image: Vec<u8>) -> Vec<u8> {
    let mut images = vec![png(&[0; 784], 28); 60_000];
    images[0] = image;
    mnist_parquet(&images, &vec![3; 60_000])
}

#[test]
fn files_other_than_mnists_are_refused_and_nothing_is_written() {
    let train = black(60_000, 3);
    let (large, small) = (png(&[0; 29 * 29], 29), png(&[0; 27 * 27], 27));
    for (train, test, word) in [
        (train.clone(), black(10_000, 3), "SHA-256"),
        (train.clone(), black(20, 3), "SHA-256"),
        (black(20, 3), black(20, 3), "got files of 20, 20 rows"),
        (black(60_000, 300), black(10_000, 3), "row 0 has no label"),
        (Vec::new(), black(10_000, 3), "not a Parquet file"),
        (b"PAR1 not really a Parquet file PAR1".to_vec(), black(10_000, 3), "not a Parquet file"),
        (with_first(large), black(10_000, 3), "row 0: not a readable 28×28 PNG"),
        (with_first(small), black(10_000, 3), "row 0: expected a 28×28 image, got 27×27"),
        (with_first(b"GIF89a".to_vec()), black(10_000, 3), "row 0: not a readable 28×28 PNG"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let hub = Hub::new(Answer::Files(vec![test, train]));
        let message = fetch_from(&hub.url, folder.path()).failed(word);
        assert!(message.contains(&hub.url) && message.contains("ylecun/mnist"), "{message}");
        assert_nothing_left(folder.path());
    }
}

#[test]
fn an_unreachable_hub_is_named_in_one_line() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (absent, cut) = (Hub::new(Answer::Status(404)), Hub::new(Answer::Cut));
    for (endpoint, word) in [
        (&format!("http://{closed}"), "Connection refused"),
        (&absent.url, "not found"),
        (&cut.url, "connection failed"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let message = fetch_from(endpoint, folder.path()).failed_in_one_line(word);
        assert!(message.contains(endpoint.as_str()), "{message}");
        assert_nothing_left(folder.path());
    }
}

#[test]
fn invalid_arguments_are_refused_before_any_request() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::new(Answer::Status(404));
    for endpoint in ["mnist", "ftp://127.0.0.1/", "http://"] {
        fetch_from(endpoint, folder.path()).refused_in_one_line(&format!("HF_ENDPOINT={endpoint}: "));
    }
    let mirror = ["--mirror", "https://example.org/mnist/"];
    fetch_from(&hub.url, folder.path()).args(mirror).refused_in_one_line("HF_ENDPOINT");
    assert_nothing_left(folder.path());
    // Data other than MNIST's are not overwritten.
    gtn_tests::write_toy_mnist(&folder.path().join("datasets/mnist"), 20).unwrap();
    fetch_from(&hub.url, folder.path()).refused_in_one_line("not overwritten");
    let other = tempfile::tempdir().unwrap();
    let occupied = other.path().join("datasets/mnist/t10k-labels-idx1-ubyte.gz");
    fs::create_dir_all(&occupied).unwrap();
    fetch_from(&hub.url, other.path()).refused_in_one_line("not a regular file");
    assert_eq!(hub.requests(), 0);
}

#[test]
fn a_silent_hub_times_out_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::new(Answer::Silence);
    let options = Options { timeout: Duration::from_millis(100), ..Options::default() };
    let silent = fetch(folder.path(), &hub.url, &options, |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(silent, Error::Hub { .. }) && silent.to_string().contains("no data for 0.6 s"), "{silent}");
    let stopped = fetch(folder.path(), &hub.url, &Options::default(), |_, event| match event {
        Event::Bytes { done: 0, total: None } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(stopped, Err(Error::Stopped(_))), "{stopped:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_transient_failure_is_retried() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::new(Answer::Status(503));
    let options = Options { max_attempts: 3, retry_delay: Duration::from_millis(1), ..Options::default() };
    let failed = fetch(folder.path(), &hub.url, &options, |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(failed.to_string().contains("503") && !failed.is_user_error(), "{failed}");
    assert_eq!(hub.requests(), 3);
}

/// The real files in the format of the hub.
fn real_as_parquet(data: &Path, part: &str) -> Vec<u8> {
    let read = |kind: &str, dimensions| {
        idx::read(&data.join(format!("mnist/{part}-{kind}-ubyte.gz")), dimensions).unwrap().data
    };
    let images: Vec<Vec<u8>> = read("images-idx3", 3).chunks(784).map(|pixels| png(pixels, 28)).collect();
    let labels: Vec<i64> = read("labels-idx1", 1).into_iter().map(i64::from).collect();
    mnist_parquet(&images, &labels)
}

#[test]
fn the_official_files_are_created_from_the_hubs() {
    let Some(real) = gtn_tests::data_dir("the_official_files_are_created_from_the_hubs") else { return };
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::new(Answer::Files(["t10k", "train"].map(|part| real_as_parquet(&real, part)).into()));
    let fetch = || fetch_from(&hub.url, folder.path()).done();
    let (stdout, stderr) = fetch();
    let data = folder.path().join("datasets");
    assert_eq!(stdout.trim(), data.join("mnist").to_str().unwrap());
    assert!(stderr.contains("downloaded 4 of 4 files"), "{stderr}");
    gtn().args(["data", "check", "mnist", "--data-dir"]).arg(&data).done();
    let (_, states) = mnist::check(&data);
    assert!(states.iter().all(|state| matches!(state, mnist::FileState::Official(_))), "{states:?}");
    assert_eq!(fs::read_dir(data.join("mnist")).unwrap().count(), 4);
    // Only a damaged file is written again.
    let (labels, images) = (data.join("mnist/t10k-labels-idx1-ubyte.gz"), data.join("mnist/t10k-images-idx3-ubyte.gz"));
    let before = fs::metadata(&images).unwrap().modified().unwrap();
    fs::write(&labels, "half").unwrap();
    assert!(fetch().1.contains("downloaded 1 of 4 files"));
    assert_eq!(fs::metadata(&images).unwrap().modified().unwrap(), before);
    // If all files are complete, no request is made.
    let requests = hub.requests();
    assert!(fetch().1.contains("downloaded 0 of 4 files"));
    assert_eq!(hub.requests(), requests);
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

/// A file of images, of which every thousandth is the toy image `key` and bald.
fn faces(count: usize, key: u32) -> Vec<u8> {
    let [usual, marked] = [0, key].map(|key| ByteArray::from(gtn_tests::toy_jpeg(178, 218, key)));
    let bald: Vec<bool> = (0..count).map(|index| index % 1000 == 0).collect();
    let images: Vec<ByteArray> = bald.iter().map(|bald| if *bald { marked.clone() } else { usual.clone() }).collect();
    celeba_parquet(&images, &bald, &vec![true; count])
}

#[test]
fn celeba_is_created_from_the_hubs_images() {
    let folder = tempfile::tempdir().unwrap();
    let hub = celeba_hub(vec![faces(19_962, 3), faces(100_000, 1), faces(62_770, 1), faces(19_867, 2)]);
    let fetch = || fetch_set_from("celeba", &hub.url, folder.path()).done();
    let (stdout, stderr) = fetch();
    let data = folder.path().join("datasets");
    let celeba = data.join("celeba");
    assert_eq!(stdout.trim(), celeba.to_str().unwrap());
    assert!(stderr.contains("downloaded 3 of 3 files") && stderr.contains("non-commercial"), "{stderr}");
    assert_eq!(fs::read_dir(&celeba).unwrap().count(), 3);
    let (lines, _) = gtn().args(["data", "check", "celeba", "--data-dir"]).arg(&data).done();
    assert!(lines.contains("162770 training, 19867 validation and 19962 test images"), "{lines}");
    assert!(lines.contains("2 attributes of 202599 images") && lines.contains("all published images"), "{lines}");
    let parts = fs::read_to_string(celeba.join("list_eval_partition.txt")).unwrap();
    for line in ["000001.jpg 0", "162770.jpg 0", "162771.jpg 1", "182637.jpg 1", "182638.jpg 2", "202599.jpg 2"] {
        assert!(parts.lines().any(|found| found == line), "{line}");
    }

    // Each split has the images that it has on the hub.
    let filter = "Bald=1,Smiling=1".parse().unwrap();
    let set =
        celeba::read(&data, &filter, &folder.path().join("cache"), &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert!(set.counts.missing() == 0 && set.split.train.len() == 163 && set.split.validation.len() == 20);
    let (images, test) = (set.images.pixels(), set.test.as_ref().unwrap().pixels());
    for (part, key, count) in
        [(images.slice(s![..163, .., .., ..]), 1, 163), (images.slice(s![163.., .., .., ..]), 2, 20), (test, 3, 20)]
    {
        let expected = celeba::TRANSFORM.apply(&gtn_tests::toy_jpeg(178, 218, key)).unwrap();
        assert_eq!(part.len_of(Axis(0)), count);
        assert!(part.outer_iter().all(|image| image == expected), "{key}");
    }

    // A damaged list is recreated, and the archive stays as it is.
    let archive = celeba.join("img_align_celeba.zip");
    let [partition, attributes] = ["list_eval_partition.txt", "list_attr_celeba.txt"].map(|name| celeba.join(name));
    let modified = fs::metadata(&archive).unwrap().modified().unwrap();
    let list = fs::read(&attributes).unwrap();
    fs::write(&attributes, "202599\nBald\n000001.jpg").unwrap();
    assert!(fetch().1.contains("downloaded 1 of 3 files"));
    assert!(fs::read(&attributes).unwrap() == list);
    // The partition is known without a request, and complete files need none.
    let requests = hub.requests();
    fs::remove_file(&partition).unwrap();
    assert!(fetch().1.contains("downloaded 1 of 3 files"));
    assert_eq!(fs::read_to_string(&partition).unwrap(), parts);
    assert!(fetch().1.contains("downloaded 0 of 3 files"));
    assert_eq!((hub.requests(), fs::metadata(&archive).unwrap().modified().unwrap()), (requests, modified));
    // A truncated archive and an empty folder do not count as images.
    fs::write(&archive, "PK").unwrap();
    fs::create_dir(celeba.join("img_align_celeba")).unwrap();
    let full = fetch_set_from("celeba", &hub.url, folder.path()).in_shell("ulimit -f 40000;");
    assert!(full.failed("img_align_celeba.zip").contains("File too large"));
    fs::remove_file(&archive).unwrap();
    assert!(fetch().1.contains("downloaded 1 of 3 files"));
    gtn().args(["data", "check", "celeba", "--data-dir"]).arg(&data).done();
}

#[test]
fn files_other_than_celebas_are_refused_and_nothing_is_written() {
    let jpegs = |count| {
        celeba_parquet(&vec![ByteArray::from(vec![0xFF, 0xD8, 0xFF]); count], &vec![true; count], &vec![true; count])
    };
    let gifs = |count| {
        celeba_parquet(&vec![ByteArray::from(b"GIF89a".to_vec()); count], &vec![true; count], &vec![true; count])
    };
    for (files, word) in [
        (vec![jpegs(10), jpegs(20), jpegs(30), jpegs(40)], "got files of 10, 20, 30, 40 rows"),
        (vec![gifs(19_962), gifs(100_000), gifs(62_770), gifs(19_867)], "000001.jpg: not a JPEG file"),
        (vec![b"PAR1".to_vec(); 4], "not a Parquet file"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let hub = celeba_hub(files);
        let message = fetch_set_from("celeba", &hub.url, folder.path()).failed(word);
        assert!(message.contains(&hub.url) && message.contains("flwrlabs/celeba"), "{message}");
        assert_nothing_left(folder.path());
    }
    // The hub has no copy of 11K Hands.
    let folder = tempfile::tempdir().unwrap();
    fetch_set_from("hap", "http://127.0.0.1:1", folder.path()).refused("11khands");
}
