//! Errors as the user sees them: one line and an exit code.

use std::fmt;

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

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Users(_) => 2,
            Failure::Machine(_) => 1,
            Failure::Stopped(_) => crate::stop::exit_code(),
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

/// Converts errors: those that match a pattern mean that the user stopped the program, and the others tell whose fault they are.
macro_rules! from_errors {
    ($($error:ty $([$stopped:pat])?;)+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                match error {
                    $($stopped => Failure::Stopped(error.to_string()),)?
                    error if error.is_user_error() => Failure::Users(error.into()),
                    error => Failure::Machine(error.into()),
                }
            }
        })+
    };
}

from_errors! {
    gtn_io::Error;
    gtn_run::Error;
    gtn_report::Error;
    gtn_models::Error;
    gtn_data::Error [gtn_data::Error::Stopped { .. }];
    gtn_data::fetch::Error [gtn_data::fetch::Error::Stopped(_)];
    gtn_train::Error [
        gtn_train::Error::Stopped { .. }
        | gtn_train::Error::Data(gtn_data::Error::Stopped { .. })
        | gtn_train::Error::Metrics(gtn_metrics::Error::Stopped)
    ];
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

impl From<gtn_dist::Error> for Failure {
    fn from(error: gtn_dist::Error) -> Self {
        match error {
            gtn_dist::Error::Match(error) => error.into(),
            gtn_dist::Error::Remote { code: 1, .. } => Failure::Machine(error.into()),
            gtn_dist::Error::Remote { .. } => Failure::Users(error.into()),
            error => Failure::Machine(error.into()),
        }
    }
}

impl From<gtn_label::RowsError> for Failure {
    fn from(error: gtn_label::RowsError) -> Self {
        Failure::Users(error.into())
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
