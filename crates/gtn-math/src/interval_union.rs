use std::fmt;

use crate::error::UnionError;
use crate::interval::{Gap, OpenInterval};

/// A union of disjoint open intervals in ascending order. The intervals are the connected components of the set.
///
/// Appendix C of the paper is about distributions on such sets. Intervals may touch: (0, 1) and (1, 2) are two
/// components, because 1 is in neither.
///
/// ```
/// use gtn_math::{IntervalUnion, OpenInterval};
///
/// let set = IntervalUnion::new([OpenInterval::new(4.0, 5.0)?, OpenInterval::new(0.0, 1.0)?])?;
/// assert_eq!(set.to_string(), "(0.0, 1.0) ∪ (4.0, 5.0)");
/// assert_eq!(set.component_index(4.5), Some(1));
/// assert_eq!(set.component_index(2.0), None);
/// assert_eq!(set.gaps().next().map(|gap| gap.width()), Some(3.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalUnion {
    components: Vec<OpenInterval>,
}

impl IntervalUnion {
    /// The union of intervals in any order.
    ///
    /// # Errors
    ///
    /// There is no interval, or two of them overlap.
    pub fn new(intervals: impl IntoIterator<Item = OpenInterval>) -> Result<Self, UnionError> {
        let mut components: Vec<OpenInterval> = intervals.into_iter().collect();
        components.sort_by(|a, b| a.lower().total_cmp(&b.lower()));
        Self::from_ascending(components)
    }

    /// The union of intervals that are sorted by their lower endpoints.
    pub(crate) fn from_ascending(components: Vec<OpenInterval>) -> Result<Self, UnionError> {
        if components.is_empty() {
            return Err(UnionError::Empty);
        }
        match components.windows(2).find(|pair| pair[0].upper() > pair[1].lower()) {
            Some(pair) => Err(UnionError::Overlap { first: pair[0], second: pair[1] }),
            None => Ok(Self { components }),
        }
    }

    /// The intervals in ascending order; there is at least one.
    pub fn components(&self) -> &[OpenInterval] {
        &self.components
    }

    /// The closed intervals between neighboring components; there is one fewer than components. The gap between
    /// components that touch has width 0.
    pub fn gaps(&self) -> impl ExactSizeIterator<Item = Gap> + '_ {
        self.components.windows(2).map(|pair| Gap { lower: pair[0].upper(), upper: pair[1].lower() })
    }

    /// The smallest open interval that contains all components.
    pub fn hull(&self) -> OpenInterval {
        let (first, last) = (self.components[0], self.components[self.components.len() - 1]);
        first.hull(last)
    }

    /// The index of the component that contains `value`, from 0; `None` for endpoints, gaps and NaN.
    pub fn component_index(&self, value: f64) -> Option<usize> {
        let index = self.components.partition_point(|c| c.upper() <= value);
        self.components.get(index).filter(|c| c.contains(value)).map(|_| index)
    }

    /// Whether `value` is in a component.
    pub fn contains(&self, value: f64) -> bool {
        self.component_index(value).is_some()
    }

    /// The gap that contains `value`; the ends of a gap belong to it.
    pub(crate) fn gap_containing(&self, value: f64) -> Option<Gap> {
        self.gaps().find(|gap| gap.lower <= value && value <= gap.upper)
    }
}

impl From<OpenInterval> for IntervalUnion {
    fn from(interval: OpenInterval) -> Self {
        Self { components: vec![interval] }
    }
}

impl fmt::Display for IntervalUnion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, component) in self.components.iter().enumerate() {
            write!(f, "{}{component}", if i == 0 { "" } else { " ∪ " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(lower: f64, upper: f64) -> OpenInterval {
        OpenInterval::new(lower, upper).unwrap()
    }

    #[test]
    fn overlapping_intervals_are_errors() {
        assert_eq!(IntervalUnion::new([]), Err(UnionError::Empty));
        let (a, b) = (interval(0.0, 2.0), interval(1.0, 3.0));
        assert_eq!(IntervalUnion::new([b, a]), Err(UnionError::Overlap { first: a, second: b }));
        assert!(IntervalUnion::new([a, a]).is_err());
        assert!(IntervalUnion::new([OpenInterval::real_line(), a]).is_err());
        assert!(IntervalUnion::new([interval(1.0, 2.0), interval(0.0, 5.0)]).is_err());
        assert!(IntervalUnion::new([interval(-0.0, 5.0), interval(-1.0, 0.0)]).is_ok());
    }

    #[test]
    fn endpoints_and_gaps_are_outside() {
        let set = IntervalUnion::new([interval(1.0, 2.0), interval(0.0, 1.0), interval(3.0, f64::INFINITY)]).unwrap();
        for (value, component) in [(0.5, Some(0)), (1.5, Some(1)), (1e300, Some(2)), (3.5, Some(2))] {
            assert_eq!(set.component_index(value), component, "{value}");
        }
        for outside in [-1.0, 0.0, 1.0, 2.0, 2.5, 3.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!set.contains(outside), "{outside}");
        }
        assert_eq!(set.gaps().collect::<Vec<_>>(), [Gap { lower: 1.0, upper: 1.0 }, Gap { lower: 2.0, upper: 3.0 }]);
        assert_eq!(set.gap_containing(2.0), Some(Gap { lower: 2.0, upper: 3.0 }));
        assert_eq!((set.gap_containing(0.0), set.gap_containing(f64::NAN)), (None, None));
        assert_eq!(set.hull(), OpenInterval::positive());
    }
}
