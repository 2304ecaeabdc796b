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

#[cfg(unix)]
#[test]
fn a_run_killed_in_each_stage_ends_bit_equal() {
    let toy = Toy::new();
    let [undisturbed, killed] = ["undisturbed", "killed"].map(|name| toy.at(name));
    toy.reproduce("celeba", &undisturbed).done();
    fs::remove_dir_all(toy.at("cache")).unwrap();

    let there = |file: &str| killed.join(file).is_file();
    let decoding = || fs::read_dir(toy.at("cache")).is_ok_and(|entries| entries.count() > 0);
    // Each stage is under way, or about to be, once what the one before it leaves is there.
    let under_way: [(&str, &dyn Fn() -> bool); 7] = [
        ("prepare", &decoding),
        ("autoencode", &|| epochs(&killed) >= 1),
        ("encode", &|| epochs(&killed) >= 2),
        ("label", &|| there("latents/latents.safetensors")),
        ("fit", &|| epochs(&killed) >= 3),
        ("sample", &|| epochs(&killed) >= 5),
        ("evaluate", &|| there("samples/samples.safetensors")),
    ];
    for (stage, condition) in under_way {
        let mut child = toy.reproduce("celeba", &killed).spawn();
        wait_until(&mut child, condition);
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "{stage} was over before the kill");
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
