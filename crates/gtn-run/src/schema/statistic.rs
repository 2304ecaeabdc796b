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
            "Samples that the networks learn from, with mirror images if the run has them."
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
            &[Stage::Autoencode, Stage::Decoder, Stage::Flow, Stage::Fit, Stage::Baselines], "Epochs",
            "Passes over the training data. An epoch of a flow passes over them several times if they are few."
        ),
        /// The epoch with the lowest validation loss.
        BestEpoch => "best_epoch" (
            &[Stage::Autoencode, Stage::Decoder, Stage::Flow, Stage::Fit, Stage::Baselines], "Best epoch",
            "The epoch whose weights are used: that with the lowest validation loss, or with the best samples."
        ),
        /// The lowest validation loss.
        BestValidationLoss => "best_validation_loss" (
            &[Stage::Autoencode, Stage::Decoder, Stage::Flow, Stage::Fit, Stage::Baselines], "Best validation loss",
            "Loss of the best epoch on the validation set: the mean squared error, unless the stage minimizes another loss."
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
        /// Components of the source.
        Components => "components" (
            &[Stage::Label], "Components",
            "Components of the source; each has coordinates of its own."
        ),
        /// Pairs whose data vector is not in the data.
        FreshPairs => "fresh_pairs" (
            &[Stage::Label], "Fresh pairs",
            "Further training pairs: normal vectors that were followed to the data."
        ),
        /// Noise of the pairs.
        PairNoise => "pair_noise" (
            &[Stage::Label], "Noise of the pairs",
            "Mean squared error of predicting the x of a validation pair by that of the training pair with the nearest y, \
             divided by the variance of x. It is 0 if x is a smooth function of y and pairs are dense, and about 2 if x does \
             not depend on y; in many dimensions the nearest y is far away, and it is above 0 for any function."
        ),
        /// Largest absolute mean of a coordinate of the validation y.
        SourceMean => "source_mean" (
            &[Stage::Label], "Largest mean of y",
            "Largest absolute mean of a coordinate of the validation pairs' y, which is 0 for a standard normal distribution."
        ),
        /// Largest deviation of a variance of the validation y from 1.
        SourceVariance => "source_variance" (
            &[Stage::Label], "Largest deviation of a variance of y",
            "Largest distance of the variance of a coordinate of the validation pairs' y from 1."
        ),
        /// Largest Kolmogorov-Smirnov distance of a coordinate of the validation y from N(0, 1).
        SourceKs => "source_ks" (
            &[Stage::Label], "Largest Kolmogorov-Smirnov distance of y",
            "Largest Kolmogorov-Smirnov distance of a coordinate of the validation pairs' y from N(0, 1)."
        ),
        /// What chance explains of that distance.
        SourceKsLimit => "source_ks_limit" (
            &[Stage::Label], "The same, limit for normal vectors",
            "As many normal vectors exceed this distance with a probability of at most 5%."
        ),
        /// Difference between data and the same data followed to their y and back.
        RoundTripError => "round_trip_error" (
            &[Stage::Label], "Round-trip error",
            "Root mean square of the difference between validation targets and the same targets followed to their y and \
             back, divided by their standard deviation."
        ),
        /// Steps of the integration of a flow.
        IntegrationSteps => "integration_steps" (
            &[Stage::Label], "Integration steps",
            "Steps of Heun's method from one side of a pair to the other."
        ),
        /// Components of the baseline [`Mixture`](super::Baseline::Mixture).
        MixtureComponents => "mixture_components" (
            &[Stage::Evaluate], "Gaussians of the mixture",
            "Number of components of the mixture that is a baseline: the one of 1, 3, 10, 30 and 100 with the highest likelihood \
             of a tenth of the training latents that the mixture was not fitted to."
        ),
        /// How much the shown images vary, by how much real ones do.
        GeneratedVariance => "generated_variance" (
            &[Stage::Sample], "Variance of generated images",
            "Variance of the pixels of the generated images that are shown, by that of the validation images beside them. Near 0, they are \
             all the same."
        ),
        /// How much the shown reconstructed images vary, by how much real ones do.
        DecodedVariance => "decoded_variance" (
            &[Stage::Sample], "Variance of reconstructed images",
            "The same of the validation images after the autoencoder."
        ),
        /// Error of the reconstructed validation images.
        ReconstructionError => "reconstruction_error" (
            &[Stage::Evaluate], "Reconstruction error",
            "Mean squared error of the validation images, with values in [−1, 1], as the decoder of the samples reconstructs them. \
             What the latents do not hold, samples cannot show either."
        ),
        /// Loss of the autoencoder on the official test set.
        AutoencoderTestLoss => "autoencoder_test_loss" (
            &[Stage::Evaluate], "Test loss of the autoencoder",
            "Mean squared error of the reconstructed images of the official test set; compare it with the best validation loss of \
             the stage that trained the decoder last, if that has no other terms."
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
