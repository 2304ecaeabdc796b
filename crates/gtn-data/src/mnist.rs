//! MNIST: 60,000 training and 10,000 test images of handwritten digits, 28×28, in four IDX files.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ndarray::Array4;

use crate::fetch::{self, Download, Event};
use crate::{Error, Images, Result, idx};

pub use crate::fetch::Fetched;

#[cfg(feature = "hub")]
pub mod hub;

/// One of the four files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSpec {
    /// Name without the ending of a compressed file.
    pub name: &'static str,
    /// Dimensions of its data: 3 for images, 1 for labels.
    pub dimensions: usize,
    /// Items of the original.
    pub items: usize,
    /// SHA-256 of the original's content (uncompressed).
    pub sha256: &'static str,
    /// Size in bytes of the original's compressed file, NAME.gz.
    pub packed_size: u64,
    /// SHA-256 of that compressed file.
    pub packed_sha256: &'static str,
}

impl FileSpec {
    /// Name of the compressed file.
    #[must_use]
    pub fn packed_name(&self) -> String {
        format!("{}.gz", self.name)
    }
}

/// Where the four compressed files can be had, the first choice first; the name of a file is to be added. The original's
/// own site has not had them since 2024.
pub const MIRRORS: [&str; 2] =
    ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"];

/// The four files: training images and labels, test images and labels.
pub const FILES: [FileSpec; 4] = [
    FileSpec {
        name: "train-images-idx3-ubyte",
        dimensions: 3,
        items: 60_000,
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        packed_size: 9_912_422,
        packed_sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    },
    FileSpec {
        name: "train-labels-idx1-ubyte",
        dimensions: 1,
        items: 60_000,
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        packed_size: 28_881,
        packed_sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    },
    FileSpec {
        name: "t10k-images-idx3-ubyte",
        dimensions: 3,
        items: 10_000,
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        packed_size: 1_648_877,
        packed_sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    },
    FileSpec {
        name: "t10k-labels-idx1-ubyte",
        dimensions: 1,
        items: 10_000,
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        packed_size: 4542,
        packed_sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
];

const SIDE: usize = 28;

/// Images with their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabeledImages {
    /// The images, one channel, 28×28.
    pub images: Images,
    /// The digit of each image, 0 to 9.
    pub labels: Vec<u8>,
    /// SHA-256 of both files' content, for telling data sets apart.
    pub sha256: String,
    /// Whether both files have the original's content.
    pub original: bool,
}

/// Reads the 60,000 training images below `data_dir` (in `mnist/`, `MNIST/raw/` or the folder itself).
///
/// # Errors
///
/// [`Error::NotFound`] with where to get the files, [`Error::Malformed`] or [`Error::Mismatch`] if they are not MNIST's.
pub fn train(data_dir: &Path) -> Result<LabeledImages> {
    labeled(data_dir, &FILES[0], &FILES[1])
}

/// Reads the 10,000 test images below `data_dir`.
///
/// # Errors
///
/// As [`train`].
pub fn test(data_dir: &Path) -> Result<LabeledImages> {
    labeled(data_dir, &FILES[2], &FILES[3])
}

/// The state of one file, as [`check`] finds it.
#[derive(Debug)]
pub enum FileState {
    /// Whole and the original's content.
    Original(PathBuf),
    /// Whole and well-formed, but not the original's content; the shape is given.
    Other(PathBuf, Vec<usize>),
    /// There, and not usable.
    Broken(Error),
    /// Not there.
    Missing,
}

/// Looks at each of the four files below `data_dir` and reads those that are there in full.
///
/// Returns the folder that was looked into and the states in the order of [`FILES`].
#[must_use]
pub fn check(data_dir: &Path) -> (PathBuf, Vec<FileState>) {
    let folder = folder(data_dir);
    let state = |spec: &FileSpec| match find(&folder, spec) {
        None => FileState::Missing,
        Some(path) => match idx::read(&path, spec.dimensions) {
            Ok(file) if file.sha256 == spec.sha256 => FileState::Original(path),
            Ok(file) => FileState::Other(path, file.shape),
            Err(error) => FileState::Broken(error),
        },
    };
    let states = FILES.iter().map(state).collect();
    (folder, states)
}

/// The first of the usual folders that holds one of the files; `data_dir/mnist` if none does.
fn folder(data_dir: &Path) -> PathBuf {
    let usual = [data_dir.join("mnist"), data_dir.join("MNIST").join("raw"), data_dir.to_path_buf()];
    let holds_some = |folder: &&PathBuf| FILES.iter().any(|spec| find(folder, spec).is_some());
    usual.iter().find(holds_some).unwrap_or(&usual[0]).clone()
}

fn find(folder: &Path, spec: &FileSpec) -> Option<PathBuf> {
    let dotted = spec.name.replace("-idx", ".idx");
    [format!("{}.gz", spec.name), spec.name.to_owned(), format!("{dotted}.gz"), dotted]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

fn labeled(data_dir: &Path, images: &FileSpec, labels: &FileSpec) -> Result<LabeledImages> {
    let folder = folder(data_dir);
    let missing: Vec<String> =
        [images, labels].iter().filter(|spec| find(&folder, spec).is_none()).map(|spec| spec.packed_name()).collect();
    let (Some(images_path), Some(labels_path)) = (find(&folder, images), find(&folder, labels)) else {
        return Err(Error::NotFound { set: "MNIST", what: missing.join(" and "), advice: advice(&folder), folder });
    };
    let images_idx = idx::read(&images_path, images.dimensions)?;
    let labels_idx = idx::read(&labels_path, labels.dimensions)?;
    let [count, height, width] = images_idx.shape[..] else { unreachable!("three dimensions were asked for") };
    if (height, width) != (SIDE, SIDE) {
        return Err(Error::malformed(&images_path, format!("holds {height}×{width} images, and MNIST's are 28×28")));
    }
    if labels_idx.data.len() != count {
        return Err(Error::Mismatch {
            first: images_path,
            second: labels_path,
            reason: format!("{count} images and {} labels", labels_idx.data.len()),
        });
    }
    if let Some(position) = labels_idx.data.iter().position(|&label| label > 9) {
        let label = labels_idx.data[position];
        return Err(Error::malformed(&labels_path, format!("label {position} is {label}, and digits go from 0 to 9")));
    }
    let pixels = Array4::from_shape_vec((count, 1, SIDE, SIDE), images_idx.data).expect("as many pixels as were read");
    Ok(LabeledImages {
        images: Images::from_pixels(pixels)?,
        labels: labels_idx.data,
        original: images_idx.sha256 == images.sha256 && labels_idx.sha256 == labels.sha256,
        sha256: format!("{}+{}", images_idx.sha256, labels_idx.sha256),
    })
}

/// Downloads those of the four files that are missing or cannot be read, as NAME.gz, and says where they are.
///
/// They go where [`check`] looks: into the folder below `data_dir` that has some of them already, or `data_dir/mnist`.
/// `mirrors` are addresses as in [`MIRRORS`]; `tell` hears what happens to each file, in the order of [`FILES`].
///
/// # Errors
///
/// As [`fetch::fetch`]; [`fetch::Error::InTheWay`] for a file that is well-formed and not MNIST's: it is left alone.
pub fn fetch<M: AsRef<str>>(
    data_dir: &Path,
    mirrors: &[M],
    options: &fetch::Options,
    mut tell: impl FnMut(&Download, Event<'_>) -> ControlFlow<()>,
) -> std::result::Result<Fetched, fetch::Error> {
    let (folder, wanted) = wanted(data_dir)?;
    let download = |spec: &FileSpec, urls| Download {
        path: folder.join(spec.packed_name()),
        size: spec.packed_size,
        sha256: spec.packed_sha256.to_owned(),
        urls,
    };
    let mut files = Vec::new();
    for (spec, wanted) in FILES.iter().zip(&wanted) {
        if *wanted {
            let address = |mirror: &M| format!("{}/{}", mirror.as_ref().trim_end_matches('/'), spec.packed_name());
            files.push(download(spec, mirrors.iter().map(address).collect()));
        } else if tell(&download(spec, Vec::new()), Event::Present).is_break() {
            return Err(fetch::Error::Stopped { path: folder.join(spec.packed_name()), kept: None });
        }
    }
    fetch::fetch(&files, options, tell)?;
    Ok(Fetched { folder, new: files.len() })
}

/// The folder that files are to go to, and which of them are to be got.
fn wanted(data_dir: &Path) -> std::result::Result<(PathBuf, [bool; 4]), fetch::Error> {
    let (folder, states) = check(data_dir);
    let mut wanted = [false; 4];
    for (wanted, state) in wanted.iter_mut().zip(states) {
        *wanted = match state {
            FileState::Original(_) => false,
            FileState::Missing | FileState::Broken(Error::Malformed { .. }) => true,
            FileState::Other(path, shape) => {
                let reason = format!("it holds other data than MNIST's, shape {shape:?}, which are not overwritten");
                return Err(fetch::Error::InTheWay { path, reason });
            }
            FileState::Broken(Error::Io { path, source }) => {
                return Err(fetch::Error::Io { action: "read", path, source });
            }
            FileState::Broken(error) => {
                return Err(fetch::Error::InTheWay { path: folder, reason: error.to_string() });
            }
        };
    }
    Ok((folder, wanted))
}

/// How to get the files into `folder`, in one line.
#[must_use]
pub fn advice(folder: &Path) -> String {
    format!(
        "`gtn data fetch mnist` downloads them (11.6 MB) into {}; by hand, get the four files NAME.gz ({}) from {} and put \
         them there, or point --data-dir or GTN_DATA_DIR at a folder that has them in mnist/",
        folder.display(),
        FILES.map(|spec| spec.name).join(", "),
        MIRRORS.join(" or "),
    )
}
