//! An error with the exit code that the command ends with.

use ioi_node_supervisor::{HomeError, MissingBinary, RunError};
use ioi_types::{ErrorCode, exit};
use std::fmt;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: u8,
    pub(crate) name: String,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: u8, name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { exit, name: name.into(), message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(exit::USAGE, "usage", message)
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(exit::UNAVAILABLE, "unavailable", message)
    }
}

/// The exit code of a failure that crossed a process.
pub(crate) const fn exit_of(code: ErrorCode) -> u8 {
    match code {
        ErrorCode::PolicyDenied
        | ErrorCode::PolicyAsk
        | ErrorCode::PathOutside
        | ErrorCode::AddressRefused => exit::REFUSED,
        ErrorCode::ArgumentInvalid
        | ErrorCode::PathKind
        | ErrorCode::PathMissing
        | ErrorCode::PathUnreadable => exit::USAGE,
        ErrorCode::SliceDigest | ErrorCode::SliceRange | ErrorCode::RegionInvalid => exit::CORRUPT,
        ErrorCode::NotExecutable => exit::RUN_NOT_EXECUTABLE,
        ErrorCode::Internal => exit::INTERNAL,
        _ => exit::UNAVAILABLE,
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let (exit, name) = match &error {
            RunError::Failed { code, .. } => (exit_of(*code), code.name()),
            RunError::Root(refused) => (exit_of(refused.code), refused.code.name()),
            RunError::Home(_) => (exit::USAGE, "home"),
            RunError::Gone { .. }
            | RunError::Silent { .. }
            | RunError::Cell { .. }
            | RunError::Faulty { .. } => (exit::UNAVAILABLE, ErrorCode::NodeGone.name()),
            RunError::Spawn { .. } => (exit::UNAVAILABLE, ErrorCode::SandboxUnavailable.name()),
            _ => (exit::UNAVAILABLE, "unavailable"),
        };
        Self::new(exit, name, error.to_string())
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        Self::new(exit::USAGE, "home", error.to_string())
    }
}

impl From<MissingBinary> for Failure {
    fn from(error: MissingBinary) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
