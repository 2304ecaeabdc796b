//! Reports of runs on synthetic data.

use std::fs;
use std::path::Path;

use crate::fixture::synthetic::{POINTS, roll, run, samples, square, two_squares, write_snapshot};
use crate::fixture::{assert_self_contained, metric};
use gtn_report::{Error, write_report};
use gtn_run::config::Overrides;
use gtn_run::schema::{Metric, TensorKey, point_samples as keys};
use gtn_run::{Config, MetricsLog, Provenance, RunFolder};
use ndarray::{Array1, Array2, ArrayD};

const COMMAND: &str = "gtn reproduce swiss-roll --seed 1";

fn report(run: &RunFolder) -> String {
    let path = write_report(run).unwrap();
    assert_eq!(path, run.report());
    let html = fs::read_to_string(path).unwrap();
    assert_self_contained(&html);
    assert!(!html.contains("NaN") && !html.contains("inf\""));
    assert!(html.len() < 3_000_000, "{}", html.len());
    html
}

fn figures(run: &RunFolder) -> Vec<String> {
    let entries = fs::read_dir(run.root().join("figures")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn assert_contains(html: &str, texts: &[&str]) {
    for text in texts {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn a_run_on_angles_has_all_its_figures_and_equal_reports_have_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &roll(1), COMMAND);
    let html = report(&run);
    assert_contains(
        &html,
        &[
            "<title>GTN run: swiss-roll, d = 1, paper protocol, seed 1</title>",
            "angles of the swiss roll, distributed uniformly on (1.5π, 4.5π): 8,000 for training",
            "standardized, and paired with standard normal values (source dimension 1) by sorting (Figure 2)",
            "ĥ stopped after 137 of 500 epochs.",
            "Figure 2.",
            "Figure 3(A), source dimension 1.",
            "Figure 8.",
            "final (epoch 131)",
            "Kolmogorov-Smirnov, angle",
            "Error of ĥ",
            "Noise floor: the score of real data against other real data, here",
            "draws the data from their distribution",
            "computes the metrics of the samples",
            "no BatchNorm",
            COMMAND,
        ],
    );
    assert!(["utoencode", "latent", "decoder"].iter().all(|word| !html.contains(word)));
    let all = ["angles.svg", "figure-2.svg", "figure-3a.svg", "figure-8.svg", "h.svg", "loss-h.svg"];
    assert_eq!(figures(&run), all);
    let before = all.map(|name| fs::read(run.figure(name)).unwrap());
    for (name, bytes) in all.iter().zip(&before) {
        assert!(bytes.len() < 400_000, "{name}: {}", bytes.len());
    }
    assert_eq!(report(&run), html);
    assert_eq!(all.map(|name| fs::read(run.figure(name)).unwrap()), before);

    let csv = fs::read_to_string(run.metrics_csv()).unwrap();
    assert_eq!(csv.lines().count(), 138);
    assert!(
        csv.starts_with(
            "stage,epoch,train_loss,validation_loss,improved,seconds,data_wait_seconds,sample_metric\nfit,1,0.92,"
        ),
        "{csv}"
    );
}

#[test]
fn source_dimensions_are_compared_if_the_reference_run_exists() {
    let folder = tempfile::tempdir().unwrap();
    let plane = run(folder.path(), &roll(2), COMMAND);
    let html = report(&plane);
    assert_contains(
        &html,
        &["Figure 3(A), source dimension 2.", "by Algorithm 1", "centered", "Off the curve, first epoch"],
    );
    assert_eq!(figures(&plane), ["figure-3a.svg", "figure-8.svg", "loss-h.svg"]);

    // A reference run without samples.
    let reference_run = plane.reference_run();
    reference_run.open(&roll(2).reference_run().unwrap(), &Provenance::default(), false).unwrap();
    assert!(!report(&plane).contains("Comparison of source dimensions 1 and 2"));
    run(reference_run.root(), &roll(2).reference_run().unwrap(), COMMAND);
    let html = report(&plane);
    assert_eq!(figures(&plane), ["dimension.svg", "figure-3a.svg", "figure-8.svg", "loss-h.svg"]);
    assert_contains(
        &html,
        &[
            "Comparison of source dimensions 1 and 2",
            "d = 1, final: 0% off the curve by construction",
            "d = 2, after epoch 1:",
        ],
    );

    // A run with another configuration is not a reference run.
    let config = reference_run.config();
    let text = fs::read_to_string(&config).unwrap().replace("seed = 1", "seed = 2");
    fs::write(&config, text).unwrap();
    assert!(!report(&plane).contains("Comparison of source dimensions 1 and 2"));
    assert_eq!(figures(&plane), ["figure-3a.svg", "figure-8.svg", "loss-h.svg"]);
}

#[test]
fn a_run_on_the_square_shows_its_pairs_and_limits() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = Overrides { limit: Some(1000), time_budget: Some(90), ..Overrides::default() };
    let square = run(folder.path(), &square(&overrides), COMMAND);
    let html = report(&square);
    assert_contains(
        &html,
        &[
            "points distributed uniformly on the unit square: 800 for training and 200 for validation",
            "Figure 3(B).",
            "Figure 4.",
            "250 pairs, from y to x",
            "time budget of the run was 1 min 30 s",
            "point limit",
            "Kolmogorov-Smirnov, coordinates",
        ],
    );
    assert_eq!(figures(&square), ["figure-3b.svg", "figure-4.svg", "figure-8.svg", "loss-h.svg"]);
}

#[test]
fn a_run_on_two_squares_shows_both_and_does_not_claim_to_be_a_figure_of_the_paper() {
    let folder = tempfile::tempdir().unwrap();
    let squares = run(folder.path(), &two_squares(), COMMAND);
    let html = report(&squares);
    assert_contains(
        &html,
        &[
            "points distributed uniformly on two unit squares that lie apart, as in Appendix C: 8,000 for training",
            "<section id=\"samples-and-pairs\">",
            "Two squares.",
            "in the colors of their y, as in the first figure.",
            "Between the squares",
        ],
    );
    assert!(!html.contains("Figures of the paper") && !html.contains("Figure 3"));
    assert_eq!(figures(&squares), ["figure-4.svg", "figure-8.svg", "loss-h.svg", "two-squares.svg"]);
}

#[test]
fn figures_of_an_earlier_report_are_removed_but_other_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let square = run(folder.path(), &square(&Overrides::default()), COMMAND);
    for name in ["generated.png", "loss-autoencoder.svg", "figure-2.svg", "mine.svg"] {
        fs::write(square.figure(name), "there before").unwrap();
    }
    report(&square);
    assert_eq!(figures(&square), ["figure-3b.svg", "figure-4.svg", "figure-8.svg", "loss-h.svg", "mine.svg"]);
}

#[test]
fn a_run_without_snapshots_and_records_has_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &roll(1), COMMAND);
    fs::remove_dir_all(folder.path().join("snapshots")).unwrap();
    fs::remove_dir_all(folder.path().join("figures")).unwrap();
    fs::remove_file(run.metrics()).unwrap();
    let html = report(&run);
    assert_contains(
        &html,
        &["No epochs of the network ĥ", "No statistics", "not recorded", "No epochs of ĥ are recorded (maximum: 500)."],
    );
    assert!(!html.contains("Figure 8.") && !html.contains("<h2>Metrics"));
    assert_eq!(figures(&run), ["angles.svg", "figure-2.svg", "figure-3a.svg", "h.svg"]);
    assert_eq!(fs::read_to_string(run.metrics_csv()).unwrap().lines().count(), 1);
}

#[test]
fn hostile_text_stays_text() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "gtn </code></pre><script>alert(2)</script> \"&amp;";
    let run = run(folder.path(), &roll(1), hostile);
    let mut record = run.record().unwrap();
    record.provenance.device = Some("<script>d</script>".to_owned());
    record.provenance.version = "<script>v</script>".to_owned();
    run.write_record(&record).unwrap();
    let mut log = MetricsLog::open(&run.metrics()).unwrap();
    log.append(metric(Metric::HError, f64::MAX, Some(-0.0), &[])).unwrap();
    // Names that are not in the schema are omitted with their lines.
    let line = renamed_line(&run, "\"h_error\"", "\"<script>m</script>\"");
    let stage = renamed_line(&run, "\"pairs\"", "\"<script>f</script>\"");
    let text = fs::read_to_string(run.metrics()).unwrap();
    fs::write(run.metrics(), format!("{text}{line}\n{stage}\n")).unwrap();
    let html = report(&run);
    assert_contains(&html, &["&lt;script&gt;alert(2)", "&amp;amp;", "&lt;script&gt;d", "&lt;script&gt;v"]);
    assert!(!html.contains("script&gt;m") && !html.contains("script&gt;f"));
}

/// The first line of `metrics.jsonl` that contains `name`, with another name.
fn renamed_line(run: &RunFolder, name: &str, other: &str) -> String {
    let text = fs::read_to_string(run.metrics()).unwrap();
    text.lines().find(|line| line.contains(name)).unwrap().replace(name, other)
}

/// The tensors of points that every such run has.
fn point_keys() -> [TensorKey<f32>; 5] {
    [keys::GENERATED, keys::SOURCE, keys::REAL, keys::PAIRS_SOURCE, keys::PAIRS_TARGET]
}

#[test]
fn points_that_are_not_finite_or_far_away_are_omitted_and_counted() {
    for config in [roll(1), roll(2), square(&Overrides::default())] {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path(), &config, COMMAND);
        if config.dim == 2 {
            crate::fixture::synthetic::run(run.reference_run().root(), &roll(1), COMMAND);
        }
        let mut samples = samples(&config);
        for key in point_keys() {
            let mut array = samples.tensor(&key).unwrap().clone();
            for (value, odd) in array.iter_mut().skip(4).step_by(4).zip([f32::NAN, f32::INFINITY, 1e30, -3e38]) {
                *value = odd;
            }
            samples.insert(&key, array);
        }
        if config.dim == 1 {
            let odd = Array1::from_iter((0..401).map(|index| if index % 7 == 0 { f32::NAN } else { 3e38 }));
            samples.insert(&keys::CURVE_LEARNED, odd);
        }
        samples.write(&run.samples()).unwrap();
        let html = report(&run);
        assert_contains(&html, &["Not shown: ", "that are not finite", "outside the frame"]);

        // No other points.
        for key in [keys::GENERATED, keys::SOURCE, keys::PAIRS_TARGET] {
            let array = samples.tensor(&key).unwrap().mapv(|_| f32::NAN);
            samples.insert(&key, array);
        }
        samples.write(&run.samples()).unwrap();
        assert_contains(&report(&run), &["Not shown: 5,000 points that are not finite."]);
    }
}

#[test]
fn one_point_suffices() {
    for config in [roll(1), roll(2), square(&Overrides::default())] {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::at(folder.path());
        run.open(&config, &Provenance::default(), false).unwrap();
        let mut samples = samples(&config);
        for key in point_keys() {
            samples.insert(&key, Array2::from_elem((1, config.dim), 0.5));
        }
        for key in [keys::CURVE_Y, keys::CURVE_EXACT, keys::CURVE_LEARNED] {
            samples.insert(&key, Array1::from_elem(1, 6.0));
        }
        samples.write(&run.samples()).unwrap();
        write_snapshot(&run, &config, 1, 1);
        report(&run);
    }
}

#[test]
fn tensors_of_wrong_shapes_are_errors_that_name_file_and_tensor() {
    let assert_fails = |config: &Config, key: TensorKey<f32>, shape: &[usize]| {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path(), config, COMMAND);
        let mut samples = samples(config);
        samples.insert(&key, ArrayD::zeros(shape));
        samples.write(&run.samples()).unwrap();
        let error = write_report(&run).unwrap_err();
        assert!(matches!(&error, Error::Samples { tensor, .. } if *tensor == key.name()), "{error}");
        let text = error.to_string();
        assert!(text.contains("samples.safetensors") && text.contains(&format!("{shape:?}")), "{text}");
        assert!(!run.report().exists() && figures(&run).is_empty());
    };
    for (key, shape) in [
        (keys::SOURCE, &[0, 1][..]),
        (keys::SOURCE, &[POINTS, 2]),
        (keys::GENERATED, &[POINTS - 1, 1]),
        (keys::GENERATED, &[POINTS]),
        (keys::REAL, &[7, 2]),
        (keys::CURVE_Y, &[0]),
        (keys::CURVE_EXACT, &[400]),
        (keys::CURVE_LEARNED, &[401, 1]),
    ] {
        assert_fails(&roll(1), key, shape);
    }
    assert_fails(&roll(2), keys::GENERATED, &[POINTS, 3]);
    assert_fails(&square(&Overrides::default()), keys::PAIRS_SOURCE, &[0, 2]);
    assert_fails(&square(&Overrides::default()), keys::PAIRS_TARGET, &[999, 2]);

    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &roll(1), COMMAND);
    write_snapshot(&run, &roll(1), 5, 17);
    let error = write_report(&run).unwrap_err();
    assert!(matches!(error, Error::Snapshot { tensor: "generated", .. }) && error.is_user_error());
    assert!(error.to_string().contains("h.epoch-00005.safetensors"), "{error}");
    fs::remove_file(run.samples()).unwrap();
    assert!(matches!(write_report(&run), Err(Error::Unfinished { .. })));
}

/// Writes reports for inspection: `GTN_REPORTS=folder cargo test -p gtn-report --test report -- --ignored`.
#[test]
#[ignore = "writes into the folder GTN_REPORTS"]
fn reports_for_inspection() {
    let root = std::env::var("GTN_REPORTS").expect("GTN_REPORTS names a folder");
    let root = Path::new(&root);
    report(&run(&root.join("roll-1"), &roll(1), COMMAND));
    let plane = run(&root.join("roll-2"), &roll(2), COMMAND);
    run(plane.reference_run().root(), &roll(1), COMMAND);
    report(&plane);
    report(&run(&root.join("square"), &square(&Overrides::default()), COMMAND));
    write_report(&crate::fixture::run(&root.join("mnist"), &crate::fixture::config(&Overrides::default()), COMMAND))
        .unwrap();
}
