//! Reports of runs on images.

use std::fs;

use crate::fixture::{assert_self_contained, config, epoch, metric, rings, run, stage, write_samples};
use gtn_report::{Error, write_report};
use gtn_run::config::Overrides;
use gtn_run::schema::{Baseline, IMPROVEMENTS, Metric, Statistic, TensorKey, image_samples as keys};
use gtn_run::{Artifact, Fingerprint, MetricsLog, Provenance, RunFolder, Stage};
use ndarray::{Array1, Array2, Array4};

const COMMAND: &str = "gtn reproduce mnist --seed 1";
const FIGURES: [&str; 4] = ["generated.png", "decoded.png", "loss-autoencoder.svg", "loss-h.svg"];

#[test]
fn a_report_is_self_contained_and_complete_and_equal_when_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&folder.path().join("run"), &config(&Overrides::default()), COMMAND);
    let path = write_report(&run).unwrap();
    assert_eq!(path, run.report());
    let html = fs::read_to_string(&path).unwrap();
    assert_self_contained(&html);
    for text in [
        "<title>GTN run: mnist, d = 5, paper protocol, seed 1</title>",
        "The autoencoder trained for all 25 epochs, and ĥ stopped after 63 of 200 epochs, because it no longer improved.",
        "Maximum epochs",
        "Weight decay",
        "48,000",
        "Mean similarity",
        "0.9823",
        "Variance kept",
        "0.8314",
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
    // Both grids, and the first images of each.
    assert_eq!(html.matches("src=").count(), 4);
    let figures = || FIGURES.map(|name| fs::read(run.figure(name)).unwrap());
    let before = figures();
    let image = image::load_from_memory(&before[0]).unwrap();
    assert_eq!((image.width(), image.height()), (3 * (10 * 28 + 9 * 2), 3 * (10 * 28 + 9 * 2)));

    write_report(&run).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), html);
    assert_eq!(figures(), before);
}

#[test]
fn the_summary_says_that_a_run_was_shortened() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = Overrides { quick: true, limit: Some(2000), ..Overrides::default() };
    let html = fs::read_to_string(write_report(&run(folder.path(), &config(&overrides), COMMAND)).unwrap()).unwrap();
    assert!(html.contains("shortened (quick)") && html.contains("at most 2,000 images"));
    assert!(html.contains("ĥ trained for all 20 epochs"));
}

#[test]
fn missing_records_are_omitted_and_few_color_images_suffice() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path());
    run.open(&config(&Overrides::default()), &Provenance::default(), false).unwrap();
    write_samples(&run, rings(7, 3, 64, 0.1), rings(130, 3, 64, 0.1));
    fs::remove_dir(folder.path().join("figures")).unwrap();
    let html = fs::read_to_string(write_report(&run).unwrap()).unwrap();
    for text in
        ["No epochs of the autoencoder", "No statistics", "not recorded", "grid of 7 generated", "grid of 130 real"]
    {
        assert!(html.contains(text), "{text}");
    }
    assert!(!run.figure("loss-h.svg").exists());
    let image = image::open(run.figure("generated.png")).unwrap();
    assert_eq!((image.width(), image.height()), (7 * 64 + 6 * 2, 64));

    // During training there are epochs, but no record of the stage.
    MetricsLog::open(&run.metrics()).unwrap().append(epoch(Stage::Autoencode, 3, 0.5, 0.4, true)).unwrap();
    let html = fs::read_to_string(write_report(&run).unwrap()).unwrap();
    let summary = "The autoencoder has trained for 3 of at most 25 epochs so far, and no epochs of ĥ are recorded (maximum: 200).";
    assert!(html.contains(summary) && html.contains("best epoch: 3"));
}

#[test]
fn samples_that_cannot_be_shown_are_errors_that_name_the_file() {
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
    let mut flat = Artifact::new(Fingerprint::new("sample", &[]));
    flat.insert(&keys::GENERATED, Array2::zeros((3, 2)));
    flat.write(&run.samples()).unwrap();
    assert!(fails().to_string().contains("[3, 2]"));
    Artifact::new(Fingerprint::new("sample", &[])).write(&run.samples()).unwrap();
    assert!(matches!(fails(), Error::Run(gtn_run::Error::MissingTensor { .. })));
    fs::write(run.samples(), b"not safetensors").unwrap();
    let damaged = fails();
    assert!(matches!(damaged, Error::Run(gtn_run::Error::Damaged { .. })) && !damaged.is_user_error());
    fs::remove_file(run.samples()).unwrap();
    let missing = write_report(&run).unwrap_err();
    assert!(matches!(missing, Error::Unfinished { .. }) && missing.is_user_error());
    let advice = format!("is unfinished (evaluate). Resume with: {COMMAND} --out {}", folder.path().display());
    assert!(missing.to_string().contains(&advice), "{missing}");
    assert!(!run.report().exists());
    let nowhere = write_report(&RunFolder::at(folder.path().join("nowhere"))).unwrap_err();
    assert!(matches!(nowhere, Error::Run(gtn_run::Error::NotARun { .. })) && nowhere.is_user_error());
}

#[test]
fn metrics_are_compared_with_baselines() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &config(&Overrides::default()), COMMAND);
    let mut log = MetricsLog::open(&run.metrics()).unwrap();
    log.remove_metrics().unwrap();
    let baselines = [(Baseline::Gaussian, 0.012), (Baseline::Mixture, 0.034)];
    log.append(metric(Metric::FrechetDistance, 0.25, Some(0.5), &baselines)).unwrap();
    log.append(metric(Metric::Recall, 0.25, Some(0.5), &[])).unwrap();
    let html = fs::read_to_string(write_report(&run).unwrap()).unwrap();
    for text in [
        "Fréchet distance",
        "Single Gaussian",
        // A run of an earlier version.
        ">Mixture of Gaussians<",
        "0.01200",
        "0.03400",
        "Recall ↑",
        "higher is better",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert_eq!(html.matches("<span class=\"missing\">–</span>").count(), 2);
    for (components, title) in [(30.0, "Mixture of 30 Gaussians"), (1.0, "Mixture of one Gaussian")] {
        log.remove_stage(Stage::Evaluate).unwrap();
        log.append(stage(Stage::Evaluate, 40.0, &[(Statistic::MixtureComponents, components)])).unwrap();
        let html = fs::read_to_string(write_report(&run).unwrap()).unwrap();
        assert!(html.contains(&format!(">{title}<")) && html.contains("Gaussians of the mixture"), "{title}");
    }

    // The page begins with a verdict.
    assert!(!html.contains("Real against real"));
    log.append(metric(Metric::SlicedWasserstein, 0.02, Some(0.01), &baselines)).unwrap();
    let html = fs::read_to_string(write_report(&run).unwrap()).unwrap();
    let sentence = "Latents of the samples are farther from real data than those of a simpler generator (Sliced Wasserstein-2 0.02000, real data \
                    0.01000, single Gaussian 0.01200).";
    assert!(html.find(sentence).unwrap() < html.find("<main>").unwrap());
    for tile in ["Real against real", "Best baseline", "the noise floor"] {
        assert!(html.find(tile).unwrap() < html.find("<main>").unwrap(), "{tile}");
    }
}

#[test]
fn improvements_and_interpolations_are_shown_if_a_run_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &config(&Overrides::default()), COMMAND);
    let mut samples = Artifact::read(&run.samples()).unwrap();
    for (key, blur) in IMPROVEMENTS.iter().zip([0.3, 0.1]) {
        samples.insert(key, rings(100, 1, 28, blur));
    }
    samples.set_metadata(&keys::IMPROVEMENT_EPOCHS, &vec![1, 12]).unwrap();
    samples.insert(&keys::INTERPOLATIONS, rings(24, 1, 28, 0.1));
    samples.set_metadata(&keys::INTERPOLATION_STEPS, &12).unwrap();
    samples.write(&run.samples()).unwrap();
    let html = fs::read_to_string(write_report(&run).unwrap()).unwrap();
    assert_self_contained(&html);
    for text in [
        "Figure 5",
        "Epoch 1, after 2.00 s of training ĥ.",
        "Epoch 12, after 24 s of training ĥ.",
        "Interpolations between samples",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(html.contains("The validation loss of ĥ improved in epochs 1 (2.00 s), 2 (4.00 s), 3 (6.00 s)"));
    assert!(run.figure("figure-5-2.png").exists() && !run.figure("figure-5-3.png").exists());
    let interpolations = image::open(run.figure("interpolations.png")).unwrap();
    assert_eq!((interpolations.width(), interpolations.height()), (3 * (12 * 28 + 11 * 2), 3 * (2 * 28 + 2)));

    // An epoch without its tensor is an error that names the tensor.
    samples.set_metadata(&keys::IMPROVEMENT_EPOCHS, &vec![1, 12, 30]).unwrap();
    samples.write(&run.samples()).unwrap();
    assert!(write_report(&run).unwrap_err().to_string().contains("improvement.3"));
}

#[test]
fn latents_pairs_and_nearest_images_are_shown_if_a_run_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &config(&Overrides::default()), COMMAND);
    let figures = ["nearest.png", "latents.svg", "similarity.svg"];
    let html = || fs::read_to_string(write_report(&run).unwrap()).unwrap();
    // These samples have none of the tensors.
    let without = html();
    assert!(!without.contains("Nearest training images") && !without.contains("Latents and pairs"));

    let mut samples = Artifact::read(&run.samples()).unwrap();
    samples.insert(&keys::NEAREST, rings(40, 1, 28, 0.1));
    samples.set_metadata(&keys::NEAREST_COLUMNS, &10).unwrap();
    let similarities = Array1::from_shape_fn(200, |bin| 1.0 - 1.2 * (bin as f32 / 200.0).powi(4));
    samples.insert(&keys::SIMILARITY_BY_RANK, similarities);
    let cloud = |factor: usize, odd: f32| {
        let value = |i: usize, k: usize| ((i * 37 + i * i * 11 + k * factor) % 101) as f32 / 25.0 - 2.0;
        let mut cloud = Array2::from_shape_fn((300, 2), |(i, k)| value(i, k));
        cloud[[7, 0]] = odd;
        cloud
    };
    let sets: [(TensorKey<f32>, usize, f32); 4] = [
        (keys::SCATTER_REAL, 5, 2.0),
        (keys::SCATTER_GENERATED, 7, f32::NAN),
        (keys::SCATTER_GAUSSIAN, 9, 100.0),
        (keys::SCATTER_MIXTURE, 4, 0.0),
    ];
    for (key, factor, odd) in sets {
        samples.insert(&key, cloud(factor, odd));
    }
    samples.set_metadata(&keys::SCATTER_EXPLAINED_VARIANCE, &0.614).unwrap();
    samples.write(&run.samples()).unwrap();
    let with = html();
    assert_self_contained(&with);
    for text in [
        "Nearest training images",
        "A grid of 40 samples",
        "Similarity by rank",
        "mean cosine similarity",
        "<title>Mean cosine similarity of training pairs",
        "Latents in the plane",
        "explain 61% of their variance",
        "300 held-out real latents",
        "300 from a mixture of Gaussians",
        "Not shown (total over all panels): 1 point that is not finite, 1 point that is outside the frame.",
    ] {
        assert!(with.contains(text), "{text}");
    }
    let nearest = image::open(run.figure("nearest.png")).unwrap();
    assert_eq!((nearest.width(), nearest.height()), (3 * (10 * 28 + 9 * 2), 3 * (4 * 28 + 3 * 2)));
    let before = figures.map(|name| fs::read(run.figure(name)).unwrap());
    assert_eq!(html(), with);
    assert_eq!(figures.map(|name| fs::read(run.figure(name)).unwrap()), before);

    // The similarities fall below 0, and the curve is drawn to its end.
    let svg = String::from_utf8(before[2].clone()).unwrap();
    assert!(svg.contains("fraction of all pairs") && svg.contains("pairs by rank") && !svg.contains("NaN"));

    // A run with too few latents has no baselines.
    let mut few = Artifact::new(Fingerprint::new("sample", &["few"]));
    for key in [keys::GENERATED, keys::DECODED, keys::SCATTER_REAL, keys::SCATTER_GENERATED] {
        few.insert(&key, samples.tensor(&key).unwrap().clone());
    }
    few.set_metadata(&keys::SCATTER_EXPLAINED_VARIANCE, &1.0).unwrap();
    few.write(&run.samples()).unwrap();
    let few_sets = html();
    assert!(few_sets.contains("300 generated by ĥ") && !few_sets.contains("300 from one Gaussian"));
    // Figures of the earlier report that this one does not have are removed.
    assert!(run.figure("latents.svg").exists() && !run.figure("nearest.png").exists());
    assert!(!run.figure("similarity.svg").exists());

    // An error about a wrong shape names the tensor.
    samples.insert(&keys::SCATTER_MIXTURE, Array2::zeros((300, 3)));
    samples.write(&run.samples()).unwrap();
    assert!(matches!(write_report(&run), Err(Error::Samples { tensor: "scatter.mixture", .. })));
}

#[test]
fn metrics_on_pixels_have_their_own_table() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &config(&Overrides::default()), COMMAND);
    let mut log = MetricsLog::open(&run.metrics()).unwrap();
    let mut append = |name, baselines: &[Baseline]| {
        let baselines: Vec<_> = baselines.iter().map(|baseline| (*baseline, 0.75)).collect();
        log.append(metric(name, 0.25, Some(0.5), &baselines)).unwrap();
    };
    append(Metric::Recall, &[Baseline::Gaussian]);
    append(Metric::PixelRecall, &[Baseline::Decoded, Baseline::Gaussian]);
    let losses = [(Statistic::HTestLoss, 0.301), (Statistic::AutoencoderTestLoss, 0.1074)];
    log.append(stage(Stage::Evaluate, 40.0, &losses)).unwrap();
    // A metric of another version is not in the schema, and its line is omitted.
    let unknown = fs::read_to_string(run.metrics()).unwrap().replace("\"pixel_recall\"", "\"<b>pixel_other</b>\"");
    let known = fs::read_to_string(run.metrics()).unwrap();
    fs::write(run.metrics(), known + unknown.lines().find(|line| line.contains("pixel_other")).unwrap() + "\n")
        .unwrap();

    let html = fs::read_to_string(write_report(&run).unwrap()).unwrap();
    let (latents, pixels) = html.split_once("<section id=\"metrics-on-pixels\">").unwrap();
    let table = |html: &str| {
        html.split_once("<table class=\"metrics with-baselines\"")
            .unwrap()
            .1
            .split("</table>")
            .next()
            .unwrap()
            .to_owned()
    };
    let (latents, pixels) = (table(latents), table(pixels));
    let (of_latents, of_pixels) = (Metric::Recall.definition(), Metric::PixelRecall.definition());
    let decoded = Baseline::Decoded.title();
    assert!(latents.contains(of_latents) && !latents.contains(of_pixels) && !latents.contains(decoded), "{latents}");
    assert!(pixels.contains(of_pixels) && !pixels.contains(of_latents) && pixels.contains(decoded), "{pixels}");
    assert_eq!(pixels.matches("<td class=\"name\">").count(), 1);
    assert!(!html.contains("pixel_other"));
    for text in ["Test loss of ĥ", "0.3010", "Test loss of the autoencoder", "0.1074"] {
        assert!(html.contains(text), "{text}");
    }
}
