//! `gtn reproduce --autoencoder RUN`: runs that take the trained autoencoder of another run.

mod program;

use std::fs;
use std::path::Path;

use gtn_run::schema::latents;
use gtn_run::{Artifact, Network, RunFolder};
use program::{Call, assert_same, gtn, toy};

fn reproduce(data: &Path, run: &Path, options: &[&str]) -> Call {
    let call = gtn().args(["reproduce", "mnist", "--quick", "--limit", "150", "--data-dir"]).arg(data);
    call.arg("--out").arg(run).args(options).env("GTN_CACHE_DIR", data.join("cache"))
}

fn train(data: &Path, run: &Path, options: &[&str]) -> Call {
    reproduce(data, run, options).args(["--epochs", "autoencoder=2,h=2"])
}

#[test]
fn runs_share_an_autoencoder_and_its_split() {
    let data = toy(200);
    let [first, second, again] = ["first", "second", "again"].map(|name| data.path().join(name));
    train(data.path(), &first, &["--seed", "4"]).done();
    let take = ["--autoencoder", first.to_str().unwrap(), "--epochs", "3"];
    let (_, stderr) = reproduce(data.path(), &second, &take).done();
    assert!(!stderr.contains("autoencode, epoch"), "{stderr}");

    // The same weights give the same latents of the same split, whatever the seed is.
    let runs = [RunFolder::at(&first), RunFolder::at(&second)];
    let weights = |run: &RunFolder| fs::read(run.best_checkpoint(Network::Autoencoder)).unwrap();
    assert_eq!(weights(&runs[0]), weights(&runs[1]));
    let latents_of = |run: &RunFolder| Artifact::read(&run.latents()).unwrap();
    for key in [&latents::TRAIN, &latents::VALIDATION, &latents::MEAN] {
        assert_eq!(latents_of(&runs[0]).tensor(key).unwrap(), latents_of(&runs[1]).tensor(key).unwrap());
    }
    assert_ne!(fs::read(runs[0].pairs()).unwrap(), fs::read(runs[1].pairs()).unwrap());
    let record = runs[1].record().unwrap();
    let reused = record.config.reused_autoencoder().unwrap().clone();
    assert_eq!((record.config.seed, record.config.split_seed()), (1, 4));
    assert_eq!(reused.weights, Artifact::read(&runs[0].best_checkpoint(Network::Autoencoder)).unwrap().checksum());
    // How the autoencoder was trained is that of the other run, and --epochs concerns only ĥ.
    let epochs = |run: &RunFolder| run.record().unwrap().config.autoencoder.unwrap().training.epochs;
    assert_eq!((epochs(&runs[1]), record.config.h.training.epochs), (2, 3));
    assert_eq!(record.provenance.autoencoder_epochs, Some(2));
    assert!(record.provenance.command.unwrap().contains("--autoencoder"));
    let html = fs::read_to_string(runs[1].report()).unwrap();
    let from = format!("autoencoder was taken from {}", first.display());
    assert!(html.contains(&from) && !html.contains("No epochs of the autoencoder"), "{from}");

    // A moved folder is the same autoencoder. Without the option, the run resumes, too, with the weights in its folder.
    let moved = data.path().join("moved");
    fs::rename(&first, &moved).unwrap();
    let before = program::artifacts(&second);
    for options in [&["--epochs", "3", "--autoencoder", moved.to_str().unwrap()][..], &["--epochs", "3"]] {
        let (_, stderr) = reproduce(data.path(), &second, options).done();
        let is_skipped =
            |stage: &str| stderr.lines().any(|line| line.starts_with(stage) && line.ends_with("already done"));
        assert!(["autoencode", "fit", "evaluate"].iter().all(|stage| is_skipped(stage)), "{stderr}");
    }
    assert_eq!(program::artifacts(&second), before);
    // Damaged weights are copied again.
    let path = runs[1].best_checkpoint(Network::Autoencoder);
    fs::write(&path, "damaged").unwrap();
    reproduce(data.path(), &second, &["--epochs", "3"]).done();
    assert_eq!(program::artifacts(&second), before);
    // A run that took its autoencoder can pass it on.
    reproduce(data.path(), &again, &["--epochs", "3", "--autoencoder", second.to_str().unwrap()]).done();
    assert_same(&again, &second);

    // Held-out images of the run are those of the split.
    let evaluate = |run: &Path| {
        let call = gtn().arg("evaluate").arg("--real").arg(run).arg("--generated").arg(&moved);
        let call = call.args(["--json", "--metrics", "energy_distance", "--data-dir"]).arg(data.path());
        let found: serde_json::Value = serde_json::from_str(&call.done().0).unwrap();
        // The baselines are drawn with the seed of the run.
        [found["value"].clone(), found["floor"].clone(), found["baselines"]["decoded"].clone()]
    };
    assert_eq!(evaluate(&second), evaluate(&moved));
    gtn().arg("sample").arg(&again).args(["-n", "4", "--out"]).arg(data.path().join("a.png")).done();
}

#[test]
fn the_last_encoder_is_taken_under_the_repo_protocol() {
    let data = toy(200);
    let [first, second] = ["first", "second"].map(|name| data.path().join(name));
    train(data.path(), &first, &["--protocol", "repo"]).done();
    let take = ["--protocol", "repo", "--seed", "2", "--epochs", "2", "--autoencoder", first.to_str().unwrap()];
    reproduce(data.path(), &second, &take).done();
    let read =
        |run: &Path, state: &str| fs::read(run.join(format!("checkpoints/autoencoder.{state}.safetensors"))).unwrap();
    for state in ["best", "last"] {
        assert_eq!(read(&first, state), read(&second, state), "{state}");
    }
    let config = RunFolder::at(&second).record().unwrap().config;
    assert_eq!(config.reused_autoencoder().unwrap().weights.len(), 64 + 1 + 64);
    fs::remove_file(first.join("checkpoints/autoencoder.last.safetensors")).unwrap();
    let third = data.path().join("third");
    reproduce(data.path(), &third, &take).refused_in_one_line("autoencoder.last.safetensors is missing");
    assert!(!third.exists());
}

#[test]
fn published_weights_are_taken() {
    let data = toy(200);
    let run = data.path().join("run");
    let weights = gtn_tests::workspace().join("weights/mnist-d5");
    let (_, stderr) =
        reproduce(data.path(), &run, &["--epochs", "2", "--autoencoder", weights.to_str().unwrap()]).done();
    assert!(stderr.contains("was trained on other images than those of this run"), "{stderr}");
    let html = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(html.contains("where it was trained on other images"));
    assert_eq!(RunFolder::at(&run).record().unwrap().provenance.autoencoder_epochs, Some(25));
}

#[test]
fn an_autoencoder_that_does_not_fit_is_refused() {
    let data = toy(200);
    let out = |name: &str| data.path().join(name);
    let run = out("run");
    train(data.path(), &run, &[]).done();
    let path = run.to_str().unwrap();
    let other = out("other");
    let refuse = |options: &[&str], word: &str| {
        reproduce(data.path(), &other, options).refused_in_one_line(word);
        assert!(!other.exists(), "{word}");
    };
    refuse(&["--autoencoder", path, "--dim", "3"], "pass --dim 5");
    refuse(&["--autoencoder", out("absent").to_str().unwrap()], "is not a run");
    refuse(&["--autoencoder", path, "--epochs", "autoencoder=2"], "--epochs autoencoder has no effect");
    // Of points, and for points.
    let points = out("points");
    gtn().args(["reproduce", "uniform", "--limit", "200", "--epochs", "1", "--out"]).arg(&points).done();
    refuse(&["--autoencoder", points.to_str().unwrap()], "its data are points");
    let call = gtn().args(["reproduce", "uniform", "--autoencoder", path, "--out"]).arg(&other);
    call.refused_in_one_line("omit --autoencoder");
    // For images of another size.
    gtn_tests::write_toy_celeba(&out("celeba"), 60).unwrap();
    let call = gtn().args(["reproduce", "celeba", "--dim", "5", "--autoencoder", path, "--data-dir"]).arg(data.path());
    call.env("GTN_CACHE_DIR", out("cache")).arg("--out").arg(&other).refused("it encodes images of 1 × 28 × 28");
    assert!(!other.exists());
    // The folder of the run itself would be overwritten.
    reproduce(data.path(), &run, &["--autoencoder", path, "--force"]).refused_in_one_line("choose another folder");
    assert!(run.join("report.html").exists());

    // A run in which training is not over.
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    fs::write(run.join("config.toml"), config.replace("autoencoder_epochs = 2\n", "")).unwrap();
    refuse(&["--autoencoder", path], "its training is not over");
    fs::write(run.join("config.toml"), &config).unwrap();

    // The settings of such a run need the autoencoder, which the configuration names by its checksum.
    reproduce(data.path(), &other, &["--autoencoder", path]).done();
    let (settings, _) = gtn().args(["config", "show", "mnist"]).done();
    let reused = fs::read_to_string(other.join("config.toml")).unwrap();
    let table = reused.split("[config.autoencoder.reused]").nth(1).unwrap().split("\n[").next().unwrap();
    fs::write(out("mine.toml"), format!("{settings}\n[autoencoder.reused]{table}")).unwrap();
    let third = out("third");
    let mine = |options: &[&str]| {
        let call = gtn().arg("reproduce").arg(out("mine.toml")).args(["--limit", "150", "--epochs", "2", "--data-dir"]);
        call.arg(data.path()).arg("--out").arg(&third).args(options)
    };
    mine(&[]).refused_in_one_line("--autoencoder RUN");
    mine(&["--autoencoder", path]).done();
    // Another autoencoder in the same folder is another run.
    let weights = gtn_tests::workspace().join("weights/mnist-d5");
    let call = reproduce(data.path(), &other, &["--autoencoder", weights.to_str().unwrap()]);
    call.refused("autoencoder.reused.weights is");
}
