//! Words in the notes about data by which a report recognizes what its reader must know.

/// The files are others than those of the paper.
pub const NOT_COMPARABLE: &str = "not comparable with the paper";

/// There are too few images to expect good samples.
pub const FEW_IMAGES: &str = "images are few";
