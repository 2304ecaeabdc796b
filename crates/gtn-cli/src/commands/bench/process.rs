//! Processes to be timed, and what they can tell of themselves.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use crate::args::Twin;
use crate::failure::Failure;
use crate::say;

/// A process that does its work once for every line it is sent, and then says a word on it: how long it took.
pub(crate) struct Worker {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts it and waits until it is ready; `None` if it ends before.
    pub(crate) fn start(command: &mut Command) -> Result<Option<Self>, Failure> {
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::Machine(error.into())),
        };
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let Some(output) = output.map(BufReader::new) else { return Ok(None) };
        let mut worker = Self { process, input, output };
        Ok(worker.line().starts_with("ready").then_some(worker))
    }

    /// Starts the twin in Python, if there is one, with these arguments; where it does not run, that is told.
    pub(crate) fn start_twin(
        twin: &Twin,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Option<Self>, Failure> {
        let Some(program) = &twin.program else { return Ok(None) };
        let started = Self::start(Command::new(&twin.python).arg(program).args(arguments))?;
        if started.is_none() {
            say::tell(&format!("PyTorch is left out: `{}` does not run {}", twin.python, program.display()));
        }
        Ok(started)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.output.read_line(&mut line);
        line.trim().to_owned()
    }

    /// Lets it work once; what it answered, or `None` if that cannot be read.
    pub(crate) fn work<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Result<T, Failure> {
        let sent = self.input.as_mut().map(|input| writeln!(input, "go").and_then(|()| input.flush()));
        let answer = self.line();
        match (sent, read(&answer)) {
            (Some(Ok(())), Some(answer)) => Ok(answer),
            _ => Err(Failure::Machine(anyhow::anyhow!("a process that was to be timed ended early"))),
        }
    }

    /// Sends it home; the last that it said.
    pub(crate) fn finish(mut self) -> String {
        self.input = None;
        let last = self.line();
        let _ = self.process.wait();
        last
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // One that is not done, because another failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A measurement of a few seconds is one of many, and a long one speaks for itself: so many, or as many as take so long.
const REPETITIONS: usize = 9;
const SECONDS: f64 = 3.0;

/// Measures seconds up to [`REPETITIONS`] times, until [`SECONDS`] have gone by.
pub(crate) fn repeated(mut measure: impl FnMut() -> Result<f64, Failure>) -> Result<Vec<f64>, Failure> {
    let begun = Instant::now();
    let mut seconds = vec![measure()?];
    while seconds.len() < REPETITIONS && begun.elapsed().as_secs_f64() < SECONDS {
        seconds.push(measure()?);
    }
    Ok(seconds)
}

/// The median; the numbers are sorted by it.
pub(crate) fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The most memory that this process held, in bytes, where the system tells.
pub(crate) fn peak_memory() -> Option<u64> {
    memory("VmHWM:")
}

/// The memory that this process holds now, in bytes; from here on [`peak_memory`] counts anew, where the system can.
pub(crate) fn memory_from_here() -> Option<u64> {
    // What refuses leaves the most that was held before, which is no less than what is held now.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    memory("VmRSS:")
}

fn memory(what: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what))?;
    Some(1024 * line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&mut [3.0]), 3.0);
        assert_eq!(median(&mut [5.0, 1.0, 2.0]), 2.0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_held_for_a_while_counts() {
        let before = memory_from_here().unwrap();
        std::hint::black_box(vec![1_u8; 64 << 20]);
        // Other tests give memory back meanwhile.
        assert!(peak_memory().unwrap() >= before + (32 << 20));
    }
}
