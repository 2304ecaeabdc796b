//! How much memory the system grants, so that what cannot fit is refused before it is begun.

use std::path::{Path, PathBuf};

use gtn_models::DeviceName;
use gtn_run::Config;

use crate::failure::Failure;

/// Refuses work that holds at least so many bytes of f32 values if the system grants fewer. `what` begins the sentence, as in
/// `1000 samples`; `advice` ends it.
///
/// # Errors
///
/// A message with both numbers.
pub(crate) fn require(values: usize, what: &str, advice: &str) -> Result<(), Failure> {
    let bytes = (values as u64).saturating_mul(size_of::<f32>() as u64);
    match granted() {
        Some(granted) if bytes > granted => Err(Failure::users(format!(
            "{what} need at least {} of memory, and the system grants {}; {advice}",
            in_units(bytes),
            in_units(granted)
        ))),
        _ => Ok(()),
    }
}

/// Refuses training on a CPU whose networks alone hold more than the system grants. `networks` begins the sentence.
///
/// # Errors
///
/// As [`require`].
pub(crate) fn require_for_training(config: &Config, device: DeviceName, networks: &str) -> Result<(), Failure> {
    let auto_is_cpu = cfg!(not(feature = "cuda"));
    let on_cpu = device == DeviceName::Cpu || (auto_is_cpu && device == DeviceName::Auto);
    if !on_cpu {
        return Ok(());
    }
    let advice = "train smaller networks, with fewer latents (--dim) or a smaller width";
    require(gtn_train::least_training_values(config), networks, advice)
}

/// A number of bytes for people.
pub(crate) fn in_units(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 1e9 => format!("{:.0} MB", bytes / 1e6),
        bytes => format!("{:.1} GB", bytes / 1e9),
    }
}

/// The smallest of the limits: free memory, and the limits of the container and of the process. `None` where the system does not tell.
pub(crate) fn granted() -> Option<u64> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let proc = |name: &str| read(&Path::new("/proc").join(name)).unwrap_or_default();
    let memory = proc("meminfo");
    let free = in_kib(&memory, "MemAvailable:");
    let free = free.map(|free| free.saturating_add(in_kib(&memory, "SwapFree:").unwrap_or(0)));
    let (limits, status) = (proc("self/limits"), proc("self/status"));
    let of_process = address_space(&limits, &status);
    let of_container = container_folders(&proc("self/cgroup")).into_iter().filter_map(|folder| {
        let number = |name: &str| read(&folder.join(name))?.trim().parse::<u64>().ok();
        let limit = number("memory.max").or_else(|| number("memory.limit_in_bytes"))?;
        let used = number("memory.current").or_else(|| number("memory.usage_in_bytes"))?;
        Some(limit.saturating_sub(used))
    });
    [free, of_process].into_iter().flatten().chain(of_container).min()
}

/// A line such as `MemAvailable:   16 kB`, in bytes.
fn in_kib(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What the limit of the process's address space (`ulimit -v`) leaves.
fn address_space(limits: &str, status: &str) -> Option<u64> {
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let limit = limit.split_whitespace().next()?.parse::<u64>().ok()?;
    Some(limit.saturating_sub(in_kib(status, "VmSize:").unwrap_or(0)))
}

/// Where the limits of the process's control groups may be, by the text of `/proc/self/cgroup`.
fn container_folders(groups: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let mut folders = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let hierarchy = match controllers {
            "" => root.to_path_buf(),
            _ if controllers.split(',').any(|name| name == "memory") => root.join("memory"),
            _ => continue,
        };
        // Within a container, its own group is the root.
        folders.extend([hierarchy.join(path.trim_start_matches('/')), hierarchy]);
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_from_the_systems_texts() {
        assert_eq!(in_kib("MemTotal: 9 kB\nMemAvailable:    2048 kB\n", "MemAvailable:"), Some(2 << 20));
        let limits = "Limit   Soft Limit   Hard Limit   Units\nMax address space         5000000   unlimited   bytes\n";
        assert_eq!(address_space(limits, "VmSize:\t1000 kB\n"), Some(5_000_000 - 1_024_000));
        assert_eq!(address_space("Max address space   unlimited   unlimited   bytes", ""), None);
        let folders = container_folders("4:memory:/a/b\n3:cpuset:/\n0::/\n");
        let expected = ["memory/a/b", "memory", "", ""].map(|folder| Path::new("/sys/fs/cgroup").join(folder));
        assert_eq!(folders, expected);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_no_machine_has_is_refused_with_both_numbers() {
        assert!(require(1, "one value", "draw fewer").is_ok());
        let message = require(usize::MAX >> 3, "so many", "draw fewer").unwrap_err().to_string();
        assert!(
            message.contains("so many need at least 9223372036.9 GB of memory, and the system grants "),
            "{message}"
        );
        assert!(message.ends_with("; draw fewer"), "{message}");
    }
}
