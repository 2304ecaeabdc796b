//! The stages of a run and the facts they record, in words.

use gtn_run::Stage;

/// The stages in their order, with what each does.
pub(super) const STAGES: [(Stage, &str); 6] = [
    (Stage::Prepare, "reads and splits the data"),
    (Stage::Autoencode, "trains the autoencoder"),
    (Stage::Encode, "turns the images into latents"),
    (Stage::Label, "pairs normal vectors with latents by Algorithm 1"),
    (Stage::Fit, "trains ĥ on the pairs"),
    (Stage::Sample, "draws samples with ĥ and the decoder"),
];

/// The name of a fact for people, and what it means; `None` for one that is not known here.
pub(super) fn explain(stage: Stage, fact: &str) -> Option<(&'static str, &'static str)> {
    Some(match (stage, fact) {
        (Stage::Prepare, "training_images") => ("Training images", "Images that were learned from."),
        (Stage::Prepare, "validation_images") => {
            ("Validation images", "Images held back to choose the best epochs by.")
        }
        (Stage::Autoencode | Stage::Fit, "epochs") => ("Epochs", "Passes over the training data that were done."),
        (Stage::Autoencode | Stage::Fit, "best_epoch") => ("Best epoch", "The epoch with the lowest validation loss."),
        (Stage::Autoencode, "best_validation_loss") => {
            ("Best validation loss", "Mean squared error of the decoded validation images, with values in [−1, 1].")
        }
        (Stage::Fit, "best_validation_loss") => {
            ("Best validation loss", "Mean squared error of ĥ on the validation pairs, for each number of a latent.")
        }
        (Stage::Encode, "latent_variance") => {
            ("Latent variance", "Variance of the training latents, summed over their numbers.")
        }
        (Stage::Label, "pairs") => {
            ("Pairs", "Normal vectors paired with latents, those of validation images included.")
        }
        (Stage::Label, "mean_similarity") => (
            "Mean similarity",
            "Mean cosine between the two vectors of a training pair; 1 means that all have the same direction.",
        ),
        (Stage::Sample, "variance_kept") => (
            "Variance kept",
            "Trace of the covariance of the generated latents over that of the real ones; 1 would keep all. Greedy pairs \
             are noisy when d is large, so ĥ regresses towards the mean.",
        ),
        _ => return None,
    })
}
