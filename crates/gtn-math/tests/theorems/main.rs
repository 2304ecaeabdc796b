//! What the paper proves, as properties that can fail. The names say what is proved; the table on the crate's front page
//! lists them.

mod bad_input;
mod common;
mod empirical;
mod labeling;
mod line;
mod line_wise;
mod mixture;
mod radial;
mod swiss_roll;
mod union;
