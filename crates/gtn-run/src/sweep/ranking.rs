//! What the runs of a sweep are compared by.

use std::fmt;
use std::str::FromStr;

use gtn_io::UnknownName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::Selection;
use crate::schema::{Direction, Metric};

/// What runs are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranking {
    /// The validation loss of the best epoch of ĥ.
    ValidationLoss,
    /// A metric of the samples.
    Metric(Metric),
}

const VALIDATION_LOSS: &str = "validation_loss";

/// Other names of metrics: those of [`Selection`], and one that is obvious.
const ALIASES: [(&str, Metric); 2] =
    [("inception_score", Metric::InceptionScore), ("frechet", Metric::FrechetDistance)];

impl Ranking {
    /// What decides which epoch of a run is the best.
    #[must_use]
    pub fn of_selection(selection: Selection) -> Self {
        // Its names are those of metrics; an unknown one would be decided by the loss.
        selection.name().parse().unwrap_or(Ranking::ValidationLoss)
    }

    /// The name in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Ranking::ValidationLoss => VALIDATION_LOSS,
            Ranking::Metric(metric) => metric.name(),
        }
    }

    /// The title in tables.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Ranking::ValidationLoss => "Validation loss",
            Ranking::Metric(metric) if metric.is_on_pixels() => match metric {
                Metric::PixelSlicedWasserstein => "Sliced Wasserstein-2 of pixels",
                Metric::PixelEnergyDistance => "Energy distance of pixels",
                metric => metric.title(),
            },
            Ranking::Metric(metric) => metric.title(),
        }
    }

    /// Which values are better.
    #[must_use]
    pub fn direction(self) -> Direction {
        match self {
            Ranking::ValidationLoss => Direction::LowerIsBetter,
            Ranking::Metric(metric) => metric.direction(),
        }
    }

    /// How far a value is from the best one: the lower, the better. Values that are not finite are the worst.
    #[must_use]
    pub fn penalty(self, value: f64) -> f64 {
        if value.is_finite() { self.direction().penalty(value) } else { f64::INFINITY }
    }
}

impl FromStr for Ranking {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let plain = name.replace('-', "_");
        if plain == VALIDATION_LOSS {
            return Ok(Ranking::ValidationLoss);
        }
        let alias = ALIASES.iter().find(|(alias, _)| *alias == plain).map(|(_, metric)| *metric);
        let metric = alias.or_else(|| plain.parse().ok());
        let known = || std::iter::once(VALIDATION_LOSS).chain(Metric::ALL.iter().map(|metric| metric.name()));
        metric.map(Ranking::Metric).ok_or_else(|| UnknownName::new("metric", name, known()))
    }
}

impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Ranking {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Ranking {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_with_hyphens_too() {
        for ranking in Metric::ALL.iter().map(|metric| Ranking::Metric(*metric)).chain([Ranking::ValidationLoss]) {
            assert_eq!(ranking.name().parse(), Ok(ranking));
            assert_eq!(ranking.name().replace('_', "-").parse(), Ok(ranking));
        }
        assert_eq!("inception-score".parse(), Ok(Ranking::Metric(Metric::InceptionScore)));
        assert_eq!("frechet".parse(), Ok(Ranking::Metric(Metric::FrechetDistance)));
        let unknown = "sliced".parse::<Ranking>().unwrap_err().to_string();
        assert!(
            unknown.starts_with("unknown metric `sliced`; expected one of `validation_loss`, `ks_angle`"),
            "{unknown}"
        );
    }

    #[test]
    fn every_selection_is_a_ranking() {
        for selection in Selection::ALL {
            let is_loss = Ranking::of_selection(*selection) == Ranking::ValidationLoss;
            assert_eq!(is_loss, *selection == Selection::ValidationLoss, "{selection}");
        }
    }

    #[test]
    fn values_that_are_not_finite_are_the_worst() {
        let score = Ranking::Metric(Metric::InceptionScore);
        assert!(score.penalty(3.0) < score.penalty(2.0) && score.penalty(f64::INFINITY) == f64::INFINITY);
        assert!(Ranking::ValidationLoss.penalty(f64::NAN) > Ranking::ValidationLoss.penalty(1e300));
    }
}
