//! What an error advises works when it is typed.

mod program;

use std::fs;
use std::path::Path;
use std::process::Command;

use image::RgbImage;
use ndarray::Array2;
use program::{Call, gtn};
use tempfile::TempDir;

/// Settings of `gtn fit` that train for a moment.
const SHORT: &str = "--side 16 --dim 4 --pairing greedy --epochs autoencoder=1,decoder=1,h=1";
/// The same for points in the plane.
const POINTS: &str = "--limit 100 --epochs 1";

/// A folder in which a user works: `animals` has images of mixed sizes, `x.npy` vectors, and `points` is a run.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for class in ["blue", "red"] {
            fs::create_dir_all(place.0.path().join("animals").join(class)).unwrap();
            for index in 0..30_u32 {
                let image = RgbImage::from_fn(20 + index % 5, 20 + index % 3, |x, y| {
                    image::Rgb([(x * 9 + index) as u8, (y * 9) as u8, if class == "red" { 20 } else { 200 }])
                });
                image.save(place.0.path().join(format!("animals/{class}/{index:03}.png"))).unwrap();
            }
        }
        let x = Array2::from_shape_fn((100, 3), |(row, column)| ((row * 37 + column * 11) as f32 * 0.7).sin());
        ndarray_npy::write_npy(place.0.path().join("x.npy"), &x).unwrap();
        place.typed(&format!("gtn reproduce uniform {POINTS} --out points"));
        place
    }

    fn environment(&self) -> [(&'static str, std::path::PathBuf); 1] {
        [("GTN_CACHE_DIR", self.0.path().join("cache"))]
    }

    fn call(&self, arguments: &str) -> Call {
        let call = gtn().current_dir(self.0.path()).env_remove("GTN_DATA_DIR").args(arguments.split(' '));
        self.environment().into_iter().fold(call, |call, (name, value)| call.env(name, value))
    }

    /// Types a line into a shell that finds the program by its name. It must succeed.
    #[track_caller]
    fn typed(&self, line: &str) {
        let program = Path::new(env!("CARGO_BIN_EXE_gtn")).parent().unwrap();
        let path = std::env::join_paths(
            std::iter::once(program.to_path_buf()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(line).current_dir(self.0.path()).env_remove("GTN_DATA_DIR").env("PATH", path.unwrap());
        let output = shell.envs(self.environment()).output().unwrap();
        assert!(output.status.success(), "`{line}`: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The commands within backticks.
fn commands(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).filter(|text| text.starts_with("gtn ")).collect()
}

#[test]
fn commands_work() {
    let place = Place::new();
    fs::write(place.0.path().join("folder.toml"), "experiment = \"mine\"\n[data]\nset = \"folder\"\n").unwrap();
    place.typed("gtn export points --format torch --out torch.safetensors");
    // The command, what its placeholder stands for, and what makes it short or complete.
    for (fails, (placeholder, value), more) in [
        ("runs", ("", ""), POINTS),
        ("fit animals", ("", ""), SHORT),
        ("reproduce animals", ("FOLDER", "animals"), SHORT),
        ("reproduce folder.toml", ("FOLDER", "animals"), SHORT),
        ("evaluate --real animals/red --generated animals/blue", ("FOLDER", "animals"), SHORT),
        ("compare points", ("", ""), ""),
        ("explore points --out e.html", ("", ""), "points --out p.npy"),
        ("sample torch.safetensors --out t.npy", ("", ""), "torch.safetensors --out model.safetensors"),
    ] {
        let message = place.call(fails).refused("`gtn ");
        let command = commands(&message)[0];
        let command = if placeholder.is_empty() { command.to_owned() } else { command.replace(placeholder, value) };
        place.typed(&format!("{command} {more}"));
    }

    // A run whose data are the user's own is resumed with its settings.
    place.typed("gtn fit --latents x.npy --pairing greedy --epochs h=1 --time-budget 1m --out latents");
    let message = place
        .call("fit --latents x.npy --pairing greedy --epochs h=1 --time-budget 2m --out latents")
        .refused("budget");
    place.typed(commands(&message)[0]);
    let message = place.call("reproduce latents/config.toml").refused("`gtn ");
    let commands_of_both = commands(&message);
    assert_eq!(commands_of_both.len(), 3, "{message}");
    place.typed(&format!("{} {SHORT}", commands_of_both[0].replace("FOLDER", "animals")));
    place.typed(&format!("{} --pairing greedy --epochs h=1 --out other", commands_of_both[1].replace("FILE", "x.npy")));
    place.typed(&commands_of_both[2].replace("RUN", "latents"));
}

#[test]
fn settings_of_an_experiment_that_diverged_can_be_edited() {
    let place = Place::new();
    place.typed("gtn config show uniform > steep.toml");
    let steep = fs::read_to_string(place.0.path().join("steep.toml")).unwrap();
    fs::write(place.0.path().join("steep.toml"), steep.replace("learning_rate = ", "learning_rate = 1e30 # ")).unwrap();
    let (code, message) = place.call(&format!("reproduce steep.toml {POINTS} --out steep")).ends();
    assert!(code != Some(0) && message.contains("diverged"), "{message}");
    let commands = commands(&message);
    assert_eq!(commands.len(), 2, "{message}");
    place.typed(&commands[0].replace("EXPERIMENT", "uniform"));
    place.typed(&format!("{} {POINTS} --out gentle", commands[1]));
}

#[test]
fn options_work() {
    let place = Place::new();
    place.typed(&format!("gtn fit --images animals {SHORT} --out run --components 2"));
    place.typed("gtn sample points --out s.npy && gtn sample run --out samples && cp -r animals three");
    fs::write(place.0.path().join("three/green.png"), "no image").unwrap();
    fs::create_dir(place.0.path().join("flat")).unwrap();
    for index in 0..25 {
        let image = RgbImage::from_fn(16, 16, |x, y| image::Rgb([(x * 9 + index) as u8, (y * 9) as u8, 0]));
        image.save(place.0.path().join(format!("flat/{index}.png"))).unwrap();
    }
    let images =
        |folder: &str| format!("fit --images {folder} --side 16 --pairing greedy --epochs autoencoder=1,decoder=1,h=1");
    let (three, flat) = (images("three"), images("flat"));
    // The call, what its message advises, and what the user puts in the place of what.
    for (fails, advice, (wrong, right)) in [
        (format!("reproduce uniform {POINTS} --seed 3 --out points"), "--force", ("--out", "--force --out")),
        ("sample points --out s.npy".to_owned(), "--force", ("--out", "--force --out")),
        ("sample run --out samples".to_owned(), "--force", ("--out", "--force --out")),
        (format!("reproduce uniform {POINTS} --seed 4 --out points"), "--out", ("--out points", "--out elsewhere")),
        (format!("{three} --strict --dim 4 --out a"), "--max-unreadable", ("--strict", "--max-unreadable 0.1")),
        (format!("{flat} --dim 4 --components labels --out b"), "--components auto", ("labels", "auto")),
        (format!("{flat} --dim 4000 --out c"), "--dim 768", ("--dim 4000", "--dim 768")),
        (
            "fit --latents x.npy --components labels --pairing greedy --epochs h=1 --out d".to_owned(),
            "--components auto",
            ("labels", "auto"),
        ),
        ("sample run --class red --out e.png".to_owned(), "--component K", ("--class red", "--component 1")),
        (format!("sweep uniform {POINTS} --out f"), "--widths 500,1000", ("uniform", "uniform --widths 5,6")),
    ] {
        let message = place.call(&fails).refused(advice);
        assert!(message.contains(advice), "{message}");
        place.typed(&format!("gtn {}", fails.replace(wrong, right)));
    }
}

#[test]
fn what_a_run_ends_with_can_be_typed_and_nothing_is_kept_that_only_resuming_needs() {
    let place = Place::new();
    let (_, stderr) = place.call(&format!("reproduce uniform {POINTS} --seed 2 --out second")).done();
    let line = |name: &str| {
        let line =
            stderr.lines().rev().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {stderr}"));
        line.trim().to_owned()
    };
    assert!(line("verdict").starts_with("Finished after "), "{stderr}");
    // Other data, so that the values cannot be compared.
    assert!(!stderr.contains("previous"), "{stderr}");
    place.typed(&line("sample "));
    place.typed(&line("share "));
    place.typed(&line("report "));
    assert!(place.0.path().join("samples.npy").is_file() && place.0.path().join("model.safetensors").is_file());

    let states = |run: &str| {
        let files = fs::read_dir(place.0.path().join(run).join("checkpoints")).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(states("second"), ["h.best.safetensors"]);
    let (_, stderr) = place.call(&format!("reproduce uniform {POINTS} --keep-checkpoints --out kept")).done();
    assert_eq!(states("kept"), ["h.best.safetensors", "h.last.safetensors"]);
    // The same data, so that the values can be compared: with the run that every place has.
    assert!(stderr.lines().any(|line| line.starts_with("previous    points: ")), "{stderr}");
    let compares = |run: &str| {
        let report = fs::read_to_string(place.0.path().join(run).join("report.html")).unwrap();
        report.contains("Since the previous run") && report.contains("All settings are equal.")
    };
    assert!(compares("kept") && !compares("second"));
    // A finished run is found complete without its state.
    let (_, stderr) = place.call(&format!("reproduce uniform {POINTS} --seed 2 --out second")).done();
    assert!(stderr.contains("fit         already done"), "{stderr}");

    let (listed, _) = place.call("runs . --json").done();
    let runs: Vec<serde_json::Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = runs.iter().map(|run| run["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["kept", "points", "second"]);
    assert!(runs.iter().all(|run| run["state"] == "done" && run["metrics"][0]["value"].is_number()), "{listed}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (script, _) = place.call(&format!("completions {shell}")).done();
        assert!(script.contains("reproduce") && script.contains("keep-checkpoints"), "{shell}");
    }
    place.call("man pages/man1").done();
    for command in ["gtn", "gtn-fit", "gtn-bench-label", "gtn-config-show"] {
        let page = fs::read_to_string(place.0.path().join(format!("pages/man1/{command}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && page.contains(".SH OPTIONS"), "{command}: {page}");
    }
}
