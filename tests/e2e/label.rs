//! `gtn label` on files.

mod program;

use std::fs;
use std::path::Path;

use gtn_models::Streams;
use ndarray::{Array1, Array2};
use ndarray_npy::{NpzReader, NpzWriter, write_npy};
use program::{Call, gtn};

struct PairsFile {
    matching: Array1<u64>,
    order: Array1<u64>,
    similarity: Array1<f32>,
}

fn read(path: &Path) -> PairsFile {
    let mut npz = NpzReader::new(fs::File::open(path).unwrap()).unwrap();
    PairsFile {
        matching: npz.by_name("matching").unwrap(),
        order: npz.by_name("order").unwrap(),
        similarity: npz.by_name("similarity").unwrap(),
    }
}

fn label(folder: &Path, source: &str, target: &str, out: &str) -> Call {
    let at = |name: &str| folder.join(name);
    gtn().arg("label").arg("--source").arg(at(source)).arg("--target").arg(at(target)).arg("--out").arg(at(out))
}

#[test]
fn every_strategy_equals_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    for (n, d) in [(10_000, 5), (5_000, 100), (3_000, 1)] {
        let normal = |purpose: &str| Streams::new(7).normal(purpose, d as u64, n, d);
        write_npy(folder.path().join("y.npy"), &normal("y")).unwrap();
        write_npy(folder.path().join("x.npy"), &normal("x")).unwrap();
        let run = |strategy: &str| {
            let call = label(folder.path(), "y.npy", "x.npy", "pairs.npz").args(["--strategy", strategy, "--force"]);
            let (stdout, _) = call.done();
            assert!(stdout.trim().ends_with("pairs.npz"));
            let bytes = fs::read(folder.path().join("pairs.npz")).unwrap();
            (read(&folder.path().join("pairs.npz")), bytes)
        };
        let (reference, bytes) = run("reference");
        let mut targets: Vec<u64> = reference.matching.to_vec();
        targets.sort_unstable();
        assert_eq!(targets, (0..n as u64).collect::<Vec<_>>());
        assert_eq!((reference.order.len(), reference.similarity.len()), (n, n));
        for strategy in ["auto", "dense", "int8", "tree"] {
            let (found, found_bytes) = run(strategy);
            assert_eq!((&found.matching, &found.order), (&reference.matching, &reference.order));
            assert_eq!(found.similarity, reference.similarity);
            assert!(found_bytes == bytes, "{strategy} writes different bytes");
        }
    }
}

#[test]
fn rows_that_stay_on_disk_give_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    for (n, m, d) in [(3_000, 3_500, 6), (1_500, 1_500, 40), (400, 400, 1)] {
        let (mut y, x) = (Streams::new(7).normal("y", 0, n, d), Streams::new(7).normal("x", 0, m, d));
        y.row_mut(n / 2).fill(0.0);
        write_npy(folder.path().join("y.npy"), &y).unwrap();
        write_npy(folder.path().join("x.npy"), &x).unwrap();
        let bytes = |options: &[&str]| {
            label(folder.path(), "y.npy", "x.npy", "pairs.npz").arg("--force").args(options).done();
            fs::read(folder.path().join("pairs.npz")).unwrap()
        };
        let in_memory = bytes(&[]);
        for memory in ["100kB", "400kB", "1GB"] {
            assert!(bytes(&["--out-of-core", "--memory", memory]) == in_memory, "{n} x {d} with {memory}");
        }
    }
    let refused = |options: &[&str], word: &str| {
        label(folder.path(), "y.npy", "x.npy", "other.npz").args(options).refused_in_one_line(word);
    };
    refused(&["--out-of-core", "--stats"], "--stats does not work with --out-of-core");
    refused(&["--out-of-core", "--strategy", "tree"], "the fastest is always chosen");
    assert!(!folder.path().join("other.npz").exists());
}

#[test]
fn npy_in_either_memory_order_npz_and_safetensors_give_the_same_pairs() {
    use ndarray::ShapeBuilder;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let y = Streams::new(3).normal("y", 0, 40, 3);
    let x = Streams::new(3).normal("x", 0, 50, 3);
    write_npy(at("y.npy"), &y).unwrap();
    write_npy(at("x.npy"), &x).unwrap();
    let mut fortran = Array2::zeros((50, 3).f());
    fortran.assign(&x);
    write_npy(at("fortran.npy"), &fortran).unwrap();
    let mut npz = NpzWriter::new(fs::File::create(at("both.npz")).unwrap());
    npz.add_array("y", &y).unwrap();
    npz.add_array("x", &x).unwrap();
    npz.finish().unwrap();
    let tensor = gtn_models::to_tensor(x.view(), &gtn_models::Device::Cpu).unwrap();
    tensor.save_safetensors("x", at("x.safetensors")).unwrap();

    label(folder.path(), "y.npy", "x.npy", "plain.npz").done();
    let plain = fs::read(at("plain.npz")).unwrap();
    for (source, target) in [
        ("y.npy", "fortran.npy"),
        ("both.npz:y", "both.npz:x"),
        ("y.npy", "x.safetensors"),
        ("both.npz:y", "x.safetensors:x"),
    ] {
        label(folder.path(), source, target, "pairs.npz").arg("--force").done();
        assert!(fs::read(at("pairs.npz")).unwrap() == plain, "{source}, {target}");
    }
    label(folder.path(), "both.npz", "x.npy", "no.npz").refused("several arrays (y, x)");
}

#[test]
fn invalid_input_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, array: &Array2<f32>| write_npy(folder.path().join(name), array).unwrap();
    save("y.npy", &Array2::ones((4, 3)));
    save("x.npy", &Array2::ones((5, 3)));
    save("wide.npy", &Array2::ones((5, 4)));
    save("few.npy", &Array2::ones((3, 3)));
    let mut with_nan = Array2::ones((5, 3));
    with_nan[[2, 1]] = f32::NAN;
    save("nan.npy", &with_nan);
    write_npy(folder.path().join("double.npy"), &Array2::<f64>::ones((5, 3))).unwrap();
    write_npy(folder.path().join("cube.npy"), &ndarray::Array3::<f32>::ones((5, 3, 1))).unwrap();
    let complete = fs::read(folder.path().join("x.npy")).unwrap();
    fs::write(folder.path().join("truncated.npy"), &complete[..complete.len() - 1]).unwrap();
    fs::write(folder.path().join("empty.npy"), b"").unwrap();

    for (target, word) in [
        ("absent.npy", "absent.npy"),
        ("empty.npy", "empty.npy"),
        ("truncated.npy", "truncated"),
        ("double.npy", "float32"),
        ("cube.npy", "2-D array"),
        ("wide.npy", "target rows have 4"),
        ("few.npy", "only 3"),
        ("nan.npy", "target row 2 holds NaN"),
    ] {
        label(folder.path(), "y.npy", target, "pairs.npz").refused(word);
        assert!(!folder.path().join("pairs.npz").exists());
    }
    label(folder.path(), "y.npy", "x.npy", "pairs.txt").refused(".npz");
    label(folder.path(), "y.npy", "x.npy", "nowhere/pairs.npz").refused("does not exist; create it first");
    label(folder.path(), "y.npy", "x.npy", "pairs.npz").args(["--strategy", "sorted"]).refused("rows of dimension 1");
    label(folder.path(), "y.npy", "x.npy", "pairs.npz").args(["--threads", "0"]).refused("--threads");

    fs::write(folder.path().join("pairs.npz"), "mine").unwrap();
    label(folder.path(), "y.npy", "x.npy", "pairs.npz").refused("--force");
    assert_eq!(fs::read_to_string(folder.path().join("pairs.npz")).unwrap(), "mine");
    label(folder.path(), "y.npy", "x.npy", "pairs.npz").arg("--force").done();
    assert_eq!(read(&folder.path().join("pairs.npz")).matching.len(), 4);
    let leftovers = fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part"));
    assert_eq!(leftovers.count(), 0);
}

#[test]
fn stats_show_how_the_similarity_falls_and_do_not_change_the_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_npy(at("y.npy"), &Streams::new(3).normal("y", 0, 400, 5)).unwrap();
    write_npy(at("x.npy"), &Streams::new(3).normal("x", 0, 400, 5)).unwrap();
    let (_, stderr) = label(folder.path(), "y.npy", "x.npy", "plain.npz").done();
    assert!(!stderr.contains("rank correlation"), "{stderr}");
    let (stdout, stderr) = label(folder.path(), "y.npy", "x.npy", "pairs.npz").arg("--stats").done();
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    assert!(fs::read(at("pairs.npz")).unwrap() == fs::read(at("plain.npz")).unwrap());

    let median = |rows: &str| -> f64 {
        let line =
            stderr.lines().find(|line| line.contains(&format!(" {rows} |"))).unwrap_or_else(|| panic!("{stderr}"));
        line.split('|').nth(3).unwrap().trim().parse().unwrap()
    };
    let (first, last) = (median("1–40"), median("361–400"));
    assert!(1.0 > first && first > last && last > -1.0, "{stderr}");
    let rho = stderr.lines().find_map(|line| line.strip_prefix("rank correlation of |y| and |x_y|: ")).unwrap();
    assert!((-1.0..=1.0).contains(&rho.parse::<f64>().unwrap()), "{stderr}");
    let rescored = stderr.lines().find_map(|line| line.strip_prefix("strategy tree: ")?.split_once(" scores in f64"));
    assert!(rescored.unwrap().0.parse::<u32>().unwrap() >= 400, "{stderr}");
    assert!(stderr.contains("time: prepare "), "{stderr}");
}
