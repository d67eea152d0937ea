//! An error with the exit code that the command ends with.

use ioi_node_supervisor::{HomeError, MissingBinary, RunError};
use ioi_types::{ErrorCode, exit};
use rustix::io::Errno;
use std::fmt;
use std::io;
use std::path::Path;

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

    /// Says what to do where this came of a full disk under the data folder. The node's processes have its
    /// folders by descriptor alone and can't name them; one that can't even begin leaves only its last words.
    pub(crate) fn with_remedy_for_disk(mut self, data: &Path) -> Self {
        let full = [Errno::NOSPC, Errno::DQUOT].map(|errno| io::Error::from(errno).to_string());
        let is_full =
            self.name == ErrorCode::DiskFull.name() || full.iter().any(|words| self.message.contains(words));
        // What the supervisor says of a folder has its remedy already.
        if is_full && self.name != HOME {
            self.name = ErrorCode::DiskFull.name().into();
            self.message.push_str(&format!(
                "\nIOI keeps keys, logs and receipts in {}: free some room on that disk, or set IOI_HOME to a folder \
                 on another one.",
                data.display()
            ));
        }
        self
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

/// The name of a failure of the folders where IOI keeps things.
const HOME: &str = "home";

/// A folder that can't be used is a matter of configuration, and a full disk is not.
fn exit_of_home(error: &HomeError) -> u8 {
    if error.is_full() { exit::UNAVAILABLE } else { exit::USAGE }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let (exit, name) = match &error {
            RunError::Failed { code, .. } => (exit_of(*code), code.name()),
            RunError::Root(refused) => (exit_of(refused.code), refused.code.name()),
            RunError::Home(error) => (exit_of_home(error), HOME),
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
        Self::new(exit_of_home(&error), HOME, error.to_string())
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
