//! Figures of source dimension 1: the distribution functions, the map, and the distribution of the angles.

use std::f64::consts::PI;

use gtn_math::{Distribution, EmpiricalCdf, Normal, SwissRoll, Uniform};
use gtn_run::schema::point_samples as keys;

use super::super::section::{Figure, omissions};
use super::super::tensors::Tensors;
use super::super::text::count;
use crate::Result;
use crate::axis_scale::{Scale, along};
use crate::canvas::{Axis, Canvas, Omitted, Panel, Point, Stroke};
use crate::palette::{BAND, BLUE, DARK_GRAY, GRAY, LIGHT_BLUE, SILVER, VERMILION, shade, shades};

/// The numbers at which the arrows of Figure 2 start.
const ARROWS: [f64; 4] = [-1.5, -0.5, 0.5, 1.5];

/// Number of bars of the histogram within the support.
const BARS: usize = 30;

/// The 95% quantile of √n times the Kolmogorov-Smirnov distance of n draws from their own distribution.
const KS_95: f64 = 1.358;

/// 95% of N(0, 1) is between this and its negative.
const NORMAL_95: f64 = 1.96;

const EXACT: Stroke = Stroke::new(SILVER, 6.0);
const GENERATED: Stroke = Stroke::new(BLUE, 2.0);

/// Normal numbers, the angles that ĥ generated from them, real angles, and ĥ and the exact h at the numbers `y`.
pub(super) struct Angles {
    source: Vec<f64>,
    generated: Vec<f64>,
    real: Vec<f64>,
    y: Vec<f64>,
    exact: Vec<f64>,
    learned: Vec<f64>,
}

impl Angles {
    pub(super) fn read(samples: &Tensors) -> Result<Self> {
        let flat = |key, count| -> Result<Vec<f64>> {
            Ok(samples.rows::<1>(key, count)?.into_iter().map(|[value]| value).collect())
        };
        let source = flat(&keys::SOURCE, None)?;
        let generated = flat(&keys::GENERATED, Some(source.len()))?;
        let real = flat(&keys::REAL, None)?;
        let y = samples.values(&keys::CURVE_Y, None)?;
        let exact = samples.values(&keys::CURVE_EXACT, Some(y.len()))?;
        let learned = samples.values(&keys::CURVE_LEARNED, Some(y.len()))?;
        Ok(Self { source, generated, real, y, exact, learned })
    }

    /// Figure 2: both distribution functions, and arrows from y to x through them.
    pub(super) fn distribution_functions(&self) -> Figure {
        let mut canvas = Canvas::new(960, 480);
        let probability = || Scale::linear(0.0, 1.0, 7);
        let x = Axis::new(Scale::linear(-4.0, 4.0, 10), "y");
        let left = Panel { left: 70, top: 76, width: 390, height: 340, x, y: Axis::new(probability(), "") };
        let right = Panel {
            left: 530,
            width: 415,
            x: angle_axis("x", angle_range()),
            y: Axis::unlabeled(probability()),
            ..left.clone()
        };
        canvas.axes(&left);
        canvas.axes(&right);
        canvas.heading(&left, "F_Y of N(0, 1)");
        canvas.heading(&right, "F_X of U(1.5π, 4.5π)");

        let normal = Normal::standard();
        canvas.line(&left, along(-4.0, 4.0, 160).map(|y| [y, normal.cdf(y)]), EXACT);
        let (low, high) = angle_range();
        canvas.line(&right, along(low, high, 160).map(|x| [x, uniform_cdf(x)]), EXACT);
        let thin = Stroke::new(DARK_GRAY, 1.6);
        canvas.line(&left, empirical(&self.source, -4.0, 4.0, |_| 0.0), thin);
        canvas.line(&right, empirical(&self.generated, low, high, |_| 0.0), thin);

        let colors = shades();
        let arrow_color = |rank: f64| shade(rank).and_then(|shade| colors.get(shade)).copied().unwrap_or(DARK_GRAY);
        for y in ARROWS {
            let p = normal.cdf(y);
            let x = angle_of_rank(p);
            let color = arrow_color(p);
            let corners = [(&left, [y, 0.0]), (&left, [y, p]), (&right, [x, p]), (&right, [x, 0.0])];
            let path: Vec<Point> = corners.into_iter().filter_map(|(panel, point)| panel.to_pixels(point)).collect();
            if let [_, turn, _, end] = path[..] {
                canvas.arrow_head(end, [0.0, 1.0], color);
                canvas.arrow_head([f64::from(right.left) - 30.0, turn[1]], [1.0, 0.0], color);
            }
            canvas.lines([path], Stroke::new(color, 2.0));
        }
        let legend =
            [(EXACT, "exact"), (thin, "empirical"), (Stroke::new(arrow_color(0.5), 2.0), "h: y → F_Y(y) = F_X(x) → x")];
        canvas.legend([70.0, 28.0], &legend);
        let omitted = Omitted { not_finite: not_finite(&[&self.source, &self.generated]), outside: 0 };
        let caption = format!(
            "Each arrow leads from a number y up to its rank F_Y(y) under N(0, 1), across to the angle x of the same rank \
             F_X(x) under U(1.5π, 4.5π), and down to x = h(y). The thin lines are the empirical distribution functions of {} \
             standard normal values and of the angles that ĥ generated from them. The closer ĥ is to h, the closer the right line is \
             to the exact one.{}",
            count(self.generated.len()),
            omissions(omitted),
        );
        let alt = "The distribution functions of N(0, 1) and of the angles, connected by arrows at equal heights";
        Figure::svg("figure-2.svg", canvas, "Figure 2", caption, alt)
    }

    /// ĥ and h, and their difference.
    pub(super) fn map(&self) -> Figure {
        let mut canvas = Canvas::new(560, 500);
        let scale = || Scale::linear(-4.0, 4.0, 10);
        // At its ends, ĥ leaves the support.
        let [low, high] = ends();
        let y = angle_axis("angle", (low - 1.0, high + 1.0));
        let top = Panel { left: 78, top: 44, width: 465, height: 256, x: Axis::unlabeled(scale()), y };
        let errors: Vec<Point> =
            self.y.iter().zip(self.learned.iter().zip(&self.exact)).map(|(y, (a, b))| [*y, a - b]).collect();
        let finite = errors.iter().filter(|[_, error]| error.is_finite());
        let largest = finite.fold(1e-3, |largest: f64, [_, error]| largest.max(1.15 * error.abs()));
        let error = Axis::new(Scale::linear(-largest, largest, 5), "difference");
        let bottom = Panel { top: 326, height: 118, x: Axis::new(scale(), "y"), y: error, ..top.clone() };
        canvas.axes(&top);
        canvas.axes(&bottom);

        let curve = |values: &[f64]| self.y.iter().zip(values).map(|(y, value)| [*y, *value]).collect::<Vec<_>>();
        canvas.line(&top, curve(&self.exact), EXACT);
        canvas.line(&top, curve(&self.learned), GENERATED);
        canvas.line(&bottom, [[-4.0, 0.0], [4.0, 0.0]], Stroke::new(GRAY, 1.0));
        for y in [-NORMAL_95, NORMAL_95] {
            canvas.line(&bottom, [[y, -largest], [y, largest]], Stroke::dashed(GRAY, 1.0));
        }
        canvas.line(&bottom, errors, GENERATED);
        canvas.legend([78.0, 26.0], &[(EXACT, "h, exact"), (GENERATED, "ĥ, learned")]);
        let learned = || self.y.iter().zip(&self.learned).filter(|(_, angle)| angle.is_finite());
        let outside = learned().filter(|(y, angle)| top.to_pixels([**y, **angle]).is_none()).count();
        let omitted = Omitted { not_finite: self.learned.len() - learned().count(), outside };
        let caption = format!(
            "Top: the learned map ĥ over the exact map h = F_X⁻¹ ∘ F_Y. Bottom: ĥ − h in radians. 95% of all standard normal values \
             are between the dashed lines, so errors beyond them affect few samples.{}",
            omissions(omitted),
        );
        let alt = "The learned map and the exact map of a normal number, and their difference";
        Figure::svg("h.svg", canvas, "ĥ and h", caption, alt)
    }

    /// The distribution of the angles: a histogram, and the difference between the empirical and the exact distribution function.
    pub(super) fn distribution(&self) -> Figure {
        let mut canvas = Canvas::new(560, 500);
        let (bars, outside) = histogram(&self.generated);
        let density = 1.0 / span();
        let tallest = bars.iter().fold(density, |tallest: f64, (_, [_, height])| tallest.max(*height));
        let y = Axis::new(Scale::linear(0.0, 1.12 * tallest, 5), "density");
        let top = Panel {
            left: 78,
            top: 44,
            width: 465,
            height: 200,
            x: Axis { labeled: false, ..angle_axis("", angle_range()) },
            y,
        };
        let (low, high) = angle_range();
        let generated = empirical(&self.generated, low, high, uniform_cdf);
        let real = empirical(&self.real, low, high, uniform_cdf);
        let band = KS_95 / (self.generated.len() as f64).sqrt();
        let largest =
            generated.iter().chain(&real).fold(band, |largest, [_, difference]| largest.max(difference.abs()));
        let difference = Axis::new(Scale::linear(-1.15 * largest, 1.15 * largest, 5), "CDF − exact");
        let bottom =
            Panel { top: 270, height: 174, x: angle_axis("angle", angle_range()), y: difference, ..top.clone() };
        canvas.axes(&top);
        canvas.axes(&bottom);

        canvas.bars(&top, bars, LIGHT_BLUE);
        let [start, end] = ends();
        let support = [[low, 0.0], [start, 0.0], [start, density], [end, density], [end, 0.0], [high, 0.0]];
        canvas.line(&top, support, Stroke::new(DARK_GRAY, 1.6));
        canvas.bars(&bottom, [([low, -band], [high, band])], BAND);
        canvas.line(&bottom, [[low, 0.0], [high, 0.0]], Stroke::new(GRAY, 1.0));
        let real_stroke = Stroke::dashed(VERMILION, 1.6);
        canvas.line(&bottom, real, real_stroke);
        canvas.line(&bottom, generated, GENERATED);
        let legend = [(GENERATED, "generated"), (real_stroke, "real"), (Stroke::new(DARK_GRAY, 1.6), "U(1.5π, 4.5π)")];
        canvas.legend([78.0, 26.0], &legend);
        let omitted = Omitted { not_finite: not_finite(&[&self.generated, &self.real]), outside };
        let caption = format!(
            "Top: histogram of {} generated angles. All bars should reach the line, and there should be none outside it. \
             Bottom: difference between the empirical and the exact distribution function. For as many exact draws, the curve \
             stays in the gray band in 95% of all cases. Its largest distance from 0 is the Kolmogorov-Smirnov distance of \
             the angles.{}",
            count(self.generated.len()),
            omissions(omitted),
        );
        let alt = "A histogram of the generated angles, and the difference between their empirical and the exact distribution \
                   function";
        Figure::svg("angles.svg", canvas, "Distribution of the angles", caption, alt)
    }
}

/// The ends of the support.
fn ends() -> [f64; 2] {
    let angles = SwissRoll::paper().angles();
    [angles.lower(), angles.upper()]
}

fn span() -> f64 {
    let [low, high] = ends();
    high - low
}

/// The angles that figures show: the support, and two more bars of the histogram at each end.
fn angle_range() -> (f64, f64) {
    let [low, high] = ends();
    let margin = 2.0 * span() / BARS as f64;
    (low - margin, high + margin)
}

fn angle_axis(name: &'static str, (low, high): (f64, f64)) -> Axis {
    let ticks = (3..=9).map(|half| (0.5 * f64::from(half) * PI, format!("{}π", 0.5 * f64::from(half))));
    Axis::new(Scale::with_ticks(low, high, ticks), name)
}

fn uniform_cdf(angle: f64) -> f64 {
    Uniform::standard().cdf((angle - ends()[0]) / span())
}

fn angle_of_rank(rank: f64) -> f64 {
    ends()[0] + span() * Uniform::standard().quantile(rank)
}

/// The empirical distribution function of a sample between `low` and `high`, minus `exact`; empty without finite numbers.
fn empirical(sample: &[f64], low: f64, high: f64, exact: impl Fn(f64) -> f64) -> Vec<Point> {
    let finite: Vec<f64> = sample.iter().copied().filter(|value| value.is_finite()).collect();
    match EmpiricalCdf::new(&finite) {
        Ok(cdf) => along(low, high, 400).map(|at| [at, cdf.cdf(at) - exact(at)]).collect(),
        Err(_) => Vec::new(),
    }
}

/// The corners of the bars, whose total area is 1, and the number of finite angles outside of them.
fn histogram(angles: &[f64]) -> (Vec<(Point, Point)>, usize) {
    let (low, high) = angle_range();
    let mut counts = vec![0_usize; BARS + 4];
    let width = (high - low) / counts.len() as f64;
    let finite = || angles.iter().filter(|angle| angle.is_finite());
    for angle in finite().filter(|angle| (low..high).contains(*angle)) {
        let last = counts.len() - 1;
        counts[(((angle - low) / width) as usize).min(last)] += 1;
    }
    let total = finite().count();
    let outside = total - counts.iter().sum::<usize>();
    let corner = |(index, number): (usize, usize)| {
        let left = low + index as f64 * width;
        ([left + 0.05 * width, 0.0], [left + 0.95 * width, number as f64 / (total.max(1) as f64 * width)])
    };
    (counts.into_iter().enumerate().map(corner).collect(), outside)
}

/// Number of values of the samples that are not finite.
fn not_finite(samples: &[&[f64]]) -> usize {
    samples.iter().flat_map(|sample| sample.iter()).filter(|value| !value.is_finite()).count()
}
