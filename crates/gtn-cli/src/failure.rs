//! Errors as the user sees them: one line and an exit code.

use std::fmt;
use std::process::ExitCode;

/// Why the program fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error that the user can fix.
    Users(anyhow::Error),
    /// A failure of the machine.
    Machine(anyhow::Error),
    /// The user stopped the program.
    Stopped(String),
}

impl Failure {
    /// An error that the user can fix.
    pub(crate) fn users(message: impl Into<String>) -> Self {
        Failure::Users(anyhow::Error::msg(message.into()))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Users(_) => ExitCode::from(2),
            Failure::Machine(_) => ExitCode::from(1),
            Failure::Stopped(_) => ExitCode::from(130),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Users(error) | Failure::Machine(error) => write!(f, "error: {error}"),
            Failure::Stopped(message) => f.write_str(message),
        }
    }
}

fn classified(is_user_error: bool, error: anyhow::Error) -> Failure {
    if is_user_error { Failure::Users(error) } else { Failure::Machine(error) }
}

impl From<gtn_train::Error> for Failure {
    fn from(error: gtn_train::Error) -> Self {
        match error {
            gtn_train::Error::Stopped { .. } => Failure::Stopped(error.to_string()),
            gtn_train::Error::Data(error) => error.into(),
            error => classified(error.is_user_error(), error.into()),
        }
    }
}

impl From<gtn_io::Error> for Failure {
    fn from(error: gtn_io::Error) -> Self {
        classified(error.is_user_error(), error.into())
    }
}

impl From<gtn_run::Error> for Failure {
    fn from(error: gtn_run::Error) -> Self {
        classified(error.is_user_error(), error.into())
    }
}

impl From<gtn_report::Error> for Failure {
    fn from(error: gtn_report::Error) -> Self {
        classified(error.is_user_error(), error.into())
    }
}

impl From<gtn_data::Error> for Failure {
    fn from(error: gtn_data::Error) -> Self {
        match error {
            gtn_data::Error::Stopped { .. } => Failure::Stopped(error.to_string()),
            error => classified(error.is_user_error(), error.into()),
        }
    }
}

impl From<gtn_data::fetch::Error> for Failure {
    fn from(error: gtn_data::fetch::Error) -> Self {
        match error {
            gtn_data::fetch::Error::Stopped(_) => Failure::Stopped(error.to_string()),
            error => classified(error.is_user_error(), error.into()),
        }
    }
}

impl From<gtn_metrics::Error> for Failure {
    fn from(error: gtn_metrics::Error) -> Self {
        Failure::Users(error.into())
    }
}

impl From<ndarray::ShapeError> for Failure {
    fn from(error: ndarray::ShapeError) -> Self {
        Failure::Users(error.into())
    }
}

impl From<gtn_models::Error> for Failure {
    fn from(error: gtn_models::Error) -> Self {
        classified(error.is_user_error(), error.into())
    }
}

impl From<gtn_label::MatchError> for Failure {
    fn from(error: gtn_label::MatchError) -> Self {
        match error {
            gtn_label::MatchError::Cancelled { .. } => Failure::Stopped("stopped; nothing was written".to_owned()),
            gtn_label::MatchError::Threads { .. } | gtn_label::MatchError::Proposer { .. } => {
                Failure::Machine(error.into())
            }
            error => Failure::Users(error.into()),
        }
    }
}
