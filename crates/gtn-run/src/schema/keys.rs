//! The keys of artifacts: what each tensor and each piece of metadata is called, and in which artifact it is.

use std::marker::PhantomData;

use crate::checkpoint::TrainState;
use crate::config::CoordinateSystem;
use crate::model_card::ModelCard;
use crate::records::{MetricRecord, Statistics};

/// What an artifact holds. Its keys are those of one module of [`schema`](super).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ArtifactKind {
    /// Keys that the artifact of any stage may have: [`stage`].
    Stage,
    /// The targets of ĥ: latents of images, or the data themselves: [`latents`].
    Latents,
    /// Latents of the official test set: [`test_latents`].
    TestLatents,
    /// The components of the source, and the coordinates of each: [`coordinates`].
    Coordinates,
    /// Pairs of training and validation data: [`pairs`].
    Pairs,
    /// Pairs of the official test set: [`test_pairs`].
    TestPairs,
    /// What ĥ generates from fixed normal vectors after one epoch: [`snapshot`].
    Snapshot,
    /// Samples of a run on images, and what its report shows beside them: [`image_samples`].
    ImageSamples,
    /// Samples of a run on points: [`point_samples`].
    PointSamples,
    /// Metrics of the samples: [`evaluation`].
    Evaluation,
    /// Weights of a network, and the state of its training: [`checkpoint`].
    Checkpoint,
    /// All that sampling needs, in one file: [`model`].
    Model,
}

/// A key without its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyInfo {
    /// The artifact that it belongs to.
    pub artifact: ArtifactKind,
    /// Its name in the file. That of a group is a prefix and ends in a dot.
    pub name: &'static str,
    /// The shape of the tensor, or what the metadata is.
    pub content: &'static str,
}

impl KeyInfo {
    /// Whether a tensor or metadata that has `name` in the file belongs to this key.
    #[must_use]
    pub fn is_key_of(&self, name: &str) -> bool {
        if self.name.ends_with('.') { name.starts_with(self.name) } else { name == self.name }
    }
}

/// Declares the types of keys.
macro_rules! key_types {
    ($($(#[$type_doc:meta])* $type:ident $(<$parameter:ident>)?, $name:ident, $doc:literal;)+) => {
        $(
            $(#[$type_doc])*
            #[derive(Debug)]
            pub struct $type $(<$parameter>)? {
                info: KeyInfo,
                $(of: PhantomData<fn() -> $parameter>,)?
            }

            impl $(<$parameter>)? $type $(<$parameter>)? {
                const fn new(info: KeyInfo) -> Self {
                    Self { info, $(of: PhantomData::<fn() -> $parameter>,)? }
                }

                /// Artifact, name and content.
                #[must_use]
                pub const fn info(&self) -> &KeyInfo {
                    &self.info
                }

                #[doc = $doc]
                #[must_use]
                pub const fn $name(&self) -> &'static str {
                    self.info.name
                }
            }
        )+
    };
}

key_types! {
    /// The key of a tensor with elements of type `T`.
    TensorKey<T>, name, "The name in the file.";
    /// The key of a piece of metadata of type `V`.
    MetadataKey<V>, name, "The name in the file.";
    /// The key of a group of `f32` tensors, whose names share a prefix; a network decides what comes after it.
    TensorGroup, prefix, "What the names of its tensors start with.";
}

/// Logs which key is written or read, with `tracing` at the level `TRACE`. A test compares the two.
pub(crate) fn log_access(access: &'static str, artifact: ArtifactKind, name: &str) {
    tracing::trace!(target: "gtn_run::schema", access, ?artifact, name);
}

/// Declares the keys of artifacts. A key cannot be declared without being listed in `KeyInfo::ALL`.
macro_rules! keys {
    ($(
        $(#[$module_doc:meta])*
        $module:ident: $kind:ident {
            $($(#[$doc:meta])* $form:ident $(<$type:ty>)? $key:ident = $name:literal, $content:literal;)*
        }
    )*) => {
        $(
            $(#[$module_doc])*
            pub mod $module {
                #[allow(unused_imports)]
                use super::*;

                $(
                    $(#[$doc])*
                    pub const $key: $form $(<$type>)? =
                        $form::new(KeyInfo { artifact: ArtifactKind::$kind, name: $name, content: $content });
                )*

                pub(super) const KEYS: &[KeyInfo] =
                    &[$(KeyInfo { artifact: ArtifactKind::$kind, name: $name, content: $content }),*];
            }
        )*

        const MODULES: &[&[KeyInfo]] = &[$($module::KEYS),*];
    };
}

impl KeyInfo {
    /// Every key of every artifact.
    pub fn all() -> impl Iterator<Item = &'static KeyInfo> {
        MODULES.iter().copied().flatten()
    }
}

keys! {
    /// Keys that the artifact of any stage may have.
    stage: Stage {
        /// The statistics of the stage.
        MetadataKey<Statistics> STATISTICS = "statistics", "statistics by name";
    }

    /// `latents/latents.safetensors`: the targets of ĥ, in their own units.
    latents: Latents {
        /// Training targets.
        TensorKey<f32> TRAIN = "train", "(n, d)";
        /// Validation targets.
        TensorKey<f32> VALIDATION = "validation", "(n, d)";
        /// What is subtracted from each column before pairing.
        TensorKey<f32> MEAN = "mean", "(d)";
        /// What each column is then divided by.
        TensorKey<f32> STD = "std", "(d)";
    }

    /// `latents/test.safetensors`.
    test_latents: TestLatents {
        /// Latents of the official test set.
        TensorKey<f32> TEST = "test", "(n, d)";
    }

    /// `pairs/coordinates.safetensors`, unless pairs are computed on the normalized data themselves.
    coordinates: Coordinates {
        /// Weights, means and covariance factors of the components.
        TensorGroup COORDINATES = "coordinates.", "by name";
        /// How the data of a component are transformed.
        MetadataKey<CoordinateSystem> SYSTEM = "coordinate_system", "name";
    }

    /// `pairs/pairs.safetensors`. `matching` and `order` are the names that `gtn label` uses.
    pairs: Pairs {
        /// Normal vectors y of the training pairs.
        TensorKey<f32> TRAIN_SOURCE = "train.source", "(n, d)";
        /// The target row of each training source row.
        TensorKey<u64> TRAIN_ASSIGNMENT = "train.matching", "(n)";
        /// Rows of the training sources in the order in which they were paired.
        TensorKey<u64> TRAIN_ORDER = "train.order", "(n)";
        /// Cosine similarity of each training pair.
        TensorKey<f32> TRAIN_SIMILARITY = "train.similarity", "(n)";
        /// Normal vectors y of the validation pairs.
        TensorKey<f32> VALIDATION_SOURCE = "validation.source", "(n, d)";
        /// The target row of each validation source row.
        TensorKey<u64> VALIDATION_ASSIGNMENT = "validation.matching", "(n)";
        /// The component of each training source row, if there are several.
        TensorKey<u64> TRAIN_COMPONENT = "train.component", "(n)";
        /// The component of each validation source row, if there are several.
        TensorKey<u64> VALIDATION_COMPONENT = "validation.component", "(n)";
        /// Normal vectors y of further training pairs, whose x are not in the data.
        TensorKey<f32> FRESH_SOURCE = "fresh.source", "(m, d)";
        /// The x of those pairs, in the units of the targets.
        TensorKey<f32> FRESH_TARGET = "fresh.target", "(m, d)";
        /// The component of each of those pairs, if there are several.
        TensorKey<u64> FRESH_COMPONENT = "fresh.component", "(m)";
        /// Steps of the integration of a flow between both sides of a pair.
        MetadataKey<usize> INTEGRATION_STEPS = "integration_steps", "steps";
    }

    /// `pairs/test.safetensors`.
    test_pairs: TestPairs {
        /// Normal vectors y of the official test set's pairs.
        TensorKey<f32> SOURCE = "test.source", "(n, d)";
        /// The target row of each test source row.
        TensorKey<u64> ASSIGNMENT = "test.matching", "(n)";
        /// The component of each test source row, if there are several.
        TensorKey<u64> COMPONENT = "test.component", "(n)";
    }

    /// `snapshots/h.epoch-EPOCH.safetensors`.
    snapshot: Snapshot {
        /// What ĥ generates after the epoch, always from the same normal vectors.
        TensorKey<f32> GENERATED = "generated", "(n, d)";
    }

    /// `samples/samples.safetensors` of a run on points.
    point_samples: PointSamples {
        /// Normal vectors.
        TensorKey<f32> SOURCE = "source", "(n, d)";
        /// What ĥ generates from them.
        TensorKey<f32> GENERATED = "generated", "(n, d)";
        /// Fresh points of the target distribution.
        TensorKey<f32> REAL = "real", "(n, d)";
        /// Normal vectors of some training pairs.
        TensorKey<f32> PAIRS_SOURCE = "pairs.source", "(n, d)";
        /// Their targets, normalized.
        TensorKey<f32> PAIRS_TARGET = "pairs.target", "(n, d)";
        /// Arguments at which ĥ is compared with the exact h; swiss roll, d = 1.
        TensorKey<f32> CURVE_Y = "curve.y", "(m)";
        /// The exact h at those arguments, in radians.
        TensorKey<f32> CURVE_EXACT = "curve.exact", "(m)";
        /// ĥ at those arguments, in radians.
        TensorKey<f32> CURVE_LEARNED = "curve.learned", "(m)";
    }

    /// `samples/samples.safetensors` of a run on images. Images are in [−1, 1].
    image_samples: ImageSamples {
        /// Generated images.
        TensorKey<f32> GENERATED = "generated", "(n, C, H, W)";
        /// Decoded latents of validation images.
        TensorKey<f32> DECODED = "decoded", "(n, C, H, W)";
        /// These validation images as they are.
        TensorKey<f32> ORIGINAL = "original", "(n, C, H, W)";
        /// Decoded latents of the mixture of Gaussians, if there is one.
        TensorKey<f32> MIXTURE = "mixture", "(n, C, H, W)";
        /// Images that the variational autoencoder generated, if it is a baseline of the run.
        TensorKey<f32> VAE = "vae", "(n, C, H, W)";
        /// Images generated after the first of up to four improvements of the validation loss (Figure 5).
        TensorKey<f32> IMPROVEMENT_1 = "improvement.1", "(n, C, H, W)";
        /// Images generated after the second improvement.
        TensorKey<f32> IMPROVEMENT_2 = "improvement.2", "(n, C, H, W)";
        /// Images generated after the third improvement.
        TensorKey<f32> IMPROVEMENT_3 = "improvement.3", "(n, C, H, W)";
        /// Images generated after the fourth improvement.
        TensorKey<f32> IMPROVEMENT_4 = "improvement.4", "(n, C, H, W)";
        /// The epochs of those improvements.
        MetadataKey<Vec<usize>> IMPROVEMENT_EPOCHS = "improvement.epochs", "epochs";
        /// Interpolations between normal vectors, one after the other (Figure 6).
        TensorKey<f32> INTERPOLATIONS = "interpolations", "(rows · steps, C, H, W)";
        /// Images in each interpolation.
        MetadataKey<usize> INTERPOLATION_STEPS = "interpolations.steps", "images in a row";
        /// Mean cosine similarity of the training pairs, in equal bins of the order in which they were paired.
        TensorKey<f32> SIMILARITY_BY_RANK = "similarity.by_rank", "(bins)";
        /// Validation latents in the plane of the first two principal components.
        TensorKey<f32> SCATTER_REAL = "scatter.real", "(n, 2)";
        /// Generated latents in that plane.
        TensorKey<f32> SCATTER_GENERATED = "scatter.generated", "(n, 2)";
        /// Latents of the baseline with one Gaussian in that plane.
        TensorKey<f32> SCATTER_GAUSSIAN = "scatter.gaussian", "(n, 2)";
        /// Latents of the mixture of Gaussians in that plane.
        TensorKey<f32> SCATTER_MIXTURE = "scatter.mixture", "(n, 2)";
        /// Fraction of the training latents' variance that lies in the plane.
        MetadataKey<f64> SCATTER_EXPLAINED_VARIANCE = "scatter.explained_variance", "fraction";
        /// Generated images, then for each the training images with the nearest latents, rank by rank.
        TensorKey<f32> NEAREST = "nearest", "(ranks · columns, C, H, W)";
        /// Number of generated images in [`NEAREST`].
        MetadataKey<usize> NEAREST_COLUMNS = "nearest.columns", "images in a row";
    }

    /// `samples/evaluation.safetensors`.
    evaluation: Evaluation {
        /// The metrics.
        MetadataKey<Vec<MetricRecord>> METRICS = "metrics", "records";
    }

    /// `checkpoints/NETWORK.STATE.safetensors`.
    checkpoint: Checkpoint {
        /// Weights by the names of the network's parameters.
        TensorGroup WEIGHTS = "weights.", "as the network has them";
        /// First moments of Adam.
        TensorGroup FIRST_MOMENTS = "moments.first.", "as the weights";
        /// Second moments of Adam.
        TensorGroup SECOND_MOMENTS = "moments.second.", "as the weights";
        /// Averaged weights, if training averages them.
        TensorGroup AVERAGED_WEIGHTS = "averaged.", "as the weights";
        /// Steps of Adam.
        MetadataKey<u64> ADAM_STEPS = "adam_steps", "steps";
        /// Where training stands; beside the best weights it is the completion marker.
        MetadataKey<TrainState> TRAIN_STATE = "train_state", "position of training";
        /// The epoch of the best weights.
        MetadataKey<usize> EPOCH = "epoch", "counted from 1";
        /// Beside ĥ's weights: what was subtracted from each column of its targets.
        TensorKey<f32> MEAN = "mean", "(d)";
        /// Beside ĥ's weights: what each column was then divided by.
        TensorKey<f32> STD = "std", "(d)";
        /// Beside ĥ's weights: weights, means and covariance factors of the components, unless ĥ maps to the normalized data
        /// themselves.
        TensorGroup COORDINATES = "coordinates.", "by name";
        /// Beside ĥ's weights: how the data of a component are transformed.
        MetadataKey<CoordinateSystem> COORDINATE_SYSTEM = "coordinate_system", "name";
        /// Beside ĥ's weights: steps of the integration of the flow that its pairs come from.
        MetadataKey<usize> INTEGRATION_STEPS = "integration_steps", "steps";
    }

    /// A model file.
    model: Model {
        /// What the model consists of, and where it comes from.
        MetadataKey<ModelCard> CARD = "model_card", "card";
        /// Weights of ĥ by the names of its parameters.
        TensorGroup H = "h.", "as the network has them";
        /// Weights of the autoencoder by the names of its parameters.
        TensorGroup AUTOENCODER = "autoencoder.", "as the network has them";
        /// What was subtracted from each column of the targets of ĥ.
        TensorKey<f32> MEAN = "mean", "(d)";
        /// What each column was then divided by.
        TensorKey<f32> STD = "std", "(d)";
        /// Weights, means and covariance factors of the components of the source.
        TensorGroup COORDINATES = "coordinates.", "by name";
        /// Weights of the velocity network of a flow by the names of its parameters.
        TensorGroup FLOW = "flow.", "as the network has them";
    }
}

/// The tensors of up to four improvements of the validation loss, in their order.
pub const IMPROVEMENTS: [TensorKey<f32>; 4] = [
    image_samples::IMPROVEMENT_1,
    image_samples::IMPROVEMENT_2,
    image_samples::IMPROVEMENT_3,
    image_samples::IMPROVEMENT_4,
];

/// The keys of the pairs of one split.
#[derive(Debug)]
pub struct PairKeys {
    /// Normal vectors y.
    pub source: TensorKey<f32>,
    /// The target row of each source row.
    pub assignment: TensorKey<u64>,
    /// The component of each source row.
    pub component: TensorKey<u64>,
}

impl PairKeys {
    /// Those of the training pairs.
    pub const TRAIN: Self =
        Self { source: pairs::TRAIN_SOURCE, assignment: pairs::TRAIN_ASSIGNMENT, component: pairs::TRAIN_COMPONENT };
    /// Those of the validation pairs.
    pub const VALIDATION: Self = Self {
        source: pairs::VALIDATION_SOURCE,
        assignment: pairs::VALIDATION_ASSIGNMENT,
        component: pairs::VALIDATION_COMPONENT,
    };
    /// Those of the official test set's pairs.
    pub const TEST: Self =
        Self { source: test_pairs::SOURCE, assignment: test_pairs::ASSIGNMENT, component: test_pairs::COMPONENT };
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_name_is_one_key_of_its_artifact() {
        let names: Vec<_> = KeyInfo::all().map(|key| (key.artifact, key.name)).collect();
        let distinct: HashSet<_> = names.iter().copied().collect();
        assert_eq!(names.len(), distinct.len());
        for key in KeyInfo::all() {
            let matches: Vec<_> =
                KeyInfo::all().filter(|other| other.artifact == key.artifact && other.is_key_of(key.name)).collect();
            assert_eq!(matches, [key]);
        }
    }

    #[test]
    fn the_arrays_of_gtn_label_keep_their_names() {
        // Frozen as data: other programs read them.
        assert!(pairs::TRAIN_ASSIGNMENT.name().ends_with(".matching"));
        assert!(pairs::TRAIN_ORDER.name().ends_with(".order"));
        assert!(pairs::TRAIN_SIMILARITY.name().ends_with(".similarity"));
        assert_eq!(checkpoint::WEIGHTS.prefix(), "weights.");
    }
}
