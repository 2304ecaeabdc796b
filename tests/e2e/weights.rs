//! The weights that are shipped: whole, and of use without any data.

mod program;

use std::fs;
use std::path::PathBuf;

use ndarray::{Array2, Array4, Axis};
use ndarray_npy::read_npy;
use program::{Call, gtn};
use sha2::{Digest, Sha256};

fn shipped() -> PathBuf {
    gtn_tests::workspace().join("weights/mnist-d5")
}

/// A verb on the shipped weights, by somebody who has no data.
fn verb(verb: &str) -> Call {
    gtn().arg(verb).arg(shipped()).env_remove("GTN_DATA_DIR")
}

#[test]
fn the_files_are_those_of_the_list() {
    let list = fs::read_to_string(shipped().join("SHA256SUMS")).unwrap();
    assert_eq!(list.lines().count(), 3);
    for line in list.lines() {
        let (expected, name) = line.split_once("  ").unwrap();
        let bytes = fs::read(shipped().join(name)).unwrap();
        let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn the_same_seed_gives_the_same_digits() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    for name in ["a.png", "b.png"] {
        verb("sample").args(["-n", "64", "--seed", "7", "--out"]).arg(out(name)).current_dir(folder.path()).done();
    }
    assert_eq!(fs::read(out("a.png")).unwrap(), fs::read(out("b.png")).unwrap());
    let picture = image::open(out("a.png")).unwrap();
    assert!(picture.width() >= 8 * 28 && picture.height() >= 8 * 28);

    // Ink in the middle and none at the edge, as digits have it, and no two alike.
    verb("sample").args(["-n", "200", "--out"]).arg(out("digits.npy")).done();
    let digits: Array4<f32> = read_npy(out("digits.npy")).unwrap();
    assert_eq!(digits.dim(), (200, 1, 28, 28));
    let mean = digits.mean_axis(Axis(0)).unwrap();
    assert!(mean[[0, 14, 14]] > -0.5 && mean[[0, 1, 1]] < -0.95, "{mean}");
    let deviation = digits.std_axis(Axis(0), 0.0);
    assert!(deviation[[0, 14, 14]] > 0.3);
}

#[test]
fn digits_turn_into_others_without_a_jump() {
    let folder = tempfile::tempdir().unwrap();
    for path in ["line", "circle"] {
        let ratios = |steps: &str| -> Vec<[f64; 2]> {
            let out = folder.path().join(format!("{path}-{steps}.gif"));
            let call = verb("interpolate").args(["--rows", "4", "--steps", steps, "--path", path, "--json", "--out"]);
            let (lines, _) = call.arg(&out).done();
            assert!(fs::read(out).unwrap().starts_with(b"GIF89a"));
            let ratio = |line: &str| {
                let found: serde_json::Value = serde_json::from_str(line).unwrap();
                ["latents", "pixels"].map(|of| found[of]["ratio"].as_f64().unwrap())
            };
            lines.lines().map(ratio).collect()
        };
        // Where something jumps, ten times as many steps make the ratio ten times as large.
        let (coarse, fine) = (ratios("20"), ratios("200"));
        assert_eq!((coarse.len(), fine.len()), (4, 4));
        for (coarse, fine) in coarse.iter().zip(&fine) {
            for (coarse, fine) in coarse.iter().zip(fine) {
                assert!((1.0..8.0).contains(coarse) && *fine < 3.0 * coarse, "{path}: {coarse} {fine}");
            }
        }
    }
}

#[test]
fn digits_survive_the_autoencoder_and_can_be_measured() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    verb("sample").args(["-n", "50", "--out"]).arg(out("digits.npy")).done();
    verb("encode").arg("--images").arg(out("digits.npy")).arg("--out").arg(out("latents.npy")).done();
    verb("decode").arg("--latents").arg(out("latents.npy")).arg("--out").arg(out("again.npy")).done();
    let [digits, again] = ["digits.npy", "again.npy"].map(|name| read_npy::<_, Array4<f32>>(out(name)).unwrap());
    let error = (&digits - &again).mapv(|difference| difference * difference).mean().unwrap();
    assert!(error < 0.1, "{error}");

    let (told, _) = verb("interpolate").args(["--rows", "3", "--steps", "10", "--out"]).arg(out("ways.png")).done();
    assert!(told.contains("largest step / mean step   latents   pixels") && told.contains("way 3 "), "{told}");
    let real =
        verb("interpolate").args(["--real", "--out"]).arg(out("no.png")).refused_in_one_line("no training pairs");
    assert!(real.contains("a run that was trained here") && !out("no.png").exists(), "{real}");

    // Samples of one seed against those of another: at their floor.
    for seed in ["1", "2"] {
        let name = format!("{seed}.npy");
        verb("sample").args(["-n", "1000", "--latent", "--seed", seed, "--out"]).arg(out(&name)).done();
        assert_eq!(read_npy::<_, Array2<f32>>(out(&name)).unwrap().dim(), (1000, 5));
    }
    let evaluate = gtn().args(["evaluate", "--json", "--metrics", "energy_distance,recall"]);
    let evaluate = evaluate.env_remove("GTN_DATA_DIR").arg("--real").arg(out("1.npy"));
    let (found, _) = evaluate.arg("--generated").arg(out("2.npy")).done();
    assert_eq!(found.lines().count(), 2, "{found}");
    // The weights themselves are drawn from, as latents or as images.
    for real in ["1.npy", "digits.npy"] {
        let evaluate = gtn().args(["evaluate", "--metrics", "recall", "--real"]).arg(out(real));
        let (found, _) = evaluate.arg("--generated").arg(shipped()).env_remove("GTN_DATA_DIR").done();
        assert!(found.contains("recall"), "{found}");
    }
}
