//! `gtn dimension`: estimates of the intrinsic dimension of images and vectors.

mod program;

use std::path::Path;

use ndarray::{Array2, arr1};
use program::gtn;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A surface in five dimensions.
fn surface(path: &Path) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut x = Array2::zeros((1500, 5));
    for mut row in x.outer_iter_mut() {
        let (a, b): (f32, f32) = (rng.random(), rng.random());
        row.assign(&arr1(&[a, b, a * b, (3.0 * a).sin(), (3.0 * b).cos()]));
    }
    ndarray_npy::write_npy(path, &x).unwrap();
}

#[test]
fn a_surface_has_two_dimensions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    surface(&path);
    let call = || gtn().args(["dimension", "--latents"]).arg(&path);
    let (stdout, stderr) = call().done();
    assert!(stdout.contains("TwoNN") && stdout.contains("local PCA"), "{stdout}");
    assert!(stderr.contains("1,500 rows of 5 values"), "{stderr}");
    let (json, _) = call().arg("--json").done();
    let values: Vec<f64> = json
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let [low, value, high] = ["low", "value", "high"].map(|key| line[key].as_f64().unwrap());
            assert!(low <= value && value <= high, "{line}");
            value
        })
        .collect();
    assert_eq!(values.len(), 5);
    assert!(values.iter().all(|value| (1.7..2.6).contains(value)), "{values:?}");
    // The same seed gives the same intervals.
    assert_eq!(call().arg("--json").done().0, json);
    call().args(["--neighbors", "5000"]).refused_in_one_line("5000");
    gtn().arg("dimension").refused("--latents");
}
