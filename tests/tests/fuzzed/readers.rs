//! Every reader of the user's files, as a function of a path. Whatever the file holds, a reader answers, and does not panic.

use std::ops::ControlFlow;
use std::path::Path;

use gtn_data::image_set::ProgressFn;
use gtn_data::{ImageCollection, celeba, hap, idx, own_images};
use gtn_io::{ArrayFile, TensorFile, arrays, feature_statistics};
use gtn_models::{Model, StateDict};
use gtn_run::config::Overrides;
use gtn_run::{Artifact, Config, MetricsLog};

/// A reader of a kind of file.
pub(crate) struct Reader {
    /// The name of the file, below a folder of its own.
    pub(crate) file: &'static str,
    pub(crate) read: fn(&Path),
}

/// All kinds of files.
pub(crate) const READERS: [Reader; 18] = [
    Reader { file: "rows.npy", read: array },
    Reader { file: "rows.npz", read: array },
    Reader { file: "rows.safetensors", read: tensors },
    Reader { file: "network.pth", read: state_dict },
    Reader { file: "image.png", read: image },
    Reader { file: "image.jpg", read: image },
    Reader { file: "image.gif", read: image },
    Reader { file: "image.bmp", read: image },
    Reader { file: "image.tiff", read: image },
    Reader { file: "image.webp", read: image },
    Reader { file: "images.zip", read: archive },
    Reader { file: "images.tar", read: archive },
    Reader { file: "images.tar.gz", read: archive },
    Reader { file: "train-images-idx3-ubyte", read: digits },
    Reader { file: "list_eval_partition.txt", read: lists },
    Reader { file: "hands_kaggle-train.csv", read: lists },
    Reader { file: "settings.toml", read: settings },
    Reader { file: "metrics.jsonl", read: metrics },
];

fn array(path: &Path) {
    let _ = arrays::read_matrix(path);
    let _ = gtn_io::read_labels(path);
    let _ = feature_statistics::is_statistics(path).map(|_| feature_statistics::read(path));
    if let Ok(file) = ArrayFile::open(path) {
        let _ = file.shape().first().map(|&rows| file.read(0..rows.min(3)));
    }
    let _ = ImageCollection::open(path).map(|images| images.read(0..1));
}

fn tensors(path: &Path) {
    array(path);
    let _ = TensorFile::read(path);
    let _ = TensorFile::read_metadata(path);
    let _ = Artifact::read(path).map(|artifact| artifact.check_values());
    let _ = Model::load(path);
    state_dict(path);
}

fn state_dict(path: &Path) {
    let _ = StateDict::read(path).map(StateDict::finish);
}

fn image(path: &Path) {
    let options = own_images::Options { side: 8, ..own_images::Options::default() };
    let _ = own_images::ImageFiles::open(path, &options, 3).and_then(|images| images.read(0..images.len()));
    let _ = ImageCollection::open(path).map(|images| images.read(0..1));
    let _ = std::fs::read(path).map(|bytes| celeba::TRANSFORM.apply(&bytes));
}

fn archive(path: &Path) {
    let options = own_images::Options { side: 8, max_unreadable: 1.0, ..own_images::Options::default() };
    let progress: ProgressFn<'_> = &mut |_, _| ControlFlow::Continue(());
    let _ = own_images::read(path, &options, &path.with_extension("images"), progress);
    let _ = ImageCollection::open(path).map(|images| images.read(0..1));
    // As the archive of CelebA, too.
    let celeba = path.with_file_name("img_align_celeba.zip");
    let _ = std::fs::copy(path, &celeba);
    lists(path);
}

fn digits(path: &Path) {
    let _ = idx::read(path, 3);
    let _ = idx::read(path, 1);
}

/// The lists and tables beside a file.
fn lists(path: &Path) {
    let Some(folder) = path.parent() else { return };
    let _ = celeba::check(folder);
    let _ = hap::check(folder);
}

fn settings(path: &Path) {
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let _ = text.map(|text| Config::from_preset("settings.toml", &text, &Overrides::default()));
}

fn metrics(path: &Path) {
    let _ = MetricsLog::open(path).map(|log| log.metrics().count());
}
