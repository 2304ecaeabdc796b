//! Algorithm 1 on each component of a disconnected space apart (Appendix C).

use std::collections::BTreeMap;

use crate::matcher::check_columns;
use crate::matching::Matching;
use crate::{Element, MatchError, Matcher, Rows, Side, Workspace};

impl Matcher<'_> {
    /// Matches rows that carry a label, those of each label apart: a space of several components is reached from as many
    /// separate sources, each with a map of its own (Appendix C of the paper).
    ///
    /// `source_labels` has a label for each source row, `target_labels` one for each target row; a label needs at least as
    /// many target rows as source rows. Row numbers in the result are those of `source` and `target`; components come by
    /// ascending label in [`Matching::order`].
    ///
    /// ```
    /// use gtn_label::{Matcher, Rows};
    ///
    /// let source = Rows::new(&[1.0, 0.0, 0.0, 1.0], 2, 2)?;
    /// let target = Rows::new(&[1.0, 0.1, 0.1, 1.0, 5.0, 5.0], 3, 2)?;
    /// let matched = Matcher::new().match_components(source, &[7, 7], target, &[3, 7, 7])?;
    /// assert_eq!(matched.matching(), [2, 1]); // target row 0 is of another component
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`match_rows`](Self::match_rows), but that target rows without a source row of their label may hold anything;
    /// and [`MatchError`] if a row has no label or a label has more source rows than target rows.
    pub fn match_components<'s, 't, T: Element>(
        mut self,
        source: impl Into<Rows<'s, T>>,
        source_labels: &[u32],
        target: impl Into<Rows<'t, T>>,
        target_labels: &[u32],
    ) -> Result<Matching, MatchError> {
        let (source, target) = (source.into(), target.into());
        check_columns(&source, &target)?;
        let source_rows = by_label(Side::Source, &source, source_labels)?;
        let target_rows = by_label(Side::Target, &target, target_labels)?;
        let of = |label: &u32| target_rows.get(label).map_or(&[][..], Vec::as_slice);
        for (label, rows) in &source_rows {
            let (source_rows, target_rows) = (rows.len(), of(label).len());
            if source_rows > target_rows {
                return Err(MatchError::ComponentLarger { label: *label, source_rows, target_rows });
            }
        }
        self.on_threads(|matcher| {
            let mut workspace = Workspace::new();
            let len = source.len();
            let mut all =
                Matching { matching: vec![0; len], order: Vec::with_capacity(len), similarity: vec![0.0; len] };
            for (label, rows) in &source_rows {
                let (source, target_rows) = (source.select(rows), of(label));
                let matched = matcher
                    .run(&mut workspace, &source, &target.select(target_rows), (all.order.len(), len))
                    .map_err(|error| numbered(error, rows, target_rows))?;
                all.order.extend(matched.order.iter().map(|&row| rows[row]));
                for (row, (taken, similarity)) in rows.iter().zip(matched.matching.iter().zip(matched.similarity)) {
                    all.matching[*row] = target_rows[*taken];
                    all.similarity[*row] = similarity;
                }
            }
            Ok(all)
        })
    }
}

/// The error with the numbers that its row has in the whole set.
fn numbered(error: MatchError, source_rows: &[usize], target_rows: &[usize]) -> MatchError {
    let number = |side: Side, row: usize| match side {
        Side::Source => source_rows[row],
        Side::Target => target_rows[row],
    };
    match error {
        MatchError::NotFinite { side, row, column } => MatchError::NotFinite { side, row: number(side, row), column },
        MatchError::OutOfRange { side, row, largest } => {
            MatchError::OutOfRange { side, row: number(side, row), largest }
        }
        error => error,
    }
}

/// The rows of each label.
fn by_label<T: Element>(
    side: Side,
    rows: &Rows<'_, T>,
    labels: &[u32],
) -> Result<BTreeMap<u32, Vec<usize>>, MatchError> {
    if rows.len() != labels.len() {
        return Err(MatchError::Labels { side, rows: rows.len(), labels: labels.len() });
    }
    let mut found = BTreeMap::<u32, Vec<usize>>::new();
    for (row, &label) in labels.iter().enumerate() {
        found.entry(label).or_default().push(row);
    }
    Ok(found)
}
