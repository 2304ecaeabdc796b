//! What the user should know about files.

/// Names in a note.
const SHOWN_NAMES: usize = 5;

/// Files that are not readable, with the reasons.
pub(super) fn unreadable(files: &[(String, String)]) -> Option<String> {
    let names = files.iter().map(|(name, reason)| format!("{name} ({reason})")).collect();
    (!files.is_empty()).then(|| format!("{} files cannot be read and are skipped: {}", files.len(), listed(names)))
}

/// The first names, and how many there are beside them.
pub(super) fn listed(names: Vec<String>) -> String {
    let more = names.len().saturating_sub(SHOWN_NAMES);
    let shown = names.into_iter().take(SHOWN_NAMES).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
