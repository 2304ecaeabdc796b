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
    let list = fs::read_to_string(weights().join("SHA256SUMS")).unwrap();
    assert_eq!(list.lines().count(), 3);
    for line in list.lines() {
        let (expected, name) = line.split_once("  ").unwrap();
        let bytes = fs::read(weights().join(name)).unwrap();
        let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, expected, "{name}");
    }
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
