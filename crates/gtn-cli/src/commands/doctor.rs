//! `gtn doctor`: what this build and this machine support, and whether a device computes the same as the CPU.

use gtn_models::doctor::{Comparison, Depth, compare};
use gtn_models::{DeviceName, describe_device};
use serde_json::json;

use crate::args::Doctor;
use crate::console;
use crate::failure::Failure;

pub(crate) fn run(args: &Doctor) -> Result<(), Failure> {
    let device = args.on.open()?;
    let properties = properties(args, &describe_device(&device));
    for (name, value) in &properties {
        console::print(&if args.json {
            json!({ "property": name, "value": value }).to_string()
        } else {
            format!("{name}: {value}")
        });
    }
    let depth = args.depth.unwrap_or(if device.is_cpu() { Depth::Quick } else { Depth::Full });
    if !args.json {
        let other = if device.is_cpu() { "Candle's operations on it" } else { "the CPU" };
        console::print(&format!(
            "\n{} compared with {other}:\n\n{HEADER}\n{}",
            describe_device(&device),
            HEADER.replace(|c| c != '|', "-")
        ));
    }
    let (mut all, mut bad) = (0, 0);
    compare(&device, depth, |comparison| {
        all += 1;
        bad += usize::from(!comparison.is_within_tolerance());
        console::print(&if args.json { as_json(comparison) } else { line(comparison) });
    })?;
    if bad > 0 {
        return Err(Failure::Machine(anyhow::anyhow!(
            "{bad} of {all} comparisons exceed their bounds; do not use this device"
        )));
    }
    if !args.json {
        console::print(&format!("\nall {all} comparisons are within their bounds"));
    }
    Ok(())
}

/// What is known without computing anything.
fn properties(args: &Doctor, device: &str) -> Vec<(&'static str, String)> {
    let threads = std::thread::available_parallelism().map_or_else(|_| "unknown".to_owned(), |n| n.to_string());
    let mut properties = vec![("gtn", env!("CARGO_PKG_VERSION").to_owned())];
    properties.extend(option_env!("GTN_GIT_REVISION").map(|revision| ("revision", revision.to_owned())));
    properties.push(("CPU threads", threads));
    properties
        .push(("CUDA", gtn_models::cuda_build_info().unwrap_or_else(|| "not built in (feature `cuda`)".to_owned())));
    // For `auto`: why it is not a GPU.
    if gtn_models::cuda_build_info().is_some()
        && args.on.device == DeviceName::Auto
        && let Err(error) = DeviceName::Cuda(0).open()
    {
        properties.push(("GPU", error.to_string()));
    }
    properties.push(("device", device.to_owned()));
    properties
}

const HEADER: &str = "| what                         |                          |  batch |   error |   bound |     |";

fn line(comparison: &Comparison) -> String {
    let Comparison { subject, quantity, batch_size, error, tolerance } = comparison;
    let verdict = if comparison.is_within_tolerance() { "ok" } else { "BAD" };
    format!("| {subject:28} | {quantity:24} | {batch_size:>6} | {error:>7.1e} | {tolerance:>7.0e} | {verdict:3} |")
}

fn as_json(comparison: &Comparison) -> String {
    json!({
        "subject": comparison.subject,
        "what": comparison.quantity,
        "batch": comparison.batch_size,
        // JSON has no infinity: null means an error that is not finite, or no bound.
        "error": comparison.error.is_finite().then_some(comparison.error),
        "bound": comparison.tolerance.is_finite().then_some(comparison.tolerance),
        "ok": comparison.is_within_tolerance(),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_wide_as_the_header() {
        let subject = "linear, LeakyReLU, BatchNorm".to_owned();
        let comparison = Comparison {
            subject,
            quantity: "evaluated after 20 steps",
            batch_size: 20_000,
            error: f64::INFINITY,
            tolerance: 1e-3,
        };
        assert_eq!(line(&comparison).chars().count(), HEADER.chars().count());
        assert!(line(&comparison).ends_with("BAD |"));
    }
}
