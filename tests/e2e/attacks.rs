//! Files that were made to hurt. Each gets an answer within seconds and little memory, and none reaches beyond its place.
#![cfg(unix)]

mod program;

use std::fs;
use std::io::{Seek, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use program::{Call, gtn};
use zip::write::SimpleFileOptions;

/// What a process may address: far less than the files ask for.
const MEMORY_KIB: u64 = 4 << 20;
const SECONDS: u64 = 60;

/// A folder within a folder, from which nothing may escape.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(place.path("")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("a/b").join(name)
    }

    fn gtn(&self, arguments: &[&str]) -> Call {
        let call = gtn().current_dir(&self.path("")).args(arguments).env("GTN_CACHE_DIR", self.path("cache"));
        call.env_remove("GTN_DATA_DIR").in_shell(&format!("ulimit -v {MEMORY_KIB};"))
    }

    /// Expects that the call is refused in one line with `word`, and prints the line.
    #[track_caller]
    fn refused(&self, attack: &str, arguments: &[&str], word: &str) -> String {
        let started = Instant::now();
        let line = self.gtn(arguments).refused_in_one_line(word);
        self.answered(attack, arguments, &line, started);
        line
    }

    #[allow(clippy::print_stdout, reason = "the answers are the result of this test")]
    fn answered(&self, attack: &str, arguments: &[&str], answer: &str, started: Instant) {
        assert!(started.elapsed() < Duration::from_secs(SECONDS), "{attack}: {:?}", started.elapsed());
        assert!(!answer.trim_end().contains(|c: char| c.is_control()), "{attack}: {answer:?}");
        println!("{attack} | gtn {} | {}", arguments.join(" "), answer.trim_end());
        let outside: Vec<PathBuf> = [self.0.path(), &self.0.path().join("a")]
            .iter()
            .flat_map(|folder| fs::read_dir(folder).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.is_dir())
            .collect();
        assert!(outside.is_empty(), "{attack} wrote {outside:?}");
    }
}

fn picture(index: u8) -> Vec<u8> {
    let image = RgbImage::from_fn(16, 16, |x, y| Rgb([(x * 9) as u8 + index, (y * 7) as u8, index]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A zip archive of these entries.
fn archive(path: &Path, entries: &[(&str, &[u8])]) {
    zip_with(SimpleFileOptions::default(), path, entries);
}

/// The same without compression, as `torch.save` writes it.
fn stored(path: &Path, entries: &[(&str, &[u8])]) {
    zip_with(SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored), path, entries);
}

fn zip_with(options: SimpleFileOptions, path: &Path, entries: &[(&str, &[u8])]) {
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in entries {
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn archives_that_expand_without_end_are_refused() {
    let place = Place::new();
    // 1.1 GB of zeros in a megabyte.
    let mut zip = zip::ZipWriter::new(fs::File::create(place.path("bomb.zip")).unwrap());
    zip.start_file("bomb.png", SimpleFileOptions::default().large_file(true)).unwrap();
    let zeros = vec![0_u8; 1 << 20];
    (0..1050).for_each(|_| zip.write_all(&zeros).unwrap());
    zip.finish().unwrap();
    place.refused("a zip entry that expands a thousandfold", &["fit", "--images", "bomb.zip"], "bomb.png");

    // An entry whose headers say that it has 40 bytes.
    archive(&place.path("liar.zip"), &[("liar.png", &vec![0; 64 << 20])]);
    let mut bytes = fs::read(place.path("liar.zip")).unwrap();
    let size = (64_u32 << 20).to_le_bytes();
    while let Some(at) = bytes.windows(4).position(|window| window == size) {
        bytes[at..at + 4].copy_from_slice(&40_u32.to_le_bytes());
    }
    fs::write(place.path("liar.zip"), bytes).unwrap();
    place.refused("a zip entry that is larger than it says", &["fit", "--images", "liar.zip"], "liar.png");
}

#[test]
fn images_that_claim_to_be_huge_are_refused() {
    let place = Place::new();
    let claims: [(&str, Vec<u8>); 3] = [
        ("huge.png", png_header(100_000, 100_000)),
        (
            "huge.gif",
            [b"GIF89a".as_slice(), &[0xff; 4], &[0x70, 0, 0, 0x2c, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0]].concat(),
        ),
        ("huge.bmp", {
            let mut bytes = vec![0; 54];
            bytes[..2].copy_from_slice(b"BM");
            (bytes[10], bytes[14], bytes[26], bytes[28]) = (54, 40, 1, 24);
            bytes[18..22].copy_from_slice(&i32::MAX.to_le_bytes());
            bytes[22..26].copy_from_slice(&i32::MAX.to_le_bytes());
            bytes
        }),
    ];
    for (name, bytes) in claims {
        let folder = name.replace('.', "-");
        fs::create_dir(place.path(&folder)).unwrap();
        fs::write(place.path(&folder).join(name), bytes).unwrap();
        place.refused("an image that claims billions of pixels", &["fit", "--images", &folder], name);
    }
}

/// The start of a PNG of this size, with valid checksums.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let checksum = header.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    });
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(header);
    bytes.extend((!checksum).to_be_bytes());
    bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
    bytes
}

#[test]
fn names_in_archives_lead_nowhere() {
    let place = Place::new();
    let picture = picture(1);
    for name in ["../../evil.png", "/evil.png", "a/../../../evil.png", "..\\..\\evil.png"] {
        archive(&place.path("paths.zip"), &[("a.png", &picture), (name, &picture)]);
        let word = "lies outside the archive's folder";
        place.refused("a name that climbs out of an archive", &["fit", "--images", "paths.zip"], word);
    }
    assert!(!Path::new("/evil.png").exists());

    // Links within a tar archive, to files of the system.
    let mut tar = tar::Builder::new(fs::File::create(place.path("links.tar")).unwrap());
    for (kind, name) in
        [(tar::EntryType::Symlink, "a.png"), (tar::EntryType::Link, "b.png"), (tar::EntryType::Char, "c.png")]
    {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(0o644);
        tar.append_link(&mut header, name, "/etc/passwd").unwrap();
    }
    tar.finish().unwrap();
    place.refused("links in a tar archive to files of the system", &["fit", "--images", "links.tar"], "no image files");
}

#[test]
fn links_and_devices_in_folders_do_not_hang() {
    let place = Place::new();
    fs::create_dir_all(place.path("strange/loop")).unwrap();
    symlink("..", place.path("strange/loop/again")).unwrap();
    place.refused("a folder that contains itself", &["fit", "--images", "strange"], "a link leads back");
    fs::remove_dir_all(place.path("strange")).unwrap();
    fs::create_dir(place.path("strange")).unwrap();
    symlink("/dev/zero", place.path("strange/zero.png")).unwrap();
    symlink("nowhere", place.path("strange/dangling.png")).unwrap();
    let fifo = place.path("strange/pipe.png");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    place.refused(
        "pipes, devices and links to nowhere",
        &["fit", "--images", "strange"],
        "one other file, dangling.png",
    );
    fs::create_dir(place.path("names")).unwrap();
    fs::write(place.path("names").join("\u{1b}[2J\u{7}\nevil.png"), "not an image").unwrap();
    place.refused("a name that clears the terminal", &["fit", "--images", "names", "--strict"], "evil.png");
}

#[test]
fn headers_that_lie_are_refused() {
    let place = Place::new();
    let npy = |header: &str| {
        let mut bytes = b"\x93NUMPY\x01\0".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend([0; 64]);
        bytes
    };
    let huge = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 5)}\n";
    let overflowing = "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905, 4)}\n";
    let lies = [
        ("an array of terabytes", huge, "truncated"),
        ("a shape whose product overflows", overflowing, "it claims shape"),
    ];
    for (attack, header, word) in lies {
        fs::write(place.path("x.npy"), npy(header)).unwrap();
        let arguments = ["label", "--source", "x.npy", "--target", "x.npy", "--out", "m.npz"];
        place.refused(attack, &arguments, word);
    }
    fs::write(place.path("x.safetensors"), [&u64::MAX.to_le_bytes()[..], b"{}"].concat()).unwrap();
    place.refused("a header of 2^64 bytes", &["fit", "--latents", "x.safetensors:x"], "header too large");
    let overlapping = r#"{"x":{"dtype":"F32","shape":[4000000000,4],"data_offsets":[0,16]}}"#;
    let length = (overlapping.len() as u64).to_le_bytes();
    fs::write(place.path("y.safetensors"), [&length[..], overlapping.as_bytes(), &[0; 16]].concat()).unwrap();
    place.refused("a tensor that is larger than its file", &["fit", "--latents", "y.safetensors:x"], "invalid shape");
    fs::create_dir_all(place.path("mnist")).unwrap();
    for name in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"] {
        let dims: &[u32] = if name.contains("images") { &[u32::MAX, 28, 28] } else { &[u32::MAX] };
        let mut bytes = vec![0, 0, 8, dims.len() as u8];
        dims.iter().for_each(|dim| bytes.extend(dim.to_be_bytes()));
        fs::write(place.path("mnist").join(name), bytes).unwrap();
    }
    place.refused("digits of terabytes", &["reproduce", "mnist", "--data-dir", "."], "more than 4 GiB");
}

#[test]
fn pickles_run_no_code() {
    let place = Place::new();
    // What `pickle.loads` would execute.
    let pickle = b"\x80\x02cposix\nsystem\nX\x0b\0\0\0touch pwned\x85R.";
    stored(&place.path("h.pth"), &[("archive/data.pkl", pickle), ("archive/version", b"3\n")]);
    let arguments = ["import", "--torch-h", "h.pth", "--out", "model.safetensors"];
    place.refused("a pickle that calls a shell", &arguments, "posix.system");
    assert!(!place.path("pwned").exists() && !place.path("model.safetensors").exists());
    // A memo that refers to itself, doubled sixty times.
    let mut bytes = b"\x80\x02]q\0".to_vec();
    for index in 0..60_u8 {
        bytes.extend([b'h', index, b'h', index, 0x86, b'q', index + 1]);
    }
    bytes.push(b'.');
    stored(&place.path("h.pth"), &[("archive/data.pkl", &bytes), ("archive/version", b"3\n")]);
    place.refused("a pickle that doubles sixty times", &arguments, "h.pth");
}

#[test]
fn nested_and_hostile_texts_are_refused() {
    let place = Place::new();
    fs::write(place.path("deep.toml"), format!("a = {}", "[".repeat(200_000))).unwrap();
    place.refused("settings nested 200,000 times", &["reproduce", "deep.toml"], "recursion depth");
    let (settings, _) = place.gtn(&["config", "show", "uniform"]).done();
    fs::write(place.path("names.toml"), settings.replace("\"uniform\"", "\"\\u001b[2J\\u0007\"")).unwrap();
    place.refused("settings that clear the terminal", &["reproduce", "names.toml"], "unknown variant");
    let arguments = ["reproduce", "uniform", "--limit", "200", "--epochs", "1", "--out", "run"];
    place.gtn(&arguments).done();
    let mut log = fs::OpenOptions::new().append(true).open(place.path("run/metrics.jsonl")).unwrap();
    log.seek(std::io::SeekFrom::End(0)).unwrap();
    writeln!(log, "{}", "[".repeat(1 << 20)).unwrap();
    let started = Instant::now();
    let (_, stderr) = place.gtn(&["report", "run"]).done();
    place.answered(
        "records nested a million times",
        &["report", "run"],
        stderr.lines().last().unwrap_or("done"),
        started,
    );
}
