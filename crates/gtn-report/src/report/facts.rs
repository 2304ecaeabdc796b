//! The stages of a run, the facts they record and the figures of merit, in words.

use gtn_run::config::Pairing;
use gtn_run::{Config, Stage};

/// What a stage does in a run of this configuration.
pub(super) fn does(stage: Stage, config: &Config) -> &'static str {
    let images = config.data.are_images();
    match stage {
        Stage::Prepare if images => "reads and splits the data",
        Stage::Prepare => "draws the data from their law",
        Stage::Autoencode => "trains the autoencoder",
        Stage::Encode => "turns the images into latents",
        Stage::Label if images => "pairs normal vectors with latents by Algorithm 1",
        Stage::Label => match config.label.pairing {
            Pairing::Greedy => "pairs normal vectors with the data by Algorithm 1",
            Pairing::Sorted => "pairs normal numbers with the data in the order of both",
        },
        Stage::Fit => "trains ĥ on the pairs",
        Stage::Sample if images => "draws samples with ĥ and the decoder",
        Stage::Sample => "draws samples with ĥ",
        Stage::Evaluate => "measures the samples",
    }
}

/// The name of a fact for people, and what it means; `None` for one that is not known here.
pub(super) fn explain(stage: Stage, fact: &str, config: &Config) -> Option<(&'static str, &'static str)> {
    let images = config.data.are_images();
    Some(match (stage, fact) {
        (Stage::Prepare, "training_images") => ("Training images", "Images that were learned from."),
        (Stage::Prepare, "validation_images") => {
            ("Validation images", "Images held back to choose the best epochs by.")
        }
        (Stage::Prepare, "test_images") => {
            ("Test images", "Images of the official test set, which trained nothing and chose nothing.")
        }
        (Stage::Prepare, "training_points") => ("Training points", "Points that were learned from."),
        (Stage::Prepare, "validation_points") => ("Validation points", "Points held back to choose the best epoch by."),
        (Stage::Autoencode | Stage::Fit, "epochs") => ("Epochs", "Passes over the training data that were done."),
        (Stage::Autoencode | Stage::Fit, "best_epoch") => ("Best epoch", "The epoch with the lowest validation loss."),
        (Stage::Autoencode, "best_validation_loss") => {
            ("Best validation loss", "Mean squared error of the decoded validation images, with values in [−1, 1].")
        }
        (Stage::Fit, "best_validation_loss") if images => {
            ("Best validation loss", "Mean squared error of ĥ on the validation pairs, for each number of a latent.")
        }
        (Stage::Fit, "best_validation_loss") => (
            "Best validation loss",
            "Mean squared error of ĥ on the validation pairs, for each coordinate, in the units of the normalized data.",
        ),
        (Stage::Encode, "latent_variance") => {
            ("Latent variance", "Variance of the training latents, summed over their numbers.")
        }
        (Stage::Label, "pairs") if images => {
            ("Pairs", "Normal vectors paired with latents, those of validation images included.")
        }
        (Stage::Label, "pairs") => ("Pairs", "Normal vectors paired with data, those of validation points included."),
        (Stage::Label, "mean_similarity") => (
            "Mean similarity",
            "Mean cosine between the two vectors of a training pair; 1 means that all have the same direction.",
        ),
        (Stage::Sample, "variance_kept") if !images => (
            "Variance kept",
            "Trace of the covariance of the generated samples over that of the real ones; 1 would keep all.",
        ),
        (Stage::Sample, "variance_kept") => (
            "Variance kept",
            "Trace of the covariance of the generated latents over that of the real ones; 1 would keep all. Greedy pairs \
             are noisy when d is large, so ĥ regresses towards the mean.",
        ),
        (Stage::Evaluate, "test_reconstruction_mse") => (
            "Autoencoder on the test set",
            "Mean squared error of the decoded images of the official test set, to be compared with the autoencoder's best \
             validation loss.",
        ),
        (Stage::Evaluate, "test_mse") => (
            "ĥ on the test set",
            "Mean squared error of ĥ on pairs of the test set's latents, to be compared with its best validation loss.",
        ),
        _ => return None,
    })
}

/// The name of a figure of merit for people, and what it is; `None` for one that is not known here.
pub(super) fn explain_metric(metric: &str) -> Option<(&'static str, &'static str)> {
    Some(match metric {
        "ks_angle" => (
            "Kolmogorov-Smirnov, angle",
            "Largest distance between the empirical distribution function of the generated angles and that of \
             U(1.5π, 4.5π).",
        ),
        "ks_coordinate" => (
            "Kolmogorov-Smirnov, coordinates",
            "Largest distance between the empirical distribution function of a generated coordinate and that of U(0, 1); \
             the larger one of both coordinates.",
        ),
        "outside" => (
            "Outside the support",
            "Share of the samples where the law has no mass: angles outside (1.5π, 4.5π), points of the square more than \
             0.01 outside it.",
        ),
        "off_curve" => (
            "Off the curve",
            "Share of the points farther than 0.1 from the swiss roll, which is continued beyond its ends. Learned from \
             one dimension it is 0 by construction: a point is made of its angle.",
        ),
        "off_curve_first_epoch" => {
            ("Off the curve, first epoch", "The same share for what ĥ made after its first epoch.")
        }
        "energy_distance" => (
            "Energy distance",
            "Between generated and real samples, 2,000 against 2,000, pairs of a sample with itself included \
             (V-statistic); mean of 5 draws.",
        ),
        "sliced_wasserstein" => (
            "Sliced Wasserstein-2",
            "Root mean square, over many directions, of the Wasserstein-2 distance between the projections of generated \
             and real samples.",
        ),
        "frechet_latent" => (
            "Fréchet distance of latents",
            "Between the normal laws fitted to generated and to held-out real latents; it sees nothing but means and \
             covariances, which a single Gaussian has right by construction.",
        ),
        "precision" => (
            "Precision (higher is better)",
            "Share of the generated latents within the reach of real ones: as far as the third nearest neighbor.",
        ),
        "recall" => ("Recall (higher is better)", "Share of the real latents within the reach of generated ones."),
        "density" => (
            "Density (1 is real)",
            "In how many neighborhoods of real latents, of five neighbors each, a generated one lies, over the number to \
             be expected.",
        ),
        "coverage" => (
            "Coverage (higher is better)",
            "Share of the real latents with a generated one in their neighborhood of five.",
        ),
        "memorization" => (
            "Distance to the training set (1 is real)",
            "Median distance of generated latents to their nearest training latent, over that of held-out real ones; far \
             below 1 would be copies.",
        ),
        "all_but_copies" => (
            "All but copies (0.01 is real)",
            "Share of the generated latents that are nearer to a training latent than the nearest hundredth of the \
             held-out real ones.",
        ),
        "variance_kept" => (
            "Variance kept (1 is real)",
            "Trace of the covariance of the generated latents over that of held-out real ones.",
        ),
        "pixel_energy_distance" => (
            "Energy distance",
            "Between generated and held-out real images as vectors of their pixels, pairs of an image with itself included \
             (V-statistic).",
        ),
        "pixel_sliced_wasserstein" => (
            "Sliced Wasserstein-2",
            "Root mean square, over many directions, of the Wasserstein-2 distance between the projections of generated and \
             real images.",
        ),
        "pixel_precision" => (
            "Precision (higher is better)",
            "Share of the generated images within the reach of real ones: as far as the third nearest neighbor.",
        ),
        "pixel_recall" => ("Recall (higher is better)", "Share of the real images within the reach of generated ones."),
        "pixel_density" => (
            "Density (1 is real)",
            "In how many neighborhoods of real images, of five neighbors each, a generated one lies, over the number to be \
             expected. Smooth images lie in the middle of many and have more.",
        ),
        "pixel_coverage" => (
            "Coverage (higher is better)",
            "Share of the real images with a generated one in their neighborhood of five.",
        ),
        "pixel_memorization" => (
            "Distance to the training set (1 is real)",
            "Median distance of generated images to their nearest training image, over that of held-out real ones; far below \
             1 would be copies. The decoder's smoothness has its share in it: compare with decoded real ones.",
        ),
        "h_error" => ("Error of ĥ", "Root mean square of ĥ(y) − h(y) for y from N(0, 1), in radians."),
        _ => return None,
    })
}
