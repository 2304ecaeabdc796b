//! What a report says about each data set, and how it draws points. In this crate, only this file knows which data sets exist.

use gtn_math::SwissRoll;
use gtn_run::Config;
use gtn_run::config::{Data, ImageSource, OfficialSplit, OwnImages, OwnLatents, PointSource, ResizeSetting};
use gtn_run::metric_constants::SQUARE_LEFT_EDGES;

use super::text::count;
use crate::axis_scale::along;
use crate::canvas::Point;

/// What a report says about the data of a run.
pub(super) struct DataSet {
    /// What the data are called that are paired with normal vectors.
    pub(super) targets: &'static str,
    /// What the dimension of a run is called.
    pub(super) dimension: &'static str,
    /// What the maximum number of samples is called.
    pub(super) limit: &'static str,
    /// What the loss of ĥ is.
    pub(super) loss: &'static str,
    /// Sentences about the settings of the data.
    pub(super) settings: Vec<String>,
    /// The points that ĥ generates; `None` if it generates latents of images.
    pub(super) points: Option<PointSet>,
}

/// Points from a known distribution.
#[derive(Clone, Copy)]
pub(super) struct PointSet {
    /// What ĥ generates.
    pub(super) noun: &'static str,
    /// The distribution, as in "The data are ...".
    pub(super) distribution: &'static str,
    /// Numbers of training and validation points.
    pub(super) sizes: (usize, usize),
    /// The point in the plane for a number that ĥ generates; `None` if ĥ generates points of the plane.
    pub(super) embedding: Option<fn(f64) -> Point>,
    /// The ranges of both axes; the same in all figures, so that they can be compared.
    pub(super) ranges: [(f64, f64); 2],
    /// The curve that the points should be on, or the boundary of the area that they should fill. A point that is not finite is a
    /// gap in it.
    pub(super) outline: fn() -> Vec<Point>,
    /// The heading of the section with the figures.
    pub(super) heading: &'static str,
    /// The figure of normal vectors and generated points.
    pub(super) generated: FigureText,
    /// The figures that other points do not have.
    pub(super) figures: PointFigures,
}

/// All files of figures of normal vectors and generated points.
pub(super) const GENERATED_FILES: [&str; 3] = ["figure-3a.svg", "figure-3b.svg", "two-squares.svg"];

/// The heading of the figures that the paper has as well.
const PAPER: &str = "Figures of the paper";

/// The file and the texts of a figure.
#[derive(Clone, Copy)]
pub(super) struct FigureText {
    pub(super) file: &'static str,
    pub(super) title: &'static str,
    /// What other captions call it.
    pub(super) name: &'static str,
    pub(super) alt: &'static str,
    pub(super) caption: &'static str,
}

/// Figures that only some points have.
#[derive(Clone, Copy)]
pub(super) enum PointFigures {
    /// Distribution functions (Figure 2), the map, and the distribution of the swiss roll's angles.
    Angles,
    /// The comparison with the reference run.
    SourceDimensions,
    /// The pairs (Figure 4).
    Pairs,
}

impl DataSet {
    /// The data of a run with this configuration.
    pub(super) fn of(config: &Config) -> Self {
        match &config.data {
            Data::Images(ImageSource::Mnist(split)) => {
                images(vec![format!("Fraction of the images used for training: {}.", split.train_fraction)])
            }
            Data::Images(ImageSource::Celeba(split) | ImageSource::Hap(split)) => images(published(split)),
            Data::Images(ImageSource::Own(own)) => images(own_images(own)),
            Data::Latents(OwnLatents { train_fraction, classes, .. }) => {
                let mut settings = vec![format!("Fraction of the rows used for training: {train_fraction}.")];
                settings.extend(class_names(classes));
                DataSet {
                    targets: "vectors",
                    dimension: "dimension d",
                    limit: "row limit",
                    loss: "the mean squared error of the generated vectors",
                    settings,
                    points: None,
                }
            }
            Data::Points(source) => {
                let sizes = source.synthetic().sizes();
                points(match source {
                    PointSource::SwissRoll(_) if config.dim == 1 => swiss_roll_angles(sizes),
                    PointSource::SwissRoll(_) => swiss_roll(sizes),
                    PointSource::Uniform(_) => square(sizes),
                    PointSource::DisjointUniform(_) => two_squares(sizes),
                })
            }
        }
    }
}

fn own_images(own: &OwnImages) -> Vec<String> {
    let how = match own.resize {
        ResizeSetting::Crop => "the largest square in the middle of each",
        ResizeSetting::Fit => "complete, with a background on two sides",
        ResizeSetting::Stretch => "complete, distorted to squares",
    };
    let mut settings = vec![
        format!("Own images, scaled to {side} × {side} pixels: {how}.", side = own.side),
        format!("Fraction of the images used for training: {}.", own.train_fraction),
    ];
    if own.flip {
        settings.push("The mirror images of training images are training images, too.".to_owned());
    }
    settings.extend(class_names(&own.classes));
    settings
}

/// The classes in a sentence, if there are any.
fn class_names(classes: &[String]) -> Option<String> {
    (!classes.is_empty()).then(|| format!("Classes, in the order of their labels: {}.", classes.join(", ")))
}

fn images(settings: Vec<String>) -> DataSet {
    DataSet {
        targets: "latents",
        dimension: "latent dimension d",
        limit: "image limit",
        loss: "the mean squared error of the generated latents",
        settings,
        points: None,
    }
}

fn points(points: PointSet) -> DataSet {
    let (train, validation) = points.sizes;
    DataSet {
        targets: "data",
        dimension: "source dimension d",
        limit: "point limit",
        loss: "the mean squared error of the generated coordinates, in units of the normalized data",
        settings: vec![format!("Points: {} for training, {} for validation.", count(train), count(validation))],
        points: Some(points),
    }
}

/// Sentences about images that are published with a split.
fn published(split: &OfficialSplit) -> Vec<String> {
    let images = match &split.filter {
        None => "The images are split as their publishers did.".to_owned(),
        Some(filter) => format!("The images with {filter} are used. They are split as their publishers did."),
    };
    vec![images]
}

fn swiss_roll_angles(sizes: (usize, usize)) -> PointSet {
    PointSet {
        noun: "angles",
        distribution: "angles of the swiss roll, distributed uniformly on (1.5π, 4.5π)",
        embedding: Some(on_roll),
        generated: FigureText {
            file: GENERATED_FILES[0],
            title: "Figure 3(A), source dimension 1",
            name: "Figure 3",
            alt: "Normal numbers and the points of the swiss roll generated from them, in the same colors",
            caption: "Left: standard normal values y, spread over the area below their density and colored by rank. Right: the \
                      points of the swiss roll at the angles ĥ(y), in the color of y, over the exact curve (gray). The colors \
                      should follow the curve in the same order from the inner to the outer end, without gaps and with constant \
                      density by angle. The ends are the hardest to learn, because they belong to the rarest y.",
        },
        figures: PointFigures::Angles,
        ..swiss_roll(sizes)
    }
}

fn swiss_roll(sizes: (usize, usize)) -> PointSet {
    PointSet {
        noun: "points",
        distribution: "points of the swiss roll, with angles distributed uniformly on (1.5π, 4.5π)",
        sizes,
        embedding: None,
        ranges: [(-16.5, 16.5); 2],
        outline: || {
            let angles = SwissRoll::paper().angles();
            along(angles.lower(), angles.upper(), 240).map(on_roll).collect()
        },
        heading: PAPER,
        generated: FigureText {
            file: GENERATED_FILES[0],
            title: "Figure 3(A), source dimension 2",
            name: "Figure 3",
            alt: "Normal vectors in the plane and the points generated from them, in the same colors",
            caption: "Left: normal vectors y, colored by their distance from the origin. Right: ĥ(y) in the color of y, over \
                      the exact curve (gray). ĥ is continuous, and the plane has one dimension more than the curve, so some \
                      points are between the turns.",
        },
        figures: PointFigures::SourceDimensions,
    }
}

fn square(sizes: (usize, usize)) -> PointSet {
    PointSet {
        noun: "points",
        distribution: "points distributed uniformly on the unit square",
        sizes,
        embedding: None,
        ranges: [(-0.12, 1.12); 2],
        outline: || square_at(0.0),
        heading: PAPER,
        generated: FigureText {
            file: GENERATED_FILES[1],
            title: "Figure 3(B)",
            name: "Figure 3(B)",
            alt: "Normal vectors in the plane and the points generated from them, in the same colors",
            caption: "Left: normal vectors y, colored by their distance from the origin. Right: ĥ(y) in the color of y, and the \
                      boundary of the unit square (gray). The dots should fill the square evenly up to its boundary and \
                      corners, with the same order of colors from the center outward.",
        },
        figures: PointFigures::Pairs,
    }
}

fn two_squares(sizes: (usize, usize)) -> PointSet {
    PointSet {
        distribution: "points distributed uniformly on two unit squares that lie apart, as in Appendix C",
        // The same unit on both axes.
        ranges: [(-0.25, 3.25), (-1.25, 2.25)],
        outline: || {
            let gap = [[f64::NAN; 2]];
            let [left, right] = SQUARE_LEFT_EDGES.map(|left| square_at(f64::from(left)));
            left.into_iter().chain(gap).chain(right).collect()
        },
        heading: "Samples and pairs",
        generated: FigureText {
            file: GENERATED_FILES[2],
            title: "Two squares",
            name: "the first figure",
            alt: "Normal vectors in the plane and the points generated from them, in the same colors",
            caption: "Left: normal vectors y, colored by their distance from the origin. Right: ĥ(y) in the color of y, and the \
                      boundaries of the two squares (gray). The dots should fill both squares evenly. A continuous ĥ from a \
                      connected source also has values between the squares; a source of two components can avoid them.",
        },
        ..square(sizes)
    }
}

/// The boundary of the unit square whose left edge is at this first coordinate.
fn square_at(left: f64) -> Vec<Point> {
    [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]].map(|[x, y]| [left + x, y]).to_vec()
}

/// The point of the swiss roll at an angle, which may be beyond the ends of the roll.
fn on_roll(angle: f64) -> Point {
    [angle * angle.cos(), angle * angle.sin()]
}
