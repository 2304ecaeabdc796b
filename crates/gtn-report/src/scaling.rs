//! Plots of running time against problem size, as SVG images.

use crate::axis_scale::Scale;
use crate::canvas::{Axis, Canvas, Panel, Stroke};
use crate::palette::{SHADES, shades};

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Pairs of rows and seconds, by ascending number of rows.
    pub points: Vec<[f64; 2]>,
}

/// Plots seconds against the number of rows. An axis is logarithmic if its values cover a wide range. Points that are not
/// finite and positive are omitted; the result is `None` if there are no others.
#[must_use]
pub fn scaling_svg(series: &[Series]) -> Option<String> {
    let drawable = |point: &&[f64; 2]| point.iter().all(|value| value.is_finite() && *value > 0.0);
    let points = || series.iter().flat_map(|series| &series.points).filter(drawable);
    let axis = |at: usize, names: [&'static str; 2]| {
        let (low, high) =
            points().fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), p| (low.min(p[at]), high.max(p[at])));
        let scale = Scale::new(low, high);
        let name = names[usize::from(scale.is_log())];
        Axis::new(scale, name)
    };
    points().next()?;
    let (x, y) = (axis(0, ["rows", "rows (log scale)"]), axis(1, ["seconds", "seconds (log scale)"]));
    // The space on the right is for the legend.
    let panel = Panel { left: 80, top: 20, width: 480, height: 400, x, y };
    let mut canvas = Canvas::new(800, 480);
    canvas.axes(&panel);
    let shades = shades();
    // The last curve is the darkest.
    let darkest_last = |index: usize| (series.len() - 1 - index) * (SHADES - 1) / series.len().max(2);
    for (index, series) in series.iter().enumerate() {
        let color = shades[darkest_last(index)];
        let points: Vec<[f64; 2]> = series.points.iter().filter(drawable).copied().collect();
        let stroke = Stroke::new(color, 2.0);
        canvas.line(&panel, points.iter().copied(), stroke);
        canvas.dots(&panel, points.iter().map(|&point| (point, Some(0))), &[color], 7.0);
        canvas.legend([580.0, 40.0 + 24.0 * index as f64], &[(stroke, &series.name)]);
    }
    Some(canvas.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_has_a_line_and_a_legend() {
        let series = |name: &str, factor: f64| Series {
            name: name.to_owned(),
            points: [1e3, 1e4, 1e5].map(|n| [n, factor * n]).to_vec(),
        };
        let svg = scaling_svg(&[series("few columns", 1e-6), series("many", 1e-4)]).unwrap();
        assert!(svg.contains(">few columns<") && svg.contains(">many<") && svg.contains("(log scale)"), "{svg}");
        // Each has a line in the plot and one in the legend.
        assert_eq!(svg.matches(r#"stroke-width="2""#).count(), 4, "{svg}");
    }

    #[test]
    fn points_that_cannot_be_drawn_are_omitted() {
        let series = |points: &[[f64; 2]]| [Series { name: "d".to_owned(), points: points.to_vec() }];
        assert_eq!(scaling_svg(&[]), None);
        assert_eq!(scaling_svg(&series(&[[0.0, 1.0], [5.0, f64::NAN]])), None);
        let one = scaling_svg(&series(&[[5.0, 1.0], [6.0, 0.0]])).unwrap();
        assert!(!one.contains("NaN") && one.contains(">d<"), "{one}");
    }
}
