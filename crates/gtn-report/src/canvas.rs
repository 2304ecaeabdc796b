//! A picture of panels. plotters draws the axes; what fills them are few `<path>` elements, since a circle element for
//! each of thousands of points would make a picture of megabytes.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::palette::{FAINT, INK, hex};
use crate::ticks::Scale;
use crate::{Error, Result};

/// A place in a panel, in the units of its axes, or on the canvas, in pixels.
pub(crate) type Point = [f64; 2];

/// Font size that plotters turns into letters of about [`LETTERS`] pixels.
const LABELS: i32 = 18;

/// Size of letters in pixels.
pub(crate) const LETTERS: f64 = 14.5;

/// Pixels for the labels and the name of an axis.
const BELOW: i32 = 50;
const BESIDE: i32 = 62;

/// Dots are drawn in so many rounds through the colors, so that no color always covers the others.
const ROUNDS: usize = 4;

/// An axis of a panel.
#[derive(Clone)]
pub(crate) struct Axis {
    pub(crate) scale: Scale,
    /// What it measures; empty if that is plain.
    pub(crate) name: &'static str,
    /// Whether it is written on, or shares what its neighbor says.
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

/// A rectangle with two axes. `left`, `top`, `width` and `height` are those of the space for data, in pixels.
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
    /// Where a point lies on the canvas; `None` beyond the panel, or if it is not finite.
    pub(crate) fn place(&self, [x, y]: Point) -> Option<Point> {
        let inside = |share: f64| (0.0..=1.0).contains(&share).then_some(share);
        let (across, up) = (inside(self.x.scale.share(x))?, inside(self.y.scale.share(y))?);
        Some([
            f64::from(self.left) + across * f64::from(self.width),
            f64::from(self.top) + (1.0 - up) * f64::from(self.height),
        ])
    }
}

/// Points that a figure does not show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// With a coordinate, or a normal vector behind it, that is NaN or infinite.
    pub(crate) not_finite: usize,
    /// Beyond the panel.
    pub(crate) beyond: usize,
}

impl std::ops::AddAssign for LeftOut {
    fn add_assign(&mut self, other: Self) {
        self.not_finite += other.not_finite;
        self.beyond += other.beyond;
    }
}

/// How a line is drawn.
#[derive(Clone, Copy)]
pub(crate) struct Stroke {
    pub(crate) color: RGBColor,
    pub(crate) width: f64,
    pub(crate) dashed: bool,
}

impl Stroke {
    pub(crate) const fn new(color: RGBColor, width: f64) -> Self {
        Self { color, width, dashed: false }
    }

    pub(crate) const fn dashed(color: RGBColor, width: f64) -> Self {
        Self { color, width, dashed: true }
    }
}

/// Where a text stands beside its place.
#[derive(Clone, Copy)]
pub(crate) enum Align {
    Start,
    Middle,
}

/// A picture in the making: first the axes of its panels, above them the marks in the order in which they were made.
pub(crate) struct Canvas {
    size: (u32, u32),
    axes: Vec<Panel>,
    marks: String,
}

impl Canvas {
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Self { size: (width, height), axes: Vec::new(), marks: String::new() }
    }

    pub(crate) fn width(&self) -> u32 {
        self.size.0
    }

    /// Draws the axes of a panel.
    pub(crate) fn axes(&mut self, panel: &Panel) {
        self.axes.push(panel.clone());
    }

    /// Draws the edge of a panel that goes without axes.
    pub(crate) fn edge(&mut self, panel: &Panel) {
        let Panel { left, top, width, height, .. } = panel;
        let color = hex(FAINT);
        self.mark(format_args!(
            r#"<path d="M{left} {top}h{width}v{height}h-{width}z" fill="none" stroke="{color}"/>"#
        ));
    }

    /// A filled rectangle between two corners, cut off at the edge of the panel.
    pub(crate) fn bars(&mut self, panel: &Panel, corners: impl IntoIterator<Item = (Point, Point)>, color: RGBColor) {
        let mut path = String::new();
        let cut = |scale: &Scale, value: f64| scale.share(value).clamp(0.0, 1.0);
        for ([x0, y0], [x1, y1]) in corners {
            let across = [x0, x1].map(|x| f64::from(panel.left) + cut(&panel.x.scale, x) * f64::from(panel.width));
            let up = [y0, y1].map(|y| f64::from(panel.top) + (1.0 - cut(&panel.y.scale, y)) * f64::from(panel.height));
            if across.iter().chain(&up).all(|place| place.is_finite()) {
                let [(x0, x1), (y0, y1)] = [across, up].map(|[a, b]| (a, b));
                let _ = write!(path, "M{} {}H{}V{}H{}z", pixel(x0), pixel(y0), pixel(x1), pixel(y1), pixel(x0));
            }
        }
        self.path(&path, format_args!(r#"fill="{}""#, hex(color)));
    }

    /// A line through points; it has a gap where one is not finite or beyond the panel.
    pub(crate) fn line(&mut self, panel: &Panel, points: impl IntoIterator<Item = Point>, stroke: Stroke) {
        let places: Vec<Option<Point>> = points.into_iter().map(|point| panel.place(point)).collect();
        self.lines(places.split(Option::is_none).map(|piece| piece.iter().flatten().copied().collect()), stroke);
    }

    /// Lines from each first point to its second; counts those that are not drawn, since an end is not in the panel.
    pub(crate) fn segments(
        &mut self,
        panel: &Panel,
        ends: impl IntoIterator<Item = (Point, Point)>,
        stroke: Stroke,
    ) -> LeftOut {
        let mut left_out = LeftOut::default();
        let mut drawn = Vec::new();
        for (from, to) in ends {
            match (panel.place(from), panel.place(to)) {
                (Some(from), Some(to)) => drawn.push(vec![from, to]),
                _ if from.iter().chain(&to).all(|value| value.is_finite()) => left_out.beyond += 1,
                _ => left_out.not_finite += 1,
            }
        }
        self.lines(drawn, stroke);
        left_out
    }

    /// Lines through places on the canvas.
    pub(crate) fn lines(&mut self, lines: impl IntoIterator<Item = Vec<Point>>, stroke: Stroke) {
        let mut path = String::new();
        for line in lines {
            for (index, [x, y]) in line.iter().enumerate() {
                let _ = write!(path, "{}{} {}", if index == 0 { "M" } else { "L" }, pixel(*x), pixel(*y));
            }
        }
        let dashes = if stroke.dashed { r#" stroke-dasharray="6 4""# } else { "" };
        self.path(
            &path,
            format_args!(
                r#"fill="none" stroke="{}" stroke-width="{}" stroke-linejoin="round"{dashes}"#,
                hex(stroke.color),
                stroke.width
            ),
        );
    }

    /// Dots of `size` pixels: each point has the color of its number among `colors`, and none if it has no number.
    pub(crate) fn dots(
        &mut self,
        panel: &Panel,
        points: impl IntoIterator<Item = (Point, Option<usize>)>,
        colors: &[RGBColor],
        size: f64,
    ) -> LeftOut {
        let mut left_out = LeftOut::default();
        let mut paths = vec![String::new(); ROUNDS * colors.len()];
        for (index, (point, color)) in points.into_iter().enumerate() {
            let path = color.and_then(|color| paths.get_mut(index % ROUNDS * colors.len() + color));
            match (path, panel.place(point)) {
                (Some(path), Some([x, y])) => {
                    // A line of no length with round ends.
                    let _ = write!(path, "M{} {}h0", pixel(x), pixel(y));
                }
                (Some(_), None) if point.iter().all(|value| value.is_finite()) => left_out.beyond += 1,
                _ => left_out.not_finite += 1,
            }
        }
        self.mark(format_args!(r#"<g fill="none" stroke-width="{size}" stroke-linecap="round">"#));
        for (path, color) in paths.iter().zip(colors.iter().cycle()) {
            self.path(path, format_args!(r#"stroke="{}""#, hex(*color)));
        }
        self.mark(format_args!("</g>"));
        left_out
    }

    /// The head of an arrow at a place on the canvas; `[x, y]` is the way it points, of length 1.
    pub(crate) fn arrow_head(&mut self, [x, y]: Point, [dx, dy]: Point, color: RGBColor) {
        let corner = |along: f64, beside: f64| {
            format!("{} {}", pixel(x - along * dx - beside * dy), pixel(y - along * dy + beside * dx))
        };
        let path = format!("M{}L{}L{}z", corner(0.0, 0.0), corner(11.0, 4.5), corner(11.0, -4.5));
        self.path(&path, format_args!(r#"fill="{}""#, hex(color)));
    }

    /// A text with its baseline at a place on the canvas, in which the letter after `_` stands lower.
    pub(crate) fn text(&mut self, [x, y]: Point, align: Align, color: RGBColor, text: &str) {
        let anchor = match align {
            Align::Start => "start",
            Align::Middle => "middle",
        };
        let (x, y, color, text) = (pixel(x), pixel(y), hex(color), lowered(text));
        self.mark(format_args!(
            r#"<text x="{x}" y="{y}" text-anchor="{anchor}" font-family="sans-serif" font-size="{LETTERS}" fill="{color}">{text}</text>"#
        ));
    }

    /// A heading above a panel.
    pub(crate) fn heading(&mut self, panel: &Panel, text: &str) {
        let middle = f64::from(panel.left) + 0.5 * f64::from(panel.width);
        self.text([middle, f64::from(panel.top) - 10.0], Align::Middle, INK, text);
    }

    /// What lines mean, each beside a piece of it, from a place on the canvas to the right.
    pub(crate) fn legend(&mut self, [mut x, y]: Point, entries: &[(Stroke, &str)]) {
        for (stroke, text) in entries {
            self.lines([vec![[x, y - 5.0], [x + 24.0, y - 5.0]]], *stroke);
            self.text([x + 30.0, y], Align::Start, INK, text);
            // The reader's font is not known; few letters are wider than this.
            x += 30.0 + 0.53 * LETTERS * text.chars().count() as f64 + 24.0;
        }
    }

    /// The picture as SVG.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] if the drawing library fails.
    pub(crate) fn finish(self) -> Result<String> {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, self.size).into_drawing_area();
            let drawn = area.fill(&WHITE).and_then(|()| self.axes.iter().try_for_each(|panel| draw_axes(&area, panel)));
            drawn
                .and_then(|()| area.present())
                .map_err(|error| Error::Format { what: "a figure", reason: error.to_string() })?;
        }
        let body = svg.trim_end().strip_suffix("</svg>").unwrap_or(&svg);
        Ok(format!("{body}{}</svg>\n", self.marks))
    }

    fn path(&mut self, path: &str, style: std::fmt::Arguments<'_>) {
        if !path.is_empty() {
            self.mark(format_args!(r#"<path d="{path}" {style}/>"#));
        }
    }

    fn mark(&mut self, mark: std::fmt::Arguments<'_>) {
        let _ = self.marks.write_fmt(mark);
        self.marks.push('\n');
    }
}

fn draw_axes(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    panel: &Panel,
) -> std::result::Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let space = |axis: &Axis, pixels: i32| match (axis.labeled, axis.name) {
        (false, _) => 0,
        (true, "") => pixels - 22,
        (true, _) => pixels,
    };
    let (below, beside) = (space(&panel.x, BELOW), space(&panel.y, BESIDE));
    let corner = (panel.left - beside, panel.top);
    let part = area.clone().shrink(corner, (panel.width + beside, panel.height + below));
    let mut chart = ChartBuilder::on(&part)
        .x_label_area_size(below)
        .y_label_area_size(beside)
        .build_cartesian_2d(panel.x.scale.clone(), panel.y.scale.clone())?;
    let mut mesh = chart.configure_mesh();
    mesh.bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(("sans-serif", LABELS).into_font().color(&INK))
        .axis_desc_style(("sans-serif", LABELS).into_font().color(&INK));
    if !panel.x.name.is_empty() {
        mesh.x_desc(panel.x.name);
    }
    if !panel.y.name.is_empty() {
        mesh.y_desc(panel.y.name);
    }
    mesh.draw()
}

/// A coordinate with one decimal, in as few letters as it takes.
fn pixel(value: f64) -> String {
    let written = format!("{value:.1}");
    written.strip_suffix(".0").map(str::to_owned).unwrap_or(written)
}

/// A text as SVG, in which the letter after `_` stands lower.
fn lowered(text: &str) -> String {
    let mut svg = String::new();
    let (mut low, mut open) = (false, 0);
    for letter in text.chars() {
        if letter == '_' && !low {
            low = true;
            svg.push_str(r#"<tspan dy="3" font-size="75%">"#);
            continue;
        }
        match letter {
            '<' => svg.push_str("&lt;"),
            '>' => svg.push_str("&gt;"),
            '&' => svg.push_str("&amp;"),
            other => svg.push(other),
        }
        if low {
            // Back up again, for all that follows.
            svg.push_str(r#"</tspan><tspan dy="-3">"#);
            (low, open) = (false, open + 1);
        }
    }
    svg.push_str(&"</tspan>".repeat(open + usize::from(low)));
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel() -> Panel {
        let axis = || Axis::new(Scale::exactly(0.0, 1.0, 5), "");
        Panel { left: 80, top: 20, width: 200, height: 100, x: axis(), y: axis() }
    }

    #[test]
    fn coordinates_have_at_most_one_decimal() {
        assert_eq!([0.0, 12.0, 12.04, 12.05001, -0.26].map(pixel), ["0", "12", "12", "12.1", "-0.3"]);
    }

    #[test]
    fn the_letter_after_an_underscore_stands_lower() {
        assert_eq!(lowered("a < b & c"), "a &lt; b &amp; c");
        let written = lowered("F_Y(y)");
        assert_eq!(written, r#"F<tspan dy="3" font-size="75%">Y</tspan><tspan dy="-3">(y)</tspan>"#);
        for text in ["F_Y(y), F_X", "_", "_<_", "__"] {
            let written = lowered(text);
            assert_eq!(written.matches("<tspan").count(), written.matches("</tspan>").count(), "{written}");
        }
    }

    #[test]
    fn points_that_cannot_be_shown_are_counted() {
        let mut canvas = Canvas::new(300, 200);
        let points = [[0.5, 0.5], [0.0, 1.0], [1.5, 0.5], [f64::NAN, 0.5], [f64::INFINITY, 0.5], [0.2, 0.2]];
        let colors = [Some(0), Some(0), Some(0), Some(0), Some(0), None];
        let left_out = canvas.dots(&panel(), points.into_iter().zip(colors), &[INK], 2.0);
        assert_eq!(left_out, LeftOut { not_finite: 3, beyond: 1 });
        for dot in [r#"d="M180 70h0""#, r#"d="M80 20h0""#] {
            assert!(canvas.marks.contains(dot), "{}", canvas.marks);
        }
        canvas.axes(&panel());
        canvas.line(&panel(), [[0.0, 0.0], [0.5, f64::NAN], [0.5, 2.0], [0.5, 0.5], [1.0, 1.0]], Stroke::new(INK, 1.0));
        canvas.bars(&panel(), [([0.0, -3.0], [0.5, 0.5]), ([0.0, f64::NAN], [0.5, 0.5])], INK);
        let svg = canvas.finish().unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
        assert!(svg.contains("M80 120H180V70H80z") && svg.contains("L280 20"), "{svg}");
    }
}
