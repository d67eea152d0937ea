//! Why a session ends early: a stable code and one plain sentence.

use ioi_ipc::status;
use ioi_ipc::tonic::Status;
use ioi_types::ErrorCode;
use std::fmt;

/// A failure that ends the session, or a call's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    /// A record that does not fit the chain: a fault of ours.
    pub(crate) fn chain(error: impl fmt::Display) -> Self {
        Self::internal(format!("the audit record was refused: {error}"))
    }

    /// The guardian refused, or is gone.
    pub(crate) fn guardian(status: &Status) -> Self {
        match status::code(status) {
            ErrorCode::Internal => {
                Self::new(ErrorCode::GuardianGone, format!("the guardian is gone: {}", status.message()))
            }
            code => Self::new(code, status.message()),
        }
    }

    /// Another process of the node refused, or is gone.
    pub(crate) fn node(name: &str, status: &Status) -> Self {
        match status::code(status) {
            ErrorCode::Internal => {
                Self::new(ErrorCode::NodeGone, format!("the {name} did not answer: {}", status.message()))
            }
            code => Self::new(code, status.message()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Failure {}
