//! Statistics that stages record about their results.

use crate::Stage;
use gtn_io::names;

names! {
    /// A statistic of a stage.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum Statistic: "statistic" {
        /// Training samples.
        TrainingSamples => "training_samples" (
            &[Stage::Prepare], "Training samples",
            "Samples that the networks learn from."
        ),
        /// Validation samples.
        ValidationSamples => "validation_samples" (
            &[Stage::Prepare], "Validation samples",
            "Held-out samples used to select the best epoch and as the reference for the metrics."
        ),
        /// Samples of the official test set.
        TestSamples => "test_samples" (
            &[Stage::Prepare], "Test samples",
            "Samples of the official test set, used for neither training nor selection."
        ),
        /// Epochs of training.
        Epochs => "epochs" (
            &[Stage::Autoencode, Stage::Fit, Stage::Baselines], "Epochs",
            "Passes over the training data."
        ),
        /// The epoch with the lowest validation loss.
        BestEpoch => "best_epoch" (
            &[Stage::Autoencode, Stage::Fit, Stage::Baselines], "Best epoch",
            "The epoch with the lowest validation loss."
        ),
        /// The lowest validation loss.
        BestValidationLoss => "best_validation_loss" (
            &[Stage::Autoencode, Stage::Fit, Stage::Baselines], "Best validation loss",
            "Lowest loss on the validation set: the mean squared error, except in stage baselines."
        ),
        /// Total variance of the training latents.
        LatentVariance => "latent_variance" (
            &[Stage::Encode], "Latent variance",
            "Variance of the training latents, summed over their coordinates."
        ),
        /// Pairs, training and validation together.
        Pairs => "pairs" (
            &[Stage::Label], "Pairs",
            "Normal vectors paired with training and validation targets."
        ),
        /// Mean cosine similarity of the training pairs.
        MeanSimilarity => "mean_similarity" (
            &[Stage::Label], "Mean similarity",
            "Mean cosine similarity between the two vectors of a training pair; 1 means equal directions."
        ),
        /// Loss of the autoencoder on the official test set.
        AutoencoderTestLoss => "autoencoder_test_loss" (
            &[Stage::Evaluate], "Test loss of the autoencoder",
            "Mean squared error of the reconstructed images of the official test set; compare it with the \
             autoencoder's best validation loss."
        ),
        /// Loss of ĥ on the official test set.
        HTestLoss => "h_test_loss" (
            &[Stage::Evaluate], "Test loss of ĥ",
            "Mean squared error of ĥ on pairs of the official test set; compare it with its best validation loss."
        ),
    }
    with {
        /// The stages that record it.
        stages: &'static [Stage],
        /// The title in reports.
        title: &'static str,
        /// What it is, in a sentence.
        definition: &'static str,
    }
}
