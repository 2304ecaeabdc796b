//! An SVG image of panels with axes. The marks of a panel are a few `<path>` elements, because one `<circle>` for each of
//! thousands of points would take megabytes. Text has no font of its own: the reader's program chooses one.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use maud::{Markup, PreEscaped, Render, html};

use crate::axis_scale::Scale;
use crate::palette::{Color, DARK_GRAY, LIGHT_GRAY};
use crate::subscripts::with_subscripts;

/// A point in a panel, in the units of its axes, or on the canvas, in pixels.
pub(crate) type Point = [f64; 2];

/// Font size in pixels.
pub(crate) const FONT_SIZE: f64 = 14.5;

/// Estimated widths in pixels, because the reader's font is unknown; few letters are wider.
const LETTER_WIDTH: f64 = 0.53 * FONT_SIZE;
const DIGIT_WIDTH: f64 = 0.6 * FONT_SIZE;

/// Number of rounds through the colors in which dots are drawn, so that the last color does not cover all others.
const ROUNDS: usize = 4;

/// An axis of a panel.
#[derive(Clone)]
pub(crate) struct Axis {
    pub(crate) scale: Scale,
    /// What it measures; may be empty.
    pub(crate) name: &'static str,
    /// Whether labels and name are drawn.
    pub(crate) labeled: bool,
}

impl Axis {
    pub(crate) fn new(scale: Scale, name: &'static str) -> Self {
        Self { scale, name, labeled: true }
    }

    pub(crate) fn unlabeled(scale: Scale) -> Self {
        Self { scale, name: "", labeled: false }
    }
}

/// A rectangle with two axes. `left`, `top`, `width` and `height` describe the area for data, in pixels.
#[derive(Clone)]
pub(crate) struct Panel {
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) width: i32,
    pub(crate) height: i32,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

impl Panel {
    /// The position of a value of x on the canvas.
    fn across(&self, x: f64) -> f64 {
        f64::from(self.left) + self.x.scale.fraction(x) * f64::from(self.width)
    }

    /// The position of a value of y on the canvas, whose y-axis points down.
    fn down(&self, y: f64) -> f64 {
        f64::from(self.top) + (1.0 - self.y.scale.fraction(y)) * f64::from(self.height)
    }

    /// The point on the canvas in the middle.
    fn center(&self) -> Point {
        let middle = |start: i32, length: i32| f64::from(start) + 0.5 * f64::from(length);
        [middle(self.left, self.width), middle(self.top, self.height)]
    }

    /// The point on the canvas; `None` if it is outside the panel or not finite.
    pub(crate) fn to_pixels(&self, [x, y]: Point) -> Option<Point> {
        let is_inside = |scale: &Scale, value| (0.0..=1.0).contains(&scale.fraction(value));
        (is_inside(&self.x.scale, x) && is_inside(&self.y.scale, y)).then(|| [self.across(x), self.down(y)])
    }
}

/// Numbers of points that a figure does not show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Omitted {
    /// With a coordinate that is NaN or infinite, also of the normal vector that the point was generated from.
    pub(crate) not_finite: usize,
    /// Outside the panel.
    pub(crate) outside: usize,
}

impl Omitted {
    fn count(&mut self, is_finite: bool) {
        *(if is_finite { &mut self.outside } else { &mut self.not_finite }) += 1;
    }
}

impl std::ops::AddAssign for Omitted {
    fn add_assign(&mut self, other: Self) {
        self.not_finite += other.not_finite;
        self.outside += other.outside;
    }
}

/// How a line is drawn.
#[derive(Clone, Copy)]
pub(crate) struct Stroke {
    pub(crate) color: Color,
    pub(crate) width: f64,
    pub(crate) dashed: bool,
}

impl Stroke {
    pub(crate) const fn new(color: Color, width: f64) -> Self {
        Self { color, width, dashed: false }
    }

    pub(crate) const fn dashed(color: Color, width: f64) -> Self {
        Self { color, width, dashed: true }
    }
}

/// How text is aligned to its position: the values of `text-anchor`.
const START: &str = "start";
const MIDDLE: &str = "middle";
const END: &str = "end";

/// An image under construction, whose elements are drawn in the order in which they are added.
pub(crate) struct Canvas {
    width: u32,
    height: u32,
    elements: String,
    /// The left edges of the panels.
    panels: BTreeSet<i32>,
}

impl Canvas {
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Self { width, height, elements: String::new(), panels: BTreeSet::new() }
    }

    pub(crate) fn height(&self) -> u32 {
        self.height
    }

    /// The left edges and widths of the two parts of a canvas with two columns of panels, which narrow screens show one below the other.
    pub(crate) fn halves(&self) -> Option<[(i32, i32); 2]> {
        let [first, second] = self.panels.iter().copied().collect::<Vec<_>>().try_into().ok()?;
        let (middle, width): (i32, _) = (second - first, i32::try_from(self.width).ok()?);
        Some([(0, middle), (middle, width - middle)])
    }

    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    /// Draws the grid of a panel, and its axes with ticks, labels and names.
    pub(crate) fn axes(&mut self, panel: &Panel) {
        let Panel { left, top, width, height, x, y } = panel;
        self.panels.insert(*left);
        let bottom = top + height;
        let [mut grid, mut axes] = [String::new(), String::new()];
        for (value, label) in x.scale.ticks() {
            let at = panel.across(value);
            let _ = write!(grid, "M{} {top}v{height}", pixel(at));
            if x.labeled {
                let _ = write!(axes, "M{} {bottom}v5", pixel(at));
                self.text([at, f64::from(bottom + 21)], MIDDLE, label);
            }
        }
        for (value, label) in y.scale.ticks() {
            let at = panel.down(value);
            let _ = write!(grid, "M{left} {}h{width}", pixel(at));
            if y.labeled {
                let _ = write!(axes, "M{left} {}h-5", pixel(at));
                self.text([f64::from(left - 9), at + 5.0], END, label);
            }
        }
        if x.labeled {
            let _ = write!(axes, "M{left} {bottom}h{width}");
            self.text([panel.center()[0], f64::from(bottom + 46)], MIDDLE, x.name);
        }
        if y.labeled {
            let _ = write!(axes, "M{left} {top}v{height}");
            let longest = y.scale.ticks().map(|(_, label)| label.chars().count()).max().unwrap_or_default();
            let baseline = f64::from(*left) - (17.0 + DIGIT_WIDTH * longest as f64).clamp(51.0, 82.0);
            let turn = format!("rotate(-90 {} {})", pixel(baseline), pixel(panel.center()[1]));
            self.turned_text([baseline, panel.center()[1]], MIDDLE, Some(turn), y.name);
        }
        self.stroke(&grid, Stroke::new(LIGHT_GRAY, 1.0));
        self.stroke(&axes, Stroke::new(DARK_GRAY, 1.0));
    }

    /// Draws the outline of a panel without axes.
    pub(crate) fn frame(&mut self, panel: &Panel) {
        let Panel { left, top, width, height, .. } = panel;
        self.panels.insert(*left);
        self.stroke(&format!("M{left} {top}h{width}v{height}h-{width}z"), Stroke::new(LIGHT_GRAY, 1.0));
    }

    /// Draws filled rectangles, each between two corners, clipped to the panel.
    pub(crate) fn bars(&mut self, panel: &Panel, corners: impl IntoIterator<Item = (Point, Point)>, color: Color) {
        let Panel { left, top, width, height, .. } = panel;
        let mut path = String::new();
        for ([x0, y0], [x1, y1]) in corners {
            let across = |x| panel.across(x).clamp(f64::from(*left), f64::from(left + width));
            let down = |y| panel.down(y).clamp(f64::from(*top), f64::from(top + height));
            let sides = [across(x0), down(y0), across(x1), down(y1)];
            if sides.iter().all(|side| side.is_finite()) {
                let [x0, y0, x1, y1] = sides.map(pixel);
                let _ = write!(path, "M{x0} {y0}H{x1}V{y1}H{x0}z");
            }
        }
        self.fill(&path, color);
    }

    /// Draws a line through points, with a gap where one is not finite or outside the panel.
    pub(crate) fn line(&mut self, panel: &Panel, points: impl IntoIterator<Item = Point>, stroke: Stroke) {
        let points: Vec<Option<Point>> = points.into_iter().map(|point| panel.to_pixels(point)).collect();
        self.lines(points.split(Option::is_none).map(|piece| piece.iter().flatten().copied().collect()), stroke);
    }

    /// Draws a line from each first point to its second. Lines with an end outside the panel are omitted and counted.
    pub(crate) fn segments(
        &mut self,
        panel: &Panel,
        ends: impl IntoIterator<Item = (Point, Point)>,
        stroke: Stroke,
    ) -> Omitted {
        let mut omitted = Omitted::default();
        let mut drawn = Vec::new();
        for (from, to) in ends {
            match (panel.to_pixels(from), panel.to_pixels(to)) {
                (Some(from), Some(to)) => drawn.push(vec![from, to]),
                _ => omitted.count(from.iter().chain(&to).all(|value| value.is_finite())),
            }
        }
        self.lines(drawn, stroke);
        omitted
    }

    /// Draws lines through points on the canvas.
    pub(crate) fn lines(&mut self, lines: impl IntoIterator<Item = Vec<Point>>, stroke: Stroke) {
        let mut path = String::new();
        for line in lines {
            for (index, [x, y]) in line.iter().enumerate() {
                let _ = write!(path, "{}{} {}", if index == 0 { "M" } else { "L" }, pixel(*x), pixel(*y));
            }
        }
        self.stroke(&path, stroke);
    }

    /// Draws dots of `size` pixels. Each point comes with an index into `colors`; a point without one is omitted and counted as
    /// not finite.
    pub(crate) fn dots(
        &mut self,
        panel: &Panel,
        points: impl IntoIterator<Item = (Point, Option<usize>)>,
        colors: &[Color],
        size: f64,
    ) -> Omitted {
        let mut omitted = Omitted::default();
        let mut paths = vec![String::new(); ROUNDS * colors.len()];
        for (index, (point, color)) in points.into_iter().enumerate() {
            let path = color.and_then(|color| paths.get_mut(index % ROUNDS * colors.len() + color));
            match (path, panel.to_pixels(point)) {
                (Some(path), Some([x, y])) => {
                    // A line of length 0 with round ends.
                    let _ = write!(path, "M{} {}h0", pixel(x), pixel(y));
                }
                (path, _) => omitted.count(path.is_some() && point.iter().all(|value| value.is_finite())),
            }
        }
        let drawn = paths.iter().zip(colors.iter().cycle()).filter(|(path, _)| !path.is_empty());
        self.add(&html! {
            g fill="none" stroke-width=(size) stroke-linecap="round" {
                @for (path, color) in drawn { path d=(path) stroke=(color) {} }
            }
        });
        omitted
    }

    /// Draws a circle around a point on the canvas.
    pub(crate) fn ring(&mut self, [x, y]: Point, color: Color) {
        self.add(&html! { circle cx=(pixel(x)) cy=(pixel(y)) r="6" fill="none" stroke=(color) stroke-width="2" {} });
    }

    /// Draws the head of an arrow at a point on the canvas; `[dx, dy]` is its direction, of length 1.
    pub(crate) fn arrow_head(&mut self, [x, y]: Point, [dx, dy]: Point, color: Color) {
        let corner =
            |back: f64, side: f64| format!("{} {}", pixel(x - back * dx - side * dy), pixel(y - back * dy + side * dx));
        self.fill(&format!("M{}L{}L{}z", corner(0.0, 0.0), corner(11.0, 4.5), corner(11.0, -4.5)), color);
    }

    /// Writes a heading above a panel.
    pub(crate) fn heading(&mut self, panel: &Panel, text: &str) {
        self.text([panel.center()[0], f64::from(panel.top) - 10.0], MIDDLE, text);
    }

    /// Writes what lines mean, each next to a piece of it, from a point on the canvas to the right.
    pub(crate) fn legend(&mut self, [mut x, y]: Point, entries: &[(Stroke, &str)]) {
        for (stroke, text) in entries {
            self.lines([vec![[x, y - 5.0], [x + 24.0, y - 5.0]]], *stroke);
            self.text([x + 30.0, y], START, text);
            x += 30.0 + LETTER_WIDTH * text.chars().count() as f64 + 24.0;
        }
    }

    /// The image as SVG.
    pub(crate) fn finish(self) -> String {
        let Self { width, height, elements, .. } = self;
        let svg = html! {
            svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) }
                font-family="sans-serif" font-size=(FONT_SIZE) {
                rect width="100%" height="100%" fill="white" {}
                (PreEscaped(elements))
            }
        };
        svg.into_string() + "\n"
    }

    /// Writes text with its baseline at a point on the canvas.
    fn text(&mut self, at: Point, anchor: &str, text: &str) {
        self.turned_text(at, anchor, None, text);
    }

    fn turned_text(&mut self, [x, y]: Point, anchor: &str, transform: Option<String>, text: &str) {
        // SVG shifts are relative, so the rest of the text is shifted back.
        let text = with_subscripts(text, |letter, rest| {
            html! { tspan dy="3" font-size="75%" { (letter) } tspan dy="-3" { (rest) } }
        });
        self.add(&html! {
            text x=(pixel(x)) y=(pixel(y)) text-anchor=(anchor) transform=[transform] fill=(DARK_GRAY) { (text) }
        });
    }

    fn stroke(&mut self, path: &str, Stroke { color, width, dashed }: Stroke) {
        let dashes = dashed.then_some("6 4");
        self.add(&html! {
            @if !path.is_empty() {
                path d=(path) fill="none" stroke=(color) stroke-width=(width) stroke-linejoin="round"
                    stroke-dasharray=[dashes] {}
            }
        });
    }

    fn fill(&mut self, path: &str, color: Color) {
        self.add(&html! { @if !path.is_empty() { path d=(path) fill=(color) {} } });
    }

    fn add(&mut self, element: &Markup) {
        element.render_to(&mut self.elements);
        self.elements.push('\n');
    }
}

/// A coordinate with at most one decimal.
fn pixel(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel() -> Panel {
        let axis = || Axis::new(Scale::linear(0.0, 1.0, 5), "");
        Panel { left: 80, top: 20, width: 200, height: 100, x: axis(), y: axis() }
    }

    #[test]
    fn coordinates_have_at_most_one_decimal() {
        assert_eq!([0.0, 12.0, 12.04, 12.05001, -0.26].map(pixel), ["0", "12", "12", "12.1", "-0.3"]);
    }

    #[test]
    fn points_that_are_not_shown_are_counted() {
        let mut canvas = Canvas::new(300, 200);
        let points = [[0.5, 0.5], [0.0, 1.0], [1.5, 0.5], [f64::NAN, 0.5], [f64::INFINITY, 0.5], [0.2, 0.2]];
        let colors = [Some(0), Some(0), Some(0), Some(0), Some(0), None];
        let omitted = canvas.dots(&panel(), points.into_iter().zip(colors), &[DARK_GRAY], 2.0);
        assert_eq!(omitted, Omitted { not_finite: 3, outside: 1 });
        for dot in [r#"d="M180 70h0""#, r#"d="M80 20h0""#] {
            assert!(canvas.elements.contains(dot), "{}", canvas.elements);
        }
        canvas.axes(&panel());
        canvas.line(
            &panel(),
            [[0.0, 0.0], [0.5, f64::NAN], [0.5, 2.0], [0.5, 0.5], [1.0, 1.0]],
            Stroke::new(DARK_GRAY, 1.0),
        );
        canvas.bars(&panel(), [([0.0, -3.0], [0.5, 0.5]), ([0.0, f64::NAN], [0.5, 0.5])], DARK_GRAY);
        let svg = canvas.finish();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
        assert!(svg.contains("M80 120H180V70H80z") && svg.contains("L280 20"), "{svg}");
    }
}
