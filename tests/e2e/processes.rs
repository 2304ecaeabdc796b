//! Several processes, which MPI connects, give the files of one.
#![cfg(unix)]

mod program;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use gtn_models::Streams;
use ndarray::Array2;
use ndarray_npy::write_npy;
use program::{Call, FLOW_PRESET, artifacts, assert_same, epochs, gtn, wait_until};

fn normal(purpose: &str, n: usize, d: usize) -> Array2<f32> {
    Streams::new(7).normal(purpose, d as u64, n, d)
}

fn label(folder: &Path, out: &str) -> Call {
    let at = |name: &str| folder.join(name);
    gtn()
        .args(["label", "--force", "--source"])
        .arg(at("y.npy"))
        .arg("--target")
        .arg(at("x.npy"))
        .arg("--out")
        .arg(at(out))
}

/// Point sets: their name, the source and the target.
fn point_sets(scale: usize) -> Vec<(&'static str, Array2<f32>, Array2<f32>)> {
    let (many, few) = (2_000 * scale, 5_000 * scale);
    let mut duplicates = normal("x", many, 8);
    for row in 0..many {
        let (original, factor) = (row % 7, 1.0 + (row / 7) as f32);
        let scaled = duplicates.row(original).mapv(|x| x * factor);
        duplicates.row_mut(row).assign(&scaled);
    }
    let (mut zeros_y, mut zeros_x) = (normal("y", many, 6), normal("x", many, 6));
    for row in (0..many).step_by(5) {
        zeros_y.row_mut(row).fill(0.0);
        zeros_x.row_mut((row + 2) % many).fill(0.0);
    }
    vec![
        ("100 columns", normal("y", many, 100), normal("x", many, 100)),
        ("5 columns", normal("y", few, 5), normal("x", few, 5)),
        ("duplicates", normal("y", many, 8), duplicates),
        ("zero rows", zeros_y, zeros_x),
        ("unequal sizes", normal("y", many / 3, 20), normal("x", many + 1, 20)),
        ("one column", normal("y", many, 1), normal("x", many, 1)),
    ]
}

fn files_equal_those_of_one_process(scale: usize) {
    let folder = tempfile::tempdir().unwrap();
    for (name, source, target) in point_sets(scale) {
        write_npy(folder.path().join("y.npy"), &source).unwrap();
        write_npy(folder.path().join("x.npy"), &target).unwrap();
        let bytes = |call: Call| {
            call.done();
            fs::read(folder.path().join("pairs.npz")).unwrap()
        };
        let one = bytes(label(folder.path(), "pairs.npz"));
        let reference = bytes(label(folder.path(), "pairs.npz").args(["--strategy", "reference"]));
        assert!(one == reference, "{name}");
        for processes in 1..=4 {
            let several = bytes(label(folder.path(), "pairs.npz").on_processes(processes));
            assert!(several == one, "{name} on {processes} processes");
        }
    }
}

#[test]
fn label_writes_the_file_of_one_process() {
    files_equal_those_of_one_process(1);
}

#[test]
#[ignore = "takes minutes; a part of `cargo xtask prove`"]
fn label_writes_the_file_of_one_process_for_many_rows() {
    files_equal_those_of_one_process(10);
}

#[test]
fn errors_are_printed_once_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut target = normal("x", 40, 4);
    target[[30, 2]] = f32::NAN;
    write_npy(folder.path().join("y.npy"), &normal("y", 40, 4)).unwrap();
    write_npy(folder.path().join("x.npy"), &target).unwrap();
    write_npy(folder.path().join("z.npy"), &normal("z", 40, 3)).unwrap();
    let other_columns = gtn().args(["label", "--source", "y.npy", "--target", "z.npy", "--out", "pairs.npz"]);
    let other_columns = other_columns.current_dir(folder.path());
    for (call, code, message) in [
        (label(folder.path(), "pairs.npz"), 2, "target row 30 holds NaN or an infinity in column 2"),
        (label(folder.path(), "pairs.npz").arg("--stats"), 2, "--stats does not work on several processes"),
        (
            label(folder.path(), "pairs.npz").args(["--strategy", "tree"]),
            2,
            "on several processes, the fastest is always chosen",
        ),
        (label(folder.path(), "pairs.txt"), 2, "pairs need a .npz file name"),
        (label(folder.path(), "missing/pairs.npz"), 2, "missing does not exist; create it first"),
        (gtn().arg("label"), 2, "required arguments were not provided"),
        (other_columns, 2, "source rows have 4 columns and target rows have 3"),
    ] {
        let (found, stderr) = call.on_processes(3).ends();
        assert_eq!(found, Some(code), "{stderr}");
        assert_eq!(stderr.matches(message).count(), 1, "{stderr}");
        assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
    }
    assert!(!folder.path().join("pairs.npz").exists());
}

#[test]
fn one_process_executes_what_is_not_divided() {
    let (stdout, stderr) = gtn().args(["config", "show", "uniform"]).on_processes(3).done();
    assert_eq!(stdout.matches("experiment = ").count(), 1, "{stdout}");
    assert!(stderr.contains("note: one process executes this command; the other 2 do nothing"), "{stderr}");
    let (stdout, _) = gtn().arg("doctor").on_processes(2).done();
    assert_eq!(stdout.matches("MPI: ").count(), 1, "{stdout}");
    assert!(stdout.contains("(2 processes)"), "{stdout}");
}

/// Vectors in a file.
fn vectors(folder: &Path) {
    write_npy(folder.join("x.npy"), &normal("x", 400, 5)).unwrap();
}

fn fit(folder: &Path, run: &str) -> Call {
    let call = gtn().current_dir(folder).args(["fit", "--latents", "x.npy", "--epochs", "flow=1,h=2", "--shards", "4"]);
    call.args(["--keep-checkpoints", "--no-tensorboard", "--out", run])
}

#[test]
fn fit_trains_the_weights_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    vectors(folder.path());
    fit(folder.path(), "one").done();
    assert!(artifacts(&folder.path().join("one")).len() > 4);
    for processes in [1, 2, 4] {
        let run = processes.to_string();
        let (stdout, _) = fit(folder.path(), &run).on_processes(processes).done();
        assert_eq!(stdout.matches("report.html").count(), 1, "{stdout}");
        assert_same(&folder.path().join(&run), &folder.path().join("one"));
    }
}

#[test]
fn the_others_end_if_a_process_is_killed_and_another_number_resumes() {
    let folder = tempfile::tempdir().unwrap();
    vectors(folder.path());
    fit(folder.path(), "one").done();
    let run = folder.path().join("killed");
    for (processes, killed, after) in [(2, 1, 0), (4, 2, 1), (3, 0, 1)] {
        let stderr = fs::File::create(folder.path().join("stderr")).unwrap();
        let call = fit(folder.path(), "killed").on_processes(processes);
        let mut child = call.stdout(std::process::Stdio::null()).stderr(stderr.into()).start();
        let launcher = child.id();
        wait_until(&mut child, || epochs(&run) > after && rank(launcher, killed).is_some());
        let found = rank(launcher, killed).unwrap();
        assert!(Command::new("kill").args(["-9", &found.to_string()]).status().unwrap().success());
        let started = Instant::now();
        let status = child.wait().unwrap();
        assert!(started.elapsed() < Duration::from_secs(20), "the others did not end");
        assert!(!status.success());
        let stderr = fs::read_to_string(folder.path().join("stderr")).unwrap();
        assert!(stderr.contains(&format!("process rank {killed} with PID")), "{stderr}");
    }
    fit(folder.path(), "killed").on_processes(4).done();
    assert_same(&run, &folder.path().join("one"));
}

#[test]
fn encoded_and_decoded_rows_are_those_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    gtn_tests::write_toy_mnist(&at("mnist"), 100).unwrap();
    fs::write(at("small.toml"), FLOW_PRESET).unwrap();
    let train = gtn().current_dir(folder.path()).args(["reproduce", "small.toml", "--data-dir", "."]);
    train.args(["--cache-dir", "cache", "--no-tensorboard", "--out", "run"]).done();
    // Three batches, of which the last is not full.
    let images = normal("images", 1_100, 28 * 28).mapv(f32::tanh).into_shape_with_order((1_100, 1, 28, 28)).unwrap();
    write_npy(at("images.npy"), &images).unwrap();
    write_npy(at("latents.npy"), &normal("latents", 1_100, 3)).unwrap();
    let call = |words: &str| gtn().current_dir(folder.path()).args(words.split(' ')).arg("--force");
    for words in [
        "encode run --images images.npy --out rows.npy",
        "encode run --images images.npy --source --out rows.npy",
        "decode run --latents latents.npy --out rows.npy",
    ] {
        let bytes = |call: Call| {
            let (stdout, stderr) = call.done();
            assert_eq!((stdout.matches("rows.npy").count(), stderr.as_str()), (1, ""), "{words}");
            fs::read(at("rows.npy")).unwrap()
        };
        let one = bytes(call(words));
        for processes in [1, 2, 4] {
            assert!(bytes(call(words).on_processes(processes)) == one, "{words} on {processes} processes");
        }
    }
    // A part that only one process reads.
    let mut broken = images;
    broken[[1_050, 0, 3, 3]] = 7.0;
    write_npy(at("images.npy"), &broken).unwrap();
    fs::remove_file(at("rows.npy")).unwrap();
    let (code, stderr) = call("encode run --images images.npy --out rows.npy").on_processes(2).ends();
    assert_eq!((code, stderr.matches("error: ").count()), (Some(2), 1), "{stderr}");
    assert!(stderr.contains("outside [-1, 1]") && !at("rows.npy").exists(), "{stderr}");
}

#[test]
fn evaluation_has_the_values_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, rows) in [("real.npy", 120), ("generated.npy", 130)] {
        let images = normal(name, rows, 3 * 32 * 32).mapv(f32::tanh).into_shape_with_order((rows, 3, 32, 32));
        write_npy(at(name), &images.unwrap()).unwrap();
    }
    let call = |cache: &str| {
        let call =
            gtn().current_dir(folder.path()).args(["evaluate", "--real", "real.npy", "--generated", "generated.npy"]);
        call.args(["--json", "--cache-dir", cache])
    };
    let of_values = |call: Call| call.args(["--metrics", "sliced_wasserstein,energy_distance"]);
    assert_eq!(of_values(call("a")).on_processes(3).done().0, of_values(call("a")).done().0);
    let Some(weights) = gtn_tests::inception_weights("evaluation_has_the_values_of_one_process") else { return };
    let of_features = |cache: &str| {
        let call = call(cache).args([
            "--metrics",
            "fid,kid",
            "--inception-dims",
            "64",
            "--save-stats",
            "stats.npz",
            "--force",
        ]);
        call.arg("--fid-weights").arg(&weights)
    };
    let stats = || fs::read(at("stats.npz")).unwrap();
    let one = (of_features("a").done().0, stats());
    for processes in [2, 3] {
        let cache = processes.to_string();
        // The second time from the cache.
        for _ in 0..2 {
            assert!((of_features(&cache).on_processes(processes).done().0, stats()) == one, "{processes} processes");
        }
    }
}

/// The process of a rank that a launcher has started.
fn rank(launcher: u32, rank: usize) -> Option<u32> {
    let children = Command::new("pgrep").args(["-P", &launcher.to_string()]).output().unwrap();
    let children = String::from_utf8_lossy(&children.stdout).into_owned();
    children.lines().filter_map(|line| line.trim().parse::<u32>().ok()).find(|process| {
        let variables = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        let expected = format!("OMPI_COMM_WORLD_RANK={rank}");
        variables.split(|&byte| byte == 0).any(|variable| variable == expected.as_bytes())
    })
}
