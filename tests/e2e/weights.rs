//! The weights in `weights/`: their files are complete, and they can be used without data.

mod program;

use std::fs;
use std::path::PathBuf;

use ndarray::{Array2, Array4, Axis};
use ndarray_npy::read_npy;
use program::{Call, gtn};
use sha2::{Digest, Sha256};

fn weights() -> PathBuf {
    gtn_tests::workspace().join("weights/mnist-d5")
}

/// A command on the weights, without data sets.
fn on_weights(command: &str) -> Call {
    gtn().arg(command).arg(weights()).env_remove("GTN_DATA_DIR")
}

#[test]
fn the_files_have_the_listed_checksums() {
    for (folder, files) in [("mnist-d5", 4), ("mnist-d12", 4), ("mnist-d5-paper", 3)] {
        let folder = gtn_tests::workspace().join("weights").join(folder);
        let list = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
        assert_eq!(list.lines().count(), files);
        for line in list.lines() {
            let (expected, name) = line.split_once("  ").unwrap();
            let bytes = fs::read(folder.join(name)).unwrap();
            let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, expected, "{name}");
        }
        let card = fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(card.contains("## Evaluation") && card.contains("## Limitations"), "{}", folder.display());
    }
}

#[test]
fn both_pairings_have_the_same_autoencoder_and_other_samples() {
    let folder = tempfile::tempdir().unwrap();
    let latents = |name: &str| {
        let out = folder.path().join(format!("{name}.npy"));
        let weights = gtn_tests::workspace().join("weights").join(name);
        let call = gtn().arg("sample").arg(weights).args(["-n", "2000", "--latent", "--out"]).arg(&out);
        call.env_remove("GTN_DATA_DIR").done();
        read_npy::<_, Array2<f32>>(out).unwrap()
    };
    let (flow, paper) = (latents("mnist-d5"), latents("mnist-d5-paper"));
    // Greedy pairs teach averages: samples of ĥ vary less.
    let spread = |rows: &Array2<f32>| rows.var_axis(Axis(0), 0.0).sum();
    assert!(spread(&paper) < 0.9 * spread(&flow), "{} {}", spread(&paper), spread(&flow));
    let checksum = |name: &str| {
        let list = gtn_tests::workspace().join("weights").join(name).join("SHA256SUMS");
        let list = fs::read_to_string(list).unwrap();
        list.lines().find(|line| line.ends_with("autoencoder.best.safetensors")).unwrap().to_owned()
    };
    assert_eq!(checksum("mnist-d5"), checksum("mnist-d5-paper"));
}

#[test]
fn the_flow_and_the_components_can_be_used_without_data() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let latents = |name: &str, options: &[&str]| {
        on_weights("sample").args(["-n", "200", "--latent"]).args(options).arg("--out").arg(out(name)).done();
        read_npy::<_, Array2<f32>>(out(name)).unwrap()
    };
    let squares = |rows: &Array2<f32>| rows.mapv(|value| value * value).mean().unwrap();
    // ĥ learned the flow, so both map the same normal vectors close to each other.
    let (one_pass, by_the_flow) = (latents("h.npy", &[]), latents("flow.npy", &["--steps", "24"]));
    let difference = squares(&(&one_pass - &by_the_flow));
    assert!(difference > 0.0 && difference < 0.02 * squares(&one_pass), "{difference}");
    // A component is a small part of the data.
    let spread = |rows: &Array2<f32>| rows.var_axis(Axis(0), 0.0).sum();
    assert!(spread(&latents("component.npy", &["--component", "3"])) < 0.6 * spread(&one_pass));
    let message = on_weights("sample").args(["-n", "2", "--component", "30", "--out"]).arg(out("no.npy"));
    message.refused_in_one_line("30");
    // From images back to normal vectors, and forward again.
    on_weights("sample").args(["-n", "50", "--out"]).arg(out("digits.npy")).done();
    let encode = on_weights("encode").arg("--images").arg(out("digits.npy"));
    encode.args(["--source", "--out"]).arg(out("normals.npy")).done();
    assert_eq!(read_npy::<_, Array2<f32>>(out("normals.npy")).unwrap().dim(), (50, 6));
    on_weights("sample").arg("--source").arg(out("normals.npy")).arg("--out").arg(out("again.npy")).done();
    let [digits, again] = ["digits.npy", "again.npy"].map(|name| read_npy::<_, Array4<f32>>(out(name)).unwrap());
    let error = (&digits - &again).mapv(|difference| difference * difference).mean().unwrap();
    assert!(error < 0.1, "{error}");
}

#[test]
fn the_same_seed_gives_the_same_digits() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    for name in ["a.png", "b.png"] {
        on_weights("sample")
            .args(["-n", "64", "--seed", "7", "--out"])
            .arg(out(name))
            .current_dir(folder.path())
            .done();
    }
    assert_eq!(fs::read(out("a.png")).unwrap(), fs::read(out("b.png")).unwrap());
    let grid = image::open(out("a.png")).unwrap();
    assert!(grid.width() >= 8 * 28 && grid.height() >= 8 * 28);

    // Digits have ink in the center and none at the edge, and they vary.
    on_weights("sample").args(["-n", "200", "--out"]).arg(out("digits.npy")).done();
    let digits: Array4<f32> = read_npy(out("digits.npy")).unwrap();
    assert_eq!(digits.dim(), (200, 1, 28, 28));
    let mean = digits.mean_axis(Axis(0)).unwrap();
    assert!(mean[[0, 14, 14]] > -0.5 && mean[[0, 1, 1]] < -0.95, "{mean}");
    let deviation = digits.std_axis(Axis(0), 0.0);
    assert!(deviation[[0, 14, 14]] > 0.3);
}

#[test]
fn interpolations_between_digits_do_not_jump() {
    let folder = tempfile::tempdir().unwrap();
    for interpolation in ["linear", "spherical"] {
        let ratios = |steps: &str| -> Vec<[f64; 2]> {
            let out = folder.path().join(format!("{interpolation}-{steps}.gif"));
            let call = on_weights("interpolate").args(["--rows", "4", "--steps", steps]);
            let call = call.args(["--interpolation", interpolation, "--json", "--out"]);
            let (lines, _) = call.arg(&out).done();
            assert!(fs::read(out).unwrap().starts_with(b"GIF89a"));
            let ratio = |line: &str| {
                let found: serde_json::Value = serde_json::from_str(line).unwrap();
                ["latents", "pixels"].map(|of| found[of]["ratio"].as_f64().unwrap())
            };
            lines.lines().map(ratio).collect()
        };
        // At a jump, ten times as many steps would give a ratio ten times as large.
        let (coarse, fine) = (ratios("20"), ratios("200"));
        assert_eq!((coarse.len(), fine.len()), (4, 4));
        for (coarse, fine) in coarse.iter().zip(&fine) {
            for (coarse, fine) in coarse.iter().zip(fine) {
                assert!((1.0..8.0).contains(coarse) && *fine < 3.0 * coarse, "{interpolation}: {coarse} {fine}");
            }
        }
    }
}

#[test]
fn digits_survive_the_autoencoder_and_can_be_measured() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    on_weights("sample").args(["-n", "50", "--out"]).arg(out("digits.npy")).done();
    on_weights("encode").arg("--images").arg(out("digits.npy")).arg("--out").arg(out("latents.npy")).done();
    on_weights("decode").arg("--latents").arg(out("latents.npy")).arg("--out").arg(out("again.npy")).done();
    let [digits, again] = ["digits.npy", "again.npy"].map(|name| read_npy::<_, Array4<f32>>(out(name)).unwrap());
    let error = (&digits - &again).mapv(|difference| difference * difference).mean().unwrap();
    assert!(error < 0.1, "{error}");

    let (table, _) =
        on_weights("interpolate").args(["--rows", "3", "--steps", "10", "--out"]).arg(out("interpolations.png")).done();
    assert!(
        table.contains("largest step / mean step   latents   pixels") && table.contains("interpolation 3 "),
        "{table}"
    );
    let call = on_weights("interpolate").args(["--real", "--out"]).arg(out("no.png"));
    let message = call.refused_in_one_line("no training pairs");
    assert!(message.contains("a run that was trained here") && !out("no.png").exists(), "{message}");

    // Samples of two seeds can be compared.
    for seed in ["1", "2"] {
        let name = format!("{seed}.npy");
        on_weights("sample").args(["-n", "1000", "--latent", "--seed", seed, "--out"]).arg(out(&name)).done();
        assert_eq!(read_npy::<_, Array2<f32>>(out(&name)).unwrap().dim(), (1000, 5));
    }
    let evaluate = gtn().args(["evaluate", "--json", "--metrics", "energy_distance,recall"]);
    let evaluate = evaluate.env_remove("GTN_DATA_DIR").arg("--real").arg(out("1.npy"));
    let (found, _) = evaluate.arg("--generated").arg(out("2.npy")).done();
    assert_eq!(found.lines().count(), 2, "{found}");
    // Samples can be drawn from the weights, as latents or as images.
    for real in ["1.npy", "digits.npy"] {
        let evaluate = gtn().args(["evaluate", "--metrics", "recall", "--real"]).arg(out(real));
        let (found, _) = evaluate.arg("--generated").arg(weights()).env_remove("GTN_DATA_DIR").done();
        assert!(found.contains("recall"), "{found}");
    }
}
