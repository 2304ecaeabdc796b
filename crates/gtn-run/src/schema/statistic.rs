//! Statistics that stages record about their results.

use crate::Stage;
use gtn_io::names;

/// A statistic of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Statistic {
    /// Training samples.
    TrainingSamples,
    /// Validation samples.
    ValidationSamples,
    /// Samples of the official test set.
    TestSamples,
    /// Epochs of training.
    Epochs,
    /// The epoch with the lowest validation loss.
    BestEpoch,
    /// The lowest validation loss.
    BestValidationLoss,
    /// Total variance of the training latents.
    LatentVariance,
    /// Pairs, training and validation together.
    Pairs,
    /// Mean cosine similarity of the training pairs.
    MeanSimilarity,
    /// Loss of the autoencoder on the official test set.
    AutoencoderTestLoss,
    /// Loss of ĥ on the official test set.
    HTestLoss,
}

names! {
    Statistic, "statistic",
    TrainingSamples => "training_samples",
    ValidationSamples => "validation_samples",
    TestSamples => "test_samples",
    Epochs => "epochs",
    BestEpoch => "best_epoch",
    BestValidationLoss => "best_validation_loss",
    LatentVariance => "latent_variance",
    Pairs => "pairs",
    MeanSimilarity => "mean_similarity",
    AutoencoderTestLoss => "autoencoder_test_loss",
    HTestLoss => "h_test_loss",
}

impl Statistic {
    /// The stages that record it.
    #[must_use]
    pub const fn stages(self) -> &'static [Stage] {
        match self {
            Statistic::TrainingSamples | Statistic::ValidationSamples | Statistic::TestSamples => &[Stage::Prepare],
            Statistic::Epochs | Statistic::BestEpoch | Statistic::BestValidationLoss => {
                &[Stage::Autoencode, Stage::Fit]
            }
            Statistic::LatentVariance => &[Stage::Encode],
            Statistic::Pairs | Statistic::MeanSimilarity => &[Stage::Label],
            Statistic::AutoencoderTestLoss | Statistic::HTestLoss => &[Stage::Evaluate],
        }
    }

    /// The title in reports.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Statistic::TrainingSamples => "Training samples",
            Statistic::ValidationSamples => "Validation samples",
            Statistic::TestSamples => "Test samples",
            Statistic::Epochs => "Epochs",
            Statistic::BestEpoch => "Best epoch",
            Statistic::BestValidationLoss => "Best validation loss",
            Statistic::LatentVariance => "Latent variance",
            Statistic::Pairs => "Pairs",
            Statistic::MeanSimilarity => "Mean similarity",
            Statistic::AutoencoderTestLoss => "Test loss of the autoencoder",
            Statistic::HTestLoss => "Test loss of ĥ",
        }
    }

    /// What it is, in a sentence.
    #[must_use]
    pub const fn definition(self) -> &'static str {
        match self {
            Statistic::TrainingSamples => "Samples that the networks learn from.",
            Statistic::ValidationSamples => {
                "Held-out samples used to select the best epoch and as the reference for the metrics."
            }
            Statistic::TestSamples => "Samples of the official test set, used for neither training nor selection.",
            Statistic::Epochs => "Passes over the training data.",
            Statistic::BestEpoch => "The epoch with the lowest validation loss.",
            Statistic::BestValidationLoss => "Lowest mean squared error on the validation set.",
            Statistic::LatentVariance => "Variance of the training latents, summed over their coordinates.",
            Statistic::Pairs => "Normal vectors paired with training and validation targets.",
            Statistic::MeanSimilarity => {
                "Mean cosine similarity between the two vectors of a training pair; 1 means equal directions."
            }
            Statistic::AutoencoderTestLoss => {
                "Mean squared error of the reconstructed images of the official test set; compare it with the autoencoder's \
                 best validation loss."
            }
            Statistic::HTestLoss => {
                "Mean squared error of ĥ on pairs of the official test set; compare it with its best validation loss."
            }
        }
    }
}
