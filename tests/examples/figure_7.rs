//! Figure 7 (Appendix B) as an SVG image: Algorithm 1 pairs circles (y) with stars (x) on one line through the origin. Above, both
//! sides of the origin have as many circles as stars; below, they do not. The pairs are those of `gtn-label`.
//!
//!     cargo run -p gtn-tests --example figure_7 > docs/images/figure-7.svg
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fmt::Write as _;

use gtn_label::{Rows, match_rows};

const WIDTH: f64 = 720.0;
/// Height between the tops of the two rows, and of the image.
const ROW: f64 = 130.0;
const HEIGHT: f64 = 370.0;
/// Pixels per unit.
const UNIT: f64 = 110.0;
/// Pixels of height per pixel of width of an arc.
const FLATNESS: f64 = 0.45;

// Blue and vermilion of Okabe and Ito's palette, as in the figures of reports.
const STAR: &str = "#0072b2";
const CIRCLE: &str = "#d55e00";

fn main() -> Result<(), Box<dyn Error>> {
    let circles = [-2.0_f32, -0.5, 0.75, 1.5];
    // Heading, height of the line below the top, stars.
    let rows = [
        ("Two circles and two stars on each side: pairs by rank", 75.0, [-2.6_f32, -1.1, 0.35, 2.3]),
        ("One star on the left: the last circle takes a star on the other side", 150.0, [-1.1, 0.35, 1.15, 2.3]),
    ];
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"14.5\" text-anchor=\"middle\" fill=\"#282828\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (index, (heading, below, stars)) in rows.iter().enumerate() {
        let top = ROW * index as f64;
        writeln!(svg, "<text x=\"{}\" y=\"{}\">{heading}</text>", 0.5 * WIDTH, top + 26.0)?;
        row(&mut svg, top + below, &circles, stars)?;
    }
    let legend = HEIGHT - 20.0;
    circle(&mut svg, 250.0, legend)?;
    writeln!(svg, "<text x=\"264\" y=\"{}\" text-anchor=\"start\">y, numbered in their order</text>", legend + 5.0)?;
    star(&mut svg, 480.0, legend)?;
    writeln!(svg, "<text x=\"496\" y=\"{}\" text-anchor=\"start\">x</text>", legend + 5.0)?;
    println!("{svg}</svg>");
    Ok(())
}

/// Draws a line with its circles and stars, and an arc for each pair; the arc of a pair of opposite directions is dashed.
fn row(svg: &mut String, line: f64, circles: &[f32], stars: &[f32]) -> Result<(), Box<dyn Error>> {
    let matched = match_rows(Rows::new(circles, circles.len(), 1)?, Rows::new(stars, stars.len(), 1)?)?;
    let across = |value: f32| 0.5 * WIDTH + UNIT * f64::from(value);
    writeln!(svg, "<path d=\"M20 {line}H{}\" stroke=\"#bebebe\" stroke-width=\"1.5\"/>", WIDTH - 20.0)?;
    writeln!(svg, "<path d=\"M{} {}v16\" stroke=\"#282828\"/>", 0.5 * WIDTH, line - 8.0)?;
    writeln!(svg, "<text x=\"{}\" y=\"{}\">0</text>", 0.5 * WIDTH, line + 26.0)?;
    for ((&y, &target), &similarity) in circles.iter().zip(matched.assignment()).zip(matched.similarity()) {
        let (from, to) = (across(y), across(stars[target]));
        let (radius, sweep) = (0.5 * (from - to).abs(), u8::from(from < to));
        let dashes = if similarity < 0.0 { " stroke-dasharray=\"6 4\"" } else { "" };
        writeln!(
            svg,
            "<path d=\"M{from} {line}A{radius} {} 0 0 {sweep} {to} {line}\" fill=\"none\" stroke=\"#6e6e6e\" \
             stroke-width=\"1.5\"{dashes}/>",
            FLATNESS * radius
        )?;
    }
    for (step, &source) in matched.order().iter().enumerate() {
        let x = across(circles[source]);
        circle(svg, x, line)?;
        writeln!(svg, "<text x=\"{x}\" y=\"{}\" fill=\"{CIRCLE}\">{}</text>", line + 26.0, step + 1)?;
    }
    stars.iter().try_for_each(|&x| star(svg, across(x), line))?;
    Ok(())
}

fn circle(svg: &mut String, x: f64, y: f64) -> std::fmt::Result {
    writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"7\" fill=\"white\" stroke=\"{CIRCLE}\" stroke-width=\"2.5\"/>")
}

fn star(svg: &mut String, x: f64, y: f64) -> std::fmt::Result {
    let corners = (0..10).map(|corner| {
        let radius = if corner % 2 == 0 { 10.0 } else { 4.2 };
        let (sin, cos) = (f64::from(corner) * std::f64::consts::PI / 5.0).sin_cos();
        format!("{:.1},{:.1}", x + radius * sin, y - radius * cos)
    });
    let corners: Vec<String> = corners.collect();
    writeln!(svg, "<polygon points=\"{}\" fill=\"{STAR}\"/>", corners.join(" "))
}
