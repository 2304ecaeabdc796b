//! The metrics of a run: name, unit, direction, definition.

use gtn_io::names;

/// A metric of generated samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Metric {
    /// Kolmogorov-Smirnov distance of the swiss roll's angles from their distribution.
    KsAngle,
    /// Kolmogorov-Smirnov distance of the unit square's coordinates, the larger one.
    KsCoordinate,
    /// Samples outside the support of their distribution.
    OutsideSupport,
    /// Samples off the swiss roll after the first epoch.
    OffCurveFirstEpoch,
    /// Samples off the swiss roll.
    OffCurve,
    /// Root mean square error of ĥ against the exact h.
    HError,
    /// Fréchet distance of latents.
    FrechetDistance,
    /// Energy distance.
    EnergyDistance,
    /// Sliced Wasserstein-2 distance.
    SlicedWasserstein,
    /// Improved precision (Kynkäänniemi et al. 2019).
    Precision,
    /// Improved recall (Kynkäänniemi et al. 2019).
    Recall,
    /// Density (Naeem et al. 2020).
    Density,
    /// Coverage (Naeem et al. 2020).
    Coverage,
    /// Distance to the nearest training sample, relative to held-out samples.
    NnDistanceRatio,
    /// Samples suspiciously close to a training sample.
    NearCopyFraction,
    /// Total variance of generated samples, relative to that of real ones.
    VarianceKept,
    /// Energy distance of images, pixel by pixel.
    PixelEnergyDistance,
    /// Sliced Wasserstein-2 distance of images, pixel by pixel.
    PixelSlicedWasserstein,
    /// Precision of images, pixel by pixel.
    PixelPrecision,
    /// Recall of images, pixel by pixel.
    PixelRecall,
    /// Density of images, pixel by pixel.
    PixelDensity,
    /// Coverage of images, pixel by pixel.
    PixelCoverage,
    /// Distance to the nearest training image, relative to held-out images.
    PixelNnDistanceRatio,
}

names! {
    Metric, "metric",
    KsAngle => "ks_angle",
    KsCoordinate => "ks_coordinate",
    OutsideSupport => "outside_support",
    OffCurveFirstEpoch => "off_curve_first_epoch",
    OffCurve => "off_curve",
    HError => "h_error",
    FrechetDistance => "frechet_distance",
    EnergyDistance => "energy_distance",
    SlicedWasserstein => "sliced_wasserstein",
    Precision => "precision",
    Recall => "recall",
    Density => "density",
    Coverage => "coverage",
    NnDistanceRatio => "nn_distance_ratio",
    NearCopyFraction => "near_copy_fraction",
    VarianceKept => "variance_kept",
    PixelEnergyDistance => "pixel_energy_distance",
    PixelSlicedWasserstein => "pixel_sliced_wasserstein",
    PixelPrecision => "pixel_precision",
    PixelRecall => "pixel_recall",
    PixelDensity => "pixel_density",
    PixelCoverage => "pixel_coverage",
    PixelNnDistanceRatio => "pixel_nn_distance_ratio",
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
    /// The title in reports.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Metric::KsAngle => "Kolmogorov-Smirnov, angle",
            Metric::KsCoordinate => "Kolmogorov-Smirnov, coordinates",
            Metric::OutsideSupport => "Outside the support",
            Metric::OffCurveFirstEpoch => "Off the curve, first epoch",
            Metric::OffCurve => "Off the curve",
            Metric::HError => "Error of ĥ",
            Metric::FrechetDistance => "Fréchet distance",
            Metric::EnergyDistance | Metric::PixelEnergyDistance => "Energy distance",
            Metric::SlicedWasserstein | Metric::PixelSlicedWasserstein => "Sliced Wasserstein-2",
            Metric::Precision | Metric::PixelPrecision => "Precision",
            Metric::Recall | Metric::PixelRecall => "Recall",
            Metric::Density | Metric::PixelDensity => "Density",
            Metric::Coverage | Metric::PixelCoverage => "Coverage",
            Metric::NnDistanceRatio | Metric::PixelNnDistanceRatio => "Nearest-neighbor distance ratio",
            Metric::NearCopyFraction => "Near-copy fraction",
            Metric::VarianceKept => "Variance kept",
        }
    }

    /// The unit of its values. A fraction is between 0 and 1.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Metric::KsAngle
            | Metric::KsCoordinate
            | Metric::OutsideSupport
            | Metric::OffCurveFirstEpoch
            | Metric::OffCurve
            | Metric::Precision
            | Metric::Recall
            | Metric::Coverage
            | Metric::NearCopyFraction
            | Metric::PixelPrecision
            | Metric::PixelRecall
            | Metric::PixelCoverage => "fraction",
            Metric::HError => "radians",
            Metric::FrechetDistance => "that of the data, squared",
            Metric::EnergyDistance
            | Metric::SlicedWasserstein
            | Metric::PixelEnergyDistance
            | Metric::PixelSlicedWasserstein => "that of the data",
            Metric::Density
            | Metric::PixelDensity
            | Metric::NnDistanceRatio
            | Metric::PixelNnDistanceRatio
            | Metric::VarianceKept => "ratio",
        }
    }

    /// Which values are better.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Metric::Precision
            | Metric::Recall
            | Metric::Coverage
            | Metric::PixelPrecision
            | Metric::PixelRecall
            | Metric::PixelCoverage => Direction::HigherIsBetter,
            Metric::Density
            | Metric::PixelDensity
            | Metric::NnDistanceRatio
            | Metric::PixelNnDistanceRatio
            | Metric::VarianceKept => Direction::CloserTo(1.0),
            Metric::NearCopyFraction => Direction::CloserTo(0.01),
            _ => Direction::LowerIsBetter,
        }
    }

    /// Whether real data are measured in place of the samples as well.
    #[must_use]
    pub const fn has_noise_floor(self) -> bool {
        !matches!(self, Metric::HError)
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

    /// What it measures, in one or two sentences.
    #[must_use]
    pub const fn definition(self) -> &'static str {
        match self {
            Metric::KsAngle => {
                "Largest distance between the empirical distribution function of the generated angles and that of \
                 U(1.5π, 4.5π)."
            }
            Metric::KsCoordinate => {
                "Largest distance between the empirical distribution function of a generated coordinate and that of \
                 U(0, 1); the larger of the two coordinates."
            }
            Metric::OutsideSupport => {
                "Fraction of the samples outside the support of the distribution: angles outside (1.5π, 4.5π), points \
                 more than 0.01 outside the unit square."
            }
            Metric::OffCurve => {
                "Fraction of the points farther than 0.1 from the swiss roll, which is extended beyond its ends. It is 0 \
                 by construction for d = 1, where a point is computed from its angle."
            }
            Metric::OffCurveFirstEpoch => "The same fraction for the points that ĥ generated after its first epoch.",
            Metric::HError => "Root mean square of ĥ(y) − h(y) for y from N(0, 1).",
            Metric::FrechetDistance => {
                "Distance between the Gaussians fitted to generated and to held-out real latents. It compares means and \
                 covariances only, which a single Gaussian matches by construction."
            }
            Metric::EnergyDistance => {
                "Energy distance between generated and real samples (V-statistic), averaged over 5 subsets of at most 2,000 of each."
            }
            Metric::SlicedWasserstein => {
                "Root mean square, over 200 random directions, of the Wasserstein-2 distance between the projections of \
                 generated and real samples."
            }
            Metric::Precision => {
                "Fraction of the generated latents within the manifold of real ones: within the distance of a real \
                 latent to its third nearest neighbor."
            }
            Metric::Recall => "Fraction of the real latents within the manifold of generated ones.",
            Metric::Density => {
                "Mean number of neighborhoods of real latents (5 nearest neighbors) that contain a generated latent, divided \
                 by 5."
            }
            Metric::Coverage => {
                "Fraction of the real latents whose neighborhood (5 nearest neighbors) contains a generated latent."
            }
            Metric::NnDistanceRatio => {
                "Median distance of a generated latent to its nearest training latent, divided by that of held-out real \
                 latents. A value far below 1 indicates memorization."
            }
            Metric::NearCopyFraction => {
                "Fraction of the generated latents closer to a training latent than the closest 1% of held-out real \
                 latents are."
            }
            Metric::VarianceKept => {
                "Trace of the covariance of the generated samples, divided by that of held-out real ones. A value below 1 \
                 indicates shrinkage toward the mean."
            }
            Metric::PixelEnergyDistance => {
                "Energy distance between generated and held-out real images as vectors of pixels (V-statistic)."
            }
            Metric::PixelSlicedWasserstein => {
                "Root mean square, over 200 random directions, of the Wasserstein-2 distance between the projections of \
                 generated and real images."
            }
            Metric::PixelPrecision => {
                "Fraction of the generated images within the manifold of real ones: within the distance of a real image \
                 to its third nearest neighbor."
            }
            Metric::PixelRecall => "Fraction of the real images within the manifold of generated ones.",
            Metric::PixelDensity => {
                "Mean number of neighborhoods of real images (5 nearest neighbors) that contain a generated image, divided by \
                 5. Smooth images are close to many real ones and score higher."
            }
            Metric::PixelCoverage => {
                "Fraction of the real images whose neighborhood (5 nearest neighbors) contains a generated image."
            }
            Metric::PixelNnDistanceRatio => {
                "Median distance of a generated image to its nearest training image, divided by that of held-out real \
                 images. A value far below 1 indicates memorization; compare it with reconstructed real images, since a \
                 smooth decoder lowers it as well."
            }
        }
    }
}

/// A set of samples that ĥ's samples are compared with, beside the real data of the noise floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Baseline {
    /// Reconstructed held-out images: the best that the decoder allows.
    Decoded,
    /// One Gaussian, fitted to the training latents.
    Gaussian,
    /// A mixture of ten Gaussians, fitted to the training latents.
    Mixture,
}

names! {
    Baseline, "baseline",
    Decoded => "decoded",
    Gaussian => "gaussian",
    Mixture => "mixture",
}

impl Baseline {
    /// The title in reports.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Baseline::Decoded => "Reconstructed real images",
            Baseline::Gaussian => "Single Gaussian",
            Baseline::Mixture => "Mixture of ten Gaussians",
        }
    }
}
