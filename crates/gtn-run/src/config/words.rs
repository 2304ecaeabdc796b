//! Mistakes in a configuration, in one line that says what was meant.

/// The candidate that `word` was probably meant to be, if one is near.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase());
    // Up to a third of the letters may be wrong, and a short word may have one slip.
    let allowed = |candidate: &str| (word.chars().count().max(candidate.chars().count()) / 3).max(1);
    let near = candidates.into_iter().map(|candidate| (distance(candidate), candidate));
    near.filter(|(distance, candidate)| *distance <= allowed(candidate)).min().map(|(_, candidate)| candidate)
}

/// What is wrong with a TOML text, and in which line.
pub(crate) fn in_one_line(error: &toml::de::Error, text: &str) -> String {
    let message = with_suggestion(error.message());
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

/// A message of serde's on one line; if it is about an unknown name, with the known one that was probably meant.
pub(crate) fn with_suggestion(message: &str) -> String {
    let message = message.lines().collect::<Vec<_>>().join(" ");
    let mut quoted = message.split('`').skip(1).step_by(2);
    let about_a_name = message.starts_with("unknown field") || message.starts_with("unknown variant");
    match (about_a_name, quoted.next()) {
        (true, Some(word)) => match nearest(word, quoted) {
            Some(meant) => format!("{message}; did you mean `{meant}`?"),
            None => message,
        },
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_foreign_one_is_not() {
        let known = ["hidden_layers", "width", "slope", "h"];
        assert_eq!(nearest("wdith", known), Some("width"));
        assert_eq!(nearest("hidden-layer", known), Some("hidden_layers"));
        assert_eq!(nearest("Slope", known), Some("slope"));
        assert_eq!(nearest("temperature", known), None);
        assert_eq!(nearest("x", []), None);
        let message = "unknown field `wdith`, expected one of `hidden_layers`, `width`";
        assert_eq!(with_suggestion(message), format!("{message}; did you mean `width`?"));
        assert_eq!(with_suggestion("invalid type:\nstring `width`"), "invalid type: string `width`");
    }
}
