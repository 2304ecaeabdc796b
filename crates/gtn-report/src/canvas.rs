//! An SVG image of panels. plotters draws the axes; the content of the panels is written as a few `<path>` elements, because one
//! `<circle>` for each of thousands of points would take megabytes.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::axis_scale::Scale;
use crate::palette::{DARK_GRAY, LIGHT_GRAY, hex};
use crate::{Error, Result};

/// A point in a panel, in the units of its axes, or on the canvas, in pixels.
pub(crate) type Point = [f64; 2];

/// Font size at which plotters draws text of about [`FONT_SIZE`] pixels.
const PLOTTERS_FONT_SIZE: i32 = 18;

/// Font size in pixels.
const FONT_SIZE: f64 = 14.5;

/// Pixels for the labels and the name of an axis.
const X_AXIS_SPACE: i32 = 50;
const Y_AXIS_SPACE: i32 = 62;

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
    /// The point on the canvas; `None` if it is outside the panel or not finite.
    pub(crate) fn to_pixels(&self, [x, y]: Point) -> Option<Point> {
        let inside = |fraction: f64| (0.0..=1.0).contains(&fraction).then_some(fraction);
        let (across, up) = (inside(self.x.scale.fraction(x))?, inside(self.y.scale.fraction(y))?);
        Some([
            f64::from(self.left) + across * f64::from(self.width),
            f64::from(self.top) + (1.0 - up) * f64::from(self.height),
        ])
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

impl std::ops::AddAssign for Omitted {
    fn add_assign(&mut self, other: Self) {
        self.not_finite += other.not_finite;
        self.outside += other.outside;
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

/// How text is aligned to its position.
#[derive(Clone, Copy)]
pub(crate) enum Align {
    Start,
    Middle,
}

/// An image under construction: the axes of its panels, and above them the marks in the order in which they were added.
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

    /// Draws the outline of a panel without axes.
    pub(crate) fn frame(&mut self, panel: &Panel) {
        let Panel { left, top, width, height, .. } = panel;
        let color = hex(LIGHT_GRAY);
        self.mark(format_args!(r#"<path d="M{left} {top}h{width}v{height}h-{width}z" fill="none" stroke="{color}"/>"#));
    }

    /// Draws filled rectangles, each between two corners, clipped to the panel.
    pub(crate) fn bars(&mut self, panel: &Panel, corners: impl IntoIterator<Item = (Point, Point)>, color: RGBColor) {
        let mut path = String::new();
        let clipped = |scale: &Scale, value: f64| scale.fraction(value).clamp(0.0, 1.0);
        for ([x0, y0], [x1, y1]) in corners {
            let across = [x0, x1].map(|x| f64::from(panel.left) + clipped(&panel.x.scale, x) * f64::from(panel.width));
            let up =
                [y0, y1].map(|y| f64::from(panel.top) + (1.0 - clipped(&panel.y.scale, y)) * f64::from(panel.height));
            if across.iter().chain(&up).all(|pixel| pixel.is_finite()) {
                let [(x0, x1), (y0, y1)] = [across, up].map(|[a, b]| (a, b));
                let _ = write!(path, "M{} {}H{}V{}H{}z", pixel(x0), pixel(y0), pixel(x1), pixel(y1), pixel(x0));
            }
        }
        self.path(&path, format_args!(r#"fill="{}""#, hex(color)));
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
                _ if from.iter().chain(&to).all(|value| value.is_finite()) => omitted.outside += 1,
                _ => omitted.not_finite += 1,
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

    /// Draws dots of `size` pixels. Each point comes with an index into `colors`; a point without one is omitted and counted as
    /// not finite.
    pub(crate) fn dots(
        &mut self,
        panel: &Panel,
        points: impl IntoIterator<Item = (Point, Option<usize>)>,
        colors: &[RGBColor],
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
                (Some(_), None) if point.iter().all(|value| value.is_finite()) => omitted.outside += 1,
                _ => omitted.not_finite += 1,
            }
        }
        self.mark(format_args!(r#"<g fill="none" stroke-width="{size}" stroke-linecap="round">"#));
        for (path, color) in paths.iter().zip(colors.iter().cycle()) {
            self.path(path, format_args!(r#"stroke="{}""#, hex(*color)));
        }
        self.mark(format_args!("</g>"));
        omitted
    }

    /// Draws the head of an arrow at a point on the canvas; `[dx, dy]` is its direction, of length 1.
    pub(crate) fn arrow_head(&mut self, [x, y]: Point, [dx, dy]: Point, color: RGBColor) {
        let corner =
            |back: f64, side: f64| format!("{} {}", pixel(x - back * dx - side * dy), pixel(y - back * dy + side * dx));
        let path = format!("M{}L{}L{}z", corner(0.0, 0.0), corner(11.0, 4.5), corner(11.0, -4.5));
        self.path(&path, format_args!(r#"fill="{}""#, hex(color)));
    }

    /// Writes text with its baseline at a point on the canvas; the letter after `_` is a subscript.
    pub(crate) fn text(&mut self, [x, y]: Point, align: Align, color: RGBColor, text: &str) {
        let anchor = match align {
            Align::Start => "start",
            Align::Middle => "middle",
        };
        let (x, y, color, text) = (pixel(x), pixel(y), hex(color), with_subscripts(text));
        self.mark(format_args!(
            r#"<text x="{x}" y="{y}" text-anchor="{anchor}" font-family="sans-serif" font-size="{FONT_SIZE}" fill="{color}">{text}</text>"#
        ));
    }

    /// Writes a heading above a panel.
    pub(crate) fn heading(&mut self, panel: &Panel, text: &str) {
        let middle = f64::from(panel.left) + 0.5 * f64::from(panel.width);
        self.text([middle, f64::from(panel.top) - 10.0], Align::Middle, DARK_GRAY, text);
    }

    /// Writes what lines mean, each next to a piece of it, from a point on the canvas to the right.
    pub(crate) fn legend(&mut self, [mut x, y]: Point, entries: &[(Stroke, &str)]) {
        for (stroke, text) in entries {
            self.lines([vec![[x, y - 5.0], [x + 24.0, y - 5.0]]], *stroke);
            self.text([x + 30.0, y], Align::Start, DARK_GRAY, text);
            // An estimate, because the reader's font is unknown; few letters are wider.
            x += 30.0 + 0.53 * FONT_SIZE * text.chars().count() as f64 + 24.0;
        }
    }

    /// The image as SVG.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] if the drawing library fails.
    pub(crate) fn finish(self) -> Result<String> {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, self.size).into_drawing_area();
            area.fill(&WHITE)
                .and_then(|()| self.axes.iter().try_for_each(|panel| draw_axes(&area, panel)))
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
    let (x_space, y_space) = (space(&panel.x, X_AXIS_SPACE), space(&panel.y, Y_AXIS_SPACE));
    let corner = (panel.left - y_space, panel.top);
    let part = area.clone().shrink(corner, (panel.width + y_space, panel.height + x_space));
    let mut chart = ChartBuilder::on(&part)
        .x_label_area_size(x_space)
        .y_label_area_size(y_space)
        .build_cartesian_2d(panel.x.scale.clone(), panel.y.scale.clone())?;
    let mut mesh = chart.configure_mesh();
    mesh.bold_line_style(LIGHT_GRAY)
        .light_line_style(TRANSPARENT)
        .axis_style(DARK_GRAY)
        .label_style(("sans-serif", PLOTTERS_FONT_SIZE).into_font().color(&DARK_GRAY))
        .axis_desc_style(("sans-serif", PLOTTERS_FONT_SIZE).into_font().color(&DARK_GRAY));
    if !panel.x.name.is_empty() {
        mesh.x_desc(panel.x.name);
    }
    if !panel.y.name.is_empty() {
        mesh.y_desc(panel.y.name);
    }
    mesh.draw()
}

/// A coordinate with at most one decimal.
fn pixel(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Text as SVG, in which the letter after `_` is a subscript.
fn with_subscripts(text: &str) -> String {
    let mut svg = String::new();
    let (mut subscript, mut open) = (false, 0);
    for letter in text.chars() {
        if letter == '_' && !subscript {
            subscript = true;
            svg.push_str(r#"<tspan dy="3" font-size="75%">"#);
            continue;
        }
        match letter {
            '<' => svg.push_str("&lt;"),
            '>' => svg.push_str("&gt;"),
            '&' => svg.push_str("&amp;"),
            other => svg.push(other),
        }
        if subscript {
            // SVG shifts are relative, so the rest of the text is shifted back.
            svg.push_str(r#"</tspan><tspan dy="-3">"#);
            (subscript, open) = (false, open + 1);
        }
    }
    svg.push_str(&"</tspan>".repeat(open + usize::from(subscript)));
    svg
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
    fn the_letter_after_an_underscore_is_a_subscript() {
        assert_eq!(with_subscripts("a < b & c"), "a &lt; b &amp; c");
        let svg = with_subscripts("F_Y(y)");
        assert_eq!(svg, r#"F<tspan dy="3" font-size="75%">Y</tspan><tspan dy="-3">(y)</tspan>"#);
        for text in ["F_Y(y), F_X", "_", "_<_", "__"] {
            let svg = with_subscripts(text);
            assert_eq!(svg.matches("<tspan").count(), svg.matches("</tspan>").count(), "{svg}");
        }
    }

    #[test]
    fn points_that_are_not_shown_are_counted() {
        let mut canvas = Canvas::new(300, 200);
        let points = [[0.5, 0.5], [0.0, 1.0], [1.5, 0.5], [f64::NAN, 0.5], [f64::INFINITY, 0.5], [0.2, 0.2]];
        let colors = [Some(0), Some(0), Some(0), Some(0), Some(0), None];
        let omitted = canvas.dots(&panel(), points.into_iter().zip(colors), &[DARK_GRAY], 2.0);
        assert_eq!(omitted, Omitted { not_finite: 3, outside: 1 });
        for dot in [r#"d="M180 70h0""#, r#"d="M80 20h0""#] {
            assert!(canvas.marks.contains(dot), "{}", canvas.marks);
        }
        canvas.axes(&panel());
        canvas.line(
            &panel(),
            [[0.0, 0.0], [0.5, f64::NAN], [0.5, 2.0], [0.5, 0.5], [1.0, 1.0]],
            Stroke::new(DARK_GRAY, 1.0),
        );
        canvas.bars(&panel(), [([0.0, -3.0], [0.5, 0.5]), ([0.0, f64::NAN], [0.5, 0.5])], DARK_GRAY);
        let svg = canvas.finish().unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
        assert!(svg.contains("M80 120H180V70H80z") && svg.contains("L280 20"), "{svg}");
    }
}
