//! The combinations of a sweep, resolved.

use std::path::Path;

use gtn_run::config::{Components, Config, Epochs, InceptionOverrides, Overrides, PairingMethod, Selection};
use gtn_run::sweep::{Choice, CombinationRecord, Grid, Ranking, SWEEP_FORMAT, SweepRecord};

use crate::{Error, Result, presets, reuse_autoencoder};

/// A combination of the settings that a sweep varies.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// The name of its run folder.
    pub name: String,
    /// Its values.
    pub choice: Choice,
    /// The overrides that its configuration was resolved with.
    pub overrides: Overrides,
    /// The configuration of its run.
    pub config: Config,
}

/// What a sweep runs.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepPlan {
    config: Config,
    grid: Grid,
    combinations: Vec<Combination>,
    halving: bool,
    by: Option<Ranking>,
}

impl SweepPlan {
    /// The runs of an experiment (as for [`presets::resolve`]) with every combination of the values in `grid`, and with `overrides`
    /// for all other settings. With `autoencoder`, they take the trained autoencoder of that run.
    ///
    /// # Errors
    ///
    /// Those of [`Grid::check`], [`presets::resolve`] and [`reuse_autoencoder`] for the first combination that is invalid.
    pub fn new(experiment: &str, overrides: &Overrides, grid: Grid, autoencoder: Option<&Path>) -> Result<Self> {
        grid.check()?;
        let resolve = |overrides: &Overrides| {
            let config = presets::resolve(experiment, overrides)?;
            autoencoder.map_or(Ok(config.clone()), |path| reuse_autoencoder(&config, path))
        };
        // Epochs of the flow are for the combinations that have one.
        let some_have_a_flow = grid.pairings.contains(&PairingMethod::Flow);
        let without_flow = Overrides { epochs: Epochs { flow: None, ..overrides.epochs }, ..overrides.clone() };
        let mut config = resolve(&without_flow)?;
        if config.pairing.method == PairingMethod::Flow || !some_have_a_flow {
            config = resolve(overrides)?;
        }
        let combination = |choice: Choice| {
            let has_flow = choice.pairing.is_none_or(|pairing| pairing == PairingMethod::Flow);
            let overrides = choice.overrides(if some_have_a_flow && !has_flow { &without_flow } else { overrides });
            let config = resolve(&overrides)?;
            if config.pairing.components() == Components::Labels && !config.data.have_labels() {
                return Err(Error::NoLabels { experiment: config.experiment });
            }
            Ok(Combination { name: choice.name(), choice, overrides, config })
        };
        let combinations = grid.choices().into_iter().map(combination).collect::<Result<_>>()?;
        Ok(Self { config, grid, combinations, halving: false, by: None })
    }

    /// The same with successive halving: all combinations run for a few epochs of ĥ, the better half of them for twice as many, and
    /// so on. See [`Sweep::rungs`](super::Sweep::rungs).
    #[must_use]
    pub fn with_halving(self, halving: bool) -> Self {
        Self { halving, ..self }
    }

    /// The same, with runs compared by `by`. If that is not set, [`SweepRecord::ranking`] chooses.
    #[must_use]
    pub fn ranked_by(self, by: Option<Ranking>) -> Self {
        Self { by, ..self }
    }

    /// The same with the weights of Inception networks that exist, and with a rule for the best epoch
    /// ([`Config::with_inception`]).
    ///
    /// # Errors
    ///
    /// [`gtn_run::Error::Setting`] if the Inception Score is to decide without weights.
    pub fn with_inception(mut self, wanted: &InceptionOverrides, select: Option<Selection>) -> Result<Self> {
        let apply = |config: Config| Ok::<_, Error>(config.with_inception(wanted, select)?.with_available_inception());
        self.config = apply(self.config)?;
        for combination in &mut self.combinations {
            combination.config = apply(combination.config.clone())?;
        }
        Ok(self)
    }

    /// The configuration without the values of the grid.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The combinations, in the order of the grid.
    #[must_use]
    pub fn combinations(&self) -> &[Combination] {
        &self.combinations
    }

    /// The usual name of the sweep's folder.
    #[must_use]
    pub fn folder_name(&self) -> String {
        format!("sweep-{}", self.config.run_name())
    }

    /// Its record before the first run.
    pub(super) fn record(&self) -> SweepRecord {
        let combination = |of: &Combination| CombinationRecord::new(of.name.clone(), of.choice.settings());
        SweepRecord {
            format: SWEEP_FORMAT,
            config: self.config.clone(),
            grid: self.grid.clone(),
            halving: self.halving,
            by: self.by,
            combinations: self.combinations.iter().map(combination).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(experiment: &str, overrides: &Overrides, grid: Grid) -> Result<SweepPlan> {
        SweepPlan::new(experiment, overrides, grid, None)
    }

    #[test]
    fn widths_and_depths_are_those_of_the_architecture_of_h() {
        let grid = || Grid { widths: vec![500], depths: vec![10], learning_rates: vec![1e-4], ..Grid::default() };
        let config = |protocol: &str| {
            let overrides = Overrides { protocol: Some(protocol.parse().unwrap()), ..Overrides::default() };
            plan("celeba", &overrides, grid()).unwrap().combinations[0].config.clone()
        };
        let h = config("paper").h;
        assert_eq!((h.width, h.hidden_layers, h.batch_norm_layers, h.training.learning_rate), (500, 10, 10, 1e-4));
        // 20 of 25 layers have BatchNorm.
        let h = config("repo").h;
        assert_eq!((h.hidden_layers, h.batch_norm_layers), (10, 10));
        let h = config("flow").h;
        let residual = h.residual.unwrap();
        assert_eq!((residual.width, residual.blocks, h.width, h.hidden_layers), (500, 10, 1200, 26));
        let deep = Grid { depths: vec![40], ..Grid::default() };
        let repo = Overrides { protocol: Some("repo".parse().unwrap()), ..Overrides::default() };
        let h = plan("celeba", &repo, deep).unwrap().combinations[0].config.h.clone();
        assert_eq!((h.hidden_layers, h.batch_norm_layers), (40, 20));
    }

    #[test]
    fn epochs_of_a_flow_are_for_the_combinations_with_one() {
        let grid = || Grid { pairings: vec![PairingMethod::Greedy, PairingMethod::Flow], ..Grid::default() };
        let overrides = Overrides { epochs: "flow=3,h=2".parse().unwrap(), ..Overrides::default() };
        let plan = plan("mnist", &overrides, grid()).unwrap();
        let flow_epochs: Vec<_> = plan.combinations.iter().map(|of| of.config.pairing.flow.epochs).collect();
        assert_eq!(flow_epochs, [None, Some(3)]);
        let only_greedy = Grid { pairings: vec![PairingMethod::Greedy], ..Grid::default() };
        let refused = SweepPlan::new("mnist", &overrides, only_greedy, None).unwrap_err().to_string();
        assert!(refused.contains("use --pairing flow"), "{refused}");
    }

    #[test]
    fn every_combination_is_checked_before_anything_starts() {
        let refused = |experiment: &str, grid: Grid| {
            let error = plan(experiment, &Overrides::default(), grid).unwrap_err();
            assert!(error.is_user_error());
            error.to_string()
        };
        assert!(refused("mnist", Grid::default()).contains("at least one list"));
        assert!(refused("mnist", Grid { widths: vec![50, 0], ..Grid::default() }).contains("h.width = 0"));
        let rates = Grid { learning_rates: vec![1e-3, -1.0], ..Grid::default() };
        assert!(refused("mnist", rates).contains("h.training.learning_rate = -1"));
        let sorted = Grid { pairings: vec![PairingMethod::Sorted], ..Grid::default() };
        assert!(refused("mnist", sorted).contains("sorting needs dim = 1"));
        let rates = Grid { autoencoder_learning_rates: vec![1e-3], ..Grid::default() };
        assert!(refused("uniform", rates).contains("`uniform` has no autoencoder"));
        let labels = Grid { components: vec![Components::Count(1), Components::Labels], ..Grid::default() };
        assert!(refused("celeba", labels).contains("cannot use the classes of `celeba`"));
    }
}
