//! The weights of InceptionV3, with which FID, KID and the Inception Score judge images: two files of PyTorch.
//!
//! FID and KID need the weights of pytorch-fid, and the Inception Score those of torchvision. Both files are read as they were
//! published, and are verified as `torch.hub` does it: by the first eight digits of their SHA-256, which are in their names.
//!
//! pytorch-fid (Apache License 2.0) converted its file from the model that Google published as `inception-2015-12-05.tgz` for
//! TensorFlow; torchvision (BSD 3-Clause) states that its weights are ported from those of the paper. Neither states another
//! license for the weights. The networks were trained on ImageNet.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use digest_io::IoWrapper;
use gtn_io::hex;
use sha2::{Digest, Sha256};

use crate::fetch::{self, Download, Event, ExpectedSha256, FetchSummary};
use crate::{Error, Result};

/// A file of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightsFile {
    /// File name.
    pub name: &'static str,
    /// The metrics that need it.
    pub metrics: &'static str,
    /// The first digits of the file's SHA-256, as hexadecimal text.
    pub sha256_prefix: &'static str,
    /// The base URL of the file.
    pub base_url: &'static str,
}

/// The weights of pytorch-fid.
pub const FID_WEIGHTS: WeightsFile = WeightsFile {
    name: "pt_inception-2015-12-05-6726825d.pth",
    metrics: "FID and KID",
    sha256_prefix: "6726825d",
    base_url: MIRRORS[0],
};

/// The weights of torchvision.
pub const IS_WEIGHTS: WeightsFile = WeightsFile {
    name: "inception_v3_google-0cc3c7bd.pth",
    metrics: "Inception Score",
    sha256_prefix: "0cc3c7bd",
    base_url: MIRRORS[1],
};

/// Both files.
pub const FILES: [WeightsFile; 2] = [FID_WEIGHTS, IS_WEIGHTS];

/// The base URLs of the files, in their order: pytorch-fid's release, and PyTorch's models. Neither has the other's file.
pub const MIRRORS: [&str; 2] =
    ["https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/", "https://download.pytorch.org/models/"];

/// The state of one file, as reported by [`check`].
#[derive(Debug)]
pub enum FileState {
    /// Its SHA-256 begins with the digits in its name.
    Complete(PathBuf),
    /// Its SHA-256, in the second field, begins with other digits.
    WrongDigest(PathBuf, String),
    /// The file exists but cannot be read.
    Unreadable(Error),
    /// The file does not exist.
    Missing,
}

/// Where the files belong or are, in the order of [`FILES`]: in `inception/` below `data_dir`, or in the folder itself.
#[must_use]
pub fn paths(data_dir: &Path) -> [PathBuf; 2] {
    let folder = find_folder(data_dir);
    FILES.map(|file| folder.join(file.name))
}

/// The path of [`FID_WEIGHTS`], if the file exists. Its digest is not checked, which would take longer than reading it.
#[must_use]
pub fn fid_weights(data_dir: &Path) -> Option<PathBuf> {
    let [fid, _] = paths(data_dir);
    fid.is_file().then_some(fid)
}

/// The path of [`IS_WEIGHTS`], if the file exists. Its digest is not checked.
#[must_use]
pub fn is_weights(data_dir: &Path) -> Option<PathBuf> {
    let [_, is] = paths(data_dir);
    is.is_file().then_some(is)
}

/// Reads both files below `data_dir`, and compares their SHA-256 with the digits in their names.
///
/// Returns the folder that was searched and the states in the order of [`FILES`].
#[must_use]
pub fn check(data_dir: &Path) -> (PathBuf, [FileState; 2]) {
    let folder = find_folder(data_dir);
    let states = FILES.map(|file| {
        let path = folder.join(file.name);
        match sha256_if_exists(&path) {
            Ok(None) => FileState::Missing,
            Ok(Some(sha256)) if sha256.starts_with(file.sha256_prefix) => FileState::Complete(path),
            Ok(Some(sha256)) => FileState::WrongDigest(path, sha256),
            Err(error) => FileState::Unreadable(error),
        }
    });
    (folder, states)
}

/// Downloads the files that are missing or have a wrong digest, about 200 MB.
///
/// The files go where [`check`] looks: into the folder below `data_dir` that already has one of them, or
/// `data_dir/inception`. `mirrors` are base URLs to which the name of a file is appended; without any, each file comes from
/// its own [`base_url`](WeightsFile::base_url). `on_event` is called with the name and the progress of each file.
///
/// # Errors
///
/// As for [`fetch::fetch`].
pub fn fetch<M: AsRef<str>>(
    data_dir: &Path,
    mirrors: &[M],
    options: &fetch::Options,
    mut on_event: impl FnMut(&str, Event<'_>) -> ControlFlow<()>,
) -> std::result::Result<FetchSummary, fetch::Error> {
    let folder = find_folder(data_dir);
    let downloads = FILES.map(|file| {
        let url = |base: &str| format!("{}/{}", base.trim_end_matches('/'), file.name);
        let own = if mirrors.is_empty() { Some(url(file.base_url)) } else { None };
        Download {
            path: folder.join(file.name),
            size: None,
            sha256: ExpectedSha256::Prefix(file.sha256_prefix.to_owned()),
            urls: mirrors.iter().map(|mirror| url(mirror.as_ref())).chain(own).collect(),
        }
    });
    let mut new_files = 0;
    fetch::fetch(&downloads, options, |name, event| {
        new_files += usize::from(event == Event::Done);
        on_event(name, event)
    })?;
    Ok(FetchSummary { folder, new_files })
}

/// How to get the files into `folder`, as one line.
#[must_use]
pub fn download_instructions(folder: &Path) -> String {
    let list = |file: WeightsFile| format!("{}{} ({})", file.base_url, file.name, file.metrics);
    format!(
        "Run `gtn data fetch inception` to download them (about 200 MB) into {}; or get {} by hand and put them there; or point \
         --data-dir or GTN_DATA_DIR at a folder that has them in inception/",
        folder.display(),
        FILES.map(list).join(" and "),
    )
}

/// The first candidate folder that contains one of the files; `data_dir/inception` if none does.
fn find_folder(data_dir: &Path) -> PathBuf {
    let candidates = [data_dir.join("inception"), data_dir.to_path_buf()];
    let has_any = |folder: &&PathBuf| FILES.iter().any(|file| folder.join(file.name).is_file());
    candidates.iter().find(has_any).unwrap_or(&candidates[0]).clone()
}

fn sha256_if_exists(path: &Path) -> Result<Option<String>> {
    let mut hasher = IoWrapper(Sha256::new());
    match File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut hasher)) {
        Ok(_) => Ok(Some(hex(hasher.0.finalize()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path)(error)),
    }
}
