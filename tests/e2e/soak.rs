//! Long runs need no more memory at their end than at their beginning.
#![cfg(target_os = "linux")]

mod program;

use std::time::Duration;

use program::{epochs, gtn, wait_until};

/// Memory in use by a process in kB.
fn memory_in_use(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[test]
#[ignore = "takes minutes; cargo xtask prove runs it"]
#[allow(clippy::print_stdout, reason = "the numbers are the result of this test")]
fn two_thousand_epochs_need_no_more_memory_than_two_hundred() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let preset = folder.path().join("preset.toml");
    let (text, _) = gtn().args(["config", "show", "uniform", "--limit", "4000", "--epochs", "2000"]).done();
    let patient = text.replace("patience = 3", "patience = 10000");
    assert_ne!(patient, text);
    std::fs::write(&preset, patient).unwrap();
    let mut child = gtn().arg("reproduce").arg(&preset).arg("--out").arg(&run).spawn();
    let mut largest = [0; 2];
    for (part, until) in [(0, 1000), (1, 1990)] {
        wait_until(&mut child, || epochs(&run) >= until - 800);
        let process = child.id();
        while epochs(&run) < until {
            assert!(child.try_wait().unwrap().is_none(), "it ended before epoch {until}");
            largest[part] = largest[part].max(memory_in_use(process).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert!(child.wait().unwrap().success());
    println!("epochs 200 to 1000: at most {} kB; 1190 to 1990: {} kB", largest[0], largest[1]);
    // Beside 1%: the records of 1,000 epochs, which stay in memory.
    assert!(largest[1] as f64 <= 1.01 * largest[0] as f64 + 512.0, "{largest:?}");
}
