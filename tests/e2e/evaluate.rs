//! `gtn evaluate` on images, on mean and covariance, and on runs. What needs the weights of an Inception network runs if the
//! variable `GTN_INCEPTION_WEIGHTS` names a file with at least the first layers of FID's network.

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, Rgb, RgbImage};
use ndarray::{Array1, Array2, Array4, array};
use ndarray_npy::{NpzReader, NpzWriter, write_npy};
use program::{Call, gtn, toy};
use serde_json::Value;

/// A call that finds no weights.
fn evaluate(folder: &Path) -> Call {
    gtn().arg("evaluate").arg("--data-dir").arg(folder.join("no-data")).arg("--cache-dir").arg(folder.join("cache"))
}

/// The metrics of a call with `--json`, by name, and what it printed on stderr.
fn measured(call: Call) -> (Vec<(String, Value)>, String) {
    let (lines, notes) = call.arg("--json").done();
    let read = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        (value["metric"].as_str().unwrap().to_owned(), value)
    };
    (lines.lines().map(read).collect(), notes)
}

/// The only metric of a call.
fn one(call: Call) -> Value {
    let (mut lines, _) = measured(call);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0).1
}

fn write_statistics(path: &Path, mu: &Array1<f64>, sigma: &Array2<f64>) {
    let mut npz = NpzWriter::new(fs::File::create(path).unwrap());
    npz.add_array("mu", mu).unwrap();
    npz.add_array("sigma", sigma).unwrap();
    npz.finish().unwrap();
}

/// `count` colored images of a folder, which differ by `key`.
fn write_images(folder: &Path, key: u32, count: u32, side: u32) {
    fs::create_dir_all(folder).unwrap();
    for n in 0..count {
        let m = key + n;
        let value = |c: u32, y: u32, x: u32| {
            let level = (m * m * 37 + m * 11 + y * (5 + m % 3) + x * 3 + c * (m % 5) * 20) % 101;
            (level + 50 + (y / 8 + x / 8) % 2 * (m % 7) * 12) as u8
        };
        let image = RgbImage::from_fn(side, side, |x, y| Rgb([value(0, y, x), value(1, y, x), value(2, y, x)]));
        image.save(folder.join(format!("{n:05}.png"))).unwrap();
    }
}

#[test]
fn mean_and_covariance_give_fid_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    write_statistics(&out("a.npz"), &array![1.0, 2.0, 3.0], &Array2::from_diag(&array![1.0, 4.0, 0.0]));
    write_statistics(&out("b.npz"), &array![1.0, 0.0, 4.0], &Array2::from_diag(&array![9.0, 0.0, 16.0]));
    let compare = |real: &str, generated: &str| {
        evaluate(folder.path()).arg("--real").arg(out(real)).arg("--generated").arg(out(generated))
    };
    let (metrics, notes) = measured(compare("a.npz", "b.npz"));
    let [(name, fid)] = &metrics[..] else { panic!("{metrics:?}") };
    // (2² + 1²) + (1 − 3)² + 2² + 4²
    assert!(name == "fid" && (fid["value"].as_f64().unwrap() - 29.0).abs() < 1e-12, "{fid}");
    assert!(fid["floor"].is_null() && fid["samples"]["real"].is_null(), "{fid}");
    assert!(notes.contains("note: without is, kid,") && notes.contains("enough for fid alone"), "{notes}");
    compare("a.npz", "b.npz").args(["--metrics", "kid"]).refused_in_one_line("enough for fid alone");

    // Vectors of the same dimension are features.
    let rows = Array2::from_shape_fn((40, 3), |(i, k)| ((i * i * 7 + k * 5 + i) % 13) as f32);
    write_npy(out("rows.npy"), &rows).unwrap();
    let fid = one(compare("rows.npy", "b.npz"));
    assert_eq!((&fid["samples"]["real"], &fid["floor_samples"]), (&40.into(), &20.into()), "{fid}");
    assert!(fid["floor"].as_f64().unwrap() < fid["value"].as_f64().unwrap(), "{fid}");

    write_statistics(&out("wide.npz"), &Array1::zeros(4), &Array2::eye(4));
    compare("a.npz", "wide.npz").refused_in_one_line("the generated samples have 4");
    write_images(&out("images"), 0, 3, 8);
    compare("a.npz", "images").refused_in_one_line("3 values, and Inception has 64, 192, 768 or 2048 features");
    let mut npz = NpzWriter::new(fs::File::create(out("sigma.npz")).unwrap());
    npz.add_array("sigma", &Array2::<f64>::eye(3)).unwrap();
    npz.finish().unwrap();
    compare("sigma.npz", "a.npz").refused_in_one_line("it has no array `mu`");
    write_statistics(&out("negative.npz"), &Array1::zeros(3), &Array2::from_diag(&array![1.0, 1.0, -1.0]));
    compare("a.npz", "negative.npz").refused_in_one_line("negative eigenvalue");
}

#[test]
fn without_weights_images_are_compared_by_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    write_images(&out("a"), 0, 40, 8);
    write_images(&out("b"), 500, 30, 8);
    let compare = || evaluate(folder.path()).arg("--real").arg(out("a")).arg("--generated").arg(out("b"));
    let (table, notes) = compare().done();
    assert!(table.starts_with("features: values, 192 per sample\n"), "{table}");
    assert_eq!(table.lines().count(), 2 + 8, "{table}");
    assert!(table.contains("noise floor   (20 samples)"), "{table}");
    for what in ["note: without fid, kid: ", "note: without is: ", "gtn data fetch inception", "--is-weights FILE"] {
        assert!(notes.contains(what), "{notes}");
    }
    assert_eq!(compare().args(["--metrics", "all"]).done().0, table);
    let (metrics, _) = measured(compare());
    for (name, line) in &metrics {
        assert_eq!(line["samples"], serde_json::json!({ "real": 20, "generated": 20 }), "{name}");
        assert_eq!((&line["floor_samples"], &line["value_at_floor_samples"]), (&20.into(), &line["value"]), "{name}");
        assert_eq!(line["features"], "values");
    }

    let named = |metrics: &str| compare().args(["--metrics", metrics]);
    named("recall,fid").refused_in_one_line("pass --fid-weights FILE");
    named("is").refused_in_one_line("pass --is-weights FILE");
    compare().args(["--features", "inception"]).refused_in_one_line("gtn data fetch inception");
    compare().args(["--metrics", "recall", "--save-stats"]).arg(out("no.npz")).refused_in_one_line("--fid-weights");
    evaluate(folder.path()).arg("--real").arg(out("a")).refused("--generated");
    let no_generated = evaluate(folder.path()).arg("--real").arg(out("a")).arg("--save-stats").arg(out("no.npz"));
    no_generated.refused_in_one_line("--fid-weights");
    assert!(!out("no.npz").exists() && !out("cache").exists());
    compare().arg("--fid-weights").arg(out("absent.pth")).refused_in_one_line("absent.pth");
    fs::write(out("foreign.pth"), "<html>").unwrap();
    compare().arg("--fid-weights").arg(out("foreign.pth")).refused_in_one_line("foreign.pth");
}

#[test]
fn invalid_images_are_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    write_images(&out("images"), 0, 12, 8);
    let compare = |generated: &str| {
        evaluate(folder.path()).arg("--real").arg(out("images")).arg("--generated").arg(out(generated))
    };
    fs::create_dir(out("empty")).unwrap();
    compare("empty").refused_in_one_line("no .png, .jpg or .jpeg files");
    write_images(&out("one"), 0, 1, 8);
    compare("one").refused_in_one_line("one image is not enough; pass at least 2 images");
    evaluate(folder.path())
        .arg("--real")
        .arg(out("one"))
        .arg("--generated")
        .arg(out("images"))
        .refused_in_one_line("one image");
    write_images(&out("unequal"), 0, 3, 8);
    GrayImage::from_pixel(9, 8, Luma([3])).save(out("unequal/99999.png")).unwrap();
    compare("unequal").refused_in_one_line("99999.png': has 9×8 pixels");
    fs::write(out("images.zip"), "PK").unwrap();
    compare("images.zip").refused_in_one_line("images.zip");
    compare("absent").refused_in_one_line("absent");
    write_images(&out("few"), 0, 9, 8);
    compare("few").args(["--metrics", "is"]).refused_in_one_line("9 generated images are too few for the 10 splits");
    write_images(&out("large"), 0, 12, 9);
    compare("large").refused_in_one_line("(C, H, W) = (3, 9, 9); compare samples of the same kind");

    // The same lengths in another order, and values that are not from -1 to 1.
    let save = |name: &str, shape, value: &dyn Fn(usize) -> f32| {
        let images = Array4::from_shape_fn(shape, |(n, c, y, x)| value(n * 31 + c * 7 + y * 5 + x * 3));
        write_npy(out(name), &images).unwrap();
    };
    let signed = |key: usize| (key % 21) as f32 / 10.0 - 1.0;
    save("high.npy", (12, 3, 12, 8), &signed);
    save("wide.npy", (12, 3, 8, 12), &signed);
    let arrays = |real: &str, generated: &str| {
        evaluate(folder.path()).arg("--real").arg(out(real)).arg("--generated").arg(out(generated))
    };
    arrays("high.npy", "wide.npy").refused_in_one_line("in another order");
    save("unit.npy", (12, 3, 8, 12), &|key| (key % 21) as f32 / 20.0);
    let (_, notes) = arrays("wide.npy", "unit.npy").done();
    assert!(notes.contains("unit.npy are from 0 to 1;") && !notes.contains("wide.npy are from"), "{notes}");
    save("bytes.npy", (12, 3, 8, 12), &|key| (key % 256) as f32);
    arrays("wide.npy", "bytes.npy").refused_in_one_line("divide the array by 127.5 and subtract 1");

    write_npy(out("rows.npy"), &Array2::<f32>::zeros((12, 192))).unwrap();
    compare("rows.npy").args(["--metrics", "fid"]).refused_in_one_line("need images on both sides");
    let vectors = || evaluate(folder.path()).arg("--real").arg(out("rows.npy")).arg("--generated").arg(out("rows.npy"));
    vectors().args(["--metrics", "kid"]).refused_in_one_line("need images, and these samples are vectors");
    vectors().args(["--features", "inception"]).refused_in_one_line("these samples are vectors");
    vectors()
        .arg("--save-stats")
        .arg(out("no.npz"))
        .refused_in_one_line("--save-stats writes Inception features of images");
    compare("one").args(["--inception-dims", "100"]).refused("100");
}

#[test]
fn the_real_side_of_a_run_is_its_held_out_data_and_baselines_are_columns() {
    let data = toy(250);
    let out = |name: &str| data.path().join(name);
    let run = out("run");
    let choices = ["reproduce", "mnist", "--epochs", "autoencoder=2,h=4"];
    gtn().args(choices).arg("--data-dir").arg(data.path()).arg("--out").arg(&run).done();
    let compare = |generated: &Path| {
        let call = gtn().arg("evaluate").arg("--data-dir").arg(data.path()).arg("--cache-dir").arg(out("cache"));
        call.arg("--real").arg(&run).arg("--generated").arg(generated)
    };
    // 50 validation images; 25 of them are compared with as many others.
    let (table, _) = compare(&run).done();
    let (header, rows) = table.split_once("metric").unwrap();
    assert!(header.contains("real: validation images of "), "{table}");
    let titles = rows.lines().next().unwrap();
    assert!(titles.contains("decoded     gaussian      mixture   (25 samples)"), "{table}");
    let (metrics, _) = measured(compare(&run));
    assert_eq!(metrics.len(), 8);
    for (name, line) in &metrics {
        let baselines: Vec<_> = line["baselines"].as_object().unwrap().keys().collect();
        assert_eq!(baselines, ["decoded", "gaussian", "mixture"], "{name}");
        assert!(matches!(line["mixture_components"].as_u64(), Some(1 | 3 | 10)), "{line}");
    }
    // The images of `gtn sample` with the same seed are those of the run.
    gtn().arg("sample").arg(&run).args(["-n", "25", "--seed", "1", "--out"]).arg(out("samples.npy")).done();
    let energy = |generated: &Path| one(compare(generated).args(["--metrics", "energy_distance"]));
    assert_eq!(energy(&run), energy(&out("samples.npy")));
    // The validation images themselves, from the run, are what its autoencoder saw: an array of them is at distance 0.
    gtn().arg("sample").arg(&run).args(["-n", "30", "--latent", "--out"]).arg(out("latents.npy")).done();
    let (table, _) = compare(&out("latents.npy")).done();
    assert!(table.contains("features: values, 5 per sample\nreal: latents of the validation images of "), "{table}");
    // 200 training latents are too few for 30 Gaussians.
    assert!(["1", "3", "10"].iter().any(|count| table.contains(&format!("\nmixture: {count} Gaussian"))), "{table}");
    assert!(table.contains("gaussian      mixture   (25 samples)") && !table.contains("decoded"), "{table}");

    // Without the data, and with other data.
    let elsewhere = |data: &Path| {
        let call = gtn().arg("evaluate").arg("--data-dir").arg(data).arg("--cache-dir").arg(out("cache"));
        call.arg("--real").arg(&run).arg("--generated").arg(&run)
    };
    elsewhere(&out("no-data")).refused_in_one_line("mnist");
    elsewhere(toy(200).path()).refused_in_one_line("are not those that");
    fs::remove_file(run.join("latents/latents.safetensors")).unwrap();
    let (metrics, notes) = measured(compare(&run).args(["--metrics", "energy_distance"]));
    assert!(notes.contains("note: no fitted baselines: ") && notes.contains("has no latents"), "{notes}");
    assert_eq!(metrics[0].1["baselines"].as_object().unwrap().len(), 1, "{metrics:?}");
    compare(&out("latents.npy")).refused_in_one_line("has no latents");

    // Points: the validation points of the known distribution.
    let points = out("points");
    gtn().args(["reproduce", "uniform", "--limit", "2000", "--epochs", "2", "--out"]).arg(&points).done();
    let call = gtn().arg("evaluate").arg("--real").arg(&points).arg("--generated").arg(&points);
    let (table, _) = call.args(["--metrics", "recall"]).done();
    assert!(table.starts_with("features: values, 2 per sample\n"), "{table}");
}

#[test]
fn fid_agrees_with_pytorch_fid_and_features_are_stored() {
    let Some(weights) = gtn_tests::inception_weights("fid_agrees_with_pytorch_fid_and_features_are_stored") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    write_images(&out("a"), 0, 14, 40);
    write_images(&out("b"), 500, 11, 40);
    let compare = |real: &str, generated: &str| {
        let call = evaluate(folder.path()).arg("--real").arg(out(real)).arg("--generated").arg(out(generated));
        call.arg("--fid-weights").arg(&weights).args(["--inception-dims", "64"])
    };
    let value = |line: &Value| line["value"].as_f64().unwrap();

    let (metrics, notes) = measured(compare("a", "b"));
    let names: Vec<&str> = metrics.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..2], ["fid", "kid"]);
    // The Fréchet distance of these features is FID.
    assert!(names.len() == 9 && !names.contains(&"frechet_distance"), "{names:?}");
    assert!(notes.contains("fewer images than dimensions: 14 real and 11 generated images, 64 dimensions"), "{notes}");
    assert!(notes.contains("note: without is: "), "{notes}");
    let fid = &metrics[0].1;
    // pytorch-fid 0.3.0 with the same images and weights: `state_dict` of tests/golden/fid_reference.py.
    let expected = PYTORCH_FID;
    assert!((value(fid) / expected - 1.0).abs() < 1e-4, "{fid}");
    assert_eq!(fid["samples"], serde_json::json!({ "real": 14, "generated": 11 }));
    assert_eq!((&fid["features"], &fid["floor_samples"]), (&"inception-64".into(), &7.into()));
    assert!(fid["floor"].as_f64().unwrap() > 0.0 && fid["value_at_floor_samples"].as_f64().unwrap() > value(fid) * 0.5);
    assert!(metrics[1].1["std"].is_number() && metrics[1].1["floor_std"].is_number());
    assert!(metrics.iter().all(|(_, line)| line["features"] == "inception-64"));
    let (table, _) = compare("a", "b").done();
    let first = format!("features: Inception, 64 dimensions, weights {}\n", weights.display());
    assert!(table.starts_with(&first) && table.contains("14 / 11"), "{table}");

    // The second call reads the features, and a damaged file is computed again.
    let files = || -> Vec<PathBuf> {
        let entries = fs::read_dir(out("cache/features")).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries.collect();
        files.sort();
        files
    };
    let stored: Vec<_> = files().iter().map(|file| fs::read(file).unwrap()).collect();
    let modified = || files().iter().map(|file| fs::metadata(file).unwrap().modified().unwrap()).collect::<Vec<_>>();
    let before = modified();
    assert_eq!(stored.len(), 2);
    assert_eq!(&one(compare("a", "b").args(["--metrics", "fid"])), fid);
    assert_eq!(modified(), before);
    fs::write(&files()[0], &stored[0][..100]).unwrap();
    let (again, notes) = measured(compare("a", "b").args(["--metrics", "fid"]));
    assert!(&again[0].1 == fid && notes.contains("the features are computed again"), "{notes}");
    assert_eq!(files().iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>(), stored);

    // An archive of the same images has the same features, and gray images are RGB images with equal channels.
    let entries: Vec<(String, Vec<u8>)> =
        (0..14).map(|n| (format!("{n:05}.png"), fs::read(out(&format!("a/{n:05}.png"))).unwrap())).collect();
    let entries = entries.iter().map(|(name, bytes)| (name.as_str(), bytes.clone()));
    gtn_tests::write_zip(&out("a.zip"), entries).unwrap();
    assert_eq!(value(&one(compare("a.zip", "b").args(["--metrics", "fid"]))), value(fid));
    assert_eq!(files().len(), 2);
    let gray = Array4::from_shape_fn((6, 1, 20, 20), |(n, _, y, x)| ((n * 50 + y * x) % 97) as f32 / 97.0);
    write_npy(out("gray.npy"), &gray).unwrap();
    let rgb = gray.broadcast((6, 3, 20, 20)).unwrap().to_owned();
    write_npy(out("rgb.npy"), &rgb).unwrap();
    assert!(value(&one(compare("gray.npy", "rgb.npy").args(["--metrics", "fid"]))).abs() < 1e-9);

    // By values as without weights, beside FID.
    let (metrics, _) = measured(compare("a", "b").args(["--features", "values", "--metrics", "fid,recall"]));
    assert_eq!((&metrics[0].1, &metrics[1].1["features"]), (fid, &"values".into()));
}

/// FID of the images of the test above at 64 dimensions.
const PYTORCH_FID: f64 = 0.027693257347655376;

#[test]
fn statistics_are_written_and_read_and_missing_layers_are_named() {
    let Some(weights) = gtn_tests::inception_weights("statistics_are_written_and_read_and_missing_layers_are_named")
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    write_images(&out("a"), 0, 14, 40);
    write_images(&out("b"), 500, 11, 40);
    let call = || evaluate(folder.path()).arg("--fid-weights").arg(&weights);
    let fid = |real: &str, generated: &str| {
        let call = call().args(["--inception-dims", "64", "--metrics", "fid"]);
        one(call.arg("--real").arg(out(real)).arg("--generated").arg(out(generated)))
    };
    let save = || call().args(["--inception-dims", "64", "--real"]).arg(out("a")).arg("--save-stats").arg(out("a.npz"));
    let (printed, _) = save().done();
    assert_eq!(printed.trim_end(), out("a.npz").display().to_string());
    save().refused_in_one_line("already exists");
    save().arg("--force").done();
    let mut npz = NpzReader::new(fs::File::open(out("a.npz")).unwrap()).unwrap();
    let mu: Array1<f64> = npz.by_name("mu").unwrap();
    let sigma: Array2<f64> = npz.by_name("sigma").unwrap();
    assert_eq!((mu.len(), sigma.dim()), (64, (64, 64)));
    let (of_images, of_file) = (fid("a", "b"), fid("a.npz", "b"));
    assert_eq!(of_images["value"], of_file["value"]);
    assert!(of_file["floor"].is_null() && of_file["samples"]["real"].is_null(), "{of_file}");
    let turned = fid("b", "a.npz");
    assert!((turned["value"].as_f64().unwrap() / of_file["value"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    assert!(turned["floor"].is_number() && turned["value_at_floor_samples"].is_null(), "{turned}");
    // The file decides on the layer.
    let default = call().arg("--real").arg(out("a.npz")).arg("--generated").arg(out("b"));
    assert_eq!(one(default)["features"], "inception-64");
    let other = call().args(["--inception-dims", "192", "--real"]).arg(out("a.npz")).arg("--generated").arg(out("b"));
    other.refused_in_one_line("--inception-dims 192 does not fit");

    // All 2048 features need layers that these weights may lack.
    let all = || call().arg("--real").arg(out("a")).arg("--generated").arg(out("b"));
    let (_, notes) = all().args(["--metrics", "all", "--features", "values"]).done();
    if notes.contains("lacks") {
        assert!(
            notes.contains("which its output 2048 needs; pass complete weights, or fewer --inception-dims"),
            "{notes}"
        );
        all().args(["--metrics", "fid"]).refused_in_one_line("lacks `");
    }
    all()
        .args(["--metrics", "is"])
        .arg("--is-weights")
        .arg(&weights)
        .refused_in_one_line(&weights.display().to_string());
}

#[test]
fn latents_of_a_run_are_compared_with_all_held_out_ones() {
    let data = toy(250);
    // A few images of the toy data repeat; those of the test set differ.
    gtn_tests::write_toy_test_set(&data.path().join("mnist"), 40).unwrap();
    let out = |name: &str| data.path().join(name);
    let run = out("run");
    let choices = ["reproduce", "mnist", "--epochs", "autoencoder=2,h=4"];
    gtn().args(choices).arg("--data-dir").arg(data.path()).arg("--out").arg(&run).done();
    let compare = |generated: &Path| {
        gtn().args(["evaluate", "--latent"]).arg("--real").arg(&run).arg("--generated").arg(generated)
    };
    let (table, _) = compare(&run).done();
    assert!(table.contains("features: latents, 5 per sample\nreal: latents of the validation images of "), "{table}");
    assert!(table.contains("\nmixture: ") && table.contains("gaussian      mixture   (50 samples)"), "{table}");
    let (metrics, _) = measured(compare(&run).args(["-n", "40", "--neighbors", "4"]));
    let names: Vec<_> = metrics.iter().map(|(name, _)| name.as_str()).collect();
    let always =
        ["frechet_distance", "energy_distance", "sliced_wasserstein", "precision", "recall", "density", "coverage"];
    assert_eq!(names[..7], always);
    for (name, line) in &metrics {
        assert_eq!(
            (line["samples"]["generated"].as_u64(), line["floor_samples"].as_u64()),
            (Some(40), Some(40)),
            "{name}"
        );
        assert_eq!(line["baselines"].as_object().unwrap().len(), 2, "{name}");
    }
    // The latents of `gtn sample` with the same seed are those of the run, and a different k changes the coverage.
    gtn().arg("sample").arg(&run).args(["-n", "50", "--seed", "1", "--latent", "--out"]).arg(out("latents.npy")).done();
    let of = |generated: &Path, k: &str| one(compare(generated).args(["--metrics", "density", "--neighbors", k]));
    assert_eq!(of(&run, "5"), of(&out("latents.npy"), "5"));
    assert_ne!(of(&run, "5")["value"], of(&run, "20")["value"]);
    // The official test set, whose images are not training images.
    let (metrics, notes) = measured(compare(&run).args(["--split", "test", "--metrics", "nn_distance_ratio,recall"]));
    assert_eq!((metrics.len(), notes.as_str()), (2, ""), "{metrics:?}");
    assert_eq!(metrics[0].1["floor_samples"], 40);

    compare(&run).args(["-n", "51"]).refused_in_one_line("pass at most 50");
    compare(&run).args(["-n", "5"]).refused_in_one_line("too few");
    compare(&run).args(["--neighbors", "0"]).refused_in_one_line("pass at least 1");
    compare(&run).args(["--metrics", "fid"]).refused_in_one_line("need images");
    compare(&out("absent.npy")).refused_in_one_line("absent.npy");
    let pixels = gtn().arg("evaluate").arg("--real").arg(&run).arg("--generated").arg(&run);
    pixels.args(["--metrics", "nn_distance_ratio"]).refused_in_one_line("pass --latent");
    let no_run = gtn().args(["evaluate", "--latent", "--real"]).arg(out("latents.npy"));
    no_run.arg("--generated").arg(&run).refused_in_one_line("is not one");
}
