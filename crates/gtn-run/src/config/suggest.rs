//! Errors of a configuration on one line, with a suggestion.

/// The candidate that is most similar to `word`, if one is similar enough: "did you mean ...?"
#[must_use]
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase());
    // Up to a third of the letters may differ, and at least one.
    let allowed = |candidate: &str| (word.chars().count().max(candidate.chars().count()) / 3).max(1);
    let near = candidates.into_iter().map(|candidate| (distance(candidate), candidate));
    near.filter(|(distance, candidate)| *distance <= allowed(candidate)).min().map(|(_, candidate)| candidate)
}

/// An error in a TOML text, with the number of its line.
pub(crate) fn on_one_line(error: &toml::de::Error, text: &str) -> String {
    let message = with_suggestion(error.message());
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

/// A message of serde on one line. For an unknown name it ends with the most similar known one.
pub(crate) fn with_suggestion(message: &str) -> String {
    let message = message.lines().collect::<Vec<_>>().join(" ");
    let mut quoted = message.split('`').skip(1).step_by(2);
    let about_a_name = message.starts_with("unknown ");
    match (about_a_name, quoted.next()) {
        (true, Some(word)) => match suggest(word, quoted) {
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
    fn the_most_similar_word_is_suggested_and_a_different_one_is_not() {
        let known = ["hidden_layers", "width", "negative_slope", "h"];
        assert_eq!(suggest("wdith", known), Some("width"));
        assert_eq!(suggest("hidden-layer", known), Some("hidden_layers"));
        assert_eq!(suggest("Negative_Slope", known), Some("negative_slope"));
        assert_eq!(suggest("temperature", known), None);
        assert_eq!(suggest("x", []), None);
        let message = "unknown field `wdith`, expected one of `hidden_layers`, `width`";
        assert_eq!(with_suggestion(message), format!("{message}; did you mean `width`?"));
        assert_eq!(with_suggestion("invalid type:\nstring `width`"), "invalid type: string `width`");
    }
}
