//! The reports of runs on data from a known law.

use std::fs;
use std::path::Path;

use crate::fixture::drawn::{POINTS, metric, roll, run, samples, square, write_snapshot};
use crate::fixture::{assert_stands_alone, stage};
use gtn_report::{Error, write_report};
use gtn_run::config::Overrides;
use gtn_run::{Config, MetricsLog, Provenance, RunFolder, Stage};
use ndarray::{Array1, Array2};

const COMMAND: &str = "gtn reproduce swiss-roll --seed 1";

fn report(run: &RunFolder) -> String {
    let path = write_report(run).unwrap();
    assert_eq!(path, run.report());
    let html = fs::read_to_string(path).unwrap();
    assert_stands_alone(&html);
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

fn assert_holds(html: &str, texts: &[&str]) {
    for text in texts {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn the_angle_of_the_swiss_roll_has_all_its_figures_and_the_same_bytes_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &roll(1), COMMAND);
    let html = report(&run);
    assert_holds(
        &html,
        &[
            "<title>GTN run: swiss-roll, d = 1, paper protocol, seed 1</title>",
            "8,000 angles of the swiss roll",
            "standardized, and paired with normal numbers (source dimension 1) by the sorted labeling (Figure 2)",
            "ĥ had 137 of at most 500 epochs.",
            "Figure 2.",
            "Figure 3(A), from the angle.",
            "Figure 8.",
            "final (epoch 131)",
            "Kolmogorov-Smirnov, angle",
            "Error of ĥ",
            "real against real",
            "draws the data from their law",
            "measures the samples",
            "no BatchNorm",
            COMMAND,
        ],
    );
    assert!(!html.contains("utoencode") && !html.contains("latent") && !html.contains("decoder"));
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
        csv.starts_with("stage,epoch,train_loss,validation_loss,improved,seconds,waited_seconds\nfit,1,0.92,"),
        "{csv}"
    );
}

#[test]
fn the_plane_is_compared_with_the_angle_if_its_run_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let plane = run(folder.path(), &roll(2), COMMAND);
    let html = report(&plane);
    assert_holds(&html, &["Figure 3(A), in the plane.", "by Algorithm 1", "centered", "Off the curve, first epoch"]);
    assert_eq!(figures(&plane), ["figure-3a.svg", "figure-8.svg", "loss-h.svg"]);

    // A companion that has only begun.
    let companion = plane.companion();
    companion.open(&roll(2).companion().unwrap(), &Provenance::default(), false).unwrap();
    assert!(!report(&plane).contains("One dimension against two"));
    run(companion.root(), &roll(2).companion().unwrap(), COMMAND);
    let html = report(&plane);
    assert_eq!(figures(&plane), ["dimension.svg", "figure-3a.svg", "figure-8.svg", "loss-h.svg"]);
    assert_holds(
        &html,
        &["One dimension against two", "d = 1, in the end: 0% off the curve by construction", "d = 2, after epoch 1:"],
    );

    // One of another kind is none.
    let config = companion.config();
    let text = fs::read_to_string(&config).unwrap().replace("seed = 1", "seed = 2");
    fs::write(&config, text).unwrap();
    assert!(!report(&plane).contains("One dimension against two"));
    assert_eq!(figures(&plane), ["figure-3a.svg", "figure-8.svg", "loss-h.svg"]);
}

#[test]
fn the_square_shows_its_pairs_and_what_was_shortened() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = Overrides { limit: Some(1000), time_budget: Some(90), ..Overrides::default() };
    let square = run(folder.path(), &square(&overrides), COMMAND);
    let html = report(&square);
    assert_holds(
        &html,
        &[
            "800 points, uniform on the unit square, were drawn to learn from and 200 to validate on",
            "Figure 3(B).",
            "Figure 4.",
            "250 pairs, from y to x",
            "time budget of 1 min 30 s",
            "point limit",
            "Kolmogorov-Smirnov, coordinates",
        ],
    );
    assert_eq!(figures(&square), ["figure-3b.svg", "figure-4.svg", "figure-8.svg", "loss-h.svg"]);
}

#[test]
fn an_earlier_kind_of_run_leaves_no_figures_but_those_of_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let square = run(folder.path(), &square(&Overrides::default()), COMMAND);
    for name in ["generated.png", "loss-autoencoder.svg", "figure-2.svg", "mine.svg"] {
        fs::write(square.figure(name), "there before").unwrap();
    }
    report(&square);
    assert_eq!(figures(&square), ["figure-3b.svg", "figure-4.svg", "figure-8.svg", "loss-h.svg", "mine.svg"]);
}

#[test]
fn without_snapshots_metrics_and_records_the_rest_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &roll(1), COMMAND);
    fs::remove_dir_all(folder.path().join("snapshots")).unwrap();
    fs::remove_dir_all(folder.path().join("figures")).unwrap();
    fs::remove_file(run.metrics()).unwrap();
    let html = report(&run);
    assert_holds(&html, &["No epochs of the network ĥ", "No facts", "not recorded", "at most 500 epochs"]);
    assert!(!html.contains("Figure 8.") && !html.contains("<h2>Metrics"));
    assert_eq!(figures(&run), ["angles.svg", "figure-2.svg", "figure-3a.svg", "h.svg"]);
    assert_eq!(fs::read_to_string(run.metrics_csv()).unwrap().lines().count(), 1);
}

#[test]
fn hostile_text_stays_text() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "gtn </code></pre><script>alert(2)</script> \"&amp;";
    let run = run(folder.path(), &roll(1), hostile);
    let mut log = MetricsLog::open(&run.metrics()).unwrap();
    log.append(metric("<script>m</script>", f64::MAX, Some(-0.0))).unwrap();
    log.append(stage(Stage::Sample, 1.0, &[("<script>f</script>", 1.0)])).unwrap();
    let html = report(&run);
    assert_holds(&html, &["&lt;script&gt;alert(2)", "&amp;amp;", "&lt;script&gt;m", "&lt;script&gt;f"]);
}

#[test]
fn points_that_are_not_finite_or_far_away_are_left_out_and_counted() {
    for config in [roll(1), roll(2), square(&Overrides::default())] {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path(), &config, COMMAND);
        if config.dim == 2 {
            crate::fixture::drawn::run(run.companion().root(), &roll(1), COMMAND);
        }
        let mut samples = samples(&config);
        for tensor in ["generated", "source", "real", "pairs.source", "pairs.target"] {
            let mut array = samples.f32(tensor).unwrap().clone();
            for (value, odd) in array.iter_mut().skip(4).step_by(4).zip([f32::NAN, f32::INFINITY, 1e30, -3e38]) {
                *value = odd;
            }
            samples.insert_f32(tensor, array);
        }
        if config.dim == 1 {
            let odd = Array1::from_iter((0..401).map(|index| if index % 7 == 0 { f32::NAN } else { 3e38 }));
            samples.insert_f32("curve.learned", odd.into_dyn());
        }
        samples.write(&run.samples()).unwrap();
        let html = report(&run);
        assert_holds(&html, &["not finite and are left out", "beyond the frame"]);

        // Nothing but such points.
        for tensor in ["generated", "source", "pairs.target"] {
            let array = samples.f32(tensor).unwrap().mapv(|_| f32::NAN);
            samples.insert_f32(tensor, array);
        }
        samples.write(&run.samples()).unwrap();
        assert_holds(&report(&run), &["5,000 points are not finite"]);
    }
}

#[test]
fn few_points_are_enough() {
    for config in [roll(1), roll(2), square(&Overrides::default())] {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::at(folder.path());
        run.open(&config, &Provenance::default(), false).unwrap();
        let mut samples = samples(&config);
        for tensor in ["generated", "source", "real", "pairs.source", "pairs.target"] {
            samples.insert_f32(tensor, Array2::from_elem((1, config.dim), 0.5).into_dyn());
        }
        for tensor in ["curve.y", "curve.exact", "curve.learned"] {
            samples.insert_f32(tensor, Array1::from_elem(1, 6.0).into_dyn());
        }
        samples.write(&run.samples()).unwrap();
        write_snapshot(&run, &config, 1, 1);
        report(&run);
    }
}

#[test]
fn tensors_of_wrong_shapes_are_errors_that_name_file_and_tensor() {
    let wrong = |config: &Config, tensor: &'static str, shape: &[usize]| {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path(), config, COMMAND);
        let mut samples = samples(config);
        samples.insert_f32(tensor, ndarray::ArrayD::zeros(shape));
        samples.write(&run.samples()).unwrap();
        let error = write_report(&run).unwrap_err();
        assert!(matches!(&error, Error::Samples { tensor: named, .. } if *named == tensor), "{error}");
        let text = error.to_string();
        assert!(text.contains("samples.safetensors") && text.contains(&format!("{shape:?}")), "{text}");
        assert!(!run.report().exists() && figures(&run).is_empty());
    };
    for (tensor, shape) in [
        ("source", &[0, 1][..]),
        ("source", &[POINTS, 2]),
        ("generated", &[POINTS - 1, 1]),
        ("generated", &[POINTS]),
        ("real", &[7, 2]),
        ("curve.y", &[0]),
        ("curve.exact", &[400]),
        ("curve.learned", &[401, 1]),
    ] {
        wrong(&roll(1), tensor, shape);
    }
    wrong(&roll(2), "generated", &[POINTS, 3]);
    wrong(&square(&Overrides::default()), "pairs.source", &[0, 2]);
    wrong(&square(&Overrides::default()), "pairs.target", &[999, 2]);

    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &roll(1), COMMAND);
    write_snapshot(&run, &roll(1), 5, 17);
    let error = write_report(&run).unwrap_err();
    assert!(matches!(error, Error::Snapshot { tensor: "generated", .. }) && error.is_users());
    assert!(error.to_string().contains("h.epoch-00005.safetensors"), "{error}");
    fs::remove_file(run.samples()).unwrap();
    assert!(matches!(write_report(&run), Err(Error::NoSamples { .. })));
}

/// Leaves the reports where they can be looked at: `GTN_REPORTS=folder cargo test -p gtn-report --test report -- --ignored`.
#[test]
#[ignore = "writes where it is told to"]
fn reports_to_look_at() {
    let root = std::env::var("GTN_REPORTS").expect("GTN_REPORTS names a folder");
    let root = Path::new(&root);
    report(&run(&root.join("roll-1"), &roll(1), COMMAND));
    let plane = run(&root.join("roll-2"), &roll(2), COMMAND);
    run(plane.companion().root(), &roll(1), COMMAND);
    report(&plane);
    report(&run(&root.join("square"), &square(&Overrides::default()), COMMAND));
    write_report(&crate::fixture::run(&root.join("mnist"), &crate::fixture::config(&Overrides::default()), COMMAND))
        .unwrap();
}
