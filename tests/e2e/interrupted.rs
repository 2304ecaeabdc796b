//! Runs that are killed, stopped, or run out of disk space, and resume.
#![cfg(unix)]

mod program;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use program::{Call, assert_same, epochs, gtn, toy, wait_until};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn reproduce(run: &Path) -> Call {
    // Settings with many epochs and without early stopping.
    let preset = run.with_extension("toml");
    let (text, _) =
        gtn().args(["config", "show", "uniform", "--limit", "20000", "--epochs", "40", "--seed", "3"]).done();
    std::fs::write(&preset, text.replace("patience = 3", "patience = 1000")).unwrap();
    gtn().arg("reproduce").arg(&preset).arg("--out").arg(run)
}

#[test]
fn a_run_killed_at_random_moments_ends_bit_equal() {
    kill_at_random_moments(3);
}

#[test]
#[ignore = "takes minutes; cargo xtask prove runs it"]
fn a_run_killed_a_hundred_times_ends_bit_equal() {
    kill_at_random_moments(100);
}

fn kill_at_random_moments(kills: usize) {
    let folder = tempfile::tempdir().unwrap();
    let [undisturbed, killed] = ["undisturbed", "killed"].map(|name| folder.path().join(name));
    reproduce(&undisturbed).done();

    // The moments differ each time; the result must not.
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    #[allow(clippy::print_stdout, reason = "a failure can be repeated with the seed")]
    for kill in 0..kills {
        // Within an epoch, or while its files are written. The run has 40 epochs.
        let min_epochs = 36 * kill / kills;
        let pause = Duration::from_micros(rng.random_range(0..100_000));
        let mut child = reproduce(&killed).spawn();
        wait_until(&mut child, || epochs(&killed) >= min_epochs);
        std::thread::sleep(pause);
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        println!("seed {seed}: killed {pause:?} after epoch {min_epochs}");
    }
    reproduce(&killed).done();
    assert_same(&killed, &undisturbed);
}

#[test]
fn a_run_stopped_by_ctrl_c_says_how_to_resume_and_ends_bit_equal() {
    let folder = tempfile::tempdir().unwrap();
    let [undisturbed, stopped] = ["undisturbed", "stopped"].map(|name| folder.path().join(name));
    reproduce(&undisturbed).done();

    let log = folder.path().join("stderr.txt");
    let mut child = reproduce(&stopped).in_shell(&format!("exec 2>'{}';", log.display())).spawn();
    wait_until(&mut child, || epochs(&stopped) >= 2);
    // Meanwhile a second process is refused, with the ID of the first.
    let refused = reproduce(&stopped).refused("in use by another process");
    assert!(refused.contains(&format!("process {}", child.id())), "{refused}");
    let (listed, _) = gtn().arg("runs").arg(folder.path()).done();
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("stopped ") && line.contains(", epoch ") && line.contains("(process ")),
        "{listed}"
    );
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let stderr = std::fs::read_to_string(&log).unwrap();
    assert!(stderr.contains("the state is saved, and the same command resumes from there"), "{stderr}");
    let report = || gtn().arg("report").arg(&stopped);
    let message = report().refused_in_one_line("is unfinished (fit, epoch ");
    let resume = format!(
        "Resume with: cargo xtask reproduce {} --out {}",
        stopped.with_extension("toml").display(),
        stopped.display()
    );
    assert!(message.contains(&resume) && !stopped.join("report.html").exists(), "{message}");
    let (listed, _) = gtn().arg("runs").arg(folder.path()).done();
    assert!(listed.contains("stopped at fit, epoch "), "{listed}");
    assert!(listed.lines().any(|line| line.starts_with("undisturbed ") && line.contains("done")), "{listed}");

    reproduce(&stopped).done();
    assert_same(&stopped, &undisturbed);
    report().done();
}

#[test]
fn a_run_saves_when_a_batch_system_or_a_closed_terminal_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let [undisturbed, stopped] = ["undisturbed", "stopped"].map(|name| folder.path().join(name));
    reproduce(&undisturbed).done();
    let log = folder.path().join("stderr.txt");
    let stop = |min_epochs: usize, prefix: &str, signal: &str| {
        let call = reproduce(&stopped).in_shell(&format!("exec 2>'{}'; {prefix}", log.display()));
        let mut child = call.spawn();
        wait_until(&mut child, || epochs(&stopped) >= min_epochs);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        (child.wait().unwrap().code(), std::fs::read_to_string(&log).unwrap())
    };
    // Where these tests run under `nohup`, so does the program.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default().trim();
    let is_under_nohup = u64::from_str_radix(ignored, 16).is_ok_and(|mask| mask & 1 == 1);
    let hangup = if is_under_nohup { ("-TERM", 143, "SIGTERM") } else { ("-HUP", 129, "the terminal was closed") };
    for (min_epochs, (signal, code, word)) in
        [(2, ("-TERM", 143, "as SIGTERM asks")), (6, hangup), (10, ("-TERM", 143, "SIGTERM"))]
    {
        let (ended, stderr) = stop(min_epochs, "", signal);
        assert_eq!(ended, Some(code), "{stderr}");
        assert!(stderr.contains(word) && stderr.contains("the same command resumes from there"), "{stderr}");
    }
    // `nohup` tells programs to ignore SIGHUP.
    let (ended, stderr) = stop(14, "trap '' HUP;", "-HUP");
    assert_eq!(ended, Some(0), "{stderr}");
    assert_same(&stopped, &undisturbed);
}

#[test]
fn a_full_disk_is_reported_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let [undisturbed, full] = ["undisturbed", "full"].map(|name| folder.path().join(name));
    reproduce(&undisturbed).done();
    // The limit of 32 KiB per file acts like a full disk: writes are cut short.
    let limited = |kib: u32| format!("ulimit -f {};", kib * 2);
    let message = reproduce(&full).in_shell(&limited(32)).failed("pairs.safetensors");
    assert!(message.contains("cannot write") && message.matches("File too large").count() == 1, "{message}");
    assert_eq!(std::fs::read_dir(full.join("pairs")).unwrap().count(), 0, "a partial file was left");
    reproduce(&full).done();
    assert_same(&full, &undisturbed);
    // A partial output is removed, and the existing file stays.
    let out = folder.path().join("points.npy");
    std::fs::write(&out, "mine").unwrap();
    let sample = || gtn().arg("sample").arg(&full).args(["-n", "50000", "--force", "--out"]).arg(&out);
    sample().in_shell(&limited(64)).failed("points.npy");
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
    sample().done();
    assert!(std::fs::metadata(&out).unwrap().len() > 400_000);
}

#[test]
fn runs_on_images_resume_after_kills_and_ctrl_c_in_both_trainings() {
    let data = toy(300);
    let [undisturbed, disturbed] = ["undisturbed", "disturbed"].map(|name| data.path().join(name));
    let preset = data.path().join("mnist.toml");
    let choices = ["config", "show", "mnist", "--limit", "250", "--epochs", "autoencoder=6,h=80"];
    let (text, _) = gtn().args(choices).done();
    std::fs::write(&preset, text.replace("patience = 5", "patience = 1000").replace("patience = 3", "patience = 1000"))
        .unwrap();
    let reproduce =
        |run: &Path| gtn().arg("reproduce").arg(&preset).arg("--data-dir").arg(data.path()).arg("--out").arg(run);
    reproduce(&undisturbed).done();
    // The first six epochs are the autoencoder's.
    for (min_epochs, signal, code) in
        [(1, "-INT", Some(130)), (3, "-KILL", None), (10, "-INT", Some(130)), (30, "-KILL", None)]
    {
        let mut child = reproduce(&disturbed).spawn();
        wait_until(&mut child, || epochs(&disturbed) >= min_epochs);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), code, "{signal} after epoch {min_epochs}");
    }
    reproduce(&disturbed).done();
    assert_same(&disturbed, &undisturbed);
}
