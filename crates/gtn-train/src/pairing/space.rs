//! The space in which targets are paired: normalized, in components, and in the coordinates of each.

use gtn_models::{Coordinates, Streams, purpose};
use gtn_run::Artifact;
use gtn_run::config::{Components, CoordinateSystem};
use gtn_run::schema::coordinates as keys;
use ndarray::{Array1, Array2, Array3, Axis};

use super::components::{component_labels, consecutive};
use crate::context::{Context, fingerprint};
use crate::handoff::Targets;
use crate::{Error, Result};
use gtn_run::Config;
use gtn_run::schema::Split;

/// The space in which targets are paired.
pub(crate) struct Space<'a> {
    pub(crate) config: &'a Config,
    pub(crate) targets: &'a Targets,
    /// The components and their coordinates; `None` for the normalized targets themselves.
    pub(crate) coordinates: Option<Coordinates>,
    /// Checksum of the coordinates.
    pub(crate) checksum: Option<String>,
}

/// Targets in that space.
pub(crate) struct SpaceTargets {
    /// The targets in the coordinates of their components, shape (n, d).
    pub(crate) rows: Array2<f32>,
    /// The component of each.
    pub(crate) components: Vec<u32>,
}

impl<'a> Space<'a> {
    /// The space that a configuration asks for. Components that were found before are read.
    pub(crate) fn new(config: &'a Config, targets: &'a Targets, context: &mut Context<'_>) -> Result<Self> {
        context.in_turn(|context| Self::found(config, targets, context))
    }

    fn found(config: &'a Config, targets: &'a Targets, context: &mut Context<'_>) -> Result<Self> {
        let pairing = &config.pairing;
        if pairing.is_plain() {
            return Ok(Self { config, targets, coordinates: None, checksum: None });
        }
        let (system, dim) = (pairing.coordinates(), targets.train.ncols());
        let settings = (config.seed, pairing.components(), system.name());
        let inputs = fingerprint("coordinates", &settings, &[&targets.checksum]);
        let path = context.run.coordinates();
        let artifact = match context.read_current(&path, &inputs)? {
            Some(artifact) => artifact,
            None if !context.is_first() => return Err(Error::NotShared { path }),
            None => {
                let normalized = targets.normalizer.normalize(targets.train.view());
                let coordinates = match pairing.components() {
                    Components::Labels => {
                        let no_labels = || Error::NoLabels { experiment: config.experiment.clone() };
                        let labels = &targets.labels.as_ref().ok_or_else(no_labels)?.train;
                        let numbers = class_numbers(labels);
                        let labels: Vec<u32> = labels.iter().filter_map(|&label| numbers[label as usize]).collect();
                        fit(system, &normalized, &labels)?
                    }
                    components => {
                        let labels = component_labels(&normalized, components, context)?;
                        let first = fit(system, &normalized, &labels)?;
                        // Rows are placed by the most probable component, so weights and coordinates are those of these rows.
                        fit(system, &normalized, &consecutive(&first.assign(normalized.view()), 1))?
                    }
                };
                let mut artifact = Artifact::new(inputs);
                artifact.insert_group(&keys::COORDINATES, coordinates.to_arrays());
                artifact.set_metadata(&keys::SYSTEM, &system)?;
                artifact.write(&path)?;
                artifact
            }
        };
        let system = artifact.metadata(&keys::SYSTEM).unwrap_or(system);
        let coordinates = Coordinates::from_arrays(system, dim, &artifact.group(&keys::COORDINATES))?;
        Ok(Self { config, targets, coordinates: Some(coordinates), checksum: Some(artifact.checksum()) })
    }

    /// The targets of a split in this space.
    pub(crate) fn place(&self, split: Split, rows: &Array2<f32>) -> SpaceTargets {
        let normalized = self.targets.normalizer.normalize(rows.view());
        let Some(coordinates) = &self.coordinates else {
            return SpaceTargets { components: vec![0; rows.nrows()], rows: normalized };
        };
        let mut components = coordinates.assign(normalized.view());
        if let (Components::Labels, Some(labels)) = (self.config.pairing.components(), &self.targets.labels) {
            // A class without training rows is no component: its rows stay where they are most probable.
            let numbers = class_numbers(&labels.train);
            for (component, &label) in components.iter_mut().zip(labels.of(split)) {
                *component = numbers.get(label as usize).copied().flatten().unwrap_or(*component);
            }
        }
        SpaceTargets { rows: coordinates.to_coordinates(normalized.view(), &components), components }
    }

    /// Targets in their own units, from points of this space.
    pub(crate) fn to_targets(&self, points: Array2<f32>, components: &[u32]) -> Array2<f32> {
        let normalized = match &self.coordinates {
            Some(coordinates) => coordinates.to_data(points.view(), components),
            None => points,
        };
        self.targets.normalizer.denormalize(normalized)
    }

    /// Normal vectors for the targets of a split.
    pub(crate) fn draw_source(&self, split: Split, n: usize, streams: &Streams) -> Array2<f32> {
        streams.normal(&purpose::source(split.name()), 0, n, self.targets.train.ncols())
    }

    /// Number of components.
    pub(crate) fn components(&self) -> usize {
        self.coordinates.as_ref().map_or(1, Coordinates::components)
    }
}

/// The component of each class: those with training rows are numbered in their order.
fn class_numbers(labels: &[u32]) -> Vec<Option<u32>> {
    let count = labels.iter().max().map_or(0, |&label| label as usize + 1);
    let mut numbers = vec![None; count];
    labels.iter().for_each(|&label| numbers[label as usize] = Some(0));
    for (number, class) in (0..).zip(numbers.iter_mut().flatten()) {
        *class = number;
    }
    numbers
}

/// A variance below this fraction of the mean variance is raised to it, so that no coordinate is divided by 0.
const MIN_VARIANCE: f64 = 1e-6;

/// The coordinates of components with these labels: their frequencies, means and covariances.
fn fit(system: CoordinateSystem, rows: &Array2<f32>, labels: &[u32]) -> Result<Coordinates> {
    let (n, dim) = rows.dim();
    let count = labels.iter().max().map_or(1, |&label| label as usize + 1);
    let mut rows_of: Vec<Vec<usize>> = vec![Vec::new(); count];
    labels.iter().enumerate().for_each(|(row, &label)| rows_of[label as usize].push(row));
    // The mean variance of all data, for components whose own rows do not vary.
    let overall = gtn_metrics::total_variance(rows.view())? / dim as f64;
    let floor = if overall > 0.0 { MIN_VARIANCE * overall } else { 1.0 };
    let mut weights = Array1::zeros(count);
    let mut means = Array2::zeros((count, dim));
    let mut factors = Array3::zeros((count, dim, dim));
    for (k, indices) in rows_of.iter().enumerate() {
        let part = rows.select(Axis(0), indices).mapv(f64::from);
        let mean = part.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(dim));
        let centered = part - &mean;
        let mut covariance = centered.t().dot(&centered) / indices.len().max(1) as f64;
        covariance.diag_mut().mapv_inplace(|variance| variance + floor);
        let factor = nalgebra::DMatrix::from_fn(dim, dim, |i, j| covariance[(i, j)]).cholesky();
        // A positive diagonal was added, so the factor exists unless values overflow; then the variances alone do.
        let factor = factor.map(nalgebra::Cholesky::unpack);
        weights[k] = (indices.len().max(1) as f64 / n.max(1) as f64) as f32;
        for i in 0..dim {
            means[(k, i)] = mean[i] as f32;
            for j in 0..=i {
                let value = match &factor {
                    Some(factor) => factor[(i, j)],
                    None if i == j => covariance[(i, i)].sqrt(),
                    None => 0.0,
                };
                factors[(k, i, j)] = value as f32;
            }
        }
    }
    Ok(Coordinates::new(system, weights, means, factors)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitened_coordinates_have_the_identity_as_covariance() {
        let streams = Streams::new(3);
        let mut rows = streams.normal("rows", 0, 2000, 3);
        for (index, mut row) in rows.outer_iter_mut().enumerate() {
            row[1] = 3.0 * row[1] + row[0];
            row[2] += if index % 2 == 0 { 10.0 } else { -10.0 };
        }
        let labels: Vec<u32> = (0..2000).map(|index| index % 2).collect();
        let coordinates = fit(CoordinateSystem::Whitened, &rows, &labels).unwrap();
        assert_eq!(coordinates.components(), 2);
        let z = coordinates.to_coordinates(rows.view(), &labels).mapv(f64::from);
        let covariance = z.t().dot(&z) / 2000.0;
        for ((i, j), value) in covariance.indexed_iter() {
            assert!((value - f64::from(u8::from(i == j))).abs() < 1e-3, "{covariance}");
        }
        assert_eq!(coordinates.assign(rows.view()), labels);
        // Scaled: one number for all columns, so the mean variance is 1.
        let coordinates = fit(CoordinateSystem::Scaled, &rows, &vec![0; 2000]).unwrap();
        let z = coordinates.to_coordinates(rows.view(), &vec![0; 2000]);
        let variance = gtn_metrics::total_variance(z.view()).unwrap() / 3.0;
        assert!((variance - 1.0).abs() < 2e-3, "{variance}");
    }

    #[test]
    fn classes_without_training_rows_have_no_number() {
        assert_eq!(class_numbers(&[3, 1, 3]), [None, Some(0), None, Some(1)]);
        assert!(class_numbers(&[]).is_empty());
    }

    #[test]
    fn data_without_variance_have_coordinates() {
        for rows in [Array2::from_elem((5, 2), 4.0), Array2::from_shape_fn((5, 2), |(i, j)| (i * (1 - j)) as f32)] {
            for system in [CoordinateSystem::Whitened, CoordinateSystem::Scaled, CoordinateSystem::Covariance] {
                let coordinates = fit(system, &rows, &[0; 5]).unwrap();
                let z = coordinates.to_coordinates(rows.view(), &[0; 5]);
                let back = coordinates.to_data(z.view(), &[0; 5]);
                assert!((&back - &rows).iter().all(|error| error.abs() < 1e-3), "{system}");
            }
        }
    }
}
