use std::path::PathBuf;

/// The folder for files that this program can create again: `$XDG_CACHE_HOME/gtn`, or `~/.cache/gtn` if the variable is not
/// set. Without a home folder, it is in the folder for temporary files.
#[must_use]
pub fn cache_dir() -> PathBuf {
    let of_user = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let of_home = || Some(given(std::env::home_dir())?.join(".cache"));
    given(of_user).or_else(of_home).unwrap_or_else(std::env::temp_dir).join("gtn")
}

/// An empty path counts as none.
fn given(path: Option<PathBuf>) -> Option<PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty())
}
