//! `gtn reproduce` and `gtn sample` on images, from the files to the samples.

mod program;

use std::fs;
use std::path::Path;

use ndarray::{Array2, Array4, ArrayView2};
use ndarray_npy::{read_npy, write_npy};
use program::{Call, gtn, toy};

fn reproduce(data: &Path, run: &Path) -> Call {
    gtn()
        .args(["reproduce", "mnist", "--limit", "150", "--epochs", "autoencoder=1,h=2", "--data-dir"])
        .arg(data)
        .arg("--out")
        .arg(run)
}

#[test]
fn from_files_to_a_report_and_samples() {
    let data = toy(200);
    let run = data.path().join("run");
    let (stdout, stderr) = reproduce(data.path(), &run).done();
    let report = run.join("report.html");
    assert_eq!(stdout.trim(), report.to_str().unwrap());
    assert!(stderr.contains("not the original"), "{stderr}");
    let html = fs::read_to_string(&report).unwrap();
    assert!(html.contains("data:image/png;base64,") && html.contains("<svg"));
    assert!(html.contains("cargo xtask reproduce mnist"));

    // The second time, nothing is repeated.
    let (_, stderr) = reproduce(data.path(), &run).done();
    for stage in ["autoencode", "encode", "label", "fit", "sample"] {
        let is_skipped = stderr.lines().any(|line| line.starts_with(stage) && line.ends_with("already done"));
        assert!(is_skipped, "{stage}: {stderr}");
    }
    // Another configuration in the same folder is refused.
    reproduce(data.path(), &run).args(["--dim", "3"]).refused("dim is 5 in the folder and 3 in this command");

    // The same seed gives the same bytes in every format.
    let out = |name: &str| data.path().join(name);
    let sample = |name: &str, seed: &str| {
        gtn().arg("sample").arg(&run).args(["-n", "10", "--seed", seed, "--out"]).arg(out(name)).done();
    };
    for ending in ["png", "npy"] {
        let [a, b, c] = ["a", "b", "c"].map(|name| format!("{name}.{ending}"));
        sample(&a, "1");
        sample(&b, "1");
        sample(&c, "2");
        let bytes = |name: &str| fs::read(out(name)).unwrap();
        assert_eq!(bytes(&a), bytes(&b));
        assert_ne!(bytes(&a), bytes(&c));
    }
    let images: Array4<f32> = read_npy(out("a.npy")).unwrap();
    assert_eq!(images.dim(), (10, 1, 28, 28));
    assert!(images.iter().all(|value| (-1.0..=1.0).contains(value)));
    sample("folder", "1");
    assert_eq!(fs::read_dir(out("folder")).unwrap().count(), 10);
    // New samples replace all earlier ones in a folder, and no other file.
    fs::write(out("folder/mine.txt"), "mine").unwrap();
    let again = || gtn().arg("sample").arg(&run).args(["-n", "3", "--out"]).arg(out("folder"));
    again().refused("--force");
    again().arg("--force").done();
    assert_eq!(fs::read_dir(out("folder")).unwrap().count(), 4);
    let temporary = fs::read_dir(data.path()).unwrap().flatten();
    assert!(!temporary.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(".gtn-")));

    // More samples than fit into memory or into one image are refused before any is drawn.
    for (n, name, word) in [
        (u64::MAX.to_string(), "many.npy", "do not fit into memory"),
        ("100000000000".to_owned(), "many.npy", "do not fit into memory"),
        ("10001".to_owned(), "many.png", "do not fit into one image"),
    ] {
        gtn().arg("sample").arg(&run).args(["-n", &n, "--out"]).arg(out(name)).refused(word);
    }

    // With given normal vectors, a sample does not depend on the other rows, except for rounding.
    let y = Array2::from_shape_fn((7, 5), |(i, j)| (i as f32 - 3.0) / 2.0 + j as f32 / 10.0);
    write_npy(out("y.npy"), &y).unwrap();
    write_npy(out("row.npy"), &y.slice(ndarray::s![2..3, ..]).to_owned()).unwrap();
    let map = |source: &str, name: &str| {
        let call = gtn().arg("sample").arg(&run).arg("--source").arg(out(source)).arg("--latent");
        call.arg("--out").arg(out(name)).done();
        read_npy::<_, Array2<f32>>(out(name)).unwrap()
    };
    let (all, one) = (map("y.npy", "all.npy"), map("row.npy", "one.npy"));
    let close = |a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
    assert!(close(all.slice(ndarray::s![2..3, ..]), one.view()));

    write_npy(out("narrow.npy"), &Array2::<f32>::zeros((3, 4))).unwrap();
    let refuse = |source: &str, word: &str| {
        let call = gtn().arg("sample").arg(&run).arg("--source").arg(out(source)).arg("--out").arg(out("no.npy"));
        call.refused(word);
        assert!(!out("no.npy").exists());
    };
    refuse("narrow.npy", "got shape (3, 4)");
    refuse("absent.npy", "absent.npy");
    gtn().arg("sample").arg(&run).args(["-n", "0", "--out"]).arg(out("no.npy")).refused("-n 0");

    // A config.toml that was edited by hand is refused in one line.
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    for (from, to, word) in [
        ("hidden_layers = 7", "hidden_layers = 1000000000000000000", "h.hidden_layers"),
        ("width = 50", "width = 5000", "h.best.safetensors"),
        ("seed = 1", "seed = ", "line "),
    ] {
        fs::write(run.join("config.toml"), config.replace(from, to)).unwrap();
        gtn().arg("sample").arg(&run).arg("--out").arg(out("no.npy")).refused_in_one_line(word);
    }
    fs::write(run.join("config.toml"), config).unwrap();

    // Damaged weights are found by their checksum.
    let weights = run.join("checkpoints/h.best.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    let call = gtn().arg("sample").arg(&run).arg("--out").arg(out("no.npy"));
    let message = call.failed("h.best.safetensors");
    assert!(message.contains("damaged") && !out("no.npy").exists(), "{message}");
}

#[test]
fn the_test_set_and_pixels_are_measured_and_reported() {
    let data = toy(200);
    gtn_tests::write_toy_test_set(&data.path().join("mnist"), 100).unwrap();
    let run = data.path().join("run");
    let (_, stderr) = reproduce(data.path(), &run).done();
    assert!(!stderr.contains("t10k"), "{stderr}");
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let record =
        |needle: &str| metrics.lines().find(|line| line.contains(needle)).unwrap_or_else(|| panic!("{needle}"));
    assert!(record("\"test_samples\"").contains("\"test_samples\":75.0"), "{metrics}");
    let losses = record("\"h_test_loss\"");
    assert!(losses.contains("\"autoencoder_test_loss\""), "{losses}");
    for metric in ["energy_distance", "sliced_wasserstein", "precision", "recall", "density", "coverage"] {
        let record = record(&format!("\"pixel_{metric}\""));
        let compared = ["\"floor\":", "\"decoded\":", "\"gaussian\":", "\"mixture\":", "\"samples\":15"];
        assert!(compared.iter().all(|word| record.contains(word)), "{record}");
    }
    let html = fs::read_to_string(run.join("report.html")).unwrap();
    for text in
        ["Metrics on pixels", "Latents in the plane", "Similarity by rank", "Nearest training images", "Test samples"]
    {
        assert!(html.contains(text), "{text}");
    }
    // --force also removes the results on the test set.
    reproduce(data.path(), &run).args(["--seed", "2", "--force"]).done();
    assert!(!fs::read_to_string(run.join("metrics.jsonl")).unwrap().contains(losses));
}

#[test]
fn the_real_mnist_is_learned() {
    let Some(data) = gtn_tests::data_dir("the_real_mnist_is_learned") else { return };
    gtn().args(["data", "check", "mnist", "--data-dir"]).arg(&data).done();
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let (_, stderr) = gtn()
        .args(["reproduce", "mnist", "--limit", "1000", "--epochs", "autoencoder=2,h=3", "--data-dir"])
        .arg(&data)
        .arg("--out")
        .arg(&run)
        .done();
    assert!(!stderr.contains("not the original"), "{stderr}");
    // Two epochs on 800 images.
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let losses: Vec<f64> = metrics
        .lines()
        .filter(|line| line.contains("\"epoch\"") && line.contains("\"autoencode\""))
        .filter_map(|line| line.split("\"validation_loss\":").nth(1)?.split(',').next()?.parse().ok())
        .collect();
    assert_eq!(losses.len(), 2, "{metrics}");
    assert!(losses[1] < losses[0] && losses[1] < 0.35, "{losses:?}");
}
