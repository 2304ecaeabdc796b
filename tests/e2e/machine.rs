//! What the machine may do to the program: outputs that cannot be written, no threads, variables that are empty or wrong.
#![cfg(target_os = "linux")]

mod program;

use std::process::Stdio;

use ndarray_npy::write_npy;
use program::{Call, gtn};

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    for arguments in [&["config", "show", "uniform"][..], &["--help"], &["--version"], &["help", "sample"]] {
        let full = gtn().args(arguments).in_shell("exec >/dev/full;");
        full.failed_in_one_line("cannot write the result to standard output: No space left on device");
    }
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    for arguments in [&["config", "show", "uniform"][..], &["--help"]] {
        let mut child = gtn().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).start();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
}

/// Matches a few rows.
fn label(folder: &std::path::Path) -> Call {
    let rows = ndarray::Array2::from_shape_fn((50, 3), |(row, column)| ((row * 7 + column * 3) % 11) as f32 - 5.0);
    for name in ["y.npy", "x.npy"] {
        write_npy(folder.join(name), &rows).unwrap();
    }
    gtn().current_dir(folder).args(["label", "--source", "y.npy", "--target", "x.npy", "--out", "pairs.npz", "--force"])
}

#[test]
fn fewer_vector_instructions_give_the_same_pairs() {
    let folder = tempfile::tempdir().unwrap();
    // Multiples of one row have cosines that only f64 can tell apart.
    let source =
        ndarray::Array2::from_shape_fn((600, 7), |(row, column)| ((row * 31 + column * 17) % 97) as f32 - 48.0);
    let multiples = ndarray::Array2::from_shape_fn((600, 7), |(row, column)| {
        (1.0 + row as f32 / 7.3) * ((column + 1) as f32).sqrt()
    });
    for hard in [false, true] {
        let pairs = |strategy: &str, instructions: &str| {
            let call = label(folder.path()).args(["--strategy", strategy]).env("GTN_CPU", instructions);
            if hard {
                write_npy(folder.path().join("y.npy"), &source).unwrap();
                write_npy(folder.path().join("x.npy"), &multiples).unwrap();
            }
            call.done();
            std::fs::read(folder.path().join("pairs.npz")).unwrap()
        };
        let expected = pairs("reference", "");
        for strategy in ["int8", "dense", "tree"] {
            for instructions in ["portable", "avx2", "avx512"] {
                assert!(pairs(strategy, instructions) == expected, "{strategy} with {instructions}, multiples: {hard}");
            }
        }
    }
    let wrong = label(folder.path()).env("GTN_CPU", "avx9");
    wrong.refused_in_one_line("GTN_CPU: unknown instructions 'avx9'; use one of portable, avx2, avx512");
}

#[test]
fn where_no_thread_can_be_had_the_main_thread_works() {
    let folder = tempfile::tempdir().unwrap();
    // The system has no room for such a stack, so that it starts no thread.
    let alone = |call: Call| call.env("RUST_MIN_STACK", "70000000000000");
    label(folder.path()).done();
    let pairs = std::fs::read(folder.path().join("pairs.npz")).unwrap();
    let (_, notes) = alone(label(folder.path())).done();
    assert!(notes.contains("warning: the system grants 0 more threads"), "{notes}");
    assert_eq!(std::fs::read(folder.path().join("pairs.npz")).unwrap(), pairs);
    alone(label(folder.path()).args(["--threads", "2"])).failed("threads");

    let run = |name: &str| {
        gtn().args(["reproduce", "uniform", "--quick", "--limit", "2000", "--out"]).arg(folder.path().join(name))
    };
    run("threads").done();
    alone(run("alone")).done();
    let samples = |name: &str| {
        let out = folder.path().join(format!("{name}.npy"));
        alone(gtn().arg("sample").arg(folder.path().join(name)).args(["-n", "100", "--out"]).arg(&out)).done();
        std::fs::read(out).unwrap()
    };
    assert_eq!(samples("alone"), samples("threads"));
}

#[test]
fn the_number_of_threads_has_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let with = |threads: &str| label(folder.path()).env("RAYON_NUM_THREADS", threads);
    let (_, notes) = with("1000000").done();
    assert!(notes.contains("RAYON_NUM_THREADS asks for 1000000 threads"), "{notes}");
    with("many").refused_in_one_line("RAYON_NUM_THREADS is `many`");
    for usual in ["", "0", "1", " 2 "] {
        let (_, notes) = with(usual).done();
        assert!(!notes.contains("warning"), "{notes}");
    }
}

#[test]
fn empty_variables_count_as_unset_and_wrong_ones_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let show = || gtn().current_dir(folder.path()).args(["config", "show", "uniform"]);
    let (shown, _) = show().done();
    let empty = ["GTN_DEVICE", "GTN_DATA_DIR", "GTN_CACHE_DIR", "RUST_LOG", "RAYON_NUM_THREADS", "XDG_CACHE_HOME"];
    assert_eq!(empty.into_iter().fold(show(), |call, name| call.env(name, "")).done().0, shown);
    let reproduce = || {
        let quick = gtn().current_dir(folder.path()).args(["reproduce", "swiss-roll", "--quick", "--limit", "500"]);
        ["GTN_DEVICE", "GTN_CACHE_DIR", "GTN_DATA_DIR"].into_iter().fold(quick, |call, name| call.env(name, ""))
    };
    reproduce().done();
    let message = reproduce().env("GTN_DEVICE", "toaster").refused("the variable GTN_DEVICE");
    assert!(message.contains("--device") && message.contains("`toaster`"), "{message}");
    let message = reproduce().args(["--device", "toaster"]).refused("--device");
    assert!(!message.contains("GTN_DEVICE"), "{message}");
}

#[test]
fn more_than_the_memory_that_is_granted_is_refused_with_both_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let weights = gtn_tests::workspace().join("weights/mnist-d5");
    let sample = |n: &str| {
        let out = folder.path().join(format!("{n}.npy"));
        gtn().arg("sample").arg(&weights).args(["-n", n, "--out"]).arg(out).in_shell("ulimit -v 2800000;")
    };
    let message = sample("1000000").refused_in_one_line("1000000 samples need at least 3.1 GB of memory");
    assert!(message.contains("and the system grants ") && message.contains("draw fewer at a time"), "{message}");
    sample("100").done();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let run = folder.path().join("run");
    let (settings, _) = gtn().args(["config", "show", "uniform"]).done();
    let large = folder.path().join("large.toml");
    std::fs::write(&large, settings.replace("width = ", "width = 9000 # ")).unwrap();
    let train = gtn().arg("reproduce").arg(&large).arg("--out").arg(&run).in_shell("ulimit -v 2800000;");
    let message = train.refused_in_one_line("the networks and their gradients need at least ");
    assert!(message.contains("GB of memory, and the system grants ") && !run.exists(), "{message}");
    // Of a sweep, before the first of its runs.
    let sweep =
        gtn().args(["sweep", "uniform", "--widths", "6,9000", "--out"]).arg(&run).in_shell("ulimit -v 2800000;");
    let message = sweep.refused_in_one_line("the networks of width-9000");
    assert!(message.contains("GB of memory, and the system grants ") && !run.exists(), "{message}");
}
