//! `--device`, `gtn doctor` and `gtn bench --device`, as far as they can be tested without a GPU.

mod program;

use std::path::{Path, PathBuf};

use program::gtn;
use serde_json::Value;

fn weights() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../weights/mnist-d5")
}

#[test]
fn auto_is_the_cpu_without_a_gpu() {
    let folder = tempfile::tempdir().unwrap();
    let samples = ["auto", "cpu"].map(|device| {
        let out = folder.path().join(format!("{device}.npy"));
        let call = gtn().arg("sample").arg(weights()).args(["-n", "3", "--device", device, "--out"]).arg(&out);
        call.done();
        std::fs::read(out).unwrap()
    });
    // Samples of a GPU equal those of the CPU only approximately.
    if gtn().arg("doctor").args(["--device", "cpu", "--json"]).done().0.contains("not built in") {
        assert_eq!(samples[0], samples[1]);
    }
    assert_eq!(samples[0].len(), samples[1].len());
}

#[test]
fn a_missing_gpu_is_refused_with_alternatives() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("samples.npy");
    // No machine has 100 GPUs.
    let call = gtn().arg("sample").arg(weights()).args(["--device", "cuda:99", "--out"]).arg(&out);
    let message = call.refused("no CUDA device");
    assert!(message.contains("--device cpu") && message.contains("--device auto"), "{message}");
    assert!(!out.exists());
    let run = folder.path().join("run");
    gtn().args(["reproduce", "uniform", "--quick", "--device", "cuda:99", "--out"]).arg(&run).refused("no CUDA device");
    assert!(!run.exists());
    gtn().args(["doctor", "--device", "gpu"]).refused("choose from auto, cpu, cuda");
}

#[test]
fn the_device_comes_from_the_environment_too() {
    gtn().args(["doctor", "--json"]).env("GTN_DEVICE", "cuda:99").refused("no CUDA device");
}

#[test]
fn doctor_finds_no_error_on_the_cpu() {
    let (short, _) = gtn().args(["doctor", "--device", "cpu"]).done();
    assert!(short.lines().count() <= 20 && short.contains("free memory") && short.contains("MNIST"), "{short}");
    let (lines, _) = gtn().args(["doctor", "--device", "cpu", "--compare", "--json"]).done();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let property = |name: &str| lines.iter().find(|line| line["property"] == name).map(|line| line["value"].clone());
    assert_eq!(property("gtn"), Some(env!("CARGO_PKG_VERSION").into()));
    assert_eq!(property("device"), Some("CPU".into()));
    let comparisons: Vec<&Value> = lines.iter().filter(|line| line["subject"].is_string()).collect();
    assert!(comparisons.len() > 90 && comparisons.iter().all(|line| line["ok"] == true), "{comparisons:?}");

    let (table, _) = gtn().args(["doctor", "--device", "cpu", "--depth", "quick"]).done();
    assert!(table.contains("| autoencoder ") && table.contains("are within their bounds"), "{table}");
}

#[test]
fn every_benchmark_of_a_device_is_timed() {
    let few = ["bench", "--device", "cpu", "--rows", "40", "--epoch-repetitions", "1", "--repetitions", "1", "--json"];
    let (lines, _) = gtn().args(few).done();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let works: Vec<&str> = lines.iter().filter_map(|line| line["work"].as_str()).collect();
    assert_eq!(works, ["h-epoch", "autoencoder-epoch", "samples", "samples-to-host", "labeling"]);
    for line in &lines {
        assert!(line["gtn"]["median_seconds"].as_f64().unwrap() > 0.0 && line["device"] == "CPU", "{line}");
    }
    assert_eq!(lines[0]["paper_t4_seconds"], 50.6);
    // A device in the environment does not select the benchmark of devices.
    gtn().args(["bench", "--json"]).env("GTN_DEVICE", "cpu").refused("no benchmark selected");
}
