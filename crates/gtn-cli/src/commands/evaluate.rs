//! `gtn evaluate`: generated samples against real ones.

mod comparison;
mod evaluation;
mod feature_cache;
mod feature_metrics;
mod halves;
mod image_stream;
mod images;
mod inception;
mod latents;
mod measured;
mod moments;
mod request;
mod row_metrics;
mod vectors;
mod weights;

use gtn_models::InceptionOutput;

use self::comparison::{Comparison, Side};
use self::evaluation::{Evaluation, OF_CLASSES, OF_FEATURES};
use self::feature_metrics::FeaturesOrMoments;
use self::halves::Halves;
use crate::args::{Choice, Evaluate, Features, OF_TRAINING};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{output, processes, stop};

pub(crate) fn run(args: &Evaluate) -> Result<(), Failure> {
    if let Some(out) = &args.save_stats {
        output::refuse_existing(out, args.force)?;
    }
    stop::listen();
    let device = args.on.open()?;
    let mut progress = Progress::new();
    if args.neighbors == Some(0) {
        return Err(Failure::users("--neighbors 0: no neighbors; pass at least 1"));
    }
    if args.latent {
        let open = || latents::open(args, &device, &mut progress);
        let (sides, references) = processes::in_turn(processes::all(), "the latents", open)?;
        let mut evaluation = Evaluation::new(args, device, progress);
        evaluation.compare_latents(&sides, &references)?;
        return evaluation.print(&sides);
    }
    if let Some(metric) = OF_TRAINING.iter().find(|&&metric| args.metrics.contains(&Choice::One(metric))) {
        return Err(Failure::users(format!("{metric} needs training latents; pass --latent and a run as --real")));
    }
    let open = || comparison::open(args, &device, &mut progress);
    let sides = processes::in_turn(processes::all(), "the samples", open)?;
    check_image_counts(args, &sides)?;
    let mut evaluation = Evaluation::new(args, device, progress);
    compare(&mut evaluation, &sides)?;
    evaluation.print(&sides)
}

/// A covariance needs two images.
fn check_image_counts(args: &Evaluate, sides: &Comparison) -> Result<(), Failure> {
    let generated = sides.generated.as_ref().zip(args.generated.as_deref()).map(|((side, _), path)| (side, path));
    for (side, path) in [(&sides.real, args.real.as_path())].into_iter().chain(generated) {
        if let Side::Images(images) = side
            && images.len() < 2
        {
            let path = path.display();
            return Err(Failure::users(format!("{path}: one image is not enough; pass at least 2 images")));
        }
    }
    Ok(())
}

/// Measures what the two sides allow.
fn compare(evaluation: &mut Evaluation<'_>, sides: &Comparison) -> Result<(), Failure> {
    if let (Some(_), Side::Vectors(_) | Side::Statistics(_)) = (&evaluation.args.save_stats, &sides.real) {
        let real = evaluation.args.real.display();
        return Err(Failure::users(format!(
            "--save-stats writes Inception features of images, and {real} holds none; pass images as --real"
        )));
    }
    let Some((generated, _)) = &sides.generated else {
        let Side::Images(real) = &sides.real else { return Ok(()) };
        let network = evaluation.feature_network(InceptionOutput::Features2048)?.map_err(Failure::users)?;
        let features = network.features(real, "real", &mut evaluation.progress)?;
        evaluation.warn_of_few_images(&network, &[(features.nrows(), "real")]);
        return evaluation.save_statistics(&features);
    };
    match (&sides.real, generated) {
        (Side::Images(real), Side::Images(generated)) => evaluation.compare_images(sides, real, generated),
        (Side::Vectors(real), Side::Vectors(generated)) => {
            let images = [OF_FEATURES.as_slice(), &OF_CLASSES].concat();
            evaluation.request.refuse(&images, "fid, kid and is need images, and these samples are vectors")?;
            if evaluation.args.features == Some(Features::Inception) {
                return Err(Failure::users("--features inception needs images, and these samples are vectors"));
            }
            let baseline =
                |baseline, halves: &Halves, _: &mut Progress| Ok(sides.baselines.vectors(baseline, halves.len()));
            evaluation.compare_vectors(real, generated, &baseline, &sides.baselines.names())
        }
        (Side::Vectors(rows), Side::Images(images)) => {
            let generated = images.rows(images.len(), &mut evaluation.progress)?;
            evaluation.compare_pixels_with_vectors(rows, &generated)
        }
        (Side::Images(images), Side::Vectors(rows)) => {
            let real = images.rows(images.len(), &mut evaluation.progress)?;
            evaluation.compare_pixels_with_vectors(&real, rows)
        }
        (Side::Statistics(real), Side::Statistics(generated)) => {
            evaluation.refuse_all_but_fid()?;
            evaluation.header.push("features: mean and covariance from files".to_owned());
            evaluation.compare_moments(FeaturesOrMoments::Moments(real), FeaturesOrMoments::Moments(generated), "file")
        }
        (Side::Statistics(real), Side::Vectors(generated)) => {
            evaluation.refuse_all_but_fid()?;
            evaluation.header.push("features: values".to_owned());
            evaluation.compare_moments(
                FeaturesOrMoments::Moments(real),
                FeaturesOrMoments::Features(generated),
                "values",
            )
        }
        (Side::Vectors(real), Side::Statistics(generated)) => {
            evaluation.refuse_all_but_fid()?;
            evaluation.header.push("features: values".to_owned());
            evaluation.compare_moments(
                FeaturesOrMoments::Features(real),
                FeaturesOrMoments::Moments(generated),
                "values",
            )
        }
        (Side::Statistics(moments), Side::Images(images)) => {
            evaluation.refuse_all_but_fid()?;
            let network = evaluation.network_for(moments)?;
            let features = network.features(images, "generated", &mut evaluation.progress)?;
            evaluation.warn_of_few_images(&network, &[(features.nrows(), "generated")]);
            let (real, generated) = (FeaturesOrMoments::Moments(moments), FeaturesOrMoments::Features(&features));
            evaluation.compare_moments(real, generated, &network.name())
        }
        (Side::Images(images), Side::Statistics(moments)) => {
            evaluation.refuse_all_but_fid()?;
            let network = evaluation.network_for(moments)?;
            let features = network.features(images, "real", &mut evaluation.progress)?;
            evaluation.warn_of_few_images(&network, &[(features.nrows(), "real")]);
            evaluation.save_statistics(&features)?;
            let (real, generated) = (FeaturesOrMoments::Features(&features), FeaturesOrMoments::Moments(moments));
            evaluation.compare_moments(real, generated, &network.name())
        }
    }
}
