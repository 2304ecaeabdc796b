//! Errors of the user: one clear line, exit code 2, no partial output, no panic.

mod program;

use std::fs;

use program::{gtn, toy};

#[test]
fn mistyped_arguments_are_refused_with_alternatives() {
    for (arguments, word) in [
        (&["reproduce", "mnst", "--data-dir", "/nowhere"][..], "mnist"),
        (&["reproduce", "mnist", "--dim", "0"], "dim"),
        (&["reproduce", "mnist", "--dim", "x"], "--dim"),
        (&["reproduce", "mnist", "--epochs", "h"], "NETWORK=NUMBER"),
        (&["reproduce", "mnist", "--epochs", "h=0"], "h.training.epochs"),
        (&["reproduce", "mnist", "--epochs", "h=18446744073709551615"], "h.training.epochs"),
        (&["reproduce", "mnist", "--limit", "3"], "data.limit"),
        (&["reproduce", "mnist", "--protocol", "book"], "repo"),
        (&["data", "check", "minst"], "mnist"),
        (&["sample"], "--out"),
        (&["frobnicate"], "frobnicate"),
    ] {
        gtn().args(arguments).refused(word);
    }
}

#[test]
fn without_data_the_error_says_where_to_get_them_and_no_folder_is_created() {
    let folder = tempfile::tempdir().unwrap();
    let here = || gtn().current_dir(folder.path()).env_remove("GTN_DATA_DIR");
    let message = here().args(["reproduce", "mnist"]).refused("https://");
    assert!(message.contains("datasets/mnist") && message.contains("GTN_DATA_DIR"), "{message}");
    here().args(["data", "check", "mnist"]).refused("4 of the 4 files of MNIST are missing");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn damaged_or_swapped_files_are_named_and_no_run_is_created() {
    let data = toy(30);
    let images = data.path().join("mnist/train-images-idx3-ubyte.gz");
    let labels = data.path().join("mnist/train-labels-idx1-ubyte");
    let run = data.path().join("run");
    let complete = fs::read(&images).unwrap();
    let reproduce = || gtn().args(["reproduce", "mnist", "--data-dir"]).arg(data.path()).arg("--out").arg(&run);

    fs::write(&images, &complete[..complete.len() / 2]).unwrap();
    reproduce().refused("train-images-idx3-ubyte.gz");
    fs::write(&images, fs::read(&labels).unwrap()).unwrap();
    reproduce().refused("swapped");
    fs::write(&images, b"<html>not found</html>").unwrap();
    reproduce().refused("not an IDX file");
    gtn().args(["data", "check", "mnist", "--data-dir"]).arg(data.path()).refused("missing");
    assert!(!run.exists());
}

#[test]
fn existing_folders_and_files_are_not_overwritten() {
    let data = toy(30);
    let notes = data.path().join("notes");
    fs::create_dir(&notes).unwrap();
    fs::write(notes.join("mine.txt"), "mine").unwrap();
    let reproduce = |out: &std::path::Path| {
        gtn().args(["reproduce", "mnist", "--limit", "20", "--data-dir"]).arg(data.path()).arg("--out").arg(out)
    };
    reproduce(&notes).refused("is neither empty nor a run");
    reproduce(&notes.join("mine.txt")).refused("mine.txt");
    assert_eq!(fs::read_dir(&notes).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(notes.join("mine.txt")).unwrap(), "mine");

    let sample = |out: &str| gtn().arg("sample").arg(&notes).arg("--out").arg(data.path().join(out));
    sample("notes/mine.txt").refused(".png or .npy");
    sample("new.png").refused("is not a run");
    fs::write(data.path().join("old.png"), "mine").unwrap();
    sample("old.png").refused("--force");
    sample("nowhere/new.png").refused("does not exist");
    sample("notes").refused("not empty");
}

#[test]
fn a_run_of_an_older_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fs::create_dir(&run).unwrap();
    // The first format had no number.
    let old = "[provenance]\nversion = \"0.1.0\"\n\n[config]\nexperiment = \"uniform\"\nprotocol = \"paper\"\n\n\
               [config.label]\nrows = \"greedy\"\n";
    fs::write(run.join("config.toml"), old).unwrap();
    let reproduce = || gtn().args(["reproduce", "uniform", "--limit", "500", "--epochs", "1", "--out"]).arg(&run);
    let sample = || gtn().arg("sample").arg(&run).arg("--out").arg(folder.path().join("samples.npy"));
    for call in [reproduce(), sample(), gtn().arg("report").arg(&run)] {
        let message = call.refused_in_one_line("was written by an older version of gtn (run format 1, ");
        assert!(message.contains(run.to_str().unwrap()) && message.contains("--force"), "{message}");
    }
    assert!(!folder.path().join("samples.npy").exists());
    assert_eq!(fs::read_to_string(run.join("config.toml")).unwrap(), old);
    let (listed, _) = gtn().arg("runs").arg(folder.path()).done();
    assert!(listed.contains("unreadable: ") && listed.contains("run format 1"), "{listed}");

    reproduce().arg("--force").done();
    sample().done();
}

#[test]
#[cfg(unix)]
fn a_closed_pipe_does_not_change_the_exit_code() {
    use std::process::{Command, Stdio};
    let data = toy(30);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut check = Command::new(env!("CARGO_BIN_EXE_gtn"));
    check.args(["data", "check", "mnist", "--data-dir"]).arg(data.path());
    let closed = Stdio::from(writer.try_clone().unwrap());
    let status = check.stdout(closed).stderr(Stdio::from(writer)).status().unwrap();
    // The toy data set has no test files, which is the same error as without a closed pipe.
    assert_eq!(status.code(), Some(2));
}
