//! The verbs on a trained run of images: interpolate, encode, decode.

mod program;

use std::fs;
use std::path::Path;

use ndarray::{Array2, Array4, Axis, s};
use ndarray_npy::{read_npy, write_npy};
use program::{Call, gtn, toy};

fn verb(verb: &str, run: &Path) -> Call {
    gtn().arg(verb).arg(run)
}

#[test]
fn images_become_latents_and_latents_images() {
    let data = toy(200);
    let out = |name: &str| data.path().join(name);
    let run = out("run");
    let reproduce = |run: &Path, protocol: &str| {
        let choices = ["reproduce", "mnist", "--limit", "150", "--epochs", "autoencoder=2,h=2", "--protocol", protocol];
        gtn().args(choices).arg("--data-dir").arg(data.path()).arg("--out").arg(run).done();
    };
    reproduce(&run, "paper");

    // Samples as an array and as files are the same images; encoded, nearly the same latents (files hold 8 bits).
    for (ending, name) in [("npy", "a.npy"), ("", "folder")] {
        verb("sample", &run).args(["-n", "6", "--out"]).arg(out(name)).done();
        let latents = out(&format!("latents-{ending}.npy"));
        verb("encode", &run).arg("--images").arg(out(name)).arg("--out").arg(latents).done();
    }
    let read = |name: &str| read_npy::<_, Array2<f32>>(out(name)).unwrap();
    let (exact, rounded) = (read("latents-npy.npy"), read("latents-.npy"));
    assert_eq!((exact.dim(), rounded.dim()), ((6, 5), (6, 5)));
    assert!((&exact - &rounded).iter().all(|difference| difference.abs() < 0.05), "{exact} {rounded}");

    // What `sample --latent` gives decodes to what `sample` gives.
    verb("sample", &run).args(["-n", "6", "--latent", "--out"]).arg(out("latent.npy")).done();
    verb("decode", &run).arg("--latents").arg(out("latent.npy")).arg("--out").arg(out("b.npy")).done();
    assert_eq!(fs::read(out("a.npy")).unwrap(), fs::read(out("b.npy")).unwrap());
    verb("decode", &run).arg("--latents").arg(out("latent.npy")).arg("--out").arg(out("b.png")).done();

    // Under the other protocol the encoder is the one that made the run's latents.
    let repo = out("repo");
    reproduce(&repo, "repo");
    verb("encode", &repo).arg("--images").arg(out("a.npy")).arg("--out").arg(out("c.npy")).done();
    assert_eq!(read("c.npy").dim(), (6, 5));

    // What does not fit is refused.
    write_npy(out("small.npy"), &Array4::<f32>::zeros((2, 1, 14, 14))).unwrap();
    write_npy(out("narrow.npy"), &Array2::<f32>::zeros((2, 4))).unwrap();
    let encode = |images: &str| verb("encode", &run).arg("--images").arg(out(images)).arg("--out").arg(out("no.npy"));
    encode("small.npy").refused_in_one_line("14×14");
    encode("narrow.npy").refused_in_one_line("(n, C, H, W)");
    encode("absent.png").refused_in_one_line("absent.png");
    encode("a.npy").arg("--out").refused("--out");
    let decode =
        |latents: &str| verb("decode", &run).arg("--latents").arg(out(latents)).arg("--out").arg(out("no.npy"));
    decode("narrow.npy").refused_in_one_line("4 columns");
    decode("a.npy").refused_in_one_line("4 dimensions");
    assert!(!out("no.npy").exists());
}

#[test]
fn a_way_from_one_image_to_another() {
    let data = toy(200);
    let out = |name: &str| data.path().join(name);
    let run = out("run");
    let choices = ["reproduce", "mnist", "--limit", "150", "--epochs", "1", "--data-dir"];
    gtn().args(choices).arg(data.path()).arg("--out").arg(&run).done();
    let ways = |name: &str, more: &[&str]| {
        let call = verb("interpolate", &run).args(["--rows", "3", "--steps", "4"]).args(more);
        call.arg("--out").arg(out(name)).done();
    };
    ways("a.npy", &[]);
    ways("b.npy", &[]);
    ways("c.npy", &["--seed", "2"]);
    ways("circle.npy", &["--path", "circle"]);
    let bytes = |name: &str| fs::read(out(name)).unwrap();
    assert_eq!(bytes("a.npy"), bytes("b.npy"));
    assert_ne!(bytes("a.npy"), bytes("c.npy"));
    let read = |name: &str| read_npy::<_, Array4<f32>>(out(name)).unwrap();
    let (line, circle) = (read("a.npy"), read("circle.npy"));
    assert_eq!(line.dim(), (12, 1, 28, 28));
    // The ends are the same by both ways, and what lies between is not.
    for end in [0, 3, 4, 7, 8, 11] {
        let of = |ways: &Array4<f32>| ways.index_axis(Axis(0), end).to_owned();
        assert!((of(&line) - of(&circle)).iter().all(|difference| difference.abs() < 1e-4), "{end}");
    }
    assert_ne!(line, circle);
    // Between training images: these stand at both ends, so that a row has two more.
    ways("real.npy", &["--real"]);
    let real = read("real.npy");
    assert_eq!(real.dim(), (18, 1, 28, 28));
    ways("ways.png", &["--real"]);
    let picture = image::open(out("ways.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (6 * 28 + 5 * 2, 3 * 28 + 2 * 2));
    assert!(real.slice(s![..1, .., .., ..]).iter().all(|value| (-1.0..=1.0).contains(value)));

    // Moving: the three ways with their ends still beside them, three tiles wide each, forth and back.
    ways("ways.gif", &["--real"]);
    let (size, frames) = animation(&bytes("ways.gif"));
    assert_eq!((size, frames.len()), ((4 * (3 * 28 + 2 * 2), 4 * (3 * 28 + 2 * 2)), 4 + 2));
    let gray = |value: f32| ((f64::from(value) + 1.0) * 127.5).round() as i64;
    for (frame, step) in frames.iter().zip([0, 1, 2, 3, 2, 1]) {
        for way in 0..3 {
            for (tile, image) in [way * 6, way * 6 + 1 + step, way * 6 + 5].into_iter().enumerate() {
                for (y, x) in [(3, 5), (14, 14), (20, 11)] {
                    let at = (4 * (way * 30 + y) + 1) * size.0 + 4 * (tile * 30 + x) + 1;
                    assert!((i64::from(frame[at]) - gray(real[[image, 0, y, x]])).abs() <= 1, "{way} {tile} {y} {x}");
                }
            }
        }
    }
    let again = verb("interpolate", &run).arg("--out").arg(out("ways.gif"));
    again.refused_in_one_line("--force");
    ways("ways.gif", &["--force"]);
    assert_eq!(animation(&bytes("ways.gif")).0, (4 * (2 * 28 + 2), 4 * (2 * 28 + 2)));
    verb("sample", &run).arg("--out").arg(out("no.gif")).refused_in_one_line(".png or .npy");
    verb("interpolate", &run).arg("--out").arg(out("no.bmp")).refused_in_one_line(".png, .gif or .npy");
    verb("interpolate", &run).args(["--rows", "600", "--out"]).arg(out("no.gif")).refused_in_one_line("too many");

    let refused = |more: &[&str]| verb("interpolate", &run).args(more).arg("--out").arg(out("no.npy"));
    refused(&["--rows", "0"]).refused("0");
    refused(&["--steps", "1"]).refused("1");
    refused(&["--rows", "100", "--real"]).refused_in_one_line("200 pairs are more than");

    // On a run without images: vectors, and no autoencoder.
    let roll = out("roll");
    gtn().args(["reproduce", "swiss-roll", "--limit", "500", "--epochs", "1", "--out"]).arg(&roll).done();
    verb("interpolate", &roll).args(["--steps", "5", "--rows", "2", "--out"]).arg(out("roll.npy")).done();
    assert_eq!(read_npy::<_, Array2<f32>>(out("roll.npy")).unwrap().dim(), (10, 1));
    verb("interpolate", &roll).arg("--out").arg(out("no.gif")).refused_in_one_line(".npy");
    verb("interpolate", &roll).arg("--real").arg("--out").arg(out("no.npy")).refused_in_one_line("no autoencoder");
    verb("encode", &roll).arg("--images").arg(out("a.npy")).arg("--out").arg(out("no.npy")).refused("no autoencoder");
    verb("decode", &roll)
        .arg("--latents")
        .arg(out("roll.npy"))
        .arg("--out")
        .arg(out("no.npy"))
        .refused("no autoencoder");
    assert!(!out("no.npy").exists());
}

/// Width and height of a GIF of grays, and the levels of its frames.
fn animation(gif: &[u8]) -> ((usize, usize), Vec<Vec<u8>>) {
    let mut decoder = gif::DecodeOptions::new().read_info(gif).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        frames.push(frame.buffer.to_vec());
    }
    assert_eq!(decoder.repeat(), gif::Repeat::Infinite);
    ((usize::from(decoder.width()), usize::from(decoder.height())), frames)
}

#[test]
fn how_evenly_a_way_goes_is_told_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let roll = out("roll");
    gtn().args(["reproduce", "swiss-roll", "--limit", "500", "--epochs", "1", "--out"]).arg(&roll).done();
    let ways = |name: &str, more: &[&str]| {
        let call = verb("interpolate", &roll).args(["--steps", "30", "--rows", "3"]).args(more);
        call.arg("--out").arg(out(name)).done().0
    };
    let lines = ways("a.npy", &["--json"]);
    let made = read_npy::<_, Array2<f32>>(out("a.npy")).unwrap();
    assert_eq!(lines.lines().count(), 3, "{lines}");
    for (row, line) in lines.lines().enumerate() {
        let found: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&found["way"], &found["steps"]), (&(row + 1).into(), &29.into()));
        assert!(found["pixels"].is_null() && found.get("latents").is_none(), "{found}");
        // By the definition, from what was written.
        let way = made.slice(s![30 * row..30 * (row + 1), 0]);
        let steps: Vec<f64> = way.windows(2).into_iter().map(|pair| f64::from(pair[1] - pair[0]).abs()).collect();
        let largest = steps.iter().copied().fold(0.0, f64::max);
        let mean = steps.iter().sum::<f64>() / 29.0;
        for (name, expected) in [("largest_step", largest), ("mean_step", mean), ("ratio", largest / mean)] {
            let told = found["samples"][name].as_f64().unwrap();
            assert!((told - expected).abs() < 1e-5 * expected, "{name}: {told} {expected}");
        }
    }
    let table = ways("b.npy", &[]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines.len(), lines[0]), (5, out("b.npy").to_str().unwrap()));
    assert!(lines[1].contains("largest step / mean step   samples") && lines[4].starts_with("way 3 "), "{table}");
}

#[test]
fn images_are_measured_pixel_by_pixel_from_files_and_from_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let level = |n: u32, y: u32, x: u32| ((n * n * 37 + n * 11 + y * 5 + x * 3) % 101 + 50) as u8;
    let scaled = |level: u8| (f32::from(level) / 255.0 - 0.5) / 0.5;
    fs::create_dir(out("real")).unwrap();
    for n in 0..40 {
        let picture = image::GrayImage::from_fn(6, 6, |x, y| image::Luma([level(n, y, x)]));
        picture.save(out(&format!("real/{n:05}.png"))).unwrap();
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
    // Images and their numbers in rows are the same; other levels are not.
    assert_eq!(evaluate("other.npy"), evaluate("rows.npy"));
    assert!(evaluate("bright.npy") > 2.0 * evaluate("other.npy"));
    assert!(evaluate("same.npy") < evaluate("bright.npy"));
    write_npy(out("large.npy"), &Array4::<f32>::zeros((30, 1, 7, 7))).unwrap();
    let call = gtn().arg("evaluate").arg("--real").arg(out("real")).arg("--generated").arg(out("large.npy"));
    call.refused_in_one_line("49; they must have as many");
}

#[test]
fn samples_are_measured_beside_their_floor() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let run = out("run");
    gtn().args(["reproduce", "uniform", "--limit", "2000", "--epochs", "2", "--out"]).arg(&run).done();
    verb("sample", &run).args(["-n", "400", "--out"]).arg(out("a.npy")).done();
    verb("sample", &run).args(["-n", "300", "--seed", "2", "--out"]).arg(out("b.npy")).done();
    let far = &read_npy::<_, Array2<f32>>(out("b.npy")).unwrap() + 5.0;
    write_npy(out("far.npy"), &far).unwrap();
    let evaluate =
        |generated: &str| gtn().arg("evaluate").arg("--real").arg(out("a.npy")).arg("--generated").arg(out(generated));
    let found = |generated: &str| -> Vec<(String, f64, f64)> {
        let (lines, _) = evaluate(generated).arg("--json").done();
        let read = |line: &str| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["samples"], 200);
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
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.contains("(200 rows)") && table.contains("floor"));

    // A run is drawn from: as many samples as there are rows to compare with, by the seed that `gtn sample` takes.
    verb("sample", &run).args(["-n", "200", "--seed", "3", "--out"]).arg(out("c.npy")).done();
    let by_seed = |generated: &str| evaluate(generated).args(["--seed", "3", "--metrics", "energy_distance"]).done().0;
    assert_eq!(by_seed("run"), by_seed("c.npy"));

    write_npy(out("wide.npy"), &Array2::<f32>::zeros((300, 3))).unwrap();
    evaluate("wide.npy").refused_in_one_line("3; they must have as many");
    write_npy(out("few.npy"), &Array2::<f32>::zeros((5, 2))).unwrap();
    evaluate("few.npy").refused_in_one_line("too few");
    write_npy(out("nan.npy"), &Array2::from_elem((300, 2), f32::NAN)).unwrap();
    evaluate("nan.npy").refused_in_one_line("not finite");
    evaluate("b.npy").args(["--metrics", "beauty"]).refused("beauty");
}
