//! `gtn bench device`: training, sampling and labeling at CelebA's full size on one device, beside the paper and PyTorch.

use std::time::Instant;

use gtn_label::Matcher;
use gtn_models::{Device, DeviceLocation, describe};
use gtn_train::bench::{DeviceBench, DeviceWork};
use serde_json::json;

use super::label::Case;
use super::process::{Worker, median};
use super::time;
use crate::args::BenchDevice;
use crate::failure::Failure;
use crate::say;

const DIM: usize = 100;
const LABELING: &str = "labeling";

/// What the paper reports of a T4, in seconds: an epoch of ĥ for CelebA; 1,000 images, which is less than that card's arithmetic
/// for them takes, so that it was timed without waiting for the card.
fn on_a_t4(work: &str) -> Option<f64> {
    match work {
        "h-epoch" => Some(50.6),
        "samples" => Some(0.00367),
        _ => None,
    }
}

pub(crate) fn run(args: &BenchDevice) -> Result<(), Failure> {
    let device = args.on.open()?;
    if !args.json {
        say::result(&format!(
            "{}; epochs and labeling of {} rows",
            describe(&device),
            super::count(args.rows as usize)
        ));
        say::result(HEAD);
        say::result(&HEAD.replace(|c| c != '|', "-"));
    }
    for work in DeviceWork::ALL {
        let found = measure(work, args, &device)?;
        say::result(&if args.json { found.json(args, &device) } else { found.line() });
    }
    let found = labeling(args, &device)?;
    say::result(&if args.json { found.json(args, &device) } else { found.line() });
    if !args.json {
        say::result(
            "the paper's 1,000 images on a T4 took less time than that card's arithmetic for them: it was not waited for",
        );
    }
    Ok(())
}

/// Times of one piece of work.
struct Found {
    work: &'static str,
    /// From the shortest to the longest.
    ours: Vec<f64>,
    pytorch: Option<Vec<f64>>,
}

fn measure(work: DeviceWork, args: &BenchDevice, device: &Device) -> Result<Found, Failure> {
    let repetitions = if work.is_epoch() { args.epochs } else { args.repetitions };
    let mut ours = DeviceBench::new(work, device, args.rows as usize)?;
    let on = match device.location() {
        DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        _ => "cpu".to_owned(),
    };
    let precision = if args.on.tf32 { "tf32" } else { "f32" };
    let words = [work.name().to_owned(), args.rows.to_string(), on, precision.to_owned()];
    let mut pytorch = Worker::start_twin(&args.twin, words)?.map(|worker| (worker, Vec::new()));
    let mut seconds = Vec::new();
    for _ in 0..repetitions {
        seconds.push(ours.run()?);
        if let Some((worker, seconds)) = &mut pytorch {
            seconds.push(worker.work(|answer| answer.parse::<f64>().ok())?);
        }
    }
    let pytorch = pytorch.map(|(worker, seconds)| {
        worker.finish();
        seconds
    });
    Ok(Found::new(work.name(), seconds, pytorch))
}

/// Algorithm 1 on rows like the latents of images, with this device's candidates.
fn labeling(args: &BenchDevice, device: &Device) -> Result<Found, Failure> {
    let (source, target) = Case::like_latents(args.rows as usize, DIM).draw();
    let mut seconds = Vec::new();
    // The first one warms up.
    for _ in 0..=args.epochs {
        let begun = Instant::now();
        let mut proposer = gtn_models::proposer(device)?;
        let matcher = Matcher::new();
        let matcher = match &mut proposer {
            Some(proposer) => matcher.proposer(proposer.as_mut()),
            None => matcher,
        };
        std::hint::black_box({ matcher }.match_rows(&source, &target)?);
        seconds.push(begun.elapsed().as_secs_f64());
    }
    Ok(Found::new(LABELING, seconds.split_off(1), None))
}

const HEAD: &str = "| work              |     gtn | PyTorch | ratio | paper's T4 |";

impl Found {
    fn new(work: &'static str, mut ours: Vec<f64>, mut pytorch: Option<Vec<f64>>) -> Self {
        median(&mut ours);
        if let Some(pytorch) = &mut pytorch {
            median(pytorch);
        }
        Self { work, ours, pytorch }
    }

    fn line(&self) -> String {
        let middle = |seconds: &[f64]| seconds[seconds.len() / 2];
        let ours = middle(&self.ours);
        let pytorch = self.pytorch.as_deref().map(middle);
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        format!(
            "| {:17} | {:>7} | {:>7} | {:>5} | {:>10} |",
            self.work,
            time(ours),
            or_none(pytorch.map(time)),
            or_none(pytorch.map(|pytorch| format!("{:.2}", ours / pytorch))),
            or_none(on_a_t4(self.work).map(time)),
        )
    }

    fn json(&self, args: &BenchDevice, device: &Device) -> String {
        let times = |seconds: &Vec<f64>| json!({ "median_seconds": seconds[seconds.len() / 2], "seconds": seconds });
        json!({
            "work": self.work,
            "device": describe(device),
            "tf32": args.on.tf32 && !device.is_cpu(),
            "rows": args.rows,
            "gtn": times(&self.ours),
            "pytorch": self.pytorch.as_ref().map(times),
            "paper_t4_seconds": on_a_t4(self.work),
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_wide_as_the_head() {
        for found in [
            Found::new("autoencoder-epoch", vec![3.0, 1.0, 2.0], None),
            Found::new("h-epoch", vec![2.5], Some(vec![5.0])),
        ] {
            assert_eq!(found.line().chars().count(), HEAD.chars().count(), "{}", found.line());
        }
        assert!(Found::new("h-epoch", vec![2.5], Some(vec![5.0])).line().contains(" 0.50 "));
    }
}
