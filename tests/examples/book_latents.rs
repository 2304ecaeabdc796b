//! Trains a generator of vectors in two classes, as `gtn fit --latents x.npy --labels y.npy` does. A program of the book
//! (docs/book).
//!
//!     cargo run --release -p gtn-tests --example book_latents
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs::File;

use gtn_io::arrays::write_npy;
use gtn_models::{DeviceName, Generator, Sampling, Streams, purpose};
use gtn_run::config::Overrides;
use gtn_run::{Observer, Provenance, RunFolder, StageRecord};
use gtn_train::{InceptionFiles, Job};
use ndarray::{Array1, Axis, concatenate};

// ANCHOR: observer
/// Prints each stage when it has ended. An observer may also ask the run to stop.
struct Printer;

impl Observer for Printer {
    fn stage_finished(&mut self, record: &StageRecord) {
        println!("{} took {:.1} s", record.stage, record.seconds);
    }
}
// ANCHOR_END: observer

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);

    // ANCHOR: data
    // Two classes of 100 vectors each, around 0 and around 6.
    let streams = Streams::new(1);
    let (left, right) = (streams.normal("left", 0, 100, 3), streams.normal("right", 0, 100, 3) + 6.0);
    let rows = concatenate(Axis(0), &[left.view(), right.view()])?;
    let labels = Array1::from_shape_fn(200, |row| if row < 100 { 0.0 } else { 1.0 });
    write_npy(&mut File::create(path("x.npy"))?, rows.view())?;
    write_npy(&mut File::create(path("y.npy"))?, labels.view())?;
    // ANCHOR_END: data

    // ANCHOR: fit
    // What the data decide (the classes, the size of the networks, the number of pairs) is written into the configuration.
    let overrides = Overrides { epochs: "flow=1,h=2".parse()?, ..Overrides::default() };
    let (config, notes) = gtn_train::configure_latents(&path("x.npy"), Some(&path("y.npy")), &overrides)?;
    notes.iter().for_each(|note| println!("note: {note}"));
    let job = Job {
        config,
        data_dir: path("x.npy"),
        labels: Some(path("y.npy")),
        cache_dir: path("cache"),
        provenance: Provenance::default(),
        force: false,
        autoencoder: None,
        inception: InceptionFiles::default(),
        device: DeviceName::Auto,
    };
    let run = RunFolder::at(path("run"));
    gtn_train::reproduce(&job, &run, &mut Printer)?; // the same call resumes a run that was stopped
    // ANCHOR_END: fit

    // ANCHOR: sample
    let generator = Generator::load(run.root())?;
    let second_class = Sampling::default().with_component(Some(1));
    let samples = generator.sample_latents_by(500, &second_class, &mut streams.stream(purpose::SAMPLE, 0))?;
    let mean = samples.mean().unwrap_or_default();
    println!("the samples of the second class have the mean {mean:.2}");
    assert!((mean - 6.0).abs() < 1.0);
    // ANCHOR_END: sample
    Ok(())
}
