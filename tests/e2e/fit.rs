//! `gtn fit`: generators of the user's own images and latents, and what such users do wrong.

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, Rgb, RgbImage};
use ndarray::{Array1, Array2};
use program::{artifacts, assert_same, gtn};
use tempfile::TempDir;

/// A folder for images, the cache and runs.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn fit(&self, arguments: &[&str]) -> program::Call {
        let call = gtn().current_dir(self.0.path()).env_remove("GTN_DATA_DIR").env("GTN_CACHE_DIR", self.path("cache"));
        call.arg("fit").args(arguments)
    }

    /// Images of mixed sizes: those in `red` are red and get brighter to the right, those in `blue` are blue and get brighter downward.
    fn animals(&self, count: u32) {
        for class in ["red", "blue"] {
            fs::create_dir_all(self.path("animals").join(class)).unwrap();
            for index in 0..count {
                let (width, height) = (20 + index % 5, 20 + index % 3);
                let image = RgbImage::from_fn(width, height, |x, y| {
                    let shade = |at: u32, of: u32| (40 + (130 * at / of) + index) as u8;
                    if class == "red" { Rgb([shade(x, width), 20, 20]) } else { Rgb([20, 20, shade(y, height)]) }
                });
                image.save(self.path("animals").join(class).join(format!("{index:03}.png"))).unwrap();
            }
        }
    }

    /// A file of vectors with labels 3 and 7.
    fn latents(&self, rows: usize) {
        let x = Array2::from_shape_fn((rows, 3), |(row, column)| {
            let wave = ((row * 37 + column * 11) as f32 * 0.7).sin();
            if row % 2 == 0 { wave } else { 8.0 + 0.5 * wave }
        });
        ndarray_npy::write_npy(self.path("x.npy"), &x).unwrap();
        let y: Array1<i64> = (0..rows).map(|row| if row % 2 == 0 { 3 } else { 7 }).collect();
        ndarray_npy::write_npy(self.path("y.npy"), &y).unwrap();
    }

    fn is_untouched(&self) {
        assert!(!self.path("runs").exists(), "a run was begun");
    }
}

const SHORT: [&str; 8] =
    ["--side", "16", "--dim", "4", "--epochs", "autoencoder=2,decoder=2,flow=1,h=2", "--out", "run"];

#[test]
fn images_in_subfolders_become_a_generator_of_classes() {
    let place = Place::new();
    place.animals(60);
    fs::write(place.path("animals/red/damaged.jpg"), "not an image").unwrap();
    // An absolute path, which must not be passed on.
    let images = place.path("animals");
    let arguments = [&SHORT[..], &["--images", images.to_str().unwrap()]].concat();
    let (stdout, stderr) = place.fit(&arguments).done();
    assert_eq!(stdout.lines().collect::<Vec<_>>(), ["run/explore.html", "run/report.html"]);
    for word in [
        "the subfolders are classes (2): blue, red",
        "first reconstructed images run/figures/epochs/autoencoder-00001.png",
    ] {
        assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
    }
    assert!(stderr.contains("first generated images run/figures/epochs/h-00001.png"), "{stderr}");
    assert!(place.path("run/figures/epochs/autoencoder-00001.png").is_file());
    let config = fs::read_to_string(place.path("run/config.toml")).unwrap();
    for line in ["experiment = \"animals\"", "classes = [\"blue\", \"red\"]", "components = \"labels\""] {
        assert!(config.contains(line), "`{line}` is not in: {config}");
    }
    let report = fs::read_to_string(place.path("run/report.html")).unwrap();
    assert!(report.contains("blue, red"), "the report names the classes");
    assert!(
        report.contains("1 file cannot be read and is skipped: red/damaged.jpg"),
        "the report names unreadable files"
    );

    // The same command finds everything done, and so does the folder alone, wherever it is called from.
    let before = artifacts(&place.path("run"));
    let (_, stderr) = place.fit(&arguments).done();
    assert!(stderr.contains("fit         already done"), "{stderr}");
    let (_, stderr) = gtn().arg("fit").arg(place.path("run")).env("GTN_CACHE_DIR", place.path("cache")).done();
    assert!(stderr.contains("evaluate    already done"), "{stderr}");
    assert_eq!(artifacts(&place.path("run")), before);

    let run = |command: &'static str| gtn().current_dir(place.0.path()).arg(command).arg("run");
    run("sample").args(["-n", "5", "--class", "red", "--out", "red.npy"]).done();
    run("sample").args(["-n", "5", "--component", "1", "--out", "one.npy"]).done();
    assert_eq!(fs::read(place.path("red.npy")).unwrap(), fs::read(place.path("one.npy")).unwrap());
    let message = run("sample").args(["--class", "rad", "--out", "x.png"]).refused_in_one_line("did you mean `red`?");
    assert!(message.contains("blue"), "{message}");
    let model = place.path("model.safetensors");
    run("export").arg("--out").arg(&model).done();
    gtn().arg("sample").arg(&model).args(["-n", "5", "--class", "red", "--out"]).arg(place.path("same.npy")).done();
    assert_eq!(fs::read(place.path("red.npy")).unwrap(), fs::read(place.path("same.npy")).unwrap());
    // The paths of the user are not in what is passed on.
    let bytes = fs::read(&model).unwrap();
    let folder = place.0.path().to_str().unwrap().as_bytes();
    assert!(!bytes.windows(folder.len()).any(|window| window == folder));

    // Images of any size are encoded as those of the run were, one for each file.
    run("encode").args(["--images", "animals", "--out", "z.npy"]).refused_in_one_line("damaged.jpg");
    fs::remove_file(place.path("animals/red/damaged.jpg")).unwrap();
    run("encode").args(["--images", "animals", "--out", "z.npy"]).done();
    let latents: Array2<f32> = ndarray_npy::read_npy(place.path("z.npy")).unwrap();
    assert_eq!(latents.dim(), (120, 4));
    run("encode").args(["--images", "animals/red/001.png", "--source", "--out", "y.npy"]).done();
    run("interpolate").args(["--images", "animals/red/001.png", "animals/blue/002.png", "--out", "between.png"]).done();
    let evaluate = gtn().current_dir(place.0.path()).env("GTN_CACHE_DIR", place.path("cache"));
    evaluate.args(["evaluate", "--real", "run", "--generated", "run", "-n", "12", "--latent"]).done();
}

#[test]
fn own_latents_become_a_generator() {
    let place = Place::new();
    place.latents(400);
    let arguments = ["--latents", "x.npy", "--labels", "y.npy", "--epochs", "flow=1,h=2", "--out", "run"];
    let (stdout, _) = place.fit(&arguments).done();
    assert_eq!(stdout.trim(), "run/report.html");
    let config = fs::read_to_string(place.path("run/config.toml")).unwrap();
    assert!(config.contains("classes = [\"3\", \"7\"]") && config.contains("components = \"labels\""), "{config}");
    let report = fs::read_to_string(place.path("run/report.html")).unwrap();
    for word in ["Latents in the plane", "Coverage", "Mixture of", "The data are vectors of dimension 3"] {
        assert!(report.contains(word), "`{word}` is not in the report");
    }
    let sample = |class: &str| -> Array2<f32> {
        let call = gtn().current_dir(place.0.path()).args(["sample", "run", "-n", "50", "--out", "s.npy", "--force"]);
        call.args(["--class", class]).done();
        ndarray_npy::read_npy(place.path("s.npy")).unwrap()
    };
    // In the units of the data, and where the class is, even after so little training.
    let means = ["3", "7"].map(|class| sample(class).mean().unwrap());
    assert!(means[0] < 3.0 && means[1] > 5.0, "{means:?}");
    let compared = gtn().current_dir(place.0.path()).args(["compare", "run", "run2", "--out", "c.html"]);
    place.fit(&["--latents", "x.npy", "--epochs", "flow=1,h=1", "--out", "run2"]).done();
    compared.done();
    gtn().current_dir(place.0.path()).args(["evaluate", "--real", "run", "--generated", "run"]).done();
    gtn().current_dir(place.0.path()).args(["explore", "run", "--out", "e.html"]).refused_in_one_line("no decoder");
}

#[test]
fn an_extended_run_trains_on_as_if_it_had_never_stopped() {
    let place = Place::new();
    place.animals(30);
    let fit = |arguments: &[&str]| place.fit(&[&SHORT[..4], arguments].concat()).done();
    let epochs = ["--epochs", "autoencoder=4,decoder=1,h=1", "--pairing", "greedy", "--images", "animals"];
    // A second, of which the autoencoder has 0.36 s, may end training early; a thousand do not.
    fit(&[&epochs[..], &["--time-budget", "1s", "--out", "short"]].concat());
    fit(&[&epochs[..], &["--time-budget", "1000s", "--out", "long"]].concat());
    let (_, stderr) = place.fit(&["short", "--extend", "999s"]).done();
    assert!(stderr.contains("is extended by 999 s"), "{stderr}");
    let weights = |run: &str| {
        let bytes = fs::read(place.path(run).join("latents/latents.safetensors")).unwrap();
        safetensors_data(&bytes).to_vec()
    };
    assert_eq!(weights("short"), weights("long"), "the latents of the autoencoder after four epochs");
    // The command that began the run resumes it, and the folder alone too.
    let (_, stderr) =
        place.fit(&[&SHORT[..4], &epochs[..], &["--time-budget", "1s", "--out", "short"]].concat()).done();
    assert!(stderr.contains("autoencode  already done"), "{stderr}");
    let before = artifacts(&place.path("short"));
    place.fit(&["short"]).done();
    assert_eq!(artifacts(&place.path("short")), before);
}

#[test]
fn an_extension_that_was_killed_is_finished_once() {
    let place = Place::new();
    place.animals(30);
    let epochs = [
        "--epochs",
        "autoencoder=150,decoder=1,h=1",
        "--pairing",
        "greedy",
        "--images",
        "animals",
        "--time-budget",
        "1s",
        "--out",
        "run",
    ];
    place.fit(&[&SHORT[..4], &epochs].concat()).done();
    let run = || gtn().current_dir(place.0.path()).args(["sample", "run", "--out", "s.png", "--force"]);
    run().done();
    let before = program::epochs(&place.path("run"));
    let extend = ["run", "--extend", "1000s"];
    let mut child = place.fit(&extend).spawn();
    program::wait_until(&mut child, || program::epochs(&place.path("run")) > before);
    child.kill().unwrap();
    child.wait().unwrap();
    // The autoencoder is newer than ĥ.
    run().refused_in_one_line("is being extended");
    let (_, stderr) = place.fit(&extend).done();
    assert!(stderr.contains("adds no further time"), "{stderr}");
    let config = fs::read_to_string(place.path("run/config.toml")).unwrap();
    assert!(config.contains("extension = 1000\n"), "{config}");
    run().done();
    // Where the data are gone, nothing is changed.
    fs::rename(place.path("animals"), place.path("moved")).unwrap();
    place.fit(&extend).refused_in_one_line("animals");
    assert_eq!(fs::read_to_string(place.path("run/config.toml")).unwrap(), config);
    place.fit(&["run", "--images", "moved"]).done();
    place.fit(&["run"]).done();
    place.fit(&["run", "--dim", "3"]).refused("cannot be used with");
    fs::rename(place.path("moved"), place.path("animals")).unwrap();
    let other = [&SHORT[..4], &epochs[..6], &["--time-budget", "9s", "--out", "run"]].concat();
    place.fit(&other).refused("--extend");
}

/// What follows the header, which has the fingerprint of the inputs.
fn safetensors_data(bytes: &[u8]) -> &[u8] {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    &bytes[8 + length..]
}

#[test]
fn a_stopped_run_resumes_with_the_same_bytes() {
    let place = Place::new();
    place.animals(30);
    let arguments = |out: &'static str| {
        let epochs = "autoencoder=6,decoder=2,flow=1,h=2";
        vec!["--images", "animals", "--side", "16", "--dim", "4", "--flip", "--epochs", epochs, "--out", out]
    };
    place.fit(&arguments("whole")).done();
    let mut child = place.fit(&arguments("killed")).spawn();
    program::wait_until(&mut child, || program::epochs(&place.path("killed")) >= 1);
    child.kill().unwrap();
    child.wait().unwrap();
    place.fit(&["killed"]).done();
    assert_same(&place.path("killed"), &place.path("whole"));
}

#[test]
fn unsuitable_images_are_refused_in_one_line() {
    let place = Place::new();
    let refused = |arguments: &[&str], word: &str| {
        let message = place.fit(arguments).refused_in_one_line(word);
        place.is_untouched();
        message
    };
    fs::create_dir(place.path("empty")).unwrap();
    refused(&["--images", "empty"], "no image files");
    refused(&["--images", "missing"], "missing");
    fs::create_dir(place.path("texts")).unwrap();
    fs::write(place.path("texts/a.txt"), "a").unwrap();
    refused(&["--images", "texts"], "one other file, a.txt");
    fs::create_dir(place.path("one")).unwrap();
    let gray = |shade: u8| GrayImage::from_fn(9, 9, |x, _| Luma([shade + x as u8]));
    gray(1).save(place.path("one/a.png")).unwrap();
    refused(&["--images", "one"], "1 different images; at least 20");
    fs::create_dir(place.path("same")).unwrap();
    (0..30).for_each(|index| gray(7).save(place.path("same").join(format!("{index}.png"))).unwrap());
    refused(&["--images", "same"], "not counting 29 with the same pixels");
    fs::create_dir(place.path("gray")).unwrap();
    (0..30).for_each(|index| gray(5 * index).save(place.path("gray").join(format!("{index}.png"))).unwrap());
    refused(&["--images", "gray", "--side", "8", "--dim", "65"], "--dim 64 or less");
    refused(&["--images", "gray", "--side", "10"], "multiple of 4");
    refused(&["--images", "gray", "--side", "512"], "multiple of 4");
    refused(&["--images", "gray", "--components", "labels"], "no subfolders");
    fs::write(place.path("gray/damaged.png"), "not an image").unwrap();
    refused(&["--images", "gray", "--strict"], "1 of 31 image files cannot be read");
    fs::write(place.path("animals.zip"), "PK\x03\x04 and then nothing").unwrap();
    refused(&["--images", "animals.zip"], "animals.zip");
    place.animals(12);
    refused(&["--images", "animals", "--dim", "40", "--components", "labels"], "class `blue` has");
}

#[test]
fn unsuitable_latents_are_refused_in_one_line() {
    let place = Place::new();
    let refused = |arguments: &[&str], word: &str| {
        let message = place.fit(arguments).refused_in_one_line(word);
        place.is_untouched();
        message
    };
    place.latents(100);
    refused(&["--latents", "x.npy", "--dim", "2"], "rows have 3 values");
    refused(&["--latents", "x.npy", "--components", "labels"], "--labels");
    refused(&["--latents", "y.npy"], "float32");
    ndarray_npy::write_npy(place.path("labels.npy"), &Array1::<i32>::zeros(99)).unwrap();
    refused(&["--latents", "x.npy", "--labels", "labels.npy"], "99 labels for 100 rows");
    let write = |array: Array2<f32>| ndarray_npy::write_npy(place.path("z.npy"), &array).unwrap();
    let varied = |rows: usize, columns| Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 7 + j * 3) as f32).sin());
    let mut array = varied(50, 3);
    array[[4, 1]] = f32::NAN;
    write(array);
    refused(&["--latents", "z.npy"], "row 4, column 1 is NaN");
    let mut array = varied(50, 3);
    array.column_mut(2).fill(0.5);
    write(array);
    refused(&["--latents", "z.npy"], "column 2 is always 0.5");
    write(varied(50, 60));
    refused(&["--latents", "z.npy"], "45 training rows of 60 values");
    write(varied(12, 3));
    refused(&["--latents", "z.npy"], "12 rows; at least 20");
}

#[test]
fn other_commands_point_to_fit() {
    let place = Place::new();
    place.animals(3);
    let path = place.0.path();
    gtn().current_dir(path).args(["reproduce", "animals"]).refused_in_one_line("gtn fit --images");
    place.fit(&["animals"]).refused_in_one_line("gtn fit --images animals");
    fs::write(path.join("mine.toml"), "experiment = \"a\"\nseed = 1\ndim = 2\n[data]\nset = \"folder\"\n").unwrap();
    gtn().current_dir(path).args(["reproduce", "mine.toml"]).refused_in_one_line("gtn fit --images");
    // The settings of a run on own data do not say where they are.
    place.latents(60);
    place.fit(&["--latents", "x.npy", "--epochs", "1", "--out", "run"]).done();
    let text = fs::read_to_string(path.join("run/config.toml")).unwrap();
    let settings: String = text.split("[config]").nth(1).unwrap().replace("[config.", "[");
    fs::write(path.join("own.toml"), settings).unwrap();
    gtn().current_dir(path).args(["reproduce", "own.toml"]).refused_in_one_line("gtn fit --latents");
    gtn().current_dir(path).args(["sweep", "own.toml", "--widths", "4,8"]).refused("gtn fit --latents");
    let run = path.join("points");
    gtn().args(["reproduce", "uniform", "--limit", "200", "--epochs", "1", "--out"]).arg(&run).done();
    place.fit(&["points"]).refused_in_one_line("not of `gtn fit`");
    place.fit(&["points", "--extend", "1h"]).refused_in_one_line("not of `gtn fit`");
    let weights = gtn_tests::workspace().join("weights/mnist-d5");
    let encode =
        gtn().current_dir(path).arg("encode").arg(&weights).args(["--images", "animals/red", "--out", "z.npy"]);
    encode.refused_in_one_line("gtn fit --images");
    place.fit(&[]).refused("--images");
    assert!(!Path::new(&place.path("runs")).exists());
}
