use std::time::Duration;

/// Timeouts and retries of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long connecting to a server may take, and how long it may send nothing.
    pub timeout: Duration,
    /// Number of consecutive transient failures (a cut connection, a timeout, HTTP status 5xx) after which a mirror is
    /// given up. The count restarts when a request has returned a substantial part of the file. At least one attempt is
    /// made.
    pub max_attempts: u32,
    /// Delay before the second attempt; it doubles with each further attempt.
    pub retry_delay: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(20), max_attempts: 4, retry_delay: Duration::from_secs(1) }
    }
}
