//! Shapes of arrays as text.

/// A shape as Python prints it: `(2500,)` or `(2, 3)`.
#[must_use]
pub fn tuple_text(shape: &[usize]) -> String {
    match shape {
        [length] => format!("({length},)"),
        _ => format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}
