//! `gtn doctor`: what this build and this machine support, and whether a device computes the same as the CPU.

use std::path::Path;

use gtn_data::image_set::Inventory;
use gtn_data::mnist::{self, FileState};
use gtn_data::{celeba, hap};
use gtn_models::doctor::{Comparison, Depth, compare};
use gtn_models::{DeviceName, describe_device};
use serde_json::json;

use super::provenance;
use crate::args::Doctor;
use crate::failure::Failure;
use crate::{console, memory};

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
    if !(args.compare || args.depth.is_some() || !device.is_cpu()) {
        return Ok(());
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
    let mut properties = vec![("gtn", env!("CARGO_PKG_VERSION").to_owned())];
    properties.extend(option_env!("GTN_GIT_REVISION").map(|revision| ("revision", revision.to_owned())));
    let threads = std::thread::available_parallelism().map_or_else(|_| "unknown".to_owned(), |n| n.to_string());
    properties.push(("processor", provenance::processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned())));
    properties.push(("instructions", instructions()));
    properties.push(("CPU threads", format!("{} of {threads}", rayon::current_num_threads())));
    properties.extend(memory::granted().map(|bytes| ("free memory", memory::in_units(bytes))));
    let folders = [("free disk for runs", Path::new(".")), ("free disk for the cache", &args.cache.path())];
    properties
        .extend(folders.into_iter().filter_map(|(name, folder)| Some((name, memory::in_units(free_disk(folder)?)))));
    properties
        .push(("CUDA", gtn_models::cuda_build_info().unwrap_or_else(|| "not built in (feature `cuda`)".to_owned())));
    // For `auto`: why it is not a GPU.
    if gtn_models::cuda_build_info().is_some()
        && args.on.device == DeviceName::Auto
        && let Err(error) = DeviceName::Cuda(0).open()
    {
        properties.push(("GPU", error.to_string()));
    }
    properties.push(("MPI", mpi()));
    properties.push(("device", device.to_owned()));
    properties.extend(data_sets(&args.data.data_dir));
    properties
}

/// The MPI library that processes work together with.
fn mpi() -> String {
    #[cfg(feature = "mpi")]
    return match crate::processes::all().size() {
        1 => gtn_dist::Mpi::library(),
        size => format!("{} ({size} processes)", gtn_dist::Mpi::library()),
    };
    #[cfg(not(feature = "mpi"))]
    "not built in (feature `mpi`)".to_owned()
}

/// The vector instructions of the processor that this program uses or could use.
fn instructions() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        use gtn_label::Instructions;

        let known = [
            ("AVX2", is_x86_feature_detected!("avx2")),
            ("FMA", is_x86_feature_detected!("fma")),
            ("AVX-VNNI", is_x86_feature_detected!("avxvnni")),
            ("AVX-512", is_x86_feature_detected!("avx512f")),
            ("AVX-512 VNNI", is_x86_feature_detected!("avx512vnni")),
        ];
        let found: Vec<&str> = known.into_iter().filter(|(_, found)| *found).map(|(name, _)| name).collect();
        if !found.is_empty() {
            let (most, in_use) = (Instructions::of_processor(), Instructions::in_use());
            let limit = if in_use < most { format!("; GTN_CPU allows {in_use}") } else { String::new() };
            return format!("{}{limit}", found.join(", "));
        }
    }
    "no vector instructions that this program knows".to_owned()
}

/// Free bytes where a folder is, or will be.
#[cfg(unix)]
fn free_disk(folder: &Path) -> Option<u64> {
    let existing = std::path::absolute(folder).ok()?.ancestors().find(|folder| folder.is_dir())?.to_path_buf();
    let found = rustix::fs::statvfs(&existing).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(not(unix))]
fn free_disk(_: &Path) -> Option<u64> {
    None
}

/// Which data sets are there.
fn data_sets(folder: &Path) -> [(&'static str, String); 3] {
    let (mnist_folder, files) = mnist::check(folder);
    let usable = |state: &&FileState| matches!(state, FileState::Official(_) | FileState::Unofficial(..));
    let found = files.iter().filter(usable).count();
    let of_mnist = format!("{found} of {} files in {}", files.len(), mnist_folder.display());
    let of_images = |found: Inventory| {
        let total = found.counts.total();
        match total.listed {
            0 => format!("not in {}", found.folder.display()),
            listed => format!("{} of {listed} images in {}", total.present, found.folder.display()),
        }
    };
    [("MNIST", of_mnist), ("CelebA", of_images(celeba::check(folder))), ("11K Hands", of_images(hap::check(folder)))]
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
