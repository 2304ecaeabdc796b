use crate::error::ParameterError;

/// The weights of the named distribution, which must be positive, divided by their sum.
pub(super) fn normalized(distribution: &'static str, weights: &[f64]) -> Result<Vec<f64>, ParameterError> {
    for &weight in weights {
        ParameterError::check_positive(distribution, "weight", weight)?;
    }
    // Dividing by the largest weight first keeps the sum from overflowing.
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let sum: f64 = weights.iter().map(|w| w / largest).sum();
    weights
        .iter()
        .map(|w| ParameterError::check_positive(distribution, "normalized weight", w / largest / sum))
        .collect()
}
