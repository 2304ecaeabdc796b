//! The experiments on points, from the command to the report.

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
    for (experiment, columns, metric, extra) in [
        ("swiss-roll", 1, "ks_angle", &[][..]),
        ("swiss-roll", 2, "off_curve", &["--source-dim", "2"]),
        ("uniform", 2, "outside_support", &["--protocol", "repo"]),
        ("disjoint-uniform", 2, "between_squares", &[]),
    ] {
        let run = out(&format!("{experiment}{columns}"));
        let (stdout, stderr) = reproduce(experiment, &run).args(extra).arg("--verbose").done();
        assert_eq!(Path::new(stdout.trim()), run.join("report.html"));
        assert!(stderr.contains(metric) && stderr.contains("(noise floor: "), "{stderr}");
        let html = fs::read_to_string(run.join("report.html")).unwrap();
        assert!(html.contains("<svg") && html.contains(&format!("cargo xtask reproduce {experiment}")));
        assert!(fs::read_to_string(run.join("metrics.csv")).unwrap().lines().count() == 3);

        // A second report is the same, and a second run repeats nothing.
        let (again, _) = gtn().arg("report").arg(&run).done();
        assert_eq!(again, stdout);
        assert_eq!(fs::read_to_string(run.join("report.html")).unwrap(), html);
        let (_, stderr) = reproduce(experiment, &run).args(extra).done();
        for stage in ["label", "fit", "sample", "evaluate"] {
            assert!(stderr.lines().any(|line| line.starts_with(stage) && line.ends_with("already done")), "{stderr}");
        }

        // The same seed gives the same bytes. Samples are in the units of the data.
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

        // --source maps the given vectors, and --latent makes no difference.
        let y = Array2::from_shape_fn((4, columns), |(i, j)| i as f32 - 1.5 + j as f32 / 8.0);
        write_npy(out(&name("y")), &y).unwrap();
        for (latent, to) in [(false, "e"), (true, "f")] {
            let call = gtn().arg("sample").arg(&run).arg("--source").arg(out(&name("y")));
            call.args(latent.then_some("--latent")).arg("--out").arg(out(&name(to))).done();
        }
        assert_eq!(fs::read(out(&name("e"))).unwrap(), fs::read(out(&name("f"))).unwrap());
        // Vectors cannot be written as an image.
        let refused = gtn().arg("sample").arg(&run).arg("--out").arg(out("a.png")).refused(".npy");
        assert!(refused.contains("vectors") && !out("a.png").exists(), "{refused}");
    }
    let (listed, _) = gtn().arg("runs").arg(folder.path()).done();
    assert_eq!(listed.lines().filter(|line| line.contains("  done ")).count(), 4, "{listed}");
}

#[test]
fn shown_settings_can_be_edited_and_used() {
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
    // The same settings continue the run, and others are refused.
    reproduce(&mine, &run).done();
    reproduce("uniform", &run).refused("contains a different run");

    for (from, to, word) in [
        ("width", "wdith", "did you mean `width`?"),
        ("seed = 7", "seed = seven", "line "),
        ("set = \"uniform\"", "set = \"unifrom\"", "did you mean `uniform`?"),
        ("batch_size = 250", "batch_size = 1", "h.training.batch_size = 1"),
        ("negative_slope = 0.5", "", "negative_slope"),
    ] {
        let changed = shown.replacen(from, to, 1);
        assert_ne!(changed, shown);
        fs::write(&mine, changed).unwrap();
        reproduce(&mine, &folder.path().join("none")).refused_in_one_line(word);
    }
    assert!(!folder.path().join("none").exists());
}

#[test]
fn invalid_arguments_are_refused_and_no_run_is_created() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    let call = |arguments: &[&str]| gtn().arg("reproduce").args(arguments).arg("--out").arg(&none);
    for (arguments, word) in [
        (&["swissroll"][..], "did you mean `swiss-roll`?"),
        (&["absent.toml"], "absent.toml"),
        (&["swiss-roll", "--dim", "3"], "dim = 3"),
        (&["uniform", "--dim", "1"], "dim = 1"),
        (&["uniform", "--limit", "3"], "data.limit = 3"),
        (&["uniform", "--time-budget", "1500ms"], "a whole number of seconds"),
        (&["uniform", "--epochs", "autoencoder=3"], "has no autoencoder"),
        (&["uniform", "--epochs", "h=0"], "h.training.epochs = 0"),
        (&["uniform", "--epochs", "h:3"], "h:3"),
        (&["uniform", "--time-budget", "soon"], "soon"),
        (&["uniform", "--time-budget", "0s"], "at least 1"),
        (&["uniform", "--seed", "-1"], "-1"),
    ] {
        call(arguments).refused(word);
        assert!(!none.exists(), "{arguments:?}");
    }

    // A run of another experiment is not overwritten, and neither is a folder that is not a run.
    let run = folder.path().join("run");
    reproduce("uniform", &run).done();
    let before = program::artifacts(&run);
    let message = reproduce("swiss-roll", &run).refused_in_one_line("contains a different run");
    assert!(message.contains("--force"), "{message}");
    assert_eq!(program::artifacts(&run), before);
    let notes = folder.path().join("notes");
    fs::create_dir(&notes).unwrap();
    fs::write(notes.join("a.txt"), "mine").unwrap();
    reproduce("uniform", &notes).arg("--force").refused_in_one_line("is neither empty nor a run");
    // The config.toml of another program does not make a folder a run.
    let site = folder.path().join("site");
    fs::create_dir(&site).unwrap();
    fs::write(site.join("config.toml"), "[config]\ntitle = \"mine\"").unwrap();
    reproduce("uniform", &site).arg("--force").refused_in_one_line("is neither empty nor a run");
    assert_eq!(fs::read_to_string(site.join("config.toml")).unwrap(), "[config]\ntitle = \"mine\"");
    reproduce("uniform", &folder.path().join("notes/a.txt")).refused("a.txt");
    assert_eq!(fs::read_dir(&notes).unwrap().count(), 1);

    for command in ["report", "sample"] {
        let call = gtn().arg(command).arg(&notes);
        let call = if command == "sample" { call.arg("--out").arg(folder.path().join("x.npy")) } else { call };
        call.refused("is not a run");
    }
    gtn().arg("runs").arg(&none).refused("does not exist");
    let (stdout, stderr) = gtn().arg("runs").arg(&notes).done();
    assert!(stdout.is_empty() && stderr.contains("no runs in"), "{stdout}{stderr}");

    // An unreadable run is listed with its error.
    fs::write(run.join("config.toml"), [0xff, 0xfe, b'\n']).unwrap();
    gtn().arg("report").arg(&run).refused_in_one_line("it is not a text file");
    fs::write(run.join("config.toml"), "[provenance]\n[config]\nseed = ").unwrap();
    let (listed, _) = gtn().arg("runs").arg(folder.path()).done();
    assert!(listed.contains("unreadable: "), "{listed}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_created_is_an_error_of_the_user() {
    let message = reproduce("uniform", Path::new("/proc/gtn-run")).refused("/proc/gtn-run");
    assert!(message.contains("cannot create"), "{message}");
}
