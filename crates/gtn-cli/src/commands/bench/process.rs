//! Worker processes that are timed, and their memory.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use crate::args::Reference;
use crate::console;
use crate::failure::Failure;

/// A process that does its work once for every line of input, and answers with a line, such as the time that it took.
pub(crate) struct Worker {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts a process and waits until it is ready; `None` if it ends before.
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

    /// Starts the PyTorch reference, if there is one, with these arguments. Prints a note if it does not run.
    pub(crate) fn start_reference(
        reference: &Reference,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Option<Self>, Failure> {
        let Some(program) = &reference.program else { return Ok(None) };
        let started = Self::start(Command::new(&reference.python).arg(program).args(arguments))?;
        if started.is_none() {
            console::status(&format!("skipping PyTorch: `{}` cannot run {}", reference.python, program.display()));
        }
        Ok(started)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.output.read_line(&mut line);
        line.trim().to_owned()
    }

    /// Lets it work once, and reads its answer.
    pub(crate) fn work<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Result<T, Failure> {
        let sent = self.input.as_mut().map(|input| writeln!(input, "go").and_then(|()| input.flush()));
        let answer = self.line();
        match (sent, read(&answer)) {
            (Some(Ok(())), Some(answer)) => Ok(answer),
            _ => Err(Failure::Machine(anyhow::anyhow!("a worker process ended early; see its messages above"))),
        }
    }

    /// Lets it end; its last line.
    pub(crate) fn finish(mut self) -> String {
        self.input = None;
        let last = self.line();
        let _ = self.process.wait();
        last
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may still be working if another process failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A process with its measurements.
pub(crate) struct Timed {
    worker: Worker,
    seconds: Vec<f64>,
}

impl Timed {
    pub(crate) fn new(worker: Worker) -> Self {
        Self { worker, seconds: Vec::new() }
    }

    /// Lets it work once, and reads how long that took.
    pub(crate) fn work(&mut self) -> Result<(), Failure> {
        self.seconds.push(self.worker.work(|answer| answer.parse().ok())?);
        Ok(())
    }

    /// Lets it end.
    pub(crate) fn finish(self) -> Timing {
        let memory = self.worker.finish().parse().unwrap_or_default();
        Timing { memory, ..Timing::new(self.seconds) }
    }
}

/// The measurements of a process.
pub(crate) struct Timing {
    pub(crate) median: f64,
    /// All measurements, in ascending order.
    pub(crate) seconds: Vec<f64>,
    /// Its peak memory in bytes, or 0 if it is not known.
    pub(crate) memory: u64,
}

impl Timing {
    pub(crate) fn new(mut seconds: Vec<f64>) -> Self {
        Self { median: median(&mut seconds), seconds, memory: 0 }
    }
}

/// Maximum number of repetitions, and the seconds after which no further one starts.
const MAX_REPETITIONS: usize = 9;
const SECONDS: f64 = 3.0;

/// Measures up to [`MAX_REPETITIONS`] times, within about [`SECONDS`].
pub(crate) fn repeated(mut measure: impl FnMut() -> Result<f64, Failure>) -> Result<Vec<f64>, Failure> {
    let started = Instant::now();
    let mut seconds = vec![measure()?];
    while seconds.len() < MAX_REPETITIONS && started.elapsed().as_secs_f64() < SECONDS {
        seconds.push(measure()?);
    }
    Ok(seconds)
}

/// The median. Sorts the values.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Peak memory of this process in bytes, if the system reports it.
pub(crate) fn peak_memory() -> Option<u64> {
    memory("VmHWM:")
}

/// Current memory of this process in bytes. Resets [`peak_memory`], if the system supports it.
pub(crate) fn reset_peak_memory() -> Option<u64> {
    // If this fails, the peak stays, which is at least the current memory.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    memory("VmRSS:")
}

fn memory(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(1024 * line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_value() {
        assert_eq!(median(&mut [3.0]), 3.0);
        assert_eq!(median(&mut [5.0, 1.0, 2.0]), 2.0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn released_memory_counts_for_the_peak() {
        let before = reset_peak_memory().unwrap();
        std::hint::black_box(vec![1_u8; 64 << 20]);
        // Other tests release memory in the meantime.
        assert!(peak_memory().unwrap() >= before + (32 << 20));
    }
}
