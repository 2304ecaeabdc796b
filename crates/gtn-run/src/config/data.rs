//! The data of an experiment, and how they are split.

use serde::{Deserialize, Serialize};

/// The data that ĥ learns to generate, and how they are split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Table", into = "Table")]
pub enum Data {
    /// Images, which ĥ generates through an autoencoder.
    Images(ImageSource),
    /// Points of a known distribution, which ĥ generates directly.
    Points(PointSource),
    /// Vectors of your own, which ĥ generates directly.
    Latents(OwnLatents),
}

/// Where images come from.
#[derive(Debug, Clone, PartialEq)]
pub enum ImageSource {
    /// Handwritten digits, 28×28.
    Mnist(RandomSplit),
    /// Images of faces (CelebA), 64×64.
    Celeba(OfficialSplit),
    /// Images of hands (11K Hands), 64×64.
    Hap(OfficialSplit),
    /// Images of your own.
    Own(OwnImages),
}

/// Where points come from.
#[derive(Debug, Clone, PartialEq)]
pub enum PointSource {
    /// Angles θ ~ U(1.5π, 4.5π) of the swiss roll (`dim` 1), or its points (θ·cos θ, θ·sin θ) (`dim` 2).
    SwissRoll(Synthetic),
    /// The uniform distribution on the unit square.
    Uniform(Synthetic),
    /// The uniform distribution on two unit squares that lie apart.
    DisjointUniform(Synthetic),
}

/// The table `[data]`, in which `set` names the data set.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "set", rename_all = "kebab-case")]
enum Table {
    Mnist(RandomSplit),
    Celeba(OfficialSplit),
    Hap(OfficialSplit),
    Images(OwnImages),
    Latents(OwnLatents),
    SwissRoll(Synthetic),
    Uniform(Synthetic),
    DisjointUniform(Synthetic),
}

impl From<Table> for Data {
    fn from(table: Table) -> Self {
        match table {
            Table::Mnist(split) => Data::Images(ImageSource::Mnist(split)),
            Table::Celeba(split) => Data::Images(ImageSource::Celeba(split)),
            Table::Hap(split) => Data::Images(ImageSource::Hap(split)),
            Table::Images(images) => Data::Images(ImageSource::Own(images)),
            Table::Latents(latents) => Data::Latents(latents),
            Table::SwissRoll(synthetic) => Data::Points(PointSource::SwissRoll(synthetic)),
            Table::Uniform(synthetic) => Data::Points(PointSource::Uniform(synthetic)),
            Table::DisjointUniform(synthetic) => Data::Points(PointSource::DisjointUniform(synthetic)),
        }
    }
}

impl From<Data> for Table {
    fn from(data: Data) -> Self {
        match data {
            Data::Images(ImageSource::Mnist(split)) => Table::Mnist(split),
            Data::Images(ImageSource::Celeba(split)) => Table::Celeba(split),
            Data::Images(ImageSource::Hap(split)) => Table::Hap(split),
            Data::Images(ImageSource::Own(images)) => Table::Images(images),
            Data::Latents(latents) => Table::Latents(latents),
            Data::Points(PointSource::SwissRoll(synthetic)) => Table::SwissRoll(synthetic),
            Data::Points(PointSource::Uniform(synthetic)) => Table::Uniform(synthetic),
            Data::Points(PointSource::DisjointUniform(synthetic)) => Table::DisjointUniform(synthetic),
        }
    }
}

/// Images that are split at random.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomSplit {
    /// Fraction of the images used for training; the others are used for validation.
    pub train_fraction: f64,
    /// Maximum number of images, drawn at random; all images if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Images of a data set that is published with a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficialSplit {
    /// Which images to use, as in `Smiling=1,Male=-1` (CelebA) or `aspect=palmar,accessories=0` (11K Hands); all images if it
    /// is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The largest fraction of the files that may be unreadable, 0.05 unless it is set; they are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unreadable: Option<f64>,
    /// Maximum number of training and validation images together, drawn at random in the proportion of the split; all images if
    /// it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

gtn_io::names! {
    /// How images become squares of one size.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum ResizeSetting: "way to resize" {
        /// The largest square in the middle is cut out.
        #[default]
        Crop => "crop",
        /// The complete image, with the background on two sides.
        Fit => "fit",
        /// The complete image, distorted.
        Stretch => "stretch",
    }
}

/// Images of your own, from a folder or an archive, that are split at random.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnImages {
    /// Height and width to which they are scaled, in pixels: a multiple of 4, at most 256.
    pub side: usize,
    /// How they become squares.
    #[serde(default)]
    pub resize: ResizeSetting,
    /// The color behind transparent pixels and beside images that are fitted: red, green, blue.
    #[serde(default = "white")]
    pub background: [u8; 3],
    /// The largest fraction of the files that may be unreadable.
    #[serde(default = "max_unreadable")]
    pub max_unreadable: f64,
    /// Whether the mirror images of training images are training images, too.
    #[serde(default)]
    pub flip: bool,
    /// Fraction of the images used for training; the others are used for validation.
    pub train_fraction: f64,
    /// Maximum number of images, drawn at random; all images if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The names of the classes, if images are in subfolders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

/// Vectors of your own, from a file, that are split at random.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnLatents {
    /// Fraction of the rows used for training; the others are used for validation.
    pub train_fraction: f64,
    /// Maximum number of rows, drawn at random; all rows if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The names of the classes, if there are labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

fn white() -> [u8; 3] {
    [255; 3]
}

fn max_unreadable() -> f64 {
    0.05
}

/// Points that are drawn from a known distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synthetic {
    /// Number of training points.
    pub train: usize,
    /// Number of validation points.
    pub validation: usize,
    /// Maximum number of points of both together, in the same proportion; no maximum if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

impl Synthetic {
    /// Numbers of training and validation points, with `limit` applied.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        let total = self.train.saturating_add(self.validation);
        match self.limit {
            Some(limit) if limit < total => {
                let fraction = self.train as f64 / total as f64;
                let train = ((limit as f64 * fraction).round() as usize).clamp(2, limit.max(3) - 1);
                (train, limit.saturating_sub(train))
            }
            _ => (self.train, self.validation),
        }
    }
}

impl Data {
    /// The maximum number of samples, if there is one.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        // A copy, so that there is one list of the fields.
        *self.clone().limit_mut()
    }

    /// Sets the largest fraction of the files that may be unreadable, and returns whether the data are from files of images.
    pub(super) fn set_max_unreadable(&mut self, fraction: f64) -> bool {
        match self {
            Data::Images(ImageSource::Celeba(split) | ImageSource::Hap(split)) => split.max_unreadable = Some(fraction),
            Data::Images(ImageSource::Own(images)) => images.max_unreadable = fraction,
            _ => return false,
        }
        true
    }

    pub(super) fn limit_mut(&mut self) -> &mut Option<usize> {
        match self {
            Data::Images(ImageSource::Mnist(split)) => &mut split.limit,
            Data::Images(ImageSource::Celeba(split) | ImageSource::Hap(split)) => &mut split.limit,
            Data::Images(ImageSource::Own(images)) => &mut images.limit,
            Data::Latents(latents) => &mut latents.limit,
            Data::Points(source) => &mut source.synthetic_mut().limit,
        }
    }

    /// Whether the data can have classes, which can be components.
    #[must_use]
    pub fn have_labels(&self) -> bool {
        !self.classes().is_empty() || matches!(self, Data::Points(PointSource::DisjointUniform(_)))
    }

    /// The names of the classes, in the order of their labels; empty if the data have none.
    #[must_use]
    pub fn classes(&self) -> Vec<String> {
        match self {
            Data::Images(ImageSource::Mnist(_)) => (0..10).map(|digit| digit.to_string()).collect(),
            Data::Images(ImageSource::Own(OwnImages { classes, .. })) | Data::Latents(OwnLatents { classes, .. }) => {
                classes.clone()
            }
            _ => Vec::new(),
        }
    }

    /// Whether the data are from a file of the user, whose path is no setting.
    #[must_use]
    pub fn are_own(&self) -> bool {
        matches!(self, Data::Images(ImageSource::Own(_)) | Data::Latents(_))
    }

    /// Whether samples are images, which ĥ generates through an autoencoder.
    #[must_use]
    pub fn are_images(&self) -> bool {
        matches!(self, Data::Images(_))
    }
}

impl PointSource {
    /// The numbers of points.
    #[must_use]
    pub fn synthetic(&self) -> &Synthetic {
        match self {
            PointSource::SwissRoll(synthetic)
            | PointSource::Uniform(synthetic)
            | PointSource::DisjointUniform(synthetic) => synthetic,
        }
    }

    fn synthetic_mut(&mut self) -> &mut Synthetic {
        match self {
            PointSource::SwissRoll(synthetic)
            | PointSource::Uniform(synthetic)
            | PointSource::DisjointUniform(synthetic) => synthetic,
        }
    }
}
