//! Loss curves of usual and unusual losses.

use gtn_report::curves::loss_svg;
use gtn_run::{EpochRecord, Stage};

fn epoch(epoch: usize, train_loss: f64, validation_loss: f64, improved: bool) -> EpochRecord {
    EpochRecord {
        stage: Stage::Fit,
        epoch,
        train_loss,
        validation_loss,
        improved,
        seconds: 1.0,
        data_wait: 0.0,
        sample_metric: None,
        sample_metric_seconds: None,
    }
}

fn draw(epochs: &[EpochRecord]) -> Option<String> {
    let svg = loss_svg("network ĥ", epochs);
    assert_eq!(svg, loss_svg("network ĥ", epochs));
    if let Some(svg) = &svg {
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
    svg
}

#[test]
fn a_plot_has_axes_a_legend_and_the_best_epoch() {
    let epochs: Vec<_> = (1..=60).map(|n| epoch(n, 1.0 / n as f64, 0.1 + 1.0 / n as f64, n <= 50)).collect();
    let svg = draw(&epochs).unwrap();
    for text in ["Loss of the network ĥ", "epoch", "loss (log scale)", "training", "validation"] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(svg.contains("best epoch: 50"));
    // Both curves have 60 points; only the training loss is dashed.
    let curves: Vec<&str> =
        svg.lines().filter(|line| line.starts_with("<path") && line.matches('L').count() == 59).collect();
    assert_eq!(curves.iter().map(|curve| curve.contains("dasharray")).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn one_epoch_is_dots_on_a_linear_axis() {
    let svg = draw(&[epoch(1, 0.5, 0.4, true)]).unwrap();
    assert_eq!(svg.matches("h0\"").count(), 2, "{svg}");
    assert!(svg.contains("<circle") && svg.contains("best epoch: 1") && !svg.contains("log scale"));
    // With equal losses, the range of the axis is only padding.
    assert!(draw(&[epoch(1, 0.5, 0.5, true)]).is_some());
    assert!(draw(&[epoch(1, 0.0, 0.0, true)]).is_some());
}

#[test]
fn losses_that_are_not_finite_are_gaps() {
    let mut epochs: Vec<_> = (1..=9).map(|n| epoch(n, 0.5, 0.4, n == 2)).collect();
    epochs[4].train_loss = f64::NAN;
    epochs[5].validation_loss = f64::INFINITY;
    epochs[7].train_loss = 1e300;
    epochs[8].improved = true;
    epochs[8].validation_loss = f64::NAN;
    let svg = draw(&epochs).unwrap();
    assert!(svg.contains("best epoch: 2"));
    assert_eq!(draw(&[]), None);
    assert_eq!(draw(&[epoch(1, f64::NAN, f64::INFINITY, false), epoch(2, f64::NEG_INFINITY, 1e200, true)]), None);
}

#[test]
fn extreme_losses_and_epochs_are_drawn_without_panic() {
    for (a, b) in [(0.0, 1.0), (-1.0, 1.0), (1e-300, 3e38), (1e-38, 1e-37), (1e16, 1e16 + 2.0), (-3e38, 3e38)] {
        assert!(draw(&[epoch(1, a, b, true), epoch(2, b, a, true)]).is_some());
    }
    assert!(draw(&[epoch(0, 1.0, 2.0, true), epoch(usize::MAX, 1.0, 2.0, false)]).is_some());
    assert!(draw(&[epoch(usize::MAX, 1.0, 2.0, true)]).is_some());
}

#[test]
fn a_hostile_name_stays_text() {
    let svg = loss_svg("<script>&\"", &[epoch(1, 1.0, 1.0, true)]).unwrap();
    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;&amp;"));
}
