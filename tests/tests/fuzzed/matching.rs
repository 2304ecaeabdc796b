//! Rows of any bytes are matched as Algorithm 1 says, by every strategy, or refused.

use gtn_label::{Matcher, Precision, Rows, Strategy, verify_steps};

const STRATEGIES: [Strategy; 5] =
    [Strategy::Auto, Strategy::Dense, Strategy::Int8, Strategy::Tree, Strategy::Reference];

/// Reads a dimension, a number of source rows and how values are written from the first bytes, and the values from the others.
///
/// # Panics
///
/// If a matching is not that of the definition, or if strategies differ in what they refuse.
pub(crate) fn check(bytes: &[u8]) {
    let Some((&[dim, sources, kind], values)) = bytes.split_first_chunk::<3>() else { return };
    let dim = usize::from(dim % 20) + 1;
    let values: Vec<f32> = match kind % 3 {
        // Small integers, which are often equal or multiples of one another.
        0 => values.iter().map(|&byte| f32::from(byte % 7) - 3.0).collect(),
        1 => values.iter().map(|&byte| f32::from(byte.cast_signed()) / 64.0).collect(),
        // Any floats: infinite, subnormal, not a number.
        _ => values.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
    };
    let rows = (values.len() / dim).min(120);
    // At least as many target rows as source rows, or one fewer, which is refused.
    let sources = if rows == 0 { 0 } else { usize::from(sources) % (rows / 2 + 2).min(rows + 1) };
    let (source, target) = values[..rows * dim].split_at(sources * dim);
    let [source, target] =
        [source, target].map(|data| Rows::new(data, data.len() / dim, dim).expect("rows of equal lengths"));
    for precision in [Precision::Double, Precision::Single] {
        let by = |strategy| {
            Matcher::new().strategy(strategy).precision(precision).threads(1).match_rows(source.clone(), target.clone())
        };
        let reference = by(Strategy::Reference);
        if let Ok(matching) = &reference {
            let steps: Vec<usize> = (0..matching.len()).collect();
            verify_steps(source.clone(), target.clone(), precision, matching, &steps)
                .expect("every step is as defined");
        }
        for strategy in STRATEGIES {
            match (&reference, by(strategy)) {
                (Ok(expected), Ok(found)) => {
                    assert_eq!(found.assignment(), expected.assignment(), "{strategy:?}, {precision:?}");
                    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(found.similarity()), bits(expected.similarity()), "{strategy:?}, {precision:?}");
                }
                (Err(expected), Err(found)) => assert_eq!(found.to_string(), expected.to_string()),
                (expected, found) => panic!("{strategy:?}, {precision:?}: {found:?} instead of {expected:?}"),
            }
        }
    }
}
