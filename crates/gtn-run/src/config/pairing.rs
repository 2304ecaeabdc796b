//! How normal vectors and data are paired.

use std::fmt;
use std::str::FromStr;

use gtn_io::names;
use serde::{Deserialize, Serialize};

use super::defaults::is_default;
use super::training::{Optimizer, Schedule, Selection, Training, is_one, one};

names! {
    /// How normal vectors and data are paired.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum PairingMethod: "pairing method" {
        /// Algorithm 1: greedy matching by cosine similarity, in the order of the norms.
        #[default]
        Greedy => "greedy",
        /// For d = 1: sort both sides and pair them in this order (Figure 2).
        Sorted => "sorted",
        /// Follow the flow of a learned velocity field, which gives every data vector a normal vector of its own.
        Flow => "flow",
    }
}

impl PairingMethod {
    /// What the method is called in sentences: "paired by ...".
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            PairingMethod::Greedy => "Algorithm 1",
            PairingMethod::Sorted => "sorting (Figure 2)",
            PairingMethod::Flow => "a learned flow",
        }
    }
}

names! {
    /// How the data are normalized before they are paired, by statistics of the training data. It is undone on the output of ĥ.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Normalize: "normalization" {
        /// No normalization.
        None => "none",
        /// Subtract the mean.
        Center => "center",
        /// Subtract the mean, and divide each column by its standard deviation.
        Standardize => "standardize",
    }
}

names! {
    /// The precision in which greedy pairing compares cosine similarities.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum SimilarityPrecision: "precision" {
        /// f64: the algorithm as published.
        #[default]
        Double => "double",
        /// f32: nearly equal directions tie, and the norm decides.
        Single => "single",
    }
}

names! {
    /// The coordinates in which data are paired and ĥ is trained, for each component of the data separately.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum CoordinateSystem: "coordinates" {
        /// Those of the normalized data.
        Normalized => "normalized",
        /// Centered, and divided by one number: the root of the mean variance of a column.
        Scaled => "scaled",
        /// Centered and whitened: uncorrelated columns with variance 1.
        Whitened => "whitened",
        /// As `scaled`; the source has the covariance of the data instead of the identity.
        Covariance => "covariance",
    }
}

names! {
    /// The distribution from which the training of a flow draws times.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum TimeDistribution: "time distribution" {
        /// Uniform on (0, 1).
        #[default]
        Uniform => "uniform",
        /// The logistic function of a standard normal value: more often in the middle (Esser et al., arXiv 2403.03206).
        LogitNormal => "logit-normal",
    }
}

/// The components of the source (Appendix C): data that lie apart need a source in as many parts, since a continuous map cannot
/// tear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ComponentsText", into = "ComponentsText")]
pub enum Components {
    /// As many as a Gaussian mixture has, with this number of components. With 1, the source is one normal distribution.
    Count(usize),
    /// As many as a Gaussian mixture needs, by the likelihood of held-out data.
    Auto,
    /// One for each class of the data.
    Labels,
}

/// A number or a word.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum ComponentsText {
    Number(usize),
    Word(String),
}

impl TryFrom<ComponentsText> for Components {
    type Error = String;

    fn try_from(text: ComponentsText) -> Result<Self, String> {
        match text {
            ComponentsText::Number(number) => number.to_string().parse(),
            ComponentsText::Word(word) => word.parse(),
        }
    }
}

impl From<Components> for ComponentsText {
    fn from(components: Components) -> Self {
        match components {
            Components::Count(count) => ComponentsText::Number(count),
            other => ComponentsText::Word(other.to_string()),
        }
    }
}

impl Components {
    /// The largest number of components.
    pub const MAX: usize = 1000;
}

impl FromStr for Components {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Components::Auto),
            "labels" => Ok(Components::Labels),
            _ => match text.parse() {
                Ok(count) if (1..=Self::MAX).contains(&count) => Ok(Components::Count(count)),
                _ => Err(format!(
                    "`{text}` is not a number of components; use a number from 1 to {}, `auto` or `labels`",
                    Self::MAX
                )),
            },
        }
    }
}

impl fmt::Display for Components {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Components::Count(count) => write!(f, "{count}"),
            Components::Auto => f.write_str("auto"),
            Components::Labels => f.write_str("labels"),
        }
    }
}

/// Settings of greedy pairing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GreedySettings {
    /// Precision of the similarities.
    #[serde(default)]
    pub precision: SimilarityPrecision,
}

/// Settings of pairing by a flow: u_t = (1 − t) y + t x moves from a normal vector y to a data vector x, and a network learns the
/// velocity x − y from u_t and t (flow matching). The flow of the learned velocity is a homeomorphism, whose reverse gives every
/// data vector its y.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlowSettings {
    /// Units of a hidden layer of the velocity network.
    pub width: usize,
    /// Residual blocks of the velocity network.
    pub blocks: usize,
    /// Steps of the optimizer, rounded up to whole epochs. An epoch has at least 250 steps: a small set is repeated.
    pub steps: usize,
    /// Epochs in place of `steps`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Samples in a step.
    pub batch_size: usize,
    /// Step size of AdamW at the start of the cosine schedule.
    pub learning_rate: f64,
    /// Weight decay of AdamW.
    pub weight_decay: f64,
    /// Decay of the averaged weights.
    pub average: f64,
    /// The distribution of the times t.
    pub time: TimeDistribution,
    /// Steps of Heun's method from one end to the other. They are doubled, at most four times, until forth and back differ by at
    /// most 1e-3 of the standard deviation.
    pub integration_steps: usize,
    /// Fresh normal vectors that are followed to the data, beside the data that are followed to their y.
    pub fresh_pairs: usize,
    /// As [`Training::shards`].
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub shards: usize,
}

impl Default for FlowSettings {
    fn default() -> Self {
        Self {
            width: 512,
            blocks: 4,
            steps: 4000,
            epochs: None,
            batch_size: 256,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            average: 0.999,
            time: TimeDistribution::Uniform,
            integration_steps: 24,
            fresh_pairs: 60_000,
            shards: 1,
        }
    }
}

impl FlowSettings {
    /// An epoch has at least this many steps.
    const MIN_EPOCH_STEPS: usize = 250;

    /// How often an epoch repeats a set of `rows` data vectors.
    #[must_use]
    pub fn repetitions(&self, rows: usize) -> usize {
        (Self::MIN_EPOCH_STEPS * self.batch_size).div_ceil(rows.max(1)).max(1)
    }

    /// The training of the velocity network on `rows` data vectors.
    #[must_use]
    pub fn training(&self, rows: usize) -> Training {
        let steps_per_epoch = (rows * self.repetitions(rows) / self.batch_size).max(1);
        let epochs = self.epochs.unwrap_or(self.steps.div_ceil(steps_per_epoch)).max(1);
        Training {
            weight_decay: self.weight_decay,
            drop_last: true,
            optimizer: Optimizer::AdamW,
            schedule: Schedule::Cosine,
            average: Some(self.average),
            select: Selection::ValidationLoss,
            shards: self.shards,
            // The averaged weights are the best at the end of the schedule.
            ..Training::new(epochs, epochs, self.batch_size, self.learning_rate)
        }
    }
}

/// How pairs are computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "PairingTable", into = "PairingTable")]
pub struct Pairing {
    /// The method.
    pub method: PairingMethod,
    /// Normalization of the data for pairing and for the loss of ĥ.
    pub normalize: Normalize,
    /// Components of the source; if it is not set, `auto` for a flow and 1 otherwise.
    pub components: Option<Components>,
    /// The coordinates; if they are not set, `scaled` for a flow and for several components, and `normalized` otherwise.
    pub coordinates: Option<CoordinateSystem>,
    /// Settings of greedy pairing.
    pub greedy: GreedySettings,
    /// Settings of pairing by a flow.
    pub flow: FlowSettings,
}

/// The table `[pairing]`, in which runs of earlier versions have the precision of greedy pairing. Settings of a method that is not
/// used are written only if they are not the default.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PairingTable {
    #[serde(default)]
    method: PairingMethod,
    normalize: Normalize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    components: Option<Components>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    coordinates: Option<CoordinateSystem>,
    #[serde(default, skip_serializing)]
    precision: Option<SimilarityPrecision>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    greedy: Option<GreedySettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flow: Option<FlowSettings>,
}

impl From<PairingTable> for Pairing {
    fn from(table: PairingTable) -> Self {
        let PairingTable { method, normalize, components, coordinates, precision, greedy, flow } = table;
        let greedy = precision.map(|precision| GreedySettings { precision }).or(greedy).unwrap_or_default();
        Self { method, normalize, components, coordinates, greedy, flow: flow.unwrap_or_default() }
    }
}

impl From<Pairing> for PairingTable {
    fn from(pairing: Pairing) -> Self {
        let Pairing { method, normalize, components, coordinates, greedy, flow } = pairing;
        let greedy = (method == PairingMethod::Greedy || !is_default(&greedy)).then_some(greedy);
        let flow = (method == PairingMethod::Flow || !is_default(&flow)).then_some(flow);
        Self { method, normalize, components, coordinates, precision: None, greedy, flow }
    }
}

impl Pairing {
    /// The components of the source, as set or by default.
    #[must_use]
    pub fn components(&self) -> Components {
        let default = if self.method == PairingMethod::Flow { Components::Auto } else { Components::Count(1) };
        self.components.unwrap_or(default)
    }

    /// The coordinates, as set or by default.
    #[must_use]
    pub fn coordinates(&self) -> CoordinateSystem {
        let is_plain = self.method != PairingMethod::Flow && self.components() == Components::Count(1);
        self.coordinates.unwrap_or(if is_plain { CoordinateSystem::Normalized } else { CoordinateSystem::Scaled })
    }

    /// Whether pairs are computed on the normalized data themselves, with a single normal distribution as the source.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.components() == Components::Count(1) && self.coordinates() == CoordinateSystem::Normalized
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_round_trip_as_text_and_as_toml() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Table {
            components: Components,
        }
        for text in ["1", "30", "auto", "labels"] {
            let components: Components = text.parse().unwrap();
            assert_eq!(components.to_string(), text);
            let toml = toml::to_string(&Table { components }).unwrap();
            assert_eq!(toml::from_str::<Table>(&toml).unwrap(), Table { components }, "{toml}");
        }
        for text in ["0", "1001", "-1", "", "many"] {
            assert!(text.parse::<Components>().is_err(), "{text}");
        }
        assert!(toml::from_str::<Table>("components = 0").is_err());
    }

    #[test]
    fn an_epoch_of_a_flow_has_enough_steps_for_any_number_of_rows() {
        let settings = FlowSettings { steps: 1000, batch_size: 10, ..FlowSettings::default() };
        for rows in [1, 7, 2500, 100_000] {
            let training = settings.training(rows);
            let steps = rows * settings.repetitions(rows) / 10;
            assert!(steps >= 250 && training.epochs * steps >= 1000, "{rows}");
            assert!(rows <= 2500 || settings.repetitions(rows) == 1);
        }
        assert_eq!(FlowSettings { epochs: Some(3), ..settings }.training(5).epochs, 3);
    }

    #[test]
    fn a_table_of_an_earlier_version_is_read() {
        let old: Pairing = toml::from_str("method = \"greedy\"\nnormalize = \"none\"\nprecision = \"single\"").unwrap();
        assert_eq!(old.greedy.precision, SimilarityPrecision::Single);
        let new: Pairing = toml::from_str(&toml::to_string(&old).unwrap()).unwrap();
        assert_eq!(new, old);
        assert!(old.is_plain());
        // The settings of the method are written even where they are the default.
        let flow = Pairing { method: PairingMethod::Flow, ..old };
        assert!(toml::to_string(&flow).unwrap().contains("[flow]"));
    }
}
