//! `gtn doctor`: what this program and this machine can do, and whether a device computes what the CPU does.

use gtn_models::doctor::{Depth, Finding, examine};
use gtn_models::{DeviceName, describe};
use serde_json::json;

use crate::args::{DepthName, Doctor};
use crate::failure::Failure;
use crate::say;

pub(crate) fn run(args: &Doctor) -> Result<(), Failure> {
    let device = args.on.open()?;
    let facts = facts(args, &describe(&device));
    for (name, fact) in &facts {
        say::result(&if args.json {
            json!({ "fact": name, "value": fact }).to_string()
        } else {
            format!("{name}: {fact}")
        });
    }
    let depth = match args.depth {
        Some(DepthName::Quick) => Depth::Quick,
        Some(DepthName::Full) => Depth::Full,
        None if device.is_cpu() => Depth::Quick,
        None => Depth::Full,
    };
    if !args.json {
        let other = if device.is_cpu() { "Candle's operations on it" } else { "the CPU" };
        say::result(&format!("\n{} beside {other}:\n\n{HEAD}\n{}", describe(&device), HEAD.replace(|c| c != '|', "-")));
    }
    let (mut all, mut bad) = (0, 0);
    examine(&device, depth, |finding| {
        all += 1;
        bad += usize::from(!finding.is_good());
        say::result(&if args.json { as_json(finding) } else { line(finding) });
    })?;
    if bad > 0 {
        return Err(Failure::Machine(anyhow::anyhow!(
            "{bad} of {all} comparisons are out of bounds: do not trust results of this device"
        )));
    }
    if !args.json {
        say::result(&format!("\nall {all} comparisons are within their bounds"));
    }
    Ok(())
}

/// What can be told without computing.
fn facts(args: &Doctor, device: &str) -> Vec<(&'static str, String)> {
    let threads = std::thread::available_parallelism().map_or_else(|_| "unknown".to_owned(), |n| n.to_string());
    let mut facts = vec![("gtn", env!("CARGO_PKG_VERSION").to_owned())];
    facts.extend(option_env!("GTN_GIT_REVISION").map(|revision| ("revision", revision.to_owned())));
    facts.push(("threads of the CPU", threads));
    facts.push(("CUDA", gtn_models::cuda_build().unwrap_or_else(|| "not built in (feature `cuda`)".to_owned())));
    // With `auto`, why it is not a GPU.
    if gtn_models::cuda_build().is_some()
        && args.on.device == DeviceName::Auto
        && let Err(error) = DeviceName::Cuda(0).open()
    {
        facts.push(("GPU", error.to_string()));
    }
    facts.push(("device", device.to_owned()));
    facts
}

const HEAD: &str = "| what                         |                          |  batch |   error |   bound |     |";

fn line(finding: &Finding) -> String {
    let Finding { subject, what, batch, error, bound } = finding;
    let verdict = if finding.is_good() { "ok" } else { "BAD" };
    format!("| {subject:28} | {what:24} | {batch:>6} | {error:>7.1e} | {bound:>7.0e} | {verdict:3} |")
}

fn as_json(finding: &Finding) -> String {
    json!({
        "subject": finding.subject,
        "what": finding.what,
        "batch": finding.batch,
        // JSON has no infinity: null is an error beyond numbers, or no bound.
        "error": finding.error.is_finite().then_some(finding.error),
        "bound": finding.bound.is_finite().then_some(finding.bound),
        "ok": finding.is_good(),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_wide_as_the_head() {
        let subject = "linear, LeakyReLU, BatchNorm".to_owned();
        let finding =
            Finding { subject, what: "evaluated after 20 steps", batch: 20_000, error: f64::INFINITY, bound: 1e-3 };
        assert_eq!(line(&finding).chars().count(), HEAD.chars().count());
        assert!(line(&finding).ends_with("BAD |"));
    }
}
