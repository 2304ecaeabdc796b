//! Shared helpers of the tests: the folder of the real data sets, toy data sets for tests without real data, a reader of
//! TensorBoard's event files, and the graph of a crate's modules.

mod events;
mod module_graph;
mod toy_images;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

pub use events::{Event, EventKind, read_events};
pub use module_graph::{ModuleGraph, Reference};
pub use toy_images::{toy_jpeg, write_toy_celeba, write_toy_hap, write_zip};

/// The root of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// The folder of the real data sets, from the variable `GTN_DATA_DIR`; a relative path starts at the root of the workspace.
/// Without the variable, `None`, and a message on stderr that `test` is skipped.
#[must_use]
#[allow(clippy::print_stderr)]
pub fn data_dir(test: &str) -> Option<PathBuf> {
    let dir = std::env::var_os("GTN_DATA_DIR").map(|dir| workspace().join(dir));
    if dir.is_none() {
        eprintln!("skipped {test}: GTN_DATA_DIR is not set");
    }
    dir
}

/// The same, if the folder contains all these data sets.
#[must_use]
#[allow(clippy::print_stderr)]
pub fn data_dir_with(test: &str, sets: &[&str]) -> Option<PathBuf> {
    let dir = data_dir(test)?;
    let missing: Vec<&str> = sets.iter().copied().filter(|set| !dir.join(set).is_dir()).collect();
    if !missing.is_empty() {
        eprintln!("skipped {test}: {} does not contain {}", dir.display(), missing.join(" and "));
        return None;
    }
    Some(dir)
}

/// The file of Inception's real weights, from the variable `GTN_INCEPTION_WEIGHTS`; a relative path starts at the root of the
/// workspace. Without the variable, `None`, and a message on stderr that `test` is skipped.
#[must_use]
#[allow(clippy::print_stderr)]
pub fn inception_weights(test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("GTN_INCEPTION_WEIGHTS").map(|path| workspace().join(path));
    if path.is_none() {
        eprintln!("skipped {test}: GTN_INCEPTION_WEIGHTS is not set");
    }
    path
}

/// Writes the files of MNIST's training set, with `count` blurred bars in ten directions instead of digits. Images repeat after
/// 70.
///
/// # Errors
///
/// An error of the file system.
pub fn write_toy_mnist(folder: &Path, count: u32) -> std::io::Result<()> {
    write_bars(folder, "train", count, 2.0)
}

/// Writes the files of MNIST's test set, with slightly wider bars, so that no test image equals a training image.
///
/// # Errors
///
/// An error of the file system.
pub fn write_toy_test_set(folder: &Path, count: u32) -> std::io::Result<()> {
    write_bars(folder, "t10k", count, 2.2)
}

fn write_bars(folder: &Path, prefix: &str, count: u32, width: f64) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut images = vec![0, 0, 8, 3];
    images.extend([count, 28, 28].iter().flat_map(|size| size.to_be_bytes()));
    let mut labels = vec![0, 0, 8, 1];
    labels.extend(count.to_be_bytes());
    for item in 0..count {
        let digit = item % 10;
        labels.push(digit as u8);
        let angle = f64::from(digit) * std::f64::consts::PI / 10.0;
        let offset = f64::from(item % 7) - 3.0;
        for pixel in 0..784 {
            let (x, y) = (f64::from(pixel % 28) - 13.5, f64::from(pixel / 28) - 13.5);
            let distance = x * angle.sin() - y * angle.cos() - offset;
            images.push((255.0 * (-distance * distance / (width * width)).exp()) as u8);
        }
    }
    fs::write(folder.join(format!("{prefix}-labels-idx1-ubyte")), labels)?;
    let file = fs::File::create(folder.join(format!("{prefix}-images-idx3-ubyte.gz")))?;
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gzip.write_all(&images)?;
    gzip.finish()?;
    Ok(())
}

/// Compiles and runs the code in the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
