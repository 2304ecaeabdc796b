//! Algorithm 1 on several processes: each has a part of the target rows, and process 0 decides.

mod lists;
mod part;
mod remote;

use std::ops::ControlFlow;

use gtn_label::{Matching, Precision, Progress, Shard, match_shards, norms};

use crate::message::{ArrayReader, push_array};
use crate::{Collective, Error, Result};
pub use part::Part;
use remote::{Command, Local, Remote};

/// Runs Algorithm 1 on rows that are divided among the processes, and returns the matching at process 0 and `None` elsewhere. It
/// equals that of [`Matcher`](gtn_label::Matcher) on all rows in one process.
///
/// Every process computes with the threads of its current rayon pool. `progress` is called at process 0 only; `ControlFlow::Break` stops the
/// work on all.
///
/// ```
/// use std::ops::ControlFlow;
/// use gtn_dist::{Collective, Part, Threads, match_rows, part_of};
/// use gtn_label::{Matcher, Precision, Rows};
///
/// let y = [0.0_f32, 2.0, 1.0, 0.0, -1.5, 0.5];
/// let x = [3.0_f32, 0.1, 1.0, 1.0, -0.2, 5.0, -1.0, 0.0];
/// let results = Threads::run(2, |collective| {
///     // Each process needs to read only its own rows.
///     let own = |values: &'static [f32], total| {
///         let rows = part_of(total, collective.rank(), collective.size());
///         let values = &values[rows.start * 2..rows.end * 2];
///         Part { rows: Rows::new(values, rows.len(), 2).unwrap(), total }
///     };
///     # let (y, x): (&'static [f32], &'static [f32]) = (Box::leak(Box::new(y)), Box::leak(Box::new(x)));
///     match_rows(collective, &own(y, 3), &own(x, 4), Precision::Double, |_| ControlFlow::Continue(()))
/// });
/// let expected = Matcher::new().match_rows(Rows::new(&y, 3, 2)?, Rows::new(&x, 4, 2)?)?;
/// assert_eq!(results, [Ok(Some(expected)), Ok(None)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Match`] if the rows cannot be matched or the work is stopped; [`Error::Remote`] if that happened in another process;
/// [`Error::Lost`] if a process has ended.
///
/// # Panics
///
/// If a part does not have the rows that [`part_of`](crate::part_of) gives to this process.
pub fn match_rows(
    collective: &dyn Collective,
    source: &Part<'_>,
    target: &Part<'_>,
    precision: Precision,
    progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Matching>> {
    let [of_source, of_target] = [source, target].map(|part| part.range(collective));
    assert_eq!(source.rows.len(), of_source.len(), "source rows of this process");
    assert_eq!(target.rows.len(), of_target.len(), "target rows of this process");
    let prepared = norms(&source.rows, of_source.start).and_then(|norms| {
        let shard = Shard::new(target.rows.clone(), of_target.start as u64, source.total, precision)?;
        Ok((norms, shard))
    });
    let reason = prepared.as_ref().err().map(ToString::to_string);
    let agreed = collective.agree(reason.as_deref().map(|reason| (0, reason)));
    // The own error says more than that of another process.
    let (norms, shard) = prepared?;
    agreed?;

    let mut message = Vec::new();
    push_array(&mut message, &norms);
    let all_norms = collective.gather(message)?;
    let local = Local { source, of_source, shard, block: Default::default() };
    let Some(all_norms) = all_norms else { return local.follow(collective) };
    let mut norms = Vec::with_capacity(source.total);
    for (rank, message) in all_norms.iter().enumerate() {
        norms.extend(ArrayReader::new(message).next_array::<f64>().ok_or(Error::Message { rank })?);
    }
    let mut remote = Remote { collective, local };
    let matched = match_shards(&norms, target.total as u64, &mut remote, progress);
    remote.tell(&Command::End { reason: matched.as_ref().err().map(ToString::to_string) })?;
    matched.map(Some)
}
