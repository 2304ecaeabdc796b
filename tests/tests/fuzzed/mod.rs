//! What fuzzing runs: any bytes, read as each kind of file, or matched. The same functions replay its corpus.

pub(crate) mod matching;
pub(crate) mod readers;

use std::fs;

/// A target of fuzzing, and the files as which it reads its bytes; none for the matching.
pub(crate) const TARGETS: [(&str, &[&str]); 6] = [
    ("arrays", &["rows.npy", "rows.npz", "rows.safetensors"]),
    ("pickles", &["network.pth"]),
    // The content decides which format an image has.
    ("images", &["image.png"]),
    ("archives", &["images.zip", "images.tar", "images.tar.gz"]),
    (
        "text",
        &[
            "train-images-idx3-ubyte",
            "list_eval_partition.txt",
            "hands_kaggle-train.csv",
            "settings.toml",
            "metrics.jsonl",
        ],
    ),
    ("label", &[]),
];

/// Runs a target on some bytes.
///
/// # Panics
///
/// If a reader panics, or if a matching is not that of Algorithm 1.
pub(crate) fn run(target: &str, bytes: &[u8]) {
    let (_, files) = TARGETS.iter().find(|(name, _)| *name == target).expect("the target exists");
    for file in *files {
        let reader = readers::READERS.iter().find(|reader| reader.file == *file).expect("the reader exists");
        let folder = tempfile::tempdir().expect("a folder can be created");
        let path = folder.path().join(file);
        fs::write(&path, bytes).expect("a file can be written");
        (reader.read)(&path);
    }
    if files.is_empty() {
        matching::check(bytes);
    }
}
