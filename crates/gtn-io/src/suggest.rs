/// The candidate that is most similar to `word`, if one is similar enough: "did you mean ...?"
#[must_use]
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase());
    // Up to a third of the letters may differ, and at least one.
    let allowed = |candidate: &str| (word.chars().count().max(candidate.chars().count()) / 3).max(1);
    let near = candidates.into_iter().map(|candidate| (distance(candidate), candidate));
    near.filter(|(distance, candidate)| *distance <= allowed(candidate)).min().map(|(_, candidate)| candidate)
}

/// A name that is not among the known ones. Its message lists them, and suggests the nearest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`{}; expected one of `{}`", self.suggestion(), known.join("`, `"))]
pub struct UnknownName {
    /// What the name should have been.
    what: &'static str,
    name: String,
    known: Vec<String>,
}

impl UnknownName {
    /// The error for `name`, which should have been a `what`, one of `known`.
    pub fn new(
        what: &'static str,
        name: impl Into<String>,
        known: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self { what, name: name.into(), known: known.into_iter().map(Into::into).collect() }
    }

    fn suggestion(&self) -> String {
        let near = suggest(&self.name, self.known.iter().map(String::as_str));
        near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default()
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
        let attributes = ["Smiling", "Male", "Eyeglasses", "Wearing_Hat"];
        assert_eq!(suggest("smilling", attributes), Some("Smiling"));
        assert_eq!(suggest("wearing hat", attributes), Some("Wearing_Hat"));
    }

    #[test]
    fn the_message_lists_the_known_names() {
        let message = UnknownName::new("color", "x", ["red", "green"]).to_string();
        assert_eq!(message, "unknown color `x`; expected one of `red`, `green`");
    }
}
