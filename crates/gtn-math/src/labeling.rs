use crate::error::{LabelingError, Variable};

/// The sorted labeling of Figure 2: for each y, the index of the x with the same rank.
///
/// Points of equal rank have the same value of the empirical distribution function. `y` and `x` are samples of equal
/// size, in any order and units. Equal values are ranked by index. The result is a permutation of 0..n; two empty
/// samples give an empty one. The time is O(n log n).
///
/// ```
/// let label = gtn_math::sorted_labeling(&[0.3, -1.2, 2.0], &[10.0, 30.0, 20.0])?;
/// assert_eq!(label, [2, 0, 1]); // the smallest y, at index 1, gets the smallest x, at index 0
/// # Ok::<(), gtn_math::LabelingError>(())
/// ```
///
/// # Errors
///
/// The samples differ in size, or a point is NaN or infinite.
pub fn sorted_labeling(y: &[f64], x: &[f64]) -> Result<Vec<usize>, LabelingError> {
    let (y_by_rank, x_by_rank) = argsort_both(y, x)?;
    let mut label = vec![0; y.len()];
    for (i, j) in y_by_rank.into_iter().zip(x_by_rank) {
        label[i] = j;
    }
    Ok(label)
}

/// The indices of two samples of equal size, each in ascending order of its values.
pub(crate) fn argsort_both(y: &[f64], x: &[f64]) -> Result<(Vec<usize>, Vec<usize>), LabelingError> {
    if y.len() != x.len() {
        return Err(LabelingError::LengthMismatch { y: y.len(), x: x.len() });
    }
    Ok((argsort(y, Variable::Y)?, argsort(x, Variable::X)?))
}

/// The indices of a sample in ascending order of its values; ties are ordered by index.
fn argsort(sample: &[f64], variable: Variable) -> Result<Vec<usize>, LabelingError> {
    if let Some((index, &value)) = sample.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(LabelingError::NotFinite { variable, index, value });
    }
    let mut indices: Vec<usize> = (0..sample.len()).collect();
    // Adding 0 turns -0 into +0, which total_cmp would otherwise rank below +0. The sort is stable, which orders ties
    // by index.
    indices.sort_by(|&i, &j| (sample[i] + 0.0).total_cmp(&(sample[j] + 0.0)));
    Ok(indices)
}
