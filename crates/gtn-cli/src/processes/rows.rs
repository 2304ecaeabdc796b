//! Rows of which each process computes a part.

use std::ops::Range;

use gtn_dist::{ArrayReader, Collective, Error, batch_parts, part_of_batches, push_array};
use ndarray::{Array, ArrayView, Axis, Ix1, Ix2, IxDyn, RemoveAxis, concatenate};

use super::{agreed_at, known_to_all};
use crate::failure::Failure;

/// Computes rows, of which `rows` says how many there are, and how many a batch has: each batch is the same as in one process. `compute`
/// computes the part of this process; process 0 returns all rows in their order, and the others `None`.
///
/// # Errors
///
/// The error of a process, on all of them.
pub(crate) fn computed<D: RemoveAxis>(
    collective: &dyn Collective,
    what: &str,
    rows: (usize, usize),
    compute: impl FnOnce(Range<usize>) -> Result<Array<f32, D>, Failure>,
) -> Result<Option<Array<f32, D>>, Failure> {
    if collective.size() == 1 {
        return compute(0..rows.0).map(Some);
    }
    let (rank, size) = (collective.rank(), batch_parts(rows, collective.size()));
    let own = if rank < size { compute(part_of_batches(rows, rank, size)).map(Some) } else { Ok(None) };
    let own = agreed_at(collective, what, own)?;
    gathered(collective, size, own).map_err(|error| known_to_all(collective, error))
}

/// The parts of the first `size` processes, at process 0.
fn gathered<D: RemoveAxis>(
    collective: &dyn Collective,
    size: usize,
    own: Option<Array<f32, D>>,
) -> gtn_dist::Result<Option<Array<f32, D>>> {
    let Some(own) = own else { return Ok(None) };
    if !collective.is_first() {
        collective.send(0, &to_message(own.view()))?;
        return Ok(None);
    }
    let mut parts = vec![own];
    for rank in 1..size {
        parts.push(from_message(&collective.receive(rank)?).ok_or(Error::Message { rank })?);
    }
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    concatenate(Axis(0), &views).map(Some).map_err(|_| Error::Message { rank: size - 1 })
}

/// What process 0 has, for all; `None` if it has nothing.
///
/// # Errors
///
/// If a process has ended.
pub(crate) fn of_first(
    collective: &dyn Collective,
    rows: Option<Array<f32, Ix2>>,
) -> Result<Option<Array<f32, Ix2>>, Failure> {
    if collective.size() == 1 {
        return Ok(rows);
    }
    let mut message = match &rows {
        Some(rows) if collective.is_first() => to_message(rows.view()),
        _ => Vec::new(),
    };
    let sent = collective.broadcast(&mut message).and_then(|()| match (collective.is_first(), message.is_empty()) {
        (true, _) => Ok(rows),
        (false, true) => Ok(None),
        (false, false) => from_message(&message).map(Some).ok_or(Error::Message { rank: 0 }),
    });
    sent.map_err(|error| known_to_all(collective, error))
}

fn to_message<D: RemoveAxis>(rows: ArrayView<'_, f32, D>) -> Vec<u8> {
    let shape: Vec<u64> = rows.shape().iter().map(|&len| len as u64).collect();
    let mut message = Vec::with_capacity(size_of::<f32>() * rows.len() + 64);
    push_array(&mut message, &shape);
    let rows = rows.as_standard_layout();
    push_array(&mut message, rows.as_slice().expect("it is in standard layout"));
    message
}

fn from_message<D: RemoveAxis>(message: &[u8]) -> Option<Array<f32, D>> {
    let mut reader = ArrayReader::new(message);
    let shape: Vec<u64> = reader.next_array()?;
    let shape: Vec<usize> = shape.into_iter().map(|len| len as usize).collect();
    let values = Array::<f32, Ix1>::from_vec(reader.next_array()?);
    values.into_shape_with_order(IxDyn(&shape)).ok()?.into_dimensionality().ok()
}

#[cfg(test)]
mod tests {
    use gtn_dist::Threads;
    use ndarray::{Array2, Array4};

    use super::*;

    /// The computed rows of one process, in batches of 3.
    fn squares(rows: Range<usize>) -> Array2<f32> {
        let first = rows.start;
        Array2::from_shape_fn((rows.len(), 2), |(row, column)| ((first + row) * (first + row) + column) as f32)
    }

    #[test]
    fn parts_are_whole_batches_and_come_together_in_order() {
        for processes in 1..=5 {
            for rows in [0, 1, 3, 7, 30] {
                let found = Threads::run(processes, |collective| {
                    let compute = |part: Range<usize>| {
                        assert!(part.start.is_multiple_of(3) && (part.end.is_multiple_of(3) || part.end == rows));
                        Ok(squares(part))
                    };
                    computed(collective, "squares", (rows, 3), compute).unwrap()
                });
                assert_eq!(found[0], Some(squares(0..rows)), "{rows} rows on {processes} processes");
                assert!(found[1..].iter().all(Option::is_none));
            }
        }
    }

    #[test]
    fn a_failure_is_that_of_all() {
        let found = Threads::run(3, |collective| {
            let compute = |part: Range<usize>| match part.start {
                6 => Err(Failure::users("unreadable")),
                _ => Ok(squares(part)),
            };
            computed(collective, "squares", (9, 3), compute).unwrap_err().to_string()
        });
        assert!(found.iter().all(|message| message.contains("unreadable")), "{found:?}");
    }

    #[test]
    fn images_keep_their_shape_and_all_get_what_the_first_has() {
        let images = Array4::from_shape_fn((4, 3, 2, 2), |(n, c, y, x)| (n + 10 * c + 100 * y + 1000 * x) as f32);
        let reversed = images.clone().permuted_axes([0, 3, 2, 1]);
        assert_eq!(from_message(&to_message(reversed.view())), Some(reversed));
        let found = Threads::run(3, |collective| {
            let rows = collective.is_first().then(|| squares(0..5));
            [of_first(collective, rows).unwrap(), of_first(collective, None).unwrap()]
        });
        assert!(found.iter().all(|found| *found == [Some(squares(0..5)), None]));
    }
}
