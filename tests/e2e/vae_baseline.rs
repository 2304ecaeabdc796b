//! `gtn reproduce --baselines vae`: a variational autoencoder to compare with.

mod program;

use std::fs;

use program::{gtn, toy};

#[test]
fn its_images_and_metrics_are_in_the_report() {
    let data = toy(200);
    let run = data.path().join("run");
    let reproduce = |experiment: &str| {
        let call = gtn().args(["reproduce", experiment, "--quick", "--limit", "150", "--data-dir"]).arg(data.path());
        call.arg("--out").arg(&run)
    };
    let options = ["--epochs", "2", "--baselines", "vae"];
    reproduce("uniform").args(["--baselines", "vae"]).refused_in_one_line("needs images");
    reproduce("mnist").args(["--baselines", "gan"]).refused("vae");
    reproduce("mnist").args(["--epochs", "vae=2"]).refused("vae has the epochs of the autoencoder");
    reproduce("mnist").args(options).done();
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    for metric in ["sliced_wasserstein", "coverage", "pixel_coverage"] {
        let line = metrics.lines().find(|line| line.contains(&format!("\"{metric}\""))).unwrap();
        assert!(line.contains("\"vae\":"), "{line}");
    }
    let html = fs::read_to_string(run.join("report.html")).unwrap();
    for text in
        ["Images of the variational autoencoder", "Variational autoencoder</th>", "--baselines vae", "decodes normal"]
    {
        assert!(html.contains(text), "{text}");
    }
    assert!(run.join("figures/vae.png").exists());
    let (_, stderr) = reproduce("mnist").args(options).done();
    assert!(stderr.lines().any(|line| line.starts_with("baselines") && line.ends_with("already done")), "{stderr}");
    // Without it, the run is another one.
    reproduce("mnist").args(["--epochs", "2"]).refused("baselines is");
    // It can be compared with a run that has none.
    let other = data.path().join("other");
    let call = gtn().args(["reproduce", "mnist", "--quick", "--limit", "150", "--epochs", "2", "--data-dir"]);
    call.arg(data.path()).arg("--autoencoder").arg(&run).arg("--out").arg(&other).done();
    let (table, _) = gtn().arg("compare").args([&run, &other]).done();
    assert!(table.contains("variational autoencoder"), "{table}");
}
