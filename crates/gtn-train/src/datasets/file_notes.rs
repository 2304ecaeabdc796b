//! What the user should know about files.

use gtn_data::image_set::CacheState;

/// Names in a note.
const SHOWN_NAMES: usize = 20;

/// Files that are not readable, with the reasons.
pub(super) fn unreadable(files: &[(String, String)]) -> Option<String> {
    let names = files.iter().map(|(name, reason)| format!("{name} ({reason})")).collect();
    match files.len() {
        0 => None,
        1 => Some(format!("1 file cannot be read and is skipped: {}", listed(names))),
        count => Some(format!("{count} files cannot be read and are skipped: {}", listed(names))),
    }
}

/// The first names, and how many there are beside them.
pub(super) fn listed(names: Vec<String>) -> String {
    let more = names.len().saturating_sub(SHOWN_NAMES);
    let shown = names.into_iter().take(SHOWN_NAMES).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// Why the cache was recreated, if it was.
pub(super) fn cache_note(cache: &CacheState) -> Option<String> {
    match cache {
        CacheState::Recreated(reason) => Some(format!("recreated the image cache, because the cached file {reason}")),
        _ => None,
    }
}
