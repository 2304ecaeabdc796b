//! The metrics of a run: name, unit, direction, definition.

use gtn_io::names;

use Direction::{CloserTo, HigherIsBetter, LowerIsBetter};

names! {
    /// A metric of generated samples.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum Metric: "metric" {
        /// Kolmogorov-Smirnov distance of the swiss roll's angles from their distribution.
        KsAngle => "ks_angle" (
            "Kolmogorov-Smirnov, angle", "fraction", LowerIsBetter,
            "Largest distance between the empirical distribution function of the generated angles and that of U(1.5π, \
             4.5π)."
        ),
        /// Kolmogorov-Smirnov distance of the unit square's coordinates, the larger one.
        KsCoordinate => "ks_coordinate" (
            "Kolmogorov-Smirnov, coordinates", "fraction", LowerIsBetter,
            "Largest distance between the empirical distribution function of a generated coordinate and that of the \
             data, which is U(0, 1) for a square; the larger of the two coordinates."
        ),
        /// Samples outside the support of their distribution.
        OutsideSupport => "outside_support" (
            "Outside the support", "fraction", LowerIsBetter,
            "Fraction of the samples outside the support of the distribution: angles outside (1.5π, 4.5π), points \
             more than 0.01 outside the unit square, or outside both squares if there are two."
        ),
        /// Samples between the two squares.
        BetweenSquares => "between_squares" (
            "Between the squares", "fraction", LowerIsBetter,
            "Fraction of the samples with a first coordinate between the two squares, more than 0.01 from each. They \
             are a part of those outside the support."
        ),
        /// Samples off the swiss roll after the first epoch.
        OffCurveFirstEpoch => "off_curve_first_epoch" (
            "Off the curve, first epoch", "fraction", LowerIsBetter,
            "The same fraction for the points that ĥ generated after its first epoch."
        ),
        /// Samples off the swiss roll.
        OffCurve => "off_curve" (
            "Off the curve", "fraction", LowerIsBetter,
            "Fraction of the points farther than 0.1 from the swiss roll, which is extended beyond its ends. It is 0 \
             by construction for d = 1, where a point is computed from its angle."
        ),
        /// Root mean square error of ĥ against the exact h.
        HError => "h_error" (
            "Error of ĥ", "radians", LowerIsBetter,
            "Root mean square of ĥ(y) − h(y) for y from N(0, 1)."
        ),
        /// Fréchet distance of latents.
        FrechetDistance => "frechet_distance" (
            "Fréchet distance", "that of the data, squared", LowerIsBetter,
            "Distance between the Gaussians fitted to generated and to held-out real latents. It compares means and \
             covariances only, which a single Gaussian matches by construction."
        ),
        /// Energy distance.
        EnergyDistance => "energy_distance" (
            "Energy distance", "that of the data", LowerIsBetter,
            "Energy distance between generated and real samples (V-statistic), averaged over 5 subsets of at most \
             2,000 of each."
        ),
        /// Sliced Wasserstein-2 distance.
        SlicedWasserstein => "sliced_wasserstein" (
            "Sliced Wasserstein-2", "that of the data", LowerIsBetter,
            "Root mean square, over 200 random directions, of the Wasserstein-2 distance between the projections of \
             generated and real samples."
        ),
        /// Improved precision (Kynkäänniemi et al. 2019).
        Precision => "precision" (
            "Precision", "fraction", HigherIsBetter,
            "Fraction of the generated latents within the manifold of real ones: within the distance of a real latent \
             to its third nearest neighbor."
        ),
        /// Improved recall (Kynkäänniemi et al. 2019).
        Recall => "recall" (
            "Recall", "fraction", HigherIsBetter,
            "Fraction of the real latents within the manifold of generated ones."
        ),
        /// Density (Naeem et al. 2020).
        Density => "density" (
            "Density", "ratio", CloserTo(1.0),
            "Mean number of neighborhoods of real latents (5 nearest neighbors) that contain a generated latent, \
             divided by 5."
        ),
        /// Coverage (Naeem et al. 2020).
        Coverage => "coverage" (
            "Coverage", "fraction", HigherIsBetter,
            "Fraction of the real latents whose neighborhood (5 nearest neighbors) contains a generated latent."
        ),
        /// Distance to the nearest training sample, relative to held-out samples.
        NnDistanceRatio => "nn_distance_ratio" (
            "Nearest-neighbor distance ratio", "ratio", CloserTo(1.0),
            "Median distance of a generated latent to its nearest training latent, divided by that of held-out real \
             latents. A value far below 1 indicates memorization."
        ),
        /// Samples suspiciously close to a training sample.
        NearCopyFraction => "near_copy_fraction" (
            "Near-copy fraction", "fraction", CloserTo(0.01),
            "Fraction of the generated latents closer to a training latent than the closest 1% of held-out real \
             latents are."
        ),
        /// Total variance of generated samples, relative to that of real ones.
        VarianceKept => "variance_kept" (
            "Variance kept", "ratio", CloserTo(1.0),
            "Trace of the covariance of the generated samples, divided by that of held-out real ones. A value below 1 \
             indicates shrinkage toward the mean."
        ),
        /// Energy distance of images, pixel by pixel.
        PixelEnergyDistance => "pixel_energy_distance" (
            "Energy distance", "that of the data", LowerIsBetter,
            "Energy distance between generated and held-out real images as vectors of pixels (V-statistic)."
        ),
        /// Sliced Wasserstein-2 distance of images, pixel by pixel.
        PixelSlicedWasserstein => "pixel_sliced_wasserstein" (
            "Sliced Wasserstein-2", "that of the data", LowerIsBetter,
            "Root mean square, over 200 random directions, of the Wasserstein-2 distance between the projections of \
             generated and real images."
        ),
        /// Precision of images, pixel by pixel.
        PixelPrecision => "pixel_precision" (
            "Precision", "fraction", HigherIsBetter,
            "Fraction of the generated images within the manifold of real ones: within the distance of a real image \
             to its third nearest neighbor."
        ),
        /// Recall of images, pixel by pixel.
        PixelRecall => "pixel_recall" (
            "Recall", "fraction", HigherIsBetter,
            "Fraction of the real images within the manifold of generated ones."
        ),
        /// Density of images, pixel by pixel.
        PixelDensity => "pixel_density" (
            "Density", "ratio", CloserTo(1.0),
            "Mean number of neighborhoods of real images (5 nearest neighbors) that contain a generated image, \
             divided by 5. Smooth images are close to many real ones and score higher."
        ),
        /// Coverage of images, pixel by pixel.
        PixelCoverage => "pixel_coverage" (
            "Coverage", "fraction", HigherIsBetter,
            "Fraction of the real images whose neighborhood (5 nearest neighbors) contains a generated image."
        ),
        /// Distance to the nearest training image, relative to held-out images.
        PixelNnDistanceRatio => "pixel_nn_distance_ratio" (
            "Nearest-neighbor distance ratio", "ratio", CloserTo(1.0),
            "Median distance of a generated image to its nearest training image, divided by that of held-out real \
             images. A value far below 1 indicates memorization; compare it with reconstructed real images, since a \
             smooth decoder lowers it as well."
        ),
        /// Fréchet distance of Inception features (Heusel et al. 2017).
        Fid => "fid" (
            "FID", "that of the features, squared", LowerIsBetter,
            "Fréchet Inception Distance: distance between the Gaussians fitted to the Inception features of generated \
             and of real images. It depends on the number of images: with fewer, it is higher."
        ),
        /// Inception Score (Salimans et al. 2016).
        InceptionScore => "is" (
            "Inception Score", "none", HigherIsBetter,
            "Exponential of the mean Kullback-Leibler divergence of the classes that an Inception network assigns to a \
             generated image from those of all of them, mean over 10 splits. It never looks at real images; compare \
             it with that of as many real ones."
        ),
        /// Kernel distance of Inception features (Bińkowski et al. 2018).
        KernelDistance => "kid" (
            "KID", "none", LowerIsBetter,
            "Kernel Inception Distance: squared maximum mean discrepancy of the Inception features of generated and \
             of real images for a cubic kernel, mean over 100 subsets of at most 1,000 of each. It is unbiased, so it \
             may be negative."
        ),
    }
    with {
        /// The title in reports.
        title: &'static str,
        /// The unit of its values. A fraction is between 0 and 1.
        unit: &'static str,
        /// Which values are better.
        direction: Direction,
        /// What it measures, in one or two sentences.
        definition: &'static str,
    }
}

/// Which values of a metric are better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Direction {
    /// The lower, the better; 0 is perfect.
    LowerIsBetter,
    /// The higher, the better.
    HigherIsBetter,
    /// The closer to this value, which real data reach, the better.
    CloserTo(f64),
}

impl Metric {
    /// Whether real data are measured in place of the samples as well.
    #[must_use]
    pub const fn has_noise_floor(self) -> bool {
        !matches!(self, Metric::HError)
    }

    /// Whether it is computed from the outputs of an Inception network, whose weights are not part of this program. A run
    /// measures it only if its configuration names them.
    #[must_use]
    pub const fn is_of_inception(self) -> bool {
        matches!(self, Metric::Fid | Metric::InceptionScore | Metric::KernelDistance)
    }

    /// Whether it compares images pixel by pixel, and not latents or points.
    #[must_use]
    pub const fn is_on_pixels(self) -> bool {
        matches!(
            self,
            Metric::PixelEnergyDistance
                | Metric::PixelSlicedWasserstein
                | Metric::PixelPrecision
                | Metric::PixelRecall
                | Metric::PixelDensity
                | Metric::PixelCoverage
                | Metric::PixelNnDistanceRatio
        )
    }
}

impl Direction {
    /// How far a value is from the best one: the lower, the better. It compares values of one metric, and has no unit of its own.
    #[must_use]
    pub fn penalty(self, value: f64) -> f64 {
        match self {
            LowerIsBetter => value,
            HigherIsBetter => -value,
            CloserTo(best) => (value - best).abs(),
        }
    }
}

names! {
    /// A set of samples that ĥ's samples are compared with, beside the real data of the noise floor.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum Baseline: "baseline" {
        /// Reconstructed held-out images: the best that the decoder allows.
        Decoded => "decoded" ("Reconstructed real images"),
        /// The flow that the pairs of ĥ come from, integrated step by step from the same normal vectors.
        Flow => "flow" ("The flow itself"),
        /// One Gaussian, fitted to the training latents.
        Gaussian => "gaussian" ("Single Gaussian"),
        /// A mixture of Gaussians with the best number of components, fitted to the training latents. The stage evaluate records
        /// the number as [`Statistic::MixtureComponents`](super::Statistic::MixtureComponents).
        Mixture => "mixture" ("Mixture of Gaussians"),
        /// A variational autoencoder, trained on the same images; its samples are images.
        Vae => "vae" ("Variational autoencoder"),
    }
    with {
        /// The title in reports.
        title: &'static str,
    }
}
