//! Pairs from a flow through the program: one pass, the steps of the flow, components, and from images to normal vectors.

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Axis, s};
use ndarray_npy::{read_npy, write_npy};
use program::{FLOW_PRESET, gtn};

/// Trains a run in `folder`.
fn train_run(folder: &Path, arguments: &[&str]) -> PathBuf {
    let data = folder.join("data");
    if !data.exists() {
        gtn_tests::write_toy_mnist(&data.join("mnist"), 400).unwrap();
        fs::write(folder.join("small.toml"), FLOW_PRESET).unwrap();
    }
    let run = folder.join(format!("run{}", arguments.concat()));
    gtn()
        .args(["reproduce", "small.toml", "--no-tensorboard", "--data-dir", "data", "--cache-dir", "cache", "--out"])
        .arg(&run)
        .args(arguments)
        .current_dir(folder)
        .done();
    run
}

fn sample(run: &Path, name: &str, arguments: &[&str]) -> Array2<f32> {
    let out = run.with_file_name(name);
    gtn()
        .arg("sample")
        .arg(run)
        .args(["--latent", "-n", "200", "--force"])
        .args(arguments)
        .arg("--out")
        .arg(&out)
        .done();
    read_npy(out).unwrap()
}

fn distance(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    (a - b).mapv(|difference| difference * difference).mean().unwrap().sqrt()
}

#[test]
fn samples_follow_temperature_component_and_steps_and_images_have_normal_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = train_run(folder, &[]);
    let report = fs::read_to_string(run.join("report.html")).unwrap();
    for text in ["The flow itself", "Round-trip error", "Noise of the pairs", "Components"] {
        assert!(report.contains(text), "{text}");
    }

    let plain = sample(&run, "plain.npy", &[]);
    assert_eq!(sample(&run, "again.npy", &["--temperature", "1"]), plain);
    // A temperature of 0 leaves the center of each component.
    let center = sample(&run, "center.npy", &["--temperature", "0", "--component", "1"]);
    assert!(center.outer_iter().all(|row| row == center.row(0)));
    assert_ne!(sample(&run, "other.npy", &["--temperature", "0", "--component", "0"]).row(0), center.row(0));
    // One pass of ĥ and the flow agree roughly, and not exactly.
    let by_flow = sample(&run, "flow.npy", &["--steps", "8"]);
    let spread = plain.std_axis(Axis(0), 0.0).mean().unwrap();
    let error = distance(&plain, &by_flow);
    assert!(error > 0.0 && error < 0.7 * spread, "{error} of {spread}");

    // Images have normal vectors, from which the flow finds their latents again.
    let encode = |name: &str, arguments: &[&str]| -> Array2<f32> {
        let call = gtn().arg("encode").arg(&run).args(["--images", "images.npy", "--out", name]).args(arguments);
        call.current_dir(folder).done();
        read_npy(folder.join(name)).unwrap()
    };
    gtn().arg("sample").arg(&run).args(["-n", "30", "--out", "images.npy"]).current_dir(folder).done();
    let (latents, normals) = (encode("latents.npy", &[]), encode("normals.npy", &["--source"]));
    assert_eq!((latents.ncols(), normals.ncols()), (3, 4));
    assert!(normals.column(3).iter().all(|&component| component == 0.0 || component == 1.0));
    let again = sample_source(folder, &run, "normals.npy", &["--steps", "64"]);
    let error = distance(&again, &latents);
    assert!(error < 0.05 * spread, "{error} of {spread}");
    // Without the last column, components are drawn.
    write_npy(folder.join("bare.npy"), &normals.slice(s![.., ..3]).to_owned()).unwrap();
    assert_eq!(sample_source(folder, &run, "bare.npy", &[]).dim(), (30, 3));

    gtn().arg("sample").arg(&run).args(["-n", "2", "--out", "two"]).current_dir(folder).done();
    let mut images: Vec<PathBuf> =
        fs::read_dir(folder.join("two")).unwrap().map(|entry| entry.unwrap().path()).collect();
    images.sort();
    gtn()
        .arg("interpolate")
        .arg(&run)
        .args(["--steps", "6", "--out", "between.png", "--images"])
        .args(&images)
        .current_dir(folder)
        .done();
    assert!(folder.join("between.png").exists());
}

fn sample_source(folder: &Path, run: &Path, source: &str, arguments: &[&str]) -> Array2<f32> {
    let call = gtn().arg("sample").arg(run).args(["--latent", "--force", "--source", source, "--out", "mapped.npy"]);
    call.args(arguments).current_dir(folder).done();
    read_npy(folder.join("mapped.npy")).unwrap()
}

#[test]
fn a_run_in_one_file_samples_as_the_run_does_also_after_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    let run = train_run(folder.path(), &[]);
    let file = folder.path().join("model.safetensors");
    gtn().arg("export").arg(&run).arg("--out").arg(&file).done();
    for arguments in [&[][..], &["--steps", "4"], &["--component", "1"]] {
        assert_eq!(sample(&file, "file.npy", arguments), sample(&run, "run.npy", arguments), "{arguments:?}");
    }

    let [torch, back] = ["torch", "back"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let (_, stderr) = gtn().arg("export").arg(&run).args(["--format", "torch", "--out"]).arg(&torch).done();
    assert!(stderr.starts_with("note: the flow is left out") && stderr.lines().count() == 1, "{stderr}");
    let (_, stderr) = gtn().args(["import", "--torch-h"]).arg(&torch).arg("--out").arg(&back).done();
    let system = gtn_run::ModelCard::read(&file).unwrap().unwrap().coordinates.unwrap().system;
    let described =
        format!("ĥ: 3 → 3, 1 residual blocks of 24; 2 components in {system} coordinates; images of 1 × 28 × 28");
    assert_eq!(stderr.lines().next(), Some(described.as_str()));
    for arguments in [&[][..], &["--component", "1"], &["--temperature", "0.7"]] {
        assert_eq!(sample(&back, "back.npy", arguments), sample(&run, "run.npy", arguments), "{arguments:?}");
    }
    let flow = gtn().arg("sample").arg(&back).args(["--steps", "4", "--out"]).arg(folder.path().join("no.npy"));
    flow.refused_in_one_line("no flow");
    let layers = gtn().args(["import", "--hidden-layers", "3", "--torch-h"]).arg(&torch).arg("--out");
    layers.arg(folder.path().join("no")).refused_in_one_line("1 residual blocks instead of hidden layers");
}

#[test]
fn what_a_run_does_not_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = train_run(folder.path(), &["--pairing", "greedy"]);
    let out = folder.path().join("out.npy");
    let sample =
        |arguments: &[&str]| gtn().arg("sample").arg(&run).arg("--latent").args(arguments).arg("--out").arg(&out);
    sample(&["--steps", "4"]).refused("no flow");
    sample(&["--component", "2"]).refused("components 0 to 1");
    sample(&["--temperature=-1"]).refused("temperature");
    sample(&["--temperature", "nan"]).refused("temperature");
    sample(&["--component", "1"]).done();
    let image = folder.path().join("image.png");
    gtn().arg("sample").arg(&run).args(["-n", "1", "--out"]).arg(&image).done();
    let line = gtn()
        .arg("encode")
        .arg(&run)
        .arg("--images")
        .arg(&image)
        .args(["--source", "--force", "--out"])
        .arg(&out)
        .refused("only the images of the run have one");
    assert!(line.contains("--pairing flow"), "{line}");
    gtn()
        .arg("interpolate")
        .arg(&run)
        .arg("--images")
        .args([&image, &image])
        .arg("--out")
        .arg(folder.path().join("x.gif"))
        .refused("only the images of the run have one");
    gtn().args(["reproduce", "mnist", "--epochs", "flow=3"]).refused("--pairing flow");
    gtn().args(["reproduce", "celeba", "--components", "0"]).refused("number of components");
}
