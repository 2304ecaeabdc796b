//! Commands on a trained run: interpolate, encode, decode, evaluate.

mod program;

use std::fs;
use std::path::Path;

use ndarray::{Array2, Array4, Axis, s};
use ndarray_npy::{read_npy, write_npy};
use program::{Call, gtn, toy};

fn on_run(command: &str, run: &Path) -> Call {
    gtn().arg(command).arg(run)
}

#[test]
fn images_are_encoded_and_latents_are_decoded() {
    let data = toy(200);
    let out = |name: &str| data.path().join(name);
    let run = out("run");
    let reproduce = |run: &Path, protocol: &str| {
        let choices = ["reproduce", "mnist", "--limit", "150", "--epochs", "autoencoder=2,h=2", "--protocol", protocol];
        gtn().args(choices).arg("--data-dir").arg(data.path()).arg("--out").arg(run).done();
    };
    reproduce(&run, "paper");

    // Samples as an array and as files encode to nearly the same latents, because files have 8 bits.
    for (ending, name) in [("npy", "a.npy"), ("", "folder")] {
        on_run("sample", &run).args(["-n", "6", "--out"]).arg(out(name)).done();
        let latents = out(&format!("latents-{ending}.npy"));
        on_run("encode", &run).arg("--images").arg(out(name)).arg("--out").arg(latents).done();
    }
    let read = |name: &str| read_npy::<_, Array2<f32>>(out(name)).unwrap();
    let (exact, rounded) = (read("latents-npy.npy"), read("latents-.npy"));
    assert_eq!((exact.dim(), rounded.dim()), ((6, 5), (6, 5)));
    assert!((&exact - &rounded).iter().all(|difference| difference.abs() < 0.05), "{exact} {rounded}");

    // An archive of the files, and JPEG files, encode to the same or nearly the same latents.
    let png = |n: usize| fs::read(out(&format!("folder/{n:05}.png"))).unwrap();
    let entries: Vec<(String, Vec<u8>)> = (0..6).map(|n| (format!("samples/{n}.png"), png(n))).collect();
    let entries = entries.iter().map(|(name, bytes)| (name.as_str(), bytes.clone()));
    gtn_tests::write_zip(&out("images.zip"), entries).unwrap();
    fs::create_dir(out("jpeg")).unwrap();
    (0..6).for_each(|n| image::load_from_memory(&png(n)).unwrap().save(out(&format!("jpeg/{n}.jpg"))).unwrap());
    for name in ["images.zip", "jpeg"] {
        let latents = out(&format!("{name}.npy"));
        on_run("encode", &run).arg("--images").arg(out(name)).arg("--out").arg(latents).done();
    }
    assert_eq!(read("images.zip.npy"), rounded);
    assert_eq!(read("jpeg.npy").dim(), (6, 5));

    // Decoding the output of `sample --latent` gives the output of `sample`.
    on_run("sample", &run).args(["-n", "6", "--latent", "--out"]).arg(out("latent.npy")).done();
    on_run("decode", &run).arg("--latents").arg(out("latent.npy")).arg("--out").arg(out("b.npy")).done();
    assert_eq!(fs::read(out("a.npy")).unwrap(), fs::read(out("b.npy")).unwrap());
    on_run("decode", &run).arg("--latents").arg(out("latent.npy")).arg("--out").arg(out("b.png")).done();

    // With the other protocol, the encoder comes from the last epoch.
    let repo = out("repo");
    reproduce(&repo, "repo");
    on_run("encode", &repo).arg("--images").arg(out("a.npy")).arg("--out").arg(out("c.npy")).done();
    assert_eq!(read("c.npy").dim(), (6, 5));

    // Arrays of other shapes are refused.
    write_npy(out("small.npy"), &Array4::<f32>::zeros((2, 1, 14, 14))).unwrap();
    write_npy(out("narrow.npy"), &Array2::<f32>::zeros((2, 4))).unwrap();
    let encode = |images: &str| on_run("encode", &run).arg("--images").arg(out(images)).arg("--out").arg(out("no.npy"));
    encode("small.npy").refused_in_one_line("(1, 14, 14)");
    encode("narrow.npy").refused_in_one_line("(n, C, H, W)");
    encode("absent.png").refused_in_one_line("absent.png");
    encode("a.npy").arg("--out").refused("--out");
    let decode =
        |latents: &str| on_run("decode", &run).arg("--latents").arg(out(latents)).arg("--out").arg(out("no.npy"));
    decode("narrow.npy").refused_in_one_line("got shape (2, 4)");
    decode("a.npy").refused_in_one_line("2-D array");
    assert!(!out("no.npy").exists());

    // The autoencoder is enough, as long as ĥ is not trained.
    fs::remove_file(run.join("checkpoints/h.best.safetensors")).unwrap();
    on_run("encode", &run).arg("--images").arg(out("a.npy")).arg("--out").arg(out("early.npy")).done();
    assert_eq!(read("early.npy"), exact);
}

#[test]
fn interpolations_connect_their_endpoints() {
    let data = toy(200);
    let out = |name: &str| data.path().join(name);
    let run = out("run");
    let choices = ["reproduce", "mnist", "--limit", "150", "--epochs", "1", "--data-dir"];
    gtn().args(choices).arg(data.path()).arg("--out").arg(&run).done();
    let interpolate = |name: &str, more: &[&str]| {
        let call = on_run("interpolate", &run).args(["--rows", "3", "--steps", "4"]).args(more);
        call.arg("--out").arg(out(name)).done();
    };
    interpolate("a.npy", &[]);
    interpolate("b.npy", &[]);
    interpolate("c.npy", &["--seed", "2"]);
    interpolate("spherical.npy", &["--interpolation", "spherical"]);
    let bytes = |name: &str| fs::read(out(name)).unwrap();
    assert_eq!(bytes("a.npy"), bytes("b.npy"));
    assert_ne!(bytes("a.npy"), bytes("c.npy"));
    let read = |name: &str| read_npy::<_, Array4<f32>>(out(name)).unwrap();
    let (linear, spherical) = (read("a.npy"), read("spherical.npy"));
    assert_eq!(linear.dim(), (12, 1, 28, 28));
    // Both kinds of interpolation have the same endpoints and differ between them.
    for end in [0, 3, 4, 7, 8, 11] {
        let of = |images: &Array4<f32>| images.index_axis(Axis(0), end).to_owned();
        assert!((of(&linear) - of(&spherical)).iter().all(|difference| difference.abs() < 1e-4), "{end}");
    }
    assert_ne!(linear, spherical);
    // Between training images, which are shown at both ends of each row.
    interpolate("real.npy", &["--real"]);
    let real = read("real.npy");
    assert_eq!(real.dim(), (18, 1, 28, 28));
    interpolate("interpolations.png", &["--real"]);
    let grid = image::open(out("interpolations.png")).unwrap();
    assert_eq!((grid.width(), grid.height()), (6 * 28 + 5 * 2, 3 * 28 + 2 * 2));
    assert!(real.slice(s![..1, .., .., ..]).iter().all(|value| (-1.0..=1.0).contains(value)));

    // As an animation, forth and back, each interpolation is three tiles wide: it moves between its two training images.
    interpolate("interpolations.gif", &["--real"]);
    let (size, frames) = read_gif(&bytes("interpolations.gif"));
    assert_eq!((size, frames.len()), ((4 * (3 * 28 + 2 * 2), 4 * (3 * 28 + 2 * 2)), 4 + 2));
    let gray = |value: f32| ((f64::from(value) + 1.0) * 127.5).round() as i64;
    for (frame, step) in frames.iter().zip([0, 1, 2, 3, 2, 1]) {
        for row in 0..3 {
            for (tile, image) in [row * 6, row * 6 + 1 + step, row * 6 + 5].into_iter().enumerate() {
                for (y, x) in [(3, 5), (14, 14), (20, 11)] {
                    let at = (4 * (row * 30 + y) + 1) * size.0 + 4 * (tile * 30 + x) + 1;
                    assert!((i64::from(frame[at]) - gray(real[[image, 0, y, x]])).abs() <= 1, "{row} {tile} {y} {x}");
                }
            }
        }
    }
    let again = on_run("interpolate", &run).arg("--out").arg(out("interpolations.gif"));
    again.refused_in_one_line("--force");
    interpolate("interpolations.gif", &["--force"]);
    assert_eq!(read_gif(&bytes("interpolations.gif")).0, (4 * (2 * 28 + 2), 4 * (2 * 28 + 2)));
    on_run("sample", &run).arg("--out").arg(out("no.gif")).refused_in_one_line(".png or .npy");
    on_run("interpolate", &run).arg("--out").arg(out("no.bmp")).refused_in_one_line(".png, .gif or .npy");
    on_run("interpolate", &run)
        .args(["--rows", "600", "--out"])
        .arg(out("no.gif"))
        .refused_in_one_line("do not fit into one image");

    let refused = |more: &[&str]| on_run("interpolate", &run).args(more).arg("--out").arg(out("no.npy"));
    refused(&["--rows", "0"]).refused("0");
    refused(&["--steps", "1"]).refused("1");
    refused(&["--rows", "100", "--real"]).refused_in_one_line("cannot draw 200 pairs");

    // A run on points generates vectors and has no autoencoder.
    let roll = out("roll");
    gtn().args(["reproduce", "swiss-roll", "--limit", "500", "--epochs", "1", "--out"]).arg(&roll).done();
    on_run("interpolate", &roll).args(["--steps", "5", "--rows", "2", "--out"]).arg(out("roll.npy")).done();
    assert_eq!(read_npy::<_, Array2<f32>>(out("roll.npy")).unwrap().dim(), (10, 1));
    on_run("interpolate", &roll).arg("--out").arg(out("no.gif")).refused_in_one_line(".npy");
    on_run("interpolate", &roll).arg("--real").arg("--out").arg(out("no.npy")).refused_in_one_line("no autoencoder");
    on_run("encode", &roll).arg("--images").arg(out("a.npy")).arg("--out").arg(out("no.npy")).refused("no autoencoder");
    on_run("decode", &roll)
        .arg("--latents")
        .arg(out("roll.npy"))
        .arg("--out")
        .arg(out("no.npy"))
        .refused("no autoencoder");
    assert!(!out("no.npy").exists());
}

/// Width and height of a gray GIF, and the pixels of its frames.
fn read_gif(gif: &[u8]) -> ((usize, usize), Vec<Vec<u8>>) {
    let mut decoder = gif::DecodeOptions::new().read_info(gif).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        frames.push(frame.buffer.to_vec());
    }
    assert_eq!(decoder.repeat(), gif::Repeat::Infinite);
    ((usize::from(decoder.width()), usize::from(decoder.height())), frames)
}

#[test]
fn step_lengths_are_printed_for_each_interpolation() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let roll = out("roll");
    gtn().args(["reproduce", "swiss-roll", "--limit", "500", "--epochs", "1", "--out"]).arg(&roll).done();
    let interpolate = |name: &str, more: &[&str]| {
        let call = on_run("interpolate", &roll).args(["--steps", "30", "--rows", "3"]).args(more);
        call.arg("--out").arg(out(name)).done().0
    };
    let lines = interpolate("a.npy", &["--json"]);
    let samples = read_npy::<_, Array2<f32>>(out("a.npy")).unwrap();
    assert_eq!(lines.lines().count(), 3, "{lines}");
    for (row, line) in lines.lines().enumerate() {
        let found: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&found["interpolation"], &found["steps"]), (&(row + 1).into(), &29.into()));
        assert!(found["pixels"].is_null() && found.get("latents").is_none(), "{found}");
        // The definition, applied to the output.
        let samples = samples.slice(s![30 * row..30 * (row + 1), 0]);
        let steps: Vec<f64> = samples.windows(2).into_iter().map(|pair| f64::from(pair[1] - pair[0]).abs()).collect();
        let largest = steps.iter().copied().fold(0.0, f64::max);
        let mean = steps.iter().sum::<f64>() / 29.0;
        for (name, expected) in [("largest_step", largest), ("mean_step", mean), ("ratio", largest / mean)] {
            let value = found["samples"][name].as_f64().unwrap();
            assert!((value - expected).abs() < 1e-5 * expected, "{name}: {value} {expected}");
        }
    }
    let table = interpolate("b.npy", &[]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines.len(), lines[0]), (5, out("b.npy").to_str().unwrap()));
    assert!(
        lines[1].contains("largest step / mean step   samples") && lines[4].starts_with("interpolation 3 "),
        "{table}"
    );
}

#[test]
fn images_in_files_and_in_arrays_are_compared_by_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let level = |n: u32, y: u32, x: u32| ((n * n * 37 + n * 11 + y * 5 + x * 3) % 101 + 50) as u8;
    let scaled = |level: u8| (f32::from(level) / 255.0 - 0.5) / 0.5;
    fs::create_dir(out("real")).unwrap();
    for n in 0..40 {
        let image = image::GrayImage::from_fn(6, 6, |x, y| image::Luma([level(n, y, x)]));
        image.save(out(&format!("real/{n:05}.png"))).unwrap();
    }
    let array = |first: usize| {
        Array4::from_shape_fn((30, 1, 6, 6), |(n, _, y, x)| scaled(level((first + n) as u32, y as u32, x as u32)))
    };
    write_npy(out("same.npy"), &array(0)).unwrap();
    write_npy(out("other.npy"), &array(500)).unwrap();
    write_npy(out("bright.npy"), &array(500).mapv(|value| 0.5 * value + 0.5)).unwrap();
    let rows = Array2::from_shape_vec((30, 36), array(500).into_iter().collect()).unwrap();
    write_npy(out("rows.npy"), &rows).unwrap();
    let evaluate = |generated: &str| {
        let call = gtn().arg("evaluate").arg("--real").arg(out("real")).arg("--generated").arg(out(generated));
        let (lines, _) = call.args(["--json", "--metrics", "energy_distance"]).done();
        serde_json::from_str::<serde_json::Value>(&lines).unwrap()["value"].as_f64().unwrap()
    };
    // Images and rows of their pixels give the same value, and brighter images give another one.
    assert_eq!(evaluate("other.npy"), evaluate("rows.npy"));
    assert!(evaluate("bright.npy") > 2.0 * evaluate("other.npy"));
    assert!(evaluate("same.npy") < evaluate("bright.npy"));
    write_npy(out("large.npy"), &Array4::<f32>::zeros((30, 1, 7, 7))).unwrap();
    let call = gtn().arg("evaluate").arg("--real").arg(out("real")).arg("--generated").arg(out("large.npy"));
    call.refused_in_one_line("(C, H, W) = (1, 7, 7); compare samples of the same kind");
}

#[test]
fn metrics_have_a_noise_floor() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let run = out("run");
    gtn().args(["reproduce", "uniform", "--limit", "2000", "--epochs", "2", "--out"]).arg(&run).done();
    on_run("sample", &run).args(["-n", "400", "--out"]).arg(out("a.npy")).done();
    on_run("sample", &run).args(["-n", "300", "--seed", "2", "--out"]).arg(out("b.npy")).done();
    let far = &read_npy::<_, Array2<f32>>(out("b.npy")).unwrap() + 5.0;
    write_npy(out("far.npy"), &far).unwrap();
    let evaluate =
        |generated: &str| gtn().arg("evaluate").arg("--real").arg(out("a.npy")).arg("--generated").arg(out(generated));
    let found = |generated: &str| -> Vec<(String, f64, f64)> {
        let (lines, _) = evaluate(generated).arg("--json").done();
        let read = |line: &str| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["samples"], serde_json::json!({ "real": 200, "generated": 200 }));
            let number = |name: &str| value[name].as_f64().unwrap();
            (value["metric"].as_str().unwrap().to_owned(), number("value"), number("floor"))
        };
        lines.lines().map(read).collect()
    };
    let (near, away) = (found("b.npy"), found("far.npy"));
    assert_eq!((near.len(), away.len()), (8, 8));
    for ((name, near, floor), (_, away, floor_of_away)) in near.iter().zip(&away) {
        assert_eq!(floor, floor_of_away, "{name}");
        match name.as_str() {
            "precision" | "recall" | "density" | "coverage" => assert!(*near > 0.5 && *away == 0.0, "{name}"),
            "variance_kept" => assert!((near - away).abs() < 1e-4, "{name}"),
            _ => assert!(*away > 2.0 && *near < 0.2, "{name}: {near} {away}"),
        }
    }
    let (table, _) = evaluate("b.npy").args(["--metrics", "recall,energy_distance"]).done();
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.starts_with("features: values, 2 per sample\n"), "{table}");
    assert!(table.contains("(200 samples)") && table.contains("noise floor"));

    // Samples of a run are those that `gtn sample` draws with the same seed, as many as can be compared.
    on_run("sample", &run).args(["-n", "200", "--seed", "3", "--out"]).arg(out("c.npy")).done();
    let by_seed = |generated: &str| evaluate(generated).args(["--seed", "3", "--metrics", "energy_distance"]).done().0;
    assert_eq!(by_seed("run"), by_seed("c.npy"));

    write_npy(out("wide.npy"), &Array2::<f32>::zeros((300, 3))).unwrap();
    evaluate("wide.npy").refused_in_one_line("has 3 values per sample; compare samples of the same kind");
    write_npy(out("few.npy"), &Array2::<f32>::zeros((5, 2))).unwrap();
    evaluate("few.npy").refused_in_one_line("too few");
    write_npy(out("nan.npy"), &Array2::from_elem((300, 2), f32::NAN)).unwrap();
    evaluate("nan.npy").refused_in_one_line("not finite");
    evaluate("b.npy").args(["--metrics", "beauty"]).refused("beauty");
}
