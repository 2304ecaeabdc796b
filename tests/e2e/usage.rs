//! Mistakes of the user's: one clear line, exit code 2, nothing half-written, no panic.

mod program;

use std::fs;

use program::{gtn, toy};

#[test]
fn mistyped_commands_say_what_there_is() {
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
fn without_data_it_says_where_to_get_them_and_makes_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let here = || gtn().current_dir(folder.path()).env_remove("GTN_DATA_DIR");
    let message = here().args(["reproduce", "mnist"]).refused("https://");
    assert!(message.contains("datasets/mnist") && message.contains("GTN_DATA_DIR"), "{message}");
    here().args(["data", "check", "mnist"]).refused("4 of MNIST's 4 files are missing");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn damaged_or_swapped_data_are_named_and_no_run_is_begun() {
    let data = toy(30);
    let images = data.path().join("mnist/train-images-idx3-ubyte.gz");
    let labels = data.path().join("mnist/train-labels-idx1-ubyte");
    let run = data.path().join("run");
    let whole = fs::read(&images).unwrap();
    let reproduce = || gtn().args(["reproduce", "mnist", "--data-dir"]).arg(data.path()).arg("--out").arg(&run);

    fs::write(&images, &whole[..whole.len() / 2]).unwrap();
    reproduce().refused("train-images-idx3-ubyte.gz");
    fs::write(&images, fs::read(&labels).unwrap()).unwrap();
    reproduce().refused("swapped");
    fs::write(&images, b"<html>not found</html>").unwrap();
    reproduce().refused("not an IDX file");
    gtn().args(["data", "check", "mnist", "--data-dir"]).arg(data.path()).refused("missing");
    assert!(!run.exists());
}

#[test]
fn folders_and_files_that_exist_are_left_alone() {
    let data = toy(30);
    let photos = data.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("mine.txt"), "mine").unwrap();
    let reproduce = |out: &std::path::Path| {
        gtn().args(["reproduce", "mnist", "--limit", "20", "--data-dir"]).arg(data.path()).arg("--out").arg(out)
    };
    reproduce(&photos).refused("holds no run");
    reproduce(&photos.join("mine.txt")).refused("mine.txt");
    assert_eq!(fs::read_dir(&photos).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(photos.join("mine.txt")).unwrap(), "mine");

    let sample = |out: &str| gtn().arg("sample").arg(&photos).arg("--out").arg(data.path().join(out));
    sample("photos/mine.txt").refused(".png or .npy");
    sample("new.png").refused("holds no run");
    fs::write(data.path().join("old.png"), "mine").unwrap();
    sample("old.png").refused("--force");
    sample("nowhere/new.png").refused("no folder");
    sample("photos").refused("not empty");
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_does_no_harm() {
    use std::process::{Command, Stdio};
    let data = toy(30);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut check = Command::new(env!("CARGO_BIN_EXE_gtn"));
    check.args(["data", "check", "mnist", "--data-dir"]).arg(data.path());
    let closed = Stdio::from(writer.try_clone().unwrap());
    let ended = check.stdout(closed).stderr(Stdio::from(writer)).status().unwrap();
    // The toy set lacks the test files: the same exit code as with a reader.
    assert_eq!(ended.code(), Some(2));
}
