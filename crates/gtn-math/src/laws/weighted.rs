use crate::error::ParameterError;

/// Positive weights, divided by their sum.
pub(super) fn normalized(law: &'static str, weights: &[f64]) -> Result<Vec<f64>, ParameterError> {
    for &weight in weights {
        ParameterError::check_positive(law, "weight", weight)?;
    }
    // By the largest first, so that the sum cannot overflow.
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let sum: f64 = weights.iter().map(|w| w / largest).sum();
    weights.iter().map(|w| ParameterError::check_positive(law, "share of the weights", w / largest / sum)).collect()
}
