//! `gtn reproduce celeba` and `hap` on toy images.

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use gtn_tests::{write_toy_celeba, write_toy_hap};
use program::{Call, assert_same, epochs, gtn, wait_until};
use tempfile::TempDir;

/// A folder with toy data sets, and presets with small networks.
struct Toy(TempDir);

impl Toy {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_toy_celeba(&folder.path().join("data/celeba"), 60).unwrap();
        write_toy_hap(&folder.path().join("data/hap"), 60).unwrap();
        Self(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Reproduces an experiment with a small ĥ.
    fn reproduce(&self, set: &str, run: &Path) -> Call {
        let preset = self.at(&format!("{set}.toml"));
        let arguments = ["config", "show", set, "--dim", "3", "--seed", "2", "--epochs", "autoencoder=2,h=3"];
        let (text, _) = gtn().args(arguments).done();
        let width = if set == "celeba" { "width = 1200" } else { "width = 3000" };
        assert!(text.contains(width) && text.contains("hidden_layers = 26"), "{text}");
        let text = text.replace(width, "width = 8").replace("hidden_layers = 26", "hidden_layers = 2");
        fs::write(&preset, text.replace("batch_norm_layers = 26", "batch_norm_layers = 2")).unwrap();
        gtn()
            .arg("reproduce")
            .arg(&preset)
            .arg("--out")
            .arg(run)
            .arg("--data-dir")
            .arg(self.at("data"))
            .arg("--cache-dir")
            .arg(self.at("cache"))
    }
}

#[test]
fn image_sets_are_learned_reported_and_decoded_once() {
    let toy = Toy::new();
    for set in ["celeba", "hap"] {
        let (first, second) = (toy.at(&format!("{set}-first")), toy.at(&format!("{set}-second")));
        let (stdout, _) = toy.reproduce(set, &first).done();
        let report = fs::read_to_string(stdout.trim()).unwrap();
        assert!(report.contains("Here the validation loss chose it"), "{set}");
        assert!(report.contains("split as their publishers did"), "{set}");

        // A second run reads the cache, and is bit-equal.
        let cache = toy.at(&format!("cache/{set}-64.images"));
        let modified = fs::metadata(&cache).unwrap().modified().unwrap();
        toy.reproduce(set, &second).done();
        assert_eq!(fs::metadata(&cache).unwrap().modified().unwrap(), modified);
        assert_same(&second, &first);

        let samples = toy.at(&format!("{set}.png"));
        gtn().arg("sample").arg(&first).args(["-n", "4", "--out"]).arg(&samples).done();
        assert!(fs::metadata(samples).unwrap().len() > 100);
    }
}

/// Copies a folder with its contents, if it exists.
fn copy(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).unwrap();
    for entry in entries.flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_during_decoding_is_reported_and_leaves_no_file() {
    let toy = Toy::new();
    let run = toy.at("run");
    // The limit of 256 KiB per file acts like a full disk: writes are cut short.
    let message = toy.reproduce("hap", &run).in_shell("ulimit -f 512;").failed("cannot write");
    assert!(message.contains("hap-64.images") && message.contains("no partial file was kept"), "{message}");
    assert!(!run.exists() && fs::read_dir(toy.at("cache")).unwrap().count() == 0);
    toy.reproduce("hap", &run).done();
}

#[cfg(unix)]
#[test]
fn a_run_killed_in_each_stage_ends_bit_equal() {
    let toy = Toy::new();
    let [undisturbed, killed] = ["undisturbed", "killed"].map(|name| toy.at(name));
    toy.reproduce("celeba", &undisturbed).done();
    fs::remove_dir_all(toy.at("cache")).unwrap();

    let exists = |file: &str| killed.join(file).is_file();
    let trained = || epochs(&killed);
    // A stage runs, or is about to run, if the result of the previous one exists and its own does not.
    let cache = toy.at("cache");
    let decoding_started = || fs::read_dir(&cache).is_ok_and(|entries| entries.count() > 0);
    type Condition<'a> = &'a dyn Fn() -> bool;
    let stages: [(&str, Condition<'_>, Condition<'_>); 7] = [
        ("prepare", &decoding_started, &|| cache.join("celeba-64.images").is_file()),
        ("autoencode", &|| trained() >= 1, &|| trained() >= 2),
        ("encode", &|| trained() >= 2, &|| exists("latents/latents.safetensors")),
        ("label", &|| exists("latents/latents.safetensors"), &|| exists("pairs/pairs.safetensors")),
        ("fit", &|| trained() >= 3, &|| trained() >= 5),
        ("sample", &|| trained() >= 5, &|| exists("samples/samples.safetensors")),
        ("evaluate", &|| exists("samples/samples.safetensors"), &|| exists("report.html")),
    ];
    for (stage, has_started, has_ended) in stages {
        // A stage that takes milliseconds may end before the kill. Then the folder is restored for another attempt.
        let before = toy.at(&format!("before-{stage}"));
        copy(&killed, &before);
        let mut attempts = 0;
        loop {
            let mut child = toy.reproduce("celeba", &killed).spawn();
            // Only results that exist while this process holds the lock count.
            let holder = format!("process {},", child.id());
            let holds_lock =
                || fs::read_to_string(killed.join(".gtn-lock")).is_ok_and(|text| text.starts_with(&holder));
            wait_until(&mut child, || (stage == "prepare" || holds_lock()) && has_started());
            child.kill().unwrap();
            let ended = child.wait().unwrap();
            if ended.code().is_none() && !has_ended() {
                break;
            }
            attempts += 1;
            assert!(attempts < 50, "{stage} ended before each kill");
            fs::remove_dir_all(&killed).unwrap();
            fs::remove_dir_all(&cache).unwrap_or_default();
            copy(&before, &killed);
        }
    }
    toy.reproduce("celeba", &killed).done();
    assert_same(&killed, &undisturbed);
}

#[test]
fn without_data_the_error_says_where_to_get_them_and_no_run_is_created() {
    let folder = tempfile::tempdir().unwrap();
    for (set, source) in [("celeba", "mmlab.ie.cuhk.edu.hk"), ("hap", "11khands")] {
        let run = folder.path().join(set);
        let call = gtn().args(["reproduce", set, "--data-dir", "/nowhere", "--out"]).arg(&run);
        let message = call.refused(source);
        assert!(message.contains("--data-dir") && message.contains("research"), "{message}");
        assert!(!run.exists());
        gtn().args(["data", "check", set, "--data-dir", "/nowhere"]).refused(source);
        gtn().args(["data", "fetch", set, "--data-dir", "/nowhere"]).refused(source);
    }
}

#[test]
fn an_invalid_filter_is_refused_before_a_run_is_created() {
    let toy = Toy::new();
    let run = toy.at("run");
    toy.reproduce("celeba", &run);
    let preset = toy.at("celeba.toml");
    let text =
        fs::read_to_string(&preset).unwrap().replace("set = \"celeba\"", "set = \"celeba\"\nfilter = \"Smilin=1\"");
    fs::write(&preset, text).unwrap();
    let call = gtn().arg("reproduce").arg(&preset).arg("--out").arg(&run).arg("--data-dir").arg(toy.at("data"));
    call.arg("--cache-dir").arg(toy.at("cache")).refused("Smilin");
    assert!(!run.exists());
}

#[test]
fn existing_images_are_counted() {
    let toy = Toy::new();
    for set in ["celeba", "hap"] {
        let (lines, _) = gtn().args(["data", "check", set, "--data-dir"]).arg(toy.at("data")).done();
        assert!(lines.contains("training") && lines.contains("a part of the published images"), "{lines}");
    }
}

#[test]
fn interpolations_connect_images_that_pass_filters() {
    let toy = Toy::new();
    let run = toy.at("run");
    toy.reproduce("hap", &run).done();
    let interpolate = |more: &[&str]| {
        let call = gtn()
            .arg("interpolate")
            .arg(&run)
            .args(["--rows", "2", "--steps", "3", "--out"])
            .arg(toy.at("interpolations.png"));
        call.args(more).arg("--cache-dir").arg(toy.at("cache")).arg("--data-dir").arg(toy.at("data"))
    };
    interpolate(&["--real", "--from", "aspect=palmar", "--to", "aspect=dorsal,aspect=left"]).done();
    assert!(fs::metadata(toy.at("interpolations.png")).unwrap().len() > 1000);
    interpolate(&["--force", "--real", "--to", "id=99"]).refused_in_one_line("0 pass the filter `id=99`");
    interpolate(&["--force", "--real", "--to", "aspect=palmer"]).refused_in_one_line("palmar");
    interpolate(&["--force", "--to", "aspect=palmar"]).refused("--real");
}

#[test]
fn table_2_runs_both_sets_and_names_what_is_missing() {
    let toy = Toy::new();
    let table = |folder: &Path, options: &[&str]| {
        let call = gtn().args(["reproduce", "table2", "--epochs", "1"]).args(options).arg("--out").arg(folder);
        call.arg("--data-dir").arg(toy.at("data")).arg("--cache-dir").arg(toy.at("cache"))
    };
    let runs = toy.at("runs");
    let (stdout, _) = table(&runs, &["--sets", "celeba", "--dims", "10"]).done();
    let lines: Vec<Vec<&str>> = stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1], ["celeba", "10", "1.97", "1.95", "36.66", "–", "–", "–", "–"]);
    let page = runs.join("table2-paper.html");
    assert_eq!(lines[2], [page.to_str().unwrap()]);
    let html = fs::read_to_string(&page).unwrap();
    for expected in [">36.66<", "of 162,770 training images", "gtn data fetch inception", ">1 (1)<"] {
        assert!(html.contains(expected), "{expected}");
    }
    // The run is an ordinary one, and is complete.
    let (listed, _) = gtn().arg("runs").arg(&runs).done();
    assert_eq!(
        listed.lines().filter(|line| line.starts_with("celeba-d") && line.contains("done")).count(),
        1,
        "{listed}"
    );
    let (_, stderr) = table(&runs, &["--sets", "celeba", "--dims", "10"]).done();
    let skipped = stderr.lines().filter(|line| line.starts_with("fit") && line.ends_with("already done"));
    assert_eq!(skipped.count(), 1, "{stderr}");

    // A set without data does not keep the other one from its work.
    fs::remove_dir_all(toy.at("data/hap")).unwrap();
    let without_hands = || table(&runs, &["--sets", "hap,celeba", "--dims", "10"]);
    without_hands().refused("1 of 2 runs failed, the first because cannot find 11K Hands");
    without_hands().refused("already done");
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("cannot find 11K Hands") && html.contains(">1 (1)<"), "{html}");
    for (options, advice) in [
        (&["--dim", "3"][..], "use --dims"),
        (&["--sets", "mnist"], "use --sets celeba,hap"),
        (&["--autoencoder", "run"], "each of its runs has its own"),
    ] {
        assert!(table(&toy.at("none"), options).refused_in_one_line("error: ").contains(advice));
    }
    assert!(!toy.at("none").exists());
    let message = gtn().args(["reproduce", "uniform", "--dims", "3"]).refused_in_one_line("error: ");
    assert!(message.contains("use --dim"), "{message}");
}

#[test]
fn an_unreadable_image_is_named_and_left_out_unless_that_is_forbidden() {
    let toy = Toy::new();
    let run = toy.at("run");
    let hands = toy.at("data/hap/Hands");
    let mut names: Vec<PathBuf> = fs::read_dir(&hands).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    fs::write(&names[0], "not an image").unwrap();
    let name = names[0].file_name().unwrap().to_str().unwrap();
    let message = toy.reproduce("hap", &run).arg("--strict").refused_in_one_line(name);
    assert!(!message.contains("panicked") && !run.exists(), "{message}");
    let (_, stderr) = toy.reproduce("hap", &run).done();
    assert!(stderr.contains(&format!("1 file cannot be read and is skipped: {name}")), "{stderr}");
    let report = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(report.contains(name), "the report names it");
    toy.reproduce("hap", &run).args(["--max-unreadable", "2"]).refused_in_one_line("fraction from 0 to 1");
    gtn().args(["reproduce", "uniform", "--strict"]).refused_in_one_line("no image files");
}
