//! Local principal component analysis: Fukunaga and Olsen, "An algorithm for finding intrinsic dimensionality of data", IEEE
//! Transactions on Computers, 1971; Fan, Gu, Qiao and Zhang, "Intrinsic dimension estimation of data by principal component analysis",
//! 2010.

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::{DimensionEstimate, Estimator, Neighborhoods};
use crate::eigen::Algorithm;
use crate::{Error, Neighbor};

/// Variances below this fraction of the largest one are rounding errors.
const ROUNDING: f64 = 1e-12;

/// How many of the variances along principal directions are a dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum VarianceRule {
    /// Those above a fraction of the largest one (Fukunaga and Olsen).
    AboveFraction(f64),
    /// Those before the largest quotient of one variance and the next.
    LargestGap,
    /// Fan and others: of what is left after the mean variance of the last directions (beyond 95% of the variance) is subtracted,
    /// those before the first quotient above 10, or before more than 80% of the sum.
    Fan,
}

impl Default for VarianceRule {
    /// Above 5% of the largest.
    fn default() -> Self {
        VarianceRule::AboveFraction(0.05)
    }
}

impl VarianceRule {
    /// The dimension, for variances in decreasing order; 0 if there is none above 0.
    #[must_use]
    pub fn dimension(self, variances: &[f64]) -> usize {
        let Some(&largest) = variances.first().filter(|largest| **largest > 0.0) else { return 0 };
        match self {
            VarianceRule::AboveFraction(fraction) => {
                variances.iter().take_while(|variance| **variance > fraction * largest).count()
            }
            VarianceRule::LargestGap => {
                let is_rounding = |variance: f64| variance <= ROUNDING * largest;
                let mut best = (variances.len(), 0.0);
                for (index, pair) in variances.windows(2).enumerate() {
                    if is_rounding(pair[0]) {
                        break;
                    }
                    let quotient = if is_rounding(pair[1]) { f64::INFINITY } else { pair[0] / pair[1] };
                    if quotient > best.1 {
                        best = (index + 1, quotient);
                    }
                }
                best.0
            }
            VarianceRule::Fan => fan(variances),
        }
    }
}

fn fan(variances: &[f64]) -> usize {
    let total: f64 = variances.iter().sum();
    let reaching = |values: &[f64], total: f64, fraction: f64| {
        let mut sum = 0.0;
        values.iter().position(|value| {
            sum += value;
            sum / total > fraction
        })
    };
    let last = &variances[reaching(variances, total, 0.95).unwrap_or(variances.len() - 1)..];
    let noise = last.iter().sum::<f64>() / last.len() as f64;
    let rest: Vec<f64> = variances.iter().map(|variance| variance - noise).collect();
    let gap = rest.windows(2).position(|pair| pair[0] / pair[1] > 10.0);
    let enough = reaching(&rest, rest.iter().sum(), 0.8);
    1 + gap.into_iter().chain(enough).min().unwrap_or(variances.len() - 1)
}

impl Neighborhoods {
    /// The mean dimension of neighborhoods: of each row with its `k` nearest neighbors, by a rule for their variances along principal
    /// directions. A neighborhood has at most k dimensions, so k should be several times the estimate.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidNeighborCount`] if fewer neighbors were searched for; [`Error::EigendecompositionFailed`].
    pub fn local_pca(&self, k: usize, rule: VarianceRule) -> Result<DimensionEstimate, Error> {
        let queries: Vec<(usize, &[Neighbor])> = self.nearest(k)?.collect();
        let dimension = |(index, neighbors): (usize, &[Neighbor])| {
            let variances = self.variances(index, neighbors)?;
            Ok(rule.dimension(&variances) as f64)
        };
        let dimensions: Result<Vec<f64>, Error> = queries.into_par_iter().map(dimension).collect();
        DimensionEstimate::new(Estimator::Mean, dimensions?)
    }

    /// The variances of a row and its neighbors along their principal directions, in decreasing order.
    fn variances(&self, index: usize, neighbors: &[Neighbor]) -> Result<Vec<f64>, Error> {
        let columns = self.rows.ncols();
        let members: Vec<usize> =
            std::iter::once(index).chain(neighbors.iter().map(|neighbor| neighbor.index)).collect();
        let n = members.len();
        let mut centered = DMatrix::from_fn(n, columns, |row, column| f64::from(self.rows[[members[row], column]]));
        for mut column in centered.column_iter_mut() {
            let mean = column.mean();
            column.add_scalar_mut(-mean);
        }
        // X Xᵀ and Xᵀ X have the same eigenvalues above 0, so the smaller one is decomposed.
        let algorithm = Algorithm::by_size(n.min(columns));
        let products = if n < columns { &centered * centered.transpose() } else { centered.tr_mul(&centered) };
        let (values, _) = algorithm.symmetric_eigen(products / (n - 1) as f64)?;
        let mut variances: Vec<f64> = values.iter().map(|value| value.max(0.0)).collect();
        variances.sort_unstable_by(|a, b| b.total_cmp(a));
        Ok(variances)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_count_variances() {
        let above = |fraction| VarianceRule::AboveFraction(fraction).dimension(&[4.0, 2.0, 0.4, 0.1]);
        assert_eq!([above(0.6), above(0.05), above(0.01)], [1, 3, 4]);
        assert_eq!(VarianceRule::LargestGap.dimension(&[4.0, 2.0, 0.2, 0.1]), 2);
        assert_eq!(VarianceRule::LargestGap.dimension(&[4.0, 2.0, 1.0, 1e-17, 1e-25]), 3);
        assert_eq!(VarianceRule::LargestGap.dimension(&[4.0]), 1);
        // Without the noise of 0.5, 3.5, 1.5 and 0.5 remain; the first two have 91%.
        assert_eq!(VarianceRule::Fan.dimension(&[4.0, 2.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]), 2);
        for rule in [VarianceRule::default(), VarianceRule::LargestGap, VarianceRule::Fan] {
            assert_eq!((rule.dimension(&[]), rule.dimension(&[0.0, 0.0]), rule.dimension(&[1.0])), (0, 0, 1));
        }
    }
}
