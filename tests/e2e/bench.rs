//! `gtn bench train` with its smallest benchmark, `gtn bench label` on few rows, `gtn bench sample` on few samples.

mod program;

use program::{Call, gtn};
use serde_json::Value;

fn bench() -> Call {
    gtn().args(["bench", "train", "h-mnist", "--repetitions", "1", "--data-dir", "nowhere"])
}

/// The only object on stdout, and what is on stderr.
fn json(call: Call) -> (Value, String) {
    let (lines, stderr) = call.arg("--json").done();
    assert_eq!(lines.lines().count(), 1, "{lines}");
    (serde_json::from_str(&lines).unwrap(), stderr)
}

#[test]
fn the_operations_of_gtn_and_candle_are_timed_alternately() {
    let (found, _) = json(bench());
    assert_eq!(found["work"], "h-mnist");
    for ops in ["gtn", "candle"] {
        assert!(found[ops]["median_seconds"].as_f64().unwrap() > 0.0, "{found}");
        assert_eq!(found[ops]["seconds"].as_array().unwrap().len(), 1, "{found}");
    }
    assert!(found["pytorch"].is_null() && found["lower_bound_seconds"].as_f64().unwrap() > 0.0, "{found}");

    let (table, _) = bench().done();
    assert!(table.contains("| h-mnist ") && table.contains("billion operations per second"), "{table}");
    gtn().args(["bench", "train", "beauty"]).refused("`autoencoder-mnist`, `autoencoder-celeba`");
    // Without data only the benchmark of loading is skipped.
    let (table, stderr) = gtn().args(["bench", "train", "load", "--data-dir", "nowhere"]).done();
    assert!(
        stderr.contains("skipping load: MNIST not found in nowhere") && !table.contains("| load"),
        "{stderr}{table}"
    );
}

#[cfg(unix)]
#[test]
fn a_pytorch_reference_is_timed_too_and_skipped_if_it_does_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let reference = folder.path().join("reference.sh");
    std::fs::write(&reference, "echo ready; while read line; do echo 0.25; done; echo 1000").unwrap();
    let (found, _) = json(bench().args(["--python", "sh", "--reference"]).arg(&reference));
    assert_eq!(
        (&found["pytorch"]["median_seconds"], &found["pytorch"]["peak_memory_bytes"]),
        (&0.25.into(), &1000.into())
    );
    for (python, script) in [("no-such-python", "echo ready"), ("sh", "exit 1")] {
        std::fs::write(&reference, script).unwrap();
        let (found, stderr) = json(bench().args(["--python", python, "--reference"]).arg(&reference));
        assert!(found["pytorch"].is_null() && stderr.contains("skipping PyTorch: "), "{stderr}");
    }
    // A reference that ends while it is timed is a failure, not a measurement.
    std::fs::write(&reference, "echo ready; read line").unwrap();
    bench().args(["--python", "sh", "--reference"]).arg(&reference).failed("ended early");
}

fn bench_label() -> Call {
    gtn().args(["bench", "label"])
}

#[test]
fn each_case_is_timed_and_verified() {
    let cases = ["3000x1:normal", "2000x2:decaying", "700x5:decaying", "1500x20:normal", "1000x20:multiples"];
    let (lines, _) = bench_label().args(cases).args(["--check", "--json"]).done();
    let found: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found.len(), cases.len(), "{lines}");
    let all_checked = [" steps", "tree, complete", "dense, complete", "int8, complete", "int8, complete"];
    for (found, (case, checked)) in found.iter().zip(cases.iter().zip(all_checked)) {
        let as_text = format!("{}x{}:{}", found["rows"], found["columns"], found["data"].as_str().unwrap());
        assert_eq!(as_text, *case);
        for key in ["seconds", "process_seconds", "operations_per_second", "fraction_of_peak"] {
            assert!(found[key].as_f64().unwrap() > 0.0, "{key}: {found}");
        }
        assert!(found["checked"].as_str().unwrap().ends_with(checked), "{found}");
        assert!(found["loop_seconds"].is_null() && !found["strategy"].as_str().unwrap().is_empty(), "{found}");
        #[cfg(target_os = "linux")]
        assert!(found["memory_bytes"].is_u64(), "{found}");
    }

    let (table, _) = bench_label().arg("1200x3:normal").done();
    assert!(table.contains("|      1,200 |       3 | normal   |"), "{table}");
    assert!(table.contains("billion operations per second"), "{table}");
}

#[test]
fn an_invalid_case_is_refused_with_an_example() {
    for case in ["1000", "1000x5", "1000x5:even", "0x5:normal", "1000x5.5:normal"] {
        let message = bench_label().arg(case).refused("ROWSxCOLUMNS:DATA");
        assert!(message.contains("normal, decaying, cone") && message.contains("20000x100:normal"), "{message}");
    }
    bench_label().args(["1000x5:normal", "--scaling"]).refused("--scaling");
    bench_label().args(["--figure", "figure.svg"]).refused("--scaling");
}

#[cfg(unix)]
#[test]
fn a_loop_is_timed_on_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let reference = folder.path().join("reference.sh");
    // Checks that the rows exist, and claims 90 seconds.
    let script =
        |answer: &str| format!("test -s $1/y.npy -a -s $1/x.npy || exit 1; echo ready; read line; echo '{answer}'");
    let call = || bench_label().args(["500x3:normal", "--python", "sh", "--reference"]).arg(&reference);
    std::fs::write(&reference, script("90.5")).unwrap();
    let (found, stderr) = json(call());
    assert_eq!((&found["loop_seconds"], &found["loop_extrapolated"]), (&90.5.into(), &false.into()), "{stderr}");
    let ratio = found["loop_ratio"].as_f64().unwrap() * found["seconds"].as_f64().unwrap();
    assert!((ratio - 90.5).abs() < 1e-6, "{found}");
    std::fs::write(&reference, script("~90.5")).unwrap();
    let (table, _) = call().done();
    assert!(table.contains(" ~90.5 s | ") && table.matches('~').count() == 2, "{table}");
    // A loop that would take too long has no time. A loop that does not run is skipped for all cases.
    std::fs::write(&reference, script("-")).unwrap();
    let (found, stderr) = json(call());
    assert!(found["loop_seconds"].is_null() && !stderr.contains("skipping"), "{stderr}");
    std::fs::write(&reference, "exit 1").unwrap();
    let (lines, stderr) = call().args(["600x3:normal", "--json"]).done();
    assert_eq!((lines.lines().count(), stderr.matches("skipping PyTorch: ").count()), (2, 1), "{stderr}");
    std::fs::write(&reference, "echo ready; read line; echo over").unwrap();
    call().failed("ended early");
}

#[test]
fn scaling_fits_an_exponent_to_each_number_of_columns_and_plots_it() {
    let folder = tempfile::tempdir().unwrap();
    let figure = folder.path().join("scaling.svg");
    let scaling = || bench_label().args(["--scaling", "--max-seconds", "0", "--figure"]).arg(&figure);
    let (table, _) = scaling().done();
    assert!(table.contains("|      rows |    d = 2 |    d = 5 |   d = 10 |   d = 25 |  d = 100 |"), "{table}");
    assert!(table.contains("|  exponent |") && table.contains("|     4,000 |"), "{table}");
    let svg = std::fs::read_to_string(&figure).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("d = 100: exponent "), "{svg}");
    scaling().refused("--force");
    let (lines, _) = scaling().args(["--force", "--json"]).done();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&last["columns"], &last["points"][1]["rows"]), (&100.into(), &4000.into()));
}

#[test]
fn sampling_is_timed_part_by_part() {
    let weights = gtn_tests::workspace().join("weights/mnist-d5");
    let call = |run: &std::path::Path| gtn().args(["bench", "sample"]).arg(run);
    let (found, _) = json(call(&weights).args(["-n", "30"]));
    assert_eq!((&found["samples"], &found["values_per_sample"]), (&30.into(), &784.into()));
    let seconds: Vec<f64> = found["seconds"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    assert_eq!(seconds.len(), 9);
    assert!(seconds.is_sorted() && seconds[0] > 0.0, "{found}");
    assert_eq!(found["median_seconds"].as_f64().unwrap(), seconds[4]);
    for part in ["h_seconds", "decoder_seconds"] {
        let part = found[part].as_f64().unwrap();
        assert!(part > 0.0 && part <= seconds[8], "{found}");
    }
    let (table, _) = call(&weights).args(["-n", "20", "--repetitions", "11"]).done();
    assert!(table.contains("medians of 11") && table.contains("4.07 s for 1,000 images"), "{table}");

    // Runs without images have no decoder.
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    gtn().args(["reproduce", "uniform", "--limit", "500", "--epochs", "1", "--out"]).arg(&run).done();
    let before = std::fs::read_dir(&run).unwrap().count();
    let (found, _) = json(call(&run).args(["-n", "50"]));
    assert!(found["decoder_seconds"].is_null() && found["h_seconds"].as_f64().unwrap() > 0.0, "{found}");
    assert_eq!(std::fs::read_dir(&run).unwrap().count(), before);

    call(&run).args(["-n", "0"]).refused_in_one_line("at least 1");
    call(&run).args(["--repetitions", "8"]).refused("9");
    call(&run).args(["-n", "1000000000000"]).refused_in_one_line("do not fit into memory");
    call(folder.path()).refused_in_one_line("config.toml");
}
