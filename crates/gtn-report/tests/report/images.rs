//! The reports of runs on images.

use std::fs;

use crate::fixture::{assert_stands_alone, config, epoch, rings, run, stage, write_samples};
use gtn_report::{Error, write_report};
use gtn_run::config::Overrides;
use gtn_run::{Artifact, Fingerprint, MetricRecord, MetricsLog, Provenance, Record, RunFolder, Stage};
use ndarray::{Array1, Array2, Array4};

const COMMAND: &str = "gtn reproduce mnist --seed 1";
const FIGURES: [&str; 4] = ["generated.png", "decoded.png", "loss-autoencoder.svg", "loss-h.svg"];

#[test]
fn the_report_stands_alone_shows_everything_and_is_the_same_when_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&folder.path().join("run"), &config(&Overrides::default()), COMMAND);
    let path = write_report(&run).unwrap();
    assert_eq!(path, run.report());
    let html = fs::read_to_string(&path).unwrap();
    assert_stands_alone(&html);
    for text in [
        "<title>GTN run: mnist, d = 5, paper protocol, seed 1</title>",
        "25 of at most 25 epochs",
        "63 of at most 200 epochs",
        "48,000",
        "Mean similarity",
        "0.9823",
        "Variance kept",
        "0.8314",
        "&lt;b&gt;odd&lt;/b&gt;",
        "31 min 15 s",
        "38 min 58 s",
        "learning_rate = 0.001",
        COMMAND,
        "0123abcd",
        "alt=\"A grid of 100 generated images\"",
        "best epoch: 60",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert_eq!(html.matches("<svg ").count(), 2);
    assert_eq!(html.matches("src=").count(), 2);
    let figures = || FIGURES.map(|name| fs::read(run.figure(name)).unwrap());
    let before = figures();
    let picture = image::load_from_memory(&before[0]).unwrap();
    assert_eq!((picture.width(), picture.height()), (3 * (10 * 28 + 9 * 2), 3 * (10 * 28 + 9 * 2)));

    write_report(&run).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), html);
    assert_eq!(figures(), before);
}

#[test]
fn shortened_runs_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = Overrides { quick: true, limit: Some(2000), ..Overrides::default() };
    let html = fs::read_to_string(write_report(&run(folder.path(), &config(&overrides), COMMAND)).unwrap()).unwrap();
    assert!(html.contains("shortened (quick)") && html.contains("at most 2,000 of its images"));
    assert!(html.contains("20 of at most 20 epochs"));
}

#[test]
fn missing_records_are_left_out_and_few_color_images_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path());
    run.open(&config(&Overrides::default()), &Provenance::default(), false).unwrap();
    write_samples(&run, rings(7, 3, 64, 0.1), rings(130, 3, 64, 0.1));
    fs::remove_dir(folder.path().join("figures")).unwrap();
    let html = fs::read_to_string(write_report(&run).unwrap()).unwrap();
    for text in ["No epochs of the autoencoder", "No facts", "not recorded", "grid of 7 generated", "grid of 130 real"]
    {
        assert!(html.contains(text), "{text}");
    }
    assert!(!run.figure("loss-h.svg").exists());
    let picture = image::open(run.figure("generated.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (7 * 64 + 6 * 2, 64));

    // A run under way has epochs, but no record of the stage yet.
    MetricsLog::open(&run.metrics()).unwrap().append(epoch(Stage::Autoencode, 3, 0.5, 0.4, true)).unwrap();
    let html = fs::read_to_string(write_report(&run).unwrap()).unwrap();
    assert!(html.contains("3 of at most 25 epochs") && html.contains("best epoch: 3"));
}

#[test]
fn samples_that_cannot_be_shown_are_an_error_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &config(&Overrides::default()), COMMAND);
    let fails = || {
        let error = write_report(&run).unwrap_err();
        assert!(error.to_string().contains("samples.safetensors"), "{error}");
        error
    };
    for shape in [(0, 1, 28, 28), (5, 2, 28, 28), (5, 1, 28, 0)] {
        write_samples(&run, rings(5, 1, 28, 0.1), Array4::zeros(shape));
        assert!(matches!(fails(), Error::Samples { tensor: "decoded", .. }));
    }
    let mut flat = Artifact::new(Fingerprint::of("sample", &[]));
    flat.insert_f32("generated", ndarray::Array2::zeros((3, 2)).into_dyn());
    flat.write(&run.samples()).unwrap();
    assert!(fails().to_string().contains("[3, 2]"));
    Artifact::new(Fingerprint::of("sample", &[])).write(&run.samples()).unwrap();
    assert!(matches!(fails(), Error::Run(gtn_run::Error::MissingTensor { .. })));
    fs::write(run.samples(), b"no safetensors").unwrap();
    let damaged = fails();
    assert!(matches!(damaged, Error::Run(gtn_run::Error::Damaged { .. })) && !damaged.is_users());
    fs::remove_file(run.samples()).unwrap();
    let missing = fails();
    assert!(matches!(missing, Error::NoSamples { .. }) && missing.is_users());
    assert!(!run.report().exists());
    let nowhere = write_report(&RunFolder::at(folder.path().join("nowhere"))).unwrap_err();
    assert!(matches!(nowhere, Error::Run(gtn_run::Error::NoRun { .. })) && nowhere.is_users());
}

#[test]
fn figures_of_merit_stand_beside_those_of_simpler_generators() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &config(&Overrides::default()), COMMAND);
    let mut log = MetricsLog::open(&run.metrics()).unwrap();
    for (metric, baselines) in [("frechet_latent", &[("gaussian", 0.012), ("mixture", 0.034)][..]), ("recall", &[])] {
        let baselines = baselines.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let metric = metric.to_owned();
        let record = MetricRecord { metric, value: 0.25, floor: Some(0.5), baselines, samples: 1000 };
        log.append(Record::Metric(record)).unwrap();
    }
    let html = fs::read_to_string(write_report(&run).unwrap()).unwrap();
    for text in
        ["Fréchet distance of latents", "One Gaussian", "Mixture of ten", "0.01200", "0.03400", "higher is better"]
    {
        assert!(html.contains(text), "{text}");
    }
    assert_eq!(html.matches("<span class=\"missing\">–</span>").count(), 2);
}

#[test]
fn improvements_and_ways_are_shown_where_a_run_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &config(&Overrides::default()), COMMAND);
    let mut samples = Artifact::read(&run.samples()).unwrap();
    for (number, blur) in [(1, 0.3), (2, 0.1)] {
        samples.insert_f32(format!("improvement.{number}"), rings(100, 1, 28, blur).into_dyn());
    }
    samples.set_note("improvements", &[1, 12]).unwrap();
    samples.insert_f32("ways", rings(24, 1, 28, 0.1).into_dyn());
    samples.set_note("ways_steps", &12).unwrap();
    samples.write(&run.samples()).unwrap();
    let html = fs::read_to_string(write_report(&run).unwrap()).unwrap();
    assert_stands_alone(&html);
    for text in [
        "Figure 5",
        "Epoch 1, after 2.00 s of ĥ's training.",
        "Epoch 12, after 24 s of ĥ's training.",
        "From one sample to another",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(html.contains("ĥ improved in epochs 1 (2.00 s), 2 (4.00 s), 3 (6.00 s)"));
    assert!(run.figure("figure-5-2.png").exists() && !run.figure("figure-5-3.png").exists());
    let ways = image::open(run.figure("interpolations.png")).unwrap();
    assert_eq!((ways.width(), ways.height()), (3 * (12 * 28 + 11 * 2), 3 * (2 * 28 + 2)));

    // A note without its tensor is an error that names the file.
    samples.set_note("improvements", &[1, 12, 30]).unwrap();
    samples.write(&run.samples()).unwrap();
    assert!(write_report(&run).unwrap_err().to_string().contains("improvement.3"));
}

#[test]
fn latents_pairs_and_nearest_images_are_shown_where_a_run_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &config(&Overrides::default()), COMMAND);
    let figures = ["nearest.png", "latents.svg", "similarity.svg"];
    let html = || fs::read_to_string(write_report(&run).unwrap()).unwrap();
    // A run of an earlier version has none of it.
    let without = html();
    assert!(!without.contains("Nearest training images") && !without.contains("Latents and pairs"));

    let mut samples = Artifact::read(&run.samples()).unwrap();
    samples.insert_f32("nearest", rings(40, 1, 28, 0.1).into_dyn());
    samples.set_note("nearest_columns", &10).unwrap();
    let cosines = Array1::from_shape_fn(200, |bin| 1.0 - 1.2 * (bin as f32 / 200.0).powi(4));
    samples.insert_f32("similarity.by_rank", cosines.into_dyn());
    let cloud = |key: usize, odd: f32| {
        let value = |i: usize, k: usize| ((i * 37 + i * i * 11 + k * key) % 101) as f32 / 25.0 - 2.0;
        let mut cloud = Array2::from_shape_fn((300, 2), |(i, k)| value(i, k));
        cloud[[7, 0]] = odd;
        cloud
    };
    for (set, key, odd) in [("real", 5, 2.0), ("generated", 7, f32::NAN), ("gaussian", 9, 100.0), ("mixture", 4, 0.0)] {
        samples.insert_f32(format!("scatter.{set}"), cloud(key, odd).into_dyn());
    }
    samples.set_note("scatter_share", &0.614).unwrap();
    samples.write(&run.samples()).unwrap();
    let with = html();
    assert_stands_alone(&with);
    for text in [
        "Nearest training images",
        "A grid of 40 samples",
        "Similarity by rank",
        "mean cosine of a pair",
        "<title>The mean cosine between the vectors of a training pair",
        "Latents in the plane",
        "hold 61% of their variance",
        "300 held-out real latents",
        "300 from a mixture of ten Gaussians",
        "in all panels together: one point is not finite and is left out. one point lies beyond the frame.",
    ] {
        assert!(with.to_lowercase().contains(&text.to_lowercase()), "{text}");
    }
    let nearest = image::open(run.figure("nearest.png")).unwrap();
    assert_eq!((nearest.width(), nearest.height()), (3 * (10 * 28 + 9 * 2), 3 * (4 * 28 + 3 * 2)));
    let before = figures.map(|name| fs::read(run.figure(name)).unwrap());
    assert_eq!(html(), with);
    assert_eq!(figures.map(|name| fs::read(run.figure(name)).unwrap()), before);

    // The pairs' cosines fall below 0, and the curve is drawn to its end.
    let svg = String::from_utf8(before[2].clone()).unwrap();
    assert!(svg.contains("share of all pairs") && svg.contains("pairs of a rank") && !svg.contains("NaN"));

    // Too few latents have no baselines.
    let mut few = Artifact::new(Fingerprint::of("sample", &["few"]));
    for tensor in ["generated", "decoded", "scatter.real", "scatter.generated"] {
        few.insert_f32(tensor, samples.f32(tensor).unwrap().clone());
    }
    few.set_note("scatter_share", &1.0).unwrap();
    few.write(&run.samples()).unwrap();
    let few_sets = html();
    assert!(few_sets.contains("300 made by ĥ") && !few_sets.contains("300 from one Gaussian"));
    // What an earlier report showed and this one does not is gone.
    assert!(run.figure("latents.svg").exists() && !run.figure("nearest.png").exists());
    assert!(!run.figure("similarity.svg").exists());

    // Tensors of another shape are named.
    samples.insert_f32("scatter.mixture", Array2::zeros((300, 3)).into_dyn());
    samples.write(&run.samples()).unwrap();
    assert!(matches!(write_report(&run), Err(Error::Samples { tensor: "scatter.mixture", .. })));
}

#[test]
fn figures_on_pixels_have_a_table_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &config(&Overrides::default()), COMMAND);
    let mut log = MetricsLog::open(&run.metrics()).unwrap();
    let mut append = |metric: &str, baselines: &[&str]| {
        let baselines = baselines.iter().map(|name| ((*name).to_owned(), 0.75)).collect();
        let metric = metric.to_owned();
        log.append(Record::Metric(MetricRecord { metric, value: 0.25, floor: Some(0.5), baselines, samples: 1000 }))
            .unwrap();
    };
    append("recall", &["gaussian"]);
    append("pixel_recall", &["decoded", "gaussian"]);
    append("pixel_of_the_future", &["decoded", "gaussian"]);
    let facts = [("test_mse", 0.301), ("test_reconstruction_mse", 0.1074)];
    log.append(stage(Stage::Evaluate, 40.0, &facts)).unwrap();
    let html = fs::read_to_string(write_report(&run).unwrap()).unwrap();
    let (latents, pixels) = html.split_once("Metrics on pixels").unwrap();
    let table = |html: &str| {
        html.split_once("<table class=\"metrics beside\"").unwrap().1.split("</table>").next().unwrap().to_owned()
    };
    let (latents, pixels) = (table(latents), table(pixels));
    assert!(latents.contains("real latents within the reach") && !latents.contains("Decoded real ones"));
    assert!(pixels.contains("real images within the reach") && pixels.contains("Decoded real ones"));
    // A figure that this version does not know keeps its name.
    assert!(pixels.contains("<code>pixel_of_the_future</code>"), "{pixels}");
    for text in ["ĥ on the test set", "0.3010", "Autoencoder on the test set", "0.1074"] {
        assert!(html.contains(text), "{text}");
    }
}
