//! `gtn sample`: samples of a trained run.

use std::path::Path;

use gtn_io::UnknownName;
use gtn_models::{Generator, Model, Sampling, SourceRows, Streams, purpose};
use gtn_run::{ModelCard, RunFolder};
use ndarray::{Array2, s};

use crate::args::Sample;
use crate::console;
use crate::failure::Failure;
use crate::memory;
use crate::output::{self, Content, Format};

/// Maximum number of values that are computed at a time: 4 GiB of f32.
const MAX_VALUES: usize = 1 << 30;
/// Maximum number of samples in one image.
const MAX_IN_IMAGE: usize = 10_000;

pub(crate) fn run(args: &Sample) -> Result<(), Failure> {
    if args.n == 0 {
        return Err(Failure::users("-n 0: nothing to draw; pass at least 1"));
    }
    // The name is checked before the run is read.
    output::format(&args.out, args.latent, args.force, false)?;
    let device = args.on.open()?;
    let model = Model::load(&args.run)?;
    let component = component(args, model.card())?;
    let generator = model.generator(&device)?;
    let vectors = args.latent || !generator.generates_images();
    let format = output::format(&args.out, vectors, args.force, false)?;
    let run = RunFolder::at(&args.run);
    if run.config().is_file() && run.record()?.provenance.h_epochs.is_none() {
        console::status("note: the training of ĥ is not finished; these samples use its best weights so far");
    }
    let sampling = Sampling::default()
        .with_temperature(args.temperature)
        .with_component(component)
        .with_steps(usize::from(args.steps));
    let source =
        args.source.as_deref().map(|path| read_source(path, &generator, (component, args.seed))).transpose()?;
    let n = source.as_ref().map_or(args.n, |rows| rows.source.nrows());
    let size = if vectors { generator.source_dim() } else { generator.values_per_sample() };
    check_amount(n, size, format)?;
    let latents = match source {
        None => {
            let mut stream = Streams::new(args.seed).stream(purpose::SAMPLE, 0);
            generator.sample_latents_by(n, &sampling, &mut stream)?
        }
        Some(rows) => generator.map_by(&rows, &sampling)?,
    };
    let samples = if vectors { Content::Vectors(latents) } else { Content::Images(generator.decode(latents.view())?) };
    output::write(&args.out, format, &samples, args.force)?;
    console::print(&args.out.display().to_string());
    Ok(())
}

/// The component that samples are drawn from, if one is chosen: by its number, or by the name of its class.
fn component(args: &Sample, card: &ModelCard) -> Result<Option<usize>, Failure> {
    let Some(name) = &args.class else { return Ok(args.component) };
    let classes = card.component_classes();
    if classes.is_empty() {
        return Err(Failure::users(format!(
            "--class {name}: the components of {} are no classes; use --component K, or train with --components labels",
            args.run.display()
        )));
    }
    let found = classes.iter().position(|class| class == name);
    found
        .map(Some)
        .ok_or_else(|| Failure::users(UnknownName::new("class", name, classes.iter().map(String::as_str)).to_string()))
}

/// Reads normal vectors, and their components if the file has them in a last column.
fn read_source(
    path: &Path,
    generator: &Generator,
    (component, seed): (Option<usize>, u64),
) -> Result<SourceRows, Failure> {
    let (dim, components) = (generator.source_dim(), generator.components());
    // A component that does not exist is refused by the generator.
    let given = component.map(|component| u32::try_from(component).unwrap_or(u32::MAX));
    if components == 1 {
        let source = read_rows(path, dim)?;
        return Ok(SourceRows { components: vec![given.unwrap_or_default(); source.nrows()], source });
    }
    let rows = gtn_io::arrays::read_matrix(path)?;
    let has_components = rows.ncols() == dim + 1;
    if rows.ncols() != dim && !has_components {
        return Err(Failure::users(format!(
            "{}: expected an array (n, {dim}), or (n, {}) with the component of each row, got shape ({}, {}); pass vectors \
             with the dimension of the run",
            path.display(),
            dim + 1,
            rows.nrows(),
            rows.ncols()
        )));
    }
    check_finite(&rows, path)?;
    let source = rows.slice(s![.., ..dim]).to_owned();
    let components = match given {
        Some(component) => vec![component; source.nrows()],
        None if has_components => {
            let column = rows.column(dim);
            if let Some(value) = column.iter().find(|&&value| value.fract() != 0.0 || value < 0.0) {
                return Err(Failure::users(format!(
                    "{}: column {} must hold components, counted from 0, and has {value}; write whole numbers",
                    path.display(),
                    dim + 1
                )));
            }
            column.iter().map(|&value| value as u32).collect()
        }
        None => {
            let mut stream = Streams::new(seed).stream(purpose::SAMPLE_COMPONENTS, 0);
            generator.draw_components(source.nrows(), &mut stream)
        }
    };
    Ok(SourceRows { source, components })
}

/// Reads vectors of dimension `dim`.
pub(crate) fn read_rows(path: &Path, dim: usize) -> Result<Array2<f32>, Failure> {
    let source = gtn_io::arrays::read_matrix(path)?;
    let columns = source.ncols();
    if columns != dim {
        let path = path.display();
        return Err(Failure::users(format!(
            "{path}: expected an array (n, {dim}), got shape ({}, {columns}); pass vectors with the dimension of the run",
            source.nrows()
        )));
    }
    check_finite(&source, path)?;
    Ok(source)
}

fn check_finite(rows: &Array2<f32>, path: &Path) -> Result<(), Failure> {
    if rows.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    Err(Failure::users(format!("{} contains NaN or infinite values; remove them first", path.display())))
}

/// Refuses more samples, of `size` values each, than fit into memory or into one image, before any is drawn.
pub(crate) fn check_amount(n: usize, size: usize, format: Format) -> Result<(), Failure> {
    if matches!(format, Format::Png | Format::Gif) && n > MAX_IN_IMAGE {
        return Err(Failure::users(format!(
            "{n} samples do not fit into one image, which holds {MAX_IN_IMAGE}; write them to a .npy file or a folder"
        )));
    }
    let advice = "with a different --seed or --source each time";
    match n.checked_mul(size).filter(|&values| values <= MAX_VALUES) {
        Some(values) => memory::require(values, &format!("{n} samples"), &format!("draw fewer at a time, {advice}")),
        None => {
            let max = MAX_VALUES / size;
            Err(Failure::users(format!("{n} samples do not fit into memory; draw at most {max} at a time, {advice}")))
        }
    }
}
