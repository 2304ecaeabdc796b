//! `--device`, `gtn doctor` and `gtn bench --device`, as far as they go on a machine without a GPU.

mod program;

use std::path::{Path, PathBuf};

use program::gtn;
use serde_json::Value;

fn weights() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../weights/mnist-d5")
}

#[test]
fn auto_is_the_cpu_where_there_is_no_gpu() {
    let folder = tempfile::tempdir().unwrap();
    let samples = ["auto", "cpu"].map(|device| {
        let out = folder.path().join(format!("{device}.npy"));
        let call = gtn().arg("sample").arg(weights()).args(["-n", "3", "--device", device, "--out"]).arg(&out);
        call.done();
        std::fs::read(out).unwrap()
    });
    // Where there is one, its samples are nearly those of the CPU.
    if gtn().arg("doctor").args(["--device", "cpu", "--json"]).done().0.contains("not built in") {
        assert_eq!(samples[0], samples[1]);
    }
    assert_eq!(samples[0].len(), samples[1].len());
}

#[test]
fn a_gpu_that_is_not_there_is_refused_with_the_way_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("samples.npy");
    // No machine has as many.
    let call = gtn().arg("sample").arg(weights()).args(["--device", "cuda:99", "--out"]).arg(&out);
    let said = call.refused("no CUDA device");
    assert!(said.contains("--device cpu") && said.contains("--device auto"), "{said}");
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
fn the_doctor_finds_the_cpu_well() {
    let (lines, _) = gtn().args(["doctor", "--device", "cpu", "--json"]).done();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let fact = |name: &str| lines.iter().find(|line| line["fact"] == name).map(|line| line["value"].clone());
    assert_eq!(fact("gtn"), Some(env!("CARGO_PKG_VERSION").into()));
    assert_eq!(fact("device"), Some("CPU".into()));
    let findings: Vec<&Value> = lines.iter().filter(|line| line["subject"].is_string()).collect();
    assert!(findings.len() > 90 && findings.iter().all(|finding| finding["ok"] == true), "{findings:?}");

    let (table, _) = gtn().args(["doctor", "--device", "cpu", "--depth", "quick"]).done();
    assert!(table.contains("| autoencoder ") && table.contains("are within their bounds"), "{table}");
}

#[test]
fn a_device_is_timed_with_everything_it_does() {
    let few = ["bench", "--device", "cpu", "--rows", "40", "--epochs", "1", "--repetitions", "1", "--json"];
    let (lines, _) = gtn().args(few).done();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let works: Vec<&str> = lines.iter().filter_map(|line| line["work"].as_str()).collect();
    assert_eq!(works, ["h-epoch", "autoencoder-epoch", "samples", "samples-to-host", "labeling"]);
    for line in &lines {
        assert!(line["gtn"]["median_seconds"].as_f64().unwrap() > 0.0 && line["device"] == "CPU", "{line}");
    }
    assert_eq!(lines[0]["paper_t4_seconds"], 50.6);
    // The environment alone starts nothing that takes long.
    gtn().args(["bench", "--json"]).env("GTN_DEVICE", "cpu").refused("say what to time");
}
