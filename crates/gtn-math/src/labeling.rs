use crate::error::{LabelingError, Side};

/// The labeling of Figure 2: for each y the index of the x of the same rank, which is the x with the same value of the
/// empirical distribution function.
///
/// `y` and `x` are samples of one size, in any order and units. Equal values rank by index. The result is a permutation of
/// 0..n; two empty samples give an empty one. It takes O(n log n) steps.
///
/// ```
/// let label = gtn_math::sorted_labeling(&[0.3, -1.2, 2.0], &[10.0, 30.0, 20.0])?;
/// assert_eq!(label, [2, 0, 1]); // the smallest y, at 1, takes the smallest x, at 0
/// # Ok::<(), gtn_math::LabelingError>(())
/// ```
///
/// # Errors
///
/// The samples differ in size, or a point is NaN or infinite.
pub fn sorted_labeling(y: &[f64], x: &[f64]) -> Result<Vec<usize>, LabelingError> {
    if y.len() != x.len() {
        return Err(LabelingError::Lengths { y: y.len(), x: x.len() });
    }
    let y_by_rank = ranked(y, Side::Y)?;
    let x_by_rank = ranked(x, Side::X)?;
    let mut label = vec![0; y.len()];
    for (i, j) in y_by_rank.into_iter().zip(x_by_rank) {
        label[i] = j;
    }
    Ok(label)
}

/// The indices of a sample in ascending order of its values.
pub(crate) fn ranked(sample: &[f64], side: Side) -> Result<Vec<usize>, LabelingError> {
    if let Some((index, &value)) = sample.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(LabelingError::NotFinite { side, index, value });
    }
    let mut order: Vec<usize> = (0..sample.len()).collect();
    // Adding 0 turns -0 into +0, which total_cmp would rank apart; the sort is stable, so ties stay by index.
    order.sort_by(|&i, &j| (sample[i] + 0.0).total_cmp(&(sample[j] + 0.0)));
    Ok(order)
}
