//! Settings that are not written where they have their default.

/// Whether a setting has its default, and need not be written.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
