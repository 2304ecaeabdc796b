//! Rows that all processes compute while process 0 completes a stage: it asks, and the others answer until it is done.

use std::ops::Range;

use gtn_dist::{ArrayReader, Collective, Error, batch_parts, part_of_batches, push_array};
use ndarray::{Array2, Axis, concatenate};

use crate::Result;

/// Computes rows in parts, one for each process, and returns them in their order. `rows` says how many there are, and how many a batch has:
/// each batch is the same as in one process. `request` is what another process is asked for a part, and `own` computes that of process 0.
pub(crate) fn compute_rows(
    collective: &dyn Collective,
    rows: (usize, usize),
    request: impl Fn(Range<usize>) -> Vec<u8>,
    own: impl FnOnce(Range<usize>) -> Result<Array2<f32>>,
) -> Result<Array2<f32>> {
    let size = batch_parts(rows, collective.size());
    let part = |rank| part_of_batches(rows, rank, size);
    for rank in 1..size {
        collective.send(rank, &request(part(rank)))?;
    }
    let mut parts = vec![own(part(0))?];
    for rank in 1..size {
        let answer = collective.receive(rank)?;
        let values = ArrayReader::new(&answer).next_array::<f32>().ok_or(Error::Message { rank })?;
        let len = part(rank).len();
        let columns = values.len() / len.max(1);
        let array = Array2::from_shape_vec((len, columns), values).map_err(|_| Error::Message { rank })?;
        parts.push(array);
    }
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    Ok(concatenate(Axis(0), &views).map_err(|_| Error::Message { rank: size - 1 })?)
}

/// Answers process 0 until it is [done](end).
pub(crate) fn answer_rows(
    collective: &dyn Collective,
    mut compute: impl FnMut(&[u8]) -> Result<Array2<f32>>,
) -> Result<()> {
    loop {
        let request = collective.receive(0)?;
        if request.is_empty() {
            return Ok(());
        }
        let rows = compute(&request)?;
        let mut answer = Vec::new();
        push_array(&mut answer, rows.as_standard_layout().as_slice().expect("it is in standard layout"));
        collective.send(0, &answer)?;
    }
}

/// Tells the other processes that process 0 is done.
pub(crate) fn end(collective: &dyn Collective) -> Result<()> {
    (1..collective.size()).try_for_each(|rank| Ok(collective.send(rank, &[])?))
}
