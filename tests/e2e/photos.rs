//! `gtn reproduce celeba` and `hap` on toy photographs.

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use gtn_tests::{write_toy_celeba, write_toy_hap};
use program::{Call, assert_same, epochs, gtn, wait_until};
use tempfile::TempDir;

/// Toy data sets, and settings with small networks beside them.
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

    /// An experiment of this set with a ĥ that trains within a moment.
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
fn photographs_are_learned_reported_and_decoded_once() {
    let toy = Toy::new();
    for set in ["celeba", "hap"] {
        let (first, second) = (toy.at(&format!("{set}-first")), toy.at(&format!("{set}-second")));
        let (stdout, _) = toy.reproduce(set, &first).done();
        let report = fs::read_to_string(stdout.trim()).unwrap();
        assert!(report.contains("here the validation loss decides"), "{set}");
        assert!(report.contains("split as their publishers did"), "{set}");

        // From the cache alone, to the bit.
        let cache = toy.at(&format!("cache/{set}-64.photos"));
        let made = fs::metadata(&cache).unwrap().modified().unwrap();
        toy.reproduce(set, &second).done();
        assert_eq!(fs::metadata(&cache).unwrap().modified().unwrap(), made);
        assert_same(&second, &first);

        let samples = toy.at(&format!("{set}.png"));
        gtn().arg("sample").arg(&first).args(["-n", "4", "--out"]).arg(&samples).done();
        assert!(fs::metadata(samples).unwrap().len() > 100);
    }
}

/// Copies a folder with all that is in it, if it is there.
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
fn a_full_disk_while_photographs_are_decoded_is_told_and_leaves_nothing() {
    let toy = Toy::new();
    let run = toy.at("run");
    // No file may grow beyond 256 KiB: as on a full disk, a write comes back short.
    let message = toy.reproduce("hap", &run).in_shell("trap '' XFSZ; ulimit -f 512;").failed("cannot write");
    assert!(message.contains("hap-64.photos") && message.contains("nothing of it was kept"), "{message}");
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

    let there = |file: &str| killed.join(file).is_file();
    let trained = || epochs(&killed);
    // Each stage is under way, or about to be, once what the one before it leaves is there, and was at work if what it leaves
    // itself is not.
    let cache = toy.at("cache");
    let begins_to_decode = || fs::read_dir(&cache).is_ok_and(|entries| entries.count() > 0);
    type Told<'a> = &'a dyn Fn() -> bool;
    let stages: [(&str, Told<'_>, Told<'_>); 7] = [
        ("prepare", &begins_to_decode, &|| cache.join("celeba-64.photos").is_file()),
        ("autoencode", &|| trained() >= 1, &|| trained() >= 2),
        ("encode", &|| trained() >= 2, &|| there("latents/latents.safetensors")),
        ("label", &|| there("latents/latents.safetensors"), &|| there("pairs/pairs.safetensors")),
        ("fit", &|| trained() >= 3, &|| trained() >= 5),
        ("sample", &|| trained() >= 5, &|| there("samples/samples.safetensors")),
        ("evaluate", &|| there("samples/samples.safetensors"), &|| there("report.html")),
    ];
    for (stage, is_under_way, is_over) in stages {
        // The moment may be missed where a stage takes milliseconds; then the run is put back to where it was.
        let before = toy.at(&format!("before-{stage}"));
        copy(&killed, &before);
        let mut tries = 0;
        loop {
            let mut child = toy.reproduce("celeba", &killed).spawn();
            // The run's own process, and not what an earlier one left, or what it finds of that and does not do again.
            let at_work = format!("process {},", child.id());
            let holds =
                || fs::read_to_string(killed.join(".gtn-lock")).is_ok_and(|holder| holder.starts_with(&at_work));
            wait_until(&mut child, || (stage == "prepare" || holds()) && is_under_way());
            child.kill().unwrap();
            let ended = child.wait().unwrap();
            if ended.code().is_none() && !is_over() {
                break;
            }
            tries += 1;
            assert!(tries < 50, "{stage} was over before each kill");
            fs::remove_dir_all(&killed).unwrap();
            fs::remove_dir_all(&cache).unwrap_or_default();
            copy(&before, &killed);
        }
    }
    toy.reproduce("celeba", &killed).done();
    assert_same(&killed, &undisturbed);
}

#[test]
fn without_data_it_says_where_to_get_them_and_makes_no_run() {
    let folder = tempfile::tempdir().unwrap();
    for (set, place) in [("celeba", "mmlab.ie.cuhk.edu.hk"), ("hap", "11khands")] {
        let run = folder.path().join(set);
        let call = gtn().args(["reproduce", set, "--data-dir", "/nowhere", "--out"]).arg(&run);
        let message = call.refused(place);
        assert!(message.contains("--data-dir") && message.contains("research"), "{message}");
        assert!(!run.exists());
        gtn().args(["data", "check", set, "--data-dir", "/nowhere"]).refused(place);
        gtn().args(["data", "fetch", set, "--data-dir", "/nowhere"]).refused(place);
    }
}

#[test]
fn a_filter_that_does_not_fit_is_refused_before_a_run_is_made() {
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
fn what_is_there_is_counted() {
    let toy = Toy::new();
    for set in ["celeba", "hap"] {
        let (lines, _) = gtn().args(["data", "check", set, "--data-dir"]).arg(toy.at("data")).done();
        assert!(lines.contains("training") && lines.contains("a part of what was published"), "{lines}");
    }
}

#[test]
fn ways_lead_between_images_chosen_by_what_they_show() {
    let toy = Toy::new();
    let run = toy.at("run");
    toy.reproduce("hap", &run).done();
    let interpolate = |more: &[&str]| {
        let call =
            gtn().arg("interpolate").arg(&run).args(["--rows", "2", "--steps", "3", "--out"]).arg(toy.at("ways.png"));
        call.args(more).arg("--cache-dir").arg(toy.at("cache")).arg("--data-dir").arg(toy.at("data"))
    };
    interpolate(&["--real", "--from", "aspect=palmar", "--to", "aspect=dorsal,aspect=left"]).done();
    assert!(fs::metadata(toy.at("ways.png")).unwrap().len() > 1000);
    interpolate(&["--force", "--real", "--to", "id=99"]).refused_in_one_line("leaves 0 training images");
    interpolate(&["--force", "--real", "--to", "aspect=palmer"]).refused_in_one_line("palmar");
    interpolate(&["--force", "--to", "aspect=palmar"]).refused("--real");
}
