//! The experiments without images, from the command to the report.

mod program;

use std::fs;
use std::path::Path;

use ndarray::{Array2, Axis};
use ndarray_npy::{read_npy, write_npy};
use program::{Call, gtn};

fn reproduce(experiment: impl AsRef<std::ffi::OsStr>, run: &Path) -> Call {
    gtn().arg("reproduce").arg(experiment).args(["--limit", "3000", "--epochs", "2"]).arg("--out").arg(run)
}

#[test]
fn from_a_command_to_a_report_and_samples() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    for (experiment, columns, word, extra) in [
        ("swiss-roll", 1, "ks angle", &[][..]),
        ("swiss-roll", 2, "off curve", &["--source-dim", "2"]),
        ("uniform", 2, "outside", &["--protocol", "repo"]),
    ] {
        let run = out(&format!("{experiment}{columns}"));
        let (stdout, stderr) = reproduce(experiment, &run).args(extra).done();
        assert_eq!(Path::new(stdout.trim()), run.join("report.html"));
        assert!(stderr.contains(word) && stderr.contains("(real data: "), "{stderr}");
        let html = fs::read_to_string(run.join("report.html")).unwrap();
        assert!(html.contains("<svg") && html.contains(&format!("cargo xtask reproduce {experiment}")));
        assert!(fs::read_to_string(run.join("metrics.csv")).unwrap().lines().count() == 3);

        // Written again the report is the same, and so is the run.
        let (again, _) = gtn().arg("report").arg(&run).done();
        assert_eq!(again, stdout);
        assert_eq!(fs::read_to_string(run.join("report.html")).unwrap(), html);
        let (_, stderr) = reproduce(experiment, &run).args(extra).done();
        for stage in ["label", "fit", "sample", "evaluate"] {
            assert!(stderr.lines().any(|line| line.starts_with(stage) && line.ends_with("done before")), "{stderr}");
        }

        // The same seed gives the same bytes, in the data's own units.
        let sample = |name: &str, seed: &str| {
            gtn().arg("sample").arg(&run).args(["-n", "500", "--seed", seed, "--out"]).arg(out(name)).done();
            fs::read(out(name)).unwrap()
        };
        let name = |letter: &str| format!("{experiment}{columns}{letter}.npy");
        assert_eq!(sample(&name("a"), "1"), sample(&name("b"), "1"));
        assert_ne!(sample(&name("c"), "2"), sample(&name("d"), "1"));
        let samples: Array2<f32> = read_npy(out(&name("a"))).unwrap();
        assert_eq!(samples.dim(), (500, columns));
        let mean = samples.mean_axis(Axis(0)).unwrap();
        let (low, high) = if columns == 1 { (7.0, 12.0) } else { (-8.0, 8.0) };
        assert!(mean.iter().all(|&mean| low < mean && mean < high), "{mean}");

        // --latent says the same, and --source maps what it is given.
        let y = Array2::from_shape_fn((4, columns), |(i, j)| i as f32 - 1.5 + j as f32 / 8.0);
        write_npy(out(&name("y")), &y).unwrap();
        for (latent, to) in [(false, "e"), (true, "f")] {
            let call = gtn().arg("sample").arg(&run).arg("--source").arg(out(&name("y")));
            call.args(latent.then_some("--latent")).arg("--out").arg(out(&name(to))).done();
        }
        assert_eq!(fs::read(out(&name("e"))).unwrap(), fs::read(out(&name("f"))).unwrap());
        // Vectors are no picture.
        let refused = gtn().arg("sample").arg(&run).arg("--out").arg(out("a.png")).refused(".npy");
        assert!(refused.contains("vectors") && !out("a.png").exists(), "{refused}");
    }
    let (listed, _) = gtn().arg("runs").arg(folder.path()).done();
    assert_eq!(listed.lines().filter(|line| line.contains("  done ")).count(), 3, "{listed}");
}

#[test]
fn settings_are_shown_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let (shown, _) = gtn().args(["config", "show", "uniform", "--seed", "7", "--protocol", "repo"]).done();
    assert!(shown.contains("seed = 7") && shown.contains("hidden_layers = 5"), "{shown}");
    let mine = folder.path().join("mine.toml");
    fs::write(&mine, shown.replace("width = 6", "width = 7").replace("\"uniform\"\nproto", "\"mine\"\nproto")).unwrap();
    let run = folder.path().join("run");
    reproduce(&mine, &run).done();
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    for setting in
        ["experiment = \"mine\"", "seed = 7", "width = 7", "limit = 3000", "epochs = 2", "protocol = \"repo\""]
    {
        assert!(config.contains(setting), "{setting}: {config}");
    }
    // The same settings by another name of the file go on with the run; others are refused.
    reproduce(&mine, &run).done();
    reproduce("uniform", &run).refused("holds a run of another configuration");

    for (from, to, words) in [
        ("width", "wdith", "did you mean `width`?"),
        ("seed = 7", "seed = seven", "line "),
        ("set = \"uniform\"", "set = \"unifrom\"", "did you mean `uniform`?"),
        ("batch = 250", "batch = 1", "h.training.batch = 1"),
        ("slope = 0.5", "", "slope"),
    ] {
        let changed = shown.replacen(from, to, 1);
        assert_ne!(changed, shown);
        fs::write(&mine, changed).unwrap();
        reproduce(&mine, &folder.path().join("none")).refused_in_one_line(words);
    }
    assert!(!folder.path().join("none").exists());
}

#[test]
fn what_makes_no_sense_is_one_line_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    let call = |arguments: &[&str]| gtn().arg("reproduce").args(arguments).arg("--out").arg(&none);
    for (arguments, word) in [
        (&["swissroll"][..], "did you mean `swiss-roll`?"),
        (&["absent.toml"], "absent.toml"),
        (&["swiss-roll", "--dim", "3"], "dim = 3"),
        (&["uniform", "--dim", "1"], "dim = 1"),
        (&["uniform", "--limit", "3"], "data.limit = 3"),
        (&["uniform", "--time-budget", "1500ms"], "whole seconds"),
        (&["uniform", "--epochs", "autoencoder=3"], "trains no autoencoder"),
        (&["uniform", "--epochs", "h=0"], "h.training.epochs = 0"),
        (&["uniform", "--epochs", "h:3"], "h:3"),
        (&["uniform", "--time-budget", "soon"], "soon"),
        (&["uniform", "--time-budget", "0s"], "at least one second"),
        (&["uniform", "--seed", "-1"], "-1"),
    ] {
        call(arguments).refused(word);
        assert!(!none.exists(), "{arguments:?}");
    }

    // A run of another experiment is left alone, and so is a folder of something else.
    let run = folder.path().join("run");
    reproduce("uniform", &run).done();
    let before = program::artifacts(&run);
    let message = reproduce("swiss-roll", &run).refused_in_one_line("another configuration");
    assert!(message.contains("--force"), "{message}");
    assert_eq!(program::artifacts(&run), before);
    let photos = folder.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("a.txt"), "mine").unwrap();
    reproduce("uniform", &photos).args(["--force"]).refused_in_one_line("holds no run");
    // Nor is a configuration of something else, whatever its tables are called.
    let site = folder.path().join("site");
    fs::create_dir(&site).unwrap();
    fs::write(site.join("config.toml"), "[config]\ntitle = \"mine\"").unwrap();
    reproduce("uniform", &site).args(["--force"]).refused_in_one_line("holds no run");
    assert_eq!(fs::read_to_string(site.join("config.toml")).unwrap(), "[config]\ntitle = \"mine\"");
    reproduce("uniform", &folder.path().join("photos/a.txt")).refused("a.txt");
    assert_eq!(fs::read_dir(&photos).unwrap().count(), 1);

    for verb in ["report", "sample"] {
        let call = gtn().arg(verb).arg(&photos);
        let call = if verb == "sample" { call.arg("--out").arg(folder.path().join("x.npy")) } else { call };
        call.refused("holds no run");
    }
    gtn().arg("runs").arg(&none).refused("there is no folder");
    let (nothing, said) = gtn().arg("runs").arg(&photos).done();
    assert!(nothing.is_empty() && said.contains("holds no runs"));

    // A broken run among others is listed with what is wrong with it.
    fs::write(run.join("config.toml"), [0xff, 0xfe, b'\n']).unwrap();
    gtn().arg("report").arg(&run).refused_in_one_line("it is not text");
    fs::write(run.join("config.toml"), "[provenance]\n[config]\nseed = ").unwrap();
    let (listed, _) = gtn().arg("runs").arg(folder.path()).done();
    assert!(listed.contains("cannot be read"), "{listed}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_the_users_to_mend() {
    let message = reproduce("uniform", Path::new("/proc/gtn-run")).refused("/proc/gtn-run");
    assert!(message.contains("cannot create"), "{message}");
}
