//! What one dimension allows to see: distribution functions, the map itself, and the law of the angles.

use std::f64::consts::PI;

use gtn_math::{Distribution, EmpiricalCdf, Normal, SwissRoll, Uniform};

use super::super::section::{Figure, left_out};
use super::super::tensors::Tensors;
use super::super::text::count;
use super::along;
use crate::Result;
use crate::canvas::{Axis, Canvas, LeftOut, Panel, Point, Stroke};
use crate::palette::{BACK, BAND, BLUE, GRAY, INK, VERMILION, shade, shades};
use crate::ticks::Scale;

/// Where the arrows of Figure 2 start.
const ARROWS: [f64; 4] = [-1.5, -0.5, 0.5, 1.5];

/// Bars of the histogram from end to end of the law.
const BARS: usize = 30;

/// √n times the Kolmogorov-Smirnov distance of n draws from their own law lies below this in 95 of 100 cases.
const KS_95: f64 = 1.358;

/// Most of N(0, 1), 95%, lies between this and its negative.
const MOSTLY: f64 = 1.96;

const EXACT: Stroke = Stroke::new(BACK, 6.0);
const GENERATED: Stroke = Stroke::new(BLUE, 2.0);

/// Normal numbers, the angles that ĥ made of them, real angles, and ĥ beside the exact map.
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
        let flat = |tensor, count| -> Result<Vec<f64>> {
            Ok(samples.rows::<1>(tensor, count)?.into_iter().map(|[value]| value).collect())
        };
        let source = flat("source", None)?;
        let generated = flat("generated", Some(source.len()))?;
        let real = flat("real", None)?;
        let y = samples.numbers("curve.y", None)?;
        let exact = samples.numbers("curve.exact", Some(y.len()))?;
        let learned = samples.numbers("curve.learned", Some(y.len()))?;
        Ok(Self { source, generated, real, y, exact, learned })
    }

    /// Figure 2: both distribution functions, and the way from y to x through them.
    pub(super) fn matching(&self) -> Result<Figure> {
        let mut canvas = Canvas::new(960, 480);
        let share = || Scale::exactly(0.0, 1.0, 7);
        let x = Axis::new(Scale::exactly(-4.0, 4.0, 10), "y");
        let left = Panel { left: 70, top: 76, width: 390, height: 340, x, y: Axis::new(share(), "") };
        let right =
            Panel { left: 530, width: 415, x: angle_axis("x", shown()), y: Axis::unlabeled(share()), ..left.clone() };
        canvas.axes(&left);
        canvas.axes(&right);
        canvas.heading(&left, "F_Y of N(0, 1)");
        canvas.heading(&right, "F_X of U(1.5π, 4.5π)");

        let normal = Normal::standard();
        canvas.line(&left, along(-4.0, 4.0, 160).map(|y| [y, normal.cdf(y)]), EXACT);
        let (low, high) = shown();
        canvas.line(&right, along(low, high, 160).map(|x| [x, uniform_cdf(x)]), EXACT);
        let thin = Stroke::new(INK, 1.6);
        canvas.line(&left, empirical(&self.source, -4.0, 4.0, |_| 0.0), thin);
        canvas.line(&right, empirical(&self.generated, low, high, |_| 0.0), thin);

        let colors = shades();
        let arrow = |rank: f64| shade(rank).and_then(|shade| colors.get(shade)).copied().unwrap_or(INK);
        for y in ARROWS {
            let p = normal.cdf(y);
            let x = angle_of_rank(p);
            let color = arrow(p);
            let places = [(&left, [y, 0.0]), (&left, [y, p]), (&right, [x, p]), (&right, [x, 0.0])];
            let way: Vec<Point> = places.into_iter().filter_map(|(panel, point)| panel.place(point)).collect();
            if let [_, turn, _, end] = way[..] {
                canvas.arrow_head(end, [0.0, 1.0], color);
                canvas.arrow_head([f64::from(right.left) - 30.0, turn[1]], [1.0, 0.0], color);
            }
            canvas.lines([way], Stroke::new(color, 2.0));
        }
        let legend =
            [(EXACT, "exact"), (thin, "of the samples"), (Stroke::new(arrow(0.5), 2.0), "h: y → F_Y(y) = F_X(x) → x")];
        canvas.legend([70.0, 28.0], &legend);
        let (generated, out) = (count(self.generated.len()), not_finite(&[&self.source, &self.generated]));
        let caption = format!(
            "Each arrow takes a number y up to its share F_Y(y) of the normal law, across to the angle x with the same \
             share F_X(x) of the uniform law, and down to x = h(y). The thin lines are the empirical distribution \
             functions of {generated} normal numbers and of the angles that ĥ made of them: the right one lies on the \
             gray line as far as ĥ is h.{out}",
        );
        let name = "The distribution functions of the normal law and of the angle, matched by arrows of equal height";
        Figure::drawn("figure-2.svg", canvas, "Figure 2", caption, name)
    }

    /// ĥ beside h.
    pub(super) fn map(&self) -> Result<Figure> {
        let mut canvas = Canvas::new(560, 500);
        let scale = || Scale::exactly(-4.0, 4.0, 10);
        // Learned ends of the curve leave the law's interval.
        let [low, high] = ends();
        let y = angle_axis("angle", (low - 1.0, high + 1.0));
        let top = Panel { left: 78, top: 44, width: 465, height: 256, x: Axis::unlabeled(scale()), y };
        let errors: Vec<Point> =
            self.y.iter().zip(self.learned.iter().zip(&self.exact)).map(|(y, (a, b))| [*y, a - b]).collect();
        let finite = errors.iter().filter(|[_, error]| error.is_finite());
        let most = finite.fold(1e-3, |most: f64, [_, error]| most.max(1.15 * error.abs()));
        let error = Axis::new(Scale::exactly(-most, most, 5), "difference");
        let bottom = Panel { top: 326, height: 118, x: Axis::new(scale(), "y"), y: error, ..top.clone() };
        canvas.axes(&top);
        canvas.axes(&bottom);

        let curve = |values: &[f64]| self.y.iter().zip(values).map(|(y, value)| [*y, *value]).collect::<Vec<_>>();
        canvas.line(&top, curve(&self.exact), EXACT);
        canvas.line(&top, curve(&self.learned), GENERATED);
        canvas.line(&bottom, [[-4.0, 0.0], [4.0, 0.0]], Stroke::new(GRAY, 1.0));
        for y in [-MOSTLY, MOSTLY] {
            canvas.line(&bottom, [[y, -most], [y, most]], Stroke::dashed(GRAY, 1.0));
        }
        canvas.line(&bottom, errors, GENERATED);
        canvas.legend([78.0, 26.0], &[(EXACT, "h, exact"), (GENERATED, "ĥ, learned")]);
        let learned = || self.y.iter().zip(&self.learned).filter(|(_, angle)| angle.is_finite());
        let beyond = learned().filter(|(y, angle)| top.place([**y, **angle]).is_none()).count();
        let missed = left_out(LeftOut { not_finite: self.learned.len() - learned().count(), beyond });
        let caption = format!(
            "Above, the map that was learned over the exact one, h = F_X⁻¹ ∘ F_Y; below, ĥ − h in radians. 95% of \
                       all normal numbers lie between the dashed lines: what happens beyond them touches few samples.{missed}"
        );
        let name = "The learned map and the exact one over the normal number, with their difference";
        Figure::drawn("h.svg", canvas, "ĥ against h", caption, name)
    }

    /// The angles beside their law: a histogram, and the empirical distribution function less the exact one.
    pub(super) fn law(&self) -> Result<Figure> {
        let mut canvas = Canvas::new(560, 500);
        let (bars, beyond) = histogram(&self.generated);
        let density = 1.0 / span();
        let tallest = bars.iter().fold(density, |most: f64, (_, [_, height])| most.max(*height));
        let y = Axis::new(Scale::exactly(0.0, 1.12 * tallest, 5), "density");
        let top = Panel {
            left: 78,
            top: 44,
            width: 465,
            height: 200,
            x: Axis { labeled: false, ..angle_axis("", shown()) },
            y,
        };
        let (low, high) = shown();
        let generated = empirical(&self.generated, low, high, uniform_cdf);
        let real = empirical(&self.real, low, high, uniform_cdf);
        let band = KS_95 / (self.generated.len() as f64).sqrt();
        let most = generated.iter().chain(&real).fold(band, |most, [_, gap]| most.max(gap.abs()));
        let gap = Axis::new(Scale::exactly(-1.15 * most, 1.15 * most, 5), "cdf − exact");
        let bottom = Panel { top: 270, height: 174, x: angle_axis("angle", shown()), y: gap, ..top.clone() };
        canvas.axes(&top);
        canvas.axes(&bottom);

        canvas.bars(&top, bars, RGB_BARS);
        let [start, end] = ends();
        let law = [[low, 0.0], [start, 0.0], [start, density], [end, density], [end, 0.0], [high, 0.0]];
        canvas.line(&top, law, Stroke::new(INK, 1.6));
        canvas.bars(&bottom, [([low, -band], [high, band])], BAND);
        canvas.line(&bottom, [[low, 0.0], [high, 0.0]], Stroke::new(GRAY, 1.0));
        let reality = Stroke::dashed(VERMILION, 1.6);
        canvas.line(&bottom, real, reality);
        canvas.line(&bottom, generated, GENERATED);
        let legend = [(GENERATED, "generated"), (reality, "real"), (Stroke::new(INK, 1.6), "U(1.5π, 4.5π)")];
        canvas.legend([78.0, 26.0], &legend);
        let missed = left_out(LeftOut { not_finite: 0, beyond }) + &not_finite(&[&self.generated, &self.real]);
        let caption = format!(
            "Above, the histogram of {} generated angles; bars should end at the line, and there should be none outside. \
             Below, the empirical distribution function less the exact one. As many true draws stay inside the gray band \
             throughout in 95 of 100 cases; the largest distance from 0 is the Kolmogorov-Smirnov distance of these angles.{missed}",
            count(self.generated.len()),
        );
        let name = "A histogram of the generated angles, and their empirical distribution function less the exact one";
        Figure::drawn("angles.svg", canvas, "The law of the angles", caption, name)
    }
}

/// A light blue: bars are large.
const RGB_BARS: plotters::style::RGBColor = plotters::style::RGBColor(158, 202, 225);

fn ends() -> [f64; 2] {
    let angles = SwissRoll::of_the_paper().angles();
    [angles.lower(), angles.upper()]
}

fn span() -> f64 {
    let [low, high] = ends();
    high - low
}

/// The angles that figures show: two bars of the histogram more at each end.
fn shown() -> (f64, f64) {
    let [low, high] = ends();
    let more = 2.0 * span() / BARS as f64;
    (low - more, high + more)
}

fn angle_axis(name: &'static str, (low, high): (f64, f64)) -> Axis {
    let ticks = (3..=9).map(|half| (0.5 * f64::from(half) * PI, format!("{}π", 0.5 * f64::from(half))));
    Axis::new(Scale::marked(low, high, ticks), name)
}

fn uniform_cdf(angle: f64) -> f64 {
    Uniform::standard().cdf((angle - ends()[0]) / span())
}

fn angle_of_rank(rank: f64) -> f64 {
    ends()[0] + span() * Uniform::standard().quantile(rank)
}

/// The empirical distribution function of a sample between `low` and `high`, less `exact`; nothing without finite numbers.
fn empirical(sample: &[f64], low: f64, high: f64, exact: impl Fn(f64) -> f64) -> Vec<Point> {
    let finite: Vec<f64> = sample.iter().copied().filter(|value| value.is_finite()).collect();
    match EmpiricalCdf::new(&finite) {
        Ok(cdf) => along(low, high, 400).map(|at| [at, cdf.cdf(at) - exact(at)]).collect(),
        Err(_) => Vec::new(),
    }
}

/// The corners of the bars, whose area is 1, and how many finite angles lie beyond them.
fn histogram(angles: &[f64]) -> (Vec<(Point, Point)>, usize) {
    let (low, high) = shown();
    let mut counts = vec![0_usize; BARS + 4];
    let width = (high - low) / counts.len() as f64;
    let finite = || angles.iter().filter(|angle| angle.is_finite());
    for angle in finite().filter(|angle| (low..high).contains(*angle)) {
        let last = counts.len() - 1;
        counts[(((angle - low) / width) as usize).min(last)] += 1;
    }
    let total = finite().count();
    let beyond = total - counts.iter().sum::<usize>();
    let corner = |(index, number): (usize, usize)| {
        let left = low + index as f64 * width;
        ([left + 0.05 * width, 0.0], [left + 0.95 * width, number as f64 / (total.max(1) as f64 * width)])
    };
    (counts.into_iter().enumerate().map(corner).collect(), beyond)
}

/// How many numbers of the samples are not finite, as a sentence.
fn not_finite(samples: &[&[f64]]) -> String {
    let number = samples.iter().flat_map(|sample| sample.iter()).filter(|value| !value.is_finite()).count();
    left_out(LeftOut { not_finite: number, beyond: 0 })
}
