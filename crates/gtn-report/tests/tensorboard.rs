//! What observers write during a run: TensorBoard events, and figures of epochs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gtn_report::{EpochFigures, TensorBoard, grid};
use gtn_run::schema::{Baseline, Metric};
use gtn_run::{EpochImages, EpochRecord, MetricRecord, MetricsLog, Observer, Record, RunFolder, Stage, Tee};
use gtn_tests::{Event, EventKind, read_events};
use ndarray::Array4;

fn epoch(stage: Stage, epoch: usize, improved: bool) -> EpochRecord {
    let loss = 1.0 / epoch as f64;
    EpochRecord {
        stage,
        epoch,
        train_loss: loss,
        validation_loss: loss + 0.25,
        improved,
        seconds: 1.0,
        data_wait: 0.0,
        sample_metric: None,
        sample_metric_seconds: None,
    }
}

fn images(count: usize, channels: usize) -> Array4<f32> {
    Array4::from_shape_fn((count, channels, 4, 6), |(i, c, y, x)| ((i + c + y * x) % 9) as f32 / 4.0 - 1.0)
}

fn scalar(tag: &str, step: i64, value: f32) -> Event {
    Event { tag: tag.to_owned(), step, kind: EventKind::Scalar(value) }
}

fn only_events(run: &RunFolder) -> Vec<Event> {
    let files = run.event_files();
    assert_eq!(files.len(), 1, "{files:?}");
    read_events(&files[0])
}

#[test]
fn losses_images_and_metrics_are_events_with_tag_and_step() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path());
    let mut tensorboard = TensorBoard::new();
    assert!(tensorboard.wants_images());
    tensorboard.run_opened(&run);
    tensorboard.stage_started(Stage::Autoencode);
    assert!(!run.tensorboard().exists(), "a file without events");

    let shown = images(10, 3);
    tensorboard.epoch_images(&EpochImages { stage: Stage::Autoencode, epoch: 1, images: shown.view() });
    tensorboard.epoch_finished(&epoch(Stage::Autoencode, 1, true));
    let mut log = MetricsLog::open(&run.metrics()).unwrap();
    for record in [epoch(Stage::Fit, 1, true), epoch(Stage::Fit, 2, true), epoch(Stage::Fit, 3, false)] {
        log.append(Record::Epoch(record.clone())).unwrap();
        tensorboard.epoch_finished(&record);
    }
    let shown_later = images(4, 1);
    tensorboard.epoch_images(&EpochImages { stage: Stage::Fit, epoch: 2, images: shown_later.view() });
    let baselines = BTreeMap::from([(Baseline::Gaussian, 0.75), (Baseline::Mixture, 0.5)]);
    let metric = Metric::EnergyDistance;
    tensorboard.metric(&MetricRecord { metric, value: 0.25, floor: Some(0.125), baselines, samples: 9 });

    let image = |tag: &str, step, images: &Array4<f32>, columns, (width, height)| {
        let png = grid::grid(images.view(), columns).unwrap().to_png().unwrap();
        let channels = images.dim().1 as i32;
        Event { tag: tag.to_owned(), step, kind: EventKind::Image { width, height, channels, png } }
    };
    // Grids of ten images of 4 × 6 pixels in rows of four, and of four images in rows of two, with gaps of two pixels.
    let expected = [
        image("autoencoder/reconstructions", 1, &shown, 4, (30, 16)),
        scalar("autoencoder/train_loss", 1, 1.0),
        scalar("autoencoder/validation_loss", 1, 1.25),
        scalar("h/train_loss", 1, 1.0),
        scalar("h/validation_loss", 1, 1.25),
        scalar("h/train_loss", 2, 0.5),
        scalar("h/validation_loss", 2, 0.75),
        scalar("h/train_loss", 3, 1.0 / 3.0),
        scalar("h/validation_loss", 3, (1.0_f64 / 3.0 + 0.25) as f32),
        image("h/samples", 2, &shown_later, 2, (14, 10)),
        scalar("metrics/energy_distance", 2, 0.25),
        scalar("metrics/energy_distance/floor", 2, 0.125),
        scalar("metrics/energy_distance/gaussian", 2, 0.75),
        scalar("metrics/energy_distance/mixture", 2, 0.5),
    ];
    // The file is still open: events are not buffered.
    assert_eq!(only_events(&run), expected);
}

#[test]
fn every_process_writes_a_file_after_the_existing_ones_and_every_run_has_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path());
    let write = |number| {
        let mut tensorboard = TensorBoard::new();
        tensorboard.run_opened(&run.reference_run());
        tensorboard.epoch_finished(&epoch(Stage::Fit, 10 * number, true));
        tensorboard.run_opened(&run);
        tensorboard.epoch_finished(&epoch(Stage::Fit, number, true));
    };
    // Within one second, and after a file from the future.
    write(1);
    write(2);
    fs::write(run.event_file(9_000_000_000), "of another process").unwrap();
    write(3);
    let files = run.event_files();
    assert_eq!(files.len(), 4);
    let steps = |file: &Path| read_events(file).iter().map(|event| event.step).collect::<Vec<_>>();
    assert_eq!(files[2], run.event_file(9_000_000_000));
    assert_eq!([0, 1, 3].map(|index| steps(&files[index])), [[1, 1], [2, 2], [3, 3]]);
    let of_reference: Vec<_> = run.reference_run().event_files().iter().map(|file| steps(file)).collect();
    assert_eq!(of_reference, [[10, 10], [20, 20], [30, 30]]);
}

#[test]
fn an_incomplete_last_record_affects_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path());
    let mut tensorboard = TensorBoard::new();
    tensorboard.run_opened(&run);
    for number in 1..=3 {
        tensorboard.epoch_finished(&epoch(Stage::Fit, number, true));
    }
    let path = &run.event_files()[0];
    let bytes = fs::read(path).unwrap();
    for missing in 1..40 {
        fs::write(path, &bytes[..bytes.len() - missing]).unwrap();
        assert_eq!(only_events(&run).iter().map(|event| event.step).collect::<Vec<_>>(), [1, 1, 2, 2]);
    }
}

#[test]
fn a_file_that_cannot_be_written_stops_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path());
    // Files with the names of the folders.
    fs::write(run.tensorboard(), "mine").unwrap();
    fs::write(run.root().join("figures"), "mine").unwrap();
    let (mut tensorboard, mut figures) = (TensorBoard::new(), EpochFigures::new());
    let mut both = Tee(vec![&mut tensorboard, &mut figures]);
    assert!(both.wants_images());
    both.run_opened(&run);
    let shown = images(4, 1);
    for number in 1..=2 {
        both.epoch_images(&EpochImages { stage: Stage::Fit, epoch: number, images: shown.view() });
        both.epoch_finished(&epoch(Stage::Fit, number, true));
    }
    assert!(!both.wants_images(), "images would be computed in vain");
    let mine = |path: &Path| fs::read_to_string(path).unwrap() == "mine";
    assert!(mine(&run.tensorboard()) && mine(&run.root().join("figures")));
}

#[test]
fn figures_of_epochs_are_grids_named_after_network_and_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path());
    let mut figures = EpochFigures::new();
    let shown = images(64, 1);
    // No run is open, so nothing is written.
    figures.epoch_images(&EpochImages { stage: Stage::Fit, epoch: 1, images: shown.view() });
    figures.run_opened(&run);
    figures.epoch_images(&EpochImages { stage: Stage::Autoencode, epoch: 7, images: shown.view() });
    figures.epoch_images(&EpochImages { stage: Stage::Fit, epoch: 12, images: shown.view() });
    let names = ["autoencoder-00007.png", "h-00012.png"].map(|name| run.root().join("figures/epochs").join(name));
    assert_eq!(run.epoch_figures().into_iter().map(|figure| figure.path).collect::<Vec<_>>(), names);
    let expected = grid::grid(shown.view(), 8).unwrap().to_png().unwrap();
    assert!(names.iter().all(|path| fs::read(path).unwrap() == expected));
}
