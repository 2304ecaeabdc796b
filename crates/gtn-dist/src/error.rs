use gtn_label::MatchError;

/// Why work on several processes failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A process ended while others waited for it.
    #[error("process {rank} has ended; see its message, and run the same command again")]
    Lost {
        /// The process.
        rank: usize,
    },
    /// Another process failed.
    #[error("process {rank} failed: {reason}")]
    Remote {
        /// The process.
        rank: usize,
        /// The exit code that it asks for; 0 if it asks for none.
        code: u8,
        /// Its message.
        reason: String,
    },
    /// A message has another format than expected, for example because processes run different versions of the program.
    #[error("process {rank} sent a message that this one does not understand; start the same program everywhere")]
    Message {
        /// The process that sent it.
        rank: usize,
    },
    /// The matching failed in this process.
    #[error(transparent)]
    Match(#[from] MatchError),
}

/// The result of work on several processes.
pub type Result<T, E = Error> = std::result::Result<T, E>;
