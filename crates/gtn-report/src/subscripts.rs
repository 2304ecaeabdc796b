//! Subscripts in text of HTML and SVG.

use maud::{Markup, html};

/// Text in which the letter after `_` is a subscript: `mark` is called with each such letter and the text after it.
pub(crate) fn with_subscripts(text: &str, mark: impl Fn(&str, &str) -> Markup) -> Markup {
    let mut parts = text.split('_');
    let first = parts.next().unwrap_or_default();
    html! {
        (first)
        @for part in parts {
            @let end = part.chars().next().map_or(0, char::len_utf8);
            (mark(&part[..end], &part[end..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letter_after_an_underscore_is_a_subscript() {
        let html = |text: &str| with_subscripts(text, |letter, rest| html! { sub { (letter) } (rest) }).into_string();
        assert_eq!(html("a < b & c"), "a &lt; b &amp; c");
        assert_eq!(html("F_Y(y), F_ĥ"), "F<sub>Y</sub>(y), F<sub>ĥ</sub>");
        assert_eq!(
            ["_", "_<_", "__"].map(html),
            ["<sub></sub>", "<sub>&lt;</sub><sub></sub>", "<sub></sub><sub></sub>"]
        );
    }
}
