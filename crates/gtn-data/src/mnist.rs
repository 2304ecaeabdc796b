//! MNIST: 60,000 training and 10,000 test images of handwritten digits, 28×28, in four IDX files.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ndarray::Array4;

use crate::fetch::{self, Download, Event, ExpectedSha256, OnEvent};
use crate::{Error, Images, Result, idx};

pub use crate::fetch::FetchSummary;

#[cfg(feature = "hub")]
pub mod hub;

/// One of the four files of MNIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSpec {
    /// File name without `.gz`.
    pub name: &'static str,
    /// Number of dimensions: 3 for images, 1 for labels.
    pub dimensions: usize,
    /// Number of images or labels in the official file.
    pub items: usize,
    /// SHA-256 of the official file, uncompressed.
    pub sha256: &'static str,
    /// Size in bytes of the official compressed file, NAME.gz.
    pub gzip_size: u64,
    /// SHA-256 of that compressed file.
    pub gzip_sha256: &'static str,
}

impl FileSpec {
    /// Name of the compressed file.
    #[must_use]
    pub fn gzip_name(&self) -> String {
        format!("{}.gz", self.name)
    }
}

/// Base URLs of the four compressed files, in order of preference. MNIST's own site has not offered the files since
/// 2024.
pub const MIRRORS: [&str; 2] =
    ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"];

/// The four files: training images and labels, test images and labels.
pub const FILES: [FileSpec; 4] = [
    FileSpec {
        name: "train-images-idx3-ubyte",
        dimensions: 3,
        items: 60_000,
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        gzip_size: 9_912_422,
        gzip_sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    },
    FileSpec {
        name: "train-labels-idx1-ubyte",
        dimensions: 1,
        items: 60_000,
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        gzip_size: 28_881,
        gzip_sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    },
    FileSpec {
        name: "t10k-images-idx3-ubyte",
        dimensions: 3,
        items: 10_000,
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        gzip_size: 1_648_877,
        gzip_sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    },
    FileSpec {
        name: "t10k-labels-idx1-ubyte",
        dimensions: 1,
        items: 10_000,
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        gzip_size: 4542,
        gzip_sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
];

const SIDE: usize = 28;

/// Images and their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabeledImages {
    /// The images: one channel, 28×28.
    pub images: Images,
    /// The digit of each image, 0 to 9.
    pub labels: Vec<u8>,
    /// SHA-256 of both files, uncompressed; identifies the data set.
    pub sha256: String,
    /// Whether both files equal MNIST's official files.
    pub is_official: bool,
}

/// Reads the 60,000 training images below `data_dir` (in `mnist/`, in `MNIST/raw/`, or in the folder itself).
///
/// # Errors
///
/// [`Error::NotFound`] with download instructions if files are missing; [`Error::File`] or [`Error::Mismatch`] if
/// the files are not valid MNIST files.
pub fn train(data_dir: &Path) -> Result<LabeledImages> {
    read_labeled(data_dir, &FILES[0], &FILES[1])
}

/// Reads the 10,000 test images below `data_dir`.
///
/// # Errors
///
/// As for [`train`].
pub fn test(data_dir: &Path) -> Result<LabeledImages> {
    read_labeled(data_dir, &FILES[2], &FILES[3])
}

/// The state of one file, as reported by [`check`].
#[derive(Debug)]
pub enum FileState {
    /// Equal to the official file.
    Official(PathBuf),
    /// A valid IDX file of this shape that differs from the official file.
    Unofficial(PathBuf, Vec<usize>),
    /// The file exists but is invalid or unreadable.
    Invalid(Error),
    /// The file does not exist.
    Missing,
}

/// Reads each of the four files below `data_dir` that exists and compares it with the official file.
///
/// Returns the folder that was searched and the states in the order of [`FILES`].
#[must_use]
pub fn check(data_dir: &Path) -> (PathBuf, Vec<FileState>) {
    let folder = find_folder(data_dir);
    let state = |spec: &FileSpec| match find_file(&folder, spec) {
        None => FileState::Missing,
        Some(path) => match idx::read(&path, spec.dimensions) {
            Ok(file) if file.sha256 == spec.sha256 => FileState::Official(path),
            Ok(file) => FileState::Unofficial(path, file.shape),
            Err(error) => FileState::Invalid(error),
        },
    };
    let states = FILES.iter().map(state).collect();
    (folder, states)
}

/// The first candidate folder that contains one of the files; `data_dir/mnist` if none does.
fn find_folder(data_dir: &Path) -> PathBuf {
    let candidates = [data_dir.join("mnist"), data_dir.join("MNIST").join("raw"), data_dir.to_path_buf()];
    let has_any = |folder: &&PathBuf| FILES.iter().any(|spec| find_file(folder, spec).is_some());
    candidates.iter().find(has_any).unwrap_or(&candidates[0]).clone()
}

fn find_file(folder: &Path, spec: &FileSpec) -> Option<PathBuf> {
    let dotted = spec.name.replace("-idx", ".idx");
    [format!("{}.gz", spec.name), spec.name.to_owned(), format!("{dotted}.gz"), dotted]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

fn read_labeled(data_dir: &Path, images: &FileSpec, labels: &FileSpec) -> Result<LabeledImages> {
    let folder = find_folder(data_dir);
    let (images_path, labels_path) = (find_file(&folder, images), find_file(&folder, labels));
    let (Some(images_path), Some(labels_path)) = (&images_path, &labels_path) else {
        let missing = [(images, &images_path), (labels, &labels_path)].into_iter().filter(|(_, path)| path.is_none());
        let missing: Vec<String> = missing.map(|(spec, _)| spec.gzip_name()).collect();
        let instructions = download_instructions(&folder);
        return Err(Error::NotFound { dataset: "MNIST", missing: missing.join(" and "), instructions, folder });
    };
    let images_idx = idx::read(images_path, images.dimensions)?;
    let labels_idx = idx::read(labels_path, labels.dimensions)?;
    let [count, height, width] = images_idx.shape[..] else { unreachable!("idx::read was asked for three dimensions") };
    if (height, width) != (SIDE, SIDE) {
        return Err(Error::malformed(images_path, format!("expected 28×28 images, got {height}×{width}")));
    }
    if labels_idx.data.len() != count {
        return Err(Error::Mismatch {
            first: images_path.clone(),
            second: labels_path.clone(),
            reason: format!("{count} images and {} labels; download them again", labels_idx.data.len()),
        });
    }
    if let Some(position) = labels_idx.data.iter().position(|&label| label > 9) {
        let label = labels_idx.data[position];
        return Err(Error::malformed(labels_path, format!("label {position} is {label}, but digits are 0 to 9")));
    }
    let pixels = Array4::from_shape_vec((count, 1, SIDE, SIDE), images_idx.data).expect("idx::read returns all pixels");
    Ok(LabeledImages {
        images: Images::from_pixels(pixels)?,
        labels: labels_idx.data,
        is_official: images_idx.sha256 == images.sha256 && labels_idx.sha256 == labels.sha256,
        sha256: format!("{}+{}", images_idx.sha256, labels_idx.sha256),
    })
}

/// Downloads the files that are missing or invalid, as NAME.gz.
///
/// The files go where [`check`] looks: into the folder below `data_dir` that already has some of them, or
/// `data_dir/mnist`. `mirrors` are base URLs as in [`MIRRORS`]. `on_event` is called with the name and the progress of
/// each file.
///
/// # Errors
///
/// As for [`fetch::fetch`]; [`fetch::Error::PathOccupied`] for a valid file that is not MNIST's, which is left
/// unchanged.
pub fn fetch<M: AsRef<str>>(
    data_dir: &Path,
    mirrors: &[M],
    options: &fetch::Options,
    mut on_event: impl FnMut(&str, Event<'_>) -> ControlFlow<()>,
) -> std::result::Result<FetchSummary, fetch::Error> {
    let (folder, needed) = files_to_fetch(data_dir, &mut on_event)?;
    let download = |spec: &&FileSpec| {
        let url = |mirror: &M| format!("{}/{}", mirror.as_ref().trim_end_matches('/'), spec.gzip_name());
        Download {
            path: folder.join(spec.gzip_name()),
            size: Some(spec.gzip_size),
            sha256: ExpectedSha256::Full(spec.gzip_sha256.to_owned()),
            urls: mirrors.iter().map(url).collect(),
        }
    };
    let files: Vec<Download> = needed.iter().map(download).collect();
    fetch::fetch(&files, options, on_event)?;
    Ok(FetchSummary { folder, new_files: files.len() })
}

/// The destination folder, and the files that are missing or invalid. The others are reported as present.
fn files_to_fetch(
    data_dir: &Path,
    on_event: &mut OnEvent<'_>,
) -> std::result::Result<(PathBuf, Vec<&'static FileSpec>), fetch::Error> {
    let (folder, states) = check(data_dir);
    let mut needed = Vec::new();
    for (spec, state) in FILES.iter().zip(states) {
        match state {
            FileState::Official(_) => fetch::emit(on_event, &spec.gzip_name(), Event::AlreadyPresent)?,
            FileState::Missing | FileState::Invalid(Error::File(gtn_io::Error::Malformed { .. })) => needed.push(spec),
            FileState::Unofficial(path, shape) => {
                let reason = format!("it holds other data than MNIST (shape {shape:?}), which is not overwritten");
                return Err(fetch::Error::PathOccupied { path, reason });
            }
            FileState::Invalid(error) => return Err(fetch::Error::unusable(&folder, error)),
        }
    }
    Ok((folder, needed))
}

/// How to get the files into `folder`, as one line.
#[must_use]
pub fn download_instructions(folder: &Path) -> String {
    format!(
        "Run `gtn data fetch mnist` to download them (11.6 MB) into {}; or get the four files NAME.gz ({}) by hand from {} \
         and put them there; or point --data-dir or GTN_DATA_DIR at a folder that has them in mnist/",
        folder.display(),
        FILES.map(|spec| spec.name).join(", "),
        MIRRORS.join(" or "),
    )
}
