//! `gtn encode`: images to latents, or to the normal vectors that generate them.

use std::path::Path;

use gtn_data::image_files::read_images;
use gtn_data::{ImageCollection, own_images};
use gtn_models::{Autoencoder, Device, Error, Generator, Model, SourceRows};
use gtn_run::config::{Data, ImageSource, OwnImages, PairingMethod};
use gtn_run::{Network, RunFolder};
use ndarray::{Array1, Array2, Array4, Axis, concatenate};

use crate::args::Encode;
use crate::console;
use crate::failure::Failure;
use crate::output::{self, Content};

pub(crate) fn run(args: &Encode) -> Result<(), Failure> {
    let format = output::format(&args.out, true, args.force, false)?;
    let device = args.on.open()?;
    let rows = if args.source {
        let generator = generator_with_flow(&args.run, &device)?;
        let latents = encode((&args.run, &args.images), |images| generator.encode(images))?;
        with_components(generator.source_of(latents.view())?, generator.components())
    } else {
        let autoencoder = Autoencoder::load(&args.run, &device)?;
        encode((&args.run, &args.images), |images| autoencoder.encode(images))?
    };
    output::write(&args.out, format, &Content::Vectors(rows), args.force)?;
    console::print(&args.out.display().to_string());
    Ok(())
}

/// The latents of the images at a path, for a model. An error about their size names the path.
pub(crate) fn encode(
    (run, path): (&Path, &Path),
    encode: impl Fn(ndarray::ArrayView4<'_, f32>) -> gtn_models::Result<Array2<f32>>,
) -> Result<Array2<f32>, Failure> {
    let images = read_for(run, path)?;
    encode(images.view()).map_err(|error| match error {
        Error::ImageShape { .. } => Failure::users(format!("{}: {error}", path.display())),
        error => error.into(),
    })
}

/// The images at a path: files of any size are brought to that of the model if it was trained on own images, as these were.
fn read_for(run: &Path, path: &Path) -> Result<Array4<f32>, Failure> {
    if is_array(path) {
        if let Some(unlikely) = ImageCollection::open(path)?.unlikely_range()? {
            console::status(&format!("warning: {unlikely}"));
        }
    } else if let Some((settings, channels)) = own_images_of(run)? {
        return Ok(own_images::read_all(path, &gtn_train::own_image_options(&settings), channels)?);
    }
    Ok(read_images(path)?)
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
    concatenate(Axis(1), &[rows.source.view(), column.view().insert_axis(Axis(1))]).expect("both have as many rows")
}
