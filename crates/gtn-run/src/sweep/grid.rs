//! The settings that a sweep varies, and their combinations.

use std::collections::BTreeMap;

use gtn_io::names;
use serde::{Deserialize, Serialize};

use crate::config::{Components, Overrides, PairingMethod};
use crate::{Error, Result};

names! {
    /// A setting that a sweep varies.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum SweptSetting: "setting" {
        /// The learning rate of the autoencoder.
        AutoencoderLearningRate => "autoencoder-learning-rate" ("Learning rate of the autoencoder", "--autoencoder-learning-rates"),
        /// How normal vectors and data are paired.
        Pairing => "pairing" ("Pairing", "--pairings"),
        /// The components of the source.
        Components => "components" ("Components", "--components"),
        /// Units of a hidden layer of ĥ.
        Width => "width" ("Width", "--widths"),
        /// Hidden layers of ĥ, or blocks of a residual one.
        Depth => "depth" ("Depth", "--depths"),
        /// The learning rate of ĥ.
        LearningRate => "learning-rate" ("Learning rate", "--learning-rates"),
    }
    with {
        /// The title in tables.
        title: &'static str,
        /// The option with its values.
        option: &'static str,
    }
}

/// The values of each setting. A setting without values is that of the experiment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grid {
    /// Learning rates of the autoencoder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub autoencoder_learning_rates: Vec<f64>,
    /// How normal vectors and data are paired.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pairings: Vec<PairingMethod>,
    /// Components of the source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Components>,
    /// Units of a hidden layer of ĥ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub widths: Vec<usize>,
    /// Hidden layers of ĥ, or blocks of a residual one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depths: Vec<usize>,
    /// Learning rates of ĥ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub learning_rates: Vec<f64>,
}

/// One value of each setting that has some.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Choice {
    /// The learning rate of the autoencoder.
    pub autoencoder_learning_rate: Option<f64>,
    /// How normal vectors and data are paired.
    pub pairing: Option<PairingMethod>,
    /// The components of the source.
    pub components: Option<Components>,
    /// Units of a hidden layer of ĥ.
    pub width: Option<usize>,
    /// Hidden layers of ĥ, or blocks of a residual one.
    pub depth: Option<usize>,
    /// The learning rate of ĥ.
    pub learning_rate: Option<f64>,
}

impl Grid {
    /// The largest number of combinations.
    pub const MAX_COMBINATIONS: usize = 1000;

    /// Checks that there are combinations, and that no list has a value twice. Whether the values are valid is checked with the
    /// configuration of each combination.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyGrid`] without values, [`Error::Setting`] for a repeated value or too many combinations.
    pub fn check(&self) -> Result<()> {
        let lists = self.values();
        if lists.is_empty() {
            return Err(Error::EmptyGrid);
        }
        for (setting, values) in &lists {
            let repeated = values.iter().enumerate().find(|(index, value)| values[..*index].contains(value));
            if let Some((_, value)) = repeated {
                let reason = format!("has {value} twice; give each value once");
                return Err(Error::Setting { key: setting.option().to_owned(), value: values.join(","), reason });
            }
        }
        let count = lists.values().fold(1_usize, |count, values| count.saturating_mul(values.len()));
        if count > Self::MAX_COMBINATIONS {
            let (key, value) = ("combinations".to_owned(), count.to_string());
            let reason = format!("must be at most {}; shorten the lists", Self::MAX_COMBINATIONS);
            return Err(Error::Setting { key, value, reason });
        }
        Ok(())
    }

    /// The values of each setting as text, without settings that have none.
    #[must_use]
    pub fn values(&self) -> BTreeMap<SweptSetting, Vec<String>> {
        let lists = [
            (SweptSetting::AutoencoderLearningRate, texts(&self.autoencoder_learning_rates, rate)),
            (SweptSetting::Pairing, texts(&self.pairings, ToString::to_string)),
            (SweptSetting::Components, texts(&self.components, ToString::to_string)),
            (SweptSetting::Width, texts(&self.widths, ToString::to_string)),
            (SweptSetting::Depth, texts(&self.depths, ToString::to_string)),
            (SweptSetting::LearningRate, texts(&self.learning_rates, rate)),
        ];
        lists.into_iter().filter(|(_, values)| !values.is_empty()).collect()
    }

    /// Every combination of the values. Settings that decide about results which runs share come first, so that runs that share
    /// them are next to each other.
    #[must_use]
    pub fn choices(&self) -> Vec<Choice> {
        let choices = vec![Choice::default()];
        let choices = with_each(choices, &self.autoencoder_learning_rates, |choice, rate| {
            choice.autoencoder_learning_rate = Some(rate);
        });
        let choices = with_each(choices, &self.pairings, |choice, pairing| choice.pairing = Some(pairing));
        let choices = with_each(choices, &self.components, |choice, components| choice.components = Some(components));
        let choices = with_each(choices, &self.widths, |choice, width| choice.width = Some(width));
        let choices = with_each(choices, &self.depths, |choice, depth| choice.depth = Some(depth));
        with_each(choices, &self.learning_rates, |choice, rate| choice.learning_rate = Some(rate))
    }
}

impl Choice {
    /// The values as text.
    #[must_use]
    pub fn settings(&self) -> BTreeMap<SweptSetting, String> {
        let settings = [
            (SweptSetting::AutoencoderLearningRate, self.autoencoder_learning_rate.as_ref().map(rate)),
            (SweptSetting::Pairing, self.pairing.map(|pairing| pairing.to_string())),
            (SweptSetting::Components, self.components.map(|components| components.to_string())),
            (SweptSetting::Width, self.width.map(|width| width.to_string())),
            (SweptSetting::Depth, self.depth.map(|depth| depth.to_string())),
            (SweptSetting::LearningRate, self.learning_rate.as_ref().map(rate)),
        ];
        settings.into_iter().filter_map(|(setting, value)| Some((setting, value?))).collect()
    }

    /// The name of its run folder, as in `flow-width-500-learning-rate-1e-3`.
    #[must_use]
    pub fn name(&self) -> String {
        let part = |(setting, value): (&SweptSetting, &String)| match setting {
            SweptSetting::Pairing => value.clone(),
            setting => format!("{setting}-{value}"),
        };
        self.settings().iter().map(part).collect::<Vec<_>>().join("-")
    }

    /// The overrides of a run with these values, and with `others` for all other settings.
    #[must_use]
    pub fn overrides(&self, others: &Overrides) -> Overrides {
        Overrides {
            autoencoder_learning_rate: self.autoencoder_learning_rate.or(others.autoencoder_learning_rate),
            pairing: self.pairing.or(others.pairing),
            components: self.components.or(others.components),
            width: self.width.or(others.width),
            depth: self.depth.or(others.depth),
            learning_rate: self.learning_rate.or(others.learning_rate),
            ..others.clone()
        }
    }
}

fn with_each<T: Copy>(choices: Vec<Choice>, values: &[T], set: impl Fn(&mut Choice, T)) -> Vec<Choice> {
    if values.is_empty() {
        return choices;
    }
    let with = |choice: &Choice, value: T| {
        let mut choice = *choice;
        set(&mut choice, value);
        choice
    };
    choices.iter().flat_map(|choice| values.iter().map(|value| with(choice, *value)).collect::<Vec<_>>()).collect()
}

fn texts<T>(values: &[T], text: impl Fn(&T) -> String) -> Vec<String> {
    values.iter().map(text).collect()
}

/// A learning rate as text: `1e-3` however it was written.
fn rate(value: &f64) -> String {
    format!("{value:e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Grid {
        Grid {
            autoencoder_learning_rates: vec![1e-3],
            pairings: vec![PairingMethod::Greedy, PairingMethod::Flow],
            components: vec![Components::Count(1), Components::Auto],
            widths: vec![500, 1000, 1200],
            depths: vec![10, 25],
            learning_rates: vec![0.001, 1.5e-4],
        }
    }

    #[test]
    fn a_grid_is_the_product_of_its_lists() {
        let choices = full().choices();
        assert_eq!(choices.len(), 48);
        let names: std::collections::BTreeSet<String> = choices.iter().map(Choice::name).collect();
        assert_eq!(names.len(), 48);
        assert_eq!(
            choices[47].name(),
            "autoencoder-learning-rate-1e-3-flow-components-auto-width-1200-depth-25-learning-rate-1.5e-4"
        );
        // Runs with the same autoencoder and pairs are next to each other.
        assert!(choices[..24].iter().all(|choice| choice.pairing == Some(PairingMethod::Greedy)));
        assert!(choices[..12].iter().all(|choice| choice.components == Some(Components::Count(1))));
        let of_list = Grid { depths: vec![3], ..Grid::default() };
        assert_eq!(of_list.choices(), [Choice { depth: Some(3), ..Choice::default() }]);
    }

    #[test]
    fn an_empty_grid_a_repeated_value_and_too_many_combinations_are_refused() {
        assert!(matches!(Grid::default().check(), Err(Error::EmptyGrid)));
        full().check().unwrap();
        let repeated = Grid { learning_rates: vec![1e-3, 0.5, 0.001], ..full() }.check().unwrap_err().to_string();
        assert_eq!(repeated, "--learning-rates = 1e-3,5e-1,1e-3: has 1e-3 twice; give each value once");
        let large = Grid { widths: (1..=2000).collect(), ..full() }.check().unwrap_err().to_string();
        assert!(large.starts_with("combinations = 32000: must be at most 1000"), "{large}");
    }

    #[test]
    fn values_replace_those_of_the_caller_and_other_settings_stay() {
        let others =
            Overrides { seed: Some(7), width: Some(3), pairing: Some(PairingMethod::Flow), ..Overrides::default() };
        let overrides = Choice { width: Some(500), ..Choice::default() }.overrides(&others);
        assert_eq!(overrides, Overrides { width: Some(500), ..others });
    }
}
