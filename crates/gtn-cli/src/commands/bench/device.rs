//! `gtn bench device`: training, sampling and labeling at the size of CelebA on one device, compared with the paper and PyTorch.

use std::time::Instant;

use gtn_label::Matcher;
use gtn_models::{Device, DeviceLocation, describe_device};
use serde_json::json;

use super::device_cases::DeviceBenchCase;
use super::label::{Case, Data};
use super::process::{Timed, Timing, Worker};
use super::{print_head, time};
use crate::args::BenchDevice;
use crate::console;
use crate::failure::Failure;

const DIM: usize = 100;
const LABELING: &str = "labeling";

/// Seconds that the paper reports for a T4: an epoch of ĥ for CelebA, and 1,000 images. The latter is less than that card needs for
/// the arithmetic, so it was measured without waiting for the card.
fn paper_t4_seconds(work: &str) -> Option<f64> {
    match work {
        "h-epoch" => Some(50.6),
        "samples" => Some(0.00367),
        _ => None,
    }
}

/// `gtn bench --device ...`. A device in the environment alone does not select this benchmark.
pub(crate) fn run_if_selected(args: &BenchDevice) -> Result<(), Failure> {
    if crate::invocation::arguments().iter().any(|word| word.to_string_lossy().starts_with("--device")) {
        return run(args);
    }
    Err(Failure::users(
        "no benchmark selected; run `gtn bench device`, `train`, `label` or `sample` (see `gtn bench --help`)",
    ))
}

pub(crate) fn run(args: &BenchDevice) -> Result<(), Failure> {
    let device = args.on.open()?;
    if !args.json {
        console::print(&format!(
            "{}; epochs and labeling of {} rows",
            describe_device(&device),
            gtn_report::count(args.rows as usize)
        ));
        print_head(HEADER);
    }
    let print = |measured: Measured| {
        console::print(&if args.json { measured.json(args, &device) } else { measured.line() });
    };
    for &work in DeviceBenchCase::ALL {
        print(measure(work, args, &device)?);
    }
    print(labeling(args, &device)?);
    if !args.json {
        console::print(
            "the paper's time for 1,000 images on a T4 is less than that card needs for the arithmetic: it did not wait for the card",
        );
    }
    Ok(())
}

/// Measurements of one benchmark.
struct Measured {
    work: &'static str,
    ours: Timing,
    pytorch: Option<Timing>,
}

fn measure(work: DeviceBenchCase, args: &BenchDevice, device: &Device) -> Result<Measured, Failure> {
    let repetitions = if work.is_epoch() { args.epoch_repetitions } else { args.repetitions };
    let on = match device.location() {
        DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        _ => "cpu".to_owned(),
    };
    let precision = if args.on.tf32 { "tf32" } else { "f32" };
    let arguments = [work.name().to_owned(), args.rows.to_string(), on, precision.to_owned()];
    let mut pytorch = Worker::start_reference(&args.reference, arguments)?.map(Timed::new);
    let mut seconds = Vec::new();
    work.measure(device, args.rows as usize, repetitions.into(), &mut |of_gtn| {
        seconds.push(of_gtn);
        pytorch.as_mut().map_or(Ok(()), Timed::work)
    })?;
    Ok(Measured { work: work.name(), ours: Timing::new(seconds), pytorch: pytorch.map(Timed::finish) })
}

/// Algorithm 1 on rows like latents of images, with candidates from this device.
fn labeling(args: &BenchDevice, device: &Device) -> Result<Measured, Failure> {
    let (source, target) = Case::new(args.rows as usize, DIM, Data::Decaying).draw();
    let mut seconds = Vec::new();
    // The first repetition is a warm-up.
    for _ in 0..=args.epoch_repetitions {
        let started = Instant::now();
        let mut proposer = gtn_models::proposer(device)?;
        let matcher = Matcher::new();
        let matcher = match &mut proposer {
            Some(proposer) => matcher.proposer(proposer.as_mut()),
            None => matcher,
        };
        std::hint::black_box({ matcher }.match_rows(&source, &target)?);
        seconds.push(started.elapsed().as_secs_f64());
    }
    Ok(Measured { work: LABELING, ours: Timing::new(seconds.split_off(1)), pytorch: None })
}

const HEADER: &str = "| work              |     gtn | PyTorch | ratio | paper's T4 |";

impl Measured {
    fn line(&self) -> String {
        let ours = self.ours.median;
        let pytorch = self.pytorch.as_ref().map(|timing| timing.median);
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        format!(
            "| {:17} | {:>7} | {:>7} | {:>5} | {:>10} |",
            self.work,
            time(ours),
            or_none(pytorch.map(time)),
            or_none(pytorch.map(|pytorch| format!("{:.2}", ours / pytorch))),
            or_none(paper_t4_seconds(self.work).map(time)),
        )
    }

    fn json(&self, args: &BenchDevice, device: &Device) -> String {
        let times = |timing: &Timing| json!({ "median_seconds": timing.median, "seconds": timing.seconds });
        json!({
            "work": self.work,
            "device": describe_device(device),
            "tf32": args.on.tf32 && !device.is_cpu(),
            "rows": args.rows,
            "gtn": times(&self.ours),
            "pytorch": self.pytorch.as_ref().map(times),
            "paper_t4_seconds": paper_t4_seconds(self.work),
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_wide_as_the_header() {
        let ours = Timing::new(vec![3.0, 1.0, 2.0]);
        let alone = Measured { work: "autoencoder-epoch", ours, pytorch: None }.line();
        let (ours, pytorch) = (Timing::new(vec![2.5]), Some(Timing::new(vec![5.0])));
        let compared = Measured { work: "h-epoch", ours, pytorch }.line();
        for line in [&alone, &compared] {
            assert_eq!(line.chars().count(), HEADER.chars().count(), "{line}");
        }
        assert!(compared.contains(" 0.50 "));
    }
}
