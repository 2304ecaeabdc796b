//! Files that operating systems leave beside those of the user.

/// Whether a file or folder of this name belongs to the system and not to the data.
pub(crate) fn is_leftover(name: &str) -> bool {
    const NAMES: [&str; 4] = ["__MACOSX", "Thumbs.db", "desktop.ini", "$RECYCLE.BIN"];
    (name.starts_with('.') && name != ".") || NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::is_leftover;

    #[test]
    fn names_of_systems_are_known_in_any_letter_case() {
        assert!([".DS_Store", "._a.jpg", "__macosx", "THUMBS.DB", "Desktop.ini"].into_iter().all(is_leftover));
        assert!(!["a.jpg", "Thumbs.jpg", "MACOSX", "."].into_iter().any(is_leftover));
    }
}
