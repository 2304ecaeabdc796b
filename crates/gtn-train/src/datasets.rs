//! What differs between data sets, in one file for each.

mod celeba;
mod disjoint_uniform;
mod file_notes;
mod hap;
mod image_data;
mod mnist;
mod official_split;
mod own;
mod own_latents;
mod reader;
mod split;
mod swiss_roll;
mod traits;
mod uniform;

use gtn_models::{Streams, purpose};
use gtn_run::Config;
use gtn_run::config::{Data, ImageSource, PointSource};
use ndarray::Array2;

pub(crate) use image_data::ImageData;
pub use own::options;
pub(crate) use own::split as split_own_images;
pub(crate) use own_latents::read_latent_rows;
pub(crate) use reader::Reader;
pub(crate) use split::check_sizes;
pub(crate) use traits::{ImageDataset, PointDataset, PointSamples, record};

/// The data set of images.
pub(crate) fn images(source: &ImageSource) -> Box<dyn ImageDataset + '_> {
    match source {
        ImageSource::Mnist(split) => Box::new(mnist::Mnist { split }),
        ImageSource::Celeba(split) => Box::new(celeba::dataset(split)),
        ImageSource::Hap(split) => Box::new(hap::dataset(split)),
        ImageSource::Own(settings) => Box::new(own::Own { settings }),
    }
}

/// The data set of points with `dim` coordinates.
pub(crate) fn points(source: &PointSource, dim: usize) -> &'static dyn PointDataset {
    match (source, dim) {
        (PointSource::SwissRoll(_), 1) => &swiss_roll::Angles,
        (PointSource::SwissRoll(_), _) => &swiss_roll::Roll,
        (PointSource::Uniform(_), _) => &uniform::Square,
        (PointSource::DisjointUniform(_), _) => &disjoint_uniform::TwoSquares,
    }
}

/// The number of samples in a snapshot, and in each grid or figure of the report.
pub(crate) fn shown_samples(data: &Data) -> usize {
    match data {
        Data::Images(source) => images(source).grid_size(),
        Data::Points(_) | Data::Latents(_) => 5_000,
    }
}

/// The normal vectors of those samples, the same throughout a run.
pub(crate) fn shown_source(config: &Config, streams: &Streams) -> Array2<f32> {
    streams.normal(purpose::SHOWN, 0, shown_samples(&config.data), config.dim)
}
