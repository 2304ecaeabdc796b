//! Algorithm 1 on each component of a disconnected space separately (Appendix C).

use std::collections::BTreeMap;

use crate::matching::Matching;
use crate::problem::check_columns;
use crate::{Element, MatchError, Matcher, PointSet, Rows, Workspace};

impl Matcher<'_> {
    /// Matches labeled rows, separately for each label: a space with several components needs as many separate sources, each
    /// with its own map (Appendix C of the paper).
    ///
    /// `source_labels` has one label per source row, `target_labels` one per target row. Each label needs at least as many
    /// target rows as source rows. The indices in the result refer to `source` and `target`; [`Matching::order`] lists the
    /// components by ascending label.
    ///
    /// ```
    /// use gtn_label::{Matcher, Rows};
    ///
    /// let source = Rows::new(&[1.0, 0.0, 0.0, 1.0], 2, 2)?;
    /// let target = Rows::new(&[1.0, 0.1, 0.1, 1.0, 5.0, 5.0], 3, 2)?;
    /// let matched = Matcher::new().match_components(source, &[7, 7], target, &[3, 7, 7])?;
    /// assert_eq!(matched.assignment(), [2, 1]); // target row 0 belongs to another component
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`match_rows`](Self::match_rows), except that target rows whose label has no source row may hold any
    /// values; and [`MatchError`] if a row has no label or a label has more source rows than target rows.
    pub fn match_components<'s, 't, T: Element>(
        mut self,
        source: impl Into<Rows<'s, T>>,
        source_labels: &[u32],
        target: impl Into<Rows<'t, T>>,
        target_labels: &[u32],
    ) -> Result<Matching, MatchError> {
        let (source, target) = (source.into(), target.into());
        check_columns(&source, &target)?;
        let source_rows = rows_by_label(PointSet::Source, &source, source_labels)?;
        let target_rows = rows_by_label(PointSet::Target, &target, target_labels)?;
        let targets_of = |label: &u32| target_rows.get(label).map_or(&[][..], Vec::as_slice);
        for (label, rows) in &source_rows {
            let (source_rows, target_rows) = (rows.len(), targets_of(label).len());
            if source_rows > target_rows {
                return Err(MatchError::ComponentLarger { label: *label, source_rows, target_rows });
            }
        }
        self.with_threads(|matcher| {
            let mut workspace = Workspace::new();
            let len = source.len();
            let mut all =
                Matching { assignment: vec![0; len], order: Vec::with_capacity(len), similarity: vec![0.0; len] };
            for (label, rows) in &source_rows {
                let (source, target_rows) = (source.select(rows), targets_of(label));
                let matched = matcher
                    .run(&mut workspace, &source, &target.select(target_rows), (all.order.len(), len))
                    .map_err(|error| with_original_row(error, rows, target_rows))?;
                all.order.extend(matched.order.iter().map(|&row| rows[row]));
                for (row, (taken, similarity)) in rows.iter().zip(matched.assignment.iter().zip(matched.similarity)) {
                    all.assignment[*row] = target_rows[*taken];
                    all.similarity[*row] = similarity;
                }
            }
            Ok(all)
        })
    }
}

/// Replaces the row index of an error by the index in the complete set.
fn with_original_row(error: MatchError, source_rows: &[usize], target_rows: &[usize]) -> MatchError {
    let original = |set: PointSet, row: usize| match set {
        PointSet::Source => source_rows[row],
        PointSet::Target => target_rows[row],
    };
    error.map_rows(original)
}

/// The indices of the rows with each label.
fn rows_by_label<T: Element>(
    set: PointSet,
    rows: &Rows<'_, T>,
    labels: &[u32],
) -> Result<BTreeMap<u32, Vec<usize>>, MatchError> {
    if rows.len() != labels.len() {
        return Err(MatchError::LabelCountMismatch { set, rows: rows.len(), labels: labels.len() });
    }
    let mut by_label = BTreeMap::<u32, Vec<usize>>::new();
    for (row, &label) in labels.iter().enumerate() {
        by_label.entry(label).or_default().push(row);
    }
    Ok(by_label)
}
