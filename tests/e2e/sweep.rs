//! Sweeps through the program: interrupted, with halving, with failures, and on bad input.
#![cfg(unix)]

mod program;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use gtn_run::sweep::{CombinationState, SweepRecord};
use gtn_run::{RunFolder, Stage};
use program::{Call, assert_same, epochs, gtn, wait_until};

/// A preset whose networks train in a second.
const PRESET: &str = r#"
experiment = "small"
seed = 1
dim = 3
data = { set = "mnist", train_fraction = 0.8 }
autoencoder = { weights = "best", training = { epochs = 2, patience = 5, batch_size = 20, learning_rate = 1e-3 } }

[pairing]
normalize = "center"
flow = { width = 16, blocks = 1, epochs = 1, batch_size = 40, integration_steps = 4, fresh_pairs = 100 }

[h]
hidden_layers = 2
width = 8
negative_slope = 0.5
batch_norm_layers = 2
training = { epochs = 5, patience = 10, batch_size = 50, learning_rate = 3e-3 }
"#;

const GRID: [&str; 6] = ["--autoencoder-learning-rates", "1e-3,0.002", "--pairings", "greedy,flow", "--widths", "8,12"];

/// A call with the data in `folder`.
fn call(folder: &Path, arguments: &[&str], out: &str) -> Call {
    let call = gtn().current_dir(folder).args(arguments);
    call.args(["--no-tensorboard", "--data-dir", "data", "--cache-dir", "cache", "--out", out])
}

fn sweep(folder: &Path, out: &str, grid: &[&str]) -> Call {
    call(folder, &[&["sweep", "small.toml"], grid].concat(), out)
}

fn read(folder: &Path) -> SweepRecord {
    SweepRecord::read(folder).unwrap().unwrap()
}

/// How often a stage was executed.
fn executed(stderr: &str, stage: Stage) -> usize {
    let is_done = |line: &&str| line.starts_with(&format!("{stage} ")) && line.contains("done in");
    stderr.lines().filter(is_done).count()
}

#[test]
fn an_interrupted_sweep_ends_as_an_uninterrupted_one_and_trains_nothing_twice() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path();
    gtn_tests::write_toy_mnist(&folder.join("data/mnist"), 120).unwrap();
    fs::write(folder.join("small.toml"), PRESET).unwrap();
    let [undisturbed, disturbed] = ["undisturbed", "disturbed"].map(|name| folder.join(name));

    let (stdout, stderr) = sweep(folder, "undisturbed", &GRID).done();
    let counts = [Stage::Autoencode, Stage::Encode, Stage::Flow, Stage::Label, Stage::Fit];
    assert_eq!(counts.map(|stage| executed(&stderr, stage)), [2, 2, 2, 4, 8], "{stderr}");
    let record = read(&undisturbed);
    let names: Vec<&str> = record.combinations.iter().map(|combination| combination.name.as_str()).collect();
    assert_eq!(names[0], "autoencoder-learning-rate-1e-3-greedy-width-8");
    assert_eq!(names[7], "autoencoder-learning-rate-2e-3-flow-width-12");
    assert!(record.combinations.iter().all(|combination| combination.state == CombinationState::Done));
    // The table has a row for each. They are compared by images, since the autoencoders differ.
    assert_eq!(stdout.lines().count(), 9, "{stdout}");
    let best = &record.combinations[record.best().unwrap()].name;
    assert!(stderr.contains(&format!("best        undisturbed/{best}\n")), "{stderr}");
    let head = "autoencoder-learning-rate  pairing  width  state  epochs  best_epoch  pixel_sliced_wasserstein  validation_loss";
    assert!(stdout.starts_with(head), "{stdout}");
    let page = fs::read_to_string(undisturbed.join("sweep.html")).unwrap();
    assert!(page.contains(&format!("href=\"{best}/report.html\"")) && page.contains("Values of the settings"));

    // Ctrl-C in the second run, which shares the autoencoder of the first; a kill in the fifth, which trains its own.
    for (index, min_epochs, signal, code) in [(1, 3, "-INT", Some(130)), (4, 1, "-KILL", None)] {
        let log = folder.join("stderr.txt");
        let call = sweep(folder, "disturbed", &GRID).in_shell(&format!(
            "cd '{}'; exec 2>'{}';",
            folder.display(),
            log.display()
        ));
        let mut child = call.spawn();
        wait_until(&mut child, || epochs(&disturbed.join(names[index])) >= min_epochs);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), code, "{signal}");
        let stderr = fs::read_to_string(&log).unwrap();
        assert!(signal == "-KILL" || stderr.contains("the same command resumes from there"), "{stderr}");
    }
    let (again, _) = sweep(folder, "disturbed", &GRID).done();
    let without_times = |table: &str| -> Vec<String> {
        table.lines().map(|line| line.split_whitespace().take(8).collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(without_times(&again), without_times(&stdout));
    let metrics = |record: &SweepRecord| record.combinations.iter().map(|of| of.metrics.clone()).collect::<Vec<_>>();
    assert_eq!(metrics(&read(&disturbed)), metrics(&record));
    for name in &names {
        assert_same(&disturbed.join(name), &undisturbed.join(name));
    }
    // One file of weights for each autoencoder, and for each flow.
    for (network, files) in [("autoencoder", 2), ("flow", 2)] {
        let paths =
            names.iter().map(|name| disturbed.join(name).join(format!("checkpoints/{network}.best.safetensors")));
        let inodes: BTreeSet<u64> = paths.filter_map(|path| Some(fs::metadata(path).ok()?.ino())).collect();
        assert_eq!(inodes.len(), files, "{network}");
    }
    // A finished sweep executes nothing, and completes what a killed process left.
    fs::remove_file(disturbed.join(names[2]).join("report.html")).unwrap();
    let (_, stderr) = sweep(folder, "disturbed", &GRID).done();
    assert!(!stderr.contains("done in") && stderr.contains("8 of them complete"), "{stderr}");
    assert!(disturbed.join(names[2]).join("report.html").exists());

    // The run of a combination is the same as without a sweep.
    let run = RunFolder::at(undisturbed.join(names[7]));
    let command = run.record().unwrap().provenance.command.unwrap();
    let arguments: Vec<&str> = command.strip_prefix("cargo xtask ").unwrap().split(' ').collect();
    call(folder, &arguments, "alone").done();
    assert_same(&folder.join("alone"), run.root());
    assert!(fs::read_to_string(run.metrics()).unwrap().contains("\"stage\":\"autoencode\",\"epoch\":2"));
    gtn().arg("report").arg(run.root()).done();
    gtn().arg("sample").arg(run.root()).args(["-n", "4", "--out"]).arg(folder.join("a.png")).done();

    // Another sweep in the folder is refused with the difference.
    let other = [&GRID[..4], &["--widths", "8,16"]].concat();
    let message = sweep(folder, "disturbed", &other).refused_in_one_line("contains a different sweep");
    assert!(message.contains("--widths is 8,12 in the folder and 8,16 in this command"), "{message}");
    let epochs = [&GRID[..], &["--epochs", "h=6"]].concat();
    let message = sweep(folder, "disturbed", &epochs).refused_in_one_line("contains a different sweep");
    assert!(message.contains("h.training.epochs is 5 in the folder and 6 in this command"), "{message}");
}

#[test]
fn halving_completes_the_best_and_failures_do_not_stop_the_others() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path();
    let choices = ["uniform", "--limit", "500", "--epochs", "4"];
    let grid = ["--widths", "4,6", "--learning-rates", "1e-3,1e-2,1e30"];
    let sweep =
        |out: &str, options: &[&str]| call(folder, &[&["sweep"], &choices[..], &grid[..], options].concat(), out);
    let message = sweep("halved", &["--halving"]).failed("2 of 6 combinations failed");
    assert!(message.contains("halved/sweep.html has the reasons"), "{message}");
    let halved = read(&folder.join("halved"));
    let states: Vec<(CombinationState, Option<usize>)> =
        halved.combinations.iter().map(|combination| (combination.state, combination.epochs)).collect();
    let count =
        |state: CombinationState, epochs: usize| states.iter().filter(|of| **of == (state, Some(epochs))).count();
    // After 1 epoch, two of four are left out, after 2 epochs one of two.
    assert_eq!(
        [(CombinationState::LeftOut, 1), (CombinationState::LeftOut, 2), (CombinationState::Done, 4)]
            .map(|(state, epochs)| count(state, epochs)),
        [2, 1, 1],
        "{states:?}"
    );
    for combination in halved.combinations.iter().filter(|of| of.name.ends_with("1e30")) {
        assert_eq!(combination.state, CombinationState::Failed);
        assert!(combination.failure.as_ref().unwrap().reason.starts_with("training diverged in stage fit"));
    }
    let page = fs::read_to_string(folder.join("halved/sweep.html")).unwrap();
    assert!(page.contains("training diverged in stage fit") && page.contains("left out"));

    // The same command executes nothing; neither does it try again what diverged.
    let before = fs::read(folder.join("halved/sweep.json")).unwrap();
    sweep("halved", &["--halving"]).failed_without("combination 1 of 6", "2 of 6 combinations failed");
    assert_eq!(fs::read(folder.join("halved/sweep.json")).unwrap(), before);
    sweep("halved", &[]).refused_in_one_line("--halving is set in the folder and not in this command");

    // A run that halving completed is the same as without it.
    sweep("all", &[]).failed("2 of 6 combinations failed");
    let all = read(&folder.join("all"));
    assert_eq!(all.combinations.iter().filter(|of| of.state == CombinationState::Done).count(), 4);
    let best = &halved.combinations[halved.best().unwrap()];
    assert_same(&folder.join("halved").join(&best.name), &folder.join("all").join(&best.name));
    // What runs are compared by may change later.
    let (_, stderr) =
        call(folder, &["sweep", "uniform", "--limit", "500", "--epochs", "2", "--widths", "4,6"], "few").done();
    assert!(stderr.contains("the best so far") && stderr.contains("sliced_wasserstein"), "{stderr}");
    let by = ["sweep", "uniform", "--limit", "500", "--epochs", "2", "--widths", "4,6", "--by", "validation-loss"];
    let (stdout, _) = call(folder, &by, "few").done();
    let losses = stdout.lines().skip(1).map(|line| line.split_whitespace().nth(4).unwrap().parse::<f64>().unwrap());
    assert!(losses.is_sorted(), "{stdout}");
}

#[test]
fn bad_input_is_refused_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let refuse = |arguments: &[&str], word: &str| {
        call(folder.path(), &[&["sweep"], arguments].concat(), "none").refused(word);
        assert!(!folder.path().join("none").exists(), "{arguments:?}");
    };
    refuse(&["uniform"], "at least one list of values; pass --widths");
    refuse(&["unifrom", "--widths", "4"], "did you mean `uniform`?");
    refuse(&["uniform", "--widths", "4,0"], "h.width = 0");
    refuse(&["uniform", "--widths", "4,,6"], "--widths");
    refuse(&["uniform", "--widths", "4,6,4"], "has 4 twice");
    refuse(&["uniform", "--learning-rates", "1e-3,0.001"], "has 1e-3 twice");
    refuse(&["uniform", "--learning-rates", "1e-3,nan"], "h.training.learning_rate = NaN");
    refuse(&["uniform", "--depths", "x"], "--depths");
    refuse(&["uniform", "--autoencoder-learning-rates", "1e-3"], "`uniform` has no autoencoder");
    refuse(&["uniform", "--pairings", "greedy,sorted"], "pairing.method = sorted");
    refuse(&["uniform", "--components", "1,labels"], "cannot use the classes of `uniform`");
    refuse(&["uniform", "--widths", "4,6", "--by", "slicd-wasserstein"], "did you mean `sliced_wasserstein`?");
    refuse(&["uniform", "--widths", "4,6", "--halving", "--time-budget", "10s"], "--time-budget");
    refuse(&["mnist", "--autoencoder-learning-rates", "1e-3", "--autoencoder", "run"], "--autoencoder");
    refuse(&["mnist", "--widths", "4,6", "--autoencoder", "absent"], "is not a run");
    // Without data no run starts, and another sweep may take the folder.
    let empty = folder.path().join("empty");
    for widths in ["4,6", "4,8"] {
        let call = gtn().current_dir(folder.path()).args(["sweep", "mnist", "--widths", widths, "--out", "early"]);
        call.arg("--data-dir").arg(&empty).refused("cannot find MNIST in");
    }
    // A folder with other content stays as it is.
    let notes = folder.path().join("notes");
    fs::create_dir(&notes).unwrap();
    fs::write(notes.join("a.txt"), "mine").unwrap();
    let call = call(folder.path(), &["sweep", "uniform", "--limit", "100", "--widths", "4"], "notes");
    call.refused_in_one_line("is neither empty nor a sweep");
    assert_eq!(fs::read_dir(&notes).unwrap().count(), 1);
}
