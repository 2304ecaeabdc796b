//! `gtn encode`: images to latents, or to the normal vectors that generate them.

use std::ops::Range;
use std::path::Path;

use gtn_data::ImageCollection;
use gtn_data::image_files::open_square;
use gtn_data::own_images::ImageFiles;
use gtn_models::{Autoencoder, Device, Error, Flow, Generator, Model, SourceRows};
use gtn_run::config::{Data, ImageSource, OwnImages, PairingMethod};
use gtn_run::{Network, RunFolder};
use ndarray::{Array1, Array2, ArrayView4, Axis, concatenate};

use crate::args::Encode;
use crate::console;
use crate::failure::Failure;
use crate::output::{self, Content};
use crate::processes::{self, rows};

/// Images whose rows are computed together: whole batches of the encoder and of the flow.
const BATCH_SIZE: usize = Flow::BATCH_SIZE;
const _: () = assert!(BATCH_SIZE.is_multiple_of(Autoencoder::ENCODER_BATCH_SIZE));

pub(crate) fn run(args: &Encode) -> Result<(), Failure> {
    let format = output::format(&args.out, true, args.force, false)?;
    let device = args.on.open()?;
    let all = processes::all();
    let rows = if args.source {
        let generator = generator_with_flow(&args.run, &device)?;
        let images = ModelImages::open(&args.run, &args.images)?;
        rows::computed(all, "normal vectors", (images.len(), BATCH_SIZE), |rows| {
            let latents = images.encode(rows, |images| generator.encode(images))?;
            Ok(with_components(generator.source_of(latents.view())?, generator.components()))
        })?
    } else {
        let autoencoder = Autoencoder::load(&args.run, &device)?;
        let images = ModelImages::open(&args.run, &args.images)?;
        rows::computed(all, "latents", (images.len(), BATCH_SIZE), |rows| {
            images.encode(rows, |images| autoencoder.encode(images))
        })?
    };
    let Some(rows) = rows else { return Ok(()) };
    output::write(&args.out, format, &Content::Vectors(rows), args.force)?;
    console::print(&args.out.display().to_string());
    Ok(())
}

/// The latents of the images at a path, for a model.
pub(crate) fn encode(
    (run, path): (&Path, &Path),
    encode: impl Fn(ArrayView4<'_, f32>) -> gtn_models::Result<Array2<f32>>,
) -> Result<Array2<f32>, Failure> {
    let images = ModelImages::open(run, path)?;
    images.encode(0..images.len(), encode)
}

/// Images as a model reads them.
enum ModelImages {
    /// Of the size of the model.
    Same(ImageCollection),
    /// Files of any size, which are brought to that of a model that was trained on own images, as these were.
    Own(ImageFiles),
}

impl ModelImages {
    fn open(run: &Path, path: &Path) -> Result<Self, Failure> {
        if is_array(path) {
            let images = ImageCollection::open(path)?;
            if let Some(unlikely) = images.unlikely_range()? {
                console::status(&format!("warning: {unlikely}"));
            }
            return Ok(Self::Same(images));
        }
        if let Some((settings, channels)) = own_images_of(run)? {
            let images = ImageFiles::open(path, &gtn_train::own_image_options(&settings), channels)?;
            return Ok(Self::Own(images));
        }
        Ok(Self::Same(open_square(path)?))
    }

    fn len(&self) -> usize {
        match self {
            Self::Same(images) => images.len(),
            Self::Own(images) => images.len(),
        }
    }

    /// The latents of some of the images. An error about their size names the path.
    fn encode(
        &self,
        rows: Range<usize>,
        encode: impl Fn(ArrayView4<'_, f32>) -> gtn_models::Result<Array2<f32>>,
    ) -> Result<Array2<f32>, Failure> {
        let (images, path) = match self {
            Self::Same(images) => (images.read(rows)?, images.path()),
            Self::Own(images) => (images.read(rows)?, images.path()),
        };
        encode(images.view()).map_err(|error| match error {
            Error::ImageShape { .. } => Failure::users(format!("{}: {error}", path.display())),
            error => error.into(),
        })
    }
}

/// How a model reads images, and their channels, if it was trained on own images. A run needs no more than its autoencoder.
fn own_images_of(run: &Path) -> Result<Option<(OwnImages, usize)>, Failure> {
    let folder = RunFolder::at(run);
    if folder.config().is_file() {
        let Data::Images(ImageSource::Own(settings)) = folder.record()?.config.data else { return Ok(None) };
        return Ok(Some((settings, Autoencoder::load(run, &Device::Cpu)?.shape().channels)));
    }
    let model = Model::load(run)?;
    let data = model.card().config().map(|config| &config.data);
    Ok(match (data, &model.card().autoencoder) {
        (Some(Data::Images(ImageSource::Own(settings))), Some(autoencoder)) => {
            Some((settings.clone(), autoencoder.channels))
        }
        _ => None,
    })
}

/// Whether a path has the name of an array, or of one in a file of several.
fn is_array(path: &Path) -> bool {
    let file = gtn_io::arrays::without_array_name(path);
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["npy", "npz", "safetensors"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The generator of a run whose pairs come from a flow, through which any image has a normal vector.
pub(crate) fn generator_with_flow(run: &Path, device: &Device) -> Result<Generator, Failure> {
    let generator = Generator::load_on(run, device)?;
    if generator.flow_steps().is_some() {
        return Ok(generator);
    }
    let folder = RunFolder::at(run);
    let method = match folder.record() {
        Ok(record) if record.config.pairing.method == PairingMethod::Flow => {
            let missing = folder.best_checkpoint(Network::Flow);
            return Err(Failure::users(format!(
                "{}: the flow of this run is missing ({}); complete the run with the command in its config.toml",
                run.display(),
                missing.display()
            )));
        }
        Ok(record) => format!(
            "its pairs come from {}, so only the images of the run have one",
            record.config.pairing.method.title()
        ),
        Err(_) => "it has no flow".to_owned(),
    };
    Err(Failure::users(format!(
        "{}: cannot find the normal vectors of images: {method}; train a run with `--pairing flow`",
        run.display()
    )))
}

/// The normal vectors, with the component of each in a last column if there are several.
fn with_components(rows: SourceRows, components: usize) -> Array2<f32> {
    if components == 1 {
        return rows.source;
    }
    let column: Array1<f32> = rows.components.iter().map(|&component| component as f32).collect();
    let columns = [rows.source.view(), column.view().insert_axis(Axis(1))];
    // Row by row, as files without components are.
    concatenate(Axis(1), &columns).expect("both have as many rows").as_standard_layout().into_owned()
}
