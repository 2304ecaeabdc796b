//! Preference lists as messages.

use gtn_label::{Preference, PreferenceList};

use crate::message::{ArrayReader, push_array};

pub(super) fn write(lists: &[PreferenceList], message: &mut Vec<u8>) {
    let ranked = || lists.iter().flat_map(|list| &list.ranked);
    push_array(message, &lists.iter().map(|list| list.ranked.len() as u32).collect::<Vec<_>>());
    push_array(message, &lists.iter().map(|list| u8::from(list.is_complete)).collect::<Vec<_>>());
    push_array(message, &ranked().map(|row| row.score).collect::<Vec<_>>());
    push_array(message, &ranked().map(|row| row.norm).collect::<Vec<_>>());
    push_array(message, &ranked().map(|row| row.similarity).collect::<Vec<_>>());
    push_array(message, &ranked().map(|row| row.target).collect::<Vec<_>>());
}

/// `None` if the message is malformed.
pub(super) fn read(message: &mut ArrayReader<'_>) -> Option<Vec<PreferenceList>> {
    let (lens, complete): (Vec<u32>, Vec<u8>) = (message.next_array()?, message.next_array()?);
    let (scores, norms): (Vec<f64>, Vec<f64>) = (message.next_array()?, message.next_array()?);
    let (similarity, targets): (Vec<f32>, Vec<u64>) = (message.next_array()?, message.next_array()?);
    let total: usize = lens.iter().map(|&len| len as usize).sum();
    if complete.len() != lens.len() || [scores.len(), norms.len(), similarity.len(), targets.len()] != [total; 4] {
        return None;
    }
    let mut ranked = (0..total).map(|at| Preference {
        score: scores[at],
        norm: norms[at],
        similarity: similarity[at],
        target: targets[at],
    });
    let lists = lens.iter().zip(complete).map(|(&len, is_complete)| PreferenceList {
        ranked: ranked.by_ref().take(len as usize).collect(),
        is_complete: is_complete != 0,
    });
    Some(lists.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_they_were_written() {
        let row = |target| Preference { score: 0.1 * target as f64, norm: 2.0, similarity: -0.5, target };
        let list = |targets: &[u64], is_complete| PreferenceList {
            ranked: targets.iter().map(|&target| row(target)).collect(),
            is_complete,
        };
        let lists = [list(&[1, 2, 3], false), list(&[], true), list(&[u64::MAX], true)];
        let mut message = Vec::new();
        write(&lists, &mut message);
        assert_eq!(read(&mut ArrayReader::new(&message)).as_deref(), Some(&lists[..]));
        assert_eq!(read(&mut ArrayReader::new(&message[..message.len() - 1])), None);
    }
}
