//! Runs of every kind that are killed at random moments, that have no space to write, that two processes compute, or whose clock is set
//! back: they end with the bytes of undisturbed ones.
#![cfg(unix)]

mod program;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gtn_run::sweep::{CombinationRecord, CombinationState, SweepRecord};
use gtn_run::{MetricsLog, RunFolder, RunProgress};
use image::{Rgb, RgbImage};
use program::{Call, assert_same, assert_same_results, gtn};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A kind of run: its name, and the arguments of `gtn` without the output folder.
struct Kind {
    name: &'static str,
    arguments: &'static [&'static str],
}

const KINDS: [Kind; 7] = [
    Kind {
        name: "points",
        arguments: &["reproduce", "swiss-roll", "--dim", "2", "--limit", "6000", "--epochs", "6", "--seed", "3"],
    },
    Kind {
        name: "digits",
        arguments: &[
            "reproduce",
            "mnist",
            "--limit",
            "600",
            "--epochs",
            "autoencoder=3,h=6",
            "--baselines",
            "vae",
            "--dim",
            "4",
        ],
    },
    Kind { name: "flow", arguments: &["reproduce", "flow.toml"] },
    Kind { name: "decoder", arguments: &["reproduce", "decoder.toml"] },
    Kind {
        name: "images",
        arguments: &[
            "fit",
            "--images",
            "animals",
            "--side",
            "16",
            "--dim",
            "4",
            "--epochs",
            "autoencoder=3,decoder=2,flow=1,h=3",
        ],
    },
    Kind { name: "vectors", arguments: &["fit", "--latents", "x.npy", "--epochs", "flow=1,h=3"] },
    Kind {
        name: "sweep",
        arguments: &[
            "sweep",
            "uniform",
            "--limit",
            "4000",
            "--epochs",
            "4",
            "--widths",
            "6,12",
            "--learning-rates",
            "1e-2,1e-3",
        ],
    },
];

/// Trains the decoder alone.
const DECODER: &str = "
[autoencoder.decoder]
loss = { spectrum = 3.0 }
training = { epochs = 4, patience = 4, batch_size = 50, learning_rate = 1e-3, schedule = \"cosine\" }
";

#[test]
fn runs_of_each_kind_killed_at_a_random_moment_end_bit_equal() {
    // Those that train most networks in little time.
    kill_runs(1, &["flow", "decoder", "sweep"]);
}

#[test]
#[ignore = "takes minutes; cargo xtask prove runs it"]
fn runs_of_each_kind_killed_a_hundred_times_end_bit_equal() {
    // GTN_KILL_KINDS=images,vectors kills only runs of these kinds.
    let wanted = std::env::var("GTN_KILL_KINDS").unwrap_or_default();
    let is_wanted = |name: &&str| wanted.is_empty() || wanted.split(',').any(|kind| kind == *name);
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).filter(is_wanted).collect();
    assert!(!names.is_empty(), "GTN_KILL_KINDS={wanted} names no kind");
    kill_runs(15, &names);
}

/// Kills runs of these kinds so many times each, and prints a tally by stage.
#[allow(clippy::print_stdout, reason = "the tally is the result")]
fn kill_runs(kills: usize, names: &[&str]) {
    let mut rng = rng();
    let mut equal = 0;
    for kind in KINDS.iter().filter(|kind| names.contains(&kind.name)) {
        let (place, length) = Place::with_undisturbed(kind);
        let mut stages = BTreeMap::new();
        let mut killed = 0;
        while killed < kills {
            // A run is killed up to four times, if it does not end before.
            let of_run = (kills - killed).min(4);
            for _ in 0..of_run {
                let mut child = place.call(kind, "killed").spawn();
                std::thread::sleep(length.mul_f64(rng.random_range(0.0..1.0)));
                child.kill().unwrap();
                let status = child.wait().unwrap();
                if status.signal() != Some(9) {
                    assert!(status.success(), "{}: {status}", kind.name);
                    break;
                }
                killed += 1;
                *stages.entry(place.stage(kind)).or_insert(0) += 1;
            }
            place.call(kind, "killed").done();
            place.assert_equal_by(kind, assert_same);
            equal += 1;
            fs::remove_dir_all(place.path("killed")).unwrap();
        }
        println!("{}: {killed} kills of runs of {length:.1?} ({stages:?}), bytes equal", kind.name);
    }
    println!("{} kinds, at least {kills} kills each, {equal} runs compared, all equal", names.len());
}

#[test]
#[ignore = "takes minutes; cargo xtask prove runs it"]
fn runs_of_each_kind_without_space_end_bit_equal() {
    disturb_runs(assert_same_results, |place, kind, _, rng| {
        let largest = largest_file(&place.path("undisturbed"));
        for _ in 0..5 {
            // The limit on the size of a file acts like a full disk: writes are cut short.
            let blocks = rng.random_range(0..largest.div_ceil(512));
            let (code, stderr) = place.call(kind, "killed").in_shell(&format!("ulimit -f {blocks};")).ends();
            let errors = stderr.lines().filter(|line| line.starts_with("error: ")).count();
            // Files that are not larger than the limit may be all that was missing.
            let is_expected = (code, errors) == (Some(1), 1) || (code, errors) == (Some(0), 0);
            assert!(is_expected, "{}: {code:?} {stderr}", kind.name);
        }
    });
}

#[test]
#[ignore = "takes minutes; cargo xtask prove runs it"]
fn a_run_that_two_processes_compute_at_once_has_one_of_them() {
    disturb_runs(assert_same, |place, kind, _, rng| {
        for _ in 0..3 {
            let mut first = place.call(kind, "killed").spawn();
            std::thread::sleep(Duration::from_millis(rng.random_range(0..300)));
            let (code, stderr) = place.call(kind, "killed").ends();
            let is_expected = code == Some(0) || stderr.contains("in use by another process");
            assert!(is_expected, "{}: {code:?} {stderr}", kind.name);
            first.kill().unwrap();
            first.wait().unwrap();
        }
    });
}

#[test]
#[ignore = "takes minutes; cargo xtask prove runs it"]
#[allow(clippy::print_stderr, reason = "says that it skips")]
fn runs_of_each_kind_whose_clock_is_set_back_end_bit_equal() {
    // Debian's package `faketime`.
    let library = Path::new("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1");
    if !library.exists() {
        eprintln!("skipped: {} does not exist; install it with `apt install faketime`", library.display());
        return;
    }
    disturb_runs(assert_same, |place, kind, length, rng| {
        for offset in ["-400d", "+30d", "-3h"] {
            let prefix = format!("export FAKETIME={offset} LD_PRELOAD={};", library.display());
            let mut child = place.call(kind, "killed").in_shell(&prefix).spawn();
            std::thread::sleep(length.mul_f64(rng.random_range(0.2..1.0)));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    });
}

/// Disturbs a run of each kind, lets it end, and compares it with an undisturbed one, whose duration `disturb` gets.
fn disturb_runs(compare: fn(&Path, &Path), mut disturb: impl FnMut(&Place, &Kind, Duration, &mut ChaCha8Rng)) {
    let mut rng = rng();
    for kind in &KINDS {
        let (place, length) = Place::with_undisturbed(kind);
        disturb(&place, kind, length, &mut rng);
        place.call(kind, "killed").done();
        place.assert_equal_by(kind, compare);
    }
}

/// Other random numbers each time: the result must not depend on them.
#[allow(clippy::print_stdout, reason = "a failure can be repeated")]
fn rng() -> ChaCha8Rng {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("seed {seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// Bytes of the largest file below a folder.
fn largest_file(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sizes = entries.map(|path| if path.is_dir() { largest_file(&path) } else { path.metadata().unwrap().len() });
    sizes.max().unwrap_or(0)
}

/// A folder with data of all kinds, the cache and runs.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(program::toy(700));
        let animals = place.path("animals");
        fs::create_dir_all(&animals).unwrap();
        for index in 0..150 {
            let shade = |at: u32| (40 + 8 * at + index) as u8;
            let image = RgbImage::from_fn(20, 18, |x, y| Rgb([shade(x), (index * 3 % 50) as u8, shade(y)]));
            image.save(animals.join(format!("{index:03}.png"))).unwrap();
        }
        let wave = |row: usize, column: usize| ((row * 37 + column * 11) as f32 * 0.7).sin();
        let rows = ndarray::Array2::from_shape_fn((500, 3), |(row, column)| wave(row, column));
        ndarray_npy::write_npy(place.path("x.npy"), &rows).unwrap();
        let show = ["config", "show", "mnist", "--limit", "300", "--epochs"];
        let (settings, _) = gtn().args(show).arg("autoencoder=2,h=2").done();
        fs::write(place.path("decoder.toml"), settings + DECODER).unwrap();
        let by_flow = ["--protocol", "flow", "--components", "2"];
        let (settings, _) = gtn().args(show).arg("autoencoder=2,flow=2,h=3").args(by_flow).done();
        let small = settings.replace("width = 256", "width = 16").replace("fresh_pairs = 60000", "fresh_pairs = 300");
        fs::write(place.path("flow.toml"), small.replace("integration_steps = 24", "integration_steps = 4")).unwrap();
        place
    }

    /// The folder with an undisturbed run, and how long that took.
    fn with_undisturbed(kind: &Kind) -> (Self, Duration) {
        let place = Self::new();
        let started = Instant::now();
        place.call(kind, "undisturbed").done();
        (place, started.elapsed())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn call(&self, kind: &Kind, out: &str) -> Call {
        let call = gtn().current_dir(self.0.path()).args(kind.arguments).args(["--out", out]);
        let call = if kind.name == "images" || kind.name == "vectors" { call } else { call.args(["--data-dir", "."]) };
        call.env("GTN_CACHE_DIR", self.path("cache"))
    }

    /// Where the killed run stands.
    fn stage(&self, kind: &Kind) -> String {
        let root = self.path("killed");
        if kind.name == "sweep" {
            let record = SweepRecord::read(&root).ok().flatten();
            let is_done = |of: &&CombinationRecord| of.state == CombinationState::Done;
            let done = record.map_or(0, |record| record.combinations.iter().filter(is_done).count());
            return format!("run {} of 4", done + 1);
        }
        let run = RunFolder::at(&root);
        let (Ok(record), Ok(log)) = (run.record(), MetricsLog::open(&run.metrics())) else {
            return "prepare".to_owned();
        };
        match RunProgress::new(&record.config, &log) {
            RunProgress::Done => "report".to_owned(),
            RunProgress::Incomplete { stage, .. } => stage.to_string(),
        }
    }

    /// Compares the runs by a function of both folders.
    fn assert_equal_by(&self, kind: &Kind, compare: fn(&Path, &Path)) {
        let (found, expected) = (self.path("killed"), self.path("undisturbed"));
        if kind.name == "sweep" {
            for run in runs_of(&expected) {
                compare(&found.join(&run), &expected.join(&run));
            }
        } else {
            compare(&found, &expected);
        }
    }
}

/// The folders of the runs of a sweep.
fn runs_of(sweep: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(sweep).unwrap().map(|entry| entry.unwrap().path());
    let runs: Vec<PathBuf> = folders
        .filter(|path| path.join("config.toml").is_file())
        .map(|path| path.file_name().unwrap().into())
        .collect();
    assert_eq!(runs.len(), 4);
    runs
}
