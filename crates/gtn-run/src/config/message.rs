//! Errors of a configuration on one line, with a suggestion.

use gtn_io::suggest;

/// An error in a TOML text, with the number of its line.
pub(crate) fn on_one_line(error: &toml::de::Error, text: &str) -> String {
    let message = with_suggestion(error.message());
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

/// A message of serde on one line. For an unknown field it ends with the most similar known one; that of an
/// [`UnknownName`](gtn_io::UnknownName) has a suggestion already.
pub(crate) fn with_suggestion(message: &str) -> String {
    let mut message = message.lines().collect::<Vec<_>>().join(" ");
    // Somebody looks for a data set of their own.
    if message.starts_with("unknown variant") && message.contains("`swiss-roll`") {
        message.push_str("; `gtn fit --images FOLDER` trains on images of your own");
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let wants_suggestion = message.starts_with("unknown ") && !message.contains("did you mean");
    match (wants_suggestion, quoted.next()) {
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
    fn a_suggestion_is_added_once() {
        let message = "unknown field `wdith`, expected one of `hidden_layers`, `width`";
        assert_eq!(with_suggestion(message), format!("{message}; did you mean `width`?"));
        assert_eq!(with_suggestion("invalid type:\nstring `width`"), "invalid type: string `width`");
        let unknown = gtn_io::UnknownName::new("protocol", "papr", ["paper", "repo"]).to_string();
        assert!(unknown.contains("did you mean `paper`?"), "{unknown}");
        assert_eq!(with_suggestion(&unknown), unknown);
    }
}
