//! Arrays of numbers as messages: each with its length, in the byte order of the processes, which run the same program.

use std::borrow::Cow;

use bytemuck::Pod;

/// Appends an array to a message, which [`ArrayReader`] reads.
///
/// ```
/// use gtn_dist::{ArrayReader, push_array};
///
/// let mut message = Vec::new();
/// push_array(&mut message, &[0.5_f64, 1.5]);
/// push_array(&mut message, b"text");
/// let mut reader = ArrayReader::new(&message);
/// assert_eq!(reader.next_array::<f64>(), Some(vec![0.5, 1.5]));
/// assert_eq!(reader.next_array::<u8>(), Some(b"text".to_vec()));
/// assert_eq!(reader.next_array::<u8>(), None);
/// ```
pub fn push_array<T: Pod>(message: &mut Vec<u8>, values: &[T]) {
    message.extend_from_slice(&(values.len() as u64).to_ne_bytes());
    message.extend_from_slice(bytemuck::cast_slice(values));
}

/// Takes the arrays of a message in the order in which [`push_array`] has appended them.
#[derive(Debug)]
pub struct ArrayReader<'m>(&'m [u8]);

impl<'m> ArrayReader<'m> {
    /// A reader at the beginning of a message.
    #[must_use]
    pub fn new(message: &'m [u8]) -> Self {
        Self(message)
    }

    /// As [`next_array`](Self::next_array), without a copy where the bytes are aligned for the type.
    pub(crate) fn next_borrowed<T: Pod>(&mut self) -> Option<Cow<'m, [T]>> {
        let bytes = self.next_bytes(size_of::<T>())?;
        Some(match bytemuck::try_cast_slice(bytes) {
            Ok(values) => Cow::Borrowed(values),
            Err(_) => Cow::Owned(copied(bytes)),
        })
    }

    /// The bytes of the next array, whose values have a size.
    fn next_bytes(&mut self, size: usize) -> Option<&'m [u8]> {
        let (len, rest) = self.0.split_first_chunk::<8>()?;
        let bytes = usize::try_from(u64::from_ne_bytes(*len)).ok()?.checked_mul(size)?;
        let (values, rest) = rest.split_at_checked(bytes)?;
        self.0 = rest;
        Some(values)
    }

    /// The next array; `None` if the message has no further one of this type.
    pub fn next_array<T: Pod>(&mut self) -> Option<Vec<T>> {
        self.next_bytes(size_of::<T>()).map(copied)
    }
}

/// The values that bytes hold, which may not be aligned for the type.
fn copied<T: Pod>(bytes: &[u8]) -> Vec<T> {
    let mut array = vec![T::zeroed(); bytes.len() / size_of::<T>()];
    bytemuck::cast_slice_mut(&mut array).copy_from_slice(bytes);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read_as_they_were_written() {
        let mut message = Vec::new();
        push_array(&mut message, &[1_u8, 2, 3]);
        push_array(&mut message, &[0.5_f64]);
        push_array::<u64>(&mut message, &[]);
        let mut reader = ArrayReader::new(&message);
        assert_eq!(reader.next_array::<u8>(), Some(vec![1, 2, 3]));
        assert_eq!(reader.next_array::<f64>(), Some(vec![0.5]));
        assert_eq!(reader.next_array::<u64>(), Some(vec![]));
        assert_eq!(reader.next_array::<u64>(), None);
        assert_eq!(ArrayReader::new(&message[..10]).next_array::<u8>(), None);
        assert_eq!(ArrayReader::new(&[255; 8]).next_array::<f64>(), None);
    }
}
