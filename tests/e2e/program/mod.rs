//! The program under test, and how its results are judged.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

/// The configuration of a run with pairs from a flow whose networks train in seconds.
pub(crate) const FLOW_PRESET: &str = r#"
experiment = "small"
seed = 1
dim = 3
data = { set = "mnist", train_fraction = 0.8 }
autoencoder = { weights = "best", training = { epochs = 3, patience = 5, batch_size = 20, learning_rate = 1e-3 } }

[pairing]
normalize = "center"
method = "flow"
components = 2
flow = { width = 24, blocks = 1, epochs = 2, batch_size = 40, integration_steps = 8, fresh_pairs = 300, learning_rate = 3e-3 }

[h]
architecture = "residual"
residual = { width = 24, blocks = 1 }
hidden_layers = 2
width = 8
negative_slope = 0.5
batch_norm_layers = 2

[h.training]
epochs = 10
patience = 10
batch_size = 50
learning_rate = 3e-3
optimizer = "adamw"
schedule = "cosine"
average = 0.99
select = "sliced-wasserstein"
"#;

/// A call of `gtn`.
pub(crate) struct Call(Command);

pub(crate) fn gtn() -> Call {
    Call(Command::new(env!("CARGO_BIN_EXE_gtn")))
}

impl Call {
    pub(crate) fn args<I: IntoIterator<Item: AsRef<std::ffi::OsStr>>>(mut self, arguments: I) -> Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    pub(crate) fn current_dir(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.0.env_remove(name);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn stdout(mut self, stdout: std::process::Stdio) -> Self {
        self.0.stdout(stdout);
        self
    }

    pub(crate) fn stderr(mut self, stderr: std::process::Stdio) -> Self {
        self.0.stderr(stderr);
        self
    }

    pub(crate) fn start(mut self) -> std::process::Child {
        self.0.spawn().unwrap()
    }

    /// Starts it and discards its output.
    pub(crate) fn spawn(mut self) -> std::process::Child {
        self.0.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    }

    /// The call as a shell command, after `prefix`.
    pub(crate) fn in_shell(self, prefix: &str) -> Self {
        let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
        let words: Vec<String> = std::iter::once(self.0.get_program()).chain(self.0.get_args()).map(quoted).collect();
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{prefix} exec {}", words.join(" ")));
        self.0.get_current_dir().map(|folder| shell.current_dir(folder));
        for (name, value) in self.0.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        Self(shell)
    }

    /// The call on several processes, which an MPI launcher starts on this machine.
    pub(crate) fn on_processes(self, count: usize) -> Self {
        let mut launcher = Command::new("mpirun");
        // Tests may run as root, in a container, on fewer processors than processes.
        launcher.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        launcher.env("OMPI_MCA_plm", "^rsh").env("OMPI_MCA_btl_vader_single_copy_mechanism", "none");
        launcher.args(["--oversubscribe", "-n", &count.to_string()]);
        launcher.arg(self.0.get_program()).args(self.0.get_args());
        self.0.get_current_dir().map(|folder| launcher.current_dir(folder));
        for (name, value) in self.0.get_envs() {
            match value {
                Some(value) => launcher.env(name, value),
                None => launcher.env_remove(name),
            };
        }
        Self(launcher)
    }

    fn output(mut self) -> (Output, String) {
        let output = self.0.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!stderr.contains("panicked"), "{stderr}");
        (output, stderr)
    }

    /// Runs to its end. Returns the exit code and stderr.
    #[track_caller]
    pub(crate) fn ends(self) -> (Option<i32>, String) {
        let (output, stderr) = self.output();
        (output.status.code(), stderr)
    }

    /// Expects success. Returns stdout and stderr.
    #[track_caller]
    pub(crate) fn done(self) -> (String, String) {
        let (output, stderr) = self.output();
        assert!(output.status.success(), "{}: {stderr}", output.status);
        (String::from_utf8_lossy(&output.stdout).into_owned(), stderr)
    }

    /// Expects exit code 2 and a message that contains `word`. Returns the line of the error.
    #[track_caller]
    pub(crate) fn refused(self, word: &str) -> String {
        self.ended(2, word)
    }

    /// As [`refused`](Self::refused), with nothing else on stderr.
    #[track_caller]
    pub(crate) fn refused_in_one_line(self, word: &str) -> String {
        self.ended_in_one_line(2, word)
    }

    /// As [`failed`](Self::failed), with nothing else on stderr.
    #[track_caller]
    pub(crate) fn failed_in_one_line(self, word: &str) -> String {
        self.ended_in_one_line(1, word)
    }

    #[track_caller]
    fn ended_in_one_line(self, code: i32, word: &str) -> String {
        let (output, stderr) = self.output();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(word), "`{word}` is not in: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        stderr
    }

    /// Expects exit code 1 and a message that contains `word`. Returns the line of the error.
    #[track_caller]
    pub(crate) fn failed(self, word: &str) -> String {
        self.ended(1, word)
    }

    /// As [`failed`](Self::failed), without a text on stderr.
    #[track_caller]
    pub(crate) fn failed_without(self, absent: &str, word: &str) {
        let (output, stderr) = self.output();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(word) && !stderr.contains(absent), "{stderr}");
    }

    #[track_caller]
    fn ended(self, code: i32, word: &str) -> String {
        let (output, stderr) = self.output();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        let line = stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{stderr}"));
        assert!(stderr.contains(word), "`{word}` is not in: {stderr}");
        line.to_owned()
    }
}

/// A folder of data sets with `count` toy images as MNIST.
pub(crate) fn toy(count: u32) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_mnist(&data.path().join("mnist"), count).unwrap();
    data
}

/// All artifacts of a run by path. They must not depend on interruptions.
pub(crate) fn artifacts(run: &Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = std::collections::BTreeMap::new();
    for folder in ["checkpoints", "latents", "pairs", "snapshots", "samples"] {
        for entry in std::fs::read_dir(run.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            found.insert(path.strip_prefix(run).unwrap().to_path_buf(), std::fs::read(&path).unwrap());
        }
    }
    // The reference run in one dimension of a run in two dimensions.
    let reference = run.join("reference");
    if reference.is_dir() {
        let of_reference = artifacts(&reference);
        found.extend(of_reference.into_iter().map(|(path, bytes)| (Path::new("reference").join(path), bytes)));
    }
    found
}

/// Compares two runs file by file.
#[track_caller]
pub(crate) fn assert_same(found: &Path, expected: &Path) {
    let (found, expected) = (artifacts(found), artifacts(expected));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (path, bytes) in &expected {
        assert!(found[path] == *bytes, "{} differs", path.display());
    }
}

/// As [`assert_same`], but the last state of a network may be missing: no later stage needs it if the best weights say that training is over,
/// and there may have been no space for it.
#[track_caller]
pub(crate) fn assert_same_results(found: &Path, expected: &Path) {
    let (found, mut expected) = (artifacts(found), artifacts(expected));
    let is_last = |path: &Path| path.to_str().is_some_and(|path| path.ends_with(".last.safetensors"));
    expected.retain(|path, _| !is_last(path) || found.contains_key(path));
    assert!(found == expected, "{:?} instead of {:?}", found.keys(), expected.keys());
}

/// Waits for `condition`. The child must not end before.
#[track_caller]
pub(crate) fn wait_until(child: &mut Child, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
        assert!(started.elapsed() < Duration::from_secs(300), "it takes too long");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The number of recorded epochs.
pub(crate) fn epochs(run: &Path) -> usize {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    text.lines().filter(|line| line.contains("\"kind\":\"epoch\"")).count()
}
