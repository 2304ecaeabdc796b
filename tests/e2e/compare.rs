//! `gtn compare`: runs side by side.

mod program;

use std::fs;
use std::path::Path;

use program::{Call, gtn, toy};
use serde_json::Value;

fn compare(runs: &[&Path]) -> Call {
    gtn().arg("compare").args(runs)
}

fn lines(call: Call) -> Vec<Value> {
    call.arg("--json").done().0.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn runs_on_images_are_compared_with_their_seeds() {
    let data = toy(200);
    let out = |name: &str| data.path().join(name);
    let runs = ["first", "second", "third"].map(out);
    let reproduce = |run: &Path, options: &[&str]| {
        let call = gtn().args(["reproduce", "mnist", "--quick", "--limit", "150", "--data-dir"]).arg(data.path());
        call.arg("--out").arg(run).args(options)
    };
    let first = runs[0].to_str().unwrap();
    reproduce(&runs[0], &["--epochs", "autoencoder=1,h=2"]).done();
    reproduce(&runs[1], &["--seed", "2", "--autoencoder", first, "--epochs", "3"]).done();
    reproduce(&runs[2], &["--seed", "3", "--autoencoder", first, "--epochs", "3"]).done();
    let runs = runs.each_ref().map(|run| run.as_path());

    let page = out("compare.html");
    let (table, notes) = compare(&runs).arg("--out").arg(&page).done();
    assert!(!notes.contains("different"), "{notes}");
    let head = table.lines().next().unwrap();
    for column in ["first", "second", "third", "mean ± spread, seeds 2, 3", "noise floor", "single gaussian"] {
        assert!(head.contains(column), "{column}: {head}");
    }
    // Of latents, the three runs share noise floor and baselines of one split.
    assert_eq!(head.matches("noise floor").count(), 1, "{head}");
    let row = |metric: &str| table.lines().find(|line| line.starts_with(metric)).unwrap().to_owned();
    assert!(row("sliced_wasserstein").contains(" ± ") && row("sliced_wasserstein").contains('*'), "{table}");

    let found = lines(compare(&runs));
    assert_eq!(found.len(), 4);
    let value = |run: usize| found[run]["metrics"]["sliced_wasserstein"]["value"].as_f64().unwrap();
    let group = &found[3]["metrics"]["sliced_wasserstein"];
    assert_eq!(found[3]["runs"], serde_json::json!(["second", "third"]));
    assert!((group["mean"].as_f64().unwrap() - 0.5 * (value(1) + value(2))).abs() < 1e-12);
    let spread = (value(1) - value(2)).abs() / 2_f64.sqrt();
    assert!((group["spread"].as_f64().unwrap() - spread).abs() < 1e-12);
    assert!(found[0]["missing"].is_null() && found[1]["seconds"]["fit"].as_f64().unwrap() > 0.0, "{}", found[0]);

    let html = fs::read_to_string(&page).unwrap();
    for text in
        ["Settings that differ", "h.training.epochs", "Samples", "Metrics", "On pixels", "Time", "Losses", "<b>"]
    {
        assert!(html.contains(text), "{text}");
    }
    // A setting that is equal in all runs is not listed, and the real images are shown once.
    assert!(!html.contains("h.width") && html.matches("Reconstructed real images, ").count() == 1);
    assert!(
        !html.contains("href=") && html.matches("src=").count() == html.matches("src=\"data:").count(),
        "other files"
    );
    // Equal runs give equal bytes.
    compare(&runs).arg("--out").arg(out("again.html")).done();
    assert_eq!(fs::read(out("again.html")).unwrap(), fs::read(&page).unwrap());

    // A run without metrics is listed with what it has.
    fs::remove_file(runs[2].join("samples/evaluation.safetensors")).unwrap();
    let metrics = fs::read_to_string(runs[2].join("metrics.jsonl")).unwrap();
    let kept = metrics.lines().filter(|line| !line.contains("\"metric\"") && !line.contains("\"evaluate\""));
    fs::write(runs[2].join("metrics.jsonl"), kept.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let (table, notes) = compare(&runs).arg("--out").arg(&page).arg("--force").done();
    assert!(notes.contains("third has no metrics: stage evaluate is missing. Resume with: "), "{notes}");
    assert!(table.lines().next().unwrap().contains("third") && table.contains('–'), "{table}");
    assert!(fs::read_to_string(&page).unwrap().contains("third has no metrics"));
    assert_eq!(lines(compare(&runs))[2]["missing"], "evaluate");

    // A folder of weights has nothing to resume.
    let weights = gtn_tests::workspace().join("weights/mnist-d5");
    let (_, notes) = compare(&[runs[0], &weights]).done();
    assert!(notes.contains("mnist-d5 has no records") && !notes.contains("Resume with"), "{notes}");

    let message = compare(&runs).arg("--out").arg(&page).refused_in_one_line("--force");
    assert!(message.contains("compare.html"), "{message}");
    compare(&runs).arg("--out").arg(out("compare.pdf")).refused_in_one_line("ends in .html");
    compare(&runs[..1]).refused_in_one_line("at least two");
    compare(&[runs[0], runs[0]]).refused_in_one_line("is given twice");
    compare(&[runs[0], data.path()]).refused_in_one_line("is not a run");
    assert!(!out("compare.pdf").exists());
}

#[test]
fn runs_on_other_data_are_compared_and_the_page_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let [roll, square] = ["roll", "square"].map(|name| folder.path().join(name));
    for (experiment, run) in [("swiss-roll", &roll), ("uniform", &square)] {
        let call = gtn().args(["reproduce", experiment, "--limit", "2000", "--epochs", "2", "--out"]).arg(run);
        call.done();
    }
    let page = folder.path().join("compare.html");
    let (table, notes) = compare(&[&roll, &square]).arg("--out").arg(&page).done();
    assert!(notes.contains("different data or splits (swiss-roll, uniform)"), "{notes}");
    // What only one of them measures has no counterpart, and nothing is the best.
    let row = table.lines().find(|line| line.starts_with("ks_angle")).unwrap();
    assert!(row.contains('–') && !table.contains('*'), "{table}");
    for name in ["noise floor of roll", "noise floor of square"] {
        assert!(table.contains(name), "{table}");
    }
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("different data") && html.contains("generated angles") && html.contains("generated points"));
}
